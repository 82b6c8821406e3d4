/*
 * authplug-askpass PROMPT - what ssh starts for each prompt: gives it to the
 * broker that started the ssh, and prints the answer. With two arguments,
 * "outcome success", it is what ssh runs once it is logged in.
 *
 * Where there is no broker, or it gives no answer, the ssh is ended: it would
 * otherwise send an empty one.
 */
#define _GNU_SOURCE
#include "client/askpass.h"

#include "sdk/user.h"

#include <authplug/wire.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "authplug-askpass"
#define SHORT_MS 10000
/* how much longer than a login may take we wait for those who watch over it */
#define GRACE_MS 10000

enum { GAVE = 0, NONE = 1, MISUSE = 2 };

static struct {
    int ssh; /* pidfd of our parent, or -1 */
    int broker;
    const char *prompt;
    int64_t deadline;
    unsigned char nonce[ASKPASS_NONCE];
} our = {.ssh = -1, .broker = -1};

/* No answer: our parent, if it is an ssh, must not go on with an empty one. */
static int
end_ssh(const char *why)
{
    if (io_signals_caught() == 0)
        io_say(NAME, "%s", why);
    if (our.ssh >= 0)
        askpass_end(our.ssh);
    return NONE;
}

/* Our parent may end at any moment, and its number be another's. */
static void
hold_parent(void)
{
    pid_t parent = getppid();

    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (!askpass_is_ssh(parent))
        return;
    our.ssh = pidfd_open(parent, 0);
    if (our.ssh >= 0 && getppid() != parent) {
        close(our.ssh);
        our.ssh = -1;
    }
}

/* -1, with errno. */
static int
reach(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, room = 1 << 20;

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    /* as much as may be: a message is sent in one */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

/* ---------------------------------------------------------- what is asked */

static int
print_answer(authplug_span answer)
{
    authplug_secret *line = authplug_secret_new(ASKPASS_ANSWER_MAX + 1);
    authplug_status status = AUTHPLUG_NOMEM;

    if (line != NULL)
        status = authplug_secret_append(line, answer.data, answer.len);
    if (status == AUTHPLUG_OK)
        status = authplug_secret_append(line, "\n", 1);
    if (status == AUTHPLUG_OK)
        status = io_write(STDOUT_FILENO, authplug_secret_span(line),
                          io_deadline(SHORT_MS));
    authplug_secret_free(&line);
    return status == AUTHPLUG_OK
               ? GAVE
               : end_ssh("ssh did not take the answer: log in again");
}

static authplug_status
reply_to(authplug_span question)
{
    static const authplug_limits limits = AUTHPLUG_LIMITS_DEFAULT;
    authplug_ki_reply *reply = authplug_ki_reply_new(&limits);
    authplug_secret *body = authplug_secret_new(ASKPASS_BODY_MAX);
    authplug_status status = AUTHPLUG_NOMEM;
    authplug_writer writer;

    if (reply != NULL && body != NULL) {
        status = askpass_ask(question, reply);
        writer = authplug_writer_to(body);
        authplug_put_uint32(&writer, (uint32_t)status);
        authplug_put_string(&writer, authplug_ki_reply_body(reply));
        status = writer.status;
    }
    if (status == AUTHPLUG_OK)
        status =
            askpass_send(our.broker, ASKPASS_REPLY, authplug_secret_span(body),
                         -1, io_deadline(SHORT_MS));
    authplug_secret_free(&body);
    authplug_ki_reply_free(&reply);
    return status;
}

/* Shows it until ssh says that it is enough, by a signal or by its end. */
static int
tell(authplug_span words)
{
    authplug_secret *shown = authplug_secret_new(ASKPASS_BODY_MAX);
    struct pollfd ssh = {our.ssh, POLLIN, 0};

    if (shown != NULL &&
        authplug_secret_append(shown, words.data, words.len) == AUTHPLUG_OK)
        user_tell("ssh", authplug_secret_span(shown));
    authplug_secret_free(&shown);
    while (io_signals_caught() == 0 && io_now() < our.deadline)
        if (poll(&ssh, our.ssh >= 0, 1000) > 0)
            break;
    return NONE;
}

/* ------------------------------------------------- the user's own askpass */

typedef struct own_askpass {
    char program[4097], require[4097];
    bool had_require; /* there was a SSH_ASKPASS_REQUIRE */
    bool needed;      /* ssh must not go on without an answer */
    int64_t deadline;
} own_askpass;

static _Noreturn void
become_own(const own_askpass *own, int report)
{
    int error;

    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)unsetenv(ASKPASS_VARIABLE);
    (void)setenv("SSH_ASKPASS", own->program, 1);
    if (own->had_require)
        (void)setenv("SSH_ASKPASS_REQUIRE", own->require, 1);
    else
        (void)unsetenv("SSH_ASKPASS_REQUIRE");
    execlp(own->program, own->program, our.prompt, (char *)NULL);
    error = errno;
    (void)!write(report, &error, sizeof error);
    _exit(127);
}

/* Whether it gave an answer, which went to ssh by itself. */
static bool
await_own(pid_t pid, int64_t deadline)
{
    int ended = pidfd_open(pid, 0), status = 0;
    authplug_status waited = AUTHPLUG_IO;

    if (ended >= 0)
        waited = io_wait(ended, true, false, deadline);
    if (waited != AUTHPLUG_OK)
        kill(pid, SIGKILL);
    if (ended >= 0)
        close(ended);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return waited == AUTHPLUG_OK && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static bool
parse_own(authplug_span body, own_askpass *own)
{
    authplug_reader reader = authplug_reader_over(body, 4096);
    authplug_span path = authplug_get_string(&reader), before;

    own->had_require = authplug_get_boolean(&reader);
    before = authplug_get_string(&reader);
    own->needed = authplug_get_boolean(&reader);
    own->deadline = io_deadline(authplug_get_uint32(&reader));
    if (authplug_get_end(&reader) != AUTHPLUG_OK)
        return false;
    (void)snprintf(own->program, sizeof own->program, "%.*s", (int)path.len,
                   (const char *)path.data);
    (void)snprintf(own->require, sizeof own->require, "%.*s", (int)before.len,
                   (const char *)before.data);
    return true;
}

/* Whether it gave an answer; else *error is why it could not be run, or 0. */
static bool
ask_own(const own_askpass *own, int *error)
{
    int report[2];
    bool answered;
    pid_t pid;

    *error = 0;
    if (pipe2(report, O_CLOEXEC) != 0) {
        *error = errno;
        return false;
    }
    pid = fork();
    if (pid == 0)
        become_own(own, report[1]);
    if (pid < 0)
        *error = errno;
    close(report[1]);
    answered = pid > 0 && await_own(pid, own->deadline);
    if (!answered && *error == 0)
        (void)!read(report[0], error, sizeof *error);
    close(report[0]);
    return answered;
}

/* Tells the broker what became of it. Where there is no answer that says why,
 * and ends the ssh, for us to say nothing more. */
static int
settle_own(bool answered, int error, askpass_message *message)
{
    authplug_secret *body = authplug_secret_new(64);
    authplug_status status = AUTHPLUG_NOMEM;
    authplug_writer writer;

    if (body != NULL) {
        writer = authplug_writer_to(body);
        authplug_put_boolean(&writer, answered);
        authplug_put_uint32(&writer, (uint32_t)error);
        status = writer.status;
    }
    if (status == AUTHPLUG_OK)
        status =
            askpass_send(our.broker, ASKPASS_OWN_ENDED,
                         authplug_secret_span(body), -1, io_deadline(SHORT_MS));
    authplug_secret_free(&body);
    /* also where it answered: who goes before it was heard is taken for killed,
     * and the ssh is ended */
    if (status == AUTHPLUG_OK)
        status = askpass_receive(our.broker, message, io_deadline(SHORT_MS));
    if (answered)
        return GAVE;
    return status == AUTHPLUG_OK && message->type == ASKPASS_NONE
               ? NONE
               : end_ssh("the prompt was not answered: log in again");
}

static int
run_own(askpass_message *message)
{
    static own_askpass own;
    bool answered;
    int error;

    if (!parse_own(authplug_secret_span(message->body), &own))
        return end_ssh("a message makes no sense: are all of authplug's "
                       "programs of one version?");
    answered = ask_own(&own, &error);
    if (own.needed)
        return settle_own(answered, error, message);
    if (error != 0)
        io_say(NAME, "cannot run %s: %s: see SSH_ASKPASS",
               IO_SHORT(own.program), strerror(error));
    return answered ? GAVE : NONE;
}

/* ------------------------------------------------------------- the broker */

static int
serve(askpass_message *message)
{
    for (;;) {
        authplug_status status =
            askpass_receive(our.broker, message, our.deadline);
        authplug_span body = authplug_secret_span(message->body);

        if (status == AUTHPLUG_OK && message->type == ASKPASS_QUESTION)
            status = reply_to(body);
        else if (status == AUTHPLUG_OK && message->type == ASKPASS_ANSWER)
            return print_answer(body);
        else if (status == AUTHPLUG_OK && message->type == ASKPASS_NONE)
            return NONE;
        else if (status == AUTHPLUG_OK && message->type == ASKPASS_TELL)
            return tell(body);
        else if (status == AUTHPLUG_OK && message->type == ASKPASS_OWN)
            return run_own(message);
        if (status == AUTHPLUG_TIMEOUT)
            return end_ssh("no answer in time: log in again");
        if (status != AUTHPLUG_OK)
            return end_ssh("authplug askpass is gone, so ssh ends: log in "
                           "again");
    }
}

/* What SSH_ASKPASS_PROMPT makes of the prompt. */
static askpass_type
kind(void)
{
    const char *hint = getenv("SSH_ASKPASS_PROMPT");

    if (hint != NULL && strcmp(hint, "confirm") == 0)
        return ASKPASS_CONFIRM;
    if (hint != NULL && strcmp(hint, "none") == 0)
        return ASKPASS_NOTICE;
    return ASKPASS_PROMPT;
}

/* The broker says so once it knows that we are of its own. */
static bool
admitted(askpass_message *message)
{
    authplug_reader reader;
    authplug_span body;

    if (askpass_receive(our.broker, message, io_deadline(SHORT_MS)) !=
            AUTHPLUG_OK ||
        message->type != ASKPASS_GO)
        return false;
    body = authplug_secret_span(message->body);
    if (body.len != 4 + sizeof our.nonce)
        return false;
    memcpy(our.nonce, body.data + 4, sizeof our.nonce);
    reader = authplug_reader_over(authplug_span_make(body.data, 4), 0);
    our.deadline =
        io_deadline((int64_t)authplug_get_uint32(&reader) + GRACE_MS);
    return authplug_get_end(&reader) == AUTHPLUG_OK;
}

/* What is asked: the nonce, and the prompt. */
static authplug_status
send_prompt(askpass_type type)
{
    authplug_secret *body = authplug_secret_new(ASKPASS_BODY_MAX);
    authplug_status status = AUTHPLUG_NOMEM;

    if (body != NULL)
        status = authplug_secret_append(body, our.nonce, sizeof our.nonce);
    if (status == AUTHPLUG_OK)
        status = authplug_secret_append(body, our.prompt, strlen(our.prompt));
    if (status == AUTHPLUG_OK)
        status = askpass_send(our.broker, type, authplug_secret_span(body), -1,
                              io_deadline(SHORT_MS));
    authplug_secret_free(&body);
    return status;
}

static int
ask(askpass_type type)
{
    const char *path = getenv(ASKPASS_VARIABLE);
    askpass_message message = {.body = authplug_secret_new(ASKPASS_BODY_MAX)};
    int result;

    if (message.body == NULL)
        return end_ssh(authplug_status_text(AUTHPLUG_NOMEM));
    our.broker = path != NULL ? reach(path) : -1;
    if (our.broker < 0) {
        result = type == ASKPASS_LOGGED_IN
                     ? NONE
                     : end_ssh("authplug askpass is gone, so ssh ends: log in "
                               "again");
    } else if (!admitted(&message)) {
        result = end_ssh("this ssh was not started by authplug askpass: unset "
                         "SSH_ASKPASS and SSH_ASKPASS_REQUIRE");
    } else {
        io_keep_secrets();
        result = NONE;
        if (send_prompt(type) != AUTHPLUG_OK)
            result = end_ssh("the prompt cannot be passed on: use 'authplug "
                             "ssh'");
        else if (type != ASKPASS_LOGGED_IN)
            result = serve(&message);
        else
            /* until it is noted, so that ssh does not end before */
            (void)askpass_receive(our.broker, &message, io_deadline(SHORT_MS));
    }
    authplug_secret_free(&message.body);
    return result;
}

int
main(int argc, char **argv)
{
    bool outcome = argc == 3 && strcmp(argv[1], "outcome") == 0 &&
                   strcmp(argv[2], "success") == 0;
    int result;

    if ((argc != 2 && !outcome) || getenv(ASKPASS_VARIABLE) == NULL) {
        io_say(NAME, "ssh starts this program, and 'authplug askpass' that "
                     "ssh: see man authplug-askpass");
        return MISUSE;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    io_signals_begin();
    our.prompt = outcome ? "" : argv[1];
    if (!outcome)
        hold_parent();
    result = ask(outcome ? ASKPASS_LOGGED_IN : kind());
    io_signals_end();
    return result;
}
