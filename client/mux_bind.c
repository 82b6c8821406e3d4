/* Listening sockets of local forwards. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "client/mux_bind.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

void
mux_bind_close(struct mux_bind *made)
{
    struct stat st;

    while (made->count > 0)
        close(made->fds[--made->count]);
    if (made->path != NULL && lstat(made->path, &st) == 0 &&
        S_ISSOCK(st.st_mode) && st.st_dev == made->dev &&
        st.st_ino == made->ino)
        unlink(made->path);
    free(made->path);
    made->path = NULL;
}

/* A socket that listens at the address, or -1 and errno. */
static int
listen_at(const struct sockaddr *address, socklen_t len)
{
    int fd = socket(address->sa_family,
                    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = 1;
    int error;

    if (fd < 0)
        return -1;
    if (address->sa_family != AF_UNIX)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (address->sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
    if (bind(fd, address, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

static void
explain(const struct sockaddr_storage *address, int error, char *why,
        size_t size)
{
    char host[INET6_ADDRSTRLEN] = "?";
    char port[8] = "?";

    (void)getnameinfo((const struct sockaddr *)address,
                      mux_address_len(address), host, sizeof host, port,
                      sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(why, size, "cannot listen on %s port %s: %s", host, port,
             strerror(error));
}

bool
mux_bind_addresses(struct mux_bind *made, const struct mux_addresses *addresses,
                   char *why, size_t size)
{
    int error;
    size_t i;

    memset(made, 0, sizeof *made);
    snprintf(why, size, "the address to listen on is not found");
    for (i = 0; i < addresses->count; i++) {
        const struct sockaddr_storage *at = &addresses->all[i];
        int fd = listen_at((const struct sockaddr *)at, mux_address_len(at));

        if (fd >= 0) {
            made->fds[made->count++] = fd;
            continue;
        }
        error = errno;
        explain(at, error, why, size);
        if (error == EAFNOSUPPORT || error == EADDRNOTAVAIL)
            continue;
        /* Another program has it: half of its connections are not ours. */
        mux_bind_close(made);
        return false;
    }
    return made->count > 0;
}

bool
mux_bind_path(struct mux_bind *made, const char *path, char *why, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat st;
    mode_t mask;
    int fd;

    memset(made, 0, sizeof *made);
    if (strlen(path) >= sizeof address.sun_path) {
        snprintf(why, size, "the path of the socket is too long");
        return false;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    made->path = strdup(path);
    mask = umask(0177);
    fd = made->path == NULL
             ? -1
             : listen_at((struct sockaddr *)&address, sizeof address);
    umask(mask);
    if (fd < 0) {
        snprintf(why, size, "cannot listen on %.100s: %s", path,
                 strerror(errno));
        mux_bind_close(made);
        return false;
    }
    made->fds[made->count++] = fd;
    if (lstat(path, &st) == 0) {
        made->dev = st.st_dev;
        made->ino = st.st_ino;
    }
    return true;
}
