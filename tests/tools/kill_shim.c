/*
 * kill_shim.so - preloaded, it ends a program at a moment. KILL_SHIM is a call,
 * which one of its kind it is, whether it is still made, and the signal's
 * number: "renameat 1 before 9" kills the program just before it first calls
 * renameat(), "write 4 after 19" stops it after its fourth write().
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char name[16] = "", when[16] = "";
static int which, number, made;

__attribute__((constructor)) static void
begin(void)
{
    const char *plan = getenv("KILL_SHIM");

    if (plan != NULL &&
        sscanf(plan, "%15s %d %15s %d", name, &which, when, &number) != 4)
        abort();
    /* the commands that the program runs live on */
    (void)unsetenv("KILL_SHIM");
}

static void
strike(const char *call, const char *moment)
{
    if (strcmp(call, name) != 0)
        return;
    if (moment[0] == 'b')
        made++;
    if (made == which && strcmp(moment, when) == 0)
        (void)raise(number);
}

#define WATCH(type, call, parameters, arguments)                               \
    type call parameters;                                                      \
    type call parameters                                                       \
    {                                                                          \
        type(*real) parameters;                                                \
        type result;                                                           \
                                                                               \
        *(void **)&real = dlsym(RTLD_NEXT, #call);                             \
        strike(#call, "before");                                               \
        result = real arguments;                                               \
        strike(#call, "after");                                                \
        return result;                                                         \
    }
WATCH(int, fsync, (int fd), (fd))
WATCH(int, renameat, (int from, const char *old, int to, const char *new),
      (from, old, to, new))
WATCH(ssize_t, write, (int fd, const void *data, size_t len), (fd, data, len))
WATCH(int, poll, (struct pollfd * fds, nfds_t count, int timeout),
      (fds, count, timeout))
