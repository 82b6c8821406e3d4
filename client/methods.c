/* The authentication methods, each bounded by the login's deadline. */
#define _GNU_SOURCE
#include "client/client.h"

#include "sdk/user.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MAX 8192
/* requests in one keyboard-interactive attempt without a plugin */
#define ROUNDS_MAX 1000

/* What libssh's answer means. It does not tell partial success from failure
 * in every case; the packet itself does. */
static auth_end
end_of(struct login *login, int rc)
{
    login_read_tap(login);
    switch (rc) {
    case SSH_AUTH_SUCCESS:
        return AUTH_SUCCESS;
    case SSH_AUTH_PARTIAL:
        return AUTH_PARTIAL;
    case SSH_AUTH_DENIED:
        return login->partial ? AUTH_PARTIAL : AUTH_DENIED;
    default:
        break;
    }
    (void)login_alive(login);
    login_tell_library(login);
    (void)login_fail(login, "authentication broke off: try again, or ask the "
                            "server's administrator");
    return AUTH_BROKEN;
}

/* Repeats a libssh call until it has an answer; ERROR when waiting fails. */
#define UNTIL_ANSWERED(login, rc, call)                                        \
    do {                                                                       \
        (login)->partial = false;                                              \
        (rc) = (call);                                                         \
        if ((rc) == SSH_AUTH_AGAIN && !login_wait(login))                      \
            (rc) = SSH_AUTH_ERROR;                                             \
    } while ((rc) == SSH_AUTH_AGAIN)

auth_end
method_none(struct login *login)
{
    int rc;

    UNTIL_ANSWERED(login, rc, ssh_userauth_none(login->session, login->user));
    return end_of(login, rc);
}

/* -------------------------------------------------------------- publickey */

/* A key or an agent that cannot be used is no reason to end the login. */
static auth_end
end_of_key(struct login *login, int rc)
{
    if (rc == SSH_AUTH_ERROR && !login->said && login_alive(login)) {
        login_debug(login, "a key could not be used");
        return AUTH_SKIPPED;
    }
    return end_of(login, rc);
}

/* Whose passphrase is asked, and whether it was given. */
typedef struct passphrase {
    struct login *login;
    const char *path;
    bool given;
} passphrase;

/* libssh asks for a key's passphrase through this. */
static int
ask_passphrase(const char *prompt, char *buffer, size_t size, int echo,
               int verify, void *context)
{
    passphrase *asked = context;
    authplug_secret *answer = authplug_secret_new(SECRET_MAX);
    authplug_span given;
    char question[4096 + 64];
    int result = -1;

    (void)prompt;
    (void)echo;
    (void)verify;
    (void)snprintf(question, sizeof question, "Enter passphrase for key '%s': ",
                   asked->path);
    if (answer != NULL && !asked->login->batch &&
        user_ask_plain(question, false, answer, asked->login->deadline) ==
            AUTHPLUG_OK) {
        given = authplug_secret_span(answer);
        asked->given = given.len > 0;
        if (given.len < size && !authplug_span_has(given, 0)) {
            memcpy(buffer, given.data, given.len);
            buffer[given.len] = 0;
            result = 0;
        }
    }
    authplug_secret_free(&answer);
    return result;
}

/* The public half: from FILE.pub, else from the private key's own file. */
static ssh_key
public_half(const char *path)
{
    char with_pub[4096];
    ssh_key key = NULL;

    if (snprintf(with_pub, sizeof with_pub, "%s.pub", path) <
            (int)sizeof with_pub &&
        ssh_pki_import_pubkey_file(with_pub, &key) == SSH_OK)
        return key;
    if (ssh_pki_import_pubkey_file(path, &key) == SSH_OK)
        return key;
    return NULL;
}

/* As stock ssh: a private key that others can read is not used. */
static bool
is_private(const char *path)
{
    struct stat is;

    size_t len = strlen(path);

    if (stat(path, &is) != 0 || !S_ISREG(is.st_mode) ||
        (len > 4 && strcmp(path + len - 4, ".pub") == 0))
        return false;
    if (is.st_uid != getuid() || (is.st_mode & 077) == 0)
        return true;
    io_say(PROGRAM, "the private key %s is left out because others may read "
                    "it: chmod 600 '%s'",
           path, path);
    return false;
}

/* Asks for the passphrase as often as for a password. */
static ssh_key
load_key(struct login *login, const char *path)
{
    passphrase asked = {login, path, false};
    ssh_key key = NULL;

    for (int i = 0; i < login->config.prompts; i++) {
        asked.given = false;
        if (ssh_pki_import_privkey_file(path, NULL, ask_passphrase, &asked,
                                        &key) == SSH_OK)
            return key;
        if (!asked.given)
            break;
        io_say(PROGRAM, "that is not the passphrase of %s", path);
    }
    login_debug(login, "cannot use the private key %s", path);
    return NULL;
}

static auth_end
sign_with_file(struct login *login, const char *path)
{
    ssh_key key = is_private(path) ? load_key(login, path) : NULL;
    int rc;

    if (key == NULL)
        return AUTH_SKIPPED;
    UNTIL_ANSWERED(login, rc,
                   ssh_userauth_publickey(login->session, login->user, key));
    ssh_key_free(key);
    return end_of_key(login, rc);
}

/* Whether stock ssh could do more with it: libssh knows no certificates, and
 * does not speak to FIDO's devices. */
static bool
is_for_stock_ssh(const char *path, ssh_key key)
{
    enum ssh_keytypes_e type = key != NULL ? ssh_key_type(key)
                                           : SSH_KEYTYPE_UNKNOWN;
    char certificate[4096];

    if (type == SSH_KEYTYPE_SK_ECDSA || type == SSH_KEYTYPE_SK_ED25519)
        return true;
    return snprintf(certificate, sizeof certificate, "%s-cert.pub", path) <
               (int)sizeof certificate &&
           access(certificate, R_OK) == 0;
}

/* One identity: offered first, so that no passphrase is asked in vain. */
static auth_end
try_identity(struct login *login, const char *path)
{
    ssh_key key;
    int rc;

    if (access(path, R_OK) != 0)
        return AUTH_SKIPPED;
    key = public_half(path);
    login->stock_key = login->stock_key || is_for_stock_ssh(path, key);
    if (key == NULL)
        return sign_with_file(login, path);
    login_debug(login, "offering %s", path);
    UNTIL_ANSWERED(login, rc,
                   ssh_userauth_try_publickey(login->session, login->user,
                                              key));
    ssh_key_free(key);
    return rc == SSH_AUTH_SUCCESS ? sign_with_file(login, path)
                                  : end_of_key(login, rc);
}

/* libssh offers all keys of an agent or none, so that with IdentitiesOnly
 * only files are tried. */
static auth_end
try_agent(struct login *login)
{
    int rc;

    if (login->config.identitiesonly ||
        (login->config.identityagent != NULL &&
         strcmp(login->config.identityagent, "none") == 0) ||
        (getenv("SSH_AUTH_SOCK") == NULL &&
         login->config.identityagent == NULL))
        return AUTH_SKIPPED;
    UNTIL_ANSWERED(login, rc, ssh_userauth_agent(login->session, login->user));
    return end_of_key(login, rc);
}

auth_end
method_publickey(struct login *login)
{
    auth_end end = try_agent(login);

    for (size_t i = 0; i < IDENTITIES_MAX; i++) {
        if (end != AUTH_SKIPPED && end != AUTH_DENIED)
            break;
        if (login->config.identities[i] == NULL)
            break;
        end = try_identity(login, login->config.identities[i]);
    }
    return end;
}

/* --------------------------------------------------------------- password */

/* The longest text with which a server may ask for a new password. */
#define CHANGE_TEXT_MAX 8192

/* string prompt, string language (RFC 4252 section 8), whole or refused. */
static bool
parse_change(struct login *login, authplug_span *prompt)
{
    authplug_reader reader = authplug_reader_over(
        authplug_secret_span(login->request), CHANGE_TEXT_MAX);
    const char *part = "a text of at most 8192 bytes";

    *prompt = authplug_get_string(&reader);
    if (reader.status == AUTHPLUG_OK) {
        part = "a language tag";
        (void)authplug_get_string(&reader);
    }
    if (reader.status == AUTHPLUG_OK)
        part = "the end after the language tag";
    if (authplug_get_end(&reader) == AUTHPLUG_OK)
        return true;
    return login_fail(login,
                      "the server's demand for a new password is malformed: "
                      "at byte %lu %s was expected: ask its administrator",
                      (unsigned long)reader.pos, part);
}

/*
 * A demand for a new password leaves libssh waiting for ever, and no call of
 * its answers one. It is recognised in the packets. Stock ssh can answer: it
 * meets the same demand again, at the terminal.
 */
static auth_end
change_wanted(struct login *login)
{
    authplug_span prompt;

    if (!parse_change(login, &prompt))
        return AUTH_BROKEN;
    user_tell("server", prompt);
    if (login->batch || !io_terminal()) {
        (void)login_fail(login,
                         "the server wants the password changed, and nobody "
                         "can be asked for a new one: run 'ssh %s' at a "
                         "terminal and change it there",
                         login->args->host);
        return AUTH_BROKEN;
    }
    if (!session_hand_over(login))
        return AUTH_BROKEN;
    io_say(PROGRAM, "the server wants the password changed, which stock ssh "
                    "can do: it takes over and logs in anew, without the "
                    "plugin");
    return AUTH_STOCK;
}

static auth_end
send_password(struct login *login, authplug_secret *password)
{
    const char *text = authplug_secret_text(password);
    int rc;

    if (text == NULL) {
        (void)login_fail(login, "a password with a NUL cannot be sent");
        return AUTH_BROKEN;
    }
    login->have_change = false;
    do {
        login->partial = false;
        rc = ssh_userauth_password(login->session, login->user, text);
        login_read_tap(login);
        if (login->have_change)
            return change_wanted(login);
        if (rc == SSH_AUTH_AGAIN && !login_wait(login))
            rc = SSH_AUTH_ERROR;
    } while (rc == SSH_AUTH_AGAIN);
    return end_of(login, rc);
}

auth_end
method_password(struct login *login)
{
    authplug_secret *password = authplug_secret_new(SECRET_MAX);
    auth_end end = AUTH_SKIPPED;
    char prompt[512];

    if (login->user == login->config.user)
        (void)snprintf(prompt, sizeof prompt, "%s@%s's password: ",
                       login->user, login->config.hostname);
    else
        (void)snprintf(prompt, sizeof prompt,
                       "Password at %s for the user that the plugin named: ",
                       login->config.hostname);
    /* a name of the plugin's is shown as its own word */
    if (login->user != login->config.user && !login->batch)
        user_tell("plugin", authplug_span_of(login->user));
    for (int i = 0; i < login->config.prompts && password != NULL; i++) {
        authplug_status status = AUTHPLUG_CANCELLED;

        if (!login->batch)
            status =
                user_ask_plain(prompt, false, password, login->deadline);
        if (status == AUTHPLUG_TIMEOUT)
            (void)login_fail(login, "no password was given in time");
        if (status != AUTHPLUG_OK)
            break;
        end = send_password(login, password);
        if (end != AUTH_DENIED)
            break;
        io_say(PROGRAM, "permission denied, please try again");
    }
    authplug_secret_free(&password);
    return login->said ? AUTH_BROKEN : end;
}

/* --------------------------------------------------- keyboard-interactive */

typedef struct dialogue {
    struct login *login;
    bool by_plugin;
    authplug_ki_prompt *prompts;
    authplug_span *answers;
    authplug_ki_reply *reply; /* what the user answered */
    authplug_secret *text;    /* one answer, as libssh wants it */
} dialogue;

/* The server's request from the packet, whole or refused. */
static bool
parse_request(dialogue *d, authplug_ki_request *request)
{
    struct login *login = d->login;
    authplug_fault fault = {0};

    if (authplug_ki_request_parse(authplug_secret_span(login->request),
                                  &login->limits, d->prompts, request,
                                  &fault) == AUTHPLUG_OK)
        return true;
    if (fault.status == AUTHPLUG_LIMIT)
        return login_fail(login, "the server asks more than %u questions at "
                                 "once: refused",
                          (unsigned)login->limits.prompts);
    return login_fail(login, "the server's request is malformed: at byte %lu "
                             "%s was expected: ask its administrator",
                      (unsigned long)fault.offset, fault.text);
}

/* Sends what was answered last and waits for what the server says to it. */
static int
step(dialogue *d, authplug_ki_request *request)
{
    struct login *login = d->login;
    bool seen = false; /* the request, and libssh may be about to say so */
    int rc;

    login->have_request = false;
    do {
        login->partial = false;
        rc = ssh_userauth_kbdint(login->session, login->user, NULL);
        login_read_tap(login);
        if (rc == SSH_AUTH_AGAIN && (!login->have_request || seen) &&
            !login_wait(login))
            rc = SSH_AUTH_ERROR;
        seen = login->have_request;
        /* one that libssh cannot handle leaves it waiting: look ourselves */
        if (login->have_request && !parse_request(d, request))
            rc = SSH_AUTH_ERROR;
    } while (rc == SSH_AUTH_AGAIN);
    if (rc == SSH_AUTH_INFO && !login->have_request) {
        (void)login_fail(login, "the server's request was not captured");
        rc = SSH_AUTH_ERROR;
    }
    return rc;
}

/* Hands the answers to libssh, none of which it may cut short. */
static bool
set_answers(dialogue *d, const authplug_ki_response *response)
{
    struct login *login = d->login;

    if (ssh_userauth_kbdint_getnprompts(login->session) !=
        (int)response->count)
        return login_fail(login, "libssh read another number of prompts than "
                                 "the server sent");
    for (uint32_t i = 0; i < response->count; i++) {
        authplug_span answer = response->answers[i];
        const char *text = NULL;

        authplug_secret_clear(d->text);
        if (authplug_secret_append(d->text, answer.data, answer.len) ==
            AUTHPLUG_OK)
            text = authplug_secret_text(d->text);
        if (text == NULL)
            return login_fail(login, "an answer holds a NUL and cannot be "
                                     "sent whole: refused");
        if (ssh_userauth_kbdint_setanswer(login->session, i, text) < 0)
            return login_fail(login, "libssh does not take an answer: out of "
                                     "memory?");
    }
    authplug_secret_clear(d->text);
    return true;
}

static bool
answer_by_plugin(dialogue *d, authplug_ki_response *response)
{
    struct login *login = d->login;
    bool bad = false;
    authplug_status status = authplug_putty_host_request(
        login->plugin, authplug_secret_span(login->request), response, &bad);

    if (status == AUTHPLUG_OK)
        return true;
    return login_plugin_failed(login, status);
}

static bool
answer_by_user(dialogue *d, const authplug_ki_request *request,
               authplug_ki_response *response)
{
    struct login *login = d->login;
    authplug_status status;

    authplug_ki_reply_clear(d->reply);
    if (login->batch && request->count > 0)
        return login_fail(login, "the server asks, and nobody can be asked "
                                 "in batch mode");
    status = user_ask("server", request, d->reply, login->deadline);
    if (status == AUTHPLUG_OK)
        status = authplug_ki_response_parse(
            authplug_ki_reply_body(d->reply), &login->limits, d->answers,
            response, NULL);
    if (status == AUTHPLUG_OK)
        return true;
    if (io_signals_caught() != 0)
        login->said = true;
    if (status == AUTHPLUG_CANCELLED)
        return login_fail(login, "the question was not answered");
    return login_fail(login, "the server's question was not answered: %s",
                      authplug_status_text(status));
}

/* Whether what went out is byte for byte what was answered. */
static bool
sent_unchanged(dialogue *d, authplug_secret *expected)
{
    authplug_span sent = authplug_secret_span(d->login->response);
    authplug_span wanted = authplug_secret_span(expected);

    if (sent.len == wanted.len &&
        (sent.len == 0 || memcmp(sent.data, wanted.data, sent.len) == 0))
        return true;
    return login_fail(d->login, "the answers did not go out unchanged");
}

static auth_end
hold(dialogue *d)
{
    authplug_secret *expected = authplug_secret_new(SECRET_MAX * 64);
    authplug_ki_request request;
    authplug_ki_response response;
    bool good = expected != NULL;
    int rc = step(d, &request);

    for (int i = 0; good && rc == SSH_AUTH_INFO && i < ROUNDS_MAX; i++) {
        good = d->by_plugin ? answer_by_plugin(d, &response)
                            : answer_by_user(d, &request, &response);
        authplug_secret_clear(expected);
        good = good && authplug_secret_append(expected, response.raw.data,
                                              response.raw.len) == AUTHPLUG_OK;
        good = good && set_answers(d, &response);
        if (good) {
            rc = step(d, &request);
            good = rc == SSH_AUTH_ERROR || sent_unchanged(d, expected);
        }
    }
    authplug_secret_free(&expected);
    if (!good) {
        (void)login_fail(d->login, "%s",
                         authplug_status_text(AUTHPLUG_NOMEM));
        return AUTH_BROKEN;
    }
    return end_of(d->login, rc);
}

static auth_end
run_dialogue(struct login *login, bool by_plugin)
{
    dialogue d = {.login = login, .by_plugin = by_plugin};
    auth_end end = AUTH_BROKEN;

    d.prompts = calloc(login->limits.prompts, sizeof *d.prompts);
    d.answers = calloc(login->limits.prompts, sizeof *d.answers);
    d.reply = authplug_ki_reply_new(&login->limits);
    d.text = authplug_secret_new((size_t)login->limits.string + 1);
    if (d.prompts != NULL && d.answers != NULL && d.reply != NULL &&
        d.text != NULL)
        end = hold(&d);
    else
        (void)login_fail(login, "%s", authplug_status_text(AUTHPLUG_NOMEM));
    free(d.prompts);
    free(d.answers);
    authplug_ki_reply_free(&d.reply);
    authplug_secret_free(&d.text);
    return end;
}

/* Without a plugin, or after it declined: the user, as often as configured. */
static auth_end
ask_the_user(struct login *login)
{
    auth_end end = AUTH_DENIED;

    if (login->batch)
        return AUTH_SKIPPED;
    for (int i = 0; i < login->config.prompts && end == AUTH_DENIED; i++)
        end = run_dialogue(login, false);
    return end;
}

auth_end
method_kbdint(struct login *login)
{
    authplug_status status;
    auth_end end;

    if (login->plugin == NULL)
        return ask_the_user(login);
    status = authplug_putty_host_begin(login->plugin, AUTHPLUG_KI_METHOD);
    if (status == AUTHPLUG_REJECTED) {
        user_tell("plugin", authplug_putty_host_plugin_text(login->plugin));
        if (login->batch) {
            (void)login_fail(login,
                             "the plugin does not answer this server, and "
                             "nobody can be asked in batch mode: log in "
                             "without --batch");
            return AUTH_BROKEN;
        }
        return ask_the_user(login);
    }
    if (status != AUTHPLUG_OK) {
        (void)login_plugin_failed(login, status);
        return AUTH_BROKEN;
    }
    end = run_dialogue(login, true);
    if (end != AUTH_BROKEN)
        (void)authplug_putty_host_outcome(login->plugin, end != AUTH_DENIED);
    login->answers_refused = end == AUTH_DENIED;
    return end;
}
