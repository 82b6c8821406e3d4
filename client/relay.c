/*
 * libssh's packet capture, from which we take the exact bytes of requests,
 * works on AF_INET sockets alone. Whatever is not one is reached through a
 * loopback pair: its one end is libssh's, the other is copied to and from.
 */
#define _GNU_SOURCE
#include "client/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 65536

static bool
same_address(int a, bool a_is_peer, int b)
{
    struct sockaddr_in one = {0}, two = {0};
    socklen_t one_len = sizeof one, two_len = sizeof two;

    if ((a_is_peer ? getpeername(a, (struct sockaddr *)&one, &one_len)
                   : getsockname(a, (struct sockaddr *)&one, &one_len)) != 0 ||
        getsockname(b, (struct sockaddr *)&two, &two_len) != 0)
        return false;
    return one.sin_port == two.sin_port &&
           one.sin_addr.s_addr == two.sin_addr.s_addr;
}

/* Somebody else may connect first: only our own peer is taken. */
static int
accept_ours(int listener, int ours)
{
    for (int tries = 0; tries < 16; tries++) {
        int got = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        if (got < 0 && errno != EINTR && errno != ECONNABORTED)
            return -1;
        if (got >= 0 && same_address(got, true, ours))
            return got;
        if (got >= 0)
            close(got);
    }
    errno = ECONNREFUSED;
    return -1;
}

bool
relay_pair(int ends[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;

    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ends[1] = -1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener >= 0 && ends[0] >= 0 &&
        bind(listener, (struct sockaddr *)&address, len) == 0 &&
        listen(listener, 4) == 0 &&
        getsockname(listener, (struct sockaddr *)&address, &len) == 0 &&
        connect(ends[0], (struct sockaddr *)&address, len) == 0)
        ends[1] = accept_ours(listener, ends[0]);
    if (listener >= 0)
        close(listener);
    if (ends[1] < 0) {
        if (ends[0] >= 0)
            close(ends[0]);
        return false;
    }
    for (int i = 0; i < 2; i++)
        (void)setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return true;
}

/* One direction: what was read and not written yet. */
struct flow {
    int from, to;
    char bytes[CHUNK];
    size_t start, end;
    bool over;
};

static void
read_into(struct flow *flow)
{
    ssize_t got = recv(flow->from, flow->bytes, CHUNK, MSG_DONTWAIT);

    if (got > 0) {
        flow->start = 0;
        flow->end = (size_t)got;
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        flow->over = true;
        shutdown(flow->to, SHUT_WR);
    }
}

static void
write_from(struct flow *flow)
{
    ssize_t done = send(flow->to, flow->bytes + flow->start,
                        flow->end - flow->start, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (done > 0) {
        flow->start += (size_t)done;
    } else if (done < 0 && errno != EAGAIN && errno != EINTR) {
        flow->over = true;
        flow->start = flow->end;
        shutdown(flow->from, SHUT_RD);
    }
}

/* For how long the rest may take, once there is nobody inside any more. */
#define REST_MS 10000

/* Copies until both directions are over, or the inner side has gone and had its
 * last words: nobody is there then to wait for the other. */
static void
pump(int inner, int outer)
{
    static struct flow flows[2];

    flows[0].from = flows[1].to = inner;
    flows[0].to = flows[1].from = outer;
    while ((!flows[0].over || !flows[1].over) &&
           !(flows[0].over && flows[0].start == flows[0].end)) {
        struct pollfd fds[4];

        for (int i = 0; i < 2; i++) {
            struct flow *f = &flows[i];
            bool full = f->start < f->end;

            fds[2 * i] = (struct pollfd){f->over || full ? -1 : f->from,
                                         POLLIN, 0};
            fds[2 * i + 1] = (struct pollfd){full ? f->to : -1, POLLOUT, 0};
        }
        int ready = poll(fds, 4, flows[0].over ? REST_MS : -1);

        if (ready == 0 || (ready < 0 && errno != EINTR))
            return;
        for (int i = 0; i < 2; i++) {
            if (fds[2 * i].revents != 0)
                read_into(&flows[i]);
            if (fds[2 * i + 1].revents != 0)
                write_from(&flows[i]);
        }
    }
}

int
relay_start(int inner, int outer)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid < 0 ? -1 : 0;
    /* lives as long as the connection, and holds nothing else open */
    setsid();
    signal(SIGINT, SIG_IGN);
    if (inner > outer) {
        int swap = inner;

        inner = outer;
        outer = swap;
    }
    if (dup2(inner, 0) < 0 || dup2(outer, 1) < 0)
        _exit(1);
    (void)close_range(2, ~0u, 0);
    pump(0, 1);
    _exit(0);
}

/* Copies standard input to standard error until standard output, which holds
 * nothing but a pipe to the process before, is closed at its other end; and
 * then to nowhere, for a full pipe would halt who writes there. */
static void
copy_errors(void)
{
    char bytes[4096];
    int last = 16; /* pieces that may have been on their way at the end */
    bool heard = true;

    for (;;) {
        struct pollfd fds[] = {{0, POLLIN, 0}, {heard ? 1 : -1, POLLIN, 0}};
        ssize_t got;

        if (poll(fds, 2, -1) < 0) {
            if (errno != EINTR)
                return;
            continue;
        }
        if (fds[1].revents != 0 && (fds[0].revents == 0 || last-- == 0)) {
            heard = false;
            (void)close(2);
        }
        if (fds[0].revents == 0)
            continue;
        got = read(0, bytes, sizeof bytes);
        if (got == 0 || (got < 0 && errno != EINTR))
            return;
        if (heard && got > 0)
            (void)!write(2, bytes, (size_t)got);
    }
}

int
relay_errors(void)
{
    int lines[2], life[2]; /* the second stays open as long as we are there */
    pid_t pid;

    if (pipe2(lines, O_CLOEXEC) != 0)
        return -1;
    if (pipe2(life, O_CLOEXEC) != 0) {
        close(lines[0]);
        close(lines[1]);
        return -1;
    }
    pid = fork();
    if (pid == 0) {
        setsid();
        signal(SIGPIPE, SIG_IGN);
        if (dup2(lines[0], 0) >= 0 && dup2(life[0], 1) >= 0) {
            (void)close_range(3, ~0u, 0);
            copy_errors();
        }
        _exit(0);
    }
    close(lines[0]);
    close(life[0]);
    if (pid > 0)
        return lines[1];
    close(lines[1]);
    close(life[1]);
    return -1;
}
