/* authplug askpass: the options of the broker for stock ssh's prompts. */
#define _GNU_SOURCE
#include "cli/cli.h"

#include "client/askpass.h"
#include "client/settings.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
    "usage: authplug askpass [--plugin CMD] [--batch] [--timeout S] [-v] --\n"
    "                        COMMAND [ARG...]\n"
    "\n"
    "Runs ssh, or a command that runs ssh, with a plugin answering the\n"
    "server's questions. The login is stock ssh's own: this is for what\n"
    "authplug ssh cannot do, such as FIDO keys, certificates, GSSAPI, and\n"
    "hosts on the way that ask as well.\n"
    "\n"
    "  --plugin CMD   the plugin's command line, for /bin/sh -c; without it\n"
    "                 the environment variable AUTHPLUG_PLUGIN, then\n"
    "                 authplug's own configuration; without one the questions\n"
    "                 go to you\n"
    "  --batch        ask nobody: what the plugin does not answer is an error\n"
    "  --timeout S    seconds for each login, default 120\n"
    "  -v             say who is answered\n"
    "  --help         this text\n"
    "  --version      the version\n"
    "\n"
    "Exit status: that of the command; 255 if it failed after a login was\n"
    "refused here; 2 misuse.\n"
    "More: man authplug-askpass\n";


static int
misuse(const char *what, const char *word)
{
    io_say(ASKPASS, "%s%s: see 'authplug askpass --help'", what,
           IO_SHORT(word));
    return CLI_MISUSE;
}

enum { PLUGIN = 256, BATCH, TIMEOUT, HELP, VERSION };

static const struct option words[] = {
    {"plugin", required_argument, NULL, PLUGIN},
    {"batch", no_argument, NULL, BATCH},
    {"timeout", required_argument, NULL, TIMEOUT},
    {"help", no_argument, NULL, HELP},
    {"version", no_argument, NULL, VERSION},
    {NULL, 0, NULL, 0},
};

static bool
to_seconds(const char *text, int *ms)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != 0 || number < 1 ||
        number > SETTINGS_TIMEOUT_MOST_S)
        return false;
    *ms = (int)number * 1000;
    return true;
}

int
cli_askpass(int argc, char **argv)
{
    askpass_options options = {.plugin = getenv("AUTHPLUG_PLUGIN"),
                               .timeout_ms = SETTINGS_TIMEOUT_S * 1000};
    int option;

    options.plugin_given = options.plugin != NULL;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "+v", words, NULL)) != -1) {
        switch (option) {
        case PLUGIN:
            options.plugin = optarg;
            options.plugin_given = true;
            break;
        case BATCH:
            options.batch = true;
            break;
        case TIMEOUT:
            if (!to_seconds(optarg, &options.timeout_ms))
                return misuse("--timeout takes 1 to 86400 seconds, not ",
                              optarg);
            options.timeout_given = true;
            break;
        case 'v':
            options.verbose = true;
            break;
        case HELP:
            return fputs(help, stdout) < 0 ? CLI_BROKEN : CLI_YES;
        case VERSION:
            return puts("authplug " AUTHPLUG_VERSION_STRING) < 0 ? CLI_BROKEN
                                                                 : CLI_YES;
        default:
            return misuse("no such option, or it lacks its value: ",
                          argv[optind - 1]);
        }
    }
    if (optind >= argc)
        return misuse("the command to run is missing", "");
    if (options.plugin != NULL && options.plugin[0] == 0)
        options.plugin = NULL;
    options.command = argv + optind;
    return askpass_run(&options);
}
