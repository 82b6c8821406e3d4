/*
 * change_password FILE - password change, in a private file of lines
 * NAME:HASH. Hashes are those of crypt(3).
 */
#define _GNU_SOURCE
#include <authplug/tectia_run.h>

#include <crypt.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool
refuse(authplug_tectia_session *session, const char *why)
{
    return authplug_tectia_session_refuse(session, AUTHPLUG_TECTIA_CODE_NONE,
                                          why);
}

/* The next line, without its end, and its hash if it is the user's. NULL at
 * the end, and where a line is too long. */
static char *
next(char line[1024], FILE *file, const char *user, const char **hash)
{
    size_t len = strlen(user);

    if (fgets(line, 1024, file) == NULL || strlen(line) == 1023)
        return NULL;
    line[strcspn(line, "\n")] = 0;
    *hash = strncmp(line, user, len) == 0 && line[len] == ':' ? line + len + 1
                                                              : NULL;
    return line;
}

static bool
is_password(FILE *file, const char *user, const char *password)
{
    char line[1024], known[1024] = "$6$nobody$"; /* takes as long */
    const char *hash;

    while (next(line, file, user, &hash) != NULL)
        if (hash != NULL)
            (void)snprintf(known, sizeof known, "%s", hash);
    hash = crypt(password, known);
    return hash != NULL && authplug_secret_equal(authplug_span_of(hash),
                                                 authplug_span_of(known));
}

/* Copies the file, with another hash for the user. */
static bool
copy(FILE *file, FILE *to, const char *user, const char *new_hash)
{
    char line[1024];
    const char *hash;
    bool good = to != NULL;

    rewind(file);
    while (good && next(line, file, user, &hash) != NULL)
        good = (hash == NULL ? fprintf(to, "%s\n", line)
                             : fprintf(to, "%s:%s\n", user, new_hash)) > 0;
    good = good && feof(file) && fflush(to) == 0 && fsync(fileno(to)) == 0;
    return to != NULL && fclose(to) == 0 && good;
}

static bool
decide(authplug_tectia_session *session, void *path)
{
    static const char *const keys[] = {"user_name", "old_password",
                                       "new_password"};
    const char *given[3], *hash;
    char text[PATH_MAX];
    FILE *file;
    int fd;

    for (int i = 0; i < 3; i++) {
        given[i] = authplug_tectia_session_param(session, keys[i]);
        (void)snprintf(text, sizeof text, "no %s", keys[i]);
        if (given[i][0] == 0)
            return authplug_tectia_session_refuse_log(session, text);
    }
    file = path != NULL ? fopen(path, "re") : NULL;
    if (file == NULL)
        return authplug_tectia_session_refuse_log(session, "no file to read");
    if (!is_password(file, given[0], given[1]))
        return refuse(session, "The old password is wrong.");
    if (strlen(given[2]) < 12 || strlen(given[2]) > 200)
        return refuse(session, "The new password needs 12 to 200 characters.");
    if (strcmp(given[1], given[2]) == 0)
        return refuse(session, "The new password is the old one.");

    /* who can make FILE.new does the change, and nobody else meanwhile */
    (void)snprintf(text, sizeof text, "%s.new", (char *)path);
    fd = open(text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return authplug_tectia_session_refuse_log(session,
                                                  "FILE.new is in the way");
    hash = crypt(given[2], crypt_gensalt("$6$", 0, NULL, 0));
    if (hash != NULL && hash[0] == '$' &&
        copy(file, fdopen(fd, "w"), given[0], hash) && rename(text, path) == 0)
        return true;
    unlink(text);
    return authplug_tectia_session_refuse_log(session, "FILE is as it was");
}

int
main(int argc, char **argv)
{
    authplug_tectia_program changes = {.name = "change_password",
                                       .kind = AUTHPLUG_TECTIA_PASSWD,
                                       .decide = decide};

    return authplug_tectia_run(&changes, argc > 1 ? argv[1] : NULL);
}
