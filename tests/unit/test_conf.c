/*
 * The reader of configuration files: conf/conf.h and conf/file.h. A test gives
 * a text and expects its settings, one a line: the line's number, the keyword,
 * the value in brackets, quoted or not; then the complaint, if there is one.
 */
#define _GNU_SOURCE
#include "support.h"

#include "conf/conf.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------------ reading */

/* All settings of the file, and what became of the reading. */
static authplug_status
settings(conf *file, notes *to)
{
    conf_line it;
    authplug_status status;

    while ((status = conf_next(file, &it)) == AUTHPLUG_OK)
        note(to, it.quoted ? "%u %s \"%s\"\n" : "%u %s [%s]\n", it.number,
             it.keyword, it.value);
    assert_int_equal(status == AUTHPLUG_VALUE, *conf_error(file) != 0);
    if (status != AUTHPLUG_NEED_MORE)
        note(to, "%s\n", conf_error(file));
    return status;
}

static void
reads_bytes(const void *text, size_t len, const char *expected)
{
    static notes got;
    conf *file = NULL;

    got.len = 0;
    got.at[0] = 0;
    assert_status(
        conf_parse("f", authplug_span_make(guarded(text, len), len), &file),
        OK);
    settings(file, &got);
    assert_string_equal(got.at, expected);
    conf_free(&file);
}

/* The literal may hold NULs. */
#define READS(text, expected) reads_bytes(text, sizeof(text) - 1, expected)

TEST(a_setting_is_a_keyword_and_a_value)
{
    READS("Port 22\n", "1 Port [22]\n");
    READS("Port=22\n", "1 Port [22]\n");
    READS("Port = 22\n", "1 Port [22]\n");
    READS("Port\t22\n", "1 Port [22]\n");
    READS("  Port  22  \n", "1 Port [22]\n");
    READS("AuthKbdInt.Plugin /bin/x -a\n", "1 AuthKbdInt.Plugin [/bin/x -a]\n");
    READS("a-b_c.9 x\n", "1 a-b_c.9 [x]\n");
}

TEST(there_may_be_no_value)
{
    READS("Flag\n", "1 Flag []\n");
    READS("Flag  \n", "1 Flag []\n");
    READS("Flag =\n", "1 Flag []\n");
    READS("Flag \"\"\n", "1 Flag \"\"\n");
}

TEST(only_one_equals_sign_is_taken)
{
    READS("A ==b\n", "1 A [=b]\n");
    READS("A b=c\n", "1 A [b=c]\n");
    READS("A \"=b\"\n", "1 A \"=b\"\n");
}

TEST(lines_are_counted_and_may_be_empty_or_comments)
{
    READS("\n# Port 1\n \t\n  # Port 2\nPort 3\n\nA b # c\n",
          "5 Port [3]\n7 A [b # c]\n");
    READS("", "");
    READS("#", "");
}

TEST(lines_end_with_LF_or_CR_LF_or_the_file)
{
    READS("A b\r\nC d\nE \"f \"\r\n", "1 A [b]\n2 C [d]\n3 E \"f \"\n");
    READS("A b", "1 A [b]\n");
    READS("A", "1 A []\n");
    READS("A b\rC d\n",
          "f:1: a carriage return in the line: lines that end with LF or CR LF "
          "were expected\n");
    READS("A b\r", "f:1: a carriage return in the line: lines that end with "
                   "LF or CR LF were expected\n");
}

TEST(quotes_keep_blanks_and_a_colon)
{
    READS("Request \"New password: \"\n", "1 Request \"New password: \"\n");
    READS("Request = \" x\"  \n", "1 Request \" x\"\n");
    READS("Request \"password:\"\n", "1 Request \"password:\"\n");
    READS("Request \"# no comment\"\n", "1 Request \"# no comment\"\n");
}

TEST(a_value_that_begins_otherwise_may_hold_quotes)
{
    READS("Run 'a b' \"c d\"\n", "1 Run ['a b' \"c d\"]\n");
    READS("Say b\"\n", "1 Say [b\"]\n");
}

TEST(quotes_around_a_part_are_an_error)
{
#define PART                                                                   \
    "f:1: something follows the closing quote: quotes around all of the value "\
    "were expected, with none inside\n"
    READS("A \"b\" c\n", PART);
    READS("A \"b\"c\"\n", PART);
    READS("A \"say \\\"yes\\\"\"\n", PART);
    READS("A \"b\n", "f:1: the quotes are not closed: a '\"' was expected at "
                     "the end\n");
    READS("A \"\n", "f:1: the quotes are not closed: a '\"' was expected at "
                    "the end\n");
}

TEST(a_backslash_is_a_backslash)
{
    READS("A \\n\\$1\\\n", "1 A [\\n\\$1\\]\n");
    READS("A \"b\\\"\n", "1 A \"b\\\"\n");
}

TEST(an_unquoted_colon_at_the_end_is_a_section_pattern)
{
#define SECTION                                                                \
    "the line ends in a colon, as a section pattern does: a setting was "      \
    "expected, with its value in double quotes if the colon belongs to it\n"
    READS("A b\n*:\n", "1 A [b]\nf:2: " SECTION);
    READS("Request password:\n", "f:1: " SECTION);
    READS("Request password:  \r\n", "f:1: " SECTION);
    READS("Request \"a\" password:\n", "f:1: " SECTION);
    READS("[ab].*example:", "f:1: " SECTION);
    READS("A b:c\n# d:\n", "1 A [b:c]\n");
}

TEST(what_is_no_keyword_is_not_repeated)
{
#define NO_KEYWORD                                                             \
    "f:1: no keyword: letters, digits, '.', '-' and '_' were expected, then a "\
    "blank and the value\n"
    READS("=b\n", NO_KEYWORD);
    READS("\"A\" b\n", NO_KEYWORD);
    READS("A,b\n", NO_KEYWORD);
    READS("A\"b\"\n", NO_KEYWORD);
    READS("\033[2J\n", NO_KEYWORD);
    READS("Stra\xc3\x9f" "e b\n", NO_KEYWORD);
}

TEST(NUL_is_an_error_wherever_it_is)
{
#define NUL_LINE "a NUL in the line: text was expected\n"
    READS("A b\nC\0 d\nE f\n", "1 A [b]\nf:2: " NUL_LINE);
    READS("\0", "f:1: " NUL_LINE);
    READS("A b\0\n", "f:1: " NUL_LINE);
    READS("# \0\n", "f:1: " NUL_LINE);
}

TEST(values_may_hold_any_other_byte)
{
    READS("A \xff\xc3\x28\x01\x7f\n", "1 A [\xff\xc3\x28\x01\x7f]\n");
}

TEST(a_mark_of_the_encoding_is_passed_over)
{
    READS("\xef\xbb\xbfPort 22\n", "1 Port [22]\n");
    READS("\xef\xbb\xbf", "");
    READS("Port 22\n\xef\xbb\xbf\n", "1 Port [22]\nf:2: no keyword: letters, "
          "digits, '.', '-' and '_' were expected, then a blank and the "
          "value\n");
}

#define VERSION "## SSH CONFIGURATION FILE FORMAT VERSION 1.1\n"

TEST(metaconfiguration_is_passed_over)
{
    READS(VERSION "## REGEX-SYNTAX egrep\n## END OF METACONFIG\nA b\n",
          "4 A [b]\n");
    READS("##  ssh Configuration File  format version 1.1 \r\n"
          "## regex-syntax EGREP\r\n"
          "## end of metaconfig\r\n"
          "## (leave above lines intact!)\r\n"
          "A b\r\n",
          "5 A [b]\n");
    READS(VERSION "## END OF METACONFIG\n", "");
}

TEST(metaconfiguration_is_checked)
{
    READS("## SSH CONFIGURATION FILE FORMAT VERSION 2.0\n",
          "f:1: the format's version: 1.1 was expected\n");
    READS("## SSH CONFIGURATION FILE FORMAT VERSION 1.10\n",
          "f:1: the format's version: 1.1 was expected\n");
    READS(VERSION "## REGEX-SYNTAX zsh_fileglob\n## END OF METACONFIG\n",
          "f:2: another syntax of regular expressions: egrep was expected\n");
    READS(VERSION "## REGEX-SYNTAX egrep2\n",
          "f:2: another syntax of regular expressions: egrep was expected\n");
#define ENDLESS                                                                \
    "the metaconfiguration has no end: '## END OF METACONFIG' was expected\n"
    READS(VERSION "Port 22\n", "f:2: " ENDLESS);
    READS(VERSION "\n", "f:2: " ENDLESS);
    READS(VERSION, "f:1: " ENDLESS);
    READS(VERSION "## SOMETHING ELSE\n", "f:2: " ENDLESS);
    READS(VERSION "## END OF METACONFIGURATION\n", "f:2: " ENDLESS);
}

TEST(metaconfiguration_that_would_not_count_is_an_error)
{
    READS("## My server\n## REGEX-SYNTAX zsh_fileglob\nA b\n",
          "f:2: metaconfiguration: it was expected to begin in the first "
          "line\n");
    READS("#\n" VERSION "A b\n", "f:2: metaconfiguration: it was expected to "
                                 "begin in the first line\n");
    READS("## My server\n## another comment\nA b\n", "3 A [b]\n");
}

/* ------------------------------------------------------------------- limits */

static char big[(1 << 20) + 2];

TEST(a_line_has_8_KiB_and_not_a_byte_more)
{
    memset(big, 'a', 8193);
    big[1] = ' ';
    big[8191] = '\n';
    {
        conf *file = NULL;
        conf_line it;

        assert_status(conf_parse("f", authplug_span_make(big, 8192), &file),
                      OK);
        assert_status(conf_next(file, &it), OK);
        assert_int_equal(strlen(it.value), 8189);
        conf_free(&file);
    }
    big[8191] = 'a';
    big[8192] = '\n';
    reads_bytes(big, 8193,
                "f:1: the line is too long: at most 8192 bytes were "
                "expected\n");
    big[0] = '#';
    reads_bytes(big, 8193,
                "f:1: the line is too long: at most 8192 bytes were "
                "expected\n");
}

TEST(a_file_has_1_MiB_and_not_a_byte_more)
{
    conf *file = NULL;
    conf_line it;

    memset(big, '\n', sizeof big);
    assert_status(conf_parse("f", authplug_span_make(big, 1 << 20), &file), OK);
    assert_status(conf_next(file, &it), NEED_MORE);
    conf_free(&file);
    assert_status(conf_parse("f", authplug_span_make(big, (1 << 20) + 1),
                             &file),
                  LENGTH);
    assert_string_equal(conf_error(file),
                        "f: too large: at most 1024 KiB were expected");
    conf_free(&file);
}

/* ------------------------------------------------------------------- values */

static conf *open_file;

/* The first setting of a text. */
static conf_line
setting(const char *text)
{
    conf_line it = {0};

    conf_free(&open_file);
    assert_status(conf_parse("f", authplug_span_of(text), &open_file), OK);
    assert_status(conf_next(open_file, &it), OK);
    return it;
}

static int
close_file(void **state)
{
    (void)state;
    conf_free(&open_file);
    return 0;
}

TEST(keywords_are_of_any_case)
{
    conf_line it = setting("AuthKbdInt.Plugin x\n");

    assert_true(conf_is(&it, "AuthKbdInt.Plugin"));
    assert_true(conf_is(&it, "authkbdint.plugin"));
    assert_true(conf_is(&it, "AUTHKBDINT.PLUGIN"));
    assert_false(conf_is(&it, "AuthKbdInt"));
    assert_false(conf_is(&it, "AuthKbdInt.Plugins"));
    assert_false(conf_is(&it, "AuthKbdInt-Plugin"));
    assert_false(conf_is(&it, ""));
}

static void
is_number(const char *text, long expected)
{
    conf_line it = setting(text);
    long number = -77;

    assert_true(conf_number(open_file, &it, -5, 65535, &number));
    assert_int_equal(number, expected);
    assert_string_equal(conf_error(open_file), "");
}

static void
is_no_number(const char *text)
{
    conf_line it = setting(text);
    long number = -77;

    assert_false(conf_number(open_file, &it, -5, 65535, &number));
    assert_int_equal(number, -77);
    assert_string_equal(conf_error(open_file),
                        "f:1: Port: a number from -5 to 65535 was expected");
}

TEST(numbers_are_decimal_and_within_their_range)
{
    is_number("Port 0\n", 0);
    is_number("Port 65535\n", 65535);
    is_number("Port \"22\"\n", 22);
    is_number("Port 0022\n", 22);
    is_number("Port -5\n", -5);
    is_no_number("Port\n");
    is_no_number("Port -\n");
    is_no_number("Port 65536\n");
    is_no_number("Port -6\n");
    is_no_number("Port 10s\n");
    is_no_number("Port 0x16\n");
    is_no_number("Port +1\n");
    is_no_number("Port \" 1\"\n");
    is_no_number("Port 1 2\n");
    is_no_number("Port 18446744073709551617\n");
    is_no_number("Port 99999999999999999999999999999999\n");
}

TEST(yes_and_no_are_of_any_case_and_nothing_else)
{
    bool value = false;
    conf_line it = setting("A Yes\n");

    assert_true(conf_boolean(open_file, &it, &value) && value);
    it = setting("A NO\n");
    assert_true(conf_boolean(open_file, &it, &value) && !value);
    it = setting("A nope\n");
    assert_false(conf_boolean(open_file, &it, &value));
    assert_string_equal(conf_error(open_file),
                        "f:1: A: yes or no was expected");
    it = setting("A\n");
    assert_false(conf_boolean(open_file, &it, &value));
    it = setting("A true\n");
    assert_false(conf_boolean(open_file, &it, &value));
}

static void
lists(const char *text, const char *expected)
{
    conf_line it = setting(text);
    notes got = {.len = 0};
    size_t count = 77, i;
    char **list = conf_list(&it, &count);

    assert_non_null(list);
    got.at[0] = 0;
    for (i = 0; list[i] != NULL; i++)
        note(&got, "%s;", list[i]);
    assert_int_equal(i, count);
    assert_string_equal(got.at, expected);
    free(list);
}

TEST(lists_are_words_between_blanks_and_commas)
{
    lists("A b c,d, e ,f\n", "b;c;d;e;f;");
    lists("A \" b \"\n", "b;");
    lists("A\n", "");
    lists("A ,,\n", "");
}

/* --------------------------------------------------------------- complaints */

TEST(a_reader_s_complaint_names_file_and_line)
{
    conf_line it = setting("\nPort x\n");

    conf_wrong(open_file, &it, "%s: a port was expected", it.keyword);
    assert_string_equal(conf_error(open_file), "f:2: Port: a port was expected");
}

TEST(the_first_complaint_stays_and_ends_the_reading)
{
    conf_line it = setting("A b\nC d\n");

    conf_wrong(open_file, &it, "one: two was expected");
    conf_wrong(open_file, &it, "three: four was expected");
    assert_string_equal(conf_error(open_file), "f:1: one: two was expected");
    assert_status(conf_next(open_file, &it), VALUE);
    assert_status(conf_next(open_file, &it), VALUE);
    assert_string_equal(conf_error(open_file), "f:1: one: two was expected");
}

TEST(what_a_complaint_quotes_is_harmless)
{
    conf *file = NULL;
    conf_line it;

    assert_status(conf_parse("f\033[2J", authplug_span_of("A \r\n"), &file),
                  OK);
    assert_status(conf_next(file, &it), OK);
    conf_wrong(file, &it, "a\n%s: \xc3\xa9 was expected", "\xe2\x80\xae\xff");
    assert_string_equal(conf_error(file),
                        "f\\x1b[2J:1: a\\x0a\\u202e\\xff: \xc3\xa9 was "
                        "expected");
    conf_free(&file);
}

/* -------------------------------------------------------------------- files */

static char folder[64], path[128];

static int
make_folder(void **state)
{
    (void)state;
    memcpy(folder, "/tmp/authplug-conf.XXXXXX", 26);
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/config", folder);
    return 0;
}

static int
drop_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static void
write_file(const void *text, size_t len, mode_t mode)
{
    int fd;

    (void)unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

/* Opens it and expects the complaint, with %s for the path. */
static void
opens_at(const char *at, conf_care care, const char *status, const char *why)
{
    char expected[512];
    conf *file = NULL;
    conf_line it;
    authplug_status got = conf_open(at, care, &file);
    size_t len = 0;

    assert_string_equal(authplug_status_name(got), status);
    assert_non_null(file);
    for (; *why != 0; why++)
        if (*why == '@')
            len += (size_t)snprintf(expected + len, sizeof expected - len, "%s",
                                    at);
        else
            expected[len++] = *why;
    expected[len] = 0;
    assert_string_equal(conf_error(file), expected);
    if (got != AUTHPLUG_OK)
        assert_status(conf_next(file, &it), VALUE);
    conf_free(&file);
}

TEST(a_file_is_read_as_a_whole)
{
    static notes got;
    conf *file = NULL;
    size_t len = 0;

    for (int i = 0; i < 5000; i++)
        len += (size_t)snprintf(big + len, sizeof big - len, "Line %d\n", i);
    write_file(big, len, 0644);
    assert_status(conf_open(path, CONF_NOT_WRITABLE, &file), OK);
    for (int i = 0; i < 5000; i++) {
        conf_line it;

        assert_status(conf_next(file, &it), OK);
        assert_int_equal(strtol(it.value, NULL, 10), i);
    }
    assert_status(settings(file, &got), NEED_MORE);
    assert_int_equal(got.len, 0);
    conf_free(&file);
}

TEST(a_file_that_others_may_change_is_refused)
{
    static const struct {
        mode_t mode;
        bool changes, reads;
    } modes[] = {{0600, false, false}, {0400, false, false},
                 {0700, false, false}, {0644, false, true},
                 {0640, false, true},  {0604, false, true},
                 {0610, false, true},  {0601, false, true},
                 {0620, true, true},   {0602, true, true},
                 {0664, true, true},   {0666, true, true}};

    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        write_file("A b\n", 4, modes[i].mode);
        if (modes[i].changes)
            opens_at(path, CONF_NOT_WRITABLE, "REFUSED",
                     "@: others may change it: chmod go-w @");
        else
            opens_at(path, CONF_NOT_WRITABLE, "OK", "");
        if (modes[i].reads)
            opens_at(path, CONF_NOT_READABLE, "REFUSED",
                     "@: others may read or change it: chmod go= @");
        else
            opens_at(path, CONF_NOT_READABLE, "OK", "");
    }
}

/* Only root can give a file away; others are taken for somebody else. */
static uid_t pretended = (uid_t)-1;
uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);

uid_t
__wrap_geteuid(void)
{
    return pretended != (uid_t)-1 ? pretended : __real_geteuid();
}

TEST(a_file_of_somebody_else_is_refused)
{
    uid_t me = __real_geteuid();
    char why[128];

    (void)snprintf(why, sizeof why,
                   "@: it belongs to user %u: root, or user %u, was expected "
                   "to own it: see chown(1)",
                   me == 0 ? 65534 : me, me + 1);
    write_file("A b\n", 4, 0644);
    pretended = me + 1;
    if (me == 0)
        assert_int_equal(chown(path, 65534, 65534), 0);
    opens_at(path, CONF_NOT_WRITABLE, "REFUSED", why);
    if (me == 0) { /* root's own is good for everybody */
        assert_int_equal(chown(path, 0, 0), 0);
        opens_at(path, CONF_NOT_WRITABLE, "OK", "");
    }
    pretended = (uid_t)-1;
}

TEST(a_symbolic_link_is_judged_by_its_file)
{
    char target[160];

    (void)snprintf(target, sizeof target, "%s.real", path);
    write_file("A b\n", 4, 0600);
    assert_int_equal(rename(path, target), 0);
    assert_int_equal(symlink("config.real", path), 0);
    opens_at(path, CONF_NOT_READABLE, "OK", "");
    assert_int_equal(chmod(target, 0666), 0);
    opens_at(path, CONF_NOT_WRITABLE, "REFUSED",
             "@: others may change it: chmod go-w @");
    assert_int_equal(unlink(target), 0);
    opens_at(path, CONF_NOT_WRITABLE, "NOT_FOUND",
             "@: No such file or directory");
}

TEST(what_is_no_file_is_not_waited_for)
{
    (void)unlink(path);
    opens_at(path, CONF_NOT_WRITABLE, "NOT_FOUND",
             "@: No such file or directory");
    opens_at(folder, CONF_NOT_WRITABLE, "IO",
             "@: not a file: a regular file was expected");
    opens_at("/dev/null", CONF_NOT_WRITABLE, "IO",
             "@: not a file: a regular file was expected");
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(10);
    opens_at(path, CONF_NOT_WRITABLE, "IO",
             "@: not a file: a regular file was expected");
    alarm(0);
}

TEST(a_file_that_is_too_large_is_refused)
{
    memset(big, '\n', sizeof big);
    write_file(big, 1 << 20, 0600);
    opens_at(path, CONF_NOT_READABLE, "OK", "");
    write_file(big, (1 << 20) + 1, 0600);
    opens_at(path, CONF_NOT_READABLE, "LENGTH",
             "@: too large: at most 1024 KiB were expected");
}

/* ------------------------------------------------------------------- sweeps */

TEST(each_allocation_may_fail)
{
    static const char text[] = "A b\nC d e\nF g\n";
    size_t before = alloc_live();

    write_file(text, sizeof text - 1, 0600);
    for (size_t n = 1;; n++) {
        conf *file = NULL;
        conf_line it;
        bool failed;
        char **list;

        alloc_reset();
        alloc_fail_at(n);
        if (conf_open(path, CONF_NOT_READABLE, &file) == AUTHPLUG_NOMEM) {
            assert_null(file);
            assert_int_equal(alloc_live(), before);
            continue;
        }
        assert_status(conf_next(file, &it), OK);
        assert_status(conf_next(file, &it), OK);
        list = conf_list(&it, &(size_t){0});
        conf_wrong(file, &it, "this: that was expected");
        assert_true(*conf_error(file) != 0);
        assert_status(conf_next(file, &it), VALUE);
        failed = alloc_count() >= n;
        free(list);
        conf_free(&file);
        assert_int_equal(alloc_live(), before);
        if (!failed)
            break;
    }
    alloc_reset();
}

TEST(nothing_of_the_text_is_left_in_freed_memory)
{
    static const char text[] = "Secret \"JBSWY3DPEHPK3PXP\"\nBad:\n";
    conf *file = NULL;
    conf_line it;

    write_file(text, sizeof text - 1, 0600);
    spy_on("JBSWY3DPEHPK3PXP");
    assert_status(conf_open(path, CONF_NOT_READABLE, &file), OK);
    assert_status(conf_next(file, &it), OK);
    assert_string_equal(it.value, "JBSWY3DPEHPK3PXP");
    assert_true(spy_sees());
    assert_status(conf_next(file, &it), VALUE);
    conf_free(&file);
    assert_false(spy_sees());
    assert_int_equal(spy_spilled(), 0);
    spy_on(NULL);
}

/* Each truncation of a file is read to some end; under sanitizers and against
 * the guard page it shows that nothing is read beyond. */
TEST(any_beginning_of_a_file_can_be_read)
{
    static const char text[] =
        VERSION "## REGEX-SYNTAX egrep\n## END OF METACONFIG\r\n"
                "A = \"b c: \"\r\n# x\nD e\n F\n";

    for (size_t len = 0; len < sizeof text; len++) {
        static notes got;
        conf *file = NULL;

        got.len = 0;
        assert_status(
            conf_parse("f", authplug_span_make(guarded(text, len), len), &file),
            OK);
        settings(file, &got);
        conf_free(&file);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_setting_is_a_keyword_and_a_value),
        cmocka_unit_test(there_may_be_no_value),
        cmocka_unit_test(only_one_equals_sign_is_taken),
        cmocka_unit_test(lines_are_counted_and_may_be_empty_or_comments),
        cmocka_unit_test(lines_end_with_LF_or_CR_LF_or_the_file),
        cmocka_unit_test(quotes_keep_blanks_and_a_colon),
        cmocka_unit_test(a_value_that_begins_otherwise_may_hold_quotes),
        cmocka_unit_test(quotes_around_a_part_are_an_error),
        cmocka_unit_test(a_backslash_is_a_backslash),
        cmocka_unit_test(an_unquoted_colon_at_the_end_is_a_section_pattern),
        cmocka_unit_test(what_is_no_keyword_is_not_repeated),
        cmocka_unit_test(NUL_is_an_error_wherever_it_is),
        cmocka_unit_test(values_may_hold_any_other_byte),
        cmocka_unit_test(a_mark_of_the_encoding_is_passed_over),
        cmocka_unit_test(metaconfiguration_is_passed_over),
        cmocka_unit_test(metaconfiguration_is_checked),
        cmocka_unit_test(metaconfiguration_that_would_not_count_is_an_error),
        cmocka_unit_test(a_line_has_8_KiB_and_not_a_byte_more),
        cmocka_unit_test(a_file_has_1_MiB_and_not_a_byte_more),
        cmocka_unit_test_teardown(keywords_are_of_any_case, close_file),
        cmocka_unit_test_teardown(numbers_are_decimal_and_within_their_range,
                                  close_file),
        cmocka_unit_test_teardown(yes_and_no_are_of_any_case_and_nothing_else,
                                  close_file),
        cmocka_unit_test_teardown(lists_are_words_between_blanks_and_commas,
                                  close_file),
        cmocka_unit_test_teardown(a_reader_s_complaint_names_file_and_line,
                                  close_file),
        cmocka_unit_test_teardown(
            the_first_complaint_stays_and_ends_the_reading, close_file),
        cmocka_unit_test(what_a_complaint_quotes_is_harmless),
        cmocka_unit_test(a_file_is_read_as_a_whole),
        cmocka_unit_test(a_file_that_others_may_change_is_refused),
        cmocka_unit_test(a_file_of_somebody_else_is_refused),
        cmocka_unit_test(a_symbolic_link_is_judged_by_its_file),
        cmocka_unit_test(what_is_no_file_is_not_waited_for),
        cmocka_unit_test(a_file_that_is_too_large_is_refused),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(nothing_of_the_text_is_left_in_freed_memory),
        cmocka_unit_test(any_beginning_of_a_file_can_be_read),
    };

    return cmocka_run_group_tests_name("configuration files", tests,
                                       make_folder, drop_folder);
}
