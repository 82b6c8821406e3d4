/* One call of the module: its beginning, its plugin, its end. */
#define _GNU_SOURCE
#include "server/pam_module.h"

#include <errno.h>
#include <security/pam_ext.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#define DATA "pam_authplug"

void
pamcall_because(pamcall *call, const char *format, ...)
{
    va_list args;

    if (call->reason[0] != 0)
        return;
    va_start(args, format);
    (void)vsnprintf(call->reason, sizeof call->reason, format, args);
    va_end(args);
}

/* ----------------------------------------------------------- the beginning */

static void
forget(pam_handle_t *pamh, void *data, int status)
{
    pamshared *shared = data;

    (void)pamh;
    (void)status;
    authplug_secret_free(&shared->old);
    free(shared);
}

/* What this login's other calls left, or the start of it. */
static pamshared *
share(pam_handle_t *pamh)
{
    const void *found = NULL;
    pamshared *made;

    if (pam_get_data(pamh, DATA, &found) == PAM_SUCCESS && found != NULL)
        return (pamshared *)(uintptr_t)found;
    made = calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    decision_id(made->id);
    if (pam_set_data(pamh, DATA, made, forget) != PAM_SUCCESS) {
        free(made);
        return NULL;
    }
    return made;
}

static const char *
item(const pamcall *call, int which)
{
    const void *value = NULL;

    if (pam_get_item(call->pamh, which, &value) != PAM_SUCCESS)
        return NULL;
    return value;
}

/* False when memory has run out. */
static bool
copy_item(const pamcall *call, int which, char **copy)
{
    const char *value = item(call, which);

    *copy = value != NULL ? strdup(value) : NULL;
    return value == NULL || *copy != NULL;
}

bool
pamcall_open(pamcall *call, pamargs_type type, pam_handle_t *pamh, int flags,
             int argc, const char **argv)
{
    const char *name;
    bool good, memory;

    memset(call, 0, sizeof *call);
    call->began = io_now();
    call->type = type;
    call->pamh = pamh;
    call->flags = flags;
    good = pamargs_parse(&call->args, type, argc, argv);
    if (!good)
        pamcall_because(call, "%s", call->args.error);
    /* may ask the user for it */
    if (good && pam_get_user(pamh, &name, NULL) != PAM_SUCCESS) {
        pamcall_because(call, "the user's name cannot be had");
        good = false;
    }
    call->shared = share(pamh);
    memory = copy_item(call, PAM_USER, &call->user) &&
             copy_item(call, PAM_SERVICE, &call->service) &&
             copy_item(call, PAM_RHOST, &call->rhost) && call->shared != NULL;
    if (!memory)
        pamcall_because(call, "out of memory");
    return good && memory;
}

bool
pamcall_same_user(pamcall *call)
{
    const char *name = item(call, PAM_USER);
    bool same = name != NULL && call->user != NULL &&
                strcmp(name, call->user) == 0;

    if (!same)
        pamcall_because(call, "the program has meanwhile named another user");
    return same;
}

void
pamcall_close(pamcall *call)
{
    pamargs_free(&call->args);
    free(call->user);
    free(call->service);
    free(call->rhost);
}

/* -------------------------------------------------------------- the plugin */

/* What ends a word for a shell, or means something else to it. */
#define SHELL_MARKS " \t\n'\"\\$`;&|<>(){}"

/* Where the program is that a shell's command line begins with. */
static const char *
shell_program(const char *line)
{
    line += strspn(line, SHELL_MARKS);
    if (strncmp(line, "exec", 4) == 0 && strcspn(line, SHELL_MARKS) == 4)
        line += 4 + strspn(line + 4, SHELL_MARKS);
    return line;
}

/* The pieces of a shell's command line, NULL-terminated, and their bytes in one
 * allocation; or NULL. */
static const char **
shell_words(const char *command)
{
    size_t len = strlen(command), most = len / 2 + 2, count = 0;
    const char **words = calloc(1, most * sizeof *words + len + 1);
    char *at = (char *)(words + most);

    if (words == NULL)
        return NULL;
    memcpy(at, command, len);
    while (*at != 0) {
        words[count++] = at;
        at += strcspn(at, SHELL_MARKS);
        len = strspn(at, SHELL_MARKS);
        memset(at, 0, len);
        at += len;
    }
    return words;
}

/* The shell, and what can be told of what it runs: its first word as a program,
 * and all paths behind it. */
static authplug_status
trust_shell(const char *command, char *why, size_t size)
{
    static const char *const shell[] = {"/bin/sh", NULL};
    const char **words = shell_words(shell_program(command)), **word = words;
    authplug_status status;

    if (words == NULL) {
        (void)snprintf(why, size, "out of memory");
        return AUTHPLUG_NOMEM;
    }
    if (words[0] == NULL || words[0][0] != '/') {
        (void)snprintf(why, size, "with shell, the command must begin with the "
                                  "program's absolute path");
        status = AUTHPLUG_REFUSED;
    } else {
        status = io_trusted_program(shell, why, size);
    }
    if (status == AUTHPLUG_OK)
        status = io_trusted_program(words, why, size);
    while (status == AUTHPLUG_OK && *++word != NULL)
        if (**word == '/' && strcmp(*word, "/dev/null") != 0) {
            status = io_trusted(*word, why, size);
            /* what is not there, nobody else can put there */
            if (status == AUTHPLUG_NOT_FOUND)
                status = AUTHPLUG_OK;
        }
    free(words);
    return status;
}

bool
pamcall_trusts(pamcall *call)
{
    const char *const *words = (const char *const *)call->args.words;
    char why[sizeof call->reason];
    authplug_status status =
        call->args.shell
            ? trust_shell(call->args.plugin, why, sizeof why)
            : io_trusted_program(words, why, sizeof why);

    if (status != AUTHPLUG_OK)
        pamcall_because(call, "%s", why);
    return status == AUTHPLUG_OK;
}

static void
emit(const pamcall *call, decision *what, int priority)
{
    char line[DECISION_MAX];

    what->module = "pam_authplug";
    what->id = call->shared ? call->shared->id : NULL;
    (void)decision_format(what, line, sizeof line);
    syslog(LOG_AUTHPRIV | priority, "%s", line);
}

/* What the plugin writes to its standard error. */
static void
on_stderr(void *context, authplug_span line)
{
    decision what = {.event = "stderr", .detail = line, .ms = -1};

    emit(context, &what, LOG_DEBUG);
}

/* A shell may stay around, and what runs as the user has its streams. */
static bool
may_be_shell(pamcall *call, const pamidentity *identity)
{
    bool users = call->type == PAMARGS_PASSWORD && identity->needed &&
                 identity->as.uid != 0;

    if (users && call->args.shell)
        pamcall_because(call, "shell cannot be used where the plugin runs as "
                              "the user: give the program and its words");
    return !users || !call->args.shell;
}

authplug_tectia_host *
pamcall_start(pamcall *call, const authplug_tectia_pair *own, uint32_t count)
{
    static const authplug_tectia_kind kinds[] = {
        [PAMARGS_AUTH] = AUTHPLUG_TECTIA_KBDINT,
        [PAMARGS_ACCOUNT] = AUTHPLUG_TECTIA_AUTHORIZE,
        [PAMARGS_PASSWORD] = AUTHPLUG_TECTIA_PASSWD,
    };
    static const authplug_limits limits = {
        .frame = 65536,
        .prompts = PAMTALK_PROMPTS,
        .string = PAMTALK_REPLY + 256, /* the key and some words besides */
        .rounds = 1000,
        .buffered = 655360,
    };
    authplug_tectia_host *host = NULL;
    pamidentity identity;
    pamabout about;
    authplug_tectia_host_options options = {
        .kind = kinds[call->type],
        .argv = (const char *const *)call->args.words,
        .command = call->args.shell ? call->args.plugin : NULL,
        .passwd_path = call->args.passwd_path,
        .guarded = true,
        .timeout_ms = (int)call->args.timeout_ms,
        .limits = &limits,
        .on_stderr = call->args.debug ? on_stderr : NULL,
        .context = call,
    };
    authplug_status status;

    if (!pamabout_login(call, &about) || !pamcall_same_user(call) ||
        !pamabout_identity(call, &identity))
        return NULL;
    options.as = identity.needed ? &identity.as : NULL;
    call->as_other = identity.needed;
    status = AUTHPLUG_REFUSED;
    if (may_be_shell(call, &identity))
        status =
            authplug_tectia_host_start(&options, own ? own : about.pairs,
                                       own ? count : about.count, &host);
    free(identity.groups);
    if (status == AUTHPLUG_OK) {
        call->started = true;
        return host;
    }
    if (host != NULL || status == AUTHPLUG_NOMEM)
        pamcall_blame(call, host, status);
    authplug_tectia_host_finish(&host);
    return NULL;
}

void
pamcall_blame(pamcall *call, const authplug_tectia_host *host,
              authplug_status status)
{
    bool ended = status == AUTHPLUG_CLOSED || status == AUTHPLUG_TRUNCATED;

    pamcall_because(call, "%s%s", authplug_tectia_host_error(host),
                    ended && !call->args.debug
                        ? " (its standard error is logged with debug)"
                        : "");
}

/* ----------------------------------------------------------------- the end */

/* The plugin's path. */
static authplug_span
program(const pamargs *args)
{
    const char *path;

    if (args->words != NULL || args->plugin == NULL)
        return authplug_span_of(args->words ? args->words[0] : NULL);
    path = shell_program(args->plugin);
    return authplug_span_make(path, strcspn(path, SHELL_MARKS));
}

void
pamcall_log(pamcall *call, pamcall_outcome outcome,
            const authplug_tectia_event *verdict)
{
    static const char *const events[] = {"auth", "account", "password"};
    static const char *const outcomes[] = {"accepted", "rejected", "error"};
    static const int priorities[] = {LOG_INFO, LOG_NOTICE, LOG_ERR};
    decision what = {
        .event = events[call->type],
        .outcome = outcomes[outcome],
        .user = authplug_span_of(call->user),
        .rhost = call->rhost,
        .service = call->service,
        .plugin = program(&call->args),
        .reason = authplug_span_of(call->reason),
        .ms = io_now() - call->began,
    };

    if (verdict != NULL) {
        what.message = verdict->error_msg;
        what.detail = verdict->error_log;
    }
    emit(call, &what, priorities[outcome]);
    call->reason[0] = 0;
}

/* A refusal of account belongs to the answers that auth took. */
static int64_t
wait_from(const pamcall *call)
{
    int64_t replied = call->shared != NULL ? call->shared->replied : 0;

    if (replied > call->began || (call->type == PAMARGS_ACCOUNT && replied > 0))
        return replied;
    return call->began;
}

void
pamcall_wait(const pamcall *call)
{
    /* io_now() has dropped parts of a millisecond */
    int64_t until = wait_from(call) + call->args.min_time_ms + 1;
    struct timespec at = {(time_t)(until / 1000),
                          (long)(until % 1000) * 1000000};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
}

int
pamcall_refusal(const pamcall *call)
{
    /* it has nothing to do with who logs in */
    if (!call->started)
        return PAM_SERVICE_ERR;
    if (call->type == PAMARGS_AUTH)
        return call->args.retries > 1 ? PAM_MAXTRIES : PAM_AUTH_ERR;
    return call->type == PAMARGS_ACCOUNT ? PAM_PERM_DENIED : PAM_AUTHTOK_ERR;
}
