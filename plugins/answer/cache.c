/*
 * Answers of the user, kept for a while: which of them, under which name, and
 * what their fate is when the server has spoken.
 */
#define _GNU_SOURCE
#include "cache.h"

#include "io/io.h"

#include <authplug/wire.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Once a place has failed, for all that is still to be kept or dropped: clients
 * give plugins a second after the outcome. */
#define SETTLE_MS 800

struct cache_entry {
    cache_entry *next;
    authplug_secret *name, *typed;
    uint32_t seconds;
    bool in_keyring;
    bool looked_for; /* in this login */
    bool noted;      /* the server has an answer, and did not speak yet */
    bool was_kept;   /* that answer was */
    bool ambiguous;  /* or rather two of them: nobody knows which was right */
};

/* ----------------------------------------------------------------- its name */

static authplug_status
add_token(void *context, const char *name, const char *argument,
          authplug_secret *out)
{
    authplug_writer *to = context;

    (void)out;
    authplug_put_string(to, authplug_span_of(name));
    authplug_put_string(to, authplug_span_of(argument));
    return to->status;
}

bool
cache_name_rule(answer_rule *by, const char *request, const char *instruction,
                const template *response)
{
    authplug_secret *unused = authplug_secret_new(16384);
    authplug_writer to;

    by->name = authplug_secret_new(32768);
    if (by->name == NULL || unused == NULL) {
        authplug_secret_free(&unused);
        return false;
    }
    to = authplug_writer_to(by->name);
    authplug_put_string(&to, authplug_span_of(request));
    authplug_put_boolean(&to, instruction != NULL);
    authplug_put_string(&to, authplug_span_of(instruction));
    authplug_put_byte(&to, (uint8_t)by->echo);
    if (template_expand(response, add_token, &to, unused) != AUTHPLUG_OK)
        to.status = AUTHPLUG_NOMEM;
    authplug_secret_free(&unused);
    return to.status == AUTHPLUG_OK;
}

static authplug_status
name_entry(authplug_secret *name, const answer_peer *peer,
           const answer_rule *by, const answer_prompt *prompt)
{
    authplug_writer to = authplug_writer_to(name);

    authplug_put_string(&to, authplug_span_of(peer->user));
    authplug_put_string(&to, authplug_span_of(peer->host));
    authplug_put_uint32(&to, peer->port);
    authplug_put_string(&to, authplug_secret_span(by->name));
    authplug_put_string(&to, prompt->text);
    return to.status;
}

/* -------------------------------------------------------------- the entries */

static void
free_entry(cache_entry *it)
{
    authplug_secret_free(&it->name);
    authplug_secret_free(&it->typed);
    free(it);
}

void
cache_free(cache *all)
{
    while (all->first != NULL) {
        cache_entry *first = all->first;

        all->first = first->next;
        free_entry(first);
    }
}

static bool
is_same(const authplug_secret *one, const authplug_secret *other)
{
    return authplug_secret_equal(authplug_secret_span(one),
                                 authplug_secret_span(other));
}

cache_entry *
cache_enter(cache *all, const answer_peer *peer, const match_found *found,
            const answer_prompt *prompt, char *why, size_t size)
{
    cache_entry *made, *old;
    authplug_status status = AUTHPLUG_NOMEM;

    if (peer->user[0] == 0) {
        (void)snprintf(why, size,
                       "the answer is not kept, as the client does "
                       "not say for which user: Username does");
        return NULL;
    }
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    made->name = authplug_secret_new(CACHE_NAME_MOST);
    made->typed = authplug_secret_new(ANSWER_MOST);
    made->seconds = (uint32_t)found->by->cache;
    made->in_keyring = found->by->in_keyring;
    if (made->name != NULL && made->typed != NULL)
        status = name_entry(made->name, peer, found->by, prompt);
    if (status != AUTHPLUG_OK) {
        (void)snprintf(why, size, "the answer is not kept: %s",
                       status == AUTHPLUG_LIMIT ? "the prompt is too long"
                                                : "memory ran out");
        free_entry(made);
        return NULL;
    }
    for (old = all->first; old != NULL; old = old->next)
        if (old->in_keyring == made->in_keyring &&
            is_same(old->name, made->name)) {
            free_entry(made);
            return old;
        }
    made->next = all->first;
    all->first = made;
    return made;
}

static cache_status
ask(const cache_entry *it, cache_what what, authplug_secret *answer, char *why,
    size_t size)
{
    cache_question question = {.what = what,
                               .seconds = it->seconds,
                               .name = authplug_secret_span(it->name)};

    if (what == CACHE_KEEP)
        question.answer = authplug_secret_span(it->typed);
    return it->in_keyring ? cache_ask_keyring(&question, answer, why, size)
                          : cache_ask_memory(&question, answer, why, size);
}

bool
cache_find(cache *all, cache_entry *it, authplug_secret *typed, char *why,
           size_t size)
{
    cache_status status;

    if (it->looked_for || all->failed)
        return false;
    it->looked_for = true;
    authplug_secret_clear(typed);
    status = ask(it, CACHE_FIND, typed, why, size);
    all->failed = status == CACHE_REFUSED;
    return status == CACHE_DONE;
}

void
cache_note(cache_entry *it, authplug_span typed, bool was_kept)
{
    if (it->noted &&
        !authplug_secret_equal(typed, authplug_secret_span(it->typed)))
        it->ambiguous = true;
    authplug_secret_clear(it->typed);
    if (authplug_secret_append(it->typed, typed.data, typed.len) != AUTHPLUG_OK)
        it->ambiguous = true;
    it->was_kept = it->noted ? it->was_kept && was_kept : was_kept;
    it->noted = true;
}

bool
cache_settle(cache *all, authplug_outcome what, char *why, size_t size)
{
    int64_t deadline = io_deadline(SETTLE_MS);
    char other[ANSWER_WHY];
    bool good = true;

    for (cache_entry *it = all->first; it != NULL; it = it->next) {
        bool drop = what == AUTHPLUG_OUTCOME_FAILURE ||
                    (what == AUTHPLUG_OUTCOME_SUCCESS && it->ambiguous);
        bool keep = what == AUTHPLUG_OUTCOME_SUCCESS && !drop && !it->was_kept;

        if (it->noted && (drop || keep) && (good || io_now() < deadline) &&
            ask(it, drop ? CACHE_DROP : CACHE_KEEP, NULL, good ? why : other,
                good ? size : sizeof other) == CACHE_REFUSED)
            good = false;
        authplug_secret_clear(it->typed);
        it->noted = it->was_kept = it->ambiguous = false;
    }
    return good;
}

/* --------------------------------------------------------------- forgetting */

/* Whether the file says that something is kept in the keyring; where it cannot
 * be read, too. */
static bool
uses_keyring(const char *path)
{
    char why[ANSWER_WHY];
    answer_config *config = answer_config_read(path, why, sizeof why);
    bool uses = config == NULL;

    for (size_t b = 0; config != NULL && b < config->block_count; b++)
        for (size_t i = 0; i < config->blocks[b].count; i++)
            uses = uses || config->blocks[b].own[i].in_keyring;
    answer_config_free(&config);
    return uses;
}

int
cache_forget(const char *path)
{
    static const cache_question clear = {.what = CACHE_CLEAR};
    char why[ANSWER_WHY];
    int result = 0;

    if (cache_ask_memory(&clear, NULL, why, sizeof why) == CACHE_REFUSED) {
        io_say(ANSWER_PROGRAM, "what is in memory is not forgotten: %s", why);
        result = 1;
    }
    if (cache_ask_keyring(&clear, NULL, why, sizeof why) == CACHE_REFUSED &&
        uses_keyring(path)) {
        io_say(ANSWER_PROGRAM, "what is in the keyring is not forgotten: %s",
               why);
        result = 1;
    }
    return result;
}
