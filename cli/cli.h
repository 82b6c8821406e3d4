/* The subcommands of authplug: one file each, argv[0] being its name. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <authplug/base.h>

/* Exit statuses: accepted, rejected, misuse, could not decide. */
enum { CLI_YES = 0, CLI_NO = 1, CLI_MISUSE = 2, CLI_BROKEN = 111 };

/* The text of an option, whose "\n" becomes a line end in its place. */
authplug_span cli_lines(char *text);

int cli_answer(int argc, char **argv);
int cli_askpass(int argc, char **argv);
int cli_config(int argc, char **argv);
int cli_no_connection(int argc, char **argv);
int cli_try(int argc, char **argv);

#endif
