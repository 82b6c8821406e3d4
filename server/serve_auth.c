/* The login: methods, what they came to, and what may follow. */
#define _GNU_SOURCE
#include "server/serve_connection.h"

#include "server/accounts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* requests in a login that are no tries: none, and methods not here */
#define REQUESTS_SPARE 14
#define USER_NAME_MAX 255
#define MESSAGE_MAX 65536

typedef struct auth_state {
    connection *with;
    const serve_config *config;
    unsigned passed, exhausted; /* methods */
    long kbdint_tries, password_tries;
    unsigned requests;
    bool must_change;
} auth_state;

void
auth_ends(auth_result *result, auth_end end, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(result->reason, sizeof result->reason, format, arguments);
    va_end(arguments);
    result->end = end;
}

/* ------------------------------------------------------------ what is left */

/* The methods of which one more brings the login forward. */
static unsigned
offered(const auth_state *state)
{
    unsigned methods = state->config->required != 0
                           ? state->config->required & ~state->passed
                           : state->config->allowed;

    return methods & ~state->exhausted;
}

/* Whether the login can still succeed. */
static bool
is_possible(const auth_state *state)
{
    unsigned required = state->config->required & ~state->passed;

    return required != 0 ? (required & state->exhausted) == 0
                         : offered(state) != 0;
}

static bool
is_complete(const auth_state *state)
{
    return state->config->required != 0
               ? (state->config->required & ~state->passed) == 0
               : state->passed != 0;
}

/* -------------------------------------------------------------- replying */

/* Never called with nothing to offer: libssh would make up a list. */
static bool
reply_failure(const auth_state *state, bool partial)
{
    connection *with = state->with;
    unsigned methods = offered(state);
    int flags = (methods & SERVE_KBDINT ? SSH_AUTH_METHOD_INTERACTIVE : 0) |
                (methods & SERVE_PASSWORD ? SSH_AUTH_METHOD_PASSWORD : 0);

    ssh_set_auth_methods(with->session, flags);
    if ((partial ? ssh_message_auth_reply_success(with->message, 1)
                 : ssh_message_reply_default(with->message)) != SSH_OK)
        return connection_end(with, "the connection broke");
    return connection_flush(with);
}

/* Words for the user, before what they explain. */
static bool
tell(connection *with, const char *text)
{
    ssh_string line = ssh_string_from_char(text);
    int result = line == NULL ? SSH_ERROR
                              : ssh_send_issue_banner(with->session, line);

    ssh_string_free(line);
    return result == SSH_OK ? connection_flush(with)
                            : connection_end(with, "the connection broke");
}

/* Ends the connection, saying so to the client. */
static bool
disconnect(connection *with, const char *text, const char *why)
{
    (void)connection_end(with, why);
    if (with->over == why &&
        ssh_session_set_disconnect_message(with->session, text) == SSH_OK)
        ssh_disconnect(with->session);
    return false;
}

/* ----------------------------------------------------------- the passwords */

void
auth_password(connection *with, authplug_span password, auth_result *result)
{
    const serve_config *config = with->config;
    const char *user = authplug_secret_text(with->user), *error = "";

    result->must_change = false;
    switch (user == NULL ? ACCOUNTS_NO
                         : accounts_check(config->password_file, user,
                                          password, &error)) {
    case ACCOUNTS_YES:
        auth_ends(result, AUTH_PASSED, "the password is right");
        return;
    case ACCOUNTS_EXPIRED:
        auth_ends(result, AUTH_PASSED, "the password is right and must be "
                                       "changed");
        result->must_change = true;
        return;
    case ACCOUNTS_BROKEN:
        auth_ends(result, AUTH_FAILED, "%s", error);
        result->broken = true;
        return;
    case ACCOUNTS_NO:
        break;
    }
    auth_ends(result, AUTH_FAILED, "the password is wrong, or the user not "
                                   "known");
}

/* A request with an old and a new password is never a login with the old. */
static void
run_password(connection *with, auth_result *result)
{
    if (with->config->change_plugin != NULL)
        changereq_run(with, result);
    else if (with->request.change)
        auth_ends(result, AUTH_FAILED,
                  "a change of the password was asked for, and there is no "
                  "AuthPassword.ChangePlugin");
    else
        auth_password(with, with->request.password, result);
}

/* ------------------------------------------------------------ the end of it */

/* Refuses somebody who is who they say. */
static bool
refuse_access(connection *with, const char *message)
{
    if (!connection_sleep(with, connection_refusal(with)))
        return false;
    if (message[0] != 0 && !tell(with, message))
        return false;
    return disconnect(with, "Access denied", "access was denied");
}

/* Without a program to change it, a password that is too old is the end. */
static void
require_change(auth_state *state, authplug_secret *message,
               auth_result *result)
{
    static const char words[] = "Your password is too old.\r\n";
    char reason[sizeof result->reason];

    state->must_change = true;
    if (state->config->passwd_path != NULL)
        return;
    memcpy(reason, result->reason, sizeof reason);
    auth_ends(result, AUTH_FAILED, "there is no PasswdPath, and %.200s",
              reason);
    (void)authplug_secret_append(message, words, sizeof words - 1);
}

/* Asks ExternalAuthorizationProgram, if there is one. */
static bool
authorize(auth_state *state)
{
    connection *with = state->with;
    authplug_secret *message = authplug_secret_new(MESSAGE_MAX);
    auth_result result = {.end = AUTH_FAILED};
    const char *text;
    int64_t began = io_now();
    bool good = false;

    if (message == NULL)
        return connection_end(with, "memory ran out");
    plugin_authorize(with, message, &result);
    if (result.end == AUTH_PASSED && result.must_change)
        require_change(state, message, &result);
    log_decision(with, "authorization", auth_outcome(&result), &result,
                 began);
    text = authplug_secret_text(message);
    if (text == NULL)
        text = "";
    if (result.end == AUTH_PASSED)
        good = text[0] == 0 || tell(with, text);
    else if (result.end == AUTH_FAILED)
        (void)refuse_access(with, text);
    authplug_secret_free(&message);
    return good;
}

/* All that had to pass has. */
static bool
let_in(auth_state *state)
{
    connection *with = state->with;

    if (state->config->authorization != NULL && !authorize(state))
        return false;
    if (state->must_change &&
        !tell(with, "Your password has expired: change it now, then log in "
                    "anew.\r\n"))
        return false;
    /* that it is neither too late, nor are we to end */
    if (!connection_sleep(with, 0))
        return false;
    if (ssh_message_auth_reply_success(with->message, 0) != SSH_OK)
        return connection_end(with, "the connection broke");
    log_event(with, "login", "accepted",
              state->must_change ? "to change the password" : NULL);
    (void)connection_flush(with); /* a client that went away now was let in */
    return true;
}

/* --------------------------------------------------------------- methods */

/* A name that neither a plugin nor a file can be asked about. */
static bool
is_user_name(authplug_span name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] < 0x20 || name.data[i] == 0x7f)
            return false;
    return name.len > 0 && name.len <= USER_NAME_MAX;
}

/* Counts the try; the last one leaves no other. */
static void
count_try(auth_state *state, unsigned method)
{
    bool kbdint = method == SERVE_KBDINT;
    long *tries = kbdint ? &state->kbdint_tries : &state->password_tries;
    long most = kbdint ? state->config->kbdint_retries
                       : state->config->password_guesses;

    if (++*tries >= most)
        state->exhausted |= method;
}

const char *
auth_outcome(const auth_result *result)
{
    return result->end == AUTH_PASSED ? "accepted"
           : result->broken           ? "error"
                                      : "rejected";
}

static bool
give_up(auth_state *state)
{
    return disconnect(state->with, "Too many authentication failures",
                      "there were too many failures");
}

/* A refusal: the same, and no sooner, whatever its reason. */
static bool
refuse(auth_state *state)
{
    connection *with = state->with;

    if (!connection_sleep(with, connection_refusal(with)))
        return false;
    return is_possible(state) ? reply_failure(state, false) : give_up(state);
}

/* One try of a method; false when the connection is over. */
static bool
try_method(auth_state *state, unsigned method)
{
    connection *with = state->with;
    auth_result result = {.end = AUTH_FAILED};
    bool kbdint = method == SERVE_KBDINT;
    int64_t began = io_now();

    count_try(state, method);
    if (!is_user_name(authplug_secret_span(with->user)))
        auth_ends(&result, AUTH_FAILED, "the name of the user cannot be "
                                        "passed on");
    else if (kbdint)
        kbdint_run(with, &result);
    else
        run_password(with, &result);
    log_decision(with, kbdint ? "keyboard-interactive" : "password",
                 auth_outcome(&result), &result, began);
    if (result.end == AUTH_FAILED)
        return refuse(state);
    if (result.end == AUTH_ABANDONED)
        return is_possible(state) || give_up(state);
    if (result.end == AUTH_OVER)
        return false;
    state->passed |= method;
    state->must_change = state->must_change || result.must_change;
    return is_complete(state) || reply_failure(state, true);
}

/* RFC 4252 section 5: what was passed was passed by this user. */
static bool
check_user(auth_state *state)
{
    connection *with = state->with;
    const auth_request *request = &with->request;
    bool good = authplug_span_is(request->service, "ssh-connection");

    if (state->requests == 1)
        good = good &&
               authplug_secret_append(with->user, request->user.data,
                                      request->user.len) == AUTHPLUG_OK;
    else
        good = good && authplug_secret_equal(
                           request->user, authplug_secret_span(with->user));
    return good || disconnect(with, "Change of username or service not allowed",
                              "the user or the service is another one now");
}

/* Requests of all kinds in a login. */
static unsigned
requests_most(const serve_config *config)
{
    return REQUESTS_SPARE +
           (unsigned)(config->kbdint_retries + config->password_guesses);
}

static bool
handle(auth_state *state)
{
    connection *with = state->with;
    unsigned method = with->request.kind == REQUEST_KBDINT     ? SERVE_KBDINT
                      : with->request.kind == REQUEST_PASSWORD ? SERVE_PASSWORD
                                                               : 0;

    if (with->request.kind == REQUEST_REPLIES)
        return connection_end(with, "the client replied without being asked");
    if (++state->requests > requests_most(state->config))
        return give_up(state);
    if (!check_user(state))
        return false;
    return (method & offered(state)) != 0 ? try_method(state, method)
                                          : reply_failure(state, false);
}

bool
auth_run(connection *with, bool *must_change)
{
    auth_state state = {.with = with, .config = with->config};

    while (!is_complete(&state))
        if (!request_next(with) || !handle(&state))
            return false;
    if (!let_in(&state))
        return false;
    *must_change = state.must_change;
    return true;
}
