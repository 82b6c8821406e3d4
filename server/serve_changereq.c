/*
 * A change of the password in the method `password` (RFC 4252 section 8).
 *
 * libssh has no call that sends SSH_MSG_USERAUTH_PASSWD_CHANGEREQ. But it has
 * one for SSH_MSG_USERAUTH_PK_OK, and that is the same message: its number is
 * 60, too, as numbers from 60 on are each method's own, and two strings follow,
 * there the name of an algorithm and a key, here a prompt and the tag of its
 * language. The call sends any two.
 *
 * The client's answer is a request for the method with a flag, the old password
 * and the new one, of which libssh knows the old one only: it comes from the
 * captured packet (serve_request.c). One that nobody asked for is as good.
 */
#define _GNU_SOURCE
#include "server/serve_connection.h"

static bool
send_request(connection *with, const char *prompt)
{
    ssh_string text = ssh_string_from_char(prompt);
    ssh_string language = ssh_string_from_char("");
    bool good = text != NULL && language != NULL &&
                ssh_message_auth_reply_pk_ok(with->message, text, language) ==
                    SSH_OK;

    ssh_string_free(text);
    ssh_string_free(language);
    return good ? connection_flush(with)
                : connection_end(with, "the connection broke");
}

/* Whether the request is the answer, of the user who was asked. */
static bool
is_change(const connection *with)
{
    const auth_request *request = &with->request;

    return request->kind == REQUEST_PASSWORD && request->change &&
           authplug_span_is(request->service, "ssh-connection") &&
           authplug_secret_equal(request->user,
                                 authplug_secret_span(with->user));
}

/* Asks for a change: AUTH_PASSED when connection.request then is one. */
static void
ask_change(connection *with, const char *prompt, auth_result *result)
{
    if (!send_request(with, prompt != NULL ? prompt : CHANGE_AGAIN) ||
        !request_next(with)) {
        auth_ends(result, AUTH_OVER, "%s", with->over);
    } else if (!is_change(with)) {
        request_unread(with);
        auth_ends(result, AUTH_ABANDONED,
                  "the client asked for something else");
    } else {
        result->end = AUTH_PASSED;
    }
}

/* Whether there were as many as may be; the login goes on without them. */
static bool
was_last(const connection *with, auth_result *result)
{
    if (with->changes < with->config->password_guesses)
        return false;
    auth_ends(result, AUTH_FAILED, "there were too many changes of the "
                                   "password");
    return true;
}

/*
 * Handles one, whose old password is first looked at as any other is. False
 * when this is the end of it: the password was changed, the old one is wrong,
 * the change failed, or it was one too many.
 */
static bool
take_change(connection *with, authplug_secret *words, auth_result *result)
{
    const auth_request *request = &with->request;
    authplug_span none = {NULL, 0};
    int64_t began = io_now();

    result->plugin = NULL;
    auth_password(with, request->password, result);
    if (result->end != AUTH_PASSED || was_last(with, result)) {
        log_change(with, result, none, none, began);
        return false;
    }
    with->changes++;
    change_password(with, request->password, request->new_password, NULL,
                    words, result);
    return result->end == AUTH_FAILED && !result->broken &&
           with->changes < with->config->password_guesses;
}

void
changereq_run(connection *with, auth_result *result)
{
    authplug_secret *words;

    if (!with->request.change) {
        auth_password(with, with->request.password, result);
        if (result->end != AUTH_PASSED || !result->must_change ||
            was_last(with, result))
            return;
        ask_change(with, CHANGE_EXPIRED, result);
        if (result->end != AUTH_PASSED)
            return;
    }
    words = authplug_secret_new(CHANGE_WORDS);
    if (words == NULL) {
        auth_ends(result, AUTH_FAILED, "memory ran out");
        result->broken = true;
        return;
    }
    while (take_change(with, words, result)) {
        ask_change(with, authplug_secret_text(words), result);
        if (result->end != AUTH_PASSED)
            break;
    }
    authplug_secret_free(&words);
}
