/*
 * Whether a password was changed: what the shadow file says of the account,
 * before and after.
 *
 * Whatever runs as the user can have a plugin that runs as the user say
 * "success" (pidfd_getfd(2) on its standard output is one way). What it cannot
 * do is write the shadow file.
 */
#define _GNU_SOURCE
#include "server/pam_module.h"

#include <errno.h>
#include <shadow.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define THE_FILE "/etc/shadow"
#define DAY 86400

/* The account's line of the file itself: name services may have others. */
static int
find(const char *user, struct spwd *entry, char *line, size_t size)
{
    FILE *file = fopen(THE_FILE, "re");
    struct spwd *found = NULL;
    int error;

    if (file == NULL)
        return errno == ENOENT ? ENOENT : EIO;
    do {
        error = fgetspent_r(file, entry, line, size, &found);
    } while (error == 0 && strcmp(entry->sp_namp, user) != 0);
    fclose(file);
    return error;
}

bool
pamshadow_take(pamcall *call, pamshadow *taken)
{
    char line[8192];
    struct spwd entry;
    int error = find(call->user, &entry, line, sizeof line);
    size_t len;

    memset(taken, 0, sizeof *taken);
    if (error == ENOENT)
        return true;
    len = error == 0 ? strlen(entry.sp_pwdp) : sizeof taken->hash;
    if (len < sizeof taken->hash) {
        /* the password of a locked entry, or of one for none, is elsewhere */
        taken->local = entry.sp_pwdp[0] != '!' && entry.sp_pwdp[0] != '*';
        memcpy(taken->hash, entry.sp_pwdp, len + 1);
        taken->changed = entry.sp_lstchg;
        taken->today = (long)(time(NULL) / DAY);
    } else {
        pamcall_because(call,
                        "the account's entry in " THE_FILE " cannot be read");
    }
    authplug_wipe(line, sizeof line);
    return len < sizeof taken->hash;
}

bool
pamshadow_differs(pamcall *call, const pamshadow *before,
                  pamcall_outcome outcome)
{
    pamshadow now;
    bool differs;

    if (!before->local)
        return true;
    if (!pamshadow_take(call, &now))
        return false;
    /* a second change on one day leaves the day */
    differs = now.local && strcmp(now.hash, before->hash) != 0 &&
              now.changed > 0 &&
              (now.changed != before->changed ||
               before->changed >= before->today);
    pamshadow_wipe(&now);
    if (!differs && outcome == PAMCALL_ACCEPTED)
        pamcall_because(call, "the plugin says success, but the account's "
                              "entry in " THE_FILE " is as before");
    if (differs && outcome != PAMCALL_ACCEPTED) {
        call->reason[0] = 0;
        pamcall_because(call, "the plugin failed, but the account's entry in "
                              THE_FILE " has changed");
    }
    return differs;
}

void
pamshadow_wipe(pamshadow *taken)
{
    authplug_wipe(taken, sizeof *taken);
}
