/* Which rule a prompt has. */
#define _GNU_SOURCE
#include "answer.h"

#include "conf/patterns.h"

#include <string.h>

/* ------------------------------------------------------------------- blocks */

bool
match_block(const answer_block *block, const answer_peer *peer)
{
    const char *const names[] = {peer->host, NULL};

    /* of a user who is not known nothing is known */
    return patterns_fit_host(block->hosts, names, peer->port) &&
           (block->user == NULL ||
            (peer->user[0] != 0 && pattern_fits(block->user, peer->user)));
}

const answer_block *
match_username(const answer_config *config, const answer_peer *peer)
{
    for (size_t i = 0; i < config->block_count; i++)
        if (config->blocks[i].username != NULL &&
            match_block(&config->blocks[i], peer))
            return &config->blocks[i];
    return NULL;
}

/* -------------------------------------------------------------------- rules */

/* A Request matches all of the prompt, whether or not the blanks at its end
 * count. */
static authplug_status
match_text(const regex *request, authplug_span text,
           regex_span groups[REGEX_GROUPS])
{
    authplug_status status = regex_match(request, text, groups);
    size_t len = text.len;

    while (len > 0 && (text.data[len - 1] == ' ' || text.data[len - 1] == '\t'))
        len--;
    if (status == AUTHPLUG_NOT_FOUND && len < text.len)
        status =
            regex_match(request, authplug_span_make(text.data, len), groups);
    return status;
}

match_end
match_rule(const answer_block *block, const answer_rule *by,
           const answer_prompt *prompt, match_found *found)
{
    const regex *request = rules_at(block->rules, by->which)->request;
    authplug_status status = match_text(request, prompt->text, found->groups);

    if (status != AUTHPLUG_OK) {
        found->broken = found->broken || status == AUTHPLUG_NOMEM;
        return OTHER_PROMPT;
    }
    if (by->echo != ECHO_ANY && (by->echo == ECHO_YES) != prompt->echo)
        return OTHER_ECHO;
    if (by->instruction == NULL)
        return MATCHES;
    status = match_text(by->instruction, prompt->instruction, NULL);
    found->broken = found->broken || status == AUTHPLUG_NOMEM;
    return status == AUTHPLUG_OK ? MATCHES : OTHER_INSTRUCTION;
}

match_found
match_prompt(const answer_config *config, const answer_peer *peer,
             const answer_prompt *prompt)
{
    match_found found = {0};

    for (size_t b = 0; b < config->block_count; b++) {
        const answer_block *block = &config->blocks[b];

        if (!match_block(block, peer))
            continue;
        for (size_t i = 0; i < block->count && !found.broken; i++)
            if (match_rule(block, &block->own[i], prompt, &found) == MATCHES &&
                !found.broken) {
                found.block = block;
                found.by = &block->own[i];
                return found;
            }
    }
    return found;
}

bool
match_is_copied(authplug_span prompt)
{
    const unsigned char *end, *at;

    if (prompt.len == 0 || prompt.data[0] != '(')
        return false;
    end = memmem(prompt.data, prompt.len, ") ", 2);
    at = end != NULL ? memchr(prompt.data, '@', (size_t)(end - prompt.data))
                     : NULL;
    return at != NULL &&
           memchr(prompt.data, ' ', (size_t)(end - prompt.data)) == NULL;
}
