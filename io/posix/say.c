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

/* Bytes of so many characters; of what is no UTF-8 no more than it might be. */
static size_t
bytes_of(const char *text, size_t characters)
{
    size_t len = 0, seen = 0;

    for (; text[len] != 0 && len < 4 * characters; len++) {
        seen += ((unsigned char)text[len] & 0xc0) != 0x80;
        if (seen > characters)
            break;
    }
    return len;
}

const char *
io_shorten(char out[IO_SHORT_SIZE], const char *text)
{
    size_t len = bytes_of(text, IO_SHORT_COLUMNS);
    const char *mark = "";

    if (text[len] != 0) {
        len = bytes_of(text, IO_SHORT_COLUMNS - 3);
        mark = "...";
    }
    (void)snprintf(out, IO_SHORT_SIZE, "%.*s%s", (int)len, text, mark);
    return out;
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
