/*
 * What a login may take of time and memory, held by the kernel: whatever this
 * process, a library or a client's packet makes it do. Timers are not
 * inherited by what we start; bounds of memory are, and plugins have none.
 */
#define _GNU_SOURCE
#include "server/serve_connection.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

/* after the deadline, at which the login ends in good order */
#define SLACK_MS 3000
#define PROCESSOR_SECONDS 30
/* of what is written; a hash of a password may need much */
#define MEMORY_MAX ((rlim_t)512 << 20)

static void
set_timer(int which, int signal_number, int64_t ms)
{
    struct itimerval timer = {
        .it_value = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000}};

    (void)signal(signal_number, SIG_DFL);
    (void)setitimer(which, &timer, NULL);
}

void
bounds_begin(int64_t deadline)
{
    set_timer(ITIMER_REAL, SIGALRM, deadline - io_now() + SLACK_MS);
    set_timer(ITIMER_PROF, SIGPROF, PROCESSOR_SECONDS * 1000);
    bounds_memory(true);
}

void
bounds_end(void)
{
    set_timer(ITIMER_REAL, SIGALRM, 0);
    set_timer(ITIMER_PROF, SIGPROF, 0);
    bounds_memory(false);
}

void
bounds_memory(bool on)
{
/* A sanitizer's own memory is beyond all bounds. */
#if !defined(__SANITIZE_ADDRESS__)
    struct rlimit data;

    if (getrlimit(RLIMIT_DATA, &data) != 0)
        return;
    data.rlim_cur = data.rlim_max;
    if (on && (data.rlim_max == RLIM_INFINITY || data.rlim_max > MEMORY_MAX))
        data.rlim_cur = MEMORY_MAX;
    (void)setrlimit(RLIMIT_DATA, &data);
#else
    (void)on;
#endif
}
