/* Hosting a PuTTY plugin: the client engine, a process, and deadlines. */
#include <authplug/putty_host.h>

#include "io/io.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TIMEOUT (60 * 1000)
#define FINISH_GRACE 1000
/* after a plugin broke off: how long to look for its last words and its end */
#define LAST_WORDS 500

struct authplug_putty_host {
    authplug_putty_client *engine;
    io_child *child;
    authplug_ki_reply *reply; /* the user's answers */
    authplug_ki_prompt *prompts;
    authplug_limits limits;
    authplug_secret *body; /* the plugin's question, while the user is asked */
    authplug_secret *text; /* its reason for a refusal */
    authplug_secret *username;
    authplug_status (*ask)(void *, const authplug_ki_request *,
                           authplug_ki_reply *);
    void *context;
    int timeout;
    int64_t total; /* no wait goes beyond this */
    bool shell;
    bool open; /* a method was accepted and its outcome not told */
    bool told; /* its last message was words for the user alone */
    char error[256];
};

/* Keeps the first explanation: what follows from it explains nothing. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void
explain(authplug_putty_host *host, const char *format, ...)
{
    va_list arguments;

    if (host->error[0] != 0)
        return;
    va_start(arguments, format);
    (void)vsnprintf(host->error, sizeof host->error, format, arguments);
    va_end(arguments);
}

/* ------------------------------------------------------- explaining faults */

static void
explain_end(authplug_putty_host *host, const char *expected)
{
    io_exit how = {false, -1, 0, false};
    bool ended = io_child_ended(host->child, io_deadline(LAST_WORDS), &how);

    /* a shell ends like this when its command was killed */
    if (host->shell && how.code > 128)
        how.signal = how.code - 128;
    if (host->told && (!ended || (how.known && how.signal == 0)))
        explain(host, "the plugin gave up, for the reason that it told");
    else if (!ended)
        explain(host, "the plugin closed its output where %s was expected",
                expected);
    else if (how.known && how.signal != 0)
        explain(host, "the plugin was killed by signal %d where %s was "
                      "expected",
                how.signal, expected);
    else if (how.known && host->shell && how.code == 127)
        explain(host, "the plugin's program was not found");
    else if (how.known && host->shell && how.code == 126)
        explain(host, "the plugin's program may not be executed");
    else if (how.known)
        explain(host, "the plugin ended early, with exit status %d, where %s "
                      "was expected",
                how.code, expected);
    else
        explain(host, "the plugin ended early where %s was expected",
                expected);
}

static void
explain_fault(authplug_putty_host *host, authplug_fault fault)
{
    const char *message = fault.message[0] ? fault.message : "a message";

    switch ((int)fault.status) {
    case AUTHPLUG_TEXT:
        explain(host, "the plugin printed text on its standard output, which "
                      "carries the protocol and nothing else");
        break;
    case AUTHPLUG_LENGTH:
        if (fault.message[0] == 0) {
            explain(host,
                    "the plugin claims a message that is empty or longer "
                    "than %lu bytes",
                    (unsigned long)host->limits.frame);
            break;
        }
        explain(host, "the plugin's %s holds a string that is too long, at "
                      "byte %lu",
                message, (unsigned long)fault.offset);
        break;
    case AUTHPLUG_CLOSED:
        explain_end(host, fault.text);
        break;
    case AUTHPLUG_TRUNCATED:
        if (strcmp(fault.text, "the rest of the message") == 0)
            explain(host, "the plugin ended in the middle of %s", message);
        else
            explain(host, "the plugin's %s ends too soon: at byte %lu %s "
                          "was expected",
                    message, (unsigned long)fault.offset, fault.text);
        break;
    case AUTHPLUG_VERSION:
        explain(host, "the plugin speaks a version of the protocol that was "
                      "not offered: this client knows versions 1 and 2");
        break;
    case AUTHPLUG_TYPE:
        if (fault.message[0] == 0)
            explain(host, "the plugin sent a message of an unknown type");
        else
            explain(host, "the plugin sent %s where it does not belong",
                    message);
        break;
    case AUTHPLUG_COUNT:
        explain(host, "the plugin gave a number of answers that differs from "
                      "the number of prompts");
        break;
    case AUTHPLUG_TURN:
        explain(host, "the plugin sent a message before it was asked");
        break;
    default:
        explain(host, "the plugin's %s: %s at byte %lu: expected %s", message,
                authplug_status_text(fault.status),
                (unsigned long)fault.offset, fault.text);
    }
}

static authplug_status
fail(authplug_putty_host *host, authplug_status status)
{
    authplug_fault fault = authplug_putty_client_fault(host->engine);

    if (fault.status != AUTHPLUG_OK)
        explain_fault(host, fault);
    else if (status == AUTHPLUG_CLOSED || (status == AUTHPLUG_TIMEOUT &&
                                           !io_child_listens(host->child)))
        explain(host, "the plugin closed its standard input and did not send "
                      "%s",
                authplug_putty_client_expected(host->engine));
    else if (status == AUTHPLUG_TIMEOUT)
        explain(host, "the plugin did not send %s in time",
                authplug_putty_client_expected(host->engine));
    else
        explain(host, "%s", authplug_status_text(status));
    return status;
}

/* ------------------------------------------------------------- messages */

static int64_t
patience(const authplug_putty_host *host)
{
    int64_t deadline = io_deadline(host->timeout);

    return deadline < host->total ? deadline : host->total;
}

static authplug_status
flush(authplug_putty_host *host, int64_t deadline)
{
    authplug_span bytes = authplug_putty_client_output(host->engine);
    authplug_status status = io_child_write(host->child, bytes, deadline);

    authplug_putty_client_output_consume(host->engine, bytes.len);
    return status;
}

/* Reads until the engine has a message, a fault, or the deadline passes. */
static authplug_status
read_message(authplug_putty_host *host, authplug_putty_message *message,
             int64_t deadline)
{
    unsigned char buffer[4096];
    authplug_status status;
    size_t len;

    for (;;) {
        status = authplug_putty_client_next(host->engine, message);
        if (status != AUTHPLUG_NEED_MORE)
            break;
        status = io_child_read(host->child, buffer, sizeof buffer, &len,
                               deadline);
        if (status != AUTHPLUG_OK)
            break;
        if (len == 0)
            authplug_putty_client_eof(host->engine);
        else
            status = authplug_putty_client_feed(host->engine, buffer, len);
        authplug_wipe(buffer, len);
        if (status == AUTHPLUG_NOMEM)
            break;
    }
    return status;
}

/*
 * Sends what is queued and waits for the answer. A plugin that reads no more
 * may still have said something, which is looked for before it is blamed.
 */
static authplug_status
exchange(authplug_putty_host *host, authplug_putty_message *message)
{
    int64_t deadline = patience(host);
    authplug_status sent = flush(host, deadline);
    authplug_status status;

    if (sent != AUTHPLUG_OK && sent != AUTHPLUG_CLOSED)
        return fail(host, sent);
    status = read_message(host, message,
                          sent == AUTHPLUG_OK ? deadline
                                              : io_deadline(LAST_WORDS));
    if (sent == AUTHPLUG_CLOSED && status == AUTHPLUG_TIMEOUT)
        status = sent;
    return status == AUTHPLUG_OK ? AUTHPLUG_OK : fail(host, status);
}

/* Printable, one line, no NUL: fit to be a username. */
static bool
is_username(authplug_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < 0x20 || text.data[i] == 0x7f)
            return false;
    return true;
}

/* ------------------------------------------------------------- the calls */

static bool
allocate(authplug_putty_host *host)
{
    host->engine = authplug_putty_client_new(&host->limits);
    host->reply = authplug_ki_reply_new(&host->limits);
    host->prompts = calloc(host->limits.prompts, sizeof *host->prompts);
    host->body = authplug_secret_new(host->limits.frame);
    host->text = authplug_secret_new(host->limits.frame);
    host->username = authplug_secret_new(host->limits.frame);
    return host->engine != NULL && host->reply != NULL &&
           host->prompts != NULL && host->body != NULL && host->text != NULL &&
           host->username != NULL;
}

authplug_status
authplug_putty_host_start(const authplug_putty_host_options *options,
                          authplug_putty_host **host)
{
    static const authplug_limits standard = AUTHPLUG_LIMITS_DEFAULT;
    io_program program = {.argv = options->argv,
                          .command = options->command,
                          .on_line = options->on_stderr,
                          .context = options->context};
    authplug_putty_host *born;
    authplug_status status;

    if (options->argv == NULL ? options->command == NULL
                              : options->argv[0] == NULL)
        return AUTHPLUG_USAGE;
    born = calloc(1, sizeof *born);
    if (born == NULL)
        return AUTHPLUG_NOMEM;
    born->limits = options->limits ? *options->limits : standard;
    born->ask = options->ask;
    born->context = options->context;
    born->timeout =
        options->timeout_ms > 0 ? options->timeout_ms : DEFAULT_TIMEOUT;
    born->total = INT64_MAX;
    born->shell = options->argv == NULL;
    if (!allocate(born)) {
        authplug_putty_host_finish(&born);
        return AUTHPLUG_NOMEM;
    }
    status = io_child_start(&program, &born->child);
    if (status != AUTHPLUG_OK)
        explain(born, "the plugin could not be started: %s", strerror(errno));
    *host = born;
    return status;
}

void
authplug_putty_host_set_deadline(authplug_putty_host *host, int64_t ms)
{
    host->total = io_deadline(ms);
}

/* Keeps the plugin's words for as long as the caller may want them. */
static authplug_status
keep_text(authplug_putty_host *host, authplug_span text)
{
    authplug_secret_clear(host->text);
    return authplug_secret_append(host->text, text.data, text.len);
}

authplug_status
authplug_putty_host_init(authplug_putty_host *host, const char *hostname,
                         uint32_t port, const char *username,
                         const char **chosen)
{
    authplug_putty_message message = {0};
    authplug_status status;

    if (host->child == NULL)
        return AUTHPLUG_STATE; /* it was not started */
    status = authplug_putty_client_init(host->engine,
                                        authplug_span_of(hostname), port,
                                        authplug_span_of(username));
    if (status == AUTHPLUG_OK)
        status = exchange(host, &message);
    if (status != AUTHPLUG_OK)
        return status;
    if (message.type == AUTHPLUG_PUTTY_INIT_FAILURE) {
        status = keep_text(host, message.text);
        return status == AUTHPLUG_OK ? AUTHPLUG_REFUSED : status;
    }
    if (!is_username(message.username)) {
        explain(host, "the plugin's username holds control characters");
        return AUTHPLUG_VALUE;
    }
    status = authplug_secret_append(host->username, message.username.data,
                                    message.username.len);
    if (status == AUTHPLUG_OK && authplug_secret_text(host->username) == NULL)
        status = AUTHPLUG_NOMEM;
    if (status == AUTHPLUG_OK)
        *chosen = authplug_secret_text(host->username);
    return status;
}

authplug_status
authplug_putty_host_begin(authplug_putty_host *host, const char *method)
{
    authplug_putty_message message = {0};
    authplug_status status;

    if (host->child == NULL)
        return AUTHPLUG_STATE;
    status = authplug_putty_client_protocol(host->engine,
                                            authplug_span_of(method));
    if (status == AUTHPLUG_OK)
        status = exchange(host, &message);
    if (status != AUTHPLUG_OK)
        return fail(host, status);
    host->open = message.type == AUTHPLUG_PUTTY_PROTOCOL_ACCEPT;
    if (host->open)
        return AUTHPLUG_OK;
    status = keep_text(host, message.text);
    return status == AUTHPLUG_OK ? AUTHPLUG_REJECTED : status;
}

/* The plugin asks the user. Its question is copied: it dies with the first
 * call on the engine, and the user may take long. */
static authplug_status
ask_user(authplug_putty_host *host, const authplug_putty_message *message)
{
    authplug_ki_request request;
    authplug_status status;

    host->told = message->request.count == 0;
    authplug_secret_clear(host->body);
    authplug_ki_reply_clear(host->reply);
    status = authplug_secret_append(host->body, message->request.raw.data,
                                    message->request.raw.len);
    if (status == AUTHPLUG_OK)
        status = authplug_ki_request_parse(authplug_secret_span(host->body),
                                           &host->limits, host->prompts,
                                           &request, NULL);
    if (status == AUTHPLUG_OK)
        status = host->ask == NULL ? AUTHPLUG_CANCELLED
                                   : host->ask(host->context, &request,
                                               host->reply);
    if (status == AUTHPLUG_CANCELLED && host->ask == NULL)
        explain(host, "the plugin wants to ask the user, who cannot be asked");
    if (status == AUTHPLUG_CANCELLED)
        explain(host, "the plugin's question was not answered");
    if (status == AUTHPLUG_OK)
        status =
            authplug_putty_client_user_response(host->engine, host->reply);
    authplug_ki_reply_clear(host->reply);
    return status;
}

authplug_status
authplug_putty_host_request(authplug_putty_host *host, authplug_span body,
                            authplug_ki_response *response, bool *bad_request)
{
    authplug_putty_message message = {0};
    authplug_fault fault = {0};
    authplug_status status;

    host->told = false;
    status =
        authplug_putty_client_server_request(host->engine, body, &fault);
    *bad_request = fault.status != AUTHPLUG_OK;
    if (*bad_request)
        return status;
    while (status == AUTHPLUG_OK) {
        status = exchange(host, &message);
        if (status != AUTHPLUG_OK)
            return status;
        if (message.type == AUTHPLUG_PUTTY_KI_SERVER_RESPONSE) {
            *response = message.response;
            return AUTHPLUG_OK;
        }
        status = ask_user(host, &message);
    }
    return fail(host, status);
}

authplug_status
authplug_putty_host_outcome(authplug_putty_host *host, bool success)
{
    authplug_status status;

    if (!host->open)
        return AUTHPLUG_OK;
    host->open = false;
    status = authplug_putty_client_auth(host->engine, success);
    if (status == AUTHPLUG_OK)
        status = flush(host, patience(host));
    return status == AUTHPLUG_CLOSED ? AUTHPLUG_OK : status;
}

void
authplug_putty_host_finish(authplug_putty_host **host)
{
    authplug_putty_host *h;

    if (host == NULL || *host == NULL)
        return;
    h = *host;
    io_child_finish(&h->child, FINISH_GRACE, NULL);
    authplug_putty_client_free(&h->engine);
    authplug_ki_reply_free(&h->reply);
    authplug_secret_free(&h->body);
    authplug_secret_free(&h->text);
    authplug_secret_free(&h->username);
    free(h->prompts);
    free(h);
    *host = NULL;
}

authplug_span
authplug_putty_host_plugin_text(const authplug_putty_host *host)
{
    return authplug_secret_span(host->text);
}

const char *
authplug_putty_host_error(const authplug_putty_host *host)
{
    return host->error;
}
