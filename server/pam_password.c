/*
 * password: a plugin changes it.
 *
 * The plugin runs as the user whose password it is, so its verdict could be
 * forged by whatever else runs as that user: root does not believe it alone
 * (pam_shadow.c).
 */
#define _GNU_SOURCE
#include "server/pam_module.h"

#include <security/pam_modutil.h>
#include <shadow.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TRIES 3
#define DAY 86400

/* The old password and the new. */
typedef struct passwords {
    authplug_secret *old; /* NULL where none is needed */
    authplug_secret *new, *again;
    bool has_old, asked_old;
    bool given; /* the new one comes from a module before us */
    bool told;  /* the user was told something, and asked nothing since */
} passwords;

bool
pampassword_recurs(const char *service)
{
    static const char *const names[] = {"passwd", "chpasswd", "newusers"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (service != NULL && strcmp(service, names[i]) == 0)
            return true;
    return false;
}

/* ------------------------------------------------------- whether to change */

/* Whether it is known that there is nothing to change: only an expired password
 * should be, and neither our account line nor the shadow file finds it so. */
static bool
is_fresh(const pamcall *call)
{
    const struct spwd *entry;
    long today = (long)(time(NULL) / DAY);

    if ((call->flags & PAM_CHANGE_EXPIRED_AUTHTOK) == 0 ||
        call->shared->too_old || call->user == NULL)
        return false;
    entry = pam_modutil_getspnam(call->pamh, call->user);
    return entry != NULL && entry->sp_lstchg != 0 &&
           (entry->sp_lstchg < 0 || entry->sp_max < 0 ||
            today - entry->sp_lstchg <= entry->sp_max);
}

/* ------------------------------------------------------------ the passwords */

/* What another module left; nothing where that is empty. */
static bool
copy_item(pamcall *call, int which, authplug_secret *to)
{
    const void *found = NULL;
    const char *token;

    if (pam_get_item(call->pamh, which, &found) != PAM_SUCCESS)
        return false;
    token = found;
    return token != NULL && *token != 0 &&
           authplug_secret_append(to, token, strlen(token)) == AUTHPLUG_OK;
}

/* Root, who changes another's, need not know it. */
static bool
get_old(pamcall *call, passwords *p)
{
    authplug_span kept;

    if (p->has_old || p->old == NULL)
        return true;
    if (getuid() == 0 && (call->flags & PAM_CHANGE_EXPIRED_AUTHTOK) == 0) {
        authplug_secret_free(&p->old);
        return true;
    }
    if (copy_item(call, PAM_OLDAUTHTOK, p->old)) {
        p->has_old = true;
    } else if (call->shared->old != NULL) {
        kept = authplug_secret_span(call->shared->old);
        p->has_old = authplug_secret_append(p->old, kept.data, kept.len) ==
                     AUTHPLUG_OK;
    } else {
        p->asked_old = p->has_old =
            pamtalk_ask(call, "Current password: ", p->old);
    }
    return p->has_old;
}

/* The plugin refused, and may have meant the old password. */
static void
forget_old(passwords *p)
{
    if (!p->asked_old)
        return;
    authplug_secret_clear(p->old);
    p->has_old = false;
}

/* A complaint that another try may mend; NULL when the password will do. */
static const char *
complaint(const passwords *p)
{
    authplug_span new = authplug_secret_span(p->new);

    if (!p->given &&
        !authplug_secret_equal(new, authplug_secret_span(p->again)))
        return "The passwords do not match.";
    if (new.len == 0)
        return "The new password is empty.";
    if (authplug_span_has(new, '\n') || authplug_span_has(new, '\r'))
        return "The new password holds a line end.";
    return NULL;
}

static bool
get_new(pamcall *call, passwords *p)
{
    authplug_secret_clear(p->new);
    authplug_secret_clear(p->again);
    p->given = copy_item(call, PAM_AUTHTOK, p->new);
    return p->given ||
           (pamtalk_ask(call, "New password: ", p->new) &&
            pamtalk_ask(call, "Retype new password: ", p->again));
}

/* -------------------------------------------------------------- the change */

/* What the plugin decides; the verdict is in event, which lives as long as the
 * host. */
static pamcall_outcome
decide(pamcall *call, const passwords *p, authplug_tectia_host **host,
       authplug_tectia_event *event)
{
    authplug_tectia_pair pairs[3] = {
        {authplug_span_of("user_name"), authplug_span_of(call->user)},
        {authplug_span_of("new_password"), authplug_secret_span(p->new)},
        {authplug_span_of("old_password"), {NULL, 0}},
    };
    authplug_status status;

    if (p->old != NULL)
        pairs[2].value = authplug_secret_span(p->old);
    *host = pamcall_start(call, pairs, p->old != NULL ? 3 : 2);
    if (*host == NULL)
        return PAMCALL_FAILED;
    status = authplug_tectia_host_next(*host, event);
    if (status != AUTHPLUG_OK) {
        pamcall_blame(call, *host, status);
        return PAMCALL_FAILED;
    }
    if (event->success)
        return PAMCALL_ACCEPTED;
    pamcall_because(call, "the plugin said failure");
    return PAMCALL_REJECTED;
}

static void
tell(pamcall *call, passwords *p, authplug_span text)
{
    pamtalk_tell(call, PAM_ERROR_MSG, text);
    p->told = true;
}

/* What the user is told of a change that came to nothing. */
static authplug_span
words_for(const authplug_tectia_event *event, bool changed)
{
    if (changed)
        return authplug_span_of("The password was changed, but something went "
                                "wrong: log in anew with the new one.");
    return event->error_msg.len > 0
               ? event->error_msg
               : authplug_span_of("The password was not changed.");
}

/* Success has to be seen in the shadow file, and what is seen there counts more
 * than a failure: to go on with the old password would be no use. */
static pamcall_outcome
change(pamcall *call, passwords *p)
{
    pamcall_outcome outcome = PAMCALL_FAILED;
    authplug_tectia_event event = {0};
    authplug_tectia_host *host = NULL;
    pamshadow before = {0};
    bool changed = false;

    if (geteuid() != 0 || pamshadow_take(call, &before))
        outcome = decide(call, p, &host, &event);
    if (call->as_other)
        changed = pamshadow_differs(call, &before, outcome);
    if (call->as_other && before.local &&
        changed != (outcome == PAMCALL_ACCEPTED))
        outcome = PAMCALL_FAILED;
    pamcall_log(call, outcome, &event);
    if (outcome != PAMCALL_ACCEPTED)
        tell(call, p, words_for(&event, before.local && changed));
    pamshadow_wipe(&before);
    authplug_tectia_host_finish(&host);
    return outcome;
}

/* Modules after us get both, now that they count. */
static int
publish(pamcall *call, const passwords *p)
{
    const char *new = authplug_secret_text(p->new);
    const char *old = p->old ? authplug_secret_text(p->old) : NULL;

    if (new == NULL ||
        pam_set_item(call->pamh, PAM_AUTHTOK, new) != PAM_SUCCESS ||
        (old != NULL &&
         pam_set_item(call->pamh, PAM_OLDAUTHTOK, old) != PAM_SUCCESS))
        return PAM_BUF_ERR;
    return PAM_SUCCESS;
}

/* Asks for a new password and has it set, until that works out or it is no use
 * to go on. */
static int
try_new(pamcall *call, passwords *p)
{
    for (int left = TRIES; left > 0; left--) {
        const char *wrong;

        call->began = io_now();
        p->told = false;
        if (!get_old(call, p) || !get_new(call, p)) {
            pamcall_log(call, PAMCALL_FAILED, NULL);
            break;
        }
        wrong = complaint(p);
        if (wrong != NULL) {
            pamcall_because(call, "%s", wrong);
            pamcall_log(call, PAMCALL_REJECTED, NULL);
            tell(call, p, authplug_span_of(wrong));
        } else {
            pamcall_outcome outcome = change(call, p);

            if (outcome == PAMCALL_ACCEPTED)
                return publish(call, p);
            if (outcome == PAMCALL_FAILED)
                break;
            pamcall_wait(call);
            forget_old(p);
        }
        if (p->given)
            break;
    }
    if (p->told)
        pamtalk_pause(call);
    return PAM_AUTHTOK_ERR;
}

int
pampassword(pamcall *call)
{
    passwords p = {0};
    int code = PAM_AUTHTOK_ERR;

    if (is_fresh(call))
        return PAM_IGNORE;
    if ((call->flags & PAM_PRELIM_CHECK) != 0)
        return PAM_SUCCESS;
    p.old = authplug_secret_new(PAMTALK_REPLY);
    p.new = authplug_secret_new(PAMTALK_REPLY);
    p.again = authplug_secret_new(PAMTALK_REPLY);
    if (p.old != NULL && p.new != NULL && p.again != NULL) {
        code = try_new(call, &p);
    } else {
        pamcall_because(call, "out of memory");
        pamcall_log(call, PAMCALL_FAILED, NULL);
    }
    authplug_secret_free(&p.old);
    authplug_secret_free(&p.new);
    authplug_secret_free(&p.again);
    return code;
}
