/* Whose password it is: the values of tokens, and how they are kept out of what
 * is shown. */
#define _GNU_SOURCE
#include "passwd_plugin.h"

#include <authplug/text.h>

#include <string.h>

/* a shorter one is found in many a word */
#define MASKED_LEAST 4

authplug_status
login_value(void *context, const char *name, const char *argument,
            authplug_secret *out)
{
    const login *of = context;
    const char *value = name[0] == 'u' ? of->user
                        : name[0] == 'o' ? of->old
                                         : of->new;

    (void)argument;
    if (value[0] == 0)
        return AUTHPLUG_NOT_FOUND;
    return authplug_secret_append(out, value, strlen(value));
}

/* How much of the text's beginning is the password: all of it, or its start
 * where the text ends. */
static size_t
begins(authplug_span text, const char *password)
{
    size_t len = strlen(password), most = len < text.len ? len : text.len;

    return most >= MASKED_LEAST && memcmp(text.data, password, most) == 0
               ? most
               : 0;
}

static bool
is_too_short(const char *password)
{
    return password[0] != 0 && strlen(password) < MASKED_LEAST;
}

static authplug_status
append(authplug_secret *out, const char *text)
{
    return authplug_secret_append(out, text, strlen(text));
}

authplug_status
login_mask(const login *of, authplug_span text, authplug_secret *out)
{
    authplug_status status = AUTHPLUG_OK;
    size_t start = 0, at = 0;

    if (is_too_short(of->old) || is_too_short(of->new))
        return append(out, "(not shown: a password is too short to be found "
                           "in it)");
    while (at < text.len && status == AUTHPLUG_OK) {
        authplug_span rest = {text.data + at, text.len - at};
        size_t new = begins(rest, of->new), old = begins(rest, of->old);
        size_t len = new > old ? new : old;

        if (len == 0) {
            at++;
            continue;
        }
        status = authplug_text_safe(
            authplug_span_make(text.data + start, at - start),
            AUTHPLUG_TEXT_UTF8, out);
        if (status == AUTHPLUG_OK)
            status = append(out, new > old ? "$new_password$"
                                           : "$old_password$");
        start = at += len;
    }
    if (status == AUTHPLUG_OK)
        status = authplug_text_safe(
            authplug_span_make(text.data + start, text.len - start),
            AUTHPLUG_TEXT_UTF8, out);
    return status;
}
