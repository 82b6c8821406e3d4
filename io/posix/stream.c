/* Clock and byte streams. */
#define _GNU_SOURCE
#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

int64_t
io_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
io_deadline(int64_t ms)
{
    int64_t now = io_now();

    return ms > INT64_MAX - now ? INT64_MAX : now + ms;
}

/* A deadline nearer than this is poll()'s own. */
#define NEAR 1000

void
posix_timer_open(posix_timer *timer)
{
    timer->fd = posix_above_standard(
        timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    timer->set = 0;
}

void
posix_timer_reset(posix_timer *timer)
{
    uint64_t times;

    timer->set = 0;
    (void)!read(timer->fd, &times, sizeof times);
}

void
posix_timer_close(posix_timer *timer)
{
    if (timer->fd >= 0)
        close(timer->fd);
    timer->fd = -1;
}

bool
posix_timer_covers(posix_timer *timer, int64_t deadline, int64_t now)
{
    struct itimerspec at = {{0, 0}, {0, 0}};

    if (timer == NULL || timer->fd < 0 || deadline - now < NEAR)
        return false;
    if (timer->set > now && timer->set <= deadline)
        return true;
    at.it_value.tv_sec = (time_t)(deadline / 1000);
    at.it_value.tv_nsec = (long)(deadline % 1000) * 1000000;
    timer->set = deadline;
    return timerfd_settime(timer->fd, TFD_TIMER_ABSTIME, &at, NULL) == 0;
}

authplug_status
posix_poll(struct pollfd *fds, nfds_t count, int64_t deadline,
           posix_timer *timer)
{
    struct pollfd *signals = &fds[count], *alarm = &fds[count + 1];
    int ready;

    signals->fd = io_signals_fd();
    signals->events = alarm->events = POLLIN;
    do {
        int64_t now = io_now(), left = deadline < now ? 0 : deadline - now;
        bool covered = posix_timer_covers(timer, deadline, now);

        alarm->fd = covered ? timer->fd : -1;
        signals->revents = alarm->revents = 0;
        if (left > INT_MAX)
            left = INT_MAX;
        ready = poll(fds, count + POSIX_SPARE, covered ? -1 : (int)left);
        if (alarm->revents != 0) {
            posix_timer_reset(timer);
            ready--;
        }
    } while ((ready < 0 && errno == EINTR) ||
             (ready == 0 && io_now() < deadline));
    if (ready < 0)
        return AUTHPLUG_IO;
    if (signals->revents != 0)
        return AUTHPLUG_CANCELLED;
    return ready == 0 ? AUTHPLUG_TIMEOUT : AUTHPLUG_OK;
}

/*
 * A library may not change the process's SIGPIPE; the signal of a failed
 * write is pending for this thread, so it is blocked and taken here.
 */
ssize_t
posix_write(int fd, const void *data, size_t len)
{
    const struct timespec at_once = {0, 0};
    sigset_t pipe_only, before, pending;
    ssize_t done;
    int error;

    sigemptyset(&pending);
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    if (sigismember(&before, SIGPIPE))
        sigpending(&pending); /* one that is somebody else's */
    do
        done = write(fd, data, len);
    while (done < 0 && errno == EINTR);
    error = errno;
    if (done < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE))
        while (sigtimedwait(&pipe_only, NULL, &at_once) < 0 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return done;
}

int
posix_above_standard(int fd)
{
    int copy;

    if (fd < 0 || fd > 2)
        return fd;
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    close(fd);
    return copy;
}

/* What io_take_standard() found out about the streams it gave. */
static struct {
    int nonblocking;   /* the output, if writing to it does not block */
    posix_timer timer; /* for the input */
} standard = {-1, {-1, 0}};

authplug_status
io_wait(io_stream stream, bool to_read, bool to_write, int64_t deadline)
{
    struct pollfd fds[1 + POSIX_SPARE] = {{stream, 0, 0}};

    fds[0].events =
        (short)((to_read ? POLLIN : 0) | (to_write ? POLLOUT : 0));
    return posix_poll(fds, 1, deadline, NULL);
}

authplug_status
io_read(io_stream from, void *buffer, size_t size, size_t *len,
        int64_t deadline)
{
    struct pollfd fds[1 + POSIX_SPARE] = {{from, POLLIN, 0}};
    authplug_status status;
    ssize_t got;

    do {
        status = posix_poll(fds, 1, deadline, &standard.timer);
        if (status != AUTHPLUG_OK)
            return status;
        got = read(from, buffer, size);
    } while (got < 0 && (errno == EINTR || errno == EAGAIN));
    if (got < 0)
        return AUTHPLUG_IO;
    *len = (size_t)got;
    return AUTHPLUG_OK;
}

/*
 * A blocking stream is written to when it is ready, and then as much as a pipe
 * takes without blocking; another one when it said that it is full.
 */
authplug_status
io_write(io_stream to, authplug_span bytes, int64_t deadline)
{
    struct pollfd fds[1 + POSIX_SPARE] = {{to, POLLOUT, 0}};
    bool blocking = to != standard.nonblocking;
    bool wait = blocking;

    while (bytes.len > 0) {
        authplug_status status =
            wait ? posix_poll(fds, 1, deadline, NULL) : AUTHPLUG_OK;
        size_t part = blocking && bytes.len > PIPE_BUF ? PIPE_BUF : bytes.len;
        ssize_t done;

        if (status != AUTHPLUG_OK)
            return status;
        done = write(to, bytes.data, part);
        if (done < 0 && errno == EPIPE)
            return AUTHPLUG_CLOSED;
        if (done < 0 && errno != EAGAIN && errno != EINTR)
            return AUTHPLUG_IO;
        wait = blocking || done < 0;
        if (done > 0) {
            bytes.data += done;
            bytes.len -= (size_t)done;
        }
    }
    return AUTHPLUG_OK;
}

void
io_close(io_stream stream)
{
    close(stream);
}

static bool output_closed;

void
io_sanitise(void)
{
    int fd;

    output_closed = fcntl(STDOUT_FILENO, F_GETFD) < 0;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd < 3);
    if (fd >= 0)
        close(fd);
    (void)close_range(3, ~0u, 0);
    /* who ignores its children cannot learn how they ended */
    (void)signal(SIGCHLD, SIG_DFL);
}

bool
io_printed(void)
{
    if (fflush(stdout) != 0)
        return false;
    errno = EBADF;
    return !output_closed;
}

void
io_keep_secrets(void)
{
    static const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
}

bool
io_standard_is_terminal(void)
{
    return isatty(STDIN_FILENO) == 1;
}

/* What standard error is from now on; the old one if it stays. */
static int
open_log(const char *log)
{
    bool stays = log != NULL && log[0] == '-' && log[1] == 0;
    int now = stays ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3) : -1;

    if (now >= 0)
        return now;
    if (stays || log == NULL)
        return open("/dev/null", O_RDWR | O_CLOEXEC);
    return open(log,
                O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NOCTTY |
                    O_CLOEXEC,
                0600);
}

/*
 * A copy of standard output that does not block. Where it is a pipe it gets an
 * open file of its own, since O_NONBLOCK would also hold for others who have
 * this one.
 */
static int
copy_output(void)
{
    int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat is;

    if (fd >= 0 && (fstat(fd, &is) != 0 || !S_ISFIFO(is.st_mode))) {
        close(fd);
        fd = -1;
    }
    if (fd < 0)
        return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    return standard.nonblocking = posix_above_standard(fd);
}

static void
ignore(int number)
{
    (void)number;
}

/* A handler, unlike SIG_IGN, is not handed on to the commands that a plugin
 * runs. */
static void
survive_sigpipe(void)
{
    struct sigaction action = {0};

    action.sa_handler = ignore;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGPIPE, &action, NULL);
}

authplug_status
io_take_standard(const char *log, io_stream *in, io_stream *out)
{
    int from = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    int to = copy_output();
    int null = posix_above_standard(open("/dev/null", O_RDWR | O_CLOEXEC));
    int errors = posix_above_standard(open_log(log));
    bool done = from >= 0 && to >= 0 && null >= 0 && errors >= 0 &&
                dup2(null, STDIN_FILENO) >= 0 &&
                dup2(errors, STDOUT_FILENO) >= 0 &&
                dup2(errors, STDERR_FILENO) >= 0;

    if (null >= 0)
        close(null);
    if (errors >= 0)
        close(errors);
    if (!done) {
        if (from >= 0)
            close(from);
        if (to >= 0)
            close(to);
        return AUTHPLUG_IO;
    }
    survive_sigpipe();
    posix_timer_open(&standard.timer);
    *in = from;
    *out = to;
    return AUTHPLUG_OK;
}
