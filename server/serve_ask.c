/* A round of questions over SSH (RFC 4256). */
#define _GNU_SOURCE
#include "server/serve_connection.h"

#include <stdlib.h>
#include <string.h>

/* The texts of a round as libssh wants them. */
typedef struct round_texts {
    char *memory;
    const char *instruction;
    const char *prompts[SERVE_PROMPTS];
    char echo[SERVE_PROMPTS];
} round_texts;

static const char *
add_text(char **to, authplug_span text)
{
    char *start = *to;

    if (text.len > 0)
        memcpy(start, text.data, text.len);
    start[text.len] = 0;
    *to += text.len + 1;
    return start;
}

/* False when it is too much, or memory ran out. They hold no NUL: neither do
 * lines of a plugin. */
static bool
make_texts(round_texts *texts, authplug_span instruction,
           const authplug_ki_prompt *prompts, uint32_t count)
{
    size_t size = instruction.len + 1;
    char *to;

    for (uint32_t i = 0; i < count; i++)
        size += prompts[i].text.len + 1;
    if (count > SERVE_PROMPTS || size > SERVE_ROUND_MAX)
        return false;
    texts->memory = to = malloc(size);
    if (to == NULL)
        return false;
    texts->instruction = add_text(&to, instruction);
    for (uint32_t i = 0; i < count; i++) {
        texts->prompts[i] = add_text(&to, prompts[i].text);
        texts->echo[i] = prompts[i].echo;
    }
    return true;
}

static bool
send_round(connection *with, const char *title, authplug_span instruction,
           const authplug_ki_prompt *prompts, uint32_t count)
{
    round_texts texts = {.memory = NULL};
    bool good = make_texts(&texts, instruction, prompts, count) &&
                ssh_message_auth_interactive_request(
                    with->message, title, texts.instruction, count,
                    texts.prompts, texts.echo) == SSH_OK;

    free(texts.memory);
    return good;
}

void
ask_user(connection *with, const char *title, authplug_span instruction,
         const authplug_ki_prompt *prompts, uint32_t count,
         auth_result *result)
{
    if (!send_round(with, title, instruction, prompts, count)) {
        auth_ends(result, AUTH_FAILED,
                  "there is too much to ask the user in one round");
        result->broken = true;
    } else if (!connection_flush(with) || !request_next(with)) {
        auth_ends(result, AUTH_OVER, "%s", with->over);
    } else if (with->request.kind != REQUEST_REPLIES) {
        /* RFC 4256 section 3.1: instead of replies, anything may be asked */
        request_unread(with);
        auth_ends(result, AUTH_ABANDONED,
                  "the client asked for something else");
    } else if (with->request.count != count) {
        auth_ends(result, AUTH_FAILED,
                  "the client sent %u replies to %u prompts",
                  (unsigned)with->request.count, (unsigned)count);
    } else {
        result->end = AUTH_PASSED;
    }
}
