/* Spans and the texts of statuses. */
#include <authplug/base.h>

#include <string.h>

static const char *const names[] = {
#define X(name, text) #name,
    AUTHPLUG_STATUS_MAP(X)
#undef X
};

static const char *const texts[] = {
#define X(name, text) text,
    AUTHPLUG_STATUS_MAP(X)
#undef X
};

authplug_span
authplug_span_make(const void *data, size_t len)
{
    authplug_span span = {data, len};

    return span;
}

authplug_span
authplug_span_of(const char *text)
{
    return authplug_span_make(text, text == NULL ? 0 : strlen(text));
}

bool
authplug_span_is(authplug_span span, const char *text)
{
    return span.len == strlen(text) &&
           (span.len == 0 || memcmp(span.data, text, span.len) == 0);
}

bool
authplug_span_has(authplug_span span, unsigned char byte)
{
    return span.len > 0 && memchr(span.data, byte, span.len) != NULL;
}

const char *
authplug_status_name(authplug_status status)
{
    unsigned index = (unsigned)status;

    return index < AUTHPLUG_STATUS_COUNT ? names[index] : "?";
}

const char *
authplug_status_text(authplug_status status)
{
    unsigned index = (unsigned)status;

    return index < AUTHPLUG_STATUS_COUNT ? texts[index] : "unknown status";
}
