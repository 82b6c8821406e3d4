/* What Confirm asks: of what an answer is made, and to whom it goes. */
#include "answer.h"

#include <authplug/text.h>

#include <stdio.h>
#include <string.h>

static const char *
name_piece(const char *name, bool kept)
{
    static const char *const names[][2] = {
        {"totp", "a one-time code"},
        {"hotp", "a one-time code"},
        {"exec", "what a command gives"},
        {"file", "a secret of a file"},
        {"keyring", "a secret of the keyring"},
        {"user_name", "the user's name"},
        {"host_name", "the host's name"},
    };

    if (name == NULL)
        return "fixed text";
    if (strcmp(name, "ask") == 0)
        return kept ? "what you typed before" : "what you type then";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i][0], name) == 0)
            return names[i][1];
    return "words of the prompt";
}

/* The pieces of a Response, one after the other. What is said alike stands once
 * where it comes twice in a row. */
typedef struct listing {
    authplug_secret *to; /* NULL while they are counted */
    const char *last;
    size_t count, of;
    bool kept, good;
} listing;

static void
add(listing *it, const char *text)
{
    it->good = it->good && authplug_secret_append(it->to, text, strlen(text)) ==
                               AUTHPLUG_OK;
}

static void
add_piece(void *context, const char *name, const char *argument, size_t len)
{
    listing *it = context;
    const char *text = name_piece(name, it->kept);

    (void)argument;
    (void)len;
    if (it->last != NULL && strcmp(it->last, text) == 0)
        return;
    it->last = text;
    it->count++;
    if (it->to == NULL)
        return;
    if (it->count > 1)
        add(it, it->count == it->of ? " and " : ", ");
    add(it, text);
}

static bool
add_pieces(const template *response, bool kept, authplug_secret *to)
{
    listing counted = {.kept = kept};
    listing written = {.to = to, .kept = kept, .good = true};

    template_walk(response, add_piece, &counted);
    written.of = counted.count;
    template_walk(response, add_piece, &written);
    if (counted.count == 0)
        add(&written, "an empty answer");
    return written.good;
}

static bool
add_safe(authplug_secret *to, authplug_span text)
{
    return authplug_text_safe(text, AUTHPLUG_TEXT_UTF8, to) == AUTHPLUG_OK;
}

/* An option of a menu, which is the prompt's, in the place of its source. */
static bool
add_answer(const answer_prompt *prompt, const match_found *found, bool kept,
           authplug_secret *to)
{
    authplug_secret *choice = authplug_secret_new(ANSWER_MOST);
    bool good = choice != NULL;

    if (good && source_is_open(prompt, found, choice) &&
        authplug_secret_len(choice) <= 32)
        good = authplug_secret_append(to, "\"", 1) == AUTHPLUG_OK &&
               add_safe(to, authplug_secret_span(choice)) &&
               authplug_secret_append(to, "\"", 1) == AUTHPLUG_OK;
    else
        good = good &&
               add_pieces(
                   rules_at(found->block->rules, found->by->which)->response,
                   kept, to);
    authplug_secret_free(&choice);
    return good;
}

bool
consent_question(const answer_peer *peer, const answer_prompt *prompt,
                 const match_found *found, const char *name, bool kept,
                 authplug_secret *to)
{
    listing rest = {.to = to, .good = true};
    char line[32];

    (void)snprintf(line, sizeof line, " (line %u) for \"", found->by->line);
    add(&rest, "Send ");
    rest.good = rest.good && add_answer(prompt, found, kept, to);
    add(&rest, line);
    add(&rest, name);
    add(&rest, "\" to ");
    rest.good = rest.good && add_safe(to, authplug_span_of(peer->user));
    add(&rest, peer->user[0] != 0 ? "@" : "");
    rest.good = rest.good && add_safe(to, authplug_span_of(peer->host));
    add(&rest, "? [y/N] ");
    return rest.good;
}
