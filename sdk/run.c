/* What the runtimes of both protocols' plugins share. */
#include "sdk/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_TIMEOUT (10 * 60 * 1000)

int
run_complain(const run_link *link, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "%s: %s\n", link->name, text);
    return RUN_BROKEN;
}

int64_t
run_deadline(const run_link *link)
{
    return io_deadline(link->timeout_ms > 0 ? link->timeout_ms
                                            : DEFAULT_TIMEOUT);
}

int
run_open(run_link *link, const char *log, const char *peer, const char *word)
{
    bool file = log != NULL && strcmp(log, "-") != 0;

    if (io_standard_is_terminal()) {
        (void)run_complain(link,
                           "this program is started by an SSH %s, not by hand: "
                           "try it with 'authplug try %s -- COMMAND'",
                           peer, word);
        return RUN_MISUSE;
    }
    if (io_take_standard(log, &link->in, &link->out) != AUTHPLUG_OK)
        return run_complain(link, "cannot set up standard input and output%s",
                            file ? ", or the file named by AUTHPLUG_LOG" : "");
    return RUN_OK;
}
