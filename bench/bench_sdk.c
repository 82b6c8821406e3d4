/*
 * What a plugin conversation costs beyond the process it runs in, and what a
 * round trip through the host costs beyond its pipes. Prints medians and
 * their ratios to the named peer, measured in turns.
 *
 *     bench_sdk HELLO
 */
#define _GNU_SOURCE
#include <authplug/putty_host.h>

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define SPAWNS 400
#define TRIPS 20000
#define BLOCK 200

/* One prompt, "Password: "; the NUL at the end is its echo flag. */
static const unsigned char request[] = "\0\0\0\0\0\0\0\0\0\0\0\0"
                                       "\0\0\0\1\0\0\0\012Password: ";

static double
now_us(void)
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

static double
median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_size);
    return values[count / 2];
}

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

/* ------------------------------------------------- a whole conversation */

static double
spawn_true(void)
{
    char *argv[] = {(char *)"/bin/true", NULL};
    double start = now_us();
    pid_t pid;
    int status;

    if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) != 0 ||
        waitpid(pid, &status, 0) != pid)
        die("posix_spawn");
    return now_us() - start;
}

static authplug_putty_host *
begin(const char *hello)
{
    const char *argv[] = {hello, "stoat", NULL};
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

static void
ask(authplug_putty_host *host)
{
    authplug_ki_response response;
    bool bad;

    if (authplug_putty_host_request(
            host, authplug_span_make(request, sizeof request), &response,
            &bad) != AUTHPLUG_OK ||
        response.count != 1) {
        fprintf(stderr, "%s\n", authplug_putty_host_error(host));
        exit(1);
    }
}

static double
conversation(const char *hello)
{
    double start = now_us();
    authplug_putty_host *host = begin(hello);

    ask(host);
    authplug_putty_host_outcome(host, true);
    authplug_putty_host_finish(&host);
    return now_us() - start;
}

/* ---------------------------------------------------------- round trips */

/* The peer: the same bytes through bare pipes, with nothing looked at. */
static int to_echo, from_echo;

static void
start_echo(void)
{
    int there[2], back[2];
    char buffer[256];
    ssize_t got;

    if (pipe2(there, O_CLOEXEC) != 0 || pipe2(back, O_CLOEXEC) != 0)
        die("pipe");
    if (fork() == 0) {
        close(there[1]);
        close(back[0]);
        while ((got = read(there[0], buffer, sizeof buffer)) > 0)
            if (write(back[1], buffer, 18) != 18)
                break;
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
    double start = now_us();

    for (int i = 0; i < count; i++)
        if (write(to_echo, buffer, sizeof request + 4) < 0 ||
            read(from_echo, buffer, sizeof buffer) < 0)
            die("pipe");
    return (now_us() - start) / count;
}

static double
host_trips(authplug_putty_host *host, int count)
{
    double start = now_us();

    for (int i = 0; i < count; i++)
        ask(host);
    return (now_us() - start) / count;
}

static void
report(const char *what, double ours, const char *peer, double theirs,
       double limit)
{
    printf("%-34s %9.1f us   %-24s %9.1f us   ratio %.2f (bar %.1f)\n", what,
           ours, peer, theirs, ours / theirs, limit);
}

int
main(int argc, char **argv)
{
    static double ours[SPAWNS], theirs[SPAWNS];
    authplug_putty_host *host;
    size_t blocks = TRIPS / BLOCK;

    if (argc != 2) {
        fprintf(stderr, "usage: bench_sdk HELLO\n");
        return 2;
    }
    for (int i = 0; i < SPAWNS; i++) {
        theirs[i] = spawn_true();
        ours[i] = conversation(argv[1]);
    }
    report("plugin conversation, start to exit", median(ours, SPAWNS),
           "posix_spawn /bin/true", median(theirs, SPAWNS), 1.5);

    start_echo();
    for (size_t i = 0; i < blocks; i++) {
        /* a conversation has at most a thousand requests */
        if (i % 4 == 0) {
            host = begin(argv[1]);
            host_trips(host, 20);
            bare_trips(20);
        }
        theirs[i] = bare_trips(BLOCK);
        ours[i] = host_trips(host, BLOCK);
        if (i % 4 == 3)
            authplug_putty_host_finish(&host);
    }
    report("round trip through the host", median(ours, blocks),
           "bare pipe ping-pong", median(theirs, blocks), 1.5);
    return 0;
}
