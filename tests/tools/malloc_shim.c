/*
 * malloc_shim.so - preloaded, it lets memory run out once: at the nth
 * allocation after malloc_shim_arm(n). malloc_shim_disarm() tells whether it
 * came to that.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

/* the C library's own */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

void malloc_shim_arm(long n);
bool malloc_shim_disarm(void);

static long left;

static bool
runs_out(void)
{
    if (left <= 0 || --left > 0)
        return false;
    errno = ENOMEM;
    left = -1;
    return true;
}

void
malloc_shim_arm(long n)
{
    left = n;
}

bool
malloc_shim_disarm(void)
{
    bool ran_out = left < 0;

    left = 0;
    return ran_out;
}

void *
malloc(size_t size)
{
    return runs_out() ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
    return runs_out() ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
    return runs_out() ? NULL : __libc_realloc(old, size);
}
