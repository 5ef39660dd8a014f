/* The paths of routes: "/", "/email", "/users/{id}/photo". */
#ifndef CONFIG_PATH_PATTERN_H
#define CONFIG_PATH_PATTERN_H

#include <stdbool.h>

#include <ferry/error.h>

/* Check the form of a path, and that it is not one of the server's own. Returns 0 or FERRY_INVALID.
 */
int path_pattern_check(const char *path, ferry_error *error);

/* Tell whether two paths match the same requests: they differ in names of parameters only. */
bool path_pattern_is_same(const char *a, const char *b);

#endif
