/* --explain: what would become of a prompt, and why; --check: what is wrong. */
#define _GNU_SOURCE
#include "answer.h"

#include "io/io.h"

#include <authplug/text.h>

#include <stdio.h>
#include <string.h>

static void
print_pattern(const char *const *patterns)
{
    for (; *patterns != NULL; patterns++)
        printf(" %s", *patterns);
}

/* What is sent, as far as it may be seen. */
static authplug_status
print_piece(void *context, const char *name, const char *argument,
            authplug_secret *out)
{
    char text[256];

    (void)context;
    (void)snprintf(text, sizeof text, "<%s%s%s>", name,
                   argument != NULL ? " " : "",
                   argument != NULL ? argument : "");
    return authplug_secret_append(out, text, strlen(text));
}

/* A line, the text in which others may have written. */
static void
print_harmless(const char *title, authplug_secret *text)
{
    authplug_secret *safe = authplug_secret_new(1 << 20);
    const char *shown = NULL;

    if (safe != NULL &&
        authplug_text_safe(authplug_secret_span(text), io_text_flags(), safe) ==
            AUTHPLUG_OK)
        shown = authplug_secret_text(safe);
    printf("  %s: %s\n", title, shown != NULL ? shown : "(memory ran out)");
    authplug_secret_free(&safe);
}

/* The command, which everybody on the machine can see while it runs. */
static void
print_command(const answer_config *config, const answer_peer *peer,
              const answer_prompt *prompt, const match_found *found)
{
    source of = {
        .config = config, .peer = peer, .prompt = prompt, .found = found};
    authplug_secret *text = authplug_secret_new(1 << 20);

    if (text != NULL && source_command(&of, text))
        print_harmless("would run", text);
    else
        printf("  would run nothing: %s\n", of.why);
    authplug_secret_free(&text);
}

/* A Response may hold a password as it is: of such a text nothing is shown. */
static void
print_answer(const answer_prompt *prompt, const match_found *found)
{
    const template *response =
        rules_at(found->block->rules, found->by->which)->response;
    authplug_secret *text = authplug_secret_new(16384);

    if (text != NULL && source_is_open(prompt, found, text))
        print_harmless("would send", text);
    else if (template_has_text(response))
        printf("  would send: the Response, whose text is not shown\n");
    else if (text != NULL &&
             template_expand(response, print_piece, NULL, text) == AUTHPLUG_OK)
        print_harmless("would send", text);
    else
        printf("  would send: (memory ran out)\n");
    authplug_secret_free(&text);
    if (found->by->confirm)
        printf("  the user is asked first\n");
    if (!source_is_automatic(found->block, found->by) &&
        template_has(response, "ask") && found->by->cache == 0)
        return;
    printf("  at most %ld time%s in a login\n", found->by->limit,
           found->by->limit == 1 ? "" : "s");
    if (found->by->cache > 0)
        printf("  what the user types is kept for %ld s after a login that "
               "succeeded, in %s\n",
               found->by->cache,
               found->by->in_keyring ? "the keyring" : "memory");
}

static bool
explain_rule(const answer_block *block, const answer_rule *by,
             const answer_prompt *prompt, match_found *found)
{
    static const char *const ends[] = {
        [MATCHES] = "matches",
        [OTHER_PROMPT] = "no: its Request is not the whole prompt",
        [OTHER_ECHO] = "no: the prompt's echo is another than its Echo",
        [OTHER_INSTRUCTION] = "no: its Instruction is not the whole one",
    };
    match_end end = match_rule(block, by, prompt, found);

    printf("  line %u: %s\n", by->line,
           found->broken ? "memory ran out" : ends[end]);
    return end == MATCHES && !found->broken;
}

int
answer_explain(const answer_config *config, const answer_peer *peer,
               const answer_prompt *prompt)
{
    match_found found = {0};
    bool any = false;

    printf("%s, for %s port %u%s%s\n", config->file, peer->host,
           (unsigned)peer->port, peer->user[0] != 0 ? ", user " : "",
           peer->user);
    for (size_t b = 0; b < config->block_count; b++) {
        const answer_block *block = &config->blocks[b];
        bool here = match_block(block, peer);

        printf("line %u: Host", block->line);
        print_pattern((const char *const *)block->hosts);
        if (block->user != NULL)
            printf(", User %s", block->user);
        printf(": %s\n", here ? "this login" : "not this login");
        any = any || here;
        for (size_t i = 0; here && i < block->count; i++)
            if (explain_rule(block, &block->own[i], prompt, &found)) {
                found.block = block;
                found.by = &block->own[i];
                if (found.by->exec != NULL)
                    print_command(config, peer, prompt, &found);
                print_answer(prompt, &found);
                return 0;
            }
    }
    printf(any ? "no rule matches: the user is asked, or with --batch the "
                 "prompt is refused\n"
               : "no Host block is about this login: the client asks by "
                 "itself\n");
    if (match_is_copied(prompt->text))
        printf("what stands in parentheses is ssh's own, and not in the "
               "server's prompt\n");
    return 1;
}

/* What is wrong with a code, which may be named already. */
static void
print_code_fault(const answer_config *config, const answer_code *code,
                 const char *why)
{
    char block[ANSWER_WHY];
    int len = snprintf(block, sizeof block,
                       "%s %s: ", code->counted ? "Hotp" : "Totp", code->name);
    bool named = len > 0 && strncmp(why, block, strlen(block)) == 0;

    io_say(ANSWER_PROGRAM, "%s:%u: %s%s", config->file, code->line,
           named ? "" : block, why);
}

/* The rule before this one in its block that takes all of its prompts. */
static const answer_rule *
find_same(const answer_block *block, const answer_rule *by)
{
    for (const answer_rule *it = block->own; it < by; it++)
        if (it->instruction == NULL && strcmp(it->request, by->request) == 0 &&
            (it->echo == ECHO_ANY || it->echo == by->echo))
            return it;
    return NULL;
}

/* Whether each rule of a block can be met; or says which cannot. */
static bool
check_block(const answer_config *config, const answer_block *block)
{
    bool good = true;

    for (size_t i = 0; i < block->count; i++) {
        const answer_rule *same = find_same(block, &block->own[i]);

        if (same == NULL)
            continue;
        io_say(ANSWER_PROGRAM,
               "%s:%u: Request: the rule in line %u has the same one and comes "
               "first, so that this one is never used: remove one of them, or "
               "tell them apart by Instruction or Echo",
               config->file, block->own[i].line, same->line);
        good = false;
    }
    return good;
}

/* Whether a code's secret is one, where it stands in the file; or says why. */
static bool
check_code(const answer_config *config, const answer_code *code)
{
    authplug_secret *text = authplug_secret_new(ANSWER_MOST);
    source of = {.config = config};
    otp_key key = {0};
    bool good = text != NULL;

    of.why[0] = 0;
    if (good && !template_has(code->secret, "file") &&
        !template_has(code->secret, "keyring") &&
        !template_has(code->secret, "exec"))
        good = source_secret(&of, code, text) &&
               otp_key_parse(code, authplug_secret_span(text), &key, of.why,
                             sizeof of.why);
    if (!good)
        print_code_fault(config, code,
                         of.why[0] != 0 ? of.why : "memory ran out");
    otp_key_free(&key);
    authplug_secret_free(&text);
    return good;
}

int
answer_check(const answer_config *config)
{
    bool good = true;

    for (size_t i = 0; i < config->block_count; i++)
        good = check_block(config, &config->blocks[i]) && good;
    for (size_t i = 0; i < config->code_count; i++)
        good = check_code(config, &config->codes[i]) && good;
    if (good)
        printf("%s: %u rule%s, %zu code%s\n", config->file, config->rule_count,
               config->rule_count == 1 ? "" : "s", config->code_count,
               config->code_count == 1 ? "" : "s");
    return good ? 0 : 1;
}
