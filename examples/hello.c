/*
 * hello ANSWER... - the smallest useful PuTTY authentication plugin: gives
 * its nth argument to the nth prompt of each request.
 *
 * An example, not a place for passwords: arguments can be read by others.
 */
#include <authplug/plugin.h>

struct given {
    int count;
    char **answers;
};

static bool
answer(authplug_session *session, const authplug_ki_request *request,
       void *context)
{
    const struct given *given = context;

    for (uint32_t i = 0; i < request->count; i++) {
        if (i >= (uint32_t)given->count)
            return authplug_session_refuse(
                session, "hello: the server asks more than I was told");
        if (!authplug_session_answer_text(session, given->answers[i]))
            return false;
    }
    return true;
}

int
main(int argc, char **argv)
{
    struct given given = {argc - 1, argv + 1};
    authplug_plugin hello = {.name = "hello", .answer = answer};

    return authplug_plugin_run(&hello, &given);
}
