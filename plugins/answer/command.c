/* What the command of an Exec may not be: words of others are none of its
 * program, nor of what a shell is to do. */
#include "answer.h"

#include <string.h>

static bool
is_shell(const char *word)
{
    static const char *const shells[] = {"sh",   "bash", "dash", "zsh", "ksh",
                                         "mksh", "ash",  "fish", NULL};
    const char *slash = strrchr(word, '/');
    size_t i = 0;

    word = slash != NULL ? slash + 1 : word;
    while (shells[i] != NULL && strcmp(shells[i], word) != 0)
        i++;
    return shells[i] != NULL;
}

/* The word that a shell, whose options begin here, takes for its script or its
 * script's path; the count where there is none. Behind other words only -c
 * tells a shell from a mere word. */
static size_t
find_script(const template_words *words, size_t at)
{
    size_t count = template_words_count(words);
    bool asked = at == 1;

    for (; at < count; at++) {
        char word[64];
        size_t len;

        template_text(template_word(words, at), word, sizeof word);
        len = strlen(word);
        if ((word[0] != '-' && word[0] != '+') || len < 2 ||
            strcmp(word, "--") == 0)
            break;
        if (word[1] == '-')
            continue;
        asked = asked || (word[0] == '-' && strchr(word, 'c') != NULL);
        /* the name of an option follows */
        if (word[len - 1] == 'o' || word[len - 1] == 'O')
            at++;
    }
    if (asked && at < count) {
        char word[64];

        template_text(template_word(words, at), word, sizeof word);
        at += strcmp(word, "--") == 0;
    }
    return asked && at < count ? at : count;
}

const char *
command_fault(const template_words *words)
{
    size_t count = template_words_count(words);

    if (template_has_token(template_word(words, 0)))
        return "a token in the first word: the program's own name was expected";
    for (size_t i = 0; i < count; i++) {
        char word[4096];
        size_t script;

        template_text(template_word(words, i), word, sizeof word);
        if (!is_shell(word))
            continue;
        script = find_script(words, i + 1);
        if (script < count && template_has_token(template_word(words, script)))
            return "a token in what a shell is to do, where it would be "
                   "commands: '\"$$1\"' there, and the token as a word of "
                   "its own behind it, was expected: sh -c '... \"$$1\"' sh "
                   "$1$";
    }
    return NULL;
}
