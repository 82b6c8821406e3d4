/*
 * The broker: starts the command, waits for whatever happens, and hands what is
 * asked to the conversation of the ssh that asks. It waits for nobody in
 * particular.
 */
#define _GNU_SOURCE
#include "client/askpass_broker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>

enum { FAILED = 255 };

typedef struct broker {
    askpass_task task; /* what each teller is given, but for its ssh */
    char helper[ASKPASS_HELPER_SIZE];
    int signals;
    sigset_t mask; /* as it was */
    pid_t self;
    pid_t child; /* the command; 0 when it has ended */
    bool over;   /* the child has ended: */
    int status;
    bool refused; /* a login */
    bool broken;  /* there is no waiting any more */
    askpass_message message;
    askpass_callers callers;
    askpass_tellers tellers;
} broker;

/* ------------------------------------------------------- what callers want */

/* In the new process: what it has of ours is its own link, nobody else's. */
static void
tell(broker *b, const askpass_teller *t, int link)
{
    int result;

    close(b->signals);
    askpass_callers_leave(&b->callers);
    askpass_tellers_leave(&b->tellers, t);
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

/* To the conversation of its ssh. */
static void
pass_on(broker *b, askpass_caller *c)
{
    int link;
    const askpass_teller *t =
        askpass_teller_of(&b->tellers, c->asker, &c->asker_fd, &link);

    if (link >= 0)
        tell(b, t, link);
    if (t != NULL && t->link >= 0)
        (void)askpass_send(t->link, (askpass_type)b->message.type,
                           authplug_secret_span(b->message.body), c->fd,
                           io_now());
}

static void
hear_caller(broker *b, askpass_caller *c)
{
    authplug_status status = askpass_caller_hear(c, &b->message);
    unsigned type = b->message.type;

    if (status == AUTHPLUG_NEED_MORE)
        return;
    if (status == AUTHPLUG_OK && type == ASKPASS_LOGGED_IN)
        askpass_tellers_login(&b->tellers, c->asker);
    else if (status == AUTHPLUG_OK && type >= ASKPASS_PROMPT &&
             type <= ASKPASS_NOTICE)
        pass_on(b, c);
    authplug_secret_clear(b->message.body);
    askpass_caller_drop(c);
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
        } else if (!WIFSTOPPED(status) &&
                   askpass_tellers_reaped(&b->tellers, pid, status)) {
            b->refused = true;
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
    AT_LINKS = AT_CALLERS + ASKPASS_CALLERS,
    AT_SSHS = AT_LINKS + ASKPASS_TELLERS,
    AT_END = AT_SSHS + ASKPASS_TELLERS
};

/* Milliseconds until something is due; -1 for never. */
static int
next_due(const broker *b)
{
    int64_t due = INT64_MAX, left;

    if (io_now() < b->callers.rests_until)
        due = b->callers.rests_until;
    for (size_t i = 0; i < ASKPASS_CALLERS; i++) {
        const askpass_caller *c = &b->callers.all[i];

        if (c->fd >= 0 && c->deadline < due)
            due = c->deadline;
    }
    for (size_t i = 0; i < ASKPASS_TELLERS; i++) {
        const askpass_teller *t = &b->tellers.all[i];

        if (t->pid != 0 && t->link < 0 && t->end_by < due)
            due = t->end_by;
    }
    if (due == INT64_MAX)
        return -1;
    left = due - io_now();
    return left < 0 ? 0 : (int)left;
}

static void
look_for(const broker *b, struct pollfd fds[AT_END])
{
    bool room = false;

    for (size_t i = 0; i < ASKPASS_CALLERS; i++) {
        int fd = b->callers.all[i].fd;

        fds[AT_CALLERS + i] = (struct pollfd){fd, POLLIN, 0};
        room = room || fd < 0;
    }
    for (size_t i = 0; i < ASKPASS_TELLERS; i++) {
        const askpass_teller *t = &b->tellers.all[i];

        fds[AT_LINKS + i] =
            (struct pollfd){t->ssh != 0 ? t->link : -1, POLLIN, 0};
        fds[AT_SSHS + i] = (struct pollfd){
            t->ssh != 0 && (t->link >= 0 || t->pid == 0) ? t->ssh_fd : -1,
            POLLIN, 0};
    }
    fds[AT_SIGNALS] = (struct pollfd){b->signals, POLLIN, 0};
    room = room && !b->over && io_now() >= b->callers.rests_until;
    fds[AT_LISTENER] =
        (struct pollfd){room ? b->callers.listener : -1, POLLIN, 0};
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
    askpass_close(&held);
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
    for (size_t i = 0; i < ASKPASS_CALLERS; i++) {
        askpass_caller *c = &b->callers.all[i];

        if (c->fd >= 0 &&
            (fds[AT_CALLERS + i].revents != 0 || io_now() >= c->deadline))
            hear_caller(b, c);
    }
    for (size_t i = 0; i < ASKPASS_TELLERS; i++) {
        askpass_teller *t = &b->tellers.all[i];

        if (fds[AT_LINKS + i].revents != 0)
            askpass_teller_hear(&b->tellers, t, &b->message);
        if (t->ssh != 0 && (b->over || fds[AT_SSHS + i].revents != 0))
            askpass_teller_end(&b->tellers, t);
        if (t->ssh != 0)
            askpass_teller_tend(t, b->over);
    }
    if (fds[AT_LISTENER].revents != 0)
        askpass_callers_accept(&b->callers, b->child);
    if (fds[AT_SIGNALS].revents != 0)
        hear_signal(b);
}

/* ----------------------------------------------------- from start to end */

/* What is ours must not take the place of a standard descriptor. */
static void
fill_standard(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd < 3);
    askpass_close(&fd);
}

static bool
prepare(broker *b, const askpass_options *options)
{
    fill_standard();
    b->task.options = options;
    b->callers.listener = b->signals = b->task.turn = -1;
    b->self = getpid();
    b->message.body = authplug_secret_new(ASKPASS_BODY_MAX);
    askpass_keep_own(&b->task);
    if (b->message.body == NULL) {
        io_say(ASKPASS, "%s", authplug_status_text(AUTHPLUG_NOMEM));
        return false;
    }
    return askpass_find_helper(b->helper) && watch_signals(b) &&
           askpass_callers_listen(&b->callers, options);
}

static bool
start_command(broker *b)
{
    const askpass_command command = {.words = b->task.options->command,
                                     .helper = b->helper,
                                     .socket = b->callers.path,
                                     .mask = &b->mask};
    bool reports;

    b->child = askpass_command_start(&command, &reports);
    if (reports)
        b->tellers.reporter = b->child;
    return b->child > 0;
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
    while (started && !b.broken &&
           (!b.over || askpass_tellers_remain(&b.tellers)))
        turn(&b);
    askpass_callers_end(&b.callers);
    askpass_close(&b.signals);
    askpass_close(&b.task.turn);
    authplug_secret_free(&b.message.body);
    return started ? end_as_it(&b) : FAILED;
}
