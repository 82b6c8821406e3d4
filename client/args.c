/* The command line: stock ssh's, with a few words of our own. */
#include "client/client.h"
#include "client/settings.h"
#include "client/words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What the session's ssh may not be told: how to reach the server. */
static const char *const connection_keys[] = {
    "proxycommand", "proxyjump",      "proxyusefdpass",
    "controlpath",  "controlmaster", "controlpersist",
};

static bool
misuse(const char *what, const char *word)
{
    io_say(PROGRAM, "%s%s: see '%s --help'", what, IO_SHORT(word), PROGRAM);
    return false;
}

static bool
parse_timeout(ssh_args *args, const char *text)
{
    char *end;
    long seconds;

    errno = 0;
    seconds = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != 0 || seconds < 1 ||
        seconds > SETTINGS_TIMEOUT_MOST_S)
        return misuse("--timeout takes seconds from 1 to 86400, not ", text);
    args->timeout_ms = (int)seconds * 1000;
    args->timeout_given = true;
    return true;
}

/* The value of --name VALUE or --name=VALUE; NULL if it is another option. */
static const char *
long_value(const char *name, char **argv, int *at, bool *missing)
{
    size_t len = strlen(name);

    if (strncmp(argv[*at] + 2, name, len) != 0)
        return NULL;
    if (argv[*at][2 + len] == '=')
        return argv[*at] + 3 + len;
    if (argv[*at][2 + len] != 0)
        return NULL;
    if (argv[*at + 1] == NULL) {
        *missing = true;
        return NULL;
    }
    return argv[++*at];
}

static bool
parse_long(ssh_args *args, char **argv, int *at)
{
    const char *word = argv[*at], *value;
    bool missing = false;

    if (strcmp(word, "--help") == 0)
        return args->help = true;
    if (strcmp(word, "--version") == 0)
        return args->version = true;
    if (strcmp(word, "--batch") == 0)
        return args->batch = true;
    if (args->connect && strcmp(word, "--foreground") == 0)
        return args->foreground = true;
    if (args->connect && strcmp(word, "--if-needed") == 0)
        return args->if_needed = true;
    if (args->connect && strcmp(word, "--quiet") == 0)
        return args->quiet = true;
    value = long_value("plugin", argv, at, &missing);
    if (value != NULL) {
        args->plugin = *value == 0 ? NULL : value;
        args->plugin_given = true;
        return true;
    }
    value = long_value("timeout", argv, at, &missing);
    if (value != NULL)
        return parse_timeout(args, value);
    if (missing)
        return misuse("a value is missing after ", word);
    return misuse("unknown option ", word);
}

/* Whether "-o VALUE" is about the connection, which the session does not
 * make. */
static bool
about_connection(const char *value)
{
    for (size_t i = 0; i < sizeof connection_keys / sizeof *connection_keys;
         i++)
        if (words_keyword(value, connection_keys[i]) != NULL)
            return true;
    return false;
}

static bool
keep(ssh_args *args, char name, const char *value)
{
    ssh_option *option = &args->options[args->count++];

    if (args->connect && name == 'f') {
        args->count--; /* it goes to the background anyway */
        return true;
    }
    option->name[0] = '-';
    option->name[1] = name;
    option->value = value;
    option->connection = strchr("JSM", name) != NULL ||
                         (name == 'o' && about_connection(value));
    if (name == 'O')
        args->control = value;
    else if (strchr(words_queries, name) != NULL)
        args->asks = true;
    if (name == 'w')
        args->tunnel = true;
    if (name == 'W')
        args->stdio_forward = true;
    if (name == 'v')
        args->verbose++;
    if (name == 'q')
        args->quiet = true;
    return true;
}

/* One word of short options: "-tt", "-p22", or "-p" and the next word. */
static bool
parse_short(ssh_args *args, char **argv, int *at)
{
    for (const char *c = argv[*at] + 1; *c != 0; c++) {
        const char *value = c + 1;

        if (strchr(words_flags, *c) != NULL) {
            (void)keep(args, *c, NULL);
            continue;
        }
        if (strchr(words_valued, *c) == NULL)
            return misuse("unknown option ", argv[*at]);
        if (*value == 0)
            value = argv[*at + 1] == NULL ? NULL : argv[++*at];
        if (value == NULL)
            return misuse("a value is missing after ", argv[*at]);
        return keep(args, *c, value);
    }
    return true;
}

static bool
allocate(ssh_args *args, int argc, char **argv)
{
    size_t letters = 1;

    for (int i = 1; i < argc; i++)
        letters += strlen(argv[i]) + 1;
    args->options = calloc(letters, sizeof *args->options);
    if (args->options == NULL)
        io_say(PROGRAM, "%s", authplug_status_text(AUTHPLUG_NOMEM));
    return args->options != NULL;
}

static bool
is_query(const ssh_args *args)
{
    return args->asks || args->control != NULL;
}

static bool
point_at_ssh(const ssh_args *args)
{
    io_say(PROGRAM, "-O is not for this command: type 'authplug ssh -O %s %s'",
           IO_SHORT(args->control),
           args->host != NULL ? IO_SHORT(args->host) : "HOST");
    return false;
}

bool
args_parse(ssh_args *args, int argc, char **argv)
{
    bool options = true;
    int i;

    args->plugin = getenv("AUTHPLUG_PLUGIN");
    args->plugin_given = args->plugin != NULL;
    if (args->plugin != NULL && *args->plugin == 0)
        args->plugin = NULL;
    args->timeout_ms = SETTINGS_TIMEOUT_S * 1000;
    if (!allocate(args, argc, argv))
        return false;
    for (i = 1; i < argc; i++) {
        const char *word = argv[i];

        if (options && strcmp(word, "--") == 0) {
            options = false;
        } else if (options && strncmp(word, "--", 2) == 0) {
            if (!parse_long(args, argv, &i))
                return false;
        } else if (options && word[0] == '-' && word[1] != 0) {
            if (!parse_short(args, argv, &i))
                return false;
        } else if (args->host == NULL) {
            args->host = word; /* options may follow it, as in stock ssh */
        } else {
            break;
        }
    }
    args->command = argv + i;
    args->words = (size_t)(argc - i);
    if (args->host == NULL && !is_query(args) && !args->help && !args->version)
        return misuse("which host? [options] [user@]host",
                      args->connect ? "" : " [command]");
    if (args->tunnel && !is_query(args))
        return misuse("a connection that is shared carries no tunnel device: "
                      "use stock ssh for -w",
                      "");
    if (args->connect && args->stdio_forward)
        return misuse("-W is for authplug ssh and stock ssh", "");
    if (args_control_path(args) != NULL && *args_control_path(args) == 0)
        return misuse("-S takes a path", "");
    if (args->connect && args->asks)
        return misuse("ssh itself answers -G, -Q and -V", "");
    if (args->connect && args->control != NULL)
        return point_at_ssh(args);
    if (args->connect && args->words > 0)
        return misuse("no command is run here, so there is one word too many: ",
                      args->command[0]);
    return true;
}

const char *
args_control_path(const ssh_args *args)
{
    const char *path = NULL, *said = NULL;

    for (size_t i = 0; i < args->count; i++) {
        const char *value = args->options[i].value;

        if (strcmp(args->options[i].name, "-S") == 0)
            path = value;
        else if (strcmp(args->options[i].name, "-o") == 0 && said == NULL)
            said = words_keyword(value, "controlpath");
    }
    return path != NULL ? path : said;
}

bool
args_alone(const ssh_args *args)
{
    const char *path = args_control_path(args);

    return path != NULL && strcmp(path, "none") == 0;
}

void
args_free(ssh_args *args)
{
    free(args->options);
    args->options = NULL;
    free(args->plugin_words);
    args->plugin_words = NULL;
    settings_free(&args->settings);
}

const char **
args_build(const ssh_args *args, const char *const *first, unsigned which)
{
    bool all = (which & ARGS_ALL_OPTIONS) != 0;
    size_t n = 0, i = 0;
    const char **argv;

    while (first[n] != NULL)
        n++;
    argv = calloc(n + 2 * args->count + args->words + 7, sizeof *argv);
    if (argv == NULL)
        return NULL;
    for (; i < n; i++)
        argv[i] = first[i];
    if ((which & ARGS_BATCH) != 0 && args->batch)
        argv[i++] = "-oBatchMode=yes";
    if (args->user != NULL) {
        argv[i++] = "-l";
        argv[i++] = args->user;
    }
    for (size_t o = 0; o < args->count; o++) {
        if (!all && args->options[o].connection)
            continue;
        /* which of two -l counts depends on ssh's version */
        if (args->user != NULL && strcmp(args->options[o].name, "-l") == 0)
            continue;
        argv[i++] = args->options[o].name;
        if (args->options[o].value != NULL)
            argv[i++] = args->options[o].value;
    }
    if (args->host == NULL)
        return argv;
    argv[i++] = "--";
    argv[i++] = args->host;
    for (size_t w = 0; (which & ARGS_COMMAND) != 0 && w < args->words; w++)
        argv[i++] = args->command[w];
    return argv;
}
