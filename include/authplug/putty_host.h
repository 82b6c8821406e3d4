/*
 * authplug/putty_host.h - host a PuTTY authentication plugin in an SSH client.
 *
 * Five calls, each of which waits no longer than its deadline:
 *
 *      start     once the host key is accepted: the plugin's process
 *      init      before the first authentication request: who, where
 *      begin     before a keyboard-interactive request: does it take part?
 *      request   for every SSH_MSG_USERAUTH_INFO_REQUEST: exact bytes in,
 *                exact bytes of the SSH_MSG_USERAUTH_INFO_RESPONSE out
 *      finish    when authentication is over, however it ended
 *
 * and _outcome in between where one method ends and another may begin. After
 * an error only _error, _status and _finish make sense.
 */
#ifndef AUTHPLUG_PUTTY_HOST_H
#define AUTHPLUG_PUTTY_HOST_H

#include <authplug/putty.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct authplug_putty_host authplug_putty_host;

typedef struct authplug_putty_host_options {
    /* The program and its arguments, NULL-terminated, found through PATH... */
    const char *const *argv;
    /* ...or, where argv is NULL, a command line: for /bin/sh -c, on Windows
     * for CreateProcess. Borrowed for the call of start. */
    const char *command;

    /* Longest wait for one message of the plugin; 0 is 60 seconds. The time
     * that the user takes in `ask` does not count. */
    int timeout_ms;

    /* NULL for AUTHPLUG_LIMITS_DEFAULT. */
    const authplug_limits *limits;

    /*
     * Asks the user on the plugin's behalf and adds one answer per prompt to
     * the reply. Its words are the plugin's, not yours: mark them so, and
     * make them harmless (authplug/text.h). A status other than OK ends the
     * conversation with it. NULL: the plugin may not ask (CANCELLED).
     */
    authplug_status (*ask)(void *context, const authplug_ki_request *request,
                           authplug_ki_reply *reply);

    /* A line of the plugin's standard error, raw; or NULL. */
    void (*on_stderr)(void *context, authplug_span line);
    void *context;
} authplug_putty_host_options;

/*
 * Starts the plugin. *host is set on success, and also on failure unless
 * memory ran out, so that _error can tell why: NOT_FOUND, IO, NOMEM, USAGE.
 */
authplug_status
authplug_putty_host_start(const authplug_putty_host_options *options,
                          authplug_putty_host **host);

/* From now on no call waits longer than ms in all; for a total deadline. */
void authplug_putty_host_set_deadline(authplug_putty_host *host, int64_t ms);

/*
 * hostname is the name the host key is kept under. *chosen is the username
 * that the plugin wants, empty for no opinion, without control characters;
 * it lives as long as the host. REFUSED when the plugin wants no part in it
 * (its words are in _plugin_text), else a fault.
 */
authplug_status authplug_putty_host_init(authplug_putty_host *host,
                                         const char *hostname, uint32_t port,
                                         const char *username,
                                         const char **chosen);

/*
 * method is AUTHPLUG_KI_METHOD. REJECTED when the plugin does not take part,
 * its reason, if any, in _plugin_text; the caller goes on without it and may
 * ask again for another method.
 */
authplug_status authplug_putty_host_begin(authplug_putty_host *host,
                                          const char *method);

/*
 * body: the server's request after its type byte. *response: what goes to the
 * server after the type byte of SSH_MSG_USERAUTH_INFO_RESPONSE; it lives
 * until the next call. *bad_request is set when the server's body was not
 * well-formed; the plugin was then not asked.
 */
authplug_status authplug_putty_host_request(authplug_putty_host *host,
                                            authplug_span body,
                                            authplug_ki_response *response,
                                            bool *bad_request);

/* Tells the outcome of the method begun; does nothing if none is open. A
 * plugin that is gone by then is no error. */
authplug_status authplug_putty_host_outcome(authplug_putty_host *host,
                                            bool success);

/*
 * Ends the conversation: closes the plugin's input, gives it a second to end,
 * then ends its whole process group. Frees and NULLs *host.
 */
void authplug_putty_host_finish(authplug_putty_host **host);

/* The plugin's own words from REFUSED or REJECTED; live until the next call. */
authplug_span authplug_putty_host_plugin_text(const authplug_putty_host *host);

/* What went wrong, as one clause in plain words, "" while nothing has. Holds
 * nothing that the plugin wrote. */
const char *authplug_putty_host_error(const authplug_putty_host *host);

#ifdef __cplusplus
}
#endif
#endif
