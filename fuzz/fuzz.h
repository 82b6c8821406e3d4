/* fuzz/fuzz.h - what all targets share. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <authplug/base.h>

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A sanitizer or a debugger sees it; asserts may be compiled out. */
#define MUST(condition)                                                        \
    do {                                                                       \
        if (!(condition))                                                      \
            abort();                                                           \
    } while (0)

/* What stands before the next NUL, which is cut off with it. */
static inline authplug_span
fuzz_cut(authplug_span *rest)
{
    const unsigned char *end =
        rest->len > 0 ? memchr(rest->data, 0, rest->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - rest->data) : rest->len;
    authplug_span part = authplug_span_make(rest->data, len);

    rest->data += len + (end != NULL);
    rest->len -= len + (end != NULL);
    return part;
}

#endif
