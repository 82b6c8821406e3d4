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

#define WORDS_MOST ANSWER_WORDS_MOST
#define EXEC_MS 30000
#define EXEC_GRACE 200
#define CLIENT_LOOK 200

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

bool
source_is_automatic(const answer_block *block, const answer_rule *by)
{
    const template *response = response_of(block, by);

    return template_has_text(response) || template_has(response, "exec") ||
           template_has(response, "file") ||
           template_has(response, "keyring") || source_uses_code(block, by);
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

/* A word while it is expanded. */
typedef struct making {
    source *of;
    bool leads; /* a group in it could lead a path elsewhere */
    size_t len; /* of the longest group that could */
    bool lacks; /* what a token stands for is empty */
} making;

static authplug_status
making_value(void *context, const char *name, const char *argument,
             authplug_secret *out)
{
    making *it = context;
    size_t before = authplug_secret_len(out);
    authplug_status status = word_value(it->of, name, argument, out);
    authplug_span value = authplug_secret_span(out);

    if (status != AUTHPLUG_OK)
        return status;
    value = authplug_span_make(value.data + before, value.len - before);
    it->lacks = it->lacks || value.len == 0;
    if (value.len > 0 && name[0] >= '1' && name[0] <= '9' &&
        (memchr(value.data, '/', value.len) != NULL ||
         authplug_span_is(value, ".") || authplug_span_is(value, ".."))) {
        it->leads = true;
        it->len = value.len;
    }
    return status;
}

/* Whether a word is harmless, whatever others wrote into it: no option where
 * none stands, and no other path than the one that it is a part of. */
static bool
judge_word(const making *it, const template *from, unsigned number,
           const char *text)
{
    if (number > 1 && text[0] == '-' && template_begins_with_token(from))
        (void)source_fail(
            it->of, "word %u of Exec would be taken for an option", number);
    else if (it->leads && strlen(text) != it->len)
        (void)source_fail(it->of,
                          "word %u of Exec would be another path: a group "
                          "beside other text may hold no '/', and not be '.' "
                          "or '..'",
                          number);
    else if (it->lacks && text[0] != 0)
        (void)source_fail(it->of,
                          "word %u of Exec would be another path: what stands "
                          "beside other text may not be empty",
                          number);
    else
        return true;
    return false;
}

/* What the rules say is in no memory that was given back. */
static void
free_words(char *argv[WORDS_MOST + 1])
{
    for (size_t i = 0; i < WORDS_MOST; i++) {
        if (argv[i] != NULL)
            authplug_wipe(argv[i], strlen(argv[i]));
        free(argv[i]);
    }
}

/* Expands a command's words; free_words() is for them. */
static bool
make_words(source *of, const template_words *words, char *argv[WORDS_MOST + 1])
{
    authplug_secret *word = authplug_secret_new(8192);
    size_t count = template_words_count(words);
    bool good = word != NULL && count <= WORDS_MOST;

    for (size_t i = 0; good && i < count; i++) {
        const template *from = template_word(words, i);
        making made = {.of = of};
        const char *text = NULL;

        authplug_secret_clear(word);
        if (template_expand(from, making_value, &made, word) == AUTHPLUG_OK)
            text = authplug_secret_text(word);
        argv[i] = text != NULL ? strdup(text) : NULL;
        good = argv[i] != NULL &&
               judge_word(&made, from, (unsigned)i + 1, argv[i]);
    }
    if (!good)
        (void)source_fail(of, "the words of Exec cannot be had");
    authplug_secret_free(&word);
    return good;
}

bool
source_command(source *of, authplug_secret *text)
{
    char *argv[WORDS_MOST + 1] = {NULL};
    bool good = make_words(of, of->found->by->exec, argv);

    for (size_t i = 0; good && argv[i] != NULL; i++) {
        bool plain = argv[i][0] != 0 && strpbrk(argv[i], " \t\n'\"") == NULL;
        const char *quote = plain                           ? ""
                            : strchr(argv[i], '\'') == NULL ? "'"
                                                            : "\"";
        const char *const parts[] = {i > 0 ? " " : "", quote, argv[i], quote};

        for (int p = 0; p < 4; p++)
            good = good && authplug_secret_append(
                               text, parts[p], strlen(parts[p])) == AUTHPLUG_OK;
    }
    free_words(argv);
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

/* What a source has said: its words for what is wrong with a line. */
typedef struct line_words {
    const char *empty, *control, *length; /* behind its name */
} line_words;

/* Appends a source's first line, without what ends it on Windows. What nobody
 * can type is no answer: it was meant for something else. */
static authplug_status
take_line(source *of, const char *name, authplug_span line,
          const line_words *words, authplug_secret *out)
{
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    if (line.len == 0)
        return source_fail(of, "%s %s", name, words->empty);
    for (size_t i = 0; i < line.len; i++)
        if ((line.data[i] < ' ' && line.data[i] != '\t') ||
            line.data[i] == 0x7f)
            return source_fail(of, "%s %s", name, words->control);
    if (authplug_secret_append(out, line.data, line.len) != AUTHPLUG_OK)
        return source_fail(of, "%s %s", name, words->length);
    return AUTHPLUG_OK;
}

/* Waits for output, and for a client that hangs up; the time of a look at it
 * is short. */
static authplug_status
read_output(source *of, io_child *child, unsigned char *buffer, size_t size,
            size_t *len, int64_t deadline)
{
    for (;;) {
        int64_t look = io_deadline(CLIENT_LOOK);
        bool last = of->wait == NULL || look >= deadline;
        authplug_status status =
            io_child_read(child, buffer, size, len, last ? deadline : look);

        if (status != AUTHPLUG_TIMEOUT || last)
            return status;
        status = of->wait(of->context, 1);
        if (status != AUTHPLUG_TIMEOUT)
            return status;
    }
}

/* Reads the first line; the rest is let be written, and thrown away. */
static authplug_status
read_first_line(source *of, io_child *child, authplug_secret *line,
                int64_t deadline)
{
    unsigned char buffer[4096];
    authplug_status status;
    bool ended = false;
    size_t len;

    for (;;) {
        const unsigned char *end;

        status = read_output(of, child, buffer, sizeof buffer, &len, deadline);
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

/* What it gave, and how it ended. */
static authplug_status
hear_out(source *of, const char *name, io_child *child, int64_t deadline,
         const source_complaint *last, authplug_secret *out)
{
    static const line_words words = {"wrote nothing",
                                     "wrote a control character",
                                     "wrote a line that is too long"};
    authplug_secret *line = authplug_secret_new(ANSWER_MOST + 1);
    authplug_status status = AUTHPLUG_NOMEM;
    io_exit how;

    io_child_close_input(child);
    if (line != NULL)
        status = read_first_line(of, child, line, deadline);
    io_child_finish(&child, status == AUTHPLUG_OK ? EXEC_GRACE : 0, &how);
    if (status == AUTHPLUG_LIMIT)
        status = source_fail(of, "%s %s", name, words.length);
    else if (status == AUTHPLUG_OK || status == AUTHPLUG_TIMEOUT)
        status = judge_exec(of, name, &how, last);
    else
        status = source_fail(of, "%s: %s", name, authplug_status_text(status));
    if (status == AUTHPLUG_OK)
        status = take_line(of, name, authplug_secret_span(line), &words, out);
    authplug_secret_free(&line);
    return status;
}

/* Runs a command, without a shell, and appends the first line of its output. */
static authplug_status
run(source *of, const template_words *words, authplug_secret *out)
{
    char *argv[WORDS_MOST + 1] = {NULL};
    source_complaint last = {""};
    io_program program = {.argv = (const char *const *)argv,
                          .on_line = source_keep_complaint,
                          .context = &last,
                          .apart = true};
    int64_t deadline = io_deadline(EXEC_MS);
    authplug_status status = AUTHPLUG_REFUSED;
    io_child *child = NULL;

    if (deadline > of->deadline)
        deadline = of->deadline;
    if (make_words(of, words, argv))
        status = io_child_start(&program, &child);
    if (status == AUTHPLUG_OK)
        status = hear_out(of, argv[0], child, deadline, &last, out);
    else
        status =
            source_fail(of, "%s could not be started: %s",
                        argv[0] != NULL ? argv[0] : "Exec", strerror(errno));
    free_words(argv);
    return status;
}

/* -------------------------------------------------------------------- files */

/* The first line of a file that nobody else can read. */
static authplug_status
read_secret_file(source *of, const char *path, authplug_secret *out)
{
    static const line_words lines = {"is empty", "holds a control character",
                                     "begins with a line that is too long"};
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
        status = take_line(of, path, line, &lines, out);
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

/* ------------------------------------------------------------- the keyring */

/* The first line of what the keyring has under a name. */
static authplug_status
read_keyring(source *of, const char *name, authplug_secret *out)
{
    static const line_words words = {"is empty", "holds a control character",
                                     "begins with a line that is too long"};
    authplug_secret *text = authplug_secret_new((size_t)1 << 16);
    authplug_status status = AUTHPLUG_NOMEM;
    authplug_span line;
    const unsigned char *end;
    char entry[256];

    if (text != NULL)
        status = keyring_get(name, text, of->deadline, of->why, sizeof of->why)
                     ? AUTHPLUG_OK
                     : AUTHPLUG_REFUSED;
    if (status == AUTHPLUG_OK) {
        line = authplug_secret_span(text);
        end = line.len > 0 ? memchr(line.data, '\n', line.len) : NULL;
        if (end != NULL)
            line.len = (size_t)(end - line.data);
        (void)snprintf(entry, sizeof entry, "the keyring's entry %s", name);
        status = take_line(of, entry, line, &words, out);
    }
    authplug_secret_free(&text);
    return status;
}

/* ------------------------------------------------------ what is no secret */

/* Groups are the prompt's own words. */
static authplug_status
open_value(void *context, const char *name, const char *argument,
           authplug_secret *out)
{
    if (name[0] < '1' || name[0] > '9')
        return AUTHPLUG_REFUSED;
    return word_value(context, name, argument, out);
}

bool
source_is_open(const answer_prompt *prompt, const match_found *found,
               authplug_secret *answer)
{
    source of = {.prompt = prompt, .found = found};
    const template *response = response_of(found->block, found->by);

    return !template_has_text(response) &&
           template_expand(response, open_value, &of, answer) == AUTHPLUG_OK &&
           authplug_secret_len(answer) > 0;
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
    return read_keyring(from->of, argument, out);
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
        return read_keyring(of, argument, out);
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
