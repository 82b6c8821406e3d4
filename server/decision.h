/*
 * server/decision.h - a decision on a login, as one line of JSON for the log
 * of the PAM module and of `serve`. Internal.
 */
#ifndef SERVER_DECISION_H
#define SERVER_DECISION_H

#include <authplug/base.h>

/*
 * What there is to say; fields that are NULL or empty are left out. user and
 * rhost may hold anything, the rest is what we or the administrator wrote. A
 * reply, a password or a plugin's words have no place here.
 */
typedef struct decision {
    int64_t time;        /* seconds since 1970; 0 where the log has its own */
    const char *id;      /* the same in all lines of a login */
    const char *event;   /* "auth", "account", ... */
    authplug_span user;  /* the name that was asked for */
    const char *rhost;   /* where from */
    const char *plugin;  /* the command, as configured */
    const char *outcome; /* "accepted", "rejected", "broken" */
    const char *reason;  /* one clause */
    int64_t ms;          /* how long it took; less than 0 where not known */
} decision;

/* Longer than any line. */
#define DECISION_MAX 4096

/*
 * Writes the line without a newline, NUL-terminated, and gives its length.
 * Only printable ASCII comes out: other characters are \u escapes, invalid
 * UTF-8 is \ufffd, and what is longer than a log needs ends in \u2026. size
 * is DECISION_MAX at least; 0 when it is not.
 */
size_t decision_format(const decision *what, char *line, size_t size);

/* Sixteen random hexadecimal digits, for `id`. */
#define DECISION_ID 17
void decision_id(char id[DECISION_ID]);

#endif
