/* Decisions as lines of JSON. */
#define _GNU_SOURCE
#include "server/decision.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* the longest value in the line, its escapes included */
#define VALUE_MAX 480

/* The decision line that is being written; it always has room, because the
 * number of fields and the length of each are bounded. */
typedef struct writer {
    char *line;
    size_t len;
} writer;

static void
put(writer *to, const char *text)
{
    size_t len = strlen(text);

    memcpy(to->line + to->len, text, len);
    to->len += len;
}

/* ------------------------------------------------------------- characters */

static bool
continues(authplug_span text, size_t at)
{
    return at < text.len && (text.data[at] & 0xc0) == 0x80;
}

/* Takes one character off the text: its number, or U+FFFD and one byte. */
static uint32_t
take(authplug_span *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = text->data[0];
    size_t len = first < 0x80   ? 1
                 : first < 0xc0 ? 0
                 : first < 0xe0 ? 2
                 : first < 0xf0 ? 3
                 : first < 0xf8 ? 4
                                : 0;
    uint32_t number = len < 2 ? first : first & (0x7fu >> len);

    for (size_t i = 1; i < len; i++) {
        if (!continues(*text, i))
            len = 0;
        else
            number = number << 6 | (text->data[i] & 0x3f);
    }
    if (len == 0 || number < least[len] || number > 0x10ffff ||
        (number >= 0xd800 && number < 0xe000)) {
        number = 0xfffd;
        len = 1;
    }
    text->data += len;
    text->len -= len;
    return number;
}

/* Writes a character as JSON has it, in ASCII: 12 bytes at most. */
static void
put_character(writer *to, uint32_t number)
{
    char text[16];

    if (number == '"' || number == '\\')
        (void)snprintf(text, sizeof text, "\\%c", (char)number);
    else if (number >= 0x20 && number < 0x7f)
        (void)snprintf(text, sizeof text, "%c", (char)number);
    else if (number < 0x10000)
        (void)snprintf(text, sizeof text, "\\u%04" PRIx32, number);
    else
        (void)snprintf(text, sizeof text, "\\u%04" PRIx32 "\\u%04" PRIx32,
                       0xd800 + ((number - 0x10000) >> 10),
                       0xdc00 + ((number - 0x10000) & 0x3ff));
    put(to, text);
}

/* ----------------------------------------------------------------- fields */

static void
put_name(writer *to, const char *name)
{
    put(to, to->len > 1 ? ",\"" : "\"");
    put(to, name);
    put(to, "\":");
}

static void
put_value(writer *to, const char *name, authplug_span value)
{
    size_t start;

    if (value.len == 0)
        return;
    put_name(to, name);
    put(to, "\"");
    start = to->len;
    while (value.len > 0 && to->len - start < VALUE_MAX)
        put_character(to, take(&value));
    put(to, value.len > 0 ? "\\u2026\"" : "\"");
}

static void
put_time(writer *to, int64_t seconds)
{
    char text[32];
    time_t when = (time_t)seconds;
    struct tm utc;

    if (seconds == 0 || gmtime_r(&when, &utc) == NULL)
        return;
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    put_value(to, "time", authplug_span_of(text));
}

size_t
decision_format(const decision *what, char *line, size_t size)
{
    writer to = {line, 0};
    char number[32];

    if (size < DECISION_MAX)
        return 0;
    put(&to, "{");
    put_time(&to, what->time);
    put_value(&to, "module", authplug_span_of(what->module));
    put_value(&to, "id", authplug_span_of(what->id));
    put_value(&to, "event", authplug_span_of(what->event));
    put_value(&to, "outcome", authplug_span_of(what->outcome));
    put_value(&to, "user", what->user);
    put_value(&to, "rhost", authplug_span_of(what->rhost));
    put_value(&to, "service", authplug_span_of(what->service));
    put_value(&to, "plugin", what->plugin);
    put_value(&to, "reason", what->reason);
    put_value(&to, "message", what->message);
    put_value(&to, "detail", what->detail);
    if (what->ms >= 0) {
        (void)snprintf(number, sizeof number, "%" PRId64, what->ms);
        put_name(&to, "ms");
        put(&to, number);
    }
    put(&to, "}");
    line[to.len] = 0;
    return to.len;
}

void
decision_id(char id[DECISION_ID])
{
    unsigned char bytes[DECISION_ID / 2] = {0};

    /* it need not be secret: where it cannot be had, zeros will do */
    (void)!getrandom(bytes, sizeof bytes, GRND_NONBLOCK);
    for (size_t i = 0; i < sizeof bytes; i++)
        (void)snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}
