/*
 * authplug/text.h - words of others, made harmless for a terminal or a log.
 *
 * Nothing here reads a locale: the caller says whether its output is UTF-8.
 */
#ifndef AUTHPLUG_TEXT_H
#define AUTHPLUG_TEXT_H

#include <authplug/secret.h>

#ifdef __cplusplus
extern "C" {
#endif

enum authplug_text_flags {
    AUTHPLUG_TEXT_UTF8 = 1,    /* the output is UTF-8: keep its letters */
    AUTHPLUG_TEXT_NEWLINES = 2 /* keep LF; CR LF becomes LF */
};

/*
 * Appends text to out such that it can neither move a cursor, change a
 * colour, reorder letters nor hide: control characters, invalid UTF-8,
 * bidirectional, zero-width and other invisible format characters are written
 * as visible escapes (\x1b, \u202e); a TAB becomes a blank. Without
 * AUTHPLUG_TEXT_UTF8 every non-ASCII character is written so. NOMEM, LIMIT.
 */
authplug_status authplug_text_safe(authplug_span text, unsigned flags,
                                   authplug_secret *out);

/*
 * Appends text in lines that fit width columns, each with prefix before it,
 * so that no line of it can be taken for the program's own, not even by the
 * terminal's wrapping. The text is made harmless as above, its newlines kept.
 * There is always a line; no newline ends the last, and one at the end of the
 * text begins another. The last column stays empty; every character from
 * U+1100 up counts as two. prefix is plain ASCII; USAGE when it leaves fewer
 * than three columns.
 */
authplug_status authplug_text_lines(authplug_span text, const char *prefix,
                                    unsigned width, unsigned flags,
                                    authplug_secret *out);

#ifdef __cplusplus
}
#endif
#endif
