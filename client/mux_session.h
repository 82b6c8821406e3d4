/*
 * mux_session.h - one session of a multiplexed connection: a libssh channel on
 * one side, the three descriptors that a client passed on the other (a
 * mux_pipe), and what has to be asked of the server before they are joined.
 *
 * A session never blocks and never waits for itself: whatever may take time is
 * a step that is tried again when something arrived. Its owner (mux.c) calls,
 * over and over: _poll before poll(), _ready after it, libssh for what the
 * server sent, _step, and then looks at the report.
 */
#ifndef AUTHPLUG_CLIENT_MUX_SESSION_H
#define AUTHPLUG_CLIENT_MUX_SESSION_H

#include "client/mux_pipe.h"
#include "client/mux_proto.h"

/* How many entries of poll() a session may need. */
#define MUX_SESSION_POLLS MUX_PIPE_POLLS

/*
 * For how long a session with too large a backlog keeps others waiting; then
 * it is ended.
 */
#define MUX_BACKLOG_MS 10000

enum mux_session_state {
    MUX_SESSION_OPENING, /* the server has not answered yet */
    MUX_SESSION_UP,      /* it has a channel */
    MUX_SESSION_REFUSED, /* the server refused; reason says why */
    MUX_SESSION_ENDED    /* over; all descriptors are closed */
};

/* What the client is to be told. */
struct mux_session_report {
    enum mux_session_state state;
    uint32_t number;      /* the session's, unique in the connection */
    bool tty_failed;      /* a terminal was wanted and the server had none */
    bool exited;          /* there is an exit status, ... */
    uint32_t exit_status; /* ... this one */
    char reason[160];     /* where it was refused */
};

struct mux_session;

/*
 * A session for a request, whose spans are copied. fds (standard input, output
 * and error) become the session's, also when it fails: NULL when out of
 * memory or descriptors. Nothing was sent yet.
 */
struct mux_session *mux_session_new(struct mux_hub *hub, uint32_t number,
                                    const struct mux_new_session *request,
                                    const int fds[3]);

/*
 * Forgets the session. Before it has ended, this is right only when the whole
 * connection is about to end: see mux_session_abandon.
 */
void mux_session_free(struct mux_session **session);

/*
 * Its client went away: closes the descriptors and the channel. An answer to
 * the request for a channel has still to be waited for (libssh would lose the
 * channel, and the server would keep it), so step it until it has ended.
 */
void mux_session_abandon(struct mux_session *session);

/* Fills in what to wait for; gives the number of entries used. */
size_t mux_session_poll(struct mux_session *session,
                        struct pollfd polls[MUX_SESSION_POLLS]);

/* Notes what poll() said of the same entries. */
void mux_session_ready(struct mux_session *session,
                       const struct pollfd polls[MUX_SESSION_POLLS]);

/* Goes as far as it goes without waiting. May let libssh take packets in. */
void mux_session_step(struct mux_session *session);

/* The terminal's size may have changed: tells the server, if it has. */
void mux_session_resized(struct mux_session *session);

/*
 * For how many milliseconds its reader has taken nothing, while its backlog is
 * over MUX_BACKLOG_MAX; -1 while it is not.
 */
long mux_session_flooded_ms(const struct mux_session *session);

/* The connection broke: says so on its standard error, if no exit status came
 * before. */
void mux_session_lost(struct mux_session *session);

/* Ends it, and says on its standard error that others wait. */
void mux_session_give_up(struct mux_session *session);

const struct mux_session_report *
mux_session_report(const struct mux_session *session);

#endif
