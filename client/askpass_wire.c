/* Messages of a few processes on one machine, and questions for the user. */
#define _GNU_SOURCE
#include "client/askpass.h"

#include "sdk/user.h"

#include <authplug/wire.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for what comes along: a descriptor and who sent it. */
typedef union control {
    char bytes[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
    struct cmsghdr align;
} control;

authplug_status
askpass_send(int to, askpass_type type, authplug_span body, int fd,
             int64_t deadline)
{
    unsigned char first = (unsigned char)type;
    struct iovec parts[2] = {{&first, 1}, {(void *)body.data, body.len}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    control space = {{0}};
    struct cmsghdr *rights;

    if (fd >= 0) {
        message.msg_control = space.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof fd);
        rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    }
    while (sendmsg(to, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        authplug_status status;

        if (errno == EPIPE || errno == ECONNRESET)
            return AUTHPLUG_CLOSED;
        if (errno != EAGAIN && errno != EINTR)
            return AUTHPLUG_IO;
        status = io_wait(to, false, true, deadline);
        if (status != AUTHPLUG_OK)
            return status;
    }
    return AUTHPLUG_OK;
}

/* Those that came in one part of it: the first is kept, and the others are
 * closed. How many they were. */
static size_t
take_descriptors(const struct cmsghdr *at, int *kept)
{
    size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);

    for (size_t i = 0; i < count; i++) {
        int fd;

        memcpy(&fd, CMSG_DATA(at) + i * sizeof fd, sizeof fd);
        if (*kept < 0)
            *kept = fd;
        else
            close(fd);
    }
    return count;
}

/* Its descriptor and its sender. False when it had more than one, of which none
 * is left open then, or more than there is room for. */
static bool
take_along(struct msghdr *header, askpass_message *message)
{
    struct cmsghdr *at = CMSG_FIRSTHDR(header);
    struct ucred sender;
    size_t count = 0;

    for (; at != NULL; at = CMSG_NXTHDR(header, at)) {
        if (at->cmsg_level != SOL_SOCKET)
            continue;
        if (at->cmsg_type == SCM_RIGHTS) {
            count += take_descriptors(at, &message->fd);
        } else if (at->cmsg_type == SCM_CREDENTIALS &&
                   at->cmsg_len == CMSG_LEN(sizeof sender)) {
            memcpy(&sender, CMSG_DATA(at), sizeof sender);
            message->sender = sender.pid;
        }
    }
    if (count <= 1 && (header->msg_flags & MSG_CTRUNC) == 0)
        return true;
    if (message->fd >= 0)
        close(message->fd);
    message->fd = -1;
    return false;
}

/* How long the next message is; OK and 0 at the end. */
static authplug_status
next_size(int from, size_t *size, int64_t deadline)
{
    char byte;
    ssize_t len;

    while ((len = recv(from, &byte, 1, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT)) <
           0) {
        authplug_status status;

        if (errno == ECONNRESET)
            return AUTHPLUG_CLOSED;
        if (errno != EAGAIN && errno != EINTR)
            return AUTHPLUG_IO;
        status = io_wait(from, true, false, deadline);
        if (status != AUTHPLUG_OK)
            return status;
    }
    *size = (size_t)len;
    return AUTHPLUG_OK;
}

authplug_status
askpass_receive(int from, askpass_message *message, int64_t deadline)
{
    struct iovec parts[2];
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
    control space;
    unsigned char type, *room;
    size_t size = 0;
    authplug_status status = next_size(from, &size, deadline);

    message->fd = -1;
    message->sender = 0;
    authplug_secret_clear(message->body);
    if (status != AUTHPLUG_OK)
        return status;
    if (size == 0)
        return AUTHPLUG_CLOSED;
    if (size > ASKPASS_BODY_MAX)
        return AUTHPLUG_LENGTH;
    status = authplug_secret_reserve(message->body, size, &room);
    if (status != AUTHPLUG_OK)
        return status;
    parts[0] = (struct iovec){&type, 1};
    parts[1] = (struct iovec){room, size};
    header.msg_control = space.bytes;
    header.msg_controllen = sizeof space.bytes;
    if (recvmsg(from, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) !=
        (ssize_t)size)
        return AUTHPLUG_IO;
    authplug_secret_commit(message->body, size - 1);
    message->type = type;
    return take_along(&header, message) ? AUTHPLUG_OK : AUTHPLUG_COUNT;
}

/* -------------------------------------------------------------- questions */

static const authplug_limits limits = AUTHPLUG_LIMITS_DEFAULT;

authplug_status
askpass_question(authplug_secret *out, askpass_source source,
                 const authplug_ki_request *request, int64_t deadline)
{
    authplug_writer writer = authplug_writer_to(out);
    int64_t left = deadline - io_now();
    authplug_status status;
    size_t mark;

    authplug_put_uint32(&writer, left < 0            ? 0
                                 : left > UINT32_MAX ? UINT32_MAX
                                                     : (uint32_t)left);
    authplug_put_byte(&writer, (uint8_t)source);
    mark = authplug_put_open(&writer);
    if (writer.status != AUTHPLUG_OK)
        return writer.status;
    status = authplug_ki_request_write(request, out);
    authplug_put_close(&writer, mark);
    return status == AUTHPLUG_OK ? writer.status : status;
}

/* ssh's own words are shown as they are. */
static authplug_status
ask_plain(const authplug_ki_request *request, authplug_ki_reply *reply,
          int64_t deadline)
{
    authplug_secret *text = authplug_secret_new(ASKPASS_BODY_MAX);
    authplug_secret *answer = authplug_secret_new(8192);
    authplug_status status = AUTHPLUG_NOMEM;

    if (text != NULL && answer != NULL)
        status = AUTHPLUG_OK;
    for (uint32_t i = 0; i < request->count && status == AUTHPLUG_OK; i++) {
        const authplug_ki_prompt *prompt = &request->prompts[i];
        const char *words = NULL;

        authplug_secret_clear(text);
        status =
            authplug_secret_append(text, prompt->text.data, prompt->text.len);
        if (status == AUTHPLUG_OK &&
            (words = authplug_secret_text(text)) == NULL)
            status = AUTHPLUG_VALUE;
        if (status == AUTHPLUG_OK)
            status = user_ask_plain(words, prompt->echo, answer, deadline);
        if (status == AUTHPLUG_OK)
            status = authplug_ki_reply_add(reply, authplug_secret_span(answer));
    }
    authplug_secret_free(&text);
    authplug_secret_free(&answer);
    return status;
}

authplug_status
askpass_ask(authplug_span question, authplug_ki_reply *reply)
{
    static authplug_ki_prompt prompts[100];
    authplug_reader reader = authplug_reader_over(question, limits.frame);
    int64_t deadline = io_deadline(authplug_get_uint32(&reader));
    uint8_t source = authplug_get_byte(&reader);
    authplug_span body = authplug_get_string(&reader);
    authplug_status status = authplug_get_end(&reader);
    authplug_limits ours = limits;
    authplug_ki_request request;

    ours.prompts = sizeof prompts / sizeof *prompts;
    if (status == AUTHPLUG_OK)
        status =
            authplug_ki_request_parse(body, &ours, prompts, &request, NULL);
    if (status != AUTHPLUG_OK)
        return status;
    if (source == ASKPASS_OF_SSH)
        return ask_plain(&request, reply, deadline);
    return user_ask(source == ASKPASS_OF_PLUGIN ? "plugin" : "server", &request,
                    reply, deadline);
}
