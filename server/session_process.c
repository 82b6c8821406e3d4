/* The program of a session: its terminal, environment, start, signals. */
#define _GNU_SOURCE
#include "server/session_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define FALLBACK_SHELL "/bin/sh"
#define FALLBACK_HOME "/"
#define SEARCH_PATH \
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* ---------------------------------------------------------------- account */

bool
session_account_load(session_account *account, const char *user)
{
    const struct passwd *who = getpwuid(geteuid());
    const char *home = who != NULL ? who->pw_dir : "";
    const char *shell = who != NULL ? who->pw_shell : "";

    if (home[0] != '/' || access(home, X_OK) != 0)
        home = FALLBACK_HOME;
    if (shell[0] != '/' || access(shell, X_OK) != 0)
        shell = FALLBACK_SHELL;
    account->user = user;
    account->home = strdup(home);
    account->shell = strdup(shell);
    return account->home != NULL && account->shell != NULL;
}

void
session_account_free(session_account *account)
{
    free(account->home);
    free(account->shell);
    *account = (session_account){0};
}

/* -------------------------------------------------------------- terminals */

void
session_close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

bool
session_pty_open(session_pty *pty)
{
    pty->slave = -1;
    pty->master =
        posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (pty->master >= 0 && grantpt(pty->master) == 0 &&
        unlockpt(pty->master) == 0 &&
        ptsname_r(pty->master, pty->name, sizeof pty->name) == 0)
        pty->slave = open(pty->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (pty->slave >= 0)
        return true;
    session_pty_close(pty);
    return false;
}

bool
session_pty_resize(int master, const int size[4])
{
    struct winsize window;

    for (int i = 0; i < 4; i++)
        if (size[i] < 0 || size[i] > USHRT_MAX)
            return false;
    window = (struct winsize){
        .ws_col = (unsigned short)size[0],
        .ws_row = (unsigned short)size[1],
        .ws_xpixel = (unsigned short)size[2],
        .ws_ypixel = (unsigned short)size[3],
    };
    return ioctl(master, TIOCSWINSZ, &window) == 0;
}

void
session_pty_close(session_pty *pty)
{
    session_close_fd(&pty->master);
    session_close_fd(&pty->slave);
}

/* ------------------------------------------------------------ environment */

static bool
is_locale_name(const char *name)
{
    if (strcmp(name, "LANG") == 0)
        return true;
    return strncmp(name, "LC_", 3) == 0 && name[3] != '\0' &&
           strspn(name + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") ==
               strlen(name + 3) &&
           strlen(name) < SESSION_LOCALE_NAME;
}

static bool
is_plain(const char *value)
{
    for (; *value != '\0'; value++)
        if ((unsigned char)*value < 0x20 || *value == 0x7f)
            return false;
    return true;
}

bool
session_locale_add(session_locale *locales, size_t *count, const char *name,
                   const char *value)
{
    size_t i = 0;

    if (!is_locale_name(name) || !is_plain(value) ||
        strlen(value) >= SESSION_LOCALE_VALUE)
        return false;
    while (i < *count && strcmp(locales[i].name, name) != 0)
        i++;
    if (i == SESSION_LOCALES)
        return false;
    if (i == *count)
        (*count)++;
    memcpy(locales[i].name, name, strlen(name) + 1);
    memcpy(locales[i].value, value, strlen(value) + 1);
    return true;
}

/* What a program gets beside the locale, and the NULL at the end. */
#define OURS 9

typedef struct environment {
    char *of[OURS + SESSION_LOCALES + 1];
    size_t count;
    bool failed;
} environment;

static void
add(environment *env, const char *name, const char *value)
{
    if (asprintf(&env->of[env->count], "%s=%s", name, value) < 0) {
        env->of[env->count] = NULL;
        env->failed = true;
        return;
    }
    env->count++;
}

/* The client's end, and our port: SSH_CONNECTION without our address. */
static void
add_client(environment *env, const char *client)
{
    const char *address = strchr(client, ' ');
    const char *port = strrchr(client, ' ');
    char text[160];

    add(env, "SSH_CONNECTION", client);
    address = address != NULL ? strchr(address + 1, ' ') : NULL;
    if (address == NULL || port == address)
        return;
    if (snprintf(text, sizeof text, "%.*s%s", (int)(address - client), client,
                 port) < (int)sizeof text)
        add(env, "SSH_CLIENT", text);
}

static void
fill_environment(environment *env, const session_start *start)
{
    add(env, "HOME", start->account->home);
    add(env, "LOGNAME", start->account->user);
    add(env, "USER", start->account->user);
    add(env, "SHELL", start->account->shell);
    add(env, "PATH", SEARCH_PATH);
    add_client(env, start->client);
    if (start->pty != NULL) {
        add(env, "SSH_TTY", start->pty->name);
        if (start->term[0] != '\0')
            add(env, "TERM", start->term);
    }
    for (size_t i = 0; i < start->locale_count; i++)
        add(env, start->locales[i].name, start->locales[i].value);
}

static void
free_environment(environment *env)
{
    while (env->count > 0)
        free(env->of[--env->count]);
}

/* --------------------------------------------------------------- starting */

typedef struct pipes {
    int ours[3], theirs[3];
} pipes;

static void
close_all(int fds[3])
{
    for (int i = 0; i < 3; i++)
        session_close_fd(&fds[i]);
}

/* Pipes, and not sockets: who opens /dev/stdin is to get it. */
static bool
open_pipes(pipes *p)
{
    bool good = true;

    for (int i = 0; i < 3; i++) {
        int ends[2] = {-1, -1};

        good = pipe2(ends, O_CLOEXEC) == 0 && good;
        /* it reads its standard input and writes the other two */
        p->ours[i] = ends[i == 0];
        p->theirs[i] = ends[i != 0];
        good = good && fcntl(p->ours[i], F_SETFL, O_NONBLOCK) == 0;
    }
    return good;
}

static bool
open_terminal(pipes *p, const session_pty *pty)
{
    /* so that each can be closed on its own */
    p->ours[0] = fcntl(pty->master, F_DUPFD_CLOEXEC, 3);
    p->ours[1] = fcntl(pty->master, F_DUPFD_CLOEXEC, 3);
    return p->ours[0] >= 0 && p->ours[1] >= 0;
}

/*
 * Signals as a new program expects them, a session of its own, and no
 * descriptor but its three. Opening a terminal first thing in a new session
 * makes it the controlling one.
 */
static int
prepare(posix_spawnattr_t *attr, posix_spawn_file_actions_t *actions,
        const session_start *start, const pipes *p)
{
    sigset_t set;
    int error = 0;

    sigfillset(&set);
    error |= posix_spawnattr_setsigdefault(attr, &set);
    sigemptyset(&set);
    error |= posix_spawnattr_setsigmask(attr, &set);
    error |= posix_spawnattr_setflags(
        attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                  POSIX_SPAWN_SETSID);
    if (start->pty != NULL)
        error |= posix_spawn_file_actions_addopen(actions, 0,
                                                  start->pty->name, O_RDWR, 0);
    for (int i = 0; i < 3; i++)
        if (p->theirs[i] >= 0)
            error |=
                posix_spawn_file_actions_adddup2(actions, p->theirs[i], i);
        else if (i > 0)
            error |= posix_spawn_file_actions_adddup2(actions, 0, i);
    error |= posix_spawn_file_actions_addclosefrom_np(actions, 3);
    error |= posix_spawn_file_actions_addchdir_np(actions,
                                                  start->account->home);
    return error;
}

/* What is started inherits the bounds that we have at that moment. */
static rlim_t
set_memory(rlim_t most)
{
    struct rlimit data;
    rlim_t was;

    if (getrlimit(RLIMIT_DATA, &data) != 0)
        return most;
    was = data.rlim_cur;
    data.rlim_cur = most;
    (void)setrlimit(RLIMIT_DATA, &data);
    return was;
}

/* The program's own name for itself is the last part of its path; a login
 * shell has a dash before it. */
static int
spawn(const session_start *start, const pipes *p, char *const *env, pid_t *pid)
{
    bool shell = start->program == NULL;
    const char *path = shell ? start->account->shell : start->program;
    const char *base = strrchr(path, '/') + 1;
    char name[NAME_MAX + 2];
    const char *argv[] = {name, NULL, start->command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    rlim_t ours;
    int error;

    if (snprintf(name, sizeof name, "%s%s",
                 shell && start->command == NULL ? "-" : "", base) >=
        (int)sizeof name)
        return ENAMETOOLONG;
    if (shell && start->command != NULL)
        argv[1] = "-c";
    if (posix_spawnattr_init(&attr) != 0)
        return ENOMEM;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        posix_spawnattr_destroy(&attr);
        return ENOMEM;
    }
    error = prepare(&attr, &actions, start, p);
    ours = set_memory(start->memory);
    if (error == 0)
        error = posix_spawn(pid, path, &actions, &attr, (char *const *)argv,
                            env);
    (void)set_memory(ours);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    return error;
}

int
session_process_start(const session_start *start, session_process *started)
{
    environment env = {{NULL}, 0, false};
    pipes p = {{-1, -1, -1}, {-1, -1, -1}};
    int error = 0;

    fill_environment(&env, start);
    if (env.failed)
        error = ENOMEM;
    else if (start->pty != NULL ? !open_terminal(&p, start->pty)
                                : !open_pipes(&p))
        error = errno;
    else
        error = spawn(start, &p, env.of, &started->pid);
    free_environment(&env);
    close_all(p.theirs);
    if (error != 0) {
        close_all(p.ours);
        return error;
    }
    started->in = p.ours[0];
    started->out = p.ours[1];
    started->err = p.ours[2];
    return 0;
}

/* ----------------------------------------------------------------- ending */

bool
session_group_lives(pid_t group)
{
    siginfo_t info;

    return waitid(P_PGID, (id_t)group, &info,
                  WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* ---------------------------------------------------------------- signals */

static const struct {
    const char *name;
    int number;
} signals[] = {
    {"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"FPE", SIGFPE},
    {"HUP", SIGHUP},   {"ILL", SIGILL},   {"INT", SIGINT},
    {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"QUIT", SIGQUIT},
    {"SEGV", SIGSEGV}, {"TERM", SIGTERM}, {"USR1", SIGUSR1},
    {"USR2", SIGUSR2},
};

int
session_signal_number(const char *name)
{
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (strcmp(signals[i].name, name) == 0)
            return signals[i].number;
    return 0;
}

const char *
session_signal_name(int number)
{
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (signals[i].number == number)
            return signals[i].name;
    return "OTHER@authplug";
}

/* ------------------------------------------------------------------- sftp */

const char *
session_sftp_server(void)
{
    static const char *const places[] = {
#ifdef SFTP_SERVER
        SFTP_SERVER,
#else
        "/usr/lib/openssh/sftp-server",
        "/usr/libexec/openssh/sftp-server",
        "/usr/libexec/sftp-server",
        "/usr/lib/ssh/sftp-server",
        "/usr/lib/sftp-server",
#endif
    };

    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}
