/*
 * mux_fd.h - descriptors that a client passed, and sockets of ours: read and
 * written without ever blocking, whatever they are and whoever else has them.
 */
#ifndef AUTHPLUG_CLIENT_MUX_FD_H
#define AUTHPLUG_CLIENT_MUX_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * The file description behind a passed descriptor is shared with the client
 * and whoever started it, so O_NONBLOCK is never set on it. How to use it
 * without blocking then depends on what it is.
 */
enum mux_fd_kind {
    MUX_FD_DIRECT, /* never blocks, or a description of our own that does not */
    MUX_FD_SOCKET, /* MSG_DONTWAIT */
    MUX_FD_CAUTIOUS /* poll first, and take small bites */
};

/* What closing does. */
enum mux_fd_part {
    MUX_FD_WHOLE,   /* closes the descriptor */
    MUX_FD_READING, /* nothing: the socket is its owner's */
    MUX_FD_WRITING  /* tells the other side that no more will come */
};

struct mux_fd {
    int fd; /* -1 when closed */
    enum mux_fd_kind kind;
    enum mux_fd_part part;
};

/* Takes a passed descriptor over. */
struct mux_fd mux_fd_adopt(int fd);

/* One direction of a connected socket, which stays the caller's to close. */
struct mux_fd mux_fd_of_socket(int sock, enum mux_fd_part part);

void mux_fd_close(struct mux_fd *end);

/* Bytes read; 0 at the end, also an unhappy one; -1 when it would block. */
ssize_t mux_fd_read(const struct mux_fd *end, void *data, size_t size);

/* Bytes written; 0 when it would block; -1 when nobody reads any more. */
ssize_t mux_fd_write(const struct mux_fd *end, const void *data, size_t len);

/*
 * Standard output or standard error.
 * Blocked without a descriptor, it waits for its owner to give it one.
 *
 * After a stall, what libssh keeps is taken over as a whole into the hold, and
 * again only when the hold is empty: ssh_channel_read opens the window again
 * whatever else it still keeps, so reading in small pieces for a slow reader
 * would let the server fill the memory.
 */
struct mux_sink {
    struct mux_fd end;
    int is_stderr;  /* as libssh wants it */
    bool blocked;   /* it took no more; wait for POLLOUT */
    int polled;     /* its place among the polls; -1 if none */
    size_t backlog; /* bytes that libssh keeps for it */
    unsigned char *hold;
    size_t hold_size;
    size_t hold_at;
    size_t hold_len;
};

bool mux_sink_is_empty(const struct mux_sink *sink);

void mux_sink_close(struct mux_sink *sink);

/* Writes until done or blocked; false when the reader has gone. */
bool mux_sink_write(struct mux_sink *sink, const unsigned char *data,
                    size_t len, size_t *taken);

#endif
