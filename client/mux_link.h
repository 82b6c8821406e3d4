/*
 * mux_link.h - one forwarded connection: a channel of libssh on one side, a
 * socket or a client's standard input and output on the other (a mux_pipe),
 * and what brings the two together.
 *
 * Its owner calls, over and over: _poll before poll(), _ready after it, libssh
 * for what the server sent, _step, and then looks at the state.
 */
#ifndef AUTHPLUG_CLIENT_MUX_LINK_H
#define AUTHPLUG_CLIENT_MUX_LINK_H

#include "client/mux_pipe.h"
#include "client/mux_proto.h"

/* How many entries of poll() a link may need. */
#define MUX_LINK_POLLS MUX_PIPE_POLLS

/* For how long a client of a dynamic forward may take to say what it wants. */
#define MUX_SOCKS_MS 30000

/* Where a connection goes to: a host and its port, or a path. */
struct mux_target {
    const char *name; /* NULL: the other end asks for it, by SOCKS */
    uint32_t port;    /* or MUX_PORT_PATH */
};

enum mux_link_state {
    MUX_LINK_OPENING, /* the two sides are not joined yet */
    MUX_LINK_UP,      /* they are */
    MUX_LINK_REFUSED, /* the server refused; all is closed */
    MUX_LINK_ENDED    /* over; all is closed */
};

struct mux_link;

/*
 * From this side to the server's, for a client that passed standard input and
 * output, which become the link's, also when it fails; for a connected socket
 * the same. From the server's side to this one, for a channel that was
 * accepted. The target is copied. NULL when out of memory. Nothing was sent
 * yet.
 */
struct mux_link *mux_link_stdio(struct mux_hub *hub,
                                const struct mux_target *target,
                                const int fds[2]);
struct mux_link *mux_link_accepted(struct mux_hub *hub,
                                   const struct mux_target *target, int sock);
struct mux_link *mux_link_incoming(struct mux_hub *hub,
                                   const struct mux_target *target,
                                   ssh_channel channel);

/*
 * Forgets the link. Before it is over, this is right only when the whole
 * connection is about to end: see mux_link_abandon.
 */
void mux_link_free(struct mux_link **link);

/*
 * Nobody wants it any more: closes its descriptors and, once the server has
 * answered the request for it, the channel. Step it until it is over.
 */
void mux_link_abandon(struct mux_link *link);

/* Fills in what to wait for; gives the number of entries used. */
size_t mux_link_poll(struct mux_link *link,
                     struct pollfd polls[MUX_LINK_POLLS]);

/* Notes what poll() said of the same entries. */
void mux_link_ready(struct mux_link *link,
                    const struct pollfd polls[MUX_LINK_POLLS]);

/* Goes as far as it goes without waiting. May let libssh take packets in. */
void mux_link_step(struct mux_link *link);

enum mux_link_state mux_link_state(const struct mux_link *link);

/* Why it was refused, as one line. */
const char *mux_link_reason(const struct mux_link *link);

/* Whether time alone may move it. */
bool mux_link_has_clock(const struct mux_link *link);

#endif
