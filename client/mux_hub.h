/*
 * mux_hub.h - what all channels of a multiplexed connection share. Owned by
 * mux.c.
 */
#ifndef AUTHPLUG_CLIENT_MUX_HUB_H
#define AUTHPLUG_CLIENT_MUX_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include <libssh/libssh.h>
#include <libssh/callbacks.h>

/* How much input is read at once. */
#define MUX_SCRATCH ((size_t)256 << 10)

struct mux_spare;

struct mux_hub {
    ssh_session ssh;
    /*
     * Counts every packet that libssh takes in. Any call into libssh may take
     * some, for any channel; this is how we notice.
     */
    struct ssh_counter_struct packets;
    unsigned char *scratch; /* of MUX_SCRATCH bytes, for whoever runs */
    bool paused;            /* a backlog is over its limit */
    bool no_fds; /* accept() failed; not again before something changes */
    /*
     * Whose global request is on its way, NULL if nobody's: libssh has room
     * for one, and takes the answer to it for the answer to any other. So
     * ssh_send_keepalive, which does not tell whether it was answered, must
     * not be used beside mux_remote.
     */
    const void *asking;
    struct mux_spare *spare; /* a channel for the next session */
    const char *agent;    /* the agent's socket, or NULL */
    unsigned agent_users; /* sessions that asked for it */
    const char *lost;     /* what is said when the connection is, or NULL */
    void (*debug)(void *user, const char *text); /* may be NULL */
    void *user;
};

/* Milliseconds since then, by the monotonic clock. */
long mux_elapsed_ms(const struct timespec *since);

/* Formats a line for the debug callback; nothing happens without one. */
void mux_debug(const struct mux_hub *hub, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What libssh said last, without its own words in front. */
const char *mux_ssh_error(const struct mux_hub *hub);

#endif
