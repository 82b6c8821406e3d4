/* Whether others could change what is about to run. */
#define _GNU_SOURCE
#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* as the kernel's own limits: symbolic links, and scripts run by scripts */
#define LINKS_MAX 40
#define SCRIPTS_MAX 5
#define FIRST_LINE 256
#define FIRST_LINE_WORDS 16
#define BLANKS " \t"

/* One question, and the answer to it. */
typedef struct trust {
    const posix_trust *as;
    char *why;
    size_t why_size;
    char place[PATH_MAX]; /* where the walk is, links resolved; "" for root */
    char rest[PATH_MAX];  /* what is left to walk */
} trust;

IO_PRINTF(3, 4)
static authplug_status
because(trust *t, authplug_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(t->why, t->why_size, format, args);
    va_end(args);
    return status;
}

/* ------------------------------------------------------------- one place */

/*
 * A directory that others can write is refused even when it is sticky: nobody
 * can replace what is in it, but what is gone from it, anybody can bring back.
 * An access control list shows in the group's bits.
 */
static authplug_status
judge(trust *t, const struct stat *is)
{
    const char *name = t->place[0] != 0 ? t->place : "/";
    bool safe = is->st_uid == 0 || is->st_uid == t->as->owner;

    safe = safe && (is->st_mode & (S_IWGRP | S_IWOTH)) == 0;
    /* these are to be as they are: /tmp, a device */
    if (!safe && (S_ISDIR(is->st_mode) ? (is->st_mode & S_ISVTX) != 0
                                       : !S_ISREG(is->st_mode)))
        return because(t, AUTHPLUG_REFUSED,
                       "%s can be written by others, as is its nature: use "
                       "what lies elsewhere",
                       name);
    if (is->st_uid != 0 && is->st_uid != t->as->owner)
        return because(t, AUTHPLUG_REFUSED,
                       "%s belongs to user %lu, not to root: chown root %s",
                       name, (unsigned long)is->st_uid, name);
    if ((is->st_mode & S_IWOTH) != 0)
        return because(t, AUTHPLUG_REFUSED,
                       "%s can be written by everybody: chmod go-w %s", name,
                       name);
    if ((is->st_mode & S_IWGRP) != 0)
        return because(t, AUTHPLUG_REFUSED,
                       "%s can be written by its group: chmod g-w %s", name,
                       name);
    return AUTHPLUG_OK;
}

/* Opens and judges the directory the walk has come to. */
static authplug_status
open_place(trust *t, int *fd)
{
    char path[2 * PATH_MAX];
    struct stat is;

    (void)snprintf(path, sizeof path, "%s%s/", t->as->root, t->place);
    *fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0 || fstat(*fd, &is) != 0)
        return because(t, AUTHPLUG_IO, "%s cannot be looked at: %s",
                       t->place[0] != 0 ? t->place : "/", strerror(errno));
    return judge(t, &is);
}

/* -------------------------------------------------------------- the walk */

/* Cuts the next name off the rest; false at the end. */
static bool
next_name(trust *t, char name[NAME_MAX + 1], bool *too_long)
{
    char *from = t->rest + strspn(t->rest, "/");
    size_t len = strcspn(from, "/");

    *too_long = len > NAME_MAX;
    if (len == 0 || *too_long)
        return false;
    memcpy(name, from, len);
    name[len] = 0;
    memmove(t->rest, from + len, strlen(from + len) + 1);
    return true;
}

/* Puts a link's target before the rest. */
static bool
follow(trust *t, int link)
{
    char target[PATH_MAX];
    ssize_t len = readlinkat(link, "", target, sizeof target);
    size_t rest = strlen(t->rest);

    if (len <= 0 || (size_t)len + 1 + rest >= sizeof t->rest)
        return false;
    memmove(t->rest + len + 1, t->rest, rest + 1);
    memcpy(t->rest, target, (size_t)len);
    t->rest[len] = '/';
    if (target[0] == '/')
        t->place[0] = 0;
    return true;
}

/* What a step came to. */
enum found { FOUND_FILE, FOUND_DIRECTORY, FOUND_LINK, FOUND_OTHER };

/* Takes one name below the open directory. */
static authplug_status
step(trust *t, int *fd, const char *name, enum found *found)
{
    size_t len = strlen(t->place);
    struct stat is;
    int next = openat(*fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    authplug_status status = AUTHPLUG_OK;

    if (next < 0 || fstat(next, &is) != 0) {
        status = because(t, errno == ENOENT ? AUTHPLUG_NOT_FOUND : AUTHPLUG_IO,
                         "%s/%s: %s", t->place, name, strerror(errno));
    } else if (S_ISLNK(is.st_mode)) {
        *found = FOUND_LINK;
        if (!follow(t, next))
            status = because(t, AUTHPLUG_REFUSED,
                             "the link %s/%s cannot be followed", t->place,
                             name);
    } else if (len + 1 + strlen(name) >= sizeof t->place) {
        status = because(t, AUTHPLUG_REFUSED, "the path is too long");
    } else {
        *found = S_ISDIR(is.st_mode)   ? FOUND_DIRECTORY
                 : S_ISREG(is.st_mode) ? FOUND_FILE
                                       : FOUND_OTHER;
        t->place[len] = '/';
        memcpy(t->place + len + 1, name, strlen(name) + 1);
        status = judge(t, &is);
        close(*fd);
        *fd = next;
        return status;
    }
    if (next >= 0)
        close(next);
    return status;
}

/* The walk goes back to a place that was judged already, or to the root. */
static authplug_status
jump(trust *t, int *fd)
{
    close(*fd);
    return open_place(t, fd);
}

/*
 * Walks name by name with a descriptor in hand, so that what is judged is what
 * is walked on. Afterwards t->place is the path without links, and since
 * nobody else can change anything on it, it may be opened by name.
 */
static authplug_status
walk(trust *t, const char *path, bool *is_file)
{
    enum found found = FOUND_DIRECTORY;
    char name[NAME_MAX + 1];
    authplug_status status;
    bool too_long = false;
    int fd = -1, links = 0;

    if (path[0] != '/')
        return because(t, AUTHPLUG_REFUSED,
                       "%s is not an absolute path: it must begin with /",
                       path);
    if (strlen(path) >= sizeof t->rest)
        return because(t, AUTHPLUG_REFUSED, "the path is too long");
    memcpy(t->rest, path, strlen(path) + 1);
    t->place[0] = 0;
    status = open_place(t, &fd);
    while (status == AUTHPLUG_OK && next_name(t, name, &too_long)) {
        char *parent = strrchr(t->place, '/');

        if (strcmp(name, ".") == 0)
            continue;
        if (found != FOUND_DIRECTORY) {
            status = because(t, AUTHPLUG_NOT_FOUND, "%s is not a directory",
                             t->place);
        } else if (strcmp(name, "..") == 0) {
            if (parent != NULL)
                *parent = 0;
            status = jump(t, &fd);
        } else {
            status = step(t, &fd, name, &found);
            if (status == AUTHPLUG_OK && found == FOUND_LINK) {
                found = FOUND_DIRECTORY;
                status = ++links > LINKS_MAX
                             ? because(t, AUTHPLUG_REFUSED,
                                       "%s has too many links", path)
                             : jump(t, &fd);
            }
        }
    }
    if (status == AUTHPLUG_OK && too_long)
        status = because(t, AUTHPLUG_NOT_FOUND,
                         "a name in the path is too long");
    if (fd >= 0)
        close(fd);
    *is_file = found == FOUND_FILE;
    return status;
}

/* ---------------------------------------------------------- and programs */

static const char *
last_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Whether the program of this name runs a file, or a program, that it is
 * given. */
static bool
interprets(const char *path)
{
    static const char *const names[] = {
        "ash",     "awk",    "bash",    "busybox", "chroot", "csh",   "dash",
        "deno",    "expect", "fish",    "flock",   "gawk",   "java",  "julia",
        "ksh",     "lua",    "make",    "mawk",    "mksh",   "nice",  "node",
        "nodejs",  "nohup",  "perl",    "php",     "pypy",   "python", "ruby",
        "runuser", "setpriv", "setsid", "sh",      "stdbuf", "sudo",  "tclsh",
        "tcsh",    "timeout", "zsh",
    };
    const char *name = last_name(path);

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(names[i]);

        /* python3.11, lua5.4, ruby3.1 */
        if (strncmp(name, names[i], len) == 0 &&
            strspn(name + len, "0123456789.-") == strlen(name + len))
            return true;
    }
    return false;
}

/* A command: a program, and the words behind it, NULL-terminated. */
static authplug_status check(trust *t, const char *program,
                             const char *const *words, int depth);

/* A name that env looks up. Each directory that it looks into before it finds
 * one could provide another. */
static authplug_status
check_by_name(trust *t, const char *name, const char *const *words, int depth)
{
    const char *from = t->as->search;
    authplug_status status;
    char path[PATH_MAX];
    bool is_file;

    while (*from != 0) {
        int len = (int)strcspn(from, ":");

        if (snprintf(path, sizeof path, "%.*s/%s", len, from, name) >=
            (int)sizeof path)
            break;
        from += len + (from[len] == ':');
        status = walk(t, path, &is_file);
        if (status == AUTHPLUG_OK)
            return check(t, path, words, depth);
        if (status != AUTHPLUG_NOT_FOUND)
            return status;
    }
    return because(t, AUTHPLUG_NOT_FOUND, "env would not find %s in %s", name,
                   t->as->search);
}

/* env NAME ...: what NAME is matters, not what env is. */
static authplug_status
check_env(trust *t, const char *const *words, int depth)
{
    const char *name;

    if (words[0] != NULL && strcmp(words[0], "-S") == 0)
        words++;
    name = words[0];
    if (name == NULL || name[0] == '-' || strchr(name, '=') != NULL)
        return because(t, AUTHPLUG_REFUSED,
                       "which program env would run cannot be told: name it "
                       "by its path");
    if (strchr(name, '/') != NULL)
        return check(t, name, words + 1, depth);
    return check_by_name(t, name, words + 1, depth);
}

/* The words of the line "#!..." that t->place begins with, NULL-terminated. A
 * file that even we cannot read is no script that could be run. */
static authplug_status
first_line(trust *t, char line[FIRST_LINE], const char *words[])
{
    char path[2 * PATH_MAX], *at;
    ssize_t len = 0;
    size_t count = 0;
    int fd;

    (void)snprintf(path, sizeof path, "%s%s", t->as->root, t->place);
    fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0) {
        len = read(fd, line, FIRST_LINE - 1);
        close(fd);
    }
    words[0] = NULL;
    if (len < 2 || line[0] != '#' || line[1] != '!')
        return AUTHPLUG_OK;
    line[len] = 0;
    line[strcspn(line, "\n")] = 0;
    if (line[strlen(line) - 1] == '\r')
        return because(t, AUTHPLUG_REFUSED,
                       "the first line of %s ends in a carriage return: take "
                       "it off all its lines",
                       t->place);
    at = line + 2;
    while (*(at += strspn(at, BLANKS)) != 0 && count < FIRST_LINE_WORDS) {
        words[count++] = at;
        at += strcspn(at, BLANKS);
        if (*at != 0)
            *at++ = 0;
    }
    words[count] = NULL;
    return AUTHPLUG_OK;
}

/* The interpreter of the file at t->place, if it names one. */
static authplug_status
check_first_line(trust *t, int depth)
{
    const char *words[FIRST_LINE_WORDS + 1];
    char line[FIRST_LINE];
    authplug_status status = first_line(t, line, words);

    return status != AUTHPLUG_OK || words[0] == NULL
               ? status
               : check(t, words[0], words + 1, depth + 1);
}

/* A word behind an interpreter, which may be a file for it to run: a plugin is
 * in the root directory. What is not there, nobody else can put there. */
static authplug_status
check_word(trust *t, const char *word, int depth)
{
    char path[PATH_MAX + 1];
    authplug_status status;
    bool is_file;

    if (word[0] == '-' || strcmp(word, "/dev/null") == 0)
        return AUTHPLUG_OK;
    /* what is cut is still too long */
    (void)snprintf(path, sizeof path, "%s%s", word[0] == '/' ? "" : "/", word);
    status = walk(t, path, &is_file);
    if (status == AUTHPLUG_OK && is_file)
        return check_first_line(t, depth);
    return status == AUTHPLUG_NOT_FOUND ? AUTHPLUG_OK : status;
}

static authplug_status
check(trust *t, const char *program, const char *const *words, int depth)
{
    authplug_status status;
    bool is_file;

    if (depth > SCRIPTS_MAX)
        return because(t, AUTHPLUG_REFUSED,
                       "scripts are run by scripts, more than five deep");
    status = walk(t, program, &is_file);
    if (status == AUTHPLUG_OK && !is_file)
        status = because(t, AUTHPLUG_REFUSED, "%s is not a file", t->place);
    if (status != AUTHPLUG_OK)
        return status;
    if (strcmp(last_name(program), "env") == 0 ||
        strcmp(last_name(t->place), "env") == 0)
        return check_env(t, words, depth + 1);
    if (!interprets(program) && !interprets(t->place))
        return check_first_line(t, depth);
    while (*words != NULL && status == AUTHPLUG_OK)
        status = check_word(t, *words++, depth);
    return status;
}

/* ------------------------------------------------------------- questions */

authplug_status
posix_trusted(const posix_trust *as, const char *path, char *why, size_t size)
{
    trust t = {.as = as, .why = why, .why_size = size};
    bool is_file;

    return walk(&t, path, &is_file);
}

authplug_status
posix_trusted_program(const posix_trust *as, const char *const *words,
                      char *why, size_t size)
{
    trust t = {.as = as, .why = why, .why_size = size};

    return check(&t, words[0], words + 1, 1);
}

/* Root trusts root alone, others trust themselves as well. */
static posix_trust
ourselves(void)
{
    posix_trust as = {"", IO_PLUGIN_PATH, geteuid()};

    return as;
}

authplug_status
io_trusted(const char *path, char *why, size_t size)
{
    posix_trust as = ourselves();

    return posix_trusted(&as, path, why, size);
}

authplug_status
io_trusted_program(const char *const *words, char *why, size_t size)
{
    posix_trust as = ourselves();

    return posix_trusted_program(&as, words, why, size);
}
