/*
 * conf/regex.h - POSIX extended regular expressions (as egrep's), over bytes,
 * in the C locale: in a time that is linear in the text, in memory that is
 * bounded, the same on every system. Internal; not installed.
 *
 * The syntax is POSIX's and no more. What POSIX leaves undefined is refused,
 * because engines differ there and a guess may be wrong: back-references, \d,
 * \w, \<, a{,3}, a**, (), a||b, a lone {. A backslash before punctuation or a
 * blank makes it ordinary; inside [...] a backslash is one. [.a.] and [=a=] are
 * refused. So is a byte beyond ASCII in [...] or before a repetition, for one
 * letter of UTF-8 is several bytes; write (ä)*, (ä|ö). `.` is any byte but NUL.
 *
 *      an expression       at most 4 KiB, 64 levels of parentheses
 *      {m,n}               at most 255
 *      the machine         at most 10000 states, for all of a set together
 *
 * A text is matched as a whole, newlines included: `.` and [^a] match them, and
 * ^ and $ match at the ends of the text. Who wants lines gives lines. The match
 * is the leftmost one, and of these the longest. Groups are POSIX's as well:
 * from left to right each part of an expression takes as much as it can, the
 * empty string being more than none; of a group that is repeated the last
 * repetition counts, and a group that took no part in it is not set. (glibc
 * strays from that with some groups, see tests/unit/test_regex_peers.c.)
 *
 *      regex_parse.c    from the expression to a tree
 *      regex_compile.c  from the tree to states
 *      regex_match.c    what follows from the end of a text to its start
 *      regex_set.c      several expressions, and the cache that makes it fast
 */
#ifndef CONF_REGEX_H
#define CONF_REGEX_H

#include <authplug/base.h>

#define REGEX_MOST 4096          /* bytes in an expression */
#define REGEX_NESTED_MOST 64     /* parentheses inside one another */
#define REGEX_REPEAT_MOST 255    /* in {m,n} */
#define REGEX_STATES_MOST 10000  /* in a set */
#define REGEX_TEXT_MOST 262144   /* bytes in a text */
#define REGEX_GROUPS 10          /* the match, and groups 1 to 9 */

typedef struct regex regex;

/* What is wrong with an expression. */
typedef struct regex_fault {
    size_t offset;    /* in bytes from its start; may be its end */
    const char *text; /* what was wrong, and what was expected; static */
} regex_fault;

/* Of the text, in bytes; start is REGEX_UNSET for a group without a match. */
#define REGEX_UNSET SIZE_MAX
typedef struct regex_span {
    size_t start, end;
} regex_span;

/* OK; VALUE, and *fault tells; LIMIT, and *fault tells which; NOMEM. */
authplug_status regex_new(const char *expression, regex **made,
                          regex_fault *fault);
void regex_free(regex **it);

/* Whether it can match the empty string, at some place of some text. */
bool regex_takes_nothing(const regex *it);

/* How many groups it has, which may be more than can be asked for. */
size_t regex_groups(const regex *it);

/*
 * Whether it matches all of the text. groups may be NULL; groups[0] is the
 * whole. OK; NOT_FOUND when it does not match; LENGTH when the text has more
 * than REGEX_TEXT_MOST bytes; NOMEM; LIMIT when groups are asked for, and to
 * find them a bit for each state and byte would take more than 16 MiB.
 */
authplug_status regex_match(const regex *it, authplug_span text,
                            regex_span groups[REGEX_GROUPS]);

/* --------------------------------------------------------------------- sets */

/* Expressions that are looked for together. */
typedef struct regex_set regex_set;

/* What a text is cut out of: it does not begin a line, does not end one. */
enum { REGEX_NOT_BEGIN = 1, REGEX_NOT_END = 2 };

typedef struct regex_found {
    size_t which; /* the expression */
    regex_span at;
} regex_found;

/*
 * Copies what it needs of the expressions. All memory that it will ever have,
 * about half a MiB, is taken here. LIMIT when they have more than
 * REGEX_STATES_MOST states together, NOMEM.
 */
authplug_status regex_set_new(const regex *const *expressions, size_t count,
                              regex_set **made);
void regex_set_free(regex_set **set);

/*
 * The match that begins first; of those that begin there the one whose
 * expression comes first in the set, as long as it can be. OK; NOT_FOUND;
 * LENGTH as above. A text without a match is read once.
 */
authplug_status regex_set_find(regex_set *set, authplug_span text,
                               unsigned flags, regex_found *found);

#endif
