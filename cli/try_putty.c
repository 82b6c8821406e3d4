/* authplug try putty: a fake SSH client. */
#define _GNU_SOURCE
#include "cli/try.h"

#include "io/io.h"
#include "sdk/user.h"

#include <authplug/putty_host.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char try_putty_help[] =
    "usage: authplug try putty [options] -- CMD [ARG...]\n"
    "\n"
    "Plays the SSH client to a PuTTY authentication plugin and prints what it\n"
    "answers. Prompts that the plugin has for its user are asked here.\n"
    "\n"
    "  --host NAME        the server's name (example.com)\n"
    "  --port N           its port (22)\n"
    "  --user NAME        the user, as far as the client knows (none)\n"
    "  --method NAME      the method to offer (keyboard-interactive)\n"
    "  --prompt TEXT      a prompt whose answer is not shown while typed\n"
    "  --prompt-echo TEXT one whose answer is shown; both may be repeated;\n"
    "                     \\n in them is a line end, as in an instruction\n"
    "  --name TEXT        the request's name\n"
    "  --instruction TEXT its instruction\n"
    "  --language TAG     its language tag\n"
    "  --round            what follows belongs to another request, which may\n"
    "                     have no prompts\n"
    "  --outcome WORD     what the server decides: success, failure or none\n"
    "                     (success)\n"
    "  --timeout S        seconds to wait for each message (60)\n"
    "  --batch            do not ask here; questions are an error\n"
    "\n"
    "Without --prompt and --round the request has one prompt, \"Password: \".\n"
    "Answers are printed: this is for test data, not for real secrets.\n"
    "Exit status: 0 answered, 1 refused, 2 misuse, 111 the plugin is faulty.\n";

#define ROUNDS_MAX 64
#define PROMPTS_MAX 100

typedef struct round {
    authplug_ki_request request;
    authplug_ki_prompt prompts[PROMPTS_MAX];
} round;

typedef struct trial {
    const char *host, *user, *method, *outcome;
    uint32_t port;
    int timeout_ms;
    bool batch;
    round *rounds;
    size_t count;
    char **command;
} trial;

/* -------------------------------------------------------------- options */

static int
add_prompt(round *now, char *text, bool echo)
{
    authplug_ki_prompt prompt = {cli_lines(text), echo};

    if (now->request.count == PROMPTS_MAX)
        return try_misuse("at most 100 prompts fit in a request, not ", text);
    now->prompts[now->request.count++] = prompt;
    return CLI_YES;
}

enum { HOST, PORT, USER, METHOD, PROMPT, PROMPT_ECHO, NAME, INSTRUCTION,
       LANGUAGE, ROUND, OUTCOME, TIMEOUT, BATCH, HELP };

static const struct option options[] = {
    {"host", required_argument, NULL, HOST},
    {"port", required_argument, NULL, PORT},
    {"user", required_argument, NULL, USER},
    {"method", required_argument, NULL, METHOD},
    {"prompt", required_argument, NULL, PROMPT},
    {"prompt-echo", required_argument, NULL, PROMPT_ECHO},
    {"name", required_argument, NULL, NAME},
    {"instruction", required_argument, NULL, INSTRUCTION},
    {"language", required_argument, NULL, LANGUAGE},
    {"round", no_argument, NULL, ROUND},
    {"outcome", required_argument, NULL, OUTCOME},
    {"timeout", required_argument, NULL, TIMEOUT},
    {"batch", no_argument, NULL, BATCH},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

/* The options that make up a request. */
static int
take_request(trial *t, int option, char *value)
{
    round *now = &t->rounds[t->count - 1];

    switch (option) {
    case PROMPT:
        return add_prompt(now, value, false);
    case PROMPT_ECHO:
        return add_prompt(now, value, true);
    case NAME:
        now->request.name = authplug_span_of(value);
        break;
    case INSTRUCTION:
        now->request.instruction = cli_lines(value);
        break;
    case LANGUAGE:
        now->request.language = authplug_span_of(value);
        break;
    default: /* ROUND */
        if (t->count == ROUNDS_MAX)
            return try_misuse("at most 64 rounds", "");
        t->count++;
    }
    return CLI_YES;
}

static int
take(trial *t, int option, char *value)
{
    long n = 0;

    switch (option) {
    case HOST:
        t->host = value;
        break;
    case PORT:
        if (!try_number(value, 65535, &n))
            return try_misuse("--port takes a number from 1 to 65535, not ",
                              value);
        t->port = (uint32_t)n;
        break;
    case USER:
        t->user = value;
        break;
    case METHOD:
        t->method = value;
        break;
    case OUTCOME:
        if (strcmp(value, "success") != 0 && strcmp(value, "failure") != 0 &&
            strcmp(value, "none") != 0)
            return try_misuse("--outcome is success, failure or none, not ",
                              value);
        t->outcome = value;
        break;
    case TIMEOUT:
        if (!try_number(value, 86400, &n))
            return try_misuse("--timeout takes seconds from 1 to 86400, not ",
                              value);
        t->timeout_ms = (int)n * 1000;
        break;
    case BATCH:
        t->batch = true;
        break;
    default:
        return take_request(t, option, value);
    }
    return CLI_YES;
}

static int
parse(trial *t, int argc, char **argv)
{
    static const authplug_ki_prompt password = {
        {(const unsigned char *)"Password: ", 10}, false};
    static const char *const texts[] = {try_putty_help, NULL};
    bool asked = false;
    int option, bad;

    opterr = 0; /* what is wrong is said once, by us */
    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        if (option == '?')
            return try_misuse("that option is unknown or lacks its value", "");
        if (option == HELP)
            exit(try_help(texts));
        asked = asked || option == PROMPT || option == PROMPT_ECHO ||
                option == ROUND;
        bad = take(t, option, optarg);
        if (bad != CLI_YES)
            return bad;
    }
    if (!asked)
        t->rounds[0].prompts[t->rounds[0].request.count++] = password;
    t->command = argv + optind;
    if (optind >= argc)
        return try_misuse("which plugin? authplug try putty -- CMD [ARG...]",
                          "");
    return CLI_YES;
}

/* --------------------------------------------------------------- showing */

static void
show_request(const authplug_ki_request *request)
{
    if (request->name.len > 0)
        try_line("    name ", request->name, "");
    if (request->instruction.len > 0)
        try_line("    instruction ", request->instruction, "");
    if (request->language.len > 0)
        try_line("    language ", request->language, "");
    for (uint32_t i = 0; i < request->count; i++)
        try_line("    prompt ", request->prompts[i].text,
                 request->prompts[i].echo ? " (echo)" : "");
    fflush(stdout);
}

static authplug_status
on_ask(void *context, const authplug_ki_request *request,
       authplug_ki_reply *reply)
{
    const trial *t = context;
    authplug_status status;

    printf("< PLUGIN_KI_USER_REQUEST\n");
    show_request(request);
    if (t->batch && request->count > 0)
        return AUTHPLUG_CANCELLED;
    status = request->count == 0
                 ? AUTHPLUG_OK
                 : user_ask("plugin", request, reply,
                            io_deadline(t->timeout_ms));
    if (status == AUTHPLUG_OK)
        printf("> PLUGIN_KI_USER_RESPONSE\n");
    fflush(stdout);
    return status;
}

/* ---------------------------------------------------------- the dialogue */

/* What the plugin's author may do about it. */
static const char *
remedy(authplug_status status)
{
    switch ((int)status) {
    case AUTHPLUG_NOT_FOUND:
        return "check the command behind --";
    case AUTHPLUG_TEXT:
        return "print to standard error or to a file";
    case AUTHPLUG_TIMEOUT:
        return "--timeout sets the limit";
    case AUTHPLUG_CANCELLED:
        return "answer it, without --batch";
    case AUTHPLUG_NO_TERMINAL:
        return "try it at a terminal";
    default:
        return "see authplug-putty(7) for what is to be sent when";
    }
}

static int
faulty(const authplug_putty_host *host, authplug_status status)
{
    const char *error = host ? authplug_putty_host_error(host) : "";

    io_say(TRY, "%s: %s", *error ? error : authplug_status_text(status),
           remedy(status));
    return CLI_BROKEN;
}

static int
hold_round(authplug_putty_host *host, round *now, authplug_secret *body)
{
    authplug_ki_response response;
    authplug_status status;
    bool bad = false;

    now->request.prompts = now->prompts;
    printf("> PLUGIN_KI_SERVER_REQUEST\n");
    show_request(&now->request);
    authplug_secret_clear(body);
    status = authplug_ki_request_write(&now->request, body);
    if (status == AUTHPLUG_OK)
        status = authplug_putty_host_request(host, authplug_secret_span(body),
                                             &response, &bad);
    if (bad)
        return try_misuse("the request is over a limit of the protocol", "");
    if (status != AUTHPLUG_OK)
        return faulty(host, status);
    printf("< PLUGIN_KI_SERVER_RESPONSE\n");
    for (uint32_t i = 0; i < response.count; i++)
        try_line("    answer ", response.answers[i], "");
    fflush(stdout);
    return CLI_YES;
}

static int
hold_method(authplug_putty_host *host, trial *t)
{
    authplug_secret *body = authplug_secret_new(262144);
    authplug_status status;
    int result = CLI_YES;

    printf("> PLUGIN_PROTOCOL %s\n", t->method);
    status = authplug_putty_host_begin(host, t->method);
    if (status == AUTHPLUG_REJECTED) {
        try_line("< PLUGIN_PROTOCOL_REJECT ",
                 authplug_putty_host_plugin_text(host), "");
        authplug_secret_free(&body);
        return CLI_NO;
    }
    if (status != AUTHPLUG_OK || body == NULL) {
        authplug_secret_free(&body);
        return faulty(host, status);
    }
    printf("< PLUGIN_PROTOCOL_ACCEPT\n");
    for (size_t i = 0; i < t->count && result == CLI_YES; i++)
        result = hold_round(host, &t->rounds[i], body);
    authplug_secret_free(&body);
    if (result != CLI_YES || strcmp(t->outcome, "none") == 0)
        return result;
    printf("> PLUGIN_AUTH_%s\n",
           strcmp(t->outcome, "success") == 0 ? "SUCCESS" : "FAILURE");
    (void)authplug_putty_host_outcome(host,
                                      strcmp(t->outcome, "success") == 0);
    return result;
}

static int
hold(trial *t)
{
    authplug_putty_host_options start = {0};
    authplug_putty_host *host = NULL;
    const char *username = "";
    authplug_status status;
    int result;

    start.argv = (const char *const *)t->command;
    start.timeout_ms = t->timeout_ms;
    start.ask = on_ask;
    start.on_stderr = try_stderr;
    start.context = t;
    status = authplug_putty_host_start(&start, &host);
    if (status == AUTHPLUG_OK) {
        printf("> PLUGIN_INIT host %s, port %u, user \"%s\"\n", t->host,
               (unsigned)t->port, t->user);
        fflush(stdout);
        status = authplug_putty_host_init(host, t->host, t->port, t->user,
                                          &username);
    }
    if (status == AUTHPLUG_REFUSED) {
        try_line("< PLUGIN_INIT_FAILURE ",
                 authplug_putty_host_plugin_text(host), "");
        result = CLI_NO;
    } else if (status != AUTHPLUG_OK) {
        result = faulty(host, status);
    } else {
        try_line("< PLUGIN_INIT_RESPONSE user ", authplug_span_of(username),
                 "");
        result = hold_method(host, t);
    }
    authplug_putty_host_finish(&host);
    if (result == CLI_YES)
        printf("  the plugin has ended\n");
    return result;
}

int
try_putty(int argc, char **argv)
{
    trial t = {.host = "example.com",
               .user = "",
               .method = AUTHPLUG_KI_METHOD,
               .outcome = "success",
               .port = 22,
               .timeout_ms = 60000,
               .count = 1};
    int result;

    t.rounds = calloc(ROUNDS_MAX, sizeof *t.rounds);
    if (t.rounds == NULL)
        return try_misuse(authplug_status_text(AUTHPLUG_NOMEM), "");
    result = parse(&t, argc, argv);
    if (result == CLI_YES) {
        io_signals_begin();
        result = hold(&t);
        io_signals_end();
    }
    free(t.rounds);
    return result;
}
