/* authplug-ssh, which is `authplug ssh`: its own program for libssh's sake. */
#define _GNU_SOURCE
#include "client/client.h"

#include "io/wipe.h"

#include <locale.h>
#include <stdio.h>
#include <sys/resource.h>

enum { EXIT_GOOD = 0, EXIT_FAILED = 255 };

static const char help[] =
    "usage: authplug ssh [ssh options] [--plugin CMD] [--batch] [--timeout S]\n"
    "                    [user@]host [command]\n"
    "\n"
    "Logs in with a plugin answering the server's questions, then lets stock\n"
    "ssh run the session through the connection. Takes stock ssh's options\n"
    "and reads its configuration.\n"
    "\n"
    "  --plugin CMD   the plugin's command line, for /bin/sh -c; without it\n"
    "                 the environment variable AUTHPLUG_PLUGIN; without that\n"
    "                 the configuration; without that the questions go to you\n"
    "  --batch        ask nobody: what the plugin does not answer is an error\n"
    "  --timeout S    seconds for the whole login; default the\n"
    "                 configuration's, or 120\n"
    "  -v             say what is tried\n"
    "  --help         this text\n"
    "  --version      the version\n"
    "\n"
    "Exit status: that of the remote command; 255 if the login failed.\n"
    "authplug-ssh is the same as one word, for programs that take only one.\n"
    "authplug config HOST says what of the configuration applies to a host.\n"
    "More: man authplug-ssh\n";

/* Neither a core file nor freed memory keeps a password. */
static rlim_t
guard_secrets(void)
{
    struct rlimit core = {0, 0};
    rlim_t before = 0;

    if (getrlimit(RLIMIT_CORE, &core) == 0) {
        before = core.rlim_cur;
        core.rlim_cur = 0;
        (void)setrlimit(RLIMIT_CORE, &core);
    }
    wipe_freed_memory(true);
    return before;
}

/* The session is stock ssh's, with the limits that the user set. */
static void
unguard(rlim_t before)
{
    struct rlimit core;

    wipe_freed_memory(false);
    if (getrlimit(RLIMIT_CORE, &core) == 0) {
        core.rlim_cur = before;
        (void)setrlimit(RLIMIT_CORE, &core);
    }
}

static int
log_in(ssh_args *args)
{
    struct login login = {0};
    rlim_t core = guard_secrets();
    login_end end;
    int result = EXIT_FAILED;

    io_signals_begin();
    end = session_prepare() ? login_run(&login, args) : LOGIN_FAILED;
    session_hold_signals(true);
    if (io_signals_caught() != 0)
        end = LOGIN_FAILED;
    if (end != LOGIN_DONE) {
        session_abandon();
        login_free(&login);
    }
    io_signals_end();
    if (end != LOGIN_DONE)
        session_hold_signals(false); /* one that came acts here */
    unguard(core);
    if (end == LOGIN_STOCK)
        result = session_stock(args);
    if (end == LOGIN_DONE) {
        result = session_run(&login);
        login_free(&login);
    }
    return result;
}

int
main(int argc, char **argv)
{
    ssh_args args = {0};
    int result = EXIT_FAILED;

    io_sanitise();
    (void)setlocale(LC_CTYPE, "");
    if (args_parse(&args, argc, argv)) {
        if (args.help)
            result = fputs(help, stdout) < 0 ? EXIT_FAILED : EXIT_GOOD;
        else if (args.version)
            result = puts("authplug " AUTHPLUG_VERSION_STRING) < 0
                         ? EXIT_FAILED
                         : EXIT_GOOD;
        else if (args.pass_through)
            result = session_stock(&args);
        else
            result = log_in(&args);
    }
    args_free(&args);
    return result;
}
