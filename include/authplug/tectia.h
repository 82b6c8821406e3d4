/*
 * authplug/tectia.h - Tectia's server plugin protocol, both ends, without any
 * I/O. An SSH server asks an external program to hold the keyboard-interactive
 * dialogue, to change a password, or to decide on access.
 *
 * The protocol is lines: "key:value", the value being all after the first
 * colon, or a single word. A list of lines ends with "end_of_WORDS". Keys and
 * words are case-insensitive; a line that says nothing known is passed over.
 * The verdict is the line "success" or "failure", never an exit status.
 *
 * The engines are driven as those of authplug/putty.h are: feed(), next(),
 * a reply when it is our turn, output(), eof(). A CR, LF or NUL inside a value
 * would forge lines: it is refused in both directions, never passed on.
 */
#ifndef AUTHPLUG_TECTIA_H
#define AUTHPLUG_TECTIA_H

#include <authplug/ki.h>
#include <authplug/putty.h> /* enum authplug_wants */

#ifdef __cplusplus
extern "C" {
#endif

/* The three conversations. */
typedef enum authplug_tectia_kind {
    AUTHPLUG_TECTIA_KBDINT,   /* params, rounds of requests, verdict */
    AUTHPLUG_TECTIA_PASSWD,   /* params with old and new password, verdict */
    AUTHPLUG_TECTIA_AUTHORIZE /* params, verdict, then its reason */
} authplug_tectia_kind;

/* The most lines in one list, those that are passed over included. */
#define AUTHPLUG_TECTIA_LINES 256u

/* One parameter. The keys the source names: user_name, old_password,
 * new_password, host_ip, host_name, remote_user_name, remote_host_ip,
 * remote_host_name. */
typedef struct authplug_tectia_pair {
    authplug_span key; /* one word of letters, digits and underscores */
    authplug_span value;
} authplug_tectia_pair;

typedef enum authplug_tectia_type {
    AUTHPLUG_TECTIA_EOF,      /* the peer closed in good order */
    AUTHPLUG_TECTIA_PARAMS,   /* to the plugin */
    AUTHPLUG_TECTIA_REQUESTS, /* to the server: ask the user */
    AUTHPLUG_TECTIA_REPLIES,  /* to the plugin */
    AUTHPLUG_TECTIA_CLOSE,    /* to the server: close the plugin's input now */
    AUTHPLUG_TECTIA_VERDICT   /* to the server: this is what it decided */
} authplug_tectia_type;

/* Why access is denied (ExternalAuthorizationProgram). */
typedef enum authplug_tectia_code {
    AUTHPLUG_TECTIA_CODE_NONE,
    AUTHPLUG_TECTIA_CODE_GENERIC,         /* generic_error */
    AUTHPLUG_TECTIA_CODE_PASSWORD_TOO_OLD /* password_too_old */
} authplug_tectia_code;

/* One event; the fields beyond type are set as the type says. */
typedef struct authplug_tectia_event {
    authplug_tectia_type type;
    const authplug_tectia_pair *pairs; /* PARAMS; keys in lower case */
    uint32_t count;                    /* of pairs, prompts or replies */
    authplug_span instruction;         /* REQUESTS; the last one given */
    const authplug_ki_prompt *prompts; /* REQUESTS */
    const authplug_span *replies;      /* REPLIES */
    bool success;                      /* VERDICT */
    authplug_tectia_code code;         /* VERDICT; of a failure */
    authplug_span error_msg;           /* VERDICT; for the user */
    authplug_span error_log;           /* VERDICT; for the log only */
} authplug_tectia_event;

/* The value of a parameter, the last one if it came several times, or the empty
 * span; key in lower case. */
authplug_span authplug_tectia_param(const authplug_tectia_event *event,
                                    const char *key);

/* ---------------------------------------------------------------- server */

/*
 * The SSH server's end. Events: REQUESTS (keyboard-interactive only), then
 * CLOSE, then VERDICT.
 *
 * CLOSE comes with the verdict's line. Close the plugin's input, read on, and
 * call _eof at its end of output or after a second, whichever is first; then
 * VERDICT follows. A success after which the plugin went on talking is the
 * fault TURN, one inside a round that was not ended is TRUNCATED. Every fault
 * denies. After VERDICT there is only EOF.
 */
typedef struct authplug_tectia_server authplug_tectia_server;

/* limits may be NULL for the default. NULL: out of memory or bad limits. */
authplug_tectia_server *
authplug_tectia_server_new(authplug_tectia_kind kind,
                           const authplug_limits *limits);
void authplug_tectia_server_free(authplug_tectia_server **server);

/*
 * _params   the parameters, once and first; VALUE when a key is not a word or
 *           a value holds CR, LF or NUL; LENGTH, LIMIT, NOMEM; nothing was
 *           queued then.
 * _replies  one reply for each prompt of REQUESTS: COUNT when the number
 *           differs; the rest as above.
 */
authplug_status
authplug_tectia_server_params(authplug_tectia_server *server,
                              const authplug_tectia_pair *pairs,
                              uint32_t count);
authplug_status
authplug_tectia_server_replies(authplug_tectia_server *server,
                               const authplug_span *replies, uint32_t count);

authplug_status authplug_tectia_server_feed(authplug_tectia_server *server,
                                            const void *data, size_t len);
void authplug_tectia_server_eof(authplug_tectia_server *server);

/* OK and an event, NEED_MORE, or the fault's status. CLOSED when the plugin
 * ended without a verdict, TRUNCATED in the middle of a list or a line. */
authplug_status authplug_tectia_server_next(authplug_tectia_server *server,
                                            authplug_tectia_event *event);

authplug_span
authplug_tectia_server_output(const authplug_tectia_server *server);
void authplug_tectia_server_output_consume(authplug_tectia_server *server,
                                           size_t len);
unsigned authplug_tectia_server_wants(const authplug_tectia_server *server);

/* message is the list ("params", "requests", "replies", "verdict"), offset
 * the number of the line in it, from 1. */
authplug_fault
authplug_tectia_server_fault(const authplug_tectia_server *server);

/* ---------------------------------------------------------------- plugin */

/*
 * The plugin's end. Events: PARAMS, then REPLIES after each request, and EOF:
 * the server may go away at any point.
 */
typedef struct authplug_tectia_plugin authplug_tectia_plugin;

/* As authplug_tectia_server_new(). */
authplug_tectia_plugin *
authplug_tectia_plugin_new(authplug_tectia_kind kind,
                           const authplug_limits *limits);
void authplug_tectia_plugin_free(authplug_tectia_plugin **plugin);

/*
 * The calls that speak, each STATE out of turn, VALUE when a text holds CR,
 * LF or NUL, LENGTH, LIMIT, NOMEM; nothing was queued then.
 *
 * _request  asks the user (keyboard-interactive only). instruction may be
 *           empty. The user sees all prompts at once.
 * _success  and
 * _failure  are the verdict, and end the conversation. code is for
 *           AUTHPLUG_TECTIA_AUTHORIZE; the texts may be empty, error_log is
 *           for AUTHPLUG_TECTIA_PASSWD, and neither for KBDINT.
 */
authplug_status
authplug_tectia_plugin_request(authplug_tectia_plugin *plugin,
                               authplug_span instruction,
                               const authplug_ki_prompt *prompts,
                               uint32_t count);
authplug_status authplug_tectia_plugin_success(authplug_tectia_plugin *plugin);
authplug_status
authplug_tectia_plugin_failure(authplug_tectia_plugin *plugin,
                               authplug_tectia_code code,
                               authplug_span error_msg,
                               authplug_span error_log);

authplug_status authplug_tectia_plugin_feed(authplug_tectia_plugin *plugin,
                                            const void *data, size_t len);
void authplug_tectia_plugin_eof(authplug_tectia_plugin *plugin);

/* OK and an event, NEED_MORE, or the fault's status. COUNT when the number of
 * replies is not that of the prompts, TRUNCATED when the end of a list is
 * missing. After a fault every call gives it: the plugin ends without a
 * verdict, which denies. */
authplug_status authplug_tectia_plugin_next(authplug_tectia_plugin *plugin,
                                            authplug_tectia_event *event);

authplug_span
authplug_tectia_plugin_output(const authplug_tectia_plugin *plugin);
void authplug_tectia_plugin_output_consume(authplug_tectia_plugin *plugin,
                                           size_t len);
unsigned authplug_tectia_plugin_wants(const authplug_tectia_plugin *plugin);
authplug_fault
authplug_tectia_plugin_fault(const authplug_tectia_plugin *plugin);

#ifdef __cplusplus
}
#endif
#endif
