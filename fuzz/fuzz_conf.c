/*
 * Configuration files: whatever the text is, settings come out whole, in order
 * and without what a line cannot hold, and a complaint can be shown.
 *
 * Input: the text.
 */
#include "fuzz/fuzz.h"

#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>

static bool is_text(const char *text, const char *without)
{
    return strlen(text) < 8192 && strpbrk(text, without) == NULL;
}

/* A value is there once and unchanged, somewhere on its line. */
static bool is_on_line(const conf_line *line, authplug_span text)
{
    size_t len = strlen(line->value);
    const unsigned char *at = text.data, *end = at + text.len;

    for (unsigned number = 1; number < line->number; number++) {
        at = memchr(at, '\n', (size_t)(end - at));
        MUST(at != NULL);
        at++;
    }
    for (; (size_t)(end - at) >= len; at++) {
        if (memcmp(at, line->value, len) == 0)
            return true;
        if (*at == '\n')
            break;
    }
    return false;
}

static void check(const conf_line *line, authplug_span text)
{
    size_t count = 0, words = 0;
    char **list = conf_list(line, &count);

    MUST(list != NULL);
    while (list[words] != NULL)
        MUST(*list[words] != 0 && is_text(list[words++], " \t,"));
    MUST(words == count);
    free(list);
    MUST(*line->keyword != 0 && is_text(line->keyword, " \t\r\n=\":#"));
    MUST(is_text(line->value, line->quoted ? "\r\n\"" : "\r\n"));
    MUST(line->quoted || *line->value != '"');
    MUST(is_on_line(line, text));
    MUST(conf_is(line, line->keyword));
}

/* The values that a reader may ask for; a wrong one ends the reading. */
static void use(conf *file, const conf_line *line)
{
    bool yes;
    long number;

    if (conf_is(line, "Boolean"))
        MUST(conf_boolean(file, line, &yes) == (*conf_error(file) == 0));
    if (conf_is(line, "Number") && conf_number(file, line, -9, 99, &number))
        MUST(number >= -9 && number <= 99 && *conf_error(file) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    authplug_span text = authplug_span_make(data, size);
    authplug_status status = AUTHPLUG_OK;
    conf *file = NULL;
    conf_line line = {0};
    unsigned before = 0;

    if (size > (1 << 20))
        return 0;
    MUST(conf_parse("f", text, &file) == AUTHPLUG_OK);
    while ((status = conf_next(file, &line)) == AUTHPLUG_OK) {
        MUST(line.number > before);
        before = line.number;
        check(&line, text);
        use(file, &line);
    }
    MUST(status == AUTHPLUG_NEED_MORE || status == AUTHPLUG_VALUE);
    MUST((status == AUTHPLUG_VALUE) == (*conf_error(file) != 0));
    for (const char *at = conf_error(file); *at != 0; at++)
        MUST(*at >= ' ' && *at <= '~');
    MUST(conf_next(file, &line) == status);
    conf_free(&file);
    return 0;
}
