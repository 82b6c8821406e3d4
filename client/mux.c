/* A control master for stock ssh: the loop and its clients. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "client/mux.h"

#include "client/mux_alive.h"
#include "client/mux_forward.h"
#include "client/mux_inbox.h"
#include "client/mux_proto.h"
#include "client/mux_session.h"
#include "client/mux_spare.h"

#include <errno.h>
#include <limits.h>
#include <libssh/server.h> /* ssh_set_message_callback */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Turns of the SSH socket in one round; libssh reads 4 KiB in each. */
#define SSH_TURNS 64

/* Packets that one client may have served in one round. */
#define CLIENT_TURNS 8

/* The most that waits to be sent to a client; it reads or it is dropped. */
#define CLIENT_OUT_MAX 4096

/* For how long a client may take to say that it is one. */
#define HELLO_MS 10000

/* For how long the farewell may take, when the server does not read. */
#define FAREWELL_MS 1000

/* ---------------------------------------------------------------- clients */

struct client {
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

struct server {
    struct mux_hub hub;
    const struct mux_options *options;
    ssh_event event;
    int listen_fd;
    int signal_fd;
    int owner_fd; /* a pidfd, or -1 */
    bool owner_gone;
    bool silent; /* a client has not said a word yet */
    bool path_gone;
    ino_t path_inode;
    bool served; /* somebody has connected */
    bool dead;   /* the connection is */
    bool stop;
    uint64_t stepped; /* how many packets had come when all was stepped */
    bool exit;    /* a client has asked for the end */
    bool closing; /* a client wants no more of them, and links may end */
    struct mux_forwards *forwards;
    struct timespec start;
    struct timespec idle; /* when somebody was there last */
    struct mux_alive alive;
    struct mux_spare spare;
    struct client *clients[MUX_CLIENTS_MAX];
    size_t count;
    size_t turn;      /* whose turn is first; it goes round */
    uint32_t numbers; /* of sessions and links */
    struct pollfd polls[4 + MUX_CLIENTS_MAX * (1 + MUX_SESSION_POLLS) +
                        MUX_FORWARDS_POLLS];
    size_t forwards_polled; /* their first place */
    size_t polls_used;
};

/* What a client forwarded of its own ends with it. */
static void
drop_link(struct server *server, struct client *client)
{
    if (client->link != NULL)
        mux_links_let_go(mux_forwards_links(server->forwards), client->link);
    client->link = NULL;
}

/* The client has gone, or has to. Its session may live on for a moment. */
static void
hang_up(struct server *server, struct client *client)
{
    if (client->sock < 0)
        return;
    mux_debug(&server->hub, "client %d: gone", client->sock);
    mux_inbox_drop_fds(&client->inbox);
    close(client->sock);
    client->sock = -1;
    server->hub.no_fds = false;
    mux_forwards_forget(server->forwards, client);
    drop_link(server, client);
    if (client->session != NULL)
        mux_session_abandon(client->session);
}

static void
free_client(struct client *client)
{
    if (client->sock >= 0)
        close(client->sock);
    mux_session_free(&client->session);
    mux_inbox_end(&client->inbox);
    authplug_secret_free(&client->out);
    free(client);
}

static struct client *
new_client(int sock)
{
    struct client *client = calloc(1, sizeof *client);

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

static bool
is_our_user(int sock)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           peer.uid == geteuid();
}

static void
remove_path(struct server *server)
{
    const struct mux_options *options = server->options;
    char target[MUX_PATH_MAX];
    struct stat st;
    ssize_t len;

    if (options->path == NULL || server->path_gone)
        return;
    server->path_gone = true;
    /* another one's by now is left alone */
    if (lstat(options->path, &st) == 0 && st.st_ino == server->path_inode)
        unlink(options->path);
    if (options->link == NULL)
        return;
    len = readlink(options->link, target, sizeof target);
    if (len > 0 && (size_t)len == strlen(options->path) &&
        memcmp(target, options->path, (size_t)len) == 0)
        unlink(options->link);
}

/* The socket's file, so that no other one is removed. */
static void
note_path(struct server *server)
{
    struct stat st;

    if (server->options->path != NULL &&
        lstat(server->options->path, &st) == 0)
        server->path_inode = st.st_ino;
}

/* Nobody can connect any more. */
static void
stop_listening(struct server *server)
{
    remove_path(server);
    if (server->listen_fd >= 0)
        close(server->listen_fd);
    server->listen_fd = -1;
}

static void
accept_client(struct server *server)
{
    struct client *client;
    int sock =
        accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (sock < 0) {
        server->hub.no_fds = errno == EMFILE || errno == ENFILE ||
                             errno == ENOMEM || errno == ENOBUFS;
        return;
    }
    if (!is_our_user(sock) || server->count == MUX_CLIENTS_MAX) {
        mux_debug(&server->hub, "a client was turned away: %s",
                  server->count == MUX_CLIENTS_MAX ? "too many"
                                                   : "another user");
        close(sock);
        return;
    }
    client = new_client(sock);
    if (client == NULL)
        return;
    mux_debug(&server->hub, "client %d: connected", sock);
    server->clients[server->count++] = client;
    server->served = true;
    if (server->options->once)
        stop_listening(server);
}

/* ------------------------------------------------------- what clients say */

/* False when the client is to be dropped, here and in what follows. */
static bool
refuse(struct client *client, const char *reason)
{
    mux_inbox_drop_fds(&client->inbox);
    return mux_put_refusal(client->out, MUX_S_FAILURE, client->inbox.request.id,
                           reason) == AUTHPLUG_OK;
}

static bool
start_session(struct server *server, struct client *client)
{
    if (client->session != NULL || client->link != NULL)
        return refuse(client, "one session at a time");
    client->inbox.got_fds = 0; /* they are the session's from here on */
    client->session =
        mux_session_new(&server->hub, server->numbers,
                        &client->inbox.request.session, client->inbox.fds);
    if (client->session == NULL)
        return refuse(client, "out of memory");
    server->numbers++;
    client->session_id = client->inbox.request.id;
    client->opened_said = false;
    client->tty_said = false;
    return true;
}

static bool
start_stdio(struct server *server, struct client *client)
{
    const char *why;

    if (client->session != NULL || client->link != NULL)
        return refuse(client, "one session at a time");
    client->inbox.got_fds = 0; /* they are the link's from here on */
    client->link =
        mux_forwards_stdio(server->forwards, &client->inbox.request.stdio,
                           client->inbox.fds, &why);
    if (client->link == NULL)
        return refuse(client, why);
    client->number = server->numbers++;
    client->session_id = client->inbox.request.id;
    client->opened_said = false;
    return true;
}

/* A forward is to be opened or closed; it may take more than one call. */
static bool
ask_forward(struct server *server, struct client *client)
{
    uint32_t id = client->inbox.request.id;
    struct mux_forward_reply reply;

    mux_forwards_handle(server->forwards, client, &client->inbox.request,
                        &reply);
    client->waits = reply.kind == MUX_FORWARD_LATER;
    if (client->waits)
        return true;
    if (reply.kind == MUX_FORWARD_REFUSED) {
        mux_debug(&server->hub, "client %d: refused: %s", client->sock,
                  reply.reason);
        return refuse(client, reply.reason);
    }
    if (reply.kind == MUX_FORWARD_PORT)
        return mux_put_remote_port(client->out, id, reply.port) == AUTHPLUG_OK;
    return mux_put_ok(client->out, id) == AUTHPLUG_OK;
}

/* Carries out a request that makes sense. */
static bool
serve(struct server *server, struct client *client)
{
    uint32_t id = client->inbox.request.id;

    switch (client->inbox.request.type) {
    case MUX_NEW_SESSION:
        return start_session(server, client);
    case MUX_NEW_STDIO_FWD:
        return start_stdio(server, client);
    case MUX_OPEN_FWD:
    case MUX_CLOSE_FWD:
        return ask_forward(server, client);
    case MUX_ALIVE_CHECK:
        return mux_put_alive(client->out, id, (uint32_t)getpid()) ==
               AUTHPLUG_OK;
    case MUX_TERMINATE:
        server->exit = true;
        return mux_put_ok(client->out, id) == AUTHPLUG_OK;
    case MUX_STOP_LISTENING:
        server->closing = true;
        stop_listening(server);
        return mux_put_ok(client->out, id) == AUTHPLUG_OK;
    default:
        return true; /* HELLO */
    }
}

/* A whole request is there, descriptors included. */
static bool
handle(struct server *server, struct client *client)
{
    const struct mux_request *request = &client->inbox.request;

    mux_debug(&server->hub, "client %d: %s", client->sock,
              mux_request_name(request->type));
    if (client->greeted == (request->type == MUX_HELLO))
        return false; /* twice, or not first */
    client->greeted = true;
    if (request->refusal != NULL)
        return refuse(client, request->refusal);
    return serve(server, client);
}

/* Serves what has come; the others are to have their turns, too. */
static void
read_client(struct server *server, struct client *client)
{
    int turns = CLIENT_TURNS;
    int result = 1;

    while (result == 1 && turns-- > 0 && !client->leaving && !client->waits) {
        result = mux_inbox_read(&client->inbox, client->sock);
        if (result == 1 && !handle(server, client))
            result = -1;
    }
    if (result < 0)
        hang_up(server, client);
}

/* ---------------------------------------------------- what clients are told */

static bool
flush_client(struct client *client)
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
tell(struct client *client, const struct mux_session_report *report)
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
tell_link(struct server *server, struct client *client)
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
        drop_link(server, client);
    return status == AUTHPLUG_OK;
}

/* Whether its session is over, and only to be let go of. */
static bool
is_through(const struct client *client)
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
update_client(struct server *server, struct client *client)
{
    if (client->session != NULL && client->sock >= 0 &&
        !tell(client, mux_session_report(client->session)))
        hang_up(server, client);
    if (client->link != NULL && !tell_link(server, client))
        hang_up(server, client);
    if (client->waits && client->sock >= 0 && !ask_forward(server, client))
        hang_up(server, client);
    if (client->sock >= 0 && !flush_client(client))
        hang_up(server, client);
    if (client->sock >= 0 && client->leaving &&
        authplug_secret_len(client->out) == 0)
        hang_up(server, client);
    /* the server hears of it after the client, who waits for it */
    if (is_through(client)) {
        mux_session_free(&client->session);
        mux_spare_again(&server->spare);
    }
    return client->sock >= 0 || client->session != NULL;
}

static void
update_clients(struct server *server)
{
    size_t i = 0;

    while (i < server->count) {
        if (update_client(server, server->clients[i])) {
            i++;
            continue;
        }
        free_client(server->clients[i]);
        server->clients[i] = server->clients[--server->count];
    }
}

/* --------------------------------------------------------------- the loop */

/* Whether a session may come, and none is there. */
static bool
wants_spare(const struct server *server)
{
    if (!server->options->ahead || server->closing || server->dead ||
        (server->options->once && server->served))
        return false;
    for (size_t i = 0; i < server->count; i++)
        if (server->clients[i]->session != NULL)
            return false;
    return true;
}

static void
check_connection(struct server *server)
{
    ssh_session ssh = server->hub.ssh;

    if (!ssh_is_connected(ssh) ||
        (ssh_get_status(ssh) & (SSH_CLOSED | SSH_CLOSED_ERROR)) != 0)
        server->dead = true;
}

/*
 * A session with too large a backlog pauses the connection until its reader
 * goes on; while others are there, not for ever.
 */
static void
check_backlogs(struct server *server)
{
    size_t i;

    server->hub.paused = false;
    for (i = 0; i < server->count; i++) {
        struct mux_session *session = server->clients[i]->session;
        long ms = session != NULL ? mux_session_flooded_ms(session) : -1;

        if (ms > MUX_BACKLOG_MS && server->count > 1)
            mux_session_give_up(session);
        else if (ms >= 0)
            server->hub.paused = true;
    }
}

/*
 * Steps all sessions and forwards, again and again while any of their calls let
 * libssh take packets in, for these may be for one that was stepped before.
 */
static void
step_sessions(struct server *server)
{
    uint64_t before;
    size_t i;

    do {
        before = server->hub.packets.in_packets;
        check_backlogs(server);
        /* Who comes first leaves nothing to the others: take turns. */
        if (server->turn++ % 2 == 1)
            mux_forwards_step(server->forwards, server->turn / 2);
        for (i = 0; i < server->count; i++) {
            struct client *client =
                server->clients[(server->turn + i) % server->count];

            if (client->session != NULL)
                mux_session_step(client->session);
        }
        if (server->turn % 2 == 1)
            mux_forwards_step(server->forwards, server->turn / 2);
        check_connection(server);
    } while (server->hub.packets.in_packets != before && !server->dead);
    server->stepped = before;
}

static void
take_packets(struct server *server)
{
    int turns = SSH_TURNS;
    int rc;

    do
        rc = ssh_event_dopoll(server->event, 0);
    while (rc == SSH_OK && --turns > 0);
    if (rc == SSH_ERROR)
        server->dead = true;
}

static void
take_signals(struct server *server)
{
    struct signalfd_siginfo info;
    size_t i;

    while (read(server->signal_fd, &info, sizeof info) ==
           (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT ||
            info.ssi_signo == SIGHUP)
            server->stop = true;
        if (info.ssi_signo != SIGWINCH)
            continue;
        for (i = 0; i < server->count; i++)
            if (server->clients[i]->session != NULL)
                mux_session_resized(server->clients[i]->session);
    }
}

static void
add_poll(struct server *server, int fd, int events)
{
    server->polls[server->polls_used++] = (struct pollfd){fd, (short)events, 0};
}

/* The first four places are fixed; poll() passes over negative ones. */
enum { AT_SIGNALS, AT_OWNER, AT_LISTEN, AT_SSH, AT_CLIENTS };

static void
fill_polls(struct server *server)
{
    ssh_session ssh = server->hub.ssh;
    bool writes = (ssh_get_status(ssh) & SSH_WRITE_PENDING) != 0;
    size_t i;

    server->polls_used = 0;
    add_poll(server, server->signal_fd, POLLIN);
    add_poll(server, server->owner_gone ? -1 : server->owner_fd, POLLIN);
    add_poll(server, server->hub.no_fds ? -1 : server->listen_fd, POLLIN);
    add_poll(server, server->hub.paused ? -1 : ssh_get_fd(ssh),
             writes ? POLLIN | POLLOUT : POLLIN);
    for (i = 0; i < server->count; i++) {
        struct client *client = server->clients[i];
        bool says = authplug_secret_len(client->out) > 0;

        client->polled = server->polls_used;
        add_poll(server, client->sock,
                 says            ? POLLOUT
                 : client->waits ? 0 /* POLLHUP comes anyhow */
                                 : POLLIN);
        if (client->session != NULL)
            server->polls_used += mux_session_poll(
                client->session, server->polls + server->polls_used);
    }
    server->forwards_polled = server->polls_used;
    server->polls_used +=
        mux_forwards_poll(server->forwards, server->polls + server->polls_used);
}

static void
take_clients(struct server *server)
{
    size_t i;

    for (i = 0; i < server->count; i++) {
        struct client *client = server->clients[i];
        const struct pollfd *poll = server->polls + client->polled;

        if (client->session != NULL)
            mux_session_ready(client->session, poll + 1);
        if (client->sock < 0 || poll->revents == 0 ||
            authplug_secret_len(client->out) > 0)
            continue;
        if (client->waits)
            hang_up(server, client);
        else
            read_client(server, client);
    }
}

/* Turns those away that say nothing; whether there are any yet. */
static bool
drop_silent(struct server *server)
{
    bool any = false;

    for (size_t i = 0; i < server->count; i++) {
        struct client *client = server->clients[i];

        if (client->sock < 0 || client->greeted)
            continue;
        if (mux_elapsed_ms(&client->since) >= HELLO_MS)
            hang_up(server, client);
        else
            any = true;
    }
    return any;
}

/* Whether nobody uses the connection, so that it may end by idle_ms. */
static bool
is_idle(const struct server *server)
{
    return server->count == 0 &&
           mux_forwards_links(server->forwards)->count == 0 &&
           server->options->idle_ms > 0 &&
           (server->options->owner_pid == 0 || server->owner_gone ||
            server->options->follows);
}

/* The sooner of two waits, of which -1 is none. */
static long
sooner(long a, long b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/*
 * How long poll() may wait: for ever, but for the clocks that run. Not at all
 * when packets have come since all was stepped: libssh takes some in whenever a
 * channel is closed, and the socket has nothing to tell of these any more.
 */
static int
patience(const struct server *server)
{
    const struct mux_options *options = server->options;
    long left = mux_alive_patience(&server->alive), more;

    if (server->hub.packets.in_packets != server->stepped)
        return 0;
    if (!server->served && options->first_client_ms > 0) {
        more = options->first_client_ms - mux_elapsed_ms(&server->start);
        left = sooner(left, more < 0 ? 0 : more);
    }
    if (is_idle(server)) {
        more = options->idle_ms - mux_elapsed_ms(&server->idle);
        left = sooner(left, more < 0 ? 0 : more);
    }
    if ((options->owner_pid > 0 && !server->owner_gone &&
         server->owner_fd < 0) ||
        server->hub.no_fds || server->hub.paused || server->silent ||
        mux_forwards_have_clock(server->forwards))
        left = sooner(left, 1000);
    return left < INT_MAX ? (int)left : INT_MAX;
}

static void
check_owner(struct server *server)
{
    pid_t owner = server->options->owner_pid;

    /* A pidfd tells by itself; without one, ask. */
    if (owner > 0 && !server->owner_gone && server->owner_fd < 0)
        server->owner_gone = kill(owner, 0) != 0 && errno == ESRCH;
}

/* Whether there is a reason to end. */
static bool
is_over(const struct server *server, enum mux_end *end)
{
    const struct mux_options *options = server->options;

    if (server->dead) {
        *end = MUX_END_CONNECTION;
        return true;
    }
    if (server->stop || (options->follows && server->owner_gone)) {
        *end = MUX_END_STOPPED;
        return true;
    }
    if (server->exit) {
        *end = MUX_END_EXIT;
        return true;
    }
    if (server->count > 0)
        return false;
    *end = MUX_END_DONE;
    if (server->closing && mux_forwards_links(server->forwards)->count == 0)
        return true;
    if ((server->owner_gone && options->idle_ms == 0) ||
        (options->once && server->served) ||
        (is_idle(server) && mux_elapsed_ms(&server->idle) >= options->idle_ms))
        return true;
    *end = MUX_END_UNUSED;
    return !server->served && options->first_client_ms > 0 &&
           mux_elapsed_ms(&server->start) >= options->first_client_ms;
}

static enum mux_end
loop(struct server *server)
{
    enum mux_end end;

    for (;;) {
        if (!is_idle(server)) /* who is there may be gone after this turn */
            clock_gettime(CLOCK_MONOTONIC, &server->idle);
        step_sessions(server);
        server->silent = drop_silent(server);
        update_clients(server);
        mux_links_sweep(mux_forwards_links(server->forwards));
        check_owner(server);
        mux_spare_step(&server->spare, &server->hub, wants_spare(server));
        if (!mux_alive_step(&server->alive))
            server->dead = true;
        if (is_over(server, &end))
            return end;
        fill_polls(server);
        if (poll(server->polls, server->polls_used, patience(server)) < 0) {
            if (errno == EINTR)
                continue;
            return MUX_END_ERROR;
        }
        server->hub.no_fds = false;
        if (server->polls[AT_SIGNALS].revents != 0)
            take_signals(server);
        if (server->polls[AT_OWNER].revents != 0)
            server->owner_gone = true;
        take_clients(server);
        mux_forwards_ready(server->forwards,
                           server->polls + server->forwards_polled);
        if (server->polls[AT_SSH].revents != 0)
            take_packets(server);
        if (server->polls[AT_LISTEN].revents != 0)
            accept_client(server);
    }
}

/* -------------------------------------------------------- before and after */

/*
 * What the server asks of us: channels are taken where they were asked for,
 * all else is denied; libssh would keep it, unanswered.
 */
static int
on_message(ssh_session ssh, ssh_message message, void *user)
{
    struct server *server = user;

    (void)ssh;
    return mux_forwards_take(server->forwards, message) ? 0 : 1;
}

static bool
set_up_connection(struct server *server)
{
    ssh_session ssh = server->hub.ssh;
    int yes = 1;

    ssh_set_blocking(ssh, 0);
    ssh_set_message_callback(ssh, on_message, server);
    ssh_set_counters(ssh, NULL, &server->hub.packets);
    /* Requests are small and answered one by one; fails on other sockets. */
    (void)setsockopt(ssh_get_fd(ssh), IPPROTO_TCP, TCP_NODELAY, &yes,
                     sizeof yes);
    server->event = ssh_event_new();
    return server->event != NULL &&
           ssh_event_add_session(server->event, ssh) == SSH_OK;
}

static int
open_owner(pid_t owner)
{
#ifdef SYS_pidfd_open
    /* Close-on-exec by itself. ESRCH is noticed by check_owner. */
    if (owner > 0)
        return (int)syscall(SYS_pidfd_open, owner, 0);
#endif
    (void)owner;
    return -1;
}

/* The signals that come through signal_fd, and SIGPIPE, which is dropped. */
static void
block_signals(sigset_t *taken, sigset_t *before)
{
    static const int stops[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action;
    size_t i;

    sigemptyset(taken);
    sigaddset(taken, SIGWINCH);
    sigaddset(taken, SIGPIPE);
    for (i = 0; i < sizeof stops / sizeof stops[0]; i++)
        if (sigaction(stops[i], NULL, &action) != 0 ||
            action.sa_handler != SIG_IGN)
            sigaddset(taken, stops[i]);
    sigprocmask(SIG_BLOCK, taken, before);
}

/* At the end nothing new is begun. */
static int
deny(ssh_session ssh, ssh_message message, void *user)
{
    (void)ssh;
    (void)message;
    (void)user;
    return 1;
}

/* Lets go of the channels, and sends what is left to be sent. */
static void
say_farewell(struct server *server)
{
    ssh_session ssh = server->hub.ssh;
    struct timespec start;
    long left;

    ssh_set_message_callback(ssh, deny, NULL);
    while (server->count > 0) {
        struct client *client = server->clients[--server->count];

        if (server->dead && client->session != NULL)
            mux_session_lost(client->session);
        hang_up(server, client); /* closes the channel */
        free_client(client);
    }
    mux_spare_end(&server->spare);
    mux_forwards_free(&server->forwards);
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (!server->dead && server->event != NULL &&
           (ssh_get_status(ssh) & SSH_WRITE_PENDING) != 0 &&
           (left = FAREWELL_MS - mux_elapsed_ms(&start)) > 0) {
        struct pollfd one = {ssh_get_fd(ssh), POLLIN | POLLOUT, 0};

        if (poll(&one, 1, (int)left) < 0 && errno != EINTR)
            break;
        take_packets(server);
        check_connection(server);
    }
    if (server->event != NULL) {
        ssh_event_remove_session(server->event, ssh);
        ssh_event_free(server->event);
    }
    ssh_set_counters(ssh, NULL, NULL);
    ssh_disconnect(ssh);
}

/* SIGPIPE may be pending from a write; unblocked, it would kill. */
static void
restore_signals(const sigset_t *before)
{
    struct timespec none = {0, 0};
    sigset_t broken;

    sigemptyset(&broken);
    sigaddset(&broken, SIGPIPE);
    if (!sigismember(before, SIGPIPE))
        (void)sigtimedwait(&broken, NULL, &none);
    sigprocmask(SIG_SETMASK, before, NULL);
}

static void
close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

enum mux_end
mux_serve(ssh_session session, int listen_fd, const struct mux_options *options)
{
    struct server *server = calloc(1, sizeof *server);
    enum mux_end end = MUX_END_ERROR;
    sigset_t taken;
    sigset_t before;

    if (server == NULL) {
        close(listen_fd);
        return MUX_END_ERROR;
    }
    block_signals(&taken, &before);
    server->options = options;
    note_path(server);
    server->listen_fd = listen_fd;
    server->owner_fd = open_owner(options->owner_pid);
    server->signal_fd = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
    server->hub.ssh = session;
    server->hub.scratch = malloc(MUX_SCRATCH);
    server->hub.debug = options->debug;
    server->hub.user = options->user;
    server->hub.agent = options->agent;
    server->hub.spare = &server->spare;
    server->forwards = mux_forwards_new(&server->hub);
    clock_gettime(CLOCK_MONOTONIC, &server->start);
    server->idle = server->start;
    mux_alive_begin(&server->alive, &server->hub, options->alive_ms,
                    options->alive_count);
    if (server->signal_fd >= 0 && server->hub.scratch != NULL &&
        server->forwards != NULL && set_up_connection(server))
        end = loop(server);
    mux_debug(&server->hub, "serving ends: %d", (int)end);

    remove_path(server);
    close_fd(server->listen_fd);
    say_farewell(server);
    close_fd(server->signal_fd);
    close_fd(server->owner_fd);
    free(server->hub.scratch);
    free(server);
    restore_signals(&before);
    return end;
}
