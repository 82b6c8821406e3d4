/* The ssh on whose behalf we run: `Match exec` in its configuration. */
#define _GNU_SOURCE
#include "client/above.h"

#include "client/askpass.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define WORDS_MOST 4096
#define LINE_MOST ((size_t)256 << 10)

/* How many shells may stand between. */
#define STEPS 3

static bool
is_ssh(pid_t pid)
{
    char link[64], path[4096];
    const char *name;
    ssize_t len;

    (void)snprintf(link, sizeof link, "/proc/%ld/exe", (long)pid);
    len = readlink(link, path, sizeof path - 1);
    if (len <= 0)
        return false;
    path[len] = 0;
    name = strrchr(path, '/');
    return name != NULL && strcmp(name + 1, "ssh") == 0;
}

static pid_t
parent_of(pid_t pid)
{
    char path[64], text[512];
    const char *behind;
    long parent = 0;
    ssize_t len;
    int fd;

    (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    len = read(fd, text, sizeof text - 1);
    close(fd);
    text[len > 0 ? len : 0] = 0;
    /* the name before may hold anything, brackets too */
    behind = strrchr(text, ')');
    if (behind != NULL && strlen(behind) > 4)
        parent = strtol(behind + 4, NULL, 10);
    return (pid_t)parent;
}

/* The nearest ssh above us, or 0. */
static pid_t
nearest(void)
{
    pid_t pid = getppid();

    for (int i = 0; i < STEPS && pid > 1; i++) {
        if (is_ssh(pid))
            return pid;
        pid = parent_of(pid);
    }
    return 0;
}

/* Its command line, a NUL behind each word; how many bytes, or 0. */
static size_t
read_line(pid_t pid, char *line)
{
    char path[64];
    size_t len = 0;
    ssize_t got = 1;
    int fd;

    (void)snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    while (got > 0 && len < LINE_MOST) {
        got = read(fd, line + len, LINE_MOST - len);
        len += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    line[len] = 0;
    return len;
}

bool
above_find(above *it)
{
    size_t len;

    *it = (above){.ssh = nearest()};
    if (it->ssh == 0)
        return false;
    it->line = malloc(LINE_MOST + 1);
    it->words = calloc(WORDS_MOST + 1, sizeof *it->words);
    len = it->line != NULL && it->words != NULL ? read_line(it->ssh, it->line)
                                                : 0;
    for (size_t at = 0; at < len && it->count < WORDS_MOST;
         at += strlen(it->line + at) + 1)
        it->words[it->count++] = it->line + at;
    if (it->count == 0)
        above_free(it);
    return it->count > 0;
}

void
above_free(above *it)
{
    free(it->words);
    free(it->line);
    *it = (above){0};
}

/*
 * Our parent waits for us, and its parent for it: who is the nearest ssh before
 * the pidfd was made and after it is the one that it stands for, whatever
 * numbers were used anew.
 */
void
above_end(const above *it)
{
    int fd;

    if (it->ssh == 0 || nearest() != it->ssh)
        return;
    fd = pidfd_open(it->ssh, 0);
    if (fd < 0)
        return;
    if (nearest() == it->ssh)
        askpass_end(fd);
    close(fd);
}
