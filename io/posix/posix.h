/* What the files of this folder share. */
#ifndef IO_POSIX_POSIX_H
#define IO_POSIX_POSIX_H

#include "io/io.h"

#include <limits.h>
#include <poll.h>
#include <sys/types.h>

/*
 * A timer for waits whose deadlines are far away and seldom met: it stays set
 * to the earliest of them, where a poll() with a time-out of its own would set
 * and clear one each time, which costs as much as half a system call. Where it
 * cannot be had, fd is -1 and waits are as before.
 */
typedef struct posix_timer {
    int fd;
    int64_t set; /* when it goes off; 0 for not set */
} posix_timer;

void posix_timer_open(posix_timer *timer);
/* Sets it if need be; whether it goes off at the deadline or before. Not for
 * deadlines that are near. */
bool posix_timer_covers(posix_timer *timer, int64_t deadline, int64_t now);
/* It went off. */
void posix_timer_reset(posix_timer *timer);
void posix_timer_close(posix_timer *timer);

/* What posix_poll() needs behind the entries of its caller. */
#define POSIX_SPARE 2

/*
 * poll() that ends at the deadline (TIMEOUT) or on a watched signal
 * (CANCELLED). fds has POSIX_SPARE entries more than count. timer may be NULL.
 */
authplug_status posix_poll(struct pollfd *fds, nfds_t count, int64_t deadline,
                           posix_timer *timer);

/* write() that gives EPIPE and never SIGPIPE, whatever the process wants. */
ssize_t posix_write(int fd, const void *data, size_t len);

/* The PATH of an environment. */
const char *posix_path(const char *const *environment);
/* Where in a PATH a name without '/' may be: once for each folder, false after
 * the last. An empty folder is none. Safe where a signal handler is. */
bool posix_path_next(const char **path, const char *name,
                     char file[PATH_MAX]);
/* Whether to look on after a file could not be executed; if not, or if nothing
 * else is found, *error says why. */
bool posix_path_goes_on(int failed, int *error);

/* What a program starts with: three descriptors in a group of its own, or a
 * terminal, its controlling one, in a session of its own. */
typedef struct posix_standard {
    const int *fds;       /* or */
    const char *terminal; /* the path of one */
    bool apart;           /* in a session of its own */
} posix_standard;

/* Starts it; argv[0] is looked for in the PATH of its environment. 0 or what
 * errno would be. */
int posix_spawn_program(const char *const *argv,
                        const char *const *environment,
                        const posix_standard *streams, pid_t *pid);
/* A descriptor that is readable once the child has ended; -1. */
int posix_watch_end(pid_t pid);
/* Whether the child has ended; it is not reaped: its number, and its group's,
 * stay ours. */
bool posix_has_ended(pid_t pid, io_exit *how);

/* The process between us and a guarded program; see guard.c. */
typedef struct posix_guard {
    pid_t pid;
    int channel; /* readable once the program has ended; -1 for none */
    bool over;   /* the end was heard of: */
    io_exit how;
} posix_guard;

/* NOT_FOUND, IO, with errno; TIMEOUT when its lifetime has passed; CANCELLED.
 */
authplug_status posix_guard_start(posix_guard *guard,
                                  const io_program *program,
                                  const char *const *argv,
                                  const char *const *environment,
                                  const int theirs[3]);
/* Whether the program has ended, and so its group; if so, how. */
bool posix_guard_ended(posix_guard *guard, io_exit *how);
/* Ends the program's group: TERM, half a second, KILL. No guard is left, and
 * its channel is closed. */
void posix_guard_finish(posix_guard *guard, io_exit *how);

/* fd, or a copy of it above 2 (fd is closed then); close-on-exec. -1. */
int posix_above_standard(int fd);

/* What io_trusted() starts from; tests have other ideas of it. */
typedef struct posix_trust {
    const char *root;   /* where "/" is; "" for the real one */
    const char *search; /* for env; "" for nowhere */
    uid_t owner;        /* trusted besides root */
} posix_trust;

authplug_status posix_trusted(const posix_trust *as, const char *path,
                              char *why, size_t size);
authplug_status posix_trusted_program(const posix_trust *as,
                                      const char *const *words, char *why,
                                      size_t size);

#endif
