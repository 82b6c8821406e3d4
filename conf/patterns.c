/* Patterns of hosts and of users. */
#include "conf/patterns.h"

#include <string.h>

static bool
is_same(char a, char b, bool any_case)
{
    if (any_case && a >= 'A' && a <= 'Z')
        a = (char)(a - 'A' + 'a');
    if (any_case && b >= 'A' && b <= 'Z')
        b = (char)(b - 'A' + 'a');
    return a == b;
}

/* '*' and '?' in a pattern of len bytes. The last '*' is all that is ever gone
 * back to. */
static bool
fits(const char *pattern, size_t len, const char *text, bool any_case)
{
    size_t at = 0, star = SIZE_MAX;
    const char *back = NULL;

    while (*text != 0) {
        if (at < len && pattern[at] == '*') {
            star = ++at;
            back = text;
        } else if (at < len && (pattern[at] == '?' ||
                                is_same(pattern[at], *text, any_case))) {
            at++;
            text++;
        } else if (star != SIZE_MAX) {
            at = star;
            text = ++back;
        } else {
            return false;
        }
    }
    while (at < len && pattern[at] == '*')
        at++;
    return at == len;
}

bool
pattern_fits(const char *pattern, const char *text)
{
    return fits(pattern, strlen(pattern), text, false);
}

/* The port behind a pattern: "name:22", "[::1]:22", but not "::1". */
static bool
takes_port(const char *pattern, size_t *len, uint32_t port)
{
    const char *colon = strrchr(pattern, ':');
    unsigned long number = 0;

    *len = strlen(pattern);
    if (colon == NULL ||
        (pattern[0] != '[' &&
         memchr(pattern, ':', (size_t)(colon - pattern))) ||
        (pattern[0] == '[' && (colon == pattern || colon[-1] != ']')))
        return true;
    *len = (size_t)(colon - pattern);
    if (strcmp(colon + 1, "*") == 0)
        return true;
    for (const char *at = colon + 1; *at != 0; at++) {
        if (*at < '0' || *at > '9' || number > 65535)
            return false;
        number = number * 10 + (unsigned long)(*at - '0');
    }
    return colon[1] != 0 && number == port;
}

static bool
fits_host(const char *pattern, const char *const *names, uint32_t port)
{
    size_t len;

    if (!takes_port(pattern, &len, port))
        return false;
    if (len >= 2 && pattern[0] == '[' && pattern[len - 1] == ']') {
        pattern++;
        len -= 2;
    }
    for (; *names != NULL; names++)
        if (fits(pattern, len, *names, true))
            return true;
    return false;
}

bool
patterns_fit_host(char *const *patterns, const char *const *names,
                  uint32_t port)
{
    bool here = false;

    for (; *patterns != NULL; patterns++) {
        bool against = **patterns == '!';
        bool about = fits_host(*patterns + against, names, port);

        if (against && about)
            return false;
        here = here || about;
    }
    return here;
}
