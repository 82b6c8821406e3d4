/* Decisions, as the log has them. */
#include "server/decision.h"

#include <authplug/secret.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SPAN(text) authplug_span_make(text, sizeof text - 1)

static char line[DECISION_MAX];

static const char *
of_user(authplug_span user)
{
    decision what = {.event = "auth", .user = user, .ms = -1};
    size_t len = decision_format(&what, line, sizeof line);

    assert_int_equal(len, strlen(line));
    return line;
}

static void
all_fields_in_their_order(void **state)
{
    decision what = {
        .time = 1795211043,
        .id = "0123456789abcdef",
        .event = "auth",
        .module = "pam_authplug",
        .outcome = "rejected",
        .user = authplug_span_of("alice"),
        .rhost = "192.0.2.1",
        .service = "sshd",
        .plugin = authplug_span_of("/usr/lib/ask 'a \"b\"'"),
        .reason = authplug_span_of("the plugin says so"),
        .message = authplug_span_of("Come back"),
        .detail = authplug_span_of("a guest"),
        .ms = 12,
    };

    (void)state;
    (void)decision_format(&what, line, sizeof line);
    assert_string_equal(
        line,
        "{\"time\":\"2026-11-20T21:44:03Z\",\"module\":\"pam_authplug\","
        "\"id\":\"0123456789abcdef\",\"event\":\"auth\","
        "\"outcome\":\"rejected\",\"user\":\"alice\","
        "\"rhost\":\"192.0.2.1\",\"service\":\"sshd\","
        "\"plugin\":\"/usr/lib/ask 'a \\\"b\\\"'\","
        "\"reason\":\"the plugin says so\",\"message\":\"Come back\","
        "\"detail\":\"a guest\",\"ms\":12}");
}

static void
what_is_not_known_is_left_out(void **state)
{
    decision what = {.event = "auth", .ms = 0};

    (void)state;
    (void)decision_format(&what, line, sizeof line);
    assert_string_equal(line, "{\"event\":\"auth\",\"ms\":0}");
}

static void
a_name_cannot_forge_a_line(void **state)
{
    (void)state;
    assert_string_equal(of_user(SPAN("a\nb\r\x1b\x7f\0\"\\")),
                        "{\"event\":\"auth\",\"user\":\"a\\u000ab\\u000d"
                        "\\u001b\\u007f\\u0000\\\"\\\\\"}");
}

static void
letters_are_escaped_and_can_be_read_back(void **state)
{
    (void)state;
    /* o with dots, the euro, an emoji, a mark that turns text around */
    assert_string_equal(
        of_user(SPAN("\xc3\xb6\xe2\x82\xac\xf0\x9f\x98\x80\xe2\x80\xae")),
        "{\"event\":\"auth\",\"user\":\"\\u00f6\\u20ac\\ud83d\\ude00"
        "\\u202e\"}");
}

static void
bytes_that_are_no_utf_8_are_marked(void **state)
{
    static const char *const bad[] = {
        "\x80",             /* a continuation alone */
        "\xc3",             /* cut */
        "\xc0\xaf",         /* too long a form */
        "\xe0\x80\xaf",     /* again */
        "\xed\xa0\x80",     /* a surrogate */
        "\xf4\x90\x80\x80", /* beyond Unicode */
        "\xff",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *got = of_user(authplug_span_of(bad[i]));
        size_t len = strlen(bad[i]);

        got += strlen("{\"event\":\"auth\",\"user\":\"");
        for (; len > 0; len--, got += 6)
            assert_memory_equal(got, "\\ufffd", 6);
        assert_string_equal(got, "\"}");
    }
}

/* At a border of memory, so that reading on would be seen (valgrind, asan). */
static void
a_cut_character_is_not_read_on(void **state)
{
    char *byte = malloc(1);

    (void)state;
    *byte = (char)0xf0;
    assert_string_equal(of_user(authplug_span_make(byte, 1)),
                        "{\"event\":\"auth\",\"user\":\"\\ufffd\"}");
    free(byte);
}

static void
the_longest_line_has_room(void **state)
{
    static char much[65536];
    authplug_span all = authplug_span_make(much, sizeof much - 1);
    decision what = {1795211043, much, much, much, much, all, much, much,
                     all, all, all, all, INT64_MAX};
    size_t len;

    (void)state;
    memset(much, 1, sizeof much - 1);
    len = decision_format(&what, line, sizeof line);
    assert_int_equal(len, strlen(line));
    assert_true(len < DECISION_MAX);
    assert_non_null(strstr(line, "\\u0001\\u2026\""));
    assert_int_equal(decision_format(&what, line, sizeof line - 1), 0);
    assert_int_equal(len, strlen(line)); /* not touched */
}

static void
ids_differ(void **state)
{
    char one[DECISION_ID], other[DECISION_ID];

    (void)state;
    decision_id(one);
    decision_id(other);
    assert_int_equal(strlen(one), DECISION_ID - 1);
    assert_int_equal(strspn(one, "0123456789abcdef"), DECISION_ID - 1);
    assert_string_not_equal(one, other);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_fields_in_their_order),
        cmocka_unit_test(what_is_not_known_is_left_out),
        cmocka_unit_test(a_name_cannot_forge_a_line),
        cmocka_unit_test(letters_are_escaped_and_can_be_read_back),
        cmocka_unit_test(bytes_that_are_no_utf_8_are_marked),
        cmocka_unit_test(a_cut_character_is_not_read_on),
        cmocka_unit_test(the_longest_line_has_room),
        cmocka_unit_test(ids_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
