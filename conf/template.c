/* Texts with tokens, and commands, which are words with tokens. */
#include "conf/template.h"

#include <stdlib.h>
#include <string.h>

/* Text, or a token where name is there. Both lie in the template's bytes. */
typedef struct piece {
    const char *name; /* the table's */
    const char *text; /* or the argument, or NULL */
    size_t len;
} piece;

struct template {
    piece *pieces;
    size_t count;
    char *bytes; /* may be secret: some write their password in a Response */
    size_t size;
};

/* --------------------------------------------------------------- the reader */

typedef struct reader {
    const char *start, *at;
    const template_token *tokens;
    template *made;
    char *to; /* where text goes on */
    template_fault *fault;
} reader;

static authplug_status
bad(reader *it, const char *at, const char *text)
{
    it->fault->offset = (size_t)(at - it->start);
    it->fault->text = text;
    return AUTHPLUG_VALUE;
}

/* A byte of text, in the piece that is one, or in a new one. */
static void
add_byte(reader *it, char byte)
{
    template *made = it->made;

    if (made->count == 0 || made->pieces[made->count - 1].name != NULL)
        made->pieces[made->count++] = (piece){NULL, it->to, 0};
    made->pieces[made->count - 1].len++;
    *it->to++ = byte;
}

/* $$, or a token, which ends with the next dollar. */
static authplug_status
read_token(reader *it)
{
    const char *name = it->at + 1, *end = strchr(name, '$');
    const template_token *token = it->tokens;
    const char *colon;
    size_t len;

    if (end == name) {
        add_byte(it, '$');
        it->at = end + 1;
        return AUTHPLUG_OK;
    }
    if (end == NULL)
        return bad(it, it->at, "a '$' that begins no token: '$' at its end was "
                               "expected, or '$$' for a dollar");
    colon = memchr(name, ':', (size_t)(end - name));
    len = (size_t)((colon != NULL ? colon : end) - name);
    while (token->name != NULL && (strlen(token->name) != len ||
                                   memcmp(token->name, name, len) != 0))
        token++;
    if (token->name == NULL)
        return bad(it, it->at, "no token that is known here: another name was "
                               "expected, or '$$' for a dollar");
    if (colon == NULL && token->takes == TEMPLATE_ARGUMENT)
        return bad(it, end, "a token without its argument: ':' and the "
                            "argument were expected");
    if (colon != NULL && token->takes == TEMPLATE_NO_ARGUMENT)
        return bad(it, colon, "an argument of a token that takes none: '$' "
                              "was expected");
    if (colon != NULL && colon + 1 == end)
        return bad(it, end, "an empty argument: one of at least a byte was "
                            "expected");
    it->made->pieces[it->made->count++] =
        (piece){token->name, colon != NULL ? it->to : NULL, 0};
    if (colon != NULL) {
        memcpy(it->to, colon + 1, (size_t)(end - colon) - 1);
        it->to += end - colon - 1;
        *it->to++ = 0;
    }
    it->at = end + 1;
    return AUTHPLUG_OK;
}

static authplug_status
read_escape(reader *it)
{
    if (it->at[1] != 'n' && it->at[1] != '\\')
        return bad(it, it->at, "a '\\' that stands for nothing: \\n was "
                               "expected, or \\\\ for a backslash");
    add_byte(it, it->at[1] == 'n' ? '\n' : '\\');
    it->at += 2;
    return AUTHPLUG_OK;
}

static authplug_status
read_all(reader *it)
{
    authplug_status status = AUTHPLUG_OK;

    while (status == AUTHPLUG_OK && *it->at != 0) {
        if (*it->at == '$')
            status = read_token(it);
        else if (*it->at == '\\')
            status = read_escape(it);
        else
            add_byte(it, *it->at++);
    }
    return status;
}

authplug_status
template_new(const char *text, const template_token *tokens, template **made,
             template_fault *fault)
{
    size_t size = strlen(text) + 1;
    template *it = calloc(1, sizeof *it);
    reader in = {.start = text, .at = text, .tokens = tokens, .made = it,
                 .fault = fault};
    authplug_status status = AUTHPLUG_NOMEM;

    if (it != NULL) {
        it->pieces = calloc(size, sizeof *it->pieces);
        it->bytes = in.to = calloc(size, 1);
        it->size = size;
        if (it->pieces != NULL && it->bytes != NULL)
            status = read_all(&in);
    }
    if (status == AUTHPLUG_OK)
        *made = it;
    else
        template_free(&it);
    return status;
}

void
template_free(template **it)
{
    if (it == NULL || *it == NULL)
        return;
    if ((*it)->bytes != NULL)
        authplug_wipe((*it)->bytes, (*it)->size);
    free((*it)->bytes);
    free((*it)->pieces);
    free(*it);
    *it = NULL;
}

bool
template_has(const template *it, const char *name)
{
    for (size_t i = 0; i < it->count; i++)
        if (it->pieces[i].name != NULL && strcmp(it->pieces[i].name, name) == 0)
            return true;
    return false;
}

bool
template_has_text(const template *it)
{
    for (size_t i = 0; i < it->count; i++)
        if (it->pieces[i].name == NULL)
            return true;
    return false;
}

bool
template_has_token(const template *it)
{
    for (size_t i = 0; i < it->count; i++)
        if (it->pieces[i].name != NULL)
            return true;
    return false;
}

bool
template_begins_with_token(const template *it)
{
    return it->count > 0 && it->pieces[0].name != NULL;
}

void
template_text(const template *it, char *to, size_t size)
{
    size_t len = 0;

    for (size_t i = 0; i < it->count; i++) {
        const piece *at = &it->pieces[i];

        if (at->name != NULL)
            continue;
        if (at->len >= size - len) {
            len = 0;
            break;
        }
        memcpy(to + len, at->text, at->len);
        len += at->len;
    }
    to[len] = 0;
}

void
template_walk(const template *it, template_step step, void *context)
{
    for (size_t i = 0; i < it->count; i++) {
        const piece *at = &it->pieces[i];

        step(context, at->name, at->name != NULL ? at->text : NULL,
             at->name != NULL ? 0 : at->len);
    }
}

authplug_status
template_expand(const template *it, template_value value, void *context,
                authplug_secret *out)
{
    size_t before = authplug_secret_len(out);
    authplug_status status = AUTHPLUG_OK;

    for (size_t i = 0; i < it->count && status == AUTHPLUG_OK; i++) {
        const piece *at = &it->pieces[i];

        status = at->name != NULL
                     ? value(context, at->name, at->text, out)
                     : authplug_secret_append(out, at->text, at->len);
    }
    if (status != AUTHPLUG_OK)
        authplug_secret_cut(out, before);
    return status;
}

/* ------------------------------------------------------------------ results */

template_result
template_result_of(const char *text)
{
    static const char *const names[] = {
        [TEMPLATE_SUCCESS] = "$SUCCESS",
        [TEMPLATE_ERROR_DISPLAY] = "$ERROR_DISPLAY",
        [TEMPLATE_ERROR_LOG] = "$ERROR_LOG",
    };

    for (int i = TEMPLATE_SUCCESS; i <= TEMPLATE_ERROR_LOG; i++) {
        const char *name = names[i], *at = text;

        while (*name != 0 &&
               (*at == *name ||
                (*name >= 'A' && *name <= 'Z' && *at == *name - 'A' + 'a'))) {
            name++;
            at++;
        }
        if (*name == 0 && *at == 0)
            return (template_result)i;
    }
    return TEMPLATE_TEXT;
}

/* ----------------------------------------------------------------- commands */

struct template_words {
    size_t count;
    template **words;
};

/* Copies a word without its quotes; gives its end, or NULL where quotes are
 * open. from[i] is where in the text the word's byte i was. */
static const char *
cut_word(const char *at, char *to, size_t *from, const char *start)
{
    char quote = 0;

    for (; *at != 0 && (quote != 0 || (*at != ' ' && *at != '\t')); at++) {
        if (*at == quote) {
            quote = 0;
        } else if (quote == 0 && (*at == '"' || *at == '\'')) {
            quote = *at;
        } else {
            *from++ = (size_t)(at - start);
            *to++ = *at;
        }
    }
    *to = 0;
    *from = (size_t)(at - start);
    return quote == 0 ? at : NULL;
}

/* Reads all words; word and from have room for the longest. */
static authplug_status
read_words(template_words *it, const char *text, const template_token *tokens,
           char *word, size_t *from, template_fault *fault)
{
    const char *at = text, *end;

    for (;;) {
        authplug_status status;

        at += strspn(at, " \t");
        if (*at == 0)
            break;
        end = cut_word(at, word, from, text);
        if (end == NULL) {
            fault->offset = (size_t)(at - text);
            fault->text = "quotes in this word are not closed: another quote "
                          "was expected";
            return AUTHPLUG_VALUE;
        }
        status = template_new(word, tokens, &it->words[it->count], fault);
        if (status == AUTHPLUG_VALUE)
            fault->offset = from[fault->offset];
        if (status != AUTHPLUG_OK)
            return status;
        it->count++;
        at = end;
    }
    if (it->count > 0)
        return AUTHPLUG_OK;
    fault->offset = 0;
    fault->text = "no command: a program was expected";
    return AUTHPLUG_VALUE;
}

authplug_status
template_words_new(const char *text, const template_token *tokens,
                   template_words **made, template_fault *fault)
{
    size_t size = strlen(text) + 1;
    template_words *it = calloc(1, sizeof *it);
    char *word = calloc(size, 1);
    size_t *from = calloc(size, sizeof *from);
    authplug_status status = AUTHPLUG_NOMEM;

    if (it != NULL)
        it->words = calloc(size, sizeof *it->words);
    if (it != NULL && it->words != NULL && word != NULL && from != NULL)
        status = read_words(it, text, tokens, word, from, fault);
    if (word != NULL)
        authplug_wipe(word, size);
    free(word);
    free(from);
    if (status == AUTHPLUG_OK)
        *made = it;
    else
        template_words_free(&it);
    return status;
}

void
template_words_free(template_words **it)
{
    if (it == NULL || *it == NULL)
        return;
    for (size_t i = 0; (*it)->words != NULL && i < (*it)->count; i++)
        template_free(&(*it)->words[i]);
    free((*it)->words);
    free(*it);
    *it = NULL;
}

size_t
template_words_count(const template_words *it)
{
    return it->count;
}

const template *
template_word(const template_words *it, size_t which)
{
    return it->words[which];
}
