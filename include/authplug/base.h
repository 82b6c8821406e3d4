/*
 * authplug/base.h - what every other header stands on: spans, statuses,
 * faults and limits.
 *
 * Conventions that hold for the whole library, said once:
 *
 *  - Every type named authplug_x that has authplug_x_new() is opaque, is owned
 *    by the caller, and is given back with authplug_x_free(&x), which accepts
 *    NULL and a pointer to NULL, and sets the pointer to NULL.
 *  - Pointers that go in are borrowed for the length of the call.
 *  - Pointers that come out in an event live until the next call on the object
 *    that gave them.
 *  - Sizes are in bytes, times in milliseconds, unless a name says otherwise.
 *  - Outputs are not touched when a function fails.
 *  - No argument may be NULL unless its comment says so.
 */
#ifndef AUTHPLUG_BASE_H
#define AUTHPLUG_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this library, and of the headers it was built with. */
#define AUTHPLUG_VERSION_STRING "0.1.0"

/* The longest static text of the library, its NUL included. */
#define AUTHPLUG_TEXT_MAX 128

/* Borrowed bytes. data may be NULL where len is 0. Not NUL-terminated. */
typedef struct authplug_span {
    const unsigned char *data;
    size_t len;
} authplug_span;

/* A span over a C string, without its NUL; NULL gives the empty span. */
authplug_span authplug_span_of(const char *text);

/* A span over len bytes at data. */
authplug_span authplug_span_make(const void *data, size_t len);

/* Whether the span holds exactly the bytes of the C string text. */
bool authplug_span_is(authplug_span span, const char *text);

/* Whether byte occurs in the span. */
bool authplug_span_has(authplug_span span, unsigned char byte);

/*
 * Everything that can go wrong, in one list: name, then what a user is told.
 * The texts name causes; the remedy is added by whoever knows the situation.
 */
#define AUTHPLUG_STATUS_MAP(X)                                                 \
    X(OK, "success")                                                           \
    X(NEED_MORE, "more input is needed")                                       \
    X(NOMEM, "out of memory")                                                  \
    X(USAGE, "a function was called with arguments it does not take")          \
    X(STATE, "a function was called out of turn")                              \
    X(CLOSED, "the other end closed where it owed a message")                  \
    X(TRUNCATED, "the other end closed inside a message")                      \
    X(TEXT, "the other end wrote text where only messages belong")             \
    X(LENGTH, "a length is zero or over the limit")                            \
    X(LIMIT, "a limit was exceeded")                                           \
    X(TYPE, "this message is unknown or does not belong here")                 \
    X(TURN, "the other end spoke out of turn")                                 \
    X(VERSION, "no protocol version in common")                                \
    X(COUNT, "the number of answers differs from the number of prompts")       \
    X(TRAILING, "bytes follow the end of the message")                         \
    X(VALUE, "a value holds bytes that are not allowed in it")                 \
    X(REFUSED, "the plugin refused")                                           \
    X(REJECTED, "the plugin does not handle this method")                      \
    X(NOT_FOUND, "the program was not found or may not be executed")           \
    X(TIMEOUT, "the deadline passed")                                          \
    X(CANCELLED, "the user cancelled")                                         \
    X(NO_TERMINAL, "there is no terminal to ask at")                           \
    X(IO, "the system reported an input or output error")

typedef enum authplug_status {
#define X(name, text) AUTHPLUG_##name,
    AUTHPLUG_STATUS_MAP(X)
#undef X
        AUTHPLUG_STATUS_COUNT
} authplug_status;

/* "OK", "NEED_MORE", ...; "?" for a number that is no status. Static. */
const char *authplug_status_name(authplug_status status);

/* The text of the list above; "unknown status" for none. Static. */
const char *authplug_status_text(authplug_status status);

/*
 * What was wrong with the peer's bytes. Never holds the bytes themselves.
 * The first fault of an engine stays: every later call reports it again.
 */
typedef struct authplug_fault {
    authplug_status status; /* AUTHPLUG_OK while there is none */
    const char *message;    /* the message's name on the wire, or "" */
    size_t offset;          /* into that message, its type byte being 0 */
    const char *text;       /* what was expected there; static, or "" */
} authplug_fault;

/*
 * The bounds of a conversation. All of them are mandatory: with a zero nothing
 * is made. A peer that goes over one is refused, never cut.
 */
typedef struct authplug_limits {
    uint32_t frame;    /* longest message, type byte included; < 2^24 */
    uint32_t prompts;  /* most prompts in one request */
    uint32_t string;   /* longest single string in a message */
    uint32_t rounds;   /* most requests in one conversation, both kinds */
    uint32_t buffered; /* most bytes held for a direction; > frame + 4 */
} authplug_limits;

/* 256 KiB, 100, 64 KiB, 1000, 640 KiB. */
#define AUTHPLUG_LIMITS_DEFAULT                                                \
    {262144u, 100u, 65536u, 1000u, 655360u}

#ifdef __cplusplus
}
#endif
#endif
