/* auth: the keyboard-interactive dialogue, led by a plugin. */
#define _GNU_SOURCE
#include "server/pam_module.h"

#include <stdlib.h>
#include <string.h>

/* What a dialogue has come to so far. */
typedef struct dialogue {
    bool replied;      /* the user took part */
    bool gone;         /* the user can be asked no more */
    bool spoilt;       /* a reply could not be passed on as it was */
    bool asked_secret; /* a prompt without echo was among them */
    bool gave_secret;  /* and not every such reply was empty */
} dialogue;

/*
 * A reply that would forge lines, or is far too long, denies. The plugin gets
 * another in its place and goes on: whoever asks for users who do not exist
 * should not learn that from a dialogue that is over sooner. For them sshd
 * gives as many bytes as were typed, of a backspace, line ends and more, so
 * that of a short reply only the backspace is left.
 */
static authplug_span
passable(authplug_span reply, dialogue *d)
{
    static const authplug_span another = {(const unsigned char *)"?", 1};

    if (reply.len <= PAMTALK_REPLY && !authplug_span_has(reply, '\r') &&
        !authplug_span_has(reply, '\n') &&
        (reply.len == 0 || reply.data[0] != '\b'))
        return reply;
    d->spoilt = true;
    return another;
}

/* Puts the plugin's questions to the user and the replies to the plugin. */
static bool
hold_round(pamcall *call, authplug_tectia_host *host,
           const authplug_tectia_event *requests, dialogue *d)
{
    authplug_span spans[PAMTALK_PROMPTS];
    pamreplies replies = {0};
    const unsigned char *bytes;
    size_t from = 0;
    authplug_status status = AUTHPLUG_CANCELLED;

    d->gone = !pamtalk_round(call, requests, &replies);
    if (!d->gone) {
        bytes = authplug_secret_span(replies.bytes).data;
        for (uint32_t i = 0; i < replies.count; i++) {
            spans[i] = passable(
                authplug_span_make(bytes + from, replies.ends[i] - from), d);
            from = replies.ends[i];
            d->replied = true;
            d->asked_secret |= !requests->prompts[i].echo;
            d->gave_secret |= !requests->prompts[i].echo && spans[i].len > 0;
        }
        status = authplug_tectia_host_replies(host, spans, replies.count);
        if (status != AUTHPLUG_OK)
            pamcall_blame(call, host, status);
    }
    pamreplies_free(&replies);
    return status == AUTHPLUG_OK;
}

/* Whether the plugin's verdict lets the user in. */
static pamcall_outcome
weigh(pamcall *call, const authplug_tectia_event *verdict, const dialogue *d)
{
    if (d->spoilt)
        pamcall_because(call, "a reply holds a line end, begins with a "
                              "backspace or is too long, such as sshd gives "
                              "for a user who may not log in");
    else if (!verdict->success)
        pamcall_because(call, "the plugin said failure");
    else if ((call->flags & PAM_DISALLOW_NULL_AUTHTOK) != 0 &&
             d->asked_secret && !d->gave_secret)
        pamcall_because(call, "all secrets given were empty, which the program "
                              "does not allow (sshd: PermitEmptyPasswords)");
    else if (pamcall_same_user(call))
        return PAMCALL_ACCEPTED;
    return PAMCALL_REJECTED;
}

static pamcall_outcome
hold_dialogue(pamcall *call, dialogue *d)
{
    authplug_tectia_host *host = pamcall_start(call, NULL, 0);
    pamcall_outcome outcome = PAMCALL_FAILED;
    authplug_tectia_event event;

    if (host == NULL)
        return PAMCALL_FAILED;
    for (;;) {
        authplug_status status = authplug_tectia_host_next(host, &event);

        if (status != AUTHPLUG_OK) {
            pamcall_blame(call, host, status);
            break;
        }
        if (event.type == AUTHPLUG_TECTIA_VERDICT) {
            outcome = weigh(call, &event, d);
            break;
        }
        if (!hold_round(call, host, &event, d))
            break;
    }
    authplug_tectia_host_finish(&host);
    return outcome;
}

int
pamauth(pamcall *call)
{
    for (long left = call->args.retries;; pamcall_wait(call)) {
        dialogue d = {0};
        pamcall_outcome outcome;

        call->began = io_now();
        outcome = hold_dialogue(call, &d);
        pamcall_log(call, outcome, NULL);
        if (outcome == PAMCALL_ACCEPTED)
            return PAM_SUCCESS;
        if (!d.replied || d.gone || --left == 0)
            return pamcall_refusal(call);
    }
}

int
pamauth_remember(pamcall *call)
{
    authplug_secret *kept = authplug_secret_new(PAMTALK_REPLY);
    const char *token = NULL;
    const void *found = NULL;

    if (pam_get_item(call->pamh, PAM_AUTHTOK, &found) == PAM_SUCCESS)
        token = found;
    if (kept != NULL && token != NULL && *token != 0 &&
        authplug_secret_append(kept, token, strlen(token)) == AUTHPLUG_OK) {
        authplug_secret_free(&call->shared->old);
        call->shared->old = kept;
        kept = NULL;
    }
    authplug_secret_free(&kept);
    return PAM_IGNORE;
}
