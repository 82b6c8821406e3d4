/* One connection, in a process of its own. */
#define _GNU_SOURCE
#include "server/serve_connection.h"

#include "io/wipe.h"
#include "server/sessions.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* sessions at a time, as OpenSSH has it */
#define SESSIONS_MAX 10
#define USER_MAX 262144
/* what may wait in the capture while something is sent */
#define WAITING_MAX ((size_t)1 << 20)

/* ------------------------------------------------------------- its end */

bool
connection_end(connection *with, const char *why)
{
    if (with->over == NULL)
        with->over = why;
    return false;
}

bool
connection_signalled(connection *with)
{
    if (io_signals_caught() == 0)
        return false;
    (void)connection_end(with, hangup_is(with->fd) ? "the client went away"
                                                   : "serve is ending");
    return true;
}

static bool
end_in_time(connection *with)
{
    with->too_long = with->over == NULL;
    return connection_end(with, "the login took too long");
}

static bool
is_alive(connection *with)
{
    const char *error;

    if (!(ssh_get_status(with->session) & (SSH_CLOSED | SSH_CLOSED_ERROR)))
        return true;
    error = ssh_get_error(with->session);
    return connection_end(with, hangup_is(with->fd) || error[0] == 0
                                    ? "the client went away"
                                    : error);
}

/* ----------------------------------------------------------------- waits */

/* What a wait of io.h came to. */
static bool
went_on(connection *with, authplug_status status)
{
    if (status == AUTHPLUG_OK)
        return true;
    if (connection_signalled(with))
        return false;
    return status == AUTHPLUG_TIMEOUT
               ? end_in_time(with)
               : connection_end(with, authplug_status_text(status));
}

bool
connection_wait(connection *with, bool to_write)
{
    to_write = to_write ||
               (ssh_get_poll_flags(with->session) & SSH_WRITE_PENDING) != 0;
    return went_on(with, io_wait(with->fd, true, to_write, with->deadline));
}

bool
connection_turn(connection *with)
{
    return ssh_event_dopoll(with->event, 0) != SSH_ERROR ? is_alive(with)
           : is_alive(with) ? connection_end(with, "the connection broke")
                            : false;
}

bool
connection_flush(connection *with)
{
    while (ssh_get_poll_flags(with->session) & SSH_WRITE_PENDING) {
        if (capture_waiting(&with->tap.captured) > WAITING_MAX)
            return connection_end(with, "the client sends and does not read");
        if (!connection_wait(with, true) || !connection_turn(with))
            return false;
    }
    return is_alive(with);
}

bool
connection_sleep(connection *with, int64_t until)
{
    for (;;) {
        struct pollfd fds[] = {{with->fd, POLLRDHUP, 0},
                               {io_signals_fd(), POLLIN, 0}};
        int64_t now = io_now();

        if (connection_signalled(with))
            return false;
        if (now >= with->deadline)
            return end_in_time(with);
        if (now >= until)
            return true;
        if (until > with->deadline)
            until = with->deadline;
        if (poll(fds, 2, (int)(until - now)) > 0 && fds[0].revents != 0)
            return connection_end(with, "the client went away");
    }
}

int64_t
connection_refusal(const connection *with)
{
    /* the clock's fraction of a millisecond is not to be seen */
    return with->heard + with->config->failure_delay * 1000 + 1;
}

/* --------------------------------------------------------------- the start */

/* An address and a port in numbers. */
static bool
name_address(const struct sockaddr_storage *address, socklen_t len,
             char ip[64], char port[8])
{
    return getnameinfo((const struct sockaddr *)address, len, ip, 64, port, 8,
                       NI_NUMERICHOST | NI_NUMERICSERV) == 0;
}

/* No look-ups: a name that is not known is the address. */
static bool
name_both_ends(connection *with)
{
    struct sockaddr_storage ours, theirs;
    socklen_t ours_len = sizeof ours, theirs_len = sizeof theirs;
    char our_port[8], their_port[8];

    if (getsockname(with->fd, (struct sockaddr *)&ours, &ours_len) != 0 ||
        getpeername(with->fd, (struct sockaddr *)&theirs, &theirs_len) != 0 ||
        !name_address(&ours, ours_len, with->host_ip, our_port) ||
        !name_address(&theirs, theirs_len, with->peer_ip, their_port))
        return connection_end(with, "the client went away");
    (void)snprintf(with->client, sizeof with->client, "%s %s %s %s",
                   with->peer_ip, their_port, with->host_ip, our_port);
    if (gethostname(with->host_name, sizeof with->host_name - 1) != 0 ||
        with->host_name[0] == 0)
        (void)snprintf(with->host_name, sizeof with->host_name, "%s",
                       with->host_ip);
    return true;
}

/* libssh writes to a socket that blocks: not for longer than the login. */
static void
set_socket(int fd, int64_t patience)
{
    struct timeval wait = {.tv_sec = patience / 1000,
                           .tv_usec = patience % 1000 * 1000};
    int one = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
}

/* A session of libssh on the socket, with our keys and nobody's files. */
static bool
open_session(connection *with, const serve_keys *keys)
{
    ssh_bind bind = ssh_bind_new();
    bool no = false, good = false;

    with->session = ssh_new();
    if (bind != NULL && with->session != NULL &&
        ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no) ==
            SSH_OK) {
        good = true;
        for (size_t i = 0; i < keys->count; i++)
            good = good && ssh_bind_options_set(bind,
                                                SSH_BIND_OPTIONS_IMPORT_KEY,
                                                keys->of[i]) == SSH_OK;
        good = good &&
               ssh_bind_accept_fd(bind, with->session, with->fd) == SSH_OK;
    }
    ssh_bind_free(bind); /* the keys, too: this process's copies */
    if (!good)
        return connection_end(with, "libssh cannot serve: memory ran out");
    ssh_set_blocking(with->session, 0);
    /* what libssh refuses by itself it refuses with a list of its own */
    ssh_set_auth_methods(with->session, SSH_AUTH_METHOD_INTERACTIVE);
    return tap_open(&with->tap, with->session) ||
           connection_end(with, "packets cannot be captured");
}

static bool
exchange_keys(connection *with)
{
    int result;

    while ((result = ssh_handle_key_exchange(with->session)) == SSH_AGAIN)
        if (!connection_wait(with, false))
            return false;
    if (result != SSH_OK)
        return is_alive(with) &&
               connection_end(with, ssh_get_error(with->session));
    /* libssh has something to poll only now */
    with->event = ssh_event_new();
    return (with->event != NULL &&
            ssh_event_add_session(with->event, with->session) == SSH_OK) ||
           connection_end(with, "libssh cannot serve: memory ran out");
}

static bool
begin(connection *with, const serve_keys *keys)
{
    with->began = with->heard = io_now();
    with->deadline = io_deadline(with->config->grace * 1000);
    decision_id(with->id);
    bounds_begin(with->deadline);
    wipe_freed_memory(true);
    set_socket(with->fd, with->config->grace * 1000);
    return name_both_ends(with) && open_session(with, keys) &&
           exchange_keys(with);
}

/* --------------------------------------------------------------- the rest */

/* The login is over: its bounds, and what it knew. */
static void
end_login(connection *with)
{
    ssh_message_free(with->message);
    with->message = NULL;
    tap_close(&with->tap);
    if (with->event != NULL) {
        (void)ssh_event_remove_session(with->event, with->session);
        ssh_event_free(with->event);
        with->event = NULL;
    }
    bounds_end();
    set_socket(with->fd, 0);
    wipe_freed_memory(false);
}

static void
run_sessions(connection *with, bool must_change, int told)
{
    sessions_options options = {
        .user = authplug_secret_text(with->user),
        .client = with->client,
        .most = SESSIONS_MAX,
    };
    char *forced = NULL;

    (void)!write(told, "", 1);
    if (must_change && options.user != NULL)
        options.forced = forced =
            passwd_command(with->config->passwd_path, options.user);
    if (options.user != NULL && must_change == (forced != NULL))
        (void)sessions_serve(with->session, &options);
    free(forced);
}

_Noreturn void
connection_run(const serve_config *config, const serve_keys *keys, int fd,
               int told)
{
    static connection with; /* large */
    bool must_change = false;

    with.config = config;
    with.fd = fd;
    with.user = authplug_secret_new(USER_MAX);
    if (with.user == NULL)
        _exit(1);
    if (begin(&with, keys) && auth_run(&with, &must_change)) {
        end_login(&with);
        run_sessions(&with, must_change, told);
    } else {
        log_event(&with, "login", "rejected", with.over);
        ssh_message_free(with.message);
        tap_close(&with.tap);
    }
    authplug_secret_free(&with.user);
    if (with.session != NULL) {
        if (with.too_long)
            (void)ssh_session_set_disconnect_message(
                with.session, "The login took too long");
        ssh_disconnect(with.session);
        ssh_free(with.session);
    }
    _exit(0);
}
