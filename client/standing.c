/* Connections that stand already. */
#define _GNU_SOURCE
#include "client/standing.h"

#include "client/mux_proto.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ASK_MS 2000
#define LOCK_STEP_MS 50
#define NAME_BYTES 16
#define REPLY_MAX 4096

/* -------------------------------------------------------------------- where */

/* What makes a connection another one than the next. */
static authplug_status
add_identity(authplug_secret *to, const ssh_config *config)
{
    char host[256] = "", port[16];
    const char *parts[] = {host,
                           config->user,
                           config->hostname,
                           port,
                           config->hostkeyalias,
                           config->proxycommand,
                           config->proxyjump,
                           config->bindaddress};
    authplug_status status = AUTHPLUG_OK;

    /* homes are shared between hosts, and their sockets are not */
    (void)gethostname(host, sizeof host - 1);
    (void)snprintf(port, sizeof port, "%u", (unsigned)config->port);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const char *part = parts[i] != NULL ? parts[i] : "";

        if (status == AUTHPLUG_OK)
            status = authplug_secret_append(to, part, strlen(part) + 1);
    }
    return status;
}

/* Appends "/" and 32 digits. */
static bool
add_name(char *path, size_t size, const ssh_config *config)
{
    authplug_secret *text = authplug_secret_new(65536);
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t len = strlen(path);
    bool good =
        text != NULL && add_identity(text, config) == AUTHPLUG_OK &&
        len + 2 * NAME_BYTES + 2 <= size &&
        EVP_Digest(authplug_secret_span(text).data, authplug_secret_len(text),
                   digest, NULL, EVP_sha256(), NULL) == 1;

    authplug_secret_free(&text);
    if (!good)
        return false;
    path[len++] = '/';
    for (size_t i = 0; i < NAME_BYTES; i++, len += 2)
        (void)snprintf(path + len, 3, "%02x", digest[i]);
    return true;
}

/* A process in the background is not where its user was. */
static bool
make_absolute(char *to, size_t size, const char *path)
{
    char here[4096];
    int len;

    if (path[0] == '/')
        len = snprintf(to, size, "%s", path);
    else if (getcwd(here, sizeof here) != NULL)
        len = snprintf(to, size, "%s/%s", here, path);
    else
        return false;
    return len > 0 && (size_t)len < size;
}

bool
standing_place(standing *place, const ssh_config *config)
{
    char why[256];

    *place = (standing){.lock = -1};
    if (!io_private_directory(place->name, sizeof place->name, why,
                              sizeof why)) {
        io_say(PROGRAM, "%s", why);
        return false;
    }
    if (!add_name(place->name, sizeof place->name, config)) {
        io_say(PROGRAM,
               "%s leaves no room for a socket's name: set "
               "XDG_RUNTIME_DIR to a shorter directory",
               place->name);
        return false;
    }
    if (config->controlpath == NULL) {
        memcpy(place->path, place->name, sizeof place->path);
        return true;
    }
    if (make_absolute(place->path, sizeof place->path, config->controlpath))
        return true;
    io_say(PROGRAM,
           "%s is too long for a socket's path: choose a shorter "
           "ControlPath",
           config->controlpath);
    return false;
}

/* --------------------------------------------------------------------- asks */

static int
connect_to(const char *path, standing_state *state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer;
    struct stat st;
    socklen_t len = sizeof peer;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    *state = STANDING_NONE;
    if (fd < 0)
        return -1;
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
            peer.uid == geteuid())
            return fd;
        *state = STANDING_FOREIGN;
    } else if (errno == EAGAIN) {
        *state = STANDING_MUTE; /* its queue is full */
    } else if (errno != ENOENT &&
               (errno != ECONNREFUSED || stat(path, &st) != 0 ||
                !S_ISSOCK(st.st_mode))) {
        *state = STANDING_FOREIGN;
    }
    close(fd);
    return -1;
}

/* Reads one packet behind its length. */
static bool
read_packet(int fd, authplug_secret *packet, int64_t deadline)
{
    size_t need = 4;
    unsigned char byte;
    authplug_reader reader;

    authplug_secret_clear(packet);
    while (authplug_secret_len(packet) < need) {
        ssize_t got;

        if (io_wait(fd, true, false, deadline) != AUTHPLUG_OK)
            return false;
        got = recv(fd, &byte, 1, 0); /* no byte of the next */
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got <= 0 || authplug_secret_append(packet, &byte, 1) != AUTHPLUG_OK)
            return false;
        if (authplug_secret_len(packet) != 4)
            continue;
        reader = authplug_reader_over(authplug_secret_span(packet), REPLY_MAX);
        need += authplug_get_uint32(&reader);
        if (need > REPLY_MAX)
            return false;
    }
    authplug_secret_drop(packet, 4);
    return true;
}

static bool
ask_alive(int fd, uint32_t *pid)
{
    int64_t deadline = io_deadline(ASK_MS);
    authplug_secret *packet = authplug_secret_new(REPLY_MAX);
    authplug_span bytes;
    authplug_reader reader;
    bool good = packet != NULL && mux_put_hello(packet) == AUTHPLUG_OK &&
                mux_put_alive_check(packet, 1) == AUTHPLUG_OK;

    if (good) {
        bytes = authplug_secret_span(packet);
        good =
            send(fd, bytes.data, bytes.len, MSG_NOSIGNAL) == (ssize_t)bytes.len;
    }
    good = good && read_packet(fd, packet, deadline);
    reader = authplug_reader_over(
        good ? authplug_secret_span(packet) : authplug_span_make(NULL, 0), 0);
    good = good && authplug_get_uint32(&reader) == MUX_HELLO &&
           authplug_get_uint32(&reader) == MUX_VERSION &&
           reader.status == AUTHPLUG_OK && read_packet(fd, packet, deadline);
    reader = authplug_reader_over(
        good ? authplug_secret_span(packet) : authplug_span_make(NULL, 0), 0);
    good = good && authplug_get_uint32(&reader) == MUX_S_ALIVE &&
           authplug_get_uint32(&reader) == 1;
    *pid = good ? authplug_get_uint32(&reader) : 0;
    good = good && reader.status == AUTHPLUG_OK;
    authplug_secret_free(&packet);
    return good;
}

standing_state
standing_ask(const char *path, pid_t *pid)
{
    standing_state state;
    uint32_t number = 0;
    int fd = connect_to(path, &state);

    if (fd >= 0) {
        state = ask_alive(fd, &number) ? STANDING_ALIVE : STANDING_MUTE;
        close(fd);
    }
    if (pid != NULL)
        *pid = (pid_t)number;
    return state;
}

void
standing_wait(const char *path)
{
    standing_state state;
    char bytes[256];
    int fd = connect_to(path, &state);
    authplug_secret *hello = authplug_secret_new(REPLY_MAX);

    if (fd >= 0 && hello != NULL && mux_put_hello(hello) == AUTHPLUG_OK &&
        send(fd, authplug_secret_span(hello).data, authplug_secret_len(hello),
             MSG_NOSIGNAL) > 0) {
        struct pollfd one = {fd, POLLIN, 0};

        /* it only ever says hello */
        while (poll(&one, 1, -1) < 0 || recv(fd, bytes, sizeof bytes, 0) > 0)
            ;
    }
    authplug_secret_free(&hello);
    if (fd >= 0)
        close(fd);
}

/* Where the link at a path leads; "" where it is none. */
static void
read_link(const char *path, char target[MUX_PATH_MAX])
{
    ssize_t len = readlink(path, target, MUX_PATH_MAX - 1);

    target[len > 0 ? len : 0] = 0;
}

/* The digits of a socket in a directory of ours, or NULL where a link leads to
 * something else. */
static const char *
digits_of(const char *target)
{
    static const char *const folders[] = {"/authplug", "/.authplug"};
    const char *slash = strrchr(target, '/');

    if (slash == NULL || strlen(slash + 1) != (size_t)2 * NAME_BYTES ||
        strspn(slash + 1, "0123456789abcdef") != (size_t)2 * NAME_BYTES)
        return NULL;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        size_t len = strlen(folders[i]);

        if ((size_t)(slash - target) >= len &&
            memcmp(slash - len, folders[i], len) == 0)
            return slash + 1;
    }
    return NULL;
}

bool
standing_elsewhere(const standing *place)
{
    char target[MUX_PATH_MAX];
    const char *digits;

    read_link(place->path, target);
    digits = digits_of(target);
    /* the same digits say the same target, whatever the directory */
    return digits != NULL && strcmp(digits, strrchr(place->name, '/') + 1) != 0;
}

const char *
standing_path(const standing *place)
{
    if (standing_ask(place->name, NULL) == STANDING_ALIVE)
        return place->name;
    /* that of somebody else, which the user names */
    if (strcmp(place->path, place->name) != 0 && !standing_elsewhere(place) &&
        standing_ask(place->path, NULL) == STANDING_ALIVE)
        return place->path;
    return NULL;
}

/* --------------------------------------------------------------------- lock */

bool
standing_lock(standing *place, int64_t deadline, bool *waited)
{
    char path[MUX_PATH_MAX + 8];

    *waited = false;
    (void)snprintf(path, sizeof path, "%s.lock", place->name);
    place->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (place->lock < 0) {
        io_say(PROGRAM, "cannot make %s: %s", path, strerror(errno));
        return false;
    }
    while (flock(place->lock, LOCK_EX | LOCK_NB) != 0) {
        struct pollfd bell = {io_signals_fd(), POLLIN, 0};

        if (errno != EWOULDBLOCK && errno != EINTR) {
            io_say(PROGRAM, "cannot lock %s: %s", path, strerror(errno));
            return false;
        }
        if (!*waited && io_terminal())
            io_say(PROGRAM, "another process makes this connection: waiting "
                            "for it");
        *waited = true;
        if (io_now() >= deadline) {
            io_say(PROGRAM, "another process makes this connection, and is "
                            "not done: finish its login, or end it");
            return false;
        }
        if (poll(&bell, 1, LOCK_STEP_MS) > 0)
            return false;
    }
    return true;
}

void
standing_unlock(standing *place)
{
    if (place->lock >= 0)
        close(place->lock);
    place->lock = -1;
}

/* -------------------------------------------------------------------- notes */

/*
 * Beside a socket is a file of the words by which it was asked for: each time
 * their length, and the words with a NUL behind each.
 */
#define NOTE ".asked"
#define NOTE_PATH (MUX_PATH_MAX + sizeof NOTE)
#define NOTES_MOST 65536

static void
forget_notes(const standing *place)
{
    char path[NOTE_PATH];

    (void)snprintf(path, sizeof path, "%s" NOTE, place->name);
    (void)unlink(path);
}

/* One entry; NULL when it is too long, or out of memory. */
static authplug_secret *
entry_of(const char *const *words)
{
    authplug_secret *entry = authplug_secret_new(NOTES_MOST / 4);
    authplug_writer writer = authplug_writer_to(entry);
    size_t mark;

    if (entry == NULL)
        return NULL;
    mark = authplug_put_open(&writer);
    for (; *words != NULL; words++)
        authplug_put_bytes(&writer,
                           authplug_span_make(*words, strlen(*words) + 1));
    authplug_put_close(&writer, mark);
    if (writer.status != AUTHPLUG_OK)
        authplug_secret_free(&entry);
    return entry;
}

static bool
has_entry(int fd, authplug_span entry)
{
    unsigned char *notes = malloc(NOTES_MOST);
    ssize_t got = notes != NULL ? read(fd, notes, NOTES_MOST) : 0;
    authplug_reader reader = authplug_reader_over(
        authplug_span_make(notes, got > 0 ? (size_t)got : 0), NOTES_MOST);
    bool found = false;

    while (!found && reader.status == AUTHPLUG_OK) {
        authplug_span one = authplug_get_string(&reader);

        found = reader.status == AUTHPLUG_OK && one.len + 4 == entry.len &&
                memcmp(one.data, entry.data + 4, one.len) == 0;
    }
    free(notes);
    return found;
}

/* What a link leads to in the directory of our sockets; false if elsewhere. */
static bool
is_in_our_folder(const char *target)
{
    char folder[MUX_PATH_MAX], why[256];
    size_t len;

    if (digits_of(target) == NULL ||
        !io_private_directory(folder, sizeof folder, why, sizeof why))
        return false;
    len = strlen(folder);
    return strncmp(target, folder, len) == 0 &&
           target + len == strrchr(target, '/');
}

bool
standing_noted(const char *path, const char *const *words)
{
    char note[NOTE_PATH], target[MUX_PATH_MAX];
    authplug_secret *entry;
    bool found;
    int fd;

    read_link(path, target);
    if (!is_in_our_folder(target))
        return false;
    (void)snprintf(note, sizeof note, "%s" NOTE, target);
    fd = open(note, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    entry = entry_of(words);
    found = entry != NULL && has_entry(fd, authplug_secret_span(entry));
    authplug_secret_free(&entry);
    close(fd);
    return found;
}

/* Takes away those of sockets that are gone. */
static void
sweep(const char *name)
{
    char folder[MUX_PATH_MAX];
    DIR *dir;

    (void)snprintf(folder, sizeof folder, "%.*s",
                   (int)(strrchr(name, '/') - name), name);
    dir = opendir(folder);
    for (struct dirent *one; dir != NULL && (one = readdir(dir)) != NULL;) {
        char note[sizeof one->d_name];
        char *end = strrchr(one->d_name, '.');

        if (end == NULL || strcmp(end, NOTE) != 0)
            continue;
        memcpy(note, one->d_name, strlen(one->d_name) + 1);
        *end = 0;
        if (faccessat(dirfd(dir), one->d_name, F_OK, 0) != 0 && errno == ENOENT)
            (void)unlinkat(dirfd(dir), note, 0);
    }
    if (dir != NULL)
        (void)closedir(dir);
}

void
standing_note(const standing *place, const char *const *words)
{
    char path[NOTE_PATH], target[MUX_PATH_MAX];
    authplug_secret *entry;
    struct stat st;
    int fd;

    read_link(place->path, target);
    if (strcmp(target, place->name) != 0)
        return;
    sweep(place->name);
    (void)snprintf(path, sizeof path, "%s" NOTE, place->name);
    fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return; /* the next time is slower, and no worse */
    entry = entry_of(words);
    if (entry != NULL && !has_entry(fd, authplug_secret_span(entry)) &&
        fstat(fd, &st) == 0 &&
        (size_t)st.st_size + authplug_secret_len(entry) <= NOTES_MOST)
        (void)!write(fd, authplug_secret_span(entry).data,
                     authplug_secret_len(entry));
    authplug_secret_free(&entry);
    close(fd);
}

/* ------------------------------------------------------------------ publish */

/* Whether nobody but us and root can change what a directory's name means. In
 * one that is sticky others may make names, and not take ours. */
static bool
is_ours(const char *folder)
{
    struct stat st;

    if (lstat(folder, &st) != 0 || (st.st_uid != geteuid() && st.st_uid != 0))
        return false;
    return S_ISLNK(st.st_mode) || (st.st_mode & 022) == 0 ||
           (st.st_mode & S_ISVTX) != 0;
}

/* The same of all the directories above a path, as it is written. */
static bool
are_ours(const char *path)
{
    char folder[4096];

    for (const char *slash = strchr(path, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        size_t len = slash == path ? 1 : (size_t)(slash - path);

        if (len >= sizeof folder)
            return false;
        memcpy(folder, path, len);
        folder[len] = 0;
        if (!is_ours(folder))
            return false;
    }
    return true;
}

bool
standing_safe(const standing *place)
{
    char folder[MUX_PATH_MAX], real[4096 + 2], *slash;
    bool good;

    if (strcmp(place->path, place->name) == 0)
        return true;
    memcpy(folder, place->path, sizeof folder);
    slash = strrchr(folder, '/');
    slash[slash == folder] = 0;
    good = realpath(folder, real) != NULL;
    if (good) {
        memcpy(real + strlen(real), "/", 2);
        good = are_ours(place->path) && are_ours(real);
    }
    if (good && access(folder, W_OK) == 0)
        return true;
    io_say(PROGRAM,
           "%s is not in a directory where only you can make it: make one "
           "with mkdir -m 700",
           place->path);
    return false;
}

bool
standing_link(const standing *place)
{
    char target[MUX_PATH_MAX];
    int tries = 3;

    if (strcmp(place->path, place->name) == 0)
        return true;
    while (symlink(place->name, place->path) != 0) {
        if (errno == EEXIST) {
            read_link(place->path, target);
            if (strcmp(target, place->name) == 0)
                return true;
            /* never over what somebody serves, or what is no socket */
            if (--tries > 0 &&
                standing_ask(place->path, NULL) == STANDING_NONE &&
                unlink(place->path) == 0)
                continue;
            errno = EEXIST;
        }
        io_say(PROGRAM, "cannot make %s: %s: choose another path with -S",
               place->path, strerror(errno));
        return false;
    }
    return true;
}

void
standing_unlink(const standing *place)
{
    char target[MUX_PATH_MAX];

    read_link(place->path, target);
    if (strcmp(target, place->name) == 0)
        (void)unlink(place->path);
}

bool
standing_publish(const standing *place, const char *socket)
{
    int tries = 3;

    forget_notes(place); /* of one before, when other things may have applied */
    /* never over a socket that somebody serves */
    while (link(socket, place->name) != 0) {
        if (errno == EEXIST && --tries > 0 &&
            standing_ask(place->name, NULL) == STANDING_NONE &&
            unlink(place->name) == 0)
            continue;
        io_say(PROGRAM, "cannot make %s: %s: remove what is there", place->name,
               strerror(errno));
        return false;
    }
    (void)unlink(socket);
    return standing_link(place);
}

void
standing_tidy(const standing *place)
{
    char target[MUX_PATH_MAX];

    if (standing_ask(place->name, NULL) == STANDING_NONE) {
        forget_notes(place);
        (void)unlink(place->name);
    }
    read_link(place->path, target);
    if (digits_of(target) != NULL &&
        standing_ask(place->path, NULL) == STANDING_NONE)
        (void)unlink(place->path);
}
