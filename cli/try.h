/* What the two halves of authplug try share: a fake client, a fake server. */
#ifndef CLI_TRY_H
#define CLI_TRY_H

#include "cli/cli.h"

#include <authplug/base.h>

#define TRY "authplug try"

/* argv[0] is the protocol's word. */
int try_putty(int argc, char **argv);
int try_server(int argc, char **argv);

/* Their options, in the order of `authplug try --help`. */
extern const char try_putty_help[], try_server_help[];

/* Prints the texts, ended by NULL, and where to read on; CLI_YES. */
int try_help(const char *const texts[]);

/* Says what is wrong with the command line; CLI_MISUSE. */
int try_misuse(const char *what, const char *word);

/* A decimal number from 1 to most. */
bool try_number(const char *text, long most, long *value);

/* A line of the transcript; text in quotes, and harmless. */
void try_line(const char *before, authplug_span text, const char *after);

/* A line of the plugin's standard error, marked; for the hosts. */
void try_stderr(void *context, authplug_span text);

#endif
