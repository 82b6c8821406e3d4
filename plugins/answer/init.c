/* init: a first file of rules, by asking. */
#define _GNU_SOURCE
#include "answer.h"

#include "io/io.h"

#include <authplug/text.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 600000

/* What was answered. */
typedef struct wishes {
    authplug_secret *host, *user, *password_prompt, *command;
    authplug_secret *code_prompt, *code;
    const char *uri_file; /* where the code's secret is read, or NULL */
} wishes;

static int fail(const char *format, ...) IO_PRINTF(1, 2);

static int
fail(const char *format, ...)
{
    char line[1024];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    io_say(ANSWER_PROGRAM " init", "%s", line);
    return 1;
}

/* ------------------------------------------------------------------- asking */

static bool
ask(const char *question, bool echo, authplug_secret *to)
{
    authplug_status status;

    authplug_secret_clear(to);
    status = io_ask(authplug_span_of(question), echo, to, io_deadline(WAIT_MS));
    if (status == AUTHPLUG_OK)
        return true;
    (void)fail("nothing was answered: %s", authplug_status_text(status));
    return false;
}

/* The same, with an answer for who only presses Return. */
static bool
ask_or(const char *question, const char *otherwise, authplug_secret *to)
{
    if (!ask(question, true, to))
        return false;
    return authplug_secret_len(to) > 0 ||
           authplug_secret_append(to, otherwise, strlen(otherwise)) ==
               AUTHPLUG_OK;
}

/* Takes the first line of a file, or of standard input. */
static bool
read_uri(const char *path, authplug_secret *to)
{
    bool standard = path == NULL || strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "re");
    char line[ANSWER_MOST];
    bool good = file != NULL && fgets(line, sizeof line, file) != NULL;

    if (good) {
        line[strcspn(line, "\r\n")] = 0;
        good = authplug_secret_append(to, line, strlen(line)) == AUTHPLUG_OK;
    } else {
        (void)fail("%s: an otpauth:// URI on its first line was expected",
                   standard ? "standard input" : path);
    }
    authplug_wipe(line, sizeof line);
    if (file != NULL && !standard)
        fclose(file);
    return good;
}

static bool
ask_code(wishes *w)
{
    if (!ask_or("The code's prompt (\"Verification code:\"; - for none): ",
                "Verification code:", w->code_prompt))
        return false;
    if (authplug_span_is(authplug_secret_span(w->code_prompt), "-")) {
        authplug_secret_clear(w->code_prompt);
        return true;
    }
    if (w->uri_file != NULL || isatty(0) == 0)
        return read_uri(w->uri_file, w->code);
    return ask("The otpauth:// URI, or the secret in base32 (not shown): ",
               false, w->code);
}

static bool
ask_all(wishes *w)
{
    return ask("The server, as your client names it: ", true, w->host) &&
           ask("Your name there (Return: the client says it): ", true,
               w->user) &&
           ask_or("The password's prompt (\"Password:\"; - for none): ",
                  "Password:", w->password_prompt) &&
           (authplug_span_is(authplug_secret_span(w->password_prompt), "-")
                ? (authplug_secret_clear(w->password_prompt), true)
                : ask("A command that prints it, such as pass show NAME "
                      "(Return: you are asked): ",
                      true, w->command)) &&
           ask_code(w);
}

/* ------------------------------------------------------------------ writing */

static bool add(authplug_secret *to, const char *format, ...) IO_PRINTF(2, 3);

static bool
add(authplug_secret *to, const char *format, ...)
{
    char line[2 * ANSWER_MOST];
    va_list arguments;
    bool good;

    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    good = authplug_secret_append(to, line, strlen(line)) == AUTHPLUG_OK;
    authplug_wipe(line, sizeof line);
    return good;
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
            good = authplug_secret_append(to, "\\", 1) == AUTHPLUG_OK;
        good = good && authplug_secret_append(to, &byte, 1) == AUTHPLUG_OK;
    }
    return good;
}

static const char *
text_of(authplug_secret *secret)
{
    const char *text = authplug_secret_text(secret);

    return text != NULL ? text : "";
}

static bool
add_password(authplug_secret *to, wishes *w)
{
    bool command = authplug_secret_len(w->command) > 0;

    if (authplug_secret_len(w->password_prompt) == 0)
        return true;
    return add(to,
               "\n    # the whole prompt, as an extended regular expression\n"
               "    Request \"") &&
           add_regex(to, w->password_prompt) && add(to, "\"\n") &&
           (!command || add(to, "    Exec %s\n", text_of(w->command))) &&
           add(to, "    Response %s\n", command ? "$exec$" : "$ask$");
}

static bool
add_code(authplug_secret *to, wishes *w)
{
    if (authplug_secret_len(w->code) == 0)
        return true;
    return add(to, "\n    Request \"") && add_regex(to, w->code_prompt) &&
           add(to,
               "\"\n    Response $totp:code$\n"
               "\n# A keyring keeps it better than a file: store it with\n"
               "#     secret-tool store --label=code authplug code\n"
               "# and write  Secret $keyring:code$  here.\n"
               "Totp code\n    Secret \"%s\"\n",
               text_of(w->code));
}

static bool
make_text(wishes *w, authplug_secret *to)
{
    return add(to,
               "# What authplug answer answers; see authplug-answers(5).\n"
               "# To see what becomes of a prompt:\n"
               "#     authplug answer --explain --host HOST --prompt TEXT\n"
               "\nHost %s\n",
               text_of(w->host)) &&
           (authplug_secret_len(w->user) == 0 ||
            add(to, "    Username %s\n", text_of(w->user))) &&
           add_password(to, w) && add_code(to, w);
}

/* The folders above a path, for us alone. */
static bool
make_folders(const char *path)
{
    char folder[4096];

    for (const char *slash = strchr(path + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        if ((size_t)(slash - path) >= sizeof folder)
            return false;
        memcpy(folder, path, (size_t)(slash - path));
        folder[slash - path] = 0;
        if (mkdir(folder, 0700) != 0 && errno != EEXIST)
            return false;
    }
    return true;
}

/* A new file, whole or not at all, and in the place of none. */
static bool
write_file(const char *path, authplug_span text)
{
    char temporary[4096];
    bool good;
    int fd;

    if (snprintf(temporary, sizeof temporary, "%s.new", path) >=
            (int)sizeof temporary ||
        !make_folders(path))
        return false;
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    good =
        write(fd, text.data, text.len) == (ssize_t)text.len && fsync(fd) == 0;
    good = close(fd) == 0 && good && link(temporary, path) == 0;
    (void)unlink(temporary);
    return good;
}

/* ---------------------------------------------------------------- the whole */

/* The code of now, to be compared with another device's. */
static bool
show_code(wishes *w)
{
    static const answer_code here = {
        .name = (char *)(uintptr_t) "code", .counter = -1, .algorithm = -1};
    authplug_secret *code = authplug_secret_new(16);
    char why[ANSWER_WHY];
    otp_key key = {0};
    bool good;

    if (authplug_secret_len(w->code) == 0) {
        authplug_secret_free(&code);
        return true;
    }
    why[0] = 0;
    good = code != NULL && otp_key_parse(&here, authplug_secret_span(w->code),
                                         &key, why, sizeof why);
    if (good)
        good = otp_code(&key, (uint64_t)time(NULL) / key.period, code);
    if (good)
        printf("The code of now is %s: it must be what your other device "
               "shows.\n",
               authplug_secret_text(code));
    else
        (void)fail("%s", why[0] != 0 ? why : "the code cannot be made");
    otp_key_free(&key);
    authplug_secret_free(&code);
    return good;
}

static int
make_file(wishes *w, const char *path)
{
    authplug_secret *text = authplug_secret_new(65536);
    char why[ANSWER_WHY];
    answer_config *made;
    int result = 1;

    if (text == NULL || !make_text(w, text))
        result = fail("memory ran out");
    else if (!write_file(path, authplug_secret_span(text)))
        result = fail("%s cannot be made: %s", path, strerror(errno));
    else
        result = 0;
    authplug_secret_free(&text);
    if (result != 0)
        return result;
    printf("%s is made.\n", path);
    made = answer_config_read(path, why, sizeof why);
    if (made == NULL)
        return fail("%s", why);
    answer_config_free(&made);
    return 0;
}

int
answer_init(const char *path, const char *uri_file)
{
    authplug_secret *made[6];
    wishes w = {.uri_file = uri_file};
    char *usual = path == NULL ? answer_config_path() : NULL;
    bool memory = true;
    int result = 1;

    for (int i = 0; i < 6; i++) {
        made[i] = authplug_secret_new(ANSWER_MOST);
        memory = memory && made[i] != NULL;
    }
    w.host = made[0];
    w.user = made[1];
    w.password_prompt = made[2];
    w.command = made[3];
    w.code_prompt = made[4];
    w.code = made[5];
    if (path == NULL)
        path = usual;
    if (!memory || path == NULL)
        result = fail("there is no memory, or no home for the file");
    else if (access(path, F_OK) == 0)
        result = fail("%s is there already: edit it, or name another with "
                      "--config",
                      path);
    else if (ask_all(&w) && show_code(&w))
        result = make_file(&w, path);
    for (int i = 0; i < 6; i++)
        authplug_secret_free(&made[i]);
    free(usual);
    return result;
}
