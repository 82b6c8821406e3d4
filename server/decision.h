/*
 * server/decision.h - a decision on a login, as one line of JSON for the log
 * of the PAM module and of `serve`. Internal.
 */
#ifndef SERVER_DECISION_H
#define SERVER_DECISION_H

#include <authplug/base.h>

/*
 * What there is to say; fields that are NULL or empty are left out. Every value
 * may hold anything. A reply or a password has no place here.
 */
typedef struct decision {
    int64_t time;        /* seconds since 1970; 0 where the log has its own */
    const char *module;  /* where the log is not ours alone */
    const char *id;      /* the same in all lines of a login */
    const char *event;   /* "auth", "account", ... */
    const char *outcome; /* "accepted", "rejected", "error" */
    authplug_span user;  /* the name that was asked for */
    const char *rhost;   /* where from */
    const char *service; /* PAM's */
    authplug_span plugin;  /* the command */
    authplug_span reason;  /* one clause */
    authplug_span message; /* what the plugin has for the user */
    authplug_span detail;  /* what it has for the log */
    int64_t ms;            /* how long it took; less than 0: not known */
} decision;

/* Longer than any line. */
#define DECISION_MAX 8192

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
