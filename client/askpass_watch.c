/*
 * A helper that is killed cannot do what it would have done at its end: keep
 * its ssh from going on with an empty answer, and give the terminal its modes
 * back. The conversation does it then, whatever it waits for.
 */
#define _GNU_SOURCE
#include "client/askpass.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

static volatile sig_atomic_t watched = -1, its_ssh = -1, gone;

/* By a signal, as there is little time: ssh waits for the helper's end alone.
 * Where ssh has ended, or a signal has come, all is as it should be. */
static void
look(int number)
{
    struct pollfd helper = {watched, 0, 0}, ssh = {its_ssh, POLLIN, 0};
    int error = errno;

    (void)number;
    if (watched >= 0 && gone == 0 && poll(&helper, 1, 0) > 0 &&
        (helper.revents & POLLHUP) != 0 && poll(&ssh, 1, 0) == 0 &&
        io_signals_caught() == 0) {
        (void)pidfd_send_signal(its_ssh, SIGTERM, NULL, 0);
        gone = 1;
        (void)raise(SIGTERM); /* the end of our waits */
    }
    errno = error;
}

void
askpass_watch(int helper, int ssh_fd)
{
    struct sigaction action = {.sa_handler = look, .sa_flags = SA_RESTART};
    int flags = fcntl(helper, F_GETFL);

    sigemptyset(&action.sa_mask);
    if (flags < 0 || sigaction(SIGIO, &action, NULL) != 0)
        return;
    its_ssh = ssh_fd;
    watched = helper;
    if (fcntl(helper, F_SETOWN, getpid()) == 0)
        (void)fcntl(helper, F_SETFL, flags | O_ASYNC);
    (void)raise(SIGIO); /* it may have gone already */
}

bool
askpass_unwatch(void)
{
    int helper = watched;

    watched = -1;
    if (helper >= 0)
        (void)fcntl(helper, F_SETFL, fcntl(helper, F_GETFL) & ~O_ASYNC);
    return gone != 0;
}

bool
askpass_gone(void)
{
    return gone != 0;
}

/* ------------------------------------------------------------ the terminal */

void
askpass_modes_keep(askpass_modes *modes)
{
    modes->fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (modes->fd >= 0 && tcgetattr(modes->fd, &modes->before) != 0) {
        close(modes->fd);
        modes->fd = -1;
    }
}

void
askpass_modes_end(askpass_modes *modes, bool restore)
{
    sigset_t set, mask;

    if (modes->fd < 0)
        return;
    if (restore) {
        sigemptyset(&set);
        sigaddset(&set, SIGTTOU);
        (void)sigprocmask(SIG_BLOCK, &set, &mask);
        (void)tcsetattr(modes->fd, TCSANOW, &modes->before);
        (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    }
    close(modes->fd);
    modes->fd = -1;
}
