/*
 * Rules that wait for output: conf/scan.h. A test gives rules, then output as
 * it arrives, with "~" where it pauses, "!" where it pauses and answers do not
 * count, and "|" where it is merely cut; what comes of it is a list of
 * rule:text.
 */
#include "support.h"

#include "conf/scan.h"

typedef struct rules {
    scan_rule rules[16];
    regex *requests[16];
    size_t count;
} rules;

/* Requests that count anywhere begin with "!". */
static rules
rules_of(const char *const *list)
{
    rules made = {.count = 0};

    for (; *list != NULL; list++) {
        regex_fault fault;
        bool anywhere = **list == '!';

        assert_status(regex_new(*list + anywhere, &made.requests[made.count],
                                &fault), OK);
        made.rules[made.count] =
            (scan_rule){made.requests[made.count], anywhere};
        made.count++;
    }
    return made;
}

static void
rules_free(rules *it)
{
    for (size_t i = 0; i < it->count; i++)
        regex_free(&it->requests[i]);
}

static scan *
scan_of(const char *const *list)
{
    rules all = rules_of(list);
    scan *made = NULL;

    assert_status(scan_new(all.rules, all.count, &made), OK);
    rules_free(&all); /* it lives on its own */
    return made;
}

static void
note_match(notes *to, const scan_match *match)
{
    note(to, "%zu:%.*s\n", match->rule, (int)match->text.len,
         (const char *)match->text.data);
}

/* All matches in output up to a mark. */
static void
read_some(scan *it, const char *output, size_t len, notes *to)
{
    authplug_span left = authplug_span_make(guarded(output, len), len);
    scan_match match;
    authplug_status status;

    while ((status = scan_read(it, &left, &match)) == AUTHPLUG_OK)
        note_match(to, &match);
    assert_int_equal(status, AUTHPLUG_NEED_MORE);
    assert_int_equal(left.len, 0);
}

/* Plays output; cut after every so many bytes. */
static void
play_output(scan *it, const char *output, size_t len, size_t every, notes *to)
{
    size_t from = 0;
    scan_match match;

    for (size_t i = 0; i <= len; i++) {
        char mark = i < len ? output[i] : '|';

        if (strchr("~!|", mark) == NULL || mark == 0) {
            if (i - from == every) {
                read_some(it, output + from, i - from, to);
                from = i;
            }
            continue;
        }
        read_some(it, output + from, i - from, to);
        from = i + 1;
        if (mark != '|' && scan_pause(it, mark == '~', &match) == AUTHPLUG_OK)
            note_match(to, &match);
    }
}

/* However the output is cut up, what comes of it is the same. */
static void
output_bytes(const char *const *list, const char *output, size_t len,
             const char *expected)
{
    for (size_t every = 1; every <= len + 1; every++) {
        static notes got;
        scan *it = scan_of(list);

        got.len = 0;
        got.at[0] = 0;
        play_output(it, output, len, every, &got);
        assert_string_equal(got.at, expected);
        scan_free(&it);
    }
}

#define OUTPUT(output, expected, ...)                                          \
    do {                                                                       \
        static const char *const list_[] = {__VA_ARGS__, NULL};                \
        output_bytes(list_, output, sizeof(output) - 1, expected);             \
    } while (0)

/* -------------------------------------------------------------------- lines */

TEST(an_answer_waits_for_a_pause_on_a_line_without_end)
{
    OUTPUT("New password: ", "", "[Pp]assword");
    OUTPUT("New password: ~", "0:password\n", "[Pp]assword");
    OUTPUT("New password: \n~", "", "[Pp]assword");
    OUTPUT("Your password will expire\nNew password: ~", "0:password\n",
           "[Pp]assword");
    OUTPUT("Your password will expire\n~", "", "[Pp]assword");
    OUTPUT("~", "", "[Pp]assword");
}

TEST(a_result_counts_on_every_line)
{
    OUTPUT("BAD PASSWORD: too short\n", "0:BAD PASSWORD: too short\n", "!BAD.*");
    OUTPUT("a\nb BAD c\nd", "0:BAD c\n", "!BAD.*");
    OUTPUT("b BAD c", "", "!BAD.*");
    OUTPUT("b BAD c~", "0:BAD c\n", "!BAD.*");
    OUTPUT("a\na\n", "0:a\n0:a\n", "!a");
    OUTPUT("aa\n", "0:a\n0:a\n", "!a");
}

TEST(what_matched_and_all_before_it_is_consumed)
{
    OUTPUT("old: new: ~~~", "1:old: \n0:new: \n", "new: ", "old: ");
    OUTPUT("old: ~new: ~", "0:old: \n1:new: \n", "old: ", "new: ");
    OUTPUT("old: ~ old: ~", "0:old: \n0: old: \n", ".*old: ");
    OUTPUT("new: old: ~~", "0:old: \n", "old: ");
    OUTPUT("a b~ b a\n", "1:b\n0:a\n", "!a$", "b");
    OUTPUT("ab~a\n", "1:a\n1:a\n", "b", "!^a|a$");
    OUTPUT("ba~\n", "0:b\n", "b", "!^a");
    OUTPUT("ba~\na\n", "0:b\n1:a\n", "b", "!^a");
}

TEST(the_earliest_wins_then_the_first)
{
    OUTPUT("x new password: ~", "0:new password: \n", "new.*", "password.*");
    OUTPUT("x new password: ~", "1:new password: \n", "password.*", "new.*");
    OUTPUT("x new password: ~", "0:new\n", "new", "new.*");
    OUTPUT("error. password: ~", "1:error\n", "password", "!error");
    OUTPUT("password: error~", "0:password\n", "password", "!error");
}

TEST(after_the_last_answer_only_results_count)
{
    OUTPUT("password: error!", "1:error\n", "password", "!error");
    OUTPUT("password: !", "", "password", "!error");
}

TEST(anchors_are_the_ends_of_lines)
{
    OUTPUT("New password: ~", "0:password: \n", "password: $");
    OUTPUT("password: x~", "", "password: $");
    OUTPUT("xpasswd: ok\npasswd: ok\n", "0:passwd: ok\n", "!^passwd: ok$");
    OUTPUT("a\r\nb\r\r\nc\n", "0:a\n0:b\n0:c\n", "![abc]$");
    OUTPUT("a\rb\n", "0:a\rb\n", "!^a.b$");
    OUTPUT("a\r\r\n", "", "!a.+");
}

TEST(a_return_may_be_half_an_end)
{
    OUTPUT("password\r~", "", "password");
    OUTPUT("password\r~\n~", "", "password");
    OUTPUT("password\r~: ~", "0:password\n", "password");
    OUTPUT("10%\r20%\rpassword: ~", "0:password\n", "password");
}

TEST(no_match_crosses_a_line)
{
    OUTPUT("a\nb\n", "", "!a[[:space:]]b");
    OUTPUT("a\nb\n", "", "!a.*b");
    OUTPUT("a\nb\n", "", "!a[^x]b");
}

TEST(any_byte_may_be_in_the_output)
{
    OUTPUT("a\0b\n", "", "!a.b");
    OUTPUT("\0\0password: \0~", "0:password\n", "password");
    OUTPUT("\xff\xfe\x80 ok\n", "0:ok\n", "!ok");
}

TEST(a_request_that_takes_nothing_is_refused)
{
    static const char *const list[] = {"a", "b*", NULL};
    rules all = rules_of(list);
    scan *made = NULL;

    assert_status(scan_new(all.rules, all.count, &made), USAGE);
    assert_null(made);
    rules_free(&all);
}

TEST(a_pause_comes_when_all_was_read)
{
    static const char *const list[] = {"!a", NULL};
    scan *it = scan_of(list);
    authplug_span output = authplug_span_of("aa\nb");
    scan_match match;

    assert_status(scan_read(it, &output, &match), OK);
    assert_status(scan_pause(it, true, &match), STATE);
    assert_status(scan_read(it, &output, &match), OK);
    assert_status(scan_read(it, &output, &match), NEED_MORE);
    assert_status(scan_pause(it, true, &match), NEED_MORE);
    scan_free(&it);
}

TEST(there_may_be_no_rules)
{
    scan *it = NULL;
    scan_match match;
    authplug_span output = authplug_span_of("a\nb");

    assert_status(scan_new(NULL, 0, &it), OK);
    assert_status(scan_read(it, &output, &match), NEED_MORE);
    assert_status(scan_pause(it, true, &match), NEED_MORE);
    scan_free(&it);
}

/* --------------------------------------------------------- what is left of it */

/* After this output, and as many pauses, so much is not consumed. */
static void
leaves(const char *output, size_t len, const char *rest)
{
    static const char *const list[] = {"old: ", "new: ", "!BAD", NULL};

    for (size_t every = 1; every <= len + 1; every++) {
        static notes got;
        scan *it = scan_of(list);

        got.len = 0;
        play_output(it, output, len, every, &got);
        assert_span(scan_rest(it), rest);
        assert_span(scan_rest(it), rest); /* which it stays */
        scan_free(&it);
    }
}

#define LEAVES(output, rest) leaves(output, sizeof(output) - 1, rest)

TEST(a_pause_looks_at_the_rest)
{
    LEAVES("", "");
    LEAVES("old: ", "old: ");
    LEAVES("old: ~", "");
    LEAVES("old: x~", "x");
    LEAVES("x old: new: y~", "new: y");
    LEAVES("x old: new: y~~", "y");
    LEAVES("x old: new: y~ z", "new: y z");
    LEAVES("old: new: !", "old: new: ");
    LEAVES("a line\nold", "old");
    LEAVES("a line\r\n", "");
    LEAVES("old\n", "");
    LEAVES("old: ~\n", "");
    LEAVES("old: ~x\ny", "y");
    LEAVES("x\r", "x\r");
    LEAVES("old: \r~", "old: \r");
    /* results count on the open line as well, but only when it pauses */
    LEAVES("so BAD, x", "so BAD, x");
    LEAVES("so BAD, x!", ", x");
}

TEST(the_rest_after_a_match_is_that_of_its_line)
{
    static const char *const list[] = {"!BAD", NULL};
    scan *it = scan_of(list);
    authplug_span output = authplug_span_of("so BAD, BAD x\nnext");
    scan_match match;

    assert_span(scan_rest(it), "");
    assert_status(scan_read(it, &output, &match), OK);
    assert_span(scan_rest(it), ", BAD x");
    assert_span(match.text, "BAD");
    assert_status(scan_read(it, &output, &match), OK);
    assert_span(scan_rest(it), " x");
    assert_status(scan_read(it, &output, &match), NEED_MORE);
    assert_span(scan_rest(it), "next");
    scan_free(&it);
}

/* ------------------------------------------------------------------- bounds */

static char big[4 * SCAN_LINE];

/* The matches in a line that ends like this, after so many other bytes. */
static void
after(size_t count, const char *last, size_t every, const char *expected)
{
    static const char *const list[] = {"!a+$", "!^b", "!bb", "xyz$", NULL};
    static notes got;
    scan *it = scan_of(list);

    memset(big, '-', count);
    memcpy(big + count, last, strlen(last));
    got.len = 0;
    got.at[0] = 0;
    play_output(it, big, count + strlen(last), every, &got);
    assert_string_equal(got.at, expected);
    scan_free(&it);
}

TEST(what_was_cut_off_is_no_rest)
{
    static const char *const list[] = {"xyz$", NULL};
    static notes got;

    for (size_t len = SCAN_LINE - 2; len < SCAN_LINE + 3; len++) {
        scan *it = scan_of(list);

        memset(big, '-', len);
        play_output(it, big, len, 4096, &got);
        assert_int_equal(scan_rest(it).len, len % SCAN_LINE);
        scan_free(&it);
    }
}

TEST(a_long_line_is_cut)
{
    for (size_t every = 4096; every < 3 * SCAN_LINE; every *= 3) {
        after(SCAN_LINE - 2, "a\n", every, "0:a\n");
        after(SCAN_LINE - 1, "a\n", every, "");
        after(SCAN_LINE - 1, "aa\n", every, "0:a\n");
        after(SCAN_LINE, "b\n", every, "");
        after(SCAN_LINE - 1, "bb\n", every, "");
        after(SCAN_LINE, "bb\n", every, "2:bb\n");
        after(SCAN_LINE - 1, "-\nb\n", every, "1:b\n");
        after(3 * SCAN_LINE - 5, "xyz~", every, "3:xyz\n");
    }
}

/* ------------------------------------------------------------------- memory */

static authplug_status
use_memory(const rules *all)
{
    scan *it = NULL;
    authplug_span output = authplug_span_of("yes ab\nab");
    scan_match match;
    authplug_status status = scan_new(all->rules, all->count, &it);

    if (status == AUTHPLUG_OK)
        status = scan_read(it, &output, &match);
    while (status == AUTHPLUG_OK)
        status = scan_read(it, &output, &match);
    if (status == AUTHPLUG_NEED_MORE)
        status = scan_pause(it, true, &match);
    scan_free(&it);
    return status;
}

TEST(memory_may_run_out_anywhere)
{
    static const char *const list[] = {"ab", "!yes", NULL};
    rules all = rules_of(list);
    size_t live = alloc_live(), count;

    alloc_reset();
    assert_status(use_memory(&all), OK);
    count = alloc_count();
    for (size_t n = 1; n <= count; n++) {
        alloc_fail_at(n);
        assert_status(use_memory(&all), NOMEM);
        alloc_reset();
        assert_int_equal(alloc_live(), live);
    }
    rules_free(&all);
}

TEST(output_is_wiped)
{
    static const char *const list[] = {"ab", "!yes", NULL};
    scan *it = scan_of(list);
    authplug_span output = authplug_span_of("new: hunter2secret\nhunter2secret");
    scan_match match;

    spy_on("hunter2secret");
    assert_status(scan_read(it, &output, &match), NEED_MORE);
    assert_true(spy_sees());
    output = authplug_span_of("\n");
    assert_status(scan_read(it, &output, &match), NEED_MORE);
    assert_false(spy_sees());
    scan_free(&it);
    assert_int_equal(spy_spilled(), 0);
    spy_on(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_waits_for_a_pause_on_a_line_without_end),
        cmocka_unit_test(a_result_counts_on_every_line),
        cmocka_unit_test(what_matched_and_all_before_it_is_consumed),
        cmocka_unit_test(the_earliest_wins_then_the_first),
        cmocka_unit_test(after_the_last_answer_only_results_count),
        cmocka_unit_test(anchors_are_the_ends_of_lines),
        cmocka_unit_test(a_return_may_be_half_an_end),
        cmocka_unit_test(no_match_crosses_a_line),
        cmocka_unit_test(any_byte_may_be_in_the_output),
        cmocka_unit_test(a_request_that_takes_nothing_is_refused),
        cmocka_unit_test(a_pause_comes_when_all_was_read),
        cmocka_unit_test(there_may_be_no_rules),
        cmocka_unit_test(a_pause_looks_at_the_rest),
        cmocka_unit_test(the_rest_after_a_match_is_that_of_its_line),
        cmocka_unit_test(what_was_cut_off_is_no_rest),
        cmocka_unit_test(a_long_line_is_cut),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(output_is_wiped),
    };

    return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
