/* What a Response's tokens stand for. */
#define _GNU_SOURCE
#include "answer.h"

#include "io/io.h"

#include <authplug/text.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MOST 64
#define EXEC_MS 30000
#define EXEC_GRACE 200

const template_token source_tokens[] = {
    {"user_name", TEMPLATE_NO_ARGUMENT}, {"host_name", TEMPLATE_NO_ARGUMENT},
    {"totp", TEMPLATE_ARGUMENT},         {"hotp", TEMPLATE_ARGUMENT},
    {"exec", TEMPLATE_NO_ARGUMENT},      {"file", TEMPLATE_ARGUMENT},
    {"keyring", TEMPLATE_ARGUMENT},      {"ask", TEMPLATE_EITHER},
    {"1", TEMPLATE_NO_ARGUMENT},         {"2", TEMPLATE_NO_ARGUMENT},
    {"3", TEMPLATE_NO_ARGUMENT},         {"4", TEMPLATE_NO_ARGUMENT},
    {"5", TEMPLATE_NO_ARGUMENT},         {"6", TEMPLATE_NO_ARGUMENT},
    {"7", TEMPLATE_NO_ARGUMENT},         {"8", TEMPLATE_NO_ARGUMENT},
    {"9", TEMPLATE_NO_ARGUMENT},         {NULL, TEMPLATE_NO_ARGUMENT},
};

authplug_status
source_fail(source *of, const char *format, ...)
{
    va_list arguments;

    if (of->why[0] == 0) {
        va_start(arguments, format);
        (void)vsnprintf(of->why, sizeof of->why, format, arguments);
        va_end(arguments);
    }
    return AUTHPLUG_REFUSED;
}

/* ----------------------------------------------------------- what rules ask */

static const template *
response_of(const answer_block *block, const answer_rule *by)
{
    return rules_at(block->rules, by->which)->response;
}

/* Notes the argument of $ask$. */
static authplug_status
find_ask(void *context, const char *name, const char *argument,
         authplug_secret *out)
{
    const char **text = context;

    (void)out;
    if (strcmp(name, "ask") == 0 && argument != NULL)
        *text = argument;
    return AUTHPLUG_OK;
}

bool
source_asks(const answer_block *block, const answer_rule *by, const char **text)
{
    const template *response = response_of(block, by);
    authplug_secret *unused;

    *text = NULL;
    if (!template_has(response, "ask"))
        return false;
    unused = authplug_secret_new(8192);
    if (unused != NULL)
        (void)template_expand(response, find_ask, text, unused);
    authplug_secret_free(&unused);
    return true;
}

bool
source_uses_code(const answer_block *block, const answer_rule *by)
{
    const template *response = response_of(block, by);

    return template_has(response, "totp") || template_has(response, "hotp");
}

/* ----------------------------------------------------------------- commands */

/* What a command's words may hold. */
static authplug_status
word_value(void *context, const char *name, const char *argument,
           authplug_secret *out)
{
    source *of = context;
    authplug_span text;
    regex_span group;

    (void)argument;
    if (name[0] == 'u')
        text = authplug_span_of(of->peer->user);
    else if (name[0] == 'h')
        text = authplug_span_of(of->peer->host);
    else {
        group = of->found->groups[name[0] - '0'];
        if (group.start == REGEX_UNSET)
            return source_fail(of, "the group $%s$ matched nothing", name);
        text = authplug_span_make(of->prompt->text.data + group.start,
                                  group.end - group.start);
    }
    return authplug_secret_append(out, text.data, text.len);
}

/* Expands a command's words; each is the caller's to free. What another wrote
 * may not be an option. */
static bool
make_words(source *of, const template_words *words, char *argv[WORDS_MOST + 1])
{
    authplug_secret *word = authplug_secret_new(8192);
    size_t count = template_words_count(words);
    bool good = word != NULL && count <= WORDS_MOST;

    for (size_t i = 0; good && i < count; i++) {
        const char *text = NULL;

        authplug_secret_clear(word);
        if (template_expand(template_word(words, i), word_value, of, word) ==
            AUTHPLUG_OK)
            text = authplug_secret_text(word);
        argv[i] = text != NULL ? strdup(text) : NULL;
        good = argv[i] != NULL;
        if (good && argv[i][0] == '-' && i > 0 &&
            template_begins_with_token(template_word(words, i))) {
            (void)source_fail(of,
                              "word %u of Exec would be taken for an option",
                              (unsigned)i + 1);
            good = false;
        }
    }
    if (!good)
        (void)source_fail(of, "the words of Exec cannot be had");
    authplug_secret_free(&word);
    return good;
}

void
source_keep_complaint(void *context, authplug_span line)
{
    source_complaint *last = context;
    authplug_secret *safe = authplug_secret_new(sizeof last->text * 8);

    if (safe != NULL && line.len > 0 &&
        authplug_text_safe(line, io_text_flags(), safe) == AUTHPLUG_OK)
        (void)snprintf(last->text, sizeof last->text, "%.*s",
                       (int)authplug_secret_len(safe),
                       (const char *)authplug_secret_span(safe).data);
    authplug_secret_free(&safe);
}

/* Reads the first line; the rest is let be written, and thrown away. */
static authplug_status
read_first_line(io_child *child, authplug_secret *line, int64_t deadline)
{
    unsigned char buffer[4096];
    authplug_status status;
    bool ended = false;
    size_t len;

    for (;;) {
        const unsigned char *end;

        status = io_child_read(child, buffer, sizeof buffer, &len, deadline);
        if (status != AUTHPLUG_OK || len == 0)
            return status;
        end = memchr(buffer, '\n', len);
        if (!ended)
            status = authplug_secret_append(
                line, buffer, end != NULL ? (size_t)(end - buffer) : len);
        ended = ended || end != NULL;
        authplug_wipe(buffer, len);
        if (status != AUTHPLUG_OK)
            return status;
    }
}

static authplug_status
judge_exec(source *of, const char *name, const io_exit *how,
           const source_complaint *last)
{
    const char *colon = last->text[0] != 0 ? ": " : "";

    if (how->killed)
        return source_fail(of, "%s did not end in time%s%s", name, colon,
                           last->text);
    if (how->signal != 0)
        return source_fail(of, "%s was killed by signal %d%s%s", name,
                           how->signal, colon, last->text);
    if (!how->known || how->code != 0)
        return source_fail(of, "%s ended with exit status %d%s%s", name,
                           how->code, colon, last->text);
    return AUTHPLUG_OK;
}

/* Runs a command, without a shell, and appends the first line of its output. */
static authplug_status
run(source *of, const template_words *words, authplug_secret *out)
{
    size_t before = authplug_secret_len(out);
    char *argv[WORDS_MOST + 1] = {NULL};
    source_complaint last = {""};
    io_program program = {.argv = (const char *const *)argv,
                          .on_line = source_keep_complaint,
                          .context = &last};
    int64_t deadline = io_deadline(EXEC_MS);
    authplug_status status = AUTHPLUG_REFUSED;
    io_child *child = NULL;
    io_exit how;

    if (deadline > of->deadline)
        deadline = of->deadline;
    if (make_words(of, words, argv))
        status = io_child_start(&program, &child);
    if (status == AUTHPLUG_OK) {
        io_child_close_input(child);
        status = read_first_line(child, out, deadline);
        io_child_finish(&child, status == AUTHPLUG_OK ? EXEC_GRACE : 0, &how);
        if (status == AUTHPLUG_LIMIT)
            status =
                source_fail(of, "%s wrote a line that is too long", argv[0]);
        else if (status == AUTHPLUG_OK || status == AUTHPLUG_TIMEOUT)
            status = judge_exec(of, argv[0], &how, &last);
        else
            status = source_fail(of, "%s: %s", argv[0],
                                 authplug_status_text(status));
        if (status == AUTHPLUG_OK && authplug_secret_len(out) == before)
            status = source_fail(of, "%s wrote nothing", argv[0]);
    } else {
        status =
            source_fail(of, "%s could not be started: %s",
                        argv[0] != NULL ? argv[0] : "Exec", strerror(errno));
    }
    for (size_t i = 0; i < WORDS_MOST; i++)
        free(argv[i]);
    return status;
}

/* -------------------------------------------------------------------- files */

/* The first line of a file that nobody else can read. */
static authplug_status
read_secret_file(source *of, const char *path, authplug_secret *out)
{
    authplug_secret *why = authplug_secret_new(8192), *text = NULL;
    const char *home = getenv("HOME"), *words;
    char *whole = NULL;
    authplug_status status = AUTHPLUG_NOMEM;
    authplug_span line;
    const unsigned char *end;

    if (strncmp(path, "~/", 2) == 0 && home != NULL &&
        asprintf(&whole, "%s%s", home, path + 1) < 0)
        whole = NULL;
    if (why != NULL)
        status = file_read(whole != NULL ? whole : path, CONF_NOT_READABLE,
                           (size_t)1 << 16, &text, why);
    if (status == AUTHPLUG_OK) {
        line = authplug_secret_span(text);
        end = line.len > 0 ? memchr(line.data, '\n', line.len) : NULL;
        if (end != NULL)
            line.len = (size_t)(end - line.data);
        if (line.len > 0 && line.data[line.len - 1] == '\r')
            line.len--;
        status = line.len == 0
                     ? source_fail(of, "%s is empty", path)
                     : authplug_secret_append(out, line.data, line.len);
    } else {
        words = why != NULL ? authplug_secret_text(why) : NULL;
        status = source_fail(of, "%s",
                             words != NULL && words[0] != 0
                                 ? words
                                 : authplug_status_text(status));
    }
    authplug_secret_free(&text);
    authplug_secret_free(&why);
    free(whole);
    return status;
}

/* ------------------------------------------------------------------ secrets */

/* Where a code's secret is. */
typedef struct secret_source {
    source *of;
    const answer_code *code;
} secret_source;

static authplug_status
secret_value(void *context, const char *name, const char *argument,
             authplug_secret *out)
{
    secret_source *from = context;

    if (name[0] == 'e')
        return run(from->of, from->code->exec, out);
    if (name[0] == 'f')
        return read_secret_file(from->of, argument, out);
    return keyring_get(argument, out, from->of->deadline, from->of->why,
                       sizeof from->of->why)
               ? AUTHPLUG_OK
               : AUTHPLUG_REFUSED;
}

bool
source_secret(source *of, const answer_code *code, authplug_secret *text)
{
    secret_source from = {of, code};

    return template_expand(code->secret, secret_value, &from, text) ==
               AUTHPLUG_OK ||
           (source_fail(of, "the secret of %s cannot be had", code->name),
            false);
}

/* A code of its own for each use, which no other login gets. */
static authplug_status
add_code(source *of, bool counted, const char *name, authplug_secret *out)
{
    const answer_code *code = answer_config_code(of->config, counted, name);
    authplug_secret *text = authplug_secret_new(ANSWER_MOST);
    otp_key key = {0};
    bool good = code != NULL && text != NULL && source_secret(of, code, text) &&
                otp_key_parse(code, authplug_secret_span(text), &key, of->why,
                              sizeof of->why) &&
                otp_use_code(name, &key, of, &of->codes, out);

    otp_key_free(&key);
    authplug_secret_free(&text);
    return good ? AUTHPLUG_OK : source_fail(of, "there is no code of %s", name);
}

/* --------------------------------------------------------------- the answer */

static authplug_status
value(void *context, const char *name, const char *argument,
      authplug_secret *out)
{
    source *of = context;

    if (strcmp(name, "totp") == 0 || strcmp(name, "hotp") == 0)
        return add_code(of, name[0] == 'h', argument, out);
    if (strcmp(name, "exec") == 0)
        return run(of, of->found->by->exec, out);
    if (strcmp(name, "file") == 0)
        return read_secret_file(of, argument, out);
    if (strcmp(name, "keyring") == 0)
        return keyring_get(argument, out, of->deadline, of->why, sizeof of->why)
                   ? AUTHPLUG_OK
                   : AUTHPLUG_REFUSED;
    if (strcmp(name, "ask") == 0)
        return authplug_secret_append(out, of->asked.data, of->asked.len);
    return word_value(context, name, argument, out);
}

bool
source_answer(source *of, authplug_secret *answer)
{
    authplug_status status = template_expand(
        response_of(of->found->block, of->found->by), value, of, answer);

    if (status != AUTHPLUG_OK)
        (void)source_fail(of, "the answer cannot be had: %s",
                          authplug_status_text(status));
    return status == AUTHPLUG_OK;
}
