/* What -d shows: lines on standard error, as much as the level says. */
#define _GNU_SOURCE
#include "passwd_plugin.h"

#include "io/io.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* the one module that there is, by the name that Tectia's plugin gives it */
#define MODULE "GenPasswdPlugin"
#define LINE_MOST 8192

static int shown;

/* Takes one [MODULE=]LEVEL of len bytes. */
static bool
set_one(const char *word, size_t len)
{
    char text[128], *level = text, *end, *equals;
    long number;

    if (len >= sizeof text)
        return false;
    memcpy(text, word, len);
    text[len] = 0;
    equals = strchr(text, '=');
    if (equals != NULL) {
        *equals = 0;
        level = equals + 1;
    }
    if (level[0] < '0' || level[0] > '9')
        return false;
    number = strtol(level, &end, 10);
    if (*end != 0 || number > 99)
        return false;
    if (equals == NULL || fnmatch(text, MODULE, 0) == 0)
        shown = (int)number;
    return true;
}

bool
debug_set(const char *levels)
{
    shown = 0;
    for (;;) {
        size_t len = strcspn(levels, ",");

        if (!set_one(levels, len)) {
            shown = 0;
            return false;
        }
        if (levels[len] == 0)
            return true;
        levels += len + 1;
    }
}

bool
debug_is(int level)
{
    return shown >= level;
}

void
debug_say(int level, const char *format, ...)
{
    char line[LINE_MOST];
    va_list arguments;

    if (!debug_is(level))
        return;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    io_say(PROGRAM, "debug: " MODULE ": %s", line);
}
