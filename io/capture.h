/*
 * io/capture.h - what libssh captures of its packets, read back. Internal.
 *
 * libssh writes a pcap file: each packet is an IPv4 header, a TCP header, and
 * one SSH packet, decrypted: its length, the length of the padding, the
 * payload, the padding (RFC 4253 section 6). What came in under a MAC of what
 * is encrypted ("etm") lacks the packet's length. Here the file is in memory,
 * is cut as soon as it was read, and is wiped by that. Who has libssh tells it
 * to write to the path.
 */
#ifndef IO_CAPTURE_H
#define IO_CAPTURE_H

#include <authplug/secret.h>

#include <sys/types.h>

#define CAPTURE_PATH 32

typedef struct capture {
    int fd;
    off_t at;          /* of the next packet in the file */
    uint16_t our_port; /* as in the headers, network byte order */
    bool global;       /* global requests and their replies are wanted, too */
    authplug_secret *packet;
} capture;

/* A packet of RFC 4252's, or of RFC 4254 section 4. */
typedef struct capture_packet {
    bool incoming;
    uint8_t type;       /* SSH message number */
    authplug_span body; /* after the type; lives until the next call */
} capture_packet;

/* Makes the file; false when out of memory or descriptors. */
bool capture_open(capture *made, char path[CAPTURE_PATH]);

/* The next one that is wanted; the file is empty when there is none. */
bool capture_next(capture *from, capture_packet *packet);

/* How many bytes wait to be read. */
size_t capture_waiting(const capture *from);

void capture_close(capture *open);

#endif
