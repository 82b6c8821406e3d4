/*
 * Several expressions, looked for together. A text is first read forwards by an
 * automaton that says whether there is a match at all; only where there is one
 * it is swept backwards, which is slower and finds which and where.
 *
 * The automaton's states are sets of the machine's. They are made when a text
 * first leads there, and kept in a cache of a fixed size; when that is full it
 * is emptied. So its size is bounded whatever the expressions and the text are,
 * and the worst that a byte can cost is the making of one state.
 */
#include "conf/regex_tree.h"

#include <stdlib.h>
#include <string.h>

#define CACHE ((size_t)512 << 10)
#define CACHED_LEAST 16
#define CACHED_MOST 32000

/* Where a byte leads: not known yet, to a match, or to state number - FIRST. */
enum { UNKNOWN, MATCH, FIRST };

struct regex_set {
    machine machine; /* all of them, one after the other */
    size_t members;
    uint16_t *starts; /* of the members */
    uint32_t *rows;   /* for sweeps */

    unsigned char classes[256]; /* bytes that no set tells apart are one */
    unsigned char examples[256]; /* a byte of each class */
    size_t class_count;

    size_t words, room, used;
    uint64_t *sets;      /* of each state, `words` of them */
    bool *ends;          /* whether the text's end would make it a match */
    uint16_t *moves;     /* of each state, for each class */
    uint16_t *buckets;   /* state numbers + 1, by their sets */
    size_t bucket_count; /* a power of two, more than room */
    uint16_t first[2];   /* where a text begins, without and with NOT_BEGIN */
    uint64_t *work;      /* two sets */
};

/* ---------------------------------------------------- sets of NFA's states */

static void
add(uint64_t *set, size_t number)
{
    set[number / 64] |= (uint64_t)1 << number % 64;
}

/* Takes the states that read nothing out of a set, and what follows them in.
 * True if that is a match. */
static bool
close_set(const regex_set *it, uint64_t *set, bool begin, bool end)
{
    bool match = false;

    for (size_t w = it->words; w-- > 0;) {
        /* what follows has a lower number */
        for (uint64_t todo = set[w]; todo != 0;) {
            unsigned bit = 63u - (unsigned)__builtin_clzll(todo);
            uint64_t mask = (uint64_t)1 << bit;
            const state *at = &it->machine.states[w * 64 + bit];

            if (at->kind == STATE_ACCEPT)
                match = true;
            if (at->kind != STATE_BYTES && at->kind != STATE_ACCEPT &&
                (at->kind != STATE_END || end)) {
                set[w] &= ~mask;
                if (at->kind != STATE_BEGIN || begin)
                    add(set, at->next);
                if (at->kind == STATE_FORK)
                    add(set, at->other);
            }
            todo = set[w] & (mask - 1);
        }
    }
    return match;
}

static void
add_starts(const regex_set *it, uint64_t *set)
{
    for (size_t i = 0; i < it->members; i++)
        add(set, it->starts[i]);
}

/* -------------------------------------------------------------------- cache */

static void
empty_cache(regex_set *it)
{
    it->used = 0;
    it->first[0] = it->first[1] = UNKNOWN;
    memset(it->buckets, 0, it->bucket_count * sizeof *it->buckets);
}

static size_t
hash(const uint64_t *set, size_t words)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < words; i++) {
        sum = (sum ^ set[i]) * UINT64_C(0x9e3779b97f4a7c15);
        sum ^= sum >> 29;
    }
    return (size_t)sum;
}

/* The move that leads to a closed set; there is room for another state. */
static uint16_t
intern(regex_set *it, const uint64_t *set)
{
    size_t bytes = it->words * sizeof *set, at = hash(set, it->words), new;
    uint64_t *rest = it->work + it->words;

    for (;; at++) {
        at &= it->bucket_count - 1;
        if (it->buckets[at] == 0)
            break;
        if (memcmp(it->sets + (it->buckets[at] - 1u) * it->words, set,
                   bytes) == 0)
            return (uint16_t)(it->buckets[at] - 1 + FIRST);
    }
    new = it->used++;
    it->buckets[at] = (uint16_t)(new + 1);
    memcpy(it->sets + new * it->words, set, bytes);
    memset(it->moves + new * it->class_count, 0,
           it->class_count * sizeof *it->moves);
    memcpy(rest, set, bytes);
    it->ends[new] = close_set(it, rest, true, true);
    return (uint16_t)(new + FIRST);
}

static uint16_t
begin(regex_set *it, unsigned flags)
{
    bool inside = (flags & REGEX_NOT_BEGIN) != 0;

    if (it->first[inside] == UNKNOWN) {
        if (it->used == it->room)
            empty_cache(it);
        memset(it->work, 0, it->words * sizeof *it->work);
        add_starts(it, it->work);
        it->first[inside] = close_set(it, it->work, !inside, false)
                                ? MATCH
                                : intern(it, it->work);
    }
    return it->first[inside];
}

/* Where a state goes with a byte of this class. */
static uint16_t
make_move(regex_set *it, size_t from, size_t class)
{
    const uint64_t *set = it->sets + from * it->words;
    const machine *all = &it->machine;
    uint16_t move;

    memset(it->work, 0, it->words * sizeof *it->work);
    for (size_t w = 0; w < it->words; w++) {
        for (uint64_t todo = set[w]; todo != 0; todo &= todo - 1) {
            const state *at =
                &all->states[w * 64 + (size_t)__builtin_ctzll(todo)];

            if (at->kind == STATE_BYTES &&
                set_has(all->sets[at->number], it->examples[class]))
                add(it->work, at->next);
        }
    }
    add_starts(it, it->work);
    if (close_set(it, it->work, false, false)) {
        move = MATCH;
    } else if (it->used < it->room) {
        move = intern(it, it->work);
    } else { /* the state it comes from is forgotten as well */
        empty_cache(it);
        return intern(it, it->work);
    }
    it->moves[from * it->class_count + class] = move;
    return move;
}

/* Whether there is a match; now and then there is none, which is found out
 * later, but never the other way round. */
static bool
may_match(regex_set *it, authplug_span text, unsigned flags)
{
    const unsigned char *classes = it->classes;
    const uint16_t *moves = it->moves;
    size_t class_count = it->class_count, class;
    uint16_t at = begin(it, flags), move;

    if (at == MATCH)
        return true;
    for (size_t i = 0; i < text.len; i++) {
        class = classes[text.data[i]];
        move = moves[(at - (size_t)FIRST) * class_count + class];
        if (move < FIRST) {
            if (move == UNKNOWN)
                move = make_move(it, at - (size_t)FIRST, class);
            if (move == MATCH)
                return true;
        }
        at = move;
    }
    return !(flags & REGEX_NOT_END) && it->ends[at - FIRST];
}

authplug_status
regex_set_find(regex_set *set, authplug_span text, unsigned flags,
               regex_found *found)
{
    size_t count = set->machine.count;
    sweep over = {.machine = &set->machine, .text = text, .flags = flags,
                  .width = 1, .here = set->rows, .next = set->rows + count};
    authplug_status status = AUTHPLUG_NOT_FOUND;
    uint32_t *swap;

    if (text.len > REGEX_TEXT_MOST)
        return AUTHPLUG_LENGTH;
    if (!may_match(set, text, flags))
        return AUTHPLUG_NOT_FOUND;
    for (size_t offset = text.len + 1; offset-- > 0;) {
        sweep_step(&over, offset, NULL);
        for (size_t i = set->members; i-- > 0;) {
            uint32_t end = over.here[set->starts[i]];

            if (end == NO_WAY)
                continue;
            *found = (regex_found){i, {offset, end}};
            status = AUTHPLUG_OK;
        }
        swap = over.here;
        over.here = over.next;
        over.next = swap;
    }
    return status;
}

/* ------------------------------------------------------------ begin and end */

void
regex_set_free(regex_set **set)
{
    if (set == NULL || *set == NULL)
        return;
    machine_free(&(*set)->machine);
    free((*set)->starts);
    free((*set)->rows);
    free((*set)->sets);
    free((*set)->ends);
    free((*set)->moves);
    free((*set)->buckets);
    free((*set)->work);
    free(*set);
    *set = NULL;
}

/* The member's states and sets, behind those that are there. */
static void
append(regex_set *it, const machine *from)
{
    machine *to = &it->machine;

    for (size_t i = 0; i < from->count; i++) {
        state *at = &to->states[to->count + i];

        *at = from->states[i];
        at->next = (uint16_t)(at->next + to->count);
        if (at->kind == STATE_FORK)
            at->other = (uint16_t)(at->other + to->count);
        if (at->kind == STATE_BYTES)
            at->number = (uint16_t)(at->number + to->set_count);
    }
    memcpy(to->sets + to->set_count, from->sets,
           from->set_count * sizeof *to->sets);
    it->starts[it->members++] = (uint16_t)(from->start + to->count);
    to->count = (uint16_t)(to->count + from->count);
    to->set_count = (uint16_t)(to->set_count + from->set_count);
}

static authplug_status
join(regex_set *it, const regex *const *expressions, size_t count)
{
    size_t states = 0, sets = 0;

    for (size_t i = 0; i < count; i++) {
        states += expressions[i]->machine.count;
        sets += expressions[i]->machine.set_count;
        if (states > REGEX_STATES_MOST || sets > UINT16_MAX)
            return AUTHPLUG_LIMIT;
    }
    it->machine.states = calloc(states + 1, sizeof *it->machine.states);
    it->machine.sets = calloc(sets + 1, sizeof *it->machine.sets);
    it->starts = calloc(count + 1, sizeof *it->starts);
    if (it->machine.states == NULL || it->machine.sets == NULL ||
        it->starts == NULL)
        return AUTHPLUG_NOMEM;
    for (size_t i = 0; i < count; i++)
        append(it, &expressions[i]->machine);
    return AUTHPLUG_OK;
}

/* Splits the classes so that none has bytes inside and outside the set. A
 * class keeps its number for the bytes that are like its example. */
static void
split_classes(regex_set *it, const byte_set set)
{
    unsigned char rest[256]; /* of a class that was split; 0 if it was not */

    memset(rest, 0, sizeof rest);
    for (unsigned byte = 0; byte < 256; byte++) {
        unsigned char class = it->classes[byte];

        if (set_has(set, (unsigned char)byte) ==
            set_has(set, it->examples[class]))
            continue;
        if (rest[class] == 0) {
            rest[class] = (unsigned char)it->class_count;
            it->examples[it->class_count++] = (unsigned char)byte;
        }
        it->classes[byte] = rest[class];
    }
}

static authplug_status
make_cache(regex_set *it)
{
    size_t one;

    it->class_count = 1;
    for (size_t i = 0; i < it->machine.set_count; i++)
        split_classes(it, it->machine.sets[i]);
    it->words = it->machine.count / 64 + 1u;
    one = it->words * sizeof *it->sets + it->class_count * sizeof *it->moves +
          sizeof *it->ends + 2 * sizeof *it->buckets;
    it->room = CACHE / one;
    if (it->room < CACHED_LEAST)
        it->room = CACHED_LEAST;
    if (it->room > CACHED_MOST)
        it->room = CACHED_MOST;
    for (it->bucket_count = 1; it->bucket_count < 2 * it->room;)
        it->bucket_count *= 2;
    it->sets = malloc(it->room * it->words * sizeof *it->sets);
    it->moves = malloc(it->room * it->class_count * sizeof *it->moves);
    it->ends = malloc(it->room * sizeof *it->ends);
    it->buckets = malloc(it->bucket_count * sizeof *it->buckets);
    it->work = malloc(2 * it->words * sizeof *it->work);
    it->rows = malloc((2 * it->machine.count + 1u) * sizeof *it->rows);
    if (it->sets == NULL || it->moves == NULL || it->ends == NULL ||
        it->buckets == NULL || it->work == NULL || it->rows == NULL)
        return AUTHPLUG_NOMEM;
    empty_cache(it);
    return AUTHPLUG_OK;
}

authplug_status
regex_set_new(const regex *const *expressions, size_t count, regex_set **made)
{
    regex_set *it = calloc(1, sizeof *it);
    authplug_status status;

    if (it == NULL)
        return AUTHPLUG_NOMEM;
    status = join(it, expressions, count);
    if (status == AUTHPLUG_OK)
        status = make_cache(it);
    if (status == AUTHPLUG_OK)
        *made = it;
    else
        regex_set_free(&it);
    return status;
}
