/*
 * Programs in a terminal of their own: the pseudo-terminals of io/io.h. The
 * programs are shell commands, and the modes of this file's own one, see below.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "processes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define NOBODY 65534

static char self[4096]; /* this program */

/* ------------------------------------------------ the programs that are run */

static void
say(const char *text)
{
    size_t len = strlen(text);

    while (len > 0) {
        ssize_t written = write(1, text, len);

        if (written <= 0)
            _exit(99);
        text += written;
        len -= (size_t)written;
    }
}

/* A line of the terminal, newline included; 0 at its end. */
static size_t
hear(unsigned char *line, size_t size)
{
    size_t len = 0;

    while (len < size && (len == 0 || line[len - 1] != '\n')) {
        ssize_t got = read(0, line + len, 1);

        if (got <= 0)
            return 0;
        len++;
    }
    return len;
}

/* What it finds itself in. */
static int
look(void)
{
    struct termios it = {0};
    struct dirent *entry;
    DIR *folder = opendir("/proc/self/fd");
    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC), count = 0;

    printf("terminals %d\n", isatty(0) + isatty(1) + isatty(2));
    (void)tcgetattr(0, &it);
    printf("echo %d\n", (it.c_lflag & (ECHO | ECHONL)) != 0);
    printf("leader %d\n", getsid(0) == getpid() && getpgrp() == getpid());
    printf("control %d\n", tty >= 0 && tcgetsid(0) == getpid());
    printf("foreground %d\n", tcgetpgrp(0) == getpid());
    while (folder != NULL && (entry = readdir(folder)) != NULL)
        count += entry->d_name[0] != '.';
    printf("descriptors %d\n", count - 2); /* the folder and the terminal */
    if (folder != NULL)
        (void)closedir(folder);
    return 0;
}

/* Lines are given back in hex. */
static int
hex(void)
{
    static unsigned char line[8192];
    static char text[2 * sizeof line + 2];
    size_t len;

    say("ready\n");
    while ((len = hear(line, sizeof line)) > 0) {
        for (size_t i = 0; i < len; i++)
            (void)snprintf(text + 2 * i, 3, "%02x", line[i]);
        say(text);
        say("\n");
    }
    return 0;
}

/* Says how long lines are, and whether they are all x. */
static int
measure(void)
{
    static unsigned char line[8192];
    char text[64];
    size_t len, same;

    say("ready\n");
    while ((len = hear(line, sizeof line)) > 0) {
        for (same = 0; same < len && line[same] == 'x'; same++) {
        }
        (void)snprintf(text, sizeof text, "%zu of %zu\n", same, len);
        say(text);
    }
    return 0;
}

/* So many bytes, then some last words; with a heir, who stays in the terminal,
 * or without. */
static int
burst(const char *bytes, const char *heir)
{
    static char much[1 << 20];
    size_t len = strtoul(bytes, NULL, 10);

    if (heir != NULL && fork() == 0) {
        (void)signal(SIGHUP, SIG_DFL);
        sleep(60);
        _exit(0);
    }
    memset(much, 'x', len);
    if (len > 0)
        much[len] = 0;
    say(much);
    say("last words\n");
    _exit(7);
}

static void
stubborn(void)
{
    bool other = geteuid() != getuid();

    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)alarm(5); /* whatever becomes of the test */
    if (other && setresuid(geteuid(), geteuid(), geteuid()) != 0)
        _exit(1);
    say(other ? "other rights\n" : "ready\n");
    for (;;)
        sleep(60);
}

/* Has something to say about its terminal all the time. */
static void
restless(void)
{
    say("ready\n");
    for (;;)
        (void)tcflush(0, TCIFLUSH);
}

/* Closes its terminal, and lives. */
static void
mute(void)
{
    (void)signal(SIGHUP, SIG_IGN);
    say("ready\n");
    for (int fd = 0; fd < 16; fd++)
        (void)close(fd);
    for (;;)
        sleep(60);
}

/* Reads, but not from its terminal. */
static int
elsewhere(void)
{
    int ends[2];
    char byte;

    if (pipe(ends) != 0 || dup2(ends[0], 0) != 0)
        return 1;
    say("ready\n");
    return read(0, &byte, 1) == 1 ? 0 : 1;
}

/* Works for a moment on each line. */
static int
busy(void)
{
    unsigned char line[256];

    say("ready\n");
    while (hear(line, sizeof line) > 0) {
        usleep(30000);
        say("done\n");
    }
    return 0;
}

/* As setuid programs are seen by others: hardly. It prompts as getpass() does,
 * dropping what was typed before; first or last. */
static int
secretive(const char *first)
{
    unsigned char line[256];
    struct termios it;
    size_t len;

    (void)prctl(PR_SET_DUMPABLE, 0);
    for (int i = 0; i < 3; i++) {
        if (!first)
            say("password: ");
        usleep(20000);
        (void)tcgetattr(0, &it);
        (void)tcsetattr(0, TCSAFLUSH, &it);
        if (first)
            say("password: ");
        len = hear(line, sizeof line);
        if (len != 6 || memcmp(line, "stoat\n", 6) != 0)
            return 1;
    }
    say("thanks\n");
    return 0;
}

static int
play(char **argv)
{
    if (strcmp(argv[0], "stubborn") == 0)
        stubborn();
    if (strcmp(argv[0], "restless") == 0)
        restless();
    if (strcmp(argv[0], "mute") == 0)
        mute();
    if (strcmp(argv[0], "look") == 0)
        return look();
    if (strcmp(argv[0], "hex") == 0)
        return hex();
    if (strcmp(argv[0], "measure") == 0)
        return measure();
    if (strcmp(argv[0], "burst") == 0)
        return burst(argv[1], argv[2]);
    if (strcmp(argv[0], "elsewhere") == 0)
        return elsewhere();
    if (strcmp(argv[0], "busy") == 0)
        return busy();
    if (strcmp(argv[0], "secretive") == 0)
        return secretive(argv[1]);
    return 98;
}

/* ----------------------------------------------------------- what is shared */

static io_pty *
run_in(const char *const *argv)
{
    io_pty *pty = NULL;

    assert_int_equal(io_pty_start(argv, NULL, &pty), AUTHPLUG_OK);
    assert_non_null(pty);
    return pty;
}

static io_pty *
shell(const char *command)
{
    const char *argv[] = {"/bin/sh", "-c", command, NULL};

    return run_in(argv);
}

static io_pty *
mode(const char *name, const char *first, const char *second)
{
    const char *argv[] = {self, "play", name, first, second, NULL};

    return run_in(argv);
}

/* Reads once, which gives something. */
static const char *
some(io_pty *pty)
{
    static char text[4097];
    size_t len = 0;

    assert_int_equal(
        io_pty_read(pty, text, sizeof text - 1, &len, io_deadline(SOON)),
        AUTHPLUG_OK);
    assert_in_range(len, 1, sizeof text - 1);
    text[len] = 0;
    return text;
}

/* Reads until the text was read, at the end of what was. */
static void
until(io_pty *pty, const char *text)
{
    static char all[65536];
    size_t used = 0, want = strlen(text);

    do {
        const char *next = some(pty);

        assert_true(used + strlen(next) < sizeof all);
        memcpy(all + used, next, strlen(next) + 1);
        used += strlen(next);
    } while (used < want || strcmp(all + used - want, text) != 0);
}

/* All to the end; the carriage returns of a terminal are left out. */
static size_t
rest(io_pty *pty, char *all, size_t size)
{
    char text[4096];
    size_t used = 0, len = 1;

    while (len > 0) {
        assert_int_equal(
            io_pty_read(pty, text, sizeof text, &len, io_deadline(SOON)),
            AUTHPLUG_OK);
        for (size_t i = 0; i < len; i++) {
            assert_true(used + 1 < size);
            if (text[i] != '\r')
                all[used++] = text[i];
        }
    }
    all[used] = 0;
    return used;
}

static const char *
rest_text(io_pty *pty)
{
    static char all[65536];

    rest(pty, all, sizeof all);
    return all;
}

static void
type(io_pty *pty, const void *bytes, size_t len)
{
    assert_int_equal(
        io_pty_write(pty, authplug_span_make(bytes, len), io_deadline(SOON)),
        AUTHPLUG_OK);
}

static void
ends_with_code(io_pty *pty, int code)
{
    io_exit how;

    io_pty_finish(&pty, SOON, &how);
    assert_null(pty);
    assert_true(how.known);
    assert_false(how.killed);
    assert_int_equal(how.signal, 0);
    assert_int_equal(how.code, code);
}

/* In a process of its own, which may be changed for good. */
static bool
holds_apart(bool (*test)(void))
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0)
        _exit(test() ? 0 : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void
apart(bool (*test)(void))
{
    assert_true(holds_apart(test));
}

/* Before and after each test. */
static int
count_before(void **state)
{
    static int before;

    before = descriptors();
    *state = &before;
    return 0;
}

static int
nothing_is_left(void **state)
{
    int before = *(int *)*state;

    if (descriptors() != before)
        print_error("%d descriptors left\n", descriptors() - before);
    if (!childless())
        print_error("a child is left\n");
    return descriptors() == before && childless() ? 0 : -1;
}

/* ---------------------------------------------------------------- its start */

/* A file in a folder of its own. */
typedef struct made {
    char folder[64], file[96];
} made;

static made
file_with(const char *name, const char *text, mode_t mode)
{
    made it = {.folder = "/tmp/test_pty-XXXXXX"};
    FILE *file;

    assert_non_null(mkdtemp(it.folder));
    (void)snprintf(it.file, sizeof it.file, "%s/%s", it.folder, name);
    file = fopen(it.file, "we");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
    assert_int_equal(chmod(it.file, mode), 0);
    return it;
}

static void
unmake(const made *it)
{
    assert_int_equal(unlink(it->file), 0);
    assert_int_equal(rmdir(it->folder), 0);
}

static void
fails(const char *program, authplug_status status, int number)
{
    const char *argv[] = {program, NULL};
    io_pty *pty = NULL;

    errno = 0;
    assert_int_equal(io_pty_start(argv, NULL, &pty), status);
    assert_int_equal(errno, number);
    assert_null(pty);
    assert_true(childless());
}

static void
what_cannot_be_started_is_reported(void **state)
{
    made script = file_with("none", "#!/nonexistent/interpreter\n", 0755);

    (void)state;
    fails("/nonexistent/program", AUTHPLUG_NOT_FOUND, ENOENT);
    fails("/etc/passwd", AUTHPLUG_NOT_FOUND, EACCES);
    fails("/etc/passwd/x", AUTHPLUG_NOT_FOUND, ENOTDIR);
    fails("/tmp", AUTHPLUG_NOT_FOUND, EACCES);
    fails(script.file, AUTHPLUG_NOT_FOUND, ENOENT);
    unmake(&script);
}

static void
a_script_without_an_interpreter_is_no_program(void **state)
{
    made script = file_with("script", "echo ran\n", 0755);

    (void)state;
    fails(script.file, AUTHPLUG_NOT_FOUND, ENOEXEC);
    unmake(&script);
}

static void
a_program_is_looked_for_in_its_own_PATH(void **state)
{
    made script =
        file_with("pty-prog", "#!/bin/sh\necho \"$0 $A $PATH\"\n", 0755);
    const char *argv[] = {"pty-prog", NULL};
    char path[128], expected[256];
    const char *environment[] = {"A=b", path, NULL};
    io_pty *pty = NULL;

    (void)state;
    (void)snprintf(path, sizeof path, "PATH=/nonexistent:%s", script.folder);
    assert_int_equal(io_pty_start(argv, environment, &pty), AUTHPLUG_OK);
    (void)snprintf(expected, sizeof expected, "%s b %s\n", script.file,
                   path + 5);
    assert_string_equal(rest_text(pty), expected);
    ends_with_code(pty, 0);
    (void)snprintf(path, sizeof path, "PATH=/nonexistent");
    assert_int_equal(io_pty_start(argv, environment, &pty), AUTHPLUG_NOT_FOUND);
    unmake(&script);
}

static bool
start_without_descriptors(void)
{
    const char *argv[] = {"/bin/true", NULL};
    struct rlimit limit, low;
    int none = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)getrlimit(RLIMIT_NOFILE, &limit);
    low = limit;
    for (int room = 0; room < 16; room++) {
        io_pty *pty = NULL;
        authplug_status status;
        int before = descriptors();

        low.rlim_cur = (rlim_t)(none + room);
        (void)setrlimit(RLIMIT_NOFILE, &low);
        status = io_pty_start(argv, NULL, &pty);
        if (status == AUTHPLUG_OK)
            io_pty_finish(&pty, SOON, NULL);
        else if (status != AUTHPLUG_IO || pty != NULL)
            return false;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        if (descriptors() != before || !childless())
            return false;
        if (status == AUTHPLUG_OK)
            return room > 0;
    }
    return false;
}

static void
without_descriptors_the_start_fails_and_nothing_is_left(void **state)
{
    (void)state;
    apart(start_without_descriptors);
}

/* ------------------------------------------------------------- its terminal */

static void
a_program_has_a_terminal_of_its_own(void **state)
{
    int leaked = open("/dev/null", O_RDONLY); /* without CLOEXEC */
    io_pty *pty = mode("look", NULL, NULL);

    (void)state;
    assert_string_equal(rest_text(pty), "terminals 3\necho 0\nleader 1\n"
                                        "control 1\nforeground 1\n"
                                        "descriptors 3\n");
    ends_with_code(pty, 0);
    close(leaked);
}

static void
a_program_starts_with_default_signals_and_an_empty_mask(void **state)
{
    sigset_t mask, before;
    io_pty *pty;
    const char *text, *ignored;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    sigfillset(&mask);
    sigprocmask(SIG_BLOCK, &mask, &before);
    pty = shell("exec grep -E 'SigBlk|SigIgn' /proc/self/status");
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    text = rest_text(pty);
    assert_non_null(strstr(text, "SigBlk:\t0000000000000000"));
    ignored = strstr(text, "SigIgn:");
    assert_non_null(ignored);
    /* glibc keeps two signals of its own, 32 and 33, ignored */
    assert_int_equal(strtoull(ignored + 7, NULL, 16) & 0x7fffffff, 0);
    ends_with_code(pty, 0);
}

/* What is not open with us becomes neither our end of the terminal, nor is it
 * missing in the program. */
static bool
start_with_closed(unsigned which)
{
    const char *argv[] = {self, "play", "look", NULL};
    io_pty *pty = NULL;
    char text[4096];
    size_t len = 1, used = 0;
    bool taken = false;

    for (int fd = 0; fd < 3; fd++)
        if (which >> fd & 1)
            (void)close(fd);
    if (io_pty_start(argv, NULL, &pty) != AUTHPLUG_OK)
        return false;
    for (int fd = 0; fd < 3; fd++)
        if (which >> fd & 1 && fcntl(fd, F_GETFD) >= 0)
            taken = true;
    while (len > 0 && used < 2048 &&
           io_pty_read(pty, text + used, sizeof text - used, &len,
                       io_deadline(SOON)) == AUTHPLUG_OK)
        used += len;
    text[used] = 0;
    io_pty_finish(&pty, SOON, NULL);
    return !taken && strstr(text, "terminals 3") != NULL &&
           strstr(text, "descriptors 3") != NULL;
}

static bool
start_with_any_closed(void)
{
    for (unsigned which = 1; which < 8; which++) {
        pid_t pid = fork();
        int status = 0;

        if (pid == 0)
            _exit(start_with_closed(which) ? 0 : 1);
        if (waitpid(pid, &status, 0) != pid || status != 0)
            return false;
    }
    return true;
}

static void
standard_descriptors_that_are_closed_do_no_harm(void **state)
{
    (void)state;
    apart(start_with_any_closed);
}

/* ------------------------------------------------------------ what is typed */

static void
every_byte_arrives_as_it_is(void **state)
{
    io_pty *pty = mode("hex", NULL, NULL);
    char expected[32];

    (void)state;
    until(pty, "ready\r\n");
    for (int byte = 0; byte < 256; byte++) {
        unsigned char line[] = {'a', (unsigned char)byte, 'b', '\n'};

        if (byte == '\n')
            continue;
        type(pty, line, sizeof line);
        (void)snprintf(expected, sizeof expected, "61%02x620a\r\n", byte);
        until(pty, expected);
    }
    io_pty_finish(&pty, 0, NULL);
}

static void
every_byte_arrives_in_one_line(void **state)
{
    io_pty *pty = mode("hex", NULL, NULL);
    unsigned char line[256];
    char expected[2 * sizeof line + 3];
    size_t len = 0;

    (void)state;
    until(pty, "ready\r\n");
    for (int byte = 255; byte >= 0; byte--)
        if (byte != '\n')
            line[len++] = (unsigned char)byte;
    line[len++] = '\n';
    type(pty, line, len);
    for (size_t i = 0; i < len; i++)
        (void)snprintf(expected + 2 * i, 5, "%02x\r\n", line[i]);
    until(pty, expected);
    io_pty_finish(&pty, 0, NULL);
}

static void
the_longest_line_arrives_whole(void **state)
{
    static char line[IO_PTY_LINE];
    io_pty *pty = mode("measure", NULL, NULL);
    char expected[64];

    (void)state;
    until(pty, "ready\r\n");
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    (void)snprintf(expected, sizeof expected, "%d of %d\r\n", IO_PTY_LINE - 1,
                   IO_PTY_LINE);
    for (int i = 0; i < 3; i++) {
        type(pty, line, sizeof line);
        until(pty, expected);
    }
    type(pty, "x\n", 2);
    until(pty, "1 of 2\r\n");
    io_pty_finish(&pty, 0, NULL);
}

static void
what_is_typed_too_early_waits(void **state)
{
    io_pty *pty = shell("sleep 0.3; read a; read b; echo \"$b$a\"");

    (void)state;
    type(pty, "stoat\nweasel\n", 13);
    assert_string_equal(rest_text(pty), "weaselstoat\n");
    ends_with_code(pty, 0);
}

static void
long_lines_that_are_typed_too_early_wait(void **state)
{
    static char lines[4 * 3000];
    const char *argv[] = {"/bin/sh", "-c", "sleep 0.3; exec $0 play measure",
                          self, NULL};
    io_pty *pty = run_in(argv);

    (void)state;
    memset(lines, 'x', sizeof lines);
    for (size_t end = 2999; end < sizeof lines; end += 3000)
        lines[end] = '\n';
    type(pty, lines, sizeof lines);
    until(pty, "ready\r\n2999 of 3000\r\n2999 of 3000\r\n2999 of 3000\r\n"
               "2999 of 3000\r\n");
    io_pty_finish(&pty, 0, NULL);
}

static void
typing_to_a_program_that_never_reads_ends(void **state)
{
    static char much[1 << 20];
    io_pty *pty = shell("echo ready; exec sleep 60");
    int64_t start;
    authplug_status status;

    (void)state;
    until(pty, "ready\r\n");
    memset(much, 'x', sizeof much);
    for (size_t i = 79; i < sizeof much; i += 80)
        much[i] = '\n';
    start = io_now();
    status = io_pty_write(pty, authplug_span_make(much, sizeof much),
                          io_deadline(300));
    assert_true(status == AUTHPLUG_TIMEOUT || status == AUTHPLUG_OK);
    assert_true(io_now() - start < 2000);
    /* and a line without end, which no terminal passes on */
    memset(much, 'x', sizeof much);
    start = io_now();
    status = io_pty_write(pty, authplug_span_make(much, sizeof much),
                          io_deadline(300));
    assert_true(status == AUTHPLUG_TIMEOUT || status == AUTHPLUG_OK);
    assert_true(io_now() - start < 2000);
    io_pty_finish(&pty, 0, NULL);
}

static void
typing_to_a_program_that_is_gone_ends(void **state)
{
    io_pty *pty = shell("exit 3");
    int64_t start = io_now();
    authplug_status status;

    (void)state;
    usleep(100000);
    status = io_pty_write(pty, authplug_span_of("stoat\n"), io_deadline(SOON));
    assert_true(status == AUTHPLUG_IO || status == AUTHPLUG_OK ||
                status == AUTHPLUG_CLOSED);
    assert_true(io_now() - start < 2000);
    assert_string_equal(rest_text(pty), "");
    ends_with_code(pty, 3);
}

static void
nothing_may_be_typed(void **state)
{
    io_pty *pty = shell("exec sleep 60");

    (void)state;
    type(pty, "", 0);
    io_pty_finish(&pty, 0, NULL);
}

/* ------------------------------------------------------------- what is read */

static void
a_read_ends_at_its_deadline(void **state)
{
    io_pty *pty = shell("exec sleep 60");
    int64_t start = io_now();
    char text[4096];
    size_t len = 1;

    (void)state;
    assert_int_equal(
        io_pty_read(pty, text, sizeof text, &len, io_deadline(100)),
        AUTHPLUG_TIMEOUT);
    assert_in_range(io_now() - start, 100, 1000);
    assert_int_equal(io_pty_read(pty, text, sizeof text, &len, io_now()),
                     AUTHPLUG_TIMEOUT);
    io_pty_finish(&pty, 0, NULL);
}

static void
a_restless_terminal_delays_no_deadline(void **state)
{
    io_pty *pty = mode("restless", NULL, NULL);
    char text[4096];
    size_t len;
    int64_t start;

    (void)state;
    until(pty, "ready\r\n");
    for (int i = 0; i < 5; i++) {
        start = io_now();
        assert_int_equal(
            io_pty_read(pty, text, sizeof text, &len, io_deadline(100)),
            AUTHPLUG_TIMEOUT);
        assert_int_equal(io_pty_pause(pty, 100), AUTHPLUG_OK);
        assert_in_range(io_now() - start, 200, 1000);
    }
    io_pty_finish(&pty, 100, NULL);
    assert_true(io_now() - start < 3000);
}

static void
what_is_there_is_read_although_the_deadline_is_past(void **state)
{
    io_pty *pty = shell("echo words; exec sleep 60");
    char text[4096];
    size_t len = 0;

    (void)state;
    assert_int_equal(io_pty_pause(pty, SOON), AUTHPLUG_NEED_MORE);
    assert_int_equal(io_pty_read(pty, text, sizeof text, &len, io_now() - 10),
                     AUTHPLUG_OK);
    assert_int_equal(len, 7);
    assert_memory_equal(text, "words\r\n", 7);
    io_pty_finish(&pty, 0, NULL);
}

static void
a_megabyte_arrives_whole(void **state)
{
    static char all[(1 << 20) + 64];
    io_pty *pty = mode("burst", "1000000", NULL);
    size_t len;

    (void)state;
    len = rest(pty, all, sizeof all);
    assert_int_equal(len, 1000011);
    assert_string_equal(all + 1000000, "last words\n");
    assert_null(memchr(all, 'l', 1000000));
    ends_with_code(pty, 7);
}

static void
what_is_written_right_before_the_end_is_read(void **state)
{
    static char all[65536];

    (void)state;
    for (int i = 0; i < 200; i++) {
        io_pty *pty = shell("echo last words; exit 7");

        assert_string_equal(rest_text(pty), "last words\n");
        /* it stays at its end */
        assert_string_equal(rest_text(pty), "");
        ends_with_code(pty, 7);
    }
    for (int i = 0; i < 20; i++) {
        io_pty *pty = mode("burst", "30000", NULL);

        if (i % 2 == 1)
            usleep(20000);
        assert_int_equal(rest(pty, all, sizeof all), 30011);
        assert_string_equal(all + 30000, "last words\n");
        ends_with_code(pty, 7);
    }
}

static void
an_heir_in_the_terminal_does_not_delay_the_end(void **state)
{
    static char all[65536];
    int64_t start = io_now();

    (void)state;
    for (int i = 0; i < 50; i++) {
        io_pty *pty = mode("burst", i % 2 ? "3000" : "0", "heir");

        assert_int_equal(rest(pty, all, sizeof all), i % 2 ? 3011 : 11);
        ends_with_code(pty, 7);
    }
    assert_true(io_now() - start < 20000);
}

static void
a_program_that_closes_its_terminal_is_at_its_end(void **state)
{
    io_pty *pty = mode("mute", NULL, NULL);
    int64_t start = io_now();
    io_exit how;

    (void)state;
    assert_string_equal(rest_text(pty), "ready\n");
    assert_true(io_now() - start < 2000);
    io_pty_finish(&pty, 100, &how);
    assert_true(how.known && how.killed);
}

/* ------------------------------------------------------------------- pauses */

static void
output_is_no_pause(void **state)
{
    io_pty *pty = shell("echo ready; exec sleep 60");
    int64_t start = io_now();

    (void)state;
    assert_int_equal(io_pty_pause(pty, SOON), AUTHPLUG_NEED_MORE);
    assert_int_equal(io_pty_pause(pty, 0), AUTHPLUG_NEED_MORE);
    assert_true(io_now() - start < 2000);
    until(pty, "ready\r\n");
    io_pty_finish(&pty, 0, NULL);
}

static void
a_program_that_reads_pauses_at_once(void **state)
{
    io_pty *pty = shell("printf 'password: '; read a; echo \"$a\"");
    int64_t start = io_now();

    (void)state;
    until(pty, "password: ");
    assert_int_equal(io_pty_pause(pty, 3000), AUTHPLUG_OK);
    assert_int_equal(io_pty_pause(pty, 3000), AUTHPLUG_OK);
    assert_true(io_now() - start < 1500);
    type(pty, "stoat\n", 6);
    assert_string_equal(rest_text(pty), "stoat\n");
    ends_with_code(pty, 0);
}

static void
a_program_that_does_not_read_pauses_after_a_while(void **state)
{
    io_pty *pty = shell("echo ready; exec sleep 60");
    int64_t start;

    (void)state;
    until(pty, "ready\r\n");
    start = io_now();
    assert_int_equal(io_pty_pause(pty, 300), AUTHPLUG_OK);
    assert_in_range(io_now() - start, 300, 1500);
    start = io_now();
    assert_int_equal(io_pty_pause(pty, 0), AUTHPLUG_OK);
    assert_true(io_now() - start < 500);
    io_pty_finish(&pty, 0, NULL);
}

static void
reading_elsewhere_is_no_pause(void **state)
{
    io_pty *pty = mode("elsewhere", NULL, NULL);
    int64_t start;

    (void)state;
    until(pty, "ready\r\n");
    start = io_now();
    assert_int_equal(io_pty_pause(pty, 600), AUTHPLUG_OK);
    assert_in_range(io_now() - start, 600, 1800);
    io_pty_finish(&pty, 0, NULL);
}

static void
what_is_written_ends_a_pause(void **state)
{
    io_pty *pty = shell("echo ready; sleep 0.3; echo more; exec sleep 60");
    int64_t start;

    (void)state;
    until(pty, "ready\r\n");
    start = io_now();
    assert_int_equal(io_pty_pause(pty, SOON), AUTHPLUG_NEED_MORE);
    assert_true(io_now() - start < 2000);
    until(pty, "more\r\n");
    io_pty_finish(&pty, 0, NULL);
}

/* It may be seen to wait for what was typed just now, and is not. */
static void
a_program_that_was_answered_does_not_pause(void **state)
{
    io_pty *pty = mode("busy", NULL, NULL);

    (void)state;
    until(pty, "ready\r\n");
    for (int i = 0; i < 50; i++) {
        assert_int_equal(io_pty_pause(pty, 3000), AUTHPLUG_OK);
        type(pty, "stoat\n", 6);
        assert_int_equal(io_pty_pause(pty, 3000), AUTHPLUG_NEED_MORE);
        until(pty, "done\r\n");
    }
    io_pty_finish(&pty, 0, NULL);
}

static void
the_end_is_no_long_pause(void **state)
{
    io_pty *pty = shell("exit 3");
    int64_t start = io_now();
    authplug_status status = io_pty_pause(pty, 3000);

    (void)state;
    assert_true(status == AUTHPLUG_NEED_MORE || status == AUTHPLUG_OK);
    assert_true(io_now() - start < 1500);
    assert_string_equal(rest_text(pty), "");
    start = io_now();
    status = io_pty_pause(pty, 3000);
    assert_true(status == AUTHPLUG_NEED_MORE || status == AUTHPLUG_OK);
    assert_true(io_now() - start < 1500);
    ends_with_code(pty, 3);
}

/* Answers the three prompts of a program that is hard to see. */
static bool
answer_a_secretive_one(const char *first)
{
    const char *argv[] = {self, "play", "secretive", first, NULL};
    io_pty *pty = NULL;
    char text[4096];
    size_t len, used = 0;
    io_exit how;

    if (getuid() == 0 &&
        (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
        return false;
    if (io_pty_start(argv, NULL, &pty) != AUTHPLUG_OK)
        return false;
    for (int i = 0; i < 3; i++) {
        authplug_status status;

        used = 0;
        do {
            status = io_pty_pause(pty, 500);
            if (status == AUTHPLUG_NEED_MORE) {
                if (io_pty_read(pty, text + used, sizeof text, &len,
                                io_deadline(SOON)) != AUTHPLUG_OK ||
                    len == 0)
                    return false;
                used = 0;
            }
        } while (status == AUTHPLUG_NEED_MORE);
        if (status != AUTHPLUG_OK ||
            io_pty_write(pty, authplug_span_of("stoat\n"), io_deadline(SOON)) !=
                AUTHPLUG_OK)
            return false;
    }
    while (io_pty_read(pty, text, sizeof text, &len, io_deadline(SOON)) ==
               AUTHPLUG_OK &&
           len > 0) {
    }
    io_pty_finish(&pty, SOON, &how);
    return how.known && how.code == 0 && !how.killed;
}

static bool
prompt_first(void)
{
    return answer_a_secretive_one(NULL);
}

static bool
prompt_last(void)
{
    return answer_a_secretive_one("flush first");
}

static void
a_program_that_cannot_be_looked_into_is_answered(void **state)
{
    (void)state;
    if (getuid() == 0 && access(self, X_OK) != 0)
        skip();
    apart(prompt_first);
    apart(prompt_last);
}

static volatile sig_atomic_t acted;

static void
act(int number)
{
    acted = number;
}

static void
a_caught_signal_ends_every_wait(void **state)
{
    io_pty *pty;
    char text[4096];
    size_t len;
    int64_t start = io_now();

    (void)state;
    signal(SIGINT, act);
    io_signals_begin();
    pty = shell("sleep 0.2; kill -INT $PPID; exec sleep 60");
    assert_int_equal(io_pty_pause(pty, SOON), AUTHPLUG_CANCELLED);
    assert_int_equal(io_signals_caught(), SIGINT);
    assert_int_equal(
        io_pty_read(pty, text, sizeof text, &len, io_deadline(SOON)),
        AUTHPLUG_CANCELLED);
    io_pty_finish(&pty, SOON, NULL);
    assert_int_equal(acted, 0);
    io_signals_end();
    assert_int_equal(acted, SIGINT);
    assert_true(io_now() - start < 3000);
    signal(SIGINT, SIG_DFL);
}

static void
a_caught_signal_ends_a_read(void **state)
{
    io_pty *pty;
    char text[4096];
    size_t len;

    (void)state;
    signal(SIGTERM, act);
    io_signals_begin();
    pty = shell("sleep 0.2; kill -TERM $PPID; exec sleep 60");
    assert_int_equal(
        io_pty_read(pty, text, sizeof text, &len, io_deadline(SOON)),
        AUTHPLUG_CANCELLED);
    io_pty_finish(&pty, SOON, NULL);
    io_signals_end();
    signal(SIGTERM, SIG_DFL);
}

static void
a_caught_signal_ends_a_write(void **state)
{
    static char much[1 << 20];
    io_pty *pty;
    authplug_status status;
    int64_t start = io_now();

    (void)state;
    signal(SIGTERM, act);
    io_signals_begin();
    pty = shell("sleep 0.2; kill -TERM $PPID; exec sleep 60");
    memset(much, '\n', sizeof much);
    status = io_pty_write(pty, authplug_span_make(much, sizeof much),
                          io_deadline(SOON));
    assert_true(status == AUTHPLUG_CANCELLED || status == AUTHPLUG_OK);
    assert_true(io_now() - start < 2000);
    io_pty_finish(&pty, 0, NULL);
    io_signals_end();
    signal(SIGTERM, SIG_DFL);
}

/* ------------------------------------------------------------------ its end */

static void
a_program_may_end_with_a_status(void **state)
{
    (void)state;
    ends_with_code(shell("exit 0"), 0);
    ends_with_code(shell("exit 255"), 255);
    /* what it still writes does not keep it */
    ends_with_code(mode("burst", "1000000", NULL), 7);
}

static void
a_program_may_end_by_a_signal(void **state)
{
    io_pty *pty = shell("kill -SEGV $$");
    io_exit how;

    (void)state;
    io_pty_finish(&pty, SOON, &how);
    assert_true(how.known);
    assert_false(how.killed);
    assert_int_equal(how.signal, SIGSEGV);
    assert_int_equal(how.code, -1);
}

static void
a_program_that_stays_loses_its_terminal(void **state)
{
    io_pty *pty = shell("trap : TERM; trap 'exit 41' HUP; echo ready; "
                        "while :; do sleep 60; done");
    int64_t start = io_now();
    io_exit how;

    (void)state;
    until(pty, "ready\r\n");
    io_pty_finish(&pty, 100, &how);
    assert_in_range(io_now() - start, 100, 2000);
    assert_true(how.known);
    assert_true(how.killed);
    assert_int_equal(how.code, 41);
}

static void
a_program_that_ignores_all_is_killed(void **state)
{
    io_pty *pty = mode("stubborn", NULL, NULL);
    int64_t start;
    io_exit how;

    (void)state;
    until(pty, "ready\r\n");
    start = io_now();
    io_pty_finish(&pty, 100, &how);
    assert_in_range(io_now() - start, 500, 3000);
    assert_true(how.known);
    assert_true(how.killed);
    assert_int_equal(how.signal, SIGKILL);
    assert_int_equal(how.code, -1);
}

/* A copy of this program that belongs to root and takes root's rights. */
static char privileged[128];

static bool
leave_a_privileged_one(void)
{
    const char *argv[] = {privileged, "play", "stubborn", NULL};
    io_pty *pty = NULL;
    char text[4096];
    size_t len = 0;
    int64_t start;
    io_exit how;
    int before;

    if (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
        return false;
    before = descriptors();
    if (io_pty_start(argv, NULL, &pty) != AUTHPLUG_OK ||
        io_pty_read(pty, text, sizeof text, &len, io_deadline(SOON)) !=
            AUTHPLUG_OK)
        return false;
    start = io_now();
    io_pty_finish(&pty, 100, &how);
    if (len > 4 && memcmp(text, "other", 5) != 0) /* no such rights here */
        return true;
    return pty == NULL && how.killed && !how.known && io_now() - start < 3000 &&
           descriptors() == before;
}

static void
a_program_that_we_may_not_kill_is_left(void **state)
{
    made copy;
    char command[sizeof self + 512];
    io_pty *pty;
    bool left;

    (void)state;
    if (getuid() != 0)
        skip();
    copy = file_with("privileged", "", 0600);
    (void)snprintf(command, sizeof command,
                   "cp %s %s && chmod 4755 %s && chgrp %d %s && chmod 710 %s",
                   self, copy.file, copy.file, NOBODY, copy.folder,
                   copy.folder);
    pty = shell(command);
    assert_string_equal(rest_text(pty), "");
    ends_with_code(pty, 0);
    (void)snprintf(privileged, sizeof privileged, "%s", copy.file);
    left = holds_apart(leave_a_privileged_one);
    unmake(&copy);
    assert_true(left);
}

static void
a_program_that_never_stops_talking_is_ended(void **state)
{
    io_pty *pty = shell("trap '' HUP TERM; while :; do echo yes; done");
    int64_t start = io_now();
    io_exit how;

    (void)state;
    io_pty_finish(&pty, 300, &how);
    assert_true(how.killed);
    assert_in_range(io_now() - start, 300, 3000);
}

static void
a_stopped_program_is_ended(void **state)
{
    io_pty *pty = shell("echo ready; kill -STOP $$; exec sleep 60");
    int64_t start = io_now();
    io_exit how;

    (void)state;
    until(pty, "ready\r\n");
    io_pty_finish(&pty, 100, &how);
    assert_true(how.known && how.killed);
    assert_true(io_now() - start < 3000);
}

static void
the_whole_group_is_ended(void **state)
{
    static const char *const commands[] = {
        "sleep 60 & echo $!; exit 0",
        "sleep 60 & echo $!; exec sleep 60",
        "trap '' HUP TERM; sleep 60 & echo $!; exit 0",
        "trap '' HUP TERM; (while :; do sleep 60; done) & echo $!; sleep 60",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        io_pty *pty = shell(commands[i]);
        int64_t start = io_now();
        pid_t grandchild = (pid_t)strtol(some(pty), NULL, 10);

        assert_true(grandchild > 1);
        io_pty_finish(&pty, 100, NULL);
        assert_true(io_now() - start < 3000);
        assert_true(gone(grandchild));
    }
}

static void
a_host_that_ignores_its_children_loses_nothing_but_the_status(void **state)
{
    io_pty *pty;
    io_exit how;
    int64_t start = io_now();

    (void)state;
    signal(SIGCHLD, SIG_IGN);
    pty = shell("echo words; exit 3");
    assert_string_equal(rest_text(pty), "words\n");
    io_pty_finish(&pty, SOON, &how);
    assert_false(how.known);
    assert_false(how.killed);
    pty = mode("stubborn", NULL, NULL);
    until(pty, "ready\r\n");
    io_pty_finish(&pty, 0, &how);
    assert_true(how.killed);
    signal(SIGCHLD, SIG_DFL);
    assert_true(io_now() - start < 3000);
}

static void
several_terminals_do_not_know_each_other(void **state)
{
    io_pty *first = mode("hex", NULL, NULL);
    io_pty *second = mode("look", NULL, NULL);

    (void)state;
    assert_non_null(strstr(rest_text(second), "descriptors 3\n"));
    ends_with_code(second, 0);
    until(first, "ready\r\n");
    type(first, "a\n", 2);
    until(first, "610a\r\n");
    io_pty_finish(&first, 0, NULL);
}

#define LEAVES_NOTHING(test)                                                   \
    cmocka_unit_test_setup_teardown(test, count_before, nothing_is_left)

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        LEAVES_NOTHING(what_cannot_be_started_is_reported),
        LEAVES_NOTHING(a_script_without_an_interpreter_is_no_program),
        LEAVES_NOTHING(a_program_is_looked_for_in_its_own_PATH),
        LEAVES_NOTHING(without_descriptors_the_start_fails_and_nothing_is_left),
        LEAVES_NOTHING(a_program_has_a_terminal_of_its_own),
        LEAVES_NOTHING(a_program_starts_with_default_signals_and_an_empty_mask),
        LEAVES_NOTHING(standard_descriptors_that_are_closed_do_no_harm),
        LEAVES_NOTHING(every_byte_arrives_as_it_is),
        LEAVES_NOTHING(every_byte_arrives_in_one_line),
        LEAVES_NOTHING(the_longest_line_arrives_whole),
        LEAVES_NOTHING(what_is_typed_too_early_waits),
        LEAVES_NOTHING(long_lines_that_are_typed_too_early_wait),
        LEAVES_NOTHING(typing_to_a_program_that_never_reads_ends),
        LEAVES_NOTHING(typing_to_a_program_that_is_gone_ends),
        LEAVES_NOTHING(nothing_may_be_typed),
        LEAVES_NOTHING(a_read_ends_at_its_deadline),
        LEAVES_NOTHING(a_restless_terminal_delays_no_deadline),
        LEAVES_NOTHING(what_is_there_is_read_although_the_deadline_is_past),
        LEAVES_NOTHING(a_megabyte_arrives_whole),
        LEAVES_NOTHING(what_is_written_right_before_the_end_is_read),
        LEAVES_NOTHING(an_heir_in_the_terminal_does_not_delay_the_end),
        LEAVES_NOTHING(a_program_that_closes_its_terminal_is_at_its_end),
        LEAVES_NOTHING(output_is_no_pause),
        LEAVES_NOTHING(a_program_that_reads_pauses_at_once),
        LEAVES_NOTHING(a_program_that_does_not_read_pauses_after_a_while),
        LEAVES_NOTHING(reading_elsewhere_is_no_pause),
        LEAVES_NOTHING(what_is_written_ends_a_pause),
        LEAVES_NOTHING(a_program_that_was_answered_does_not_pause),
        LEAVES_NOTHING(the_end_is_no_long_pause),
        LEAVES_NOTHING(a_program_that_cannot_be_looked_into_is_answered),
        LEAVES_NOTHING(a_caught_signal_ends_every_wait),
        LEAVES_NOTHING(a_caught_signal_ends_a_read),
        LEAVES_NOTHING(a_caught_signal_ends_a_write),
        LEAVES_NOTHING(a_program_may_end_with_a_status),
        LEAVES_NOTHING(a_program_may_end_by_a_signal),
        LEAVES_NOTHING(a_program_that_stays_loses_its_terminal),
        LEAVES_NOTHING(a_program_that_ignores_all_is_killed),
        LEAVES_NOTHING(a_program_that_we_may_not_kill_is_left),
        LEAVES_NOTHING(a_program_that_never_stops_talking_is_ended),
        LEAVES_NOTHING(a_stopped_program_is_ended),
        LEAVES_NOTHING(the_whole_group_is_ended),
        LEAVES_NOTHING(
            a_host_that_ignores_its_children_loses_nothing_but_the_status),
        LEAVES_NOTHING(several_terminals_do_not_know_each_other),
    };

    if (argc > 2 && strcmp(argv[1], "play") == 0)
        return play(argv + 2);
    if (geteuid() != getuid()) /* the copy is for nothing else */
        return 99;
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 1)
        return 99;
    return cmocka_run_group_tests_name("pty", tests, NULL, NULL);
}
