/* Which limits make sense. */
#include "limits.h"

const authplug_limits *
limits_checked(const authplug_limits *limits)
{
    static const authplug_limits standard = AUTHPLUG_LIMITS_DEFAULT;

    if (limits == NULL)
        return &standard;
    if (limits->frame < 5 || limits->frame >= 1u << 24 ||
        limits->prompts == 0 || limits->string == 0 || limits->rounds == 0 ||
        limits->buffered <= limits->frame + 4)
        return NULL;
    return limits;
}
