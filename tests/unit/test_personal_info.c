/*
 * Answers to personal questions: the form in which they are compared, and the
 * one hash of them all: plugins/personal-info/personal_info.h.
 */
#include "support.h"

#include "plugins/personal-info/personal_info.h"

#include <string.h>

/* What the tests look for in memory that was given back. */
#define NEEDLE "zq7#xw!9"

static answers all, others;

static int
open_it(void **state)
{
    (void)state;
    alloc_reset();
    spy_on(NEEDLE);
    return answers_new(&all) && answers_new(&others) ? 0 : -1;
}

static int
close_it(void **state)
{
    (void)state;
    spy_on(NULL);
    alloc_reset();
    answers_free(&all);
    answers_free(&others);
    return 0;
}

/* The form of an answer, or the name of what is wrong with it. */
static const char *
form_of(const char *typed)
{
    authplug_status status;

    authplug_secret_clear(all.to[0]);
    status = answer_read(authplug_span_of(typed), all.to[0]);
    if (status == AUTHPLUG_OK)
        return authplug_secret_text(all.to[0]);
    assert_int_equal(authplug_secret_len(all.to[0]), 0);
    return authplug_status_name(status);
}

/* len times the letter x */
static const char *
letters(size_t len)
{
    static char text[400];

    assert_true(len < sizeof text);
    memset(text, 'x', len);
    text[len] = 0;
    return text;
}

TEST(blanks_and_the_case_of_ascii_letters_do_not_count)
{
    assert_string_equal(form_of("Elvis"), "elvis");
    assert_string_equal(form_of("  ELVIS\t"), "elvis");
    assert_string_equal(form_of("New  York"), "newyork");
    assert_string_equal(form_of("newyork"), "newyork");
}

TEST(everything_else_counts)
{
    assert_string_equal(form_of("St. Mary's"), "st.mary's");
    assert_string_equal(form_of("[@`{]"), "[@`{]");
    assert_string_equal(form_of("M\xc3\xbcller"), "m\xc3\xbcller");
    assert_string_equal(form_of("M\xc3\x9cLLER"), "m\xc3\x9cller");
    assert_string_equal(form_of("\xe6\x9d\x8e"), "\xe6\x9d\x8e");
}

TEST(an_answer_has_3_to_64_bytes)
{
    assert_string_equal(form_of(""), "LENGTH");
    assert_string_equal(form_of("        "), "LENGTH");
    assert_string_equal(form_of(" a b "), "LENGTH");
    assert_string_equal(form_of("abc"), "abc");
    assert_string_equal(form_of(letters(64)), letters(64));
    assert_string_equal(form_of(letters(65)), "LIMIT");
}

TEST(what_is_typed_has_at_most_256_bytes)
{
    char typed[300];

    memset(typed, ' ', sizeof typed);
    memcpy(typed, "abc", 3);
    typed[256] = 0;
    assert_string_equal(form_of(typed), "abc");
    typed[256] = ' ';
    typed[257] = 0;
    assert_string_equal(form_of(typed), "LIMIT");
}

TEST(what_nobody_means_to_type_is_refused)
{
    assert_string_equal(form_of("abc\x1b[D"), "VALUE");
    assert_string_equal(form_of("abc\r"), "VALUE");
    assert_string_equal(form_of("abc\x7f"), "VALUE");
    assert_string_equal(form_of("abc\xff"), "VALUE");
    assert_string_equal(form_of("abc\xc3"), "VALUE");
    assert_string_equal(form_of("abc\xe2\x80\x8b"), "VALUE");
    assert_int_equal(answer_read(authplug_span_make("abc\0d", 5), all.to[0]),
                     AUTHPLUG_VALUE);
    assert_int_equal(authplug_secret_len(all.to[0]), 0);
}

TEST(each_fault_is_told_apart)
{
    assert_non_null(strstr(answer_fault(AUTHPLUG_LENGTH), "short"));
    assert_non_null(strstr(answer_fault(AUTHPLUG_LIMIT), "long"));
    assert_non_null(strstr(answer_fault(AUTHPLUG_VALUE), "UTF-8"));
    assert_string_equal(answer_fault(AUTHPLUG_NOMEM), "out of memory");
}

TEST(plain_texts_are_visible_utf8)
{
    assert_true(text_is_plain(authplug_span_of("")));
    assert_true(text_is_plain(authplug_span_of("alice \\x1b")));
    assert_true(text_is_plain(authplug_span_of("\xc3\xa9t\xc3\xa9")));
    assert_false(text_is_plain(authplug_span_of("a\nb")));
    assert_false(text_is_plain(authplug_span_of("a\tb")));
    assert_false(text_is_plain(authplug_span_of("\xe2\x80\xae")));
    assert_false(text_is_plain(authplug_span_make("\0", 1)));
}

/* ----------------------------------------------------------------- hashes */

static void
give(answers *to, uint32_t which, const char *answer)
{
    authplug_secret_clear(to->to[which]);
    assert_status(authplug_secret_append(to->to[which], answer,
                                         strlen(answer)),
                  OK);
}

static bool
is_hash_of(const char *hash, const answers *of, uint32_t count)
{
    bool same;

    assert_status(hash_check(of, count, hash, &same), OK);
    return same;
}

TEST(the_hash_knows_its_answers)
{
    char hash[HASH_SIZE];

    give(&all, 0, "green");
    give(&all, 1, "elvis");
    assert_status(hash_new(&all, 2, hash), OK);
    assert_true(is_hash_of(hash, &all, 2));
    give(&all, 1, "elvix");
    assert_false(is_hash_of(hash, &all, 2));
}

TEST(answers_cannot_move_the_borders_between_them)
{
    char hash[HASH_SIZE];

    give(&all, 0, "abc");
    give(&all, 1, "def");
    assert_status(hash_new(&all, 2, hash), OK);
    give(&others, 0, "abcdef");
    assert_false(is_hash_of(hash, &others, 2)); /* and an empty one */
    give(&others, 0, "abc,3:def");
    assert_false(is_hash_of(hash, &others, 1));
    give(&others, 0, "def");
    give(&others, 1, "abc");
    assert_false(is_hash_of(hash, &others, 2));
}

TEST(the_longest_answers_count_to_their_last_letter)
{
    char hash[HASH_SIZE], last[ANSWER_LONGEST + 1];

    for (uint32_t i = 0; i < QUESTIONS_MOST; i++)
        give(&all, i, letters(ANSWER_LONGEST));
    assert_status(hash_new(&all, QUESTIONS_MOST, hash), OK);
    assert_true(is_hash_of(hash, &all, QUESTIONS_MOST));
    memcpy(last, letters(ANSWER_LONGEST), sizeof last);
    last[ANSWER_LONGEST - 1] = 'y';
    give(&all, QUESTIONS_MOST - 1, last);
    assert_false(is_hash_of(hash, &all, QUESTIONS_MOST));
}

TEST(a_hash_has_a_salt_of_its_own)
{
    char one[HASH_SIZE], two[HASH_SIZE];

    give(&all, 0, "green");
    assert_status(hash_new(&all, 1, one), OK);
    assert_status(hash_new(&all, 1, two), OK);
    assert_string_not_equal(one, two);
}

TEST(a_decoy_looks_like_a_hash_and_is_of_no_answers)
{
    char hash[HASH_SIZE], decoy[HASH_SIZE], other[HASH_SIZE];

    give(&all, 0, "green");
    assert_status(hash_new(&all, 1, hash), OK);
    assert_status(hash_decoy(decoy), OK);
    assert_status(hash_decoy(other), OK);
    assert_string_not_equal(decoy, other);
    assert_int_equal(strlen(decoy), strlen(hash));
    assert_memory_equal(decoy, hash, 7); /* method and cost */
    assert_false(is_hash_of(decoy, &all, 1));
    assert_false(is_hash_of(decoy, &others, 1));
}

TEST(what_is_no_hash_of_ours_is_not_compared)
{
    static const char *const foreign[] = {
        "",
        "*0",
        "*1",
        "green",
        "5:green,",
        "$y$j9T$bl4.xs3fAIt/Qn3FsfmF/1$6qbPwa8arDRhL6ozpyhbKeAGo1R3YYADfR1p",
        "$y$jFT$bl4.xs3fAIt/Qn3FsfmF/1$6qbPwa8arDRhL6ozpyhbKeAGo1R3YYADfR1p",
        "$6$salt$6qbPwa8arDRhL6ozpyhbKeAGo1R3YYADfR1p",
    };
    bool same = true;

    give(&all, 0, "green");
    for (size_t i = 0; i < COUNT_OF(foreign); i++)
        assert_status(hash_check(&all, 1, foreign[i], &same), VALUE);
    /* a damaged one of the right kind: compared, or refused by crypt(3) */
    same = false;
    assert_status(hash_check(&all, 1, "$y$jAT$!", &same), IO);
    assert_status(hash_check(&all, 1, "$y$jAT$bl4.xs3fAIt/Qn3FsfmF/1", &same),
                  OK);
    assert_false(same);
}

TEST(nothing_is_decided_without_memory)
{
    char hash[HASH_SIZE], other[HASH_SIZE] = "untouched";
    bool same = false;

    give(&all, 0, NEEDLE);
    assert_status(hash_new(&all, 1, hash), OK);
    for (size_t n = 1; n < 20; n++) {
        authplug_status made, compared;

        alloc_fail_from(n);
        made = hash_new(&all, 1, other);
        alloc_reset();
        alloc_fail_from(n);
        compared = hash_check(&all, 1, hash, &same);
        alloc_reset();
        if (compared == AUTHPLUG_OK) {
            assert_true(n > 3);
            assert_true(same);
            assert_status(made, OK);
            return;
        }
        assert_status(compared, NOMEM);
        assert_status(made, NOMEM);
        assert_string_equal(other, "untouched");
        assert_false(same);
    }
    fail_msg("it never has enough memory");
}

TEST(answers_leave_nothing_behind_in_memory)
{
    char hash[HASH_SIZE];

    assert_string_equal(form_of(" ZQ7#XW!9 "), NEEDLE);
    assert_status(hash_new(&all, 1, hash), OK);
    assert_true(is_hash_of(hash, &all, 1));
    (void)form_of("\x1b" NEEDLE);
    assert_string_equal(form_of(NEEDLE), NEEDLE);
    assert_true(spy_sees());
    answers_free(&all);
    assert_false(spy_sees());
    assert_int_equal(spy_spilled(), 0);
}

int
main(void)
{
#define ANSWERS(sentence)                                                      \
    cmocka_unit_test_setup_teardown(sentence, open_it, close_it)
    static const struct CMUnitTest tests[] = {
        ANSWERS(blanks_and_the_case_of_ascii_letters_do_not_count),
        ANSWERS(everything_else_counts),
        ANSWERS(an_answer_has_3_to_64_bytes),
        ANSWERS(what_is_typed_has_at_most_256_bytes),
        ANSWERS(what_nobody_means_to_type_is_refused),
        cmocka_unit_test(each_fault_is_told_apart),
        cmocka_unit_test(plain_texts_are_visible_utf8),
        ANSWERS(the_hash_knows_its_answers),
        ANSWERS(answers_cannot_move_the_borders_between_them),
        ANSWERS(the_longest_answers_count_to_their_last_letter),
        ANSWERS(a_hash_has_a_salt_of_its_own),
        ANSWERS(a_decoy_looks_like_a_hash_and_is_of_no_answers),
        ANSWERS(what_is_no_hash_of_ours_is_not_compared),
        ANSWERS(nothing_is_decided_without_memory),
        ANSWERS(answers_leave_nothing_behind_in_memory),
    };
#undef ANSWERS

    return cmocka_run_group_tests_name("personal information", tests, NULL,
                                       NULL);
}
