/*
 * mux_forward.h - the forwards of a multiplexed connection: what listens here
 * or at the server, and the connections that come of it.
 *
 * Its owner (mux.c) calls, over and over: _poll before poll(), _ready after
 * it, libssh for what the server sent, _step.
 */
#ifndef AUTHPLUG_CLIENT_MUX_FORWARD_H
#define AUTHPLUG_CLIENT_MUX_FORWARD_H

#include "client/mux_bind.h"
#include "client/mux_links.h"
#include "client/mux_proto.h"

#include <libssh/libssh.h>

/* The most forwards at a time; a further one is refused. */
#define MUX_FORWARDS_MAX 64

/* How many entries of poll() they all may need. */
#define MUX_FORWARDS_POLLS                                                     \
    ((size_t)MUX_FORWARDS_MAX * MUX_ADDRESSES_MAX + MUX_LINKS_POLLS + 1)

/* For how long the server may take to answer a request, in milliseconds. */
#define MUX_FORWARD_MS 30000

/* What a client is to be told. */
struct mux_forward_reply {
    enum {
        MUX_FORWARD_LATER, /* nothing yet: ask again */
        MUX_FORWARD_OK,
        MUX_FORWARD_PORT, /* the server has chosen a port */
        MUX_FORWARD_REFUSED
    } kind;
    uint32_t port;
    char reason[200]; /* where it was refused */
};

struct mux_forwards;

/* NULL when out of memory. */
struct mux_forwards *mux_forwards_new(struct mux_hub *hub);

/* Ends all forwards and all connections; says nothing to the server. */
void mux_forwards_free(struct mux_forwards **forwards);

/*
 * Carries out OPEN_FWD and CLOSE_FWD, as OpenSSH's master does: what there is
 * already is opened once, and what there is not cannot be closed. Connections
 * that a forward has made outlive it. For LATER, call it again with the same
 * request after each _step. `asker` is any pointer that is the client's own.
 */
void mux_forwards_handle(struct mux_forwards *forwards, const void *asker,
                         const struct mux_request *request,
                         struct mux_forward_reply *reply);

/* The client has gone: nobody asks again. What it asked for is still done. */
void mux_forwards_forget(struct mux_forwards *forwards, const void *asker);

/*
 * NEW_STDIO_FWD. The descriptors become the link's, also when it fails: NULL
 * and why. The link is the caller's to let go, see mux_links_let_go.
 */
struct mux_link *mux_forwards_stdio(struct mux_forwards *forwards,
                                    const struct mux_stdio_fwd *request,
                                    const int fds[2], const char **why);

struct mux_links *mux_forwards_links(struct mux_forwards *forwards);

/*
 * The server opens a channel. Takes it if somebody has asked for such
 * channels; false when it is to be denied. For use inside libssh's callback.
 */
bool mux_forwards_take(struct mux_forwards *forwards, ssh_message message);

size_t mux_forwards_poll(struct mux_forwards *forwards, struct pollfd *polls);
void mux_forwards_ready(struct mux_forwards *forwards,
                        const struct pollfd *polls);
void mux_forwards_step(struct mux_forwards *forwards, size_t turn);

/* Whether a job waits for its first step, or for nobody: then do not sleep. */
bool mux_forwards_have_news(const struct mux_forwards *forwards);

/* Whether time alone may move something. */
bool mux_forwards_have_clock(const struct mux_forwards *forwards);

#endif
