/* authplug try: a conversation with a plugin, step by step, by hand. */
#define _GNU_SOURCE
#include "cli/try.h"

#include "io/io.h"
#include "sdk/user.h"

#include <authplug/text.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An escape takes up to ten characters for one. */
#define LINE_MAX_BYTES (16u << 20)

static const struct {
    const char *word;
    int (*run)(int argc, char **argv);
} protocols[] = {
    {"putty", try_putty},
    {"kbdint", try_server},
    {"passwd", try_server},
    {"authorize", try_server},
};

int
try_help(const char *const texts[])
{
    for (size_t i = 0; texts[i] != NULL; i++)
        printf("%s%s", i > 0 ? "\n" : "", texts[i]);
    puts("More: man authplug-try");
    return CLI_YES;
}

int
try_misuse(const char *what, const char *word)
{
    io_say(TRY, "%s%s: see 'authplug try --help'", what, word);
    return CLI_MISUSE;
}

bool
try_number(const char *text, long most, long *value)
{
    char *end;

    errno = 0;
    *value = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == 0 && *value >= 1 &&
           *value <= most;
}

void
try_line(const char *before, authplug_span text, const char *after)
{
    authplug_secret *safe = authplug_secret_new(LINE_MAX_BYTES);

    if (safe != NULL &&
        authplug_text_safe(text, io_text_flags(), safe) == AUTHPLUG_OK &&
        authplug_secret_text(safe) != NULL)
        printf("%s\"%s\"%s\n", before, authplug_secret_text(safe), after);
    fflush(stdout);
    authplug_secret_free(&safe);
}

void
try_stderr(void *context, authplug_span text)
{
    (void)context;
    user_tell("plugin", text);
}

int
cli_try(int argc, char **argv)
{
    static const char *const all[] = {try_putty_help, try_server_help, NULL};

    if (argc >= 2 && strcmp(argv[1], "--help") == 0)
        return try_help(all);
    for (size_t i = 0; argc >= 2 && i < sizeof protocols / sizeof *protocols;
         i++)
        if (strcmp(argv[1], protocols[i].word) == 0)
            return protocols[i].run(argc - 1, argv + 1);
    return try_misuse("which conversation? authplug try putty, kbdint, passwd "
                      "or authorize",
                      "");
}
