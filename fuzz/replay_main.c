/*
 * Runs a fuzz target over files: every file named on the command line, and
 * every file in every directory named there. For compilers without libFuzzer,
 * and for corpora that replay as tests.
 */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* More than any input that is worth keeping. */
#define INPUT_MOST ((size_t)1 << 20)

static size_t replayed;

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data, *input;
    size_t len;

    if (!file) {
        perror(path);
        return 1;
    }
    data = malloc(INPUT_MOST);
    len = data ? fread(data, 1, INPUT_MOST, file) : 0;
    if (!data || ferror(file) || !feof(file)) {
        fprintf(stderr, "%s: cannot be read as a whole\n", path);
        fclose(file);
        free(data);
        return 1;
    }
    fclose(file);
    /* exactly as long as the input, so that reading beyond it is noticed */
    input = realloc(data, len ? len : 1);
    LLVMFuzzerTestOneInput(input ? input : data, len);
    free(input ? input : data);
    replayed++;
    return 0;
}

static int replay(const char *path);

static int replay_entry(const char *folder, const char *name)
{
    char path[4096];
    int len = snprintf(path, sizeof path, "%s/%s", folder, name);

    if (len < 0 || (size_t)len >= sizeof path) {
        fprintf(stderr, "%s: the path is too long\n", name);
        return 1;
    }
    return replay(path);
}

static int replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    int failed = 0;

    if (!folder) {
        perror(path);
        return 1;
    }
    while ((entry = readdir(folder)) != NULL)
        if (entry->d_name[0] != '.')
            failed |= replay_entry(path, entry->d_name);
    closedir(folder);
    return failed;
}

static int replay(const char *path)
{
    struct stat found;

    if (stat(path, &found) != 0) {
        perror(path);
        return 1;
    }
    return S_ISDIR(found.st_mode) ? replay_folder(path) : replay_file(path);
}

int main(int argc, char **argv)
{
    int failed = 0;

    for (int i = 1; i < argc; i++)
        failed |= replay(argv[i]);
    printf("%zu inputs replayed\n", replayed);
    return failed || replayed == 0;
}
