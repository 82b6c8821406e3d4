/* Whether the server is still there. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "client/mux_alive.h"

#include <libssh/server.h> /* ssh_send_keepalive, which is for clients too */
#include <string.h>

/* For how long an answer may be on its way while other packets come, and how
 * often it is looked for among them. */
#define SETTLE_MS 2000
#define LOOKS_MOST 3

void
mux_alive_begin(struct mux_alive *alive, const struct mux_hub *hub,
                long interval_ms, unsigned most)
{
    *alive = (struct mux_alive){.interval_ms = interval_ms,
                                .most = most,
                                .heard = hub->packets.in_packets};
    clock_gettime(CLOCK_MONOTONIC, &alive->at);
}

/*
 * A second call takes the answer to the first, if it is there: only then may
 * somebody else make a global request. Whether it was there is told by the
 * error that a refusal leaves, which is what servers answer with.
 */
static bool
is_answered(const struct mux_hub *hub)
{
    static const char refused[] = "Global request keepalive@openssh.com";

    (void)ssh_options_set(hub->ssh, (enum ssh_options_e)-1, ""); /* no error */
    (void)ssh_send_keepalive(hub->ssh);
    return strncmp(ssh_get_error(hub->ssh), refused, sizeof refused - 1) == 0;
}

/* Servers that agree instead leave no error, and are looked at a few times. */
static void
settle(struct mux_alive *alive, struct mux_hub *hub)
{
    if (hub->asking != alive)
        return;
    if (hub->packets.in_packets != alive->sent && alive->looks++ < LOOKS_MOST &&
        is_answered(hub))
        hub->asking = NULL;
    alive->sent = hub->packets.in_packets;
    if (alive->asked == 0 && mux_elapsed_ms(&alive->asked_at) >= SETTLE_MS)
        hub->asking = NULL;
}

static void
ask(struct mux_alive *alive, struct mux_hub *hub)
{
    /* where another request is on its way, its answer is the sign of life */
    if (hub->asking != NULL && hub->asking != alive)
        return;
    hub->asking = alive;
    alive->looks = 0;
    alive->sent = hub->packets.in_packets;
    clock_gettime(CLOCK_MONOTONIC, &alive->asked_at);
    /* libssh sends the next one only where the last was answered */
    (void)ssh_send_keepalive(hub->ssh);
}

bool
mux_alive_step(struct mux_alive *alive, struct mux_hub *hub)
{
    settle(alive, hub);
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
    ask(alive, hub);
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
