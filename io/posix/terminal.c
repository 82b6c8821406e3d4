/* Asking the user at the terminal, which is left as it was found. */
#define _GNU_SOURCE
#include "posix.h"

#include <authplug/text.h>

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static int
open_terminal(void)
{
    return posix_above_standard(
        open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
}

bool
io_terminal(void)
{
    int fd = open_terminal();

    if (fd < 0)
        return false;
    close(fd);
    return true;
}

unsigned
io_terminal_width(void)
{
    struct winsize size = {0};
    int fd = open_terminal();

    if (fd >= 0) {
        (void)ioctl(fd, TIOCGWINSZ, &size);
        close(fd);
    }
    return size.ws_col > 0 ? size.ws_col : 80;
}

unsigned
io_text_flags(void)
{
    static bool asked;

    /* a locale is what costs most at the start: only who shows text has one */
    if (!asked)
        (void)setlocale(LC_CTYPE, "");
    asked = true;
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? AUTHPLUG_TEXT_UTF8 : 0;
}

static void
put(int fd, authplug_span text)
{
    while (text.len > 0) {
        ssize_t done = posix_write(fd, text.data, text.len);

        if (done <= 0)
            return;
        text.data += done;
        text.len -= (size_t)done;
    }
}

void
io_tell(authplug_span text)
{
    int fd = open_terminal();

    put(fd >= 0 ? fd : STDERR_FILENO, text);
    if (fd >= 0)
        close(fd);
}

void
io_note(authplug_span text)
{
    put(STDERR_FILENO, text);
}

/* ------------------------------------------- the terminal while it is asked */

/* Stops that the user may ask for, and crashes: the terminal first. */
static const int extra[] = {SIGTSTP, SIGTTIN, SIGTTOU, SIGSEGV,   SIGBUS,
                            SIGFPE,  SIGILL,  SIGABRT, SIGALRM,   SIGPIPE,
                            SIGUSR1, SIGUSR2, SIGXCPU, SIGXFSZ,   SIGSYS,
                            SIGPROF, SIGTRAP, SIGVTALRM};
#define EXTRA (sizeof extra / sizeof *extra)
#define STOPS 3u

static struct {
    int fd;
    bool changed; /* the terminal differs from `before` */
    struct termios before;
    struct sigaction actions[EXTRA];
} tty = {.fd = -1};

static volatile sig_atomic_t stopped;

static void
on_stop(int number)
{
    stopped = number;
}

static void
on_crash(int number)
{
    if (tty.changed)
        tcsetattr(tty.fd, TCSANOW, &tty.before);
    signal(number, SIG_DFL);
    raise(number);
}

static void
watch(void)
{
    struct sigaction action = {0};

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < EXTRA; i++) {
        action.sa_handler = i < STOPS ? on_stop : on_crash;
        sigaction(extra[i], NULL, &tty.actions[i]);
        if (i < STOPS || tty.actions[i].sa_handler == SIG_DFL)
            sigaction(extra[i], &action, NULL);
    }
}

static void
unwatch(void)
{
    for (size_t i = 0; i < EXTRA; i++)
        sigaction(extra[i], &tty.actions[i], NULL);
}

/* tcsetattr() in the background stops us or fails until we are back. */
static bool
set_terminal(const struct termios *to, int when)
{
    while (tcsetattr(tty.fd, when, to) != 0)
        if (errno != EINTR || stopped != 0)
            return false;
    return true;
}

static bool
echo_off(bool echo)
{
    struct termios quiet;

    if (tcgetattr(tty.fd, &tty.before) != 0)
        return false;
    quiet = tty.before;
    quiet.c_lflag |= ICANON | ISIG;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    if (echo)
        quiet.c_lflag |= ECHO;
    tty.changed = true;
    return set_terminal(&quiet, TCSAFLUSH);
}

static void
put_right(void)
{
    if (tty.changed)
        (void)set_terminal(&tty.before, TCSAFLUSH);
    tty.changed = false;
}

/* The user stopped us: stop as one does, and ask again when back. */
static bool
stop_and_return(authplug_span prompt, bool echo)
{
    int number = stopped;

    put_right();
    unwatch();
    stopped = 0;
    raise(number);
    watch();
    if (!echo_off(echo) && stopped == 0)
        return false;
    put(tty.fd, prompt);
    return true;
}

/* A poll that a stop signal ends, without a moment in which it is missed. */
static authplug_status
await(int64_t deadline)
{
    struct pollfd fds[1 + POSIX_SPARE] = {{tty.fd, POLLIN, 0}};

    for (;;) {
        /* a stop between this test and the poll is seen a moment later */
        int64_t until = io_deadline(200);
        authplug_status status;

        if (stopped != 0)
            return AUTHPLUG_OK;
        status = posix_poll(fds, 1, until < deadline ? until : deadline,
                            NULL);
        if (status != AUTHPLUG_TIMEOUT)
            return status;
        if (io_now() >= deadline)
            return AUTHPLUG_TIMEOUT;
    }
}

/* The longest line a terminal passes whole; it drops what is beyond. */
#define LONGEST_LINE 4095

/* Appends what is there; OK once the line is complete. */
static authplug_status
take(authplug_secret *answer)
{
    char part[LONGEST_LINE + 1];
    ssize_t got = read(tty.fd, part, sizeof part);
    authplug_status status = AUTHPLUG_NEED_MORE;
    bool whole = got > 0 && part[got - 1] == '\n';

    if (got < 0 && errno != EINTR && errno != EAGAIN)
        status = AUTHPLUG_IO;
    else if (got == 0)
        status = AUTHPLUG_CANCELLED;
    else if (got > 0)
        status = authplug_secret_append(answer, part, (size_t)got - whole);
    authplug_wipe(part, sizeof part);
    if (status != AUTHPLUG_OK)
        return status;
    if (authplug_secret_len(answer) >= LONGEST_LINE)
        return AUTHPLUG_LENGTH;
    return whole ? AUTHPLUG_OK : AUTHPLUG_NEED_MORE;
}

static authplug_status
read_line(authplug_span prompt, bool echo, authplug_secret *answer,
          int64_t deadline)
{
    authplug_status status = AUTHPLUG_NEED_MORE;

    while (status == AUTHPLUG_NEED_MORE) {
        status = await(deadline);
        if (status != AUTHPLUG_OK)
            return status;
        if (stopped == 0) {
            status = take(answer);
        } else {
            authplug_secret_clear(answer);
            status = stop_and_return(prompt, echo) ? AUTHPLUG_NEED_MORE
                                                   : AUTHPLUG_IO;
        }
    }
    return status;
}

authplug_status
io_ask(authplug_span prompt, bool echo, authplug_secret *answer,
       int64_t deadline)
{
    authplug_status status = AUTHPLUG_IO;

    tty.fd = open_terminal();
    if (tty.fd < 0)
        return AUTHPLUG_NO_TERMINAL;
    io_signals_begin();
    stopped = 0;
    watch();
    authplug_secret_clear(answer);
    if (echo_off(echo) || stopped != 0) {
        put(tty.fd, prompt);
        status = read_line(prompt, echo, answer, deadline);
        if (!echo || status != AUTHPLUG_OK)
            put(tty.fd, authplug_span_of("\n"));
    }
    put_right();
    unwatch();
    close(tty.fd);
    tty.fd = -1;
    if (status != AUTHPLUG_OK)
        authplug_secret_clear(answer);
    io_signals_end();
    return status;
}
