/* The command line of authplug ssh: stock ssh's own, ours taken out. */
#define _DEFAULT_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/client.h"
#include "client/words.h"

#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 32

/* Words separated by blanks, "^" standing for a blank in a word. */
static int
split(const char *line, char *argv[WORDS_MAX])
{
    static char copy[1024];
    int argc = 0;

    memcpy(copy, line, strlen(line) + 1);
    for (char *c = copy; *c != 0;) {
        argv[argc++] = c;
        c += strcspn(c, " ");
        if (*c == ' ')
            *c++ = 0;
    }
    argv[argc] = NULL;
    for (int i = 0; i < argc; i++)
        for (char *c = argv[i]; *c != 0; c++)
            if (*c == '^')
                *c = ' ';
    return argc;
}

static bool
parse(ssh_args *args, const char *line)
{
    static char *argv[WORDS_MAX];
    int argc = split(line, argv);

    memset(args, 0, sizeof *args);
    return args_parse(args, argc, argv);
}

/* The argv that is built from a command line, in one line. */
static const char *
built_for(const char *user, const char *line, unsigned which)
{
    static const char *const first[] = {"ssh", NULL};
    static char text[1024];
    const char **argv;
    ssh_args args;

    assert_true(parse(&args, line));
    args.user = user;
    argv = args_build(&args, first, which);
    text[0] = 0;
    for (size_t i = 0; argv[i] != NULL; i++) {
        strncat(text, i > 0 ? " " : "", sizeof text - strlen(text) - 1);
        strncat(text, argv[i], sizeof text - strlen(text) - 1);
    }
    free(argv);
    args_free(&args);
    return text;
}

static const char *
built(const char *line, unsigned which)
{
    return built_for(NULL, line, which);
}

#define SESSION ARGS_COMMAND
#define WHOLE (ARGS_COMMAND | ARGS_ALL_OPTIONS)

static void
our_options_stand_anywhere_before_the_command(void **state)
{
    ssh_args args;

    (void)state;
    assert_true(parse(&args, "x --plugin a^b -p 22 --batch h --timeout=5 cmd "
                             "--plugin c"));
    assert_string_equal(args.plugin, "a b");
    assert_true(args.batch);
    assert_int_equal(args.timeout_ms, 5000);
    assert_string_equal(args.host, "h");
    assert_int_equal(args.words, 3);
    assert_string_equal(args.command[1], "--plugin");
    args_free(&args);
}

static void
options_may_follow_the_host_as_in_stock_ssh(void **state)
{
    (void)state;
    assert_string_equal(built("x h -p 22 -t cmd -x", SESSION),
                        "ssh -p 22 -t -- h cmd -x");
}

static void
what_tools_pass_goes_through_unharmed(void **state)
{
    (void)state;
    /* git */
    assert_string_equal(
        built("x -o SendEnv=GIT_PROTOCOL -p 2 u@h git-upload-pack^'/r'",
              SESSION),
        "ssh -o SendEnv=GIT_PROTOCOL -p 2 -- u@h git-upload-pack '/r'");
    /* rsync */
    assert_string_equal(built("x -l u h rsync --server -e.x . /r", SESSION),
                        "ssh -l u -- h rsync --server -e.x . /r");
    /* scp */
    assert_string_equal(
        built("x -x -oPermitLocalCommand=no -oRemoteCommand=none -l u -s -- "
              "h sftp",
              SESSION),
        "ssh -x -o PermitLocalCommand=no -o RemoteCommand=none -l u -s -- h "
        "sftp");
    /* sftp */
    assert_string_equal(built("x -oForwardX11^no -l u -s -- h sftp", SESSION),
                        "ssh -o ForwardX11 no -l u -s -- h sftp");
}

static void
what_is_about_the_connection_stays_out_of_the_session(void **state)
{
    const char *line = "x -C -o ControlMaster=auto -oControlPersist=60s "
                       "-o ControlPath=/x -o proxyjump^j -J k -S /y -M "
                       "-o Port=2 -tt h cmd";

    (void)state;
    assert_string_equal(built(line, SESSION),
                        "ssh -C -o Port=2 -t -t -- h cmd");
    assert_string_equal(built(line, WHOLE),
                        "ssh -C -o ControlMaster=auto -o ControlPersist=60s "
                        "-o ControlPath=/x -o proxyjump j -J k -S /y -M "
                        "-o Port=2 -t -t -- h cmd");
}

static void
flags_may_share_a_word_with_a_value(void **state)
{
    (void)state;
    assert_string_equal(built("x -4Cp2222 -vvq h", SESSION),
                        "ssh -4 -C -p 2222 -v -v -q -- h");
}

static void
a_host_may_begin_with_a_dash_after_two(void **state)
{
    (void)state;
    assert_string_equal(built("x -t -- -h cmd", SESSION),
                        "ssh -t -- -h cmd");
}

static void
questions_to_ssh_itself_are_passed_through(void **state)
{
    static const char *const lines[] = {"x -G h", "x -Q cipher", "x -V",
                                        "x -O check -G h"};
    ssh_args args;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_true(parse(&args, lines[i]));
        assert_true(args.asks);
        args_free(&args);
    }
    assert_true(parse(&args, "x h -O check"));
    assert_false(args.asks);
    assert_string_equal(args.control, "check");
    args_free(&args);
}

static void
misuse_is_told(void **state)
{
    static const char *const lines[] = {
        "x",           "x -p",          "x --plugin",     "x --timeout 0 h",
        "x --nonsense h", "x -z h", "x --timeout 5s h", "x --timeout= h"};
    ssh_args args;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_false(parse(&args, lines[i]));
        args_free(&args);
    }
}

static void
the_environment_names_a_plugin_and_the_command_line_wins(void **state)
{
    ssh_args args;

    (void)state;
    setenv("AUTHPLUG_PLUGIN", "from-environment", 1);
    assert_true(parse(&args, "x h"));
    assert_string_equal(args.plugin, "from-environment");
    args_free(&args);
    assert_true(parse(&args, "x --plugin mine h"));
    assert_string_equal(args.plugin, "mine");
    args_free(&args);
    setenv("AUTHPLUG_PLUGIN", "", 1);
    assert_true(parse(&args, "x h"));
    assert_null(args.plugin);
    args_free(&args);
    unsetenv("AUTHPLUG_PLUGIN");
}

static void
a_user_takes_the_place_of_those_that_options_name(void **state)
{
    (void)state;
    assert_string_equal(built_for("bob", "x -l eve -p 1 -o User=eve eve@h c",
                                  WHOLE),
                        "ssh -l bob -p 1 -o User=eve -- eve@h c");
    assert_string_equal(built_for("-x", "x -vleve h", WHOLE),
                        "ssh -l -x -v -- h");
}

/* ------------------------------------------------------------------ connect */

static bool
parse_connect(ssh_args *args, const char *line)
{
    static char *argv[WORDS_MAX];
    int argc = split(line, argv);

    *args = (ssh_args){.connect = true};
    return args_parse(args, argc, argv);
}

static void
connect_has_options_that_ssh_has_not(void **state)
{
    ssh_args args;

    (void)state;
    assert_true(parse_connect(&args, "x --foreground -p 1 --if-needed "
                                     "--quiet h"));
    assert_true(args.foreground && args.if_needed && args.quiet);
    args_free(&args);
    assert_false(parse(&args, "x --foreground h"));
    args_free(&args);
}

static void
connect_runs_no_command_and_answers_no_question(void **state)
{
    static const char *const lines[] = {"x h true", "x -G h", "x -O exit h",
                                        "x -w 0:0 h", "x"};
    ssh_args args;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_false(parse_connect(&args, lines[i]));
        args_free(&args);
    }
}

static void
an_ssh_that_only_answers_is_told_from_one_that_connects(void **state)
{
    static const char *const asks[] = {
        "ssh -G h",     "ssh -O check h", "ssh -p 22 -vG h", "ssh h -O exit",
        "ssh -Oexit h", "ssh -V",         "ssh -oX=-p -G h"};
    static const char *const connects[] = {
        "ssh h",       "ssh h ls -G", "ssh -p -G h",
        "ssh -l -O h", "ssh -- -G",   "ssh -oControlPath=-G h",
        "ssh -tt h",   "ssh",         "ssh -p22 h x -V",
        "ssh -p"};
    char *argv[WORDS_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++)
        assert_true(words_ask_only(split(asks[i], argv), argv));
    for (size_t i = 0; i < sizeof connects / sizeof *connects; i++)
        assert_false(words_ask_only(split(connects[i], argv), argv));
}

static void
an_ssh_that_uses_nobodys_connection_says_so(void **state)
{
    static const char *const alone[] = {"ssh -S none h",
                                        "ssh h -Snone",
                                        "ssh -MNf h",
                                        "ssh -oControlPath=none h",
                                        "ssh -o controlpath^none h",
                                        "ssh -oControlMaster=yes h",
                                        "ssh -oControlPath=/p -S none h"};
    static const char *const shares[] = {
        "ssh h",
        "ssh h -- -S none",
        "ssh h cmd -M",
        "ssh -S /none h",
        "ssh -oControlPath=none -S /p h",
        "ssh -oControlPath=/p -oControlPath=none h",
        "ssh -oControlMaster=auto -oControlMaster=yes h",
        "ssh -p -M h",
        "ssh -S"};
    char *argv[WORDS_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++)
        assert_non_null(words_alone(split(alone[i], argv), argv));
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
        assert_null(words_alone(split(shares[i], argv), argv));
}

static void
a_keyword_is_told_from_what_it_begins(void **state)
{
    (void)state;
    assert_string_equal(words_keyword("ProxyJump=j", "proxyjump"), "j");
    assert_string_equal(words_keyword(" proxyJUMP\t=  j k", "proxyjump"),
                        "j k");
    assert_string_equal(words_keyword("proxyjump =j", "proxyjump"), "j");
    assert_string_equal(words_keyword("proxyjump ", "proxyjump"), "");
    assert_null(words_keyword("proxyjump", "proxyjump"));
    assert_null(words_keyword("proxyjumps=j", "proxyjump"));
    assert_null(words_keyword("proxy=j", "proxyjump"));
}

/* What a command line of ours becomes below an ssh with another one. */
static const char *
taken(const char *line, const char *above)
{
    static const char *const first[] = {"ssh", NULL};
    static char text[1024], copy[1024];
    char *words[WORDS_MAX];
    const char **argv;
    int count = 0;
    ssh_args args;

    assert_true(parse_connect(&args, line));
    /* split() keeps one line, and that is ours */
    memcpy(copy, above, strlen(above) + 1);
    for (char *w = strtok(copy, " "); w != NULL; w = strtok(NULL, " "))
        words[count++] = w;
    assert_true(args_take_way(&args, count, words));
    argv = args_build(&args, first, ARGS_ALL_OPTIONS);
    text[0] = 0;
    for (size_t i = 0; argv[i] != NULL; i++) {
        strncat(text, i > 0 ? " " : "", sizeof text - strlen(text) - 1);
        strncat(text, argv[i], sizeof text - strlen(text) - 1);
    }
    free(argv);
    args_free(&args);
    return text;
}

static void
the_way_of_the_ssh_above_is_ours(void **state)
{
    (void)state;
    assert_string_equal(
        taken("x -l u h", "ssh -tJ g -F f -v -o HostName=n -b 1 "
                          "-oHostKeyAlias=k -p 2 -i key h ls -J x"),
        "ssh -l u -J g -F f -o HostName=n -b 1 -o HostKeyAlias=k -- h");
    assert_string_equal(taken("x h", "ssh -oProxyCommand=none h -oproxyjump=j"),
                        "ssh -o ProxyCommand=none -o proxyjump=j -- h");
    assert_string_equal(taken("x h", "ssh -- h -J g"), "ssh -- h");
}

static void
what_our_own_words_say_of_it_wins(void **state)
{
    (void)state;
    assert_string_equal(taken("x -F mine -J a -o HostKeyAlias=k h",
                              "ssh -F f -oProxyCommand=c -o HostKeyAlias=o "
                              "-o HostName=n h"),
                        "ssh -F mine -J a -o HostKeyAlias=k -o HostName=n -- "
                        "h");
    /* but where that ssh looks, it looks */
    assert_string_equal(taken("x -S mine -v h", "ssh -S theirs h"),
                        "ssh -v -S theirs -- h");
    assert_string_equal(
        taken("x -oControlPath=mine h", "ssh -o ControlPath=theirs h"),
        "ssh -o ControlPath=theirs -- h");
}

static void
who_wants_no_shared_connection_says_so(void **state)
{
    static const char *const alone[] = {
        "x -S none h", "x -o ControlPath=none h", "x -ocontrolpath^none h",
        "x -oControlPath=/p -S none h", "x -S /p -S none h"};
    static const char *const shared[] = {
        "x h",
        "x -S /none h",
        "x -S /p -oControlPath=none h",
        "x -oControlPath=none -S /p h",
        "x -oControlPath=/p -oControlPath=none h",
        "x -oControlPath=nonesuch h",
        "x -oControlMaster=none h"};
    ssh_args args;

    (void)state;
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++) {
        assert_true(parse(&args, alone[i]));
        assert_true(args_alone(&args));
        args_free(&args);
    }
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        assert_true(parse(&args, shared[i]));
        assert_false(args_alone(&args));
        args_free(&args);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_options_stand_anywhere_before_the_command),
        cmocka_unit_test(options_may_follow_the_host_as_in_stock_ssh),
        cmocka_unit_test(what_tools_pass_goes_through_unharmed),
        cmocka_unit_test(
            what_is_about_the_connection_stays_out_of_the_session),
        cmocka_unit_test(flags_may_share_a_word_with_a_value),
        cmocka_unit_test(a_host_may_begin_with_a_dash_after_two),
        cmocka_unit_test(questions_to_ssh_itself_are_passed_through),
        cmocka_unit_test(misuse_is_told),
        cmocka_unit_test(
            the_environment_names_a_plugin_and_the_command_line_wins),
        cmocka_unit_test(a_user_takes_the_place_of_those_that_options_name),
        cmocka_unit_test(connect_has_options_that_ssh_has_not),
        cmocka_unit_test(connect_runs_no_command_and_answers_no_question),
        cmocka_unit_test(
            an_ssh_that_only_answers_is_told_from_one_that_connects),
        cmocka_unit_test(an_ssh_that_uses_nobodys_connection_says_so),
        cmocka_unit_test(a_keyword_is_told_from_what_it_begins),
        cmocka_unit_test(the_way_of_the_ssh_above_is_ours),
        cmocka_unit_test(what_our_own_words_say_of_it_wins),
        cmocka_unit_test(who_wants_no_shared_connection_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
