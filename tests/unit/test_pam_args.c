/* What a line of pam.d may say to pam_authplug, and how it is told off. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/pam_args.h"

#include <stdio.h>
#include <string.h>

static pamargs args;

static bool
take(pamargs_type type, int argc, const char *const *argv)
{
    pamargs_free(&args);
    return pamargs_parse(&args, type, argc, argv);
}

#define TAKE(type, ...)                                                        \
    take(type, (int)(sizeof(const char *[]){__VA_ARGS__} / sizeof(char *)),    \
         (const char *const[]){__VA_ARGS__})

static void
refuses(bool taken, const char *words)
{
    assert_false(taken);
    if (strstr(args.error, words) == NULL)
        print_error("said: %s\n", args.error);
    assert_non_null(strstr(args.error, words));
}

static void
a_plugin_is_enough(void **state)
{
    (void)state;
    assert_true(TAKE(PAMARGS_AUTH, "plugin=/usr/bin/ask"));
    assert_string_equal(args.words[0], "/usr/bin/ask");
    assert_null(args.words[1]);
    assert_int_equal(args.timeout_ms, 60000);
    assert_int_equal(args.min_time_ms, 2000);
    assert_int_equal(args.retries, 1);
    assert_false(args.debug || args.shell || args.remember);
    assert_null(args.user);
    assert_string_equal(args.error, "");
}

static void
all_arguments_are_taken(void **state)
{
    (void)state;
    assert_true(TAKE(PAMARGS_AUTH, "debug", "plugin=/a", "timeout=5",
                     "min_time=0", "retries=3", "user=alice"));
    assert_int_equal(args.timeout_ms, 5000);
    assert_int_equal(args.min_time_ms, 0);
    assert_int_equal(args.retries, 3);
    assert_string_equal(args.user, "alice");
    assert_true(args.debug);
    assert_true(TAKE(PAMARGS_AUTH, "remember"));
    assert_true(args.remember);
    assert_true(TAKE(PAMARGS_ACCOUNT, "shell", "plugin=/a 'b >c"));
    assert_null(args.words);
    assert_string_equal(args.plugin, "/a 'b >c");
}

static void
commands_are_split_into_words(void **state)
{
    static const struct {
        const char *command, *words[5];
    } cases[] = {
        {"plugin=/a b  c", {"/a", "b", "c"}},
        {"plugin= \t/a\tb ", {"/a", "b"}},
        {"plugin=/a 'b c' \"d  e\"", {"/a", "b c", "d  e"}},
        {"plugin=/a b' 'c \"it's\" '\"'", {"/a", "b c", "it's", "\""}},
        {"plugin=/a '' \"\"", {"/a", "", ""}},
        {"plugin=/a b\\ c $HOME * ~", {"/a", "b\\", "c", "$HOME", "*"}},
        {"plugin=\"/with blank/a\"", {"/with blank/a"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(take(PAMARGS_AUTH, 1, &cases[i].command));
        for (size_t k = 0; k < 5 && cases[i].words[k] != NULL; k++)
            assert_string_equal(args.words[k], cases[i].words[k]);
    }
}

static void
commands_that_cannot_be_split_are_refused(void **state)
{
    (void)state;
    refuses(TAKE(PAMARGS_AUTH, "plugin=/a 'b"), "a quote without end");
    refuses(TAKE(PAMARGS_AUTH, "plugin=/a \"b'"), "a quote without end");
    refuses(TAKE(PAMARGS_AUTH, "plugin= "), "command is empty");
    refuses(TAKE(PAMARGS_AUTH, "plugin="), "plugin= lacks its value");
}

static void
nothing_unknown_is_passed_over(void **state)
{
    (void)state;
    refuses(TAKE(PAMARGS_AUTH, "plugin=/a", "nonsense"),
            "\"nonsense\" is unknown");
    refuses(TAKE(PAMARGS_AUTH, "plugin=\"/a", "b\""), "\"b\"\" is unknown");
    refuses(TAKE(PAMARGS_AUTH, "plugin=\"/a", "b\""), "[plugin=/path word]");
    refuses(TAKE(PAMARGS_AUTH, "plugin=/a", "debug=1"), "\"debug=1\"");
    refuses(TAKE(PAMARGS_AUTH, "plugin=/a", "Debug"), "\"Debug\"");
    refuses(TAKE(PAMARGS_AUTH, "plugin=/a", "timeout"), "\"timeout\"");
    refuses(TAKE(PAMARGS_AUTH, "plugin=/a", ""), "\"\" is unknown");
    refuses(TAKE(PAMARGS_AUTH, "plugin"), "\"plugin\" is unknown");
}

static void
numbers_are_numbers(void **state)
{
    static const char *const wrong[] = {
        "timeout=",    "timeout=0",  "timeout=-1",  "timeout=+5",
        "timeout=10s", "timeout= 5", "timeout=0x5", "timeout=3601",
        "timeout=99999999999999999999999999",       "timeout=1.5",
        "retries=0",   "retries=101", "min_time=60001", "min_time=a",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        refuses(TAKE(PAMARGS_AUTH, "plugin=/a", wrong[i]), "takes a number");
        assert_non_null(strchr(args.error, '='));
    }
    assert_true(TAKE(PAMARGS_AUTH, "plugin=/a", "timeout=3600",
                     "min_time=60000", "retries=100"));
}

static void
nothing_is_given_twice(void **state)
{
    (void)state;
    refuses(TAKE(PAMARGS_AUTH, "plugin=/a", "plugin=/b"), "given twice");
    refuses(TAKE(PAMARGS_AUTH, "plugin=/a", "user=a", "user=b"), "given twice");
    refuses(TAKE(PAMARGS_AUTH, "plugin=/a", "timeout=1", "timeout=1"),
            "given twice");
    refuses(TAKE(PAMARGS_AUTH, "plugin=/a", "debug", "debug"), "given twice");
}

static void
arguments_that_do_not_go_together_are_refused(void **state)
{
    (void)state;
    refuses(TAKE(PAMARGS_AUTH, "debug"), "there is no plugin");
    refuses(TAKE(PAMARGS_AUTH, "remember", "plugin=/a"),
            "a line with remember asks no plugin");
    refuses(TAKE(PAMARGS_AUTH, "remember", "config=/a"),
            "a line with remember asks no plugin");
    refuses(TAKE(PAMARGS_PASSWORD, "remember"), "is for auth lines");
    refuses(TAKE(PAMARGS_ACCOUNT, "plugin=/a", "retries=2"),
            "is for auth lines");
    assert_false(take(PAMARGS_AUTH, 0, NULL));
}

static void
a_refusal_takes_its_time_whatever_is_wrong(void **state)
{
    (void)state;
    assert_false(TAKE(PAMARGS_AUTH, "nonsense"));
    assert_int_equal(args.min_time_ms, 2000);
    assert_false(TAKE(PAMARGS_AUTH, "min_time=100", "nonsense"));
    assert_int_equal(args.min_time_ms, 100);
    refuses(TAKE(PAMARGS_AUTH, "nonsense", "min_time=100", "more"),
            "\"nonsense\"");
    assert_int_equal(args.min_time_ms, 100);
    assert_false(TAKE(PAMARGS_AUTH, "min_time=nonsense"));
    assert_int_equal(args.min_time_ms, 2000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plugin_is_enough),
        cmocka_unit_test(all_arguments_are_taken),
        cmocka_unit_test(commands_are_split_into_words),
        cmocka_unit_test(commands_that_cannot_be_split_are_refused),
        cmocka_unit_test(nothing_unknown_is_passed_over),
        cmocka_unit_test(numbers_are_numbers),
        cmocka_unit_test(nothing_is_given_twice),
        cmocka_unit_test(arguments_that_do_not_go_together_are_refused),
        cmocka_unit_test(a_refusal_takes_its_time_whatever_is_wrong),
    };
    int failed = cmocka_run_group_tests_name("pam_authplug's arguments", tests,
                                             NULL, NULL);

    pamargs_free(&args);
    return failed;
}
