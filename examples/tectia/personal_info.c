/*
 * personal_info FILE - keyboard-interactive: asks what only the user knows.
 *
 * FILE has lines NAME:COLOR:PET:CHOCOLATE. An example: answers deserve hashes.
 */
#define _GNU_SOURCE
#include <authplug/tectia_run.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether the line has these four fields. All are compared in any case. */
static bool
matches(char *line, const char *const given[4])
{
    bool same = given[0][0] != 0;

    line[strcspn(line, "\n")] = 0;
    for (int i = 0; i < 4; i++) {
        const char *field = strsep(&line, ":");

        same &= authplug_secret_equal(authplug_span_of(given[i]),
                                      authplug_span_of(field));
        same &= field != NULL;
    }
    return same && line == NULL;
}

static bool
decide(authplug_tectia_session *session, void *path)
{
    const char *given[4] = {
        authplug_tectia_session_param(session, "user_name")};
    char *line = NULL;
    size_t size = 0;
    bool right = false;
    FILE *file;

    /* whoever it is gets the same questions, once; retries are the server's */
    authplug_tectia_session_prompt(session, "Favorite color: ", false);
    authplug_tectia_session_prompt(session, "Pet's name: ", false);
    authplug_tectia_session_prompt(session, "Do you like chocolate? ", true);
    if (!authplug_tectia_session_ask(
            session, "Please provide some personal information."))
        return false;
    for (uint32_t i = 0; i < 3; i++)
        given[i + 1] = authplug_tectia_session_reply(session, i);

    /* the whole file is read and each line compared, known user or not */
    file = path != NULL ? fopen(path, "re") : NULL;
    if (file == NULL)
        return false;
    while (getline(&line, &size, file) > 0)
        right |= matches(line, given);
    free(line);
    fclose(file);
    return right;
}

int
main(int argc, char **argv)
{
    authplug_tectia_program asks = {.name = "personal_info",
                                    .kind = AUTHPLUG_TECTIA_KBDINT,
                                    .decide = decide};

    return authplug_tectia_run(&asks, argc > 1 ? argv[1] : NULL);
}
