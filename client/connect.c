/* A connected socket for libssh: directly, by a proxy command, by jumps. */
#define _GNU_SOURCE
#include "client/client.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

extern char **environ;

#define COMMAND_MAX 8192

/* ----------------------------------------------------------------- direct */

static int
family(const ssh_config *config)
{
    if (config->addressfamily != NULL &&
        strcmp(config->addressfamily, "inet") == 0)
        return AF_INET;
    if (config->addressfamily != NULL &&
        strcmp(config->addressfamily, "inet6") == 0)
        return AF_INET6;
    return AF_UNSPEC;
}

static bool
bind_source(int fd, const struct addrinfo *to, const char *address)
{
    struct addrinfo hints = {.ai_family = to->ai_family,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE};
    struct addrinfo *from = NULL;
    bool good;

    if (address == NULL)
        return true;
    good = getaddrinfo(address, NULL, &hints, &from) == 0 &&
           bind(fd, from->ai_addr, from->ai_addrlen) == 0;
    if (from != NULL)
        freeaddrinfo(from);
    return good;
}

/* Connects within the deadline; -1 and errno. */
static int
connect_one(const ssh_config *config, const struct addrinfo *to,
            int64_t deadline)
{
    int fd = socket(to->ai_family,
                    to->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    to->ai_protocol);
    socklen_t len = sizeof errno;
    int error = 0, on = 1;

    if (fd < 0)
        return -1;
    if (!bind_source(fd, to, config->bindaddress)) {
        error = EADDRNOTAVAIL;
    } else if (connect(fd, to->ai_addr, to->ai_addrlen) != 0) {
        error = errno;
        if (error == EINPROGRESS) {
            authplug_status status = io_wait(fd, false, true, deadline);

            if (status == AUTHPLUG_OK)
                (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
            else
                error = status == AUTHPLUG_TIMEOUT ? ETIMEDOUT : EINTR;
        }
    }
    if (error != 0) {
        close(fd);
        errno = error;
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (config->tcpkeepalive)
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    return fd;
}

/* libssh gets an IPv4 socket, whatever the connection is. */
static int
as_inet(int fd, int domain)
{
    int ends[2], error;

    if (domain == AF_INET)
        return fd;
    if (!relay_pair(ends)) {
        close(fd);
        return -1;
    }
    error = relay_start(ends[1], fd) < 0 ? errno : 0;
    close(ends[1]);
    close(fd);
    if (error != 0) {
        close(ends[0]);
        errno = error;
        return -1;
    }
    return ends[0];
}

static int
connect_direct(const ssh_config *config, int64_t deadline)
{
    struct addrinfo hints = {.ai_family = family(config),
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char port[16];
    int fd = -1, error;

    (void)snprintf(port, sizeof port, "%u", (unsigned)config->port);
    error = getaddrinfo(config->hostname, port, &hints, &found);
    if (error != 0) {
        io_say(PROGRAM, "cannot find host %s: %s", config->hostname,
               gai_strerror(error));
        return -1;
    }
    for (struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
        fd = connect_one(config, at, deadline);
        if (fd >= 0)
            fd = as_inet(fd, at->ai_family);
        if (fd < 0 && io_signals_caught() != 0)
            break;
    }
    error = errno;
    freeaddrinfo(found);
    if (fd < 0 && io_signals_caught() == 0)
        io_say(PROGRAM, "cannot connect to %s port %s: %s", config->hostname,
               port, strerror(error));
    return fd;
}

/* ---------------------------------------------------------------- proxies */

/* Appends to a command line; false when it is full. */
static bool
append(char *line, size_t *len, const char *text)
{
    size_t more = strlen(text);

    if (*len + more >= COMMAND_MAX)
        return false;
    memcpy(line + *len, text, more + 1);
    *len += more;
    return true;
}

/* Expands the tokens of ProxyCommand (ssh_config(5), TOKENS). */
static bool
expand(const ssh_config *config, const char *pattern, char *line)
{
    char port[16];
    size_t len = 0;
    bool good = true;

    (void)snprintf(port, sizeof port, "%u", (unsigned)config->port);
    line[0] = 0;
    for (const char *c = pattern; *c != 0 && good; c++) {
        char one[2] = {*c, 0};
        const char *text = one;

        if (*c == '%') {
            switch (*++c) {
            case '%': text = "%"; break;
            case 'h': text = config->hostname; break;
            case 'n': text = config->original; break;
            case 'p': text = port; break;
            case 'r': text = config->user; break;
            case 'k':
                text = config->hostkeyalias ? config->hostkeyalias
                                            : config->original;
                break;
            default:
                io_say(PROGRAM, "ProxyCommand uses a token this program does "
                                "not know: use %%h, %%n, %%p, %%r or %%k");
                return false;
            }
        }
        good = append(line, &len, text);
    }
    if (!good)
        io_say(PROGRAM, "ProxyCommand is too long");
    return good;
}

/* Words that a jump and a shell may hold without being quoted. */
static bool
is_plain(const char *text)
{
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyz"
                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "0123456789@:.,_-[]/%+=~")] == 0;
}

/*
 * ProxyJump as stock ssh does it: the last jump is asked for a connection to
 * the target (-W), the others are jumped through before.
 */
static bool
jump_command(const ssh_config *config, const ssh_args *args, char *line)
{
    const char *jumps = config->proxyjump;
    const char *last = strrchr(jumps, ',');
    const char *target = last ? last + 1 : jumps;
    size_t len = 0;
    bool good = append(line, &len, "ssh");

    if (strncmp(target, "ssh://", 6) == 0)
        target += 6;
    for (size_t i = 0; i < args->count && good; i++)
        if (strcmp(args->options[i].name, "-F") == 0)
            good = is_plain(args->options[i].value) &&
                   append(line, &len, " -F ") &&
                   append(line, &len, args->options[i].value);
    if (last != NULL && good) {
        char before[COMMAND_MAX];

        (void)snprintf(before, sizeof before, " -J %.*s", (int)(last - jumps),
                       jumps);
        good = append(line, &len, before);
    }
    if (good) {
        char rest[COMMAND_MAX];
        const char *colon = strrchr(target, ':');
        bool port = colon != NULL && strchr(colon, ']') == NULL &&
                    colon[1] != 0;

        (void)snprintf(rest, sizeof rest, "%s%s -W [%s]:%u -- %.*s",
                       port ? " -p " : "", port ? colon + 1 : "",
                       config->hostname, (unsigned)config->port,
                       (int)(port ? (size_t)(colon - target) : strlen(target)),
                       target);
        good = append(line, &len, rest);
    }
    if (!good || !is_plain(jumps) || !is_plain(config->hostname)) {
        io_say(PROGRAM, "ProxyJump or the host's name holds characters that "
                        "are not safe in a command");
        return false;
    }
    return true;
}

static pid_t proxy;

void
connect_abandon(void)
{
    if (proxy > 0)
        kill(proxy, SIGHUP);
    proxy = 0;
}

/* Runs the proxy with the socket as its standard input and output. */
static int
start_proxy(const char *line, int end)
{
    const char *shell = getenv("SHELL");
    char command[COMMAND_MAX + 8];
    char *argv[] = {NULL, (char *)"-c", command, NULL};
    posix_spawn_file_actions_t actions;
    int error;

    argv[0] = (char *)(shell != NULL && *shell != 0 ? shell : "/bin/sh");
    (void)snprintf(command, sizeof command, "exec %s", line);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, end, 0);
    posix_spawn_file_actions_adddup2(&actions, end, 1);
    error = posix_spawn(&proxy, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static int
connect_proxy(const char *line)
{
    int ends[2], error;

    if (!relay_pair(ends)) {
        io_say(PROGRAM, "cannot make a loopback connection: %s",
               strerror(errno));
        return -1;
    }
    error = start_proxy(line, ends[1]);
    close(ends[1]);
    if (error == 0)
        return ends[0];
    close(ends[0]);
    io_say(PROGRAM, "cannot start the proxy command: %s", strerror(error));
    return -1;
}

int
connect_target(const ssh_config *config, const ssh_args *args,
               int64_t deadline)
{
    char line[COMMAND_MAX];

    if (config->connecttimeout > 0) {
        int64_t sooner = io_deadline((int64_t)config->connecttimeout * 1000);

        if (sooner < deadline)
            deadline = sooner;
    }
    if (config->proxycommand != NULL)
        return expand(config, config->proxycommand, line) ? connect_proxy(line)
                                                          : -1;
    if (config->proxyjump != NULL)
        return jump_command(config, args, line) ? connect_proxy(line) : -1;
    return connect_direct(config, deadline);
}
