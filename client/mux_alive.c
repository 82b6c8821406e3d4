/* Whether the server is still there. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "client/mux_alive.h"

void
mux_alive_begin(struct mux_alive *alive, struct mux_hub *hub, long interval_ms,
                unsigned most)
{
    *alive = (struct mux_alive){.hub = hub,
                                .interval_ms = interval_ms,
                                .most = most,
                                .heard = hub->packets.in_packets};
    clock_gettime(CLOCK_MONOTONIC, &alive->at);
}

bool
mux_alive_step(struct mux_alive *alive)
{
    struct mux_hub *hub = alive->hub;

    /* what is not taken in while others stall says nothing about the server */
    if (hub->packets.in_packets != alive->heard || hub->paused) {
        alive->heard = hub->packets.in_packets;
        alive->asked = 0;
        clock_gettime(CLOCK_MONOTONIC, &alive->at);
    }
    if (alive->interval_ms == 0 ||
        mux_elapsed_ms(&alive->at) < alive->interval_ms)
        return true;
    if (alive->asked++ >= alive->most) {
        mux_debug(hub, "the server does not answer");
        return false;
    }
    mux_spare_ask(hub->spare, hub);
    clock_gettime(CLOCK_MONOTONIC, &alive->at);
    return true;
}

long
mux_alive_patience(const struct mux_alive *alive)
{
    long left;

    if (alive->interval_ms == 0)
        return -1;
    left = alive->interval_ms - mux_elapsed_ms(&alive->at);
    return left > 0 ? left : 0;
}
