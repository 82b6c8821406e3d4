/*
 * ssh-passwd-plugin: what each of its files offers the others. Internal.
 *
 *   main.c      the options
 *   config.c    passwd_config
 *   login.c     whose password it is: the values of tokens, kept out of logs
 *   dialogue.c  the program in its terminal, answered by the rules
 *   dry_run.c   the same with a transcript in the program's place
 *   debug.c     what -d shows
 */
#ifndef SSH_PASSWD_PLUGIN_H
#define SSH_PASSWD_PLUGIN_H

#include "conf/rules.h"

#include <authplug/tectia_run.h>

#define PROGRAM "ssh-passwd-plugin"

/* As authplug_tectia_run() has them. */
enum { RAN_YES = 0, RAN_NO = 1, RAN_MISUSE = 2, RAN_BROKEN = 111 };

/* ---------------------------------------------------------------- config.c */

typedef struct passwd_config {
    char *file; /* where it was read */
    rules *rules;
    scan *output; /* the rules, ready for a program's output */
    template_words *program; /* PasswdPath, or NULL */
    bool success_from_exit;
    long data_timeout; /* seconds */
} passwd_config;

/*
 * Reads the file; without a path the first of the usual places that is there.
 * NULL, and error then holds one line that says why; it may hold a warning
 * otherwise.
 */
passwd_config *config_read(const char *path, char *error, size_t size);
void config_free(passwd_config **config);

/* Where the file names no program: SSH2_PASSWD_PATH, else the system's passwd.
 * False after writing why. */
bool config_find_program(passwd_config *config, char *error, size_t size);

/* ----------------------------------------------------------------- login.c */

/* Whose password is changed; a value that was not given is empty. */
typedef struct login {
    const char *user, *old, *new;
} login;

/* For template_expand(), with a const login as the context: NOT_FOUND when a
 * value was not given. */
authplug_status login_value(void *context, const char *name,
                            const char *argument, authplug_secret *out);

/* Appends text as it may be shown: harmless, and with the names of tokens where
 * the passwords were. */
/* How much of the text's start is the end of a password, where its beginning
 * may have been cut off. */
size_t login_suffix(const login *of, authplug_span text);

authplug_status login_mask(const login *of, authplug_span text,
                           authplug_secret *out);

/* -------------------------------------------------------------- dialogue.c */

/* Changes the password; false after refusing, with a reason. */
bool dialogue_run(const passwd_config *config,
                  authplug_tectia_session *session);

/* --------------------------------------------------------------- dry_run.c */

/* Prints which rule each piece of the transcript would match. What main() is
 * to return. */
int dry_run(const passwd_config *config, const char *path);

/* ----------------------------------------------------------------- debug.c */

enum { DEBUG_STEPS = 3, DEBUG_DATA = 9 };

/* [MODULE=]LEVEL, several with commas between. False when it is none; nothing
 * is shown then. */
bool debug_set(const char *levels);
bool debug_is(int level);

/* A line on standard error, if this level is to be shown. */
__attribute__((format(printf, 2, 3))) void debug_say(int level,
                                                     const char *format, ...);

#endif
