/*
 * conf/conf.h - the one reader of configuration files: "Keyword value" lines.
 * Internal; not installed.
 *
 * A line is a keyword of letters, digits, '.', '-' and '_', then blanks or one
 * '=', then its value. Blanks before the keyword do not count. '#' as the first
 * character begins a comment. A value may stand in double quotes, which keep
 * the blanks at its ends, and a colon at its end; without them blanks around it
 * are dropped. A backslash is a backslash, so no quote fits inside quotes; a
 * value that does not begin with one may hold them. Lines end with LF or CRLF.
 * NUL and a CR elsewhere are errors; every other byte is the value's business.
 *
 * A file in Tectia's format may begin with metaconfiguration ("##" lines:
 * format version 1.1, REGEX-SYNTAX egrep, END OF METACONFIG), which is checked,
 * and then passed over; a line that ends in an unquoted colon would be a
 * section pattern there, which has no meaning here and is an error that says to
 * quote.
 *
 * Keywords are matched without regard to case by conf_is(). What a keyword
 * means is its reader's business; conf_wrong() words the reader's complaints
 * as this reader's own are: "FILE:LINE: what: what was expected". The first
 * complaint stays and ends the reading, so that nobody works with half a file.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "conf/file.h"

/* A file is at most 1 MiB, a line at most 8 KiB, its end included. */
typedef struct conf conf;

/* One setting. Lives as long as the conf. */
typedef struct conf_line {
    const char *keyword, *value; /* the value is "" where there is none */
    bool quoted;
    unsigned number; /* in the file, from 1 */
} conf_line;

/*
 * Reads the file; statuses are those of file_read(). *file is set unless memory
 * ran out (NOMEM), and conf_error() tells.
 */
authplug_status conf_open(const char *path, conf_care care, conf **file);

/* The same from memory; name is for messages. For tests, and for files that
 * somebody else opened. text is copied. OK, LENGTH, NOMEM. */
authplug_status conf_parse(const char *name, authplug_span text, conf **file);

void conf_free(conf **file);

/* The next setting: OK; NEED_MORE at the end of the file; VALUE when a line
 * cannot be understood, or a complaint stands, and conf_error() tells. */
authplug_status conf_next(conf *file, conf_line *line);

/* Whether the line's keyword is this one. */
bool conf_is(const conf_line *line, const char *keyword);

/* Values: a decimal number, and yes or no. False when it is none of that;
 * conf_wrong() was called then. */
bool conf_number(conf *file, const conf_line *line, long least, long most,
                 long *value);
bool conf_boolean(conf *file, const conf_line *line, bool *value);

/* Splits a value into words at blanks and commas; a list that ends with NULL,
 * in one allocation, to be freed by free(), which wipes nothing. NULL when
 * memory ran out. */
char **conf_list(const conf_line *line, size_t *count);

/* Notes what is wrong with this line, as "what: what was expected"; the first
 * complaint stays. What the arguments took from the file is made harmless;
 * values that may be secret do not belong there. */
__attribute__((format(printf, 3, 4))) void
conf_wrong(conf *file, const conf_line *line, const char *format, ...);

/* The complaint, harmless for a terminal that shows UTF-8, or "". */
const char *conf_error(const conf *file);

#endif
