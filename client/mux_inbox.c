/* What a client sends: packets and descriptors. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "client/mux_inbox.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool
mux_inbox_begin(struct mux_inbox *inbox)
{
    *inbox = (struct mux_inbox){.packet = authplug_secret_new(MUX_PACKET_MAX)};
    return inbox->packet != NULL;
}

void
mux_inbox_drop_fds(struct mux_inbox *inbox)
{
    while (inbox->got_fds > 0)
        close(inbox->fds[--inbox->got_fds]);
}

void
mux_inbox_end(struct mux_inbox *inbox)
{
    mux_inbox_drop_fds(inbox);
    authplug_secret_free(&inbox->packet);
}

/* Takes the descriptors out of a message; false unless there is exactly one. */
static bool
take_fd(struct mux_inbox *inbox, struct msghdr *message)
{
    struct cmsghdr *control;
    int fd = -1;
    int found = 0;

    for (control = CMSG_FIRSTHDR(message); control != NULL;
         control = CMSG_NXTHDR(message, control)) {
        const unsigned char *data = CMSG_DATA(control);
        size_t left = control->cmsg_len - CMSG_LEN(0);

        if (control->cmsg_level != SOL_SOCKET ||
            control->cmsg_type != SCM_RIGHTS)
            continue;
        for (; left >= sizeof fd; left -= sizeof fd, data += sizeof fd) {
            if (found++ > 0)
                close(fd);
            memcpy(&fd, data, sizeof fd);
        }
    }
    if (found == 1 && (message->msg_flags & MSG_CTRUNC) == 0) {
        inbox->fds[inbox->got_fds++] = fd;
        return true;
    }
    if (found > 0)
        close(fd);
    return false;
}

/*
 * How a read went: 1 when what was needed is there, 0 when some of it is not
 * there yet, -1 when the client is to be dropped.
 */
static int
read_result(ssize_t got, size_t want)
{
    if (got < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0
                                                                         : -1;
    return got == 0 ? -1 : (size_t)got == want;
}

/* One descriptor, in a message of its own of one byte. */
static int
read_fd(struct mux_inbox *inbox, int sock)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(4 * sizeof(int))];
    } control;
    char byte;
    struct iovec piece = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &piece,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    int result = read_result(recvmsg(sock, &message, MSG_CMSG_CLOEXEC), 1);

    if (result == 1 && !take_fd(inbox, &message))
        return -1;
    return result;
}

static int
read_length(struct mux_inbox *inbox, int sock)
{
    size_t want = sizeof inbox->length - inbox->have;
    /* Without room for descriptors the kernel closes those that come. */
    ssize_t got = recv(sock, inbox->length + inbox->have, want, 0);
    int result = read_result(got, want);
    authplug_reader reader;

    if (got > 0)
        inbox->have += (size_t)got;
    if (result != 1)
        return result;
    reader = authplug_reader_over(
        authplug_span_make(inbox->length, sizeof inbox->length), 0);
    inbox->need = authplug_get_uint32(&reader);
    inbox->have = 0;
    inbox->phase = READ_PACKET;
    authplug_secret_clear(inbox->packet);
    return inbox->need >= MUX_PACKET_MIN && inbox->need <= MUX_PACKET_MAX ? 1
                                                                          : -1;
}

static int
read_packet(struct mux_inbox *inbox, int sock)
{
    size_t want = inbox->need - inbox->have;
    unsigned char *room;
    ssize_t got;
    int result;

    if (authplug_secret_reserve(inbox->packet, want, &room) != AUTHPLUG_OK)
        return -1;
    got = recv(sock, room, want, 0);
    result = read_result(got, want);
    if (got > 0) {
        authplug_secret_commit(inbox->packet, (size_t)got);
        inbox->have += (size_t)got;
    }
    if (result != 1)
        return result;
    inbox->have = 0;
    inbox->phase = READ_FDS;
    return mux_request_read(authplug_secret_span(inbox->packet),
                            &inbox->request) == AUTHPLUG_OK
               ? 1
               : -1;
}

int
mux_inbox_read(struct mux_inbox *inbox, int sock)
{
    int result = 1;

    while (result == 1) {
        if (inbox->phase == READ_LENGTH)
            result = read_length(inbox, sock);
        else if (inbox->phase == READ_PACKET)
            result = read_packet(inbox, sock);
        else
            result = read_fd(inbox, sock);
        if (result == 1 && inbox->phase == READ_FDS &&
            inbox->got_fds == inbox->request.fds) {
            inbox->phase = READ_LENGTH;
            return 1;
        }
    }
    return result;
}
