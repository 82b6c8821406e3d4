/* The limits an engine works with. */
#ifndef LIB_LIMITS_H
#define LIB_LIMITS_H

#include <authplug/base.h>

/* The given limits, or the default for NULL; NULL where they make no sense. */
const authplug_limits *limits_checked(const authplug_limits *limits);

#endif
