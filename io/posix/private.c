/* Where sockets are: a directory that is ours alone. */
#define _GNU_SOURCE
#include "posix.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether it is a directory that is ours and that nobody else may write to. */
static bool
is_private(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
           st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

const char *
io_home(void)
{
    const char *dir = getenv("HOME");
    const struct passwd *me;

    if (dir != NULL && dir[0] == '/')
        return dir;
    me = getpwuid(geteuid());
    return me != NULL ? me->pw_dir : NULL;
}

bool
io_private_directory(char *path, size_t size, char *why, size_t whysize)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    const char *base = runtime;
    const char *name = "authplug";
    int len;

    if (runtime == NULL || runtime[0] != '/' || !is_private(runtime)) {
        base = io_home();
        name = ".authplug";
    }
    if (base == NULL)
        return io_explain(why, whysize, "no home directory is known: set HOME");
    len = snprintf(path, size, "%s/%s", base, name);
    if (len < 0 || (size_t)len >= size)
        return io_explain(why, whysize,
                          "%.150s is too long for a socket's path: "
                          "set XDG_RUNTIME_DIR to a shorter one",
                          base);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return io_explain(why, whysize, "cannot create %s: %s", path,
                          strerror(errno));
    if (!is_private(path))
        return io_explain(why, whysize,
                          "%s is not a directory that is yours alone: "
                          "chown it to yourself and chmod go-w it",
                          path);
    return true;
}
