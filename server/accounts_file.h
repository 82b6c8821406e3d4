/*
 * server/accounts_file.h - what accounts.c and accounts_change.c share: the
 * lines of the password file, hashes, and what is said about them. Internal.
 */
#ifndef SERVER_ACCOUNTS_FILE_H
#define SERVER_ACCOUNTS_FILE_H

#include "conf/file.h"
#include "server/accounts.h"

#define ACCOUNTS_FILE_MOST ((size_t)4 << 20)
#define ACCOUNTS_NAME_MOST 255
#define ACCOUNTS_HASH_MOST 384 /* libcrypt's own bound, its NUL included */

typedef struct accounts_line {
    authplug_span all;     /* with its newline, if it has one */
    authplug_span name;    /* empty for a comment */
    authplug_span hash;
    long changed, maxdays; /* -1 where empty */
    unsigned number;       /* in the file, from 1 */
} accounts_line;

/* A file that is being read. */
typedef struct accounts_reader {
    authplug_secret *text;
    size_t at;
    unsigned number; /* of the line */
} accounts_reader;

/* Says why, for the next accounts_said(). */
__attribute__((format(printf, 1, 2))) void
accounts_say(const char *format, ...);
const char *accounts_said(void);
/* Forgets what was said before; false when out of memory. */
bool accounts_listen(void);

/* What is said of a user who is not there, and of one who is there twice;
 * they give NOT_FOUND and IO. */
authplug_status accounts_unknown(const char *file);
authplug_status accounts_twice(const char *file, unsigned number);

/* NOT_FOUND, REFUSED, LENGTH, IO, NOMEM, and says why. */
authplug_status accounts_open(const char *file, conf_care care,
                              accounts_reader *reader);
void accounts_close(accounts_reader *reader);

/* The next line, comments included. OK, NEED_MORE at the end, IO for a line
 * that is none, and says why. */
authplug_status accounts_next(const char *file, accounts_reader *reader,
                              accounts_line *line);

/* Whether a name can stand in the file: OK, or VALUE, and says why. */
authplug_status accounts_check_name(const char *name);

/* Days since 1970-01-01. */
long accounts_today(void);

/* Whether crypt() takes it whole: not empty, no NUL, not too long. */
bool accounts_is_password(authplug_span password);

/* crypt(): appends the hash of such a password; setting is another hash, or
 * empty for the best method that libcrypt has. VALUE when it is none; NOMEM. */
authplug_status accounts_hash(authplug_span password, authplug_span setting,
                              authplug_secret *hash);

#endif
