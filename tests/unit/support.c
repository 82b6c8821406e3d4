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

/* ------------------------------------------------- engines that speak lines */

/* The most items of a list that a test says through a call. */
#define SPOKEN_ITEMS 300

bool speaker_open(speaker *it, char who, authplug_tectia_kind kind,
                  const authplug_limits *limits)
{
    memset(it, 0, sizeof *it);
    it->who = who;
    it->kind = kind;
    if (who == 'S')
        it->server = authplug_tectia_server_new(kind, limits);
    else
        it->plugin = authplug_tectia_plugin_new(kind, limits);
    return it->server || it->plugin;
}

void speaker_close(speaker *it)
{
    authplug_tectia_server_free(&it->server);
    authplug_tectia_plugin_free(&it->plugin);
}

/* A line without its line feed; false at the end. */
static bool cut_line(authplug_span *from, authplug_span *out)
{
    const unsigned char *stop;

    if (from->len == 0)
        return false;
    stop = memchr(from->data, '\n', from->len);
    out->data = from->data;
    out->len = stop ? (size_t)(stop - from->data) : from->len;
    from->data += out->len + (stop ? 1 : 0);
    from->len -= out->len + (stop ? 1 : 0);
    return true;
}

/* Whether there is a colon; the value is what follows the first. */
static bool cut_pair(authplug_span whole, authplug_span *key,
                     authplug_span *value)
{
    const unsigned char *colon =
        whole.len ? memchr(whole.data, ':', whole.len) : NULL;

    *key = whole;
    *value = authplug_span_make(NULL, 0);
    if (!colon)
        return false;
    key->len = (size_t)(colon - whole.data);
    *value = authplug_span_make(colon + 1, whole.len - key->len - 1);
    return true;
}

static bool is_word(authplug_span span, const char *word)
{
    for (size_t i = 0; i < span.len; i++) {
        unsigned char c = span.data[i];

        if (c >= 'A' && c <= 'Z')
            c = (unsigned char)(c - 'A' + 'a');
        if (c != (unsigned char)word[i])
            return false;
    }
    return word[span.len] == '\0';
}

static authplug_status server_says(speaker *it, authplug_span lines)
{
    static authplug_tectia_pair pairs[SPOKEN_ITEMS];
    static authplug_span values[SPOKEN_ITEMS];
    authplug_span one, key, value;
    uint32_t count = 0;

    while (cut_line(&lines, &one)) {
        if (!cut_pair(one, &key, &value)) {
            if (is_word(one, "end_of_params"))
                return authplug_tectia_server_params(it->server, pairs, count);
            return authplug_tectia_server_replies(it->server, values, count);
        }
        assert_true(count < SPOKEN_ITEMS);
        pairs[count].key = key;
        pairs[count].value = value;
        values[count++] = value;
    }
    fail_msg("a list of the server's has no end");
    return AUTHPLUG_OK;
}

static authplug_status plugin_asks(speaker *it, authplug_span lines)
{
    static authplug_ki_prompt prompts[SPOKEN_ITEMS];
    authplug_span one, key, value, instruction = {NULL, 0};
    uint32_t count = 0;

    while (cut_line(&lines, &one)) {
        if (!cut_pair(one, &key, &value))
            return authplug_tectia_plugin_request(it->plugin, instruction,
                                                  prompts, count);
        assert_true(count < SPOKEN_ITEMS);
        if (is_word(key, "instruction")) {
            instruction = value;
            continue;
        }
        prompts[count].text = value;
        prompts[count++].echo = is_word(key, "req_echo");
    }
    fail_msg("a list of the plugin's has no end");
    return AUTHPLUG_OK;
}

static authplug_status plugin_speaks(speaker *it, authplug_span lines)
{
    authplug_span one, key, value, msg = {NULL, 0}, log = {NULL, 0};
    authplug_tectia_code code = AUTHPLUG_TECTIA_CODE_NONE;
    authplug_span left = lines;
    bool failed = false;

    while (cut_line(&left, &one)) {
        if (!cut_pair(one, &key, &value)) {
            if (is_word(one, "success"))
                return authplug_tectia_plugin_success(it->plugin);
            failed |= is_word(one, "failure");
        } else if (is_word(key, "error_msg")) {
            msg = value;
        } else if (is_word(key, "error_log")) {
            log = value;
        } else if (is_word(key, "error_code")) {
            code = is_word(value, "generic_error")
                       ? AUTHPLUG_TECTIA_CODE_GENERIC
                       : AUTHPLUG_TECTIA_CODE_PASSWORD_TOO_OLD;
        }
    }
    if (failed)
        return authplug_tectia_plugin_failure(it->plugin, code, msg, log);
    return plugin_asks(it, lines);
}

authplug_status speaker_say(speaker *it, authplug_span lines)
{
    return it->server ? server_says(it, lines) : plugin_speaks(it, lines);
}

authplug_status speaker_feed(speaker *it, const void *data, size_t len)
{
    if (it->server)
        return authplug_tectia_server_feed(it->server, data, len);
    return authplug_tectia_plugin_feed(it->plugin, data, len);
}

authplug_status speaker_next(speaker *it, authplug_tectia_event *event)
{
    if (it->server)
        return authplug_tectia_server_next(it->server, event);
    return authplug_tectia_plugin_next(it->plugin, event);
}

void speaker_eof(speaker *it)
{
    if (it->server)
        authplug_tectia_server_eof(it->server);
    else
        authplug_tectia_plugin_eof(it->plugin);
}

authplug_span speaker_output(const speaker *it)
{
    if (it->server)
        return authplug_tectia_server_output(it->server);
    return authplug_tectia_plugin_output(it->plugin);
}

void speaker_consume(speaker *it, size_t len)
{
    if (it->server)
        authplug_tectia_server_output_consume(it->server, len);
    else
        authplug_tectia_plugin_output_consume(it->plugin, len);
}

unsigned speaker_wants(const speaker *it)
{
    if (it->server)
        return authplug_tectia_server_wants(it->server);
    return authplug_tectia_plugin_wants(it->plugin);
}

authplug_fault speaker_fault(const speaker *it)
{
    if (it->server)
        return authplug_tectia_server_fault(it->server);
    return authplug_tectia_plugin_fault(it->plugin);
}

/* ------------------------------------------------------ events of lines */

static void note_verdict(notes *to, const authplug_tectia_event *event)
{
    note(to, "VERDICT %s", event->success ? "success" : "failure");
    if (event->code == AUTHPLUG_TECTIA_CODE_GENERIC)
        note(to, " generic_error");
    if (event->code == AUTHPLUG_TECTIA_CODE_PASSWORD_TOO_OLD)
        note(to, " password_too_old");
    if (event->error_msg.len) {
        note(to, " msg");
        note_bytes(to, event->error_msg);
    }
    if (event->error_log.len) {
        note(to, " log");
        note_bytes(to, event->error_log);
    }
}

void note_event(notes *to, const authplug_tectia_event *event)
{
    switch (event->type) {
    case AUTHPLUG_TECTIA_EOF:
        note(to, "EOF");
        break;
    case AUTHPLUG_TECTIA_PARAMS:
        note(to, "PARAMS");
        for (uint32_t i = 0; i < event->count; i++) {
            authplug_span key = event->pairs[i].key;

            note(to, " %.*s", (int)key.len, (const char *)key.data);
            note_bytes(to, event->pairs[i].value);
        }
        break;
    case AUTHPLUG_TECTIA_REQUESTS:
        note(to, "REQUESTS");
        note_bytes(to, event->instruction);
        for (uint32_t i = 0; i < event->count; i++) {
            note(to, "%s", event->prompts[i].echo ? " echo" : "");
            note_bytes(to, event->prompts[i].text);
        }
        break;
    case AUTHPLUG_TECTIA_REPLIES:
        note(to, "REPLIES");
        for (uint32_t i = 0; i < event->count; i++)
            note_bytes(to, event->replies[i]);
        break;
    case AUTHPLUG_TECTIA_CLOSE:
        note(to, "CLOSE");
        break;
    case AUTHPLUG_TECTIA_VERDICT:
        note_verdict(to, event);
        break;
    default:
        fail_msg("there is no event %d", (int)event->type);
    }
    note(to, "\n");
}

/* Appends words and a value, quoted as note_bytes() does. */
static void hear(bytes *to, const char *words, authplug_span value)
{
    static notes shown;

    shown.len = 0;
    note(&shown, "%s", words);
    note_bytes(&shown, value);
    for (size_t i = 0; i < shown.len; i++)
        bytes_put(to, (unsigned char)shown.at[i]);
}

/* A list is over: tells it, and forgets it. */
static void note_list(notes *to, speaker *it, const char *name)
{
    note(to, "%s%.*s%.*s\n", name, (int)it->instruction.len,
         (const char *)it->instruction.data, (int)it->items.len,
         (const char *)it->items.data);
    it->instruction.len = it->items.len = 0;
}

static void hear_server(notes *to, speaker *it, authplug_span one)
{
    authplug_span key, value;
    char words[80];

    if (!cut_pair(one, &key, &value)) {
        if (is_word(one, "end_of_params"))
            note_list(to, it, "PARAMS");
        if (is_word(one, "end_of_replies"))
            note_list(to, it, "REPLIES");
    } else if (is_word(key, "reply")) {
        hear(&it->items, "", value);
    } else {
        assert_true(key.len + 2 < sizeof words);
        words[0] = ' ';
        memcpy(words + 1, key.data, key.len);
        words[key.len + 1] = '\0';
        hear(&it->items, words, value);
    }
}

static void hear_word(notes *to, speaker *it, authplug_span one)
{
    bool requests = it->kind == AUTHPLUG_TECTIA_KBDINT;

    if (requests && is_word(one, "end_of_requests")) {
        if (it->instruction.len == 0)
            hear(&it->instruction, "", authplug_span_make("", 0));
        note_list(to, it, "REQUESTS");
    } else if (is_word(one, "success") || is_word(one, "failure")) {
        it->verdict.len = 0;
        for (size_t i = 0; i < one.len; i++)
            bytes_put(&it->verdict, one.data[i] | 0x20u);
        note(to, "CLOSE\n");
    }
}

static void hear_plugin(notes *to, speaker *it, authplug_span one)
{
    authplug_span key, value;

    if (!cut_pair(one, &key, &value)) {
        hear_word(to, it, one);
    } else if (is_word(key, "instruction")) {
        it->instruction.len = 0;
        hear(&it->instruction, "", value);
    } else if (is_word(key, "req")) {
        hear(&it->items, "", value);
    } else if (is_word(key, "req_echo")) {
        hear(&it->items, " echo", value);
    } else if (is_word(key, "error_msg")) {
        hear(&it->texts, " msg", value);
    } else if (is_word(key, "error_log")) {
        hear(&it->texts, " log", value);
    } else if (is_word(key, "error_code")) {
        bytes_put(&it->texts, ' ');
        for (size_t i = 0; i < value.len; i++)
            bytes_put(&it->texts, value.data[i]);
    }
}

void note_heard(notes *to, speaker *it, authplug_span lines)
{
    authplug_span one;

    while (cut_line(&lines, &one))
        if (it->server)
            hear_plugin(to, it, one);
        else
            hear_server(to, it, one);
}

void note_heard_eof(notes *to, const speaker *it)
{
    if (it->plugin)
        note(to, "EOF\n");
    else
        note(to, "VERDICT %.*s%.*s\n", (int)it->verdict.len,
             (const char *)it->verdict.data, (int)it->texts.len,
             (const char *)it->texts.data);
}

/* ---------------------------------------------------- transcripts of lines */

static void spoken_text(const char *at, const char *stop, bytes *out)
{
    static const char letters[] = "rn0\\", meant[] = "\r\n\0\\";

    for (; at < stop; at++) {
        const char *letter;

        if (*at != '\\') {
            bytes_put(out, (unsigned char)*at);
            continue;
        }
        letter = at[1] ? strchr(letters, *++at) : NULL;
        if (!letter)
            fail_msg("no such escape: %s", at);
        else
            bytes_put(out, (unsigned char)meant[letter - letters]);
    }
}

const char *spoken_read(const char *script, spoken *out)
{
    const char *stop = strchr(script, '\n');

    memset(out, 0, sizeof *out);
    if (!*script)
        return NULL;
    if (!stop)
        fail_msg("a line without end: %s", script);
    out->who = script[0];
    out->rest = script + strcspn(script, " \n");
    out->rest += *out->rest == ' ';
    out->len = (size_t)(stop - out->rest);
    if (strchr("SPsp", out->who)) {
        out->eof = out->len == 3 && memcmp(out->rest, "eof", 3) == 0;
        if (!out->eof)
            spoken_text(out->rest, stop, &out->said);
        if (!out->eof && strchr("SP", out->who))
            bytes_put(&out->said, '\n');
        out->who &= ~0x20;
    } else if (!strchr("=w#", out->who)) {
        fail_msg("not a line of a transcript: %s", script);
    }
    return stop + 1;
}

/* A turn on the way: the lines of one end, and whether it closes then. */
typedef struct turn {
    speaker *it;
    char who; /* 0 once it was said or heard */
    bool eof;
    bytes said;
    bool ours;              /* whose the last one was */
    authplug_status status; /* what it led to, or OK */
} turn;

/* The turn is over: it is said, or fed. */
static void turn_take(turn *now)
{
    now->status = AUTHPLUG_OK;
    now->ours = now->who == now->it->who;
    now->who = 0;
    if (now->ours && now->said.len)
        now->status = speaker_say(now->it, span_of_bytes(&now->said));
    if (!now->ours && now->said.len)
        now->status =
            speaker_feed(now->it, now->said.data, now->said.len);
    if (!now->ours && now->eof)
        speaker_eof(now->it);
}

static void turn_queued(turn *now, const bytes *expected)
{
    authplug_span output = speaker_output(now->it);

    if (output.len != expected->len ||
        (output.len && memcmp(output.data, expected->data, output.len) != 0)) {
        static notes shown;

        shown.len = 0;
        note_bytes(&shown, output);
        fail_msg("queued%s", shown.at);
    }
    speaker_consume(now->it, output.len);
}

/* The turn is over, and nothing else is said about it. */
static void turn_end(turn *now)
{
    static notes got, expected;
    authplug_tectia_event event;
    authplug_status status = AUTHPLUG_OK;

    if (!now->who)
        return;
    turn_take(now);
    assert_status(now->status, OK);
    if (now->ours) {
        turn_queued(now, &now->said);
        return;
    }
    got.len = expected.len = 0;
    got.at[0] = expected.at[0] = '\0';
    note_heard(&expected, now->it, span_of_bytes(&now->said));
    if (now->eof)
        note_heard_eof(&expected, now->it);
    while (got.len < expected.len && status == AUTHPLUG_OK) {
        status = speaker_next(now->it, &event);
        if (status == AUTHPLUG_OK)
            note_event(&got, &event);
    }
    assert_string_equal(got.at, expected.at);
    if (!now->eof)
        assert_status(speaker_next(now->it, &event), NEED_MORE);
    assert_status(speaker_fault(now->it).status, OK);
}

/* The fault stays, whatever is tried. */
static void lines_sticky(speaker *it, authplug_status status)
{
    authplug_fault fault = speaker_fault(it);
    authplug_tectia_event ignored;
    notes before = {.len = 0};

    assert_int_equal(status, fault.status);
    note(&before, "%s %u %s", fault.message, (unsigned)fault.offset,
         fault.text);
    for (int i = 0; i < 2; i++) {
        static notes after;

        assert_int_equal(speaker_next(it, &ignored), status);
        assert_int_equal(speaker_feed(it, "success\n", 8), status);
        speaker_eof(it);
        assert_int_equal(speaker_next(it, &ignored), status);
        fault = speaker_fault(it);
        after.len = 0;
        note(&after, "%s %u %s", fault.message, (unsigned)fault.offset,
             fault.text);
        assert_string_equal(after.at, before.at);
    }
    assert_true(strlen(fault.text) < AUTHPLUG_TEXT_MAX);
    assert_int_equal(speaker_wants(it) & AUTHPLUG_WANTS_REPLY, 0);
    assert_int_equal(speaker_wants(it) & AUTHPLUG_WANTS_INPUT, 0);
}

/* "TURN", or "TURN requests 1" where the script says as much. */
static void note_fault(notes *to, const speaker *it, authplug_status status,
                       const spoken *now)
{
    authplug_fault fault = speaker_fault(it);

    note(to, "%s", authplug_status_name(status));
    if (memchr(now->rest, ' ', now->len))
        note(to, " %s %u", fault.message, (unsigned)fault.offset);
    note(to, "\n");
}

/* "= ..." after a turn. */
static void turn_leads_to(turn *now, const spoken *expected)
{
    static const bytes nothing = {.len = 0};
    static notes got, wanted;
    authplug_tectia_event event;

    if (now->who)
        turn_take(now);
    got.len = wanted.len = 0;
    if (!now->ours && now->status == AUTHPLUG_OK) {
        now->status = speaker_next(now->it, &event);
        if (now->status == AUTHPLUG_OK)
            note_event(&got, &event);
    }
    note(&wanted, "%.*s\n", (int)expected->len, expected->rest);
    if (got.len == 0)
        note_fault(&got, now->it, now->status, expected);
    assert_string_equal(got.at, wanted.at);
    if (now->ours)
        turn_queued(now, &nothing);
    else if (now->status == AUTHPLUG_NEED_MORE)
        assert_status(speaker_fault(now->it).status, OK);
    else if (now->status != AUTHPLUG_OK)
        lines_sticky(now->it, now->status);
    if (now->status == AUTHPLUG_NEED_MORE)
        now->status = AUTHPLUG_OK;
}

static void lines_wants(const speaker *it, const spoken *now)
{
    static const char *const words[] = {"input", "output", "reply"};

    for (unsigned i = 0; i < COUNT_OF(words); i++) {
        const char *at = strstr(now->rest, words[i]);
        bool expected = at && at < now->rest + now->len;

        if (expected != !!(speaker_wants(it) & 1u << i))
            fail_msg("it %s %s", expected ? "does not want" : "wants",
                     words[i]);
    }
}

void hold_on(speaker *it, const char *script)
{
    bool show = getenv("AUTHPLUG_TEST_SHOW") != NULL;
    turn now = {.it = it};
    const char *next;
    spoken one;

    while ((next = spoken_read(script, &one)) != NULL) {
        if (show)
            print_message("# %.*s", (int)(next - script), script);
        script = next;
        if (one.who == '=') {
            turn_leads_to(&now, &one);
            continue;
        }
        if (one.who != now.who)
            turn_end(&now);
        if (one.who == 'w')
            lines_wants(it, &one);
        if (one.who != 'S' && one.who != 'P')
            continue;
        if (!now.who) {
            now.said.len = 0;
            now.eof = false;
        }
        now.who = one.who;
        now.eof |= one.eof;
        for (size_t i = 0; i < one.said.len; i++)
            bytes_put(&now.said, one.said.data[i]);
    }
    turn_end(&now);
}

void hold_with(char who, authplug_tectia_kind kind,
               const authplug_limits *limits, const char *script)
{
    size_t live = alloc_live();
    speaker it;

    assert_true(speaker_open(&it, who, kind, limits));
    hold_on(&it, script);
    speaker_close(&it);
    assert_int_equal(alloc_live(), live);
}

void hold(char who, authplug_tectia_kind kind, const char *script)
{
    hold_with(who, kind, NULL, script);
}

const dialogue dialogues[] = {
    {"the source's: personal information", AUTHPLUG_TECTIA_KBDINT,
     "S user_name:rebecca\n"
     "S host_ip:192.0.2.1\n"
     "S host_name:server.example.com\n"
     "S remote_user_name:rebecca\n"
     "S remote_host_ip:192.0.2.7\n"
     "S remote_host_name:client.example.com\n"
     "S end_of_params\n"
     "P instruction:Please provide some personal information.\n"
     "P req:Favorite color: \n"
     "P req:Pet's name: \n"
     "P req_echo:Do you like chocolate? \n"
     "P end_of_requests\n"
     "S reply:green\n"
     "S reply:Elvis\n"
     "S reply:maybe\n"
     "S end_of_replies\n"
     "P instruction:Please answer \"yes\" or \"no\".\n"
     "P req_echo:Do you like chocolate? \n"
     "P end_of_requests\n"
     "S reply:yes\n"
     "S end_of_replies\n"
     "P instruction:Tell us more about how you like chocolate!\n"
     "P req:Light or dark? \n"
     "P req:With nuts? \n"
     "P end_of_requests\n"
     "S reply:dark\n"
     "S reply:no\n"
     "S end_of_replies\n"
     "P success\n" BOTH_EOF},
    {"a wrong answer", AUTHPLUG_TECTIA_KBDINT,
     S_PARAMS P_PIN S_PIN "P failure\n" BOTH_EOF},
    {"success without a question", AUTHPLUG_TECTIA_KBDINT,
     S_PARAMS "P success\n" BOTH_EOF},
    {"failure without a question", AUTHPLUG_TECTIA_KBDINT,
     S_PARAMS "P failure\n" BOTH_EOF},
    {"no parameters at all", AUTHPLUG_TECTIA_KBDINT,
     "S end_of_params\n" P_PIN S_PIN "P success\n" BOTH_EOF},
    {"a round without prompts", AUTHPLUG_TECTIA_KBDINT,
     S_PARAMS P_PIN S_PIN
     "P end_of_requests\n"
     "S end_of_replies\n"
     "P instruction:Approve it on your phone.\n"
     "P end_of_requests\n"
     "S end_of_replies\n"
     "P success\n" BOTH_EOF},
    {"values that look like more than they are", AUTHPLUG_TECTIA_KBDINT,
     "S user_name:end_of_params\n"
     "S host_name: a : b \n"
     "S remote_user_name:\n"
     "S remote_host_ip:2001:db8::7\n"
     "S end_of_params\n"
     "P instruction:req:x\n"
     "P req:\n"
     "P req_echo:success\n"
     "P req:end_of_requests\n"
     "P end_of_requests\n"
     "S reply:end_of_replies\n"
     "S reply:\n"
     "S reply: reply:\t\303\266 \n"
     "S end_of_replies\n"
     "P failure\n" BOTH_EOF},
    {"the source's: a password is changed", AUTHPLUG_TECTIA_PASSWD,
     S_PASSWORDS "P success\n" BOTH_EOF},
    {"a new password that is refused", AUTHPLUG_TECTIA_PASSWD,
     S_PASSWORDS
     "P error_msg:BAD PASSWORD: it's WAY too short\n"
     "P failure\n" BOTH_EOF},
    {"a change that failed for the log", AUTHPLUG_TECTIA_PASSWD,
     S_PASSWORDS
     "P error_log:internal error: database corruption\n"
     "P failure\n" BOTH_EOF},
    {"a change that failed for no reason", AUTHPLUG_TECTIA_PASSWD,
     S_PASSWORDS "P failure\n" BOTH_EOF},
    {"access is granted", AUTHPLUG_TECTIA_AUTHORIZE,
     S_PARAMS "P success\n" BOTH_EOF},
    {"the source's: no guests during prime time", AUTHPLUG_TECTIA_AUTHORIZE,
     "S user_name:guest\n"
     "S remote_host_ip:198.51.100.9\n"
     "S remote_host_name:elsewhere.example.net\n"
     "S end_of_params\n"
     "P failure\n"
     "P error_code:generic_error\n"
     "P error_msg:Remote guest logins are not allowed during prime time.\n"
     BOTH_EOF},
    {"a password that is too old", AUTHPLUG_TECTIA_AUTHORIZE,
     S_PARAMS
     "P failure\n"
     "P error_code:password_too_old\n" BOTH_EOF},
    {"access is denied and that is all", AUTHPLUG_TECTIA_AUTHORIZE,
     S_PARAMS "P failure\n" BOTH_EOF},
    {"the server goes away", AUTHPLUG_TECTIA_KBDINT,
     S_PARAMS P_PIN "S eof\n"},
};

const size_t dialogue_count = COUNT_OF(dialogues);

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
