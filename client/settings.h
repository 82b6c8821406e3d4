/*
 * client/settings.h - authplug's own configuration: which plugin a host has,
 * and which programs may be started. Without libssh, so that `authplug config`
 * can tell. authplug-config(5) is the file.
 */
#ifndef CLIENT_SETTINGS_H
#define CLIENT_SETTINGS_H

#include "conf/conf.h"

#define SETTINGS_ETC "/etc/authplug/config"
/* what of reasons and messages is kept */
#define SETTINGS_WHY 1024

#define SETTINGS_TIMEOUT_S 120 /* where nobody says */
#define SETTINGS_TIMEOUT_MOST_S 86400

typedef struct settings settings;

/* Where something is said; file is NULL where nothing is. */
typedef struct settings_place {
    const char *file;
    unsigned line;
} settings_place;

/* Whom a login goes to. Patterns may fit either name. */
typedef struct settings_peer {
    const char *given; /* on the command line, an alias perhaps; or NULL */
    const char *name;  /* that it is connected to */
    const char *user;
    uint32_t port;
} settings_peer;

/* What applies to a login. Lives as long as the settings. */
typedef struct settings_found {
    const char *plugin; /* a command line; NULL for none */
    bool batch;
    long timeout; /* in seconds */
    settings_place plugin_at, batch_at, timeout_at;
} settings_found;

/* Files in the order in which they count. */
typedef enum settings_rank {
    SETTINGS_OF_USER,
    SETTINGS_OF_SYSTEM,
    SETTINGS_RANKS
} settings_rank;

/*
 * Reads the user's file and that in /etc, as far as they are there. NULL, and
 * why holds one line, when one of them cannot be read, may be changed by
 * others, or is wrong: nobody knows then what is allowed.
 */
settings *settings_open(char *why, size_t size);

/* The same in parts: nothing yet, and all lines of an open file of this name.
 * NULL, NOMEM; VALUE, and conf_error() tells. */
settings *settings_new(void);
authplug_status settings_read(settings *it, settings_rank rank,
                              const char *name, conf *file);
void settings_free(settings **it);

/* Where nobody says anything, there are the defaults. */
void settings_find(const settings *it, const settings_peer *peer,
                   settings_found *found);

/* ------------------------------------------------------------- AllowPlugins */

/* Whether a file limits what may be started; where it first says so. */
bool settings_limited(const settings *it, settings_rank rank,
                      settings_place *at);

/* The program that is number `which` in its list, NULL beyond the last. */
const char *settings_allowed(const settings *it, settings_rank rank,
                             size_t which, settings_place *at);

/*
 * What is to be started for a command line. Without a list *words is NULL: a
 * shell may have it. With one these are its words, of which the first is an
 * absolute path in every list there is, letter by letter, so that what was
 * looked up is what runs; free() them. OK; REFUSED, NOMEM and why tells.
 */
authplug_status settings_allow(const settings *it, const char *command,
                               char ***words, char *why, size_t size);

#endif
