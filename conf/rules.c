/* Request and Response lines. */
#include "conf/rules.h"

#include <stdlib.h>

struct rules {
    rules_kind kind;
    const template_token *tokens;
    rule *rules;
    size_t count, room;
    regex *request; /* waits for its response */
    conf_line line; /* that it is on */
};

rules *
rules_new(rules_kind kind, const template_token *tokens)
{
    rules *it = calloc(1, sizeof *it);

    if (it != NULL) {
        it->kind = kind;
        it->tokens = tokens;
    }
    return it;
}

void
rules_free(rules **it)
{
    if (it == NULL || *it == NULL)
        return;
    for (size_t i = 0; i < (*it)->count; i++) {
        regex_free(&(*it)->rules[i].request);
        template_free(&(*it)->rules[i].response);
    }
    regex_free(&(*it)->request);
    free((*it)->rules);
    free(*it);
    *it = NULL;
}

static authplug_status
bad(conf *file, const conf_line *line, const char *text)
{
    conf_wrong(file, line, "%s: %s", line->keyword, text);
    return AUTHPLUG_VALUE;
}

static authplug_status
bad_at(conf *file, const conf_line *line, size_t offset, const char *text)
{
    conf_wrong(file, line, "%s: byte %u: %s", line->keyword,
               (unsigned)offset + 1, text);
    return AUTHPLUG_VALUE;
}

static authplug_status
take_request(rules *it, conf *file, const conf_line *line)
{
    regex_fault fault;
    authplug_status status;

    if (it->request != NULL)
        return rules_end(it, file);
    if (it->count == RULES_MOST)
        return bad(file, line, "too many: at most 500 were expected");
    status = regex_new(line->value, &it->request, &fault);
    if (status == AUTHPLUG_VALUE || status == AUTHPLUG_LIMIT)
        return bad_at(file, line, fault.offset, fault.text);
    if (status != AUTHPLUG_OK)
        return status;
    it->line = *line;
    if (it->kind == RULES_OUTPUT && regex_takes_nothing(it->request))
        return bad(file, line, "it can match nothing at all, and so would "
                               "match anything: one that takes at least a "
                               "byte was expected");
    return AUTHPLUG_OK;
}

/* Room for one more. */
static bool
grow(rules *it)
{
    size_t room = it->room == 0 ? 16 : 2 * it->room;
    rule *larger;

    if (it->count < it->room)
        return true;
    larger = realloc(it->rules, room * sizeof *larger);
    if (larger == NULL)
        return false;
    it->rules = larger;
    it->room = room;
    return true;
}

static authplug_status
take_response(rules *it, conf *file, const conf_line *line, bool final)
{
    rule made = {.line = it->line.number, .final = final};
    template_fault fault;
    authplug_status status;

    if (it->request == NULL)
        return bad(file, line, "no Request before it: one was expected");
    if (!grow(it))
        return AUTHPLUG_NOMEM;
    if (it->kind == RULES_OUTPUT)
        made.result = template_result_of(line->value);
    if (made.result != TEMPLATE_TEXT && final)
        return bad(file, line, "a result is no response that others follow: "
                               "the keyword Response was expected");
    if (made.result == TEMPLATE_TEXT) {
        status = template_new(line->value, it->tokens, &made.response, &fault);
        if (status == AUTHPLUG_VALUE)
            return bad_at(file, line, fault.offset, fault.text);
        if (status != AUTHPLUG_OK)
            return status;
    }
    made.request = it->request;
    it->request = NULL;
    it->rules[it->count++] = made;
    return AUTHPLUG_OK;
}

authplug_status
rules_take(rules *it, conf *file, const conf_line *line, bool *taken)
{
    *taken = true;
    if (conf_is(line, "Request"))
        return take_request(it, file, line);
    if (conf_is(line, "Response"))
        return take_response(it, file, line, false);
    if (it->kind == RULES_OUTPUT && conf_is(line, "FinalResponse"))
        return take_response(it, file, line, true);
    *taken = false;
    return AUTHPLUG_OK;
}

bool
rules_open(const rules *it)
{
    return it->request != NULL;
}

authplug_status
rules_end(rules *it, conf *file)
{
    return it->request == NULL
               ? AUTHPLUG_OK
               : bad(file, &it->line, "no Response after it: one was expected");
}

size_t
rules_count(const rules *it)
{
    return it->count;
}

const rule *
rules_at(const rules *it, size_t which)
{
    return &it->rules[which];
}

authplug_status
rules_scan(const rules *it, scan **made)
{
    scan_rule *all = calloc(it->count + 1, sizeof *all);
    authplug_status status;

    if (all == NULL)
        return AUTHPLUG_NOMEM;
    for (size_t i = 0; i < it->count; i++)
        all[i] = (scan_rule){it->rules[i].request,
                             it->rules[i].result != TEMPLATE_TEXT};
    status = scan_new(all, it->count, made);
    free(all);
    return status;
}
