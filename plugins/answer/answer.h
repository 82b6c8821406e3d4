/*
 * authplug answer: what each of its files offers the others. Internal.
 *
 *   config.c    the file: Host blocks, their rules, one-time codes
 *   match.c     which rule a prompt has
 *   answer.c    the plugin: a request's prompts, their answers, the user
 *   source.c    what a Response's tokens stand for
 *   otp.c       one-time codes
 *   used.c      the records of those that were used
 *   keyring.c   the desktop's keyring, by a helper of its own
 *   explain.c   --explain and --check
 *   init.c      a first file, by asking
 *   init_file.c what stands in it
 *
 * A prompt that no rule matches is asked of the user, or refused: nothing here
 * guesses.
 */
#ifndef ANSWER_ANSWER_H
#define ANSWER_ANSWER_H

#include "conf/rules.h"

#include <authplug/plugin.h>

#define ANSWER_PROGRAM "authplug answer"

/* the longest answer, and text of a source */
#define ANSWER_MOST 4096
/* what of reasons and messages is kept */
#define ANSWER_WHY 1024

/* ----------------------------------------------------------------- config.c */

typedef enum answer_echo { ECHO_ANY, ECHO_YES, ECHO_NO } answer_echo;

/* A Request and its Response, with what stands between them. */
typedef struct answer_rule {
    size_t which; /* in the block's rules */
    answer_echo echo;
    regex *instruction;   /* that the request's must match, or NULL */
    template_words *exec; /* whose first line is $exec$, or NULL */
    bool confirm;
    long limit; /* automatic answers in a login */
    unsigned line;
    unsigned id; /* in the file */
} answer_rule;

/* A Host block. */
typedef struct answer_block {
    char **hosts; /* patterns, NULL at the end */
    char *user;   /* a pattern, or NULL */
    char *username;
    rules *rules;
    answer_rule *own; /* as many as rules_count() */
    size_t count;
    unsigned line;
} answer_block;

typedef enum answer_algorithm { OTP_SHA1, OTP_SHA256, OTP_SHA512 }
    answer_algorithm;

/* A Totp or Hotp block. */
typedef struct answer_code {
    char *name;
    bool counted;         /* HOTP */
    template *secret;     /* its text: an otpauth:// URI, or base32 */
    template_words *exec; /* or NULL */
    long digits, period;  /* 0 where the file does not say */
    long algorithm;       /* an answer_algorithm; -1 where it does not say */
    unsigned line;
} answer_code;

typedef struct answer_config {
    char *file;
    answer_block *blocks;
    size_t block_count;
    answer_code *codes;
    size_t code_count;
    unsigned rule_count;
} answer_config;

/* Reads the file, by default that of the user. NULL, and why holds one line. */
answer_config *answer_config_read(const char *path, char *why, size_t size);
/* The same from memory; name is for messages. */
answer_config *answer_config_parse(const char *name, authplug_span text,
                                   char *why, size_t size);
void answer_config_free(answer_config **config);

/* The user's file; the caller's. NULL when there is no home. */
char *answer_config_path(void);

const answer_code *answer_config_code(const answer_config *config,
                                      bool counted, const char *name);

/* ------------------------------------------------------------------ match.c */

/* Whom a login goes to. */
typedef struct answer_peer {
    const char *host, *user; /* "" for an unknown user */
    uint32_t port;
} answer_peer;

/* What a prompt is. */
typedef struct answer_prompt {
    authplug_span text, instruction;
    bool echo;
} answer_prompt;

/* Whether a block is about this login. */
bool match_block(const answer_block *block, const answer_peer *peer);

/* Why a rule is not that of a prompt. */
typedef enum match_end {
    MATCHES,
    OTHER_PROMPT,
    OTHER_ECHO,
    OTHER_INSTRUCTION
} match_end;

typedef struct match_found {
    const answer_block *block;
    const answer_rule *by; /* NULL when none matches */
    regex_span groups[REGEX_GROUPS]; /* in the prompt's text */
    bool broken; /* memory ran out: nothing is known */
} match_found;

/* The same of one rule. */
match_end match_rule(const answer_block *block, const answer_rule *by,
                     const answer_prompt *prompt, match_found *found);

/* The first rule that matches the prompt. */
match_found match_prompt(const answer_config *config, const answer_peer *peer,
                         const answer_prompt *prompt);

/* Whether a prompt was copied from a screen, where OpenSSH's ssh puts
 * "(user@host) " before what the server asks. */
bool match_is_copied(authplug_span prompt);

/* ----------------------------------------------------------------- source.c */

/* What tokens are expanded for. */
typedef struct source {
    const answer_config *config;
    const answer_peer *peer;
    const answer_prompt *prompt;
    const match_found *found;
    int64_t deadline;
    authplug_span asked;  /* what the user typed for $ask$ */
    /* shows the user a line, or NULL */
    void (*tell)(void *context, const char *text);
    void *context;
    struct otp_use *codes; /* the codes that were used: otp_release() them */
    char why[ANSWER_WHY];  /* when it failed */
} source;

/* The tokens of Responses. */
extern const template_token source_tokens[];

/* Whether the rule has an answer of its own, and asks nobody. */
bool source_asks(const answer_block *block, const answer_rule *by,
                 const char **text);
bool source_uses_code(const answer_block *block, const answer_rule *by);

/* Appends the answer, if it is made of the prompt's words alone, as an option
 * of a menu is: such a one may be shown. */
bool source_is_open(const answer_prompt *prompt, const match_found *found,
                    authplug_secret *answer);

/* Appends the command of the rule's Exec as it would be run, for people to
 * read. False after writing why. */
bool source_command(source *of, authplug_secret *text);

/* Appends the answer. False after writing why. */
bool source_answer(source *of, authplug_secret *answer);

/* The text of a code's secret, from where the file says it is. */
bool source_secret(source *of, const answer_code *code,
                   authplug_secret *text);

/* ---------------------------------------------------------------- keyring.c */

/* Appends the secret of this name, from the desktop's keyring, by a helper.
 * False after writing why: not there, locked, and not to be reached are three
 * things. */
bool keyring_get(const char *name, authplug_secret *secret, int64_t deadline,
                 char *why, size_t size);

/* -------------------------------------------------------------------- otp.c */

/* A secret as it is used. */
typedef struct otp_key {
    authplug_secret *bytes;
    bool counted;
    unsigned digits, period;
    answer_algorithm algorithm;
    uint64_t counter; /* the first, of HOTP */
} otp_key;

/* Parses base32, or an otpauth:// URI; what the file says besides counts more.
 * False after writing why, which holds nothing of the text. */
bool otp_key_parse(const answer_code *code, authplug_span text, otp_key *key,
                   char *why, size_t size);
void otp_key_free(otp_key *key);

/* The code for a counter or a time step. */
bool otp_code(const otp_key *key, uint64_t moving, authplug_secret *code);

/* ------------------------------------------------------------------- used.c */

/*
 * A code that is given out is given out once on this machine: a record for each
 * secret says up to which time step or counter codes were used, and is changed
 * under a lock before the code leaves the process.
 */
typedef struct otp_use otp_use;

/*
 * The next code of the key. Waits for the next time step where this one's was
 * used, telling for how long, and not beyond the deadline. False after writing
 * why. *uses gets what is to be released.
 */
bool otp_use_code(const otp_key *key, source *of, otp_use **uses,
                  authplug_secret *code);

/* What became of the codes is known, or nobody will know it. */
void otp_release(otp_use **uses);

/* ---------------------------------------------------------------- explain.c */

int answer_explain(const answer_config *config, const answer_peer *peer,
                   const answer_prompt *prompt);

/* What the reader of the file does not see: whether secrets in it are some. */
int answer_check(const answer_config *config);

/* -------------------------------------------------------------- init_file.c */

/* What a first file is made of. */
typedef struct init_wishes {
    authplug_secret *host, *user;
    authplug_secret *password_prompt; /* "" for no rule */
    authplug_secret *password; /* a command, "keyring", or "": the user */
    authplug_secret *code_prompt;
    authplug_secret *code; /* a secret, as otp_key_parse() takes it, or "" */
    bool counted;          /* which is for HOTP */
} init_wishes;

/* The name under which the keyring has the password. */
void init_keyring_name(const init_wishes *w, char *name, size_t size);

/* Appends the text of the file. False when memory ran out. */
bool init_text(const init_wishes *w, authplug_secret *to);

/* Makes a new file of it, whole or not at all, and in the place of none; and
 * the folders above it. False with errno. */
bool init_write(const char *path, authplug_span text);

/* ------------------------------------------------------------------- init.c */

/* Makes a first file by asking; the code's secret may be in a file, or "-". */
int answer_init(const char *path, const char *uri_file);

/* ----------------------------------------------------------------- answer.c */

int answer_run(const char *path, bool batch, int64_t timeout_ms);

#endif
