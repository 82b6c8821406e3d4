/* Stock ssh runs the session, through what was authenticated here. */
#define _GNU_SOURCE
#include "client/client.h"
#include "client/mux.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
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

/* "-oControlPath=PATH", in which ssh would expand a '%'. */
static bool
control_path(char *option, size_t size, const char *path)
{
    size_t len = (size_t)snprintf(option, size, "-oControlPath=");

    for (; *path != 0; path++) {
        if (len + 3 > size || *path == '"' || strncmp(path, "${", 2) == 0)
            return false;
        option[len++] = *path;
        if (*path == '%')
            option[len++] = '%';
    }
    option[len] = 0;
    return true;
}

/* Without our socket ssh would log in anew, with a second dialogue. */
static const char no_second_login[] =
    "-oProxyCommand=sh -c 'echo \"authplug ssh: the authenticated connection "
    "is gone: log in again\" >&2; exit 255'";

/* The child: serves the session until its ssh has gone. Never comes back. */
static void
serve(struct login *login, int listener, const char *path, pid_t owner)
{
    struct mux_options options = {.path = path, .once = true,
                                  .owner_pid = owner};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    enum mux_end end;

    setsid();
    for (int fd = 0; null >= 0 && fd < 3; fd++)
        (void)dup2(null, fd);
    end = mux_serve(login->session, listener, &options);
    _exit(end == MUX_END_DONE ? 0 : 1);
}

int
session_run(struct login *login)
{
    char path[MUX_PATH_MAX], option[2 * MUX_PATH_MAX + 16], why[256];
    const char *first[] = {"ssh",
                           option,
                           "-oControlMaster=no",
                           "-oControlPersist=no",
                           "-oClearAllForwardings=yes",
                           no_second_login,
                           NULL};
    int listener = mux_listen(path, sizeof path, why, sizeof why);
    pid_t owner = getpid(), child;

    if (listener < 0) {
        io_say(PROGRAM, "%s", why);
        return EXIT_FAILED;
    }
    if (!control_path(option, sizeof option, path)) {
        io_say(PROGRAM, "%s cannot be given to ssh as a ControlPath: set "
                        "XDG_RUNTIME_DIR to a plainer directory",
               path);
        unlink(path);
        return EXIT_FAILED;
    }
    child = fork();
    if (child == 0)
        serve(login, listener, path, owner);
    if (child < 0) {
        io_say(PROGRAM, "cannot start a process: %s", strerror(errno));
        unlink(path);
        return EXIT_FAILED;
    }
    return become(args_build(login->args, first, ARGS_COMMAND));
}
