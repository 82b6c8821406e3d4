/*
 * authplug-keyring get NAME - prints the secret that the keyring has under the
 * attribute authplug=NAME, as `secret-tool store --label=... authplug NAME`
 * stores it. A program of its own, so that nobody else needs libsecret.
 *
 * And answers that are kept for a while. Their name, a length in four bytes and
 * as many bytes, is read from standard input; the keyring, which shows
 * attributes to everybody whom it lets in, gets a hash of it.
 *
 *   find SECONDS   prints the answer if it is no older, and was not to be
 *   keep SECONDS   keeps the rest of the input for so long
 *   drop           that one
 *   forget         all of them; there is no name
 *
 * Exits with 0; 1 when there is none; 3 when it is locked; 4 when there is no
 * keyring to be reached. A line on standard error says which. Nobody is asked
 * to unlock anything.
 */
#define _GNU_SOURCE
#include <libsecret/secret.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FOUND = 0, NONE = 1, MISUSE = 2, LOCKED = 3, UNREACHABLE = 4 };

#define NAME_MOST 8192
#define ANSWER_MOST 4096
#define LIFE_SECONDS 15

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

/* of an answer; since and until are seconds of the clock on the wall */
static const SecretSchema answers = {
    "org.authplug.Answer",
    SECRET_SCHEMA_NONE,
    {{"answer", SECRET_SCHEMA_ATTRIBUTE_STRING},
     {"since", SECRET_SCHEMA_ATTRIBUTE_STRING},
     {"until", SECRET_SCHEMA_ATTRIBUTE_STRING},
     {NULL, 0}},
    0,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL};

/* What is asked for. */
typedef struct asked {
    gint64 seconds;
    gchar *hash;                  /* of the name */
    char answer[ANSWER_MOST + 1]; /* to be kept */
    size_t len;
} asked;

static int
complain(int code, const char *what)
{
    fprintf(stderr, "%s\n", what);
    return code;
}

static int
complain_of(GError *error)
{
    bool served =
        !g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN);

    fprintf(stderr, "the keyring cannot be reached: %s: %s\n", error->message,
            served ? "log in to a desktop session, or set "
                     "DBUS_SESSION_BUS_ADDRESS to the bus of one"
                   : "start what keeps it, such as gnome-keyring-daemon");
    g_error_free(error);
    return UNREACHABLE;
}

static int
complain_locked(void)
{
    return complain(LOCKED, "the keyring is locked: unlock it, then try again");
}

/* ------------------------------------------------------------ what there is */

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
    if (error != NULL)
        return complain_of(error);
    if (items == NULL) {
        fprintf(stderr,
                "the keyring has nothing under %s: 'secret-tool store "
                "--label=%s authplug %s' stores it\n",
                name, name, name);
        return NONE;
    }
    if (secret_item_get_locked(items->data))
        result = complain_locked();
    else
        result = print_secret(items->data);
    g_list_free_full(items, g_object_unref);
    return result;
}

/* ----------------------------------------------------------- kept answers */

static gint64
now(void)
{
    return g_get_real_time() / G_USEC_PER_SEC;
}

/* All answers, or those of a name; false after complaining, with *result. */
static bool
search(const gchar *hash, SecretSearchFlags flags, GList **items, int *result)
{
    GHashTable *attributes =
        hash != NULL ? secret_attributes_build(&answers, "answer", hash, NULL)
                     : secret_attributes_build(&answers, NULL);
    GError *error = NULL;

    *items = secret_service_search_sync(
        NULL, &answers, attributes, SECRET_SEARCH_ALL | flags, NULL, &error);
    g_hash_table_unref(attributes);
    if (error != NULL)
        *result = complain_of(error);
    return error == NULL;
}

static gint64
number_of(SecretItem *item, const char *name)
{
    GHashTable *attributes = secret_item_get_attributes(item);
    const char *text = g_hash_table_lookup(attributes, name);
    gint64 number = text != NULL ? g_ascii_strtoll(text, NULL, 10) : 0;

    g_hash_table_unref(attributes);
    return number;
}

/* Whether its time is over, also if the clock was set back since. */
static bool
is_old(SecretItem *item, gint64 seconds)
{
    gint64 since = number_of(item, "since"), until = number_of(item, "until");

    return now() < since || now() >= until ||
           (seconds > 0 && now() - since > seconds);
}

/* Deletes those of a name, or all; or only what is old. Where some are locked
 * it says so. NONE when there was nothing to delete. */
static int
delete_items(const gchar *hash, bool only_old)
{
    GList *items;
    int result = NONE;

    if (!search(hash, SECRET_SEARCH_NONE, &items, &result))
        return result;
    for (GList *at = items; at != NULL; at = at->next) {
        GError *error = NULL;

        if (only_old && !is_old(at->data, 0))
            continue;
        if (secret_item_get_locked(at->data)) {
            result = LOCKED;
        } else if (!secret_item_delete_sync(at->data, NULL, &error)) {
            result = complain_of(error);
        } else if (result == NONE) {
            result = FOUND;
        }
        if (result == UNREACHABLE)
            break;
    }
    g_list_free_full(items, g_object_unref);
    return result == LOCKED && !only_old ? complain_locked() : result;
}

static int
find(const asked *what)
{
    GList *items;
    int result = NONE;

    if (!search(what->hash, SECRET_SEARCH_LOAD_SECRETS, &items, &result))
        return result;
    for (GList *at = items; at != NULL && result != FOUND; at = at->next) {
        if (is_old(at->data, what->seconds))
            continue;
        result = secret_item_get_locked(at->data) ? complain_locked()
                                                  : print_secret(at->data);
    }
    g_list_free_full(items, g_object_unref);
    return result;
}

/* Whether there is a place that can be written to as it is. */
static int
look_at_default(void)
{
    GError *error = NULL;
    SecretCollection *place = NULL;
    SecretService *service =
        secret_service_get_sync(SECRET_SERVICE_NONE, NULL, &error);
    bool locked;

    if (service != NULL) {
        place = secret_collection_for_alias_sync(
            service, SECRET_COLLECTION_DEFAULT, SECRET_COLLECTION_NONE, NULL,
            &error);
        g_object_unref(service);
    }
    if (error != NULL)
        return complain_of(error);
    if (place == NULL)
        return complain(UNREACHABLE, "there is no default keyring: make one, "
                                     "as with seahorse");
    locked = secret_collection_get_locked(place);
    g_object_unref(place);
    return locked ? complain_locked() : FOUND;
}

static int
keep(const asked *what)
{
    gint64 since = now();
    gchar *from = g_strdup_printf("%" G_GINT64_FORMAT, since);
    gchar *to = g_strdup_printf("%" G_GINT64_FORMAT, since + what->seconds);
    GHashTable *attributes = secret_attributes_build(
        &answers, "answer", what->hash, "since", from, "until", to, NULL);
    SecretValue *value =
        secret_value_new(what->answer, (gssize)what->len, "text/plain");
    GError *error = NULL;
    int result = look_at_default();

    /* what is old, of other names too, and what this replaces */
    if (result == FOUND) {
        (void)delete_items(NULL, true);
        result = delete_items(what->hash, false);
    }
    if (result == FOUND || result == NONE)
        result = secret_service_store_sync(
                     NULL, &answers, attributes, SECRET_COLLECTION_DEFAULT,
                     "authplug: an answer, for a while", value, NULL, &error)
                     ? FOUND
                     : complain_of(error);
    secret_value_unref(value);
    g_hash_table_unref(attributes);
    g_free(from);
    g_free(to);
    return result;
}

/* ---------------------------------------------------------------- the words */

static bool
read_name(asked *what)
{
    unsigned char head[4], name[NAME_MOST];
    size_t len;

    if (fread(head, 1, sizeof head, stdin) != sizeof head)
        return false;
    len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 |
          head[3];
    if (len == 0 || len > sizeof name || fread(name, 1, len, stdin) != len)
        return false;
    what->hash = g_compute_checksum_for_data(G_CHECKSUM_SHA256, name, len);
    what->len = fread(what->answer, 1, sizeof what->answer, stdin);
    return what->len <= ANSWER_MOST;
}

static int
do_kept(const char *word, const char *seconds)
{
    static asked what;
    int result = MISUSE;

    /* nothing of the answer stays in a buffer that is not wiped */
    (void)setvbuf(stdin, NULL, _IONBF, 0);
    what.seconds = seconds != NULL ? g_ascii_strtoll(seconds, NULL, 10) : 0;
    if (!read_name(&what))
        result = complain(MISUSE, "no name, or too long an answer");
    else if (strcmp(word, "find") == 0 && what.seconds > 0)
        result = find(&what);
    else if (strcmp(word, "keep") == 0 && what.seconds > 0)
        result = keep(&what);
    else if (strcmp(word, "drop") == 0)
        result = delete_items(what.hash, false);
    explicit_bzero(what.answer, sizeof what.answer);
    g_free(what.hash);
    return result;
}

int
main(int argc, char **argv)
{
    static const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
    /* whoever started us may be gone, and the keyring may not answer */
    (void)alarm(LIFE_SECONDS);
    if (argc == 3 && strcmp(argv[1], "get") == 0)
        return get(argv[2]);
    if (argc == 2 && strcmp(argv[1], "forget") == 0)
        return delete_items(NULL, false);
    if (argc == 2 || argc == 3)
        return do_kept(argv[1], argc == 3 ? argv[2] : NULL);
    return complain(MISUSE, "usage: authplug-keyring get NAME");
}
