/*
 * Secrets of one-time codes: whatever a text is, a key that is made of it is
 * within its bounds and gives codes; in base32, and in a file that init makes
 * of the text, it is the same key; and what is refused is named, with none of
 * the text.
 *
 * Input: an otpauth:// URI, or base32.
 */
#include "fuzz/fuzz.h"

#include "plugins/answer/answer.h"

#include <stdlib.h>
#include <string.h>

/* A URI of this length fits into a line, whatever of it is written in two or
 * three bytes. */
#define TEXT_MOST 2048

static char name[] = "code";

static const answer_code codes[] = {
    {.name = name, .counter = -1, .algorithm = -1},
    {.name = name, .counted = true, .counter = -1, .algorithm = -1},
};
/* what the file says counts more */
static const answer_code said[] = {
    {.name = name, .digits = 7, .period = 61, .counter = -1, .algorithm = 2},
    {.name = name, .counted = true, .digits = 7, .counter = 9, .algorithm = 1},
};

/* ------------------------------------------------------------- what is made */

static bool
is_same(const otp_key *one, const otp_key *other)
{
    return one->counted == other->counted && one->digits == other->digits &&
           one->period == other->period && one->counter == other->counter &&
           one->algorithm == other->algorithm &&
           authplug_secret_equal(authplug_secret_span(one->bytes),
                                 authplug_secret_span(other->bytes));
}

static void
give_code(const otp_key *key, uint64_t moving)
{
    authplug_secret *code = authplug_secret_new(OTP_DIGITS_MOST);
    authplug_span text;

    MUST(code != NULL && otp_code(key, moving, code));
    text = authplug_secret_span(code);
    MUST(text.len == key->digits);
    for (size_t i = 0; i < text.len; i++)
        MUST(text.data[i] >= '0' && text.data[i] <= '9');
    authplug_secret_free(&code);
}

static void
check(const otp_key *key, bool counted)
{
    size_t len = authplug_secret_len(key->bytes);
    char called[OTP_NAME_SIZE];

    MUST(len > 0 && len <= ANSWER_MOST / 8 * 5);
    MUST(key->counted == counted && key->counter <= OTP_COUNTER_MOST);
    MUST(key->digits >= OTP_DIGITS_LEAST && key->digits <= OTP_DIGITS_MOST);
    MUST(key->period >= 1 && key->period <= OTP_PERIOD_MOST);
    MUST(key->algorithm <= OTP_SHA512);
    give_code(key, key->counter);
    give_code(key, OTP_COUNTER_MOST);
    MUST(otp_key_name(key, called));
    MUST(strspn(called, "0123456789") == OTP_NAME_SIZE - 1);
}

/* ------------------------------------------------------- what is read again */

/* The file's own code, from its text. */
static authplug_status
no_value(void *context, const char *token, const char *argument,
         authplug_secret *out)
{
    (void)context, (void)token, (void)argument, (void)out;
    return AUTHPLUG_REFUSED;
}

static void
read_file(const init_wishes *w, const otp_key *key)
{
    authplug_secret *text = authplug_secret_new(65536);
    authplug_secret *secret = authplug_secret_new(ANSWER_MOST);
    char why[ANSWER_WHY] = "";
    answer_config *config;
    otp_key again = {0};

    MUST(text != NULL && secret != NULL && init_text(w, text));
    config =
        answer_config_parse("f", authplug_secret_span(text), why, sizeof why);
    MUST(config != NULL && config->code_count == 1);
    MUST(config->codes[0].counted == key->counted);
    MUST(template_expand(config->codes[0].secret, no_value, NULL, secret) ==
         AUTHPLUG_OK);
    MUST(otp_key_parse(&config->codes[0], authplug_secret_span(secret), &again,
                       why, sizeof why));
    MUST(is_same(key, &again));
    otp_key_free(&again);
    answer_config_free(&config);
    authplug_secret_free(&secret);
    authplug_secret_free(&text);
}

static authplug_secret *
secret_of(authplug_span text)
{
    authplug_secret *made = authplug_secret_new(ANSWER_MOST);

    MUST(made != NULL &&
         authplug_secret_append(made, text.data, text.len) == AUTHPLUG_OK);
    return made;
}

/* As init writes it. */
static void
write_file(authplug_span text, const otp_key *key)
{
    init_wishes w = {.host = secret_of(authplug_span_of("web")),
                     .user = secret_of(authplug_span_of("")),
                     .password_prompt = secret_of(authplug_span_of("")),
                     .password = secret_of(authplug_span_of("")),
                     .code_prompt = secret_of(authplug_span_of("Code:")),
                     .code = secret_of(text),
                     .counted = key->counted};

    read_file(&w, key);
    authplug_secret_free(&w.host);
    authplug_secret_free(&w.user);
    authplug_secret_free(&w.password_prompt);
    authplug_secret_free(&w.password);
    authplug_secret_free(&w.code_prompt);
    authplug_secret_free(&w.code);
}

/* The symbols of a text in base32 are those of its key, apart from one whose
 * bits were not all used. */
static void
compare(authplug_span text, const char *symbols, size_t whole)
{
    size_t at = 0;

    for (size_t i = 0; i < text.len && at < whole; i++) {
        char byte = (char)text.data[i];

        if (byte >= 'a' && byte <= 'z')
            byte = (char)(byte - 'a' + 'A');
        if ((byte >= 'A' && byte <= 'Z') || (byte >= '2' && byte <= '7'))
            MUST(byte == symbols[at++]);
    }
    MUST(at == whole);
}

/* Its bytes in base32, made by another way than that which reads them. */
static void
write_base32(authplug_span from, const otp_key *key)
{
    static const char symbols[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    authplug_span bytes = authplug_secret_span(key->bytes);
    char text[ANSWER_MOST + 8], why[ANSWER_WHY];
    otp_key again = {0};
    size_t len = 0;

    for (size_t bit = 0; bit < bytes.len * 8; bit += 5) {
        unsigned at = 0;

        for (size_t b = bit; b < bit + 5; b++) {
            unsigned byte = b / 8 < bytes.len ? bytes.data[b / 8] : 0;

            at = at * 2 + (byte >> (7 - b % 8)) % 2;
        }
        text[len++] = symbols[at];
    }
    MUST(otp_key_parse(&codes[key->counted], authplug_span_make(text, len),
                       &again, why, sizeof why));
    MUST(authplug_secret_equal(bytes, authplug_secret_span(again.bytes)));
    otp_key_free(&again);
    if (!authplug_span_has(from, ':'))
        compare(from, text, bytes.len * 8 / 5);
}

/* ------------------------------------------------------------- what is read */

static bool
read_as(const answer_code *code, authplug_span text, otp_key *key)
{
    char why[ANSWER_WHY] = "";
    const char *block = code->counted ? "Hotp code: " : "Totp code: ";

    if (otp_key_parse(code, text, key, why, sizeof why)) {
        MUST(why[0] == 0);
        return true;
    }
    MUST(key->bytes == NULL && key->digits == 0);
    MUST(strncmp(why, block, strlen(block)) == 0 && why[strlen(block)] != 0);
    for (const char *at = why; *at != 0; at++)
        MUST(*at >= ' ' && *at <= '~');
    return false;
}

static void
use(authplug_span text, const otp_key *key)
{
    const answer_code *more = &said[key->counted];
    otp_key other = {0};

    check(key, key->counted);
    write_base32(text, key);
    write_file(text, key);
    MUST(read_as(more, text, &other));
    check(&other, key->counted);
    MUST(other.digits == 7 && (long)other.algorithm == more->algorithm);
    MUST(key->counted ? other.counter == 9 : other.period == 61);
    otp_key_free(&other);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    authplug_span text = authplug_span_make(data, size);
    otp_key by_time = {0}, by_counter = {0};
    bool time, counter;

    if (size > TEXT_MOST)
        return 0;
    time = read_as(&codes[0], text, &by_time);
    counter = read_as(&codes[1], text, &by_counter);
    if (time)
        use(text, &by_time);
    if (counter)
        use(text, &by_counter);
    /* a URI is for one of them, base32 for either */
    if (time && counter)
        MUST(!authplug_span_has(text, ':') &&
             authplug_secret_equal(authplug_secret_span(by_time.bytes),
                                   authplug_secret_span(by_counter.bytes)));
    otp_key_free(&by_time);
    otp_key_free(&by_counter);
    return 0;
}
