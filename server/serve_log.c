/* What was decided, as lines on standard error. */
#define _GNU_SOURCE
#include "server/serve_connection.h"

#include <time.h>
#include <unistd.h>

static void
write_line(const connection *with, decision *what)
{
    char line[DECISION_MAX + 1];
    size_t len;

    what->time = time(NULL);
    what->id = with->id;
    what->user = authplug_secret_span(with->user);
    what->rhost = with->peer_ip;
    len = decision_format(what, line, sizeof line);
    line[len++] = '\n';
    (void)!write(STDERR_FILENO, line, len);
}

void
log_decision(const connection *with, const char *event, const char *outcome,
             const auth_result *result, int64_t began)
{
    decision what = {
        .event = event,
        .plugin = authplug_span_of(result->plugin),
        .outcome = outcome,
        .reason = authplug_span_of(result->reason),
        .ms = io_now() - began,
    };

    write_line(with, &what);
}

void
log_change(const connection *with, const auth_result *result,
           authplug_span message, authplug_span detail, int64_t began)
{
    decision what = {
        .event = "password-change",
        .plugin = authplug_span_of(result->plugin),
        .outcome = auth_outcome(result),
        .reason = authplug_span_of(result->reason),
        .message = message,
        .detail = detail,
        .ms = io_now() - began,
    };

    write_line(with, &what);
}

void
log_event(const connection *with, const char *event, const char *outcome,
          const char *reason)
{
    decision what = {
        .event = event,
        .outcome = outcome,
        .reason = authplug_span_of(reason),
        .ms = io_now() - with->began,
    };

    write_line(with, &what);
}

void
log_plugin(const connection *with, const char *plugin, authplug_span line)
{
    decision what = {.event = "stderr",
                     .plugin = authplug_span_of(plugin),
                     .detail = line,
                     .ms = -1};

    write_line(with, &what);
}
