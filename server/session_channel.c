/* One session: a libssh channel and a program. */
#define _GNU_SOURCE
#include "server/session_channel.h"

#include "io/io.h"
#include "server/session_feed.h"

#include <libssh/server.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * libssh opens the window to 1280000 bytes, at a time when it keeps fewer than
 * 640000, and does not hold the client to it.
 */
#define BACKLOG_MAX ((size_t)2 << 20)

#define TERM_MAX 64

/* More than a terminal keeps of what was written to it. */
#define TERMINAL_KEEPS ((size_t)128 << 10)

/* How far the end of the program has come. */
typedef enum ending {
    LIVES,   /* or ended by itself */
    LEFT,    /* the client has closed the channel; HUP comes next */
    HUNG_UP, /* KILL comes next */
    KILLED
} ending;

/* What the program writes. */
typedef struct source {
    int fd; /* -1 at its end */
    int is_stderr;
    bool readable;
    int polled;
} source;

struct session {
    session_hub *hub;
    ssh_channel channel; /* NULL when both sides have closed it */
    struct ssh_channel_callbacks_struct callbacks;

    /* what the client asked for, before the start */
    session_pty pty;
    char term[TERM_MAX];
    session_locale locales[SESSION_LOCALES];
    size_t locale_count;

    bool started;
    pid_t pid; /* of the group's leader; stays after its end */
    bool exited;
    int status; /* as waitpid() gives it */
    ending ending;
    int64_t due; /* when its next stage is */
    size_t late; /* output that was read after its end */

    session_feed in;
    int in_polled;
    source out, err;
    unsigned char *held; /* output that the channel did not take, or NULL */
    size_t held_at, held_len;
    int held_is_stderr;
    uint64_t seen; /* how many packets had arrived when it was tried */

    bool remote_eof, remote_closed;
    bool eof_sent, closed; /* by us */
};

/* ---------------------------------------------------------------- feeding */

/* Lets the program take what waits for it. */
static void
feed_program(session *it)
{
    if (!session_feed_step(&it->in, it->channel))
        it->hub->fault = "its input cannot be passed on";
    /* On a terminal an end of input is nothing; sshd has it so, too. */
    if (it->remote_eof && it->pty.master < 0 && session_feed_is_empty(&it->in))
        session_feed_close(&it->in);
}

/* ------------------------------------------------------ libssh's callbacks */

/*
 * These run inside any libssh call of anybody, so they note things and write to
 * the program, and do not call into libssh.
 */
static int
on_data(ssh_session ssh, ssh_channel channel, void *data, uint32_t len,
        int is_stderr, void *user)
{
    session *it = user;
    session_feed *in = &it->in;
    size_t taken;

    (void)ssh;
    (void)channel;
    if (is_stderr || it->remote_closed || (it->started && in->fd < 0)) {
        if (!is_stderr)
            in->backlog = 0;
        return (int)len;
    }
    taken = session_feed_offer(in, data, len);
    if (in->backlog > BACKLOG_MAX)
        it->hub->fault = "the client sends more than it was given leave to";
    return (int)taken;
}

static void
on_eof(ssh_session ssh, ssh_channel channel, void *user)
{
    session *it = user;

    (void)ssh;
    (void)channel;
    it->remote_eof = true;
}

static void
on_close(ssh_session ssh, ssh_channel channel, void *user)
{
    session *it = user;

    (void)ssh;
    (void)channel;
    it->remote_eof = true;
    it->remote_closed = true;
}

static void
on_signal(ssh_session ssh, ssh_channel channel, const char *name, void *user)
{
    session *it = user;
    int number = session_signal_number(name);

    (void)ssh;
    (void)channel;
    if (number != 0 && it->started && !it->exited)
        kill(-it->pid, number);
}

/* -------------------------------------------------- requests of the client */

/* 0 grants a request, 1 refuses it. */

static int
on_env(ssh_session ssh, ssh_channel channel, const char *name,
       const char *value, void *user)
{
    session *it = user;

    (void)ssh;
    (void)channel;
    return !it->started && session_locale_add(it->locales, &it->locale_count,
                                              name, value)
               ? 0
               : 1;
}

static bool
is_term(const char *term)
{
    size_t len = strlen(term);

    return len < TERM_MAX &&
           strspn(term, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789+-._") == len;
}

static int
on_pty(ssh_session ssh, ssh_channel channel, const char *term, int columns,
       int rows, int width, int height, void *user)
{
    const int size[4] = {columns, rows, width, height};
    session *it = user;

    (void)ssh;
    (void)channel;
    if (it->started || it->pty.master >= 0 || !is_term(term))
        return 1;
    if (!session_pty_open(&it->pty)) {
        io_say(SESSIONS_PROGRAM, "no terminal for a session: %s",
               strerror(errno));
        return 1;
    }
    if (!session_pty_resize(it->pty.master, size)) {
        session_pty_close(&it->pty);
        return 1;
    }
    memcpy(it->term, term, strlen(term) + 1);
    return 0;
}

static int
on_resize(ssh_session ssh, ssh_channel channel, int columns, int rows,
          int width, int height, void *user)
{
    const int size[4] = {columns, rows, width, height};
    session *it = user;

    (void)ssh;
    (void)channel;
    if (it->pty.master >= 0)
        (void)session_pty_resize(it->pty.master, size);
    return 0; /* there is no reply */
}

/* Starts a line of the shell, a program by its path, or (both NULL) a login
 * shell; the forced command instead, if there is one. */
static int
start(session *it, const char *command, const char *program)
{
    session_hub *hub = it->hub;
    const char *forced = hub->options->forced;
    session_start wish = {
        .account = &hub->account,
        .program = forced != NULL ? NULL : program,
        .command = forced != NULL ? forced : command,
        .client = hub->options->client,
        .term = it->term,
        .locales = it->locales,
        .locale_count = it->locale_count,
        .pty = it->pty.master >= 0 ? &it->pty : NULL,
        .memory = hub->memory,
    };
    session_process made;
    int error;

    if (it->started || it->remote_closed || hub->forced_began)
        return 1;
    error = session_process_start(&wish, &made);
    if (error != 0) {
        io_say(SESSIONS_PROGRAM, "a session could not start %s: %s",
               program != NULL ? program : hub->account.shell,
               strerror(error));
        return 1;
    }
    hub->forced_began = forced != NULL;
    it->started = true;
    it->pid = made.pid;
    it->in.fd = made.in;
    it->out.fd = made.out;
    it->err.fd = made.err;
    session_close_fd(&it->pty.slave);
    return 0;
}

static int
on_exec(ssh_session ssh, ssh_channel channel, const char *command, void *user)
{
    (void)ssh;
    (void)channel;
    return start(user, command, NULL);
}

static int
on_shell(ssh_session ssh, ssh_channel channel, void *user)
{
    (void)ssh;
    (void)channel;
    return start(user, NULL, NULL);
}

static int
on_subsystem(ssh_session ssh, ssh_channel channel, const char *name,
             void *user)
{
    const char *server = session_sftp_server();
    session *it = user;

    (void)ssh;
    (void)channel;
    if (it->hub->options->forced == NULL) {
        if (strcmp(name, "sftp") != 0)
            return 1;
        if (server == NULL) {
            io_say(SESSIONS_PROGRAM, "sftp was refused: no sftp-server is "
                                     "found (Debian: openssh-sftp-server)");
            return 1;
        }
    }
    return start(it, NULL, server);
}

/* --------------------------------------------------------- birth and death */

session *
session_new(session_hub *hub, ssh_channel *channel)
{
    session *it = calloc(1, sizeof *it);

    if (it == NULL)
        return NULL;
    it->hub = hub;
    it->pty.master = it->pty.slave = -1;
    it->in.fd = it->out.fd = it->err.fd = -1;
    it->err.is_stderr = 1;
    it->due = INT64_MAX;
    it->callbacks.userdata = it;
    it->callbacks.channel_data_function = on_data;
    it->callbacks.channel_eof_function = on_eof;
    it->callbacks.channel_close_function = on_close;
    it->callbacks.channel_signal_function = on_signal;
    it->callbacks.channel_env_request_function = on_env;
    it->callbacks.channel_pty_request_function = on_pty;
    it->callbacks.channel_pty_window_change_function = on_resize;
    it->callbacks.channel_exec_request_function = on_exec;
    it->callbacks.channel_shell_request_function = on_shell;
    it->callbacks.channel_subsystem_request_function = on_subsystem;
    ssh_callbacks_init(&it->callbacks);
    it->channel = ssh_channel_new(hub->ssh);
    if (it->channel == NULL ||
        ssh_set_channel_callbacks(it->channel, &it->callbacks) != SSH_OK) {
        session_free(it);
        return NULL;
    }
    *channel = it->channel;
    return it;
}

static void
close_ends(session *it)
{
    session_feed_close(&it->in);
    session_close_fd(&it->out.fd);
    session_close_fd(&it->err.fd);
    session_pty_close(&it->pty);
    free(it->held);
    it->held = NULL;
    it->held_len = 0;
}

static void
free_channel(session *it)
{
    if (it->channel == NULL)
        return;
    ssh_remove_channel_callbacks(it->channel, &it->callbacks);
    ssh_channel_free(it->channel);
    it->channel = NULL;
}

void
session_free(session *it)
{
    close_ends(it);
    free_channel(it);
    free(it);
}

pid_t
session_pid(const session *it)
{
    return it->pid;
}

void
session_exited(session *it, int status)
{
    it->exited = true;
    it->status = status;
}

/* A stopped program gets its signals when it is continued. */
static void
hang_up(session *it)
{
    close_ends(it);
    if (it->ending >= HUNG_UP || !it->started)
        return;
    if (session_group_lives(it->pid)) {
        kill(-it->pid, SIGHUP);
        kill(-it->pid, SIGCONT);
    }
    it->ending = HUNG_UP;
    it->due = io_deadline(SESSION_GRACE);
}

void
session_end(session *it)
{
    hang_up(it);
    free_channel(it);
}

int64_t
session_tick(session *it, int64_t now)
{
    if (now < it->due)
        return it->due;
    it->due = INT64_MAX;
    if (it->ending == LEFT) {
        hang_up(it);
    } else if (it->ending == HUNG_UP) {
        it->ending = KILLED;
        if (session_group_lives(it->pid))
            kill(-it->pid, SIGKILL);
    }
    return it->due;
}

bool
session_is_running(const session *it)
{
    return it->channel != NULL && it->started && !it->closed &&
           it->ending == LIVES;
}

bool
session_is_over(const session *it)
{
    /* the client may ask for another one in the same breath */
    bool closed = it->remote_closed && (it->closed || !it->started);

    return (it->channel == NULL || closed) && it->ending == LIVES &&
           (it->exited || !it->started);
}

bool
session_is_gone(const session *it)
{
    return it->channel == NULL &&
           (!it->started || (it->exited && !session_group_lives(it->pid)));
}

/* ----------------------------------------------------------------- output */

/* Gives output to the channel; how much of it the channel took. */
static size_t
write_channel(session *it, const unsigned char *data, size_t len,
              int is_stderr)
{
    int put;

    it->seen = it->hub->packets.in_packets;
    put = is_stderr
              ? ssh_channel_write_stderr(it->channel, data, (uint32_t)len)
              : ssh_channel_write(it->channel, data, (uint32_t)len);
    if (put >= 0)
        return (size_t)put;
    if (!it->remote_closed) /* rather than leave a gap */
        it->hub->fault = "its output cannot be sent on";
    return len;
}

/* Gives new output to the channel, and keeps what the channel does not take. */
static void
send_output(session *it, const unsigned char *data, size_t len, int is_stderr)
{
    size_t put = write_channel(it, data, len, is_stderr);

    if (put == len)
        return;
    /* There was room: so it is that the keys are being changed. */
    it->held = malloc(len - put);
    if (it->held == NULL) {
        it->hub->fault = "out of memory";
        return;
    }
    memcpy(it->held, data + put, len - put);
    it->held_at = 0;
    it->held_len = len - put;
    it->held_is_stderr = is_stderr;
}

/* Tries again what the channel did not take, once something has arrived. */
static void
send_held(session *it)
{
    size_t put;

    if (it->hub->packets.in_packets == it->seen)
        return;
    put = write_channel(it, it->held + it->held_at, it->held_len,
                        it->held_is_stderr);
    it->held_at += put;
    it->held_len -= put;
    if (it->held_len > 0)
        return;
    free(it->held);
    it->held = NULL;
}

/* How much output the channel has room for now; 0 while anything waits. */
static size_t
output_room(const session *it)
{
    size_t window;

    if (it->channel == NULL || it->remote_closed || it->held_len > 0 ||
        (ssh_get_status(it->hub->ssh) & SSH_WRITE_PENDING) != 0)
        return 0;
    window = ssh_channel_window_size(it->channel);
    return window < SESSION_HELPING ? window : SESSION_HELPING;
}

/* Whether the session is to end although others may hold its terminal. */
static bool
is_draining(const session *it)
{
    return it->exited && it->pty.master >= 0;
}

/* One helping a turn: the others are to have theirs. */
static void
pump(session *it, source *from)
{
    size_t room = from->readable ? output_room(it) : 0;
    ssize_t got;

    if (room == 0 || from->fd < 0)
        return;
    from->readable = false;
    got = read(from->fd, it->hub->helping, room);
    if (got > 0) {
        it->late += it->exited ? (size_t)got : 0;
        send_output(it, it->hub->helping, (size_t)got, from->is_stderr);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR) ||
               (errno == EAGAIN && is_draining(it)))
        session_close_fd(&from->fd); /* a terminal ends with an error */
}

/*
 * What the program of a terminal wrote before its end is there to be read, and
 * no more is waited for: what it left running may hold the terminal for ever,
 * and write for ever.
 */
static void
drain(session *it)
{
    while (it->out.fd >= 0 && it->late < TERMINAL_KEEPS &&
           output_room(it) > 0) {
        it->out.readable = true;
        pump(it, &it->out);
    }
    if (it->late >= TERMINAL_KEEPS)
        session_close_fd(&it->out.fd);
}

/* -------------------------------------------------------------- its course */

/*
 * Where something waits to be sent, ssh_channel_close() stops half-way: it
 * sends EOF, says SSH_AGAIN, and leaves the CLOSE to the next call.
 */
static void
close_channel(session *it)
{
    int tries = 3;

    while (ssh_channel_close(it->channel) == SSH_AGAIN && --tries > 0)
        ;
    it->closed = true;
}

/* Tells the client how the program ended, after all its output. */
static void
report(session *it)
{
    if (WIFSIGNALED(it->status))
        ssh_channel_request_send_exit_signal(
            it->channel, session_signal_name(WTERMSIG(it->status)),
            WCOREDUMP(it->status), "", "");
    else
        ssh_channel_request_send_exit_status(it->channel,
                                             WEXITSTATUS(it->status));
    close_channel(it);
    close_ends(it);
}

/*
 * The client has closed the channel. Where that answers the end of our output,
 * it still waits to be told how the program ends. Else nobody hears the program
 * any more: on a terminal that is a hangup, elsewhere it may still use what it
 * was sent. In any case our side stays open until the program has ended.
 */
static void
leave(session *it)
{
    bool runs = it->started && !it->exited;

    if (it->closed) { /* it ended by itself */
        free_channel(it);
        return;
    }
    session_close_fd(&it->out.fd);
    session_close_fd(&it->err.fd);
    it->held_len = 0;
    if (it->pty.master >= 0 || (!runs && !it->eof_sent)) {
        hang_up(it);
    } else if (runs && !it->eof_sent && it->ending == LIVES) {
        it->ending = LEFT;
        it->due = io_deadline(SESSION_GRACE);
    }
    if (runs)
        return;
    if (it->started)
        report(it);
    else
        close_channel(it);
    free_channel(it);
}

void
session_step(session *it)
{
    bool ended;

    if (it->started)
        feed_program(it);
    if (it->channel == NULL)
        return;
    if (it->remote_closed) {
        leave(it);
        return;
    }
    if (it->closed || !it->started)
        return;
    if (it->exited) /* what it left running gets no more input */
        session_feed_close(&it->in);
    if (it->in.fd < 0)
        session_feed_discard(&it->in, it->channel, it->hub->helping,
                             SESSION_HELPING);
    if (it->held_len > 0)
        send_held(it);
    pump(it, &it->out);
    pump(it, &it->err);
    if (is_draining(it))
        drain(it);
    ended = it->out.fd < 0 && it->err.fd < 0 && it->held_len == 0;
    if (ended && it->exited) {
        report(it);
    } else if (ended && !it->eof_sent) {
        it->eof_sent = true;
        ssh_channel_send_eof(it->channel);
    }
}

/* ---------------------------------------------------------------- polling */

/* Adds an entry if it is wanted; gives its place, or -1. */
static int
add_poll(struct pollfd *polls, int *used, bool wanted, int fd, short events)
{
    if (!wanted || fd < 0)
        return -1;
    polls[*used] = (struct pollfd){fd, events, 0};
    return (*used)++;
}

size_t
session_poll(session *it, struct pollfd polls[SESSION_POLLS])
{
    bool room = output_room(it) > 0;
    int used = 0;

    it->in_polled = add_poll(polls, &used, it->in.blocked, it->in.fd, POLLOUT);
    it->out.polled = add_poll(polls, &used, room, it->out.fd, POLLIN);
    it->err.polled = add_poll(polls, &used, room, it->err.fd, POLLIN);
    return (size_t)used;
}

size_t
session_ready(session *it, const struct pollfd polls[SESSION_POLLS])
{
    if (it->in_polled >= 0 && polls[it->in_polled].revents != 0)
        it->in.blocked = false;
    if (it->out.polled >= 0 && polls[it->out.polled].revents != 0)
        it->out.readable = true;
    if (it->err.polled >= 0 && polls[it->err.polled].revents != 0)
        it->err.readable = true;
    return (size_t)(it->in_polled >= 0) + (it->out.polled >= 0) +
           (it->err.polled >= 0);
}
