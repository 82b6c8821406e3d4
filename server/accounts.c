/* serve's password file: who may come in. */
#define _GNU_SOURCE
#include "server/accounts_file.h"

#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY 86400

_Static_assert(ACCOUNTS_HASH_MOST >= CRYPT_OUTPUT_SIZE, "hashes fit");
_Static_assert(ACCOUNTS_PASSWORD_MOST < CRYPT_MAX_PASSPHRASE_SIZE,
               "passwords fit");

/* ----------------------------------------------------------------- messages */

static authplug_secret *said;

bool
accounts_listen(void)
{
    if (said == NULL)
        said = authplug_secret_new(8192);
    else
        authplug_secret_clear(said);
    return said != NULL;
}

void
accounts_say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    file_why_list(said, format, arguments);
    va_end(arguments);
}

const char *
accounts_said(void)
{
    const char *text = said == NULL ? NULL : authplug_secret_text(said);

    return text == NULL || *text == 0 ? authplug_status_text(AUTHPLUG_NOMEM)
                                      : text;
}

/* -------------------------------------------------------------------- lines */

authplug_status
accounts_unknown(const char *file)
{
    accounts_say("%s: there is no such user", file);
    return AUTHPLUG_NOT_FOUND;
}

authplug_status
accounts_twice(const char *file, unsigned number)
{
    accounts_say("%s:%u: this user was there before: one line was expected",
                 file, number);
    return AUTHPLUG_IO;
}

authplug_status
accounts_open(const char *file, conf_care care, accounts_reader *reader)
{
    accounts_reader none = {0};

    *reader = none;
    return file_read(file, care, ACCOUNTS_FILE_MOST, &reader->text, said);
}

void
accounts_close(accounts_reader *reader)
{
    authplug_secret_free(&reader->text);
}

/* Takes what stands before the next colon off a span. */
static bool
take_field(authplug_span *from, authplug_span *field)
{
    const unsigned char *colon =
        from->len == 0 ? NULL : memchr(from->data, ':', from->len);

    if (colon == NULL)
        return false;
    *field = authplug_span_make(from->data, (size_t)(colon - from->data));
    *from = authplug_span_make(colon + 1, from->len - field->len - 1);
    return true;
}

/* -1 for an empty one. */
static bool
is_count(authplug_span text, long *value)
{
    long number = 0;

    if (text.len > 7)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (text.data[i] - '0');
    }
    *value = text.len == 0 ? -1 : number;
    return true;
}

static bool
is_name(authplug_span name)
{
    if (name.len == 0 || name.len > ACCOUNTS_NAME_MOST || name.data[0] == '#')
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] < ' ' || name.data[i] == 0x7f || name.data[i] == ':')
            return false;
    return true;
}

authplug_status
accounts_check_name(const char *name)
{
    if (is_name(authplug_span_of(name)))
        return AUTHPLUG_OK;
    accounts_say("this user name cannot be stored: 1 to 255 bytes were "
                 "expected, no colon, no control character, no '#' first");
    return AUTHPLUG_VALUE;
}

/* No password fits: empty, or marked so. */
static bool
is_locked(authplug_span hash)
{
    return hash.len == 0 || hash.data[0] == '!' || hash.data[0] == '*';
}

static bool
is_hash(authplug_span hash)
{
    char text[ACCOUNTS_HASH_MOST];
    bool good = hash.len < sizeof text;

    for (size_t i = 0; i < hash.len && good; i++)
        good = hash.data[i] > ' ' && hash.data[i] < 0x7f;
    if (good && !is_locked(hash)) {
        memcpy(text, hash.data, hash.len);
        text[hash.len] = 0;
        good = crypt_checksalt(text) != CRYPT_SALT_INVALID;
        authplug_wipe(text, sizeof text);
    }
    return good;
}

static bool
read_fields(authplug_span text, accounts_line *line)
{
    authplug_span changed;

    return take_field(&text, &line->name) && is_name(line->name) &&
           take_field(&text, &line->hash) && is_hash(line->hash) &&
           take_field(&text, &changed) && is_count(changed, &line->changed) &&
           is_count(text, &line->maxdays) &&
           (line->changed >= 0 || line->maxdays < 0);
}

authplug_status
accounts_next(const char *file, accounts_reader *reader, accounts_line *line)
{
    authplug_span text = authplug_secret_span(reader->text);
    accounts_line found = {.changed = -1, .maxdays = -1};
    const unsigned char *newline;
    bool ends;

    if (reader->at == text.len)
        return AUTHPLUG_NEED_MORE;
    text = authplug_span_make(text.data + reader->at, text.len - reader->at);
    newline = memchr(text.data, '\n', text.len);
    ends = newline != NULL;
    if (ends)
        text.len = (size_t)(newline - text.data);
    found.number = ++reader->number;
    reader->at += text.len + ends;
    found.all = authplug_span_make(text.data, text.len + ends);
    if (text.len > 0 && text.data[0] != '#' && !read_fields(text, &found)) {
        accounts_say("%s:%u: this is no account: NAME:HASH:CHANGED:MAXDAYS was "
                     "expected", file, reader->number);
        return AUTHPLUG_IO;
    }
    *line = found;
    return AUTHPLUG_OK;
}

long
accounts_today(void)
{
    return (long)(time(NULL) / DAY);
}

/* ------------------------------------------------------------------- hashes */

bool
accounts_is_password(authplug_span password)
{
    return password.len > 0 && password.len < CRYPT_MAX_PASSPHRASE_SIZE &&
           !authplug_span_has(password, 0);
}

static authplug_status
hash_text(const char *phrase, const char *setting, authplug_secret *hash)
{
    struct crypt_data *data = calloc(1, sizeof *data);
    authplug_status status = AUTHPLUG_NOMEM;
    const char *result;

    if (data == NULL)
        return status;
    errno = 0;
    result = crypt_rn(phrase, setting, data, sizeof *data);
    if (result != NULL)
        status = authplug_secret_append(hash, result, strlen(result));
    else if (errno != ENOMEM)
        status = AUTHPLUG_VALUE;
    authplug_wipe(data, sizeof *data);
    free(data);
    return status;
}

authplug_status
accounts_hash(authplug_span password, authplug_span setting,
              authplug_secret *hash)
{
    authplug_secret *phrase = authplug_secret_new(CRYPT_MAX_PASSPHRASE_SIZE);
    authplug_secret *like = authplug_secret_new(ACCOUNTS_HASH_MOST);
    char *fresh = setting.len == 0 ? crypt_gensalt_ra(NULL, 0, NULL, 0) : NULL;
    const char *texts[2] = {NULL, NULL};
    authplug_status status = AUTHPLUG_NOMEM;

    if (setting.len == 0)
        setting = authplug_span_of(fresh);
    if (phrase != NULL && like != NULL && setting.len > 0 &&
        authplug_secret_append(phrase, password.data, password.len) ==
            AUTHPLUG_OK &&
        authplug_secret_append(like, setting.data, setting.len) ==
            AUTHPLUG_OK) {
        texts[0] = authplug_secret_text(phrase);
        texts[1] = authplug_secret_text(like);
    }
    if (texts[0] != NULL && texts[1] != NULL)
        status = hash_text(texts[0], texts[1], hash);
    free(fresh);
    authplug_secret_free(&phrase);
    authplug_secret_free(&like);
    return status;
}

/* -------------------------------------------------------------------- check */

/* What the file says of a user, and a hash that costs as one of its own. */
typedef struct record {
    accounts_line line;
    accounts_line model; /* no hash where no account has one */
    bool known;
} record;

/* Reads all of the file, whoever is looked for. */
static authplug_status
look_up(const char *file, const char *user, conf_care care,
        accounts_reader *reader, record *found)
{
    authplug_status status = accounts_open(file, care, reader);
    accounts_line line;

    while (status == AUTHPLUG_OK) {
        status = accounts_next(file, reader, &line);
        if (status != AUTHPLUG_OK || line.name.len == 0)
            continue;
        if (found->model.hash.len == 0 && !is_locked(line.hash))
            found->model = line;
        if (!authplug_span_is(line.name, user))
            continue;
        if (found->known)
            status = accounts_twice(file, line.number);
        found->line = line;
        found->known = true;
    }
    return status == AUTHPLUG_NEED_MORE ? AUTHPLUG_OK : status;
}

authplug_status
accounts_find(const char *file, const char *user, const char **error)
{
    accounts_reader reader = {0};
    record found = {0};
    authplug_status status = AUTHPLUG_NOMEM;

    if (accounts_listen())
        status = accounts_check_name(user);
    if (status == AUTHPLUG_OK)
        status = look_up(file, user, CONF_OF_ANYBODY, &reader, &found);
    accounts_close(&reader);
    if (status == AUTHPLUG_NOT_FOUND)
        status = AUTHPLUG_IO; /* the file, not the user */
    if (status == AUTHPLUG_OK && !found.known)
        status = accounts_unknown(file);
    if (status != AUTHPLUG_OK)
        *error = accounts_said();
    return status;
}

authplug_status
accounts_usable(const char *file, const char **error)
{
    accounts_reader reader = {0};
    record found = {0};
    authplug_status status = AUTHPLUG_NOMEM;

    if (accounts_listen()) /* and no line has an empty name */
        status = look_up(file, "", CONF_NOT_READABLE, &reader, &found);
    accounts_close(&reader);
    if (status != AUTHPLUG_OK)
        *error = accounts_said();
    return status;
}

static bool
has_expired(const accounts_line *line)
{
    return line->changed == 0 ||
           (line->changed > 0 && line->maxdays >= 0 &&
            line->changed + line->maxdays < accounts_today());
}

/* Hashes something in any case, and compares it with something. */
static authplug_status
try_password(const char *file, const record *found, authplug_span password,
             bool *fits)
{
    bool usable = found->known && !is_locked(found->line.hash);
    bool whole = accounts_is_password(password);
    const accounts_line *like = usable ? &found->line : &found->model;
    authplug_secret *hash = authplug_secret_new(ACCOUNTS_HASH_MOST);
    authplug_status status = AUTHPLUG_NOMEM;

    if (hash != NULL)
        status = accounts_hash(whole ? password : authplug_span_of("x"),
                               like->hash, hash);
    if (status == AUTHPLUG_OK)
        *fits = authplug_secret_equal(authplug_secret_span(hash),
                                      like->hash) && usable && whole;
    if (status == AUTHPLUG_VALUE)
        accounts_say("%s:%u: the hash cannot be used: set the password again",
                     file, like->number);
    authplug_secret_free(&hash);
    return status;
}

accounts_answer
accounts_check(const char *file, const char *user, authplug_span password,
               const char **error)
{
    accounts_reader reader = {0};
    record found = {0};
    authplug_status status = AUTHPLUG_NOMEM;
    accounts_answer answer = ACCOUNTS_BROKEN;
    bool fits = false;

    if (accounts_listen())
        status = look_up(file, user, CONF_NOT_READABLE, &reader, &found);
    if (status == AUTHPLUG_OK)
        status = try_password(file, &found, password, &fits);
    if (status != AUTHPLUG_OK)
        *error = accounts_said();
    else if (!fits)
        answer = ACCOUNTS_NO;
    else
        answer = has_expired(&found.line) ? ACCOUNTS_EXPIRED : ACCOUNTS_YES;
    accounts_close(&reader);
    return answer;
}
