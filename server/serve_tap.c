/*
 * The exact bytes of what clients send, from libssh's packet capture.
 *
 * For the headers of its capture libssh wants to know the IPv4 address of its
 * socket, and captures nothing on a socket that has none. Nobody reads these
 * headers but we, so libssh is told one, whatever the socket is: its call of
 * getsockname() comes here, as those of everybody in this program do.
 */
#define _GNU_SOURCE
#include "server/serve_connection.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The port of ours in the headers; what comes in is sent to it. */
#define OUR_PORT 1

static int tapped = -1;

int
getsockname(int fd, struct sockaddr *address, socklen_t *len)
{
    struct sockaddr_in ours = {.sin_family = AF_INET,
                               .sin_port = htons(OUR_PORT)};

    if (fd != tapped || fd < 0 || *len < sizeof ours)
        return (int)syscall(SYS_getsockname, fd, address, len);
    memcpy(address, &ours, sizeof ours);
    *len = sizeof ours;
    return 0;
}

bool
tap_open(serve_tap *made, ssh_session session)
{
    char path[CAPTURE_PATH];

    made->session = session;
    made->pcap = ssh_pcap_file_new();
    if (!capture_open(&made->captured, path) || made->pcap == NULL ||
        ssh_pcap_file_open(made->pcap, path) != SSH_OK ||
        ssh_set_pcap_file(session, made->pcap) != SSH_OK) {
        tap_close(made);
        return false;
    }
    made->captured.our_port = htons(OUR_PORT);
    tapped = ssh_get_fd(session);
    return true;
}

bool
tap_next(serve_tap *from, capture_packet *packet)
{
    while (capture_next(&from->captured, packet))
        if (packet->incoming)
            return true;
    return false;
}

void
tap_close(serve_tap *open)
{
    if (open->session == NULL)
        return;
    tapped = -1;
    if (open->pcap != NULL) {
        (void)ssh_set_pcap_file(open->session, NULL);
        ssh_pcap_file_free(open->pcap);
    }
    capture_close(&open->captured);
    *open = (serve_tap){.session = NULL};
}
