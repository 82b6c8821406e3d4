/* The file: Host blocks with their rules, and blocks of one-time codes. */
#define _GNU_SOURCE
#include "answer.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS_MOST 1000
#define LIMIT_MOST 100

/* What the words of a rule's Exec may hold: nothing that is secret. */
static const template_token word_tokens[] = {
    {"user_name", TEMPLATE_NO_ARGUMENT}, {"host_name", TEMPLATE_NO_ARGUMENT},
    {"1", TEMPLATE_NO_ARGUMENT},         {"2", TEMPLATE_NO_ARGUMENT},
    {"3", TEMPLATE_NO_ARGUMENT},         {"4", TEMPLATE_NO_ARGUMENT},
    {"5", TEMPLATE_NO_ARGUMENT},         {"6", TEMPLATE_NO_ARGUMENT},
    {"7", TEMPLATE_NO_ARGUMENT},         {"8", TEMPLATE_NO_ARGUMENT},
    {"9", TEMPLATE_NO_ARGUMENT},         {NULL, TEMPLATE_NO_ARGUMENT},
};
/* A code belongs to no login. */
static const template_token no_tokens[] = {{NULL, TEMPLATE_NO_ARGUMENT}};
static const template_token secret_tokens[] = {
    {"file", TEMPLATE_ARGUMENT},
    {"keyring", TEMPLATE_ARGUMENT},
    {"exec", TEMPLATE_NO_ARGUMENT},
    {NULL, TEMPLATE_NO_ARGUMENT},
};

/* What is being read: a Host block, a code's, or neither yet. */
typedef struct reading {
    answer_config *config;
    conf *file;
    answer_block *block;
    answer_code *code;
    conf_line begun; /* the line of the code's block */
    answer_rule by;  /* between its Request and its Response */
    /* which settings of the block, and of the rule, there were */
    unsigned block_given, rule_given;
    const char *request, *instruction; /* its texts */
} reading;

/* ------------------------------------------------------------------- memory */

static void
free_rule(answer_rule *by)
{
    regex_free(&by->instruction);
    template_words_free(&by->exec);
    authplug_secret_free(&by->name);
    free(by->request);
    by->request = NULL;
}

static void
free_block(answer_block *block)
{
    for (size_t i = 0; i < block->count; i++)
        free_rule(&block->own[i]);
    rules_free(&block->rules);
    free(block->own);
    free(block->hosts);
    free(block->user);
    free(block->username);
}

void
answer_config_free(answer_config **config)
{
    answer_config *it = *config;

    if (it == NULL)
        return;
    for (size_t i = 0; i < it->block_count; i++)
        free_block(&it->blocks[i]);
    for (size_t i = 0; i < it->code_count; i++) {
        free(it->codes[i].name);
        template_free(&it->codes[i].secret);
        template_words_free(&it->codes[i].exec);
    }
    free(it->blocks);
    free(it->codes);
    free(it->file);
    free(it);
    *config = NULL;
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

/* --------------------------------------------------------------- complaints */

static authplug_status
bad(reading *r, const conf_line *line, const char *text)
{
    conf_wrong(r->file, line, "%s: %s", line->keyword, text);
    return AUTHPLUG_VALUE;
}

static authplug_status
bad_at(reading *r, const conf_line *line, size_t offset, const char *text)
{
    conf_wrong(r->file, line, "%s: byte %u: %s", line->keyword,
               (unsigned)offset + 1, text);
    return AUTHPLUG_VALUE;
}

/* ----------------------------------------------------------------- settings */

/* A keyword, and what reads its value. A list ends with NULL. */
typedef struct setting {
    const char *keyword;
    authplug_status (*read)(reading *r, const conf_line *line);
} setting;

/* The line's, or NULL. */
static const setting *
find_setting(const setting *list, const conf_line *line)
{
    while (list->keyword != NULL && !conf_is(line, list->keyword))
        list++;
    return list->keyword != NULL ? list : NULL;
}

/* Reads the line if it is one of these settings, each of which there is once:
 * of two values one would be passed over. *given has those that there were. */
static authplug_status
read_setting(reading *r, const conf_line *line, const setting *list,
             unsigned *given, const char *unknown)
{
    const setting *is = find_setting(list, line);
    unsigned bit;

    if (is == NULL)
        return bad(r, line, unknown);
    bit = 1U << (is - list);
    if ((*given & bit) != 0)
        return bad(r, line, "it was given before: one was expected");
    *given |= bit;
    return is->read(r, line);
}

/* What of a text with tokens can only fail. */
typedef struct text_check {
    const char *fault;
    size_t len;
} text_check;

static void
check_piece(void *context, const char *name, const char *argument, size_t len)
{
    text_check *check = context;

    check->len += len;
    if (name == NULL || argument == NULL)
        return;
    if (strcmp(name, "file") == 0 && argument[0] != '/' &&
        strncmp(argument, "~/", 2) != 0)
        check->fault = "the path of a $file:PATH$ would begin in whatever "
                       "folder the client is in, and another's home is not "
                       "looked up: one from '/' or '~/' was expected";
    if (strcmp(name, "ask") == 0 && strlen(argument) > ANSWER_QUESTION_MOST)
        check->fault = "the text of an $ask:TEXT$ has more than 255 bytes: a "
                       "shorter one was expected";
}

static authplug_status
check_text(reading *r, const conf_line *line, const template *text)
{
    text_check check = {NULL, 0};

    template_walk(text, check_piece, &check);
    if (check.fault == NULL && check.len > ANSWER_MOST)
        check.fault = "it has more than 4096 bytes of text: at most as many "
                      "were expected";
    return check.fault == NULL ? AUTHPLUG_OK : bad(r, line, check.fault);
}

static authplug_status
copy(reading *r, const conf_line *line, char **to)
{
    if (line->value[0] == 0)
        return bad(r, line, "nothing follows: a name was expected");
    *to = strdup(line->value);
    return *to != NULL ? AUTHPLUG_OK : AUTHPLUG_NOMEM;
}

static authplug_status
read_words(reading *r, const conf_line *line, const template_token *tokens,
           template_words **to)
{
    template_fault fault;
    authplug_status status;

    status = template_words_new(line->value, tokens, to, &fault);
    if (status == AUTHPLUG_VALUE)
        return bad_at(r, line, fault.offset, fault.text);
    if (status == AUTHPLUG_OK && template_words_count(*to) > ANSWER_WORDS_MOST)
        return bad(r, line,
                   "it has more than 64 words: at most as many were "
                   "expected");
    return status;
}

/* -------------------------------------------------------------------- rules */

static authplug_status
read_echo(reading *r, const conf_line *line)
{
    static const char *const words[] = {
        [ECHO_ANY] = "any", [ECHO_YES] = "yes", [ECHO_NO] = "no"};

    for (int i = ECHO_ANY; i <= ECHO_NO; i++)
        if (strcasecmp(line->value, words[i]) == 0) {
            r->by.echo = (answer_echo)i;
            return AUTHPLUG_OK;
        }
    return bad(r, line, "yes, no or any was expected");
}

static authplug_status
read_instruction(reading *r, const conf_line *line)
{
    regex_fault fault;
    authplug_status status;

    r->instruction = line->value;
    status = regex_new(line->value, &r->by.instruction, &fault);
    return status == AUTHPLUG_VALUE || status == AUTHPLUG_LIMIT
               ? bad_at(r, line, fault.offset, fault.text)
               : status;
}

/* SECONDS, and "keyring" where it is not to be memory. */
static authplug_status
read_cache(reading *r, const conf_line *line)
{
    size_t count;
    char **words = conf_list(line, &count);
    conf_line seconds = *line;
    bool good;

    if (words == NULL)
        return AUTHPLUG_NOMEM;
    seconds.value = count > 0 ? words[0] : "";
    r->by.in_keyring = count == 2 && strcasecmp(words[1], "keyring") == 0;
    good = conf_number(r->file, &seconds, 1, ANSWER_CACHE_MOST, &r->by.cache);
    if (good && count > 1 && !(count == 2 && r->by.in_keyring)) {
        (void)bad(r, line,
                  "nothing, or the word keyring, was expected behind "
                  "the seconds");
        good = false;
    }
    free(words);
    return good ? AUTHPLUG_OK : AUTHPLUG_VALUE;
}

static authplug_status
read_exec(reading *r, const conf_line *line)
{
    authplug_status status = read_words(r, line, word_tokens, &r->by.exec);
    const char *fault =
        status == AUTHPLUG_OK ? command_fault(r->by.exec) : NULL;

    return fault != NULL ? bad(r, line, fault) : status;
}

static authplug_status
read_confirm(reading *r, const conf_line *line)
{
    return conf_boolean(r->file, line, &r->by.confirm) ? AUTHPLUG_OK
                                                       : AUTHPLUG_VALUE;
}

static authplug_status
read_limit(reading *r, const conf_line *line)
{
    return conf_number(r->file, line, 0, LIMIT_MOST, &r->by.limit)
               ? AUTHPLUG_OK
               : AUTHPLUG_VALUE;
}

/* Between a Request and its Response. */
static const setting rule_settings[] = {
    {"Echo", read_echo},   {"Instruction", read_instruction},
    {"Exec", read_exec},   {"Confirm", read_confirm},
    {"Limit", read_limit}, {"Cache", read_cache},
    {NULL, NULL},
};

/* Only what the user typed is kept. */
static authplug_status
end_cache(reading *r, const conf_line *line, answer_rule *made)
{
    const template *response = rules_at(r->block->rules, made->which)->response;

    if (source_uses_code(r->block, made))
        return bad(r, line,
                   "a one-time code, and Cache after the Request: a code is "
                   "used once, one of the two was expected");
    if (!template_has(response, "ask"))
        return bad(r, line,
                   "no $ask$, whose answer the Cache is for: one was "
                   "expected");
    return cache_name_rule(made, r->request, r->instruction, response)
               ? AUTHPLUG_OK
               : AUTHPLUG_NOMEM;
}

/* A group that the Request has not would match nothing, ever. */
static authplug_status
check_groups(reading *r, const conf_line *line, const answer_rule *made)
{
    const rule *is = rules_at(r->block->rules, made->which);
    size_t words = made->exec != NULL ? template_words_count(made->exec) : 0;

    for (size_t n = regex_groups(is->request) + 1; n < REGEX_GROUPS; n++) {
        const char name[] = {(char)('0' + n), 0};
        bool used = template_has(is->response, name);

        for (size_t i = 0; !used && i < words; i++)
            used = template_has(template_word(made->exec, i), name);
        if (used) {
            conf_wrong(r->file, line,
                       "%s: $%s$, here or in the Exec, is a group that the "
                       "Request has not: parentheses around what it stands "
                       "for were expected there",
                       line->keyword, name);
            return AUTHPLUG_VALUE;
        }
    }
    return AUTHPLUG_OK;
}

/* Of which prompts it is, as a number: FNV-1a. Two rules that chance to have
 * the same one share what Limit counts, and so are used less, not more. */
static void
add_mark(uint64_t *mark, const char *text)
{
    for (size_t i = 0, size = strlen(text) + 1; i < size; i++)
        *mark = (*mark ^ (unsigned char)text[i]) * 0x100000001b3U;
}

static void
mark_rule(const reading *r, answer_rule *made)
{
    const char echo[] = {(char)('0' + (int)made->echo), 0};

    made->mark = 0xcbf29ce484222325U;
    add_mark(&made->mark, r->request);
    add_mark(&made->mark, echo);
    if (made->instruction != NULL)
        add_mark(&made->mark, r->instruction);
}

/* Its Response is there: what goes with which. */
static authplug_status
end_rule(reading *r, const conf_line *line)
{
    answer_block *block = r->block;
    answer_rule *made = more(&block->own, &block->count, sizeof *block->own);
    const template *response;
    authplug_status status;

    if (made == NULL)
        return AUTHPLUG_NOMEM;
    *made = r->by;
    made->which = block->count - 1;
    r->config->rule_count++;
    mark_rule(r, made);
    memset(&r->by, 0, sizeof r->by);
    made->request = strdup(r->request);
    if (made->request == NULL)
        return AUTHPLUG_NOMEM;
    response = rules_at(block->rules, made->which)->response;
    if (template_has(response, "exec") && made->exec == NULL)
        return bad(r, line,
                   "$exec$, and no Exec after the Request: one was "
                   "expected");
    if (made->exec != NULL && !template_has(response, "exec"))
        return bad(r, line,
                   "no $exec$, which the Exec is for: one was "
                   "expected");
    status = check_text(r, line, response);
    if (status == AUTHPLUG_OK)
        status = check_groups(r, line, made);
    return status == AUTHPLUG_OK && made->cache > 0 ? end_cache(r, line, made)
                                                    : status;
}

static authplug_status
read_who(reading *r, const conf_line *line, char **to)
{
    const char *fault = user_fault(line->value, line->quoted);

    return fault != NULL ? bad(r, line, fault) : copy(r, line, to);
}

static authplug_status
read_user(reading *r, const conf_line *line)
{
    return read_who(r, line, &r->block->user);
}

static authplug_status
read_username(reading *r, const conf_line *line)
{
    r->block->username_line = line->number;
    return read_who(r, line, &r->block->username);
}

static const setting block_settings[] = {
    {"User", read_user},
    {"Username", read_username},
    {NULL, NULL},
};

/* A Host block's line. */
static authplug_status
read_block_line(reading *r, const conf_line *line)
{
    answer_block *block = r->block;
    size_t before = rules_count(block->rules);
    bool was_open = rules_open(block->rules), taken;
    authplug_status status;

    if (was_open && conf_is(line, "Response") && line->value[0] == 0 &&
        !line->quoted)
        return bad(r, line,
                   "nothing follows: a text was expected, or \"\" for an "
                   "empty answer");
    status = rules_take(block->rules, r->file, line, &taken);
    if (status != AUTHPLUG_OK)
        return status;
    if (taken && !was_open) {
        r->by = (answer_rule){.limit = 1, .line = line->number};
        r->request = line->value;
        r->instruction = NULL;
        r->rule_given = 0;
        return AUTHPLUG_OK;
    }
    if (taken && rules_count(block->rules) > before)
        return end_rule(r, line);
    if (was_open)
        return read_setting(r, line, rule_settings, &r->rule_given,
                            "unknown between a Request and its Response: Echo, "
                            "Instruction, Exec, Confirm, Limit, Cache or "
                            "Response was expected");
    if (find_setting(rule_settings, line) != NULL)
        return bad(r, line,
                   "it stands behind a Response, or before a Request: a place "
                   "between the two was expected");
    return read_setting(r, line, block_settings, &r->block_given,
                        "unknown in a Host block: User, Username, Request, "
                        "Host, Totp or Hotp was expected");
}

/* -------------------------------------------------------------------- codes */

static authplug_status
read_algorithm(reading *r, const conf_line *line)
{
    static const char *const words[] = {
        [OTP_SHA1] = "SHA1", [OTP_SHA256] = "SHA256", [OTP_SHA512] = "SHA512"};

    for (int i = OTP_SHA1; i <= OTP_SHA512; i++)
        if (strcasecmp(line->value, words[i]) == 0) {
            r->code->algorithm = i;
            return AUTHPLUG_OK;
        }
    return bad(r, line, "SHA1, SHA256 or SHA512 was expected");
}

static authplug_status
read_secret(reading *r, const conf_line *line)
{
    template_fault fault;
    authplug_status status =
        template_new(line->value, secret_tokens, &r->code->secret, &fault);

    if (status == AUTHPLUG_VALUE)
        return bad_at(r, line, fault.offset, fault.text);
    return status == AUTHPLUG_OK ? check_text(r, line, r->code->secret)
                                 : status;
}

static authplug_status
read_code_exec(reading *r, const conf_line *line)
{
    return read_words(r, line, no_tokens, &r->code->exec);
}

static authplug_status
read_digits(reading *r, const conf_line *line)
{
    return conf_number(r->file, line, OTP_DIGITS_LEAST, OTP_DIGITS_MOST,
                       &r->code->digits)
               ? AUTHPLUG_OK
               : AUTHPLUG_VALUE;
}

static authplug_status
read_period(reading *r, const conf_line *line)
{
    return conf_number(r->file, line, 1, OTP_PERIOD_MOST, &r->code->period)
               ? AUTHPLUG_OK
               : AUTHPLUG_VALUE;
}

static authplug_status
read_counter(reading *r, const conf_line *line)
{
    return conf_number(r->file, line, 0, LONG_MAX, &r->code->counter)
               ? AUTHPLUG_OK
               : AUTHPLUG_VALUE;
}

static const setting totp_settings[] = {
    {"Secret", read_secret},       {"Exec", read_code_exec},
    {"Digits", read_digits},       {"Period", read_period},
    {"Algorithm", read_algorithm}, {NULL, NULL},
};
static const setting hotp_settings[] = {
    {"Secret", read_secret},       {"Exec", read_code_exec},
    {"Digits", read_digits},       {"Counter", read_counter},
    {"Algorithm", read_algorithm}, {NULL, NULL},
};

static authplug_status
read_code_line(reading *r, const conf_line *line)
{
    return read_setting(r, line,
                        r->code->counted ? hotp_settings : totp_settings,
                        &r->block_given,
                        "unknown in a block of one-time codes: Secret, "
                        "Exec, Digits, Period (of Totp), Counter (of Hotp), "
                        "Algorithm, Host, "
                        "Totp or Hotp was expected");
}

/* ------------------------------------------------------------------- blocks */

/* What began before is over. */
static authplug_status
end_block(reading *r)
{
    authplug_status status = AUTHPLUG_OK;

    if (r->block != NULL)
        status = rules_end(r->block->rules, r->file);
    if (r->code != NULL && r->code->secret == NULL)
        return bad(r, &r->begun, "no Secret in this block: one was expected");
    if (r->code != NULL &&
        template_has(r->code->secret, "exec") != (r->code->exec != NULL))
        return bad(r, &r->begun,
                   "Exec, and $exec$ in the Secret, belong "
                   "together: both were expected, or none");
    r->block = NULL;
    r->code = NULL;
    r->block_given = 0;
    return status;
}

static authplug_status
begin_hosts(reading *r, const conf_line *line)
{
    answer_config *config = r->config;
    const char *fault, *which;
    size_t count;

    if (config->block_count == BLOCKS_MOST)
        return bad(r, line, "too many: at most 1000 were expected");
    r->block =
        more(&config->blocks, &config->block_count, sizeof *config->blocks);
    if (r->block == NULL)
        return AUTHPLUG_NOMEM;
    r->block->line = line->number;
    r->block->rules = rules_new(RULES_PROMPT, source_tokens);
    r->block->hosts = conf_list(line, &count);
    if (r->block->rules == NULL || r->block->hosts == NULL)
        return AUTHPLUG_NOMEM;
    if (count == 0)
        return bad(r, line,
                   "no host: a name or a pattern, with :PORT behind it or "
                   "without, was expected");
    fault = hosts_fault(r->block->hosts, &which);
    if (fault == NULL)
        return AUTHPLUG_OK;
    conf_wrong(r->file, line, "%s: %s: %s", line->keyword, which, fault);
    return AUTHPLUG_VALUE;
}

static authplug_status
begin_code(reading *r, const conf_line *line, bool counted)
{
    answer_config *config = r->config;

    if (answer_config_code(config, counted, line->value) != NULL)
        return bad(r, line,
                   "there is one of this name already: another name "
                   "was expected");
    if (config->code_count == BLOCKS_MOST)
        return bad(r, line, "too many: at most 1000 were expected");
    r->code = more(&config->codes, &config->code_count, sizeof *config->codes);
    if (r->code == NULL)
        return AUTHPLUG_NOMEM;
    r->code->counted = counted;
    r->code->counter = r->code->algorithm = -1;
    r->code->line = line->number;
    r->begun = *line;
    return copy(r, line, &r->code->name);
}

static authplug_status
read_line(reading *r, const conf_line *line)
{
    bool host = conf_is(line, "Host"), totp = conf_is(line, "Totp");

    if (host || totp || conf_is(line, "Hotp")) {
        authplug_status status = end_block(r);

        if (status != AUTHPLUG_OK)
            return status;
        return host ? begin_hosts(r, line) : begin_code(r, line, !totp);
    }
    if (r->block != NULL)
        return read_block_line(r, line);
    if (r->code != NULL)
        return read_code_line(r, line);
    return bad(r, line,
               "nothing says yet what this is about: Host, Totp or "
               "Hotp was expected first");
}

/* ---------------------------------------------------------------- the whole */

/* A token's code must be there. */
typedef struct checking {
    const answer_config *config;
    const char *missing;
} checking;

static void
check_token(void *context, const char *name, const char *argument, size_t len)
{
    checking *c = context;
    bool totp = name != NULL && strcmp(name, "totp") == 0;

    (void)len;
    if ((totp || (name != NULL && strcmp(name, "hotp") == 0)) &&
        answer_config_code(c->config, !totp, argument) == NULL)
        c->missing = argument;
}

/* Codes may stand behind the rules that use them. */
static authplug_status
check_codes(reading *r, const answer_block *block)
{
    checking c = {.config = r->config};

    for (size_t i = 0; i < block->count; i++) {
        const conf_line line = {.keyword = "Request",
                                .number = block->own[i].line};

        template_walk(rules_at(block->rules, i)->response, check_token, &c);
        if (c.missing == NULL)
            continue;
        conf_wrong(r->file, &line,
                   "its Response uses the code %s: a block Totp or Hotp of "
                   "this name was expected",
                   c.missing);
        return AUTHPLUG_VALUE;
    }
    return AUTHPLUG_OK;
}

static authplug_status
read_all(reading *r)
{
    conf_line line;
    authplug_status status;

    while ((status = conf_next(r->file, &line)) == AUTHPLUG_OK) {
        status = read_line(r, &line);
        if (status != AUTHPLUG_OK)
            return status;
    }
    if (status == AUTHPLUG_NEED_MORE)
        status = end_block(r);
    for (size_t b = 0; status == AUTHPLUG_OK && b < r->config->block_count; b++)
        status = check_codes(r, &r->config->blocks[b]);
    return status;
}

char *
answer_config_path(void)
{
    char *path = NULL;

    return file_of_user("answers", getenv("HOME"), &path) == AUTHPLUG_OK ? path
                                                                         : NULL;
}

/* Reads an open file, which is freed. */
static answer_config *
read_config(const char *name, conf *file, authplug_status status, char *why,
            size_t size)
{
    reading r = {.config = calloc(1, sizeof *r.config), .file = file};

    if (r.config != NULL)
        r.config->file = strdup(name);
    if (status == AUTHPLUG_OK && (r.config == NULL || r.config->file == NULL))
        status = AUTHPLUG_NOMEM;
    if (status == AUTHPLUG_OK)
        status = read_all(&r);
    free_rule(&r.by);
    if (status != AUTHPLUG_OK) {
        (void)snprintf(why, size, "%s%s",
                       file != NULL && conf_error(file)[0] != 0
                           ? conf_error(file)
                           : authplug_status_text(status),
                       status == AUTHPLUG_NOT_FOUND
                           ? ": 'authplug answer init' makes one"
                           : "");
        answer_config_free(&r.config);
    }
    conf_free(&file);
    return r.config;
}

answer_config *
answer_config_read(const char *path, char *why, size_t size)
{
    char *usual = path == NULL ? answer_config_path() : NULL;
    answer_config *config;
    conf *file = NULL;
    authplug_status status = AUTHPLUG_NOMEM;

    if (path == NULL)
        path = usual;
    if (path == NULL) {
        (void)snprintf(why, size,
                       "there is no home for the rules: --config was expected");
        return NULL;
    }
    status = conf_open(path, CONF_NOT_READABLE, &file);
    config = read_config(path, file, status, why, size);
    free(usual);
    return config;
}

answer_config *
answer_config_parse(const char *name, authplug_span text, char *why,
                    size_t size)
{
    conf *file = NULL;
    authplug_status status = conf_parse(name, text, &file);

    return read_config(name, file, status, why, size);
}

const answer_code *
answer_config_code(const answer_config *config, bool counted, const char *name)
{
    for (size_t i = 0; i < config->code_count; i++)
        if (config->codes[i].counted == counted &&
            config->codes[i].name != NULL &&
            strcmp(config->codes[i].name, name) == 0)
            return &config->codes[i];
    return NULL;
}
