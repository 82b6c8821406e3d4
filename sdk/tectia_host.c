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
/* a guard outlives the deadline by this, then ends the plugin by itself */
#define GUARD_SLACK 5000

struct authplug_tectia_host {
    io_child *child;
    authplug_tectia_server *engine;
    authplug_limits limits;
    int64_t deadline;
    bool shell; /* the command was given to a shell */
    bool over;  /* the verdict was given */
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

/* The plugin's output ended without a verdict. */
static void
explain_end(authplug_tectia_host *host)
{
    io_exit how = {0};

    if (!io_child_ended(host->child, io_deadline(FINISH_GRACE), &how))
        explain(host, "the plugin closed its output without a verdict");
    else if (host->shell && how.known && (how.code == 126 || how.code == 127))
        explain(host, "the plugin's command could not be executed (the shell's "
                      "status %d)",
                how.code);
    else if (how.known && how.signal != 0)
        explain(host, "the plugin was killed by signal %d before its verdict",
                how.signal);
    else if (how.known)
        explain(host, "the plugin ended without a verdict, with exit status %d",
                how.code);
    else
        explain(host, "the plugin ended without a verdict");
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
        explain(host, "the plugin ended its %s without %s", list, fault.text);
        break;
    case AUTHPLUG_TURN:
        if (strcmp(list, "verdict") == 0)
            explain(host, "the plugin went on talking after its verdict");
        else
            explain(host, "the plugin spoke before it was asked");
        break;
    case AUTHPLUG_VALUE:
        explain(host, "the plugin's %s hold a CR or a NUL, in line %lu", list,
                line);
        break;
    default:
        explain(host, "the plugin's %s: %s, in line %lu: expected %s", list,
                authplug_status_text(fault.status), line, fault.text);
    }
}

static authplug_status
fail(authplug_tectia_host *host, authplug_status status)
{
    authplug_fault fault = authplug_tectia_server_fault(host->engine);

    if (fault.status != AUTHPLUG_OK)
        explain_fault(host, fault);
    else if (status == AUTHPLUG_TIMEOUT)
        explain(host, "the plugin did not reach a verdict in time");
    else if (status == AUTHPLUG_CLOSED)
        explain_end(host);
    else
        explain(host, "%s", authplug_status_text(status));
    return status;
}

/* --------------------------------------------------------------- starting */

/* Nothing of our own environment: it may be the user's. */
static bool
fill_environment(const authplug_tectia_host_options *options,
                 char *variables[4])
{
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
                         "/usr/bin:/sbin:/bin";
    size_t n = 0;

    variables[n++] = path;
    if (options->passwd_path != NULL &&
        asprintf(&variables[n++], "SSH2_PASSWD_PATH=%s",
                 options->passwd_path) < 0)
        return false;
    if (options->debug_level != NULL &&
        asprintf(&variables[n++], "SSH_DEBUG_LEVEL=%s",
                 options->debug_level) < 0)
        return false;
    variables[n] = NULL;
    return true;
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
        .guarded = options->guarded || options->as != NULL,
        .lifetime = host->deadline - io_now() + GUARD_SLACK,
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
    if (status != AUTHPLUG_OK)
        explain(host, "the plugin could not be started: %s",
                status == AUTHPLUG_NOMEM ? authplug_status_text(status)
                                         : strerror(errno));
    for (size_t i = 1; variables[i] != NULL; i++)
        free(variables[i]);
    return status;
}

authplug_status
authplug_tectia_host_start(const authplug_tectia_host_options *options,
                           const authplug_tectia_pair *params, uint32_t count,
                           authplug_tectia_host **host)
{
    static const authplug_limits standard = AUTHPLUG_LIMITS_DEFAULT;
    authplug_tectia_host *born;
    authplug_status status;

    if (options->argv == NULL ? options->command == NULL
                              : options->argv[0] == NULL)
        return AUTHPLUG_USAGE;
    born = calloc(1, sizeof *born);
    if (born == NULL)
        return AUTHPLUG_NOMEM;
    born->limits = options->limits ? *options->limits : standard;
    born->deadline = io_deadline(
        options->timeout_ms > 0 ? options->timeout_ms : DEFAULT_TIMEOUT);
    born->shell = options->argv == NULL;
    born->engine = authplug_tectia_server_new(options->kind, &born->limits);
    if (born->engine == NULL) {
        authplug_tectia_host_finish(&born);
        return AUTHPLUG_NOMEM;
    }
    status = authplug_tectia_server_params(born->engine, params, count);
    if (status != AUTHPLUG_OK)
        explain(born, "a parameter cannot be passed on: %s",
                authplug_status_text(status));
    else
        status = start_child(born, options);
    *host = born;
    return status;
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

/* Reads until the engine has an event, a fault, or the time is up. */
static authplug_status
read_event(authplug_tectia_host *host, authplug_tectia_event *event,
           int64_t deadline)
{
    unsigned char buffer[4096];
    authplug_status status;
    size_t len;

    for (;;) {
        status = authplug_tectia_server_next(host->engine, event);
        if (status != AUTHPLUG_NEED_MORE)
            return status;
        status = io_child_read(host->child, buffer, sizeof buffer, &len,
                               deadline);
        if (status != AUTHPLUG_OK)
            return status;
        if (len == 0)
            authplug_tectia_server_eof(host->engine);
        else
            (void)authplug_tectia_server_feed(host->engine, buffer, len);
        authplug_wipe(buffer, len);
    }
}

/* The verdict was said: whether anything comes behind it decides, too. */
static authplug_status
hear_out(authplug_tectia_host *host, authplug_tectia_event *event)
{
    int64_t deadline = io_deadline(AFTER_VERDICT);
    authplug_status status;

    io_child_close_input(host->child);
    if (deadline > host->deadline)
        deadline = host->deadline;
    status = read_event(host, event, deadline);
    if (status == AUTHPLUG_TIMEOUT) {
        authplug_tectia_server_eof(host->engine);
        status = authplug_tectia_server_next(host->engine, event);
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

    if (host->child == NULL || host->over)
        return AUTHPLUG_STATE;
    if (authplug_tectia_server_wants(host->engine) & AUTHPLUG_WANTS_REPLY)
        return AUTHPLUG_STATE;
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

authplug_status
authplug_tectia_host_replies(authplug_tectia_host *host,
                             const authplug_span *replies, uint32_t count)
{
    authplug_status status;

    if (host->child == NULL || host->over)
        return AUTHPLUG_STATE;
    status = authplug_tectia_server_replies(host->engine, replies, count);
    if (status == AUTHPLUG_VALUE || status == AUTHPLUG_LENGTH)
        explain(host, "a reply of the user cannot be passed on: %s",
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
    return host->error;
}
