/* What libssh captures, read back: files as libssh writes them, and others. */
#define _GNU_SOURCE
#include "io/capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define OUR_PORT 1

static capture it;
static FILE *file;

/* libssh opens the path, and buffers what it writes. */
static int
open_capture(void **state)
{
    char path[CAPTURE_PATH];

    (void)state;
    assert_true(capture_open(&it, path));
    it.our_port = OUR_PORT;
    file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite("a file's header, 24 long", 1, 24, file), 24);
    return 0;
}

static int
close_capture(void **state)
{
    (void)state;
    fclose(file);
    capture_close(&it);
    return 0;
}

static void
put_number(uint32_t number)
{
    unsigned char bytes[4] = {(unsigned char)(number >> 24),
                              (unsigned char)(number >> 16),
                              (unsigned char)(number >> 8),
                              (unsigned char)number};

    assert_int_equal(fwrite(bytes, 1, 4, file), 4);
}

/* A packet's headers: pcap's, IPv4's, TCP's; len bytes follow. */
static void
put_headers(bool incoming, size_t len)
{
    unsigned char headers[40] = {0};
    uint16_t port = OUR_PORT;

    put_number(0);
    put_number(0);
    put_number((uint32_t)(len + sizeof headers));
    put_number((uint32_t)(len + sizeof headers));
    memcpy(headers + (incoming ? 22 : 20), &port, sizeof port);
    assert_int_equal(fwrite(headers, 1, sizeof headers, file), sizeof headers);
}

/* An SSH packet with four bytes of padding. */
static void
put_packet(bool incoming, bool with_length, int type, const char *body)
{
    size_t len = 1 + 1 + strlen(body) + 4;

    put_headers(incoming, len + (with_length ? 4 : 0));
    if (with_length)
        put_number((uint32_t)len);
    fputc(4, file);
    fputc(type, file);
    fputs(body, file);
    fputs("~~~~", file);
}

static void
want(bool incoming, int type, const char *body)
{
    capture_packet packet;

    assert_true(capture_next(&it, &packet));
    assert_int_equal(packet.incoming, incoming);
    assert_int_equal(packet.type, type);
    assert_true(authplug_span_is(packet.body, body));
}

static void
want_none(void)
{
    capture_packet packet;

    assert_false(capture_next(&it, &packet));
}

static void
packets_come_in_their_order(void **state)
{
    (void)state;
    want_none();
    put_packet(true, true, 50, "one");
    put_packet(false, true, 51, "two");
    want(true, 50, "one");
    want(false, 51, "two");
    want_none();
    put_packet(true, true, 61, "");
    want(true, 61, "");
    want_none();
}

static void
one_that_came_under_etm_has_no_length(void **state)
{
    (void)state;
    put_packet(true, false, 50, "one");
    put_packet(true, true, 50, "two");
    want(true, 50, "one");
    want(true, 50, "two");
    want_none();
}

static void
others_than_authentication_s_are_passed_over(void **state)
{
    (void)state;
    put_packet(true, true, 2, "ignore");
    put_packet(true, true, 49, "before");
    put_packet(true, true, 50, "one");
    put_packet(true, true, 80, "behind");
    want(true, 50, "one");
    want_none();
}

static void
global_requests_and_replies_come_if_they_are_wanted(void **state)
{
    (void)state;
    it.global = true;
    put_packet(true, true, 79, "before");
    put_packet(false, true, 80, "request");
    put_packet(true, true, 81, "port");
    put_packet(true, true, 82, "");
    put_packet(true, true, 90, "behind");
    want(true, 79, "before");
    want(false, 80, "request");
    want(true, 81, "port");
    want(true, 82, "");
    want_none();
}

static void
what_was_read_is_gone(void **state)
{
    char byte;

    (void)state;
    put_packet(true, true, 50, "secret");
    fflush(file);
    assert_true(capture_waiting(&it) > 0);
    want(true, 50, "secret");
    want_none();
    assert_int_equal(capture_waiting(&it), 0);
    assert_int_equal(pread(it.fd, &byte, 1, 24), 0);
}

static void
half_a_packet_is_waited_for(void **state)
{
    (void)state;
    put_headers(true, 13);
    put_number(9);
    fputs("\4\62o", file);
    want_none();
    fputs("ne~~~~", file);
    want(true, 50, "one");
    want_none();
}

static void
packets_that_are_none_are_passed_over(void **state)
{
    static const struct {
        size_t len;
        const char *bytes;
    } bad[] = {
        {0, ""},
        {1, "\4"},
        {4, "\0\0\0\0"},
        {5, "\0\0\0\1\0"},             /* no type */
        {6, "\0\0\0\2\1\62"},          /* more padding than there is */
        {7, "\0\0\0\3\377\62x"},       /* far more */
        {2, "\1\62"},                  /* again, without a length */
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put_headers(true, bad[i].len);
        assert_int_equal(fwrite(bad[i].bytes, 1, bad[i].len, file),
                         bad[i].len);
    }
    put_packet(true, true, 50, "good");
    want(true, 50, "good");
    want_none();
}

static void
one_that_is_too_long_is_passed_over(void **state)
{
    char *much = calloc(1, 300000);

    (void)state;
    assert_non_null(much);
    put_headers(true, 300000);
    assert_int_equal(fwrite(much, 1, 300000, file), 300000);
    free(much);
    put_packet(true, true, 50, "good");
    want(true, 50, "good");
    want_none();
}

int
main(void)
{
#define CASE(name)                                                             \
    cmocka_unit_test_setup_teardown(name, open_capture, close_capture)
    const struct CMUnitTest tests[] = {
        CASE(packets_come_in_their_order),
        CASE(one_that_came_under_etm_has_no_length),
        CASE(others_than_authentication_s_are_passed_over),
        CASE(global_requests_and_replies_come_if_they_are_wanted),
        CASE(what_was_read_is_gone),
        CASE(half_a_packet_is_waited_for),
        CASE(packets_that_are_none_are_passed_over),
        CASE(one_that_is_too_long_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
