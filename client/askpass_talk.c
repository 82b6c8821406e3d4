/* One ssh's conversation with its plugin, and with the user. */
#define _GNU_SOURCE
#include "client/askpass.h"

#include "client/settings.h"
#include "sdk/user.h"

#include <authplug/putty_host.h>
#include <authplug/wire.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* prompts in one login that a plugin answers */
#define PROMPTS_MAX 100
/* for the processes of ours to say something */
#define SHORT_MS 10000
/* how often to look whether another asks the user */
#define LOOK_EVERY 50

static const authplug_limits limits = AUTHPLUG_LIMITS_DEFAULT;

typedef enum plugin_state {
    PLUGIN_NEW,      /* not started */
    PLUGIN_ANSWERS,  /* it takes part */
    PLUGIN_DECLINES, /* or there is none */
    PLUGIN_OVER      /* the login is: no more answers */
} plugin_state;

typedef struct talk {
    const askpass_task *task;
    bool is_ssh;
    authplug_status known; /* OK: whom it logs in to is */
    askpass_target target;
    settings *settings;  /* authplug's own files, once it is known */
    const char *command; /* the plugin's, or NULL */
    char **words;        /* its words, where no shell may have them */
    bool batch;
    int timeout_ms;
    authplug_putty_host *plugin;
    plugin_state state;
    int64_t deadline;          /* of the login; 0 before the first prompt */
    int helper;                /* the connection to the one that asks now */
    authplug_secret *answered; /* strings: prompts that the plugin answered */
    unsigned count;            /* of these */
    authplug_secret *prompt;   /* the server's, now */
    authplug_secret *out;      /* a message to the helper */
    authplug_ki_reply *reply;
    bool refused; /* and said why */
} talk;

/* -------------------------------------------------------------- refusals */

static authplug_status
tell_helper(const talk *t, askpass_type type, authplug_span body)
{
    return askpass_send(t->helper, type, body, -1, io_deadline(SHORT_MS));
}

/* Says once why, and ends the ssh: from its helper's failure it would take an
 * empty answer. */
IO_PRINTF(2, 3)
static void
refuse(talk *t, const char *format, ...)
{
    char why[1024];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    t->state = PLUGIN_OVER;
    if (io_signals_caught() != 0)
        return; /* which the ssh has got as well */
    if (!t->refused)
        io_say(ASKPASS, "%s", why);
    t->refused = true;
    if (t->is_ssh)
        askpass_end(t->task->ssh_fd);
    (void)tell_helper(t, ASKPASS_NONE, authplug_span_of(""));
    authplug_putty_host_finish(&t->plugin);
}

static void
debug(const talk *t, const char *what)
{
    if (t->task->options->verbose)
        io_say(ASKPASS, "%s@%s port %" PRIu32 ": %s", t->target.user,
               t->target.host, t->target.port, what);
}

/* Its ssh has had a signal already. */
static void
helper_gone(talk *t)
{
    t->state = PLUGIN_OVER;
    if (!t->refused)
        io_say(ASKPASS, "the program that ssh asks by was killed, so ssh ends: "
                        "log in again");
    t->refused = true;
    askpass_end(t->task->ssh_fd);
}

/* ---------------------------------------------------------- asking the user */

/* One at a time, whichever ssh it is for. The lock is gone with its process. */
static authplug_status
take_turn(const talk *t, int64_t deadline)
{
    struct flock turn = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    while (fcntl(t->task->turn, F_SETLK, &turn) != 0) {
        int64_t until = io_deadline(LOOK_EVERY);
        authplug_status status = io_wait(t->helper, true, false,
                                         until < deadline ? until : deadline);

        if (status == AUTHPLUG_CANCELLED)
            return status;
        if (status == AUTHPLUG_OK)
            return AUTHPLUG_CLOSED; /* it says nothing unasked */
        if (io_now() >= deadline)
            return AUTHPLUG_TIMEOUT;
    }
    return AUTHPLUG_OK;
}

static void
end_turn(const talk *t)
{
    struct flock turn = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

    (void)fcntl(t->task->turn, F_SETLK, &turn);
}

/* uint32 status, string KI response */
static authplug_status
take_reply(authplug_span body, authplug_ki_reply *reply)
{
    static authplug_span answers[100];
    authplug_reader reader = authplug_reader_over(body, limits.frame);
    authplug_status given = (authplug_status)authplug_get_uint32(&reader);
    authplug_span answered = authplug_get_string(&reader);
    authplug_status status = authplug_get_end(&reader);
    authplug_ki_response response;

    if (status == AUTHPLUG_OK && given != AUTHPLUG_OK)
        return given;
    if (status == AUTHPLUG_OK)
        status = authplug_ki_response_parse(answered, &limits, answers,
                                            &response, NULL);
    for (uint32_t i = 0; status == AUTHPLUG_OK && i < response.count; i++)
        status = authplug_ki_reply_add(reply, answers[i]);
    return status;
}

/* Asks where the ssh is: its terminal, and its process group, may be others
 * than ours. Where it has none, ours may do. */
static authplug_status
ask_user(talk *t, askpass_source source, const authplug_ki_request *request,
         authplug_ki_reply *reply, int64_t deadline)
{
    askpass_message message = {.body = authplug_secret_new(ASKPASS_BODY_MAX)};
    authplug_status status = take_turn(t, deadline);
    askpass_modes modes = {.fd = -1};
    authplug_span question;

    authplug_secret_clear(t->out);
    if (status == AUTHPLUG_OK && message.body == NULL)
        status = AUTHPLUG_NOMEM;
    if (status == AUTHPLUG_OK)
        status = askpass_question(t->out, source, request, deadline);
    question = authplug_secret_span(t->out);
    if (status == AUTHPLUG_OK)
        askpass_modes_keep(&modes);
    if (status == AUTHPLUG_OK)
        status = tell_helper(t, ASKPASS_QUESTION, question);
    if (status == AUTHPLUG_OK)
        status = askpass_receive(t->helper, &message, deadline + SHORT_MS);
    if (status == AUTHPLUG_OK)
        status = message.type == ASKPASS_REPLY
                     ? take_reply(authplug_secret_span(message.body), reply)
                     : AUTHPLUG_TYPE;
    askpass_modes_end(&modes,
                      status == AUTHPLUG_CLOSED ||
                          (status == AUTHPLUG_CANCELLED && askpass_gone()));
    if (status == AUTHPLUG_NO_TERMINAL)
        status = askpass_ask(question, reply);
    if (status == AUTHPLUG_OK &&
        authplug_ki_reply_count(reply) != request->count)
        status = AUTHPLUG_COUNT;
    end_turn(t);
    authplug_secret_free(&message.body);
    return status;
}

/* ------------------------------------------------------------- the plugin */

static void
on_plugin_error(void *context, authplug_span line)
{
    (void)context;
    user_tell("plugin", line);
}

static authplug_status
on_plugin_ask(void *context, const authplug_ki_request *request,
              authplug_ki_reply *reply)
{
    talk *t = context;

    if (request->count == 0)
        return user_ask("plugin", request, reply, t->deadline);
    if (!t->batch)
        return ask_user(t, ASKPASS_OF_PLUGIN, request, reply, t->deadline);
    user_tell("plugin", request->instruction);
    for (uint32_t i = 0; i < request->count; i++)
        user_tell("plugin", request->prompts[i].text);
    return AUTHPLUG_NO_TERMINAL;
}

static const char *
remedy(const talk *t, authplug_status status)
{
    switch ((int)status) {
    case AUTHPLUG_NOT_FOUND:
        return "check the plugin's command line";
    case AUTHPLUG_TEXT:
        return "have it print to standard error or to a file";
    case AUTHPLUG_TIMEOUT:
        return "--timeout sets the limit";
    case AUTHPLUG_NO_TERMINAL:
        return t->batch ? "log in without --batch"
                        : "log in where there is a terminal";
    case AUTHPLUG_CANCELLED:
        return "log in again";
    default:
        return "run it by hand with 'authplug try putty'";
    }
}

static void
plugin_failed(talk *t, authplug_status status)
{
    const char *error =
        t->plugin == NULL ? "" : authplug_putty_host_error(t->plugin);

    if (*error == 0)
        error = status == AUTHPLUG_NO_TERMINAL
                    ? "the plugin asks the user, who cannot be asked"
                    : authplug_status_text(status);
    refuse(t, "%s: %s", error, remedy(t, status));
}

/*
 * What authplug's own files say of the login, once it is known to whom: which
 * plugin there is, and whether it may be started. False when it is over.
 */
static bool
settle(talk *t)
{
    const askpass_options *options = t->task->options;
    settings_peer peer = {.given = t->target.given,
                          .name = t->target.name,
                          .user = t->target.user,
                          .port = t->target.port};
    settings_found found;
    char why[SETTINGS_WHY];

    if (t->settings != NULL)
        return true;
    t->settings = settings_open(why, sizeof why);
    if (t->settings == NULL) {
        refuse(t, "%s", why);
        return false;
    }
    settings_find(t->settings, &peer, &found);
    if (!options->plugin_given)
        t->command = found.plugin;
    t->batch = t->batch || found.batch;
    if (!options->timeout_given) {
        t->deadline += (int64_t)found.timeout * 1000 - t->timeout_ms;
        t->timeout_ms = (int)found.timeout * 1000;
    }
    if (t->command == NULL || settings_allow(t->settings, t->command, &t->words,
                                             why, sizeof why) == AUTHPLUG_OK)
        return true;
    refuse(t, "%s", why);
    return false;
}

/* The name the plugin gives must be ssh's, which cannot change it. */
static bool
agree_on_user(talk *t, const char *chosen)
{
    if (*chosen == 0 || strcmp(chosen, t->target.user) == 0)
        return true;
    refuse(t,
           "the plugin logs in as '%.200s', but ssh as '%.200s': tell ssh "
           "so with -l, or with User in its configuration",
           chosen, t->target.user);
    return false;
}

/* False when it is over. */
static bool
start_plugin(talk *t)
{
    authplug_putty_host_options options = {0};
    const char *chosen = "";
    authplug_status status;

    t->state = PLUGIN_DECLINES;
    if (t->command == NULL)
        return true;
    options.argv = (const char *const *)t->words;
    options.command = t->command;
    options.timeout_ms = t->timeout_ms;
    options.ask = on_plugin_ask;
    options.on_stderr = on_plugin_error;
    options.context = t;
    status = authplug_putty_host_start(&options, &t->plugin);
    if (status == AUTHPLUG_OK) {
        authplug_putty_host_set_deadline(t->plugin, t->deadline - io_now());
        status = authplug_putty_host_init(
            t->plugin, t->target.host, t->target.port, t->target.user, &chosen);
    }
    if (status == AUTHPLUG_OK && !agree_on_user(t, chosen))
        return false;
    if (status == AUTHPLUG_OK)
        status = authplug_putty_host_begin(t->plugin, AUTHPLUG_KI_METHOD);
    if (status == AUTHPLUG_OK) {
        t->state = PLUGIN_ANSWERS;
        debug(t, "the plugin answers");
        return true;
    }
    if (status == AUTHPLUG_REJECTED || status == AUTHPLUG_REFUSED)
        user_tell("plugin", authplug_putty_host_plugin_text(t->plugin));
    if (status == AUTHPLUG_REJECTED) {
        authplug_putty_host_finish(&t->plugin);
        return true;
    }
    if (status == AUTHPLUG_REFUSED)
        refuse(t,
               "the plugin refused this login to %.200s: see what it "
               "said, or log in without the plugin",
               t->target.host);
    else
        plugin_failed(t, status);
    return false;
}

/* Whether the plugin has answered this prompt before, in this login. */
static bool
was_answered(const talk *t, authplug_span prompt)
{
    authplug_reader reader = authplug_reader_over(
        authplug_secret_span(t->answered), ASKPASS_BODY_MAX);

    while (reader.status == AUTHPLUG_OK && reader.pos < reader.input.len) {
        authplug_span one = authplug_get_string(&reader);

        if (one.len == prompt.len &&
            memcmp(one.data, prompt.data, one.len) == 0)
            return true;
    }
    return false;
}

/*
 * One attempt: ssh does not tell when another one begins. With a single one
 * allowed, all prompts are of that; else one that comes again is taken for the
 * next.
 */
static bool
is_first_attempt(talk *t, authplug_span prompt)
{
    authplug_writer writer = authplug_writer_to(t->answered);

    if (t->target.prompts != 1 && was_answered(t, prompt)) {
        (void)authplug_putty_host_outcome(t->plugin, false);
        user_tell("server", prompt);
        refuse(t,
               "%.200s asks the same again, and no answer is given twice: "
               "see what the plugin answers with 'authplug try putty', and "
               "whether the account may log in",
               t->target.host);
        return false;
    }
    authplug_put_string(&writer, prompt);
    if (writer.status != AUTHPLUG_OK || ++t->count > PROMPTS_MAX) {
        refuse(t,
               "%.200s asks one question after another without end: ask "
               "its administrator",
               t->target.host);
        return false;
    }
    return true;
}

/* What of an answer ssh would not take whole is not given at all. */
static bool
fits(talk *t, authplug_span answer)
{
    const char *what = NULL;

    if (answer.len > ASKPASS_ANSWER_MAX)
        what = "is longer than the 1023 bytes that ssh takes";
    else if (authplug_span_has(answer, 0) || authplug_span_has(answer, '\n') ||
             authplug_span_has(answer, '\r'))
        what = "is more than the one line that ssh takes";
    if (what == NULL)
        return true;
    refuse(t, "the answer for %.200s %s: 'authplug ssh' has no such limit",
           t->target.host, what);
    return false;
}

static void
answer_by_plugin(talk *t)
{
    authplug_span prompt = authplug_secret_span(t->prompt), answer;
    const authplug_ki_prompt one = {prompt, false};
    const authplug_ki_request request = {.count = 1, .prompts = &one};
    authplug_secret *body = authplug_secret_new(limits.frame);
    authplug_ki_response response;
    authplug_status status = AUTHPLUG_NOMEM;
    bool bad_request;

    if (!is_first_attempt(t, prompt)) {
        authplug_secret_free(&body);
        return;
    }
    if (body != NULL)
        status = authplug_ki_request_write(&request, body);
    if (status == AUTHPLUG_OK)
        status = authplug_putty_host_request(
            t->plugin, authplug_secret_span(body), &response, &bad_request);
    authplug_secret_free(&body);
    if (askpass_unwatch())
        return;
    if (status != AUTHPLUG_OK) {
        plugin_failed(t, status);
        return;
    }
    answer = response.answers[0];
    if (fits(t, answer))
        (void)tell_helper(t, ASKPASS_ANSWER, answer);
}

/* ---------------------------------------------------- what the user answers */

/* string program, boolean and string SSH_ASKPASS_REQUIRE as it was, boolean
 * whether ssh must not go on without an answer, uint32 milliseconds */
static void
start_own_askpass(talk *t, bool needed)
{
    authplug_writer writer = authplug_writer_to(t->out);
    const char *require = t->task->own_require;

    authplug_secret_clear(t->out);
    authplug_put_string(&writer, authplug_span_of(t->task->own_askpass));
    authplug_put_boolean(&writer, require != NULL);
    authplug_put_string(&writer, authplug_span_of(require ? require : ""));
    authplug_put_boolean(&writer, needed);
    authplug_put_uint32(&writer, (uint32_t)t->timeout_ms);
    if (writer.status == AUTHPLUG_OK)
        (void)tell_helper(t, ASKPASS_OWN, authplug_secret_span(t->out));
    else
        (void)tell_helper(t, ASKPASS_NONE, authplug_span_of(""));
}

/* Whether text ends so, blanks aside. */
static bool
ends_with(authplug_span text, const char *end)
{
    size_t len = strlen(end);

    return text.len >= len && memcmp(text.data + text.len - len, end, len) == 0;
}

static bool
holds(authplug_span text, const char *part)
{
    return memmem(text.data, text.len, part, strlen(part)) != NULL;
}

/* ssh's question about a host key, whose answer may be seen. Prompts of the
 * server never come here. */
static bool
is_plain_question(authplug_span words)
{
    return holds(words, "(yes/no") || holds(words, "Please type 'yes'");
}

/* Without an answer to what is not needed, ssh goes on to another key or
 * ends by itself; an empty password would go to the server. */
static void
nobody_answers(talk *t, askpass_source source, bool needed,
               authplug_status status)
{
    bool batch = t->batch;

    if (!needed) {
        (void)tell_helper(t, ASKPASS_NONE, authplug_span_of(""));
        return;
    }
    if (status == AUTHPLUG_NO_TERMINAL)
        user_tell(source == ASKPASS_OF_SERVER ? "server" : "ssh",
                  authplug_secret_span(t->prompt));
    refuse(t, "%s was not answered%s: %s",
           source == ASKPASS_OF_SERVER ? "the server's question"
                                       : "ssh's question",
           status == AUTHPLUG_TIMEOUT       ? " in time"
           : status == AUTHPLUG_NO_TERMINAL ? ", as nobody can be asked"
                                            : "",
           status == AUTHPLUG_TIMEOUT       ? "--timeout sets the limit"
           : batch                          ? "log in without --batch"
           : status == AUTHPLUG_NO_TERMINAL ? "log in where there is a terminal"
                                            : "log in again");
}

/* byte whether it answered, uint32 why it could not be run, or 0 */
static authplug_status
await_own_askpass(const talk *t, uint32_t *error)
{
    askpass_message message = {.body = authplug_secret_new(ASKPASS_BODY_MAX)};
    authplug_status status = AUTHPLUG_NOMEM;
    authplug_reader reader;
    bool answered;

    *error = 0;
    if (message.body != NULL)
        status = askpass_receive(t->helper, &message,
                                 io_deadline(t->timeout_ms + SHORT_MS));
    if (status == AUTHPLUG_OK && message.type != ASKPASS_OWN_ENDED)
        status = AUTHPLUG_TYPE;
    if (status == AUTHPLUG_OK) {
        reader = authplug_reader_over(authplug_secret_span(message.body), 0);
        answered = authplug_get_boolean(&reader);
        *error = authplug_get_uint32(&reader);
        status = authplug_get_end(&reader);
        if (status == AUTHPLUG_OK && !answered)
            status = AUTHPLUG_CANCELLED;
    }
    authplug_secret_free(&message.body);
    return status;
}

/* Its answer goes to ssh by itself. One that ssh must not go on without is
 * waited for: without it the ssh is ended here, where it counts as refused. */
static void
run_own_askpass(talk *t, askpass_source source, bool needed)
{
    authplug_status status;
    uint32_t error;

    start_own_askpass(t, needed);
    if (!needed)
        return;
    if (t->is_ssh)
        askpass_watch(t->helper, t->task->ssh_fd);
    status = await_own_askpass(t, &error);
    if (askpass_unwatch())
        helper_gone(t);
    else if (error != 0)
        refuse(t, "cannot run %s: %s: see SSH_ASKPASS",
               IO_SHORT(t->task->own_askpass), strerror((int)error));
    else if (status != AUTHPLUG_OK)
        nobody_answers(t, source, needed, status);
}

/* The user took it for a question of ssh itself: it is not the login's. */
static void
add_time(talk *t, int64_t ms)
{
    t->deadline += ms;
    if (t->plugin != NULL)
        authplug_putty_host_set_deadline(t->plugin, t->deadline - io_now());
}

/* The words are in t->prompt. A question of ssh itself has a limit of its own:
 * it may come long after the login, or where there is none. */
static void
answer_by_user(talk *t, askpass_source source, bool confirm)
{
    authplug_span words = authplug_secret_span(t->prompt);
    bool of_ssh = source == ASKPASS_OF_SSH;
    bool needed = !of_ssh || ends_with(words, "password: ");
    bool own = t->task->own_askpass != NULL && !t->batch;
    const authplug_ki_prompt one = {
        words, of_ssh && (confirm || is_plain_question(words))};
    const authplug_ki_request request = {.count = 1, .prompts = &one};
    authplug_status status = AUTHPLUG_NO_TERMINAL;
    int64_t began = io_now();
    authplug_span answer;

    if (own && t->task->own_first) {
        run_own_askpass(t, source, needed);
        return;
    }
    authplug_ki_reply_clear(t->reply);
    if (needed && t->is_ssh)
        askpass_watch(t->helper, t->task->ssh_fd);
    if (!t->batch)
        status = ask_user(t, source, &request, t->reply,
                          of_ssh ? io_deadline(t->timeout_ms) : t->deadline);
    if (askpass_unwatch()) {
        helper_gone(t);
        return;
    }
    if (of_ssh)
        add_time(t, io_now() - began);
    if (status == AUTHPLUG_NO_TERMINAL && own) {
        run_own_askpass(t, source, needed);
        return;
    }
    if (status != AUTHPLUG_OK) {
        nobody_answers(t, source, needed, status);
        return;
    }
    /* the body: a count, and one string */
    answer = authplug_ki_reply_body(t->reply);
    answer = authplug_span_make(answer.data + 8, answer.len - 8);
    if (confirm && !authplug_span_is(answer, "yes"))
        (void)tell_helper(t, ASKPASS_NONE, authplug_span_of(""));
    else if (fits(t, answer))
        (void)tell_helper(t, ASKPASS_ANSWER, answer);
    authplug_ki_reply_clear(t->reply);
}

/* ------------------------------------------------------------------ prompts */

/* Whose words they are; leaves them in t->prompt. */
static authplug_status
recognise(const talk *t, authplug_span words, askpass_source *source)
{
    authplug_status status = AUTHPLUG_NOT_FOUND;

    authplug_secret_clear(t->prompt);
    *source = ASKPASS_OF_SERVER;
    if (t->known == AUTHPLUG_OK)
        status = askpass_server_prompt(&t->target, words, t->prompt);
    else if (t->is_ssh && words.len > 0 && words.data[0] == '(')
        return t->known; /* it may be the server's */
    if (status != AUTHPLUG_NOT_FOUND)
        return status;
    *source = ASKPASS_OF_SSH;
    return authplug_secret_append(t->prompt, words.data, words.len);
}

/* The server's prompt, in t->prompt. */
static void
answer_server(talk *t)
{
    bool goes_on = true;

    askpass_watch(t->helper, t->task->ssh_fd);
    if (t->state == PLUGIN_NEW)
        goes_on = start_plugin(t);
    if (goes_on && t->state == PLUGIN_ANSWERS) {
        answer_by_plugin(t);
        goes_on = false;
    }
    if (askpass_unwatch())
        helper_gone(t);
    else if (goes_on)
        answer_by_user(t, ASKPASS_OF_SERVER, false);
}

static void
handle_prompt(talk *t, authplug_span words, bool confirm)
{
    askpass_source source;
    authplug_status status;

    if (t->known == AUTHPLUG_OK && !settle(t))
        return;
    status = recognise(t, words, &source);
    if (status != AUTHPLUG_OK) {
        refuse(t,
               "cannot tell whom ssh logs in to (%s): does 'ssh -G' work "
               "with the same arguments?",
               authplug_status_text(status));
        return;
    }
    if (source == ASKPASS_OF_SSH) {
        if (confirm)
            (void)authplug_secret_append(t->prompt, " (yes/no) ", 10);
        answer_by_user(t, source, confirm);
        return;
    }
    /* so it has come through all on the way */
    (void)askpass_send(t->task->link, ASKPASS_REACHED, authplug_span_of(""), -1,
                       io_deadline(SHORT_MS));
    if (t->state == PLUGIN_OVER) {
        refuse(t, "the login to %.200s took too long: --timeout sets the limit",
               t->target.host);
        return;
    }
    answer_server(t);
}

/* The plugin's part in it is over. */
static void
tell_outcome(talk *t, bool success)
{
    if (t->plugin == NULL)
        return;
    debug(t, success ? "logged in" : "not logged in");
    (void)authplug_putty_host_outcome(t->plugin, success);
    t->state = PLUGIN_OVER;
    authplug_putty_host_finish(&t->plugin);
}

static void
handle(talk *t, const askpass_message *message)
{
    authplug_span body = authplug_secret_span(message->body);

    if (t->deadline == 0) {
        t->deadline = io_deadline(t->timeout_ms);
        if (t->is_ssh)
            t->known = askpass_target_of_process(&t->target, t->task->ssh,
                                                 t->deadline);
    }
    switch (message->type) {
    case ASKPASS_PROMPT:
        handle_prompt(t, body, false);
        break;
    case ASKPASS_CONFIRM:
        handle_prompt(t, body, true);
        break;
    case ASKPASS_NOTICE:
        if (t->task->own_askpass != NULL && t->task->own_first)
            start_own_askpass(t, false);
        else
            (void)tell_helper(t, ASKPASS_TELL, body);
        break;
    case ASKPASS_LOGGED_IN:
    case ASKPASS_FAILED:
        tell_outcome(t, message->type == ASKPASS_LOGGED_IN);
        break;
    default:
        break;
    }
}

/* --------------------------------------------------------- from the start */

/* Until when to wait for the next message: while a plugin is there, it waits
 * for the outcome no longer than the login may take. */
static int64_t
patience(const talk *t)
{
    return t->plugin != NULL ? t->deadline : INT64_MAX;
}

static void
converse(talk *t)
{
    askpass_message message = {.body = authplug_secret_new(ASKPASS_BODY_MAX)};
    authplug_status status =
        message.body == NULL ? AUTHPLUG_NOMEM : AUTHPLUG_OK;

    while (status == AUTHPLUG_OK) {
        status = askpass_receive(t->task->link, &message, patience(t));
        if (status == AUTHPLUG_TIMEOUT && t->plugin != NULL) {
            t->state = PLUGIN_OVER;
            authplug_putty_host_finish(&t->plugin);
            status = AUTHPLUG_OK;
            continue;
        }
        if (status != AUTHPLUG_OK)
            break;
        t->helper = message.fd;
        handle(t, &message);
        if (t->helper >= 0)
            close(t->helper);
        t->helper = -1;
    }
    authplug_secret_free(&message.body);
}

int
askpass_talk(const askpass_task *task)
{
    talk t = {.task = task,
              .helper = -1,
              .known = AUTHPLUG_STATE,
              .command = task->options->plugin,
              .batch = task->options->batch,
              .timeout_ms = task->options->timeout_ms};

    io_signals_begin();
    t.is_ssh = askpass_is_ssh(task->ssh);
    t.answered = authplug_secret_new(ASKPASS_BODY_MAX);
    t.prompt = authplug_secret_new(ASKPASS_BODY_MAX);
    t.out = authplug_secret_new(ASKPASS_BODY_MAX);
    t.reply = authplug_ki_reply_new(&limits);
    if (t.answered != NULL && t.prompt != NULL && t.out != NULL &&
        t.reply != NULL)
        converse(&t);
    authplug_putty_host_finish(&t.plugin);
    authplug_secret_free(&t.answered);
    authplug_secret_free(&t.prompt);
    authplug_secret_free(&t.out);
    authplug_ki_reply_free(&t.reply);
    askpass_target_free(&t.target);
    settings_free(&t.settings);
    free(t.words);
    return t.refused ? ASKPASS_REFUSED : ASKPASS_TALKED;
}
