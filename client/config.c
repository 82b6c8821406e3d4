/* What applies to a target, resolved by stock ssh itself (`ssh -G`). */
#define _GNU_SOURCE
#include "client/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_MAX (1u << 20)

/* Where each keyword of `ssh -G` goes. */
static const struct {
    const char *keyword;
    size_t at;
} texts[] = {
    {"hostname", offsetof(ssh_config, hostname)},
    {"user", offsetof(ssh_config, user)},
    {"hostkeyalias", offsetof(ssh_config, hostkeyalias)},
    {"proxycommand", offsetof(ssh_config, proxycommand)},
    {"proxyjump", offsetof(ssh_config, proxyjump)},
    {"host", offsetof(ssh_config, original)},
    {"addressfamily", offsetof(ssh_config, addressfamily)},
    {"bindaddress", offsetof(ssh_config, bindaddress)},
    {"preferredauthentications", offsetof(ssh_config, preferred)},
    {"identityagent", offsetof(ssh_config, identityagent)},
    {"stricthostkeychecking", offsetof(ssh_config, stricthostkeychecking)},
    {"revokedhostkeys", offsetof(ssh_config, revokedhostkeys)},
    {"fingerprinthash", offsetof(ssh_config, fingerprinthash)},
    {"ciphers", offsetof(ssh_config, ciphers)},
    {"macs", offsetof(ssh_config, macs)},
    {"kexalgorithms", offsetof(ssh_config, kexalgorithms)},
    {"hostkeyalgorithms", offsetof(ssh_config, hostkeyalgorithms)},
    {"pubkeyacceptedalgorithms", offsetof(ssh_config, pubkeyalgorithms)},
};

static const struct {
    const char *keyword;
    size_t at;
} switches[] = {
    {"batchmode", offsetof(ssh_config, batchmode)},
    {"pubkeyauthentication", offsetof(ssh_config, pubkey)},
    {"passwordauthentication", offsetof(ssh_config, password)},
    {"kbdinteractiveauthentication", offsetof(ssh_config, kbdint)},
    {"identitiesonly", offsetof(ssh_config, identitiesonly)},
    {"hashknownhosts", offsetof(ssh_config, hashknownhosts)},
    {"tcpkeepalive", offsetof(ssh_config, tcpkeepalive)},
    {"compression", offsetof(ssh_config, compression)},
    {"nohostauthenticationforlocalhost",
     offsetof(ssh_config, no_host_authentication_for_localhost)},
};

static char *
copy(const char *text)
{
    char *made = strdup(text);

    if (made == NULL)
        io_say(PROGRAM, "%s", authplug_status_text(AUTHPLUG_NOMEM));
    return made;
}

/* "~/x" and "%d/x" are left to us by `ssh -G` in some places. */
static char *
expand_home(const char *path)
{
    const char *home = getenv("HOME");
    const char *rest = NULL;
    char *made;
    size_t size;

    if (strncmp(path, "~/", 2) == 0)
        rest = path + 1;
    else if (strncmp(path, "%d/", 3) == 0)
        rest = path + 2;
    if (rest == NULL || home == NULL)
        return copy(path);
    size = strlen(home) + strlen(rest) + 1;
    made = malloc(size);
    if (made == NULL)
        return NULL;
    memcpy(made, home, strlen(home));
    memcpy(made + strlen(home), rest, strlen(rest) + 1);
    return made;
}

/* Files, separated by blanks. */
static bool
split_files(char *value, char *files[FILES_MAX])
{
    char *save = NULL;
    size_t n = 0;

    for (char *word = strtok_r(value, " ", &save);
         word != NULL && n < FILES_MAX; word = strtok_r(NULL, " ", &save)) {
        if (strcmp(word, "none") == 0)
            continue;
        files[n] = expand_home(word);
        if (files[n++] == NULL)
            return false;
    }
    return true;
}

static bool
add_identity(ssh_config *config, const char *path)
{
    size_t n = 0;

    while (n < IDENTITIES_MAX && config->identities[n] != NULL)
        n++;
    if (n == IDENTITIES_MAX || strcmp(path, "none") == 0)
        return true;
    config->identities[n] = expand_home(path);
    return config->identities[n] != NULL;
}

static bool
is_yes(const char *value)
{
    return strcmp(value, "yes") == 0 || strcmp(value, "true") == 0 ||
           strcmp(value, "unbound") == 0 || strcmp(value, "host-bound") == 0;
}

static int
small_number(const char *value)
{
    long number = strtol(value, NULL, 10);

    return number > 0 && number < 1000000 ? (int)number : 0;
}

/* One line of `ssh -G`; unknown keywords are not ours to judge. */
static bool
take(ssh_config *config, const char *keyword, char *value)
{
    char *base = (char *)config;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char **slot = (char **)(void *)(base + texts[i].at);

        if (strcmp(keyword, texts[i].keyword) != 0)
            continue;
        if (*slot == NULL && strcmp(value, "none") != 0)
            return (*slot = copy(value)) != NULL;
        return true;
    }
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
        if (strcmp(keyword, switches[i].keyword) == 0)
            *(bool *)(base + switches[i].at) = is_yes(value);
    if (strcmp(keyword, "localforward") == 0 ||
        strcmp(keyword, "remoteforward") == 0 ||
        strcmp(keyword, "dynamicforward") == 0)
        config->forwards = true;
    else if (strcmp(keyword, "port") == 0)
        config->port = (uint32_t)small_number(value);
    else if (strcmp(keyword, "connecttimeout") == 0)
        config->connecttimeout = small_number(value);
    else if (strcmp(keyword, "numberofpasswordprompts") == 0)
        config->prompts = small_number(value);
    else if (strcmp(keyword, "identityfile") == 0)
        return add_identity(config, value);
    else if (strcmp(keyword, "userknownhostsfile") == 0)
        return split_files(value, config->user_known_hosts);
    else if (strcmp(keyword, "globalknownhostsfile") == 0)
        return split_files(value, config->global_known_hosts);
    return true;
}

static bool
parse(ssh_config *config, authplug_secret *output)
{
    const char *text = authplug_secret_text(output);
    char *lines, *save = NULL;
    bool good = true;

    lines = text == NULL ? NULL : copy(text);
    if (lines == NULL)
        return false;
    for (char *line = strtok_r(lines, "\n", &save); line != NULL && good;
         line = strtok_r(NULL, "\n", &save)) {
        char *value = strchr(line, ' ');

        if (value == NULL)
            continue;
        *value++ = 0;
        good = take(config, line, value);
    }
    free(lines);
    return good;
}

bool
config_resolve(ssh_config *config, const ssh_args *args, int64_t deadline)
{
    static const char *const ssh_g[] = {"ssh", "-G", NULL};
    authplug_secret *output = authplug_secret_new(OUTPUT_MAX);
    const char **argv =
        args_build(args, ssh_g, ARGS_ALL_OPTIONS | ARGS_COMMAND);
    authplug_status status = AUTHPLUG_NOMEM;
    int code = -1;
    bool good = false;

    config->prompts = 3;
    config->pubkey = config->password = config->kbdint = true;
    if (output != NULL && argv != NULL)
        status = program_output(argv, output, deadline, &code);
    if (status == AUTHPLUG_NOT_FOUND)
        io_say(PROGRAM, "OpenSSH's ssh was not found: install "
                        "openssh-client, which runs the session");
    else if (status != AUTHPLUG_OK)
        io_say(PROGRAM, "ssh -G gave no configuration: %s",
               authplug_status_text(status));
    else if (code != 0)
        io_say(PROGRAM, "ssh -G refused the options or the configuration: "
                        "mend what it said above");
    else
        good = parse(config, output);
    if (good && (config->hostname == NULL || config->user == NULL ||
                 config->port == 0 || config->port > 65535)) {
        io_say(PROGRAM, "ssh -G named no host, user or port: is 'ssh' in "
                        "PATH OpenSSH's?");
        good = false;
    }
    authplug_secret_free(&output);
    free(argv);
    return good;
}

void
config_free(ssh_config *config)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(*(char **)(void *)((char *)config + texts[i].at));
    for (size_t i = 0; i < FILES_MAX; i++) {
        free(config->user_known_hosts[i]);
        free(config->global_known_hosts[i]);
    }
    for (size_t i = 0; i < IDENTITIES_MAX; i++)
        free(config->identities[i]);
    memset(config, 0, sizeof *config);
}

char *
config_key_name(const ssh_config *config)
{
    char *name = NULL;

    if (config->hostkeyalias != NULL)
        name = strdup(config->hostkeyalias);
    else if (config->port == 22)
        name = strdup(config->hostname);
    else if (asprintf(&name, "[%s]:%u", config->hostname,
                      (unsigned)config->port) < 0)
        name = NULL;
    for (char *c = name; c != NULL && *c != 0; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return name;
}
