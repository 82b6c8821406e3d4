/*
 * The file of authplug answer, and the rule that a prompt has: whatever a file
 * says, what is taken keeps its bounds and has all that its parts need, and
 * what is not is a line that is named, with no secret in the complaint; a rule
 * matches all of a prompt, and no command gets a NUL.
 *
 * Input: the file, NUL, a prompt, NUL, its instruction.
 */
#define _GNU_SOURCE
#include "fuzz/fuzz.h"

#include "plugins/answer/answer.h"

#include <authplug/text.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Where it stands in a file, somebody has a password. */
#define SECRET "Sesame"

/* --------------------------------------------------------------- complaints */

/* Whether it is harmless for a terminal that shows UTF-8. */
static bool
is_harmless(const char *text)
{
    authplug_secret *safe = authplug_secret_new(8 * ANSWER_WHY);
    bool same;

    MUST(safe != NULL &&
         authplug_text_safe(authplug_span_of(text), AUTHPLUG_TEXT_UTF8, safe) ==
             AUTHPLUG_OK);
    same = authplug_span_is(authplug_secret_span(safe), text);
    authplug_secret_free(&safe);
    return same;
}

static bool
begins(authplug_span line, const char *keyword)
{
    size_t len = strlen(keyword);

    while (line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t'))
        line = authplug_span_make(line.data + 1, line.len - 1);
    return line.len > len &&
           strncasecmp((const char *)line.data, keyword, len) == 0 &&
           strchr(" \t=", line.data[len]) != NULL && line.data[len] != 0;
}

/* Whether a line holds the secret where one may be. The name of a code is no
 * secret. */
static bool
hides(authplug_span line)
{
    return (begins(line, "Response") || begins(line, "Secret")) &&
           memmem(line.data, line.len, "otp:", 4) == NULL;
}

/* How many lines there are, and whether one that may be quoted says it. */
static size_t
count_lines(authplug_span text, bool *told)
{
    size_t lines = 0;

    *told = false;
    while (text.len > 0) {
        const unsigned char *end = memchr(text.data, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.data) + 1 : text.len;
        authplug_span line = authplug_span_make(text.data, len);

        if (memmem(line.data, len, SECRET, strlen(SECRET)) != NULL)
            *told = *told || !hides(line);
        text = authplug_span_make(text.data + len, text.len - len);
        lines++;
    }
    return lines;
}

static void
refused(const char *why, authplug_span text)
{
    bool told;
    size_t lines = count_lines(text, &told);
    unsigned long number;
    char *end;

    MUST(strncmp(why, "f:", 2) == 0);
    number = strtoul(why + 2, &end, 10);
    MUST(number >= 1 && number <= lines);
    MUST(strncmp(end, ": ", 2) == 0 && end[2] != 0);
    /* a letter may be cut where a message is at its end */
    MUST(strlen(why) == ANSWER_WHY - 1 || is_harmless(why));
    MUST(told || strstr(why, SECRET) == NULL);
}

/* ------------------------------------------------------------ what is taken */

static authplug_status
check_token(void *context, const char *name, const char *argument,
            authplug_secret *out)
{
    const answer_config *config = context;

    (void)out;
    if (strcmp(name, "totp") == 0 || strcmp(name, "hotp") == 0)
        MUST(answer_config_code(config, *name == 'h', argument) != NULL);
    return AUTHPLUG_OK;
}

static void
check_rule(const answer_config *config, const answer_block *block, size_t i)
{
    const answer_rule *by = &block->own[i];
    const rule *is = rules_at(block->rules, i);
    authplug_secret *unused = authplug_secret_new(8192);
    const char *question;

    MUST(unused != NULL && is->response != NULL && by->which == i);
    MUST(by->line == is->line && by->line > block->line);
    MUST(i == 0 || by->line > block->own[i - 1].line);
    MUST(by->echo <= ECHO_NO);
    MUST(by->limit >= 0 && by->limit <= 100);
    MUST(by->cache >= 0 && by->cache <= ANSWER_CACHE_MOST);
    MUST(by->request != NULL && strpbrk(by->request, "\r\n") == NULL);
    MUST((by->exec != NULL) == template_has(is->response, "exec"));
    MUST(by->exec == NULL || !template_has_token(template_word(by->exec, 0)));
    MUST(source_asks(block, by, &question) ==
         template_has(is->response, "ask"));
    MUST(question == NULL || *question != 0);
    MUST((by->name != NULL) == (by->cache > 0));
    MUST(by->cache == 0 ||
         (template_has(is->response, "ask") && !source_uses_code(block, by)));
    MUST(template_expand(is->response, check_token, (void *)(uintptr_t)config,
                         unused) == AUTHPLUG_OK);
    authplug_secret_free(&unused);
}

static void
check_block(const answer_config *config, const answer_block *block)
{
    MUST(block->hosts != NULL && block->hosts[0] != NULL);
    for (char **host = block->hosts; *host != NULL; host++)
        MUST(**host != 0 && strpbrk(*host, " \t\r\n,") == NULL);
    MUST(block->user == NULL || *block->user != 0);
    MUST(block->username == NULL ||
         (*block->username != 0 && strpbrk(block->username, "\r\n") == NULL));
    MUST(block->count == rules_count(block->rules));
    MUST(block->count <= RULES_MOST && !rules_open(block->rules));
    for (size_t i = 0; i < block->count; i++)
        check_rule(config, block, i);
}

static void
check_code(const answer_config *config, const answer_code *code)
{
    MUST(code->name != NULL && *code->name != 0);
    MUST(answer_config_code(config, code->counted, code->name) == code);
    MUST(code->secret != NULL);
    MUST(template_has(code->secret, "exec") == (code->exec != NULL));
    MUST(code->digits == 0 ||
         (code->digits >= OTP_DIGITS_LEAST && code->digits <= OTP_DIGITS_MOST));
    MUST(code->period >= 0 && code->period <= OTP_PERIOD_MOST);
    MUST(code->counter >= -1 && (code->counted || code->counter == -1));
    MUST(!code->counted || code->period == 0);
    MUST(code->algorithm >= -1 && code->algorithm <= OTP_SHA512);
}

static void
check(const answer_config *config)
{
    size_t count = 0;

    MUST(strcmp(config->file, "f") == 0);
    MUST(config->block_count <= 1000 && config->code_count <= 1000);
    for (size_t i = 0; i < config->block_count; i++) {
        MUST(i == 0 || config->blocks[i].line > config->blocks[i - 1].line);
        check_block(config, &config->blocks[i]);
        count += config->blocks[i].count;
    }
    MUST(count == config->rule_count);
    for (size_t i = 0; i < config->code_count; i++)
        check_code(config, &config->codes[i]);
}

/* -------------------------------------------------------- what a prompt has */

/* Groups are of the prompt; the first is all of it, blanks at its end aside. */
static void
check_groups(const match_found *found, authplug_span text)
{
    const regex_span *all = &found->groups[0];

    MUST(all->start == 0 && all->end <= text.len);
    for (size_t i = all->end; i < text.len; i++)
        MUST(text.data[i] == ' ' || text.data[i] == '\t');
    for (size_t i = 1; i < REGEX_GROUPS; i++)
        MUST(found->groups[i].start == REGEX_UNSET ||
             (found->groups[i].start <= found->groups[i].end &&
              found->groups[i].end <= all->end));
}

/* What would be run, and what would be sent without asking anybody. */
static void
expand(const answer_config *config, const answer_peer *peer,
       const answer_prompt *prompt, const match_found *found)
{
    source of = {
        .config = config, .peer = peer, .prompt = prompt, .found = found};
    authplug_secret *text = authplug_secret_new(1 << 20);

    MUST(text != NULL);
    if (found->by->exec != NULL) {
        bool made = source_command(&of, text);

        MUST(made == (of.why[0] == 0));
        MUST(!made || (authplug_secret_len(text) > 0 &&
                       authplug_secret_text(text) != NULL));
    }
    authplug_secret_clear(text);
    if (source_is_open(prompt, found, text))
        MUST(authplug_secret_len(text) > 0 &&
             !source_is_automatic(found->block, found->by) &&
             !template_has(
                 rules_at(found->block->rules, found->by->which)->response,
                 "ask"));
    authplug_secret_free(&text);
}

static void
match(const answer_config *config, authplug_span text,
      authplug_span instruction, bool echo)
{
    const answer_peer peer = {"web.example.org", "alice", 22};
    const answer_prompt prompt = {text, instruction, echo};
    match_found found = match_prompt(config, &peer, &prompt), again = {0};

    MUST(!found.broken);
    if (found.by == NULL)
        return;
    MUST(match_block(found.block, &peer));
    MUST(found.by->echo == ECHO_ANY || (found.by->echo == ECHO_YES) == echo);
    /* none before it in its block is the prompt's */
    for (const answer_rule *by = found.block->own; by <= found.by; by++)
        MUST((match_rule(found.block, by, &prompt, &again) == MATCHES) ==
             (by == found.by));
    check_groups(&found, text);
    expand(config, &peer, &prompt, &found);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    authplug_span rest = authplug_span_make(data, size), text, prompt;
    char why[ANSWER_WHY] = "";
    answer_config *config;

    if (size == 0 || size > 16384)
        return 0;
    text = fuzz_cut(&rest);
    config = answer_config_parse("f", text, why, sizeof why);
    if (config == NULL) {
        refused(why, text);
        return 0;
    }
    MUST(why[0] == 0);
    check(config);
    prompt = fuzz_cut(&rest);
    match(config, prompt, rest, false);
    match(config, prompt, rest, true);
    answer_config_free(&config);
    MUST(config == NULL);
    return 0;
}
