/* A process for each connection: started, counted, and ended. */
#define _GNU_SOURCE
#include "server/serve.h"

#include "io/io.h"
#include "server/serve_connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* connections at a time, and of these not logged in; more wait in the kernel */
#define CONNECTIONS_MAX 400
#define STRANGERS_MAX 250
/* how long connections may take to end when serve does */
#define END_GRACE 5000
/* how long to wait when the system has no room for a connection */
#define NO_ROOM_MS 200

typedef struct child {
    pid_t pid;
    int told; /* a byte when the user is logged in; its end is the process's */
    bool known;
} child;

typedef struct children {
    const serve_config *config;
    const serve_keys *keys;
    serve_listeners *listeners;
    child of[CONNECTIONS_MAX];
    size_t count, strangers;
} children;

/* --------------------------------------------------------------- starting */

/* The child's: nothing of the listener's is left open. */
static _Noreturn void
run_child(children *all, pid_t parent, int fd, int told)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1);
    serve_listen_end(all->listeners);
    for (size_t i = 0; i < all->count; i++)
        close(all->of[i].told);
    /* its own signals, and an end of its own if it is ended with us; HUP is
     * what tells it that its client has gone */
    io_signals_end();
    signal(SIGHUP, SIG_DFL);
    io_signals_begin();
    connection_run(all->config, all->keys, fd, told);
}

static void
start(children *all, int fd)
{
    int ends[2];
    pid_t pid, parent = getpid();

    if (pipe2(ends, O_CLOEXEC) != 0) {
        io_say(SERVE_PROGRAM, "a connection was closed: %s", strerror(errno));
        return;
    }
    pid = fork();
    if (pid == 0) {
        close(ends[0]);
        run_child(all, parent, fd, ends[1]);
    }
    close(ends[1]);
    if (pid < 0) {
        io_say(SERVE_PROGRAM, "a connection was closed: %s", strerror(errno));
        close(ends[0]);
        return;
    }
    all->of[all->count++] = (child){.pid = pid, .told = ends[0]};
    all->strangers++;
}

/* Takes the connections that are there; false when the system has no room. */
static bool
take(children *all, int listener)
{
    while (all->count < CONNECTIONS_MAX && all->strangers < STRANGERS_MAX) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
            return errno != EMFILE && errno != ENFILE && errno != ENOBUFS &&
                   errno != ENOMEM;
        start(all, fd);
        close(fd);
    }
    return true;
}

/* ----------------------------------------------------------------- ending */

static void
report(pid_t pid, int status)
{
    if (WIFSIGNALED(status))
        io_say(SERVE_PROGRAM, "the process %ld of a connection was ended by "
                              "signal %d%s", (long)pid, WTERMSIG(status),
               WTERMSIG(status) == SIGALRM
                   ? ": its login hung"
                   : WTERMSIG(status) == SIGPROF
                         ? ": its login took too much processor time"
                         : "");
}

/* The process closes its end of the pipe by ending, so the wait is short. */
static void
reap(children *all, size_t i)
{
    child *ended = &all->of[i];
    int status = 0;

    while (waitpid(ended->pid, &status, 0) < 0 && errno == EINTR)
        ;
    report(ended->pid, status);
    close(ended->told);
    if (!ended->known)
        all->strangers--;
    *ended = all->of[--all->count];
}

static void
hear(children *all, size_t i)
{
    char byte;

    if (read(all->of[i].told, &byte, 1) != 1) {
        reap(all, i);
    } else if (!all->of[i].known) {
        all->of[i].known = true;
        all->strangers--;
    }
}

/* Waits until something happens; handles the children's. */
static void
turn(children *all, struct pollfd *first, size_t others, int timeout)
{
    size_t count = all->count;

    for (size_t i = 0; i < count; i++)
        first[others + i] = (struct pollfd){all->of[i].told, POLLIN, 0};
    if (poll(first, others + count, timeout) < 0) {
        for (size_t i = 0; i < others + count; i++)
            first[i].revents = 0;
        return;
    }
    for (size_t i = count; i-- > 0;) /* what moves was handled already */
        if (first[others + i].revents != 0)
            hear(all, i);
}

static void
end_all(children *all)
{
    struct pollfd fds[CONNECTIONS_MAX];
    int64_t deadline = io_deadline(END_GRACE);

    for (size_t i = 0; i < all->count; i++)
        kill(all->of[i].pid, SIGTERM);
    while (all->count > 0 && io_now() < deadline)
        turn(all, fds, 0, (int)(deadline - io_now()));
    for (size_t i = 0; i < all->count; i++)
        kill(all->of[i].pid, SIGKILL);
    while (all->count > 0)
        reap(all, 0);
}

/* -------------------------------------------------------------- listening */

int
serve_children(const serve_config *config, const serve_keys *keys,
               serve_listeners *listeners)
{
    static children all; /* large */
    static struct pollfd fds[1 + SERVE_TEXTS + CONNECTIONS_MAX];
    bool room = true;

    all = (children){.config = config, .keys = keys, .listeners = listeners};
    while (io_signals_caught() == 0) {
        size_t others = 1;
        bool listen = room && all.count < CONNECTIONS_MAX &&
                      all.strangers < STRANGERS_MAX;

        fds[0] = (struct pollfd){io_signals_fd(), POLLIN, 0};
        for (size_t i = 0; listen && i < listeners->count; i++)
            fds[others++] = (struct pollfd){listeners->of[i], POLLIN, 0};
        turn(&all, fds, others, room ? -1 : NO_ROOM_MS);
        room = true;
        for (size_t i = 1; i < others; i++)
            if (fds[i].revents != 0)
                room = take(&all, listeners->of[i - 1]) && room;
    }
    serve_listen_end(listeners);
    end_all(&all);
    return 0;
}
