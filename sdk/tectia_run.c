/* The runtime of server plugins: parameters, rounds of questions, verdict. */
#include <authplug/tectia_run.h>

#include "sdk/run.h"

#include <stdlib.h>
#include <string.h>

struct authplug_tectia_session {
    run_link link;
    authplug_limits limits;
    authplug_tectia_plugin *engine;
    /* what the server said outlives the engine's events here, as C strings:
     * keys and values in turn; replies */
    authplug_secret *params, *replies;
    authplug_secret *texts;      /* of the prompts to be asked, end to end */
    authplug_ki_prompt *prompts; /* limits.prompts; without data until asked */
    uint32_t count;
    authplug_secret *error_msg, *error_log;
    authplug_tectia_code code;
    bool refused;
    bool broken; /* a question failed, or the server did: access is denied */
};

/* ------------------------------------------------------------- messages */

/* The first reason is said: what comes after it is its consequence. */
static void
fail(authplug_tectia_session *session, const char *what)
{
    if (!session->broken)
        (void)run_complain(&session->link, "%s", what);
    session->broken = true;
}

static void
explain(authplug_tectia_session *session, authplug_status status)
{
    authplug_fault fault = authplug_tectia_plugin_fault(session->engine);

    if (fault.status != AUTHPLUG_OK && !session->broken) {
        (void)run_complain(&session->link,
                           "the server's %s, line %lu: %s: expected %s",
                           fault.message, (unsigned long)fault.offset,
                           authplug_status_text(fault.status), fault.text);
        session->broken = true;
    }
    switch ((int)status) {
    case AUTHPLUG_CLOSED:
        fail(session, "the server went away before the verdict");
        break;
    case AUTHPLUG_TIMEOUT:
        fail(session, "the server did not speak in time");
        break;
    case AUTHPLUG_STATE:
        fail(session, "only plugins of AUTHPLUG_TECTIA_KBDINT can ask");
        break;
    case AUTHPLUG_VALUE:
        fail(session, "a question holds CR or LF: give each line a prompt");
        break;
    default:
        fail(session, authplug_status_text(status));
    }
}

/* Sends what the engine has queued. CLOSED when the server went away. */
static authplug_status
flush(authplug_tectia_session *session, int64_t deadline)
{
    authplug_span bytes = authplug_tectia_plugin_output(session->engine);
    authplug_status status = io_write(session->link.out, bytes, deadline);

    authplug_tectia_plugin_output_consume(session->engine, bytes.len);
    return status;
}

/* Sends what is queued, then waits for the server's next list, of this type. */
static authplug_status
receive(authplug_tectia_session *session, authplug_tectia_type type,
        authplug_tectia_event *event)
{
    int64_t deadline = run_deadline(&session->link);
    authplug_status status = flush(session, deadline);
    unsigned char buffer[4096];
    size_t len;

    while (status == AUTHPLUG_OK) {
        status = authplug_tectia_plugin_next(session->engine, event);
        if (status != AUTHPLUG_NEED_MORE)
            break;
        status =
            io_read(session->link.in, buffer, sizeof buffer, &len, deadline);
        if (status == AUTHPLUG_OK && len == 0)
            authplug_tectia_plugin_eof(session->engine);
        else if (status == AUTHPLUG_OK)
            status = authplug_tectia_plugin_feed(session->engine, buffer, len);
        if (status == AUTHPLUG_OK)
            authplug_wipe(buffer, len);
    }
    if (status == AUTHPLUG_OK && event->type != type)
        status = AUTHPLUG_CLOSED;
    return status;
}

/* Adds a value as a C string. The engine lets no NUL in. */
static authplug_status
keep(authplug_secret *to, authplug_span value)
{
    authplug_status status = authplug_secret_append(to, value.data, value.len);

    return status == AUTHPLUG_OK ? authplug_secret_append(to, "", 1) : status;
}

/* The C string after this one, NULL after the last; the first after NULL. */
static const char *
following(const authplug_secret *strings, const char *one)
{
    authplug_span all = authplug_secret_span(strings);
    const char *first = (const char *)all.data;

    one = one == NULL ? first : one + strlen(one) + 1;
    return all.len > 0 && one < first + all.len ? one : NULL;
}

/* ------------------------------------------------ what plugins may call */

const char *
authplug_tectia_session_param(const authplug_tectia_session *session,
                              const char *key)
{
    const char *at = NULL, *found = "";

    while ((at = following(session->params, at)) != NULL) {
        bool same = strcmp(at, key) == 0;

        at = following(session->params, at);
        if (same)
            found = at;
    }
    return found;
}

const char *
authplug_tectia_session_reply(const authplug_tectia_session *session,
                              uint32_t n)
{
    const char *at = following(session->replies, NULL);

    while (at != NULL && n-- > 0)
        at = following(session->replies, at);
    return at != NULL ? at : "";
}

void
authplug_tectia_session_prompt(authplug_tectia_session *session,
                               const char *prompt, bool echo)
{
    authplug_span text = authplug_span_of(prompt);
    authplug_ki_prompt *next = &session->prompts[session->count];
    authplug_status status = AUTHPLUG_LIMIT;

    if (session->count < session->limits.prompts)
        status = authplug_secret_append(session->texts, text.data, text.len);
    if (status != AUTHPLUG_OK) {
        explain(session, status);
        return;
    }
    next->text.len = text.len;
    next->echo = echo;
    session->count++;
}

/* Queues the question. The texts move while they grow, so that the prompts can
 * point to them only now. */
static authplug_status
question(authplug_tectia_session *session, const char *instruction)
{
    authplug_span texts = authplug_secret_span(session->texts);
    authplug_status status;
    size_t at = 0;

    for (uint32_t i = 0; i < session->count; i++) {
        authplug_span *text = &session->prompts[i].text;

        text->data = text->len > 0 ? texts.data + at : NULL;
        at += text->len;
    }
    status = authplug_tectia_plugin_request(session->engine,
                                            authplug_span_of(instruction),
                                            session->prompts, session->count);
    session->count = 0;
    authplug_secret_clear(session->texts);
    return status;
}

bool
authplug_tectia_session_ask(authplug_tectia_session *session,
                            const char *instruction)
{
    authplug_tectia_event event = {0};
    authplug_status status;

    authplug_secret_clear(session->replies);
    if (session->broken)
        return false;
    status = question(session, instruction);
    if (status == AUTHPLUG_OK)
        status = receive(session, AUTHPLUG_TECTIA_REPLIES, &event);
    for (uint32_t i = 0; status == AUTHPLUG_OK && i < event.count; i++)
        status = keep(session->replies, event.replies[i]);
    if (status != AUTHPLUG_OK)
        explain(session, status);
    return status == AUTHPLUG_OK;
}

/* The first reason stays. */
static bool
refuse(authplug_tectia_session *session, authplug_secret *to,
       const char *reason)
{
    authplug_span text = authplug_span_of(reason);

    session->refused = true;
    if (authplug_secret_len(to) == 0 &&
        authplug_secret_append(to, text.data, text.len) != AUTHPLUG_OK)
        (void)run_complain(&session->link, "a reason is too long to be sent");
    return false;
}

bool
authplug_tectia_session_refuse(authplug_tectia_session *session,
                               authplug_tectia_code code, const char *reason)
{
    if (session->code == AUTHPLUG_TECTIA_CODE_NONE)
        session->code = code;
    return refuse(session, session->error_msg, reason);
}

bool
authplug_tectia_session_refuse_log(authplug_tectia_session *session,
                                   const char *reason)
{
    return refuse(session, session->error_log, reason);
}

/* -------------------------------------------------------------- the run */

static bool
open_session(authplug_tectia_session *session,
             const authplug_tectia_program *program)
{
    static const authplug_limits standard = AUTHPLUG_LIMITS_DEFAULT;

    session->limits = program->limits ? *program->limits : standard;
    session->engine =
        authplug_tectia_plugin_new(program->kind, &session->limits);
    /* a line's colon and newline make room for the two NULs */
    session->params = authplug_secret_new(session->limits.buffered);
    session->replies = authplug_secret_new(session->limits.buffered);
    session->texts = authplug_secret_new(session->limits.buffered);
    session->error_msg = authplug_secret_new(session->limits.string);
    session->error_log = authplug_secret_new(session->limits.string);
    session->prompts =
        calloc(session->limits.prompts, sizeof *session->prompts);
    return session->engine != NULL && session->params != NULL &&
           session->replies != NULL && session->texts != NULL &&
           session->error_msg != NULL && session->error_log != NULL &&
           session->prompts != NULL;
}

static void
close_session(authplug_tectia_session *session)
{
    authplug_tectia_plugin_free(&session->engine);
    authplug_secret_free(&session->params);
    authplug_secret_free(&session->replies);
    authplug_secret_free(&session->texts);
    authplug_secret_free(&session->error_msg);
    authplug_secret_free(&session->error_log);
    free(session->prompts);
}

static authplug_status
hear_params(authplug_tectia_session *session)
{
    authplug_tectia_event event = {0};
    authplug_status status = receive(session, AUTHPLUG_TECTIA_PARAMS, &event);

    for (uint32_t i = 0; status == AUTHPLUG_OK && i < event.count; i++) {
        status = keep(session->params, event.pairs[i].key);
        if (status == AUTHPLUG_OK)
            status = keep(session->params, event.pairs[i].value);
    }
    return status;
}

/* A reason that cannot be said is left out: the verdict is what counts. */
static authplug_status
say_failure(authplug_tectia_session *session)
{
    authplug_span none = authplug_span_of(NULL);
    authplug_status status = authplug_tectia_plugin_failure(
        session->engine, session->code,
        authplug_secret_span(session->error_msg),
        authplug_secret_span(session->error_log));

    if (status == AUTHPLUG_OK || session->broken)
        return status;
    (void)run_complain(&session->link, "the reason cannot be sent: %s",
                       authplug_status_text(status));
    return authplug_tectia_plugin_failure(session->engine, session->code, none,
                                          none);
}

static int
give_verdict(authplug_tectia_session *session, bool yes)
{
    authplug_status status;

    yes = yes && !session->refused && !session->broken;
    status = yes ? authplug_tectia_plugin_success(session->engine)
                 : say_failure(session);
    if (status == AUTHPLUG_OK)
        status = flush(session, run_deadline(&session->link));
    if (status != AUTHPLUG_OK)
        explain(session, status);
    if (session->broken)
        return RUN_BROKEN;
    return yes ? RUN_OK : RUN_REFUSED;
}

static int
converse(authplug_tectia_session *session,
         const authplug_tectia_program *program, void *context)
{
    authplug_status status = hear_params(session);

    if (status != AUTHPLUG_OK) {
        explain(session, status);
        return RUN_BROKEN;
    }
    return give_verdict(session, program->decide(session, context));
}

int
authplug_tectia_run(const authplug_tectia_program *program, void *context)
{
    static const char *const words[] = {"kbdint", "passwd", "authorize"};
    authplug_tectia_session session = {0};
    int result;

    session.link.name = program->name ? program->name : "plugin";
    session.link.timeout_ms = program->timeout_ms;
    if (program->decide == NULL)
        return run_complain(&session.link, "the plugin has no decide function");
    result = run_open(&session.link, "-", "server", words[program->kind]);
    if (result != RUN_OK)
        return result;
    if (open_session(&session, program))
        result = converse(&session, program, context);
    else
        result = run_complain(&session.link,
                              "out of memory, or limits make no sense");
    close_session(&session);
    /* whoever reads to the end need not wait for the rest of main() */
    io_close(session.link.out);
    return result;
}
