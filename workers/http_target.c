/*
 * Targets. Read by open, only looked at afterwards: any thread.
 *
 * A placeholder stands behind the host and becomes one segment, or one value, whatever is in it;
 * http_url_parse refuses what would climb out of its place all the same.
 */
#include "http_target.h"

#include <stdlib.h>
#include <string.h>

/* ---- placeholders ---- */

/* Find the value of a placeholder; NULL with `error` if there is none. */
typedef const char *find_value(const void *arg, const char *name, ferry_error *error);

static int append_value(struct bytes *out, const char *name, size_t length, find_value *find,
                        const void *arg, ferry_error *error)
{
    char *copy = text_printf("%.*s", (int)length, name);
    if (!copy)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    const char *value = find(arg, copy, error);
    if (value)
        bytes_append_escaped(out, value, strlen(value));
    free(copy);
    return value ? 0 : FERRY_INVALID;
}

static int expand(struct bytes *out, const char *url, find_value *find, const void *arg,
                  ferry_error *error)
{
    int rc = 0;
    while (rc == 0 && *url) {
        size_t plain = strcspn(url, "{");
        bytes_append(out, url, plain);
        url += plain;
        if (!*url)
            break;
        size_t length = strcspn(++url, "{}");
        if (length == 0 || url[length] != '}')
            return ferry_error_set(error, FERRY_INVALID,
                                   "url: a { begins the name of a parameter, which ends with }");
        rc = append_value(out, url, length, find, arg, error);
        url += length + 1;
    }
    if (rc == 0 && out->failed)
        rc = ferry_error_set(error, FERRY_INTERNAL, "no memory");
    return rc;
}

/* ---- settings ---- */

static const char *find_sample(const void *arg, const char *name, ferry_error *error)
{
    (void)arg, (void)name, (void)error;
    return "x";
}

static int check_url(const char *text, ferry_error *error)
{
    struct bytes sample = {0};
    struct http_url url = {0};
    const char *authority = strstr(text, "://");
    authority = authority ? authority + 3 : text;
    int rc = 0;
    if (memchr(authority, '{', strcspn(authority, "/?")))
        rc = ferry_error_set(error, FERRY_INVALID,
                             "url: a caller cannot choose the host: {name} belongs behind it");
    if (rc == 0)
        rc = expand(&sample, text, find_sample, NULL, error);
    if (rc == 0)
        rc = http_url_parse(&url, bytes_text(&sample), error);
    http_url_fini(&url);
    bytes_fini(&sample);
    return rc;
}

static int check_prefix(struct http_url *prefix, const char *text, ferry_error *error)
{
    int rc = http_url_parse(prefix, text, error);
    if (rc == 0 && (prefix->has_query || strchr(text, '#')))
        rc = ferry_error_set(error, FERRY_INVALID,
                             "allow: the beginning of a URL, without ? and #: %.100s", text);
    return rc;
}

static int read_allow(struct http_target *target, ferry_settings *settings, ferry_error *error)
{
    const char *const *list = ferry_settings_list(settings, "allow");
    size_t count = 0;
    while (list && list[count])
        count++;
    target->allow = calloc(count + 1, sizeof *target->allow);
    if (!target->allow)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    for (; target->allow_count < count; target->allow_count++) {
        ferry_error problem;
        if (check_prefix(&target->allow[target->allow_count], list[target->allow_count], &problem) <
            0)
            ferry_settings_fail(settings, "allow", "%s", problem.message);
    }
    return 0;
}

int http_target_read(struct http_target *target, ferry_settings *settings, ferry_error *error)
{
    *target = (struct http_target){.url = ferry_settings_string(settings, "url", NULL)};
    ferry_error problem;
    if (target->url && check_url(target->url, &problem) < 0)
        ferry_settings_fail(settings, "url", "%s", problem.message);
    if (read_allow(target, settings, error) < 0)
        return FERRY_INTERNAL;
    if (!target->url && target->allow_count == 0)
        ferry_settings_fail(settings, "url",
                            "url is missing: where every request goes; or allow, a list of what "
                            "URLs may begin with that callers name by ?url=. Without both, whoever "
                            "reaches this server could reach whatever this server reaches");
    return 0;
}

void http_target_fini(struct http_target *target)
{
    for (size_t i = 0; i < target->allow_count; i++)
        http_url_fini(&target->allow[i]);
    free(target->allow);
    *target = (struct http_target){0};
}

/* ---- calls ---- */

bool http_target_allows(const struct http_target *target, const struct http_url *url)
{
    for (size_t i = 0; i < target->allow_count; i++) {
        if (http_url_is_below(url, &target->allow[i]))
            return true;
    }
    return false;
}

static const char *find_param(const void *arg, const char *name, ferry_error *error)
{
    const char *value = ferry_call_param(arg, name);
    if (!value)
        ferry_error_set(error, FERRY_INVALID, "%s: missing, the URL has a place for it", name);
    return value;
}

int http_target_resolve(const struct http_target *target, const ferry_call *call,
                        struct http_url *url, ferry_error *error)
{
    *url = (struct http_url){0};
    const char *named = target->allow_count > 0 ? ferry_call_param(call, "url") : NULL;
    if (named) {
        int rc = http_url_parse(url, named, error);
        if (rc == 0 && !http_target_allows(target, url))
            rc =
                ferry_error_set(error, FERRY_FORBIDDEN,
                                "url: this server may not be sent there, \"allow\" does not match");
        return rc;
    }
    if (!target->url)
        return ferry_error_set(error, FERRY_INVALID, "url: missing: where to?");
    struct bytes text = {0};
    int rc = expand(&text, target->url, find_param, call, error);
    if (rc == 0)
        rc = http_url_parse(url, bytes_text(&text), error);
    bytes_fini(&text);
    return rc;
}
