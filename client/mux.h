/*
 * mux.h - lets stock ssh run its sessions through a connection of ours.
 *
 * A process that holds an authenticated libssh session becomes what OpenSSH
 * calls a control master: it listens on a UNIX socket, and `ssh -S PATH host
 * command`, `scp -o ControlPath=PATH`, `sftp`, `rsync`, `git` hand it their
 * standard input, output and error and get a session on that connection. The
 * protocol is OpenSSH's PROTOCOL.mux, version 4.
 *
 *     char path[MUX_PATH_MAX], why[256];
 *     struct mux_options options = {.path = path, .owner_pid = owner};
 *     int fd = mux_listen(path, sizeof path, why, sizeof why);
 *     if (fd >= 0)
 *         end = mux_serve(session, fd, &options);
 *     ssh_free(session);
 *
 * Served are:
 * - sessions (command, shell, subsystem; with a terminal or without, with the
 *   agent or without);
 * - standard input and output forwarded to a port or a socket (-W);
 * - forwards of ports and UNIX sockets (-L), dynamic ones (-D: SOCKS 4, 4a, 5),
 *   and ports of the server's side (-R, also with SOCKS, also with a port that
 *   the server chooses), asked for with a session or by -O forward and -O
 *   cancel;
 * - the alive check, and the end of listening (-O stop) and of all (-O exit).
 *
 * Whatever is refused is refused with a reason that ssh shows. A wish for X11
 * is passed over, and one for the agent where there is none, as OpenSSH's
 * master does that was not told to allow them. Environment variables are passed
 * on as the client sends them: ssh has selected them by its own SendEnv and
 * SetEnv.
 *
 * Forwards stay with the connection when the client that asked for them has
 * gone, as with OpenSSH. Whoever may connect to a local port may use it, also
 * other users; they listen on the loopback addresses unless the client names
 * another (GatewayPorts is not known here). UNIX sockets are made with mode
 * 0600, and removed at the end.
 *
 * What OpenSSH's master does and this one cannot, because libssh 0.10 lacks
 * it: UNIX sockets of the server's side (-R), which are refused; terminal modes
 * (the server's defaults apply; the client's terminal is raw anyway), pixels in
 * the terminal's size, and several requests on their way at once (every
 * environment variable costs a round trip). And it is no proxy (-O proxy).
 */
#ifndef AUTHPLUG_CLIENT_MUX_H
#define AUTHPLUG_CLIENT_MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <libssh/libssh.h>

/* The longest path of a UNIX socket on Linux, its NUL included. */
#define MUX_PATH_MAX 108

/* The most clients at a time; a further one is turned away. */
#define MUX_CLIENTS_MAX 256

/*
 * Makes a listening socket for this process alone: with a random name in
 * $XDG_RUNTIME_DIR/authplug or, where XDG_RUNTIME_DIR is not a directory of
 * ours, in ~/.authplug. The directory is created with mode 0700 if need be,
 * and refused unless it is ours and nobody else may write to it. The socket's
 * mode is 0600; the descriptor is close-on-exec.
 *
 * Gives the descriptor and puts the path into path (of size bytes,
 * MUX_PATH_MAX suffices), or gives -1 and puts into why what happened and what
 * to do, as one line without an end.
 *
 * Changes the process's umask for a moment.
 */
int mux_listen(char *path, size_t size, char *why, size_t whysize);

struct mux_options {
    /*
     * The socket's path, removed when serving ends; NULL leaves the removal to
     * the caller.
     */
    const char *path;

    /* A symbolic link to it that is removed as well, or NULL. */
    const char *link;

    /*
     * Whether a single client is meant: the path is removed as soon as one has
     * connected, so that nobody else can, and serving ends when that one has
     * gone, whatever the owner does and whatever goes on over forwards.
     */
    bool once;

    /*
     * The process on whose behalf this is: when it is gone and no client is
     * connected, serving ends. 0 when there is none. Take care that it is the
     * pid of a process that still ran when this one was forked from it.
     */
    pid_t owner_pid;

    /* Whether serving ends with the owner, whoever is connected. */
    bool follows;

    /*
     * For how long, in milliseconds, to wait for the first client; 0 for as
     * long as the owner lives.
     */
    int first_client_ms;

    /*
     * For how long, in milliseconds, to serve on without a client once the
     * owner, if there is one, has gone; -1 for ever, 0 not at all. Where there
     * is no owner 0 means for ever, too.
     */
    long idle_ms;

    /*
     * After so many milliseconds of silence the server is asked for a sign of
     * life, and so often again before the connection is given up; 0 for never.
     */
    long alive_ms;
    unsigned alive_count;

    /*
     * Whether a channel is kept open for the next session, while none is there:
     * it then begins one round trip sooner.
     */
    bool ahead;

    /*
     * The socket of an agent, for sessions that ask to have it forwarded; NULL
     * passes their wish over.
     */
    const char *agent;

    /*
     * What clients are told when the connection is lost: one line, without its
     * end, with the program's name and what to do. NULL for nothing.
     */
    const char *lost;

    /*
     * Is told, line by line, what happens: no line end, nothing of what goes
     * over the sessions, no environment and no commands. May be NULL.
     */
    void (*debug)(void *user, const char *text);
    void *user; /* for debug */
};

enum mux_end {
    MUX_END_DONE,       /* no client is left and none is to be expected; after
                           -O stop, no forwarded connection either */
    MUX_END_UNUSED,     /* no client came in time */
    MUX_END_STOPPED,    /* SIGTERM, SIGINT or SIGHUP */
    MUX_END_CONNECTION, /* the SSH connection broke; see ssh_get_error */
    MUX_END_EXIT,       /* a client asked for it (ssh -O exit) */
    MUX_END_ERROR       /* out of memory or descriptors; see errno */
};

/*
 * Serves until one of the above. The session has to be authenticated, and
 * belongs to this function meanwhile: it is made non-blocking, its counters
 * and message callback are used, TCP_NODELAY is set. At the end all channels
 * are closed and the session is disconnected, but not freed; listen_fd is
 * closed.
 *
 * Clients of another user are turned away. A client that stalls, in the
 * middle of a packet or with its output, holds up nobody else, and neither does
 * a forwarded connection; but see MUX_BACKLOG_MAX in mux_pipe.h for when a
 * session may, for ten seconds. A server that does not answer a forward is
 * waited for by nobody but those who ask for forwards of its side, and for
 * thirty seconds.
 *
 * At most MUX_CLIENTS_MAX clients, MUX_FORWARDS_MAX forwards (mux_forward.h)
 * and MUX_LINKS_MAX forwarded connections (mux_links.h) at a time. All together
 * may need about 900 descriptors; without more of them, listeners rest.
 *
 * Names of hosts on this side are looked up by a child of the process, which
 * has to leave SIGCHLD alone, or ignore it.
 *
 * Single-threaded, and to be called by a process that does nothing else: it
 * blocks SIGPIPE, SIGWINCH, SIGTERM, SIGINT and SIGHUP while it serves (the
 * last three only where they are not ignored), and puts the mask back. The
 * process has to be the leader of its own session (setsid): as a background
 * job of the client's terminal it would get SIGTTIN where it reads.
 */
enum mux_end mux_serve(ssh_session session, int listen_fd,
                       const struct mux_options *options);

#endif
