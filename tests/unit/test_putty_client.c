/*
 * The client's end of PuTTY's plugin protocol: authplug/putty.h. C is the
 * engine under test, P is what a plugin sends; see support.h.
 */
#include "support.h"
#include "vectors.h"

#define NEEDLE "Zq7#xW!9"

/* Small, so that every bound is a few bytes away. */
static const authplug_limits small = {60, 2, 20, 3, 65};

static authplug_span of(const char *text)
{
    return authplug_span_of(text);
}

/* --------------------------------------------------------- conversations */

TEST(every_vector_is_spoken_word_for_word)
{
    for (size_t i = 0; i < vector_count; i++) {
        if (vectors[i].tolerated)
            continue;
        print_message("# %s\n", vectors[i].name);
        play(CLIENT, vectors[i].script);
    }
}

TEST(free_takes_NULL_and_a_pointer_to_NULL)
{
    authplug_putty_client *client = NULL;

    authplug_putty_client_free(NULL);
    authplug_putty_client_free(&client);
    client = authplug_putty_client_new(NULL);
    assert_non_null(client);
    authplug_putty_client_free(&client);
    assert_null(client);
}

TEST(while_there_is_no_fault_its_words_are_empty)
{
    end it;

    assert_true(end_open(&it, CLIENT, NULL));
    assert_status(end_fault(&it).status, OK);
    assert_non_null(end_fault(&it).message);
    assert_non_null(end_fault(&it).text);
    assert_string_equal(end_fault(&it).message, "");
    assert_string_equal(end_fault(&it).text, "");
    assert_int_equal(end_fault(&it).offset, 0);
    end_close(&it);
}

TEST(wants_tells_whose_turn_it_is)
{
    play(CLIENT, "wants reply\n" C_INIT "wants input\n" P_INIT
                 "wants reply\n" C_PROTOCOL "wants input\n" P_ACCEPT
                 "wants reply\n" C_ASK "wants input\n" P_USER_ASK
                 "wants reply\n" C_USER_ANSWER "wants input\n" P_ANSWER
                 "wants reply\n" C_SUCCESS "wants reply\n");
    play(CLIENT, UNTIL_READY C_PROTOCOL P_REJECT "wants reply\n");
    play(CLIENT, C_INIT P_INIT_FAILURE "wants nothing\n");
}

TEST(output_is_wanted_until_the_last_byte_is_sent)
{
    end it;
    size_t len;

    assert_true(end_open(&it, CLIENT, NULL));
    assert_status(
        authplug_putty_client_init(it.client, of("a"), 22, of("bob")), OK);
    len = end_output(&it).len;
    assert_bytes(end_output(&it), "{01 00000002 {'a'} 00000016 {'bob'}}");
    assert_true(end_wants(&it) & AUTHPLUG_WANTS_OUTPUT);
    assert_false(end_wants(&it) & AUTHPLUG_WANTS_REPLY);
    end_consume(&it, 0);
    assert_int_equal(end_output(&it).len, len);
    end_consume(&it, 5);
    assert_bytes(end_output(&it), "00000002 {'a'} 00000016 {'bob'}");
    assert_true(end_wants(&it) & AUTHPLUG_WANTS_OUTPUT);
    end_consume(&it, len - 5 - 1);
    assert_bytes(end_output(&it), "'b'");
    end_consume(&it, 1);
    assert_int_equal(end_output(&it).len, 0);
    play_on(&it, "wants input\n" P_INIT);
    end_close(&it);
}

TEST(messages_queue_up_behind_output_that_is_not_sent_yet)
{
    end it;

    assert_true(end_open(&it, CLIENT, NULL));
    play_on(&it, UNTIL_ANSWERED);
    assert_status(authplug_putty_client_auth(it.client, true), OK);
    end_consume(&it, 2);
    assert_status(authplug_putty_client_protocol(it.client, of("m")), OK);
    assert_bytes(end_output(&it), "0001 06 {03 {'m'}}");
    end_consume(&it, 3);
    assert_bytes(end_output(&it), "{03 {'m'}}");
    end_close(&it);
}

TEST(what_the_plugin_owes_is_named)
{
    play(CLIENT, "owes nothing\n" C_INIT "owes PLUGIN_INIT_RESPONSE\n" P_INIT
                 "owes nothing\n" C_PROTOCOL
                 "owes PLUGIN_PROTOCOL_ACCEPT\n" P_ACCEPT
                 "owes nothing\n" C_ASK
                 "owes PLUGIN_KI_SERVER_RESPONSE\n" P_USER_ASK
                 "owes nothing\n" C_USER_ANSWER
                 "owes PLUGIN_KI_SERVER_RESPONSE\n" P_ANSWER
                 "owes nothing\n" C_SUCCESS "owes nothing\n");
    play(CLIENT, C_INIT P_INIT_FAILURE "owes nothing\n");
}

TEST(nothing_comes_before_anything_was_said)
{
    play(CLIENT, "P = NEED_MORE\n");
    play(CLIENT, UNTIL_READY "P = NEED_MORE\n" C_PROTOCOL "P = NEED_MORE\n");
}

TEST(a_message_may_come_in_pieces)
{
    play(CLIENT, C_INIT "P 00 = NEED_MORE\nP 0000 = NEED_MORE\n"
                        "P 0e 02 0000 = NEED_MORE\n"
                        "P 0002 00000005 'alic' = NEED_MORE\n"
                        "P 'e'\n" C_PROTOCOL);
}

/* -------------------------------------------------------------- versions */

TEST(the_draft_before_may_be_chosen)
{
    play(CLIENT, C_INIT "P {02 00000001 {}}\n" C_PROTOCOL P_ACCEPT C_ASK
                     P_ANSWER C_SUCCESS);
}

TEST(in_the_draft_a_rejection_is_bare)
{
    play(CLIENT, C_INIT "P {02 00000001 {}}\n" C_PROTOCOL "P {05}\n" C_PROTOCOL
                        "P {05}\n");
}

TEST(since_version_2_a_rejection_has_a_text)
{
    play(CLIENT, UNTIL_READY C_PROTOCOL
         "P {05} = TRUNCATED PLUGIN_PROTOCOL_REJECT 1\n");
}

TEST(a_version_that_was_not_offered_is_VERSION)
{
    play(CLIENT, C_INIT
         "P {02 00000000 {}} = VERSION PLUGIN_INIT_RESPONSE 1\n");
    play(CLIENT, C_INIT
         "P {02 00000003 {}} = VERSION PLUGIN_INIT_RESPONSE 1\n");
    play(CLIENT, C_INIT
         "P {02 ffffffff {}} = VERSION PLUGIN_INIT_RESPONSE 1\n");
}

/* ------------------------------------------------------- calls and turns */

enum call { INIT, PROTOCOL, ASK, USER_ANSWER, AUTH, CALL_COUNT };

static authplug_status make_call(end *it, enum call call)
{
    bytes ask = bytes_of("{} {} {} 00000001 {'Password: '} 00");

    authplug_ki_reply_clear(it->reply);
    assert_status(authplug_ki_reply_add(it->reply, of("stoat")), OK);
    switch (call) {
    case INIT:
        return authplug_putty_client_init(it->client, of("a"), 22, of(""));
    case PROTOCOL:
        return authplug_putty_client_protocol(it->client, of("m"));
    case ASK:
        return authplug_putty_client_server_request(
            it->client, span_of_bytes(&ask), NULL);
    case USER_ANSWER:
        return authplug_putty_client_user_response(it->client, it->reply);
    case AUTH:
    case CALL_COUNT:
        break;
    }
    return authplug_putty_client_auth(it->client, true);
}

/* After the script, these calls are in turn, and no other. */
static void in_turn(const char *script, const char *allowed)
{
    static const char letters[] = "IPQUA";

    for (enum call call = INIT; call < CALL_COUNT; call++) {
        bool may = strchr(allowed, letters[call]) != NULL;
        unsigned wants;
        end it;

        assert_true(end_open(&it, CLIENT, NULL));
        play_on(&it, script);
        wants = end_wants(&it);
        if (make_call(&it, call) != (may ? AUTHPLUG_OK : AUTHPLUG_STATE))
            fail_msg("call %c after\n%s", letters[call], script);
        assert_int_equal(end_output(&it).len > 0, may);
        if (!may) {
            assert_int_equal(end_wants(&it), wants);
            assert_status(end_fault(&it).status, OK);
        }
        end_close(&it);
    }
}

TEST(a_call_out_of_turn_is_STATE_and_queues_nothing)
{
    in_turn("", "I");
    in_turn(C_INIT, "");
    in_turn(UNTIL_READY, "P");
    in_turn(C_INIT P_INIT_FAILURE, "");
    in_turn(UNTIL_READY C_PROTOCOL, "");
    in_turn(UNTIL_READY C_PROTOCOL P_REJECT, "P");
    in_turn(UNTIL_ACCEPTED, "QA");
    in_turn(UNTIL_ASKED, "");
    in_turn(UNTIL_USER_ASKED, "U");
    in_turn(UNTIL_USER_ANSWERED, "");
    in_turn(UNTIL_ANSWERED, "QA");
    in_turn(UNTIL_ANSWERED C_SUCCESS, "P");
    in_turn(UNTIL_ANSWERED C_FAILURE, "P");
}

TEST(a_call_out_of_turn_changes_nothing)
{
    end it;

    assert_true(end_open(&it, CLIENT, NULL));
    play_on(&it, C_INIT);
    assert_status(make_call(&it, PROTOCOL), STATE);
    play_on(&it, P_INIT C_PROTOCOL);
    assert_status(make_call(&it, ASK), STATE);
    assert_status(make_call(&it, INIT), STATE);
    play_on(&it, P_ACCEPT C_ASK P_USER_ASK);
    assert_status(make_call(&it, AUTH), STATE);
    play_on(&it, C_USER_ANSWER P_ANSWER C_SUCCESS "C eof\n");
    end_close(&it);
}

TEST(a_message_must_be_taken_before_it_is_answered)
{
    bytes hello = bytes_of("{02 00000002 {}}");
    authplug_putty_message message;
    end it;

    assert_true(end_open(&it, CLIENT, NULL));
    play_on(&it, C_INIT);
    assert_status(end_feed(&it, hello.data, hello.len), OK);
    assert_status(make_call(&it, PROTOCOL), STATE);
    assert_status(end_next(&it, &message), OK);
    assert_status(make_call(&it, PROTOCOL), OK);
    end_close(&it);
}

TEST(after_a_fault_every_call_reports_it)
{
    end it;

    assert_true(end_open(&it, CLIENT, NULL));
    play_on(&it, C_INIT "P {ff} = TYPE - 0\n");
    for (enum call call = INIT; call < CALL_COUNT; call++)
        assert_status(make_call(&it, call), TYPE);
    assert_int_equal(end_output(&it).len, 0);
    end_eof(&it);
    play_on(&it, "P eof = TYPE - 0\n");
    end_close(&it);
}

/* ------------------------------------------------- messages out of place */

static const struct {
    const char *said;
    int type;
} samples[] = {
    {"{00}", 0},
    {"{01 00000002 {'a'} 00000016 {}}", 1},
    {"{02 00000002 {}}", 2},
    {"{03 {'keyboard-interactive'}}", 3},
    {"{04}", 4},
    {"{05 {}}", 5},
    {"{06}", 6},
    {"{07}", 7},
    {"{08 {'no'}}", 8},
    {"{09}", 9},
    {"{13}", 19},
    {"{14 {} {} {} 00000000}", 20},
    {"{15 00000001 {'a'}}", 21},
    {"{16 {} {} {} 00000000}", 22},
    {"{17 00000001 {'a'}}", 23},
    {"{18}", 24},
    {"{ff}", 255},
};

static void one_type(const char *script, size_t i, bool may)
{
    authplug_putty_message message;
    bytes said = bytes_of(samples[i].said);
    authplug_status status;
    end it;

    assert_true(end_open(&it, CLIENT, NULL));
    play_on(&it, script);
    status = end_feed(&it, said.data, said.len);
    if (status == AUTHPLUG_OK)
        status = end_next(&it, &message);
    if (status != (may ? AUTHPLUG_OK : AUTHPLUG_TYPE))
        fail_msg("%s for type %d after\n%s", authplug_status_name(status),
                 samples[i].type, script);
    if (may) {
        assert_int_equal(message.type, samples[i].type);
    } else {
        assert_string_equal(
            end_fault(&it).message,
            samples[i].type
                ? authplug_putty_name((authplug_putty_type)samples[i].type)
                : "");
        assert_int_equal(end_fault(&it).offset, 0);
    }
    end_close(&it);
}

/* After the script, messages of these types belong, and of no other. */
static void belongs(const char *script, int one, int other)
{
    for (size_t i = 0; i < COUNT_OF(samples); i++)
        one_type(script, i, samples[i].type == one || samples[i].type == other);
}

TEST(a_message_that_is_unknown_or_out_of_place_is_TYPE)
{
    belongs(C_INIT, 2, 8);
    belongs(UNTIL_READY C_PROTOCOL, 4, 5);
    belongs(UNTIL_ASKED, 21, 22);
    belongs(UNTIL_USER_ANSWERED, 21, 22);
    belongs(UNTIL_ANSWERED C_SUCCESS C_PROTOCOL, 4, 5);
}

TEST(a_message_that_belongs_elsewhere_is_TYPE_whatever_its_body)
{
    play(CLIENT, C_INIT "P {04 ffff} = TYPE PLUGIN_PROTOCOL_ACCEPT 0\n");
    play(CLIENT, C_INIT "P {03} = TYPE PLUGIN_PROTOCOL 0\n");
}

/* ----------------------------------------------------------------- turns */

TEST(bytes_out_of_turn_are_TURN)
{
    play(CLIENT, "P {02 00000002 {}} = TURN\n");
    play(CLIENT, "P 00 = TURN\n");
    play(CLIENT, UNTIL_READY "P {04} = TURN\n");
    play(CLIENT, UNTIL_READY "P 00 = TURN\n");
    play(CLIENT, UNTIL_ACCEPTED "P {04} = TURN\n");
    play(CLIENT, UNTIL_USER_ASKED "P {15 00000001 {'a'}} = TURN\n");
    play(CLIENT, UNTIL_ANSWERED C_SUCCESS "P {04} = TURN\n");
    play(CLIENT, C_INIT P_INIT_FAILURE "P {02 00000002 {}} = TURN\n");
}

TEST(a_second_message_behind_the_first_is_TURN)
{
    play(CLIENT, C_INIT "P {02 00000002 {}} {04} = TURN\n");
    play(CLIENT, C_INIT "P {02 00000002 {}} 00 = TURN\n");
    play(CLIENT, UNTIL_ASKED
         "P {15 00000001 {'a'}} {15 00000001 {'a'}} = TURN\n");
}

TEST(the_message_before_bytes_out_of_turn_still_comes)
{
    bytes said = bytes_of("{02 00000002 {}} {04}");
    authplug_putty_message message;
    end it;

    assert_true(end_open(&it, CLIENT, NULL));
    play_on(&it, C_INIT);
    assert_status(end_feed(&it, said.data, said.len), OK);
    assert_status(end_next(&it, &message), OK);
    assert_int_equal(message.type, AUTHPLUG_PUTTY_INIT_RESPONSE);
    assert_status(end_next(&it, &message), TURN);
    end_close(&it);
}

TEST(text_out_of_turn_is_a_fault_too)
{
    bytes said = bytes_of("'Please touch your token'");
    authplug_putty_message message;
    authplug_status status;
    end it;

    assert_true(end_open(&it, CLIENT, NULL));
    play_on(&it, UNTIL_READY);
    status = end_feed(&it, said.data, said.len);
    if (status == AUTHPLUG_OK)
        status = end_next(&it, &message);
    assert_true(status == AUTHPLUG_TEXT || status == AUTHPLUG_TURN);
    end_close(&it);
}

/* ---------------------------------------------------------------- frames */

TEST(a_length_of_zero_is_LENGTH)
{
    play(CLIENT, C_INIT "P 00000000 = LENGTH - 0\n");
    play(CLIENT, UNTIL_ASKED "P 00000000 = LENGTH - 0\n");
}

TEST(a_length_over_the_limit_is_LENGTH_before_its_bytes_come)
{
    play(CLIENT, C_INIT "P 00040001 = LENGTH - 0\n");
    play(CLIENT, C_INIT "P 01000000 = LENGTH - 0\n");
    play(CLIENT, C_INIT "P ffffffff = LENGTH - 0\n");
    play(CLIENT, C_INIT "P 80000000 = LENGTH - 0\n");
    play_with(CLIENT, &small, C_INIT "P 0000003d = LENGTH - 0\n");
}

TEST(a_length_of_just_the_limit_is_waited_for)
{
    play(CLIENT, C_INIT "P 00040000 = NEED_MORE\nP 02 = NEED_MORE\n");
    play_with(CLIENT, &small, C_INIT "P 0000003c 02 = NEED_MORE\n");
}

TEST(text_where_a_message_belongs_is_TEXT)
{
    play(CLIENT, C_INIT "P 'Traceback (most recent call last):' 0a = TEXT\n");
    play(CLIENT, C_INIT "P 'Hello' = TEXT\n");
    play(CLIENT, C_INIT "P 'Hell' = TEXT\n");
    play(CLIENT, C_INIT "P 'OK' 0d0a = TEXT\n");
    play(CLIENT, C_INIT "P '    indented' = TEXT\n");
    play(CLIENT, C_INIT "P 09 'tab' = TEXT\n");
    play(CLIENT, C_INIT "P 0a 'line' = TEXT\n");
    play(CLIENT, UNTIL_ASKED "P 'PIN: ' = TEXT\n");
    play(CLIENT, UNTIL_READY C_PROTOCOL "P 'no such file' = TEXT\n");
}

TEST(text_that_comes_byte_by_byte_is_TEXT_in_the_end)
{
    static const char said[] = "Hello, world";
    authplug_putty_message message;
    authplug_status status = AUTHPLUG_OK;
    end it;

    assert_true(end_open(&it, CLIENT, NULL));
    play_on(&it, C_INIT);
    for (size_t i = 0; said[i]; i++) {
        status = end_feed(&it, said + i, 1);
        if (status == AUTHPLUG_OK)
            status = end_next(&it, &message);
        if (status != AUTHPLUG_NEED_MORE)
            break;
    }
    assert_status(status, TEXT);
    end_close(&it);
}

TEST(a_fault_never_holds_what_the_plugin_wrote)
{
    static const char *const said[] = {
        "'" NEEDLE NEEDLE "'", "{02 '" NEEDLE NEEDLE "'}",
        "{ff '" NEEDLE "'}", "{02 00000002 {} '" NEEDLE "'}"};

    for (size_t i = 0; i < COUNT_OF(said); i++) {
        authplug_putty_message message;
        bytes wrote = bytes_of(said[i]);
        end it;

        assert_true(end_open(&it, CLIENT, NULL));
        play_on(&it, C_INIT);
        end_feed(&it, wrote.data, wrote.len);
        end_next(&it, &message);
        assert_true(end_fault(&it).status != AUTHPLUG_OK);
        assert_null(strstr(end_fault(&it).text, "Zq7"));
        assert_null(strstr(end_fault(&it).message, "Zq7"));
        end_close(&it);
    }
}

/* ---------------------------------------------------------------- bodies */

TEST(a_body_that_ends_early_is_TRUNCATED_where_it_ends)
{
    play(CLIENT, C_INIT "P {02} = TRUNCATED PLUGIN_INIT_RESPONSE 1\n");
    play(CLIENT, C_INIT "P {02 0000} = TRUNCATED PLUGIN_INIT_RESPONSE 1\n");
    play(CLIENT, C_INIT "P {02 00000002} = TRUNCATED PLUGIN_INIT_RESPONSE 5\n");
    play(CLIENT, C_INIT "P {02 00000002 0000} ="
                        " TRUNCATED PLUGIN_INIT_RESPONSE 5\n");
    play(CLIENT, C_INIT "P {02 00000002 00000004 'bob'} = TRUNCATED\n");
    play(CLIENT, C_INIT "P {08} = TRUNCATED PLUGIN_INIT_FAILURE 1\n");
    play(CLIENT, UNTIL_ASKED "P {15} ="
                             " TRUNCATED PLUGIN_KI_SERVER_RESPONSE 1\n");
    play(CLIENT, UNTIL_ASKED "P {15 00000001} = TRUNCATED\n");
    play(CLIENT, UNTIL_ASKED "P {16 {} {}} ="
                             " TRUNCATED PLUGIN_KI_USER_REQUEST 9\n");
}

TEST(bytes_after_a_body_are_TRAILING)
{
    play(CLIENT, C_INIT "P {02 00000002 {} 00} ="
                        " TRAILING PLUGIN_INIT_RESPONSE 9\n");
    play(CLIENT, C_INIT "P {08 {'no'} 00} = TRAILING PLUGIN_INIT_FAILURE 7\n");
    play(CLIENT, UNTIL_READY C_PROTOCOL
         "P {04 00} = TRAILING PLUGIN_PROTOCOL_ACCEPT 1\n");
    play(CLIENT, UNTIL_READY C_PROTOCOL
         "P {05 {} 00} = TRAILING PLUGIN_PROTOCOL_REJECT 5\n");
    play(CLIENT, UNTIL_ASKED "P {15 00000001 {'a'} 00} ="
                             " TRAILING PLUGIN_KI_SERVER_RESPONSE 10\n");
    play(CLIENT, UNTIL_ASKED "P {16 {} {} {} 00000000 00} ="
                             " TRAILING PLUGIN_KI_USER_REQUEST 17\n");
}

TEST(a_string_over_the_limit_is_LENGTH)
{
    play_with(CLIENT, &small,
              "C {01 00000002 {'a'} 00000016 {}}\n"
              "P {02 00000002 {'123456789012345678901'}} ="
              " LENGTH PLUGIN_INIT_RESPONSE 5\n");
    play(CLIENT, C_INIT "P {02 00000002 ffffffff} ="
                        " LENGTH PLUGIN_INIT_RESPONSE 5\n");
    play(CLIENT, C_INIT "P {08 80000000} = LENGTH PLUGIN_INIT_FAILURE 1\n");
}

TEST(more_prompts_than_the_limit_are_LIMIT)
{
    play_with(CLIENT, &small,
              UNTIL_ASKED "P {16 {} {} {} 00000003 {} 00 {} 00 {} 00} ="
                          " LIMIT PLUGIN_KI_USER_REQUEST 13\n");
    play(CLIENT, UNTIL_ASKED "P {16 {} {} {} ffffffff} ="
                             " LIMIT PLUGIN_KI_USER_REQUEST 13\n");
}

TEST(a_number_of_answers_that_is_not_that_of_the_prompts_is_COUNT)
{
    play(CLIENT, UNTIL_ASKED "P {15 00000000} ="
                             " COUNT PLUGIN_KI_SERVER_RESPONSE 1\n");
    play(CLIENT, UNTIL_ASKED "P {15 00000002 {'a'} {'b'}} ="
                             " COUNT PLUGIN_KI_SERVER_RESPONSE 1\n");
    play(CLIENT, UNTIL_ACCEPTED C_ASK_NOTHING
         "P {15 00000001 {'a'}} = COUNT PLUGIN_KI_SERVER_RESPONSE 1\n");
}

TEST(the_count_is_that_of_the_servers_prompts_not_of_the_users)
{
    play(CLIENT, UNTIL_ACCEPTED C_ASK_TWO P_USER_ASK C_USER_ANSWER
         "P {15 00000001 {'a'}} = COUNT PLUGIN_KI_SERVER_RESPONSE 1\n");
    play(CLIENT, UNTIL_ACCEPTED C_ASK_TWO P_USER_ASK C_USER_ANSWER
                     P_ANSWER_TWO);
}

/* ------------------------------------------------------------ our limits */

TEST(a_request_goes_out_unchanged_even_with_an_odd_boolean)
{
    bytes body = bytes_of("{} {} {} 00000001 {'a'} 7f");
    end it;

    assert_true(end_open(&it, CLIENT, NULL));
    play_on(&it, UNTIL_ACCEPTED);
    assert_status(authplug_putty_client_server_request(
                      it.client, span_of_bytes(&body), NULL),
                  OK);
    assert_bytes(end_output(&it), "{14 {} {} {} 00000001 {'a'} 7f}");
    end_close(&it);
}

/* A server's body that is no request: this status, and nothing happened. */
static void malformed(const char *notation, authplug_status expected,
                      size_t offset)
{
    authplug_fault fault = {.status = AUTHPLUG_OK};
    bytes body = bytes_of(notation);
    authplug_status status;
    end it;

    assert_true(end_open(&it, CLIENT, NULL));
    play_on(&it, UNTIL_ACCEPTED);
    status = authplug_putty_client_server_request(it.client,
                                                  span_of_bytes(&body), &fault);
    assert_status_at(status, expected, __FILE__, __LINE__);
    assert_status_at(fault.status, expected, __FILE__, __LINE__);
    assert_int_equal(fault.offset, offset);
    assert_status_at(authplug_putty_client_server_request(
                         it.client, span_of_bytes(&body), NULL),
                     expected, __FILE__, __LINE__);
    play_on(&it, "wants reply\n" C_FAILURE);
    end_close(&it);
}

TEST(a_servers_malformed_request_is_told_and_not_sent)
{
    malformed("", AUTHPLUG_TRUNCATED, 0);
    malformed("{} {}", AUTHPLUG_TRUNCATED, 8);
    malformed("{} {} {} 00000000 00", AUTHPLUG_TRAILING, 16);
    malformed("ffffffff", AUTHPLUG_LENGTH, 0);
    malformed("{} {} {} ffffffff", AUTHPLUG_LIMIT, 12);
}

TEST(a_message_that_does_not_fit_is_LIMIT_and_queues_nothing)
{
    static const char many[262144];
    authplug_span big = authplug_span_make(many, sizeof many);
    end it;

    assert_true(end_open(&it, CLIENT, NULL));
    assert_status(authplug_putty_client_init(it.client, big, 22, of("")),
                  LIMIT);
    assert_status(authplug_putty_client_init(it.client, of("a"), 22, big),
                  LIMIT);
    play_on(&it, "wants reply\n" UNTIL_READY);
    assert_status(authplug_putty_client_protocol(it.client, big), LIMIT);
    play_on(&it, "wants reply\n" C_PROTOCOL P_ACCEPT);
    end_close(&it);
}

TEST(a_string_over_the_limit_is_not_said_either)
{
    const char *name = "123456789012345678901";
    end it;

    assert_true(end_open(&it, CLIENT, &small));
    assert_status(authplug_putty_client_init(it.client, of(name), 22, of("")),
                  LIMIT);
    assert_status(authplug_putty_client_init(it.client, of("a"), 22, of(name)),
                  LIMIT);
    assert_int_equal(end_output(&it).len, 0);
    play_on(&it, UNTIL_READY);
    assert_status(authplug_putty_client_protocol(it.client, of(name)), LIMIT);
    play_on(&it, C_PROTOCOL);
    end_close(&it);
}

TEST(a_message_longer_than_a_frame_is_LIMIT)
{
    /* type 1, numbers 8, lengths 8: 43 are left */
    authplug_limits limits = {60, 2, 43, 3, 100};
    const char *name = "1234567890123456789012345678901234567890123";
    end it;

    assert_true(end_open(&it, CLIENT, &limits));
    assert_status(authplug_putty_client_init(it.client, of(name), 22, of("x")),
                  LIMIT);
    assert_int_equal(end_output(&it).len, 0);
    assert_status(authplug_putty_client_init(it.client, of(name), 22, of("")),
                  OK);
    assert_int_equal(end_output(&it).len, 64);
    end_close(&it);
}

TEST(output_that_is_not_sent_counts_against_the_limit)
{
    authplug_limits limits = {60, 2, 40, 3, 65};
    bytes body = bytes_of("{} {} {} 00000001"
                          " {'1234567890123456789012345678'} 00");
    bytes accept = bytes_of("{04}");
    authplug_putty_message message;
    end it;

    assert_true(end_open(&it, CLIENT, &limits));
    play_on(&it, UNTIL_READY);
    assert_status(authplug_putty_client_protocol(it.client,
                                                 of(AUTHPLUG_KI_METHOD)),
                  OK);
    assert_int_equal(end_output(&it).len, 29);
    assert_status(end_feed(&it, accept.data, accept.len), OK);
    assert_status(end_next(&it, &message), OK);
    assert_status(authplug_putty_client_server_request(
                      it.client, span_of_bytes(&body), NULL),
                  LIMIT);
    assert_int_equal(end_output(&it).len, 29);
    end_consume(&it, 29);
    assert_status(authplug_putty_client_server_request(
                      it.client, span_of_bytes(&body), NULL),
                  OK);
    end_close(&it);
}

TEST(a_flood_of_bytes_is_a_fault_and_not_held)
{
    static const char many[4096] = {0, 0, 0, 1, 4};
    authplug_putty_message message;
    authplug_status status = AUTHPLUG_OK;
    end it;

    assert_true(end_open(&it, CLIENT, &small));
    play_on(&it, C_INIT);
    for (int i = 0; i < 1000 && status == AUTHPLUG_OK; i++)
        status = end_feed(&it, many, sizeof many);
    if (status == AUTHPLUG_OK)
        status = end_next(&it, &message);
    assert_true(status != AUTHPLUG_OK && status != AUTHPLUG_NEED_MORE);
    assert_true(end_fault(&it).status == status);
    end_close(&it);
}

TEST(requests_of_both_kinds_count_as_rounds)
{
    play_with(CLIENT, &small,
              UNTIL_ASKED P_USER_ASK C_USER_ANSWER P_USER_ASK C_USER_ANSWER
              "P {16 {} {} {} 00000000} = LIMIT PLUGIN_KI_USER_REQUEST 0\n");
    play_with(CLIENT, &small,
              UNTIL_ASKED P_ANSWER C_ASK P_USER_ASK C_USER_ANSWER P_ANSWER
              "C {14 {} {} {} 00000000} = LIMIT\n"
              "wants reply\n" C_FAILURE);
}

TEST(a_new_segment_does_not_start_the_rounds_again)
{
    play_with(CLIENT, &small,
              UNTIL_ANSWERED C_SUCCESS C_PROTOCOL P_ACCEPT C_ASK P_ANSWER
                  C_SUCCESS C_PROTOCOL P_ACCEPT C_ASK P_ANSWER C_SUCCESS
                      C_PROTOCOL P_ACCEPT
              "C {14 {} {} {} 00000000} = LIMIT\n" C_FAILURE);
}

TEST(as_many_answers_go_to_the_plugin_as_it_had_prompts)
{
    play(CLIENT, UNTIL_USER_ASKED "C {17 00000000} = COUNT\n"
                 "C {17 00000002 {'a'} {'b'}} = COUNT\n"
                 "wants reply\n" C_USER_ANSWER P_ANSWER);
    play(CLIENT, UNTIL_ASKED P_USER_ASK_NOTHING
                 "C {17 00000001 {'a'}} = COUNT\n" C_USER_ANSWER_NOTHING
                     P_ANSWER);
}

/* -------------------------------------------------------------- the end */

TEST(the_end_where_a_message_is_owed_is_CLOSED)
{
    play(CLIENT, C_INIT "P eof = CLOSED\n");
    play(CLIENT, UNTIL_READY C_PROTOCOL "P eof = CLOSED\n");
    play(CLIENT, UNTIL_ASKED "P eof = CLOSED\n");
    play(CLIENT, UNTIL_USER_ANSWERED "P eof = CLOSED\n");
}

TEST(the_end_inside_a_message_is_TRUNCATED)
{
    play(CLIENT, C_INIT "P 00 = NEED_MORE\nP eof = TRUNCATED\n");
    play(CLIENT, C_INIT "P 00000009 = NEED_MORE\nP eof = TRUNCATED\n");
    play(CLIENT, C_INIT "P 00000009 02 000000 = NEED_MORE\n"
                        "P eof = TRUNCATED PLUGIN_INIT_RESPONSE 4\n");
}

TEST(the_end_where_nothing_is_owed_is_in_good_order)
{
    play(CLIENT, "P eof\n");
    play(CLIENT, UNTIL_READY "P eof\n");
    play(CLIENT, UNTIL_ACCEPTED "P eof\n");
    play(CLIENT, UNTIL_USER_ASKED "P eof\n");
    play(CLIENT, UNTIL_ANSWERED "P eof\n");
    play(CLIENT, UNTIL_ANSWERED C_SUCCESS "P eof\n");
    play(CLIENT, C_INIT P_INIT_FAILURE "P eof\nwants nothing\n");
}

TEST(a_message_before_the_end_is_given_first)
{
    bytes answer = bytes_of("{15 00000001 {'stoat'}}");
    authplug_putty_message message;
    end it;

    assert_true(end_open(&it, CLIENT, NULL));
    play_on(&it, UNTIL_ASKED);
    assert_status(end_feed(&it, answer.data, answer.len), OK);
    end_eof(&it);
    assert_status(end_next(&it, &message), OK);
    assert_int_equal(message.type, AUTHPLUG_PUTTY_KI_SERVER_RESPONSE);
    assert_span(message.response.answers[0], "stoat");
    assert_status(end_next(&it, &message), OK);
    assert_int_equal(message.type, AUTHPLUG_PUTTY_EOF);
    end_close(&it);
}

TEST(the_end_may_be_told_twice)
{
    play(CLIENT, C_INIT "P eof = CLOSED\nP eof = CLOSED\n");
    play(CLIENT, UNTIL_READY "P eof\nP eof\n");
}

TEST(bytes_that_found_no_memory_may_be_fed_again)
{
    static unsigned char big[60000] = {0, 0, 0xea, 0x5c, 8, 0, 0, 0xea, 0x57};
    authplug_putty_message message;
    end it;

    /* PLUGIN_INIT_FAILURE with one long string */
    assert_true(end_open(&it, CLIENT, NULL));
    play_on(&it, C_INIT);
    alloc_fail_at(1);
    assert_status(end_feed(&it, big, sizeof big), NOMEM);
    assert_status(end_fault(&it).status, OK);
    assert_status(end_next(&it, &message), NEED_MORE);
    assert_status(end_feed(&it, big, sizeof big), OK);
    assert_status(end_next(&it, &message), OK);
    assert_int_equal(message.type, AUTHPLUG_PUTTY_INIT_FAILURE);
    end_close(&it);
    alloc_reset();
}

/* --------------------------------------------------------------- secrets */

TEST(an_answer_of_the_plugin_is_wiped_when_the_next_thing_is_said)
{
    bytes answer = bytes_of("{15 00000001 {'" NEEDLE "'}}");
    authplug_putty_message message;
    end it;

    spy_on(NEEDLE);
    assert_true(end_open(&it, CLIENT, NULL));
    play_on(&it, UNTIL_ASKED);
    assert_status(end_feed(&it, answer.data, answer.len), OK);
    assert_status(end_next(&it, &message), OK);
    assert_span(message.response.answers[0], NEEDLE);
    assert_true(spy_sees());
    play_on(&it, C_SUCCESS);
    assert_false(spy_sees());
    end_close(&it);
    assert_int_equal(spy_spilled(), 0);
    spy_on(NULL);
}

TEST(an_answer_of_the_user_is_wiped_once_it_is_sent)
{
    end it;
    authplug_span output;

    spy_on(NEEDLE);
    assert_true(end_open(&it, CLIENT, NULL));
    play_on(&it, UNTIL_USER_ASKED);
    assert_status(authplug_ki_reply_add(it.reply, of(NEEDLE)), OK);
    assert_status(authplug_putty_client_user_response(it.client, it.reply), OK);
    authplug_ki_reply_clear(it.reply);
    assert_true(spy_sees());
    output = end_output(&it);
    end_consume(&it, output.len);
    assert_false(spy_sees());
    end_close(&it);
    assert_int_equal(spy_spilled(), 0);
    spy_on(NULL);
}

TEST(an_engine_that_is_freed_midway_spills_nothing)
{
    bytes answer = bytes_of("{15 00000001 {'" NEEDLE NEEDLE "'}}");
    end it;

    spy_on(NEEDLE);
    for (size_t len = 0; len <= answer.len; len++) {
        authplug_putty_message message;

        assert_true(end_open(&it, CLIENT, NULL));
        play_on(&it, UNTIL_ASKED);
        assert_status(end_feed(&it, answer.data, len), OK);
        end_next(&it, &message);
        end_close(&it);
    }
    assert_int_equal(spy_spilled(), 0);
    spy_on(NULL);
}

TEST(an_engine_with_a_fault_keeps_no_answer)
{
    spy_on(NEEDLE);
    play(CLIENT, UNTIL_ASKED "P {15 00000001 {'" NEEDLE "'} 00} = TRAILING\n");
    assert_int_equal(spy_spilled(), 0);
    spy_on(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_is_spoken_word_for_word),
        cmocka_unit_test(free_takes_NULL_and_a_pointer_to_NULL),
        cmocka_unit_test(while_there_is_no_fault_its_words_are_empty),
        cmocka_unit_test(wants_tells_whose_turn_it_is),
        cmocka_unit_test(output_is_wanted_until_the_last_byte_is_sent),
        cmocka_unit_test(messages_queue_up_behind_output_that_is_not_sent_yet),
        cmocka_unit_test(what_the_plugin_owes_is_named),
        cmocka_unit_test(nothing_comes_before_anything_was_said),
        cmocka_unit_test(a_message_may_come_in_pieces),
        cmocka_unit_test(the_draft_before_may_be_chosen),
        cmocka_unit_test(in_the_draft_a_rejection_is_bare),
        cmocka_unit_test(since_version_2_a_rejection_has_a_text),
        cmocka_unit_test(a_version_that_was_not_offered_is_VERSION),
        cmocka_unit_test(a_call_out_of_turn_is_STATE_and_queues_nothing),
        cmocka_unit_test(a_call_out_of_turn_changes_nothing),
        cmocka_unit_test(a_message_must_be_taken_before_it_is_answered),
        cmocka_unit_test(after_a_fault_every_call_reports_it),
        cmocka_unit_test(a_request_goes_out_unchanged_even_with_an_odd_boolean),
        cmocka_unit_test(a_servers_malformed_request_is_told_and_not_sent),
        cmocka_unit_test(
            a_message_that_does_not_fit_is_LIMIT_and_queues_nothing),
        cmocka_unit_test(a_string_over_the_limit_is_not_said_either),
        cmocka_unit_test(a_message_longer_than_a_frame_is_LIMIT),
        cmocka_unit_test(output_that_is_not_sent_counts_against_the_limit),
        cmocka_unit_test(as_many_answers_go_to_the_plugin_as_it_had_prompts),
        cmocka_unit_test(a_message_that_is_unknown_or_out_of_place_is_TYPE),
        cmocka_unit_test(
            a_message_that_belongs_elsewhere_is_TYPE_whatever_its_body),
        cmocka_unit_test(bytes_out_of_turn_are_TURN),
        cmocka_unit_test(a_second_message_behind_the_first_is_TURN),
        cmocka_unit_test(the_message_before_bytes_out_of_turn_still_comes),
        cmocka_unit_test(text_out_of_turn_is_a_fault_too),
        cmocka_unit_test(a_length_of_zero_is_LENGTH),
        cmocka_unit_test(
            a_length_over_the_limit_is_LENGTH_before_its_bytes_come),
        cmocka_unit_test(a_length_of_just_the_limit_is_waited_for),
        cmocka_unit_test(text_where_a_message_belongs_is_TEXT),
        cmocka_unit_test(text_that_comes_byte_by_byte_is_TEXT_in_the_end),
        cmocka_unit_test(a_fault_never_holds_what_the_plugin_wrote),
        cmocka_unit_test(a_body_that_ends_early_is_TRUNCATED_where_it_ends),
        cmocka_unit_test(bytes_after_a_body_are_TRAILING),
        cmocka_unit_test(a_string_over_the_limit_is_LENGTH),
        cmocka_unit_test(more_prompts_than_the_limit_are_LIMIT),
        cmocka_unit_test(
            a_number_of_answers_that_is_not_that_of_the_prompts_is_COUNT),
        cmocka_unit_test(
            the_count_is_that_of_the_servers_prompts_not_of_the_users),
        cmocka_unit_test(a_flood_of_bytes_is_a_fault_and_not_held),
        cmocka_unit_test(requests_of_both_kinds_count_as_rounds),
        cmocka_unit_test(a_new_segment_does_not_start_the_rounds_again),
        cmocka_unit_test(the_end_where_a_message_is_owed_is_CLOSED),
        cmocka_unit_test(the_end_inside_a_message_is_TRUNCATED),
        cmocka_unit_test(the_end_where_nothing_is_owed_is_in_good_order),
        cmocka_unit_test(a_message_before_the_end_is_given_first),
        cmocka_unit_test(the_end_may_be_told_twice),
        cmocka_unit_test(bytes_that_found_no_memory_may_be_fed_again),
        cmocka_unit_test(
            an_answer_of_the_plugin_is_wiped_when_the_next_thing_is_said),
        cmocka_unit_test(an_answer_of_the_user_is_wiped_once_it_is_sent),
        cmocka_unit_test(an_engine_that_is_freed_midway_spills_nothing),
        cmocka_unit_test(an_engine_with_a_fault_keeps_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
