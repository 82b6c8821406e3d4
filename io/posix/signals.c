/* Signals that end us, turned into the end of a wait. */
#define _GNU_SOURCE
#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static const int watched[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
#define WATCHED (sizeof watched / sizeof *watched)

/* how many signals are taken for the same wish to end in order */
#define PATIENCE 3

static struct sigaction before[WATCHED];
static int bell[2] = {-1, -1};
static volatile sig_atomic_t caught, count;
static int depth;

static void
ring(int number)
{
    int error = errno;

    if (caught == 0)
        caught = number;
    if (++count > PATIENCE) {
        /* some library waits on regardless, and the user insists */
        signal(number, SIG_DFL);
        raise(number);
    }
    (void)!write(bell[1], "", 1);
    errno = error;
}

void
io_signals_begin(void)
{
    struct sigaction action = {0};
    size_t i;

    if (depth++ > 0)
        return;
    caught = count = 0;
    if (pipe2(bell, O_CLOEXEC | O_NONBLOCK) != 0) {
        bell[0] = bell[1] = -1;
        return;
    }
    action.sa_handler = ring;
    sigemptyset(&action.sa_mask);
    for (i = 0; i < WATCHED; i++) {
        sigaction(watched[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN) /* as under nohup */
            sigaction(watched[i], &action, NULL);
    }
}

void
io_signals_end(void)
{
    int number = caught;
    size_t i;

    if (--depth > 0 || bell[0] < 0)
        return;
    for (i = 0; i < WATCHED; i++)
        sigaction(watched[i], &before[i], NULL);
    close(bell[0]);
    close(bell[1]);
    bell[0] = bell[1] = -1;
    caught = 0;
    if (number != 0)
        raise(number);
}

int
io_signals_caught(void)
{
    return caught;
}

int
io_signals_fd(void)
{
    return bell[0];
}
