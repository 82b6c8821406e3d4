/* serve's configuration: Tectia's keywords, and PasswordFile, which is ours. */
#define _GNU_SOURCE
#include "server/serve.h"

#include "io/io.h"
#include "server/accounts.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ------------------------------------------------------------- keywords */

typedef enum value_kind {
    TEXT,      /* const char * */
    ADDRESSES, /* serve_texts */
    FILES,     /* serve_texts */
    NUMBER,    /* long */
    METHODS,   /* unsigned */
    SUBMETHODS /* serve_submethods */
} value_kind;

#define FIELD(name) offsetof(serve_config, name)

typedef enum keyword {
    PORT,
    LISTEN_ADDRESS,
    HOST_KEY_FILE,
    LOGIN_GRACE_TIME,
    ALLOWED,
    REQUIRED,
    PASSWORD_FILE,
    PASSWORD_GUESSES,
    CHANGE_PLUGIN,
    PASSWD_PATH,
    KBDINT_PLUGIN,
    KBDINT_REQUIRED,
    KBDINT_OPTIONAL,
    KBDINT_NUM_OPTIONAL,
    KBDINT_RETRIES,
    FAILURE_TIMEOUT,
    AUTHORIZATION,
    KEYWORDS
} keyword;

static const struct {
    const char *name;
    value_kind kind;
    size_t field;
    long least, most;
} keywords[KEYWORDS] = {
    [PORT] = {"Port", NUMBER, FIELD(port), 0, 65535},
    [LISTEN_ADDRESS] = {"ListenAddress", ADDRESSES, FIELD(listen), 0, 0},
    [HOST_KEY_FILE] = {"HostKeyFile", FILES, FIELD(host_keys), 0, 0},
    [LOGIN_GRACE_TIME] = {"LoginGraceTime", NUMBER, FIELD(grace), 1, 3600},
    [ALLOWED] = {"AllowedAuthentications", METHODS, FIELD(allowed), 0, 0},
    [REQUIRED] = {"RequiredAuthentications", METHODS, FIELD(required), 0, 0},
    [PASSWORD_FILE] = {"PasswordFile", TEXT, FIELD(password_file), 0, 0},
    [PASSWORD_GUESSES] = {"PasswordGuesses", NUMBER, FIELD(password_guesses),
                          1, 100},
    [CHANGE_PLUGIN] = {"AuthPassword.ChangePlugin", TEXT, FIELD(change_plugin),
                       0, 0},
    [PASSWD_PATH] = {"PasswdPath", TEXT, FIELD(passwd_path), 0, 0},
    [KBDINT_PLUGIN] = {"AuthKbdInt.Plugin", TEXT, FIELD(kbdint_plugin), 0, 0},
    [KBDINT_REQUIRED] = {"AuthKbdInt.Required", SUBMETHODS,
                         FIELD(sub_required), 0, 0},
    [KBDINT_OPTIONAL] = {"AuthKbdInt.Optional", SUBMETHODS,
                         FIELD(sub_optional), 0, 0},
    [KBDINT_NUM_OPTIONAL] = {"AuthKbdInt.NumOptional", NUMBER,
                             FIELD(optional_needed), 0, SERVE_SUB_COUNT},
    [KBDINT_RETRIES] = {"AuthKbdInt.Retries", NUMBER, FIELD(kbdint_retries), 1,
                        100},
    [FAILURE_TIMEOUT] = {"AuthInteractiveFailureTimeout", NUMBER,
                         FIELD(failure_delay), 0, 60},
    [AUTHORIZATION] = {"ExternalAuthorizationProgram", TEXT,
                       FIELD(authorization), 0, 0},
};

/* The file while it is read: where each keyword was, number 0 for nowhere. */
typedef struct reading {
    serve_config *config;
    conf *file;
    conf_line lines[KEYWORDS];
} reading;

/* --------------------------------------------------------------- values */

/* How often a word of a list is what; -1 for a word that is none. */
typedef int (*meaning)(const char *word);

static int
method_of(const char *word)
{
    return strcmp(word, "keyboard-interactive") == 0 ? SERVE_KBDINT
           : strcmp(word, "password") == 0           ? SERVE_PASSWORD
                                                     : -1;
}

static int
submethod_of(const char *word)
{
    return strcmp(word, "plugin") == 0     ? SERVE_SUB_PLUGIN
           : strcmp(word, "password") == 0 ? SERVE_SUB_PASSWORD
                                           : -1;
}

/* The words of a list as numbers; how many, or 0 after complaining. */
static size_t
read_words(reading *at, const conf_line *line, meaning of, const char *known,
           int numbers[SERVE_SUB_COUNT])
{
    size_t count = 0, kept = 0;
    char **words = conf_list(line, &count);

    if (words == NULL) {
        conf_wrong(at->file, line, "%s: memory ran out", line->keyword);
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        int number = of(words[i]);

        for (size_t k = 0; k < kept; k++)
            if (numbers[k] == number)
                number = -1;
        if (number < 0 || kept == SERVE_SUB_COUNT) {
            kept = count = 0;
            break;
        }
        numbers[kept++] = number;
    }
    free(words);
    if (kept == 0)
        conf_wrong(at->file, line, "%s: some of %s were expected, each once",
                   line->keyword, known);
    return kept;
}

static bool
read_methods(reading *at, const conf_line *line, unsigned *methods)
{
    int numbers[SERVE_SUB_COUNT];
    size_t count = read_words(at, line, method_of,
                              "keyboard-interactive and password", numbers);

    *methods = 0;
    for (size_t i = 0; i < count; i++)
        *methods |= (unsigned)numbers[i];
    return count > 0;
}

static bool
read_submethods(reading *at, const conf_line *line, serve_submethods *list)
{
    int numbers[SERVE_SUB_COUNT];

    list->count =
        read_words(at, line, submethod_of, "plugin and password", numbers);
    for (size_t i = 0; i < list->count; i++)
        list->of[i] = (serve_submethod)numbers[i];
    return list->count > 0;
}

bool
serve_is_address(const char *text)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;

    if (getaddrinfo(text, NULL, &hints, &found) != 0)
        return false;
    freeaddrinfo(found);
    return true;
}

static bool
read_one_more(reading *at, const conf_line *line, value_kind kind,
              serve_texts *texts)
{
    if (kind == ADDRESSES && !serve_is_address(line->value))
        conf_wrong(at->file, line, "%s: an address in numbers was expected",
                   line->keyword);
    else if (texts->count == SERVE_TEXTS)
        conf_wrong(at->file, line, "%s: %d at most were expected",
                   line->keyword, SERVE_TEXTS);
    else {
        texts->of[texts->count++] = line->value;
        return true;
    }
    return false;
}

/* Reads one line's value into its field. */
static bool
read_value(reading *at, const conf_line *line, keyword number)
{
    void *field = (char *)at->config + keywords[number].field;
    value_kind kind = keywords[number].kind;

    if (line->value[0] == 0) {
        conf_wrong(at->file, line, "%s: a value was expected", line->keyword);
        return false;
    }
    if (at->lines[number].number != 0 && kind != ADDRESSES && kind != FILES) {
        conf_wrong(at->file, line, "%s: once was expected; it is in line %u",
                   line->keyword, at->lines[number].number);
        return false;
    }
    at->lines[number] = *line;
    switch (kind) {
    case TEXT:
        *(const char **)field = line->value;
        return true;
    case ADDRESSES:
    case FILES:
        return read_one_more(at, line, kind, field);
    case NUMBER:
        return conf_number(at->file, line, keywords[number].least,
                           keywords[number].most, field);
    case METHODS:
        return read_methods(at, line, field);
    case SUBMETHODS:
        return read_submethods(at, line, field);
    }
    return false;
}

/* ------------------------------------------------- what goes with what */

static bool
has(const serve_submethods *list, serve_submethod which)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->of[i] == which)
            return true;
    return false;
}

/* Complains about the keyword's line; for keywords that were given. */
#define WRONG(at, number, ...)                                                 \
    (conf_wrong((at)->file, &(at)->lines[number], __VA_ARGS__), false)

static bool
given(const reading *at, keyword number)
{
    return at->lines[number].number != 0;
}

/* A list of submethods can be run. */
static bool
check_submethods(reading *at, keyword number, const serve_submethods *list)
{
    if (has(list, SERVE_SUB_PLUGIN) && at->config->kbdint_plugin == NULL)
        return WRONG(at, number,
                     "%s: plugin: AuthKbdInt.Plugin was expected, too",
                     keywords[number].name);
    if (has(list, SERVE_SUB_PASSWORD) && at->config->password_file == NULL)
        return WRONG(at, number, "%s: password: PasswordFile was expected, too",
                     keywords[number].name);
    return true;
}

static bool
complete_submethods(reading *at)
{
    serve_config *config = at->config;
    serve_submethods *required = &config->sub_required;
    serve_submethods *optional = &config->sub_optional;

    if (!check_submethods(at, KBDINT_REQUIRED, required) ||
        !check_submethods(at, KBDINT_OPTIONAL, optional))
        return false;
    for (size_t i = 0; i < optional->count; i++)
        if (has(required, optional->of[i]))
            return WRONG(at, KBDINT_OPTIONAL,
                         "AuthKbdInt.Optional: none that AuthKbdInt.Required "
                         "has was expected");
    if ((size_t)config->optional_needed > optional->count)
        return WRONG(at, KBDINT_NUM_OPTIONAL,
                     "AuthKbdInt.NumOptional: no more than AuthKbdInt.Optional "
                     "has were expected");
    /* one must pass where nothing is required */
    if (required->count == 0 && optional->count > 0 &&
        config->optional_needed == 0)
        config->optional_needed = 1;
    /* where no list is given, there is but one way to read it */
    if (required->count + optional->count == 0) {
        if (config->kbdint_plugin != NULL)
            required->of[required->count++] = SERVE_SUB_PLUGIN;
        else if (config->password_file != NULL)
            required->of[required->count++] = SERVE_SUB_PASSWORD;
    }
    return true;
}

/* A password that a list has keyboard-interactive ask for is not to do alone,
 * unless somebody says so. */
static unsigned
default_methods(const reading *at, unsigned possible)
{
    const serve_config *config = at->config;
    bool asked = (given(at, KBDINT_REQUIRED) &&
                  has(&config->sub_required, SERVE_SUB_PASSWORD)) ||
                 (given(at, KBDINT_OPTIONAL) &&
                  has(&config->sub_optional, SERVE_SUB_PASSWORD));

    return possible & ~(asked ? SERVE_PASSWORD & ~config->required : 0);
}

/* Methods that are named can be run; of the default, those that can are. */
static bool
complete_methods(reading *at)
{
    static const keyword lists[] = {ALLOWED, REQUIRED};
    serve_config *config = at->config;
    unsigned possible = 0;

    if (config->sub_required.count + config->sub_optional.count > 0)
        possible |= SERVE_KBDINT;
    if (config->password_file != NULL)
        possible |= SERVE_PASSWORD;
    if (!given(at, ALLOWED))
        config->allowed = default_methods(at, possible);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        unsigned named = i == 0 ? config->allowed : config->required;
        unsigned lacking = named & ~possible;

        if (lacking & SERVE_PASSWORD)
            return WRONG(at, lists[i],
                         "%s: password: PasswordFile was expected, too",
                         keywords[lists[i]].name);
        if (lacking & SERVE_KBDINT)
            return WRONG(at, lists[i],
                         "%s: keyboard-interactive: AuthKbdInt.Plugin or "
                         "PasswordFile was expected, too",
                         keywords[lists[i]].name);
    }
    if (config->required & ~config->allowed)
        return WRONG(at, REQUIRED, "RequiredAuthentications: some of "
                                   "AllowedAuthentications were expected");
    return true;
}

/* Who keeps a password file has a program that changes it. */
static bool
complete_passwd(reading *at)
{
    serve_config *config = at->config;
    const char *fault;

    if (config->passwd_path != NULL) {
        fault = passwd_fault(config->passwd_path);
        return fault == NULL ||
               WRONG(at, PASSWD_PATH, "PasswdPath: %s", fault);
    }
    if (config->password_file == NULL)
        return true;
    config->passwd_made = passwd_default(config->password_file);
    config->passwd_path = config->passwd_made;
    return config->passwd_path != NULL ||
           WRONG(at, PASSWORD_FILE, "PasswordFile: no command can be made for "
                                    "it: an absolute path was expected");
}

static bool
complete(reading *at)
{
    serve_config *config = at->config;

    if (!complete_submethods(at) || !complete_methods(at) ||
        !complete_passwd(at))
        return false;
    if (config->grace <= config->failure_delay)
        return WRONG(at, given(at, FAILURE_TIMEOUT) ? FAILURE_TIMEOUT
                                                    : LOGIN_GRACE_TIME,
                     "AuthInteractiveFailureTimeout, which is %ld, must be "
                     "less than LoginGraceTime, which is %ld",
                     config->failure_delay, config->grace);
    return true;
}

/* -------------------------------------------------------------- reading */

static bool
read_line(reading *at, const conf_line *line)
{
    for (int i = 0; i < KEYWORDS; i++)
        if (conf_is(line, keywords[i].name))
            return read_value(at, line, (keyword)i);
    conf_wrong(at->file, line, "%s: a keyword of authplug-serve(1) was "
                               "expected", line->keyword);
    return false;
}

static bool
read_all(reading *at)
{
    authplug_status status;
    conf_line line;

    while ((status = conf_next(at->file, &line)) == AUTHPLUG_OK)
        if (!read_line(at, &line))
            return false;
    return status == AUTHPLUG_NEED_MORE && complete(at);
}

/* It is read at each login; what is wrong with it now would be then. */
static bool
check_passwords(const serve_config *config)
{
    const char *error = "";
    authplug_status status =
        config->password_file == NULL
            ? AUTHPLUG_OK
            : accounts_usable(config->password_file, &error);

    if (status != AUTHPLUG_OK)
        io_say(SERVE_PROGRAM, "%s%s", error,
               status == AUTHPLUG_NOT_FOUND
                   ? ": 'authplug passwd --create' makes it" : "");
    return status == AUTHPLUG_OK;
}

/* False after saying why. */
static bool
read_file(serve_config *config, const char *path)
{
    reading at = {.config = config};

    *config = (serve_config){
        .port = 2222,
        .grace = 120,
        .failure_delay = 2,
        .allowed = SERVE_KBDINT | SERVE_PASSWORD,
        .password_guesses = 3,
        .kbdint_retries = 3,
    };
    if (conf_open(path, CONF_NOT_WRITABLE, &config->file) == AUTHPLUG_OK) {
        at.file = config->file;
        if (read_all(&at) && config->allowed != 0)
            return true;
    }
    if (config->file == NULL)
        io_say(SERVE_PROGRAM, "%s: memory ran out", path);
    else if (conf_error(config->file)[0] != 0)
        io_say(SERVE_PROGRAM, "%s", conf_error(config->file));
    else
        io_say(SERVE_PROGRAM,
               "%s: nobody could log in: AuthKbdInt.Plugin or PasswordFile "
               "was expected", path);
    return false;
}

bool
serve_config_load(serve_config *config, const char *path)
{
    if (read_file(config, path) && check_passwords(config))
        return true;
    serve_config_free(config);
    return false;
}

void
serve_config_free(serve_config *config)
{
    free(config->passwd_made);
    config->passwd_made = NULL;
    conf_free(&config->file);
}
