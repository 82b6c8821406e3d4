/*
 * Memory that libraries free while we log in is wiped: libssh's copies of
 * answers, of private keys, of what it sent. glibc's own M_PERTURB leaves out
 * small pieces, so its functions are stood before.
 */
#define _GNU_SOURCE
#include "client/client.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static volatile bool wiping;

void
wipe_freed_memory(bool on)
{
    wiping = on;
}

/* A sanitizer has functions of its own to stand there. */
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) &&                    \
    !defined(AUTHPLUG_SANITIZED)
extern void __libc_free(void *memory);
extern void *__libc_realloc(void *memory, size_t size);

void
free(void *memory)
{
    if (memory != NULL && wiping)
        explicit_bzero(memory, malloc_usable_size(memory));
    __libc_free(memory);
}

void *
realloc(void *memory, size_t size)
{
    size_t old = memory == NULL ? 0 : malloc_usable_size(memory);
    void *moved;

    if (memory == NULL || size == 0 || !wiping)
        return __libc_realloc(memory, size);
    if (size <= old)
        return memory;
    moved = malloc(size);
    if (moved != NULL) {
        memcpy(moved, memory, old);
        free(memory);
    }
    return moved;
}
#endif
