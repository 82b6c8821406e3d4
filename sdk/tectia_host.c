/* The host of Tectia server plugins: one process, one conversation. */
#define _GNU_SOURCE
#include <authplug/tectia_host.h>

#include "io/io.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TIMEOUT 60000
/* how long to listen after the verdict */
#define AFTER_VERDICT 1000
#define FINISH_GRACE 100

struct authplug_tectia_host {
    io_child *child;
    authplug_tectia_server *engine;
    authplug_limits limits;
    int timeout;
    int64_t deadline;
    bool shell;   /* the command was given to a shell */
    bool guarded; /* how the plugin ends can be learned */
    bool over;    /* the verdict was given */
    authplug_status fault; /* stays */
    char error[256];
};

/* The first reason stays: what comes after it is its consequence. */
IO_PRINTF(2, 3)
static void
explain(authplug_tectia_host *host, const char *format, ...)
{
    va_list args;

    if (host->error[0] != 0)
        return;
    va_start(args, format);
    (void)vsnprintf(host->error, sizeof host->error, format, args);
    va_end(args);
}

/* ----------------------------------------------- what went wrong, in words */

static void
explain_start(authplug_tectia_host *host, int error)
{
    const char *reason = strerror(error);

    if (error == ENOENT)
        reason = "it, or the interpreter that it names, was not found";
    else if (error == EACCES)
        reason = "it may not be executed";
    else if (error == ENOEXEC)
        reason = "it is no program, nor a script that names its interpreter";
    else if (error == EPERM)
        reason = "this process may not start it as another user";
    explain(host, "the plugin could not be started: %s", reason);
}

/* The plugin's output ended without a verdict. */
static void
explain_end(authplug_tectia_host *host)
{
    int64_t deadline = io_deadline(FINISH_GRACE);
    io_exit how = {false, -1, 0, false};
    bool ended;

    if (deadline > host->deadline)
        deadline = host->deadline;
    ended = io_child_ended(host->child, deadline, &how);

    /* a shell ends like this when its command was killed */
    if (host->shell && how.code > 128)
        how.signal = how.code - 128;
    if (!ended)
        explain(host, "the plugin closed its output without a verdict");
    else if (!how.known)
        explain(host, "the plugin ended without a verdict, nobody knows how");
    else if (how.signal != 0)
        explain(host, "the plugin was killed by signal %d before its verdict",
                how.signal);
    else if (host->shell && how.code == 127)
        explain(host, "the plugin's program was not found by the shell");
    else if (host->shell && how.code == 126)
        explain(host, "the plugin's program could not be executed by the "
                      "shell");
    else
        explain(host, "the plugin ended without a verdict, with exit status %d",
                how.code);
}

static void
explain_fault(authplug_tectia_host *host, authplug_fault fault)
{
    const char *list = fault.message;
    unsigned long line = (unsigned long)fault.offset;

    switch ((int)fault.status) {
    case AUTHPLUG_CLOSED:
        explain_end(host);
        break;
    case AUTHPLUG_TRUNCATED:
        explain(host, "in the plugin's %s %s is missing", list, fault.text);
        break;
    case AUTHPLUG_TURN:
        if (strcmp(list, "verdict") == 0)
            explain(host, "the plugin went on talking after its verdict");
        else
            explain(host, "the plugin spoke before it was answered");
        break;
    case AUTHPLUG_VALUE:
        explain(host, "line %lu of the plugin's %s holds a CR or a NUL", line,
                list);
        break;
    case AUTHPLUG_LENGTH:
        explain(host, "line %lu of the plugin's %s is longer than %lu bytes",
                line, list, (unsigned long)host->limits.string);
        break;
    default:
        explain(host, "the plugin passed a limit in its %s: expected %s",
                list, fault.text);
    }
}

/* Nothing but a fault from now on. */
static authplug_status
fail(authplug_tectia_host *host, authplug_status status)
{
    authplug_fault fault = authplug_tectia_server_fault(host->engine);

    host->fault = status;
    if (fault.status != AUTHPLUG_OK)
        explain_fault(host, fault);
    else if (status == AUTHPLUG_TIMEOUT)
        explain(host, "the plugin did not reach a verdict within %d s",
                (host->timeout + 999) / 1000);
    else if (status == AUTHPLUG_CANCELLED)
        explain(host, "a signal interrupted the plugin's conversation");
    else
        explain(host, "%s", authplug_status_text(status));
    return status;
}

/* --------------------------------------------------------------- starting */

/* Adds "NAME=value" to the environment, if there is a value. */
static bool
add_variable(char **variables, const char *name, const char *value)
{
    size_t len;

    if (value == NULL)
        return true;
    while (*variables != NULL)
        variables++;
    len = strlen(name) + strlen(value) + 2;
    *variables = malloc(len);
    if (*variables != NULL)
        (void)snprintf(*variables, len, "%s=%s", name, value);
    return *variables != NULL;
}

/* Nothing of our own environment: it may be the user's. */
static bool
fill_environment(const authplug_tectia_host_options *options,
                 char *variables[4])
{
    return add_variable(variables, "PATH", IO_PLUGIN_PATH) &&
           add_variable(variables, "SSH2_PASSWD_PATH",
                        options->passwd_path) &&
           add_variable(variables, "SSH_DEBUG_LEVEL", options->debug_level);
}

static authplug_status
start_child(authplug_tectia_host *host,
            const authplug_tectia_host_options *options)
{
    char *variables[4] = {NULL};
    io_identity as = {0};
    io_program program = {
        .argv = options->argv,
        .command = options->command,
        .environment = (const char *const *)variables,
        .guarded = host->guarded,
        .lifetime = host->timeout,
        .on_line = options->on_stderr,
        .context = options->context,
    };
    authplug_status status = AUTHPLUG_NOMEM;

    if (options->as != NULL) {
        as.uid = options->as->uid;
        as.gid = options->as->gid;
        as.groups = options->as->groups;
        as.group_count = options->as->group_count;
        program.as = &as;
    }
    if (fill_environment(options, variables))
        status = io_child_start(&program, &host->child);
    if (status == AUTHPLUG_NOT_FOUND || status == AUTHPLUG_IO)
        explain_start(host, errno);
    for (size_t i = 0; i < 3; i++)
        free(variables[i]);
    return status;
}

authplug_status
authplug_tectia_host_start(const authplug_tectia_host_options *options,
                           const authplug_tectia_pair *params, uint32_t count,
                           authplug_tectia_host **host)
{
    static const authplug_limits standard = AUTHPLUG_LIMITS_DEFAULT;
    authplug_tectia_host *born = calloc(1, sizeof *born);
    authplug_status status;

    *host = born;
    if (born == NULL)
        return AUTHPLUG_NOMEM;
    born->limits = options->limits ? *options->limits : standard;
    born->timeout =
        options->timeout_ms > 0 ? options->timeout_ms : DEFAULT_TIMEOUT;
    born->deadline = io_deadline(born->timeout);
    born->shell = options->argv == NULL;
    born->guarded = options->guarded || options->as != NULL;
    born->engine = authplug_tectia_server_new(options->kind, &born->limits);
    if (born->engine == NULL) {
        authplug_tectia_host_finish(host);
        return AUTHPLUG_NOMEM;
    }
    if (born->shell ? options->command == NULL : options->argv[0] == NULL) {
        explain(born, "neither a plugin nor a command was given");
        return fail(born, AUTHPLUG_USAGE);
    }
    status = authplug_tectia_server_params(born->engine, params, count);
    if (status != AUTHPLUG_OK)
        explain(born, "a parameter cannot be passed on: %s",
                authplug_status_text(status));
    else
        status = start_child(born, options);
    return status == AUTHPLUG_OK ? status : fail(born, status);
}

/* ---------------------------------------------------------------- talking */

/* Sends what is queued. A plugin that reads no more may have said its verdict
 * already: what it said decides. */
static authplug_status
flush(authplug_tectia_host *host)
{
    authplug_span bytes = authplug_tectia_server_output(host->engine);
    authplug_status status = AUTHPLUG_OK;

    if (bytes.len > 0)
        status = io_child_write(host->child, bytes, host->deadline);
    authplug_tectia_server_output_consume(host->engine, bytes.len);
    return status == AUTHPLUG_CLOSED ? AUTHPLUG_OK : status;
}

/* Takes some of what the plugin says, or its end. */
static authplug_status
hear(authplug_tectia_host *host, int64_t deadline)
{
    unsigned char buffer[4096];
    authplug_status status;
    size_t len;

    status =
        io_child_read(host->child, buffer, sizeof buffer, &len, deadline);
    if (status != AUTHPLUG_OK)
        return status;
    if (len == 0)
        authplug_tectia_server_eof(host->engine);
    else
        status = authplug_tectia_server_feed(host->engine, buffer, len);
    authplug_wipe(buffer, len);
    return status;
}

/* Reads until the engine has an event, a fault, or the time is up. */
static authplug_status
read_event(authplug_tectia_host *host, authplug_tectia_event *event,
           int64_t deadline)
{
    authplug_status status;

    for (;;) {
        status = authplug_tectia_server_next(host->engine, event);
        if (status != AUTHPLUG_NEED_MORE)
            return status;
        status = hear(host, deadline);
        if (status != AUTHPLUG_OK)
            return status;
    }
}

/* Whether the guard was lost: then nobody knows what the plugin would still
 * have said. */
static bool
is_lost(authplug_tectia_host *host)
{
    io_exit how;

    return host->guarded && io_child_ended(host->child, io_now(), &how) &&
           !how.known;
}

/* The verdict was said: whether anything comes behind it decides, too, whoever
 * of the plugin's says it. */
static authplug_status
hear_out(authplug_tectia_host *host, authplug_tectia_event *event)
{
    int64_t deadline = io_deadline(AFTER_VERDICT);
    authplug_status status;

    io_child_close_input(host->child);
    io_child_hear_out(host->child);
    if (deadline > host->deadline)
        deadline = host->deadline;
    status = read_event(host, event, deadline);
    if (status == AUTHPLUG_TIMEOUT) {
        authplug_tectia_server_eof(host->engine);
        status = authplug_tectia_server_next(host->engine, event);
    }
    if (status == AUTHPLUG_OK && is_lost(host)) {
        explain(host, "the plugin was lost at its verdict");
        status = AUTHPLUG_IO;
    }
    host->over = status == AUTHPLUG_OK;
    return status;
}

authplug_status
authplug_tectia_host_next(authplug_tectia_host *host,
                          authplug_tectia_event *event)
{
    authplug_tectia_event given = {0};
    authplug_status status;

    if (host->fault != AUTHPLUG_OK)
        return host->fault;
    if (host->over ||
        (authplug_tectia_server_wants(host->engine) & AUTHPLUG_WANTS_REPLY))
        return AUTHPLUG_STATE;
    host->error[0] = 0;
    status = flush(host);
    if (status == AUTHPLUG_OK)
        status = read_event(host, &given, host->deadline);
    if (status == AUTHPLUG_OK && given.type == AUTHPLUG_TECTIA_CLOSE)
        status = hear_out(host, &given);
    if (status == AUTHPLUG_OK && io_now() >= host->deadline)
        status = AUTHPLUG_TIMEOUT;
    if (status != AUTHPLUG_OK)
        return fail(host, status);
    *event = given;
    return AUTHPLUG_OK;
}

/* What a plugin says before it has the replies is no answer to them. */
static authplug_status
overhear(authplug_tectia_host *host)
{
    authplug_status status;

    if (io_now() >= host->deadline) {
        explain(host, "the user did not reply within the plugin's %d s",
                (host->timeout + 999) / 1000);
        return AUTHPLUG_TIMEOUT;
    }
    status = hear(host, io_now());
    return status == AUTHPLUG_TIMEOUT ? AUTHPLUG_OK : status;
}

authplug_status
authplug_tectia_host_replies(authplug_tectia_host *host,
                             const authplug_span *replies, uint32_t count)
{
    authplug_status status;

    if (host->fault != AUTHPLUG_OK)
        return host->fault;
    if (host->over ||
        !(authplug_tectia_server_wants(host->engine) & AUTHPLUG_WANTS_REPLY))
        return AUTHPLUG_STATE;
    host->error[0] = 0;
    status = overhear(host);
    if (status != AUTHPLUG_OK)
        return fail(host, status);
    status = authplug_tectia_server_replies(host->engine, replies, count);
    if (authplug_tectia_server_fault(host->engine).status != AUTHPLUG_OK)
        return fail(host, status);
    if (status != AUTHPLUG_OK)
        explain(host, "the user's replies cannot be passed on: %s",
                authplug_status_text(status));
    return status;
}

void
authplug_tectia_host_finish(authplug_tectia_host **host)
{
    authplug_tectia_host *h;

    if (host == NULL || *host == NULL)
        return;
    h = *host;
    io_child_finish(&h->child, FINISH_GRACE, NULL);
    authplug_tectia_server_free(&h->engine);
    free(h);
    *host = NULL;
}

int64_t
authplug_tectia_host_left(const authplug_tectia_host *host)
{
    int64_t now = io_now();

    return host->deadline > now ? host->deadline - now : 0;
}

const char *
authplug_tectia_host_error(const authplug_tectia_host *host)
{
    return host != NULL ? host->error : authplug_status_text(AUTHPLUG_NOMEM);
}
