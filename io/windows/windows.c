/*
 * Clock, streams and child processes on Windows. Anonymous pipes cannot be
 * waited on with a time-out: standard input is read by a thread, and a child's
 * output is looked at in short and growing intervals.
 */
#include "io/io.h"

#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#define LINE_MAX_BYTES 1024
#define ERRORS_MAX_BYTES 65536
#define KILL_WAIT 5000
#define LONGEST_NAP 8
#define LONG_WAIT 0x7fffffff
/* what one WriteFile() passes on; a pipe of this size takes it whole */
#define PIPE_BYTES 65536

int64_t
io_now(void)
{
    return (int64_t)GetTickCount64();
}

int64_t
io_deadline(int64_t ms)
{
    int64_t now = io_now();

    return ms > INT64_MAX - now ? INT64_MAX : now + ms;
}

/* Sleeps a little longer each time; false once the deadline has passed. */
static bool
nap(DWORD *ms, int64_t deadline)
{
    if (io_now() >= deadline)
        return false;
    Sleep(*ms);
    if (*ms < LONGEST_NAP)
        *ms = *ms == 0 ? 1 : *ms * 2;
    return true;
}

/* ---------------------------------------------------------------- streams */

/*
 * Standard input may be anything, also what cannot be looked into without
 * reading. A thread reads it, one piece at a time, and only when asked.
 */
static struct {
    HANDLE thread, asked, done; /* the latter two are events */
    HANDLE from;
    char bytes[4096];
    DWORD len;
    bool failed, asking;
} reader;

static DWORD WINAPI
read_when_asked(LPVOID unused)
{
    (void)unused;
    while (WaitForSingleObject(reader.asked, INFINITE) == WAIT_OBJECT_0) {
        reader.len = 0;
        reader.failed = !ReadFile(reader.from, reader.bytes,
                                  sizeof reader.bytes, &reader.len, NULL) &&
                        GetLastError() != ERROR_BROKEN_PIPE;
        SetEvent(reader.done);
    }
    return 0;
}

static bool
start_reader(HANDLE from)
{
    if (reader.thread != NULL)
        return reader.from == from;
    reader.from = from;
    reader.asked = CreateEventA(NULL, FALSE, FALSE, NULL);
    reader.done = CreateEventA(NULL, FALSE, FALSE, NULL);
    reader.thread = CreateThread(NULL, 0, read_when_asked, NULL, 0, NULL);
    return reader.asked != NULL && reader.done != NULL &&
           reader.thread != NULL;
}

authplug_status
io_read(io_stream from, void *buffer, size_t size, size_t *len,
        int64_t deadline)
{
    int64_t left = deadline - io_now();

    if (!start_reader(from) || size < sizeof reader.bytes)
        return AUTHPLUG_IO;
    if (!reader.asking)
        SetEvent(reader.asked);
    reader.asking = true;
    if (left < 0)
        left = 0;
    if (WaitForSingleObject(reader.done, left > LONG_WAIT ? LONG_WAIT
                                                          : (DWORD)left) !=
        WAIT_OBJECT_0)
        return AUTHPLUG_TIMEOUT;
    reader.asking = false;
    if (reader.failed)
        return AUTHPLUG_IO;
    memcpy(buffer, reader.bytes, reader.len);
    *len = reader.len;
    authplug_wipe(reader.bytes, reader.len);
    return AUTHPLUG_OK;
}

authplug_status
io_write(io_stream to, authplug_span bytes, int64_t deadline)
{
    DWORD done;

    (void)deadline; /* half-duplex: the reader waits for this very message */
    while (bytes.len > 0) {
        if (!WriteFile(to, bytes.data, (DWORD)bytes.len, &done, NULL))
            return GetLastError() == ERROR_NO_DATA ||
                           GetLastError() == ERROR_BROKEN_PIPE
                       ? AUTHPLUG_CLOSED
                       : AUTHPLUG_IO;
        bytes.data += done;
        bytes.len -= done;
    }
    return AUTHPLUG_OK;
}

void
io_close(io_stream stream)
{
    CloseHandle(stream);
}

bool
io_standard_is_terminal(void)
{
    DWORD mode;

    return GetConsoleMode(GetStdHandle(STD_INPUT_HANDLE), &mode) != 0;
}

/* A copy that no child inherits. */
static HANDLE
private_copy(DWORD which)
{
    HANDLE self = GetCurrentProcess(), copy = NULL;

    if (!DuplicateHandle(self, GetStdHandle(which), self, &copy, 0, FALSE,
                         DUPLICATE_SAME_ACCESS))
        return NULL;
    return copy;
}

authplug_status
io_take_standard(const char *log, io_stream *in, io_stream *out)
{
    HANDLE from = private_copy(STD_INPUT_HANDLE);
    HANDLE to = private_copy(STD_OUTPUT_HANDLE);
    bool keep = log != NULL && strcmp(log, "-") == 0;
    bool good = from != NULL && to != NULL &&
                freopen("NUL", "rb", stdin) != NULL &&
                freopen("NUL", "wb", stdout) != NULL &&
                (keep || freopen(log ? log : "NUL", "ab", stderr) != NULL);

    if (!good) {
        if (from != NULL)
            CloseHandle(from);
        if (to != NULL)
            CloseHandle(to);
        return AUTHPLUG_IO;
    }
    SetStdHandle(STD_INPUT_HANDLE, (HANDLE)_get_osfhandle(_fileno(stdin)));
    SetStdHandle(STD_OUTPUT_HANDLE, (HANDLE)_get_osfhandle(_fileno(stdout)));
    SetStdHandle(STD_ERROR_HANDLE, (HANDLE)_get_osfhandle(_fileno(stderr)));
    *in = from;
    *out = to;
    return AUTHPLUG_OK;
}

/* -------------------------------------------------------------- processes */

/* How much can be read now; false at the end. */
static bool
available(HANDLE from, DWORD *bytes)
{
    *bytes = 0;
    return PeekNamedPipe(from, NULL, 0, NULL, bytes, NULL) != 0;
}

struct io_child {
    HANDLE process, job;
    HANDLE to, from, errors; /* our ends of its pipes; NULL once closed */
    void (*on_line)(void *, authplug_span);
    void *context;
    char line[LINE_MAX_BYTES];
    size_t line_len;
    size_t errors_total;
};

static void
close_handle(HANDLE *handle)
{
    if (*handle != NULL)
        CloseHandle(*handle);
    *handle = NULL;
}

/* A pipe of which only the child's end is inherited. */
static bool
open_pipe(HANDLE *ours, HANDLE *theirs, bool child_reads)
{
    SECURITY_ATTRIBUTES inherit = {sizeof inherit, NULL, TRUE};
    HANDLE in, out;

    if (!CreatePipe(&in, &out, &inherit, PIPE_BYTES))
        return false;
    *ours = child_reads ? out : in;
    *theirs = child_reads ? in : out;
    return SetHandleInformation(*ours, HANDLE_FLAG_INHERIT, 0) != 0;
}

/*
 * Appends an argument the way the C runtime takes a command line apart: in
 * quotes, each quote and the backslashes before it escaped. False when full.
 */
static bool
quote(char *line, size_t size, size_t *len, const char *word)
{
    size_t backslashes = 0;

    if (*len + 2 * strlen(word) + 4 > size)
        return false;
    if (*len > 0)
        line[(*len)++] = ' ';
    line[(*len)++] = '"';
    for (;; word++) {
        if (*word == '\\') {
            backslashes++;
            continue;
        }
        for (size_t i = 0; i < backslashes; i++) {
            line[(*len)++] = '\\';
            if (*word == '"' || *word == 0)
                line[(*len)++] = '\\';
        }
        backslashes = 0;
        if (*word == 0)
            break;
        if (*word == '"')
            line[(*len)++] = '\\';
        line[(*len)++] = *word;
    }
    line[(*len)++] = '"';
    line[*len] = 0;
    return true;
}

/* The longest command line that CreateProcess takes. */
#define COMMAND_MAX 32767

static char *
command_line(const io_program *program)
{
    char *line = calloc(1, COMMAND_MAX);
    size_t len = 0;
    bool good = line != NULL;

    if (good && program->argv == NULL) {
        good = strlen(program->command) < COMMAND_MAX;
        if (good)
            memcpy(line, program->command, strlen(program->command) + 1);
    } else {
        for (size_t i = 0; good && program->argv[i] != NULL; i++)
            good = quote(line, COMMAND_MAX, &len, program->argv[i]);
    }
    if (!good) {
        free(line);
        line = NULL;
    }
    return line;
}

/* A job that ends with us, so that nothing of the child's outlives us. */
static HANDLE
open_job(void)
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION info;
    HANDLE job = CreateJobObjectA(NULL, NULL);

    memset(&info, 0, sizeof info);
    info.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    if (job != NULL)
        SetInformationJobObject(job, JobObjectExtendedLimitInformation, &info,
                                sizeof info);
    return job;
}

static authplug_status
create(io_child *child, char *line, HANDLE theirs[3])
{
    STARTUPINFOA start;
    PROCESS_INFORMATION made;

    memset(&start, 0, sizeof start);
    start.cb = sizeof start;
    start.dwFlags = STARTF_USESTDHANDLES;
    start.hStdInput = theirs[0];
    start.hStdOutput = theirs[1];
    start.hStdError = theirs[2];
    if (!CreateProcessA(NULL, line, NULL, NULL, TRUE, CREATE_SUSPENDED, NULL,
                        NULL, &start, &made))
        return AUTHPLUG_NOT_FOUND;
    child->job = open_job();
    if (child->job != NULL)
        AssignProcessToJobObject(child->job, made.hProcess);
    ResumeThread(made.hThread);
    CloseHandle(made.hThread);
    child->process = made.hProcess;
    return AUTHPLUG_OK;
}

authplug_status
io_child_start(const io_program *program, io_child **child)
{
    io_child *born = calloc(1, sizeof *born);
    char *line = command_line(program);
    HANDLE theirs[3] = {NULL, NULL, NULL};
    authplug_status status = AUTHPLUG_IO;

    if (born != NULL && line != NULL &&
        open_pipe(&born->to, &theirs[0], true) &&
        open_pipe(&born->from, &theirs[1], false) &&
        open_pipe(&born->errors, &theirs[2], false))
        status = create(born, line, theirs);
    for (int i = 0; i < 3; i++)
        close_handle(&theirs[i]);
    free(line);
    if (born == NULL)
        return AUTHPLUG_NOMEM;
    born->on_line = program->on_line;
    born->context = program->context;
    if (status == AUTHPLUG_OK) {
        *child = born;
        return AUTHPLUG_OK;
    }
    close_handle(&born->to);
    close_handle(&born->from);
    close_handle(&born->errors);
    free(born);
    return status;
}

static void
emit_line(io_child *child)
{
    size_t len = child->line_len;

    if (len > 0 && child->line[len - 1] == '\r')
        len--;
    if (child->on_line != NULL && child->errors_total <= ERRORS_MAX_BYTES)
        child->on_line(child->context, authplug_span_make(child->line, len));
    child->line_len = 0;
}

/* Takes what is there now. */
static void
read_errors(io_child *child)
{
    char buffer[4096];
    DWORD there, got = 0;

    while (child->errors != NULL) {
        if (!available(child->errors, &there)) {
            close_handle(&child->errors);
            break;
        }
        if (there == 0 ||
            !ReadFile(child->errors, buffer, sizeof buffer, &got, NULL))
            break;
        for (DWORD i = 0; i < got; i++) {
            child->errors_total++;
            if (buffer[i] != '\n')
                child->line[child->line_len++] = buffer[i];
            if (buffer[i] == '\n' || child->line_len == sizeof child->line)
                emit_line(child);
        }
    }
}

static bool
has_ended(const io_child *child)
{
    return WaitForSingleObject(child->process, 0) == WAIT_OBJECT_0;
}

authplug_status
io_child_read(io_child *child, void *buffer, size_t size, size_t *len,
              int64_t deadline)
{
    DWORD there = 0, ms = 0;

    for (;;) {
        bool ended = has_ended(child);

        read_errors(child);
        if (!available(child->from, &there) || (there == 0 && ended)) {
            *len = 0;
            return AUTHPLUG_OK;
        }
        if (there > 0) {
            DWORD got = 0;

            if (!ReadFile(child->from, buffer, (DWORD)size, &got, NULL))
                return AUTHPLUG_IO;
            *len = got;
            return AUTHPLUG_OK;
        }
        if (!nap(&ms, deadline))
            return AUTHPLUG_TIMEOUT;
    }
}

authplug_status
io_child_write(io_child *child, authplug_span bytes, int64_t deadline)
{
    DWORD mode = PIPE_NOWAIT, done, ms = 0;

    if (bytes.len == 0)
        return AUTHPLUG_OK;
    if (child->to == NULL || has_ended(child))
        return AUTHPLUG_CLOSED;
    SetNamedPipeHandleState(child->to, &mode, NULL, NULL);
    while (bytes.len > 0) {
        DWORD part = bytes.len < 4096 ? (DWORD)bytes.len : 4096;

        if (!WriteFile(child->to, bytes.data, part, &done, NULL))
            return AUTHPLUG_CLOSED;
        bytes.data += done;
        bytes.len -= done;
        read_errors(child);
        if (done == 0 && !nap(&ms, deadline))
            return AUTHPLUG_TIMEOUT;
    }
    return AUTHPLUG_OK;
}

bool
io_child_listens(const io_child *child)
{
    return child->to != NULL && !has_ended(child);
}

bool
io_child_ended(io_child *child, int64_t deadline, io_exit *how)
{
    DWORD code = 0, ms = 0;
    char rest[4096];
    DWORD there, got;

    while (!has_ended(child)) {
        read_errors(child);
        if (available(child->from, &there) && there > 0)
            ReadFile(child->from, rest, sizeof rest, &got, NULL);
        if (!nap(&ms, deadline))
            return false;
    }
    read_errors(child);
    if (how != NULL) {
        how->known = GetExitCodeProcess(child->process, &code) != 0;
        how->code = (int)code;
        how->signal = 0;
        how->killed = false;
    }
    return true;
}

void
io_child_finish(io_child **child, int64_t grace, io_exit *how)
{
    io_child *c = *child;
    io_exit result = {false, -1, 0, false};

    if (c == NULL)
        return;
    close_handle(&c->to);
    if (!io_child_ended(c, io_deadline(grace), &result)) {
        TerminateProcess(c->process, 1);
        (void)io_child_ended(c, io_deadline(KILL_WAIT), &result);
        result.killed = true;
    }
    if (c->job != NULL)
        TerminateJobObject(c->job, 1);
    if (c->line_len > 0)
        emit_line(c);
    close_handle(&c->from);
    close_handle(&c->errors);
    close_handle(&c->job);
    close_handle(&c->process);
    authplug_wipe(c->line, sizeof c->line);
    free(c);
    *child = NULL;
    if (how != NULL)
        *how = result;
}
