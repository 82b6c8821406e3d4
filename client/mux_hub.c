/* What all channels of a multiplexed connection share. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "client/mux_hub.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
mux_debug(const struct mux_hub *hub, const char *format, ...)
{
    char line[512];
    va_list args;

    if (hub->debug == NULL)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    hub->debug(hub->user, line);
}

long
mux_elapsed_ms(const struct timespec *since)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * 1000 +
           (now.tv_nsec - since->tv_nsec) / 1000000;
}

/* libssh: "Channel opening failure: channel 7 error (2) open failed" */
const char *
mux_ssh_error(const struct mux_hub *hub)
{
    const char *error = ssh_get_error(hub->ssh);
    const char *text = error != NULL ? strstr(error, ") ") : NULL;

    return text != NULL ? text + 2 : error != NULL ? error : "unknown reason";
}
