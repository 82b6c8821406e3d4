/* SOCKS as a dynamic forward takes it, swept over its requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/mux_socks.h"

#define TEST(sentence)                                                         \
    static void sentence(void **unused_ __attribute__((unused)))

#define BYTES(literal) (const unsigned char *)(literal), sizeof(literal) - 1

static const struct {
    const char *name;
    const unsigned char *request;
    size_t len;
    const char *host;
    uint16_t port;
    const unsigned char *told; /* before the outcome */
    size_t told_len;
} good[] = {
    {"4", BYTES("\4\1\0\x50\x7f\0\0\1me\0"), "127.0.0.1", 80, BYTES("")},
    {"4, nobody", BYTES("\4\1\1\0\x0a\0\0\2\0"), "10.0.0.2", 256, BYTES("")},
    {"4a", BYTES("\4\1\0\x16\0\0\0\1me\0example.org\0"), "example.org", 22,
     BYTES("")},
    {"5, IPv4", BYTES("\5\1\0\5\1\0\1\xff\0\0\1\xff\xff"), "255.0.0.1", 65535,
     BYTES("\5\0")},
    {"5, IPv6", BYTES("\5\2\2\0\5\1\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\1"),
     "::1", 1, BYTES("\5\0")},
    {"5, name", BYTES("\5\1\0\5\1\0\3\2ab\0\x50"), "ab", 80, BYTES("\5\0")},
};

#define GOOD (sizeof good / sizeof good[0])

/* Feeds a copy of exactly that size, in pieces; how much was taken. */
static size_t
feed(struct mux_socks *socks, const unsigned char *data, size_t len,
     size_t piece)
{
    size_t used = 0;

    memset(socks, 0, sizeof *socks);
    while (used < len && socks->state == MUX_SOCKS_MORE) {
        size_t more = len - used < piece ? len - used : piece;
        unsigned char *copy = malloc(more);
        size_t took;

        assert_non_null(copy);
        memcpy(copy, data + used, more);
        took = mux_socks_feed(socks, copy, more);
        free(copy);
        assert_true(took <= more);
        assert_true(took == more || socks->state != MUX_SOCKS_MORE);
        used += took;
    }
    assert_true(socks->out_len <= sizeof socks->out);
    return used;
}

TEST(requests_are_read_in_pieces_of_any_size)
{
    struct mux_socks socks;
    size_t i;
    size_t piece;

    for (i = 0; i < GOOD; i++)
        for (piece = 1; piece <= good[i].len; piece++) {
            assert_int_equal(feed(&socks, good[i].request, good[i].len, piece),
                             good[i].len);
            assert_int_equal(socks.state, MUX_SOCKS_TARGET);
            assert_string_equal(socks.host, good[i].host);
            assert_int_equal(socks.port, good[i].port);
            assert_int_equal(socks.out_len, good[i].told_len);
            assert_memory_equal(socks.out, good[i].told, good[i].told_len);
        }
}

TEST(what_follows_a_request_is_left_alone)
{
    unsigned char longer[64];
    struct mux_socks socks;
    size_t i;

    for (i = 0; i < GOOD; i++) {
        memset(longer, 5, sizeof longer);
        memcpy(longer, good[i].request, good[i].len);
        assert_int_equal(feed(&socks, longer, sizeof longer, sizeof longer),
                         good[i].len);
        assert_int_equal(socks.state, MUX_SOCKS_TARGET);
        assert_int_equal(mux_socks_feed(&socks, longer, sizeof longer), 0);
    }
}

TEST(a_request_cut_anywhere_is_waited_for)
{
    struct mux_socks socks;
    size_t i;
    size_t len;

    for (i = 0; i < GOOD; i++)
        for (len = 0; len < good[i].len; len++) {
            assert_int_equal(feed(&socks, good[i].request, len, len), len);
            assert_int_equal(socks.state, MUX_SOCKS_MORE);
        }
}

/* No host that could be mistaken for anything else comes out. */
TEST(a_flipped_bit_anywhere_does_no_harm)
{
    unsigned char copy[64];
    struct mux_socks socks;
    size_t i;
    size_t bit;
    size_t at;

    for (i = 0; i < GOOD; i++)
        for (bit = 0; bit < good[i].len * 8; bit++) {
            memcpy(copy, good[i].request, good[i].len);
            copy[bit / 8] = (unsigned char)(copy[bit / 8] ^ 1u << bit % 8);
            (void)feed(&socks, copy, good[i].len, good[i].len);
            if (socks.state != MUX_SOCKS_TARGET)
                continue;
            assert_true(socks.port != 0 && socks.host[0] != '\0');
            for (at = 0; socks.host[at] != '\0'; at++)
                assert_true(socks.host[at] != ' ' && socks.host[at] != '\n');
        }
}

TEST(bad_requests_are_refused_with_the_right_number)
{
    static const struct {
        const unsigned char *request;
        size_t len;
        const unsigned char *told;
        size_t told_len;
    } bad[] = {
        {BYTES("GET"), BYTES("")},
        {BYTES("\0"), BYTES("")},
        {BYTES("\5\0"), BYTES("\5\xff")},
        {BYTES("\5\2\1\2"), BYTES("\5\xff")},
        {BYTES("\5\1\0\5\2\0\1\1"), BYTES("\5\0\5\7")},
        {BYTES("\5\1\0\5\3\0\1\1"), BYTES("\5\0\5\7")},
        {BYTES("\5\1\0\5\1\0\2\1"), BYTES("\5\0\5\x08")},
        {BYTES("\5\1\0\4\1\0\1\1"), BYTES("\5\0\5\1")},
        {BYTES("\5\1\0\5\1\1\1\1"), BYTES("\5\0\5\1")},
        {BYTES("\5\1\0\5\1\0\3\0\0\1"), BYTES("\5\0\5\x08")},
        {BYTES("\5\1\0\5\1\0\3\1\0\0\1"), BYTES("\5\0\5\x08")},
        {BYTES("\5\1\0\5\1\0\3\3a b\0\1"), BYTES("\5\0\5\x08")},
        {BYTES("\5\1\0\5\1\0\1\1\1\1\1\0\0"), BYTES("\5\0\5\x08")},
        {BYTES("\4\2\0\1\1\1\1\1\0"), BYTES("\0\x5b")},
        {BYTES("\4\1\0\0\1\1\1\1\0"), BYTES("\0\x5b")},
        {BYTES("\4\1\0\1\0\0\0\1\0\0"), BYTES("\0\x5b")},
        {BYTES("\4\1\0\1\0\0\0\1\0a\nb\0"), BYTES("\0\x5b")},
    };
    struct mux_socks socks;
    size_t i;

    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        (void)feed(&socks, bad[i].request, bad[i].len, bad[i].len);
        assert_int_equal(socks.state, MUX_SOCKS_BAD);
        assert_true(socks.out_len >= bad[i].told_len);
        assert_memory_equal(socks.out, bad[i].told, bad[i].told_len);
    }
}

TEST(names_without_an_end_are_refused_in_time)
{
    unsigned char much[2 * MUX_SOCKS_MAX];
    struct mux_socks socks;

    memset(much, 'x', sizeof much);
    memcpy(much, "\4\1\0\1\1\1\1\1", 8);
    assert_true(feed(&socks, much, sizeof much, 100) <= 8 + 256);
    assert_int_equal(socks.state, MUX_SOCKS_BAD);
    memcpy(much, "\4\1\0\1\0\0\0\1\0", 9);
    assert_true(feed(&socks, much, sizeof much, 100) <= 9 + 256);
    assert_int_equal(socks.state, MUX_SOCKS_BAD);
}

TEST(the_outcome_is_told_in_the_client_s_version)
{
    struct mux_socks socks;

    (void)feed(&socks, good[0].request, good[0].len, 1);
    mux_socks_reply(&socks, MUX_SOCKS_DONE);
    assert_int_equal(socks.out_len, 8);
    assert_memory_equal(socks.out, "\0\x5a\0\0\0\0\0\0", 8);
    (void)feed(&socks, good[3].request, good[3].len, 1);
    mux_socks_reply(&socks, MUX_SOCKS_UNREACHABLE);
    assert_int_equal(socks.out_len, 12);
    assert_memory_equal(socks.out, "\5\0\5\4\0\1\0\0\0\0\0\0", 12);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_read_in_pieces_of_any_size),
        cmocka_unit_test(what_follows_a_request_is_left_alone),
        cmocka_unit_test(a_request_cut_anywhere_is_waited_for),
        cmocka_unit_test(a_flipped_bit_anywhere_does_no_harm),
        cmocka_unit_test(bad_requests_are_refused_with_the_right_number),
        cmocka_unit_test(names_without_an_end_are_refused_in_time),
        cmocka_unit_test(the_outcome_is_told_in_the_client_s_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
