/* Paths of a config. Any thread; no state. */
#include "config_path.h"

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "bytes.h"

char *config_path_absolute(const char *folder, const char *path)
{
    return folder && *path != '/' ? text_printf("%s/%s", folder, path) : strdup(path);
}

static bool is_here(const char *folder)
{
    struct stat here, there;
    return stat(".", &here) == 0 && stat(folder, &there) == 0 && here.st_dev == there.st_dev &&
           here.st_ino == there.st_ino;
}

char *config_path(const char *folder, const char *path)
{
    return config_path_absolute(folder && is_here(folder) ? NULL : folder, path);
}
