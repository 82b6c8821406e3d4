/*
 * authplug/tectia_run.h - write a Tectia server plugin.
 *
 * Fill in a struct and call authplug_tectia_run() from main(). It takes over
 * standard input and output, reads the parameters, calls decide, and says the
 * verdict. examples/tectia/personal_info.c is a whole plugin on one page.
 *
 * Standard error is the plugin's own, for the server's log. From then on
 * standard input is empty and standard output harmless (it goes to standard
 * error, or nowhere), for the plugin and for the commands it runs.
 */
#ifndef AUTHPLUG_TECTIA_RUN_H
#define AUTHPLUG_TECTIA_RUN_H

#include <authplug/tectia.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One conversation; lives during authplug_tectia_run(). */
typedef struct authplug_tectia_session authplug_tectia_session;

typedef struct authplug_tectia_program {
    /* For messages; "plugin" when NULL. */
    const char *name;

    authplug_tectia_kind kind;

    /*
     * Whether to let them in (or: whether the password was changed). May ask
     * any number of rounds (AUTHPLUG_TECTIA_KBDINT). Not NULL. True denies all
     * the same after a question that failed, or after a refusal. `context` is
     * what was given to authplug_tectia_run().
     */
    bool (*decide)(authplug_tectia_session *session, void *context);

    /* Longest wait for the server, which may be waiting for its user, in
     * milliseconds; 0 is ten minutes. */
    int timeout_ms;

    /* NULL for AUTHPLUG_LIMITS_DEFAULT; borrowed. */
    const authplug_limits *limits;
} authplug_tectia_program;

/*
 * Holds the whole conversation. Gives what main() should return: 0 after
 * success, 1 after failure, 2 when started in a way no server starts it (a
 * terminal on standard input), 111 when something broke, with the reason on
 * standard error; access is then denied. The verdict has been sent and the
 * conversation closed by then; nothing that was heard is still in memory.
 */
int authplug_tectia_run(const authplug_tectia_program *program, void *context);

/* The last value of a parameter, "" when it was not given; key in lower
 * case. Lives as long as the session. It comes from whoever logs in. */
const char *
authplug_tectia_session_param(const authplug_tectia_session *session,
                              const char *key);

/* Adds a prompt to the next question; echo when what is typed may be seen. */
void authplug_tectia_session_prompt(authplug_tectia_session *session,
                                    const char *prompt, bool echo);

/*
 * Asks the prompts that were added, all in one round, and waits for the
 * replies; without prompts the user is only shown the instruction, which may
 * be NULL. False when that did not work out: the server went away, a text
 * holds CR or LF, a limit. Then end; the reason was given on standard error.
 */
bool authplug_tectia_session_ask(authplug_tectia_session *session,
                                 const char *instruction);

/* The reply to the nth prompt of the last question, from 0; "" beyond them.
 * Lives until the next question. It comes from whoever logs in. */
const char *
authplug_tectia_session_reply(const authplug_tectia_session *session,
                              uint32_t n);

/*
 * Gives the reason that the user will see; use as `return
 * authplug_tectia_session_refuse(...)`: it is always false. code is for
 * AUTHPLUG_TECTIA_AUTHORIZE, else AUTHPLUG_TECTIA_CODE_NONE. Not for
 * AUTHPLUG_TECTIA_KBDINT, which has no reasons. reason may be NULL; the first
 * one stays.
 */
bool authplug_tectia_session_refuse(authplug_tectia_session *session,
                                    authplug_tectia_code code,
                                    const char *reason);

/* A reason for the server's log only (AUTHPLUG_TECTIA_PASSWD); false. */
bool authplug_tectia_session_refuse_log(authplug_tectia_session *session,
                                        const char *reason);

#ifdef __cplusplus
}
#endif
#endif
