/*
 * server/pam_module.h - pam_authplug: what each of its files offers the
 * others. Internal.
 *
 *   pam_authplug.c  the functions that PAM calls
 *   pam_args.c      what a line of pam.d says (pam_args.h)
 *   pam_call.c      one call of the module: its beginning, its plugin, its end
 *   pam_about.c     who logs in, from where, and whom the plugin runs as
 *   pam_talk.c      the conversation with the user
 *   pam_auth.c      auth: keyboard-interactive
 *   pam_account.c   account: external authorization
 *   pam_password.c  password: its change
 *   pam_shadow.c    whether it was changed
 *   decision.c      lines for the log (decision.h)
 *
 * The process is somebody else's, and may be one of many threads: nothing here
 * is static, and nothing of the process is changed.
 */
#ifndef SERVER_PAM_MODULE_H
#define SERVER_PAM_MODULE_H

#include "server/decision.h"
#include "server/pam_args.h"

#include "io/io.h"

#include <authplug/tectia_host.h>

#include <security/pam_modules.h>

/* -------------------------------------------------------------- pam_call.c */

/* What the calls of one login share, by pam_set_data(). */
typedef struct pamshared {
    char id[DECISION_ID]; /* in all their log lines */
    bool too_old;         /* account found the password too old */
    int64_t replied;      /* when the user last replied, by io_now(); or 0 */
    authplug_secret *old; /* what `remember` kept, or NULL */
} pamshared;

typedef enum pamcall_outcome {
    PAMCALL_ACCEPTED,
    PAMCALL_REJECTED,
    PAMCALL_FAILED /* could not decide, which denies just as well */
} pamcall_outcome;

/* One call of one of the module's functions. */
typedef struct pamcall {
    pam_handle_t *pamh;
    pamargs_type type;
    int flags;
    pamargs args;
    pamshared *shared;
    char *user, *service, *rhost; /* copies: a program may set PAM's items while
                                     it converses; NULL when not known */
    int64_t began;    /* by io_now(): this call, or its latest dialogue */
    bool started;     /* a plugin was */
    bool as_other;    /* it runs as another user than this process */
    char reason[512]; /* why not, for the log; "" */
} pamcall;

/* Reads the arguments and PAM's items. False after setting the reason; the
 * call is to be closed in any case. */
bool pamcall_open(pamcall *call, pamargs_type type, pam_handle_t *pamh,
                  int flags, int argc, const char **argv);
void pamcall_close(pamcall *call);

/* Whether only root could change what the plugin's command runs. */
bool pamcall_trusts(pamcall *call);

/* Starts the plugin with parameters of the login, and with these instead for
 * a password change. NULL after setting the reason. */
authplug_tectia_host *pamcall_start(pamcall *call,
                                    const authplug_tectia_pair *own,
                                    uint32_t count);

/* The reason becomes what the host says of its fault, which is this. */
void pamcall_blame(pamcall *call, const authplug_tectia_host *host,
                   authplug_status status);

/* False after setting the reason when the program has meanwhile set PAM_USER to
 * another name: what was decided is not about that one. */
bool pamcall_same_user(pamcall *call);

/* The first reason stays until it was logged. */
IO_PRINTF(2, 3)
void pamcall_because(pamcall *call, const char *format, ...);

/* A line in the log; the texts of the verdict, which may be NULL, are in it. */
void pamcall_log(pamcall *call, pamcall_outcome outcome,
                 const authplug_tectia_event *verdict);

/* Returns no sooner than min_time after the user's last reply, or after the
 * start of a call in which there was none. */
void pamcall_wait(const pamcall *call);

/* What PAM is told of a refusal. Nobody can tell by it a wrong answer from an
 * unknown user or a broken plugin. Where there are retries= it asks the program
 * for no more: that would give more tries than these. */
int pamcall_refusal(const pamcall *call);

/* ------------------------------------------------------------- pam_about.c */

typedef struct pamabout {
    authplug_tectia_pair pairs[8];
    uint32_t count;
    char host_name[256], host_ip[64], remote_ip[64];
} pamabout;

/* Parameters for the plugin. False after setting the reason. */
bool pamabout_login(pamcall *call, pamabout *about);

typedef struct pamidentity {
    authplug_tectia_identity as;
    uint32_t *groups; /* to be freed */
    bool needed;      /* it is not what this process is already */
} pamidentity;

/* Whom the plugin runs as. False after setting the reason. */
bool pamabout_identity(pamcall *call, pamidentity *identity);

/* -------------------------------------------------------------- pam_talk.c */

#define PAMTALK_PROMPTS 100
/* the longest reply that is passed on; PAM itself speaks of 512 */
#define PAMTALK_REPLY 4096

/* The user's replies to one round; zero-initialised. */
typedef struct pamreplies {
    authplug_secret *bytes;
    size_t ends[PAMTALK_PROMPTS];
    uint32_t count;
} pamreplies;

void pamreplies_free(pamreplies *replies);

/* Says it to the user; nothing where PAM_SILENT is asked for. Sets no reason,
 * and needs none to be kept. */
void pamtalk_tell(pamcall *call, int style, authplug_span text);

/* What was said last is followed by no prompt: under sshd one is made, because
 * the user would not see it before. */
void pamtalk_pause(pamcall *call);

/* Asks one thing, without echo; the answer is appended. False after setting
 * the reason. */
bool pamtalk_ask(pamcall *call, const char *prompt, authplug_secret *answer);

/* Asks what the plugin wants to know. False after setting the reason. */
bool pamtalk_round(pamcall *call, const authplug_tectia_event *requests,
                   pamreplies *replies);

/* ------------------------------------------------------------ pam_shadow.c */

/* The account's entry in the shadow file. */
typedef struct pamshadow {
    bool local;     /* there is one, and it holds the password */
    char hash[512];
    long changed;   /* the day, since 1970 */
    long today;     /* when this was taken */
} pamshadow;

/* False after setting the reason when there may be one and it cannot be
 * read. */
bool pamshadow_take(pamcall *call, pamshadow *taken);

/* Whether it is another one now, or none of it was local; sets the reason where
 * that is not what the plugin came to, or nobody can tell. */
bool pamshadow_differs(pamcall *call, const pamshadow *before,
                       pamcall_outcome outcome);

void pamshadow_wipe(pamshadow *taken);

/* ----------------------------------------------------- pam_auth.c and so on */

/* Each gives PAM's code for a call that was opened, and leaves it to the caller
 * to wait before a refusal is passed on. */
int pamauth(pamcall *call);
int pamauth_remember(pamcall *call);
int pamaccount(pamcall *call);
int pampassword(pamcall *call);

/* Whether a program of this service may itself be what a plugin changes
 * passwords with. */
bool pampassword_recurs(const char *service);

#endif
