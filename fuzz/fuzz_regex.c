/*
 * Regular expressions: whatever is accepted is accepted by regcomp(), and
 * matches where regexec() says; a text may come whole or byte by byte; groups
 * lie inside the text.
 *
 * Input: the expression up to the first newline, then the text.
 */
#include "fuzz/fuzz.h"

#include "conf/scan.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

/* glibc takes a time that is anything but linear. */
#define EXPRESSION_MOST 100
#define TEXT_MOST 400

/* glibc takes an anchor inside a repetition for true in later repetitions, and
 * one beside a newline for true where it is no line's end. */
static bool is_for_glibc(const char *expression, authplug_span text)
{
    bool anchors = strpbrk(expression, "^$") != NULL;

    return strlen(expression) <= EXPRESSION_MOST && text.len <= TEXT_MOST &&
           !(anchors && strpbrk(expression, "*+?{") != NULL) &&
           !(anchors && authplug_span_has(text, '\n')) &&
           strchr(expression, '{') == strrchr(expression, '{');
}

static void compare(const char *expression, regex_set *set, authplug_span text)
{
    regex_t theirs;
    regmatch_t at = {.rm_so = 0, .rm_eo = (regoff_t)text.len};
    regex_found found;
    char copy[TEXT_MOST + 1]; /* sanitizers want a NUL, REG_STARTEND or not */
    bool matches;

    memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    MUST(regcomp(&theirs, expression, REG_EXTENDED) == 0);
    matches = regexec(&theirs, copy, 1, &at, REG_STARTEND) == 0;
    MUST((regex_set_find(set, text, 0, &found) == AUTHPLUG_OK) == matches);
    MUST(!matches || ((regoff_t)found.at.start == at.rm_so &&
                      (regoff_t)found.at.end == at.rm_eo));
    regfree(&theirs);
}

/* A match of the whole is one that is found between anchors. */
static void match_whole(const char *expression, const regex *it,
                        authplug_span text)
{
    regex_span groups[REGEX_GROUPS];
    authplug_status status = regex_match(it, text, groups);
    char *anchored = malloc(strlen(expression) + 5);
    regex *whole = NULL;
    regex_set *set = NULL;
    regex_fault fault;
    regex_found found;

    MUST(anchored != NULL);
    memcpy(anchored, "^(", 2);
    memcpy(anchored + 2, expression, strlen(expression));
    memcpy(anchored + 2 + strlen(expression), ")$", 3);
    if (status != AUTHPLUG_LIMIT &&
        regex_new(anchored, &whole, &fault) == AUTHPLUG_OK) {
        MUST(regex_set_new((const regex *const *)&whole, 1, &set) ==
             AUTHPLUG_OK);
        MUST(regex_set_find(set, text, 0, &found) == status);
    }
    for (size_t i = 0; status == AUTHPLUG_OK && i < REGEX_GROUPS; i++)
        MUST((groups[i].start == REGEX_UNSET && groups[i].end == REGEX_UNSET) ||
             (groups[i].start <= groups[i].end && groups[i].end <= text.len));
    regex_set_free(&set);
    regex_free(&whole);
    free(anchored);
}

/* How many matches there are, and what they come to. */
static size_t scan_sum(const regex *it, authplug_span text, size_t piece)
{
    scan_rule rules[2] = {{it, true}, {it, false}};
    scan *made = NULL;
    scan_match match;
    size_t sum = 0;

    if (scan_new(rules, 2, &made) == AUTHPLUG_LIMIT) /* twice its states */
        return 0;
    MUST(made != NULL);
    for (size_t at = 0; at < text.len; at += piece) {
        size_t left = text.len - at;
        authplug_span part =
            authplug_span_make(text.data + at, left < piece ? left : piece);
        authplug_status status;

        while ((status = scan_read(made, &part, &match)) == AUTHPLUG_OK) {
            MUST(match.rule == 0 && match.text.len > 0 &&
                 !authplug_span_has(match.text, '\n'));
            sum = sum * 31 + match.text.len;
        }
        MUST(status == AUTHPLUG_NEED_MORE && part.len == 0);
    }
    while (scan_pause(made, true, &match) == AUTHPLUG_OK)
        sum = sum * 31 + match.text.len;
    scan_free(&made);
    return sum;
}

static void use(const char *expression, const regex *it, authplug_span text)
{
    regex_set *set = NULL;

    MUST(regex_set_new((const regex *const *)&it, 1, &set) == AUTHPLUG_OK);
    if (is_for_glibc(expression, text))
        compare(expression, set, text);
    regex_set_free(&set);
    match_whole(expression, it, text);
    if (!regex_takes_nothing(it))
        MUST(scan_sum(it, text, text.len) == scan_sum(it, text, 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    authplug_span text;
    char *expression;
    regex *it = NULL;
    regex_fault fault = {0};
    authplug_status status;

    if (end == NULL || size > 8192)
        return 0;
    text = authplug_span_make(end + 1, size - (size_t)(end + 1 - data));
    expression = malloc((size_t)(end - data) + 1);
    MUST(expression != NULL);
    memcpy(expression, data, (size_t)(end - data));
    expression[end - data] = 0;
    status = regex_new(expression, &it, &fault);
    if (status == AUTHPLUG_OK) {
        use(expression, it, text);
    } else {
        MUST(status == AUTHPLUG_VALUE || status == AUTHPLUG_LIMIT);
        MUST(fault.text != NULL && fault.offset <= strlen(expression));
    }
    regex_free(&it);
    free(expression);
    return 0;
}
