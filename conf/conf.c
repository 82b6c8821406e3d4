/* The reader of configuration files: "Keyword value" lines. */
#include "conf/conf.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MOST ((size_t)1 << 20)
#define LINE_MOST 8192
#define ERROR_MOST 8192

struct conf {
    char *name;
    authplug_secret *text;  /* a NUL follows; lines are cut inside it */
    char *at, *end;         /* what of it was not read yet */
    unsigned number;        /* of the line before that */
    authplug_secret *error; /* the complaint, if there is one */
    bool wrong;
    bool meta; /* in metaconfiguration */
};

/* --------------------------------------------------------------- complaints */

__attribute__((format(printf, 3, 0))) static void
complain(conf *file, unsigned number, const char *format, va_list arguments)
{
    if (file->wrong)
        return;
    file->wrong = true;
    file_why(file->error, "%s:%u: ", file->name, number);
    file_why_list(file->error, format, arguments);
}

void
conf_wrong(conf *file, const conf_line *line, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    complain(file, line->number, format, arguments);
    va_end(arguments);
}

/* The same of the line that is being read. */
__attribute__((format(printf, 2, 3))) static authplug_status
bad(conf *file, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    complain(file, file->number, format, arguments);
    va_end(arguments);
    return AUTHPLUG_VALUE;
}

const char *
conf_error(const conf *file)
{
    const char *text;

    if (!file->wrong)
        return "";
    text = authplug_secret_text(file->error);
    return text == NULL || *text == 0 ? authplug_status_text(AUTHPLUG_NOMEM)
                                      : text;
}

/* ------------------------------------------------------------ begin and end */

void
conf_free(conf **file)
{
    if (file == NULL || *file == NULL)
        return;
    authplug_secret_free(&(*file)->text);
    authplug_secret_free(&(*file)->error);
    free((*file)->name);
    free(*file);
    *file = NULL;
}

static conf *
make(const char *name)
{
    conf *file = calloc(1, sizeof *file);
    size_t size = strlen(name) + 1;

    if (file == NULL)
        return NULL;
    file->error = authplug_secret_new(ERROR_MOST);
    file->name = malloc(size);
    if (file->error == NULL || file->name == NULL) {
        conf_free(&file);
        return NULL;
    }
    memcpy(file->name, name, size);
    return file;
}

/* Makes the text ready to be read; takes it over. */
static authplug_status
take(conf *file, authplug_secret *text)
{
    size_t len = authplug_secret_len(text);

    file->text = text;
    if (authplug_secret_append(text, "", 1) != AUTHPLUG_OK)
        return AUTHPLUG_NOMEM;
    /* lines are cut where they lie, so that they are wiped with the rest */
    file->at = (char *)authplug_secret_span(text).data;
    file->end = file->at + len;
    /* what some editors begin UTF-8 with */
    if (len >= 3 && memcmp(file->at, "\xef\xbb\xbf", 3) == 0)
        file->at += 3;
    return AUTHPLUG_OK;
}

/* Gives the file away; without memory there is none that could complain. */
static authplug_status
give(conf *made, authplug_status status, conf **file)
{
    made->wrong = status != AUTHPLUG_OK;
    if (status == AUTHPLUG_NOMEM)
        conf_free(&made);
    else
        *file = made;
    return status;
}

authplug_status
conf_open(const char *path, conf_care care, conf **file)
{
    authplug_secret *text = NULL;
    conf *made = make(path);
    authplug_status status;

    if (made == NULL)
        return AUTHPLUG_NOMEM;
    status = file_read(path, care, FILE_MOST, &text, made->error);
    if (status == AUTHPLUG_OK)
        status = take(made, text);
    return give(made, status, file);
}

authplug_status
conf_parse(const char *name, authplug_span text, conf **file)
{
    authplug_secret *copy;
    conf *made = make(name);

    if (made == NULL)
        return AUTHPLUG_NOMEM;
    if (text.len > FILE_MOST) {
        file_too_large(made->error, name, FILE_MOST);
        return give(made, AUTHPLUG_LENGTH, file);
    }
    copy = authplug_secret_new(FILE_MOST + 1);
    if (copy == NULL ||
        authplug_secret_append(copy, text.data, text.len) != AUTHPLUG_OK) {
        authplug_secret_free(&copy);
        return give(made, AUTHPLUG_NOMEM, file);
    }
    return give(made, take(made, copy), file);
}

/* -------------------------------------------------------------------- lines */

static bool
is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static char *
skip_blanks(char *at)
{
    while (is_blank(*at))
        at++;
    return at;
}

/* The next line, ended by a NUL, without the blanks around it. */
static authplug_status
cut_line(conf *file, char **line)
{
    char *start = file->at, *end;
    size_t left = (size_t)(file->end - start);

    if (left == 0)
        return AUTHPLUG_NEED_MORE;
    file->number++;
    end = memchr(start, '\n', left);
    file->at = end != NULL ? end + 1 : file->end;
    if ((size_t)(file->at - start) > LINE_MOST)
        return bad(file, "the line is too long: at most %d bytes were expected",
                   LINE_MOST);
    if (end == NULL)
        end = file->end;
    else if (end > start && end[-1] == '\r')
        end--;
    if (memchr(start, 0, (size_t)(end - start)) != NULL)
        return bad(file, "a NUL in the line: text was expected");
    if (memchr(start, '\r', (size_t)(end - start)) != NULL)
        return bad(file, "a carriage return in the line: lines that end with "
                         "LF or CR LF were expected");
    while (end > start && is_blank(end[-1]))
        end--;
    *end = 0;
    *line = skip_blanks(start);
    return AUTHPLUG_OK;
}

static bool
is_keyword_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') ||
           (byte != 0 && strchr(".-_", byte) != NULL);
}

/* Takes the quotes off a value, which is all that stands at `at`. */
static authplug_status
unquote(conf *file, char *at, conf_line *line)
{
    char *end = strchr(at + 1, '"');

    if (end == NULL)
        return bad(file, "the quotes are not closed: a '\"' was expected at "
                         "the end");
    if (end[1] != 0)
        return bad(file, "something follows the closing quote: quotes around "
                         "all of the value were expected, with none inside");
    *end = 0;
    line->value = at + 1;
    line->quoted = true;
    return AUTHPLUG_OK;
}

static authplug_status
read_setting(conf *file, char *text, conf_line *line)
{
    char *at = text, *value;

    if (text[strlen(text) - 1] == ':')
        return bad(file, "the line ends in a colon, as a section pattern does: "
                         "a setting was expected, with its value in double "
                         "quotes if the colon belongs to it");
    while (is_keyword_byte(*at))
        at++;
    if (at == text || (*at != 0 && *at != '=' && !is_blank(*at)))
        return bad(file, "no keyword: letters, digits, '.', '-' and '_' were "
                         "expected, then a blank and the value");
    value = skip_blanks(at);
    if (*value == '=')
        value = skip_blanks(value + 1);
    *at = 0;
    line->keyword = text;
    line->value = value;
    line->quoted = false;
    line->number = file->number;
    return *value == '"' ? unquote(file, value, line) : AUTHPLUG_OK;
}

/* -------------------------------------------------------- metaconfiguration */

static bool
same_letter(char a, char b)
{
    if (a >= 'A' && a <= 'Z')
        a = (char)(a - 'A' + 'a');
    if (b >= 'A' && b <= 'Z')
        b = (char)(b - 'A' + 'a');
    return a == b;
}

/* What follows these words, which are in any case and any blanks apart. */
static const char *
after(const char *text, const char *words)
{
    for (; *words != 0; words++) {
        if (*words == ' ' && is_blank(*text)) {
            while (is_blank(*text))
                text++;
        } else if (!same_letter(*text++, *words)) {
            return NULL;
        }
    }
    return text;
}

/* A comment, which may be metaconfiguration where the file begins. */
static authplug_status
read_comment(conf *file, const char *text)
{
    const char *value;

    if ((value = after(text, "## SSH CONFIGURATION FILE FORMAT VERSION ")) !=
            NULL && file->number == 1) {
        file->meta = true;
        return strcmp(value, "1.1") == 0
                   ? AUTHPLUG_OK
                   : bad(file, "the format's version: 1.1 was expected");
    }
    if (!file->meta)
        return after(text, "## SSH CONFIGURATION FILE FORMAT VERSION ") !=
                           NULL ||
                       after(text, "## REGEX-SYNTAX ") != NULL
                   ? bad(file, "metaconfiguration: it was expected to begin "
                               "in the first line")
                   : AUTHPLUG_OK;
    if ((value = after(text, "## REGEX-SYNTAX ")) != NULL) {
        value = after(value, "egrep");
        return value != NULL && *value == 0
                   ? AUTHPLUG_OK
                   : bad(file, "another syntax of regular expressions: egrep "
                               "was expected");
    }
    value = after(text, "## END OF METACONFIG");
    if (value == NULL || *value != 0)
        return bad(file, "the metaconfiguration has no end: '## END OF "
                         "METACONFIG' was expected");
    file->meta = false;
    return AUTHPLUG_OK;
}

authplug_status
conf_next(conf *file, conf_line *line)
{
    authplug_status status = file->wrong ? AUTHPLUG_VALUE : AUTHPLUG_OK;
    char *text = NULL;

    while (status == AUTHPLUG_OK) {
        status = cut_line(file, &text);
        if (status == AUTHPLUG_OK && (*text == '#' || file->meta))
            status = read_comment(file, text);
        else if (status == AUTHPLUG_OK && *text != 0)
            return read_setting(file, text, line);
    }
    if (status == AUTHPLUG_NEED_MORE && file->meta)
        status = read_comment(file, "");
    return status;
}

/* ------------------------------------------------------------------- values */

bool
conf_is(const conf_line *line, const char *keyword)
{
    const char *rest = after(line->keyword, keyword);

    return rest != NULL && *rest == 0;
}

static bool
to_number(const char *text, long *value)
{
    bool minus = *text == '-';
    long number = 0;

    text += minus;
    if (*text == 0)
        return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (number > (LONG_MAX - (*text - '0')) / 10)
            return false;
        number = number * 10 + (*text - '0');
    }
    *value = minus ? -number : number;
    return *text == 0;
}

bool
conf_number(conf *file, const conf_line *line, long least, long most,
            long *value)
{
    long number;

    if (!to_number(line->value, &number) || number < least || number > most) {
        conf_wrong(file, line, "%s: a number from %ld to %ld was expected",
                   line->keyword, least, most);
        return false;
    }
    *value = number;
    return true;
}

bool
conf_boolean(conf *file, const conf_line *line, bool *value)
{
    const char *yes = after(line->value, "yes");
    const char *no = after(line->value, "no");

    if (yes != NULL && *yes == 0) {
        *value = true;
    } else if (no != NULL && *no == 0) {
        *value = false;
    } else {
        conf_wrong(file, line, "%s: yes or no was expected", line->keyword);
        return false;
    }
    return true;
}

static size_t
word(const char **at)
{
    *at += strspn(*at, " \t,");
    return strcspn(*at, " \t,");
}

char **
conf_list(const conf_line *line, size_t *count)
{
    const char *at = line->value;
    size_t words = 0, bytes = 0, len;
    char **list, *to;

    for (; (len = word(&at)) > 0; at += len) {
        words++;
        bytes += len + 1;
    }
    list = malloc((words + 1) * sizeof *list + bytes);
    if (list == NULL)
        return NULL;
    *count = words;
    to = (char *)(list + words + 1);
    at = line->value;
    for (char **item = list; (len = word(&at)) > 0; at += len) {
        *item++ = to;
        memcpy(to, at, len);
        to[len] = 0;
        to += len + 1;
    }
    list[words] = NULL;
    return list;
}
