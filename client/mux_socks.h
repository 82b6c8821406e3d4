/*
 * mux_socks.h - the server's side of SOCKS 4, 4a and 5 (RFC 1928), as far as a
 * dynamic forward needs it: CONNECT, without authentication. Bytes only.
 */
#ifndef AUTHPLUG_CLIENT_MUX_SOCKS_H
#define AUTHPLUG_CLIENT_MUX_SOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest request there is: SOCKS 4a with two names of 255 bytes. */
#define MUX_SOCKS_MAX (8 + 256 + 256)

enum mux_socks_state {
    MUX_SOCKS_MORE,   /* bytes are to come */
    MUX_SOCKS_TARGET, /* host and port are there */
    MUX_SOCKS_BAD     /* it was none, or cannot be served */
};

/* How a connection came out, by the numbers of SOCKS 5. */
enum mux_socks_result {
    MUX_SOCKS_DONE = 0,
    MUX_SOCKS_FAILED = 1,
    MUX_SOCKS_PROHIBITED = 2,
    MUX_SOCKS_UNREACHABLE = 4,
    MUX_SOCKS_NO_COMMAND = 7,
    MUX_SOCKS_NO_ADDRESS = 8
};

struct mux_socks {
    enum mux_socks_state state;
    unsigned version;                /* 4 or 5 once it is known */
    bool greeted;                    /* SOCKS 5: the methods are settled */
    unsigned char in[MUX_SOCKS_MAX]; /* the message that is being read */
    size_t have;
    unsigned char out[16]; /* to be sent to the client */
    size_t out_len;
    char host[256]; /* a name or an address in numbers */
    uint16_t port;
};

/* Starts with a struct of zeros. */

/*
 * Takes bytes of the client's, never more than belong to the request, and
 * gives how many. What is to be sent is added to out, also when it is bad.
 */
size_t mux_socks_feed(struct mux_socks *socks, const unsigned char *data,
                      size_t len);

/* Adds to out what the client of a TARGET is told in the end. */
void mux_socks_reply(struct mux_socks *socks, enum mux_socks_result result);

#endif
