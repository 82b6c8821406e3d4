/*
 * The server's end of Tectia's plugin protocol against any plugin: what it
 * writes, in any pieces, between any calls of ours.
 *
 * Input: a byte that chooses the conversation, one byte n, n bytes of steps,
 * then the plugin's bytes. A step's low three bits say what is done, the rest
 * is its number. When the steps are over, the rest of the bytes comes at once
 * and the plugin closes.
 */
#include "fuzz/fuzz.h"

#include <authplug/tectia.h>
#include <stdlib.h>
#include <string.h>

static const authplug_limits limits = {4096, 8, 512, 40, 5000};

typedef struct run {
    authplug_tectia_server *server;
    authplug_tectia_kind kind;
    bool spoken;    /* _params succeeded */
    bool closed;    /* CLOSE was given */
    bool over;      /* VERDICT was given */
    bool success;   /* and this was it */
    bool trailed;   /* bytes came after CLOSE */
    uint32_t count; /* prompts of the last requests */
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

static void check_verdict(run *now, const authplug_tectia_event *event)
{
    MUST(now->closed);
    MUST(!now->over || now->success == event->success);
    MUST(!event->success || !now->trailed);
    now->over = true;
    now->success = event->success;
    MUST(!event->success || event->code == AUTHPLUG_TECTIA_CODE_NONE);
    MUST(event->code <= AUTHPLUG_TECTIA_CODE_PASSWORD_TOO_OLD);
    read_value(event->error_msg);
    read_value(event->error_log);
}

static void check_event(run *now, const authplug_tectia_event *event)
{
    switch (event->type) {
    case AUTHPLUG_TECTIA_REQUESTS:
        MUST(now->spoken && !now->closed);
        MUST(now->kind == AUTHPLUG_TECTIA_KBDINT);
        MUST(event->count <= limits.prompts);
        MUST(++now->rounds <= limits.rounds);
        read_value(event->instruction);
        for (uint32_t i = 0; i < event->count; i++)
            read_value(event->prompts[i].text);
        now->count = event->count;
        return;
    case AUTHPLUG_TECTIA_CLOSE:
        MUST(now->spoken && !now->closed);
        now->closed = true;
        return;
    case AUTHPLUG_TECTIA_VERDICT:
        check_verdict(now, event);
        return;
    case AUTHPLUG_TECTIA_EOF:
        MUST(now->over);
        return;
    case AUTHPLUG_TECTIA_PARAMS:
    case AUTHPLUG_TECTIA_REPLIES:
        break;
    }
    abort();
}

/* Takes all events; a status that is neither OK nor NEED_MORE stays. */
static authplug_status drain(run *now)
{
    for (int i = 0; i < 4; i++) {
        authplug_tectia_event event;
        authplug_status status;

        memset(&event, 0, sizeof event);
        status = authplug_tectia_server_next(now->server, &event);
        MUST(status < AUTHPLUG_STATUS_COUNT);
        if (status == AUTHPLUG_NEED_MORE)
            return status;
        if (status != AUTHPLUG_OK) {
            authplug_fault fault = authplug_tectia_server_fault(now->server);

            MUST(fault.status == status);
            MUST(strlen(fault.text) < AUTHPLUG_TEXT_MAX);
            MUST(fault.offset <= AUTHPLUG_TECTIA_LINES + 1);
            return status;
        }
        check_event(now, &event);
        if (now->over)
            return status;
    }
    abort(); /* at most requests, or the close and the verdict, in a row */
}

static void feed(run *now, size_t len)
{
    if (len > now->left)
        len = now->left;
    if (len > 0 && now->closed)
        now->trailed = true;
    (void)authplug_tectia_server_feed(now->server, now->data, len);
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
    static const char *const words[] = {"", "alice", " a : b ", "end_of_params",
                                        "x\n", "x\r", "success", "a\nreply:b"};

    return authplug_span_of(words[number % 8]);
}

/* Says something: number picks the call, right or wrong. */
static void say(run *now, unsigned number)
{
    authplug_tectia_pair pairs[2] = {
        {authplug_span_of(number & 16 ? "User_Name" : "a b"),
         word_of(number >> 1)},
        {authplug_span_of("host_ip"), authplug_span_of("192.0.2.1")}};
    unsigned wants = authplug_tectia_server_wants(now->server);
    size_t queued = authplug_tectia_server_output(now->server).len;
    authplug_span replies[8];
    authplug_status status;

    for (unsigned i = 0; i < 8; i++)
        replies[i] = word_of(number >> 1);
    if (number & 1)
        status = authplug_tectia_server_params(now->server, pairs, 2);
    else
        status = authplug_tectia_server_replies(now->server, replies,
                                                number % 8);
    if (status == AUTHPLUG_OK) {
        MUST(wants & AUTHPLUG_WANTS_REPLY);
        now->spoken = true;
    } else {
        MUST(authplug_tectia_server_output(now->server).len == queued);
    }
}

/* What a server would say now. */
static void say_next(run *now)
{
    authplug_tectia_pair pair = {authplug_span_of("user_name"),
                                 authplug_span_of("alice")};
    authplug_span replies[8];

    for (unsigned i = 0; i < 8; i++)
        replies[i] = word_of(2);
    if (now->spoken)
        (void)authplug_tectia_server_replies(now->server, replies, now->count);
    else
        now->spoken = authplug_tectia_server_params(now->server, &pair, 1) ==
                      AUTHPLUG_OK;
}

/* What goes out is whole lines without anything strange in them. */
static void send(run *now, size_t number)
{
    authplug_span output = authplug_tectia_server_output(now->server);

    for (size_t i = 0; i < output.len; i++)
        MUST(output.data[i] != '\r' && output.data[i] != '\0');
    MUST(output.len == 0 || output.data[output.len - 1] == '\n');
    authplug_tectia_server_output_consume(
        now->server, number < output.len ? number : output.len);
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
    case 4:
        say_next(now);
        send(now, (size_t)-1);
        break;
    case 5:
        say(now, (unsigned)number);
        break;
    case 6:
        send(now, number);
        break;
    default:
        if (number == 31)
            authplug_tectia_server_eof(now->server);
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
    now.server = authplug_tectia_server_new(now.kind, &limits);
    MUST(now.server);
    now.data = data + 2 + steps;
    now.left = size - 2 - steps;
    for (size_t i = 0; i < steps; i++)
        step(&now, data[2 + i]);
    feed(&now, now.left);
    authplug_tectia_server_eof(now.server);
    status = drain(&now);
    MUST(now.over || (status != AUTHPLUG_OK && status != AUTHPLUG_NEED_MORE));
    MUST((authplug_tectia_server_wants(now.server) & AUTHPLUG_WANTS_INPUT) ==
         0);
    authplug_tectia_server_free(&now.server);
    return 0;
}
