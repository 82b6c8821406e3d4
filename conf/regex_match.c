/*
 * Matching, from the end of a text to its start.
 *
 * At every place of the text, and for every state, there is at most one best
 * way from there to the end of the match. It is made of the best ways one byte
 * on, so that two rows of values suffice, and each byte costs one look at each
 * state. Going backwards is what makes the choice between two ways easy: POSIX
 * lets the parts of an expression take as much as they can, from left to right
 * and from the outermost to the innermost, and where the parts that are open at
 * a state will end is known by then. So the value of a way is where they end,
 * the outermost first, and the better way is the one that has the larger end
 * where the two first differ. Once all open parts end at the same places the
 * ways go on as one, and the first of two alternatives is taken.
 *
 * What was chosen is kept as one bit for each state and place; a walk from the
 * start of the text, along what was chosen, then meets the groups.
 */
#include "conf/regex_tree.h"

#include <stdlib.h>
#include <string.h>

/* Bytes for what was chosen. */
#define CHOSEN_MOST ((size_t)16 << 20)

/* -------------------------------------------------------------------- sweep */

/* Whether a fork's other way is better than its next. */
static bool
other_is_better(const uint32_t *other, const uint32_t *next, size_t width)
{
    if (other[0] == NO_WAY || next[0] == NO_WAY)
        return next[0] == NO_WAY;
    for (size_t i = 0; i < width; i++)
        if (other[i] != next[i])
            return other[i] > next[i];
    return false;
}

/* What a state passes on: the row of the way it takes, or NULL. */
static const uint32_t *
way_of(const sweep *it, const state *at, size_t offset)
{
    const uint32_t *here = it->here + at->next * it->width;
    const uint32_t *other;
    unsigned flags = it->flags;
    size_t width = at->depth < it->width ? at->depth : it->width;

    switch ((state_kind)at->kind) {
    case STATE_BYTES:
        return offset < it->text.len &&
                       set_has(it->machine->sets[at->number],
                               it->text.data[offset])
                   ? it->next + at->next * it->width
                   : NULL;
    case STATE_FORK:
        other = it->here + at->other * it->width;
        return other_is_better(other, here, width) ? other : here;
    case STATE_BEGIN:
        return offset == 0 && !(flags & REGEX_NOT_BEGIN) ? here : NULL;
    case STATE_END:
        return offset == it->text.len && !(flags & REGEX_NOT_END) ? here
                                                                  : NULL;
    case STATE_ACCEPT:
        return NULL;
    case STATE_CLOSED:
    case STATE_OPEN:
    case STATE_CLOSE:
    case STATE_RESET:
        break;
    }
    return here;
}

void
sweep_step(sweep *it, size_t offset, unsigned char *chosen)
{
    const machine *all = it->machine;

    for (size_t i = 0; i < all->count; i++) {
        const state *at = &all->states[i];
        uint32_t *row = it->here + i * it->width;
        const uint32_t *way = way_of(it, at, offset);

        if (way == NULL)
            row[0] = NO_WAY;
        else
            memcpy(row, way, it->width * sizeof *row);
        if (at->kind == STATE_ACCEPT && (!it->whole || offset == it->text.len))
            row[0] = (uint32_t)offset;
        if (at->kind == STATE_CLOSED && at->depth <= it->width)
            row[at->depth - 1] = (uint32_t)offset;
        if (chosen != NULL && at->kind == STATE_FORK &&
            way != it->here + at->next * it->width)
            chosen[i / 8] |= (unsigned char)(1 << i % 8);
    }
}

/* ------------------------------------------------------------------- groups */

static void
unset(regex_span groups[REGEX_GROUPS], size_t from, size_t before)
{
    for (; from < before && from < REGEX_GROUPS; from++)
        groups[from] = (regex_span){REGEX_UNSET, REGEX_UNSET};
}

/* Follows what was chosen, stride bytes for each place. */
static void
walk(const machine *it, size_t len, const unsigned char *chosen, size_t stride,
     regex_span groups[REGEX_GROUPS])
{
    size_t i = it->start, offset = 0;

    unset(groups, 1, REGEX_GROUPS);
    groups[0] = (regex_span){0, len};
    while (it->states[i].kind != STATE_ACCEPT) {
        const state *at = &it->states[i];

        i = at->next;
        if (at->kind == STATE_BYTES)
            offset++;
        else if (at->kind == STATE_OPEN)
            groups[at->number].start = offset;
        else if (at->kind == STATE_CLOSE)
            groups[at->number].end = offset;
        else if (at->kind == STATE_RESET)
            unset(groups, at->number, at->other);
        else if (at->kind == STATE_FORK &&
                 chosen[offset * stride + (size_t)(at - it->states) / 8] >>
                         (at - it->states) % 8 & 1)
            i = at->other;
    }
}

/* Bytes of `chosen` for one place; 0 where nobody asks for groups. */
static size_t
stride_of(const regex *it, const regex_span *groups)
{
    return groups == NULL || it->groups == 0 ? 0 : it->machine.count / 8 + 1u;
}

authplug_status
regex_match(const regex *it, authplug_span text,
            regex_span groups[REGEX_GROUPS])
{
    const machine *all = &it->machine;
    size_t stride = stride_of(it, groups);
    sweep over = {.machine = all, .text = text, .whole = true};
    uint32_t *rows, *swap;
    unsigned char *chosen;
    bool matches;

    if (text.len > REGEX_TEXT_MOST)
        return AUTHPLUG_LENGTH;
    if (stride > 0 && text.len + 1 > CHOSEN_MOST / stride)
        return AUTHPLUG_LIMIT;
    over.width = stride > 0 ? all->depth : 1;
    rows = malloc(2 * all->count * over.width * sizeof *rows);
    chosen = calloc(text.len + 1, stride + 1);
    if (rows == NULL || chosen == NULL) {
        free(rows);
        free(chosen);
        return AUTHPLUG_NOMEM;
    }
    over.here = rows;
    over.next = rows + all->count * over.width;
    for (size_t offset = text.len + 1; offset-- > 0;) {
        sweep_step(&over, offset, stride > 0 ? chosen + offset * stride : NULL);
        swap = over.here;
        over.here = over.next;
        over.next = swap;
    }
    matches = over.next[all->start * over.width] != NO_WAY;
    if (matches && stride > 0) {
        walk(all, text.len, chosen, stride, groups);
    } else if (matches && groups != NULL) {
        unset(groups, 1, REGEX_GROUPS);
        groups[0] = (regex_span){0, text.len};
    }
    free(rows);
    free(chosen);
    return matches ? AUTHPLUG_OK : AUTHPLUG_NOT_FOUND;
}

/* ------------------------------------------------------------ begin and end */

authplug_status
regex_new(const char *expression, regex **made, regex_fault *fault)
{
    tree parsed;
    regex *it = calloc(1, sizeof *it);
    authplug_status status;

    if (it == NULL)
        return AUTHPLUG_NOMEM;
    status = regex_parse(expression, &parsed, fault);
    if (status == AUTHPLUG_OK) {
        it->groups = parsed.groups;
        it->nothing = parsed.root->nothing;
        status = regex_compile(&parsed, &it->machine);
        free(parsed.nodes);
        if (status == AUTHPLUG_LIMIT) {
            fault->offset = 0;
            fault->text = "too large once its repetitions are written out: at "
                          "most 10000 states were expected";
        }
    }
    if (status == AUTHPLUG_OK)
        *made = it;
    else
        free(it);
    return status;
}

void
regex_free(regex **it)
{
    if (it == NULL || *it == NULL)
        return;
    machine_free(&(*it)->machine);
    free(*it);
    *it = NULL;
}

bool
regex_takes_nothing(const regex *it)
{
    return it->nothing;
}

size_t
regex_groups(const regex *it)
{
    return it->groups;
}
