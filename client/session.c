/* Stock ssh runs the session, through what was authenticated here. */
#define _GNU_SOURCE
#include "client/client.h"
#include "client/mux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_FAILED = 255 };

static int
become(const char **argv)
{
    if (argv == NULL) {
        io_say(PROGRAM, "%s", authplug_status_text(AUTHPLUG_NOMEM));
        return EXIT_FAILED;
    }
    execvp(argv[0], (char *const *)argv);
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
    return become(args_build(&all, first,
                             ARGS_ALL_OPTIONS | ARGS_COMMAND | ARGS_BATCH));
}

/* The socket, from session_prepare() on. */
static struct {
    int listener;
    char path[MUX_PATH_MAX];
    char option[2 * MUX_PATH_MAX + 32];
} door = {.listener = -1};

/* -oControlPath="PATH", in which ssh would expand a '%'. */
static bool
control_path(char *option, size_t size, const char *path)
{
    size_t len = (size_t)snprintf(option, size, "-oControlPath=\"");

    for (; *path != 0; path++) {
        if (len + 4 > size || *path == '"' || *path == '\\' ||
            strncmp(path, "${", 2) == 0)
            return false;
        option[len++] = *path;
        if (*path == '%')
            option[len++] = '%';
    }
    option[len++] = '"';
    option[len] = 0;
    return true;
}

void
session_abandon(void)
{
    if (door.listener < 0)
        return;
    unlink(door.path);
    close(door.listener);
    door.listener = -1;
}

bool
session_prepare(void)
{
    char why[256];

    door.listener = mux_listen(door.path, sizeof door.path, why, sizeof why);
    if (door.listener < 0) {
        io_say(PROGRAM, "%s", why);
        return false;
    }
    if (control_path(door.option, sizeof door.option, door.path))
        return true;
    io_say(PROGRAM, "%s cannot be given to ssh as a ControlPath: set "
                    "XDG_RUNTIME_DIR to a plainer directory",
           door.path);
    session_abandon();
    return false;
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

/* Without our socket ssh would log in anew, with a second dialogue. */
static const char no_second_login[] =
    "-oProxyCommand=sh -c 'echo \"authplug ssh: the authenticated connection "
    "is gone: log in again\" >&2; exit 255'";

/* The child: serves the session until its ssh has gone. Never comes back. */
static void
serve(struct login *login, pid_t owner)
{
    struct mux_options options = {.path = door.path, .once = true,
                                  .owner_pid = owner};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    enum mux_end end;

    setsid();
    for (int fd = 0; null >= 0 && fd < 3; fd++)
        (void)dup2(null, fd);
    end = mux_serve(login->session, door.listener, &options);
    _exit(end == MUX_END_DONE ? 0 : 1);
}

int
session_run(struct login *login)
{
    const char *first[] = {"ssh",
                           door.option,
                           "-oControlMaster=no",
                           "-oControlPersist=no",
                           "-oClearAllForwardings=yes",
                           no_second_login,
                           NULL};
    pid_t owner = getpid(), child = fork();

    if (child == 0)
        serve(login, owner);
    /* the child cleans up now if we are ended */
    session_hold_signals(false);
    if (child < 0) {
        io_say(PROGRAM, "cannot start a process: %s", strerror(errno));
        session_abandon();
        return EXIT_FAILED;
    }
    return become(args_build(login->args, first, ARGS_COMMAND));
}
