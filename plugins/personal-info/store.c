/* The database: questions, names and hashes, in one SQLite file. */
#define _GNU_SOURCE
#include "personal_info.h"

#include "io/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the file is, "ApPI"; and the version of what it holds. */
#define APPLICATION 1097879625
#define VERSION 1
#define TEXT(number) #number
#define TEXT_OF(number) TEXT(number)

/* How long to wait for others, in milliseconds: a login, and a command. */
#define READ_PATIENCE 2000
#define WRITE_PATIENCE 5000

/* The longest value that SQLite may handle. */
#define VALUE_LONGEST 65536

/* The nameless person has the decoy. */
static const char schema[] =
    "BEGIN IMMEDIATE;"
    "PRAGMA application_id = " TEXT_OF(APPLICATION) ";"
    "PRAGMA user_version = " TEXT_OF(VERSION) ";"
    "CREATE TABLE question (place INTEGER PRIMARY KEY,"
    " round INTEGER NOT NULL, echo INTEGER NOT NULL, text TEXT NOT NULL)"
    " STRICT;"
    "CREATE TABLE person (name TEXT PRIMARY KEY, hash TEXT NOT NULL,"
    " since INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

struct store {
    const char *path;
    sqlite3 *db;
};

/* What SQLite met, and what to do about it; false. */
static bool
trouble(const char *path, int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        io_say(PROGRAM, "%s is locked by another program: see who uses it "
                        "(fuser), and try again",
               path);
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_MISMATCH:
        io_say(PROGRAM, "%s is damaged: restore a copy, or remove it and make "
                        "another with 'init'",
               path);
        break;
    default:
        /* SQLite's own words are static and name no content */
        io_say(PROGRAM, "%s cannot be used: %s: see to that, and try again",
               path, code == SQLITE_CANTOPEN_SYMLINK
                         ? "its path goes through a symbolic link"
                         : sqlite3_errstr(code));
    }
    return false;
}

/* -------------------------------------------- who could have changed it */

/* Nobody but root and ourselves; the bits of mode in `bad` belong to others. */
static bool
is_ours(const char *path, const struct stat *is, mode_t bad, const char *chmod)
{
    if (is->st_uid != 0 && is->st_uid != geteuid())
        io_say(PROGRAM, "%s belongs to somebody else: chown root %s", path,
               path);
    else if ((is->st_mode & bad) != 0)
        io_say(PROGRAM, "%s is open to others: chmod %s %s", path, chmod,
               path);
    else
        return true;
    return false;
}

/* The directory that the file is in, up to its last slash. */
static bool
directory_of(const char *path, char directory[PATH_MAX])
{
    size_t len = (size_t)(strrchr(path, '/') - path);

    if (strlen(path) >= PATH_MAX) {
        io_say(PROGRAM, "the name of the database is too long: give --db "
                        "another");
        return false;
    }
    memcpy(directory, path, len);
    memcpy(directory + len, "/", len == 0 ? 2 : 1);
    directory[len == 0 ? 1 : len] = 0;
    return true;
}

/* Whoever may write to the directory could put another file in its place. */
static bool
check_directory(const char *path)
{
    char directory[PATH_MAX];
    struct stat is;

    if (!directory_of(path, directory))
        return false;
    if (stat(directory, &is) != 0) {
        io_say(PROGRAM, "%s: %s: make the database with 'init', or name it "
                        "with --db",
               directory, strerror(errno));
        return false;
    }
    return is_ours(directory, &is, 022, "go-w");
}

static bool
check_file(const char *path)
{
    struct stat is;

    if (!check_directory(path))
        return false;
    if (lstat(path, &is) != 0) {
        io_say(PROGRAM, "%s: %s: make the database with 'init', or name it "
                        "with --db",
               path, strerror(errno));
        return false;
    }
    if (!S_ISREG(is.st_mode)) {
        io_say(PROGRAM, "%s is no plain file: name the database itself with "
                        "--db",
               path);
        return false;
    }
    return is_ours(path, &is, 077, "600");
}

/* ------------------------------------------------------------ statements */

/* Prepares a statement; NULL binds nothing, texts are bound in order. */
static int
prepare(sqlite3 *db, const char *sql, const char *first, const char *second,
        sqlite3_stmt **made)
{
    int code = sqlite3_prepare_v2(db, sql, -1, made, NULL);

    if (code == SQLITE_OK && first != NULL)
        code = sqlite3_bind_text(*made, 1, first, -1, SQLITE_STATIC);
    if (code == SQLITE_OK && second != NULL)
        code = sqlite3_bind_text(*made, 2, second, -1, SQLITE_STATIC);
    return code;
}

/* Runs a statement that gives no rows. */
static int
change(sqlite3 *db, const char *sql, const char *first, const char *second)
{
    sqlite3_stmt *statement = NULL;
    int code = prepare(db, sql, first, second, &statement);

    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    sqlite3_finalize(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Reads one number. */
static int
number(sqlite3 *db, const char *sql, int *value)
{
    sqlite3_stmt *statement = NULL;
    int code = prepare(db, sql, NULL, NULL, &statement);

    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        *value = sqlite3_column_int(statement, 0);
        code = SQLITE_OK;
    } else if (code == SQLITE_DONE) {
        code = SQLITE_CORRUPT;
    }
    sqlite3_finalize(statement);
    return code;
}

/* Copies a column's text; false when it is longer than the rest. */
static bool
copy_text(sqlite3_stmt *row, int column, char *to, size_t size)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    size_t len = (size_t)sqlite3_column_bytes(row, column);

    /* a NUL inside would end the text earlier than its length says */
    if (text == NULL || len >= size || strlen((const char *)text) != len)
        return false;
    memcpy(to, text, len + 1);
    return true;
}

/* --------------------------------------------------------------- opening */

/* Opens, and has SQLite expect the worst of what is in the file. */
static int
connect(store *s, int flags)
{
    int patience = (flags & SQLITE_OPEN_READONLY) != 0 ? READ_PATIENCE
                                                       : WRITE_PATIENCE;
    int code = sqlite3_open_v2(s->path, &s->db,
                               flags | SQLITE_OPEN_NOFOLLOW |
                                   SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                               NULL);

    if (code != SQLITE_OK)
        return code;
    sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, VALUE_LONGEST);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    return sqlite3_busy_timeout(s->db, patience);
}

/* Connects, and reads what the file says that it is. */
static int
connect_and_look(store *s, int flags, int *application, int *version)
{
    int code = connect(s, flags);

    if (code == SQLITE_OK)
        code = number(s->db, "PRAGMA application_id", application);
    if (code == SQLITE_OK)
        code = number(s->db, "PRAGMA user_version", version);
    return code;
}

static void
disconnect(store *s)
{
    (void)sqlite3_close(s->db);
    s->db = NULL;
}

static bool
open_file(store *s, bool write)
{
    int flags = write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    int application = 0, version = 0;
    int code = connect_and_look(s, flags, &application, &version);

    if (code == SQLITE_READONLY_ROLLBACK) {
        /* a writer was killed in the middle, which must not lock everybody
         * out: SQLite undoes what it left when it may write */
        disconnect(s);
        code = connect_and_look(s, SQLITE_OPEN_READWRITE, &application,
                                &version);
        disconnect(s);
        if (code == SQLITE_OK)
            code = connect_and_look(s, flags, &application, &version);
    }
    if (code == SQLITE_OK && write)
        code = number(s->db, "PRAGMA secure_delete = ON", &(int){0});
    if (code != SQLITE_OK)
        return trouble(s->path, code);
    if (application == APPLICATION && version == VERSION)
        return true;
    io_say(PROGRAM, "%s is no database of this version of this program: name "
                    "another with --db, or make one with 'init'",
           s->path);
    return false;
}

store *
store_open(const char *path, bool write)
{
    store *s = NULL;

    if (!check_file(path))
        return NULL;
    s = calloc(1, sizeof *s);
    if (s == NULL) {
        (void)trouble(path, SQLITE_NOMEM);
        return NULL;
    }
    s->path = path;
    if (!open_file(s, write))
        store_free(&s);
    return s;
}

void
store_free(store **opened)
{
    if (*opened != NULL)
        disconnect(*opened);
    free(*opened);
    *opened = NULL;
}

/* --------------------------------------------------------------- reading */

/* A question from its row; rounds follow each other without a gap. */
static bool
take_question(sqlite3_stmt *row, questions *asked)
{
    question *now = &asked->of[asked->count];
    uint32_t before = asked->count > 0 ? now[-1].round : 0;

    now->round = (uint32_t)sqlite3_column_int(row, 0);
    now->echo = sqlite3_column_int(row, 1) != 0;
    if (!copy_text(row, 2, now->text, sizeof now->text) ||
        !text_is_plain(authplug_span_of(now->text)))
        return false;
    asked->count++;
    return now->round == before + 1 || (before > 0 && now->round == before);
}

bool
store_questions(store *from, questions *asked)
{
    sqlite3_stmt *statement = NULL;
    int code = prepare(from->db,
                       "SELECT round, echo, text FROM question ORDER BY place",
                       NULL, NULL, &statement);

    asked->count = 0;
    while (code == SQLITE_OK) {
        code = sqlite3_step(statement);
        if (code == SQLITE_ROW)
            code = asked->count < QUESTIONS_MOST &&
                           take_question(statement, asked)
                       ? SQLITE_OK
                       : SQLITE_CORRUPT;
    }
    sqlite3_finalize(statement);
    if (code == SQLITE_DONE && asked->count == 0)
        code = SQLITE_CORRUPT;
    return code == SQLITE_DONE || trouble(from->path, code);
}

bool
store_find(store *from, const char *name, bool *known, char hash[HASH_SIZE])
{
    sqlite3_stmt *statement = NULL;
    /* an overlong name is nobody's, and SQLite need not see it */
    const char *sought = strlen(name) <= NAME_LONGEST ? name : "";
    int code = prepare(from->db,
                       "SELECT hash, name <> '' FROM person"
                       " WHERE name = ?1 OR name = ''"
                       " ORDER BY name DESC LIMIT 1",
                       sought, NULL, &statement);

    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW && copy_text(statement, 0, hash, HASH_SIZE))
        *known = sqlite3_column_int(statement, 1) != 0;
    else if (code == SQLITE_ROW || code == SQLITE_DONE)
        code = SQLITE_CORRUPT;
    sqlite3_finalize(statement);
    return code == SQLITE_ROW || trouble(from->path, code);
}

bool
store_list(store *from, void (*each)(const char *name, const char *day))
{
    sqlite3_stmt *statement = NULL;
    char name[NAME_LONGEST + 1], day[16];
    int code = prepare(from->db,
                       "SELECT name, date(since, 'unixepoch') FROM person"
                       " WHERE name <> '' ORDER BY name",
                       NULL, NULL, &statement);

    while (code == SQLITE_OK) {
        code = sqlite3_step(statement);
        if (code == SQLITE_ROW)
            code = copy_text(statement, 0, name, sizeof name) &&
                           copy_text(statement, 1, day, sizeof day)
                       ? SQLITE_OK
                       : SQLITE_CORRUPT;
        if (code == SQLITE_OK)
            each(name, day);
    }
    sqlite3_finalize(statement);
    return code == SQLITE_DONE || trouble(from->path, code);
}

/* --------------------------------------------------------------- writing */

bool
store_put(store *to, const char *name, const char *hash)
{
    /* one statement is one transaction */
    int code = change(to->db,
                      "INSERT INTO person (name, hash, since)"
                      " VALUES (?1, ?2, unixepoch()) ON CONFLICT (name)"
                      " DO UPDATE SET hash = excluded.hash,"
                      " since = excluded.since",
                      name, hash);

    return code == SQLITE_OK || trouble(to->path, code);
}

bool
store_remove(store *from, const char *name, bool *known)
{
    int code = change(from->db,
                      "DELETE FROM person WHERE name = ?1 AND name <> ''",
                      name, NULL);

    if (code != SQLITE_OK)
        return trouble(from->path, code);
    *known = sqlite3_changes(from->db) > 0;
    return true;
}

/* ---------------------------------------------------------------- making */

static int
put_question(sqlite3 *db, const question *one)
{
    sqlite3_stmt *statement = NULL;
    int code = prepare(db,
                       "INSERT INTO question (text, round, echo)"
                       " VALUES (?1, ?2, ?3)",
                       one->text, NULL, &statement);

    if (code == SQLITE_OK)
        code = sqlite3_bind_int(statement, 2, (int)one->round);
    if (code == SQLITE_OK)
        code = sqlite3_bind_int(statement, 3, one->echo);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    sqlite3_finalize(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int
fill(sqlite3 *db, const questions *asked, const char *decoy)
{
    int code = sqlite3_exec(db, schema, NULL, NULL, NULL);

    for (uint32_t i = 0; i < asked->count && code == SQLITE_OK; i++)
        code = put_question(db, &asked->of[i]);
    if (code == SQLITE_OK)
        code = change(db,
                      "INSERT INTO person (name, hash, since)"
                      " VALUES ('', ?1, unixepoch())",
                      decoy, NULL);
    return code == SQLITE_OK ? change(db, "COMMIT", NULL, NULL) : code;
}

/* An empty file, ours alone, where there was none; and its directory. */
static bool
make_file(const char *path)
{
    char directory[PATH_MAX];
    int fd;

    if (!directory_of(path, directory))
        return false;
    (void)mkdir(directory, 0700);
    if (!check_directory(path))
        return false;
    fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC,
              0600);
    if (fd < 0 && errno == EEXIST)
        io_say(PROGRAM, "%s is there already: keep it, or remove it first",
               path);
    else if (fd < 0)
        io_say(PROGRAM, "%s cannot be made: %s: name another place with --db",
               path, strerror(errno));
    else
        close(fd);
    return fd >= 0;
}

bool
store_create(const char *path, const questions *asked)
{
    store s = {path, NULL};
    char decoy[HASH_SIZE];
    int code;

    if (hash_decoy(decoy) != AUTHPLUG_OK) {
        io_say(PROGRAM, "yescrypt hashes cannot be computed: see whether "
                        "libcrypt has them, and memory is left");
        return false;
    }
    if (!make_file(path))
        return false;
    code = connect(&s, SQLITE_OPEN_READWRITE);
    if (code == SQLITE_OK)
        code = fill(s.db, asked, decoy);
    disconnect(&s);
    if (code == SQLITE_OK)
        return true;
    (void)unlink(path);
    return trouble(path, code);
}
