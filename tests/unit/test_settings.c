/*
 * The client's configuration: client/settings.h, and of conf/ the patterns of
 * hosts and the command lines without a shell.
 */
#define _GNU_SOURCE
#include "support.h"

#include "client/settings.h"
#include "conf/patterns.h"
#include "conf/words.h"

#include <unistd.h>

/* ----------------------------------------------------------------- patterns */

/* Patterns are separated by blanks, as in a file. */
static bool
about(const char *patterns, const char *given, const char *name, uint32_t port)
{
    const conf_line hosts = {.keyword = "Host", .value = patterns};
    const char *names[] = {name, given, NULL};
    size_t count;
    char **list = conf_list(&hosts, &count);
    bool result = patterns_fit_host(list, names, port);

    free(list);
    return result;
}

TEST(a_pattern_is_all_of_a_name)
{
    static const struct {
        const char *pattern, *text;
        bool fits;
    } cases[] = {
        {"a", "a", true},         {"a", "b", false},
        {"a", "", false},         {"", "", true},
        {"", "a", false},         {"*", "", true},
        {"*", "abc", true},       {"?", "", false},
        {"?", "a", true},         {"?", "ab", false},
        {"a*c", "abbc", true},    {"a*c", "ac", true},
        {"a*c", "acb", false},    {"*a*b*", "xxaxxbx", true},
        {"*a*b*", "bxxa", false}, {"a**b", "aXb", true},
        {"*ab", "aab", true},     {"A", "a", false},
        {"[a]", "a", false},      {"a?*", "a", false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (pattern_fits(cases[i].pattern, cases[i].text) != cases[i].fits)
            fail_msg("'%s' on '%s'", cases[i].pattern, cases[i].text);
}

TEST(a_pattern_without_an_end_is_matched_in_time)
{
    char text[5000];

    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    alarm(10);
    assert_false(pattern_fits("*a*a*a*a*a*a*a*a*a*a*a*a*a*ab", text));
    alarm(0);
}

TEST(a_host_is_met_by_either_name_and_in_any_case)
{
    assert_true(about("web", "web", "web.example.org", 22));
    assert_true(about("*.example.org", "web", "web.example.org", 22));
    assert_true(about("WEB", "web", "x", 22));
    assert_true(about("x,y web", "web", "z", 22));
    assert_false(about("web2", "web", "web.example.org", 22));
    assert_true(about("web", NULL, "web", 22));
    assert_false(about("web", NULL, "x", 22));
}

TEST(a_pattern_against_counts_wherever_it_stands_and_for_either_name)
{
    assert_false(about("* !web", "web", "web.example.org", 22));
    assert_false(about("!*.org *", "web", "web.example.org", 22));
    assert_true(about("* !other", "web", "web.example.org", 22));
    assert_false(about("!other", "web", "web.example.org", 22));
}

TEST(a_port_behind_a_pattern_is_that_port)
{
    assert_true(about("h:22", "h", "h", 22));
    assert_false(about("h:22", "h", "h", 2222));
    assert_true(about("h:*", "h", "h", 2222));
    assert_false(about("h:", "h", "h", 22));
    assert_false(about("h:22x", "h", "h", 22));
    assert_false(about("h:4294967318", "h", "h", 22));
    assert_true(about("[::1]:22", "::1", "::1", 22));
    assert_false(about("[::1]:22", "::1", "::1", 23));
    assert_true(about("[::1]", "::1", "::1", 23));
    assert_true(about("::1", "::1", "::1", 23));
    assert_false(about("* !h:22", "h", "h", 22));
    assert_true(about("* !h:22", "h", "h", 23));
}

/* -------------------------------------------------------------------- words */

/* What the line becomes: its words in brackets, or the fault. */
static const char *
split(const char *command)
{
    static notes got;
    words_fault fault = {0};
    char **words = NULL;
    size_t count = 0;
    authplug_status status = words_split(command, &words, &count, &fault);

    got.len = 0;
    got.at[0] = 0;
    if (status == AUTHPLUG_VALUE)
        note(&got, "%zu: %s", fault.offset, fault.text);
    for (size_t i = 0; words != NULL && i < count; i++)
        note(&got, "[%s]", words[i]);
    if (words != NULL)
        assert_null(words[count]);
    free(words);
    return got.at;
}

TEST(words_stand_between_blanks_that_are_not_between_quotes)
{
    assert_string_equal(split(""), "");
    assert_string_equal(split(" \t "), "");
    assert_string_equal(split("a"), "[a]");
    assert_string_equal(split(" a\tb  c "), "[a][b][c]");
    assert_string_equal(split("'a b' \"c d\""), "[a b][c d]");
    assert_string_equal(split("a' 'b\" \"c"), "[a b c]");
    assert_string_equal(split("'' \"\" x"), "[][][x]");
    assert_string_equal(split("\"it's\" '\"'"), "[it's][\"]");
    assert_string_equal(split("'$HOME \\ * ; `x`'"), "[$HOME \\ * ; `x`]");
    assert_string_equal(split("\"a * ; | b\""), "[a * ; | b]");
}

TEST(what_a_shell_would_act_on_is_refused)
{
    static const char *const lines[] = {
        "a$b", "a`b", "a\\b", "a|b", "a&b", "a;b", "a<b", "a>b", "a(b",
        "a)b", "a*b", "a?b",  "a[b", "a#b", "a~b", "a{b", "a\nb"};

#define ACTS                                                                   \
    "a shell would act on this, and none is used: single quotes around it "    \
    "were expected"
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        assert_string_equal(split(lines[i]), "1: " ACTS);
    assert_string_equal(split("x \"a$b\""), "4: " ACTS);
    assert_string_equal(split("\"`\""), "1: " ACTS);
    assert_string_equal(split("\"\\\""), "1: " ACTS);
}

TEST(quotes_are_closed)
{
#define OPEN "these quotes are not closed: another quote was expected"
    assert_string_equal(split("a 'b"), "2: " OPEN);
    assert_string_equal(split("a \"b'"), "2: " OPEN);
    assert_string_equal(split("'"), "0: " OPEN);
}

/* The same by /bin/sh. */
static const char *
split_by_shell(const char *words)
{
    static char got[1000];
    char command[1000];
    size_t len;
    FILE *from;

    (void)snprintf(command, sizeof command, "printf '[%%s]' %s", words);
    from = popen(command, "r");
    assert_non_null(from);
    len = fread(got, 1, sizeof got - 1, from);
    got[len] = 0;
    assert_int_equal(pclose(from), 0);
    return got;
}

/* Lines are made of pieces that quotes and shells care about. */
TEST(a_line_that_is_taken_means_the_same_to_a_shell)
{
    static const char *const pieces[] = {"a",    "b c", "'",  "\"", " ", "''",
                                         "\"\"", "$x",  "\\", "*",  "=", "%",
                                         "!",    "]",   "}",  "^",  ",", "~"};
    uint32_t seed = 5;
    unsigned taken = 0;

    for (unsigned i = 0; i < 3000 && taken < 150; i++) {
        char made[200] = "w";
        const char *mine;

        for (size_t n = random_from(&seed, 1, 9); n > 0; n--) {
            const char *piece =
                pieces[random_from(&seed, 0, COUNT_OF(pieces) - 1)];

            memcpy(made + strlen(made), piece, strlen(piece) + 1);
        }
        mine = split(made);
        if (*mine != '[')
            continue;
        taken++;
        if (strcmp(mine, split_by_shell(made)) != 0)
            fail_msg("%s: %s, not %s", made, mine, split_by_shell(made));
    }
    assert_int_equal(taken, 150);
}

/* ------------------------------------------------------------------ reading */

static const settings_peer web = {"web", "web.example.org", "alice", 22};

/* One file's lines; the complaint, or "". */
static const char *
reads(settings *it, settings_rank rank, const char *text)
{
    static char why[1024];
    conf *file = NULL;
    authplug_status status;

    assert_status(conf_parse(rank == SETTINGS_OF_USER ? "user" : "etc",
                             authplug_span_of(text), &file),
                  OK);
    status = settings_read(it, rank, rank == SETTINGS_OF_USER ? "user" : "etc",
                           file);
    assert_int_equal(status != AUTHPLUG_OK, *conf_error(file) != 0);
    (void)snprintf(why, sizeof why, "%s", conf_error(file));
    conf_free(&file);
    return why;
}

/* Both files, NULL for one that is not there. */
static settings *
both(const char *user, const char *etc)
{
    settings *it = settings_new();

    if (user != NULL)
        assert_string_equal(reads(it, SETTINGS_OF_USER, user), "");
    if (etc != NULL)
        assert_string_equal(reads(it, SETTINGS_OF_SYSTEM, etc), "");
    return it;
}

static void
wrong(const char *text, const char *why)
{
    settings *it = settings_new();

    assert_string_equal(reads(it, SETTINGS_OF_USER, text), why);
    settings_free(&it);
}

/* What is found, as one text. */
static const char *
found_in(const settings *it, const settings_peer *peer)
{
    static notes got;
    settings_found found;
    const settings_place *places[] = {&found.plugin_at, &found.timeout_at,
                                      &found.batch_at};

    settings_find(it, peer, &found);
    got.len = 0;
    note(&got, "%s %ld %s", found.plugin != NULL ? found.plugin : "-",
         found.timeout, found.batch ? "yes" : "no");
    for (size_t i = 0; i < COUNT_OF(places); i++)
        if (places[i]->file != NULL)
            note(&got, " %s:%u", places[i]->file, places[i]->line);
        else
            note(&got, " -");
    return got.at;
}

static void
finds(const char *user, const char *etc, const settings_peer *peer,
      const char *expected)
{
    settings *it = both(user, etc);

    assert_string_equal(found_in(it, peer), expected);
    settings_free(&it);
}

TEST(without_files_there_are_defaults)
{
    finds(NULL, NULL, &web, "- 120 no - - -");
    finds("", "# nothing\n", &web, "- 120 no - - -");
}

TEST(each_keyword_says_its_value_and_its_place)
{
    finds("Host web\n\n  Plugin exec a 'b c'\n  Timeout 5\n  Batch yes\n", NULL,
          &web, "exec a 'b c' 5 yes user:3 user:4 user:5");
    finds("host=web\nPLUGIN = \" x \"\ntimeout 86400\nbatch NO\n", NULL, &web,
          " x  86400 no user:2 user:3 user:4");
}

TEST(the_first_value_counts_keyword_by_keyword)
{
    finds("Host other\nPlugin no\nHost web\nTimeout 5\nHost *\nPlugin a\n"
          "Timeout 6\nHost *\nPlugin b\nBatch yes\n",
          NULL, &web, "a 5 yes user:6 user:4 user:10");
}

TEST(the_user_s_file_counts_before_that_in_etc)
{
    finds("Host web\nTimeout 5\n", "Host *\nTimeout 6\nPlugin a\n", &web,
          "a 5 no etc:3 user:2 -");
    finds("Host *\nBatch no\n", "Host web\nBatch yes\n", &web,
          "- 120 no - - user:2");
}

TEST(none_is_no_plugin_and_ends_the_search)
{
    finds("Host web\nPlugin none\n", "Host *\nPlugin a\n", &web,
          "- 120 no user:2 - -");
    finds("Host web\nPlugin NONE\n", NULL, &web, "- 120 no user:2 - -");
}

TEST(a_block_is_about_hosts_ports_and_users)
{
    static const char text[] = "Host *.example.org:22\nUser al*\nTimeout 5\n"
                               "Host web\nTimeout 6\n";
    settings_peer peer = web;

    finds(text, NULL, &peer, "- 5 no - user:3 -");
    peer.user = "bob";
    finds(text, NULL, &peer, "- 6 no - user:5 -");
    peer = web;
    peer.port = 2222;
    finds(text, NULL, &peer, "- 6 no - user:5 -");
    peer.given = NULL;
    finds(text, NULL, &peer, "- 120 no - - -");
}

#define COMMENT                                                                \
    "a comment behind a value: a line of its own, which begins with '#', was " \
    "expected"

TEST(a_comment_has_a_line_of_its_own)
{
    wrong("Host x # web\n", "user:1: Host: " COMMENT);
    wrong("Host x\nTimeout 5\t# s\n", "user:2: Timeout: " COMMENT);
    wrong("Host x\nBatch #\n", "user:2: Batch: " COMMENT);
    wrong("Host x\nUser a#b # c\n", "user:2: User: " COMMENT);
    finds("  # the web\nHost web\n#Timeout 1\nPlugin x # y\n", NULL, &web,
          "x # y 120 no user:4 - -");
}

TEST(a_line_that_is_wrong_is_named)
{
    wrong("Plugin x\n", "user:1: Plugin: nothing says yet what this is about: "
                        "Host was expected first");
    wrong("\nTimeout 5\n", "user:2: Timeout: nothing says yet what this is "
                           "about: Host was expected first");
    wrong("Batch yes\n", "user:1: Batch: nothing says yet what this is about: "
                         "Host was expected first");
    wrong("User x\n", "user:1: User: nothing says yet what this is about: "
                      "Host was expected first");
    wrong("Host x\nProxy y\n", "user:2: Proxy: unknown: Host, User, Plugin, "
                               "Timeout, Batch or AllowPlugins was expected");
    wrong("Host\n", "user:1: Host: no host: a name or a pattern, with :PORT "
                    "behind it or without, was expected");
    wrong("Host x\nPlugin\n", "user:2: Plugin: nothing follows: a command "
                              "line, or none, was expected");
    wrong("Host x\nUser\n", "user:2: User: nothing follows: a name or a "
                            "pattern was expected");
    for (int i = 0; i < 5; i++) {
        static const char *const values[] = {"0", "86401", "5s", "", "-1"};
        char text[100];

        (void)snprintf(text, sizeof text, "Host x\nTimeout %s\n", values[i]);
        wrong(text, "user:2: Timeout: a number from 1 to 86400 was expected");
    }
    wrong("Host x\nBatch maybe\n", "user:2: Batch: yes or no was expected");
    wrong("Host x:\n", "user:1: the line ends in a colon, as a section pattern "
                       "does: a setting was expected, with its value in "
                       "double quotes if the colon belongs to it");
}

TEST(a_keyword_stands_once_in_a_block)
{
    static const char *const lines[] = {"Plugin a", "Plugin none", "Timeout 5",
                                        "Batch no", "User x"};

    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        char text[200], why[200];

        (void)snprintf(text, sizeof text, "Host x\n%s\n%s\n", lines[i],
                       lines[i]);
        (void)snprintf(why, sizeof why,
                       "user:3: %.*s: it was given before: one was expected",
                       (int)strcspn(lines[i], " "), lines[i]);
        wrong(text, why);
    }
}

TEST(there_are_1000_blocks_and_not_one_more)
{
    static char text[7 * 1001 + 1];
    settings *it = settings_new();

    for (int i = 0; i < 1001; i++)
        memcpy(text + 7 * i, "Host x\n", 8);
    text[7 * 1000] = 0;
    assert_string_equal(reads(it, SETTINGS_OF_USER, text), "");
    settings_free(&it);
    text[7 * 1000] = 'H';
    wrong(text, "user:1001: Host: too many: at most 1000 were expected");
}

/* ------------------------------------------------------------- AllowPlugins */

/* What is started for the command: "sh", its words, or why it is not. */
static const char *
allows_in(const settings *it, const char *command)
{
    static notes got;
    char why[SETTINGS_WHY] = "", **words = NULL;
    authplug_status status =
        settings_allow(it, command, &words, why, sizeof why);

    got.len = 0;
    if (status != AUTHPLUG_OK) {
        assert_null(words);
        note(&got, "%s", why);
    } else if (words == NULL) {
        note(&got, "sh");
    }
    for (size_t i = 0; words != NULL && words[i] != NULL; i++)
        note(&got, "[%s]", words[i]);
    free(words);
    return got.at;
}

static void
allows(const char *user, const char *etc, const char *command,
       const char *expected)
{
    settings *it = both(user, etc);

    assert_string_equal(allows_in(it, command), expected);
    settings_free(&it);
}

#define NOT_IN(program, place)                                                 \
    "the plugin " program " is not in the list of " place                      \
    ": use one that is, or ask who wrote that"
#define NO_PATH(program, place)                                                \
    "the plugin '" program "' is no absolute path, which " place               \
    " asks for: write it as it is there"

TEST(without_a_list_a_shell_may_have_it)
{
    allows(NULL, NULL, "a; b $c", "sh");
    allows("Host *\nPlugin x\n", "Host *\nPlugin x\n", "x | y", "sh");
}

TEST(with_a_list_its_programs_are_started_without_a_shell)
{
    static const char *const lists[] = {
        "AllowPlugins /bin/x\n", "AllowPlugins /a /bin/x /b\n",
        "AllowPlugins /a\n# more\nALLOWPLUGINS /bin/x\n",
        "AllowPlugins '/bin/x'\n"};

    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        allows(lists[i], NULL, "/bin/x", "[/bin/x]");
        allows(NULL, lists[i], "/bin/x -a 'b c'", "[/bin/x][-a][b c]");
        allows(NULL, lists[i], "exec /bin/x", "[/bin/x]");
        allows(NULL, lists[i], "exec  '/bin/x' exec", "[/bin/x][exec]");
    }
    allows("AllowPlugins \"/my bin/x\"\n", NULL, "\"/my bin/x\"",
           "[/my bin/x]");
    allows("AllowPlugins /a '/my bin/x'\n", NULL, "'/my bin/x' z",
           "[/my bin/x][z]");
}

TEST(what_is_not_in_the_list_is_refused_with_its_place)
{
    static const char etc[] = "\nAllowPlugins /bin/x\nAllowPlugins /bin/y\n";

    allows(NULL, etc, "/bin/z", NOT_IN("/bin/z", "etc:2"));
    allows(NULL, etc, "/bin/x/", NOT_IN("/bin/x/", "etc:2"));
    allows(NULL, etc, "/bin//x", NOT_IN("/bin//x", "etc:2"));
    allows(NULL, etc, "/bin/../bin/x", NOT_IN("/bin/../bin/x", "etc:2"));
    allows(NULL, etc, "/bin/X", NOT_IN("/bin/X", "etc:2"));
    allows(NULL, etc, "'/bin/x '", NOT_IN("/bin/x ", "etc:2"));
    allows(NULL, etc, "x", NO_PATH("x", "etc:2"));
    allows(NULL, etc, "./x", NO_PATH("./x", "etc:2"));
    allows(NULL, etc, "A=b /bin/x", NO_PATH("A=b", "etc:2"));
    allows(NULL, etc, "exec", NO_PATH("exec", "etc:2"));
    allows(NULL, etc, "exec exec /bin/x", NO_PATH("exec", "etc:2"));
    allows(NULL, etc, "exec -a z /bin/x", NO_PATH("-a", "etc:2"));
    allows(NULL, etc, "'' /bin/x", NO_PATH("", "etc:2"));
    allows(NULL, etc, " ",
           "the plugin's command line is empty: name a "
           "program");
}

TEST(with_a_list_what_a_shell_would_act_on_is_refused)
{
    allows(NULL, "AllowPlugins /bin/x\n", "/bin/x; y",
           "the plugin's command line, byte 7: " ACTS);
    allows("AllowPlugins /bin/x\n", NULL, "/bin/x $(y)",
           "the plugin's command line, byte 8: " ACTS);
    allows("AllowPlugins /bin/x\n", NULL, "/bin/x 'y",
           "the plugin's command line, byte 8: " OPEN);
}

TEST(a_user_s_list_narrows_that_in_etc_and_never_widens_it)
{
    static const char user[] = "AllowPlugins /bin/x /bin/z\n";
    static const char etc[] = "AllowPlugins /bin/x /bin/y\n";

    allows(user, etc, "/bin/x", "[/bin/x]");
    allows(user, etc, "/bin/y", NOT_IN("/bin/y", "user:1"));
    allows(user, etc, "/bin/z", NOT_IN("/bin/z", "etc:1"));
    allows(user, etc, "/bin/q", NOT_IN("/bin/q", "etc:1"));
}

TEST(none_allows_none)
{
#define NO_PLUGIN(place)                                                       \
    place " allows no plugin: log in without one, or ask who wrote that"
    allows(NULL, "AllowPlugins none\n", "/bin/x", NO_PLUGIN("etc:1"));
    allows("AllowPlugins None\n", NULL, "/bin/x", NO_PLUGIN("user:1"));
    allows("AllowPlugins /bin/x\n", "AllowPlugins none\n", "/bin/x",
           NO_PLUGIN("etc:1"));
    allows("AllowPlugins none\n", "AllowPlugins /bin/x\n", "/bin/x",
           NO_PLUGIN("user:1"));
    /* a path's name is none */
    allows("AllowPlugins /none\n", NULL, "/none", "[/none]");
}

TEST(a_list_that_is_wrong_is_named)
{
#define BOTH "none and programs: one of both was expected"
    wrong("AllowPlugins\n", "user:1: AllowPlugins: nothing follows: paths of "
                            "programs, or none, were expected");
    wrong("AllowPlugins x\n",
          "user:1: AllowPlugins: not an absolute path: paths of programs that "
          "begin with '/', or none, were expected");
    wrong("AllowPlugins /x,/y\n", "user:1: AllowPlugins: a comma: blanks "
                                  "between the paths were expected");
    wrong("AllowPlugins /usr/*\n", "user:1: AllowPlugins: byte 6: " ACTS);
    wrong("AllowPlugins ~/x\n", "user:1: AllowPlugins: byte 1: " ACTS);
    wrong("AllowPlugins /x '/y\n", "user:1: AllowPlugins: byte 4: " OPEN);
    wrong("AllowPlugins /x # mine\n", "user:1: AllowPlugins: " COMMENT);
    allows("AllowPlugins '/x # mine'\n", NULL, "'/x # mine'", "[/x # mine]");
    wrong("AllowPlugins none /x\n", "user:1: AllowPlugins: " BOTH);
    wrong("AllowPlugins none\nAllowPlugins /x\n",
          "user:2: AllowPlugins: " BOTH);
    wrong("AllowPlugins /x\nAllowPlugins none\n",
          "user:2: AllowPlugins: " BOTH);
    wrong("AllowPlugins /x none\n",
          "user:1: AllowPlugins: not an absolute path: paths of programs that "
          "begin with '/', or none, were expected");
    wrong("Host x\nAllowPlugins /x\n",
          "user:2: AllowPlugins: it is for all hosts: it was expected before "
          "the first Host");
}

TEST(a_list_has_1000_paths_and_not_one_more)
{
    static char text[16 * 1001 + 1];
    settings *it = settings_new();

    for (int i = 0; i < 1001; i++)
        memcpy(text + 16 * i, "AllowPlugins /x\n", 17);
    text[16 * 1000] = 0;
    assert_string_equal(reads(it, SETTINGS_OF_SYSTEM, text), "");
    settings_free(&it);
    text[16 * 1000] = 'A';
    wrong(text, "user:1001: AllowPlugins: too many: at most 1000 paths were "
                "expected");
}

TEST(lists_can_be_shown)
{
    settings *it = both("Host x\n", "AllowPlugins /x /y\nAllowPlugins /z\n");
    settings_place at;

    assert_false(settings_limited(it, SETTINGS_OF_USER, &at));
    assert_null(at.file);
    assert_true(settings_limited(it, SETTINGS_OF_SYSTEM, &at));
    assert_int_equal(at.line, 1);
    assert_null(settings_allowed(it, SETTINGS_OF_USER, 0, &at));
    assert_string_equal(settings_allowed(it, SETTINGS_OF_SYSTEM, 2, &at), "/z");
    assert_string_equal(at.file, "etc");
    assert_int_equal(at.line, 2);
    assert_null(settings_allowed(it, SETTINGS_OF_SYSTEM, 3, &at));
    settings_free(&it);
}

/* ------------------------------------------------------------------- sweeps */

static const char whole[] =
    "AllowPlugins /bin/x '/my bin/y'\nHost *.org !h:22 [::1]:2\nUser a*\n"
    "Plugin exec /bin/x \"a b\"\nTimeout 5\nBatch yes\nHost *\nPlugin none\n";

/* Reads it, asks everything; what is allowed is in the list. */
static authplug_status
use(authplug_span text)
{
    settings *it = settings_new();
    settings_place at;
    conf *file = NULL;
    char why[SETTINGS_WHY], **words = NULL;
    authplug_status status =
        it != NULL ? conf_parse("f", text, &file) : AUTHPLUG_NOMEM;

    if (status == AUTHPLUG_OK)
        status = settings_read(it, SETTINGS_OF_USER, "f", file);
    conf_free(&file);
    if (status == AUTHPLUG_OK) {
        (void)found_in(it, &web);
        status =
            settings_allow(it, "exec /bin/x \"a b\"", &words, why, sizeof why);
    }
    if (status == AUTHPLUG_OK && words != NULL) {
        assert_string_equal(words[0], "/bin/x");
        assert_true(settings_limited(it, SETTINGS_OF_USER, &at));
    }
    free(words);
    settings_free(&it);
    assert_null(it);
    return status;
}

TEST(each_allocation_may_fail)
{
    size_t before = alloc_live();

    for (size_t n = 1;; n++) {
        authplug_status status;
        bool failed;

        alloc_reset();
        alloc_fail_at(n);
        status = use(authplug_span_of(whole));
        failed = alloc_count() >= n;
        alloc_reset();
        assert_int_equal(alloc_live(), before);
        if (!failed) {
            assert_status(status, OK);
            assert_true(n > 10);
            break;
        }
        assert_status(status, NOMEM);
    }
}

TEST(any_beginning_of_a_file_can_be_read)
{
    for (size_t len = 0; len < sizeof whole; len++)
        (void)use(authplug_span_make(guarded(whole, len), len));
}

TEST(any_bit_of_a_file_may_be_another)
{
    char text[sizeof whole];
    size_t before = alloc_live();

    for (size_t bit = 0; bit < 8 * (sizeof whole - 1); bit += sweep_stride()) {
        memcpy(text, whole, sizeof whole);
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
        (void)use(authplug_span_make(text, sizeof whole - 1));
        assert_int_equal(alloc_live(), before);
    }
}

TEST(nothing_is_freed_twice)
{
    settings *none = NULL;

    settings_free(NULL);
    settings_free(&none);
    settings_free(&none);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_is_all_of_a_name),
        cmocka_unit_test(a_pattern_without_an_end_is_matched_in_time),
        cmocka_unit_test(a_host_is_met_by_either_name_and_in_any_case),
        cmocka_unit_test(
            a_pattern_against_counts_wherever_it_stands_and_for_either_name),
        cmocka_unit_test(a_port_behind_a_pattern_is_that_port),
        cmocka_unit_test(
            words_stand_between_blanks_that_are_not_between_quotes),
        cmocka_unit_test(what_a_shell_would_act_on_is_refused),
        cmocka_unit_test(quotes_are_closed),
        cmocka_unit_test(a_line_that_is_taken_means_the_same_to_a_shell),
        cmocka_unit_test(without_files_there_are_defaults),
        cmocka_unit_test(each_keyword_says_its_value_and_its_place),
        cmocka_unit_test(the_first_value_counts_keyword_by_keyword),
        cmocka_unit_test(the_user_s_file_counts_before_that_in_etc),
        cmocka_unit_test(none_is_no_plugin_and_ends_the_search),
        cmocka_unit_test(a_block_is_about_hosts_ports_and_users),
        cmocka_unit_test(a_comment_has_a_line_of_its_own),
        cmocka_unit_test(a_line_that_is_wrong_is_named),
        cmocka_unit_test(a_keyword_stands_once_in_a_block),
        cmocka_unit_test(there_are_1000_blocks_and_not_one_more),
        cmocka_unit_test(without_a_list_a_shell_may_have_it),
        cmocka_unit_test(with_a_list_its_programs_are_started_without_a_shell),
        cmocka_unit_test(what_is_not_in_the_list_is_refused_with_its_place),
        cmocka_unit_test(with_a_list_what_a_shell_would_act_on_is_refused),
        cmocka_unit_test(a_user_s_list_narrows_that_in_etc_and_never_widens_it),
        cmocka_unit_test(none_allows_none),
        cmocka_unit_test(a_list_that_is_wrong_is_named),
        cmocka_unit_test(a_list_has_1000_paths_and_not_one_more),
        cmocka_unit_test(lists_can_be_shown),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(any_beginning_of_a_file_can_be_read),
        cmocka_unit_test(any_bit_of_a_file_may_be_another),
        cmocka_unit_test(nothing_is_freed_twice),
    };

    return cmocka_run_group_tests_name("the client's configuration", tests,
                                       NULL, NULL);
}
