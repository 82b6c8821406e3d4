/*
 * authplug-keyring get NAME - prints the secret that the keyring has under the
 * attribute authplug=NAME, as `secret-tool store --label=... authplug NAME`
 * stores it. A program of its own, so that nobody else needs libsecret.
 *
 * Exits with 0; 1 when there is none; 3 when it is locked; 4 when there is no
 * keyring to be reached. A line on standard error says which.
 */
#include <libsecret/secret.h>

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum { FOUND = 0, NONE = 1, MISUSE = 2, LOCKED = 3, UNREACHABLE = 4 };

static const SecretSchema schema = {
    "org.authplug.Secret",
    SECRET_SCHEMA_DONT_MATCH_NAME,
    {{"authplug", SECRET_SCHEMA_ATTRIBUTE_STRING}, {NULL, 0}},
    0,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL};

static int
complain(int code, const char *what)
{
    fprintf(stderr, "%s\n", what);
    return code;
}

static int
print_secret(SecretItem *item)
{
    SecretValue *value = secret_item_get_secret(item);
    const gchar *text;
    gsize len;

    if (value == NULL)
        return complain(NONE, "the keyring's entry holds no secret");
    text = secret_value_get(value, &len);
    fwrite(text, 1, len, stdout);
    secret_value_unref(value);
    return fflush(stdout) == 0 ? FOUND : UNREACHABLE;
}

static int
get(const char *name)
{
    GHashTable *attributes =
        secret_attributes_build(&schema, "authplug", name, NULL);
    GError *error = NULL;
    GList *items = secret_service_search_sync(
        NULL, &schema, attributes, SECRET_SEARCH_LOAD_SECRETS, NULL, &error);
    int result;

    g_hash_table_unref(attributes);
    if (error != NULL) {
        fprintf(stderr, "the keyring cannot be reached: %s\n", error->message);
        g_error_free(error);
        return UNREACHABLE;
    }
    if (items == NULL) {
        fprintf(stderr,
                "the keyring has nothing under %s: 'secret-tool store "
                "--label=%s authplug %s' stores it\n",
                name, name, name);
        return NONE;
    }
    if (secret_item_get_locked(items->data))
        result = complain(LOCKED, "the keyring is locked: unlock it, then try "
                                  "again");
    else
        result = print_secret(items->data);
    g_list_free_full(items, g_object_unref);
    return result;
}

int
main(int argc, char **argv)
{
    static const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
    if (argc != 3 || strcmp(argv[1], "get") != 0)
        return complain(MISUSE, "usage: authplug-keyring get NAME");
    return get(argv[2]);
}
