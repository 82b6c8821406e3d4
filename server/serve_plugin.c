/* Conversations with plugins. */
#define _GNU_SOURCE
#include "server/serve_connection.h"

#include <authplug/text.h>

#include <stdlib.h>
#include <string.h>

/* what a refusal after a plugin's silence needs of the login's time */
#define SPARE_MS 1000

/* Two rounds' worth of text in a list, of which a line is a quarter. */
static const authplug_limits limits = {
    .frame = SERVE_ROUND_MAX,
    .prompts = SERVE_PROMPTS,
    .string = 16384,
    .rounds = 100,
    .buffered = 2 * SERVE_ROUND_MAX + 1024,
};

typedef struct talk {
    connection *with;
    const char *command;
} talk;

static void
on_stderr(void *context, authplug_span line)
{
    const talk *of = context;

    log_plugin(of->with, of->command, line);
}

/* ------------------------------------------------------------- starting */

/* Milliseconds that a plugin may have, user and all: when they are over there
 * is still time for a refusal as late as every other. */
static int64_t
time_for_plugin(const connection *with)
{
    return with->deadline - io_now() - with->config->failure_delay * 1000 -
           SPARE_MS;
}

static authplug_status
start(talk *of, authplug_tectia_kind kind, const authplug_tectia_pair *params,
      uint32_t count, authplug_tectia_host **host)
{
    const connection *with = of->with;
    int64_t time = time_for_plugin(with);
    authplug_tectia_host_options options = {
        .kind = kind,
        .command = of->command,
        .passwd_path = with->config->passwd_path,
        .debug_level = getenv("SSH_DEBUG_LEVEL"),
        .guarded = true, /* so that it ends even if we are killed */
        .timeout_ms = (int)time,
        .limits = &limits,
        .on_stderr = on_stderr,
        .context = of,
    };
    authplug_status status;

    if (time <= 0)
        return AUTHPLUG_TIMEOUT;
    bounds_memory(false);
    status = authplug_tectia_host_start(&options, params, count, host);
    bounds_memory(true);
    return status;
}

/* Starts one that gets to know about the login. */
static authplug_status
start_login(talk *of, authplug_tectia_kind kind, authplug_tectia_host **host)
{
    const connection *with = of->with;
    const authplug_tectia_pair params[] = {
        {authplug_span_of("user_name"), authplug_secret_span(with->user)},
        {authplug_span_of("host_ip"), authplug_span_of(with->host_ip)},
        {authplug_span_of("host_name"), authplug_span_of(with->host_name)},
        {authplug_span_of("remote_host_ip"), authplug_span_of(with->peer_ip)},
        {authplug_span_of("remote_host_name"),
         authplug_span_of(with->peer_ip)},
    };

    return start(of, kind, params, sizeof params / sizeof *params, host);
}

/* The plugin's next event, unless the client goes away first. */
static authplug_status
next(connection *with, authplug_tectia_host *host,
     authplug_tectia_event *event)
{
    authplug_status status;

    hangup_watch(with->fd);
    status = authplug_tectia_host_next(host, event);
    hangup_ignore(with->fd);
    return status;
}

/* It came to nothing: a signal, or a fault of the plugin's or the system's. */
static void
fail(connection *with, const authplug_tectia_host *host,
     authplug_status status, auth_result *result)
{
    const char *error = host == NULL ? "" : authplug_tectia_host_error(host);

    if (connection_signalled(with)) {
        auth_ends(result, AUTH_OVER, "%s", with->over);
        return;
    }
    auth_ends(result, AUTH_FAILED, "%s",
              error[0] != 0 ? error : authplug_status_text(status));
    result->broken = true;
}

/* ------------------------------------------------- keyboard-interactive */

/* Passes the user's replies on. False when that, or a verdict, ends it. */
static bool
answer(connection *with, authplug_tectia_host *host,
       const authplug_tectia_event *event, auth_result *result)
{
    authplug_status status;

    if (event->type == AUTHPLUG_TECTIA_VERDICT) {
        auth_ends(result, event->success ? AUTH_PASSED : AUTH_FAILED,
                  "the plugin says so");
        return false;
    }
    ask_user(with, "Plugin authentication", event->instruction,
             event->prompts, event->count, result);
    if (result->end != AUTH_PASSED)
        return false;
    status = authplug_tectia_host_replies(host, with->request.replies,
                                          with->request.count);
    if (status == AUTHPLUG_OK)
        return true;
    fail(with, host, status, result);
    result->broken = status != AUTHPLUG_VALUE && status != AUTHPLUG_LENGTH;
    return false;
}

void
plugin_kbdint(connection *with, auth_result *result)
{
    talk of = {with, with->config->kbdint_plugin};
    authplug_tectia_host *host = NULL;
    authplug_tectia_event event;
    authplug_status status = start_login(&of, AUTHPLUG_TECTIA_KBDINT, &host);

    result->plugin = of.command;
    while (status == AUTHPLUG_OK) {
        status = next(with, host, &event);
        if (status == AUTHPLUG_OK && !answer(with, host, &event, result))
            break;
    }
    if (status != AUTHPLUG_OK)
        fail(with, host, status, result);
    authplug_tectia_host_finish(&host);
}

/* ------------------------------------------------- change of passwords */

/* What of the plugin's words may be logged: nothing that repeats a password. */
static authplug_span
loggable(authplug_span words, authplug_span old, authplug_span new)
{
    authplug_span none = {NULL, 0};

    return words.len == 0 ||
                   memmem(words.data, words.len, old.data, old.len) != NULL ||
                   memmem(words.data, words.len, new.data, new.len) != NULL
               ? none
               : words;
}

/* A refusal's words are for the user as a whole or not at all. */
static void
take_refusal(const authplug_tectia_event *verdict, authplug_secret *message,
             auth_result *result)
{
    auth_ends(result, AUTH_FAILED, "the plugin refused the new password");
    if (authplug_text_safe(verdict->error_msg, AUTHPLUG_TEXT_UTF8, message) !=
        AUTHPLUG_OK)
        authplug_secret_clear(message);
}

void
plugin_change(connection *with, authplug_span old, authplug_span new,
              authplug_secret *message, auth_result *result)
{
    const authplug_tectia_pair params[] = {
        {authplug_span_of("user_name"), authplug_secret_span(with->user)},
        {authplug_span_of("old_password"), old},
        {authplug_span_of("new_password"), new},
    };
    talk of = {with, with->config->change_plugin};
    authplug_tectia_host *host = NULL;
    authplug_tectia_event event = {0};
    int64_t began = io_now();
    authplug_status status =
        start(&of, AUTHPLUG_TECTIA_PASSWD, params, 3, &host);

    result->plugin = of.command;
    result->broken = false;
    if (status == AUTHPLUG_OK)
        status = next(with, host, &event);
    if (status != AUTHPLUG_OK)
        fail(with, host, status, result);
    else if (event.success)
        auth_ends(result, AUTH_PASSED, "the plugin changed the password");
    else
        take_refusal(&event, message, result);
    log_change(with, result, loggable(event.error_msg, old, new),
               loggable(event.error_log, old, new), began);
    authplug_tectia_host_finish(&host);
}

/* ---------------------------------------------------- authorization */

static void
take_verdict(const authplug_tectia_event *verdict, authplug_secret *message,
             auth_result *result)
{
    int len = verdict->error_msg.len < 200 ? (int)verdict->error_msg.len : 200;

    if (verdict->success) {
        auth_ends(result, AUTH_PASSED, "the plugin says so");
        return;
    }
    result->must_change =
        verdict->code == AUTHPLUG_TECTIA_CODE_PASSWORD_TOO_OLD;
    if (result->must_change)
        auth_ends(result, AUTH_PASSED, "the password is too old%s%.*s",
                  len > 0 ? ": " : "", len,
                  (const char *)verdict->error_msg.data);
    else
        auth_ends(result, AUTH_FAILED, "the plugin says%s%.*s",
                  len > 0 ? ": " : " so", len,
                  (const char *)verdict->error_msg.data);
    if (len > 0 &&
        authplug_text_safe(verdict->error_msg, AUTHPLUG_TEXT_UTF8, message) ==
            AUTHPLUG_OK)
        (void)authplug_secret_append(message, "\r\n", 2);
}

void
plugin_authorize(connection *with, authplug_secret *message,
                 auth_result *result)
{
    talk of = {with, with->config->authorization};
    authplug_tectia_host *host = NULL;
    authplug_tectia_event event;
    authplug_status status =
        start_login(&of, AUTHPLUG_TECTIA_AUTHORIZE, &host);

    result->plugin = of.command;
    if (status == AUTHPLUG_OK)
        status = next(with, host, &event);
    if (status == AUTHPLUG_OK)
        take_verdict(&event, message, result);
    else
        fail(with, host, status, result);
    authplug_tectia_host_finish(&host);
}
