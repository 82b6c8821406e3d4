/*
 * authplug/ki.h - the two bodies of keyboard-interactive (RFC 4256).
 *
 * A request is what asks: SSH_MSG_USERAUTH_INFO_REQUEST (section 3.2) without
 * its type byte. A response is what answers: SSH_MSG_USERAUTH_INFO_RESPONSE
 * (section 3.4), likewise. PuTTY's plugin protocol carries both unchanged.
 */
#ifndef AUTHPLUG_KI_H
#define AUTHPLUG_KI_H

#include <authplug/secret.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "keyboard-interactive", the method's name in RFC 4256 section 2. */
#define AUTHPLUG_KI_METHOD "keyboard-interactive"

typedef struct authplug_ki_prompt {
    authplug_span text; /* UTF-8 by the RFC; in fact any bytes */
    bool echo;          /* whether what the user types may be shown */
} authplug_ki_prompt;

typedef struct authplug_ki_request {
    authplug_span raw; /* the whole body as it came; ignored when sending */
    authplug_span name;
    authplug_span instruction;
    authplug_span language; /* RFC 3066 tag, deprecated, mostly empty */
    uint32_t count;         /* of prompts; 0 is an ordinary request */
    const authplug_ki_prompt *prompts;
} authplug_ki_request;

typedef struct authplug_ki_response {
    authplug_span raw; /* the whole body as it came */
    uint32_t count;
    const authplug_span *answers; /* UTF-8 by the RFC; in fact any bytes */
} authplug_ki_response;

/*
 * Parses a whole request body. The result's spans point into body, and its
 * prompts into prompts, which has room for limits->prompts of them.
 * TRUNCATED, LENGTH (a string over limits->string), LIMIT (too many prompts),
 * TRAILING. fault may be NULL; its offset counts from the body's first byte.
 */
authplug_status authplug_ki_request_parse(authplug_span body,
                                          const authplug_limits *limits,
                                          authplug_ki_prompt *prompts,
                                          authplug_ki_request *request,
                                          authplug_fault *fault);

/* The same for a response body; answers has room for limits->prompts. */
authplug_status authplug_ki_response_parse(authplug_span body,
                                           const authplug_limits *limits,
                                           authplug_span *answers,
                                           authplug_ki_response *response,
                                           authplug_fault *fault);

/* Appends the body that request's fields (not raw) describe. NOMEM, LIMIT. */
authplug_status authplug_ki_request_write(const authplug_ki_request *request,
                                          authplug_secret *out);

/* The answers to one request, collected one by one, kept as a response body. */
typedef struct authplug_ki_reply authplug_ki_reply;

/* NULL when out of memory, or a limit is 0. */
authplug_ki_reply *authplug_ki_reply_new(const authplug_limits *limits);
void authplug_ki_reply_free(authplug_ki_reply **reply);

/* Wipes all answers and keeps the memory. */
void authplug_ki_reply_clear(authplug_ki_reply *reply);

/*
 * Adds the next answer. LENGTH over limits->string, LIMIT over
 * limits->prompts or limits->frame, NOMEM; nothing is added then.
 */
authplug_status authplug_ki_reply_add(authplug_ki_reply *reply,
                                      authplug_span answer);

uint32_t authplug_ki_reply_count(const authplug_ki_reply *reply);

/* The response body; lives until the next call on the reply but these two. */
authplug_span authplug_ki_reply_body(const authplug_ki_reply *reply);

#ifdef __cplusplus
}
#endif
#endif
