/*
 * Paths of routes. No state; any thread.
 *
 * A path is a row of segments, each behind its '/'. A segment in braces is a parameter, whole. The
 * bounds are those of the router.
 */
#include "path_pattern.h"

#include <ctype.h>
#include <string.h>

#include "ascii.h"

enum { SEGMENTS_MAX = 32 };

static size_t segment_length(const char *segment)
{
    return strcspn(segment, "/");
}

static bool is_parameter(const char *segment)
{
    size_t length = segment_length(segment);
    return length >= 2 && segment[0] == '{' && segment[length - 1] == '}';
}

static bool is_parameter_name(const char *name, size_t length)
{
    if (length == 0 || isdigit((unsigned char)name[0]))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!ascii_is_alnum(name[i]) && name[i] != '_')
            return false;
    }
    return true;
}

/* Whether one of the parameters before `segment` has its name. */
static bool is_parameter_repeated(const char *path, const char *segment)
{
    size_t length = segment_length(segment);
    for (const char *at = path + 1; at < segment; at += segment_length(at) + 1) {
        if (segment_length(at) == length && memcmp(at, segment, length) == 0)
            return true;
    }
    return false;
}

static int segment_check(const char *path, const char *segment, ferry_error *error)
{
    int length = (int)segment_length(segment);
    bool is_last = segment[length] == '\0';
    if (length == 0 && !is_last)
        return ferry_error_set(error, FERRY_INVALID, "a path has no empty segments: \"//\"");
    if (!is_parameter(segment)) {
        if (strcspn(segment, "{}") >= (size_t)length)
            return 0;
        return ferry_error_set(error, FERRY_INVALID,
                               "\"%.*s\": a parameter is a whole segment, such as {id}", length,
                               segment);
    }
    if (!is_parameter_name(segment + 1, (size_t)length - 2))
        return ferry_error_set(error, FERRY_INVALID,
                               "\"%.*s\": a parameter's name is of letters, digits and \"_\"",
                               length, segment);
    if (is_parameter_repeated(path, segment))
        return ferry_error_set(error, FERRY_INVALID, "the parameter %.*s is there twice", length,
                               segment);
    return 0;
}

static bool is_reserved(const char *path)
{
    return strcmp(path, "/jobs") == 0 || strncmp(path, "/jobs/", 6) == 0 ||
           strcmp(path, "/livez") == 0 || strcmp(path, "/readyz") == 0;
}

static bool is_escape(const char *text)
{
    return text[0] == '%' && isxdigit((unsigned char)text[1]) && isxdigit((unsigned char)text[2]);
}

static int characters_check(const char *path, ferry_error *error)
{
    if (path[0] != '/')
        return ferry_error_set(error, FERRY_INVALID, "a path begins with \"/\"");
    for (const char *at = path; *at; at++) {
        if (*at <= ' ' || *at > '~' || *at == '?' || *at == '#')
            return ferry_error_set(error, FERRY_INVALID,
                                   "a path is of printable ASCII, without spaces, \"?\" and \"#\"");
        if (*at == '%' && !is_escape(at))
            return ferry_error_set(error, FERRY_INVALID,
                                   "a \"%%\" in a path begins an escape, such as %%20");
    }
    return 0;
}

static int segments_check(const char *path, ferry_error *error)
{
    size_t segments = 0, parameters = 0;
    const char *segment = path;
    do {
        segment++;
        int rc = segment_check(path, segment, error);
        if (rc < 0)
            return rc;
        segments++;
        parameters += is_parameter(segment);
        segment += segment_length(segment);
    } while (*segment);
    if (segments > SEGMENTS_MAX || parameters > PATH_PARAMS_MAX)
        return ferry_error_set(error, FERRY_INVALID,
                               "a path has %d segments at most, %d of them parameters",
                               SEGMENTS_MAX, PATH_PARAMS_MAX);
    return 0;
}

int path_pattern_check(const char *path, ferry_error *error)
{
    int rc = characters_check(path, error);
    if (rc == 0 && is_reserved(path))
        rc = ferry_error_set(error, FERRY_INVALID, "\"%s\" is a path of the server's own", path);
    return rc == 0 ? segments_check(path, error) : rc;
}

bool path_pattern_is_same(const char *a, const char *b)
{
    while (*a && *b) {
        size_t a_length = segment_length(a), b_length = segment_length(b);
        bool both = is_parameter(a) && is_parameter(b);
        if (!both && (a_length != b_length || memcmp(a, b, a_length) != 0))
            return false;
        a += a_length;
        b += b_length;
        if (*a != *b)
            return false;
        a += *a == '/';
        b += *b == '/';
    }
    return *a == *b;
}

int path_pattern_match(const char *pattern, const char *path, size_t length,
                       struct path_param params[PATH_PARAMS_MAX])
{
    const char *end = path + length;
    int count = 0;
    while (*pattern == '/' && path < end && *path == '/') {
        const char *slash = memchr(path + 1, '/', (size_t)(end - path - 1));
        size_t part = (size_t)((slash ? slash : end) - path - 1);
        size_t segment = segment_length(pattern + 1);
        if (is_parameter(pattern + 1)) {
            if (part == 0)
                return -1;
            params[count++] = (struct path_param){pattern + 2, segment - 2, path + 1, part};
        } else if (segment != part || memcmp(pattern + 1, path + 1, part) != 0) {
            return -1;
        }
        pattern += 1 + segment;
        path += 1 + part;
    }
    return *pattern == '\0' && path == end ? count : -1;
}

bool path_pattern_is_before(const char *a, const char *b)
{
    while (*a == '/' && *b == '/') {
        if (is_parameter(a + 1) != is_parameter(b + 1))
            return is_parameter(b + 1);
        a += 1 + segment_length(a + 1);
        b += 1 + segment_length(b + 1);
    }
    return false;
}
