/* authplug config: what applies to a host, and which file and line says so. */
#define _GNU_SOURCE
#include "cli/cli.h"

#include "client/program.h"
#include "client/settings.h"
#include "io/io.h"

#include <authplug/text.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM "authplug config"
#define OUTPUT_MAX (1u << 20)
/* what `ssh -G` may take, with the commands that a configuration runs */
#define RESOLVE_MS 120000

static const char help[] =
    "usage: authplug config [-F FILE] [-l USER] [-p PORT] [USER@]HOST\n"
    "\n"
    "Prints what of authplug's configuration applies to a host, and which "
    "file\n"
    "and line says so: the plugin that authplug ssh would start, and the "
    "rest.\n"
    "The files are ~/.config/authplug/config and /etc/authplug/config.\n"
    "\n"
    "  -F FILE, -l USER, -p PORT   as for ssh, which is asked for the host\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0; 1 if the files are wrong, or do not allow the plugin;\n"
    "2 misuse; 111 broken.\n"
    "More: man authplug-config\n";

static int
misuse(const char *what, const char *word)
{
    io_say(PROGRAM, "%s%s: see 'authplug config --help'", what, IO_SHORT(word));
    return CLI_MISUSE;
}

static int
print(const char *text)
{
    if (fputs(text, stdout) >= 0 && io_printed())
        return CLI_YES;
    io_say(PROGRAM, "it cannot be written to standard output: is there room?");
    return CLI_BROKEN;
}

/* ----------------------------------------------------------------- the host */

typedef struct target {
    authplug_secret *output; /* of `ssh -G`, cut into the texts below */
    settings_peer peer;
    bool batchmode;
} target;

static void
take_line(target *it, char *line)
{
    char *value = strchr(line, ' ');

    if (value == NULL)
        return;
    *value++ = 0;
    if (strcmp(line, "host") == 0)
        it->peer.given = value;
    else if (strcmp(line, "hostname") == 0)
        it->peer.name = value;
    else if (strcmp(line, "user") == 0)
        it->peer.user = value;
    else if (strcmp(line, "port") == 0)
        it->peer.port = (uint32_t)strtoul(value, NULL, 10);
    else if (strcmp(line, "batchmode") == 0)
        it->batchmode = strcmp(value, "yes") == 0;
}

/* Whether it says all that is needed. */
static bool
parse(target *it)
{
    char *at, *end;

    if (authplug_secret_append(it->output, "", 1) != AUTHPLUG_OK)
        return false;
    at = (char *)authplug_secret_span(it->output).data;
    for (; *at != 0; at = end) {
        end = strchrnul(at, '\n');
        if (*end != 0)
            *end++ = 0;
        take_line(it, at);
    }
    return it->peer.name != NULL && it->peer.user != NULL &&
           it->peer.port > 0 && it->peer.port <= 65535;
}

/* Asks stock ssh, as a login does. */
static int
resolve(target *it, const char *const *argv)
{
    int code = -1;
    authplug_status status = AUTHPLUG_NOMEM;

    it->output = authplug_secret_new(OUTPUT_MAX);
    if (it->output == NULL) {
        io_say(PROGRAM, "%s", authplug_status_text(AUTHPLUG_NOMEM));
        return CLI_BROKEN;
    }
    io_signals_begin();
    /* nothing is to be connected for an answer */
    if (setenv(ABOVE_GUARD, "1", 1) == 0)
        status =
            program_output(argv, it->output, io_deadline(RESOLVE_MS), &code);
    io_signals_end();
    if (status == AUTHPLUG_NOT_FOUND)
        io_say(PROGRAM, "OpenSSH's ssh was not found: install openssh-client");
    else if (status != AUTHPLUG_OK)
        io_say(PROGRAM, "ssh -G gave no configuration: %s",
               authplug_status_text(status));
    else if (code != 0)
        io_say(PROGRAM, "ssh -G refused the options or the configuration: "
                        "mend what it said above");
    else if (!parse(it))
        io_say(PROGRAM, "ssh -G named no host, user or port: is 'ssh' in "
                        "PATH OpenSSH's?");
    else
        return CLI_YES;
    return CLI_BROKEN;
}

/* ----------------------------------------------------------------- the rows */

/* Rows are gone through twice: to see how wide they are, and to print them. */
typedef struct rows {
    bool printing;
    size_t width; /* of the widest source */
} rows;

static const settings_place nowhere = {NULL, 0};

/* The text, harmless for the terminal; what it is may be anybody's. */
static void
print_safe(const char *text, size_t width)
{
    authplug_span span = authplug_span_of(text);
    authplug_secret *safe = authplug_secret_new(8 * span.len + 1);
    const char *shown = "(memory ran out)";
    size_t columns = 0;

    if (safe != NULL &&
        authplug_text_safe(span, io_text_flags(), safe) == AUTHPLUG_OK &&
        authplug_secret_text(safe) != NULL)
        shown = authplug_secret_text(safe);
    for (const char *c = shown; *c != 0; c++)
        columns += ((unsigned char)*c & 0xc0) != 0x80;
    fputs(shown, stdout);
    for (; columns < width; columns++)
        putchar(' ');
    authplug_secret_free(&safe);
}

static void
row(rows *it, const char *what, settings_place at, const char *from,
    const char *value)
{
    char source[4200];
    size_t columns = 0;

    if (at.file != NULL)
        (void)snprintf(source, sizeof source, "%s:%u", at.file, at.line);
    else
        (void)snprintf(source, sizeof source, "%s", from);
    for (const char *c = source; *c != 0; c++)
        columns += ((unsigned char)*c & 0xc0) != 0x80;
    if (columns > it->width)
        it->width = columns;
    if (!it->printing)
        return;
    printf("%-12s  ", what);
    print_safe(source, it->width + 2);
    print_safe(value, 0);
    putchar('\n');
}

static void
number_row(rows *it, const char *what, settings_place at, const char *from,
           long number)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%ld", number);
    row(it, what, at, from, text);
}

static void
list_rows(rows *it, const settings *from)
{
    bool limited = false;

    for (size_t i = SETTINGS_RANKS; i-- > 0;) {
        settings_rank rank = (settings_rank)i;
        settings_place at;
        const char *path;

        if (!settings_limited(from, rank, &at))
            continue;
        limited = true;
        if (settings_allowed(from, rank, 0, &at) == NULL)
            row(it, "AllowPlugins", at, "", "none");
        for (size_t n = 0;
             (path = settings_allowed(from, rank, n, &at)) != NULL; n++)
            row(it, "AllowPlugins", at, "", path);
    }
    if (!limited)
        row(it, "AllowPlugins", nowhere, "the default",
            "any command, by /bin/sh");
}

/* What a login would go by. */
typedef struct chosen {
    const settings *from;
    const target *to;
    settings_found found;
    const char *plugin, *plugin_from;
} chosen;

static void
all_rows(rows *it, const chosen *c)
{
    const settings_found *found = &c->found;
    const settings_peer *peer = &c->to->peer;
    bool by_ssh = c->to->batchmode && !found->batch;

    row(it, "host", nowhere, "the command line",
        peer->given != NULL ? peer->given : peer->name);
    row(it, "host name", nowhere, "ssh -G", peer->name);
    number_row(it, "port", nowhere, "ssh -G", (long)peer->port);
    row(it, "user", nowhere, "ssh -G", peer->user);
    row(it, "Plugin", c->plugin_from != NULL ? nowhere : found->plugin_at,
        c->plugin_from != NULL ? c->plugin_from : "nobody says",
        c->plugin != NULL ? c->plugin : "none");
    number_row(it, "Timeout", found->timeout_at, "the default", found->timeout);
    row(it, "Batch", by_ssh ? nowhere : found->batch_at,
        by_ssh ? "ssh -G, BatchMode" : "the default",
        by_ssh || found->batch ? "yes" : "no");
    list_rows(it, c->from);
}

/* ---------------------------------------------------------------- the whole */

static int
show(const settings *from, const target *to)
{
    rows it = {false, 0};
    chosen c = {.from = from, .to = to};
    const char *environment = getenv("AUTHPLUG_PLUGIN");
    char why[SETTINGS_WHY], **words = NULL;
    authplug_status status = AUTHPLUG_OK;

    settings_find(from, &to->peer, &c.found);
    c.plugin = c.found.plugin;
    if (environment != NULL) {
        c.plugin = environment[0] != 0 ? environment : NULL;
        c.plugin_from = "AUTHPLUG_PLUGIN";
    }
    all_rows(&it, &c);
    it.printing = true;
    all_rows(&it, &c);
    if (print("") != CLI_YES)
        return CLI_BROKEN;
    if (c.plugin != NULL)
        status = settings_allow(from, c.plugin, &words, why, sizeof why);
    free(words);
    if (status != AUTHPLUG_OK)
        io_say(PROGRAM, "%s", why);
    return status == AUTHPLUG_OK      ? CLI_YES
           : status == AUTHPLUG_NOMEM ? CLI_BROKEN
                                      : CLI_NO;
}

static int
tell(const char *const *argv)
{
    char why[SETTINGS_WHY];
    settings *from = settings_open(why, sizeof why);
    target to = {0};
    int result = CLI_NO;

    if (from == NULL)
        io_say(PROGRAM, "%s", why);
    else
        result = resolve(&to, argv);
    if (from != NULL && result == CLI_YES)
        result = show(from, &to);
    authplug_secret_free(&to.output);
    settings_free(&from);
    return result;
}

enum { HELP = 256, VERSION };

/* The one that getopt_long() does not take. */
static int
misuse_option(char **argv)
{
    char letter[] = {'-', (char)optopt, 0};

    if (optopt == 0 || optopt >= HELP) /* a long one, with its value */
        return misuse("unknown option ", argv[optind - 1]);
    if (strchr("Flp", optopt) != NULL)
        return misuse("a value is missing after ", letter);
    return misuse("unknown option ", letter);
}

static const struct option words[] = {
    {"help", no_argument, NULL, HELP},
    {"version", no_argument, NULL, VERSION},
    {NULL, 0, NULL, 0},
};

int
cli_config(int argc, char **argv)
{
    /* -T: or it remarks that there is no terminal */
    const char *ssh[12] = {"ssh", "-T", "-G"};
    size_t n = 3;
    int option;

    io_sanitise();
    opterr = 0; /* what is wrong is said once, by us */
    while ((option = getopt_long(argc, argv, "F:l:p:", words, NULL)) != -1) {
        if (option == HELP)
            return print(help);
        if (option == VERSION)
            return print(PROGRAM " " AUTHPLUG_VERSION_STRING "\n");
        if (option == '?')
            return misuse_option(argv);
        if (n + 4 > sizeof ssh / sizeof *ssh)
            return misuse("too many options", "");
        ssh[n++] = option == 'F' ? "-F" : option == 'l' ? "-l" : "-p";
        ssh[n++] = optarg;
    }
    if (optind == argc)
        return misuse("which host?", "");
    if (optind + 1 < argc)
        return misuse("this word is one too many: ", argv[optind + 1]);
    ssh[n++] = "--";
    ssh[n++] = argv[optind];
    ssh[n] = NULL;
    return tell(ssh);
}
