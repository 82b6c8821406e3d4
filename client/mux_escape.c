/* "~." and "~~" in what the user types. */
#include "client/mux_escape.h"

size_t
mux_escape_filter(struct mux_escape *escape, const unsigned char *from,
                  size_t len, unsigned char *to, bool *end)
{
    size_t sent = 0;

    *end = false;
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = from[i];
        bool special = byte == escape->character;

        if (escape->pending) {
            escape->pending = false;
            escape->inside_line = true;
            if (byte == '.') {
                *end = true;
                return sent;
            }
            if (!special)
                to[sent++] = (unsigned char)escape->character;
        } else if (special && !escape->inside_line) {
            escape->pending = true;
            continue;
        }
        to[sent++] = byte;
        escape->inside_line = byte != '\r' && byte != '\n';
    }
    return sent;
}
