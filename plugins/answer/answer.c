/* The plugin: the prompts of a request, answered by rules or by the user. */
#define _GNU_SOURCE
#include "answer.h"

#include "io/io.h"

#include <authplug/text.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROMPTS_MOST 100
/* for the sources of one request */
#define SOURCES_MS 120000

/* One conversation. */
typedef struct state {
    const char *path;
    bool batch;
    answer_config *config; /* only while it is needed: it may hold secrets */
    answer_peer peer;
    char *username; /* the peer's, where it is the file's */
    authplug_session *session;
    unsigned char *uses; /* automatic answers so far, by the rules' ids */
    size_t use_count;
    otp_use *codes;
    cache cache;
} state;

/* What becomes of a prompt. */
typedef struct item {
    answer_prompt prompt;
    match_found found;
    bool by_rule;           /* or else the user answers it */
    bool asks;              /* the user has a part in it */
    bool confirms;          /* which is to say yes */
    bool said;              /* and was asked */
    char question[256];     /* what the user is asked, "" for the prompt */
    char why[ANSWER_WHY];   /* why the user is, or "" */
    authplug_secret *typed; /* what the user said */
    cache_entry *cache;     /* where that is kept, or NULL */
    authplug_secret *kept;  /* what was, if it was found */
    authplug_secret *answer;
} item;

typedef struct items {
    state *with;
    const authplug_ki_request *request;
    item *of;
    size_t count;
} items;

static void
free_items(items *all)
{
    for (size_t i = 0; all->of != NULL && i < all->count; i++) {
        authplug_secret_free(&all->of[i].typed);
        authplug_secret_free(&all->of[i].kept);
        authplug_secret_free(&all->of[i].answer);
    }
    free(all->of);
}

static bool
make_items(items *all)
{
    all->of = calloc(all->count + 1, sizeof *all->of);
    if (all->of == NULL)
        return false;
    for (size_t i = 0; i < all->count; i++) {
        item *it = &all->of[i];

        it->prompt.text = all->request->prompts[i].text;
        it->prompt.echo = all->request->prompts[i].echo;
        it->prompt.instruction = all->request->instruction;
        it->typed = authplug_secret_new(ANSWER_MOST);
        it->answer = authplug_secret_new(ANSWER_MOST);
        if (it->typed == NULL || it->answer == NULL)
            return false;
    }
    return true;
}

/* --------------------------------------------------------------- what to do */

/* The last line of a prompt, harmless, for messages. */
static void
name_prompt(const item *it, char *text, size_t size)
{
    authplug_span line = it->prompt.text;
    authplug_secret *safe = authplug_secret_new(65536);
    const unsigned char *end;

    while (line.len > 0 && strchr(" \t\r\n", line.data[line.len - 1]) != NULL)
        line.len--;
    end = line.len > 0 ? memrchr(line.data, '\n', line.len) : NULL;
    if (end != NULL) {
        line.len -= (size_t)(end + 1 - line.data);
        line.data = end + 1;
    }
    if (line.len > 128)
        line.len = 128;
    text[0] = 0;
    if (safe != NULL &&
        authplug_text_safe(line, AUTHPLUG_TEXT_UTF8, safe) == AUTHPLUG_OK)
        (void)snprintf(text, size, "%.*s", (int)authplug_secret_len(safe),
                       (const char *)authplug_secret_span(safe).data);
    authplug_secret_free(&safe);
}

/* Where an answer comes from, without the answer. */
static const char *
source_name(const item *it)
{
    const match_found *found = &it->found;
    const template *response =
        rules_at(found->block->rules, found->by->which)->response;

    if (it->kept != NULL)
        return "what you typed before";
    if (source_uses_code(found->block, found->by))
        return "a one-time code";
    if (template_has(response, "exec"))
        return "what a command gives";
    if (template_has(response, "keyring"))
        return "a secret of the keyring";
    if (template_has(response, "file"))
        return "a secret of a file";
    return "the text of the Response";
}

/* Looks for what the user typed in another login. False when memory ran out. */
static bool
look_for_kept(state *with, item *it)
{
    const answer_rule *by = it->found.by;

    it->cache = cache_enter(&with->cache, &with->peer, &it->found, &it->prompt,
                            it->why, sizeof it->why);
    if (it->cache == NULL || with->uses[by->id] >= by->limit)
        return true;
    it->kept = authplug_secret_new(ANSWER_MOST);
    if (it->kept == NULL)
        return false;
    if (!cache_find(&with->cache, it->cache, it->kept, it->why, sizeof it->why))
        authplug_secret_free(&it->kept);
    return true;
}

/* Decides who answers; false when nothing can be known. */
static bool
choose(items *all, item *it)
{
    state *with = all->with;
    const answer_rule *by;
    const char *text = NULL;
    char name[160];

    it->found = match_prompt(with->config, &with->peer, &it->prompt);
    if (it->found.broken)
        return false;
    by = it->found.by;
    name_prompt(it, name, sizeof name);
    if (by == NULL) {
        it->asks = true;
        (void)snprintf(it->why, sizeof it->why, "no rule matches \"%s\"", name);
        return true;
    }
    it->asks = source_asks(it->found.block, by, &text);
    if (it->asks && by->cache > 0 && !look_for_kept(with, it))
        return false;
    it->asks = it->asks && it->kept == NULL;
    if (!it->asks && with->uses[by->id] >= by->limit) {
        it->asks = true;
        (void)snprintf(it->why, sizeof it->why,
                       "the rule in line %u has answered %ld time%s in this "
                       "login, and may not again",
                       by->line, by->limit, by->limit == 1 ? "" : "s");
        return true;
    }
    it->by_rule = true;
    if (it->asks) {
        (void)snprintf(it->question, sizeof it->question, "%s",
                       text != NULL ? text : "");
        return true;
    }
    with->uses[by->id]++;
    if (by->confirm) {
        it->asks = it->confirms = true;
        (void)snprintf(it->question, sizeof it->question,
                       "Send %s (line %u) for \"%s\"? [y/N] ", source_name(it),
                       by->line, name);
    }
    return true;
}

/* ----------------------------------------------------------------- the user */

static bool
is_open(const item *it)
{
    return it->asks && !it->said;
}

/* The words above the questions: the server's, and why it is that they are
 * asked at all. */
static bool
write_instruction(const items *all, authplug_secret *out)
{
    authplug_span server = all->request->instruction;
    bool good =
        authplug_secret_append(out, server.data, server.len) == AUTHPLUG_OK;

    for (size_t i = 0; good && i < all->count; i++) {
        const item *it = &all->of[i];

        /* that there is no rule needs no words */
        if (!is_open(it) || it->why[0] == 0 || it->found.by == NULL)
            continue;
        good = (authplug_secret_len(out) == 0 ||
                authplug_secret_append(out, "\n", 1) == AUTHPLUG_OK) &&
               authplug_secret_append(out, it->why, strlen(it->why)) ==
                   AUTHPLUG_OK;
    }
    return good;
}

/* Asks all that the user has to say, in one request. */
static authplug_status
ask(items *all, uint32_t count)
{
    authplug_ki_prompt prompts[PROMPTS_MOST];
    authplug_secret *instruction = authplug_secret_new(262144);
    authplug_ki_request request = {.name = all->request->name,
                                   .language = all->request->language,
                                   .count = count,
                                   .prompts = prompts};
    authplug_ki_response response = {0};
    authplug_status status = AUTHPLUG_NOMEM;
    uint32_t n = 0;

    for (size_t i = 0; i < all->count; i++) {
        const item *it = &all->of[i];

        if (!is_open(it))
            continue;
        prompts[n].text = it->question[0] != 0 ? authplug_span_of(it->question)
                                               : it->prompt.text;
        prompts[n++].echo = it->confirms || it->prompt.echo;
    }
    if (instruction != NULL && write_instruction(all, instruction)) {
        request.instruction = authplug_secret_span(instruction);
        status = authplug_session_ask(all->with->session, &request, &response);
    }
    authplug_secret_free(&instruction);
    for (size_t i = 0, at = 0; status == AUTHPLUG_OK && i < all->count; i++)
        if (is_open(&all->of[i])) {
            authplug_span said = response.answers[at++];

            all->of[i].said = true;
            authplug_secret_clear(all->of[i].typed);
            status =
                authplug_secret_append(all->of[i].typed, said.data, said.len);
        }
    return status;
}

/* Has the user say what only they know. False after refusing. */
static bool
ask_user(items *all)
{
    state *with = all->with;
    authplug_status status;
    char text[2 * ANSWER_WHY];
    uint32_t count = 0;
    const item *first = NULL;

    for (size_t i = 0; i < all->count; i++)
        if (is_open(&all->of[i])) {
            first = first != NULL ? first : &all->of[i];
            count++;
        }
    if (count == 0)
        return true;
    if (with->batch) {
        (void)snprintf(
            text, sizeof text, "%s, and nobody is asked in batch mode",
            first->why[0] != 0 ? first->why : "a rule wants the user's answer");
        return authplug_session_refuse(with->session, text);
    }
    status = ask(all, count);
    if (status == AUTHPLUG_OK)
        return true;
    (void)snprintf(text, sizeof text, "the user could not be asked: %s",
                   authplug_status_text(status));
    return authplug_session_refuse(with->session, text);
}

/* A line for the user to read, and nothing to answer. */
static void
tell(void *context, const char *text)
{
    state *with = context;
    authplug_ki_request request = {.name = authplug_span_of("authplug answer"),
                                   .instruction = authplug_span_of(text)};
    authplug_ki_response response;

    if (!with->batch)
        (void)authplug_session_ask(with->session, &request, &response);
}

/* Until the time has passed, or the client hangs up. */
static authplug_status
wait_with_client(void *context, int64_t ms)
{
    const state *with = context;

    return authplug_session_wait(with->session,
                                 ms < INT_MAX ? (int)ms : INT_MAX);
}

/* What the server says beside prompts that the user does not see. */
static void
show_notices(items *all)
{
    authplug_secret *text = authplug_secret_new(262144);
    authplug_span instruction = all->request->instruction;
    const char *words;
    bool good =
        text != NULL && authplug_secret_append(text, instruction.data,
                                               instruction.len) == AUTHPLUG_OK;

    for (size_t i = 0; good && i < all->count; i++) {
        authplug_span prompt = all->of[i].prompt.text;
        const unsigned char *end =
            prompt.len > 0 ? memrchr(prompt.data, '\n', prompt.len) : NULL;

        if (end == NULL)
            continue;
        good =
            (authplug_secret_len(text) == 0 ||
             authplug_secret_append(text, "\n", 1) == AUTHPLUG_OK) &&
            authplug_secret_append(text, prompt.data,
                                   (size_t)(end - prompt.data)) == AUTHPLUG_OK;
    }
    words = good && authplug_secret_len(text) > 0 ? authplug_secret_text(text)
                                                  : NULL;
    if (words != NULL)
        tell(all->with, words);
    authplug_secret_free(&text);
}

/* ---------------------------------------------------------------- the rules */

static bool
is_yes(const authplug_secret *said)
{
    authplug_span text = authplug_secret_span(said);

    return authplug_span_is(text, "y") || authplug_span_is(text, "Y") ||
           authplug_span_is(text, "yes") || authplug_span_is(text, "Yes");
}

/* The answer of a rule; false, and why says why not. */
static bool
answer_by_rule(items *all, item *it)
{
    state *with = all->with;
    source from = {
        .config = with->config,
        .peer = &with->peer,
        .prompt = &it->prompt,
        .found = &it->found,
        .deadline = io_deadline(SOURCES_MS),
        .tell = tell,
        .wait = wait_with_client,
        .context = with,
        .codes = with->codes,
        .asked = authplug_secret_span(it->kept != NULL ? it->kept : it->typed),
    };
    bool good;

    /* who ends us meanwhile gets a command ended, and gives back what a code
     * waits for */
    io_signals_begin();
    good = source_answer(&from, it->answer);
    io_signals_end();
    with->codes = from.codes;
    memcpy(it->why, from.why, sizeof it->why);
    return good;
}

/* The answers of all rules. Prompts whose rule has none are the user's. False
 * after refusing. */
static bool
answer_rules(items *all)
{
    for (size_t i = 0; i < all->count; i++) {
        item *it = &all->of[i];

        if (!it->by_rule)
            continue;
        if (it->confirms && !is_yes(it->typed))
            return authplug_session_refuse(all->with->session,
                                           "the user did not confirm what "
                                           "would have been sent");
        if (answer_by_rule(all, it))
            continue;
        it->by_rule = it->confirms = it->said = false;
        it->asks = true;
        it->question[0] = 0;
    }
    return ask_user(all);
}

/* --------------------------------------------------------------- the plugin */

/* What the user typed is on its way to the server. */
static void
note_all(items *all)
{
    for (size_t i = 0; i < all->count; i++) {
        const item *it = &all->of[i];

        if (it->by_rule && it->cache != NULL)
            cache_note(
                it->cache,
                authplug_secret_span(it->kept != NULL ? it->kept : it->typed),
                it->kept != NULL);
    }
}

static bool
answer_all(items *all)
{
    bool seen = false;

    for (size_t i = 0; i < all->count; i++) {
        if (!choose(all, &all->of[i]))
            return authplug_session_refuse(all->with->session,
                                           "memory ran out");
        seen = seen || all->of[i].asks;
    }
    if (!seen)
        show_notices(all);
    if (!ask_user(all) || !answer_rules(all))
        return false;
    for (size_t i = 0; i < all->count; i++) {
        const item *it = &all->of[i];

        if (!authplug_session_answer(
                all->with->session,
                authplug_secret_span(it->by_rule ? it->answer : it->typed)))
            return false;
    }
    note_all(all);
    return true;
}

static bool
answer(authplug_session *session, const authplug_ki_request *request,
       void *context)
{
    state *with = context;
    items all = {with, request, NULL, request->count};
    bool good;

    if (request->count > PROMPTS_MOST)
        return authplug_session_refuse(session, "the server has too many "
                                                "questions");
    with->session = session;
    good =
        make_items(&all) || authplug_session_refuse(session, "memory ran out");
    good = good && answer_all(&all);
    free_items(&all);
    return good;
}

/* The name that a Host block has for a user whom the client does not know. */
static const char *
find_username(const state *with)
{
    for (size_t i = 0; i < with->config->block_count; i++)
        if (with->config->blocks[i].username != NULL &&
            match_block(&with->config->blocks[i], &with->peer))
            return with->config->blocks[i].username;
    return NULL;
}

/* The file, read again for each method. A rule's uses stay with its number. */
static bool
read_config(state *with, authplug_session *session)
{
    char why[ANSWER_WHY];
    size_t count;
    unsigned char *uses;

    if (with->config != NULL)
        return true;
    with->config = answer_config_read(with->path, why, sizeof why);
    if (with->config == NULL)
        return authplug_session_refuse(session, why);
    count = (size_t)with->config->rule_count + 1;
    if (count <= with->use_count)
        return true;
    uses = realloc(with->uses, count);
    if (uses == NULL)
        return authplug_session_refuse(session, "memory ran out");
    memset(uses + with->use_count, 0, count - with->use_count);
    with->uses = uses;
    with->use_count = count;
    return true;
}

static bool
init(authplug_session *session, void *context)
{
    state *with = context;
    const char *name;

    if (!read_config(with, session))
        return false;
    with->peer = (answer_peer){.host = authplug_session_host(session),
                               .port = authplug_session_port(session),
                               .user = authplug_session_user(session)};
    if (with->peer.user[0] != 0)
        return true;
    name = find_username(with);
    if (name == NULL)
        return true;
    if (authplug_session_set_user(session, name) != AUTHPLUG_OK)
        return authplug_session_refuse(session, "Username cannot be used: a "
                                                "name without control "
                                                "characters was expected");
    with->username = strdup(name);
    if (with->username == NULL)
        return authplug_session_refuse(session, "memory ran out");
    with->peer.user = with->username;
    return true;
}

/* Where no block is about this host the client asks as it always does. */
static bool
accept_method(authplug_session *session, const char *method, void *context)
{
    state *with = context;

    (void)method;
    if (!read_config(with, session))
        return false;
    for (size_t i = 0; i < with->config->block_count; i++)
        if (match_block(&with->config->blocks[i], &with->peer))
            return true;
    answer_config_free(&with->config);
    return false;
}

static void
outcome(authplug_session *session, authplug_outcome what, void *context)
{
    state *with = context;
    char why[ANSWER_WHY] = "";

    (void)session;
    otp_release(&with->codes);
    if (!cache_settle(&with->cache, what, why, sizeof why))
        io_say(ANSWER_PROGRAM, "the cache of answers is as it was: %s", why);
    answer_config_free(&with->config);
}

int
answer_run(const char *path, bool batch, int64_t timeout_ms)
{
    state with = {.path = path, .batch = batch};
    authplug_plugin plugin = {.name = ANSWER_PROGRAM,
                              .init = init,
                              .accept = accept_method,
                              .answer = answer,
                              .outcome = outcome,
                              .timeout_ms = (int)timeout_ms};
    int result = authplug_plugin_run(&plugin, &with);

    otp_release(&with.codes);
    cache_free(&with.cache);
    answer_config_free(&with.config);
    free(with.username);
    free(with.uses);
    return result;
}
