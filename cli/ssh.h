/* What the two commands of the program authplug-ssh share. */
#ifndef CLI_SSH_H
#define CLI_SSH_H

#include "client/client.h"
#include "client/standing.h"

enum { EXIT_GOOD = 0, EXIT_FAILED = 255 };

extern const char connect_help[];

/* `authplug connect`: gives the exit status. */
int connect_run(ssh_args *args);

/*
 * The end of a login that was begun with io_signals_begin(): what it held is
 * let go unless it is done, and signals wait from here on.
 */
login_end ssh_settle(struct login *login, login_end end);

/* Has the connection at this path make the forwards that are asked for. False
 * where one that cannot be had is to end it all. */
bool ssh_forward(const struct login *login, const char *path);

#endif
