/*
 * server/session_channel.h - one session of a connection: a libssh channel on
 * one side, a program on the other. Internal.
 *
 * A session never waits. Its owner (sessions.c) calls, over and over:
 * session_poll() before poll(), session_ready() after it, libssh for what the
 * client sent, session_step(), and session_tick() as the time passes.
 *
 * What the client sends goes from inside libssh's data callback straight to the
 * program. What the program does not take stays with libssh, and the channel's
 * window, which is not opened any more, stops the client. The program's output
 * is read when the channel's window has room and nothing waits to be sent.
 */
#ifndef SERVER_SESSION_CHANNEL_H
#define SERVER_SESSION_CHANNEL_H

#include "server/session_process.h"
#include "server/sessions.h"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>

#include <poll.h>

#define SESSIONS_PROGRAM "authplug serve"

/* How much output is read at once: what a pipe holds. */
#define SESSION_HELPING 65536

/* The most entries of poll() that a session needs. */
#define SESSION_POLLS 3

/* How long a program may take to end: after its client has closed the channel,
 * and again after HUP. */
#define SESSION_GRACE 1000

/* What all sessions of a connection share. */
typedef struct session_hub {
    ssh_session ssh;
    const sessions_options *options;
    session_account account;
    rlim_t memory; /* the programs' RLIMIT_DATA */
    /*
     * Counts the packets that libssh takes in. Any call into libssh may take
     * some, for any channel; this is how we notice.
     */
    struct ssh_counter_struct packets;
    const char *fault; /* why the connection has to end; or NULL */
    bool forced_began; /* the forced command was started */
    unsigned char helping[SESSION_HELPING];
} session_hub;

typedef struct session session;

/* A session for a channel that is being opened; NULL when out of memory. The
 * channel is libssh's answer to the request for it. */
session *session_new(session_hub *hub, ssh_channel *channel);

/* Forgets a session that is gone, or whose connection is. */
void session_free(session *it);

/* Fills in what to wait for; gives the number of entries used. */
size_t session_poll(session *it, struct pollfd polls[SESSION_POLLS]);
/* Notes what poll() said of the same entries; gives their number. */
size_t session_ready(session *it, const struct pollfd polls[SESSION_POLLS]);
/* Goes as far as it goes without waiting. May let libssh take packets in. */
void session_step(session *it);

/* Its program, or 0; and that it ended, with what waitpid() said. */
pid_t session_pid(const session *it);
void session_exited(session *it, int status);

/* The connection ends: gives up the channel and ends the programs, HUP now and
 * KILL later, by session_tick(). */
void session_end(session *it);
/* Does what is due; gives when something is, or INT64_MAX. */
int64_t session_tick(session *it, int64_t now);

/* Whether a program was started and the client, which has not left, not told of
 * its end yet. */
bool session_is_running(const session *it);
/* Whether it has ended by itself, but for what its program left running. */
bool session_is_over(const session *it);
/* Whether nothing is left of it. */
bool session_is_gone(const session *it);

#endif
