/*
 * mux_clients.h - those who are connected to the socket: a bounded set of
 * stock ssh's, what each asks for and what it is told. A client asks for one
 * session, or for one link of its standard input and output, and lives as long;
 * or it asks for forwards, which stay when it has gone.
 *
 * No client is waited for: who does not read, or says half a word, has nothing
 * more from it than the others have.
 */
#ifndef AUTHPLUG_CLIENT_MUX_CLIENTS_H
#define AUTHPLUG_CLIENT_MUX_CLIENTS_H

#include "client/mux.h"
#include "client/mux_forward.h"
#include "client/mux_session.h"

#define MUX_CLIENTS_POLLS ((size_t)MUX_CLIENTS_MAX * (1 + MUX_SESSION_POLLS))

struct mux_client;

struct mux_clients {
    struct mux_hub *hub; /* these two are not owned */
    struct mux_forwards *forwards;
    uint32_t numbers; /* of sessions and links so far */
    bool exit;        /* somebody has asked for the end */
    bool closing;     /* somebody wants no more of them, and links may end */
    size_t count;
    struct mux_client *all[MUX_CLIENTS_MAX];
};

/* Takes a connected socket; false when it was closed, for want of room. */
bool mux_clients_add(struct mux_clients *clients, int sock);

/* As for links: entries of poll(), and what is done when it has returned. */
size_t mux_clients_poll(struct mux_clients *clients, struct pollfd *polls);
void mux_clients_ready(struct mux_clients *clients, const struct pollfd *polls);

/* Steps the sessions. Whose turn is first goes round. */
void mux_clients_step(struct mux_clients *clients, size_t turn);

/*
 * A session with too large a backlog has the connection pause (hub->paused)
 * until its reader goes on; while others wait, not for ever.
 */
bool mux_clients_flooded(const struct mux_clients *clients);
void mux_clients_end_floods(struct mux_clients *clients);

/* Turns those away that never say a word; whether some may yet. */
bool mux_clients_drop_silent(struct mux_clients *clients);

/* Tells all what is new to them, and forgets those that are through. */
void mux_clients_update(struct mux_clients *clients);

/* A terminal may have another size. */
void mux_clients_resized(struct mux_clients *clients);

/* Whether any has a session. */
bool mux_clients_have_session(const struct mux_clients *clients);

/* Lets go of all, who are told so where the connection was lost. */
void mux_clients_end(struct mux_clients *clients, bool lost);

#endif
