/* authplug connect: a connection that stays, for stock ssh to use. */
#define _GNU_SOURCE
#include "cli/ssh.h"

#include "client/above.h"
#include "client/words.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    "                 wants a connection, give exit status 0 whatever comes\n"
    "                 of it, and end an ssh that would log in by itself then\n"
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
    FAILED,
    ASTRAY /* and what is at the path is not to be used */
} outcome;

/* At a path there is something that cannot be used: says what. */
static outcome
refuse(const char *path, standing_state state)
{
    if (state == STANDING_MUTE)
        io_say(PROGRAM,
               "what serves %s does not answer: end it, then try again",
               path);
    else
        io_say(PROGRAM,
               "%s is another user's, or no socket: choose another path "
               "with -S",
               path);
    return FAILED;
}

/* What the path that the user names holds: nothing, the connection to the
 * target, or one that is not of ours. */
static outcome
look_at_path(const standing *place, const ssh_args *args)
{
    standing_state state = strcmp(place->path, place->name) == 0
                               ? STANDING_NONE
                               : standing_ask(place->path, NULL);

    if (state == STANDING_NONE)
        return MADE;
    if (state == STANDING_ALIVE && !standing_elsewhere(place))
        return STANDS;
    if (state != STANDING_ALIVE)
        (void)refuse(place->path, state);
    else if (args->if_needed)
        io_say(PROGRAM,
               "a connection to another host or user is at %s: put %%n into "
               "ControlPath and -S, or end it with ssh -S %s -O exit x",
               place->path, place->path);
    else
        io_say(PROGRAM,
               "a connection to another host or user is at %s: choose another "
               "path with -S",
               place->path);
    return ASTRAY;
}

/* Whether the place is free, taken by a connection, or by something else. */
static outcome
look_at(const standing *place, const ssh_args *args)
{
    standing_state state = standing_ask(place->name, NULL);

    if (state == STANDING_NONE)
        return look_at_path(place, args);
    if (state == STANDING_ALIVE && !standing_safe(place))
        return FAILED;
    if (state == STANDING_ALIVE && look_at_path(place, args) == ASTRAY)
        return ASTRAY;
    if (state == STANDING_ALIVE)
        return standing_link(place) ? STANDS : FAILED;
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
    if (waited)
        out = look_at(place, login->args);
    if (out != MADE)
        return out;
    standing_tidy(place);
    if (!waited || !login->args->if_needed)
        return MADE;
    /* one dialogue is enough */
    io_say(PROGRAM, "another process's login for this connection has just "
                    "failed: see what it said, then try again");
    return FAILED;
}

/* Whether the ssh that asks reaches the server by a way of its own, and so
 * would not run our no-connection. */
static bool
goes_past_us(const ssh_args *args, const ssh_config *config)
{
    return args->proxy_asked ||
           (!args->proxy_own &&
            (config->proxycommand != NULL || config->proxyjump != NULL));
}

static outcome
log_in(struct login *login, standing *place, ssh_args *args, bool *past)
{
    login_end end = LOGIN_FAILED;
    outcome out = FAILED;

    guard_begin();
    io_signals_begin();
    if (login_prepare(login, args))
        out = take_place(login, place);
    else if (args->if_needed && login->config.hostname != NULL &&
             login->config.user != NULL)
        (void)standing_place(place, &login->config); /* for leads_astray() */
    if (out == MADE && master_prepare(place))
        end = login_run(login);
    if (out == STANDS && !ssh_forward(login, place->path))
        out = FAILED;
    *past = goes_past_us(args, &login->config);
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
        child = master_start(login,
                             args->foreground ? MASTER_HELD : MASTER_STANDING);
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

/* Stock ssh makes it, where we would have. */
static int
serve_stock(ssh_args *args, const standing *place)
{
    int result;

    args_drop_path(args);
    result = session_stock_connect(args, place->name);
    if (result == EXIT_GOOD && !standing_link(place))
        result = EXIT_FAILED;
    return result == EXIT_GOOD ? tell_path(args, place->path) : result;
}

/* Whether another target's connection is where the ssh that asks looks. */
static bool
leads_astray(const standing *place)
{
    return place->path[0] != 0 && strcmp(place->path, place->name) != 0 &&
           standing_elsewhere(place) &&
           standing_ask(place->path, NULL) != STANDING_NONE;
}

/* The exit status; *lost is whether the ssh that asks would use something else
 * than this connection. */
static int
make(ssh_args *args, standing *place, bool *lost)
{
    struct login login = {.stays = true};
    int result = EXIT_FAILED;
    bool past = false;
    outcome out = log_in(&login, place, args, &past);

    if (out == STANDS)
        result = use_standing(args, place);
    else if (out == MADE)
        result = serve(&login, place);
    else if (out == STOCK)
        result = serve_stock(args, place);
    standing_unlock(place);
    *lost = out == ASTRAY ||
            (result != EXIT_GOOD && (past || leads_astray(place)));
    return result;
}

/* ---------------------------------------------------------------- if needed */

/* The words by which the connection is asked for; where a file's name needs it
 * the directory, too. free() it; NULL when it cannot be told. */
static const char **
asked_by(const ssh_args *args)
{
    static char here[4096];
    const char *first[] = {PROGRAM, NULL, NULL};

    for (size_t i = 0; i < args->count; i++)
        if (strcmp(args->options[i].name, "-F") == 0 &&
            args->options[i].value[0] != '/') {
            first[1] = getcwd(here, sizeof here);
            if (first[1] == NULL)
                return NULL;
        }
    return args_build(args, first, ARGS_ALL_OPTIONS);
}

/* Where the command line says all about the place, a look is enough, and no
 * `ssh -G` is run each time that Match exec asks. */
static bool
stands_where_told(const ssh_args *args, const char **words)
{
    const char *path = args_control_path(args);

    return path != NULL && path[0] == '/' && strlen(path) < MUX_PATH_MAX &&
           strpbrk(path, "%$\"\\ ") == NULL &&
           /* one that the ssh which asks names itself is its user's choice */
           (args->path_taken ||
            (words != NULL && standing_noted(path, words))) &&
           standing_ask(path, NULL) == STANDING_ALIVE &&
           tell_path(args, path) == EXIT_GOOD;
}

/* For the ssh above. */
static void
make_if_needed(ssh_args *args, const above *asker)
{
    standing place = {.lock = -1};
    const char **words;
    bool lost = false;

    client_given_up = EXIT_GOOD;
    /* our words and those of that ssh: by them the next one is known again */
    if (asker->ssh != 0 && !args_take_way(args, asker->count, asker->words))
        return;
    words = asked_by(args);
    if (!stands_where_told(args, words)) {
        if (make(args, &place, &lost) == EXIT_GOOD && words != NULL)
            standing_note(&place, words);
        /* it would go to another host, or log in by itself */
        if (lost)
            above_end(asker);
    }
    free(words);
}

/* Whether an ssh of our own asks, which wants to know what applies besides us,
 * or has its connection. */
static bool
is_our_own(const above *asker)
{
    const char *guard = getenv(ABOVE_GUARD);
    char pid[32];

    if (guard == NULL)
        return false;
    (void)snprintf(pid, sizeof pid, "%ld", (long)asker->ssh);
    return strcmp(guard, "1") == 0 || strcmp(guard, pid) == 0;
}

static int
if_needed(ssh_args *args)
{
    above asker;
    bool ours;

    (void)above_find(&asker);
    ours = is_our_own(&asker);
    if (!ours && !words_ask_only(asker.count, asker.words) &&
        words_alone(asker.count, asker.words) == NULL)
        make_if_needed(args, &asker);
    above_free(&asker);
    return ours ? 1 : EXIT_GOOD;
}

int
connect_run(ssh_args *args)
{
    standing place = {.lock = -1};
    bool lost;

    return args->if_needed ? if_needed(args) : make(args, &place, &lost);
}
