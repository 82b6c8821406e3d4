/* authplug-ssh, which is `authplug ssh`, and `authplug connect`: a program of
 * its own for libssh's sake. */
#define _GNU_SOURCE
#include "cli/ssh.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: authplug ssh [ssh options] [--plugin CMD] [--batch] [--timeout S]\n"
    "                    [user@]host [command]\n"
    "\n"
    "Logs in with a plugin answering the server's questions, then lets stock\n"
    "ssh run the session through the connection. Takes stock ssh's options\n"
    "and reads its configuration. A connection that `authplug connect` made "
    "is\n"
    "used instead of a new login; -O check, stop, exit, forward and cancel "
    "tell\n"
    "it what they tell OpenSSH's own.\n"
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

login_end
ssh_settle(struct login *login, login_end end)
{
    session_hold_signals(true);
    if (io_signals_caught() != 0)
        end = LOGIN_FAILED;
    if (end != LOGIN_DONE) {
        master_abandon();
        login_free(login);
    }
    io_signals_end();
    if (end != LOGIN_DONE)
        session_hold_signals(false); /* one that came acts here */
    guard_end();
    return end;
}

/* Whether ssh's own ControlMaster would have others share the connection. */
static bool
is_shared(const ssh_config *config)
{
    return config->controlpath != NULL && config->controlmaster != NULL &&
           (strcmp(config->controlmaster, "auto") == 0 ||
            strcmp(config->controlmaster, "true") == 0 ||
            strcmp(config->controlmaster, "yes") == 0);
}

/* Whether the connection alone is wanted (-N), and nothing run through it. */
static bool
is_bare(const struct login *login)
{
    const char *type = login->config.sessiontype;

    return type != NULL && strcmp(type, "none") == 0 &&
           !login->args->stdio_forward;
}

bool
ssh_forward(const struct login *login, const char *path)
{
    return !login->config.forwards ||
           session_forward(login->args, path) == EXIT_GOOD ||
           !login->config.exit_on_forward_failure;
}

/*
 * Before a login: whether a connection stands that can be used instead, its
 * path being in *path then, and whether others are to find the new one.
 */
static bool
look_around(struct login *login, standing *place, const char **path,
            bool *shared)
{
    bool waited;

    *path = NULL;
    *shared = false;
    if (args_alone(login->args))
        return true;
    if (!standing_place(place, &login->config))
        return false;
    *path = standing_path(place);
    *shared = *path == NULL && is_shared(&login->config);
    if (!*shared)
        return true;
    if (!standing_lock(place, login->deadline, &waited))
        return false;
    *path = waited ? standing_path(place) : NULL;
    *shared = *path == NULL;
    return true;
}

/* The session, or the wait for the end of one without a session. Stock ssh may
 * take this process, so that what it did not free is gone. */
static int
run_session(struct login *login, standing *place, bool shared)
{
    const ssh_config *config = &login->config;
    master_kind kind;
    pid_t child = -1;

    if (shared && !master_publish(place)) {
        /* another one has it by now: no reason to lose the session */
        master_abandon();
        shared = false;
        (void)master_prepare(NULL);
    }
    kind = is_bare(login) ? (config->fork_after_authentication ? MASTER_STANDING
                                                               : MASTER_HELD)
           : shared       ? MASTER_SHARED
           : config->forwards ? MASTER_OWNED
                              : MASTER_ONCE;
    if (master_path() != NULL)
        child = master_start(login, kind);
    standing_unlock(place);
    if (child < 0) {
        master_abandon();
        session_hold_signals(false);
        return EXIT_FAILED;
    }
    if (!ssh_forward(login, master_path())) {
        (void)kill(child, SIGTERM);
        return master_wait(child), EXIT_FAILED;
    }
    if (is_bare(login) && !config->fork_after_authentication)
        return master_wait(child);
    /* that process cleans up now if we are ended */
    session_hold_signals(false);
    return is_bare(login) ? EXIT_GOOD
                          : session_through(login->args, master_path());
}

/* A connection that stands: the session runs through it, or, without one, it is
 * waited for. */
static int
use_standing(const ssh_args *args, const char *path, bool bare, bool waits)
{
    if (!bare)
        return session_through(args, path);
    if (waits)
        standing_wait(path);
    return EXIT_GOOD;
}

static int
log_in(ssh_args *args)
{
    struct login login = {0};
    standing place = {.lock = -1};
    const char *path = NULL;
    login_end end = LOGIN_FAILED;
    bool shared = false, bare, waits;
    int result = EXIT_FAILED;

    guard_begin();
    io_signals_begin();
    if (login_prepare(&login, args) &&
        look_around(&login, &place, &path, &shared) && path == NULL &&
        master_prepare(shared ? &place : NULL)) {
        login.stays = shared || is_bare(&login);
        end = login_run(&login);
    }
    if (path != NULL && !ssh_forward(&login, path))
        path = NULL; /* said, and all is over */
    bare = is_bare(&login);
    waits = !login.config.fork_after_authentication;
    end = ssh_settle(&login, end);
    if (path != NULL)
        result = use_standing(args, path, bare, waits);
    else if (end == LOGIN_STOCK)
        result = session_stock(args);
    else if (end == LOGIN_DONE)
        result = run_session(&login, &place, shared);
    else
        standing_unlock(&place);
    return result;
}

/*
 * -O, for the connection that a session would go through. Stock ssh knows one
 * only by a path: where the user gives that, it is all that is needed.
 */
static int
control(const ssh_args *args)
{
    ssh_config config = {0};
    standing place = {.lock = -1};
    const char *path = NULL;
    bool known;

    if (args->host == NULL || args_control_path(args) != NULL)
        return session_stock(args);
    io_signals_begin();
    known = config_resolve(&config, args, io_deadline(args->timeout_ms)) &&
            standing_place(&place, &config);
    if (known)
        path = standing_path(&place);
    config_free(&config);
    io_signals_end();
    if (path != NULL)
        return session_control(args, path);
    if (known)
        io_say(PROGRAM,
               "no connection to %s stands: 'authplug connect %s' makes one",
               IO_SHORT(args->host), IO_SHORT(args->host));
    return EXIT_FAILED;
}

static int
print(const char *text)
{
    if (fputs(text, stdout) >= 0 && io_printed())
        return EXIT_GOOD;
    io_say(PROGRAM, "cannot write to standard output: %s", strerror(errno));
    return EXIT_FAILED;
}

/* Match exec is not to fail by misuse either: ssh would log in by itself. */
static bool
is_for_match_exec(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--if-needed") == 0)
            return true;
    return false;
}

int
main(int argc, char **argv)
{
    ssh_args args = {.connect = strcmp(argv[0], "authplug connect") == 0};
    int result = EXIT_FAILED;

    if (args.connect)
        client_program = "authplug connect";
    io_sanitise();
    if (args_parse(&args, argc, argv)) {
        if (args.help)
            result = print(args.connect ? connect_help : help);
        else if (args.version)
            result = print("authplug " AUTHPLUG_VERSION_STRING "\n");
        else if (args.asks)
            result = session_stock(&args);
        else if (args.control != NULL)
            result = control(&args);
        else
            result = args.connect ? connect_run(&args) : log_in(&args);
    } else if (args.connect && is_for_match_exec(argc, argv)) {
        result = EXIT_GOOD;
    }
    args_free(&args);
    /* the connection is another process's by now, and not ours to end */
    if (master_path() != NULL) {
        (void)fflush(NULL);
        _exit(result);
    }
    return result;
}
