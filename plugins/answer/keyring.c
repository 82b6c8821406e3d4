/* The desktop's keyring, by a helper: libsecret is slow to start, and few need
 * it. */
#define _GNU_SOURCE
#include "answer.h"

#include "io/io.h"

#include <authplug/text.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HELPER "authplug-keyring"
#define HELPER_MS 20000

/* Beside our own program, or where it was installed. */
static void
find_helper(char *path, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", path, size - 1);
    char *slash;

    if (len > 0) {
        path[len] = 0;
        slash = strrchr(path, '/');
        (void)snprintf(slash + 1, size - (size_t)(slash + 1 - path), HELPER);
        if (access(path, X_OK) == 0)
            return;
    }
    (void)snprintf(path, size, "%s/" HELPER, ANSWER_LIBEXEC);
}

/* What the helper complains of, in one line. */
typedef struct complaint {
    char text[256];
} complaint;

static void
keep_line(void *context, authplug_span line)
{
    complaint *to = context;
    authplug_secret *safe = authplug_secret_new(16384);

    if (safe != NULL && to->text[0] == 0 &&
        authplug_text_safe(line, io_text_flags(), safe) == AUTHPLUG_OK)
        (void)snprintf(to->text, sizeof to->text, "%.*s",
                       (int)authplug_secret_len(safe),
                       (const char *)authplug_secret_span(safe).data);
    authplug_secret_free(&safe);
}

static authplug_status
read_all(io_child *child, authplug_secret *out, int64_t deadline)
{
    unsigned char buffer[4096];
    authplug_status status;
    size_t len;

    do {
        status = io_child_read(child, buffer, sizeof buffer, &len, deadline);
        if (status != AUTHPLUG_OK)
            return status;
        status = authplug_secret_append(out, buffer, len);
        authplug_wipe(buffer, len);
    } while (status == AUTHPLUG_OK && len > 0);
    return status;
}

bool
keyring_get(const char *name, authplug_secret *secret, int64_t deadline,
            char *why, size_t size)
{
    size_t before = authplug_secret_len(secret);
    complaint said = {""};
    char path[4096];
    const char *argv[] = {path, "get", name, NULL};
    io_program program = {.argv = argv, .on_line = keep_line, .context = &said};
    int64_t until = io_deadline(HELPER_MS);
    io_child *child = NULL;
    authplug_status status;
    io_exit how;

    find_helper(path, sizeof path);
    if (io_child_start(&program, &child) != AUTHPLUG_OK) {
        (void)snprintf(why, size,
                       "the keyring's helper %s could not be "
                       "started: %s",
                       path, strerror(errno));
        return false;
    }
    io_child_close_input(child);
    status = read_all(child, secret, until < deadline ? until : deadline);
    io_child_finish(&child, status == AUTHPLUG_OK ? 1000 : 0, &how);
    if (status == AUTHPLUG_OK && how.known && how.code == 0 && !how.killed &&
        authplug_secret_len(secret) > before)
        return true;
    authplug_secret_cut(secret, before);
    (void)snprintf(why, size, "%s",
                   status == AUTHPLUG_TIMEOUT
                       ? "the keyring did not answer in time: is it waiting "
                         "to be unlocked?"
                   : said.text[0] != 0 ? said.text
                                       : "the keyring's helper gave nothing");
    return false;
}
