/* Addresses of hosts, looked up by a child. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "client/mux_lookup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

socklen_t
mux_address_len(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
}

static void
add(struct mux_addresses *found, const struct sockaddr *address, socklen_t len)
{
    if (found->count < MUX_ADDRESSES_MAX && len <= sizeof found->all[0])
        memcpy(&found->all[found->count++], address, len);
}

static void
add_both(struct mux_addresses *found, uint16_t port, struct in_addr four,
         struct in6_addr six)
{
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = four};
    struct sockaddr_in6 in6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = six};

    add(found, (struct sockaddr *)&in, sizeof in);
    add(found, (struct sockaddr *)&in6, sizeof in6);
}

/* Asks the resolver; with AI_NUMERICHOST it asks nobody. */
static bool
ask(const char *host, uint16_t port, int flags, struct mux_addresses *found)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = flags | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    const struct addrinfo *at;
    char service[8];

    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &list) != 0)
        return false;
    for (at = list; at != NULL; at = at->ai_next)
        if (at->ai_family == AF_INET || at->ai_family == AF_INET6)
            add(found, at->ai_addr, at->ai_addrlen);
    freeaddrinfo(list);
    return true;
}

bool
mux_addresses_known(const char *host, uint16_t port, bool listen,
                    struct mux_addresses *found)
{
    memset(found, 0, sizeof *found);
    if (listen && strcmp(host, "*") == 0)
        add_both(found, port, (struct in_addr){INADDR_ANY}, in6addr_any);
    else if ((listen && host[0] == '\0') || strcmp(host, "localhost") == 0)
        add_both(found, port, (struct in_addr){htonl(INADDR_LOOPBACK)},
                 in6addr_loopback);
    else
        return ask(host, port, AI_NUMERICHOST, found);
    return true;
}

/* In the child, which has nothing but the pipe. */
static _Noreturn void
look_up(int to, pid_t parent, const char *host, uint16_t port)
{
    struct mux_addresses found;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || dup2(to, STDERR_FILENO + 1) < 0)
        _exit(1);
    (void)close_range(STDERR_FILENO + 2, UINT_MAX, 0);
    memset(&found, 0, sizeof found);
    (void)ask(host, port, 0, &found);
    /* Fits into a pipe. */
    _exit(write(STDERR_FILENO + 1, &found, sizeof found) !=
          (ssize_t)sizeof found);
}

bool
mux_lookup_start(struct mux_lookup *lookup, const char *host, uint16_t port)
{
    pid_t parent = getpid();
    int ends[2];

    *lookup = (struct mux_lookup){.fd = -1};
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    lookup->child = fork();
    if (lookup->child == 0)
        look_up(ends[1], parent, host, port);
    close(ends[1]);
    if (lookup->child < 0) {
        close(ends[0]);
        return false;
    }
    lookup->fd = ends[0];
    return true;
}

int
mux_lookup_step(struct mux_lookup *lookup, struct mux_addresses *found)
{
    ssize_t got;

    memset(found, 0, sizeof *found);
    got = read(lookup->fd, found, sizeof *found); /* one piece, or the end */
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got != (ssize_t)sizeof *found || found->count > MUX_ADDRESSES_MAX)
        found->count = 0;
    mux_lookup_stop(lookup);
    return 1;
}

void
mux_lookup_stop(struct mux_lookup *lookup)
{
    if (lookup->fd < 0)
        return;
    close(lookup->fd);
    lookup->fd = -1;
    (void)kill(lookup->child, SIGKILL);
    while (waitpid(lookup->child, NULL, 0) < 0 && errno == EINTR)
        ;
}
