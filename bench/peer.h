/*
 * bench/peer.h - what benchmarks of plugins share: the peer that they are
 * measured against, a client that talks to them, and how results are printed.
 * Whatever fails ends the benchmark.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <authplug/putty_host.h>

#include <stddef.h>

/* Microseconds of a clock that only goes forward. */
double bench_now(void);

/* Sorts them. */
double bench_median(double *values, size_t count);

/* Says what the system failed at, and ends. */
_Noreturn void bench_die(const char *what);

/* How long it takes to start /bin/true and to see it end. */
double bench_true(void);

/* A line of medians and their ratio; limit is the bar, or 0. */
void bench_report(const char *what, double ours, const char *peer,
                  double theirs, double limit);

/* Starts a plugin, up to where it waits for questions. */
authplug_putty_host *bench_begin(const char *const *argv);

/* Asks one question and takes the answer. */
void bench_ask(authplug_putty_host *host, authplug_span request);

#endif
