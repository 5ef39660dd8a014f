/* The paths of routes: "/", "/email", "/users/{id}/photo". */
#ifndef CONFIG_PATH_PATTERN_H
#define CONFIG_PATH_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include <ferry/error.h>

/* Check the form of a path, and that it is not one of the server's own. Returns 0 or FERRY_INVALID.
 */
int path_pattern_check(const char *path, ferry_error *error);

/* Tell whether two paths match the same requests: they differ in names of parameters only. */
bool path_pattern_is_same(const char *a, const char *b);

enum { PATH_PARAMS_MAX = 16 };

/* A parameter, and the part of a path that it stands for, still escaped. */
struct path_param {
    const char *name;
    size_t name_length;
    const char *value;
    size_t value_length;
};

/* Match a path that was asked for, `length` bytes, with a checked pattern, as the HTTP server's
 * router does. Returns how many parameters there are, or -1 if it does not match. */
int path_pattern_match(const char *pattern, const char *path, size_t length,
                       struct path_param params[PATH_PARAMS_MAX]);

/* Of two patterns that match a path, tell whether the first goes before the second: at the first
 * segment where only one is literal, that one does. */
bool path_pattern_is_before(const char *a, const char *b);

#endif
