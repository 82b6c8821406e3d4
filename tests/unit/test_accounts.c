/*
 * serve's password file: server/accounts.h. In the files of these tests @NAME
 * stands for the hash of "NAME-secret"; where a file is compared, for any hash.
 * It is always day 20000.
 */
#define _GNU_SOURCE
#include "support.h"

#include "io/io.h"
#include "server/accounts.h"

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TODAY 20000

time_t __wrap_time(time_t *at);

time_t
__wrap_time(time_t *at)
{
    time_t now = (time_t)TODAY * 86400 + 4242;

    if (at != NULL)
        *at = now;
    return now;
}

/* -------------------------------------------- system calls that fail, or kill */

static unsigned calls, kill_at, fail_at;

/* Counts a call; the one that is to fail does, at the one to die we do. */
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

static void
let_fail(unsigned at)
{
    calls = kill_at = 0;
    fail_at = at;
}

/* A call with its arguments, as a function that is asked first. */
#define WRAP(type, name, parameters, arguments)                                \
    type __real_##name parameters;                                             \
    type __wrap_##name parameters;                                             \
    type __wrap_##name parameters                                              \
    {                                                                          \
        return fails() ? (type)-1 : __real_##name arguments;                   \
    }
WRAP(ssize_t, write, (int fd, const void *data, size_t len), (fd, data, len))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(int, unlinkat, (int at, const char *path, int flags), (at, path, flags))
WRAP(int, renameat, (int a, const char *from, int b, const char *to),
     (a, from, b, to))
WRAP(int, openat64, (int at, const char *path, int flags, mode_t mode),
     (at, path, flags, mode))
WRAP(int, open64, (const char *path, int flags, mode_t mode),
     (path, flags, mode))
WRAP(int, fcntl64, (int fd, int command, void *argument),
     (fd, command, argument))

/* ------------------------------------------------------------------- the file */

static char folder[64], path[96], draft[128], lock[128];

static int
make_folder(void **state)
{
    (void)state;
    memcpy(folder, "/tmp/authplug-accounts.XXXXXX", 30);
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/passwd", folder);
    (void)snprintf(draft, sizeof draft, "%s.new", path);
    (void)snprintf(lock, sizeof lock, "%s.lock", path);
    return 0;
}

static int
drop_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(draft);
    (void)unlink(lock);
    return rmdir(folder);
}

/* Cheap: it is not the hashes that are tested. */
#define CHEAP "$5$rounds=1000$"

static const char *
hash_like(const char *password, const char *setting)
{
    static struct crypt_data data;
    const char *hash = crypt_rn(password, setting, &data, sizeof data);

    assert_non_null(hash);
    return hash;
}

static const char *
hash_of(const char *name, size_t len)
{
    char password[64];

    (void)snprintf(password, sizeof password, "%.*s-secret", (int)len, name);
    return hash_like(password, CHEAP "salt$");
}

static char written[8192];

/* Writes the file, with hashes. */
static void
write_mode(const char *text, mode_t mode)
{
    size_t len = 0, name;
    int fd;

    for (; *text != 0; text++)
        if (*text == '@') {
            name = strspn(++text, "abcdefghijklmnopqrstuvwxyz");
            len += (size_t)snprintf(written + len, sizeof written - len, "%s",
                                    hash_of(text, name));
            text += name - 1;
        } else {
            written[len++] = *text;
        }
    written[len] = 0;
    (void)unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, written, len), (ssize_t)len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void
write_accounts(const char *text)
{
    write_mode(text, 0600);
}

static size_t
read_accounts(char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, text, size - 1);

    if (fd >= 0)
        close(fd);
    assert_true(len >= 0);
    text[len] = 0;
    return (size_t)len;
}

/* The file is this, @ for a hash of libcrypt's own choice. */
static void
holds(const char *expected)
{
    static char got[8192], shown[8192];
    size_t len = 0;

    read_accounts(got, sizeof got);
    for (const char *at = got; *at != 0;)
        if (strncmp(at, "$y$", 3) == 0) {
            shown[len++] = '@';
            at += strcspn(at, ":");
        } else {
            shown[len++] = *at++;
        }
    shown[len] = 0;
    assert_string_equal(shown, expected);
}

static bool
is_there(const char *what)
{
    return access(what, F_OK) == 0;
}

/* ---------------------------------------------------------------------- check */

static const char *const answers[] = {"NO", "YES", "EXPIRED", "BROKEN"};
static const char *error;

static void
says_bytes(const char *user, authplug_span password, const char *expected)
{
    error = "";
    assert_string_equal(answers[accounts_check(path, user, password, &error)],
                        expected);
    assert_int_equal(strcmp(expected, "BROKEN") == 0, *error != 0);
}

static void
says(const char *user, const char *password, const char *expected)
{
    says_bytes(user, authplug_span_of(password), expected);
}

/* The complaint, with @ for the path. */
static void
complains(const char *expected)
{
    char text[512];
    size_t len = 0;

    for (; *expected != 0; expected++)
        if (*expected == '@')
            len += (size_t)snprintf(text + len, sizeof text - len, "%s", path);
        else
            text[len++] = *expected;
    text[len] = 0;
    assert_string_equal(error, text);
}

TEST(the_right_password_is_right_and_others_are_not)
{
    write_accounts("# accounts\n\nalice:@alice:19999:\nbob:@bob:19999:90\n");
    says("alice", "alice-secret", "YES");
    says("bob", "bob-secret", "YES");
    says("alice", "bob-secret", "NO");
    says("alice", "alice-secre", "NO");
    says("alice", "alice-secret2", "NO");
    says("carol", "alice-secret", "NO");
    says("Alice", "alice-secret", "NO");
    says("alic", "alice-secret", "NO");
    says("", "alice-secret", "NO");
    says("# accounts", "alice-secret", "NO");
}

TEST(the_last_line_needs_no_newline)
{
    write_accounts("alice:@alice::\nbob:@bob:1:");
    says("bob", "bob-secret", "YES");
}

TEST(every_kind_of_hash_is_understood)
{
    static const char *const prefixes[] = {"$y$", "$2b$", "$6$", "$5$", "$1$",
                                           "$7$", "$gy$", ""};
    char row[512], setting[CRYPT_GENSALT_OUTPUT_SIZE];

    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        assert_non_null(crypt_gensalt_rn(prefixes[i], 0, NULL, 0, setting,
                                         sizeof setting));
        (void)snprintf(row, sizeof row, "alice:%s::\n",
                       hash_like("stoat", setting));
        write_accounts(row);
        says("alice", "stoat", "YES");
        says("alice", "weasel", "NO");
        says("bob", "stoat", "NO");
    }
}

TEST(no_password_fits_a_locked_account)
{
    write_accounts("a:!@a::\nb:!::\nc:::\nd:*::\ne:@e::\n");
    says("a", "a-secret", "NO");
    says("a", "", "NO");
    says("b", "", "NO");
    says("c", "", "NO");
    says("c", "c-secret", "NO");
    says("c", "e-secret", "NO");
    says("d", "*", "NO");
    says("e", "e-secret", "YES");
}

TEST(an_empty_password_is_wrong_whatever_the_file_says)
{
    char row[512];

    (void)snprintf(row, sizeof row, "alice:%s::\n",
                   hash_like("", CHEAP "salt$"));
    write_accounts(row);
    says("alice", "", "NO");
    /* nor what is hashed in its place */
    (void)snprintf(row, sizeof row, "alice:%s::\n",
                   hash_like("x", CHEAP "salt$"));
    write_accounts(row);
    says("alice", "", "NO");
    says_bytes("alice", authplug_span_make("x\0", 2), "NO");
}

TEST(a_password_in_the_place_of_its_hash_lets_nobody_in)
{
    write_accounts("alice:stoat-weasel::\nbob:@bob::\n");
    says("alice", "stoat-weasel", "NO");
    says("alice", "", "NO");
    says("bob", "bob-secret", "YES");
}

TEST(a_password_is_not_cut)
{
    static char long_one[1024];
    char row[512];

    write_accounts("alice:@alice::\n");
    says_bytes("alice", authplug_span_make("alice-secret\0", 13), "NO");
    says_bytes("alice", authplug_span_make("alice-secret\0x", 14), "NO");
    memset(long_one, 'a', sizeof long_one);
    long_one[511] = 0;
    (void)snprintf(row, sizeof row, "alice:%s::\n",
                   hash_like(long_one, CHEAP "salt$"));
    long_one[511] = 'a';
    write_accounts(row);
    says_bytes("alice", authplug_span_make(long_one, 511), "YES");
    says_bytes("alice", authplug_span_make(long_one, 512), "NO");
    says_bytes("alice", authplug_span_make(long_one, 1024), "NO");
}

TEST(expiry_is_told_to_those_with_the_right_password)
{
    write_accounts("now:@now:0:\nold:@old:19990:9\nlast:@last:19990:10\n"
                   "never:@never:1:\nundated:@undated::\nnew:@new:20001:0\n");
    says("now", "now-secret", "EXPIRED");
    says("now", "wrong", "NO");
    says("old", "old-secret", "EXPIRED");
    says("old", "wrong", "NO");
    says("last", "last-secret", "YES");
    says("never", "never-secret", "YES");
    says("undated", "undated-secret", "YES");
    says("new", "new-secret", "YES");
}

static void
is_broken(const char *text, const char *why)
{
    write_accounts(text);
    says("alice", "alice-secret", "BROKEN");
    complains(why);
    says("nobody", "x", "BROKEN");
    complains(why);
    error = "";
    assert_status(accounts_find(path, "alice", &error), IO);
    complains(why);
    error = "";
    assert_status(accounts_set(path, "alice", authplug_span_of("new-secret"),
                               false, &error),
                  IO);
    complains(why);
}

TEST(a_line_that_is_no_account_breaks_the_file_and_is_not_repeated)
{
    static const char *const lines[] = {
        "alice", "bob:x", "bob:@bob", "bob:@bob:", "bob:@bob:1:2:3",
        "bob:@bob:1:2:", ":@bob:1:", "bob:@bob:x:", "bob:@bob:-1:",
        "bob:@bob:1:-1", "bob:@bob: 1:", "bob:@bob:1: ", "bob:@bob::90",
        "bob:@bob:12345678:", "bob:@bob:1:12345678", "bob:@b b:1:",
        "bob:$nonsense$x:1:", "b\tb:@bob:1:", "b\033[2J:@bob::",
        "bob:@bob:1:\r", " # comment", "bob:\xff::",
    };
    char text[512];

    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        (void)snprintf(text, sizeof text, "alice:@alice::\n# \n%s\nz:@z::\n",
                       lines[i]);
        is_broken(text, "@:3: this is no account: NAME:HASH:CHANGED:MAXDAYS "
                        "was expected");
    }
    (void)snprintf(text, sizeof text, "alice:@alice::\n%0256d:@bob::\n", 1);
    is_broken(text, "@:2: this is no account: NAME:HASH:CHANGED:MAXDAYS was "
                    "expected");
}

TEST(a_user_who_is_there_twice_does_not_come_in)
{
    write_accounts("alice:@alice::\nbob:@bob::\nalice:@carol::\n");
    says("alice", "alice-secret", "BROKEN");
    complains("@:3: this user was there before: one line was expected");
    says("alice", "carol-secret", "BROKEN");
    error = "";
    assert_status(accounts_set(path, "alice", authplug_span_of("new-secret"),
                               false, &error),
                  IO);
    complains("@:3: this user was there before: one line was expected");
}

TEST(a_hash_that_cannot_be_computed_breaks_the_file)
{
    write_accounts("alice:$y$:1:\nbob:@bob:1:\n");
    says("alice", "alice-secret", "BROKEN");
    complains("@:1: the hash cannot be used: set the password again");
    says("bob", "bob-secret", "YES");
    says("nobody", "x", "BROKEN");
}

TEST(a_file_that_is_not_ours_alone_is_refused)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0644, 0666, 0601};

    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        write_mode("alice:@alice::\n", modes[i]);
        says("alice", "alice-secret", "BROKEN");
        complains("@: others may read or change it: chmod go= @");
        assert_status(accounts_set(path, "alice", authplug_span_of("new-one"),
                                   false, &error),
                      REFUSED);
    }
    write_mode("alice:@alice::\n", 0400);
    says("alice", "alice-secret", "YES");
}

TEST(without_a_file_nobody_comes_in)
{
    (void)unlink(path);
    says("alice", "alice-secret", "BROKEN");
    complains("@: No such file or directory");
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(10);
    says("alice", "alice-secret", "BROKEN");
    alarm(0);
    complains("@: not a file: a regular file was expected");
    (void)unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    says("alice", "alice-secret", "BROKEN");
    assert_int_equal(rmdir(path), 0);
}

TEST(an_empty_file_lets_nobody_in)
{
    write_accounts("");
    says("alice", "alice-secret", "NO");
    write_accounts("#\n\n");
    says("alice", "", "NO");
}

TEST(a_file_that_is_too_large_is_refused)
{
    write_accounts("");
    assert_int_equal(truncate(path, (4 << 20) + 1), 0);
    says("alice", "alice-secret", "BROKEN");
    complains("@: too large: at most 4096 KiB were expected");
}

TEST(to_find_a_user_tells_whether_he_is_there)
{
    write_accounts("alice:!::\n");
    assert_status(accounts_find(path, "alice", &error), OK);
    assert_status(accounts_find(path, "bob", &error), NOT_FOUND);
    complains("@: there is no such user");
    assert_status(accounts_find(path, "a:b", &error), VALUE);
}

/* ----------------------------------------------------------------------- cost */

/* Of this process, so that it does not matter what else the machine does. */
static int64_t
now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int
by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

    return (left > right) - (left < right);
}

typedef struct attempt {
    const char *what, *user;
    authplug_span password;
    int64_t median; /* in microseconds */
} attempt;

#define ROUNDS 21

/* How long each takes, in turns. */
static void
measure(attempt *attempts, size_t count)
{
    static int64_t times[8][ROUNDS];

    for (size_t round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < count; i++) {
            int64_t start = now_us();

            says_bytes(attempts[i].user, attempts[i].password, "NO");
            times[i][round] = now_us() - start;
        }
    for (size_t i = 0; i < count; i++) {
        qsort(times[i], ROUNDS, sizeof *times[i], by_value);
        attempts[i].median = times[i][ROUNDS / 2];
    }
}

/* None is more than a third away from the first, which is mostly a hash. */
static void
all_alike(attempt *attempts, size_t count)
{
    measure(attempts, count);
    assert_true(attempts[0].median > 500);
    for (size_t i = 1; i < count; i++)
        if (attempts[i].median * 3 < attempts[0].median * 2 ||
            attempts[i].median * 3 > attempts[0].median * 4)
            fail_msg("%s takes %lld us, %s %lld us", attempts[i].what,
                     (long long)attempts[i].median, attempts[0].what,
                     (long long)attempts[0].median);
}

/* Some milliseconds, so that it is this that is measured. */
static void
write_costly(const char *before)
{
    char text[1024];

    (void)snprintf(text, sizeof text, "%salice:%s::\n", before,
                   hash_like("a", "$6$rounds=8000$salt$"));
    (void)snprintf(text + strlen(text), sizeof text - strlen(text),
                   "last:%s::\n", hash_like("b", "$6$rounds=8000$pepper$"));
    write_accounts(text);
}

static void
is_usable(const char *status, const char *words)
{
    error = "";
    assert_string_equal(authplug_status_name(accounts_usable(path, &error)),
                        status);
    assert_non_null(strstr(error, words));
    assert_int_equal(*error == 0, strcmp(status, "OK") == 0);
}

TEST(whether_the_file_can_be_used_is_told_before_anybody_comes)
{
    (void)unlink(path);
    is_usable("NOT_FOUND", "No such file");
    write_accounts("# kept\n\nalice:@alice::\nbob:!:1:2\n");
    is_usable("OK", "");
    write_accounts("alice:@alice::\nbob\n");
    is_usable("IO", ":2: this is no account");
    write_mode("alice:@alice::\n", 0640);
    is_usable("REFUSED", "chmod go=");
}

TEST(an_unknown_user_costs_as_much_as_a_known_one)
{
    authplug_span wrong = authplug_span_of("wrong");
    attempt attempts[] = {{"a known user", "alice", wrong, 0},
                          {"the last user", "last", wrong, 0},
                          {"an unknown user", "nobody", wrong, 0},
                          {"a locked user", "locked", wrong, 0},
                          {"a user without a hash", "empty", wrong, 0},
                          {"a user with a star", "star", wrong, 0}};

    write_costly("locked:!::\nempty:::\nstar:*::\n");
    all_alike(attempts, COUNT_OF(attempts));
}

TEST(a_password_that_cannot_be_right_costs_the_same)
{
    static char long_one[600];
    attempt attempts[] = {
        {"a password", "alice", authplug_span_of("wrong"), 0},
        {"an empty one", "alice", authplug_span_of(""), 0},
        {"one with a NUL", "alice", authplug_span_make("a\0b", 3), 0},
        {"a long one", "alice", authplug_span_make(long_one, 600), 0}};

    memset(long_one, 'a', sizeof long_one);
    write_costly("");
    all_alike(attempts, COUNT_OF(attempts));
}

TEST(where_no_account_has_a_hash_it_costs_what_a_new_one_would)
{
    attempt with = {"with", "alice", authplug_span_of("wrong"), 0};
    attempt without = with;
    char setting[CRYPT_GENSALT_OUTPUT_SIZE], text[512];

    assert_non_null(
        crypt_gensalt_rn(NULL, 0, NULL, 0, setting, sizeof setting));
    (void)snprintf(text, sizeof text, "alice:%s::\n", hash_like("a", setting));
    write_accounts(text);
    measure(&with, 1);
    write_accounts("# nobody\n");
    measure(&without, 1);
    assert_true(with.median > 500);
    assert_true(without.median * 2 > with.median &&
                without.median < with.median * 2);
}

/* --------------------------------------------------------------------- change */

static void
sets(const char *user, const char *password, const char *status)
{
    error = "";
    assert_string_equal(
        authplug_status_name(accounts_set(
            path, user, authplug_span_of(password), false, &error)),
        status);
}

static void
changes(const char *user, const accounts_edit *edit, const char *status)
{
    error = "";
    assert_string_equal(
        authplug_status_name(accounts_change(path, user, edit, &error)),
        status);
    assert_int_equal(strcmp(status, "OK") == 0, *error == 0);
    assert_false(is_there(draft));
}

TEST(a_password_is_replaced_and_dated_and_the_rest_stays)
{
    write_accounts("# one: two\n\nbob:!:1:2\nalice:@alice:3:90\n#\nz::4:");
    says("alice", "alice-secret", "EXPIRED");
    sets("alice", "stoat-weasel", "OK");
    holds("# one: two\n\nbob:!:1:2\nalice:@:20000:90\n#\nz::4:");
    says("alice", "stoat-weasel", "YES");
    says("alice", "alice-secret", "NO");
    sets("z", "ferret-polecat", "OK");
    holds("# one: two\n\nbob:!:1:2\nalice:@:20000:90\n#\nz:@:20000:\n");
    says("z", "ferret-polecat", "YES");
    sets("bob", "marten-marten", "OK");
    says("bob", "marten-marten", "YES");
}

TEST(two_hashes_of_one_password_differ)
{
    static char first[8192], second[8192];

    write_accounts("alice:::\n");
    sets("alice", "stoat-weasel", "OK");
    read_accounts(first, sizeof first);
    sets("alice", "stoat-weasel", "OK");
    read_accounts(second, sizeof second);
    assert_string_not_equal(first, second);
}

TEST(the_file_is_for_its_owner_alone)
{
    struct stat is;
    mode_t before = umask(0);

    write_mode("alice:::\n", 0400);
    sets("alice", "stoat-weasel", "OK");
    umask(before);
    assert_int_equal(stat(path, &is), 0);
    assert_int_equal(is.st_mode & 07777, 0600);
    assert_int_equal(stat(lock, &is), 0);
    assert_int_equal(is.st_mode & 07777, 0600);
}

TEST(an_account_can_be_added)
{
    accounts_edit edit = {.password = authplug_span_of("stoat-weasel"),
                          .create = true};

    (void)unlink(path);
    changes("alice", &edit, "OK");
    holds("alice:@:20000:\n");
    write_accounts("# no newline at the end");
    changes("alice", &edit, "OK");
    holds("# no newline at the end\nalice:@:20000:\n");
    edit.expire = true;
    edit.maxdays = &(long){90};
    changes("bob", &edit, "OK");
    holds("# no newline at the end\nalice:@:20000:\nbob:@:0:90\n");
    says("alice", "stoat-weasel", "YES");
    says("bob", "stoat-weasel", "EXPIRED");
    assert_status(accounts_set(path, "carol", authplug_span_of("stoat-weasel"),
                               true, &error),
                  OK);
    says("carol", "stoat-weasel", "YES");
}

TEST(one_who_is_there_is_not_added)
{
    accounts_edit edit = {.password = authplug_span_of("stoat-weasel"),
                          .create = true};

    write_accounts("alice:!x:1:\nbob:!y:2:\n");
    changes("bob", &edit, "STATE");
    holds("alice:!x:1:\nbob:!y:2:\n");
}

TEST(a_current_password_that_is_another_one_by_now_changes_nothing)
{
    accounts_edit edit = {.password = authplug_span_of("stoat-weasel"),
                          .current = authplug_span_of("alice-secret")};

    write_accounts("alice:@bob:1:\n");
    changes("alice", &edit, "STATE");
    says("alice", "bob-secret", "YES");
    write_accounts("alice:@alice:0:\n");
    changes("alice", &edit, "OK");
    says("alice", "stoat-weasel", "YES");
    write_mode("alice:@alice:1:\n", 0644);
    changes("alice", &edit, "IO");
}

TEST(ages_are_changed_without_the_password)
{
    write_accounts("alice:!x:19000:\nbob:!y::\n");
    changes("alice", &(accounts_edit){.expire = true}, "OK");
    holds("alice:!x:0:\nbob:!y::\n");
    changes("alice", &(accounts_edit){.maxdays = &(long){90}}, "OK");
    holds("alice:!x:0:90\nbob:!y::\n");
    changes("alice", &(accounts_edit){.maxdays = &(long){ACCOUNTS_NEVER}},
            "OK");
    holds("alice:!x:0:\nbob:!y::\n");
    changes("bob", &(accounts_edit){.maxdays = &(long){99999}}, "OK");
    holds("alice:!x:0:\nbob:!y:20000:99999\n");
}

TEST(what_cannot_be_stored_is_refused)
{
    static const char *const names[] = {"", "a:b", "#a", "a\nb", "a\tb",
                                        "\033[2J"};
    static char long_one[513];
    accounts_edit edit = {.password = authplug_span_of("stoat-weasel"),
                          .create = true};

    write_accounts("alice:!::\n");
    for (size_t i = 0; i < COUNT_OF(names); i++)
        changes(names[i], &edit, "VALUE");
    memset(long_one, 'a', sizeof long_one - 1);
    changes(long_one + 256, &edit, "VALUE");
    edit.password = authplug_span_of("stoat\nweasel");
    changes("alice", &edit, "VALUE");
    edit.password = authplug_span_of("stoat\r");
    changes("alice", &edit, "VALUE");
    edit.password = authplug_span_make("stoat\0weasel", 12);
    changes("alice", &edit, "VALUE");
    edit.password = authplug_span_of(long_one);
    changes("alice", &edit, "VALUE");
    edit.password = authplug_span_of("");
    changes("bob", &edit, "VALUE");
    edit.create = false;
    changes("alice", &edit, "VALUE");
    sets("alice", "", "VALUE");
    changes("alice", &(accounts_edit){.maxdays = &(long){-2}}, "VALUE");
    changes("alice", &(accounts_edit){.maxdays = &(long){100000}}, "VALUE");
    holds("alice:!::\n");
    /* the longest that can */
    edit.password = authplug_span_make(long_one, 511);
    edit.create = true;
    changes(long_one + 257, &edit, "OK");
    says_bytes(long_one + 257, edit.password, "YES");
}

TEST(who_is_not_there_is_not_changed)
{
    write_accounts("alice:!::\n");
    sets("bob", "stoat-weasel", "NOT_FOUND");
    complains("@: there is no such user");
    holds("alice:!::\n");
    (void)unlink(path);
    sets("bob", "stoat-weasel", "IO");
    complains("@: No such file or directory");
    assert_false(is_there(path));
}

TEST(a_file_that_would_be_too_large_stays)
{
    struct stat is;

    write_accounts("");
    assert_int_equal(truncate(path, (4 << 20) - 40), 0);
    {
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        static char lines[4 << 20];

        memset(lines, '\n', sizeof lines);
        assert_int_equal(write(fd, lines, (4 << 20) - 40), (4 << 20) - 40);
        close(fd);
    }
    assert_status(accounts_set(path, "alice", authplug_span_of("stoat-weasel"),
                               true, &error),
                  LENGTH);
    complains("@: too large: at most 4096 KiB were expected");
    assert_int_equal(stat(path, &is), 0);
    assert_int_equal(is.st_size, (4 << 20) - 40);
    assert_false(is_there(draft));
}

TEST(a_symbolic_link_stays_one)
{
    char real[128];
    struct stat is;

    (void)snprintf(real, sizeof real, "%s/real", folder);
    write_accounts("alice:!::\n");
    assert_int_equal(rename(path, real), 0);
    assert_int_equal(symlink("real", path), 0);
    sets("alice", "stoat-weasel", "OK");
    assert_int_equal(lstat(path, &is), 0);
    assert_true(S_ISLNK(is.st_mode));
    says("alice", "stoat-weasel", "YES");
    (void)unlink(real);
    (void)strcat(real, ".lock");
    assert_int_equal(unlink(real), 0);
}

TEST(a_path_without_a_folder_is_in_the_working_directory)
{
    int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    write_accounts("alice:!::\n");
    assert_int_equal(chdir(folder), 0);
    assert_status(accounts_set("passwd", "alice",
                               authplug_span_of("stoat-weasel"), false, &error),
                  OK);
    (void)unlink(path);
    assert_status(accounts_set("passwd", "alice",
                               authplug_span_of("stoat-weasel"), true, &error),
                  OK);
    assert_int_equal(fchdir(before), 0);
    close(before);
    says("alice", "stoat-weasel", "YES");
}

/* For root alone: nobody else meets files of others that he may open. */
TEST(root_leaves_the_file_to_its_owner)
{
    struct stat is;

    if (geteuid() != 0)
        skip();
    (void)unlink(lock);
    write_accounts("alice:@alice::\n");
    assert_int_equal(chown(path, 65534, 65533), 0);
    says("alice", "alice-secret", "BROKEN");
    complains("@: it belongs to user 65534: root, or user 0, was expected to "
              "own it: see chown(1)");
    sets("alice", "stoat-weasel", "OK");
    assert_int_equal(stat(path, &is), 0);
    assert_int_equal(is.st_uid, 65534);
    assert_int_equal(is.st_gid, 65533);
    assert_int_equal(stat(lock, &is), 0);
    assert_int_equal(is.st_uid, 65534);
    /* what is there already may be anything, and is not given away */
    (void)unlink(lock);
    close(open(lock, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    sets("alice", "stoat-weasel", "OK");
    assert_int_equal(stat(lock, &is), 0);
    assert_int_equal(is.st_uid, 0);
}

/* ----------------------------------------------------------------------- lock */

/* Runs in a process of its own, which tells when it begins by closing `ready`
 * (or by writing). */
static pid_t
start(void (*run)(int number, int ready), int number)
{
    int ends[2];
    char byte;
    pid_t child;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        run(number, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    (void)!read(ends[0], &byte, 1);
    close(ends[0]);
    return child;
}

static void
hold_lock(int ms, int ready)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
        close(ready);
    usleep((useconds_t)ms * 1000);
}

static void
end_child(pid_t child, bool to_kill)
{
    if (to_kill)
        kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

TEST(a_lock_is_waited_for_until_the_deadline)
{
    accounts_edit edit = {.expire = true, .patience = 300};
    int64_t before;
    pid_t child;

    write_accounts("alice:!:1:\n");
    child = start(hold_lock, 60000);
    before = io_now();
    changes("alice", &edit, "TIMEOUT");
    assert_in_range(io_now() - before, 300, 5000);
    complains("@: somebody else is changing it: try again later");
    holds("alice:!:1:\n");
    says("alice", "x", "NO"); /* readers need no lock */
    end_child(child, true);
    changes("alice", &edit, "OK"); /* a lock ends with its holder */
    holds("alice:!:0:\n");
}

TEST(a_lock_that_is_given_back_is_taken)
{
    int64_t before;
    pid_t child;

    write_accounts("alice:!:1:\n");
    child = start(hold_lock, 400);
    before = io_now();
    changes("alice", &(accounts_edit){.expire = true}, "OK");
    assert_in_range(io_now() - before, 200, 8000);
    end_child(child, false);
}

/* In a process of its own, which the signal ends in the end. */
static void
wait_and_be_told(int number, int ready)
{
    accounts_edit edit = {.expire = true};
    const char *why = "";

    (void)ready;
    io_signals_begin();
    raise(number);
    if (accounts_change(path, "alice", &edit, &why) != AUTHPLUG_CANCELLED)
        _exit(1);
    io_signals_end();
}

TEST(a_signal_ends_the_waiting)
{
    pid_t holder;
    int status;

    write_accounts("alice:!:1:\n");
    holder = start(hold_lock, 60000);
    assert_true(waitpid(start(wait_and_be_told, SIGTERM), &status, 0) > 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    end_child(holder, true);
    holds("alice:!:1:\n");
}

/* Each process edits a user of its own, and adds some. */
static void
edit_often(int number, int ready)
{
    const char *why = "";
    char user[16];
    long days;

    close(ready);
    (void)snprintf(user, sizeof user, "user%d", number);
    for (days = 1; days <= 40; days++) {
        accounts_edit edit = {.maxdays = &days};

        if (accounts_change(path, user, &edit, &why) != AUTHPLUG_OK)
            _exit(1);
    }
    for (int i = 0; i < 3; i++) {
        (void)snprintf(user, sizeof user, "new%d-%d", number, i);
        if (accounts_set(path, user, authplug_span_of("stoat-weasel"), true,
                         &why) != AUTHPLUG_OK)
            _exit(2);
    }
}

#define WRITERS 6

TEST(what_many_change_at_once_is_all_there_and_can_be_read_meanwhile)
{
    pid_t writers[WRITERS];
    static char text[8192];
    char row[32];
    int status, left = WRITERS;

    write_accounts("# kept\nuser0:!:1:\nuser1:!:1:\nuser2:!:1:\n"
                   "user3:!:1:\nuser4:!:1:\nuser5:!:1:\n");
    for (int i = 0; i < WRITERS; i++)
        writers[i] = start(edit_often, i);
    while (left > 0) {
        assert_status(accounts_find(path, "user3", &error), OK);
        for (int i = 0; i < WRITERS; i++)
            if (writers[i] > 0 && waitpid(writers[i], &status, WNOHANG) > 0) {
                assert_int_equal(status, 0);
                writers[i] = 0;
                left--;
            }
    }
    read_accounts(text, sizeof text);
    assert_ptr_equal(strstr(text, "# kept\n"), text);
    for (int i = 0; i < WRITERS; i++) {
        (void)snprintf(row, sizeof row, "\nuser%d:!:1:40\n", i);
        assert_non_null(strstr(text, row));
        for (int k = 0; k < 3; k++) {
            (void)snprintf(row, sizeof row, "new%d-%d", i, k);
            assert_status(accounts_find(path, row, &error), OK);
        }
    }
    assert_false(is_there(draft));
}

/* --------------------------------------------------------------------- sweeps */

#define OLD "# kept\nalice:!x:1:7\nbob:!y:2:\n"
#define NEW "# kept\nalice:!x:0:7\nbob:!y:2:\n"

/* The old file, or the new one. */
static bool
is_old(void)
{
    static char text[8192];

    read_accounts(text, sizeof text);
    if (strcmp(text, NEW) == 0)
        return false;
    assert_string_equal(text, OLD);
    return true;
}

TEST(each_system_call_may_fail)
{
    accounts_edit edit = {.expire = true};
    authplug_status status;
    unsigned count;

    for (unsigned n = 1;; n++) {
        write_accounts(OLD);
        error = "";
        let_fail(n);
        status = accounts_change(path, "alice", &edit, &error);
        count = calls;
        let_fail(0);
        if (status == AUTHPLUG_OK)
            assert_false(is_old());
        else
            assert_true(*error != 0);
        (void)is_old();
        changes("alice", &edit, "OK");
        assert_false(is_old());
        if (count < n)
            break;
        assert_true(n < 100);
    }
}

static void
die_within(int n, int ready)
{
    accounts_edit edit = {.expire = true};
    const char *why = "";

    calls = 0;
    kill_at = (unsigned)n;
    (void)accounts_change(path, "alice", &edit, &why);
    kill_at = 0;
    close(ready);
}

TEST(one_who_is_killed_leaves_the_old_file_or_the_new_one_and_no_lock)
{
    accounts_edit edit = {.expire = true, .patience = 2000};
    int status = 0, drafts = 0;
    pid_t child;

    for (int n = 1; n < 100 && !(n > 1 && WIFEXITED(status)); n++) {
        write_accounts(OLD);
        child = start(die_within, n);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) || WTERMSIG(status) == SIGKILL);
        assert_true(is_old() || WIFEXITED(status) || !is_there(draft));
        drafts += is_there(draft);
        changes("alice", &edit, "OK");
        assert_false(is_old());
    }
    assert_true(WIFEXITED(status));
    assert_true(drafts > 0); /* or this tested nothing */
}

/* A disk that is full, as a process sees it whose files may not be so long. */
static void
change_on_a_full_disk(int number, int ready)
{
    struct rlimit most = {20, 20};
    accounts_edit edit = {.expire = true};
    const char *why = "";

    (void)number;
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &most) != 0 ||
        accounts_change(path, "alice", &edit, &why) != AUTHPLUG_IO ||
        strstr(why, "the old one stays") == NULL)
        _exit(1);
    close(ready);
}

TEST(on_a_full_disk_the_old_file_stays)
{
    int status;

    write_accounts(OLD);
    assert_int_equal(waitpid(start(change_on_a_full_disk, 0), &status, 0) > 0,
                     1);
    assert_int_equal(status, 0);
    assert_true(is_old());
    assert_false(is_there(draft));
}

TEST(each_allocation_may_fail)
{
    accounts_edit edit = {.password = authplug_span_of("stoat-weasel")};
    size_t before, count = 1;
    authplug_status status;

    write_accounts("alice:@alice::\nbob:@bob::\n");
    says("alice", "alice-secret", "YES"); /* what stays allocated is */
    before = alloc_live();
    for (size_t n = 1; count >= n; n++) {
        accounts_answer answer;

        alloc_reset();
        alloc_fail_at(n);
        answer = accounts_check(path, "alice", authplug_span_of("wrong"),
                                &error);
        count = alloc_count();
        assert_true(answer == ACCOUNTS_BROKEN || answer == ACCOUNTS_NO);
        alloc_reset();
        assert_int_equal(alloc_live(), before);
    }
    count = 1;
    for (size_t n = 1; count >= n; n++) {
        alloc_fail_at(n);
        status = accounts_change(path, "alice", &edit, &error);
        count = alloc_count();
        assert_true(status == AUTHPLUG_OK || status == AUTHPLUG_NOMEM);
        alloc_reset();
        assert_int_equal(alloc_live(), before);
        assert_false(is_there(draft));
        says("alice", status == AUTHPLUG_OK ? "stoat-weasel" : "alice-secret",
             "YES");
    }
}

TEST(nothing_of_a_password_or_a_hash_is_left_in_freed_memory)
{
    static const char *const needles[] = {"stoat-weasel", "$5$rounds=1000$sal"};

    for (size_t i = 0; i < COUNT_OF(needles); i++) {
        write_accounts("alice:@alice::\nbob:@bob::\n");
        spy_on(needles[i]);
        says("alice", "stoat-weasel", "NO");
        sets("alice", "stoat-weasel", "OK");
        says("alice", "stoat-weasel", "YES");
        assert_false(spy_sees());
        assert_int_equal(spy_spilled(), 0);
        spy_on(NULL);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_right_password_is_right_and_others_are_not),
        cmocka_unit_test(the_last_line_needs_no_newline),
        cmocka_unit_test(every_kind_of_hash_is_understood),
        cmocka_unit_test(no_password_fits_a_locked_account),
        cmocka_unit_test(an_empty_password_is_wrong_whatever_the_file_says),
        cmocka_unit_test(
            a_password_in_the_place_of_its_hash_lets_nobody_in),
        cmocka_unit_test(a_password_is_not_cut),
        cmocka_unit_test(expiry_is_told_to_those_with_the_right_password),
        cmocka_unit_test(
            a_line_that_is_no_account_breaks_the_file_and_is_not_repeated),
        cmocka_unit_test(a_user_who_is_there_twice_does_not_come_in),
        cmocka_unit_test(a_hash_that_cannot_be_computed_breaks_the_file),
        cmocka_unit_test(a_file_that_is_not_ours_alone_is_refused),
        cmocka_unit_test(without_a_file_nobody_comes_in),
        cmocka_unit_test(an_empty_file_lets_nobody_in),
        cmocka_unit_test(a_file_that_is_too_large_is_refused),
        cmocka_unit_test(to_find_a_user_tells_whether_he_is_there),
        cmocka_unit_test(
            whether_the_file_can_be_used_is_told_before_anybody_comes),
        cmocka_unit_test(an_unknown_user_costs_as_much_as_a_known_one),
        cmocka_unit_test(a_password_that_cannot_be_right_costs_the_same),
        cmocka_unit_test(
            where_no_account_has_a_hash_it_costs_what_a_new_one_would),
        cmocka_unit_test(a_password_is_replaced_and_dated_and_the_rest_stays),
        cmocka_unit_test(two_hashes_of_one_password_differ),
        cmocka_unit_test(the_file_is_for_its_owner_alone),
        cmocka_unit_test(an_account_can_be_added),
        cmocka_unit_test(one_who_is_there_is_not_added),
        cmocka_unit_test(
            a_current_password_that_is_another_one_by_now_changes_nothing),
        cmocka_unit_test(ages_are_changed_without_the_password),
        cmocka_unit_test(what_cannot_be_stored_is_refused),
        cmocka_unit_test(who_is_not_there_is_not_changed),
        cmocka_unit_test(a_file_that_would_be_too_large_stays),
        cmocka_unit_test(a_symbolic_link_stays_one),
        cmocka_unit_test(a_path_without_a_folder_is_in_the_working_directory),
        cmocka_unit_test(root_leaves_the_file_to_its_owner),
        cmocka_unit_test(a_lock_is_waited_for_until_the_deadline),
        cmocka_unit_test(a_lock_that_is_given_back_is_taken),
        cmocka_unit_test(a_signal_ends_the_waiting),
        cmocka_unit_test(
            what_many_change_at_once_is_all_there_and_can_be_read_meanwhile),
        cmocka_unit_test(each_system_call_may_fail),
        cmocka_unit_test(
            one_who_is_killed_leaves_the_old_file_or_the_new_one_and_no_lock),
        cmocka_unit_test(on_a_full_disk_the_old_file_stays),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(
            nothing_of_a_password_or_a_hash_is_left_in_freed_memory),
    };

    return cmocka_run_group_tests_name("serve's password file", tests,
                                       make_folder, drop_folder);
}
