/* The SSH server's end of Tectia's plugin protocol. */
#include "tectia_lines.h"

#include <stdlib.h>

typedef enum state {
    START,   /* ours: the parameters */
    LISTEN,  /* theirs: requests, or the verdict */
    ANSWER,  /* ours: the replies */
    REASON,  /* theirs: what may follow the verdict, until its end */
    OVER     /* nobody's: the verdict was given */
} state;

struct authplug_tectia_server {
    tectia_lines lines;
    authplug_tectia_kind kind;
    state state;
    authplug_ki_prompt *prompts; /* limits.prompts of them */
    uint32_t count;              /* prompts of the round that is asked */
    bool success;
    size_t verdict_at; /* end of the verdict's line, in what was read */
};

authplug_tectia_server *
authplug_tectia_server_new(authplug_tectia_kind kind,
                           const authplug_limits *limits)
{
    authplug_tectia_server *server = calloc(1, sizeof *server);

    if (server == NULL || !tectia_lines_open(&server->lines, limits)) {
        free(server);
        return NULL;
    }
    server->kind = kind;
    server->prompts =
        calloc(server->lines.limits.prompts, sizeof *server->prompts);
    if (server->prompts == NULL)
        authplug_tectia_server_free(&server);
    return server;
}

void
authplug_tectia_server_free(authplug_tectia_server **server)
{
    if (server == NULL || *server == NULL)
        return;
    tectia_lines_close(&(*server)->lines);
    free((*server)->prompts);
    free(*server);
    *server = NULL;
}

/* ------------------------------------------------------------ what we say */

static authplug_status
our_turn(authplug_tectia_server *server, state at)
{
    if (server->lines.fault.status != AUTHPLUG_OK)
        return server->lines.fault.status;
    if (server->state != at)
        return AUTHPLUG_STATE;
    if (tectia_lines_pending(&server->lines))
        return tectia_lines_fail(&server->lines, AUTHPLUG_TURN,
                                 "silence until it is its turn");
    return AUTHPLUG_OK;
}

/* The end of a list that was queued from mark on, or of what was not. */
static authplug_status
end_list(authplug_tectia_server *server, authplug_status status, size_t mark,
         const char *word)
{
    if (status == AUTHPLUG_OK)
        status = tectia_lines_put(&server->lines, authplug_span_of(word), NULL);
    if (status != AUTHPLUG_OK) {
        tectia_lines_rewind(&server->lines, mark);
        return status;
    }
    tectia_lines_release(&server->lines);
    server->state = LISTEN;
    tectia_lines_begin(&server->lines, server->kind == AUTHPLUG_TECTIA_KBDINT
                                           ? "requests"
                                           : "verdict");
    return AUTHPLUG_OK;
}

authplug_status
authplug_tectia_server_params(authplug_tectia_server *server,
                              const authplug_tectia_pair *pairs,
                              uint32_t count)
{
    size_t mark = tectia_lines_mark(&server->lines);
    authplug_status status = our_turn(server, START);

    if (status == AUTHPLUG_OK && count >= AUTHPLUG_TECTIA_LINES)
        status = AUTHPLUG_LIMIT;
    if (status != AUTHPLUG_OK)
        return status;
    for (uint32_t i = 0; i < count && status == AUTHPLUG_OK; i++)
        status =
            tectia_lines_put(&server->lines, pairs[i].key, &pairs[i].value);
    return end_list(server, status, mark, "end_of_params");
}

authplug_status
authplug_tectia_server_replies(authplug_tectia_server *server,
                               const authplug_span *replies, uint32_t count)
{
    size_t mark = tectia_lines_mark(&server->lines);
    authplug_status status = our_turn(server, ANSWER);

    if (status != AUTHPLUG_OK)
        return status;
    if (count != server->count)
        return AUTHPLUG_COUNT;
    for (uint32_t i = 0; i < count && status == AUTHPLUG_OK; i++)
        status = tectia_lines_put(&server->lines, authplug_span_of("reply"),
                                  &replies[i]);
    return end_list(server, status, mark, "end_of_replies");
}

/* ------------------------------------------------------------ what we hear */

authplug_status
authplug_tectia_server_feed(authplug_tectia_server *server, const void *data,
                            size_t len)
{
    return tectia_lines_feed(&server->lines, data, len);
}

void
authplug_tectia_server_eof(authplug_tectia_server *server)
{
    server->lines.eof = true;
}

/* A whole round is there: its prompts, and the last of its instructions. */
static authplug_status
give_requests(authplug_tectia_server *server, authplug_tectia_event *event)
{
    authplug_tectia_event given = {0};
    tectia_line line;
    size_t at = 0;

    if (server->lines.rounds++ >= server->lines.limits.rounds)
        return tectia_lines_fail(&server->lines, AUTHPLUG_LIMIT,
                                 "fewer rounds in one conversation");
    while (tectia_lines_walk(&server->lines, &at, &line)) {
        bool echo = tectia_line_is(&line, "req_echo");

        if (tectia_line_is(&line, "instruction"))
            given.instruction = line.value;
        if (!echo && !tectia_line_is(&line, "req"))
            continue;
        if (given.count >= server->lines.limits.prompts)
            return tectia_lines_fail(&server->lines, AUTHPLUG_LIMIT,
                                     "fewer prompts in one round");
        server->prompts[given.count].text = line.value;
        server->prompts[given.count++].echo = echo;
    }
    given.type = AUTHPLUG_TECTIA_REQUESTS;
    given.prompts = server->prompts;
    server->count = given.count;
    server->state = ANSWER;
    tectia_lines_take(&server->lines);
    *event = given;
    return AUTHPLUG_OK;
}

/* What was read stays until the end: it may hold the verdict's reason. */
static authplug_status
give_close(authplug_tectia_server *server, bool success,
           authplug_tectia_event *event)
{
    authplug_tectia_event given = {0};

    server->success = success;
    server->state = REASON;
    server->verdict_at = server->lines.scanned;
    tectia_lines_begin(&server->lines, "verdict");
    given.type = AUTHPLUG_TECTIA_CLOSE;
    *event = given;
    return AUTHPLUG_OK;
}

/* The output's end: the reason of a failure stands before the verdict where a
 * password was to be changed, and behind it where access was asked for. */
static authplug_status
give_verdict(authplug_tectia_server *server, authplug_tectia_event *event)
{
    authplug_tectia_event given = {0};
    bool before = server->kind == AUTHPLUG_TECTIA_PASSWD;
    tectia_line line;
    size_t at = before ? 0 : server->verdict_at;

    given.type = AUTHPLUG_TECTIA_VERDICT;
    given.success = server->success;
    while (server->kind != AUTHPLUG_TECTIA_KBDINT &&
           tectia_lines_walk(&server->lines, &at, &line)) {
        if (before && at > server->verdict_at)
            break;
        if (tectia_line_is(&line, "error_msg"))
            given.error_msg = line.value;
        else if (before && tectia_line_is(&line, "error_log"))
            given.error_log = line.value;
        else if (!before && tectia_line_is(&line, "error_code"))
            given.code = tectia_same(line.value, "password_too_old")
                             ? AUTHPLUG_TECTIA_CODE_PASSWORD_TOO_OLD
                             : AUTHPLUG_TECTIA_CODE_GENERIC;
    }
    server->state = OVER;
    tectia_lines_take(&server->lines);
    *event = given;
    return AUTHPLUG_OK;
}

/* Whether a round was begun: what was read asks, or instructs. */
static bool
in_round(const authplug_tectia_server *server)
{
    tectia_line line;
    size_t at = 0;

    while (server->kind == AUTHPLUG_TECTIA_KBDINT &&
           tectia_lines_walk(&server->lines, &at, &line))
        if (tectia_line_is(&line, "req") || tectia_line_is(&line, "req_echo") ||
            tectia_line_is(&line, "instruction"))
            return true;
    return false;
}

/* The end of input between lines. */
static authplug_status
at_end(authplug_tectia_server *server, authplug_tectia_event *event)
{
    authplug_tectia_event given = {0};
    bool inside = server->state == LISTEN && in_round(server);

    if (server->state == REASON)
        return give_verdict(server, event);
    if (server->state == OVER) {
        *event = given;
        return AUTHPLUG_OK;
    }
    return tectia_lines_fail(&server->lines,
                             inside ? AUTHPLUG_TRUNCATED : AUTHPLUG_CLOSED,
                             inside ? "end_of_requests"
                                    : "success or failure");
}

/* A line while the verdict is open; NEED_MORE where it gives no event. */
static authplug_status
listen_to(authplug_tectia_server *server, const tectia_line *line,
          authplug_tectia_event *event)
{
    /* a round that is not ended is a fault, and no fault lets anybody in */
    if (tectia_line_is_word(line, "success") && in_round(server))
        return tectia_lines_fail(&server->lines, AUTHPLUG_TRUNCATED,
                                 "end_of_requests before the verdict");
    if (tectia_line_is_word(line, "success"))
        return give_close(server, true, event);
    if (tectia_line_is_word(line, "failure"))
        return give_close(server, false, event);
    if (server->kind == AUTHPLUG_TECTIA_KBDINT &&
        tectia_line_is_word(line, "end_of_requests"))
        return give_requests(server, event);
    return AUTHPLUG_NEED_MORE;
}

/* A line behind the verdict. */
static authplug_status
listen_after(authplug_tectia_server *server, const tectia_line *line)
{
    if (server->success)
        return tectia_lines_fail(&server->lines, AUTHPLUG_TURN,
                                 "nothing after its success");
    if (tectia_line_is_word(line, "success"))
        return tectia_lines_fail(&server->lines, AUTHPLUG_TURN,
                                 "one verdict");
    return AUTHPLUG_NEED_MORE;
}

authplug_status
authplug_tectia_server_next(authplug_tectia_server *server,
                            authplug_tectia_event *event)
{
    tectia_lines *lines = &server->lines;
    tectia_line line;
    authplug_status status;

    if (lines->fault.status != AUTHPLUG_OK)
        return lines->fault.status;
    tectia_lines_release(lines);
    if (server->state != LISTEN && server->state != REASON) {
        if (tectia_lines_pending(lines))
            return tectia_lines_fail(lines, AUTHPLUG_TURN,
                                     "silence until it is its turn");
        return lines->eof ? at_end(server, event) : AUTHPLUG_NEED_MORE;
    }
    do {
        status = tectia_lines_next(lines, &line);
        if (status == AUTHPLUG_CLOSED)
            return at_end(server, event);
        if (status != AUTHPLUG_OK)
            return status;
        status = server->state == LISTEN ? listen_to(server, &line, event)
                                         : listen_after(server, &line);
    } while (status == AUTHPLUG_NEED_MORE);
    return status;
}

authplug_span
authplug_tectia_server_output(const authplug_tectia_server *server)
{
    return authplug_secret_span(server->lines.out);
}

void
authplug_tectia_server_output_consume(authplug_tectia_server *server,
                                      size_t len)
{
    authplug_secret_drop(server->lines.out, len);
}

unsigned
authplug_tectia_server_wants(const authplug_tectia_server *server)
{
    unsigned wants = 0;

    if (server->lines.fault.status != AUTHPLUG_OK)
        return 0;
    if (authplug_secret_len(server->lines.out) > 0)
        wants |= AUTHPLUG_WANTS_OUTPUT;
    if (server->state == LISTEN || server->state == REASON)
        wants |= AUTHPLUG_WANTS_INPUT;
    else if (server->state != OVER)
        wants |= AUTHPLUG_WANTS_REPLY;
    return wants;
}

authplug_fault
authplug_tectia_server_fault(const authplug_tectia_server *server)
{
    return server->lines.fault;
}
