/* The program in its terminal, answered by the rules until they tell a result,
 * or it ends, or it says nothing that they know. */
#define _GNU_SOURCE
#include "passwd_plugin.h"

#include "io/io.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* how long a program that is not seen to wait must have said nothing */
#define PAUSE_MS 100
/* the whole dialogue, or five times DataTimeout */
#define DIALOGUE_MS 60000
#define ANSWERS_MOST 100
/* what of the output is shown in a log; it is searched for passwords together
 * with what may be the start of one */
#define SHOWN_MOST 1024
#define KEPT_MOST (SHOWN_MOST + IO_PTY_LINE)

typedef enum outcome { GOES_ON, CHANGED, FAILED } outcome;

typedef struct dialogue {
    const passwd_config *config;
    authplug_tectia_session *session;
    login of;
    char program[64]; /* its name, for messages */
    io_pty *pty;
    authplug_secret *typed;
    authplug_secret *unmatched; /* the end of what no rule matched */
    authplug_secret *line;      /* that is to be shown when it ends */
    int64_t deadline;
    unsigned answers;
    bool final; /* the last answer was typed */
} dialogue;

static int64_t
data_timeout(const dialogue *d)
{
    return d->config->data_timeout * 1000;
}

/* Until when the program may be silent. */
static int64_t
next_deadline(const dialogue *d)
{
    int64_t until = io_deadline(data_timeout(d));

    return until < d->deadline ? until : d->deadline;
}

/* ---------------------------------------------------------------- failing */

/* Cuts a text that is too long. Its end stays, or its start. */
static void
shorten(authplug_secret *text, bool keep_end)
{
    authplug_span all = authplug_secret_span(text);
    size_t at = keep_end ? all.len - SHOWN_MOST : SHOWN_MOST;

    if (all.len <= SHOWN_MOST)
        return;
    while (at > 0 && at < all.len && (all.data[at] & 0xc0) == 0x80)
        at += keep_end ? 1 : (size_t)-1;
    if (keep_end)
        authplug_secret_drop(text, at);
    else
        authplug_secret_cut(text, at);
}

/* The text as it may be shown, on one line; or NULL. */
static authplug_secret *
masked(const dialogue *d, authplug_span text, bool keep_end)
{
    authplug_secret *out = authplug_secret_new(32 * KEPT_MOST);
    authplug_status status = out != NULL ? AUTHPLUG_OK : AUTHPLUG_NOMEM;
    /* of what was there before it only the end may be there */
    size_t within = login_suffix(&d->of, text);

    if (status == AUTHPLUG_OK && within > 0)
        status = authplug_secret_append(out, "...", 3);
    text.data += within;
    text.len -= within;

    while (text.len > 0 && status == AUTHPLUG_OK) {
        authplug_span line = text;
        const unsigned char *end = memchr(text.data, '\n', text.len);

        if (end != NULL)
            line.len = (size_t)(end - text.data);
        text.data += line.len + (end != NULL);
        text.len -= line.len + (end != NULL);
        while (line.len > 0 && line.data[line.len - 1] == '\r')
            line.len--;
        status = login_mask(&d->of, line, out);
        if (status == AUTHPLUG_OK && text.len > 0)
            status = authplug_secret_append(out, " / ", 3);
    }
    if (out != NULL)
        shorten(out, keep_end);
    return out;
}

/* For the log: a sentence, and what no rule matched. */
__attribute__((format(printf, 2, 3))) static outcome
fail(dialogue *d, const char *format, ...)
{
    authplug_secret *shown =
        masked(d, authplug_secret_span(d->unmatched), true);
    const char *rest = shown != NULL ? authplug_secret_text(shown) : NULL;
    char reason[512], line[sizeof reason + SHOWN_MOST + 64];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    if (rest == NULL || rest[0] == 0)
        (void)snprintf(line, sizeof line, "%s", reason);
    else
        (void)snprintf(line, sizeof line,
                       "%s; no rule in %.100s matched: \"%s\"", reason,
                       d->config->file, rest);
    debug_say(1, "%s", line);
    authplug_tectia_session_refuse_log(d->session, line);
    authplug_wipe(line, sizeof line);
    authplug_secret_free(&shown);
    return FAILED;
}

static outcome
fail_silent(dialogue *d)
{
    if (io_now() >= d->deadline)
        return fail(d, "%s did not come to an end in time", d->program);
    return fail(d, "%s wrote nothing for %ld s%s", d->program,
                d->config->data_timeout,
                d->final ? " after the FinalResponse" : "");
}

/* A result that tells the user, or the log, what matched. */
static outcome
fail_by_rule(dialogue *d, template_result result, authplug_span text)
{
    authplug_secret *shown;
    const char *reason;

    while (text.len > 0 && text.data[text.len - 1] == ' ')
        text.len--;
    shown = masked(d, text, false);
    reason = shown != NULL ? authplug_secret_text(shown) : NULL;
    if (reason == NULL)
        reason = "";
    if (result == TEMPLATE_ERROR_DISPLAY)
        (void)authplug_tectia_session_refuse(d->session,
                                             AUTHPLUG_TECTIA_CODE_NONE, reason);
    else
        (void)authplug_tectia_session_refuse_log(d->session, reason);
    authplug_secret_free(&shown);
    return FAILED;
}

/* Shows a piece of the dialogue. */
static void
show(dialogue *d, const char *how, const authplug_secret *what)
{
    authplug_secret *shown;
    const char *text;

    if (!debug_is(DEBUG_DATA))
        return;
    shown = masked(d, authplug_secret_span(what), false);
    text = shown != NULL ? authplug_secret_text(shown) : NULL;
    debug_say(DEBUG_DATA, "%s: %s", how, text != NULL ? text : "?");
    authplug_secret_free(&shown);
}

/* ------------------------------------------------------------- answering */

/* What a terminal would cut is not typed at all. */
static bool
fits(authplug_span text)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        len = text.data[i] == '\n' ? 0 : len + 1;
        if (len >= IO_PTY_LINE)
            return false;
    }
    return true;
}

static outcome
type(dialogue *d, const rule *by)
{
    authplug_status status;

    authplug_secret_clear(d->typed);
    status = template_expand(by->response, login_value, &d->of, d->typed);
    if (status == AUTHPLUG_NOT_FOUND)
        return fail(d,
                    "the Response to the Request in line %u holds what the "
                    "server did not give",
                    by->line);
    if (status == AUTHPLUG_LIMIT || !fits(authplug_secret_span(d->typed))) {
        (void)authplug_tectia_session_refuse(
            d->session, AUTHPLUG_TECTIA_CODE_NONE, "The password is too long.");
        return fail(d, "an answer is longer than a terminal passes on");
    }
    if (++d->answers > ANSWERS_MOST)
        return fail(d, "%s does not stop asking", d->program);
    if (status == AUTHPLUG_OK)
        status = io_pty_write(d->pty, authplug_secret_span(d->typed),
                              next_deadline(d));
    show(d, "typed", d->typed);
    if (status != AUTHPLUG_OK)
        return fail(d, "%s could not be answered: %s", d->program,
                    authplug_status_text(status));
    d->final = d->final || by->final;
    return GOES_ON;
}

/* The end of it, as much as is kept. */
static authplug_span
end_of(authplug_span text)
{
    size_t len = text.len < KEPT_MOST ? text.len : KEPT_MOST;

    return authplug_span_make(text.data + (text.len - len), len);
}

/* What was not matched begins behind the match. */
static void
forget_unmatched(dialogue *d)
{
    authplug_span rest = end_of(scan_rest(d->config->output));

    authplug_secret_clear(d->unmatched);
    (void)authplug_secret_append(d->unmatched, rest.data, rest.len);
}

static outcome
handle(dialogue *d, const scan_match *match)
{
    static const char *const results[] = {
        [TEMPLATE_TEXT] = "",
        [TEMPLATE_SUCCESS] = "$SUCCESS",
        [TEMPLATE_ERROR_DISPLAY] = "$ERROR_DISPLAY",
        [TEMPLATE_ERROR_LOG] = "$ERROR_LOG",
    };
    const rule *by = rules_at(d->config->rules, match->rule);
    outcome came = CHANGED;

    debug_say(DEBUG_STEPS, "the Request in line %u matches: %s", by->line,
              by->result != TEMPLATE_TEXT ? results[by->result]
              : by->final                 ? "FinalResponse"
                                          : "Response");
    if (by->result == TEMPLATE_ERROR_DISPLAY ||
        by->result == TEMPLATE_ERROR_LOG)
        came = fail_by_rule(d, by->result, match->text);
    forget_unmatched(d);
    return by->result == TEMPLATE_TEXT ? type(d, by) : came;
}

/* ------------------------------------------------------------- listening */

static void
keep_unmatched(dialogue *d, authplug_span output)
{
    authplug_span end = end_of(output);
    size_t len = authplug_secret_len(d->unmatched);

    if (len + end.len > KEPT_MOST)
        authplug_secret_drop(d->unmatched, len + end.len - KEPT_MOST);
    (void)authplug_secret_append(d->unmatched, end.data, end.len);
}

/* A line is shown once it is whole, so that no password is in halves. */
static void
show_output(dialogue *d, authplug_span output)
{
    const unsigned char *end;
    size_t len;

    while (debug_is(DEBUG_DATA) && output.len > 0) {
        end = memchr(output.data, '\n', output.len);
        len = end != NULL ? (size_t)(end - output.data) : output.len;
        /* of a longer line the start will do */
        (void)authplug_secret_append(d->line, output.data, len);
        if (end == NULL)
            return;
        show(d, "line", d->line);
        authplug_secret_clear(d->line);
        output.data += len + 1;
        output.len -= len + 1;
    }
}

/* Looks through output for results. */
static outcome
take(dialogue *d, authplug_span output)
{
    authplug_status status;
    scan_match match;
    outcome came;

    while ((status = scan_read(d->config->output, &output, &match)) ==
           AUTHPLUG_OK) {
        came = handle(d, &match);
        if (came != GOES_ON)
            return came;
    }
    return status == AUTHPLUG_NEED_MORE
               ? GOES_ON
               : fail(d, "%s", authplug_status_text(status));
}

/* The line has no end yet: if the output pauses here, it may be a prompt. */
static outcome
take_pause(dialogue *d)
{
    authplug_status status;
    scan_match match;

    if (scan_rest(d->config->output).len == 0)
        return GOES_ON;
    status = io_pty_pause(d->pty, PAUSE_MS);
    if (status == AUTHPLUG_OK)
        show(d, "waits at", d->line);
    if (status == AUTHPLUG_OK)
        status = scan_pause(d->config->output, !d->final, &match);
    if (status == AUTHPLUG_OK)
        return handle(d, &match);
    return status == AUTHPLUG_NEED_MORE
               ? GOES_ON
               : fail(d, "%s", authplug_status_text(status));
}

/* The program has ended, or let go of its terminal: what counts is how. */
static outcome
judge(dialogue *d)
{
    io_exit how;
    outcome came = take(d, authplug_span_of("\n"));

    if (came != GOES_ON)
        return came;
    io_pty_finish(&d->pty, data_timeout(d), &how);
    if (how.killed)
        return fail(d, "%s closed its terminal and did not end", d->program);
    if (how.signal != 0)
        return fail(d, "%s was killed by signal %d", d->program, how.signal);
    if (!how.known)
        return fail(d, "%s ended, nobody knows how", d->program);
    if (!d->final)
        return fail(d, "%s ended with exit status %d before the FinalResponse",
                    d->program, how.code);
    if (d->config->success_from_exit && how.code == 0)
        return CHANGED;
    return fail(d, "%s ended with exit status %d%s", d->program, how.code,
                how.code == 0 ? ", which counts with GetSuccessFromExit yes "
                                "only, and no Response $SUCCESS came before"
                              : "");
}

static outcome
converse(dialogue *d)
{
    unsigned char buffer[4096];
    outcome came = GOES_ON;
    authplug_status status;
    size_t len;

    while (came == GOES_ON) {
        status =
            io_pty_read(d->pty, buffer, sizeof buffer, &len, next_deadline(d));
        if (status == AUTHPLUG_TIMEOUT ||
            (status == AUTHPLUG_OK && io_now() >= d->deadline))
            return fail_silent(d);
        if (status != AUTHPLUG_OK)
            return fail(d, "%s: %s", d->program, authplug_status_text(status));
        if (len == 0)
            return judge(d);
        keep_unmatched(d, authplug_span_make(buffer, len));
        show_output(d, authplug_span_make(buffer, len));
        came = take(d, authplug_span_make(buffer, len));
        authplug_wipe(buffer, len);
        if (came == GOES_ON)
            came = take_pause(d);
    }
    return came;
}

/* -------------------------------------------------------------- the program */

#define WORDS_MOST 64

/* Expands PasswdPath's words; each is the caller's to free. */
static bool
make_words(dialogue *d, char *argv[WORDS_MOST + 1])
{
    const template_words *words = d->config->program;
    size_t count = template_words_count(words);
    const char *text;

    if (count > WORDS_MOST) {
        (void)fail(d, "PasswdPath has more than %d words", WORDS_MOST);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        authplug_secret_clear(d->typed);
        text = template_expand(template_word(words, i), login_value, &d->of,
                               d->typed) == AUTHPLUG_OK
                   ? authplug_secret_text(d->typed)
                   : NULL;
        argv[i] = text != NULL ? strdup(text) : NULL;
        if (argv[i] == NULL) {
            (void)fail(d, "PasswdPath's word %u cannot be had",
                       (unsigned)i + 1);
            return false;
        }
        if (argv[i][0] == '-' && d->of.user[0] == '-' &&
            template_has(template_word(words, i), "user_name")) {
            (void)fail(d, "the user's name would be taken for an option");
            return false;
        }
    }
    return true;
}

/* What the program is called in messages. */
static void
take_name(dialogue *d, const char *path)
{
    const char *slash = strrchr(path, '/');

    (void)snprintf(d->program, sizeof d->program, "%s",
                   slash != NULL ? slash + 1 : path);
}

/*
 * passwd without a name changes the password of whoever runs it: of another
 * account where two have one user id, of root where we are root.
 */
static bool
is_for_user(dialogue *d)
{
    const template_words *words = d->config->program;
    const struct passwd *own;

    for (size_t i = 0; i < template_words_count(words); i++)
        if (template_has(template_word(words, i), "user_name"))
            return true;
    own = strcmp(d->program, "passwd") == 0 ? getpwuid(getuid()) : NULL;
    if (own == NULL || strcmp(own->pw_name, d->of.user) == 0)
        return true;
    (void)fail(d,
               "passwd would change the password of %s: $user_name$ was "
               "expected in PasswdPath",
               own->pw_name);
    return false;
}

/* Nothing of the server's; in the language that the rules are written in. */
static bool
make_environment(const dialogue *d, char *environment[7])
{
    return asprintf(&environment[0], "PATH=%s", IO_PLUGIN_PATH) > 0 &&
           asprintf(&environment[1], "LC_ALL=C") > 0 &&
           asprintf(&environment[2], "LANG=C") > 0 &&
           asprintf(&environment[3], "TERM=dumb") > 0 &&
           asprintf(&environment[4], "USER=%s", d->of.user) > 0 &&
           asprintf(&environment[5], "LOGNAME=%s", d->of.user) > 0;
}

static bool
start(dialogue *d)
{
    char *argv[WORDS_MOST + 1] = {NULL}, *environment[7] = {NULL};
    authplug_status status = AUTHPLUG_NOMEM;

    if (make_words(d, argv) && make_environment(d, environment)) {
        take_name(d, argv[0]);
        if (is_for_user(d))
            status = io_pty_start((const char *const *)argv,
                                  (const char *const *)environment, &d->pty);
        if (status == AUTHPLUG_NOT_FOUND)
            (void)fail(d, "%s could not be started: %s", argv[0],
                       errno == ENOENT ? "it, or the interpreter that it "
                                         "names, was not found"
                                       : strerror(errno));
        else if (status == AUTHPLUG_IO)
            (void)fail(d, "there is no terminal or no process for %s: %s",
                       argv[0], strerror(errno));
    }
    if (status == AUTHPLUG_NOMEM) /* unless a reason was given */
        (void)fail(d, "memory ran out");
    for (size_t i = 0; i < WORDS_MOST; i++)
        free(argv[i]);
    for (size_t i = 0; i < 6; i++)
        free(environment[i]);
    return status == AUTHPLUG_OK;
}

/* ---------------------------------------------------------------- the whole */

static bool
open_dialogue(dialogue *d)
{
    int64_t most = 5 * data_timeout(d);

    d->deadline = io_deadline(most > DIALOGUE_MS ? most : DIALOGUE_MS);
    d->of.user = authplug_tectia_session_param(d->session, "user_name");
    d->of.old = authplug_tectia_session_param(d->session, "old_password");
    d->of.new = authplug_tectia_session_param(d->session, "new_password");
    memcpy(d->program, "the program", sizeof "the program");
    d->typed = authplug_secret_new(2 * IO_PTY_LINE);
    d->unmatched = authplug_secret_new(KEPT_MOST);
    d->line = authplug_secret_new(SCAN_LINE);
    return d->typed != NULL && d->unmatched != NULL && d->line != NULL;
}

bool
dialogue_run(const passwd_config *config, authplug_tectia_session *session)
{
    dialogue d = {.config = config, .session = session};
    outcome came = FAILED;

    if (!open_dialogue(&d))
        (void)authplug_tectia_session_refuse_log(session, "memory ran out");
    else if (d.of.user[0] == 0 || d.of.new[0] == 0)
        (void)fail(&d, "the server gave no %s",
                   d.of.user[0] == 0 ? "user_name" : "new_password");
    else if (start(&d))
        came = converse(&d);
    /* one that said success is let end; all others have nothing to lose */
    io_pty_finish(&d.pty, came == CHANGED ? data_timeout(&d) : 0, NULL);
    authplug_secret_free(&d.typed);
    authplug_secret_free(&d.unmatched);
    authplug_secret_free(&d.line);
    return came == CHANGED;
}
