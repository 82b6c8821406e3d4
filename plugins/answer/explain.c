/* --explain: what would become of a prompt, and why; --check: what is wrong. */
#define _GNU_SOURCE
#include "answer.h"

#include "io/io.h"

#include <authplug/text.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is explained. */
typedef struct explaining {
    const answer_config *config;
    const answer_peer *peer;
    const answer_prompt *prompt;
    match_found found;
} explaining;

/* -------------------------------------------------------------------- lines */

/* A line, harmless as a whole: others may have written in it. */
__attribute__((format(printf, 1, 2))) static void
print_line(const char *format, ...)
{
    authplug_secret *safe = authplug_secret_new((size_t)1 << 20);
    const char *shown = NULL;
    va_list arguments;
    char *line = NULL;

    va_start(arguments, format);
    if (vasprintf(&line, format, arguments) < 0)
        line = NULL;
    va_end(arguments);
    if (safe != NULL && line != NULL &&
        authplug_text_safe(authplug_span_of(line), io_text_flags(), safe) ==
            AUTHPLUG_OK)
        shown = authplug_secret_text(safe);
    puts(shown != NULL ? shown : "(memory ran out)");
    free(line);
    authplug_secret_free(&safe);
}

/* A title, and what is of the prompt or the file. */
static void
print_text(const char *title, authplug_secret *text)
{
    const char *shown = authplug_secret_text(text);

    print_line("  %s: %s", title, shown != NULL ? shown : "(memory ran out)");
}

static void
print_block(const answer_block *block, bool here)
{
    authplug_secret *text = authplug_secret_new((size_t)1 << 16);
    bool good = text != NULL;

    for (char **host = block->hosts; good && *host != NULL; host++)
        good =
            authplug_secret_append(text, " ", 1) == AUTHPLUG_OK &&
            authplug_secret_append(text, *host, strlen(*host)) == AUTHPLUG_OK;
    print_line("line %u: Host%s%s%s: %s", block->line,
               good ? authplug_secret_text(text) : " (memory ran out)",
               block->user != NULL ? ", User " : "",
               block->user != NULL ? block->user : "",
               here ? "this login" : "not this login");
    authplug_secret_free(&text);
}

/* --------------------------------------------------------- what a rule does */

/* What is sent, as far as it may be seen: of text of the file, which may be a
 * password, only where it stands. */
typedef struct pieces {
    const explaining *of;
    authplug_secret *to;
    bool good;
    char unset; /* a group that took no part in the match, or 0 */
} pieces;

static void
add_piece(void *context, const char *name, const char *argument, size_t len)
{
    pieces *it = context;
    const char *const parts[] = {"<", name != NULL ? name : "text",
                                 argument != NULL ? " " : "",
                                 argument != NULL ? argument : "", ">"};

    (void)len;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        it->good = it->good &&
                   authplug_secret_append(it->to, parts[i], strlen(parts[i])) ==
                       AUTHPLUG_OK;
    if (name != NULL && name[0] >= '1' && name[0] <= '9' &&
        it->of->found.groups[name[0] - '0'].start == REGEX_UNSET)
        it->unset = name[0];
}

/* Whose the prompt is when nothing is sent. */
#define TO_THE_USER "the user is asked, or with --batch the prompt is refused"

/* What the rule would send; false where it can send nothing. */
static bool
print_answer(const explaining *it)
{
    const template *response =
        rules_at(it->found.block->rules, it->found.by->which)->response;
    pieces made = {.of = it, .to = authplug_secret_new((size_t)1 << 16)};

    made.good = made.to != NULL;
    if (made.to != NULL && source_is_open(it->prompt, &it->found, made.to)) {
        print_text("would send", made.to);
        authplug_secret_free(&made.to);
        return true;
    }
    if (made.to != NULL)
        template_walk(response, add_piece, &made);
    if (!made.good)
        puts("  would send nothing: memory ran out");
    else if (made.unset != 0)
        printf(
            "  would send nothing: the group $%c$ matched nothing: " TO_THE_USER
            "\n",
            made.unset);
    else if (authplug_secret_len(made.to) == 0)
        puts("  would send: an empty answer");
    else
        print_text("would send", made.to);
    authplug_secret_free(&made.to);
    return made.good && made.unset == 0;
}

/* The command, which everybody on the machine can see while it runs. False
 * where it is refused, and nothing is sent. */
static bool
print_command(const explaining *it)
{
    source of = {.config = it->config,
                 .peer = it->peer,
                 .prompt = it->prompt,
                 .found = &it->found};
    authplug_secret *text = authplug_secret_new((size_t)1 << 20);
    bool good = text != NULL && source_command(&of, text);

    if (good)
        print_text("would run", text);
    else
        print_line("  would run nothing, and send nothing: %s: " TO_THE_USER,
                   of.why[0] != 0 ? of.why : "memory ran out");
    authplug_secret_free(&text);
    return good;
}

/* What becomes of the answer of the user. */
static void
print_cache(const explaining *it)
{
    const answer_rule *by = it->found.by;

    if (by->cache == 0)
        return;
    if (it->peer->user[0] == 0)
        puts("  what the user types is not kept: nobody says for which user, "
             "as --user or the line Username would");
    else
        printf("  what the user types is kept for %ld s after a login that "
               "succeeded, in %s\n",
               by->cache, by->in_keyring ? "the keyring" : "memory");
}

/* What the rule that matches would do; false where nothing is sent. */
static bool
print_rule(const explaining *it)
{
    const answer_rule *by = it->found.by;
    const template *response =
        rules_at(it->found.block->rules, by->which)->response;
    bool counts = source_is_automatic(it->found.block, by) ||
                  !template_has(response, "ask");

    if (counts && by->limit == 0) {
        puts("  would send nothing: Limit 0 lets it never answer by "
             "itself: " TO_THE_USER);
        return false;
    }
    if (by->exec != NULL && !print_command(it))
        return false;
    if (!print_answer(it))
        return false;
    counts = counts || (by->cache > 0 && it->peer->user[0] != 0);
    if (counts && by->limit > 0 && by->confirm)
        puts("  the user is asked first");
    if (counts && by->limit > 0)
        printf("  at most %ld time%s in a login\n", by->limit,
               by->limit == 1 ? "" : "s");
    print_cache(it);
    if (by->cache > 0 && by->limit == 0)
        puts("  what is kept is never used: Limit is 0");
    return true;
}

/* --------------------------------------------------------------- which rule */

static bool
try_rule(explaining *it, const answer_block *block, const answer_rule *by)
{
    static const char *const ends[] = {
        [MATCHES] = "matches",
        [OTHER_PROMPT] = "no: its Request is not the whole prompt",
        [OTHER_ECHO] = "no: the prompt's echo is another than its Echo",
        [OTHER_INSTRUCTION] = "no: its Instruction is not the whole one",
    };
    match_end end = match_rule(block, by, it->prompt, &it->found);

    printf("  line %u: %s\n", by->line,
           it->found.broken ? "memory ran out" : ends[end]);
    if (end != MATCHES || it->found.broken)
        return false;
    it->found.block = block;
    it->found.by = by;
    return true;
}

/* The first rule that matches, in it->found; whether any block was about the
 * login at all. */
static bool
find_rule(explaining *it)
{
    const answer_config *config = it->config;
    bool any = false;

    for (size_t b = 0; b < config->block_count && it->found.by == NULL; b++) {
        const answer_block *block = &config->blocks[b];
        bool here = match_block(block, it->peer);

        print_block(block, here);
        any = any || here;
        for (size_t i = 0; here && i < block->count; i++)
            if (try_rule(it, block, &block->own[i]))
                break;
    }
    return any;
}

int
answer_explain(const answer_config *config, const answer_peer *peer,
               const answer_prompt *prompt)
{
    answer_peer as = *peer;
    explaining it = {.config = config, .peer = &as, .prompt = prompt};
    const answer_block *named =
        peer->user[0] == 0 ? match_username(config, peer) : NULL;
    bool any;

    print_line("%s, for %s port %u%s%s", config->file, peer->host,
               (unsigned)peer->port, peer->user[0] != 0 ? ", user " : "",
               peer->user);
    if (named != NULL) {
        as.user = named->username;
        print_line("logs in as %s (line %u)", as.user, named->username_line);
    }
    any = find_rule(&it);
    if (it.found.by != NULL)
        return print_rule(&it) ? 0 : 1;
    puts(any ? "no rule matches: " TO_THE_USER
             : "no Host block is about this login: the client asks by itself");
    if (match_is_copied(prompt->text))
        puts("what stands in parentheses is ssh's own, and not in the "
             "server's prompt");
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
