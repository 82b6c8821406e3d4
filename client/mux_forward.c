/* The forwards of a multiplexed connection. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "client/mux_forward.h"

#include "client/mux_remote.h"

#include <errno.h>
#include <libssh/server.h> /* ssh_message_* */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Connections that one listener may bring in one round. */
#define ACCEPT_TURNS 16

struct forward {
    uint32_t type;
    char *listen;
    uint32_t listen_port;
    uint32_t bound_port; /* the same, or what the server has chosen */
    char *connect;
    uint32_t connect_port;
    struct mux_bind bind; /* local and dynamic ones */
    size_t polled;        /* its first place among the polls */
};

/* What takes time, one at a time. */
enum work { WORK_NONE, WORK_LOOKUP, WORK_LISTEN, WORK_CANCEL };

struct job {
    enum work work;
    const void *asker; /* NULL when nobody waits for the reply */
    bool done;         /* the reply is there */
    bool late;         /* the server has not answered in time */
    struct mux_forward_reply reply;
    struct forward *forward; /* not among the others */
    struct timespec since;
    struct mux_lookup lookup;
    struct mux_remote remote;
};

struct mux_forwards {
    struct mux_hub *hub;
    struct mux_links links;
    struct job job;
    bool freed; /* a job ended since _step: another may begin */
    size_t count;
    struct forward *all[MUX_FORWARDS_MAX];
    size_t links_polled; /* the links' first place among the polls */
    size_t polls;        /* the forwards' own, at the time of poll() */
};

/* ----------------------------------------------------------------- replies */

static void
refuse(struct mux_forward_reply *reply, const char *reason)
{
    reply->kind = MUX_FORWARD_REFUSED;
    snprintf(reply->reason, sizeof reply->reason, "%s", reason);
}

static void
confirm(struct mux_forward_reply *reply, const struct forward *forward)
{
    reply->kind = MUX_FORWARD_OK;
    if (forward->type == MUX_FORWARD_REMOTE && forward->listen_port == 0)
        reply->kind = MUX_FORWARD_PORT;
    reply->port = forward->bound_port;
}

/* ------------------------------------------------------------ one of them */

static void
free_forward(struct forward *forward)
{
    if (forward == NULL)
        return;
    mux_bind_close(&forward->bind);
    free(forward->listen);
    free(forward->connect);
    free(forward);
}

static char *
copy(authplug_span text)
{
    return text.len > 0 ? strndup((const char *)text.data, text.len)
                        : strdup("");
}

static struct forward *
new_forward(const struct mux_fwd *request)
{
    struct forward *forward = calloc(1, sizeof *forward);

    if (forward == NULL)
        return NULL;
    forward->type = request->type;
    forward->listen = copy(request->listen);
    forward->listen_port = forward->bound_port = request->listen_port;
    forward->connect = copy(request->connect);
    forward->connect_port = request->connect_port;
    if (forward->listen != NULL && forward->connect != NULL)
        return forward;
    free_forward(forward);
    return NULL;
}

static bool
is_the_same(const struct forward *forward, const struct mux_fwd *request)
{
    return forward->type == request->type &&
           forward->listen_port == request->listen_port &&
           authplug_span_is(request->listen, forward->listen) &&
           (forward->type == MUX_FORWARD_DYNAMIC ||
            (forward->connect_port == request->connect_port &&
             authplug_span_is(request->connect, forward->connect)));
}

/* Its place, or the count. */
static size_t
find(const struct mux_forwards *forwards, const struct mux_fwd *request)
{
    size_t i;

    for (i = 0; i < forwards->count; i++)
        if (is_the_same(forwards->all[i], request))
            break;
    return i;
}

static void
add(struct mux_forwards *forwards, struct forward *forward)
{
    forward->polled = 0;
    forwards->all[forwards->count++] = forward;
    mux_debug(forwards->hub, "forward: %s, port %u; %zu now",
              forward->type == MUX_FORWARD_REMOTE ? "remote" : "local",
              forward->bound_port, forwards->count);
}

/* Where its connections go to. */
static struct mux_target
target_of(const struct forward *forward)
{
    bool asks =
        forward->type == MUX_FORWARD_DYNAMIC || forward->connect_port == 0;

    return (struct mux_target){asks ? NULL : forward->connect,
                               forward->connect_port};
}

/* --------------------------------------------------- what takes its time */

static void
clear_job(struct mux_forwards *forwards)
{
    mux_lookup_stop(&forwards->job.lookup);
    mux_remote_end(&forwards->job.remote);
    free_forward(forwards->job.forward);
    memset(&forwards->job, 0, sizeof forwards->job);
    forwards->job.lookup.fd = -1;
    forwards->freed = true;
}

static void
start_job(struct mux_forwards *forwards, enum work work, const void *asker,
          struct forward *forward)
{
    struct job *job = &forwards->job;

    job->work = work;
    job->asker = asker;
    job->forward = forward;
    clock_gettime(CLOCK_MONOTONIC, &job->since);
    if (work == WORK_LISTEN)
        mux_remote_listen(&job->remote, forwards->hub, forward->listen,
                          forward->listen_port);
    else if (work == WORK_CANCEL)
        mux_remote_cancel(&job->remote, forwards->hub, forward->listen,
                          forward->bound_port);
}

/* The job is over, with its reply; without anybody to tell, all is. */
static void
settle(struct mux_forwards *forwards)
{
    struct job *job = &forwards->job;

    job->done = true;
    job->work = WORK_NONE;
    if (job->asker == NULL)
        clear_job(forwards);
}

static void
step_lookup(struct mux_forwards *forwards)
{
    struct job *job = &forwards->job;
    struct mux_addresses found;
    bool timeout = mux_elapsed_ms(&job->since) > MUX_LOOKUP_MS;

    if (timeout)
        refuse(&job->reply, "the address to listen on is not found in time");
    else if (mux_lookup_step(&job->lookup, &found) == 0)
        return;
    else if (!mux_bind_addresses(&job->forward->bind, &found, job->reply.reason,
                                 sizeof job->reply.reason))
        job->reply.kind = MUX_FORWARD_REFUSED;
    else {
        confirm(&job->reply, job->forward);
        add(forwards, job->forward);
        job->forward = NULL;
    }
    settle(forwards);
}

/* Nobody waits any more; the answer will. */
static void
give_up_server(struct mux_forwards *forwards)
{
    struct job *job = &forwards->job;

    job->late = true;
    job->done = true;
    refuse(&job->reply, "the server does not answer");
}

static void
step_remote(struct mux_forwards *forwards)
{
    struct job *job = &forwards->job;
    struct forward *forward = job->forward;
    int result = mux_remote_step(&job->remote);

    if (result == 0) {
        if (!job->late && mux_elapsed_ms(&job->since) > MUX_FORWARD_MS)
            give_up_server(forwards);
        return;
    }
    if (job->late) { /* it was refused to whoever asked for it */
        bool listens = job->work == WORK_LISTEN && result > 0;

        forward->bound_port = job->remote.port;
        job->forward = listens ? NULL : forward;
        clear_job(forwards);
        if (listens)
            start_job(forwards, WORK_CANCEL, NULL, forward);
        return;
    }
    if (job->work == WORK_CANCEL) {
        if (result > 0)
            job->reply.kind = MUX_FORWARD_OK;
        else
            refuse(&job->reply, "the server did not cancel the forward");
    } else if (result > 0) {
        forward->bound_port = job->remote.port;
        confirm(&job->reply, forward);
        add(forwards, forward);
        job->forward = NULL;
    } else {
        job->reply.kind = MUX_FORWARD_REFUSED;
        snprintf(job->reply.reason, sizeof job->reply.reason,
                 "remote port forwarding failed for listen port %u",
                 forward->listen_port);
    }
    settle(forwards);
}

static void
step_job(struct mux_forwards *forwards)
{
    if (forwards->job.work == WORK_LOOKUP)
        step_lookup(forwards);
    else if (forwards->job.work != WORK_NONE)
        step_remote(forwards);
}

/* ---------------------------------------------------------------- requests */

/* Whether a new job can begin; says so if not. */
static bool
is_free(const struct mux_forwards *forwards, struct mux_forward_reply *reply)
{
    if (forwards->job.late)
        refuse(reply, "the server has not answered an earlier request");
    return !forwards->job.late && forwards->job.work == WORK_NONE &&
           !forwards->job.done;
}

/* Puts a forward to work, or begins to; it belongs to somebody else then. */
static void
open_local(struct mux_forwards *forwards, const void *asker,
           struct forward *forward, struct mux_forward_reply *reply)
{
    struct mux_addresses found;
    bool good;

    if (forward->listen_port == MUX_PORT_PATH) {
        good = mux_bind_path(&forward->bind, forward->listen, reply->reason,
                             sizeof reply->reason);
    } else if (mux_addresses_known(forward->listen,
                                   (uint16_t)forward->listen_port, true,
                                   &found)) {
        good = mux_bind_addresses(&forward->bind, &found, reply->reason,
                                  sizeof reply->reason);
    } else {
        struct mux_lookup *lookup = &forwards->job.lookup;

        if (!is_free(forwards, reply)) {
            free_forward(forward);
            return;
        }
        if (mux_lookup_start(lookup, forward->listen,
                             (uint16_t)forward->listen_port)) {
            start_job(forwards, WORK_LOOKUP, asker, forward);
            return;
        }
        snprintf(reply->reason, sizeof reply->reason, "%s", strerror(errno));
        good = false;
    }
    if (good) {
        confirm(reply, forward);
        add(forwards, forward);
        return;
    }
    reply->kind = MUX_FORWARD_REFUSED;
    free_forward(forward);
}

static void
open_forward(struct mux_forwards *forwards, const void *asker,
             const struct mux_fwd *request, struct mux_forward_reply *reply)
{
    bool remote = request->type == MUX_FORWARD_REMOTE;
    size_t at = find(forwards, request);
    struct forward *forward;

    if (at < forwards->count) {
        confirm(reply, forwards->all[at]);
        return;
    }
    if (remote && request->listen_port == MUX_PORT_PATH) {
        refuse(reply, "UNIX sockets on the server's side are not served: "
                      "forward a port");
        return;
    }
    if (remote && !is_free(forwards, reply))
        return;
    /* One more may be on its way. */
    if (forwards->count + (forwards->job.forward != NULL) >= MUX_FORWARDS_MAX) {
        refuse(reply, "too many forwards");
        return;
    }
    forward = new_forward(request);
    if (forward == NULL)
        refuse(reply, "out of memory");
    else if (remote)
        start_job(forwards, WORK_LISTEN, asker, forward);
    else
        open_local(forwards, asker, forward, reply);
}

static void
close_forward(struct mux_forwards *forwards, const void *asker,
              const struct mux_fwd *request, struct mux_forward_reply *reply)
{
    size_t at = find(forwards, request);
    struct forward *forward;

    if (at == forwards->count) {
        refuse(reply, "port not forwarded");
        return;
    }
    forward = forwards->all[at];
    if (forward->type == MUX_FORWARD_REMOTE && !is_free(forwards, reply))
        return;
    forwards->all[at] = forwards->all[--forwards->count];
    if (forward->type == MUX_FORWARD_REMOTE) {
        start_job(forwards, WORK_CANCEL, asker, forward);
        return;
    }
    free_forward(forward);
    reply->kind = MUX_FORWARD_OK;
}

void
mux_forwards_handle(struct mux_forwards *forwards, const void *asker,
                    const struct mux_request *request,
                    struct mux_forward_reply *reply)
{
    struct job *job = &forwards->job;

    memset(reply, 0, sizeof *reply); /* LATER */
    if (job->asker == asker) {
        if (!job->done)
            return;
        *reply = job->reply;
        job->asker = NULL;
        job->done = false;
        if (!job->late)
            clear_job(forwards);
    } else if (request->type == MUX_OPEN_FWD) {
        open_forward(forwards, asker, &request->fwd, reply);
    } else {
        close_forward(forwards, asker, &request->fwd, reply);
    }
}

void
mux_forwards_forget(struct mux_forwards *forwards, const void *asker)
{
    struct job *job = &forwards->job;

    if (job->asker != asker)
        return;
    job->asker = NULL;
    if (job->done && !job->late)
        clear_job(forwards);
    job->done = false;
}

struct mux_link *
mux_forwards_stdio(struct mux_forwards *forwards,
                   const struct mux_stdio_fwd *request, const int fds[2],
                   const char **why)
{
    struct mux_link *link = NULL;
    char *name = copy(request->host);
    struct mux_target target = {name, request->port};

    *why = "too many forwarded connections";
    if (mux_links_full(&forwards->links) || name == NULL) {
        close(fds[0]);
        close(fds[1]);
    } else {
        link = mux_link_stdio(forwards->hub, &target, fds);
        *why = "out of memory";
        mux_links_add(&forwards->links, link, true);
    }
    free(name);
    return link;
}

/* ------------------------------------------------ connections that come in */

static void
accept_all(struct mux_forwards *forwards, const struct forward *forward, int fd)
{
    struct mux_target target = target_of(forward);
    struct mux_hub *hub = forwards->hub;
    int turns = ACCEPT_TURNS;
    int sock;

    while (turns-- > 0) {
        sock = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (sock < 0) {
            hub->no_fds |= errno == EMFILE || errno == ENFILE ||
                           errno == ENOMEM || errno == ENOBUFS;
            return;
        }
        if (mux_links_full(&forwards->links)) {
            mux_debug(hub, "a connection was turned away: too many");
            close(sock);
            continue;
        }
        mux_links_add(&forwards->links, mux_link_accepted(hub, &target, sock),
                      false);
    }
}

/*
 * The remote forward that the server means. It says the address as it was
 * asked for, or as it sees it itself; then the port has to do.
 */
static const struct forward *
find_remote(const struct mux_forwards *forwards, const char *address,
            unsigned port)
{
    const struct forward *found = NULL;
    unsigned with_port = 0;
    size_t i;

    for (i = 0; i <= forwards->count; i++) {
        /* The request's answer may not have been looked at yet. */
        const struct forward *it = i < forwards->count ? forwards->all[i]
                                   : forwards->job.work == WORK_LISTEN
                                       ? forwards->job.forward
                                       : NULL;

        if (it == NULL || it->type != MUX_FORWARD_REMOTE ||
            it->bound_port != port || port == 0)
            continue;
        if (address != NULL &&
            strcmp(mux_remote_address(it->listen), address) == 0)
            return it;
        found = it;
        with_port++;
    }
    return with_port == 1 ? found : NULL;
}

bool
mux_forwards_take(struct mux_forwards *forwards, ssh_message message)
{
    struct mux_hub *hub = forwards->hub;
    int type = ssh_message_subtype(message);
    struct mux_target target = {hub->agent, MUX_PORT_PATH};
    ssh_channel channel;

    if (ssh_message_type(message) != SSH_REQUEST_CHANNEL_OPEN)
        return false;
    if (type == SSH_CHANNEL_FORWARDED_TCPIP) {
        const struct forward *forward = find_remote(
            forwards, ssh_message_channel_request_open_destination(message),
            (unsigned)ssh_message_channel_request_open_destination_port(
                message));

        if (forward == NULL)
            return false;
        target = target_of(forward);
    } else if (type != SSH_CHANNEL_AUTH_AGENT || hub->agent == NULL ||
               hub->agent_users == 0) {
        return false;
    }
    if (mux_links_full(&forwards->links)) {
        mux_debug(hub, "a connection was turned away: too many");
        return false;
    }
    channel = ssh_message_channel_request_open_reply_accept(message);
    if (channel != NULL)
        mux_links_add(&forwards->links,
                      mux_link_incoming(hub, &target, channel), false);
    return true;
}

/* --------------------------------------------------------------- the turns */

struct mux_forwards *
mux_forwards_new(struct mux_hub *hub)
{
    struct mux_forwards *forwards = calloc(1, sizeof *forwards);

    if (forwards == NULL)
        return NULL;
    forwards->hub = hub;
    forwards->job.lookup.fd = -1;
    return forwards;
}

void
mux_forwards_free(struct mux_forwards **forwards)
{
    struct mux_forwards *it = *forwards;

    if (it == NULL)
        return;
    clear_job(it);
    while (it->count > 0)
        free_forward(it->all[--it->count]);
    mux_links_end(&it->links);
    free(it);
    *forwards = NULL;
}

struct mux_links *
mux_forwards_links(struct mux_forwards *forwards)
{
    return &forwards->links;
}

size_t
mux_forwards_poll(struct mux_forwards *forwards, struct pollfd *polls)
{
    bool deaf = forwards->hub->no_fds;
    size_t used = 0;
    size_t i;
    size_t j;

    for (i = 0; i < forwards->count; i++) {
        struct forward *forward = forwards->all[i];

        forward->polled = used;
        for (j = 0; j < forward->bind.count; j++)
            polls[used++] =
                (struct pollfd){deaf ? -1 : forward->bind.fds[j], POLLIN, 0};
    }
    polls[used++] = (struct pollfd){forwards->job.lookup.fd, POLLIN, 0};
    forwards->links_polled = used;
    forwards->polls = used + mux_links_poll(&forwards->links, polls + used);
    return forwards->polls;
}

void
mux_forwards_ready(struct mux_forwards *forwards, const struct pollfd *polls)
{
    size_t i;
    size_t j;

    mux_links_ready(&forwards->links, polls + forwards->links_polled);
    for (i = 0; i < forwards->count; i++) {
        const struct forward *forward = forwards->all[i];

        for (j = 0; j < forward->bind.count; j++)
            if (polls[forward->polled + j].revents != 0)
                accept_all(forwards, forward, forward->bind.fds[j]);
    }
}

void
mux_forwards_step(struct mux_forwards *forwards, size_t turn)
{
    forwards->freed = false;
    step_job(forwards);
    mux_links_step(&forwards->links, turn);
}

bool
mux_forwards_have_news(const struct mux_forwards *forwards)
{
    const struct job *job = &forwards->job;

    return forwards->freed || (job->work != WORK_NONE &&
                               job->work != WORK_LOOKUP && !job->remote.asked);
}

bool
mux_forwards_have_clock(const struct mux_forwards *forwards)
{
    return forwards->job.work != WORK_NONE ||
           mux_links_have_clock(&forwards->links);
}
