#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "processes.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

io_child *
started(const io_program *program)
{
    io_child *child = NULL;

    assert_int_equal(io_child_start(program, &child), AUTHPLUG_OK);
    return child;
}

const char *
output(io_child *child)
{
    static char text[65536];
    size_t used = 0, len = 1;

    while (len > 0) {
        assert_int_equal(io_child_read(child, text + used,
                                       sizeof text - used - 1, &len,
                                       io_deadline(SOON)),
                         AUTHPLUG_OK);
        used += len;
    }
    text[used] = 0;
    return text;
}

static bool
alive(pid_t pid)
{
    return kill(pid, 0) == 0;
}

bool
gone(pid_t pid)
{
    char path[64], state[512];
    FILE *stat;

    for (int i = 0; i < 100 && alive(pid); i++) {
        (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
        stat = fopen(path, "re");
        if (stat == NULL)
            return true;
        if (fgets(state, sizeof state, stat) != NULL &&
            strstr(state, ") Z") != NULL) {
            fclose(stat);
            return true;
        }
        fclose(stat);
        usleep(20000);
    }
    return !alive(pid);
}

int
descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = -3; /* ".", "..", and the folder itself */

    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

bool
childless(void)
{
    siginfo_t info;

    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0 &&
           errno == ECHILD;
}
