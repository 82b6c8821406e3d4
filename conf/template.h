/*
 * conf/template.h - texts with tokens: what a Response says, and the words of
 * a command. Internal; not installed.
 *
 * A token is a name between dollars, $user_name$, or a name and an argument,
 * $totp:work$; the argument is everything after the first colon. $$ is a
 * dollar, \n a newline, \\ a backslash, and another byte after a backslash is
 * an error. Which tokens there are says the caller; a text with another one is
 * refused when it is read, not when it is used.
 */
#ifndef CONF_TEMPLATE_H
#define CONF_TEMPLATE_H

#include <authplug/secret.h>

typedef struct template template;

/* A token that a text may hold. A list ends with a name of NULL. */
typedef enum template_argument {
    TEMPLATE_NO_ARGUMENT,
    TEMPLATE_ARGUMENT, /* one that is not empty */
    TEMPLATE_EITHER
} template_argument;

typedef struct template_token {
    const char *name;
    template_argument takes;
} template_token;

/* What is wrong with a text, as in conf/regex.h. */
typedef struct template_fault {
    size_t offset;
    const char *text;
} template_fault;

/* OK; VALUE, and *fault tells; NOMEM. The tokens must outlive the template. */
authplug_status template_new(const char *text, const template_token *tokens,
                             template **made, template_fault *fault);
void template_free(template **it);

/* Whether it holds this token. */
bool template_has(const template *it, const char *name);

/* Whether it holds text, or a token, whatever else; whether it begins with a
 * token. */
bool template_has_text(const template *it);
bool template_has_token(const template *it);
bool template_begins_with_token(const template *it);

/* What it says without its tokens; "" where that has no room. */
void template_text(const template *it, char *to, size_t size);

/* Goes through it in order: len bytes of text where name is NULL, which are not
 * shown, or a token with its argument, or NULL. */
typedef void (*template_step)(void *context, const char *name,
                              const char *argument, size_t len);
void template_walk(const template *it, template_step step, void *context);

/* Appends what a token stands for. argument is NULL where there is none. */
typedef authplug_status (*template_value)(void *context, const char *name,
                                          const char *argument,
                                          authplug_secret *out);

/* Appends the text to out. A status other than OK that value gives ends it, and
 * is given; LIMIT, NOMEM; out is then as it was before. */
authplug_status template_expand(const template *it, template_value value,
                                void *context, authplug_secret *out);

/* ------------------------------------------------------------------ results */

/* A Response that says no text, but what the match means. */
typedef enum template_result {
    TEMPLATE_TEXT,
    TEMPLATE_SUCCESS,
    TEMPLATE_ERROR_DISPLAY,
    TEMPLATE_ERROR_LOG
} template_result;

/* $SUCCESS, $ERROR_DISPLAY, $ERROR_LOG, in any case; all else is a text. */
template_result template_result_of(const char *text);

/* ----------------------------------------------------------------- commands */

/*
 * A command is split into words, at blanks, before anything is expanded, so
 * that no value makes two words of one. Blanks between single or between double
 * quotes do not split; quotes have no other meaning, and there is no shell.
 */
typedef struct template_words template_words;

/* OK; VALUE, and *fault tells, also when there is no word; NOMEM. */
authplug_status template_words_new(const char *text,
                                   const template_token *tokens,
                                   template_words **made,
                                   template_fault *fault);
void template_words_free(template_words **it);

size_t template_words_count(const template_words *it);
const template *template_word(const template_words *it, size_t which);

#endif
