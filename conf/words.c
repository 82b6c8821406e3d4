/* A command line that no shell reads. */
#include "conf/words.h"

#include <stdlib.h>
#include <string.h>

/* What a shell acts on outside of quotes, and between double ones. */
#define ACTIVE "$`\\|&;<>()*?[#~{\n"
#define ACTIVE_QUOTED "$`\\"

static authplug_status
bad(words_fault *fault, size_t offset, const char *text)
{
    fault->offset = offset;
    fault->text = text;
    return AUTHPLUG_VALUE;
}

/* Copies the word at *at, without its quotes; *at is its end afterwards. */
static authplug_status
cut_word(const char *line, const char **at, char **to, words_fault *fault)
{
    const char *c = *at, *opened = NULL;

    for (; *c != 0 && (opened != NULL || (*c != ' ' && *c != '\t')); c++) {
        if (opened != NULL && *c == *opened)
            opened = NULL;
        else if (opened == NULL && (*c == '"' || *c == '\''))
            opened = c;
        else if ((opened == NULL && strchr(ACTIVE, *c) != NULL) ||
                 (opened != NULL && *opened == '"' &&
                  strchr(ACTIVE_QUOTED, *c) != NULL))
            return bad(fault, (size_t)(c - line),
                       "a shell would act on this, and none is used: single "
                       "quotes around it were expected");
        else
            *(*to)++ = *c;
    }
    if (opened != NULL)
        return bad(fault, (size_t)(opened - line),
                   "these quotes are not closed: another quote was expected");
    *(*to)++ = 0;
    *at = c;
    return AUTHPLUG_OK;
}

authplug_status
words_split(const char *line, char ***words, size_t *count, words_fault *fault)
{
    /* a word has a byte or quotes, and a blank or the end behind it */
    size_t len = strlen(line), most = (len + 1) / 2;
    char **list = malloc((most + 1) * sizeof *list + len + 1);
    const char *at = line;
    size_t n = 0;
    char *to;

    if (list == NULL)
        return AUTHPLUG_NOMEM;
    to = (char *)(list + most + 1);
    for (at += strspn(at, " \t"); *at != 0; at += strspn(at, " \t")) {
        authplug_status status;

        list[n++] = to;
        status = cut_word(line, &at, &to, fault);
        if (status != AUTHPLUG_OK) {
            free(list);
            return status;
        }
    }
    list[n] = NULL;
    *words = list;
    *count = n;
    return AUTHPLUG_OK;
}
