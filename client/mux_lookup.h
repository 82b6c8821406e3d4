/*
 * mux_lookup.h - addresses of hosts without waiting for them: what needs no
 * look-up at once, anything else through a child, because getaddrinfo() may
 * take a minute and would hold up all sessions.
 */
#ifndef AUTHPLUG_CLIENT_MUX_LOOKUP_H
#define AUTHPLUG_CLIENT_MUX_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* How many addresses of a host are tried. */
#define MUX_ADDRESSES_MAX 8

/* For how long a look-up may take, in milliseconds. */
#define MUX_LOOKUP_MS 15000

struct mux_addresses {
    size_t count;
    struct sockaddr_storage all[MUX_ADDRESSES_MAX];
};

/* The length of the address for connect() and bind(). */
socklen_t mux_address_len(const struct sockaddr_storage *address);

/*
 * The addresses of a host that is given in numbers or is localhost; where it
 * is to be listened at, also "" for localhost and "*" for all. False when it
 * has to be looked up.
 */
bool mux_addresses_known(const char *host, uint16_t port, bool listen,
                         struct mux_addresses *found);

struct mux_lookup {
    pid_t child;
    int fd; /* to poll() for input; -1 when there is none */
    size_t have;
};

/* Starts; false, with errno, when there are no processes or descriptors. */
bool mux_lookup_start(struct mux_lookup *lookup, const char *host,
                      uint16_t port);

/* 1 when it is done, with the addresses, if any; 0 when it is not yet. */
int mux_lookup_step(struct mux_lookup *lookup, struct mux_addresses *found);

/* Ends it, if it has not ended. */
void mux_lookup_stop(struct mux_lookup *lookup);

#endif
