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
    spare->asking = false;
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

static void
begin(struct mux_spare *spare, struct mux_hub *hub)
{
    spare->channel = ssh_channel_new(hub->ssh);
    spare->settled = false;
    if (spare->channel != NULL)
        try_open(spare, hub);
}

/* What is asked for is of no use to anybody; servers say no, or set it. */
static void
try_ask(struct mux_spare *spare, struct mux_hub *hub)
{
    spare->seen = hub->packets.in_packets;
    spare->asking = ssh_channel_request_env(spare->channel, "AUTHPLUG_ALIVE",
                                            "") == SSH_AGAIN;
}

void
mux_spare_step(struct mux_spare *spare, struct mux_hub *hub, bool wanted)
{
    if (spare->channel == NULL) {
        if (wanted && !spare->refused)
            begin(spare, hub);
    } else if (was_closed(spare)) {
        spare->refused = true;
        let_go(spare);
    } else if (hub->packets.in_packets != spare->seen) {
        if (!spare->settled)
            try_open(spare, hub);
        else if (spare->asking)
            try_ask(spare, hub);
    }
}

void
mux_spare_ask(struct mux_spare *spare, struct mux_hub *hub)
{
    if (spare->channel == NULL)
        begin(spare, hub);
    else if (spare->settled && !spare->asking)
        try_ask(spare, hub);
}

ssh_channel
mux_spare_take(struct mux_spare *spare, struct mux_hub *hub)
{
    ssh_channel channel;

    if (spare->asking)
        try_ask(spare, hub); /* its answer may be there */
    if (spare->asking)
        return NULL; /* the answer is not to be taken for another's */
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
