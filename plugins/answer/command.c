/* What the command of an Exec may not be: words of others are none of its
 * program, nor of what a shell is to do. */
#include "answer.h"

#include <string.h>
#include <strings.h>

/* What of a word is read. A longer path is none, and a longer option is taken
 * for anything. It may be a part of a secret, so it is wiped. */
#define WORD_MOST 4096

/* Shells, behind whose script there are only arguments; and programs that hold
 * some, as an applet which is what stands where the script would. */
static const char *const shells[] = {
    "sh",   "ash",  "bash",  "rbash",   "dash",   "ksh",   "rksh",
    "mksh", "lksh", "pdksh", "oksh",    "zsh",    "rzsh",  "csh",
    "tcsh", "fish", "yash",  "posh",    "bosh",   "pbosh", "hush",
    "osh",  "ysh",  "sash",  "busybox", "toybox", NULL};
/* These make commands also of what stands behind, or have options of so many
 * kinds that nobody knows where that is. */
static const char *const odd_shells[] = {"elvish", "nu",         "pwsh",
                                         "xonsh",  "powershell", NULL};

/* What may stand behind a program's name: its version, how it was linked. */
static bool
is_version(const char *text)
{
    text += strspn(text, "0123456789.-_");
    return text[0] == 0 || strcasecmp(text, "static") == 0 ||
           strcasecmp(text, "exe") == 0;
}

static bool
is_one_of(const char *const *names, const char *word)
{
    const char *slash = strrchr(word, '/');

    word = slash != NULL ? slash + 1 : word;
    for (; *names != NULL; names++)
        if (strncasecmp(word, *names, strlen(*names)) == 0 &&
            is_version(word + strlen(*names)))
            return true;
    return false;
}

/* ---------------------------------------------------------- behind a shell */

/* What the words so far have said. */
typedef struct shell_words {
    size_t owed;   /* of those that follow may be the options' own, at most */
    bool commands; /* -c: the script is a text */
    bool operands; /* no option comes any more */
} shell_words;

/* How many of the words behind it an option may have for its own, at most. All
 * letters count that have one in any shell, or that are not known. */
static size_t
owed_words(const char *option)
{
    size_t count = 0;

    if (option[0] == '-' && option[1] == '-')
        return strchr(option, '=') == NULL && strcmp(option, "--login") != 0 &&
               strcmp(option, "--norc") != 0 &&
               strcmp(option, "--noprofile") != 0 &&
               strcmp(option, "--posix") != 0;
    for (option++; *option != 0; option++)
        count += strchr("abcehiklmnrstuvx", *option) == NULL;
    return count;
}

/* Whether this word certainly is the script, or its file. */
static bool
is_script(shell_words *so_far, const char *word)
{
    bool option = !so_far->operands && (word[0] == '-' || word[0] == '+');

    if (option && (word[1] == 0 || strcmp(word, "--") == 0)) {
        /* or it is an option's */
        so_far->operands = so_far->owed == 0;
        return false;
    }
    if (option) {
        so_far->owed += owed_words(word);
        so_far->commands =
            so_far->commands || (word[1] != '-' && strchr(word, 'c') != NULL);
        return false;
    }
    if (so_far->owed == 0)
        return true;
    so_far->owed--;
    return false;
}

/* ------------------------------------------------------------ all the words */

/* Where in a command its words are looked at. */
typedef enum looking {
    FOR_SHELL,
    FOR_SCRIPT,
    FOR_NOTHING, /* behind an odd shell */
    AT_NAME      /* behind the text of -c: its $0, or options that go on */
} looking;

typedef struct scan {
    looking what;
    shell_words behind; /* the last shell */
} scan;

static looking
look_for_shell(const char *word)
{
    return is_one_of(odd_shells, word) ? FOR_NOTHING
           : is_one_of(shells, word)   ? FOR_SCRIPT
                                       : FOR_SHELL;
}

/* A word without a token behind a shell. */
static looking
look_for_script(shell_words *behind, const char *word)
{
    if (!is_script(behind, word))
        return FOR_SCRIPT;
    if (behind->commands)
        return AT_NAME;
    /* it may be an applet, and a shell as well */
    *behind = (shell_words){0};
    return look_for_shell(word);
}

/* Behind the text of -c. */
static looking
look_at_name(shell_words *behind, const char *word)
{
    if (word[0] != '-' || word[1] == 0 || strcmp(word, "--") == 0)
        return FOR_SHELL;
    *behind = (shell_words){.commands = true};
    return look_for_script(behind, word);
}

/* The next word, of which the text is without its tokens. False where it may
 * have none. */
static bool
take_word(scan *it, const template *from, const char *text)
{
    bool token = template_has_token(from);
    bool known = text[0] != 0 || !template_has_text(from);

    switch (it->what) {
    case FOR_SHELL:
        it->behind = (shell_words){0};
        it->what = look_for_shell(text);
        return true;
    case AT_NAME:
        if (token && text[0] == '-' && !template_begins_with_token(from))
            return false;
        it->what = token ? FOR_SHELL : look_at_name(&it->behind, text);
        return true;
    case FOR_SCRIPT:
        if (!token && known)
            it->what = look_for_script(&it->behind, text);
        return !token;
    case FOR_NOTHING:
        return !token;
    }
    return false;
}

const char *
command_fault(const template_words *words)
{
    size_t count = template_words_count(words);
    scan it = {.what = FOR_SHELL};
    bool good = true;

    if (template_has_token(template_word(words, 0)))
        return "a token in the first word: the program's own name was expected";
    for (size_t i = 0; good && i < count; i++) {
        const template *from = template_word(words, i);
        char word[WORD_MOST];

        template_text(from, word, sizeof word);
        good = take_word(&it, from, word);
        authplug_wipe(word, sizeof word);
    }
    return good ? NULL
                : "a token behind the name of a shell, in its options or in "
                  "what it is to do, where it could be commands: '\"$$1\"' "
                  "there, and the token as a word of its own behind it, was "
                  "expected: sh -c '... \"$$1\"' sh $1$";
}
