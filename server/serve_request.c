/*
 * What clients ask for, from the packets as they came (serve_tap.c). Of libssh
 * we take that there is a message, and what can be replied to. Both must agree:
 * a packet that libssh handled by itself, or passed over, or understood
 * otherwise, ends the connection.
 */
#define _GNU_SOURCE
#include "server/serve_connection.h"

#include <authplug/wire.h>

#include <string.h>

/* SSH message numbers */
enum { MSG_USERAUTH_REQUEST = 50, MSG_USERAUTH_INFO_RESPONSE = 61 };

#define STRING_MAX 262144u

static const struct {
    const char *name;
    request_kind kind;
    int subtype; /* libssh's word for it */
} methods[] = {
    {"none", REQUEST_NONE, SSH_AUTH_METHOD_NONE},
    {"password", REQUEST_PASSWORD, SSH_AUTH_METHOD_PASSWORD},
    {"keyboard-interactive", REQUEST_KBDINT, SSH_AUTH_METHOD_INTERACTIVE},
    {"publickey", REQUEST_OTHER, SSH_AUTH_METHOD_PUBLICKEY},
};
#define METHODS (sizeof methods / sizeof *methods)

/* ------------------------------------------------------------- reading */

/* RFC 4252 section 5; *subtype is what libssh must have understood. */
static bool
read_request(authplug_span body, auth_request *request, int *subtype)
{
    authplug_reader reader = authplug_reader_over(body, STRING_MAX);
    authplug_span method;

    request->user = authplug_get_string(&reader);
    request->service = authplug_get_string(&reader);
    method = authplug_get_string(&reader);
    request->kind = REQUEST_OTHER;
    *subtype = SSH_AUTH_METHOD_UNKNOWN;
    if (!authplug_span_is(request->service, "ssh-connection"))
        return reader.status == AUTHPLUG_OK;
    for (size_t i = 0; i < METHODS; i++)
        if (authplug_span_is(method, methods[i].name)) {
            request->kind = methods[i].kind;
            *subtype = methods[i].subtype;
        }
    switch (request->kind) {
    case REQUEST_PASSWORD: /* section 8 */
        request->change = authplug_get_boolean(&reader);
        request->password = authplug_get_string(&reader);
        if (request->change)
            request->new_password = authplug_get_string(&reader);
        break;
    case REQUEST_KBDINT: /* RFC 4256 section 3.1 */
        (void)authplug_get_string(&reader); /* a language */
        (void)authplug_get_string(&reader); /* submethods: ours to choose */
        break;
    case REQUEST_NONE:
        break;
    case REQUEST_REPLIES:
    case REQUEST_OTHER:
        return reader.status == AUTHPLUG_OK;
    }
    return authplug_get_end(&reader) == AUTHPLUG_OK;
}

/* RFC 4256 section 3.4 */
static bool
read_replies(authplug_span body, auth_request *request)
{
    authplug_reader reader = authplug_reader_over(body, STRING_MAX);

    request->kind = REQUEST_REPLIES;
    request->count = authplug_get_uint32(&reader);
    for (uint32_t i = 0; i < request->count && reader.status == AUTHPLUG_OK;
         i++) {
        authplug_span reply = authplug_get_string(&reader);

        if (i < SERVE_PROMPTS)
            request->replies[i] = reply;
    }
    return authplug_get_end(&reader) == AUTHPLUG_OK;
}

/* Replies are read from the packet: libssh, which keeps them until it gets
 * others, has no need of its copies. */
static void
wipe_copies(ssh_session session)
{
    int count = ssh_userauth_kbdint_getnanswers(session);

    for (int i = 0; i < count; i++) {
        const char *reply =
            ssh_userauth_kbdint_getanswer(session, (unsigned)i);

        if (reply != NULL)
            authplug_wipe((char *)reply, strlen(reply));
    }
}

/* The packet that libssh's message was. */
static bool
read_packet(connection *with)
{
    bool replies = ssh_message_auth_kbdint_is_response(with->message) == 1;
    auth_request *request = &with->request;
    capture_packet packet;
    int subtype = 0;
    bool good;

    memset(request, 0, sizeof *request);
    if (replies)
        wipe_copies(with->session);
    if (!tap_next(&with->tap, &packet))
        return connection_end(with, "a request was not captured");
    if (replies)
        good = packet.type == MSG_USERAUTH_INFO_RESPONSE &&
               read_replies(packet.body, request);
    else
        good = packet.type == MSG_USERAUTH_REQUEST &&
               read_request(packet.body, request, &subtype) &&
               subtype == ssh_message_subtype(with->message);
    return good ||
           connection_end(with, "the client sent a request that is malformed");
}

/* ------------------------------------------------------------- receiving */

/* SSH_MSG_SERVICE_REQUEST; the only other service comes after the login. */
static bool
accept_service(connection *with, ssh_message message)
{
    const char *service = ssh_message_service_service(message);
    bool good = service != NULL && strcmp(service, "ssh-userauth") == 0 &&
                ssh_message_service_reply_success(message) == SSH_OK;

    with->serviced = good;
    ssh_message_free(message);
    return good ? connection_flush(with)
                : connection_end(with, "the client asked for a service that "
                                       "is not here");
}

/* There is no message now: nor may there be a packet. */
static bool
wait_for_more(connection *with)
{
    capture_packet packet;

    if (tap_next(&with->tap, &packet))
        return connection_end(with, "the client sent a request that is "
                                    "malformed or not served");
    return connection_wait(with, false) && connection_turn(with);
}

bool
request_next(connection *with)
{
    if (with->unread) {
        with->unread = false;
        return true;
    }
    ssh_message_free(with->message);
    with->message = NULL;
    for (;;) {
        ssh_message message = ssh_message_get(with->session);

        if (message == NULL) {
            if (!wait_for_more(with))
                return false;
            continue;
        }
        with->heard = io_now();
        if (ssh_message_type(message) == SSH_REQUEST_AUTH) {
            with->message = message;
            return with->serviced
                       ? read_packet(with)
                       : connection_end(with, "the client did not ask for "
                                              "authentication first");
        }
        if (ssh_message_type(message) != SSH_REQUEST_SERVICE) {
            ssh_message_free(message);
            return connection_end(with, "the client spoke out of turn");
        }
        if (!accept_service(with, message))
            return false;
    }
}

void
request_unread(connection *with)
{
    with->unread = true;
}
