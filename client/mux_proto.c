/* Packets of OpenSSH's PROTOCOL.mux, version 4, from the master's side. */
#include "client/mux_proto.h"

#include <string.h>

const char *
mux_request_name(uint32_t type)
{
#define X(name, number)                                                        \
    if (type == number)                                                        \
        return #name;
    MUX_REQUEST_MAP(X)
#undef X
    return "an unknown request";
}

/* A string that will be a C string: a NUL inside would cut it silently. */
static authplug_span
get_text(authplug_reader *reader)
{
    authplug_span text = authplug_get_string(reader);

    if (reader->status == AUTHPLUG_OK && authplug_span_has(text, 0))
        reader->status = AUTHPLUG_VALUE;
    return text;
}

static bool
more(const authplug_reader *reader)
{
    return reader->status == AUTHPLUG_OK && reader->pos < reader->input.len;
}

static void
read_hello(authplug_reader *reader, struct mux_request *request)
{
    request->version = authplug_get_uint32(reader);
    /* Extensions are pairs of name and value; none is known to anybody. */
    while (more(reader)) {
        authplug_get_string(reader);
        authplug_get_string(reader);
    }
    if (reader->status == AUTHPLUG_OK && request->version != MUX_VERSION)
        reader->status = AUTHPLUG_VERSION;
}

/* OpenSSH's master passes over what is not NAME=VALUE; so do we. */
static bool
is_variable(authplug_span text)
{
    return text.len > 0 && text.data[0] != '=' && authplug_span_has(text, '=');
}

static void
read_new_session(authplug_reader *reader, struct mux_request *request)
{
    struct mux_new_session *session = &request->session;

    authplug_get_string(reader); /* reserved */
    session->want_tty = authplug_get_uint32(reader) != 0;
    session->want_x11 = authplug_get_uint32(reader) != 0;
    session->want_agent = authplug_get_uint32(reader) != 0;
    session->want_subsystem = authplug_get_uint32(reader) != 0;
    session->escape_char = authplug_get_uint32(reader);
    session->term = get_text(reader);
    session->command = get_text(reader);
    while (more(reader)) {
        authplug_span text = get_text(reader);

        if (reader->status != AUTHPLUG_OK || !is_variable(text))
            continue;
        if (session->env_count < MUX_ENV_MAX)
            session->env[session->env_count++] = text;
        else
            request->refusal = "too many environment variables";
    }
}

/* The name of a host, or with MUX_PORT_PATH a path, and its port. */
static void
read_place(authplug_reader *reader, authplug_span *name, uint32_t *port,
           const char **refusal)
{
    *name = get_text(reader);
    *port = authplug_get_uint32(reader);
    if (name->len > MUX_NAME_MAX)
        *refusal = "the name of a host or a socket is too long";
    else if (*port != MUX_PORT_PATH && *port > 65535)
        *refusal = "no such port";
    else if (*port == MUX_PORT_PATH && name->len == 0)
        *refusal = "a socket without a path";
}

/* What stock ssh has checked, and others may not have. */
static void
read_fwd(authplug_reader *reader, struct mux_request *request)
{
    struct mux_fwd *it = &request->fwd;

    it->type = authplug_get_uint32(reader);
    read_place(reader, &it->listen, &it->listen_port, &request->refusal);
    read_place(reader, &it->connect, &it->connect_port, &request->refusal);
    if (request->refusal != NULL)
        return;
    if (it->type != MUX_FORWARD_LOCAL && it->type != MUX_FORWARD_REMOTE &&
        it->type != MUX_FORWARD_DYNAMIC)
        request->refusal = "an unknown kind of forward";
    else if (it->type != MUX_FORWARD_REMOTE && it->listen_port == 0)
        request->refusal = "port 0 is for remote forwards";
    else if (it->type == MUX_FORWARD_DYNAMIC &&
             (it->listen_port == MUX_PORT_PATH || it->connect_port != 0))
        request->refusal = "a dynamic forward has a port and nothing else";
    else if (it->type == MUX_FORWARD_LOCAL && it->connect_port == 0)
        request->refusal = "nothing can listen on port 0";
    else if (it->type != MUX_FORWARD_DYNAMIC && it->connect_port != 0 &&
             it->connect.len == 0)
        request->refusal = "a forward to no host";
}

static void
read_stdio_fwd(authplug_reader *reader, struct mux_request *request)
{
    struct mux_stdio_fwd *it = &request->stdio;

    authplug_get_string(reader); /* reserved */
    read_place(reader, &it->host, &it->port, &request->refusal);
    if (request->refusal == NULL && (it->port == 0 || it->host.len == 0))
        request->refusal = "a forward to no host or port";
}

authplug_status
mux_request_read(authplug_span packet, struct mux_request *request)
{
    authplug_reader reader = authplug_reader_over(packet, MUX_PACKET_MAX);

    memset(request, 0, offsetof(struct mux_request, session.env));
    request->type = authplug_get_uint32(&reader);
    if (request->type == MUX_HELLO) {
        read_hello(&reader, request);
        return authplug_get_end(&reader);
    }
    request->id = authplug_get_uint32(&reader);
    switch (request->type) {
    case MUX_NEW_SESSION:
        request->fds = 3;
        read_new_session(&reader, request);
        break;
    case MUX_NEW_STDIO_FWD:
        request->fds = 2;
        read_stdio_fwd(&reader, request);
        break;
    case MUX_OPEN_FWD:
    case MUX_CLOSE_FWD:
        read_fwd(&reader, request);
        break;
    case MUX_ALIVE_CHECK:
    case MUX_TERMINATE:
    case MUX_STOP_LISTENING:
        break;
    case MUX_PROXY:
        request->refusal = "this connection does not serve proxies";
        return reader.status;
    default: /* whatever is in it */
        request->refusal = "unsupported request";
        return reader.status;
    }
    return authplug_get_end(&reader);
}

/* ---------------------------------------------------------------- replies */

/* Opens a packet with its type and the number that follows in all of them. */
static size_t
put_head(authplug_writer *writer, uint32_t type, uint32_t number)
{
    size_t mark = authplug_put_open(writer);

    authplug_put_uint32(writer, type);
    authplug_put_uint32(writer, number);
    return mark;
}

/* A packet of two numbers. */
static authplug_status
put_two(authplug_secret *out, uint32_t type, uint32_t number)
{
    authplug_writer writer = authplug_writer_to(out);
    size_t mark = put_head(&writer, type, number);

    authplug_put_close(&writer, mark);
    return writer.status;
}

authplug_status
mux_put_hello(authplug_secret *out)
{
    return put_two(out, MUX_HELLO, MUX_VERSION);
}

authplug_status
mux_put_alive_check(authplug_secret *out, uint32_t id)
{
    return put_two(out, MUX_ALIVE_CHECK, id);
}

/* A packet of three numbers. */
static authplug_status
put_three(authplug_secret *out, uint32_t type, uint32_t number, uint32_t value)
{
    authplug_writer writer = authplug_writer_to(out);
    size_t mark = put_head(&writer, type, number);

    authplug_put_uint32(&writer, value);
    authplug_put_close(&writer, mark);
    return writer.status;
}

authplug_status
mux_put_remote_port(authplug_secret *out, uint32_t id, uint32_t port)
{
    return put_three(out, MUX_S_REMOTE_PORT, id, port);
}

authplug_status
mux_put_alive(authplug_secret *out, uint32_t id, uint32_t pid)
{
    return put_three(out, MUX_S_ALIVE, id, pid);
}

authplug_status
mux_put_opened(authplug_secret *out, uint32_t id, uint32_t session)
{
    return put_three(out, MUX_S_SESSION_OPENED, id, session);
}

authplug_status
mux_put_exit(authplug_secret *out, uint32_t session, uint32_t status)
{
    return put_three(out, MUX_S_EXIT_MESSAGE, session, status);
}

authplug_status
mux_put_ok(authplug_secret *out, uint32_t id)
{
    return put_two(out, MUX_S_OK, id);
}

authplug_status
mux_put_tty_failed(authplug_secret *out, uint32_t session)
{
    return put_two(out, MUX_S_TTY_ALLOC_FAIL, session);
}

authplug_status
mux_put_refusal(authplug_secret *out, uint32_t type, uint32_t id,
                const char *reason)
{
    authplug_writer writer = authplug_writer_to(out);
    size_t mark = put_head(&writer, type, id);

    authplug_put_string(&writer, authplug_span_of(reason));
    authplug_put_close(&writer, mark);
    return writer.status;
}
