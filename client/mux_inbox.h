/*
 * mux_inbox.h - what a client sends: packets, and behind some of them
 * descriptors, each in a message of its own. Reads without blocking, and never
 * beyond what is due: the kernel closes descriptors that nobody is ready for.
 */
#ifndef AUTHPLUG_CLIENT_MUX_INBOX_H
#define AUTHPLUG_CLIENT_MUX_INBOX_H

#include "client/mux_proto.h"

enum mux_inbox_phase { READ_LENGTH, READ_PACKET, READ_FDS };

struct mux_inbox {
    enum mux_inbox_phase phase;
    unsigned char length[4];
    size_t have;             /* bytes of the length, or of the packet */
    size_t need;             /* the packet's */
    authplug_secret *packet; /* may hold environment variables */
    /* the last whole request, which points into the packet; valid until the
     * next is read */
    struct mux_request request;
    int fds[MUX_FDS_MAX]; /* its descriptors: take them, and set got_fds to 0 */
    unsigned got_fds;
};

/* False when out of memory; then, too, _end is due. */
bool mux_inbox_begin(struct mux_inbox *inbox);
void mux_inbox_end(struct mux_inbox *inbox);

/* Closes the descriptors that nobody took. */
void mux_inbox_drop_fds(struct mux_inbox *inbox);

/* Goes on reading: 1 when a request is whole, 0 when there is no more for now,
 * -1 when the client has gone, or does not speak the protocol. */
int mux_inbox_read(struct mux_inbox *inbox, int sock);

#endif
