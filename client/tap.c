/*
 * The exact bytes of authentication packets, from libssh's packet capture:
 * a pcap file in memory, in which each packet is an IPv4 header, a TCP header
 * and one decrypted SSH packet: its length, the length of the padding, the
 * payload, the padding (RFC 4253 section 6). Its size never grows beyond what
 * was not read yet: what was read is cut off the file at once.
 */
#define _GNU_SOURCE
#include "client/client.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* pcap's file and packet headers; IPv4 and TCP headers without options */
enum { FILE_HEADER = 24, PACKET_HEADER = 16, TO_PORT = 22, IP_TCP = 40 };
/* in the SSH packet */
enum { PADDING = IP_TCP + 4, TYPE, BODY };

/* libssh accepts no longer packets */
#define PACKET_MAX 262144u

struct tap {
    ssh_session session;
    ssh_pcap_file pcap;
    int fd;
    off_t at;          /* of the next packet in the file */
    uint16_t our_port; /* network byte order */
    authplug_secret *packet;
};

struct tap *
tap_open(ssh_session session)
{
    struct sockaddr_in ours = {0};
    socklen_t len = sizeof ours;
    char path[64];
    struct tap *made = calloc(1, sizeof *made);

    if (made == NULL)
        return NULL;
    made->session = session;
    made->at = FILE_HEADER;
    made->packet = authplug_secret_new(PACKET_MAX + IP_TCP);
    made->fd = memfd_create("authplug", MFD_CLOEXEC);
    made->pcap = ssh_pcap_file_new();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", made->fd);
    if (made->packet == NULL || made->fd < 0 || made->pcap == NULL ||
        getsockname(ssh_get_fd(session), (struct sockaddr *)&ours, &len) != 0 ||
        ours.sin_family != AF_INET ||
        ssh_pcap_file_open(made->pcap, path) != SSH_OK ||
        ssh_set_pcap_file(session, made->pcap) != SSH_OK)
        tap_close(&made);
    else
        made->our_port = ours.sin_port;
    return made;
}

static bool
read_at(const struct tap *from, void *to, size_t len, off_t at)
{
    return pread(from->fd, to, len, at) == (ssize_t)len;
}

/* libssh writes its captures in network byte order on every machine. */
static bool
packet_size(const struct tap *from, uint32_t *size)
{
    unsigned char header[PACKET_HEADER];
    authplug_reader reader;

    if (!read_at(from, header, sizeof header, from->at))
        return false;
    reader = authplug_reader_over(authplug_span_make(header + 8, 4), 0);
    *size = authplug_get_uint32(&reader);
    return true;
}

/* Takes the captured packet apart; false for what is none of RFC 4252's. */
static bool
dissect(const struct tap *from, authplug_span bytes, tap_packet *packet)
{
    size_t padding, rest;

    if (bytes.len < BODY)
        return false;
    padding = bytes.data[PADDING];
    rest = bytes.len - BODY;
    if (padding > rest)
        return false;
    packet->type = bytes.data[TYPE];
    packet->incoming = memcmp(bytes.data + TO_PORT, &from->our_port,
                              sizeof from->our_port) == 0;
    packet->body = authplug_span_make(bytes.data + BODY, rest - padding);
    /* SSH_MSG_USERAUTH_* (RFC 4250 section 4.1.2) */
    return packet->type >= 50 && packet->type < 80;
}

bool
tap_next(struct tap *from, tap_packet *packet)
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

void
tap_close(struct tap **open)
{
    struct tap *t = *open;

    if (t == NULL)
        return;
    if (t->pcap != NULL) {
        (void)ssh_set_pcap_file(t->session, NULL);
        ssh_pcap_file_free(t->pcap);
    }
    if (t->fd >= 0) {
        (void)!ftruncate(t->fd, 0);
        close(t->fd);
    }
    authplug_secret_free(&t->packet);
    free(t);
    *open = NULL;
}
