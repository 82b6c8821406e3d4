/* Whose password it is: the values of tokens, and how they are kept out of what
 * is shown. */
#define _GNU_SOURCE
#include "passwd_plugin.h"

#include <authplug/text.h>

#include <string.h>

/* a shorter password is masked only where it is a word of its own, since it is
 * part of many others */
#define MASKED_LEAST 4

authplug_status
login_value(void *context, const char *name, const char *argument,
            authplug_secret *out)
{
    const login *of = context;
    const char *value = name[0] == 'u'   ? of->user
                        : name[0] == 'o' ? of->old
                                         : of->new;

    (void)argument;
    if (value[0] == 0)
        return AUTHPLUG_NOT_FOUND;
    return authplug_secret_append(out, value, strlen(value));
}

/* Whether the text goes on with what words are made of. */
static bool
is_in_word(authplug_span text, size_t at)
{
    unsigned char byte = at < text.len ? text.data[at] : 0;

    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || byte >= 0x80;
}

/* How much of the text from there on is the password: all of it, or its start
 * where the text ends. */
static size_t
begins(authplug_span text, size_t at, const char *password)
{
    size_t len = strlen(password), left = text.len - at;
    size_t most = len < left ? len : left;

    if (len == 0 || memcmp(text.data + at, password, most) != 0)
        return 0;
    if (len < MASKED_LEAST)
        return most == len && !is_in_word(text, at + len) &&
                       (at == 0 || !is_in_word(text, at - 1))
                   ? len
                   : 0;
    return most >= MASKED_LEAST ? most : 0;
}

static authplug_status
append(authplug_secret *out, const char *text)
{
    return authplug_secret_append(out, text, strlen(text));
}

/* The longer of the passwords that begin there, and what stands in for it. */
static size_t
password_at(const login *of, authplug_span text, size_t at, const char **name)
{
    size_t new = begins(text, at, of->new), old = begins(text, at, of->old);

    *name = new > old ? "$new_password$" : "$old_password$";
    return new > old ? new : old;
}

/* Appends the names of the passwords from there on, as far as each begins
 * within the one before; gives where the last of them ends. */
static authplug_status
mask_from(const login *of, authplug_span text, size_t at, authplug_secret *out,
          size_t *end)
{
    const char *name, *before = NULL;
    authplug_status status = AUTHPLUG_OK;

    for (*end = at + 1; at < *end && status == AUTHPLUG_OK; at++) {
        size_t len = password_at(of, text, at, &name);

        if (before != NULL && at + len <= *end)
            continue;
        if (name != before)
            status = append(out, name);
        *end = at + len;
        before = name;
    }
    return status;
}

size_t
login_suffix(const login *of, authplug_span text)
{
    const char *const passwords[] = {of->new, of->old};
    size_t most = 0;

    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(passwords[i]);

        for (size_t from = 1; from + MASKED_LEAST <= len; from++) {
            size_t left = len - from;

            if (left > most && left <= text.len &&
                memcmp(text.data, passwords[i] + from, left) == 0)
                most = left;
        }
    }
    return most;
}

authplug_status
login_mask(const login *of, authplug_span text, authplug_secret *out)
{
    authplug_status status = AUTHPLUG_OK;
    size_t start = 0, at = 0;
    const char *name;

    while (at < text.len && status == AUTHPLUG_OK) {
        if (password_at(of, text, at, &name) == 0) {
            at++;
            continue;
        }
        status = authplug_text_safe(
            authplug_span_make(text.data + start, at - start),
            AUTHPLUG_TEXT_UTF8, out);
        if (status == AUTHPLUG_OK)
            status = mask_from(of, text, at, out, &at);
        start = at;
    }
    if (status == AUTHPLUG_OK)
        status = authplug_text_safe(
            authplug_span_make(text.data + start, text.len - start),
            AUTHPLUG_TEXT_UTF8, out);
    return status;
}
