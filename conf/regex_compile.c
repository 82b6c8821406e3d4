/*
 * From the tree to states. They are made from the end of the expression to its
 * start: build() gets where to go on, and gives where to begin.
 *
 * Where to go on is a pair: one state for when nothing was read since some
 * point, and one for when something was. It matters in repetitions: beyond the
 * first times that must be, a repetition reads something (a first one that
 * need not be may read nothing). So there is no circle without a byte, which is
 * what makes one look at each state enough for each byte; the price is that
 * what can match nothing may be there twice.
 */
#include "conf/regex_tree.h"

#include <stdlib.h>
#include <string.h>

/* The state that leads nowhere. */
#define DEAD 0
/* While states are made that turn out to be of no use. */
#define BUILT_MOST (2 * REGEX_STATES_MOST)

typedef struct exits {
    uint16_t nothing, some;
} exits;

typedef struct builder {
    const tree *tree;
    state *states;
    uint16_t count;
    uint16_t depth; /* the most so far */
    authplug_status status;
} builder;

static uint16_t
make(builder *it, state_kind kind, uint16_t next, unsigned depth)
{
    if (it->count == BUILT_MOST)
        it->status = AUTHPLUG_LIMIT;
    if (it->status != AUTHPLUG_OK)
        return DEAD;
    it->states[it->count] = (state){.kind = (uint8_t)kind, .next = next,
                                    .depth = (uint8_t)depth};
    if (depth > it->depth)
        it->depth = (uint16_t)depth;
    return it->count++;
}

static uint16_t
make_fork(builder *it, uint16_t next, uint16_t other, unsigned depth)
{
    uint16_t made = make(it, STATE_FORK, next, depth);

    if (made != DEAD)
        it->states[made].other = other;
    return made;
}

static uint16_t
make_numbered(builder *it, state_kind kind, uint16_t next, unsigned number,
              unsigned depth)
{
    uint16_t made = make(it, kind, next, depth);

    if (made != DEAD)
        it->states[made].number = (uint16_t)number;
    return made;
}

/* The same states in front of both exits. */
static exits
make_exits(builder *it, state_kind kind, exits to, unsigned number,
           unsigned depth)
{
    exits made = to;

    if (to.some != DEAD)
        made.some = make_numbered(it, kind, to.some, number, depth);
    if (to.nothing == to.some)
        made.nothing = made.some;
    else if (to.nothing != DEAD)
        made.nothing = make_numbered(it, kind, to.nothing, number, depth);
    return made;
}

static uint16_t build(builder *it, const node *from, exits to, unsigned depth);

/* Where to begin when nothing was read before, and when something was. */
static exits
build_both(builder *it, const node *from, exits to, unsigned depth)
{
    exits made;

    made.nothing = made.some = build(it, from, to, depth);
    if (to.nothing != to.some && from->nothing)
        made.some = build(it, from, (exits){to.some, to.some}, depth);
    return made;
}

/* ---------------------------------------------------------------- sequences */

static uint16_t
build_all(builder *it, const node *from, exits to, unsigned depth)
{
    for (const node *child = from->last; child != NULL; child = child->before) {
        /* the last one ends where all of it ends, which is known already */
        bool part = it->tree->groups > 0 && child != from->last &&
                    child->length == VARIES;

        if (part)
            to = make_exits(it, STATE_CLOSED, to, 0, depth + 1);
        to = build_both(it, child, to, depth + part);
    }
    return to.nothing;
}

static uint16_t
build_any(builder *it, const node *from, exits to, unsigned depth)
{
    uint16_t made = build(it, from->last, to, depth);

    for (const node *child = from->last->before; child != NULL;
         child = child->before)
        made = make_fork(it, build(it, child, to, depth), made, depth);
    return made;
}

static uint16_t
build_group(builder *it, const node *from, exits to, unsigned depth)
{
    uint16_t inner;

    if (from->number >= REGEX_GROUPS)
        return build(it, from->last, to, depth);
    to = make_exits(it, STATE_CLOSE, to, from->number, depth);
    inner = build(it, from->last, to, depth);
    return make_numbered(it, STATE_OPEN, inner, from->number, depth);
}

/* -------------------------------------------------------------- repetitions */

/* One repetition. */
static uint16_t
build_once(builder *it, const node *from, exits to, unsigned depth)
{
    bool part = from->first_group < from->next_group && from->most > 1;
    uint16_t made;

    if (part)
        to = make_exits(it, STATE_CLOSED, to, 0, depth + 1);
    made = build(it, from->last, to, depth + part);
    if (part) {
        made = make_numbered(it, STATE_RESET, made, from->first_group, depth);
        if (made != DEAD)
            it->states[made].other = from->next_group;
    }
    return made;
}

/* In front of both exits a fork, to them or to the state. */
static exits
make_forks(builder *it, uint16_t next, exits to, unsigned depth)
{
    exits made;

    made.nothing = made.some = make_fork(it, next, to.some, depth);
    if (to.nothing != to.some)
        made.nothing = make_fork(it, next, to.nothing, depth);
    return made;
}

/* Repetitions without end; *again is the state where one begins. */
static exits
build_loop(builder *it, const node *from, exits to, unsigned depth,
           uint16_t *again)
{
    exits made = {DEAD, make_fork(it, DEAD, to.some, depth)};

    *again = build_once(it, from, made, depth);
    it->states[made.some].next = *again;
    made.nothing = to.nothing == to.some
                       ? made.some
                       : make_fork(it, *again, to.nothing, depth);
    return made;
}

static uint16_t
build_repeat(builder *it, const node *from, exits to, unsigned depth)
{
    bool nothing = from->last->nothing, endless = from->most == NO_MOST;
    unsigned must = from->least;
    uint16_t again = DEAD;
    exits on = to; /* after the repetitions made so far */

    if (from->most == 0)
        return to.nothing;
    if (endless) {
        on = build_loop(it, from, to, depth, &again);
    } else {
        for (unsigned n = from->most; n > must && n > 1; n--) {
            exits once = {DEAD, on.some};

            on = make_forks(it, build_once(it, from, once, depth), to, depth);
        }
    }
    if (nothing) /* a repetition that reads nothing is the last */
        on.nothing = must == 0 ? to.nothing : on.nothing;
    if (must == 0 && (nothing || !endless)) /* better nothing than not at all */
        return make_fork(it, build_once(it, from, on, depth), to.nothing,
                         depth);
    if (must > 0 && endless && !nothing) { /* the one that is there already */
        on.nothing = on.some = again;
        must--;
    }
    for (; must > 0; must--) {
        exits before = on;

        on.nothing = on.some = build_once(it, from, before, depth);
        if (before.nothing != before.some && nothing)
            on.some = build_once(it, from, (exits){before.some, before.some},
                                 depth);
    }
    return on.nothing;
}

static uint16_t
build(builder *it, const node *from, exits to, unsigned depth)
{
    if (it->status != AUTHPLUG_OK)
        return DEAD;
    switch (from->kind) {
    case NODE_BYTES:
        return make_numbered(it, STATE_BYTES, to.some, from->number, depth);
    case NODE_BEGIN:
        return make(it, STATE_BEGIN, to.nothing, depth);
    case NODE_END:
        return make(it, STATE_END, to.nothing, depth);
    case NODE_ALL:
        return build_all(it, from, to, depth);
    case NODE_ANY:
        return build_any(it, from, to, depth);
    case NODE_GROUP:
        return build_group(it, from, to, depth);
    case NODE_REPEAT:
        return build_repeat(it, from, to, depth);
    }
    return DEAD;
}

/* ------------------------------------------------------------- their order */

#define UNSEEN 0
#define SEEN 1
#define FIRST 2 /* what has been numbered has its number and this */

typedef struct order {
    const builder *from;
    uint16_t *numbers, *stack, *later;
    uint16_t count, stacked, waiting;
} order;

static void
stack_up(order *it, uint16_t number)
{
    if (it->numbers[number] == UNSEEN) {
        it->numbers[number] = SEEN;
        it->stack[it->stacked++] = number;
    }
}

/* Pushes what must come before the state; false when there is nothing. */
static bool
stack_needs(order *it, uint16_t number)
{
    const state *at = &it->from->states[number];
    uint16_t before = it->stacked;

    if (at->kind == STATE_ACCEPT)
        return false;
    if (at->kind == STATE_BYTES) { /* next is needed, but not before */
        it->later[it->waiting++] = at->next;
        return false;
    }
    stack_up(it, at->next);
    if (it->stacked == before && at->kind == STATE_FORK)
        stack_up(it, at->other);
    return it->stacked != before;
}

/* Numbers all states that can be reached from this one. */
static void
put_in_order(order *it, uint16_t start)
{
    it->later[it->waiting++] = start;
    while (it->waiting > 0) {
        stack_up(it, it->later[--it->waiting]);
        while (it->stacked > 0) {
            uint16_t top = it->stack[it->stacked - 1];

            if (stack_needs(it, top))
                continue;
            it->numbers[top] = (uint16_t)(FIRST + it->count++);
            it->stacked--;
        }
    }
}

/* The states in their order. */
static authplug_status
copy_states(const order *it, uint16_t start, machine *made)
{
    made->states = calloc(it->count, sizeof *made->states);
    if (made->states == NULL)
        return AUTHPLUG_NOMEM;
    for (uint16_t i = 0; i < it->from->count; i++) {
        state *to;

        if (it->numbers[i] == UNSEEN)
            continue;
        to = &made->states[it->numbers[i] - FIRST];
        *to = it->from->states[i];
        if (to->kind != STATE_ACCEPT)
            to->next = (uint16_t)(it->numbers[to->next] - FIRST);
        if (to->kind == STATE_FORK)
            to->other = (uint16_t)(it->numbers[to->other] - FIRST);
    }
    made->count = it->count;
    made->start = (uint16_t)(it->numbers[start] - FIRST);
    made->depth = it->from->depth;
    return AUTHPLUG_OK;
}

static authplug_status
arrange(const builder *from, uint16_t start, machine *made)
{
    authplug_status status = AUTHPLUG_NOMEM;
    order it = {.from = from};

    /* each state is stacked once, and waited for once by each that reads */
    it.numbers = calloc(3 * (size_t)from->count + 1, sizeof *it.numbers);
    if (it.numbers == NULL)
        return status;
    it.stack = it.numbers + from->count;
    it.later = it.stack + from->count;
    put_in_order(&it, start);
    status = it.count > REGEX_STATES_MOST ? AUTHPLUG_LIMIT
                                          : copy_states(&it, start, made);
    free(it.numbers);
    return status;
}

/* ---------------------------------------------------------------- all of it */

static authplug_status
copy_sets(const tree *from, machine *made)
{
    made->set_count = (uint16_t)(from->sets + 1);
    made->sets = calloc(made->set_count, sizeof *made->sets);
    if (made->sets == NULL)
        return AUTHPLUG_NOMEM;
    for (size_t i = 0; i < from->count; i++)
        if (from->nodes[i].kind == NODE_BYTES)
            memcpy(made->sets[from->nodes[i].number], from->nodes[i].bytes,
                   sizeof *made->sets);
    return AUTHPLUG_OK;
}

void
machine_free(machine *it)
{
    free(it->states);
    free(it->sets);
    *it = (machine){0};
}

authplug_status
regex_compile(const tree *from, machine *made)
{
    builder it = {.tree = from, .status = AUTHPLUG_OK};
    uint16_t start, accept;

    it.states = malloc(BUILT_MOST * sizeof *it.states);
    if (it.states == NULL)
        return AUTHPLUG_NOMEM;
    make_numbered(&it, STATE_BYTES, DEAD, 0, 1); /* DEAD, which reads none */
    accept = make(&it, STATE_ACCEPT, DEAD, 1);
    start = build(&it, from->root, (exits){accept, accept}, 1);
    *made = (machine){0};
    if (it.status == AUTHPLUG_OK)
        it.status = copy_sets(from, made);
    if (it.status == AUTHPLUG_OK)
        it.status = arrange(&it, start, made);
    if (it.status != AUTHPLUG_OK)
        machine_free(made);
    free(it.states);
    return it.status;
}
