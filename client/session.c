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

int
session_stock(const ssh_args *args)
{
    static const char *const first[] = {"ssh", NULL};

    return become(args_build(args, first,
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
