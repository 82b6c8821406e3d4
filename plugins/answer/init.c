/* init: a first file of rules, by asking. */
#define _GNU_SOURCE
#include "answer.h"

#include "io/io.h"

#include <authplug/text.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MS 600000 /* for each question */
#define URI_MS 60000     /* for who writes the URI into a pipe */
#define TEXT_MOST 65536
#define SOON 10 /* seconds: the other device may show the next code by then */

static int fail(const char *format, ...) IO_PRINTF(1, 2);

static int
fail(const char *format, ...)
{
    char line[2 * ANSWER_WHY];
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
    (void)fflush(stdout);
    status =
        io_ask(authplug_span_of(question), echo, to, io_deadline(ANSWER_MS));
    if (status == AUTHPLUG_OK)
        return true;
    (void)fail("there is no answer, and no file was made: %s",
               authplug_status_text(status));
    return false;
}

/* Whether one prompt would not be to have two answers; says that it would. The
 * password's rule comes first, and takes what it matches. */
static bool
prompts_differ(const init_wishes *w, const answer_config *config)
{
    answer_prompt code = {.text = authplug_secret_span(w->code_prompt)};
    match_found found = {0};

    if (code.text.len == 0 || authplug_secret_len(w->password_prompt) == 0 ||
        match_rule(&config->blocks[0], &config->blocks[0].own[0], &code,
                   &found) != MATCHES)
        return true;
    (void)fail("that is the password's prompt, and cannot have the code as "
               "well: another one was expected%s",
               authplug_secret_len(w->code) > 0
                   ? ""
                   : ", or - where no prompt is for the code alone");
    return false;
}

/* Whether a file of what is known so far could be read again; says why not. */
static bool
can_be_read(const init_wishes *w)
{
    authplug_secret *text = authplug_secret_new(TEXT_MOST);
    char why[ANSWER_WHY] = "memory ran out";
    answer_config *config = NULL;
    const char *what = why;

    if (text != NULL && init_text(w, text))
        config = answer_config_parse("new", authplug_secret_span(text), why,
                                     sizeof why);
    authplug_secret_free(&text);
    if (config != NULL) {
        bool good = prompts_differ(w, config);

        answer_config_free(&config);
        return good;
    }
    if (strncmp(why, "new:", 4) == 0 && strstr(why, ": ") != NULL)
        what = strstr(why, ": ") + 2;
    (void)fail("that cannot stand in the file: %s", what);
    return false;
}

/* Blanks at the end count nowhere in the file. */
static void
cut_blanks(authplug_secret *text)
{
    authplug_span all = authplug_secret_span(text);

    while (all.len > 0 &&
           (all.data[all.len - 1] == ' ' || all.data[all.len - 1] == '\t'))
        all.len--;
    authplug_secret_cut(text, all.len);
}

/* Asks until the answer is good. Who only presses Return has said otherwise. */
static bool
ask_for(const init_wishes *w, const char *question, const char *otherwise,
        bool (*is_good)(authplug_secret *text), authplug_secret *to)
{
    for (;;) {
        if (!ask(question, true, to))
            return false;
        cut_blanks(to);
        if (authplug_secret_len(to) == 0 &&
            authplug_secret_append(to, otherwise, strlen(otherwise)) !=
                AUTHPLUG_OK)
            return false;
        if (authplug_span_is(authplug_secret_span(to), "-"))
            authplug_secret_clear(to); /* there is none */
        if ((is_good == NULL || is_good(to)) && can_be_read(w))
            return true;
    }
}

static bool
is_host(authplug_secret *text)
{
    const char *host = authplug_secret_text(text);

    if (host != NULL && host[0] != 0 && strpbrk(host, "@/") == NULL)
        return true;
    (void)fail("the name of a server was expected, without a user, such as "
               "login.example.org");
    return false;
}

static bool
is_prompt(authplug_secret *text)
{
    if (!match_is_copied(authplug_secret_span(text)))
        return true;
    (void)fail("what stands in parentheses is ssh's own: the server's prompt "
               "was expected, without it");
    return false;
}

/* The same where a file without it would answer nothing, or leave out the
 * secret that was read. */
static bool
is_needed_prompt(authplug_secret *text)
{
    if (authplug_secret_len(text) > 0)
        return is_prompt(text);
    (void)fail("without this prompt there is nothing to answer: the text that "
               "the server asks with was expected, or Ctrl-C");
    return false;
}

/* ------------------------------------------------------------- the password */

static bool
is_program(const char *name)
{
    const char *path = getenv("PATH");
    char whole[4096];

    if (strchr(name, '/') != NULL)
        return access(name, X_OK) == 0;
    for (; path != NULL && *path != 0; path += *path == ':') {
        size_t len = strcspn(path, ":");

        if (snprintf(whole, sizeof whole, "%.*s/%s", (int)len, path, name) <
                (int)sizeof whole &&
            access(whole, X_OK) == 0)
            return true;
        path += len;
    }
    return false;
}

/* Who types a password here, or a line for a shell, is told in time. */
static bool
is_command(authplug_secret *text)
{
    static const char *const shells[] = {"|", "||", "&&", ";", ">", "<", "&"};
    const char *command = authplug_secret_text(text), *at = command;
    char word[256];

    if (command != NULL && (command[0] == 0 || strcmp(command, "keyring") == 0))
        return true;
    for (bool first = true; at != NULL && *at != 0; first = false) {
        size_t len = strcspn(at, " \t");

        (void)snprintf(word, sizeof word, "%.*s", (int)len, at);
        if (first && !is_program(word)) {
            (void)fail("there is no such program: a command, keyring, or "
                       "nothing was expected");
            return false;
        }
        for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
            if (strcmp(word, shells[i]) == 0) {
                (void)fail("commands are started without a shell: write "
                           "sh -c '...' where %s is to mean something",
                           word);
                return false;
            }
        at += len;
        at += strspn(at, " \t");
    }
    return command != NULL;
}

static bool
ask_password(init_wishes *w)
{
    if (!ask_for(w,
                 "The password's prompt (Return: \"Password:\"; -: there is "
                 "none): ",
                 "Password:", is_prompt, w->password_prompt))
        return false;
    return authplug_secret_len(w->password_prompt) == 0 ||
           ask_for(w,
                   "Where it is: a command that prints it, such as pass show "
                   "NAME; keyring;\nor Return, and you type it each time: ",
                   "", is_command, w->password);
}

/* ------------------------------------------------------------------- a code */

/* The first line of what comes from there, whole. */
static authplug_status
read_line(int fd, authplug_secret *to)
{
    unsigned char buffer[ANSWER_MOST];
    const unsigned char *end = NULL;
    int64_t deadline = io_deadline(URI_MS);
    authplug_status status = AUTHPLUG_OK;
    size_t len = 1;

    while (status == AUTHPLUG_OK && len > 0 && end == NULL) {
        status = io_read(fd, buffer, sizeof buffer, &len, deadline);
        if (status != AUTHPLUG_OK)
            break;
        end = len > 0 ? memchr(buffer, '\n', len) : NULL;
        status = authplug_secret_append(
            to, buffer, end != NULL ? (size_t)(end - buffer) : len);
    }
    authplug_wipe(buffer, sizeof buffer);
    return status;
}

/* Takes the secret from a file, or from standard input. */
static bool
read_code(const char *path, init_wishes *w)
{
    bool standard = path == NULL || strcmp(path, "-") == 0;
    int fd =
        standard ? 0 : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat is;
    authplug_status status = AUTHPLUG_IO;

    if (standard)
        path = "standard input";
    if (fd < 0) {
        (void)fail("%s: %s", path, strerror(errno));
        return false;
    }
    if (fstat(fd, &is) == 0 && S_ISDIR(is.st_mode)) {
        (void)fail("%s: this is a folder: a file with an otpauth:// URI was "
                   "expected",
                   path);
        if (!standard)
            close(fd);
        return false;
    }
    status = read_line(fd, w->code);
    if (status != AUTHPLUG_OK || authplug_secret_len(w->code) == 0)
        (void)fail("%s: %s: one line with an otpauth:// URI was expected", path,
                   status != AUTHPLUG_OK ? authplug_status_text(status)
                                         : "it is empty");
    else if (!standard && fstat(fd, &is) == 0 && S_ISREG(is.st_mode) &&
             (is.st_mode & 077) != 0)
        printf("Others may read %s: remove it once this is done.\n", path);
    if (!standard)
        close(fd);
    return status == AUTHPLUG_OK && authplug_secret_len(w->code) > 0;
}

/* Whether it is a secret at all, and the file can hold it; says why not. */
static bool
parse_code(init_wishes *w, otp_key *key)
{
    static const char scheme[] = "otpauth://hotp";
    authplug_span text = otp_trim(authplug_secret_span(w->code));
    answer_code here = {
        .name = (char *)(uintptr_t) "code", .counter = -1, .algorithm = -1};
    char why[ANSWER_WHY];

    w->counted =
        text.len > sizeof scheme - 1 &&
        strncasecmp((const char *)text.data, scheme, sizeof scheme - 1) == 0;
    here.counted = w->counted;
    if (!otp_key_parse(&here, text, key, why, sizeof why))
        (void)fail("%s", why);
    else if (can_be_read(w))
        return true;
    otp_key_free(key);
    return false;
}

/* Prints the code of now, to be compared with another device's; by a counter it
 * is the next one. */
static bool
print_code(const otp_key *key)
{
    authplug_secret *code = authplug_secret_new(ANSWER_MOST);
    authplug_secret *next = authplug_secret_new(ANSWER_MOST);
    uint64_t now = (uint64_t)time(NULL);
    uint64_t moving = key->counted ? key->counter : now / key->period;
    unsigned left = key->period - (unsigned)(now % key->period);
    bool soon = !key->counted && left < SOON;
    bool good = code != NULL && next != NULL && otp_code(key, moving, code) &&
                (!soon || otp_code(key, moving + 1, next));

    if (good && key->counted)
        printf("Code number %" PRIu64 " is %s.\n", moving,
               authplug_secret_text(code));
    else if (good)
        printf("The code of now is %s, for %u more second%s%s%s.\n",
               authplug_secret_text(code), left, left == 1 ? "" : "s",
               soon ? "; then it is " : "",
               soon ? authplug_secret_text(next) : "");
    else
        (void)fail("the code cannot be computed, or memory ran out");
    authplug_secret_free(&code);
    authplug_secret_free(&next);
    return good;
}

/* Whether the other device has the same code; or says what is to be looked
 * at. */
static bool
is_confirmed(const init_wishes *w)
{
    authplug_secret *answer = authplug_secret_new(ANSWER_MOST);
    unsigned char first = 'y';
    struct tm utc = {0};
    time_t now;
    bool good =
        answer != NULL &&
        ask(w->counted ? "Is it the next that your other device shows? [Y/n] "
                       : "Does your other device show it, too? [Y/n] ",
            true, answer);

    if (good && authplug_secret_len(answer) > 0)
        first = authplug_secret_span(answer).data[0] | 0x20;
    if (first != 'y') {
        now = time(NULL);
        (void)gmtime_r(&now, &utc);
        (void)fail("the secret is another, or a clock is wrong (here it is "
                   "%02d:%02d:%02d UTC): no file was made",
                   utc.tm_hour, utc.tm_min, utc.tm_sec);
        good = false;
    }
    authplug_secret_free(&answer);
    return good;
}

static bool
show_code(init_wishes *w)
{
    otp_key key = {0};
    bool good = parse_code(w, &key) && print_code(&key) && is_confirmed(w);

    otp_key_free(&key);
    return good;
}

static bool
type_code(init_wishes *w)
{
    otp_key key = {0};

    do
        if (!ask("The otpauth:// URI, or the secret in base32 (not shown): ",
                 false, w->code))
            return false;
    while (!parse_code(w, &key));
    otp_key_free(&key);
    return show_code(w);
}

static bool
ask_code(init_wishes *w)
{
    bool here = authplug_secret_len(w->code) > 0;
    bool needed = here || authplug_secret_len(w->password_prompt) == 0;

    return ask_for(w,
                   needed
                       ? "The code's prompt (Return: \"Verification code:\"): "
                       : "The code's prompt (Return: \"Verification code:\"; "
                         "-: there is none): ",
                   "Verification code:", needed ? is_needed_prompt : is_prompt,
                   w->code_prompt) &&
           (here || authplug_secret_len(w->code_prompt) == 0 || type_code(w));
}

/* ---------------------------------------------------------------- the whole */

static bool
ask_all(init_wishes *w, const char *uri_file)
{
    bool typed = isatty(0) != 0;

    /* what may be wrong with it is said before anything is asked */
    if ((uri_file != NULL ? strcmp(uri_file, "-") != 0 || !typed : !typed) &&
        (!read_code(uri_file, w) || !show_code(w)))
        return false;
    return ask_for(w, "The server, as your SSH client names it: ", "", is_host,
                   w->host) &&
           ask_for(w,
                   "Your name there, for a client that knows none (Return: "
                   "leave it to the client): ",
                   "", NULL, w->user) &&
           ask_password(w) && ask_code(w);
}

static int
make_file(const init_wishes *w, const char *path, bool usual)
{
    authplug_secret *text = authplug_secret_new(TEXT_MOST);
    authplug_secret *end = authplug_secret_new(TEXT_MOST);
    int result = 0;

    if (!can_be_read(w))
        result = 1;
    else if (text == NULL || end == NULL || !init_text(w, text) ||
             !init_end(w, usual ? NULL : path, end))
        result = fail("memory ran out");
    else if (!init_write(path, authplug_secret_span(text)))
        result = fail("%s cannot be made: %s", path, strerror(errno));
    else
        printf("%s is made.\n%s", path, authplug_secret_text(end));
    authplug_secret_free(&text);
    authplug_secret_free(&end);
    return result != 0 || fflush(stdout) != 0;
}

int
answer_init(const char *path, const char *uri_file)
{
    init_wishes w = {0};
    authplug_secret **const all[] = {
        &w.host,     &w.user,        &w.password_prompt,
        &w.password, &w.code_prompt, &w.code};
    char *usual = path == NULL ? answer_config_path() : NULL;
    struct stat is;
    bool memory = true;
    int result = 1;

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        *all[i] = authplug_secret_new(ANSWER_MOST);
        memory = memory && *all[i] != NULL;
    }
    if (path == NULL)
        path = usual;
    if (!memory || path == NULL || path[0] == 0)
        result = fail("there is no memory, or no home for the file: --config "
                      "was expected");
    else if (lstat(path, &is) == 0)
        result = fail("%s is there already: edit it, or name another with "
                      "--config",
                      path);
    else if (ask_all(&w, uri_file))
        result = make_file(&w, path, usual != NULL);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        authplug_secret_free(all[i]);
    free(usual);
    return result;
}
