/* authplug-personal-info: the table of commands. */
#define _GNU_SOURCE
#include "personal_info.h"

#include "io/io.h"

#include <authplug/text.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATABASE "/var/lib/authplug/personal-info.db"

static const char help[] =
    "usage: " PROGRAM " [--db FILE] [ask]\n"
    "       " PROGRAM " [--db FILE] init [QUESTIONS]\n"
    "       " PROGRAM " [--db FILE] enrol USER\n"
    "       " PROGRAM " [--db FILE] remove USER\n"
    "       " PROGRAM " [--db FILE] list\n"
    "\n"
    "Lets users log in by answers that they gave before, as a plugin of\n"
    "Tectia's keyboard-interactive protocol. Without a command it is the\n"
    "plugin, which SSH servers start.\n"
    "\n"
    "  ask                  be the plugin\n"
    "  init                 make the database, with its questions\n"
    "  enrol USER           take a user's answers, at the terminal, or one\n"
    "                       per line from standard input\n"
    "  remove USER          forget a user's answers\n"
    "  list                 print who has answers, and since when\n"
    "\n"
    "  --db FILE            the database (" DATABASE ")\n"
    "  --question TEXT      a question; what is typed is not shown\n"
    "  --question-echo TEXT one whose answer is shown; seven at most\n"
    "  --round              what follows is asked after the rest\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 done, or let in; 1 not; 2 misuse; 111 could not decide.\n"
    "More: man " PROGRAM "\n";

typedef struct options {
    const char *path;
    const char *user; /* or NULL */
    questions asked;
    uint32_t round;
} options;

/* Asked where init is not told what to ask. */
static const questions standard = {
    {{1, false, "Street in which you lived as a child:"},
     {1, false, "Your best friend at your first school:"},
     {1, false, "Your first teacher:"},
     {2, false, "First thing that you learned to cook:"}},
    4};

static int
misuse(const char *what, const char *word)
{
    io_say(PROGRAM, "%s%s: see '" PROGRAM " --help'", what, word);
    return RAN_MISUSE;
}

/* -------------------------------------------------------------- commands */

static int
ask(const options *o)
{
    return ask_run(o->path);
}

static int
init(const options *o)
{
    const questions *asked = o->asked.count > 0 ? &o->asked : &standard;

    if (asked == &o->asked && asked->of[asked->count - 1].round != o->round)
        return misuse("a question belongs behind --round", "");
    return store_create(o->path, asked) ? RAN_YES : RAN_BROKEN;
}

static int
enrol(const options *o)
{
    return enrol_run(o->path, o->user);
}

static int
forget(const options *o)
{
    store *from = store_open(o->path, true);
    bool known = false;
    bool done = from != NULL && store_remove(from, o->user, &known);

    store_free(&from);
    if (!done)
        return RAN_BROKEN;
    if (!known)
        io_say(PROGRAM, "there are no answers of %s: see '" PROGRAM " list'",
               o->user);
    return known ? RAN_YES : RAN_NO;
}

static void
print(const char *name, const char *day)
{
    authplug_secret *safe = authplug_secret_new(10 * NAME_LONGEST);

    if (safe != NULL &&
        authplug_text_safe(authplug_span_of(name), io_text_flags(), safe) ==
            AUTHPLUG_OK &&
        authplug_secret_text(safe) != NULL)
        printf("%s  %s\n", day, authplug_secret_text(safe));
    authplug_secret_free(&safe);
}

static int
list(const options *o)
{
    store *from = store_open(o->path, false);
    bool done = from != NULL && store_list(from, print);

    store_free(&from);
    if (done && fflush(stdout) == 0)
        return RAN_YES;
    if (done)
        io_say(PROGRAM, "the list could not be written to standard output");
    return RAN_BROKEN;
}

static const struct command {
    const char *name;
    int (*run)(const options *o);
    bool user;      /* whether it is about one */
    bool questions; /* whether it may be given questions */
} commands[] = {
    {"ask", ask, false, false},       {"init", init, false, true},
    {"enrol", enrol, true, false},    {"remove", forget, true, false},
    {"list", list, false, false},
};
#define COMMANDS (sizeof commands / sizeof *commands)

/* -------------------------------------------------------------- options */

enum { DB, QUESTION, QUESTION_ECHO, ROUND, HELP, VERSION };

static const struct option words[] = {
    {"db", required_argument, NULL, DB},
    {"question", required_argument, NULL, QUESTION},
    {"question-echo", required_argument, NULL, QUESTION_ECHO},
    {"round", no_argument, NULL, ROUND},
    {"help", no_argument, NULL, HELP},
    {"version", no_argument, NULL, VERSION},
    {NULL, 0, NULL, 0},
};

static int
add_question(options *o, const char *text, bool echo)
{
    question *now = &o->asked.of[o->asked.count];
    size_t len = strlen(text);

    /* one blank will be between it and the answer */
    while (len > 0 && text[len - 1] == ' ')
        len--;
    if (o->asked.count == QUESTIONS_MOST)
        return misuse("there may be seven questions, not also ", text);
    if (len == 0 || len > QUESTION_LONGEST ||
        !text_is_plain(authplug_span_of(text)))
        return misuse("a question has 1 to 200 bytes of visible UTF-8, not ",
                      text);
    memcpy(now->text, text, len);
    now->text[len] = 0;
    now->round = o->round;
    now->echo = echo;
    o->asked.count++;
    return RAN_YES;
}

static int
add_round(options *o)
{
    if (o->asked.count == 0 ||
        o->asked.of[o->asked.count - 1].round != o->round)
        return misuse("a question belongs before --round", "");
    o->round++;
    return RAN_YES;
}

static int
take(options *o, int option, const char *value)
{
    switch (option) {
    case DB:
        /* the server's directory is not ours, and SQLite has special names */
        if (value[0] != '/')
            return misuse("--db takes a path that begins with /, not ", value);
        o->path = value;
        return RAN_YES;
    case QUESTION:
    case QUESTION_ECHO:
        return add_question(o, value, option == QUESTION_ECHO);
    case ROUND:
        return add_round(o);
    case HELP:
        fputs(help, stdout);
        exit(RAN_YES);
    case VERSION:
        puts(PROGRAM " " AUTHPLUG_VERSION_STRING);
        exit(RAN_YES);
    default:
        return misuse("that option is unknown or lacks its value", "");
    }
}

/* The command and its user. */
static int
operands(options *o, int count, char **word, const struct command **which)
{
    *which = &commands[0];
    for (size_t i = 0; count > 0 && i < COMMANDS; i++)
        if (strcmp(word[0], commands[i].name) == 0)
            *which = &commands[i];
    if (count > 0 && strcmp(word[0], (*which)->name) != 0)
        return misuse("there is no command ", word[0]);
    if (count > 1 + (*which)->user)
        return misuse("this word is one too many: ", word[count - 1]);
    if ((*which)->user) {
        if (count < 2)
            return misuse("which user? " PROGRAM " ... USER", "");
        if (word[1][0] == 0 || strlen(word[1]) > NAME_LONGEST ||
            !text_is_plain(authplug_span_of(word[1])))
            return misuse("a user's name has 1 to 256 bytes of visible "
                          "UTF-8, not ",
                          word[1]);
        o->user = word[1];
    }
    if (!(*which)->questions && (o->asked.count > 0 || o->round > 1))
        return misuse("questions are for init, not for ", (*which)->name);
    return RAN_YES;
}

int
main(int argc, char **argv)
{
    static options o = {.path = DATABASE, .round = 1};
    const struct command *which;
    int option, bad = RAN_YES;

    io_keep_secrets();
    io_sanitise();
    opterr = 0; /* what is wrong is said once, by us */
    while (bad == RAN_YES &&
           (option = getopt_long(argc, argv, "", words, NULL)) != -1)
        bad = take(&o, option, optarg);
    if (bad == RAN_YES)
        bad = operands(&o, argc - optind, argv + optind, &which);
    return bad == RAN_YES ? which->run(&o) : bad;
}
