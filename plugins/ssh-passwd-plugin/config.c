/* passwd_config: which program, and how its prompts are answered. */
#define _GNU_SOURCE
#include "passwd_plugin.h"

#include "io/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DATA_TIMEOUT 4
#define DATA_TIMEOUT_MOST 3600

/* in the order in which they are looked for */
static const char *const places[] = {
    "/etc/authplug/passwd_config",
    "/etc/ssh2/plugin/passwd_config",
};

static const template_token tokens[] = {
    {"user_name", TEMPLATE_NO_ARGUMENT},
    {"old_password", TEMPLATE_NO_ARGUMENT},
    {"new_password", TEMPLATE_NO_ARGUMENT},
    {NULL, TEMPLATE_NO_ARGUMENT},
};

/* What is being read. */
typedef struct reading {
    passwd_config *config;
    conf *file;
    bool seen_exit, seen_timeout;
} reading;

void
config_free(passwd_config **config)
{
    if (*config == NULL)
        return;
    scan_free(&(*config)->output);
    rules_free(&(*config)->rules);
    template_words_free(&(*config)->program);
    free((*config)->file);
    free(*config);
    *config = NULL;
}

/* ---------------------------------------------------------------- keywords */

static bool
once(reading *r, const conf_line *line, bool seen)
{
    if (seen)
        conf_wrong(r->file, line, "%s: it was given before: one was expected",
                   line->keyword);
    return !seen;
}

/* Whether a word tells a password to everybody who lists processes. */
static bool
shows_password(const template_words *words)
{
    for (size_t i = 0; i < template_words_count(words); i++)
        if (template_has(template_word(words, i), "old_password") ||
            template_has(template_word(words, i), "new_password"))
            return true;
    return false;
}

/* The words of a command; VALUE after writing why. */
static authplug_status
split(const char *text, template_words **made, char *why, size_t size)
{
    template_fault fault;
    authplug_status status = template_words_new(text, tokens, made, &fault);

    if (status == AUTHPLUG_VALUE) {
        io_explain(why, size, "byte %u: %s", (unsigned)fault.offset + 1,
                   fault.text);
    } else if (status == AUTHPLUG_OK && shows_password(*made)) {
        io_explain(why, size,
                   "every user of the machine would see the password: "
                   "no token but $user_name$ was expected");
        template_words_free(made);
        status = AUTHPLUG_VALUE;
    }
    return status;
}

static authplug_status
read_program(reading *r, const conf_line *line)
{
    char why[256];
    authplug_status status;

    if (!once(r, line, r->config->program != NULL))
        return AUTHPLUG_VALUE;
    status = split(line->value, &r->config->program, why, sizeof why);
    if (status == AUTHPLUG_VALUE)
        conf_wrong(r->file, line, "%s: %s", line->keyword, why);
    return status;
}

static authplug_status
read_line(reading *r, const conf_line *line)
{
    passwd_config *config = r->config;
    bool taken, good;
    authplug_status status = rules_take(config->rules, r->file, line, &taken);

    if (status != AUTHPLUG_OK || taken)
        return status;
    if (rules_open(config->rules))
        return rules_end(config->rules, r->file);
    if (conf_is(line, "PasswdPath"))
        return read_program(r, line);
    if (conf_is(line, "GetSuccessFromExit")) {
        good = once(r, line, r->seen_exit) &&
               conf_boolean(r->file, line, &config->success_from_exit);
        r->seen_exit = true;
    } else if (conf_is(line, "DataTimeout")) {
        good = once(r, line, r->seen_timeout) &&
               conf_number(r->file, line, 1, DATA_TIMEOUT_MOST,
                           &config->data_timeout);
        r->seen_timeout = true;
    } else {
        conf_wrong(r->file, line,
                   "unknown keyword %s: Request, Response, FinalResponse, "
                   "PasswdPath, DataTimeout or GetSuccessFromExit was expected",
                   line->keyword);
        good = false;
    }
    return good ? AUTHPLUG_OK : AUTHPLUG_VALUE;
}

/* ----------------------------------------------------------------- reading */

static authplug_status
read_all(reading *r)
{
    conf_line line;
    authplug_status status;

    while ((status = conf_next(r->file, &line)) == AUTHPLUG_OK) {
        status = read_line(r, &line);
        if (status != AUTHPLUG_OK)
            return status;
    }
    return status == AUTHPLUG_NEED_MORE ? rules_end(r->config->rules, r->file)
                                        : status;
}

/* A file that can never succeed is worth a word. */
static void
warn(const passwd_config *config, char *error, size_t size)
{
    bool success = false, final = false;

    for (size_t i = 0; i < rules_count(config->rules); i++) {
        const rule *it = rules_at(config->rules, i);

        success = success || it->result == TEMPLATE_SUCCESS;
        final = final || it->final;
    }
    if (!success && !(final && config->success_from_exit))
        io_explain(
            error, size,
            "%s: nothing in it can tell success: a Response $SUCCESS, or a "
            "FinalResponse and GetSuccessFromExit yes, was expected",
            config->file);
}

/* LIMIT after writing why. */
static authplug_status
make_ready(passwd_config *config, char *error, size_t size)
{
    authplug_status status = rules_scan(config->rules, &config->output);

    if (status == AUTHPLUG_LIMIT)
        io_explain(error, size,
                   "%s: its Requests are too large together: fewer or shorter "
                   "ones were expected",
                   config->file);
    return status;
}

/* The file to read: the one that was named, or the first that is there. */
static const char *
place(const char *path)
{
    for (size_t i = 0; path == NULL && i < sizeof places / sizeof *places; i++)
        if (access(places[i], F_OK) == 0 ||
            (errno != ENOENT && errno != ENOTDIR))
            path = places[i];
    return path;
}

passwd_config *
config_read(const char *path, char *error, size_t size)
{
    reading r = {.config = calloc(1, sizeof *r.config)};
    authplug_status status = AUTHPLUG_NOMEM;

    error[0] = 0;
    path = place(path);
    if (path == NULL) {
        free(r.config);
        io_explain(error, size,
                   "there is neither %s nor %s: copy the rules for "
                   "this system's passwd there, or name a file with "
                   "--config",
                   places[0], places[1]);
        return NULL;
    }
    if (r.config != NULL) {
        r.config->data_timeout = DATA_TIMEOUT;
        r.config->file = strdup(path);
        r.config->rules = rules_new(RULES_OUTPUT, tokens);
        if (r.config->file != NULL && r.config->rules != NULL)
            status = conf_open(path, CONF_NOT_WRITABLE, &r.file);
    }
    if (status == AUTHPLUG_OK)
        status = read_all(&r);
    if (status == AUTHPLUG_OK)
        status = make_ready(r.config, error, size);
    if (status == AUTHPLUG_OK) {
        warn(r.config, error, size);
    } else {
        if (error[0] == 0)
            io_explain(error, size, "%s",
                       r.file != NULL && conf_error(r.file)[0] != 0
                           ? conf_error(r.file)
                           : authplug_status_text(status));
        config_free(&r.config);
    }
    conf_free(&r.file);
    return r.config;
}

/* ------------------------------------------------------------- the program */

bool
config_find_program(passwd_config *config, char *error, size_t size)
{
    const char *from = getenv("SSH2_PASSWD_PATH");
    char why[256];
    authplug_status status;

    if (config->program != NULL)
        return true;
    status = split(from != NULL && from[0] != 0 ? from : "passwd",
                   &config->program, why, sizeof why);
    if (status != AUTHPLUG_OK)
        io_explain(error, size, "SSH2_PASSWD_PATH: %s",
                   status == AUTHPLUG_VALUE ? why
                                            : authplug_status_text(status));
    return status == AUTHPLUG_OK;
}
