/*
 * Texts with tokens, commands, and the Request and Response lines that hold
 * them: conf/template.h and conf/rules.h.
 */
#include "support.h"

#include "conf/rules.h"

static const template_token tokens[] = {
    {"user_name", TEMPLATE_NO_ARGUMENT}, {"totp", TEMPLATE_ARGUMENT},
    {"ask", TEMPLATE_EITHER},            {"1", TEMPLATE_NO_ARGUMENT},
    {"fail", TEMPLATE_NO_ARGUMENT},      {NULL, TEMPLATE_NO_ARGUMENT}};

/* <name> or <name:argument>. */
static authplug_status
value(void *context, const char *name, const char *argument,
      authplug_secret *out)
{
    char text[100];

    assert_string_equal(context, "context");
    snprintf(text, sizeof text, argument != NULL ? "<%s:%s>" : "<%s>", name,
             argument);
    if (authplug_secret_append(out, text, strlen(text)) != AUTHPLUG_OK)
        return AUTHPLUG_LIMIT;
    return strcmp(name, "fail") == 0 ? AUTHPLUG_CANCELLED : AUTHPLUG_OK;
}

static char context[] = "context";

static template *
made_of(const char *text)
{
    template *made = NULL;
    template_fault fault = {0};

    if (template_new(text, tokens, &made, &fault) != AUTHPLUG_OK)
        fail_msg("%s: %zu: %s", text, fault.offset, fault.text);
    return made;
}

static void
expands(const char *text, const char *expected)
{
    template *it = made_of(text);
    authplug_secret *out = authplug_secret_new(1000);

    assert_status(authplug_secret_append(out, ">", 1), OK);
    assert_status(template_expand(it, value, context, out), OK);
    assert_string_equal(authplug_secret_text(out) + 1, expected);
    authplug_secret_free(&out);
    template_free(&it);
}

static void
refused(const char *text, size_t offset, const char *why)
{
    template *made = NULL;
    template_fault fault = {0};

    assert_status(template_new(text, tokens, &made, &fault), VALUE);
    assert_null(made);
    assert_string_equal(fault.text, why);
    assert_int_equal(fault.offset, offset);
}

/* -------------------------------------------------------------------- texts */

TEST(a_text_is_itself)
{
    expands("", "");
    expands("hello", "hello");
    expands("a: b {c} %d", "a: b {c} %d");
    expands("\xff", "\xff");
}

TEST(tokens_are_expanded)
{
    expands("$user_name$", "<user_name>");
    expands("$user_name$\\n", "<user_name>\n");
    expands("a$user_name$b$1$$1$", "a<user_name>b<1><1>");
    expands("$totp:work$", "<totp:work>");
    expands("$totp:a:b c$", "<totp:a:b c>");
    expands("$totp:\\n$", "<totp:\\n>");
    expands("$ask$ $ask:PIN?$", "<ask> <ask:PIN?>");
}

TEST(dollars_and_escapes_are_bytes)
{
    expands("$$", "$");
    expands("$$$$5", "$$5");
    expands("$$user_name$$", "$user_name$");
    expands("$$$user_name$$$", "$<user_name>$");
    expands("\\n\\\\n", "\n\\n");
}

TEST(what_is_no_token_is_refused_when_it_is_read)
{
#define LONE                                                                   \
    "a '$' that begins no token: '$' at its end was expected, or '$$' for a "  \
    "dollar"
#define UNKNOWN                                                                \
    "no token that is known here: another name was expected, or '$$' for a "   \
    "dollar"
    refused("a$", 1, LONE);
    refused("costs $5", 6, LONE);
    refused("$SUCCESS", 0, LONE);
    refused("$$$", 2, LONE);
    refused("$new_password$", 0, UNKNOWN);
    refused("x$User_Name$", 1, UNKNOWN);
    refused("$user$", 0, UNKNOWN);
    refused("$user_names$", 0, UNKNOWN);
    refused("$:x$", 0, UNKNOWN);
    refused("$totp$", 5, "a token without its argument: ':' and the argument "
            "were expected");
    refused("$totp:$", 6, "an empty argument: one of at least a byte was "
            "expected");
    refused("$ask:$", 5, "an empty argument: one of at least a byte was "
            "expected");
    refused("$user_name:x$", 10, "an argument of a token that takes none: '$' "
            "was expected");
#define ESCAPE                                                                 \
    "a '\\' that stands for nothing: \\n was expected, or \\\\ for a backslash"
    refused("a\\", 1, ESCAPE);
    refused("a\\r", 1, ESCAPE);
    refused("\\$", 0, ESCAPE);
}

TEST(who_asks_knows_which_tokens_it_holds)
{
    template *it = made_of("a $totp:x$ user_name");

    assert_true(template_has(it, "totp"));
    assert_false(template_has(it, "user_name"));
    template_free(&it);
}

static void
note_step(void *to, const char *name, const char *argument, size_t len)
{
    notes *got = to;

    note(got, "%s %s %zu\n", name != NULL ? name : "-",
         argument != NULL ? argument : "-", len);
}

TEST(a_walk_meets_each_piece_and_shows_no_text)
{
    static notes got;
    template *it = made_of("ab$$\\n$totp:x$$ask$c$1$");

    template_walk(it, note_step, &got);
    assert_string_equal(got.at, "- - 4\ntotp x 0\nask - 0\n- - 1\n1 - 0\n");
    template_free(&it);
    got.len = 0;
    got.at[0] = 0;
    it = made_of("");
    template_walk(it, note_step, &got);
    assert_string_equal(got.at, "");
    template_free(&it);
}

TEST(an_expansion_is_whole_or_not_there)
{
    template *it = made_of("abc$user_name$$fail$d");
    authplug_secret *out = authplug_secret_new(30), *little;

    assert_status(authplug_secret_append(out, "before", 6), OK);
    assert_status(template_expand(it, value, context, out), CANCELLED);
    assert_string_equal(authplug_secret_text(out), "before");
    template_free(&it);
    it = made_of("$user_name$abc");
    little = authplug_secret_new(13);
    assert_status(template_expand(it, value, context, little), LIMIT);
    assert_int_equal(authplug_secret_len(little), 0);
    authplug_secret_free(&little);
    little = authplug_secret_new(14);
    assert_status(template_expand(it, value, context, little), OK);
    authplug_secret_free(&little);
    authplug_secret_free(&out);
    template_free(&it);
}

TEST(results_are_in_any_case_and_nothing_else)
{
    assert_int_equal(template_result_of("$SUCCESS"), TEMPLATE_SUCCESS);
    assert_int_equal(template_result_of("$success"), TEMPLATE_SUCCESS);
    assert_int_equal(template_result_of("$Error_Display"),
                     TEMPLATE_ERROR_DISPLAY);
    assert_int_equal(template_result_of("$ERROR_LOG"), TEMPLATE_ERROR_LOG);
    assert_int_equal(template_result_of("SUCCESS"), TEMPLATE_TEXT);
    assert_int_equal(template_result_of("$SUCCESS$"), TEMPLATE_TEXT);
    assert_int_equal(template_result_of("$SUCCES"), TEMPLATE_TEXT);
    assert_int_equal(template_result_of("$ERROR-LOG"), TEMPLATE_TEXT);
    assert_int_equal(template_result_of("$ERROR\177LOG"), TEMPLATE_TEXT);
    assert_int_equal(template_result_of(""), TEMPLATE_TEXT);
}

/* ----------------------------------------------------------------- commands */

static void
words(const char *text, const char *expected)
{
    template_words *it = NULL;
    template_fault fault;
    notes got = {.len = 0};

    got.at[0] = 0;
    assert_status(template_words_new(text, tokens, &it, &fault), OK);
    for (size_t i = 0; i < template_words_count(it); i++) {
        authplug_secret *out = authplug_secret_new(1000);

        assert_status(template_expand(template_word(it, i), value, context,
                                      out), OK);
        note(&got, "[%s]", authplug_secret_text(out));
        authplug_secret_free(&out);
    }
    assert_string_equal(got.at, expected);
    template_words_free(&it);
}

static void
no_words(const char *text, size_t offset, const char *why)
{
    template_words *it = NULL;
    template_fault fault;

    assert_status(template_words_new(text, tokens, &it, &fault), VALUE);
    assert_null(it);
    assert_string_equal(fault.text, why);
    assert_int_equal(fault.offset, offset);
}

TEST(a_command_is_words)
{
    words("/usr/bin/passwd", "[/usr/bin/passwd]");
    words(" a \t b,c ", "[a][b,c]");
    words("passwd -u $user_name$", "[passwd][-u][<user_name>]");
    words("a x$user_name$y$1$", "[a][x<user_name>y<1>]");
    words("pass show \"my bank\"", "[pass][show][my bank]");
    words("a 'b \"c' \"d 'e\" f' 'g", "[a][b \"c][d 'e][f g]");
    words("a '' \"\"b", "[a][][b]");
    words("a '$user_name$ $1$'", "[a][<user_name> <1>]");
}

TEST(a_command_is_refused_where_it_is_wrong)
{
    no_words("", 0, "no command: a program was expected");
    no_words("  \t", 0, "no command: a program was expected");
#define OPEN                                                                   \
    "quotes in this word are not closed: another quote was expected"
    no_words("a b'c d", 2, OPEN);
    no_words("a \"", 2, OPEN);
    no_words("a 'b c' $old_password$", 8, UNKNOWN);
    no_words("a 'b c'$old_password$", 7, UNKNOWN);
    no_words("a 'b' c$ d$", 7, LONE);
}

/* -------------------------------------------------------------------- rules */

static void
note_rules(notes *to, const rules *it)
{
    static const char *const names[] = {"text", "success", "display", "log"};

    for (size_t i = 0; i < rules_count(it); i++) {
        const rule *at = rules_at(it, i);

        note(to, "%u %s%s\n", at->line, names[at->result],
             at->final ? " final" : "");
        assert_int_equal(at->response != NULL, at->result == TEMPLATE_TEXT);
        assert_non_null(at->request);
    }
}

/* Reads a file of rules, and Other lines; what came of it. */
static authplug_status
read_rules(rules_kind kind, const char *text, notes *to)
{
    rules *it = rules_new(kind, tokens);
    conf *file = NULL;
    conf_line next;
    bool taken = false;
    authplug_status status = AUTHPLUG_NOMEM;

    if (it != NULL)
        status = conf_parse("f", authplug_span_of(text), &file);
    while (status == AUTHPLUG_OK &&
           (status = conf_next(file, &next)) == AUTHPLUG_OK) {
        status = rules_take(it, file, &next, &taken);
        if (status == AUTHPLUG_OK && !taken)
            note(to, "%s%s\n", next.keyword, rules_open(it) ? " open" : "");
    }
    if (status == AUTHPLUG_NEED_MORE)
        status = rules_end(it, file);
    if (status == AUTHPLUG_OK)
        note_rules(to, it);
    if (file != NULL && status != AUTHPLUG_NOMEM)
        note(to, "%s", conf_error(file));
    conf_free(&file);
    rules_free(&it);
    return status;
}

static void
reads(rules_kind kind, const char *text, const char *expected)
{
    static notes got;

    got.len = 0;
    got.at[0] = 0;
    read_rules(kind, text, &got);
    assert_string_equal(got.at, expected);
}

TEST(rules_are_requests_and_responses)
{
    reads(RULES_OUTPUT,
          "Request \"New password:\"\nResponse $1$\\n\n"
          "Request \"Retype new password:\"\nFinalResponse $1$\\n\n"
          "Request BAD\nresponse $ERROR_DISPLAY\n"
          "Request BAD\nresponse $error_log\n"
          "Request done\nResponse $Success\n",
          "1 text\n3 text final\n5 display\n7 log\n9 success\n");
    reads(RULES_PROMPT, "Request .*\nEcho no\nResponse a\nEcho yes\n",
          "Echo open\nEcho\n1 text\n");
    reads(RULES_PROMPT, "FinalResponse x\n", "FinalResponse\n");
    reads(RULES_OUTPUT, "", "");
}

TEST(rules_are_refused_where_they_are_wrong)
{
    reads(RULES_OUTPUT, "\nRequest a\nRequest b\n",
          "f:2: Request: no Response after it: one was expected");
    reads(RULES_OUTPUT, "Request a\n\n",
          "f:1: Request: no Response after it: one was expected");
    reads(RULES_OUTPUT, "Response a\n",
          "f:1: Response: no Request before it: one was expected");
    reads(RULES_OUTPUT, "Request a\nResponse a\nFinalResponse b\n",
          "f:3: FinalResponse: no Request before it: one was expected");
    reads(RULES_OUTPUT, "Request (current) UNIX (\nResponse a\n",
          "f:1: Request: byte 17: nothing stands here: an expression was "
          "expected");
    reads(RULES_OUTPUT, "Request \"  a\\d\"\n",
          "f:1: Request: byte 5: this has no meaning after '\\' in POSIX "
          "extended expressions: punctuation was expected");
    reads(RULES_OUTPUT, "Request .*\n",
          "f:1: Request: it can match nothing at all, and so would match "
          "anything: one that takes at least a byte was expected");
    reads(RULES_OUTPUT, "Request a\nResponse $old_password$\n",
          "f:2: Response: byte 1: " UNKNOWN);
    reads(RULES_OUTPUT, "Request a\nFinalResponse $SUCCESS\n",
          "f:2: FinalResponse: a result is no response that others follow: "
          "the keyword Response was expected");
    reads(RULES_PROMPT, "Request a\nResponse $SUCCESS\n",
          "f:2: Response: byte 1: " LONE);
}

TEST(rules_are_500_at_most)
{
    static char text[RULES_MOST * 24 + 100];
    static notes got;

    for (int i = 0; i < RULES_MOST; i++)
        memcpy(text + i * 24, "Request a12\nResponse $$\n", 24);
    assert_status(read_rules(RULES_OUTPUT, text, &got), OK);
    memcpy(text + RULES_MOST * 24, "Request b\n", 11);
    got.len = 0;
    assert_status(read_rules(RULES_OUTPUT, text, &got), VALUE);
    assert_string_equal(got.at,
                        "f:1001: Request: too many: at most 500 were expected");
}

TEST(rules_can_be_scanned_for)
{
    rules *it = rules_new(RULES_OUTPUT, tokens);
    conf *file = NULL;
    conf_line next;
    scan *made = NULL;
    authplug_span output = authplug_span_of("new\nBAD\nnew: ");
    scan_match match;
    bool taken;

    assert_status(conf_parse("f", authplug_span_of(
                      "Request new\nResponse a\n"
                      "Request BAD\nResponse $ERROR_LOG\n"), &file), OK);
    while (conf_next(file, &next) == AUTHPLUG_OK)
        assert_status(rules_take(it, file, &next, &taken), OK);
    assert_status(rules_scan(it, &made), OK);
    rules_free(&it);
    assert_status(scan_read(made, &output, &match), OK);
    assert_int_equal(match.rule, 1);
    assert_status(scan_read(made, &output, &match), NEED_MORE);
    assert_status(scan_pause(made, true, &match), OK);
    assert_int_equal(match.rule, 0);
    scan_free(&made);
    conf_free(&file);
}

/* ------------------------------------------------------------------- memory */

static authplug_status
use_rules(void)
{
    static notes got;

    got.len = 0;
    return read_rules(RULES_OUTPUT, "Request a\nResponse x$totp:a$\\n\n", &got);
}

static authplug_status
use_words(void)
{
    template_words *it = NULL;
    template_fault fault;
    authplug_status status =
        template_words_new("a 'b' $totp:a$", tokens, &it, &fault);

    template_words_free(&it);
    return status;
}

TEST(memory_may_run_out_anywhere)
{
    authplug_status (*const uses[])(void) = {use_rules, use_words};

    for (size_t i = 0; i < COUNT_OF(uses); i++) {
        size_t live = alloc_live(), count;

        alloc_reset();
        assert_status(uses[i](), OK);
        count = alloc_count();
        for (size_t n = 1; n <= count; n++) {
            alloc_fail_at(n);
            assert_status(uses[i](), NOMEM);
            alloc_reset();
            assert_int_equal(alloc_live(), live);
        }
    }
}

TEST(texts_are_wiped)
{
    template_words *it = NULL;
    template_fault fault;
    template *text;

    spy_on("hunter2secret");
    text = made_of("hunter2secret\\n");
    assert_true(spy_sees());
    template_free(&text);
    assert_status(template_words_new("a hunter2secret", tokens, &it, &fault),
                  OK);
    template_words_free(&it);
    assert_int_equal(spy_spilled(), 0);
    spy_on(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_itself),
        cmocka_unit_test(tokens_are_expanded),
        cmocka_unit_test(dollars_and_escapes_are_bytes),
        cmocka_unit_test(what_is_no_token_is_refused_when_it_is_read),
        cmocka_unit_test(who_asks_knows_which_tokens_it_holds),
        cmocka_unit_test(a_walk_meets_each_piece_and_shows_no_text),
        cmocka_unit_test(an_expansion_is_whole_or_not_there),
        cmocka_unit_test(results_are_in_any_case_and_nothing_else),
        cmocka_unit_test(a_command_is_words),
        cmocka_unit_test(a_command_is_refused_where_it_is_wrong),
        cmocka_unit_test(rules_are_requests_and_responses),
        cmocka_unit_test(rules_are_refused_where_they_are_wrong),
        cmocka_unit_test(rules_are_500_at_most),
        cmocka_unit_test(rules_can_be_scanned_for),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(texts_are_wiped),
    };

    return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
