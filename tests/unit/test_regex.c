/*
 * Regular expressions: conf/regex.h. What they match is held against others in
 * test_regex_peers.c; here are the cases that somebody thought of, what is
 * refused, and what happens at the bounds and when memory runs out.
 */
#include "support.h"

#include "conf/regex.h"

#include <regex.h>

/* ------------------------------------------------------------------ helpers */

static regex *
made_of(const char *expression)
{
    regex *made = NULL;
    regex_fault fault = {0};
    authplug_status status = regex_new(expression, &made, &fault);

    if (status != AUTHPLUG_OK)
        fail_msg("/%s/: %s at %zu: %s", expression,
                 authplug_status_name(status), fault.offset, fault.text);
    return made;
}

static void
note_span(notes *to, regex_span span)
{
    if (span.start == REGEX_UNSET)
        note(to, "-");
    else
        note(to, "(%zu,%zu)", span.start, span.end);
}

/* The groups of a whole match, or "no". */
static void
match(const char *expression, const void *text, size_t len,
      const char *expected)
{
    regex_span groups[REGEX_GROUPS];
    notes got = {.len = 0};
    regex *it = made_of(expression);
    size_t count = regex_groups(it);
    authplug_status status = regex_match(
        it, authplug_span_make(guarded(text, len), len), groups);

    got.at[0] = 0;
    if (status == AUTHPLUG_NOT_FOUND)
        note(&got, "no");
    else
        assert_status(status, OK);
    for (size_t i = 0; status == AUTHPLUG_OK && i < REGEX_GROUPS; i++) {
        if (i <= count)
            note_span(&got, groups[i]);
        else
            assert_true(groups[i].start == REGEX_UNSET);
    }
    if (strcmp(got.at, expected) != 0)
        fail_msg("/%s/: %s, not %s", expression, got.at, expected);
    /* without groups it is the same */
    assert_int_equal(regex_match(it, authplug_span_make(text, len), NULL),
                     status);
    regex_free(&it);
}

#define MATCH(expression, text, expected)                                      \
    match(expression, text, sizeof(text) - 1, expected)

/* Where a set of one or more finds something: "which(start,end)", or "no". */
static void
find(const char *const *expressions, size_t count, const char *text,
     unsigned flags, const char *expected)
{
    regex *members[8];
    regex_set *set = NULL;
    regex_found found;
    notes got = {.len = 0};
    size_t len = strlen(text);

    for (size_t i = 0; i < count; i++)
        members[i] = made_of(expressions[i]);
    assert_status(regex_set_new((const regex *const *)members, count, &set),
                  OK);
    /* a set lives on its own */
    for (size_t i = 0; i < count; i++)
        regex_free(&members[i]);
    got.at[0] = 0;
    for (int twice = 0; twice < 2; twice++) {
        got.len = 0;
        if (regex_set_find(set, authplug_span_make(guarded(text, len), len),
                           flags, &found) == AUTHPLUG_OK) {
            note(&got, "%zu", found.which);
            note_span(&got, found.at);
        } else {
            note(&got, "no");
        }
        assert_string_equal(got.at, expected);
    }
    regex_set_free(&set);
}

#define FIND(text, flags, expected, ...)                                       \
    do {                                                                       \
        static const char *const list_[] = {__VA_ARGS__};                      \
        find(list_, COUNT_OF(list_), text, flags, expected);                   \
    } while (0)

static void
refused(const char *expression, authplug_status expected, size_t offset,
        const char *text)
{
    regex *made = NULL;
    regex_fault fault = {0};

    assert_int_equal(regex_new(expression, &made, &fault), expected);
    assert_null(made);
    assert_string_equal(fault.text, text);
    assert_int_equal(fault.offset, offset);
}

#define REFUSED(expression, offset, text)                                      \
    refused(expression, AUTHPLUG_VALUE, offset, text)

/* ----------------------------------------------------------------- matching */

TEST(a_match_is_of_the_whole_text)
{
    MATCH("abc", "abc", "(0,3)");
    MATCH("abc", "abcd", "no");
    MATCH("abc", "xabc", "no");
    MATCH("abc", "", "no");
    MATCH("a*", "", "(0,0)");
    MATCH("a|ab", "ab", "(0,2)");
    MATCH("^abc$", "abc", "(0,3)");
    MATCH("^^abc$$", "abc", "(0,3)");
    MATCH("a$b", "ab", "no");
    MATCH("(^a|b)*", "ab", "(0,2)(1,2)");
    MATCH("(^a|b)*", "aba", "no");
}

TEST(a_text_is_one_and_its_newlines_are_bytes)
{
    MATCH("a.b", "a\nb", "(0,3)");
    MATCH("a[^x]b", "a\nb", "(0,3)");
    MATCH("a$.b", "a\nb", "no");
    MATCH("Duo login.*Passcode[^:]*:", "Duo login\n\n1. Push\nPasscode (1-1):",
          "(0,34)");
}

TEST(bytes_are_bytes)
{
    MATCH("a.b", "a\0b", "no");
    MATCH("a[^x]b", "a\0b", "(0,3)");
    MATCH("[[:cntrl:]]*", "\0\1\x7f", "(0,3)");
    MATCH("...", "\xff\xfe\x80", "(0,3)");
    MATCH("[^[:print:]]", "\xe9", "(0,1)");
    MATCH("[^[:alnum:][:punct:][:space:][:cntrl:]]", "\xe9", "(0,1)");
    MATCH("Pa\xc3\x9fwort: ", "Pa\xc3\x9fwort: ", "(0,10)");
    MATCH("(\xc3\x9f)+", "\xc3\x9f\xc3\x9f", "(0,4)(2,4)");
}

TEST(groups_have_what_the_parts_take_from_left_to_right)
{
    MATCH("(.*) password for (.*): ?", "old password for bob: ",
          "(0,22)(0,3)(17,20)");
    MATCH("(a|ab)(c|bcd)(d*)", "abcd", "(0,4)(0,2)(2,3)(3,4)");
    MATCH("(a*)(ab)*(b*)", "abb", "(0,3)(0,1)-(1,3)");
    MATCH("(a*)(a*)", "aa", "(0,2)(0,2)(2,2)");
    MATCH("x*(x?)", "xx", "(0,2)(2,2)");
    MATCH("(a|(b))*", "ba", "(0,2)(1,2)-");
    MATCH("(a|b)*", "ab", "(0,2)(1,2)");
    MATCH("((a)|(b)){2}", "ab", "(0,2)(1,2)-(1,2)");
    MATCH("(a*)*", "", "(0,0)(0,0)");
    MATCH("(a*)*", "aa", "(0,2)(0,2)");
    MATCH("(a*)+", "aa", "(0,2)(0,2)");
    MATCH("(a*){2}", "aa", "(0,2)(2,2)");
    MATCH("(a)?b", "b", "(0,1)-");
    MATCH("(a){0}b", "b", "(0,1)-");
    MATCH("($)?a", "a", "(0,1)-");
    MATCH("(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)", "abcdefghij",
          "(0,10)(0,1)(1,2)(2,3)(3,4)(4,5)(5,6)(6,7)(7,8)(8,9)");
}

TEST(repetitions_are_counted)
{
    MATCH("a{2}", "a", "no");
    MATCH("a{2}", "aa", "(0,2)");
    MATCH("a{2}", "aaa", "no");
    MATCH("a{2,}", "aaaa", "(0,4)");
    MATCH("a{1,3}", "aaaa", "no");
    MATCH("a{0,0}b", "b", "(0,1)");
    MATCH("[0-9]{6}", "123456", "(0,6)");
    MATCH("(a{3}){3}", "aaaaaaaaa", "(0,9)(6,9)");
}

TEST(brackets_hold_bytes_ranges_and_classes)
{
    MATCH("[]a]", "]", "(0,1)");
    MATCH("[^]a]", "]", "no");
    MATCH("[a-]", "-", "(0,1)");
    MATCH("[-a]", "-", "(0,1)");
    MATCH("[^-a]", "-", "no");
    MATCH("[%--]", "&", "(0,1)");
    MATCH("[--/]", ".", "(0,1)");
    MATCH("[a^]", "^", "(0,1)");
    MATCH("[a\\]", "\\", "(0,1)");
    MATCH("[.]", "a", "no");
    MATCH("[[]", "[", "(0,1)");
}

TEST(everything_ordinary_can_be_written)
{
    MATCH("\\(\\)\\[\\]\\{\\}\\.\\*\\+\\?\\|\\^\\$\\\\\\/\\:\\ ",
          "()[]{}.*+?|^$\\/: ", "(0,17)");
    MATCH("a}]", "a}]", "(0,3)");
    MATCH("\\(current\\) UNIX password:", "(current) UNIX password:", "(0,24)");
}

/* --------------------------------------------------------------------- sets */

TEST(the_earliest_match_wins_then_the_first_and_it_is_the_longest)
{
    FIND("xabcd", 0, "0(1,5)", "abcd|bc");
    FIND("xabcd", 0, "1(1,3)", "bcd", "ab");
    FIND("xabcd", 0, "0(1,2)", "a", "ab");
    FIND("xabcd", 0, "0(1,5)", "a.*", "a");
    FIND("xabcd", 0, "no", "ac", "da");
    FIND("password: password: ", 0, "0(0,20)", "pass.*: $");
    FIND("", 0, "0(0,0)", "^$");
}

TEST(what_is_cut_out_has_no_line_ends)
{
    FIND("aa", 0, "0(0,1)", "^a");
    FIND("aa", REGEX_NOT_BEGIN, "no", "^a");
    FIND("aa", 0, "0(1,2)", "a$");
    FIND("aa", REGEX_NOT_END, "no", "a$");
    FIND("aa", REGEX_NOT_BEGIN, "1(0,1)", "^a", "a");
    FIND("ab", REGEX_NOT_BEGIN | REGEX_NOT_END, "2(1,2)", "^a", "b$", "b");
}

TEST(a_set_may_be_empty)
{
    regex_set *set = NULL;
    regex_found found;

    assert_status(regex_set_new(NULL, 0, &set), OK);
    assert_status(regex_set_find(set, authplug_span_of("a"), 0, &found),
                  NOT_FOUND);
    assert_status(regex_set_find(set, authplug_span_of(""), 0, &found),
                  NOT_FOUND);
    regex_set_free(&set);
}

TEST(a_full_cache_is_emptied_and_nothing_is_forgotten)
{
    /* the automaton would have 2^17 states */
    static const char expression[] = "a[ab]{16}c$";
    regex *member = made_of(expression);
    regex_set *set = NULL;
    regex_t theirs;
    uint32_t seed = 1;
    unsigned matches = 0;

    assert_status(regex_set_new((const regex *const *)&member, 1, &set), OK);
    assert_int_equal(regcomp(&theirs, expression, REG_EXTENDED), 0);
    for (unsigned n = 0; n < 2000; n++) {
        char text[100];
        regex_found found;
        regmatch_t at;
        bool matched;

        for (size_t i = 0; i < sizeof text - 2; i++)
            text[i] = "ab"[random_from(&seed, 0, 1)];
        memcpy(text + sizeof text - 2, "c", 2);
        matched = regexec(&theirs, text, 1, &at, 0) == 0;
        assert_int_equal(regex_set_find(set, authplug_span_of(text), 0, &found),
                         matched ? AUTHPLUG_OK : AUTHPLUG_NOT_FOUND);
        if (!matched)
            continue;
        matches++;
        assert_int_equal(found.at.start, at.rm_so);
        assert_int_equal(found.at.end, at.rm_eo);
    }
    assert_in_range(matches, 500, 1500);
    regfree(&theirs);
    regex_set_free(&set);
    regex_free(&member);
}

/* ------------------------------------------------------------------ refused */

#define NOTHING "nothing stands here: an expression was expected"
#define NO_REPEAT                                                              \
    "nothing to repeat: an expression was expected before it, or a '\\' where " \
    "it is ordinary"

TEST(an_expression_is_not_empty_anywhere)
{
    REFUSED("", 0, NOTHING);
    REFUSED("a|", 2, NOTHING);
    REFUSED("|a", 0, NOTHING);
    REFUSED("a||b", 2, NOTHING);
    REFUSED("()", 1, NOTHING);
    REFUSED("a(|b)", 2, NOTHING);
    REFUSED("(a|)", 3, NOTHING);
}

TEST(what_is_repeated_stands_before_it_and_once)
{
    REFUSED("*a", 0, NO_REPEAT);
    REFUSED("a|+", 2, NO_REPEAT);
    REFUSED("(?a)", 1, NO_REPEAT);
    REFUSED("{2}", 0, NO_REPEAT);
#define TWICE                                                                  \
    "a repeated repetition: parentheses around the first were expected"
    REFUSED("a**", 2, TWICE);
    REFUSED("a+?", 2, TWICE);
    REFUSED("a{2}{3}", 4, TWICE);
#define ANCHOR                                                                 \
    "a repeated '^' or '$': an expression was expected before the repetition, " \
    "or a '\\' before it"
    REFUSED("^*", 1, ANCHOR);
    REFUSED("a$?", 2, ANCHOR);
    REFUSED("\xc3\x9f+", 2, "a repeated byte beyond ASCII: parentheses around "
            "the letter were expected");
}

TEST(counts_are_well_formed)
{
#define NO_NUMBER                                                              \
    "no number: {m}, {m,} or {m,n} was expected, or '\\{' where it is ordinary"
    REFUSED("a{", 2, NO_NUMBER);
    REFUSED("a{,2}", 2, NO_NUMBER);
    REFUSED("a{x}", 2, NO_NUMBER);
    REFUSED("a{1,x}", 4, NO_NUMBER);
#define NOT_CLOSED "the '{' is not closed: a '}' was expected"
    REFUSED("a{1", 3, NOT_CLOSED);
    REFUSED("a{1,", 4, NO_NUMBER);
    REFUSED("a{1,2", 5, NOT_CLOSED);
    REFUSED("a{1;2}", 3, NOT_CLOSED);
    REFUSED("a{3,2}", 1, "repetitions at most that are fewer than those at "
            "least: {m,n} with m <= n was expected");
    refused("a{256}", AUTHPLUG_LIMIT, 2,
            "too many repetitions: at most 255 were expected");
    refused("a{0,99999999999999999999}", AUTHPLUG_LIMIT, 4,
            "too many repetitions: at most 255 were expected");
}

TEST(what_is_opened_is_closed)
{
    REFUSED("(a", 0, "the '(' is not closed: a ')' was expected");
    REFUSED("((a)", 0, "the '(' is not closed: a ')' was expected");
    REFUSED("a)", 1, "a ')' without its '(': '\\)' was expected where it is "
            "ordinary");
    REFUSED("[a", 0, "the '[' is not closed: a ']' was expected");
    REFUSED("[]", 0, "the '[' is not closed: a ']' was expected");
    REFUSED("[^]", 0, "the '[' is not closed: a ']' was expected");
    REFUSED("[a-", 0, "the '[' is not closed: a ']' was expected");
}

TEST(brackets_hold_nothing_else)
{
#define DASH "a '-' that makes no range: it was expected first or last"
    REFUSED("[b-a]", 1, "a range that ends before it begins: the lower byte "
            "was expected first");
    REFUSED("[a-c-e]", 4, DASH);
    REFUSED("[[:digit:]-z]", 10, DASH);
    REFUSED("[a-[:digit:]]", 3, "a class as the end of a range: a byte was "
            "expected");
#define COLLATE                                                                \
    "[. .] and [= =] are not known here: a byte, a range or a class was "      \
    "expected"
    REFUSED("[[.-.]]", 1, COLLATE);
    REFUSED("[[=a=]]", 1, COLLATE);
    REFUSED("[[.]", 1, COLLATE);
    REFUSED("[\xc3\x9f]", 1, "a byte beyond ASCII inside [ ]: ( | ) around "
            "whole letters was expected");
    REFUSED("[:digit:]", 0, "a class outside brackets: [[:name:]] was "
            "expected");
    REFUSED("[[:digits:]]", 1, "no class of this name: [:alnum:], [:alpha:], "
            "[:blank:], [:cntrl:], [:digit:], [:graph:], [:lower:], [:print:], "
            "[:punct:], [:space:], [:upper:] or [:xdigit:] was expected");
}

TEST(what_other_engines_add_is_refused)
{
    static const char *const list[] = {"(a)\\1", "\\d", "\\w", "\\s",  "\\b",
                                       "\\<",    "\\>", "\\`", "\\'",  "\\n",
                                       "\\t",    "\\Q", "\\0", "\\\n",
                                       "\\\xc3\x9f"};

    for (size_t i = 0; i < COUNT_OF(list); i++)
        REFUSED(list[i], *list[i] == '(' ? 4 : 1,
                "this has no meaning after '\\' in POSIX extended expressions: "
                "punctuation was expected");
    REFUSED("a\\", 2, "a '\\' at the end: the byte that it makes ordinary was "
            "expected");
    REFUSED("(?:a)", 1, NO_REPEAT);
}

/* ------------------------------------------------------------------- bounds */

static char big[REGEX_TEXT_MOST + 1];

TEST(an_expression_has_4_KiB_and_not_a_byte_more)
{
    regex *it;

    memset(big, 'a', REGEX_MOST + 1);
    big[REGEX_MOST + 1] = 0;
    refused(big, AUTHPLUG_LIMIT, REGEX_MOST,
            "a long expression: at most 4096 bytes were expected");
    big[REGEX_MOST] = 0;
    it = made_of(big);
    assert_status(regex_match(it, authplug_span_make(big, REGEX_MOST), NULL),
                  OK);
    regex_free(&it);
}

TEST(parentheses_nest_64_times)
{
    char text[200] = {0};

    memset(text, '(', 65);
    text[65] = 'a';
    memset(text + 66, ')', 65);
    refused(text, AUTHPLUG_LIMIT, 64,
            "parentheses inside one another: at most 64 levels were expected");
    text[130] = 0;
    MATCH(text + 1, "a", "(0,1)(0,1)(0,1)(0,1)(0,1)(0,1)(0,1)(0,1)(0,1)(0,1)");
}

TEST(a_machine_has_10000_states_and_is_refused_soon)
{
#define TOO_LARGE                                                              \
    "too large once its repetitions are written out: at most 10000 states "    \
    "were expected"
    char text[400] = "a";
    regex *members[11];
    regex_set *set = NULL;

    refused("(a{200}){200}", AUTHPLUG_LIMIT, 0, TOO_LARGE);
    refused("(((((a{255}){255}){255}){255}){255}){255}", AUTHPLUG_LIMIT, 0,
            TOO_LARGE);
    for (int i = 0; i < 60; i++) {
        memmove(text + 1, text, strlen(text) + 1);
        text[0] = '(';
        memcpy(text + strlen(text), "*)*", 4);
        text[strlen(text) - 1] = 0; /* ((a*)*)... */
    }
    refused(text, AUTHPLUG_LIMIT, 0, TOO_LARGE);
    for (size_t i = 0; i < COUNT_OF(members); i++)
        members[i] = made_of("(a{255}){4}");
    assert_status(regex_set_new((const regex *const *)members, 11, &set),
                  LIMIT);
    assert_null(set);
    assert_status(regex_set_new((const regex *const *)members, 9, &set), OK);
    regex_set_free(&set);
    for (size_t i = 0; i < COUNT_OF(members); i++)
        regex_free(&members[i]);
}

TEST(a_text_has_256_KiB_and_not_a_byte_more)
{
    regex *it = made_of("(a*)");
    regex_span groups[REGEX_GROUPS];
    regex_set *set = NULL;
    regex_found found;

    memset(big, 'a', sizeof big);
    assert_status(regex_set_new((const regex *const *)&it, 1, &set), OK);
    assert_status(regex_match(it, authplug_span_make(big, REGEX_TEXT_MOST),
                              groups), OK);
    assert_int_equal(groups[1].end, REGEX_TEXT_MOST);
    assert_status(regex_match(it, authplug_span_make(big, REGEX_TEXT_MOST + 1),
                              groups), LENGTH);
    assert_status(regex_set_find(set, authplug_span_make(big, REGEX_TEXT_MOST),
                                 0, &found), OK);
    assert_int_equal(found.at.end, REGEX_TEXT_MOST);
    assert_status(regex_set_find(set, authplug_span_make(big, sizeof big), 0,
                                 &found), LENGTH);
    regex_free(&it);
    regex_set_free(&set);
    it = made_of("(a|b{255}){8}");
    assert_status(regex_match(it, authplug_span_make(big, REGEX_TEXT_MOST),
                              groups), LIMIT);
    regex_free(&it);
}

TEST(unlucky_expressions_take_no_longer)
{
    static const char *const unlucky[] = {"(x+x+)+y", "(x*)*y", "(x|xx)*y",
                                          "(x|x)*y", "(.*)(.*)(.*)(.*)y"};

    memset(big, 'x', 100000);
    for (size_t i = 0; i < COUNT_OF(unlucky); i++) {
        regex *it = made_of(unlucky[i]);
        regex_span groups[REGEX_GROUPS];

        assert_status(regex_match(it, authplug_span_make(big, 100000), groups),
                      NOT_FOUND);
        big[99999] = 'y';
        assert_status(regex_match(it, authplug_span_make(big, 100000), groups),
                      OK);
        big[99999] = 'x';
        regex_free(&it);
    }
}

TEST(whether_it_takes_nothing_is_known)
{
    static const struct {
        const char *expression;
        bool nothing;
    } list[] = {{"a", false},  {"a*", true},      {"^$", true},
                {"a|b*", true}, {"(a?){3}", true}, {"a{0}", true},
                {"a*b", false}, {"(^|a)b?", true}, {".+", false}};

    for (size_t i = 0; i < COUNT_OF(list); i++) {
        regex *it = made_of(list[i].expression);

        assert_int_equal(regex_takes_nothing(it), list[i].nothing);
        regex_free(&it);
    }
}

/* ------------------------------------------------------------------- memory */

/* Everything that allocates, once; what came of it. */
static authplug_status
use_memory(void)
{
    regex *it = NULL;
    regex_fault fault;
    regex_set *set = NULL;
    regex_span groups[REGEX_GROUPS];
    regex_found found;
    authplug_status status = regex_new("(a|b)*c", &it, &fault);

    if (status == AUTHPLUG_OK)
        status = regex_match(it, authplug_span_of("abc"), groups);
    if (status == AUTHPLUG_OK)
        status = regex_set_new((const regex *const *)&it, 1, &set);
    if (status == AUTHPLUG_OK)
        status = regex_set_find(set, authplug_span_of("xabc"), 0, &found);
    regex_set_free(&set);
    regex_free(&it);
    return status;
}

TEST(memory_may_run_out_anywhere)
{
    size_t live = alloc_live(), count;

    alloc_reset();
    assert_status(use_memory(), OK);
    count = alloc_count();
    assert_true(count > 10);
    for (size_t n = 1; n <= count; n++) {
        alloc_fail_at(n);
        assert_status(use_memory(), NOMEM);
        alloc_reset();
        assert_int_equal(alloc_live(), live);
    }
}

TEST(searching_allocates_nothing)
{
    regex *it = made_of("a[ab]{16}c");
    regex_set *set = NULL;
    regex_found found;
    uint32_t seed = 3;

    assert_status(regex_set_new((const regex *const *)&it, 1, &set), OK);
    for (size_t i = 0; i < 100000; i++)
        big[i] = "ab"[random_from(&seed, 0, 1)];
    alloc_reset();
    assert_status(regex_set_find(set, authplug_span_make(big, 100000), 0,
                                 &found), NOT_FOUND);
    assert_int_equal(alloc_count(), 0);
    regex_set_free(&set);
    regex_free(&it);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_match_is_of_the_whole_text),
        cmocka_unit_test(a_text_is_one_and_its_newlines_are_bytes),
        cmocka_unit_test(bytes_are_bytes),
        cmocka_unit_test(groups_have_what_the_parts_take_from_left_to_right),
        cmocka_unit_test(repetitions_are_counted),
        cmocka_unit_test(brackets_hold_bytes_ranges_and_classes),
        cmocka_unit_test(everything_ordinary_can_be_written),
        cmocka_unit_test(
            the_earliest_match_wins_then_the_first_and_it_is_the_longest),
        cmocka_unit_test(what_is_cut_out_has_no_line_ends),
        cmocka_unit_test(a_set_may_be_empty),
        cmocka_unit_test(a_full_cache_is_emptied_and_nothing_is_forgotten),
        cmocka_unit_test(an_expression_is_not_empty_anywhere),
        cmocka_unit_test(what_is_repeated_stands_before_it_and_once),
        cmocka_unit_test(counts_are_well_formed),
        cmocka_unit_test(what_is_opened_is_closed),
        cmocka_unit_test(brackets_hold_nothing_else),
        cmocka_unit_test(what_other_engines_add_is_refused),
        cmocka_unit_test(an_expression_has_4_KiB_and_not_a_byte_more),
        cmocka_unit_test(parentheses_nest_64_times),
        cmocka_unit_test(a_machine_has_10000_states_and_is_refused_soon),
        cmocka_unit_test(a_text_has_256_KiB_and_not_a_byte_more),
        cmocka_unit_test(unlucky_expressions_take_no_longer),
        cmocka_unit_test(whether_it_takes_nothing_is_known),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(searching_allocates_nothing),
    };

    return cmocka_run_group_tests_name("regex", tests, NULL, NULL);
}
