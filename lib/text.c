/* Words of others, made harmless: escapes for whatever could deceive. */
#include <authplug/text.h>

#include <string.h>

/* Code points that show nothing of their own but change what others show. */
static const struct {
    uint32_t first, last;
} invisible[] = {
    {0x00ad, 0x00ad},   {0x034f, 0x034f},   {0x061c, 0x061c},
    {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},
    {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},
    {0x3164, 0x3164},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
    {0xffa0, 0xffa0},   {0xfff0, 0xfffb},   {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

/* Above this a character may be two columns wide. */
#define WIDE 0x1100u

static bool
harmless(uint32_t code)
{
    size_t i;

    if (code < 0x20 || (code >= 0x7f && code < 0xa0))
        return false;
    for (i = 0; i < sizeof invisible / sizeof *invisible; i++)
        if (code >= invisible[i].first && code <= invisible[i].last)
            return false;
    /* private use and non-characters: nobody knows what they show */
    return !(code >= 0xe000 && code <= 0xf8ff) && (code & 0xfffe) != 0xfffe &&
           code < 0xf0000;
}

/*
 * Decodes one character of valid UTF-8 (RFC 3629); 1 byte and a code of
 * UINT32_MAX for a byte that begins none.
 */
static size_t
decode(authplug_span text, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = text.data[0];
    size_t len = first < 0x80   ? 1
                 : first < 0xc2 ? 0
                 : first < 0xe0 ? 2
                 : first < 0xf0 ? 3
                 : first < 0xf5 ? 4
                                : 0;
    uint32_t value = len == 1 ? first : first & (0x7fu >> len);
    size_t i;

    *code = UINT32_MAX;
    if (len == 0 || len > text.len)
        return 1;
    for (i = 1; i < len; i++) {
        if ((text.data[i] & 0xc0) != 0x80)
            return 1;
        value = value << 6 | (text.data[i] & 0x3fu);
    }
    if (value < least[len] || (value >= 0xd800 && value < 0xe000) ||
        value > 0x10ffff)
        return 1;
    *code = value;
    return len;
}

/* "\x1b", "\u202e" or "\U000e0041": gives its length. */
static size_t
escape(char *to, uint32_t code, char kind, unsigned digits)
{
    static const char hex[] = "0123456789abcdef";
    unsigned i;

    to[0] = '\\';
    to[1] = kind;
    for (i = 0; i < digits; i++)
        to[2 + i] = hex[code >> 4 * (digits - 1 - i) & 0xf];
    return 2 + digits;
}

/* One character as it will be shown. */
typedef struct glyph {
    char bytes[12];
    size_t len;
    unsigned columns;
    bool newline;
} glyph;

/* Reads one character off the text and says how to show it. */
static size_t
next_glyph(authplug_span text, unsigned flags, glyph *out)
{
    uint32_t code;
    size_t used = decode(text, &code);

    out->newline = false;
    out->columns = 1;
    out->len = 1;
    if ((flags & AUTHPLUG_TEXT_NEWLINES) != 0 && code == '\r' &&
        text.len > 1 && text.data[1] == '\n') {
        used = 2;
        code = '\n';
    }
    if ((flags & AUTHPLUG_TEXT_NEWLINES) != 0 && code == '\n') {
        out->newline = true;
        out->bytes[0] = '\n';
        out->columns = 0;
        return used;
    }
    if (code == '\t') {
        out->bytes[0] = ' ';
    } else if (code == UINT32_MAX) {
        out->len = escape(out->bytes, text.data[0], 'x', 2);
        out->columns = (unsigned)out->len;
    } else if (harmless(code) &&
               (code < 0x80 || (flags & AUTHPLUG_TEXT_UTF8) != 0)) {
        memcpy(out->bytes, text.data, used);
        out->len = used;
        out->columns = code < WIDE ? 1 : 2;
    } else {
        out->len = code < 0x80     ? escape(out->bytes, code, 'x', 2)
                   : code <= 0xffff ? escape(out->bytes, code, 'u', 4)
                                    : escape(out->bytes, code, 'U', 8);
        out->columns = (unsigned)out->len;
    }
    return used;
}

static authplug_span
rest(authplug_span text, size_t used)
{
    return authplug_span_make(text.data + used, text.len - used);
}

authplug_status
authplug_text_safe(authplug_span text, unsigned flags, authplug_secret *out)
{
    size_t start = authplug_secret_len(out);
    authplug_status status = AUTHPLUG_OK;
    glyph one;

    while (text.len > 0 && status == AUTHPLUG_OK) {
        text = rest(text, next_glyph(text, flags, &one));
        status = authplug_secret_append(out, one.bytes, one.len);
    }
    if (status != AUTHPLUG_OK)
        authplug_secret_cut(out, start);
    return status;
}

/* Where a line of a marked text stands. */
typedef struct column {
    const char *prefix;
    size_t prefix_len;
    unsigned width, used;
} column;

/* Appends bytes that take so many columns, on the next line if need be. */
static authplug_status
place(column *at, const char *bytes, size_t len, unsigned columns, bool newline,
      authplug_secret *out)
{
    authplug_status status = AUTHPLUG_OK;

    /* the last column stays free: some terminals wrap as it fills */
    if (newline || at->used + columns >= at->width) {
        status = authplug_secret_append(out, "\n", 1);
        if (status == AUTHPLUG_OK)
            status = authplug_secret_append(out, at->prefix, at->prefix_len);
        at->used = (unsigned)at->prefix_len;
    }
    if (!newline && status == AUTHPLUG_OK)
        status = authplug_secret_append(out, bytes, len);
    at->used += columns;
    return status;
}

authplug_status
authplug_text_lines(authplug_span text, const char *prefix, unsigned width,
                    unsigned flags, authplug_secret *out)
{
    size_t start = authplug_secret_len(out), prefix_len = strlen(prefix);
    column at = {prefix, prefix_len, width, (unsigned)prefix_len};
    authplug_status status;
    glyph one;

    if (prefix_len + 3 > width)
        return AUTHPLUG_USAGE;
    status = authplug_secret_append(out, prefix, prefix_len);
    flags |= AUTHPLUG_TEXT_NEWLINES;
    while (text.len > 0 && status == AUTHPLUG_OK) {
        text = rest(text, next_glyph(text, flags, &one));
        if (one.columns <= 2)
            status = place(&at, one.bytes, one.len, one.columns, one.newline,
                           out);
        /* an escape is plain ASCII, and may be broken anywhere */
        for (size_t i = 0; one.columns > 2 && i < one.len; i++)
            if (status == AUTHPLUG_OK)
                status = place(&at, one.bytes + i, 1, 1, false, out);
    }
    if (status != AUTHPLUG_OK)
        authplug_secret_cut(out, start);
    return status;
}
