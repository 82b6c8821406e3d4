/*
 * The conversation with the user, through PAM.
 *
 * sshd shows the user one prompt at a time, with the texts that came before it
 * in front of it, and keeps a text that no prompt follows until authentication
 * ends. So an instruction is put before the round's first prompt in one call,
 * and where there is no prompt, one is made.
 */
#define _GNU_SOURCE
#include "server/pam_module.h"

#include <authplug/text.h>

#include <security/pam_appl.h>
#include <stdlib.h>
#include <string.h>

#define RETURN_PROMPT "Press Return to continue: "

/* An escape takes up to ten bytes for four. */
#define TEXTS_MAX (1u << 20)

/* Messages for one call of the conversation function. */
typedef struct batch {
    struct pam_message messages[PAM_MAX_NUM_MSG];
    size_t starts[PAM_MAX_NUM_MSG];
    int count;
    authplug_secret *texts; /* one after another, each with its NUL */
} batch;

/* -------------------------------------------------------------- one call */

static bool
batch_open(pamcall *call, batch *b)
{
    memset(b, 0, sizeof *b);
    b->texts = authplug_secret_new(TEXTS_MAX);
    if (b->texts == NULL)
        pamcall_because(call, "out of memory");
    return b->texts != NULL;
}

/* A prompt comes from the plugin, and may pass on what came from the user. */
static bool
batch_add(pamcall *call, batch *b, int style, authplug_span text)
{
    size_t start = authplug_secret_len(b->texts);

    if (authplug_text_safe(text, AUTHPLUG_TEXT_UTF8, b->texts) !=
            AUTHPLUG_OK ||
        authplug_secret_append(b->texts, "", 1) != AUTHPLUG_OK) {
        pamcall_because(call, "what the plugin says is too long to be shown");
        return false;
    }
    b->starts[b->count] = start;
    b->messages[b->count++].msg_style = style;
    return true;
}

static void
free_responses(struct pam_response *responses, int count)
{
    for (int i = 0; responses != NULL && i < count; i++)
        if (responses[i].resp != NULL) {
            authplug_wipe(responses[i].resp, strlen(responses[i].resp));
            free(responses[i].resp);
        }
    free(responses);
}

/* The pointers are as much an array of messages as an array of pointers to
 * them: both readings of the interface exist. */
static struct pam_response *
batch_send(pamcall *call, batch *b)
{
    const char *texts = (const char *)authplug_secret_span(b->texts).data;
    const struct pam_message *pointers[PAM_MAX_NUM_MSG];
    struct pam_response *responses = NULL;
    const struct pam_conv *conv;
    const void *found = NULL;

    for (int i = 0; i < b->count; i++) {
        b->messages[i].msg = texts + b->starts[i];
        pointers[i] = &b->messages[i];
    }
    if (pam_get_item(call->pamh, PAM_CONV, &found) != PAM_SUCCESS ||
        (conv = found) == NULL || conv->conv == NULL ||
        conv->conv(b->count, pointers, &responses, conv->appdata_ptr) !=
            PAM_SUCCESS) {
        pamcall_because(call, "the user could not be asked, or went away");
        free_responses(responses, b->count);
        return NULL;
    }
    if (responses == NULL)
        pamcall_because(call, "the program gave no answers of the user");
    return responses;
}

static void
batch_close(batch *b, struct pam_response *responses)
{
    free_responses(responses, b->count);
    authplug_secret_free(&b->texts);
}

/* ------------------------------------------------------------- single words */

void
pamtalk_tell(pamcall *call, int style, authplug_span text)
{
    struct pam_response *responses = NULL;
    batch b;

    if ((call->flags & PAM_SILENT) != 0 || !batch_open(call, &b))
        return;
    if (batch_add(call, &b, style, text))
        responses = batch_send(call, &b);
    batch_close(&b, responses);
    call->reason[0] = 0; /* whether it was seen decides nothing */
}

void
pamtalk_pause(pamcall *call)
{
    struct pam_response *responses = NULL;
    batch b;

    /* others show a text when they are told it */
    if ((call->flags & PAM_SILENT) != 0 ||
        pam_getenv(call->pamh, "SSH_CONNECTION") == NULL ||
        !batch_open(call, &b))
        return;
    if (batch_add(call, &b, PAM_PROMPT_ECHO_ON,
                  authplug_span_of(RETURN_PROMPT)))
        responses = batch_send(call, &b);
    batch_close(&b, responses);
    call->reason[0] = 0;
}

bool
pamtalk_ask(pamcall *call, const char *prompt, authplug_secret *answer)
{
    struct pam_response *responses = NULL;
    const char *text = NULL;
    bool good = false;
    batch b;

    if (!batch_open(call, &b))
        return false;
    if (batch_add(call, &b, PAM_PROMPT_ECHO_OFF, authplug_span_of(prompt)))
        responses = batch_send(call, &b);
    call->shared->replied = io_now();
    if (responses != NULL)
        text = responses[0].resp;
    if (text != NULL)
        good = authplug_secret_append(answer, text, strlen(text)) ==
               AUTHPLUG_OK;
    if (!good)
        pamcall_because(call, text == NULL ? "the user gave no answer"
                                           : "the answer is too long");
    batch_close(&b, responses);
    return good;
}

/* --------------------------------------------------------------- the rounds */

void
pamreplies_free(pamreplies *replies)
{
    authplug_secret_free(&replies->bytes);
    replies->count = 0;
}

static bool
keep_reply(pamcall *call, pamreplies *replies, const char *text)
{
    if (text == NULL) {
        pamcall_because(call, "the user gave no answer");
        return false;
    }
    if (authplug_secret_append(replies->bytes, text, strlen(text)) !=
        AUTHPLUG_OK) {
        pamcall_because(call, "the replies are too long");
        return false;
    }
    replies->ends[replies->count++] = authplug_secret_len(replies->bytes);
    return true;
}

/* Sends the instruction, if it is given, and prompts from `first` on, as many
 * as fit. Gives how many; 0 when it failed. */
static uint32_t
ask_some(pamcall *call, const authplug_tectia_event *requests,
         authplug_span instruction, uint32_t first, pamreplies *replies)
{
    struct pam_response *responses = NULL;
    bool good = true;
    uint32_t next = first;
    int lead = 0;
    batch b;

    if (!batch_open(call, &b))
        return 0;
    if (instruction.len > 0) {
        good = batch_add(call, &b, PAM_TEXT_INFO, instruction);
        lead = 1;
    }
    for (; good && next < requests->count && b.count < PAM_MAX_NUM_MSG; next++)
        good = batch_add(call, &b,
                         requests->prompts[next].echo ? PAM_PROMPT_ECHO_ON
                                                      : PAM_PROMPT_ECHO_OFF,
                         requests->prompts[next].text);
    if (good)
        responses = batch_send(call, &b);
    call->shared->replied = io_now();
    good = responses != NULL;
    for (int i = lead; good && i < b.count; i++)
        good = keep_reply(call, replies, responses[i].resp);
    batch_close(&b, responses);
    return good ? next - first : 0;
}

/* Without a prompt behind it the user would not see the instruction. */
static bool
show_instruction(pamcall *call, authplug_span instruction)
{
    const authplug_ki_prompt prompt = {authplug_span_of(RETURN_PROMPT), false};
    const authplug_tectia_event pause = {.prompts = &prompt, .count = 1};
    pamreplies nothing = {.bytes = authplug_secret_new(TEXTS_MAX)};
    bool good = nothing.bytes != NULL &&
                ask_some(call, &pause, instruction, 0, &nothing) == 1;

    pamreplies_free(&nothing);
    return good;
}

bool
pamtalk_round(pamcall *call, const authplug_tectia_event *requests,
              pamreplies *replies)
{
    authplug_span instruction = requests->instruction;
    uint32_t done = 0, more;
    bool good = true;

    if ((call->flags & PAM_SILENT) != 0)
        instruction.len = 0;
    replies->bytes = authplug_secret_new(TEXTS_MAX);
    if (replies->bytes == NULL) {
        pamcall_because(call, "out of memory");
        return false;
    }
    if (requests->count == 0 && instruction.len > 0)
        good = show_instruction(call, instruction);
    while (good && done < requests->count) {
        more = ask_some(call, requests, instruction, done, replies);
        instruction.len = 0;
        done += more;
        good = more > 0;
    }
    return good;
}
