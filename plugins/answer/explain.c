/* --explain: what would become of a prompt, and why. */
#define _GNU_SOURCE
#include "answer.h"

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

/* A Response may hold a password as it is: of such a text nothing is shown. */
static void
print_answer(const match_found *found)
{
    const template *response =
        rules_at(found->block->rules, found->by->which)->response;
    authplug_secret *text = authplug_secret_new(16384);

    printf("  would send: ");
    if (template_has_text(response))
        printf("the Response, whose text is not shown\n");
    else if (text != NULL &&
             template_expand(response, print_piece, NULL, text) == AUTHPLUG_OK)
        printf("%s\n", authplug_secret_text(text));
    else
        printf("(memory ran out)\n");
    authplug_secret_free(&text);
    if (found->by->confirm)
        printf("  the user is asked first\n");
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
                print_answer(&found);
                return 0;
            }
    }
    printf(any ? "no rule matches: the user is asked, or with --batch the "
                 "prompt is refused\n"
               : "no Host block is about this login: the client asks by "
                 "itself\n");
    return 1;
}
