/* Frames and messages of PuTTY's plugin protocol (H.3, H.6), both ways. */
#include "putty_link.h"

#include "limits.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char *
authplug_putty_name(authplug_putty_type type)
{
    if (type == AUTHPLUG_PUTTY_EOF)
        return "end of input";
#define X(name, number)                                                        \
    if (type == AUTHPLUG_PUTTY_##name)                                         \
        return "PLUGIN_" #name;
    AUTHPLUG_PUTTY_MAP(X)
#undef X
    return "";
}

/* The set of all types there are. */
#define X(name, number) | SET(name)
static const uint32_t known = 0 AUTHPLUG_PUTTY_MAP(X);
#undef X

bool
putty_link_open(putty_link *link, const authplug_limits *limits)
{
    limits = limits_checked(limits);
    if (limits == NULL)
        return false;
    link->limits = *limits;
    link->fault.message = link->fault.text = "";
    link->in = authplug_secret_new(limits->buffered);
    link->out = authplug_secret_new(limits->buffered);
    link->prompts = calloc(limits->prompts, sizeof *link->prompts);
    link->answers = calloc(limits->prompts, sizeof *link->answers);
    if (link->in != NULL && link->out != NULL && link->prompts != NULL &&
        link->answers != NULL)
        return true;
    putty_link_close(link);
    return false;
}

void
putty_link_close(putty_link *link)
{
    authplug_secret_free(&link->in);
    authplug_secret_free(&link->out);
    free(link->prompts);
    free(link->answers);
    link->prompts = NULL;
    link->answers = NULL;
}

authplug_status
putty_link_fail(putty_link *link, authplug_status status,
                authplug_putty_type type, size_t offset, const char *text)
{
    assert(status != AUTHPLUG_OK && status != AUTHPLUG_NEED_MORE);
    if (link->fault.status == AUTHPLUG_OK) {
        link->fault.status = status;
        link->fault.message =
            type == AUTHPLUG_PUTTY_EOF ? "" : authplug_putty_name(type);
        link->fault.offset = offset;
        link->fault.text = text;
    }
    return link->fault.status;
}

authplug_status
putty_link_feed(putty_link *link, const void *data, size_t len)
{
    authplug_status status;

    if (link->fault.status != AUTHPLUG_OK)
        return link->fault.status;
    if (len == 0)
        return AUTHPLUG_OK;
    if (link->eof)
        return AUTHPLUG_STATE;
    putty_link_release(link);
    status = authplug_secret_append(link->in, data, len);
    if (status == AUTHPLUG_LIMIT)
        return putty_link_fail(link, status, AUTHPLUG_PUTTY_EOF, 0,
                               "fewer bytes before an answer");
    return status;
}

void
putty_link_release(putty_link *link)
{
    authplug_secret_drop(link->in, link->taken);
    link->taken = 0;
}

/* Whether the peer has sent more than it was asked for. */
static bool
is_pending(const putty_link *link)
{
    return authplug_secret_len(link->in) > link->taken;
}

static authplug_status
out_of_turn(putty_link *link)
{
    return putty_link_fail(link, AUTHPLUG_TURN, AUTHPLUG_PUTTY_EOF, 0,
                           "silence until it is its turn");
}

authplug_status
putty_link_our_turn(putty_link *link, bool ours)
{
    if (link->fault.status != AUTHPLUG_OK)
        return link->fault.status;
    if (!ours)
        return AUTHPLUG_STATE;
    return is_pending(link) ? out_of_turn(link) : AUTHPLUG_OK;
}

unsigned
putty_link_wants(const putty_link *link, bool over)
{
    unsigned wants = 0;

    if (link->fault.status != AUTHPLUG_OK)
        return 0;
    if (authplug_secret_len(link->out) > 0)
        wants |= AUTHPLUG_WANTS_OUTPUT;
    if (link->expects != 0)
        wants |= AUTHPLUG_WANTS_INPUT;
    else if (!over)
        wants |= AUTHPLUG_WANTS_REPLY;
    return wants;
}

static bool
is_text(unsigned char byte)
{
    return (byte >= 0x20 && byte < 0x7f) || byte == '\n' || byte == '\r' ||
           byte == '\t';
}

/*
 * Judges the four length bytes by as many of them as are there, so that what
 * cannot become a message is refused at its first byte: no length within the
 * limit begins with a printable character.
 */
static authplug_status
check_length(putty_link *link, authplug_span in, uint32_t *length)
{
    unsigned char bytes[4] = {0};
    size_t have = in.len < 4 ? in.len : 4;

    if (have > 0)
        memcpy(bytes, in.data, have);
    *length = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
              (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3];
    if (have > 0 && is_text(bytes[0]))
        return putty_link_fail(link, AUTHPLUG_TEXT, AUTHPLUG_PUTTY_EOF, 0,
                               "a message, which begins with its length");
    if (*length > link->limits.frame)
        return putty_link_fail(link, AUTHPLUG_LENGTH, AUTHPLUG_PUTTY_EOF, 0,
                               "a message within the size limit");
    if (have == 4 && *length == 0)
        return putty_link_fail(link, AUTHPLUG_LENGTH, AUTHPLUG_PUTTY_EOF, 0,
                               "a message of at least one byte");
    return AUTHPLUG_OK;
}

static authplug_status
check_type(putty_link *link, unsigned type)
{
    if (type < 32 && (link->expects & 1u << type) != 0)
        return AUTHPLUG_OK;
    if (type < 32 && (known & 1u << type) != 0)
        return putty_link_fail(link, AUTHPLUG_TYPE, (authplug_putty_type)type,
                               0, "another message at this point");
    return putty_link_fail(link, AUTHPLUG_TYPE, AUTHPLUG_PUTTY_EOF, 0,
                           "a known message type");
}

/* Parses a keyboard-interactive body and counts its round. */
static authplug_status
parse_ki(putty_link *link, authplug_span body, authplug_putty_message *message)
{
    authplug_fault fault = {0};
    bool asks = message->type == AUTHPLUG_PUTTY_KI_SERVER_REQUEST ||
                message->type == AUTHPLUG_PUTTY_KI_USER_REQUEST;

    if (asks)
        authplug_ki_request_parse(body, &link->limits, link->prompts,
                                  &message->request, &fault);
    else
        authplug_ki_response_parse(body, &link->limits, link->answers,
                                   &message->response, &fault);
    if (fault.status != AUTHPLUG_OK)
        return putty_link_fail(link, fault.status, message->type,
                               fault.offset + 1, fault.text);
    if (asks && link->rounds++ >= link->limits.rounds)
        return putty_link_fail(link, AUTHPLUG_LIMIT, message->type, 0,
                               "fewer requests in one conversation");
    return AUTHPLUG_OK;
}

/* Parses the fields of a message whose type is known and allowed. */
static authplug_status
parse(putty_link *link, authplug_span frame, authplug_putty_message *message)
{
    authplug_reader r = authplug_reader_over(frame, link->limits.string);
    const char *text = "the fields of this message and no more";

    (void)authplug_get_byte(&r);
    switch (message->type) {
    case AUTHPLUG_PUTTY_INIT:
        message->version = authplug_get_uint32(&r);
        message->hostname = authplug_get_string(&r);
        message->port = authplug_get_uint32(&r);
        message->username = authplug_get_string(&r);
        break;
    case AUTHPLUG_PUTTY_INIT_RESPONSE:
        message->version = authplug_get_uint32(&r);
        message->username = authplug_get_string(&r);
        break;
    case AUTHPLUG_PUTTY_PROTOCOL:
        message->method = authplug_get_string(&r);
        break;
    case AUTHPLUG_PUTTY_PROTOCOL_REJECT:
        if (link->version != AUTHPLUG_PUTTY_VERSION_DRAFT)
            message->text = authplug_get_string(&r);
        break;
    case AUTHPLUG_PUTTY_INIT_FAILURE:
        message->text = authplug_get_string(&r);
        break;
    case AUTHPLUG_PUTTY_KI_SERVER_REQUEST:
    case AUTHPLUG_PUTTY_KI_SERVER_RESPONSE:
    case AUTHPLUG_PUTTY_KI_USER_REQUEST:
    case AUTHPLUG_PUTTY_KI_USER_RESPONSE:
        return parse_ki(link, authplug_span_make(frame.data + 1, frame.len - 1),
                        message);
    case AUTHPLUG_PUTTY_PROTOCOL_ACCEPT:
    case AUTHPLUG_PUTTY_AUTH_SUCCESS:
    case AUTHPLUG_PUTTY_AUTH_FAILURE:
    case AUTHPLUG_PUTTY_EOF:
        break;
    }
    if (authplug_get_end(&r) != AUTHPLUG_OK)
        return putty_link_fail(link, r.status, message->type, r.pos, text);
    return AUTHPLUG_OK;
}

/* The end of input inside a message. */
static authplug_status
truncated(putty_link *link, authplug_span in)
{
    return putty_link_fail(link, AUTHPLUG_TRUNCATED,
                           in.len > 4 ? (authplug_putty_type)in.data[4]
                                      : AUTHPLUG_PUTTY_EOF,
                           in.len > 4 ? in.len - 4 : 0,
                           "the rest of the message");
}

authplug_status
putty_link_next(putty_link *link, authplug_putty_message *message)
{
    authplug_putty_message parsed = {0};
    authplug_status status;
    authplug_span in;
    uint32_t length;

    if (link->fault.status != AUTHPLUG_OK)
        return link->fault.status;
    if (link->expects == 0 && is_pending(link))
        return out_of_turn(link);
    if (link->expects == 0)
        return link->eof ? AUTHPLUG_CLOSED : AUTHPLUG_NEED_MORE;
    putty_link_release(link);
    in = authplug_secret_span(link->in);
    status = check_length(link, in, &length);
    if (status == AUTHPLUG_OK && in.len > 4)
        status = check_type(link, in.data[4]);
    if (status != AUTHPLUG_OK)
        return status;
    if (in.len < 4 || in.len - 4 < length) {
        if (!link->eof)
            return AUTHPLUG_NEED_MORE;
        return in.len == 0 ? AUTHPLUG_CLOSED : truncated(link, in);
    }
    parsed.type = (authplug_putty_type)in.data[4];
    link->taken = 4 + (size_t)length;
    status = parse(link, authplug_span_make(in.data + 4, length), &parsed);
    if (status == AUTHPLUG_OK)
        *message = parsed;
    return status;
}

putty_draft
putty_link_begin(putty_link *link, authplug_putty_type type)
{
    putty_draft draft = {authplug_writer_to(link->out), 0};

    draft.start = authplug_put_open(&draft.writer);
    authplug_put_byte(&draft.writer, (uint8_t)type);
    return draft;
}

void
putty_link_put(const putty_link *link, putty_draft *draft, authplug_span text)
{
    if (text.len > link->limits.string &&
        draft->writer.status == AUTHPLUG_OK)
        draft->writer.status = AUTHPLUG_LIMIT;
    authplug_put_string(&draft->writer, text);
}

authplug_status
putty_link_end(putty_link *link, putty_draft *draft)
{
    size_t len = authplug_secret_len(link->out) - draft->start;

    if (draft->writer.status == AUTHPLUG_OK && len > link->limits.frame + 4u)
        draft->writer.status = AUTHPLUG_LIMIT;
    if (draft->writer.status == AUTHPLUG_OK)
        authplug_put_close(&draft->writer, draft->start);
    else
        authplug_secret_cut(link->out, draft->start);
    return draft->writer.status;
}

authplug_status
putty_link_send(putty_link *link, authplug_putty_type type,
                const authplug_span *text)
{
    putty_draft draft = putty_link_begin(link, type);

    if (text != NULL)
        putty_link_put(link, &draft, *text);
    return putty_link_end(link, &draft);
}

authplug_status
putty_link_send_raw(putty_link *link, authplug_putty_type type,
                    authplug_span body)
{
    putty_draft draft = putty_link_begin(link, type);

    authplug_put_bytes(&draft.writer, body);
    return putty_link_end(link, &draft);
}
