/* The programs' own words. */
#define _GNU_SOURCE
#include "posix.h"

#include <authplug/text.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SAY_MAX 4096

void
io_say(const char *program, const char *format, ...)
{
    char text[1024];
    authplug_secret *line = authplug_secret_new(SAY_MAX);
    authplug_span bytes;
    va_list arguments;

    if (line == NULL)
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (authplug_secret_append(line, program, strlen(program)) == AUTHPLUG_OK &&
        authplug_secret_append(line, ": ", 2) == AUTHPLUG_OK &&
        authplug_text_safe(authplug_span_of(text), io_text_flags(), line) ==
            AUTHPLUG_OK &&
        authplug_secret_append(line, "\n", 1) == AUTHPLUG_OK) {
        bytes = authplug_secret_span(line);
        (void)!posix_write(STDERR_FILENO, bytes.data, bytes.len);
    }
    authplug_secret_free(&line);
}

bool
io_explain(char *why, size_t size, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(why, size, format, arguments);
    va_end(arguments);
    return false;
}
