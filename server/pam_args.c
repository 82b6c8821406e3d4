/* What a line of pam.d tells pam_authplug. */
#define _GNU_SOURCE
#include "server/pam_args.h"

#include "io/io.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_S 60
#define MIN_TIME_MS 2000
#define RETRIES 1
/* the largest numbers that are taken for no mistake */
#define TIMEOUT_MOST_S 3600
#define MIN_TIME_MOST_MS 60000
#define RETRIES_MOST 100

#define NOT_GIVEN (-1)

IO_PRINTF(2, 3)
static bool
wrong(pamargs *args, const char *format, ...)
{
    va_list list;

    if (args->error[0] != 0)
        return false; /* the first complaint stays */
    va_start(list, format);
    (void)vsnprintf(args->error, sizeof args->error, format, list);
    va_end(list);
    return false;
}

/* -------------------------------------------------------------- one word */

static bool
take_text(pamargs *args, const char *name, const char *given,
          const char **value)
{
    if (*value != NULL)
        return wrong(args, "the argument %s= is given twice", name);
    if (*given == 0)
        return wrong(args, "the argument %s= lacks its value", name);
    *value = given;
    return true;
}

static bool
take_number(pamargs *args, const char *name, const char *given, long least,
            long most, long *value)
{
    long number;
    char *end;

    if (*value != NOT_GIVEN)
        return wrong(args, "the argument %s= is given twice", name);
    errno = 0;
    number = strtol(given, &end, 10);
    if (*given < '0' || *given > '9' || *end != 0 || errno != 0 ||
        number < least || number > most)
        return wrong(args,
                     "the argument %s= takes a number from %ld to %ld, not "
                     "\"%s\"",
                     name, least, most, given);
    *value = number;
    return true;
}

static bool
take_flag(pamargs *args, const char *name, bool *value)
{
    if (*value)
        return wrong(args, "the argument %s is given twice", name);
    return *value = true;
}

/* The value of "name=value", or NULL. */
static const char *
value_of(const char *word, const char *name)
{
    size_t len = strlen(name);

    return strncmp(word, name, len) == 0 && word[len] == '=' ? word + len + 1
                                                             : NULL;
}

static bool
take(pamargs *args, const char *word, long *timeout_s)
{
    const char *value;

    if ((value = value_of(word, "plugin")) != NULL)
        return take_text(args, "plugin", value, &args->plugin);
    if ((value = value_of(word, "config")) != NULL)
        return take_text(args, "config", value, &args->config);
    if ((value = value_of(word, "user")) != NULL)
        return take_text(args, "user", value, &args->user);
    if ((value = value_of(word, "timeout")) != NULL)
        return take_number(args, "timeout", value, 1, TIMEOUT_MOST_S,
                           timeout_s);
    if ((value = value_of(word, "min_time")) != NULL)
        return take_number(args, "min_time", value, 0, MIN_TIME_MOST_MS,
                           &args->min_time_ms);
    if ((value = value_of(word, "retries")) != NULL)
        return take_number(args, "retries", value, 1, RETRIES_MOST,
                           &args->retries);
    if (strcmp(word, "debug") == 0)
        return take_flag(args, "debug", &args->debug);
    if (strcmp(word, "shell") == 0)
        return take_flag(args, "shell", &args->shell);
    if (strcmp(word, "remember") == 0)
        return take_flag(args, "remember", &args->remember);
    return wrong(args,
                 "the argument \"%s\" is unknown (one with blanks is put in "
                 "brackets: [plugin=/path word])",
                 word);
}

/* ---------------------------------------------------------------- the file */

/* Tectia's and serve's keywords, which are none of ours. */
static bool
is_anothers(const conf_line *line)
{
    static const char *const names[] = {
        "Port", "ListenAddress", "HostKeyFile", "LoginGraceTime",
        "AllowedAuthentications", "RequiredAuthentications", "PasswordGuesses",
        "PasswordFile", "AuthPassword.ChangePlugin", "PasswdPath",
        "AuthKbdInt.Plugin", "AuthKbdInt.Required", "AuthKbdInt.Optional",
        "AuthKbdInt.NumOptional", "AuthKbdInt.Retries",
        "AuthInteractiveFailureTimeout", "ExternalAuthorizationProgram",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (conf_is(line, names[i]))
            return true;
    return false;
}

static bool
set_text(pamargs *args, const conf_line *line, const char **value)
{
    if (*line->value == 0) {
        conf_wrong(args->file, line, "%s lacks its value", line->keyword);
        return false;
    }
    if (*value == NULL)
        *value = line->value;
    return true;
}

static bool
set_number(pamargs *args, const conf_line *line, long least, long most,
           long scale, long *value)
{
    long number;

    if (!conf_number(args->file, line, least, most, &number))
        return false;
    if (*value == NOT_GIVEN)
        *value = number * scale;
    return true;
}

static bool
set(pamargs *args, pamargs_type type, const conf_line *line)
{
    static const char *const plugins[] = {
        [PAMARGS_AUTH] = "AuthKbdInt.Plugin",
        [PAMARGS_ACCOUNT] = "ExternalAuthorizationProgram",
        [PAMARGS_PASSWORD] = "AuthPassword.ChangePlugin",
    };

    if (conf_is(line, plugins[type]))
        return set_text(args, line, &args->plugin);
    if (conf_is(line, "AuthInteractiveFailureTimeout"))
        return set_number(args, line, 0, MIN_TIME_MOST_MS / 1000, 1000,
                          &args->min_time_ms);
    if (type == PAMARGS_AUTH && conf_is(line, "AuthKbdInt.Retries"))
        return set_number(args, line, 1, RETRIES_MOST, 1, &args->retries);
    if (type == PAMARGS_PASSWORD && conf_is(line, "PasswdPath"))
        return set_text(args, line, &args->passwd_path);
    if (is_anothers(line))
        return true;
    conf_wrong(args->file, line, "the keyword %s is unknown", line->keyword);
    return false;
}

/* Who can write the file chooses what runs as root, and so does who can put
 * another in its place. */
static bool
read_file(pamargs *args, pamargs_type type)
{
    authplug_status status;
    conf_line line;

    status = io_trusted(args->config, args->error, sizeof args->error);
    if (status != AUTHPLUG_OK)
        return false;
    status = conf_open(args->config, CONF_NOT_WRITABLE, &args->file);
    while (status == AUTHPLUG_OK) {
        status = conf_next(args->file, &line);
        if (status == AUTHPLUG_OK && !set(args, type, &line))
            status = AUTHPLUG_VALUE;
    }
    if (status == AUTHPLUG_NEED_MORE)
        return true;
    return wrong(args, "%s",
                 args->file != NULL && *conf_error(args->file) != 0
                     ? conf_error(args->file)
                     : authplug_status_text(status));
}

/* ------------------------------------------------------------- the command */

#define BLANKS " \t"

/* Takes one word of the command; quotes of both kinds keep blanks, and nothing
 * else is special. NULL when a quote has no end. */
static const char *
next_word(const char *from, char **to)
{
    while (*from != 0 && strchr(BLANKS, *from) == NULL) {
        if (*from == '"' || *from == '\'') {
            char quote = *from++;

            while (*from != 0 && *from != quote)
                *(*to)++ = *from++;
            if (*from++ == 0)
                return NULL;
        } else {
            *(*to)++ = *from++;
        }
    }
    *(*to)++ = 0;
    return from;
}

/* A list and its words in one allocation. */
static bool
split(pamargs *args)
{
    const char *from = args->plugin;
    size_t len = strlen(from), most = len / 2 + 2, count = 0;
    char **words = calloc(1, most * sizeof *words + len + 1);
    char *to = (char *)(words + most);

    args->words = words;
    if (words == NULL)
        return wrong(args, "out of memory");
    while (*(from += strspn(from, BLANKS)) != 0) {
        words[count++] = to;
        from = next_word(from, &to);
        if (from == NULL)
            return wrong(args, "the plugin's command has a quote without end");
    }
    if (count == 0)
        return wrong(args, "the plugin's command is empty");
    return true;
}

static bool
take_all(pamargs *args, pamargs_type type, int argc, const char *const *argv,
         long *timeout_s)
{
    bool good = true;

    /* to the end: min_time= counts wherever it stands */
    for (int i = 0; i < argc; i++)
        good &= take(args, argv[i], timeout_s);
    if (!good)
        return false;
    if (args->remember && type != PAMARGS_AUTH)
        return wrong(args, "the argument remember is for auth lines");
    if (args->remember && (args->plugin != NULL || args->config != NULL))
        return wrong(args, "a line with remember asks no plugin: give that a "
                           "line of its own");
    if (args->retries != NOT_GIVEN && type != PAMARGS_AUTH)
        return wrong(args, "the argument retries= is for auth lines");
    return true;
}

static bool
settle_command(pamargs *args)
{
    if (args->remember)
        return true;
    if (args->plugin == NULL)
        return wrong(args, "there is no plugin: give plugin=/path, or a "
                           "config= that names one");
    return args->shell || split(args);
}

bool
pamargs_parse(pamargs *args, pamargs_type type, int argc,
              const char *const *argv)
{
    long timeout_s = NOT_GIVEN;
    bool good;

    memset(args, 0, sizeof *args);
    args->min_time_ms = args->retries = NOT_GIVEN;
    good = take_all(args, type, argc, argv, &timeout_s) &&
           (args->config == NULL || read_file(args, type)) &&
           settle_command(args);
    /* a refusal takes its time whatever else is wrong */
    if (args->min_time_ms == NOT_GIVEN)
        args->min_time_ms = MIN_TIME_MS;
    if (args->retries == NOT_GIVEN)
        args->retries = RETRIES;
    args->timeout_ms = 1000 * (timeout_s == NOT_GIVEN ? TIMEOUT_S : timeout_s);
    return good;
}

void
pamargs_free(pamargs *args)
{
    free(args->words);
    conf_free(&args->file);
    memset(args, 0, sizeof *args);
}
