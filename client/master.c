/* The process that serves a connection to stock ssh. */
#define _GNU_SOURCE
#include "client/client.h"
#include "client/mux.h"
#include "client/standing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A connection that nobody watches is to end when its server is gone. */
#define ALIVE_S 60
#define ALIVE_COUNT 3

/* The socket, from master_prepare() on. */
static struct {
    int listener;
    char path[MUX_PATH_MAX];
    char link[MUX_PATH_MAX]; /* that leads to it, or "" */
} door = {.listener = -1};

/* A socket with a name of which nobody knows. */
static bool
open_door(void)
{
    char why[256];

    door.listener = mux_listen(door.path, sizeof door.path, why, sizeof why);
    if (door.listener < 0)
        io_say(PROGRAM, "%s", why);
    return door.listener >= 0;
}

void
master_abandon(void)
{
    if (door.listener < 0)
        return;
    unlink(door.path);
    if (door.link[0] != 0)
        unlink(door.link);
    close(door.listener);
    door.listener = -1;
    door.link[0] = 0;
}

bool
master_prepare(const struct standing *place)
{
    bool good = (place == NULL || standing_safe(place)) && open_door();

    /* only a trial: what is killed during the login is to leave nothing */
    if (place != NULL)
        master_abandon();
    return good;
}

bool
master_publish(const struct standing *place)
{
    bool good = open_door() && standing_publish(place, door.path);

    if (door.listener >= 0 && access(door.path, F_OK) != 0) {
        memcpy(door.path, place->name, sizeof door.path);
        if (good && strcmp(place->path, place->name) != 0)
            memcpy(door.link, place->path, sizeof door.link);
    }
    return good;
}

const char *
master_path(void)
{
    return door.listener >= 0 ? door.path : NULL;
}

/* ControlPersist, in milliseconds; what it is by default for "yes". */
static long
persistence(const char *value, long standard)
{
    long seconds = value != NULL ? strtol(value, NULL, 10) : 0;

    if (seconds > 0)
        return seconds < LONG_MAX / 1000 ? seconds * 1000 : -1;
    return value != NULL && strcmp(value, "yes") == 0 ? -1 : standard;
}

/* For those who use the connection, in the name of what made it. */
static const char *
lost_line(const struct login *login)
{
    static char line[120];

    (void)snprintf(line, sizeof line,
                   "%s: the connection to the server is lost: %s again",
                   PROGRAM, login->args->connect ? "connect" : "log in");
    return line;
}

static void
set_options(struct mux_options *options, const ssh_config *config,
            master_kind kind)
{
    int alive = config->aliveinterval;

    options->path = door.path;
    options->link = door.link[0] != 0 ? door.link : NULL;
    options->agent = config->agent;
    options->ahead = config->sessiontype == NULL ||
                     strcmp(config->sessiontype, "none") != 0;
    options->once = kind == MASTER_ONCE;
    if (kind != MASTER_STANDING)
        options->owner_pid = getpid();
    options->follows = kind == MASTER_HELD;
    if (kind != MASTER_ONCE && kind != MASTER_OWNED)
        options->idle_ms = persistence(config->controlpersist,
                                       kind == MASTER_SHARED ? 0 : -1);
    if (alive == 0 && (kind == MASTER_STANDING || kind == MASTER_HELD))
        alive = ALIVE_S;
    options->alive_ms = (long)alive * 1000;
    options->alive_count =
        config->alivecount > 0 ? (unsigned)config->alivecount : ALIVE_COUNT;
}

/* Of what the process before has open, the connection and the socket stay. */
static void
let_go(int connection)
{
    int kept[] = {connection, door.listener, connect_proxy_fd()};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    unsigned from = 3;

    for (int fd = 0; null >= 0 && fd < 3; fd++)
        (void)dup2(null, fd);
    for (;;) {
        unsigned next = ~0u;

        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
            if (kept[i] >= (int)from && (unsigned)kept[i] < next)
                next = (unsigned)kept[i];
        if (next > from)
            (void)close_range(from, next == ~0u ? next : next - 1, 0);
        if (next == ~0u)
            break;
        from = next + 1;
    }
    (void)!chdir("/");
}

/* A session of its own. What the terminal sent until then, maybe because its
 * session's leader, the process before, ended, was not meant for this one. */
static void
leave_terminal(void)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        (void)signal(numbers[i], SIG_IGN); /* drops what is pending, too */
    setsid();
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        (void)signal(numbers[i], SIG_DFL);
}

pid_t
master_start(struct login *login, master_kind kind)
{
    struct mux_options options = {0};
    enum mux_end end;
    pid_t child;

    set_options(&options, &login->config, kind);
    options.lost = lost_line(login);
    child = fork();
    if (child < 0)
        io_say(PROGRAM, "cannot start a process: %s", strerror(errno));
    if (child != 0)
        return child;
    leave_terminal();
    let_go(ssh_get_fd(login->session));
    end = mux_serve(login->session, door.listener, &options);
    connect_abandon(); /* a proxy that does not see that we have gone */
    _exit(end == MUX_END_CONNECTION || end == MUX_END_ERROR);
}

static volatile sig_atomic_t service;

static void
pass_on(int number)
{
    if (service > 0)
        (void)kill((pid_t)service, number == SIGHUP ? SIGHUP : SIGTERM);
}

int
master_wait(pid_t child)
{
    static const int ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    struct sigaction action = {0};
    int status = -1;

    action.sa_handler = pass_on;
    sigemptyset(&action.sa_mask);
    service = child;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        (void)sigaction(ends[i], &action, NULL);
    session_hold_signals(false);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    io_say(PROGRAM, "the connection to the server is lost: connect again");
    return 255;
}
