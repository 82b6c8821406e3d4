/*
 * Request and Response lines, and commands: whatever a file says, what is
 * accepted expands to no more than its tokens can make of it, and what is not
 * is named by a byte of the value.
 *
 * Input: the file; its Command lines are commands.
 */
#include "fuzz/fuzz.h"

#include "conf/rules.h"

#include <stdlib.h>
#include <string.h>

static const template_token tokens[] = {{"user_name", TEMPLATE_NO_ARGUMENT},
                                        {"file", TEMPLATE_ARGUMENT},
                                        {"ask", TEMPLATE_EITHER},
                                        {NULL, TEMPLATE_NO_ARGUMENT}};

static authplug_status value(void *context, const char *name,
                             const char *argument, authplug_secret *out)
{
    MUST(template_has(context, name));
    MUST(argument == NULL || (*argument != 0 && strchr(argument, '$') == NULL));
    MUST((argument != NULL) >= (strcmp(name, "file") == 0));
    return authplug_secret_append(out, "value", 5);
}

static void expand(const template *it, size_t most)
{
    authplug_secret *out = authplug_secret_new(most + 1);

    MUST(out != NULL);
    /* the shortest token, $ask$, is as long as its value */
    MUST(template_expand(it, value, (void *)it, out) == AUTHPLUG_OK);
    MUST(authplug_secret_len(out) <= most);
    authplug_secret_free(&out);
}

static void use_command(const char *text)
{
    template_words *words = NULL;
    template_fault fault = {0};
    authplug_status status = template_words_new(text, tokens, &words, &fault);

    if (status != AUTHPLUG_OK) {
        MUST(status == AUTHPLUG_VALUE && fault.offset <= strlen(text));
        return;
    }
    MUST(template_words_count(words) > 0);
    for (size_t i = 0; i < template_words_count(words); i++)
        expand(template_word(words, i), strlen(text));
    template_words_free(&words);
}

static void use_rules(const rules *it, rules_kind kind)
{
    scan *made = NULL;

    for (size_t i = 0; i < rules_count(it); i++) {
        const rule *at = rules_at(it, i);

        MUST((at->response == NULL) == (at->result != TEMPLATE_TEXT));
        if (at->response != NULL)
            expand(at->response, 8192);
    }
    if (kind == RULES_OUTPUT) {
        authplug_status status = rules_scan(it, &made);

        MUST(status == AUTHPLUG_OK || status == AUTHPLUG_LIMIT);
        scan_free(&made);
    }
}

static void read_as(rules_kind kind, authplug_span text)
{
    rules *it = rules_new(kind, tokens);
    conf *file = NULL;
    conf_line line;
    authplug_status status;
    bool taken = false;

    MUST(it != NULL && conf_parse("f", text, &file) == AUTHPLUG_OK);
    while ((status = conf_next(file, &line)) == AUTHPLUG_OK) {
        status = rules_take(it, file, &line, &taken);
        if (status != AUTHPLUG_OK)
            break;
        if (!taken && conf_is(&line, "Command"))
            use_command(line.value);
    }
    if (status == AUTHPLUG_NEED_MORE)
        status = rules_end(it, file);
    MUST((status == AUTHPLUG_OK) == (*conf_error(file) == 0));
    if (status == AUTHPLUG_OK)
        use_rules(it, kind);
    conf_free(&file);
    rules_free(&it);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    authplug_span text = authplug_span_make(data, size);

    if (size > 16384)
        return 0;
    read_as(RULES_OUTPUT, text);
    read_as(RULES_PROMPT, text);
    return 0;
}
