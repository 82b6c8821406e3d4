/*
 * io/wipe.h - memory that libraries free while they know secrets of ours.
 * Internal; for programs only, because it stands before the C library's own
 * functions.
 */
#ifndef IO_WIPE_H
#define IO_WIPE_H

#include <stdbool.h>

/* Whether memory is wiped as it is freed, by whomever. */
void wipe_freed_memory(bool on);

#endif
