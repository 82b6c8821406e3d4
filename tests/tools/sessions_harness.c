/*
 * sessions_harness - an SSH server on loopback for server/sessions.c: lets
 * whoever runs it in with any password or none, and serves sessions.
 *
 *     sessions_harness [-k] [-c CIPHERS] [-f COMMAND] [-m MOST]
 *
 * -f is the forced command, -k has libssh keep what a client asks for at once
 * until it is served. Prints its port when it listens, and on standard
 * error, for each connection, what serving it gave. TERM ends it and the
 * connections.
 */
#define _GNU_SOURCE
#include "io/io.h"
#include "server/sessions.h"

#include <libssh/libssh.h>
#include <libssh/server.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "sessions_harness"
#define CONNECTIONS_MAX 64

static struct {
    const char *ciphers, *forced;
    unsigned most;
    bool keep;
} options = {NULL, NULL, 10, false};

/* Nothing of the user's own is to have a part in tests: HOME is theirs, here
 * and for sessions. */
struct passwd *
getpwuid(uid_t uid)
{
    static struct passwd who;
    static char text[4096];
    struct passwd *found = NULL;

    if (getpwuid_r(uid, &who, text, sizeof text, &found) == 0 &&
        found != NULL && getenv("HOME") != NULL)
        who.pw_dir = getenv("HOME");
    return found;
}

/* ------------------------------------------------------- one connection */

static bool
log_in(ssh_session session, const char *user)
{
    ssh_message message;
    bool in = false;

    while (!in && (message = ssh_message_get(session)) != NULL) {
        int method = ssh_message_subtype(message);

        if (ssh_message_type(message) == SSH_REQUEST_AUTH &&
            (method == SSH_AUTH_METHOD_NONE ||
             method == SSH_AUTH_METHOD_PASSWORD) &&
            strcmp(ssh_message_auth_user(message), user) == 0) {
            ssh_message_auth_reply_success(message, 0);
            in = true;
        } else {
            ssh_message_auth_set_methods(message, SSH_AUTH_METHOD_PASSWORD);
            ssh_message_reply_default(message);
        }
        ssh_message_free(message);
    }
    return in;
}

/* Until the client has asked for a session, but it is not answered. */
static void
keep(ssh_session session)
{
    ssh_event event = ssh_event_new();

    ssh_event_add_session(event, session);
    for (int i = 0; i < 10; i++)
        (void)ssh_event_dopoll(event, 100);
    ssh_event_remove_session(event, session);
    ssh_event_free(event);
}

static void
address(int fd, bool ours, char *text, size_t size)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t len = sizeof name;
    char ip[INET_ADDRSTRLEN] = "";

    (void)(ours ? getsockname : getpeername)(fd, (struct sockaddr *)&name,
                                             &len);
    inet_ntop(AF_INET, &name.sin_addr, ip, sizeof ip);
    snprintf(text, size, "%s %u", ip, ntohs(name.sin_port));
}

static int
serve(ssh_bind bind, int fd)
{
    const struct passwd *me = getpwuid(geteuid());
    ssh_session session = ssh_new();
    char client[128], here[64], there[64];
    sessions_options wish = {
        .user = me != NULL ? me->pw_name : "nobody",
        .client = client,
        .forced = options.forced,
        .most = options.most,
    };
    int gave = -1;

    address(fd, false, there, sizeof there);
    address(fd, true, here, sizeof here);
    snprintf(client, sizeof client, "%s %s", there, here);
    if (session != NULL && ssh_bind_accept_fd(bind, session, fd) == SSH_OK &&
        ssh_handle_key_exchange(session) == SSH_OK &&
        log_in(session, wish.user)) {
        if (options.keep)
            keep(session);
        gave = sessions_serve(session, &wish);
    }
    ssh_free(session);
    io_say(PROGRAM, "a connection was served: %d", gave);
    return gave;
}

/* ------------------------------------------------------------ the server */

static int
listen_on_loopback(void)
{
    struct sockaddr_in name = {
        .sin_family = AF_INET,
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    socklen_t len = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof name) != 0 ||
        listen(fd, CONNECTIONS_MAX) != 0 ||
        getsockname(fd, (struct sockaddr *)&name, &len) != 0)
        return -1;
    printf("%u\n", ntohs(name.sin_port));
    fflush(stdout);
    return fd;
}

static ssh_bind
make_bind(void)
{
    ssh_bind bind = ssh_bind_new();
    ssh_key key = NULL;
    int off = 0;

    if (bind == NULL || ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) != SSH_OK)
        return NULL;
    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &off);
    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, key);
    if (options.ciphers != NULL) {
        ssh_bind_options_set(bind, SSH_BIND_OPTIONS_CIPHERS_C_S,
                             options.ciphers);
        ssh_bind_options_set(bind, SSH_BIND_OPTIONS_CIPHERS_S_C,
                             options.ciphers);
    }
    return bind;
}

static void
run(ssh_bind bind, int listener)
{
    pid_t of[CONNECTIONS_MAX];
    size_t count = 0;

    while (io_signals_caught() == 0) {
        struct pollfd fds[] = {{listener, POLLIN, 0},
                               {io_signals_fd(), POLLIN, 0}};
        int fd;

        for (size_t i = 0; i < count;)
            if (waitpid(of[i], NULL, WNOHANG) != 0)
                of[i] = of[--count];
            else
                i++;
        if (poll(fds, 2, 100) <= 0 || fds[0].revents == 0 ||
            count == CONNECTIONS_MAX)
            continue;
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        of[count] = fork();
        if (of[count] == 0) {
            close(listener);
            io_signals_end(); /* ours, not those of who listens */
            io_signals_begin();
            exit(serve(bind, fd) == 0 ? 0 : 1); /* sanitizers look then */
        }
        count++;
        close(fd);
    }
    for (size_t i = 0; i < count; i++)
        kill(of[i], SIGTERM);
    for (size_t i = 0; i < count; i++)
        waitpid(of[i], NULL, 0);
}

int
main(int argc, char **argv)
{
    ssh_bind bind;
    int option, listener;

    while ((option = getopt(argc, argv, "kc:f:m:")) != -1) {
        if (option == 'c')
            options.ciphers = optarg;
        else if (option == 'f')
            options.forced = optarg;
        else if (option == 'm')
            options.most = (unsigned)strtoul(optarg, NULL, 10);
        else if (option == 'k')
            options.keep = true;
        else
            return 2;
    }
    io_sanitise();
    io_signals_begin();
    bind = make_bind();
    listener = bind != NULL ? listen_on_loopback() : -1;
    if (listener < 0) {
        io_say(PROGRAM, "it cannot listen");
        return 1;
    }
    run(bind, listener);
    ssh_bind_free(bind);
    ssh_finalize();
    return 0;
}
