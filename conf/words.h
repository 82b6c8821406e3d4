/*
 * conf/words.h - a command line that no shell reads. Internal; not installed.
 *
 * Words stand between blanks. Blanks between single or between double quotes
 * do not split; quotes have no other meaning. What a shell would act on, such
 * as $, *, ; or a backslash, is refused where a shell would see it: so a line
 * that is taken means the same with a shell and without one.
 */
#ifndef CONF_WORDS_H
#define CONF_WORDS_H

#include <authplug/base.h>

/* What is wrong with a line, as in conf/regex.h. */
typedef struct words_fault {
    size_t offset;
    const char *text;
} words_fault;

/*
 * OK, and a list that ends with NULL, in one allocation, to be freed by
 * free(); it may have no word. VALUE, and *fault tells; NOMEM.
 */
authplug_status words_split(const char *line, char ***words, size_t *count,
                            words_fault *fault);

#endif
