/* client/program.h - running stock OpenSSH's programs for an answer. */
#ifndef CLIENT_PROGRAM_H
#define CLIENT_PROGRAM_H

#include <authplug/secret.h>

/*
 * Runs a program and collects what it prints, as much as out may hold. If it
 * fails its standard error goes to ours. OK and its exit code, or NOT_FOUND,
 * LIMIT, TIMEOUT, IO, CANCELLED.
 */
authplug_status program_output(const char *const *argv, authplug_secret *out,
                               int64_t deadline, int *code);

/* The same, but what it complains of is not shown. */
authplug_status program_output_only(const char *const *argv,
                                    authplug_secret *out, int64_t deadline,
                                    int *code);

/* Set for an `ssh -G` of our own, whose Match exec we may be: that one is to
 * say what applies without us. For an ssh that we run it is its pid, for others
 * that it runs may need us. */
#define ABOVE_GUARD "AUTHPLUG_RESOLVING"

#endif
