/*
 * The data types of RFC 4251 section 5, both ways: authplug/wire.h.
 */
#include "support.h"

static bytes input;

static authplug_reader reader_over(const char *notation, uint32_t max_string)
{
    input = bytes_of(notation);
    return authplug_reader_over(
        authplug_span_make(guarded(input.data, input.len), input.len),
        max_string);
}

/* --------------------------------------------------------------- reading */

TEST(a_byte_is_read_as_it_is)
{
    authplug_reader reader = reader_over("00 7f ff", 9);

    assert_int_equal(authplug_get_byte(&reader), 0);
    assert_int_equal(authplug_get_byte(&reader), 0x7f);
    assert_int_equal(authplug_get_byte(&reader), 0xff);
    assert_status(authplug_get_end(&reader), OK);
}

TEST(a_boolean_is_true_for_any_byte_but_zero)
{
    authplug_reader reader = reader_over("00 01 02 ff", 9);

    assert_false(authplug_get_boolean(&reader));
    assert_true(authplug_get_boolean(&reader));
    assert_true(authplug_get_boolean(&reader));
    assert_true(authplug_get_boolean(&reader));
    assert_status(authplug_get_end(&reader), OK);
}

TEST(a_number_is_read_with_its_highest_byte_first)
{
    authplug_reader reader = reader_over("29b7f4aa ffffffff 00000001", 9);

    assert_int_equal(authplug_get_uint32(&reader), 0x29b7f4aa);
    assert_int_equal(authplug_get_uint32(&reader), 0xffffffff);
    assert_int_equal(authplug_get_uint32(&reader), 1);
    assert_status(authplug_get_end(&reader), OK);
}

TEST(a_string_is_a_part_of_the_input)
{
    authplug_reader reader = reader_over("00000007 'testing' {00 ff}", 9);
    const unsigned char *start = reader.input.data;
    authplug_span first = authplug_get_string(&reader);
    authplug_span second = authplug_get_string(&reader);

    assert_ptr_equal(first.data, start + 4);
    assert_span(first, "testing");
    assert_int_equal(second.len, 2);
    assert_ptr_equal(second.data, start + 15);
    assert_status(authplug_get_end(&reader), OK);
}

TEST(a_string_may_be_empty)
{
    authplug_reader reader = reader_over("{} {}", 9);

    assert_int_equal(authplug_get_string(&reader).len, 0);
    assert_int_equal(authplug_get_string(&reader).len, 0);
    assert_status(authplug_get_end(&reader), OK);
}

TEST(pos_is_where_the_next_value_starts)
{
    authplug_reader reader = reader_over("01 00000002 {'ab'} 01", 9);

    assert_int_equal(reader.pos, 0);
    authplug_get_byte(&reader);
    assert_int_equal(reader.pos, 1);
    authplug_get_uint32(&reader);
    assert_int_equal(reader.pos, 5);
    authplug_get_string(&reader);
    assert_int_equal(reader.pos, 11);
    authplug_get_boolean(&reader);
    assert_int_equal(reader.pos, 12);
}

TEST(an_empty_input_is_at_its_end)
{
    authplug_reader reader = authplug_reader_over(authplug_span_of(NULL), 9);

    assert_status(authplug_get_end(&reader), OK);
    reader = authplug_reader_over(authplug_span_of(NULL), 9);
    assert_int_equal(authplug_get_byte(&reader), 0);
    assert_status(authplug_get_end(&reader), TRUNCATED);
}

TEST(input_that_is_left_over_is_TRAILING)
{
    authplug_reader reader = reader_over("01 02", 9);

    authplug_get_byte(&reader);
    assert_status(authplug_get_end(&reader), TRAILING);
    assert_status(reader.status, TRAILING);
    assert_int_equal(reader.pos, 1);
}

/* Every value that is cut short gives nothing and says where it started. */
static void cut_short(const char *notation)
{
    size_t len = bytes_of(notation).len;
    authplug_reader reader;

    reader = reader_over(notation, 9);
    if (len < 1)
        assert_int_equal(authplug_get_byte(&reader), 0);
    else
        assert_int_equal(authplug_get_uint32(&reader), 0);
    assert_status(reader.status, TRUNCATED);
    assert_int_equal(reader.pos, 0);

    reader = reader_over(notation, 9);
    assert_int_equal(authplug_get_string(&reader).len, 0);
    assert_status(reader.status, TRUNCATED);
}

TEST(a_value_that_is_cut_short_is_TRUNCATED)
{
    cut_short("");
    cut_short("00");
    cut_short("00 00");
    cut_short("00 00 01");
}

TEST(a_string_that_is_cut_short_is_TRUNCATED)
{
    static const char *const cases[] = {"00000001", "00000003 'ab'",
                                        "00000009 'abcdefgh'"};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        authplug_reader reader = reader_over(cases[i], 9);

        assert_int_equal(authplug_get_string(&reader).len, 0);
        assert_status(authplug_get_end(&reader), TRUNCATED);
        assert_true(reader.pos <= reader.input.len);
    }
}

TEST(a_string_of_just_the_limit_is_read)
{
    authplug_reader reader = reader_over("{'123456789'}", 9);

    assert_span(authplug_get_string(&reader), "123456789");
    assert_status(authplug_get_end(&reader), OK);
}

TEST(a_string_over_the_limit_is_LENGTH)
{
    authplug_reader reader = reader_over("{'1234567890'}", 9);

    assert_int_equal(authplug_get_string(&reader).len, 0);
    assert_status(authplug_get_end(&reader), LENGTH);
}

TEST(a_string_of_four_gigabytes_is_LENGTH_before_its_bytes_come)
{
    authplug_reader reader = reader_over("ffffffff", 65536);

    assert_int_equal(authplug_get_string(&reader).len, 0);
    assert_status(authplug_get_end(&reader), LENGTH);

    reader = reader_over("ffffffff 'abc'", UINT32_MAX);
    assert_int_equal(authplug_get_string(&reader).len, 0);
    assert_status(authplug_get_end(&reader), TRUNCATED);
}

TEST(after_a_failure_nothing_more_is_read)
{
    authplug_reader reader = reader_over("{'1234567890'} 01 01010101 {'a'}", 9);
    size_t pos;

    authplug_get_string(&reader);
    assert_status(reader.status, LENGTH);
    pos = reader.pos;
    assert_int_equal(authplug_get_byte(&reader), 0);
    assert_false(authplug_get_boolean(&reader));
    assert_int_equal(authplug_get_uint32(&reader), 0);
    assert_int_equal(authplug_get_string(&reader).len, 0);
    assert_status(authplug_get_end(&reader), LENGTH);
    assert_int_equal(reader.pos, pos);
}

TEST(a_value_that_would_still_fit_is_not_read_after_a_failure)
{
    authplug_reader reader = reader_over("0000 ff", 9);

    assert_int_equal(authplug_get_uint32(&reader), 0);
    assert_int_equal(authplug_get_byte(&reader), 0);
    assert_status(authplug_get_end(&reader), TRUNCATED);
}

/* --------------------------------------------------------------- writing */

static authplug_secret *out;
static size_t live;

static int open_out(void **state)
{
    (void)state;
    alloc_reset();
    live = alloc_live();
    out = authplug_secret_new(64);
    return out ? 0 : -1;
}

static int close_out(void **state)
{
    (void)state;
    authplug_secret_free(&out);
    alloc_reset();
    return alloc_live() == live ? 0 : -1;
}

TEST(values_are_written_one_after_the_other)
{
    authplug_writer writer = authplug_writer_to(out);

    authplug_put_byte(&writer, 0xfe);
    authplug_put_boolean(&writer, true);
    authplug_put_boolean(&writer, false);
    authplug_put_uint32(&writer, 0x29b7f4aa);
    authplug_put_string(&writer, authplug_span_of("testing"));
    authplug_put_string(&writer, authplug_span_of(NULL));
    authplug_put_bytes(&writer, authplug_span_of("raw"));
    authplug_put_bytes(&writer, authplug_span_of(NULL));
    assert_status(writer.status, OK);
    assert_bytes(authplug_secret_span(out),
                 "fe 01 00 29b7f4aa {'testing'} {} 'raw'");
}

TEST(what_was_there_before_stays)
{
    authplug_writer writer = authplug_writer_to(out);

    authplug_put_byte(&writer, 1);
    writer = authplug_writer_to(out);
    authplug_put_byte(&writer, 2);
    assert_bytes(authplug_secret_span(out), "01 02");
}

TEST(an_open_string_gets_its_length_when_it_is_closed)
{
    authplug_writer writer = authplug_writer_to(out);
    size_t outer, inner;

    authplug_put_byte(&writer, 9);
    outer = authplug_put_open(&writer);
    authplug_put_byte(&writer, 1);
    inner = authplug_put_open(&writer);
    authplug_put_bytes(&writer, authplug_span_of("abc"));
    authplug_put_close(&writer, inner);
    authplug_put_close(&writer, outer);
    authplug_put_byte(&writer, 8);
    assert_status(writer.status, OK);
    assert_bytes(authplug_secret_span(out), "09 {01 {'abc'}} 08");
}

TEST(an_open_string_may_stay_empty)
{
    authplug_writer writer = authplug_writer_to(out);

    authplug_put_close(&writer, authplug_put_open(&writer));
    assert_status(writer.status, OK);
    assert_bytes(authplug_secret_span(out), "{}");
}

TEST(what_is_written_reads_back)
{
    authplug_writer writer = authplug_writer_to(out);
    authplug_reader reader;

    authplug_put_uint32(&writer, 7);
    authplug_put_string(&writer, authplug_span_make("a\0b", 3));
    authplug_put_boolean(&writer, true);
    reader = authplug_reader_over(authplug_secret_span(out), 9);
    assert_int_equal(authplug_get_uint32(&reader), 7);
    assert_memory_equal(authplug_get_string(&reader).data, "a\0b", 3);
    assert_true(authplug_get_boolean(&reader));
    assert_status(authplug_get_end(&reader), OK);
}

TEST(a_writer_stops_at_the_cap_for_good)
{
    authplug_secret *small = authplug_secret_new(6);
    authplug_writer writer = authplug_writer_to(small);

    authplug_put_uint32(&writer, 1);
    authplug_put_uint32(&writer, 2);
    assert_status(writer.status, LIMIT);
    assert_bytes(authplug_secret_span(small), "00000001");
    authplug_put_byte(&writer, 3);
    authplug_put_boolean(&writer, true);
    authplug_put_string(&writer, authplug_span_of(""));
    authplug_put_bytes(&writer, authplug_span_of("a"));
    authplug_put_close(&writer, authplug_put_open(&writer));
    assert_status(writer.status, LIMIT);
    assert_bytes(authplug_secret_span(small), "00000001");
    authplug_secret_free(&small);
}

TEST(a_string_that_does_not_fit_is_not_begun)
{
    authplug_secret *small = authplug_secret_new(6);
    authplug_writer writer = authplug_writer_to(small);

    authplug_put_string(&writer, authplug_span_of("abc"));
    assert_status(writer.status, LIMIT);
    assert_int_equal(authplug_secret_len(small), 0);
    authplug_secret_free(&small);
}

TEST(a_string_that_failed_open_is_closed_harmlessly)
{
    authplug_secret *small = authplug_secret_new(6);
    authplug_writer writer = authplug_writer_to(small);
    size_t mark = authplug_put_open(&writer);

    authplug_put_bytes(&writer, authplug_span_of("abc"));
    assert_status(writer.status, LIMIT);
    authplug_put_close(&writer, mark);
    assert_status(writer.status, LIMIT);
    authplug_secret_free(&small);
}

TEST(a_writer_without_memory_says_NOMEM_for_good)
{
    authplug_writer writer = authplug_writer_to(out);

    alloc_fail_at(1);
    authplug_put_bytes(
        &writer, authplug_span_of("0123456789012345678901234567890123456789"));
    if (alloc_count() == 0)
        return; /* it had the memory from the start */
    assert_status(writer.status, NOMEM);
    alloc_reset();
    authplug_put_byte(&writer, 1);
    assert_status(writer.status, NOMEM);
    assert_int_equal(authplug_secret_len(out), 0);
}

int main(void)
{
#define WRITES(sentence)                                                       \
    cmocka_unit_test_setup_teardown(sentence, open_out, close_out)
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_byte_is_read_as_it_is),
        cmocka_unit_test(a_boolean_is_true_for_any_byte_but_zero),
        cmocka_unit_test(a_number_is_read_with_its_highest_byte_first),
        cmocka_unit_test(a_string_is_a_part_of_the_input),
        cmocka_unit_test(a_string_may_be_empty),
        cmocka_unit_test(pos_is_where_the_next_value_starts),
        cmocka_unit_test(an_empty_input_is_at_its_end),
        cmocka_unit_test(input_that_is_left_over_is_TRAILING),
        cmocka_unit_test(a_value_that_is_cut_short_is_TRUNCATED),
        cmocka_unit_test(a_string_that_is_cut_short_is_TRUNCATED),
        cmocka_unit_test(a_string_of_just_the_limit_is_read),
        cmocka_unit_test(a_string_over_the_limit_is_LENGTH),
        cmocka_unit_test(
            a_string_of_four_gigabytes_is_LENGTH_before_its_bytes_come),
        cmocka_unit_test(after_a_failure_nothing_more_is_read),
        cmocka_unit_test(
            a_value_that_would_still_fit_is_not_read_after_a_failure),
        WRITES(values_are_written_one_after_the_other),
        WRITES(what_was_there_before_stays),
        WRITES(an_open_string_gets_its_length_when_it_is_closed),
        WRITES(an_open_string_may_stay_empty),
        WRITES(what_is_written_reads_back),
        WRITES(a_writer_stops_at_the_cap_for_good),
        WRITES(a_string_that_does_not_fit_is_not_begun),
        WRITES(a_string_that_failed_open_is_closed_harmlessly),
        WRITES(a_writer_without_memory_says_NOMEM_for_good),
    };
#undef WRITES

    return cmocka_run_group_tests_name("values on the wire", tests, NULL,
                                       NULL);
}
