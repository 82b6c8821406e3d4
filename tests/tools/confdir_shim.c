/*
 * confdir_shim.so - preloaded, it has a program find PAM's services in the
 * directory named by CONFDIR_SHIM at its start. libpam has a call for that, so
 * there are no copies and no directories of names that two processes could
 * take at once, as pam_wrapper has them.
 */
#include <security/pam_appl.h>
#include <stdio.h>
#include <stdlib.h>

/* programs clean their environment */
static char place[512];

__attribute__((constructor)) static void
begin(void)
{
    const char *name = getenv("CONFDIR_SHIM");

    (void)snprintf(place, sizeof place, "%s", name ? name : "");
}

int
pam_start(const char *service, const char *user, const struct pam_conv *talk,
          pam_handle_t **handle)
{
    return pam_start_confdir(service, user, talk, place, handle);
}
