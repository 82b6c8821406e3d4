/* The server's side of SOCKS: who is to be connected to. */
#include "client/mux_socks.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { CONNECT = 1, NO_AUTHENTICATION = 0, NO_METHOD = 0xff };
enum { ADDRESS_IPV4 = 1, ADDRESS_NAME = 3, ADDRESS_IPV6 = 4 };
enum { GRANTED = 90, REJECTED = 91 };

void
mux_socks_reply(struct mux_socks *socks, enum mux_socks_result result)
{
    unsigned char four[8] = {0, result == MUX_SOCKS_DONE ? GRANTED : REJECTED};
    unsigned char five[10] = {5, (unsigned char)result, 0, ADDRESS_IPV4};
    size_t len = socks->version == 4 ? sizeof four : sizeof five;

    if (len > sizeof socks->out - socks->out_len)
        return;
    memcpy(socks->out + socks->out_len, socks->version == 4 ? four : five, len);
    socks->out_len += len;
}

static void
bad(struct mux_socks *socks, enum mux_socks_result result)
{
    socks->state = MUX_SOCKS_BAD;
    mux_socks_reply(socks, result);
}

/* Whether it may be a name: it goes to the server, and into messages. */
static bool
take_name(struct mux_socks *socks, const unsigned char *name, size_t len)
{
    size_t i;

    if (len == 0 || len >= sizeof socks->host)
        return false;
    for (i = 0; i < len; i++)
        if (name[i] <= ' ' || name[i] == 0x7f)
            return false;
    memcpy(socks->host, name, len);
    socks->host[len] = '\0';
    return true;
}

static void
target(struct mux_socks *socks, const unsigned char port[2])
{
    socks->port = (uint16_t)(port[0] << 8 | port[1]);
    if (socks->port == 0)
        bad(socks, MUX_SOCKS_NO_ADDRESS);
    else
        socks->state = MUX_SOCKS_TARGET;
}

/* Version, command, port, address, user, NUL; 4a: a name, NUL. */
static void
look_at_four(struct mux_socks *socks)
{
    const unsigned char *in = socks->in;
    const unsigned char *user_end;
    bool named;

    if (socks->have < 9)
        return;
    user_end = memchr(in + 8, 0, socks->have - 8);
    if (in[1] != CONNECT) {
        bad(socks, MUX_SOCKS_NO_COMMAND);
        return;
    }
    if (user_end == NULL) { /* the user may be anybody, but not longer */
        if (socks->have - 8 > 255)
            bad(socks, MUX_SOCKS_FAILED);
        return;
    }
    named = in[4] == 0 && in[5] == 0 && in[6] == 0 && in[7] != 0;
    if (named) {
        const unsigned char *name = user_end + 1;
        size_t len = (size_t)(in + socks->have - name);

        if (len == 0 || name[len - 1] != 0) {
            if (len > 255)
                bad(socks, MUX_SOCKS_NO_ADDRESS);
            return;
        }
        if (!take_name(socks, name, len - 1)) {
            bad(socks, MUX_SOCKS_NO_ADDRESS);
            return;
        }
    } else {
        (void)inet_ntop(AF_INET, in + 4, socks->host, sizeof socks->host);
    }
    target(socks, in + 2);
}

/* Version, the number of methods, the methods. */
static void
look_at_greeting(struct mux_socks *socks)
{
    const unsigned char *in = socks->in;
    bool willing;

    if (socks->have < 2 || socks->have < 2u + in[1])
        return;
    willing = memchr(in + 2, NO_AUTHENTICATION, in[1]) != NULL;
    socks->out[socks->out_len++] = 5;
    socks->out[socks->out_len++] = willing ? NO_AUTHENTICATION : NO_METHOD;
    if (!willing)
        socks->state = MUX_SOCKS_BAD;
    socks->greeted = true;
    socks->have = 0;
}

/* Version, command, reserved, the address's kind, the address, port. */
static void
look_at_five(struct mux_socks *socks)
{
    const unsigned char *in = socks->in;
    size_t len;

    if (socks->have < 5)
        return;
    if (in[0] != 5 || in[2] != 0) {
        bad(socks, MUX_SOCKS_FAILED);
        return;
    }
    if (in[1] != CONNECT) {
        bad(socks, MUX_SOCKS_NO_COMMAND);
        return;
    }
    len = in[3] == ADDRESS_IPV4   ? 4
          : in[3] == ADDRESS_IPV6 ? 16
          : in[3] == ADDRESS_NAME ? 1u + in[4]
                                  : 0;
    if (len == 0) {
        bad(socks, MUX_SOCKS_NO_ADDRESS);
        return;
    }
    if (socks->have < 4 + len + 2)
        return;
    if (in[3] == ADDRESS_NAME) {
        if (!take_name(socks, in + 5, in[4])) {
            bad(socks, MUX_SOCKS_NO_ADDRESS);
            return;
        }
    } else {
        (void)inet_ntop(len == 4 ? AF_INET : AF_INET6, in + 4, socks->host,
                        sizeof socks->host);
    }
    target(socks, in + 4 + len);
}

size_t
mux_socks_feed(struct mux_socks *socks, const unsigned char *data, size_t len)
{
    size_t used = 0;

    while (used < len && socks->state == MUX_SOCKS_MORE) {
        if (socks->have == sizeof socks->in) {
            socks->state = MUX_SOCKS_BAD;
            break;
        }
        socks->in[socks->have++] = data[used++];
        if (socks->version == 0) {
            socks->version = socks->in[0];
            if (socks->version != 4 && socks->version != 5)
                socks->state = MUX_SOCKS_BAD; /* nothing to be said to it */
        } else if (socks->version == 4) {
            look_at_four(socks);
        } else if (!socks->greeted) {
            look_at_greeting(socks);
        } else {
            look_at_five(socks);
        }
    }
    return used;
}
