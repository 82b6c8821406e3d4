/*
 * Spans, statuses and limits: authplug/base.h.
 */
#include "support.h"

TEST(a_span_over_text_leaves_the_NUL_out)
{
    authplug_span span = authplug_span_of("stoat");

    assert_int_equal(span.len, 5);
    assert_memory_equal(span.data, "stoat", 5);
}

TEST(a_span_over_no_text_is_empty)
{
    assert_int_equal(authplug_span_of(NULL).len, 0);
    assert_int_equal(authplug_span_of("").len, 0);
}

TEST(a_span_is_made_of_the_bytes_it_was_given)
{
    static const char data[] = {0, 1, 2};
    authplug_span span = authplug_span_make(data, sizeof data);

    assert_ptr_equal(span.data, data);
    assert_int_equal(span.len, 3);
    assert_int_equal(authplug_span_make(NULL, 0).len, 0);
}

TEST(a_span_is_a_text_only_with_the_same_bytes_and_length)
{
    authplug_span stoat = authplug_span_of("stoat");

    assert_true(authplug_span_is(stoat, "stoat"));
    assert_false(authplug_span_is(stoat, "stoa"));
    assert_false(authplug_span_is(stoat, "stoats"));
    assert_false(authplug_span_is(stoat, "Stoat"));
    assert_false(authplug_span_is(stoat, ""));
    assert_false(authplug_span_is(authplug_span_make("a\0b", 3), "a"));
    assert_false(authplug_span_is(authplug_span_make("a\0", 2), "a"));
}

TEST(an_empty_span_is_the_empty_text)
{
    assert_true(authplug_span_is(authplug_span_of(NULL), ""));
    assert_true(authplug_span_is(authplug_span_make(NULL, 0), ""));
    assert_false(authplug_span_is(authplug_span_make(NULL, 0), "a"));
}

TEST(a_span_is_compared_within_its_bounds)
{
    authplug_span span = authplug_span_make(guarded("abc", 3), 3);

    assert_true(authplug_span_is(span, "abc"));
    assert_false(authplug_span_is(span, "abcdef"));
    assert_false(authplug_span_has(span, 'd'));
}

TEST(a_span_has_a_byte_wherever_it_stands)
{
    authplug_span span = authplug_span_make("a\0\377", 3);

    assert_true(authplug_span_has(span, 'a'));
    assert_true(authplug_span_has(span, 0));
    assert_true(authplug_span_has(span, 255));
    assert_false(authplug_span_has(span, 'b'));
    assert_false(authplug_span_has(authplug_span_make("a", 1), 0));
    assert_false(authplug_span_has(authplug_span_of(NULL), 0));
}

TEST(a_status_is_named_as_it_is_written)
{
#define X(name, text)                                                          \
    assert_string_equal(authplug_status_name(AUTHPLUG_##name), #name);
    AUTHPLUG_STATUS_MAP(X)
#undef X
}

TEST(a_status_has_the_text_of_the_list)
{
#define X(name, text)                                                          \
    assert_string_equal(authplug_status_text(AUTHPLUG_##name), text);          \
    assert_true(sizeof text <= AUTHPLUG_TEXT_MAX);
    AUTHPLUG_STATUS_MAP(X)
#undef X
}

TEST(a_number_that_is_no_status_has_a_name_and_a_text)
{
    static const int numbers[] = {AUTHPLUG_STATUS_COUNT, 1000, -1};

    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        authplug_status status = (authplug_status)numbers[i];

        assert_string_equal(authplug_status_name(status), "?");
        assert_string_equal(authplug_status_text(status), "unknown status");
    }
}

TEST(OK_is_zero)
{
    assert_int_equal(AUTHPLUG_OK, 0);
}

TEST(a_message_is_named_as_on_the_wire)
{
#define X(name, number)                                                        \
    assert_string_equal(authplug_putty_name(AUTHPLUG_PUTTY_##name),            \
                        "PLUGIN_" #name);                                      \
    assert_int_equal(AUTHPLUG_PUTTY_##name, number);
    AUTHPLUG_PUTTY_MAP(X)
#undef X
    assert_string_equal(authplug_putty_name(AUTHPLUG_PUTTY_EOF),
                        "end of input");
}

TEST(a_number_that_is_no_message_has_no_name)
{
    static const int numbers[] = {9, 19, 24, 255, 256, -1};

    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        assert_string_equal(
            authplug_putty_name((authplug_putty_type)numbers[i]), "");
}

TEST(the_default_limits_are_the_documented_ones)
{
    authplug_limits limits = AUTHPLUG_LIMITS_DEFAULT;

    assert_int_equal(limits.frame, 256 * 1024);
    assert_int_equal(limits.prompts, 100);
    assert_int_equal(limits.string, 64 * 1024);
    assert_int_equal(limits.rounds, 1000);
    assert_int_equal(limits.buffered, 640 * 1024);
}

static void refused(const authplug_limits *limits)
{
    assert_null(authplug_putty_client_new(limits));
    assert_null(authplug_putty_plugin_new(limits));
}

TEST(a_limit_of_zero_makes_no_engine)
{
    const authplug_limits good = AUTHPLUG_LIMITS_DEFAULT;
    authplug_limits bad;

    refused((bad = good, bad.frame = 0, &bad));
    refused((bad = good, bad.prompts = 0, &bad));
    refused((bad = good, bad.string = 0, &bad));
    refused((bad = good, bad.rounds = 0, &bad));
    refused((bad = good, bad.buffered = 0, &bad));
}

TEST(a_limit_of_zero_makes_no_reply)
{
    const authplug_limits good = AUTHPLUG_LIMITS_DEFAULT;
    authplug_limits bad;

    assert_null(authplug_ki_reply_new((bad = good, bad.frame = 0, &bad)));
    assert_null(authplug_ki_reply_new((bad = good, bad.prompts = 0, &bad)));
    assert_null(authplug_ki_reply_new((bad = good, bad.string = 0, &bad)));
    assert_null(authplug_ki_reply_new((bad = good, bad.rounds = 0, &bad)));
    assert_null(authplug_ki_reply_new((bad = good, bad.buffered = 0, &bad)));
}

TEST(a_frame_is_shorter_than_sixteen_mebibytes)
{
    authplug_limits limits = AUTHPLUG_LIMITS_DEFAULT;

    limits.frame = 1u << 24;
    limits.buffered = 1u << 30;
    refused(&limits);
    limits.frame = UINT32_MAX;
    limits.buffered = UINT32_MAX;
    refused(&limits);
    limits.frame = (1u << 24) - 1;
    play_with(CLIENT, &limits, "wants reply\n");
    play_with(PLUGIN, &limits, "wants input\n");
}

TEST(a_buffer_holds_more_than_a_frame_and_its_length)
{
    authplug_limits limits = AUTHPLUG_LIMITS_DEFAULT;

    limits.buffered = limits.frame;
    refused(&limits);
    limits.buffered = limits.frame + 4;
    refused(&limits);
    limits.buffered = limits.frame + 5;
    play_with(CLIENT, &limits, "wants reply\n");
    play_with(PLUGIN, &limits, "wants input\n");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_span_over_text_leaves_the_NUL_out),
        cmocka_unit_test(a_span_over_no_text_is_empty),
        cmocka_unit_test(a_span_is_made_of_the_bytes_it_was_given),
        cmocka_unit_test(a_span_is_a_text_only_with_the_same_bytes_and_length),
        cmocka_unit_test(an_empty_span_is_the_empty_text),
        cmocka_unit_test(a_span_is_compared_within_its_bounds),
        cmocka_unit_test(a_span_has_a_byte_wherever_it_stands),
        cmocka_unit_test(a_status_is_named_as_it_is_written),
        cmocka_unit_test(a_status_has_the_text_of_the_list),
        cmocka_unit_test(a_number_that_is_no_status_has_a_name_and_a_text),
        cmocka_unit_test(OK_is_zero),
        cmocka_unit_test(a_message_is_named_as_on_the_wire),
        cmocka_unit_test(a_number_that_is_no_message_has_no_name),
        cmocka_unit_test(the_default_limits_are_the_documented_ones),
        cmocka_unit_test(a_limit_of_zero_makes_no_engine),
        cmocka_unit_test(a_limit_of_zero_makes_no_reply),
        cmocka_unit_test(a_frame_is_shorter_than_sixteen_mebibytes),
        cmocka_unit_test(a_buffer_holds_more_than_a_frame_and_its_length),
    };

    return cmocka_run_group_tests_name("spans, statuses and limits", tests,
                                       NULL, NULL);
}
