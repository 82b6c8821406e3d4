/* Those who are connected to the socket. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "client/mux_clients.h"

#include "client/mux_inbox.h"
#include "client/mux_spare.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Packets that one client may have served in one round. */
#define CLIENT_TURNS 8

/* The most that waits to be sent to a client; it reads or it is dropped. */
#define CLIENT_OUT_MAX 4096

/* For how long a client may take to say that it is one. */
#define HELLO_MS 10000

struct mux_client {
    int sock; /* -1 when it has gone and its session has not ended */
    struct mux_inbox inbox;
    authplug_secret *out;
    struct timespec since;
    bool greeted; /* its HELLO came */
    bool leaving; /* to be closed when out is empty */
    bool waits;   /* for what the request of a forward comes to */
    struct mux_session *session;
    struct mux_link *link; /* standard input and output, forwarded */
    uint32_t session_id;   /* of the request for one of the two */
    uint32_t number;       /* the link's */
    bool opened_said;
    bool tty_said;
    size_t polled; /* its first place among the polls; 0 if none */
};

/* ------------------------------------------------------- coming and going */

/* What a client forwarded of its own ends with it. */
static void
drop_link(struct mux_clients *clients, struct mux_client *client)
{
    if (client->link != NULL)
        mux_links_let_go(mux_forwards_links(clients->forwards), client->link);
    client->link = NULL;
}

/* The client has gone, or has to. Its session may live on for a moment. */
static void
hang_up(struct mux_clients *clients, struct mux_client *client)
{
    if (client->sock < 0)
        return;
    mux_debug(clients->hub, "client %d: gone", client->sock);
    mux_inbox_drop_fds(&client->inbox);
    close(client->sock);
    client->sock = -1;
    clients->hub->no_fds = false;
    mux_forwards_forget(clients->forwards, client);
    drop_link(clients, client);
    if (client->session != NULL)
        mux_session_abandon(client->session);
}

static void
free_client(struct mux_client *client)
{
    if (client->sock >= 0)
        close(client->sock);
    mux_session_free(&client->session);
    mux_inbox_end(&client->inbox);
    authplug_secret_free(&client->out);
    free(client);
}

static struct mux_client *
new_client(int sock)
{
    struct mux_client *client = calloc(1, sizeof *client);

    if (client == NULL) {
        close(sock);
        return NULL;
    }
    client->sock = sock;
    clock_gettime(CLOCK_MONOTONIC, &client->since);
    client->out = authplug_secret_new(CLIENT_OUT_MAX);
    if (mux_inbox_begin(&client->inbox) && client->out != NULL &&
        mux_put_hello(client->out) == AUTHPLUG_OK)
        return client;
    free_client(client);
    return NULL;
}

bool
mux_clients_add(struct mux_clients *clients, int sock)
{
    struct mux_client *client = NULL;

    if (clients->count == MUX_CLIENTS_MAX)
        close(sock);
    else
        client = new_client(sock);
    if (client == NULL) {
        mux_debug(clients->hub, "a client was turned away: %s",
                  clients->count == MUX_CLIENTS_MAX ? "too many"
                                                    : "out of memory");
        return false;
    }
    mux_debug(clients->hub, "client %d: connected", sock);
    clients->all[clients->count++] = client;
    return true;
}

bool
mux_clients_drop_silent(struct mux_clients *clients)
{
    bool any = false;

    for (size_t i = 0; i < clients->count; i++) {
        struct mux_client *client = clients->all[i];

        if (client->sock < 0 || client->greeted)
            continue;
        if (mux_elapsed_ms(&client->since) >= HELLO_MS)
            hang_up(clients, client);
        else
            any = true;
    }
    return any;
}

void
mux_clients_end(struct mux_clients *clients, bool lost)
{
    while (clients->count > 0) {
        struct mux_client *client = clients->all[--clients->count];

        if (lost && client->session != NULL)
            mux_session_lost(client->session);
        hang_up(clients, client); /* closes the channel */
        free_client(client);
    }
}

/* ------------------------------------------------------- what clients say */

/* False when the client is to be dropped, here and in what follows. */
static bool
refuse(struct mux_client *client, const char *reason)
{
    mux_inbox_drop_fds(&client->inbox);
    return mux_put_refusal(client->out, MUX_S_FAILURE, client->inbox.request.id,
                           reason) == AUTHPLUG_OK;
}

static bool
start_session(struct mux_clients *clients, struct mux_client *client)
{
    if (client->session != NULL || client->link != NULL)
        return refuse(client, "one session at a time");
    client->inbox.got_fds = 0; /* they are the session's from here on */
    client->session =
        mux_session_new(clients->hub, clients->numbers,
                        &client->inbox.request.session, client->inbox.fds);
    if (client->session == NULL)
        return refuse(client, "out of memory");
    clients->numbers++;
    client->session_id = client->inbox.request.id;
    client->opened_said = false;
    client->tty_said = false;
    return true;
}

static bool
start_stdio(struct mux_clients *clients, struct mux_client *client)
{
    const char *why;

    if (client->session != NULL || client->link != NULL)
        return refuse(client, "one session at a time");
    client->inbox.got_fds = 0; /* they are the link's from here on */
    client->link =
        mux_forwards_stdio(clients->forwards, &client->inbox.request.stdio,
                           client->inbox.fds, &why);
    if (client->link == NULL)
        return refuse(client, why);
    client->number = clients->numbers++;
    client->session_id = client->inbox.request.id;
    client->opened_said = false;
    return true;
}

/* A forward is to be opened or closed; it may take more than one call. */
static bool
ask_forward(struct mux_clients *clients, struct mux_client *client)
{
    uint32_t id = client->inbox.request.id;
    struct mux_forward_reply reply;

    mux_forwards_handle(clients->forwards, client, &client->inbox.request,
                        &reply);
    client->waits = reply.kind == MUX_FORWARD_LATER;
    if (client->waits)
        return true;
    if (reply.kind == MUX_FORWARD_REFUSED) {
        mux_debug(clients->hub, "client %d: refused: %s", client->sock,
                  reply.reason);
        return refuse(client, reply.reason);
    }
    if (reply.kind == MUX_FORWARD_PORT)
        return mux_put_remote_port(client->out, id, reply.port) == AUTHPLUG_OK;
    return mux_put_ok(client->out, id) == AUTHPLUG_OK;
}

/* Carries out a request that makes sense. */
static bool
serve(struct mux_clients *clients, struct mux_client *client)
{
    uint32_t id = client->inbox.request.id;

    switch (client->inbox.request.type) {
    case MUX_NEW_SESSION:
        return start_session(clients, client);
    case MUX_NEW_STDIO_FWD:
        return start_stdio(clients, client);
    case MUX_OPEN_FWD:
    case MUX_CLOSE_FWD:
        return ask_forward(clients, client);
    case MUX_ALIVE_CHECK:
        return mux_put_alive(client->out, id, (uint32_t)getpid()) ==
               AUTHPLUG_OK;
    case MUX_TERMINATE:
        clients->exit = true;
        return mux_put_ok(client->out, id) == AUTHPLUG_OK;
    case MUX_STOP_LISTENING:
        clients->closing = true;
        return mux_put_ok(client->out, id) == AUTHPLUG_OK;
    default:
        return true; /* HELLO */
    }
}

/* A whole request is there, descriptors included. */
static bool
handle(struct mux_clients *clients, struct mux_client *client)
{
    const struct mux_request *request = &client->inbox.request;

    mux_debug(clients->hub, "client %d: %s", client->sock,
              mux_request_name(request->type));
    if (client->greeted == (request->type == MUX_HELLO))
        return false; /* twice, or not first */
    client->greeted = true;
    if (request->refusal != NULL)
        return refuse(client, request->refusal);
    return serve(clients, client);
}

/* Serves what has come; the others are to have their turns, too. */
static void
read_client(struct mux_clients *clients, struct mux_client *client)
{
    int turns = CLIENT_TURNS;
    int result = 1;

    while (result == 1 && turns-- > 0 && !client->leaving && !client->waits) {
        result = mux_inbox_read(&client->inbox, client->sock);
        if (result == 1 && !handle(clients, client))
            result = -1;
    }
    if (result < 0)
        hang_up(clients, client);
}

/* ---------------------------------------------------- what clients are told */

static bool
flush_client(struct mux_client *client)
{
    authplug_span left = authplug_secret_span(client->out);
    ssize_t put;

    if (left.len == 0)
        return true;
    put = send(client->sock, left.data, left.len, MSG_NOSIGNAL);
    if (put < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    authplug_secret_drop(client->out, (size_t)put);
    return true;
}

/* Says what the session's report has that was not said. */
static bool
tell(struct mux_client *client, const struct mux_session_report *report)
{
    authplug_status status = AUTHPLUG_OK;

    if (report->state == MUX_SESSION_REFUSED)
        return mux_put_refusal(client->out, MUX_S_FAILURE, client->session_id,
                               report->reason) == AUTHPLUG_OK;
    if (report->state == MUX_SESSION_OPENING)
        return true;
    if (!client->opened_said)
        status =
            mux_put_opened(client->out, client->session_id, report->number);
    client->opened_said = true;
    if (status == AUTHPLUG_OK && report->tty_failed && !client->tty_said) {
        client->tty_said = true;
        status = mux_put_tty_failed(client->out, report->number);
    }
    if (report->state == MUX_SESSION_ENDED) {
        /* Without a status the client is left alone, and says 255. */
        client->leaving = true;
        if (status == AUTHPLUG_OK && report->exited)
            status =
                mux_put_exit(client->out, report->number, report->exit_status);
    }
    return status == AUTHPLUG_OK;
}

/* The same of standard input and output. The client leaves with them. */
static bool
tell_link(struct mux_clients *clients, struct mux_client *client)
{
    enum mux_link_state state = mux_link_state(client->link);
    authplug_status status = AUTHPLUG_OK;

    if (state == MUX_LINK_OPENING)
        return true;
    if (state == MUX_LINK_REFUSED)
        status = mux_put_refusal(client->out, MUX_S_FAILURE, client->session_id,
                                 mux_link_reason(client->link));
    else if (!client->opened_said)
        status =
            mux_put_opened(client->out, client->session_id, client->number);
    client->opened_said = true;
    client->leaving = state == MUX_LINK_ENDED;
    if (state != MUX_LINK_UP)
        drop_link(clients, client);
    return status == AUTHPLUG_OK;
}

/* Whether its session is over, and only to be let go of. */
static bool
is_through(const struct mux_client *client)
{
    const struct mux_session_report *report;

    if (client->session == NULL)
        return false;
    report = mux_session_report(client->session);
    return report->state == MUX_SESSION_REFUSED ||
           report->state == MUX_SESSION_ENDED;
}

/* Brings a client up to date; false when it is to be forgotten. */
static bool
update_client(struct mux_clients *clients, struct mux_client *client)
{
    if (client->session != NULL && client->sock >= 0 &&
        !tell(client, mux_session_report(client->session)))
        hang_up(clients, client);
    if (client->link != NULL && !tell_link(clients, client))
        hang_up(clients, client);
    if (client->waits && client->sock >= 0 && !ask_forward(clients, client))
        hang_up(clients, client);
    if (client->sock >= 0 && !flush_client(client))
        hang_up(clients, client);
    if (client->sock >= 0 && client->leaving &&
        authplug_secret_len(client->out) == 0)
        hang_up(clients, client);
    /* the server hears of it after the client, who waits for it */
    if (is_through(client)) {
        mux_session_free(&client->session);
        mux_spare_again(clients->hub->spare);
    }
    return client->sock >= 0 || client->session != NULL;
}

void
mux_clients_update(struct mux_clients *clients)
{
    size_t i = 0;

    while (i < clients->count) {
        if (update_client(clients, clients->all[i])) {
            i++;
            continue;
        }
        free_client(clients->all[i]);
        clients->all[i] = clients->all[--clients->count];
    }
}

/* --------------------------------------------------------- their sessions */

/* Of its socket; POLLHUP comes anyhow. */
static short
awaited(const struct mux_client *client)
{
    if (authplug_secret_len(client->out) > 0)
        return POLLOUT;
    return client->waits ? 0 : POLLIN;
}

size_t
mux_clients_poll(struct mux_clients *clients, struct pollfd *polls)
{
    size_t used = 0;

    for (size_t i = 0; i < clients->count; i++) {
        struct mux_client *client = clients->all[i];

        client->polled = used;
        polls[used++] = (struct pollfd){client->sock, awaited(client), 0};
        if (client->session != NULL)
            used += mux_session_poll(client->session, polls + used);
    }
    return used;
}

void
mux_clients_ready(struct mux_clients *clients, const struct pollfd *polls)
{
    size_t i;

    for (i = 0; i < clients->count; i++) {
        struct mux_client *client = clients->all[i];
        const struct pollfd *poll = polls + client->polled;

        if (client->session != NULL)
            mux_session_ready(client->session, poll + 1);
        if (client->sock < 0 || poll->revents == 0 ||
            authplug_secret_len(client->out) > 0)
            continue;
        if (client->waits)
            hang_up(clients, client);
        else
            read_client(clients, client);
    }
}

void
mux_clients_step(struct mux_clients *clients, size_t turn)
{
    for (size_t i = 0; i < clients->count; i++) {
        struct mux_client *client = clients->all[(turn + i) % clients->count];

        if (client->session != NULL)
            mux_session_step(client->session);
    }
}

void
mux_clients_end_floods(struct mux_clients *clients)
{
    /* a link has no client that would count */
    if (clients->count + mux_forwards_links(clients->forwards)->count < 2)
        return;
    for (size_t i = 0; i < clients->count; i++) {
        struct mux_session *session = clients->all[i]->session;

        if (session != NULL && mux_session_flooded_ms(session) > MUX_BACKLOG_MS)
            mux_session_give_up(session);
    }
}

bool
mux_clients_flooded(const struct mux_clients *clients)
{
    for (size_t i = 0; i < clients->count; i++) {
        const struct mux_session *session = clients->all[i]->session;

        if (session != NULL && mux_session_flooded_ms(session) >= 0)
            return true;
    }
    return false;
}

void
mux_clients_resized(struct mux_clients *clients)
{
    for (size_t i = 0; i < clients->count; i++)
        if (clients->all[i]->session != NULL)
            mux_session_resized(clients->all[i]->session);
}

bool
mux_clients_have_session(const struct mux_clients *clients)
{
    for (size_t i = 0; i < clients->count; i++)
        if (clients->all[i]->session != NULL)
            return true;
    return false;
}
