/*
 * mux_dial.h - connecting to a host or a UNIX socket of this side, without
 * waiting for it.
 */
#ifndef AUTHPLUG_CLIENT_MUX_DIAL_H
#define AUTHPLUG_CLIENT_MUX_DIAL_H

#include "client/mux_lookup.h"

#include <poll.h>
#include <time.h>

/* For how long it may take in all, in milliseconds. */
#define MUX_DIAL_MS 30000

struct mux_dial {
    struct timespec since;
    struct mux_lookup lookup;
    struct mux_addresses found;
    size_t next; /* the address that is tried next */
    int sock;    /* of the one that is being tried, or -1 */
    int error;   /* errno of the last attempt */
};

/* A connection to a UNIX socket, which takes no time; -1 and errno. */
int mux_dial_path(const char *path);

/* Starts. */
void mux_dial_start(struct mux_dial *dial, const char *host, uint16_t port);

/*
 * Goes as far as it goes: 1 when connected, and *sock is the caller's; 0 when
 * it is to be tried again, after poll() or a while; -1 when there is no hope,
 * and dial->error says why.
 */
int mux_dial_step(struct mux_dial *dial, int *sock);

/* What to wait for. */
struct pollfd mux_dial_poll(const struct mux_dial *dial);

/* Gives everything back; may be called again. */
void mux_dial_stop(struct mux_dial *dial);

#endif
