/* A program in a pseudo-terminal: started, read, typed to, and gone after. */
#define _GNU_SOURCE
#include "posix.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define TERM_GRACE 500
/* how often to look where the kernel cannot tell us that a process ended */
#define LOOK_EVERY 20
/* the first looks whether the program reads are closer to each other */
#define LOOK_FIRST 50000  /* ns */
#define LOOK_MOST 8000000 /* ns */

struct io_pty {
    pid_t pid;
    int master;
    int ended_fd; /* readable when the program ended; -1 if not to be had */
    char name[64];
    /* since we wrote: see is_reading() */
    bool typed;   /* and what we wrote may not have been read yet */
    bool flushed; /* input was thrown away */
};

/* ------------------------------------------------------------ the terminal */

/* No echo, no special bytes, no change to what is typed; lines all the same. */
static int
make_plain(int slave)
{
    struct termios t;

    if (tcgetattr(slave, &t) != 0)
        return -1;
    t.c_iflag = 0;
    t.c_oflag = OPOST | ONLCR;
    t.c_lflag = ICANON;
    for (size_t i = 0; i < sizeof t.c_cc / sizeof *t.c_cc; i++)
        t.c_cc[i] = _POSIX_VDISABLE;
    t.c_cc[VMIN] = 1;
    return tcsetattr(slave, TCSANOW, &t);
}

/*
 * Opens both ends; the slave is returned, or -1. In packet mode each read gives
 * a byte before the data, which tells what became of the terminal.
 */
static int
open_terminal(io_pty *pty)
{
    const struct winsize size = {.ws_row = 24, .ws_col = 512};
    int on = 1, slave = -1;

    pty->master = posix_above_standard(
        posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
    if (pty->master < 0 || grantpt(pty->master) != 0 ||
        unlockpt(pty->master) != 0 ||
        ptsname_r(pty->master, pty->name, sizeof pty->name) != 0)
        return -1;
    slave =
        posix_above_standard(open(pty->name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (slave >= 0 && make_plain(slave) == 0 &&
        ioctl(pty->master, TIOCPKT, &on) == 0) {
        (void)ioctl(slave, TIOCSWINSZ, &size);
        return slave;
    }
    if (slave >= 0)
        close(slave);
    return -1;
}

static void
close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

authplug_status
io_pty_start(const char *const *argv, const char *const *environment,
             io_pty **pty)
{
    io_pty *born = calloc(1, sizeof *born);
    posix_standard streams = {0};
    int slave, error;

    if (born == NULL)
        return AUTHPLUG_NOMEM;
    born->ended_fd = -1;
    slave = open_terminal(born);
    error = errno;
    if (slave >= 0) {
        streams.terminal = born->name;
        error = posix_spawn_program(
            argv,
            environment != NULL ? environment : (const char *const *)environ,
            &streams, &born->pid);
        close(slave);
    }
    if (slave >= 0 && error == 0) {
        born->ended_fd = posix_watch_end(born->pid);
        *pty = born;
        return AUTHPLUG_OK;
    }
    close_fd(&born->master);
    free(born);
    errno = error;
    return slave < 0 || error == ENOMEM || error == EAGAIN ? AUTHPLUG_IO
                                                           : AUTHPLUG_NOT_FOUND;
}

/* ----------------------------------------------------------------- reading */

/* What a packet says about the terminal. */
static void
note_state(io_pty *pty, unsigned char packet)
{
    pty->flushed = pty->flushed || (packet & TIOCPKT_FLUSHREAD) != 0;
}

/* What is there now: OK, with *len 0 when the terminal is nobody's; NEED_MORE
 * when there is nothing. */
static authplug_status
take(io_pty *pty, unsigned char *buffer, size_t size, size_t *len)
{
    unsigned char packet[4096];
    ssize_t got;

    for (;;) {
        got = read(pty->master, packet,
                   size < sizeof packet ? size : sizeof packet);
        if (got < 0 && errno == EAGAIN)
            return AUTHPLUG_NEED_MORE;
        if (got < 0 && errno != EINTR && errno != EIO)
            return AUTHPLUG_IO;
        if (got == 0 || (got < 0 && errno == EIO)) {
            *len = 0;
            return AUTHPLUG_OK;
        }
        if (got > 0 && packet[0] != TIOCPKT_DATA)
            note_state(pty, packet[0]);
        else if (got > 1)
            break;
    }
    *len = (size_t)got - 1;
    memcpy(buffer, packet + 1, *len);
    authplug_wipe(packet, (size_t)got);
    return AUTHPLUG_OK;
}

/* Waits for output or the program's end. */
static authplug_status
await(io_pty *pty, int64_t deadline)
{
    struct pollfd fds[2 + POSIX_SPARE] = {
        {pty->master, POLLIN, 0},
        {pty->ended_fd, POLLIN, 0},
    };
    int64_t look = io_deadline(LOOK_EVERY);
    bool blind = pty->ended_fd < 0 && look < deadline;
    authplug_status status = posix_poll(fds, 2, blind ? look : deadline, NULL);

    return status == AUTHPLUG_TIMEOUT && blind ? AUTHPLUG_OK : status;
}

authplug_status
io_pty_read(io_pty *pty, void *buffer, size_t size, size_t *len,
            int64_t deadline)
{
    authplug_status status;
    io_exit how;
    bool ended, late;

    for (;;) {
        /* a terminal may have more to tell about itself than ends a wait */
        late = io_now() >= deadline;
        /* what it wrote before its end is to be had after it */
        ended = posix_has_ended(pty->pid, &how);
        status = take(pty, buffer, size, len);
        if (status != AUTHPLUG_NEED_MORE)
            return status;
        if (ended) {
            *len = 0;
            return AUTHPLUG_OK;
        }
        status = late ? AUTHPLUG_TIMEOUT : await(pty, deadline);
        if (status != AUTHPLUG_OK)
            return status;
    }
}

/* ---------------------------------------------------------------- pausing */

/* The start of a file below /proc, of the program; false when it may not be
 * read. */
static bool
about(const io_pty *pty, const char *what, char *text, size_t size)
{
    char path[64];
    ssize_t got = -1;
    int fd;

    (void)snprintf(path, sizeof path, "/proc/%ld/%s", (long)pty->pid, what);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        got = read(fd, text, size - 1);
        close(fd);
    }
    text[got > 0 ? got : 0] = 0;
    return got > 0;
}

/* Whether the program's descriptor is the terminal. */
static bool
is_terminal(const io_pty *pty, unsigned long fd)
{
    char path[64], file[64];
    ssize_t len;

    (void)snprintf(path, sizeof path, "/proc/%ld/fd/%lu", (long)pty->pid, fd);
    len = readlink(path, file, sizeof file - 1);
    if (len < 0)
        return false;
    file[len] = 0;
    return strcmp(file, pty->name) == 0 || strcmp(file, "/dev/tty") == 0;
}

/* Whether this, from "syscall", is a read of the terminal. */
static bool
reads_terminal(const io_pty *pty, const char *text)
{
    unsigned long fd;
    long call;

    return sscanf(text, "%ld %lx", &call, &fd) == 2 && call == SYS_read &&
           is_terminal(pty, fd);
}

/* Whether what we typed was read. It reaches the terminal some time after we
 * wrote it; to ask the other end whether it can be read waits for that. */
static bool
was_read(io_pty *pty)
{
    struct pollfd slave = {
        open(pty->name, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), POLLIN, 0};

    if (slave.fd < 0)
        return false;
    if (poll(&slave, 1, 0) == 0)
        pty->typed = false;
    close(slave.fd);
    return !pty->typed;
}

/*
 * Whether the program is seen to wait for what we type. Of a process of ours
 * the kernel says in which call it is: one that we answered just now may not
 * have woken up from the read before. Of one with other rights, such as
 * passwd, it says only whether it sleeps; but who asks for a password throws
 * away first what was typed before, which the terminal tells us.
 */
static bool
is_reading(io_pty *pty)
{
    char text[256];
    const char *state;

    if (about(pty, "syscall", text, sizeof text)) {
        if (!reads_terminal(pty, text) || !pty->typed)
            return reads_terminal(pty, text);
        return was_read(pty) && about(pty, "syscall", text, sizeof text) &&
               reads_terminal(pty, text);
    }
    if (!pty->flushed || !about(pty, "stat", text, sizeof text))
        return false;
    state = strrchr(text, ')');
    return state != NULL && strncmp(state, ") S", 3) == 0;
}

/*
 * Whether there is output, or the end of it, or will be so shortly. What the
 * terminal tells about itself is no output, and wakes us up as well; it is
 * taken, and *changed then.
 */
static authplug_status
look(io_pty *pty, long ns, bool *changed)
{
    struct pollfd fds[3] = {{pty->master, POLLIN | POLLPRI, 0},
                            {pty->ended_fd, POLLIN, 0},
                            {io_signals_fd(), POLLIN, 0}};
    const struct timespec time = {0, ns};
    unsigned char packet;
    int count = ppoll(fds, 3, &time, NULL);

    *changed = false;
    if (count < 0 && errno != EINTR)
        return AUTHPLUG_IO;
    if (count > 0 && fds[2].revents != 0)
        return AUTHPLUG_CANCELLED;
    if (count > 0 && (fds[0].revents & POLLPRI) != 0) {
        if (read(pty->master, &packet, 1) == 1)
            note_state(pty, packet);
        *changed = true;
        return AUTHPLUG_OK;
    }
    return count > 0 ? AUTHPLUG_NEED_MORE : AUTHPLUG_OK;
}

authplug_status
io_pty_pause(io_pty *pty, int64_t quiet)
{
    int64_t deadline = io_deadline(quiet);
    bool reading = false, changed;
    long ns = 0;

    do {
        /* it may have written just before it began to read */
        authplug_status status = look(pty, reading ? 0 : ns, &changed);

        if (status != AUTHPLUG_OK || (reading && !changed))
            return status;
        reading = is_reading(pty);
        ns = ns == 0 ? LOOK_FIRST : ns < LOOK_MOST ? 2 * ns : ns;
    } while ((reading && !changed) || io_now() < deadline);
    return AUTHPLUG_OK;
}

/* ----------------------------------------------------------------- typing */

authplug_status
io_pty_write(io_pty *pty, authplug_span bytes, int64_t deadline)
{
    pty->flushed = false;
    pty->typed = true;
    while (bytes.len > 0) {
        struct pollfd fds[1 + POSIX_SPARE] = {{pty->master, POLLOUT, 0}};
        ssize_t done = posix_write(pty->master, bytes.data, bytes.len);
        authplug_status status;

        if (done < 0 && errno != EAGAIN && errno != EINTR)
            return AUTHPLUG_IO;
        if (done > 0) {
            bytes.data += done;
            bytes.len -= (size_t)done;
            continue;
        }
        status = posix_poll(fds, 1, deadline, NULL);
        if (status != AUTHPLUG_OK)
            return status;
    }
    return AUTHPLUG_OK;
}

/* ----------------------------------------------------------------- ending */

/* Waits for its end, reading and dropping what it still writes; at most until
 * a signal came, if it counts. */
static bool
has_ended_by(io_pty *pty, int64_t deadline, bool signals, io_exit *how)
{
    unsigned char rest[4096];
    int master = pty->master;
    size_t len;

    while (!posix_has_ended(pty->pid, how)) {
        struct pollfd fds[3] = {{pty->ended_fd, POLLIN, 0},
                                {master, POLLIN, 0},
                                {signals ? io_signals_fd() : -1, POLLIN, 0}};
        int64_t left = deadline - io_now();

        if (left <= 0 || (signals && io_signals_caught() != 0))
            return false;
        (void)poll(fds, 3, left < LOOK_EVERY ? (int)left : LOOK_EVERY);
        if (fds[1].revents == 0)
            continue;
        len = 0;
        if (take(pty, rest, sizeof rest, &len) != AUTHPLUG_NEED_MORE &&
            len == 0)
            master = -1; /* nobody's */
        authplug_wipe(rest, len);
    }
    return true;
}

void
io_pty_finish(io_pty **pty, int64_t grace, io_exit *how)
{
    io_exit result = {false, -1, 0, false};
    io_pty *p = *pty;
    bool ended, by_itself;

    if (p == NULL)
        return;
    by_itself = ended = has_ended_by(p, io_deadline(grace), true, &result);
    close_fd(&p->master); /* which is a SIGHUP to who is there */
    if (!ended) {
        kill(-p->pid, SIGTERM);
        kill(-p->pid, SIGCONT);
        if (!has_ended_by(p, io_deadline(TERM_GRACE), false, &result))
            kill(-p->pid, SIGKILL);
        ended = has_ended_by(p, io_deadline(TERM_GRACE), false, &result);
    }
    /* not reaped yet, so that the group's number is still ours */
    if (result.known)
        kill(-p->pid, SIGKILL);
    if (ended)
        (void)waitpid(p->pid, NULL, WNOHANG);
    close_fd(&p->ended_fd);
    free(p);
    *pty = NULL;
    result.killed = !by_itself;
    if (how != NULL)
        *how = result;
}
