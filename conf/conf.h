/*
 * conf/conf.h - the one reader of configuration files: "Keyword value" lines.
 * Internal; not installed.
 *
 * A line is a keyword, blanks or one '=', and its value. '#' at the start of
 * a line begins a comment. A value may stand in double quotes, which keep the
 * blanks inside, and a colon at its end; without them blanks around it are
 * dropped. A backslash is a backslash. Lines end with LF or CRLF. A file in
 * Tectia's format may begin with metaconfiguration (three "##" lines: format
 * version, REGEX-SYNTAX egrep, END OF METACONFIG), which is checked, and then
 * passed over; a line that ends in an unquoted colon would be a section
 * pattern there, which has no meaning here and is an error that says to quote.
 *
 * Keywords are matched without regard to case by conf_is(). What a keyword
 * means is its reader's business; conf_wrong() words the reader's complaints
 * as this reader's own are: "FILE:LINE: what: what was expected".
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <authplug/base.h>

/* A file is at most 1 MiB, a line at most 8 KiB. */
typedef struct conf conf;

/* Who may see or change the file; a violation names the chmod to run. */
typedef enum conf_care {
    CONF_NOT_WRITABLE, /* by group or others, nor owned by a third person */
    CONF_NOT_READABLE  /* nor readable by group or others */
} conf_care;

/* One setting. Lives as long as the conf. */
typedef struct conf_line {
    const char *keyword, *value; /* the value is "" where there is none */
    bool quoted;
    unsigned number; /* in the file, from 1 */
} conf_line;

/*
 * Reads the file. OK; NOT_FOUND when it is not there, IO, NOMEM, LENGTH when
 * it is too large, REFUSED for its mode or owner. *file is set unless memory
 * ran out, and conf_error() tells.
 */
authplug_status conf_open(const char *path, conf_care care, conf **file);

/* The same from memory; name is for messages. For tests, and for files that
 * somebody else opened. text is copied. */
authplug_status conf_parse(const char *name, authplug_span text, conf **file);

void conf_free(conf **file);

/* The next setting: OK, NEED_MORE at the end of the file, VALUE when a line
 * cannot be understood; conf_error() tells then. */
authplug_status conf_next(conf *file, conf_line *line);

/* Whether the line's keyword is this one. */
bool conf_is(const conf_line *line, const char *keyword);

/* Values. False when it is none of that; conf_wrong() was called then. */
bool conf_number(conf *file, const conf_line *line, long least, long most,
                 long *value);
bool conf_boolean(conf *file, const conf_line *line, bool *value);

/* Splits a value into words at blanks and commas; a list that ends with NULL,
 * in one allocation, to be freed by free(). NULL when memory ran out. */
char **conf_list(const conf_line *line, size_t *count);

/* Notes what is wrong with this line; the first complaint stays. */
__attribute__((format(printf, 3, 4))) void
conf_wrong(conf *file, const conf_line *line, const char *format, ...);

/* The complaint, or "". */
const char *conf_error(const conf *file);

#endif
