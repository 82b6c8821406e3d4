/*
 * The record of a secret's used codes: used.c decides by it, record.c keeps it
 * on the disk, record_line.c is what stands in it. Internal.
 *
 * What fails has written why.
 */
#ifndef ANSWER_RECORD_H
#define ANSWER_RECORD_H

#include "answer.h"

#include <limits.h>

/* the last second that has a date of four digits */
#define TIME_MOST INT64_C(253402300799)

#define RECORD_NAME_SIZE (OTP_NAME_SIZE + 16)

/* A lock file, open for as long as others should wait for us. */
struct otp_use {
    otp_use *next;
    int lock;
    char name[RECORD_NAME_SIZE];
};

/* A record, while a code is being had. The first three are the caller's. */
typedef struct record {
    const char *called; /* the code's name, for messages */
    const otp_key *key;
    source *of;
    char path[PATH_MAX]; /* of the directory */
    char name[RECORD_NAME_SIZE];
    int folder, lock;
    bool owns; /* the lock is to be closed by us */
} record;

/* What it says. */
typedef struct record_line {
    bool there;
    uint64_t next; /* the time, or the counter, that the next code is from */
    int64_t since; /* when it was written, in seconds */
} record_line;

/* ------------------------------------------------------------ record_line.c */

#define RECORD_KIND "authplug-used 1"
/* more than the longest line has */
#define RECORD_LINE_SIZE 80

/* Gives its length. */
size_t record_line_write(const record_line *is, bool counted,
                         char line[RECORD_LINE_SIZE]);

/* False where these bytes are no line of this kind, or say what no record of
 * ours can; *is stays as it was then. */
bool record_line_parse(authplug_span line, bool counted, record_line *is);

/* The first time step that is neither past at this second, nor used. */
uint64_t record_step(const record_line *is, unsigned period, int64_t now);

/* ----------------------------------------------------------------- record.c */

/* False, after saying why. */
#define fail(at, ...) ((void)source_fail((at)->of, __VA_ARGS__), false)

/* The time of day in milliseconds, which may be set. */
int64_t record_clock(void);

/* Waits; false where it was interrupted. */
bool record_sleep(record *at, int64_t ms);

/* Opens it for a login that has used these codes. It is closed whether or not
 * that succeeded. */
bool record_open(record *at, otp_use *uses);
void record_close(record *at);

/* Has the lock file outlive the record, until otp_release(). */
bool record_keep(record *at, otp_use **uses);

/* What it says is read and changed under this lock. */
bool record_lock(record *at);
void record_unlock(record *at);
bool record_read(record *at, record_line *is);
/* Then it outlives us, and where the next code could still be used after a loss
 * of power, that as well. */
bool record_write(record *at, uint64_t next);

/* Who waits for a time step, of these seconds, holds it: until it is left, or
 * the lock file is closed. Under the lock. Where somebody else holds a part of
 * it nothing is held, and *others is true. */
bool record_hold_step(record *at, int64_t begin, int64_t end, bool *others);
void record_leave_step(record *at);

/* Who has the code of a counter holds it, until the lock file is closed. */
bool record_hold(record *at, uint64_t counter);
bool record_is_held(record *at, uint64_t counter);

/* False: another login has what is waited for. */
bool record_under_way(record *at);

#endif
