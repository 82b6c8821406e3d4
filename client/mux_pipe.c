/* Copies between a channel of libssh and descriptors. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "client/mux_pipe.h"

#include <stdlib.h>
#include <string.h>

/* The hold of a stalled output grows in steps of this. */
#define HOLD_STEP ((size_t)64 << 10)

/*
 * How long output may still arrive after its reader has gone before the
 * channel is closed; what was on its way, and the exit status behind it,
 * arrives sooner.
 */
#define BROKEN_MS 250

/*
 * The reader of an output has gone. OpenSSH would tell the server to close the
 * command's pipe; libssh cannot. So output is thrown away for as long as what
 * was on its way may take, and then the first further output closes the
 * channel, which makes the command fail where the closed pipe would have. A
 * command that writes no more still ends by itself, with its exit status.
 */
static void
lost_reader(struct mux_pipe *pipe, struct mux_sink *sink)
{
    mux_sink_close(sink);
    if (sink->is_stderr || pipe->broken)
        return;
    pipe->broken = true;
    pipe->cut |= pipe->forward;
    clock_gettime(CLOCK_MONOTONIC, &pipe->broken_at);
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
    struct mux_pipe *pipe = user;
    struct mux_sink *sink = is_stderr ? &pipe->err : &pipe->out;
    size_t taken = 0;

    (void)ssh;
    (void)channel;
    if (sink->end.fd < 0 && !sink->blocked) {
        if (!is_stderr && pipe->broken &&
            mux_elapsed_ms(&pipe->broken_at) > BROKEN_MS)
            pipe->cut = true;
        sink->backlog = 0;
        return (int)len;
    }
    if (sink->hold_len == 0 && !sink->blocked) {
        if (!mux_sink_write(sink, data, len, &taken)) {
            lost_reader(pipe, sink);
            taken = len;
        }
        if (sink->blocked)
            clock_gettime(CLOCK_MONOTONIC, &pipe->took_at);
    }
    sink->backlog = len - taken;
    if (pipe->forward && sink->backlog > MUX_FORWARD_BACKLOG_MAX)
        pipe->cut = true;
    return (int)taken;
}

static void
on_eof(ssh_session ssh, ssh_channel channel, void *user)
{
    struct mux_pipe *pipe = user;

    (void)ssh;
    (void)channel;
    pipe->remote_eof = true;
}

static void
on_close(ssh_session ssh, ssh_channel channel, void *user)
{
    struct mux_pipe *pipe = user;

    (void)ssh;
    (void)channel;
    pipe->remote_eof = true;
    pipe->remote_closed = true;
}

static void
on_exit_status(ssh_session ssh, ssh_channel channel, int status, void *user)
{
    struct mux_pipe *pipe = user;

    (void)ssh;
    (void)channel;
    pipe->exited = true;
    pipe->exit_status = (uint32_t)status;
}

/* --------------------------------------------------------- birth and death */

void
mux_pipe_init(struct mux_pipe *pipe, struct mux_hub *hub)
{
    memset(pipe, 0, sizeof *pipe);
    pipe->hub = hub;
    pipe->in.fd = -1;
    pipe->out.end.fd = -1;
    pipe->err.end.fd = -1;
    pipe->err.is_stderr = 1;
    clock_gettime(CLOCK_MONOTONIC, &pipe->took_at);
}

bool
mux_pipe_attach(struct mux_pipe *pipe, ssh_channel channel)
{
    pipe->channel = channel;
    pipe->callbacks.userdata = pipe;
    pipe->callbacks.channel_data_function = on_data;
    pipe->callbacks.channel_eof_function = on_eof;
    pipe->callbacks.channel_close_function = on_close;
    pipe->callbacks.channel_exit_status_function = on_exit_status;
    ssh_callbacks_init(&pipe->callbacks);
    return ssh_set_channel_callbacks(channel, &pipe->callbacks) == SSH_OK;
}

void
mux_pipe_close_ends(struct mux_pipe *pipe)
{
    mux_fd_close(&pipe->in);
    mux_sink_close(&pipe->out);
    mux_sink_close(&pipe->err);
}

/*
 * Where something waits to be sent, ssh_channel_close stops half-way: it sends
 * EOF, says SSH_AGAIN, and leaves the CLOSE to the next call; without that the
 * command would live on.
 */
void
mux_pipe_close_channel(struct mux_pipe *pipe)
{
    int tries = 3;

    while (ssh_channel_close(pipe->channel) == SSH_AGAIN && --tries > 0)
        ;
}

void
mux_pipe_detach(struct mux_pipe *pipe)
{
    ssh_remove_channel_callbacks(pipe->channel, &pipe->callbacks);
    ssh_channel_free(pipe->channel);
    pipe->channel = NULL;
}

void
mux_pipe_release(struct mux_pipe *pipe)
{
    mux_pipe_close_ends(pipe);
    if (pipe->channel != NULL) {
        /* libssh keeps the channel until the server has closed it, too. */
        ssh_remove_channel_callbacks(pipe->channel, &pipe->callbacks);
        ssh_channel_free(pipe->channel);
    }
    free(pipe->out.hold);
    free(pipe->err.hold);
    free(pipe->held);
}

/* ----------------------------------------------------------------- output */

/* Takes over all that libssh keeps for an output. */
static bool
fill_hold(struct mux_pipe *pipe, struct mux_sink *sink)
{
    int got;

    if (sink->hold_size < sink->backlog) {
        sink->hold_size = (sink->backlog / HOLD_STEP + 1) * HOLD_STEP;
        free(sink->hold);
        sink->hold = malloc(sink->hold_size);
        if (sink->hold == NULL) {
            sink->hold_size = 0;
            pipe->cut = true;
            return false;
        }
    }
    /* There is data, so this does not let libssh take packets in. */
    got = ssh_channel_read_nonblocking(
        pipe->channel, sink->hold, (uint32_t)sink->backlog, sink->is_stderr);
    sink->backlog = 0;
    sink->hold_at = 0;
    /* Where nobody reads any more it is thrown away. */
    sink->hold_len =
        got > 0 && (sink->end.fd >= 0 || sink->blocked) ? (size_t)got : 0;
    return true;
}

/* Lets an output take what waits for it. */
static void
drain(struct mux_pipe *pipe, struct mux_sink *sink)
{
    size_t taken;

    while (!sink->blocked && !mux_sink_is_empty(sink)) {
        if (sink->hold_len == 0 && !fill_hold(pipe, sink))
            return;
        if (sink->hold_len == 0)
            continue;
        if (!mux_sink_write(sink, sink->hold + sink->hold_at, sink->hold_len,
                            &taken)) {
            lost_reader(pipe, sink);
            continue;
        }
        sink->hold_at += taken;
        sink->hold_len -= taken;
        if (taken > 0)
            clock_gettime(CLOCK_MONOTONIC, &pipe->took_at);
    }
}

const unsigned char *
mux_pipe_look(struct mux_pipe *pipe, size_t *len)
{
    struct mux_sink *out = &pipe->out;

    if (out->hold_len == 0 && out->backlog > 0)
        (void)fill_hold(pipe, out);
    *len = out->hold_len;
    return out->hold_len > 0 ? out->hold + out->hold_at : NULL;
}

void
mux_pipe_skip(struct mux_pipe *pipe, size_t len)
{
    pipe->out.hold_at += len;
    pipe->out.hold_len -= len;
}

/* ------------------------------------------------------------------ input */

/* Gives input to the channel; how much of it the channel took. */
static size_t
write_channel(struct mux_pipe *pipe, const unsigned char *data, size_t len)
{
    int put;

    pipe->seen = pipe->hub->packets.in_packets;
    put = ssh_channel_write(pipe->channel, data, (uint32_t)len);
    if (put >= 0)
        return (size_t)put;
    mux_fd_close(&pipe->in); /* the channel takes no more */
    return len;
}

/* Gives new input to the channel, and keeps what the channel does not take. */
void
mux_pipe_send(struct mux_pipe *pipe, const unsigned char *data, size_t len)
{
    size_t put = write_channel(pipe, data, len);

    if (put == len)
        return;
    /* There was room: so it is that the keys are being changed. */
    pipe->held = malloc(len - put);
    if (pipe->held == NULL) {
        pipe->cut = true; /* rather than leave a gap */
        return;
    }
    memcpy(pipe->held, data + put, len - put);
    pipe->held_at = 0;
    pipe->held_len = len - put;
}

/* Tries again what the channel did not take, once something has arrived. */
static void
send_held(struct mux_pipe *pipe)
{
    size_t put;

    if (pipe->remote_closed || pipe->hub->paused ||
        pipe->hub->packets.in_packets == pipe->seen)
        return;
    put = write_channel(pipe, pipe->held + pipe->held_at, pipe->held_len);
    pipe->held_at += put;
    pipe->held_len -= put;
    if (pipe->held_len > 0)
        return;
    free(pipe->held);
    pipe->held = NULL;
}

size_t
mux_pipe_room(const struct mux_pipe *pipe)
{
    size_t window;

    if (pipe->hub->paused || pipe->remote_closed || pipe->held_len > 0 ||
        (ssh_get_status(pipe->hub->ssh) & SSH_WRITE_PENDING) != 0)
        return 0;
    window = ssh_channel_window_size(pipe->channel);
    return window < MUX_SCRATCH ? window : MUX_SCRATCH;
}

/* The same where there is input to come. */
static size_t
input_room(const struct mux_pipe *pipe)
{
    return pipe->started && pipe->in.fd >= 0 ? mux_pipe_room(pipe) : 0;
}

static void
pump_input(struct mux_pipe *pipe)
{
    size_t room = pipe->readable ? input_room(pipe) : 0;
    ssize_t got;

    if (pipe->held_len > 0)
        send_held(pipe);
    if (room > 0) {
        /* One helping a turn: the others are to have theirs. */
        pipe->readable = false;
        got = mux_fd_read(&pipe->in, pipe->hub->scratch, room);
        if (got == 0)
            mux_fd_close(&pipe->in);
        else if (got > 0 && pipe->typed != NULL)
            pipe->typed(pipe, pipe->hub->scratch, (size_t)got);
        else if (got > 0)
            mux_pipe_send(pipe, pipe->hub->scratch, (size_t)got);
    }
    if (pipe->in.fd < 0 && pipe->held_len == 0 && !pipe->eof_sent) {
        pipe->eof_sent = true;
        ssh_channel_send_eof(pipe->channel);
    }
}

/* --------------------------------------------------------------- the turn */

static bool
is_over(const struct mux_pipe *pipe)
{
    bool drained =
        mux_sink_is_empty(&pipe->out) && mux_sink_is_empty(&pipe->err);

    return pipe->cut || (pipe->remote_closed && drained) ||
           (pipe->forward && pipe->remote_eof && pipe->eof_sent && drained);
}

bool
mux_pipe_step(struct mux_pipe *pipe)
{
    drain(pipe, &pipe->out);
    drain(pipe, &pipe->err);
    /* Whoever reads it is to see the end now, not when all is over. */
    if (pipe->remote_eof && mux_sink_is_empty(&pipe->out) &&
        mux_sink_is_empty(&pipe->err))
        mux_sink_close(&pipe->out);
    if (is_over(pipe))
        return false;
    pump_input(pipe);
    return !is_over(pipe);
}

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
mux_pipe_poll(struct mux_pipe *pipe, struct pollfd polls[MUX_PIPE_POLLS])
{
    struct mux_sink *out = &pipe->out;
    struct mux_sink *err = &pipe->err;
    int used = 0;

    pipe->polled =
        add_poll(polls, &used, input_room(pipe) > 0, pipe->in.fd, POLLIN);
    out->polled = add_poll(polls, &used, out->blocked, out->end.fd, POLLOUT);
    err->polled = add_poll(polls, &used, err->blocked, err->end.fd, POLLOUT);
    return (size_t)used;
}

void
mux_pipe_ready(struct mux_pipe *pipe, const struct pollfd polls[MUX_PIPE_POLLS])
{
    struct mux_sink *out = &pipe->out;
    struct mux_sink *err = &pipe->err;

    if (pipe->polled >= 0 && polls[pipe->polled].revents != 0)
        pipe->readable = true;
    if (out->polled >= 0 && polls[out->polled].revents != 0)
        out->blocked = false;
    if (err->polled >= 0 && polls[err->polled].revents != 0)
        err->blocked = false;
}

long
mux_pipe_flooded_ms(const struct mux_pipe *pipe)
{
    if (pipe->out.backlog <= MUX_BACKLOG_MAX &&
        pipe->err.backlog <= MUX_BACKLOG_MAX)
        return -1;
    return mux_elapsed_ms(&pipe->took_at);
}
