/*
 * How long it takes from the start of `authplug answer` until the first answer
 * has come, for one that is fixed and for one-time codes, against starting
 * /bin/true. A code by a counter waits until its record is on the disk, which
 * is the disk's time and has no bar. Prints medians and ratios, measured in
 * turns.
 *
 *     bench_answer AUTHPLUG /DIRECTORY
 */
#define _GNU_SOURCE
#include "bench/peer.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPAWNS 300
#define PATH 256

/* No name, instruction or language, one prompt; the NUL at the end is its echo
 * flag. */
#define REQUEST(length, prompt)                                                \
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0" length prompt
static const char fixed[] = REQUEST("\012", "Password: ");
static const char totp[] = REQUEST("\006", "Totp: ");
static const char hotp[] = REQUEST("\006", "Hotp: ");

static const char rules[] = "Host *\n"
                            "    Request \"Password:\"\n"
                            "    Response sesame\n"
                            "    Request \"Totp:\"\n"
                            "    Response $totp:one$\n"
                            "    Request \"Hotp:\"\n"
                            "    Response $hotp:one$\n"
                            "Totp one\n"
                            "    Secret GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n"
                            "Hotp one\n"
                            "    Secret GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n";

/* What is in the place where records are: none of them, so that no code is
 * waited for; its lock stays. */
static void
forget(const char *place)
{
    char folder[PATH];
    struct dirent *it;
    DIR *all;

    (void)snprintf(folder, sizeof folder, "%s/authplug", place);
    all = opendir(folder);
    while (all != NULL && (it = readdir(all)) != NULL) {
        const char *dot = strrchr(it->d_name, '.');

        if (dot != NULL && strcmp(dot, ".totp") == 0)
            (void)unlinkat(dirfd(all), it->d_name, 0);
    }
    if (all != NULL)
        closedir(all);
}

static double
first_answer(const char *authplug, const char *file, const char *request,
             size_t size)
{
    const char *argv[] = {authplug, "answer", "--config", file, NULL};
    double start = bench_now(), took;
    authplug_putty_host *host = bench_begin(argv);

    bench_ask(host, authplug_span_make(request, size));
    took = bench_now() - start;
    authplug_putty_host_outcome(host, true);
    authplug_putty_host_finish(&host);
    return took;
}

static void
compare(const char *what, const char *authplug, const char *file,
        const char *request, size_t size, double bar)
{
    static double ours[SPAWNS], theirs[SPAWNS];

    for (int i = 0; i < SPAWNS; i++) {
        theirs[i] = bench_true();
        forget(getenv("XDG_STATE_HOME"));
        ours[i] = first_answer(authplug, file, request, size);
    }
    bench_report(what, bench_median(ours, SPAWNS), "posix_spawn /bin/true",
                 bench_median(theirs, SPAWNS), bar);
}

static void
drop(const char *place)
{
    char folder[PATH + 16];
    struct dirent *it;
    DIR *all;

    (void)snprintf(folder, sizeof folder, "%s/authplug", place);
    all = opendir(folder);
    while (all != NULL && (it = readdir(all)) != NULL)
        (void)unlinkat(dirfd(all), it->d_name, 0);
    if (all != NULL)
        closedir(all);
    (void)rmdir(folder);
    (void)snprintf(folder, sizeof folder, "%s/answers", place);
    (void)unlink(folder);
    (void)rmdir(place);
}

int
main(int argc, char **argv)
{
    char place[PATH], file[PATH + 16];
    int fd;

    if (argc != 3 || argv[2][0] != '/') {
        fprintf(stderr, "usage: bench_answer AUTHPLUG /DIRECTORY\n");
        return 2;
    }
    if (snprintf(place, sizeof place, "%s/bench-answer.XXXXXX", argv[2]) >=
            (int)sizeof place ||
        mkdtemp(place) == NULL)
        bench_die(argv[2]);
    (void)snprintf(file, sizeof file, "%s/answers", place);
    fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, rules, sizeof rules - 1) < 0 || close(fd) != 0 ||
        setenv("XDG_STATE_HOME", place, 1) != 0)
        bench_die(file);
    compare("answer, start to a fixed one", argv[1], file, fixed, sizeof fixed,
            2);
    compare("start to a code by time", argv[1], file, totp, sizeof totp, 2);
    compare("start to a code by a counter", argv[1], file, hotp, sizeof hotp,
            0);
    drop(place);
    return 0;
}
