/*
 * Guarded programs: a process of ours between us and the program.
 *
 * We may be a module in somebody's daemon, which ignores SIGCHLD, or reaps
 * every child it sees, or is killed at any moment. So a copy of this process,
 * the guard, starts the program, watches it, and reports its end. The guard
 * ends without a signal to its parent: neither an ignored SIGCHLD nor a
 * waitpid(-1) meets it. We and the guard share one socket:
 *
 *      guard -> us     how the start went, then how the program ended
 *      us -> guard     nothing; that our side is shut or gone means that the
 *                      program is to be ended
 *
 * Only the guard sends signals to the program's group, and only before it
 * reaps the program, so the number cannot be anybody else's. What leaves the
 * group, as a daemon does, gets away.
 *
 * The guard holds copies of our secrets: it is not dumpable, keeps our
 * effective identity, so that no user may look into it, and never lives longer
 * than the program. In a program that is setuid it gives up the real one, which
 * is the caller's, who could send it signals. Since other threads of ours may
 * have held any lock when it was made, it calls nothing but what a signal
 * handler could call.
 */
#define _GNU_SOURCE
#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "authplug-guard"
#define TERM_GRACE 500
/* how much later than we the guard becomes impatient, and we with it */
#define SLACK 1000

/* Where the guard has its descriptors. */
#define CHANNEL 3
#define CHILDREN 4

/* How the start went: OK, or what failed and errno. */
typedef struct result {
    authplug_status status;
    int error;
} result;

/* All that is needed after the copy was made. */
typedef struct order {
    const char *const *argv, *const *environment;
    const char *path;
    const io_identity *as;
    int64_t lifetime; /* 0: no limit */
    pid_t parent;
    result start;
} order;

/* -------------------------------------------------------------- the program */

/* Numbers of the kernel that have grown, where they had to. */
#ifdef SYS_setresuid32
#define SETGROUPS SYS_setgroups32
#define SETRESGID SYS_setresgid32
#define SETRESUID SYS_setresuid32
#else
#define SETGROUPS SYS_setgroups
#define SETRESGID SYS_setresgid
#define SETRESUID SYS_setresuid
#endif

/* By the kernel's calls: the C library's would signal threads that are not in
 * this process. */
static bool
change_identity(const io_identity *as)
{
    uid_t uids[3];
    gid_t gids[3];
    int groups;

    if (syscall(SETGROUPS, as->group_count, as->groups) != 0 ||
        syscall(SETRESGID, as->gid, as->gid, as->gid) != 0 ||
        syscall(SETRESUID, as->uid, as->uid, as->uid) != 0)
        return false;
    /* dumpable is what the kernel may just have changed */
    (void)prctl(PR_SET_DUMPABLE, 0);
    groups = getgroups(0, NULL);
    errno = EPERM;
    if (getresuid(&uids[0], &uids[1], &uids[2]) != 0 ||
        getresgid(&gids[0], &gids[1], &gids[2]) != 0 || groups < 0 ||
        (size_t)groups != as->group_count)
        return false;
    for (int i = 0; i < 3; i++)
        if (uids[i] != as->uid || gids[i] != as->gid)
            return false;
    return as->uid == 0 || syscall(SETRESUID, -1, 0, -1) != 0;
}

/* Gives errno. */
static int
execute(const order *job)
{
    char *const *argv = (char *const *)job->argv;
    char *const *environment = (char *const *)job->environment;
    const char *path = job->path;
    char file[PATH_MAX];
    int error = ENOENT;

    if (strchr(argv[0], '/') != NULL) {
        execve(argv[0], argv, environment);
        return errno;
    }
    while (posix_path_next(&path, argv[0], file)) {
        execve(file, argv, environment);
        if (!posix_path_goes_on(errno, &error))
            break;
    }
    return error;
}

/* What happens in the program's process; comes back when it failed. It uses
 * the guard's memory, while the guard waits. */
static void
become_program(order *job)
{
    result failed = {AUTHPLUG_IO, 0};
    sigset_t none;

    sigemptyset(&none);
    if (setsid() < 0 || (job->as != NULL && !change_identity(job->as)) ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 ||
        sigprocmask(SIG_SETMASK, &none, NULL) != 0) {
        failed.error = errno;
    } else {
        failed.error = execute(job);
        if (failed.error != EAGAIN && failed.error != ENOMEM)
            failed.status = AUTHPLUG_NOT_FOUND;
    }
    job->start = failed;
}

/* ---------------------------------------------------------------- the guard */

/* No handler of the surrounding program may run here, and the program is to
 * find all signals as they were born, the C library's own two included. */
static void
reset_signals(void)
{
    static const long standard[16]; /* the kernel's struct, whatever it is */

    for (int i = 1; i < _NSIG; i++)
        (void)syscall(SYS_rt_sigaction, i, standard, NULL, (size_t)(_NSIG / 8));
}

/* Puts the program's pipes into their places and closes everything else: the
 * surrounding program's connections are not ours to keep open. */
static bool
settle_descriptors(const int theirs[3], int channel)
{
    for (int i = 0; i < 3; i++)
        if (dup2(theirs[i], i) < 0)
            return false;
    if (channel != CHANNEL && dup3(channel, CHANNEL, O_CLOEXEC) < 0)
        return false;
    closefrom(CHANNEL + 1);
    return true;
}

/* In a program that is setuid, the effective identity for good. Root who has
 * lowered itself for a while stays as it is: users send no signals to that. */
static bool
settle_identity(void)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();

    if (getuid() == uid || getuid() == 0)
        return true;
    return syscall(SETRESGID, gid, gid, gid) == 0 &&
           syscall(SETRESUID, uid, uid, uid) == 0 &&
           /* dumpable is what the kernel may just have changed */
           prctl(PR_SET_DUMPABLE, 0) == 0;
}

/* What the program is to inherit, and what keeps the guard to itself. */
static bool
settle_process(const order *job)
{
    struct rlimit core;
    sigset_t children;

    (void)prctl(PR_SET_NAME, NAME);
    (void)umask(022);
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    /* a change of identity would undo PR_SET_PDEATHSIG: it comes first */
    if (!settle_identity() || setsid() < 0 || chdir("/") != 0 ||
        getrlimit(RLIMIT_CORE, &core) != 0)
        return false;
    core.rlim_cur = 0; /* the program is told secrets */
    /* the socket tells when the parent is gone, unless somebody else has a
     * copy of its end; this does in any case */
    return setrlimit(RLIMIT_CORE, &core) == 0 &&
           prctl(PR_SET_PDEATHSIG, SIGCHLD) == 0 && getppid() == job->parent &&
           signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK) == CHILDREN;
}

/* Starts the program in a process that borrows our memory until it has its
 * own: copying it once was enough. */
static pid_t
launch(order *job)
{
    pid_t pid = vfork();

    if (pid == 0) {
        become_program(job);
        _exit(127);
    }
    return pid;
}

/* Ended, but not reaped. */
static bool
has_ended(pid_t pid, io_exit *how)
{
    siginfo_t info;

    info.si_pid = 0;
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == 0)
        return false;
    how->known = true;
    if (info.si_code == CLD_EXITED)
        how->code = info.si_status;
    else
        how->signal = info.si_status;
    return true;
}

/* Whether anything happened on one of our two descriptors: our side of the
 * socket is to be ended, or a signal came. */
static void
await(bool *wanted, int64_t deadline)
{
    struct pollfd fds[2] = {{*wanted ? CHANNEL : -1, POLLIN, 0},
                            {CHILDREN, POLLIN, 0}};
    int64_t now = io_now(), left = deadline < now ? 0 : deadline - now;
    struct signalfd_siginfo info;

    if (poll(fds, 2, left > INT_MAX ? INT_MAX : (int)left) <= 0)
        return;
    if (fds[0].revents != 0)
        *wanted = false;
    if (fds[1].revents != 0)
        (void)!read(CHILDREN, &info, sizeof info);
}

/* Waits for the program's end, and sees to it. */
static io_exit
watch_over(pid_t pid, const order *job)
{
    int64_t deadline =
        job->lifetime > 0 ? io_deadline(job->lifetime + SLACK) : INT64_MAX;
    io_exit how = {false, -1, 0, false};
    bool wanted = true, asked = false;
    siginfo_t info;

    while (!has_ended(pid, &how)) {
        await(&wanted, deadline);
        if (getppid() != job->parent || io_now() >= deadline)
            wanted = false;
        if (asked && io_now() >= deadline)
            break;
        if (!wanted && !asked) {
            kill(-pid, SIGTERM);
            kill(-pid, SIGCONT);
            deadline = io_deadline(TERM_GRACE);
            asked = true;
        }
    }
    kill(-pid, SIGKILL);
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0)
        (void)has_ended(pid, &how);
    (void)waitpid(pid, NULL, 0);
    return how;
}

/* The guard's life. */
static _Noreturn void
stand_guard(order *job, const int theirs[3], int channel)
{
    pid_t pid = -1;
    io_exit how;

    (void)prctl(PR_SET_DUMPABLE, 0);
    reset_signals();
    job->parent = getppid();
    job->start.status = AUTHPLUG_OK;
    if (settle_descriptors(theirs, channel)) {
        channel = CHANNEL;
        if (settle_process(job))
            pid = launch(job);
    }
    if (pid < 0)
        job->start = (result){AUTHPLUG_IO, errno};
    /* these ends of the pipes are the program's alone */
    for (int i = 0; i < 3; i++)
        (void)close(i);
    (void)send(channel, &job->start, sizeof job->start, MSG_NOSIGNAL);
    if (job->start.status == AUTHPLUG_OK) {
        how = watch_over(pid, job);
        (void)send(channel, &how, sizeof how, MSG_NOSIGNAL);
    } else if (pid > 0) {
        (void)waitpid(pid, NULL, 0);
    }
    _exit(0);
}

/* ----------------------------------------------------------------- our side */

/*
 * A copy of this process, made by the kernel's own call: no signal tells of
 * its end, and nothing of the surrounding program runs in it, neither the
 * handlers of its signals and of fork(), nor a cancellation that one of its
 * threads is waiting for.
 */
static pid_t
copy_process(order *job, const int theirs[3], int channel)
{
    sigset_t all, signals;
    int cancel, error;
    pid_t pid;

    sigfillset(&all);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    pthread_sigmask(SIG_SETMASK, &all, &signals);
    pid = (pid_t)syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
    if (pid == 0)
        stand_guard(job, theirs, channel);
    error = errno;
    pthread_sigmask(SIG_SETMASK, &signals, NULL);
    pthread_setcancelstate(cancel, &cancel);
    errno = error;
    return pid;
}

/* How the start went, with errno. */
static authplug_status
hear_start(const posix_guard *guard, int64_t deadline)
{
    struct pollfd fds[1 + POSIX_SPARE] = {{guard->channel, POLLIN, 0}};
    authplug_status status = posix_poll(fds, 1, deadline, NULL);
    result start;

    if (status == AUTHPLUG_TIMEOUT)
        errno = ETIMEDOUT;
    else if (status == AUTHPLUG_CANCELLED)
        errno = EINTR;
    if (status != AUTHPLUG_OK)
        return status;
    if (recv(guard->channel, &start, sizeof start, 0) !=
        (ssize_t)sizeof start) {
        errno = ESRCH; /* the guard is gone */
        return AUTHPLUG_IO;
    }
    errno = start.error;
    return start.status;
}

/* No guard is left. It has said all that we wanted to hear, or it hangs, and
 * then the program goes with it. While nobody has waited for it, the number is
 * its own. */
static void
dismiss(posix_guard *guard)
{
    int error = errno;

    if (waitpid(guard->pid, NULL, __WALL | WNOHANG) == 0)
        kill(guard->pid, SIGKILL);
    while (waitpid(guard->pid, NULL, __WALL) < 0 && errno == EINTR)
        ;
    close(guard->channel);
    guard->channel = -1;
    errno = error;
}

authplug_status
posix_guard_start(posix_guard *guard, const io_program *program,
                  const char *const *argv, const char *const *environment,
                  const int theirs[3])
{
    order job = {
        .argv = argv,
        .environment = environment,
        .path = posix_path(environment),
        .as = program->as,
        .lifetime = program->lifetime,
    };
    authplug_status status = AUTHPLUG_IO;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return AUTHPLUG_IO;
    guard->channel = posix_above_standard(ends[0]);
    ends[1] = posix_above_standard(ends[1]);
    guard->pid = -1;
    if (guard->channel >= 0 && ends[1] >= 0)
        guard->pid = copy_process(&job, theirs, ends[1]);
    if (ends[1] >= 0)
        close(ends[1]);
    if (guard->pid > 0) {
        status = hear_start(guard, program->lifetime > 0
                                       ? io_deadline(program->lifetime)
                                       : INT64_MAX);
        if (status != AUTHPLUG_OK)
            dismiss(guard);
    } else if (guard->channel >= 0) {
        close(guard->channel);
        guard->channel = -1;
    }
    return status;
}

bool
posix_guard_ended(posix_guard *guard, io_exit *how)
{
    io_exit heard;
    ssize_t got;

    if (!guard->over) {
        got = recv(guard->channel, &heard, sizeof heard, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return false;
        guard->over = true;
        if (got == (ssize_t)sizeof heard)
            guard->how = heard;
        else
            guard->how = (io_exit){false, -1, 0, false};
    }
    *how = guard->how;
    return true;
}

void
posix_guard_finish(posix_guard *guard, io_exit *how)
{
    struct pollfd fd = {guard->channel, POLLIN, 0};
    int64_t deadline = io_deadline(TERM_GRACE + SLACK), now;

    (void)shutdown(guard->channel, SHUT_WR);
    while (!posix_guard_ended(guard, how) && (now = io_now()) < deadline)
        (void)poll(&fd, 1, (int)(deadline - now));
    dismiss(guard);
}
