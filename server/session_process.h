/*
 * server/session_process.h - the program of a session: its terminal, its
 * environment, its start, its signals. Internal.
 */
#ifndef SERVER_SESSION_PROCESS_H
#define SERVER_SESSION_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Closes it, if it is open, and sets it to -1. */
void session_close_fd(int *fd);

/* Where the user lives, and with which shell. */
typedef struct session_account {
    const char *user; /* for LOGNAME and USER */
    char *home, *shell;
} session_account;

/* Looks up whom the process runs as; false when out of memory. */
bool session_account_load(session_account *account, const char *user);
void session_account_free(session_account *account);

/* ------------------------------------------------------------- terminals */

typedef struct session_pty {
    int master; /* does not block; -1 for none */
    int slave;  /* kept until the program has it, so that it is no hangup */
    char name[64];
} session_pty;

/* Echo is on, and all modes are the system's defaults. */
bool session_pty_open(session_pty *pty);
/* False when a size is beyond what terminals know. */
bool session_pty_resize(int master, const int size[4]);
void session_pty_close(session_pty *pty);

/* ------------------------------------------------------------ environment */

/* The most that a client may set, and how long each may be. */
#define SESSION_LOCALES 16
#define SESSION_LOCALE_NAME 32
#define SESSION_LOCALE_VALUE 128

/* LANG or LC_..., as the client sent it. */
typedef struct session_locale {
    char name[SESSION_LOCALE_NAME];
    char value[SESSION_LOCALE_VALUE];
} session_locale;

/* Takes one over, in the place of one of the same name; false when it is
 * none, has control characters, is too long, or is one too many. */
bool session_locale_add(session_locale *locales, size_t *count,
                        const char *name, const char *value);

/* --------------------------------------------------------------- programs */

typedef struct session_start {
    const session_account *account;
    const char *program; /* the path of a program without arguments, or ... */
    const char *command; /* ... a line for the shell, or NULL for a login */
    const char *client;  /* "ADDR PORT ADDR PORT" */
    const char *term;    /* with a terminal; may be empty */
    const session_locale *locales;
    size_t locale_count;
    const session_pty *pty; /* its three descriptors, or NULL for pipes */
    rlim_t memory; /* its RLIMIT_DATA, as ours is not for programs */
} session_start;

/* What was started. It leads a session and a process group of its own. */
typedef struct session_process {
    pid_t pid;
    int in, out, err; /* our ends; they do not block; err is -1 with a pty */
} session_process;

/* Gives 0 or an errno value. */
int session_process_start(const session_start *start, session_process *started);

/*
 * Whether anything of the group is ours to signal. We are to be a subreaper:
 * then whatever of it lives has one of our children in it, which keeps the
 * group's number from being somebody else's.
 */
bool session_group_lives(pid_t group);

/* The number of RFC 4254's name of a signal, 0 for unknown ones; and back, with
 * a name of ours for those that have none there. */
int session_signal_number(const char *name);
const char *session_signal_name(int number);

/* The path of the system's sftp-server, or NULL. */
const char *session_sftp_server(void);

#endif
