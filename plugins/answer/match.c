/* Which rule a prompt has. */
#define _GNU_SOURCE
#include "answer.h"

#include <string.h>
#include <strings.h>

/* ------------------------------------------------------------------- blocks */

static bool
is_same(char a, char b, bool any_case)
{
    if (any_case && a >= 'A' && a <= 'Z')
        a = (char)(a - 'A' + 'a');
    if (any_case && b >= 'A' && b <= 'Z')
        b = (char)(b - 'A' + 'a');
    return a == b;
}

/* '*' and '?' in a pattern of len bytes. The last '*' is all that is ever gone
 * back to. */
static bool
fits(const char *pattern, size_t len, const char *text, bool any_case)
{
    size_t at = 0, star = SIZE_MAX;
    const char *back = NULL;

    while (*text != 0) {
        if (at < len && pattern[at] == '*') {
            star = ++at;
            back = text;
        } else if (at < len && (pattern[at] == '?' ||
                                is_same(pattern[at], *text, any_case))) {
            at++;
            text++;
        } else if (star != SIZE_MAX) {
            at = star;
            text = ++back;
        } else {
            return false;
        }
    }
    while (at < len && pattern[at] == '*')
        at++;
    return at == len;
}

/* The port behind a pattern: "name:22", "[::1]:22", but not "::1". */
static bool
takes_port(const char *pattern, size_t *len, uint32_t port)
{
    const char *colon = strrchr(pattern, ':');
    unsigned long number = 0;

    *len = strlen(pattern);
    if (colon == NULL ||
        (pattern[0] != '[' &&
         memchr(pattern, ':', (size_t)(colon - pattern))) ||
        (pattern[0] == '[' && (colon == pattern || colon[-1] != ']')))
        return true;
    *len = (size_t)(colon - pattern);
    if (strcmp(colon + 1, "*") == 0)
        return true;
    for (const char *at = colon + 1; *at != 0; at++) {
        if (*at < '0' || *at > '9' || number > 65535)
            return false;
        number = number * 10 + (unsigned long)(*at - '0');
    }
    return colon[1] != 0 && number == port;
}

static bool
fits_host(const char *pattern, const answer_peer *peer)
{
    size_t len;

    if (!takes_port(pattern, &len, peer->port))
        return false;
    if (len >= 2 && pattern[0] == '[' && pattern[len - 1] == ']') {
        pattern++;
        len -= 2;
    }
    return fits(pattern, len, peer->host, true);
}

bool
match_block(const answer_block *block, const answer_peer *peer)
{
    bool here = false;

    for (char **pattern = block->hosts; *pattern != NULL; pattern++) {
        if (**pattern == '!' && fits_host(*pattern + 1, peer))
            return false;
        here = here || (**pattern != '!' && fits_host(*pattern, peer));
    }
    /* of a user who is not known nothing is known */
    return here &&
           (block->user == NULL ||
            (peer->user[0] != 0 &&
             fits(block->user, strlen(block->user), peer->user, false)));
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
