/* What the tests that start processes share. */
#ifndef AUTHPLUG_TESTS_PROCESSES_H
#define AUTHPLUG_TESTS_PROCESSES_H

#include <stdbool.h>
#include <sys/types.h>

#include "io/io.h"

/* As long as a test waits for what must come, in milliseconds. */
#define SOON 5000

/* Starts the program, which must succeed. */
io_child *started(const io_program *program);

/* All that it prints until its end, as a string; lives until the next call. */
const char *output(io_child *child);

/* Waits a moment until the process is gone, or a zombie of somebody else's. */
bool gone(pid_t pid);

/* How many descriptors this process has. */
int descriptors(void);

/* Whether this process has no child, of whatever kind. */
bool childless(void);

#endif
