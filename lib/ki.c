/* The bodies of keyboard-interactive: RFC 4256 sections 3.2 and 3.4. */
#include <authplug/ki.h>
#include <authplug/wire.h>

#include <stdlib.h>

static void
put_fault(authplug_fault *fault, authplug_status status, size_t offset,
          const char *text)
{
    if (fault == NULL || status == AUTHPLUG_OK)
        return;
    fault->status = status;
    fault->message = "";
    fault->offset = offset;
    fault->text = text;
}

/*
 * The number of items that follow, each of which takes at least min bytes:
 * what cannot fit is refused before anything is read.
 */
static uint32_t
get_count(authplug_reader *reader, uint32_t most, size_t min)
{
    size_t start = reader->pos;
    uint32_t count = authplug_get_uint32(reader);

    if (reader->status != AUTHPLUG_OK)
        return 0;
    if (count > most)
        reader->status = AUTHPLUG_LIMIT;
    else if (count * min > reader->input.len - reader->pos)
        reader->status = AUTHPLUG_TRUNCATED;
    if (reader->status != AUTHPLUG_OK)
        reader->pos = start;
    return reader->status == AUTHPLUG_OK ? count : 0;
}

authplug_status
authplug_ki_request_parse(authplug_span body, const authplug_limits *limits,
                          authplug_ki_prompt *prompts,
                          authplug_ki_request *request, authplug_fault *fault)
{
    authplug_reader reader = authplug_reader_over(body, limits->string);
    authplug_ki_request parsed = {0};
    const char *part = "a name, an instruction and a language tag";
    uint32_t i;

    parsed.raw = body;
    parsed.name = authplug_get_string(&reader);
    parsed.instruction = authplug_get_string(&reader);
    parsed.language = authplug_get_string(&reader);
    if (reader.status == AUTHPLUG_OK) {
        part = "as many prompts as are allowed and as fit";
        parsed.count = get_count(&reader, limits->prompts, 5);
    }
    for (i = 0; i < parsed.count && reader.status == AUTHPLUG_OK; i++) {
        part = "a prompt and its echo flag";
        prompts[i].text = authplug_get_string(&reader);
        prompts[i].echo = authplug_get_boolean(&reader);
    }
    if (reader.status == AUTHPLUG_OK)
        part = "the end after the last prompt";
    parsed.prompts = prompts;
    if (authplug_get_end(&reader) == AUTHPLUG_OK)
        *request = parsed;
    put_fault(fault, reader.status, reader.pos, part);
    return reader.status;
}

authplug_status
authplug_ki_response_parse(authplug_span body, const authplug_limits *limits,
                           authplug_span *answers,
                           authplug_ki_response *response,
                           authplug_fault *fault)
{
    authplug_reader reader = authplug_reader_over(body, limits->string);
    authplug_ki_response parsed = {0};
    const char *part = "as many answers as are allowed and as fit";
    uint32_t i;

    parsed.raw = body;
    parsed.count = get_count(&reader, limits->prompts, 4);
    for (i = 0; i < parsed.count && reader.status == AUTHPLUG_OK; i++) {
        part = "an answer";
        answers[i] = authplug_get_string(&reader);
    }
    if (reader.status == AUTHPLUG_OK)
        part = "the end after the last answer";
    parsed.answers = answers;
    if (authplug_get_end(&reader) == AUTHPLUG_OK)
        *response = parsed;
    put_fault(fault, reader.status, reader.pos, part);
    return reader.status;
}

authplug_status
authplug_ki_request_write(const authplug_ki_request *request,
                          authplug_secret *out)
{
    authplug_writer writer = authplug_writer_to(out);
    size_t start = authplug_secret_len(out);
    uint32_t i;

    authplug_put_string(&writer, request->name);
    authplug_put_string(&writer, request->instruction);
    authplug_put_string(&writer, request->language);
    authplug_put_uint32(&writer, request->count);
    for (i = 0; i < request->count; i++) {
        authplug_put_string(&writer, request->prompts[i].text);
        authplug_put_boolean(&writer, request->prompts[i].echo);
    }
    if (writer.status != AUTHPLUG_OK)
        authplug_secret_cut(out, start);
    return writer.status;
}

/* body always holds a whole response: the count, then the answers so far. */
struct authplug_ki_reply {
    authplug_limits limits;
    authplug_secret *body;
    uint32_t count;
};

/* The body starts with the count: written again after every answer. */
static void
set_count(authplug_ki_reply *reply, uint32_t count)
{
    unsigned char *at =
        (unsigned char *)authplug_secret_span(reply->body).data;

    reply->count = count;
    at[0] = (unsigned char)(count >> 24);
    at[1] = (unsigned char)(count >> 16);
    at[2] = (unsigned char)(count >> 8);
    at[3] = (unsigned char)count;
}

authplug_ki_reply *
authplug_ki_reply_new(const authplug_limits *limits)
{
    authplug_ki_reply *reply;

    if (limits->frame < 5 || limits->prompts == 0 || limits->string == 0 ||
        limits->rounds == 0 || limits->buffered == 0)
        return NULL;
    reply = calloc(1, sizeof *reply);
    if (reply == NULL)
        return NULL;
    reply->limits = *limits;
    /* the frame also holds the message's type byte */
    reply->body = authplug_secret_new(limits->frame - 1);
    if (reply->body == NULL ||
        authplug_secret_append(reply->body, "\0\0\0\0", 4) != AUTHPLUG_OK)
        authplug_ki_reply_free(&reply);
    return reply;
}

void
authplug_ki_reply_free(authplug_ki_reply **reply)
{
    if (reply == NULL || *reply == NULL)
        return;
    authplug_secret_free(&(*reply)->body);
    free(*reply);
    *reply = NULL;
}

void
authplug_ki_reply_clear(authplug_ki_reply *reply)
{
    authplug_secret_cut(reply->body, 4);
    set_count(reply, 0);
}

authplug_status
authplug_ki_reply_add(authplug_ki_reply *reply, authplug_span answer)
{
    authplug_writer writer = authplug_writer_to(reply->body);
    size_t start = authplug_secret_len(reply->body);

    if (answer.len > reply->limits.string)
        return AUTHPLUG_LENGTH;
    if (reply->count >= reply->limits.prompts)
        return AUTHPLUG_LIMIT;
    authplug_put_string(&writer, answer);
    if (writer.status == AUTHPLUG_OK)
        set_count(reply, reply->count + 1);
    else
        authplug_secret_cut(reply->body, start);
    return writer.status;
}

uint32_t
authplug_ki_reply_count(const authplug_ki_reply *reply)
{
    return reply->count;
}

authplug_span
authplug_ki_reply_body(const authplug_ki_reply *reply)
{
    return authplug_secret_span(reply->body);
}
