/* Rules that wait for a program's output: lines, and what counts when. */
#include "conf/scan.h"

#include <stdlib.h>
#include <string.h>

struct scan {
    regex_set *anywhere, *all;
    size_t *rules;         /* by their numbers in `anywhere` */
    authplug_secret *line; /* without its end */
    size_t consumed;       /* of the line */
    unsigned begin, end;   /* REGEX_NOT_BEGIN and REGEX_NOT_END, or 0 */
    bool ended;            /* the line has its end, or is cut here */
};

void
scan_free(scan **it)
{
    if (it == NULL || *it == NULL)
        return;
    regex_set_free(&(*it)->anywhere);
    regex_set_free(&(*it)->all);
    authplug_secret_free(&(*it)->line);
    free((*it)->rules);
    free(*it);
    *it = NULL;
}

/* Fills what was allocated; requests has room for all of them. */
static authplug_status
fill(scan *it, const scan_rule *rules, size_t count, const regex **requests)
{
    size_t anywhere = 0;
    authplug_status status;

    for (size_t i = 0; i < count; i++) {
        if (regex_takes_nothing(rules[i].request))
            return AUTHPLUG_USAGE;
        if (!rules[i].anywhere)
            continue;
        it->rules[anywhere] = i;
        requests[anywhere++] = rules[i].request;
    }
    status = regex_set_new(requests, anywhere, &it->anywhere);
    for (size_t i = 0; i < count; i++)
        requests[i] = rules[i].request;
    if (status == AUTHPLUG_OK)
        status = regex_set_new(requests, count, &it->all);
    return status;
}

authplug_status
scan_new(const scan_rule *rules, size_t count, scan **made)
{
    scan *it = calloc(1, sizeof *it);
    const regex **requests = calloc(count + 1, sizeof *requests);
    authplug_status status = AUTHPLUG_NOMEM;

    if (it != NULL) {
        it->line = authplug_secret_new(SCAN_LINE);
        it->rules = calloc(count + 1, sizeof *it->rules);
    }
    if (it != NULL && it->line != NULL && it->rules != NULL && requests != NULL)
        status = fill(it, rules, count, requests);
    free(requests);
    if (status == AUTHPLUG_OK)
        *made = it;
    else
        scan_free(&it);
    return status;
}

/* -------------------------------------------------------------------- lines */

authplug_span
scan_rest(const scan *it)
{
    authplug_span line = authplug_secret_span(it->line);

    line.data += it->consumed;
    line.len -= it->consumed;
    return line;
}

/* Searches what is left of the line, and consumes up to the match's end. */
static authplug_status
search(scan *it, regex_set *set, scan_match *match)
{
    authplug_span line = scan_rest(it);
    regex_found found;
    authplug_status status;

    status = regex_set_find(set, line, it->begin | it->end, &found);
    if (status != AUTHPLUG_OK)
        return status;
    match->rule = set == it->all ? found.which : it->rules[found.which];
    match->text = authplug_span_make(line.data + found.at.start,
                                     found.at.end - found.at.start);
    it->consumed += found.at.end;
    it->begin = REGEX_NOT_BEGIN;
    return AUTHPLUG_OK;
}

/* After the line, or where it was cut. */
static void
next_line(scan *it)
{
    authplug_secret_clear(it->line);
    it->consumed = 0;
    it->begin = it->end != 0 ? REGEX_NOT_BEGIN : 0;
    it->end = 0;
    it->ended = false;
}

/* Adds output to the line, up to its end or to where it is cut. */
static authplug_status
add(scan *it, authplug_span *output)
{
    size_t most = SCAN_LINE - authplug_secret_len(it->line);
    size_t len = output->len < most ? output->len : most;
    const unsigned char *end = memchr(output->data, '\n', len);
    authplug_status status;

    if (end != NULL)
        len = (size_t)(end - output->data);
    status = authplug_secret_append(it->line, output->data, len);
    if (status != AUTHPLUG_OK)
        return status;
    output->data += len + (end != NULL);
    output->len -= len + (end != NULL);
    if (end != NULL) {
        authplug_span line = authplug_secret_span(it->line);

        while (line.len > 0 && line.data[line.len - 1] == '\r')
            line.len--;
        authplug_secret_cut(it->line, line.len);
    } else if (len == most) {
        it->end = REGEX_NOT_END;
    }
    it->ended = end != NULL || it->end != 0;
    return AUTHPLUG_OK;
}

authplug_status
scan_read(scan *it, authplug_span *output, scan_match *match)
{
    authplug_status status = AUTHPLUG_OK;

    for (;;) {
        if (it->ended) {
            status = search(it, it->anywhere, match);
            if (status != AUTHPLUG_NOT_FOUND)
                return status;
            next_line(it);
        }
        if (output->len == 0)
            return AUTHPLUG_NEED_MORE;
        authplug_secret_drop(it->line, it->consumed);
        it->consumed = 0;
        status = add(it, output);
        if (status != AUTHPLUG_OK)
            return status;
    }
}

authplug_status
scan_pause(scan *it, bool answers, scan_match *match)
{
    authplug_span line = authplug_secret_span(it->line);
    authplug_status status;

    if (it->ended)
        return AUTHPLUG_STATE;
    if (line.len == it->consumed || line.data[line.len - 1] == '\r')
        return AUTHPLUG_NEED_MORE;
    status = search(it, answers ? it->all : it->anywhere, match);
    return status == AUTHPLUG_NOT_FOUND ? AUTHPLUG_NEED_MORE : status;
}
