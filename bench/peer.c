/* What benchmarks of plugins share. */
#define _GNU_SOURCE
#include "bench/peer.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

double
bench_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double
bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_size);
    return values[count / 2];
}

void
bench_die(const char *what)
{
    perror(what);
    exit(1);
}

double
bench_true(void)
{
    char *argv[] = {(char *)"/bin/true", NULL};
    double start = bench_now();
    pid_t pid;
    int status;

    if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) != 0 ||
        waitpid(pid, &status, 0) != pid)
        bench_die("posix_spawn");
    return bench_now() - start;
}

void
bench_report(const char *what, double ours, const char *peer, double theirs,
             double limit)
{
    printf("%-34s %7.1f us   %-22s %7.1f us   ratio %.2f", what, ours, peer,
           theirs, ours / theirs);
    if (limit > 0)
        printf(" (bar %.1f)", limit);
    putchar('\n');
}

authplug_putty_host *
bench_begin(const char *const *argv)
{
    authplug_putty_host_options options = {0};
    authplug_putty_host *host = NULL;
    const char *user = "";

    options.argv = argv;
    if (authplug_putty_host_start(&options, &host) != AUTHPLUG_OK ||
        authplug_putty_host_init(host, "example.com", 22, "me", &user) !=
            AUTHPLUG_OK ||
        authplug_putty_host_begin(host, AUTHPLUG_KI_METHOD) != AUTHPLUG_OK) {
        fprintf(stderr, "%s\n", authplug_putty_host_error(host));
        exit(1);
    }
    return host;
}

void
bench_ask(authplug_putty_host *host, authplug_span request)
{
    authplug_ki_response response;
    bool bad;

    if (authplug_putty_host_request(host, request, &response, &bad) !=
            AUTHPLUG_OK ||
        response.count != 1) {
        fprintf(stderr, "%s\n", authplug_putty_host_error(host));
        exit(1);
    }
}
