/*
 * The records of one-time codes that were used. The clocks are the tests' own,
 * and go on when somebody sleeps. Logins are processes, or, since locks belong
 * to open files, lists of uses in one process. It is 04:42:30 in the morning.
 */
#define _GNU_SOURCE
#include "support.h"

#include "io/io.h"
#include "plugins/answer/answer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define T0 INT64_C(1764304950)
#define STEP0 (T0 / 30)
#define SECRET "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
/* its name */
#define ID "63094451894882047685151642152854"

/* ------------------------------------------------------------------- clocks */

static int64_t real_ms, mono_ms;
static bool true_clocks;
/* The time of day of several processes goes on by this, and not by itself; what
 * they sleep is short. */
static int64_t *common_ms;
/* what happens while somebody sleeps, once */
static void (*meanwhile)(void);

int __real_clock_gettime(clockid_t which, struct timespec *now);
int __wrap_clock_gettime(clockid_t which, struct timespec *now);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);

int
__wrap_clock_gettime(clockid_t which, struct timespec *now)
{
    int64_t ms = which == CLOCK_REALTIME ? real_ms : mono_ms;

    if (true_clocks)
        return __real_clock_gettime(which, now);
    if (common_ms != NULL && which == CLOCK_REALTIME)
        ms += __atomic_load_n(common_ms, __ATOMIC_SEQ_CST);
    if (common_ms != NULL && which != CLOCK_REALTIME) {
        (void)__real_clock_gettime(which, now);
        ms += now->tv_sec * 100000 + now->tv_nsec / 10000;
    }
    now->tv_sec = (time_t)(ms / 1000);
    now->tv_nsec = (long)(ms % 1000) * 1000000;
    return 0;
}

/* The pause of who waits for the lock of a record is a true one. */
int
__wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    bool brief = timeout >= 0 && timeout <= 5;
    int ready = __real_poll(fds, count, true_clocks ? timeout : brief ? 1 : 0);
    void (*now)(void) = meanwhile;

    if (ready != 0 || true_clocks || timeout < 0)
        return ready;
    if (common_ms != NULL)
        return __real_poll(fds, count, 1);
    real_ms += timeout;
    mono_ms += timeout;
    meanwhile = NULL;
    if (now != NULL)
        now();
    return ready;
}

/* ------------------------------------------ system calls that fail, or kill */

static unsigned calls, kill_at, fail_at, synced;
static uid_t other_uid;

static bool
fails(void)
{
    calls++;
    if (calls == kill_at)
        raise(SIGKILL);
    if (calls != fail_at)
        return false;
    errno = ENOSPC;
    return true;
}

#define WRAP(type, name, parameters, arguments)                                \
    type __real_##name parameters;                                             \
    type __wrap_##name parameters;                                             \
    type __wrap_##name parameters                                              \
    {                                                                          \
        return fails() ? (type)-1 : __real_##name arguments;                   \
    }
WRAP(ssize_t, write, (int fd, const void *data, size_t len), (fd, data, len))
WRAP(int, fsync, (int fd), ((synced++, fd)))
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(int, unlinkat, (int at, const char *path, int flags), (at, path, flags))
WRAP(int, renameat, (int a, const char *from, int b, const char *to),
     (a, from, b, to))
WRAP(int, openat64, (int at, const char *path, int flags, mode_t mode),
     (at, path, flags, mode))
WRAP(int, open64, (const char *path, int flags, mode_t mode),
     (path, flags, mode))
WRAP(int, fcntl64, (int fd, int command, void *argument),
     (fd, command, argument))

uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);

uid_t
__wrap_geteuid(void)
{
    return __real_geteuid() + other_uid;
}

/* ------------------------------------------------------------------- places */

static char root[64], folder[96];

static const char *
in_folder(const char *name)
{
    static char path[2][256];
    static unsigned turn;
    char *now = path[++turn % 2];

    (void)snprintf(now, sizeof path[0], "%s/%s", folder, name);
    return now;
}

static const char *
record_of(const char *kind)
{
    char name[96];

    (void)snprintf(name, sizeof name, ID ".%s", kind);
    return in_folder(name);
}

static void
drop(const char *path)
{
    DIR *all = opendir(path);
    struct dirent *it;
    char below[512];

    while (all != NULL && (it = readdir(all)) != NULL) {
        if (strcmp(it->d_name, ".") == 0 || strcmp(it->d_name, "..") == 0)
            continue;
        (void)snprintf(below, sizeof below, "%s/%s", path, it->d_name);
        if (it->d_type == DT_DIR)
            drop(below);
        else
            (void)unlink(below);
    }
    if (all != NULL)
        closedir(all);
    (void)rmdir(path);
}

/* Descriptors; and those of them that a command would inherit. */
static int
descriptors(bool inherited)
{
    int count = 0;

    for (int fd = 0; fd < 256; fd++) {
        int flags = fcntl(fd, F_GETFD);

        count += flags >= 0 && (!inherited || (flags & FD_CLOEXEC) == 0);
    }
    return count;
}

/* how a login waits, if not as it does by itself */
static authplug_status (*waits)(void *context, int64_t ms);

static int open_before;

static int
make_place(void **state)
{
    (void)state;
    memcpy(root, "/tmp/authplug-used.XXXXXX", 26);
    if (mkdtemp(root) == NULL)
        return -1;
    (void)snprintf(folder, sizeof folder, "%s/authplug", root);
    real_ms = T0 * 1000;
    mono_ms = 5000000;
    true_clocks = false;
    if (common_ms != NULL)
        (void)munmap(common_ms, sizeof *common_ms);
    common_ms = NULL;
    waits = NULL;
    calls = kill_at = fail_at = 0;
    open_before = descriptors(false);
    return setenv("XDG_STATE_HOME", root, 1) + setenv("TZ", "UTC0", 1);
}

static int
drop_place(void **state)
{
    (void)state;
    drop(root);
    return descriptors(false) == open_before ? 0 : -1;
}

/* ------------------------------------------------------------------- logins */

static notes told;

static void
tell(void *context, const char *text)
{
    (void)context;
    note(&told, "%s\n", text);
}

static void (*tells)(void *context, const char *text) = tell;

static otp_key key;
static char given[16], why[ANSWER_WHY];

static void
set_key(bool counted, const char *text)
{
    answer_code block = {
        .name = "work", .counted = counted, .counter = -1, .algorithm = -1};

    otp_key_free(&key);
    assert_true(
        otp_key_parse(&block, authplug_span_of(text), &key, why, sizeof why));
    key.digits = 8;
}

/* The next code, for a login that has this many seconds left. */
static bool
login(otp_use **uses, int64_t seconds)
{
    static source of;
    authplug_secret *code = authplug_secret_new(64);
    bool done;

    memset(&of, 0, sizeof of);
    of.deadline = io_deadline(seconds * 1000);
    of.tell = tells;
    of.wait = waits;
    told.len = 0;
    told.at[0] = 0;
    done = otp_use_code("work", &key, &of, uses, code);
    (void)snprintf(given, sizeof given, "%s",
                   done ? authplug_secret_text(code) : "");
    (void)snprintf(why, sizeof why, "%s", of.why);
    if (done)
        assert_int_equal(authplug_secret_len(code), 8);
    else
        assert_true(authplug_secret_len(code) == 0 && of.why[0] != 0);
    authplug_secret_free(&code);
    return done;
}

static const char *
code_for(uint64_t moving)
{
    static char text[16];
    authplug_secret *code = authplug_secret_new(64);

    assert_true(otp_code(&key, moving, code));
    (void)snprintf(text, sizeof text, "%s", authplug_secret_text(code));
    authplug_secret_free(&code);
    return text;
}

/* A login with 100 seconds gets the code of this step or counter. */
static void
gets(otp_use **uses, uint64_t moving)
{
    otp_use *own = NULL;

    if (!login(uses == NULL ? &own : uses, 100))
        fail_msg("%s", why);
    assert_string_equal(given, code_for(moving));
    otp_release(&own);
}

/* A login gets none; @ stands for the directory, # for the record's name. */
static void
gets_none(int64_t seconds, const char *expected)
{
    static notes text;
    otp_use *uses = NULL;

    assert_false(login(&uses, seconds));
    otp_release(&uses);
    text.len = 0;
    text.at[0] = 0;
    for (; *expected != 0; expected++)
        if (*expected == '@')
            note(&text, "%s", folder);
        else if (*expected == '#')
            note(&text, ID ".%s", key.counted ? "hotp" : "totp");
        else
            note(&text, "%c", *expected);
    assert_string_equal(why, text.at);
}

static void
holds(const char *end_of_name, const char *expected)
{
    char text[256];
    int fd = open(record_of(end_of_name), O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

    if (fd >= 0)
        close(fd);
    text[len] = 0;
    assert_string_equal(text, expected);
}

static void
put(const char *path, const char *text, size_t len, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static mode_t
mode_of(const char *path)
{
    struct stat is;

    assert_int_equal(lstat(path, &is), 0);
    return is.st_mode & 07777;
}

/* --------------------------------------------------------------------- TOTP */

TEST(the_first_code_is_that_of_now)
{
    set_key(false, SECRET);
    real_ms += 3000;
    gets(NULL, STEP0);
    assert_string_equal(told.at, "");
    holds("totp", "authplug-used 1 totp 1764304980 1764304953\n");
    assert_int_equal(mode_of(folder), 0700);
    assert_int_equal(mode_of(record_of("totp")), 0600);
    assert_int_equal(mode_of(record_of("totp.lock")), 0600);
    assert_int_not_equal(access(record_of("totp.new"), F_OK), 0);
}

/* And the directory above theirs, the first time. */
TEST(record_and_directory_are_on_the_disk_before_the_code_is_given)
{
    set_key(true, SECRET);
    synced = 0;
    gets(NULL, 0);
    assert_int_equal(synced, 3);
    gets(NULL, 1);
    assert_int_equal(synced, 5);
    set_key(false, "otpauth://totp/x?period=31&secret=" SECRET);
    gets(NULL, T0 / 31);
    assert_int_equal(synced, 7);
}

TEST(a_code_that_is_over_soon_does_not_wait_for_the_disk)
{
    set_key(false, SECRET);
    synced = 0;
    gets(NULL, STEP0);
    assert_int_equal(synced, 1);
    gets(NULL, STEP0 + 1);
    assert_int_equal(synced, 1);
}

TEST(a_second_one_waits_for_the_next_window)
{
    set_key(false, SECRET);
    real_ms += 3400;
    gets(NULL, STEP0);
    gets(NULL, STEP0 + 1);
    assert_string_equal(told.at, "waiting 27 s for the next code of work\n");
    assert_int_equal(real_ms, (T0 + 30) * 1000);
    holds("totp", "authplug-used 1 totp 1764305010 1764304980\n");
    real_ms += 60000;
    gets(NULL, STEP0 + 3);
    assert_string_equal(told.at, "");
}

TEST(a_wait_of_less_than_a_second_is_not_told)
{
    set_key(false, SECRET);
    real_ms += 29500;
    gets(NULL, STEP0);
    gets(NULL, STEP0 + 1);
    assert_string_equal(told.at, "");
}

static void
log_in_meanwhile(void)
{
    notes outer = told;

    gets(NULL, STEP0 + 2);
    assert_string_equal(told.at, "waiting 60 s for the next code of work\n");
    told = outer;
}

TEST(who_waits_holds_his_code)
{
    set_key(false, SECRET);
    gets(NULL, STEP0);
    meanwhile = log_in_meanwhile;
    /* what is held is past when the other one has ended: another is had */
    gets(NULL, STEP0 + 3);
}

TEST(who_would_wait_too_long_is_told_when_to_come_back)
{
    set_key(false, SECRET);
    gets(NULL, STEP0);
    gets_none(29, "the next code of work can be used at 04:43:00: try again "
                  "then");
    holds("totp", "authplug-used 1 totp 1764304980 1764304950\n");
    assert_string_equal(told.at, "");
    assert_int_equal(real_ms, T0 * 1000);
    /* whom there is just enough time for is not sent away */
    otp_use *uses = NULL;
    assert_true(login(&uses, 30));
    assert_null(uses);
    assert_string_equal(given, code_for(STEP0 + 1));
}

TEST(another_day_is_named)
{
    set_key(false, "otpauth://totp/x?period=3600&secret=" SECRET);
    real_ms = INT64_C(1764374400) * 1000 - 5000; /* midnight is near */
    gets(NULL, 1764374400 / 3600 - 1);
    gets_none(4, "the next code of work can be used at 2025-11-29 00:00:00: "
                 "try again then");
}

TEST(a_clock_that_was_set_back_gives_no_code_twice)
{
    set_key(false, SECRET);
    gets(NULL, STEP0);
    real_ms -= 3600000;
    gets_none(60, "this machine's clock says 03:42:30, but the codes of work "
                  "are used until 04:43:00: set the clock, or, if it is "
                  "right, remove @/#");
    real_ms += 3600000 - 90000;
    otp_use *uses = NULL;
    assert_true(login(&uses, 121));
    assert_string_equal(given, code_for(STEP0 + 1));
    assert_int_equal(real_ms, (T0 + 30) * 1000);
}

TEST(a_clock_that_is_days_behind_is_named)
{
    set_key(false, SECRET);
    gets(NULL, STEP0);
    real_ms -= INT64_C(2) * 86400 * 1000;
    gets_none(60, "this machine's clock says 04:42:30, but the codes of work "
                  "are used until 2025-11-28 04:43:00: set the clock, or, if "
                  "it is right, remove @/#");
    real_ms = -5000;
    gets_none(60, "this machine's clock is wrong: set it");
}

static void
set_clock_back(void)
{
    real_ms -= 3600000;
}

static void
set_clock_forward(void)
{
    real_ms += 95000;
}

TEST(a_clock_that_is_set_while_somebody_waits_neither_hangs_nor_repeats)
{
    set_key(false, SECRET);
    gets(NULL, STEP0);
    meanwhile = set_clock_back;
    gets_none(60, "this machine's clock says 03:42:30, but the codes of work "
                  "are used until 04:43:00: set the clock, or, if it is "
                  "right, remove @/#");
    holds("totp", "authplug-used 1 totp 1764304980 1764304950\n");
    real_ms = T0 * 1000;
    meanwhile = set_clock_forward;
    gets(NULL, STEP0 + 3);
    assert_true(real_ms < (T0 + 100) * 1000);
}

static void
be_interrupted(void)
{
    raise(SIGTERM);
}

/* Runs it in a process of its own; how that ended. */
static int
apart(void (*run)(int number, int out), int number, int out, pid_t *who)
{
    pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        alarm(20); /* none outlives a test that fails */
        run(number, out);
        _exit(0);
    }
    if (who != NULL)
        *who = child;
    else
        assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void
wait_and_be_interrupted(int number, int out)
{
    otp_use *uses = NULL;

    (void)number;
    (void)out;
    io_signals_begin();
    meanwhile = be_interrupted;
    if (login(&uses, 100) ||
        strcmp(why, "interrupted while waiting for a code of work") != 0)
        _exit(1);
}

#define USED_ONCE "authplug-used 1 totp 1764304980 1764304950\n"

TEST(a_signal_ends_the_waiting_and_nothing_is_left_of_it)
{
    set_key(false, SECRET);
    gets(NULL, STEP0);
    assert_int_equal(apart(wait_and_be_interrupted, 0, -1, NULL), 0);
    holds("totp", USED_ONCE);
    gets(NULL, STEP0 + 1);
}

/* Passes on for how long it has to wait, and does so until it is ended. */
static int told_to;

static authplug_status
stay(void *context, int64_t ms)
{
    authplug_status status;

    (void)context;
    (void)ms;
    if (write(told_to, told.at, told.len) < 0)
        _exit(2);
    do
        status = io_wait(-1, false, false, io_now());
    while (status == AUTHPLUG_TIMEOUT);
    return status;
}

static void
wait_to_be_ended(int number, int out)
{
    otp_use *uses = NULL;

    (void)number;
    told_to = out;
    waits = stay;
    /* what is started in the background may ignore it, and goes on to */
    (void)signal(SIGINT, SIG_DFL);
    io_signals_begin();
    if (login(&uses, 3600))
        _exit(1);
}

#define WAITING 4

/* Four who wait, each for the step after that of the one before, and are ended
 * by these signals, in this order: whoever comes next gets the first of them. */
static void
end_who_wait(int signal, bool last_first)
{
    pid_t all[WAITING];
    int ends[2], status;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    for (int i = 0; i < WAITING; i++) {
        char text[128] = "", expected[128];

        (void)apart(wait_to_be_ended, i, ends[1], &all[i]);
        assert_true(read(ends[0], text, sizeof text - 1) > 0);
        (void)snprintf(expected, sizeof expected,
                       "waiting %d s for the next code of work\n",
                       30 * (i + 1));
        assert_string_equal(text, expected);
    }
    holds("totp", USED_ONCE);
    gets_none(5, "the next code of work can be used at 04:45:00: try again "
                 "then");
    for (int i = 0; i < WAITING; i++) {
        pid_t who = all[last_first ? WAITING - 1 - i : i];

        assert_int_equal(kill(who, signal), 0);
        assert_int_equal(waitpid(who, &status, 0), who);
        assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                         signal == SIGKILL ? SIGKILL : 0);
    }
    close(ends[0]);
    close(ends[1]);
    holds("totp", USED_ONCE);
}

TEST(who_is_ended_while_waiting_leaves_no_step_behind)
{
    static const int signals[] = {SIGKILL, SIGINT, SIGTERM};

    set_key(false, SECRET);
    for (size_t i = 0; i < 2 * COUNT_OF(signals); i++) {
        drop(folder);
        real_ms = T0 * 1000;
        gets(NULL, STEP0);
        end_who_wait(signals[i / 2], i % 2 != 0);
        gets(NULL, STEP0 + 1);
        assert_string_equal(told.at, "waiting 30 s for the next code of "
                                     "work\n");
    }
}

static int holders[2];
static size_t holder_count;

/* Another login, which waits for these seconds. */
static void
hold_seconds(int64_t begin, int64_t seconds)
{
    struct flock it = {.l_type = F_WRLCK,
                       .l_whence = SEEK_SET,
                       .l_start = 1 + begin,
                       .l_len = seconds};

    assert_true(holder_count < COUNT_OF(holders));
    holders[holder_count] = open(record_of("totp.lock"), O_RDWR | O_CLOEXEC);
    assert_int_equal(fcntl(holders[holder_count++], F_OFD_SETLK, &it), 0);
}

static void
end_holders(void)
{
    while (holder_count > 0)
        close(holders[--holder_count]);
}

TEST(a_step_that_is_held_is_nobody_elses)
{
    set_key(false, SECRET);
    gets(NULL, STEP0);
    hold_seconds(T0 + 30, 30);
    gets(NULL, STEP0 + 2);
    /* nor is one that has begun */
    real_ms = (T0 + 100) * 1000;
    hold_seconds(T0 + 90, 30);
    gets(NULL, STEP0 + 4);
    assert_string_equal(told.at, "waiting 20 s for the next code of work\n");
    end_holders();
    /* what is free between others is had */
    hold_seconds(T0 + 150, 30);
    hold_seconds(T0 + 210, 30);
    gets(NULL, STEP0 + 6);
    end_holders();
    gets(NULL, STEP0 + 7);
}

TEST(steps_of_other_lengths_exclude_each_other_where_they_overlap)
{
    set_key(false, SECRET);
    gets(NULL, STEP0);
    /* from the middle of a minute on: that one, and no other, is not free */
    hold_seconds(T0 + 30, 30);
    set_key(false, "otpauth://totp/x?period=60&secret=" SECRET);
    gets(NULL, T0 / 60 + 2);
    end_holders();
    /* one second is enough, at either end */
    drop(folder);
    real_ms = T0 * 1000;
    set_key(false, SECRET);
    gets(NULL, STEP0);
    hold_seconds(T0 + 59, 1);
    hold_seconds(T0 + 60, 1);
    gets_none(29, "the next code of work can be used at 04:44:00: try again "
                  "then");
    end_holders();
    hold_seconds(T0 + 29, 1);
    hold_seconds(T0 + 60, 1);
    gets(NULL, STEP0 + 1);
    end_holders();
}

TEST(who_waits_stays_with_his_step_when_an_earlier_one_is_free)
{
    set_key(false, SECRET);
    gets(NULL, STEP0);
    hold_seconds(T0 + 30, 30);
    meanwhile = end_holders;
    gets(NULL, STEP0 + 2);
    holds("totp", "authplug-used 1 totp 1764305040 1764305010\n");
}

TEST(who_holds_all_steps_makes_nobody_choose_for_ever)
{
    set_key(false, "otpauth://totp/x?period=1&secret=" SECRET);
    gets(NULL, T0);
    hold_seconds(0, 0);
    gets_none(60, "another login with work is under way: try again when it has "
                  "ended");
    end_holders();
    gets(NULL, T0 + 1);
}

static void
lose_the_lock(void)
{
    notes outer = told;

    assert_int_equal(unlink(record_of("totp.lock")), 0);
    /* that of the other is not known here */
    gets(NULL, STEP0 + 1);
    real_ms = (T0 + 30) * 1000;
    told = outer;
}

TEST(a_step_whose_lock_was_removed_is_not_given_twice)
{
    set_key(false, SECRET);
    gets(NULL, STEP0);
    meanwhile = lose_the_lock;
    gets(NULL, STEP0 + 2);
}

static authplug_status
hang_up(void *context, int64_t ms)
{
    (void)context;
    (void)ms;
    return AUTHPLUG_CLOSED;
}

TEST(a_client_that_hangs_up_ends_the_wait_and_nothing_is_left_of_it)
{
    set_key(false, SECRET);
    gets(NULL, STEP0);
    waits = hang_up;
    gets_none(100, "the client went away while waiting for a code of work");
    holds("totp", USED_ONCE);
    waits = NULL;
    gets(NULL, STEP0 + 1);
}

TEST(a_secret_has_one_record_whatever_else_is_said_about_it)
{
    set_key(false, SECRET);
    gets(NULL, STEP0);
    set_key(false, "otpauth://totp/x?algorithm=SHA256&secret=" SECRET);
    gets_none(5, "the next code of work can be used at 04:43:00: try again "
                 "then");
    /* steps of another length are compared as the times that they are */
    set_key(false, "otpauth://totp/x?period=60&secret=" SECRET);
    gets(NULL, T0 / 60 + 1);
    set_key(false, SECRET);
    gets_none(5, "the next code of work can be used at 04:44:00: try again "
                 "then");
    set_key(false, "otpauth://totp/x?period=7&secret=" SECRET);
    gets(NULL, (T0 + 90) / 7 + 1);
    /* another secret, and the same one as a counter's, are something else */
    set_key(false, "MZXW6YTB");
    gets(NULL, (uint64_t)(real_ms / 30000));
    set_key(true, SECRET);
    gets(NULL, 0);
}

/* --------------------------------------------------------------------- HOTP */

#define HOTP_URI "otpauth://hotp/x?secret=" SECRET "&counter="

TEST(a_counter_goes_on)
{
    set_key(true, SECRET);
    gets(NULL, 0);
    holds("hotp", "authplug-used 1 hotp 1 1764304950\n");
    gets(NULL, 1);
    gets(NULL, 2);
    holds("hotp", "authplug-used 1 hotp 3 1764304950\n");
    assert_int_equal(real_ms, T0 * 1000);
}

TEST(the_larger_counter_counts)
{
    set_key(true, HOTP_URI "41");
    gets(NULL, 41);
    set_key(true, HOTP_URI "7");
    gets(NULL, 42);
    set_key(true, HOTP_URI "100");
    gets(NULL, 100);
    put(record_of("hotp"), "authplug-used 1 hotp 200 0\n", 27, 0600);
    gets(NULL, 200);
}

TEST(a_counter_has_an_end)
{
    set_key(true, HOTP_URI "9223372036854775807");
    gets(NULL, OTP_COUNTER_MOST);
    holds("hotp", "authplug-used 1 hotp 9223372036854775808 1764304950\n");
    gets_none(5, "the counter of work is at its end: ask for a new secret");
}

static otp_use *first, *second;

static void
release_first(void)
{
    otp_release(&first);
}

TEST(the_next_login_waits_for_the_outcome_of_the_one_before)
{
    set_key(true, SECRET);
    gets(&first, 0);
    meanwhile = release_first;
    gets(NULL, 1);
    assert_int_equal(real_ms, T0 * 1000 + 50);
    assert_string_equal(told.at, "");
}

TEST(nobody_waits_for_longer_than_ten_seconds)
{
    set_key(true, SECRET);
    gets(&first, 0);
    real_ms += 4000;
    mono_ms += 4000;
    gets(&second, 1);
    assert_int_equal(real_ms, (T0 + 10) * 1000);
    assert_string_equal(told.at,
                        "waiting for the end of another login with work\n");
    /* and after that it is the second one that counts */
    otp_release(&second);
    gets(&second, 2);
    assert_int_equal(real_ms, (T0 + 10) * 1000);
    otp_release(&first);
    gets(NULL, 3);
    assert_int_equal(real_ms, (T0 + 20) * 1000);
    otp_release(&second);
}

TEST(ten_seconds_are_not_less)
{
    set_key(true, SECRET);
    real_ms += 1;
    gets(&first, 0);
    gets(NULL, 1);
    assert_true(real_ms > (T0 + 10) * 1000 && real_ms <= (T0 + 11) * 1000);
    otp_release(&first);
}

TEST(a_clock_that_was_set_back_makes_nobody_wait_longer)
{
    set_key(true, SECRET);
    gets(&first, 0);
    real_ms -= 3600000;
    gets(NULL, 1);
    assert_int_equal(real_ms, (T0 + 10 - 3600) * 1000);
    otp_release(&first);
}

TEST(who_has_no_time_to_wait_is_told_what_for)
{
    set_key(true, SECRET);
    gets(&first, 0);
    gets_none(3, "another login with work is under way: try again when it has "
                 "ended");
    holds("hotp", "authplug-used 1 hotp 1 1764304950\n");
    otp_release(&first);
    gets(NULL, 1);
}

TEST(a_login_does_not_wait_for_itself)
{
    set_key(true, SECRET);
    gets(&first, 0);
    gets(&first, 1);
    assert_int_equal(real_ms, T0 * 1000);
    assert_false(login(&second, 3));
    otp_release(&first);
    otp_release(&first); /* which is harmless */
    gets(&second, 2);
    otp_release(&second);
}

TEST(a_lock_that_was_removed_is_made_anew_for_all)
{
    set_key(true, SECRET);
    gets(&first, 0);
    assert_int_equal(unlink(record_of("hotp.lock")), 0);
    gets(&first, 1);
    assert_int_equal(mode_of(record_of("hotp.lock")), 0600);
    /* it is the one that others wait for */
    assert_false(login(&second, 3));
    otp_release(&first);
    gets(&second, 2);
    otp_release(&second);
}

TEST(logins_with_other_secrets_do_not_wait)
{
    set_key(true, SECRET);
    gets(&first, 0);
    set_key(true, "MZXW6YTB");
    gets(&first, 0);
    set_key(true, "MZXW6YTC");
    gets(NULL, 0);
    assert_int_equal(real_ms, T0 * 1000);
    otp_release(&first);
}

static void
use_and_be_killed(int number, int out)
{
    otp_use *uses = NULL;

    (void)out;
    if (login(&uses, 100))
        raise(number);
}

TEST(a_killed_login_is_not_waited_for)
{
    set_key(true, SECRET);
    assert_int_equal(apart(use_and_be_killed, SIGKILL, -1, NULL), SIGKILL);
    gets(NULL, 1);
    assert_int_equal(real_ms, T0 * 1000);
}

/* ------------------------------------------------------------------- places */

TEST(records_are_in_the_state_directory)
{
    char path[256];

    set_key(false, SECRET);
    unsetenv("XDG_STATE_HOME");
    setenv("HOME", root, 1);
    gets(NULL, STEP0);
    (void)snprintf(path, sizeof path, "%s/.local/state/authplug/" ID ".totp",
                   root);
    assert_int_equal(access(path, F_OK), 0);
    (void)snprintf(path, sizeof path, "%s/.local", root);
    assert_int_equal(mode_of(path), 0700);
    setenv("XDG_STATE_HOME", "relative", 1); /* which does not count */
    gets(NULL, STEP0 + 1);
    (void)snprintf(path, sizeof path, "%s/new/and/newer", root);
    setenv("XDG_STATE_HOME", path, 1);
    gets(NULL, STEP0 + 1);
}

TEST(without_a_place_there_is_no_code)
{
    static char far[5000];
    char home[128], expected[512];

    set_key(true, SECRET);
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    gets_none(5, "there is no place to record used codes: set HOME or "
                 "XDG_STATE_HOME");
    memset(far, '/', sizeof far - 1);
    setenv("XDG_STATE_HOME", far, 1);
    gets_none(5, "the path of the records of used codes is too long: set "
                 "XDG_STATE_HOME to a shorter one");
    /* a home is not made */
    unsetenv("XDG_STATE_HOME");
    (void)snprintf(home, sizeof home, "%s/nobody", root);
    setenv("HOME", home, 1);
    (void)snprintf(expected, sizeof expected,
                   "%s/.local/state/authplug: used codes cannot be recorded: "
                   "No such file or directory: see to that, or set "
                   "XDG_STATE_HOME to another place",
                   home);
    gets_none(5, expected);
    assert_int_not_equal(access(home, F_OK), 0);
}

TEST(a_directory_that_is_open_to_others_is_refused)
{
    static const mode_t modes[] = {0770, 0750, 0701, 0777};
    char expected[256];

    set_key(false, SECRET);
    assert_int_equal(mkdir(folder, 0700), 0);
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        assert_int_equal(chmod(folder, modes[i]), 0);
        gets_none(5, "@ is open to others: chmod 700 @");
    }
    assert_int_equal(chmod(folder, 0700), 0);
    other_uid = 1;
    (void)snprintf(expected, sizeof expected,
                   "@ belongs to another user: chown %u @ as root, if it is "
                   "yours, or set XDG_STATE_HOME to a place of your own",
                   (unsigned)geteuid());
    gets_none(5, expected);
    other_uid = 0;
    gets(NULL, STEP0);
}

TEST(a_directory_that_is_none_is_refused)
{
    char elsewhere[128];

    set_key(false, SECRET);
    (void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", root);
    assert_int_equal(mkdir(elsewhere, 0700), 0);
    assert_int_equal(symlink(elsewhere, folder), 0);
    gets_none(5, "@ is no directory, or a symbolic link: remove it, or set "
                 "XDG_STATE_HOME to another place");
    assert_int_equal(unlink(folder), 0);
    put(folder, "", 0, 0600);
    gets_none(5, "@ is no directory, or a symbolic link: remove it, or set "
                 "XDG_STATE_HOME to another place");
}

/* The record and its lock may be none of these. */
static void
refuses_others(const char *name, const char *shown)
{
    char expected[256];

    assert_int_equal(chmod(record_of(name), 0640), 0);
    (void)snprintf(expected, sizeof expected,
                   "@/%s is open to others: chmod 600 @/%s", shown, shown);
    gets_none(5, expected);
    assert_int_equal(unlink(record_of(name)), 0);
    put(in_folder("target"), "", 0, 0600);
    assert_int_equal(symlink(in_folder("target"), record_of(name)), 0);
    (void)snprintf(expected, sizeof expected,
                   "@/%s is a symbolic link: remove it", shown);
    gets_none(5, expected);
    assert_int_equal(unlink(in_folder("target")), 0);
    gets_none(5, expected); /* nor is its target made */
    assert_int_not_equal(access(in_folder("target"), F_OK), 0);
    assert_int_equal(unlink(record_of(name)), 0);
    assert_int_equal(mkfifo(record_of(name), 0600), 0);
    (void)snprintf(expected, sizeof expected,
                   "@/%s is no plain file: remove it", shown);
    gets_none(5, expected);
    assert_int_equal(unlink(record_of(name)), 0);
}

TEST(a_record_that_others_can_touch_is_refused)
{
    set_key(false, SECRET);
    gets(NULL, STEP0);
    refuses_others("totp", "#");
    gets(NULL, STEP0);
    refuses_others("totp.lock", "#.lock");
    gets(NULL, STEP0 + 1);
}

TEST(a_draft_that_is_there_is_removed_and_not_followed)
{
    set_key(false, SECRET);
    gets(NULL, STEP0);
    put(in_folder("target"), "kept", 4, 0600);
    assert_int_equal(symlink(in_folder("target"), record_of("totp.new")), 0);
    gets(NULL, STEP0 + 1);
    assert_int_not_equal(access(record_of("totp.new"), F_OK), 0);
    put(record_of("totp.new"), "half a li", 9, 0644);
    gets(NULL, STEP0 + 2);
    assert_int_not_equal(access(record_of("totp.new"), F_OK), 0);
    holds("totp", "authplug-used 1 totp 1764305040 1764305010\n");
    int fd = open(in_folder("target"), O_RDONLY | O_CLOEXEC);
    char text[8] = "";
    assert_int_equal(read(fd, text, 8), 4);
    close(fd);
    assert_string_equal(text, "kept");
}

TEST(a_folder_in_its_place_is_left_to_the_user)
{
    set_key(false, SECRET);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(mkdir(record_of("totp.new"), 0700), 0);
    gets_none(5, "@/#.new is in the way: remove it");
    assert_int_equal(rmdir(record_of("totp.new")), 0);
    gets(NULL, STEP0);
}

TEST(a_record_that_cannot_be_understood_is_left_to_the_user)
{
    static const struct {
        const char *text;
        size_t len;
    } strange[] = {
#define LINE(text) {text, sizeof(text) - 1}
        LINE(""),
        LINE("\n"),
        LINE("authplug-used 1 totp 1764304980 1764304950"),
        LINE("authplug-used 1 totp 1764304980\n"),
        LINE("authplug-used 1 totp\n"),
        LINE("authplug-used 1 totp 1764304980 1764304950\n\n"),
        LINE("authplug-used 1 totp 1764304980 1764304950 \n"),
        LINE("authplug-used 1 totp 1764304980 1764304950\n\0"),
        LINE("authplug-used 1 totp 1764304980 1764304950\r\n"),
        LINE("authplug-used 2 totp 1764304980 1764304950\n"),
        LINE("authplug-used 1 hotp 5 1764304950\n"),
        LINE("authplug-used 1 totp 01764304980 1764304950\n"),
        LINE("authplug-used 1 totp -1 1764304950\n"),
        LINE("authplug-used 1 totp 1764304980 -1\n"),
        LINE("authplug-used 1 totp 1764304980 +1\n"),
        LINE("authplug-used 1 totp 253402300800 1764304950\n"),
        LINE("authplug-used 1 totp 1764304980 253402300800\n"),
        LINE("authplug-used 1 totp 99999999999999999999999999999999 9\n"),
        LINE("authplug-used 1 totp 17643049801764304980176430498017643049801764"
             "30498017643049801764304980 1764304950\n"),
    };

    set_key(false, SECRET);
    gets(NULL, STEP0);
    for (size_t i = 0; i < COUNT_OF(strange); i++) {
        put(record_of("totp"), strange[i].text, strange[i].len, 0600);
        gets_none(5, "@/# cannot be understood: remove it, no sooner than 30 "
                     "seconds after the last login with work");
        struct stat is;
        assert_int_equal(stat(record_of("totp"), &is), 0);
        assert_int_equal(is.st_size, strange[i].len);
    }
    set_key(true, SECRET);
    put(record_of("hotp"), "authplug-used 1 hotp 9223372036854775809 0\n", 43,
        0600);
    gets_none(5, "@/# cannot be understood: write 'authplug-used 1 hotp "
                 "N 0' into it, N being the counter of the next code, or "
                 "remove it to begin with the secret's own counter");
}

/* ----------------------------------------------------------- many processes */

#define MANY 20

static void
log_in_apart(int number, int out)
{
    otp_use *uses = NULL;

    (void)number;
    if (!login(&uses, 3600))
        _exit(1);
    /* time for others to be faster, if they may */
    if (key.counted)
        usleep(2000);
    if (write(out, given, 8) != 8)
        _exit(2);
    otp_release(&uses);
}

static pid_t many[MANY];

/* Begins all of them; what they get is read from here. */
static int
begin_many(void (*run)(int number, int out))
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    for (int i = 0; i < MANY; i++)
        (void)apart(run, i, ends[1], &many[i]);
    close(ends[1]);
    return ends[0];
}

/* How many of them were killed; the others succeeded. */
static int
end_many(int from)
{
    int status, killed = 0;

    for (int i = 0; i < MANY; i++) {
        assert_int_equal(waitpid(many[i], &status, 0), many[i]);
        if (WIFSIGNALED(status))
            killed++;
        else
            assert_int_equal(status, 0);
    }
    close(from);
    return killed;
}

static void
share_clock(void)
{
    common_ms = mmap(NULL, sizeof *common_ms, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(common_ms != MAP_FAILED);
}

static void
pass_seconds(int64_t seconds)
{
    (void)__atomic_add_fetch(common_ms, seconds * 1000, __ATOMIC_SEQ_CST);
}

/* No step is left out, either. */
TEST(many_at_once_each_get_another_code)
{
    char code[9] = "";
    int from;

    set_key(false, SECRET);
    share_clock();
    from = begin_many(log_in_apart);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(read(from, code, 8), 8);
        assert_string_equal(code, code_for(STEP0 + i));
        pass_seconds(30);
    }
    assert_int_equal(end_many(from), 0);
}

static void
die_of_waiting(void *context, const char *text)
{
    (void)context;
    (void)text;
    raise(SIGKILL);
}

/* The seconds of a step, of a login that got its code. */
typedef struct span_of_step {
    int64_t begin, end;
} span_of_step;

static void
use_period(int period)
{
    char uri[96];

    (void)snprintf(uri, sizeof uri, "otpauth://totp/x?period=%d&secret=" SECRET,
                   period);
    set_key(false, uri);
}

/* Of three of them one does not survive that it has to wait. */
static void
log_in_as_others_do(int number, int out)
{
    static const int periods[] = {30, 60, 45, 7};
    int64_t period = periods[number % 4];
    otp_use *uses = NULL;

    use_period((int)period);
    tells = number % 3 == 2 ? die_of_waiting : tell;
    if (!login(&uses, 36000))
        _exit(1);
    for (int64_t i = T0 / period; i < (T0 + 36000) / period; i++)
        if (strcmp(given, code_for((uint64_t)i)) == 0) {
            span_of_step it = {i * period, (i + 1) * period};

            _exit(write(out, &it, sizeof it) == (ssize_t)sizeof it ? 0 : 2);
        }
    _exit(3);
}

TEST(many_with_steps_of_other_lengths_get_no_second_twice)
{
    span_of_step got[MANY];
    struct pollfd come;
    int count = 0, killed;
    ssize_t len = 1;

    share_clock();
    come.fd = begin_many(log_in_as_others_do);
    come.events = POLLIN;
    while (len > 0) {
        pass_seconds(1);
        if (__real_poll(&come, 1, 1) == 0)
            continue;
        len = read(come.fd, &got[count], sizeof *got);
        count += len > 0;
    }
    killed = end_many(come.fd);
    assert_true(killed > 0);
    assert_int_equal(count, MANY - killed);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++)
            assert_true(got[i].end <= got[j].begin ||
                        got[j].end <= got[i].begin);
}

TEST(many_at_once_use_counters_in_order)
{
    char code[9] = "";
    int from;

    set_key(true, SECRET);
    true_clocks = true;
    from = begin_many(log_in_apart);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(read(from, code, 8), 8);
        assert_string_equal(code, code_for(i));
    }
    assert_int_equal(end_many(from), 0);
}

/* ------------------------------------------------------------------- sweeps */

static void
die_within(int n, int out)
{
    otp_use *uses = NULL;

    calls = 0;
    kill_at = (unsigned)n;
    if (!login(&uses, 100))
        _exit(1);
    kill_at = 0;
    if (write(out, given, 8) != 8)
        _exit(2);
}

/* Whatever the killed one did, the next code is had at once, or after a wait
 * for one step, and is not the one that got out. Where this many codes were
 * given out before, the killed one has to wait. */
static void
sweep_kills(unsigned before)
{
    int status = SIGKILL, ends[2], drafts = 0, burnt = 0;
    uint64_t begin = key.counted ? 0 : STEP0;

    for (int n = 1; WIFSIGNALED(status); n++) {
        char got[9] = "";
        const char *end_of_name = key.counted ? "hotp.new" : "totp.new";

        drop(folder);
        real_ms = T0 * 1000;
        for (unsigned i = 0; i < before; i++)
            gets(NULL, STEP0 + i);
        real_ms = T0 * 1000;
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        status = apart(die_within, n, ends[1], NULL);
        close(ends[1]);
        (void)!read(ends[0], got, 8);
        close(ends[0]);
        assert_true(WIFEXITED(status) ? status == 0 && got[0] != 0
                                      : got[0] == 0);
        drafts += access(record_of(end_of_name), F_OK) == 0;
        otp_use *uses = NULL;
        assert_true(login(&uses, 100));
        otp_release(&uses);
        assert_string_not_equal(given, got);
        if (strcmp(given, code_for(begin + before)) != 0) {
            assert_string_equal(given, code_for(begin + before + 1));
            burnt++;
        }
        assert_int_not_equal(access(record_of(end_of_name), F_OK), 0);
        assert_true(n < 100);
    }
    /* or this tested nothing; the last one is not killed */
    assert_true(drafts > 0 && burnt > key.counted);
}

TEST(one_who_is_killed_leaves_no_code_to_be_used_twice_and_no_lock)
{
    set_key(false, SECRET);
    sweep_kills(0);
    sweep_kills(1);
    set_key(true, SECRET);
    sweep_kills(0);
}

/* A code that is given has its record; one that is not was not given. */
static void
sweep_failures(void)
{
    otp_use *uses = NULL;
    unsigned count, failed = 0;
    bool done;

    for (unsigned n = 1;; n++) {
        char got[16];

        drop(folder);
        real_ms = T0 * 1000;
        calls = 0;
        fail_at = n;
        done = login(&uses, 100);
        count = calls;
        fail_at = 0;
        otp_release(&uses);
        failed += !done;
        memcpy(got, given, sizeof got);
        assert_true(login(&uses, 100));
        otp_release(&uses);
        assert_string_not_equal(given, got);
        if (count < n)
            break;
        assert_true(n < 100);
    }
    assert_true(done && failed > 5);
}

TEST(each_system_call_may_fail)
{
    set_key(false, SECRET);
    sweep_failures();
    set_key(true, SECRET);
    sweep_failures();
}

TEST(a_full_disk_is_named)
{
    static const char *const left[] = {"authplug-used 1 totp 1764304980 "
                                       "1764304950\n"};

    set_key(false, SECRET);
    gets(NULL, STEP0);
    real_ms += 30000;
    calls = 0;
    gets(NULL, STEP0 + 1);
    unsigned count = calls;

    for (unsigned n = 1; n <= count; n++) {
        otp_use *uses = NULL;

        put(record_of("totp"), left[0], strlen(left[0]), 0600);
        calls = 0;
        fail_at = n;
        real_ms = (T0 + 30) * 1000;
        if (!login(&uses, 100))
            assert_non_null(strstr(why, "No space left on device"));
        fail_at = 0;
        assert_int_not_equal(access(record_of("totp.new"), F_OK), 0);
    }
}

TEST(each_allocation_may_fail)
{
    bool done = false;

    set_key(true, SECRET);
    for (size_t n = 1; !done; n++) {
        size_t live = alloc_live();

        drop(folder);
        alloc_fail_at(n + 1); /* the test's own secret is the first */
        done = login(&first, 100);
        alloc_reset();
        otp_release(&first);
        assert_int_equal(alloc_live(), live);
        if (!done)
            assert_non_null(strstr(why, "out of memory"));
        assert_true(n < 100);
    }
}

/* ------------------------------------------------------------- what is left */

TEST(no_descriptor_is_inherited_by_commands)
{
    int before = descriptors(true);

    set_key(true, SECRET);
    gets(&first, 0);
    assert_int_equal(descriptors(true), before);
    assert_int_equal(descriptors(false), open_before + 1);
    otp_release(&first);
    assert_int_equal(descriptors(false), open_before);
}

static void
has_no_secret(const char *text, size_t len)
{
    static const char *const secrets[] = {"GEZDGNBV", "12345678", "3132333435"};

    for (size_t i = 0; i < COUNT_OF(secrets); i++)
        assert_null(memmem(text, len, secrets[i], strlen(secrets[i])));
    assert_null(memmem(text, len, given, 8));
}

TEST(no_secret_is_in_the_directory)
{
    char text[4096];
    struct dirent *it;
    int files = 0;
    DIR *all;

    set_key(true, SECRET);
    gets(&first, 0);
    set_key(false, SECRET);
    gets(&first, STEP0);
    all = opendir(folder);
    assert_non_null(all);
    while ((it = readdir(all)) != NULL) {
        int fd = openat(dirfd(all), it->d_name, O_RDONLY | O_CLOEXEC);
        ssize_t len = read(fd, text, sizeof text);

        close(fd);
        has_no_secret(it->d_name, strlen(it->d_name));
        has_no_secret(text, len < 0 ? 0 : (size_t)len);
        files += len >= 0;
    }
    closedir(all);
    otp_release(&first);
    assert_int_equal(files, 4);
}

TEST(nothing_of_a_secret_or_a_code_is_left_in_freed_memory)
{
    set_key(true, SECRET);
    spy_on("1234567890");
    gets(NULL, 0);
    assert_int_equal(spy_spilled(), 0);
    spy_on(code_for(1));
    gets(NULL, 1);
    assert_int_equal(spy_spilled(), 0);
    spy_on(NULL);
}

#define T(test) cmocka_unit_test_setup_teardown(test, make_place, drop_place)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_first_code_is_that_of_now),
        T(record_and_directory_are_on_the_disk_before_the_code_is_given),
        T(a_code_that_is_over_soon_does_not_wait_for_the_disk),
        T(a_second_one_waits_for_the_next_window),
        T(a_wait_of_less_than_a_second_is_not_told),
        T(who_waits_holds_his_code),
        T(who_would_wait_too_long_is_told_when_to_come_back),
        T(another_day_is_named),
        T(a_clock_that_was_set_back_gives_no_code_twice),
        T(a_clock_that_is_days_behind_is_named),
        T(a_clock_that_is_set_while_somebody_waits_neither_hangs_nor_repeats),
        T(a_signal_ends_the_waiting_and_nothing_is_left_of_it),
        T(who_is_ended_while_waiting_leaves_no_step_behind),
        T(a_step_that_is_held_is_nobody_elses),
        T(steps_of_other_lengths_exclude_each_other_where_they_overlap),
        T(who_waits_stays_with_his_step_when_an_earlier_one_is_free),
        T(who_holds_all_steps_makes_nobody_choose_for_ever),
        T(a_step_whose_lock_was_removed_is_not_given_twice),
        T(a_client_that_hangs_up_ends_the_wait_and_nothing_is_left_of_it),
        T(a_secret_has_one_record_whatever_else_is_said_about_it),
        T(a_counter_goes_on),
        T(the_larger_counter_counts),
        T(a_counter_has_an_end),
        T(the_next_login_waits_for_the_outcome_of_the_one_before),
        T(nobody_waits_for_longer_than_ten_seconds),
        T(ten_seconds_are_not_less),
        T(a_clock_that_was_set_back_makes_nobody_wait_longer),
        T(who_has_no_time_to_wait_is_told_what_for),
        T(a_login_does_not_wait_for_itself),
        T(a_lock_that_was_removed_is_made_anew_for_all),
        T(logins_with_other_secrets_do_not_wait),
        T(a_killed_login_is_not_waited_for),
        T(records_are_in_the_state_directory),
        T(without_a_place_there_is_no_code),
        T(a_directory_that_is_open_to_others_is_refused),
        T(a_directory_that_is_none_is_refused),
        T(a_record_that_others_can_touch_is_refused),
        T(a_draft_that_is_there_is_removed_and_not_followed),
        T(a_folder_in_its_place_is_left_to_the_user),
        T(a_record_that_cannot_be_understood_is_left_to_the_user),
        T(many_at_once_each_get_another_code),
        T(many_with_steps_of_other_lengths_get_no_second_twice),
        T(many_at_once_use_counters_in_order),
        T(one_who_is_killed_leaves_no_code_to_be_used_twice_and_no_lock),
        T(each_system_call_may_fail),
        T(a_full_disk_is_named),
        T(each_allocation_may_fail),
        T(no_descriptor_is_inherited_by_commands),
        T(no_secret_is_in_the_directory),
        T(nothing_of_a_secret_or_a_code_is_left_in_freed_memory),
    };

    return cmocka_run_group_tests_name("records of used codes", tests, NULL,
                                       NULL);
}
