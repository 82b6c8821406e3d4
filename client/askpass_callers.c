/* Who may ask: the broker's socket, and the helpers that connect to it. */
#define _GNU_SOURCE
#include "client/askpass_broker.h"

#include "client/settings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

/* for a helper to say what it wants */
#define HELLO_MS 10000
/* to wait for a descriptor */
#define REST_MS 100

/* -------------------------------------------------------------- the socket */

/* A broker that was killed leaves its socket: nobody listens there. One that
 * is just being made does not listen yet either. */
static void
sweep(int directory, const char *path)
{
    DIR *entries = fdopendir(directory);
    const struct dirent *entry;

    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct stat is;
        int fd;

        if (strncmp(entry->d_name, "askpass-", 8) != 0 ||
            fstatat(directory, entry->d_name, &is, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISSOCK(is.st_mode) || is.st_mtime > time(NULL) - 60 ||
            snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", path,
                     entry->d_name) >= (int)sizeof address.sun_path)
            continue;
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0 &&
            connect(fd, (struct sockaddr *)&address, sizeof address) != 0 &&
            errno == ECONNREFUSED)
            (void)unlinkat(directory, entry->d_name, 0);
        askpass_close(&fd);
    }
    if (entries != NULL)
        closedir(entries);
    else
        close(directory);
}

static bool
add_name(char *path, size_t size)
{
    size_t len = strlen(path);
    unsigned long long number;
    int more;

    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return false;
    more = snprintf(path + len, size - len, "/askpass-%016llx", number);
    errno = ENAMETOOLONG;
    return more > 0 && (size_t)more < size - len;
}

bool
askpass_callers_listen(askpass_callers *callers, const askpass_options *options)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char why[512];
    int directory, fd, on = 1;
    mode_t mask;

    callers->options = options;
    for (size_t i = 0; i < ASKPASS_CALLERS; i++)
        callers->all[i] =
            (askpass_caller){.fd = -1, .held = -1, .asker_fd = -1};
    if (!io_private_directory(callers->path, sizeof callers->path, why,
                              sizeof why)) {
        io_say(ASKPASS, "%s", why);
        return false;
    }
    directory = open(callers->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0)
        sweep(directory, callers->path);
    if (!add_name(callers->path, sizeof callers->path)) {
        io_say(ASKPASS,
               "no socket in %s: %s: set XDG_RUNTIME_DIR to a "
               "shorter directory",
               callers->path, strerror(errno));
        return false;
    }
    memcpy(address.sun_path, callers->path, sizeof address.sun_path);
    fd = callers->listener =
        socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mask = umask(0177);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 &&
        listen(fd, ASKPASS_CALLERS) == 0) {
        umask(mask);
        return true;
    }
    umask(mask);
    io_say(ASKPASS, "cannot listen on %s: %s: is its file system full?",
           callers->path, strerror(errno));
    return false;
}

/* ------------------------------------------------------------------ callers */

void
askpass_caller_drop(askpass_caller *caller)
{
    askpass_close(&caller->fd);
    askpass_close(&caller->held);
    askpass_close(&caller->asker_fd);
}

/* The process that connected, or -1 if it has ended. Where the kernel gives no
 * descriptor of it, the one that has its number now. */
static int
hold_peer(int fd, pid_t pid)
{
#ifdef SO_PEERPIDFD
    socklen_t size = sizeof(int);
    int held;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &held, &size) == 0)
        return held;
    if (errno != ENOPROTOOPT)
        return -1;
#endif
    (void)fd;
    return pidfd_open(pid, 0);
}

/* It may ask now. */
static bool
send_go(askpass_caller *c, uint32_t ms)
{
    unsigned char body[4 + ASKPASS_NONCE];

    if (getrandom(c->nonce, sizeof c->nonce, 0) != (ssize_t)sizeof c->nonce)
        return false;
    for (int i = 0; i < 4; i++)
        body[i] = (unsigned char)(ms >> (24 - 8 * i));
    memcpy(body + 4, c->nonce, sizeof c->nonce);
    return askpass_send(c->fd, ASKPASS_GO,
                        authplug_span_make(body, sizeof body), -1,
                        io_now()) == AUTHPLUG_OK;
}

/* Whoever is not below our command gets nothing, not even a reason. */
static bool
admit(askpass_caller *c, pid_t command, const askpass_options *options)
{
    uint32_t ms = options->timeout_given
                      ? (uint32_t)options->timeout_ms
                      : SETTINGS_TIMEOUT_MOST_S * 1000u; /* a file may say */
    struct ucred peer;
    socklen_t size = sizeof peer;

    if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
        peer.uid != geteuid())
        return false;
    c->pid = peer.pid;
    c->held = hold_peer(c->fd, peer.pid);
    if (c->held < 0 ||
        !askpass_trace(peer.pid, command, &c->asker, &c->asker_fd)) {
        if (options->verbose)
            io_say(ASKPASS,
                   "process %ld is not of this command and gets no answer",
                   (long)peer.pid);
        return false;
    }
    c->deadline = io_deadline(HELLO_MS);
    return askpass_lives(c->held) && send_go(c, ms);
}

/* Without descriptors nobody can be let in, until another has gone. */
static void
rest(askpass_callers *callers)
{
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS &&
        errno != ENOMEM)
        return;
    if (callers->rests_until == 0)
        io_say(ASKPASS, "cannot hear who asks: %s: see ulimit -n",
               strerror(errno));
    callers->rests_until = io_deadline(REST_MS);
}

void
askpass_callers_accept(askpass_callers *callers, pid_t command)
{
    for (size_t i = 0; i < ASKPASS_CALLERS; i++) {
        askpass_caller *c = &callers->all[i];

        if (c->fd >= 0)
            continue;
        errno = 0;
        c->fd = accept4(callers->listener, NULL, NULL,
                        SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (c->fd >= 0 && admit(c, command, callers->options))
            return;
        rest(callers);
        askpass_caller_drop(c);
        return;
    }
}

/*
 * The sender was the one that was looked at. Its number alone does not say so:
 * another may have had it, have sent this, and have ended before we looked. But
 * the nonce was not there to be known before; since then the number has been
 * of the process that is held and lives.
 */
static bool
is_itself(const askpass_caller *c, const askpass_message *message)
{
    authplug_span body = authplug_secret_span(message->body);

    return message->sender == c->pid && body.len >= sizeof c->nonce &&
           memcmp(body.data, c->nonce, sizeof c->nonce) == 0 &&
           askpass_lives(c->held) && askpass_lives(c->asker_fd);
}

authplug_status
askpass_caller_hear(const askpass_caller *caller, askpass_message *message)
{
    authplug_status status = askpass_receive(caller->fd, message, io_now());

    if (message->fd >= 0)
        close(message->fd);
    if (status == AUTHPLUG_TIMEOUT && io_now() < caller->deadline)
        return AUTHPLUG_NEED_MORE;
    if (status != AUTHPLUG_OK)
        return status;
    if (!is_itself(caller, message))
        return AUTHPLUG_REFUSED;
    authplug_secret_drop(message->body, ASKPASS_NONCE);
    return AUTHPLUG_OK;
}

/* ------------------------------------------------------------------ the end */

void
askpass_callers_leave(askpass_callers *callers)
{
    askpass_close(&callers->listener);
    for (size_t i = 0; i < ASKPASS_CALLERS; i++)
        askpass_caller_drop(&callers->all[i]);
}

void
askpass_callers_end(askpass_callers *callers)
{
    if (callers->listener >= 0)
        (void)unlink(callers->path);
    askpass_close(&callers->listener);
}
