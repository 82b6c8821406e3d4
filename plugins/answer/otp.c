/* One-time codes: what a secret's text says, and the codes by liboath. */
#define _GNU_SOURCE
#include "answer.h"

#include <assert.h>
#include <liboath/oath.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* A time step is handed to liboath as a time. */
static_assert(sizeof(time_t) >= 8, "a time must hold a counter");

#define URI "otpauth://"

/* What is being parsed. */
typedef struct parsing {
    const answer_code *code;
    otp_key key;
    authplug_secret *value; /* of a parameter, decoded */
    bool seen[5];           /* as in parameters[] */
    char *why;
    size_t size;
} parsing;

/* False, after saying what is wrong. Of the secret's text nothing is said. */
static bool
wrong(parsing *of, const char *what)
{
    (void)snprintf(of->why, of->size, "%s %s: %s",
                   of->code->counted ? "Hotp" : "Totp", of->code->name, what);
    return false;
}

static bool
no_memory(parsing *of)
{
    return wrong(of, "out of memory");
}

/* Without the blanks around it, and the end of its line. */
static authplug_span
trimmed(authplug_span text)
{
    static const char blank[] = " \t\r\n";

    while (text.len > 0 && memchr(blank, text.data[0], 4) != NULL) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && memchr(blank, text.data[text.len - 1], 4) != NULL)
        text.len--;
    return text;
}

authplug_span
otp_trim(authplug_span text)
{
    if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
        text = authplug_span_make(text.data + 3, text.len - 3);
    return trimmed(text);
}

static bool
is_word(authplug_span text, const char *word)
{
    return text.len == strlen(word) &&
           strncasecmp((const char *)text.data, word, text.len) == 0;
}

static bool
begins(authplug_span text, const char *word)
{
    size_t len = strlen(word);

    return text.len >= len && is_word(authplug_span_make(text.data, len), word);
}

/* Takes the word off the front, if it is there. */
static bool
drop(authplug_span *text, const char *word)
{
    size_t len = strlen(word);

    if (!begins(*text, word))
        return false;
    *text = authplug_span_make(text->data + len, text->len - len);
    return true;
}

/* ------------------------------------------------------------------ base32 */

/* The five bits of a symbol, or -1. */
static int
symbol(unsigned char byte)
{
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a';
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    return byte >= '2' && byte <= '7' ? byte - '2' + 26 : -1;
}

/* Appends the bytes of the symbols, and counts these; stops before the first
 * byte that is none. False when out of memory. */
static bool
decode_symbols(authplug_span *text, size_t *symbols, authplug_secret *bytes)
{
    unsigned bits = 0, count = 0;
    authplug_status status = AUTHPLUG_OK;

    for (; text->len > 0 && status == AUTHPLUG_OK; text->data++, text->len--) {
        unsigned char now = text->data[0];
        int five = symbol(now);

        if (five < 0 && now != ' ' && now != '\t' && now != '-')
            break;
        if (five < 0)
            continue;
        ++*symbols;
        bits = (bits << 5 | (unsigned)five) & 0xfff;
        count += 5;
        if (count >= 8) {
            unsigned char byte = (unsigned char)(bits >> (count -= 8));

            status = authplug_secret_append(bytes, &byte, 1);
            authplug_wipe(&byte, 1);
        }
    }
    authplug_wipe(&bits, sizeof bits);
    return status == AUTHPLUG_OK;
}

/* Bits that are left over after the last byte do not count: there are sites
 * whose secrets are symbols by chance. */
static bool
parse_base32(parsing *of, authplug_span text)
{
    size_t symbols = 0, padding = 0;

    text = trimmed(text);
    if (text.len > 0 && (text.data[0] == '-' || text.data[text.len - 1] == '-'))
        return wrong(of, "a dash stands at an end of the secret: base32 was "
                         "expected, with dashes between its groups only");
    if (!decode_symbols(&text, &symbols, of->key.bytes))
        return no_memory(of);
    for (; text.len > 0 && text.data[0] == '='; text.data++, text.len--)
        padding++;
    if (text.len > 0)
        return wrong(of, "the secret is neither base32, which is made of "
                         "letters and the digits 2 to 7, nor an " URI " URI");
    if (symbols == 0)
        return wrong(of, "the secret is empty: base32 or an " URI " URI was "
                         "expected");
    if (symbols % 8 == 1 || symbols % 8 == 3 || symbols % 8 == 6)
        return wrong(of, "no base32 has as many symbols as the secret: see "
                         "whether a part is missing");
    if (padding > 0 && (padding > 6 || (symbols + padding) % 8 != 0))
        return wrong(of, "as many '=' do not belong behind this secret: see "
                         "whether a part is missing, or leave them away");
    return true;
}

/* --------------------------------------------------------------------- URI */

/* A decimal number from low to high. */
static bool
number(authplug_span text, uint64_t low, uint64_t high, uint64_t *out)
{
    uint64_t value = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)text.data[i] - '0';

        if (digit > 9 || digit > high || value > (high - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return text.len > 0 && value >= low;
}

static bool
set_secret(parsing *of, authplug_span value)
{
    return parse_base32(of, value);
}

/* SHA1, SHA-1, HmacSHA1 and HMAC-SHA-1 are one. */
static bool
set_algorithm(parsing *of, authplug_span value)
{
    static const char *const bits[] = {"1", "256", "512"};

    if (drop(&value, "hmac"))
        (void)drop(&value, "-");
    if (drop(&value, "sha")) {
        (void)drop(&value, "-");
        for (unsigned i = 0; i < 3; i++)
            if (is_word(value, bits[i])) {
                of->key.algorithm = (answer_algorithm)i;
                return true;
            }
    }
    return wrong(of, "its URI has another algorithm than SHA1, SHA256 and "
                     "SHA512");
}

static bool
set_digits(parsing *of, authplug_span value)
{
    uint64_t digits;

    if (!number(value, OTP_DIGITS_LEAST, OTP_DIGITS_MOST, &digits))
        return wrong(of, "its URI has other digits than 6, 7 or 8");
    of->key.digits = (unsigned)digits;
    return true;
}

static bool
set_period(parsing *of, authplug_span value)
{
    uint64_t period;

    if (of->key.counted)
        return true;
    if (!number(value, 1, OTP_PERIOD_MOST, &period))
        return wrong(of, "its URI has a period that is not one of 1 to 3600 "
                         "seconds");
    of->key.period = (unsigned)period;
    return true;
}

static bool
set_counter(parsing *of, authplug_span value)
{
    if (of->key.counted &&
        !number(value, 0, OTP_COUNTER_MOST, &of->key.counter))
        return wrong(of, "its URI has a counter that is no number below "
                         "2^63");
    return true;
}

static const struct {
    const char *name;
    bool (*set)(parsing *of, authplug_span value);
} parameters[] = {
    {"secret", set_secret},   {"algorithm", set_algorithm},
    {"digits", set_digits},   {"period", set_period},
    {"counter", set_counter},
};

static int
hex(unsigned char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Puts the value, decoded, into of->value. */
static bool
decode_value(parsing *of, authplug_span value)
{
    authplug_secret_clear(of->value);
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = value.data[i];
        authplug_status status;

        if (byte == '+')
            byte = ' ';
        if (byte == '%') {
            int high = i + 2 < value.len ? hex(value.data[i + 1]) : -1;
            int low = high >= 0 ? hex(value.data[i + 2]) : -1;

            if (low < 0)
                return wrong(of, "its URI has a '%' without two digits of hex "
                                 "behind it");
            byte = (unsigned char)(high << 4 | low);
            i += 2;
        }
        status = authplug_secret_append(of->value, &byte, 1);
        authplug_wipe(&byte, 1);
        if (status != AUTHPLUG_OK)
            return no_memory(of);
    }
    return true;
}

/* The bytes before the first one of these, which is dropped as well. */
static authplug_span
take_until(authplug_span *text, unsigned char end)
{
    const unsigned char *at =
        text->len > 0 ? memchr(text->data, end, text->len) : NULL;
    size_t len = at == NULL ? text->len : (size_t)(at - text->data);
    authplug_span part = authplug_span_make(text->data, len);
    size_t gone = at == NULL ? len : len + 1;

    *text = authplug_span_make(text->data + gone, text->len - gone);
    return part;
}

/* One of those that are unknown does not matter. */
static bool
parse_parameter(parsing *of, authplug_span value)
{
    authplug_span name = take_until(&value, '=');

    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        if (!is_word(name, parameters[i].name))
            continue;
        if (of->seen[i])
            return wrong(of, "its URI says something twice");
        of->seen[i] = true;
        return decode_value(of, value) &&
               parameters[i].set(of, authplug_secret_span(of->value));
    }
    return true;
}

/* In no part, even one that means nothing: no file of rules could hold it. */
static bool
has_control(authplug_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((text.data[i] < ' ' && text.data[i] != '\t') ||
            text.data[i] == 0x7f)
            return true;
    return false;
}

/* Whether it was copied from a page's source: what follows each '&' there would
 * be passed over, as one of the names that are unknown. */
static bool
is_escaped(authplug_span text)
{
    static const char *const forms[] = {"&amp;", "&#38;", "&#x26;", "\\u0026"};

    for (; text.len > 0; text = authplug_span_make(text.data + 1, text.len - 1))
        for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
            if (begins(text, forms[i]))
                return true;
    return false;
}

/* otpauth://totp/label?name=value&...; rest is what follows the slashes. */
static bool
parse_uri(parsing *of, authplug_span rest)
{
    authplug_span path, type;

    if (has_control(rest))
        return wrong(of, "its URI holds a control character");
    path = take_until(&rest, '?');
    type = take_until(&path, '/');
    if (!is_word(type, "totp") && !is_word(type, "hotp"))
        return wrong(of, "its URI is neither one of totp nor one of hotp");
    if (is_word(type, "hotp") != of->code->counted)
        return wrong(of, of->code->counted
                             ? "its URI is one of totp: a Totp block was "
                               "expected"
                             : "its URI is one of hotp: a Hotp block was "
                               "expected");
    if (is_escaped(rest))
        return wrong(of, "its URI has '&' in the way of a page's source, as in "
                         "'&amp;': write '&' in its place");
    rest = take_until(&rest, '#');
    while (rest.len > 0)
        if (!parse_parameter(of, take_until(&rest, '&')))
            return false;
    return of->seen[0] || wrong(of, "its URI has no secret");
}

/* --------------------------------------------------------------------- keys */

static bool
parse(parsing *of, authplug_span text)
{
    text = otp_trim(text);
    if (text.len > ANSWER_MOST)
        return wrong(of, "the text of the secret is too long");
    of->key.bytes = authplug_secret_new(ANSWER_MOST);
    of->value = authplug_secret_new(ANSWER_MOST);
    if (of->key.bytes == NULL || of->value == NULL)
        return no_memory(of);
    if (begins(text, "QR-Code:"))
        return wrong(of, "'QR-Code:' stands before its URI, where zbarimg had "
                         "no --raw: leave it away");
    if (begins(text, "otpauth-migration:"))
        return wrong(of, "this is an export of all that an app has "
                         "(otpauth-migration), not the URI of one secret: take "
                         "the " URI " URI or the letters that the site shows");
    if (drop(&text, URI))
        return parse_uri(of, text);
    return parse_base32(of, text);
}

/* A secret may be as short as its site wants it: the user cannot choose. */
bool
otp_key_parse(const answer_code *code, authplug_span text, otp_key *key,
              char *why, size_t size)
{
    parsing of = {.code = code, .why = why, .size = size};
    bool parsed;

    of.key.counted = code->counted;
    of.key.digits = OTP_DIGITS_LEAST;
    of.key.period = 30;
    of.key.algorithm = OTP_SHA1;
    parsed = parse(&of, text);
    authplug_secret_free(&of.value);
    if (!parsed) {
        otp_key_free(&of.key);
        return false;
    }
    if (code->digits > 0)
        of.key.digits = (unsigned)code->digits;
    if (code->period > 0)
        of.key.period = (unsigned)code->period;
    if (code->counter >= 0)
        of.key.counter = (uint64_t)code->counter;
    if (code->algorithm >= 0)
        of.key.algorithm = (answer_algorithm)code->algorithm;
    *key = of.key;
    return true;
}

void
otp_key_free(otp_key *key)
{
    authplug_secret_free(&key->bytes);
}

/* -------------------------------------------------------------------- codes */

/* What liboath leaves of the key on the stack, below its caller. */
static __attribute__((noinline)) void
wipe_stack(void)
{
    unsigned char below[4096];

    authplug_wipe(below, sizeof below);
}

/*
 * A code of TOTP is one of HOTP whose counter is the time divided by the
 * period; with one of a second liboath takes the counter itself, for each of
 * the algorithms.
 */
bool
otp_code(const otp_key *key, uint64_t moving, authplug_secret *code)
{
    static const int flags[] = {0, OATH_TOTP_HMAC_SHA256,
                                OATH_TOTP_HMAC_SHA512};
    authplug_span bytes = authplug_secret_span(key->bytes);
    char text[OTP_DIGITS_MOST + 1];
    bool made;

    made = moving <= OTP_COUNTER_MOST && oath_init() == OATH_OK &&
           oath_totp_generate2((const char *)bytes.data, bytes.len,
                               (time_t)moving, 1, 0, key->digits,
                               flags[key->algorithm], text) == OATH_OK &&
           authplug_secret_append(code, text, key->digits) == AUTHPLUG_OK;
    authplug_wipe(text, sizeof text);
    wipe_stack();
    return made;
}

/*
 * Codes for counters that no key of ours ever comes to, so that they let nobody
 * in: 106 bits that two secrets do not have in common.
 */
bool
otp_key_name(const otp_key *key, char name[OTP_NAME_SIZE])
{
    authplug_span bytes = authplug_secret_span(key->bytes);
    bool made = oath_init() == OATH_OK;

    for (unsigned i = 0; i < OTP_NAME_SIZE / 8 && made; i++)
        made = oath_hotp_generate((const char *)bytes.data, bytes.len,
                                  UINT64_MAX - i, 8, false,
                                  OATH_HOTP_DYNAMIC_TRUNCATION,
                                  name + (size_t)i * 8) == OATH_OK;
    wipe_stack();
    return made;
}
