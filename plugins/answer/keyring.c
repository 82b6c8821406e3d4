/* The desktop's keyring, by a helper: libsecret is slow to start, and few need
 * it. */
#define _GNU_SOURCE
#include "cache.h"

#include "io/io.h"

#include <authplug/wire.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HELPER "authplug-keyring"
#define HELPER_MS 10000
/* for what is kept: the user can still be asked */
#define CACHE_MS 5000

/* How it ends; keyring_main.c. */
enum { FOUND = 0, NONE = 1 };

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
        if (len > 0)
            status = authplug_secret_append(out, buffer, len);
        authplug_wipe(buffer, len);
    } while (status == AUTHPLUG_OK && len > 0);
    return status;
}

/* Has the helper do what the words say. Its exit status, or -1 after writing
 * why; what else than FOUND means is in why, too. */
static int
run(const char *const *words, authplug_span input, authplug_secret *out,
    int64_t deadline, char *why, size_t size)
{
    size_t before = authplug_secret_len(out);
    source_complaint said = {""};
    char path[4096];
    const char *argv[] = {path, words[0], words[1], NULL};
    io_program program = {
        .argv = argv, .on_line = source_keep_complaint, .context = &said};
    io_child *child = NULL;
    authplug_status status;
    io_exit how;

    find_helper(path, sizeof path);
    if (io_child_start(&program, &child) != AUTHPLUG_OK) {
        (void)snprintf(why, size,
                       "the keyring's helper %s could not be "
                       "started: %s",
                       path, strerror(errno));
        return -1;
    }
    status =
        input.len > 0 ? io_child_write(child, input, deadline) : AUTHPLUG_OK;
    io_child_close_input(child);
    /* one that does not read may still say why */
    if (status == AUTHPLUG_OK || status == AUTHPLUG_CLOSED)
        status = read_all(child, out, deadline);
    io_child_finish(&child, status == AUTHPLUG_OK ? 1000 : 0, &how);
    if (status == AUTHPLUG_OK && how.known && how.code == FOUND && !how.killed)
        return FOUND;
    authplug_secret_cut(out, before);
    (void)snprintf(why, size, "%s",
                   status == AUTHPLUG_TIMEOUT
                       ? "the keyring did not answer in time: is it waiting "
                         "to be unlocked?"
                   : status == AUTHPLUG_LIMIT
                       ? "the keyring's entry is too long"
                   : said.text[0] != 0 ? said.text
                                       : "the keyring's helper gave nothing");
    return status == AUTHPLUG_OK && how.known && !how.killed ? how.code : -1;
}

bool
keyring_get(const char *name, authplug_secret *secret, int64_t deadline,
            char *why, size_t size)
{
    const char *const words[] = {"get", name};
    int64_t until = io_deadline(HELPER_MS);

    if (until > deadline)
        until = deadline;
    return run(words, (authplug_span){0}, secret, until, why, size) == FOUND;
}

/* The name and the answer go through a pipe: arguments can be seen. */
cache_status
cache_ask_keyring(const cache_question *question, authplug_secret *answer,
                  char *why, size_t size)
{
    char seconds[16];
    const char *words[] = {NULL, NULL};
    authplug_secret *input = authplug_secret_new(CACHE_PACKET_MOST);
    authplug_secret *out = authplug_secret_new(ANSWER_MOST);
    authplug_writer to;
    int code = -1;

    why[0] = 0;
    (void)snprintf(seconds, sizeof seconds, "%u", (unsigned)question->seconds);
    words[0] = question->what == CACHE_FIND   ? "find"
               : question->what == CACHE_KEEP ? "keep"
               : question->what == CACHE_DROP ? "drop"
                                              : "forget";
    if (question->what == CACHE_FIND || question->what == CACHE_KEEP)
        words[1] = seconds;
    if (input != NULL && out != NULL) {
        to = authplug_writer_to(input);
        authplug_put_string(&to, question->name);
        authplug_put_bytes(&to, question->answer);
        if (to.status == AUTHPLUG_OK)
            code = run(words, authplug_secret_span(input), out,
                       io_deadline(CACHE_MS), why, size);
    }
    if (code == FOUND && answer != NULL &&
        authplug_secret_append(answer, authplug_secret_span(out).data,
                               authplug_secret_len(out)) != AUTHPLUG_OK)
        code = -1;
    authplug_secret_free(&input);
    authplug_secret_free(&out);
    if (code == NONE)
        why[0] = 0;
    return code == FOUND  ? CACHE_DONE
           : code == NONE ? CACHE_NONE
                          : CACHE_REFUSED;
}
