/* The codec of OpenSSH's multiplexing protocol, swept over its packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/mux_proto.h"

#define TEST(sentence)                                                         \
    static void sentence(void **unused_ __attribute__((unused)))

/* A packet without its length, from a literal that may hold NULs. */
#define PACKET(literal) authplug_span_make(literal, sizeof(literal) - 1)

static const char hello[] = "\0\0\0\1\0\0\0\4";
static const char hello_more[] = "\0\0\0\1\0\0\0\4\0\0\0\1x\0\0\0\2yz";
static const char alive[] = "\x10\0\0\4\0\0\0\7";
static const char stdio[] =
    "\x10\0\0\x08\0\0\0\x09\0\0\0\0\0\0\0\4host\0\0\0\x16";
static const char terminate[] = "\x10\0\0\5\0\0\0\7";
static const char stop[] = "\x10\0\0\x09\0\0\0\7";
static const char local[] = "\x10\0\0\6\0\0\0\x0a\0\0\0\1"
                            "\0\0\0\0\0\0\x1f\x90\0\0\0\4host\0\0\0\x50";
static const char dynamic[] = "\x10\0\0\6\0\0\0\x0b\0\0\0\3"
                              "\0\0\0\1*\0\0\x04\x38\0\0\0\5socks\0\0\0\0";
static const char cancel[] = "\x10\0\0\7\0\0\0\x0c\0\0\0\2"
                             "\0\0\0\0\0\0\0\0\0\0\0\5/sock\xff\xff\xff\xfe";
static const char session[] = "\x10\0\0\2\0\0\0\1" /* NEW_SESSION, its id */
                              "\0\0\0\0"           /* reserved */
                              "\0\0\0\1\0\0\0\0"   /* terminal, X11 */
                              "\0\0\0\1\0\0\0\0"   /* agent, subsystem */
                              "\0\0\0\x7e"         /* escape character */
                              "\0\0\0\5xterm"
                              "\0\0\0\4true"
                              "\0\0\0\6LANG=C"
                              "\0\0\0\4junk"
                              "\0\0\0\2=x"
                              "\0\0\0\2E=";

static const struct {
    const char *at;
    size_t len;
} vectors[] = {
    {hello, sizeof hello - 1},     {hello_more, sizeof hello_more - 1},
    {alive, sizeof alive - 1},     {stdio, sizeof stdio - 1},
    {session, sizeof session - 1}, {terminate, sizeof terminate - 1},
    {stop, sizeof stop - 1},       {local, sizeof local - 1},
    {dynamic, sizeof dynamic - 1}, {cancel, sizeof cancel - 1},
};

#define VECTORS (sizeof vectors / sizeof vectors[0])

/* A copy of exactly that size, so that tools see a byte read beyond it. */
static bool
is_inside(authplug_span span, const unsigned char *at, size_t len)
{
    return span.len == 0 ||
           (span.data >= at && span.len <= len &&
            span.data + span.len <= at + len && !authplug_span_has(span, 0));
}

/* Whatever came is refused, or is within what others rely on. */
static void
check_fwd(const struct mux_request *request)
{
    const struct mux_fwd *it = &request->fwd;

    if (request->refusal != NULL ||
        (request->type != MUX_OPEN_FWD && request->type != MUX_CLOSE_FWD))
        return;
    assert_in_range(it->type, MUX_FORWARD_LOCAL, MUX_FORWARD_DYNAMIC);
    assert_true(it->listen_port <= 65535 || it->listen_port == MUX_PORT_PATH);
    assert_true(it->connect_port <= 65535 || it->connect_port == MUX_PORT_PATH);
    assert_true(it->listen.len <= MUX_NAME_MAX);
    assert_true(it->connect.len <= MUX_NAME_MAX);
    assert_true(it->listen_port != 0 || it->type == MUX_FORWARD_REMOTE);
    assert_true(it->listen_port != MUX_PORT_PATH || it->listen.len > 0);
    if (it->type == MUX_FORWARD_LOCAL)
        assert_true(it->connect_port != 0 && it->connect.len > 0);
}

static authplug_status
read_copy(const char *at, size_t len, struct mux_request *request)
{
    unsigned char *copy = malloc(len > 0 ? len : 1);
    authplug_status status;

    assert_non_null(copy);
    memcpy(copy, at, len);
    status = mux_request_read(authplug_span_make(copy, len), request);
    if (status == AUTHPLUG_OK) { /* the spans lie inside */
        const struct mux_new_session *it = &request->session;

        assert_true(request->fds <= MUX_FDS_MAX);
        assert_true(it->env_count <= MUX_ENV_MAX);
        assert_true(is_inside(it->command, copy, len));
        assert_true(is_inside(request->fwd.listen, copy, len));
        assert_true(is_inside(request->fwd.connect, copy, len));
        assert_true(is_inside(request->stdio.host, copy, len));
        check_fwd(request);
    }
    free(copy);
    return status;
}

TEST(a_hello_has_a_version_and_may_have_extensions)
{
    struct mux_request request;

    assert_int_equal(mux_request_read(PACKET(hello), &request), AUTHPLUG_OK);
    assert_int_equal(request.type, MUX_HELLO);
    assert_int_equal(request.version, 4);
    assert_int_equal(mux_request_read(PACKET(hello_more), &request),
                     AUTHPLUG_OK);
    assert_int_equal(mux_request_read(PACKET("\0\0\0\1\0\0\0\5"), &request),
                     AUTHPLUG_VERSION);
}

TEST(a_session_is_read_with_all_it_wants)
{
    struct mux_request request;
    const struct mux_new_session *it = &request.session;

    assert_int_equal(mux_request_read(PACKET(session), &request), AUTHPLUG_OK);
    assert_int_equal(request.type, MUX_NEW_SESSION);
    assert_int_equal(request.id, 1);
    assert_int_equal(request.fds, 3);
    assert_null(request.refusal);
    assert_true(it->want_tty && it->want_agent);
    assert_false(it->want_x11 || it->want_subsystem);
    assert_int_equal(it->escape_char, '~');
    assert_true(authplug_span_is(it->term, "xterm"));
    assert_true(authplug_span_is(it->command, "true"));
    assert_int_equal(it->env_count, 2); /* what is no variable is passed over */
    assert_true(authplug_span_is(it->env[0], "LANG=C"));
    assert_true(authplug_span_is(it->env[1], "E="));
}

TEST(an_alive_check_has_nothing_but_an_id_nor_have_stop_and_exit)
{
    const struct {
        authplug_span packet;
        authplug_span longer;
    } all[] = {
        {PACKET(alive), PACKET("\x10\0\0\4\0\0\0\7x")},
        {PACKET(terminate), PACKET("\x10\0\0\5\0\0\0\7x")},
        {PACKET(stop), PACKET("\x10\0\0\x09\0\0\0\7x")},
    };
    struct mux_request request;
    size_t i;

    for (i = 0; i < sizeof all / sizeof all[0]; i++) {
        assert_int_equal(mux_request_read(all[i].packet, &request),
                         AUTHPLUG_OK);
        assert_int_equal(request.id, 7);
        assert_int_equal(request.fds, 0);
        assert_null(request.refusal);
        assert_int_equal(mux_request_read(all[i].longer, &request),
                         AUTHPLUG_TRAILING);
    }
}

TEST(forwards_are_read_with_both_ends)
{
    struct mux_request request;
    const struct mux_fwd *it = &request.fwd;

    assert_int_equal(mux_request_read(PACKET(local), &request), AUTHPLUG_OK);
    assert_int_equal(request.type, MUX_OPEN_FWD);
    assert_int_equal(request.id, 10);
    assert_null(request.refusal);
    assert_int_equal(it->type, MUX_FORWARD_LOCAL);
    assert_int_equal(it->listen.len, 0);
    assert_int_equal(it->listen_port, 8080);
    assert_true(authplug_span_is(it->connect, "host"));
    assert_int_equal(it->connect_port, 80);

    assert_int_equal(mux_request_read(PACKET(dynamic), &request), AUTHPLUG_OK);
    assert_null(request.refusal);
    assert_int_equal(it->type, MUX_FORWARD_DYNAMIC);
    assert_true(authplug_span_is(it->listen, "*"));
    assert_int_equal(it->listen_port, 1080);

    assert_int_equal(mux_request_read(PACKET(cancel), &request), AUTHPLUG_OK);
    assert_int_equal(request.type, MUX_CLOSE_FWD);
    assert_null(request.refusal);
    assert_int_equal(it->type, MUX_FORWARD_REMOTE);
    assert_int_equal(it->listen_port, 0);
    assert_true(authplug_span_is(it->connect, "/sock"));
    assert_int_equal(it->connect_port, MUX_PORT_PATH);

    assert_int_equal(mux_request_read(PACKET(stdio), &request), AUTHPLUG_OK);
    assert_int_equal(request.fds, 2);
    assert_null(request.refusal);
    assert_true(authplug_span_is(request.stdio.host, "host"));
    assert_int_equal(request.stdio.port, 22);
}

/* Puts the forward into a packet and reads it. */
static const char *
refusal_of(uint32_t type, const char *listen, uint32_t listen_port,
           const char *connect, uint32_t connect_port)
{
    authplug_secret *packet = authplug_secret_new(MUX_PACKET_MAX);
    authplug_writer writer;
    struct mux_request request;

    assert_non_null(packet);
    writer = authplug_writer_to(packet);
    authplug_put_uint32(&writer, MUX_OPEN_FWD);
    authplug_put_uint32(&writer, 1);
    authplug_put_uint32(&writer, type);
    authplug_put_string(&writer, authplug_span_of(listen));
    authplug_put_uint32(&writer, listen_port);
    authplug_put_string(&writer, authplug_span_of(connect));
    authplug_put_uint32(&writer, connect_port);
    assert_int_equal(writer.status, AUTHPLUG_OK);
    assert_int_equal(mux_request_read(authplug_secret_span(packet), &request),
                     AUTHPLUG_OK);
    assert_int_equal(request.id, 1);
    authplug_secret_free(&packet);
    return request.refusal; /* static */
}

TEST(forwards_that_make_no_sense_are_refused)
{
    enum { LOCAL = 1, REMOTE, DYNAMIC };
    char name[MUX_NAME_MAX + 2] = {0};

    memset(name, 'x', MUX_NAME_MAX);
    assert_null(refusal_of(LOCAL, "", 1, name, 65535));
    assert_null(refusal_of(LOCAL, "/p", MUX_PORT_PATH, "/q", MUX_PORT_PATH));
    assert_null(refusal_of(REMOTE, "", 0, "", 0)); /* its clients say where */
    assert_null(refusal_of(DYNAMIC, "*", 1080, "socks", 0));
    assert_non_null(refusal_of(0, "", 1, "h", 1));
    assert_non_null(refusal_of(4, "", 1, "h", 1));
    assert_non_null(refusal_of(LOCAL, "", 0, "h", 1));
    assert_non_null(refusal_of(LOCAL, "", 1, "h", 0));
    assert_non_null(refusal_of(LOCAL, "", 1, "", 1));
    assert_non_null(refusal_of(LOCAL, "", 65536, "h", 1));
    assert_non_null(refusal_of(LOCAL, "", 1, "h", 65536));
    assert_non_null(refusal_of(LOCAL, "", 1, "h", 0xffffffff));
    assert_non_null(refusal_of(LOCAL, "", MUX_PORT_PATH, "h", 1));
    assert_non_null(refusal_of(LOCAL, "", 1, "", MUX_PORT_PATH));
    assert_non_null(refusal_of(REMOTE, "", 1, "", 1));
    assert_non_null(refusal_of(DYNAMIC, "", 0, "", 0));
    assert_non_null(refusal_of(DYNAMIC, "", 1, "h", 1));
    assert_non_null(refusal_of(DYNAMIC, "/p", MUX_PORT_PATH, "", 0));
    name[MUX_NAME_MAX] = 'x';
    assert_non_null(refusal_of(LOCAL, "", 1, name, 1));
    assert_non_null(refusal_of(LOCAL, name, 1, "h", 1));
}

TEST(what_is_not_served_has_an_id_and_a_reason)
{
    static const uint32_t types[] = {MUX_PROXY, 0x10000003, 0xffffffff};
    unsigned char packet[12] = {0, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4};
    struct mux_request request;
    size_t i;

    for (i = 0; i < sizeof types / sizeof types[0]; i++) {
        packet[0] = (unsigned char)(types[i] >> 24);
        packet[1] = (unsigned char)(types[i] >> 16);
        packet[2] = (unsigned char)(types[i] >> 8);
        packet[3] = (unsigned char)types[i];
        assert_int_equal(
            mux_request_read(authplug_span_make(packet, sizeof packet),
                             &request),
            AUTHPLUG_OK);
        assert_int_equal(request.type, types[i]);
        assert_int_equal(request.id, 5);
        assert_int_equal(request.fds, 0);
        assert_non_null(request.refusal);
        assert_non_null(mux_request_name(types[i]));
    }
}

TEST(a_nul_in_a_command_is_refused)
{
    char copy[sizeof session];
    struct mux_request request;
    char *command;

    memcpy(copy, session, sizeof session);
    command = memchr(copy, 't', sizeof copy - 1); /* xterm */
    command = memchr(command + 1, 't',
                     sizeof copy - 1 - (size_t)(command + 1 - copy));
    *command = '\0';
    assert_int_equal(
        mux_request_read(authplug_span_make(copy, sizeof copy - 1), &request),
        AUTHPLUG_VALUE);
}

TEST(variables_over_the_limit_refuse_the_session_and_nothing_else)
{
    authplug_secret *packet = authplug_secret_new(MUX_PACKET_MAX);
    authplug_writer writer;
    struct mux_request request;
    size_t i;

    assert_non_null(packet);
    writer = authplug_writer_to(packet);
    authplug_put_bytes(&writer, authplug_span_make(session, 28));
    authplug_put_bytes(&writer,
                       authplug_span_make("\0\0\0\0\0\0\0\0\0\0\0", 12));
    for (i = 0; i < MUX_ENV_MAX; i++)
        authplug_put_string(&writer, authplug_span_of("A=b"));
    assert_int_equal(writer.status, AUTHPLUG_OK);
    assert_int_equal(mux_request_read(authplug_secret_span(packet), &request),
                     AUTHPLUG_OK);
    assert_null(request.refusal);
    assert_int_equal(request.session.env_count, MUX_ENV_MAX);

    authplug_put_string(&writer, authplug_span_of("A=b"));
    assert_int_equal(mux_request_read(authplug_secret_span(packet), &request),
                     AUTHPLUG_OK);
    assert_non_null(request.refusal);
    assert_int_equal(request.fds, 3);
    authplug_secret_free(&packet);
}

TEST(a_packet_cut_anywhere_is_refused_or_is_a_shorter_one)
{
    struct mux_request request;
    size_t i;
    size_t len;

    for (i = 0; i < VECTORS; i++)
        for (len = 0; len < vectors[i].len; len++) {
            authplug_status status = read_copy(vectors[i].at, len, &request);

            if (len < 8) /* a type and a number are in all of them */
                assert_int_equal(status, AUTHPLUG_TRUNCATED);
            if (vectors[i].at == session && len < sizeof session - 1 - 30)
                assert_int_equal(status, AUTHPLUG_TRUNCATED);
        }
}

TEST(a_flipped_bit_anywhere_does_no_harm)
{
    struct mux_request request;
    char copy[256];
    size_t i;
    size_t bit;

    for (i = 0; i < VECTORS; i++)
        for (bit = 0; bit < vectors[i].len * 8; bit++) {
            memcpy(copy, vectors[i].at, vectors[i].len);
            copy[bit / 8] = (char)(copy[bit / 8] ^ (1 << bit % 8));
            (void)read_copy(copy, vectors[i].len, &request);
        }
}

TEST(replies_are_the_bytes_of_the_protocol)
{
    static const char expected[] = "\0\0\0\x08\0\0\0\1\0\0\0\4"
                                   "\0\0\0\x0c\x80\0\0\5\0\0\0\7\0\1\0\2"
                                   "\0\0\0\x0c\x80\0\0\6\0\0\0\1\0\0\0\3"
                                   "\0\0\0\x08\x80\0\0\x08\0\0\0\3"
                                   "\0\0\0\x0c\x80\0\0\4\0\0\0\3\0\0\0\xff"
                                   "\0\0\0\x0e\x80\0\0\3\0\0\0\x09\0\0\0\2no"
                                   "\0\0\0\x08\x80\0\0\1\0\0\0\x0a"
                                   "\0\0\0\x0c\x80\0\0\7\0\0\0\x0b\0\0\xff\xff";
    authplug_secret *out = authplug_secret_new(1024);
    authplug_span got;

    assert_non_null(out);
    assert_int_equal(mux_put_hello(out), AUTHPLUG_OK);
    assert_int_equal(mux_put_alive(out, 7, 0x10002), AUTHPLUG_OK);
    assert_int_equal(mux_put_opened(out, 1, 3), AUTHPLUG_OK);
    assert_int_equal(mux_put_tty_failed(out, 3), AUTHPLUG_OK);
    assert_int_equal(mux_put_exit(out, 3, 255), AUTHPLUG_OK);
    assert_int_equal(mux_put_refusal(out, MUX_S_FAILURE, 9, "no"), AUTHPLUG_OK);
    assert_int_equal(mux_put_ok(out, 10), AUTHPLUG_OK);
    assert_int_equal(mux_put_remote_port(out, 11, 65535), AUTHPLUG_OK);
    got = authplug_secret_span(out);
    assert_int_equal(got.len, sizeof expected - 1);
    assert_memory_equal(got.data, expected, got.len);
    authplug_secret_free(&out);
}

TEST(a_reply_that_does_not_fit_is_said_to)
{
    authplug_secret *out = authplug_secret_new(8);

    assert_non_null(out);
    assert_int_equal(mux_put_hello(out), AUTHPLUG_LIMIT);
    authplug_secret_free(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_has_a_version_and_may_have_extensions),
        cmocka_unit_test(a_session_is_read_with_all_it_wants),
        cmocka_unit_test(
            an_alive_check_has_nothing_but_an_id_nor_have_stop_and_exit),
        cmocka_unit_test(forwards_are_read_with_both_ends),
        cmocka_unit_test(forwards_that_make_no_sense_are_refused),
        cmocka_unit_test(what_is_not_served_has_an_id_and_a_reason),
        cmocka_unit_test(a_nul_in_a_command_is_refused),
        cmocka_unit_test(
            variables_over_the_limit_refuse_the_session_and_nothing_else),
        cmocka_unit_test(a_packet_cut_anywhere_is_refused_or_is_a_shorter_one),
        cmocka_unit_test(a_flipped_bit_anywhere_does_no_harm),
        cmocka_unit_test(replies_are_the_bytes_of_the_protocol),
        cmocka_unit_test(a_reply_that_does_not_fit_is_said_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
