/*
 * conf/file.h - whole files, read if nobody else can have tampered with them.
 * Internal; not installed.
 */
#ifndef CONF_FILE_H
#define CONF_FILE_H

#include <authplug/secret.h>

#include <stdarg.h>

/* Who else may see or change a file; its owner is us or root. Not checked on
 * Windows, where modes say nothing. */
typedef enum conf_care {
    CONF_NOT_WRITABLE, /* nobody else may change it */
    CONF_NOT_READABLE, /* nor read it */
    CONF_OF_ANYBODY    /* as before, but root takes it from any owner, for whom
                          it is edited; what it says is not to be trusted */
} conf_care;

/*
 * Reads all of the file. Symbolic links are followed, because files of
 * configuration often are some; what counts is the file at their end. OK, and
 * *text is the caller's, with room for one more byte; NOT_FOUND when it is not
 * there, REFUSED for its mode or owner, LENGTH when it has more than `most`
 * bytes, IO when it is no regular file or cannot be read, NOMEM. Unless it is
 * OK why tells, with the path and what to do.
 */
authplug_status file_read(const char *path, conf_care care, size_t most,
                          authplug_secret **text, authplug_secret *why);

/* The path of the user's file of this name, in $XDG_CONFIG_HOME/authplug or
 * else in .config/authplug below home, which may be NULL; the caller's. OK;
 * NOT_FOUND without a home; NOMEM. */
authplug_status file_of_user(const char *name, const char *home, char **path);

/* Appends a message whose bytes are made harmless, for messages that quote
 * paths and files. What does not fit is left out. */
__attribute__((format(printf, 2, 3))) void
file_why(authplug_secret *why, const char *format, ...);
__attribute__((format(printf, 2, 0))) void
file_why_list(authplug_secret *why, const char *format, va_list arguments);

/* The message for a file of more than `most` bytes. */
void file_too_large(authplug_secret *why, const char *path, size_t most);

#endif
