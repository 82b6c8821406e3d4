/*
 * conf/rules.h - Request and Response lines, as ssh-passwd-plugin's and
 * answer's files have them. Internal; not installed.
 *
 * A Request is followed by its Response; what a file has in between, and around
 * them, is its reader's business. Complaints are made through conf_wrong(), and
 * name the byte of the value, from 1. A Request's text may be a secret's
 * neighbour and a Response may be one: neither is repeated there.
 */
#ifndef CONF_RULES_H
#define CONF_RULES_H

#include "conf/conf.h"
#include "conf/scan.h"
#include "conf/template.h"

#define RULES_MOST 500

/* What requests are matched against. */
typedef enum rules_kind {
    RULES_OUTPUT, /* of a program: FinalResponse and results are known, and no
                     Request may take the empty string */
    RULES_PROMPT
} rules_kind;

typedef struct rules rules;

typedef struct rule {
    regex *request;
    template *response;     /* NULL where it is a result */
    template_result result; /* TEMPLATE_TEXT where it is a response */
    bool final;             /* a FinalResponse */
    unsigned line;          /* the Request's */
} rule;

/* The tokens are those that a Response may hold; they must outlive the rules.
 * NULL when memory ran out. */
rules *rules_new(rules_kind kind, const template_token *tokens);
void rules_free(rules **it);

/*
 * Takes the line if it is a Request, a Response or a FinalResponse. OK; and
 * *taken tells; VALUE when it is wrong, and conf_error() tells; NOMEM.
 */
authplug_status rules_take(rules *it, conf *file, const conf_line *line,
                           bool *taken);

/* Whether a Request waits for its Response. */
bool rules_open(const rules *it);

/* At the end of the file, or of a part of it: VALUE when one still waits. */
authplug_status rules_end(rules *it, conf *file);

size_t rules_count(const rules *it);
const rule *rules_at(const rules *it, size_t which);

/* For RULES_OUTPUT: the rules, ready for output; results count anywhere. LIMIT
 * when the requests are too large together, NOMEM. */
authplug_status rules_scan(const rules *it, scan **made);

#endif
