/*
 * What the two PuTTY engines share: a queue of bytes in, one out, the cutting
 * of frames, the parsing of messages, and who speaks next. What may be said
 * when is putty_client.c's and putty_plugin.c's.
 */
#ifndef LIB_PUTTY_LINK_H
#define LIB_PUTTY_LINK_H

#include <authplug/putty.h>
#include <authplug/wire.h>

/* Message types are below 32, so a set of them is one word. */
#define SET(type) (1u << AUTHPLUG_PUTTY_##type)

typedef struct putty_link {
    authplug_limits limits;
    authplug_secret *in;
    authplug_secret *out;
    authplug_ki_prompt *prompts; /* limits.prompts of each */
    authplug_span *answers;
    size_t taken;     /* bytes of in that the last message points into */
    uint32_t expects; /* what the peer may send; empty when we speak */
    uint32_t version; /* spoken; 0 before it is known */
    uint32_t rounds;  /* requests seen so far */
    bool eof;
    authplug_fault fault;
} putty_link;

/* False when out of memory or limits make no sense; then it is empty. */
bool putty_link_open(putty_link *link, const authplug_limits *limits);
void putty_link_close(putty_link *link);

/* Remembers the first fault and gives its status. */
authplug_status putty_link_fail(putty_link *link, authplug_status status,
                                authplug_putty_type type, size_t offset,
                                const char *text);

authplug_status putty_link_feed(putty_link *link, const void *data,
                                size_t len);

/* Lets go of what the last message pointed into. */
void putty_link_release(putty_link *link);

/*
 * Before we speak: the fault, if there is one; STATE unless `ours`; TURN if the
 * peer has sent what nobody asked for.
 */
authplug_status putty_link_our_turn(putty_link *link, bool ours);

/*
 * The next message, of a type that is expected. CLOSED at the end of input
 * between messages, which is not recorded as a fault: the engine knows whether
 * it is one.
 */
authplug_status putty_link_next(putty_link *link,
                                authplug_putty_message *message);

/* A set of enum authplug_wants; over: nobody speaks any more. */
unsigned putty_link_wants(const putty_link *link, bool over);

/* Starts and ends a message in out; an end that failed leaves no trace. */
typedef struct putty_draft {
    authplug_writer writer;
    size_t start;
} putty_draft;

putty_draft putty_link_begin(putty_link *link, authplug_putty_type type);
/* A string within the limit that the other end has for it, too. */
void putty_link_put(const putty_link *link, putty_draft *draft,
                    authplug_span text);
authplug_status putty_link_end(putty_link *link, putty_draft *draft);

/* A message with a string as its body, or (NULL) with none. */
authplug_status putty_link_send(putty_link *link, authplug_putty_type type,
                                const authplug_span *text);

/* A message with these bytes as its body. */
authplug_status putty_link_send_raw(putty_link *link, authplug_putty_type type,
                                    authplug_span body);

#endif
