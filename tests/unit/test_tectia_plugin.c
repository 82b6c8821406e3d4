/*
 * The plugin's end of Tectia's plugin protocol: authplug/tectia.h. P is the
 * engine under test, S is what a server writes; see support.h.
 */
#include "support.h"

#define KBDINT AUTHPLUG_TECTIA_KBDINT
#define PASSWD AUTHPLUG_TECTIA_PASSWD
#define AUTHORIZE AUTHPLUG_TECTIA_AUTHORIZE

#define NEEDLE "Zq7#xW!9"

#define TURN_OVER "# now it is our turn\n"
#define UNTIL_STARTED S_PARAMS TURN_OVER
#define UNTIL_ASKED S_PARAMS P_PIN
#define UNTIL_ANSWERED S_PARAMS P_PIN S_PIN TURN_OVER

/* Small, so that every bound is a few bytes away. */
static const authplug_limits small = {200, 2, 20, 3, 256};

static const authplug_tectia_kind kinds[] = {KBDINT, PASSWD, AUTHORIZE};
static const authplug_span none = {NULL, 0};

static authplug_span of(const char *text)
{
    return authplug_span_of(text);
}

static speaker opened(authplug_tectia_kind kind)
{
    speaker it;

    assert_true(speaker_open(&it, 'P', kind, NULL));
    return it;
}

static authplug_status asks(speaker *it, const char *text)
{
    authplug_ki_prompt prompt = {of(text), false};

    return authplug_tectia_plugin_request(it->plugin, none, &prompt, 1);
}

static authplug_status fails(speaker *it, authplug_tectia_code code,
                             const char *msg, const char *log)
{
    return authplug_tectia_plugin_failure(it->plugin, code, of(msg), of(log));
}

/* Every call, which gives this status and queues nothing. */
static void refuse_calls(speaker *it, authplug_status status)
{
    size_t queued = speaker_output(it).len;

    assert_int_equal(asks(it, "PIN: "), status);
    assert_int_equal(authplug_tectia_plugin_success(it->plugin), status);
    assert_int_equal(fails(it, AUTHPLUG_TECTIA_CODE_NONE, "", ""), status);
    assert_int_equal(speaker_output(it).len, queued);
}

static authplug_status feeds(speaker *it, const char *text)
{
    return speaker_feed(it, text, strlen(text));
}

/* Lines of one kind, then a last one, fed at once. */
static authplug_status feed_many(speaker *it, const char *line_text,
                                 size_t count, const char *last)
{
    static char many[65536];
    size_t len = 0;

    for (size_t i = 0; i <= count; i++) {
        const char *text = i < count ? line_text : last;

        assert_true(len + strlen(text) < sizeof many);
        memcpy(many + len, text, strlen(text));
        len += strlen(text);
    }
    return speaker_feed(it, many, len);
}

/* --------------------------------------------------------- conversations */

TEST(every_dialogue_is_held_word_for_word)
{
    for (size_t i = 0; i < dialogue_count; i++) {
        print_message("# %s\n", dialogues[i].name);
        hold('P', dialogues[i].kind, dialogues[i].script);
    }
}

TEST(the_source_s_dialogue_gives_these_events)
{
    hold('P', KBDINT,
         "S user_name:rebecca\n"
         "S remote_host_ip:192.0.2.7\n"
         "S end_of_params\n"
         "= PARAMS user_name 'rebecca' remote_host_ip '192.0.2.7'\n"
         "= NEED_MORE\n"
         "P instruction:Please provide some personal information.\n"
         "P req:Favorite color: \n"
         "P req:Pet's name: \n"
         "P req_echo:Do you like chocolate? \n"
         "P end_of_requests\n"
         "S reply:green\n"
         "S reply:Elvis\n"
         "S reply:yes\n"
         "S end_of_replies\n"
         "= REPLIES 'green' 'Elvis' 'yes'\n"
         "= NEED_MORE\n"
         "P success\n"
         "S eof\n"
         "= EOF\n");
}

TEST(free_takes_NULL_and_a_pointer_to_NULL)
{
    authplug_tectia_plugin *plugin = NULL;

    authplug_tectia_plugin_free(NULL);
    authplug_tectia_plugin_free(&plugin);
    plugin = authplug_tectia_plugin_new(AUTHORIZE, NULL);
    assert_non_null(plugin);
    authplug_tectia_plugin_free(&plugin);
    assert_null(plugin);
}

TEST(a_limit_of_zero_makes_nothing)
{
    for (size_t i = 0; i < 5; i++) {
        authplug_limits limits = AUTHPLUG_LIMITS_DEFAULT;
        uint32_t *all[] = {&limits.frame, &limits.prompts, &limits.string,
                           &limits.rounds, &limits.buffered};
        size_t live = alloc_live();

        *all[i] = 0;
        assert_null(authplug_tectia_plugin_new(KBDINT, &limits));
        assert_int_equal(alloc_live(), live);
    }
}

TEST(while_there_is_no_fault_its_words_are_empty)
{
    speaker it = opened(KBDINT);

    assert_status(speaker_fault(&it).status, OK);
    assert_string_equal(speaker_fault(&it).message, "");
    assert_string_equal(speaker_fault(&it).text, "");
    assert_int_equal(speaker_fault(&it).offset, 0);
    speaker_close(&it);
}

TEST(wants_tells_whose_turn_it_is)
{
    hold('P', KBDINT,
         "wants input\n" S_PARAMS "wants reply\n" P_PIN "wants input\n" S_PIN
         "wants reply\n" P_PIN "wants input\n" S_PIN "wants reply\n"
         "P success\nS eof\nwants nothing\n");
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        hold('P', kinds[i], "wants input\n" S_PARAMS "wants reply\n"
                            "P failure\nS eof\nwants nothing\n");
}

TEST(once_the_verdict_is_said_it_is_nobody_s_turn)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        speaker it = opened(kinds[i]);

        hold_on(&it, UNTIL_STARTED "P failure\n");
        assert_false(speaker_wants(&it) & AUTHPLUG_WANTS_REPLY);
        assert_false(speaker_wants(&it) & AUTHPLUG_WANTS_OUTPUT);
        speaker_close(&it);
    }
}

TEST(output_is_wanted_until_the_last_byte_is_sent)
{
    speaker it = opened(KBDINT);

    hold_on(&it, UNTIL_STARTED);
    assert_int_equal(speaker_output(&it).len, 0);
    assert_status(asks(&it, "PIN: "), OK);
    assert_true(speaker_wants(&it) & AUTHPLUG_WANTS_OUTPUT);
    assert_false(speaker_wants(&it) & AUTHPLUG_WANTS_REPLY);
    assert_span(speaker_output(&it), "req:PIN: \nend_of_requests\n");
    speaker_consume(&it, 4);
    assert_span(speaker_output(&it), "PIN: \nend_of_requests\n");
    speaker_consume(&it, 21);
    assert_span(speaker_output(&it), "\n");
    assert_true(speaker_wants(&it) & AUTHPLUG_WANTS_OUTPUT);
    speaker_consume(&it, 1);
    assert_int_equal(speaker_output(&it).len, 0);
    hold_on(&it, "wants input\n" S_PIN "P success\n");
    speaker_close(&it);
}

TEST(a_turn_may_come_in_pieces)
{
    hold('P', KBDINT,
         "s user_n\n= NEED_MORE\ns ame\n= NEED_MORE\ns :\n= NEED_MORE\n"
         "S rebecca\n= NEED_MORE\ns end_of_params\n= NEED_MORE\nS \n"
         "= PARAMS user_name 'rebecca'\n" P_PIN
         "s re\n= NEED_MORE\ns ply:12\n= NEED_MORE\nS 34\ns end\n"
         "= NEED_MORE\nS _of_replies\n= REPLIES '1234'\nP success\n");
}

TEST(a_conversation_of_no_round_is_whole)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        hold('P', kinds[i], S_PARAMS "P success\nS eof\n");
        hold('P', kinds[i], S_PARAMS "P failure\nS eof\n");
    }
}

/* ------------------------------------------------------------- the lines */

TEST(keys_and_words_are_case_insensitive)
{
    hold('P', KBDINT,
         "S USER_NAME:Rebecca\nS Host_IP:x\nS End_Of_PARAMS\n"
         "= PARAMS user_name 'Rebecca' host_ip 'x'\n" P_PIN
         "S REPLY:Green\nS END_of_REPLIES\n= REPLIES 'Green'\n");
}

TEST(a_value_is_all_after_the_first_colon)
{
    hold('P', PASSWD,
         "S user_name: a:b \nS old_password::\nS new_password:\nS host_ip:\t\n"
         "S end_of_params\n"
         "= PARAMS user_name ' a:b ' old_password ':' new_password ''"
         " host_ip '<09>'\n");
    hold('P', KBDINT,
         S_PARAMS "P req:a\nP req:b\nP req:c\nP end_of_requests\n"
                  "S reply: 1:2 \nS reply:\nS reply:reply:x\n"
                  "S end_of_replies\n= REPLIES ' 1:2 ' '' 'reply:x'\n");
}

TEST(values_that_look_like_lines_are_values)
{
    hold('P', KBDINT,
         "S user_name:end_of_params\nS host_name:end_of_replies\n"
         "S end_of_params\n"
         "= PARAMS user_name 'end_of_params' host_name 'end_of_replies'\n"
         "P req:a\nP req:b\nP end_of_requests\n"
         "S reply:end_of_replies\nS reply:end_of_params\nS end_of_replies\n"
         "= REPLIES 'end_of_replies' 'end_of_params'\n");
}

TEST(any_byte_but_three_may_be_in_a_value)
{
    speaker it = opened(KBDINT);
    char said[300] = "user_name:";
    size_t len = 10;
    authplug_tectia_event event;
    authplug_span value;

    for (int c = 1; c < 256; c++)
        if (c != '\r' && c != '\n')
            said[len++] = (char)c;
    memcpy(said + len, "\nend_of_params\n", 15);
    assert_status(speaker_feed(&it, said, len + 15), OK);
    assert_status(speaker_next(&it, &event), OK);
    value = authplug_tectia_param(&event, "user_name");
    assert_int_equal(value.len, len - 10);
    assert_memory_equal(value.data, said + 10, len - 10);
    speaker_close(&it);
}

TEST(a_parameter_is_found_by_its_name)
{
    speaker it = opened(PASSWD);
    authplug_tectia_event event;

    assert_status(feeds(&it, "User_Name:rebecca\nuser:x\nuser_names:y\n"
                             "host_ip:\nnew_password:stoat\nEND_OF_PARAMS\n"),
                  OK);
    assert_status(speaker_next(&it, &event), OK);
    assert_int_equal(event.type, AUTHPLUG_TECTIA_PARAMS);
    assert_span(authplug_tectia_param(&event, "user_name"), "rebecca");
    assert_span(authplug_tectia_param(&event, "new_password"), "stoat");
    assert_int_equal(authplug_tectia_param(&event, "host_ip").len, 0);
    assert_int_equal(authplug_tectia_param(&event, "old_password").len, 0);
    assert_int_equal(authplug_tectia_param(&event, "user_nam").len, 0);
    assert_int_equal(authplug_tectia_param(&event, "").len, 0);
    speaker_close(&it);
}

TEST(a_parameter_of_another_event_is_empty)
{
    speaker it = opened(KBDINT);
    authplug_tectia_event event;

    hold_on(&it, UNTIL_ASKED);
    assert_status(feeds(&it, "reply:1\nend_of_replies\n"), OK);
    assert_status(speaker_next(&it, &event), OK);
    assert_int_equal(event.type, AUTHPLUG_TECTIA_REPLIES);
    assert_int_equal(authplug_tectia_param(&event, "user_name").len, 0);
    assert_int_equal(authplug_tectia_param(&event, "reply").len, 0);
    speaker_close(&it);
}

TEST(a_parameter_said_twice_is_one_of_the_two)
{
    speaker it = opened(KBDINT);
    authplug_tectia_event event;
    authplug_span value;

    assert_status(feeds(&it, "user_name:a\nuser_name:b\nend_of_params\n"),
                  OK);
    assert_status(speaker_next(&it, &event), OK);
    value = authplug_tectia_param(&event, "user_name");
    assert_true(authplug_span_is(value, "a") || authplug_span_is(value, "b"));
    speaker_close(&it);
}

TEST(a_line_that_says_nothing_known_is_passed_over)
{
    static const char unknown[] =
        "S hello\n"
        "S \n"
        "S :\n"
        "S :x\n"
        "S user_name\n"
        "S user name:x\n"
        "S end_of_params \n"
        "S  end_of_params\n"
        "S end_of_\n"
        "S end_of_requests\n"
        "S success\n"
        "S failure\n"
        "S  reply:x\n"
        "S reply :x\n"
        "S reply\n"
        "S end_of_replies \n"
        "S \303\266\377\n";
    char script[1024];

    snprintf(script, sizeof script,
             "%s%sS user_name:rebecca\n%sS end_of_params\n"
             "= PARAMS user_name 'rebecca'\n",
             "S end_of_replies\n", unknown, unknown);
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        hold('P', kinds[i], script);
    snprintf(script, sizeof script,
             "%s%s%sS reply:1\n%sS end_of_replies\n= REPLIES '1'\n",
             UNTIL_ASKED, "S end_of_params\nS color:green\n", unknown, unknown);
    hold('P', KBDINT, script);
}

TEST(keys_that_come_in_the_future_do_no_harm)
{
    speaker it = opened(KBDINT);
    authplug_tectia_event event;

    assert_status(feeds(&it, "zone:x\nuser_name:a\nreply:y\n"
                             "key_9:z\nend_of_params\n"),
                  OK);
    assert_status(speaker_next(&it, &event), OK);
    assert_int_equal(event.type, AUTHPLUG_TECTIA_PARAMS);
    assert_span(authplug_tectia_param(&event, "user_name"), "a");
    speaker_close(&it);
}

TEST(there_may_be_no_parameters)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        hold('P', kinds[i], "S end_of_params\n= PARAMS\n= NEED_MORE\n"
                            "wants reply\nP failure\n");
}

TEST(an_instruction_may_be_empty)
{
    speaker it = opened(KBDINT);
    authplug_ki_prompt prompts[2] = {{of("a"), true}, {of(""), false}};

    hold_on(&it, UNTIL_STARTED);
    assert_status(authplug_tectia_plugin_request(it.plugin, none, prompts, 2),
                  OK);
    assert_span(speaker_output(&it), "req_echo:a\nreq:\nend_of_requests\n");
    speaker_close(&it);
}

TEST(a_round_may_have_no_prompts)
{
    hold('P', KBDINT,
         S_PARAMS "P end_of_requests\nS end_of_replies\n= REPLIES\n"
                  "P instruction:Wait\nP end_of_requests\n"
                  "S end_of_replies\n= REPLIES\nP success\n");
}

/* ------------------------------------------------------------ the verdict */

TEST(why_access_is_denied_is_said_after_the_failure)
{
    static const struct {
        authplug_tectia_code code;
        const char *msg;
        const char *said;
    } all[] = {
        {AUTHPLUG_TECTIA_CODE_NONE, "", "failure\n"},
        {AUTHPLUG_TECTIA_CODE_NONE, "x: y ", "failure\nerror_msg:x: y \n"},
        {AUTHPLUG_TECTIA_CODE_GENERIC, "",
         "failure\nerror_code:generic_error\n"},
        {AUTHPLUG_TECTIA_CODE_PASSWORD_TOO_OLD, "old",
         "failure\nerror_code:password_too_old\nerror_msg:old\n"},
    };

    for (size_t i = 0; i < COUNT_OF(all); i++) {
        speaker it = opened(AUTHORIZE);

        hold_on(&it, UNTIL_STARTED);
        assert_status(fails(&it, all[i].code, all[i].msg, ""), OK);
        assert_span(speaker_output(&it), all[i].said);
        speaker_close(&it);
    }
}

TEST(why_a_change_failed_is_said_before_the_failure)
{
    speaker it = opened(PASSWD);
    authplug_span output;

    hold_on(&it, UNTIL_STARTED);
    assert_status(fails(&it, AUTHPLUG_TECTIA_CODE_NONE, "BAD", "why"), OK);
    output = speaker_output(&it);
    assert_int_equal(output.len, 14 + 14 + 8);
    assert_true(memcmp(output.data, "error_msg:BAD\nerror_log:why\n", 28) ==
                    0 ||
                memcmp(output.data, "error_log:why\nerror_msg:BAD\n", 28) ==
                    0);
    assert_memory_equal(output.data + 28, "failure\n", 8);
    speaker_close(&it);
}

/* What a kind has no line for is refused or left out, never said. */
TEST(a_reason_that_does_not_belong_is_not_said)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        speaker it = opened(kinds[i]);
        authplug_tectia_code code = kinds[i] == AUTHORIZE
                                        ? AUTHPLUG_TECTIA_CODE_NONE
                                        : AUTHPLUG_TECTIA_CODE_GENERIC;
        const char *msg = kinds[i] == KBDINT ? "never" : "";
        const char *log = kinds[i] == PASSWD ? "" : "never";
        authplug_status status;

        hold_on(&it, UNTIL_STARTED);
        status = fails(&it, code, msg, log);
        if (status == AUTHPLUG_OK)
            assert_span(speaker_output(&it), "failure\n");
        else
            assert_int_equal(speaker_output(&it).len, 0);
        speaker_close(&it);
    }
}

TEST(nothing_is_said_after_a_verdict)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        speaker it = opened(kinds[i]);

        hold_on(&it, UNTIL_STARTED "P success\n");
        refuse_calls(&it, AUTHPLUG_STATE);
        hold_on(&it, "S eof\n= EOF\n");
        refuse_calls(&it, AUTHPLUG_STATE);
        speaker_close(&it);
        it = opened(kinds[i]);
        hold_on(&it, UNTIL_STARTED);
        assert_status(fails(&it, AUTHPLUG_TECTIA_CODE_NONE, "", ""), OK);
        refuse_calls(&it, AUTHPLUG_STATE);
        assert_span(speaker_output(&it), "failure\n");
        speaker_close(&it);
    }
}

TEST(what_comes_after_a_verdict_is_no_event)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        speaker it = opened(kinds[i]);
        authplug_tectia_event event;
        authplug_status status;

        hold_on(&it, UNTIL_STARTED "P success\n");
        status = feeds(&it, "reply:x\nend_of_replies\n");
        if (status == AUTHPLUG_OK)
            status = speaker_next(&it, &event);
        assert_true(status == AUTHPLUG_NEED_MORE || status == AUTHPLUG_TURN);
        speaker_close(&it);
    }
}

/* ---------------------------------------------------------------- the end */

TEST(the_server_may_close_anywhere_between_lists)
{
    hold('P', KBDINT, "S eof\n= EOF\nwants nothing\n");
    hold('P', KBDINT, UNTIL_STARTED "S eof\n= EOF\n");
    hold('P', KBDINT, UNTIL_ASKED "S eof\n= EOF\n");
    hold('P', KBDINT, UNTIL_ANSWERED "S eof\n= EOF\n");
    hold('P', PASSWD, S_PASSWORDS "P success\nS eof\n= EOF\n");
    hold('P', AUTHORIZE, S_PARAMS "P failure\nS eof\n= EOF\n");
}

TEST(lists_come_before_the_end)
{
    hold('P', AUTHORIZE, S_PARAMS "S eof\n= PARAMS user_name 'rebecca'\n"
                                  "= EOF\n");
    hold('P', KBDINT, UNTIL_ASKED S_PIN "S eof\n= REPLIES '1234'\n= EOF\n");
}

TEST(a_list_without_its_end_is_TRUNCATED)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        hold('P', kinds[i], "S user_name:a\nS eof\n= TRUNCATED\n");
        hold('P', kinds[i], "S user_name:a\ns end_of_params\nS eof\n"
                            "= TRUNCATED\n");
        hold('P', kinds[i], "s u\nS eof\n= TRUNCATED\n");
        hold('P', kinds[i], "S hello\nS eof\n= TRUNCATED\n");
    }
    hold('P', KBDINT, UNTIL_ASKED "S reply:1\nS eof\n= TRUNCATED\n");
    hold('P', KBDINT, UNTIL_ASKED "s reply:1\nS eof\n= TRUNCATED\n");
    hold('P', KBDINT, UNTIL_ASKED "S reply:1\ns end_of_replies\nS eof\n"
                                  "= TRUNCATED\n");
}

/* ------------------------------------------------- bytes that are refused */

TEST(CR_and_NUL_in_a_line_are_VALUE)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        hold('P', kinds[i], "S user_name:a\\r\n= VALUE params 1\n");
        hold('P', kinds[i], "S user_name:a\\0b\n= VALUE params 1\n");
        hold('P', kinds[i], "S a:b\nS hello\\r\n= VALUE params 2\n");
        hold('P', kinds[i], "S a:b\nS end_of_params\\r\n= VALUE params 2\n");
        hold('P', kinds[i], "S end_of_params\\0\n= VALUE params 1\n");
    }
    hold('P', KBDINT, UNTIL_ASKED "S reply:a\\r\n= VALUE replies 1\n");
    hold('P', KBDINT, UNTIL_ASKED "S reply:\\0a\n= VALUE replies 1\n");
    hold('P', KBDINT, UNTIL_ASKED "S hello\nS \\r\n= VALUE replies 2\n");
}

TEST(a_list_with_a_bad_line_gives_nothing)
{
    hold('P', KBDINT,
         "S user_name:a\nS host_ip:\\0\nS end_of_params\n= VALUE\n");
    hold('P', KBDINT, UNTIL_ASKED "S reply:a\\r\nS end_of_replies\n= VALUE\n");
}

/* Tries a text wherever one goes in; nothing is queued. */
static void refuse_text(authplug_span text)
{
    authplug_ki_prompt prompts[2] = {{of("PIN: "), false}, {text, true}};
    speaker it = opened(KBDINT);

    hold_on(&it, UNTIL_STARTED);
    assert_status(authplug_tectia_plugin_request(it.plugin, none, prompts, 2),
                  VALUE);
    assert_status(authplug_tectia_plugin_request(it.plugin, text, prompts, 1),
                  VALUE);
    assert_int_equal(speaker_output(&it).len, 0);
    hold_on(&it, "wants reply\n" P_PIN S_PIN "P success\n");
    speaker_close(&it);
    for (size_t i = 1; i < COUNT_OF(kinds); i++) {
        it = opened(kinds[i]);
        hold_on(&it, UNTIL_STARTED);
        assert_status(authplug_tectia_plugin_failure(
                          it.plugin, AUTHPLUG_TECTIA_CODE_NONE, text, none),
                      VALUE);
        if (kinds[i] == PASSWD)
            assert_status(
                authplug_tectia_plugin_failure(
                    it.plugin, AUTHPLUG_TECTIA_CODE_NONE, none, text),
                VALUE);
        assert_int_equal(speaker_output(&it).len, 0);
        assert_status(speaker_fault(&it).status, OK);
        hold_on(&it, "wants reply\nP failure\n");
        speaker_close(&it);
    }
}

TEST(a_text_that_would_forge_lines_is_not_said)
{
    refuse_text(of("x\n"));
    refuse_text(of("\nx"));
    refuse_text(of("x\r"));
    refuse_text(of("PIN: \nend_of_requests"));
    refuse_text(of("no\nsuccess\n"));
    refuse_text(authplug_span_make("\0", 1));
    refuse_text(authplug_span_make("a\0b", 3));
    refuse_text(authplug_span_make("a\0", 2));
}

TEST(a_text_that_only_looks_like_a_line_is_said)
{
    hold('P', KBDINT,
         S_PARAMS "P instruction:req:x\nP req:end_of_requests\n"
                  "P req_echo:success\nP req: : \nP end_of_requests\n"
                  "S reply:1\nS reply:2\nS reply:3\nS end_of_replies\n");
    hold('P', PASSWD, S_PASSWORDS "P error_msg:success\nP failure\n");
    hold('P', AUTHORIZE, S_PARAMS "P failure\nP error_msg:success\n");
}

/* -------------------------------------------------------------- the count */

TEST(a_number_of_replies_that_is_not_that_of_the_prompts_is_COUNT)
{
    hold('P', KBDINT, UNTIL_ASKED "S end_of_replies\n= COUNT\n");
    hold('P', KBDINT, UNTIL_ASKED "S hello\nS end_of_replies\n= COUNT\n");
    hold('P', KBDINT,
         UNTIL_ASKED "S reply:a\nS reply:b\nS end_of_replies\n= COUNT\n");
    hold('P', KBDINT,
         S_PARAMS "P req:a\nP req:b\nP end_of_requests\n"
                  "S reply:1\nS end_of_replies\n= COUNT\n");
    hold('P', KBDINT,
         S_PARAMS "P end_of_requests\nS reply:\nS end_of_replies\n= COUNT\n");
}

TEST(a_reply_cannot_make_more_of_them)
{
    /* what a host that checks nothing would write for "1\nreply:2" */
    hold('P', KBDINT,
         UNTIL_ASKED "S reply:1\nS reply:2\nS end_of_replies\n= COUNT\n");
    /* and for "1\nend_of_replies\n" */
    hold('P', KBDINT,
         S_PARAMS "P req:a\nP req:b\nP end_of_requests\n"
                  "S reply:1\nS end_of_replies\nS reply:2\n"
                  "S end_of_replies\n= COUNT\n");
    hold('P', KBDINT,
         UNTIL_ASKED "S reply:1\nS end_of_replies\nS reply:2\n"
                     "S end_of_replies\n= REPLIES '1'\n= TURN\n");
}

/* ----------------------------------------------------------------- limits */

TEST(as_many_rounds_as_the_limit_are_asked)
{
    hold_with('P', KBDINT, &small,
              UNTIL_ASKED S_PIN P_PIN S_PIN P_PIN S_PIN
              P_PIN "= LIMIT\nwants reply\nP success\nS eof\n");
}

TEST(many_rounds_are_asked)
{
    speaker it = opened(KBDINT);

    hold_on(&it, UNTIL_STARTED);
    for (int i = 0; i < 1000; i++)
        hold_on(&it, P_PIN S_PIN);
    hold_on(&it, P_PIN "= LIMIT\nP failure\n");
    speaker_close(&it);
}

TEST(more_prompts_than_the_limit_are_not_asked)
{
    hold_with('P', KBDINT, &small,
              S_PARAMS "P req:a\nP req:b\nP req:c\nP end_of_requests\n"
                       "= LIMIT\nwants reply\n"
                       "P req:a\nP req:b\nP end_of_requests\nwants input\n");
}

TEST(a_line_over_the_limit_is_LENGTH)
{
    static const char long_value[] = "1234567890123456789012345678901234567890";
    static const char *const keys[] = {"user_name", "unknown", "k"};
    char script[512];

    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        snprintf(script, sizeof script, "S a:b\nS %s:%s\n= LENGTH params 2\n",
                 keys[i], long_value);
        hold_with('P', PASSWD, &small, script);
    }
    snprintf(script, sizeof script, "S %s\n= LENGTH params 1\n", long_value);
    hold_with('P', AUTHORIZE, &small, script);
    snprintf(script, sizeof script, "%sS reply:%s\n= LENGTH replies 1\n",
             UNTIL_ASKED, long_value);
    hold_with('P', KBDINT, &small, script);
}

TEST(a_line_of_just_the_limit_is_heard_and_said)
{
    hold_with('P', KBDINT, &small,
              "S user_name:1234567890\nS end_of_params\n"
              "P req:1234567890123456\nP end_of_requests\n"
              "S reply:12345678901234\nS end_of_replies\n"
              "P req:12345678901234567\nP end_of_requests\n= LENGTH\n"
              "wants reply\n");
}

TEST(a_line_that_does_not_end_is_not_waited_for)
{
    static char many[70000];
    speaker it = opened(KBDINT);
    authplug_tectia_event event;
    authplug_status status = AUTHPLUG_OK;

    memset(many, 'x', sizeof many);
    for (size_t fed = 0; status == AUTHPLUG_OK && fed < sizeof many;
         fed += 1000) {
        status = speaker_feed(&it, many + fed, 1000);
        if (status == AUTHPLUG_OK) {
            status = speaker_next(&it, &event);
            if (status == AUTHPLUG_NEED_MORE)
                status = AUTHPLUG_OK;
        }
    }
    assert_status(status, LENGTH);
    speaker_close(&it);
}

TEST(a_text_over_the_limit_is_not_said)
{
    static const char long_text[] = "123456789012345678901";
    authplug_ki_prompt prompt = {of("a"), false};
    speaker it;

    assert_true(speaker_open(&it, 'P', KBDINT, &small));
    hold_on(&it, UNTIL_STARTED);
    assert_status(asks(&it, long_text), LENGTH);
    assert_status(authplug_tectia_plugin_request(it.plugin, of(long_text),
                                                 &prompt, 1),
                  LENGTH);
    assert_int_equal(speaker_output(&it).len, 0);
    hold_on(&it, "wants reply\n" P_PIN);
    speaker_close(&it);
    for (size_t i = 1; i < COUNT_OF(kinds); i++) {
        assert_true(speaker_open(&it, 'P', kinds[i], &small));
        hold_on(&it, UNTIL_STARTED);
        assert_status(fails(&it, AUTHPLUG_TECTIA_CODE_NONE, long_text, ""),
                      LENGTH);
        if (kinds[i] == PASSWD)
            assert_status(fails(&it, AUTHPLUG_TECTIA_CODE_NONE, "x", long_text),
                          LENGTH);
        assert_int_equal(speaker_output(&it).len, 0);
        hold_on(&it, "wants reply\nP failure\n");
        speaker_close(&it);
    }
}

TEST(lines_that_are_passed_over_are_bounded_too)
{
    speaker it = opened(KBDINT);
    authplug_tectia_event event;

    assert_status(feed_many(&it, "x y\n", 255, "end_of_params\n"), OK);
    assert_status(speaker_next(&it, &event), OK);
    assert_int_equal(event.type, AUTHPLUG_TECTIA_PARAMS);
    for (int i = 0; i < 3; i++) { /* each list has its own bound */
        hold_on(&it, P_PIN);
        assert_status(feed_many(&it, "x:y\n", 254,
                                "reply:1\nend_of_replies\n"),
                      OK);
        assert_status(speaker_next(&it, &event), OK);
        assert_int_equal(event.type, AUTHPLUG_TECTIA_REPLIES);
    }
    hold_on(&it, P_PIN);
    if (feed_many(&it, "x:y\n", 257, "end_of_replies\n") == AUTHPLUG_OK)
        assert_status(speaker_next(&it, &event), LIMIT);
    assert_status(speaker_fault(&it).status, LIMIT);
    assert_string_equal(speaker_fault(&it).message, "replies");
    assert_int_equal(speaker_fault(&it).offset, 257);
    speaker_close(&it);
}

TEST(parameters_are_bounded)
{
    speaker it = opened(KBDINT);
    authplug_tectia_event event;

    assert_status(feed_many(&it, "k:v\n", 255, "end_of_params\n"), OK);
    assert_status(speaker_next(&it, &event), OK);
    speaker_close(&it);
    it = opened(KBDINT);
    if (feed_many(&it, "user_name:v\n", 257, "end_of_params\n") == AUTHPLUG_OK)
        assert_status(speaker_next(&it, &event), LIMIT);
    assert_status(speaker_fault(&it).status, LIMIT);
    assert_string_equal(speaker_fault(&it).message, "params");
    speaker_close(&it);
}

TEST(a_list_that_would_not_be_held_is_not_said)
{
    static const authplug_limits tiny = {30, 9, 20, 3, 35};
    speaker it;

    assert_true(speaker_open(&it, 'P', KBDINT, &tiny));
    hold_on(&it, "S user_name:a\n= NEED_MORE\nS end_of_params\n"
                 "= PARAMS user_name 'a'\n"
                 "P req:12345678\nP req:12345678\nP req:12345678\n"
                 "P end_of_requests\n= LIMIT\nwants reply\nP success\n");
    speaker_close(&it);
}

TEST(a_flood_of_bytes_is_a_fault_and_not_held)
{
    static char many[4096];
    speaker it;
    authplug_tectia_event event;
    authplug_status status = AUTHPLUG_OK;

    memset(many, '\n', sizeof many);
    assert_true(speaker_open(&it, 'P', KBDINT, &small));
    hold_on(&it, UNTIL_STARTED);
    for (int i = 0; i < 1000 && status == AUTHPLUG_OK; i++)
        status = speaker_feed(&it, many, sizeof many);
    if (status == AUTHPLUG_OK)
        status = speaker_next(&it, &event);
    assert_true(status != AUTHPLUG_OK && status != AUTHPLUG_NEED_MORE);
    assert_int_equal(speaker_fault(&it).status, status);
    speaker_close(&it);
}

/* ----------------------------------------------------------------- turns */

TEST(a_server_that_speaks_while_we_think_is_TURN)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        hold('P', kinds[i], UNTIL_STARTED "s x\n= TURN\n");
        hold('P', kinds[i], UNTIL_STARTED S_PARAMS "= TURN\n");
        hold('P', kinds[i],
             S_PARAMS "S \n= PARAMS user_name 'rebecca'\n= TURN\n");
    }
    hold('P', KBDINT, UNTIL_ANSWERED S_PIN "= TURN\n");
    hold('P', KBDINT, S_PARAMS S_PIN "= PARAMS user_name 'rebecca'\n= TURN\n");
}

TEST(nothing_is_said_to_a_server_that_did_not_wait)
{
    speaker it = opened(KBDINT);
    authplug_status status;

    hold_on(&it, UNTIL_STARTED);
    status = feeds(&it, "reply:1\n");
    if (status == AUTHPLUG_OK)
        status = authplug_tectia_plugin_success(it.plugin);
    assert_status(status, TURN);
    assert_int_equal(speaker_output(&it).len, 0);
    speaker_close(&it);
}

TEST(a_call_out_of_turn_is_STATE_and_queues_nothing)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        speaker it = opened(kinds[i]);

        refuse_calls(&it, AUTHPLUG_STATE);
        hold_on(&it, "wants input\ns user_name:re\n= NEED_MORE\n");
        refuse_calls(&it, AUTHPLUG_STATE);
        hold_on(&it, "S becca\nS end_of_params\n"
                     "= PARAMS user_name 'rebecca'\nwants reply\n");
        if (kinds[i] != KBDINT) {
            assert_status(asks(&it, "PIN: "), STATE);
            assert_int_equal(speaker_output(&it).len, 0);
        } else {
            hold_on(&it, P_PIN);
            refuse_calls(&it, AUTHPLUG_STATE);
            hold_on(&it, "s reply:12\n= NEED_MORE\n");
            refuse_calls(&it, AUTHPLUG_STATE);
            hold_on(&it, "S 34\nS end_of_replies\n= REPLIES '1234'\n");
        }
        hold_on(&it, "wants reply\nP failure\n");
        assert_status(speaker_fault(&it).status, OK);
        speaker_close(&it);
    }
}

TEST(a_list_must_be_taken_before_it_is_answered)
{
    speaker it = opened(KBDINT);
    authplug_tectia_event event;

    assert_status(feeds(&it, "end_of_params\n"), OK);
    refuse_calls(&it, AUTHPLUG_STATE);
    assert_status(speaker_next(&it, &event), OK);
    hold_on(&it, P_PIN);
    assert_status(feeds(&it, "reply:1\nend_of_replies\n"), OK);
    refuse_calls(&it, AUTHPLUG_STATE);
    assert_status(speaker_next(&it, &event), OK);
    hold_on(&it, "P success\n");
    speaker_close(&it);
}

TEST(after_a_fault_nobody_is_let_in)
{
    static const char *const faults[] = {
        UNTIL_ASKED "S end_of_replies\n= COUNT\n",
        UNTIL_ASKED "S reply:1\nS eof\n= TRUNCATED\n",
        UNTIL_ASKED "S reply:1\\r\n= VALUE\n",
        "S user_name:a\nS eof\n= TRUNCATED\n",
    };

    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        speaker it = opened(KBDINT);
        authplug_status status;

        hold_on(&it, faults[i]);
        status = speaker_fault(&it).status;
        assert_int_equal(asks(&it, "PIN: "), status);
        assert_int_equal(authplug_tectia_plugin_success(it.plugin), status);
        assert_int_equal(speaker_output(&it).len, 0);
        /* "the plugin must then fail": it may be able to say so, or not */
        if (fails(&it, AUTHPLUG_TECTIA_CODE_NONE, "", "") == AUTHPLUG_OK)
            assert_span(speaker_output(&it), "failure\n");
        else
            assert_int_equal(speaker_output(&it).len, 0);
        assert_int_equal(speaker_fault(&it).status, status);
        speaker_close(&it);
    }
}

TEST(the_first_fault_stays)
{
    hold('P', KBDINT,
         "S a:b\nS x\\r\nS y\\0\n= VALUE params 2\nS eof\n= VALUE params 2\n");
}

TEST(a_fault_never_holds_what_the_server_wrote)
{
    static const char *const wrote[] = {
        "Zq7Zq7\r\n", "user_name:Zq7\r\n", "Zq7:Zq7\r\n", "Zq7\n", "Zq7",
        "end_of_params\nZq7\n",
    };

    for (size_t i = 0; i < COUNT_OF(wrote); i++) {
        speaker it = opened(KBDINT);
        authplug_tectia_event event;

        (void)speaker_feed(&it, wrote[i], strlen(wrote[i]));
        speaker_eof(&it);
        for (int k = 0; k < 4; k++)
            (void)speaker_next(&it, &event);
        assert_true(speaker_fault(&it).status != AUTHPLUG_OK);
        assert_null(strstr(speaker_fault(&it).text, "Zq7"));
        assert_null(strstr(speaker_fault(&it).message, "Zq7"));
        speaker_close(&it);
    }
}

/* ---------------------------------------------------------------- memory */

TEST(an_event_is_not_touched_where_there_is_none)
{
    speaker it = opened(KBDINT);
    authplug_tectia_event event, before;

    memset(&event, 0x5a, sizeof event);
    memcpy(&before, &event, sizeof event);
    assert_status(speaker_next(&it, &event), NEED_MORE);
    assert_status(feeds(&it, "user_name:x\n"), OK);
    assert_status(speaker_next(&it, &event), NEED_MORE);
    speaker_eof(&it);
    assert_status(speaker_next(&it, &event), TRUNCATED);
    assert_memory_equal(&event, &before, sizeof event);
    speaker_close(&it);
}

TEST(what_an_event_points_to_lives_until_the_next_call)
{
    static const char said[] = "User_Name:rebecca\nhost_ip:x\nend_of_params\n";
    speaker it = opened(KBDINT);
    authplug_tectia_event event;
    char *copy = malloc(sizeof said);

    assert_non_null(copy);
    memcpy(copy, said, sizeof said);
    assert_status(speaker_feed(&it, copy, sizeof said - 1), OK);
    memset(copy, 'x', sizeof said);
    free(copy);
    assert_status(speaker_next(&it, &event), OK);
    assert_int_equal(event.count, 2);
    assert_span(event.pairs[0].key, "user_name");
    assert_span(event.pairs[0].value, "rebecca");
    assert_span(event.pairs[1].key, "host_ip");
    assert_span(event.pairs[1].value, "x");
    speaker_close(&it);
}

TEST(what_goes_into_a_call_is_not_kept)
{
    static const char text[] = "PIN: ";
    char *copy = malloc(sizeof text);
    authplug_ki_prompt *prompt = malloc(sizeof *prompt);
    speaker it = opened(KBDINT);

    assert_non_null(copy);
    assert_non_null(prompt);
    memcpy(copy, text, sizeof text);
    prompt->text = of(copy);
    prompt->echo = true;
    hold_on(&it, UNTIL_STARTED);
    assert_status(authplug_tectia_plugin_request(it.plugin, prompt->text,
                                                 prompt, 1),
                  OK);
    memset(copy, 'x', sizeof text);
    free(copy);
    free(prompt);
    assert_span(speaker_output(&it),
                "instruction:PIN: \nreq_echo:PIN: \nend_of_requests\n");
    speaker_close(&it);
}

TEST(bytes_that_found_no_memory_may_be_fed_again)
{
    static char big[60000];
    speaker it = opened(KBDINT);
    authplug_tectia_event event;

    memset(big, 'x', sizeof big);
    memcpy(big, "user_name:", 10);
    memcpy(big + sizeof big - 15, "\nend_of_params\n", 15);
    alloc_fail_at(1);
    assert_status(speaker_feed(&it, big, sizeof big), NOMEM);
    alloc_reset();
    assert_status(speaker_fault(&it).status, OK);
    assert_status(speaker_next(&it, &event), NEED_MORE);
    assert_status(speaker_feed(&it, big, sizeof big), OK);
    assert_status(speaker_next(&it, &event), OK);
    assert_int_equal(authplug_tectia_param(&event, "user_name").len,
                     sizeof big - 25);
    speaker_close(&it);
}

TEST(a_call_that_found_no_memory_may_be_made_again)
{
    static char big[60001];
    speaker it = opened(KBDINT);

    memset(big, 'x', sizeof big - 1);
    hold_on(&it, UNTIL_STARTED);
    alloc_fail_at(1);
    assert_status(asks(&it, big), NOMEM);
    alloc_reset();
    assert_int_equal(speaker_output(&it).len, 0);
    assert_status(asks(&it, big), OK);
    assert_int_equal(speaker_output(&it).len, 4 + 60000 + 1 + 16);
    speaker_close(&it);
}

TEST(a_reply_is_wiped_when_the_next_thing_is_said)
{
    static const char said[] = "reply:" NEEDLE "\nend_of_replies\n";
    authplug_tectia_event event;
    speaker it;

    spy_on(NEEDLE);
    it = opened(KBDINT);
    hold_on(&it, UNTIL_ASKED);
    assert_status(speaker_feed(&it, said, sizeof said - 1), OK);
    assert_status(speaker_next(&it, &event), OK);
    assert_span(event.replies[0], NEEDLE);
    assert_true(spy_sees());
    hold_on(&it, P_PIN);
    assert_false(spy_sees());
    speaker_close(&it);
    assert_int_equal(spy_spilled(), 0);
    spy_on(NULL);
}

TEST(an_engine_that_is_freed_midway_spills_nothing)
{
    static const char said[] = "user_name:x\nold_password:" NEEDLE "\n"
                               "new_password:" NEEDLE NEEDLE "\n"
                               "end_of_params\n";

    spy_on(NEEDLE);
    for (size_t len = 0; len < sizeof said; len++) {
        speaker it = opened(PASSWD);
        authplug_tectia_event event;

        assert_status(speaker_feed(&it, said, len), OK);
        (void)speaker_next(&it, &event);
        speaker_close(&it);
        assert_false(spy_sees());
    }
    assert_int_equal(spy_spilled(), 0);
    spy_on(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dialogue_is_held_word_for_word),
        cmocka_unit_test(the_source_s_dialogue_gives_these_events),
        cmocka_unit_test(free_takes_NULL_and_a_pointer_to_NULL),
        cmocka_unit_test(a_limit_of_zero_makes_nothing),
        cmocka_unit_test(while_there_is_no_fault_its_words_are_empty),
        cmocka_unit_test(wants_tells_whose_turn_it_is),
        cmocka_unit_test(once_the_verdict_is_said_it_is_nobody_s_turn),
        cmocka_unit_test(output_is_wanted_until_the_last_byte_is_sent),
        cmocka_unit_test(a_turn_may_come_in_pieces),
        cmocka_unit_test(a_conversation_of_no_round_is_whole),
        cmocka_unit_test(keys_and_words_are_case_insensitive),
        cmocka_unit_test(a_value_is_all_after_the_first_colon),
        cmocka_unit_test(values_that_look_like_lines_are_values),
        cmocka_unit_test(any_byte_but_three_may_be_in_a_value),
        cmocka_unit_test(a_parameter_is_found_by_its_name),
        cmocka_unit_test(a_parameter_of_another_event_is_empty),
        cmocka_unit_test(a_parameter_said_twice_is_one_of_the_two),
        cmocka_unit_test(a_line_that_says_nothing_known_is_passed_over),
        cmocka_unit_test(keys_that_come_in_the_future_do_no_harm),
        cmocka_unit_test(there_may_be_no_parameters),
        cmocka_unit_test(an_instruction_may_be_empty),
        cmocka_unit_test(a_round_may_have_no_prompts),
        cmocka_unit_test(why_access_is_denied_is_said_after_the_failure),
        cmocka_unit_test(why_a_change_failed_is_said_before_the_failure),
        cmocka_unit_test(a_reason_that_does_not_belong_is_not_said),
        cmocka_unit_test(nothing_is_said_after_a_verdict),
        cmocka_unit_test(what_comes_after_a_verdict_is_no_event),
        cmocka_unit_test(the_server_may_close_anywhere_between_lists),
        cmocka_unit_test(lists_come_before_the_end),
        cmocka_unit_test(a_list_without_its_end_is_TRUNCATED),
        cmocka_unit_test(CR_and_NUL_in_a_line_are_VALUE),
        cmocka_unit_test(a_list_with_a_bad_line_gives_nothing),
        cmocka_unit_test(a_text_that_would_forge_lines_is_not_said),
        cmocka_unit_test(a_text_that_only_looks_like_a_line_is_said),
        cmocka_unit_test(
            a_number_of_replies_that_is_not_that_of_the_prompts_is_COUNT),
        cmocka_unit_test(a_reply_cannot_make_more_of_them),
        cmocka_unit_test(as_many_rounds_as_the_limit_are_asked),
        cmocka_unit_test(many_rounds_are_asked),
        cmocka_unit_test(more_prompts_than_the_limit_are_not_asked),
        cmocka_unit_test(a_line_over_the_limit_is_LENGTH),
        cmocka_unit_test(a_line_of_just_the_limit_is_heard_and_said),
        cmocka_unit_test(a_line_that_does_not_end_is_not_waited_for),
        cmocka_unit_test(a_text_over_the_limit_is_not_said),
        cmocka_unit_test(lines_that_are_passed_over_are_bounded_too),
        cmocka_unit_test(parameters_are_bounded),
        cmocka_unit_test(a_list_that_would_not_be_held_is_not_said),
        cmocka_unit_test(a_flood_of_bytes_is_a_fault_and_not_held),
        cmocka_unit_test(a_server_that_speaks_while_we_think_is_TURN),
        cmocka_unit_test(nothing_is_said_to_a_server_that_did_not_wait),
        cmocka_unit_test(a_call_out_of_turn_is_STATE_and_queues_nothing),
        cmocka_unit_test(a_list_must_be_taken_before_it_is_answered),
        cmocka_unit_test(after_a_fault_nobody_is_let_in),
        cmocka_unit_test(the_first_fault_stays),
        cmocka_unit_test(a_fault_never_holds_what_the_server_wrote),
        cmocka_unit_test(an_event_is_not_touched_where_there_is_none),
        cmocka_unit_test(what_an_event_points_to_lives_until_the_next_call),
        cmocka_unit_test(what_goes_into_a_call_is_not_kept),
        cmocka_unit_test(bytes_that_found_no_memory_may_be_fed_again),
        cmocka_unit_test(a_call_that_found_no_memory_may_be_made_again),
        cmocka_unit_test(a_reply_is_wiped_when_the_next_thing_is_said),
        cmocka_unit_test(an_engine_that_is_freed_midway_spills_nothing),
    };

    return cmocka_run_group_tests_name("the plugin of lines", tests, NULL,
                                       NULL);
}
