/*
 * The broker: starts the command, looks who asks, and gives each ssh a process
 * that holds its conversation. It waits for nobody in particular.
 */
#define _GNU_SOURCE
#include "client/askpass.h"

#include "client/settings.h"

#include <authplug/wire.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HELPER "authplug-askpass"
#define CALLERS 64
#define TELLERS 256
/* for a helper to say what it wants */
#define HELLO_MS 10000
/* for a conversation to end: by itself, after TERM */
#define END_MS 1500
#define TERM_MS 2500
/* for `ssh -G` */
#define ASK_SSH_MS 10000
/* to wait for a descriptor */
#define REST_MS 100

enum { FAILED = 255, NOT_EXECUTABLE = 126, NOT_FOUND = 127 };

/* A helper that has connected and was found to be ours. */
typedef struct caller {
    int fd; /* -1 for a free place */
    pid_t pid;
    int held; /* its pidfd */
    pid_t asker;
    int asker_fd;
    unsigned char nonce[ASKPASS_NONCE];
    int64_t deadline;
} caller;

/* The process that talks for one ssh. */
typedef struct teller {
    pid_t ssh; /* 0 for a free place */
    int ssh_fd;
    pid_t pid; /* 0 when it has ended */
    int link;  /* -1 when it was told to end */
    int64_t end_by;
    bool urged;     /* TERM was sent */
    bool logged_in; /* its ssh is */
} teller;

typedef struct broker {
    askpass_task task; /* what each teller is given, but for its ssh */
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    char helper[4096];
    char *report; /* an option for ssh, or NULL */
    int listener, signals;
    int64_t rests_until; /* the listener, for want of descriptors */
    sigset_t mask;       /* as it was */
    pid_t self, child;   /* 0 when it has ended */
    pid_t command;       /* what the child is, or was */
    bool reports; /* the child is an ssh that says when it has logged in */
    bool over;    /* the child has ended: */
    int status;
    bool refused; /* a login */
    bool broken;  /* there is no waiting any more */
    askpass_message message;
    caller callers[CALLERS];
    teller tellers[TELLERS];
} broker;

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* -------------------------------------------------------------- the socket */

/* A broker that was killed leaves its socket: nobody listens there. One that
 * is just being made does not listen yet either. */
static void
sweep(int directory, const char *path)
{
    DIR *entries = fdopendir(directory);
    const struct dirent *entry;

    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct stat is;
        int fd;

        if (strncmp(entry->d_name, "askpass-", 8) != 0 ||
            fstatat(directory, entry->d_name, &is, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISSOCK(is.st_mode) || is.st_mtime > time(NULL) - 60 ||
            snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", path,
                     entry->d_name) >= (int)sizeof address.sun_path)
            continue;
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0 &&
            connect(fd, (struct sockaddr *)&address, sizeof address) != 0 &&
            errno == ECONNREFUSED)
            (void)unlinkat(directory, entry->d_name, 0);
        close_fd(&fd);
    }
    if (entries != NULL)
        closedir(entries);
    else
        close(directory);
}

static bool
add_name(char *path, size_t size)
{
    size_t len = strlen(path);
    unsigned long long number;
    int more;

    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return false;
    more = snprintf(path + len, size - len, "/askpass-%016llx", number);
    errno = ENAMETOOLONG;
    return more > 0 && (size_t)more < size - len;
}

/* False after saying why. */
static bool
make_socket(broker *b)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char why[512];
    int directory, on = 1;
    mode_t mask;

    if (!io_private_directory(b->path, sizeof b->path, why, sizeof why)) {
        io_say(ASKPASS, "%s", why);
        return false;
    }
    directory = open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0)
        sweep(directory, b->path);
    if (!add_name(b->path, sizeof b->path)) {
        io_say(ASKPASS,
               "no socket in %s: %s: set XDG_RUNTIME_DIR to a "
               "shorter directory",
               b->path, strerror(errno));
        return false;
    }
    memcpy(address.sun_path, b->path, sizeof address.sun_path);
    b->listener =
        socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mask = umask(0177);
    if (b->listener >= 0 &&
        bind(b->listener, (struct sockaddr *)&address, sizeof address) == 0 &&
        setsockopt(b->listener, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 &&
        listen(b->listener, CALLERS) == 0) {
        umask(mask);
        return true;
    }
    umask(mask);
    io_say(ASKPASS, "cannot listen on %s: %s: is its file system full?",
           b->path, strerror(errno));
    return false;
}

/* ---------------------------------------------------- the command's start */

/* Beside our own program, or where it was installed. False after saying why. */
static bool
find_helper(broker *b)
{
    ssize_t len = readlink("/proc/self/exe", b->helper, sizeof b->helper - 32);
    char *slash;

    if (len > 0) {
        b->helper[len] = 0;
        slash = strrchr(b->helper, '/');
        (void)snprintf(slash + 1, 32, HELPER);
        if (access(b->helper, X_OK) == 0)
            return true;
    }
    (void)snprintf(b->helper, sizeof b->helper, "%s/" HELPER, ASKPASS_LIBEXEC);
    if (access(b->helper, X_OK) == 0)
        return true;
    io_say(ASKPASS, "cannot run %s: %s: is it installed?", b->helper,
           strerror(errno));
    return false;
}

static const char *
last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* What ssh would do about SSH_ASKPASS by itself. Below another of us that names
 * our own helper, which is no askpass of the user's: the other asks only for
 * what is its own. */
static void
keep_own_askpass(askpass_task *task)
{
    const char *own = getenv("SSH_ASKPASS");
    const char *require = getenv("SSH_ASKPASS_REQUIRE");
    bool nested = own != NULL && strcmp(last_part(own), HELPER) == 0;
    const char *x11 = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");
    bool display =
        (x11 != NULL && *x11 != 0) || (wayland != NULL && *wayland != 0);
    bool force, prefer, never;

    if (nested)
        own = require = NULL;
    force = require != NULL && strcasecmp(require, "force") == 0;
    prefer = require != NULL && strcasecmp(require, "prefer") == 0;
    never = require != NULL && strcasecmp(require, "never") == 0;
    if (own == NULL && access("/usr/bin/ssh-askpass", X_OK) == 0)
        own = "/usr/bin/ssh-askpass"; /* ssh's default */
    if (own == NULL || *own == 0 || never || !(display || force))
        return;
    /* our environment stays as it is; that of the command differs */
    task->own_askpass = own;
    task->own_require = require;
    task->own_first = force || prefer;
}

/* Unless the user has a LocalCommand of their own, or `ssh -G` does not tell,
 * as when nobody is to be logged in. What it complains of ssh will say too. */
static bool
may_report(const broker *b)
{
    const char *const *words = (const char *const *)b->task.options->command;
    askpass_target target = {0};
    bool may =
        strchr(b->helper, '\'') == NULL && strchr(b->helper, '\n') == NULL &&
        askpass_target_of_words(&target, words, false,
                                io_deadline(ASK_SSH_MS)) == AUTHPLUG_OK &&
        !target.local_command;

    askpass_target_free(&target);
    return may;
}

/* -oLocalCommand=..., in which ssh expands "%". NULL when out of memory. */
static char *
report_option(const char *helper)
{
    char *option = NULL, *at;
    size_t size = 2 * strlen(helper) + 64;

    option = malloc(size);
    if (option == NULL)
        return NULL;
    at = option + snprintf(option, size, "-oLocalCommand=exec '");
    for (; *helper != 0; helper++) {
        *at++ = *helper;
        if (*helper == '%')
            *at++ = '%';
    }
    (void)snprintf(at, size - (size_t)(at - option), "' outcome success");
    return option;
}

/*
 * The command with what helps: one attempt, so that all prompts are of it, for
 * programs that have the option; and the report, from ssh itself. NULL when
 * out of memory.
 */
static char **
make_command(broker *b)
{
    char **given = b->task.options->command, **made;
    const char *name = last_part(given[0]);
    bool is_ssh = strcmp(name, "ssh") == 0;
    size_t count = 0, at = 0;

    while (given[count] != NULL)
        count++;
    made = calloc(count + 4, sizeof *made);
    if (made == NULL)
        return NULL;
    made[at++] = given[0];
    if (is_ssh || strcmp(name, "scp") == 0 || strcmp(name, "sftp") == 0)
        made[at++] = (char *)"-oNumberOfPasswordPrompts=1";
    if (is_ssh && may_report(b)) {
        b->report = report_option(b->helper);
        b->reports = b->report != NULL;
    }
    if (b->reports) {
        made[at++] = (char *)"-oPermitLocalCommand=yes";
        made[at++] = b->report;
    }
    memcpy(made + at, given + 1, (count - 1) * sizeof *made);
    return made;
}

/* The child, in our process group and at our terminal: signals reach it as they
 * would without us. */
static void
become(const broker *b, char **command)
{
    int error;

    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != b->self)
        _exit(FAILED);
    (void)sigprocmask(SIG_SETMASK, &b->mask, NULL);
    (void)setenv("SSH_ASKPASS", b->helper, 1);
    (void)setenv("SSH_ASKPASS_REQUIRE", "force", 1);
    (void)setenv(ASKPASS_VARIABLE, b->path, 1);
    (void)unsetenv("SSH_ASKPASS_PROMPT");
    execvp(command[0], command);
    error = errno;
    io_say(ASKPASS, "cannot run %s: %s: check the words after --", command[0],
           strerror(error));
    _exit(error == ENOENT ? NOT_FOUND : NOT_EXECUTABLE);
}

static bool
start_command(broker *b)
{
    char **command = make_command(b);

    b->child = command == NULL ? -1 : fork();
    if (b->child == 0)
        become(b, command);
    b->command = b->child;
    free(command);
    if (b->child > 0)
        return true;
    io_say(ASKPASS, "cannot start a process: %s: end some others",
           strerror(errno));
    return false;
}

/* ------------------------------------------------------------------ callers */

static void
drop_caller(caller *c)
{
    close_fd(&c->fd);
    close_fd(&c->held);
    close_fd(&c->asker_fd);
}

static void
debug(const broker *b, const char *what, pid_t pid)
{
    if (b->task.options->verbose)
        io_say(ASKPASS, "process %ld %s", (long)pid, what);
}

/* The process that connected, or -1 if it has ended. Where the kernel gives no
 * descriptor of it, the one that has its number now. */
static int
hold_peer(int fd, pid_t pid)
{
#ifdef SO_PEERPIDFD
    socklen_t size = sizeof(int);
    int held;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &held, &size) == 0)
        return held;
    if (errno != ENOPROTOOPT)
        return -1;
#endif
    (void)fd;
    return pidfd_open(pid, 0);
}

/* It may ask now. */
static bool
send_go(caller *c, uint32_t ms)
{
    unsigned char body[4 + ASKPASS_NONCE];

    if (getrandom(c->nonce, sizeof c->nonce, 0) != (ssize_t)sizeof c->nonce)
        return false;
    for (int i = 0; i < 4; i++)
        body[i] = (unsigned char)(ms >> (24 - 8 * i));
    memcpy(body + 4, c->nonce, sizeof c->nonce);
    return askpass_send(c->fd, ASKPASS_GO,
                        authplug_span_make(body, sizeof body), -1,
                        io_now()) == AUTHPLUG_OK;
}

/* Whoever is not below our command gets nothing, not even a reason. */
static bool
admit(const broker *b, caller *c)
{
    const askpass_options *options = b->task.options;
    uint32_t ms = options->timeout_given
                      ? (uint32_t)options->timeout_ms
                      : SETTINGS_TIMEOUT_MOST_S * 1000u; /* a file may say */
    struct ucred peer;
    socklen_t size = sizeof peer;

    if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
        peer.uid != geteuid())
        return false;
    c->pid = peer.pid;
    c->held = hold_peer(c->fd, peer.pid);
    if (c->held < 0 ||
        !askpass_trace(peer.pid, b->child, &c->asker, &c->asker_fd)) {
        debug(b, "is not of this command and gets no answer", peer.pid);
        return false;
    }
    c->deadline = io_deadline(HELLO_MS);
    return askpass_lives(c->held) && send_go(c, ms);
}

/* Without descriptors nobody can be let in, until another has gone. */
static void
rest(broker *b)
{
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS &&
        errno != ENOMEM)
        return;
    if (b->rests_until == 0)
        io_say(ASKPASS, "cannot hear who asks: %s: see ulimit -n",
               strerror(errno));
    b->rests_until = io_deadline(REST_MS);
}

static void
accept_caller(broker *b)
{
    for (caller *c = b->callers; c < b->callers + CALLERS; c++) {
        if (c->fd >= 0)
            continue;
        errno = 0;
        c->fd = accept4(b->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (c->fd >= 0 && admit(b, c))
            return;
        rest(b);
        drop_caller(c);
        return;
    }
}

/* ------------------------------------------------------------------ tellers */

/* What a teller has of ours is its own link, and nobody else's. */
static void
close_others(broker *b, const teller *mine)
{
    close(b->listener);
    close(b->signals);
    for (caller *c = b->callers; c < b->callers + CALLERS; c++)
        drop_caller(c);
    for (teller *t = b->tellers; t < b->tellers + TELLERS; t++) {
        if (t == mine || t->ssh == 0)
            continue;
        close_fd(&t->ssh_fd);
        close_fd(&t->link);
    }
}

/* In the new process. */
static void
tell(broker *b, teller *t, int link)
{
    int result;

    close_others(b, t);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != b->self)
        _exit(ASKPASS_TALKED);
    (void)sigprocmask(SIG_SETMASK, &b->mask, NULL);
    b->task.ssh = t->ssh;
    b->task.ssh_fd = t->ssh_fd;
    b->task.link = link;
    result = askpass_talk(&b->task);
    _exit(result);
}

/* The one of an ssh, which may be new; NULL when there cannot be one. Takes
 * over the pidfd then. */
static teller *
teller_of(broker *b, caller *c)
{
    teller *room = NULL;
    int ends[2];

    for (teller *t = b->tellers; t < b->tellers + TELLERS; t++) {
        if (t->ssh == c->asker && askpass_lives(t->ssh_fd))
            return t;
        if (t->ssh == 0 && room == NULL)
            room = t;
    }
    if (room == NULL ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                   ends) != 0)
        return NULL;
    *room = (teller){.ssh = c->asker, .ssh_fd = c->asker_fd, .link = ends[0]};
    c->asker_fd = -1;
    room->pid = fork();
    if (room->pid == 0) {
        close_fd(&room->link);
        tell(b, room, ends[1]);
    }
    close(ends[1]);
    if (room->pid < 0)
        room->pid = 0;
    return room;
}

/* Its conversation has come to an end, of which it may be told the outcome. */
static void
end_teller(broker *b, teller *t)
{
    if (t->link < 0)
        return;
    if (b->reports && t->ssh == b->command && !t->logged_in)
        (void)askpass_send(t->link, ASKPASS_FAILED, authplug_span_of(""), -1,
                           io_now());
    close_fd(&t->link);
    t->end_by = io_deadline(END_MS);
}

static void
is_logged_in(teller *t)
{
    if (t->link < 0 || t->logged_in)
        return;
    t->logged_in = true;
    (void)askpass_send(t->link, ASKPASS_LOGGED_IN, authplug_span_of(""), -1,
                       io_now());
}

/* An ssh that is connected has come through all that are below it: they are
 * the hops on its way. */
static void
has_reached(broker *b, pid_t ssh)
{
    for (teller *t = b->tellers; t < b->tellers + TELLERS; t++)
        if (t->ssh != 0 && t->ssh != ssh && askpass_below(t->ssh, ssh))
            is_logged_in(t);
}

/* Nobody says so but the ssh that was told to. */
static void
note_login(broker *b, pid_t ssh)
{
    if (!b->reports || ssh != b->command || !askpass_is_ssh(ssh))
        return;
    has_reached(b, ssh);
    for (teller *t = b->tellers; t < b->tellers + TELLERS; t++)
        if (t->ssh == ssh)
            is_logged_in(t);
}

/* A teller says that its ssh is asked by the server; or it is gone. */
static void
hear_teller(broker *b, teller *t)
{
    authplug_status status = askpass_receive(t->link, &b->message, io_now());

    if (b->message.fd >= 0)
        close(b->message.fd);
    if (status == AUTHPLUG_OK && b->message.type == ASKPASS_REACHED)
        has_reached(b, t->ssh);
    else if (status != AUTHPLUG_TIMEOUT)
        end_teller(b, t);
}

/* Ends those that do not end, frees those that are of no use any more. */
static void
tend(broker *b, teller *t)
{
    if (t->pid != 0 && t->link < 0 && io_now() >= t->end_by) {
        kill(t->pid, t->urged ? SIGKILL : SIGTERM);
        t->urged = true;
        t->end_by = io_deadline(TERM_MS);
    }
    if (t->pid == 0 && t->ssh != 0 && (b->over || !askpass_lives(t->ssh_fd))) {
        close_fd(&t->ssh_fd);
        close_fd(&t->link);
        t->ssh = 0;
    }
}

/* ------------------------------------------------------ what callers want */

/*
 * The sender was the one that was looked at. Its number alone does not say so:
 * another may have had it, have sent this, and have ended before we looked. But
 * the nonce was not there to be known before; since then the number has been
 * of the process that is held and lives.
 */
static bool
is_itself(const broker *b, const caller *c)
{
    authplug_span body = authplug_secret_span(b->message.body);

    return b->message.sender == c->pid && body.len >= sizeof c->nonce &&
           memcmp(body.data, c->nonce, sizeof c->nonce) == 0 &&
           askpass_lives(c->held) && askpass_lives(c->asker_fd);
}

static void
hear_caller(broker *b, caller *c)
{
    authplug_status status = askpass_receive(c->fd, &b->message, io_now());
    unsigned type = b->message.type;
    teller *t;

    if (b->message.fd >= 0)
        close(b->message.fd);
    if (status == AUTHPLUG_TIMEOUT && io_now() < c->deadline)
        return;
    if (status == AUTHPLUG_OK && is_itself(b, c)) {
        authplug_secret_drop(b->message.body, ASKPASS_NONCE);
        if (type == ASKPASS_LOGGED_IN) {
            note_login(b, c->asker);
        } else if (type >= ASKPASS_PROMPT && type <= ASKPASS_NOTICE) {
            t = teller_of(b, c);
            if (t != NULL && t->link >= 0)
                (void)askpass_send(t->link, (askpass_type)type,
                                   authplug_secret_span(b->message.body), c->fd,
                                   io_now());
        }
    }
    authplug_secret_clear(b->message.body);
    drop_caller(c);
}

/* ---------------------------------------------------------------- signals */

/* How long who asks at the terminal may take to put it right. */
#define STOP_MS 250

/* So that the shell sees it. The shell takes the terminal when we stop, and so
 * we are the last. */
static void
stop(int number)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    kill(getpid(), number);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL); /* here */
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
}

static void
stop_moment(void)
{
    const struct timespec moment = {0, STOP_MS * 1000000};

    (void)nanosleep(&moment, NULL);
}

/* It has stopped, by itself perhaps. If it goes on already, we were stopped as
 * well. */
static void
stop_as_well(const broker *b, int number)
{
    siginfo_t info = {0};

    stop_moment();
    if (waitid(P_PID, (id_t)b->child, &info,
               WCONTINUED | WEXITED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid != 0)
        return;
    stop(number);
    kill(b->child, SIGCONT);
}

static void
reap(broker *b)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
        if (pid == b->child && WIFSTOPPED(status)) {
            stop_as_well(b, WSTOPSIG(status));
        } else if (pid == b->child) {
            b->over = true;
            b->status = status;
            b->child = 0;
        }
        for (teller *t = b->tellers; t < b->tellers + TELLERS; t++) {
            if (t->ssh == 0 || t->pid != pid || WIFSTOPPED(status))
                continue;
            t->pid = 0;
            close_fd(&t->link);
            b->refused = b->refused || status != ASKPASS_TALKED;
        }
    }
}

/* Of what a terminal sends, the command gets its own. */
static void
hear_signal(broker *b)
{
    struct signalfd_siginfo info;

    if (read(b->signals, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGCHLD) {
        reap(b);
    } else if (info.ssi_signo == SIGTSTP) {
        stop_moment();
        stop(SIGTSTP);
    } else if (b->child > 0 &&
               (info.ssi_signo == SIGTERM || info.ssi_signo == SIGHUP ||
                info.ssi_code <= 0)) {
        kill(b->child, (int)info.ssi_signo);
    }
}

static bool
watch_signals(broker *b)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGTSTP);
    (void)signal(SIGCHLD, SIG_DFL);
    (void)sigprocmask(SIG_BLOCK, &set, &b->mask);
    b->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    b->task.turn = memfd_create("turn", MFD_CLOEXEC);
    if (b->signals >= 0 && b->task.turn >= 0)
        return true;
    io_say(ASKPASS, "no descriptors: %s: see ulimit -n", strerror(errno));
    return false;
}

/* ----------------------------------------------------------------- the loop */

enum {
    AT_SIGNALS,
    AT_LISTENER,
    AT_CALLERS,
    AT_LINKS = AT_CALLERS + CALLERS,
    AT_SSHS = AT_LINKS + TELLERS,
    AT_END = AT_SSHS + TELLERS
};

/* Milliseconds until something is due; -1 for never. */
static int
next_due(const broker *b)
{
    int64_t due = INT64_MAX, left;

    if (io_now() < b->rests_until)
        due = b->rests_until;
    for (const caller *c = b->callers; c < b->callers + CALLERS; c++)
        if (c->fd >= 0 && c->deadline < due)
            due = c->deadline;
    for (const teller *t = b->tellers; t < b->tellers + TELLERS; t++)
        if (t->pid != 0 && t->link < 0 && t->end_by < due)
            due = t->end_by;
    if (due == INT64_MAX)
        return -1;
    left = due - io_now();
    return left < 0 ? 0 : (int)left;
}

static void
look_for(const broker *b, struct pollfd fds[AT_END])
{
    bool room = false;

    for (size_t i = 0; i < CALLERS; i++) {
        fds[AT_CALLERS + i] = (struct pollfd){b->callers[i].fd, POLLIN, 0};
        room = room || b->callers[i].fd < 0;
    }
    for (size_t i = 0; i < TELLERS; i++) {
        const teller *t = &b->tellers[i];

        fds[AT_LINKS + i] =
            (struct pollfd){t->ssh != 0 ? t->link : -1, POLLIN, 0};
        fds[AT_SSHS + i] = (struct pollfd){
            t->ssh != 0 && (t->link >= 0 || t->pid == 0) ? t->ssh_fd : -1,
            POLLIN, 0};
    }
    fds[AT_SIGNALS] = (struct pollfd){b->signals, POLLIN, 0};
    room = room && !b->over && io_now() >= b->rests_until;
    fds[AT_LISTENER] = (struct pollfd){room ? b->listener : -1, POLLIN, 0};
}

/* Of those that are in use, as there may be fewer descriptors than places,
 * and poll() takes no more. */
static int
wait_for(struct pollfd fds[AT_END], int ms)
{
    static struct pollfd used[AT_END];
    static size_t place[AT_END];
    nfds_t count = 0;
    int result;

    for (size_t i = 0; i < AT_END; i++) {
        if (fds[i].fd < 0)
            continue;
        place[count] = i;
        used[count++] = fds[i];
    }
    result = poll(used, count, ms);
    for (nfds_t i = 0; result >= 0 && i < count; i++)
        fds[place[i]].revents = used[i].revents;
    return result;
}

/* Nobody can be heard any more, so the command cannot go on. */
static void
give_up(broker *b)
{
    int held;

    io_say(ASKPASS, "cannot wait for who asks: %s: see ulimit -n",
           strerror(errno));
    held = b->child > 0 ? pidfd_open(b->child, 0) : -1;
    if (held >= 0)
        askpass_end(held);
    else if (b->child > 0)
        kill(b->child, SIGKILL);
    close_fd(&held);
    b->over = b->broken = true;
}

static void
turn(broker *b)
{
    static struct pollfd fds[AT_END];

    look_for(b, fds);
    if (wait_for(fds, next_due(b)) < 0) {
        if (errno != EINTR)
            give_up(b);
        return;
    }
    for (size_t i = 0; i < CALLERS; i++)
        if (b->callers[i].fd >= 0 && (fds[AT_CALLERS + i].revents != 0 ||
                                      io_now() >= b->callers[i].deadline))
            hear_caller(b, &b->callers[i]);
    for (size_t i = 0; i < TELLERS; i++) {
        teller *t = &b->tellers[i];

        if (fds[AT_LINKS + i].revents != 0)
            hear_teller(b, t);
        if (t->ssh != 0 && (b->over || fds[AT_SSHS + i].revents != 0))
            end_teller(b, t);
        if (t->ssh != 0)
            tend(b, t);
    }
    if (fds[AT_LISTENER].revents != 0)
        accept_caller(b);
    if (fds[AT_SIGNALS].revents != 0)
        hear_signal(b);
}

static bool
has_tellers(const broker *b)
{
    for (const teller *t = b->tellers; t < b->tellers + TELLERS; t++)
        if (t->ssh != 0)
            return true;
    return false;
}

/* What is ours must not take the place of a standard descriptor. */
static void
fill_standard(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd < 3);
    close_fd(&fd);
}

static bool
prepare(broker *b, const askpass_options *options)
{
    fill_standard();
    b->task.options = options;
    b->listener = b->signals = b->task.turn = -1;
    b->self = getpid();
    for (caller *c = b->callers; c < b->callers + CALLERS; c++)
        c->fd = c->held = c->asker_fd = -1;
    b->message.body = authplug_secret_new(ASKPASS_BODY_MAX);
    keep_own_askpass(&b->task);
    if (b->message.body == NULL) {
        io_say(ASKPASS, "%s", authplug_status_text(AUTHPLUG_NOMEM));
        return false;
    }
    return find_helper(b) && watch_signals(b) && make_socket(b);
}

/* As the command ended; where we ended a login, as ssh fails. */
static int
end_as_it(const broker *b)
{
    if (b->broken || (b->refused && b->status != 0))
        return FAILED;
    if (WIFEXITED(b->status))
        return WEXITSTATUS(b->status);
    (void)signal(WTERMSIG(b->status), SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &b->mask, NULL);
    raise(WTERMSIG(b->status));
    return 128 + WTERMSIG(b->status);
}

int
askpass_run(const askpass_options *options)
{
    static broker b;
    bool started = prepare(&b, options) && start_command(&b);

    if (started)
        io_keep_secrets();
    while (started && !b.broken && (!b.over || has_tellers(&b)))
        turn(&b);
    if (b.listener >= 0)
        (void)unlink(b.path);
    close_fd(&b.listener);
    close_fd(&b.signals);
    close_fd(&b.task.turn);
    authplug_secret_free(&b.message.body);
    free(b.report);
    return started ? end_as_it(&b) : FAILED;
}
