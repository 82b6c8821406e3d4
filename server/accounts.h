/*
 * server/accounts.h - serve's password file. Internal.
 *
 * Lines of NAME:HASH:CHANGED:MAXDAYS, as in shadow(5) but for what is left out:
 * HASH is crypt(5)'s, or begins with '!' or '*' or is empty for no password
 * that would fit; CHANGED is the day of the last change since 1970-01-01 (0:
 * must be changed now), MAXDAYS the days until it expires, empty for never;
 * where CHANGED is empty MAXDAYS is, too. '#' begins a comment line; lines may
 * be empty. A line that is none of this makes all of the file unusable, so that
 * no slip of the pen lets anybody in. The file is a regular one of at most
 * 4 MiB, 0600, ours or root's; root changes anybody's, which stays theirs.
 *
 * The file is replaced as a whole, under a lock of its own file "FILE.lock", so
 * that a reader needs none. Comments and other lines stay byte for byte.
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
 * of the same kind and cost is computed, of the file's first account that has
 * one. An empty password is wrong, and so is one with a NUL.
 *
 * *error, here and below, lives until the next call, is harmless for a terminal
 * that shows UTF-8, names the file, and is set where there is something to say:
 * for BROKEN, or any status but OK.
 */
accounts_answer accounts_check(const char *file, const char *user,
                               authplug_span password, const char **error);

/* Whether there is such a user: OK, NOT_FOUND, VALUE where there cannot be one.
 * REFUSED (mode, owner), NOMEM, LENGTH, IO (no such file; a line that is none).
 * For administrators: what it says is not for those who log in. */
authplug_status accounts_find(const char *file, const char *user,
                              const char **error);

/* Whether passwords can be checked: OK, NOT_FOUND (no such file), REFUSED,
 * NOMEM, LENGTH, IO, as above. */
authplug_status accounts_usable(const char *file, const char **error);

/* Bytes of the longest password. */
#define ACCOUNTS_PASSWORD_MOST 511

#define ACCOUNTS_NEVER (-1L)
#define ACCOUNTS_MAXDAYS 99999L

/* What is to be changed of a line; the rest of it stays. */
typedef struct accounts_edit {
    authplug_span password; /* dated to today; empty: it stays */
    authplug_span current;  /* what it must still be now; empty: anything */
    bool create;            /* adds the user; makes the file if there is none */
    bool expire;            /* it must be changed at the next login */
    const long *maxdays;    /* 0 to ACCOUNTS_MAXDAYS, ACCOUNTS_NEVER, or NULL */
    int64_t patience;       /* ms to wait for the lock; 0: ten seconds */
} accounts_edit;

/*
 * Edits a user's line. OK; NOT_FOUND when there is no such user; STATE when the
 * user to be created is there already, or the current password is another one;
 * TIMEOUT when somebody held the lock all the time; VALUE when name or password
 * cannot be stored (empty, too long, a NUL, CR or LF in it, a control character
 * or colon in the name, '#' before it); CANCELLED by a signal while it waited;
 * REFUSED (mode, owner), LENGTH, NOMEM, IO. Whatever goes wrong, the file is
 * the old one or the new one, and nothing beside it holds up the next edit.
 */
authplug_status accounts_change(const char *file, const char *user,
                                const accounts_edit *edit, const char **error);

/* Before a file is made: whether there is a folder for it. OK, IO, NOMEM. */
authplug_status accounts_folder(const char *file, const char **error);

/* The same as accounts_change(), for a password alone. */
authplug_status accounts_set(const char *file, const char *user,
                             authplug_span password, bool create,
                             const char **error);

#endif
