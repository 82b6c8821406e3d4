/* One JSON object on one line. */
#include "server/pam_json.h"

#include <authplug/text.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* far more than the members of a line can come to */
#define LINE_MAX_BYTES 65536u

static void
add(pamjson *json, const char *bytes, size_t len)
{
    if (json->line != NULL &&
        authplug_secret_append(json->line, bytes, len) != AUTHPLUG_OK)
        authplug_secret_free(&json->line);
}

static void
add_text(pamjson *json, const char *text)
{
    add(json, text, strlen(text));
}

/* What is printable already: two characters are special inside quotes. */
static void
add_quoted(pamjson *json, authplug_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            add(json, "\\", 1);
        add(json, (const char *)&text.data[i], 1);
    }
}

static void
add_key(pamjson *json, const char *key)
{
    if (json->line != NULL && authplug_secret_len(json->line) > 1)
        add_text(json, ",");
    add_text(json, "\"");
    add_text(json, key);
    add_text(json, "\":");
}

void
pamjson_begin(pamjson *json)
{
    json->line = authplug_secret_new(LINE_MAX_BYTES);
    add_text(json, "{");
}

void
pamjson_text(pamjson *json, const char *key, authplug_span value, size_t most)
{
    authplug_secret *safe = authplug_secret_new(LINE_MAX_BYTES);
    bool cut = value.len > most;

    if (cut)
        value.len = most;
    add_key(json, key);
    add_text(json, "\"");
    if (safe == NULL ||
        authplug_text_safe(value, AUTHPLUG_TEXT_UTF8, safe) != AUTHPLUG_OK)
        authplug_secret_free(&json->line);
    else
        add_quoted(json, authplug_secret_span(safe));
    add_text(json, cut ? "...\"" : "\"");
    authplug_secret_free(&safe);
}

void
pamjson_number(pamjson *json, const char *key, int64_t value)
{
    char digits[24];

    (void)snprintf(digits, sizeof digits, "%" PRId64, value);
    add_key(json, key);
    add_text(json, digits);
}

const char *
pamjson_end(pamjson *json)
{
    add_text(json, "}");
    return json->line != NULL ? authplug_secret_text(json->line) : NULL;
}

void
pamjson_free(pamjson *json)
{
    authplug_secret_free(&json->line);
}
