/* Answers: the form in which they are compared, and their hash. */
#define _GNU_SOURCE
#include "personal_info.h"

#include <authplug/text.h>

#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/*
 * yescrypt, at twice the time and memory of Debian's passwords: 32 MiB and
 * some ten milliseconds. All databases of this version have this cost, so that
 * it is the same for known and unknown users.
 */
#define HASH_COST 6
#define HASH_PREFIX "$y$jAT$"

/* Each as "LENGTH:ANSWER,"; crypt(3) takes less than 512 bytes. */
#define JOINED_LONGEST (QUESTIONS_MOST * (ANSWER_LONGEST + 4))
_Static_assert(JOINED_LONGEST < CRYPT_MAX_PASSPHRASE_SIZE,
               "the joined answers are too long for crypt(3)");

#define DECOY_BYTES 16

bool
text_is_plain(authplug_span text)
{
    /* what is harmless stays as it is; an escape is ten characters at most */
    authplug_secret *safe = authplug_secret_new(10 * text.len + 1);
    bool plain = safe != NULL &&
                 authplug_text_safe(text, AUTHPLUG_TEXT_UTF8, safe) ==
                     AUTHPLUG_OK &&
                 authplug_secret_equal(text, authplug_secret_span(safe));

    authplug_secret_free(&safe);
    return plain;
}

bool
answers_new(answers *all)
{
    bool made = true;

    for (size_t i = 0; i < QUESTIONS_MOST; i++) {
        all->to[i] = authplug_secret_new(ANSWER_LONGEST);
        made = made && all->to[i] != NULL;
    }
    return made;
}

void
answers_free(answers *all)
{
    for (size_t i = 0; i < QUESTIONS_MOST; i++)
        authplug_secret_free(&all->to[i]);
}

static authplug_status
take(authplug_span typed, authplug_secret *answer)
{
    authplug_status status = AUTHPLUG_OK;

    for (size_t i = 0; i < typed.len && status == AUTHPLUG_OK; i++) {
        unsigned char c = typed.data[i];

        if (c >= 'A' && c <= 'Z')
            c = (unsigned char)(c - 'A' + 'a');
        if (c != ' ' && c != '\t')
            status = authplug_secret_append(answer, &c, 1);
    }
    if (status != AUTHPLUG_OK)
        return status;
    if (!text_is_plain(authplug_secret_span(answer)))
        return AUTHPLUG_VALUE;
    return authplug_secret_len(answer) < ANSWER_SHORTEST ? AUTHPLUG_LENGTH
                                                         : AUTHPLUG_OK;
}

authplug_status
answer_read(authplug_span typed, authplug_secret *answer)
{
    authplug_status status = AUTHPLUG_LIMIT;

    if (typed.len <= TYPED_LONGEST)
        status = take(typed, answer);
    if (status != AUTHPLUG_OK)
        authplug_secret_clear(answer);
    return status;
}

const char *
answer_fault(authplug_status status)
{
    switch ((int)status) {
    case AUTHPLUG_LENGTH:
        return "too short: it needs three letters or digits";
    case AUTHPLUG_LIMIT:
        return "too long: at most 64 letters or digits";
    case AUTHPLUG_VALUE:
        return "it holds a character that cannot be seen, or is not UTF-8";
    default:
        return authplug_status_text(status);
    }
}

/* ---------------------------------------------------------------- hashes */

/* Answers must not be able to move the borders between them. */
static authplug_status
join(const answers *all, uint32_t count, authplug_secret *joined)
{
    authplug_status status = AUTHPLUG_OK;

    for (uint32_t i = 0; i < count && status == AUTHPLUG_OK; i++) {
        authplug_span answer = authplug_secret_span(all->to[i]);
        char before[8];
        int len = snprintf(before, sizeof before, "%u:", (unsigned)answer.len);

        status = authplug_secret_append(joined, before, (size_t)len);
        if (status == AUTHPLUG_OK)
            status = authplug_secret_append(joined, answer.data, answer.len);
        if (status == AUTHPLUG_OK)
            status = authplug_secret_append(joined, ",", 1);
    }
    return status;
}

/* setting is a salt with its parameters, or a whole hash to compare with. */
static authplug_status
hash_text(const char *text, const char *setting, char hash[HASH_SIZE])
{
    struct crypt_data *data = calloc(1, sizeof *data);
    authplug_status status = AUTHPLUG_NOMEM;
    const char *made = NULL;

    if (data != NULL && text != NULL) {
        made = crypt_r(text, setting, data);
        status = AUTHPLUG_IO;
    }
    if (made != NULL && made[0] == '$' && strlen(made) < HASH_SIZE) {
        memcpy(hash, made, strlen(made) + 1);
        status = AUTHPLUG_OK;
    }
    if (data != NULL)
        authplug_wipe(data, sizeof *data);
    free(data);
    return status;
}

static authplug_status
hash_answers(const answers *all, uint32_t count, const char *setting,
             char hash[HASH_SIZE])
{
    authplug_secret *joined = authplug_secret_new(JOINED_LONGEST);
    authplug_status status = AUTHPLUG_NOMEM;

    if (joined != NULL)
        status = join(all, count, joined);
    if (status == AUTHPLUG_OK)
        status = hash_text(authplug_secret_text(joined), setting, hash);
    authplug_secret_free(&joined);
    return status;
}

/* The system's random numbers make the salt. */
static bool
new_salt(char salt[CRYPT_GENSALT_OUTPUT_SIZE])
{
    return crypt_gensalt_rn("$y$", HASH_COST, NULL, 0, salt,
                            CRYPT_GENSALT_OUTPUT_SIZE) != NULL &&
           strncmp(salt, HASH_PREFIX, strlen(HASH_PREFIX)) == 0;
}

authplug_status
hash_new(const answers *all, uint32_t count, char hash[HASH_SIZE])
{
    char salt[CRYPT_GENSALT_OUTPUT_SIZE];

    return new_salt(salt) ? hash_answers(all, count, salt, hash)
                          : AUTHPLUG_IO;
}

authplug_status
hash_check(const answers *all, uint32_t count, const char *hash, bool *same)
{
    char now[HASH_SIZE];
    authplug_status status;

    /* one of another cost would tell known from unknown users */
    if (strncmp(hash, HASH_PREFIX, strlen(HASH_PREFIX)) != 0)
        return AUTHPLUG_VALUE;
    status = hash_answers(all, count, hash, now);
    if (status == AUTHPLUG_OK)
        *same = authplug_secret_equal(authplug_span_of(now),
                                      authplug_span_of(hash));
    return status;
}

authplug_status
hash_decoy(char hash[HASH_SIZE])
{
    char salt[CRYPT_GENSALT_OUTPUT_SIZE], text[2 * DECOY_BYTES + 1];
    unsigned char bytes[DECOY_BYTES];
    authplug_status status = AUTHPLUG_IO;

    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return AUTHPLUG_IO;
    for (size_t i = 0; i < sizeof bytes; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    if (new_salt(salt))
        status = hash_text(text, salt, hash);
    authplug_wipe(bytes, sizeof bytes);
    authplug_wipe(text, sizeof text);
    return status;
}
