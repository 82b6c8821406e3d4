/*
 * The parts of ssh-passwd-plugin that run no program: how passwords are kept
 * out of what is shown, the levels of -d, and passwd_config.
 */
#define _GNU_SOURCE
#include "support.h"

#include "plugins/ssh-passwd-plugin/passwd_plugin.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------------- tokens */

static void
stands_for(const char *name, const login *of, const char *expected)
{
    authplug_secret *out = authplug_secret_new(100);

    assert_status(authplug_secret_append(out, ">", 1), OK);
    if (expected != NULL)
        assert_status(login_value((void *)(uintptr_t)of, name, NULL, out), OK);
    else
        assert_status(login_value((void *)(uintptr_t)of, name, NULL, out),
                      NOT_FOUND);
    assert_string_equal(authplug_secret_text(out) + 1,
                        expected != NULL ? expected : "");
    authplug_secret_free(&out);
}

TEST(a_token_stands_for_what_the_server_gave)
{
    const login all = {"rebecca", "weasel",
                       "st\xc3\xb6"
                       "at $user_name$\\n"};
    const login none = {"", "", ""};

    stands_for("user_name", &all, "rebecca");
    stands_for("old_password", &all, "weasel");
    stands_for("new_password", &all,
               "st\xc3\xb6"
               "at $user_name$\\n");
    stands_for("user_name", &none, NULL);
    stands_for("old_password", &none, NULL);
    stands_for("new_password", &none, NULL);
}

TEST(a_value_may_be_too_long)
{
    const login of = {"rebecca", "weasel", "stoat"};
    authplug_secret *out = authplug_secret_new(6);

    assert_status(login_value((void *)(uintptr_t)&of, "user_name", NULL, out),
                  LIMIT);
    assert_int_equal(authplug_secret_len(out), 0);
    assert_status(
        login_value((void *)(uintptr_t)&of, "old_password", NULL, out), OK);
    authplug_secret_free(&out);
}

/* ------------------------------------------------------------------ masking */

/* With OLD and NEW for the names of the tokens. */
static void
shows_bytes(const char *old, const char *new, authplug_span text,
            const char *expected)
{
    const login of = {"rebecca", old, new};
    authplug_secret *out = authplug_secret_new(65536);

    assert_status(authplug_secret_append(out, "> ", 2), OK);
    assert_status(
        login_mask(&of,
                   authplug_span_make(guarded(text.data, text.len), text.len),
                   out),
        OK);
    assert_string_equal(authplug_secret_text(out) + 2, expected);
    authplug_secret_free(&out);
}

#define SHOWS(old, new, text, expected)                                        \
    shows_bytes(old, new, authplug_span_make((text), sizeof(text) - 1),        \
                expected)
#define OLD "$old_password$"
#define NEW "$new_password$"

TEST(passwords_are_masked_wherever_they_are)
{
    SHOWS("weasel", "stoat", "", "");
    SHOWS("weasel", "stoat", "no animal", "no animal");
    SHOWS("weasel", "stoat", "weasel", OLD);
    SHOWS("weasel", "stoat", "stoat", NEW);
    SHOWS("weasel", "stoat", "a weasel, a stoat.", "a " OLD ", a " NEW ".");
    SHOWS("weasel", "stoat", "weaselstoatweasel", OLD NEW OLD);
    SHOWS("weasel", "stoat", "weasels outweasel Weasel",
          OLD "s out" OLD " Weasel");
    SHOWS("weasel", "stoat", "wweasel sstoat ststoat",
          "w" OLD " s" NEW " st" NEW);
    SHOWS("weasel", "stoat", "the user rebecca", "the user rebecca");
}

TEST(the_longer_of_two_passwords_is_masked)
{
    SHOWS("stoat", "stoat12", "stoat12 stoat1 stoat", NEW " " OLD "1 " OLD);
    SHOWS("stoat12", "stoat", "stoat12 stoat1 stoat", OLD " " NEW "1 " OLD);
    SHOWS("stoat", "12stoat", "12stoat stoat 2stoat", NEW " " OLD " 2" OLD);
    SHOWS("12stoat34", "stoat", "12stoat34 stoat34", OLD " " NEW "34");
    SHOWS("stoat", "stoat", "stoat", OLD);
}

TEST(passwords_that_overlap_are_masked_both)
{
    SHOWS("weaselstoat", "stoatferret", "a weaselstoatferret.",
          "a " OLD NEW ".");
    SHOWS("stoatferret", "weaselstoat", "a weaselstoatferret.",
          "a " NEW OLD ".");
    SHOWS("", "ab12ab12ab", "ab12ab12ab12ab x", NEW " x");
    SHOWS("", "xxxx", "xxxxxxxxxxx xxx", NEW " xxx");
    SHOWS("", "stoat", "stoatstoat", NEW NEW);
    SHOWS("abcdefg", "efghijk", "abcdefghijklmn", OLD NEW "lmn");
    SHOWS("weaselstoat", "seal", "weaselstoat", OLD);
    SHOWS("weasels", "seal", "weaseals weaseal", "wea" NEW "s wea" NEW);
}

TEST(the_start_of_a_password_counts_at_the_end)
{
    SHOWS("weasel", "stoat", "a weas", "a " OLD);
    SHOWS("weasel", "stoat", "a stoa", "a " NEW);
    SHOWS("weasel", "stoat", "a weas.", "a weas.");
    SHOWS("weasel", "stoat", "stoatweas", NEW OLD);
    /* as short a start is that of many words */
    SHOWS("weasel", "stoat", "a sto", "a sto");
    SHOWS("weaselstoat", "stoatferret", "a weaselstoatfer", "a " OLD NEW);
}

TEST(short_passwords_are_masked_as_words)
{
    SHOWS("", "abc", "abc", NEW);
    SHOWS("", "abc", "(abc) 'abc'", "(" NEW ") '" NEW "'");
    SHOWS("", "abc", "abcd dabc 1abc abc1", "abcd dabc 1abc abc1");
    SHOWS("", "a", "a cat, a.", NEW " cat, " NEW ".");
    SHOWS("", "abc",
          "abc\xc3\xb6 \xc3\xb6"
          "abc",
          "abc\xc3\xb6 \xc3\xb6"
          "abc");
    SHOWS("ab", "abc", "ab abc abcd", OLD " " NEW " abcd");
    SHOWS("", "abc", "x ab", "x ab");
    SHOWS("", "abcd", "xabcdx", "x" NEW "x");
}

TEST(a_password_that_was_not_given_is_nowhere)
{
    SHOWS("", "", "", "");
    SHOWS("", "", "any text", "any text");
    SHOWS("", "stoat", "a stoat", "a " NEW);
    SHOWS("weasel", "", "a weasel", "a " OLD);
}

TEST(passwords_are_bytes)
{
    SHOWS("", "g\xc3\xb6sser",
          "ein g\xc3\xb6sser gr\xc3\xb6\xc3\x9f"
          "er",
          "ein " NEW " gr\xc3\xb6\xc3\x9f"
          "er");
    /* not UTF-8, or what is not shown as it is */
    SHOWS("", "st\xff\x1bt", "a st\xff\x1bt \xff\x1b", "a " NEW " \\xff\\x1b");
    SHOWS("", "\x1b[31m", "\x1b[31m \x1b[32m", NEW " \\x1b[32m");
    SHOWS("", "a\tb c", "a\tb c a\tb", NEW " a b");
    SHOWS("", "$new_password$", "$new_password$", NEW);
    /* its end may be within a character: what is left is none */
    SHOWS("", "stoat\xc3", "stoat\xc3\xb6", NEW "\\xb6");
}

TEST(what_is_shown_is_harmless)
{
    SHOWS("weasel", "stoat", "\x1b]0;stoat\a", "\\x1b]0;" NEW "\\x07");
    SHOWS("weasel", "stoat", "a\0b\r\nc\x7f", "a\\x00b\\x0d\\x0ac\\x7f");
    SHOWS("weasel", "stoat",
          "\xe2\x80\xae"
          "weasel",
          "\\u202e" OLD);
    SHOWS("weasel", "stoat",
          "gr\xc3\xb6\xc3\x9f"
          "er \xc3",
          "gr\xc3\xb6\xc3\x9f"
          "er \\xc3");
}

TEST(masking_may_run_out_of_memory_or_room)
{
    static const char text[] =
        "a weasel and another weasel, and then a \x1b[1mstoat\x1b[0m, and "
        "weasel after weasel after weasel after weasel";
    const login of = {"rebecca", "weasel", "stoat"};
    size_t before = alloc_live();

    for (size_t n = 1;; n++) {
        authplug_secret *out;
        authplug_status status;
        bool failed;

        alloc_reset();
        out = authplug_secret_new(4096);
        alloc_fail_at(n);
        status = login_mask(&of, authplug_span_of(text), out);
        failed = alloc_count() >= n;
        assert_int_equal(status, failed ? AUTHPLUG_NOMEM : AUTHPLUG_OK);
        alloc_reset();
        assert_null(strstr(authplug_secret_text(out), "weasel"));
        authplug_secret_free(&out);
        assert_int_equal(alloc_live(), before);
        if (!failed)
            break;
    }
    for (size_t room = 1; room < 250; room++) {
        authplug_secret *out = authplug_secret_new(room);
        authplug_status status = login_mask(&of, authplug_span_of(text), out);

        assert_true(status == AUTHPLUG_OK || status == AUTHPLUG_LIMIT);
        assert_true(authplug_secret_len(out) <= room);
        assert_null(strstr(authplug_secret_text(out), "weasel"));
        authplug_secret_free(&out);
    }
}

/* What must not be in the output, in short texts of few letters. */
TEST(no_password_survives)
{
    uint32_t seed = 1;

    for (size_t i = 0; i < 20000; i++) {
        char old[8] = "", new[8] = "", text[24] = "";
        login of = {"rebecca", old, new};
        authplug_secret *out = authplug_secret_new(4096);
        const char *shown;

        for (size_t at = random_from(&seed, 4, 7); at > 0; at--)
            old[at - 1] = (char)random_from(&seed, 'x', 'z');
        for (size_t at = random_from(&seed, 4, 7); at > 0; at--)
            new[at - 1] = (char)random_from(&seed, 'x', 'z');
        for (size_t at = random_from(&seed, 0, 23); at > 0; at--)
            text[at - 1] = (char)random_from(&seed, 'x', 'z');
        assert_status(login_mask(&of, authplug_span_of(text), out), OK);
        shown = authplug_secret_text(out);
        assert_null(strstr(shown, old));
        assert_null(strstr(shown, new));
        /* every byte of an occurrence is masked: so many bytes are left */
        {
            bool covered[24] = {false};
            size_t left = 0, kept = 0;

            for (size_t at = 0; text[at] != 0; at++) {
                for (size_t p = 0; p < 2; p++) {
                    const char *password = p == 0 ? old : new;
                    size_t len = strlen(password);

                    if (strncmp(text + at, password, len) == 0)
                        memset(covered + at, true, len);
                }
            }
            for (size_t at = 0; text[at] != 0; at++)
                left += !covered[at];
            for (size_t at = 0; shown[at] != 0; at++)
                kept += shown[at] >= 'x' && shown[at] <= 'z';
            assert_true(kept <= left);
        }
        authplug_secret_free(&out);
    }
}

/* -------------------------------------------------------------------- debug */

/* The level that is shown after; -1 when it is none. */
static int
level_of(const char *levels)
{
    int level = 99;

    if (!debug_set(levels))
        return -1;
    while (level > 0 && !debug_is(level))
        level--;
    return level;
}

TEST(a_level_may_name_its_module)
{
    assert_int_equal(level_of("0"), 0);
    assert_int_equal(level_of("9"), 9);
    assert_int_equal(level_of("99"), 99);
    assert_int_equal(level_of("GenPasswdPlugin=9"), 9);
    assert_int_equal(level_of("Gen*=3"), 3);
    assert_int_equal(level_of("*=4"), 4);
    assert_int_equal(level_of("SshAuth=9"), 0);
    assert_int_equal(level_of("GenPasswdPlugi=9"), 0);
    assert_int_equal(level_of("A=1,Gen*=3"), 3);
    assert_int_equal(level_of("Gen*=3,A=1"), 3);
    assert_int_equal(level_of("1,GenPasswdPlugin=9"), 9);
    assert_int_equal(level_of("GenPasswdPlugin=9,1"), 1);
    /* the levels before do not count */
    assert_int_equal(level_of("A=1"), 0);
}

TEST(what_is_no_level_is_refused)
{
    static const char *const wrong[] = {
        "",      "x",    "9x",
        "=",     "100",  ",",
        "a=b",   "9,",   ",9",
        "A=",    "-1",   "+1",
        " 9",    "9 ",   "1.5",
        "A=1,B", "A==1", "0x9",
        "A=-1",  "1,,2", "99999999999999999999999",
        "A=9=9"};
    char longer[201];

    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        if (debug_set(wrong[i]))
            print_error("\"%s\" was taken\n", wrong[i]);
        assert_false(debug_set(wrong[i]));
    }
    memset(longer, '9', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    assert_false(debug_set(longer));
    memset(longer, 'A', sizeof longer - 1);
    assert_false(debug_set(longer));
    longer[198] = '=', longer[199] = '9';
    assert_false(debug_set(longer));
    /* of which nothing stays */
    assert_false(debug_set("GenPasswdPlugin=9,x"));
    assert_false(debug_is(1));
}

/* What it writes to standard error. */
static const char *
said(int level, const char *text)
{
    static char got[16384];
    int ends[2], before = dup(STDERR_FILENO);
    ssize_t len;

    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    debug_say(level, "%s", text);
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    close(before);
    close(ends[1]);
    len = read(ends[0], got, sizeof got - 1);
    close(ends[0]);
    assert_true(len >= 0);
    got[len] = 0;
    return got;
}

TEST(a_level_says_what_is_shown)
{
    static char longer[10000];

    assert_true(debug_set("3"));
    assert_string_equal(said(DEBUG_DATA, "words"), "");
    assert_string_equal(said(4, "words"), "");
    assert_string_equal(said(DEBUG_STEPS, "words"),
                        "ssh-passwd-plugin: debug: GenPasswdPlugin: words\n");
    assert_true(debug_set("9"));
    assert_string_equal(
        said(DEBUG_DATA, "\x1b[1m"),
        "ssh-passwd-plugin: debug: GenPasswdPlugin: \\x1b[1m\n");
    memset(longer, 'x', sizeof longer - 1);
    assert_true(strlen(said(1, longer)) < sizeof longer);
    assert_true(debug_set("0"));
    assert_string_equal(said(1, "words"), "");
}

/* ----------------------------------------------------------------- the file */

static char folder[64] = "/tmp/test_passwd-XXXXXX", path[96];

static int
make_folder(void **state)
{
    (void)state;
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
write_file(const char *text, size_t len, mode_t mode)
{
    int fd;

    (void)unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

/* What was read, or why not, with "@" for the file's name. */
static const char *
outcome_of(const passwd_config *config, const char *error)
{
    static notes got;
    const char *at;

    got.len = 0;
    got.at[0] = 0;
    if (config != NULL)
        note(&got, "words %zu, rules %zu, exit %d, timeout %ld\n",
             config->program != NULL ? template_words_count(config->program)
                                     : 0,
             rules_count(config->rules), config->success_from_exit,
             config->data_timeout);
    while ((at = strstr(error, path)) != NULL) {
        note(&got, "%.*s@", (int)(at - error), error);
        error = at + strlen(path);
    }
    note(&got, "%s", error);
    return got.at;
}

static void
reads_bytes(const char *text, size_t len, const char *expected)
{
    char error[1024] = "stale";
    passwd_config *config;

    write_file(text, len, 0644);
    config = config_read(path, error, sizeof error);
    if (config != NULL)
        assert_string_equal(config->file, path);
    assert_string_equal(outcome_of(config, error), expected);
    config_free(&config);
    assert_null(config);
    config_free(&config);
}

#define READS(text, expected) reads_bytes(text, sizeof(text) - 1, expected)
#define SUCCESS "Request ok\nResponse $SUCCESS\n"
#define WARNING                                                                \
    "@: nothing in it can tell success: a Response $SUCCESS, or a "            \
    "FinalResponse and GetSuccessFromExit yes, was expected"

TEST(every_keyword_is_read)
{
    READS(SUCCESS, "words 0, rules 1, exit 0, timeout 4\n");
    READS("PasswdPath /bin/passwd -q '$user_name$ x'\n" SUCCESS,
          "words 3, rules 1, exit 0, timeout 4\n");
    READS("DataTimeout 10\n" SUCCESS, "words 0, rules 1, exit 0, timeout 10\n");
    READS(SUCCESS "DataTimeout = 1\n", "words 0, rules 1, exit 0, timeout 1\n");
    READS("DataTimeout 3600\n" SUCCESS,
          "words 0, rules 1, exit 0, timeout 3600\n");
    READS("GetSuccessFromExit yes\nRequest \"New password: \"\n"
          "Response $old_password$\\n\nRequest x\n"
          "FinalResponse $new_password$\\n\n",
          "words 0, rules 2, exit 1, timeout 4\n");
    READS("GetSuccessFromExit no\n" SUCCESS,
          "words 0, rules 1, exit 0, timeout 4\n");
    READS("passwdpath x\nDATATIMEOUT 5\ngetsuccessfromexit YES\nrequest x\n"
          "RESPONSE $success\n",
          "words 1, rules 1, exit 1, timeout 5\n");
}

TEST(what_cannot_succeed_is_warned_of)
{
    READS("", "words 0, rules 0, exit 0, timeout 4\n" WARNING);
    READS("# nothing\n", "words 0, rules 0, exit 0, timeout 4\n" WARNING);
    READS("Request x\nFinalResponse y\n",
          "words 0, rules 1, exit 0, timeout 4\n" WARNING);
    READS("GetSuccessFromExit yes\nRequest x\nResponse y\n",
          "words 0, rules 1, exit 1, timeout 4\n" WARNING);
    READS("Request x\nResponse $ERROR_LOG\n",
          "words 0, rules 1, exit 0, timeout 4\n" WARNING);
}

TEST(what_is_wrong_is_told_with_its_line)
{
    static const struct {
        const char *text, *expected;
    } wrong[] = {
        {"\nPort 22\n",
         "@:2: unknown keyword Port: Request, Response, FinalResponse, "
         "PasswdPath, DataTimeout or GetSuccessFromExit was expected"},
        {SUCCESS "DataTimeout 0\n", "@:3: "},
        {"DataTimeout 3601\n", "@:1: "},
        {"DataTimeout\n", "@:1: "},
        {"DataTimeout -1\n", "@:1: "},
        {"DataTimeout 99999999999999999999\n", "@:1: "},
        {"DataTimeout 3\n\nDataTimeout 3\n",
         "@:3: DataTimeout: it was given before: one was expected"},
        {"GetSuccessFromExit\n", "@:1: "},
        {"GetSuccessFromExit maybe\n", "@:1: "},
        {"GetSuccessFromExit no\ngetsuccessfromexit no\n",
         "@:2: getsuccessfromexit: it was given before: one was expected"},
        {"PasswdPath\n", "@:1: PasswdPath: byte 1: "},
        {"PasswdPath ''$x$\n", "@:1: PasswdPath: byte 3: "},
        {"PasswdPath 'x\n", "@:1: PasswdPath: byte "},
        {"PasswdPath a\nPasswdPath b\n",
         "@:2: PasswdPath: it was given before: one was expected"},
        {"PasswdPath passwd -p $old_password$\n",
         "@:1: PasswdPath: every user of the machine would see the password: "
         "no token but $user_name$ was expected"},
        {"PasswdPath x$new_password$\n",
         "@:1: PasswdPath: every user of the machine would see the password: "
         "no token but $user_name$ was expected"},
        {"Request x\n", "@:1: "},
        {"Request x\nRequest y\n", "@:1: "},
        {"Request x\nDataTimeout 3\nResponse y\n", "@:1: "},
        {"Response y\n", "@:1: "},
        {"FinalResponse y\n", "@:1: "},
        {"Request x\nResponse y\nResponse z\n", "@:3: "},
        {"Request x*\nResponse y\n", "@:1: "},
        {"Request\nResponse y\n", "@:1: "},
        {"Request (x\nResponse y\n", "@:1: "},
        {"Request x\nFinalResponse $SUCCESS\n", "@:2: "},
        {"Request x\nResponse $password$\n", "@:2: "},
        {"Request x\nResponse $user_name:x$\n", "@:2: "},
        {"Request x\nResponse \\x\n", "@:2: "},
        {"Request x:\n", "@:1: "},
        {SUCCESS "\x01\n", "@:3: "},
    };

    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char error[1024] = "stale";
        passwd_config *config;
        const char *got;

        write_file(wrong[i].text, strlen(wrong[i].text), 0644);
        config = config_read(path, error, sizeof error);
        got = outcome_of(config, error);
        if (strncmp(got, wrong[i].expected, strlen(wrong[i].expected)) != 0)
            print_error("%s%s\n", wrong[i].text, got);
        assert_null(config);
        assert_memory_equal(got, wrong[i].expected, strlen(wrong[i].expected));
        assert_true(strlen(got) > 5);
        assert_null(strchr(error, '\n'));
    }
    READS("A\0b\n", "@:1: a NUL in the line: text was expected");
}

/* Each of them is good, and all together are more than can be looked for. */
TEST(rules_that_are_too_large_together_are_told)
{
    static notes text;
    char error[1024] = "";
    passwd_config *config;
    size_t count = 0;

    do {
        for (size_t i = 0; i < 5; i++)
            note(&text, "Request %zu(%0200d)*\nResponse $SUCCESS\n", count++,
                 0);
        write_file(text.at, text.len, 0644);
        config = config_read(path, error, sizeof error);
        if (config != NULL) {
            assert_non_null(config->output);
            assert_string_equal(error, "");
            config_free(&config);
        }
    } while (error[0] == 0 && text.len < 24000);
    assert_string_equal(outcome_of(NULL, error),
                        "@: its Requests are too large together: fewer or "
                        "shorter ones were expected");
}

TEST(a_complaint_repeats_no_secret)
{
    static const char text[] = "Request x\nResponse hunter2$x$\n";
    char error[1024];

    write_file(text, sizeof text - 1, 0644);
    assert_null(config_read(path, error, sizeof error));
    assert_null(strstr(error, "hunter2"));
    /* and is cut where there is no room */
    for (size_t size = 1; size < 64; size++) {
        memset(error, 'x', sizeof error);
        assert_null(config_read(path, error, size));
        assert_in_range(strlen(error), 0, size - 1);
        assert_int_equal(error[size], 'x');
    }
}

static void
read_as(mode_t mode, bool good)
{
    char error[1024], expected[256];
    passwd_config *config;

    write_file(SUCCESS, sizeof SUCCESS - 1, mode);
    config = config_read(path, error, sizeof error);
    (void)snprintf(expected, sizeof expected,
                   "%s: others may change it: chmod go-w %s", path, path);
    assert_string_equal(error, good ? "" : expected);
    assert_int_equal(config != NULL, good);
    config_free(&config);
}

TEST(a_file_that_others_may_change_is_refused)
{
    static const mode_t good[] = {0400, 0600, 0640, 0644, 0755},
                        bad[] = {0620, 0602, 0664, 0666, 0777};

    for (size_t i = 0; i < COUNT_OF(good); i++)
        read_as(good[i], true);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        read_as(bad[i], false);
}

TEST(a_file_that_cannot_be_read_is_told)
{
    char error[1024] = "";

    (void)unlink(path);
    assert_null(config_read(path, error, sizeof error));
    assert_string_equal(outcome_of(NULL, error),
                        "@: No such file or directory");
    assert_null(config_read(folder, error, sizeof error));
    assert_non_null(strstr(error, "a regular file was expected"));
    assert_null(config_read("", error, sizeof error));
    assert_true(error[0] != 0);
}

TEST(each_allocation_may_fail)
{
    static const char text[] =
        "PasswdPath /bin/passwd -q '$user_name$'\nDataTimeout 10\n"
        "GetSuccessFromExit yes\nRequest \"^New (a|b)+ password: $\"\n"
        "Response $old_password$\\n\nRequest x\nFinalResponse y\n";
    static const char wrong[] = SUCCESS "PasswdPath $new_password$\n";
    size_t before = alloc_live();

    for (int good = 0; good < 2; good++) {
        write_file(good ? text : wrong,
                   good ? sizeof text - 1 : sizeof wrong - 1, 0644);
        for (size_t n = 1;; n++) {
            char error[1024] = "stale";
            passwd_config *config;
            bool failed;

            alloc_reset();
            alloc_fail_at(n);
            config = config_read(path, error, sizeof error);
            failed = alloc_count() >= n;
            alloc_reset();
            if (failed || !good)
                assert_null(config);
            else
                assert_non_null(config);
            assert_int_equal(error[0] == 0, config != NULL);
            config_free(&config);
            assert_int_equal(alloc_live(), before);
            if (!failed)
                break;
        }
    }
}

/* -------------------------------------------------------------- the program */

/* Of a file that names none, and the server's environment. */
static void
finds(const char *named, bool good, size_t words, const char *why)
{
    char error[1024] = "";
    passwd_config *config;

    write_file(SUCCESS, sizeof SUCCESS - 1, 0644);
    config = config_read(path, error, sizeof error);
    assert_non_null(config);
    if (named != NULL)
        assert_int_equal(setenv("SSH2_PASSWD_PATH", named, 1), 0);
    for (int i = 0; i < 2; i++) { /* it does not help to ask again */
        error[0] = 0;
        assert_int_equal(config_find_program(config, error, sizeof error),
                         good);
        assert_int_equal(strncmp(error, why, strlen(why)), 0);
    }
    if (good)
        assert_int_equal(template_words_count(config->program), words);
    assert_int_equal(unsetenv("SSH2_PASSWD_PATH"), 0);
    config_free(&config);
}

TEST(the_program_is_what_the_server_names_or_passwd)
{
    finds(NULL, true, 1, "");
    finds("", true, 1, "");
    finds("/bin/passwd -q '$user_name$'", true, 3, "");
    finds("/bin/passwd 'x", false, 0, "SSH2_PASSWD_PATH: byte ");
    finds("  ", false, 0, "SSH2_PASSWD_PATH: byte ");
    finds("passwd $password$", false, 0, "SSH2_PASSWD_PATH: byte 8: ");
    finds("passwd $new_password$", false, 0,
          "SSH2_PASSWD_PATH: every user of the machine would see the password: "
          "no token but $user_name$ was expected");
    finds("passwd x$old_password$", false, 0,
          "SSH2_PASSWD_PATH: every user of the machine would see the password");
}

TEST(the_file_s_program_goes_first)
{
    static const char text[] = "PasswdPath /bin/a b\n" SUCCESS;
    char error[1024] = "";
    passwd_config *config;

    write_file(text, sizeof text - 1, 0644);
    assert_int_equal(setenv("SSH2_PASSWD_PATH", "$new_password$", 1), 0);
    config = config_read(path, error, sizeof error);
    assert_non_null(config);
    assert_true(config_find_program(config, error, sizeof error));
    assert_int_equal(template_words_count(config->program), 2);
    assert_int_equal(unsetenv("SSH2_PASSWD_PATH"), 0);
    config_free(&config);
}

TEST(there_may_be_no_memory_for_the_program)
{
    char error[1024] = "";
    passwd_config *config;
    size_t before = alloc_live();

    write_file(SUCCESS, sizeof SUCCESS - 1, 0644);
    for (size_t n = 1;; n++) {
        bool found, failed;

        alloc_reset();
        config = config_read(path, error, sizeof error);
        assert_non_null(config);
        alloc_fail_at(n);
        found = config_find_program(config, error, sizeof error);
        failed = alloc_count() >= n;
        alloc_reset();
        assert_int_equal(found, !failed);
        assert_int_equal(error[0] == 0, found);
        config_free(&config);
        assert_int_equal(alloc_live(), before);
        if (!failed)
            break;
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_stands_for_what_the_server_gave),
        cmocka_unit_test(a_value_may_be_too_long),
        cmocka_unit_test(passwords_are_masked_wherever_they_are),
        cmocka_unit_test(the_longer_of_two_passwords_is_masked),
        cmocka_unit_test(passwords_that_overlap_are_masked_both),
        cmocka_unit_test(the_start_of_a_password_counts_at_the_end),
        cmocka_unit_test(short_passwords_are_masked_as_words),
        cmocka_unit_test(a_password_that_was_not_given_is_nowhere),
        cmocka_unit_test(passwords_are_bytes),
        cmocka_unit_test(what_is_shown_is_harmless),
        cmocka_unit_test(masking_may_run_out_of_memory_or_room),
        cmocka_unit_test(no_password_survives),
        cmocka_unit_test(a_level_may_name_its_module),
        cmocka_unit_test(what_is_no_level_is_refused),
        cmocka_unit_test(a_level_says_what_is_shown),
        cmocka_unit_test(every_keyword_is_read),
        cmocka_unit_test(what_cannot_succeed_is_warned_of),
        cmocka_unit_test(what_is_wrong_is_told_with_its_line),
        cmocka_unit_test(rules_that_are_too_large_together_are_told),
        cmocka_unit_test(a_complaint_repeats_no_secret),
        cmocka_unit_test(a_file_that_others_may_change_is_refused),
        cmocka_unit_test(a_file_that_cannot_be_read_is_told),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(the_program_is_what_the_server_names_or_passwd),
        cmocka_unit_test(the_file_s_program_goes_first),
        cmocka_unit_test(there_may_be_no_memory_for_the_program),
    };

    return cmocka_run_group_tests_name("ssh-passwd-plugin", tests, make_folder,
                                       drop_folder);
}
