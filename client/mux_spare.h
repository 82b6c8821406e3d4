/*
 * mux_spare.h - a channel that is opened before somebody wants a session, so
 * that the session begins one round trip sooner. There is one at most, and only
 * while no session is there: servers may allow few.
 */
#ifndef AUTHPLUG_CLIENT_MUX_SPARE_H
#define AUTHPLUG_CLIENT_MUX_SPARE_H

#include "client/mux_hub.h"

#include <stdint.h>

struct mux_spare {
    ssh_channel channel; /* open, or on its way; NULL when there is none */
    uint64_t seen;       /* packets that had come when the server was asked */
    bool settled;        /* the server has answered */
    bool refused;        /* it wants no more; until a session has ended */
    bool asking;         /* mux_spare_ask() has no answer yet */
};

/* Opens one where it is wanted, and lets go of one that the server closed. */
void mux_spare_step(struct mux_spare *spare, struct mux_hub *hub, bool wanted);

/* The channel, the caller's from here on; NULL when there is none. It may still
 * be opening. */
ssh_channel mux_spare_take(struct mux_spare *spare, struct mux_hub *hub);

/*
 * Has the server say something, whatever it is: opens a channel, or asks for a
 * variable in the one that is there. A global request would be the usual way,
 * but of that libssh does not tell when it was answered, and takes the answer
 * for that of the next one.
 */
void mux_spare_ask(struct mux_spare *spare, struct mux_hub *hub);

/* A session has ended: the server may have room again. */
void mux_spare_again(struct mux_spare *spare);

void mux_spare_end(struct mux_spare *spare);

#endif
