/* The exact bytes of authentication packets, from libssh's packet capture. */
#define _GNU_SOURCE
#include "client/client.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

struct tap {
    ssh_session session;
    ssh_pcap_file pcap;
    capture captured;
};

struct tap *
tap_open(ssh_session session)
{
    struct sockaddr_in ours = {0};
    socklen_t len = sizeof ours;
    char path[CAPTURE_PATH];
    struct tap *made = calloc(1, sizeof *made);

    if (made == NULL)
        return NULL;
    made->session = session;
    made->pcap = ssh_pcap_file_new();
    if (!capture_open(&made->captured, path) || made->pcap == NULL ||
        getsockname(ssh_get_fd(session), (struct sockaddr *)&ours, &len) != 0 ||
        ours.sin_family != AF_INET ||
        ssh_pcap_file_open(made->pcap, path) != SSH_OK ||
        ssh_set_pcap_file(session, made->pcap) != SSH_OK)
        tap_close(&made);
    else
        made->captured.our_port = ours.sin_port;
    return made;
}

struct tap *
tap_open_replies(ssh_session session)
{
    struct tap *made = tap_open(session);

    if (made != NULL)
        made->captured.global = true;
    return made;
}

bool
tap_next(struct tap *from, capture_packet *packet)
{
    return capture_next(&from->captured, packet);
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
    capture_close(&t->captured);
    free(t);
    *open = NULL;
}
