/*
 * The cache of answers: what its files share. Internal.
 *
 *   cache.c         what of a login is kept, under which name, and when
 *   cache_memory.c  the plugin's side of the memory of a helper
 *   cache_helper.c  the helper, which is `authplug answer cache-helper`
 *   keyring.c       the other place
 *
 * The helper has a socket, on which a message is a packet (SOCK_SEQPACKET), a
 * connection has one question and one reply, and numbers and strings are as
 * SSH's:
 *
 *   question    byte version, byte what, uint32 seconds, string name,
 *               string answer
 *   reply       byte version, byte status, string answer
 */
#ifndef ANSWER_CACHE_H
#define ANSWER_CACHE_H

#include "answer.h"

#include <sys/un.h>

/* user, host, port, rule and prompt in one; nothing longer is kept */
#define CACHE_NAME_MOST 8192
#define CACHE_PACKET_MOST (CACHE_NAME_MOST + ANSWER_MOST + 64)
#define CACHE_VERSION 1

typedef enum cache_what {
    CACHE_FIND = 'f', /* if it is younger than these seconds */
    CACHE_KEEP = 'k', /* for these seconds */
    CACHE_DROP = 'd',
    CACHE_CLEAR = 'c' /* all that there is */
} cache_what;

typedef enum cache_status {
    CACHE_DONE = 'y',
    CACHE_NONE = 'n',
    CACHE_REFUSED = 'r'
} cache_status;

typedef struct cache_question {
    cache_what what;
    uint32_t seconds;
    authplug_span name, answer;
} cache_question;

/* ----------------------------------------------------------- cache_memory.c */

/* The socket's place; the lock is held where one is made or removed. */
typedef struct cache_place {
    int folder;
    struct sockaddr_un at;
} cache_place;

#define CACHE_SOCKET "answers"
#define CACHE_LOCK "answers.lock"

/* The lock, until the deadline; -1. It is free when it is closed. */
int cache_lock(int folder, int64_t deadline);

/* Asks the helper; where there is none, one is made to keep something, and
 * otherwise there is nothing. CACHE_REFUSED after writing why. */
cache_status cache_ask_memory(const cache_question *question,
                              authplug_secret *answer, char *why, size_t size);

/* ---------------------------------------------------------------- keyring.c */

/* The same of the keyring. */
cache_status cache_ask_keyring(const cache_question *question,
                               authplug_secret *answer, char *why, size_t size);

#endif
