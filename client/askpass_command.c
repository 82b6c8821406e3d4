/* The command: with what it is started, so that its ssh asks us. */
#define _GNU_SOURCE
#include "client/askpass_broker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define HELPER "authplug-askpass"
/* for `ssh -G` */
#define ASK_SSH_MS 10000

enum { FAILED = 255, NOT_EXECUTABLE = 126, NOT_FOUND = 127 };

/* Beside our own program, or where it was installed. */
bool
askpass_find_helper(char path[ASKPASS_HELPER_SIZE])
{
    ssize_t len = readlink("/proc/self/exe", path, ASKPASS_HELPER_SIZE - 32);
    char *slash;

    if (len > 0) {
        path[len] = 0;
        slash = strrchr(path, '/');
        (void)snprintf(slash + 1, 32, HELPER);
        if (access(path, X_OK) == 0)
            return true;
    }
    (void)snprintf(path, ASKPASS_HELPER_SIZE, "%s/" HELPER, ASKPASS_LIBEXEC);
    if (access(path, X_OK) == 0)
        return true;
    io_say(ASKPASS, "cannot run %s: %s: is it installed?", path,
           strerror(errno));
    return false;
}

static const char *
last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* Below another of us SSH_ASKPASS names our own helper, which is no askpass of
 * the user's: the other asks only for what is its own. */
void
askpass_keep_own(askpass_task *task)
{
    const char *own = getenv("SSH_ASKPASS");
    const char *require = getenv("SSH_ASKPASS_REQUIRE");
    bool nested = own != NULL && strcmp(last_part(own), HELPER) == 0;
    const char *x11 = getenv("DISPLAY"), *wayland = getenv("WAYLAND_DISPLAY");
    bool display =
        (x11 != NULL && *x11 != 0) || (wayland != NULL && *wayland != 0);
    bool force, prefer, never;

    if (nested)
        own = require = NULL;
    force = require != NULL && strcasecmp(require, "force") == 0;
    prefer = require != NULL && strcasecmp(require, "prefer") == 0;
    never = require != NULL && strcasecmp(require, "never") == 0;
    if (own == NULL && access("/usr/bin/ssh-askpass", X_OK) == 0)
        own = "/usr/bin/ssh-askpass"; /* ssh's default */
    if (own == NULL || *own == 0 || never || !(display || force))
        return;
    /* our environment stays as it is; that of the command differs */
    task->own_askpass = own;
    task->own_require = require;
    task->own_first = force || prefer;
}

/* Unless the user has a LocalCommand of their own, or `ssh -G` does not tell,
 * as when nobody is to be logged in. What it complains of ssh will say too. */
static bool
may_report(const askpass_command *c)
{
    const char *const *words = (const char *const *)c->words;
    askpass_target target = {0};
    bool may =
        strchr(c->helper, '\'') == NULL && strchr(c->helper, '\n') == NULL &&
        askpass_target_of_words(&target, words, false,
                                io_deadline(ASK_SSH_MS)) == AUTHPLUG_OK &&
        !target.local_command;

    askpass_target_free(&target);
    return may;
}

/* -oLocalCommand=..., in which ssh expands "%". NULL when out of memory. */
static char *
report_option(const char *helper)
{
    char *option = NULL, *at;
    size_t size = 2 * strlen(helper) + 64;

    option = malloc(size);
    if (option == NULL)
        return NULL;
    at = option + snprintf(option, size, "-oLocalCommand=exec '");
    for (; *helper != 0; helper++) {
        *at++ = *helper;
        if (*helper == '%')
            *at++ = '%';
    }
    (void)snprintf(at, size - (size_t)(at - option), "' outcome success");
    return option;
}

/*
 * The command with what helps: one attempt, so that all prompts are of it, for
 * programs that have the option; and the report, from ssh itself, as one of
 * the words if it can be had. NULL when out of memory.
 */
static char **
make_words(const askpass_command *c, char **report)
{
    char **given = c->words, **made;
    const char *name = last_part(given[0]);
    bool is_ssh = strcmp(name, "ssh") == 0;
    size_t count = 0, at = 0;

    while (given[count] != NULL)
        count++;
    made = calloc(count + 4, sizeof *made);
    if (made == NULL)
        return NULL;
    made[at++] = given[0];
    if (is_ssh || strcmp(name, "scp") == 0 || strcmp(name, "sftp") == 0)
        made[at++] = (char *)"-oNumberOfPasswordPrompts=1";
    if (is_ssh && may_report(c))
        *report = report_option(c->helper);
    if (*report != NULL) {
        made[at++] = (char *)"-oPermitLocalCommand=yes";
        made[at++] = *report;
    }
    memcpy(made + at, given + 1, (count - 1) * sizeof *made);
    return made;
}

/* The child, in our process group and at our terminal: signals reach it as they
 * would without us. */
static void
become(const askpass_command *c, char **words, pid_t broker)
{
    int error;

    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != broker)
        _exit(FAILED);
    (void)sigprocmask(SIG_SETMASK, c->mask, NULL);
    (void)setenv("SSH_ASKPASS", c->helper, 1);
    (void)setenv("SSH_ASKPASS_REQUIRE", "force", 1);
    (void)setenv(ASKPASS_VARIABLE, c->socket, 1);
    (void)unsetenv("SSH_ASKPASS_PROMPT");
    execvp(words[0], words);
    error = errno;
    io_say(ASKPASS, "cannot run %s: %s: check the words after --",
           IO_SHORT(words[0]), strerror(error));
    _exit(error == ENOENT ? NOT_FOUND : NOT_EXECUTABLE);
}

pid_t
askpass_command_start(const askpass_command *command, bool *reports)
{
    char *report = NULL, **words = make_words(command, &report);
    pid_t broker = getpid(), pid = words == NULL ? -1 : fork();

    if (pid == 0)
        become(command, words, broker);
    if (pid < 0)
        io_say(ASKPASS, "cannot start a process: %s: end some others",
               strerror(errno));
    *reports = report != NULL;
    free(report);
    free(words);
    return pid;
}
