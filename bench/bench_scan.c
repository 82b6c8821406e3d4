/*
 * What it costs to look for the requests of a dozen rules in output that has
 * none of them, against grep -E with the same expressions: 25, 50 and 100 MB,
 * in pieces of 4 KiB, as a terminal gives them. Prints medians, rates, ratios
 * and the most memory that the scanning process had.
 */
#define _GNU_SOURCE
#include "conf/scan.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TURNS 5
#define MB ((size_t)1 << 20)

static const char *const requests[] = {
    "BAD PASSWORD: .*",
    "(current|old) .*password: ?$",
    "[Nn]ew (UNIX |SMB )?password: ?$",
    "[Rr]etype new (UNIX )?password: ?$",
    "updated successfully",
    "Authentication (token manipulation )?(error|failure).*",
    "Sorry, passwords do not match.*",
    "password (is )?unchanged",
    "You must (wait|choose) .*",
    "[Pp]assword too (short|simple|similar).*",
    "internal error: .*",
    "^passwd: .*",
};
#define REQUESTS (sizeof requests / sizeof *requests)

static void
die(const char *what)
{
    perror(what);
    _exit(1);
}

static double
now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Words that requests hold, and others, in lines of any length. */
static int
make_output(size_t size)
{
    static const char *const words[] = {"the ", "pass",   "word ", "of ",
                                        "upda", "ation ", "new ",  "x9 ",
                                        "\r\n", "line "};
    int file = memfd_create("output", MFD_CLOEXEC);
    char piece[4096];
    unsigned seed = 1;

    if (file < 0)
        die("memfd_create");
    for (size_t done = 0; done < size; done += sizeof piece) {
        size_t len = 0;

        while (len + 8 < sizeof piece) {
            const char *word;

            seed = seed * 1103515245u + 12345u;
            word = words[(seed >> 16) % 10];
            memcpy(piece + len, word, strlen(word));
            len += strlen(word);
        }
        memset(piece + len, '\n', sizeof piece - len);
        if (write(file, piece, sizeof piece) != (ssize_t)sizeof piece)
            die("write");
    }
    return file;
}

/* Reads standard input; exits with 0 when nothing matched. */
static void
scan_input(void)
{
    regex *made[REQUESTS];
    scan_rule rules[REQUESTS];
    scan *it = NULL;
    regex_fault fault;
    char piece[4096];
    ssize_t len;

    for (size_t i = 0; i < REQUESTS; i++) {
        if (regex_new(requests[i], &made[i], &fault) != AUTHPLUG_OK)
            _exit(2);
        rules[i] = (scan_rule){made[i], true};
    }
    if (scan_new(rules, REQUESTS, &it) != AUTHPLUG_OK)
        _exit(2);
    while ((len = read(0, piece, sizeof piece)) > 0) {
        authplug_span output = authplug_span_make(piece, (size_t)len);
        scan_match match;

        if (scan_read(it, &output, &match) != AUTHPLUG_NEED_MORE)
            _exit(1);
    }
    _exit(len < 0);
}

static void
grep_input(void)
{
    char *argv[2 * REQUESTS + 4] = {(char *)"grep", (char *)"-cE"};
    char *environment[] = {(char *)"LC_ALL=C", NULL};
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    size_t count = 2;

    for (size_t i = 0; i < REQUESTS; i++) {
        argv[count++] = (char *)"-e";
        argv[count++] = (char *)requests[i];
    }
    dup2(null, 1);
    execve("/bin/grep", argv, environment);
    _exit(2);
}

/* Milliseconds, and the memory of the process in KiB. */
static double
run(void (*reader)(void), int file, int expected, long *memory)
{
    double start = now_ms();
    struct rusage usage;
    int status;
    pid_t pid = fork();

    if (pid < 0)
        die("fork");
    if (pid == 0) {
        lseek(file, 0, SEEK_SET);
        dup2(file, 0);
        reader();
    }
    if (wait4(pid, &status, 0, &usage) != pid || !WIFEXITED(status) ||
        WEXITSTATUS(status) != expected) {
        fprintf(stderr, "a reader failed or found something\n");
        exit(1);
    }
    *memory = usage.ru_maxrss;
    return now_ms() - start;
}

static int
by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void
compare(size_t size)
{
    int file = make_output(size);
    double ours[TURNS], theirs[TURNS], rate;
    long memory = 0, other;

    for (int i = 0; i < TURNS; i++) {
        ours[i] = run(scan_input, file, 0, &memory);
        theirs[i] = run(grep_input, file, 1, &other);
    }
    qsort(ours, TURNS, sizeof *ours, by_size);
    qsort(theirs, TURNS, sizeof *theirs, by_size);
    rate = (double)(size / MB) / ours[TURNS / 2] * 1e3;
    printf("scanning %3zu MB: %6.0f ms, %4.0f MB/s, %ld KiB of memory; "
           "grep -E: %6.0f ms, ratio %.2f\n",
           size / MB, ours[TURNS / 2], rate, memory, theirs[TURNS / 2],
           ours[TURNS / 2] / theirs[TURNS / 2]);
    close(file);
}

int
main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    compare(25 * MB);
    compare(50 * MB);
    compare(100 * MB);
    return 0;
}
