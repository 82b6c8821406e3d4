/*
 * PasswdPath, the program that changes passwords, in its two uses: a shell runs
 * it as a user's only session, and plugins find it in SSH2_PASSWD_PATH, where
 * it is words, split at blanks (conf/template.h).
 *
 * A value that holds $user_name$ is words in both uses: each of them is quoted
 * for the shell once the name is in its place, so that no name is more than a
 * part of one. Any other value is the shell's, as it stands.
 */
#define _GNU_SOURCE
#include "server/serve.h"

#include "conf/template.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COMMAND_MAX 262144
#define PROGRAM "authplug-passwd"

static const template_token tokens[] = {
    {"user_name", TEMPLATE_NO_ARGUMENT},
    {NULL, TEMPLATE_NO_ARGUMENT},
};

static bool
is_words(const char *value)
{
    return strstr(value, "$user_name$") != NULL;
}

const char *
passwd_fault(const char *value)
{
    template_words *words = NULL;
    template_fault fault = {0, NULL};
    authplug_status status;

    if (!is_words(value))
        return NULL;
    status = template_words_new(value, tokens, &words, &fault);
    template_words_free(&words);
    return status == AUTHPLUG_OK      ? NULL
           : status == AUTHPLUG_VALUE ? fault.text
                                      : authplug_status_text(status);
}

/* -------------------------------------------------------------- the default */

static bool
add(authplug_secret *to, const char *text)
{
    return authplug_secret_append(to, text, strlen(text)) == AUTHPLUG_OK;
}

/* One word, which is the text and nothing else. */
static bool
add_word(authplug_secret *to, const char *text)
{
    bool good = add(to, "\"");

    for (; *text != 0 && good; text++)
        good = *text == '"'    ? add(to, "\"'\"'\"")
               : *text == '$'  ? add(to, "$$")
               : *text == '\\' ? add(to, "\\\\")
                               : authplug_secret_append(to, text, 1) ==
                                     AUTHPLUG_OK;
    return good && add(to, "\"");
}

/* The program beside this one; as plugins' PATH has it where none is. */
static bool
add_program(authplug_secret *to)
{
    char path[4096];
    ssize_t len =
        readlink("/proc/self/exe", path, sizeof path - sizeof PROGRAM);
    char *slash;

    if (len <= 0)
        return add(to, PROGRAM);
    path[len] = 0;
    slash = strrchr(path, '/');
    memcpy(slash + 1, PROGRAM, sizeof PROGRAM);
    return access(path, X_OK) == 0 ? add_word(to, path) : add(to, PROGRAM);
}

/* Sessions and plugins begin elsewhere. */
static bool
add_file(authplug_secret *to, const char *file)
{
    char *here = file[0] == '/' ? NULL : getcwd(NULL, 0);
    char *path = NULL;
    size_t len = here == NULL ? 0 : strlen(here);
    bool good = false;

    if (file[0] == '/' || here != NULL)
        path = calloc(len + strlen(file) + 2, 1);
    if (path != NULL) {
        if (here != NULL) {
            memcpy(path, here, len);
            path[len++] = '/';
        }
        memcpy(path + len, file, strlen(file));
        good = add_word(to, path);
    }
    free(here);
    free(path);
    return good;
}

/* A copy of what was put together; NULL unless that went well. */
static char *
take(authplug_secret **made, bool good)
{
    const char *text = good ? authplug_secret_text(*made) : NULL;
    char *copy = text == NULL ? NULL : strdup(text);

    authplug_secret_free(made);
    return copy;
}

char *
passwd_default(const char *file)
{
    authplug_secret *made = authplug_secret_new(COMMAND_MAX);
    /* a name that begins with '-' is no option */
    bool good = made != NULL && add_program(made) && add(made, " -- ") &&
                add_file(made, file) && add(made, " $user_name$");

    return take(&made, good);
}

/* --------------------------------------------------------- for the shell */

static authplug_status
add_user(void *context, const char *name, const char *argument,
         authplug_secret *out)
{
    const char *const *user = context;

    (void)name; /* there is one */
    (void)argument;
    return authplug_secret_append(out, *user, strlen(*user));
}

/* Nothing has a meaning between single quotes but the quote that ends them. */
static bool
add_quoted(authplug_secret *to, authplug_span word)
{
    bool good = add(to, "'");

    for (size_t i = 0; i < word.len && good; i++)
        good = word.data[i] == '\''
                   ? add(to, "'\\''")
                   : authplug_secret_append(to, word.data + i, 1) ==
                         AUTHPLUG_OK;
    return good && add(to, "'");
}

static bool
add_words(authplug_secret *to, const template_words *words, const char *user)
{
    authplug_secret *word = authplug_secret_new(COMMAND_MAX);
    bool good = word != NULL;

    for (size_t i = 0; i < template_words_count(words) && good; i++) {
        authplug_secret_clear(word);
        good = template_expand(template_word(words, i), add_user, &user,
                               word) == AUTHPLUG_OK &&
               (i == 0 || add(to, " ")) &&
               add_quoted(to, authplug_secret_span(word));
    }
    authplug_secret_free(&word);
    return good;
}

char *
passwd_command(const char *value, const char *user)
{
    template_words *words = NULL;
    template_fault fault;
    authplug_secret *made;
    bool good;

    if (!is_words(value))
        return strdup(value);
    made = authplug_secret_new(COMMAND_MAX);
    good = made != NULL &&
           template_words_new(value, tokens, &words, &fault) == AUTHPLUG_OK &&
           add_words(made, words, user);
    template_words_free(&words);
    return take(&made, good);
}
