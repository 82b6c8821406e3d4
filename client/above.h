/*
 * client/above.h - the ssh on whose behalf we run: `Match exec` in its
 * configuration, or its ProxyCommand. Without libssh.
 */
#ifndef CLIENT_ABOVE_H
#define CLIENT_ABOVE_H

#include <stdbool.h>
#include <sys/types.h>

typedef struct above {
    pid_t ssh;    /* 0: there is none */
    int count;    /* of its words, the program's name first */
    char **words; /* into line */
    char *line;
} above;

/* Looks for it, and reads its command line. False, and zeroed, where there is
 * none or it cannot be read. */
bool above_find(above *it);
void above_free(above *it);

/* Ends it, if it is still there and still above us. */
void above_end(const above *it);

#endif
