/*
 * The matcher against others: expressions and texts are made up, the same on
 * every run. What conf/regex.h finds is held against regexec(), and what its
 * groups are against a matcher that tries everything, which says in a few
 * lines what POSIX means.
 *
 * glibc 2.36 strays from POSIX in two ways, so these are not held against it:
 * it takes an anchor inside a repetition for true in later repetitions
 * (/(^[ab])+[^a]/ matches "aaaabXa"), and of groups in repetitions, and in
 * alternatives, it gives shorter ones first (/((.+)){0,2}/ on "Xbaaa" has
 * group 1 at 4, /(b*|c)b+|./ may leave the b to what follows).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/regex.h"

#include <regex.h>

#define TEST(sentence)                                                         \
    static void sentence(void **unused_ __attribute__((unused)))

/* ---------------------------------------------------------------- made up */

static uint32_t seed;

/* A number below this. */
static unsigned
pick(unsigned below)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % below;
}

typedef enum kind { BYTES, BEGIN, END, ALL, ANY, GROUP, REPEAT } kind;

typedef struct part {
    kind kind;
    const char *bytes; /* those it matches */
    struct part *parts[4];
    unsigned count;
    unsigned least, most; /* most 99: no most */
    unsigned group;
} part;

static part parts[512];
static unsigned parts_used, groups_used;
static bool plain; /* no alternatives, no repeated groups */
static char expression[4096];

static void
say(const char *text)
{
    size_t len = strlen(expression);

    snprintf(expression + len, sizeof expression - len, "%s", text);
}

static part *
new_part(kind of)
{
    part *made = &parts[parts_used++];

    assert_true(parts_used < sizeof parts / sizeof *parts);
    *made = (part){.kind = of};
    return made;
}

static const struct {
    const char *written, *bytes;
} sets[] = {
    {"a", "a"},     {"b", "b"},       {"a", "a"},         {"c", "c"},
    {".", "abc-X"}, {"[ab]", "ab"},   {"[^a]", "bc-X"},   {"[a-c]", "abc"},
    {"\\.", ""},    {"[]b-]", "b-"},  {"[[:upper:]b]", "bX"},
    {"[^[:alpha:]]", "-"},
};

static part *make_any(unsigned deep);

static part *
make_atom(unsigned deep)
{
    unsigned which = pick(deep > 0 ? 20 : 12);
    part *made;

    if (which < 12) {
        made = new_part(BYTES);
        made->bytes = sets[which].bytes;
        say(sets[which].written);
        return made;
    }
    if (which == 12 && pick(3) == 0) {
        bool begin = pick(2) == 0;

        say(begin ? "^" : "$");
        return new_part(begin ? BEGIN : END);
    }
    made = new_part(GROUP);
    made->group = ++groups_used;
    say("(");
    made->parts[made->count++] = make_any(deep - 1);
    say(")");
    return made;
}

static part *
make_repeat(unsigned deep)
{
    static const struct {
        const char *written;
        unsigned least, most;
    } times[] = {{"*", 0, 99},     {"+", 1, 99},     {"?", 0, 1},
                 {"{2}", 2, 2},    {"{0,2}", 0, 2},  {"{1,3}", 1, 3},
                 {"{2,}", 2, 99},  {"{0}", 0, 0},    {"{1}", 1, 1},
                 {"{0,}", 0, 99}};
    part *inner = make_atom(deep), *made;
    unsigned which = pick(20);

    if (which > 9 || (which > 2 && pick(2) == 0) || inner->kind == BEGIN ||
        inner->kind == END || (plain && inner->kind == GROUP))
        return inner;
    made = new_part(REPEAT);
    made->parts[made->count++] = inner;
    made->least = times[which].least;
    made->most = times[which].most;
    say(times[which].written);
    return made;
}

static part *
make_all(unsigned deep)
{
    part *made = new_part(ALL);
    unsigned count = 1 + pick(3);

    while (made->count < count)
        made->parts[made->count++] = make_repeat(deep);
    return made;
}

static part *
make_any(unsigned deep)
{
    part *made = new_part(ANY);
    unsigned count = !plain && pick(3) == 0 ? 2 + pick(2) : 1;

    while (made->count < count) {
        if (made->count > 0)
            say("|");
        made->parts[made->count++] = make_all(deep);
    }
    return made;
}

static part *
make_expression(unsigned deep)
{
    parts_used = groups_used = 0;
    expression[0] = 0;
    return make_any(deep);
}

static char text[64];

/* Appends something that the part may match. */
static void
follow(const part *it, size_t most)
{
    size_t len = strlen(text);
    unsigned times = it->least;

    if (it->kind == BYTES && len < most && *it->bytes != 0) {
        text[len] = it->bytes[pick((unsigned)strlen(it->bytes))];
        text[len + 1] = 0;
    } else if (it->kind == ANY) {
        follow(it->parts[pick(it->count)], most);
    } else if (it->kind == REPEAT) {
        if (it->most > it->least)
            times += pick(it->most - it->least < 3 ? it->most - it->least + 1
                                                   : 3);
        for (; times > 0; times--)
            follow(it->parts[0], most);
    } else {
        for (unsigned n = 0; n < it->count; n++)
            follow(it->parts[n], most);
    }
}

/* Anything of these letters, or something that the expression may match. */
static void
make_text(const part *whole, unsigned most, const char *alphabet)
{
    unsigned len = pick(most + 1), letters = (unsigned)strlen(alphabet);

    text[0] = 0;
    if (pick(2) == 0) {
        follow(whole, most);
        return;
    }
    for (unsigned i = 0; i < len; i++)
        text[i] = alphabet[pick(letters)];
    text[len] = 0;
}

/* ------------------------------------------------------- what POSIX means */

static size_t text_len;

static bool can(const part *it, size_t from, size_t to);

/* Whether the children from the nth on match this. */
static bool
can_all(const part *it, unsigned n, size_t from, size_t to)
{
    if (n == it->count)
        return from == to;
    for (size_t at = from; at <= to; at++)
        if (can(it->parts[n], from, at) && can_all(it, n + 1, at, to))
            return true;
    return false;
}

/* Whether, after n repetitions, the rest matches this. */
static bool
can_repeat(const part *it, unsigned n, size_t from, size_t to)
{
    if (from == to && n >= it->least &&
        (n > 0 || it->most == 0 || !can(it->parts[0], from, to)))
        return true;
    if (n == it->most)
        return false;
    if (it->most == 99 && n > it->least + 1)
        n = it->least + 1;
    /* one that need not be reads something, if it is not the first */
    for (size_t at = from + (n >= it->least && n > 0); at <= to; at++)
        if (can(it->parts[0], from, at) && can_repeat(it, n + 1, at, to))
            return true;
    return false;
}

static bool
can(const part *it, size_t from, size_t to)
{
    switch (it->kind) {
    case BYTES:
        return to == from + 1 && strchr(it->bytes, text[from]) != NULL;
    case BEGIN:
        return from == 0 && to == 0;
    case END:
        return from == text_len && to == text_len;
    case ALL:
        return can_all(it, 0, from, to);
    case ANY:
        for (unsigned n = 0; n < it->count; n++)
            if (can(it->parts[n], from, to))
                return true;
        return false;
    case GROUP:
        return can(it->parts[0], from, to);
    case REPEAT:
        return can_repeat(it, 0, from, to);
    }
    return false;
}

static void
forget(const part *it, regex_span *groups)
{
    if (it->kind == GROUP && it->group < REGEX_GROUPS)
        groups[it->group] = (regex_span){REGEX_UNSET, REGEX_UNSET};
    for (unsigned n = 0; n < it->count; n++)
        forget(it->parts[n], groups);
}

static void set_groups(const part *it, size_t from, size_t to,
                       regex_span *groups);

static void
set_groups_repeat(const part *it, size_t from, size_t to, regex_span *groups)
{
    for (unsigned n = 0; n < it->most; n++) {
        size_t least = from + (n >= it->least && n > 0), at;

        if (from == to && n >= it->least &&
            (n > 0 || !can(it->parts[0], from, to)))
            return;
        for (at = to + 1; at-- > least;)
            if (can(it->parts[0], from, at) && can_repeat(it, n + 1, at, to))
                break;
        forget(it->parts[0], groups);
        set_groups(it->parts[0], from, at, groups);
        from = at;
    }
}

static void
set_groups(const part *it, size_t from, size_t to, regex_span *groups)
{
    size_t at;

    switch (it->kind) {
    case BYTES:
    case BEGIN:
    case END:
        return;
    case ALL: /* each as much as it can, from left to right */
        for (unsigned n = 0; n < it->count; n++, from = at) {
            for (at = to; !can(it->parts[n], from, at) ||
                          !can_all(it, n + 1, at, to);)
                at--;
            set_groups(it->parts[n], from, at, groups);
        }
        return;
    case ANY: /* the first that can */
        for (unsigned n = 0; n < it->count; n++)
            if (can(it->parts[n], from, to)) {
                set_groups(it->parts[n], from, to, groups);
                return;
            }
        return;
    case GROUP:
        if (it->group < REGEX_GROUPS)
            groups[it->group] = (regex_span){from, to};
        set_groups(it->parts[0], from, to, groups);
        return;
    case REPEAT:
        set_groups_repeat(it, from, to, groups);
        return;
    }
}

/* ------------------------------------------------------------------- ours */

static regex *
compile(void)
{
    regex *made = NULL;
    regex_fault fault = {0};
    authplug_status status = regex_new(expression, &made, &fault);

    if (status != AUTHPLUG_OK)
        fail_msg("%s: %zu: %s", expression, fault.offset, fault.text);
    return made;
}

static void
write_spans(char *to, size_t size, const regex_span *spans, size_t count)
{
    size_t len = 0;

    to[0] = 0;
    for (size_t i = 0; i < count; i++)
        if (spans[i].start == REGEX_UNSET)
            len += (size_t)snprintf(to + len, size - len, "-");
        else
            len += (size_t)snprintf(to + len, size - len, "(%zu,%zu)",
                                    spans[i].start, spans[i].end);
}

static void
same_spans(const regex_span *ours, const regex_span *theirs, size_t count,
           const char *whose)
{
    char a[400], b[400];

    write_spans(a, sizeof a, ours, count);
    write_spans(b, sizeof b, theirs, count);
    if (strcmp(a, b) != 0)
        fail_msg("/%s/ on '%s': %s, and %s by %s", expression, text, a, b,
                 whose);
}

/* ------------------------------------------------------------------ tests */

TEST(groups_are_those_that_POSIX_means)
{
    seed = 20240917;
    for (unsigned n = 0; n < 40000; n++) {
        const part *whole = make_expression(1 + pick(3));
        regex *ours = compile();

        for (unsigned m = 0; m < 8; m++) {
            regex_span got[REGEX_GROUPS], expected[REGEX_GROUPS];
            authplug_status status;
            bool matches;

            make_text(whole, 6, "aaabbc-X");
            text_len = strlen(text);
            matches = can(whole, 0, text_len);
            status = regex_match(ours, authplug_span_of(text), got);
            if ((status == AUTHPLUG_OK) != matches)
                fail_msg("/%s/ on '%s': %s", expression, text,
                         authplug_status_name(status));
            if (!matches)
                continue;
            forget(whole, expected);
            expected[0] = (regex_span){0, text_len};
            for (unsigned g = 1; g < REGEX_GROUPS; g++)
                expected[g] = (regex_span){REGEX_UNSET, REGEX_UNSET};
            set_groups(whole, 0, text_len, expected);
            same_spans(got, expected, REGEX_GROUPS, "trying everything");
        }
        regex_free(&ours);
    }
}

/* The first match in any line. */
static bool
find_in_lines(regex_set *set, regex_found *found)
{
    size_t at = 0, len = strlen(text);

    for (;;) {
        size_t end = at + strcspn(text + at, "\n");

        if (regex_set_find(set, authplug_span_make(text + at, end - at), 0,
                           found) == AUTHPLUG_OK) {
            found->at.start += at;
            found->at.end += at;
            return true;
        }
        if (end == len)
            return false;
        at = end + 1;
    }
}

/* Whether it has one of this kind inside. */
static bool
has(const part *it, kind of)
{
    if (it->kind == of && (of != ANY || it->count > 1))
        return true;
    for (unsigned n = 0; n < it->count; n++)
        if (has(it->parts[n], of))
            return true;
    return false;
}

/* Whether a repetition has one of this kind inside. */
static bool
repeats(const part *it, kind of)
{
    if (it->kind == REPEAT && has(it, of))
        return true;
    for (unsigned n = 0; n < it->count; n++)
        if (repeats(it->parts[n], of))
            return true;
    return false;
}

/* What regexec() gives, in our words. It is asked for no more groups than are
 * looked at: it can take hours to find them. */
static bool
theirs_of(const regex_t *theirs, regex_span *spans, size_t count)
{
    regmatch_t at[REGEX_GROUPS];

    if (regexec(theirs, text, count, at, 0) != 0)
        return false;
    for (size_t i = 0; i < count; i++)
        spans[i] = at[i].rm_so < 0
                       ? (regex_span){REGEX_UNSET, REGEX_UNSET}
                       : (regex_span){(size_t)at[i].rm_so,
                                      (size_t)at[i].rm_eo};
    return true;
}

/* One text; counts groups that were compared. */
static void
compare(const regex *ours, regex_set *set, const regex_t *theirs, bool groups,
        unsigned *compared)
{
    regex_span expected[REGEX_GROUPS], got[REGEX_GROUPS];
    regex_found found = {0};
    bool matches = theirs_of(theirs, expected, groups ? REGEX_GROUPS : 1);

    if (find_in_lines(set, &found) != matches)
        fail_msg("/%s/ on '%s': %d by regexec", expression, text, matches);
    if (!matches)
        return;
    same_spans(&found.at, expected, 1, "regexec");
    if (groups && found.at.start == 0 && found.at.end == strlen(text)) {
        assert_int_equal(regex_match(ours, authplug_span_of(text), got),
                         AUTHPLUG_OK);
        same_spans(got, expected, REGEX_GROUPS, "regexec");
        ++*compared;
    }
}

/* Some texts for one expression. */
static void
compare_some(unsigned *compared)
{
    const part *whole = make_expression(1 + pick(3));
    regex *ours;
    const regex *member;
    regex_set *set = NULL;
    regex_t theirs;

    if (repeats(whole, BEGIN) || repeats(whole, END))
        return;
    member = ours = compile();
    assert_int_equal(regex_set_new(&member, 1, &set), AUTHPLUG_OK);
    assert_int_equal(regcomp(&theirs, expression, REG_EXTENDED | REG_NEWLINE),
                     0);
    for (unsigned n = 0; n < 16; n++) {
        make_text(whole, 12, "aaabbc-X\n");
        compare(ours, set, &theirs, plain, compared);
    }
    regfree(&theirs);
    regex_set_free(&set);
    regex_free(&ours);
}

TEST(matches_in_lines_are_those_of_regexec)
{
    unsigned compared = 0;

    seed = 7;
    for (unsigned n = 0; n < 25000; n++)
        compare_some(&compared);
}

TEST(groups_are_those_of_regexec_where_it_is_right)
{
    unsigned compared = 0;

    plain = true;
    seed = 8;
    for (unsigned n = 0; n < 25000; n++)
        compare_some(&compared);
    plain = false;
    assert_true(compared > 20000);
}

/* The first of several, each found by regexec() on its own. */
static bool
first_of(const regex_t *theirs, size_t count, regex_found *first)
{
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        regex_span at;

        if (!theirs_of(&theirs[i], &at, 1) ||
            (any && at.start >= first->at.start))
            continue;
        *first = (regex_found){i, at};
        any = true;
    }
    return any;
}

TEST(of_several_the_earliest_match_wins_and_then_the_first)
{
    seed = 99;
    for (unsigned n = 0; n < 8000; n++) {
        size_t count = 1 + pick(4);
        regex *ours[4] = {NULL};
        const part *last = NULL;
        regex_set *set = NULL;
        regex_t theirs[4];

        for (size_t i = 0; i < count; i++) {
            do
                last = make_expression(1 + pick(2));
            while (repeats(last, BEGIN) || repeats(last, END));
            ours[i] = compile();
            assert_int_equal(regcomp(&theirs[i], expression, REG_EXTENDED), 0);
        }
        assert_int_equal(
            regex_set_new((const regex *const *)ours, count, &set),
            AUTHPLUG_OK);
        for (unsigned m = 0; m < 12; m++) {
            regex_found got = {0}, expected = {0};
            bool matches;

            make_text(last, 12, "aaabbc-X");
            matches = first_of(theirs, count, &expected);
            assert_int_equal(regex_set_find(set, authplug_span_of(text), 0,
                                            &got),
                             matches ? AUTHPLUG_OK : AUTHPLUG_NOT_FOUND);
            assert_int_equal(got.which, expected.which);
            same_spans(&got.at, &expected.at, 1, "regexec");
        }
        for (size_t i = 0; i < count; i++) {
            regfree(&theirs[i]);
            regex_free(&ours[i]);
        }
        regex_set_free(&set);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_those_that_POSIX_means),
        cmocka_unit_test(matches_in_lines_are_those_of_regexec),
        cmocka_unit_test(groups_are_those_of_regexec_where_it_is_right),
        cmocka_unit_test(
            of_several_the_earliest_match_wins_and_then_the_first),
    };

    return cmocka_run_group_tests_name("regex_peers", tests, NULL, NULL);
}
