/* The plugin's end of PuTTY's plugin protocol: whose turn, and for what. */
#include "putty_link.h"

#include <stdlib.h>

typedef enum state {
    START,    /* theirs: PLUGIN_INIT */
    HELLO,    /* ours: INIT_RESPONSE or INIT_FAILURE */
    IDLE,     /* theirs: PROTOCOL, or the end */
    OFFER,    /* ours: ACCEPT or REJECT */
    SEGMENT,  /* theirs: a request, the outcome, the next PROTOCOL, the end */
    QUESTION, /* ours: the answer, or a question to the user */
    USER,     /* theirs: the user's answers */
    OVER      /* nobody's: we refused at the start, or the client is gone */
} state;

struct authplug_putty_plugin {
    putty_link link;
    state state;
    bool ki;                 /* the segment is keyboard-interactive */
    uint32_t server_prompts; /* prompts of the server's open request */
    uint32_t user_prompts;   /* prompts of our open request */
};

/* What the client may say in each state; empty where it is not its turn. */
static uint32_t
allowed(const authplug_putty_plugin *plugin)
{
    uint32_t outcome = SET(AUTH_SUCCESS) | SET(AUTH_FAILURE);

    switch (plugin->state) {
    case START:
        return SET(INIT);
    case IDLE:
        return SET(PROTOCOL);
    case SEGMENT:
        return outcome | SET(PROTOCOL) |
               (plugin->ki ? SET(KI_SERVER_REQUEST) : 0);
    case USER:
        return SET(KI_USER_RESPONSE);
    case HELLO:
    case OFFER:
    case QUESTION:
    case OVER:
        break;
    }
    return 0;
}

static void
enter(authplug_putty_plugin *plugin, state next)
{
    plugin->state = next;
    plugin->link.expects = allowed(plugin);
}

authplug_putty_plugin *
authplug_putty_plugin_new(const authplug_limits *limits)
{
    authplug_putty_plugin *plugin = calloc(1, sizeof *plugin);

    if (plugin != NULL && !putty_link_open(&plugin->link, limits)) {
        free(plugin);
        plugin = NULL;
    }
    if (plugin != NULL)
        enter(plugin, START);
    return plugin;
}

void
authplug_putty_plugin_free(authplug_putty_plugin **plugin)
{
    if (plugin == NULL || *plugin == NULL)
        return;
    putty_link_close(&(*plugin)->link);
    free(*plugin);
    *plugin = NULL;
}

static authplug_status
our_turn(authplug_putty_plugin *plugin, state at)
{
    return putty_link_our_turn(&plugin->link, plugin->state == at);
}

/* The end of every call that spoke: the turn passes if the message fitted. */
static authplug_status
spoken(authplug_putty_plugin *plugin, authplug_status status, state next)
{
    if (status != AUTHPLUG_OK)
        return status;
    putty_link_release(&plugin->link);
    enter(plugin, next);
    return AUTHPLUG_OK;
}

authplug_status
authplug_putty_plugin_init_response(authplug_putty_plugin *plugin,
                                    authplug_span username)
{
    authplug_status status = our_turn(plugin, HELLO);
    putty_draft draft;

    if (status != AUTHPLUG_OK)
        return status;
    if (plugin->link.version == 0)
        return AUTHPLUG_VERSION;
    draft = putty_link_begin(&plugin->link, AUTHPLUG_PUTTY_INIT_RESPONSE);
    authplug_put_uint32(&draft.writer, plugin->link.version);
    putty_link_put(&plugin->link, &draft, username);
    return spoken(plugin, putty_link_end(&plugin->link, &draft), IDLE);
}

authplug_status
authplug_putty_plugin_init_failure(authplug_putty_plugin *plugin,
                                   authplug_span text)
{
    authplug_status status = our_turn(plugin, HELLO);

    if (status != AUTHPLUG_OK)
        return status;
    return spoken(
        plugin,
        putty_link_send(&plugin->link, AUTHPLUG_PUTTY_INIT_FAILURE, &text),
        OVER);
}

authplug_status
authplug_putty_plugin_protocol_accept(authplug_putty_plugin *plugin)
{
    authplug_status status = our_turn(plugin, OFFER);

    if (status != AUTHPLUG_OK)
        return status;
    return spoken(
        plugin,
        putty_link_send(&plugin->link, AUTHPLUG_PUTTY_PROTOCOL_ACCEPT, NULL),
        SEGMENT);
}

authplug_status
authplug_putty_plugin_protocol_reject(authplug_putty_plugin *plugin,
                                      authplug_span text)
{
    authplug_status status = our_turn(plugin, OFFER);
    bool draft = plugin->link.version == AUTHPLUG_PUTTY_VERSION_DRAFT;

    if (status != AUTHPLUG_OK)
        return status;
    return spoken(plugin,
                  putty_link_send(&plugin->link,
                                  AUTHPLUG_PUTTY_PROTOCOL_REJECT,
                                  draft ? NULL : &text),
                  IDLE);
}

/* Whether the other end can take the request under the same limits. */
static bool
fits(const authplug_ki_request *request, const authplug_limits *limits)
{
    bool good = request->count <= limits->prompts &&
                request->name.len <= limits->string &&
                request->instruction.len <= limits->string &&
                request->language.len <= limits->string;

    for (uint32_t i = 0; i < request->count && good; i++)
        good = request->prompts[i].text.len <= limits->string;
    return good;
}

authplug_status
authplug_putty_plugin_user_request(authplug_putty_plugin *plugin,
                                   const authplug_ki_request *request)
{
    putty_link *link = &plugin->link;
    authplug_status status = our_turn(plugin, QUESTION);
    putty_draft draft;

    if (status != AUTHPLUG_OK)
        return status;
    if (link->rounds >= link->limits.rounds ||
        !fits(request, &link->limits))
        return AUTHPLUG_LIMIT;
    draft = putty_link_begin(link, AUTHPLUG_PUTTY_KI_USER_REQUEST);
    if (draft.writer.status == AUTHPLUG_OK)
        draft.writer.status = authplug_ki_request_write(request, link->out);
    status = putty_link_end(link, &draft);
    if (status == AUTHPLUG_OK) {
        link->rounds++;
        plugin->user_prompts = request->count;
    }
    return spoken(plugin, status, USER);
}

authplug_status
authplug_putty_plugin_server_response(authplug_putty_plugin *plugin,
                                      const authplug_ki_reply *reply)
{
    authplug_status status = our_turn(plugin, QUESTION);

    if (status != AUTHPLUG_OK)
        return status;
    if (authplug_ki_reply_count(reply) != plugin->server_prompts)
        return AUTHPLUG_COUNT;
    return spoken(plugin,
                  putty_link_send_raw(&plugin->link,
                                      AUTHPLUG_PUTTY_KI_SERVER_RESPONSE,
                                      authplug_ki_reply_body(reply)),
                  SEGMENT);
}

uint32_t
authplug_putty_plugin_version(const authplug_putty_plugin *plugin)
{
    return plugin->link.version;
}

authplug_status
authplug_putty_plugin_feed(authplug_putty_plugin *plugin, const void *data,
                           size_t len)
{
    return putty_link_feed(&plugin->link, data, len);
}

void
authplug_putty_plugin_eof(authplug_putty_plugin *plugin)
{
    plugin->link.eof = true;
}

/* Where the message leads, or the fault that only the state can see. */
static authplug_status
follow(authplug_putty_plugin *plugin, const authplug_putty_message *message)
{
    putty_link *link = &plugin->link;

    switch (message->type) {
    case AUTHPLUG_PUTTY_INIT:
        link->version = message->version < AUTHPLUG_PUTTY_VERSION
                            ? message->version
                            : AUTHPLUG_PUTTY_VERSION;
        enter(plugin, HELLO);
        break;
    case AUTHPLUG_PUTTY_PROTOCOL:
        plugin->ki = authplug_span_is(message->method, AUTHPLUG_KI_METHOD);
        enter(plugin, OFFER);
        break;
    case AUTHPLUG_PUTTY_KI_SERVER_REQUEST:
        plugin->server_prompts = message->request.count;
        enter(plugin, QUESTION);
        break;
    case AUTHPLUG_PUTTY_KI_USER_RESPONSE:
        if (message->response.count != plugin->user_prompts)
            return putty_link_fail(link, AUTHPLUG_COUNT, message->type, 1,
                                   "one answer for each prompt");
        enter(plugin, QUESTION);
        break;
    case AUTHPLUG_PUTTY_AUTH_SUCCESS:
    case AUTHPLUG_PUTTY_AUTH_FAILURE:
        enter(plugin, IDLE);
        break;
    case AUTHPLUG_PUTTY_EOF:
        enter(plugin, OVER);
        break;
    case AUTHPLUG_PUTTY_INIT_RESPONSE:
    case AUTHPLUG_PUTTY_INIT_FAILURE:
    case AUTHPLUG_PUTTY_PROTOCOL_ACCEPT:
    case AUTHPLUG_PUTTY_PROTOCOL_REJECT:
    case AUTHPLUG_PUTTY_KI_SERVER_RESPONSE:
    case AUTHPLUG_PUTTY_KI_USER_REQUEST:
        break;
    }
    return AUTHPLUG_OK;
}

authplug_status
authplug_putty_plugin_next(authplug_putty_plugin *plugin,
                           authplug_putty_message *message)
{
    authplug_putty_message parsed = {0};
    authplug_status status = putty_link_next(&plugin->link, &parsed);

    if (status == AUTHPLUG_CLOSED && plugin->link.fault.status == AUTHPLUG_OK)
        parsed.type = AUTHPLUG_PUTTY_EOF;
    else if (status != AUTHPLUG_OK)
        return status;
    status = follow(plugin, &parsed);
    if (status == AUTHPLUG_OK)
        *message = parsed;
    return status;
}

authplug_span
authplug_putty_plugin_output(const authplug_putty_plugin *plugin)
{
    return authplug_secret_span(plugin->link.out);
}

void
authplug_putty_plugin_output_consume(authplug_putty_plugin *plugin, size_t len)
{
    authplug_secret_drop(plugin->link.out, len);
}

unsigned
authplug_putty_plugin_wants(const authplug_putty_plugin *plugin)
{
    return putty_link_wants(&plugin->link, plugin->state == OVER);
}

authplug_fault
authplug_putty_plugin_fault(const authplug_putty_plugin *plugin)
{
    return plugin->link.fault;
}

const char *
authplug_putty_plugin_expected(const authplug_putty_plugin *plugin)
{
    switch (plugin->state) {
    case START:
        return "PLUGIN_INIT";
    case IDLE:
        return "PLUGIN_PROTOCOL";
    case SEGMENT:
        return "PLUGIN_KI_SERVER_REQUEST or PLUGIN_AUTH_*";
    case USER:
        return "PLUGIN_KI_USER_RESPONSE";
    case HELLO:
    case OFFER:
    case QUESTION:
    case OVER:
        break;
    }
    return "";
}
