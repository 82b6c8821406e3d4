/*
 * authplug/putty.h - PuTTY's authentication plugin protocol (PuTTY manual,
 * appendix H, version 2), both ends, without any I/O.
 *
 * How an engine is driven, the same at both ends:
 *
 *      feed() the bytes that came;   next() until it says NEED_MORE;
 *      answer the message when it is your turn;
 *      send output() and output_consume() what was sent;
 *      eof() when the peer closed.
 *
 * The protocol is half-duplex (H.1): it is always one side's turn. A call out
 * of turn is AUTHPLUG_STATE and changes nothing; bytes out of turn are the
 * peer's fault, AUTHPLUG_TURN, and like every fault end the conversation.
 *
 * The plugin's engine tolerates two things because released clients do them:
 * PLUGIN_PROTOCOL straight after PLUGIN_PROTOCOL_ACCEPT or an answer, without
 * an outcome in between; and the end of input anywhere between messages. The
 * client's engine does neither: it tells every outcome.
 */
#ifndef AUTHPLUG_PUTTY_H
#define AUTHPLUG_PUTTY_H

#include <authplug/ki.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The protocol's twelve messages: name, number on the wire (H.6). */
#define AUTHPLUG_PUTTY_MAP(X)                                                  \
    X(INIT, 1)                                                                 \
    X(INIT_RESPONSE, 2)                                                        \
    X(PROTOCOL, 3)                                                             \
    X(PROTOCOL_ACCEPT, 4)                                                      \
    X(PROTOCOL_REJECT, 5)                                                      \
    X(AUTH_SUCCESS, 6)                                                         \
    X(AUTH_FAILURE, 7)                                                         \
    X(INIT_FAILURE, 8)                                                         \
    X(KI_SERVER_REQUEST, 20)                                                   \
    X(KI_SERVER_RESPONSE, 21)                                                  \
    X(KI_USER_REQUEST, 22)                                                     \
    X(KI_USER_RESPONSE, 23)

typedef enum authplug_putty_type {
    AUTHPLUG_PUTTY_EOF = 0, /* no message: the peer closed in good order */
#define X(name, number) AUTHPLUG_PUTTY_##name = number,
    AUTHPLUG_PUTTY_MAP(X)
#undef X
} authplug_putty_type;

/* "PLUGIN_INIT", ...; "end of input" for 0; "" for no message. Static. */
const char *authplug_putty_name(authplug_putty_type type);

/* The version spoken, and the draft before it that is understood (H.4). */
#define AUTHPLUG_PUTTY_VERSION 2u
#define AUTHPLUG_PUTTY_VERSION_DRAFT 1u

/* One message, parsed. The fields beyond type are set as the type says. */
typedef struct authplug_putty_message {
    authplug_putty_type type;
    uint32_t version;       /* INIT: highest offered. INIT_RESPONSE: chosen */
    authplug_span hostname; /* INIT: the name the host key is kept under */
    uint32_t port;          /* INIT */
    authplug_span username; /* INIT, INIT_RESPONSE; empty is no opinion */
    authplug_span method;   /* PROTOCOL */
    authplug_span text;     /* INIT_FAILURE, PROTOCOL_REJECT; may be empty */
    authplug_ki_request request;   /* KI_SERVER_REQUEST, KI_USER_REQUEST */
    authplug_ki_response response; /* KI_SERVER_RESPONSE, KI_USER_RESPONSE */
} authplug_putty_message;

/* What an engine waits for; several may hold at once. */
enum authplug_wants {
    AUTHPLUG_WANTS_INPUT = 1,  /* bytes from the peer */
    AUTHPLUG_WANTS_OUTPUT = 2, /* that output() be sent */
    AUTHPLUG_WANTS_REPLY = 4   /* a call: it is our turn to say something */
};

/* ---------------------------------------------------------------- client */

/*
 * The SSH client's end. Events it gives: INIT_RESPONSE, INIT_FAILURE,
 * PROTOCOL_ACCEPT, PROTOCOL_REJECT, KI_SERVER_RESPONSE, KI_USER_REQUEST.
 */
typedef struct authplug_putty_client authplug_putty_client;

/* limits may be NULL for the default. NULL: out of memory or bad limits. */
authplug_putty_client *authplug_putty_client_new(const authplug_limits *limits);
void authplug_putty_client_free(authplug_putty_client **client);

/*
 * The calls that speak, each STATE out of turn, LIMIT or NOMEM when the
 * message does not fit; then nothing was queued.
 *
 * _init          PLUGIN_INIT (H.6.1), once and first. username may be empty.
 * _protocol      PLUGIN_PROTOCOL (H.6.4): may the plugin take this method?
 * _server_request PLUGIN_KI_SERVER_REQUEST (H.6.7), only in a segment of
 *                keyboard-interactive: body is the exact body of
 *                the server's request and goes out unchanged. A body that is
 *                not a well-formed request gives its parse status (the
 *                server's fault, not the plugin's; fault may be NULL).
 * _user_response PLUGIN_KI_USER_RESPONSE (H.6.10). COUNT when the number of
 *                answers is not that of the prompts asked for.
 * _auth          PLUGIN_AUTH_SUCCESS or _FAILURE (H.6.11, H.6.12). Partial
 *                success is success.
 */
authplug_status authplug_putty_client_init(authplug_putty_client *client,
                                           authplug_span hostname,
                                           uint32_t port,
                                           authplug_span username);
authplug_status authplug_putty_client_protocol(authplug_putty_client *client,
                                               authplug_span method);
authplug_status
authplug_putty_client_server_request(authplug_putty_client *client,
                                     authplug_span body, authplug_fault *fault);
authplug_status
authplug_putty_client_user_response(authplug_putty_client *client,
                                    const authplug_ki_reply *reply);
authplug_status authplug_putty_client_auth(authplug_putty_client *client,
                                           bool success);

/*
 * Takes all len bytes, or reports a fault. NOMEM is no fault: the bytes were
 * not taken and may be fed again.
 */
authplug_status authplug_putty_client_feed(authplug_putty_client *client,
                                           const void *data, size_t len);
/* The peer closed; messages that came before are still given by next(). */
void authplug_putty_client_eof(authplug_putty_client *client);

/*
 * OK and a message, NEED_MORE, or the fault's status. At the end of input
 * where the plugin owed a message: CLOSED, or TRUNCATED inside one; where it
 * owed none: OK and AUTHPLUG_PUTTY_EOF, as often as asked.
 */
authplug_status authplug_putty_client_next(authplug_putty_client *client,
                                           authplug_putty_message *message);

/* Bytes to send, empty if none; then how many of them were sent. */
authplug_span
authplug_putty_client_output(const authplug_putty_client *client);
void authplug_putty_client_output_consume(authplug_putty_client *client,
                                          size_t len);

/* A set of enum authplug_wants; 0 when the conversation is over. */
unsigned authplug_putty_client_wants(const authplug_putty_client *client);

/* The first fault; its status is OK while there is none. */
authplug_fault
authplug_putty_client_fault(const authplug_putty_client *client);

/* What the peer owes, for "where X was expected"; "" when it owes nothing. */
const char *
authplug_putty_client_expected(const authplug_putty_client *client);

/* ---------------------------------------------------------------- plugin */

/*
 * The plugin's end. Events it gives: INIT, PROTOCOL, KI_SERVER_REQUEST,
 * KI_USER_RESPONSE, AUTH_SUCCESS, AUTH_FAILURE and EOF.
 */
typedef struct authplug_putty_plugin authplug_putty_plugin;

/* As authplug_putty_client_new(). */
authplug_putty_plugin *authplug_putty_plugin_new(const authplug_limits *limits);
void authplug_putty_plugin_free(authplug_putty_plugin **plugin);

/*
 * The calls that speak, each STATE out of turn, LIMIT or NOMEM when the
 * message does not fit; then nothing was queued.
 *
 * _init_response   PLUGIN_INIT_RESPONSE (H.6.2): username, or empty for no
 *                  opinion. The version is chosen by the engine: the highest
 *                  that both know. VERSION when there is none (the client
 *                  offered 0); _init_failure is then the only reply.
 * _init_failure    PLUGIN_INIT_FAILURE (H.6.3): text for the user.
 * _protocol_accept PLUGIN_PROTOCOL_ACCEPT (H.6.6).
 * _protocol_reject PLUGIN_PROTOCOL_REJECT (H.6.5): text for the user, or empty
 *                  to say nothing. In draft version 1 the text is not sent.
 * _user_request    PLUGIN_KI_USER_REQUEST (H.6.9): prompts for the human.
 * _server_response PLUGIN_KI_SERVER_RESPONSE (H.6.8). COUNT when the number of
 *                  answers is not that of the prompts.
 */
authplug_status
authplug_putty_plugin_init_response(authplug_putty_plugin *plugin,
                                    authplug_span username);
authplug_status
authplug_putty_plugin_init_failure(authplug_putty_plugin *plugin,
                                   authplug_span text);
authplug_status
authplug_putty_plugin_protocol_accept(authplug_putty_plugin *plugin);
authplug_status
authplug_putty_plugin_protocol_reject(authplug_putty_plugin *plugin,
                                      authplug_span text);
authplug_status
authplug_putty_plugin_user_request(authplug_putty_plugin *plugin,
                                   const authplug_ki_request *request);
authplug_status
authplug_putty_plugin_server_response(authplug_putty_plugin *plugin,
                                      const authplug_ki_reply *reply);

/* The version chosen by the engine; 0 before PLUGIN_INIT came. */
uint32_t authplug_putty_plugin_version(const authplug_putty_plugin *plugin);

/* These are as the client's, with one difference in next(): the client may
 * close at any point, so the end of input is OK and AUTHPLUG_PUTTY_EOF
 * everywhere but inside a message (TRUNCATED). */
authplug_status authplug_putty_plugin_feed(authplug_putty_plugin *plugin,
                                           const void *data, size_t len);
void authplug_putty_plugin_eof(authplug_putty_plugin *plugin);
authplug_status authplug_putty_plugin_next(authplug_putty_plugin *plugin,
                                           authplug_putty_message *message);
authplug_span
authplug_putty_plugin_output(const authplug_putty_plugin *plugin);
void authplug_putty_plugin_output_consume(authplug_putty_plugin *plugin,
                                          size_t len);
unsigned authplug_putty_plugin_wants(const authplug_putty_plugin *plugin);
authplug_fault
authplug_putty_plugin_fault(const authplug_putty_plugin *plugin);
const char *
authplug_putty_plugin_expected(const authplug_putty_plugin *plugin);

#ifdef __cplusplus
}
#endif
#endif
