/* Connecting to this side's hosts and sockets. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "client/mux_dial.h"

#include "client/mux_hub.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

int
mux_dial_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int sock;

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (sock >= 0 &&
        connect(sock, (struct sockaddr *)&address, sizeof address) != 0) {
        int error = errno;

        close(sock);
        errno = error;
        return -1;
    }
    return sock;
}

void
mux_dial_start(struct mux_dial *dial, const char *host, uint16_t port)
{
    memset(dial, 0, sizeof *dial);
    clock_gettime(CLOCK_MONOTONIC, &dial->since);
    dial->sock = -1;
    dial->lookup.fd = -1;
    dial->error = ENOENT;
    if (!mux_addresses_known(host, port, false, &dial->found) &&
        !mux_lookup_start(&dial->lookup, host, port))
        dial->error = errno;
}

/* Begins with the next address; 1 when that was enough. */
static int
try_next(struct mux_dial *dial)
{
    const struct sockaddr_storage *to = &dial->found.all[dial->next++];

    dial->sock =
        socket(to->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (dial->sock >= 0 && connect(dial->sock, (const struct sockaddr *)to,
                                   mux_address_len(to)) == 0)
        return 1;
    if (dial->sock >= 0 && errno == EINPROGRESS)
        return 0;
    dial->error = errno;
    if (dial->sock >= 0)
        close(dial->sock);
    dial->sock = -1;
    return 0;
}

/* How the attempt fares: 1, or 0 when it is still going on or has failed. */
static int
look_after(struct mux_dial *dial)
{
    struct pollfd one = {dial->sock, POLLOUT, 0};
    socklen_t len = sizeof dial->error;

    if (poll(&one, 1, 0) <= 0)
        return 0;
    if (getsockopt(dial->sock, SOL_SOCKET, SO_ERROR, &dial->error, &len) == 0 &&
        dial->error == 0)
        return 1;
    close(dial->sock);
    dial->sock = -1;
    return 0;
}

int
mux_dial_step(struct mux_dial *dial, int *sock)
{
    int yes = 1;

    if (mux_elapsed_ms(&dial->since) > MUX_DIAL_MS) {
        dial->error = ETIMEDOUT;
        return -1;
    }
    if (dial->lookup.fd >= 0) {
        if (mux_elapsed_ms(&dial->since) > MUX_LOOKUP_MS)
            mux_lookup_stop(&dial->lookup);
        else if (mux_lookup_step(&dial->lookup, &dial->found) == 0)
            return 0;
    }
    if (dial->sock < 0 || look_after(dial) == 0) {
        if (dial->sock >= 0)
            return 0;
        while (dial->next < dial->found.count && try_next(dial) == 0)
            if (dial->sock >= 0)
                return 0;
        if (dial->sock < 0)
            return -1;
    }
    (void)setsockopt(dial->sock, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    *sock = dial->sock;
    dial->sock = -1;
    return 1;
}

struct pollfd
mux_dial_poll(const struct mux_dial *dial)
{
    if (dial->lookup.fd >= 0)
        return (struct pollfd){dial->lookup.fd, POLLIN, 0};
    return (struct pollfd){dial->sock, POLLOUT, 0};
}

void
mux_dial_stop(struct mux_dial *dial)
{
    mux_lookup_stop(&dial->lookup);
    if (dial->sock >= 0)
        close(dial->sock);
    dial->sock = -1;
}
