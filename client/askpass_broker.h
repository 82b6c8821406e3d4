/*
 * client/askpass_broker.h - what the files of the broker share, and nobody
 * else includes. Each of them names what it has for the loop in askpass.c; none
 * of them knows another, or the broker.
 */
#ifndef CLIENT_ASKPASS_BROKER_H
#define CLIENT_ASKPASS_BROKER_H

#include "client/askpass.h"

#include <signal.h>
#include <sys/un.h>
#include <unistd.h>

#define ASKPASS_HELPER_SIZE 4096
#define ASKPASS_CALLERS 64
#define ASKPASS_TELLERS 256

static inline void
askpass_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---------------------------------------------------- askpass_command.c */

/* The path of authplug-askpass. False after saying why. */
bool askpass_find_helper(char path[ASKPASS_HELPER_SIZE]);

/* What ssh would do about SSH_ASKPASS by itself, which our environment says. */
void askpass_keep_own(askpass_task *task);

typedef struct askpass_command {
    char **words;         /* as given; NULL at their end */
    const char *helper;   /* that ssh starts for a prompt */
    const char *socket;   /* that this one connects to */
    const sigset_t *mask; /* of signals, as it was */
} askpass_command;

/* Its pid, or -1 after saying why. reports says whether it is an ssh that tells
 * when it has logged in. */
pid_t askpass_command_start(const askpass_command *command, bool *reports);

/* ---------------------------------------------------- askpass_callers.c */

/* A helper that has connected and was found to be ours. */
typedef struct askpass_caller {
    int fd; /* -1 for a free place */
    pid_t pid;
    int held; /* its pidfd */
    pid_t asker;
    int asker_fd;
    unsigned char nonce[ASKPASS_NONCE];
    int64_t deadline;
} askpass_caller;

typedef struct askpass_callers {
    const askpass_options *options;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    int listener;        /* -1 before it listens */
    int64_t rests_until; /* the listener, for want of descriptors */
    askpass_caller all[ASKPASS_CALLERS];
} askpass_callers;

/* Listens at a path that is made up here. False after saying why. */
bool askpass_callers_listen(askpass_callers *callers,
                            const askpass_options *options);

/* Somebody connects, who gets a place if the command, a child of ours, is above
 * them. */
void askpass_callers_accept(askpass_callers *callers, pid_t command);

/* What the caller wants, its nonce taken away. NEED_MORE while it has time to
 * say so; else, and afterwards, it is to be dropped. */
authplug_status askpass_caller_hear(const askpass_caller *caller,
                                    askpass_message *message);
void askpass_caller_drop(askpass_caller *caller);

/* In a new process, which is not to have what they are. */
void askpass_callers_leave(askpass_callers *callers);

/* Nobody can connect any more. */
void askpass_callers_end(askpass_callers *callers);

/* ---------------------------------------------------- askpass_tellers.c */

/* The process that talks for one ssh. */
typedef struct askpass_teller {
    pid_t ssh; /* 0 for a free place */
    int ssh_fd;
    pid_t pid; /* 0 when it has ended */
    int link;  /* -1 when it was told to end */
    int64_t end_by;
    bool urged;     /* TERM was sent */
    bool logged_in; /* its ssh is */
} askpass_teller;

typedef struct askpass_tellers {
    pid_t reporter; /* the ssh that tells when it has logged in, or 0 */
    askpass_teller all[ASKPASS_TELLERS];
} askpass_tellers;

/*
 * The one of an ssh; NULL when there cannot be one. For a new one, which takes
 * over the pidfd, the call returns in the new process as well, as fork() does:
 * link is its end of the link there, and -1 in the broker.
 */
askpass_teller *askpass_teller_of(askpass_tellers *tellers, pid_t ssh,
                                  int *ssh_fd, int *link);

/* In that process, which is not to have what is of the others. */
void askpass_tellers_leave(askpass_tellers *tellers,
                           const askpass_teller *mine);

/* It says that its ssh is asked by the server; or it is gone. */
void askpass_teller_hear(askpass_tellers *tellers, askpass_teller *teller,
                         askpass_message *message);

/* Somebody says that the ssh is logged in. */
void askpass_tellers_login(askpass_tellers *tellers, pid_t ssh);

/* Its conversation has come to an end, of which it may be told the outcome. */
void askpass_teller_end(askpass_tellers *tellers, askpass_teller *teller);

/* Urges one that does not end by its time, and frees the place of one that is
 * of no use any more; over is whether the command has ended. */
void askpass_teller_tend(askpass_teller *teller, bool over);

/* A child of ours has ended. Whether it is one that has refused a login. */
bool askpass_tellers_reaped(askpass_tellers *tellers, pid_t pid, int status);

bool askpass_tellers_remain(const askpass_tellers *tellers);

#endif
