/* The files of authplug's own configuration: where they are, and whether nobody
 * else decides what they say. */
#define _GNU_SOURCE
#include "client/settings.h"

#include "io/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Whether nobody else can take a file away from this directory, or put another
 * in its place: what is not there limits nothing. In one that is sticky others
 * can make files, which are theirs and not read. One that is not there holds
 * nothing; what else keeps us out keeps the file from being read, too.
 */
static bool
is_safe(const char *folder, char *why, size_t size)
{
    struct stat st;

    if (stat(folder, &st) != 0)
        return true;
    if (st.st_uid != 0 && st.st_uid != geteuid())
        return io_explain(why, size,
                          "%.400s: it belongs to user %lu: root, or user %lu, "
                          "was expected to own it: see chown(1)",
                          folder, (unsigned long)st.st_uid,
                          (unsigned long)geteuid());
    if ((st.st_mode & 022) != 0 && (st.st_mode & S_ISVTX) == 0)
        return io_explain(why, size,
                          "%.400s: others may change what is in it: chmod go-w "
                          "%.400s",
                          folder, folder);
    return true;
}

/* The same of so many directories above a file. */
static bool
are_safe(const char *file, int count, char *why, size_t size)
{
    char *folder = strdup(file), *slash;
    bool good =
        folder != NULL ||
        io_explain(why, size, "%s", authplug_status_text(AUTHPLUG_NOMEM));

    while (good && count-- > 0 && (slash = strrchr(folder, '/')) != NULL &&
           slash != folder) {
        *slash = 0;
        good = is_safe(folder, why, size);
    }
    free(folder);
    return good;
}

/*
 * The file's own directory and the one that all programs share, for the name;
 * where links lead elsewhere, the directory there. Where there is no directory
 * for us, the one above is not looked at: nothing was ever said there.
 */
static bool
is_safe_place(const char *path, char *why, size_t size)
{
    char *folder = strndup(path, (size_t)(strrchr(path, '/') - path));
    char *real = realpath(path, NULL);
    bool there = folder == NULL || access(folder, F_OK) == 0;
    bool good = !there || (are_safe(path, 2, why, size) &&
                           (real == NULL || are_safe(real, 1, why, size)));

    free(folder);
    free(real);
    return good;
}

/* A file that is not there says nothing; of one that has a link, but cannot be
 * found, nobody knows what it says. */
static authplug_status
read_file(settings *it, settings_rank rank, const char *path, char *why,
          size_t size)
{
    conf *file = NULL;
    struct stat link;
    authplug_status status;

    if (!is_safe_place(path, why, size))
        return AUTHPLUG_REFUSED;
    status = conf_open(path, CONF_NOT_WRITABLE, &file);
    if (status == AUTHPLUG_OK)
        status = settings_read(it, rank, path, file);
    else if (status == AUTHPLUG_NOT_FOUND && lstat(path, &link) != 0)
        status = AUTHPLUG_OK;
    if (status != AUTHPLUG_OK)
        (void)snprintf(why, size, "%s",
                       file != NULL && conf_error(file)[0] != 0
                           ? conf_error(file)
                           : authplug_status_text(status));
    conf_free(&file);
    return status;
}

settings *
settings_open(char *why, size_t size)
{
    settings *it = settings_new();
    char *path = NULL;
    authplug_status status =
        it != NULL ? file_of_user("config", io_home(), &path) : AUTHPLUG_NOMEM;

    if (status == AUTHPLUG_NOMEM)
        (void)snprintf(why, size, "%s", authplug_status_text(status));
    else if (status == AUTHPLUG_OK)
        status = read_file(it, SETTINGS_OF_USER, path, why, size);
    else
        status = AUTHPLUG_OK; /* there is no home */
    free(path);
    if (status == AUTHPLUG_OK)
        status = read_file(it, SETTINGS_OF_SYSTEM, SETTINGS_ETC, why, size);
    if (status != AUTHPLUG_OK)
        settings_free(&it);
    return it;
}
