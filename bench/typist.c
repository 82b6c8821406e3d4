/*
 * typist ANSWER... -- COMMAND... - runs the command in a terminal and types the
 * answers, one whenever the output ends with a colon and a blank, at once: what
 * a dialogue takes at least. Exits as the command does.
 */
#define _GNU_SOURCE
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
    char output[4096];
    ssize_t got;
    int terminal, status, next = 1, command = 1;
    pid_t pid;

    while (command < argc && strcmp(argv[command], "--") != 0)
        command++;
    pid = forkpty(&terminal, NULL, NULL, NULL);
    if (pid == 0) {
        execvp(argv[command + 1], argv + command + 1);
        _exit(127);
    }
    while (pid > 0 && (got = read(terminal, output, sizeof output)) > 0)
        if (got >= 2 && memcmp(output + got - 2, ": ", 2) == 0 &&
            next < command)
            dprintf(terminal, "%s\n", argv[next++]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}
