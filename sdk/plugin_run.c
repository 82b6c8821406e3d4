/* The plugin runtime: one conversation, from PLUGIN_INIT to end of input. */
#include <authplug/plugin.h>

#include "sdk/run.h"

#include <stdlib.h>

#define REASON_MAX 1024
#define LINGER 1000

struct authplug_session {
    const authplug_plugin *plugin;
    void *context;
    authplug_putty_plugin *engine;
    authplug_limits limits;
    run_link link;
    authplug_secret *host, *user, *chosen, *method, *reason;
    authplug_secret *body;       /* the server's request, being answered */
    authplug_ki_prompt *prompts; /* into body */
    authplug_ki_reply *reply;
    uint32_t port;
    bool in_init, in_answer, in_segment;
    bool refused;
    bool client_gone; /* no message will come or be read any more */
};

/* ------------------------------------------------------------- messages */

/* Sends what the engine has queued. A client that is gone is no error here:
 * the end of its output says so in order. */
static authplug_status
flush(authplug_session *session, int64_t deadline)
{
    authplug_span bytes = authplug_putty_plugin_output(session->engine);
    authplug_status status;

    if (bytes.len == 0)
        return AUTHPLUG_OK;
    status = io_write(session->link.out, bytes, deadline);
    authplug_putty_plugin_output_consume(session->engine, bytes.len);
    return status == AUTHPLUG_CLOSED ? AUTHPLUG_OK : status;
}

/* Takes what comes from the client, or its end; *len is 0 then. */
static authplug_status
take(authplug_session *session, size_t *len, int64_t deadline)
{
    unsigned char buffer[4096];
    authplug_status status =
        io_read(session->link.in, buffer, sizeof buffer, len, deadline);

    if (status != AUTHPLUG_OK)
        return status;
    if (*len == 0)
        authplug_putty_plugin_eof(session->engine);
    else
        status = authplug_putty_plugin_feed(session->engine, buffer, *len);
    authplug_wipe(buffer, *len);
    return status;
}

/* Sends what is queued, then waits for the client's next message. */
static authplug_status
receive(authplug_session *session, authplug_putty_message *message)
{
    int64_t deadline = run_deadline(&session->link);
    authplug_status status = flush(session, deadline);
    size_t len;

    while (status == AUTHPLUG_OK) {
        status = authplug_putty_plugin_next(session->engine, message);
        if (status != AUTHPLUG_NEED_MORE)
            break;
        status = take(session, &len, deadline);
    }
    if (status == AUTHPLUG_OK && message->type == AUTHPLUG_PUTTY_EOF)
        session->client_gone = true;
    return status;
}

/* Copies without NUL and control characters, as a C string. */
static authplug_status
keep_clean(authplug_secret *to, authplug_span text)
{
    authplug_status status = AUTHPLUG_OK;

    authplug_secret_clear(to);
    for (size_t i = 0; i < text.len && status == AUTHPLUG_OK; i++)
        if (text.data[i] >= 0x20 && text.data[i] != 0x7f)
            status = authplug_secret_append(to, text.data + i, 1);
    if (status == AUTHPLUG_OK && authplug_secret_text(to) == NULL)
        status = AUTHPLUG_NOMEM;
    return status;
}

/* Terminated by keep_clean() or when the session was made. */
static const char *
clean(const authplug_secret *text)
{
    return (const char *)authplug_secret_span(text).data;
}

/* ------------------------------------------------ what plugins may call */

const char *
authplug_session_host(const authplug_session *session)
{
    return clean(session->host);
}

uint32_t
authplug_session_port(const authplug_session *session)
{
    return session->port;
}

const char *
authplug_session_user(const authplug_session *session)
{
    return clean(session->user);
}

authplug_status
authplug_session_set_user(authplug_session *session, const char *user)
{
    authplug_span wanted = authplug_span_of(user);
    authplug_status status;

    if (!session->in_init)
        return AUTHPLUG_STATE;
    status = keep_clean(session->chosen, wanted);
    if (status == AUTHPLUG_OK &&
        authplug_secret_len(session->chosen) != wanted.len)
        status = AUTHPLUG_VALUE;
    if (status != AUTHPLUG_OK)
        authplug_secret_clear(session->chosen);
    return status;
}

bool
authplug_session_refuse(authplug_session *session, const char *reason)
{
    session->refused = true;
    if (authplug_secret_len(session->reason) == 0)
        (void)keep_clean(session->reason, authplug_span_of(reason));
    return false;
}

bool
authplug_session_answer(authplug_session *session, authplug_span answer)
{
    if (!session->in_answer)
        return false;
    if (authplug_span_has(answer, 0))
        return authplug_session_refuse(
            session, "an answer holds a NUL, which no server accepts");
    if (authplug_ki_reply_add(session->reply, answer) != AUTHPLUG_OK)
        return authplug_session_refuse(session,
                                       "an answer is too long to be sent");
    return true;
}

bool
authplug_session_answer_text(authplug_session *session, const char *answer)
{
    return authplug_session_answer(session, authplug_span_of(answer));
}

authplug_status
authplug_session_ask(authplug_session *session,
                     const authplug_ki_request *request,
                     authplug_ki_response *response)
{
    authplug_putty_message message;
    authplug_status status;

    if (!session->in_answer)
        return AUTHPLUG_STATE;
    if (session->client_gone)
        return AUTHPLUG_CLOSED;
    status = authplug_putty_plugin_user_request(session->engine, request);
    if (status == AUTHPLUG_OK)
        status = receive(session, &message);
    if (status != AUTHPLUG_OK)
        return status;
    if (message.type != AUTHPLUG_PUTTY_KI_USER_RESPONSE)
        return AUTHPLUG_CLOSED;
    *response = message.response;
    return AUTHPLUG_OK;
}

authplug_status
authplug_session_ask_one(authplug_session *session, const char *instruction,
                         const char *prompt, bool echo, authplug_span *answer)
{
    authplug_ki_prompt one = {authplug_span_of(prompt), echo};
    authplug_ki_request request = {0};
    authplug_ki_response response;
    authplug_status status;

    request.name = authplug_span_of(session->link.name);
    request.instruction = authplug_span_of(instruction);
    request.count = 1;
    request.prompts = &one;
    status = authplug_session_ask(session, &request, &response);
    if (status == AUTHPLUG_OK)
        *answer = response.answers[0];
    return status;
}

/* What the client says out of turn is found when we answer; until then it is
 * kept, within the limits. */
authplug_status
authplug_session_wait(authplug_session *session, int milliseconds)
{
    int64_t deadline = io_deadline(milliseconds > 0 ? milliseconds : 0);
    authplug_status status = AUTHPLUG_OK;
    size_t len;

    if (!session->in_answer)
        return AUTHPLUG_STATE;
    while (status == AUTHPLUG_OK && !session->client_gone) {
        status = take(session, &len, deadline);
        session->client_gone = status == AUTHPLUG_OK && len == 0;
    }
    return session->client_gone ? AUTHPLUG_CLOSED : status;
}

/* -------------------------------------------------------- the messages */

static void
tell_outcome(authplug_session *session, authplug_outcome outcome)
{
    if (!session->in_segment)
        return;
    session->in_segment = false;
    if (session->plugin->outcome != NULL)
        session->plugin->outcome(session, outcome, session->context);
}

static authplug_status
on_init(authplug_session *session, const authplug_putty_message *message)
{
    authplug_status status = keep_clean(session->host, message->hostname);
    bool go = true;

    if (status == AUTHPLUG_OK)
        status = keep_clean(session->user, message->username);
    if (status != AUTHPLUG_OK)
        return status;
    session->port = message->port;
    if (authplug_putty_plugin_version(session->engine) == 0)
        go = authplug_session_refuse(
            session, "no version of the plugin protocol in common");
    session->in_init = true;
    if (go && session->plugin->init != NULL)
        go = session->plugin->init(session, session->context);
    session->in_init = false;
    if (go)
        return authplug_putty_plugin_init_response(
            session->engine, authplug_secret_span(session->chosen));
    (void)authplug_session_refuse(session, "the plugin gave no reason");
    return authplug_putty_plugin_init_failure(
        session->engine, authplug_secret_span(session->reason));
}

static authplug_status
on_protocol(authplug_session *session, const authplug_putty_message *message)
{
    authplug_status status = keep_clean(session->method, message->method);
    bool go;

    if (status != AUTHPLUG_OK)
        return status;
    go = authplug_span_is(message->method, AUTHPLUG_KI_METHOD);
    authplug_secret_clear(session->reason);
    if (go && session->plugin->accept != NULL)
        go = session->plugin->accept(session, clean(session->method),
                                     session->context);
    session->in_segment = go;
    if (go)
        return authplug_putty_plugin_protocol_accept(session->engine);
    /* an empty text says: not supported, and nothing to tell the user */
    return authplug_putty_plugin_protocol_reject(
        session->engine, authplug_secret_span(session->reason));
}

/*
 * There is no message for "I cannot answer this". The user is told why in a
 * request without prompts; then our output ends, which ends the attempt.
 */
static authplug_status
give_up(authplug_session *session)
{
    authplug_ki_request notice = {0};
    authplug_ki_response ignored;

    (void)authplug_session_refuse(session, "the plugin has no answer");
    notice.name = authplug_span_of(session->link.name);
    notice.instruction = authplug_secret_span(session->reason);
    (void)authplug_session_ask(session, &notice, &ignored);
    return AUTHPLUG_REFUSED;
}

static authplug_status
on_request(authplug_session *session, const authplug_putty_message *message)
{
    authplug_ki_request request;
    authplug_status status;
    bool go;

    /* a copy, because asking the user ends the life of the message */
    authplug_secret_clear(session->body);
    status = authplug_secret_append(session->body, message->request.raw.data,
                                    message->request.raw.len);
    if (status == AUTHPLUG_OK)
        status = authplug_ki_request_parse(authplug_secret_span(session->body),
                                           &session->limits, session->prompts,
                                           &request, NULL);
    if (status != AUTHPLUG_OK)
        return status;
    authplug_ki_reply_clear(session->reply);
    session->in_answer = true;
    go = session->plugin->answer(session, &request, session->context);
    if (go && authplug_ki_reply_count(session->reply) != request.count)
        go = authplug_session_refuse(session,
                                     "the plugin did not answer every prompt");
    status = AUTHPLUG_OK;
    if (!go && !session->client_gone)
        status = give_up(session);
    session->in_answer = false;
    if (status == AUTHPLUG_OK && !session->client_gone)
        status = authplug_putty_plugin_server_response(session->engine,
                                                       session->reply);
    authplug_ki_reply_clear(session->reply);
    return status;
}

static authplug_status
handle(authplug_session *session, const authplug_putty_message *message)
{
    switch (message->type) {
    case AUTHPLUG_PUTTY_INIT:
        return on_init(session, message);
    case AUTHPLUG_PUTTY_PROTOCOL:
        tell_outcome(session, AUTHPLUG_OUTCOME_UNKNOWN);
        return on_protocol(session, message);
    case AUTHPLUG_PUTTY_KI_SERVER_REQUEST:
        return on_request(session, message);
    case AUTHPLUG_PUTTY_AUTH_SUCCESS:
        tell_outcome(session, AUTHPLUG_OUTCOME_SUCCESS);
        break;
    case AUTHPLUG_PUTTY_AUTH_FAILURE:
        tell_outcome(session, AUTHPLUG_OUTCOME_FAILURE);
        break;
    case AUTHPLUG_PUTTY_EOF:
    case AUTHPLUG_PUTTY_INIT_RESPONSE:
    case AUTHPLUG_PUTTY_INIT_FAILURE:
    case AUTHPLUG_PUTTY_PROTOCOL_ACCEPT:
    case AUTHPLUG_PUTTY_PROTOCOL_REJECT:
    case AUTHPLUG_PUTTY_KI_SERVER_RESPONSE:
    case AUTHPLUG_PUTTY_KI_USER_REQUEST:
    case AUTHPLUG_PUTTY_KI_USER_RESPONSE:
        break;
    }
    return AUTHPLUG_OK;
}

/* -------------------------------------------------------------- the run */

static bool
open_session(authplug_session *session)
{
    static const authplug_limits standard = AUTHPLUG_LIMITS_DEFAULT;
    authplug_secret **texts[] = {&session->host, &session->user,
                                 &session->chosen, &session->method};
    bool good = true;

    session->limits =
        session->plugin->limits ? *session->plugin->limits : standard;
    session->engine = authplug_putty_plugin_new(&session->limits);
    session->reply = authplug_ki_reply_new(&session->limits);
    session->body = authplug_secret_new(session->limits.frame);
    session->reason = authplug_secret_new(REASON_MAX);
    session->prompts =
        calloc(session->limits.prompts, sizeof *session->prompts);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i] = authplug_secret_new((size_t)session->limits.string + 1);
        good = good && *texts[i] != NULL &&
               authplug_secret_text(*texts[i]) != NULL;
    }
    return good && session->engine != NULL && session->reply != NULL &&
           session->body != NULL && session->reason != NULL &&
           session->prompts != NULL;
}

static void
close_session(authplug_session *session)
{
    authplug_putty_plugin_free(&session->engine);
    authplug_ki_reply_free(&session->reply);
    authplug_secret_free(&session->host);
    authplug_secret_free(&session->user);
    authplug_secret_free(&session->chosen);
    authplug_secret_free(&session->method);
    authplug_secret_free(&session->reason);
    authplug_secret_free(&session->body);
    free(session->prompts);
}

/*
 * Some clients hang when a plugin stops reading before they close: read on
 * until they do. Not for long: a client that started us through a shell sees
 * our end only when we are gone, because the shell has our output open too.
 */
static void
linger(authplug_session *session)
{
    int64_t deadline = io_deadline(LINGER);
    char buffer[4096];
    size_t len = 1;

    while (!session->client_gone && len > 0 &&
           io_read(session->link.in, buffer, sizeof buffer, &len, deadline) ==
               AUTHPLUG_OK)
        authplug_wipe(buffer, sizeof buffer);
}

static int
converse(authplug_session *session)
{
    authplug_putty_message message = {0};
    authplug_status status = AUTHPLUG_OK;
    authplug_fault fault;

    while (status == AUTHPLUG_OK && !session->client_gone) {
        status = receive(session, &message);
        if (status == AUTHPLUG_OK)
            status = handle(session, &message);
    }
    tell_outcome(session, AUTHPLUG_OUTCOME_UNKNOWN);
    if (status == AUTHPLUG_OK)
        return session->refused ? RUN_REFUSED : RUN_OK;
    if (status == AUTHPLUG_REFUSED) {
        io_close(session->link.out);
        linger(session);
        return RUN_REFUSED;
    }
    fault = authplug_putty_plugin_fault(session->engine);
    if (fault.status == AUTHPLUG_OK)
        return run_complain(&session->link, "%s", authplug_status_text(status));
    return run_complain(&session->link, "%s%s%s at byte %lu: expected %s",
                        fault.message, fault.message[0] ? ": " : "",
                        authplug_status_text(status),
                        (unsigned long)fault.offset, fault.text);
}

int
authplug_plugin_run(const authplug_plugin *plugin, void *context)
{
    authplug_session session = {0};
    int result;

    session.plugin = plugin;
    session.context = context;
    session.link.name = plugin->name ? plugin->name : "plugin";
    session.link.timeout_ms = plugin->timeout_ms;
    if (plugin->answer == NULL)
        return run_complain(&session.link, "the plugin has no answer function");
    result = run_open(&session.link, getenv("AUTHPLUG_LOG"), "client", "putty");
    if (result != RUN_OK)
        return result;
    if (open_session(&session))
        result = converse(&session);
    else
        result = run_complain(&session.link,
                              "out of memory, or limits make no sense");
    close_session(&session);
    return result;
}
