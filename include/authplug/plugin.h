/*
 * authplug/plugin.h - write a PuTTY authentication plugin.
 *
 * Fill in a struct of functions and call authplug_plugin_run() from main().
 * It takes over standard input and output, speaks the protocol, and survives
 * what real clients do: an empty username, no outcome, input held open or
 * closed at any moment. examples/hello.c is a whole plugin on one page.
 *
 * Standard error is silent, because some clients mix it into the protocol;
 * set AUTHPLUG_LOG to a file's name to have it appended there, or to "-" to
 * leave it alone. Standard input and output are empty and harmless from then
 * on, for the plugin and for the commands it runs.
 */
#ifndef AUTHPLUG_PLUGIN_H
#define AUTHPLUG_PLUGIN_H

#include <authplug/putty.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One conversation; lives during authplug_plugin_run(). */
typedef struct authplug_session authplug_session;

typedef enum authplug_outcome {
    AUTHPLUG_OUTCOME_UNKNOWN, /* the client went on or away without a word */
    AUTHPLUG_OUTCOME_SUCCESS, /* also partial success */
    AUTHPLUG_OUTCOME_FAILURE
} authplug_outcome;

/*
 * The functions of a plugin. `context` is what was given to
 * authplug_plugin_run(). Those that give a bool say whether to go on; before
 * giving false they may call authplug_session_refuse() to say why.
 */
typedef struct authplug_plugin {
    /* For messages; "plugin" when NULL. */
    const char *name;

    /*
     * The conversation begins: host, port and user are known (PLUGIN_INIT).
     * May call authplug_session_set_user(). False sends PLUGIN_INIT_FAILURE.
     * May be NULL.
     */
    bool (*init)(authplug_session *session, void *context);

    /*
     * May we handle this authentication method? False sends
     * PLUGIN_PROTOCOL_REJECT. Only keyboard-interactive is ever accepted, and
     * NULL accepts it always.
     */
    bool (*accept)(authplug_session *session, const char *method,
                   void *context);

    /*
     * The server asks. Call authplug_session_answer() once per prompt, in
     * order; it may take its time, and ask the user. False, or a wrong number
     * of answers, answers nothing: the user sees the reason and the login
     * attempt ends. request lives until the function returns. Not NULL.
     */
    bool (*answer)(authplug_session *session,
                   const authplug_ki_request *request, void *context);

    /*
     * What became of the answers; once for each accepted method. Never rely
     * on being told: the client may be killed at any moment. May be NULL.
     */
    void (*outcome)(authplug_session *session, authplug_outcome outcome,
                    void *context);

    /* Longest wait for the client, which may be waiting for its user, in
     * milliseconds; 0 is ten minutes. */
    int timeout_ms;

    /* NULL for AUTHPLUG_LIMITS_DEFAULT; borrowed. */
    const authplug_limits *limits;
} authplug_plugin;

/*
 * Holds the whole conversation. Gives what main() should return: 0 when the
 * client ended it in good order, 1 after a refusal, 2 when started in a way
 * no client starts it (a terminal on standard input), 111 when something
 * broke; the reason is on standard error.
 */
int authplug_plugin_run(const authplug_plugin *plugin, void *context);

/* The server's name, port, and the user as far as the client knows: "" when
 * it does not. NUL and control characters are left out. */
const char *authplug_session_host(const authplug_session *session);
uint32_t authplug_session_port(const authplug_session *session);
const char *authplug_session_user(const authplug_session *session);

/*
 * In init: log in as this user instead. VALUE when it holds a control
 * character, NOMEM; STATE later than init.
 */
authplug_status authplug_session_set_user(authplug_session *session,
                                          const char *user);

/*
 * Gives the reason that the user will see; use as `return
 * authplug_session_refuse(…)`: it is always false.
 */
bool authplug_session_refuse(authplug_session *session, const char *reason);

/*
 * In answer: the next answer. False when it cannot be sent (it holds a NUL,
 * is over a limit, or memory is short), with a reason already given.
 */
bool authplug_session_answer(authplug_session *session, authplug_span answer);
bool authplug_session_answer_text(authplug_session *session,
                                  const char *answer);

/*
 * In answer: ask the user (PLUGIN_KI_USER_REQUEST), and wait. The response
 * lives until the next call of these two. CLOSED when the client went away,
 * TIMEOUT, LIMIT, IO; STATE outside of answer.
 */
authplug_status authplug_session_ask(authplug_session *session,
                                     const authplug_ki_request *request,
                                     authplug_ki_response *response);

/* The same for one prompt. instruction may be NULL. */
authplug_status authplug_session_ask_one(authplug_session *session,
                                         const char *instruction,
                                         const char *prompt, bool echo,
                                         authplug_span *answer);

/*
 * In answer: lets this many milliseconds pass while the client is there.
 * TIMEOUT when they have; CLOSED as soon as it has gone, so that nobody wants
 * the answer any more; LIMIT, IO; STATE outside of answer.
 */
authplug_status authplug_session_wait(authplug_session *session,
                                      int milliseconds);

#ifdef __cplusplus
}
#endif
#endif
