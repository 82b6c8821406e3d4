/* Descriptors that a client passed, used without blocking. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "client/mux_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MAJOR_MEM 1   /* /dev/null and its like */
#define MAJOR_TTY 5   /* /dev/tty: another terminal for whoever opens it */
#define MAJOR_PTS 136 /* to 143 */

void
mux_fd_close(struct mux_fd *end)
{
    if (end->fd >= 0 && end->part == MUX_FD_WHOLE)
        close(end->fd);
    else if (end->fd >= 0 && end->part == MUX_FD_WRITING)
        (void)shutdown(end->fd, SHUT_WR);
    end->fd = -1;
}

struct mux_fd
mux_fd_of_socket(int sock, enum mux_fd_part part)
{
    return (struct mux_fd){sock, MUX_FD_SOCKET, part};
}

/* Another description of the same pipe or terminal, or -1. */
static int
open_again(int fd, const struct stat *st, int flags)
{
    char path[64];
    unsigned tty;

    flags = (flags & O_ACCMODE) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (S_ISCHR(st->st_mode) && major(st->st_rdev) == MAJOR_TTY) {
        /* /dev/tty, reopened by us, would be our terminal or none. */
        if (ioctl(fd, TIOCGDEV, &tty) != 0 || major(tty) < MAJOR_PTS ||
            major(tty) >= MAJOR_PTS + 8)
            return -1;
        snprintf(path, sizeof path, "/dev/pts/%u",
                 minor(tty) + ((major(tty) - MAJOR_PTS) << 8));
    }
    return open(path, flags);
}

/* Whether fd is the terminal that st, from another descriptor, is. */
static bool
is_same_terminal(int fd, const struct stat *st)
{
    struct stat again;

    if (!S_ISCHR(st->st_mode) || major(st->st_rdev) != MAJOR_TTY)
        return true;
    return fstat(fd, &again) == 0 && S_ISCHR(again.st_mode) &&
           major(again.st_rdev) >= MAJOR_PTS &&
           major(again.st_rdev) < MAJOR_PTS + 8;
}

struct mux_fd
mux_fd_adopt(int fd)
{
    struct mux_fd end = {fd, MUX_FD_CAUTIOUS, MUX_FD_WHOLE};
    struct stat st;
    int flags = fcntl(fd, F_GETFL);
    int mine;

    if (flags < 0 || fstat(fd, &st) != 0)
        return end;
    if (S_ISSOCK(st.st_mode)) {
        end.kind = MUX_FD_SOCKET;
        return end;
    }
    if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode) ||
        (S_ISCHR(st.st_mode) && major(st.st_rdev) == MAJOR_MEM) ||
        (flags & O_NONBLOCK) != 0) {
        end.kind = MUX_FD_DIRECT;
        return end;
    }
    if (!S_ISFIFO(st.st_mode) && !isatty(fd))
        return end;
    mine = open_again(fd, &st, flags);
    if (mine < 0)
        return end; /* another user's pipe, a pipe without a reader, ... */
    if (!is_same_terminal(mine, &st)) {
        close(mine);
        return end;
    }
    close(fd);
    end.fd = mine;
    end.kind = MUX_FD_DIRECT;
    return end;
}

static bool
is_ready(int fd, short events)
{
    struct pollfd one = {fd, events, 0};

    return poll(&one, 1, 0) > 0;
}

ssize_t
mux_fd_read(const struct mux_fd *end, void *data, size_t size)
{
    ssize_t got;

    if (end->kind == MUX_FD_CAUTIOUS && !is_ready(end->fd, POLLIN))
        return -1;
    do {
        if (end->kind == MUX_FD_SOCKET)
            got = recv(end->fd, data, size, MSG_DONTWAIT);
        else
            got = read(end->fd, data, size);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? -1 : 0;
    return got;
}

ssize_t
mux_fd_write(const struct mux_fd *end, const void *data, size_t len)
{
    ssize_t put;

    if (end->kind == MUX_FD_CAUTIOUS) {
        if (!is_ready(end->fd, POLLOUT))
            return 0;
        len = len < PIPE_BUF ? len : PIPE_BUF;
    }
    do {
        if (end->kind == MUX_FD_SOCKET)
            put = send(end->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        else
            put = write(end->fd, data, len);
    } while (put < 0 && errno == EINTR);
    if (put < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    return put;
}

bool
mux_sink_is_empty(const struct mux_sink *sink)
{
    return sink->backlog == 0 && sink->hold_len == 0;
}

void
mux_sink_close(struct mux_sink *sink)
{
    mux_fd_close(&sink->end);
    sink->blocked = false;
    sink->hold_len = 0;
}

bool
mux_sink_write(struct mux_sink *sink, const unsigned char *data, size_t len,
               size_t *taken)
{
    ssize_t put;

    *taken = 0;
    while (*taken < len && !sink->blocked) {
        put = mux_fd_write(&sink->end, data + *taken, len - *taken);
        if (put < 0)
            return false;
        *taken += (size_t)put;
        /* A short write says that it is full; no need to ask again. */
        if (put == 0 || (*taken < len && sink->end.kind == MUX_FD_DIRECT))
            sink->blocked = true;
    }
    return true;
}
