/*
 * mux_pipe.h - copies between a channel of libssh and descriptors: what
 * sessions and forwarded connections have in common.
 *
 * A pipe never blocks. Output goes from libssh's buffer straight to the
 * descriptor, from inside libssh's data callback. When the descriptor takes no
 * more, the data stays in libssh's buffer, and the channel's window, which is
 * not opened any more, stops the server. Input is read when the channel's
 * window has room and nothing waits to be sent.
 */
#ifndef AUTHPLUG_CLIENT_MUX_PIPE_H
#define AUTHPLUG_CLIENT_MUX_PIPE_H

#include "client/mux_fd.h"
#include "client/mux_hub.h"

#include <poll.h>
#include <stdint.h>

/* How many entries of poll() a pipe may need. */
#define MUX_PIPE_POLLS 3

/*
 * The most that a stalled descriptor may leave in libssh's memory before the
 * whole connection waits for it. The window alone keeps it near 1.3 MB, but
 * for one case: libssh opens the window by what is left of the stream that
 * data came in on, so a command whose standard output is stalled and which
 * goes on writing to standard error has its window opened again and again.
 */
#define MUX_BACKLOG_MAX ((size_t)64 << 20)

/*
 * The same for a forwarded connection, which has no such case: a server that
 * passes this does not keep to the window, and the connection ends.
 */
#define MUX_FORWARD_BACKLOG_MAX ((size_t)4 << 20)

struct mux_pipe {
    struct mux_hub *hub;
    ssh_channel channel; /* NULL before mux_pipe_attach */
    struct ssh_channel_callbacks_struct callbacks;

    struct mux_fd in;    /* to the channel */
    struct mux_sink out; /* from the channel */
    struct mux_sink err; /* and its standard error */

    /* Set by the owner. */
    bool started; /* input is to be read */
    bool forward; /* no command at the other end: see mux_pipe_step */
    /* May be NULL: gets the input instead of mux_pipe_send. */
    void (*typed)(struct mux_pipe *pipe, const unsigned char *data, size_t len);
    void *user; /* for typed */

    bool exited; /* there is an exit status */
    uint32_t exit_status;
    bool remote_eof;    /* no output will come any more */
    bool remote_closed; /* nothing will */
    bool eof_sent;
    bool cut; /* to be ended, whatever the server has to say */

    int polled;          /* the input's place among the polls; -1 if none */
    bool readable;       /* poll() says so of the input */
    unsigned char *held; /* input that the channel did not take, or NULL */
    size_t held_at;
    size_t held_len;
    uint64_t seen;           /* how many packets had arrived at that time */
    struct timespec took_at; /* when a reader last stopped or took something */
    bool broken;             /* the reader of the output has gone, ... */
    struct timespec broken_at; /* ... then */
};

/* A pipe without a channel and without descriptors; the rest is zero. */
void mux_pipe_init(struct mux_pipe *pipe, struct mux_hub *hub);

/*
 * Takes the channel over. What comes in from now on goes to out and err, or is
 * dropped where one has no descriptor and is not marked as blocked. False when
 * out of memory; the channel is the pipe's anyhow.
 */
bool mux_pipe_attach(struct mux_pipe *pipe, ssh_channel channel);

/* Lets go of a channel that the server has refused. */
void mux_pipe_detach(struct mux_pipe *pipe);

/* Closes the descriptors. */
void mux_pipe_close_ends(struct mux_pipe *pipe);

/* Tells the server that it is over. */
void mux_pipe_close_channel(struct mux_pipe *pipe);

/* Closes the descriptors and gives the channel and all memory back. */
void mux_pipe_release(struct mux_pipe *pipe);

/* Input for the channel, which has room for it: see mux_pipe_room. */
void mux_pipe_send(struct mux_pipe *pipe, const unsigned char *data,
                   size_t len);

/* How much input the channel has room for now; 0 while anything waits. */
size_t mux_pipe_room(const struct mux_pipe *pipe);

/*
 * Looks at output that waits because out is marked as blocked; NULL when there
 * is none. mux_pipe_skip then takes len bytes of it away.
 */
const unsigned char *mux_pipe_look(struct mux_pipe *pipe, size_t *len);
void mux_pipe_skip(struct mux_pipe *pipe, size_t len);

/*
 * Goes as far as it goes without waiting. May let libssh take packets in.
 * False when it is over: after the server has closed the channel; and for a
 * forward also after both ends said that they have nothing more to say, or
 * when nobody reads its output any more.
 */
bool mux_pipe_step(struct mux_pipe *pipe);

/* Fills in what to wait for; gives the number of entries used. */
size_t mux_pipe_poll(struct mux_pipe *pipe,
                     struct pollfd polls[MUX_PIPE_POLLS]);

/* Notes what poll() said of the same entries. */
void mux_pipe_ready(struct mux_pipe *pipe,
                    const struct pollfd polls[MUX_PIPE_POLLS]);

/*
 * For how many milliseconds its reader has taken nothing, while its backlog is
 * over MUX_BACKLOG_MAX; -1 while it is not.
 */
long mux_pipe_flooded_ms(const struct mux_pipe *pipe);

#endif
