/* The escape character, whole and split at every point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/mux_escape.h"

#include <string.h>

/* What of the typed text is sent, when it comes in pieces of that size. */
static void
expect(const char *typed, size_t piece, const char *wanted, bool ends)
{
    struct mux_escape escape = {.character = '~'};
    unsigned char sent[128], part[64];
    size_t len = strlen(typed), used = 0;
    bool end = false;

    for (size_t i = 0; i < len && !end; i += piece) {
        size_t n = len - i < piece ? len - i : piece;
        size_t got = mux_escape_filter(
            &escape, (const unsigned char *)typed + i, n, part, &end);

        assert_true(got <= n + 1);
        memcpy(sent + used, part, got);
        used += got;
    }
    assert_int_equal(end, ends);
    assert_int_equal(used, strlen(wanted));
    assert_memory_equal(sent, wanted, used);
}

static void
check(const char *typed, const char *wanted, bool ends)
{
    for (size_t piece = 1; piece <= strlen(typed); piece++)
        expect(typed, piece, wanted, ends);
}

static void
it_ends_the_session_at_the_beginning_of_a_line(void **state)
{
    (void)state;
    check("~.", "", true);
    check("ls\r~.rest", "ls\r", true);
    check("ls\n~.", "ls\n", true);
}

static void
it_is_an_ordinary_character_elsewhere(void **state)
{
    (void)state;
    check("cd a~.", "cd a~.", false);
    check("x~~", "x~~", false);
}

static void
it_is_sent_by_doubling_it(void **state)
{
    (void)state;
    check("~~.", "~.", false);
    check("~~\r~.", "~\r", true);
}

static void
it_stays_before_anything_else(void **state)
{
    (void)state;
    check("~/bin\r", "~/bin\r", false);
    check("~\r~.", "~\r", true);
}

static void
without_one_everything_is_sent(void **state)
{
    struct mux_escape none = {.character = UINT32_MAX};
    unsigned char sent[8];
    bool end;

    (void)state;
    assert_int_equal(mux_escape_filter(&none, (const unsigned char *)"~.", 2,
                                       sent, &end),
                     2);
    assert_false(end);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_ends_the_session_at_the_beginning_of_a_line),
        cmocka_unit_test(it_is_an_ordinary_character_elsewhere),
        cmocka_unit_test(it_is_sent_by_doubling_it),
        cmocka_unit_test(it_stays_before_anything_else),
        cmocka_unit_test(without_one_everything_is_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
