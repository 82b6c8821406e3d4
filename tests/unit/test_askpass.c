/* Whose prompt it is, whom an ssh logs in to, and who may ask. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/askpass.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static askpass_target
target_of(const char *printed)
{
    askpass_target target = {0};

    assert_int_equal(askpass_target_parse(&target, authplug_span_of(printed)),
                     AUTHPLUG_OK);
    return target;
}

/* What the server asked by these words, or NULL if they are ssh's own. */
static const char *
asked(const askpass_target *target, const char *words)
{
    static char text[256];
    authplug_secret *prompt = authplug_secret_new(1024);
    authplug_status status =
        askpass_server_prompt(target, authplug_span_of(words), prompt);

    assert_true(status == AUTHPLUG_OK || status == AUTHPLUG_NOT_FOUND);
    assert_true(authplug_secret_len(prompt) < sizeof text);
    if (status == AUTHPLUG_NOT_FOUND)
        assert_int_equal(authplug_secret_len(prompt), 0);
    else
        memcpy(text, authplug_secret_text(prompt),
               authplug_secret_len(prompt) + 1);
    authplug_secret_free(&prompt);
    return status == AUTHPLUG_OK ? text : NULL;
}

static void
configurations_are_read(void **state)
{
    askpass_target target =
        target_of("host h\nuser me\nhostname Server.Example\nport 2222\n"
                  "numberofpasswordprompts 1\nlocalcommand none\n");

    (void)state;
    assert_string_equal(target.user, "me");
    assert_string_equal(target.host, "Server.Example");
    assert_string_equal(target.shown, "server.example");
    assert_int_equal(target.port, 2222);
    assert_int_equal(target.prompts, 1);
    assert_false(target.local_command);
    askpass_target_free(&target);

    target = target_of("hostname a\nhostkeyalias b c\nuser u\nport 22\n"
                       "localcommand touch x");
    assert_string_equal(target.host, "b c");
    assert_string_equal(target.shown, "b c");
    assert_true(target.local_command);
    askpass_target_free(&target);
}

static void
other_output_is_none(void **state)
{
    static const char *const bad[] = {
        "",
        "OpenSSH_9.2p1\n",
        "user me\nport 22\n",
        "user me\nhostname h\n",
        "hostname h\nport 22\n",
        "user\nhostname\nport\n",
        "user me\nhostname h\nport 0\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        askpass_target target = {0};

        assert_int_equal(
            askpass_target_parse(&target, authplug_span_of(bad[i])),
            AUTHPLUG_VALUE);
        askpass_target_free(&target);
    }
}

static void
the_exact_prefix_makes_it_the_servers(void **state)
{
    askpass_target target = target_of("user me\nhostname h\nport 22\n");

    (void)state;
    assert_string_equal(asked(&target, "(me@h) Password: "), "Password: ");
    assert_string_equal(asked(&target, "(me@h) "), "");
    assert_string_equal(asked(&target, "(me@h) (root@other) Password: "),
                        "(root@other) Password: ");
    assert_null(asked(&target, "(me@h)Password: "));
    assert_null(asked(&target, "(me@h"));
    assert_null(asked(&target, "(me@hh) Password: "));
    assert_null(asked(&target, "(you@h) Password: "));
    assert_null(asked(&target, " (me@h) Password: "));
    assert_null(asked(&target, "me@h's password: "));
    assert_null(asked(&target, ""));
    askpass_target_free(&target);
}

static void
names_cannot_be_mistaken(void **state)
{
    askpass_target target = target_of("user a) b@c\nhostname h\nport 22\n");

    (void)state;
    assert_string_equal(asked(&target, "(a) b@c@h) Code: "), "Code: ");
    assert_null(asked(&target, "(a) b@c) Code: "));
    askpass_target_free(&target);
}

static void
what_ssh_escaped_is_as_it_was(void **state)
{
    askpass_target target =
        target_of("user j\xc3\xbcrgen\nhostname h\nport 22\n");

    (void)state;
    assert_string_equal(asked(&target, "(j\xc3\xbcrgen@h) \xc3\xa9? "),
                        "\xc3\xa9? ");
    assert_string_equal(asked(&target, "(j\\303\\274rgen@h) \\303\\251? "),
                        "\xc3\xa9? ");
    assert_string_equal(asked(&target, "(j\\303\\274rgen@h) \\033[1m\\377"),
                        "\x1b[1m\xff");
    /* bytes that ssh would not have escaped, or none at all */
    assert_string_equal(asked(&target, "(j\xc3\xbcrgen@h) \\101\\400\\39\\"),
                        "\\101\\400\\39\\");
    assert_string_equal(asked(&target, "(j\xc3\xbcrgen@h) \\000\\n\\03"),
                        "\\000\\n\\03");
    askpass_target_free(&target);
}

static void
a_name_with_a_backslash_is_left_alone(void **state)
{
    askpass_target target = target_of("user D\\303\\274\nhostname h\nport 1\n");

    (void)state;
    assert_string_equal(asked(&target, "(D\\303\\274@h) \\303\\274"),
                        "\xc3\xbc");
    askpass_target_free(&target);
}

/* A child, and its own child; their ends are waited for by a pipe's. */
typedef struct family {
    pid_t child, grandchild;
    int hold;
} family;

static family
make_family(void)
{
    int news[2], hold[2];
    family made;

    assert_int_equal(pipe(news), 0);
    assert_int_equal(pipe(hold), 0);
    made.child = fork();
    if (made.child == 0) {
        pid_t below = fork();
        char byte;

        close(hold[1]);
        if (below > 0)
            (void)!write(news[1], &below, sizeof below);
        _exit(read(hold[0], &byte, 1) < 0);
    }
    close(hold[0]);
    made.hold = hold[1];
    assert_int_equal(read(news[0], &made.grandchild, sizeof(pid_t)),
                     sizeof(pid_t));
    close(news[0]);
    close(news[1]);
    return made;
}

static void
only_who_is_below_is_ours(void **state)
{
    family ours = make_family(), theirs = make_family();
    pid_t asker = 0;
    int fd = -1;

    (void)state;
    assert_true(askpass_trace(ours.grandchild, ours.child, &asker, &fd));
    assert_int_equal(asker, ours.child);
    assert_true(askpass_lives(fd));
    close(fd);
    assert_false(askpass_trace(ours.child, ours.child, &asker, &fd));
    assert_false(askpass_trace(theirs.grandchild, ours.child, &asker, &fd));
    assert_false(askpass_trace(getpid(), ours.child, &asker, &fd));
    assert_false(askpass_trace(1, ours.child, &asker, &fd));
    assert_true(askpass_below(ours.grandchild, ours.child));
    /* one that has lost its parent */
    kill(ours.child, SIGKILL);
    assert_int_equal(waitpid(ours.child, NULL, 0), ours.child);
    assert_false(askpass_trace(ours.grandchild, ours.child, &asker, &fd));
    close(ours.hold);
    close(theirs.hold);
    assert_int_equal(waitpid(theirs.child, NULL, 0), theirs.child);
}

static void
messages_keep_their_ends(void **state)
{
    askpass_message message = {.body = authplug_secret_new(ASKPASS_BODY_MAX)};
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    assert_int_equal(askpass_send(ends[0], ASKPASS_PROMPT,
                                  authplug_span_of("one"), ends[0], io_now()),
                     AUTHPLUG_OK);
    assert_int_equal(
        askpass_send(ends[0], ASKPASS_NONE, authplug_span_of(""), -1, io_now()),
        AUTHPLUG_OK);
    assert_int_equal(askpass_receive(ends[1], &message, io_now()), AUTHPLUG_OK);
    assert_int_equal(message.type, ASKPASS_PROMPT);
    assert_true(authplug_span_is(authplug_secret_span(message.body), "one"));
    assert_true(message.fd >= 0);
    close(message.fd);
    assert_int_equal(askpass_receive(ends[1], &message, io_now()), AUTHPLUG_OK);
    assert_int_equal(message.type, ASKPASS_NONE);
    assert_int_equal(authplug_secret_len(message.body), 0);
    assert_int_equal(message.fd, -1);
    assert_int_equal(askpass_receive(ends[1], &message, io_now()),
                     AUTHPLUG_TIMEOUT);
    close(ends[0]);
    assert_int_equal(askpass_receive(ends[1], &message, io_now()),
                     AUTHPLUG_CLOSED);
    assert_int_equal(
        askpass_send(ends[1], ASKPASS_NONE, authplug_span_of(""), -1, io_now()),
        AUTHPLUG_CLOSED);
    close(ends[1]);
    authplug_secret_free(&message.body);
}

/* How many descriptors this process has. */
static int
open_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void
of_several_descriptors_none_stays(void **state)
{
    askpass_message message = {.body = authplug_secret_new(ASKPASS_BODY_MAX)};

    (void)state;
    for (size_t count = 2; count <= 32; count++) {
        union {
            char bytes[CMSG_SPACE(32 * sizeof(int))];
            struct cmsghdr align;
        } space = {{0}};
        char words[] = "\1two";
        struct iovec part = {words, 4};
        struct msghdr header = {.msg_iov = &part,
                                .msg_iovlen = 1,
                                .msg_control = space.bytes,
                                .msg_controllen =
                                    CMSG_SPACE(count * sizeof(int))};
        int ends[2], before;

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
        space.align.cmsg_level = SOL_SOCKET;
        space.align.cmsg_type = SCM_RIGHTS;
        space.align.cmsg_len = CMSG_LEN(count * sizeof(int));
        for (size_t i = 0; i < count; i++)
            memcpy(CMSG_DATA(&space.align) + i * sizeof(int), &ends[0],
                   sizeof(int));
        before = open_descriptors();
        assert_int_equal(sendmsg(ends[0], &header, 0), 4);
        assert_int_equal(askpass_receive(ends[1], &message, io_now()),
                         AUTHPLUG_COUNT);
        assert_int_equal(message.fd, -1);
        assert_int_equal(open_descriptors(), before);
        close(ends[0]);
        close(ends[1]);
    }
    authplug_secret_free(&message.body);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configurations_are_read),
        cmocka_unit_test(other_output_is_none),
        cmocka_unit_test(the_exact_prefix_makes_it_the_servers),
        cmocka_unit_test(names_cannot_be_mistaken),
        cmocka_unit_test(what_ssh_escaped_is_as_it_was),
        cmocka_unit_test(a_name_with_a_backslash_is_left_alone),
        cmocka_unit_test(only_who_is_below_is_ours),
        cmocka_unit_test(messages_keep_their_ends),
        cmocka_unit_test(of_several_descriptors_none_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
