/*
 * The rules, held against a transcript of a program's output instead of a
 * program. A line at which the program waited ends with the token of what was
 * typed there:
 *
 *     Current password: $old_password$
 *     New password: $new_password$
 *
 * In a transcript without such a line every line may be one. The program is
 * taken to wait at a last line that has no end, too.
 */
#define _GNU_SOURCE
#include "passwd_plugin.h"

#include "io/io.h"

#include <authplug/text.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRANSCRIPT_MOST ((size_t)1 << 20)

static const char *const marks[] = {"$user_name$", "$old_password$",
                                    "$new_password$"};
#define MARKS (sizeof marks / sizeof *marks)

typedef struct dry {
    const passwd_config *config;
    bool marked;            /* lines of the transcript are */
    bool final;             /* the last answer was given */
    bool stuck;             /* the program would wait for ever */
    template_result result; /* that it came to */
    authplug_secret *text;  /* what the user would be shown */
} dry;

/* ---------------------------------------------------------------- printing */

static void
print(const char *before, authplug_span text, const char *after)
{
    authplug_secret *safe = authplug_secret_new(8 * SCAN_LINE);

    if (safe != NULL &&
        authplug_text_safe(text, AUTHPLUG_TEXT_UTF8, safe) == AUTHPLUG_OK)
        printf("%s%.*s%s\n", before, (int)authplug_secret_len(safe),
               (const char *)authplug_secret_span(safe).data, after);
    authplug_secret_free(&safe);
}

static const char *
kind_of(const rule *by)
{
    switch (by->result) {
    case TEMPLATE_SUCCESS:
        return "Response $SUCCESS";
    case TEMPLATE_ERROR_DISPLAY:
        return "Response $ERROR_DISPLAY";
    case TEMPLATE_ERROR_LOG:
        return "Response $ERROR_LOG";
    case TEMPLATE_TEXT:
        break;
    }
    return by->final ? "FinalResponse" : "Response";
}

/* ---------------------------------------------------------------- matching */

/* The mark at the end of the line, or NULL. */
static const char *
mark_of(authplug_span line)
{
    for (size_t i = 0; i < MARKS; i++) {
        size_t len = strlen(marks[i]);

        if (line.len >= len &&
            memcmp(line.data + line.len - len, marks[i], len) == 0)
            return marks[i];
    }
    return NULL;
}

/* Whether the answer holds the token that the mark is. */
static bool
answers(const rule *by, const char *mark)
{
    char name[16];
    size_t len = strlen(mark) - 2;

    memcpy(name, mark + 1, len);
    name[len] = 0;
    return template_has(by->response, name);
}

static void
take_match(dry *d, const scan_match *match, const char *mark)
{
    const rule *by = rules_at(d->config->rules, match->rule);
    char before[64];

    (void)snprintf(before, sizeof before, "      line %u matches: \"",
                   by->line);
    print(before, match->text, "\"");
    printf("      %s\n", kind_of(by));
    d->final = d->final || by->final;
    if (by->result != TEMPLATE_TEXT) {
        d->result = by->result;
        (void)authplug_secret_append(d->text, match->text.data,
                                     match->text.len);
    } else if (mark != NULL && !answers(by, mark)) {
        printf("      which is not the %s of the transcript\n", mark);
        d->stuck = true;
    }
}

/* The line as the program wrote it, up to its end or to where it waits. */
static bool
take_line(dry *d, authplug_span line, bool ended)
{
    const char *mark = mark_of(line);
    bool waits = mark != NULL || !ended, maybe = !d->marked && ended, any;
    authplug_span end = authplug_span_of("\n");
    scan_match match;

    if (mark != NULL)
        line.len -= strlen(mark);
    any = scan_read(d->config->output, &line, &match) == AUTHPLUG_OK;
    if (any) {
        take_match(d, &match, NULL);
    } else if ((waits || maybe) && scan_pause(d->config->output, !d->final,
                                              &match) == AUTHPLUG_OK) {
        any = true;
        take_match(d, &match, mark);
        if (maybe && d->result == TEMPLATE_TEXT)
            printf("      if the program waits here\n");
    } else if (waits) {
        printf("      no rule, and the program waits: after %ld s the change "
               "fails\n",
               d->config->data_timeout);
        d->stuck = true;
    }
    while (ended && d->result == TEMPLATE_TEXT && !d->stuck &&
           scan_read(d->config->output, &end, &match) == AUTHPLUG_OK) {
        any = true;
        take_match(d, &match, NULL);
    }
    if (!any && !d->stuck)
        printf("      no rule\n");
    return d->result == TEMPLATE_TEXT && !d->stuck;
}

static bool
next_line(authplug_span *rest, authplug_span *line)
{
    const unsigned char *end;

    if (rest->len == 0)
        return false;
    end = memchr(rest->data, '\n', rest->len);
    line->data = rest->data;
    line->len = end != NULL ? (size_t)(end - rest->data) : rest->len;
    rest->data += line->len + (end != NULL);
    rest->len -= line->len + (end != NULL);
    while (line->len > 0 && line->data[line->len - 1] == '\r')
        line->len--;
    return true;
}

static void
take_all(dry *d, authplug_span transcript)
{
    authplug_span rest = transcript, line;
    unsigned number = 0;
    char before[32];

    while (next_line(&rest, &line))
        d->marked = d->marked || mark_of(line) != NULL;
    for (rest = transcript; next_line(&rest, &line);) {
        bool ended = line.data + line.len < transcript.data + transcript.len;

        (void)snprintf(before, sizeof before, "%4u  ", ++number);
        print(before, line, "");
        if (!take_line(d, line, ended))
            break;
    }
}

/* -------------------------------------------------------------- the verdict */

static int
conclude(dry *d)
{
    switch (d->result) {
    case TEMPLATE_SUCCESS:
        printf("success\n");
        return RAN_YES;
    case TEMPLATE_ERROR_DISPLAY:
        print("failure; the user is told: ", authplug_secret_span(d->text), "");
        return RAN_NO;
    case TEMPLATE_ERROR_LOG:
        print("failure; the log is told: ", authplug_secret_span(d->text), "");
        return RAN_NO;
    case TEMPLATE_TEXT:
        break;
    }
    if (d->stuck) {
        printf("failure; the rules do not fit\n");
        return RAN_NO;
    }
    if (!d->final) {
        printf("failure; the program ends before the FinalResponse\n");
        return RAN_NO;
    }
    if (d->config->success_from_exit) {
        printf("success if the program ends with exit status 0\n");
        return RAN_YES;
    }
    printf("failure; no Response $SUCCESS, and GetSuccessFromExit is no\n");
    return RAN_NO;
}

/* Standard input for "-". NULL after saying why. */
static authplug_secret *
read_transcript(const char *path)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *from = standard ? stdin : fopen(path, "re");
    authplug_secret *text = authplug_secret_new(TRANSCRIPT_MOST);
    authplug_status status = text != NULL ? AUTHPLUG_OK : AUTHPLUG_NOMEM;
    char buffer[4096];
    size_t got;

    while (from != NULL && status == AUTHPLUG_OK &&
           (got = fread(buffer, 1, sizeof buffer, from)) > 0)
        status = authplug_secret_append(text, buffer, got);
    if (status == AUTHPLUG_LIMIT)
        io_say(PROGRAM, "%s: a transcript of at most 1 MiB was expected", path);
    else if (status != AUTHPLUG_OK)
        io_say(PROGRAM, "%s", authplug_status_text(status));
    else if (from == NULL || ferror(from))
        io_say(PROGRAM, "%s cannot be read: %s", path, strerror(errno));
    if (status != AUTHPLUG_OK || from == NULL || ferror(from))
        authplug_secret_free(&text);
    if (from != NULL && !standard)
        fclose(from);
    return text;
}

int
dry_run(const passwd_config *config, const char *path)
{
    dry d = {.config = config};
    authplug_secret *transcript = read_transcript(path);
    int result = RAN_BROKEN;

    if (transcript == NULL)
        return RAN_BROKEN;
    d.text = authplug_secret_new(SCAN_LINE);
    if (d.text != NULL) {
        take_all(&d, authplug_secret_span(transcript));
        result = conclude(&d);
    } else {
        io_say(PROGRAM, "%s", authplug_status_text(AUTHPLUG_NOMEM));
    }
    authplug_secret_free(&d.text);
    authplug_secret_free(&transcript);
    return fflush(stdout) == 0 ? result : RAN_BROKEN;
}
