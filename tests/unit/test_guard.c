/*
 * Guarded programs: whatever the surrounding program does, the end is known,
 * nothing is handed on, and nothing is left.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "processes.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEST(sentence)                                                         \
    static void sentence(void **unused_ __attribute__((unused)))

#define NOBODY 65534

static const char *const environment[] = {"PATH=/usr/bin:/bin", "WHO=stoat",
                                          NULL};

static io_program
guarded(const char *command)
{
    io_program program = {
        .command = command, .environment = environment, .guarded = true};

    return program;
}

static io_child *
shell(const char *command)
{
    io_program program = guarded(command);

    return started(&program);
}

/* Its output, once it has ended by itself with this exit code. */
static const char *
said(io_child *child, int code)
{
    const char *text = output(child);
    io_exit how;

    assert_true(io_child_ended(child, io_deadline(SOON), &how));
    assert_true(how.known);
    assert_int_equal(how.code, code);
    io_child_finish(&child, 0, &how);
    assert_true(how.known && how.code == code && !how.killed);
    return text;
}

/* The first of its output, a moment after it began: a few numbers. */
static const char *
first_words(io_child *child)
{
    static char text[256];
    size_t len;

    assert_int_equal(
        io_child_read(child, text, sizeof text - 1, &len, io_deadline(SOON)),
        AUTHPLUG_OK);
    text[len] = 0;
    return text;
}

static pid_t
first_pid(const char *text, pid_t *second)
{
    char *end;
    pid_t first = (pid_t)strtol(text, &end, 10);

    if (second != NULL)
        *second = (pid_t)strtol(end, NULL, 10);
    assert_true(first > 1);
    return first;
}

/* The status that io_child_start() gives; errno stays. */
static authplug_status
refused(const io_program *program)
{
    io_child *child = NULL;
    authplug_status status = io_child_start(program, &child);
    int error = errno;

    assert_null(child);
    assert_true(childless());
    errno = error;
    return status;
}

/* ------------------------------------------------------------- the program */

TEST(a_command_runs_and_its_end_is_known)
{
    assert_string_equal(said(shell("echo words; exit 3"), 3), "words\n");
}

TEST(a_conversation_passes)
{
    const char *argv[] = {"cat", NULL};
    io_program program = {
        .argv = argv, .environment = environment, .guarded = true};
    io_child *child = started(&program);

    assert_int_equal(
        io_child_write(child, authplug_span_of("hello"), io_deadline(SOON)),
        AUTHPLUG_OK);
    assert_string_equal(first_words(child), "hello");
    io_child_close_input(child);
    assert_string_equal(said(child, 0), "");
}

TEST(the_signal_that_kills_it_is_known)
{
    io_child *child = shell("kill -SEGV $$");
    io_exit how;

    assert_true(io_child_ended(child, io_deadline(SOON), &how));
    assert_true(how.known);
    assert_int_equal(how.signal, SIGSEGV);
    io_child_finish(&child, 0, NULL);
}

/* Guarded or not, names are found alike. */
static void
names_are_found(bool guard)
{
    const char *argv[] = {"true", NULL};
    const char *const elsewhere[] = {"PATH=:/nonexistent:/etc/passwd", NULL};
    const char *const here[] = {"PATH=/nonexistent:/etc/passwd:/bin", NULL};
    const char *const nowhere[] = {NULL};
    io_program program = {.argv = argv, .guarded = guard};

    program.environment = elsewhere;
    assert_int_equal(refused(&program), AUTHPLUG_NOT_FOUND);
    assert_int_equal(errno, ENOENT);
    program.environment = here;
    (void)said(started(&program), 0);
    program.environment = nowhere;
    (void)said(started(&program), 0);
    argv[0] = "";
    assert_int_equal(refused(&program), AUTHPLUG_NOT_FOUND);
    /* an empty part of PATH is no folder */
    assert_int_equal(chdir("/"), 0);
    argv[0] = "etc";
    program.environment = elsewhere;
    assert_int_equal(refused(&program), AUTHPLUG_NOT_FOUND);
    assert_int_equal(errno, ENOENT);
}

TEST(a_name_is_looked_for_in_the_programs_own_path)
{
    names_are_found(true);
    names_are_found(false);
}

TEST(a_name_that_may_not_be_executed_is_told_from_one_that_is_missing)
{
    char folder[] = "/tmp/authplug-test-XXXXXX", file[64], path[64];
    const char *argv[] = {"true", NULL};
    const char *const variables[] = {path, NULL};
    io_program program = {.argv = argv, .environment = variables};

    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof file, "%s/true", folder);
    close(open(file, O_CREAT | O_WRONLY, 0600));
    for (int guard = 0; guard < 2; guard++) {
        program.guarded = guard;
        (void)snprintf(path, sizeof path, "PATH=%s:/nonexistent", folder);
        assert_int_equal(refused(&program), AUTHPLUG_NOT_FOUND);
        assert_int_equal(errno, EACCES);
        (void)snprintf(path, sizeof path, "PATH=%s:/bin", folder);
        (void)said(started(&program), 0);
    }
    unlink(file);
    rmdir(folder);
}

TEST(why_a_program_cannot_be_executed_is_known_at_the_start)
{
    char script[] = "/tmp/authplug-test-XXXXXX", over[5000];
    int fd = mkstemp(script);
    const char *argv[] = {script, NULL};
    io_program program = {
        .argv = argv, .environment = environment, .guarded = true};

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "#!/nonexistent/perl\n", 20), 20);
    close(fd);
    assert_int_equal(refused(&program), AUTHPLUG_NOT_FOUND);
    assert_int_equal(errno, EACCES);
    assert_int_equal(chmod(script, 0700), 0);
    assert_int_equal(refused(&program), AUTHPLUG_NOT_FOUND);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(truncate(script, 0), 0);
    assert_int_equal(refused(&program), AUTHPLUG_NOT_FOUND);
    assert_int_equal(errno, ENOEXEC);
    unlink(script);
    memset(over, 'x', sizeof over - 1);
    over[sizeof over - 1] = 0;
    argv[0] = over;
    assert_int_equal(refused(&program), AUTHPLUG_NOT_FOUND);
}

TEST(it_has_three_descriptors_whatever_was_leaked)
{
    int leaked[20];

    for (int i = 0; i < 20; i++)
        leaked[i] = fcntl(1, F_DUPFD, 10 + 7 * i);
    /* the last one is that by which ls reads the folder */
    assert_string_equal(said(shell("exec ls /proc/self/fd"), 0),
                        "0\n1\n2\n3\n");
    for (int i = 0; i < 20; i++)
        close(leaked[i]);
}

TEST(its_standard_streams_are_pipes)
{
    assert_string_equal(
        said(shell("stat -L -c %F /dev/stdin /dev/stdout /dev/fd/2"), 0),
        "fifo\nfifo\nfifo\n");
}

TEST(its_environment_is_what_was_given)
{
    const char *argv[] = {"/usr/bin/env", NULL};
    io_program program = {
        .argv = argv, .environment = environment, .guarded = true};
    const char *const none[] = {NULL};

    setenv("SECRET", "weasel", 1);
    assert_string_equal(said(started(&program), 0),
                        "PATH=/usr/bin:/bin\nWHO=stoat\n");
    program.environment = none;
    assert_string_equal(said(started(&program), 0), "");
    program.environment = NULL;
    assert_non_null(strstr(said(started(&program), 0), "SECRET=weasel\n"));
    unsetenv("SECRET");
}

TEST(it_starts_with_default_signals_and_an_empty_mask)
{
    sigset_t all, before;
    io_child *child;
    const char *text;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    child = shell("grep -E 'SigBlk|SigIgn|SigPnd' /proc/self/status");
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    text = said(child, 0);
    assert_non_null(strstr(text, "SigPnd:\t0000000000000000"));
    assert_non_null(strstr(text, "SigBlk:\t0000000000000000"));
    assert_non_null(strstr(text, "SigIgn:\t0000000000000000"));
}

TEST(our_own_mask_is_as_before)
{
    sigset_t mine, before, after;
    io_child *child;

    sigemptyset(&mine);
    sigaddset(&mine, SIGUSR1);
    sigprocmask(SIG_SETMASK, &mine, &before);
    child = shell("true");
    io_child_finish(&child, SOON, NULL);
    sigprocmask(SIG_SETMASK, &before, &after);
    for (int i = 1; i < NSIG; i++)
        assert_int_equal(sigismember(&after, i), i == SIGUSR1);
}

TEST(it_has_a_session_the_root_folder_and_no_core_file)
{
    struct rlimit core;

    assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
    core.rlim_cur = core.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_CORE, &core), 0);
    assert_string_equal(
        said(shell("pwd; umask; ulimit -S -c; set -- $(cat /proc/self/stat);"
                   "test $5 = $$ && test $6 = $$ && test $7 = 0 && echo own"),
             0),
        "/\n0022\n0\nown\n");
}

TEST(standard_error_comes_by_lines)
{
    io_child *child = shell("printf 'one\\ntwo' >&2; echo done");

    assert_string_equal(said(child, 0), "done\n");
}

/* -------------------------------------------------------------- identities */

static const uint32_t groups[] = {100, 4242};
static const io_identity nobody = {NOBODY, NOBODY, groups, 2};

TEST(it_runs_as_somebody_else)
{
    io_program program = guarded("id -ru; id -u; id -rg; id -g; id -G");

    if (geteuid() != 0) {
        print_message("not root: identities cannot be changed\n");
        skip();
    }
    program.guarded = false; /* `as` is enough */
    program.as = &nobody;
    assert_string_equal(said(started(&program), 0),
                        "65534\n65534\n65534\n65534\n65534 100 4242\n");
    program.command = "grep -E 'CapPrm|CapEff|CapAmb' /proc/self/status |"
                      "cut -f 2 | uniq";
    assert_string_equal(said(started(&program), 0), "0000000000000000\n");
}

TEST(no_groups_are_none)
{
    const io_identity alone = {NOBODY, NOBODY, NULL, 0};
    io_program program = guarded("id -G");

    if (geteuid() != 0) {
        print_message("not root: identities cannot be changed\n");
        skip();
    }
    program.as = &alone;
    assert_string_equal(said(started(&program), 0), "65534\n");
}

/* ------------------------------------------------- the surrounding program */

/* Runs it in a process of its own, which may spoil itself; it tells by its
 * result whether all was well. */
static bool
in_a_process(bool (*act)(void))
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(act() ? 0 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Starts a program that ends with 3; whether that was learned. */
static bool
three_is_learned(void)
{
    io_program program = guarded("exit 3");
    io_child *child = NULL;
    io_exit how = {0};

    if (io_child_start(&program, &child) != AUTHPLUG_OK)
        return false;
    io_child_finish(&child, SOON, &how);
    return how.known && how.code == 3 && !how.killed;
}

TEST(a_host_that_ignores_its_children_learns_the_end)
{
    signal(SIGCHLD, SIG_IGN);
    assert_string_equal(said(shell("echo words; exit 3"), 3), "words\n");
    signal(SIGCHLD, SIG_DFL);
}

static volatile sig_atomic_t told, stolen;

static void
reap_everybody(int number)
{
    (void)number;
    told++;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        stolen++;
}

TEST(a_host_that_reaps_everybody_sees_nothing_of_it)
{
    signal(SIGCHLD, reap_everybody);
    for (int i = 0; i < 20; i++)
        assert_true(three_is_learned());
    signal(SIGCHLD, SIG_DFL);
    assert_int_equal(told, 0);
    assert_int_equal(stolen, 0);
}

static bool stop;

/* What other threads of a daemon do meanwhile. */
static void *
be_busy(void *unused)
{
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        char *argv[] = {(char *)"true", NULL};
        void *block = malloc(10000);
        int status = -1;
        pid_t pid;

        if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, NULL) == 0 &&
            (waitpid(pid, &status, 0) != pid || status != 0))
            abort();
        free(block);
    }
    return unused;
}

TEST(threads_that_allocate_and_start_children_do_not_matter)
{
    pthread_t threads[4];

    __atomic_store_n(&stop, false, __ATOMIC_RELAXED);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, be_busy, NULL), 0);
    for (int i = 0; i < 50; i++)
        assert_true(three_is_learned());
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_true(childless());
}

static bool
without_standard_streams(void)
{
    io_program program = guarded("read word; echo $word; echo more >&2");
    io_child *child = NULL;
    char text[16] = "";
    size_t len = 0;
    io_exit how;

    close(0);
    close(1);
    close(2);
    if (io_child_start(&program, &child) != AUTHPLUG_OK)
        return false;
    (void)io_child_write(child, authplug_span_of("stoat\n"), io_deadline(SOON));
    (void)io_child_read(child, text, sizeof text, &len, io_deadline(SOON));
    io_child_finish(&child, SOON, &how);
    return how.known && how.code == 0 && len == 6 &&
           memcmp(text, "stoat\n", 6) == 0 && fcntl(0, F_GETFD) < 0 &&
           fcntl(1, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0;
}

TEST(closed_standard_streams_do_not_matter)
{
    assert_true(in_a_process(without_standard_streams));
}

static bool
as_nobody(void)
{
    static const io_identity root = {0, 0, NULL, 0};
    io_program program = guarded("touch /tmp/authplug-must-not-be");
    io_child *child = NULL;

    if (setresuid(NOBODY, NOBODY, NOBODY) != 0)
        return false;
    program.as = &root;
    return io_child_start(&program, &child) == AUTHPLUG_IO && errno == EPERM &&
           child == NULL && childless() &&
           access("/tmp/authplug-must-not-be", F_OK) != 0;
}

TEST(an_identity_that_cannot_be_had_starts_nothing)
{
    if (geteuid() != 0) {
        print_message("not root: identities cannot be changed\n");
        skip();
    }
    assert_true(in_a_process(as_nobody));
}

static bool
nobody_looks_at_the_guard(void)
{
    io_program program = guarded("stat -c %u /proc/$PPID/mem /proc/$$/mem");
    io_child *child = NULL;
    char text[16] = "";
    size_t len = 0;

    if (setresuid(NOBODY, NOBODY, NOBODY) != 0 ||
        prctl(PR_SET_DUMPABLE, 1) != 0 ||
        io_child_start(&program, &child) != AUTHPLUG_OK)
        return false;
    while (len < 8) {
        size_t more;

        if (io_child_read(child, text + len, sizeof text - len, &more,
                          io_deadline(SOON)) != AUTHPLUG_OK ||
            more == 0)
            break;
        len += more;
    }
    io_child_finish(&child, SOON, NULL);
    /* what is not dumpable belongs to root */
    return len == 8 && memcmp(text, "0\n65534\n", 8) == 0;
}

TEST(the_guards_memory_is_closed_to_its_own_user)
{
    if (geteuid() != 0) {
        print_message("not root: an identity cannot be given up\n");
        skip();
    }
    assert_true(in_a_process(nobody_looks_at_the_guard));
}

/* The guard and its program, in a program that NOBODY has started and that is
 * setuid root. */
static bool
nobody_stops_the_guard(void)
{
    io_program program = guarded("echo $PPID $$; exec sleep 60");
    io_child *child = NULL;
    pid_t guard, pid, stranger;
    int status = 1;

    if (setresuid(NOBODY, 0, 0) != 0 ||
        io_child_start(&program, &child) != AUTHPLUG_OK)
        return false;
    guard = first_pid(first_words(child), &pid);
    stranger = fork();
    if (stranger == 0) {
        bool kept = setresuid(NOBODY, NOBODY, NOBODY) == 0 &&
                    kill(guard, SIGSTOP) != 0 && errno == EPERM &&
                    kill(pid, SIGSTOP) != 0 && errno == EPERM;

        _exit(kept ? 0 : 1);
    }
    (void)waitpid(stranger, &status, 0);
    io_child_finish(&child, 0, NULL);
    return status == 0 && gone(pid);
}

TEST(who_calls_a_setuid_program_cannot_stop_the_guard)
{
    if (geteuid() != 0) {
        print_message("not root: an identity cannot be given up\n");
        skip();
    }
    assert_true(in_a_process(nobody_stops_the_guard));
}

TEST(the_guard_says_what_it_is_and_holds_nothing_of_ours)
{
    int leaked;
    const char *text;

    if (geteuid() != 0) {
        print_message("not root: the guard cannot be looked at\n");
        skip();
    }
    leaked = fcntl(1, F_DUPFD, 50);
    text = said(shell("cat /proc/$PPID/comm; grep SigBlk /proc/$PPID/status;"
                      "cd /proc/$PPID/fd && for fd in *; do readlink $fd |"
                      "cut -d: -f 1; done"),
                0);

    close(leaked);
    assert_memory_equal(text, "authplug-guard\n", 15);
    assert_non_null(strstr(text, "SigBlk:\tfffffffe7ffb"));
    assert_string_equal(strchr(strchr(text, '\n') + 1, '\n') + 1,
                        "socket\nanon_inode\n");
}

/* --------------------------------------------------------------- the ending */

TEST(a_group_that_ignores_term_is_killed_whole)
{
    io_child *child = shell("trap '' TERM; (trap '' TERM; sleep 60) & "
                            "echo $$ $!; sleep 60");
    int64_t start = io_now();
    pid_t grandchild, pid = first_pid(first_words(child), &grandchild);
    io_exit how;

    io_child_finish(&child, 100, &how);
    assert_true(how.killed);
    assert_int_equal(how.signal, SIGKILL);
    assert_true(io_now() - start < 2000);
    assert_true(gone(pid));
    assert_true(gone(grandchild));
}

TEST(a_stopped_program_is_ended_all_the_same)
{
    io_child *child = shell("echo $$; kill -STOP $$; sleep 60");
    pid_t pid = first_pid(first_words(child), NULL);
    io_exit how;

    usleep(50000);
    io_child_finish(&child, 0, &how);
    assert_true(how.killed && how.known);
    assert_int_equal(how.signal, SIGTERM);
    assert_true(gone(pid));
}

TEST(a_grandchild_that_keeps_the_pipe_delays_nothing_and_is_ended)
{
    int64_t start = io_now();
    io_child *child = shell("sleep 60 & echo $!");
    pid_t grandchild = first_pid(said(child, 0), NULL);

    assert_true(io_now() - start < 2000);
    assert_true(gone(grandchild));
}

TEST(a_program_that_ends_by_itself_is_not_waited_for)
{
    int64_t start = io_now();
    io_child *child = shell("read word; exit 3");
    io_exit how;

    io_child_finish(&child, SOON, &how);
    assert_true(how.known && how.code == 3 && !how.killed);
    assert_true(io_now() - start < 400);
}

TEST(a_program_that_never_stops_talking_is_ended)
{
    int64_t start = io_now();
    io_child *child = shell("yes; yes >&2");
    io_exit how;

    io_child_finish(&child, 100, &how);
    assert_true(how.killed);
    assert_true(io_now() - start < 1000);
}

TEST(nothing_is_left_neither_descriptors_nor_children)
{
    const char *missing[] = {"/nonexistent/plugin", NULL};
    io_program program = {.argv = missing, .guarded = true};
    int before = descriptors();

    assert_true(three_is_learned());
    (void)refused(&program);
    program.argv = NULL;
    program.command = "sleep 60";
    for (int i = 0; i < 3; i++) {
        io_child *child = started(&program);

        io_child_finish(&child, 0, NULL);
    }
    assert_int_equal(descriptors(), before);
    assert_true(childless());
}

/* The status and errno of a start with so few descriptors; it leaves none. */
static authplug_status
start_with(io_program *program, int limit, const struct rlimit *all)
{
    struct rlimit few = {(rlim_t)limit, all->rlim_max};
    io_child *child = NULL;
    authplug_status status;
    int error;

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    status = io_child_start(program, &child);
    error = errno;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, all), 0);
    if (status == AUTHPLUG_OK)
        (void)said(child, 0);
    else
        assert_null(child);
    errno = error;
    return status;
}

TEST(without_descriptors_nothing_is_started_and_nothing_left)
{
    io_program program = guarded("true");
    int before = descriptors();
    struct rlimit all;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
    for (int guard = 0; guard < 2; guard++) {
        int few = before;

        program.guarded = guard;
        while (start_with(&program, few, &all) != AUTHPLUG_OK) {
            assert_int_equal(errno, EMFILE);
            assert_int_equal(descriptors(), before);
            assert_true(childless());
            few++;
        }
        assert_in_range(few, before + 1, before + 20);
        assert_int_equal(descriptors(), before);
    }
}

/* Kills a process of ours that started this command, once the command has
 * said two pids; they must both be gone then, in time. */
static void
is_gone_with_its_host(const char *command, bool copied, bool setuid_root)
{
    int words[2], hold[2];
    char text[64] = "";
    pid_t host, pid, other;
    int64_t start;

    assert_int_equal(pipe(words), 0);
    assert_int_equal(pipe(hold), 0);
    host = fork();
    if (host == 0) {
        io_child *child;
        const char *line;

        if (setuid_root && setresuid(NOBODY, 0, 0) != 0)
            _exit(1);
        child = shell(command);
        line = first_words(child);

        /* somebody who has all that we have, until the test is over */
        if (copied && fork() == 0) {
            close(words[1]);
            close(hold[1]);
            (void)!read(hold[0], text, 1);
            _exit(0);
        }
        (void)!write(words[1], line, strlen(line));
        for (;;)
            pause();
    }
    close(words[1]);
    assert_true(read(words[0], text, sizeof text - 1) > 0);
    close(words[0]);
    pid = first_pid(text, &other);
    start = io_now();
    kill(host, SIGKILL);
    assert_int_equal(waitpid(host, NULL, 0), host);
    assert_true(gone(pid));
    assert_true(gone(other));
    assert_true(io_now() - start < 2000);
    close(hold[0]);
    close(hold[1]);
}

#define STUBBORN "trap '' TERM; (trap '' TERM; sleep 60) & echo $$ $!; sleep 60"

TEST(the_group_of_a_killed_host_is_ended)
{
    is_gone_with_its_host(STUBBORN, false, false);
    is_gone_with_its_host("echo $$ $PPID; exec sleep 60", false, false);
}

TEST(the_group_of_a_killed_host_is_ended_even_if_a_child_of_it_lives_on)
{
    is_gone_with_its_host(STUBBORN, true, false);
    if (geteuid() == 0)
        is_gone_with_its_host(STUBBORN, true, true);
}

TEST(a_program_that_outlives_its_lifetime_is_ended)
{
    io_program program = guarded(STUBBORN);
    int64_t start = io_now();
    io_child *child;
    pid_t pid, other;

    program.lifetime = 200;
    child = started(&program);
    pid = first_pid(first_words(child), &other);
    assert_true(gone(pid));
    assert_true(gone(other));
    assert_in_range(io_now() - start, 1200, 2500);
    io_child_finish(&child, 0, NULL);
}

TEST(a_killed_guard_is_an_end_that_is_not_known)
{
    io_child *child = shell("echo $PPID $$; exec sleep 60");
    pid_t pid, guard = first_pid(first_words(child), &pid);
    int64_t start = io_now();
    io_exit how;

    kill(guard, SIGKILL);
    assert_string_equal(output(child), "");
    assert_true(io_child_ended(child, io_deadline(SOON), &how));
    assert_false(how.known);
    assert_true(gone(pid));
    io_child_finish(&child, 0, &how);
    assert_false(how.known);
    assert_true(io_now() - start < 1000);
    assert_true(childless());
}

TEST(a_stopped_guard_does_not_stop_us)
{
    io_child *child = shell("echo $PPID $$; exec sleep 60");
    pid_t pid, guard = first_pid(first_words(child), &pid);
    int64_t start = io_now();
    io_exit how;

    kill(guard, SIGSTOP);
    io_child_finish(&child, 0, &how);
    assert_true(how.killed);
    assert_false(how.known);
    assert_true(io_now() - start < 3000);
    assert_true(gone(pid));
    assert_true(childless());
}

static void
act(int number)
{
    (void)number;
}

TEST(a_signal_that_ends_us_ends_the_group_first)
{
    io_child *child;
    io_exit how;
    pid_t pid;

    signal(SIGINT, act);
    io_signals_begin();
    child = shell("trap '' TERM; echo $$; sleep 60");
    pid = first_pid(first_words(child), NULL);
    kill(getpid(), SIGINT);
    io_child_finish(&child, SOON, &how);
    assert_true(how.killed && how.known);
    assert_true(gone(pid));
    io_signals_end();
    signal(SIGINT, SIG_DFL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_runs_and_its_end_is_known),
        cmocka_unit_test(a_conversation_passes),
        cmocka_unit_test(the_signal_that_kills_it_is_known),
        cmocka_unit_test(a_name_is_looked_for_in_the_programs_own_path),
        cmocka_unit_test(
            a_name_that_may_not_be_executed_is_told_from_one_that_is_missing),
        cmocka_unit_test(
            why_a_program_cannot_be_executed_is_known_at_the_start),
        cmocka_unit_test(it_has_three_descriptors_whatever_was_leaked),
        cmocka_unit_test(its_standard_streams_are_pipes),
        cmocka_unit_test(its_environment_is_what_was_given),
        cmocka_unit_test(it_starts_with_default_signals_and_an_empty_mask),
        cmocka_unit_test(our_own_mask_is_as_before),
        cmocka_unit_test(it_has_a_session_the_root_folder_and_no_core_file),
        cmocka_unit_test(standard_error_comes_by_lines),
        cmocka_unit_test(it_runs_as_somebody_else),
        cmocka_unit_test(no_groups_are_none),
        cmocka_unit_test(a_host_that_ignores_its_children_learns_the_end),
        cmocka_unit_test(a_host_that_reaps_everybody_sees_nothing_of_it),
        cmocka_unit_test(
            threads_that_allocate_and_start_children_do_not_matter),
        cmocka_unit_test(closed_standard_streams_do_not_matter),
        cmocka_unit_test(an_identity_that_cannot_be_had_starts_nothing),
        cmocka_unit_test(the_guards_memory_is_closed_to_its_own_user),
        cmocka_unit_test(who_calls_a_setuid_program_cannot_stop_the_guard),
        cmocka_unit_test(the_guard_says_what_it_is_and_holds_nothing_of_ours),
        cmocka_unit_test(a_group_that_ignores_term_is_killed_whole),
        cmocka_unit_test(a_stopped_program_is_ended_all_the_same),
        cmocka_unit_test(
            a_grandchild_that_keeps_the_pipe_delays_nothing_and_is_ended),
        cmocka_unit_test(a_program_that_ends_by_itself_is_not_waited_for),
        cmocka_unit_test(a_program_that_never_stops_talking_is_ended),
        cmocka_unit_test(nothing_is_left_neither_descriptors_nor_children),
        cmocka_unit_test(
            without_descriptors_nothing_is_started_and_nothing_left),
        cmocka_unit_test(the_group_of_a_killed_host_is_ended),
        cmocka_unit_test(
            the_group_of_a_killed_host_is_ended_even_if_a_child_of_it_lives_on),
        cmocka_unit_test(a_program_that_outlives_its_lifetime_is_ended),
        cmocka_unit_test(a_killed_guard_is_an_end_that_is_not_known),
        cmocka_unit_test(a_stopped_guard_does_not_stop_us),
        cmocka_unit_test(a_signal_that_ends_us_ends_the_group_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
