/* Host keys: those of files, else one that lasts as long as this run. */
#define _GNU_SOURCE
#include "server/serve.h"

#include "io/io.h"

#include <stdio.h>
#include <stdlib.h>

#define KEY_FILE_MAX 65536
#define WHY_MAX 8192

static ssh_key
read_key(const char *path)
{
    authplug_secret *why = authplug_secret_new(WHY_MAX), *text = NULL;
    ssh_key key = NULL;

    if (why == NULL || file_read(path, CONF_NOT_READABLE, KEY_FILE_MAX, &text,
                                 why) != AUTHPLUG_OK)
        io_say(SERVE_PROGRAM, "%s",
               why == NULL ? "memory ran out" : authplug_secret_text(why));
    else if (authplug_secret_text(text) == NULL ||
             ssh_pki_import_privkey_base64(authplug_secret_text(text), "",
                                           NULL, NULL, &key) != SSH_OK)
        io_say(SERVE_PROGRAM,
               "%s: not a private key without a passphrase: make one with "
               "ssh-keygen -t ed25519 -N '' -f FILE", path);
    authplug_secret_free(&text);
    authplug_secret_free(&why);
    return key;
}

static ssh_key
make_key(void)
{
    ssh_key key = NULL;

    if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) != SSH_OK)
        io_say(SERVE_PROGRAM, "no host key could be made: memory ran out");
    return key;
}

bool
serve_keys_load(serve_keys *keys, const serve_config *config)
{
    const serve_texts *files = &config->host_keys;
    size_t count = files->count > 0 ? files->count : 1;

    *keys = (serve_keys){.count = 0};
    for (size_t i = 0; i < count; i++) {
        ssh_key key = files->count > 0 ? read_key(files->of[i]) : make_key();

        if (key == NULL) {
            serve_keys_free(keys);
            return false;
        }
        keys->of[keys->count++] = key;
    }
    return true;
}

static bool
print_fingerprint(ssh_key key)
{
    unsigned char *hash = NULL;
    size_t len = 0;
    char *text = NULL;
    bool good;

    if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len) ==
        SSH_OK)
        text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, len);
    good = text != NULL &&
           printf("host key %s %s\n", ssh_key_type_to_char(ssh_key_type(key)),
                  text) > 0;
    ssh_string_free_char(text);
    ssh_clean_pubkey_hash(&hash);
    return good;
}

bool
serve_keys_print(const serve_keys *keys)
{
    bool good = true;

    for (size_t i = 0; i < keys->count; i++)
        good = good && print_fingerprint(keys->of[i]);
    if (fflush(stdout) == 0 && good)
        return true;
    io_say(SERVE_PROGRAM, "the host key's fingerprint cannot be printed: see "
                          "to standard output");
    return false;
}

void
serve_keys_free(serve_keys *keys)
{
    while (keys->count > 0)
        ssh_key_free(keys->of[--keys->count]);
}
