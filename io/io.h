/*
 * io/io.h - everything the house asks of the system: clock, streams, child
 * processes, the terminal. Internal; not installed.
 *
 * Every wait takes a deadline, a point on io_now()'s clock. Every wait also
 * ends with AUTHPLUG_CANCELLED when a signal came that io_signals_begin()
 * watches for.
 */
#ifndef IO_IO_H
#define IO_IO_H

#include <authplug/secret.h>

#if defined(__MINGW32__)
#define IO_PRINTF(f, a) __attribute__((format(gnu_printf, f, a)))
#elif defined(__GNUC__)
#define IO_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define IO_PRINTF(f, a)
#endif

/* Milliseconds of a clock that only goes forward. */
int64_t io_now(void);

/* io_now() + ms, without overflow. */
int64_t io_deadline(int64_t ms);

/* ------------------------------------------------------------- streams */

#ifdef _WIN32
typedef void *io_stream; /* a HANDLE */
#else
typedef int io_stream;
#endif

/*
 * Takes over standard input and output for the protocol: gives streams that
 * no child inherits, and puts harmless ones in their place, so that neither a
 * stray printf nor a command run by the plugin can touch the conversation.
 * Standard error becomes `log` (created 0600, appended to), stays as it is
 * for "-", or is silenced for NULL. SIGPIPE no longer ends the process. IO
 * when the log cannot be opened.
 */
authplug_status io_take_standard(const char *log, io_stream *in,
                                 io_stream *out);

/*
 * For the start of a program: standard descriptors that are closed are opened
 * to nothing, so that no socket of ours takes their place, and others that were
 * inherited are closed. Children can be waited for.
 */
void io_sanitise(void);

/* POSIX only. Whether what was printed to standard output has got there, as far
 * as can be known: it is written out. False, with errno, also where
 * io_sanitise() found it closed. */
bool io_printed(void);

/* POSIX only. For a program that holds secrets: it writes no core file, and no
 * other process of its user can look inside. */
void io_keep_secrets(void);

/* Whether standard input is a terminal, so nobody speaks a protocol there. */
bool io_standard_is_terminal(void);

/* Some bytes, or OK and *len 0 at the end; size is at least 4096. TIMEOUT, IO,
 * CANCELLED. */
authplug_status io_read(io_stream from, void *buffer, size_t size, size_t *len,
                        int64_t deadline);

/* All bytes, to the stream of io_take_standard(). CLOSED when nobody reads any
 * more; TIMEOUT, IO, CANCELLED. */
authplug_status io_write(io_stream to, authplug_span bytes, int64_t deadline);

void io_close(io_stream stream);

/* Waits until the stream can be read or written. TIMEOUT, IO, CANCELLED. */
authplug_status io_wait(io_stream stream, bool to_read, bool to_write,
                        int64_t deadline);

/* ------------------------------------------------------------ processes */

/* A program with pipes on its standard input, output and error, leading a
 * process group (a job on Windows) of its own. */
typedef struct io_child io_child;

/* Whom a program runs as. */
typedef struct io_identity {
    uint32_t uid, gid;
    const uint32_t *groups; /* all supplementary ones */
    size_t group_count;
} io_identity;

typedef struct io_program {
    const char *const *argv; /* NULL-terminated; argv[0] is looked for in
                                the PATH of its environment */
    const char *command;     /* or (argv NULL) a line for /bin/sh -c; on
                                Windows, for CreateProcess */
    const char *const *environment; /* NULL-terminated; NULL for our own */
    /* POSIX only: another identity (needs guarded), NULL for our own */
    const io_identity *as;
    /* POSIX only: in a session of its own, in the root directory, below a
     * process of ours that the surrounding program neither sees nor can reap,
     * and that ends the whole group when we are gone, or when we have not
     * done so a second after `lifetime` milliseconds (0: no limit). Whatever
     * the program does with SIGCHLD does not matter. The start, too, waits no
     * longer than `lifetime`. */
    bool guarded;
    int64_t lifetime;
    /* POSIX only: in a session of its own, which has no terminal */
    bool apart;
    /* one line of its standard error, without newline, as it came; may be
     * NULL. Long lines come in pieces; past 64 KiB the rest is dropped. */
    void (*on_line)(void *context, authplug_span line);
    void *context;
} io_program;

/* How a program ended. */
typedef struct io_exit {
    bool known; /* false when it could not be learned */
    int code;   /* exit code, or -1 */
    int signal; /* signal that killed it, or 0 */
    bool killed; /* by us, at the deadline */
} io_exit;

/* NOT_FOUND and IO, with errno; NOMEM; of a guarded start also TIMEOUT and
 * CANCELLED. */
authplug_status io_child_start(const io_program *program, io_child **child);

/* As io_read() and io_write() on its pipes; its standard error is read
 * meanwhile. A program that has ended is at its end of output even if
 * somebody else holds the pipe. */
authplug_status io_child_read(io_child *child, void *buffer, size_t size,
                              size_t *len, int64_t deadline);
authplug_status io_child_write(io_child *child, authplug_span bytes,
                               int64_t deadline);

/* POSIX only. Until io_child_ended() is asked, its output ends where nobody
 * holds the pipe any more, whether or not the program has ended. */
void io_child_hear_out(io_child *child);

/* Closes its standard input. */
void io_child_close_input(io_child *child);

/* Whether anybody still reads what is written to it. */
bool io_child_listens(const io_child *child);

/* Whether it has ended by itself; if so, how. */
bool io_child_ended(io_child *child, int64_t deadline, io_exit *how);

/*
 * Closes its standard input, gives it grace milliseconds to end, then ends
 * the whole group: TERM, half a second, KILL. Nothing of the group is left,
 * the child is reaped, *child is NULL. how may be NULL.
 */
void io_child_finish(io_child **child, int64_t grace, io_exit *how);

/* ----------------------------------------------------- pseudo-terminals */

/*
 * POSIX only. A program in a terminal of its own, the controlling one of a
 * session of its own. The terminal does not echo from the start, and gives the
 * program every byte as it is, line by line: no byte of an answer is taken for
 * an interrupt, or erases another.
 */
typedef struct io_pty io_pty;

/* What a line may have, its newline included: terminals drop what is beyond. */
#define IO_PTY_LINE 4095

/* argv and environment as for io_program. NOT_FOUND and IO, with errno;
 * NOMEM. */
authplug_status io_pty_start(const char *const *argv,
                             const char *const *environment, io_pty **pty);

/* Some of what it writes; size is at least 4096. OK and *len 0 once the program
 * has ended, or nobody holds the terminal, and all was read. TIMEOUT,
 * CANCELLED, IO. */
authplug_status io_pty_read(io_pty *pty, void *buffer, size_t size,
                            size_t *len, int64_t deadline);

/*
 * Waits until the program does: OK when it is seen to read its terminal, or has
 * written nothing for `quiet` milliseconds; NEED_MORE when there is something
 * to be read; CANCELLED, IO.
 */
authplug_status io_pty_pause(io_pty *pty, int64_t quiet);

/* Types it. TIMEOUT when the program does not read; CANCELLED, IO. */
authplug_status io_pty_write(io_pty *pty, authplug_span bytes,
                             int64_t deadline);

/* Gives the program grace milliseconds to end, whatever it still writes, then
 * takes its terminal away, and ends its group: TERM, half a second, KILL. One
 * that we may not kill is not waited for. *pty is NULL; how may be NULL. */
void io_pty_finish(io_pty **pty, int64_t grace, io_exit *how);

/* --------------------------------------------------------------- trust */

/*
 * POSIX only. Whether nobody but root can change what is at an absolute path:
 * the file or directory, all that is above it, and above what the symbolic
 * links on the way point at, belong to root and cannot be written by others.
 * Where we are not root, what belongs to us is trusted as well. A sticky
 * directory that others can write is one that others can write.
 *
 * OK; REFUSED; NOT_FOUND when it is not there, and everything that is, is
 * trusted; IO. why then says it in one clause, with what helps.
 */
authplug_status io_trusted(const char *path, char *why, size_t size);

/* The PATH of plugins that are given none of their own. */
#define IO_PLUGIN_PATH                                                         \
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/*
 * The same for all that a guarded command runs, given as its words: the
 * program; the interpreter that its first line names; what env, there or in
 * the command, finds in IO_PLUGIN_PATH; and where the program is known to run
 * what it is given, all its words that are there as files, but for options and
 * /dev/null.
 */
authplug_status io_trusted_program(const char *const *words, char *why,
                                   size_t size);

/* POSIX only. HOME, or, where that names no absolute path, the home directory
 * that the accounts have for us, until the next call; NULL without one. */
const char *io_home(void);

/*
 * POSIX only. The directory of our sockets, which is made where it is not there
 * yet: authplug in XDG_RUNTIME_DIR, or else .authplug at home. It belongs to us
 * and nobody else may write to it. False after writing why, and what helps.
 */
bool io_private_directory(char *path, size_t size, char *why, size_t whysize);

/* ------------------------------------------------------ signals, terminal */

/*
 * From _begin to the matching _end, HUP, INT, QUIT and TERM interrupt waits
 * instead of killing us, so that children are ended and the terminal is put
 * right first; the last _end lets the signal act. A fourth signal acts at once.
 * They nest.
 */
void io_signals_begin(void);
void io_signals_end(void);
/* The signal that came, or 0. */
int io_signals_caught(void);
/* Readable once a signal came; -1 outside _begin and _end. */
int io_signals_fd(void);

/* Whether there is a terminal to ask at. */
bool io_terminal(void);

/* Its width in columns; 80 when unknown. */
unsigned io_terminal_width(void);

/* AUTHPLUG_TEXT_UTF8 if the locale's charset is UTF-8, else 0. */
unsigned io_text_flags(void);

/* Writes text, as it is, to the terminal, else to standard error. */
void io_tell(authplug_span text);

/* Writes text, as it is, to standard error. */
void io_note(authplug_span text);

/*
 * "program: message" as one line on standard error, in one write. Whatever
 * the message took from elsewhere is made harmless.
 */
IO_PRINTF(2, 3)
void io_say(const char *program, const char *format, ...);

/*
 * POSIX only. What a message quotes of a command line or a file, if it is long
 * the beginning and "...": of a line nobody reads more. To be used as
 * IO_SHORT(text), which lives as long as its block.
 */
#define IO_SHORT_COLUMNS 60
#define IO_SHORT_SIZE (4 * IO_SHORT_COLUMNS + 4)
#define IO_SHORT(text) io_shorten((char[IO_SHORT_SIZE]){0}, text)
const char *io_shorten(char out[IO_SHORT_SIZE], const char *text);

/*
 * POSIX only. Writes a reason into why, as much of it as fits. Always false,
 * which the caller may return with it.
 */
IO_PRINTF(3, 4)
bool io_explain(char *why, size_t size, const char *format, ...);

/*
 * Shows prompt as it is and reads one line into answer, without its newline
 * and without echo unless echo is set. The terminal is as before afterwards,
 * whatever happens: deadline, signal, stop and continue. NO_TERMINAL,
 * CANCELLED (end of file, signal), TIMEOUT, LENGTH (longer than the terminal
 * can pass whole), LIMIT, NOMEM, IO.
 */
authplug_status io_ask(authplug_span prompt, bool echo,
                       authplug_secret *answer, int64_t deadline);

#endif
