/* What applies to a target, resolved by stock ssh itself (`ssh -G`). */
#define _GNU_SOURCE
#include "client/client.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUTPUT_MAX (1u << 20)
#define EXPANDED_MAX 8192

/* Where each keyword of `ssh -G` goes. */
static const struct {
    const char *keyword;
    size_t at;
    bool none; /* "none" is no value */
} texts[] = {
    {"hostname", offsetof(ssh_config, hostname), false},
    {"user", offsetof(ssh_config, user), false},
    {"hostkeyalias", offsetof(ssh_config, hostkeyalias), false},
    {"proxycommand", offsetof(ssh_config, proxycommand), true},
    {"proxyjump", offsetof(ssh_config, proxyjump), true},
    {"knownhostscommand", offsetof(ssh_config, knownhostscommand), true},
    {"loglevel", offsetof(ssh_config, loglevel), false},
    {"host", offsetof(ssh_config, original), false},
    {"addressfamily", offsetof(ssh_config, addressfamily), false},
    {"bindaddress", offsetof(ssh_config, bindaddress), false},
    {"preferredauthentications", offsetof(ssh_config, preferred), false},
    {"identityagent", offsetof(ssh_config, identityagent), false},
    {"stricthostkeychecking", offsetof(ssh_config, stricthostkeychecking),
     false},
    {"revokedhostkeys", offsetof(ssh_config, revokedhostkeys), true},
    {"certificatefile", offsetof(ssh_config, certificatefile), true},
    {"fingerprinthash", offsetof(ssh_config, fingerprinthash), false},
    {"ciphers", offsetof(ssh_config, ciphers), false},
    {"macs", offsetof(ssh_config, macs), false},
    {"kexalgorithms", offsetof(ssh_config, kexalgorithms), false},
    {"hostkeyalgorithms", offsetof(ssh_config, hostkeyalgorithms), false},
    {"pubkeyacceptedalgorithms", offsetof(ssh_config, pubkeyalgorithms), false},
    {"controlpath", offsetof(ssh_config, controlpath), true},
    {"controlmaster", offsetof(ssh_config, controlmaster), false},
    {"controlpersist", offsetof(ssh_config, controlpersist), false},
    {"sessiontype", offsetof(ssh_config, sessiontype), false},
    {"forwardagent", offsetof(ssh_config, forwardagent), false},
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
    {"exitonforwardfailure", offsetof(ssh_config, exit_on_forward_failure)},
    {"forkafterauthentication",
     offsetof(ssh_config, fork_after_authentication)},
    {"proxyusefdpass", offsetof(ssh_config, proxyusefdpass)},
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

/* What a %-token stands for (ssh_config(5), TOKENS); NULL if it is none that
 * can be known here. */
static const char *
token(const ssh_config *config, char letter)
{
    static char number[32], name[256];
    const struct passwd *me;

    switch (letter) {
    case '%': return "%";
    case 'd': return io_home();
    case 'h': return config->hostname;
    case 'n': return config->original;
    case 'r': return config->user;
    case 'k':
        return config->hostkeyalias ? config->hostkeyalias : config->original;
    case 'p':
        (void)snprintf(number, sizeof number, "%u", (unsigned)config->port);
        return number;
    case 'i':
        (void)snprintf(number, sizeof number, "%u", (unsigned)getuid());
        return number;
    case 'u':
        me = getpwuid(getuid());
        return me != NULL ? me->pw_name : NULL;
    case 'l':
    case 'L':
        if (gethostname(name, sizeof name - 1) != 0)
            return NULL;
        if (letter == 'L')
            name[strcspn(name, ".")] = 0;
        return name;
    default: return NULL;
    }
}

/* The variable of "${NAME}" at *at, which is moved to its end. */
static const char *
variable(const char **at)
{
    char name[128];
    size_t len = strcspn(*at + 2, "}");

    if ((*at)[2 + len] != '}' || len >= sizeof name)
        return NULL;
    memcpy(name, *at + 2, len);
    name[len] = 0;
    *at += 2 + len;
    return getenv(name);
}

char *
config_expand(const ssh_config *config, const char *pattern, bool path)
{
    authplug_secret *made = authplug_secret_new(EXPANDED_MAX);
    authplug_status status = made != NULL ? AUTHPLUG_OK : AUTHPLUG_NOMEM;
    char *result = NULL;
    bool known = true;

    if (path && strncmp(pattern, "~/", 2) == 0 && io_home() != NULL) {
        status = authplug_secret_append(made, io_home(), strlen(io_home()));
        pattern++;
    }
    for (const char *c = pattern; *c != 0 && known; c++) {
        const char one[2] = {*c, 0};
        const char *text = one;

        if (*c == '%')
            text = *++c == 0 ? NULL : token(config, *c);
        else if (path && strncmp(c, "${", 2) == 0)
            text = variable(&c);
        known = text != NULL;
        if (known && status == AUTHPLUG_OK)
            status = authplug_secret_append(made, text, strlen(text));
    }
    if (!known)
        io_say(PROGRAM,
               "'%s' in the configuration has a %%-token or a "
               "variable that is not known here",
               IO_SHORT(pattern));
    else if (status == AUTHPLUG_OK && authplug_secret_text(made) != NULL)
        result = copy(authplug_secret_text(made));
    authplug_secret_free(&made);
    return result;
}

/* "~/" is left in some of the names that `ssh -G` has expanded otherwise. */
static char *
at_home(const char *path)
{
    const char *home = io_home();
    char *made = NULL;

    if (strncmp(path, "~/", 2) != 0 || home == NULL)
        return copy(path);
    return asprintf(&made, "%s%s", home, path + 1) < 0 ? NULL : made;
}

/*
 * Files, separated by blanks, which may also be in their names: `ssh -G` does
 * not say. The longest name of a file that is there counts.
 */
static bool
split_files(char *value, char *files[FILES_MAX])
{
    size_t n = 0, len;

    while (*value != 0) {
        len = strlen(value);
        while (len > strcspn(value, " ")) {
            char cut = value[len];
            bool there;

            value[len] = 0;
            there = access(value, F_OK) == 0;
            value[len] = cut;
            if (there)
                break;
            do
                len--;
            while (value[len] != ' ');
        }
        if (n == FILES_MAX) {
            io_say(PROGRAM, "more than %d known_hosts files: name fewer",
                   FILES_MAX);
            return false;
        }
        if (value[len] != 0)
            value[len++] = 0;
        if (strcmp(value, "none") != 0 &&
            (files[n++] = at_home(value)) == NULL)
            return false;
        value += len;
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
    config->identities[n] = copy(path);
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
        if (*slot == NULL && !(texts[i].none && strcmp(value, "none") == 0))
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
    else if (strcmp(keyword, "serveraliveinterval") == 0)
        config->aliveinterval = small_number(value);
    else if (strcmp(keyword, "serveralivecountmax") == 0)
        config->alivecount = small_number(value);
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

/* What is expanded once everything that tokens stand for is known. */
static bool
expand_all(ssh_config *config)
{
    for (size_t i = 0; i < IDENTITIES_MAX; i++) {
        char *path = config->identities[i];

        if (path == NULL)
            break;
        config->identities[i] = config_expand(config, path, true);
        free(path);
        if (config->identities[i] == NULL)
            return false;
    }
    if (config->identityagent != NULL &&
        strcmp(config->identityagent, "none") != 0 &&
        strcmp(config->identityagent, "SSH_AUTH_SOCK") != 0) {
        char *path = config->identityagent;
        const char *value = path[0] == '$' && path[1] != '{' ? getenv(path + 1)
                                                             : NULL;

        config->identityagent =
            value ? copy(value) : config_expand(config, path, true);
        free(path);
        return config->identityagent != NULL;
    }
    return true;
}

/* ForwardAgent: the agent, another one's socket, or a variable that names it
 * (ssh_config(5)). */
static bool
find_agent(ssh_config *config)
{
    const char *value = config->forwardagent;
    const char *path = value;

    if (value == NULL || strcmp(value, "no") == 0)
        return true;
    if (strcmp(value, "yes") == 0)
        path = config->identityagent == NULL ||
                       strcmp(config->identityagent, "SSH_AUTH_SOCK") == 0
                   ? getenv("SSH_AUTH_SOCK")
                   : config->identityagent;
    else if (value[0] == '$' && value[1] != '{')
        path = getenv(value + 1);
    if (path == NULL || *path == 0 || strcmp(path, "none") == 0)
        return true;
    config->agent = config_expand(config, path, true);
    return config->agent != NULL;
}

/* Whether remarks are unwanted: QUIET, FATAL or ERROR. */
static bool
is_quiet(const char *level)
{
    return level != NULL &&
           (strcmp(level, "QUIET") == 0 || strcmp(level, "FATAL") == 0 ||
            strcmp(level, "ERROR") == 0);
}

/* Rather than to do something else than what was asked for. */
static bool
can_be_done(const ssh_config *config)
{
    if (config->knownhostscommand != NULL)
        io_say(PROGRAM, "KnownHostsCommand is not run here: use stock ssh, or "
                        "-o KnownHostsCommand=none");
    else if (config->proxyusefdpass)
        io_say(PROGRAM, "ProxyUseFdpass is not done here: use stock ssh, or a "
                        "proxy command that copies");
    else
        return true;
    return false;
}

bool
config_resolve(ssh_config *config, const ssh_args *args, int64_t deadline)
{
    /* -T: or it remarks that there is no terminal */
    static const char *const ssh_g[] = {"ssh", "-T", "-G", NULL};
    authplug_secret *output = authplug_secret_new(OUTPUT_MAX);
    const char **argv =
        args_build(args, ssh_g, ARGS_ALL_OPTIONS | ARGS_COMMAND);
    authplug_status status = AUTHPLUG_NOMEM;
    int code = -1;
    bool good = false;

    config->prompts = 3;
    config->pubkey = config->password = config->kbdint = true;
    if (output != NULL && argv != NULL && setenv(ABOVE_GUARD, "1", 1) == 0) {
        status = program_output(argv, output, deadline, &code);
        (void)unsetenv(ABOVE_GUARD);
    }
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
    good = good && can_be_done(config) && expand_all(config) &&
           find_agent(config);
    config->quiet = args->quiet || is_quiet(config->loglevel);
    authplug_secret_free(&output);
    free(argv);
    return good;
}

void
config_free(ssh_config *config)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(*(char **)(void *)((char *)config + texts[i].at));
    free(config->agent);
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
