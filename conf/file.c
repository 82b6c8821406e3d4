/* Whole files, read if nobody else can have tampered with them. */
#define _GNU_SOURCE
#include "conf/file.h"

#include <authplug/text.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* what a platform lacks: there nothing of it is needed */
#ifndef O_BINARY
#define O_BINARY 0
#endif
#ifdef _WIN32
#define O_CLOEXEC O_NOINHERIT
#define O_NOCTTY 0
#define O_NONBLOCK 0
#endif

/* read at a time */
#define PIECE 16384

void
file_why_list(authplug_secret *why, const char *format, va_list arguments)
{
    char text[1024];

    (void)vsnprintf(text, sizeof text, format, arguments);
    (void)authplug_text_safe(authplug_span_of(text), AUTHPLUG_TEXT_UTF8, why);
}

void
file_why(authplug_secret *why, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    file_why_list(why, format, arguments);
    va_end(arguments);
}

void
file_too_large(authplug_secret *why, const char *path, size_t most)
{
    file_why(why, "%s: too large: at most %lu KiB were expected", path,
             (unsigned long)(most / 1024));
}

#ifdef _WIN32
static bool
is_safe(const char *path, const struct stat *found, conf_care care,
        authplug_secret *why)
{
    (void)path, (void)found, (void)care, (void)why;
    return true;
}
#else
static bool
is_safe(const char *path, const struct stat *found, conf_care care,
        authplug_secret *why)
{
    bool ours = found->st_uid == 0 || found->st_uid == geteuid() ||
                (care == CONF_OF_ANYBODY && geteuid() == 0);

    if (!ours)
        file_why(why,
                 "%s: it belongs to user %lu: root, or user %lu, was expected "
                 "to own it: see chown(1)",
                 path, (unsigned long)found->st_uid, (unsigned long)geteuid());
    else if (care != CONF_NOT_WRITABLE && (found->st_mode & 077) != 0)
        file_why(why, "%s: others may read or change it: chmod go= %s", path,
                 path);
    else if ((found->st_mode & 022) != 0)
        file_why(why, "%s: others may change it: chmod go-w %s", path, path);
    else
        return true;
    return false;
}
#endif

/* Opens it such that a pipe is not waited for. */
static authplug_status
open_safe(const char *path, conf_care care, int *fd, authplug_secret *why)
{
    struct stat found;
    authplug_status status = AUTHPLUG_IO;

    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_BINARY);
    if (*fd < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            status = AUTHPLUG_NOT_FOUND;
        file_why(why, "%s: %s", path, strerror(errno));
        return status;
    }
    if (fstat(*fd, &found) != 0) {
        file_why(why, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(found.st_mode)) {
        file_why(why, "%s: not a file: a regular file was expected", path);
    } else {
        status = AUTHPLUG_REFUSED;
        if (is_safe(path, &found, care, why))
            return AUTHPLUG_OK;
    }
    close(*fd);
    return status;
}

static authplug_status
take(int fd, size_t most, authplug_secret *text)
{
    unsigned char *room;
    ssize_t got;

    for (;;) {
        if (authplug_secret_reserve(text, PIECE, &room) != AUTHPLUG_OK)
            return AUTHPLUG_NOMEM;
        got = read(fd, room, PIECE);
        if (got == 0)
            return AUTHPLUG_OK;
        if (got > 0)
            authplug_secret_commit(text, (size_t)got);
        else if (errno != EINTR)
            return AUTHPLUG_IO;
        if (authplug_secret_len(text) > most)
            return AUTHPLUG_LENGTH;
    }
}

authplug_status
file_read(const char *path, conf_care care, size_t most,
          authplug_secret **text, authplug_secret *why)
{
    authplug_secret *bytes;
    int fd;
    authplug_status status = open_safe(path, care, &fd, why);

    if (status != AUTHPLUG_OK)
        return status;
    bytes = authplug_secret_new(most + PIECE);
    status = bytes == NULL ? AUTHPLUG_NOMEM : take(fd, most, bytes);
    if (status == AUTHPLUG_LENGTH)
        file_too_large(why, path, most);
    else if (status != AUTHPLUG_OK)
        file_why(why, "%s: %s", path,
                 status == AUTHPLUG_IO ? strerror(errno)
                                       : authplug_status_text(status));
    close(fd);
    if (status == AUTHPLUG_OK)
        *text = bytes;
    else
        authplug_secret_free(&bytes);
    return status;
}

authplug_status
file_of_user(const char *name, const char *home, char **path)
{
    const char *place = getenv("XDG_CONFIG_HOME"), *below = "";
    size_t size;

    if (place == NULL || place[0] != '/') {
        place = home;
        below = "/.config";
    }
    if (place == NULL || place[0] != '/')
        return AUTHPLUG_NOT_FOUND;
    size = strlen(place) + strlen(below) + strlen(name) + sizeof "/authplug/";
    *path = malloc(size);
    if (*path == NULL)
        return AUTHPLUG_NOMEM;
    (void)snprintf(*path, size, "%s%s/authplug/%s", place, below, name);
    return AUTHPLUG_OK;
}
