/* authplug's own configuration: Host blocks, and which programs may run. */
#define _GNU_SOURCE
#include "client/settings.h"

#include "conf/patterns.h"
#include "conf/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLOCKS_MOST 1000
#define ALLOWED_MOST 1000
#define NONE "none"

/* A Host block. */
typedef struct block {
    char **hosts; /* patterns, NULL at the end */
    char *user;   /* a pattern, or NULL */
    char *plugin; /* what says.plugin points at, to be freed */
    settings_found says;
} block;

/* A program that may be started. */
typedef struct allowed {
    char *path;
    unsigned line;
} allowed;

typedef struct part {
    char *name; /* of the file; NULL when it is not there */
    block *blocks;
    size_t block_count;
    allowed *list;
    size_t allowed_count;
    unsigned limited; /* the line of the first AllowPlugins, or 0 */
    bool none;        /* it allows no program */
} part;

struct settings {
    part parts[SETTINGS_RANKS];
};

/* What is being read. */
typedef struct reading {
    part *part;
    conf *file;
    block *block; /* the last, or NULL before the first */
} reading;

/* ------------------------------------------------------------------- memory */

static char *
copy(const char *text)
{
    size_t size = strlen(text) + 1;
    char *made = malloc(size);

    if (made != NULL)
        memcpy(made, text, size);
    return made;
}

/* One more of `size` bytes at the end of a list; NULL when memory ran out. */
static void *
more(void *list, size_t *count, size_t size)
{
    char **at = list, *larger = realloc(*at, (*count + 1) * size);

    if (larger == NULL)
        return NULL;
    *at = larger;
    memset(larger + *count * size, 0, size);
    return larger + (*count)++ * size;
}

settings *
settings_new(void)
{
    return calloc(1, sizeof(settings));
}

static void
free_part(part *it)
{
    for (size_t i = 0; i < it->block_count; i++) {
        free(it->blocks[i].hosts);
        free(it->blocks[i].user);
        free(it->blocks[i].plugin);
    }
    for (size_t i = 0; i < it->allowed_count; i++)
        free(it->list[i].path);
    free(it->blocks);
    free(it->list);
    free(it->name);
}

void
settings_free(settings **it)
{
    if (it == NULL || *it == NULL)
        return;
    for (size_t i = 0; i < SETTINGS_RANKS; i++)
        free_part(&(*it)->parts[i]);
    free(*it);
    *it = NULL;
}

/* ------------------------------------------------------------------ reading */

static authplug_status
bad(reading *r, const conf_line *line, const char *text)
{
    conf_wrong(r->file, line, "%s: %s", line->keyword, text);
    return AUTHPLUG_VALUE;
}

/* It is said here, and was not before in this block. */
static authplug_status
once(reading *r, const conf_line *line, settings_place *at)
{
    if (at->file != NULL)
        return bad(r, line, "it was given before: one was expected");
    at->file = r->part->name;
    at->line = line->number;
    return AUTHPLUG_OK;
}

static authplug_status
begin_block(reading *r, const conf_line *line)
{
    part *p = r->part;
    size_t count = 0;

    if (p->block_count == BLOCKS_MOST)
        return bad(r, line, "too many: at most 1000 were expected");
    r->block = more(&p->blocks, &p->block_count, sizeof *p->blocks);
    if (r->block == NULL)
        return AUTHPLUG_NOMEM;
    r->block->hosts = conf_list(line, &count);
    if (r->block->hosts == NULL)
        return AUTHPLUG_NOMEM;
    return count > 0 ? AUTHPLUG_OK
                     : bad(r, line,
                           "no host: a name or a pattern, with :PORT behind it "
                           "or without, was expected");
}

static authplug_status
read_user(reading *r, const conf_line *line)
{
    if (r->block->user != NULL)
        return bad(r, line, "it was given before: one was expected");
    if (line->value[0] == 0)
        return bad(r, line,
                   "nothing follows: a name or a pattern was "
                   "expected");
    r->block->user = copy(line->value);
    return r->block->user != NULL ? AUTHPLUG_OK : AUTHPLUG_NOMEM;
}

static authplug_status
read_plugin(reading *r, const conf_line *line)
{
    authplug_status status = once(r, line, &r->block->says.plugin_at);

    if (status != AUTHPLUG_OK)
        return status;
    if (line->value[0] == 0)
        return bad(r, line,
                   "nothing follows: a command line, or " NONE
                   ", was expected");
    if (strcasecmp(line->value, NONE) == 0)
        return AUTHPLUG_OK;
    r->block->plugin = copy(line->value);
    r->block->says.plugin = r->block->plugin;
    return r->block->plugin != NULL ? AUTHPLUG_OK : AUTHPLUG_NOMEM;
}

static authplug_status
read_timeout(reading *r, const conf_line *line)
{
    settings_found *says = &r->block->says;
    authplug_status status = once(r, line, &says->timeout_at);

    if (status == AUTHPLUG_OK &&
        !conf_number(r->file, line, 1, SETTINGS_TIMEOUT_MOST_S, &says->timeout))
        status = AUTHPLUG_VALUE;
    return status;
}

static authplug_status
read_batch(reading *r, const conf_line *line)
{
    settings_found *says = &r->block->says;
    authplug_status status = once(r, line, &says->batch_at);

    if (status == AUTHPLUG_OK && !conf_boolean(r->file, line, &says->batch))
        status = AUTHPLUG_VALUE;
    return status;
}

/* ------------------------------------------------------------- AllowPlugins */

static authplug_status
add_allowed(reading *r, const conf_line *line, const char *path)
{
    part *p = r->part;
    allowed *made;

    if (path[0] != '/')
        return bad(r, line,
                   "not an absolute path: paths of programs that "
                   "begin with '/', or " NONE ", were expected");
    /* other lists have commas between their words; here one would be silent */
    if (strchr(path, ',') != NULL)
        return bad(r, line, "a comma: blanks between the paths were expected");
    if (p->allowed_count == ALLOWED_MOST)
        return bad(r, line, "too many: at most 1000 paths were expected");
    made = more(&p->list, &p->allowed_count, sizeof *p->list);
    if (made == NULL)
        return AUTHPLUG_NOMEM;
    made->line = line->number;
    made->path = copy(path);
    return made->path != NULL ? AUTHPLUG_OK : AUTHPLUG_NOMEM;
}

static authplug_status
add_list(reading *r, const conf_line *line, char *const *words, size_t count)
{
    part *p = r->part;
    authplug_status status = AUTHPLUG_OK;

    if (count == 0)
        return bad(r, line,
                   "nothing follows: paths of programs, or " NONE
                   ", were expected");
    if (strcasecmp(words[0], NONE) == 0) {
        if (count > 1 || p->limited != 0)
            return bad(r, line,
                       NONE " and programs: one of both was "
                            "expected");
        p->none = true;
    } else if (p->none) {
        return bad(r, line, NONE " and programs: one of both was expected");
    }
    for (size_t i = 0; status == AUTHPLUG_OK && !p->none && i < count; i++)
        status = add_allowed(r, line, words[i]);
    if (p->limited == 0)
        p->limited = line->number;
    return status;
}

static authplug_status
read_allow(reading *r, const conf_line *line)
{
    words_fault fault = {0};
    char **words = NULL;
    size_t count = 0;
    authplug_status status;

    if (r->block != NULL)
        return bad(r, line,
                   "it is for all hosts: it was expected before the "
                   "first Host");
    if (line->quoted) /* all of it is one path */
        return add_list(r, line, (char *[]){(char *)line->value}, 1);
    status = words_split(line->value, &words, &count, &fault);
    if (status == AUTHPLUG_VALUE)
        conf_wrong(r->file, line, "%s: byte %u: %s", line->keyword,
                   (unsigned)fault.offset + 1, fault.text);
    if (status == AUTHPLUG_OK)
        status = add_list(r, line, words, count);
    free(words);
    return status;
}

/* ---------------------------------------------------------------- the whole */

static const struct keyword {
    const char *name;
    authplug_status (*read)(reading *r, const conf_line *line);
    bool anywhere; /* not in a Host block alone */
    bool anything; /* its value may be: a shell may have it */
} keywords[] = {
    {"AllowPlugins", read_allow, true, false},
    {"Host", begin_block, true, false},
    {"User", read_user, false, false},
    {"Plugin", read_plugin, false, true},
    {"Timeout", read_timeout, false, false},
    {"Batch", read_batch, false, false},
};

/* What ssh_config(5) takes for a comment. Between quotes it is none. */
static bool
has_comment(const conf_line *line)
{
    const char *value = line->value;

    return !line->quoted && strpbrk(value, "'\"") == NULL &&
           (value[0] == '#' || strstr(value, " #") != NULL ||
            strstr(value, "\t#") != NULL);
}

static authplug_status
read_line(reading *r, const conf_line *line)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        if (!conf_is(line, keywords[i].name))
            continue;
        if (r->block == NULL && !keywords[i].anywhere)
            return bad(r, line,
                       "nothing says yet what this is about: Host "
                       "was expected first");
        if (!keywords[i].anything && has_comment(line))
            return bad(r, line,
                       "a comment behind a value: a line of its own, which "
                       "begins with '#', was expected");
        return keywords[i].read(r, line);
    }
    return bad(r, line,
               "unknown: Host, User, Plugin, Timeout, Batch or "
               "AllowPlugins was expected");
}

authplug_status
settings_read(settings *it, settings_rank rank, const char *name, conf *file)
{
    reading r = {.part = &it->parts[rank], .file = file};
    conf_line line;
    authplug_status status;

    r.part->name = copy(name);
    if (r.part->name == NULL)
        return AUTHPLUG_NOMEM;
    while ((status = conf_next(file, &line)) == AUTHPLUG_OK) {
        status = read_line(&r, &line);
        if (status != AUTHPLUG_OK)
            return status;
    }
    return status == AUTHPLUG_NEED_MORE ? AUTHPLUG_OK : status;
}

/* ------------------------------------------------------------------ finding */

static bool
is_about(const block *it, const settings_peer *peer)
{
    const char *names[3] = {peer->name, peer->given, NULL};

    return patterns_fit_host(it->hosts, names, peer->port) &&
           (it->user == NULL || pattern_fits(it->user, peer->user));
}

/* What a block says of which nobody said anything before. */
static void
take(settings_found *found, const settings_found *says)
{
    if (found->plugin_at.file == NULL && says->plugin_at.file != NULL) {
        found->plugin = says->plugin;
        found->plugin_at = says->plugin_at;
    }
    if (found->timeout_at.file == NULL && says->timeout_at.file != NULL) {
        found->timeout = says->timeout;
        found->timeout_at = says->timeout_at;
    }
    if (found->batch_at.file == NULL && says->batch_at.file != NULL) {
        found->batch = says->batch;
        found->batch_at = says->batch_at;
    }
}

void
settings_find(const settings *it, const settings_peer *peer,
              settings_found *found)
{
    memset(found, 0, sizeof *found);
    found->timeout = SETTINGS_TIMEOUT_S;
    for (size_t rank = 0; rank < SETTINGS_RANKS; rank++) {
        const part *p = &it->parts[rank];

        for (size_t i = 0; i < p->block_count; i++)
            if (is_about(&p->blocks[i], peer))
                take(found, &p->blocks[i].says);
    }
}

/* ----------------------------------------------------------------- allowing */

bool
settings_limited(const settings *it, settings_rank rank, settings_place *at)
{
    const part *p = &it->parts[rank];

    at->file = p->limited != 0 ? p->name : NULL;
    at->line = p->limited;
    return p->limited != 0;
}

const char *
settings_allowed(const settings *it, settings_rank rank, size_t which,
                 settings_place *at)
{
    const part *p = &it->parts[rank];

    if (which >= p->allowed_count)
        return NULL;
    at->file = p->name;
    at->line = p->list[which].line;
    return p->list[which].path;
}

static bool
is_allowed(const part *p, const char *path)
{
    for (size_t i = 0; i < p->allowed_count; i++)
        if (strcmp(p->list[i].path, path) == 0)
            return true;
    return false;
}

/* A line that a shell would get says exec, to be no shell any more. */
static void
drop_exec(char **words, size_t *count)
{
    if (*count < 2 || strcmp(words[0], "exec") != 0)
        return;
    memmove(words, words + 1, *count * sizeof *words);
    --*count;
}

/* Whether the list of this file, which has one, lets the words run. */
static bool
judge(const part *p, char *const *words, size_t count, char *why, size_t size)
{
    if (p->none)
        (void)snprintf(why, size,
                       "%s:%u allows no plugin: log in without one, or ask "
                       "who wrote that",
                       p->name, p->limited);
    else if (count == 0)
        (void)snprintf(why, size,
                       "the plugin's command line is empty: name a "
                       "program");
    else if (words[0][0] != '/')
        (void)snprintf(
            why, size,
            "the plugin '%.300s' is no absolute path, which %s:%u asks "
            "for: write it as it is there",
            words[0], p->name, p->limited);
    else if (!is_allowed(p, words[0]))
        (void)snprintf(why, size,
                       "the plugin %.300s is not in the list of %s:%u: use one "
                       "that is, or ask who wrote that",
                       words[0], p->name, p->limited);
    else
        return true;
    return false;
}

authplug_status
settings_allow(const settings *it, const char *command, char ***words,
               char *why, size_t size)
{
    words_fault fault = {0};
    settings_place at;
    size_t count = 0;
    bool good = true, limited = false;
    authplug_status status;

    *words = NULL;
    for (size_t rank = 0; rank < SETTINGS_RANKS; rank++)
        limited = settings_limited(it, (settings_rank)rank, &at) || limited;
    if (!limited)
        return AUTHPLUG_OK;
    status = words_split(command, words, &count, &fault);
    if (status == AUTHPLUG_VALUE)
        (void)snprintf(why, size, "the plugin's command line, byte %u: %s",
                       (unsigned)fault.offset + 1, fault.text);
    else if (status != AUTHPLUG_OK)
        (void)snprintf(why, size, "%s", authplug_status_text(status));
    if (status != AUTHPLUG_OK)
        return status == AUTHPLUG_VALUE ? AUTHPLUG_REFUSED : status;
    drop_exec(*words, &count);
    /* that of the system is the one to hear of first */
    for (size_t rank = SETTINGS_RANKS; good && rank-- > 0;)
        if (it->parts[rank].limited != 0)
            good = judge(&it->parts[rank], *words, count, why, size);
    if (good)
        return AUTHPLUG_OK;
    free(*words);
    *words = NULL;
    return AUTHPLUG_REFUSED;
}
