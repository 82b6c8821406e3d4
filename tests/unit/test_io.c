/* Processes and streams: nothing hangs, nothing leaks, nothing is left. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "processes.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct heard {
    char text[4096];
    size_t lines, bytes;
} heard;

static void
hear(void *context, authplug_span line)
{
    heard *h = context;
    size_t room = sizeof h->text - strlen(h->text) - 2;

    h->lines++;
    h->bytes += line.len;
    if (line.len < room) {
        strncat(h->text, (const char *)line.data, line.len);
        strncat(h->text, "|", 2);
    }
}

static io_child *
shell(const char *command, heard *h)
{
    io_program program = {
        .command = command, .on_line = h ? hear : NULL, .context = h};

    return started(&program);
}

static void
a_program_is_spawned_by_argv_and_answers(void **state)
{
    const char *argv[] = {"cat", NULL};
    io_program program = {.argv = argv};
    io_child *child;
    char answer[16];
    size_t len;
    io_exit how;

    (void)state;
    assert_int_equal(io_child_start(&program, &child), AUTHPLUG_OK);
    assert_int_equal(io_child_write(child, authplug_span_of("hello"),
                                    io_deadline(SOON)),
                     AUTHPLUG_OK);
    assert_int_equal(io_child_read(child, answer, sizeof answer, &len,
                                   io_deadline(SOON)),
                     AUTHPLUG_OK);
    assert_int_equal(len, 5);
    assert_memory_equal(answer, "hello", 5);
    io_child_finish(&child, SOON, &how);
    assert_null(child);
    assert_true(how.known && how.code == 0 && !how.killed);
}

static void
a_missing_program_is_reported_when_it_is_started(void **state)
{
    const char *argv[] = {"/nonexistent/plugin", NULL};
    io_program program = {.argv = argv};
    io_child *child = NULL;

    (void)state;
    assert_int_equal(io_child_start(&program, &child), AUTHPLUG_NOT_FOUND);
    assert_int_equal(errno, ENOENT);
    assert_null(child);
}

static void
a_file_without_permission_is_reported_likewise(void **state)
{
    const char *argv[] = {"/etc/passwd", NULL};
    io_program program = {.argv = argv};
    io_child *child = NULL;

    (void)state;
    assert_int_equal(io_child_start(&program, &child), AUTHPLUG_NOT_FOUND);
    assert_int_equal(errno, EACCES);
}

static void
a_child_inherits_three_descriptors_and_no_more(void **state)
{
    int leaked = open("/dev/null", O_RDONLY); /* without CLOEXEC */
    io_child *child = shell("ls /proc/self/fd | wc -l", NULL);

    (void)state;
    /* and the one that ls reads the directory by */
    assert_int_equal(atol(output(child)), 4);
    io_child_finish(&child, SOON, NULL);
    close(leaked);
}

static void
a_child_starts_with_default_signals_and_an_empty_mask(void **state)
{
    sigset_t mask, before;
    io_child *child;
    const char *text, *ignored;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigprocmask(SIG_BLOCK, &mask, &before);
    child = shell("grep -E 'SigBlk|SigIgn' /proc/self/status", NULL);
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, SIG_DFL);
    text = output(child);
    assert_non_null(strstr(text, "SigBlk:\t0000000000000000"));
    ignored = strstr(text, "SigIgn:");
    assert_non_null(ignored);
    /* glibc keeps two signals of its own, 32 and 33, ignored */
    assert_int_equal(strtoull(ignored + 7, NULL, 16) & 0x7fffffff, 0);
    io_child_finish(&child, SOON, NULL);
}

static void
a_read_ends_at_its_deadline(void **state)
{
    io_child *child = shell("sleep 60", NULL);
    int64_t start = io_now();
    char byte;
    size_t len;

    (void)state;
    assert_int_equal(io_child_read(child, &byte, 1, &len, io_deadline(100)),
                     AUTHPLUG_TIMEOUT);
    assert_in_range(io_now() - start, 100, 1000);
    io_child_finish(&child, 0, NULL);
}

static void
a_write_nobody_reads_ends_at_its_deadline(void **state)
{
    static unsigned char much[1 << 20];
    io_child *child = shell("sleep 60", NULL);

    (void)state;
    assert_int_equal(io_child_write(child,
                                    authplug_span_make(much, sizeof much),
                                    io_deadline(100)),
                     AUTHPLUG_TIMEOUT);
    io_child_finish(&child, 0, NULL);
}

static void
a_write_to_a_closed_pipe_is_closed_and_no_signal(void **state)
{
    io_child *child = shell("exec <&-; echo ready; sleep 60", NULL);
    char text[16];
    size_t len;

    (void)state;
    assert_int_equal(io_child_read(child, text, sizeof text, &len,
                                   io_deadline(SOON)),
                     AUTHPLUG_OK);
    assert_int_equal(
        io_child_write(child, authplug_span_of("x"), io_deadline(SOON)),
        AUTHPLUG_CLOSED);
    io_child_finish(&child, 0, NULL);
}

static void
what_was_printed_before_the_end_is_read_before_the_end(void **state)
{
    io_child *child = shell("echo last words; exit 3", NULL);
    io_exit how;

    (void)state;
    usleep(100000);
    assert_string_equal(output(child), "last words\n");
    assert_true(io_child_ended(child, io_deadline(SOON), &how));
    assert_int_equal(how.code, 3);
    io_child_finish(&child, SOON, NULL);
}

static void
a_pipe_held_open_by_a_grandchild_does_not_delay_the_end(void **state)
{
    io_child *child = shell("sleep 60 & echo $!", NULL);
    int64_t start = io_now();
    pid_t grandchild = (pid_t)atol(output(child));

    (void)state;
    assert_true(io_now() - start < 2000);
    io_child_finish(&child, SOON, NULL);
    assert_true(io_now() - start < 2000);
    assert_true(gone(grandchild));
}

static void
a_group_that_ignores_term_is_killed_whole(void **state)
{
    io_child *child = shell(
        "trap '' TERM; (trap '' TERM; sleep 60) & echo $!; sleep 60", NULL);
    int64_t start = io_now();
    char text[32] = "";
    size_t len;
    io_exit how;

    (void)state;
    assert_int_equal(io_child_read(child, text, sizeof text - 1, &len,
                                   io_deadline(SOON)),
                     AUTHPLUG_OK);
    io_child_finish(&child, 100, &how);
    assert_true(how.killed);
    assert_true(io_now() - start < 3000);
    assert_true(gone((pid_t)strtol(text, NULL, 10)));
}

static void
a_program_that_never_stops_talking_is_ended(void **state)
{
    io_child *child = shell("yes", NULL);
    int64_t start = io_now();
    io_exit how;

    (void)state;
    io_child_finish(&child, 100, &how);
    assert_true(how.killed);
    assert_true(io_now() - start < 1000);
}

static void
a_write_nobody_reads_ends_although_standard_error_is_flooded(void **state)
{
    static unsigned char much[1 << 20];
    io_child *child = shell("yes >&2", NULL);
    int64_t start = io_now();

    (void)state;
    assert_int_equal(io_child_write(child,
                                    authplug_span_make(much, sizeof much),
                                    io_deadline(100)),
                     AUTHPLUG_TIMEOUT);
    assert_true(io_now() - start < 1000);
    io_child_finish(&child, 0, NULL);
}

static void
standard_error_comes_line_by_line(void **state)
{
    heard h = {0};
    io_child *child = shell("printf 'one\\ntwo\\nthree' >&2", &h);

    (void)state;
    (void)output(child);
    io_child_finish(&child, SOON, NULL);
    assert_string_equal(h.text, "one|two|three|");
}

static void
a_flood_on_standard_error_is_drained_and_bounded(void **state)
{
    heard h = {0};
    io_child *child =
        shell("head -c 2000000 /dev/zero | tr '\\0' x >&2; echo done", &h);

    (void)state;
    assert_string_equal(output(child), "done\n");
    io_child_finish(&child, SOON, NULL);
    assert_in_range(h.bytes, 1024, 65536);
}

static void
a_host_that_ignores_its_children_loses_nothing_but_the_status(void **state)
{
    io_child *child;
    io_exit how;

    (void)state;
    signal(SIGCHLD, SIG_IGN);
    child = shell("echo words; exit 3", NULL);
    assert_string_equal(output(child), "words\n");
    io_child_finish(&child, SOON, &how);
    signal(SIGCHLD, SIG_DFL);
    assert_false(how.known);
    assert_false(how.killed);
}

static volatile sig_atomic_t acted;

static void
act(int number)
{
    acted = number;
}

static void
a_caught_signal_ends_a_wait_and_acts_afterwards(void **state)
{
    io_child *child;
    char byte;
    size_t len;

    (void)state;
    signal(SIGINT, act);
    io_signals_begin();
    child = shell("kill -INT $PPID; sleep 60", NULL);
    assert_int_equal(io_child_read(child, &byte, 1, &len, io_deadline(SOON)),
                     AUTHPLUG_CANCELLED);
    assert_int_equal(io_signals_caught(), SIGINT);
    io_child_finish(&child, SOON, NULL);
    assert_int_equal(acted, 0);
    io_signals_end();
    assert_int_equal(acted, SIGINT);
    signal(SIGINT, SIG_DFL);
}

/* A word of so many copies of a letter. */
static char *
letters(const char *letter, size_t count)
{
    static char text[2048];

    text[0] = 0;
    while (count-- > 0)
        strcat(text, letter);
    return text;
}

static void
what_is_quoted_is_cut_between_letters(void **state)
{
    char expected[IO_SHORT_SIZE];

    (void)state;
    assert_string_equal(IO_SHORT(""), "");
    assert_string_equal(IO_SHORT(letters("a", 60)), letters("a", 60));
    (void)snprintf(expected, sizeof expected, "%s...", letters("a", 57));
    assert_string_equal(IO_SHORT(letters("a", 61)), expected);
    assert_string_equal(IO_SHORT(letters("\xf0\x9f\x98\x80", 60)),
                        letters("\xf0\x9f\x98\x80", 60));
    (void)snprintf(expected, sizeof expected, "%s...", letters("\xc3\xa4", 57));
    assert_string_equal(IO_SHORT(letters("\xc3\xa4", 300)), expected);
    /* what is no UTF-8 does not get more room */
    assert_int_equal(strlen(IO_SHORT(letters("\x80", 2000))), 4 * 57 + 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_is_spawned_by_argv_and_answers),
        cmocka_unit_test(a_missing_program_is_reported_when_it_is_started),
        cmocka_unit_test(a_file_without_permission_is_reported_likewise),
        cmocka_unit_test(a_child_inherits_three_descriptors_and_no_more),
        cmocka_unit_test(a_child_starts_with_default_signals_and_an_empty_mask),
        cmocka_unit_test(a_read_ends_at_its_deadline),
        cmocka_unit_test(a_write_nobody_reads_ends_at_its_deadline),
        cmocka_unit_test(a_write_to_a_closed_pipe_is_closed_and_no_signal),
        cmocka_unit_test(
            what_was_printed_before_the_end_is_read_before_the_end),
        cmocka_unit_test(
            a_pipe_held_open_by_a_grandchild_does_not_delay_the_end),
        cmocka_unit_test(a_group_that_ignores_term_is_killed_whole),
        cmocka_unit_test(a_program_that_never_stops_talking_is_ended),
        cmocka_unit_test(
            a_write_nobody_reads_ends_although_standard_error_is_flooded),
        cmocka_unit_test(standard_error_comes_line_by_line),
        cmocka_unit_test(a_flood_on_standard_error_is_drained_and_bounded),
        cmocka_unit_test(
            a_host_that_ignores_its_children_loses_nothing_but_the_status),
        cmocka_unit_test(a_caught_signal_ends_a_wait_and_acts_afterwards),
        cmocka_unit_test(what_is_quoted_is_cut_between_letters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
