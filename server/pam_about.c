/* Who logs in, from where, and whom the plugin runs as. No name is looked up
 * in the network: what is not known here is not said. */
#define _GNU_SOURCE
#include "server/pam_module.h"

#include <arpa/inet.h>
#include <grp.h>
#include <pwd.h>
#include <security/pam_modutil.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_MOST 1024
#define GROUPS_MOST 65536

/* ------------------------------------------------------------------- where */

static void
add(pamabout *about, const char *key, const char *value)
{
    authplug_tectia_pair pair = {authplug_span_of(key),
                                 authplug_span_of(value)};

    if (value != NULL && *value != 0)
        about->pairs[about->count++] = pair;
}

/* The word behind `skip` others, if it is an address. */
static void
take_address(const char *words, unsigned skip, char *to, size_t size)
{
    unsigned char bytes[16];
    size_t len;
    char *zone;

    while (skip-- > 0) {
        words += strcspn(words, " ");
        words += strspn(words, " ");
    }
    len = strcspn(words, " ");
    to[0] = 0;
    if (len >= size)
        return;
    memcpy(to, words, len);
    to[len] = 0;
    zone = strchr(to, '%'); /* fe80::1%eth0 */
    if (zone != NULL)
        *zone = 0;
    if (inet_pton(AF_INET, to, bytes) != 1 &&
        inet_pton(AF_INET6, to, bytes) != 1)
        to[0] = 0;
    else if (zone != NULL)
        *zone = '%';
}

/* Letters and marks only: a name of a host, or an address. */
static bool
is_plain(const char *text)
{
    for (; *text != 0; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

static bool
has_controls(const char *text)
{
    for (; *text != 0; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return true;
    return false;
}

/* Both addresses are in SSH_CONNECTION, where sshd asks. */
static bool
know_addresses(pamcall *call, pamabout *about)
{
    const char *connection = pam_getenv(call->pamh, "SSH_CONNECTION");

    if (call->rhost != NULL &&
        (strlen(call->rhost) > 255 || !is_plain(call->rhost))) {
        pamcall_because(call, "the name of the remote host (PAM_RHOST) holds "
                              "what no name holds");
        return false;
    }
    if (connection != NULL) {
        take_address(connection, 0, about->remote_ip,
                     sizeof about->remote_ip);
        take_address(connection, 2, about->host_ip, sizeof about->host_ip);
    }
    if (about->remote_ip[0] == 0 && call->rhost != NULL)
        take_address(call->rhost, 0, about->remote_ip,
                     sizeof about->remote_ip);
    if (gethostname(about->host_name, sizeof about->host_name - 1) != 0 ||
        !is_plain(about->host_name))
        about->host_name[0] = 0;
    return true;
}

bool
pamabout_login(pamcall *call, pamabout *about)
{
    memset(about, 0, sizeof *about);
    if (call->user == NULL || *call->user == 0 ||
        strlen(call->user) > NAME_MOST || has_controls(call->user)) {
        pamcall_because(call, "the user's name is empty, too long, or holds "
                              "control characters");
        return false;
    }
    if (!know_addresses(call, about))
        return false;
    add(about, "user_name", call->user);
    add(about, "host_ip", about->host_ip);
    add(about, "host_name", about->host_name);
    add(about, "remote_host_ip", about->remote_ip);
    add(about, "remote_host_name", call->rhost);
    return true;
}

/* ---------------------------------------------------------------- identity */

/* All groups of the account, in a list that grows until they fit. */
static bool
find_groups(const struct passwd *account, pamidentity *identity)
{
    int count = 32, most;

    do {
        gid_t *list;

        most = count;
        list = reallocarray(identity->groups, (size_t)most, sizeof *list);
        if (list == NULL)
            return false;
        identity->groups = list;
        if (getgrouplist(account->pw_name, account->pw_gid, list, &count) < 0 &&
            count <= most)
            count = 2 * most;
    } while (count > most && count <= GROUPS_MOST);
    identity->as.groups = identity->groups;
    identity->as.group_count = (size_t)count;
    return count <= most;
}

/* Whether all of the process's ids are these: in a program that is setuid they
 * are not, and what is half the user's may be sent signals by the user. Groups
 * are only root's to choose. */
static bool
is_wholly(uid_t uid, gid_t gid)
{
    uid_t u[3];
    gid_t g[3];

    if (getresuid(&u[0], &u[1], &u[2]) != 0 ||
        getresgid(&g[0], &g[1], &g[2]) != 0)
        return false;
    for (int i = 0; i < 3; i++)
        if (u[i] != uid || (uid == 0 && g[i] != gid))
            return false;
    return true;
}

static bool
become_account(pamcall *call, const char *name, pamidentity *identity)
{
    struct passwd *account = pam_modutil_getpwnam(call->pamh, name);

    if (account == NULL) {
        pamcall_because(call, "the plugin would run as %s, who has no account",
                        name);
        return false;
    }
    identity->as.uid = account->pw_uid;
    identity->as.gid = account->pw_gid;
    identity->needed = !is_wholly(account->pw_uid, account->pw_gid);
    if (identity->needed && geteuid() != 0) {
        pamcall_because(call, "only root can run the plugin as %s", name);
        return false;
    }
    if (identity->needed && !find_groups(account, identity)) {
        free(identity->groups);
        pamcall_because(call, "the groups of %s cannot be found out", name);
        return false;
    }
    return true;
}

bool
pamabout_identity(pamcall *call, pamidentity *identity)
{
    memset(identity, 0, sizeof *identity);
    if (call->args.user != NULL)
        return become_account(call, call->args.user, identity);
    if (call->type == PAMARGS_PASSWORD)
        return become_account(call, call->user, identity);
    /* as the server: where that is root by setuid, root through and through */
    identity->needed = geteuid() == 0 && !is_wholly(0, 0);
    return true;
}
