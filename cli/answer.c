/* authplug answer: the options of the plugin that answers by rules. */
#define _GNU_SOURCE
#include "cli/cli.h"

#include "io/io.h"
#include "plugins/answer/answer.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: authplug answer [--config FILE] [--batch] [--timeout S]\n"
    "       authplug answer [--config FILE] --check\n"
    "       authplug answer [--config FILE] --explain --host H --prompt P ...\n"
    "       authplug answer [--config FILE] --forget\n"
    "       authplug answer init [--config FILE] [URI-FILE]\n"
    "\n"
    "Answers an SSH server's questions by rules: with one-time codes, with "
    "what\n"
    "a command or a keyring gives, or by asking. It is a plugin for PuTTY's\n"
    "protocol, which SSH clients start.\n"
    "\n"
    "  --config FILE       the rules (~/.config/authplug/answers)\n"
    "  --batch             ask nobody: refuse what no rule answers\n"
    "  --timeout S         longest wait for the client and its user (600)\n"
    "  --check             read the rules, say what is wrong, and end\n"
    "  --explain           print which rules were tried, and what would be "
    "sent:\n"
    "    --host H --port P   the server, as the client names it (port 22)\n"
    "    --user NAME         the user, where the client knows it\n"
    "    --prompt TEXT       what the server asks; \\n in it is a line end\n"
    "    --echo              what is typed there may be seen\n"
    "    --instruction TEXT  what stands above it\n"
    "  --forget            forget the answers that Cache keeps, and end\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 answered, or a rule matches; 1 not; 2 misuse; 111 broken.\n"
    "More: man authplug-answer\n";

typedef struct options {
    const char *config;
    bool batch, check, explain, forget;
    long timeout;
    answer_peer peer;
    answer_prompt prompt;
    bool has_prompt;
} options;

static int
misuse(const char *what, const char *word)
{
    io_say("authplug answer", "%s%s: see 'authplug answer --help'", what, word);
    return CLI_MISUSE;
}

enum {
    CONFIG = 256,
    BATCH,
    TIMEOUT,
    CHECK,
    EXPLAIN,
    FORGET,
    HOST,
    PORT,
    USER,
    PROMPT,
    ECHO,
    INSTRUCTION,
    HELP,
    VERSION
};

static const struct option words[] = {
    {"config", required_argument, NULL, CONFIG},
    {"batch", no_argument, NULL, BATCH},
    {"timeout", required_argument, NULL, TIMEOUT},
    {"check", no_argument, NULL, CHECK},
    {"explain", no_argument, NULL, EXPLAIN},
    {"forget", no_argument, NULL, FORGET},
    {"host", required_argument, NULL, HOST},
    {"port", required_argument, NULL, PORT},
    {"user", required_argument, NULL, USER},
    {"prompt", required_argument, NULL, PROMPT},
    {"echo", no_argument, NULL, ECHO},
    {"instruction", required_argument, NULL, INSTRUCTION},
    {"help", no_argument, NULL, HELP},
    {"version", no_argument, NULL, VERSION},
    {NULL, 0, NULL, 0},
};

static bool
to_number(const char *text, long most, long *number)
{
    char *end;

    *number = strtol(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == 0 && *number >= 1 &&
           *number <= most;
}

static int
take(options *o, int option, char *value)
{
    long number;

    switch (option) {
    case CONFIG:
        o->config = value;
        return CLI_YES;
    case BATCH:
        o->batch = true;
        return CLI_YES;
    case CHECK:
        o->check = true;
        return CLI_YES;
    case EXPLAIN:
        o->explain = true;
        return CLI_YES;
    case FORGET:
        o->forget = true;
        return CLI_YES;
    case TIMEOUT:
        return to_number(value, 86400, &o->timeout)
                   ? CLI_YES
                   : misuse("--timeout takes 1 to 86400 seconds, not ", value);
    case HOST:
        o->peer.host = value;
        return CLI_YES;
    case PORT:
        if (!to_number(value, 65535, &number))
            return misuse("--port takes 1 to 65535, not ", value);
        o->peer.port = (uint32_t)number;
        return CLI_YES;
    case USER:
        o->peer.user = value;
        return CLI_YES;
    case PROMPT:
        o->prompt.text = cli_lines(value);
        o->has_prompt = true;
        return CLI_YES;
    case ECHO:
        o->prompt.echo = true;
        return CLI_YES;
    case INSTRUCTION:
        o->prompt.instruction = cli_lines(value);
        return CLI_YES;
    case HELP:
        fputs(help, stdout);
        exit(CLI_YES);
    case VERSION:
        puts("authplug answer " AUTHPLUG_VERSION_STRING);
        exit(CLI_YES);
    default:
        return misuse("that option is unknown or lacks its value", "");
    }
}

/* What is done without a client. */
static int
run_by_hand(const options *o)
{
    char why[ANSWER_WHY];
    answer_config *config = answer_config_read(o->config, why, sizeof why);
    int result;

    if (config == NULL) {
        io_say("authplug answer", "%s", why);
        return CLI_NO;
    }
    result = o->explain ? answer_explain(config, &o->peer, &o->prompt)
                        : answer_check(config);
    answer_config_free(&config);
    return fflush(stdout) == 0 ? result : CLI_BROKEN;
}

int
cli_answer(int argc, char **argv)
{
    options o = {.timeout = 600, .peer = {"", "", 22}};
    int option, most, bad = CLI_YES;
    bool init;

    io_keep_secrets();
    /* a word of our own, see plugins/answer/cache_memory.c */
    if (argc == 2 && strcmp(argv[1], "cache-helper") == 0)
        return cache_helper_run();
    opterr = 0; /* what is wrong is said once, by us */
    while (bad == CLI_YES &&
           (option = getopt_long(argc, argv, "", words, NULL)) != -1)
        bad = take(&o, option, optarg);
    init = bad == CLI_YES && optind < argc && strcmp(argv[optind], "init") == 0;
    if (init && (o.batch || o.check || o.explain))
        bad = misuse("init takes --config, and no other option", "");
    most = init ? optind + 2 : optind;
    if (bad == CLI_YES && most < argc)
        bad = misuse("this word is one too many: ", argv[most]);
    if (bad == CLI_YES && init)
        return answer_init(o.config, argv[optind + 1]);
    if (bad == CLI_YES && o.explain && (o.peer.host[0] == 0 || !o.has_prompt))
        bad = misuse("--explain takes --host and --prompt", "");
    if (bad != CLI_YES)
        return bad;
    if (o.forget)
        return cache_forget(o.config);
    return o.check || o.explain
               ? run_by_hand(&o)
               : answer_run(o.config, o.batch, (int64_t)o.timeout * 1000);
}
