/*
 * The records of used codes as they are on the disk: their directory, a line in
 * a file for each secret (record_line.c), which is replaced as a whole, and the
 * locks.
 */
#define _GNU_SOURCE
#include "record.h"

#include "io/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* milliseconds between two looks at the lock */
#define LOCK_PAUSE 5
/* seconds of a time step that no machine is started within */
#define STEP_BRIEF 30

/* False, after saying what the system met with a file, whose name ends like
 * this. */
static bool
fail_file(record *at, const char *end, const char *what)
{
    return fail(at, "%s/%s%s: %s: %s: see to that, and try again", at->path,
                at->name, end, what, strerror(errno));
}

int64_t
record_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool
record_sleep(record *at, int64_t ms)
{
    authplug_status status = at->of->wait != NULL
                                 ? at->of->wait(at->of->context, ms)
                                 : io_wait(-1, false, false, io_deadline(ms));

    return status == AUTHPLUG_TIMEOUT ||
           fail(at, "%s while waiting for a code of %s",
                status == AUTHPLUG_CANCELLED ? "interrupted"
                                             : "the client went away",
                at->called);
}

/* ---------------------------------------------------------------- directory */

/* Where the records are, and how much of the path is not ours to make. */
static bool
find_folder(record *at, size_t *given)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int len;

    /* XDG: a relative path is to be ignored */
    if (state != NULL && state[0] == '/') {
        *given = 0;
        len = snprintf(at->path, sizeof at->path, "%s/authplug", state);
    } else if (home != NULL && home[0] == '/') {
        *given = strlen(home);
        len = snprintf(at->path, sizeof at->path, "%s/.local/state/authplug",
                       home);
    } else {
        return fail(at, "there is no place to record used codes: set HOME or "
                        "XDG_STATE_HOME");
    }
    return (len > 0 && (size_t)len < sizeof at->path) ||
           fail(at, "the path of the records of used codes is too long: set "
                    "XDG_STATE_HOME to a shorter one");
}

/* A directory that was made outlives a loss of power once the one above it was
 * written. One that may be changed, and not read, cannot be. */
static bool
sync_above(const char *path)
{
    char above[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash == path ? 1 : (size_t)(slash - path);
    bool good = true;
    int fd;

    memcpy(above, path, len);
    above[len] = 0;
    fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        good = fsync(fd) == 0;
        close(fd);
    }
    return good;
}

static bool
make_folders(record *at, size_t given)
{
    char path[PATH_MAX];
    size_t i = given;
    bool good = true;

    memcpy(path, at->path, sizeof path);
    do {
        i++;
        if (path[i] == '/' || path[i] == 0) {
            path[i] = 0;
            if (mkdir(path, 0700) == 0)
                good = sync_above(path);
            else
                good = errno == EEXIST;
            path[i] = at->path[i];
        }
    } while (good && path[i] != 0);
    return good;
}

static bool
is_ours(record *at, const struct stat *is, const char *slash, const char *name,
        const char *mode)
{
    if (is->st_uid != geteuid())
        return fail(at,
                    "%s%s%s belongs to another user: chown %u %s%s%s as root, "
                    "if it is yours, or set XDG_STATE_HOME to a place of your "
                    "own",
                    at->path, slash, name, (unsigned)geteuid(), at->path, slash,
                    name);
    if ((is->st_mode & 077) != 0)
        return fail(at, "%s%s%s is open to others: chmod %s %s%s%s", at->path,
                    slash, name, mode, at->path, slash, name);
    return true;
}

static bool
open_folder(record *at)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    struct stat is;
    size_t given = 0;

    if (!find_folder(at, &given))
        return false;
    at->folder = open(at->path, flags);
    if (at->folder < 0 && errno == ENOENT && make_folders(at, given))
        at->folder = open(at->path, flags);
    if (at->folder < 0 && (errno == ELOOP || errno == ENOTDIR))
        return fail(at,
                    "%s is no directory, or a symbolic link: remove it, or "
                    "set XDG_STATE_HOME to another place",
                    at->path);
    if (at->folder < 0 || fstat(at->folder, &is) != 0)
        return fail(at,
                    "%s: used codes cannot be recorded: %s: see to that, "
                    "or set XDG_STATE_HOME to another place",
                    at->path, strerror(errno));
    return is_ours(at, &is, "", "", "700");
}

/* Opens a file of the record's name and this end, if it is ours alone. -1 when
 * it is not, after saying why; or when it is not there, and errno is ENOENT. */
static int
open_file(record *at, const char *end, int flags)
{
    char name[RECORD_NAME_SIZE + 8];
    struct stat is;
    int fd;

    (void)snprintf(name, sizeof name, "%s%s", at->name, end);
    fd = openat(at->folder, name,
                flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    if (fd < 0) {
        int error = errno;

        if (error == ELOOP)
            (void)fail(at, "%s/%s is a symbolic link: remove it", at->path,
                       name);
        else if (error == EEXIST)
            (void)fail(at, "%s/%s is in the way: remove it", at->path, name);
        else if (error != ENOENT || (flags & O_CREAT) != 0)
            (void)fail_file(at, end, "it cannot be opened");
        errno = error;
        return -1;
    }
    if (fstat(fd, &is) != 0)
        (void)fail_file(at, end, "it cannot be read");
    else if (!S_ISREG(is.st_mode))
        (void)fail(at, "%s/%s is no plain file: remove it", at->path, name);
    else if (is_ours(at, &is, "/", name, "600"))
        return fd;
    close(fd);
    errno = EPERM;
    return -1;
}

/* -------------------------------------------------------------------- locks */

/*
 * The first byte of the lock file is locked by who reads and changes the
 * record. The others stand for counters, or, in the file of a Totp, for the
 * seconds since 1970: who has the code of a counter locks its byte, for as long
 * as the next one has to wait; who waits for a time step locks its seconds, so
 * that steps of different lengths exclude each other where they overlap. A lock
 * belongs to the open file, so it ends when that is closed, and with its
 * process at the latest, however it ends. The file stays: to remove it would
 * take it from under one who waits.
 */
static bool
lock_bytes(int fd, int command, short type, uint64_t first, uint64_t count,
           short *found)
{
    struct flock is = {.l_type = type, .l_whence = SEEK_SET};
    int result;

    is.l_start = (off_t)first;
    is.l_len = (off_t)count;
    do
        result = fcntl(fd, command, &is);
    while (result != 0 && errno == EINTR);
    if (found != NULL)
        *found = is.l_type;
    return result == 0;
}

/* After a lock was not had: whether that is because somebody else has it. */
static bool
is_others(void)
{
    return errno == EAGAIN || errno == EACCES;
}

bool
record_under_way(record *at)
{
    return fail(at,
                "another login with %s is under way: try again when it has "
                "ended",
                at->called);
}

static bool
lock_first_byte(record *at)
{
    while (!lock_bytes(at->lock, F_OFD_SETLK, F_WRLCK, 0, 1, NULL)) {
        if (!is_others())
            return fail_file(at, ".lock", "it cannot be locked");
        if (io_now() >= at->of->deadline)
            return record_under_way(at);
        if (!record_sleep(at, LOCK_PAUSE))
            return false;
    }
    return true;
}

/* Whether others who come now lock the same file: somebody may have removed it
 * while it was waited for. */
static bool
is_there(const record *at)
{
    char name[RECORD_NAME_SIZE + 8];
    struct stat ours, its;

    (void)snprintf(name, sizeof name, "%s.lock", at->name);
    return fstat(at->lock, &ours) == 0 &&
           fstatat(at->folder, name, &its, AT_SYMLINK_NOFOLLOW) == 0 &&
           ours.st_dev == its.st_dev && ours.st_ino == its.st_ino;
}

/* In the place of the descriptor, which an earlier code's login may share. */
static bool
open_lock_again(record *at)
{
    int fd = open_file(at, ".lock", O_RDWR | O_CREAT);
    bool good;

    if (fd < 0)
        return false;
    good = dup3(fd, at->lock, O_CLOEXEC) >= 0;
    if (!good)
        (void)fail_file(at, ".lock", "it cannot be opened");
    close(fd);
    return good;
}

bool
record_lock(record *at)
{
    for (;;) {
        if (!lock_first_byte(at))
            return false;
        if (is_there(at))
            return true;
        if (io_now() >= at->of->deadline)
            return record_under_way(at);
        if (!open_lock_again(at))
            return false;
    }
}

void
record_unlock(record *at)
{
    (void)lock_bytes(at->lock, F_OFD_SETLK, F_UNLCK, 0, 1, NULL);
}

bool
record_hold_step(record *at, int64_t begin, int64_t end, bool *others)
{
    bool held = lock_bytes(at->lock, F_OFD_SETLK, F_WRLCK, 1 + (uint64_t)begin,
                           (uint64_t)(end - begin), NULL);

    *others = !held && is_others();
    return held || *others || fail_file(at, ".lock", "it cannot be locked");
}

void
record_leave_step(record *at)
{
    /* up to the end of all files */
    (void)lock_bytes(at->lock, F_OFD_SETLK, F_UNLCK, 1, 0, NULL);
}

/* The byte of a counter; those that share one are never used together. */
static uint64_t
byte_of(uint64_t counter)
{
    return 1 + (counter & (UINT64_MAX >> 2));
}

bool
record_hold(record *at, uint64_t counter)
{
    return lock_bytes(at->lock, F_OFD_SETLK, F_WRLCK, byte_of(counter), 1,
                      NULL) ||
           fail_file(at, ".lock", "it cannot be locked");
}

bool
record_is_held(record *at, uint64_t counter)
{
    short type = F_UNLCK;

    return lock_bytes(at->lock, F_OFD_GETLK, F_WRLCK, byte_of(counter), 1,
                      &type) &&
           type != F_UNLCK;
}

/* ------------------------------------------------------------------ records */

/* To begin anew could give a code twice, so that is left to the user. */
static bool
not_understood(record *at)
{
    if (at->key->counted)
        return fail(at,
                    "%s/%s cannot be understood: write '" RECORD_KIND
                    " hotp N 0' into it, N being the counter of the next "
                    "code, or remove it to begin with the secret's own "
                    "counter",
                    at->path, at->name);
    return fail(at,
                "%s/%s cannot be understood: remove it, no sooner than %u "
                "seconds after the last login with %s",
                at->path, at->name, at->key->period, at->called);
}

bool
record_read(record *at, record_line *is)
{
    char text[RECORD_LINE_SIZE];
    ssize_t len;
    int fd = open_file(at, "", O_RDONLY);

    *is = (record_line){false, 0, 0};
    if (fd < 0)
        return errno == ENOENT;
    do
        len = read(fd, text, sizeof text);
    while (len < 0 && errno == EINTR);
    if (len < 0)
        (void)fail_file(at, "", "it cannot be read");
    close(fd);
    if (len < 0)
        return false;
    return record_line_parse(authplug_span_make(text, (size_t)len),
                             at->key->counted, is) ||
           not_understood(at);
}

/* False with errno. */
static bool
write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t done = write(fd, text, len);

        if (done < 0 && errno != EINTR)
            return false;
        if (done > 0) {
            text += done;
            len -= (size_t)done;
        }
    }
    return true;
}

/*
 * Whether the code waits for the disk. A time step is over before a machine
 * that lost its power is up again, so that its record only has to be on the
 * way: that of one who is killed is in the system's memory. A counter is for
 * ever.
 */
static bool
must_last(const record *at)
{
    return at->key->counted || at->key->period > STEP_BRIEF;
}

static bool
sync_draft(const record *at, int fd)
{
    if (must_last(at))
        return fsync(fd) == 0;
    (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    return true;
}

static bool
replace(record *at, const char *draft)
{
    if (renameat(at->folder, draft, at->folder, at->name) != 0) {
        (void)fail_file(at, "", "it cannot be replaced");
        (void)unlinkat(at->folder, draft, 0);
        return false;
    }
    /* only with this it outlives a loss of power */
    return !must_last(at) || fsync(at->folder) == 0 ||
           fail_file(at, "", "it cannot be written");
}

/* Under the lock, so a draft that is there already was left by one who was
 * killed. */
bool
record_write(record *at, uint64_t next)
{
    record_line is = {true, next, (record_clock() + 999) / 1000};
    char line[RECORD_LINE_SIZE], draft[RECORD_NAME_SIZE + 8];
    size_t len = record_line_write(&is, at->key->counted, line);
    bool written;
    int fd;

    (void)snprintf(draft, sizeof draft, "%s.new", at->name);
    (void)unlinkat(at->folder, draft, 0);
    fd = open_file(at, ".new", O_WRONLY | O_CREAT | O_EXCL);
    if (fd < 0)
        return false;
    written = write_all(fd, line, len) && sync_draft(at, fd);
    if (!written)
        (void)fail_file(at, ".new", "it cannot be written");
    if (close(fd) != 0 && written)
        written = fail_file(at, ".new", "it cannot be written");
    if (written)
        return replace(at, draft);
    (void)unlinkat(at->folder, draft, 0);
    return false;
}

/* ---------------------------------------------------------------------- all */

static bool
name_record(record *at)
{
    char name[OTP_NAME_SIZE];

    if (!otp_key_name(at->key, name))
        return fail(at, "a code of %s cannot be computed", at->called);
    /* a time step and a counter say nothing about each other */
    (void)snprintf(at->name, sizeof at->name, "%s.%s", name,
                   at->key->counted ? "hotp" : "totp");
    return true;
}

/* Opens the lock, or goes on with that of an earlier code of this login, which
 * must not wait for itself. */
static bool
open_lock(record *at, otp_use *uses)
{
    for (; uses != NULL; uses = uses->next)
        if (strcmp(uses->name, at->name) == 0) {
            at->lock = uses->lock;
            return true;
        }
    at->lock = open_file(at, ".lock", O_RDWR | O_CREAT);
    at->owns = at->lock >= 0;
    return at->owns;
}

bool
record_keep(record *at, otp_use **uses)
{
    otp_use *use;

    if (!at->owns)
        return true;
    use = malloc(sizeof *use);
    if (use == NULL)
        return fail(at, "out of memory");
    memcpy(use->name, at->name, sizeof use->name);
    use->lock = at->lock;
    use->next = *uses;
    *uses = use;
    at->owns = false;
    return true;
}

bool
record_open(record *at, otp_use *uses)
{
    return name_record(at) && open_folder(at) && open_lock(at, uses);
}

void
record_close(record *at)
{
    if (at->owns)
        close(at->lock);
    if (at->folder >= 0)
        close(at->folder);
}
