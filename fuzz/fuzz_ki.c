/*
 * The bodies of keyboard-interactive: whatever is read as a request is written
 * back with the same meaning, whatever is read as a response byte for byte.
 *
 * Input: one byte that chooses the limits, then the body.
 */
#include "fuzz/fuzz.h"

#include <authplug/ki.h>
#include <stdlib.h>
#include <string.h>

static const authplug_limits choices[] = {AUTHPLUG_LIMITS_DEFAULT,
                                          {64, 2, 8, 4, 100},
                                          {4096, 100, 16, 4, 9000}};

static bool same(authplug_span one, authplug_span other)
{
    return one.len == other.len &&
           (one.len == 0 || memcmp(one.data, other.data, one.len) == 0);
}

static void check_fault(const authplug_fault *fault, authplug_status status,
                        size_t len)
{
    MUST(fault->status == status);
    MUST(fault->offset <= len);
    MUST(strlen(fault->text) < AUTHPLUG_TEXT_MAX);
}

static void check_request(authplug_span body, const authplug_limits *limits)
{
    authplug_ki_prompt prompts[100], again[100];
    authplug_ki_request request, copy;
    authplug_fault fault = {.status = AUTHPLUG_OK};
    authplug_secret *out;
    authplug_status status =
        authplug_ki_request_parse(body, limits, prompts, &request, &fault);

    if (status != AUTHPLUG_OK) {
        check_fault(&fault, status, body.len);
        return;
    }
    MUST(same(request.raw, body) && request.count <= limits->prompts);
    out = authplug_secret_new(body.len);
    MUST(out && authplug_ki_request_write(&request, out) == AUTHPLUG_OK);
    MUST(authplug_ki_request_parse(authplug_secret_span(out), limits, again,
                                   &copy, NULL) == AUTHPLUG_OK);
    MUST(copy.count == request.count && same(copy.name, request.name) &&
         same(copy.instruction, request.instruction) &&
         same(copy.language, request.language));
    for (uint32_t i = 0; i < copy.count; i++)
        MUST(same(again[i].text, prompts[i].text) &&
             again[i].echo == prompts[i].echo);
    authplug_secret_free(&out);
}

static void check_response(authplug_span body, const authplug_limits *limits)
{
    authplug_span answers[100];
    authplug_ki_response response;
    authplug_fault fault = {.status = AUTHPLUG_OK};
    authplug_ki_reply *reply;
    authplug_status status =
        authplug_ki_response_parse(body, limits, answers, &response, &fault);

    if (status != AUTHPLUG_OK) {
        check_fault(&fault, status, body.len);
        return;
    }
    MUST(same(response.raw, body) && response.count <= limits->prompts);
    reply = authplug_ki_reply_new(limits);
    MUST(reply);
    for (uint32_t i = 0; i < response.count; i++) {
        status = authplug_ki_reply_add(reply, answers[i]);
        if (status != AUTHPLUG_OK)
            break;
    }
    if (status == AUTHPLUG_OK)
        MUST(same(authplug_ki_reply_body(reply), body));
    else
        MUST(status == AUTHPLUG_LIMIT && body.len >= limits->frame);
    authplug_ki_reply_free(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const authplug_limits *limits;
    authplug_span body;

    if (size == 0)
        return 0;
    limits = &choices[data[0] % (sizeof choices / sizeof choices[0])];
    body = authplug_span_make(data + 1, size - 1);
    check_request(body, limits);
    check_response(body, limits);
    return 0;
}
