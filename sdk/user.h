/*
 * sdk/user.h - words of others for the user, and the user's answers. What is
 * shown is marked line by line with its source ("server| ", "plugin| ") and
 * made harmless, so that nobody can pose as the program itself. Internal.
 */
#ifndef SDK_USER_H
#define SDK_USER_H

#include <authplug/ki.h>

/* Shows text, if there is any, marked with source. */
void user_tell(const char *source, authplug_span text);

/*
 * Shows the request and asks its prompts one after another; adds an answer
 * for each to the reply. The statuses of io_ask() and of the reply.
 */
authplug_status user_ask(const char *source,
                         const authplug_ki_request *request,
                         authplug_ki_reply *reply, int64_t deadline);

/* Asks one thing in the program's own name, unmarked. */
authplug_status user_ask_plain(const char *prompt, bool echo,
                               authplug_secret *answer, int64_t deadline);

#endif
