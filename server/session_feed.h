/*
 * server/session_feed.h - what the client of a session sends, on its way to the
 * program. What the program does not take stops the client. Internal.
 */
#ifndef SERVER_SESSION_FEED_H
#define SERVER_SESSION_FEED_H

#include <libssh/libssh.h>

#include <stdbool.h>
#include <stddef.h>

typedef struct session_feed {
    int fd;         /* does not block; -1 when the program takes nothing */
    bool blocked;   /* wait for POLLOUT, and take this back then */
    size_t backlog; /* bytes that libssh keeps */
    /*
     * After a stall, what libssh keeps is taken over as a whole, and again only
     * when that is gone: ssh_channel_read() opens the window whatever else
     * libssh keeps, so reading in small pieces for a slow program would let the
     * client fill the memory.
     */
    unsigned char *hold;
    size_t hold_at, hold_len;
} session_feed;

/* All that libssh has for the program; gives how much of it is taken, and keeps
 * the rest in mind. Does not call into libssh. */
size_t session_feed_offer(session_feed *in, const void *data, size_t len);
/* Lets the program take what waits for it; false if that is not to be had. */
bool session_feed_step(session_feed *in, ssh_channel channel);
/* Throws away what a program that does not read was sent, so that its client
 * can go on. */
void session_feed_discard(session_feed *in, ssh_channel channel, void *scratch,
                          size_t size);
/* Whether nothing waits. */
bool session_feed_is_empty(const session_feed *in);
void session_feed_close(session_feed *in);

#endif
