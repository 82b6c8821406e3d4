/* One session: a libssh channel and three passed descriptors. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "client/mux_session.h"

#include "client/mux_end.h"
#include "client/mux_escape.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

/* The hold of a stalled output grows in steps of this. */
#define HOLD_STEP ((size_t)64 << 10)

/*
 * How long output may still arrive after its reader has gone before the
 * channel is closed; what was on its way, and the exit status behind it,
 * arrives sooner.
 */
#define BROKEN_MS 250

/* ---------------------------------------------------------------- session */

enum phase {
    PHASE_OPEN,
    PHASE_PTY,
    PHASE_ENV,
    PHASE_START,
    PHASE_RUN,
    PHASE_OVER
};

struct mux_session {
    struct mux_hub *hub;
    ssh_channel channel;
    struct ssh_channel_callbacks_struct callbacks;
    struct mux_session_report report;

    enum phase phase;
    bool asked;    /* the phase's request was sent */
    uint64_t seen; /* how many packets had arrived when it was tried */

    struct mux_end in;
    struct mux_sink out;
    struct mux_sink err;
    int polled;          /* the input's place among the polls; -1 if none */
    bool readable;       /* poll() says so of the input */
    unsigned char *held; /* input that the channel did not take, or NULL */
    size_t held_at;
    size_t held_len;
    bool eof_sent;

    bool abandoned;     /* the client has gone */
    bool remote_eof;    /* no output will come any more */
    bool remote_closed; /* nothing will */
    bool cut;           /* to be ended, whatever the server has to say */
    struct timespec took_at; /* when a reader last stopped or took something */
    bool broken;        /* the reader of standard output has gone, ... */
    struct timespec broken_at; /* ... then */

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

void
mux_debug(const struct mux_hub *hub, const char *format, ...)
{
    char line[512];
    va_list args;

    if (hub->debug == NULL)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    hub->debug(hub->user, line);
}

long
mux_elapsed_ms(const struct timespec *since)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * 1000 +
           (now.tv_nsec - since->tv_nsec) / 1000000;
}

/*
 * The reader of an output has gone. OpenSSH would tell the server to close the
 * command's pipe; libssh cannot. So output is thrown away for as long as what
 * was on its way may take, and then the first further output closes the
 * channel, which makes the command fail where the closed pipe would have. A
 * command that writes no more still ends by itself, with its exit status.
 */
static void
lost_reader(struct mux_session *session, struct mux_sink *sink)
{
    mux_sink_close(sink);
    if (sink->is_stderr || session->broken)
        return;
    session->broken = true;
    clock_gettime(CLOCK_MONOTONIC, &session->broken_at);
}

/* ------------------------------------------------------ libssh's callbacks */

/*
 * These run inside any libssh call of anybody, so they note things and write
 * to the descriptor, and do not call into libssh.
 */
static int
on_data(ssh_session ssh, ssh_channel channel, void *data, uint32_t len,
        int is_stderr, void *user)
{
    struct mux_session *session = user;
    struct mux_sink *sink = is_stderr ? &session->err : &session->out;
    size_t taken = 0;

    (void)ssh;
    (void)channel;
    if (sink->end.fd < 0) {
        if (!is_stderr && session->broken &&
            mux_elapsed_ms(&session->broken_at) > BROKEN_MS)
            session->cut = true;
        sink->backlog = 0;
        return (int)len;
    }
    if (sink->hold_len == 0 && !sink->blocked) {
        if (!mux_sink_write(sink, data, len, &taken)) {
            lost_reader(session, sink);
            taken = len;
        }
        if (sink->blocked)
            clock_gettime(CLOCK_MONOTONIC, &session->took_at);
    }
    sink->backlog = len - taken;
    return (int)taken;
}

static void
on_eof(ssh_session ssh, ssh_channel channel, void *user)
{
    struct mux_session *session = user;

    (void)ssh;
    (void)channel;
    session->remote_eof = true;
}

static void
on_close(ssh_session ssh, ssh_channel channel, void *user)
{
    struct mux_session *session = user;

    (void)ssh;
    (void)channel;
    session->remote_eof = true;
    session->remote_closed = true;
}

static void
on_exit_status(ssh_session ssh, ssh_channel channel, int status, void *user)
{
    struct mux_session *session = user;

    (void)ssh;
    (void)channel;
    session->report.exited = true;
    session->report.exit_status = (uint32_t)status;
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
    session->escape.character =
        request->want_tty ? request->escape_char : UINT32_MAX;
    session->want_subsystem = request->want_subsystem;
    return true;
}

static bool
open_channel(struct mux_session *session)
{
    session->channel = ssh_channel_new(session->hub->ssh);
    if (session->channel == NULL)
        return false;
    session->callbacks.userdata = session;
    session->callbacks.channel_data_function = on_data;
    session->callbacks.channel_eof_function = on_eof;
    session->callbacks.channel_close_function = on_close;
    session->callbacks.channel_exit_status_function = on_exit_status;
    ssh_callbacks_init(&session->callbacks);
    return ssh_set_channel_callbacks(session->channel, &session->callbacks) ==
           SSH_OK;
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
    session->in = mux_end_adopt(fds[0]);
    session->out.end = mux_end_adopt(fds[1]);
    session->err.end = mux_end_adopt(fds[2]);
    session->err.is_stderr = 1;
    if (!copy_request(session, request) || !open_channel(session))
        mux_session_free(&session);
    return session;
}

static void
close_ends(struct mux_session *session)
{
    mux_end_close(&session->in);
    mux_sink_close(&session->out);
    mux_sink_close(&session->err);
}

void
mux_session_free(struct mux_session **session)
{
    struct mux_session *it = *session;

    if (it == NULL)
        return;
    close_ends(it);
    if (it->channel != NULL) {
        /* libssh keeps the channel until the server has closed it, too. */
        ssh_remove_channel_callbacks(it->channel, &it->callbacks);
        ssh_channel_free(it->channel);
    }
    free(it->out.hold);
    free(it->err.hold);
    free(it->held);
    free(it->text);
    free(it);
    *session = NULL;
}

/*
 * Where something waits to be sent, ssh_channel_close stops half-way: it sends
 * EOF, says SSH_AGAIN, and leaves the CLOSE to the next call; without that the
 * command would live on.
 */
static void
close_channel(struct mux_session *session)
{
    int tries = 3;

    while (ssh_channel_close(session->channel) == SSH_AGAIN && --tries > 0)
        ;
}

static void
finish(struct mux_session *session, enum mux_session_state state)
{
    close_ends(session);
    if (state == MUX_SESSION_ENDED)
        close_channel(session);
    session->phase = PHASE_OVER;
    session->report.state = state;
    mux_debug(session->hub, "session %u: over", session->report.number);
}

void
mux_session_abandon(struct mux_session *session)
{
    session->abandoned = true;
    close_ends(session);
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

    mux_debug(session->hub, "session %u: %s %s", session->report.number, what,
              happened);
    snprintf(line, sizeof line, "%s %s\r\n", what, happened);
    if (session->err.end.fd >= 0)
        (void)mux_sink_write(&session->err, (unsigned char *)line, strlen(line),
                         &taken);
}

static void
refused(struct mux_session *session)
{
    const char *error = ssh_get_error(session->hub->ssh);
    const char *text = error != NULL ? strstr(error, ") ") : NULL;

    /* libssh: "Channel opening failure: channel 7 error (2) open failed" */
    text = text != NULL ? text + 2 : error != NULL ? error : "unknown reason";
    snprintf(session->report.reason, sizeof session->report.reason,
             "the server refused another session: %.100s", text);
    mux_debug(session->hub, "session %u: %s", session->report.number,
              session->report.reason);
    finish(session, MUX_SESSION_REFUSED);
}

static enum phase
next_phase(const struct mux_session *session)
{
    if (session->phase < PHASE_PTY && session->want_tty)
        return PHASE_PTY;
    if (session->phase < PHASE_START &&
        session->env_next < session->env_count)
        return PHASE_ENV;
    return session->phase < PHASE_START ? PHASE_START : PHASE_RUN;
}

static void
read_size(const struct mux_session *session, struct winsize *size)
{
    if (session->in.fd < 0 || ioctl(session->in.fd, TIOCGWINSZ, size) != 0)
        memset(size, 0, sizeof *size);
}

/* Sends the phase's request, or asks how it fares. */
static int
try_phase(struct mux_session *session)
{
    const char *name;

    switch (session->phase) {
    case PHASE_OPEN:
        return ssh_channel_open_session(session->channel);
    case PHASE_PTY:
        if (!session->asked)
            read_size(session, &session->size);
        return ssh_channel_request_pty_size(session->channel, session->term,
                                            session->size.ws_col,
                                            session->size.ws_row);
    case PHASE_ENV:
        name = session->env[session->env_next];
        return ssh_channel_request_env(session->channel, name,
                                       name + strlen(name) + 1);
    case PHASE_START:
        if (session->command[0] == '\0')
            return ssh_channel_request_shell(session->channel);
        if (session->want_subsystem)
            return ssh_channel_request_subsystem(session->channel,
                                                 session->command);
        return ssh_channel_request_exec(session->channel, session->command);
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
    case PHASE_PTY:
        session->report.tty_failed = !granted;
        if (!granted)
            complain(session, "PTY allocation", "request failed");
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
                     "request failed");
            finish(session, MUX_SESSION_ENDED);
            return false;
        }
        break;
    case PHASE_RUN:
    case PHASE_OVER:
        break;
    }
    session->phase = next_phase(session);
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
        if (rc == SSH_AGAIN)
            return;
        session->asked = false;
        if (!settle_phase(session, rc == SSH_OK))
            return;
    }
}

/* ---------------------------------------------------------------- running */

/* Takes over all that libssh keeps for an output. */
static bool
fill_hold(struct mux_session *session, struct mux_sink *sink)
{
    int got;

    if (sink->hold_size < sink->backlog) {
        sink->hold_size = (sink->backlog / HOLD_STEP + 1) * HOLD_STEP;
        free(sink->hold);
        sink->hold = malloc(sink->hold_size);
        if (sink->hold == NULL) {
            sink->hold_size = 0;
            session->cut = true;
            return false;
        }
    }
    /* There is data, so this does not let libssh take packets in. */
    got = ssh_channel_read_nonblocking(session->channel, sink->hold,
                                       (uint32_t)sink->backlog,
                                       sink->is_stderr);
    sink->backlog = 0;
    sink->hold_at = 0;
    /* Where nobody reads any more it is thrown away. */
    sink->hold_len = got > 0 && sink->end.fd >= 0 ? (size_t)got : 0;
    return true;
}

/* Lets an output take what waits for it. */
static void
drain(struct mux_session *session, struct mux_sink *sink)
{
    size_t taken;

    while (!sink->blocked && !mux_sink_is_empty(sink)) {
        if (sink->hold_len == 0 && !fill_hold(session, sink))
            return;
        if (sink->hold_len == 0)
            continue;
        if (!mux_sink_write(sink, sink->hold + sink->hold_at, sink->hold_len,
                        &taken)) {
            lost_reader(session, sink);
            continue;
        }
        sink->hold_at += taken;
        sink->hold_len -= taken;
        if (taken > 0)
            clock_gettime(CLOCK_MONOTONIC, &session->took_at);
    }
}

/* Gives input to the channel; how much of it the channel took. */
static size_t
write_channel(struct mux_session *session, const unsigned char *data,
              size_t len)
{
    int put;

    session->seen = session->hub->packets.in_packets;
    put = ssh_channel_write(session->channel, data, (uint32_t)len);
    if (put >= 0)
        return (size_t)put;
    mux_end_close(&session->in); /* the channel takes no more */
    return len;
}

/* Gives new input to the channel, and keeps what the channel does not take. */
static void
send_input(struct mux_session *session, const unsigned char *data, size_t len)
{
    size_t put = write_channel(session, data, len);

    if (put == len)
        return;
    /* There was room: so it is that the keys are being changed. */
    session->held = malloc(len - put);
    if (session->held == NULL) {
        session->cut = true; /* rather than leave a gap */
        return;
    }
    memcpy(session->held, data + put, len - put);
    session->held_at = 0;
    session->held_len = len - put;
}

/* Looks for escapes first. What they add is one byte at the most. */
static void
send_typed(struct mux_session *session, const unsigned char *data, size_t len)
{
    static const char farewell[] = "~.\r\n";
    unsigned char *typed = malloc(len + 1);
    bool end = false;

    if (typed == NULL) {
        session->cut = true;
        return;
    }
    len = mux_escape_filter(&session->escape, data, len, typed, &end);
    if (len > 0)
        send_input(session, typed, len);
    free(typed);
    if (end) {
        session->cut = true;
        (void)mux_end_write(&session->err.end, farewell, sizeof farewell - 1);
    }
}

/* Tries again what the channel did not take, once something has arrived. */
static void
send_held(struct mux_session *session)
{
    size_t put;

    if (session->remote_closed || session->hub->paused ||
        session->hub->packets.in_packets == session->seen)
        return;
    put = write_channel(session, session->held + session->held_at,
                        session->held_len);
    session->held_at += put;
    session->held_len -= put;
    if (session->held_len > 0)
        return;
    free(session->held);
    session->held = NULL;
}

/* How much input the channel has room for now; 0 while anything waits. */
static size_t
input_room(const struct mux_session *session)
{
    size_t window;

    if (session->phase != PHASE_RUN || session->hub->paused ||
        session->remote_closed || session->in.fd < 0 ||
        session->held_len > 0 ||
        (ssh_get_status(session->hub->ssh) & SSH_WRITE_PENDING) != 0)
        return 0;
    window = ssh_channel_window_size(session->channel);
    return window < MUX_SCRATCH ? window : MUX_SCRATCH;
}

static void
pump_input(struct mux_session *session)
{
    size_t room = session->readable ? input_room(session) : 0;
    ssize_t got;

    if (session->held_len > 0)
        send_held(session);
    if (room > 0) {
        /* One helping a turn: the others are to have theirs. */
        session->readable = false;
        got = mux_end_read(&session->in, session->hub->scratch, room);
        if (got == 0)
            mux_end_close(&session->in);
        else if (got > 0 && session->escape.character <= 0xff)
            send_typed(session, session->hub->scratch, (size_t)got);
        else if (got > 0)
            send_input(session, session->hub->scratch, (size_t)got);
    }
    if (session->in.fd < 0 && session->held_len == 0 && !session->eof_sent) {
        session->eof_sent = true;
        ssh_channel_send_eof(session->channel);
    }
}

static void
run(struct mux_session *session)
{
    bool drained;

    drain(session, &session->out);
    drain(session, &session->err);
    drained = mux_sink_is_empty(&session->out) &&
              mux_sink_is_empty(&session->err);
    /* Whoever reads it is to see the end now, not when all is over. */
    if (session->remote_eof && drained)
        mux_sink_close(&session->out);
    if (session->cut || (session->remote_closed && drained)) {
        finish(session, MUX_SESSION_ENDED);
        return;
    }
    pump_input(session);
}

void
mux_session_step(struct mux_session *session)
{
    if (session->phase < PHASE_RUN)
        set_up(session);
    if (session->phase == PHASE_RUN)
        run(session);
}

/* ---------------------------------------------------------------- polling */

/* Adds an entry if it is wanted; gives its place, or -1. */
static int
add_poll(struct pollfd *polls, int *used, bool wanted, int fd, short events)
{
    if (!wanted)
        return -1;
    polls[*used] = (struct pollfd){fd, events, 0};
    return (*used)++;
}

size_t
mux_session_poll(struct mux_session *session,
                 struct pollfd polls[MUX_SESSION_POLLS])
{
    struct mux_sink *out = &session->out;
    struct mux_sink *err = &session->err;
    int used = 0;

    session->polled = add_poll(polls, &used, input_room(session) > 0,
                               session->in.fd, POLLIN);
    out->polled =
        add_poll(polls, &used, out->blocked, out->end.fd, POLLOUT);
    err->polled =
        add_poll(polls, &used, err->blocked, err->end.fd, POLLOUT);
    return (size_t)used;
}

void
mux_session_ready(struct mux_session *session,
                  const struct pollfd polls[MUX_SESSION_POLLS])
{
    struct mux_sink *out = &session->out;
    struct mux_sink *err = &session->err;

    if (session->polled >= 0 && polls[session->polled].revents != 0)
        session->readable = true;
    if (out->polled >= 0 && polls[out->polled].revents != 0)
        out->blocked = false;
    if (err->polled >= 0 && polls[err->polled].revents != 0)
        err->blocked = false;
}

void
mux_session_resized(struct mux_session *session)
{
    struct winsize size;

    if (!session->want_tty || session->report.tty_failed ||
        session->phase != PHASE_RUN || session->in.fd < 0 ||
        ioctl(session->in.fd, TIOCGWINSZ, &size) != 0)
        return;
    if (size.ws_col == session->size.ws_col &&
        size.ws_row == session->size.ws_row)
        return;
    session->size = size;
    ssh_channel_change_pty_size(session->channel, size.ws_col, size.ws_row);
}

long
mux_session_flooded_ms(const struct mux_session *session)
{
    if (session->phase == PHASE_OVER ||
        (session->out.backlog <= MUX_BACKLOG_MAX &&
         session->err.backlog <= MUX_BACKLOG_MAX))
        return -1;
    return mux_elapsed_ms(&session->took_at);
}

void
mux_session_give_up(struct mux_session *session)
{
    complain(session, "session ended:",
             "nobody reads its output, and other sessions wait");
    session->cut = true;
}

void
mux_session_lost(struct mux_session *session)
{
    if (!session->report.exited)
        complain(session, "authplug ssh:",
                 "the connection to the server is lost: log in again");
}

const struct mux_session_report *
mux_session_report(const struct mux_session *session)
{
    return &session->report;
}
