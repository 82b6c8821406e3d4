/*
 * mux_harness - logs in with a key on loopback and serves the connection.
 *
 *     mux_harness [-1] [-d] [-s] [-a AGENT] [-b BYTES] [-c CIPHERS] [-i MS]
 *                 [-l MS] [-o PID] [-t MS] PORT KEY [PATH]
 *
 * -1 serves one client, -a forwards an agent, -b has the kernel keep so much of
 * what is sent, -d tells on standard error what happens, -i asks a server that
 * is silent for so long for a sign of life, -l is late: each socket is so long
 * in closing, -o serves on behalf of a process, -s keeps a spare channel, -t
 * waits so long for the first client. Prints the socket's path when it listens;
 * PATH is where it is then moved to. Exits with the number of enum mux_end, or
 * 100 before serving.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "client/mux.h"

#include <libssh/libssh.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FAILED = 100 };

static int late_ms;

/* Instead of libc's: what comes meanwhile comes at an awkward moment. */
int
close(int fd)
{
    struct stat st;

    if (late_ms > 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode))
        (void)poll(NULL, 0, late_ms);
    return (int)syscall(SYS_close, fd);
}

static void
debug(void *user, const char *text)
{
    (void)user;
    fprintf(stderr, "mux_harness: %s\n", text);
}

static int
fail(const char *what, const char *why)
{
    fprintf(stderr, "mux_harness: %s: %s\n", what, why);
    return FAILED;
}

static ssh_session
log_in(unsigned port, const char *key_file, const char *ciphers)
{
    const struct passwd *me = getpwuid(geteuid());
    ssh_session session = ssh_new();
    ssh_key key = NULL;
    int off = 0;

    if (session == NULL || me == NULL)
        return NULL;
    ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &off);
    ssh_options_set(session, SSH_OPTIONS_HOST, "127.0.0.1");
    ssh_options_set(session, SSH_OPTIONS_PORT, &port);
    ssh_options_set(session, SSH_OPTIONS_USER, me->pw_name);
    if (ciphers != NULL) {
        ssh_options_set(session, SSH_OPTIONS_CIPHERS_C_S, ciphers);
        ssh_options_set(session, SSH_OPTIONS_CIPHERS_S_C, ciphers);
    }
    if (ssh_connect(session) == SSH_OK &&
        ssh_pki_import_privkey_file(key_file, NULL, NULL, NULL, &key) ==
            SSH_OK &&
        ssh_userauth_publickey(session, NULL, key) == SSH_AUTH_SUCCESS) {
        ssh_key_free(key);
        return session;
    }
    fail("cannot log in", ssh_get_error(session));
    ssh_key_free(key);
    ssh_free(session);
    return NULL;
}

/* The socket under the name that the test wants. */
static int
listen_at(char *path, size_t size, const char *wanted)
{
    char why[256];
    int fd = mux_listen(path, size, why, sizeof why);

    if (fd < 0)
        return -fail("cannot listen", why);
    if (wanted != NULL) {
        if (strlen(wanted) >= size || rename(path, wanted) != 0)
            return -fail("cannot move the socket", wanted);
        memcpy(path, wanted, strlen(wanted) + 1);
    }
    printf("%s\n", path);
    fflush(stdout);
    return fd;
}

int
main(int argc, char **argv)
{
    char path[MUX_PATH_MAX];
    struct mux_options options = {.path = path, .alive_count = 2};
    const char *ciphers = NULL;
    ssh_session session;
    enum mux_end end;
    int option, fd, buffer = 0;

    while ((option = getopt(argc, argv, "1dsa:b:c:i:l:o:t:")) != -1) {
        if (option == '1')
            options.once = true;
        else if (option == 'd')
            options.debug = debug;
        else if (option == 's')
            options.ahead = true;
        else if (option == 'a')
            options.agent = optarg;
        else if (option == 'b')
            buffer = (int)strtol(optarg, NULL, 10);
        else if (option == 'c')
            ciphers = optarg;
        else if (option == 'i')
            options.alive_ms = strtol(optarg, NULL, 10);
        else if (option == 'l')
            late_ms = (int)strtol(optarg, NULL, 10);
        else if (option == 'o')
            options.owner_pid = (pid_t)strtol(optarg, NULL, 10);
        else if (option == 't')
            options.first_client_ms = (int)strtol(optarg, NULL, 10);
        else
            return fail("usage", "see the beginning of mux_harness.c");
    }
    if (argc - optind < 2)
        return fail("usage", "a port and a key file are needed");
    (void)setsid();
    session = log_in((unsigned)strtoul(argv[optind], NULL, 10),
                     argv[optind + 1], ciphers);
    if (session == NULL)
        return FAILED;
    if (buffer > 0)
        (void)setsockopt(ssh_get_fd(session), SOL_SOCKET, SO_SNDBUF, &buffer,
                         sizeof buffer);
    fd = listen_at(path, sizeof path, argv[optind + 2]);
    if (fd < 0) {
        ssh_free(session);
        return FAILED;
    }
    end = mux_serve(session, fd, &options);
    ssh_free(session);
    ssh_finalize();
    return (int)end;
}
