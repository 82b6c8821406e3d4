/* Running stock OpenSSH's programs for an answer. */
#include "client/program.h"

#include "io/io.h"
#include "sdk/user.h"

#define COMPLAINTS_MAX 16384

/* Kept until it is known whether the program failed: when it did not, its
 * remarks are about things that are not done here. */
static void
keep_line(void *context, authplug_span line)
{
    authplug_secret *lines = context;

    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    if (authplug_secret_append(lines, line.data, line.len) == AUTHPLUG_OK)
        (void)authplug_secret_append(lines, "\n", 1);
}

static authplug_status
collect(const char *const *argv, authplug_secret *out, int64_t deadline,
        int *code, bool tell)
{
    authplug_secret *complaints = authplug_secret_new(COMPLAINTS_MAX);
    io_program program = {
        .argv = argv, .on_line = keep_line, .context = complaints};
    io_exit how = {false, -1, 0, false};
    io_child *child;
    char buffer[8192];
    size_t len = 1;
    authplug_status status =
        complaints == NULL ? AUTHPLUG_NOMEM : io_child_start(&program, &child);

    if (status != AUTHPLUG_OK) {
        authplug_secret_free(&complaints);
        return status;
    }
    while (status == AUTHPLUG_OK && len > 0) {
        status = io_child_read(child, buffer, sizeof buffer, &len, deadline);
        if (status == AUTHPLUG_OK && len > 0)
            status = authplug_secret_append(out, buffer, len);
    }
    io_child_finish(&child, status == AUTHPLUG_OK ? 1000 : 0, &how);
    if (status == AUTHPLUG_OK)
        *code = how.code;
    if (how.code != 0 && tell)
        user_tell(argv[0], authplug_secret_span(complaints));
    authplug_secret_free(&complaints);
    return status;
}

authplug_status
program_output(const char *const *argv, authplug_secret *out, int64_t deadline,
               int *code)
{
    return collect(argv, out, deadline, code, true);
}

authplug_status
program_output_only(const char *const *argv, authplug_secret *out,
                    int64_t deadline, int *code)
{
    return collect(argv, out, deadline, code, false);
}
