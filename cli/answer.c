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
    "    --user NAME         the user, where the client knows it (Username)\n"
    "    --prompt TEXT       what the server asks; \\n in it is a line end\n"
    "    --echo              what is typed there may be seen\n"
    "    --instruction TEXT  what stands above it\n"
    "  --forget            forget the answers that Cache keeps, and end\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 answered, or a rule would; 1 not; 2 misuse; 111 broken.\n"
    "More: man authplug-answer\n";

typedef struct options {
    const char *config;
    bool batch;
    long timeout;
    answer_peer peer;
    answer_prompt prompt;
    unsigned given; /* a bit for each option, from CONFIG */
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

#define BIT(option) (1U << ((option)-CONFIG))

/* What can be wanted, and the options that belong to it. */
typedef struct aim {
    const char *name; /* NULL for answering a client */
    unsigned takes;
} aim;

static const aim answering = {NULL, BIT(CONFIG) | BIT(BATCH) | BIT(TIMEOUT)};
static const aim initing = {"init", BIT(CONFIG)};
static const aim checking = {"--check", BIT(CONFIG) | BIT(CHECK)};
static const aim explaining = {
    "--explain", BIT(CONFIG) | BIT(EXPLAIN) | BIT(HOST) | BIT(PORT) |
                     BIT(USER) | BIT(PROMPT) | BIT(ECHO) | BIT(INSTRUCTION)};
static const aim forgetting = {"--forget", BIT(CONFIG) | BIT(FORGET)};

static bool
has(const options *o, int option)
{
    return (o->given & BIT(option)) != 0;
}

/* Names an option that the aim has no use for; or finds none. */
static int
judge(const options *o, const aim *is)
{
    for (int i = 0; words[i].name != NULL; i++)
        if (has(o, words[i].val) && (is->takes & BIT(words[i].val)) == 0) {
            char what[64];

            (void)snprintf(what, sizeof what, "--%s %s", words[i].name,
                           is->name != NULL ? "does not go with "
                                            : "goes with --explain, which is "
                                              "missing");
            return misuse(what, is->name != NULL ? is->name : "");
        }
    return CLI_YES;
}

/* Names the option that getopt does not understand. */
static int
judge_option(int option, const char *word)
{
    char letter[] = {'-', (char)optopt, 0};

    if (option == ':')
        return misuse("this option lacks its value: ", word);
    if (optopt >= CONFIG)
        return misuse("this option takes no value: ", word);
    return misuse("there is no such option: ", optopt != 0 ? letter : word);
}

static bool
to_number(const char *text, long most, long *number)
{
    char *end;

    *number = strtol(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == 0 && *number >= 1 &&
           *number <= most;
}

static int
take(options *o, int option, char *value, const char *word)
{
    long number;

    if (option >= CONFIG)
        o->given |= BIT(option);
    switch (option) {
    case CONFIG:
        o->config = value;
        return CLI_YES;
    case BATCH:
        o->batch = true;
        return CLI_YES;
    case CHECK:
    case EXPLAIN:
    case FORGET:
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
        return judge_option(option, word);
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
    result = has(o, EXPLAIN) ? answer_explain(config, &o->peer, &o->prompt)
                             : answer_check(config);
    answer_config_free(&config);
    return fflush(stdout) == 0 ? result : CLI_BROKEN;
}

/* What is wanted, which the options say. */
static const aim *
find_aim(const options *o, bool init)
{
    if (init)
        return &initing;
    if (has(o, CHECK))
        return &checking;
    if (has(o, EXPLAIN))
        return &explaining;
    return has(o, FORGET) ? &forgetting : &answering;
}

int
cli_answer(int argc, char **argv)
{
    options o = {.timeout = 600, .peer = {"", "", 22}};
    int option, most, bad = CLI_YES;
    const aim *is;
    bool init;

    io_keep_secrets();
    /* a word of our own, see plugins/answer/cache_memory.c */
    if (argc == 2 && strcmp(argv[1], "cache-helper") == 0)
        return cache_helper_run();
    opterr = 0; /* what is wrong is said once, by us */
    while (bad == CLI_YES &&
           (option = getopt_long(argc, argv, ":", words, NULL)) != -1)
        bad = take(&o, option, optarg, argv[optind - 1]);
    if (bad != CLI_YES)
        return bad;
    init = optind < argc && strcmp(argv[optind], "init") == 0;
    is = find_aim(&o, init);
    bad = judge(&o, is);
    most = init ? optind + 2 : optind;
    if (bad == CLI_YES && most < argc)
        bad = misuse("this word is one too many: ", argv[most]);
    if (bad == CLI_YES && is == &explaining &&
        (o.peer.host[0] == 0 || !has(&o, PROMPT)))
        bad = misuse("--explain takes --host and --prompt", "");
    if (bad != CLI_YES)
        return bad;
    if (init)
        return answer_init(o.config, argv[optind + 1]);
    if (is == &forgetting)
        return cache_forget(o.config);
    return is == &answering
               ? answer_run(o.config, o.batch, (int64_t)o.timeout * 1000)
               : run_by_hand(&o);
}
