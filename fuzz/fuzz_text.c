/*
 * Words of others: whatever comes in, nothing but visible characters comes
 * out, and no row of a terminal begins without the prefix.
 *
 * Input: a byte of flags, a byte that chooses width and prefix, then the text.
 */
#include "fuzz/fuzz.h"

#include <authplug/text.h>
#include <stdlib.h>
#include <string.h>

/* Takes one character off; gives its number. Its form has been checked. */
static uint32_t take_letter(authplug_span *from)
{
    unsigned char lead = from->data[0];
    size_t len = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t code = lead & (len == 1 ? 0x7fu : 0x3fu >> (len - 1));

    MUST(len <= from->len && (len == 1 || lead >= 0xc2));
    for (size_t i = 1; i < len; i++) {
        MUST((from->data[i] & 0xc0) == 0x80);
        code = code << 6 | (from->data[i] & 0x3f);
    }
    from->data += len;
    from->len -= len;
    return code;
}

static bool is_hidden(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xad ||
           code == 0x61c || (code >= 0x200b && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
           (code >= 0xd800 && code <= 0xdfff) ||
           (code >= 0xfe00 && code <= 0xfe0f) ||
           (code >= 0xe0000 && code <= 0xe01ef) || code > 0x10ffff;
}

static void check_safe(authplug_span got, unsigned flags)
{
    while (got.len > 0) {
        uint32_t code = take_letter(&got);

        if (code == '\n' && (flags & AUTHPLUG_TEXT_NEWLINES))
            continue;
        MUST(!is_hidden(code));
        MUST(code < 0x80 || (flags & AUTHPLUG_TEXT_UTF8));
    }
}

static void check_rows(authplug_span got, const char *prefix, size_t width)
{
    size_t column = 0, len = strlen(prefix);

    while (got.len > 0) {
        uint32_t code;

        if (column == 0)
            MUST(got.len >= len && memcmp(got.data, prefix, len) == 0);
        code = take_letter(&got);
        if (code == '\n') {
            MUST(got.len > 0); /* no newline ends the last line */
            column = 0;
            continue;
        }
        column += code >= 0x1100 ? 2 : 1;
        MUST(column <= width);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const prefixes[] = {"| ", "plugin: ", "#",
                                           "the plugin says: "};
    authplug_secret *out = authplug_secret_new((size_t)1 << 24);
    const char *prefix;
    authplug_span text;
    unsigned flags, width;

    MUST(out);
    if (size >= 2) {
        flags = data[0] & 3;
        width = 20 + data[1] / 4;
        prefix = prefixes[data[1] % 4];
        text = authplug_span_make(data + 2, size - 2);
        MUST(authplug_text_safe(text, flags, out) == AUTHPLUG_OK);
        check_safe(authplug_secret_span(out), flags);
        authplug_secret_clear(out);
        MUST(authplug_text_lines(text, prefix, width, flags, out) ==
             AUTHPLUG_OK);
        check_safe(authplug_secret_span(out), flags | AUTHPLUG_TEXT_NEWLINES);
        check_rows(authplug_secret_span(out), prefix, width);
    }
    authplug_secret_free(&out);
    return 0;
}
