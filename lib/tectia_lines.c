/* Lines of Tectia's plugin protocol, both ways. */
#include "tectia_lines.h"

#include "limits.h"

#include <assert.h>
#include <string.h>

bool
tectia_lines_open(tectia_lines *lines, const authplug_limits *limits)
{
    limits = limits_checked(limits);
    if (limits == NULL)
        return false;
    lines->limits = *limits;
    lines->fault.message = lines->fault.text = "";
    lines->list = "";
    lines->in = authplug_secret_new(limits->buffered);
    lines->out = authplug_secret_new(limits->buffered);
    if (lines->in != NULL && lines->out != NULL)
        return true;
    tectia_lines_close(lines);
    return false;
}

void
tectia_lines_close(tectia_lines *lines)
{
    authplug_secret_free(&lines->in);
    authplug_secret_free(&lines->out);
}

authplug_status
tectia_lines_fail(tectia_lines *lines, authplug_status status,
                  const char *text)
{
    assert(status != AUTHPLUG_OK && status != AUTHPLUG_NEED_MORE);
    if (lines->fault.status == AUTHPLUG_OK) {
        lines->fault.status = status;
        lines->fault.message = lines->list;
        lines->fault.offset = lines->number;
        lines->fault.text = text;
    }
    return lines->fault.status;
}

authplug_status
tectia_lines_feed(tectia_lines *lines, const void *data, size_t len)
{
    authplug_status status;

    if (lines->fault.status != AUTHPLUG_OK)
        return lines->fault.status;
    if (len == 0)
        return AUTHPLUG_OK;
    if (lines->eof)
        return AUTHPLUG_STATE;
    tectia_lines_release(lines);
    status = authplug_secret_append(lines->in, data, len);
    if (status == AUTHPLUG_LIMIT)
        return tectia_lines_fail(lines, status, "fewer bytes in one list");
    return status;
}

void
tectia_lines_release(tectia_lines *lines)
{
    authplug_secret_drop(lines->in, lines->taken);
    lines->scanned -= lines->taken;
    lines->taken = 0;
}

bool
tectia_lines_pending(const tectia_lines *lines)
{
    return authplug_secret_len(lines->in) > lines->scanned;
}

void
tectia_lines_begin(tectia_lines *lines, const char *list)
{
    lines->list = list;
    lines->number = 0;
}

void
tectia_lines_take(tectia_lines *lines)
{
    lines->taken = lines->scanned;
}

/* The end of input, or of what came so far, inside a line. */
static authplug_status
unfinished(tectia_lines *lines, authplug_span rest)
{
    bool long_line = rest.len > lines->limits.string;

    if (!long_line && !lines->eof)
        return AUTHPLUG_NEED_MORE;
    if (rest.len == 0)
        return AUTHPLUG_CLOSED;
    lines->number++;
    if (long_line)
        return tectia_lines_fail(lines, AUTHPLUG_LENGTH, "a shorter line");
    return tectia_lines_fail(lines, AUTHPLUG_TRUNCATED,
                             "the end of the line");
}

/* Takes a line apart. */
static tectia_line
split(authplug_span bytes)
{
    const unsigned char *colon =
        bytes.len == 0 ? NULL : memchr(bytes.data, ':', bytes.len);
    tectia_line line = {bytes, {NULL, 0}, colon != NULL};

    if (colon != NULL) {
        line.key.len = (size_t)(colon - bytes.data);
        line.value =
            authplug_span_make(colon + 1, bytes.len - line.key.len - 1);
    }
    return line;
}

authplug_status
tectia_lines_next(tectia_lines *lines, tectia_line *line)
{
    authplug_span in = authplug_secret_span(lines->in), rest;
    const unsigned char *end;

    if (lines->fault.status != AUTHPLUG_OK)
        return lines->fault.status;
    rest = authplug_span_make(in.len == 0 ? NULL : in.data + lines->scanned,
                              in.len - lines->scanned);
    end = rest.len == 0 ? NULL : memchr(rest.data, '\n', rest.len);
    if (end == NULL)
        return unfinished(lines, rest);
    rest.len = (size_t)(end - rest.data);
    lines->number++;
    if (rest.len > lines->limits.string)
        return tectia_lines_fail(lines, AUTHPLUG_LENGTH, "a shorter line");
    if (authplug_span_has(rest, '\r') || authplug_span_has(rest, 0))
        return tectia_lines_fail(lines, AUTHPLUG_VALUE,
                                 "a line without CR and NUL");
    if (lines->number > AUTHPLUG_TECTIA_LINES)
        return tectia_lines_fail(lines, AUTHPLUG_LIMIT,
                                 "fewer lines in one list");
    lines->scanned += rest.len + 1;
    *line = split(rest);
    return AUTHPLUG_OK;
}

bool
tectia_lines_walk(const tectia_lines *lines, size_t *at, tectia_line *line)
{
    authplug_span in = authplug_secret_span(lines->in);
    const unsigned char *start, *end;

    if (*at >= lines->scanned)
        return false;
    start = in.data + *at;
    end = memchr(start, '\n', lines->scanned - *at);
    assert(end != NULL);
    *at += (size_t)(end - start) + 1;
    *line = split(authplug_span_make(start, (size_t)(end - start)));
    return true;
}

bool
tectia_same(authplug_span a, const char *b)
{
    if (a.len != strlen(b))
        return false;
    for (size_t i = 0; i < a.len; i++) {
        unsigned char c = a.data[i];

        if (c >= 'A' && c <= 'Z')
            c = (unsigned char)(c - 'A' + 'a');
        if (c != (unsigned char)b[i])
            return false;
    }
    return true;
}

bool
tectia_line_is(const tectia_line *line, const char *key)
{
    return line->has_value && tectia_same(line->key, key);
}

bool
tectia_line_is_word(const tectia_line *line, const char *word)
{
    return !line->has_value && tectia_same(line->key, word);
}

bool
tectia_is_word(authplug_span key)
{
    for (size_t i = 0; i < key.len; i++) {
        unsigned char c = key.data[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return key.len > 0;
}

authplug_status
tectia_lines_put(tectia_lines *lines, authplug_span key,
                 const authplug_span *value)
{
    size_t mark = tectia_lines_mark(lines);
    authplug_status status;

    if (!tectia_is_word(key))
        return AUTHPLUG_VALUE;
    if (value != NULL &&
        (authplug_span_has(*value, '\r') || authplug_span_has(*value, '\n') ||
         authplug_span_has(*value, 0)))
        return AUTHPLUG_VALUE;
    if (key.len + (value != NULL ? value->len + 1 : 0) > lines->limits.string)
        return AUTHPLUG_LENGTH;
    status = authplug_secret_append(lines->out, key.data, key.len);
    if (status == AUTHPLUG_OK && value != NULL)
        status = authplug_secret_append(lines->out, ":", 1);
    if (status == AUTHPLUG_OK && value != NULL)
        status = authplug_secret_append(lines->out, value->data, value->len);
    if (status == AUTHPLUG_OK)
        status = authplug_secret_append(lines->out, "\n", 1);
    if (status != AUTHPLUG_OK)
        tectia_lines_rewind(lines, mark);
    return status;
}

size_t
tectia_lines_mark(const tectia_lines *lines)
{
    return authplug_secret_len(lines->out);
}

void
tectia_lines_rewind(tectia_lines *lines, size_t mark)
{
    authplug_secret_cut(lines->out, mark);
}
