/*
 * Runs a fuzz target over the files of folders, without a fuzzer: the seeds, and the cases that
 * were found, stay tests.
 */
#include <dirent.h>
#include <string.h>

#include "fuzz.h"

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rbe");
    if (!file) {
        perror(path);
        exit(1);
    }
    static uint8_t data[1 << 20];
    size_t length = fread(data, 1, sizeof data, file);
    fclose(file);
    uint8_t *copy = malloc(length + 1); /* of its own size, so that a step beyond its end is seen */
    if (!copy)
        exit(1);
    memcpy(copy, data, length);
    LLVMFuzzerTestOneInput(copy, length);
    free(copy);
}

static unsigned replay_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    unsigned count = 0;
    if (!dir) {
        perror(folder);
        exit(1);
    }
    for (const struct dirent *entry; (entry = readdir(dir));) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        replay_file(path);
        count++;
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    for (int i = 1; i < argc; i++)
        count += replay_folder(argv[i]);
    printf("%u cases\n", count);
    return count == 0;
}
