/* Authentication methods in the order that is configured and offered. */
#define _GNU_SOURCE
#include "client/client.h"

#include <stdio.h>
#include <string.h>

/* Each method at most so often, whatever a server says. */
#define ROUNDS_MAX 20

/* ssh_config(5), PreferredAuthentications, without what we do not have */
static const char standard_order[] =
    "publickey,keyboard-interactive,password";

struct method {
    const char *name;
    auth_end (*run)(struct login *login);
    size_t enabled; /* offset of a bool in ssh_config */
    bool secret;    /* gives the server something to steal */
    bool spent;     /* was denied, or has nothing to try */
};

/* Whether a comma-separated list holds the name. */
static bool
lists(authplug_span list, const char *name)
{
    size_t len = strlen(name), start = 0;

    for (size_t i = 0; i <= list.len; i++) {
        if (i < list.len && list.data[i] != ',')
            continue;
        if (i - start == len && memcmp(list.data + start, name, len) == 0)
            return true;
        start = i + 1;
    }
    return false;
}

static bool
usable(const struct login *login, const struct method *method)
{
    const char *config = (const char *)&login->config;

    return !method->spent && *(const bool *)(config + method->enabled) &&
           !(method->secret && login->no_passwords) &&
           lists(authplug_secret_span(login->methods), method->name);
}

/* The first usable method in the order of preference. */
static struct method *
choose(const struct login *login, struct method *methods, size_t count)
{
    const char *order = login->config.preferred ? login->config.preferred
                                                : standard_order;

    while (*order != 0) {
        size_t len = strcspn(order, ",");

        for (size_t i = 0; i < count; i++)
            if (strlen(methods[i].name) == len &&
                strncmp(order, methods[i].name, len) == 0 &&
                usable(login, &methods[i]))
                return &methods[i];
        order += len + (order[len] == ',');
    }
    return NULL;
}

/* Of the server's list, which is its own words, the names that are known. */
static void
known_names(const struct login *login, char *names, size_t size)
{
    static const char *const known[] = {
        "publickey", "keyboard-interactive", "password", "hostbased",
        "gssapi-with-mic", "gssapi-keyex",
    };
    authplug_span list = authplug_secret_span(login->methods);
    size_t used = 0;

    names[0] = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (lists(list, known[i]) && used < size)
            used += (size_t)snprintf(names + used, size - used, "%s%s",
                                     used > 0 ? "," : "", known[i]);
    if (used == 0)
        (void)snprintf(names, size, "nothing known here");
}

/* Whether stock ssh may have what the server wants: a certificate, a FIDO key,
 * or a method that is none of ours. */
static bool
stock_may_do(const struct login *login)
{
    authplug_span list = authplug_secret_span(login->methods);

    if (lists(list, "publickey") && login->config.pubkey &&
        (login->stock_key || login->config.certificatefile != NULL))
        return true;
    return (lists(list, "gssapi-with-mic") || lists(list, "hostbased")) &&
           !lists(list, "publickey") && !lists(list, "password") &&
           !lists(list, AUTHPLUG_KI_METHOD);
}

/* What to do about a refusal. */
static const char *
remedy(const struct login *login)
{
    const char *order = login->config.preferred;

    if (login->answers_refused)
        return "see what it answers with 'authplug try putty', and whether the "
               "account may log in";
    if (login->plugin != NULL && order != NULL &&
        !lists(authplug_span_of(order), AUTHPLUG_KI_METHOD))
        return "the plugin was not asked, because PreferredAuthentications "
               "leaves out keyboard-interactive";
    if (stock_may_do(login))
        return "stock ssh may have the key or the method for it: run "
               "'authplug askpass -- ssh' with the same arguments";
    if (login->batch && login->config.password && !login->no_passwords &&
        lists(authplug_secret_span(login->methods), "password"))
        return "a password is asked of nobody in batch mode: log in without "
               "--batch";
    return "check the user's name and the credentials; -v shows what was "
           "tried";
}

static void
denied(struct login *login)
{
    bool own = login->user == login->config.user;
    char names[256];

    known_names(login, names, sizeof names);
    (void)login_fail(login, "%s for %s at %s (the server wants: %s): %s",
                     login->answers_refused
                         ? "the server refused the plugin's answers"
                         : "permission denied",
                     own ? login->user : "the user that the plugin named",
                     login->config.hostname, names, remedy(login));
}

login_end
auth_run(struct login *login)
{
    struct method methods[] = {
        {"publickey", method_publickey, offsetof(ssh_config, pubkey), false,
         false},
        {"keyboard-interactive", method_kbdint, offsetof(ssh_config, kbdint),
         true, false},
        {"password", method_password, offsetof(ssh_config, password), true,
         false},
    };
    size_t count = sizeof methods / sizeof *methods;
    auth_end end = method_none(login);

    for (int round = 0; round < ROUNDS_MAX; round++) {
        struct method *next;

        if (end == AUTH_SUCCESS)
            return LOGIN_DONE;
        if (end == AUTH_STOCK)
            return LOGIN_STOCK;
        if (end == AUTH_BROKEN)
            return LOGIN_FAILED;
        if (end == AUTH_PARTIAL)
            for (size_t i = 0; i < count; i++)
                methods[i].spent = false;
        next = choose(login, methods, count);
        if (next == NULL) {
            denied(login);
            return LOGIN_FAILED;
        }
        login_debug(login, "trying %s", next->name);
        end = next->run(login);
        next->spent = end != AUTH_PARTIAL;
        if (end == AUTH_PARTIAL)
            login_debug(login, "%s passed; the server wants more",
                        next->name);
    }
    (void)login_fail(login, "the server asks for one method after another "
                            "without end");
    return LOGIN_FAILED;
}
