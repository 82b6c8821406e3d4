/*
 * Words of others, made harmless: authplug/text.h.
 */
#include "support.h"

#define UTF8 AUTHPLUG_TEXT_UTF8
#define LINES AUTHPLUG_TEXT_NEWLINES

static authplug_secret *out;
static size_t live;

static int open_out(void **state)
{
    (void)state;
    alloc_reset();
    live = alloc_live();
    out = authplug_secret_new(1 << 20);
    return out ? 0 : -1;
}

static int close_out(void **state)
{
    (void)state;
    alloc_reset();
    authplug_secret_free(&out);
    return alloc_live() == live ? 0 : -1;
}

/* The text, against a guard page, comes out as expected. */
static void safe_bytes(const void *data, size_t len, unsigned flags,
                       const char *expected)
{
    authplug_span text = authplug_span_make(guarded(data, len), len);

    authplug_secret_clear(out);
    assert_status(authplug_text_safe(text, flags, out), OK);
    assert_span(authplug_secret_span(out), expected);
}

static void safe(const char *text, unsigned flags, const char *expected)
{
    safe_bytes(text, strlen(text), flags, expected);
}

static size_t encode(uint32_t code, char *to)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(0xc0 | code >> 6);
        to[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (char)(0xe0 | code >> 12);
        to[1] = (char)(0x80 | (code >> 6 & 0x3f));
        to[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    to[0] = (char)(0xf0 | code >> 18);
    to[1] = (char)(0x80 | (code >> 12 & 0x3f));
    to[2] = (char)(0x80 | (code >> 6 & 0x3f));
    to[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* A visible escape: a backslash, u or U or x, and the number in hex. */
static void escaped(uint32_t code, unsigned flags)
{
    char text[8], digits[16];
    authplug_span got;
    size_t len = encode(code, text);

    authplug_secret_clear(out);
    assert_status(
        authplug_text_safe(authplug_span_make(guarded(text, len), len), flags,
                           out),
        OK);
    got = authplug_secret_span(out);
    snprintf(digits, sizeof digits, "%x", (unsigned)code);
    if (got.len < 4 || got.data[0] != '\\' ||
        (got.data[1] != 'x' && got.data[1] != 'u' && got.data[1] != 'U') ||
        memcmp(got.data + got.len - strlen(digits), digits,
               strlen(digits)) != 0)
        fail_msg("U+%04X is not written as an escape", (unsigned)code);
    for (size_t i = 0; i < got.len; i++)
        assert_in_range(got.data[i], '!', '~');
}

static void all_escaped(uint32_t first, uint32_t last)
{
    for (uint32_t code = first; code <= last; code++) {
        escaped(code, UTF8);
        escaped(code, UTF8 | LINES);
        escaped(code, 0);
    }
}

/* ------------------------------------------------------------------ safe */

TEST(plain_words_stay_as_they_are)
{
    safe("Password: ", 0, "Password: ");
    safe("Password: ", UTF8, "Password: ");
    safe("", UTF8 | LINES, "");
    safe("!\"#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~", 0,
         "!\"#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~");
}

TEST(the_text_is_appended)
{
    assert_status(authplug_text_safe(authplug_span_of("a"), 0, out), OK);
    assert_status(authplug_text_safe(authplug_span_of("b\033"), 0, out), OK);
    assert_status(authplug_text_safe(authplug_span_make(NULL, 0), 0, out), OK);
    assert_span(authplug_secret_span(out), "ab\\x1b");
}

TEST(control_characters_are_written_out)
{
    safe("\033[31mred", UTF8, "\\x1b[31mred");
    safe("\033]0;title\a", 0, "\\x1b]0;title\\x07");
    safe("a\bb", UTF8, "a\\x08b");
    safe("\177", UTF8, "\\x7f");
    safe_bytes("a\0b", 3, UTF8, "a\\x00b");
    for (uint32_t code = 0; code < 0x20; code++)
        if (code != '\t' && code != '\n')
            all_escaped(code, code);
    all_escaped(0x7f, 0x7f);
}

TEST(the_second_set_of_control_characters_is_written_out)
{
    all_escaped(0x80, 0x9f);
}

TEST(a_TAB_becomes_a_blank)
{
    safe("a\tb\t", UTF8, "a b ");
    safe("\t", 0, " ");
    safe("\t", LINES, " ");
}

TEST(a_newline_is_kept_only_when_asked_for)
{
    safe("a\nb\n", LINES, "a\nb\n");
    safe("a\nb", 0, "a\\x0ab");
    safe("a\nb", UTF8, "a\\x0ab");
}

TEST(CR_LF_is_a_newline_and_a_lone_CR_is_none)
{
    safe("a\r\nb\r\n", LINES, "a\nb\n");
    safe("a\rb", LINES, "a\\x0db");
    safe("a\r", LINES, "a\\x0d");
    safe("a\r\r\nb", LINES, "a\\x0d\nb");
    safe("a\r\nb", 0, "a\\x0d\\x0ab");
    safe("a\n\rb", LINES, "a\n\\x0db");
}

TEST(letters_stay_where_the_output_is_UTF8)
{
    safe("Br\303\274cke", UTF8, "Br\303\274cke");
    safe("\342\202\254 \346\274\242\345\255\227", UTF8,
         "\342\202\254 \346\274\242\345\255\227");
    safe("\360\237\224\221", UTF8, "\360\237\224\221");
    safe("\327\251\327\234\327\225\327\235", UTF8,
         "\327\251\327\234\327\225\327\235");
    safe("e\314\201", UTF8, "e\314\201");
}

TEST(letters_are_written_out_where_it_is_not)
{
    safe("Br\303\274cke", 0, "Br\\u00fccke");
    safe("\342\202\254", 0, "\\u20ac");
    all_escaped(0x85, 0x85);
    escaped(0xa0, 0);
    escaped(0x20ac, 0);
    escaped(0xffff, 0);
    escaped(0x10000, 0);
    escaped(0x1f511, 0);
    escaped(0x10ffff, 0);
}

TEST(bytes_that_are_no_UTF8_are_written_out)
{
    safe("\200", UTF8, "\\x80");
    safe("a\377b", UTF8, "a\\xffb");
    safe("\303", UTF8, "\\xc3");
    safe("\303(", UTF8, "\\xc3(");
    safe("\376\376", UTF8, "\\xfe\\xfe");
    safe("\200", 0, "\\x80");
    safe("Br\374cke", 0, "Br\\xfccke");
    safe("\342\202", UTF8, "\\xe2\\x82");
    safe("\360\237\224", UTF8, "\\xf0\\x9f\\x94");
    safe("\342\202\303\274", UTF8, "\\xe2\\x82\303\274");
}

TEST(overlong_forms_are_no_UTF8)
{
    safe("\300\200", UTF8, "\\xc0\\x80");
    safe("\301\233", UTF8, "\\xc1\\x9b");
    safe("\300\233", UTF8, "\\xc0\\x9b");
    safe("\340\200\233", UTF8, "\\xe0\\x80\\x9b");
    safe("\340\202\233", UTF8, "\\xe0\\x82\\x9b");
    safe("\360\200\200\233", UTF8, "\\xf0\\x80\\x80\\x9b");
    safe("\360\202\200\256", UTF8, "\\xf0\\x82\\x80\\xae");
}

TEST(surrogates_and_numbers_beyond_the_last_are_no_UTF8)
{
    safe("\355\240\200", UTF8, "\\xed\\xa0\\x80");
    safe("\355\277\277", UTF8, "\\xed\\xbf\\xbf");
    safe("\355\237\277", UTF8, "\355\237\277");
    safe("\364\220\200\200", UTF8, "\\xf4\\x90\\x80\\x80");
    safe("\365\200\200\200", UTF8, "\\xf5\\x80\\x80\\x80");
    safe("\370\210\200\200\200", UTF8, "\\xf8\\x88\\x80\\x80\\x80");
}

TEST(a_letter_cut_short_at_the_end_is_not_read_beyond_it)
{
    static const char whole[] = "\303\274\342\202\254\360\237\224\221";

    for (size_t len = 0; len < sizeof whole; len++) {
        authplug_secret_clear(out);
        assert_status(authplug_text_safe(
                          authplug_span_make(guarded(whole, len), len), UTF8,
                          out),
                      OK);
    }
}

TEST(letters_cannot_be_reordered)
{
    safe("abc\342\200\256def", UTF8, "abc\\u202edef");
    all_escaped(0x202a, 0x202e);
    all_escaped(0x2066, 0x2069);
    all_escaped(0x200e, 0x200f);
    all_escaped(0x061c, 0x061c);
}

TEST(nothing_can_hide)
{
    all_escaped(0x200b, 0x200d);
    all_escaped(0x2060, 0x2060);
    all_escaped(0xfeff, 0xfeff);
    all_escaped(0x00ad, 0x00ad);
    all_escaped(0x034f, 0x034f);
    all_escaped(0x180e, 0x180e);
    all_escaped(0x2061, 0x2064);
    all_escaped(0x206a, 0x206f);
    all_escaped(0xfff9, 0xfffb);
}

TEST(fillers_that_show_nothing_cannot_hide)
{
    all_escaped(0x115f, 0x1160);
    all_escaped(0x17b4, 0x17b5);
    all_escaped(0x3164, 0x3164);
    all_escaped(0xffa0, 0xffa0);
}

TEST(tags_and_variations_cannot_hide)
{
    all_escaped(0xe0000, 0xe007f);
    all_escaped(0xfe00, 0xfe0f);
    all_escaped(0xe0100, 0xe01ef);
    all_escaped(0x180b, 0x180d);
}

TEST(line_and_paragraph_separators_break_no_line)
{
    all_escaped(0x2028, 0x2029);
}

TEST(what_comes_out_can_be_shown_whatever_came_in)
{
    static char text[4096];
    uint32_t seed = 20251120;

    for (int round = 0; round < 200; round++) {
        size_t len = random_from(&seed, 0, sizeof text);
        unsigned flags = random_next(&seed) & 3;
        authplug_span got;

        for (size_t i = 0; i < len; i++)
            text[i] = (char)random_next(&seed);
        authplug_secret_clear(out);
        assert_status(authplug_text_safe(authplug_span_make(text, len), flags,
                                         out),
                      OK);
        got = authplug_secret_span(out);
        for (size_t i = 0; i < got.len; i++) {
            bool newline = got.data[i] == '\n' && (flags & LINES);
            bool letter = got.data[i] >= 0x80 && (flags & UTF8);

            if (!newline && !letter)
                assert_in_range(got.data[i], ' ', '~');
        }
    }
}

TEST(text_that_does_not_fit_is_LIMIT_and_adds_nothing)
{
    authplug_span text = authplug_span_of("abc\033");
    authplug_secret *tight;

    for (size_t cap = 1; cap < 8; cap++) {
        tight = authplug_secret_new(cap);
        assert_status(authplug_secret_append(tight, "x", 1), OK);
        assert_status(authplug_text_safe(text, 0, tight), LIMIT);
        assert_span(authplug_secret_span(tight), "x");
        authplug_secret_free(&tight);
    }
    tight = authplug_secret_new(8);
    assert_status(authplug_secret_append(tight, "x", 1), OK);
    assert_status(authplug_text_safe(text, 0, tight), OK);
    assert_span(authplug_secret_span(tight), "xabc\\x1b");
    authplug_secret_free(&tight);
}

/* False once fewer than n allocations were needed. */
static bool without_memory(size_t n, bool in_lines)
{
    static char many[5000];
    authplug_secret *mine = authplug_secret_new(1 << 16);
    authplug_span text = authplug_span_make(many, sizeof many);
    authplug_status status;
    bool failed;

    memset(many, 'x', sizeof many);
    assert_status(authplug_secret_append(mine, "a", 1), OK);
    alloc_fail_at(n);
    status = in_lines ? authplug_text_lines(text, "| ", 40, UTF8, mine)
                      : authplug_text_safe(text, UTF8, mine);
    failed = alloc_count() >= n;
    assert_int_equal(status, failed ? AUTHPLUG_NOMEM : AUTHPLUG_OK);
    if (failed)
        assert_span(authplug_secret_span(mine), "a");
    alloc_reset();
    authplug_secret_free(&mine);
    return failed;
}

TEST(text_without_memory_is_NOMEM_and_adds_nothing)
{
    for (size_t n = 1; without_memory(n, false); n++)
        ;
    for (size_t n = 1; without_memory(n, true); n++)
        ;
}

/* ----------------------------------------------------------------- lines */

static void lines(const char *text, const char *prefix, unsigned width,
                  const char *expected)
{
    size_t len = strlen(text);

    authplug_secret_clear(out);
    assert_status(
        authplug_text_lines(authplug_span_make(guarded(text, len), len),
                            prefix, width, UTF8, out),
        OK);
    assert_span(authplug_secret_span(out), expected);
}

TEST(each_line_begins_with_the_prefix)
{
    lines("one", "| ", 40, "| one");
    lines("one\ntwo", "| ", 40, "| one\n| two");
    lines("one\r\ntwo", "| ", 40, "| one\n| two");
    lines("one\n\ntwo", "plugin: ", 40, "plugin: one\nplugin: \nplugin: two");
    lines("one", "", 40, "one");
}

TEST(lines_are_made_harmless)
{
    lines("\033[2J", "| ", 40, "| \\x1b[2J");
    lines("a\rroot# ", "| ", 40, "| a\\x0droot# ");
}

TEST(lines_are_appended)
{
    authplug_span text = authplug_span_of("one");

    assert_status(authplug_secret_append(out, "x:", 2), OK);
    assert_status(authplug_text_lines(text, "| ", 40, 0, out), OK);
    assert_span(authplug_secret_span(out), "x:| one");
}

/* One character of the output, and how many columns it takes. */
static size_t columns_of(authplug_span got, size_t *pos)
{
    unsigned char lead = got.data[*pos];
    size_t len = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    uint32_t code = lead & (len == 1 ? 0x7f : 0x3f >> (len - 1));

    assert_true(*pos + len <= got.len);
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (got.data[*pos + i] & 0x3f);
    *pos += len;
    return code >= 0x1100 ? 2 : 1;
}

/* A terminal of this width: every row of it must begin with the prefix. */
static void check_terminal(authplug_span got, const char *prefix,
                           size_t width)
{
    size_t column = 0, pos = 0, prefix_len = strlen(prefix);

    while (pos < got.len) {
        size_t wide;

        if (column == 0 && (got.len - pos < prefix_len ||
                            memcmp(got.data + pos, prefix, prefix_len) != 0))
            fail_msg("a row does not begin with the prefix");
        if (got.data[pos] == '\n') {
            pos++;
            column = 0;
            continue;
        }
        wide = columns_of(got, &pos);
        column += wide;
        if (column > width)
            fail_msg("a row is wider than %u columns", (unsigned)width);
    }
    if (got.len)
        assert_int_not_equal(got.data[got.len - 1], '\n');
}

/* The same letters in the same order, blanks and breaks aside. */
static void check_letters(authplug_span got, authplug_span text,
                          const char *prefix, unsigned flags)
{
    authplug_secret *whole = authplug_secret_new(1 << 20);
    size_t prefix_len = strlen(prefix), at = 0, pos = 0;
    authplug_span all;

    assert_status(authplug_text_safe(text, flags | LINES, whole), OK);
    all = authplug_secret_span(whole);
    if (got.len)
        pos = prefix_len;
    for (; pos <= got.len; pos++) {
        while (at < all.len && (all.data[at] == ' ' || all.data[at] == '\n'))
            at++;
        if (pos == got.len)
            break;
        if (got.data[pos] == '\n') {
            pos += prefix_len;
            continue;
        }
        if (got.data[pos] == ' ')
            continue;
        assert_true(at < all.len);
        assert_int_equal(got.data[pos], all.data[at]);
        at++;
    }
    assert_int_equal(at, all.len);
    authplug_secret_free(&whole);
}

static void check_lines_of(authplug_span text, const char *prefix,
                           unsigned width, unsigned flags)
{
    authplug_secret_clear(out);
    assert_status(authplug_text_lines(text, prefix, width, flags, out), OK);
    check_terminal(authplug_secret_span(out), prefix, width);
    check_letters(authplug_secret_span(out), text, prefix, flags);
}

static void check_lines(const char *text)
{
    static const char *const prefixes[] = {"| ", "plugin says: ", "#"};
    size_t len = strlen(text);

    for (size_t i = 0; i < COUNT_OF(prefixes); i++)
        for (unsigned width = 20; width < 90; width++) {
            authplug_span span =
                authplug_span_make(guarded(text, len), len);

            check_lines_of(span, prefixes[i], width, UTF8);
            check_lines_of(span, prefixes[i], width, 0);
        }
}

TEST(a_long_line_is_broken_before_the_terminal_does)
{
    check_lines("Please touch the token that is plugged into the front of the "
                "machine, and then type the six digits that it shows.");
    check_lines("0123456789012345678901234567890123456789012345678901234567890"
                "1234567890123456789012345678901234567890123456789");
}

TEST(a_line_of_about_the_width_does_not_go_over_it)
{
    lines("12345678901234567", "| ", 20, "| 12345678901234567");
    check_lines("12345678901234567");
    check_lines("123456789012345678");
    check_lines("1234567890123456789");
}

TEST(blanks_cannot_push_words_to_column_0)
{
    static char text[400];

    for (size_t pad = 0; pad < 200; pad++) {
        memset(text, ' ', pad);
        memcpy(text + pad, "root@host# ", 12);
        for (unsigned width = 20; width < 84; width += 7)
            check_lines_of(authplug_span_of(text), "| ", width, UTF8);
        memset(text, '\t', pad);
        check_lines_of(authplug_span_of(text), "| ", 80, UTF8);
        memset(text, '.', pad);
        check_lines_of(authplug_span_of(text), "| ", 80, UTF8);
    }
}

TEST(newlines_and_returns_cannot_push_words_to_column_0)
{
    check_lines("\nroot@host# ");
    check_lines("\rroot@host# ");
    check_lines("\r\nroot@host# \r\n");
    check_lines("\n\n\n\nroot@host# ");
    check_lines("a\v\f\205\302\205b\342\200\250c\342\200\251d");
    check_lines("a\n");
    check_lines("\n");
    check_lines("");
}

TEST(wide_letters_are_counted_as_two_columns)
{
    check_lines("\346\274\242\345\255\227\346\274\242\345\255\227\346\274\242"
                "\345\255\227\346\274\242\345\255\227\346\274\242\345\255\227"
                "\346\274\242\345\255\227\346\274\242\345\255\227\346\274\242");
    check_lines("a\346\274\242\345\255\227\346\274\242\345\255\227\346\274\242"
                "\345\255\227 \346\274\242\345\255\227\346\274\242");
    check_lines("\360\237\224\221\360\237\224\221\360\237\224\221\360\237\224"
                "\221\360\237\224\221\360\237\224\221\360\237\224\221\360\237"
                "\224\221\360\237\224\221\360\237\224\221\360\237\224\221");
}

TEST(escapes_take_the_columns_that_they_show)
{
    check_lines("\033\033\033\033\033\033\033\033\033\033\033\033\033\033\033");
    check_lines("\342\200\256\342\200\256\342\200\256\342\200\256\342\200\256"
                "\342\200\256\342\200\256\342\200\256\342\200\256\342\200\256");
    check_lines("\377\376\375\374\373\372\371\370\367\366\365\364\363\362\361");
}

TEST(any_bytes_at_all_stay_behind_the_prefix)
{
    static const char *const pieces[] = {
        " ",  "          ", "\n",           "\r",   "\t",  "word", "\033[H",
        "\b", "\302\233",   "\346\274\242", "\377", "e\314\201", "\342\200\256",
        "averyveryveryveryverylongword"};
    static char text[1024];
    uint32_t seed = 20251121;

    for (int round = 0; round < 2000; round++) {
        size_t len = 0, width = random_from(&seed, 20, 100);

        while (len < sizeof text - 40) {
            const char *piece =
                pieces[random_from(&seed, 0, COUNT_OF(pieces) - 1)];

            memcpy(text + len, piece, strlen(piece));
            len += strlen(piece);
            if (random_from(&seed, 0, 60) == 0)
                break;
        }
        check_lines_of(authplug_span_make(text, len), "plugin: ",
                       (unsigned)width, random_next(&seed) & UTF8);
    }
}

TEST(a_prefix_that_leaves_three_columns_is_no_endless_loop)
{
    const char *prefix = "12345678901234567";
    authplug_span text = authplug_span_of("ab \346\274\242\033");

    assert_status(authplug_text_lines(authplug_span_of("ab c\nd"), prefix, 20,
                                      UTF8, out),
                  OK);
    check_terminal(authplug_secret_span(out), prefix, 20);
    authplug_secret_clear(out);
    assert_status(authplug_text_lines(text, prefix, 20, UTF8, out), OK);
    check_terminal(authplug_secret_span(out), prefix, 20);
}

TEST(a_prefix_that_leaves_less_is_USAGE)
{
    authplug_span text = authplug_span_of("one");

    assert_status(authplug_text_lines(text, "| ", 4, 0, out), USAGE);
    assert_status(authplug_text_lines(text, "| ", 0, 0, out), USAGE);
    assert_status(authplug_text_lines(text, "123456789012345678", 20, 0, out),
                  USAGE);
    assert_int_equal(authplug_secret_len(out), 0);
}

TEST(lines_that_do_not_fit_are_LIMIT_and_add_nothing)
{
    authplug_span text = authplug_span_of("one two\nthree");

    for (size_t cap = 1;; cap++) {
        authplug_secret *tight = authplug_secret_new(cap);
        authplug_status status;

        assert_status(authplug_secret_append(tight, "x", 1), OK);
        status = authplug_text_lines(text, "| ", 40, 0, tight);
        if (status == AUTHPLUG_OK) {
            assert_span(authplug_secret_span(tight), "x| one two\n| three");
            assert_int_equal(cap, 18);
            authplug_secret_free(&tight);
            break;
        }
        assert_status(status, LIMIT);
        assert_span(authplug_secret_span(tight), "x");
        authplug_secret_free(&tight);
    }
}

int main(void)
{
#define WRITES(sentence)                                                       \
    cmocka_unit_test_setup_teardown(sentence, open_out, close_out)
    static const struct CMUnitTest tests[] = {
        WRITES(plain_words_stay_as_they_are),
        WRITES(the_text_is_appended),
        WRITES(control_characters_are_written_out),
        WRITES(the_second_set_of_control_characters_is_written_out),
        WRITES(a_TAB_becomes_a_blank),
        WRITES(a_newline_is_kept_only_when_asked_for),
        WRITES(CR_LF_is_a_newline_and_a_lone_CR_is_none),
        WRITES(letters_stay_where_the_output_is_UTF8),
        WRITES(letters_are_written_out_where_it_is_not),
        WRITES(bytes_that_are_no_UTF8_are_written_out),
        WRITES(overlong_forms_are_no_UTF8),
        WRITES(surrogates_and_numbers_beyond_the_last_are_no_UTF8),
        WRITES(a_letter_cut_short_at_the_end_is_not_read_beyond_it),
        WRITES(letters_cannot_be_reordered),
        WRITES(nothing_can_hide),
        WRITES(fillers_that_show_nothing_cannot_hide),
        WRITES(tags_and_variations_cannot_hide),
        WRITES(line_and_paragraph_separators_break_no_line),
        WRITES(what_comes_out_can_be_shown_whatever_came_in),
        WRITES(text_that_does_not_fit_is_LIMIT_and_adds_nothing),
        WRITES(text_without_memory_is_NOMEM_and_adds_nothing),
        WRITES(each_line_begins_with_the_prefix),
        WRITES(lines_are_made_harmless),
        WRITES(lines_are_appended),
        WRITES(a_long_line_is_broken_before_the_terminal_does),
        WRITES(a_line_of_about_the_width_does_not_go_over_it),
        WRITES(blanks_cannot_push_words_to_column_0),
        WRITES(newlines_and_returns_cannot_push_words_to_column_0),
        WRITES(wide_letters_are_counted_as_two_columns),
        WRITES(escapes_take_the_columns_that_they_show),
        WRITES(any_bytes_at_all_stay_behind_the_prefix),
        WRITES(a_prefix_that_leaves_three_columns_is_no_endless_loop),
        WRITES(a_prefix_that_leaves_less_is_USAGE),
        WRITES(lines_that_do_not_fit_are_LIMIT_and_add_nothing),
    };
#undef WRITES

    return cmocka_run_group_tests_name("words made harmless", tests, NULL,
                                       NULL);
}
