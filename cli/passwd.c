/* authplug-passwd, which is `authplug passwd`: its own program for libcrypt's
 * sake. */
#define _GNU_SOURCE
#include "cli/cli.h"

#include "io/io.h"
#include "server/accounts.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define PROGRAM "authplug passwd"

/* Shorter passwords are refused. */
#define SHORTEST 8
/* Longer lines are, too; the password file refuses 512 bytes and more. */
#define LONGEST 1024
/* To type one password. */
#define PATIENCE 120000

static const char help[] =
    "usage: authplug passwd [options] FILE USER\n"
    "\n"
    "Changes a password in the password file of authplug serve: asks for the\n"
    "current password, then twice for the new one, at the terminal, or where\n"
    "standard input is none, there.\n"
    "\n"
    "  --create       add the user, and the file if there is none\n"
    "  --reset        do not ask for the current password\n"
    "  --expire       the password must be changed at the next login\n"
    "  --maxdays N    a password expires N days after it was changed; never\n"
    "                 for N \"never\"\n"
    "  --help         this text\n"
    "  --version      the version\n"
    "\n"
    "With --expire and --maxdays alone no password is asked for.\n"
    "Exit status: 0 changed, 1 refused, 2 misuse, 111 something is broken.\n"
    "More: man authplug-passwd\n";

typedef struct order {
    const char *file, *user;
    bool reset;
    long maxdays;
    accounts_edit edit;
} order;

/* ---------------------------------------------------------------- dialogue */

/* What was read from standard input and not used yet, where it is no terminal;
 * one question's line may come with the next one's. */
static authplug_secret *ahead;

/* Moves a line out of what was read: OK, NEED_MORE. */
static authplug_status
take_line(authplug_secret *answer, bool ended)
{
    authplug_span text = authplug_secret_span(ahead);
    const unsigned char *newline =
        text.len == 0 ? NULL : memchr(text.data, '\n', text.len);
    size_t len = newline == NULL ? text.len : (size_t)(newline - text.data);
    authplug_status status;

    if (len > LONGEST)
        return AUTHPLUG_LENGTH;
    if (newline == NULL && !ended)
        return AUTHPLUG_NEED_MORE;
    if (newline == NULL && len == 0)
        return AUTHPLUG_CANCELLED;
    status = authplug_secret_append(answer, text.data, len);
    authplug_secret_drop(ahead, len + 1);
    return status;
}

static authplug_status
read_input(authplug_secret *answer, int64_t deadline)
{
    static unsigned char part[4096];
    authplug_status status = take_line(answer, false);
    size_t got = 1;

    while (status == AUTHPLUG_NEED_MORE) {
        status = io_read(STDIN_FILENO, part, sizeof part, &got, deadline);
        if (status == AUTHPLUG_OK)
            status = authplug_secret_append(ahead, part, got);
        if (status == AUTHPLUG_OK)
            status = take_line(answer, got == 0);
        authplug_wipe(part, sizeof part);
    }
    return status;
}

/* At the terminal if standard input is one, as programs like this do. */
static authplug_status
ask(const char *prompt, authplug_secret *answer)
{
    int64_t deadline = io_deadline(PATIENCE);
    authplug_status status;

    if (io_standard_is_terminal())
        return io_ask(authplug_span_of(prompt), false, answer, deadline);
    io_note(authplug_span_of(prompt));
    status = read_input(answer, deadline);
    io_note(authplug_span_of("\n"));
    return status;
}

/* The last words of a dialogue, as programs like this have them. */
static int
refuse(const char *words)
{
    io_note(authplug_span_of(words));
    return CLI_NO;
}

static int
unanswered(authplug_status status)
{
    if (status == AUTHPLUG_LENGTH || status == AUTHPLUG_LIMIT)
        return refuse("The password is too long.\n");
    if (status != AUTHPLUG_CANCELLED || io_signals_caught() == 0)
        io_say(PROGRAM, "no password: %s: nothing was changed",
               authplug_status_text(status));
    return CLI_BROKEN;
}

static int
ask_current(const order *it, authplug_secret *current)
{
    const char *error = "";
    authplug_status status = ask("Current password: ", current);

    if (status != AUTHPLUG_OK)
        return unanswered(status);
    switch (accounts_check(it->file, it->user, authplug_secret_span(current),
                           &error)) {
    case ACCOUNTS_YES:
    case ACCOUNTS_EXPIRED:
        return CLI_YES;
    case ACCOUNTS_NO:
        return refuse("Wrong password.\n");
    case ACCOUNTS_BROKEN:
        break;
    }
    io_say(PROGRAM, "%s", error);
    return CLI_BROKEN;
}

static int
ask_new(const authplug_secret *current, authplug_secret *fresh,
        authplug_secret *again)
{
    authplug_status status = ask("New password: ", fresh);
    authplug_span password;

    if (status != AUTHPLUG_OK)
        return unanswered(status);
    password = authplug_secret_span(fresh);
    if (password.len == 0)
        return refuse("No password was given.\n");
    if (password.len < SHORTEST)
        return refuse("The password is too short.\n");
    if (authplug_secret_len(current) > 0 &&
        authplug_secret_equal(password, authplug_secret_span(current)))
        return refuse("The password is the current one.\n");
    status = ask("Retype new password: ", again);
    if (status != AUTHPLUG_OK)
        return unanswered(status);
    if (!authplug_secret_equal(authplug_secret_span(again), password))
        return refuse("The passwords do not match.\n");
    return CLI_YES;
}

/* ----------------------------------------------------------------- changes */

static int
broken(authplug_status status, const char *error)
{
    if (status == AUTHPLUG_CANCELLED)
        return CLI_BROKEN; /* by a signal, which acts in a moment */
    io_say(PROGRAM, "%s", error);
    return status == AUTHPLUG_NOT_FOUND || status == AUTHPLUG_VALUE ||
                   status == AUTHPLUG_STATE
               ? CLI_NO
               : CLI_BROKEN;
}

/* Before anything is asked: whether there is such a user, as it should be. */
static int
look_up(const order *it)
{
    const char *error = "";
    authplug_status status = accounts_find(it->file, it->user, &error);

    if (it->edit.create && status == AUTHPLUG_IO &&
        access(it->file, F_OK) != 0 && errno == ENOENT) {
        status = accounts_folder(it->file, &error);
        return status == AUTHPLUG_OK ? CLI_YES : broken(status, error);
    }
    if (it->edit.create && status == AUTHPLUG_OK) {
        io_say(PROGRAM, "%s: there is such a user already: see --reset",
               it->file);
        return CLI_NO;
    }
    if (status == AUTHPLUG_OK ||
        (status == AUTHPLUG_NOT_FOUND && it->edit.create))
        return CLI_YES;
    return broken(status, error);
}

static int
change(order *it)
{
    const char *error = "";
    authplug_status status =
        accounts_change(it->file, it->user, &it->edit, &error);

    if (status != AUTHPLUG_OK)
        return broken(status, error);
    io_note(authplug_span_of(it->edit.password.len > 0
                                 ? "The password was changed.\n"
                                 : "The account was changed.\n"));
    return CLI_YES;
}

static int
hold_dialogue(order *it)
{
    authplug_secret *current = authplug_secret_new(LONGEST);
    authplug_secret *fresh = authplug_secret_new(LONGEST);
    authplug_secret *again = authplug_secret_new(LONGEST);
    int result = CLI_YES;

    ahead = authplug_secret_new(LONGEST + 8192);
    if (current == NULL || fresh == NULL || again == NULL || ahead == NULL)
        result = unanswered(AUTHPLUG_NOMEM);
    if (result == CLI_YES && !it->edit.create && !it->reset)
        result = ask_current(it, current);
    if (result == CLI_YES)
        result = ask_new(current, fresh, again);
    if (result == CLI_YES) {
        it->edit.password = authplug_secret_span(fresh);
        it->edit.current = authplug_secret_span(current);
        result = change(it);
    }
    authplug_secret_free(&current);
    authplug_secret_free(&fresh);
    authplug_secret_free(&again);
    authplug_secret_free(&ahead);
    return result;
}

/* ----------------------------------------------------------------- options */

enum { CREATE = 1, RESET, EXPIRE, MAXDAYS, HELP, VERSION };

static const struct option options[] = {
    {"create", no_argument, NULL, CREATE},
    {"reset", no_argument, NULL, RESET},
    {"expire", no_argument, NULL, EXPIRE},
    {"maxdays", required_argument, NULL, MAXDAYS},
    {"help", no_argument, NULL, HELP},
    {"version", no_argument, NULL, VERSION},
    {NULL, 0, NULL, 0},
};

static int
misuse(const char *what)
{
    io_say(PROGRAM, "%s: see 'authplug passwd --help'", what);
    return CLI_MISUSE;
}

static bool
to_days(const char *text, long *days)
{
    char *end;

    if (strcmp(text, "never") == 0) {
        *days = ACCOUNTS_NEVER;
        return true;
    }
    errno = 0;
    *days = strtol(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == 0 &&
           *days <= ACCOUNTS_MAXDAYS;
}

static int
print(const char *text)
{
    return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? CLI_BROKEN
                                                          : CLI_YES;
}

static int
take(order *it, int option, const char *value)
{
    switch (option) {
    case CREATE:
        it->edit.create = true;
        return CLI_YES;
    case RESET:
        it->reset = true;
        return CLI_YES;
    case EXPIRE:
        it->edit.expire = true;
        return CLI_YES;
    case MAXDAYS:
        it->edit.maxdays = &it->maxdays;
        return to_days(value, &it->maxdays)
                   ? CLI_YES
                   : misuse("--maxdays: 0 to 99999, or never, was expected");
    case HELP:
        exit(print(help));
    case VERSION:
        exit(print("authplug " AUTHPLUG_VERSION_STRING "\n"));
    default:
        return misuse("that option is unknown or lacks its value");
    }
}

static int
parse(order *it, int argc, char **argv)
{
    int option, result = CLI_YES;

    opterr = 0; /* what is wrong is said once, by us */
    while (result == CLI_YES &&
           (option = getopt_long(argc, argv, "", options, NULL)) != -1)
        result = take(it, option, optarg);
    if (result != CLI_YES)
        return result;
    if (argc - optind != 2)
        return misuse("FILE and USER were expected");
    if (it->edit.create && it->reset)
        return misuse("--create and --reset do not go together");
    it->file = argv[optind];
    it->user = argv[optind + 1];
    return CLI_YES;
}

static bool
asks(const order *it)
{
    return it->edit.create || it->reset ||
           (!it->edit.expire && it->edit.maxdays == NULL);
}

/* No core file keeps a password; too large a file is an error, not the end. */
static void
guard(void)
{
    struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)signal(SIGXFSZ, SIG_IGN);
}

int
main(int argc, char **argv)
{
    order it = {.maxdays = ACCOUNTS_NEVER};
    int result;

    io_sanitise();
    result = parse(&it, argc, argv);
    if (result != CLI_YES)
        return result;
    guard();
    io_signals_begin();
    result = look_up(&it);
    if (result == CLI_YES)
        result = asks(&it) ? hold_dialogue(&it) : change(&it);
    io_signals_end(); /* one that came acts here */
    return result;
}
