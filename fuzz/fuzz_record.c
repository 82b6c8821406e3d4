/*
 * The record of a secret's used codes, as it is read back: whatever a file
 * holds, it is understood only if we could have written it, byte for byte, and
 * no code follows from it that it says is used.
 *
 * Input: the file.
 */
#define _GNU_SOURCE
#include "fuzz/fuzz.h"

#include "plugins/answer/record.h"

#include <stdlib.h>
#include <string.h>

static bool
may_be_written(const record_line *is, bool counted)
{
    return is->since >= 0 && is->since <= TIME_MOST &&
           is->next <= (counted ? OTP_COUNTER_MOST + 1 : (uint64_t)TIME_MOST);
}

/* It is the first one that neither ended before now nor was used. */
static void
step(const record_line *is, int64_t now)
{
    static const unsigned periods[] = {1, 7, 30, 60, OTP_PERIOD_MOST};

    for (size_t i = 0; i < sizeof periods / sizeof *periods; i++) {
        unsigned period = periods[i];
        uint64_t number = record_step(is, period, now);

        MUST(number <= OTP_COUNTER_MOST / period);
        MUST(number * period >= is->next);
        MUST((number + 1) * period > (uint64_t)now);
        MUST(number == 0 || (number - 1) * period < is->next ||
             number * period <= (uint64_t)now);
    }
}

/* A line is read as what it was written for, and as that only. */
static void
write_line(const record_line *is, bool counted)
{
    char line[RECORD_LINE_SIZE];
    size_t len = record_line_write(is, counted, line);
    record_line again = {false, 1, 2}, other = {false, 1, 2};
    authplug_span text = authplug_span_make(line, len);
    bool read = record_line_parse(text, counted, &again);

    MUST(len < sizeof line && line[len - 1] == '\n');
    MUST(memchr(line, 0, len) == NULL && memchr(line, '\r', len) == NULL);
    MUST(memchr(line, '\n', len - 1) == NULL);
    MUST(read == may_be_written(is, counted));
    if (read)
        MUST(again.there && again.next == is->next && again.since == is->since);
    else
        MUST(!again.there && again.next == 1 && again.since == 2);
    MUST(!record_line_parse(text, !counted, &other) && !other.there);
    /* half of it was written, or more than it */
    MUST(
        !record_line_parse(authplug_span_make(line, len - 1), counted, &other));
    line[len] = '\n';
    MUST(
        !record_line_parse(authplug_span_make(line, len + 1), counted, &other));
}

static bool
read_as(bool counted, authplug_span text)
{
    record_line is = {false, 1, 2};
    char line[RECORD_LINE_SIZE];

    if (!record_line_parse(text, counted, &is)) {
        MUST(!is.there && is.next == 1 && is.since == 2);
        return false;
    }
    MUST(is.there && may_be_written(&is, counted));
    MUST(record_line_write(&is, counted, line) == text.len &&
         memcmp(line, text.data, text.len) == 0);
    write_line(&is, counted);
    if (!counted) {
        step(&is, 0);
        step(&is, is.since);
        step(&is, TIME_MOST);
    }
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    authplug_span text = authplug_span_make(data, size);
    record_line any = {true, 0, 0};
    bool time = read_as(false, text), counter = read_as(true, text);

    MUST(!time || !counter);
    if (size < sizeof any.next + sizeof any.since)
        return 0;
    /* the numbers that these bytes are as well */
    memcpy(&any.next, data, sizeof any.next);
    memcpy(&any.since, data + sizeof any.next, sizeof any.since);
    write_line(&any, false);
    write_line(&any, true);
    return 0;
}
