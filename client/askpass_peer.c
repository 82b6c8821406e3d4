/* Who asks: processes by their number, which may soon be another's. */
#define _GNU_SOURCE
#include "client/askpass.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

/* A command that nests deeper than this is none that people run. */
#define GENERATIONS 64

/* A small file of /proc/PID, as a string; false when it is not there. */
static bool
read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    ssize_t len;
    int fd;

    (void)snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    len = read(fd, text, size - 1);
    close(fd);
    if (len < 0)
        return false;
    text[len] = 0;
    return true;
}

/* The parent, or 0. */
static pid_t
parent(pid_t pid)
{
    char text[1024], *at;

    if (!read_proc(pid, "stat", text, sizeof text))
        return 0;
    /* the name in parentheses may hold anything */
    at = strrchr(text, ')');
    if (at == NULL || strlen(at) < 5)
        return 0;
    return (pid_t)strtol(at + 4, NULL, 10);
}

/* The parents one after another up to root; how many, or 0 if it is none of
 * them. */
static size_t
climb(pid_t pid, pid_t root, pid_t up[GENERATIONS])
{
    for (size_t i = 0; i < GENERATIONS; i++) {
        pid = parent(pid);
        if (pid <= 1)
            return 0;
        up[i] = pid;
        if (pid == root)
            return i + 1;
    }
    return 0;
}

/*
 * A parent stays one until it ends, and then another has its children. So what
 * is found twice was true in between, whatever numbers were used anew.
 */
bool
askpass_trace(pid_t pid, pid_t root, pid_t *asker, int *asker_fd)
{
    pid_t once[GENERATIONS], twice[GENERATIONS];
    size_t count = climb(pid, root, once);
    int fd;

    if (count == 0)
        return false;
    fd = pidfd_open(once[0], 0);
    if (fd < 0)
        return false;
    if (climb(pid, root, twice) != count ||
        memcmp(once, twice, count * sizeof *once) != 0) {
        close(fd);
        return false;
    }
    *asker = once[0];
    *asker_fd = fd;
    return true;
}

bool
askpass_below(pid_t pid, pid_t root)
{
    pid_t up[GENERATIONS];

    return climb(pid, root, up) > 0;
}

bool
askpass_lives(int pidfd)
{
    struct pollfd fd = {pidfd, POLLIN, 0};

    return poll(&fd, 1, 0) == 0;
}

bool
askpass_is_ssh(pid_t pid)
{
    char name[64];

    return read_proc(pid, "comm", name, sizeof name) &&
           strcmp(name, "ssh\n") == 0;
}

#define TERM_GRACE 500

void
askpass_end(int pidfd)
{
    if (pidfd_send_signal(pidfd, SIGTERM, NULL, 0) != 0)
        return;
    (void)pidfd_send_signal(pidfd, SIGCONT, NULL, 0);
    for (int64_t until = io_deadline(TERM_GRACE); io_now() < until;) {
        struct pollfd fd = {pidfd, POLLIN, 0};

        if (poll(&fd, 1, TERM_GRACE) > 0)
            return;
    }
    (void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
}
