/*
 * mux_remote.h - asking the server to listen, or not to listen any more.
 */
#ifndef AUTHPLUG_CLIENT_MUX_REMOTE_H
#define AUTHPLUG_CLIENT_MUX_REMOTE_H

#include "client/mux_hub.h"

#include <stdint.h>

struct tap;

struct mux_remote {
    struct mux_hub *hub; /* NULL: nothing is asked for */
    const char *address;
    bool cancels;
    bool asked;    /* the request was sent */
    uint64_t seen; /* how many packets had arrived when it was tried */
    uint32_t port; /* to listen at; 0: the server chooses, and it is put here */
    struct tap *tap; /* on the answer, where it says the port */
};

/* What is asked for where a client names this address. */
const char *mux_remote_address(const char *listen);

/* Start. The address has to live on. */
void mux_remote_listen(struct mux_remote *remote, struct mux_hub *hub,
                       const char *listen, uint32_t port);
void mux_remote_cancel(struct mux_remote *remote, struct mux_hub *hub,
                       const char *listen, uint32_t port);

/* 1 when the server has agreed, -1 when it has not, 0 when it is not known. */
int mux_remote_step(struct mux_remote *remote);

/* Gives everything back. Not before the answer, but at the very end. */
void mux_remote_end(struct mux_remote *remote);

#endif
