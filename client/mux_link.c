/* One forwarded connection, from the first byte to the last. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "client/mux_link.h"

#include "client/mux_dial.h"
#include "client/mux_socks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum phase {
    PHASE_SOCKS, /* the target is not known yet */
    PHASE_OPEN,  /* the server is asked for a channel to it */
    PHASE_DIAL,  /* it is on this side, and is being connected to */
    PHASE_RUN,
    PHASE_OVER
};

struct mux_link {
    struct mux_hub *hub;
    struct mux_pipe pipe;
    enum phase phase;
    enum mux_link_state state;
    bool incoming;  /* the server has opened it */
    bool abandoned; /* nobody wants it any more */
    bool asked;     /* the server, for the channel */
    bool readable;  /* poll() says so of the socket */
    uint64_t seen;  /* how many packets had arrived when it was tried */
    struct timespec since;
    struct mux_target target;
    char *name; /* the target's, or NULL */
    int sock;   /* -1 when there is none */
    char from[INET6_ADDRSTRLEN];
    int from_port;
    struct mux_socks *socks; /* NULL when there is none, or no more */
    bool dialling;
    struct mux_dial dial;
    char reason[160];
};

/* --------------------------------------------------------- birth and death */

static bool
copy_target(struct mux_link *link, const struct mux_target *target)
{
    link->phase = link->incoming ? PHASE_DIAL : PHASE_OPEN;
    link->target.port = target->port;
    if (target->name == NULL) {
        link->phase = PHASE_SOCKS;
        link->socks = calloc(1, sizeof *link->socks);
        return link->socks != NULL;
    }
    link->target.name = link->name = strdup(target->name);
    return link->name != NULL;
}

static struct mux_link *
new_link(struct mux_hub *hub, const struct mux_target *target, bool incoming)
{
    struct mux_link *link = calloc(1, sizeof *link);

    if (link == NULL)
        return NULL;
    link->hub = hub;
    link->incoming = incoming;
    link->sock = -1;
    link->dial.sock = -1;
    link->dial.lookup.fd = -1;
    clock_gettime(CLOCK_MONOTONIC, &link->since);
    mux_pipe_init(&link->pipe, hub);
    link->pipe.forward = true;
    /* What comes before there is somewhere to put it stays in libssh. */
    link->pipe.out.blocked = true;
    /* What OpenSSH says where it knows no better. */
    snprintf(link->from, sizeof link->from, "127.0.0.1");
    link->from_port = 65535;
    if (!copy_target(link, target))
        mux_link_free(&link);
    return link;
}

/* A channel of our own, not asked for yet. */
static bool
add_channel(struct mux_link *link)
{
    ssh_channel channel = ssh_channel_new(link->hub->ssh);

    return channel != NULL && mux_pipe_attach(&link->pipe, channel);
}

struct mux_link *
mux_link_stdio(struct mux_hub *hub, const struct mux_target *target,
               const int fds[2])
{
    struct mux_link *link = new_link(hub, target, false);

    if (link == NULL) {
        close(fds[0]);
        close(fds[1]);
        return NULL;
    }
    link->pipe.in = mux_fd_adopt(fds[0]);
    link->pipe.out.end = mux_fd_adopt(fds[1]);
    if (!add_channel(link))
        mux_link_free(&link);
    return link;
}

/* Notes who is at the other end, for the server's log. */
static void
note_peer(struct mux_link *link)
{
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    char port[8];

    if (getpeername(link->sock, (struct sockaddr *)&peer, &len) == 0 &&
        peer.ss_family != AF_UNIX &&
        getnameinfo((struct sockaddr *)&peer, len, link->from,
                    sizeof link->from, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        link->from_port = (int)strtol(port, NULL, 10);
}

static void
take_socket(struct mux_link *link, int sock)
{
    int yes = 1;

    link->sock = sock;
    link->pipe.in = mux_fd_of_socket(sock, MUX_FD_READING);
    link->pipe.out.end = mux_fd_of_socket(sock, MUX_FD_WRITING);
    (void)setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

struct mux_link *
mux_link_accepted(struct mux_hub *hub, const struct mux_target *target,
                  int sock)
{
    struct mux_link *link = new_link(hub, target, false);

    if (link == NULL) {
        close(sock);
        return NULL;
    }
    take_socket(link, sock);
    note_peer(link);
    if (!add_channel(link))
        mux_link_free(&link);
    return link;
}

struct mux_link *
mux_link_incoming(struct mux_hub *hub, const struct mux_target *target,
                  ssh_channel channel)
{
    struct mux_link *link = new_link(hub, target, true);

    if (link == NULL) {
        ssh_channel_free(channel);
        return NULL;
    }
    if (!mux_pipe_attach(&link->pipe, channel))
        mux_link_free(&link);
    return link;
}

static void
close_sides(struct mux_link *link)
{
    mux_pipe_close_ends(&link->pipe);
    mux_dial_stop(&link->dial);
    if (link->sock >= 0)
        close(link->sock);
    link->sock = -1;
}

void
mux_link_free(struct mux_link **link)
{
    struct mux_link *it = *link;

    if (it == NULL)
        return;
    close_sides(it);
    mux_pipe_release(&it->pipe);
    free(it->socks);
    free(it->name);
    free(it);
    *link = NULL;
}

static void
finish(struct mux_link *link, enum mux_link_state state)
{
    close_sides(link);
    /* What was refused, or never asked for, has nothing to be closed. */
    if (state == MUX_LINK_ENDED && (link->incoming || link->asked))
        mux_pipe_close_channel(&link->pipe);
    link->phase = PHASE_OVER;
    link->state = state;
}

void
mux_link_abandon(struct mux_link *link)
{
    link->abandoned = true;
    close_sides(link);
    if (link->phase != PHASE_OVER &&
        (link->phase != PHASE_OPEN || !link->asked))
        finish(link, MUX_LINK_ENDED);
}

/* ------------------------------------------------------------------ SOCKS */

/* Sends what is for the client of SOCKS; false when it cannot be. */
static bool
send_socks(struct mux_link *link)
{
    struct mux_socks *socks = link->socks;
    size_t len = socks->out_len;

    socks->out_len = 0;
    if (len == 0)
        return true;
    if (!link->incoming)
        return send(link->sock, socks->out, len, MSG_DONTWAIT | MSG_NOSIGNAL) ==
               (ssize_t)len;
    if (ssh_channel_window_size(link->pipe.channel) < len)
        return false;
    mux_pipe_send(&link->pipe, socks->out, len);
    return link->pipe.held_len == 0; /* or the keys are just being changed */
}

/* Tells the client of SOCKS, if there is one, how it came out. */
static bool
answer_socks(struct mux_link *link, enum mux_socks_result result)
{
    bool sent = true;

    if (link->socks != NULL) {
        mux_socks_reply(link->socks, result);
        sent = send_socks(link);
    }
    free(link->socks);
    link->socks = NULL;
    return sent;
}

/* Feeds what the client has sent; false at its end. */
static bool
feed_socks(struct mux_link *link)
{
    unsigned char peek[MUX_SOCKS_MAX];
    size_t have;
    ssize_t got;

    if (link->incoming) {
        const unsigned char *data = mux_pipe_look(&link->pipe, &have);

        if (data != NULL)
            mux_pipe_skip(&link->pipe, mux_socks_feed(link->socks, data, have));
        return data != NULL || !link->pipe.remote_eof;
    }
    if (!link->readable)
        return true;
    link->readable = false;
    /* What is behind the request is the connection's: it stays there. */
    got = recv(link->sock, peek, sizeof peek, MSG_PEEK | MSG_DONTWAIT);
    if (got <= 0)
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    have = mux_socks_feed(link->socks, peek, (size_t)got);
    return recv(link->sock, peek, have, MSG_DONTWAIT) == (ssize_t)have;
}

static void
step_socks(struct mux_link *link)
{
    struct mux_socks *socks = link->socks;
    bool good = feed_socks(link) && send_socks(link);

    if (!good || socks->state == MUX_SOCKS_BAD ||
        mux_elapsed_ms(&link->since) > MUX_SOCKS_MS) {
        finish(link, MUX_LINK_ENDED);
        return;
    }
    if (socks->state == MUX_SOCKS_MORE)
        return;
    link->target = (struct mux_target){socks->host, socks->port};
    link->phase = link->incoming ? PHASE_DIAL : PHASE_OPEN;
    clock_gettime(CLOCK_MONOTONIC, &link->since);
}

/* ------------------------------------------------------------ joining them */

/* Both sides are there. */
static void
join(struct mux_link *link)
{
    if (!answer_socks(link, MUX_SOCKS_DONE)) {
        finish(link, MUX_LINK_ENDED);
        return;
    }
    link->pipe.out.blocked = false;
    link->pipe.started = true;
    link->phase = PHASE_RUN;
    link->state = MUX_LINK_UP;
}

/* RFC 4254 section 5.1; libssh says "... error (2) ...". 0: none of them. */
static unsigned
reason_code(const char *error)
{
    const char *code = error != NULL ? strstr(error, "error (") : NULL;

    return code != NULL && code[7] >= '1' && code[7] <= '4' && code[8] == ')'
               ? (unsigned)(code[7] - '0')
               : 0;
}

static void
refused(struct mux_link *link)
{
    static const struct {
        const char *text; /* as OpenSSH says it */
        enum mux_socks_result result;
    } reasons[] = {
        {"", MUX_SOCKS_FAILED},
        {"administratively prohibited: ", MUX_SOCKS_PROHIBITED},
        {"connect failed: ", MUX_SOCKS_UNREACHABLE},
        {"unknown channel type: ", MUX_SOCKS_FAILED},
        {"resource shortage: ", MUX_SOCKS_FAILED},
    };
    unsigned code = reason_code(ssh_get_error(link->hub->ssh));

    snprintf(link->reason, sizeof link->reason, "the server refused: %s%.100s",
             reasons[code].text, mux_ssh_error(link->hub));
    mux_debug(link->hub, "a forwarded connection: %s", link->reason);
    (void)answer_socks(link, reasons[code].result);
    finish(link, MUX_LINK_REFUSED);
}

static void
step_open(struct mux_link *link)
{
    const struct mux_target *to = &link->target;
    ssh_channel channel = link->pipe.channel;
    int rc;

    /* Nothing arrived, so nothing was answered: spare libssh's poll(). */
    if (link->asked && link->hub->packets.in_packets == link->seen)
        return;
    link->seen = link->hub->packets.in_packets;
    link->asked = true;
    if (to->port == MUX_PORT_PATH)
        rc = ssh_channel_open_forward_unix(channel, to->name, link->from,
                                           link->from_port);
    else
        rc = ssh_channel_open_forward(channel, to->name, (int)to->port,
                                      link->from, link->from_port);
    if (rc == SSH_AGAIN)
        return;
    if (rc != SSH_OK)
        refused(link);
    else if (link->abandoned)
        finish(link, MUX_LINK_ENDED);
    else
        join(link);
}

static void
step_dial(struct mux_link *link)
{
    const struct mux_target *to = &link->target;
    int sock = -1;
    int result;

    if (to->port == MUX_PORT_PATH) {
        sock = mux_dial_path(to->name);
        link->dial.error = errno;
        result = sock >= 0 ? 1 : -1;
    } else {
        if (!link->dialling)
            mux_dial_start(&link->dial, to->name, (uint16_t)to->port);
        link->dialling = true;
        result = mux_dial_step(&link->dial, &sock);
    }
    if (result == 0)
        return;
    if (result > 0) {
        take_socket(link, sock);
        join(link);
        return;
    }
    mux_debug(link->hub, "a connection from the server's side: %s",
              strerror(link->dial.error));
    (void)answer_socks(link, MUX_SOCKS_UNREACHABLE);
    finish(link, MUX_LINK_ENDED);
}

void
mux_link_step(struct mux_link *link)
{
    /* A server that breaks its window need not wait until both are joined. */
    if (link->pipe.cut && link->phase != PHASE_OVER) {
        finish(link, MUX_LINK_ENDED);
        return;
    }
    if (link->phase == PHASE_SOCKS)
        step_socks(link);
    if (link->phase == PHASE_OPEN)
        step_open(link);
    if (link->phase == PHASE_DIAL)
        step_dial(link);
    if (link->phase == PHASE_RUN && !mux_pipe_step(&link->pipe))
        finish(link, MUX_LINK_ENDED);
}

/* ---------------------------------------------------------------- polling */

size_t
mux_link_poll(struct mux_link *link, struct pollfd polls[MUX_LINK_POLLS])
{
    if (link->phase == PHASE_RUN)
        return mux_pipe_poll(&link->pipe, polls);
    if (link->phase == PHASE_SOCKS && !link->incoming)
        polls[0] = (struct pollfd){link->sock, POLLIN, 0};
    else if (link->phase == PHASE_DIAL)
        polls[0] = mux_dial_poll(&link->dial);
    else
        return 0;
    return 1;
}

void
mux_link_ready(struct mux_link *link, const struct pollfd polls[MUX_LINK_POLLS])
{
    if (link->phase == PHASE_RUN)
        mux_pipe_ready(&link->pipe, polls);
    else if (link->phase == PHASE_SOCKS && !link->incoming)
        link->readable = polls[0].revents != 0;
}

enum mux_link_state
mux_link_state(const struct mux_link *link)
{
    return link->state;
}

const char *
mux_link_reason(const struct mux_link *link)
{
    return link->reason;
}

bool
mux_link_has_clock(const struct mux_link *link)
{
    return link->phase == PHASE_SOCKS || link->phase == PHASE_DIAL;
}
