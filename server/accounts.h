/*
 * server/accounts.h - serve's password file. Internal.
 *
 * Lines of NAME:HASH:CHANGED:MAXDAYS, as in shadow(5) but for what is left out:
 * HASH is crypt(5)'s, or starts with '!' or is empty for no password that would
 * fit; CHANGED is the day of the last change since 1970-01-01 (0: must change
 * now), MAXDAYS the days until it expires, empty for never. '#' begins a
 * comment line. The file is 0600 and its owner's. It is replaced as a whole,
 * under a lock of its own file "FILE.lock", so that a reader needs none.
 */
#ifndef SERVER_ACCOUNTS_H
#define SERVER_ACCOUNTS_H

#include <authplug/secret.h>

typedef enum accounts_answer {
    ACCOUNTS_NO,      /* wrong, unknown, locked: the caller cannot tell */
    ACCOUNTS_YES,
    ACCOUNTS_EXPIRED, /* the password is right, and must be changed */
    ACCOUNTS_BROKEN   /* the file cannot be used; *error says why */
} accounts_answer;

/*
 * Checks a password. An unknown user costs as much time as a known one: a hash
 * of the same kind and cost is computed. *error is static or lives until the
 * next call, and is set for BROKEN.
 */
accounts_answer accounts_check(const char *file, const char *user,
                               authplug_span password, const char **error);

/*
 * Replaces the password, dates it to today, keeps the rest. OK; NOT_FOUND when
 * there is no such user (and create is false); TIMEOUT when somebody held the
 * lock for ten seconds; VALUE when name or password cannot be stored (empty, a
 * NUL, a CR or LF, a colon in the name); IO, REFUSED (mode, owner), NOMEM.
 */
authplug_status accounts_set(const char *file, const char *user,
                             authplug_span password, bool create,
                             const char **error);

#endif
