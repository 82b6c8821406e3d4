/* authplug try kbdint, passwd, authorize: a fake SSH server. */
#define _GNU_SOURCE
#include "cli/try.h"

#include "io/io.h"
#include "sdk/user.h"

#include <authplug/tectia_host.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char try_server_help[] =
    "usage: authplug try kbdint [options] -- CMD [ARG...]\n"
    "       authplug try passwd [options] -- CMD [ARG...]\n"
    "       authplug try authorize [options] -- CMD [ARG...]\n"
    "\n"
    "Plays the SSH server to a Tectia server plugin: lets it hold a dialogue,\n"
    "change a password, or decide on access, and prints what it says. Its\n"
    "questions are asked here, as are the two passwords of passwd.\n"
    "\n"
    "  --user NAME        the account that is logged in to (alice)\n"
    "  --host-name NAME   the server's name (server.example.com)\n"
    "  --host-ip ADDR     its address (192.0.2.1)\n"
    "  --client-name NAME the client's name (client.example.com)\n"
    "  --client-ip ADDR   its address (192.0.2.2)\n"
    "  --remote-user NAME the user there, known with host-based login (none)\n"
    "  --param KEY=VALUE  any parameter, also old_password and new_password;\n"
    "                     may be repeated; the last one of a key counts\n"
    "  --reply TEXT       the reply to the next prompt; may be repeated; when\n"
    "                     none is left they are asked here\n"
    "  --passwd-path CMD  SSH2_PASSWD_PATH in the plugin's environment (none)\n"
    "  --debug-level TEXT SSH_DEBUG_LEVEL there (none)\n"
    "  --shell            CMD is a line for /bin/sh -c, as in a server's\n"
    "                     configuration; without ARG\n"
    "  --timeout S        seconds for the whole conversation, yours too (60)\n"
    "  --batch            do not ask here; a prompt without --reply is an "
    "error\n"
    "\n"
    "Values and replies of the command line are printed, and others can see\n"
    "them: this is for test data, not for real passwords. For passwd the\n"
    "addresses and names are sent only where they are given.\n"
    "Exit status: 0 success, 1 failure, 2 misuse, 111 no valid verdict.\n";

#define PASSWORD_MAX 8192

enum {
    USER,
    HOST_IP,
    HOST_NAME,
    REMOTE_USER,
    CLIENT_IP,
    CLIENT_NAME,
    PARAM,
    REPLY,
    PASSWD_PATH,
    DEBUG_LEVEL,
    SHELL,
    TIMEOUT,
    BATCH,
    HELP
};

/* The parameters that have an option, whose numbers count them. */
#define STANDARD (CLIENT_NAME + 1)
static const char *const keys[STANDARD] = {
    "user_name",        "host_ip",        "host_name",
    "remote_user_name", "remote_host_ip", "remote_host_name"};
static const char *const defaults[STANDARD] = {
    "alice", "192.0.2.1", "server.example.com",
    NULL,    "192.0.2.2", "client.example.com"};

static const struct option options[] = {
    {"user", required_argument, NULL, USER},
    {"host-ip", required_argument, NULL, HOST_IP},
    {"host-name", required_argument, NULL, HOST_NAME},
    {"remote-user", required_argument, NULL, REMOTE_USER},
    {"client-ip", required_argument, NULL, CLIENT_IP},
    {"client-name", required_argument, NULL, CLIENT_NAME},
    {"param", required_argument, NULL, PARAM},
    {"reply", required_argument, NULL, REPLY},
    {"passwd-path", required_argument, NULL, PASSWD_PATH},
    {"debug-level", required_argument, NULL, DEBUG_LEVEL},
    {"shell", no_argument, NULL, SHELL},
    {"timeout", required_argument, NULL, TIMEOUT},
    {"batch", no_argument, NULL, BATCH},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

typedef struct trial {
    authplug_tectia_host_options start;
    const char *standard[STANDARD];
    authplug_tectia_pair *extra; /* of --param */
    uint32_t extra_count;
    const char **replies; /* of --reply */
    uint32_t reply_count, replied;
    authplug_secret *passwords[2]; /* old and new, as typed; or NULL */
    bool batch;
} trial;

/* -------------------------------------------------------------- options */

static int
take_param(trial *t, const char *text)
{
    authplug_tectia_pair *pair = &t->extra[t->extra_count];
    const char *equals = strchr(text, '=');

    if (equals == NULL)
        return try_misuse("--param takes KEY=VALUE, not ", text);
    pair->key = authplug_span_make(text, (size_t)(equals - text));
    pair->value = authplug_span_of(equals + 1);
    t->extra_count++;
    return CLI_YES;
}

static int
take(trial *t, int option, const char *value)
{
    long n = 0;

    switch (option) {
    case PARAM:
        return take_param(t, value);
    case REPLY:
        t->replies[t->reply_count++] = value;
        break;
    case PASSWD_PATH:
        t->start.passwd_path = value;
        break;
    case DEBUG_LEVEL:
        t->start.debug_level = value;
        break;
    case SHELL:
        t->start.command = "";
        break;
    case TIMEOUT:
        if (!try_number(value, 86400, &n))
            return try_misuse("--timeout takes seconds from 1 to 86400, not ",
                              value);
        t->start.timeout_ms = (int)n * 1000;
        break;
    case BATCH:
        t->batch = true;
        break;
    default:
        t->standard[option] = value;
    }
    return CLI_YES;
}

static int
parse(trial *t, int argc, char **argv)
{
    static const char *const texts[] = {try_server_help, NULL};
    int option, bad;

    opterr = 0; /* what is wrong is said once, by us */
    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        if (option == '?')
            return try_misuse("that option is unknown or lacks its value", "");
        if (option == HELP)
            exit(try_help(texts));
        bad = take(t, option, optarg);
        if (bad != CLI_YES)
            return bad;
    }
    if (optind >= argc)
        return try_misuse("which plugin? it goes behind --", "");
    if (t->start.command == NULL)
        t->start.argv = (const char *const *)argv + optind;
    else if (optind + 1 == argc)
        t->start.command = argv[optind];
    else
        return try_misuse("--shell takes one command line: quote it", "");
    return CLI_YES;
}

/* --------------------------------------------------------------- showing */

static void
show_param(const authplug_tectia_pair *pair, bool typed)
{
    printf("    %.*s ", (int)pair->key.len, (const char *)pair->key.data);
    if (typed)
        printf("(typed)\n");
    else
        try_line("", pair->value, "");
}

static void
show_requests(const authplug_tectia_event *event)
{
    printf("< requests\n");
    if (event->instruction.len > 0)
        try_line("    instruction ", event->instruction, "");
    for (uint32_t i = 0; i < event->count; i++)
        try_line("    prompt ", event->prompts[i].text,
                 event->prompts[i].echo ? " (echo)" : "");
    fflush(stdout);
}

static void
show_verdict(const authplug_tectia_event *event)
{
    printf("< %s\n", event->success ? "success" : "failure");
    if (event->code == AUTHPLUG_TECTIA_CODE_PASSWORD_TOO_OLD)
        printf("    error_code password_too_old\n");
    if (event->code == AUTHPLUG_TECTIA_CODE_GENERIC)
        printf("    error_code generic_error\n");
    if (event->error_msg.len > 0)
        try_line("    error_msg ", event->error_msg, "");
    if (event->error_log.len > 0)
        try_line("    error_log ", event->error_log, "");
    fflush(stdout);
}

/* ------------------------------------------------------- what went wrong */

static int
faulty(const authplug_tectia_host *host, authplug_status status)
{
    const char *error = host ? authplug_tectia_host_error(host) : "";
    const char *remedy = "see authplug-try(1) for what is to be said when";

    switch ((int)status) {
    case AUTHPLUG_NOT_FOUND:
        remedy = "check the command behind --";
        break;
    case AUTHPLUG_CLOSED:
        remedy = "it has to say success or failure before it ends, in a line "
                 "of its own; unknown lines are passed over";
        break;
    case AUTHPLUG_TRUNCATED:
        remedy = "each line has a newline, each round an end_of_requests";
        break;
    case AUTHPLUG_TURN:
        remedy = "wait for the end of each list, say the verdict once and "
                 "nothing after it";
        break;
    case AUTHPLUG_TIMEOUT:
        remedy = "flush the output after each line; --timeout sets the limit";
        break;
    case AUTHPLUG_VALUE:
        remedy = "lines end with a newline alone, and are text";
        break;
    case AUTHPLUG_LENGTH:
    case AUTHPLUG_LIMIT:
        remedy = "authplug-try(1) has the limits";
        break;
    case AUTHPLUG_CANCELLED:
        remedy = "there is no verdict";
        break;
    }
    io_say(TRY, "%s: %s", *error ? error : authplug_status_text(status),
           remedy);
    return CLI_BROKEN;
}

/* There is no reply to send. */
static int
unanswered(const trial *t, const authplug_tectia_host *host,
           authplug_status status)
{
    switch ((int)status) {
    case AUTHPLUG_VALUE:
    case AUTHPLUG_LENGTH:
    case AUTHPLUG_LIMIT:
        return try_misuse("a reply is one line of text, not too long, without "
                          "CR",
                          "");
    case AUTHPLUG_NO_TERMINAL:
        io_say(TRY, t->batch ? "the plugin asks, and no --reply is left: add "
                               "one, or go without --batch"
                             : "the plugin asks, and there is no terminal: "
                               "give --reply");
        break;
    case AUTHPLUG_TIMEOUT:
        io_say(TRY, "nobody replied in time: --timeout sets the limit");
        break;
    case AUTHPLUG_CANCELLED:
        io_say(TRY, "you cancelled: there is no verdict");
        break;
    default:
        return faulty(host, status);
    }
    return CLI_BROKEN;
}

/* ---------------------------------------------------------- the dialogue */

static authplug_status
reply_to(trial *t, const authplug_tectia_event *event, uint32_t n,
         authplug_ki_reply *reply, int64_t deadline)
{
    authplug_ki_request one = {0};

    if (t->replied < t->reply_count)
        return authplug_ki_reply_add(
            reply, authplug_span_of(t->replies[t->replied++]));
    if (t->batch)
        return AUTHPLUG_NO_TERMINAL;
    one.count = 1;
    one.prompts = &event->prompts[n];
    if (n == 0)
        one.instruction = event->instruction;
    return user_ask("plugin", &one, reply, deadline);
}

/* Sends the replies, and shows those that were not typed. */
static authplug_status
send_replies(authplug_tectia_host *host, authplug_ki_reply *reply,
             uint32_t given)
{
    static const authplug_limits limits = AUTHPLUG_LIMITS_DEFAULT;
    authplug_span *answers = calloc(limits.prompts, sizeof *answers);
    authplug_ki_response response = {0};
    authplug_status status = AUTHPLUG_NOMEM;

    if (answers != NULL)
        status = authplug_ki_response_parse(authplug_ki_reply_body(reply),
                                            &limits, answers, &response, NULL);
    if (status == AUTHPLUG_OK)
        status = authplug_tectia_host_replies(host, response.answers,
                                              response.count);
    if (status == AUTHPLUG_OK)
        printf("> replies\n");
    for (uint32_t i = 0; status == AUTHPLUG_OK && i < response.count; i++)
        if (i < given)
            try_line("    reply ", response.answers[i], "");
        else
            printf("    reply (typed)\n");
    fflush(stdout);
    free(answers);
    return status;
}

static int
hold_round(trial *t, authplug_tectia_host *host,
           const authplug_tectia_event *event)
{
    static const authplug_limits limits = AUTHPLUG_LIMITS_DEFAULT;
    authplug_ki_reply *reply = authplug_ki_reply_new(&limits);
    int64_t deadline = io_deadline(authplug_tectia_host_left(host));
    authplug_status status = AUTHPLUG_OK;
    uint32_t before = t->replied;

    show_requests(event);
    if (reply == NULL)
        status = AUTHPLUG_NOMEM;
    for (uint32_t i = 0; i < event->count && status == AUTHPLUG_OK; i++)
        status = reply_to(t, event, i, reply, deadline);
    if (status == AUTHPLUG_OK)
        status = send_replies(host, reply, t->replied - before);
    authplug_ki_reply_free(&reply);
    return status == AUTHPLUG_OK ? CLI_YES : unanswered(t, host, status);
}

static int
hold(trial *t, const authplug_tectia_pair *params, uint32_t count,
     uint32_t typed)
{
    authplug_tectia_host *host = NULL;
    authplug_tectia_event event = {0};
    authplug_status status =
        authplug_tectia_host_start(&t->start, params, count, &host);
    int result = CLI_YES;

    if (status == AUTHPLUG_VALUE || status == AUTHPLUG_LENGTH ||
        status == AUTHPLUG_LIMIT) {
        authplug_tectia_host_finish(&host);
        return try_misuse("a parameter is a word of letters, digits and _ and "
                          "a line of text, not too long",
                          "");
    }
    if (status == AUTHPLUG_OK)
        printf("> params\n");
    for (uint32_t i = 0; status == AUTHPLUG_OK && i < count; i++)
        show_param(&params[i], i >= count - typed);
    fflush(stdout);
    while (status == AUTHPLUG_OK && result == CLI_YES &&
           event.type != AUTHPLUG_TECTIA_VERDICT) {
        status = authplug_tectia_host_next(host, &event);
        if (status == AUTHPLUG_OK && event.type == AUTHPLUG_TECTIA_REQUESTS)
            result = hold_round(t, host, &event);
    }
    if (status != AUTHPLUG_OK) {
        result = faulty(host, status);
    } else if (event.type == AUTHPLUG_TECTIA_VERDICT) {
        show_verdict(&event);
        result = event.success ? CLI_YES : CLI_NO;
    }
    authplug_tectia_host_finish(&host);
    return result;
}

/* The password of this key, from the terminal, unless --param gave it. */
static int
ask_password(trial *t, const char *key, const char *prompt,
             authplug_secret **typed)
{
    authplug_status status = AUTHPLUG_NO_TERMINAL;

    for (uint32_t i = 0; i < t->extra_count; i++)
        if (authplug_span_is(t->extra[i].key, key))
            return CLI_YES;
    *typed = authplug_secret_new(PASSWORD_MAX);
    if (!t->batch && *typed != NULL)
        status = user_ask_plain(prompt, false, *typed,
                                io_deadline(t->start.timeout_ms));
    if (status == AUTHPLUG_NO_TERMINAL)
        return try_misuse("nobody can be asked here: give --param KEY=TEXT "
                          "for ",
                          key);
    return status == AUTHPLUG_OK ? CLI_YES : unanswered(t, NULL, status);
}

/* All parameters in a row, the typed ones last; then the conversation. */
static int
begin(trial *t)
{
    static const char *const words[2] = {"old_password", "new_password"};
    bool passwd = t->start.kind == AUTHPLUG_TECTIA_PASSWD;
    authplug_tectia_pair *params =
        calloc(STANDARD + t->extra_count + 2, sizeof *params);
    uint32_t count = 0, typed = 0;
    int result = CLI_YES;

    if (params == NULL)
        return faulty(NULL, AUTHPLUG_NOMEM);
    for (int i = 0; i < STANDARD; i++) {
        const char *value = t->standard[i];

        if (value == NULL && (i == USER || !passwd))
            value = defaults[i];
        params[count].key = authplug_span_of(keys[i]);
        params[count].value = authplug_span_of(value);
        count += value != NULL;
    }
    for (uint32_t i = 0; i < t->extra_count; i++)
        params[count++] = t->extra[i];
    for (int i = 0; passwd && i < 2 && result == CLI_YES; i++) {
        result = ask_password(
            t, words[i],
            i == 0 ? "Old password: " : "New password: ", &t->passwords[i]);
        if (t->passwords[i] == NULL)
            continue;
        params[count].key = authplug_span_of(words[i]);
        params[count++].value = authplug_secret_span(t->passwords[i]);
        typed++;
    }
    if (result == CLI_YES)
        result = hold(t, params, count, typed);
    free(params);
    return result;
}

int
try_server(int argc, char **argv)
{
    static const char *const kinds[] = {"kbdint", "passwd", "authorize"};
    trial t = {.start = {.timeout_ms = 60000, .on_stderr = try_stderr}};
    int result = CLI_YES;

    for (int i = 0; i < 3; i++)
        if (strcmp(argv[0], kinds[i]) == 0)
            t.start.kind = (authplug_tectia_kind)i;
    /* no option is given more often than there are words */
    t.extra = calloc((size_t)argc, sizeof *t.extra);
    t.replies = calloc((size_t)argc, sizeof *t.replies);
    if (t.extra == NULL || t.replies == NULL)
        result = faulty(NULL, AUTHPLUG_NOMEM);
    if (result == CLI_YES)
        result = parse(&t, argc, argv);
    if (result == CLI_YES) {
        io_signals_begin();
        result = begin(&t);
        io_signals_end();
    }
    for (int i = 0; i < 2; i++)
        authplug_secret_free(&t.passwords[i]);
    free(t.extra);
    free(t.replies);
    return result;
}
