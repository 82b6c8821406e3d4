/* The addresses that serve listens on: loopback, unless told otherwise. */
#define _GNU_SOURCE
#include "server/serve.h"

#include "io/io.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* How often to look for a port that is free at all addresses. */
#define TRIES 16

static const serve_texts loopback = {.of = {"127.0.0.1", "::1"}, .count = 2};

/* A listening socket, -1: errno. *port is the kernel's choice if it was 0. */
static int
listen_at(const char *address, unsigned *port)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *to = NULL;
    struct sockaddr_storage got;
    socklen_t len = sizeof got;
    char number[8];
    int fd, one = 1, error = 0;

    (void)snprintf(number, sizeof number, "%u", *port);
    if (getaddrinfo(address, number, &hints, &to) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        (to->ai_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) != 0) ||
        bind(fd, to->ai_addr, to->ai_addrlen) != 0 ||
        listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&got, &len) != 0)
        error = errno;
    else /* the port is at the same place in IPv4's and IPv6's addresses */
        *port = ntohs(((struct sockaddr_in *)&got)->sin_port);
    freeaddrinfo(to);
    if (error == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

/* At all addresses, on the same port; *failed is the one that cannot be. */
static bool
listen_everywhere(serve_listeners *listeners, const serve_texts *addresses,
                  unsigned *port, const char **failed)
{
    listeners->count = 0;
    for (size_t i = 0; i < addresses->count; i++) {
        int fd = listen_at(addresses->of[i], port);

        if (fd >= 0) {
            listeners->of[listeners->count++] = fd;
        } else if (addresses == &loopback && i > 0 &&
                   (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT)) {
            break; /* a machine without IPv6 */
        } else {
            int error = errno;

            serve_listen_end(listeners);
            *failed = addresses->of[i];
            errno = error;
            return false;
        }
    }
    return true;
}

static bool
announce(const serve_listeners *listeners, const serve_texts *addresses,
         unsigned port)
{
    for (size_t i = 0; i < listeners->count; i++)
        if (printf("listening on %s port %u: for tests, demos and "
                   "development\n", addresses->of[i], port) < 0)
            return false;
    return fflush(stdout) == 0;
}

bool
serve_listen(serve_listeners *listeners, const serve_config *config)
{
    const serve_texts *addresses =
        config->listen.count > 0 ? &config->listen : &loopback;
    const char *failed = "";
    unsigned port;
    int tries = 0;
    bool good;

    do {
        port = (unsigned)config->port;
        good = listen_everywhere(listeners, addresses, &port, &failed);
    } while (!good && config->port == 0 && errno == EADDRINUSE &&
             ++tries < TRIES);
    if (!good) {
        io_say(SERVE_PROGRAM,
               "cannot listen on %s port %ld: %s: another Port or "
               "ListenAddress may do", failed, config->port, strerror(errno));
        return false;
    }
    if (!announce(listeners, addresses, port)) {
        io_say(SERVE_PROGRAM, "the port cannot be printed: see to standard "
                              "output");
        serve_listen_end(listeners);
        return false;
    }
    return true;
}

void
serve_listen_end(serve_listeners *listeners)
{
    while (listeners->count > 0)
        close(listeners->of[--listeners->count]);
}
