/* Stock ssh runs the session, through what was authenticated here. */
#define _GNU_SOURCE
#include "client/client.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_FAILED = 255 };

/* Replaces this process, by one of which a Match exec that runs us knows that
 * it needs no connection. */
static int
become(const char **argv)
{
    char pid[32];

    if (argv == NULL) {
        io_say(PROGRAM, "%s", authplug_status_text(AUTHPLUG_NOMEM));
        return EXIT_FAILED;
    }
    (void)snprintf(pid, sizeof pid, "%ld", (long)getpid());
    (void)setenv(ABOVE_GUARD, pid, 1);
    execvp(argv[0], (char *const *)argv);
    (void)unsetenv(ABOVE_GUARD);
    io_say(PROGRAM, "cannot run OpenSSH's ssh: %s: install openssh-client",
           strerror(errno));
    free(argv);
    return EXIT_FAILED;
}

/* ssh_config(5), PreferredAuthentications */
static const char stock_order[] =
    "gssapi-with-mic,hostbased,publickey,keyboard-interactive,password";

/* What the ssh that takes a login over is told besides the command line. */
static struct {
    char *order; /* an option, or NULL */
    char *user;  /* NULL: as the command line says */
} told;

/*
 * keyboard-interactive did not let us in, or is the plugin's to answer. Asked
 * again before the password, it would spend attempts of which the server
 * allows only some.
 */
static char *
password_first(const char *order)
{
    const char *kbdint = strstr(order, AUTHPLUG_KI_METHOD);
    const char *password = strstr(order, "password");
    char *option = NULL;

    if (kbdint == NULL || (password != NULL && password < kbdint) ||
        asprintf(&option, "-oPreferredAuthentications=%.*spassword,%s",
                 (int)(kbdint - order), order, kbdint) < 0)
        return NULL;
    return option;
}

bool
session_hand_over(struct login *login)
{
    const char *order = login->config.preferred;

    told.order = password_first(order != NULL ? order : stock_order);
    if (login->user == login->config.user)
        return true;
    told.user = strdup(login->user);
    return told.user != NULL ||
           login_fail(login, "%s", authplug_status_text(AUTHPLUG_NOMEM));
}

int
session_stock(const ssh_args *args)
{
    const char *first[] = {"ssh", told.order, NULL};
    ssh_args all = *args;

    all.user = told.user;
    return become(
        args_build(&all, first, ARGS_ALL_OPTIONS | ARGS_COMMAND | ARGS_BATCH));
}

void
session_hold_signals(bool hold)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGTERM);
    (void)sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

/* -oControlPath="PATH", in which ssh would expand a '%'. Owned by the caller;
 * NULL after saying why. */
static char *
control_path(const char *path)
{
    static const char head[] = "-oControlPath=\"";
    size_t len = sizeof head - 1;
    char *option = malloc(2 * strlen(path) + sizeof head + 2);

    if (option == NULL) {
        io_say(PROGRAM, "%s", authplug_status_text(AUTHPLUG_NOMEM));
        return NULL;
    }
    memcpy(option, head, len);
    for (const char *c = path; *c != 0; c++) {
        if (*c == '"' || *c == '\\' || strncmp(c, "${", 2) == 0) {
            io_say(PROGRAM,
                   "%s cannot be given to ssh as a ControlPath: "
                   "choose a plainer one",
                   path);
            free(option);
            return NULL;
        }
        option[len++] = *c;
        if (*c == '%')
            option[len++] = '%';
    }
    option[len++] = '"';
    option[len] = 0;
    return option;
}

/* Without the connection ssh would log in anew, with a second dialogue. */
static const char no_second_login[] =
    "-oProxyCommand=sh -c 'echo \"authplug ssh: no session through the "
    "connection that stands, see above: -S none makes another\" >&2; exit 255'";

int
session_through(const ssh_args *args, const char *path)
{
    char *option = control_path(path);
    const char *first[] = {"ssh",
                           option,
                           "-oControlMaster=no",
                           "-oControlPersist=no",
                           "-oClearAllForwardings=yes",
                           no_second_login,
                           NULL};

    return option == NULL ? EXIT_FAILED
                          : become(args_build(args, first, ARGS_COMMAND));
}

int
session_control(const ssh_args *args, const char *path)
{
    char *option = control_path(path);
    const char *first[] = {"ssh", option, "-oControlMaster=no", NULL};

    return option == NULL ? EXIT_FAILED : become(args_build(args, first, 0));
}

/* Runs it, and waits for its end. */
static int
run(const char **argv)
{
    pid_t child;
    int status = -1;

    if (argv == NULL) {
        io_say(PROGRAM, "%s", authplug_status_text(AUTHPLUG_NOMEM));
        return EXIT_FAILED;
    }
    child = fork();
    if (child == 0) {
        session_hold_signals(false);
        _exit(become(argv));
    }
    if (child < 0)
        io_say(PROGRAM, "cannot start a process: %s", strerror(errno));
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    free(argv);
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

int
session_stock_connect(const ssh_args *args, const char *path)
{
    char *option = control_path(path);
    const char *first[] = {
        "ssh", option, "-oControlMaster=yes", "-f", "-N", told.order, NULL};
    ssh_args all = *args;
    int result = EXIT_FAILED;

    all.user = told.user;
    if (option != NULL)
        result = run(args_build(&all, first, ARGS_ALL_OPTIONS | ARGS_BATCH));
    free(option);
    return result;
}

int
session_forward(const ssh_args *args, const char *path)
{
    char *option = control_path(path);
    const char *first[] = {"ssh", option,    "-oControlMaster=no",
                           "-O",  "forward", NULL};
    int result = EXIT_FAILED;

    if (option != NULL)
        result = run(args_build(args, first, 0));
    free(option);
    return result;
}
