/*
 * authplug answer: what each of its files offers the others. Internal.
 *
 *   config.c    the file: Host blocks, their rules, one-time codes
 *   command.c   what an Exec may not be
 *   whom.c      what Host, User and Username may not say
 *   match.c     which rule a prompt has
 *   answer.c    the plugin: a request's prompts, their answers, the user
 *   consent.c   what Confirm asks
 *   source.c    what a Response's tokens stand for
 *   otp.c       one-time codes
 *   used.c      which of them comes next
 *   record.c    the records of those that were used (record.h)
 *   record_line.c what stands in one
 *   keyring.c   the desktop's keyring, by a helper of its own
 *   cache.c     answers of the user, kept for a while; cache.h has its parts
 *   explain.c   --explain and --check
 *   init.c      a first file, by asking
 *   init_file.c what stands in it, and the commands that use it
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
/* the longest text of $ask:TEXT$ */
#define ANSWER_QUESTION_MOST 255
/* the most words of an Exec */
#define ANSWER_WORDS_MOST 64
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
    long cache; /* seconds that the user's answer is kept; 0 for not at all */
    bool in_keyring;       /* and where: there, or in memory */
    authplug_secret *name; /* of such a rule: what makes it the same one */
    char *request;         /* as it is in the file */
    unsigned line;
    uint64_t mark; /* what it is known by when the file is read again: rules for
                      the same prompts have the same */
} answer_rule;

/* A Host block. */
typedef struct answer_block {
    char **hosts; /* patterns, NULL at the end */
    char *user;   /* a pattern, or NULL */
    char *username;
    unsigned username_line;
    rules *rules;
    answer_rule *own; /* as many as rules_count() */
    size_t count;
    unsigned line;
} answer_block;

typedef enum answer_algorithm {
    OTP_SHA1,
    OTP_SHA256,
    OTP_SHA512
} answer_algorithm;

/* A Totp or Hotp block. */
typedef struct answer_code {
    char *name;
    bool counted;         /* HOTP */
    template *secret;     /* its text: an otpauth:// URI, or base32 */
    template_words *exec; /* or NULL */
    long digits, period;  /* 0 where the file does not say */
    long counter;         /* of HOTP: the first; -1 where it does not say */
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

const answer_code *answer_config_code(const answer_config *config, bool counted,
                                      const char *name);

/* ---------------------------------------------------------------- command.c */

/* What is wrong with a rule's Exec, or NULL. The groups and the names in its
 * words are those of the server and the client, and are to be words only. */
const char *command_fault(const template_words *words);

/* ------------------------------------------------------------------- whom.c */

/* What is wrong with the patterns of a Host line, and which of them it is; or
 * NULL. None is refused that a login can have. */
const char *hosts_fault(char *const *patterns, const char **which);

/* The same of a value of User or Username, which stood in quotes or not. */
const char *user_fault(const char *name, bool quoted);

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

/* The block that has the name for a user whom the client does not know, or
 * NULL. */
const answer_block *match_username(const answer_config *config,
                                   const answer_peer *peer);

/* Why a rule is not that of a prompt. */
typedef enum match_end {
    MATCHES,
    OTHER_PROMPT,
    OTHER_ECHO,
    OTHER_INSTRUCTION
} match_end;

typedef struct match_found {
    const answer_block *block;
    const answer_rule *by;           /* NULL when none matches */
    regex_span groups[REGEX_GROUPS]; /* in the prompt's text */
    bool broken;                     /* memory ran out: nothing is known */
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
    authplug_span asked; /* what the user typed for $ask$ */
    /* shows the user a line, or NULL */
    void (*tell)(void *context, const char *text);
    /* Waits, or NULL. TIMEOUT once the milliseconds have passed. */
    authplug_status (*wait)(void *context, int64_t ms);
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

/* Whether a part of its answer comes from elsewhere than the user and the
 * prompt: text of the file counts as well as a secret. */
bool source_is_automatic(const answer_block *block, const answer_rule *by);

/* Appends the answer, if it is made of the prompt's words alone, as an option
 * of a menu is: such a one may be shown. */
bool source_is_open(const answer_prompt *prompt, const match_found *found,
                    authplug_secret *answer);

/* Appends the command of the rule's Exec as it would be run, for people to
 * read. False after writing why. */
bool source_command(source *of, authplug_secret *text);

/* The last line that a program wrote to its standard error; its on_line. */
typedef struct source_complaint {
    char text[256];
} source_complaint;
void source_keep_complaint(void *context, authplug_span line);

/* Appends the answer. False after writing why. */
bool source_answer(source *of, authplug_secret *answer);

/* Writes why; the first reason stays. Nothing of a secret belongs into it.
 * REFUSED. */
authplug_status source_fail(source *of, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The text of a code's secret, from where the file says it is. */
bool source_secret(source *of, const answer_code *code, authplug_secret *text);

/* ---------------------------------------------------------------- keyring.c */

/* Appends the secret of this name as it is, from the desktop's keyring, by a
 * helper. False after writing why: not there, locked, and not to be reached are
 * three things. */
bool keyring_get(const char *name, authplug_secret *secret, int64_t deadline,
                 char *why, size_t size);

/* ------------------------------------------------------------------ cache.c */

/* a week */
#define ANSWER_CACHE_MOST 604800

/* Names a rule with Cache: by all that says which prompts it is for, and by its
 * Response's tokens, not by the Response's text, which may be secret. */
bool cache_name_rule(answer_rule *by, const char *request,
                     const char *instruction, const template *response);

/* An answer that may be kept. */
typedef struct cache_entry cache_entry;

/* All of a login. */
typedef struct cache {
    cache_entry *first;
    bool failed; /* a place did: others are not looked for */
} cache;

/* That of a prompt whose rule has Cache. NULL after writing why. */
cache_entry *cache_enter(cache *all, const answer_peer *peer,
                         const match_found *found, const answer_prompt *prompt,
                         char *why, size_t size);

/* Appends what was kept; once in a login, so that what was refused is not given
 * again. False where there is nothing, or after writing why. */
bool cache_find(cache *all, cache_entry *it, authplug_secret *typed, char *why,
                size_t size);

/* The server got an answer made of this. */
void cache_note(cache_entry *it, authplug_span typed, bool was_kept);

/* What became of the answers: keeps them, drops them, or leaves all as it is.
 * False after writing why. */
bool cache_settle(cache *all, authplug_outcome what, char *why, size_t size);
void cache_free(cache *all);

/* --forget: drops all that is kept, everywhere. Gives the exit status. */
int cache_forget(const char *path);

/* The helper that keeps answers in memory. Gives the exit status. */
int cache_helper_run(void);

/* -------------------------------------------------------------------- otp.c */

#define OTP_DIGITS_LEAST 6
#define OTP_DIGITS_MOST 8
#define OTP_PERIOD_MOST 3600 /* seconds */
#define OTP_COUNTER_MOST ((uint64_t)INT64_MAX)

/* A secret as it is used. */
typedef struct otp_key {
    authplug_secret *bytes;
    bool counted;
    unsigned digits, period;
    answer_algorithm algorithm;
    uint64_t counter; /* the first, of HOTP */
} otp_key;

/* A secret's text without what it may have around it in a file: the mark of
 * UTF-8, blanks, and the end of its line. */
authplug_span otp_trim(authplug_span text);

/* Parses base32, or an otpauth:// URI; what the file says besides counts more,
 * and is within the bounds above. False after writing why, which names the
 * block and holds nothing of the text. */
bool otp_key_parse(const answer_code *code, authplug_span text, otp_key *key,
                   char *why, size_t size);
void otp_key_free(otp_key *key);

/* Appends the code for a counter or a time step, up to OTP_COUNTER_MOST. False
 * when it cannot be computed, or code has no room, or memory ran out. */
bool otp_code(const otp_key *key, uint64_t moving, authplug_secret *code);

/* What the secret is called where it must not be seen: digits. The same for the
 * same bytes, whatever else the key says. False when it cannot be computed. */
#define OTP_NAME_SIZE 33
bool otp_key_name(const otp_key *key, char name[OTP_NAME_SIZE]);

/* ------------------------------------------------------------------- used.c */

/*
 * A code that is given out is given out once on this machine: a record for each
 * secret says up to which time or counter codes were used, and is changed under
 * a lock before the code leaves the process. The records are in
 * $XDG_STATE_HOME/authplug, and there is no more than one for a secret, however
 * many files and names it has; but one as a Totp and one as a Hotp.
 */
typedef struct otp_use otp_use;

/*
 * Appends the next code of the key, which the messages call by this name.
 * Waits for the next time step where this one's was used, telling for how long,
 * and not beyond of->deadline. A code of HOTP waits until the one before it was
 * released, or ten seconds have passed since it was given out.
 *
 * False after writing of->why; no code was given out then, but a counter may
 * have been passed over. *uses is NULL or what an earlier call left there, and
 * gets what is to be released.
 */
bool otp_use_code(const char *name, const otp_key *key, source *of,
                  otp_use **uses, authplug_secret *code);

/* What became of the codes is known, or nobody will know it. *uses is NULL
 * then. */
void otp_release(otp_use **uses);

/* ---------------------------------------------------------------- consent.c */

/* Appends the question whether an answer may be sent: all that it is made of,
 * in its order and without what is secret, and to whom it goes. name is what
 * the server asked, harmless already; kept where what was typed in another
 * login is used. False when memory ran out. */
bool consent_question(const answer_peer *peer, const answer_prompt *prompt,
                      const match_found *found, const char *name, bool kept,
                      authplug_secret *to);

/* ---------------------------------------------------------------- explain.c */

/* 0 where something would be sent by itself or after asking the user for it, 1
 * where nothing would. */
int answer_explain(const answer_config *config, const answer_peer *peer,
                   const answer_prompt *prompt);

/* What the reader of the file does not see: whether secrets in it are some. */
int answer_check(const answer_config *config);

/* -------------------------------------------------------------- init_file.c */

/* What a first file is made of. */
typedef struct init_wishes {
    authplug_secret *host, *user;     /* "": there is none */
    authplug_secret *password_prompt; /* "" for no rule */
    authplug_secret *password; /* a command, "keyring", or "": the user */
    authplug_secret *code_prompt;
    authplug_secret *code; /* a secret, as otp_key_parse() takes it, or "" */
    bool counted;          /* which is for HOTP */
} init_wishes;

/* Appends the text of the file, as far as the wishes are known. False when
 * memory ran out. */
bool init_text(const init_wishes *w, authplug_secret *to);

/* Appends what may be done with it next: commands to be copied to a shell.
 * config is NULL for the file that is found by itself. False when memory ran
 * out. */
bool init_end(const init_wishes *w, const char *config, authplug_secret *to);

/* Makes a new file of it, whole or not at all, and in the place of none; and
 * the folders above it. False with errno. */
bool init_write(const char *path, authplug_span text);

/* ------------------------------------------------------------------- init.c */

/* Makes a first file by asking; the code's secret may be in a file, or "-". */
int answer_init(const char *path, const char *uri_file);

/* ----------------------------------------------------------------- answer.c */

int answer_run(const char *path, bool batch, int64_t timeout_ms);

#endif
