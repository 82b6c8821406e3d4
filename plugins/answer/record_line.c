/*
 * What a record says, apart from its file: a line, and the time step that
 * follows from it. What is read may be anything.
 *
 *      authplug-used 1 totp 1764304980 1764304951
 *      authplug-used 1 hotp 43 1764304951
 *
 * The first number is where the next code may begin: for TOTP the end, in
 * seconds since 1970, of the last time step that was given out, which means the
 * same whatever the period; for HOTP the next counter. The second one is when
 * the record was written.
 */
#define _GNU_SOURCE
#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIND RECORD_KIND " "

size_t
record_line_write(const record_line *is, bool counted,
                  char line[RECORD_LINE_SIZE])
{
    int len = snprintf(line, RECORD_LINE_SIZE, KIND "%s %llu %lld\n",
                       counted ? "hotp" : "totp", (unsigned long long)is->next,
                       (long long)is->since);

    return (size_t)len;
}

/* A line is understood if the same would be written. */
bool
record_line_parse(authplug_span line, bool counted, record_line *is)
{
    const size_t prefix = strlen(KIND "totp ");
    char text[RECORD_LINE_SIZE], again[RECORD_LINE_SIZE], *end;
    record_line found = {.there = true};

    if (line.len < prefix || line.len >= sizeof text)
        return false;
    memcpy(text, line.data, line.len);
    text[line.len] = 0;
    found.next = strtoull(text + prefix, &end, 10);
    found.since = strtoll(end, NULL, 10);
    if (record_line_write(&found, counted, again) != line.len ||
        memcmp(text, again, line.len) != 0 || found.since < 0 ||
        found.since > TIME_MOST ||
        found.next > (counted ? OTP_COUNTER_MOST + 1 : (uint64_t)TIME_MOST))
        return false;
    *is = found;
    return true;
}

uint64_t
record_step(const record_line *is, unsigned period, int64_t now)
{
    uint64_t used = (is->next + period - 1) / period;
    uint64_t current = (uint64_t)now / period;

    return current < used ? used : current;
}
