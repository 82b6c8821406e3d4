/*
 * conf/patterns.h - whom the blocks of a file are about: patterns of hosts and
 * of users. Internal; not installed.
 *
 * '*' is any text, '?' any byte. A host's pattern may have a port behind it,
 * "name:22", "[::1]:22", and is about that port only; "name:*" is about all.
 * Letters of ASCII match in either case there.
 */
#ifndef CONF_PATTERNS_H
#define CONF_PATTERNS_H

#include <authplug/base.h>

/* Whether the pattern is all of the text, byte by byte. */
bool pattern_fits(const char *pattern, const char *text);

/*
 * Whether one of the patterns is about one of the host's names, and none that
 * begins with '!' is about any of them. Both lists end with NULL.
 */
bool patterns_fit_host(char *const *patterns, const char *const *names,
                       uint32_t port);

#endif
