/*
 * mux_escape.h - the escape character of a session with a terminal: "~." at
 * the beginning of a line ends a session that nothing else ends. The client
 * hands its terminal over, so it is the master that has to look for it.
 */
#ifndef AUTHPLUG_CLIENT_MUX_ESCAPE_H
#define AUTHPLUG_CLIENT_MUX_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mux_escape {
    uint32_t character; /* a byte; anything above is none */
    bool inside_line;   /* something else stands before */
    bool pending;       /* the character came at the beginning of a line */
};

/*
 * Takes escapes out of the input: a doubled character becomes one, one that is
 * followed by nothing known stays. Gives the length of what is to be sent, in
 * `to`, which has room for len + 1 bytes and may not overlap. *end is set when
 * the session is to be ended; what follows is dropped.
 */
size_t mux_escape_filter(struct mux_escape *escape, const unsigned char *from,
                         size_t len, unsigned char *to, bool *end);

#endif
