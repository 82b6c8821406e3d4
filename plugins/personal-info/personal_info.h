/*
 * plugins/personal-info/personal_info.h - what the program's files share:
 * questions, answers, and the database of both. Internal.
 */
#ifndef PERSONAL_INFO_H
#define PERSONAL_INFO_H

#include <authplug/secret.h>

#define PROGRAM "authplug-personal-info"

/* Exit statuses: accepted, rejected, misuse, could not decide. */
enum { RAN_YES = 0, RAN_NO = 1, RAN_MISUSE = 2, RAN_BROKEN = 111 };

/*
 * Everybody is asked the same questions. Were they different, they would tell
 * who has answers here, and to anybody what somebody chose to be asked.
 */
#define QUESTIONS_MOST 7
#define QUESTION_LONGEST 200

typedef struct question {
    uint32_t round; /* from 1; a round's questions are asked together */
    bool echo;      /* whether the answer may be seen while it is typed */
    char text[QUESTION_LONGEST + 1];
} question;

typedef struct questions {
    question of[QUESTIONS_MOST];
    uint32_t count;
} questions;

/* Whether a text is valid UTF-8 of visible characters and blanks only. */
bool text_is_plain(authplug_span text);

/* --------------------------------------------------------------- answers */

/* In bytes, as they are compared. All of them, joined, must be shorter than
 * the 512 bytes that crypt(3) takes. */
#define ANSWER_SHORTEST 3
#define ANSWER_LONGEST 64

/* As it is typed, blanks included. */
#define TYPED_LONGEST 256

/* The answers to all questions, in their order; those not given are empty. */
typedef struct answers {
    authplug_secret *to[QUESTIONS_MOST];
} answers;

/* False when out of memory; to be freed even then. */
bool answers_new(answers *all);
void answers_free(answers *all);

/*
 * Takes what was typed into an empty answer, in the form in which answers are
 * compared: without blanks, and ASCII letters in lower case. LENGTH when that
 * is too short, LIMIT too long, VALUE when it holds what nobody means to type;
 * the answer is then still empty. NOMEM.
 */
authplug_status answer_read(authplug_span typed, authplug_secret *answer);

/* What is wrong with an answer that gave this status. */
const char *answer_fault(authplug_status status);

/* ---------------------------------------------------------------- hashes */

/* With its NUL. */
#define HASH_SIZE 128

/*
 * One hash of all the answers together, with a new salt. Whoever stole the
 * hash has to guess all of them at once. NOMEM, IO.
 */
authplug_status hash_new(const answers *all, uint32_t count,
                         char hash[HASH_SIZE]);

/* Whether the hash is of these answers; takes the same time if not. VALUE when
 * it is no hash of ours, NOMEM, IO. */
authplug_status hash_check(const answers *all, uint32_t count,
                           const char *hash, bool *same);

/* A hash that nobody's answers have. NOMEM, IO. */
authplug_status hash_decoy(char hash[HASH_SIZE]);

/* -------------------------------------------------------------- database */

/*
 * What fails here has given its reason, and what to do, on standard error. No
 * call waits longer than some seconds for others who use the database.
 */
typedef struct store store;

/* Makes a database that asks these questions. path begins with a slash. */
bool store_create(const char *path, const questions *asked);

/* Opens it, to read or also to write, and checks that nobody else could have
 * changed or read it. path is borrowed until _free. NULL when it failed. */
store *store_open(const char *path, bool write);
void store_free(store **opened);

bool store_questions(store *from, questions *asked);

/* Whether the name is known, and its hash; for others a hash that no answers
 * have, found in the same way. */
bool store_find(store *from, const char *name, bool *known,
                char hash[HASH_SIZE]);

/* Sets the hash of a name, new or not. */
bool store_put(store *to, const char *name, const char *hash);

/* Removes a name; *known tells whether it was there. */
bool store_remove(store *from, const char *name, bool *known);

/* Calls for each name, in order, with the day its answers were given. */
bool store_list(store *from, void (*each)(const char *name, const char *day));

/* -------------------------------------------------------------- commands */

/* The longest name of a user. */
#define NAME_LONGEST 256

/* Each gives an exit status. */
int ask_run(const char *path);
int enrol_run(const char *path, const char *name);

#endif
