/* What stands in a first file of rules, how it gets there, and which commands
 * use it. */
#define _GNU_SOURCE
#include "answer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --------------------------------------------------------------------- text */

static bool
add(authplug_secret *to, const char *text)
{
    return authplug_secret_append(to, text, strlen(text)) == AUTHPLUG_OK;
}

static bool
add_secret(authplug_secret *to, const authplug_secret *from)
{
    authplug_span text = authplug_secret_span(from);

    return authplug_secret_append(to, text.data, text.len) == AUTHPLUG_OK;
}

/* A text as the regular expression that is it and nothing else. */
static bool
add_regex(authplug_secret *to, const authplug_secret *text)
{
    authplug_span all = authplug_secret_span(text);
    bool good = true;

    while (all.len > 0 && all.data[all.len - 1] == ' ')
        all.len--;
    for (size_t i = 0; i < all.len && good; i++) {
        char byte = (char)all.data[i];

        if (byte == '"')
            byte = '.'; /* no quote fits inside quotes */
        else if (strchr(".[]()*+?{}|^$\\", byte) != NULL)
            good = add(to, "\\");
        good = good && authplug_secret_append(to, &byte, 1) == AUTHPLUG_OK;
    }
    return good;
}

/* A text as a Secret that is it and nothing else, within quotes. */
static bool
add_plain(authplug_secret *to, const authplug_secret *text)
{
    authplug_span all = otp_trim(authplug_secret_span(text));
    bool good = true;

    for (size_t i = 0; i < all.len && good; i++) {
        char byte = (char)all.data[i];

        if (byte == '"')
            good = add(to, "%22"); /* only a URI may hold one */
        else if (byte == '$' || byte == '\\')
            good = authplug_secret_append(to, &byte, 1) == AUTHPLUG_OK &&
                   authplug_secret_append(to, &byte, 1) == AUTHPLUG_OK;
        else
            good = authplug_secret_append(to, &byte, 1) == AUTHPLUG_OK;
    }
    return good;
}

/* The text as a shell takes it for one word. */
static bool
add_word(authplug_secret *to, authplug_span text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@,./_-";
    bool quote = text.len == 0, good = true;

    for (size_t i = 0; i < text.len; i++)
        quote = quote || memchr(plain, text.data[i], sizeof plain - 1) == NULL;
    if (quote)
        good = add(to, "'");
    for (size_t i = 0; i < text.len && good; i++)
        good = text.data[i] == '\'' ? add(to, "'\\''")
                                    : authplug_secret_append(to, &text.data[i],
                                                             1) == AUTHPLUG_OK;
    return good && (!quote || add(to, "'"));
}

/* What stores the password in the keyring. */
static bool
add_store(authplug_secret *to, const char *name)
{
    return add(to, "secret-tool store --label=SSH authplug ") &&
           add_word(to, authplug_span_of(name)) && add(to, "\n");
}

/* The name under which it has it. */
static void
keyring_name(const init_wishes *w, char *name, size_t size)
{
    authplug_span host = authplug_secret_span(w->host);

    (void)snprintf(name, size, "%.*s",
                   (int)(host.len < size ? host.len : size - 1),
                   (const char *)host.data);
    name[strcspn(name, " ,$")] = 0;
}

static bool
add_password(authplug_secret *to, const init_wishes *w)
{
    authplug_span from = authplug_secret_span(w->password);
    char name[256];

    if (authplug_secret_len(w->password_prompt) == 0)
        return true;
    if (!add(to,
             "\n    # A Request is an extended regular expression that must "
             "match the whole\n    # prompt; blanks at its end do not "
             "count.\n    Request \"") ||
        !add_regex(to, w->password_prompt) || !add(to, "\"\n"))
        return false;
    if (from.len == 0)
        return add(to, "    # the user types it\n    Response $ask$\n");
    if (authplug_span_is(from, "keyring")) {
        keyring_name(w, name, sizeof name);
        return add(to, "    # stored by: ") && add_store(to, name) &&
               add(to, "    Response $keyring:") && add(to, name) &&
               add(to, "$\n");
    }
    return add(to, "    # the first line of what this prints, started without "
                   "a shell\n    Exec ") &&
           add_secret(to, w->password) && add(to, "\n    Response $exec$\n");
}

static bool
add_code(authplug_secret *to, const init_wishes *w)
{
    return authplug_secret_len(w->code_prompt) == 0 ||
           (add(to, "\n    # a code of the block below; each is used once on "
                    "this machine\n    Request \"") &&
            add_regex(to, w->code_prompt) &&
            add(to, w->counted ? "\"\n    Response $hotp:code$\n"
                               : "\"\n    Response $totp:code$\n"));
}

static bool
add_secret_of_code(authplug_secret *to, const init_wishes *w)
{
    return add(to,
               "\n# Who has this secret can make the codes. A keyring keeps it "
               "better than a\n# file: store it there with\n"
               "#     secret-tool store --label=code authplug code\n"
               "# and write  Secret $keyring:code$  here.\n") &&
           add(to, w->counted ? "Hotp code\n    Secret \""
                              : "Totp code\n    Secret \"") &&
           add_plain(to, w->code) && add(to, "\"\n");
}

/* The login's block. */
static bool
add_host(authplug_secret *to, const init_wishes *w)
{
    return add(to, "\nHost ") && add_secret(to, w->host) && add(to, "\n") &&
           (authplug_secret_len(w->user) == 0 ||
            (add(to, "    # the name to log in with, where the client names "
                     "none\n    Username ") &&
             add_secret(to, w->user) && add(to, "\n"))) &&
           add_password(to, w) &&
           (authplug_secret_len(w->code) == 0 || add_code(to, w));
}

bool
init_text(const init_wishes *w, authplug_secret *to)
{
    return add(to,
               "# What `authplug answer` answers. authplug-answers(5) explains "
               "each keyword.\n"
               "# After a change:\n"
               "#     authplug answer --check\n"
               "#     authplug answer --explain --host HOST --prompt "
               "'Password:'\n") &&
           (authplug_secret_len(w->host) == 0 || add_host(to, w)) &&
           (authplug_secret_len(w->code) == 0 || add_secret_of_code(to, w));
}

/* ----------------------------------------------------------------- commands */

/* The server as it is named to a client; for patterns, a word for it. */
static bool
add_server(authplug_secret *to, const init_wishes *w)
{
    authplug_span host = authplug_secret_span(w->host);

    for (size_t i = 0; i < host.len; i++)
        if (memchr("*?!, \t", host.data[i], 6) != NULL)
            return add(to, "HOST");
    return add_word(to, host);
}

/* What starts the plugin, for a shell. */
static bool
add_plugin(authplug_secret *to, const char *config)
{
    return add(to, "authplug answer") &&
           (config == NULL ||
            (add(to, " --config ") && add_word(to, authplug_span_of(config))));
}

bool
init_end(const init_wishes *w, const char *config, authplug_secret *to)
{
    authplug_secret *plugin = authplug_secret_new(ANSWER_MOST * 8);
    const authplug_secret *prompt = authplug_secret_len(w->password_prompt) > 0
                                        ? w->password_prompt
                                        : w->code_prompt;
    char name[256];
    bool good =
        plugin != NULL && add(plugin, "exec ") && add_plugin(plugin, config);

    if (good &&
        authplug_span_is(authplug_secret_span(w->password), "keyring")) {
        keyring_name(w, name, sizeof name);
        good = add(to, "Store the password:\n    ") && add_store(to, name);
    }
    good = good && add(to, "See what becomes of a prompt, and log in:\n    ") &&
           add_plugin(to, config) && add(to, " --explain --host ") &&
           add_server(to, w) && add(to, " --prompt ") &&
           add_word(to, authplug_secret_span(prompt)) &&
           add(to, "\n    authplug ssh --plugin ") &&
           add_word(to, authplug_secret_span(plugin)) && add(to, " ") &&
           (authplug_secret_len(w->user) == 0 ||
            (add_word(to, authplug_secret_span(w->user)) && add(to, "@"))) &&
           add_server(to, w) && add(to, "\nIn PuTTY the plugin command is: ") &&
           add_plugin(to, config) && add(to, "\n");
    authplug_secret_free(&plugin);
    return good;
}

/* ------------------------------------------------------------------ writing */

/* The folders above a path, for us alone. */
static bool
make_folders(const char *path)
{
    char folder[4096];

    if (path[0] == 0) {
        errno = ENOENT;
        return false;
    }
    for (const char *slash = strchr(path + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        if ((size_t)(slash - path) >= sizeof folder) {
            errno = ENAMETOOLONG;
            return false;
        }
        memcpy(folder, path, (size_t)(slash - path));
        folder[slash - path] = 0;
        if (mkdir(folder, 0700) != 0 && errno != EEXIST)
            return false;
    }
    return true;
}

/* All of it, down to the disk. */
static bool
write_all(int fd, authplug_span text)
{
    size_t done = 0;

    while (done < text.len) {
        ssize_t now = write(fd, text.data + done, text.len - done);

        if (now < 0 && errno != EINTR)
            return false;
        done += now > 0 ? (size_t)now : 0;
    }
    return fsync(fd) == 0;
}

bool
init_write(const char *path, authplug_span text)
{
    char *temporary = NULL;
    bool good;
    int fd, fault;

    if (!make_folders(path) || asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return false;
    fd = mkostemp(temporary, O_CLOEXEC); /* its mode is 0600 */
    if (fd < 0) {
        free(temporary);
        return false;
    }
    good = write_all(fd, text);
    fault = errno;
    if (close(fd) != 0 && good) {
        good = false;
        fault = errno;
    }
    if (good && link(temporary, path) != 0) {
        good = false;
        fault = errno;
    }
    (void)unlink(temporary);
    free(temporary);
    errno = fault;
    return good;
}
