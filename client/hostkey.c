/* Whether the server's host key is the right one, judged as OpenSSH does. */
#define _GNU_SOURCE
#include "client/client.h"

#include "sdk/user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES 16384
#define REVOKED_MAX (4u << 20)

typedef struct server_key {
    ssh_key key;
    char *blob;        /* base64 */
    char *fingerprint; /* "SHA256:..." */
    const char *type;  /* "ssh-ed25519" */
    const char *label; /* "ED25519" */
} server_key;

static const char *
label(enum ssh_keytypes_e type)
{
    switch ((int)type) {
    case SSH_KEYTYPE_RSA: return "RSA";
    case SSH_KEYTYPE_ED25519: return "ED25519";
    case SSH_KEYTYPE_ECDSA_P256:
    case SSH_KEYTYPE_ECDSA_P384:
    case SSH_KEYTYPE_ECDSA_P521: return "ECDSA";
    default: return "unusual";
    }
}

static void
key_free(server_key *server)
{
    ssh_key_free(server->key);
    ssh_string_free_char(server->blob);
    ssh_string_free_char(server->fingerprint);
}

static bool
key_get(server_key *server, ssh_session session, const ssh_config *config)
{
    bool md5 = config->fingerprinthash != NULL &&
               strcasecmp(config->fingerprinthash, "md5") == 0;
    unsigned char *hash = NULL;
    size_t len = 0;

    memset(server, 0, sizeof *server);
    if (ssh_get_server_publickey(session, &server->key) != SSH_OK ||
        ssh_pki_export_pubkey_base64(server->key, &server->blob) != SSH_OK ||
        ssh_get_publickey_hash(server->key,
                               md5 ? SSH_PUBLICKEY_HASH_MD5
                                   : SSH_PUBLICKEY_HASH_SHA256,
                               &hash, &len) != 0) {
        key_free(server);
        return false;
    }
    server->fingerprint = ssh_get_fingerprint_hash(
        md5 ? SSH_PUBLICKEY_HASH_MD5 : SSH_PUBLICKEY_HASH_SHA256, hash, len);
    ssh_clean_pubkey_hash(&hash);
    server->type = ssh_key_type_to_char(ssh_key_type(server->key));
    server->label = label(ssh_key_type(server->key));
    return server->fingerprint != NULL;
}

/* -------------------------------------------------------------- revocation */

/* Writes the key to a file for ssh-keygen to judge; its name, or NULL. */
static char *
key_to_file(const server_key *server)
{
    char *path = strdup("/tmp/authplug-key-XXXXXX");
    int fd = path == NULL ? -1 : mkostemp(path, O_CLOEXEC);
    bool good;

    if (fd < 0) {
        free(path);
        return NULL;
    }
    good = dprintf(fd, "%s %s\n", server->type, server->blob) > 0;
    close(fd);
    if (!good) {
        unlink(path);
        free(path);
        path = NULL;
    }
    return path;
}

/* A KRL says by ssh-keygen's exit status: 0 is "not revoked". */
static bool
in_krl(const char *file, const server_key *server, int64_t deadline)
{
    char *path = key_to_file(server);
    const char *argv[] = {"ssh-keygen", "-Q", "-f", file, path, NULL};
    authplug_secret *output = authplug_secret_new(LINE_MAX_BYTES);
    int code = -1;

    if (path != NULL && output != NULL)
        (void)program_output(argv, output, deadline, &code);
    if (path != NULL)
        unlink(path);
    free(path);
    authplug_secret_free(&output);
    return code != 0;
}

/* One line of a list of keys: "type blob [comment]". */
typedef enum revoked_line { LINE_OTHER, LINE_EQUAL, LINE_BAD } revoked_line;

static revoked_line
judge_line(char *line, const server_key *server)
{
    char *save = NULL, *type, *blob;
    ssh_key key = NULL;

    type = strtok_r(line, " \t\r\n", &save);
    if (type == NULL || type[0] == '#')
        return LINE_OTHER;
    blob = strtok_r(NULL, " \t\r\n", &save);
    if (blob == NULL)
        return LINE_BAD;
    if (strcmp(blob, server->blob) == 0)
        return LINE_EQUAL;
    if (ssh_pki_import_pubkey_base64(blob, ssh_key_type_from_name(type),
                                     &key) != SSH_OK)
        return LINE_BAD;
    ssh_key_free(key);
    return LINE_OTHER;
}

/*
 * RevokedHostKeys: a KRL, or public keys one per line. As in OpenSSH a file
 * that cannot be read, or holds something else, revokes everything.
 */
static bool
is_revoked_by_file(const char *file, const server_key *server,
                   int64_t deadline)
{
    int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    FILE *stream = fd < 0 ? NULL : fdopen(fd, "r");
    struct stat is;
    char *line = NULL;
    size_t size = 0, total = 0;
    ssize_t len;
    bool revoked = false, krl = false;

    if (stream == NULL || fstat(fd, &is) != 0 ||
        (!S_ISREG(is.st_mode) && strcmp(file, "/dev/null") != 0)) {
        if (stream != NULL)
            fclose(stream);
        else if (fd >= 0)
            close(fd);
        return true;
    }
    while (!revoked && !krl && (len = getline(&line, &size, stream)) >= 0) {
        krl = total == 0 && strncmp(line, "SSHKRL\n", 7) == 0;
        total += (size_t)len;
        revoked = !krl && (total > REVOKED_MAX ||
                           judge_line(line, server) != LINE_OTHER);
    }
    revoked = revoked || ferror(stream) != 0;
    free(line);
    fclose(stream);
    return krl ? in_krl(file, server, deadline) : revoked;
}

/* ------------------------------------------------------------- remembering */

/* Turns the only line of a file into its hashed form. */
static bool
hash_line(const char *path, char *line, size_t size, int64_t deadline)
{
    const char *argv[] = {"ssh-keygen", "-q", "-H", "-f", path, NULL};
    authplug_secret *output = authplug_secret_new(LINE_MAX_BYTES);
    char old[64];
    FILE *stream;
    int code = -1;
    bool good = false;

    if (output != NULL)
        (void)program_output(argv, output, deadline, &code);
    stream = code == 0 ? fopen(path, "re") : NULL;
    if (stream != NULL) {
        good = fgets(line, (int)size, stream) != NULL;
        fclose(stream);
    }
    if (snprintf(old, sizeof old, "%s.old", path) < (int)sizeof old)
        unlink(old);
    authplug_secret_free(&output);
    return good;
}

static void
make_hashed(char *line, size_t size, int64_t deadline)
{
    char path[] = "/tmp/authplug-hosts-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd < 0)
        return;
    if (dprintf(fd, "%s", line) > 0)
        (void)hash_line(path, line, size, deadline);
    close(fd);
    unlink(path);
}

/* Appends one line, on a line of its own. */
static bool
append_line(const char *file, const char *line)
{
    char *directory = strdup(file);
    char *slash = directory == NULL ? NULL : strrchr(directory, '/');
    char last = '\n';
    bool good;
    int fd;

    if (slash != NULL && slash != directory) {
        *slash = 0;
        (void)mkdir(directory, 0700);
    }
    free(directory);
    fd = open(file, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        return false;
    if (lseek(fd, -1, SEEK_END) >= 0)
        (void)!read(fd, &last, 1);
    good = dprintf(fd, "%s%s", last == '\n' ? "" : "\n", line) > 0;
    close(fd);
    return good;
}

static void
remember(const server_key *server, const ssh_config *config, const char *name,
         int64_t deadline)
{
    const char *file = config->user_known_hosts[0];
    char line[LINE_MAX_BYTES];

    if (file == NULL)
        return;
    if (snprintf(line, sizeof line, "%s %s %s\n", name, server->type,
                 server->blob) >= (int)sizeof line)
        return;
    if (config->hashknownhosts)
        make_hashed(line, sizeof line, deadline);
    if (append_line(file, line)) {
        if (!config->quiet)
            io_say(PROGRAM, "added '%s' (%s) to the list of known hosts", name,
                   server->label);
    } else {
        io_say(PROGRAM, "cannot add the host to %s: %s", file,
               strerror(errno));
    }
}

/* ---------------------------------------------------------------- verdicts */

typedef enum strictness {
    STRICT_OFF,
    STRICT_NEW,
    STRICT_ASK,
    STRICT_YES
} strictness;

static strictness
strict(const ssh_config *config)
{
    const char *word = config->stricthostkeychecking;

    if (word == NULL || strcmp(word, "ask") == 0)
        return STRICT_ASK;
    if (strcmp(word, "no") == 0 || strcmp(word, "off") == 0 ||
        strcmp(word, "false") == 0)
        return STRICT_OFF;
    if (strcmp(word, "accept-new") == 0)
        return STRICT_NEW;
    return STRICT_YES;
}

/* Asks as OpenSSH does: yes, no, or the fingerprint itself. */
static bool
user_accepts(const server_key *server, const char *name, bool others,
             int64_t deadline)
{
    authplug_secret *answer = authplug_secret_new(LINE_MAX_BYTES);
    char question[LINE_MAX_BYTES];
    const char *said = "";
    bool accepted = false;

    (void)snprintf(question, sizeof question,
                   "The authenticity of host '%s' can't be established%s.\n"
                   "%s key fingerprint is %s.\n"
                   "Are you sure you want to continue connecting "
                   "(yes/no/[fingerprint])? ",
                   name,
                   others ? ",\nand keys of other types are known for it" : "",
                   server->label, server->fingerprint);
    while (answer != NULL && !accepted) {
        if (user_ask_plain(question, true, answer, deadline) != AUTHPLUG_OK)
            break;
        said = authplug_secret_text(answer);
        if (said == NULL || strcasecmp(said, "no") == 0)
            break;
        accepted = strcasecmp(said, "yes") == 0 ||
                   strcmp(said, server->fingerprint) == 0;
        (void)snprintf(question, sizeof question,
                       "Please type 'yes', 'no' or the fingerprint: ");
    }
    authplug_secret_free(&answer);
    return accepted;
}

static hostkey_verdict
judge_new(const server_key *server, const ssh_config *config, const char *name,
          bool others, bool batch, int64_t deadline)
{
    strictness how = strict(config);

    if (how == STRICT_YES) {
        io_say(PROGRAM,
               "no %s host key is known for %s, and StrictHostKeyChecking is "
               "on: add the key (%s) to known_hosts after checking it",
               server->label, name, server->fingerprint);
        return HOSTKEY_REFUSED;
    }
    if (how == STRICT_ASK && (batch || !io_terminal())) {
        io_say(PROGRAM,
               "the host key of %s is unknown (%s %s) and nobody can be "
               "asked: log in once by hand, or add it to known_hosts",
               name, server->label, server->fingerprint);
        return HOSTKEY_REFUSED;
    }
    if (how == STRICT_ASK && !user_accepts(server, name, others, deadline)) {
        io_say(PROGRAM, "host key verification failed: the key of %s was not "
                        "accepted",
               name);
        return HOSTKEY_REFUSED;
    }
    remember(server, config, name, deadline);
    return HOSTKEY_ACCEPTED;
}

static hostkey_verdict
judge_changed(const server_key *server, const ssh_config *config,
              const char *name, const known_key *old)
{
    bool off = strict(config) == STRICT_OFF;

    io_say(PROGRAM,
           "the %s host key of %s has changed: somebody may be listening in, "
           "or the host has a new key",
           server->label, name);
    io_say(PROGRAM, "it is now %s, and differs from line %u of %s",
           server->fingerprint, old->line, old->file);
    io_say(PROGRAM, off ? "password and keyboard-interactive authentication "
                          "are off for this login"
                        : "check with the host's administrator; then remove "
                          "the old key with ssh-keygen -R '%s' -f '%s'",
           name, old->file);
    return off ? HOSTKEY_NO_PASSWORDS : HOSTKEY_REFUSED;
}

static bool
same(const known_key *known, const server_key *server)
{
    return strcmp(known->blob, server->blob) == 0;
}

/*
 * A host on another port may be known without it; then only an equal key
 * counts, or an authority. HOSTKEY_REFUSED: it is not known so either.
 */
static hostkey_verdict
judge_without_port(const server_key *server, const ssh_config *config,
                   int64_t deadline)
{
    known_keys known = {0};
    bool found = false, bad = false, authority = false;

    if (config->port == 22 || config->hostkeyalias != NULL)
        return HOSTKEY_REFUSED;
    if (known_load(&known, config, config->hostname, deadline))
        for (size_t i = 0; i < known.count; i++) {
            bool equal = same(&known.keys[i], server);

            authority = authority || known.keys[i].authority;
            found = found || (equal && !known.keys[i].authority);
            bad = bad || (equal && known.keys[i].revoked);
        }
    known_free(&known);
    if (found && !bad)
        return HOSTKEY_ACCEPTED;
    return authority && !bad ? HOSTKEY_STOCK : HOSTKEY_REFUSED;
}

static hostkey_verdict
judge(const server_key *server, const ssh_config *config,
      const known_keys *known, const char *name, bool batch, int64_t deadline)
{
    const known_key *changed = NULL;
    bool match = false, others = false, authority = false;
    hostkey_verdict bare;

    for (size_t i = 0; i < known->count; i++) {
        const known_key *key = &known->keys[i];

        if (key->revoked && same(key, server)) {
            io_say(PROGRAM, "the %s host key of %s is revoked (line %u of "
                            "%s): do not log in there",
                   server->label, name, key->line, key->file);
            return HOSTKEY_REFUSED;
        }
        authority = authority || key->authority;
        if (key->revoked || key->authority)
            continue;
        match = match || same(key, server);
        others = true;
        if (changed == NULL && strcmp(key->type, server->type) == 0)
            changed = key;
    }
    if (config->revokedhostkeys != NULL &&
        is_revoked_by_file(config->revokedhostkeys, server, deadline)) {
        io_say(PROGRAM, "the %s host key of %s is revoked by %s, or that file "
                        "cannot be read: do not log in there",
               server->label, name, config->revokedhostkeys);
        return HOSTKEY_REFUSED;
    }
    if (match || (config->no_host_authentication_for_localhost &&
                  connect_is_local() && config->hostkeyalias == NULL))
        return HOSTKEY_ACCEPTED;
    /* the server may have a certificate, which stock ssh can verify */
    if (authority)
        return HOSTKEY_STOCK;
    if (changed != NULL)
        return judge_changed(server, config, name, changed);
    bare = judge_without_port(server, config, deadline);
    if (bare == HOSTKEY_ACCEPTED || (bare == HOSTKEY_STOCK && !others))
        return bare;
    return judge_new(server, config, name, others, batch, deadline);
}

hostkey_verdict
hostkey_check(ssh_session session, const ssh_config *config,
              const known_keys *known, const char *name, bool batch,
              int64_t deadline)
{
    server_key server;
    hostkey_verdict verdict;

    if (!key_get(&server, session, config)) {
        io_say(PROGRAM, "the server's host key cannot be read");
        return HOSTKEY_REFUSED;
    }
    verdict = judge(&server, config, known, name, batch, deadline);
    key_free(&server);
    return verdict;
}
