/* What the known_hosts files say of a host, asked of ssh-keygen -F: it knows
 * patterns, hashes, ports and both markers, and libssh does not. */
#define _GNU_SOURCE
#include "client/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUTPUT_MAX (1u << 20)

static bool
add(known_keys *known, const known_key *key)
{
    known_key *grown =
        realloc(known->keys, (known->count + 1) * sizeof *grown);
    known_key *last;

    if (grown == NULL)
        return false;
    known->keys = grown;
    last = &known->keys[known->count++];
    *last = *key;
    last->file = strdup(key->file);
    last->type = strdup(key->type);
    last->blob = strdup(key->blob);
    return last->file != NULL && last->type != NULL && last->blob != NULL;
}

/* "[@marker] names type blob [comment]", as it stands in the file. */
static bool
parse_line(known_keys *known, char *file, unsigned number, char *line)
{
    known_key key = {.file = file, .line = number};
    char *save = NULL;
    char *word = strtok_r(line, " \t", &save);

    if (word != NULL && word[0] == '@') {
        key.revoked = strcmp(word, "@revoked") == 0;
        key.authority = strcmp(word, "@cert-authority") == 0;
        word = strtok_r(NULL, " \t", &save);
    }
    if (word != NULL)
        key.type = strtok_r(NULL, " \t", &save);
    if (key.type != NULL)
        key.blob = strtok_r(NULL, " \t\r", &save);
    return key.blob == NULL || add(known, &key);
}

/* Each found line comes after "# Host NAME found: line N". */
static bool
parse_output(known_keys *known, char *file, char *text)
{
    static const char mark[] = " found: line ";
    unsigned number = 0;
    char *save = NULL;
    bool good = true;

    for (char *line = strtok_r(text, "\n", &save); line != NULL && good;
         line = strtok_r(NULL, "\n", &save)) {
        const char *found = line[0] == '#' ? strstr(line, mark) : NULL;

        if (found != NULL)
            number = (unsigned)strtoul(found + sizeof mark - 1, NULL, 10);
        else if (line[0] != '#')
            good = parse_line(known, file, number, line);
    }
    return good;
}

static bool
load_file(known_keys *known, char *file, const char *name, int64_t deadline)
{
    const char *argv[] = {"ssh-keygen", "-F", name, "-f", file, NULL};
    authplug_secret *output;
    authplug_status status = AUTHPLUG_NOMEM;
    char *text = NULL;
    int code = -1;
    bool good = false;

    if (access(file, R_OK) != 0)
        return true;
    output = authplug_secret_new(OUTPUT_MAX);
    if (output != NULL)
        status = program_output(argv, output, deadline, &code);
    if (status == AUTHPLUG_OK && code != 0) {
        good = true; /* not found in this file */
    } else if (status == AUTHPLUG_OK && authplug_secret_text(output) != NULL) {
        text = strdup(authplug_secret_text(output));
        good = text != NULL && parse_output(known, file, text);
    }
    if (!good)
        io_say(PROGRAM, "cannot look up %s in %s with ssh-keygen: %s", name,
               file, authplug_status_text(status));
    free(text);
    authplug_secret_free(&output);
    return good;
}

bool
known_load(known_keys *known, const ssh_config *config, const char *name,
           int64_t deadline)
{
    bool good = true;

    for (size_t i = 0; i < FILES_MAX && good; i++)
        if (config->user_known_hosts[i] != NULL)
            good =
                load_file(known, config->user_known_hosts[i], name, deadline);
    for (size_t i = 0; i < FILES_MAX && good; i++)
        if (config->global_known_hosts[i] != NULL)
            good = load_file(known, config->global_known_hosts[i], name,
                             deadline);
    return good;
}

void
known_free(known_keys *known)
{
    for (size_t i = 0; i < known->count; i++) {
        free(known->keys[i].file);
        free(known->keys[i].type);
        free(known->keys[i].blob);
    }
    free(known->keys);
    known->keys = NULL;
    known->count = 0;
}

/* Whether a key of the host is of the type that the algorithm signs with. */
static bool
has_type(const known_keys *known, const char *algorithm, size_t len)
{
    bool rsa = len > 9 && strncmp(algorithm, "rsa-sha2-", 9) == 0;

    for (size_t i = 0; i < known->count; i++) {
        const known_key *key = &known->keys[i];

        if (key->revoked || key->authority)
            continue;
        if (rsa ? strcmp(key->type, "ssh-rsa") == 0
                : strlen(key->type) == len &&
                      strncmp(key->type, algorithm, len) == 0)
            return true;
    }
    return false;
}

/* libssh verifies no host certificates and no FIDO host keys. */
static bool
usable(const char *algorithm, size_t len)
{
    static const char certificate[] = "-cert-v01@openssh.com";
    size_t tail = sizeof certificate - 1;

    return !(len > tail &&
             strncmp(algorithm + len - tail, certificate, tail) == 0) &&
           strncmp(algorithm, "sk-", 3) != 0;
}

char *
known_order(const known_keys *known, const char *algorithms)
{
    size_t size = strlen(algorithms) + 2, used = 0;
    char *order = calloc(1, size);

    if (order == NULL)
        return NULL;
    for (int wanted = 1; wanted >= 0; wanted--) {
        for (const char *at = algorithms; *at != 0;) {
            size_t len = strcspn(at, ",");

            if (usable(at, len) && has_type(known, at, len) == (wanted == 1)) {
                memcpy(order + used, at, len);
                used += len;
                order[used++] = ',';
            }
            at += len + (at[len] == ',');
        }
    }
    order[used > 0 ? used - 1 : 0] = 0;
    return order;
}
