/* The host against real plugins: the example, and shell scripts that break
 * the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <authplug/putty_host.h>

#include "io/io.h"

#include <string.h>

#define SOON 2000

static const char *hello;

/* A request with one prompt, "Password: ", as OpenSSH sends it. */
static const unsigned char password[] = "\0\0\0\0\0\0\0\0\0\0\0\0"
                                        "\0\0\0\1\0\0\0\012Password: ";

static const authplug_span request = {password, sizeof password};

/* What a plugin that chooses version 2 and accepts sends. */
#define WELCOME "printf '\\0\\0\\0\\011\\002\\0\\0\\0\\002\\0\\0\\0\\0'; "
#define ACCEPT "printf '\\0\\0\\0\\001\\004'; "
/* reads a message of the client: as many bytes as it has */
#define READ(n) "head -c " #n " >/dev/null; "
#define READ_INIT READ(34)
#define READ_PROTOCOL READ(29)
#define READ_REQUEST READ(36)
#define DIALOGUE                                                               \
    READ_INIT WELCOME READ_PROTOCOL ACCEPT READ_REQUEST

static authplug_putty_host *
start(const char *command, const char *const *argv,
      authplug_status (*ask)(void *, const authplug_ki_request *,
                             authplug_ki_reply *))
{
    authplug_putty_host_options options = {0};
    authplug_putty_host *host = NULL;

    options.command = command;
    options.argv = argv;
    options.timeout_ms = SOON;
    options.ask = ask;
    assert_int_equal(authplug_putty_host_start(&options, &host), AUTHPLUG_OK);
    return host;
}

static authplug_status
init(authplug_putty_host *host)
{
    const char *user = "";

    /* 4 + 1 + 4 + (4 + 9) + 4 + (4 + 4) = 34 bytes */
    return authplug_putty_host_init(host, "127.0.0.1", 22, "user", &user);
}

static authplug_status
ask_it(authplug_putty_host *host, authplug_ki_response *response)
{
    authplug_status status = init(host);
    bool bad;

    if (status == AUTHPLUG_OK)
        status = authplug_putty_host_begin(host, AUTHPLUG_KI_METHOD);
    if (status == AUTHPLUG_OK)
        status = authplug_putty_host_request(host, request, response, &bad);
    return status;
}

/* Holds the dialogue and expects it to fail, in these words. */
static void
fails(const char *command, authplug_status expected, const char *words)
{
    authplug_putty_host *host = start(command, NULL, NULL);
    authplug_ki_response response;
    int64_t began = io_now();

    assert_int_equal(ask_it(host, &response), expected);
    if (strstr(authplug_putty_host_error(host), words) == NULL)
        print_error("said: %s\n", authplug_putty_host_error(host));
    assert_non_null(strstr(authplug_putty_host_error(host), words));
    authplug_putty_host_finish(&host);
    assert_null(host);
    assert_true(io_now() - began < SOON + 3000);
}

static void
the_example_answers_from_start_to_finish(void **state)
{
    const char *argv[] = {hello, "stoat", NULL};
    authplug_putty_host *host = start(NULL, argv, NULL);
    authplug_ki_response response;

    (void)state;
    assert_int_equal(ask_it(host, &response), AUTHPLUG_OK);
    assert_int_equal(response.count, 1);
    assert_true(authplug_span_is(response.answers[0], "stoat"));
    assert_int_equal(response.raw.len, 4 + 4 + 5);
    assert_int_equal(authplug_putty_host_outcome(host, true), AUTHPLUG_OK);
    assert_string_equal(authplug_putty_host_error(host), "");
    authplug_putty_host_finish(&host);
}

static void
several_methods_may_follow_each_other(void **state)
{
    const char *argv[] = {hello, "stoat", NULL};
    authplug_putty_host *host = start(NULL, argv, NULL);
    authplug_ki_response response;
    bool bad;

    (void)state;
    assert_int_equal(init(host), AUTHPLUG_OK);
    assert_int_equal(authplug_putty_host_begin(host, "publickey"),
                     AUTHPLUG_REJECTED);
    assert_int_equal(authplug_putty_host_plugin_text(host).len, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(authplug_putty_host_begin(host, AUTHPLUG_KI_METHOD),
                         AUTHPLUG_OK);
        assert_int_equal(
            authplug_putty_host_request(host, request, &response, &bad),
            AUTHPLUG_OK);
        assert_int_equal(authplug_putty_host_outcome(host, i == 1),
                         AUTHPLUG_OK);
    }
    authplug_putty_host_finish(&host);
}

static void
a_malformed_request_of_the_server_never_reaches_the_plugin(void **state)
{
    const char *argv[] = {hello, "stoat", NULL};
    authplug_putty_host *host = start(NULL, argv, NULL);
    authplug_ki_response response;
    bool bad = false;

    (void)state;
    assert_int_equal(init(host), AUTHPLUG_OK);
    assert_int_equal(authplug_putty_host_begin(host, AUTHPLUG_KI_METHOD),
                     AUTHPLUG_OK);
    assert_int_equal(
        authplug_putty_host_request(host, authplug_span_make(password, 20),
                                    &response, &bad),
        AUTHPLUG_TRUNCATED);
    assert_true(bad);
    assert_int_equal(
        authplug_putty_host_request(host, request, &response, &bad),
        AUTHPLUG_OK);
    authplug_putty_host_finish(&host);
}

static authplug_status
answer_seven(void *context, const authplug_ki_request *question,
             authplug_ki_reply *reply)
{
    (void)context;
    for (uint32_t i = 0; i < question->count; i++)
        authplug_ki_reply_add(reply, authplug_span_of("seven"));
    return AUTHPLUG_OK;
}

/* KI_USER_REQUEST with one prompt "x", then the answer "y" to the server */
#define ASK_THEN_ANSWER                                                        \
    "printf '\\0\\0\\0\\027\\026\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0"          \
    "\\0\\0\\0\\001\\0\\0\\0\\001x\\0'; head -c 18 >/dev/null; "               \
    "printf '\\0\\0\\0\\012\\025\\0\\0\\0\\001\\0\\0\\0\\001y'; cat"           \
    " >/dev/null"

static void
the_user_is_asked_on_the_plugins_behalf(void **state)
{
    authplug_putty_host *host =
        start(DIALOGUE ASK_THEN_ANSWER, NULL, answer_seven);
    authplug_ki_response response;

    (void)state;
    assert_int_equal(ask_it(host, &response), AUTHPLUG_OK);
    assert_true(authplug_span_is(response.answers[0], "y"));
    authplug_putty_host_finish(&host);
}

static void
a_plugin_may_not_ask_where_nobody_can_be_asked(void **state)
{
    (void)state;
    fails(DIALOGUE ASK_THEN_ANSWER, AUTHPLUG_CANCELLED, "cannot be asked");
}

static void
a_refusal_hands_over_the_plugins_words(void **state)
{
    authplug_putty_host *host = start(
        READ_INIT "printf '\\0\\0\\0\\007\\010\\0\\0\\0\\002no'; cat >/dev/null",
        NULL, NULL);

    (void)state;
    assert_int_equal(init(host), AUTHPLUG_REFUSED);
    assert_true(authplug_span_is(authplug_putty_host_plugin_text(host), "no"));
    authplug_putty_host_finish(&host);
}

static void
last_words_of_a_plugin_that_never_read_are_heard(void **state)
{
    authplug_putty_host *host =
        start("exec <&-; printf '\\0\\0\\0\\007\\010\\0\\0\\0\\002no'", NULL,
              NULL);

    (void)state;
    assert_int_equal(init(host), AUTHPLUG_REFUSED);
    authplug_putty_host_finish(&host);
}

static void
each_fault_has_its_words(void **state)
{
    (void)state;
    fails("/nonexistent/plugin 2>/dev/null", AUTHPLUG_CLOSED, "not found");
    fails("/etc/passwd 2>/dev/null", AUTHPLUG_CLOSED,
          "may not be executed");
    fails("exit 3", AUTHPLUG_CLOSED, "exit status 3");
    fails("kill -SEGV $$", AUTHPLUG_CLOSED, "killed by signal 11");
    fails("echo Traceback; sleep 60", AUTHPLUG_TEXT, "printed text");
    fails("printf '\\377\\377\\377\\377'; sleep 60", AUTHPLUG_LENGTH,
          "longer than 262144 bytes");
    fails(READ_INIT "printf '\\0\\0\\0\\001\\004'; cat", AUTHPLUG_TYPE,
          "PLUGIN_PROTOCOL_ACCEPT where it does not belong");
    fails(READ_INIT "printf '\\0\\0\\0\\001\\143'; cat", AUTHPLUG_TYPE,
          "unknown type");
    fails(READ_INIT "printf '\\0\\0\\0\\011\\002\\0\\0\\0\\003\\0\\0\\0\\0'; cat",
          AUTHPLUG_VERSION, "versions 1 and 2");
    fails(READ_INIT "printf '\\0\\0\\0\\011\\002\\0\\0\\0\\002\\0\\0\\0\\0"
                    "\\0\\0\\0\\001\\004'; cat >/dev/null", AUTHPLUG_TURN,
          "before it was asked");
    fails(DIALOGUE "printf '\\0\\0\\0\\005\\025\\0\\0\\0\\0'; cat",
          AUTHPLUG_COUNT, "number of answers");
    fails(DIALOGUE "printf '\\0\\0\\0\\012\\025'; exit 0", AUTHPLUG_TRUNCATED,
          "in the middle of PLUGIN_KI_SERVER_RESPONSE");
    fails(DIALOGUE "exec >&-; sleep 60", AUTHPLUG_CLOSED, "closed its output");
    fails(READ_INIT "exec <&-; " WELCOME "exec sleep 60", AUTHPLUG_CLOSED,
          "closed its standard input");
    fails(DIALOGUE "sleep 60", AUTHPLUG_TIMEOUT,
          "did not send PLUGIN_KI_SERVER_RESPONSE");
}

static void
a_username_with_control_characters_is_refused(void **state)
{
    (void)state;
    fails(READ_INIT "printf '\\0\\0\\0\\014\\002\\0\\0\\0\\002\\0\\0\\0\\003"
                    "a\\nb'; cat >/dev/null",
          AUTHPLUG_VALUE, "control characters");
}

static void
a_total_deadline_bounds_every_call(void **state)
{
    authplug_putty_host *host = start("sleep 60", NULL, NULL);
    int64_t began = io_now();

    (void)state;
    authplug_putty_host_set_deadline(host, 100);
    assert_int_equal(init(host), AUTHPLUG_TIMEOUT);
    assert_true(io_now() - began < 1000);
    authplug_putty_host_finish(&host);
}

static void
a_plugin_that_is_gone_is_no_error_at_the_outcome(void **state)
{
    authplug_putty_host *host =
        start(DIALOGUE "printf '\\0\\0\\0\\012\\025\\0\\0\\0\\001\\0\\0\\0"
                       "\\001y'; exit 0",
              NULL, NULL);
    authplug_ki_response response;

    (void)state;
    assert_int_equal(ask_it(host, &response), AUTHPLUG_OK);
    assert_int_equal(authplug_putty_host_outcome(host, true), AUTHPLUG_OK);
    assert_string_equal(authplug_putty_host_error(host), "");
    authplug_putty_host_finish(&host);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_answers_from_start_to_finish),
        cmocka_unit_test(several_methods_may_follow_each_other),
        cmocka_unit_test(
            a_malformed_request_of_the_server_never_reaches_the_plugin),
        cmocka_unit_test(the_user_is_asked_on_the_plugins_behalf),
        cmocka_unit_test(a_plugin_may_not_ask_where_nobody_can_be_asked),
        cmocka_unit_test(a_refusal_hands_over_the_plugins_words),
        cmocka_unit_test(last_words_of_a_plugin_that_never_read_are_heard),
        cmocka_unit_test(each_fault_has_its_words),
        cmocka_unit_test(a_username_with_control_characters_is_refused),
        cmocka_unit_test(a_total_deadline_bounds_every_call),
        cmocka_unit_test(a_plugin_that_is_gone_is_no_error_at_the_outcome),
    };

    hello = argc > 1 ? argv[1] : "build/examples/hello";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
