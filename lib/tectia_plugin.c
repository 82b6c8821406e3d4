/* The plugin's end of Tectia's plugin protocol. */
#include "tectia_lines.h"

#include <stdlib.h>

typedef enum state {
    PARAMS,  /* theirs: the parameters */
    SPEAK,   /* ours: a request, or the verdict */
    REPLIES, /* theirs: the replies */
    OVER     /* nobody's: the verdict was given, or the server is gone */
} state;

struct authplug_tectia_plugin {
    tectia_lines lines;
    authplug_tectia_kind kind;
    state state;
    authplug_tectia_pair *pairs; /* AUTHPLUG_TECTIA_LINES of them */
    authplug_span *replies;      /* limits.prompts of them */
    uint32_t wanted;             /* prompts that were asked */
};

authplug_tectia_plugin *
authplug_tectia_plugin_new(authplug_tectia_kind kind,
                           const authplug_limits *limits)
{
    authplug_tectia_plugin *plugin = calloc(1, sizeof *plugin);

    if (plugin == NULL || !tectia_lines_open(&plugin->lines, limits)) {
        free(plugin);
        return NULL;
    }
    plugin->kind = kind;
    plugin->pairs = calloc(AUTHPLUG_TECTIA_LINES, sizeof *plugin->pairs);
    plugin->replies =
        calloc(plugin->lines.limits.prompts, sizeof *plugin->replies);
    if (plugin->pairs == NULL || plugin->replies == NULL) {
        authplug_tectia_plugin_free(&plugin);
        return NULL;
    }
    tectia_lines_begin(&plugin->lines, "params");
    return plugin;
}

void
authplug_tectia_plugin_free(authplug_tectia_plugin **plugin)
{
    if (plugin == NULL || *plugin == NULL)
        return;
    tectia_lines_close(&(*plugin)->lines);
    free((*plugin)->pairs);
    free((*plugin)->replies);
    free(*plugin);
    *plugin = NULL;
}

authplug_span
authplug_tectia_param(const authplug_tectia_event *event, const char *key)
{
    if (event->type == AUTHPLUG_TECTIA_PARAMS)
        for (uint32_t i = event->count; i > 0; i--)
            if (tectia_same(event->pairs[i - 1].key, key))
                return event->pairs[i - 1].value;
    return authplug_span_make(NULL, 0);
}

/* ------------------------------------------------------------ what we say */

static authplug_status
our_turn(authplug_tectia_plugin *plugin)
{
    if (plugin->lines.fault.status != AUTHPLUG_OK)
        return plugin->lines.fault.status;
    if (plugin->state != SPEAK)
        return AUTHPLUG_STATE;
    if (tectia_lines_pending(&plugin->lines))
        return tectia_lines_fail(&plugin->lines, AUTHPLUG_TURN,
                                 "silence until it is its turn");
    return AUTHPLUG_OK;
}

/* Queues a line unless something went wrong before, or it says nothing. */
static authplug_status
put(authplug_tectia_plugin *plugin, authplug_status status, const char *key,
    authplug_span value, bool even_empty)
{
    if (status != AUTHPLUG_OK || (value.len == 0 && !even_empty))
        return status;
    return tectia_lines_put(&plugin->lines, authplug_span_of(key), &value);
}

/* A word ends what was queued from mark on, or all of it is taken back. */
static authplug_status
end(authplug_tectia_plugin *plugin, authplug_status status, size_t mark)
{
    if (status == AUTHPLUG_OK)
        tectia_lines_release(&plugin->lines);
    else
        tectia_lines_rewind(&plugin->lines, mark);
    return status;
}

static authplug_status
put_word(authplug_tectia_plugin *plugin, authplug_status status,
         const char *word)
{
    if (status != AUTHPLUG_OK)
        return status;
    return tectia_lines_put(&plugin->lines, authplug_span_of(word), NULL);
}

authplug_status
authplug_tectia_plugin_request(authplug_tectia_plugin *plugin,
                               authplug_span instruction,
                               const authplug_ki_prompt *prompts,
                               uint32_t count)
{
    size_t mark = tectia_lines_mark(&plugin->lines);
    authplug_status status = our_turn(plugin);

    if (status == AUTHPLUG_OK && plugin->kind != AUTHPLUG_TECTIA_KBDINT)
        status = AUTHPLUG_STATE;
    if (status == AUTHPLUG_OK &&
        (count > plugin->lines.limits.prompts ||
         count + 2 > AUTHPLUG_TECTIA_LINES ||
         plugin->lines.rounds >= plugin->lines.limits.rounds))
        status = AUTHPLUG_LIMIT;
    if (status != AUTHPLUG_OK)
        return status;
    status = put(plugin, status, "instruction", instruction, false);
    for (uint32_t i = 0; i < count; i++)
        status = put(plugin, status, prompts[i].echo ? "req_echo" : "req",
                     prompts[i].text, true);
    status = end(plugin, put_word(plugin, status, "end_of_requests"), mark);
    if (status == AUTHPLUG_OK) {
        plugin->lines.rounds++;
        plugin->wanted = count;
        plugin->state = REPLIES;
        tectia_lines_begin(&plugin->lines, "replies");
    }
    return status;
}

authplug_status
authplug_tectia_plugin_success(authplug_tectia_plugin *plugin)
{
    size_t mark = tectia_lines_mark(&plugin->lines);
    authplug_status status = our_turn(plugin);

    if (status != AUTHPLUG_OK)
        return status;
    status = end(plugin, put_word(plugin, status, "success"), mark);
    if (status == AUTHPLUG_OK)
        plugin->state = OVER;
    return status;
}

static const char *
code_name(authplug_tectia_code code)
{
    switch (code) {
    case AUTHPLUG_TECTIA_CODE_PASSWORD_TOO_OLD:
        return "password_too_old";
    case AUTHPLUG_TECTIA_CODE_GENERIC:
        return "generic_error";
    case AUTHPLUG_TECTIA_CODE_NONE:
        break;
    }
    return NULL;
}

authplug_status
authplug_tectia_plugin_failure(authplug_tectia_plugin *plugin,
                               authplug_tectia_code code,
                               authplug_span error_msg,
                               authplug_span error_log)
{
    size_t mark = tectia_lines_mark(&plugin->lines);
    authplug_status status = our_turn(plugin);

    if (status != AUTHPLUG_OK)
        return status;
    /* a password's reason goes before the verdict, the others' behind it */
    if (plugin->kind == AUTHPLUG_TECTIA_PASSWD) {
        status = put(plugin, status, "error_msg", error_msg, false);
        status = put(plugin, status, "error_log", error_log, false);
    }
    status = put_word(plugin, status, "failure");
    if (plugin->kind == AUTHPLUG_TECTIA_AUTHORIZE) {
        status = put(plugin, status, "error_code",
                     authplug_span_of(code_name(code)), false);
        status = put(plugin, status, "error_msg", error_msg, false);
    }
    status = end(plugin, status, mark);
    if (status == AUTHPLUG_OK)
        plugin->state = OVER;
    return status;
}

/* ------------------------------------------------------------ what we hear */

authplug_status
authplug_tectia_plugin_feed(authplug_tectia_plugin *plugin, const void *data,
                            size_t len)
{
    return tectia_lines_feed(&plugin->lines, data, len);
}

void
authplug_tectia_plugin_eof(authplug_tectia_plugin *plugin)
{
    plugin->lines.eof = true;
}

/* Keys are case-insensitive: they are given in lower case. The bytes are our
 * own copy. */
static void
lower(authplug_span key)
{
    unsigned char *at = (unsigned char *)key.data;

    for (size_t i = 0; i < key.len; i++)
        if (at[i] >= 'A' && at[i] <= 'Z')
            at[i] = (unsigned char)(at[i] - 'A' + 'a');
}

static authplug_status
give_params(authplug_tectia_plugin *plugin, authplug_tectia_event *event)
{
    authplug_tectia_event given = {0};
    tectia_line line;
    size_t at = 0;

    while (tectia_lines_walk(&plugin->lines, &at, &line)) {
        if (!line.has_value || !tectia_is_word(line.key))
            continue;
        lower(line.key);
        plugin->pairs[given.count].key = line.key;
        plugin->pairs[given.count++].value = line.value;
    }
    given.type = AUTHPLUG_TECTIA_PARAMS;
    given.pairs = plugin->pairs;
    *event = given;
    return AUTHPLUG_OK;
}

static authplug_status
give_replies(authplug_tectia_plugin *plugin, authplug_tectia_event *event)
{
    authplug_tectia_event given = {0};
    tectia_line line;
    size_t at = 0;

    while (tectia_lines_walk(&plugin->lines, &at, &line)) {
        if (!tectia_line_is(&line, "reply"))
            continue;
        if (given.count < plugin->wanted)
            plugin->replies[given.count] = line.value;
        given.count++;
    }
    if (given.count != plugin->wanted)
        return tectia_lines_fail(&plugin->lines, AUTHPLUG_COUNT,
                                 "one reply for each prompt");
    given.type = AUTHPLUG_TECTIA_REPLIES;
    given.replies = plugin->replies;
    *event = given;
    return AUTHPLUG_OK;
}

/* The end of input between lines: the server may go at any point but inside a
 * list. */
static authplug_status
at_end(authplug_tectia_plugin *plugin, authplug_tectia_event *event)
{
    authplug_tectia_event given = {0};
    bool owed = plugin->state == PARAMS || plugin->state == REPLIES;

    if (owed && plugin->lines.scanned > 0)
        return tectia_lines_fail(&plugin->lines, AUTHPLUG_TRUNCATED,
                                 plugin->state == PARAMS ? "end_of_params"
                                                         : "end_of_replies");
    plugin->state = OVER;
    *event = given;
    return AUTHPLUG_OK;
}

authplug_status
authplug_tectia_plugin_next(authplug_tectia_plugin *plugin,
                            authplug_tectia_event *event)
{
    tectia_lines *lines = &plugin->lines;
    bool params = plugin->state == PARAMS;
    const char *word = params ? "end_of_params" : "end_of_replies";
    tectia_line line = {{NULL, 0}, {NULL, 0}, true};
    authplug_status status;

    if (lines->fault.status != AUTHPLUG_OK)
        return lines->fault.status;
    tectia_lines_release(lines);
    if (plugin->state != PARAMS && plugin->state != REPLIES) {
        if (tectia_lines_pending(lines))
            return tectia_lines_fail(lines, AUTHPLUG_TURN,
                                     "silence until it is its turn");
        return lines->eof ? at_end(plugin, event) : AUTHPLUG_NEED_MORE;
    }
    while (!tectia_line_is_word(&line, word)) {
        status = tectia_lines_next(lines, &line);
        if (status == AUTHPLUG_CLOSED)
            return at_end(plugin, event);
        if (status != AUTHPLUG_OK)
            return status;
    }
    status = params ? give_params(plugin, event) : give_replies(plugin, event);
    if (status != AUTHPLUG_OK)
        return status;
    tectia_lines_take(lines);
    plugin->state = SPEAK;
    return AUTHPLUG_OK;
}

authplug_span
authplug_tectia_plugin_output(const authplug_tectia_plugin *plugin)
{
    return authplug_secret_span(plugin->lines.out);
}

void
authplug_tectia_plugin_output_consume(authplug_tectia_plugin *plugin,
                                      size_t len)
{
    authplug_secret_drop(plugin->lines.out, len);
}

unsigned
authplug_tectia_plugin_wants(const authplug_tectia_plugin *plugin)
{
    unsigned wants = 0;

    if (plugin->lines.fault.status != AUTHPLUG_OK)
        return 0;
    if (authplug_secret_len(plugin->lines.out) > 0)
        wants |= AUTHPLUG_WANTS_OUTPUT;
    if (plugin->state == PARAMS || plugin->state == REPLIES)
        wants |= AUTHPLUG_WANTS_INPUT;
    else if (plugin->state == SPEAK)
        wants |= AUTHPLUG_WANTS_REPLY;
    return wants;
}

authplug_fault
authplug_tectia_plugin_fault(const authplug_tectia_plugin *plugin)
{
    return plugin->lines.fault;
}
