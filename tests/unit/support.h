/*
 * support.h - what the unit tests share: a notation for bytes, transcripts
 * that are played against either engine, an allocator that fails on request
 * and remembers what it gave away, and memory that ends at a guard page.
 *
 * A transcript is a text of lines, each said by C, the client, or by P, the
 * plugin. The engine under test is one of the two: its own lines are said
 * through its calls, and what it queued is compared; the other's lines are
 * fed, and the event that comes out is compared.
 *
 *      C 00000001 06                  bytes in hex, blanks do not count
 *      C {03 {'keyboard-interactive'}}    {...} puts the length in front
 *      P {15 00000001 {'stoat'}}      '...' is ASCII
 *      P 0000 = NEED_MORE             the status it leads to; the bytes are
 *                                     kept for the next line
 *      P {ff} = TYPE PLUGIN_INIT 0    ... with the fault's message and offset
 *      P eof                          that end closes in good order
 *      P eof = CLOSED                 or not
 *      wants input output reply       what wants() says; "wants nothing"
 *      owes PLUGIN_INIT               a part of expected(); "owes nothing"
 *      # ...                          for the reader
 *
 * With AUTHPLUG_TEST_SHOW in the environment each line is printed before it is
 * played; the last one is then where a test failed.
 */
#ifndef AUTHPLUG_TESTS_SUPPORT_H
#define AUTHPLUG_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <authplug/putty.h>
#include <authplug/tectia.h>
#include <authplug/text.h>
#include <authplug/wire.h>

/* A test, named by a sentence. */
#define TEST(sentence)                                                         \
    static void sentence(void **unused_ __attribute__((unused)))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ----------------------------------------------------------------- bytes */

typedef struct bytes {
    unsigned char data[2048];
    size_t len;
} bytes;

/* The bytes that the notation above stands for; up to a '=' or line's end. */
bytes bytes_of(const char *notation);

authplug_span span_of_bytes(const bytes *from);

void assert_span(authplug_span span, const char *text);
void assert_bytes(authplug_span span, const char *notation);
void assert_status_at(authplug_status got, authplug_status expected,
                      const char *file, int line);
#define assert_status(got, expected)                                           \
    assert_status_at((got), AUTHPLUG_##expected, __FILE__, __LINE__)

/* The status with this name; fails the test when there is none. */
authplug_status status_named(const char *name, size_t len);

/* Text that grows at its end, for what is compared as a whole. */
typedef struct notes {
    char at[32768];
    size_t len;
} notes;

void note(notes *to, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void note_bytes(notes *to, authplug_span span);
void note_hex(notes *to, authplug_span span);

/* ------------------------------------------------------------- messages */

/* The most prompts and answers in a message of the tests. */
#define MESSAGE_PROMPTS 128

/* A message as the tests' own decoder sees it, not the library's. */
typedef struct decoded {
    authplug_putty_message message;
    authplug_ki_prompt prompts[MESSAGE_PROMPTS];
    authplug_span answers[MESSAGE_PROMPTS];
} decoded;

/* Of a whole message, length included; false when it is not well-formed. */
bool decode(authplug_span message, decoded *out);

/* One line that says everything about an event. */
void note_message(notes *to, const authplug_putty_message *message);

/* ------------------------------------------------------------------ ends */

typedef enum role { CLIENT = 'C', PLUGIN = 'P' } role;

/* An engine under test, whichever it is, with a reply for its answers. */
typedef struct end {
    role role;
    authplug_putty_client *client;
    authplug_putty_plugin *plugin;
    authplug_ki_reply *reply;
} end;

/* False when out of memory, or the limits are refused. */
bool end_open(end *it, role role, const authplug_limits *limits);
void end_close(end *it);

/* Makes the call that says this message, length included. */
authplug_status end_say(end *it, authplug_span message);

authplug_status end_feed(end *it, const void *data, size_t len);
authplug_status end_next(end *it, authplug_putty_message *message);
void end_eof(end *it);
authplug_span end_output(const end *it);
void end_consume(end *it, size_t len);
unsigned end_wants(const end *it);
authplug_fault end_fault(const end *it);
const char *end_expected(const end *it);

/* ----------------------------------------------------------- transcripts */

typedef struct line {
    char who;            /* C, P, w(ants), o(wes) */
    bool eof;            /* "C eof", "P eof" */
    bytes said;          /* the message otherwise */
    const char *rest;    /* of wants and owes: the words */
    bool ends;           /* a "= STATUS" follows */
    authplug_status status;
    char name[40];       /* of the fault's message */
    long offset;         /* -1 where none is given */
} line;

/* Reads a line; gives where the next one starts, NULL after the last. */
const char *line_read(const char *script, line *out);

/* Plays a script on an engine, on top of what was played before. */
void play_on(end *it, const char *script);

/* Plays a script on a new engine. */
void play_with(role role, const authplug_limits *limits, const char *script);
void play(role role, const char *script);

/* ---------------------------------------------------- transcripts of lines */

/*
 * Tectia's protocol is lines, and so are its transcripts. Again one end is
 * the engine under test: its lines are said through its calls, and what it
 * queued is compared; the other's are fed.
 *
 *      S user_name:alice      a line of the server; lines of the same end
 *      P req:PIN:             make a turn, which is fed at once
 *      p succ                 P, but without the line feed; so is s
 *      P eof                  that end closes
 *      = CLOSE                the event that a turn leads to, or the status
 *      = TURN requests 1      ... with the fault's list and line, if given
 *      wants input reply      what wants() says; "wants nothing"
 *      # ...                  for the reader
 *
 * In a line \r, \n, \0 and \\ stand for what they do in C. Without a "=" a
 * turn of ours succeeds, and one of the other end leads to the events that
 * the tests' own reader finds in it. Events read as note_event() writes them.
 */
typedef struct spoken {
    char who; /* S, P, =, w(ants), # */
    bool eof;
    bytes said;       /* the line, mostly with its line feed */
    const char *rest; /* of = and wants: the words */
    size_t len;
} spoken;

/* Reads a line; gives where the next one starts, NULL after the last. */
const char *spoken_read(const char *script, spoken *out);

/* An engine under test, 'S' or 'P', and what the tests' reader heard. */
typedef struct speaker {
    char who;
    authplug_tectia_kind kind;
    authplug_tectia_server *server;
    authplug_tectia_plugin *plugin;
    bytes items, instruction, verdict, texts;
} speaker;

/* False when out of memory, or the limits are refused. */
bool speaker_open(speaker *it, char who, authplug_tectia_kind kind,
                  const authplug_limits *limits);
void speaker_close(speaker *it);

/* Makes the call that says these lines. */
authplug_status speaker_say(speaker *it, authplug_span lines);

authplug_status speaker_feed(speaker *it, const void *data, size_t len);
authplug_status speaker_next(speaker *it, authplug_tectia_event *event);
void speaker_eof(speaker *it);
authplug_span speaker_output(const speaker *it);
void speaker_consume(speaker *it, size_t len);
unsigned speaker_wants(const speaker *it);
authplug_fault speaker_fault(const speaker *it);

/* One line that says everything about an event. */
void note_event(notes *to, const authplug_tectia_event *event);

/* The same for the events that the other end's lines, or its end, lead to. */
void note_heard(notes *to, speaker *it, authplug_span lines);
void note_heard_eof(notes *to, const speaker *it);

/* Plays a transcript on an engine, or on a new one. */
void hold_on(speaker *it, const char *script);
void hold_with(char who, authplug_tectia_kind kind,
               const authplug_limits *limits, const char *script);
void hold(char who, authplug_tectia_kind kind, const char *script);

/* The conversations that both engines hold word for word. */
typedef struct dialogue {
    const char *name;
    authplug_tectia_kind kind;
    const char *script;
} dialogue;

extern const dialogue dialogues[];
extern const size_t dialogue_count;

#define S_PARAMS                                                               \
    "S user_name:rebecca\n"                                                    \
    "S end_of_params\n"
#define P_PIN                                                                  \
    "P req:PIN: \n"                                                            \
    "P end_of_requests\n"
#define S_PIN                                                                  \
    "S reply:1234\n"                                                           \
    "S end_of_replies\n"
#define S_PASSWORDS                                                            \
    "S user_name:rebecca\n"                                                    \
    "S old_password:weasel\n"                                                  \
    "S new_password:stoat\n"                                                   \
    "S end_of_params\n"
#define BOTH_EOF                                                               \
    "S eof\n"                                                                  \
    "P eof\n"

/* ------------------------------------------------------------- allocator */

/* Forgets all counts and failures; live blocks stay known. */
void alloc_reset(void);
/* The nth allocation from now on fails (n > 0), alone or with all later. */
void alloc_fail_at(size_t n);
void alloc_fail_from(size_t n);
/* How many allocations were asked for since the last of the three above. */
size_t alloc_count(void);
/* How many blocks are live. */
size_t alloc_live(void);

/*
 * Looks for the needle, or any four bytes of it, in every block that is given
 * from now on, when it is freed or reallocated; NULL stops.
 */
void spy_on(const char *needle);
/* How many blocks went back with a part of the needle inside. */
size_t spy_spilled(void);
/* Whether a live block holds a part of the needle. */
bool spy_sees(void);

/* ------------------------------------------------------------ guard page */

/* A copy whose last byte touches a page that cannot be read or written. */
unsigned char *guarded(const void *data, size_t len);

/* ---------------------------------------------------------------- random */

/* The same numbers from the same seed, on every machine. */
uint32_t random_next(uint32_t *seed);
/* A number from low to high, both included. */
size_t random_from(uint32_t *seed, size_t low, size_t high);

/*
 * 1, or more where the environment asks for a shorter run: then the longest
 * sweeps take every nth step (AUTHPLUG_TEST_STRIDE, for slow tools).
 */
size_t sweep_stride(void);

#endif
