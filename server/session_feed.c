/* What the client of a session sends, on its way to the program. */
#define _GNU_SOURCE
#include "server/session_feed.h"

#include "server/session_process.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

void
session_feed_close(session_feed *in)
{
    session_close_fd(&in->fd);
    in->blocked = false;
    in->hold_len = 0;
    free(in->hold);
    in->hold = NULL;
}

bool
session_feed_is_empty(const session_feed *in)
{
    return in->hold_len == 0 && in->backlog == 0;
}

/* Writes what the program takes; gives how much. All is taken, for nobody,
 * when the program does not read any more. */
static size_t
write_feed(session_feed *in, const unsigned char *data, size_t len)
{
    size_t taken = 0;

    while (taken < len && !in->blocked) {
        ssize_t put = write(in->fd, data + taken, len - taken);

        if (put > 0)
            taken += (size_t)put;
        else if (put < 0 && errno == EAGAIN)
            in->blocked = true;
        else if (put == 0 || errno != EINTR) {
            session_feed_close(in);
            return len;
        }
    }
    return taken;
}

size_t
session_feed_offer(session_feed *in, const void *data, size_t len)
{
    size_t taken = 0;

    if (in->fd >= 0 && in->hold_len == 0)
        taken = write_feed(in, data, len);
    in->backlog = len - taken;
    return taken;
}

/* Takes over all that libssh keeps. There is some, so that this does not let
 * it take packets in. */
static bool
fill_hold(session_feed *in, ssh_channel channel)
{
    int got = -1;

    in->hold = malloc(in->backlog);
    if (in->hold != NULL)
        got = ssh_channel_read_nonblocking(channel, in->hold,
                                           (uint32_t)in->backlog, 0);
    in->backlog = 0;
    in->hold_at = 0;
    in->hold_len = got > 0 ? (size_t)got : 0;
    return got > 0;
}

bool
session_feed_step(session_feed *in, ssh_channel channel)
{
    while (in->fd >= 0 && !in->blocked && !session_feed_is_empty(in)) {
        size_t taken;

        if (in->hold_len == 0 && !fill_hold(in, channel))
            return false;
        taken = write_feed(in, in->hold + in->hold_at, in->hold_len);
        if (in->hold_len == 0) /* it was closed */
            break;
        in->hold_at += taken;
        in->hold_len -= taken;
        if (in->hold_len == 0) {
            free(in->hold);
            in->hold = NULL;
        }
    }
    return true;
}

void
session_feed_discard(session_feed *in, ssh_channel channel, void *scratch,
                     size_t size)
{
    while (in->backlog > 0) {
        int got = ssh_channel_read_nonblocking(
            channel, scratch,
            (uint32_t)(in->backlog < size ? in->backlog : size), 0);

        in->backlog -= got > 0 ? (size_t)got : in->backlog;
    }
}
