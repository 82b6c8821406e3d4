/* authplug no-connection: the ProxyCommand beside `authplug connect`. */
#define _GNU_SOURCE
#include "cli/cli.h"

#include "client/above.h"
#include "client/words.h"
#include "io/io.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: authplug no-connection\n"
    "\n"
    "Says why ssh goes no further, and fails. It is the ProxyCommand for\n"
    "hosts that authplug connect makes the connection to: without it ssh\n"
    "would log in by itself, which is a second dialogue.\n"
    "\n"
    "Exit status: 111.\n"
    "More: man authplug-connect\n";

static void
tell(void)
{
    above asker;
    const char *alone =
        above_find(&asker) ? words_alone(asker.count, asker.words) : NULL;

    if (alone != NULL)
        io_say("authplug no-connection",
               "with %s ssh shares no connection, and a login of its own would "
               "ask again: leave it out, or add -o ProxyCommand=none to have "
               "ssh log in",
               alone);
    else
        io_say("authplug no-connection",
               "ssh has no connection to share, and a login of its own would "
               "ask again: see the line above, or run 'authplug connect' by "
               "hand");
    above_free(&asker);
}

int
cli_no_connection(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) < 0 ? CLI_BROKEN : CLI_YES;
    if (argc > 1) {
        io_say("authplug no-connection",
               "this word is one too many: %s: see 'authplug no-connection "
               "--help'",
               argv[1]);
        return CLI_MISUSE;
    }
    tell();
    return CLI_BROKEN;
}
