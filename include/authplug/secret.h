/*
 * authplug/secret.h - the one type for bytes that must not leak.
 *
 * A secret grows up to a cap given at birth, by allocating, copying, wiping
 * and freeing; it is wiped when cleared, dropped from or freed. Nothing prints
 * it. Every buffer of the library that may hold an answer is one of these.
 */
#ifndef AUTHPLUG_SECRET_H
#define AUTHPLUG_SECRET_H

#include <authplug/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct authplug_secret authplug_secret;

/*
 * An empty secret that will never hold more than max bytes (max > 0).
 * NULL when out of memory, or max is 0 or SIZE_MAX.
 */
authplug_secret *authplug_secret_new(size_t max);

void authplug_secret_free(authplug_secret **secret);

/* Wipes the content and keeps the memory for the next use. */
void authplug_secret_clear(authplug_secret *secret);

/* LIMIT when it would pass the cap, NOMEM; the content is then unchanged. */
authplug_status authplug_secret_append(authplug_secret *secret,
                                       const void *data, size_t len);

/*
 * Room for len more bytes, to read into directly: *room is valid until the
 * next call on the secret; tell with _commit how much of it was filled.
 * LIMIT, NOMEM as above.
 */
authplug_status authplug_secret_reserve(authplug_secret *secret, size_t len,
                                        unsigned char **room);
void authplug_secret_commit(authplug_secret *secret, size_t len);

/* Wipes and removes the first len bytes; len beyond the end empties it. */
void authplug_secret_drop(authplug_secret *secret, size_t len);

/* Wipes and removes all bytes from the len-th on. */
void authplug_secret_cut(authplug_secret *secret, size_t len);

/* The content, until the next call on the secret that is not this one. */
authplug_span authplug_secret_span(const authplug_secret *secret);

size_t authplug_secret_len(const authplug_secret *secret);

/*
 * The content as a C string, or NULL when it holds a NUL, or memory for the
 * terminator cannot be had. Lives until the next call on the secret.
 */
const char *authplug_secret_text(authplug_secret *secret);

/* Whether two spans hold the same bytes, in a time that depends on the length
 * of the second alone: give what the attacker chose first, and of what is
 * secret compare hashes, whose length is none. */
bool authplug_secret_equal(authplug_span given, authplug_span known);

/* Overwrites len bytes at data with zeros in a way no compiler removes. */
void authplug_wipe(void *data, size_t len);

#ifdef __cplusplus
}
#endif
#endif
