/* Clock and byte streams. */
#define _GNU_SOURCE
#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
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

authplug_status
posix_poll(struct pollfd *fds, nfds_t count, int64_t deadline)
{
    int signals = io_signals_fd();
    int ready;

    fds[count].fd = signals;
    fds[count].events = POLLIN;
    fds[count].revents = 0;
    do {
        int64_t left = deadline - io_now();

        if (left < 0)
            left = 0;
        if (left > INT_MAX)
            left = INT_MAX;
        ready = poll(fds, signals >= 0 ? count + 1 : count, (int)left);
    } while (ready < 0 && errno == EINTR);
    if (ready < 0)
        return AUTHPLUG_IO;
    if (fds[count].revents != 0)
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

    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
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

authplug_status
io_wait(io_stream stream, bool to_read, bool to_write, int64_t deadline)
{
    struct pollfd fds[2] = {{stream, 0, 0}};

    fds[0].events =
        (short)((to_read ? POLLIN : 0) | (to_write ? POLLOUT : 0));
    return posix_poll(fds, 1, deadline);
}

authplug_status
io_read(io_stream from, void *buffer, size_t size, size_t *len,
        int64_t deadline)
{
    struct pollfd fds[2] = {{from, POLLIN, 0}};
    authplug_status status;
    ssize_t got;

    do {
        status = posix_poll(fds, 1, deadline);
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
 * The stream may be blocking: after POLLOUT a pipe takes PIPE_BUF bytes
 * without blocking, so no write is longer than that.
 */
authplug_status
io_write(io_stream to, authplug_span bytes, int64_t deadline)
{
    struct pollfd fds[2] = {{to, POLLOUT, 0}};
    authplug_status status;
    ssize_t done;

    while (bytes.len > 0) {
        status = posix_poll(fds, 1, deadline);
        if (status != AUTHPLUG_OK)
            return status;
        done = posix_write(to, bytes.data,
                           bytes.len < PIPE_BUF ? bytes.len : PIPE_BUF);
        if (done < 0 && errno == EPIPE)
            return AUTHPLUG_CLOSED;
        if (done < 0 && errno != EAGAIN)
            return AUTHPLUG_IO;
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

bool
io_standard_is_terminal(void)
{
    return isatty(STDIN_FILENO) == 1;
}

/* What standard error is from now on; the old one if it stays. */
static int
open_log(const char *log)
{
    if (log == NULL)
        return open("/dev/null", O_RDWR | O_CLOEXEC);
    if (log[0] == '-' && log[1] == 0)
        return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    return open(log,
                O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NOCTTY |
                    O_CLOEXEC,
                0600);
}

authplug_status
io_take_standard(const char *log, io_stream *in, io_stream *out)
{
    int from = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    int to = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
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
    *in = from;
    *out = to;
    return AUTHPLUG_OK;
}
