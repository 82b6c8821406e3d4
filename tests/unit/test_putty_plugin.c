/*
 * The plugin's end of PuTTY's plugin protocol: authplug/putty.h. P is the
 * engine under test, C is what a client sends; see support.h.
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
        print_message("# %s\n", vectors[i].name);
        play(PLUGIN, vectors[i].script);
    }
}

TEST(free_takes_NULL_and_a_pointer_to_NULL)
{
    authplug_putty_plugin *plugin = NULL;

    authplug_putty_plugin_free(NULL);
    authplug_putty_plugin_free(&plugin);
    plugin = authplug_putty_plugin_new(NULL);
    assert_non_null(plugin);
    authplug_putty_plugin_free(&plugin);
    assert_null(plugin);
}

TEST(while_there_is_no_fault_its_words_are_empty)
{
    end it;

    assert_true(end_open(&it, PLUGIN, NULL));
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
    play(PLUGIN, "wants input\n" C_INIT "wants reply\n" P_INIT
                 "wants input\n" C_PROTOCOL "wants reply\n" P_ACCEPT
                 "wants input\n" C_ASK "wants reply\n" P_USER_ASK
                 "wants input\n" C_USER_ANSWER "wants reply\n" P_ANSWER
                 "wants input\n" C_SUCCESS "wants input\n" C_PROTOCOL
                 "wants reply\n" P_REJECT "wants input\n"
                 "C eof\nwants nothing\n");
}

TEST(output_is_wanted_until_the_last_byte_is_sent)
{
    end it;

    assert_true(end_open(&it, PLUGIN, NULL));
    play_on(&it, C_INIT);
    assert_status(authplug_putty_plugin_init_response(it.plugin, of("alice")),
                  OK);
    assert_true(end_wants(&it) & AUTHPLUG_WANTS_OUTPUT);
    assert_false(end_wants(&it) & AUTHPLUG_WANTS_REPLY);
    assert_bytes(end_output(&it), "{02 00000002 {'alice'}}");
    end_consume(&it, 13);
    assert_bytes(end_output(&it), "'alice'");
    end_consume(&it, 5);
    assert_int_equal(end_output(&it).len, 0);
    play_on(&it, "wants input\n" C_PROTOCOL);
    end_close(&it);
}

TEST(what_the_client_owes_is_named)
{
    play(PLUGIN, "owes PLUGIN_INIT\n" C_INIT "owes nothing\n" P_INIT
                 "owes PLUGIN_PROTOCOL\n" C_PROTOCOL
                 "owes nothing\n" P_ACCEPT
                 "owes PLUGIN_KI_SERVER_REQUEST\n" C_ASK
                 "owes nothing\n" P_USER_ASK
                 "owes PLUGIN_KI_USER_RESPONSE\n" C_USER_ANSWER
                 "owes nothing\n" P_ANSWER);
}

TEST(a_message_may_come_in_pieces)
{
    play(PLUGIN, "C 0000 = NEED_MORE\nC 001a 01 000000 = NEED_MORE\n"
                 "C 02 00000009 '127.0.0.' = NEED_MORE\n"
                 "C '1' 0000378e 00000000\n" P_INIT);
}

TEST(an_outcome_and_the_next_protocol_may_come_at_once)
{
    bytes both = bytes_of("{06} {03 {'keyboard-interactive'}}");
    authplug_putty_message message;
    end it;

    assert_true(end_open(&it, PLUGIN, NULL));
    play_on(&it, UNTIL_ANSWERED);
    assert_status(end_feed(&it, both.data, both.len), OK);
    assert_status(end_next(&it, &message), OK);
    assert_int_equal(message.type, AUTHPLUG_PUTTY_AUTH_SUCCESS);
    assert_status(end_next(&it, &message), OK);
    assert_int_equal(message.type, AUTHPLUG_PUTTY_PROTOCOL);
    assert_span(message.method, "keyboard-interactive");
    assert_status(end_next(&it, &message), NEED_MORE);
    play_on(&it, P_ACCEPT);
    end_close(&it);
}

/* -------------------------------------------------------------- versions */

static void chosen(const char *init, uint32_t version, const char *response)
{
    end it;

    assert_true(end_open(&it, PLUGIN, NULL));
    assert_int_equal(authplug_putty_plugin_version(it.plugin), 0);
    play_on(&it, init);
    assert_int_equal(authplug_putty_plugin_version(it.plugin), version);
    play_on(&it, response);
    assert_int_equal(authplug_putty_plugin_version(it.plugin), version);
    end_close(&it);
}

TEST(the_highest_version_that_both_know_is_chosen)
{
    chosen("C {01 00000001 {'a'} 00000016 {}}\n", 1, "P {02 00000001 {}}\n");
    chosen("C {01 00000002 {'a'} 00000016 {}}\n", 2, "P {02 00000002 {}}\n");
    chosen("C {01 00000003 {'a'} 00000016 {}}\n", 2, "P {02 00000002 {}}\n");
    chosen("C {01 ffffffff {'a'} 00000016 {}}\n", 2, "P {02 00000002 {}}\n");
}

TEST(a_client_that_offers_no_version_can_only_be_refused)
{
    play(PLUGIN, "C {01 00000000 {'a'} 00000016 {}}\n"
                 "wants reply\n"
                 "P {02 00000002 {}} = VERSION\n"
                 "wants reply\n"
                 "P {02 00000002 {'alice'}} = VERSION\n"
                 "P {08 {'no version in common'}}\n"
                 "C eof\n");
}

TEST(in_the_draft_a_rejection_is_bare_even_with_a_text)
{
    bytes bare = bytes_of("{05}");
    end it;

    assert_true(end_open(&it, PLUGIN, NULL));
    play_on(&it, "C {01 00000001 {'a'} 00000016 {}}\n"
                 "P {02 00000001 {}}\n" C_PROTOCOL "P {05}\n" C_PROTOCOL);
    assert_status(
        authplug_putty_plugin_protocol_reject(it.plugin, of("a reason")), OK);
    assert_memory_equal(end_output(&it).data, bare.data, bare.len);
    assert_int_equal(end_output(&it).len, bare.len);
    end_close(&it);
}

TEST(the_draft_is_otherwise_the_same)
{
    play(PLUGIN, "C {01 00000001 {'a'} 00000016 {'bob'}}\n"
                 "P {02 00000001 {'alice'}}\n" C_PROTOCOL P_ACCEPT C_ASK
                     P_USER_ASK C_USER_ANSWER P_ANSWER C_SUCCESS "C eof\n");
}

/* ------------------------------------------------------- calls and turns */

enum call { RESPONSE, FAILURE, ACCEPT, REJECT, USER_ASK, ANSWER, CALL_COUNT };

static authplug_status make_call(end *it, enum call call)
{
    authplug_ki_request request = {.count = 0};

    authplug_ki_reply_clear(it->reply);
    assert_status(authplug_ki_reply_add(it->reply, of("stoat")), OK);
    switch (call) {
    case RESPONSE:
        return authplug_putty_plugin_init_response(it->plugin, of(""));
    case FAILURE:
        return authplug_putty_plugin_init_failure(it->plugin, of("no"));
    case ACCEPT:
        return authplug_putty_plugin_protocol_accept(it->plugin);
    case REJECT:
        return authplug_putty_plugin_protocol_reject(it->plugin, of(""));
    case USER_ASK:
        return authplug_putty_plugin_user_request(it->plugin, &request);
    case ANSWER:
    case CALL_COUNT:
        break;
    }
    return authplug_putty_plugin_server_response(it->plugin, it->reply);
}

/* After the script, these calls are in turn, and no other. */
static void in_turn(const char *script, const char *allowed)
{
    static const char letters[] = "RFAXUS";

    for (enum call call = RESPONSE; call < CALL_COUNT; call++) {
        bool may = strchr(allowed, letters[call]) != NULL;
        unsigned wants;
        end it;

        assert_true(end_open(&it, PLUGIN, NULL));
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
    in_turn("", "");
    in_turn(C_INIT, "RF");
    in_turn(UNTIL_READY, "");
    in_turn(C_INIT P_INIT_FAILURE, "");
    in_turn(UNTIL_READY C_PROTOCOL, "AX");
    in_turn(UNTIL_READY C_PROTOCOL P_REJECT, "");
    in_turn(UNTIL_ACCEPTED, "");
    in_turn(UNTIL_ASKED, "US");
    in_turn(UNTIL_USER_ASKED, "");
    in_turn(UNTIL_USER_ANSWERED, "US");
    in_turn(UNTIL_ANSWERED, "");
    in_turn(UNTIL_ANSWERED C_SUCCESS, "");
    in_turn(UNTIL_ANSWERED C_FAILURE, "");
    in_turn(UNTIL_ACCEPTED C_PROTOCOL, "AX");
    in_turn(UNTIL_ANSWERED C_PROTOCOL, "AX");
}

TEST(a_call_out_of_turn_changes_nothing)
{
    end it;

    assert_true(end_open(&it, PLUGIN, NULL));
    assert_status(make_call(&it, RESPONSE), STATE);
    play_on(&it, C_INIT);
    assert_status(make_call(&it, ACCEPT), STATE);
    play_on(&it, P_INIT C_PROTOCOL);
    assert_status(make_call(&it, ANSWER), STATE);
    play_on(&it, P_ACCEPT C_ASK);
    assert_status(make_call(&it, REJECT), STATE);
    play_on(&it, P_USER_ASK C_USER_ANSWER P_ANSWER C_SUCCESS "C eof\n");
    end_close(&it);
}

TEST(a_message_must_be_taken_before_it_is_answered)
{
    bytes hello = bytes_of("{01 00000002 {'a'} 00000016 {}}");
    authplug_putty_message message;
    end it;

    assert_true(end_open(&it, PLUGIN, NULL));
    assert_status(end_feed(&it, hello.data, hello.len), OK);
    assert_status(make_call(&it, RESPONSE), STATE);
    assert_status(end_next(&it, &message), OK);
    assert_status(make_call(&it, RESPONSE), OK);
    end_close(&it);
}

TEST(after_a_fault_every_call_reports_it)
{
    end it;

    assert_true(end_open(&it, PLUGIN, NULL));
    play_on(&it, "C {ff} = TYPE - 0\n");
    for (enum call call = RESPONSE; call < CALL_COUNT; call++)
        assert_status(make_call(&it, call), TYPE);
    assert_int_equal(end_output(&it).len, 0);
    end_eof(&it);
    play_on(&it, "C eof = TYPE - 0\n");
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

    assert_true(end_open(&it, PLUGIN, NULL));
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

/* After the script, messages of these types (ended by 0) belong, no other. */
static void belongs(const char *script, const int *types)
{
    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        bool may = false;

        for (size_t k = 0; types[k]; k++)
            may = may || types[k] == samples[i].type;
        one_type(script, i, may);
    }
}

#define BELONGS(script, ...) belongs(script, (const int[]){__VA_ARGS__, 0})

TEST(a_message_that_is_unknown_or_out_of_place_is_TYPE)
{
    BELONGS("", 1);
    BELONGS(UNTIL_READY, 3);
    BELONGS(UNTIL_READY C_PROTOCOL P_REJECT, 3);
    BELONGS(UNTIL_ACCEPTED, 20, 6, 7, 3);
    BELONGS(UNTIL_USER_ASKED, 23);
    BELONGS(UNTIL_ANSWERED, 20, 6, 7, 3);
    BELONGS(UNTIL_ANSWERED C_SUCCESS, 3);
    BELONGS(UNTIL_ANSWERED C_FAILURE, 3);
}

TEST(a_message_that_belongs_elsewhere_is_TYPE_whatever_its_body)
{
    play(PLUGIN, "C {06 ffff} = TYPE PLUGIN_AUTH_SUCCESS 0\n");
    play(PLUGIN, UNTIL_READY "C {14} = TYPE PLUGIN_KI_SERVER_REQUEST 0\n");
}

/* ----------------------------------------------------------------- turns */

TEST(bytes_out_of_turn_are_TURN)
{
    play(PLUGIN, C_INIT "C {03 {'keyboard-interactive'}} = TURN\n");
    play(PLUGIN, C_INIT "C 00 = TURN\n");
    play(PLUGIN, UNTIL_READY C_PROTOCOL "C {14 {} {} {} 00000000} = TURN\n");
    play(PLUGIN, UNTIL_ASKED "C {06} = TURN\n");
    play(PLUGIN, UNTIL_USER_ANSWERED "C {07} = TURN\n");
}

TEST(a_second_message_behind_the_first_is_TURN)
{
    play(PLUGIN, "C {01 00000002 {'a'} 00000016 {}}"
                 " {03 {'keyboard-interactive'}} = TURN\n");
    play(PLUGIN, UNTIL_ACCEPTED "C {14 {} {} {} 00000000} 00 = TURN\n");
    play(PLUGIN, UNTIL_ANSWERED
         "C {06} {03 {'keyboard-interactive'}} {06} = TURN\n");
}

TEST(the_message_before_bytes_out_of_turn_still_comes)
{
    bytes said = bytes_of("{01 00000002 {'a'} 00000016 {}} {03 {'m'}}");
    authplug_putty_message message;
    end it;

    assert_true(end_open(&it, PLUGIN, NULL));
    assert_status(end_feed(&it, said.data, said.len), OK);
    assert_status(end_next(&it, &message), OK);
    assert_int_equal(message.type, AUTHPLUG_PUTTY_INIT);
    assert_status(end_next(&it, &message), TURN);
    end_close(&it);
}

/* ---------------------------------------------------------------- frames */

TEST(a_length_of_zero_is_LENGTH)
{
    play(PLUGIN, "C 00000000 = LENGTH - 0\n");
    play(PLUGIN, UNTIL_ANSWERED "C 00000000 = LENGTH - 0\n");
}

TEST(a_length_over_the_limit_is_LENGTH_before_its_bytes_come)
{
    play(PLUGIN, "C 00040001 = LENGTH - 0\n");
    play(PLUGIN, "C ffffffff = LENGTH - 0\n");
    play_with(PLUGIN, &small, "C 0000003d = LENGTH - 0\n");
}

TEST(a_length_of_just_the_limit_is_waited_for)
{
    play(PLUGIN, "C 00040000 = NEED_MORE\nC 01 = NEED_MORE\n");
    play_with(PLUGIN, &small, "C 0000003c 01 = NEED_MORE\n");
}

TEST(text_where_a_message_belongs_is_TEXT)
{
    play(PLUGIN, "C 'GET / HTTP/1.0' 0d0a = TEXT\n");
    play(PLUGIN, "C 'hello' 0a = TEXT\n");
    play(PLUGIN, UNTIL_USER_ASKED "C '9876' 0a = TEXT\n");
}

TEST(a_fault_never_holds_what_the_client_wrote)
{
    static const char *const said[] = {
        "'" NEEDLE NEEDLE "'", "{01 '" NEEDLE NEEDLE "'}",
        "{ff '" NEEDLE "'}",
        "{01 00000002 {'a'} 00000016 {} '" NEEDLE "'}"};

    for (size_t i = 0; i < COUNT_OF(said); i++) {
        authplug_putty_message message;
        bytes wrote = bytes_of(said[i]);
        end it;

        assert_true(end_open(&it, PLUGIN, NULL));
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
    play(PLUGIN, "C {01} = TRUNCATED PLUGIN_INIT 1\n");
    play(PLUGIN, "C {01 00000002} = TRUNCATED PLUGIN_INIT 5\n");
    play(PLUGIN, "C {01 00000002 {'a'}} = TRUNCATED PLUGIN_INIT 10\n");
    play(PLUGIN, "C {01 00000002 {'a'} 00000016} ="
                 " TRUNCATED PLUGIN_INIT 14\n");
    play(PLUGIN, "C {01 00000002 {'a'} 00000016 00000002 'b'} = TRUNCATED\n");
    play(PLUGIN, UNTIL_READY "C {03} = TRUNCATED PLUGIN_PROTOCOL 1\n");
    play(PLUGIN, UNTIL_ACCEPTED "C {14 {}} ="
                                " TRUNCATED PLUGIN_KI_SERVER_REQUEST 5\n");
    play(PLUGIN, UNTIL_USER_ASKED "C {17 0000} ="
                                  " TRUNCATED PLUGIN_KI_USER_RESPONSE 1\n");
}

TEST(bytes_after_a_body_are_TRAILING)
{
    play(PLUGIN, "C {01 00000002 {'a'} 00000016 {} 00} ="
                 " TRAILING PLUGIN_INIT 18\n");
    play(PLUGIN, UNTIL_READY "C {03 {'m'} 00} = TRAILING PLUGIN_PROTOCOL 6\n");
    play(PLUGIN, UNTIL_ACCEPTED "C {06 00} ="
                                " TRAILING PLUGIN_AUTH_SUCCESS 1\n");
    play(PLUGIN, UNTIL_ANSWERED "C {07 00} ="
                                " TRAILING PLUGIN_AUTH_FAILURE 1\n");
    play(PLUGIN, UNTIL_ACCEPTED "C {14 {} {} {} 00000000 00} ="
                                " TRAILING PLUGIN_KI_SERVER_REQUEST 17\n");
    play(PLUGIN, UNTIL_USER_ASKED "C {17 00000001 {'a'} 00} ="
                                  " TRAILING PLUGIN_KI_USER_RESPONSE 10\n");
}

TEST(a_string_over_the_limit_is_LENGTH)
{
    play_with(PLUGIN, &small,
              "C {01 00000002 {'123456789012345678901'} 00000016 {}} ="
              " LENGTH PLUGIN_INIT 5\n");
    play_with(PLUGIN, &small,
              UNTIL_READY "C {03 {'123456789012345678901'}} ="
                          " LENGTH PLUGIN_PROTOCOL 1\n");
    play(PLUGIN, "C {01 00000002 ffffffff} = LENGTH PLUGIN_INIT 5\n");
}

TEST(more_prompts_than_the_limit_are_LIMIT)
{
    play_with(PLUGIN, &small,
              UNTIL_ACCEPTED "C {14 {} {} {} 00000003 {} 00 {} 00 {} 00} ="
                             " LIMIT PLUGIN_KI_SERVER_REQUEST 13\n");
    play(PLUGIN, UNTIL_ACCEPTED "C {14 {} {} {} ffffffff} ="
                                " LIMIT PLUGIN_KI_SERVER_REQUEST 13\n");
}

TEST(a_number_of_answers_that_is_not_that_of_the_prompts_is_COUNT)
{
    play(PLUGIN, UNTIL_USER_ASKED "C {17 00000000} ="
                                  " COUNT PLUGIN_KI_USER_RESPONSE 1\n");
    play(PLUGIN, UNTIL_USER_ASKED "C {17 00000002 {'a'} {'b'}} ="
                                  " COUNT PLUGIN_KI_USER_RESPONSE 1\n");
    play(PLUGIN, UNTIL_ASKED P_USER_ASK_NOTHING
         "C {17 00000001 {'a'}} = COUNT PLUGIN_KI_USER_RESPONSE 1\n");
}

/* ------------------------------------------------------------ our limits */

TEST(as_many_answers_go_to_the_server_as_it_had_prompts)
{
    play(PLUGIN, UNTIL_ASKED "P {15 00000000} = COUNT\n"
                             "P {15 00000002 {'a'} {'b'}} = COUNT\n"
                             "wants reply\n" P_USER_ASK C_USER_ANSWER
                             "P {15 00000000} = COUNT\n" P_ANSWER);
    play(PLUGIN, UNTIL_ACCEPTED C_ASK_NOTHING P_USER_ASK C_USER_ANSWER
         "P {15 00000001 {'a'}} = COUNT\n" P_ANSWER_NOTHING);
    play(PLUGIN, UNTIL_ACCEPTED C_ASK_TWO P_USER_ASK C_USER_ANSWER
         "P {15 00000001 {'a'}} = COUNT\n" P_ANSWER_TWO);
}

TEST(a_message_that_does_not_fit_is_LIMIT_and_queues_nothing)
{
    static const char many[262144];
    authplug_span big = authplug_span_make(many, sizeof many);
    authplug_ki_request request = {.count = 0};
    end it;

    request.instruction = big;
    assert_true(end_open(&it, PLUGIN, NULL));
    play_on(&it, C_INIT);
    assert_status(authplug_putty_plugin_init_response(it.plugin, big), LIMIT);
    assert_status(authplug_putty_plugin_init_failure(it.plugin, big), LIMIT);
    play_on(&it, "wants reply\n" P_INIT C_PROTOCOL);
    assert_status(authplug_putty_plugin_protocol_reject(it.plugin, big), LIMIT);
    play_on(&it, "wants reply\n" P_ACCEPT C_ASK);
    assert_status(authplug_putty_plugin_user_request(it.plugin, &request),
                  LIMIT);
    play_on(&it, "wants reply\n" P_USER_ASK C_USER_ANSWER);
    end_close(&it);
}

TEST(a_string_over_the_limit_is_not_said_either)
{
    authplug_span name = of("123456789012345678901");
    authplug_ki_request request = {.count = 0};
    end it;

    request.name = name;
    assert_true(end_open(&it, PLUGIN, &small));
    play_on(&it, C_INIT);
    assert_status(authplug_putty_plugin_init_response(it.plugin, name), LIMIT);
    assert_status(authplug_putty_plugin_init_failure(it.plugin, name), LIMIT);
    play_on(&it, P_INIT C_PROTOCOL);
    assert_status(authplug_putty_plugin_protocol_reject(it.plugin, name),
                  LIMIT);
    play_on(&it, P_ACCEPT C_ASK);
    assert_status(authplug_putty_plugin_user_request(it.plugin, &request),
                  LIMIT);
    assert_int_equal(end_output(&it).len, 0);
    play_on(&it, P_ANSWER);
    end_close(&it);
}

TEST(more_prompts_than_the_limit_are_not_said_either)
{
    authplug_ki_prompt prompts[3];
    authplug_ki_request request = {.count = 3, .prompts = prompts};
    end it;

    memset(prompts, 0, sizeof prompts);
    assert_true(end_open(&it, PLUGIN, &small));
    play_on(&it, UNTIL_ASKED);
    assert_status(authplug_putty_plugin_user_request(it.plugin, &request),
                  LIMIT);
    assert_int_equal(end_output(&it).len, 0);
    request.count = 2;
    assert_status(authplug_putty_plugin_user_request(it.plugin, &request), OK);
    assert_bytes(end_output(&it), "{16 {} {} {} 00000002 {} 00 {} 00}");
    end_close(&it);
}

TEST(raw_is_ignored_when_the_user_is_asked)
{
    authplug_ki_request request = {.count = 0};
    end it;

    request.raw = of("something else");
    request.name = of("Token");
    assert_true(end_open(&it, PLUGIN, NULL));
    play_on(&it, UNTIL_ASKED);
    assert_status(authplug_putty_plugin_user_request(it.plugin, &request), OK);
    assert_bytes(end_output(&it), "{16 {'Token'} {} {} 00000000}");
    end_close(&it);
}

TEST(requests_of_both_kinds_count_as_rounds)
{
    play_with(PLUGIN, &small,
              UNTIL_ASKED P_USER_ASK C_USER_ANSWER P_USER_ASK C_USER_ANSWER
              "P {16 {} {} {} 00000000} = LIMIT\n"
              "wants reply\n" P_ANSWER
              "C {14 {} {} {} 00000000} ="
              " LIMIT PLUGIN_KI_SERVER_REQUEST 0\n");
    play_with(PLUGIN, &small,
              UNTIL_ANSWERED C_ASK P_ANSWER C_ASK P_ANSWER C_SUCCESS
                  C_PROTOCOL P_ACCEPT
              "C {14 {} {} {} 00000000} ="
              " LIMIT PLUGIN_KI_SERVER_REQUEST 0\n");
}

TEST(a_flood_of_bytes_is_a_fault_and_not_held)
{
    static const char many[4096] = {0, 0, 0, 2, 6};
    authplug_putty_message message;
    authplug_status status = AUTHPLUG_OK;
    end it;

    assert_true(end_open(&it, PLUGIN, &small));
    play_on(&it, UNTIL_ANSWERED);
    for (int i = 0; i < 1000 && status == AUTHPLUG_OK; i++)
        status = end_feed(&it, many, sizeof many);
    if (status == AUTHPLUG_OK)
        status = end_next(&it, &message);
    assert_true(status != AUTHPLUG_OK && status != AUTHPLUG_NEED_MORE);
    assert_true(end_fault(&it).status == status);
    end_close(&it);
}

/* -------------------------------------------------------------- the end */

TEST(the_client_may_close_anywhere_between_messages)
{
    play(PLUGIN, "C eof\nwants nothing\n");
    play(PLUGIN, C_INIT "C eof\n");
    play(PLUGIN, UNTIL_READY "C eof\n");
    play(PLUGIN, UNTIL_READY C_PROTOCOL "C eof\n");
    play(PLUGIN, UNTIL_ACCEPTED "C eof\n");
    play(PLUGIN, UNTIL_ASKED "C eof\n");
    play(PLUGIN, UNTIL_USER_ASKED "C eof\n");
    play(PLUGIN, UNTIL_USER_ANSWERED "C eof\n");
    play(PLUGIN, UNTIL_ANSWERED "C eof\n");
    play(PLUGIN, UNTIL_ANSWERED C_SUCCESS "C eof\nC eof\n");
    play(PLUGIN, C_INIT P_INIT_FAILURE "C eof\nwants nothing\n");
}

TEST(the_end_inside_a_message_is_TRUNCATED)
{
    play(PLUGIN, "C 00 = NEED_MORE\nC eof = TRUNCATED\n");
    play(PLUGIN, "C 00000019 01 = NEED_MORE\n"
                 "C eof = TRUNCATED PLUGIN_INIT 1\n");
    play(PLUGIN, UNTIL_ANSWERED "C 00000001 = NEED_MORE\nC eof = TRUNCATED\n");
}

TEST(a_message_before_the_end_is_given_first)
{
    bytes said = bytes_of("{06}");
    authplug_putty_message message;
    end it;

    assert_true(end_open(&it, PLUGIN, NULL));
    play_on(&it, UNTIL_ANSWERED);
    assert_status(end_feed(&it, said.data, said.len), OK);
    end_eof(&it);
    assert_status(end_next(&it, &message), OK);
    assert_int_equal(message.type, AUTHPLUG_PUTTY_AUTH_SUCCESS);
    assert_status(end_next(&it, &message), OK);
    assert_int_equal(message.type, AUTHPLUG_PUTTY_EOF);
    end_close(&it);
}

TEST(bytes_that_found_no_memory_may_be_fed_again)
{
    static unsigned char big[60000] = {0, 0, 0xea, 0x5c, 3, 0, 0, 0xea, 0x57};
    authplug_putty_message message;
    end it;

    /* PLUGIN_PROTOCOL with one long string */
    assert_true(end_open(&it, PLUGIN, NULL));
    play_on(&it, UNTIL_READY);
    alloc_fail_at(1);
    assert_status(end_feed(&it, big, sizeof big), NOMEM);
    assert_status(end_fault(&it).status, OK);
    assert_status(end_next(&it, &message), NEED_MORE);
    assert_status(end_feed(&it, big, sizeof big), OK);
    assert_status(end_next(&it, &message), OK);
    assert_int_equal(message.type, AUTHPLUG_PUTTY_PROTOCOL);
    end_close(&it);
    alloc_reset();
}

/* --------------------------------------------------------------- secrets */

TEST(an_answer_of_the_user_is_wiped_when_the_next_thing_is_said)
{
    bytes answer = bytes_of("{17 00000001 {'" NEEDLE "'}}");
    authplug_putty_message message;
    end it;

    spy_on(NEEDLE);
    assert_true(end_open(&it, PLUGIN, NULL));
    play_on(&it, UNTIL_USER_ASKED);
    assert_status(end_feed(&it, answer.data, answer.len), OK);
    assert_status(end_next(&it, &message), OK);
    assert_span(message.response.answers[0], NEEDLE);
    assert_true(spy_sees());
    play_on(&it, P_ANSWER);
    assert_false(spy_sees());
    end_close(&it);
    assert_int_equal(spy_spilled(), 0);
    spy_on(NULL);
}

TEST(an_answer_to_the_server_is_wiped_once_it_is_sent)
{
    end it;

    spy_on(NEEDLE);
    assert_true(end_open(&it, PLUGIN, NULL));
    play_on(&it, UNTIL_ASKED);
    assert_status(authplug_ki_reply_add(it.reply, of(NEEDLE)), OK);
    assert_status(authplug_putty_plugin_server_response(it.plugin, it.reply),
                  OK);
    authplug_ki_reply_clear(it.reply);
    assert_true(spy_sees());
    end_consume(&it, end_output(&it).len);
    assert_false(spy_sees());
    end_close(&it);
    assert_int_equal(spy_spilled(), 0);
    spy_on(NULL);
}

TEST(an_engine_that_is_freed_midway_spills_nothing)
{
    bytes answer = bytes_of("{17 00000001 {'" NEEDLE NEEDLE "'}}");
    end it;

    spy_on(NEEDLE);
    for (size_t len = 0; len <= answer.len; len++) {
        authplug_putty_message message;

        assert_true(end_open(&it, PLUGIN, NULL));
        play_on(&it, UNTIL_USER_ASKED);
        assert_status(end_feed(&it, answer.data, len), OK);
        end_next(&it, &message);
        end_close(&it);
    }
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
        cmocka_unit_test(what_the_client_owes_is_named),
        cmocka_unit_test(a_message_may_come_in_pieces),
        cmocka_unit_test(an_outcome_and_the_next_protocol_may_come_at_once),
        cmocka_unit_test(the_highest_version_that_both_know_is_chosen),
        cmocka_unit_test(a_client_that_offers_no_version_can_only_be_refused),
        cmocka_unit_test(in_the_draft_a_rejection_is_bare_even_with_a_text),
        cmocka_unit_test(the_draft_is_otherwise_the_same),
        cmocka_unit_test(a_call_out_of_turn_is_STATE_and_queues_nothing),
        cmocka_unit_test(a_call_out_of_turn_changes_nothing),
        cmocka_unit_test(a_message_must_be_taken_before_it_is_answered),
        cmocka_unit_test(after_a_fault_every_call_reports_it),
        cmocka_unit_test(as_many_answers_go_to_the_server_as_it_had_prompts),
        cmocka_unit_test(
            a_message_that_does_not_fit_is_LIMIT_and_queues_nothing),
        cmocka_unit_test(a_string_over_the_limit_is_not_said_either),
        cmocka_unit_test(more_prompts_than_the_limit_are_not_said_either),
        cmocka_unit_test(raw_is_ignored_when_the_user_is_asked),
        cmocka_unit_test(requests_of_both_kinds_count_as_rounds),
        cmocka_unit_test(a_message_that_is_unknown_or_out_of_place_is_TYPE),
        cmocka_unit_test(
            a_message_that_belongs_elsewhere_is_TYPE_whatever_its_body),
        cmocka_unit_test(bytes_out_of_turn_are_TURN),
        cmocka_unit_test(a_second_message_behind_the_first_is_TURN),
        cmocka_unit_test(the_message_before_bytes_out_of_turn_still_comes),
        cmocka_unit_test(a_length_of_zero_is_LENGTH),
        cmocka_unit_test(
            a_length_over_the_limit_is_LENGTH_before_its_bytes_come),
        cmocka_unit_test(a_length_of_just_the_limit_is_waited_for),
        cmocka_unit_test(text_where_a_message_belongs_is_TEXT),
        cmocka_unit_test(a_fault_never_holds_what_the_client_wrote),
        cmocka_unit_test(a_body_that_ends_early_is_TRUNCATED_where_it_ends),
        cmocka_unit_test(bytes_after_a_body_are_TRAILING),
        cmocka_unit_test(a_string_over_the_limit_is_LENGTH),
        cmocka_unit_test(more_prompts_than_the_limit_are_LIMIT),
        cmocka_unit_test(
            a_number_of_answers_that_is_not_that_of_the_prompts_is_COUNT),
        cmocka_unit_test(a_flood_of_bytes_is_a_fault_and_not_held),
        cmocka_unit_test(the_client_may_close_anywhere_between_messages),
        cmocka_unit_test(the_end_inside_a_message_is_TRUNCATED),
        cmocka_unit_test(a_message_before_the_end_is_given_first),
        cmocka_unit_test(bytes_that_found_no_memory_may_be_fed_again),
        cmocka_unit_test(
            an_answer_of_the_user_is_wiped_when_the_next_thing_is_said),
        cmocka_unit_test(an_answer_to_the_server_is_wiped_once_it_is_sent),
        cmocka_unit_test(an_engine_that_is_freed_midway_spills_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
