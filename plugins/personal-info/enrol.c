/* enrol: asks for the answers, twice each at a terminal, and keeps a hash. */
#include "personal_info.h"

#include "io/io.h"

#include <authplug/text.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* For one answer at the terminal; for all of them on standard input. */
#define PATIENCE (10 * 60 * 1000)
#define INPUT_PATIENCE (60 * 1000)

/* More than the longest answers come to. */
#define INPUT_LONGEST 8192

typedef struct enrolment {
    const char *name;
    questions asked;
    answers given;
} enrolment;

/* Whether one of the answers before this one is the same. */
static bool
is_repeated(const answers *given, uint32_t which)
{
    for (uint32_t i = 0; i < which; i++)
        if (authplug_secret_equal(authplug_secret_span(given->to[which]),
                                  authplug_secret_span(given->to[i])))
            return true;
    return false;
}

/* ------------------------------------------------------- at the terminal */

/* A text for the terminal, whose charset may know less than UTF-8; NULL when
 * out of memory. */
static authplug_secret *
showable(const char *text)
{
    /* an escape is ten characters at most */
    authplug_secret *safe = authplug_secret_new(10 * strlen(text) + 1);

    if (safe != NULL &&
        authplug_text_safe(authplug_span_of(text),
                           io_text_flags() | AUTHPLUG_TEXT_NEWLINES,
                           safe) != AUTHPLUG_OK)
        authplug_secret_free(&safe);
    return safe;
}

IO_PRINTF(1, 2)
static void
tell(const char *format, ...)
{
    authplug_secret *safe;
    char text[1024];
    va_list words;

    va_start(words, format);
    (void)vsnprintf(text, sizeof text, format, words);
    va_end(words);
    safe = showable(text);
    if (safe != NULL)
        io_tell(authplug_secret_span(safe));
    authplug_secret_free(&safe);
}

static authplug_status
ask_once(const char *text, authplug_secret *answer)
{
    authplug_secret *typed = authplug_secret_new(TYPED_LONGEST);
    char prompt[QUESTION_LONGEST + 2];
    authplug_secret *shown;
    authplug_status status = AUTHPLUG_NOMEM;

    (void)snprintf(prompt, sizeof prompt, "%s ", text);
    shown = showable(prompt);
    authplug_secret_clear(answer);
    if (typed != NULL && shown != NULL)
        status = io_ask(authplug_secret_span(shown), false, typed,
                        io_deadline(PATIENCE));
    if (status == AUTHPLUG_OK)
        status = answer_read(authplug_secret_span(typed), answer);
    authplug_secret_free(&typed);
    authplug_secret_free(&shown);
    return status;
}

/* Asks for an answer and its repetition. Gives what to complain of, and then
 * it is to be asked again; or NULL, and *status tells how it ended. */
static const char *
ask_twice(enrolment *e, uint32_t which, authplug_status *status)
{
    authplug_secret *again = authplug_secret_new(ANSWER_LONGEST);
    authplug_secret *answer = e->given.to[which];
    const char *complaint = NULL;

    *status = again == NULL ? AUTHPLUG_NOMEM
                            : ask_once(e->asked.of[which].text, answer);
    if (*status == AUTHPLUG_OK && is_repeated(&e->given, which)) {
        complaint = "another question has this answer";
    } else if (*status == AUTHPLUG_OK) {
        *status = ask_once("The same once more:", again);
        if (*status == AUTHPLUG_OK &&
            !authplug_secret_equal(authplug_secret_span(again),
                                   authplug_secret_span(answer)))
            complaint = "the two differ";
    }
    if (*status == AUTHPLUG_LENGTH || *status == AUTHPLUG_LIMIT ||
        *status == AUTHPLUG_VALUE)
        complaint = answer_fault(*status);
    authplug_secret_free(&again);
    return complaint;
}

/* Whether all were given; says why not. */
static bool
ask_all(enrolment *e)
{
    authplug_status status = AUTHPLUG_OK;
    const char *complaint;

    tell("Blanks, and the case of the letters a to z, do not count.\n");
    for (uint32_t i = 0; i < e->asked.count && status == AUTHPLUG_OK; i++)
        while ((complaint = ask_twice(e, i, &status)) != NULL)
            tell("That will not do: %s.\n", complaint);
    if (status != AUTHPLUG_OK)
        io_say(PROGRAM, "nothing was changed: %s",
               authplug_status_text(status));
    return status == AUTHPLUG_OK;
}

/* ----------------------------------------------------- on standard input */

static authplug_status
read_input(authplug_secret *text)
{
    int64_t deadline = io_deadline(INPUT_PATIENCE);
    authplug_status status;
    unsigned char *room;
    size_t len = 1;

    do {
        status = authplug_secret_reserve(text, 4096, &room);
        if (status == AUTHPLUG_OK)
            status = io_read(STDIN_FILENO, room, 4096, &len, deadline);
        if (status == AUTHPLUG_OK)
            authplug_secret_commit(text, len);
    } while (status == AUTHPLUG_OK && len > 0);
    return status;
}

/* Takes a line off the text; false when there is none. */
static bool
next_line(authplug_span *text, authplug_span *line)
{
    const unsigned char *end;

    if (text->len == 0)
        return false;
    end = memchr(text->data, '\n', text->len);
    *line = authplug_span_make(
        text->data, end != NULL ? (size_t)(end - text->data) : text->len);
    text->data += line->len + (end != NULL);
    text->len -= line->len + (end != NULL);
    return true;
}

/* One answer per line, in the order of the questions. */
static bool
take_lines(enrolment *e, authplug_span text)
{
    authplug_span line;
    uint32_t count = 0;

    while (count < e->asked.count && next_line(&text, &line)) {
        authplug_status status = answer_read(line, e->given.to[count]);
        const char *complaint = NULL;

        if (status != AUTHPLUG_OK)
            complaint = answer_fault(status);
        else if (is_repeated(&e->given, count))
            complaint = "another question has this answer";
        count++;
        if (complaint != NULL) {
            io_say(PROGRAM, "nothing was changed: answer %u: %s",
                   (unsigned)count, complaint);
            return false;
        }
    }
    if (count == e->asked.count && text.len == 0)
        return true;
    io_say(PROGRAM, "nothing was changed: standard input must hold %u lines, "
                    "an answer each",
           (unsigned)e->asked.count);
    return false;
}

static bool
read_all(enrolment *e)
{
    authplug_secret *text = authplug_secret_new(INPUT_LONGEST + 4096);
    authplug_status status = AUTHPLUG_NOMEM;
    bool taken = false;

    if (text != NULL)
        status = read_input(text);
    if (status == AUTHPLUG_OK)
        taken = take_lines(e, authplug_secret_span(text));
    else
        io_say(PROGRAM, "nothing was changed: the answers on standard input "
                        "cannot be read: %s",
               authplug_status_text(status));
    authplug_secret_free(&text);
    return taken;
}

/* ------------------------------------------------------------- the command */

static bool
keep(store *to, const enrolment *e)
{
    char hash[HASH_SIZE];
    authplug_status status = hash_new(&e->given, e->asked.count, hash);

    if (status == AUTHPLUG_OK)
        return store_put(to, e->name, hash);
    io_say(PROGRAM, "nothing was changed: yescrypt hashes cannot be computed: "
                    "see whether memory is left");
    return false;
}

/* The database is not locked while somebody types. */
static int
enrol(store *to, enrolment *e)
{
    bool human = io_standard_is_terminal();
    char hash[HASH_SIZE];
    bool known;

    if (!store_questions(to, &e->asked) ||
        !store_find(to, e->name, &known, hash))
        return RAN_BROKEN;
    if (human && known)
        tell("%s has answers already; new ones will take their place.\n",
             e->name);
    if (!(human ? ask_all(e) : read_all(e)))
        return RAN_NO;
    if (!keep(to, e))
        return RAN_BROKEN;
    if (human)
        tell("%s can now log in with these answers.\n", e->name);
    return RAN_YES;
}

int
enrol_run(const char *path, const char *name)
{
    enrolment e = {.name = name};
    store *to = store_open(path, true);
    int result = RAN_BROKEN;

    io_signals_begin();
    if (to != NULL && answers_new(&e.given))
        result = enrol(to, &e);
    else if (to != NULL)
        io_say(PROGRAM, "nothing was changed: out of memory");
    answers_free(&e.given);
    store_free(&to);
    io_signals_end();
    return result;
}
