/*
 * The helper: keeps answers in its memory, each for its time, and ends with the
 * last of them.
 *
 * It is started with its socket as standard input. It has no other descriptor
 * of anybody's, no terminal and no session; its memory goes to no core file, is
 * not to be looked into, and what of it holds answers is locked as far as the
 * system lets us. Everybody who connects has a second, and only its own user is
 * listened to. TERM, and that its socket is removed, end it in good order.
 */
#define _GNU_SOURCE
#include "cache.h"

#include "io/io.h"

#include <authplug/wire.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define ENTRIES 64
#define CLIENTS 16
#define CLIENT_MS 1000
/* who starts us has something to keep */
#define FIRST_MS 5000
#define LOCK_MS 1000

/* An answer has a page of its own, which can be locked. */
typedef struct entry {
    int64_t since, until; /* seconds; until is 0 where there is none */
    size_t name_len, answer_len;
    unsigned char name[CACHE_NAME_MOST];
} entry;

typedef struct client {
    int fd; /* -1 for none */
    int64_t deadline;
} client;

enum { LISTENER, TIMER, SIGNALS, REMOVAL, FIXED };

typedef struct helper {
    struct pollfd fds[FIXED + CLIENTS];
    client clients[CLIENTS];
    cache_place place;
    ino_t socket;  /* what we have to remove, and nobody else's */
    int64_t first; /* until when we wait for something to keep; 0 for done */
    bool over;
} helper;

static entry entries[ENTRIES];
static _Alignas(4096) unsigned char answers[ENTRIES][ANSWER_MOST];
static _Alignas(4096) unsigned char packet[CACHE_PACKET_MOST];

/* ------------------------------------------------------------- the entries */

/* Time that passes while the machine sleeps, too. */
static int64_t
seconds_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return now.tv_sec;
}

static void
wipe_entry(size_t which)
{
    authplug_wipe(answers[which], ANSWER_MOST);
    (void)munlock(answers[which], ANSWER_MOST);
    authplug_wipe(&entries[which], sizeof entries[which]);
}

static void
wipe_all(void)
{
    for (size_t i = 0; i < ENTRIES; i++)
        if (entries[i].until != 0)
            wipe_entry(i);
}

/* Forgets what has had its time, and has the timer wake us for the next. */
static bool
expire(const helper *h)
{
    struct itimerspec next = {0};
    int64_t now = seconds_now(), first = 0;

    for (size_t i = 0; i < ENTRIES; i++) {
        int64_t until = entries[i].until;

        if (until != 0 && until <= now)
            wipe_entry(i);
        else if (until != 0 && (first == 0 || until < first))
            first = until;
    }
    next.it_value.tv_sec = first;
    (void)timerfd_settime(h->fds[TIMER].fd, TFD_TIMER_ABSTIME, &next, NULL);
    return first != 0;
}

/* The entry of this name; ENTRIES where there is none. */
static size_t
look_up(authplug_span name)
{
    for (size_t i = 0; i < ENTRIES; i++)
        if (entries[i].until != 0 && entries[i].name_len == name.len &&
            memcmp(entries[i].name, name.data, name.len) == 0)
            return i;
    return ENTRIES;
}

/* A place for one more; where there is none, that of what ends first. */
static size_t
make_room(void)
{
    size_t first = 0;

    for (size_t i = 0; i < ENTRIES; i++) {
        if (entries[i].until == 0)
            return i;
        if (entries[i].until < entries[first].until)
            first = i;
    }
    wipe_entry(first);
    return first;
}

static cache_status
keep(const cache_question *question)
{
    size_t which = look_up(question->name);
    int64_t now = seconds_now();

    if (which < ENTRIES)
        wipe_entry(which);
    which = make_room();
    (void)mlock(answers[which], ANSWER_MOST);
    memcpy(answers[which], question->answer.data, question->answer.len);
    memcpy(entries[which].name, question->name.data, question->name.len);
    entries[which].name_len = question->name.len;
    entries[which].answer_len = question->answer.len;
    entries[which].since = now;
    /* the second that is half over counts as one */
    entries[which].until = now + question->seconds + 1;
    return CACHE_DONE;
}

static cache_status
act(helper *h, const cache_question *question, authplug_span *found)
{
    size_t which = look_up(question->name);
    bool young;

    switch (question->what) {
    case CACHE_KEEP:
        h->first = 0;
        return keep(question);
    case CACHE_FIND:
        if (which == ENTRIES)
            return CACHE_NONE;
        young =
            seconds_now() - entries[which].since <= (int64_t)question->seconds;
        *found = authplug_span_make(answers[which], entries[which].answer_len);
        if (!young)
            wipe_entry(which);
        return young ? CACHE_DONE : CACHE_NONE;
    case CACHE_DROP:
        if (which == ENTRIES)
            return CACHE_NONE;
        wipe_entry(which);
        return CACHE_DONE;
    case CACHE_CLEAR:
        wipe_all();
        h->over = true;
        return CACHE_DONE;
    }
    return CACHE_REFUSED;
}

/* ------------------------------------------------------------- the clients */

static bool
read_question(authplug_span from, cache_question *question)
{
    authplug_reader in = authplug_reader_over(from, CACHE_NAME_MOST);
    uint8_t version = authplug_get_byte(&in);

    question->what = (cache_what)authplug_get_byte(&in);
    question->seconds = authplug_get_uint32(&in);
    question->name = authplug_get_string(&in);
    question->answer = authplug_get_string(&in);
    return authplug_get_end(&in) == AUTHPLUG_OK && version == CACHE_VERSION &&
           question->seconds <= ANSWER_CACHE_MOST &&
           question->answer.len <= ANSWER_MOST;
}

/* The one packet of a client, and the reply, which it has room for. */
static void
serve(helper *h, int fd)
{
    ssize_t got = recv(fd, packet, sizeof packet, MSG_DONTWAIT | MSG_TRUNC);
    authplug_span answer = {0};
    cache_question question;
    cache_status status = CACHE_REFUSED;
    unsigned char head[6] = {CACHE_VERSION};
    struct iovec parts[2] = {{head, sizeof head}, {NULL, 0}};
    struct msghdr reply = {.msg_iov = parts, .msg_iovlen = 2};

    if (got > 0 && (size_t)got <= sizeof packet &&
        read_question(authplug_span_make(packet, (size_t)got), &question))
        status = act(h, &question, &answer);
    if (status != CACHE_DONE)
        answer.len = 0;
    head[1] = (unsigned char)status;
    head[4] = (unsigned char)(answer.len >> 8);
    head[5] = (unsigned char)answer.len;
    parts[1].iov_base = (void *)(uintptr_t)answer.data;
    parts[1].iov_len = answer.len;
    if (got > 0)
        (void)sendmsg(fd, &reply, MSG_DONTWAIT | MSG_NOSIGNAL);
    authplug_wipe(packet, sizeof packet);
}

/* Serves it if its packet is there, or its time is over. */
static void
look_at(helper *h, client *it)
{
    struct pollfd one = {it->fd, POLLIN, 0};
    bool late = io_now() >= it->deadline;

    if (it->fd < 0)
        return;
    if (poll(&one, 1, 0) > 0)
        serve(h, it->fd);
    else if (!late)
        return;
    close(it->fd);
    it->fd = -1;
}

static bool
is_ours(int fd)
{
    struct ucred who;
    socklen_t len = sizeof who;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
           who.uid == geteuid();
}

/* One more client; where there are too many, the oldest has had its time. False
 * when nobody waits. */
static bool
let_in(helper *h)
{
    int fd = accept4(0, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    client *place = &h->clients[0];

    if (fd < 0)
        return false;
    if (!is_ours(fd)) {
        close(fd);
        return true;
    }
    for (size_t i = 0; i < CLIENTS && place->fd >= 0; i++)
        if (h->clients[i].fd < 0 || h->clients[i].deadline < place->deadline)
            place = &h->clients[i];
    if (place->fd >= 0)
        close(place->fd);
    *place = (client){fd, io_deadline(CLIENT_MS)};
    /* who has said already what it wants is not in anybody's way */
    look_at(h, place);
    return true;
}

/* ----------------------------------------------------------------- the life */

/* Until something happens, or a client's time is over. */
static void
wait_for_any(helper *h)
{
    int64_t next = h->first != 0 ? h->first : INT64_MAX;
    int64_t now = io_now();
    int left = -1;

    for (size_t i = 0; i < CLIENTS; i++) {
        h->fds[FIXED + i] = (struct pollfd){h->clients[i].fd, POLLIN, 0};
        if (h->clients[i].fd >= 0 && h->clients[i].deadline < next)
            next = h->clients[i].deadline;
    }
    if (next != INT64_MAX)
        left = next <= now ? 0 : (int)(next - now);
    (void)poll(h->fds, FIXED + CLIENTS, left);
}

/* Nobody is to find us any more. False where somebody has just done so. */
static bool
leave(helper *h)
{
    int lock = cache_lock(h->place.folder, io_deadline(LOCK_MS));
    bool wanted = lock >= 0 && !h->over && let_in(h);
    struct stat is;

    if (lock >= 0 && !wanted &&
        fstatat(h->place.folder, CACHE_SOCKET, &is, AT_SYMLINK_NOFOLLOW) == 0 &&
        is.st_ino == h->socket)
        (void)unlinkat(h->place.folder, CACHE_SOCKET, 0);
    if (lock >= 0)
        close(lock);
    return !wanted;
}

static void
live(helper *h)
{
    for (;;) {
        bool any = expire(h);

        if (h->first != 0 && io_now() >= h->first)
            h->first = 0;
        if ((h->over || (!any && h->first == 0)) && leave(h))
            return;
        wait_for_any(h);
        /* TERM; or the socket is gone, and so is whoever could ask us */
        h->over = h->over || h->fds[SIGNALS].revents != 0 ||
                  h->fds[REMOVAL].revents != 0;
        if (h->fds[LISTENER].revents != 0)
            (void)let_in(h);
        for (size_t i = 0; i < CLIENTS; i++)
            look_at(h, &h->clients[i]);
    }
}

/* The folder of the socket that we were given; false where it is none. */
static bool
find_place(helper *h)
{
    socklen_t len = sizeof h->place.at;
    char path[sizeof h->place.at.sun_path + 1] = "";
    struct stat is;
    char *slash;

    if (getsockname(0, (struct sockaddr *)&h->place.at, &len) != 0 ||
        h->place.at.sun_family != AF_UNIX || fcntl(0, F_SETFL, O_NONBLOCK) != 0)
        return false;
    memcpy(path, h->place.at.sun_path, sizeof h->place.at.sun_path);
    slash = strrchr(path, '/');
    if (path[0] != '/' || strcmp(slash + 1, CACHE_SOCKET) != 0 ||
        lstat(path, &is) != 0)
        return false;
    h->socket = is.st_ino;
    h->fds[REMOVAL].fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    (void)inotify_add_watch(h->fds[REMOVAL].fd, path,
                            IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF);
    *slash = 0;
    h->place.folder =
        open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return h->place.folder >= 0;
}

int
cache_helper_run(void)
{
    static helper h = {.place.folder = -1};
    sigset_t all, end;

    if (!find_place(&h))
        return 2;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    (void)sigemptyset(&end);
    (void)sigaddset(&end, SIGTERM);
    (void)mlock(packet, sizeof packet);
    (void)madvise(answers, sizeof answers, MADV_DONTDUMP);
    for (size_t i = 0; i < CLIENTS; i++)
        h.clients[i].fd = -1;
    h.fds[LISTENER].fd = 0;
    h.fds[TIMER].fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
    h.fds[SIGNALS].fd = signalfd(-1, &end, SFD_CLOEXEC);
    for (size_t i = 0; i < FIXED; i++)
        h.fds[i].events = POLLIN;
    h.first = io_deadline(FIRST_MS);
    if (h.fds[TIMER].fd >= 0 && h.fds[SIGNALS].fd >= 0)
        live(&h);
    wipe_all();
    return 0;
}
