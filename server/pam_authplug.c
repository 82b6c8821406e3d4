/*
 * pam_authplug - plugins that speak Tectia's protocol ask, and decide, in any
 * program that uses PAM.
 *
 * There are no session functions: a line of that type would do nothing, and
 * PAM says so better than we could.
 */
#include "server/pam_module.h"

/* The call could not even begin. */
static int
refuse(pamcall *call)
{
    pamcall_log(call, PAMCALL_FAILED, NULL);
    return pamcall_refusal(call);
}

static int
handle(pamargs_type type, pam_handle_t *pamh, int flags, int argc,
       const char **argv)
{
    pamcall call;
    int code;

    if (!pamcall_open(&call, type, pamh, flags, argc, argv))
        code = refuse(&call);
    else if (call.args.remember)
        code = pamauth_remember(&call);
    else if (type == PAMARGS_PASSWORD && pampassword_recurs(call.service))
        code = PAM_IGNORE;
    else if (!pamcall_trusts(&call))
        code = refuse(&call);
    else if (type == PAMARGS_AUTH)
        code = pamauth(&call);
    else if (type == PAMARGS_ACCOUNT)
        code = pamaccount(&call);
    else
        code = pampassword(&call);
    /* every way to a refusal comes through here, and takes its time */
    if (code != PAM_SUCCESS && code != PAM_IGNORE &&
        code != PAM_NEW_AUTHTOK_REQD)
        pamcall_wait(&call);
    pamcall_close(&call);
    return code;
}

int
pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    return handle(PAMARGS_AUTH, pamh, flags, argc, argv);
}

int
pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    return handle(PAMARGS_ACCOUNT, pamh, flags, argc, argv);
}

int
pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    return handle(PAMARGS_PASSWORD, pamh, flags, argc, argv);
}

/* An auth line must have it, and there is nothing to set. */
int
pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh;
    (void)flags;
    (void)argc;
    (void)argv;
    return PAM_SUCCESS;
}
