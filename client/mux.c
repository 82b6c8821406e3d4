/* A control master for stock ssh: the socket, and the loop. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "client/mux.h"

#include "client/mux_alive.h"
#include "client/mux_clients.h"
#include "client/mux_forward.h"
#include "client/mux_spare.h"

#include <errno.h>
#include <fcntl.h>
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

/* Rounds of stepping before clients and signals have their turn. */
#define STEP_ROUNDS 64

/* For how long the farewell may take, when the server does not read. */
#define FAREWELL_MS 1000

/* The first places among the polls are fixed; negative ones are passed over. */
enum { AT_SIGNALS, AT_OWNER, AT_LISTEN, AT_SSH, AT_CLIENTS };

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
    struct mux_forwards *forwards;
    struct timespec start;
    struct timespec idle; /* when somebody was there last */
    struct mux_alive alive;
    struct mux_spare spare;
    struct mux_clients clients;
    size_t turn; /* whose turn is first; it goes round */
    struct pollfd polls[AT_CLIENTS + MUX_CLIENTS_POLLS + MUX_FORWARDS_POLLS];
    size_t forwards_polled; /* their first place */
    size_t polls_used;
};

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

    if (server->options->path != NULL && lstat(server->options->path, &st) == 0)
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

static bool
is_our_user(int sock)
{
    struct ucred peer;
    socklen_t len = sizeof peer;

    return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           peer.uid == geteuid();
}

static void
accept_client(struct server *server)
{
    int sock =
        accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (sock < 0) {
        server->hub.no_fds = errno == EMFILE || errno == ENFILE ||
                             errno == ENOMEM || errno == ENOBUFS;
        return;
    }
    if (!is_our_user(sock)) {
        mux_debug(&server->hub, "a client was turned away: another user");
        close(sock);
        return;
    }
    if (!mux_clients_add(&server->clients, sock))
        return;
    server->served = true;
    if (server->options->once)
        stop_listening(server);
}

/* --------------------------------------------------------------- the loop */

/* Whether a session may come, and none is there. */
static bool
wants_spare(const struct server *server)
{
    if (!server->options->ahead || server->clients.closing || server->dead ||
        (server->options->once && server->served))
        return false;
    return !mux_clients_have_session(&server->clients);
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
 * Steps all sessions and forwards, again and again while any of their calls let
 * libssh take packets in, for these may be for one that was stepped before.
 */
static void
step_sessions(struct server *server)
{
    int rounds = STEP_ROUNDS;
    uint64_t before;

    do {
        before = server->hub.packets.in_packets;
        mux_clients_end_floods(&server->clients);
        server->hub.paused = mux_clients_flooded(&server->clients);
        /* Who comes first leaves nothing to the others: take turns. */
        if (server->turn++ % 2 == 1)
            mux_forwards_step(server->forwards, server->turn / 2);
        mux_clients_step(&server->clients, server->turn);
        if (server->turn % 2 == 1)
            mux_forwards_step(server->forwards, server->turn / 2);
        check_connection(server);
    } while (server->hub.packets.in_packets != before && !server->dead &&
             --rounds > 0);
    server->stepped = before;
    server->hub.paused = mux_clients_flooded(&server->clients);
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

    while (read(server->signal_fd, &info, sizeof info) ==
           (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT ||
            info.ssi_signo == SIGHUP)
            server->stop = true;
        if (info.ssi_signo == SIGWINCH)
            mux_clients_resized(&server->clients);
    }
}

static void
add_poll(struct server *server, int fd, int events)
{
    server->polls[server->polls_used++] = (struct pollfd){fd, (short)events, 0};
}

static void
fill_polls(struct server *server)
{
    ssh_session ssh = server->hub.ssh;
    bool writes = (ssh_get_status(ssh) & SSH_WRITE_PENDING) != 0;

    server->polls_used = 0;
    add_poll(server, server->signal_fd, POLLIN);
    add_poll(server, server->owner_gone ? -1 : server->owner_fd, POLLIN);
    add_poll(server, server->hub.no_fds ? -1 : server->listen_fd, POLLIN);
    add_poll(server, server->hub.paused ? -1 : ssh_get_fd(ssh),
             writes ? POLLIN | POLLOUT : POLLIN);
    server->polls_used +=
        mux_clients_poll(&server->clients, server->polls + server->polls_used);
    server->forwards_polled = server->polls_used;
    server->polls_used +=
        mux_forwards_poll(server->forwards, server->polls + server->polls_used);
}

/* Whether nobody uses the connection, so that it may end by idle_ms. */
static bool
is_idle(const struct server *server)
{
    return server->clients.count == 0 &&
           mux_forwards_links(server->forwards)->count == 0 &&
           server->options->idle_ms > 0 &&
           (server->options->owner_pid == 0 || server->owner_gone ||
            server->options->follows);
}

static void
note_use(struct server *server)
{
    if (!is_idle(server))
        clock_gettime(CLOCK_MONOTONIC, &server->idle);
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

    if (server->hub.packets.in_packets != server->stepped ||
        mux_forwards_have_news(server->forwards))
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
    if (server->clients.exit) {
        *end = MUX_END_EXIT;
        return true;
    }
    if (server->clients.count > 0)
        return false;
    *end = MUX_END_DONE;
    if (server->clients.closing &&
        mux_forwards_links(server->forwards)->count == 0)
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
        note_use(server); /* who is there may be gone after this turn */
        step_sessions(server);
        server->silent = mux_clients_drop_silent(&server->clients);
        mux_clients_update(&server->clients);
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
        note_use(server); /* until now; what has come may end it */
        server->hub.no_fds = false;
        if (server->polls[AT_SIGNALS].revents != 0)
            take_signals(server);
        if (server->polls[AT_OWNER].revents != 0)
            server->owner_gone = true;
        mux_clients_ready(&server->clients, server->polls + AT_CLIENTS);
        if (server->clients.closing && server->listen_fd >= 0)
            stop_listening(server);
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
    int yes = 1, flags = fcntl(ssh_get_fd(ssh), F_GETFL);

    ssh_set_blocking(ssh, 0);
    /*
     * That is about libssh's calls; the socket itself it has made block. Then a
     * send() of more than there is room for waits until the server has read.
     */
    if (flags < 0 || fcntl(ssh_get_fd(ssh), F_SETFL, flags | O_NONBLOCK) != 0)
        return false;
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
    mux_clients_end(&server->clients, server->dead);
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
    server->hub.lost = options->lost;
    server->hub.spare = &server->spare;
    server->forwards = mux_forwards_new(&server->hub);
    server->clients.hub = &server->hub;
    server->clients.forwards = server->forwards;
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
