/*
 * client/askpass.h - stock ssh asks, a plugin answers: `authplug askpass`.
 *
 *   askpass.c          the broker: its loop, and what it does about signals
 *   askpass_command.c  the command that it starts
 *   askpass_callers.c  who may ask: its socket, and the helpers that connect
 *   askpass_tellers.c  a process for the conversation of each ssh
 *   askpass_peer.c     whether who asks was started by the command
 *   askpass_target.c   whom an ssh logs in to, and what of a prompt is the
 *                      server's
 *   askpass_talk.c     one ssh's conversation with its plugin and the user
 *   askpass_watch.c    what it does for a helper that was killed
 *   askpass_wire.c     messages between these, and questions for the user
 *   askpass_main.c     the program that ssh starts for each prompt
 *
 * ssh starts that program with the prompt as its only argument and takes the
 * first line of its output. It connects to the broker's socket; the broker
 * looks who it is and hands the connection to the conversation of its ssh.
 * Without libssh.
 */
#ifndef CLIENT_ASKPASS_H
#define CLIENT_ASKPASS_H

#include <authplug/ki.h>
#include <authplug/secret.h>

#include "io/io.h"

#include <sys/types.h>
#include <termios.h>

#define ASKPASS "authplug askpass"

/* Names the broker's socket: a place, which is no secret. */
#define ASKPASS_VARIABLE "AUTHPLUG_ASKPASS"

/* Random bytes of GO, which the helper's first message begins with: so it was
 * sent after the broker had looked who the helper is. */
#define ASKPASS_NONCE 16

/* ssh reads 1023 bytes of an answer. */
#define ASKPASS_ANSWER_MAX 1023

typedef struct askpass_options {
    const char *plugin; /* a command line, or NULL */
    bool plugin_given;  /* if only that there is none */
    bool batch;
    bool verbose;
    int timeout_ms; /* for a login */
    bool timeout_given;
    char **command; /* NULL at its end */
} askpass_options;

/* ------------------------------------------------------------ askpass.c */

/* Runs the command. What is to be the exit status; it ends by the signal by
 * which the command did. */
int askpass_run(const askpass_options *options);

/* ------------------------------------------------------- askpass_peer.c */

/*
 * Whether the process is below root, which is a child of ours that was not
 * waited for. Its parent is the asker; asker_fd is a pidfd of that, to be
 * closed by the caller. Good if the process is alive before and after.
 */
bool askpass_trace(pid_t pid, pid_t root, pid_t *asker, int *asker_fd);
/* Whether pid is below root at this moment. */
bool askpass_below(pid_t pid, pid_t root);
/* Whether the pidfd's process has not ended. */
bool askpass_lives(int pidfd);
bool askpass_is_ssh(pid_t pid);
/* Ends it: TERM, half a second, KILL. */
void askpass_end(int pidfd);

/* ----------------------------------------------------- askpass_target.c */

/* Whom an ssh logs in to, by its own words. Strings are owned. */
typedef struct askpass_target {
    char *user;
    char *given; /* the host as on its command line, or NULL */
    char *name;  /* that it connects to */
    char *host;  /* the name its key is kept under, without a port */
    char *shown; /* as ssh's prompts have it */
    uint32_t port;
    unsigned prompts;   /* NumberOfPasswordPrompts */
    bool local_command; /* there is one */
} askpass_target;

/* From what `ssh -G` prints. VALUE when something is missing; NOMEM. */
authplug_status askpass_target_parse(askpass_target *target,
                                     authplug_span printed);
/* Asks ssh itself: words are its command line. OK, or another status; what ssh
 * complained of is shown if tell is set. */
authplug_status askpass_target_of_words(askpass_target *target,
                                        const char *const *words, bool tell,
                                        int64_t deadline);
/* The same of a running one, and tells. */
authplug_status askpass_target_of_process(askpass_target *target, pid_t ssh,
                                          int64_t deadline);
void askpass_target_free(askpass_target *target);

/*
 * Whether ssh says of these words that the server asks them, by "(user@host) "
 * in front. What follows is put into prompt, which is empty, as the server sent
 * it, as far as can be. NOT_FOUND when they are ssh's own; NOMEM, LIMIT.
 */
authplug_status askpass_server_prompt(const askpass_target *target,
                                      authplug_span words,
                                      authplug_secret *prompt);

/* ------------------------------------------------------- askpass_wire.c */

typedef enum askpass_type {
    /* the helper to the broker, after the nonce, which the conversation does
     * not get */
    ASKPASS_PROMPT = 1, /* the prompt */
    ASKPASS_CONFIRM,    /* the same, for a yes or no */
    ASKPASS_NOTICE,     /* words that are no question */
    ASKPASS_LOGGED_IN,  /* its ssh is */
    ASKPASS_REPLY,      /* uint32 status, string KI response */
    /* to the helper */
    ASKPASS_GO,       /* uint32: milliseconds to wait at most; the nonce */
    ASKPASS_ANSWER,   /* for ssh */
    ASKPASS_NONE,     /* there is none */
    ASKPASS_QUESTION, /* for the user: see askpass_question() */
    ASKPASS_TELL,     /* the user, until ssh says that it is enough */
    ASKPASS_OWN,      /* run the user's own askpass: see there */
    /* between the broker and a conversation */
    ASKPASS_REACHED, /* ssh has a connection to its server */
    ASKPASS_FAILED,  /* its ssh has not logged in */
    /* the helper to the conversation, after OWN */
    ASKPASS_OWN_ENDED /* byte whether it answered, uint32 why it could not be
                         run, or 0 */
} askpass_type;

#define ASKPASS_BODY_MAX (400u * 1024)

typedef struct askpass_message {
    unsigned type;
    authplug_secret *body; /* made by the caller, cleared for each message */
    int fd;                /* that came along, or -1 */
    pid_t sender;          /* where the socket was told to say, or 0 */
} askpass_message;

/* One message, and a descriptor unless fd is -1. CLOSED, TIMEOUT, CANCELLED,
 * IO. */
authplug_status askpass_send(int to, askpass_type type, authplug_span body,
                             int fd, int64_t deadline);
/* The same, and LENGTH, NOMEM; COUNT when more than one descriptor came along,
 * or could not be taken: none is kept then. */
authplug_status askpass_receive(int from, askpass_message *message,
                                int64_t deadline);

/* Who asks the user: marked, but for ssh's own words. */
typedef enum askpass_source {
    ASKPASS_OF_SSH,
    ASKPASS_OF_SERVER,
    ASKPASS_OF_PLUGIN
} askpass_source;

/* Writes a question: uint32 milliseconds, byte source, string KI request. */
authplug_status askpass_question(authplug_secret *out, askpass_source source,
                                 const authplug_ki_request *request,
                                 int64_t deadline);
/* Asks it at the terminal. The statuses of user_ask(), and those of bad
 * messages. */
authplug_status askpass_ask(authplug_span question, authplug_ki_reply *reply);

/* ------------------------------------------------------ askpass_watch.c */

/* From now on the ssh is ended at the moment when the helper, the peer of the
 * socket, is gone, and all waits end as after a signal. */
void askpass_watch(int helper, int ssh_fd);
/* No more. Whether it has happened. */
bool askpass_unwatch(void);
bool askpass_gone(void);

/* The terminal's modes, while another process may change them. */
typedef struct askpass_modes {
    int fd; /* -1 for no terminal */
    struct termios before;
} askpass_modes;

void askpass_modes_keep(askpass_modes *modes);
void askpass_modes_end(askpass_modes *modes, bool restore);

/* ------------------------------------------------------- askpass_talk.c */

/* What the process of a conversation is given, and its exit status. */
typedef struct askpass_task {
    const askpass_options *options;
    const char *own_askpass; /* of the user; NULL for none */
    const char *own_require; /* SSH_ASKPASS_REQUIRE as it was, or NULL */
    bool own_first;          /* asked before the terminal is */
    pid_t ssh;               /* that asks */
    int ssh_fd;              /* its pidfd */
    int link;                /* to the broker */
    int turn;                /* locked while the user is asked */
} askpass_task;

enum { ASKPASS_TALKED = 0, ASKPASS_REFUSED = 1 };

int askpass_talk(const askpass_task *task);

#endif
