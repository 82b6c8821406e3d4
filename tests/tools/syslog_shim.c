/*
 * syslog_shim.so - preloaded, it writes what a program gives to syslog() into
 * the file named by SYSLOG_SHIM at its start, a line each: "<PRIORITY> TEXT".
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#undef _FORTIFY_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

/* programs clean their environment, and their descriptors */
static char file[512];

__attribute__((constructor)) static void
begin(void)
{
    const char *name = getenv("SYSLOG_SHIM");

    (void)snprintf(file, sizeof file, "%s", name ? name : "");
}

void
vsyslog(int priority, const char *format, va_list args)
{
    char line[8192];
    int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    int len = snprintf(line, sizeof line, "<%d> ", priority);

    if (fd < 0)
        return;
    (void)vsnprintf(line + len, sizeof line - (size_t)len - 1, format, args);
    strcat(line, "\n");
    (void)!write(fd, line, strlen(line));
    close(fd);
}

void
syslog(int priority, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsyslog(priority, format, args);
    va_end(args);
}

/* what FORTIFY makes of the two */
__attribute__((format(printf, 3, 0))) void
__vsyslog_chk(int priority, int flag, const char *format, va_list args);
__attribute__((format(printf, 3, 4))) void
__syslog_chk(int priority, int flag, const char *format, ...);

void
__vsyslog_chk(int priority, int flag, const char *format, va_list args)
{
    (void)flag;
    vsyslog(priority, format, args);
}

void
__syslog_chk(int priority, int flag, const char *format, ...)
{
    va_list args;

    (void)flag;
    va_start(args, format);
    vsyslog(priority, format, args);
    va_end(args);
}
