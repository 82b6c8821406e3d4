/* Global requests: the server is to listen, or not to. */
#include "client/mux_remote.h"

#include "client/client.h"

#include <string.h>

/* RFC 4254 section 4 */
#define REQUEST_SUCCESS 81

const char *
mux_remote_address(const char *listen)
{
    return listen[0] == '\0'          ? "localhost"
           : strcmp(listen, "*") == 0 ? ""
                                      : listen;
}

void
mux_remote_listen(struct mux_remote *remote, struct mux_hub *hub,
                  const char *listen, uint32_t port)
{
    memset(remote, 0, sizeof *remote);
    remote->hub = hub;
    remote->address = mux_remote_address(listen);
    remote->port = port;
}

void
mux_remote_cancel(struct mux_remote *remote, struct mux_hub *hub,
                  const char *listen, uint32_t port)
{
    mux_remote_listen(remote, hub, listen, port);
    remote->cancels = true;
}

/*
 * The port that the server has chosen. libssh takes it from whatever packet
 * came last, which under load is another one: so it is read from the capture.
 */
static void
read_tap(struct mux_remote *remote)
{
    capture_packet packet;

    while (remote->tap != NULL && tap_next(remote->tap, &packet)) {
        authplug_reader reader = authplug_reader_over(packet.body, 0);
        uint32_t port = authplug_get_uint32(&reader);

        if (packet.incoming && packet.type == REQUEST_SUCCESS &&
            authplug_get_end(&reader) == AUTHPLUG_OK && port <= 65535)
            remote->port = port;
    }
}

static int
ask(struct mux_remote *remote)
{
    ssh_session ssh = remote->hub->ssh;
    int bound = 0;
    int rc;

    if (remote->cancels)
        return ssh_channel_cancel_forward(ssh, remote->address,
                                          (int)remote->port);
    if (remote->port != 0)
        return ssh_channel_listen_forward(ssh, remote->address,
                                          (int)remote->port, NULL);
    if (!remote->asked)
        remote->tap = tap_open_replies(ssh);
    /* Asked for the port, libssh fails where it does not find it. */
    rc = ssh_channel_listen_forward(ssh, remote->address, 0,
                                    remote->tap != NULL ? NULL : &bound);
    read_tap(remote);
    if (rc == SSH_OK && remote->port == 0 && bound > 0 && bound <= 65535)
        remote->port = (uint32_t)bound;
    return rc;
}

int
mux_remote_step(struct mux_remote *remote)
{
    struct mux_hub *hub = remote->hub;
    int rc;

    if (hub->asking != NULL && hub->asking != remote)
        return 0;
    /* Nothing arrived, so nothing was answered: spare libssh's poll(). */
    if (remote->asked && hub->packets.in_packets == remote->seen)
        return 0;
    remote->seen = hub->packets.in_packets;
    hub->asking = remote;
    rc = ask(remote);
    remote->asked = true;
    if (rc == SSH_AGAIN)
        return 0;
    hub->asking = NULL;
    tap_close(&remote->tap);
    /* A port that nobody knows is of no use. */
    return rc == SSH_OK && remote->port != 0 ? 1 : -1;
}

void
mux_remote_end(struct mux_remote *remote)
{
    if (remote->hub != NULL && remote->hub->asking == remote)
        remote->hub->asking = NULL;
    tap_close(&remote->tap);
    remote->hub = NULL;
}
