/*
 * One-time codes of authplug answer: what a secret's text says, and the codes
 * of RFC 4226 and RFC 6238.
 */
#define _GNU_SOURCE
#include "support.h"

#include "plugins/answer/answer.h"

/* The RFCs' secrets, "12345678901234567890" and longer. */
#define RFC_20 "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
#define RFC_32 "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA"
#define RFC_64                                                                 \
    "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"         \
    "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNA"

static const answer_code totp = {
    .name = "work", .counter = -1, .algorithm = -1};
static const answer_code hotp = {
    .name = "home", .counted = true, .counter = -1, .algorithm = -1};

static bool
parses(const answer_code *code, authplug_span text, otp_key *key, char *why)
{
    bool parsed;

    memset(why, 0, ANSWER_WHY);
    memset(key, 0x5a, sizeof *key);
    parsed = otp_key_parse(code, text, key, why, ANSWER_WHY);
    assert_int_equal(parsed, why[0] == 0);
    return parsed;
}

static void
note_key(notes *to, const otp_key *key)
{
    static const char *const names[] = {"SHA1", "SHA256", "SHA512"};
    authplug_span secret = authplug_secret_span(key->bytes);

    for (size_t i = 0; i < secret.len; i++)
        note(to, "%02x", secret.data[i]);
    note(to, " %u %s", key->digits, names[key->algorithm]);
    if (key->counted)
        note(to, " from %llu", (unsigned long long)key->counter);
    else
        note(to, " every %u", key->period);
}

/* The text says this, or leads to this complaint. */
static void
says(const answer_code *code, const char *text, const char *expected)
{
    static notes got;
    char why[ANSWER_WHY];
    size_t len = strlen(text);
    otp_key key;

    got.len = 0;
    got.at[0] = 0;
    if (parses(code, authplug_span_make(guarded(text, len), len), &key, why)) {
        note_key(&got, &key);
        otp_key_free(&key);
        otp_key_free(&key); /* which is harmless */
    } else {
        note(&got, "%s", why);
        /* the outputs are as they were */
        assert_int_equal(key.digits, 0x5a5a5a5a);
    }
    assert_string_equal(got.at, expected);
}

/* ------------------------------------------------------------------- base32 */

#define PLAIN " 6 SHA1 every 30"

TEST(a_secret_is_base32)
{
    says(&totp, "MZXW6YTBOI", "666f6f626172" PLAIN);
    says(&totp, "mzxw6ytboi", "666f6f626172" PLAIN);
    says(&totp, "MZXW6YTBOI======", "666f6f626172" PLAIN);
    says(&totp, "mzxw 6ytb oi", "666f6f626172" PLAIN);
    says(&totp, "MZXW-6YTB-OI", "666f6f626172" PLAIN);
    says(&totp, "MZXW - 6YTB\tOI", "666f6f626172" PLAIN);
    says(&totp, "MZXW 6YTB OI== ====",
         "Totp work: the secret is neither "
         "base32, which is made of letters and the digits 2 to 7, nor an "
         "otpauth:// URI");
    says(&totp, " MZXW6YTBOI\r\n", "666f6f626172" PLAIN);
    says(&hotp, "MZXW6YTBOI", "666f6f626172 6 SHA1 from 0");
}

TEST(each_length_of_base32_has_its_padding)
{
    says(&totp, "MY", "66" PLAIN);
    says(&totp, "MY======", "66" PLAIN);
    says(&totp, "MZXQ====", "666f" PLAIN);
    says(&totp, "MZXW6===", "666f6f" PLAIN);
    says(&totp, "MZXW6YQ=", "666f6f62" PLAIN);
    says(&totp, "MZXW6YTB", "666f6f6261" PLAIN);
}

TEST(bits_that_are_left_over_do_not_count)
{
    says(&totp, "MZ", "66" PLAIN);
    says(&totp, "M7", "67" PLAIN);
    says(&totp, "MZXW6YT", "666f6f62" PLAIN);
}

TEST(what_is_no_base32_is_refused)
{
#define NEITHER                                                                \
    "Totp work: the secret is neither base32, which is made of letters and "   \
    "the digits 2 to 7, nor an otpauth:// URI"
#define PART                                                                   \
    "Totp work: no base32 has as many symbols as the secret: see whether a "   \
    "part is missing"
#define PADDING                                                                \
    "Totp work: as many '=' do not belong behind this secret: see whether a "  \
    "part is missing, or leave them away"
#define EMPTY                                                                  \
    "Totp work: the secret is empty: base32 or an otpauth:// URI was expected"
#define DASH                                                                   \
    "Totp work: a dash stands at an end of the secret: base32 was expected, "  \
    "with dashes between its groups only"
    static const char *const strange[] = {
        "MZXW6YT0",
        "MZXW6YT1",
        "MZXW6YT8",
        "MZXW6YT9",
        "MZXW6YT.",
        "MZXW_YTB",
        "MZXW+YTB",
        "MZXW/YTB",
        "MZX=6YTB",
        "MZXW\nYTBO",
        "MZXW\302\2406YTB",
        "http://x",
        "otpauth:/totp/x?secret=MZXW6YTB",
        "=",
        "'MZXW6YTB'",
    };

    for (size_t i = 0; i < COUNT_OF(strange); i++)
        says(&totp, strange[i], strange[i][0] == '=' ? EMPTY : NEITHER);
    says(&totp, "", EMPTY);
    says(&totp, " \r\n", EMPTY);
    says(&totp, "M", PART);
    says(&totp, "MZX", PART);
    says(&totp, "MZXW6Y", PART);
    says(&totp, "MZXW6YTBO", PART);
    says(&totp, "MZXW6YTBOI=", PADDING);
    says(&totp, "MZXW6YTB=", PADDING);
    says(&totp, "MZXW6YTB========", PADDING);
    says(&totp, "MZXW6YTBOI==============", PADDING);
    says(&totp, "-MZXW6YTB", DASH);
    says(&totp, "MZXW6YTB-\n", DASH);
    says(&totp, "-", DASH);
}

TEST(a_NUL_is_no_base32)
{
    char why[ANSWER_WHY];
    otp_key key;

    assert_false(parses(&totp, authplug_span_make("MZXW\0YTB", 8), &key, why));
    assert_string_equal(why, NEITHER);
}

TEST(a_control_character_is_in_no_URI)
{
#define CONTROL "Totp work: its URI holds a control character"
    static const char nul[] = "otpauth://totp/a\0b?secret=MY";
    char why[ANSWER_WHY];
    otp_key key;

    says(&totp, "otpauth://totp/a\nHost *?secret=MY", CONTROL);
    says(&totp, "otpauth://totp/a\r?secret=MY", CONTROL);
    says(&totp, "otpauth://totp/a?secret=MY&x=\033[m", CONTROL);
    says(&totp, "otpauth://totp/a?secret=MY#\177", CONTROL);
    says(&totp, "\totpauth://totp/a\tb?secret=MY\r\n", "66" PLAIN);
    assert_false(
        parses(&totp, authplug_span_make(nul, sizeof nul - 1), &key, why));
    assert_string_equal(why, CONTROL);
}

TEST(what_the_file_says_counts_more)
{
    answer_code code = totp;

    code.digits = 8;
    code.period = 60;
    code.algorithm = OTP_SHA512;
    says(&code, "MY", "66 8 SHA512 every 60");
    says(&code,
         "otpauth://totp/x?secret=MY&digits=7&period=15&algorithm=SHA256",
         "66 8 SHA512 every 60");
    code.digits = 0;
    says(&code,
         "otpauth://totp/x?secret=MY&digits=7&period=15&algorithm=SHA256",
         "66 7 SHA512 every 60");
}

/* ---------------------------------------------------------------------- URI */

TEST(a_secret_is_an_URI)
{
    says(&totp, "otpauth://totp/Example:alice@example.com?secret=MZXW6YTB",
         "666f6f6261" PLAIN);
    says(&totp, "otpauth://totp/x?secret=mzxw%206ytb%3d", PADDING);
    says(&totp, "otpauth://totp/x?secret=mzxw+6ytb", "666f6f6261" PLAIN);
    says(&totp, "otpauth://totp/x?secret=MZXW6%3D%3d%3D", "666f6f" PLAIN);
    says(&totp, "otpauth://totp?secret=MY", "66" PLAIN);
    says(&totp, "otpauth://totp/?secret=MY", "66" PLAIN);
    says(&totp, "OTPAUTH://TOTP/x?SECRET=MY", "66" PLAIN);
    says(&totp, " otpauth://totp/a/b:c%20d?issuer=a%20b&secret=MY\n",
         "66" PLAIN);
    says(&totp, "otpauth://totp/x?secret=MY&image=http://a?b&=&&c&lock=yes",
         "66" PLAIN);
    says(&totp, "otpauth://totp/x?secret=MY#digits=8", "66" PLAIN);
    says(&totp,
         "otpauth://totp/x?algorithm=SHA256&digits=8&period=3600&secret=MY",
         "66 8 SHA256 every 3600");
    says(&totp, "otpauth://totp/x?algorithm=sha512&secret=MY&period=1",
         "66 6 SHA512 every 1");
    says(&totp, "otpauth://totp/x?secret=MY&counter=x", "66" PLAIN);
    says(&hotp, "otpauth://hotp/x?secret=MY&counter=42", "66 6 SHA1 from 42");
    says(&hotp, "otpauth://hotp/x?secret=MY&counter=9223372036854775807",
         "66 6 SHA1 from 9223372036854775807");
    says(&hotp, "otpauth://hotp/x?secret=MY&period=0", "66 6 SHA1 from 0");
}

TEST(an_algorithm_has_several_names)
{
    static const struct {
        const char *name, *as;
    } names[] = {
        {"SHA-1", "SHA1"},        {"sha-256", "SHA256"},
        {"SHA-512", "SHA512"},    {"HmacSHA1", "SHA1"},
        {"HmacSHA256", "SHA256"}, {"HMAC-SHA512", "SHA512"},
        {"hmac-sha-1", "SHA1"},
    };
    char text[128], expected[64];

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)snprintf(text, sizeof text,
                       "otpauth://totp/x?secret=MY&algorithm=%s",
                       names[i].name);
        (void)snprintf(expected, sizeof expected, "66 6 %s every 30",
                       names[i].as);
        says(&totp, text, expected);
    }
}

TEST(the_mark_of_UTF_8_is_no_part_of_a_secret)
{
#define MARK "\357\273\277"
    says(&totp, MARK "MZXW6YTB\r\n", "666f6f6261" PLAIN);
    says(&totp, MARK " otpauth://totp/x?secret=MY&digits=8",
         "66 8 SHA1 every 30");
    says(&totp, MARK, EMPTY);
    says(&totp, MARK MARK "MY", NEITHER);
    says(&totp, "\357\273MY", NEITHER);
    says(&totp, "MY" MARK, NEITHER);
}

/* What would be read as something else, or as nothing that helps. */
TEST(a_URI_in_its_wrapping_is_refused_by_name)
{
#define EXPORT                                                                 \
    "Totp work: this is an export of all that an app has "                     \
    "(otpauth-migration), not the URI of one secret: take the otpauth:// URI " \
    "or the letters that the site shows"
#define QR                                                                     \
    "Totp work: 'QR-Code:' stands before its URI, where zbarimg had no "       \
    "--raw: leave it away"
#define SOURCE                                                                 \
    "Totp work: its URI has '&' in the way of a page's source, as in "         \
    "'&amp;': write '&' in its place"
    static const char *const sources[] = {
        "otpauth://totp/x?secret=MY&amp;digits=8",
        "otpauth://totp/x?secret=MY&AMP;digits=8",
        "otpauth://totp/x?secret=MY&#38;digits=8",
        "otpauth://totp/x?secret=MY&#x26;digits=8",
        "otpauth://totp/x?issuer=x\\u0026digits=8&secret=MY",
        "otpauth://totp/x?secret=MY&amp;",
    };

    says(&totp, "otpauth-migration://offline?data=CjEKCkhlbGxvId6tvu8", EXPORT);
    says(&totp, " OTPAUTH-MIGRATION://offline?data=MY", EXPORT);
    says(&totp, "QR-Code:otpauth://totp/x?secret=MY", QR);
    says(&totp, "qr-code:MY", QR);
    for (size_t i = 0; i < COUNT_OF(sources); i++)
        says(&totp, sources[i], SOURCE);
    says(&totp, "otpauth://totp/a&amp;b?secret=MY", "66" PLAIN);
    says(&totp, "otpauth://totp/x?secret=MY&issuer=a%26amp;b", "66" PLAIN);
}

TEST(an_URI_that_is_wrong_is_refused)
{
#define URI(rest) "otpauth://totp/x?" rest
#define W "Totp work: its URI "
    static const struct {
        const char *text, *expected;
    } wrong[] = {
        {"otpauth://", W "is neither one of totp nor one of hotp"},
        {"otpauth://steam/x?secret=MY",
         W "is neither one of totp nor one of hotp"},
        {"otpauth://hotp/x?secret=MY",
         W "is one of hotp: a Hotp block was expected"},
        {"otpauth://totp/x", W "has no secret"},
        {URI(""), W "has no secret"},
        {URI("issuer=x"), W "has no secret"},
        {URI("secret"), EMPTY},
        {URI("secret="), EMPTY},
        {URI("secret=%20"), EMPTY},
        {URI("secret=M!"), NEITHER},
        {URI("secret=MY=x"), NEITHER},
        {URI("secret=otpauth://totp/x?secret=MY"), NEITHER},
        {URI("secret=MY&secret=MY"), W "says something twice"},
        {URI("digits=6&secret=MY&digits=6"), W "says something twice"},
        {URI("secret=MY&Secret=MY"), W "says something twice"},
        {URI("secret=MY&digits=5"), W "has other digits than 6, 7 or 8"},
        {URI("secret=MY&digits=9"), W "has other digits than 6, 7 or 8"},
        {URI("secret=MY&digits=10"), W "has other digits than 6, 7 or 8"},
        {URI("secret=MY&digits="), W "has other digits than 6, 7 or 8"},
        {URI("secret=MY&digits=6x"), W "has other digits than 6, 7 or 8"},
        {URI("secret=MY&digits=-6"), W "has other digits than 6, 7 or 8"},
        {URI("secret=MY&digits=4294967302"),
         W "has other digits than 6, 7 or 8"},
        {URI("secret=MY&digits=18446744073709551622"),
         W "has other digits than 6, 7 or 8"},
        {URI("secret=MY&period=0"),
         W "has a period that is not one of 1 to 3600 seconds"},
        {URI("secret=MY&period=3601"),
         W "has a period that is not one of 1 to 3600 seconds"},
        {URI("secret=MY&period=1e3"),
         W "has a period that is not one of 1 to 3600 seconds"},
        {URI("secret=MY&algorithm=MD5"),
         W "has another algorithm than SHA1, SHA256 and SHA512"},
        {URI("secret=MY&algorithm="),
         W "has another algorithm than SHA1, SHA256 and SHA512"},
        {URI("secret=MY&algorithm=SHA-3"),
         W "has another algorithm than SHA1, SHA256 and SHA512"},
        {URI("secret=MY&algorithm=SHA-512/256"),
         W "has another algorithm than SHA1, SHA256 and SHA512"},
        {URI("secret=MY&algorithm=Hmac"),
         W "has another algorithm than SHA1, SHA256 and SHA512"},
        {URI("secret=MY&algorithm=HmacMD5"),
         W "has another algorithm than SHA1, SHA256 and SHA512"},
        {URI("secret=MY&algorithm=256"),
         W "has another algorithm than SHA1, SHA256 and SHA512"},
        {URI("secret=MY&algorithm=SHA1%00"),
         W "has another algorithm than SHA1, SHA256 and SHA512"},
        {URI("secret=M%"), W "has a '%' without two digits of hex behind it"},
        {URI("secret=M%4"), W "has a '%' without two digits of hex behind it"},
        {URI("secret=M%4G"), W "has a '%' without two digits of hex behind it"},
        {URI("secret=%4&x=1"),
         W "has a '%' without two digits of hex behind it"},
    };

    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        says(&totp, wrong[i].text, wrong[i].expected);
    says(&hotp, "otpauth://totp/x?secret=MY",
         "Hotp home: its URI is one of totp: a Totp block was expected");
    says(&hotp, "otpauth://hotp/x?secret=MY&counter=9223372036854775808",
         "Hotp home: its URI has a counter that is no number below 2^63");
    says(&hotp, "otpauth://hotp/x?secret=MY&counter=",
         "Hotp home: its URI has a counter that is no number below 2^63");
}

/* Every truncation, and every byte in every place: nothing is read beyond the
 * text, and no complaint repeats it. */
TEST(whatever_the_text_is_the_complaint_does_not_repeat_it)
{
    static const char uri[] =
        "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&digits=8&period=30";
    const size_t len = sizeof uri - 1;
    char text[sizeof uri], why[ANSWER_WHY];
    otp_key key;

    for (size_t i = 0; i <= len; i++)
        if (parses(&totp, authplug_span_make(guarded(uri, i), i), &key, why))
            otp_key_free(&key);
        else
            assert_null(strstr(why, "JBSWY"));
    for (size_t i = 0; i < len; i++)
        for (unsigned byte = 0; byte < 256; byte++) {
            memcpy(text, uri, sizeof uri);
            text[i] = (char)byte;
            if (parses(&totp, authplug_span_make(guarded(text, len), len), &key,
                       why))
                otp_key_free(&key);
            else
                assert_true(strstr(why, "JBSWY") == NULL &&
                            strstr(why, "3PXP") == NULL);
        }
}

TEST(a_text_is_bounded)
{
    static char text[ANSWER_MOST + 1];
    char why[ANSWER_WHY];
    otp_key key;

    memset(text, 'A', sizeof text);
    assert_true(
        parses(&totp, authplug_span_make(text, ANSWER_MOST), &key, why));
    assert_int_equal(authplug_secret_len(key.bytes), ANSWER_MOST / 8 * 5);
    otp_key_free(&key);
    assert_false(
        parses(&totp, authplug_span_make(text, ANSWER_MOST + 1), &key, why));
    assert_string_equal(why, "Totp work: the text of the secret is too long");
}

/* -------------------------------------------------------------------- codes */

static void
gives(const answer_code *block, const char *secret, uint64_t moving,
      const char *expected)
{
    authplug_secret *code = authplug_secret_new(64);
    char why[ANSWER_WHY];
    otp_key key;

    assert_true(parses(block, authplug_span_of(secret), &key, why));
    assert_true(otp_code(&key, moving, code));
    assert_string_equal(authplug_secret_text(code), expected);
    otp_key_free(&key);
    authplug_secret_free(&code);
}

TEST(the_codes_of_RFC_4226)
{
    static const char *const codes[] = {"755224", "287082", "359152", "969429",
                                        "338314", "254676", "287922", "162583",
                                        "399871", "520489"};

    for (size_t i = 0; i < COUNT_OF(codes); i++)
        gives(&hotp, RFC_20, i, codes[i]);
}

TEST(the_codes_of_RFC_6238)
{
    static const struct {
        uint64_t time;
        const char *codes[3];
    } at[] = {
        {59, {"94287082", "46119246", "90693936"}},
        {1111111109, {"07081804", "68084774", "25091201"}},
        {1111111111, {"14050471", "67062674", "99943326"}},
        {1234567890, {"89005924", "91819424", "93441116"}},
        {2000000000, {"69279037", "90698825", "38618901"}},
        {20000000000, {"65353130", "77737706", "47863826"}},
    };
    static const char *const secrets[] = {RFC_20, RFC_32, RFC_64};
    answer_code code = totp;

    code.digits = 8;
    for (size_t i = 0; i < COUNT_OF(at); i++)
        for (int algorithm = OTP_SHA1; algorithm <= OTP_SHA512; algorithm++) {
            code.algorithm = algorithm;
            gives(&code, secrets[algorithm], at[i].time / 30,
                  at[i].codes[algorithm]);
        }
}

/* Computed with Python's hmac. */
TEST(codes_at_the_ends_of_what_there_is)
{
    answer_code code = hotp;

    gives(&code, RFC_20, OTP_COUNTER_MOST, "181742");
    code.algorithm = OTP_SHA256;
    gives(&code, RFC_20, OTP_COUNTER_MOST, "076418");
    code.algorithm = OTP_SHA512;
    gives(&code, RFC_20, OTP_COUNTER_MOST, "447857");
    code.algorithm = OTP_SHA1;
    code.digits = 7;
    gives(&code, "MY", 0, "9531249");
    gives(&code, RFC_20 RFC_20 RFC_20 RFC_20 RFC_20, 1, "4367600");
}

TEST(what_cannot_be_computed_is_told)
{
    authplug_secret *code = authplug_secret_new(8);
    char why[ANSWER_WHY];
    otp_key key;

    assert_true(parses(&hotp, authplug_span_of(RFC_20), &key, why));
    assert_false(otp_code(&key, OTP_COUNTER_MOST + 1, code));
    assert_true(otp_code(&key, 1, code));
    assert_false(otp_code(&key, 2, code)); /* there is no room */
    assert_string_equal(authplug_secret_text(code), "287082");
    key.digits = 5;
    assert_false(otp_code(&key, 2, code));
    otp_key_free(&key);
    authplug_secret_free(&code);
}

/* --------------------------------------------------------------------- name */

static void
name_of(const answer_code *block, const char *secret, char *name)
{
    char why[ANSWER_WHY];
    otp_key key;

    assert_true(parses(block, authplug_span_of(secret), &key, why));
    assert_true(otp_key_name(&key, name));
    otp_key_free(&key);
    assert_int_equal(strspn(name, "0123456789"), OTP_NAME_SIZE - 1);
    assert_int_equal(strlen(name), OTP_NAME_SIZE - 1);
}

TEST(a_name_is_that_of_the_secrets_bytes)
{
    char name[OTP_NAME_SIZE], other[OTP_NAME_SIZE];

    name_of(&totp, "MZXW6YTB", name);
    name_of(&hotp, "mzxw 6ytb", other);
    assert_string_equal(name, other);
    name_of(&totp, "otpauth://totp/x?secret=MZXW6YTB&digits=8&algorithm=SHA512",
            other);
    assert_string_equal(name, other);
    name_of(&totp, "MZXW6YTC", other);
    assert_string_not_equal(name, other);
    /* or every record of today would be forgotten */
    name_of(&totp, RFC_20, name);
    assert_string_equal(name, "63094451894882047685151642152854");
}

/* ------------------------------------------------------------------- memory */

#define LONG_URI "otpauth://totp/x?digits=8&secret=" RFC_64

TEST(each_allocation_may_fail)
{
    size_t live = alloc_live();
    char why[ANSWER_WHY];
    bool parsed = false;
    otp_key key;

    for (size_t n = 1; !parsed; n++) {
        alloc_fail_at(n);
        parsed = parses(&totp, authplug_span_of(LONG_URI), &key, why);
        alloc_reset();
        if (!parsed)
            assert_string_equal(why, "Totp work: out of memory");
        else
            otp_key_free(&key);
        assert_int_equal(alloc_live(), live);
        assert_true(n < 100);
    }
}

TEST(nothing_of_a_secret_or_a_code_is_left_in_freed_memory)
{
    authplug_secret *code = authplug_secret_new(8);
    char why[ANSWER_WHY];
    otp_key key;

    spy_on(RFC_20);
    assert_true(parses(
        &totp, authplug_span_of("otpauth://totp/x?secret=" RFC_20 "&digits=7"),
        &key, why));
    otp_key_free(&key);
    assert_int_equal(spy_spilled(), 0);
    spy_on("1234567890");
    assert_true(parses(&totp, authplug_span_of(RFC_20), &key, why));
    assert_true(spy_sees());
    spy_on("94287082");
    key.digits = 8;
    assert_true(otp_code(&key, 1, code));
    authplug_secret_free(&code);
    assert_int_equal(spy_spilled(), 0);
    spy_on("1234567890");
    otp_key_free(&key);
    assert_int_equal(spy_spilled(), 0);
    spy_on(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_base32),
        cmocka_unit_test(each_length_of_base32_has_its_padding),
        cmocka_unit_test(bits_that_are_left_over_do_not_count),
        cmocka_unit_test(what_is_no_base32_is_refused),
        cmocka_unit_test(a_NUL_is_no_base32),
        cmocka_unit_test(a_control_character_is_in_no_URI),
        cmocka_unit_test(what_the_file_says_counts_more),
        cmocka_unit_test(a_secret_is_an_URI),
        cmocka_unit_test(an_algorithm_has_several_names),
        cmocka_unit_test(the_mark_of_UTF_8_is_no_part_of_a_secret),
        cmocka_unit_test(a_URI_in_its_wrapping_is_refused_by_name),
        cmocka_unit_test(an_URI_that_is_wrong_is_refused),
        cmocka_unit_test(whatever_the_text_is_the_complaint_does_not_repeat_it),
        cmocka_unit_test(a_text_is_bounded),
        cmocka_unit_test(the_codes_of_RFC_4226),
        cmocka_unit_test(the_codes_of_RFC_6238),
        cmocka_unit_test(codes_at_the_ends_of_what_there_is),
        cmocka_unit_test(what_cannot_be_computed_is_told),
        cmocka_unit_test(a_name_is_that_of_the_secrets_bytes),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(nothing_of_a_secret_or_a_code_is_left_in_freed_memory),
    };

    return cmocka_run_group_tests_name("one-time codes", tests, NULL, NULL);
}
