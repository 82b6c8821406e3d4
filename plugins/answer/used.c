/*
 * Which code comes next, and when: each is given out once, to one login, after
 * its record was changed (record.c).
 */
#define _GNU_SOURCE
#include "record.h"

#include "io/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* In milliseconds. How long a code of HOTP waits for the end of the login that
 * has the one before it; between two looks at that login, and at a clock that
 * may have been set. */
#define TURN 10000
#define TURN_PAUSE 50
#define CLOCK_PAUSE 500

#define DAY 86400 /* seconds */

/* --------------------------------------------------------------------- TOTP */

/* A time step that we hold: its number, begin and end in seconds; and since
 * when its record says up to where codes were given out. */
typedef struct step {
    uint64_t number;
    int64_t begin, end;
    int64_t since;
} step;

/* The time of the day, with the date where that is another day. */
static void
write_time(char *text, size_t size, int64_t seconds)
{
    time_t when = (time_t)seconds, now = (time_t)(record_clock() / 1000);
    struct tm at = {0}, today = {0};
    bool same;

    (void)localtime_r(&when, &at);
    (void)localtime_r(&now, &today);
    same = at.tm_year == today.tm_year && at.tm_yday == today.tm_yday;
    (void)strftime(text, size, same ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &at);
}

/* Nobody waits for a day, and no record is of the future, unless the clock was
 * ahead then, or is behind now. */
static bool
too_late(record *at, const step *mine)
{
    char when[40], now[40];
    int64_t seconds = record_clock() / 1000;

    write_time(when, sizeof when, mine->begin);
    /* a record's time is rounded up */
    if (mine->begin - seconds <= DAY && mine->since <= seconds + 1)
        return fail(at, "the next code of %s can be used at %s: try again then",
                    at->called, when);
    write_time(now, sizeof now, seconds);
    return fail(at,
                "this machine's clock says %s, but the codes of %s are "
                "used until %s: set the clock, or, if it is right, remove "
                "%s/%s",
                now, at->called, when, at->path, at->name);
}

/* Milliseconds until the step begins; 0 when it has begun. */
static int64_t
left_until(const step *mine)
{
    int64_t now = record_clock(), begin = mine->begin * 1000;

    return begin > now ? begin - now : 0;
}

static bool
in_time(const record *at, const step *mine)
{
    int64_t left = left_until(mine);

    return left == 0 || left <= at->of->deadline - io_now();
}

/* Holds the first step that is neither past, nor given out, nor held by
 * somebody else who waits for it. */
static bool
choose_step(record *at, step *mine)
{
    int64_t period = at->key->period, now = record_clock() / 1000;
    record_line is;
    bool others;

    if (!record_read(at, &is))
        return false;
    if (now < 0 || now > TIME_MOST - DAY)
        return fail(at, "this machine's clock is wrong: set it");
    mine->number = record_step(&is, at->key->period, now);
    mine->since = is.since;
    do {
        mine->begin = (int64_t)mine->number * period;
        mine->end = mine->begin + period;
        if (!record_hold_step(at, mine->begin, mine->end, &others))
            return false;
        mine->number += others;
    } while (others && mine->begin - now <= DAY);
    if (others)
        return record_under_way(at);
    return in_time(at, mine) || too_late(at, mine);
}

/* Locks the record, and chooses. The step that was held before is let go:
 * meanwhile nobody else can take it, and who chooses another holds one only. */
static bool
take_step(record *at, step *mine)
{
    if (!record_lock(at))
        return false;
    if (mine->end != 0)
        record_leave_step(at);
    return choose_step(at, mine);
}

static void
tell_wait(record *at, int64_t left)
{
    char text[ANSWER_WHY];

    if (left < 1000 || at->of->tell == NULL)
        return;
    (void)snprintf(text, sizeof text, "waiting %lld s for the next code of %s",
                   (long long)(left + 999) / 1000, at->called);
    at->of->tell(at->of->context, text);
}

/* The clock may be set meanwhile: forward, and the step is there earlier; back,
 * and it may not be there in time any more. False where it was interrupted. */
static bool
await(record *at, const step *mine)
{
    int64_t left;

    tell_wait(at, left_until(mine));
    while ((left = left_until(mine)) > 0 && in_time(at, mine))
        if (!record_sleep(at, left > CLOCK_PAUSE ? CLOCK_PAUSE : left))
            return false;
    return true;
}

/*
 * The record says only what was given out. Who waits holds the step meanwhile,
 * so that everybody knows for how long, and nothing of it is left when the wait
 * ends early, however it does. What was chosen is chosen again when it has
 * begun: as a rule it is the same, but not where the clock was set, or the
 * machine slept until it was past. The locks end with the file, which is closed
 * once the code is had.
 */
static bool
use_time(record *at, authplug_secret *code)
{
    step mine = {0};

    if (!take_step(at, &mine))
        return false;
    while (left_until(&mine) > 0) {
        record_unlock(at);
        if (!await(at, &mine) || !take_step(at, &mine))
            return false;
    }
    return record_write(at, (uint64_t)mine.end) &&
           (otp_code(at->key, mine.number, code) ||
            fail(at, "a code of %s cannot be computed: out of memory",
                 at->called));
}

/* --------------------------------------------------------------------- HOTP */

/* Since when we wait for the login that has the counter before this one. */
typedef struct queue {
    uint64_t next;
    int64_t since;
    bool told;
} queue;

/*
 * Whether the code before the next one is in use: its login has the lock of its
 * counter until it knows the outcome. Ten seconds after it was given out that
 * does not count any more, which so needs nothing of a login that hangs. Where
 * the clock was set back we have waited as long ourselves.
 */
static bool
in_use(record *at, const record_line *is, queue *waiting)
{
    int64_t passed = record_clock() - is->since * 1000;

    if (!is->there || is->next == 0 || passed >= TURN ||
        !record_is_held(at, is->next - 1))
        return false;
    if (waiting->since == 0 || waiting->next != is->next) {
        waiting->next = is->next;
        waiting->since = io_now();
    }
    return io_now() - waiting->since < TURN;
}

static bool
wait_in_queue(record *at, queue *waiting)
{
    char text[ANSWER_WHY];

    if (io_now() >= at->of->deadline)
        return record_under_way(at);
    if (!waiting->told && io_now() - waiting->since >= 1000 &&
        at->of->tell != NULL) {
        (void)snprintf(text, sizeof text,
                       "waiting for the end of another login with %s",
                       at->called);
        at->of->tell(at->of->context, text);
        waiting->told = true;
    }
    return record_sleep(at, TURN_PAUSE);
}

/* Locks the record once the next code may be given out. */
static bool
lock_in_turn(record *at, record_line *is)
{
    queue waiting = {0, 0, false};

    for (;;) {
        if (!record_lock(at))
            return false;
        if (!record_read(at, is)) {
            record_unlock(at);
            return false;
        }
        if (!in_use(at, is, &waiting))
            return true;
        record_unlock(at);
        if (!wait_in_queue(at, &waiting))
            return false;
    }
}

/* The counter is passed before its code is known to anybody. */
static bool
take_counter(record *at, uint64_t counter)
{
    if (counter > OTP_COUNTER_MOST)
        return fail(at, "the counter of %s is at its end: ask for a new secret",
                    at->called);
    return record_hold(at, counter) && record_write(at, counter + 1);
}

static bool
use_counter(record *at, authplug_secret *code)
{
    uint64_t counter = at->key->counter;
    record_line is;
    bool taken;

    if (!lock_in_turn(at, &is))
        return false;
    if (is.next > counter)
        counter = is.next;
    taken = take_counter(at, counter);
    record_unlock(at);
    return taken && (otp_code(at->key, counter, code) ||
                     fail(at, "a code of %s cannot be computed: out of memory",
                          at->called));
}

/* ---------------------------------------------------------------------- all */

bool
otp_use_code(const char *name, const otp_key *key, source *of, otp_use **uses,
             authplug_secret *code)
{
    record at = {
        .called = name, .key = key, .of = of, .folder = -1, .lock = -1};
    bool done = record_open(&at, *uses);

    if (done && key->counted)
        done = record_keep(&at, uses) && use_counter(&at, code);
    else if (done)
        done = use_time(&at, code);
    record_close(&at);
    return done;
}

void
otp_release(otp_use **uses)
{
    while (*uses != NULL) {
        otp_use *first = *uses;

        *uses = first->next;
        close(first->lock);
        free(first);
    }
}
