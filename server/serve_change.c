/* A new password: what it must be before AuthPassword.ChangePlugin is asked to
 * make it the user's, and what the user is told of one that is refused. */
#define _GNU_SOURCE
#include "server/serve_connection.h"

#include "server/accounts.h"

#include <string.h>

static bool
add(authplug_secret *to, const char *text)
{
    return authplug_secret_append(to, text, strlen(text)) == AUTHPLUG_OK;
}

/* What is wrong with it, as a clause; NULL when it will do. The plugin's
 * protocol is lines, and the password file has its bounds. */
static const char *
complaint(authplug_span old, authplug_span new, const authplug_span *again)
{
    if (again != NULL && !authplug_secret_equal(*again, new))
        return "the new passwords do not match";
    if (new.len == 0)
        return "the new password is empty";
    if (new.len > ACCOUNTS_PASSWORD_MOST)
        return "the new password is too long";
    if (authplug_span_has(new, '\n') || authplug_span_has(new, '\r'))
        return "the new password holds a line end";
    if (authplug_span_has(new, 0))
        return "the new password holds a NUL";
    if (authplug_secret_equal(new, old))
        return "the new password is the old one";
    return NULL;
}

/* The clause as a sentence. */
static void
tell_complaint(authplug_secret *words, const char *clause)
{
    (void)(add(words, "T") && add(words, clause + 1));
}

/* What comes last: it may have been a sentence, or was nothing at all. */
static void
ask_for_another(authplug_secret *words)
{
    authplug_span said = authplug_secret_span(words);
    bool good = said.len > 0 || add(words, "The password was not changed.");

    if (said.len > 0 && memchr(".!?", said.data[said.len - 1], 3) == NULL)
        good = add(words, ".");
    if (!good || !add(words, " Choose another one."))
        authplug_secret_clear(words);
}

void
change_password(connection *with, authplug_span old, authplug_span new,
                const authplug_span *again, authplug_secret *words,
                auth_result *result)
{
    const char *clause = complaint(old, new, again);
    authplug_span none = {NULL, 0};
    int64_t began = io_now();

    authplug_secret_clear(words);
    if (clause != NULL) {
        result->plugin = NULL;
        result->broken = false;
        auth_ends(result, AUTH_FAILED, "%s", clause);
        log_change(with, result, none, none, began);
        tell_complaint(words, clause);
    } else {
        plugin_change(with, old, new, words, result);
    }
    if (result->end == AUTH_PASSED)
        result->must_change = false;
    else
        ask_for_another(words);
}
