/* What the lines that say whom a block is about may not say: patterns that no
 * login can have would leave its rules unused, and nobody would be told. */
#include "answer.h"

#include <stdlib.h>
#include <string.h>

static const char *
port_fault(const char *port)
{
    size_t digits = strspn(port, "0123456789");
    unsigned long number = strtoul(port, NULL, 10);

    if (*port == 0)
        return "no port behind the colon: NAME:PORT, without blanks, was "
               "expected";
    if (strcmp(port, "*") == 0 ||
        (port[digits] == 0 && number >= 1 && number <= 65535))
        return NULL;
    return "what stands behind the colon is no port: a number from 1 to 65535, "
           "or *, was expected";
}

/* [ADDRESS] or [ADDRESS]:PORT; *name is what is between the brackets. */
static const char *
cut_brackets(const char **name, size_t *len, const char **port)
{
    const char *end = strchr(*name, ']');

    if (end == NULL || (end[1] != 0 && end[1] != ':'))
        return "brackets belong around an address: [ADDRESS], or "
               "[ADDRESS]:PORT, was expected";
    ++*name;
    *len = (size_t)(end - *name);
    *port = end[1] == ':' ? end + 2 : NULL;
    return NULL;
}

/* Several colons are those of an address; what stands behind its '%' is the
 * name of an interface. */
static bool
is_address(const char *name, size_t len)
{
    size_t known = strspn(name, "0123456789abcdefABCDEF:.*?");

    return known >= len || name[known] == '%';
}

static const char *
pattern_fault(const char *name)
{
    const char *port = NULL, *colon, *fault = NULL;
    size_t len;

    name += *name == '!';
    len = strlen(name);
    colon = strchr(name, ':');
    if (*name == '[') {
        fault = cut_brackets(&name, &len, &port);
    } else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
        len = (size_t)(colon - name);
        port = colon + 1;
    } else if (colon != NULL && !is_address(name, len)) {
        fault = "several colons, and no address: NAME:PORT was expected";
    }
    if (fault != NULL)
        return fault;
    if (len == 0)
        return "no name: NAME, or NAME:PORT, without blanks in it, was "
               "expected";
    if (memchr(name, '@', len) != NULL)
        return "a user is none of a host's name: the line User was expected "
               "for one, and the host's name here";
    if (strcspn(name, "/[]!") < len)
        return "a host's name holds no '/', '[', ']' or '!': a name, with * "
               "and ?, was expected";
    return port != NULL ? port_fault(port) : NULL;
}

const char *
hosts_fault(char *const *patterns, const char **which)
{
    bool any = false;

    for (; *patterns != NULL; patterns++) {
        const char *fault = pattern_fault(*patterns);

        *which = *patterns;
        if (fault != NULL)
            return fault;
        any = any || **patterns != '!';
    }
    return any ? NULL
               : "a '!' takes hosts out of those that other patterns are "
                 "about: one without it, such as *, was expected as well";
}

const char *
user_fault(const char *name, bool quoted)
{
    for (const char *at = name; *at != 0; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return "a control character, which no name has: one without it "
                   "was expected";
    if (!quoted && (strpbrk(name, " ,") != NULL || *name == '!'))
        return "several words or a '!' have no meaning here: one name was "
               "expected, in double quotes if it is one that has a blank, a "
               "comma or a '!'";
    return NULL;
}
