/*
 * client/words.h - stock ssh's command line, as ssh itself reads it. Without
 * libssh.
 */
#ifndef CLIENT_WORDS_H
#define CLIENT_WORDS_H

#include <stdbool.h>

/* The options of OpenSSH's ssh: without and with an argument, and of both those
 * that end in an answer without a login. */
extern const char words_flags[], words_valued[], words_queries[];

/* The words, the program's name first; zeroed else. */
typedef struct ssh_words {
    int count;
    char **words;
    int at;           /* the word that was read last */
    const char *rest; /* letters of it that were not read yet */
    bool host;        /* it was seen */
} ssh_words;

/* The next option and its value, NULL where it has none. False where none is
 * left: what follows is the host or the command. */
bool words_next(ssh_words *it, char *letter, const char **value);

/* What "KEYWORD=VALUE" or "KEYWORD VALUE" says, or NULL if it is about another
 * keyword. */
const char *words_keyword(const char *option, const char *keyword);

/* Whether ssh with these words only answers a question (-G, -O). */
bool words_ask_only(int count, char **words);

/* Which of its words has ssh use nobody's connection ("-S none", "-M"), or
 * NULL. */
const char *words_alone(int count, char **words);

#endif
