/* libssh's captures, packet by packet. */
#define _GNU_SOURCE
#include "io/capture.h"

#include <authplug/wire.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* pcap's file and packet headers; IPv4 and TCP headers without options */
enum { FILE_HEADER = 24, PACKET_HEADER = 16, TO_PORT = 22, IP_TCP = 40 };

/* libssh accepts no longer packets */
#define PACKET_MAX 262144u

bool
capture_open(capture *made, char path[CAPTURE_PATH])
{
    *made = (capture){.at = FILE_HEADER};
    made->packet = authplug_secret_new(PACKET_MAX + IP_TCP);
    made->fd = memfd_create("authplug", MFD_CLOEXEC);
    (void)snprintf(path, CAPTURE_PATH, "/proc/self/fd/%d", made->fd);
    return made->packet != NULL && made->fd >= 0;
}

static bool
read_at(const capture *from, void *to, size_t len, off_t at)
{
    return pread(from->fd, to, len, at) == (ssize_t)len;
}

/* libssh writes its captures in network byte order on every machine. */
static bool
packet_size(const capture *from, uint32_t *size)
{
    unsigned char header[PACKET_HEADER];
    authplug_reader reader;

    if (!read_at(from, header, sizeof header, from->at))
        return false;
    reader = authplug_reader_over(authplug_span_make(header + 8, 4), 0);
    *size = authplug_get_uint32(&reader);
    return true;
}

/* Takes the captured packet apart; false for what is not wanted. */
static bool
dissect(const capture *from, authplug_span bytes, capture_packet *packet)
{
    authplug_reader reader;
    size_t padding;

    if (bytes.len < IP_TCP)
        return false;
    packet->incoming = memcmp(bytes.data + TO_PORT, &from->our_port,
                              sizeof from->our_port) == 0;
    bytes.data += IP_TCP;
    bytes.len -= IP_TCP;
    /* what is sent has its length always, though not always the right one */
    reader = authplug_reader_over(bytes, 0);
    if (authplug_get_uint32(&reader) != bytes.len - 4 && packet->incoming)
        reader = authplug_reader_over(bytes, 0);
    padding = authplug_get_byte(&reader);
    packet->type = authplug_get_byte(&reader);
    if (reader.status != AUTHPLUG_OK || padding > bytes.len - reader.pos)
        return false;
    packet->body = authplug_span_make(bytes.data + reader.pos,
                                      bytes.len - reader.pos - padding);
    /* SSH_MSG_USERAUTH_*, SSH_MSG_GLOBAL_* (RFC 4250 section 4.1.2) */
    return packet->type >= 50 && packet->type < (from->global ? 90 : 80);
}

bool
capture_next(capture *from, capture_packet *packet)
{
    unsigned char *room;
    uint32_t size;

    fflush(NULL); /* the capture is behind a FILE that is not ours */
    while (packet_size(from, &size)) {
        off_t start = from->at + PACKET_HEADER;

        authplug_secret_clear(from->packet);
        if (size <= PACKET_MAX + IP_TCP &&
            authplug_secret_reserve(from->packet, size, &room) ==
                AUTHPLUG_OK) {
            if (!read_at(from, room, size, start))
                return false; /* not all of it is there yet */
            authplug_secret_commit(from->packet, size);
        }
        from->at = start + (off_t)size;
        if (dissect(from, authplug_secret_span(from->packet), packet))
            return true;
    }
    /* all was read: none of it stays */
    (void)!ftruncate(from->fd, 0);
    return false;
}

size_t
capture_waiting(const capture *from)
{
    struct stat file;

    fflush(NULL);
    return fstat(from->fd, &file) == 0 && file.st_size > from->at
               ? (size_t)(file.st_size - from->at)
               : 0;
}

void
capture_close(capture *open)
{
    if (open->fd >= 0) {
        (void)!ftruncate(open->fd, 0);
        close(open->fd);
        open->fd = -1;
    }
    authplug_secret_free(&open->packet);
}
