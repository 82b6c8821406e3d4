/*
 * What a plugin conversation costs beyond the process it runs in, and what a
 * round trip through the host costs beyond its pipes. Prints medians and
 * their ratios to the named peer, measured in turns.
 *
 *     bench_sdk HELLO
 */
#define _GNU_SOURCE
#include "bench/peer.h"

#include <authplug/tectia_host.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPAWNS 400
#define TRIPS 20000
#define BLOCK 200

/* One prompt, "Password: "; the NUL at the end is its echo flag. */
static const unsigned char request[] = "\0\0\0\0\0\0\0\0\0\0\0\0"
                                       "\0\0\0\1\0\0\0\012Password: ";
#define QUESTION authplug_span_make(request, sizeof request)

/* ------------------------------------------------- a whole conversation */

static double
conversation(const char *hello)
{
    const char *argv[] = {hello, "stoat", NULL};
    double start = bench_now();
    authplug_putty_host *host = bench_begin(argv);

    bench_ask(host, QUESTION);
    authplug_putty_host_outcome(host, true);
    authplug_putty_host_finish(&host);
    return bench_now() - start;
}

/* ----------------------------------------------- a server plugin's verdict */

/* As a server plugin: whatever the parameters are, access is granted. */
static int
decide(void)
{
    static const char end[] = "end_of_params\n", verdict[] = "success\n";
    char buffer[256];
    size_t len = 0;

    while (len < sizeof end || memmem(buffer, len, end, sizeof end - 1) == 0) {
        ssize_t got = read(0, buffer + len, sizeof buffer - len);

        if (got <= 0)
            return 1;
        len += (size_t)got;
    }
    return write(1, verdict, sizeof verdict - 1) < 0;
}

/* Until the verdict, and until nothing is left. */
static void
decision(const char *program, bool guarded, double *verdict, double *finished)
{
    const char *argv[] = {program, "decide", NULL};
    authplug_tectia_host_options options = {0};
    authplug_tectia_pair user = {authplug_span_of("user_name"),
                                 authplug_span_of("rebecca")};
    authplug_tectia_host *host = NULL;
    authplug_tectia_event event = {0};
    double start = bench_now();

    options.argv = argv;
    options.guarded = guarded;
    if (authplug_tectia_host_start(&options, &user, 1, &host) != AUTHPLUG_OK ||
        authplug_tectia_host_next(host, &event) != AUTHPLUG_OK ||
        !event.success) {
        fprintf(stderr, "%s\n", authplug_tectia_host_error(host));
        exit(1);
    }
    *verdict = bench_now() - start;
    authplug_tectia_host_finish(&host);
    *finished = bench_now() - start;
}

/* ---------------------------------------------------------- round trips */

/*
 * What answers a round trip here looks at nothing and waits in read(), on both
 * sides of the comparison: the difference is the host's.
 */
static const unsigned char answer[] = "\0\0\0\016\025\0\0\0\001"
                                      "\0\0\0\005stoat";
#define ANSWER (sizeof answer - 1)

static void
respond(int from, int to)
{
    char buffer[256];

    while (read(from, buffer, sizeof buffer) > 0)
        if (write(to, answer, ANSWER) != (ssize_t)ANSWER)
            break;
}

/* As a plugin: the beginning of the conversation first. */
static int
respond_as_plugin(void)
{
    static const char welcome[] = "\0\0\0\011\002\0\0\0\002\0\0\0\0";
    static const char accept[] = "\0\0\0\001\004";
    char buffer[256];

    if (read(0, buffer, sizeof buffer) <= 0 ||
        write(1, welcome, sizeof welcome - 1) < 0 ||
        read(0, buffer, sizeof buffer) <= 0 ||
        write(1, accept, sizeof accept - 1) < 0)
        return 1;
    respond(0, 1);
    return 0;
}

/* The peer: the same bytes through bare pipes. */
static int to_echo, from_echo;

static void
start_echo(void)
{
    int there[2], back[2];

    if (pipe2(there, O_CLOEXEC) != 0 || pipe2(back, O_CLOEXEC) != 0)
        bench_die("pipe");
    if (fork() == 0) {
        close(there[1]);
        close(back[0]);
        respond(there[0], back[1]);
        _exit(0);
    }
    close(there[0]);
    close(back[1]);
    to_echo = there[1];
    from_echo = back[0];
}

static double
bare_trips(int count)
{
    char buffer[256] = "";
    double start = bench_now();

    for (int i = 0; i < count; i++)
        if (write(to_echo, buffer, sizeof request + 4) < 0 ||
            read(from_echo, buffer, sizeof buffer) < 0)
            bench_die("pipe");
    return (bench_now() - start) / count;
}

static double
host_trips(authplug_putty_host *host, int count)
{
    double start = bench_now();

    for (int i = 0; i < count; i++)
        bench_ask(host, QUESTION);
    return (bench_now() - start) / count;
}

/* Blocks of round trips in turns, so that both meet the same moments. */
static void
compare_trips(const char *what, const char *program, const char *argument,
              double bar)
{
    static double ours[TRIPS / BLOCK], theirs[TRIPS / BLOCK];
    const char *argv[] = {program, argument, NULL};
    authplug_putty_host *host = NULL;

    for (size_t i = 0; i < TRIPS / BLOCK; i++) {
        /* a conversation has at most a thousand requests */
        if (i % 4 == 0) {
            host = bench_begin(argv);
            host_trips(host, 20);
            bare_trips(20);
        }
        theirs[i] = bare_trips(BLOCK);
        ours[i] = host_trips(host, BLOCK);
        if (i % 4 == 3)
            authplug_putty_host_finish(&host);
    }
    bench_report(what, bench_median(ours, TRIPS / BLOCK), "bare pipe ping-pong",
                 bench_median(theirs, TRIPS / BLOCK), bar);
}

static void
compare_decisions(const char *program)
{
    static double plain[2][SPAWNS], guarded[2][SPAWNS], theirs[SPAWNS];
    double peer;

    for (int i = 0; i < SPAWNS; i++) {
        theirs[i] = bench_true();
        decision(program, false, &plain[0][i], &plain[1][i]);
        decision(program, true, &guarded[0][i], &guarded[1][i]);
    }
    peer = bench_median(theirs, SPAWNS);
    bench_report("server plugin, start to verdict",
                 bench_median(plain[0], SPAWNS), "posix_spawn /bin/true", peer,
                 0);
    bench_report("the same, and finished", bench_median(plain[1], SPAWNS),
                 "posix_spawn /bin/true", peer, 0);
    bench_report("guarded, start to verdict", bench_median(guarded[0], SPAWNS),
                 "posix_spawn /bin/true", peer, 0);
    bench_report("the same, and finished", bench_median(guarded[1], SPAWNS),
                 "posix_spawn /bin/true", peer, 0);
}

int
main(int argc, char **argv)
{
    static double ours[SPAWNS], theirs[SPAWNS];
    static char self[PATH_MAX]; /* a guarded plugin starts in the root */

    if (argc == 2 && strcmp(argv[1], "respond") == 0)
        return respond_as_plugin();
    if (argc == 2 && strcmp(argv[1], "decide") == 0)
        return decide();
    if (argc != 2) {
        fprintf(stderr, "usage: bench_sdk HELLO\n");
        return 2;
    }
    for (int i = 0; i < SPAWNS; i++) {
        theirs[i] = bench_true();
        ours[i] = conversation(argv[1]);
    }
    bench_report("plugin conversation, start to exit",
                 bench_median(ours, SPAWNS), "posix_spawn /bin/true",
                 bench_median(theirs, SPAWNS), 1.5);

    compare_decisions(realpath(argv[0], self));

    start_echo();
    compare_trips("round trip through the host", argv[0], "respond", 1.5);
    compare_trips("the same, our runtime answering", argv[1], "stoat", 0);
    return 0;
}
