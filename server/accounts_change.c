/* serve's password file: how it is changed. */
#define _GNU_SOURCE
#include "server/accounts_file.h"

#include "io/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE 10000 /* for the lock */
#define PAUSE 20       /* between two looks at it */

/* Where the file is: its folder, and the names of what is made there. */
typedef struct place {
    char *path; /* behind symbolic links, which stay */
    const char *name;
    char *lock, *draft;
    int folder, held;
} place;

static authplug_status
fail(const char *path, const char *what)
{
    bool memory = errno == ENOMEM;

    accounts_say("%s: %s: %s", path, what, strerror(errno));
    return memory ? AUTHPLUG_NOMEM : AUTHPLUG_IO;
}

/* ---------------------------------------------------------- place, and lock */

static char *
join(const char *name, const char *end)
{
    size_t len = strlen(name), more = strlen(end) + 1;
    char *joined = malloc(len + more);

    if (joined == NULL)
        return NULL;
    memcpy(joined, name, len);
    memcpy(joined + len, end, more);
    return joined;
}

/* Opens the folder of a path: what stands before its last slash. */
static int
open_folder(const char *path, const char *name)
{
    char *folder = name == path ? join(".", "") : join(path, "");
    int fd;

    if (folder == NULL)
        return -1;
    if (name != path)
        folder[name - path] = 0;
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    return fd;
}

static authplug_status
find_place(const char *file, place *at)
{
    const char *slash;

    at->path = realpath(file, NULL);
    if (at->path == NULL && errno == ENOENT)
        at->path = join(file, "");
    if (at->path == NULL)
        return fail(file, "it cannot be found");
    slash = strrchr(at->path, '/');
    at->name = slash == NULL ? at->path : slash + 1;
    at->lock = join(at->name, ".lock");
    at->draft = join(at->name, ".new");
    if (at->lock == NULL || at->draft == NULL)
        return AUTHPLUG_NOMEM;
    at->folder = open_folder(at->path, at->name);
    return at->folder < 0 ? fail(file, "its folder cannot be opened")
                          : AUTHPLUG_OK;
}

/* What root makes here belongs to whom the file belongs to. */
static bool
keep_owner(const place *at, int fd)
{
    struct stat file;

    if (fstatat(at->folder, at->name, &file, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT;
    return file.st_uid == geteuid() ||
           fchown(fd, file.st_uid, file.st_gid) == 0;
}

/* One that was there already keeps its owner: it may be anything. */
static int
open_lock(const place *at)
{
    const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    int fd = openat(at->folder, at->lock, flags | O_CREAT | O_EXCL, 0600);

    if (fd < 0 && errno == EEXIST)
        return openat(at->folder, at->lock, flags);
    if (fd >= 0 && !keep_owner(at, fd)) {
        close(fd);
        return -1;
    }
    return fd;
}

/*
 * The lock ends with whoever holds it, also when he is killed. Its file stays:
 * to remove it would take it from under one who waits for it.
 */
static authplug_status
take_lock(place *at, int64_t patience)
{
    int64_t deadline = io_deadline(patience);
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    at->held = open_lock(at);
    if (at->held < 0)
        return fail(at->path, "its lock, with '.lock' at the end, cannot be "
                              "opened");
    while (fcntl(at->held, F_OFD_SETLK, &whole) != 0) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return fail(at->path, "it cannot be locked");
        if (io_now() >= deadline) {
            accounts_say("%s: somebody else is changing it: try again later",
                         at->path);
            return AUTHPLUG_TIMEOUT;
        }
        if (io_wait(-1, false, false, io_deadline(PAUSE)) ==
            AUTHPLUG_CANCELLED) {
            accounts_say("%s: interrupted: nothing was changed", at->path);
            return AUTHPLUG_CANCELLED;
        }
    }
    return AUTHPLUG_OK;
}

static void
leave_place(place *at)
{
    if (at->held >= 0)
        close(at->held);
    if (at->folder >= 0)
        close(at->folder);
    free(at->path);
    free(at->lock);
    free(at->draft);
}

/* ----------------------------------------------------------------- new text */

static authplug_status
append_field(authplug_secret *text, authplug_span field, const char *end)
{
    authplug_status status =
        authplug_secret_append(text, field.data, field.len);

    return status == AUTHPLUG_OK
               ? authplug_secret_append(text, end, strlen(end))
               : status;
}

static authplug_status
append_count(authplug_secret *text, long count, const char *end)
{
    char digits[24] = "";

    if (count >= 0)
        (void)snprintf(digits, sizeof digits, "%ld", count);
    return append_field(text, authplug_span_of(digits), end);
}

/* The line as it shall be. */
static authplug_status
append_edited(authplug_secret *text, const accounts_line *line,
              const accounts_edit *edit, authplug_span hash)
{
    long changed = line->changed, maxdays = line->maxdays;
    authplug_status status = append_field(text, line->name, ":");

    if (edit->maxdays != NULL)
        maxdays = *edit->maxdays;
    if (hash.len > 0 || (changed < 0 && maxdays >= 0))
        changed = accounts_today();
    if (edit->expire)
        changed = 0;
    if (status == AUTHPLUG_OK)
        status = append_field(text, hash.len > 0 ? hash : line->hash, ":");
    if (status == AUTHPLUG_OK)
        status = append_count(text, changed, ":");
    return status == AUTHPLUG_OK ? append_count(text, maxdays, "\n") : status;
}

/* All of the file, with the user's line anew. */
static authplug_status
append_all(const char *path, accounts_reader *reader, const char *user,
           const accounts_edit *edit, authplug_span hash,
           authplug_secret *text)
{
    accounts_line line, fresh = {.changed = -1, .maxdays = -1};
    authplug_status status;
    bool known = false, ends = true;

    fresh.name = authplug_span_of(user);
    while ((status = accounts_next(path, reader, &line)) == AUTHPLUG_OK) {
        bool his = authplug_span_is(line.name, user);

        if (his && known)
            return accounts_twice(path, line.number);
        if (his && edit->create) {
            accounts_say("%s: there is such a user already", path);
            return AUTHPLUG_STATE;
        }
        known |= his;
        ends = his || line.all.data[line.all.len - 1] == '\n';
        status = his ? append_edited(text, &line, edit, hash)
                     : append_field(text, line.all, "");
        if (status != AUTHPLUG_OK)
            return status;
    }
    if (status != AUTHPLUG_NEED_MORE || known)
        return status == AUTHPLUG_NEED_MORE ? AUTHPLUG_OK : status;
    if (!edit->create)
        return accounts_unknown(path);
    status = ends ? AUTHPLUG_OK : authplug_secret_append(text, "\n", 1);
    return status == AUTHPLUG_OK
               ? append_edited(text, &fresh, edit, hash)
               : status;
}

/* The file as it is, if there is one, with the change. */
static authplug_status
rewrite(const char *path, const char *user, const accounts_edit *edit,
        authplug_span hash, authplug_secret *text)
{
    accounts_reader reader;
    authplug_status status = accounts_open(path, CONF_OF_ANYBODY, &reader);

    if (status == AUTHPLUG_NOT_FOUND && edit->create) {
        (void)accounts_listen(); /* it is made, so nothing is wrong */
        reader.text = authplug_secret_new(1);
        status = reader.text == NULL ? AUTHPLUG_NOMEM : AUTHPLUG_OK;
    } else if (status == AUTHPLUG_NOT_FOUND) {
        status = AUTHPLUG_IO;
    }
    if (status == AUTHPLUG_OK)
        status = append_all(path, &reader, user, edit, hash, text);
    accounts_close(&reader);
    if (status == AUTHPLUG_LIMIT) {
        accounts_say("%s: too large: at most %lu KiB were expected", path,
                     (unsigned long)(ACCOUNTS_FILE_MOST / 1024));
        status = AUTHPLUG_LENGTH;
    }
    return status;
}

/* -------------------------------------------------------------- replacement */

static bool
write_all(int fd, authplug_span bytes)
{
    while (bytes.len > 0) {
        ssize_t done = write(fd, bytes.data, bytes.len);

        if (done < 0 && errno != EINTR)
            return false;
        if (done > 0) {
            bytes.data += done;
            bytes.len -= (size_t)done;
        }
    }
    return true;
}

/* A new file beside the old one; one that a killed process left is no more. */
static bool
write_draft(const place *at, authplug_span text)
{
    int fd;
    bool good;

    if (unlinkat(at->folder, at->draft, 0) != 0 && errno != ENOENT)
        return false;
    fd = openat(at->folder, at->draft,
                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    good = fchmod(fd, 0600) == 0 && keep_owner(at, fd) && write_all(fd, text) &&
           fsync(fd) == 0;
    return close(fd) == 0 && good;
}

static authplug_status
replace(const place *at, authplug_span text)
{
    authplug_status status;

    if (!write_draft(at, text) ||
        renameat(at->folder, at->draft, at->folder, at->name) != 0) {
        status = fail(at->path, "the new file cannot be written, the old one "
                                "stays");
        (void)unlinkat(at->folder, at->draft, 0);
        return status;
    }
    if (fsync(at->folder) != 0)
        return fail(at->path, "it was changed, but may not be on the disk");
    return AUTHPLUG_OK;
}

/* Somebody else may have changed it since it was asked for. */
static authplug_status
check_current(const char *path, const char *user, authplug_span current)
{
    const char *error;

    if (current.len == 0)
        return AUTHPLUG_OK;
    switch (accounts_check(path, user, current, &error)) {
    case ACCOUNTS_YES:
    case ACCOUNTS_EXPIRED:
        return AUTHPLUG_OK;
    case ACCOUNTS_NO:
        accounts_say("%s: somebody else changed the password meanwhile: "
                     "nothing was changed", path);
        return AUTHPLUG_STATE;
    case ACCOUNTS_BROKEN:
        break;
    }
    return AUTHPLUG_IO;
}

static authplug_status
change_file(const char *file, const char *user, const accounts_edit *edit,
            authplug_span hash, authplug_secret *text)
{
    place at = {.folder = -1, .held = -1};
    authplug_status status = find_place(file, &at);

    if (status == AUTHPLUG_OK)
        status = take_lock(&at, edit->patience > 0 ? edit->patience : PATIENCE);
    if (status == AUTHPLUG_OK)
        status = check_current(at.path, user, edit->current);
    if (status == AUTHPLUG_OK)
        status = rewrite(at.path, user, edit, hash, text);
    if (status == AUTHPLUG_OK)
        status = replace(&at, authplug_secret_span(text));
    leave_place(&at);
    return status;
}

/* What can be stored, and come back as it was. */
static authplug_status
check_edit(const accounts_edit *edit)
{
    bool password = edit->password.len > 0;
    bool other = !edit->create && (edit->expire || edit->maxdays != NULL);

    if ((password ? !accounts_is_password(edit->password) : !other) ||
        authplug_span_has(edit->password, '\r') ||
        authplug_span_has(edit->password, '\n'))
        accounts_say("this password cannot be stored: 1 to 511 bytes were "
                     "expected, no NUL and no line end");
    else if (edit->maxdays != NULL && (*edit->maxdays < ACCOUNTS_NEVER ||
                                       *edit->maxdays > ACCOUNTS_MAXDAYS))
        accounts_say("this many days cannot be stored: 0 to 99999 were "
                     "expected");
    else
        return AUTHPLUG_OK;
    return AUTHPLUG_VALUE;
}

authplug_status
accounts_change(const char *file, const char *user, const accounts_edit *edit,
                const char **error)
{
    authplug_secret *text = authplug_secret_new(ACCOUNTS_FILE_MOST);
    authplug_secret *hash = authplug_secret_new(ACCOUNTS_HASH_MOST);
    authplug_status status = AUTHPLUG_NOMEM;
    bool memory = accounts_listen() && text != NULL && hash != NULL;

    if (memory)
        status = accounts_check_name(user);
    if (status == AUTHPLUG_OK)
        status = check_edit(edit);
    /* hashing takes long, so the lock is not held meanwhile; but for the
     * current password, which could be another one later */
    if (status == AUTHPLUG_OK && edit->password.len > 0)
        status = accounts_hash(edit->password, authplug_span_of(NULL), hash);
    if (status == AUTHPLUG_OK)
        status = change_file(file, user, edit, authplug_secret_span(hash),
                             text);
    authplug_secret_free(&text);
    authplug_secret_free(&hash);
    if (status != AUTHPLUG_OK)
        *error = accounts_said();
    return status;
}

authplug_status
accounts_folder(const char *file, const char **error)
{
    place at = {.folder = -1, .held = -1};
    authplug_status status = AUTHPLUG_NOMEM;

    if (accounts_listen())
        status = find_place(file, &at);
    leave_place(&at);
    if (status != AUTHPLUG_OK)
        *error = accounts_said();
    return status;
}

authplug_status
accounts_set(const char *file, const char *user, authplug_span password,
             bool create, const char **error)
{
    accounts_edit edit = {.password = password, .create = create};

    return accounts_change(file, user, &edit, error);
}
