/*
 * The server's end of Tectia's plugin protocol: authplug/tectia.h. S is the
 * engine under test, P is what a plugin writes; see support.h.
 */
#include "support.h"

#define KBDINT AUTHPLUG_TECTIA_KBDINT
#define PASSWD AUTHPLUG_TECTIA_PASSWD
#define AUTHORIZE AUTHPLUG_TECTIA_AUTHORIZE

#define NEEDLE "Zq7#xW!9"

#define UNTIL_ASKED S_PARAMS P_PIN "# now it is our turn\n"
#define UNTIL_ANSWERED UNTIL_ASKED S_PIN

/* Small, so that every bound is a few bytes away. */
static const authplug_limits small = {200, 2, 20, 3, 256};

static const authplug_tectia_kind kinds[] = {KBDINT, PASSWD, AUTHORIZE};

static authplug_span of(const char *text)
{
    return authplug_span_of(text);
}

static speaker opened(authplug_tectia_kind kind)
{
    speaker it;

    assert_true(speaker_open(&it, 'S', kind, NULL));
    return it;
}

static authplug_status feeds(speaker *it, const char *text)
{
    return speaker_feed(it, text, strlen(text));
}

/* The last event of all that are there, and the status after it. */
static authplug_status last_event(speaker *it, authplug_tectia_event *event)
{
    authplug_status status = AUTHPLUG_OK;

    memset(event, 0, sizeof *event);
    for (int i = 0; i < 8 && status == AUTHPLUG_OK; i++) {
        authplug_tectia_event next;

        memset(&next, 0, sizeof next);
        status = speaker_next(it, &next);
        if (status == AUTHPLUG_OK)
            *event = next;
        if (status == AUTHPLUG_OK && next.type == AUTHPLUG_TECTIA_VERDICT)
            break;
    }
    return status;
}

/* Whatever becomes of this, nobody is let in. */
static void denies(authplug_tectia_kind kind, const char *before,
                   const char *said, size_t len)
{
    speaker it = opened(kind);
    authplug_tectia_event event;
    authplug_status status;

    hold_on(&it, before);
    status = speaker_feed(&it, said, len);
    if (status == AUTHPLUG_OK) {
        speaker_eof(&it);
        status = last_event(&it, &event);
    }
    assert_true(status != AUTHPLUG_NEED_MORE);
    if (status == AUTHPLUG_OK) {
        assert_int_equal(event.type, AUTHPLUG_TECTIA_VERDICT);
        assert_false(event.success);
    } else {
        assert_int_equal(speaker_fault(&it).status, status);
    }
    speaker_close(&it);
}

#define DENIES(kind, before, said) denies(kind, before, said, sizeof said - 1)

/* Lines of one kind, then a last one, fed at once. */
static authplug_status feed_many(speaker *it, const char *line_text,
                                 size_t count, const char *last)
{
    static char many[65536];
    size_t len = 0;

    many[0] = '\0';
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
        hold('S', dialogues[i].kind, dialogues[i].script);
    }
}

TEST(the_source_s_dialogue_gives_these_events)
{
    hold('S', KBDINT,
         S_PARAMS
         "P instruction:Please provide some personal information.\n"
         "P req:Favorite color: \n"
         "P req:Pet's name: \n"
         "P req_echo:Do you like chocolate? \n"
         "P end_of_requests\n"
         "= REQUESTS 'Please provide some personal information.'"
         " 'Favorite color: ' 'Pet's name: ' echo 'Do you like chocolate? '\n"
         "= NEED_MORE\n"
         "S reply:green\n"
         "S reply:Elvis\n"
         "S reply:yes\n"
         "S end_of_replies\n"
         "P success\n"
         "= CLOSE\n"
         "= NEED_MORE\n"
         "P eof\n"
         "= VERDICT success\n");
}

TEST(free_takes_NULL_and_a_pointer_to_NULL)
{
    authplug_tectia_server *server = NULL;

    authplug_tectia_server_free(NULL);
    authplug_tectia_server_free(&server);
    server = authplug_tectia_server_new(PASSWD, NULL);
    assert_non_null(server);
    authplug_tectia_server_free(&server);
    assert_null(server);
}

TEST(a_limit_of_zero_makes_nothing)
{
    for (size_t i = 0; i < 5; i++) {
        authplug_limits limits = AUTHPLUG_LIMITS_DEFAULT;
        uint32_t *all[] = {&limits.frame, &limits.prompts, &limits.string,
                           &limits.rounds, &limits.buffered};
        size_t live = alloc_live();

        *all[i] = 0;
        assert_null(authplug_tectia_server_new(KBDINT, &limits));
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
    hold('S', KBDINT,
         "wants reply\n" S_PARAMS "wants input\n" P_PIN "wants reply\n" S_PIN
         "wants input\n" P_PIN "wants reply\n" S_PIN
         "wants input\nP success\nwants input\nP eof\nwants nothing\n");
    hold('S', PASSWD,
         "wants reply\n" S_PASSWORDS "wants input\nP error_msg:too short\n"
         "= NEED_MORE\nwants input\nP failure\n= CLOSE\nwants input\n"
         "P eof\n= VERDICT failure msg 'too short'\nwants nothing\n");
    hold('S', AUTHORIZE,
         "wants reply\n" S_PARAMS "wants input\nP failure\nwants input\n"
         "P error_code:generic_error\n= NEED_MORE\nwants input\n"
         "P eof\n= VERDICT failure generic_error\nwants nothing\n");
}

TEST(output_is_wanted_until_the_last_byte_is_sent)
{
    authplug_tectia_pair pair = {of("user_name"), of("rebecca")};
    speaker it = opened(KBDINT);

    assert_int_equal(speaker_output(&it).len, 0);
    assert_status(authplug_tectia_server_params(it.server, &pair, 1), OK);
    assert_true(speaker_wants(&it) & AUTHPLUG_WANTS_OUTPUT);
    assert_false(speaker_wants(&it) & AUTHPLUG_WANTS_REPLY);
    assert_span(speaker_output(&it), "user_name:rebecca\nend_of_params\n");
    speaker_consume(&it, 10);
    assert_span(speaker_output(&it), "rebecca\nend_of_params\n");
    speaker_consume(&it, 21);
    assert_span(speaker_output(&it), "\n");
    assert_true(speaker_wants(&it) & AUTHPLUG_WANTS_OUTPUT);
    speaker_consume(&it, 1);
    assert_int_equal(speaker_output(&it).len, 0);
    hold_on(&it, "wants input\n" P_PIN);
    speaker_close(&it);
}

TEST(a_turn_may_come_in_pieces)
{
    hold('S', KBDINT,
         S_PARAMS "p instr\n= NEED_MORE\np uction:Please\n= NEED_MORE\n"
                  "P  wait\np req:PI\n= NEED_MORE\nP N: \n= NEED_MORE\n"
                  "p end_of_requests\n= NEED_MORE\np \\n\n"
                  "= REQUESTS 'Please wait' 'PIN: '\n" S_PIN
                  "p succes\n= NEED_MORE\np s\n= NEED_MORE\nP \n= CLOSE\n"
                  "P eof\n= VERDICT success\n");
}

TEST(a_verdict_and_the_end_may_come_at_once)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        hold('S', kinds[i],
             S_PARAMS "P success\nP eof\n= CLOSE\n= VERDICT success\n");
        hold('S', kinds[i],
             S_PARAMS "P failure\nP eof\n= CLOSE\n= VERDICT failure\n");
    }
}

/* ------------------------------------------------------------- the lines */

TEST(keys_and_words_are_case_insensitive)
{
    hold('S', KBDINT,
         S_PARAMS "P INSTRUCTION:Say it\nP Req:One\nP REQ_echo:Two\n"
                  "P End_Of_REQUESTS\n"
                  "= REQUESTS 'Say it' 'One' echo 'Two'\n"
                  "S reply:1\nS reply:2\nS end_of_replies\n"
                  "P Success\n= CLOSE\nP eof\n= VERDICT success\n");
    hold('S', PASSWD,
         S_PASSWORDS "P Error_MSG:No\nP FAILURE\n= CLOSE\n"
                     "P eof\n= VERDICT failure msg 'No'\n");
    hold('S', AUTHORIZE,
         S_PARAMS "P Failure\n= CLOSE\nP ERROR_CODE:password_too_old\n"
                  "P eof\n= VERDICT failure password_too_old\n");
}

TEST(a_value_is_all_after_the_first_colon)
{
    hold('S', KBDINT,
         S_PARAMS "P instruction: a:b \nP req:  PIN: \nP req::\nP req:\n"
                  "P req_echo:\t\nP end_of_requests\n"
                  "= REQUESTS ' a:b ' '  PIN: ' ':' '' echo '<09>'\n");
    hold('S', KBDINT,
         S_PARAMS "P req:end_of_requests\nP req:success\nP req:req:x\n"
                  "P end_of_requests\n"
                  "= REQUESTS '' 'end_of_requests' 'success' 'req:x'\n");
    hold('S', PASSWD,
         S_PARAMS "P error_msg: a: \nP failure\n= CLOSE\nP eof\n"
                  "= VERDICT failure msg ' a: '\n");
}

TEST(any_byte_but_three_may_be_in_a_value)
{
    speaker it = opened(KBDINT);
    char said[300] = "req:";
    size_t len = 4;
    authplug_tectia_event event;

    hold_on(&it, S_PARAMS);
    for (int c = 1; c < 256; c++)
        if (c != '\r' && c != '\n')
            said[len++] = (char)c;
    memcpy(said + len, "\nend_of_requests\n", 17);
    assert_status(speaker_feed(&it, said, len + 17), OK);
    assert_status(speaker_next(&it, &event), OK);
    assert_int_equal(event.type, AUTHPLUG_TECTIA_REQUESTS);
    assert_int_equal(event.prompts[0].text.len, len - 4);
    assert_memory_equal(event.prompts[0].text.data, said + 4, len - 4);
    speaker_close(&it);
}

TEST(a_line_that_says_nothing_known_is_passed_over)
{
    static const char unknown[] =
        "P hello\n"
        "P \n"
        "P :\n"
        "P :success\n"
        "P color:green\n"
        "P req\n"
        "P req :x\n"
        "P  req:x\n"
        "P success:\n"
        "P success \n"
        "P  success\n"
        "P failure:no\n"
        "P successful\n"
        "P succes\n"
        "P failure.\n"
        "P end_of_requests:\n"
        "P end_of_requests \n"
        "P end_of_replies\n"
        "P end_of_params\n"
        "P end_of_\n"
        "P reply:x\n"
        "P user_name:root\n"
        "P verdict:success\n"
        "P \303\266\377\n";
    char script[1024];

    snprintf(script, sizeof script, "%s%sP req:PIN: \n%sP end_of_requests\n"
                                    "= REQUESTS '' 'PIN: '\n%s%sP success\n"
                                    "= CLOSE\nP eof\n= VERDICT success\n",
             S_PARAMS, unknown, unknown, S_PIN, unknown);
    hold('S', KBDINT, script);
    snprintf(script, sizeof script,
             "%s%sP success\n= CLOSE\nP eof\n= VERDICT success\n", S_PARAMS,
             unknown);
    hold('S', PASSWD, script);
    hold('S', AUTHORIZE, script);
}

TEST(questions_are_not_known_where_there_is_no_dialogue)
{
    static const char script[] =
        S_PARAMS "P instruction:x\nP req:PIN: \nP end_of_requests\n"
                 "= NEED_MORE\nwants input\nP success\n= CLOSE\n"
                 "P eof\n= VERDICT success\n";

    hold('S', PASSWD, script);
    hold('S', AUTHORIZE, script);
}

TEST(the_last_instruction_counts_in_its_own_round_only)
{
    hold('S', KBDINT,
         S_PARAMS "P instruction:one\nP req:PIN: \nP instruction:two\n"
                  "P end_of_requests\n= REQUESTS 'two' 'PIN: '\n" S_PIN P_PIN
                  "= REQUESTS '' 'PIN: '\n" S_PIN
                  "P instruction:three\nP instruction:\nP end_of_requests\n"
                  "= REQUESTS ''\n");
}

TEST(a_round_may_have_no_prompts)
{
    hold('S', KBDINT,
         S_PARAMS "P end_of_requests\n= REQUESTS ''\nwants reply\n"
                  "S end_of_replies\nwants input\n"
                  "P instruction:Wait\nP end_of_requests\n"
                  "= REQUESTS 'Wait'\nS reply:x\nS end_of_replies\n= COUNT\n"
                  "S end_of_replies\nP failure\n= CLOSE\nP eof\n"
                  "= VERDICT failure\n");
}

/* ------------------------------------------------------------ the verdict */

TEST(a_success_after_which_the_plugin_goes_on_is_TURN)
{
    static const char *const more[] = {
        "success\n", "failure\n", "\n",  "hello\n",
        "req:x\n",   ":\n",       "error_msg:x\n", "end_of_requests\n",
    };

    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        for (size_t k = 0; k < COUNT_OF(more); k++) {
            for (int apart = 0; apart < 2; apart++) {
                speaker it = opened(kinds[i]);
                authplug_tectia_event event;
                authplug_status status = AUTHPLUG_OK;
                char said[64];

                snprintf(said, sizeof said, "success\n%s", more[k]);
                hold_on(&it, S_PARAMS);
                if (apart)
                    hold_on(&it, "P success\n= CLOSE\n= NEED_MORE\n");
                status = speaker_feed(&it, said + (apart ? 8 : 0),
                                      strlen(said) - (apart ? 8 : 0));
                if (status == AUTHPLUG_OK) {
                    speaker_eof(&it);
                    status = last_event(&it, &event);
                    assert_int_not_equal(event.type, AUTHPLUG_TECTIA_VERDICT);
                }
                assert_status(status, TURN);
                assert_status(speaker_fault(&it).status, TURN);
                assert_string_equal(speaker_fault(&it).message, "verdict");
                speaker_close(&it);
            }
        }
}

TEST(talk_after_a_success_is_TURN_without_the_end)
{
    hold('S', KBDINT, S_PARAMS "P success\n= CLOSE\nP failure\n= TURN\n");
    hold('S', PASSWD, S_PARAMS "P success\n= CLOSE\nP x\n= TURN\n");
    hold('S', AUTHORIZE, S_PARAMS "P success\n= CLOSE\nP success\n= TURN\n");
    hold('S', KBDINT, S_PARAMS "P success\nP more\n= CLOSE\n= TURN\n");
}

TEST(a_failure_stays_a_failure)
{
    static const char *const more[] = {
        "success\n", "failure\n", "hello\n",  "\n",
        "success",   "req:x\n",   "end_of_requests\n",
        "failure\nsuccess\n",     "error_msg:success\n",
    };

    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        for (size_t k = 0; k < COUNT_OF(more); k++) {
            char said[64];

            snprintf(said, sizeof said, "failure\n%s", more[k]);
            denies(kinds[i], S_PARAMS, said, strlen(said));
            denies(kinds[i], S_PARAMS "P failure\n= CLOSE\n", more[k],
                   strlen(more[k]));
        }
}

TEST(only_the_line_itself_is_the_verdict)
{
    static const char *const nearly[] = {
        "success \n", " success\n",  "success:\n", "success:yes\n",
        "success",    "succes\ns\n", "yes\n",      "0\n",
        "ok\n",       "sucess\n",    "success\t\n", "\"success\"\n",
        "SUCCESS:\n", "error_code:success\n",
    };

    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        for (size_t k = 0; k < COUNT_OF(nearly); k++)
            denies(kinds[i], S_PARAMS, nearly[k], strlen(nearly[k]));
    DENIES(KBDINT, UNTIL_ANSWERED, "success \n");
}

TEST(why_a_change_failed_comes_before_the_failure)
{
    hold('S', PASSWD,
         S_PASSWORDS "P error_msg:BAD PASSWORD\nP error_log:too short\n"
                     "P failure\n= CLOSE\nP eof\n"
                     "= VERDICT failure msg 'BAD PASSWORD'"
                     " log 'too short'\n");
    hold('S', PASSWD,
         S_PASSWORDS "P error_log:x\nP failure\n= CLOSE\nP eof\n"
                     "= VERDICT failure log 'x'\n");
}

TEST(a_success_has_no_code)
{
    speaker it = opened(PASSWD);
    authplug_tectia_event event;

    hold_on(&it, S_PASSWORDS "P error_msg:never mind\n= NEED_MORE\n"
                             "P success\n= CLOSE\n");
    speaker_eof(&it);
    assert_status(speaker_next(&it, &event), OK);
    assert_int_equal(event.type, AUTHPLUG_TECTIA_VERDICT);
    assert_true(event.success);
    assert_int_equal(event.code, AUTHPLUG_TECTIA_CODE_NONE);
    speaker_close(&it);
}

TEST(why_access_is_denied_comes_after_the_failure)
{
    hold('S', AUTHORIZE,
         S_PARAMS "P failure\n= CLOSE\n= NEED_MORE\n"
                  "P error_code:generic_error\n= NEED_MORE\n"
                  "P hello\nP error_msg:Go: away \n= NEED_MORE\nP eof\n"
                  "= VERDICT failure generic_error msg 'Go: away '\n");
    hold('S', AUTHORIZE,
         S_PARAMS "P failure\nP error_msg:x\nP error_code:password_too_old\n"
                  "P eof\n= CLOSE\n"
                  "= VERDICT failure password_too_old msg 'x'\n");
}

TEST(an_unknown_code_is_a_failure_and_never_an_old_password)
{
    static const char *const codes[] = {
        "", "success", "password_too_young", "password_too_old ",
        "password_too_old:", " password_too_old", "password_too_ol",
    };

    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        speaker it = opened(AUTHORIZE);
        authplug_tectia_event event;
        char said[64];

        snprintf(said, sizeof said, "failure\nerror_code:%s\n", codes[i]);
        hold_on(&it, S_PARAMS);
        assert_status(speaker_feed(&it, said, strlen(said)), OK);
        speaker_eof(&it);
        assert_status(last_event(&it, &event), OK);
        assert_int_equal(event.type, AUTHPLUG_TECTIA_VERDICT);
        assert_false(event.success);
        assert_int_not_equal(event.code,
                             AUTHPLUG_TECTIA_CODE_PASSWORD_TOO_OLD);
        speaker_close(&it);
    }
}

TEST(the_verdict_waits_for_the_end)
{
    speaker it = opened(AUTHORIZE);
    authplug_tectia_event event;

    hold_on(&it, S_PARAMS "P success\n= CLOSE\n");
    for (int i = 0; i < 3; i++)
        assert_status(speaker_next(&it, &event), NEED_MORE);
    speaker_eof(&it);
    assert_status(speaker_next(&it, &event), OK);
    assert_int_equal(event.type, AUTHPLUG_TECTIA_VERDICT);
    assert_true(event.success);
    assert_int_equal(speaker_wants(&it), 0);
    speaker_close(&it);
}

TEST(the_verdict_does_not_change_once_it_was_given)
{
    for (int i = 0; i < 2; i++) {
        speaker it = opened(KBDINT);
        authplug_tectia_event event = {.success = false};
        authplug_status status;

        hold_on(&it, i ? S_PARAMS "P success\nP eof\n"
                       : S_PARAMS "P failure\nP eof\n");
        for (int k = 0; k < 3; k++) {
            status = speaker_next(&it, &event);
            assert_true(status == AUTHPLUG_OK || status == AUTHPLUG_NEED_MORE);
            if (status == AUTHPLUG_OK &&
                event.type == AUTHPLUG_TECTIA_VERDICT)
                assert_int_equal(event.success, i);
        }
        (void)feeds(&it, "success\n");
        speaker_eof(&it);
        status = speaker_next(&it, &event);
        if (status == AUTHPLUG_OK && event.type == AUTHPLUG_TECTIA_VERDICT)
            assert_true(event.success == (i == 1));
        speaker_close(&it);
    }
}

/* ---------------------------------------------------------------- the end */

TEST(the_end_without_a_verdict_is_CLOSED)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        hold('S', kinds[i], S_PARAMS "P eof\n= CLOSED\n");
    hold('S', KBDINT, "P eof\n= CLOSED\n");
    hold('S', KBDINT, UNTIL_ASKED "P eof\n= CLOSED\n");
    hold('S', KBDINT, UNTIL_ANSWERED "P eof\n= CLOSED\n");
}

TEST(questions_come_before_the_end)
{
    hold('S', KBDINT,
         S_PARAMS "P req:PIN: \nP end_of_requests\nP eof\n"
                  "= REQUESTS '' 'PIN: '\n= CLOSED\n");
}

TEST(a_success_inside_a_round_is_TRUNCATED_and_lets_nobody_in)
{
    hold('S', KBDINT, S_PARAMS "P req:PIN: \nP success\n= TRUNCATED\n");
    hold('S', KBDINT, S_PARAMS "P instruction:x\nP SUCCESS\n= TRUNCATED\n");
    hold('S', KBDINT, S_PARAMS "P hello:x\nP success\n= CLOSE\n");
}

TEST(the_end_inside_a_list_or_a_line_is_TRUNCATED)
{
    hold('S', KBDINT, S_PARAMS "P req:PIN: \nP eof\n= TRUNCATED\n");
    hold('S', KBDINT, S_PARAMS "P instruction:x\nP eof\n= TRUNCATED\n");
    hold('S', KBDINT, UNTIL_ANSWERED "P req:x\nP eof\n= TRUNCATED\n");
    hold('S', KBDINT,
         S_PARAMS "P req:x\np end_of_requests\nP eof\n"
                  "= TRUNCATED\n");
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        hold('S', kinds[i], S_PARAMS "p s\nP eof\n= TRUNCATED\n");
        hold('S', kinds[i], S_PARAMS "p success\nP eof\n= TRUNCATED\n");
        hold('S', kinds[i], S_PARAMS "p failure\nP eof\n= TRUNCATED\n");
    }
}

TEST(lines_without_a_verdict_let_nobody_in)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        DENIES(kinds[i], S_PARAMS, "error_msg:success\n");
        DENIES(kinds[i], S_PARAMS, "hello\n");
        DENIES(kinds[i], S_PARAMS, "success\nx");
        DENIES(kinds[i], S_PARAMS, "error_code:generic_error\n");
        DENIES(kinds[i], S_PARAMS, "failure\nerror_msg:x");
    }
}

/* ------------------------------------------------- bytes that are refused */

TEST(CR_and_NUL_in_a_line_are_VALUE)
{
    hold('S', KBDINT, S_PARAMS "P req:PIN\\r\n= VALUE requests 1\n");
    hold('S', KBDINT, S_PARAMS "P req:P\\0IN\n= VALUE requests 1\n");
    hold('S', KBDINT,
         S_PARAMS "P hello\nP req_echo:\\r\n= VALUE requests 2\n");
    hold('S', KBDINT, S_PARAMS "P instruction:\\0\n= VALUE requests 1\n");
    hold('S', KBDINT,
         S_PARAMS "P req:x\nP end_of_requests\\r\n= VALUE requests 2\n");
    hold('S', KBDINT, UNTIL_ANSWERED "P req:\\r\n= VALUE requests 1\n");
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        hold('S', kinds[i], S_PARAMS "P success\\r\n= VALUE\n");
        hold('S', kinds[i], S_PARAMS "P success\\0\n= VALUE\n");
        hold('S', kinds[i], S_PARAMS "P \\0\n= VALUE\n");
        hold('S', kinds[i], S_PARAMS "P hello\\r\n= VALUE\n");
        hold('S', kinds[i], S_PARAMS "P he\\0llo:x\n= VALUE\n");
    }
    hold('S', PASSWD, S_PARAMS "P error_msg:x\\0\n= VALUE verdict 1\n");
    hold('S', PASSWD, S_PARAMS "P error_log:\\rx\n= VALUE verdict 1\n");
    DENIES(AUTHORIZE, S_PARAMS, "failure\nerror_msg:a\rb\n");
    DENIES(AUTHORIZE, S_PARAMS, "failure\nerror_msg:a\0b\n");
}

/* Tries a value wherever one goes in; nothing is queued. */
static void refuse_value(authplug_span value)
{
    authplug_tectia_pair pairs[2] = {{of("user_name"), of("rebecca")},
                                     {of("host_name"), value}};
    authplug_span replies[2] = {of("1234"), value};
    speaker it = opened(KBDINT);

    assert_status(authplug_tectia_server_params(it.server, pairs, 2), VALUE);
    assert_int_equal(speaker_output(&it).len, 0);
    pairs[0].value = value;
    assert_status(authplug_tectia_server_params(it.server, pairs, 1), VALUE);
    hold_on(&it, "wants reply\n" S_PARAMS
                 "P req:a\nP req:b\nP end_of_requests\n");
    assert_status(authplug_tectia_server_replies(it.server, replies, 2),
                  VALUE);
    assert_int_equal(speaker_output(&it).len, 0);
    assert_status(speaker_fault(&it).status, OK);
    hold_on(&it, "wants reply\nS reply:a\nS reply:b\nS end_of_replies\n");
    speaker_close(&it);
}

TEST(a_value_that_would_forge_lines_is_not_said)
{
    refuse_value(of("x\n"));
    refuse_value(of("\nx"));
    refuse_value(of("x\r"));
    refuse_value(of("root\nend_of_params"));
    refuse_value(of("1234\nend_of_replies\n"));
    refuse_value(authplug_span_make("\0", 1));
    refuse_value(authplug_span_make("a\0b", 3));
    refuse_value(authplug_span_make("a\0", 2));
}

TEST(a_value_that_only_looks_like_a_line_is_said)
{
    hold('S', KBDINT,
         "S user_name:end_of_params\nS end_of_params\n" P_PIN
         "S reply:end_of_replies\nS end_of_replies\n" P_PIN
         "S reply: success: \nS end_of_replies\n" P_PIN
         "S reply:\nS end_of_replies\n");
}

TEST(a_key_that_is_no_word_is_not_said)
{
    static const char *const keys[] = {
        "", "user name", "user_name:", ":", "user-name", "user_name ",
        " user_name", "user\nname", "user_name\n", "\n", "us\rer", "\303\266",
    };
    speaker it = opened(AUTHORIZE);
    authplug_tectia_pair pair = {of("x"), of("rebecca")};

    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        pair.key = of(keys[i]);
        assert_status(authplug_tectia_server_params(it.server, &pair, 1),
                      VALUE);
        assert_int_equal(speaker_output(&it).len, 0);
    }
    pair.key = authplug_span_make("a\0b", 3);
    assert_status(authplug_tectia_server_params(it.server, &pair, 1), VALUE);
    pair.key = of("Key_9");
    assert_status(authplug_tectia_server_params(it.server, &pair, 1), OK);
    assert_span(speaker_output(&it), "Key_9:rebecca\nend_of_params\n");
    speaker_close(&it);
}

/* ----------------------------------------------------------------- limits */

TEST(as_many_rounds_as_the_limit_are_heard)
{
    hold_with('S', KBDINT, &small,
              UNTIL_ANSWERED P_PIN S_PIN P_PIN S_PIN
              "P req:x\nP end_of_requests\n= LIMIT\n");
    hold_with('S', KBDINT, &small,
              UNTIL_ANSWERED P_PIN S_PIN P_PIN S_PIN
              "P success\nP eof\n= CLOSE\n= VERDICT success\n");
}

TEST(many_rounds_are_heard)
{
    speaker it = opened(KBDINT);

    hold_on(&it, S_PARAMS);
    for (int i = 0; i < 1000; i++)
        hold_on(&it, P_PIN S_PIN);
    hold_on(&it, "P end_of_requests\n= LIMIT\n");
    speaker_close(&it);
}

TEST(more_prompts_than_the_limit_are_LIMIT)
{
    hold_with('S', KBDINT, &small,
              S_PARAMS "P req:a\nP req:b\nP end_of_requests\n"
                       "= REQUESTS '' 'a' 'b'\n");
    hold_with('S', KBDINT, &small,
              S_PARAMS "P req:a\nP req_echo:b\nP req:c\nP end_of_requests\n"
                       "= LIMIT\n");
}

TEST(a_value_over_the_limit_is_LENGTH)
{
    static const char long_value[] = "1234567890123456789012345678901234567890"
                                     "1234567890123456789012345678901234567890";
    char script[512];
    static const char *const keys[] = {"req", "req_echo", "instruction",
                                       "unknown"};

    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        snprintf(script, sizeof script, "%sP %s:%s\n= LENGTH requests 1\n",
                 S_PARAMS, keys[i], long_value);
        hold_with('S', KBDINT, &small, script);
    }
    snprintf(script, sizeof script, "%sP req:x\nP %s\n= LENGTH requests 2\n",
             S_PARAMS, long_value);
    hold_with('S', KBDINT, &small, script);
    snprintf(script, sizeof script, "%sP error_msg:%s\n= LENGTH verdict 1\n",
             S_PARAMS, long_value);
    hold_with('S', PASSWD, &small, script);
}

TEST(a_line_of_just_the_limit_is_heard_and_said)
{
    hold_with('S', KBDINT, &small,
              "S user_name:123456789\nS end_of_params\n"
              "P req:1234567890123456\nP end_of_requests\n"
              "= REQUESTS '' '1234567890123456'\n"
              "S reply:12345678901234\nS end_of_replies\n"
              "P req:12345678901234567\n= LENGTH requests 1\n");
}

TEST(a_line_that_does_not_end_is_not_waited_for)
{
    static char many[70000];
    speaker it = opened(KBDINT);
    authplug_tectia_event event;
    authplug_status status = AUTHPLUG_OK;
    size_t fed = 0;

    memset(many, 'x', sizeof many);
    hold_on(&it, S_PARAMS);
    for (; status == AUTHPLUG_OK && fed < sizeof many; fed += 1000) {
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

TEST(a_value_over_the_limit_is_not_said)
{
    static const char long_value[] = "123456789012345678901";
    authplug_tectia_pair pair = {of("user_name"), of(long_value)};
    authplug_span reply = of(long_value);
    speaker it;

    assert_true(speaker_open(&it, 'S', KBDINT, &small));
    assert_status(authplug_tectia_server_params(it.server, &pair, 1), LENGTH);
    assert_int_equal(speaker_output(&it).len, 0);
    hold_on(&it, UNTIL_ASKED);
    assert_status(authplug_tectia_server_replies(it.server, &reply, 1),
                  LENGTH);
    assert_int_equal(speaker_output(&it).len, 0);
    hold_on(&it, "wants reply\n" S_PIN);
    speaker_close(&it);
}

TEST(lists_that_are_not_held_are_not_said_either)
{
    static authplug_tectia_pair pairs[300];
    authplug_tectia_pair big[20];
    speaker it;

    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        pairs[i].key = of("k");
        pairs[i].value = of("v");
    }
    for (size_t i = 0; i < COUNT_OF(big); i++) {
        big[i].key = of("host_name");
        big[i].value = of("1234567890");
    }
    assert_true(speaker_open(&it, 'S', KBDINT, NULL));
    assert_status(authplug_tectia_server_params(it.server, pairs, 257),
                  LIMIT);
    assert_int_equal(speaker_output(&it).len, 0);
    assert_status(authplug_tectia_server_params(it.server, pairs, 255), OK);
    speaker_close(&it);
    assert_true(speaker_open(&it, 'S', KBDINT, &small));
    assert_status(authplug_tectia_server_params(it.server, big, 20), LIMIT);
    assert_int_equal(speaker_output(&it).len, 0);
    hold_on(&it, "wants reply\n" S_PARAMS);
    speaker_close(&it);
}

TEST(lines_that_are_passed_over_are_bounded_too)
{
    speaker it = opened(KBDINT);
    authplug_tectia_event event;

    hold_on(&it, S_PARAMS);
    for (int i = 0; i < 3; i++) { /* each list has its own bound */
        assert_status(feed_many(&it, "x:y\n", 255, "end_of_requests\n"), OK);
        assert_status(speaker_next(&it, &event), OK);
        assert_int_equal(event.type, AUTHPLUG_TECTIA_REQUESTS);
        assert_int_equal(event.count, 0);
        hold_on(&it, "S end_of_replies\n");
    }
    if (feed_many(&it, "x:y\n", 257, "end_of_requests\n") == AUTHPLUG_OK)
        assert_status(last_event(&it, &event), LIMIT);
    assert_status(speaker_fault(&it).status, LIMIT);
    assert_string_equal(speaker_fault(&it).message, "requests");
    assert_int_equal(speaker_fault(&it).offset, 257);
    speaker_close(&it);
}

TEST(instructions_count_as_lines)
{
    speaker it = opened(KBDINT);
    authplug_tectia_event event;

    hold_on(&it, S_PARAMS);
    if (feed_many(&it, "instruction:y\n", 257, "") == AUTHPLUG_OK)
        assert_status(last_event(&it, &event), LIMIT);
    assert_status(speaker_fault(&it).status, LIMIT);
    speaker_close(&it);
}

TEST(lines_before_a_verdict_are_bounded)
{
    for (size_t i = 1; i < COUNT_OF(kinds); i++) {
        speaker it = opened(kinds[i]);
        authplug_tectia_event event;

        hold_on(&it, S_PARAMS);
        if (feed_many(&it, "\n", 257, "success\n") == AUTHPLUG_OK)
            assert_status(last_event(&it, &event), LIMIT);
        assert_status(speaker_fault(&it).status, LIMIT);
        assert_string_equal(speaker_fault(&it).message, "verdict");
        speaker_close(&it);
    }
}

TEST(lines_after_a_failure_are_bounded_and_change_nothing)
{
    speaker it = opened(AUTHORIZE);
    authplug_tectia_event event;
    authplug_status status;

    hold_on(&it, S_PARAMS "P failure\n= CLOSE\n");
    for (int i = 0; i < 1000; i++) {
        status = feed_many(&it, "hello\n", 100, "");
        if (status == AUTHPLUG_OK)
            status = speaker_next(&it, &event);
        if (status != AUTHPLUG_NEED_MORE)
            break;
    }
    assert_status(speaker_fault(&it).status, LIMIT);
    speaker_close(&it);
}

TEST(a_flood_of_bytes_is_a_fault_and_not_held)
{
    static char many[4096];
    speaker it;
    authplug_tectia_event event;
    authplug_status status = AUTHPLUG_OK;

    memset(many, '\n', sizeof many);
    assert_true(speaker_open(&it, 'S', KBDINT, &small));
    hold_on(&it, UNTIL_ASKED);
    for (int i = 0; i < 1000 && status == AUTHPLUG_OK; i++)
        status = speaker_feed(&it, many, sizeof many);
    if (status == AUTHPLUG_OK)
        status = speaker_next(&it, &event);
    assert_true(status != AUTHPLUG_OK && status != AUTHPLUG_NEED_MORE);
    assert_int_equal(speaker_fault(&it).status, status);
    speaker_close(&it);
}

/* ----------------------------------------------------------------- turns */

TEST(a_plugin_that_speaks_before_it_is_asked_is_TURN)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        hold('S', kinds[i], "P success\n= TURN\n");
        hold('S', kinds[i], "p x\n= TURN\n");
        hold('S', kinds[i], "P \n= TURN\n");
    }
    hold('S', KBDINT, "P req:PIN: \nP end_of_requests\n= TURN\n");
}

TEST(parameters_are_not_sent_to_a_plugin_that_has_spoken)
{
    authplug_tectia_pair pair = {of("user_name"), of("rebecca")};
    speaker it = opened(KBDINT);
    authplug_status status = feeds(&it, "success\n");

    if (status == AUTHPLUG_OK)
        status = authplug_tectia_server_params(it.server, &pair, 1);
    assert_status(status, TURN);
    assert_int_equal(speaker_output(&it).len, 0);
    speaker_close(&it);
}

TEST(a_plugin_that_speaks_while_replies_are_owed_is_TURN)
{
    hold('S', KBDINT, UNTIL_ASKED "P success\n= TURN\n");
    hold('S', KBDINT, UNTIL_ASKED "P failure\n= TURN\n");
    hold('S', KBDINT, UNTIL_ASKED "p x\n= TURN\n");
    hold('S', KBDINT, UNTIL_ASKED P_PIN "= TURN\n");
    hold('S', KBDINT,
         S_PARAMS "P end_of_requests\nP success\n= REQUESTS ''\n= TURN\n");
    hold('S', KBDINT,
         S_PARAMS "P end_of_requests\np s\n= REQUESTS ''\n= TURN\n");
}

TEST(replies_are_not_sent_to_a_plugin_that_did_not_wait)
{
    speaker it = opened(KBDINT);
    authplug_span reply = of("1234");
    authplug_status status;

    hold_on(&it, UNTIL_ASKED);
    status = feeds(&it, "x");
    if (status == AUTHPLUG_OK)
        status = authplug_tectia_server_replies(it.server, &reply, 1);
    assert_status(status, TURN);
    assert_int_equal(speaker_output(&it).len, 0);
    speaker_close(&it);
}

/* Both calls, which queue nothing whatever they say. */
static void refuse_calls(speaker *it, authplug_status params,
                         authplug_status replies)
{
    authplug_tectia_pair pair = {of("user_name"), of("rebecca")};
    authplug_span reply = of("1234");
    size_t queued = speaker_output(it).len;

    if (params != AUTHPLUG_OK)
        assert_int_equal(authplug_tectia_server_params(it->server, &pair, 1),
                         params);
    if (replies != AUTHPLUG_OK)
        assert_int_equal(authplug_tectia_server_replies(it->server, &reply, 1),
                         replies);
    assert_int_equal(speaker_output(it).len, queued);
}

TEST(a_call_out_of_turn_is_STATE_and_queues_nothing)
{
    const authplug_status state = AUTHPLUG_STATE;

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        speaker it = opened(kinds[i]);

        refuse_calls(&it, AUTHPLUG_OK, state);
        hold_on(&it, "wants reply\n" S_PARAMS);
        refuse_calls(&it, state, state);
        if (kinds[i] == KBDINT) {
            hold_on(&it, P_PIN);
            refuse_calls(&it, state, AUTHPLUG_OK);
            hold_on(&it, S_PIN);
            refuse_calls(&it, state, state);
        }
        hold_on(&it, "wants input\nP failure\n= CLOSE\n");
        refuse_calls(&it, state, state);
        assert_status(speaker_fault(&it).status, OK);
        hold_on(&it, "P eof\n= VERDICT failure\n");
        refuse_calls(&it, state, state);
        hold_on(&it, "wants nothing\n");
        speaker_close(&it);
    }
}

TEST(questions_must_be_taken_before_they_are_answered)
{
    speaker it = opened(KBDINT);
    authplug_tectia_event event;

    hold_on(&it, S_PARAMS);
    assert_status(feeds(&it, "req:PIN: \nend_of_requests\n"), OK);
    refuse_calls(&it, AUTHPLUG_STATE, AUTHPLUG_STATE);
    assert_status(speaker_next(&it, &event), OK);
    hold_on(&it, S_PIN);
    speaker_close(&it);
}

TEST(one_reply_goes_to_each_prompt)
{
    hold('S', KBDINT,
         UNTIL_ASKED "S end_of_replies\n= COUNT\n"
                     "# again\nS reply:a\nS reply:b\nS end_of_replies\n"
                     "= COUNT\nwants reply\n" S_PIN);
}

TEST(after_a_fault_every_call_reports_it)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        speaker it = opened(kinds[i]);

        hold_on(&it, S_PARAMS "P x\\r\n= VALUE\n");
        refuse_calls(&it, AUTHPLUG_VALUE, AUTHPLUG_VALUE);
        speaker_close(&it);
    }
}

TEST(the_first_fault_stays)
{
    hold('S', KBDINT,
         S_PARAMS "P success\nP failure\nP x\\r\n= CLOSE\n= TURN\n"
                  "P eof\n= TURN\n");
}

TEST(a_fault_never_holds_what_the_plugin_wrote)
{
    static const char *const wrote[] = {
        "Zq7Zq7\r\n", "req:Zq7\r\n", "Zq7:Zq7\r\n", "success\nZq7\n",
        "req:Zq7\n",  "Zq7",
    };

    for (size_t i = 0; i < COUNT_OF(wrote); i++) {
        speaker it = opened(KBDINT);
        authplug_tectia_event event;

        hold_on(&it, S_PARAMS);
        (void)speaker_feed(&it, wrote[i], strlen(wrote[i]));
        speaker_eof(&it);
        last_event(&it, &event);
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
    hold_on(&it, S_PARAMS);
    assert_status(speaker_next(&it, &event), NEED_MORE);
    assert_status(feeds(&it, "req:x\n"), OK);
    assert_status(speaker_next(&it, &event), NEED_MORE);
    speaker_eof(&it);
    assert_status(speaker_next(&it, &event), TRUNCATED);
    assert_memory_equal(&event, &before, sizeof event);
    speaker_close(&it);
}

TEST(what_an_event_points_to_lives_until_the_next_call)
{
    static const char said[] = "instruction:Please\nreq:PIN: \n"
                               "req_echo:Name: \nend_of_requests\n";
    speaker it = opened(KBDINT);
    authplug_tectia_event event;
    char *copy = malloc(sizeof said);

    assert_non_null(copy);
    memcpy(copy, said, sizeof said);
    hold_on(&it, S_PARAMS);
    assert_status(speaker_feed(&it, copy, sizeof said - 1), OK);
    memset(copy, 'x', sizeof said);
    free(copy);
    assert_status(speaker_next(&it, &event), OK);
    assert_span(event.instruction, "Please");
    assert_int_equal(event.count, 2);
    assert_span(event.prompts[0].text, "PIN: ");
    assert_span(event.prompts[1].text, "Name: ");
    assert_false(event.prompts[0].echo);
    assert_true(event.prompts[1].echo);
    speaker_close(&it);
}

TEST(what_goes_into_a_call_is_not_kept)
{
    static const char text[] = "user_name";
    char *key = malloc(sizeof text);
    authplug_tectia_pair *pair = malloc(sizeof *pair);
    speaker it = opened(KBDINT);

    assert_non_null(key);
    assert_non_null(pair);
    memcpy(key, text, sizeof text);
    pair->key = pair->value = of(key);
    assert_status(authplug_tectia_server_params(it.server, pair, 1), OK);
    memset(key, 'x', sizeof text);
    free(key);
    free(pair);
    assert_span(speaker_output(&it), "user_name:user_name\nend_of_params\n");
    speaker_close(&it);
}

TEST(bytes_that_found_no_memory_may_be_fed_again)
{
    static char big[60000];
    speaker it = opened(KBDINT);
    authplug_tectia_event event;

    memset(big, 'x', sizeof big);
    memcpy(big, "req:", 4);
    memcpy(big + sizeof big - 17, "\nend_of_requests\n", 17);
    hold_on(&it, S_PARAMS);
    alloc_fail_at(1);
    assert_status(speaker_feed(&it, big, sizeof big), NOMEM);
    alloc_reset();
    assert_status(speaker_fault(&it).status, OK);
    assert_status(speaker_next(&it, &event), NEED_MORE);
    assert_status(speaker_feed(&it, big, sizeof big), OK);
    assert_status(speaker_next(&it, &event), OK);
    assert_int_equal(event.prompts[0].text.len, sizeof big - 21);
    speaker_close(&it);
}

TEST(a_call_that_found_no_memory_may_be_made_again)
{
    static char big[60000];
    authplug_tectia_pair pair = {of("new_password"), {NULL, 0}};
    speaker it = opened(PASSWD);

    memset(big, 'x', sizeof big);
    pair.value = authplug_span_make(big, sizeof big);
    alloc_fail_at(1);
    assert_status(authplug_tectia_server_params(it.server, &pair, 1), NOMEM);
    alloc_reset();
    assert_int_equal(speaker_output(&it).len, 0);
    assert_status(authplug_tectia_server_params(it.server, &pair, 1), OK);
    assert_int_equal(speaker_output(&it).len, sizeof big + 13 + 15);
    speaker_close(&it);
}

TEST(a_password_is_wiped_once_it_is_sent)
{
    authplug_tectia_pair pair = {of("old_password"), of(NEEDLE)};
    authplug_span reply = of(NEEDLE);
    speaker it;

    spy_on(NEEDLE);
    it = opened(KBDINT);
    assert_status(authplug_tectia_server_params(it.server, &pair, 1), OK);
    assert_true(spy_sees());
    speaker_consume(&it, speaker_output(&it).len);
    assert_false(spy_sees());
    hold_on(&it, P_PIN);
    assert_status(authplug_tectia_server_replies(it.server, &reply, 1), OK);
    assert_true(spy_sees());
    speaker_consume(&it, speaker_output(&it).len);
    assert_false(spy_sees());
    speaker_close(&it);
    assert_int_equal(spy_spilled(), 0);
    spy_on(NULL);
}

TEST(an_engine_that_is_freed_midway_spills_nothing)
{
    authplug_tectia_pair pair = {of("old_password"), of(NEEDLE NEEDLE)};

    spy_on(NEEDLE);
    for (size_t sent = 0; sent < 40; sent++) {
        speaker it = opened(PASSWD);

        assert_status(authplug_tectia_server_params(it.server, &pair, 1), OK);
        speaker_consume(&it, sent);
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
        cmocka_unit_test(output_is_wanted_until_the_last_byte_is_sent),
        cmocka_unit_test(a_turn_may_come_in_pieces),
        cmocka_unit_test(a_verdict_and_the_end_may_come_at_once),
        cmocka_unit_test(keys_and_words_are_case_insensitive),
        cmocka_unit_test(a_value_is_all_after_the_first_colon),
        cmocka_unit_test(any_byte_but_three_may_be_in_a_value),
        cmocka_unit_test(a_line_that_says_nothing_known_is_passed_over),
        cmocka_unit_test(questions_are_not_known_where_there_is_no_dialogue),
        cmocka_unit_test(the_last_instruction_counts_in_its_own_round_only),
        cmocka_unit_test(a_round_may_have_no_prompts),
        cmocka_unit_test(a_success_after_which_the_plugin_goes_on_is_TURN),
        cmocka_unit_test(talk_after_a_success_is_TURN_without_the_end),
        cmocka_unit_test(a_failure_stays_a_failure),
        cmocka_unit_test(only_the_line_itself_is_the_verdict),
        cmocka_unit_test(why_a_change_failed_comes_before_the_failure),
        cmocka_unit_test(a_success_has_no_code),
        cmocka_unit_test(why_access_is_denied_comes_after_the_failure),
        cmocka_unit_test(
            an_unknown_code_is_a_failure_and_never_an_old_password),
        cmocka_unit_test(the_verdict_waits_for_the_end),
        cmocka_unit_test(the_verdict_does_not_change_once_it_was_given),
        cmocka_unit_test(the_end_without_a_verdict_is_CLOSED),
        cmocka_unit_test(questions_come_before_the_end),
        cmocka_unit_test(
            a_success_inside_a_round_is_TRUNCATED_and_lets_nobody_in),
        cmocka_unit_test(the_end_inside_a_list_or_a_line_is_TRUNCATED),
        cmocka_unit_test(lines_without_a_verdict_let_nobody_in),
        cmocka_unit_test(CR_and_NUL_in_a_line_are_VALUE),
        cmocka_unit_test(a_value_that_would_forge_lines_is_not_said),
        cmocka_unit_test(a_value_that_only_looks_like_a_line_is_said),
        cmocka_unit_test(a_key_that_is_no_word_is_not_said),
        cmocka_unit_test(as_many_rounds_as_the_limit_are_heard),
        cmocka_unit_test(many_rounds_are_heard),
        cmocka_unit_test(more_prompts_than_the_limit_are_LIMIT),
        cmocka_unit_test(a_value_over_the_limit_is_LENGTH),
        cmocka_unit_test(a_line_of_just_the_limit_is_heard_and_said),
        cmocka_unit_test(a_line_that_does_not_end_is_not_waited_for),
        cmocka_unit_test(a_value_over_the_limit_is_not_said),
        cmocka_unit_test(lists_that_are_not_held_are_not_said_either),
        cmocka_unit_test(lines_that_are_passed_over_are_bounded_too),
        cmocka_unit_test(instructions_count_as_lines),
        cmocka_unit_test(lines_before_a_verdict_are_bounded),
        cmocka_unit_test(lines_after_a_failure_are_bounded_and_change_nothing),
        cmocka_unit_test(a_flood_of_bytes_is_a_fault_and_not_held),
        cmocka_unit_test(a_plugin_that_speaks_before_it_is_asked_is_TURN),
        cmocka_unit_test(parameters_are_not_sent_to_a_plugin_that_has_spoken),
        cmocka_unit_test(a_plugin_that_speaks_while_replies_are_owed_is_TURN),
        cmocka_unit_test(replies_are_not_sent_to_a_plugin_that_did_not_wait),
        cmocka_unit_test(a_call_out_of_turn_is_STATE_and_queues_nothing),
        cmocka_unit_test(questions_must_be_taken_before_they_are_answered),
        cmocka_unit_test(one_reply_goes_to_each_prompt),
        cmocka_unit_test(after_a_fault_every_call_reports_it),
        cmocka_unit_test(the_first_fault_stays),
        cmocka_unit_test(a_fault_never_holds_what_the_plugin_wrote),
        cmocka_unit_test(an_event_is_not_touched_where_there_is_none),
        cmocka_unit_test(what_an_event_points_to_lives_until_the_next_call),
        cmocka_unit_test(what_goes_into_a_call_is_not_kept),
        cmocka_unit_test(bytes_that_found_no_memory_may_be_fed_again),
        cmocka_unit_test(a_call_that_found_no_memory_may_be_made_again),
        cmocka_unit_test(a_password_is_wiped_once_it_is_sent),
        cmocka_unit_test(an_engine_that_is_freed_midway_spills_nothing),
    };

    return cmocka_run_group_tests_name("the server of lines", tests, NULL,
                                       NULL);
}
