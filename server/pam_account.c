/* account: external authorization. */
#define _GNU_SOURCE
#include "server/pam_module.h"

static int
decide(pamcall *call, authplug_tectia_host *host)
{
    authplug_tectia_event event;
    authplug_status status = authplug_tectia_host_next(host, &event);

    if (status != AUTHPLUG_OK) {
        pamcall_blame(call, host, status);
        pamcall_log(call, PAMCALL_FAILED, NULL);
        return pamcall_refusal(call);
    }
    if (event.success) {
        pamcall_log(call, PAMCALL_ACCEPTED, NULL);
        return PAM_SUCCESS;
    }
    call->shared->too_old = event.code == AUTHPLUG_TECTIA_CODE_PASSWORD_TOO_OLD;
    pamcall_because(call, call->shared->too_old ? "password_too_old"
                          : event.code == AUTHPLUG_TECTIA_CODE_GENERIC
                              ? "generic_error"
                              : "the plugin said failure");
    pamcall_log(call, PAMCALL_REJECTED, &event);
    if (event.error_msg.len > 0)
        pamtalk_tell(call, PAM_ERROR_MSG, event.error_msg);
    return call->shared->too_old ? PAM_NEW_AUTHTOK_REQD
                                 : pamcall_refusal(call);
}

int
pamaccount(pamcall *call)
{
    authplug_tectia_host *host = pamcall_start(call, NULL, 0);
    int code;

    call->shared->too_old = false;
    if (host != NULL) {
        code = decide(call, host);
    } else {
        code = pamcall_refusal(call);
        pamcall_log(call, PAMCALL_FAILED, NULL);
    }
    authplug_tectia_host_finish(&host);
    return code;
}
