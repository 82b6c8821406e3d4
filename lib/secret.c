/* The secret type: a capped buffer that leaves nothing behind. */
#define _DEFAULT_SOURCE /* explicit_bzero */
#include <authplug/secret.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct authplug_secret {
    unsigned char *data;
    size_t len;
    size_t used; /* how far it was ever filled or lent out since a wipe */
    size_t room; /* bytes allocated at data */
    size_t max;  /* cap on len; room may be one more, for text()'s NUL */
};

bool
authplug_secret_equal(authplug_span given, authplug_span known)
{
    unsigned char differs = given.len != known.len;

    /* as many steps as the known one has bytes, whatever was given */
    for (size_t i = 0; i < known.len; i++)
        differs |= (unsigned char)(known.data[i] ^
                                   (i < given.len ? given.data[i]
                                                  : known.data[i]));
    return differs == 0;
}

void
authplug_wipe(void *data, size_t len)
{
    if (len == 0)
        return;
#ifdef _WIN32
    volatile unsigned char *byte = data;

    while (len-- > 0)
        *byte++ = 0;
#else
    explicit_bzero(data, len);
#endif
}

authplug_secret *
authplug_secret_new(size_t max)
{
    authplug_secret *secret;

    if (max == 0 || max == SIZE_MAX)
        return NULL;
    secret = calloc(1, sizeof *secret);
    if (secret != NULL)
        secret->max = max;
    return secret;
}

void
authplug_secret_free(authplug_secret **secret)
{
    if (secret == NULL || *secret == NULL)
        return;
    authplug_secret_clear(*secret);
    free((*secret)->data);
    free(*secret);
    *secret = NULL;
}

void
authplug_secret_clear(authplug_secret *secret)
{
    authplug_wipe(secret->data, secret->used);
    secret->len = secret->used = 0;
}

/* Makes room for `room` bytes in all: allocate, copy, wipe, free. */
static authplug_status
grow(authplug_secret *secret, size_t room)
{
    unsigned char *data;
    size_t twice = secret->room < SIZE_MAX / 2 ? secret->room * 2 : room;

    if (room <= secret->room)
        return AUTHPLUG_OK;
    if (twice > secret->max)
        twice = secret->max;
    if (room < twice)
        room = twice;
    if (room < 64 && secret->max >= 64)
        room = 64;
    data = malloc(room);
    if (data == NULL)
        return AUTHPLUG_NOMEM;
    if (secret->len > 0)
        memcpy(data, secret->data, secret->len);
    authplug_wipe(secret->data, secret->used);
    free(secret->data);
    secret->data = data;
    secret->room = room;
    secret->used = secret->len;
    return AUTHPLUG_OK;
}

authplug_status
authplug_secret_reserve(authplug_secret *secret, size_t len,
                        unsigned char **room)
{
    authplug_status status;

    if (len > secret->max - secret->len)
        return AUTHPLUG_LIMIT;
    status = grow(secret, secret->len + len);
    if (status != AUTHPLUG_OK)
        return status;
    if (secret->used < secret->len + len)
        secret->used = secret->len + len;
    *room = secret->data + secret->len;
    return AUTHPLUG_OK;
}

void
authplug_secret_commit(authplug_secret *secret, size_t len)
{
    assert(len <= secret->room - secret->len);
    assert(len <= secret->max - secret->len);
    secret->len += len;
}

authplug_status
authplug_secret_append(authplug_secret *secret, const void *data, size_t len)
{
    unsigned char *room;
    authplug_status status;

    if (len == 0)
        return AUTHPLUG_OK;
    status = authplug_secret_reserve(secret, len, &room);
    if (status != AUTHPLUG_OK)
        return status;
    memcpy(room, data, len);
    secret->len += len;
    return AUTHPLUG_OK;
}

void
authplug_secret_cut(authplug_secret *secret, size_t len)
{
    if (len >= secret->len)
        return;
    authplug_wipe(secret->data + len, secret->used - len);
    secret->len = secret->used = len;
}

void
authplug_secret_drop(authplug_secret *secret, size_t len)
{
    if (len == 0)
        return;
    if (len < secret->len) {
        memmove(secret->data, secret->data + len, secret->len - len);
        authplug_secret_cut(secret, secret->len - len);
    } else {
        authplug_secret_clear(secret);
    }
}

authplug_span
authplug_secret_span(const authplug_secret *secret)
{
    return authplug_span_make(secret->data, secret->len);
}

size_t
authplug_secret_len(const authplug_secret *secret)
{
    return secret->len;
}

const char *
authplug_secret_text(authplug_secret *secret)
{
    if (authplug_span_has(authplug_secret_span(secret), 0))
        return NULL;
    if (grow(secret, secret->len + 1) != AUTHPLUG_OK)
        return NULL;
    secret->data[secret->len] = 0;
    return (const char *)secret->data;
}
