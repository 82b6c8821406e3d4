/* One-time codes (RFC 4226, RFC 6238): their secrets, and the codes. */
#define _GNU_SOURCE
#include "answer.h"

#include <liboath/oath.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define KEY_MOST 1024 /* bytes of a secret */
#define PERIOD 30
#define DIGITS 6
#define COUNTER_MOST ((uint64_t)1 << 62)

static bool
fail(char *why, size_t size, const char *text)
{
    (void)snprintf(why, size, "%s", text);
    return false;
}

void
otp_key_free(otp_key *key)
{
    authplug_secret_free(&key->bytes);
}

/* ------------------------------------------------------------------- base32 */

/* RFC 4648 section 6; blanks and dashes between groups are what people copy. */
static bool
add_base32(authplug_span text, authplug_secret *bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned long kept = 0;
    unsigned bits = 0;
    bool padded = false;

    for (size_t i = 0; i < text.len; i++) {
        char byte = (char)text.data[i];
        const char *at;
        unsigned char whole;

        if (byte == ' ' || byte == '-')
            continue;
        if (byte == '=') {
            padded = true;
            continue;
        }
        if (byte >= 'a' && byte <= 'z')
            byte = (char)(byte - 'a' + 'A');
        at = byte != 0 ? strchr(digits, byte) : NULL;
        if (at == NULL || padded)
            return false;
        kept = (kept << 5 | (unsigned long)(at - digits)) & 0xfff;
        bits += 5;
        if (bits < 8)
            continue;
        bits -= 8;
        whole = (unsigned char)(kept >> bits);
        if (authplug_secret_append(bytes, &whole, 1) != AUTHPLUG_OK)
            return false;
    }
    return authplug_secret_len(bytes) > 0;
}

/* --------------------------------------------------------------- otpauth:// */

static int
hex_of(unsigned char byte)
{
    return byte >= '0' && byte <= '9'   ? byte - '0'
           : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
           : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                        : -1;
}

/* A value, its %XX made bytes. */
static bool
decode(authplug_span text, authplug_secret *out)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = text.data[i];

        if (byte == '%') {
            int high = i + 2 < text.len ? hex_of(text.data[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_of(text.data[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            byte = (unsigned char)(high << 4 | low);
            i += 2;
        }
        if (byte == 0 || authplug_secret_append(out, &byte, 1) != AUTHPLUG_OK)
            return false;
    }
    return true;
}

static bool
to_number(authplug_span text, uint64_t most, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || *number > most / 10)
            return false;
        *number = *number * 10 + (uint64_t)(text.data[i] - '0');
    }
    return text.len > 0 && *number <= most;
}

/* What a URI says. */
typedef struct uri {
    bool secret, algorithm, digits, period, counter; /* was given */
} uri;

/* Whether it is the first of its kind. */
static bool
once(bool *given)
{
    bool first = !*given;

    *given = true;
    return first;
}

static bool
take_algorithm(authplug_span value, otp_key *key)
{
    static const char *const names[] = {
        [OTP_SHA1] = "SHA1", [OTP_SHA256] = "SHA256", [OTP_SHA512] = "SHA512"};

    for (int i = OTP_SHA1; i <= OTP_SHA512; i++)
        if (value.len == strlen(names[i]) &&
            strncasecmp((const char *)value.data, names[i], value.len) == 0) {
            key->algorithm = (answer_algorithm)i;
            return true;
        }
    return false;
}

static bool
take_parameter(const char *name, size_t len, authplug_span value, uri *seen,
               otp_key *key)
{
    uint64_t number = 0;
    bool good = true;

#define IS(word) (len == sizeof(word) - 1 && memcmp(name, word, len) == 0)
    if (IS("secret")) {
        good = once(&seen->secret) && add_base32(value, key->bytes);
    } else if (IS("algorithm")) {
        good = once(&seen->algorithm) && take_algorithm(value, key);
    } else if (IS("digits")) {
        good =
            once(&seen->digits) && to_number(value, 8, &number) && number >= 6;
        key->digits = (unsigned)number;
    } else if (IS("period")) {
        good = once(&seen->period) && to_number(value, 3600, &number) &&
               number >= 1;
        key->period = (unsigned)number;
    } else if (IS("counter")) {
        good = once(&seen->counter) &&
               to_number(value, COUNTER_MOST, &key->counter);
    }
#undef IS
    return good;
}

/* One name=value of the query. */
static bool
read_parameter(authplug_span text, uri *seen, otp_key *key)
{
    const char *name = (const char *)text.data;
    const unsigned char *equals =
        text.len > 0 ? memchr(text.data, '=', text.len) : NULL;
    authplug_secret *value = authplug_secret_new(ANSWER_MOST);
    size_t len;
    bool good = true;

    if (equals != NULL && value != NULL) {
        len = (size_t)(equals - text.data);
        good =
            decode(authplug_span_make(equals + 1, text.len - len - 1), value) &&
            take_parameter(name, len, authplug_secret_span(value), seen, key);
    }
    authplug_secret_free(&value);
    return good;
}

/* otpauth://TYPE/LABEL?NAME=VALUE&... */
static bool
read_uri(authplug_span text, otp_key *key, char *why, size_t size)
{
    static const char *const kinds[] = {"otpauth://totp/", "otpauth://hotp/"};
    const char *kind = kinds[key->counted];
    size_t len = strlen(kind);
    uri seen = {0};
    const unsigned char *at, *end = text.data + text.len;

    if (text.len < len || strncasecmp((const char *)text.data, kind, len) != 0)
        return fail(why, size,
                    key->counted ? "the URI is none of a Hotp: otpauth://hotp/ "
                                   "was expected"
                                 : "the URI is none of a Totp: otpauth://totp/ "
                                   "was expected");
    at = memchr(text.data, '?', text.len);
    while (at != NULL && at < end) {
        const unsigned char *start = at + 1;

        at = start < end ? memchr(start, '&', (size_t)(end - start)) : NULL;
        if (!read_parameter(
                authplug_span_make(start,
                                   (size_t)((at != NULL ? at : end) - start)),
                &seen, key))
            return fail(why, size,
                        "a parameter of the otpauth:// URI is given "
                        "twice, or has no value that it may have");
    }
    return seen.secret || fail(why, size, "the otpauth:// URI has no secret");
}

bool
otp_key_parse(const answer_code *code, authplug_span text, otp_key *key,
              char *why, size_t size)
{
    static const char scheme[] = "otpauth:";
    bool is_uri;

    while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1]) != NULL)
        text.len--;
    *key =
        (otp_key){.counted = code->counted, .digits = DIGITS, .period = PERIOD};
    key->bytes = authplug_secret_new(KEY_MOST);
    if (key->bytes == NULL)
        return fail(why, size, "memory ran out");
    is_uri =
        text.len >= sizeof scheme - 1 &&
        strncasecmp((const char *)text.data, scheme, sizeof scheme - 1) == 0;
    if (is_uri ? !read_uri(text, key, why, size)
               : !add_base32(text, key->bytes) &&
                     !fail(why, size,
                           "the secret is neither base32 nor an "
                           "otpauth:// URI"))
        return false;
    if (code->digits > 0)
        key->digits = (unsigned)code->digits;
    if (code->period > 0)
        key->period = (unsigned)code->period;
    if (code->algorithm >= 0)
        key->algorithm = (answer_algorithm)code->algorithm;
    return true;
}

/* -------------------------------------------------------------------- codes */

bool
otp_code(const otp_key *key, uint64_t moving, authplug_secret *code)
{
    static const int flags[] = {[OTP_SHA1] = 0,
                                [OTP_SHA256] = OATH_TOTP_HMAC_SHA256,
                                [OTP_SHA512] = OATH_TOTP_HMAC_SHA512};
    authplug_span bytes = authplug_secret_span(key->bytes);
    char text[16];
    bool good;

    if (moving > COUNTER_MOST)
        return false;
    /* with steps of a second the time is the counter */
    good = oath_totp_generate2((const char *)bytes.data, bytes.len,
                               (time_t)moving, 1, 0, key->digits,
                               flags[key->algorithm], text) == OATH_OK &&
           authplug_secret_append(code, text, strlen(text)) == AUTHPLUG_OK;
    authplug_wipe(text, sizeof text);
    return good;
}
