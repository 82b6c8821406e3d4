/*
 * server/sessions.h - what a client of `serve` may do once it is logged in:
 * sessions that run a command, a shell with or without a pty, or sftp through
 * the system's sftp-server, as the user who runs the server. Internal.
 */
#ifndef SERVER_SESSIONS_H
#define SERVER_SESSIONS_H

#include <libssh/libssh.h>

#include <stdbool.h>

typedef struct sessions_options {
    const char *user;   /* the account's name, for LOGNAME and USER */
    const char *client; /* "ADDR PORT ADDR PORT", for SSH_CONNECTION */
    const char *forced; /* a command line to run instead of what is asked for,
                           after which the connection closes; or NULL */
    unsigned most;      /* sessions at a time; more are refused */
} sessions_options;

/*
 * Serves the connection until it ends, and ends what was started with it: HUP,
 * then KILL, for each session's process group. Everything else a client may
 * ask for (forwards, agent, X11, env but LANG and LC_*) is refused. Gives 0,
 * or 1 when the connection broke.
 */
int sessions_serve(ssh_session session, const sessions_options *options);

#endif
