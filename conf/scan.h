/*
 * conf/scan.h - rules that wait for a program's output, as it arrives.
 * Internal; not installed.
 *
 * Output is looked at by lines. A line that has its end is searched for the
 * rules that count anywhere; the rules that answer a prompt count on the last
 * line only, which has no end yet, and only when the output pauses: nobody
 * knows better than the caller what a pause is. There all rules count. In both
 * cases the match that begins first wins, of several the rule that comes first,
 * as long as it can be; what matched and everything before it is then consumed,
 * and the rest of the line is searched next time.
 *
 * A line ends with LF; CRs before it belong to its end, since terminals put
 * them there. So no match holds a line's end, and ^ and $ match at the ends of
 * lines. A CR at the end of all output may be half an end: then nothing
 * matches, until more comes. A line of SCAN_LINE bytes and more is cut into
 * pieces of that size; no match crosses a cut, neither ^ nor $ matches there.
 *
 * How the output is cut up on its way does not matter. Reading it takes a time
 * that is linear in it, and every match, and every pause, at most another look
 * at its line; memory is SCAN_LINE and what conf/regex.h says, twice. Output
 * may hold what was typed: what is kept of it is wiped.
 */
#ifndef CONF_SCAN_H
#define CONF_SCAN_H

#include "conf/regex.h"

#include <authplug/secret.h>

#define SCAN_LINE 65536 /* bytes */

typedef struct scan scan;

typedef struct scan_rule {
    const regex *request;
    bool anywhere; /* or else on an open line when output pauses */
} scan_rule;

typedef struct scan_match {
    size_t rule;
    authplug_span text; /* what matched; lives until the next call */
} scan_match;

/* The rules are copied. USAGE when a request takes the empty string, because
 * it would match everywhere; LIMIT when they are too large together; NOMEM. */
authplug_status scan_new(const scan_rule *rules, size_t count, scan **made);
void scan_free(scan **it);

/*
 * Reads output, and takes what was read off its front. OK, and there is a
 * match: handle it, and call again with what is left; NEED_MORE when all was
 * read; NOMEM. When the program has ended, give it a LF.
 */
authplug_status scan_read(scan *it, authplug_span *output, scan_match *match);

/*
 * The output pauses: what matches on the line that has no end yet. With answers
 * false only rules count that count anywhere. OK; NEED_MORE when nothing does;
 * STATE when scan_read() has not come to NEED_MORE; NOMEM.
 */
authplug_status scan_pause(scan *it, bool answers, scan_match *match);

/* What is not consumed of the line that is being read: what a pause would look
 * at. Lives until the next call. */
authplug_span scan_rest(const scan *it);

#endif
