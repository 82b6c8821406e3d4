/* Whom an ssh logs in to, and which of its prompts are the server's. */
#define _GNU_SOURCE
#include "client/askpass.h"

#include "client/program.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PRINTED_MAX 262144
/* the longest command line of an ssh that asks, and its words */
#define LINE_MAX_BYTES (1u << 20)
#define WORDS_MAX 20000

/* ------------------------------------------------------ what `ssh -G` says */

void
askpass_target_free(askpass_target *target)
{
    free(target->user);
    free(target->host);
    free(target->shown);
    free(target->given);
    free(target->name);
    memset(target, 0, sizeof *target);
}

static bool
set(char **to, const char *text, size_t len)
{
    if (*to == NULL)
        *to = strndup(text, len);
    return *to != NULL;
}

static unsigned long
number(const char *text, unsigned long most)
{
    unsigned long value = strtoul(text, NULL, 10);

    return value > most ? most : value;
}

/* "keyword value". The first of a keyword counts; ssh prints each once. */
static bool
take_line(askpass_target *target, char **name, char **alias, const char *line,
          size_t len)
{
    size_t word = strcspn(line, " \n");
    const char *value = line + word + 1;
    size_t size = word < len ? len - word - 1 : 0;

    if (size == 0)
        return true;
    if (word == 4 && memcmp(line, "user", 4) == 0)
        return set(&target->user, value, size);
    if (word == 4 && memcmp(line, "host", 4) == 0)
        return set(&target->given, value, size);
    if (word == 8 && memcmp(line, "hostname", 8) == 0)
        return set(name, value, size);
    if (word == 12 && memcmp(line, "hostkeyalias", 12) == 0)
        return set(alias, value, size);
    if (word == 4 && memcmp(line, "port", 4) == 0)
        target->port = (uint32_t)number(value, UINT32_MAX);
    if (word == 23 && memcmp(line, "numberofpasswordprompts", 23) == 0)
        target->prompts = (unsigned)number(value, 1000);
    if (word == 12 && memcmp(line, "localcommand", 12) == 0)
        target->local_command = !(size == 4 && memcmp(value, "none", 4) == 0);
    return true;
}

authplug_status
askpass_target_parse(askpass_target *target, authplug_span printed)
{
    char *text = strndup((const char *)printed.data, printed.len);
    char *alias = NULL;
    const char *host;
    bool good = text != NULL;

    for (const char *line = text; good && *line != 0;) {
        size_t len = strcspn(line, "\n");

        good = take_line(target, &target->name, &alias, line, len);
        line += len + (line[len] == '\n');
    }
    free(text);
    if (good &&
        (target->user == NULL || target->name == NULL || target->port == 0)) {
        free(alias);
        return AUTHPLUG_VALUE;
    }
    host = alias != NULL ? alias : target->name;
    good = good && set(&target->host, host, strlen(host)) &&
           set(&target->shown, host, strlen(host));
    /* prompts have the alias as it is, and a name in small letters */
    for (char *c = target->shown; good && alias == NULL && *c != 0; c++)
        *c = (char)tolower((unsigned char)*c);
    free(alias);
    return good ? AUTHPLUG_OK : AUTHPLUG_NOMEM;
}

authplug_status
askpass_target_of_words(askpass_target *target, const char *const *words,
                        bool tell, int64_t deadline)
{
    authplug_secret *printed = authplug_secret_new(PRINTED_MAX);
    authplug_status status = AUTHPLUG_NOMEM;
    const char **asking;
    size_t count = 0;
    int code = -1;

    while (words[count] != NULL)
        count++;
    asking = calloc(count + 2, sizeof *asking);
    if (asking != NULL && printed != NULL && count > 0) {
        asking[0] = words[0];
        asking[1] = "-G";
        memcpy(asking + 2, words + 1, (count - 1) * sizeof *asking);
        if (setenv(ABOVE_GUARD, "1", 1) == 0)
            status = (tell ? program_output : program_output_only)(
                asking, printed, deadline, &code);
        (void)unsetenv(ABOVE_GUARD);
    }
    if (status == AUTHPLUG_OK)
        status = code == 0 ? askpass_target_parse(target,
                                                  authplug_secret_span(printed))
                           : AUTHPLUG_VALUE;
    free(asking);
    authplug_secret_free(&printed);
    return status;
}

/* --------------------------------------------------------- of a running ssh */

/* Its command line, a NUL after each word. */
static authplug_status
read_line(pid_t pid, authplug_secret *line)
{
    char path[64];
    ssize_t len = 1;
    int fd;

    (void)snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return AUTHPLUG_CLOSED;
    while (len > 0) {
        unsigned char *room;
        authplug_status status = authplug_secret_reserve(line, 4096, &room);

        if (status != AUTHPLUG_OK) {
            close(fd);
            return status;
        }
        len = read(fd, room, 4096);
        if (len > 0)
            authplug_secret_commit(line, (size_t)len);
    }
    close(fd);
    return len == 0 ? AUTHPLUG_OK : AUTHPLUG_CLOSED;
}

/* Words of the line, the first being the program that really runs. NULL when
 * out of memory or there are too many. */
static const char **
split(authplug_span line, const char *program)
{
    const char *at = (const char *)line.data, *end = at + line.len;
    const char **words;
    size_t count = 0;

    for (size_t i = 0; i < line.len; i++)
        count += line.data[i] == 0;
    if (count == 0 || line.data[line.len - 1] != 0 || count > WORDS_MAX)
        return NULL;
    words = calloc(count + 1, sizeof *words);
    for (size_t i = 0; words != NULL && at < end; i++, at += strlen(at) + 1)
        words[i] = at;
    if (words != NULL && program[0] != 0)
        words[0] = program;
    return words;
}

/* "" when it cannot be told, as after an upgrade. */
static void
find_program(pid_t pid, char path[PATH_MAX])
{
    char link[64];
    ssize_t len;

    (void)snprintf(link, sizeof link, "/proc/%ld/exe", (long)pid);
    len = readlink(link, path, PATH_MAX - 1);
    path[len < 0 ? 0 : len] = 0;
    if (access(path, X_OK) != 0)
        path[0] = 0;
}

/* Files on its command line are seen from its directory. */
static authplug_status
ask_there(askpass_target *target, pid_t ssh, const char *const *words,
          int64_t deadline)
{
    int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    authplug_status status;
    char there[64];

    (void)snprintf(there, sizeof there, "/proc/%ld/cwd", (long)ssh);
    (void)!chdir(there);
    status = askpass_target_of_words(target, words, true, deadline);
    if (here >= 0) {
        (void)!fchdir(here);
        close(here);
    }
    return status;
}

authplug_status
askpass_target_of_process(askpass_target *target, pid_t ssh, int64_t deadline)
{
    authplug_secret *line = authplug_secret_new(LINE_MAX_BYTES);
    authplug_status status =
        line == NULL ? AUTHPLUG_NOMEM : read_line(ssh, line);
    const char **words = NULL;
    char program[PATH_MAX];

    if (status == AUTHPLUG_OK) {
        find_program(ssh, program);
        words = split(authplug_secret_span(line), program);
        status = words == NULL ? AUTHPLUG_LIMIT
                               : ask_there(target, ssh, words, deadline);
    }
    free(words);
    authplug_secret_free(&line);
    return status;
}

/* ---------------------------------------------------------------- prompts */

/* The byte for which ssh wrote "\ooo": one that its locale cannot show, or
 * that is no character. A backslash of the server's own is not doubled, so
 * what could not have come from a byte stays. -1 for none. */
static int
escaped(const unsigned char *at, size_t len)
{
    int byte;

    if (len < 4 || at[0] != '\\' || at[1] < '0' || at[1] > '3' || at[2] < '0' ||
        at[2] > '7' || at[3] < '0' || at[3] > '7')
        return -1;
    byte = (at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0');
    return byte != 0 && (byte < 0x20 || byte >= 0x7f) ? byte : -1;
}

static authplug_status
unescape(authplug_span words, authplug_secret *out)
{
    authplug_status status = AUTHPLUG_OK;

    for (size_t i = 0; i < words.len && status == AUTHPLUG_OK; i++) {
        int byte = escaped(words.data + i, words.len - i);
        unsigned char one = byte >= 0 ? (unsigned char)byte : words.data[i];

        i += byte >= 0 ? 3 : 0;
        status = authplug_secret_append(out, &one, 1);
    }
    return status;
}

/* Whether the words begin with "(user@host) "; how long that is, or 0. */
static size_t
prefix(const askpass_target *target, authplug_span words)
{
    const char *parts[] = {"(", target->user, "@", target->shown, ") "};
    size_t at = 0;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t len = strlen(parts[i]);

        if (words.len - at < len || memcmp(words.data + at, parts[i], len) != 0)
            return 0;
        at += len;
    }
    return at;
}

authplug_status
askpass_server_prompt(const askpass_target *target, authplug_span words,
                      authplug_secret *prompt)
{
    size_t len = prefix(target, words);
    authplug_status status;

    if (len > 0)
        return unescape(authplug_span_make(words.data + len, words.len - len),
                        prompt);
    /* the name may have been escaped itself */
    status = unescape(words, prompt);
    if (status != AUTHPLUG_OK)
        return status;
    len = prefix(target, authplug_secret_span(prompt));
    if (len == 0) {
        authplug_secret_clear(prompt);
        return AUTHPLUG_NOT_FOUND;
    }
    authplug_secret_drop(prompt, len);
    return AUTHPLUG_OK;
}
