/*
 * Bytes that must not leak: authplug/secret.h.
 */
#include "support.h"

/* What the tests look for in memory that was given back or cleared. */
#define NEEDLE "Zq7#xW!9"

static authplug_secret *it;
static size_t live;

static int open_it(void **state)
{
    (void)state;
    alloc_reset();
    spy_on(NEEDLE);
    live = alloc_live();
    it = authplug_secret_new(100);
    return it ? 0 : -1;
}

static int close_it(void **state)
{
    (void)state;
    spy_on(NULL);
    alloc_reset();
    authplug_secret_free(&it);
    return alloc_live() == live ? 0 : -1;
}

static void holds(const char *text)
{
    assert_span(authplug_secret_span(it), text);
    assert_int_equal(authplug_secret_len(it), strlen(text));
}

static authplug_status append(const char *text)
{
    return authplug_secret_append(it, text, strlen(text));
}

TEST(a_new_secret_is_empty)
{
    holds("");
    assert_string_equal(authplug_secret_text(it), "");
}

TEST(a_secret_that_may_hold_nothing_is_not_made)
{
    assert_null(authplug_secret_new(0));
}

TEST(a_secret_is_not_made_without_memory)
{
    size_t before = alloc_live();

    for (size_t n = 1; n < 9; n++) {
        authplug_secret *made;

        alloc_fail_from(n);
        made = authplug_secret_new(100);
        if (alloc_count() < n) {
            authplug_secret_free(&made);
            return;
        }
        assert_null(made);
        assert_int_equal(alloc_live(), before);
    }
    fail_msg("it takes more than eight allocations");
}

TEST(free_takes_NULL_and_a_pointer_to_NULL)
{
    authplug_secret *none = NULL;

    authplug_secret_free(NULL);
    authplug_secret_free(&none);
    assert_null(none);
    none = authplug_secret_new(1);
    authplug_secret_free(&none);
    assert_null(none);
    authplug_secret_free(&none);
}

TEST(what_is_appended_is_held)
{
    assert_status(append("sto"), OK);
    assert_status(append(""), OK);
    assert_status(append("at"), OK);
    holds("stoat");
}

TEST(a_secret_grows_to_its_cap_and_not_beyond)
{
    for (int i = 0; i < 100; i++)
        assert_status(append("x"), OK);
    assert_status(append("x"), LIMIT);
    assert_int_equal(authplug_secret_len(it), 100);
    assert_status(append(""), OK);
}

TEST(an_append_over_the_cap_changes_nothing)
{
    static const char many[101];

    assert_status(append("stoat"), OK);
    assert_status(authplug_secret_append(it, many, 96), LIMIT);
    assert_status(authplug_secret_append(it, many, 101), LIMIT);
    assert_status(authplug_secret_append(it, many, SIZE_MAX), LIMIT);
    holds("stoat");
}

TEST(an_append_without_memory_changes_nothing)
{
    authplug_secret *big = authplug_secret_new(1 << 20);
    static const char many[1 << 16];

    assert_status(authplug_secret_append(big, "stoat", 5), OK);
    alloc_fail_at(1);
    assert_status(authplug_secret_append(big, many, sizeof many), NOMEM);
    assert_span(authplug_secret_span(big), "stoat");
    assert_status(authplug_secret_append(big, many, sizeof many), OK);
    assert_int_equal(authplug_secret_len(big), 5 + sizeof many);
    authplug_secret_free(&big);
}

TEST(a_huge_cap_is_no_problem_until_it_is_used)
{
    size_t cap = SIZE_MAX / 2;
    authplug_secret *big = authplug_secret_new(cap);
    unsigned char *room = NULL;

    assert_non_null(big);
    assert_status(authplug_secret_append(big, "stoat", 5), OK);
    assert_status(authplug_secret_reserve(big, cap - 5, &room), NOMEM);
    assert_status(authplug_secret_reserve(big, cap - 4, &room), LIMIT);
    assert_status(authplug_secret_reserve(big, SIZE_MAX, &room), LIMIT);
    assert_null(room);
    assert_span(authplug_secret_span(big), "stoat");
    authplug_secret_free(&big);
}

TEST(any_cap_from_one_to_almost_all_of_memory_is_taken)
{
    static const size_t caps[] = {1, 2, 4096, SIZE_MAX - 1};

    for (size_t i = 0; i < COUNT_OF(caps); i++) {
        authplug_secret *made = authplug_secret_new(caps[i]);

        assert_non_null(made);
        assert_status(authplug_secret_append(made, "x", 1), OK);
        assert_string_equal(authplug_secret_text(made), "x");
        authplug_secret_free(&made);
    }
}

TEST(reserved_room_counts_only_when_committed)
{
    unsigned char *room;

    assert_status(append("st"), OK);
    assert_status(authplug_secret_reserve(it, 20, &room), OK);
    holds("st");
    memcpy(room, "oat and more", 12);
    authplug_secret_commit(it, 3);
    holds("stoat");
    assert_status(authplug_secret_reserve(it, 20, &room), OK);
    authplug_secret_commit(it, 0);
    holds("stoat");
    assert_status(append("s"), OK);
    holds("stoats");
}

TEST(all_of_the_reserved_room_may_be_used)
{
    unsigned char *room;

    assert_status(authplug_secret_reserve(it, 100, &room), OK);
    memset(room, 'x', 100);
    authplug_secret_commit(it, 100);
    assert_int_equal(authplug_secret_len(it), 100);
}

TEST(room_over_the_cap_is_not_reserved)
{
    unsigned char *room = NULL;

    assert_status(append("stoat"), OK);
    assert_status(authplug_secret_reserve(it, 96, &room), LIMIT);
    assert_status(authplug_secret_reserve(it, SIZE_MAX, &room), LIMIT);
    assert_null(room);
    assert_status(authplug_secret_reserve(it, 95, &room), OK);
    holds("stoat");
}

TEST(dropping_removes_from_the_front)
{
    assert_status(append("stoat"), OK);
    authplug_secret_drop(it, 0);
    holds("stoat");
    authplug_secret_drop(it, 2);
    holds("oat");
    assert_status(append("s"), OK);
    holds("oats");
    authplug_secret_drop(it, 4);
    holds("");
}

TEST(dropping_beyond_the_end_empties_it)
{
    assert_status(append("stoat"), OK);
    authplug_secret_drop(it, SIZE_MAX);
    holds("");
    authplug_secret_drop(it, 1);
    holds("");
    assert_status(append("weasel"), OK);
    holds("weasel");
}

TEST(cutting_removes_from_the_end)
{
    assert_status(append("stoat"), OK);
    authplug_secret_cut(it, 9);
    authplug_secret_cut(it, 5);
    holds("stoat");
    authplug_secret_cut(it, 2);
    holds("st");
    assert_status(append("ab"), OK);
    holds("stab");
    authplug_secret_cut(it, 0);
    holds("");
}

TEST(room_that_was_dropped_can_be_used_again)
{
    char many[100];

    memset(many, 'x', sizeof many);
    for (int i = 0; i < 50; i++) {
        assert_status(authplug_secret_append(it, many, 60), OK);
        authplug_secret_drop(it, 20);
        assert_status(authplug_secret_append(it, many, 60), OK);
        authplug_secret_drop(it, 100);
        holds("");
    }
}

TEST(the_text_ends_with_a_NUL_that_is_not_counted)
{
    assert_status(append("stoat"), OK);
    assert_string_equal(authplug_secret_text(it), "stoat");
    holds("stoat");
    authplug_secret_cut(it, 2);
    assert_string_equal(authplug_secret_text(it), "st");
    authplug_secret_drop(it, 1);
    assert_string_equal(authplug_secret_text(it), "t");
}

TEST(a_secret_with_a_NUL_has_no_text)
{
    assert_status(authplug_secret_append(it, "a\0b", 3), OK);
    assert_null(authplug_secret_text(it));
    assert_int_equal(authplug_secret_len(it), 3);
    authplug_secret_cut(it, 1);
    assert_string_equal(authplug_secret_text(it), "a");
    assert_status(authplug_secret_append(it, "", 1), OK);
    assert_null(authplug_secret_text(it));
}

TEST(a_full_secret_still_has_a_text)
{
    authplug_secret *full = authplug_secret_new(5);

    assert_status(authplug_secret_append(full, "stoat", 5), OK);
    assert_string_equal(authplug_secret_text(full), "stoat");
    assert_span(authplug_secret_span(full), "stoat");
    authplug_secret_free(&full);
}

TEST(text_is_NULL_when_its_terminator_finds_no_memory)
{
    const char *got;

    for (size_t len = 1; len <= 100; len++) {
        assert_status(append("x"), OK);
        alloc_fail_from(1);
        got = authplug_secret_text(it);
        if (alloc_count() > 0)
            assert_null(got);
        else
            assert_int_equal(strlen(got), len);
        alloc_reset();
        assert_int_equal(authplug_secret_len(it), len);
    }
}

TEST(wiping_makes_zeros)
{
    char data[] = "stoats";

    authplug_wipe(data + 1, 4);
    assert_memory_equal(data, "s\0\0\0\0s", 7);
    authplug_wipe(data, 0);
    assert_int_equal(data[0], 's');
}

TEST(clearing_wipes_the_content_and_keeps_the_memory)
{
    const unsigned char *was;
    size_t asked;

    assert_status(append(NEEDLE), OK);
    was = authplug_secret_span(it).data;
    alloc_reset();
    authplug_secret_clear(it);
    holds("");
    for (size_t i = 0; i < strlen(NEEDLE); i++)
        assert_int_equal(was[i], 0);
    assert_status(append(NEEDLE), OK);
    asked = alloc_count();
    assert_int_equal(asked, 0);
    holds(NEEDLE);
}

TEST(dropping_leaves_nothing_behind_in_memory)
{
    assert_status(append(NEEDLE "tail"), OK);
    assert_true(spy_sees());
    authplug_secret_drop(it, strlen(NEEDLE));
    assert_false(spy_sees());
    holds("tail");
    authplug_secret_clear(it);

    assert_status(append("head" NEEDLE), OK);
    authplug_secret_drop(it, 4 + strlen(NEEDLE));
    assert_false(spy_sees());
}

TEST(dropping_leaves_no_second_copy_of_what_moved)
{
    static const char tail[] = "tail" NEEDLE;

    assert_status(append("01234567890123456789"), OK);
    assert_status(append(tail), OK);
    authplug_secret_drop(it, 20);
    authplug_secret_cut(it, 4);
    assert_false(spy_sees());
    holds("tail");
}

TEST(cutting_leaves_nothing_behind_in_memory)
{
    assert_status(append("head" NEEDLE), OK);
    authplug_secret_cut(it, 4);
    assert_false(spy_sees());
    holds("head");
}

TEST(growing_leaves_nothing_behind_in_memory)
{
    authplug_secret *big = authplug_secret_new(1 << 16);

    assert_status(authplug_secret_append(big, NEEDLE, 8), OK);
    for (int i = 0; i < 4096; i++)
        assert_status(authplug_secret_append(big, "0123456789", 10), OK);
    authplug_secret_text(big);
    assert_int_equal(spy_spilled(), 0);
    assert_true(spy_sees());
    authplug_secret_drop(big, 8);
    assert_false(spy_sees());
    authplug_secret_free(&big);
}

TEST(freeing_wipes)
{
    assert_status(append(NEEDLE NEEDLE), OK);
    assert_true(spy_sees());
    authplug_secret_free(&it);
    assert_int_equal(spy_spilled(), 0);
    assert_false(spy_sees());
}

TEST(freeing_wipes_what_was_written_into_the_room_but_not_committed)
{
    unsigned char *room;

    assert_status(authplug_secret_reserve(it, 40, &room), OK);
    memcpy(room, NEEDLE NEEDLE, 16);
    authplug_secret_commit(it, 8);
    authplug_secret_free(&it);
    assert_int_equal(spy_spilled(), 0);
}

static bool same(const char *given, const char *known)
{
    size_t len = strlen(given), size = strlen(known);
    /* each once at the end of what may be read */
    bool once = authplug_secret_equal(
        authplug_span_make(guarded(given, len), len),
        authplug_span_make(known, size));
    bool again = authplug_secret_equal(
        authplug_span_make(given, len),
        authplug_span_make(guarded(known, size), size));

    assert_int_equal(once, again);
    return once;
}

TEST(equal_are_the_same_bytes_and_nothing_else)
{
    static const char *const words[] = {"",       "s",      "t",
                                        "stoat",  "stoas",  "ttoat",
                                        "stoats", "stoatstoat", "weasel"};

    for (size_t i = 0; i < COUNT_OF(words); i++)
        for (size_t j = 0; j < COUNT_OF(words); j++)
            assert_int_equal(same(words[i], words[j]), i == j);
}

TEST(every_bit_counts_when_comparing)
{
    const char known[] = "stoat";

    for (size_t bit = 0; bit < 5 * 8; bit++) {
        char given[5];

        memcpy(given, known, 5);
        given[bit / 8] = (char)(given[bit / 8] ^ (1 << bit % 8));
        assert_false(authplug_secret_equal(authplug_span_make(given, 5),
                                           authplug_span_of(known)));
    }
}

TEST(a_NUL_is_a_byte_like_others_when_comparing)
{
    assert_true(authplug_secret_equal(authplug_span_make("a\0b", 3),
                                      authplug_span_make("a\0b", 3)));
    assert_false(authplug_secret_equal(authplug_span_make("a\0b", 3),
                                       authplug_span_make("a\0c", 3)));
    assert_false(authplug_secret_equal(authplug_span_make("a\0", 2),
                                       authplug_span_make("a", 1)));
}

TEST(what_is_longer_by_a_multiple_of_256_is_not_equal)
{
    static const char many[256 + 5];

    assert_false(authplug_secret_equal(authplug_span_make(many, 5 + 256),
                                       authplug_span_make(many, 5)));
    assert_false(authplug_secret_equal(authplug_span_make(many, 5),
                                       authplug_span_make(many, 5 + 256)));
    assert_true(authplug_secret_equal(authplug_span_make(NULL, 0),
                                      authplug_span_make(NULL, 0)));
}

TEST(the_spy_of_these_tests_does_see)
{
    char *block;

    block = malloc(16);
    assert_non_null(block);
    memcpy(block, NEEDLE, 8);
    assert_true(spy_sees());
    free(block);
    assert_int_equal(spy_spilled(), 1);
}

int main(void)
{
#define SECRET(sentence)                                                       \
    cmocka_unit_test_setup_teardown(sentence, open_it, close_it)
    static const struct CMUnitTest tests[] = {
        SECRET(a_new_secret_is_empty),
        cmocka_unit_test(a_secret_that_may_hold_nothing_is_not_made),
        SECRET(a_secret_is_not_made_without_memory),
        cmocka_unit_test(free_takes_NULL_and_a_pointer_to_NULL),
        SECRET(what_is_appended_is_held),
        SECRET(a_secret_grows_to_its_cap_and_not_beyond),
        SECRET(an_append_over_the_cap_changes_nothing),
        SECRET(an_append_without_memory_changes_nothing),
        SECRET(a_huge_cap_is_no_problem_until_it_is_used),
        SECRET(any_cap_from_one_to_almost_all_of_memory_is_taken),
        SECRET(reserved_room_counts_only_when_committed),
        SECRET(all_of_the_reserved_room_may_be_used),
        SECRET(room_over_the_cap_is_not_reserved),
        SECRET(dropping_removes_from_the_front),
        SECRET(dropping_beyond_the_end_empties_it),
        SECRET(cutting_removes_from_the_end),
        SECRET(room_that_was_dropped_can_be_used_again),
        SECRET(the_text_ends_with_a_NUL_that_is_not_counted),
        SECRET(a_secret_with_a_NUL_has_no_text),
        SECRET(a_full_secret_still_has_a_text),
        SECRET(text_is_NULL_when_its_terminator_finds_no_memory),
        cmocka_unit_test(wiping_makes_zeros),
        SECRET(clearing_wipes_the_content_and_keeps_the_memory),
        SECRET(dropping_leaves_nothing_behind_in_memory),
        SECRET(dropping_leaves_no_second_copy_of_what_moved),
        SECRET(cutting_leaves_nothing_behind_in_memory),
        SECRET(growing_leaves_nothing_behind_in_memory),
        SECRET(freeing_wipes),
        SECRET(freeing_wipes_what_was_written_into_the_room_but_not_committed),
        cmocka_unit_test(equal_are_the_same_bytes_and_nothing_else),
        cmocka_unit_test(every_bit_counts_when_comparing),
        cmocka_unit_test(a_NUL_is_a_byte_like_others_when_comparing),
        cmocka_unit_test(what_is_longer_by_a_multiple_of_256_is_not_equal),
        SECRET(the_spy_of_these_tests_does_see),
    };
#undef SECRET

    return cmocka_run_group_tests_name("secrets", tests, NULL, NULL);
}
