/*
 * Memory that libraries free while we log in is wiped: libssh's copies of
 * answers, of private keys, of what it sent. glibc's own M_PERTURB leaves out
 * small pieces, so its functions are stood before.
 */
#define _GNU_SOURCE
#include "io/wipe.h"

#include <dlfcn.h>
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
#if !defined(__SANITIZE_ADDRESS__)

static struct {
    void (*free)(void *memory);
    void *(*realloc)(void *memory, size_t size);
    size_t (*size)(void *memory); /* NULL if it is another allocator's */
} next;

/* The functions behind ours: the C library's, or those of an allocator that
 * was preloaded, of which only a whole set can be trusted. */
static bool
find_next(void)
{
    static volatile bool looking;
    Dl_info one, other;

    if (next.free != NULL)
        return true;
    if (looking)
        return false;
    looking = true;
    *(void **)&next.realloc = dlsym(RTLD_NEXT, "realloc");
    *(void **)&next.size = dlsym(RTLD_NEXT, "malloc_usable_size");
    *(void **)&next.free = dlsym(RTLD_NEXT, "free");
    if (next.size != NULL &&
        (dladdr(*(void **)&next.size, &one) == 0 ||
         dladdr(*(void **)&next.free, &other) == 0 ||
         one.dli_fbase != other.dli_fbase))
        next.size = NULL;
    looking = false;
    return next.free != NULL;
}

void
free(void *memory)
{
    if (memory == NULL || !find_next())
        return;
    if (wiping && next.size != NULL)
        explicit_bzero(memory, next.size(memory));
    next.free(memory);
}

void *
realloc(void *memory, size_t size)
{
    size_t old;
    void *moved;

    if (!find_next())
        return NULL;
    if (memory == NULL || size == 0 || !wiping || next.size == NULL)
        return next.realloc(memory, size);
    old = next.size(memory);
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
