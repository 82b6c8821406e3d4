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
#include <sys/syscall.h>
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

static bool local;

bool
connect_is_local(void)
{
    return local;
}

static bool
is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)address)
                         ->sin_addr.s_addr) >>
                   24 ==
               IN_LOOPBACKNET;
    return address->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(
               &((const struct sockaddr_in6 *)(const void *)address)
                    ->sin6_addr);
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
        io_say(PROGRAM,
               "cannot find host %s: %s: check the name, or "
               "HostName in the configuration",
               IO_SHORT(config->hostname), gai_strerror(error));
        return -1;
    }
    for (struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next) {
        fd = connect_one(config, at, deadline);
        local = fd >= 0 && is_loopback(at->ai_addr);
        if (fd >= 0)
            fd = as_inet(fd, at->ai_family);
        if (fd < 0 && io_signals_caught() != 0)
            break;
    }
    error = errno;
    freeaddrinfo(found);
    if (fd < 0 && io_signals_caught() == 0)
        io_say(PROGRAM,
               "cannot connect to %s port %s: %s: is its SSH server "
               "there?",
               IO_SHORT(config->hostname), port, strerror(error));
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

/* Appends " 'word'", so that no shell makes anything else of it. */
static bool
append_quoted(char *line, size_t *len, const char *word, size_t word_len)
{
    bool good = append(line, len, " '");

    for (size_t i = 0; i < word_len && good; i++) {
        char one[2] = {word[i], 0};

        good = append(line, len, word[i] == '\'' ? "'\\''" : one);
    }
    return good && append(line, len, "'");
}

/* A jump, [user@]host[:port], taken apart. Brackets stand around addresses. */
typedef struct jump {
    const char *user, *host, *port;
    size_t user_len, host_len, port_len;
} jump;

static jump
split_jump(const char *text, size_t len)
{
    jump j = {NULL, text, NULL, 0, len, 0};
    const char *at, *colon;

    if (len > 6 && strncmp(text, "ssh://", 6) == 0) {
        j.host += 6;
        j.host_len -= 6;
    }
    at = memrchr(j.host, '@', j.host_len);
    if (at != NULL) {
        j.user = j.host;
        j.user_len = (size_t)(at - j.host);
        j.host_len -= j.user_len + 1;
        j.host = at + 1;
    }
    colon = memrchr(j.host, ':', j.host_len);
    if (colon != NULL && (colon[-1] == ']' ||
                          memchr(j.host, ':', j.host_len) == colon)) {
        j.port = colon + 1;
        j.port_len = j.host_len - (size_t)(j.port - j.host);
        j.host_len = (size_t)(colon - j.host);
    }
    if (j.host_len > 2 && j.host[0] == '[' && j.host[j.host_len - 1] == ']') {
        j.host++;
        j.host_len -= 2;
    }
    return j;
}

/* The jumps before the last, as -J takes them: an address that is not IPv6
 * without the brackets in which `ssh -G` puts it. */
static bool
append_jumps(char *line, size_t *len, const char *jumps, size_t jumps_len)
{
    char list[COMMAND_MAX];
    size_t used = 0;

    list[0] = 0;
    while (jumps_len > 0) {
        const char *comma = memchr(jumps, ',', jumps_len);
        size_t one = comma ? (size_t)(comma - jumps) : jumps_len;
        jump j = split_jump(jumps, one);
        bool six = memchr(j.host, ':', j.host_len) != NULL;
        int more = snprintf(list + used, sizeof list - used,
                            "%s%.*s%s%s%.*s%s%s%.*s", used > 0 ? "," : "",
                            (int)j.user_len, j.user ? j.user : "",
                            j.user ? "@" : "", six ? "[" : "", (int)j.host_len,
                            j.host, six ? "]" : "", j.port ? ":" : "",
                            (int)j.port_len, j.port ? j.port : "");

        if (more < 0 || (size_t)more >= sizeof list - used)
            return false;
        used += (size_t)more;
        jumps += one + (comma != NULL);
        jumps_len -= one + (comma != NULL);
    }
    return append(line, len, " -J") && append_quoted(line, len, list, used);
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
    jump j = split_jump(target, strlen(target));
    char forward[COMMAND_MAX];
    size_t len = 0;
    bool good = append(line, &len, "ssh");

    (void)snprintf(forward, sizeof forward, "[%s]:%u", config->hostname,
                   (unsigned)config->port);
    for (size_t i = 0; i < args->count && good; i++)
        if (strcmp(args->options[i].name, "-F") == 0)
            good = append(line, &len, " -F") &&
                   append_quoted(line, &len, args->options[i].value,
                                 strlen(args->options[i].value));
    if (last != NULL && good)
        good = append_jumps(line, &len, jumps, (size_t)(last - jumps));
    if (j.user != NULL && good)
        good = append(line, &len, " -l") &&
               append_quoted(line, &len, j.user, j.user_len);
    if (j.port != NULL && good)
        good = append(line, &len, " -p") &&
               append_quoted(line, &len, j.port, j.port_len);
    good = good && append(line, &len, " -W") &&
           append_quoted(line, &len, forward, strlen(forward)) &&
           append(line, &len, " --") &&
           append_quoted(line, &len, j.host, j.host_len);
    if (!good)
        io_say(PROGRAM, "ProxyJump is too long");
    return good;
}

/* A pidfd: who ends it may not be the parent, to whom a pid alone is safe. */
static int proxy = -1;

void
connect_abandon(void)
{
    if (proxy < 0)
        return;
    (void)syscall(SYS_pidfd_send_signal, proxy, SIGTERM, NULL, 0);
    close(proxy);
    proxy = -1;
}

int
connect_proxy_fd(void)
{
    return proxy;
}

/* What the terminal sends to all who run there is not meant for a connection
 * that others use. The words that follow are a shell and its command. */
static const char deaf[] = "trap '' HUP INT QUIT TSTP; exec \"$0\" -c \"$1\"";

/* Runs the proxy with the socket as its standard input and output; errors is
 * its standard error, or -1 for ours. */
static int
start_proxy(const char *line, int end, int errors)
{
    const char *shell = getenv("SHELL");
    char command[COMMAND_MAX + 1024];
    char *plain[] = {NULL, (char *)"-c", command, NULL};
    char *stays[] = {(char *)"/bin/sh", (char *)"-c", (char *)deaf, NULL,
                     command, NULL};
    char **argv = errors < 0 ? plain : stays;
    posix_spawn_file_actions_t actions;
    pid_t pid = -1;
    int error;

    plain[0] = stays[3] =
        (char *)(shell != NULL && *shell != 0 ? shell : "/bin/sh");
    (void)snprintf(command, sizeof command, "exec %s", line);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, end, 0);
    posix_spawn_file_actions_adddup2(&actions, end, 1);
    if (errors >= 0)
        posix_spawn_file_actions_adddup2(&actions, errors, 2);
    error = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error == 0)
        proxy = (int)syscall(SYS_pidfd_open, pid, 0);
    return error;
}

static int
connect_proxy(const char *line, bool stays)
{
    int ends[2], error, errors = -1;

    if (!relay_pair(ends)) {
        io_say(PROGRAM, "cannot make a loopback connection: %s",
               strerror(errno));
        return -1;
    }
    if (stays)
        errors = relay_errors();
    error = stays && errors < 0 ? errno : start_proxy(line, ends[1], errors);
    close(ends[1]);
    if (errors >= 0)
        close(errors);
    if (error == 0)
        return ends[0];
    close(ends[0]);
    io_say(PROGRAM, "cannot start the proxy command: %s", strerror(error));
    return -1;
}

static int
connect_command(const ssh_config *config, bool stays)
{
    char *line = config_expand(config, config->proxycommand, false);
    int fd = line == NULL ? -1 : connect_proxy(line, stays);

    free(line);
    return fd;
}

int
connect_target(const ssh_config *config, const ssh_args *args, bool stays,
               int64_t deadline)
{
    char line[COMMAND_MAX];

    if (config->connecttimeout > 0) {
        int64_t sooner = io_deadline((int64_t)config->connecttimeout * 1000);

        if (sooner < deadline)
            deadline = sooner;
    }
    if (config->proxycommand != NULL)
        return connect_command(config, stays);
    if (config->proxyjump != NULL)
        return jump_command(config, args, line) ? connect_proxy(line, stays)
                                                : -1;
    return connect_direct(config, deadline);
}
