/* What the files of this folder share. */
#ifndef IO_POSIX_POSIX_H
#define IO_POSIX_POSIX_H

#include "io/io.h"

#include <poll.h>
#include <sys/types.h>

/*
 * poll() that ends at the deadline (TIMEOUT) or on a watched signal
 * (CANCELLED). fds has one spare entry at [count], for the signal.
 */
authplug_status posix_poll(struct pollfd *fds, nfds_t count, int64_t deadline);

/* write() that gives EPIPE and never SIGPIPE, whatever the process wants. */
ssize_t posix_write(int fd, const void *data, size_t len);

/* fd, or a copy of it above 2 (fd is closed then); close-on-exec. -1. */
int posix_above_standard(int fd);

#endif
