/*
 * conf/regex_tree.h - what the parts of the matcher say to one another: the
 * tree that an expression is parsed into, and the states it becomes.
 */
#ifndef CONF_REGEX_TREE_H
#define CONF_REGEX_TREE_H

#include "conf/regex.h"

/* --------------------------------------------------------------------- tree */

typedef uint64_t byte_set[4];

typedef enum node_kind {
    NODE_BYTES,  /* one byte of a set */
    NODE_BEGIN,  /* ^ */
    NODE_END,    /* $ */
    NODE_ALL,    /* its children, one after the other */
    NODE_ANY,    /* one of its children */
    NODE_GROUP,  /* its child, numbered */
    NODE_REPEAT, /* its child, from least to most times */
} node_kind;

#define NO_MOST UINT16_MAX /* in a node: there is no most */

/* Children are linked from the last to the first, as states are made. */
typedef struct node {
    node_kind kind;
    struct node *last, *before; /* the last child; the sibling before */
    byte_set bytes;
    uint16_t number;      /* the group's, the set's */
    uint16_t least, most; /* of a repetition; and the groups inside it: */
    uint16_t first_group, next_group; /* from the first up to the next */
    uint32_t length;                  /* of all that it matches, or VARIES */
    bool nothing;                     /* it can match the empty string */
} node;

#define VARIES UINT32_MAX

typedef struct tree {
    node *root;
    uint16_t groups, sets; /* how many there are */
    node *nodes;           /* to be freed */
    size_t count;
} tree;

/* VALUE, LIMIT with *fault; NOMEM. Only with OK there is something to free. */
authplug_status regex_parse(const char *expression, tree *made,
                            regex_fault *fault);

/* ------------------------------------------------------------------- states */

typedef enum state_kind {
    STATE_BYTES,  /* one byte of the set, then next */
    STATE_FORK,   /* next, or other; next where both are as good */
    STATE_BEGIN,  /* where the text begins */
    STATE_END,    /* where it ends */
    STATE_CLOSED, /* a part ended here; see regex_match.c */
    STATE_OPEN,   /* a group begins; number is the group's */
    STATE_CLOSE,  /* a group ends */
    STATE_RESET,  /* groups from number up to before other are not set yet */
    STATE_ACCEPT
} state_kind;

typedef struct state {
    uint8_t kind;   /* a state_kind */
    uint8_t depth;  /* how many parts are open here; the whole is one */
    uint16_t next;  /* a state */
    uint16_t other; /* a second one, where there is one */
    uint16_t number; /* of the group, of the set */
} state;

/*
 * States that follow without a byte being read have lower numbers, so that
 * they can be looked at in order; there are no circles without a byte.
 */
typedef struct machine {
    state *states;
    byte_set *sets;
    uint16_t count, set_count;
    uint16_t start;
    uint16_t depth; /* the most that a state has */
} machine;

struct regex {
    machine machine;
    size_t groups;
    bool nothing;
};

/* LIMIT, NOMEM. */
authplug_status regex_compile(const tree *from, machine *made);
void machine_free(machine *it);

static inline bool
set_has(const byte_set set, unsigned char byte)
{
    return (set[byte >> 6] >> (byte & 63)) & 1;
}

/* -------------------------------------------------------------------- sweep */

/* See regex_match.c. */
typedef struct sweep {
    const machine *machine;
    authplug_span text;
    unsigned flags;
    size_t width;          /* how many parts count when ways are compared */
    uint32_t *here, *next; /* of every state width ends, here and one on */
    bool whole;            /* matches end at the end of the text only */
} sweep;

#define NO_WAY UINT32_MAX

/* From the values one byte on, if any, to those at offset. Where chosen is
 * there, it gets a bit for every state that goes its other way. */
void sweep_step(sweep *it, size_t offset, unsigned char *chosen);

#endif
