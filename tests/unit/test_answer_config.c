/*
 * The file of authplug answer, which rule a prompt has, and what Confirm asks:
 * plugins/answer/config.c, whom.c, match.c and consent.c. A test gives a text
 * and expects what was read, one line for each block, rule and code; or the
 * complaint. A match is written as the line of its rule, and the groups behind
 * it.
 */
#define _GNU_SOURCE
#include "support.h"

#include "plugins/answer/answer.h"

/* strdup() is libc's, and so would be its allocation. */
char *__wrap_strdup(const char *text);
char *
__wrap_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);

    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

static notes got;

static answer_config *
parse(const char *text, size_t len)
{
    char why[ANSWER_WHY] = "";
    answer_config *config = answer_config_parse(
        "f", authplug_span_make(guarded(text, len), len), why, sizeof why);

    got.len = 0;
    got.at[0] = 0;
    if (config == NULL)
        note(&got, "%s\n", why);
    return config;
}

static void
note_block(const answer_block *block)
{
    static const char *const echo[] = {"any", "yes", "no"};

    note(&got, "%u Host", block->line);
    for (char **host = block->hosts; *host != NULL; host++)
        note(&got, " %s", *host);
    if (block->user != NULL)
        note(&got, " User %s", block->user);
    if (block->username != NULL)
        note(&got, " Username %s", block->username);
    note(&got, "\n");
    for (size_t i = 0; i < block->count; i++) {
        const answer_rule *by = &block->own[i];

        assert_int_equal(by->which, i);
        note(&got, "%u rule Echo %s Limit %ld%s%s", by->line, echo[by->echo],
             by->limit, by->confirm ? " Confirm" : "",
             by->instruction != NULL ? " Instruction" : "");
        if (by->exec != NULL)
            note(&got, " Exec %zu", template_words_count(by->exec));
        note(&got, "\n");
    }
}

/* What was read, or the complaint. */
static void
reads(const char *text, const char *expected)
{
    answer_config *config = parse(text, strlen(text));

    if (config != NULL) {
        for (size_t i = 0; i < config->block_count; i++)
            note_block(&config->blocks[i]);
        for (size_t i = 0; i < config->code_count; i++) {
            const answer_code *code = &config->codes[i];

            note(&got, "%u %s %s Digits %ld Period %ld Algorithm %ld%s\n",
                 code->line, code->counted ? "Hotp" : "Totp", code->name,
                 code->digits, code->period, code->algorithm,
                 code->exec != NULL ? " Exec" : "");
        }
    }
    answer_config_free(&config);
    assert_null(config);
    assert_string_equal(got.at, expected);
}

/* --------------------------------------------------------------------- file */

TEST(a_file_may_have_nothing)
{
    reads("", "");
    reads("# only words\n\n", "");
}

TEST(a_block_has_hosts_a_user_and_a_name)
{
    reads("Host a\n", "1 Host a\n");
    reads("Host a b:22 [::1]:22 !c\nUser al*\nUsername alice\n",
          "1 Host a b:22 [::1]:22 !c User al* Username alice\n");
    reads("host a\nHOST b\n", "1 Host a\n2 Host b\n");
}

TEST(a_rule_has_all_its_lines)
{
    reads("Host *\nRequest x\nResponse y\n",
          "1 Host *\n2 rule Echo any Limit 1\n");
    reads("Host *\nRequest (x)\nEcho yes\nInstruction z\nExec a 'b c' $1$\n"
          "Confirm yes\nLimit 7\nResponse $exec$\n",
          "1 Host *\n2 rule Echo yes Limit 7 Confirm Instruction Exec 3\n");
    reads("Host *\nRequest x\nEcho no\nConfirm no\nLimit 0\nResponse \"\"\n",
          "1 Host *\n2 rule Echo no Limit 0\n");
    reads("Host *\nRequest x\nEcho any\nLimit 100\nResponse a\n",
          "1 Host *\n2 rule Echo any Limit 100\n");
}

/* A rule whose Request has a group, and this Exec. */
static void
exec_reads(const char *exec, const char *complaint)
{
    char text[8192], expected[512];

    (void)snprintf(text, sizeof text,
                   "Host *\nRequest (x)\nExec %s\nResponse $exec$\n", exec);
    (void)snprintf(expected, sizeof expected, "f:3: Exec: %s\n", complaint);
    if (complaint != NULL) {
        reads(text, expected);
        return;
    }
    answer_config *config = parse(text, strlen(text));

    assert_string_equal(got.at, "");
    assert_non_null(config);
    answer_config_free(&config);
}

static const char script[] =
    "a token behind the name of a shell, in its options or in what it is to "
    "do, where it could be commands: '\"$$1\"' there, and the token as a word "
    "of its own behind it, was expected: sh -c '... \"$$1\"' sh $1$";

TEST(others_do_not_choose_the_program_nor_write_the_script)
{
    static const char program[] = "a token in the first word: the program's "
                                  "own name was expected";
    exec_reads("$1$", program);
    exec_reads("/usr/bin/$user_name$ x", program);
    exec_reads("sh -c 'echo $1$'", script);
    exec_reads("/bin/bash -e -c 'echo $host_name$'", script);
    exec_reads("zsh -ec 'echo $1$'", script);
    exec_reads("dash -c -e -- $1$", script);
    exec_reads("bash -c -o pipefail 'a | b $1$'", script);
    exec_reads("bash --norc -c $1$", script);
    exec_reads("env -i ksh -c 'echo $1$'", script);
    exec_reads("sh $1$", script);
    exec_reads("sh -c 'echo \"$$1\"' sh $1$", NULL);
    exec_reads("env sh -c 'echo \"$$1\"' sh $1$", NULL);
    exec_reads("sh script.sh -c $1$", NULL);
    exec_reads("sh -c -- 'echo \"$$1\"' -- $1$", NULL);
    exec_reads("show shell $1$", NULL);
    exec_reads("shred $1$", NULL);
    /* what a shell's name is otherwise is not to be seen */
    exec_reads("show sh $1$", script);
}

TEST(every_shell_is_one_wherever_it_stands)
{
    static const char *const names[] = {
        "sh",       "ash",         "bash",    "rbash", "dash",       "ksh",
        "rksh",     "mksh",        "lksh",    "pdksh", "oksh",       "zsh",
        "rzsh",     "csh",         "tcsh",    "fish",  "yash",       "posh",
        "bosh",     "pbosh",       "hush",    "osh",   "ysh",        "sash",
        "busybox",  "toybox",      "elvish",  "nu",    "pwsh",       "xonsh",
        "bash5.2",  "ksh93",       "zsh-5.9", "dash5", "powershell", "BASH",
        "bash.exe", "bash-static", "/bin/sh", "./sh",  "'a b/sh'",
    };
    static const char *const around[][2] = {
        {"", " -c $1$"}, {"", " $1$"},           {"", " - $1$"},
        {"", " -- $1$"}, {"env -i ", " -e $1$"}, {"nice ", " $host_name$"}};
    char exec[128];

    for (size_t n = 0; n < COUNT_OF(names); n++)
        for (size_t i = 0; i < COUNT_OF(around); i++) {
            (void)snprintf(exec, sizeof exec, "%s%s%s", around[i][0], names[n],
                           around[i][1]);
            exec_reads(exec, script);
        }
}

TEST(an_option_s_word_is_not_the_script)
{
    exec_reads("bash --rcfile /dev/null -c $1$", script);
    exec_reads("bash --init-file f -c $1$", script);
    exec_reads("bash --init-file f $1$", script);
    exec_reads("bash -rcfile /dev/null -c $1$", script);
    exec_reads("bash --rcfile -- f $1$", script);
    exec_reads("bash -oO a b $1$", script);
    exec_reads("bash +O extglob $1$", script);
    exec_reads("bash --rcfile=$1$ -c true", script);
    exec_reads("zsh --emulate sh -c $1$", script);
    exec_reads("fish -C true $1$", script);
    exec_reads("fish --init-command=true $1$", script);
    exec_reads("fish --command true $1$", script);
    exec_reads("bash -o pipefail script.sh $1$", NULL);
    exec_reads("bash -o pipefail -- script.sh $1$", NULL);
    exec_reads("bash --norc -eu script.sh $1$", NULL);
    exec_reads("bash --rcfile f -euo pipefail -c 'a \"$$1\"' bash $1$", NULL);
}

TEST(what_stands_behind_a_script_may_be_more_of_them)
{
    exec_reads("fish -c true -c $1$", script);
    exec_reads("fish -c true -C$1$", script);
    exec_reads("tcsh -c true -c true $1$ -c $1$", NULL);
    exec_reads("busybox $1$", script);
    exec_reads("busybox sh -c $1$", script);
    exec_reads("busybox printf %s $1$", NULL);
    exec_reads("sh -c '\"$$@\"' sh bash -c $1$", script);
    exec_reads("pwsh -c 'echo' $1$", script);
    exec_reads("nu -e 'echo' x $1$", script);
    exec_reads("sh -c '... \"$$0\"' $1$", NULL);
}

TEST(a_word_that_is_too_long_to_be_looked_at_is_no_script)
{
    char exec[6000];

    (void)snprintf(exec, sizeof exec, "fish --init-command=%05000d $1$", 0);
    exec_reads(exec, script);
    (void)snprintf(exec, sizeof exec, "sh -c '%05000d' sh $1$", 0);
    exec_reads(exec, NULL);
}

TEST(what_a_rule_says_is_not_the_next_one_s)
{
    reads("Host *\nRequest x\nLimit 5\nConfirm yes\nEcho no\nInstruction i\n"
          "Response y\nRequest x\nResponse y\nHost b\nRequest x\nResponse y\n",
          "1 Host *\n2 rule Echo no Limit 5 Confirm Instruction\n"
          "8 rule Echo any Limit 1\n10 Host b\n11 rule Echo any Limit 1\n");
}

TEST(a_code_has_a_secret_and_what_it_says_of_it)
{
    reads("Totp a\nSecret AA\n", "1 Totp a Digits 0 Period 0 Algorithm -1\n");
    reads("Totp a\nSecret $file:/x$\nDigits 8\nPeriod 60\nAlgorithm sha512\n"
          "Hotp a\nSecret $exec$\nExec y\nDigits 6\nAlgorithm SHA256\n",
          "1 Totp a Digits 8 Period 60 Algorithm 2\n"
          "6 Hotp a Digits 6 Period 0 Algorithm 1 Exec\n");
    reads("Totp a\nSecret \"otpauth://totp/x?secret=AA\"\nAlgorithm SHA1\n",
          "1 Totp a Digits 0 Period 0 Algorithm 0\n");
}

TEST(codes_may_stand_before_and_behind_their_rules)
{
    reads("Totp a\nSecret AA\nHost *\nRequest x\nResponse $totp:a$$hotp:b$\n"
          "Hotp b\nSecret $keyring:k$\n",
          "3 Host *\n4 rule Echo any Limit 1\n"
          "1 Totp a Digits 0 Period 0 Algorithm -1\n"
          "6 Hotp b Digits 0 Period 0 Algorithm -1\n");
}

TEST(every_token_of_a_response_is_known)
{
    reads("Host *\nRequest (((((((((x)))))))))\nExec y\n"
          "Response \"$exec$$file:~/a$$keyring:b$"
          "$ask$$ask:c: $$user_name$$host_name$$1$$9$$$\\n\\\\\"\n",
          "1 Host *\n2 rule Echo any Limit 1 Exec 1\n");
    reads("Host *\nRequest x\nResponse $10$\n",
          "f:3: Response: byte 1: no token that is known here: another name "
          "was expected, or '$$' for a dollar\n");
}

/* --------------------------------------------------------------- complaints */

TEST(a_line_that_nothing_stands_above)
{
    reads("Request x\n", "f:1: Request: nothing says yet what this is about: "
                         "Host, Totp or Hotp was expected first\n");
}

TEST(a_block_without_a_host)
{
    reads("Host\n", "f:1: Host: no host: a name or a pattern, with :PORT "
                    "behind it or without, was expected\n");
    reads("Host  , \n", "f:1: Host: no host: a name or a pattern, with :PORT "
                        "behind it or without, was expected\n");
}

/* A complaint begins so, and names the line. */
static void
complains(const char *text, const char *start)
{
    answer_config *config = parse(text, strlen(text));

    assert_null(config);
    if (strncmp(got.at, start, strlen(start)) != 0)
        assert_string_equal(got.at, start);
}

#define TWICE ": it was given before: one was expected\n"

TEST(what_is_given_twice)
{
    reads("Host *\nUser a\nUser b\n", "f:3: User" TWICE);
    reads("Host *\nUsername a\nUsername b\n", "f:3: Username" TWICE);
    reads("Host *\nRequest x\nInstruction a\nInstruction b\n",
          "f:4: Instruction" TWICE);
    reads("Host *\nRequest x\nExec a\nExec b\n", "f:4: Exec" TWICE);
    reads("Totp x\nSecret AA\nSecret BB\n", "f:3: Secret" TWICE);
    reads("Totp x\nExec a\nExec b\n", "f:3: Exec" TWICE);
    reads("Host *\nRequest x\nEcho any\nEcho yes\n", "f:4: Echo" TWICE);
    reads("Host *\nRequest x\nConfirm no\nconfirm yes\n", "f:4: confirm" TWICE);
    reads("Host *\nRequest x\nLimit 1\nLimit 1\n", "f:4: Limit" TWICE);
    reads("Host *\nRequest x\nCache 1\nCache 2\n", "f:4: Cache" TWICE);
    reads("Totp x\nDigits 6\nDigits 8\n", "f:3: Digits" TWICE);
    reads("Totp x\nPeriod 30\nPeriod 60\n", "f:3: Period" TWICE);
    reads("Totp x\nAlgorithm SHA1\nAlgorithm SHA1\n", "f:3: Algorithm" TWICE);
    reads("Hotp x\nDigits 6\nDigits 8\n", "f:3: Digits" TWICE);
    reads("Hotp x\nCounter 0\nCounter 0\n", "f:3: Counter" TWICE);
    reads("Hotp x\nAlgorithm SHA1\nAlgorithm SHA1\n", "f:3: Algorithm" TWICE);
}

TEST(what_another_block_or_rule_says_is_not_twice)
{
    reads("Host a\nUser u\nUsername u\nRequest x\nLimit 2\nEcho no\n"
          "Response y\nRequest z\nLimit 2\nEcho no\nResponse y\n"
          "Host b\nUser u\nUsername u\n",
          "1 Host a User u Username u\n4 rule Echo no Limit 2\n"
          "8 rule Echo no Limit 2\n12 Host b User u Username u\n");
    reads("Totp a\nSecret AA\nDigits 6\nHotp a\nSecret AA\nDigits 6\n"
          "Totp b\nSecret AA\nDigits 6\n",
          "1 Totp a Digits 6 Period 0 Algorithm -1\n"
          "4 Hotp a Digits 6 Period 0 Algorithm -1\n"
          "7 Totp b Digits 6 Period 0 Algorithm -1\n");
}

/* A Host line of this value is complained of, about this pattern, so. */
static void
host_is_wrong(const char *value, const char *pattern, const char *fault)
{
    char text[256], start[512];

    (void)snprintf(text, sizeof text, "Host %s\n", value);
    (void)snprintf(start, sizeof start, "f:1: Host: %s: %s", pattern, fault);
    complains(text, start);
}

TEST(hosts_that_no_login_has)
{
    static const char port[] = "what stands behind the colon is no port";
    static const char brackets[] = "brackets belong around an address";

    host_is_wrong("h:ssh", "h:ssh", port);
    host_is_wrong("a h:99999", "h:99999", port);
    host_is_wrong("h:0", "h:0", port);
    host_is_wrong("h:22*", "h:22*", port);
    host_is_wrong("h:99999999999999999999999", "h:99999999999999999999999",
                  port);
    host_is_wrong("* !h:22x", "!h:22x", port);
    host_is_wrong("[::1]:ssh", "[::1]:ssh", port);
    host_is_wrong("[a]:b:22", "[a]:b:22", port);
    host_is_wrong("h.example : 22", ":",
                  "no name: NAME, or NAME:PORT, without "
                  "blanks");
    host_is_wrong("h.example: 22", "h.example:", "no port behind the colon");
    host_is_wrong("h :22", ":22", "no name");
    host_is_wrong("[]:22", "[]:22", "no name");
    host_is_wrong("* !", "!", "no name");
    host_is_wrong("alice@h", "alice@h", "a user is none of a host's name");
    host_is_wrong("*@h:22", "*@h:22", "a user is none of a host's name");
    host_is_wrong("[::1", "[::1", brackets);
    host_is_wrong("[::1]22", "[::1]22", brackets);
    host_is_wrong("[ab].example.org", "[ab].example.org", brackets);
    host_is_wrong("h[12]", "h[12]", "a host's name holds no '/'");
    host_is_wrong("10.0.0.0/8", "10.0.0.0/8", "a host's name holds no '/'");
    host_is_wrong("!!h", "!!h", "a host's name holds no '/'");
    host_is_wrong("h:22:22", "h:22:22", "several colons, and no address");
    host_is_wrong("!q", "!q", "a '!' takes hosts out of those that other");
    host_is_wrong("!q !p", "!p", "a '!' takes hosts out of those that other");
}

TEST(users_that_are_several_or_none)
{
    static const char several[] = "several words or a '!' have no meaning";
    char start[128];

    (void)snprintf(start, sizeof start, "f:2: User: %s", several);
    complains("Host *\nUser alice bob\n", start);
    complains("Host *\nUser alice,bob\n", start);
    complains("Host *\nUser !bob\n", start);
    complains("Host *\nUser a\tb\n", "f:2: User: a control character");
    complains("Host *\nUsername \"a\x1b\"\n",
              "f:2: Username: a control character");
    (void)snprintf(start, sizeof start, "f:2: Username: %s", several);
    complains("Host *\nUsername a b\n", start);
    reads("Host *\nUser \"al* bo?\"\nUsername \"al b\"\n",
          "1 Host * User al* bo? Username al b\n");
}

/* A rule of this line before its Response, and this Response. */
static void
rule_is_wrong(const char *setting, const char *response, const char *start)
{
    static char text[16384];

    (void)snprintf(text, sizeof text, "Host *\nRequest x\n%s\nResponse %s\n",
                   setting, response);
    if (start != NULL) {
        complains(text, start);
        return;
    }
    answer_config *config = parse(text, strlen(text));

    assert_string_equal(got.at, "");
    answer_config_free(&config);
}

TEST(what_could_only_fail_in_a_login)
{
    static char many[5000];
    size_t len = (size_t)snprintf(many, sizeof many, "Exec");

    for (int i = 0; i < 64; i++)
        len += (size_t)snprintf(many + len, sizeof many - len, " w");
    rule_is_wrong(many, "$exec$", NULL);
    (void)snprintf(many + len, sizeof many - len, " w");
    rule_is_wrong(many, "$exec$", "f:3: Exec: it has more than 64 words");
    memcpy(many, "$ask:", 5);
    memset(many + 5, 'x', 255);
    (void)snprintf(many + 260, 3, "$");
    rule_is_wrong("", many, NULL);
    (void)snprintf(many + 260, 3, "x$");
    rule_is_wrong("", many,
                  "f:4: Response: the text of an $ask:TEXT$ has more than 255");
    memset(many, 'x', 4096);
    (void)snprintf(many + 4096, 8, "$ask$");
    rule_is_wrong("", many, NULL);
    (void)snprintf(many + 4096, 8, "$ask$x");
    rule_is_wrong("", many,
                  "f:4: Response: it has more than 4096 bytes of text");
    rule_is_wrong("", "",
                  "f:4: Response: nothing follows: a text was "
                  "expected, or \"\" for an empty answer");
    rule_is_wrong("", "\"\"", NULL);
}

TEST(a_file_is_not_looked_for_where_the_client_happens_to_be)
{
    static const char fault[] = "the path of a $file:PATH$ would begin in";
    char start[128];

    (void)snprintf(start, sizeof start, "f:4: Response: %s", fault);
    rule_is_wrong("", "$file:x$", start);
    rule_is_wrong("", "$file:~alice/x$", start);
    rule_is_wrong("", "$file:./x$", start);
    rule_is_wrong("", "$file:~/x$$file:/x$", NULL);
    (void)snprintf(start, sizeof start, "f:2: Secret: %s", fault);
    complains("Totp x\nSecret $file:x$\n", start);
}

TEST(yes_and_no_are_in_any_case)
{
    reads("Host *\nRequest x\nEcho YES\nConfirm YES\nResponse y\n"
          "Request x\nEcho No\nCache 5 Keyring\nResponse $ask$\n",
          "1 Host *\n2 rule Echo yes Limit 1 Confirm\n"
          "6 rule Echo no Limit 1\n");
}

TEST(names_that_are_missing)
{
    reads("Host *\nUser\n",
          "f:2: User: nothing follows: a name was expected\n");
    reads("Host *\nUsername\n",
          "f:2: Username: nothing follows: a name was expected\n");
    reads("Totp\n", "f:1: Totp: nothing follows: a name was expected\n");
    reads("Hotp\n", "f:1: Hotp: nothing follows: a name was expected\n");
}

TEST(values_that_are_none)
{
    reads("Host *\nRequest x\nEcho maybe\n",
          "f:3: Echo: yes, no or any was expected\n");
    reads("Totp x\nAlgorithm MD5\n",
          "f:2: Algorithm: SHA1, SHA256 or SHA512 was expected\n");
}

TEST(numbers_out_of_their_range)
{
    complains("Host *\nRequest x\nLimit 101\n", "f:3: Limit: ");
    complains("Host *\nRequest x\nCache 604801\n", "f:3: Cache: ");
    complains("Hotp x\nCounter -1\n", "f:2: Counter: ");
    complains("Host *\nRequest x\nLimit -1\n", "f:3: Limit: ");
    complains("Host *\nRequest x\nConfirm perhaps\n", "f:3: Confirm: ");
    complains("Totp x\nDigits 5\n", "f:2: Digits: ");
    complains("Totp x\nDigits 9\n", "f:2: Digits: ");
    complains("Totp x\nPeriod 0\n", "f:2: Period: ");
    complains("Totp x\nPeriod 3601\n", "f:2: Period: ");
}

TEST(expressions_and_texts_that_cannot_be_read_name_the_byte)
{
    complains("Host *\nRequest a(b\n", "f:2: Request: byte ");
    complains("Host *\nRequest a\nInstruction a**\n",
              "f:3: Instruction: byte 3: ");
    complains("Host *\nRequest a\nResponse a$b\n", "f:3: Response: byte 2: ");
    complains("Host *\nRequest a\nExec a $totp:x$\n", "f:3: Exec: byte 3: ");
    complains("Host *\nRequest a\nExec\n", "f:3: Exec: byte 1: ");
    complains("Totp x\nSecret $ask$\n", "f:2: Secret: byte 1: ");
    complains("Totp x\nExec a $user_name$\n", "f:2: Exec: byte 3: ");
}

TEST(keywords_out_of_their_place)
{
    complains("Host *\nPeriod 3\n", "f:2: Period: unknown in a Host block");
    complains("Host *\nEcho yes\n", "f:2: Echo: it stands behind a Response");
    complains("Host *\nRequest x\nUser y\n",
              "f:3: User: unknown between a Request and its Response");
    complains("Totp x\nUser y\n",
              "f:2: User: unknown in a block of one-time codes");
    complains("Hotp x\nPeriod 30\n",
              "f:2: Period: unknown in a block of one-time codes");
    complains("Host *\nResponse y\n", "f:2: Response: ");
    complains("Host *\nRequest x\nRequest y\n", "f:2: Request: no Response");
    complains("Host *\nFinalResponse y\n", "f:2: FinalResponse: ");
}

TEST(what_belongs_together)
{
    complains("Host *\nRequest x\n", "f:2: Request: ");
    complains("Host *\nRequest x\nTotp y\nSecret AA\n", "f:2: Request: ");
    complains("Host *\nRequest x\nResponse $exec$\n",
              "f:3: Response: $exec$, and no Exec");
    complains("Host *\nRequest x\nExec y\nResponse z\n",
              "f:4: Response: no $exec$, which the Exec is for");
    complains("Host *\nRequest (x)\nResponse $2$\n",
              "f:3: Response: $2$, here or in the Exec, is a group that the "
              "Request has not");
    complains("Host *\nRequest x\nExec y $9$\nResponse $exec$\n",
              "f:4: Response: $9$, here or in the Exec, is a group");
    complains("Totp x\nHost *\n", "f:1: Totp: no Secret in this block");
    complains("Totp x\nSecret $exec$\n", "f:1: Totp: Exec, and $exec$");
    complains("\nHotp x\nSecret AA\nExec y\n", "f:2: Hotp: Exec, and $exec$");
    complains("Host *\nRequest x\nResponse $totp:y$\n",
              "f:2: its Response uses the code y");
    complains("Hotp y\nSecret AA\nHost *\nRequest x\nResponse $totp:y$\n",
              "f:4: its Response uses the code y");
    complains("Totp x\nSecret AA\nTotp x\n",
              "f:3: Totp: there is one of this name already");
}

TEST(no_complaint_repeats_a_secret)
{
    static const char *const texts[] = {
        "Totp x\nSecret hunter2$\n",
        "Totp x\nSecret \"hunter2\\q\"\n",
        "Host *\nRequest x\nResponse hunter2$\n",
        "Host *\nRequest x\nResponse hunter2$exec$\n",
        "Host *\nRequest x\nEcho hunter2\nResponse y\n",
        "Host *\nRequest x\nExec y\nResponse hunter2\n",
    };

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_null(parse(texts[i], strlen(texts[i])));
        assert_null(strstr(got.at, "hunter2"));
    }
}

TEST(there_are_at_most_1000_blocks)
{
    static char text[1002 * 16];
    answer_config *config;
    size_t len = 0;

    for (int i = 0; i < 1000; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "Host h%d\n", i);
    config = parse(text, len);
    assert_non_null(config);
    assert_int_equal(config->block_count, 1000);
    answer_config_free(&config);
    len += (size_t)snprintf(text + len, sizeof text - len, "Host h\n");
    complains(text, "f:1001: Host: too many: at most 1000 were expected");
}

/* ------------------------------------------------------------------- sweeps */

static const char whole[] =
    "# words\r\nHost a b:22 !c\nUser x*\nUsername alice\n"
    "Request \"P([0-9]+):\"\nEcho no\nInstruction \"I.*\"\nConfirm yes\n"
    "Limit 3\nExec sh -c 'a b' $1$ $user_name$\nResponse \"<$exec$\\n$$>\"\n"
    "Request \"C:\"\nResponse \"zq7#xw!9$totp:t$$hotp:h$$ask:T: $\"\n"
    "Totp t\nSecret zq7#xw!9\nDigits 8\nPeriod 60\nAlgorithm SHA512\n"
    "Hotp h\nExec pass show h\nSecret $exec$\nHost *\nRequest x\n"
    "Response $keyring:k$$file:/f$\nRequest y\nCache 60 keyring\n"
    "Response $ask$\n";

TEST(the_whole_of_them_is_sound)
{
    answer_config *config = parse(whole, sizeof whole - 1);

    assert_non_null(config);
    assert_int_equal(config->rule_count, 4);
    assert_int_equal(config->code_count, 2);
    answer_config_free(&config);
}

/* Whatever is cut off, what remains is read or complained of in one line. */
TEST(any_beginning_can_be_read)
{
    for (size_t len = 0; len < sizeof whole; len++) {
        size_t before = alloc_live();
        answer_config *config = parse(whole, len);

        assert_true(config != NULL || strncmp(got.at, "f:", 2) == 0);
        assert_true(config != NULL || got.at[got.len - 1] == '\n');
        answer_config_free(&config);
        assert_int_equal(alloc_live(), before);
    }
}

TEST(any_bit_may_be_another)
{
    static char text[sizeof whole];

    for (size_t bit = 0; bit < 8 * (sizeof whole - 1); bit += sweep_stride()) {
        size_t before = alloc_live();
        answer_config *config;

        memcpy(text, whole, sizeof whole);
        text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        config = parse(text, sizeof whole - 1);
        assert_true(config != NULL || strncmp(got.at, "f:", 2) == 0);
        answer_config_free(&config);
        assert_int_equal(alloc_live(), before);
    }
}

TEST(each_allocation_may_fail)
{
    bool failed = true;

    for (size_t n = 1; failed; n++) {
        size_t before = alloc_live();
        answer_config *config;

        alloc_fail_at(n);
        config = parse(whole, sizeof whole - 1);
        failed = alloc_count() >= n;
        assert_int_equal(config == NULL, failed);
        if (failed)
            assert_string_equal(got.at, "out of memory\n");
        answer_config_free(&config);
        assert_int_equal(alloc_live(), before);
        assert_true(n < 5000);
    }
    alloc_reset();
}

TEST(no_secret_is_left_in_freed_memory)
{
    answer_config *config;

    spy_on("zq7#xw!9");
    config = parse(whole, sizeof whole - 1);
    assert_non_null(config);
    assert_true(spy_sees());
    answer_config_free(&config);
    assert_false(spy_sees());
    assert_int_equal(spy_spilled(), 0);
    spy_on(NULL);
}

/* -------------------------------------------------------------------- hosts */

/* Whether a block of these patterns is about host and port. */
static bool
is_about(const char *patterns, const char *host, uint32_t port)
{
    char text[256];
    answer_peer peer = {.host = host, .user = "", .port = port};
    answer_config *config;
    bool about;

    (void)snprintf(text, sizeof text, "Host %s\n", patterns);
    config = parse(text, strlen(text));
    assert_non_null(config);
    about = match_block(&config->blocks[0], &peer);
    answer_config_free(&config);
    return about;
}

TEST(a_pattern_is_the_whole_name_in_any_case)
{
    assert_true(is_about("login.example.org", "login.example.org", 22));
    assert_true(is_about("Login.Example.ORG", "login.example.org", 22));
    assert_false(is_about("login.example.org", "login.example.or", 22));
    assert_false(is_about("login.example.org", "login.example.org.", 22));
    assert_false(is_about("example.org", "login.example.org", 22));
    assert_false(is_about("login", "login.example.org", 22));
}

TEST(stars_and_question_marks)
{
    assert_true(is_about("*", "x", 22));
    assert_true(is_about("*", "", 22));
    assert_true(is_about("*.org", "a.b.org", 22));
    assert_true(is_about("a*b*c", "aXbXbXc", 22));
    assert_true(is_about("a**c", "ac", 22));
    assert_true(is_about("l?gin", "login", 22));
    assert_false(is_about("l?gin", "lgin", 22));
    assert_false(is_about("login?", "login", 22));
    assert_false(is_about("a*b", "abc", 22));
    assert_false(is_about("*a*a*a*a*a*a*a*a*b",
                          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                          22));
}

TEST(a_port_is_that_port_only)
{
    assert_true(is_about("h:2222", "h", 2222));
    assert_false(is_about("h:2222", "h", 22));
    assert_true(is_about("h:*", "h", 4711));
    assert_true(is_about("h:65535", "h", 65535));
    assert_true(is_about("h*:22", "hello", 22));
    assert_false(is_about("h:22", "h:22", 2222));
}

TEST(addresses_with_colons)
{
    assert_true(is_about("::1", "::1", 22));
    assert_true(is_about("::1", "::1", 2222));
    assert_false(is_about("::1", "::", 1));
    assert_true(is_about("[::1]:2222", "::1", 2222));
    assert_false(is_about("[::1]:2222", "::1", 22));
    assert_true(is_about("[::1]", "::1", 22));
    assert_true(is_about("[fe80::*]:22", "fe80::1", 22));
    assert_true(is_about("[FE80::1]:*", "fe80::1", 7));
    assert_true(is_about("[h]:22", "h", 22));
    assert_true(is_about("::ffff:10.0.0.1", "::ffff:10.0.0.1", 22));
    assert_true(is_about("2001:db8:*", "2001:db8::7", 22));
    assert_true(is_about("fe80::1%eth0", "fe80::1%eth0", 22));
    assert_true(is_about("[fe80::1%wg.x]:22", "fe80::1%wg.x", 22));
}

TEST(an_exclamation_mark_takes_out_wherever_it_stands)
{
    assert_true(is_about("* !a", "b", 22));
    assert_false(is_about("* !a", "a", 22));
    assert_false(is_about("!a *", "a", 22));
    assert_false(is_about("* !a:22", "a", 22));
    assert_true(is_about("* !a:22", "a", 2222));
}

TEST(a_user_counts_with_case_and_an_unknown_one_is_nobody)
{
    static const char text[] = "Host *\nUser al*\n";
    answer_config *config = parse(text, sizeof text - 1);
    answer_peer peer = {.host = "h", .port = 22};

    assert_non_null(config);
    peer.user = "alice";
    assert_true(match_block(&config->blocks[0], &peer));
    peer.user = "Alice";
    assert_false(match_block(&config->blocks[0], &peer));
    peer.user = "bob";
    assert_false(match_block(&config->blocks[0], &peer));
    peer.user = "";
    assert_false(match_block(&config->blocks[0], &peer));
    answer_config_free(&config);
}

/* -------------------------------------------------------------------- rules */

/* The line of the rule that a prompt has, with its groups; "none". */
static const char *
rule_of(const char *text, const answer_prompt *prompt)
{
    static char found_text[256];
    answer_peer peer = {.host = "h", .user = "", .port = 22};
    answer_config *config = parse(text, strlen(text));
    match_found found;
    int len;

    assert_non_null(config);
    found = match_prompt(config, &peer, prompt);
    assert_false(found.broken);
    if (found.by == NULL) {
        answer_config_free(&config);
        return "none";
    }
    len = snprintf(found_text, sizeof found_text, "%u", found.by->line);
    for (size_t i = 1;
         i <=
         regex_groups(rules_at(found.block->rules, found.by->which)->request);
         i++) {
        regex_span group = found.groups[i];

        if (group.start == REGEX_UNSET)
            len += snprintf(found_text + len, sizeof found_text - (size_t)len,
                            " -");
        else
            len += snprintf(found_text + len, sizeof found_text - (size_t)len,
                            " [%.*s]", (int)(group.end - group.start),
                            (const char *)prompt->text.data + group.start);
    }
    answer_config_free(&config);
    return found_text;
}

static const char *
rule_of_text(const char *text, const char *prompt)
{
    answer_prompt it = {.text = authplug_span_of(prompt)};

    return rule_of(text, &it);
}

#define RULE(request) "Host *\nRequest \"" request "\"\nResponse x\n"

TEST(a_request_matches_the_whole_prompt)
{
    assert_string_equal(rule_of_text(RULE("P:"), "P:"), "2");
    assert_string_equal(rule_of_text(RULE("P:"), "xP:"), "none");
    assert_string_equal(rule_of_text(RULE("P:"), "P:x"), "none");
    assert_string_equal(rule_of_text(RULE("P:"), "P:\n"), "none");
    assert_string_equal(rule_of_text(RULE("P:"), "\nP:"), "none");
    assert_string_equal(rule_of_text(RULE("P:"), ""), "none");
    assert_string_equal(rule_of_text(RULE("P:"), "p:"), "none");
    assert_string_equal(rule_of_text(RULE("P:|Q:"), "Q:"), "2");
    assert_string_equal(rule_of_text(RULE("P:|Q:"), "Q:P:"), "none");
}

TEST(blanks_at_its_end_may_count_or_not)
{
    assert_string_equal(rule_of_text(RULE("P:"), "P: \t  "), "2");
    assert_string_equal(rule_of_text(RULE("P: "), "P: "), "2");
    assert_string_equal(rule_of_text(RULE("P: "), "P:"), "none");
    assert_string_equal(rule_of_text(RULE("P:"), " P:"), "none");
    assert_string_equal(rule_of_text(RULE("(.*)"), "P: "), "2 [P: ]");
}

TEST(newlines_are_bytes_as_others)
{
    assert_string_equal(rule_of_text(RULE(".*P:"), "a\nb\nP: "), "2");
    assert_string_equal(rule_of_text(RULE("[^[:cntrl:]]*P:"), "a\nP: "),
                        "none");
}

TEST(an_option_of_a_menu_by_its_text)
{
    static const char menu[] =
        RULE("(.*[^0-9])?([0-9]+)[.] [^[:cntrl:]]*Push to phone.*option.*:");

    assert_string_equal(
        rule_of_text(menu, "1. Push to phone\n2. Call\noption (1-2): "),
        "2 - [1]");
    assert_string_equal(rule_of_text(menu, "Hello 7\n\n 1. Call\n 12. Duo Push "
                                           "to phone (iOS)\n\noption: "),
                        "2 [Hello 7\n\n 1. Call\n ] [12]");
    assert_string_equal(rule_of_text(menu, "1. Call\nPush to phone\noption: "),
                        "none");
    assert_string_equal(
        rule_of_text(menu, "1. Call\n2. Push to tablet\noption: "), "none");
}

TEST(a_group_that_took_no_part_is_not_set)
{
    assert_string_equal(rule_of_text(RULE("(a)|(b)"), "b"), "2 - [b]");
    assert_string_equal(rule_of_text(RULE("x(a*)"), "x"), "2 []");
}

TEST(echo_and_instruction_tell_two_prompts_apart)
{
    static const char text[] =
        "Host *\nRequest P\nEcho yes\nResponse a\n"
        "Request P\nInstruction \"Card ([0-9]+)\"\nResponse b\n"
        "Request P\nEcho no\nResponse c\n";
    answer_prompt prompt = {.text = authplug_span_of("P"), .echo = true};

    assert_string_equal(rule_of(text, &prompt), "2");
    prompt.echo = false;
    assert_string_equal(rule_of(text, &prompt), "8");
    prompt.instruction = authplug_span_of("Card 12 ");
    assert_string_equal(rule_of(text, &prompt), "5");
    prompt.instruction = authplug_span_of("A Card 12");
    assert_string_equal(rule_of(text, &prompt), "8");
}

TEST(the_first_rule_of_all_blocks_that_are_about_the_login)
{
    static const char text[] = "Host other\nRequest P\nResponse a\n"
                               "Host h\nRequest Q\nResponse b\n"
                               "Host *\nRequest P\nResponse c\n"
                               "Host h\nRequest P\nResponse d\n";

    assert_string_equal(rule_of_text(text, "P"), "8");
    assert_string_equal(rule_of_text(text, "Q"), "5");
    assert_string_equal(rule_of_text(text, "R"), "none");
}

TEST(what_ssh_puts_before_a_prompt_is_known)
{
    assert_true(match_is_copied(authplug_span_of("(a@b.example) Password: ")));
    assert_true(match_is_copied(authplug_span_of("(a@::1) ")));
    assert_false(match_is_copied(authplug_span_of("Password: ")));
    assert_false(match_is_copied(authplug_span_of("(a@b)")));
    assert_false(
        match_is_copied(authplug_span_of("(current) Password (a@b) ")));
    assert_false(match_is_copied(authplug_span_of("(mail to a@b) Code: ")));
    assert_false(match_is_copied(authplug_span_of("(")));
    assert_false(match_is_copied(authplug_span_of("")));
}

/* ------------------------------------------------------------------ consent */

/* The question for a prompt "C 12:" of a rule with this Response. */
static const char *
consent(const char *response, const char *user, bool kept)
{
    static char text[512], asked[1024];
    answer_peer peer = {.host = "h.\x1b", .user = user, .port = 22};
    answer_prompt prompt = {.text = authplug_span_of("C 12:")};
    authplug_secret *to = authplug_secret_new((size_t)1 << 18);
    match_found found;
    answer_config *config;

    (void)snprintf(text, sizeof text,
                   "Host *\nRequest \"C ([0-9]+):\"\n%sResponse %s\n"
                   "Totp x\nSecret AA\n",
                   strstr(response, "$exec$") != NULL ? "Exec a\n" : "",
                   response);
    config = parse(text, strlen(text));
    assert_string_equal(got.at, "");
    found = match_prompt(config, &peer, &prompt);
    assert_non_null(found.by);
    assert_true(consent_question(&peer, &prompt, &found, "C:", kept, to));
    (void)snprintf(asked, sizeof asked, "%s", authplug_secret_text(to));
    authplug_secret_free(&to);
    answer_config_free(&config);
    return asked;
}

TEST(consent_is_asked_for_all_that_is_sent)
{
    assert_string_equal(consent("99$file:/pw$$totp:x$", "alice", false),
                        "Send fixed text, a secret of a file and a one-time "
                        "code (line 2) for \"C:\" to alice@h.\\x1b? [y/N] ");
    assert_string_equal(consent("$exec$x$exec$$ask:a$", "", false),
                        "Send what a command gives, fixed text, what a command "
                        "gives and what you type then (line 2) for \"C:\" to "
                        "h.\\x1b? [y/N] ");
    assert_string_equal(consent("$ask$$keyring:k$", "", true),
                        "Send what you typed before and a secret of the "
                        "keyring (line 2) for \"C:\" to h.\\x1b? [y/N] ");
    assert_string_equal(consent("$1$", "a\nb", false),
                        "Send \"12\" (line 2) for \"C:\" to a\\x0ab@h.\\x1b? "
                        "[y/N] ");
    assert_string_equal(consent("$1$$user_name$$host_name$", "", false),
                        "Send words of the prompt, the user's name and the "
                        "host's name (line 2) for \"C:\" to h.\\x1b? [y/N] ");
    assert_string_equal(consent("\"\"", "", false),
                        "Send an empty answer (line 2) for \"C:\" to h.\\x1b? "
                        "[y/N] ");
}

/* What Limit counts stays with a rule wherever it stands. */
TEST(a_rule_is_known_by_its_prompts)
{
    static const char text[] =
        "Host *\nRequest x\nResponse a\nRequest y\nResponse a\n"
        "Request x\nEcho yes\nResponse a\nRequest x\nInstruction i\n"
        "Response a\nHost b\nRequest x\nLimit 3\nResponse other\n";
    answer_config *config = parse(text, sizeof text - 1);
    const answer_rule *own;

    assert_non_null(config);
    own = config->blocks[0].own;
    for (size_t i = 0; i < 4; i++)
        for (size_t other = 0; other < i; other++)
            assert_true(own[i].mark != own[other].mark);
    assert_true(own[0].mark == config->blocks[1].own[0].mark);
    answer_config_free(&config);
}

/* Where memory runs out nothing is known, which is not "no rule". */
TEST(a_match_that_cannot_be_made_is_no_other)
{
    static const char text[] = RULE("(a|b)*") "Request .*\nResponse y\n";
    answer_prompt prompt = {.text = authplug_span_of("abab")};
    answer_peer peer = {.host = "h", .user = "", .port = 22};
    answer_config *config = parse(text, sizeof text - 1);
    bool failed = true;

    assert_non_null(config);
    for (size_t n = 1; failed; n++) {
        match_found found;

        alloc_fail_at(n);
        found = match_prompt(config, &peer, &prompt);
        failed = alloc_count() >= n;
        assert_int_equal(found.broken, failed);
        assert_int_equal(found.by == NULL, failed);
        assert_true(failed || found.by->line == 2);
    }
    alloc_reset();
    answer_config_free(&config);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_may_have_nothing),
        cmocka_unit_test(a_block_has_hosts_a_user_and_a_name),
        cmocka_unit_test(a_rule_has_all_its_lines),
        cmocka_unit_test(others_do_not_choose_the_program_nor_write_the_script),
        cmocka_unit_test(every_shell_is_one_wherever_it_stands),
        cmocka_unit_test(an_option_s_word_is_not_the_script),
        cmocka_unit_test(what_stands_behind_a_script_may_be_more_of_them),
        cmocka_unit_test(a_word_that_is_too_long_to_be_looked_at_is_no_script),
        cmocka_unit_test(what_a_rule_says_is_not_the_next_one_s),
        cmocka_unit_test(a_code_has_a_secret_and_what_it_says_of_it),
        cmocka_unit_test(codes_may_stand_before_and_behind_their_rules),
        cmocka_unit_test(every_token_of_a_response_is_known),
        cmocka_unit_test(a_line_that_nothing_stands_above),
        cmocka_unit_test(a_block_without_a_host),
        cmocka_unit_test(what_is_given_twice),
        cmocka_unit_test(what_another_block_or_rule_says_is_not_twice),
        cmocka_unit_test(hosts_that_no_login_has),
        cmocka_unit_test(users_that_are_several_or_none),
        cmocka_unit_test(what_could_only_fail_in_a_login),
        cmocka_unit_test(
            a_file_is_not_looked_for_where_the_client_happens_to_be),
        cmocka_unit_test(yes_and_no_are_in_any_case),
        cmocka_unit_test(names_that_are_missing),
        cmocka_unit_test(values_that_are_none),
        cmocka_unit_test(numbers_out_of_their_range),
        cmocka_unit_test(
            expressions_and_texts_that_cannot_be_read_name_the_byte),
        cmocka_unit_test(keywords_out_of_their_place),
        cmocka_unit_test(what_belongs_together),
        cmocka_unit_test(no_complaint_repeats_a_secret),
        cmocka_unit_test(there_are_at_most_1000_blocks),
        cmocka_unit_test(the_whole_of_them_is_sound),
        cmocka_unit_test(any_beginning_can_be_read),
        cmocka_unit_test(any_bit_may_be_another),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(no_secret_is_left_in_freed_memory),
        cmocka_unit_test(a_pattern_is_the_whole_name_in_any_case),
        cmocka_unit_test(stars_and_question_marks),
        cmocka_unit_test(a_port_is_that_port_only),
        cmocka_unit_test(addresses_with_colons),
        cmocka_unit_test(an_exclamation_mark_takes_out_wherever_it_stands),
        cmocka_unit_test(a_user_counts_with_case_and_an_unknown_one_is_nobody),
        cmocka_unit_test(a_request_matches_the_whole_prompt),
        cmocka_unit_test(blanks_at_its_end_may_count_or_not),
        cmocka_unit_test(newlines_are_bytes_as_others),
        cmocka_unit_test(an_option_of_a_menu_by_its_text),
        cmocka_unit_test(a_group_that_took_no_part_is_not_set),
        cmocka_unit_test(echo_and_instruction_tell_two_prompts_apart),
        cmocka_unit_test(the_first_rule_of_all_blocks_that_are_about_the_login),
        cmocka_unit_test(what_ssh_puts_before_a_prompt_is_known),
        cmocka_unit_test(consent_is_asked_for_all_that_is_sent),
        cmocka_unit_test(a_rule_is_known_by_its_prompts),
        cmocka_unit_test(a_match_that_cannot_be_made_is_no_other),
    };

    return cmocka_run_group_tests_name("authplug answer's file", tests, NULL,
                                       NULL);
}
