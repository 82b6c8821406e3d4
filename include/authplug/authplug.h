/* authplug/authplug.h - all of the library. */
#ifndef AUTHPLUG_AUTHPLUG_H
#define AUTHPLUG_AUTHPLUG_H

#include <authplug/base.h>
#include <authplug/ki.h>
#include <authplug/plugin.h>
#include <authplug/putty.h>
#include <authplug/putty_host.h>
#include <authplug/secret.h>
#include <authplug/tectia.h>
#include <authplug/tectia_host.h>
#include <authplug/tectia_run.h>
#include <authplug/text.h>
#include <authplug/wire.h>

#endif
