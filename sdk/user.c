/* Words of others for the user, and the user's answers. */
#include "sdk/user.h"

#include "io/io.h"

#include <authplug/text.h>

#include <stdio.h>

/* A mark is "plugin| ": twenty characters are plenty. */
#define MARK_MAX 20
#define NARROWEST 24
/* An escape takes up to ten characters for one, marks and newlines besides. */
#define SHOWN_MAX (16u << 20)
#define ANSWER_MAX 8192

/* The text as it is to be shown; empty for no text. */
static authplug_status
mark(const char *source, authplug_span text, authplug_secret *shown)
{
    unsigned width = io_terminal_width();
    char prefix[MARK_MAX];

    (void)snprintf(prefix, sizeof prefix, "%s| ", source);
    if (width < NARROWEST)
        width = NARROWEST;
    return authplug_text_lines(text, prefix, width, io_text_flags(), shown);
}

/* Servers end their lines in various ways; the mark begins the next. */
static authplug_span
without_last_newlines(authplug_span text)
{
    while (text.len > 0 && (text.data[text.len - 1] == '\n' ||
                            text.data[text.len - 1] == '\r'))
        text.len--;
    return text;
}

/* Marked lines, for whom `put` writes to. */
static void
show(const char *source, authplug_span text, void (*put)(authplug_span))
{
    authplug_secret *shown = authplug_secret_new(SHOWN_MAX);

    text = without_last_newlines(text);
    if (shown != NULL && text.len > 0 &&
        mark(source, text, shown) == AUTHPLUG_OK &&
        authplug_secret_append(shown, "\n", 1) == AUTHPLUG_OK)
        put(authplug_secret_span(shown));
    authplug_secret_free(&shown);
}

void
user_tell(const char *source, authplug_span text)
{
    show(source, text, io_note);
}

static authplug_status
ask_prompt(const char *source, const authplug_ki_prompt *prompt,
           authplug_ki_reply *reply, int64_t deadline)
{
    authplug_secret *shown = authplug_secret_new(SHOWN_MAX);
    authplug_secret *answer = authplug_secret_new(ANSWER_MAX);
    authplug_status status = AUTHPLUG_NOMEM;

    if (shown != NULL && answer != NULL)
        status = mark(source, prompt->text, shown);
    if (status == AUTHPLUG_OK)
        status = io_ask(authplug_secret_span(shown), prompt->echo, answer,
                        deadline);
    if (status == AUTHPLUG_OK)
        status = authplug_ki_reply_add(reply, authplug_secret_span(answer));
    authplug_secret_free(&shown);
    authplug_secret_free(&answer);
    return status;
}

authplug_status
user_ask(const char *source, const authplug_ki_request *request,
         authplug_ki_reply *reply, int64_t deadline)
{
    authplug_status status = AUTHPLUG_OK;

    show(source, request->name, request->count > 0 ? io_tell : io_note);
    show(source, request->instruction, request->count > 0 ? io_tell : io_note);
    for (uint32_t i = 0; i < request->count && status == AUTHPLUG_OK; i++)
        status = ask_prompt(source, &request->prompts[i], reply, deadline);
    return status;
}

authplug_status
user_ask_plain(const char *prompt, bool echo, authplug_secret *answer,
               int64_t deadline)
{
    authplug_secret *shown = authplug_secret_new(SHOWN_MAX);
    authplug_status status = AUTHPLUG_NOMEM;

    if (shown != NULL)
        status = authplug_text_safe(authplug_span_of(prompt),
                                    io_text_flags() | AUTHPLUG_TEXT_NEWLINES,
                                    shown);
    if (status == AUTHPLUG_OK)
        status = io_ask(authplug_secret_span(shown), echo, answer, deadline);
    authplug_secret_free(&shown);
    return status;
}
