/*
 * The host of Tectia server plugins against shell scripts that keep the rules,
 * and against those that break them. Every test runs twice, without and with
 * a guard.
 */
#define _GNU_SOURCE
#include "support.h"

#include "processes.h"

#include <authplug/tectia_host.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Reads to the end of a list; the last value is $value. */
#define READ(list)                                                             \
    "while IFS=: read -r key value; do test \"$key\" != " list                 \
    " || break; last=$value; done; "
#define PARAMS READ("end_of_params")
#define REPLIES READ("end_of_replies")
#define ASK "echo req:PIN:; echo end_of_requests; "

static bool guarded_now;
static authplug_tectia_host_options options;
static notes heard; /* the plugin's standard error */
static int open_before;
static size_t live_before;
static int64_t began;

static void hear_line(void *context, authplug_span text)
{
    notes *to = context;

    if (to->len < 1000)
        note(to, "%.*s|", (int)text.len, (const char *)text.data);
}

static int set_up(bool guard)
{
    static const authplug_tectia_host_options none;

    options = none;
    options.guarded = guarded_now = guard;
    options.timeout_ms = SOON;
    options.on_stderr = hear_line;
    options.context = &heard;
    heard.len = 0;
    heard.at[0] = 0;
    open_before = descriptors();
    alloc_reset();
    live_before = alloc_live();
    began = io_now();
    return 0;
}

static int plainly(void **state)
{
    (void)state;
    return set_up(false);
}

static int with_a_guard(void **state)
{
    (void)state;
    return set_up(true);
}

/* Nothing is left, whatever happened. */
static int clean_up(void **state)
{
    (void)state;
    alloc_reset();
    return descriptors() == open_before && childless() &&
                   alloc_live() == live_before
               ? 0
               : -1;
}

static long took(void)
{
    return (long)(io_now() - began);
}

static authplug_status start(const char *command, authplug_tectia_host **host)
{
    static const char *const keys[] = {"user_name", "remote_host_ip"};
    static const char *const values[] = {"rebecca", "192.0.2.7"};
    authplug_tectia_pair params[2];

    for (size_t i = 0; i < 2; i++) {
        params[i].key = authplug_span_of(keys[i]);
        params[i].value = authplug_span_of(values[i]);
    }
    options.command = command;
    return authplug_tectia_host_start(&options, params, 2, host);
}

static authplug_tectia_host *begin(const char *command)
{
    authplug_tectia_host *host = NULL;

    assert_status(start(command, &host), OK);
    return host;
}

/* Replies "stoat" to whatever is asked, until there is a verdict or a fault. */
static authplug_status converse(authplug_tectia_host *host,
                                authplug_tectia_event *event)
{
    authplug_status status = authplug_tectia_host_next(host, event);
    authplug_span replies[100];

    for (size_t i = 0; i < COUNT_OF(replies); i++)
        replies[i] = authplug_span_of("stoat");
    while (status == AUTHPLUG_OK && event->type == AUTHPLUG_TECTIA_REQUESTS) {
        status = authplug_tectia_host_replies(host, replies, event->count);
        if (status == AUTHPLUG_OK)
            status = authplug_tectia_host_next(host, event);
    }
    return status;
}

/* The command reaches this verdict. */
static void verdict(const char *command, bool success)
{
    authplug_tectia_host *host = begin(command);
    authplug_tectia_event event = {0};

    assert_status(converse(host, &event), OK);
    assert_int_equal(event.type, AUTHPLUG_TECTIA_VERDICT);
    assert_int_equal(event.success, success);
    assert_string_equal(authplug_tectia_host_error(host), "");
    assert_status(authplug_tectia_host_next(host, &event), STATE);
    authplug_tectia_host_finish(&host);
    assert_null(host);
}

/* The command leads to this fault, told in these words, and to no event. */
static void fault_at(const char *command, authplug_status expected,
                     const char *words, const char *file, int at)
{
    authplug_tectia_host *host = begin(command);
    authplug_tectia_event event = {0};

    assert_status_at(converse(host, &event), expected, file, at);
    _assert_string_equal(authplug_tectia_host_error(host), words, file, at);
    /* and it stays */
    assert_status_at(authplug_tectia_host_next(host, &event), expected, file,
                     at);
    assert_status_at(authplug_tectia_host_replies(host, NULL, 0), expected,
                     file, at);
    authplug_tectia_host_finish(&host);
}
#define fault(command, status, words)                                          \
    fault_at(command, AUTHPLUG_##status, words, __FILE__, __LINE__)

/* ------------------------------------------------------------ good manners */

TEST(a_plugin_gets_parameters_and_gives_a_verdict)
{
    verdict("while read -r line; do echo \"$line\" >&2;"
            "test \"$line\" != end_of_params || break; done; echo success",
            true);
    assert_string_equal(heard.at, "user_name:rebecca|remote_host_ip:192.0.2.7|"
                                  "end_of_params|");
}

TEST(a_failure_is_a_verdict_and_no_fault)
{
    verdict(PARAMS "echo failure", false);
}

TEST(rounds_of_requests_are_put_and_answered)
{
    authplug_tectia_host *host = begin(
        PARAMS "echo instruction:Hello; echo req_echo:Name:; echo req:PIN:;"
               "echo end_of_requests;" REPLIES
               "test \"$last\" = 1234 || exit 1;"
               "echo end_of_requests;" REPLIES "echo success");
    authplug_span replies[] = {authplug_span_of("rebecca"),
                               authplug_span_of("1234")};
    authplug_tectia_event event;

    assert_status(authplug_tectia_host_next(host, &event), OK);
    assert_int_equal(event.type, AUTHPLUG_TECTIA_REQUESTS);
    assert_span(event.instruction, "Hello");
    assert_int_equal(event.count, 2);
    assert_span(event.prompts[0].text, "Name:");
    assert_true(event.prompts[0].echo);
    assert_span(event.prompts[1].text, "PIN:");
    assert_false(event.prompts[1].echo);
    assert_status(authplug_tectia_host_next(host, &event), STATE);
    assert_status(authplug_tectia_host_replies(host, replies, 1), COUNT);
    assert_status(authplug_tectia_host_replies(host, replies, 2), OK);
    assert_status(authplug_tectia_host_replies(host, replies, 2), STATE);
    assert_status(authplug_tectia_host_next(host, &event), OK);
    assert_int_equal(event.type, AUTHPLUG_TECTIA_REQUESTS);
    assert_int_equal(event.count, 0);
    assert_status(authplug_tectia_host_replies(host, NULL, 0), OK);
    assert_status(authplug_tectia_host_next(host, &event), OK);
    assert_int_equal(event.type, AUTHPLUG_TECTIA_VERDICT);
    assert_true(event.success);
    assert_status(authplug_tectia_host_replies(host, NULL, 0), STATE);
    authplug_tectia_host_finish(&host);
}

TEST(why_access_is_denied_is_told)
{
    authplug_tectia_host *host;
    authplug_tectia_event event;

    options.kind = AUTHPLUG_TECTIA_AUTHORIZE;
    host = begin(PARAMS "echo failure; echo error_code:password_too_old;"
                        "echo error_msg:Too old");
    assert_status(authplug_tectia_host_next(host, &event), OK);
    assert_int_equal(event.type, AUTHPLUG_TECTIA_VERDICT);
    assert_false(event.success);
    assert_int_equal(event.code, AUTHPLUG_TECTIA_CODE_PASSWORD_TOO_OLD);
    assert_span(event.error_msg, "Too old");
    authplug_tectia_host_finish(&host);
}

TEST(why_a_password_was_not_changed_is_told)
{
    authplug_tectia_host *host;
    authplug_tectia_event event;

    options.kind = AUTHPLUG_TECTIA_PASSWD;
    host = begin(PARAMS "echo error_msg:Too short; echo error_log:rule 7;"
                        "echo failure");
    assert_status(authplug_tectia_host_next(host, &event), OK);
    assert_false(event.success);
    assert_span(event.error_msg, "Too short");
    assert_span(event.error_log, "rule 7");
    authplug_tectia_host_finish(&host);
}

TEST(the_environment_is_a_path_and_what_was_given)
{
    const char *show =
        PARAMS "tr '\\0' '\\n' </proc/$$/environ >&2; echo success";

    setenv("SECRET", "weasel", 1);
    verdict(show, true);
    assert_string_equal(heard.at, "PATH=/usr/local/sbin:/usr/local/bin:"
                                  "/usr/sbin:/usr/bin:/sbin:/bin|");
    set_up(guarded_now);
    options.passwd_path = "/opt/passwd $user_name$";
    options.debug_level = "9";
    verdict(show, true);
    assert_string_equal(heard.at, "PATH=/usr/local/sbin:/usr/local/bin:"
                                  "/usr/sbin:/usr/bin:/sbin:/bin|"
                                  "SSH2_PASSWD_PATH=/opt/passwd $user_name$|"
                                  "SSH_DEBUG_LEVEL=9|");
    unsetenv("SECRET");
}

TEST(a_program_is_started_without_a_shell)
{
    const char *const argv[] = {"sh", "-c", PARAMS "echo $0 >&2; echo success",
                                "a b", NULL};

    options.argv = argv;
    verdict(NULL, true);
    assert_string_equal(heard.at, "a b|");
}

TEST(a_plugin_runs_as_the_user_that_is_given)
{
    static const uint32_t groups[] = {100};
    static const authplug_tectia_identity nobody = {65534, 65534, groups, 1};

    if (geteuid() != 0) {
        print_message("not root: identities cannot be changed\n");
        skip();
    }
    options.as = &nobody;
    verdict(PARAMS "id -u >&2; id -G >&2; echo success", true);
    assert_string_equal(heard.at, "65534|65534 100|");
}

TEST(a_plugin_may_close_its_input_early_and_still_decide)
{
    verdict("exec </dev/null; sleep 0.1; echo success", true);
    verdict(PARAMS ASK "exec </dev/null; sleep 0.1; echo failure", false);
}

/* Runs its commands in a child that the end of the plugin, whose group a guard
 * ends at once, does not end; and is sure of that. */
#define CHILD(commands)                                                        \
    "setsid sh -c '" commands "' & child=$!;"                                  \
    "until test \"$(ps -o sid= -p $child | tr -d ' ')\" = $child; do :; done;"

TEST(a_verdict_is_good_although_a_child_keeps_the_pipe)
{
    clock_t worked = clock();

    /* it could still say something, for a second */
    verdict(PARAMS CHILD("exec sleep 2") "echo success", true);
    assert_in_range(took(), 950, 2000);
    /* and nobody is busy meanwhile */
    assert_in_range(clock() - worked, 0, CLOCKS_PER_SEC / 5);
}

TEST(a_verdict_is_good_at_once_where_the_child_lets_go_of_the_pipe)
{
    verdict(PARAMS "sleep 60 >/dev/null 2>&1 & echo success", true);
    assert_in_range(took(), 0, 900);
    set_up(guarded_now);
    verdict(PARAMS CHILD("sleep 0.2") "echo success", true);
    assert_in_range(took(), 150, 900);
}

TEST(what_a_child_says_after_the_end_of_the_plugin_counts)
{
    static const char words[] =
        "the plugin went on talking after its verdict";

    fault(PARAMS CHILD("sleep 0.3; echo failure") "echo success", TURN, words);
    fault(PARAMS CHILD("sleep 0.3; echo success") "echo success", TURN, words);
    if (!guarded_now)
        fault(PARAMS "(sleep 0.3; echo failure) & echo success", TURN, words);
}

TEST(a_second_of_silence_after_a_verdict_is_enough)
{
    authplug_tectia_host *host = begin(PARAMS "echo success; sleep 60");
    authplug_tectia_event event;

    assert_status(authplug_tectia_host_next(host, &event), OK);
    assert_true(event.success);
    assert_in_range(took(), 950, 2000);
    authplug_tectia_host_finish(&host);
    assert_in_range(took(), 950, 2500);
}

TEST(nothing_is_waited_for_after_a_clean_verdict)
{
    verdict(PARAMS "echo success", true);
    assert_in_range(took(), 0, 90);
}

TEST(a_plugin_that_waits_for_the_end_of_its_input_gets_it)
{
    verdict(PARAMS "echo success; cat >/dev/null", true);
    assert_in_range(took(), 0, 900);
}

TEST(finish_does_not_wait_for_a_plugin_that_does_not_end)
{
    authplug_tectia_host *host = begin("trap '' TERM; sleep 60");

    authplug_tectia_host_finish(&host);
    assert_in_range(took(), 0, 1500);
    authplug_tectia_host_finish(&host);
    authplug_tectia_host_finish(NULL);
}

TEST(a_group_that_ignores_term_is_gone_after_finish)
{
    authplug_tectia_host *host =
        begin(PARAMS "trap '' TERM; sleep 60 & echo $! >&2;" ASK "sleep 60");
    authplug_tectia_event event;

    assert_status(authplug_tectia_host_next(host, &event), OK);
    authplug_tectia_host_finish(&host);
    assert_true(gone((pid_t)strtol(heard.at, NULL, 10)));
    assert_in_range(took(), 0, 1500);
}

/* ------------------------------------------------------------- bad manners */

TEST(every_way_to_end_without_a_verdict_is_told_apart)
{
    fault(PARAMS "exit 0", CLOSED,
          "the plugin ended without a verdict, with exit status 0");
    fault(PARAMS "exit 3", CLOSED,
          "the plugin ended without a verdict, with exit status 3");
    fault("exit 4", CLOSED,
          "the plugin ended without a verdict, with exit status 4");
    fault(PARAMS "kill -SEGV $$; sleep 9", CLOSED,
          "the plugin was killed by signal 11 before its verdict");
    fault(PARAMS "(kill -SEGV $(exec sh -c 'echo $PPID')); exit $?", CLOSED,
          "the plugin was killed by signal 11 before its verdict");
    fault("/nonexistent/plugin", CLOSED,
          "the plugin's program was not found by the shell");
    fault("/etc/passwd", CLOSED,
          "the plugin's program could not be executed by the shell");
    fault(PARAMS "exec >&-; sleep 60", CLOSED,
          "the plugin closed its output without a verdict");
}

TEST(a_plugin_that_ends_while_the_user_is_asked_reached_no_verdict)
{
    fault(PARAMS ASK "exit 5", CLOSED,
          "the plugin ended without a verdict, with exit status 5");
}

TEST(exit_status_0_is_no_verdict_and_any_other_no_failure)
{
    fault(PARAMS "echo successful; exit 0", CLOSED,
          "the plugin ended without a verdict, with exit status 0");
    verdict(PARAMS "echo success; exit 1", true);
}

TEST(nothing_may_follow_a_success)
{
    static const char words[] =
        "the plugin went on talking after its verdict";

    fault(PARAMS "echo success; echo failure", TURN, words);
    fault(PARAMS "echo success; echo", TURN, words);
    fault(PARAMS "echo success; echo success", TURN, words);
    fault(PARAMS "echo success; sleep 0.3; echo x", TURN, words);
    fault(PARAMS "echo success; (sleep 0.3; echo x) & sleep 0.5", TURN, words);
    fault(PARAMS "echo failure; echo success", TURN, words);
    fault(PARAMS "echo success; yes", TURN, words);
}

TEST(a_verdict_that_is_cut_short_is_none)
{
    fault(PARAMS "printf success", TRUNCATED,
          "in the plugin's requests the end of the line is missing");
    fault(PARAMS "echo success; printf x", TRUNCATED,
          "in the plugin's verdict the end of the line is missing");
    /* a second of silence does not end a line */
    fault(PARAMS "echo success; printf x; sleep 60", TRUNCATED,
          "in the plugin's verdict the end of the line is missing");
}

TEST(a_round_must_be_ended)
{
    fault(PARAMS "echo req:PIN:", TRUNCATED,
          "in the plugin's requests end_of_requests is missing");
    fault(PARAMS "echo req:PIN:; echo success", TRUNCATED,
          "in the plugin's requests end_of_requests before the verdict is "
          "missing");
}

TEST(a_plugin_must_wait_for_the_replies)
{
    static const char words[] = "the plugin spoke before it was answered";

    fault(PARAMS "printf 'req:a\\nend_of_requests\\nsuccess\\n'; sleep 9", TURN,
          words);
    fault(PARAMS "printf 'req:a\\nend_of_requests\\nreq:b\\n'; sleep 9", TURN,
          words);
}

TEST(what_is_said_while_the_user_thinks_is_noticed)
{
    authplug_tectia_host *host =
        begin(PARAMS ASK "sleep 0.05; echo success; exec cat >/dev/null");
    authplug_span reply = authplug_span_of("stoat");
    authplug_tectia_event event;

    assert_status(authplug_tectia_host_next(host, &event), OK);
    usleep(300000);
    assert_status(authplug_tectia_host_replies(host, &reply, 1), TURN);
    assert_string_equal(authplug_tectia_host_error(host),
                        "the plugin spoke before it was answered");
    assert_status(authplug_tectia_host_next(host, &event), TURN);
    authplug_tectia_host_finish(&host);
}

TEST(bytes_that_would_forge_lines_are_refused)
{
    fault(PARAMS "printf 'req:a\\r\\n'", VALUE,
          "line 1 of the plugin's requests holds a CR or a NUL");
    fault(PARAMS "printf 'success\\0\\n'", VALUE,
          "line 1 of the plugin's requests holds a CR or a NUL");
    fault(PARAMS "echo failure; printf 'error_msg:a\\rb\\n'", VALUE,
          "line 1 of the plugin's verdict holds a CR or a NUL");
}

TEST(floods_end_at_a_limit)
{
    authplug_limits limits = AUTHPLUG_LIMITS_DEFAULT;

    fault(PARAMS "tr '\\0' x </dev/zero", LENGTH,
          "line 1 of the plugin's requests is longer than 65536 bytes");
    fault(PARAMS "head -c 70000 /dev/zero | tr '\\0' x; echo; sleep 60",
          LENGTH,
          "line 1 of the plugin's requests is longer than 65536 bytes");
    fault(PARAMS "yes req:PIN:", LIMIT,
          "the plugin passed a limit in its requests: expected fewer lines in "
          "one list");
    fault(PARAMS "for i in 1 2 3 4 5 6 7 8 9 10 11; do for j in 1 2 3 4 5 6 7"
                 " 8 9 10; do echo req:; done; done; echo end_of_requests;"
                 "sleep 60",
          LIMIT,
          "the plugin passed a limit in its requests: expected fewer prompts "
          "in one round");
    fault(PARAMS "yes", LIMIT,
          "the plugin passed a limit in its requests: expected fewer lines in "
          "one list");
    fault(PARAMS "echo failure; yes", LIMIT,
          "the plugin passed a limit in its verdict: expected fewer lines in "
          "one list");
    limits.rounds = 20;
    options.limits = &limits;
    fault(PARAMS "while :; do " ASK REPLIES "done", LIMIT,
          "the plugin passed a limit in its requests: expected fewer rounds in "
          "one conversation");
    assert_in_range(took(), 0, 9000);
}

TEST(endless_rounds_end_at_the_limit_that_is_set_for_all)
{
    fault(PARAMS "while :; do " ASK REPLIES "done", LIMIT,
          "the plugin passed a limit in its requests: expected fewer rounds in "
          "one conversation");
}

TEST(endless_complaints_do_not_hold_the_verdict_up)
{
    verdict("yes >&2 & " PARAMS "sleep 0.1; echo success", true);
}

/* ------------------------------------------------------------------- time */

static const char late[] =
    "the plugin did not reach a verdict within 1 s";

TEST(a_plugin_that_says_nothing_ends_at_the_deadline)
{
    options.timeout_ms = 300;
    fault("sleep 60", TIMEOUT, late);
    assert_in_range(took(), 300, 1900);
}

TEST(a_plugin_that_drips_ends_at_the_deadline)
{
    options.timeout_ms = 300;
    fault("while :; do printf x; sleep 0.05; done", TIMEOUT, late);
    assert_in_range(took(), 300, 1900);
}

TEST(a_plugin_that_only_complains_ends_at_the_deadline)
{
    options.timeout_ms = 300;
    fault("yes >&2", TIMEOUT, late);
    assert_in_range(took(), 300, 1900);
}

TEST(parameters_that_nobody_reads_end_at_the_deadline)
{
    static unsigned char much[60000];
    authplug_tectia_pair params[5];
    authplug_tectia_host *host = NULL;
    authplug_tectia_event event;

    memset(much, 'x', sizeof much);
    for (size_t i = 0; i < COUNT_OF(params); i++) {
        params[i].key = authplug_span_of("user_name");
        params[i].value = authplug_span_make(much, sizeof much);
    }
    options.timeout_ms = 300;
    options.command = "yes >&2";
    assert_status(authplug_tectia_host_start(&options, params,
                                             COUNT_OF(params), &host),
                  OK);
    assert_status(authplug_tectia_host_next(host, &event), TIMEOUT);
    assert_string_equal(authplug_tectia_host_error(host), late);
    assert_in_range(took(), 300, 1500);
    authplug_tectia_host_finish(&host);
}

TEST(a_success_that_comes_with_the_deadline_is_none)
{
    options.timeout_ms = 300;
    fault(PARAMS "echo success; sleep 60", TIMEOUT, late);
    assert_in_range(took(), 300, 1000);
}

TEST(a_user_who_thinks_for_too_long_has_had_his_chance)
{
    authplug_tectia_host *host;
    authplug_span reply = authplug_span_of("stoat");
    authplug_tectia_event event;

    options.timeout_ms = 200;
    host = begin(PARAMS ASK REPLIES "echo success");
    assert_status(authplug_tectia_host_next(host, &event), OK);
    assert_in_range(authplug_tectia_host_left(host), 1, 200);
    usleep(250000);
    assert_int_equal(authplug_tectia_host_left(host), 0);
    assert_status(authplug_tectia_host_replies(host, &reply, 1), TIMEOUT);
    assert_status(authplug_tectia_host_next(host, &event), TIMEOUT);
    assert_string_equal(authplug_tectia_host_error(host),
                        "the user did not reply within the plugin's 1 s");
    authplug_tectia_host_finish(&host);
}

TEST(replies_in_time_do_not_help_a_plugin_that_is_late)
{
    options.timeout_ms = 300;
    fault(PARAMS ASK REPLIES "sleep 0.5; echo success", TIMEOUT, late);
}

TEST(a_server_that_comes_back_late_gets_no_verdict)
{
    authplug_tectia_host *host;
    authplug_tectia_event event;

    options.timeout_ms = 200;
    host = begin("echo success");
    usleep(250000);
    assert_status(authplug_tectia_host_next(host, &event), TIMEOUT);
    authplug_tectia_host_finish(&host);
}

static void act(int number)
{
    (void)number;
}

TEST(a_signal_denies)
{
    static const char words[] =
        "a signal interrupted the plugin's conversation";
    authplug_tectia_host *host;
    authplug_tectia_event event;

    signal(SIGINT, act);
    io_signals_begin();
    host = begin(PARAMS "sleep 1; echo success");
    kill(getpid(), SIGINT);
    assert_status(authplug_tectia_host_next(host, &event), CANCELLED);
    assert_string_equal(authplug_tectia_host_error(host), words);
    assert_status(authplug_tectia_host_next(host, &event), CANCELLED);
    authplug_tectia_host_finish(&host);
    io_signals_end();
    signal(SIGINT, SIG_DFL);
}

TEST(a_lost_guard_is_a_fault)
{
    if (!guarded_now)
        return;
    fault(PARAMS "kill -KILL $PPID; exec sleep 60", CLOSED,
          "the plugin ended without a verdict, nobody knows how");
    fault(PARAMS "echo success; kill -KILL $PPID; exec sleep 60", IO,
          "the plugin was lost at its verdict");
}

/* -------------------------------------------------------------- the server */

TEST(a_parameter_that_would_forge_lines_starts_nothing)
{
    static const char bad[][4] = {"a\nb", "a\rb", "a\0b"};
    char mark[] = "/tmp/authplug-test-XXXXXX", command[64];
    authplug_tectia_pair param = {authplug_span_of("user_name"), {0}};
    int fd = mkstemp(mark);

    assert_true(fd >= 0);
    close(fd);
    (void)snprintf(command, sizeof command, "rm %s", mark);
    options.command = command;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        authplug_tectia_host *host = NULL;
        authplug_tectia_event event;

        param.value = authplug_span_make(bad[i], 3);
        assert_status(authplug_tectia_host_start(&options, &param, 1, &host),
                      VALUE);
        assert_string_equal(authplug_tectia_host_error(host),
                            "a parameter cannot be passed on: a value holds "
                            "bytes that are not allowed in it");
        assert_status(authplug_tectia_host_next(host, &event), VALUE);
        authplug_tectia_host_finish(&host);
    }
    usleep(50000);
    assert_int_equal(unlink(mark), 0);
}

TEST(parameters_without_end_start_nothing)
{
    static authplug_tectia_pair params[300];
    static unsigned char much[70000];
    authplug_tectia_host *host = NULL;

    for (size_t i = 0; i < COUNT_OF(params); i++)
        params[i].key = authplug_span_of("user_name");
    options.command = "echo success";
    assert_status(
        authplug_tectia_host_start(&options, params, COUNT_OF(params), &host),
        LIMIT);
    assert_string_equal(authplug_tectia_host_error(host),
                        "a parameter cannot be passed on: a limit was "
                        "exceeded");
    authplug_tectia_host_finish(&host);
    params[0].value = authplug_span_make(much, sizeof much);
    memset(much, 'x', sizeof much);
    assert_status(authplug_tectia_host_start(&options, params, 1, &host),
                  LENGTH);
    assert_string_equal(authplug_tectia_host_error(host),
                        "a parameter cannot be passed on: a length is zero or "
                        "over the limit");
    authplug_tectia_host_finish(&host);
}

TEST(a_reply_that_would_forge_lines_is_not_passed_on)
{
    static const char *const bad[] = {"stoat\nend_of_replies", "stoat\r"};
    authplug_tectia_host *host =
        begin(PARAMS ASK REPLIES "test $last = stoat && echo success");
    authplug_tectia_event event;
    authplug_span reply;

    assert_status(authplug_tectia_host_next(host, &event), OK);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        reply = authplug_span_of(bad[i]);
        assert_status(authplug_tectia_host_replies(host, &reply, 1), VALUE);
        assert_string_equal(authplug_tectia_host_error(host),
                            "the user's replies cannot be passed on: a value "
                            "holds bytes that are not allowed in it");
    }
    /* a server may ask again */
    reply = authplug_span_of("stoat");
    assert_status(authplug_tectia_host_replies(host, &reply, 1), OK);
    assert_string_equal(authplug_tectia_host_error(host), "");
    assert_status(authplug_tectia_host_next(host, &event), OK);
    assert_true(event.success);
    authplug_tectia_host_finish(&host);
}

/* The program cannot be started, for this reason. */
static void unstarted(const char *program, const char *reason)
{
    const char *const argv[] = {program, NULL};
    authplug_tectia_host *host = NULL;
    authplug_tectia_event event;
    char words[200];

    options.argv = argv;
    assert_status(start(NULL, &host), NOT_FOUND);
    (void)snprintf(words, sizeof words, "the plugin could not be started: %s",
                   reason);
    assert_string_equal(authplug_tectia_host_error(host), words);
    assert_status(authplug_tectia_host_next(host, &event), NOT_FOUND);
    authplug_tectia_host_finish(&host);
    options.argv = NULL;
}

TEST(why_a_plugin_cannot_be_started_is_told)
{
    static const char missing[] =
        "it, or the interpreter that it names, was not found";
    char script[] = "/tmp/authplug-test-XXXXXX";
    int fd = mkstemp(script);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "#!/nonexistent/perl\n", 20), 20);
    close(fd);
    unstarted("/nonexistent/plugin", missing);
    unstarted("no-such-plugin-anywhere", missing);
    unstarted(script, "it may not be executed");
    unstarted("/tmp", "it may not be executed");
    assert_int_equal(chmod(script, 0700), 0);
    unstarted(script, missing);
    assert_int_equal(truncate(script, 0), 0);
    unstarted(script,
              "it is no program, nor a script that names its interpreter");
    unlink(script);
    unstarted("/etc/passwd/x", "Not a directory");
}

TEST(an_identity_out_of_reach_starts_nothing)
{
    static const uint32_t many[70000];
    authplug_tectia_identity as = {65534, 65534, many, COUNT_OF(many)};
    authplug_tectia_host *host = NULL;

    options.as = &as;
    assert_status(start("echo success", &host), IO);
    assert_string_equal(authplug_tectia_host_error(host),
                        geteuid() == 0
                            ? "the plugin could not be started: "
                              "Invalid argument"
                            : "the plugin could not be started: this process "
                              "may not start it as another user");
    authplug_tectia_host_finish(&host);
}

TEST(without_a_plugin_nothing_is_started)
{
    const char *const argv[] = {NULL};
    authplug_tectia_host *host = NULL;

    assert_status(start(NULL, &host), USAGE);
    assert_string_equal(authplug_tectia_host_error(host),
                        "neither a plugin nor a command was given");
    authplug_tectia_host_finish(&host);
    options.argv = argv;
    assert_status(start("echo success", &host), USAGE);
    authplug_tectia_host_finish(&host);
}

/* ----------------------------------------------------------------- memory */

/* A whole conversation; false, and denied, when memory ran out. */
static bool lets_in(const char *command)
{
    authplug_tectia_host *host = NULL;
    authplug_tectia_event event = {0};
    authplug_status status = start(command, &host);
    bool in;

    if (status == AUTHPLUG_OK)
        status = converse(host, &event);
    in = status == AUTHPLUG_OK && event.success;
    if (!in && status != AUTHPLUG_TURN) {
        assert_status(status, NOMEM);
        assert_non_null(
            strstr(authplug_tectia_host_error(host), "out of memory"));
    }
    authplug_tectia_host_finish(&host);
    return in;
}

TEST(without_memory_nobody_gets_in)
{
    const char *command = PARAMS ASK REPLIES ASK REPLIES "echo success";
    size_t n = 1;

    options.passwd_path = options.debug_level = "x";
    for (;; n++) {
        bool in;

        alloc_fail_at(n);
        in = lets_in(command);
        if (alloc_count() < n) {
            assert_true(in);
            break;
        }
        assert_false(in);
    }
    assert_in_range(n, 10, 60);
}

TEST(what_there_is_no_memory_for_is_not_passed_over)
{
    const char *command = PARAMS "echo success; sleep 0.02; printf %5000d 0;"
                                 "echo; exec cat >/dev/null";

    for (size_t n = 1;; n++) {
        alloc_fail_at(n);
        assert_false(lets_in(command));
        if (alloc_count() < n)
            break;
    }
}

/* Names and functions; every test is run without and with a guard. */
#define TESTS(X)                                                               \
    X(a_plugin_gets_parameters_and_gives_a_verdict)                            \
    X(a_failure_is_a_verdict_and_no_fault)                                     \
    X(rounds_of_requests_are_put_and_answered)                                 \
    X(why_access_is_denied_is_told)                                            \
    X(why_a_password_was_not_changed_is_told)                                  \
    X(the_environment_is_a_path_and_what_was_given)                            \
    X(a_program_is_started_without_a_shell)                                    \
    X(a_plugin_runs_as_the_user_that_is_given)                                 \
    X(a_plugin_may_close_its_input_early_and_still_decide)                     \
    X(a_verdict_is_good_although_a_child_keeps_the_pipe)                       \
    X(a_verdict_is_good_at_once_where_the_child_lets_go_of_the_pipe)           \
    X(what_a_child_says_after_the_end_of_the_plugin_counts)                    \
    X(a_second_of_silence_after_a_verdict_is_enough)                           \
    X(nothing_is_waited_for_after_a_clean_verdict)                             \
    X(a_plugin_that_waits_for_the_end_of_its_input_gets_it)                    \
    X(finish_does_not_wait_for_a_plugin_that_does_not_end)                     \
    X(a_group_that_ignores_term_is_gone_after_finish)                          \
    X(every_way_to_end_without_a_verdict_is_told_apart)                        \
    X(a_plugin_that_ends_while_the_user_is_asked_reached_no_verdict)           \
    X(exit_status_0_is_no_verdict_and_any_other_no_failure)                    \
    X(nothing_may_follow_a_success)                                            \
    X(a_verdict_that_is_cut_short_is_none)                                     \
    X(a_round_must_be_ended)                                                   \
    X(a_plugin_must_wait_for_the_replies)                                      \
    X(what_is_said_while_the_user_thinks_is_noticed)                           \
    X(bytes_that_would_forge_lines_are_refused)                                \
    X(floods_end_at_a_limit)                                                   \
    X(endless_rounds_end_at_the_limit_that_is_set_for_all)                     \
    X(endless_complaints_do_not_hold_the_verdict_up)                           \
    X(a_plugin_that_says_nothing_ends_at_the_deadline)                         \
    X(a_plugin_that_drips_ends_at_the_deadline)                                \
    X(a_plugin_that_only_complains_ends_at_the_deadline)                       \
    X(parameters_that_nobody_reads_end_at_the_deadline)                        \
    X(a_success_that_comes_with_the_deadline_is_none)                          \
    X(a_user_who_thinks_for_too_long_has_had_his_chance)                       \
    X(replies_in_time_do_not_help_a_plugin_that_is_late)                       \
    X(a_server_that_comes_back_late_gets_no_verdict)                           \
    X(a_signal_denies)                                                         \
    X(a_lost_guard_is_a_fault)                                                 \
    X(a_parameter_that_would_forge_lines_starts_nothing)                       \
    X(parameters_without_end_start_nothing)                                    \
    X(a_reply_that_would_forge_lines_is_not_passed_on)                         \
    X(why_a_plugin_cannot_be_started_is_told)                                  \
    X(an_identity_out_of_reach_starts_nothing)                                 \
    X(without_a_plugin_nothing_is_started)                                     \
    X(without_memory_nobody_gets_in)                                           \
    X(what_there_is_no_memory_for_is_not_passed_over)

int main(void)
{
#define PLAIN(test) {#test, test, plainly, clean_up, NULL},
#define GUARDED(test) {#test " (guarded)", test, with_a_guard, clean_up, NULL},
    const struct CMUnitTest tests[] = {TESTS(PLAIN) TESTS(GUARDED)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
