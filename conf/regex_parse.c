/* The syntax of regular expressions: from the expression to a tree. */
#include "conf/regex_tree.h"

#include <stdlib.h>
#include <string.h>

typedef struct parser {
    const char *start, *at, *end;
    tree *tree;
    unsigned nested;
    regex_fault *fault;
    authplug_status status;
} parser;

/* Notes the first fault; everything then unwinds. */
static node *
fail(parser *it, authplug_status status, const char *at, const char *text)
{
    if (it->status == AUTHPLUG_OK) {
        it->status = status;
        it->fault->offset = (size_t)(at - it->start);
        it->fault->text = text;
    }
    return NULL;
}

static node *
bad(parser *it, const char *text)
{
    return fail(it, AUTHPLUG_VALUE, it->at, text);
}

/* The next byte; a NUL at the end, because none is in an expression. */
static char
peek(const parser *it)
{
    return it->at < it->end ? *it->at : 0;
}

/* There are enough of them: see regex_parse(). */
static node *
make(parser *it, node_kind kind)
{
    node *made = &it->tree->nodes[it->tree->count++];

    made->kind = kind;
    return made;
}

/* ----------------------------------------------------------------- one byte */

static void
set_add(byte_set set, unsigned char byte)
{
    set[byte >> 6] |= (uint64_t)1 << (byte & 63);
}

static void
set_add_range(byte_set set, unsigned char first, unsigned char last)
{
    for (unsigned byte = first; byte <= last; byte++)
        set_add(set, (unsigned char)byte);
}

static void
set_turn_around(byte_set set)
{
    for (size_t i = 0; i < 4; i++)
        set[i] = ~set[i];
}

static node *
make_bytes(parser *it)
{
    node *made = make(it, NODE_BYTES);

    made->length = 1;
    made->number = ++it->tree->sets; /* 0 is the set of none */
    return made;
}

static node *
make_byte(parser *it, char byte)
{
    node *made = make_bytes(it);

    set_add(made->bytes, (unsigned char)byte);
    return made;
}

static node *
make_anchor(parser *it, node_kind kind)
{
    node *made = make(it, kind);

    made->nothing = true;
    return made;
}

static node *
parse_escape(parser *it)
{
    char byte;

    it->at++;
    byte = peek(it);
    if (byte == 0)
        return bad(it, "a '\\' at the end: the byte that it makes ordinary "
                       "was expected");
    if (byte < ' ' || byte > '~' || strchr("<>'`", byte) != NULL ||
        (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
        (byte >= 'a' && byte <= 'z'))
        return bad(it, "this has no meaning after '\\' in POSIX extended "
                       "expressions: punctuation was expected");
    it->at++;
    return make_byte(it, byte);
}

/* ------------------------------------------------------ bracket expressions */

/* The C locale's classes, as pairs of first and last byte. */
static const struct {
    const char *name, *pairs;
} classes[] = {
    {"alnum", "09AZaz"}, {"alpha", "AZaz"},      {"blank", "\t\t  "},
    {"cntrl", "\1\37\177\177"}, /* and NUL */
    {"digit", "09"},     {"graph", "!~"},        {"lower", "az"},
    {"print", " ~"},     {"punct", "!/:@[`{~"},  {"space", "\t\r  "},
    {"upper", "AZ"},     {"xdigit", "09AFaf"},
};

/* [:name:], inside brackets. */
static bool
parse_class(parser *it, byte_set set)
{
    const char *name = it->at + 2;

    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        size_t len = strlen(classes[i].name);

        if ((size_t)(it->end - name) < len + 2 ||
            memcmp(name, classes[i].name, len) != 0 ||
            memcmp(name + len, ":]", 2) != 0)
            continue;
        for (const char *pair = classes[i].pairs; *pair != 0; pair += 2)
            set_add_range(set, (unsigned char)pair[0], (unsigned char)pair[1]);
        if (strcmp(classes[i].name, "cntrl") == 0)
            set_add(set, 0);
        it->at = name + len + 2;
        return true;
    }
    bad(it, "no class of this name: [:alnum:], [:alpha:], [:blank:], "
            "[:cntrl:], [:digit:], [:graph:], [:lower:], [:print:], [:punct:], "
            "[:space:], [:upper:] or [:xdigit:] was expected");
    return false;
}

/* Whether a '[' begins something special inside brackets. */
static bool
is_special(const parser *it)
{
    return it->at + 1 < it->end && it->at[0] == '[' &&
           strchr(".=:", it->at[1]) != NULL;
}

/* An end of a range, or a byte that is none. */
static bool
parse_bracket_byte(parser *it, unsigned char *byte)
{
    *byte = (unsigned char)peek(it);
    if (*byte == 0)
        bad(it, "the '[' is not closed: a ']' was expected");
    else if (is_special(it) && it->at[1] == ':')
        bad(it, "a class as the end of a range: a byte was expected");
    else if (is_special(it))
        bad(it, "[. .] and [= =] are not known here: a byte, a range or a "
                "class was expected");
    else if (*byte > 127)
        bad(it, "a byte beyond ASCII inside [ ]: ( | ) around whole letters "
                "was expected");
    else
        it->at++;
    return it->status == AUTHPLUG_OK;
}

/* A class, a range or a byte. first: nothing stands before it. */
static bool
parse_bracket_item(parser *it, byte_set set, bool first)
{
    const char *start = it->at;
    unsigned char from, to;

    if (is_special(it) && it->at[1] == ':')
        return parse_class(it, set);
    if (!parse_bracket_byte(it, &from))
        return false;
    if (from == '-' && !first && peek(it) != ']' && peek(it) != 0) {
        it->at = start;
        bad(it, "a '-' that makes no range: it was expected first or last");
        return false;
    }
    to = from;
    if (it->end - it->at >= 2 && it->at[0] == '-' && it->at[1] != ']') {
        it->at++;
        if (!parse_bracket_byte(it, &to))
            return false;
    }
    if (from > to) {
        it->at = start;
        bad(it, "a range that ends before it begins: the lower byte was "
                "expected first");
        return false;
    }
    set_add_range(set, from, to);
    return true;
}

/* Whether this is [:name:], without the brackets that belong around it. */
static bool
is_bare_class(const parser *it)
{
    size_t left = (size_t)(it->end - it->at);
    const char *close = memchr(it->at, ']', left);

    return close != NULL && close - it->at >= 3 && it->at[1] == ':' &&
           close[-1] == ':';
}

static node *
parse_bracket(parser *it)
{
    const char *start = it->at;
    node *made = make_bytes(it);
    bool not, first = true;

    if (is_bare_class(it))
        return bad(it, "a class outside brackets: [[:name:]] was expected");
    it->at++;
    not = peek(it) == '^';
    it->at += not;
    while (first || peek(it) != ']') {
        if (peek(it) == 0)
            return fail(it, AUTHPLUG_VALUE, start,
                        "the '[' is not closed: a ']' was expected");
        if (!parse_bracket_item(it, made->bytes, first))
            return NULL;
        first = false;
    }
    it->at++;
    if (not)
        set_turn_around(made->bytes);
    return made;
}

/* -------------------------------------------------------- what can be there */

static node *parse_any(parser *it);

static node *
parse_group(parser *it)
{
    const char *start = it->at++;
    node *made, *inner;

    if (it->nested == REGEX_NESTED_MOST)
        return fail(it, AUTHPLUG_LIMIT, start, "parentheses inside one "
                    "another: at most 64 levels were expected");
    it->nested++;
    made = make(it, NODE_GROUP);
    made->number = ++it->tree->groups;
    inner = parse_any(it);
    if (inner == NULL)
        return NULL;
    if (peek(it) != ')')
        return fail(it, AUTHPLUG_VALUE, start,
                    "the '(' is not closed: a ')' was expected");
    it->at++;
    it->nested--;
    made->last = inner;
    made->length = inner->length;
    made->nothing = inner->nothing;
    return made;
}

static node *
parse_atom(parser *it)
{
    char byte = peek(it);
    node *made;

    switch (byte) {
    case 0:
    case '|':
    case ')':
        return bad(it, byte == ')' && it->nested == 0
                           ? "a ')' without its '(': '\\)' was expected where "
                             "it is ordinary"
                           : "nothing stands here: an expression was expected");
    case '*':
    case '+':
    case '?':
    case '{':
        return bad(it, "nothing to repeat: an expression was expected before "
                       "it, or a '\\' where it is ordinary");
    case '(':
        return parse_group(it);
    case '[':
        return parse_bracket(it);
    case '\\':
        return parse_escape(it);
    case '^':
    case '$':
        it->at++;
        return make_anchor(it, byte == '^' ? NODE_BEGIN : NODE_END);
    case '.':
        it->at++;
        made = make_bytes(it);
        set_add(made->bytes, 0);
        set_turn_around(made->bytes);
        return made;
    default:
        it->at++;
        return make_byte(it, byte);
    }
}

/* -------------------------------------------------------------- repetitions */

static bool
parse_number(parser *it, uint16_t *number)
{
    unsigned value = 0;
    const char *start = it->at;

    for (; peek(it) >= '0' && peek(it) <= '9'; it->at++)
        if (value <= REGEX_REPEAT_MOST)
            value = value * 10 + (unsigned)(peek(it) - '0');
    if (it->at == start)
        bad(it, "no number: {m}, {m,} or {m,n} was expected, or '\\{' where "
                "it is ordinary");
    else if (value > REGEX_REPEAT_MOST)
        fail(it, AUTHPLUG_LIMIT, start, "too many repetitions: at most 255 "
             "were expected");
    *number = (uint16_t)value;
    return it->status == AUTHPLUG_OK;
}

static bool
parse_times(parser *it, node *repeat)
{
    const char *start = it->at;
    char byte = *it->at++;

    repeat->least = byte == '+';
    repeat->most = byte == '?' ? 1 : NO_MOST;
    if (byte != '{')
        return true;
    if (!parse_number(it, &repeat->least))
        return false;
    repeat->most = repeat->least;
    if (peek(it) == ',') {
        it->at++;
        if (peek(it) == '}')
            repeat->most = NO_MOST;
        else if (!parse_number(it, &repeat->most))
            return false;
    }
    if (peek(it) != '}')
        bad(it, "the '{' is not closed: a '}' was expected");
    else if (repeat->most < repeat->least)
        fail(it, AUTHPLUG_VALUE, start, "repetitions at most that are fewer "
             "than those at least: {m,n} with m <= n was expected");
    it->at++;
    return it->status == AUTHPLUG_OK;
}

static bool
is_repetition(char byte)
{
    return byte == '*' || byte == '+' || byte == '?' || byte == '{';
}

static node *
parse_repeat(parser *it)
{
    uint16_t groups = it->tree->groups;
    node *inner = parse_atom(it), *made;

    if (inner == NULL || !is_repetition(peek(it)))
        return inner;
    if (inner->kind == NODE_BEGIN || inner->kind == NODE_END)
        return bad(it, "a repeated '^' or '$': an expression was expected "
                       "before the repetition, or a '\\' before it");
    if ((unsigned char)it->at[-1] > 127)
        return bad(it, "a repeated byte beyond ASCII: parentheses around the "
                       "letter were expected");
    made = make(it, NODE_REPEAT);
    made->last = inner;
    made->first_group = (uint16_t)(groups + 1);
    made->next_group = (uint16_t)(it->tree->groups + 1);
    if (!parse_times(it, made))
        return NULL;
    if (is_repetition(peek(it)))
        return bad(it, "a repeated repetition: parentheses around the first "
                       "were expected");
    made->nothing = made->least == 0 || inner->nothing;
    made->length = VARIES;
    if (made->least == made->most && inner->length < REGEX_TEXT_MOST)
        made->length = inner->length * made->least;
    return made;
}

/* ---------------------------------------------------------------- sequences */

static node *
parse_all(parser *it)
{
    node *made = parse_repeat(it), *next;

    if (made == NULL || peek(it) == 0 || peek(it) == '|' || peek(it) == ')')
        return made;
    next = made;
    made = make(it, NODE_ALL);
    made->nothing = true;
    do {
        next->before = made->last;
        made->last = next;
        made->nothing = made->nothing && next->nothing;
        if (next->length == VARIES || made->length == VARIES)
            made->length = VARIES;
        else
            made->length += next->length;
        if (peek(it) == 0 || peek(it) == '|' || peek(it) == ')')
            return made;
    } while ((next = parse_repeat(it)) != NULL);
    return NULL;
}

static node *
parse_any(parser *it)
{
    node *made = parse_all(it), *next;

    if (made == NULL || peek(it) != '|')
        return made;
    next = made;
    made = make(it, NODE_ANY);
    made->length = next->length;
    do {
        next->before = made->last;
        made->last = next;
        made->nothing = made->nothing || next->nothing;
        if (next->length != made->length)
            made->length = VARIES;
        if (peek(it) != '|')
            return made;
        it->at++;
    } while ((next = parse_all(it)) != NULL);
    return NULL;
}

authplug_status
regex_parse(const char *expression, tree *made, regex_fault *fault)
{
    size_t len = strlen(expression);
    parser it = {.start = expression, .at = expression, .fault = fault,
                 .tree = made, .status = AUTHPLUG_OK};

    if (len > REGEX_MOST) {
        fail(&it, AUTHPLUG_LIMIT, expression + REGEX_MOST,
             "a long expression: at most 4096 bytes were expected");
        return it.status;
    }
    it.end = expression + len;
    *made = (tree){0};
    /* no byte leads to more than two nodes */
    made->nodes = calloc(2 * len + 1, sizeof *made->nodes);
    if (made->nodes == NULL)
        return AUTHPLUG_NOMEM;
    made->root = parse_any(&it);
    if (made->root != NULL && it.at < it.end)
        made->root = parse_atom(&it); /* it is a ')', which is in the way */
    if (it.status != AUTHPLUG_OK) {
        free(made->nodes);
        made->nodes = NULL;
    }
    return it.status;
}
