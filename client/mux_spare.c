/* A channel for the next session. */
#include "client/mux_spare.h"

/* By the clock of a server that closes what nobody uses. */
static bool
was_closed(const struct mux_spare *spare)
{
    return spare->channel != NULL && spare->settled &&
           (ssh_channel_is_closed(spare->channel) ||
            ssh_channel_is_eof(spare->channel));
}

static void
let_go(struct mux_spare *spare)
{
    if (spare->channel != NULL)
        ssh_channel_free(spare->channel);
    spare->channel = NULL;
}

/* Asks the server, or looks for its answer. */
static void
try_open(struct mux_spare *spare, struct mux_hub *hub)
{
    int rc;

    spare->seen = hub->packets.in_packets;
    rc = ssh_channel_open_session(spare->channel);
    spare->settled = rc != SSH_AGAIN;
    if (rc != SSH_AGAIN && rc != SSH_OK) {
        mux_debug(hub, "no channel ahead: %s", mux_ssh_error(hub));
        spare->refused = true;
        let_go(spare);
    }
}

void
mux_spare_step(struct mux_spare *spare, struct mux_hub *hub, bool wanted)
{
    if (spare->channel == NULL && wanted && !spare->refused) {
        spare->channel = ssh_channel_new(hub->ssh);
        spare->settled = false;
        if (spare->channel != NULL)
            try_open(spare, hub);
    } else if (spare->channel != NULL && !spare->settled) {
        if (hub->packets.in_packets != spare->seen)
            try_open(spare, hub);
    } else if (was_closed(spare)) {
        spare->refused = true;
        let_go(spare);
    }
}

ssh_channel
mux_spare_take(struct mux_spare *spare)
{
    ssh_channel channel;

    if (was_closed(spare))
        let_go(spare);
    channel = spare->channel;
    spare->channel = NULL;
    return channel;
}

void
mux_spare_again(struct mux_spare *spare)
{
    spare->refused = false;
}

void
mux_spare_end(struct mux_spare *spare)
{
    let_go(spare);
}
