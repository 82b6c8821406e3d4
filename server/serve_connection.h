/*
 * server/serve_connection.h - what the files of a connection's process offer
 * each other. Internal.
 *
 * Whatever waits ends at the deadline, when a signal comes, and when the
 * client goes away; then it says that the connection is over, and why is in
 * connection.over. From there all return to serve_connection.c.
 */
#ifndef SERVER_SERVE_CONNECTION_H
#define SERVER_SERVE_CONNECTION_H

#include "server/serve.h"

#include "io/capture.h"
#include "io/io.h"
#include "server/decision.h"

#include <authplug/tectia_host.h>

#include <libssh/server.h>

/* The most that is asked in one round: stock ssh answers no more. */
#define SERVE_PROMPTS 100
/* The most that a round's texts may have; RFC 4253 has every implementation
 * take packets of 32768 bytes. */
#define SERVE_ROUND_MAX 32000

/* -------------------------------------------------- serve_request.c */

typedef enum request_kind {
    REQUEST_NONE,
    REQUEST_PASSWORD,
    REQUEST_KBDINT,
    REQUEST_REPLIES, /* to what was asked last */
    REQUEST_OTHER    /* a method that is not here */
} request_kind;

/* A client's message, as it came; lives until the next one is asked for. */
typedef struct auth_request {
    request_kind kind;
    authplug_span user, service; /* not of REPLIES */
    authplug_span password;
    bool change; /* of the password, which then is the old one */
    authplug_span new_password;
    uint32_t count; /* of replies, of which the first SERVE_PROMPTS are here */
    authplug_span replies[SERVE_PROMPTS];
} auth_request;

typedef struct serve_tap {
    ssh_session session;
    ssh_pcap_file pcap;
    capture captured;
} serve_tap;

typedef struct connection {
    const serve_config *config;
    ssh_session session;
    ssh_event event; /* with the session alone: one poll at a time */
    int fd;          /* the session's */
    serve_tap tap;
    int64_t began, deadline;
    int64_t heard; /* when the client said something last */
    const char *over; /* why it is; NULL while it is not */
    bool too_long;    /* because of the deadline */
    char host_ip[64], host_name[256], peer_ip[64];
    char client[160]; /* for SSH_CONNECTION */
    char id[DECISION_ID];
    authplug_secret *user; /* of the first request; the name stays */
    ssh_message message;   /* the last request's: what can be replied to */
    auth_request request;
    bool unread;   /* the request is still to be handled */
    bool serviced; /* authentication was asked for, as a service */
    long changes;  /* of the password, tried by the method `password` */
} connection;

/*
 * The client's next request, in connection.request. False when the connection
 * is over.
 */
bool request_next(connection *with);
/* The request stays the next one. */
void request_unread(connection *with);

/* ------------------------------------------------------ serve_tap.c */

/*
 * libssh tells neither whether a password request is one for a change, nor
 * what follows a NUL. Its packet capture holds each packet as it came.
 */
bool tap_open(serve_tap *made, ssh_session session);
bool tap_next(serve_tap *from, capture_packet *packet);
void tap_close(serve_tap *open);

/* --------------------------------------------- serve_connection.c */

/*
 * Serves the connection; does not return. A byte on `told` says that the user
 * is logged in.
 */
_Noreturn void connection_run(const serve_config *config,
                              const serve_keys *keys, int fd, int told);

/* Notes why it is over; the first reason stays. Always false. */
bool connection_end(connection *with, const char *why);

/* Waits until the client says something, or (to_write) can be told more. */
bool connection_wait(connection *with, bool to_write);

/* Has libssh read and write, once, what it can. */
bool connection_turn(connection *with);

/* Has libssh send all that it keeps. */
bool connection_flush(connection *with);

/* Does nothing until then, while the client is there. */
bool connection_sleep(connection *with, int64_t until);

/* When a refusal may be told at the earliest. */
int64_t connection_refusal(const connection *with);

/* Whether a signal came, which ends the connection. */
bool connection_signalled(connection *with);

/* -------------------------------------------------- serve_bounds.c */

/* The process ends by itself soon after the deadline, whatever it hangs in, or
 * when it has used too much processor time. */
void bounds_begin(int64_t deadline);
void bounds_end(void);
/* Its memory has a bound, which what it starts must not inherit. */
void bounds_memory(bool on);

/* -------------------------------------------------- serve_hangup.c */

/* While it is watched, a client that goes away is a SIGHUP to us, so that it
 * ends waits that know nothing of it. */
void hangup_watch(int fd);
void hangup_ignore(int fd);
/* Whether it has gone away. */
bool hangup_is(int fd);

/* ----------------------------------------------------- serve_auth.c */

/*
 * Authenticates and authorizes. False when the connection is over. must_change
 * is whether the user may do nothing but change the password.
 */
bool auth_run(connection *with, bool *must_change);

/* What a method, or a part of it, came to. */
typedef enum auth_end {
    AUTH_PASSED,
    AUTH_FAILED,
    AUTH_ABANDONED, /* by another request */
    AUTH_OVER       /* the connection is */
} auth_end;

/* What there is to say of it. */
typedef struct auth_result {
    auth_end end;
    bool broken;         /* failed for a fault that is not the user's */
    bool must_change;    /* the password that passed */
    const char *plugin;  /* that decided, or NULL */
    char reason[256];    /* for the log */
} auth_result;

/* Sets end and reason; the reason is made harmless by who writes the log. */
IO_PRINTF(3, 4)
void auth_ends(auth_result *result, auth_end end, const char *format, ...);

/* "accepted", "rejected" or "error", for the log. */
const char *auth_outcome(const auth_result *result);

/* Checks a password against the password file. One that has expired passes, and
 * must be changed. */
void auth_password(connection *with, authplug_span password,
                   auth_result *result);

/* ------------------------------------------------ serve_changereq.c */

/* The request for the method `password` has come, where there is a plugin that
 * changes passwords. */
void changereq_run(connection *with, auth_result *result);

/* --------------------------------------------------- serve_change.c */

/* Longer words for the user are none. */
#define CHANGE_WORDS 4096
#define CHANGE_EXPIRED "Your password has expired and must be changed."
#define CHANGE_AGAIN "The password was not changed. Choose another one."

/*
 * Changes the password: AUTH_PASSED, and it must not be changed any more. With
 * AUTH_FAILED that is not broken it was refused; words then say why, and ask
 * for another one (CHANGE_AGAIN where they are empty). The old password is
 * right, as the caller knows; again is the new one, typed once more, or NULL.
 */
void change_password(connection *with, authplug_span old, authplug_span new,
                     const authplug_span *again, authplug_secret *words,
                     auth_result *result);

/* --------------------------------------------------- serve_kbdint.c */

/* The request for keyboard-interactive has come. */
void kbdint_run(connection *with, auth_result *result);

/* ------------------------------------------------------ serve_ask.c */

/* A round: shows the user what is asked. AUTH_PASSED when connection.request
 * then holds a reply for each prompt. */
void ask_user(connection *with, const char *title, authplug_span instruction,
              const authplug_ki_prompt *prompts, uint32_t count,
              auth_result *result);

/* --------------------------------------------------- serve_plugin.c */

/* Holds the conversation with AuthKbdInt.Plugin. */
void plugin_kbdint(connection *with, auth_result *result);

/* Has AuthPassword.ChangePlugin change the password; what it has to tell the
 * user is added to message, if that has room for all of it. */
void plugin_change(connection *with, authplug_span old, authplug_span new,
                   authplug_secret *message, auth_result *result);

/* Asks ExternalAuthorizationProgram; what it has to tell the user is added
 * to message. */
void plugin_authorize(connection *with, authplug_secret *message,
                      auth_result *result);

/* ------------------------------------------------------ serve_log.c */

/* A line of JSON on standard error. */
void log_decision(const connection *with, const char *event,
                  const char *outcome, const auth_result *result,
                  int64_t began);
/* The same of a change of the password, with the plugin's words. */
void log_change(const connection *with, const auth_result *result,
                authplug_span message, authplug_span detail, int64_t began);
/* The same of what concerns the connection as a whole. */
void log_event(const connection *with, const char *event, const char *outcome,
               const char *reason);
/* A line that a plugin wrote to its standard error. */
void log_plugin(const connection *with, const char *plugin,
                authplug_span line);

#endif
