/* Neither a core file nor freed memory keeps a password. */
#include "client/client.h"

#include "io/wipe.h"

#include <sys/resource.h>

static rlim_t before;

void
guard_begin(void)
{
    struct rlimit core = {0, 0};

    if (getrlimit(RLIMIT_CORE, &core) == 0) {
        before = core.rlim_cur;
        core.rlim_cur = 0;
        (void)setrlimit(RLIMIT_CORE, &core);
    }
    wipe_freed_memory(true);
}

void
guard_end(void)
{
    struct rlimit core;

    wipe_freed_memory(false);
    if (getrlimit(RLIMIT_CORE, &core) == 0) {
        core.rlim_cur = before;
        (void)setrlimit(RLIMIT_CORE, &core);
    }
}
