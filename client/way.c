/* The way to the server that the ssh above us would go. */
#include "client/client.h"
#include "client/words.h"

#include <stdlib.h>
#include <string.h>

/* What an option says of it, by the letter of its option; 0 is nothing. All by
 * which one connection differs from another (standing.c), but user and port,
 * which Match exec can hand over. */
static char
about(char letter, const char *value)
{
    static const struct {
        const char *keyword;
        char letter;
    } keywords[] = {
        {"proxyjump", 'J'},    {"proxycommand", 'J'}, {"hostname", 'h'},
        {"hostkeyalias", 'k'}, {"bindaddress", 'b'},  {"controlpath", 'S'},
    };

    if (value == NULL)
        return 0;
    if (strchr("FJSb", letter) != NULL)
        return letter;
    for (size_t i = 0; letter == 'o' && i < sizeof keywords / sizeof *keywords;
         i++)
        if (words_keyword(value, keywords[i].keyword) != NULL)
            return keywords[i].letter;
    return 0;
}

static char
about_own(const ssh_option *option)
{
    return about(option->name[1], option->value);
}

static bool
has(const char *letters, char letter)
{
    return letter != 0 && strchr(letters, letter) != NULL;
}

static void
note(char *letters, char letter)
{
    if (letter != 0 && !has(letters, letter))
        letters[strlen(letters)] = letter;
}

void
args_drop_path(ssh_args *args)
{
    size_t kept = 0;

    for (size_t i = 0; i < args->count; i++)
        if (about_own(&args->options[i]) != 'S')
            args->options[kept++] = args->options[i];
    args->count = kept;
}

bool
args_take_way(ssh_args *args, int count, char **words)
{
    char own[8] = "", theirs[8] = "", letter;
    ssh_words it = {.count = count, .words = words};
    size_t most = args->count + (size_t)count;
    ssh_option *more = realloc(args->options, most * sizeof *more);
    const char *value;

    if (more == NULL) {
        io_say(PROGRAM, "%s", authplug_status_text(AUTHPLUG_NOMEM));
        return false;
    }
    args->options = more;
    while (words_next(&it, &letter, &value))
        note(theirs, about(letter, value));
    if (has(theirs, 'S'))
        args_drop_path(args); /* the path is where that ssh will look */
    for (size_t i = 0; i < args->count; i++)
        note(own, about_own(&args->options[i]));
    it = (ssh_words){.count = count, .words = words};
    while (words_next(&it, &letter, &value)) {
        char what = about(letter, value);

        if (what != 0 && !has(own, what) && args->count < most)
            args->options[args->count++] =
                (ssh_option){.name = {'-', letter},
                             .value = value,
                             .connection = what == 'J' || what == 'S'};
    }
    args->path_taken = has(theirs, 'S');
    args->proxy_asked = has(theirs, 'J');
    args->proxy_own = has(own, 'J');
    return true;
}
