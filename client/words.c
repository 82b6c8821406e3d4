/* Stock ssh's command line, as ssh itself reads it. */
#include "client/words.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

const char words_flags[] = "1246afgknqstvxACGKMNTVXYy";
const char words_valued[] = "bceilmopBDEFIJLOQRSWw";
const char words_queries[] = "GQVO";

/* Moves on to a word of options; false where there is none. */
static bool
next_word(ssh_words *it)
{
    while (it->at + 1 < it->count) {
        const char *word = it->words[++it->at];

        if (word[0] == '-' && word[1] != 0) {
            it->rest = word + 1;
            return strcmp(word, "--") != 0;
        }
        if (it->host)
            return false; /* the command begins */
        it->host = true;  /* options may follow it */
    }
    return false;
}

bool
words_next(ssh_words *it, char *letter, const char **value)
{
    if ((it->rest == NULL || *it->rest == 0) && !next_word(it)) {
        it->at = it->count;
        it->rest = NULL;
        return false;
    }
    *letter = *it->rest++;
    *value = NULL;
    if (strchr(words_flags, *letter) != NULL)
        return true;
    /* one that is not known here is of a newer ssh, where they take values */
    if (*it->rest != 0)
        *value = it->rest;
    else if (it->at + 1 < it->count)
        *value = it->words[++it->at];
    it->rest = NULL;
    return true;
}

const char *
words_keyword(const char *option, const char *keyword)
{
    size_t len = strlen(keyword);

    option += strspn(option, " \t");
    if (strncasecmp(option, keyword, len) != 0 || option[len] == 0 ||
        strchr(" \t=", option[len]) == NULL)
        return NULL;
    option += len;
    option += strspn(option, " \t");
    option += *option == '=';
    return option + strspn(option, " \t");
}

bool
words_ask_only(int count, char **words)
{
    ssh_words it = {.count = count, .words = words};
    const char *value;
    char letter;

    while (words_next(&it, &letter, &value))
        if (strchr(words_queries, letter) != NULL)
            return true;
    return false;
}

/* Of several the first counts, as of all keywords. */
static void
take_first(const char **slot, const char *value)
{
    if (*slot == NULL)
        *slot = value;
}

const char *
words_alone(int count, char **words)
{
    static const char *const masters[] = {"yes", "true", "ask"};
    ssh_words it = {.count = count, .words = words};
    const char *value, *path = NULL, *keyword = NULL, *master = NULL;
    char letter;

    while (words_next(&it, &letter, &value)) {
        if (letter == 'M')
            return "-M";
        if (letter == 'S' && value != NULL)
            path = value; /* the last one, and before what -o says */
        if (letter != 'o' || value == NULL)
            continue;
        take_first(&keyword, words_keyword(value, "controlpath"));
        take_first(&master, words_keyword(value, "controlmaster"));
    }
    if (path != NULL && strcasecmp(path, "none") == 0)
        return "-S none";
    if (path == NULL && keyword != NULL && strcasecmp(keyword, "none") == 0)
        return "ControlPath=none";
    for (size_t i = 0; master != NULL && i < sizeof masters / sizeof *masters;
         i++)
        if (strcasecmp(master, masters[i]) == 0)
            return "ControlMaster=yes";
    return NULL;
}
