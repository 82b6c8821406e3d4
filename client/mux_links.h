/*
 * mux_links.h - all forwarded connections: a bounded set, each with its turn.
 */
#ifndef AUTHPLUG_CLIENT_MUX_LINKS_H
#define AUTHPLUG_CLIENT_MUX_LINKS_H

#include "client/mux_link.h"

/* The most at a time; a further one is turned away. */
#define MUX_LINKS_MAX 256

#define MUX_LINKS_POLLS ((size_t)MUX_LINKS_MAX * MUX_LINK_POLLS)

struct mux_links {
    size_t count;
    struct {
        struct mux_link *link;
        bool owned;    /* by a client, who looks at how it ends */
        size_t polled; /* its first place among the polls */
        size_t polls;  /* and how many it has */
    } all[MUX_LINKS_MAX];
};

bool mux_links_full(const struct mux_links *links);

/*
 * Adds a link to a set that is not full; NULL is passed over. It is freed when
 * it is over; an owned one not before its owner has let it go. May be called
 * from within libssh.
 */
void mux_links_add(struct mux_links *links, struct mux_link *link, bool owned);

/* The owner has gone, or has seen enough: what goes on is given up. */
void mux_links_let_go(struct mux_links *links, struct mux_link *link);

/* As for one link. Whose turn is first goes round. */
size_t mux_links_poll(struct mux_links *links, struct pollfd *polls);
void mux_links_ready(struct mux_links *links, const struct pollfd *polls);
void mux_links_step(struct mux_links *links, size_t turn);

/* Frees those that are over. */
void mux_links_sweep(struct mux_links *links);

/* Whether time alone may move one of them. */
bool mux_links_have_clock(const struct mux_links *links);

/* Gives up all of them. */
void mux_links_end(struct mux_links *links);

#endif
