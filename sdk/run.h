/*
 * sdk/run.h - what the runtimes of both protocols' plugins share: the start,
 * and what main() returns. Internal.
 */
#ifndef SDK_RUN_H
#define SDK_RUN_H

#include "io/io.h"

enum { RUN_OK = 0, RUN_REFUSED = 1, RUN_MISUSE = 2, RUN_BROKEN = 111 };

/* A plugin's way to whoever started it. */
typedef struct run_link {
    const char *name; /* the plugin's, for messages */
    int timeout_ms;   /* for each wait; 0 is ten minutes */
    io_stream in, out;
} run_link;

/*
 * Takes over the standard streams; log as for io_take_standard(). RUN_OK, or
 * what main() returns after the message: peer is who should have started us,
 * word what `authplug try` calls the protocol.
 */
int run_open(run_link *link, const char *log, const char *peer,
             const char *word);

/* Until when to wait for the next message. */
int64_t run_deadline(const run_link *link);

/* One line on standard error, in the plugin's name; RUN_BROKEN. */
IO_PRINTF(2, 3)
int run_complain(const run_link *link, const char *format, ...);

#endif
