/*
 * What the two Tectia engines share: bytes in, cut into lines; lists of lines
 * out; faults. What a line means, and when, is tectia_server.c's and
 * tectia_plugin.c's.
 */
#ifndef LIB_TECTIA_LINES_H
#define LIB_TECTIA_LINES_H

#include <authplug/tectia.h>

typedef struct tectia_lines {
    authplug_limits limits;
    authplug_secret *in;
    authplug_secret *out;
    size_t scanned;   /* bytes of in, in whole lines, that were read */
    size_t taken;     /* bytes of in that the last event points into */
    uint32_t number;  /* of the line in its list, from 1 */
    const char *list; /* its name, for faults */
    uint32_t rounds;
    bool eof;
    authplug_fault fault;
} tectia_lines;

/* One line: a key and its value, or a word alone. */
typedef struct tectia_line {
    authplug_span key;
    authplug_span value;
    bool has_value; /* there was a colon */
} tectia_line;

bool tectia_lines_open(tectia_lines *lines, const authplug_limits *limits);
void tectia_lines_close(tectia_lines *lines);

/* Remembers the first fault, of the line at hand, and gives its status. */
authplug_status tectia_lines_fail(tectia_lines *lines, authplug_status status,
                                  const char *text);

authplug_status tectia_lines_feed(tectia_lines *lines, const void *data,
                                  size_t len);

/* Lets go of what the last event pointed into. */
void tectia_lines_release(tectia_lines *lines);

/* Whether there is input that was not asked for. */
bool tectia_lines_pending(const tectia_lines *lines);

/* A list begins: of this name, its lines counted anew. */
void tectia_lines_begin(tectia_lines *lines, const char *list);

/* What was read up to here belongs to the event that is given now. */
void tectia_lines_take(tectia_lines *lines);

/*
 * The next whole line. NEED_MORE; CLOSED at the end of input between lines,
 * no fault by itself; or a fault: LENGTH, VALUE, TRUNCATED (an unfinished
 * line), LIMIT (too many in the list).
 */
authplug_status tectia_lines_next(tectia_lines *lines, tectia_line *line);

/*
 * Goes once more through the lines that were read since the last release:
 * *at begins at 0; false after the last. The spans live until the next call
 * that feeds or releases.
 */
bool tectia_lines_walk(const tectia_lines *lines, size_t *at,
                       tectia_line *line);

/* Whether the line is this key with a value, or (word) this word alone. */
bool tectia_line_is(const tectia_line *line, const char *key);
bool tectia_line_is_word(const tectia_line *line, const char *word);

/* Whether it consists of letters, digits and underscores. */
bool tectia_is_word(authplug_span key);

/* Whether a, of any case, is the lower-case text b. */
bool tectia_same(authplug_span a, const char *b);

/*
 * Queues "key:value\n", or "key\n" where value is NULL. VALUE, LENGTH, LIMIT,
 * NOMEM. A caller that queues several takes them back together:
 */
authplug_status tectia_lines_put(tectia_lines *lines, authplug_span key,
                                 const authplug_span *value);
size_t tectia_lines_mark(const tectia_lines *lines);
void tectia_lines_rewind(tectia_lines *lines, size_t mark);

#endif
