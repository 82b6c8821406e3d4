/* The conversations: a process for each ssh that asks. */
#define _GNU_SOURCE
#include "client/askpass_broker.h"

#include <sys/socket.h>

/* for a conversation to end: by itself, after TERM */
#define END_MS 1500
#define TERM_MS 2500

askpass_teller *
askpass_teller_of(askpass_tellers *tellers, pid_t ssh, int *ssh_fd, int *link)
{
    askpass_teller *room = NULL;
    int ends[2];

    *link = -1;
    for (size_t i = 0; i < ASKPASS_TELLERS; i++) {
        askpass_teller *t = &tellers->all[i];

        if (t->ssh == ssh && askpass_lives(t->ssh_fd))
            return t;
        if (t->ssh == 0 && room == NULL)
            room = t;
    }
    if (room == NULL ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                   ends) != 0)
        return NULL;
    *room = (askpass_teller){.ssh = ssh, .ssh_fd = *ssh_fd, .link = ends[0]};
    *ssh_fd = -1;
    room->pid = fork();
    if (room->pid == 0) {
        askpass_close(&room->link);
        *link = ends[1];
        return room;
    }
    close(ends[1]);
    if (room->pid < 0)
        room->pid = 0;
    return room;
}

void
askpass_tellers_leave(askpass_tellers *tellers, const askpass_teller *mine)
{
    for (size_t i = 0; i < ASKPASS_TELLERS; i++) {
        askpass_teller *t = &tellers->all[i];

        if (t == mine || t->ssh == 0)
            continue;
        askpass_close(&t->ssh_fd);
        askpass_close(&t->link);
    }
}

void
askpass_teller_end(askpass_tellers *tellers, askpass_teller *t)
{
    if (t->link < 0)
        return;
    if (t->ssh == tellers->reporter && !t->logged_in)
        (void)askpass_send(t->link, ASKPASS_FAILED, authplug_span_of(""), -1,
                           io_now());
    askpass_close(&t->link);
    t->end_by = io_deadline(END_MS);
}

static void
is_logged_in(askpass_teller *t)
{
    if (t->link < 0 || t->logged_in)
        return;
    t->logged_in = true;
    (void)askpass_send(t->link, ASKPASS_LOGGED_IN, authplug_span_of(""), -1,
                       io_now());
}

/* An ssh that is connected has come through all that are below it: they are
 * the hops on its way. */
static void
has_reached(askpass_tellers *tellers, pid_t ssh)
{
    for (size_t i = 0; i < ASKPASS_TELLERS; i++) {
        askpass_teller *t = &tellers->all[i];

        if (t->ssh != 0 && t->ssh != ssh && askpass_below(t->ssh, ssh))
            is_logged_in(t);
    }
}

/* Nobody says so but the ssh that was told to. */
void
askpass_tellers_login(askpass_tellers *tellers, pid_t ssh)
{
    if (ssh != tellers->reporter || !askpass_is_ssh(ssh))
        return;
    has_reached(tellers, ssh);
    for (size_t i = 0; i < ASKPASS_TELLERS; i++)
        if (tellers->all[i].ssh == ssh)
            is_logged_in(&tellers->all[i]);
}

void
askpass_teller_hear(askpass_tellers *tellers, askpass_teller *t,
                    askpass_message *message)
{
    authplug_status status = askpass_receive(t->link, message, io_now());

    if (message->fd >= 0)
        close(message->fd);
    if (status == AUTHPLUG_OK && message->type == ASKPASS_REACHED)
        has_reached(tellers, t->ssh);
    else if (status != AUTHPLUG_TIMEOUT)
        askpass_teller_end(tellers, t);
}

void
askpass_teller_tend(askpass_teller *t, bool over)
{
    if (t->pid != 0 && t->link < 0 && io_now() >= t->end_by) {
        kill(t->pid, t->urged ? SIGKILL : SIGTERM);
        t->urged = true;
        t->end_by = io_deadline(TERM_MS);
    }
    if (t->pid == 0 && t->ssh != 0 && (over || !askpass_lives(t->ssh_fd))) {
        askpass_close(&t->ssh_fd);
        askpass_close(&t->link);
        t->ssh = 0;
    }
}

bool
askpass_tellers_reaped(askpass_tellers *tellers, pid_t pid, int status)
{
    for (size_t i = 0; i < ASKPASS_TELLERS; i++) {
        askpass_teller *t = &tellers->all[i];

        if (t->ssh == 0 || t->pid != pid)
            continue;
        t->pid = 0;
        askpass_close(&t->link);
        return status != ASKPASS_TALKED;
    }
    return false;
}

bool
askpass_tellers_remain(const askpass_tellers *tellers)
{
    for (size_t i = 0; i < ASKPASS_TELLERS; i++)
        if (tellers->all[i].ssh != 0)
            return true;
    return false;
}
