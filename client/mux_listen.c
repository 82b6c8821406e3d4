/* Where stock ssh finds us: a socket in a directory that is ours alone. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "client/mux.h"

#include "io/io.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Sixteen digits at the end of the path. */
static bool
add_name(char *path, size_t size, char *why, size_t whysize)
{
    size_t len = strlen(path);
    unsigned char random[8];
    int more;

    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return io_explain(why, whysize, "no random numbers: %s",
                          strerror(errno));
    more = snprintf(path + len, size - len, "/%02x%02x%02x%02x%02x%02x%02x%02x",
                    random[0], random[1], random[2], random[3], random[4],
                    random[5], random[6], random[7]);
    if (more > 0 && (size_t)more < size - len)
        return true;
    path[len] = '\0';
    return io_explain(
        why, whysize,
        "%s leaves no room for a socket's name (%zu bytes in all): "
        "set XDG_RUNTIME_DIR to a shorter one",
        path, size - 1);
}

/* A listening socket that only we may connect to; -1, and why. */
static int
listen_at(const char *path, char *why, size_t whysize)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    mode_t mask;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        io_explain(why, whysize, "cannot make a socket: %s", strerror(errno));
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    mask = umask(0177);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        listen(fd, MUX_CLIENTS_MAX) == 0) {
        umask(mask);
        return fd;
    }
    io_explain(why, whysize, "cannot listen on %s: %s", path, strerror(errno));
    umask(mask);
    close(fd);
    return -1;
}

int
mux_listen(char *path, size_t size, char *why, size_t whysize)
{
    size = size < MUX_PATH_MAX ? size : MUX_PATH_MAX;
    if (!io_private_directory(path, size, why, whysize) ||
        !add_name(path, size, why, whysize))
        return -1;
    return listen_at(path, why, whysize);
}
