/*
 * The two bodies of keyboard-interactive, RFC 4256: authplug/ki.h.
 */
#include "support.h"

#define NEEDLE "Zq7#xW!9"

/* Small, so that every bound is a few bytes away. */
static const authplug_limits small = {64, 3, 10, 4, 200};
static const authplug_limits usual = AUTHPLUG_LIMITS_DEFAULT;

static authplug_ki_prompt prompts[MESSAGE_PROMPTS];
static authplug_span answers[MESSAGE_PROMPTS];
static authplug_ki_request request;
static authplug_ki_response response;
static authplug_fault fault;
static bytes body;

static authplug_span body_of(const char *notation)
{
    body = bytes_of(notation);
    return authplug_span_make(guarded(body.data, body.len), body.len);
}

static authplug_status parse_request(const char *notation,
                                     const authplug_limits *limits)
{
    memset(&request, 0xee, sizeof request);
    memset(&fault, 0, sizeof fault);
    return authplug_ki_request_parse(body_of(notation), limits, prompts,
                                     &request, &fault);
}

static authplug_status parse_response(const char *notation,
                                      const authplug_limits *limits)
{
    memset(&response, 0xee, sizeof response);
    memset(&fault, 0, sizeof fault);
    return authplug_ki_response_parse(body_of(notation), limits, answers,
                                      &response, &fault);
}

static void faulty(authplug_status got, authplug_status expected,
                   size_t offset)
{
    assert_status_at(got, expected, __FILE__, __LINE__);
    assert_status_at(fault.status, expected, __FILE__, __LINE__);
    assert_int_equal(fault.offset, offset);
    assert_non_null(fault.message);
    assert_non_null(fault.text);
    assert_true(strlen(fault.text) < AUTHPLUG_TEXT_MAX);
}

#define FAULTY(got, status, offset)                                            \
    faulty((got), AUTHPLUG_##status, (offset))

/* -------------------------------------------------------------- requests */

TEST(the_method_is_called_keyboard_interactive)
{
    assert_string_equal(AUTHPLUG_KI_METHOD, "keyboard-interactive");
}

TEST(a_request_is_taken_apart)
{
    assert_status(parse_request("{'Login'} {'Two things'} {'de'} 00000002"
                                " {'Password: '} 00 {'Code: '} 01",
                                &usual),
                  OK);
    assert_span(request.name, "Login");
    assert_span(request.instruction, "Two things");
    assert_span(request.language, "de");
    assert_int_equal(request.count, 2);
    assert_span(request.prompts[0].text, "Password: ");
    assert_false(request.prompts[0].echo);
    assert_span(request.prompts[1].text, "Code: ");
    assert_true(request.prompts[1].echo);
}

TEST(a_request_is_kept_raw_as_well)
{
    assert_status(parse_request("{} {} {} 00000001 {'a'} 02", &usual), OK);
    assert_bytes(request.raw, "{} {} {} 00000001 {'a'} 02");
    assert_true(request.prompts[0].echo);
}

TEST(a_request_points_into_the_body_and_the_callers_prompts)
{
    assert_status(parse_request("{'a'} {} {} 00000001 {'b'} 00", &usual), OK);
    assert_ptr_equal(request.raw.data, request.name.data - 4);
    assert_int_equal(request.raw.len, body.len);
    assert_ptr_equal(request.prompts, prompts);
}

TEST(a_request_without_prompts_is_an_ordinary_one)
{
    assert_status(parse_request("{} {} {} 00000000", &usual), OK);
    assert_int_equal(request.count, 0);
    assert_int_equal(request.name.len, 0);
}

TEST(prompts_hold_any_bytes)
{
    assert_status(parse_request("{00} {ff} {} 00000002 {} 00 {0a 1b 80} 01",
                                &usual),
                  OK);
    assert_int_equal(request.prompts[0].text.len, 0);
    assert_bytes(request.prompts[1].text, "0a 1b 80");
}

TEST(a_request_that_ends_early_is_TRUNCATED_where_it_ends)
{
    FAULTY(parse_request("", &usual), TRUNCATED, 0);
    FAULTY(parse_request("0000", &usual), TRUNCATED, 0);
    FAULTY(parse_request("{} 000000", &usual), TRUNCATED, 4);
    FAULTY(parse_request("{} {} {}", &usual), TRUNCATED, 12);
    FAULTY(parse_request("{} {} {} 00000001 {'a'}", &usual), TRUNCATED, 21);
}

TEST(more_prompts_or_answers_than_the_body_holds_are_TRUNCATED)
{
    assert_status(parse_request("{} {} {} 00000001", &usual), TRUNCATED);
    assert_status(parse_request("{} {} {} 00000002 {'a'} 00", &usual),
                  TRUNCATED);
    assert_status(parse_response("00000001", &usual), TRUNCATED);
    assert_status(parse_response("00000002 {'a'}", &usual), TRUNCATED);
}

TEST(a_string_beyond_the_body_is_TRUNCATED)
{
    assert_status(parse_request("00000001", &usual), TRUNCATED);
    assert_status(parse_request("{} {} {} 00000001 00000005 'abcd'", &usual),
                  TRUNCATED);
}

TEST(bytes_after_a_request_are_TRAILING)
{
    FAULTY(parse_request("{} {} {} 00000000 00", &usual), TRAILING, 16);
    FAULTY(parse_request("{} {} {} 00000001 {'a'} 00 00", &usual), TRAILING,
           22);
}

TEST(a_string_over_the_limit_is_LENGTH)
{
    assert_status(parse_request("{'1234567890'} {} {} 00000000", &small), OK);
    FAULTY(parse_request("{'12345678901'} {} {} 00000000", &small), LENGTH, 0);
    FAULTY(parse_request("{} {'12345678901'} {} 00000000", &small), LENGTH, 4);
    FAULTY(parse_request("{} {} {} 00000001 {'12345678901'} 00", &small),
           LENGTH, 16);
    FAULTY(parse_request("ffffffff", &usual), LENGTH, 0);
}

TEST(more_prompts_than_the_limit_are_LIMIT)
{
    assert_status(parse_request("{} {} {} 00000003 {} 00 {} 00 {} 00", &small),
                  OK);
    FAULTY(parse_request("{} {} {} 00000004 {} 00 {} 00 {} 00 {} 00", &small),
           LIMIT, 12);
    FAULTY(parse_request("{} {} {} ffffffff", &usual), LIMIT, 12);
}

TEST(a_failed_parse_leaves_the_request_alone)
{
    authplug_ki_request before;

    memset(&before, 0xee, sizeof before);
    assert_status(parse_request("{} {} {} 00000001 {'a'} 00 00", &usual),
                  TRAILING);
    assert_memory_equal(&request, &before, sizeof before);
    assert_status(parse_request("{} {} {} 00000001", &usual), TRUNCATED);
    assert_memory_equal(&request, &before, sizeof before);
}

TEST(a_fault_need_not_be_asked_for)
{
    authplug_span empty = authplug_span_of(NULL);

    assert_status(
        authplug_ki_request_parse(empty, &usual, prompts, &request, NULL),
        TRUNCATED);
    assert_status(
        authplug_ki_response_parse(empty, &usual, answers, &response, NULL),
        TRUNCATED);
}

TEST(every_shorter_request_is_TRUNCATED)
{
    bytes whole = bytes_of("{'Login'} {'Two things'} {} 00000002"
                           " {'Password: '} 00 {'Code: '} 01");

    for (size_t len = 0; len < whole.len; len++) {
        authplug_span cut =
            authplug_span_make(guarded(whole.data, len), len);

        assert_status(
            authplug_ki_request_parse(cut, &usual, prompts, &request, &fault),
            TRUNCATED);
        assert_true(fault.offset <= len);
    }
}

/* ------------------------------------------------------------- responses */

TEST(a_response_is_taken_apart)
{
    assert_status(parse_response("00000002 {'stoat'} {'weasel'}", &usual), OK);
    assert_int_equal(response.count, 2);
    assert_ptr_equal(response.answers, answers);
    assert_span(response.answers[0], "stoat");
    assert_span(response.answers[1], "weasel");
    assert_bytes(response.raw, "00000002 {'stoat'} {'weasel'}");
}

TEST(a_response_may_hold_no_answers_or_empty_ones)
{
    assert_status(parse_response("00000000", &usual), OK);
    assert_int_equal(response.count, 0);
    assert_status(parse_response("00000002 {} {00 ff}", &usual), OK);
    assert_int_equal(response.answers[0].len, 0);
    assert_bytes(response.answers[1], "00 ff");
}

TEST(a_response_that_ends_early_is_TRUNCATED_where_it_ends)
{
    FAULTY(parse_response("", &usual), TRUNCATED, 0);
    FAULTY(parse_response("000000", &usual), TRUNCATED, 0);
    assert_status(parse_response("00000001 00000005 'abcd'", &usual),
                  TRUNCATED);
}

TEST(bytes_after_a_response_are_TRAILING)
{
    FAULTY(parse_response("00000000 00", &usual), TRAILING, 4);
    FAULTY(parse_response("00000001 {'a'} {'b'}", &usual), TRAILING, 9);
}

TEST(a_response_over_a_limit_is_refused)
{
    assert_status(parse_response("00000003 {} {} {'1234567890'}", &small), OK);
    FAULTY(parse_response("00000001 {'12345678901'}", &small), LENGTH, 4);
    FAULTY(parse_response("00000004 {} {} {} {}", &small), LIMIT, 0);
    FAULTY(parse_response("ffffffff", &usual), LIMIT, 0);
    FAULTY(parse_response("00000001 ffffffff", &usual), LENGTH, 4);
}

TEST(a_failed_parse_leaves_the_response_alone)
{
    authplug_ki_response before;

    memset(&before, 0xee, sizeof before);
    assert_status(parse_response("00000001 {'a'} {'b'}", &usual), TRAILING);
    assert_memory_equal(&response, &before, sizeof before);
}

/* --------------------------------------------------------------- writing */

static authplug_ki_prompt two_prompts[2];

static authplug_ki_request two(void)
{
    authplug_ki_request it = {.count = 2, .prompts = two_prompts};

    it.name = authplug_span_of("Login");
    it.instruction = authplug_span_of("Two things");
    two_prompts[0].text = authplug_span_of("Password: ");
    two_prompts[0].echo = false;
    two_prompts[1].text = authplug_span_of("Code: ");
    two_prompts[1].echo = true;
    return it;
}

TEST(a_request_is_written_behind_what_is_there)
{
    authplug_secret *out = authplug_secret_new(1000);
    authplug_ki_request it = two();

    assert_status(authplug_secret_append(out, "x", 1), OK);
    assert_status(authplug_ki_request_write(&it, out), OK);
    assert_bytes(authplug_secret_span(out),
                 "'x' {'Login'} {'Two things'} {} 00000002"
                 " {'Password: '} 00 {'Code: '} 01");
    authplug_secret_free(&out);
}

TEST(raw_is_ignored_when_a_request_is_written)
{
    authplug_secret *out = authplug_secret_new(1000);
    authplug_ki_request it = {.count = 0};

    it.raw = authplug_span_of("something else");
    assert_status(authplug_ki_request_write(&it, out), OK);
    assert_bytes(authplug_secret_span(out), "{} {} {} 00000000");
    authplug_secret_free(&out);
}

TEST(a_request_that_does_not_fit_leaves_the_output_alone)
{
    authplug_ki_request it = two();

    for (size_t cap = 1; cap < 70; cap++) {
        authplug_secret *out = authplug_secret_new(cap);
        authplug_status status;

        assert_status(authplug_secret_append(out, "x", 1), OK);
        status = authplug_ki_request_write(&it, out);
        if (status == AUTHPLUG_OK) {
            assert_int_equal(cap, 1 + 57);
            authplug_secret_free(&out);
            return;
        }
        assert_status(status, LIMIT);
        assert_span(authplug_secret_span(out), "x");
        authplug_secret_free(&out);
    }
    fail_msg("it never fits");
}

TEST(a_request_without_memory_leaves_the_output_alone)
{
    authplug_ki_request it = two();

    for (size_t n = 1;; n++) {
        authplug_secret *out = authplug_secret_new(1000);
        authplug_status status;

        alloc_fail_at(n);
        status = authplug_ki_request_write(&it, out);
        if (alloc_count() < n) {
            assert_status(status, OK);
            authplug_secret_free(&out);
            break;
        }
        assert_status(status, NOMEM);
        assert_int_equal(authplug_secret_len(out), 0);
        alloc_reset();
        assert_status(authplug_ki_request_write(&it, out), OK);
        authplug_secret_free(&out);
    }
    alloc_reset();
}

/* ----------------------------------------------------------------- reply */

static authplug_ki_reply *reply;
static size_t live;

static int open_reply(void **state)
{
    (void)state;
    alloc_reset();
    spy_on(NEEDLE);
    live = alloc_live();
    reply = authplug_ki_reply_new(&small);
    return reply ? 0 : -1;
}

static int close_reply(void **state)
{
    (void)state;
    spy_on(NULL);
    alloc_reset();
    authplug_ki_reply_free(&reply);
    return alloc_live() == live ? 0 : -1;
}

static authplug_status add(const char *answer)
{
    return authplug_ki_reply_add(reply, authplug_span_of(answer));
}

TEST(a_new_reply_holds_no_answers)
{
    assert_int_equal(authplug_ki_reply_count(reply), 0);
    assert_bytes(authplug_ki_reply_body(reply), "00000000");
}

TEST(answers_are_kept_in_the_order_they_came)
{
    assert_status(add("stoat"), OK);
    assert_status(add(""), OK);
    assert_status(authplug_ki_reply_add(reply, authplug_span_make("\0\377", 2)),
                  OK);
    assert_int_equal(authplug_ki_reply_count(reply), 3);
    assert_bytes(authplug_ki_reply_body(reply),
                 "00000003 {'stoat'} {} {00 ff}");
}

TEST(a_reply_reads_back)
{
    assert_status(add("stoat"), OK);
    assert_status(add("weasel"), OK);
    assert_status(authplug_ki_response_parse(authplug_ki_reply_body(reply),
                                             &small, answers, &response, NULL),
                  OK);
    assert_int_equal(response.count, 2);
    assert_span(response.answers[1], "weasel");
}

TEST(an_answer_over_the_limit_is_LENGTH_and_not_added)
{
    assert_status(add("1234567890"), OK);
    assert_status(add("12345678901"), LENGTH);
    assert_int_equal(authplug_ki_reply_count(reply), 1);
    assert_bytes(authplug_ki_reply_body(reply), "00000001 {'1234567890'}");
    assert_status(add("b"), OK);
    assert_bytes(authplug_ki_reply_body(reply),
                 "00000002 {'1234567890'} {'b'}");
}

TEST(one_answer_too_many_is_LIMIT_and_not_added)
{
    for (int i = 0; i < 3; i++)
        assert_status(add("a"), OK);
    assert_status(add("b"), LIMIT);
    assert_int_equal(authplug_ki_reply_count(reply), 3);
    assert_bytes(authplug_ki_reply_body(reply), "00000003 {'a'} {'a'} {'a'}");
}

TEST(a_reply_just_as_long_as_a_frame_fits_and_a_longer_one_is_LIMIT)
{
    /* type 1, count 4, two answers of 4 + 5: 23 */
    authplug_limits limits = {23, 3, 10, 4, 100};
    authplug_ki_reply *tight = authplug_ki_reply_new(&limits);
    authplug_span stoat = authplug_span_of("stoat");

    assert_status(authplug_ki_reply_add(tight, stoat), OK);
    assert_status(authplug_ki_reply_add(tight, authplug_span_of("weasel")),
                  LIMIT);
    assert_int_equal(authplug_ki_reply_count(tight), 1);
    assert_status(authplug_ki_reply_add(tight, stoat), OK);
    assert_status(authplug_ki_reply_add(tight, authplug_span_of(NULL)), LIMIT);
    assert_bytes(authplug_ki_reply_body(tight), "00000002 {'stoat'} {'stoat'}");
    authplug_ki_reply_free(&tight);
}

TEST(a_reply_without_memory_says_NOMEM_and_adds_nothing)
{
    authplug_ki_reply *big = authplug_ki_reply_new(&usual);
    static const char many[60000];
    authplug_span answer = authplug_span_make(many, sizeof many);

    assert_status(authplug_ki_reply_add(big, authplug_span_of("a")), OK);
    alloc_fail_at(1);
    assert_status(authplug_ki_reply_add(big, answer), NOMEM);
    assert_int_equal(authplug_ki_reply_count(big), 1);
    assert_bytes(authplug_ki_reply_body(big), "00000001 {'a'}");
    assert_status(authplug_ki_reply_add(big, answer), OK);
    assert_int_equal(authplug_ki_reply_count(big), 2);
    authplug_ki_reply_free(&big);
}

TEST(a_reply_is_not_made_without_memory)
{
    for (size_t n = 1;; n++) {
        authplug_ki_reply *made;

        alloc_fail_from(n);
        made = authplug_ki_reply_new(&usual);
        if (alloc_count() < n) {
            assert_non_null(made);
            authplug_ki_reply_free(&made);
            break;
        }
        assert_null(made);
    }
}

TEST(a_reply_is_freed_as_everything_else)
{
    authplug_ki_reply *none = NULL;

    authplug_ki_reply_free(NULL);
    authplug_ki_reply_free(&none);
    authplug_ki_reply_free(&reply);
    assert_null(reply);
}

TEST(clearing_wipes_all_answers_and_keeps_the_memory)
{
    assert_status(add(NEEDLE), OK);
    assert_status(add(NEEDLE), OK);
    assert_true(spy_sees());
    alloc_reset();
    authplug_ki_reply_clear(reply);
    assert_false(spy_sees());
    assert_int_equal(authplug_ki_reply_count(reply), 0);
    assert_bytes(authplug_ki_reply_body(reply), "00000000");
    assert_status(add("stoat"), OK);
    assert_status(add("weasel"), OK);
    assert_int_equal(alloc_count(), 0);
    assert_bytes(authplug_ki_reply_body(reply),
                 "00000002 {'stoat'} {'weasel'}");
}

TEST(no_answer_is_left_in_memory_that_was_given_back)
{
    authplug_ki_reply *big = authplug_ki_reply_new(&usual);

    for (int i = 0; i < 100; i++)
        assert_status(authplug_ki_reply_add(
                          big, authplug_span_of(NEEDLE NEEDLE NEEDLE NEEDLE)),
                      OK);
    assert_true(spy_sees());
    authplug_ki_reply_free(&big);
    assert_int_equal(spy_spilled(), 0);
    assert_false(spy_sees());
}

int main(void)
{
#define REPLY(sentence)                                                        \
    cmocka_unit_test_setup_teardown(sentence, open_reply, close_reply)
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_method_is_called_keyboard_interactive),
        cmocka_unit_test(a_request_is_taken_apart),
        cmocka_unit_test(a_request_is_kept_raw_as_well),
        cmocka_unit_test(
            a_request_points_into_the_body_and_the_callers_prompts),
        cmocka_unit_test(a_request_without_prompts_is_an_ordinary_one),
        cmocka_unit_test(prompts_hold_any_bytes),
        cmocka_unit_test(a_request_that_ends_early_is_TRUNCATED_where_it_ends),
        cmocka_unit_test(
            more_prompts_or_answers_than_the_body_holds_are_TRUNCATED),
        cmocka_unit_test(a_string_beyond_the_body_is_TRUNCATED),
        cmocka_unit_test(bytes_after_a_request_are_TRAILING),
        cmocka_unit_test(a_string_over_the_limit_is_LENGTH),
        cmocka_unit_test(more_prompts_than_the_limit_are_LIMIT),
        cmocka_unit_test(a_failed_parse_leaves_the_request_alone),
        cmocka_unit_test(a_fault_need_not_be_asked_for),
        cmocka_unit_test(every_shorter_request_is_TRUNCATED),
        cmocka_unit_test(a_response_is_taken_apart),
        cmocka_unit_test(a_response_may_hold_no_answers_or_empty_ones),
        cmocka_unit_test(
            a_response_that_ends_early_is_TRUNCATED_where_it_ends),
        cmocka_unit_test(bytes_after_a_response_are_TRAILING),
        cmocka_unit_test(a_response_over_a_limit_is_refused),
        cmocka_unit_test(a_failed_parse_leaves_the_response_alone),
        cmocka_unit_test(a_request_is_written_behind_what_is_there),
        cmocka_unit_test(raw_is_ignored_when_a_request_is_written),
        cmocka_unit_test(a_request_that_does_not_fit_leaves_the_output_alone),
        cmocka_unit_test(a_request_without_memory_leaves_the_output_alone),
        REPLY(a_new_reply_holds_no_answers),
        REPLY(answers_are_kept_in_the_order_they_came),
        REPLY(a_reply_reads_back),
        REPLY(an_answer_over_the_limit_is_LENGTH_and_not_added),
        REPLY(one_answer_too_many_is_LIMIT_and_not_added),
        REPLY(a_reply_just_as_long_as_a_frame_fits_and_a_longer_one_is_LIMIT),
        REPLY(a_reply_without_memory_says_NOMEM_and_adds_nothing),
        REPLY(a_reply_is_not_made_without_memory),
        REPLY(a_reply_is_freed_as_everything_else),
        REPLY(clearing_wipes_all_answers_and_keeps_the_memory),
        REPLY(no_answer_is_left_in_memory_that_was_given_back),
    };
#undef REPLY

    return cmocka_run_group_tests(tests, NULL, NULL);
}
