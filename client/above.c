/* The ssh on whose behalf we run: `Match exec` in its configuration. */
#define _GNU_SOURCE
#include "client/client.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MOST 4096
#define LINE_MOST ((size_t)256 << 10)

/* How many shells may stand between. */
#define STEPS 3

static bool
is_ssh(long pid)
{
    char link[64], path[4096];
    const char *name;
    ssize_t len;

    (void)snprintf(link, sizeof link, "/proc/%ld/exe", pid);
    len = readlink(link, path, sizeof path - 1);
    if (len <= 0)
        return false;
    path[len] = 0;
    name = strrchr(path, '/');
    return name != NULL && strcmp(name + 1, "ssh") == 0;
}

static long
parent_of(long pid)
{
    char path[64], text[512];
    const char *behind;
    long parent = 0;
    ssize_t len;
    int fd;

    (void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
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
    return parent;
}

/* Whether a process was started for an answer and not for a connection. */
static bool
asks_only(long pid)
{
    char path[64], *line = malloc(LINE_MOST + 1);
    char **words = calloc(WORDS_MOST + 1, sizeof *words);
    size_t len = 0;
    ssize_t got = 1;
    int count = 0, fd;
    bool asks;

    (void)snprintf(path, sizeof path, "/proc/%ld/cmdline", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    while (line != NULL && fd >= 0 && got > 0 && len < LINE_MOST) {
        got = read(fd, line + len, LINE_MOST - len);
        len += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        close(fd);
    if (line != NULL)
        line[len] = 0;
    for (size_t at = 0; words != NULL && at < len && count < WORDS_MOST;
         at += strlen(line + at) + 1)
        words[count++] = line + at;
    asks = words != NULL && args_ask_only(count, words);
    free(words);
    free(line);
    return asks;
}

bool
above_asks_only(void)
{
    long pid = getppid();

    for (int i = 0; i < STEPS && pid > 1; i++) {
        if (is_ssh(pid))
            return asks_only(pid);
        pid = parent_of(pid);
    }
    return false;
}
