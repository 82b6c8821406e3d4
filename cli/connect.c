/* authplug connect: a connection that stays, for stock ssh to use. */
#define _GNU_SOURCE
#include "cli/ssh.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char connect_help[] =
    "usage: authplug connect [ssh options] [--plugin CMD] [--batch]\n"
    "                        [--timeout S] [-S PATH] [--foreground]\n"
    "                        [--if-needed] [--quiet] [user@]host\n"
    "\n"
    "Logs in as `authplug ssh` does and keeps the connection in the\n"
    "background, where stock ssh, scp, sftp, rsync, git and others find it:\n"
    "\n"
    "  ssh -S \"$(authplug connect host)\" host\n"
    "\n"
    "A connection that stands already is left as it is.\n"
    "\n"
    "  -S PATH        where stock ssh finds it; without it the configured\n"
    "                 ControlPath; without that a place of its own, which is\n"
    "                 printed as the last line\n"
    "  --foreground   stay here until the connection ends\n"
    "  --if-needed    for Match exec in ssh_config: log in only where ssh\n"
    "                 wants a connection, and give exit status 0 whatever\n"
    "                 comes of it\n"
    "  --quiet        do not print the path\n"
    "  --plugin CMD, --batch, --timeout S, -v\n"
    "                 as for authplug ssh\n"
    "  -o ControlPersist=TIME\n"
    "                 end when nobody has used it for so long\n"
    "  --help, --version\n"
    "\n"
    "`authplug ssh -O check host` tells whether it stands, -O exit ends it;\n"
    "-O stop, forward and cancel work on it, too.\n"
    "Exit status: 0 if the connection stands; 255 if the login failed.\n"
    "More: man authplug-connect\n";

/* What became of the wish for a connection. */
typedef enum outcome {
    STANDS, /* there is one by now, not of ours */
    MADE,   /* the login is done */
    STOCK,  /* stock ssh has to do it */
    FAILED
} outcome;

/* At a path there is something that cannot be used: says what. */
static outcome
refuse(const char *path, standing_state state)
{
    if (state == STANDING_MUTE)
        io_say(PROGRAM, "what serves %s does not answer: end it, then try "
                        "again",
               path);
    else
        io_say(PROGRAM, "%s is another user's, or no socket: choose another "
                        "path with -S",
               path);
    return FAILED;
}

/* What the path that the user names holds, while no connection to the target
 * stands: nothing, or one that is not of ours. */
static outcome
look_at_path(const standing *place)
{
    standing_state state = strcmp(place->path, place->name) == 0
                               ? STANDING_NONE
                               : standing_ask(place->path, NULL);

    if (state == STANDING_NONE)
        return MADE;
    if (standing_elsewhere(place)) {
        io_say(PROGRAM, "a connection to another host or user is at %s: choose "
                        "another path with -S",
               place->path);
        return FAILED;
    }
    return state == STANDING_ALIVE ? STANDS : refuse(place->path, state);
}

/* Whether the place is free, taken by a connection, or by something else. */
static outcome
look_at(const standing *place, const ssh_args *args)
{
    standing_state state = standing_ask(place->name, NULL);

    if (state == STANDING_NONE)
        return look_at_path(place);
    if (state == STANDING_ALIVE)
        return standing_safe(place) && standing_link(place) ? STANDS : FAILED;
    /* or the ssh that asks would wait for what does not answer */
    if (args->if_needed)
        standing_unlink(place);
    return refuse(place->name, state);
}

/* Whether a login makes sense: the place is free, and ours alone. */
static outcome
take_place(struct login *login, standing *place)
{
    outcome out;
    bool waited;

    if (!standing_place(place, &login->config))
        return FAILED;
    out = look_at(place, login->args);
    if (out != MADE)
        return out;
    if (!standing_lock(place, login->deadline, &waited))
        return FAILED;
    if (!waited)
        return MADE;
    out = look_at(place, login->args);
    if (out == MADE && login->args->if_needed)
        return FAILED; /* the other has said why; one dialogue is enough */
    return out;
}

static outcome
log_in(struct login *login, standing *place, ssh_args *args)
{
    login_end end = LOGIN_FAILED;
    outcome out = FAILED;

    guard_begin();
    io_signals_begin();
    if (login_prepare(login, args))
        out = take_place(login, place);
    if (out == MADE && master_prepare(place))
        end = login_run(login);
    if (out == STANDS && !ssh_forward(login, place->path))
        out = FAILED;
    end = ssh_settle(login, end);
    if (out != MADE)
        return out;
    return end == LOGIN_DONE ? MADE : end == LOGIN_STOCK ? STOCK : FAILED;
}

/* ------------------------------------------------------------------ serving */

static int
tell_path(const ssh_args *args, const char *path)
{
    if (args->quiet || (printf("%s\n", path) > 0 && io_printed()))
        return EXIT_GOOD;
    io_say(PROGRAM, "the connection stands, but its path cannot be printed: %s",
           strerror(errno));
    return EXIT_FAILED;
}

/* The login is done: from here on others use it. */
static int
serve(struct login *login, standing *place)
{
    const ssh_args *args = login->args;
    pid_t child = -1;
    int result = EXIT_FAILED;

    if (master_publish(place))
        child = master_start(login, args->foreground ? MASTER_HELD
                                                     : MASTER_STANDING);
    standing_unlock(place);
    if (child < 0) {
        master_abandon();
        session_hold_signals(false);
        return EXIT_FAILED;
    }
    if (!ssh_forward(login, place->path)) {
        (void)kill(child, SIGTERM);
        return master_wait(child), EXIT_FAILED;
    }
    result = tell_path(args, place->path);
    if (args->foreground)
        return master_wait(child);
    session_hold_signals(false);
    return result;
}

/* There is one, which is what --foreground waits for. */
static int
use_standing(const ssh_args *args, const standing *place)
{
    int result = tell_path(args, place->path);

    if (args->foreground && result == EXIT_GOOD)
        standing_wait(place->path);
    return result;
}

/* ---------------------------------------------------------------- if needed */

/* Whether a login may be needed at all; -1, or the exit status. */
static int
spare(const ssh_args *args)
{
    const char *guard = getenv(ABOVE_GUARD);

    if (!args->if_needed)
        return -1;
    /* our own `ssh -G` wants to know what applies besides us */
    if (guard != NULL && *guard != 0)
        return 1;
    return above_asks_only() ? EXIT_GOOD : -1;
}

/* Where the command line says all about the place, a look is enough, and no
 * `ssh -G` is run each time that Match exec asks. */
static bool
stands_where_told(const ssh_args *args)
{
    const char *path = args_control_path(args);

    return args->if_needed && path != NULL && path[0] == '/' &&
           strlen(path) < MUX_PATH_MAX &&
           strpbrk(path, "%$\"\\ ") == NULL &&
           standing_ask(path, NULL) == STANDING_ALIVE &&
           tell_path(args, path) == EXIT_GOOD;
}

int
connect_run(ssh_args *args)
{
    struct login login = {.stays = true};
    standing place = {.lock = -1};
    int result = spare(args);

    if (result >= 0)
        return result;
    if (stands_where_told(args))
        return EXIT_GOOD;
    result = EXIT_FAILED;
    switch (log_in(&login, &place, args)) {
    case STANDS:
        result = use_standing(args, &place);
        break;
    case MADE:
        result = serve(&login, &place);
        break;
    case STOCK:
        result = session_stock_connect(args, place.path);
        if (result == EXIT_GOOD)
            result = tell_path(args, place.path);
        break;
    case FAILED:
        break;
    }
    standing_unlock(&place);
    return args->if_needed ? EXIT_GOOD : result;
}
