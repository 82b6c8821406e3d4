/*
 * mux_bind.h - what local forwards listen on: TCP ports and UNIX sockets.
 */
#ifndef AUTHPLUG_CLIENT_MUX_BIND_H
#define AUTHPLUG_CLIENT_MUX_BIND_H

#include "client/mux_lookup.h"

#include <sys/types.h>

struct mux_bind {
    size_t count;
    int fds[MUX_ADDRESSES_MAX]; /* non-blocking, close-on-exec */
    char *path;                 /* of a UNIX socket, else NULL; ours */
    dev_t dev;                  /* what it is, so that no other is removed */
    ino_t ino;
};

/*
 * Listen on all of the addresses, or at the path, with mode 0600. An address
 * of a family that this machine does not have is passed over where another is
 * left. False, with nothing open, and why in one line.
 *
 * The second changes the process's umask for a moment.
 */
bool mux_bind_addresses(struct mux_bind *made,
                        const struct mux_addresses *addresses, char *why,
                        size_t size);
bool mux_bind_path(struct mux_bind *made, const char *path, char *why,
                   size_t size);

/* Closes them, and removes the path if it is still the same socket. */
void mux_bind_close(struct mux_bind *made);

#endif
