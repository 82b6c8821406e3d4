/* Which ciphers are offered first. */
#include "client/client.h"

#include <string.h>

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

/* What OpenSSH offers where nobody chose, before and since its 10.0. */
static const char *const standard[] = {
    "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,"
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,"
    "aes256-gcm@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr",
};

static const char fast[] =
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com,"
    "chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr";

/* Whether the processor does AES-GCM by itself. */
static bool
has_aes(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
    return (getauxval(AT_HWCAP) & (1u << 3 | 1u << 4)) == (1u << 3 | 1u << 4);
#else
    return false;
#endif
}

const char *
ciphers_order(const char *configured)
{
    if (configured == NULL || !has_aes())
        return configured;
    for (size_t i = 0; i < sizeof standard / sizeof *standard; i++)
        if (strcmp(configured, standard[i]) == 0)
            return fast;
    return configured;
}
