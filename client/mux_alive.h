/*
 * mux_alive.h - whether the server is still there: after some silence it is
 * asked, and when it has not answered a number of times it is gone.
 */
#ifndef AUTHPLUG_CLIENT_MUX_ALIVE_H
#define AUTHPLUG_CLIENT_MUX_ALIVE_H

#include "client/mux_spare.h"

struct mux_alive {
    struct mux_hub *hub;
    long interval_ms; /* 0: nobody asks */
    unsigned most;    /* how often it may leave us without an answer */
    unsigned asked;   /* since it was heard last */
    uint64_t heard;   /* packets that had come by then */
    struct timespec at; /* when it was heard, or asked */
};

void mux_alive_begin(struct mux_alive *alive, struct mux_hub *hub,
                     long interval_ms, unsigned most);

/* Asks if it is time to. False when the server is gone. */
bool mux_alive_step(struct mux_alive *alive);

/* For how many milliseconds there is nothing to do; -1 for ever. */
long mux_alive_patience(const struct mux_alive *alive);

#endif
