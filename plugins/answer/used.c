/*
 * Codes that were used, so that none is used again by anybody on this machine.
 *
 * A secret has a record, which says from which time on codes were not given out
 * (TOTP), or which counter comes next (HOTP). It is changed under a lock, and
 * replaced as a whole, before a code leaves the process: who is killed in
 * between has used a code up, and no more. The lock is on a file of its own,
 * which is never removed, and ends with who holds it.
 *
 * The record's name is the same for all files of rules that have the secret,
 * and does not tell it: it is made of codes for counters that no server comes
 * to.
 */
#define _GNU_SOURCE
#include "answer.h"

#include "io/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NAME_CODES 4
#define NAME_COUNTER (((uint64_t)1 << 61) - NAME_CODES)
#define RECORD_MOST 64
#define LOOK_MS 20
/* how long another login waits for the outcome of a counted code */
#define HOLD_MS 10000
/* a clock that is further behind a record was set back */
#define ASTRAY 86400

/* The lock, held by a process of ours that ends with us, or in time. */
struct otp_use {
    struct otp_use *next;
    pid_t holder;
    int leash; /* closed, it lets go */
};

/* A secret's files. */
typedef struct record {
    source *of;
    int folder, lock;
    char path[3072]; /* of the folder */
    char name[8 * NAME_CODES + 16];
} record;

__attribute__((format(printf, 2, 3))) static bool
fail(source *of, const char *format, ...)
{
    va_list arguments;

    if (of->why[0] == 0) {
        va_start(arguments, format);
        (void)vsnprintf(of->why, sizeof of->why, format, arguments);
        va_end(arguments);
    }
    return false;
}

/* ---------------------------------------------------------------- the files */

/* Makes the folders of a path, for us alone. */
static bool
make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        bool made;

        if (slash != NULL)
            *slash = 0;
        made = mkdir(path, 0700) == 0 || errno == EEXIST;
        if (slash == NULL)
            return made;
        *slash = '/';
        if (!made)
            return false;
    }
}

static bool
open_folder(record *r)
{
    const char *place = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    struct stat is;
    int len = -1;

    if (place != NULL && place[0] == '/')
        len = snprintf(r->path, sizeof r->path, "%s/authplug", place);
    else if (home != NULL && home[0] == '/')
        len =
            snprintf(r->path, sizeof r->path, "%s/.local/state/authplug", home);
    if (len < 0 || len >= (int)sizeof r->path)
        return fail(r->of, "there is no home for the records of codes: HOME or "
                           "XDG_STATE_HOME was expected");
    if (!make_folders(r->path))
        return fail(r->of, "%s cannot be made: %s", r->path, strerror(errno));
    r->folder = open(r->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (r->folder < 0 || fstat(r->folder, &is) != 0)
        return fail(r->of, "%s cannot be opened: %s", r->path, strerror(errno));
    if (is.st_uid != geteuid())
        return fail(r->of, "%s belongs to somebody else", r->path);
    if ((is.st_mode & 077) != 0)
        return fail(r->of, "%s: others may read or change it: chmod go= %s",
                    r->path, r->path);
    return true;
}

static bool
make_name(record *r, const otp_key *key)
{
    otp_key named = {.bytes = key->bytes, .digits = 8};
    authplug_secret *text = authplug_secret_new(sizeof r->name);
    bool good = text != NULL;

    for (int i = 0; i < NAME_CODES && good; i++)
        good = otp_code(&named, NAME_COUNTER + (uint64_t)i, text);
    good = good && snprintf(r->name, sizeof r->name, "%s-%.*s",
                            key->counted ? "hotp" : "totp",
                            (int)authplug_secret_len(text),
                            (const char *)authplug_secret_span(text).data) > 0;
    authplug_secret_free(&text);
    return good || fail(r->of, "memory ran out");
}

/* A file of the folder; what is no file of ours alone is refused. */
static int
open_file(record *r, const char *ending, int flags)
{
    char name[sizeof r->name + 8];
    struct stat is;
    int fd;

    (void)snprintf(name, sizeof name, "%s%s", r->name, ending);
    fd = openat(r->folder, name,
                flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0)
        return -1;
    if (fstat(fd, &is) == 0 && S_ISREG(is.st_mode) && is.st_uid == geteuid() &&
        (is.st_mode & 077) == 0)
        return fd;
    close(fd);
    (void)fail(r->of,
               "%s/%s is not a file of yours alone: chmod go= it, or "
               "remove it",
               r->path, name);
    errno = EPERM;
    return -1;
}

/* ----------------------------------------------------------------- the lock */

static bool
take_lock(record *r)
{
    r->lock = open_file(r, ".lock", O_RDWR | O_CREAT);
    if (r->lock < 0)
        return fail(r->of, "the lock of a code cannot be opened in %s: %s",
                    r->path, strerror(errno));
    while (flock(r->lock, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return fail(r->of, "a code cannot be locked in %s: %s", r->path,
                        strerror(errno));
        if (io_now() >= r->of->deadline)
            return fail(r->of, "another login uses this code and does not come "
                               "to an end: try again");
        (void)poll(NULL, 0, LOOK_MS);
    }
    return true;
}

/* Keeps the lock, after us, in a process of its own: it goes when the leash
 * does, be it that we let go or that we are killed, or in ten seconds. */
static bool
hold_lock(record *r, otp_use **uses)
{
    otp_use *made = calloc(1, sizeof *made);
    int ends[2];

    if (made == NULL || pipe2(ends, O_CLOEXEC) != 0) {
        free(made);
        return fail(r->of, "a code cannot be held: %s", strerror(errno));
    }
    made->leash = ends[1];
    made->holder = fork();
    if (made->holder == 0) {
        struct pollfd leash = {0, 0, 0};

        /* nothing of the conversation stays open here */
        (void)(dup2(ends[0], 0) == 0 && dup2(r->lock, 1) == 1);
        (void)close_range(2, ~0u, 0);
        (void)poll(&leash, 1, HOLD_MS);
        _exit(0);
    }
    close(ends[0]);
    if (made->holder < 0) {
        close(ends[1]);
        free(made);
        return fail(r->of, "a code cannot be held: %s", strerror(errno));
    }
    made->next = *uses;
    *uses = made;
    return true;
}

void
otp_release(otp_use **uses)
{
    while (*uses != NULL) {
        otp_use *first = *uses;

        *uses = first->next;
        close(first->leash);
        while (waitpid(first->holder, NULL, 0) < 0 && errno == EINTR)
            ;
        free(first);
    }
}

/* --------------------------------------------------------------- the number */

/* 0 where there is no record yet. */
static bool
read_number(record *r, uint64_t *number)
{
    char text[RECORD_MOST] = "";
    int fd = open_file(r, "", O_RDONLY), end = 0;
    ssize_t got;

    *number = 0;
    if (fd < 0)
        return errno == ENOENT || fail(r->of, "%s/%s cannot be read: %s",
                                       r->path, r->name, strerror(errno));
    got = read(fd, text, sizeof text - 1);
    close(fd);
    text[got > 0 ? got : 0] = 0;
    if (got > 0 &&
        sscanf(text, "authplug 1 %" SCNu64 "\n%n", number, &end) == 1 &&
        end == got && text[end - 1] == '\n')
        return true;
    return fail(r->of,
                "%s/%s cannot be understood: remove it if no code of "
                "the last minutes can still be used",
                r->path, r->name);
}

/* The record is the old one, or the new one, whenever we are killed. */
static bool
write_number(record *r, uint64_t number)
{
    char text[RECORD_MOST], fresh[sizeof r->name + 8];
    int len = snprintf(text, sizeof text, "authplug 1 %" PRIu64 "\n", number);
    int fd = open_file(r, ".new", O_WRONLY | O_CREAT | O_TRUNC);
    bool good =
        fd >= 0 && write(fd, text, (size_t)len) == len && fsync(fd) == 0;

    (void)snprintf(fresh, sizeof fresh, "%s.new", r->name);
    if (fd >= 0)
        good = close(fd) == 0 && good;
    good = good && renameat(r->folder, fresh, r->folder, r->name) == 0 &&
           fsync(r->folder) == 0;
    return good || fail(r->of,
                        "%s/%s cannot be written, so that the code "
                        "cannot be used: %s",
                        r->path, r->name, strerror(errno));
}

/* -------------------------------------------------------------------- codes */

static uint64_t
clock_now(void)
{
    return (uint64_t)time(NULL);
}

/* When it would be, for people. */
static bool
fail_until(record *r, uint64_t begin)
{
    time_t then = (time_t)begin;
    struct tm at;
    char text[32] = "?";

    if (localtime_r(&then, &at) != NULL)
        (void)strftime(text, sizeof text, "%H:%M:%S", &at);
    if (begin > clock_now() + ASTRAY)
        return fail(r->of,
                    "a code was used in a time that has not come yet: "
                    "is this machine's clock right? If it is, remove "
                    "%s/%s",
                    r->path, r->name);
    return fail(r->of,
                "the codes up to then were used: the next one can be at "
                "%s, try again then",
                text);
}

/* Until a step begins; the clock may be set meanwhile. */
static bool
wait_for(record *r, uint64_t begin)
{
    uint64_t now = clock_now();
    int64_t last =
        io_deadline((int64_t)(begin > now ? begin - now : 0) * 1000 + 2000);
    char text[128];

    if (begin > now && r->of->tell != NULL) {
        (void)snprintf(text, sizeof text,
                       "The code of now was used already. Waiting %" PRIu64
                       " s for the next one.",
                       begin - now);
        r->of->tell(r->of->context, text);
    }
    while (clock_now() < begin) {
        if (io_now() > last)
            return fail(r->of, "the machine's clock was set back: try again");
        (void)poll(NULL, 0, LOOK_MS * 5);
    }
    return true;
}

/* The first step from now on whose code nobody has; it is taken before it is
 * waited for, so that everybody knows how long that is. */
static bool
take_step(record *r, const otp_key *key, uint64_t *step)
{
    uint64_t now = clock_now(), used, begin;
    int64_t left = (r->of->deadline - io_now()) / 1000;

    if (!read_number(r, &used))
        return false;
    *step = now / key->period;
    if (*step * key->period < used)
        *step = (used + key->period - 1) / key->period;
    begin = *step * key->period;
    if (begin > now && (left < 0 || begin - now > (uint64_t)left))
        return fail_until(r, begin);
    return write_number(r, begin + key->period);
}

static bool
take_counter(record *r, const otp_key *key, uint64_t *counter)
{
    if (!read_number(r, counter))
        return false;
    if (*counter < key->counter)
        *counter = key->counter;
    return write_number(r, *counter + 1);
}

bool
otp_use_code(const otp_key *key, source *of, otp_use **uses,
             authplug_secret *code)
{
    record r = {.of = of, .folder = -1, .lock = -1};
    uint64_t moving = 0;
    bool good;

    /* a server that asks for another code has seen the one before */
    otp_release(uses);
    good = open_folder(&r) && make_name(&r, key) && take_lock(&r) &&
           (key->counted ? take_counter(&r, key, &moving) && hold_lock(&r, uses)
                         : take_step(&r, key, &moving));

    if (r.lock >= 0)
        close(r.lock);
    if (r.folder >= 0)
        close(r.folder);
    if (good && !key->counted)
        good = wait_for(&r, moving * key->period);
    return good &&
           (otp_code(key, moving, code) || fail(of, "the code cannot be made"));
}
