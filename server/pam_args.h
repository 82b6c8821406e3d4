/*
 * server/pam_args.h - what a line of pam.d tells pam_authplug. Internal; knows
 * nothing of PAM.
 */
#ifndef SERVER_PAM_ARGS_H
#define SERVER_PAM_ARGS_H

#include <authplug/base.h>

#include "conf/conf.h"

typedef enum pamargs_type {
    PAMARGS_AUTH,
    PAMARGS_ACCOUNT,
    PAMARGS_PASSWORD
} pamargs_type;

typedef struct pamargs {
    const char *plugin;          /* the command, as it was given */
    char **words;                /* its words; NULL where a shell takes it */
    const char *user;            /* whom it runs as; NULL: by the type */
    const char *passwd_path;     /* PasswdPath, or NULL */
    const char *config;          /* the file, or NULL */
    long timeout_ms, min_time_ms, retries;
    bool debug, shell, remember; /* with `remember` there is no plugin */
    conf *file;                  /* keeps what was read from it */
    char error[512];
} pamargs;

/*
 * Takes the arguments, then the file that they name, then the defaults: what
 * comes first, stays. False when anything is unknown, malformed, missing or
 * given twice; error says what. The arguments must outlive args, which is to
 * be freed in any case.
 */
bool pamargs_parse(pamargs *args, pamargs_type type, int argc,
                   const char *const *argv);
void pamargs_free(pamargs *args);

#endif
