/*
 * The plugin's side of the memory that keeps answers: finds its helper, or
 * makes one.
 *
 * Whoever finds nobody behind the socket makes another, under the lock, and
 * gives it to the helper that it starts: of two that come at once the second
 * finds the first one's. The helper removes the socket under the same lock.
 */
#define _GNU_SOURCE
#include "cache.h"

#include "io/io.h"

#include <authplug/wire.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* after the outcome clients give plugins a second */
#define ASK_MS 800
#define LOOK_MS 5
#define QUEUE 64

/* What is asked, and until when. */
typedef struct asking {
    cache_place place;
    int64_t deadline;
    char *why;
    size_t size;
} asking;

__attribute__((format(printf, 2, 3))) static bool
fail(asking *a, const char *format, ...)
{
    va_list arguments;

    if (a->why[0] == 0) {
        va_start(arguments, format);
        (void)vsnprintf(a->why, a->size, format, arguments);
        va_end(arguments);
    }
    return false;
}

/* ---------------------------------------------------------------- the place */

static bool
open_place(asking *a)
{
    struct sockaddr_un *at = &a->place.at;
    char path[sizeof at->sun_path - sizeof CACHE_SOCKET];
    struct stat is;

    at->sun_family = AF_UNIX;
    if (!io_private_directory(path, sizeof path, a->why, a->size))
        return false;
    (void)snprintf(at->sun_path, sizeof at->sun_path, "%s/" CACHE_SOCKET, path);
    a->place.folder =
        open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (a->place.folder < 0 || fstat(a->place.folder, &is) != 0)
        return fail(a, "%s cannot be opened: %s", path, strerror(errno));
    if (is.st_uid != geteuid())
        return fail(a,
                    "%s belongs to another user: chown %u %s as root, or "
                    "remove it",
                    path, (unsigned)geteuid(), path);
    if ((is.st_mode & 077) != 0)
        return fail(a, "%s: others may read or change it: chmod go= %s", path,
                    path);
    return true;
}

int
cache_lock(int folder, int64_t deadline)
{
    int fd = openat(folder, CACHE_LOCK,
                    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK |
                        O_NOCTTY,
                    0600);

    while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if ((errno == EWOULDBLOCK || errno == EINTR) && io_now() < deadline) {
            (void)poll(NULL, 0, LOOK_MS);
        } else {
            close(fd);
            fd = -1;
        }
    }
    return fd;
}

/* --------------------------------------------------------------- the socket */

/* A connection to the helper; -1 where there is none, or after writing why. */
static int
reach(asking *a)
{
    const struct sockaddr *at = (const struct sockaddr *)&a->place.at;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct ucred who;
    socklen_t len = sizeof who;

    if (fd < 0) {
        (void)fail(a, "no socket can be had: %s", strerror(errno));
        return -1;
    }
    while (connect(fd, at, sizeof a->place.at) != 0) {
        /* its queue may be full */
        if ((errno == EAGAIN || errno == EINTR) && io_now() < a->deadline) {
            (void)poll(NULL, 0, LOOK_MS);
            continue;
        }
        if (errno == EAGAIN || errno == EINTR)
            (void)fail(a, "what keeps answers does not listen");
        else if (errno != ENOENT && errno != ECONNREFUSED)
            (void)fail(a, "%s cannot be reached: %s", a->place.at.sun_path,
                       strerror(errno));
        close(fd);
        return -1;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
        who.uid == geteuid())
        return fd;
    (void)fail(a, "%s is somebody else's: remove it", a->place.at.sun_path);
    close(fd);
    return -1;
}

/* A socket of ours, for us alone, in place of what is there; -1. */
static int
listen_there(asking *a)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    mode_t mask;
    bool good;

    (void)unlinkat(a->place.folder, CACHE_SOCKET, 0);
    mask = umask(0177);
    good = fd >= 0 &&
           bind(fd, (struct sockaddr *)&a->place.at, sizeof a->place.at) == 0;
    umask(mask);
    if (good && listen(fd, QUEUE) == 0)
        return fd;
    (void)fail(a, "%s cannot be made: %s", a->place.at.sun_path,
               strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* ---------------------------------------------------------- a helper's life */

/* In the child: nothing of the conversation stays, and nobody's terminal,
 * session or parent. The program is another copy of ours, for the memory of
 * this one holds what the helper has no use for. */
__attribute__((noreturn)) static void
become_helper(int fd)
{
    static char program[] = "authplug", command[] = "answer",
                word[] = "cache-helper";
    char *words[] = {program, command, word, NULL}, *none[] = {NULL};
    sigset_t nothing;
    int null;

    if (setsid() < 0 || fork() != 0)
        _exit(0);
    null = open("/dev/null", O_RDWR);
    if (null < 0 || chdir("/") != 0 || dup2(fd, 0) != 0 || dup2(null, 1) != 1 ||
        dup2(null, 2) != 2 || close_range(3, ~0u, 0) != 0)
        _exit(1);
    (void)sigemptyset(&nothing);
    (void)sigprocmask(SIG_SETMASK, &nothing, NULL);
    (void)execve("/proc/self/exe", words, none);
    _exit(1);
}

static bool
start_helper(asking *a, int fd)
{
    pid_t child = fork();

    if (child == 0)
        become_helper(fd);
    if (child < 0)
        return fail(a, "what keeps answers cannot be started: %s",
                    strerror(errno));
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    return true;
}

/* A connection to a helper that there is by now. */
static int
reach_new(asking *a)
{
    int lock = cache_lock(a->place.folder, a->deadline), fd = -1, listening;

    if (lock < 0) {
        (void)fail(a, "the lock beside %s cannot be had", a->place.at.sun_path);
        return -1;
    }
    fd = reach(a);
    if (fd < 0 && a->why[0] == 0) {
        listening = listen_there(a);
        if (listening >= 0) {
            if (start_helper(a, listening))
                fd = reach(a);
            close(listening);
        }
    }
    close(lock);
    return fd;
}

/* ----------------------------------------------------------- a conversation */

static authplug_status
converse(const asking *a, int fd, authplug_secret *packet)
{
    authplug_span all = authplug_secret_span(packet);
    authplug_status status = io_wait(fd, false, true, a->deadline);
    unsigned char *room;
    ssize_t got;

    if (status == AUTHPLUG_OK &&
        send(fd, all.data, all.len, MSG_NOSIGNAL | MSG_DONTWAIT) !=
            (ssize_t)all.len)
        status = AUTHPLUG_CLOSED;
    if (status == AUTHPLUG_OK)
        status = io_wait(fd, true, false, a->deadline);
    authplug_secret_clear(packet);
    if (status == AUTHPLUG_OK)
        status = authplug_secret_reserve(packet, CACHE_PACKET_MOST, &room);
    if (status != AUTHPLUG_OK)
        return status;
    /* with MSG_TRUNC it is the packet's whole length */
    got = recv(fd, room, CACHE_PACKET_MOST, MSG_DONTWAIT | MSG_TRUNC);
    if (got <= 0 || got > CACHE_PACKET_MOST)
        return AUTHPLUG_CLOSED;
    authplug_secret_commit(packet, (size_t)got);
    return AUTHPLUG_OK;
}

static cache_status
read_reply(const authplug_secret *packet, authplug_secret *answer)
{
    authplug_reader in =
        authplug_reader_over(authplug_secret_span(packet), ANSWER_MOST);
    uint8_t version = authplug_get_byte(&in), status = authplug_get_byte(&in);
    authplug_span text = authplug_get_string(&in);

    if (authplug_get_end(&in) != AUTHPLUG_OK || version != CACHE_VERSION ||
        (status != CACHE_DONE && status != CACHE_NONE))
        return CACHE_REFUSED;
    if (status == CACHE_DONE && answer != NULL &&
        authplug_secret_append(answer, text.data, text.len) != AUTHPLUG_OK)
        return CACHE_REFUSED;
    return (cache_status)status;
}

static bool
write_question(const cache_question *question, authplug_secret *packet)
{
    authplug_writer out = authplug_writer_to(packet);

    authplug_put_byte(&out, CACHE_VERSION);
    authplug_put_byte(&out, (uint8_t)question->what);
    authplug_put_uint32(&out, question->seconds);
    authplug_put_string(&out, question->name);
    authplug_put_string(&out, question->answer);
    return out.status == AUTHPLUG_OK;
}

/* With a helper that ends just now it is tried once more. */
static cache_status
ask(asking *a, const cache_question *question, authplug_secret *packet,
    authplug_secret *answer)
{
    authplug_status status = AUTHPLUG_CLOSED;

    for (int i = 0; i < 2 && status == AUTHPLUG_CLOSED; i++) {
        int fd = reach(a);

        if (fd < 0 && a->why[0] == 0) {
            if (question->what != CACHE_KEEP)
                return CACHE_NONE;
            fd = reach_new(a);
        }
        if (fd < 0)
            return CACHE_REFUSED;
        authplug_secret_clear(packet);
        status = write_question(question, packet) ? converse(a, fd, packet)
                                                  : AUTHPLUG_NOMEM;
        close(fd);
    }
    if (status == AUTHPLUG_OK)
        return read_reply(packet, answer);
    (void)fail(a, "what keeps answers does not reply: %s",
               authplug_status_text(status));
    return CACHE_REFUSED;
}

cache_status
cache_ask_memory(const cache_question *question, authplug_secret *answer,
                 char *why, size_t size)
{
    asking a = {.place.folder = -1,
                .deadline = io_deadline(ASK_MS),
                .why = why,
                .size = size};
    authplug_secret *packet = authplug_secret_new(CACHE_PACKET_MOST);
    cache_status status = CACHE_REFUSED;

    why[0] = 0;
    if (packet != NULL && open_place(&a))
        status = ask(&a, question, packet, answer);
    if (status == CACHE_REFUSED)
        (void)fail(&a, "what keeps answers refuses it");
    if (a.place.folder >= 0)
        close(a.place.folder);
    authplug_secret_free(&packet);
    return status;
}
