/* One session: a libssh channel and three passed descriptors. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "client/mux_session.h"

#include "client/mux_escape.h"
#include "client/mux_spare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---------------------------------------------------------------- session */

enum phase {
    PHASE_OPEN,
    PHASE_AGENT,
    PHASE_PTY,
    PHASE_ENV,
    PHASE_START,
    PHASE_RUN,
    PHASE_OVER
};

struct mux_session {
    struct mux_hub *hub;
    struct mux_pipe pipe;
    struct mux_session_report report;

    enum phase phase;
    bool asked;    /* the phase's request was sent */
    uint64_t seen; /* how many packets had arrived when it was tried */

    bool may_retry;  /* to open a channel */
    bool abandoned;  /* the client has gone */
    bool to_close;   /* it is over, and the channel is to be closed */
    bool uses_agent; /* it counts among the hub's users */

    bool want_agent;
    bool want_tty;
    bool want_subsystem;
    struct mux_escape escape; /* with a terminal only */
    struct winsize size;
    char *text; /* the memory of the strings below */
    const char *term;
    const char *command;
    size_t env_count;
    size_t env_next;
    const char *env[]; /* names, each followed by its value in the text */
};

/* Looks for escapes first. What they add is one byte at the most. */
static void
send_typed(struct mux_pipe *pipe, const unsigned char *data, size_t len)
{
    static const char farewell[] = "~.\r\n";
    struct mux_session *session = pipe->user;
    unsigned char *typed = malloc(len + 1);
    bool end = false;

    if (typed == NULL) {
        pipe->cut = true;
        return;
    }
    len = mux_escape_filter(&session->escape, data, len, typed, &end);
    if (len > 0)
        mux_pipe_send(pipe, typed, len);
    free(typed);
    if (end) {
        pipe->cut = true;
        (void)mux_fd_write(&pipe->err.end, farewell, sizeof farewell - 1);
    }
}

/* --------------------------------------------------------- birth and death */

static char *
copy_text(char **to, authplug_span from)
{
    char *start = *to;

    if (from.len > 0)
        memcpy(start, from.data, from.len);
    start[from.len] = '\0';
    *to += from.len + 1;
    return start;
}

/* Copies the strings of the request into one piece of memory. */
static bool
copy_request(struct mux_session *session, const struct mux_new_session *request)
{
    size_t size = request->term.len + request->command.len + 2;
    char *to;
    size_t i;

    for (i = 0; i < request->env_count; i++)
        size += request->env[i].len + 1;
    to = session->text = malloc(size);
    if (to == NULL)
        return false;
    session->term = copy_text(&to, request->term);
    session->command = copy_text(&to, request->command);
    for (i = 0; i < request->env_count; i++) {
        char *name = copy_text(&to, request->env[i]);

        *strchr(name, '=') = '\0'; /* is there: mux_request_read saw to it */
        session->env[i] = name;
    }
    session->env_count = request->env_count;
    session->want_tty = request->want_tty;
    session->want_agent = request->want_agent && session->hub->agent != NULL;
    session->escape.character =
        request->want_tty ? request->escape_char : UINT32_MAX;
    if (session->escape.character <= 0xff)
        session->pipe.typed = send_typed;
    session->want_subsystem = request->want_subsystem;
    return true;
}

static bool
open_channel(struct mux_session *session)
{
    ssh_channel channel = mux_spare_take(session->hub->spare, session->hub);

    if (channel == NULL)
        channel = ssh_channel_new(session->hub->ssh);
    return channel != NULL && mux_pipe_attach(&session->pipe, channel);
}

struct mux_session *
mux_session_new(struct mux_hub *hub, uint32_t number,
                const struct mux_new_session *request, const int fds[3])
{
    struct mux_session *session =
        calloc(1, sizeof *session + request->env_count * sizeof(char *));

    if (session == NULL) {
        close(fds[0]);
        close(fds[1]);
        close(fds[2]);
        return NULL;
    }
    session->hub = hub;
    session->report.number = number;
    session->may_retry = hub->spare->channel != NULL;
    mux_pipe_init(&session->pipe, hub);
    session->pipe.user = session;
    session->pipe.in = mux_fd_adopt(fds[0]);
    session->pipe.out.end = mux_fd_adopt(fds[1]);
    session->pipe.err.end = mux_fd_adopt(fds[2]);
    if (!copy_request(session, request) || !open_channel(session))
        mux_session_free(&session);
    return session;
}

static void
leave_agent(struct mux_session *session)
{
    session->hub->agent_users -= session->uses_agent;
    session->uses_agent = false;
}

void
mux_session_free(struct mux_session **session)
{
    struct mux_session *it = *session;

    if (it == NULL)
        return;
    leave_agent(it);
    if (it->to_close)
        mux_pipe_close_channel(&it->pipe);
    mux_pipe_release(&it->pipe);
    free(it->text);
    free(it);
    *session = NULL;
}

static void
finish(struct mux_session *session, enum mux_session_state state)
{
    leave_agent(session);
    mux_pipe_close_ends(&session->pipe);
    session->to_close = state == MUX_SESSION_ENDED;
    session->report.exited = session->pipe.exited;
    session->report.exit_status = session->pipe.exit_status;
    session->phase = PHASE_OVER;
    session->report.state = state;
    mux_debug(session->hub, "session %u: over", session->report.number);
}

void
mux_session_abandon(struct mux_session *session)
{
    session->abandoned = true;
    mux_pipe_close_ends(&session->pipe);
    if (session->phase != PHASE_OPEN && session->phase != PHASE_OVER)
        finish(session, MUX_SESSION_ENDED);
}

/* ---------------------------------------------------------------- set-up */

/* A line of our own on the client's standard error, as OpenSSH puts it. */
static void
complain(struct mux_session *session, const char *what, const char *happened)
{
    char line[120];
    size_t taken;

    mux_debug(session->hub, "session %u: %s%s", session->report.number, what,
              happened);
    snprintf(line, sizeof line, "%s%s\r\n", what, happened);
    if (session->pipe.err.end.fd >= 0)
        (void)mux_sink_write(&session->pipe.err, (unsigned char *)line,
                             strlen(line), &taken);
}

static void
refused(struct mux_session *session)
{
    snprintf(session->report.reason, sizeof session->report.reason,
             "the server refused another session: %.100s",
             mux_ssh_error(session->hub));
    mux_debug(session->hub, "session %u: %s", session->report.number,
              session->report.reason);
    finish(session, MUX_SESSION_REFUSED);
}

/*
 * A spare channel can be the reason of a refusal: it was asked for right behind
 * the end of a session that still counted; or it is in use for a sign of life,
 * and there is no room beside it. Neither lasts, so ask once more.
 */
static bool
open_again(struct mux_session *session)
{
    if (!session->may_retry || session->abandoned)
        return false;
    session->may_retry = false;
    mux_pipe_detach(&session->pipe);
    return open_channel(session);
}

static enum phase
next_phase(const struct mux_session *session)
{
    if (session->phase < PHASE_AGENT && session->want_agent)
        return PHASE_AGENT;
    if (session->phase < PHASE_PTY && session->want_tty)
        return PHASE_PTY;
    if (session->phase < PHASE_START && session->env_next < session->env_count)
        return PHASE_ENV;
    return session->phase < PHASE_START ? PHASE_START : PHASE_RUN;
}

static void
read_size(const struct mux_session *session, struct winsize *size)
{
    if (session->pipe.in.fd < 0 ||
        ioctl(session->pipe.in.fd, TIOCGWINSZ, size) != 0)
        memset(size, 0, sizeof *size);
}

/* Sends the phase's request, or asks how it fares. */
static int
try_phase(struct mux_session *session)
{
    const char *name;

    switch (session->phase) {
    case PHASE_OPEN:
        return ssh_channel_open_session(session->pipe.channel);
    case PHASE_AGENT: /* no answer is asked for */
        return ssh_channel_request_auth_agent(session->pipe.channel);
    case PHASE_PTY:
        if (!session->asked)
            read_size(session, &session->size);
        return ssh_channel_request_pty_size(session->pipe.channel,
                                            session->term, session->size.ws_col,
                                            session->size.ws_row);
    case PHASE_ENV:
        name = session->env[session->env_next];
        return ssh_channel_request_env(session->pipe.channel, name,
                                       name + strlen(name) + 1);
    case PHASE_START:
        if (session->command[0] == '\0')
            return ssh_channel_request_shell(session->pipe.channel);
        if (session->want_subsystem)
            return ssh_channel_request_subsystem(session->pipe.channel,
                                                 session->command);
        return ssh_channel_request_exec(session->pipe.channel,
                                        session->command);
    case PHASE_RUN:
    case PHASE_OVER:
        break;
    }
    return SSH_OK;
}

/* The phase's request was answered; false when that ends the session. */
static bool
settle_phase(struct mux_session *session, bool granted)
{
    switch (session->phase) {
    case PHASE_OPEN:
        if (!granted && open_again(session))
            return true; /* the same phase */
        if (!granted) {
            refused(session);
            return false;
        }
        session->report.state = MUX_SESSION_UP;
        if (session->abandoned) {
            finish(session, MUX_SESSION_ENDED);
            return false;
        }
        break;
    case PHASE_AGENT:
        session->uses_agent = granted;
        session->hub->agent_users += granted;
        break;
    case PHASE_PTY:
        session->report.tty_failed = !granted;
        if (!granted)
            complain(session, "PTY allocation", " request failed");
        break;
    case PHASE_ENV:
        session->env_next++; /* servers refuse what they do not know */
        break;
    case PHASE_START:
        if (!granted) {
            complain(session,
                     session->command[0] == '\0' ? "shell"
                     : session->want_subsystem   ? "subsystem"
                                                 : "exec",
                     " request failed");
            finish(session, MUX_SESSION_ENDED);
            return false;
        }
        break;
    case PHASE_RUN:
    case PHASE_OVER:
        break;
    }
    session->phase = next_phase(session);
    session->pipe.started = session->phase == PHASE_RUN;
    if (session->phase == PHASE_RUN) /* it may have changed meanwhile */
        mux_session_resized(session);
    return true;
}

/* Takes the session as far towards running as the server has answered. */
static void
set_up(struct mux_session *session)
{
    while (session->phase < PHASE_RUN) {
        int rc;

        /* Nothing arrived, so nothing was answered: spare libssh's poll(). */
        if (session->asked && session->hub->packets.in_packets == session->seen)
            return;
        session->seen = session->hub->packets.in_packets;
        rc = try_phase(session);
        session->asked = true;
        if (rc == SSH_AGAIN) {
            /* A server that closes the channel does not answer any more. */
            if (session->pipe.remote_closed)
                finish(session, MUX_SESSION_ENDED);
            return;
        }
        session->asked = false;
        if (!settle_phase(session, rc == SSH_OK))
            return;
    }
}

void
mux_session_step(struct mux_session *session)
{
    if (session->phase < PHASE_RUN)
        set_up(session);
    if (session->phase == PHASE_RUN && !mux_pipe_step(&session->pipe))
        finish(session, MUX_SESSION_ENDED);
}

/* ---------------------------------------------------------------- polling */

size_t
mux_session_poll(struct mux_session *session,
                 struct pollfd polls[MUX_SESSION_POLLS])
{
    return mux_pipe_poll(&session->pipe, polls);
}

void
mux_session_ready(struct mux_session *session,
                  const struct pollfd polls[MUX_SESSION_POLLS])
{
    mux_pipe_ready(&session->pipe, polls);
}

void
mux_session_resized(struct mux_session *session)
{
    struct winsize size;

    if (!session->want_tty || session->report.tty_failed ||
        session->phase != PHASE_RUN || session->pipe.in.fd < 0 ||
        ioctl(session->pipe.in.fd, TIOCGWINSZ, &size) != 0)
        return;
    if (size.ws_col == session->size.ws_col &&
        size.ws_row == session->size.ws_row)
        return;
    session->size = size;
    ssh_channel_change_pty_size(session->pipe.channel, size.ws_col,
                                size.ws_row);
}

long
mux_session_flooded_ms(const struct mux_session *session)
{
    return session->phase == PHASE_OVER ? -1
                                        : mux_pipe_flooded_ms(&session->pipe);
}

void
mux_session_give_up(struct mux_session *session)
{
    complain(session, "session ended: ",
             "nobody reads its output, and other sessions wait");
    session->pipe.cut = true;
}

void
mux_session_lost(struct mux_session *session)
{
    if (!session->pipe.exited && session->hub->lost != NULL)
        complain(session, session->hub->lost, "");
}

const struct mux_session_report *
mux_session_report(const struct mux_session *session)
{
    return &session->report;
}
