/* A login from the target's name to an authenticated session. */
#define _GNU_SOURCE
#include "client/client.h"

#include "sdk/user.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* SSH_MSG_USERAUTH_* numbers (RFC 4252, RFC 4256) */
enum {
    MSG_REQUEST = 50,
    MSG_FAILURE = 51,
    MSG_SUCCESS = 52,
    MSG_BANNER = 53,
    MSG_OF_METHOD = 60, /* INFO_REQUEST, PASSWD_CHANGEREQ, PK_OK */
    MSG_INFO_RESPONSE = 61
};

#define BODY_MAX 262144u
/* a server that has more to say is not listened to */
#define BANNERS_MAX 16

const char *client_program = "authplug ssh";
int client_given_up = 255;

bool
login_fail(struct login *login, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    if (login->said)
        return false;
    login->said = true;
    if (io_signals_caught() != 0)
        return false; /* who ended it knows why */
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    io_say(PROGRAM, "%s", text);
    return false;
}

void
login_debug(const struct login *login, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    if (login->args->verbose == 0)
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    io_say(PROGRAM, "debug: %s", text);
}

/* ------------------------------------------------------ waiting for libssh */

/* How much longer than the deadline the watchdog waits. */
#define WATCHDOG_S 5

static void
bark(int number)
{
    static const char text[] =
        ": no login in time: a name service, an agent or a file "
        "system does not answer; --timeout sets the limit\n";

    (void)number;
    (void)!write(STDERR_FILENO, client_program, strlen(client_program));
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    master_abandon(); /* no more than unlink() and close() */
    _exit(client_given_up);
}

/*
 * Our own waits end at the deadline. Some libraries' do not: looking up a
 * name, talking to an agent. What still waits then is ended for good.
 */
static void
set_watchdog(unsigned seconds)
{
    struct sigaction action = {0};

    action.sa_handler = seconds > 0 ? bark : SIG_DFL;
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGALRM, &action, NULL);
    (void)alarm(seconds);
}

/* All that follows has so long, from now. */
static void
set_deadline(struct login *login)
{
    int ms = login->args->timeout_ms;

    login->deadline = io_deadline(ms);
    set_watchdog((unsigned)ms / 1000 + WATCHDOG_S);
}

/* Keeps a copy of a packet's body. One that is too long is kept empty, which
 * no request can be. */
static void
keep(authplug_secret *to, authplug_span body)
{
    authplug_secret_clear(to);
    (void)authplug_secret_append(to, body.data, body.len);
}

/* string user, string service, string method (RFC 4252 section 5) */
static void
keep_method(struct login *login, authplug_span body)
{
    authplug_reader reader = authplug_reader_over(body, BODY_MAX);
    authplug_span method;

    (void)authplug_get_string(&reader);
    (void)authplug_get_string(&reader);
    method = authplug_get_string(&reader);
    if (authplug_span_is(method, AUTHPLUG_KI_METHOD))
        login->asked = ASKED_KBDINT;
    else if (authplug_span_is(method, "password"))
        login->asked = ASKED_PASSWORD;
    else
        login->asked = ASKED_OTHER;
}

/* What it is depends on what was asked; where nothing was, libssh ends it. */
static void
keep_of_method(struct login *login, authplug_span body)
{
    login->have_request = login->asked == ASKED_KBDINT;
    login->have_change = login->asked == ASKED_PASSWORD;
    if (login->have_request || login->have_change)
        keep(login->request, body);
}

/* string name-list, boolean partial (RFC 4252 section 5.1) */
static void
keep_failure(struct login *login, authplug_span body)
{
    authplug_reader reader = authplug_reader_over(body, BODY_MAX);
    authplug_span methods = authplug_get_string(&reader);
    bool partial = authplug_get_boolean(&reader);

    if (reader.status != AUTHPLUG_OK)
        return;
    keep(login->methods, methods);
    login->partial = partial;
}

/* string message, string language (RFC 4252 section 5.4), when it comes */
static void
tell_banner(struct login *login, authplug_span body)
{
    authplug_reader reader = authplug_reader_over(body, BODY_MAX);
    authplug_span message = authplug_get_string(&reader);

    if (reader.status == AUTHPLUG_OK && !login->config.quiet &&
        login->banners++ < BANNERS_MAX)
        user_tell("server", message);
}

void
login_read_tap(struct login *login)
{
    capture_packet packet;

    while (login->tap != NULL && tap_next(login->tap, &packet)) {
        if (packet.incoming &&
            (packet.type == MSG_FAILURE || packet.type == MSG_SUCCESS))
            login->asked = ASKED_NOTHING;
        if (packet.incoming && packet.type == MSG_FAILURE) {
            keep_failure(login, packet.body);
        } else if (packet.incoming && packet.type == MSG_BANNER) {
            tell_banner(login, packet.body);
        } else if (packet.incoming && packet.type == MSG_OF_METHOD) {
            keep_of_method(login, packet.body);
        } else if (!packet.incoming && packet.type == MSG_REQUEST) {
            keep_method(login, packet.body);
        } else if (!packet.incoming && packet.type == MSG_INFO_RESPONSE) {
            keep(login->response, packet.body);
        }
    }
}

/* What libssh says may be the server's words in part: it is marked. Of a socket
 * it says no more than our own line does. */
void
login_tell_library(const struct login *login)
{
    static const char socket_error[] = "Socket error";
    const char *text = ssh_get_error(login->session);

    if (!login->said &&
        (login->args->verbose > 1 ||
         strncmp(text, socket_error, sizeof socket_error - 1) != 0))
        user_tell("libssh", authplug_span_of(text));
}

static void
tell_disconnect(struct login *login)
{
    static const char mark[] = "Received SSH_MSG_DISCONNECT: ";
    static const char stray[] = "Packet filter: rejected packet";
    const char *text = ssh_get_error(login->session);
    const char *said = strstr(text, mark);

    if (login->said)
        return;
    if (said != NULL)
        user_tell("server", authplug_span_of(said + sizeof mark - 1));
    else
        login_tell_library(login);
    if (strncmp(text, stray, sizeof stray - 1) == 0)
        (void)login_fail(login, "the server sent a message where it does not "
                                "belong: ask its administrator");
    else
        (void)login_fail(login, "the server closed the connection before the "
                                "login was complete: try again, or ask its "
                                "administrator");
}

bool
login_alive(struct login *login)
{
    if (ssh_get_error_code(login->session) != SSH_FATAL &&
        !(ssh_get_status(login->session) & (SSH_CLOSED | SSH_CLOSED_ERROR)))
        return true;
    login_read_tap(login);
    tell_disconnect(login);
    return false;
}

bool
login_wait(struct login *login)
{
    int flags = ssh_get_poll_flags(login->session);
    authplug_status status;

    if (!login_alive(login))
        return false;
    status = io_wait(ssh_get_fd(login->session), true,
                     (flags & SSH_WRITE_PENDING) != 0, login->deadline);
    login_read_tap(login);
    if (status == AUTHPLUG_TIMEOUT)
        return login_fail(login,
                          "no login within %d seconds: the server is slow or "
                          "silent; --timeout sets the limit",
                          login->args->timeout_ms / 1000);
    if (status == AUTHPLUG_CANCELLED) {
        login->said = true;
        return false;
    }
    if (status != AUTHPLUG_OK)
        return login_fail(login, "%s", authplug_status_text(status));
    return true;
}

/* -------------------------------------------------------------- connecting */

/*
 * A list of algorithms; of those that libssh does not know it says so only
 * when nothing is left.
 */
static bool
set_algorithms(struct login *login, enum ssh_options_e option, const char *list,
               const char *keyword)
{
    if (list == NULL || ssh_options_set(login->session, option, list) == 0)
        return true;
    return login_fail(login, "none of the configured %s is supported: %s",
                      keyword, IO_SHORT(list));
}

static bool
set_options(struct login *login, const known_keys *known)
{
    const ssh_config *config = &login->config;
    ssh_session session = login->session;
    unsigned port = config->port;
    bool off = false;
    char *order = NULL;
    const char *ciphers = ciphers_order(config->ciphers);
    bool good =
        ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &off) == 0 &&
        ssh_options_set(session, SSH_OPTIONS_HOST, config->hostname) == 0 &&
        ssh_options_set(session, SSH_OPTIONS_PORT, &port) == 0 &&
        ssh_options_set(session, SSH_OPTIONS_KNOWNHOSTS, "/dev/null") == 0 &&
        ssh_options_set(session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null") ==
            0;

    if (!good)
        return login_fail(login,
                          "'%s' is no host name that can be connected "
                          "to: name another",
                          IO_SHORT(config->hostname));
    if (config->compression)
        /* the one that begins after authentication, which the tap reads */
        (void)ssh_options_set(session, SSH_OPTIONS_COMPRESSION,
                              "zlib@openssh.com,none");
    if (config->identityagent != NULL &&
        strcmp(config->identityagent, "none") != 0 &&
        strcmp(config->identityagent, "SSH_AUTH_SOCK") != 0)
        (void)ssh_options_set(session, SSH_OPTIONS_IDENTITY_AGENT,
                              config->identityagent);
    if (config->hostkeyalgorithms != NULL)
        order = known_order(known, config->hostkeyalgorithms);
    good =
        set_algorithms(login, SSH_OPTIONS_KEY_EXCHANGE, config->kexalgorithms,
                       "KexAlgorithms") &&
        set_algorithms(login, SSH_OPTIONS_HOSTKEYS, order,
                       "HostKeyAlgorithms") &&
        set_algorithms(login, SSH_OPTIONS_CIPHERS_C_S, ciphers, "Ciphers") &&
        set_algorithms(login, SSH_OPTIONS_CIPHERS_S_C, ciphers, "Ciphers") &&
        set_algorithms(login, SSH_OPTIONS_HMAC_C_S, config->macs, "MACs") &&
        set_algorithms(login, SSH_OPTIONS_HMAC_S_C, config->macs, "MACs") &&
        set_algorithms(login, SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES,
                       config->pubkeyalgorithms, "PubkeyAcceptedAlgorithms");
    free(order);
    return good;
}

static bool
exchange_keys(struct login *login)
{
    int rc, fd = connect_target(&login->config, login->args, login->stays,
                                login->deadline);

    if (fd < 0) {
        login->said = true;
        return false;
    }
    if (ssh_options_set(login->session, SSH_OPTIONS_FD, &fd) != 0) {
        close(fd);
        return login_fail(login, "%s", authplug_status_text(AUTHPLUG_NOMEM));
    }
    ssh_set_blocking(login->session, 0);
    while ((rc = ssh_connect(login->session)) == SSH_AGAIN)
        if (!login_wait(login))
            return false;
    if (rc != SSH_OK) {
        login_tell_library(login);
        return login_fail(login,
                          "no SSH connection to %s: is it an SSH "
                          "server, and does the proxy work?",
                          IO_SHORT(login->config.hostname));
    }
    (void)fcntl(ssh_get_fd(login->session), F_SETFD, FD_CLOEXEC);
    return true;
}

/* ------------------------------------------------------------------ plugin */

static void
on_plugin_error(void *context, authplug_span line)
{
    const struct login *login = context;

    if (!login->config.quiet)
        user_tell("plugin", line);
}

static authplug_status
on_plugin_ask(void *context, const authplug_ki_request *request,
              authplug_ki_reply *reply)
{
    struct login *login = context;

    if (login->batch && request->count > 0) {
        user_tell("plugin", request->instruction);
        for (uint32_t i = 0; i < request->count; i++)
            user_tell("plugin", request->prompts[i].text);
        (void)login_fail(login, "the plugin asks the user, who cannot be "
                                "asked in batch mode: log in without --batch");
        return AUTHPLUG_CANCELLED;
    }
    return user_ask("plugin", request, reply, login->deadline);
}

/* The name under which PuTTY's protocol knows the host: the one that its key
 * is kept under (H.6.1), without the port. */
static const char *
logical_host(const struct login *login)
{
    return login->config.hostkeyalias ? login->config.hostkeyalias
                                      : login->config.hostname;
}

static bool
start_plugin(struct login *login)
{
    authplug_putty_host_options options = {0};
    const char *chosen = "";
    authplug_status status;

    if (login->args->plugin == NULL || login->no_passwords)
        return true;
    options.argv = (const char *const *)login->args->plugin_words;
    options.command = login->args->plugin;
    options.timeout_ms = login->args->timeout_ms;
    options.ask = on_plugin_ask;
    options.on_stderr = on_plugin_error;
    options.context = login;
    status = authplug_putty_host_start(&options, &login->plugin);
    if (status == AUTHPLUG_OK) {
        authplug_putty_host_set_deadline(login->plugin,
                                         login->deadline - io_now());
        status = authplug_putty_host_init(
            login->plugin, logical_host(login), login->config.port,
            login->config.user, &chosen);
    }
    if (status == AUTHPLUG_REFUSED) {
        user_tell("plugin", authplug_putty_host_plugin_text(login->plugin));
        return login_fail(login, "the plugin refused this login: see what it "
                                 "said, or log in without it, by --plugin ''");
    }
    if (status != AUTHPLUG_OK)
        return login_plugin_failed(login, status);
    if (*chosen != 0) {
        login_debug(login, "the plugin gives the username '%s'", chosen);
        login->user = chosen;
    }
    return true;
}

/* What to do about a plugin's fault. */
static const char *
remedy(authplug_status status)
{
    switch ((int)status) {
    case AUTHPLUG_NOT_FOUND:
        return "check the plugin's command line";
    case AUTHPLUG_TEXT:
        return "have it print to standard error or to a file";
    case AUTHPLUG_TIMEOUT:
        return "--timeout sets the limit";
    case AUTHPLUG_CANCELLED:
    case AUTHPLUG_NO_TERMINAL:
        return "log in where there is a terminal";
    default:
        return "run it by hand with 'authplug try putty'";
    }
}

bool
login_plugin_failed(struct login *login, authplug_status status)
{
    const char *error = login->plugin == NULL
                            ? authplug_status_text(status)
                            : authplug_putty_host_error(login->plugin);

    if (io_signals_caught() != 0)
        login->said = true;
    return login_fail(login, "%s: %s", error, remedy(status));
}

/* ----------------------------------------------------------------- a login */

bool
login_prepare(struct login *login, ssh_args *args)
{
    static const authplug_limits standard = AUTHPLUG_LIMITS_DEFAULT;

    login->args = args;
    login->limits = standard;
    set_deadline(login);
    login->request = authplug_secret_new(BODY_MAX);
    login->response = authplug_secret_new(BODY_MAX);
    login->methods = authplug_secret_new(BODY_MAX);
    login->session = ssh_new();
    if (login->request == NULL || login->response == NULL ||
        login->methods == NULL || login->session == NULL)
        return login_fail(login, "%s", authplug_status_text(AUTHPLUG_NOMEM));
    if (!config_resolve(&login->config, args, login->deadline) ||
        !args_settle(args, &login->config))
        return false;
    set_deadline(login); /* which may be another one now */
    login->key_name = config_key_name(&login->config);
    if (login->key_name == NULL)
        return login_fail(login, "%s", authplug_status_text(AUTHPLUG_NOMEM));
    login->user = login->config.user;
    login->batch = args->batch || login->config.batchmode;
    /* who names a plugin wants keyboard-interactive */
    if (args->plugin != NULL)
        login->config.kbdint = true;
    return true;
}

static hostkey_verdict
reach_server(struct login *login)
{
    known_keys known = {0};
    hostkey_verdict verdict = HOSTKEY_REFUSED;

    if (known_load(&known, &login->config, login->key_name,
                   login->deadline) &&
        set_options(login, &known) && exchange_keys(login))
        verdict = hostkey_check(login->session, &login->config, &known,
                                login->key_name, login->batch,
                                login->deadline);
    known_free(&known);
    return verdict;
}

/* From an accepted host key to an open session. */
static login_end
authenticate(struct login *login)
{
    login_end end;

    login->tap = tap_open(login->session);
    if (login->tap == NULL) {
        (void)login_fail(login, "cannot read the authentication's packets: "
                                "is /proc mounted?");
        return LOGIN_FAILED;
    }
    end = start_plugin(login) ? auth_run(login) : LOGIN_FAILED;
    login_read_tap(login);
    tap_close(&login->tap);
    authplug_putty_host_finish(&login->plugin);
    return end;
}

static login_end
log_in(struct login *login)
{
    hostkey_verdict verdict;

    set_deadline(login);
    verdict = reach_server(login);
    if (verdict == HOSTKEY_STOCK) {
        io_say(PROGRAM, "%s is known by a certificate authority alone, which "
                        "stock ssh can verify: it takes over, without the "
                        "plugin",
               login->key_name);
        return LOGIN_STOCK;
    }
    if (verdict == HOSTKEY_REFUSED)
        return LOGIN_FAILED;
    login->no_passwords = verdict == HOSTKEY_NO_PASSWORDS;
    /* the time the user took to judge the key is not the server's */
    set_deadline(login);
    return authenticate(login);
}

login_end
login_run(struct login *login)
{
    login_end end = log_in(login);

    set_watchdog(0);
    return end;
}

void
login_free(struct login *login)
{
    set_watchdog(0); /* it would outlive exec() */
    tap_close(&login->tap);
    authplug_putty_host_finish(&login->plugin);
    if (login->session != NULL) {
        ssh_disconnect(login->session);
        ssh_free(login->session);
        login->session = NULL;
    }
    connect_abandon();
    config_free(&login->config);
    free(login->key_name);
    login->key_name = NULL;
    authplug_secret_free(&login->request);
    authplug_secret_free(&login->response);
    authplug_secret_free(&login->methods);
}
