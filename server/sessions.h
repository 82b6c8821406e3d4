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
 * Serves an authenticated connection until it ends, or until a signal comes
 * that io_signals_begin() watches for, and ends what was started with it: HUP,
 * and a second later KILL, for each session's process group. Everything else a
 * client may ask for (forwards, agent, X11, env but LANG and LC_*) is refused.
 * The session is disconnected then; ssh_free() is the caller's. Gives 0, or 1
 * when the connection ended while programs ran, or could not be served.
 *
 * The process is to be the connection's own: meanwhile it reaps all of its
 * children, and those of them that lose their parents. The session is to be in
 * no ssh_event. Its socket is made non-blocking, with TCP's keepalive.
 *
 * What a command leaves running in the background when it ends lives on, as
 * with sshd, until the connection ends; with a terminal, the session does not
 * wait for it. What is in a process group of its own by then (after setsid, or
 * a job of a shell at a terminal) is not signalled by us, and may survive.
 *
 * An exit status is told also to a client that has closed its channel. One that
 * closes it before the end of output has left, and a second later its program
 * is ended; one that closes it as an answer to that end waits, as with sshd.
 *
 * libssh does not pass on: the modes of a terminal, so they are the system's
 * defaults; what follows a NUL in a command or a subsystem's name; requests for
 * a channel with packets of 0 bytes, which some versions leave without an
 * answer; and OpenSSH's notice that nobody reads the output any more, so
 * `ssh host yes | head` ends as with other servers that are not OpenSSH's: when
 * the user ends it.
 */
int sessions_serve(ssh_session session, const sessions_options *options);

#endif
