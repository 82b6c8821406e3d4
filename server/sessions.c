/* What a logged-in client may do: the connection, its channels, its end. */
#define _GNU_SOURCE
#include "server/sessions.h"

#include "io/io.h"
#include "server/session_channel.h"

#include <libssh/callbacks.h>
#include <libssh/server.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Turns of the socket in one round; libssh reads 4 KiB in each. */
#define TURNS 64

/*
 * Packets that are taken in while our answers wait to be sent. A client that
 * asks and does not read is then not read, either.
 */
#define UNREAD_MAX 2048

/* How long what waits to be sent may take at the end, and the programs, which
 * are killed after SESSION_GRACE. */
#define FAREWELL_MS 1000
#define LAST_MS 5000

/* When a client that is silent is asked whether it is there, how often again,
 * and how many times, in seconds. */
#define ALIVE_IDLE 60
#define ALIVE_AGAIN 15
#define ALIVE_TIMES 4

/*
 * What the process may have of memory, at all and for each session: a backlog
 * with libssh and another with us, of 2 MiB at most. libssh has no bounds where
 * a client does not finish a change of keys, and not even an end where it gives
 * leave to send packets of 10 bytes, which leaves none for data: then memory
 * that is not to be had ends the connection.
 */
#define MEMORY_BASE ((rlim_t)16 << 20)
#define MEMORY_SESSION ((rlim_t)5 << 20)

typedef struct server {
    session_hub hub;
    ssh_event event;
    struct ssh_server_callbacks_struct callbacks;
    session **of; /* those that are open, and what those left running */
    size_t count, size;
    size_t turn;      /* whose turn is first; it goes round */
    uint64_t flushed; /* packets that had come when all was sent last */
    int64_t due;      /* when something has to be done; INT64_MAX for never */
    int64_t farewell; /* when a forced command's connection ends, or 0 */
    bool dead;        /* the connection is */
    int children;     /* a signalfd for SIGCHLD */
    struct pollfd *polls; /* with room for all sessions */
} server;

/* --------------------------------------------------------------- channels */

static size_t
open_count(const server *all)
{
    size_t open = 0;

    for (size_t i = 0; i < all->count; i++)
        open += !session_is_over(all->of[i]);
    return open;
}

static bool
make_room(server *all)
{
    size_t size = all->size > 0 ? 2 * all->size : 8;
    session **of;
    struct pollfd *polls;

    if (all->count < all->size)
        return true;
    of = reallocarray(all->of, size, sizeof *of);
    if (of == NULL)
        return false;
    all->of = of;
    polls = reallocarray(all->polls, 3 + size * SESSION_POLLS, sizeof *polls);
    if (polls == NULL)
        return false;
    all->polls = polls;
    all->size = size;
    return true;
}

/* The client asks for a session; NULL refuses. */
static ssh_channel
on_open(ssh_session ssh, void *user)
{
    server *all = user;
    ssh_channel channel = NULL;
    session *it;

    (void)ssh;
    if (open_count(all) >= all->hub.options->most || all->hub.forced_began ||
        !make_room(all))
        return NULL;
    it = session_new(&all->hub, &channel);
    if (it == NULL)
        return NULL;
    all->of[all->count++] = it;
    return channel;
}

/* What came after the login, and before we listened, libssh has kept. */
static void
take_kept(server *all)
{
    ssh_message message;

    while ((message = ssh_message_get(all->hub.ssh)) != NULL) {
        ssh_channel channel = NULL;

        if (ssh_message_type(message) == SSH_REQUEST_CHANNEL_OPEN &&
            ssh_message_subtype(message) == SSH_CHANNEL_SESSION)
            channel = on_open(all->hub.ssh, all);
        if (channel != NULL)
            ssh_message_channel_request_open_reply_accept_channel(message,
                                                                  channel);
        else
            ssh_message_reply_default(message);
        ssh_message_free(message);
    }
}

/* --------------------------------------------------------------- the loop */

static void
check_connection(server *all)
{
    ssh_session ssh = all->hub.ssh;

    if (!ssh_is_connected(ssh) ||
        (ssh_get_status(ssh) & (SSH_CLOSED | SSH_CLOSED_ERROR)) != 0)
        all->dead = true;
    if (all->hub.fault != NULL && !all->dead) {
        io_say(SESSIONS_PROGRAM, "a connection was ended: %s",
               all->hub.fault);
        all->dead = true;
    }
}

/*
 * Steps all sessions, again and again while any of their calls let libssh take
 * packets in, for these may be for one that was stepped before.
 */
static void
step_sessions(server *all)
{
    uint64_t before;

    do {
        before = all->hub.packets.in_packets;
        all->turn++;
        for (size_t i = 0; i < all->count && !all->dead; i++) {
            session_step(all->of[(all->turn + i) % all->count]);
            check_connection(all);
        }
        check_connection(all);
    } while (all->hub.packets.in_packets != before && !all->dead);
}

/* Does what is due, and forgets the sessions of which nothing is left. */
static void
tick_sessions(server *all)
{
    int64_t now = io_now();
    size_t i = 0;

    all->due = INT64_MAX;
    while (i < all->count) {
        int64_t due = session_tick(all->of[i], now);

        if (due < all->due)
            all->due = due;
        if (!session_is_gone(all->of[i])) {
            i++;
            continue;
        }
        session_free(all->of[i]);
        all->of[i] = all->of[--all->count];
    }
}

/* Takes leave of all children that have ended: programs, and what these had
 * started and did not outlive. */
static void
reap(server *all)
{
    struct signalfd_siginfo ignored;
    int status;
    pid_t pid;

    while (read(all->children, &ignored, sizeof ignored) > 0)
        ;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < all->count; i++)
            if (session_pid(all->of[i]) == pid)
                session_exited(all->of[i], status);
}

static bool
is_pending(const server *all)
{
    return (ssh_get_status(all->hub.ssh) & SSH_WRITE_PENDING) != 0;
}

/* Whether the client has asked for more than it has read the answers of. */
static bool
is_owing(server *all)
{
    if (!is_pending(all))
        all->flushed = all->hub.packets.in_packets;
    return all->hub.packets.in_packets - all->flushed > UNREAD_MAX;
}

/* Has libssh read and write. */
static void
take_packets(server *all)
{
    int turns = is_owing(all) ? 1 : TURNS;
    int rc;

    do
        rc = ssh_event_dopoll(all->event, 0);
    while (rc == SSH_OK && --turns > 0);
    if (rc == SSH_ERROR)
        all->dead = true;
}

/* The first places are fixed. */
enum { AT_CHILDREN, AT_SIGNALS, AT_SSH, AT_SESSIONS };

static void
wait_turn(server *all)
{
    int64_t left = all->due == INT64_MAX ? -1 : all->due - io_now();
    short events = is_owing(all) ? 0 : POLLIN;
    size_t used = AT_SESSIONS;

    if (is_pending(all))
        events |= POLLOUT;
    all->polls[AT_CHILDREN] = (struct pollfd){all->children, POLLIN, 0};
    all->polls[AT_SIGNALS] = (struct pollfd){io_signals_fd(), POLLIN, 0};
    all->polls[AT_SSH] =
        (struct pollfd){all->dead ? -1 : ssh_get_fd(all->hub.ssh), events, 0};
    for (size_t i = 0; i < all->count; i++)
        used += session_poll(all->of[i], all->polls + used);
    if (all->due != INT64_MAX && left < 0)
        left = 0;
    if (poll(all->polls, used, (int)left) < 0) {
        if (errno != EINTR)
            all->dead = true;
        return;
    }
    used = AT_SESSIONS;
    for (size_t i = 0; i < all->count; i++)
        used += session_ready(all->of[i], all->polls + used);
    if (all->polls[AT_CHILDREN].revents != 0)
        reap(all);
    if (all->polls[AT_SSH].revents != 0)
        take_packets(all);
}

/*
 * A forced command's connection ends with it. Clients disconnect by themselves,
 * and lose the exit status when somebody is quicker; to others it is done.
 */
static bool
is_served(server *all)
{
    if (!all->hub.forced_began)
        return false;
    for (size_t i = 0; i < all->count; i++)
        if (session_is_running(all->of[i]))
            return false;
    if (all->farewell == 0)
        all->farewell = io_deadline(FAREWELL_MS);
    if (all->farewell < all->due)
        all->due = all->farewell;
    return io_now() >= all->farewell;
}

static void
serve(server *all)
{
    take_kept(all);
    for (;;) {
        step_sessions(all);
        tick_sessions(all);
        if (all->dead || io_signals_caught() != 0 || is_served(all))
            return;
        wait_turn(all);
    }
}

/* ----------------------------------------------------------- before, after */

/* What of the process is changed, and put back. */
typedef struct before {
    struct sigaction child, pipe;
    sigset_t mask;
    int subreaper;
    struct rlimit memory;
} before;

/*
 * The ends of all that was started come to us, also of what has lost its
 * parent: so a process group that is there is known to be ours.
 */
static int
watch_children(before *kept)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t set;

    sigemptyset(&action.sa_mask);
    sigaction(SIGCHLD, &action, &kept->child);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, &kept->pipe);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &kept->mask);
    kept->subreaper = 0;
    prctl(PR_GET_CHILD_SUBREAPER, &kept->subreaper, 0, 0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void
unwatch_children(const before *kept)
{
    prctl(PR_SET_CHILD_SUBREAPER, kept->subreaper, 0, 0, 0);
    sigaction(SIGCHLD, &kept->child, NULL);
    sigaction(SIGPIPE, &kept->pipe, NULL);
    sigprocmask(SIG_SETMASK, &kept->mask, NULL);
    (void)setrlimit(RLIMIT_DATA, &kept->memory);
}

/* Gives the bound that was. */
static rlim_t
bound_memory(before *kept, unsigned most)
{
    struct rlimit bound;

    if (getrlimit(RLIMIT_DATA, &kept->memory) != 0)
        kept->memory = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
    bound = kept->memory;
/* A sanitizer's own memory is beyond all bounds. */
#if !defined(__SANITIZE_ADDRESS__)
    if (bound.rlim_cur > MEMORY_BASE + most * MEMORY_SESSION)
        bound.rlim_cur = MEMORY_BASE + most * MEMORY_SESSION;
    (void)setrlimit(RLIMIT_DATA, &bound);
#endif
    return kept->memory.rlim_cur;
}

/* Answers go out at once, and a client that is gone without a word, by a cut
 * cable, say, is noticed. */
static void
set_up_socket(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, ALIVE_IDLE},
        {IPPROTO_TCP, TCP_KEEPINTVL, ALIVE_AGAIN},
        {IPPROTO_TCP, TCP_KEEPCNT, ALIVE_TIMES},
        {IPPROTO_TCP, TCP_NODELAY, 1},
    };
    int flags = fcntl(fd, F_GETFL);

    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        (void)setsockopt(fd, options[i].level, options[i].name,
                         &options[i].value, sizeof options[i].value);
    /* libssh leaves a server's socket as it was accepted */
    (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static bool
set_up(server *all, ssh_session ssh, const sessions_options *options)
{
    all->hub.ssh = ssh;
    all->hub.options = options;
    all->due = INT64_MAX;
    set_up_socket(ssh_get_fd(ssh));
    ssh_set_blocking(ssh, 0);
    ssh_set_counters(ssh, NULL, &all->hub.packets);
    /* The rest that a client may ask for, libssh refuses by itself. */
    ssh_set_message_callback(ssh, NULL, NULL);
    all->callbacks.userdata = all;
    all->callbacks.channel_open_request_session_function = on_open;
    ssh_callbacks_init(&all->callbacks);
    all->event = ssh_event_new();
    return session_account_load(&all->hub.account, options->user) &&
           make_room(all) &&
           ssh_set_server_callbacks(ssh, &all->callbacks) == SSH_OK &&
           all->event != NULL &&
           ssh_event_add_session(all->event, ssh) == SSH_OK;
}

/* Ends all sessions, and tells the client. */
static void
say_farewell(server *all)
{
    int64_t deadline = io_deadline(FAREWELL_MS);

    for (size_t i = 0; i < all->count; i++)
        session_end(all->of[i]);
    while (!all->dead && is_pending(all) && io_now() < deadline) {
        struct pollfd socket = {ssh_get_fd(all->hub.ssh), POLLOUT, 0};

        (void)poll(&socket, 1, (int)(deadline - io_now()));
        take_packets(all);
        check_connection(all);
    }
    if (all->event != NULL) {
        ssh_event_remove_session(all->event, all->hub.ssh);
        ssh_event_free(all->event);
    }
    ssh_set_counters(all->hub.ssh, NULL, NULL);
    ssh_disconnect(all->hub.ssh);
}

/* Waits until nothing is left of what was started. */
static void
outlive(server *all)
{
    int64_t deadline = io_deadline(LAST_MS);

    for (;;) {
        struct pollfd children = {all->children, POLLIN, 0};
        int64_t now = io_now(), next;

        reap(all);
        tick_sessions(all);
        if (all->count == 0 || now >= deadline)
            break;
        next = all->due < deadline ? all->due : deadline;
        (void)poll(&children, 1, next > now ? (int)(next - now) : 0);
    }
    while (all->count > 0)
        session_free(all->of[--all->count]);
}

int
sessions_serve(ssh_session ssh, const sessions_options *options)
{
    server *all = calloc(1, sizeof *all);
    bool broken = true;
    before kept;

    if (all == NULL)
        return 1;
    io_signals_begin();
    all->children = watch_children(&kept);
    all->hub.memory = bound_memory(&kept, options->most);
    if (all->children >= 0 && set_up(all, ssh, options)) {
        serve(all);
        broken = false;
        for (size_t i = 0; i < all->count; i++)
            if (all->dead && session_is_running(all->of[i]))
                broken = true;
    }
    say_farewell(all);
    if (all->children >= 0) {
        outlive(all);
        close(all->children);
    }
    session_account_free(&all->hub.account);
    free(all->of);
    free(all->polls);
    free(all);
    unwatch_children(&kept);
    io_signals_end();
    return broken ? 1 : 0;
}
