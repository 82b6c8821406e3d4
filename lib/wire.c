/* RFC 4251 section 5: byte, boolean, uint32, string. */
#include <authplug/wire.h>

#include <assert.h>
#include <string.h>

authplug_reader
authplug_reader_over(authplug_span input, uint32_t max_string)
{
    authplug_reader reader = {input, 0, max_string, AUTHPLUG_OK};

    return reader;
}

/* The next len bytes, or NULL and TRUNCATED. */
static const unsigned char *
take(authplug_reader *reader, size_t len)
{
    const unsigned char *at;

    if (reader->status != AUTHPLUG_OK)
        return NULL;
    if (len > reader->input.len - reader->pos) {
        reader->status = AUTHPLUG_TRUNCATED;
        return NULL;
    }
    at = reader->input.data + reader->pos;
    reader->pos += len;
    return at;
}

uint8_t
authplug_get_byte(authplug_reader *reader)
{
    const unsigned char *at = take(reader, 1);

    return at == NULL ? 0 : at[0];
}

bool
authplug_get_boolean(authplug_reader *reader)
{
    return authplug_get_byte(reader) != 0;
}

uint32_t
authplug_get_uint32(authplug_reader *reader)
{
    const unsigned char *at = take(reader, 4);

    if (at == NULL)
        return 0;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
           (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

authplug_span
authplug_get_string(authplug_reader *reader)
{
    size_t start = reader->pos;
    uint32_t len = authplug_get_uint32(reader);
    const unsigned char *at = NULL;

    if (reader->status == AUTHPLUG_OK && len > reader->max_string)
        reader->status = AUTHPLUG_LENGTH;
    if (reader->status == AUTHPLUG_OK && len > 0)
        at = take(reader, len);
    if (reader->status != AUTHPLUG_OK) {
        if (start < reader->pos)
            reader->pos = start; /* point at the length that lied */
        return authplug_span_make(NULL, 0);
    }
    return authplug_span_make(at, len);
}

authplug_status
authplug_get_end(authplug_reader *reader)
{
    if (reader->status == AUTHPLUG_OK && reader->pos < reader->input.len)
        reader->status = AUTHPLUG_TRAILING;
    return reader->status;
}

authplug_writer
authplug_writer_to(authplug_secret *out)
{
    authplug_writer writer = {out, AUTHPLUG_OK};

    return writer;
}

void
authplug_put_bytes(authplug_writer *writer, authplug_span value)
{
    if (writer->status == AUTHPLUG_OK)
        writer->status =
            authplug_secret_append(writer->out, value.data, value.len);
}

void
authplug_put_byte(authplug_writer *writer, uint8_t value)
{
    authplug_put_bytes(writer, authplug_span_make(&value, 1));
}

void
authplug_put_boolean(authplug_writer *writer, bool value)
{
    authplug_put_byte(writer, value ? 1 : 0);
}

static void
encode(unsigned char at[4], uint32_t value)
{
    at[0] = (unsigned char)(value >> 24);
    at[1] = (unsigned char)(value >> 16);
    at[2] = (unsigned char)(value >> 8);
    at[3] = (unsigned char)value;
}

void
authplug_put_uint32(authplug_writer *writer, uint32_t value)
{
    unsigned char at[4];

    encode(at, value);
    authplug_put_bytes(writer, authplug_span_make(at, sizeof at));
}

void
authplug_put_string(authplug_writer *writer, authplug_span value)
{
    unsigned char *room;

    if (value.len > UINT32_MAX - 4 && writer->status == AUTHPLUG_OK)
        writer->status = AUTHPLUG_LIMIT;
    /* both parts or neither */
    if (writer->status == AUTHPLUG_OK)
        writer->status =
            authplug_secret_reserve(writer->out, value.len + 4, &room);
    authplug_put_uint32(writer, (uint32_t)value.len);
    authplug_put_bytes(writer, value);
}

size_t
authplug_put_open(authplug_writer *writer)
{
    size_t mark = authplug_secret_len(writer->out);

    authplug_put_uint32(writer, 0);
    return mark;
}

void
authplug_put_close(authplug_writer *writer, size_t mark)
{
    size_t len;

    if (writer->status != AUTHPLUG_OK)
        return;
    len = authplug_secret_len(writer->out);
    assert(len >= mark + 4);
    if (len - mark - 4 > UINT32_MAX)
        writer->status = AUTHPLUG_LIMIT;
    else
        encode((unsigned char *)authplug_secret_span(writer->out).data + mark,
               (uint32_t)(len - mark - 4));
}
