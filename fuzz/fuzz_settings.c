/*
 * The client's configuration, and command lines without a shell: whatever two
 * files say, what may be started is in every list that there is, and what is
 * wrong with a line is told.
 *
 * Input: a command line, NUL, the user's file, NUL, that in /etc.
 */
#include "fuzz/fuzz.h"

#include "client/settings.h"
#include "conf/words.h"

#include <stdlib.h>
#include <string.h>

static void
split(const char *command)
{
    words_fault fault = {0};
    char **words = NULL;
    size_t count = 0, bytes = 0;
    authplug_status status = words_split(command, &words, &count, &fault);

    if (status != AUTHPLUG_OK) {
        MUST(status == AUTHPLUG_VALUE && fault.offset < strlen(command));
        return;
    }
    for (size_t i = 0; i < count; i++)
        bytes += strlen(words[i]);
    MUST(words[count] == NULL && bytes <= strlen(command));
    free(words);
}

static bool
is_listed(const settings *it, settings_rank rank, const char *path)
{
    settings_place at;
    const char *one;

    for (size_t i = 0; (one = settings_allowed(it, rank, i, &at)) != NULL; i++)
        if (strcmp(one, path) == 0)
            return *one == '/' && at.line > 0;
    return false;
}

static void
allow(const settings *it, const char *command)
{
    char why[SETTINGS_WHY] = "", **words = NULL;
    settings_place at;
    unsigned limits = 0;
    authplug_status status =
        settings_allow(it, command, &words, why, sizeof why);

    for (int rank = 0; rank < SETTINGS_RANKS; rank++) {
        if (!settings_limited(it, (settings_rank)rank, &at))
            continue;
        limits++;
        MUST(at.line > 0);
        MUST(status != AUTHPLUG_OK ||
             is_listed(it, (settings_rank)rank, words[0]));
    }
    MUST(status == AUTHPLUG_OK || (status == AUTHPLUG_REFUSED && *why != 0));
    MUST((words != NULL) == (status == AUTHPLUG_OK && limits > 0));
    free(words);
}

static void
find(const settings *it)
{
    const settings_peer peer = {"web", "web.example.org", "alice", 22};
    settings_found found;

    settings_find(it, &peer, &found);
    MUST(found.timeout >= 1 && found.timeout <= SETTINGS_TIMEOUT_MOST_S);
    MUST(found.plugin == NULL ||
         (found.plugin_at.file != NULL && found.plugin_at.line > 0));
    MUST(!found.batch || found.batch_at.line > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    authplug_span rest = authplug_span_make(data, size), first;
    settings *it = settings_new();
    authplug_status status = AUTHPLUG_OK;
    char *command;

    MUST(it != NULL);
    if (size == 0 || size > 16384) {
        settings_free(&it);
        return 0;
    }
    first = fuzz_cut(&rest);
    command = calloc(first.len + 1, 1);
    MUST(command != NULL);
    memcpy(command, first.data, first.len);
    split(command);
    for (int rank = 0; status == AUTHPLUG_OK && rank < SETTINGS_RANKS; rank++) {
        conf *file = NULL;

        MUST(conf_parse("f", fuzz_cut(&rest), &file) == AUTHPLUG_OK);
        status = settings_read(it, (settings_rank)rank, "f", file);
        MUST((status == AUTHPLUG_OK) == (*conf_error(file) == 0));
        conf_free(&file);
    }
    if (status == AUTHPLUG_OK) {
        find(it);
        allow(it, command);
    }
    free(command);
    settings_free(&it);
    return 0;
}
