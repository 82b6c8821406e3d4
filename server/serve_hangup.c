/* The client that goes away while a plugin is waited for. */
#define _GNU_SOURCE
#include "server/serve_connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t watched = -1;

bool
hangup_is(int fd)
{
    struct pollfd socket = {fd, POLLRDHUP, 0};

    return poll(&socket, 1, 0) > 0;
}

/* Something happened at the socket. */
static void
look(int number)
{
    int error = errno, fd = watched;

    (void)number;
    if (fd >= 0 && hangup_is(fd)) {
        watched = -1;
        (void)raise(SIGHUP);
    }
    errno = error;
}

void
hangup_watch(int fd)
{
    struct sigaction action = {.sa_handler = look, .sa_flags = SA_RESTART};
    int flags = fcntl(fd, F_GETFL);

    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGIO, &action, NULL);
    watched = fd;
    (void)fcntl(fd, F_SETOWN, getpid());
    (void)fcntl(fd, F_SETFL, flags | O_ASYNC);
    look(SIGIO); /* what happened before */
}

void
hangup_ignore(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    watched = -1;
    (void)fcntl(fd, F_SETFL, flags & ~O_ASYNC);
}
