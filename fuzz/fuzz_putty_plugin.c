/*
 * The plugin's end against any client: what it sends, in any pieces, between
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
    authplug_putty_plugin *plugin;
    authplug_ki_reply *reply;
    authplug_putty_type last; /* of the events */
    uint32_t count;           /* prompts of the last server request */
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
    read_span(message->hostname);
    read_span(message->username);
    read_span(message->method);
    if (message->type == AUTHPLUG_PUTTY_KI_SERVER_REQUEST) {
        MUST(message->request.count <= limits.prompts);
        read_span(message->request.raw);
        read_span(message->request.name);
        read_span(message->request.instruction);
        read_span(message->request.language);
        for (uint32_t i = 0; i < message->request.count; i++)
            read_span(message->request.prompts[i].text);
    }
    if (message->type == AUTHPLUG_PUTTY_KI_USER_RESPONSE) {
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
    case AUTHPLUG_PUTTY_INIT:
    case AUTHPLUG_PUTTY_PROTOCOL:
    case AUTHPLUG_PUTTY_AUTH_SUCCESS:
    case AUTHPLUG_PUTTY_AUTH_FAILURE:
    case AUTHPLUG_PUTTY_KI_SERVER_REQUEST:
    case AUTHPLUG_PUTTY_KI_USER_RESPONSE:
        return;
    case AUTHPLUG_PUTTY_INIT_RESPONSE:
    case AUTHPLUG_PUTTY_INIT_FAILURE:
    case AUTHPLUG_PUTTY_PROTOCOL_ACCEPT:
    case AUTHPLUG_PUTTY_PROTOCOL_REJECT:
    case AUTHPLUG_PUTTY_KI_SERVER_RESPONSE:
    case AUTHPLUG_PUTTY_KI_USER_REQUEST:
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
        status = authplug_putty_plugin_next(now->plugin, &message);
        MUST(status < AUTHPLUG_STATUS_COUNT);
        if (status == AUTHPLUG_NEED_MORE)
            return;
        if (status != AUTHPLUG_OK) {
            authplug_fault fault = authplug_putty_plugin_fault(now->plugin);

            MUST(fault.status == status);
            MUST(strlen(fault.text) < AUTHPLUG_TEXT_MAX);
            return;
        }
        check_event(&message);
        read_message(&message);
        if (message.type == AUTHPLUG_PUTTY_EOF)
            return;
        now->last = message.type;
        if (message.type == AUTHPLUG_PUTTY_KI_SERVER_REQUEST)
            now->count = message.request.count;
    }
    abort(); /* at most an outcome and a protocol come in a row */
}

static void feed(run *now, size_t len)
{
    if (len > now->left)
        len = now->left;
    (void)authplug_putty_plugin_feed(now->plugin, now->data, len);
    now->data += len;
    now->left -= len;
    drain(now);
}

static void answer_server(run *now, uint32_t count)
{
    authplug_ki_reply_clear(now->reply);
    for (uint32_t i = 0; i < count; i++)
        (void)authplug_ki_reply_add(now->reply, authplug_span_of("stoat"));
    (void)authplug_putty_plugin_server_response(now->plugin, now->reply);
}

static void ask_user(run *now, unsigned number)
{
    authplug_ki_prompt prompts[4];
    authplug_ki_request request = {.count = number % 4, .prompts = prompts};

    for (size_t i = 0; i < 4; i++) {
        prompts[i].text = authplug_span_of("PIN: ");
        prompts[i].echo = number & 1;
    }
    (void)authplug_putty_plugin_user_request(now->plugin, &request);
}

/* Says something: number picks the call, right or wrong. */
static void say(run *now, unsigned number)
{
    authplug_span word = authplug_span_of(number & 8 ? "alice" : "");
    unsigned wants = authplug_putty_plugin_wants(now->plugin);
    size_t queued = authplug_putty_plugin_output(now->plugin).len;

    switch (number % 7) {
    case 0:
        (void)authplug_putty_plugin_init_response(now->plugin, word);
        break;
    case 1:
        (void)authplug_putty_plugin_init_failure(now->plugin, word);
        break;
    case 2:
        (void)authplug_putty_plugin_protocol_accept(now->plugin);
        break;
    case 3:
        (void)authplug_putty_plugin_protocol_reject(now->plugin, word);
        break;
    case 4:
        answer_server(now, now->count);
        break;
    case 5:
        ask_user(now, number);
        break;
    default:
        answer_server(now, number / 7);
        break;
    }
    MUST(wants & AUTHPLUG_WANTS_REPLY ||
         authplug_putty_plugin_output(now->plugin).len == queued);
}

/* What a plugin would say now; number makes it ask the user at times. */
static void say_next(run *now, size_t number)
{
    switch ((int)now->last) {
    case AUTHPLUG_PUTTY_INIT:
        say(now, 0);
        break;
    case AUTHPLUG_PUTTY_PROTOCOL:
        say(now, 2);
        break;
    default:
        say(now, number & 1 ? 5 : 4);
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
        say_next(now, number);
        break;
    case 5:
        say(now, (unsigned)number);
        break;
    case 6:
        output = authplug_putty_plugin_output(now->plugin);
        read_span(output);
        authplug_putty_plugin_output_consume(
            now->plugin, number < output.len ? number : output.len);
        break;
    default:
        if (number == 31)
            authplug_putty_plugin_eof(now->plugin);
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
    now.plugin = authplug_putty_plugin_new(&limits);
    now.reply = authplug_ki_reply_new(&limits);
    MUST(now.plugin && now.reply);
    now.data = data + 1 + steps;
    now.left = size - 1 - steps;
    for (size_t i = 0; i < steps; i++)
        step(&now, data[1 + i]);
    feed(&now, now.left);
    authplug_putty_plugin_eof(now.plugin);
    drain(&now);
    (void)authplug_putty_plugin_expected(now.plugin);
    MUST(authplug_putty_plugin_version(now.plugin) <= AUTHPLUG_PUTTY_VERSION);
    authplug_putty_plugin_free(&now.plugin);
    authplug_ki_reply_free(&now.reply);
    return 0;
}
