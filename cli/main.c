/* authplug: the table of commands. */
#define _GNU_SOURCE
#include "cli/cli.h"

#include "io/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int run_connect(int argc, char **argv);
static int run_passwd(int argc, char **argv);
static int run_serve(int argc, char **argv);
static int run_ssh(int argc, char **argv);

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"ssh", run_ssh, "log in with a plugin answering, run the session by ssh"},
    {"askpass", cli_askpass, "run ssh with a plugin answering its prompts"},
    {"connect", run_connect, "log in and stay, for stock ssh, scp, git to use"},
    {"no-connection", cli_no_connection,
     "refuse, with a reason, for ssh_config"},
    {"serve", run_serve, "be an SSH server that asks by plugins, for tests"},
    {"passwd", run_passwd, "change a password in authplug serve's file"},
#ifdef HAVE_ANSWER
    {"answer", cli_answer, "answer a server's questions by rules, as a plugin"},
#endif
    {"config", cli_config, "tell what applies to a host, and who says so"},
    {"try", cli_try, "hold a conversation with a plugin by hand"},
};
#define COMMANDS (sizeof commands / sizeof *commands)

/*
 * Runs a program that stands beside this one, wherever that is, under the name
 * that it is to have. Programs that need much are their own, so that this one
 * starts fast.
 */
static int
run_beside(const char *name, const char *as, char **argv)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 64);
    char *slash;

    if (len > 0) {
        path[len] = 0;
        slash = strrchr(path, '/');
        (void)snprintf(slash + 1, 64, "%s", name);
        argv[0] = (char *)as;
        execv(path, argv);
    }
    if (len <= 0 || errno == ENOENT) {
        argv[0] = (char *)as;
        execvp(name, argv);
    }
    io_say("authplug", "cannot run %s: %s: is it installed beside authplug?",
           name, strerror(errno));
    return CLI_BROKEN;
}

static int
run_passwd(int argc, char **argv)
{
    (void)argc;
    return run_beside("authplug-passwd", "authplug passwd", argv);
}

static int
run_serve(int argc, char **argv)
{
    (void)argc;
    return run_beside("authplug-serve", "authplug serve", argv);
}

static int
run_ssh(int argc, char **argv)
{
    (void)argc;
    return run_beside("authplug-ssh", "authplug ssh", argv);
}

static int
run_connect(int argc, char **argv)
{
    int result = run_beside("authplug-ssh", "authplug connect", argv);

    /* Match exec is not to fail, or ssh logs in by itself */
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--if-needed") == 0)
            return CLI_YES;
    return result;
}

authplug_span
cli_lines(char *text)
{
    char *to = text;

    for (const char *from = text; *from != 0; from++) {
        bool end = from[0] == '\\' && from[1] == 'n';

        *to++ = end ? '\n' : *from;
        from += end;
    }
    *to = 0;
    return authplug_span_of(text);
}

static int
usage(FILE *to)
{
    fprintf(to, "usage: authplug COMMAND ...\n"
                "       authplug COMMAND --help\n\n"
                "Programs that ask and answer SSH's authentication "
                "questions.\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-13s %s\n", commands[i].name, commands[i].summary);
    fprintf(to, "\nMore: man authplug\n");
    return to == stdout ? CLI_YES : CLI_MISUSE;
}

int
main(int argc, char **argv)
{
    if (argc < 2)
        return usage(stderr);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
        return usage(stdout);
    if (strcmp(argv[1], "--version") == 0) {
        puts("authplug " AUTHPLUG_VERSION_STRING);
        return CLI_YES;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    io_say("authplug", "there is no command '%s': see 'authplug --help'",
           IO_SHORT(argv[1]));
    return CLI_MISUSE;
}
