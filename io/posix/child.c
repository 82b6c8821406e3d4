/* Child processes: spawned by argv or by the shell, bounded, and gone after. */
#define _GNU_SOURCE
#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define LINE_MAX_BYTES 1024
#define ERRORS_MAX_BYTES 65536
#define TERM_GRACE 500
/* how often to look where the kernel cannot tell us that a process ended */
#define LOOK_EVERY 20

struct io_child {
    pid_t pid; /* of the program, if it is not guarded */
    posix_guard guard;
    int to, from, errors; /* our ends of its pipes; -1 once closed */
    posix_timer timer;
    int poll;             /* an epoll instance for all that it may do */
    int signals;          /* the one of io_signals_fd() that poll knows */
    int ended_fd;         /* readable when it ended; -1 if not to be had;
                             where there is a guard, its channel */
    bool heard_out;       /* its end is not the end of its output */
    void (*on_line)(void *, authplug_span);
    void *context;
    char line[LINE_MAX_BYTES];
    size_t line_len;
    size_t errors_total;
};

/* ------------------------------------------------------------- starting */

typedef struct pipes {
    int ours[3], theirs[3];
} pipes;

static void
close_all(int fds[3])
{
    for (int i = 0; i < 3; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static bool
open_pipes(pipes *p)
{
    bool good = true;

    for (int i = 0; i < 3; i++) {
        int ends[2] = {-1, -1};

        if (pipe2(ends, O_CLOEXEC) == 0) {
            ends[0] = posix_above_standard(ends[0]);
            ends[1] = posix_above_standard(ends[1]);
        }
        /* it reads its standard input and writes the other two */
        p->ours[i] = ends[i == 0];
        p->theirs[i] = ends[i != 0];
        good = good && ends[0] >= 0 && ends[1] >= 0 &&
               fcntl(p->ours[i], F_SETFL, O_NONBLOCK) == 0;
    }
    if (!good) {
        close_all(p->ours);
        close_all(p->theirs);
    }
    return good;
}

/* Signals as a new process expects them, a group or a session of its own, and
 * no descriptor of ours but its three. Opening a terminal first thing in a new
 * session makes it the controlling one. */
static int
prepare(posix_spawnattr_t *attr, posix_spawn_file_actions_t *actions,
        const posix_standard *streams)
{
    bool terminal = streams->terminal != NULL;
    sigset_t set;
    int error = 0;

    sigfillset(&set);
    error |= posix_spawnattr_setsigdefault(attr, &set);
    sigemptyset(&set);
    error |= posix_spawnattr_setsigmask(attr, &set);
    error |= posix_spawnattr_setpgroup(attr, 0);
    error |= posix_spawnattr_setflags(
        attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                  (terminal || streams->apart ? POSIX_SPAWN_SETSID
                                              : POSIX_SPAWN_SETPGROUP));
    if (terminal)
        error |= posix_spawn_file_actions_addopen(actions, 0,
                                                  streams->terminal, O_RDWR, 0);
    for (int i = terminal; i < 3; i++)
        error |= posix_spawn_file_actions_adddup2(
            actions, terminal ? 0 : streams->fds[i], i);
#ifdef __GLIBC__
    error |= posix_spawn_file_actions_addclosefrom_np(actions, 3);
#endif
    return error;
}

const char *
posix_path(const char *const *environment)
{
    for (; *environment != NULL; environment++)
        if (strncmp(*environment, "PATH=", 5) == 0)
            return *environment + 5;
    return "/bin:/usr/bin";
}

bool
posix_path_next(const char **path, const char *name, char file[PATH_MAX])
{
    size_t len = strlen(name) + 1;

    while (*path != NULL) {
        const char *folder = *path, *end = strchrnul(folder, ':');
        size_t at = (size_t)(end - folder);

        *path = *end == 0 ? NULL : end + 1;
        if (at == 0 || at + 1 + len > PATH_MAX)
            continue;
        memcpy(file, folder, at);
        file[at] = '/';
        memcpy(file + at + 1, name, len);
        return true;
    }
    return false;
}

bool
posix_path_goes_on(int failed, int *error)
{
    if (failed != ENOENT && failed != ENOTDIR)
        *error = failed;
    return failed == ENOENT || failed == ENOTDIR || failed == EACCES;
}

/* posix_spawnp() would look into our own PATH, not the program's. */
static int
spawn_found(pid_t *pid, const char *const *argv,
            const char *const *environment,
            const posix_spawn_file_actions_t *actions,
            const posix_spawnattr_t *attr)
{
    const char *path = posix_path(environment);
    char file[PATH_MAX];
    int error = ENOENT, failed;

    if (strchr(argv[0], '/') != NULL)
        return posix_spawn(pid, argv[0], actions, attr, (char *const *)argv,
                           (char *const *)environment);
    while (posix_path_next(&path, argv[0], file)) {
        failed = posix_spawn(pid, file, actions, attr, (char *const *)argv,
                             (char *const *)environment);
        if (failed == 0)
            return 0;
        if (!posix_path_goes_on(failed, &error))
            break;
    }
    return error;
}

int
posix_spawn_program(const char *const *argv, const char *const *environment,
                    const posix_standard *streams, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int error;

    if (posix_spawnattr_init(&attr) != 0)
        return ENOMEM;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        posix_spawnattr_destroy(&attr);
        return ENOMEM;
    }
    error = prepare(&attr, &actions, streams) ? ENOMEM : 0;
    if (error == 0)
        error = spawn_found(pid, argv, environment, &actions, &attr);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    return error;
}

static bool
is_guarded(const io_child *child)
{
    return child->guard.channel >= 0;
}

/* Gives the status, with errno. */
static authplug_status
start(io_child *born, const io_program *program, const pipes *p)
{
    const char *shell[] = {"/bin/sh", "-c", program->command, NULL};
    const char *const *argv = program->argv ? program->argv : shell;
    const char *const *environment = program->environment
                                         ? program->environment
                                         : (const char *const *)environ;
    const posix_standard streams = {.fds = p->theirs,
                                    .apart = program->apart};

    if (program->guarded || program->as != NULL)
        return posix_guard_start(&born->guard, program, argv, environment,
                                 p->theirs);
    errno = posix_spawn_program(argv, environment, &streams, &born->pid);
    if (errno == ENOMEM || errno == EAGAIN)
        return AUTHPLUG_IO;
    return errno == 0 ? AUTHPLUG_OK : AUTHPLUG_NOT_FOUND;
}

int
posix_watch_end(pid_t pid)
{
#ifdef SYS_pidfd_open
    return posix_above_standard((int)syscall(SYS_pidfd_open, pid, 0));
#else
    (void)pid;
    return -1;
#endif
}

/*
 * Everything that can happen is registered once with an epoll instance; what
 * it reports carries the descriptor. Signals are watched by who starts the
 * child, or from a later moment on.
 */
static bool
watch(const io_child *child, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};

    return fd < 0 || epoll_ctl(child->poll, EPOLL_CTL_ADD, fd, &event) == 0;
}

authplug_status
io_child_start(const io_program *program, io_child **child)
{
    io_child *born = calloc(1, sizeof *born);
    authplug_status status;
    pipes p;
    int error;

    if (born == NULL)
        return AUTHPLUG_NOMEM;
    if (!open_pipes(&p)) {
        free(born);
        return AUTHPLUG_IO;
    }
    born->guard.channel = -1;
    status = start(born, program, &p);
    error = errno;
    close_all(p.theirs);
    if (status != AUTHPLUG_OK) {
        close_all(p.ours);
        free(born);
        errno = error;
        return status;
    }
    born->to = p.ours[0];
    born->from = p.ours[1];
    born->errors = p.ours[2];
    born->ended_fd = is_guarded(born) ? born->guard.channel
                                      : posix_watch_end(born->pid);
    posix_timer_open(&born->timer);
    born->signals = -1;
    born->poll = posix_above_standard(epoll_create1(EPOLL_CLOEXEC));
    born->on_line = program->on_line;
    born->context = program->context;
    if (born->poll < 0 || !watch(born, born->from) ||
        !watch(born, born->errors) || !watch(born, born->ended_fd) ||
        !watch(born, born->timer.fd)) {
        error = errno;
        io_child_finish(&born, 0, NULL);
        errno = error;
        return AUTHPLUG_IO;
    }
    *child = born;
    return AUTHPLUG_OK;
}

/* ------------------------------------------------------- standard error */

static void
emit_line(io_child *child)
{
    if (child->on_line != NULL && child->errors_total <= ERRORS_MAX_BYTES)
        child->on_line(child->context,
                       authplug_span_make(child->line, child->line_len));
    child->line_len = 0;
}

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Closes a descriptor that is watched. Closing alone would leave it watched
 * while a process that another thread starts has a copy. */
static void
forget(const io_child *child, int *fd)
{
    (void)epoll_ctl(child->poll, EPOLL_CTL_DEL, *fd, NULL);
    close_fd(fd);
}

/* Takes what is there now; a program that writes without end is let write,
 * so that it does not block, and not listened to any more. */
static void
read_errors(io_child *child)
{
    char buffer[4096];
    ssize_t got = read(child->errors, buffer, sizeof buffer);

    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        if (child->line_len > 0)
            emit_line(child);
        forget(child, &child->errors);
    }
    for (ssize_t i = 0; i < got; i++) {
        child->errors_total++;
        if (buffer[i] != '\n')
            child->line[child->line_len++] = buffer[i];
        if (buffer[i] == '\n' || child->line_len == sizeof child->line)
            emit_line(child);
    }
    authplug_wipe(buffer, sizeof buffer);
}

/* -------------------------------------------------------------- talking */

bool
posix_has_ended(pid_t pid, io_exit *how)
{
    siginfo_t info;

    *how = (io_exit){false, -1, 0, false};
    info.si_pid = 0;
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
        return errno == ECHILD; /* somebody else reaped it */
    how->known = info.si_pid != 0;
    if (how->known && info.si_code == CLD_EXITED)
        how->code = info.si_status;
    else if (how->known)
        how->signal = info.si_status;
    return how->known;
}

static bool
has_ended(io_child *child, io_exit *how)
{
    return is_guarded(child) ? posix_guard_ended(&child->guard, how)
                             : posix_has_ended(child->pid, how);
}

/* What happened, once something has. */
typedef struct happened {
    bool output, ended, signal;
} happened;

#define EVENTS 8

/* Waits for anything, until the deadline; reads standard error. */
static authplug_status
wait_event(io_child *child, int64_t deadline, happened *what)
{
    struct epoll_event events[EVENTS];
    int64_t now = io_now(), left = deadline < now ? 0 : deadline - now;
    bool covered = posix_timer_covers(&child->timer, deadline, now);
    io_exit how;
    int count;

    if (child->ended_fd < 0 && left > LOOK_EVERY) {
        covered = false;
        left = LOOK_EVERY;
    }
    if (left > INT_MAX)
        left = INT_MAX;
    memset(what, 0, sizeof *what);
    count = epoll_wait(child->poll, events, EVENTS, covered ? -1 : (int)left);
    if (count < 0 && errno != EINTR)
        return AUTHPLUG_IO;
    for (int i = 0; i < count; i++) {
        int fd = events[i].data.fd;

        if (fd == child->from)
            what->output = true;
        else if (fd == child->errors)
            read_errors(child);
        else if (fd == child->ended_fd)
            what->ended = true;
        else if (fd == child->timer.fd)
            posix_timer_reset(&child->timer);
        else
            what->signal = true;
    }
    if (child->ended_fd < 0)
        what->ended = has_ended(child, &how);
    return AUTHPLUG_OK;
}

/*
 * Waits until there is output, or its end. OK also when the program ended, as
 * *ended tells, unless it is heard out.
 */
static authplug_status
await_output(io_child *child, int64_t deadline, bool *ended)
{
    int signals = io_signals_fd();
    happened what;

    if (signals != child->signals && watch(child, signals))
        child->signals = signals;
    for (;;) {
        authplug_status status = wait_event(child, deadline, &what);

        *ended = what.ended && !child->heard_out;
        if (status != AUTHPLUG_OK)
            return status;
        if (what.signal)
            return AUTHPLUG_CANCELLED;
        if (what.output || *ended)
            return AUTHPLUG_OK;
        if (io_now() >= deadline)
            return AUTHPLUG_TIMEOUT;
    }
}

/* Waits until more can be written; reads standard error meanwhile. */
static authplug_status
await_room(io_child *child, int64_t deadline)
{
    for (;;) {
        struct pollfd fds[2 + POSIX_SPARE] = {
            {child->to, POLLOUT, 0},
            {child->errors, POLLIN, 0},
        };
        authplug_status status = posix_poll(fds, 2, deadline, NULL);

        if (status != AUTHPLUG_OK)
            return status;
        if (fds[1].revents != 0)
            read_errors(child);
        if (fds[0].revents != 0)
            return AUTHPLUG_OK;
        if (io_now() >= deadline)
            return AUTHPLUG_TIMEOUT;
    }
}

authplug_status
io_child_read(io_child *child, void *buffer, size_t size, size_t *len,
              int64_t deadline)
{
    authplug_status status;
    bool ended;
    ssize_t got;

    for (;;) {
        status = await_output(child, deadline, &ended);
        if (status != AUTHPLUG_OK)
            return status;
        got = read(child->from, buffer, size);
        if (got < 0 && errno == EAGAIN && ended)
            got = 0;
        if (got >= 0)
            break;
        if (errno != EAGAIN && errno != EINTR)
            return AUTHPLUG_IO;
    }
    *len = (size_t)got;
    return AUTHPLUG_OK;
}

authplug_status
io_child_write(io_child *child, authplug_span bytes, int64_t deadline)
{
    while (bytes.len > 0) {
        ssize_t done =
            child->to < 0 ? -1 : posix_write(child->to, bytes.data, bytes.len);
        authplug_status status;

        if (child->to < 0 || (done < 0 && errno == EPIPE))
            return AUTHPLUG_CLOSED;
        if (done < 0 && errno != EAGAIN)
            return AUTHPLUG_IO;
        if (done > 0) {
            bytes.data += done;
            bytes.len -= (size_t)done;
            continue;
        }
        status = await_room(child, deadline);
        if (status != AUTHPLUG_OK)
            return status;
    }
    return AUTHPLUG_OK;
}

/* Its end is told once only, and is no end of a read; or as it was. */
static void
set_heard_out(io_child *child, bool on)
{
    struct epoll_event event = {.events = EPOLLIN | (on ? EPOLLONESHOT : 0),
                                .data = {.fd = child->ended_fd}};

    if (child->heard_out != on && child->ended_fd >= 0)
        (void)epoll_ctl(child->poll, EPOLL_CTL_MOD, child->ended_fd, &event);
    child->heard_out = on;
}

void
io_child_hear_out(io_child *child)
{
    set_heard_out(child, true);
}

void
io_child_close_input(io_child *child)
{
    close_fd(&child->to);
}

bool
io_child_listens(const io_child *child)
{
    struct pollfd fd = {child->to, 0, 0};

    return child->to >= 0 && poll(&fd, 1, 0) == 0;
}

/* --------------------------------------------------------------- ending */

/* Waits for its end, reading and dropping what it still says. */
bool
io_child_ended(io_child *child, int64_t deadline, io_exit *how)
{
    io_exit unwanted;
    char rest[4096];

    if (how == NULL)
        how = &unwanted;
    set_heard_out(child, false);
    while (!has_ended(child, how)) {
        bool ended;
        ssize_t got;

        if (await_output(child, deadline, &ended) != AUTHPLUG_OK)
            return false;
        if (ended)
            continue;
        /* some never stop talking */
        if (io_now() >= deadline)
            return false;
        got = read(child->from, rest, sizeof rest);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            forget(child, &child->from);
        authplug_wipe(rest, sizeof rest);
    }
    return true;
}

/* Ends the whole group and reaps the child; how it ended, if it has. */
static void
end_group(io_child *c, bool ended, io_exit *how)
{
    if (!ended) {
        kill(-c->pid, SIGTERM);
        kill(-c->pid, SIGCONT);
        (void)io_child_ended(c, io_deadline(TERM_GRACE), how);
    }
    /* the leader is not reaped yet, so the group's number is still ours;
     * where somebody else reaped it, the number may be anybody's */
    if (how->known || !ended)
        kill(-c->pid, SIGKILL);
    while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

void
io_child_finish(io_child **child, int64_t grace, io_exit *how)
{
    io_exit result = {false, -1, 0, false};
    io_child *c = *child;
    bool ended;

    if (c == NULL)
        return;
    close_fd(&c->to);
    ended = io_child_ended(c, io_deadline(grace), &result);
    if (is_guarded(c)) {
        posix_guard_finish(&c->guard, &result);
        c->ended_fd = -1;
    } else {
        end_group(c, ended, &result);
    }
    result.killed = !ended;
    if (c->errors >= 0)
        read_errors(c);
    if (c->line_len > 0)
        emit_line(c);
    close_fd(&c->from);
    close_fd(&c->errors);
    close_fd(&c->ended_fd);
    posix_timer_close(&c->timer);
    close_fd(&c->poll);
    authplug_wipe(c->line, sizeof c->line);
    free(c);
    *child = NULL;
    if (how != NULL)
        *how = result;
}
