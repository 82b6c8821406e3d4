/*
 * standing.h - connections that stand already: where each is found, whether
 * somebody serves it, and that only one process at a time makes it.
 */
#ifndef AUTHPLUG_CLIENT_STANDING_H
#define AUTHPLUG_CLIENT_STANDING_H

#include "client/client.h"
#include "client/mux.h"

/* Where the connection to a target is, if there is one. */
typedef struct standing {
    /* the socket: in our own directory, by user, host, port and alias */
    char name[MUX_PATH_MAX];
    char path[MUX_PATH_MAX]; /* a link to it, for ControlPath; or the same */
    int lock;                /* -1, or held */
} standing;

/* Finds the place. False after saying why there can be none. */
bool standing_place(standing *place, const ssh_config *config);

typedef enum standing_state {
    STANDING_NONE, /* nothing, or a socket that nobody serves */
    STANDING_ALIVE,
    STANDING_MUTE,   /* somebody does, and does not answer */
    STANDING_FOREIGN /* it is another user's, or no socket */
} standing_state;

/* What is at a path; takes two seconds at most. pid may be NULL. */
standing_state standing_ask(const char *path, pid_t *pid);

/* Waits until the connection at a path has ended, as a client of it. */
void standing_wait(const char *path);

/* The path of the connection to this target that stands, or NULL. */
const char *standing_path(const standing *place);

/* Whether what is at place->path is a link to another target's connection. */
bool standing_elsewhere(const standing *place);

/*
 * Makes this the only process that makes this connection; waits for another
 * one that does, and says so in *waited. False after saying why, or when a
 * signal came.
 */
bool standing_lock(standing *place, int64_t deadline, bool *waited);
void standing_unlock(standing *place);

/* Whether the link can be made, and nobody else can put something else in its
 * place. False after saying why. */
bool standing_safe(const standing *place);

/* Moves the socket to where it is to be found, and makes the link. False after
 * saying why. */
bool standing_publish(const standing *place, const char *socket);
bool standing_link(const standing *place);
/* Takes the link away, if it is one to this place. */
void standing_unlink(const standing *place);
/* Takes away what leads to no connection any more; the lock is held. */
void standing_tidy(const standing *place);

/*
 * Notes by which words a connection was asked for, up to a NULL: asked again
 * so, no `ssh -G` is needed to know that it is the one to the right target.
 */
void standing_note(const standing *place, const char *const *words);
/* Whether what the link at a path leads to was asked for by these words. */
bool standing_noted(const char *path, const char *const *words);

#endif
