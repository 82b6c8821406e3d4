/*
 * server/pam_json.h - one JSON object on one line, for the log. Internal; knows
 * nothing of PAM.
 */
#ifndef SERVER_PAM_JSON_H
#define SERVER_PAM_JSON_H

#include <authplug/secret.h>

typedef struct pamjson {
    authplug_secret *line; /* NULL once memory ran out */
} pamjson;

void pamjson_begin(pamjson *json);

/*
 * Adds a member; the key is ours and plain. Of the value the first `most`
 * bytes, then "..." if there are more. What is not printable, or no UTF-8,
 * stands there as text of the form \x1b or \u202e (authplug/text.h).
 */
void pamjson_text(pamjson *json, const char *key, authplug_span value,
                  size_t most);
void pamjson_number(pamjson *json, const char *key, int64_t value);

/* The whole line, without newline, until _free; NULL if memory ran out. */
const char *pamjson_end(pamjson *json);
void pamjson_free(pamjson *json);

#endif
