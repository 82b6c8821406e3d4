/* The SSH client's end of PuTTY's plugin protocol: whose turn, and for what. */
#include "putty_link.h"

#include <stdlib.h>

typedef enum state {
    START,    /* ours: PLUGIN_INIT */
    HELLO,    /* theirs: INIT_RESPONSE or INIT_FAILURE */
    IDLE,     /* ours: PROTOCOL, or the end */
    OFFER,    /* theirs: ACCEPT or REJECT */
    SEGMENT,  /* ours: the server's request, or the outcome */
    QUESTION, /* theirs: the answer, or a question to the user */
    USER,     /* ours: the user's answers */
    OVER      /* nobody's: the plugin refused at the start, or is gone */
} state;

struct authplug_putty_client {
    putty_link link;
    state state;
    bool ki;                 /* the segment is keyboard-interactive */
    uint32_t server_prompts; /* prompts of the server's open request */
    uint32_t user_prompts;       /* prompts of the plugin's open request */
};

/* What the plugin may say in each state; empty where it is not its turn. */
static uint32_t
allowed(state at)
{
    switch (at) {
    case HELLO:
        return SET(INIT_RESPONSE) | SET(INIT_FAILURE);
    case OFFER:
        return SET(PROTOCOL_ACCEPT) | SET(PROTOCOL_REJECT);
    case QUESTION:
        return SET(KI_SERVER_RESPONSE) | SET(KI_USER_REQUEST);
    case START:
    case IDLE:
    case SEGMENT:
    case USER:
    case OVER:
        break;
    }
    return 0;
}

static void
enter(authplug_putty_client *client, state next)
{
    client->state = next;
    client->link.expects = allowed(client->state);
}

authplug_putty_client *
authplug_putty_client_new(const authplug_limits *limits)
{
    authplug_putty_client *client = calloc(1, sizeof *client);

    if (client != NULL && !putty_link_open(&client->link, limits)) {
        free(client);
        client = NULL;
    }
    if (client != NULL)
        enter(client, START);
    return client;
}

void
authplug_putty_client_free(authplug_putty_client **client)
{
    if (client == NULL || *client == NULL)
        return;
    putty_link_close(&(*client)->link);
    free(*client);
    *client = NULL;
}

static authplug_status
our_turn(authplug_putty_client *client, state at)
{
    return putty_link_our_turn(&client->link, client->state == at);
}

/* The end of every call that spoke: the turn passes if the message fitted. */
static authplug_status
spoken(authplug_putty_client *client, authplug_status status, state next)
{
    if (status != AUTHPLUG_OK)
        return status;
    putty_link_release(&client->link);
    enter(client, next);
    return AUTHPLUG_OK;
}

authplug_status
authplug_putty_client_init(authplug_putty_client *client,
                           authplug_span hostname, uint32_t port,
                           authplug_span username)
{
    authplug_status status = our_turn(client, START);
    putty_draft draft;

    if (status != AUTHPLUG_OK)
        return status;
    draft = putty_link_begin(&client->link, AUTHPLUG_PUTTY_INIT);
    authplug_put_uint32(&draft.writer, AUTHPLUG_PUTTY_VERSION);
    putty_link_put(&client->link, &draft, hostname);
    authplug_put_uint32(&draft.writer, port);
    putty_link_put(&client->link, &draft, username);
    return spoken(client, putty_link_end(&client->link, &draft), HELLO);
}

authplug_status
authplug_putty_client_protocol(authplug_putty_client *client,
                               authplug_span method)
{
    authplug_status status = our_turn(client, IDLE);

    if (status != AUTHPLUG_OK)
        return status;
    client->ki = authplug_span_is(method, AUTHPLUG_KI_METHOD);
    return spoken(
        client,
        putty_link_send(&client->link, AUTHPLUG_PUTTY_PROTOCOL, &method),
        OFFER);
}

authplug_status
authplug_putty_client_server_request(authplug_putty_client *client,
                                     authplug_span body, authplug_fault *fault)
{
    putty_link *link = &client->link;
    authplug_status status = our_turn(client, SEGMENT);
    authplug_ki_request request;

    if (status != AUTHPLUG_OK)
        return status;
    if (!client->ki)
        return AUTHPLUG_STATE;
    status = authplug_ki_request_parse(body, &link->limits, link->prompts,
                                       &request, fault);
    if (status != AUTHPLUG_OK)
        return status;
    if (link->rounds >= link->limits.rounds)
        return AUTHPLUG_LIMIT;
    status =
        putty_link_send_raw(link, AUTHPLUG_PUTTY_KI_SERVER_REQUEST, body);
    if (status == AUTHPLUG_OK) {
        link->rounds++;
        client->server_prompts = request.count;
    }
    return spoken(client, status, QUESTION);
}

authplug_status
authplug_putty_client_user_response(authplug_putty_client *client,
                                    const authplug_ki_reply *reply)
{
    authplug_status status = our_turn(client, USER);

    if (status != AUTHPLUG_OK)
        return status;
    if (authplug_ki_reply_count(reply) != client->user_prompts)
        return AUTHPLUG_COUNT;
    return spoken(client,
                  putty_link_send_raw(&client->link,
                                      AUTHPLUG_PUTTY_KI_USER_RESPONSE,
                                      authplug_ki_reply_body(reply)),
                  QUESTION);
}

authplug_status
authplug_putty_client_auth(authplug_putty_client *client, bool success)
{
    authplug_status status = our_turn(client, SEGMENT);

    if (status != AUTHPLUG_OK)
        return status;
    return spoken(client,
                  putty_link_send(&client->link,
                                  success ? AUTHPLUG_PUTTY_AUTH_SUCCESS
                                          : AUTHPLUG_PUTTY_AUTH_FAILURE,
                                  NULL),
                  IDLE);
}

authplug_status
authplug_putty_client_feed(authplug_putty_client *client, const void *data,
                           size_t len)
{
    return putty_link_feed(&client->link, data, len);
}

void
authplug_putty_client_eof(authplug_putty_client *client)
{
    client->link.eof = true;
}

/* Where the message leads, or the fault that only the state can see. */
static authplug_status
follow(authplug_putty_client *client, const authplug_putty_message *message)
{
    putty_link *link = &client->link;

    switch (message->type) {
    case AUTHPLUG_PUTTY_INIT_RESPONSE:
        if (message->version == 0 ||
            message->version > AUTHPLUG_PUTTY_VERSION)
            return putty_link_fail(link, AUTHPLUG_VERSION, message->type, 1,
                                   "version 1 or 2");
        link->version = message->version;
        enter(client, IDLE);
        break;
    case AUTHPLUG_PUTTY_INIT_FAILURE:
    case AUTHPLUG_PUTTY_EOF:
        enter(client, OVER);
        break;
    case AUTHPLUG_PUTTY_PROTOCOL_ACCEPT:
        enter(client, SEGMENT);
        break;
    case AUTHPLUG_PUTTY_PROTOCOL_REJECT:
        enter(client, IDLE);
        break;
    case AUTHPLUG_PUTTY_KI_SERVER_RESPONSE:
        if (message->response.count != client->server_prompts)
            return putty_link_fail(link, AUTHPLUG_COUNT, message->type, 1,
                                   "one answer for each prompt");
        enter(client, SEGMENT);
        break;
    case AUTHPLUG_PUTTY_KI_USER_REQUEST:
        client->user_prompts = message->request.count;
        enter(client, USER);
        break;
    case AUTHPLUG_PUTTY_INIT:
    case AUTHPLUG_PUTTY_PROTOCOL:
    case AUTHPLUG_PUTTY_AUTH_SUCCESS:
    case AUTHPLUG_PUTTY_AUTH_FAILURE:
    case AUTHPLUG_PUTTY_KI_SERVER_REQUEST:
    case AUTHPLUG_PUTTY_KI_USER_RESPONSE:
        break;
    }
    return AUTHPLUG_OK;
}

authplug_status
authplug_putty_client_next(authplug_putty_client *client,
                           authplug_putty_message *message)
{
    putty_link *link = &client->link;
    authplug_putty_message parsed = {0};
    authplug_status status = putty_link_next(link, &parsed);

    if (status == AUTHPLUG_CLOSED && link->expects != 0)
        return putty_link_fail(link, status, AUTHPLUG_PUTTY_EOF, 0,
                               authplug_putty_client_expected(client));
    if (status == AUTHPLUG_CLOSED)
        parsed.type = AUTHPLUG_PUTTY_EOF;
    else if (status != AUTHPLUG_OK)
        return status;
    status = follow(client, &parsed);
    if (status == AUTHPLUG_OK)
        *message = parsed;
    return status;
}

authplug_span
authplug_putty_client_output(const authplug_putty_client *client)
{
    return authplug_secret_span(client->link.out);
}

void
authplug_putty_client_output_consume(authplug_putty_client *client, size_t len)
{
    authplug_secret_drop(client->link.out, len);
}

unsigned
authplug_putty_client_wants(const authplug_putty_client *client)
{
    return putty_link_wants(&client->link, client->state == OVER);
}

authplug_fault
authplug_putty_client_fault(const authplug_putty_client *client)
{
    return client->link.fault;
}

const char *
authplug_putty_client_expected(const authplug_putty_client *client)
{
    switch (client->state) {
    case HELLO:
        return "PLUGIN_INIT_RESPONSE";
    case OFFER:
        return "PLUGIN_PROTOCOL_ACCEPT or PLUGIN_PROTOCOL_REJECT";
    case QUESTION:
        return "PLUGIN_KI_SERVER_RESPONSE or PLUGIN_KI_USER_REQUEST";
    case START:
    case IDLE:
    case SEGMENT:
    case USER:
    case OVER:
        break;
    }
    return "";
}
