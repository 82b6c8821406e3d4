/*
 * support.c - the shared ground of the unit tests. See support.h.
 */
#define _DEFAULT_SOURCE

#include "support.h"

#include <sys/mman.h>
#include <unistd.h>

/* ----------------------------------------------------------------- bytes */

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

static void bytes_put(bytes *to, unsigned byte)
{
    if (to->len == sizeof to->data)
        fail_msg("a line of the test is too long");
    to->data[to->len++] = (unsigned char)byte;
}

static void uint32_store(unsigned char *at, size_t value)
{
    at[0] = (unsigned char)(value >> 24);
    at[1] = (unsigned char)(value >> 16);
    at[2] = (unsigned char)(value >> 8);
    at[3] = (unsigned char)value;
}

/* Closes the innermost brace: its length goes in front. */
static void bytes_close(bytes *to, const size_t *open, size_t *depth)
{
    size_t mark;

    if (*depth == 0)
        fail_msg("a brace too many in a line of the test");
    mark = open[--*depth];
    uint32_store(to->data + mark, to->len - mark - 4);
}

bytes bytes_of(const char *notation)
{
    bytes out = {.len = 0};
    size_t open[8], depth = 0;
    const char *at = notation;

    for (; *at && *at != '\n' && *at != '='; at++) {
        if (*at == ' ')
            continue;
        if (*at == '{' && depth < COUNT_OF(open)) {
            open[depth++] = out.len;
            for (int i = 0; i < 4; i++)
                bytes_put(&out, 0);
        } else if (*at == '}') {
            bytes_close(&out, open, &depth);
        } else if (*at == '\'') {
            while (*++at && *at != '\'')
                bytes_put(&out, (unsigned char)*at);
        } else {
            int high = hex_digit(at[0]), low = hex_digit(at[1]);

            if (high < 0 || low < 0)
                fail_msg("not the tests' notation: %s", at);
            bytes_put(&out, (unsigned)(high * 16 + low));
            at++;
        }
    }
    if (depth)
        fail_msg("a brace stays open: %s", notation);
    return out;
}

authplug_span span_of_bytes(const bytes *from)
{
    return authplug_span_make(from->data, from->len);
}

void note(notes *to, const char *format, ...)
{
    size_t room = sizeof to->at - to->len;
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(to->at + to->len, room, format, args);
    va_end(args);
    if (len < 0 || (size_t)len >= room)
        fail_msg("a log of the test is too long");
    to->len += (size_t)len;
}

void note_bytes(notes *to, authplug_span span)
{
    note(to, " '");
    for (size_t i = 0; i < span.len; i++)
        if (span.data[i] < ' ' || span.data[i] > '~')
            note(to, "<%02x>", span.data[i]);
        else
            note(to, "%c", span.data[i]);
    note(to, "'");
}

void note_hex(notes *to, authplug_span span)
{
    for (size_t i = 0; i < span.len; i++)
        note(to, "%02x", span.data[i]);
}

void assert_span(authplug_span span, const char *expected)
{
    size_t len = strlen(expected);

    if (span.len != len || (len && memcmp(span.data, expected, len) != 0)) {
        static notes shown;

        shown.len = 0;
        note_bytes(&shown, span);
        fail_msg("got%s, not '%s'", shown.at, expected);
    }
}

void assert_bytes(authplug_span span, const char *notation)
{
    bytes expected = bytes_of(notation);

    if (span.len != expected.len ||
        (span.len && memcmp(span.data, expected.data, span.len) != 0)) {
        static notes shown;

        shown.len = 0;
        note_hex(&shown, span);
        note(&shown, ", not ");
        note_hex(&shown, span_of_bytes(&expected));
        fail_msg("got %s", shown.at);
    }
}

void assert_status_at(authplug_status got, authplug_status expected,
                      const char *file, int line_number)
{
    if (got != expected) {
        print_error("%s, not %s\n", authplug_status_name(got),
                    authplug_status_name(expected));
        _fail(file, line_number);
    }
}

authplug_status status_named(const char *name, size_t len)
{
#define X(status, words)                                                       \
    if (strlen(#status) == len && memcmp(#status, name, len) == 0)             \
        return AUTHPLUG_##status;
    AUTHPLUG_STATUS_MAP(X)
#undef X
    fail_msg("no status is called %s", name);
    return AUTHPLUG_STATUS_COUNT;
}

/* ------------------------------------------------------------- messages */

/* The tests' own reader: what is left, and whether all went well. */
typedef struct cursor {
    const unsigned char *at;
    size_t left;
    bool good;
} cursor;

static const unsigned char *take(cursor *from, size_t len)
{
    const unsigned char *at = from->at;

    if (!from->good || from->left < len) {
        from->good = false;
        return NULL;
    }
    from->at += len;
    from->left -= len;
    return at;
}

static uint32_t take_number(cursor *from)
{
    const unsigned char *at = take(from, 4);

    if (!at)
        return 0;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
           (uint32_t)at[2] << 8 | at[3];
}

static authplug_span take_string(cursor *from)
{
    uint32_t len = take_number(from);
    const unsigned char *at = take(from, len);

    return authplug_span_make(at, at ? len : 0);
}

static void take_request(cursor *from, decoded *out)
{
    authplug_ki_request *request = &out->message.request;

    request->raw = authplug_span_make(from->at, from->left);
    request->name = take_string(from);
    request->instruction = take_string(from);
    request->language = take_string(from);
    request->count = take_number(from);
    request->prompts = out->prompts;
    if (request->count > MESSAGE_PROMPTS)
        from->good = false;
    for (uint32_t i = 0; from->good && i < request->count; i++) {
        const unsigned char *echo;

        out->prompts[i].text = take_string(from);
        echo = take(from, 1);
        out->prompts[i].echo = echo && *echo;
    }
}

static void take_response(cursor *from, decoded *out)
{
    authplug_ki_response *response = &out->message.response;

    response->raw = authplug_span_make(from->at, from->left);
    response->count = take_number(from);
    response->answers = out->answers;
    if (response->count > MESSAGE_PROMPTS)
        from->good = false;
    for (uint32_t i = 0; from->good && i < response->count; i++)
        out->answers[i] = take_string(from);
}

static void take_body(cursor *from, decoded *out)
{
    authplug_putty_message *message = &out->message;

    switch ((int)message->type) {
    case AUTHPLUG_PUTTY_INIT:
        message->version = take_number(from);
        message->hostname = take_string(from);
        message->port = take_number(from);
        message->username = take_string(from);
        break;
    case AUTHPLUG_PUTTY_INIT_RESPONSE:
        message->version = take_number(from);
        message->username = take_string(from);
        break;
    case AUTHPLUG_PUTTY_PROTOCOL:
        message->method = take_string(from);
        break;
    case AUTHPLUG_PUTTY_PROTOCOL_REJECT:
        if (from->left) /* draft 1 has none */
            message->text = take_string(from);
        break;
    case AUTHPLUG_PUTTY_INIT_FAILURE:
        message->text = take_string(from);
        break;
    case AUTHPLUG_PUTTY_KI_SERVER_REQUEST:
    case AUTHPLUG_PUTTY_KI_USER_REQUEST:
        take_request(from, out);
        break;
    case AUTHPLUG_PUTTY_KI_SERVER_RESPONSE:
    case AUTHPLUG_PUTTY_KI_USER_RESPONSE:
        take_response(from, out);
        break;
    default:
        break;
    }
}

bool decode(authplug_span span, decoded *out)
{
    cursor from = {span.data, span.len, true};
    uint32_t len = take_number(&from);
    const unsigned char *type = take(&from, 1);

    memset(&out->message, 0, sizeof out->message);
    if (!type || len != span.len - 4)
        return false;
    out->message.type = (authplug_putty_type)*type;
    take_body(&from, out);
    return from.good && from.left == 0;
}

static void note_request(notes *to, const authplug_ki_request *request)
{
    note_bytes(to, request->name);
    note_bytes(to, request->instruction);
    note_bytes(to, request->language);
    for (uint32_t i = 0; i < request->count; i++) {
        note(to, " %s", request->prompts[i].echo ? "shown" : "hidden");
        note_bytes(to, request->prompts[i].text);
    }
    note(to, " raw ");
    note_hex(to, request->raw);
}

static void note_response(notes *to, const authplug_ki_response *response)
{
    note(to, " %u", response->count);
    for (uint32_t i = 0; i < response->count; i++)
        note_bytes(to, response->answers[i]);
    note(to, " raw ");
    note_hex(to, response->raw);
}

void note_message(notes *to, const authplug_putty_message *message)
{
    note(to, "%d %s", message->type, authplug_putty_name(message->type));
    switch ((int)message->type) {
    case AUTHPLUG_PUTTY_INIT:
        note(to, " %u", message->version);
        note_bytes(to, message->hostname);
        note(to, " %u", message->port);
        note_bytes(to, message->username);
        break;
    case AUTHPLUG_PUTTY_INIT_RESPONSE:
        note(to, " %u", message->version);
        note_bytes(to, message->username);
        break;
    case AUTHPLUG_PUTTY_PROTOCOL:
        note_bytes(to, message->method);
        break;
    case AUTHPLUG_PUTTY_PROTOCOL_REJECT:
    case AUTHPLUG_PUTTY_INIT_FAILURE:
        note_bytes(to, message->text);
        break;
    case AUTHPLUG_PUTTY_KI_SERVER_REQUEST:
    case AUTHPLUG_PUTTY_KI_USER_REQUEST:
        note_request(to, &message->request);
        break;
    case AUTHPLUG_PUTTY_KI_SERVER_RESPONSE:
    case AUTHPLUG_PUTTY_KI_USER_RESPONSE:
        note_response(to, &message->response);
        break;
    default:
        break;
    }
    note(to, "\n");
}

/* ------------------------------------------------------------------ ends */

bool end_open(end *it, role which, const authplug_limits *limits)
{
    static const authplug_limits usual = AUTHPLUG_LIMITS_DEFAULT;

    memset(it, 0, sizeof *it);
    it->role = which;
    if (which == CLIENT)
        it->client = authplug_putty_client_new(limits);
    else
        it->plugin = authplug_putty_plugin_new(limits);
    if (it->client || it->plugin)
        it->reply = authplug_ki_reply_new(limits ? limits : &usual);
    if (!it->reply)
        end_close(it);
    return it->reply != NULL;
}

void end_close(end *it)
{
    authplug_putty_client_free(&it->client);
    authplug_putty_plugin_free(&it->plugin);
    authplug_ki_reply_free(&it->reply);
}

static authplug_status client_says(end *it, const authplug_putty_message *what)
{
    switch ((int)what->type) {
    case AUTHPLUG_PUTTY_INIT:
        return authplug_putty_client_init(it->client, what->hostname,
                                          what->port, what->username);
    case AUTHPLUG_PUTTY_PROTOCOL:
        return authplug_putty_client_protocol(it->client, what->method);
    case AUTHPLUG_PUTTY_KI_SERVER_REQUEST:
        return authplug_putty_client_server_request(
            it->client, what->request.raw, NULL);
    case AUTHPLUG_PUTTY_KI_USER_RESPONSE:
        return authplug_putty_client_user_response(it->client, it->reply);
    case AUTHPLUG_PUTTY_AUTH_SUCCESS:
        return authplug_putty_client_auth(it->client, true);
    case AUTHPLUG_PUTTY_AUTH_FAILURE:
        return authplug_putty_client_auth(it->client, false);
    default:
        fail_msg("a client cannot say message %d", what->type);
        return AUTHPLUG_USAGE;
    }
}

static authplug_status plugin_says(end *it, const authplug_putty_message *what)
{
    switch ((int)what->type) {
    case AUTHPLUG_PUTTY_INIT_RESPONSE:
        return authplug_putty_plugin_init_response(it->plugin, what->username);
    case AUTHPLUG_PUTTY_INIT_FAILURE:
        return authplug_putty_plugin_init_failure(it->plugin, what->text);
    case AUTHPLUG_PUTTY_PROTOCOL_ACCEPT:
        return authplug_putty_plugin_protocol_accept(it->plugin);
    case AUTHPLUG_PUTTY_PROTOCOL_REJECT:
        return authplug_putty_plugin_protocol_reject(it->plugin, what->text);
    case AUTHPLUG_PUTTY_KI_USER_REQUEST:
        return authplug_putty_plugin_user_request(it->plugin, &what->request);
    case AUTHPLUG_PUTTY_KI_SERVER_RESPONSE:
        return authplug_putty_plugin_server_response(it->plugin, it->reply);
    default:
        fail_msg("a plugin cannot say message %d", what->type);
        return AUTHPLUG_USAGE;
    }
}

authplug_status end_say(end *it, authplug_span message)
{
    static decoded what;
    const authplug_ki_response *response = &what.message.response;

    if (!decode(message, &what))
        fail_msg("the test says a malformed message");
    authplug_ki_reply_clear(it->reply);
    for (uint32_t i = 0; i < response->count; i++) {
        authplug_status status =
            authplug_ki_reply_add(it->reply, response->answers[i]);

        if (status != AUTHPLUG_OK)
            return status;
    }
    if (it->role == CLIENT)
        return client_says(it, &what.message);
    return plugin_says(it, &what.message);
}

authplug_status end_feed(end *it, const void *data, size_t len)
{
    if (it->client)
        return authplug_putty_client_feed(it->client, data, len);
    return authplug_putty_plugin_feed(it->plugin, data, len);
}

authplug_status end_next(end *it, authplug_putty_message *message)
{
    if (it->client)
        return authplug_putty_client_next(it->client, message);
    return authplug_putty_plugin_next(it->plugin, message);
}

void end_eof(end *it)
{
    if (it->client)
        authplug_putty_client_eof(it->client);
    else
        authplug_putty_plugin_eof(it->plugin);
}

authplug_span end_output(const end *it)
{
    if (it->client)
        return authplug_putty_client_output(it->client);
    return authplug_putty_plugin_output(it->plugin);
}

void end_consume(end *it, size_t len)
{
    if (it->client)
        authplug_putty_client_output_consume(it->client, len);
    else
        authplug_putty_plugin_output_consume(it->plugin, len);
}

unsigned end_wants(const end *it)
{
    if (it->client)
        return authplug_putty_client_wants(it->client);
    return authplug_putty_plugin_wants(it->plugin);
}

authplug_fault end_fault(const end *it)
{
    if (it->client)
        return authplug_putty_client_fault(it->client);
    return authplug_putty_plugin_fault(it->plugin);
}

const char *end_expected(const end *it)
{
    if (it->client)
        return authplug_putty_client_expected(it->client);
    return authplug_putty_plugin_expected(it->plugin);
}

/* ----------------------------------------------------------- transcripts */

/* Reads "= STATUS [NAME OFFSET]" from its equals sign on. */
static void line_read_end(const char *at, line *out)
{
    size_t len = strcspn(at += strspn(at, "= "), " \n");

    out->ends = true;
    out->status = status_named(at, len);
    at += len;
    at += strspn(at, " ");
    len = strcspn(at, " \n");
    if (len >= sizeof out->name)
        fail_msg("too long a name: %s", at);
    memcpy(out->name, at, len);
    out->name[len] = '\0';
    at += len;
    out->offset = *at == ' ' ? strtol(at, NULL, 10) : -1;
}

const char *line_read(const char *script, line *out)
{
    const char *stop = strchr(script, '\n');
    const char *equals = strchr(script, '=');

    memset(out, 0, sizeof *out);
    if (!*script)
        return NULL;
    if (!stop)
        fail_msg("a line without end: %s", script);
    out->who = script[0];
    out->rest = script + strcspn(script, " \n");
    if (out->who == 'C' || out->who == 'P') {
        out->eof = strncmp(out->rest, " eof", 4) == 0;
        if (!out->eof)
            out->said = bytes_of(out->rest);
        if (equals && equals < stop)
            line_read_end(equals, out);
    } else if (!strchr("wo#", out->who)) {
        fail_msg("not a line of a transcript: %s", script);
    }
    return stop + 1;
}

static void play_own(end *it, const line *now)
{
    bytes queued = {.len = 0};
    authplug_status status;
    authplug_span output;

    if (now->eof)
        return;
    status = end_say(it, span_of_bytes(&now->said));
    assert_status_at(status, now->ends ? now->status : AUTHPLUG_OK, __FILE__,
                     __LINE__);
    output = end_output(it);
    if (!now->ends)
        queued = now->said;
    if (output.len != queued.len ||
        (output.len && memcmp(output.data, queued.data, output.len) != 0)) {
        static notes shown;

        shown.len = 0;
        note_hex(&shown, output);
        fail_msg("queued %s", shown.at);
    }
    end_consume(it, output.len);
}

/* The fault stays, whatever is tried. */
static void check_sticky(end *it, authplug_status status)
{
    authplug_putty_message ignored;
    authplug_fault fault = end_fault(it);

    assert_status_at(fault.status, status, __FILE__, __LINE__);
    assert_status_at(end_next(it, &ignored), status, __FILE__, __LINE__);
    assert_status_at(end_feed(it, "", 1), status, __FILE__, __LINE__);
    assert_status_at(end_next(it, &ignored), status, __FILE__, __LINE__);
    assert_status_at(end_fault(it).status, status, __FILE__, __LINE__);
    assert_string_equal(end_fault(it).message, fault.message);
    assert_int_equal(end_fault(it).offset, fault.offset);
    assert_string_equal(end_fault(it).text, fault.text);
    assert_true(strlen(fault.text) < AUTHPLUG_TEXT_MAX);
    assert_int_equal(end_wants(it) & AUTHPLUG_WANTS_REPLY, 0);
    assert_int_equal(end_wants(it) & AUTHPLUG_WANTS_INPUT, 0);
}

static void check_fault(end *it, const line *now)
{
    authplug_fault fault = end_fault(it);

    if (now->offset >= 0) {
        const char *name = strcmp(now->name, "-") == 0 ? "" : now->name;

        assert_string_equal(fault.message, name);
        assert_int_equal(fault.offset, now->offset);
    }
    check_sticky(it, now->status);
}

/* What the peer said leads to a status instead of an event. */
static void play_end(end *it, const line *now)
{
    authplug_putty_message message;
    authplug_status status = AUTHPLUG_OK;
    int bound = 8;

    if (now->eof)
        end_eof(it);
    else
        status = end_feed(it, now->said.data, now->said.len);
    while (status == AUTHPLUG_OK && bound-- > 0)
        status = end_next(it, &message);
    assert_status_at(status, now->status, __FILE__, __LINE__);
    if (status != AUTHPLUG_NEED_MORE)
        check_fault(it, now);
    else
        assert_status(end_fault(it).status, OK);
}

static void play_eof(end *it)
{
    authplug_putty_message message;

    end_eof(it);
    for (int i = 0; i < 3; i++) {
        message.type = AUTHPLUG_PUTTY_INIT;
        assert_status(end_next(it, &message), OK);
        assert_int_equal(message.type, AUTHPLUG_PUTTY_EOF);
    }
    assert_int_equal(end_wants(it) & AUTHPLUG_WANTS_INPUT, 0);
    assert_status(end_fault(it).status, OK);
}

static void play_peer(end *it, const line *now, const bytes *whole)
{
    static notes got, expected;
    static decoded what;
    authplug_putty_message message;

    if (now->eof) {
        play_eof(it);
        return;
    }
    got.len = expected.len = 0;
    if (!decode(span_of_bytes(whole), &what))
        fail_msg("a peer's line is malformed and names no status");
    note_message(&expected, &what.message);
    assert_status(end_feed(it, now->said.data, now->said.len), OK);
    assert_status(end_next(it, &message), OK);
    note_message(&got, &message);
    assert_string_equal(got.at, expected.at);
    assert_status(end_next(it, &message), NEED_MORE);
    assert_status(end_fault(it).status, OK);
}

static void play_wants(const end *it, const char *words, size_t len)
{
    static const struct {
        const char *word;
        unsigned bit;
    } known[] = {{"input", AUTHPLUG_WANTS_INPUT},
                 {"output", AUTHPLUG_WANTS_OUTPUT},
                 {"reply", AUTHPLUG_WANTS_REPLY}};

    for (size_t i = 0; i < COUNT_OF(known); i++) {
        const char *at = strstr(words, known[i].word);
        bool expected = at && at < words + len;

        if (expected != !!(end_wants(it) & known[i].bit))
            fail_msg("it %s %s", expected ? "does not want" : "wants",
                     known[i].word);
    }
}

static void play_owes(const end *it, const char *words, size_t len)
{
    const char *owed = end_expected(it);
    char name[64];

    words += strspn(words, " ");
    len = strcspn(words, "\n");
    assert_true(len < sizeof name);
    memcpy(name, words, len);
    name[len] = '\0';
    if (strcmp(name, "nothing") == 0)
        assert_string_equal(owed, "");
    else if (!strstr(owed, name))
        fail_msg("owed is \"%s\"", owed);
}

static void play_line(end *it, const line *now, bytes *kept)
{
    size_t len = strcspn(now->rest, "\n");

    if (now->who == '#')
        return;
    if (now->who == 'w') {
        play_wants(it, now->rest, len);
    } else if (now->who == 'o') {
        play_owes(it, now->rest, len);
    } else if ((role)now->who == it->role) {
        play_own(it, now);
    } else {
        for (size_t i = 0; i < now->said.len; i++)
            bytes_put(kept, now->said.data[i]);
        if (now->ends)
            play_end(it, now);
        else
            play_peer(it, now, kept);
        if (!now->ends)
            kept->len = 0;
    }
}

void play_on(end *it, const char *script)
{
    bool show = getenv("AUTHPLUG_TEST_SHOW") != NULL;
    bytes kept = {.len = 0};
    const char *next;
    line now;

    while ((next = line_read(script, &now)) != NULL) {
        if (show)
            print_message("# %.*s", (int)(next - script), script);
        play_line(it, &now, &kept);
        script = next;
    }
}

void play_with(role which, const authplug_limits *limits, const char *script)
{
    size_t live = alloc_live();
    end it;

    assert_true(end_open(&it, which, limits));
    play_on(&it, script);
    end_close(&it);
    assert_int_equal(alloc_live(), live);
}

void play(role which, const char *script)
{
    play_with(which, NULL, script);
}

/* ------------------------------------------------------------- allocator */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *block);

/* More than this is never given, as on a machine that has no more. */
#define ALLOC_MOST ((size_t)1 << 30)

static struct {
    void *at;
    size_t size;
    bool filled; /* from the start, so that it may be looked at */
} blocks[4096];
static size_t block_count;
static size_t asked, fail_first, fail_last;
static const char *needle;
static size_t spilled;

void alloc_reset(void)
{
    asked = 0;
    fail_first = 1;
    fail_last = 0;
}

void alloc_fail_at(size_t n)
{
    asked = 0;
    fail_first = fail_last = n;
}

void alloc_fail_from(size_t n)
{
    asked = 0;
    fail_first = n;
    fail_last = SIZE_MAX;
}

size_t alloc_count(void)
{
    return asked;
}

size_t alloc_live(void)
{
    return block_count;
}

static bool refused(size_t size)
{
    asked++;
    return size > ALLOC_MOST || (asked >= fail_first && asked <= fail_last);
}

static void *block_know(void *at, size_t size, bool filled)
{
    if (!at)
        return NULL;
    if (block_count == COUNT_OF(blocks))
        abort();
    blocks[block_count].at = at;
    blocks[block_count].size = size;
    blocks[block_count++].filled = filled;
    return at;
}

static size_t block_find(const void *at)
{
    size_t i = block_count;

    while (i > 0 && blocks[i - 1].at != at)
        i--;
    return i;
}

static bool block_holds(size_t i)
{
    const char *at = blocks[i].at;
    size_t size = blocks[i].filled ? blocks[i].size : 0;

    for (const char *part = needle; part && strlen(part) >= 4; part++)
        for (size_t pos = 0; pos + 4 <= size; pos++)
            if (memcmp(at + pos, part, 4) == 0)
                return true;
    return false;
}

static void block_forget(const void *at)
{
    size_t i = block_find(at);

    if (i == 0)
        return;
    if (needle && block_holds(i - 1))
        spilled++;
    blocks[i - 1] = blocks[--block_count];
}

void *__wrap_malloc(size_t size)
{
    void *at = refused(size) ? NULL : __real_malloc(size);

    if (at && needle)
        memset(at, 0xa5, size);
    return block_know(at, size, needle != NULL);
}

void *__wrap_calloc(size_t count, size_t size)
{
    bool huge = size && count > ALLOC_MOST / size;

    if (refused(huge ? SIZE_MAX : count * size))
        return NULL;
    return block_know(__real_calloc(count, size), count * size, true);
}

void *__wrap_realloc(void *old, size_t size)
{
    if (!old)
        return __wrap_malloc(size);
    if (refused(size))
        return NULL;
    block_forget(old);
    return block_know(__real_realloc(old, size), size, false);
}

void __wrap_free(void *block)
{
    if (block)
        block_forget(block);
    __real_free(block);
}

void spy_on(const char *what)
{
    needle = what;
    spilled = 0;
}

size_t spy_spilled(void)
{
    return spilled;
}

bool spy_sees(void)
{
    for (size_t i = 0; i < block_count; i++)
        if (block_holds(i))
            return true;
    return false;
}

/* ------------------------------------------------------------ guard page */

unsigned char *guarded(const void *data, size_t len)
{
    static unsigned char *area;
    static size_t room;
    unsigned char *at;

    if (!area) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE);

        room = 64 * page;
        area = mmap(NULL, room + page, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (area == MAP_FAILED || mprotect(area + room, page, PROT_NONE) != 0)
            abort();
    }
    if (len > room)
        abort();
    at = area + room - len;
    if (len)
        memcpy(at, data, len);
    return at;
}

/* ---------------------------------------------------------------- random */

uint32_t random_next(uint32_t *seed)
{
    uint32_t x = *seed ? *seed : 1;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *seed = x;
}

size_t random_from(uint32_t *seed, size_t low, size_t high)
{
    return low + random_next(seed) % (high - low + 1);
}

size_t sweep_stride(void)
{
    const char *set = getenv("AUTHPLUG_TEST_STRIDE");
    unsigned long stride = set ? strtoul(set, NULL, 10) : 1;

    return stride ? stride : 1;
}
