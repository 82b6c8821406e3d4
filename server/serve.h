/*
 * server/serve.h - `authplug serve`, an SSH server for tests, demos and
 * development whose questions come from plugins. Internal.
 *
 *   serve_config.c   the configuration: Tectia's keywords
 *   serve_passwd.c   the program that changes passwords
 *   serve_hostkey.c  host keys
 *   serve_listen.c   the addresses it listens on
 *   serve_children.c a process for each connection
 *
 * and in such a process (serve_connection.h has what these offer each other):
 *
 *   serve_connection.c  from the key exchange to the sessions
 *   serve_bounds.c      its time and memory
 *   serve_tap.c         the exact bytes of requests
 *   serve_request.c     requests, one by one
 *   serve_auth.c        which methods have passed, and which may follow
 *   serve_changereq.c   changes of the password in the method `password`
 *   serve_change.c      what becomes of a new password
 *   serve_kbdint.c      keyboard-interactive and its submethods
 *   serve_ask.c         a round of questions
 *   serve_plugin.c      conversations with plugins
 *   serve_hangup.c      the client goes away meanwhile
 *   serve_log.c         what was decided
 */
#ifndef SERVER_SERVE_H
#define SERVER_SERVE_H

#include "conf/conf.h"

#include <libssh/libssh.h>

#define SERVE_PROGRAM "authplug serve"

/* ----------------------------------------------------- serve_config.c */

/* Methods of authentication, as bits. */
enum { SERVE_KBDINT = 1, SERVE_PASSWORD = 2 };

typedef enum serve_submethod {
    SERVE_SUB_PLUGIN,
    SERVE_SUB_PASSWORD,
    SERVE_SUB_COUNT
} serve_submethod;

typedef struct serve_submethods {
    serve_submethod of[SERVE_SUB_COUNT];
    size_t count;
} serve_submethods;

#define SERVE_TEXTS 8

typedef struct serve_texts {
    const char *of[SERVE_TEXTS];
    size_t count;
} serve_texts;

/* Texts are NULL where nothing was given. */
typedef struct serve_config {
    conf *file; /* which the texts are in */
    long port;  /* 0: any that is free */
    serve_texts listen, host_keys;
    long grace, failure_delay; /* seconds */
    unsigned allowed, required;
    long password_guesses, kbdint_retries, optional_needed;
    serve_submethods sub_required, sub_optional;
    const char *kbdint_plugin, *authorization, *change_plugin;
    const char *password_file;
    const char *passwd_path; /* there is one where there is a password file */
    char *passwd_made;       /* that one, where the file says nothing */
} serve_config;

/* False after saying why. */
bool serve_config_load(serve_config *config, const char *path);
void serve_config_free(serve_config *config);

/* Whether it is an IPv4 or IPv6 address in numbers. */
bool serve_is_address(const char *text);

/* ---------------------------------------------------- serve_passwd.c */

/* What is wrong with a value of PasswdPath, or NULL. */
const char *passwd_fault(const char *value);

/* The value of PasswdPath that runs `authplug passwd` on a password file; NULL
 * when memory ran out, or nobody can tell where the file is. To be freed. */
char *passwd_default(const char *file);

/* The command line for a shell that changes this user's password; NULL when
 * memory ran out. To be freed. */
char *passwd_command(const char *value, const char *user);

/* ---------------------------------------------------- serve_hostkey.c */

typedef struct serve_keys {
    ssh_key of[SERVE_TEXTS];
    size_t count;
} serve_keys;

/* Reads the keys, or makes one for this run. False after saying why. */
bool serve_keys_load(serve_keys *keys, const serve_config *config);
/* Prints "host key TYPE SHA256:..." for each. False after saying why. */
bool serve_keys_print(const serve_keys *keys);
void serve_keys_free(serve_keys *keys);

/* ----------------------------------------------------- serve_listen.c */

typedef struct serve_listeners {
    int of[SERVE_TEXTS];
    size_t count;
} serve_listeners;

/* Listens, and prints "listening on ADDRESS port N: ..." for each address.
 * False after saying why. */
bool serve_listen(serve_listeners *listeners, const serve_config *config);
void serve_listen_end(serve_listeners *listeners);

/* --------------------------------------------------- serve_children.c */

/*
 * Serves until a signal comes; then ends every connection. Closes the
 * listeners. Gives 0, or 1 after saying why.
 */
int serve_children(const serve_config *config, const serve_keys *keys,
                   serve_listeners *listeners);

#endif
