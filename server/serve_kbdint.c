/*
 * Keyboard-interactive: its submethods, one after another in one dialogue.
 * Those that are required must all pass, in their order; then as many of the
 * optional ones as are needed, of which one may fail if enough are left.
 */
#define _GNU_SOURCE
#include "server/serve_connection.h"

/* new passwords in a dialogue */
#define NEW_PASSWORDS 3

/* Asks for new passwords until one is taken; words are what to say first. */
static void
ask_new(connection *with, authplug_span old, authplug_secret *words,
        auth_result *result)
{
    static const authplug_ki_prompt prompts[] = {
        {.text = {(const unsigned char *)"New password: ", 14}},
        {.text = {(const unsigned char *)"Retype new password: ", 21}},
    };
    const authplug_span *replies = with->request.replies;

    for (int left = NEW_PASSWORDS; left > 0; left--) {
        authplug_span instruction = authplug_secret_span(words);

        if (instruction.len == 0)
            instruction = authplug_span_of(CHANGE_AGAIN);
        ask_user(with, "Password change", instruction, prompts, 2, result);
        if (result->end == AUTH_PASSED) /* the old one may be none by now */
            auth_password(with, old, result);
        if (result->end != AUTH_PASSED)
            return;
        change_password(with, old, replies[0], &replies[1], words, result);
        if (result->end != AUTH_FAILED || result->broken)
            return;
    }
}

/* The password that was just given has expired: asks for a new one, in the same
 * dialogue. Without one that is taken it did not pass. */
static void
run_change(connection *with, auth_result *result)
{
    static const char expired[] = CHANGE_EXPIRED;
    authplug_span given = with->request.replies[0];
    authplug_secret *old = authplug_secret_new(given.len + 1);
    authplug_secret *words = authplug_secret_new(CHANGE_WORDS);

    if (old == NULL || words == NULL ||
        authplug_secret_append(old, given.data, given.len) != AUTHPLUG_OK ||
        authplug_secret_append(words, expired, sizeof expired - 1) !=
            AUTHPLUG_OK) {
        auth_ends(result, AUTH_FAILED, "memory ran out");
        result->broken = true;
    } else {
        ask_new(with, authplug_secret_span(old), words, result);
    }
    result->must_change = false;
    authplug_secret_free(&old);
    authplug_secret_free(&words);
}

/* Asks for the password of the password file. */
static void
run_password(connection *with, auth_result *result)
{
    static const authplug_ki_prompt prompt = {
        .text = {(const unsigned char *)"Password: ", 10}, .echo = false};

    ask_user(with, "Password authentication", authplug_span_of(""), &prompt,
             1, result);
    if (result->end == AUTH_PASSED)
        auth_password(with, with->request.replies[0], result);
    if (result->end == AUTH_PASSED && result->must_change &&
        with->config->change_plugin != NULL)
        run_change(with, result);
}

/* Whether a password that passed must be changed stays known. */
static void
run_submethod(connection *with, serve_submethod which, auth_result *result)
{
    result->broken = false;
    switch (which) {
    case SERVE_SUB_PLUGIN:
        plugin_kbdint(with, result);
        return;
    case SERVE_SUB_PASSWORD:
        result->plugin = NULL;
        run_password(with, result);
        return;
    case SERVE_SUB_COUNT:
        break;
    }
    auth_ends(result, AUTH_FAILED, "there is no such submethod");
}

/* What follows a failure comes no sooner than a refusal would. */
static bool
try_next(connection *with, auth_result *result)
{
    if (connection_sleep(with, connection_refusal(with)))
        return true;
    auth_ends(result, AUTH_OVER, "%s", with->over);
    return false;
}

static void
run_optional(connection *with, auth_result *result)
{
    const serve_submethods *list = &with->config->sub_optional;
    size_t needed = (size_t)with->config->optional_needed;

    for (size_t i = 0; needed > 0 && list->count - i >= needed; i++) {
        run_submethod(with, list->of[i], result);
        if (result->end == AUTH_PASSED)
            needed--;
        else if (result->end != AUTH_FAILED ||
                 list->count - i - 1 < needed || !try_next(with, result))
            return;
    }
}

void
kbdint_run(connection *with, auth_result *result)
{
    const serve_submethods *list = &with->config->sub_required;

    auth_ends(result, AUTH_FAILED, "there is no submethod to pass");
    for (size_t i = 0; i < list->count; i++) {
        run_submethod(with, list->of[i], result);
        if (result->end != AUTH_PASSED)
            return;
    }
    run_optional(with, result);
}
