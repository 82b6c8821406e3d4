/*
 * The plugin's end of Tectia's plugin protocol against any server: what it
 * writes, in any pieces, between any calls of ours.
 *
 * Input: a byte that chooses the conversation, one byte n, n bytes of steps,
 * then the server's bytes. A step's low three bits say what is done, the rest
 * is its number. When the steps are over, the rest of the bytes comes at once
 * and the server closes.
 */
#include "fuzz/fuzz.h"

#include <authplug/tectia.h>
#include <stdlib.h>
#include <string.h>

static const authplug_limits limits = {4096, 8, 512, 40, 5000};

typedef struct run {
    authplug_tectia_plugin *plugin;
    authplug_tectia_kind kind;
    bool started;   /* PARAMS was given */
    bool asked;     /* replies are owed */
    bool decided;   /* the verdict was said */
    uint32_t count; /* prompts of the last request */
    uint32_t rounds;
    const uint8_t *data;
    size_t left;
} run;

static volatile unsigned char sink;

/* Every byte of a value can be read, and none of them ends a line. */
static void read_value(authplug_span span)
{
    MUST(span.len <= limits.string);
    for (size_t i = 0; i < span.len; i++) {
        MUST(span.data[i] != '\n' && span.data[i] != '\r');
        MUST(span.data[i] != '\0');
        sink ^= span.data[i];
    }
}

/* One word of letters, digits and underscores, in lower case. */
static void read_key(authplug_span key)
{
    MUST(key.len > 0);
    for (size_t i = 0; i < key.len; i++) {
        unsigned char c = key.data[i];

        MUST((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_');
    }
}

static void check_event(run *now, const authplug_tectia_event *event)
{
    switch (event->type) {
    case AUTHPLUG_TECTIA_PARAMS:
        MUST(!now->started);
        MUST(event->count <= AUTHPLUG_TECTIA_LINES);
        for (uint32_t i = 0; i < event->count; i++) {
            read_key(event->pairs[i].key);
            read_value(event->pairs[i].value);
        }
        read_value(authplug_tectia_param(event, "user_name"));
        now->started = true;
        return;
    case AUTHPLUG_TECTIA_REPLIES:
        MUST(now->asked && event->count == now->count);
        for (uint32_t i = 0; i < event->count; i++)
            read_value(event->replies[i]);
        now->asked = false;
        return;
    case AUTHPLUG_TECTIA_EOF:
        return;
    case AUTHPLUG_TECTIA_REQUESTS:
    case AUTHPLUG_TECTIA_CLOSE:
    case AUTHPLUG_TECTIA_VERDICT:
        break;
    }
    abort();
}

/* Takes all events; a status that is neither OK nor NEED_MORE stays. */
static authplug_status drain(run *now)
{
    for (int i = 0; i < 3; i++) {
        authplug_tectia_event event;
        authplug_status status;

        memset(&event, 0, sizeof event);
        status = authplug_tectia_plugin_next(now->plugin, &event);
        MUST(status < AUTHPLUG_STATUS_COUNT);
        if (status == AUTHPLUG_NEED_MORE)
            return status;
        if (status != AUTHPLUG_OK) {
            authplug_fault fault = authplug_tectia_plugin_fault(now->plugin);

            MUST(fault.status == status);
            MUST(strlen(fault.text) < AUTHPLUG_TEXT_MAX);
            MUST(fault.offset <= AUTHPLUG_TECTIA_LINES + 1);
            return status;
        }
        check_event(now, &event);
        if (event.type == AUTHPLUG_TECTIA_EOF)
            return status;
    }
    abort(); /* a list and the end come in a row at most */
}

static void feed(run *now, size_t len)
{
    if (len > now->left)
        len = now->left;
    (void)authplug_tectia_plugin_feed(now->plugin, now->data, len);
    now->data += len;
    now->left -= len;
    (void)drain(now);
}

/* As many lines as that. */
static void feed_lines(run *now, size_t count)
{
    size_t len = 0;

    while (len < now->left && count > 0)
        count -= now->data[len++] == '\n';
    feed(now, len);
}

static authplug_span word_of(unsigned number)
{
    static const char *const words[] = {"", "PIN: ", " a : b ", "success",
                                        "x\n", "x\r", "failure", "a\nreq:b"};

    return authplug_span_of(words[number % 8]);
}

static authplug_status ask(run *now, uint32_t count, authplug_span text)
{
    authplug_ki_prompt prompts[9];
    authplug_status status;

    for (unsigned i = 0; i < 9; i++) {
        prompts[i].text = text;
        prompts[i].echo = i & 1;
    }
    status = authplug_tectia_plugin_request(now->plugin, text, prompts, count);
    if (status == AUTHPLUG_OK) {
        MUST(now->kind == AUTHPLUG_TECTIA_KBDINT);
        MUST(count <= limits.prompts && ++now->rounds <= limits.rounds);
        now->asked = true;
        now->count = count;
    }
    return status;
}

static authplug_status decide(run *now, unsigned number)
{
    authplug_status status;

    if (number & 1)
        status = authplug_tectia_plugin_success(now->plugin);
    else
        status = authplug_tectia_plugin_failure(
            now->plugin, (authplug_tectia_code)(number % 3),
            word_of(number >> 1), word_of(number >> 2));
    now->decided |= status == AUTHPLUG_OK;
    return status;
}

/* Says something: number picks the call, right or wrong. */
static void say(run *now, unsigned number)
{
    unsigned wants = authplug_tectia_plugin_wants(now->plugin);
    size_t queued = authplug_tectia_plugin_output(now->plugin).len;
    bool decided = now->decided;
    authplug_status status;

    if (number & 1)
        status = ask(now, (number >> 1) % 10, word_of(number >> 2));
    else
        status = decide(now, number >> 1);
    if (status == AUTHPLUG_OK)
        MUST(wants & AUTHPLUG_WANTS_REPLY && now->started && !decided);
    else
        MUST(authplug_tectia_plugin_output(now->plugin).len == queued);
}

/* What goes out is whole lines without anything strange in them. */
static void send(run *now, size_t number)
{
    authplug_span output = authplug_tectia_plugin_output(now->plugin);

    for (size_t i = 0; i < output.len; i++)
        MUST(output.data[i] != '\r' && output.data[i] != '\0');
    MUST(output.len == 0 || output.data[output.len - 1] == '\n');
    authplug_tectia_plugin_output_consume(
        now->plugin, number < output.len ? number : output.len);
}

static void step(run *now, uint8_t what)
{
    size_t number = what >> 3;

    switch (what & 7) {
    case 0:
        feed(now, number + 1);
        break;
    case 1:
        feed_lines(now, number + 1);
        break;
    case 2:
        feed(now, now->left);
        break;
    case 3:
        (void)ask(now, number % 9, word_of(1));
        send(now, (size_t)-1);
        break;
    case 4:
        (void)decide(now, (unsigned)number);
        break;
    case 5:
        say(now, (unsigned)number);
        break;
    case 6:
        send(now, number);
        break;
    default:
        if (number == 31)
            authplug_tectia_plugin_eof(now->plugin);
        (void)drain(now);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t steps = size > 1 ? data[1] : 0;
    run now = {.count = 0};
    authplug_status status;

    if (steps + 2 > size)
        return 0;
    now.kind = (authplug_tectia_kind)(data[0] % 3);
    now.plugin = authplug_tectia_plugin_new(now.kind, &limits);
    MUST(now.plugin);
    now.data = data + 2 + steps;
    now.left = size - 2 - steps;
    for (size_t i = 0; i < steps; i++)
        step(&now, data[2 + i]);
    feed(&now, now.left);
    authplug_tectia_plugin_eof(now.plugin);
    status = drain(&now);
    MUST(status != AUTHPLUG_NEED_MORE);
    MUST((authplug_tectia_plugin_wants(now.plugin) & AUTHPLUG_WANTS_INPUT) ==
         0);
    authplug_tectia_plugin_free(&now.plugin);
    return 0;
}
