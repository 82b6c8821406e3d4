/* The plugin: rounds of questions, then one decision. */
#include "personal_info.h"

#include "io/io.h"

#include <authplug/tectia_run.h>

#include <stdio.h>

#define FIRST "Please provide some personal information."
#define FURTHER "Please tell a little more."
#define AGAIN "An answer has 3 to 64 letters or digits. Please try again."

typedef struct dialogue {
    const char *path;
    questions asked;
    answers given;
    bool has[QUESTIONS_MOST]; /* whether it was given */
    bool broken;
} dialogue;

/* Asks those questions of the round that have no answer yet, if there are. */
static bool
ask_rest(authplug_tectia_session *session, dialogue *d, uint32_t round,
         const char *instruction)
{
    uint32_t which[QUESTIONS_MOST], count = 0;

    for (uint32_t i = 0; i < d->asked.count; i++) {
        const question *now = &d->asked.of[i];
        char prompt[QUESTION_LONGEST + 2];

        if (now->round != round || d->has[i])
            continue;
        (void)snprintf(prompt, sizeof prompt, "%s ", now->text);
        authplug_tectia_session_prompt(session, prompt, now->echo);
        which[count++] = i;
    }
    if (count == 0)
        return true;
    if (!authplug_tectia_session_ask(session, instruction))
        return false;
    for (uint32_t n = 0; n < count; n++) {
        const char *reply = authplug_tectia_session_reply(session, n);
        uint32_t i = which[n];

        d->has[i] = answer_read(authplug_span_of(reply), d->given.to[i]) ==
                    AUTHPLUG_OK;
    }
    return true;
}

/*
 * All rounds, for everybody: what is asked depends on the database and on the
 * replies, never on who is asked. What cannot be an answer of anybody may be
 * given again once.
 */
static bool
hold(authplug_tectia_session *session, dialogue *d)
{
    uint32_t last = d->asked.of[d->asked.count - 1].round;

    for (uint32_t round = 1; round <= last; round++)
        if (!ask_rest(session, d, round, round == 1 ? FIRST : FURTHER) ||
            !ask_rest(session, d, round, AGAIN))
            return false;
    return true;
}

/* Whether these are the answers of this user. Nothing is left out for users
 * who are unknown, or for answers that cannot be right. */
static bool
judge(store *from, dialogue *d, const char *user)
{
    char hash[HASH_SIZE];
    bool known = false, right = false, complete = true;
    authplug_status status;

    d->broken = !store_find(from, user, &known, hash);
    if (d->broken)
        return false;
    status = hash_check(&d->given, d->asked.count, hash, &right);
    d->broken = status != AUTHPLUG_OK;
    if (d->broken)
        io_say(PROGRAM, "the answers could not be compared: %s",
               status == AUTHPLUG_VALUE
                   ? "the database holds a hash that is not its own: enrol "
                     "the user again"
                   : "crypt(3) failed: see whether memory is left");
    for (uint32_t i = 0; i < d->asked.count; i++)
        complete = complete && d->has[i];
    return !d->broken && known && complete && right;
}

static bool
decide(authplug_tectia_session *session, void *context)
{
    dialogue *d = context;
    const char *user = authplug_tectia_session_param(session, "user_name");
    store *from = store_open(d->path, false);
    bool yes = false;

    d->broken = from == NULL || !store_questions(from, &d->asked);
    if (!d->broken && !answers_new(&d->given)) {
        io_say(PROGRAM, "out of memory");
        d->broken = true;
    }
    if (!d->broken && hold(session, d))
        yes = judge(from, d, user);
    answers_free(&d->given);
    store_free(&from);
    return yes;
}

int
ask_run(const char *path)
{
    dialogue d = {.path = path};
    authplug_tectia_program program = {
        .name = PROGRAM, .kind = AUTHPLUG_TECTIA_KBDINT, .decide = decide};
    int result = authplug_tectia_run(&program, &d);

    return d.broken && result == RAN_NO ? RAN_BROKEN : result;
}
