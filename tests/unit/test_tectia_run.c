/*
 * The runtime of server plugins: each test forks a plugin, and plays its
 * server line by line.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <authplug/tectia_run.h>

#include "io/io.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOON 5000

/* A sanitizer's calls save registers on the stack, with what is in them. */
#if !defined(__SANITIZE_ADDRESS__)
#define MEMORY_IS_OURS
#endif

typedef bool decide_fn(authplug_tectia_session *session, void *context);

typedef struct plugin {
    pid_t pid;
    int to, from, errors;
    char text[200000]; /* what it said, up to where it was read */
} plugin;

/* ------------------------------------------------------------ the server */

/* In the child: a plugin like any other. One named "stays" does. */
static void
be_plugin(const authplug_tectia_program *program, int in, int out, int err)
{
    int result;

    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    close_range(3, ~0u, 0);
    result = authplug_tectia_run(program, "context");
    if (program->name != NULL && strcmp(program->name, "stays") == 0)
        (void)sleep(60);
    _exit(result);
}

static void
begin(plugin *p, const authplug_tectia_program *program)
{
    int in[2], out[2], err[2];

    assert_int_equal(pipe(in) | pipe(out) | pipe(err), 0);
    p->pid = fork();
    assert_true(p->pid >= 0);
    if (p->pid == 0)
        be_plugin(program, in[0], out[1], err[1]);
    close(in[0]);
    close(out[1]);
    close(err[1]);
    p->to = in[1];
    p->from = out[0];
    p->errors = err[0];
}

static plugin *
start(authplug_tectia_kind kind, decide_fn *decide)
{
    static plugin p;
    authplug_tectia_program program = {
        .name = "tried", .kind = kind, .decide = decide, .timeout_ms = SOON};

    begin(&p, &program);
    return &p;
}

static void
say(plugin *p, const char *lines)
{
    assert_int_equal(write(p->to, lines, strlen(lines)), strlen(lines));
}

/* The next so many bytes of a stream, or all up to its end, as a string. */
static const char *
read_text(plugin *p, int from, size_t len)
{
    int64_t deadline = io_deadline(SOON);
    size_t used = 0, got = 1;

    while (used < len && got > 0) {
        assert_int_equal(io_wait(from, true, false, deadline), AUTHPLUG_OK);
        got = (size_t)read(from, p->text + used, len - used);
        assert_true(got != (size_t)-1);
        used += got;
    }
    p->text[used] = 0;
    return p->text;
}

static void
hear(plugin *p, const char *lines)
{
    assert_string_equal(read_text(p, p->from, strlen(lines)), lines);
}

static void
hang_up(plugin *p)
{
    close(p->to);
    p->to = -1;
}

/* It says these lines and no others, these words on standard error ("" for
 * nothing at all), and ends with this status. */
static void
end(plugin *p, const char *lines, const char *words, int status)
{
    int how;

    assert_string_equal(read_text(p, p->from, sizeof p->text - 1), lines);
    (void)read_text(p, p->errors, sizeof p->text - 1);
    if (words[0] == 0)
        assert_string_equal(p->text, "");
    else if (strstr(p->text, words) == NULL)
        fail_msg("'%s' is not in '%s'", words, p->text);
    assert_int_equal(waitpid(p->pid, &how, 0), p->pid);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), status);
    if (p->to >= 0)
        close(p->to);
    close(p->from);
    close(p->errors);
}

#define PARAMS "user_name:alice\nend_of_params\n"

/* ---------------------------------------------------------- conversations */

static bool
is(const char *text, const char *expected)
{
    return strcmp(text, expected) == 0;
}

static bool
two_rounds(authplug_tectia_session *session, void *context)
{
    const char *user = authplug_tectia_session_param(session, "user_name");
    const char *given = authplug_tectia_session_param(session, "x");
    bool good = is(context, "context") && is(user, "carol") &&
                is(given, "a:b") &&
                is(authplug_tectia_session_param(session, "y"), "") &&
                is(authplug_tectia_session_param(session, "carol"), "");

    authplug_tectia_session_prompt(session, "A: ", false);
    authplug_tectia_session_prompt(session, "", true);
    authplug_tectia_session_prompt(session, "C: ", true);
    good = good && authplug_tectia_session_ask(session, "First.") &&
           is(authplug_tectia_session_reply(session, 0), "one") &&
           is(authplug_tectia_session_reply(session, 1), "") &&
           is(authplug_tectia_session_reply(session, 2), " end_of_replies") &&
           is(authplug_tectia_session_reply(session, 3), "");
    authplug_tectia_session_prompt(session, "D: ", false);
    good = good && authplug_tectia_session_ask(session, NULL) &&
           is(authplug_tectia_session_reply(session, 0), "four") &&
           is(authplug_tectia_session_reply(session, 1), "");
    /* parameters outlive all of it */
    return good && is(user, "carol") && is(given, "a:b");
}

static void
parameters_rounds_and_success(void **state)
{
    plugin *p = start(AUTHPLUG_TECTIA_KBDINT, two_rounds);

    (void)state;
    say(p, "user_name:alice\nUSER_name:carol\ny:\nx:a:b\nEnd_Of_Params\n");
    hear(p, "instruction:First.\nreq:A: \nreq_echo:\nreq_echo:C: \n"
            "end_of_requests\n");
    say(p, "reply:one\nreply:\nreply: end_of_replies\nend_of_replies\n");
    hear(p, "req:D: \nend_of_requests\n");
    say(p, "reply:four\nend_of_replies\n");
    end(p, "success\n", "", 0);
}

static bool
only_tells(authplug_tectia_session *session, void *context)
{
    (void)context;
    return authplug_tectia_session_ask(session, "Look at your telephone.") &&
           is(authplug_tectia_session_reply(session, 0), "");
}

static void
a_round_without_prompts_shows_the_instruction(void **state)
{
    plugin *p = start(AUTHPLUG_TECTIA_KBDINT, only_tells);

    (void)state;
    say(p, PARAMS);
    hear(p, "instruction:Look at your telephone.\nend_of_requests\n");
    say(p, "end_of_replies\n");
    end(p, "success\n", "", 0);
}

static bool
long_reply(authplug_tectia_session *session, void *context)
{
    (void)context;
    authplug_tectia_session_prompt(session, "A: ", false);
    return authplug_tectia_session_ask(session, NULL) &&
           strlen(authplug_tectia_session_reply(session, 0)) == 60000;
}

static void
a_long_reply_comes_whole(void **state)
{
    plugin *p = start(AUTHPLUG_TECTIA_KBDINT, long_reply);
    char reply[60001];

    (void)state;
    memset(reply, 'x', 60000);
    reply[60000] = 0;
    say(p, PARAMS);
    hear(p, "req:A: \nend_of_requests\n");
    say(p, "reply:");
    say(p, reply);
    say(p, "\nend_of_replies\n");
    end(p, "success\n", "", 0);
}

static bool
never(authplug_tectia_session *session, void *context)
{
    (void)session;
    (void)context;
    return false;
}

static void
false_is_failure(void **state)
{
    static const authplug_tectia_kind kinds[] = {AUTHPLUG_TECTIA_KBDINT,
                                                 AUTHPLUG_TECTIA_PASSWD,
                                                 AUTHPLUG_TECTIA_AUTHORIZE};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        plugin *p = start(kinds[i], never);

        say(p, PARAMS);
        end(p, "failure\n", "", 1);
    }
}

static bool
refuses(authplug_tectia_session *session, void *context)
{
    (void)context;
    (void)authplug_tectia_session_refuse(
        session, AUTHPLUG_TECTIA_CODE_PASSWORD_TOO_OLD, "too old");
    (void)authplug_tectia_session_refuse(session, AUTHPLUG_TECTIA_CODE_GENERIC,
                                         "not this one");
    (void)authplug_tectia_session_refuse_log(session, "from 1999");
    return true;
}

static void
true_after_a_refusal_denies_for_the_first_reason(void **state)
{
    plugin *p = start(AUTHPLUG_TECTIA_AUTHORIZE, refuses);

    (void)state;
    say(p, PARAMS);
    end(p, "failure\nerror_code:password_too_old\nerror_msg:too old\n", "", 1);
    p = start(AUTHPLUG_TECTIA_PASSWD, refuses);
    say(p, PARAMS);
    end(p, "error_msg:too old\nerror_log:from 1999\nfailure\n", "", 1);
    p = start(AUTHPLUG_TECTIA_KBDINT, refuses);
    say(p, PARAMS);
    end(p, "failure\n", "", 1);
}

static bool
code_alone(authplug_tectia_session *session, void *context)
{
    (void)context;
    return authplug_tectia_session_refuse(session, AUTHPLUG_TECTIA_CODE_GENERIC,
                                          NULL);
}

static void
a_code_needs_no_reason(void **state)
{
    plugin *p = start(AUTHPLUG_TECTIA_AUTHORIZE, code_alone);

    (void)state;
    say(p, PARAMS);
    end(p, "failure\nerror_code:generic_error\n", "", 1);
}

static bool
two_lines(authplug_tectia_session *session, void *context)
{
    (void)context;
    return authplug_tectia_session_refuse(session, AUTHPLUG_TECTIA_CODE_NONE,
                                          "no\nsuccess");
}

static void
a_reason_that_would_be_two_lines_is_left_out(void **state)
{
    plugin *p = start(AUTHPLUG_TECTIA_PASSWD, two_lines);

    (void)state;
    say(p, PARAMS);
    end(p, "failure\n", "tried: the reason cannot be sent", 1);
}

static bool
long_reason(authplug_tectia_session *session, void *context)
{
    static char reason[70000];

    (void)context;
    memset(reason, 'x', sizeof reason - 1);
    return authplug_tectia_session_refuse(session, AUTHPLUG_TECTIA_CODE_NONE,
                                          reason);
}

static void
so_is_one_over_the_limit(void **state)
{
    plugin *p = start(AUTHPLUG_TECTIA_PASSWD, long_reason);

    (void)state;
    say(p, PARAMS);
    end(p, "failure\n", "tried: a reason is too long to be sent", 1);
}

/* ------------------------------------------------- questions that go wrong */

static bool
asks_badly(authplug_tectia_session *session, void *context)
{
    (void)context;
    authplug_tectia_session_prompt(session, "A: \nsuccess", false);
    if (authplug_tectia_session_ask(session, NULL))
        return true;
    /* this one would be good, and is not asked any more */
    authplug_tectia_session_prompt(session, "B: ", false);
    (void)authplug_tectia_session_ask(session, NULL);
    return is(authplug_tectia_session_reply(session, 0), "");
}

static void
true_after_a_question_that_failed_denies(void **state)
{
    plugin *p = start(AUTHPLUG_TECTIA_KBDINT, asks_badly);

    (void)state;
    say(p, PARAMS);
    end(p, "failure\n", "tried: a question holds CR or LF", 111);
}

static bool
asks(authplug_tectia_session *session, void *context)
{
    (void)context;
    authplug_tectia_session_prompt(session, "A: ", false);
    (void)authplug_tectia_session_ask(session, NULL);
    return true;
}

static void
a_plugin_of_another_kind_cannot_ask(void **state)
{
    plugin *p = start(AUTHPLUG_TECTIA_AUTHORIZE, asks);

    (void)state;
    say(p, PARAMS);
    end(p, "failure\n", "tried: only plugins of AUTHPLUG_TECTIA_KBDINT", 111);
}

static bool
asks_three(authplug_tectia_session *session, void *context)
{
    for (int i = 0; i < 3; i++)
        authplug_tectia_session_prompt(session, "A: ", false);
    return asks(session, context);
}

static void
more_prompts_than_the_limit_are_not_asked(void **state)
{
    static plugin p;
    authplug_limits limits = AUTHPLUG_LIMITS_DEFAULT;
    authplug_tectia_program program = {.kind = AUTHPLUG_TECTIA_KBDINT,
                                       .decide = asks_three,
                                       .limits = &limits};

    (void)state;
    limits.prompts = 2;
    begin(&p, &program);
    say(&p, PARAMS);
    end(&p, "failure\n", "plugin: a limit was exceeded", 111);
}

static void
a_reply_too_few_or_too_many_is_no_verdict(void **state)
{
    static const char *const replies[] = {"end_of_replies\n",
                                          "reply:a\nreply:b\nend_of_replies\n"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        plugin *p = start(AUTHPLUG_TECTIA_KBDINT, asks);

        say(p, PARAMS);
        hear(p, "req:A: \nend_of_requests\n");
        say(p, replies[i]);
        end(p, "", "tried: the server's replies, line", 111);
    }
}

static void
a_server_that_speaks_out_of_turn_gets_no_verdict(void **state)
{
    plugin *p = start(AUTHPLUG_TECTIA_KBDINT, asks);

    (void)state;
    say(p, PARAMS "reply:a\nend_of_replies\n");
    end(p, "", "spoke out of turn", 111);
}

/* ------------------------------------------------- the server's own troubles */

static void
a_server_that_goes_away_gets_no_verdict(void **state)
{
    static const char *const said[] = {"", "user_name:alice\n",
                                       "user_name:alice\nend_of_par"};
    plugin *p;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        p = start(AUTHPLUG_TECTIA_KBDINT, asks);
        say(p, said[i]);
        hang_up(p);
        end(p, "", "tried: the server", 111);
    }
    p = start(AUTHPLUG_TECTIA_KBDINT, asks);
    say(p, PARAMS);
    hear(p, "req:A: \nend_of_requests\n");
    hang_up(p);
    end(p, "", "tried: the server went away before the verdict", 111);
    p = start(AUTHPLUG_TECTIA_KBDINT, asks);
    say(p, PARAMS);
    hear(p, "req:A: \nend_of_requests\n");
    say(p, "reply:a\n");
    hang_up(p);
    end(p, "", "tried: the server's replies", 111);
}

static bool
waits(authplug_tectia_session *session, void *context)
{
    (void)session;
    (void)context;
    return poll(NULL, 0, 200) == 0;
}

static void
a_verdict_that_nobody_hears_is_none(void **state)
{
    plugin *p = start(AUTHPLUG_TECTIA_AUTHORIZE, waits);
    int how;

    (void)state;
    say(p, PARAMS);
    close(p->from);
    assert_non_null(strstr(read_text(p, p->errors, sizeof p->text - 1),
                           "tried: the server went away"));
    assert_int_equal(waitpid(p->pid, &how, 0), p->pid);
    assert_true(WIFEXITED(how)); /* not by SIGPIPE */
    assert_int_equal(WEXITSTATUS(how), 111);
    close(p->to);
    close(p->errors);
}

static void
a_silent_server_is_waited_for_only_so_long(void **state)
{
    static plugin p;
    authplug_tectia_program program = {.kind = AUTHPLUG_TECTIA_KBDINT,
                                       .decide = asks,
                                       .timeout_ms = 100};

    (void)state;
    begin(&p, &program);
    end(&p, "", "plugin: the server did not speak in time", 111);
    begin(&p, &program);
    say(&p, PARAMS);
    end(&p, "req:A: \nend_of_requests\n", "did not speak in time", 111);
}

/* -------------------------------------------------------------- the process */

static bool
prints(authplug_tectia_session *session, void *context)
{
    char byte;
    FILE *command;

    (void)session;
    (void)context;
    printf("failure\n");
    fflush(stdout);
    if (write(1, "stray\n", 6) != 6 || read(0, &byte, 1) != 0)
        return false;
    command = popen("cat >&2; echo command >&2", "r");
    return command != NULL && pclose(command) == 0;
}

static void
what_it_prints_goes_to_standard_error(void **state)
{
    plugin *p = start(AUTHPLUG_TECTIA_AUTHORIZE, prints);

    (void)state;
    say(p, PARAMS);
    end(p, "success\n", "failure\nstray\ncommand\n", 0);
}

static bool
always(authplug_tectia_session *session, void *context)
{
    (void)session;
    (void)context;
    return true;
}

static void
its_output_ends_with_the_verdict_even_if_it_stays(void **state)
{
    static plugin p;
    authplug_tectia_program program = {
        .name = "stays", .kind = AUTHPLUG_TECTIA_AUTHORIZE, .decide = always};
    int how;

    (void)state;
    begin(&p, &program);
    say(&p, PARAMS);
    assert_string_equal(read_text(&p, p.from, sizeof p.text - 1), "success\n");
    assert_int_equal(waitpid(p.pid, &how, WNOHANG), 0);
    kill(p.pid, SIGKILL);
    waitpid(p.pid, &how, 0);
    close(p.to);
    close(p.from);
    close(p.errors);
}

#ifdef MEMORY_IS_OURS
/* Whether the bytes are anywhere in what the process may write to. */
static bool
is_in_memory(pid_t pid, const char *bytes)
{
    char path[64], line[512];
    unsigned long from, to;
    bool found = false;
    FILE *maps, *memory;

    (void)snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    maps = fopen(path, "r");
    (void)snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    memory = fopen(path, "r");
    assert_true(maps != NULL && memory != NULL);
    while (fgets(line, sizeof line, maps) != NULL) {
        char *copy;

        if (sscanf(line, "%lx-%lx", &from, &to) != 2 ||
            strstr(line, " rw") == NULL)
            continue;
        copy = malloc(to - from);
        assert_non_null(copy);
        if (fseek(memory, (long)from, SEEK_SET) == 0 &&
            fread(copy, 1, to - from, memory) == to - from)
            found = found || memmem(copy, to - from, bytes, strlen(bytes));
        free(copy);
    }
    fclose(maps);
    fclose(memory);
    return found;
}

static bool
keeps(authplug_tectia_session *session, void *context)
{
    static char kept[64];

    (void)context;
    authplug_tectia_session_prompt(session, "A: ", false);
    if (!authplug_tectia_session_ask(session, NULL))
        return false;
    (void)snprintf(kept, sizeof kept, "%s",
                   authplug_tectia_session_param(session, "kept"));
    return true;
}

static void
nothing_that_was_heard_stays_in_memory(void **state)
{
    static plugin p;
    authplug_tectia_program program = {
        .name = "stays", .kind = AUTHPLUG_TECTIA_KBDINT, .decide = keeps};
    char param[64], reply[64], kept[64], line[256];
    int how;

    (void)state;
    begin(&p, &program);
    /* made now, when the plugin is no copy of this process any more */
    (void)snprintf(param, sizeof param, "param-%d-of-now", (int)p.pid);
    (void)snprintf(reply, sizeof reply, "reply-%d-of-now", (int)p.pid);
    (void)snprintf(kept, sizeof kept, "kept-%d-of-now", (int)p.pid);
    (void)snprintf(line, sizeof line, "old_password:%s\nkept:%s\n%s", param,
                   kept, "end_of_params\n");
    say(&p, line);
    hear(&p, "req:A: \nend_of_requests\n");
    assert_true(is_in_memory(p.pid, param));
    (void)snprintf(line, sizeof line, "reply:%s\nend_of_replies\n", reply);
    say(&p, line);
    assert_string_equal(read_text(&p, p.from, sizeof p.text - 1), "success\n");
    assert_true(is_in_memory(p.pid, kept));
    assert_false(is_in_memory(p.pid, param));
    assert_false(is_in_memory(p.pid, reply));
    kill(p.pid, SIGKILL);
    waitpid(p.pid, &how, 0);
    close(p.to);
    close(p.from);
    close(p.errors);
}
#endif

static void
a_program_that_cannot_work_says_so(void **state)
{
    static plugin p;
    authplug_limits none = {0};
    authplug_tectia_program program = {.kind = AUTHPLUG_TECTIA_AUTHORIZE};

    (void)state;
    begin(&p, &program);
    end(&p, "", "plugin: the plugin has no decide function", 111);
    program.decide = always;
    program.limits = &none;
    begin(&p, &program);
    end(&p, "", "plugin: out of memory, or limits make no sense", 111);
}

static void
at_a_terminal_it_says_how_it_is_tried(void **state)
{
    static plugin p;
    authplug_tectia_program program = {.kind = AUTHPLUG_TECTIA_PASSWD,
                                       .decide = always};
    int out[2], err[2], master, terminal;

    (void)state;
    assert_int_equal(pipe(out) | pipe(err), 0);
    assert_int_equal(openpty(&master, &terminal, NULL, NULL, NULL), 0);
    p.pid = fork();
    assert_true(p.pid >= 0);
    if (p.pid == 0)
        be_plugin(&program, terminal, out[1], err[1]);
    close(terminal);
    close(out[1]);
    close(err[1]);
    p.to = master;
    p.from = out[0];
    p.errors = err[0];
    end(&p, "", "try it with 'authplug try passwd -- COMMAND'", 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_rounds_and_success),
        cmocka_unit_test(a_round_without_prompts_shows_the_instruction),
        cmocka_unit_test(a_long_reply_comes_whole),
        cmocka_unit_test(false_is_failure),
        cmocka_unit_test(true_after_a_refusal_denies_for_the_first_reason),
        cmocka_unit_test(a_code_needs_no_reason),
        cmocka_unit_test(a_reason_that_would_be_two_lines_is_left_out),
        cmocka_unit_test(so_is_one_over_the_limit),
        cmocka_unit_test(true_after_a_question_that_failed_denies),
        cmocka_unit_test(a_plugin_of_another_kind_cannot_ask),
        cmocka_unit_test(more_prompts_than_the_limit_are_not_asked),
        cmocka_unit_test(a_reply_too_few_or_too_many_is_no_verdict),
        cmocka_unit_test(a_server_that_speaks_out_of_turn_gets_no_verdict),
        cmocka_unit_test(a_server_that_goes_away_gets_no_verdict),
        cmocka_unit_test(a_verdict_that_nobody_hears_is_none),
        cmocka_unit_test(a_silent_server_is_waited_for_only_so_long),
        cmocka_unit_test(what_it_prints_goes_to_standard_error),
        cmocka_unit_test(its_output_ends_with_the_verdict_even_if_it_stays),
#ifdef MEMORY_IS_OURS
        cmocka_unit_test(nothing_that_was_heard_stays_in_memory),
#endif
        cmocka_unit_test(a_program_that_cannot_work_says_so),
        cmocka_unit_test(at_a_terminal_it_says_how_it_is_tried),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
