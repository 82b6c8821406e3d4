/* authplug-serve, which is `authplug serve`: its own program for libssh's
 * sake. */
#define _GNU_SOURCE
#include "cli/cli.h"

#include "io/io.h"
#include "server/serve.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static const char help[] =
    "usage: authplug serve --config FILE [--port N] [--listen ADDRESS]\n"
    "                      [--allow-root]\n"
    "\n"
    "An SSH server whose questions come from plugins, for tests, demos and\n"
    "development. Who logs in gets sessions of the user who started it.\n"
    "\n"
    "  --config FILE     the configuration: Tectia's keywords\n"
    "  --port N          the port, default 2222; 0 takes one that is free\n"
    "  --listen ADDRESS  the address, default loopback\n"
    "  --allow-root      run as root nevertheless: sessions are root's\n"
    "  --help            this text\n"
    "  --version         the version\n"
    "\n"
    "Standard output tells where it listens; standard error is the log. It\n"
    "ends, with all it started, by TERM or Ctrl-C.\n"
    "Exit status: 0, 2 for misuse, 111 if it cannot serve.\n"
    "More: man authplug-serve\n";

typedef struct serve_options {
    const char *config, *listen;
    long port; /* -1: as the configuration says */
    bool allow_root, help, version;
} serve_options;

static bool
to_port(const char *text, long *port)
{
    char *end;

    *port = strtol(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == 0 && *port <= 65535;
}

/* False after saying why. */
static bool
parse(serve_options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"port", required_argument, NULL, 'p'},
        {"listen", required_argument, NULL, 'l'},
        {"allow-root", no_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int letter;

    *options = (serve_options){.port = -1};
    opterr = 0;
    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (letter) {
        case 'c': options->config = optarg; break;
        case 'l': options->listen = optarg; break;
        case 'r': options->allow_root = true; break;
        case 'h': options->help = true; break;
        case 'V': options->version = true; break;
        case 'p':
            if (to_port(optarg, &options->port))
                break;
            io_say(SERVE_PROGRAM, "--port %s: a number from 0 to 65535 was "
                                  "expected", optarg);
            return false;
        default:
            io_say(SERVE_PROGRAM, "%s: not an option, or without its value: "
                                  "see 'authplug serve --help'",
                   argv[optind - 1]);
            return false;
        }
    }
    if (options->help || options->version)
        return true;
    if (optind < argc || options->config == NULL) {
        io_say(SERVE_PROGRAM, "%s: see 'authplug serve --help'",
               options->config == NULL ? "--config FILE is missing"
                                       : "there is an argument too many");
        return false;
    }
    if (options->listen != NULL && !serve_is_address(options->listen)) {
        io_say(SERVE_PROGRAM, "--listen %s: an address in numbers was expected",
               options->listen);
        return false;
    }
    return true;
}

/* Neither a core file nor another process of the user's sees passwords. */
static void
guard_secrets(void)
{
    struct rlimit core;

    if (getrlimit(RLIMIT_CORE, &core) == 0) {
        core.rlim_cur = 0; /* sessions may raise it again */
        (void)setrlimit(RLIMIT_CORE, &core);
    }
    (void)prctl(PR_SET_DUMPABLE, 0);
}

static int
serve(const serve_options *options)
{
    serve_listeners listeners;
    serve_config config;
    serve_keys keys;
    int result = CLI_BROKEN;

    if (geteuid() == 0 && !options->allow_root) {
        io_say(SERVE_PROGRAM, "it does not run as root, whose sessions its "
                              "would be: start it as another user, or with "
                              "--allow-root");
        return CLI_BROKEN;
    }
    guard_secrets();
    signal(SIGPIPE, SIG_IGN);
    if (!serve_config_load(&config, options->config))
        return CLI_BROKEN;
    if (options->port >= 0)
        config.port = options->port;
    if (options->listen != NULL)
        config.listen = (serve_texts){.of = {options->listen}, .count = 1};
    io_signals_begin();
    if (serve_keys_load(&keys, &config)) {
        if (serve_listen(&listeners, &config)) {
            if (serve_keys_print(&keys))
                result = serve_children(&config, &keys, &listeners);
            serve_listen_end(&listeners);
        }
        serve_keys_free(&keys);
    }
    serve_config_free(&config);
    return result;
}

int
main(int argc, char **argv)
{
    serve_options options;

    io_sanitise();
    if (!parse(&options, argc, argv))
        return CLI_MISUSE;
    if (options.help)
        return fputs(help, stdout) < 0 ? CLI_BROKEN : CLI_YES;
    if (options.version)
        return puts("authplug " AUTHPLUG_VERSION_STRING) < 0 ? CLI_BROKEN
                                                             : CLI_YES;
    return serve(&options);
}
