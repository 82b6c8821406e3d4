/*
 * The client's end against any plugin: what it sends, in any pieces, between
 * any calls of ours.
 *
 * Input: one byte n, n bytes of steps, then the peer's bytes. A step's low
 * three bits say what is done, the rest is its number. When the steps are
 * over, the rest of the bytes comes at once and the peer closes.
 */
#include "fuzz/fuzz.h"

#include <authplug/putty.h>
#include <stdlib.h>
#include <string.h>

static const authplug_limits limits = {4096, 8, 512, 40, 5000};

typedef struct run {
    authplug_putty_client *client;
    authplug_ki_reply *reply;
    authplug_putty_type last; /* of the events */
    uint32_t count;           /* prompts of the last request to the user */
    const uint8_t *data;
    size_t left;
} run;

static volatile unsigned char sink;

/* Every byte of a span can be read. */
static void read_span(authplug_span span)
{
    for (size_t i = 0; i < span.len; i++)
        sink ^= span.data[i];
}

static void read_message(const authplug_putty_message *message)
{
    read_span(message->username);
    read_span(message->text);
    if (message->type == AUTHPLUG_PUTTY_KI_USER_REQUEST) {
        MUST(message->request.count <= limits.prompts);
        read_span(message->request.raw);
        read_span(message->request.name);
        read_span(message->request.instruction);
        read_span(message->request.language);
        for (uint32_t i = 0; i < message->request.count; i++)
            read_span(message->request.prompts[i].text);
    }
    if (message->type == AUTHPLUG_PUTTY_KI_SERVER_RESPONSE) {
        MUST(message->response.count <= limits.prompts);
        read_span(message->response.raw);
        for (uint32_t i = 0; i < message->response.count; i++)
            read_span(message->response.answers[i]);
    }
}

static void check_event(const authplug_putty_message *message)
{
    switch (message->type) {
    case AUTHPLUG_PUTTY_EOF:
    case AUTHPLUG_PUTTY_INIT_RESPONSE:
    case AUTHPLUG_PUTTY_INIT_FAILURE:
    case AUTHPLUG_PUTTY_PROTOCOL_ACCEPT:
    case AUTHPLUG_PUTTY_PROTOCOL_REJECT:
    case AUTHPLUG_PUTTY_KI_SERVER_RESPONSE:
    case AUTHPLUG_PUTTY_KI_USER_REQUEST:
        return;
    case AUTHPLUG_PUTTY_INIT:
    case AUTHPLUG_PUTTY_PROTOCOL:
    case AUTHPLUG_PUTTY_AUTH_SUCCESS:
    case AUTHPLUG_PUTTY_AUTH_FAILURE:
    case AUTHPLUG_PUTTY_KI_SERVER_REQUEST:
    case AUTHPLUG_PUTTY_KI_USER_RESPONSE:
        break;
    }
    abort();
}

/* Takes all events; a status that is neither OK nor NEED_MORE stays. */
static void drain(run *now)
{
    for (int i = 0; i < 4; i++) {
        authplug_putty_message message;
        authplug_status status;

        memset(&message, 0, sizeof message);
        status = authplug_putty_client_next(now->client, &message);
        MUST(status < AUTHPLUG_STATUS_COUNT);
        if (status == AUTHPLUG_NEED_MORE)
            return;
        if (status != AUTHPLUG_OK) {
            authplug_fault fault = authplug_putty_client_fault(now->client);

            MUST(fault.status == status);
            MUST(strlen(fault.text) < AUTHPLUG_TEXT_MAX);
            return;
        }
        check_event(&message);
        read_message(&message);
        if (message.type == AUTHPLUG_PUTTY_EOF)
            return;
        now->last = message.type;
        if (message.type == AUTHPLUG_PUTTY_KI_USER_REQUEST)
            now->count = message.request.count;
    }
    abort(); /* a client is given one message at a time */
}

static void feed(run *now, size_t len)
{
    if (len > now->left)
        len = now->left;
    (void)authplug_putty_client_feed(now->client, now->data, len);
    now->data += len;
    now->left -= len;
    drain(now);
}

static void answer_user(run *now, uint32_t count)
{
    authplug_ki_reply_clear(now->reply);
    for (uint32_t i = 0; i < count; i++)
        (void)authplug_ki_reply_add(now->reply, authplug_span_of("9876"));
    (void)authplug_putty_client_user_response(now->client, now->reply);
}

/* Says something: number picks the call, right or wrong. */
static void say(run *now, unsigned number)
{
    /* three empty strings and a prompt, or no prompt */
    static const unsigned char one[] = {0, 0, 0, 0, 0, 0, 0, 0, 0,   0, 0,
                                        0, 0, 0, 0, 1, 0, 0, 0, 1, 'a', 0};
    static const unsigned char none[16];
    authplug_span body = number & 8 ? authplug_span_make(one, sizeof one)
                                    : authplug_span_make(none, sizeof none);
    unsigned wants = authplug_putty_client_wants(now->client);
    size_t queued = authplug_putty_client_output(now->client).len;

    switch (number % 6) {
    case 0:
        (void)authplug_putty_client_init(now->client, authplug_span_of("a"),
                                         22, authplug_span_of(""));
        break;
    case 1:
        (void)authplug_putty_client_protocol(
            now->client, authplug_span_of(AUTHPLUG_KI_METHOD));
        break;
    case 2:
        (void)authplug_putty_client_server_request(now->client, body, NULL);
        break;
    case 3:
        answer_user(now, now->count);
        break;
    case 4:
        (void)authplug_putty_client_auth(now->client, number & 8);
        break;
    default:
        answer_user(now, number / 6);
        break;
    }
    MUST(wants & AUTHPLUG_WANTS_REPLY ||
         authplug_putty_client_output(now->client).len == queued);
}

/* What a client would say now. */
static void say_next(run *now)
{
    switch ((int)now->last) {
    case AUTHPLUG_PUTTY_EOF:
        say(now, 0);
        break;
    case AUTHPLUG_PUTTY_INIT_RESPONSE:
    case AUTHPLUG_PUTTY_PROTOCOL_REJECT:
        say(now, 1);
        break;
    case AUTHPLUG_PUTTY_KI_USER_REQUEST:
        say(now, 3);
        break;
    default:
        say(now, 8); /* the longer request */
        break;
    }
}

static void step(run *now, uint8_t what)
{
    size_t number = what >> 3;
    authplug_span output;

    switch (what & 7) {
    case 0:
    case 1:
        feed(now, number + 1);
        break;
    case 2:
        feed(now, now->left);
        break;
    case 3:
    case 4:
        say_next(now);
        break;
    case 5:
        say(now, (unsigned)number);
        break;
    case 6:
        output = authplug_putty_client_output(now->client);
        read_span(output);
        authplug_putty_client_output_consume(
            now->client, number < output.len ? number : output.len);
        break;
    default:
        if (number == 31)
            authplug_putty_client_eof(now->client);
        drain(now);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t steps = size ? data[0] : 0;
    run now = {.count = 0};

    if (steps + 1 > size)
        return 0;
    now.client = authplug_putty_client_new(&limits);
    now.reply = authplug_ki_reply_new(&limits);
    MUST(now.client && now.reply);
    now.data = data + 1 + steps;
    now.left = size - 1 - steps;
    for (size_t i = 0; i < steps; i++)
        step(&now, data[1 + i]);
    feed(&now, now.left);
    authplug_putty_client_eof(now.client);
    drain(&now);
    (void)authplug_putty_client_expected(now.client);
    authplug_putty_client_free(&now.client);
    authplug_ki_reply_free(&now.reply);
    return 0;
}
