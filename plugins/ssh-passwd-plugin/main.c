/* ssh-passwd-plugin: the options, and what is done without a server. */
#define _GNU_SOURCE
#include "passwd_plugin.h"

#include "io/io.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long the server may take to say what is to be changed. */
#define SERVER_MS 60000

static const char help[] =
    "usage: " PROGRAM " [-d [MODULE=]LEVEL] [--config FILE]\n"
    "       " PROGRAM " [--config FILE] --check\n"
    "       " PROGRAM " [--config FILE] --dry-run TRANSCRIPT\n"
    "\n"
    "Changes a password for an SSH server, as a plugin of Tectia's protocol "
    "for\n"
    "password changes: runs the system's passwd in a terminal, and answers "
    "its\n"
    "prompts by the rules in passwd_config. Servers start it.\n"
    "\n"
    "  --config FILE         the rules (/etc/authplug/passwd_config, then\n"
    "                        /etc/ssh2/plugin/passwd_config)\n"
    "  --check               read them, say what is wrong, and end\n"
    "  --dry-run TRANSCRIPT  print which rule each line of a program's output\n"
    "                        would match (\"-\": standard input)\n"
    "  -d, --debug [MODULE=]LEVEL\n"
    "                        show on standard error what happens: 3 which "
    "rules\n"
    "                        rules match, 9 all of it, passwords masked\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 changed; 1 not; 2 misuse; 111 could not decide.\n"
    "More: man " PROGRAM "\n";

typedef struct options {
    const char *config, *transcript;
    bool check;
} options;

static int
misuse(const char *what, const char *word)
{
    io_say(PROGRAM, "%s%s: see '" PROGRAM " --help'", what, word);
    return RAN_MISUSE;
}

/* -------------------------------------------------------------- the plugin */

/* The file is read for each change: what is wrong with it is the server's to
 * log. */
static bool
decide(authplug_tectia_session *session, void *path)
{
    char error[1024];
    passwd_config *config = config_read(path, error, sizeof error);
    bool changed = false;

    io_signals_begin(); /* so that the program is ended before we are */
    if (config != NULL && config_find_program(config, error, sizeof error))
        changed = dialogue_run(config, session);
    else
        (void)authplug_tectia_session_refuse_log(session, error);
    config_free(&config);
    io_signals_end();
    return changed;
}

static int
run_plugin(const options *o)
{
    authplug_tectia_program changes = {.name = PROGRAM,
                                       .kind = AUTHPLUG_TECTIA_PASSWD,
                                       .decide = decide,
                                       .timeout_ms = SERVER_MS};

    return authplug_tectia_run(&changes, (void *)(uintptr_t)o->config);
}

/* ----------------------------------------------------- without a server */

static int
check(const options *o)
{
    char error[1024];
    passwd_config *config = config_read(o->config, error, sizeof error);

    if (error[0] != 0)
        io_say(PROGRAM, "%s", error);
    if (config == NULL)
        return RAN_NO;
    printf("%s: %u rules\n", config->file,
           (unsigned)rules_count(config->rules));
    config_free(&config);
    return fflush(stdout) == 0 ? RAN_YES : RAN_BROKEN;
}

static int
run_dry(const options *o)
{
    char error[1024];
    passwd_config *config = config_read(o->config, error, sizeof error);
    int result = RAN_BROKEN;

    if (error[0] != 0)
        io_say(PROGRAM, "%s", error);
    if (config != NULL)
        result = dry_run(config, o->transcript);
    config_free(&config);
    return result;
}

/* -------------------------------------------------------------- options */

enum { CONFIG = 256, CHECK, DRY_RUN, HELP, VERSION };

static const struct option words[] = {
    {"config", required_argument, NULL, CONFIG},
    {"check", no_argument, NULL, CHECK},
    {"dry-run", required_argument, NULL, DRY_RUN},
    {"debug", required_argument, NULL, 'd'},
    {"help", no_argument, NULL, HELP},
    {"version", no_argument, NULL, VERSION},
    {NULL, 0, NULL, 0},
};

static int
take(options *o, int option, const char *value)
{
    switch (option) {
    case CONFIG:
        o->config = value;
        return RAN_YES;
    case CHECK:
        o->check = true;
        return RAN_YES;
    case DRY_RUN:
        o->transcript = value;
        return RAN_YES;
    case 'd':
        return debug_set(value)
                   ? RAN_YES
                   : misuse("-d takes [MODULE=]LEVEL, a level being a number "
                            "from 0 to 99, not ",
                            value);
    case HELP:
        fputs(help, stdout);
        exit(RAN_YES);
    case VERSION:
        puts(PROGRAM " " AUTHPLUG_VERSION_STRING);
        exit(RAN_YES);
    default:
        return misuse("that option is unknown or lacks its value", "");
    }
}

int
main(int argc, char **argv)
{
    const char *levels = getenv("SSH_DEBUG_LEVEL");
    options o = {0};
    int option, bad = RAN_YES;

    io_keep_secrets();
    io_sanitise();
    if (levels != NULL && levels[0] != 0 && !debug_set(levels))
        io_say(PROGRAM, "SSH_DEBUG_LEVEL is no [MODULE=]LEVEL: it is ignored");
    opterr = 0; /* what is wrong is said once, by us */
    while (bad == RAN_YES &&
           (option = getopt_long(argc, argv, "d:", words, NULL)) != -1)
        bad = take(&o, option, optarg);
    if (bad == RAN_YES && optind < argc)
        bad = misuse("this word is one too many: ", argv[optind]);
    if (bad == RAN_YES && o.check && o.transcript != NULL)
        bad = misuse("--check and --dry-run do not go together", "");
    if (bad != RAN_YES)
        return bad;
    return o.check                ? check(&o)
           : o.transcript != NULL ? run_dry(&o)
                                  : run_plugin(&o);
}
