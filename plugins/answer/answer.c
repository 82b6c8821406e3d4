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
/* Requests in a conversation: so few that the runtime, which ends without a
 * word where there are more messages than it takes, can still say why. */
#define REQUESTS_MOST 50
/* For the sources of one request: less than the two minutes that servers, and
 * clients, have for a login, so that who waits for a code can still use it. */
#define SOURCES_MS 90000

/* How often a rule has answered by itself. The file may be another one when it
 * is read again, so that a rule's number says nothing. */
typedef struct use {
    uint64_t mark;
    long count;
} use;

/* One conversation. */
typedef struct state {
    const char *path;
    bool batch;
    answer_config *config; /* only while it is needed: it may hold secrets */
    answer_peer peer;
    char *username; /* the peer's, where it is the file's */
    authplug_session *session;
    use *uses; /* of rules that the login has met */
    size_t use_count;
    unsigned requests;
    otp_use *codes;
    cache cache;
} state;

/* What becomes of a prompt. */
typedef struct item {
    answer_prompt prompt;
    match_found found;
    bool by_rule;             /* or else the user answers it */
    bool types;               /* the user types it, or a part of it */
    bool confirms;            /* the user says yes, before anything is sent */
    bool said;                /* and was asked for all of that */
    bool agreed;              /* and said yes */
    const char *question;     /* for what is typed; NULL for the prompt */
    authplug_secret *consent; /* what is to be confirmed, or NULL */
    char why[ANSWER_WHY];     /* why the user is, or "" */
    authplug_secret *typed;   /* what the user said */
    cache_entry *cache;       /* where that is kept, or NULL */
    authplug_secret *kept;    /* what was, if it was found */
    authplug_secret *answer;
} item;

typedef struct items {
    state *with;
    const authplug_ki_request *request;
    item *of;
    size_t count;
    bool seen; /* the user has seen what the server said */
} items;

static void
free_items(items *all)
{
    for (size_t i = 0; all->of != NULL && i < all->count; i++) {
        authplug_secret_free(&all->of[i].consent);
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

/* The rule's; NULL when memory ran out. */
static use *
find_use(state *with, const answer_rule *by)
{
    use *larger;

    for (size_t i = 0; i < with->use_count; i++)
        if (with->uses[i].mark == by->mark)
            return &with->uses[i];
    larger = realloc(with->uses, (with->use_count + 1) * sizeof *larger);
    if (larger == NULL)
        return NULL;
    with->uses = larger;
    larger[with->use_count] = (use){by->mark, 0};
    return &larger[with->use_count++];
}

/* Looks for what the user typed in another login. False when memory ran out. */
static bool
look_for_kept(state *with, item *it, const use *so_far)
{
    const answer_rule *by = it->found.by;

    it->cache = cache_enter(&with->cache, &with->peer, &it->found, &it->prompt,
                            it->why, sizeof it->why);
    if (it->cache == NULL || so_far->count >= by->limit)
        return true;
    it->kept = authplug_secret_new(ANSWER_MOST);
    if (it->kept == NULL)
        return false;
    if (!cache_find(&with->cache, it->cache, it->kept, it->why, sizeof it->why))
        authplug_secret_free(&it->kept);
    return true;
}

/* Whether the rule may answer by itself, once more; or says why it may not. */
static bool
may_answer(item *it, use *so_far)
{
    const answer_rule *by = it->found.by;

    if (so_far->count < by->limit) {
        so_far->count++;
        return true;
    }
    if (by->limit == 0)
        (void)snprintf(it->why, sizeof it->why,
                       "the rule in line %u has Limit 0, and is never used by "
                       "itself",
                       by->line);
    else
        (void)snprintf(it->why, sizeof it->why,
                       "the rule in line %u was used %ld time%s in this "
                       "login, and may not be again",
                       by->line, so_far->count, so_far->count == 1 ? "" : "s");
    it->types = true;
    return false;
}

/* Has the user asked before the rule answers; false when memory ran out. */
static bool
want_consent(state *with, item *it, const char *name)
{
    it->confirms = true;
    it->consent = authplug_secret_new((size_t)1 << 18);
    return it->consent != NULL &&
           consent_question(&with->peer, &it->prompt, &it->found, name,
                            it->kept != NULL, it->consent);
}

/* Decides who answers; false when nothing can be known. */
static bool
choose(items *all, item *it)
{
    state *with = all->with;
    const answer_rule *by;
    const char *text = NULL;
    char name[160];
    use *so_far;

    it->found = match_prompt(with->config, &with->peer, &it->prompt);
    if (it->found.broken)
        return false;
    by = it->found.by;
    name_prompt(it, name, sizeof name);
    if (by == NULL) {
        it->types = true;
        (void)snprintf(it->why, sizeof it->why, "no rule matches \"%s\"", name);
        return true;
    }
    so_far = find_use(with, by);
    if (so_far == NULL)
        return false;
    it->types = source_asks(it->found.block, by, &text);
    if (it->types && by->cache > 0 && !look_for_kept(with, it, so_far))
        return false;
    it->types = it->types && it->kept == NULL;
    if (!it->types || source_is_automatic(it->found.block, by)) {
        if (!may_answer(it, so_far))
            return true;
        if (by->confirm && !want_consent(with, it, name))
            return false;
    }
    it->by_rule = true;
    if (it->types && text != NULL)
        it->question = text;
    if (with->batch && (it->types || it->confirms) && it->why[0] == 0)
        (void)snprintf(it->why, sizeof it->why,
                       "the rule in line %u wants the user's %s for \"%s\"",
                       by->line, it->confirms ? "consent" : "answer", name);
    return true;
}

/* ----------------------------------------------------------------- the user */

static bool
is_open(const item *it)
{
    return (it->types || it->confirms) && !it->said;
}

static bool
add_line(authplug_secret *out, const void *text, size_t len)
{
    return (authplug_secret_len(out) == 0 ||
            authplug_secret_append(out, "\n", 1) == AUTHPLUG_OK) &&
           authplug_secret_append(out, text, len) == AUTHPLUG_OK;
}

/* A prompt of several lines that the user is not asked. A menu is shown with
 * the option that is taken, so that who has to approve a login on another
 * device knows that it is their turn. */
static bool
add_prompt(authplug_secret *out, const item *it)
{
    authplug_span text = it->prompt.text;
    const unsigned char *end =
        text.len > 0 ? memrchr(text.data, '\n', text.len) : NULL;
    authplug_secret *choice;
    char sentence[96];
    bool good;

    if (end == NULL)
        return true;
    if (!it->by_rule || it->types || it->confirms)
        return add_line(out, text.data, (size_t)(end - text.data));
    (void)snprintf(sentence, sizeof sentence,
                   "(the rule in line %u answers; then it is the server's "
                   "turn)",
                   it->found.by->line);
    choice = authplug_secret_new(ANSWER_MOST);
    good = choice != NULL && add_line(out, text.data, text.len);
    if (good && source_is_open(&it->prompt, &it->found, choice))
        good =
            authplug_secret_append(out, authplug_secret_span(choice).data,
                                   authplug_secret_len(choice)) == AUTHPLUG_OK;
    authplug_secret_free(&choice);
    return good && add_line(out, sentence, strlen(sentence));
}

/* The server's words that no question shows. */
static bool
write_words(const items *all, authplug_secret *out)
{
    authplug_span server = all->request->instruction;
    bool good =
        authplug_secret_append(out, server.data, server.len) == AUTHPLUG_OK;

    for (size_t i = 0; good && i < all->count; i++)
        if (!is_open(&all->of[i]) || !all->of[i].types ||
            all->of[i].question != NULL)
            good = add_prompt(out, &all->of[i]);
    return good;
}

/* Why it is that the user is asked at all. */
static bool
write_reasons(const items *all, authplug_secret *out)
{
    bool good = true;

    for (size_t i = 0; good && i < all->count; i++) {
        const item *it = &all->of[i];

        /* that there is no rule needs no words */
        if (is_open(it) && it->why[0] != 0 && it->found.by != NULL)
            good = add_line(out, it->why, strlen(it->why));
    }
    return good;
}

/* Whether what the user types is a part of an answer that is secret, whatever
 * the server says of it. */
static bool
is_part(const item *it)
{
    return it->by_rule && source_is_automatic(it->found.block, it->found.by);
}

/* The questions for all that the user has to say; how many. */
static uint32_t
write_questions(const items *all, authplug_ki_prompt prompts[])
{
    uint32_t n = 0;

    for (size_t i = 0; i < all->count; i++) {
        const item *it = &all->of[i];

        if (!is_open(it))
            continue;
        if (it->confirms)
            prompts[n++] = (authplug_ki_prompt){
                .text = authplug_secret_span(it->consent), .echo = true};
        if (it->types)
            prompts[n++] = (authplug_ki_prompt){
                .text = it->question != NULL ? authplug_span_of(it->question)
                                             : it->prompt.text,
                .echo = it->prompt.echo && !is_part(it)};
    }
    return n;
}

static bool
is_yes(authplug_span text)
{
    const char *data = (const char *)text.data;

    return (text.len == 1 && strncasecmp(data, "y", 1) == 0) ||
           (text.len == 3 && strncasecmp(data, "yes", 3) == 0);
}

/* What the user said, in the order of the questions. */
static authplug_status
take_answers(items *all, const authplug_ki_response *response)
{
    authplug_status status = AUTHPLUG_OK;
    size_t at = 0;

    for (size_t i = 0; status == AUTHPLUG_OK && i < all->count; i++) {
        item *it = &all->of[i];

        if (!is_open(it))
            continue;
        it->said = true;
        if (it->confirms)
            it->agreed = is_yes(response->answers[at++]);
        authplug_secret_clear(it->typed);
        if (it->types) {
            status =
                authplug_secret_append(it->typed, response->answers[at].data,
                                       response->answers[at].len);
            at++;
        }
    }
    return status;
}

/* Asks all that the user has to say, in one request. */
static authplug_status
ask(items *all)
{
    authplug_ki_prompt prompts[2 * PROMPTS_MOST];
    authplug_secret *instruction = authplug_secret_new(262144);
    authplug_ki_request request = {.name = all->request->name,
                                   .language = all->request->language,
                                   .prompts = prompts};
    authplug_ki_response response = {0};
    authplug_status status = AUTHPLUG_NOMEM;

    request.count = write_questions(all, prompts);
    /* what was seen once is not shown again when a source has failed */
    if (instruction != NULL && (all->seen || write_words(all, instruction)) &&
        write_reasons(all, instruction)) {
        request.instruction = authplug_secret_span(instruction);
        status = authplug_session_ask(all->with->session, &request, &response);
        all->seen = true;
    }
    authplug_secret_free(&instruction);
    return status == AUTHPLUG_OK ? take_answers(all, &response) : status;
}

/* Has the user say what only they know. False after refusing. */
static bool
ask_user(items *all)
{
    state *with = all->with;
    authplug_status status;
    char text[2 * ANSWER_WHY];
    const item *first = NULL;

    for (size_t i = 0; first == NULL && i < all->count; i++)
        if (is_open(&all->of[i]))
            first = &all->of[i];
    if (first == NULL)
        return true;
    if (with->batch) {
        (void)snprintf(text, sizeof text, "%s; nobody is asked in batch mode",
                       first->why);
        return authplug_session_refuse(with->session, text);
    }
    status = ask(all);
    if (status == AUTHPLUG_OK)
        return true;
    (void)snprintf(text, sizeof text, "the user could not be asked: %s",
                   authplug_status_text(status));
    return authplug_session_refuse(with->session, text);
}

/* Words for the user to read, and nothing to answer. */
static void
tell_as(state *with, authplug_span name, const char *text)
{
    authplug_ki_request request = {.name = name,
                                   .instruction = authplug_span_of(text)};
    authplug_ki_response response;

    if (!with->batch)
        (void)authplug_session_ask(with->session, &request, &response);
}

static void
tell(void *context, const char *text)
{
    tell_as(context, authplug_span_of(ANSWER_PROGRAM), text);
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
    const char *words = NULL;

    if (text != NULL && write_words(all, text) && authplug_secret_len(text) > 0)
        words = authplug_secret_text(text);
    if (words != NULL)
        tell_as(all->with,
                all->request->name.len > 0 ? all->request->name
                                           : authplug_span_of(ANSWER_PROGRAM),
                words);
    authplug_secret_free(&text);
    all->seen = true;
}

/* ---------------------------------------------------------------- the rules */

/* The answer of a rule; false, and why says why not. */
static bool
answer_by_rule(items *all, item *it, int64_t deadline)
{
    state *with = all->with;
    source from = {
        .config = with->config,
        .peer = &with->peer,
        .prompt = &it->prompt,
        .found = &it->found,
        .deadline = deadline,
        .tell = tell,
        .wait = wait_with_client,
        .context = with,
        .codes = with->codes,
        .asked = authplug_secret_span(it->kept != NULL ? it->kept : it->typed),
    };
    bool good;

    /* who ends us meanwhile gets a command ended */
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
    int64_t deadline = io_deadline(SOURCES_MS);

    for (size_t i = 0; i < all->count; i++) {
        item *it = &all->of[i];

        if (!it->by_rule)
            continue;
        if (it->confirms && !it->agreed)
            return authplug_session_refuse(all->with->session,
                                           "the user did not confirm what "
                                           "would have been sent");
        if (answer_by_rule(all, it, deadline))
            continue;
        it->by_rule = it->confirms = it->said = false;
        it->types = true;
        it->question = NULL;
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
    bool asks = false;

    for (size_t i = 0; i < all->count; i++) {
        if (!choose(all, &all->of[i]))
            return authplug_session_refuse(all->with->session,
                                           "memory ran out");
        asks = asks || is_open(&all->of[i]);
    }
    if (!asks)
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
    items all = {.with = with, .request = request, .count = request->count};
    bool good;

    if (request->count > PROMPTS_MOST)
        return authplug_session_refuse(session, "the server has too many "
                                                "questions");
    if (++with->requests > REQUESTS_MOST)
        return authplug_session_refuse(session, "the server asks without end");
    with->session = session;
    good =
        make_items(&all) || authplug_session_refuse(session, "memory ran out");
    good = good && answer_all(&all);
    free_items(&all);
    return good;
}

/* The file, read again for each method. */
static bool
read_config(state *with, authplug_session *session)
{
    char why[ANSWER_WHY];

    if (with->config == NULL)
        with->config = answer_config_read(with->path, why, sizeof why);
    return with->config != NULL || authplug_session_refuse(session, why);
}

static bool
init(authplug_session *session, void *context)
{
    state *with = context;
    const answer_block *named;
    const char *name;

    if (!read_config(with, session))
        return false;
    with->peer = (answer_peer){.host = authplug_session_host(session),
                               .port = authplug_session_port(session),
                               .user = authplug_session_user(session)};
    if (with->peer.user[0] != 0)
        return true;
    named = match_username(with->config, &with->peer);
    if (named == NULL)
        return true;
    name = named->username;
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
    /* for AUTHPLUG_LOG: nobody reads it elsewhere, and what is not kept is
     * asked again */
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
