/* Lines for the log: whatever stands in them, they are one line of JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/pam_json.h"

#include <string.h>

/* The line with one text in it. */
static void
gives(const char *bytes, size_t len, size_t most, const char *expected)
{
    pamjson json;

    pamjson_begin(&json);
    pamjson_text(&json, "user", authplug_span_make(bytes, len), most);
    assert_string_equal(pamjson_end(&json), expected);
    pamjson_free(&json);
}

#define GIVES(bytes, expected) gives(bytes, sizeof bytes - 1, 64, expected)

static void
members_follow_each_other(void **state)
{
    pamjson json;

    (void)state;
    pamjson_begin(&json);
    pamjson_text(&json, "a", authplug_span_of("x"), 8);
    pamjson_number(&json, "b", -12);
    pamjson_text(&json, "c", authplug_span_of(NULL), 8);
    pamjson_number(&json, "d", INT64_MAX);
    assert_string_equal(
        pamjson_end(&json),
        "{\"a\":\"x\",\"b\":-12,\"c\":\"\",\"d\":9223372036854775807}");
    pamjson_free(&json);
    pamjson_begin(&json);
    assert_string_equal(pamjson_end(&json), "{}");
    pamjson_free(&json);
}

static void
quotes_and_backslashes_stay_inside(void **state)
{
    (void)state;
    GIVES("a\",\"outcome\":\"accepted",
          "{\"user\":\"a\\\",\\\"outcome\\\":\\\"accepted\"}");
    GIVES("a\\", "{\"user\":\"a\\\\\"}");
    GIVES("\\\"", "{\"user\":\"\\\\\\\"\"}");
}

static void
control_characters_are_made_visible(void **state)
{
    (void)state;
    GIVES("a\nb\rc\0d", "{\"user\":\"a\\\\x0ab\\\\x0dc\\\\x00d\"}");
    GIVES("\033[2J\177\b", "{\"user\":\"\\\\x1b[2J\\\\x7f\\\\x08\"}");
    GIVES("\342\200\256", "{\"user\":\"\\\\u202e\"}");
}

static void
utf_8_stays_and_what_is_none_is_made_visible(void **state)
{
    (void)state;
    GIVES("\303\244", "{\"user\":\"\303\244\"}");
    GIVES("\377\303", "{\"user\":\"\\\\xff\\\\xc3\"}");
    GIVES("\355\240\200", "{\"user\":\"\\\\xed\\\\xa0\\\\x80\"}");
}

static void
what_is_too_long_is_marked_as_cut(void **state)
{
    (void)state;
    gives("abcdef", 6, 6, "{\"user\":\"abcdef\"}");
    gives("abcdefg", 7, 6, "{\"user\":\"abcdef...\"}");
    gives("a\303\244", 3, 2, "{\"user\":\"a\\\\xc3...\"}");
}

static void
every_byte_gives_a_line_without_line_ends(void **state)
{
    (void)state;
    for (int i = 0; i < 256; i++) {
        char byte = (char)i;
        const char *line;
        pamjson json;

        pamjson_begin(&json);
        pamjson_text(&json, "user", authplug_span_make(&byte, 1), 64);
        line = pamjson_end(&json);
        assert_non_null(line);
        for (const char *at = line; *at != 0; at++)
            assert_true(*at >= ' ' && *at <= '~');
        pamjson_free(&json);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_follow_each_other),
        cmocka_unit_test(quotes_and_backslashes_stay_inside),
        cmocka_unit_test(control_characters_are_made_visible),
        cmocka_unit_test(utf_8_stays_and_what_is_none_is_made_visible),
        cmocka_unit_test(what_is_too_long_is_marked_as_cut),
        cmocka_unit_test(every_byte_gives_a_line_without_line_ends),
    };

    return cmocka_run_group_tests_name("lines for the log", tests, NULL, NULL);
}
