/*
 * authplug/tectia_host.h - host a Tectia server plugin in an SSH server.
 *
 *      start     the plugin's process, and the parameters
 *      next      what it says: REQUESTS to put to the user, or its VERDICT
 *      replies   what the user answered
 *      finish    whatever happened: the process and all it started are gone
 *
 * Access is granted by one thing only: next gave OK and a VERDICT whose
 * success is true. Every status but OK denies; _error says why, for the log. A
 * failure is a verdict like any other: OK, and no error.
 *
 * What a user is told of it, and how soon, is the server's to decide: the same
 * words and the same time for a wrong answer, an unknown user and a broken
 * plugin.
 *
 * No call waits beyond the deadline that start set.
 */
#ifndef AUTHPLUG_TECTIA_HOST_H
#define AUTHPLUG_TECTIA_HOST_H

#include <authplug/tectia.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct authplug_tectia_host authplug_tectia_host;

/* Whom the plugin runs as. */
typedef struct authplug_tectia_identity {
    uint32_t uid, gid;
    const uint32_t *groups; /* all supplementary groups; may be NULL if none */
    size_t group_count;
} authplug_tectia_identity;

typedef struct authplug_tectia_host_options {
    authplug_tectia_kind kind;

    /* The program, looked for in the PATH below, and its arguments,
     * NULL-terminated... */
    const char *const *argv;
    /* ...or, where argv is NULL, a command line for /bin/sh -c. Borrowed for
     * the call of start, as is everything here but the callback. */
    const char *command;

    /* The plugin's environment is a fixed PATH, these two where they are not
     * NULL, and nothing else: SSH2_PASSWD_PATH, SSH_DEBUG_LEVEL. */
    const char *passwd_path, *debug_level;

    /* NULL: as this process. Needs the right to change identity. */
    const authplug_tectia_identity *as;

    /*
     * This process is not ours alone: a module in somebody's daemon. Whatever
     * the process does with SIGCHLD, its threads, descriptors and children,
     * the plugin's end is neither lost nor seen by it, and the plugin does not
     * outlive the process. The plugin has a session of its own and the root
     * directory, where its name, too, begins unless it is absolute. Costs a
     * fork. Goes without saying where `as` is set.
     */
    bool guarded;

    /* The whole conversation, the user's time included; 0 is 60 seconds. */
    int timeout_ms;

    /* NULL for AUTHPLUG_LIMITS_DEFAULT. */
    const authplug_limits *limits;

    /* A line of the plugin's standard error, raw; or NULL. */
    void (*on_stderr)(void *context, authplug_span line);
    void *context;
} authplug_tectia_host_options;

/*
 * Starts the plugin and queues the parameters. *host is NULL where there was
 * no memory for it, and else set whatever the status, so that _error can tell
 * why and _finish has something to free: NOT_FOUND, IO, NOMEM, USAGE; VALUE
 * when a parameter holds CR, LF or NUL, and LENGTH or LIMIT when it is too
 * long: the plugin was then not started. Guarded also TIMEOUT and CANCELLED.
 */
authplug_status
authplug_tectia_host_start(const authplug_tectia_host_options *options,
                           const authplug_tectia_pair *params, uint32_t count,
                           authplug_tectia_host **host);

/*
 * Waits for the plugin: OK and REQUESTS or VERDICT, else a fault, which
 * stays. The event lives until the next call. STATE after a verdict, or while
 * replies are owed; that is no fault.
 */
authplug_status authplug_tectia_host_next(authplug_tectia_host *host,
                                          authplug_tectia_event *event);

/*
 * Queues one reply per prompt, in order; _next sends them. With COUNT, VALUE,
 * LENGTH, LIMIT, NOMEM or STATE nothing was queued, and it may be called
 * again; VALUE and LENGTH are the user's fault. Anything else is a fault that
 * stays: TIMEOUT when the user took too long, TURN when the plugin spoke
 * before it was answered.
 */
authplug_status authplug_tectia_host_replies(authplug_tectia_host *host,
                                             const authplug_span *replies,
                                             uint32_t count);

/*
 * Ends what is left of the plugin: its input is closed and it gets a tenth of
 * a second, then its process group gets TERM, half a second, and KILL. What
 * the plugin put into another group is not ended. Frees and NULLs *host;
 * accepts NULL.
 */
void authplug_tectia_host_finish(authplug_tectia_host **host);

/* Milliseconds until the deadline, 0 when it has passed: how long a server may
 * wait for the user's replies. */
int64_t authplug_tectia_host_left(const authplug_tectia_host *host);

/* What went wrong in the last call, as one clause in plain words, or "". Holds
 * nothing that the plugin or the user wrote. NULL: memory ran out. */
const char *authplug_tectia_host_error(const authplug_tectia_host *host);

#ifdef __cplusplus
}
#endif
#endif
