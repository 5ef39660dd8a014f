/*
 * The check of a callback's URL. Pure functions. What is allowed ends its host with "/"
 * (config_callbacks.c), so that a beginning is enough to know the host.
 *
 * What passes here is what the webhook worker will take, too: a job is not accepted with a callback
 * that could only fail.
 */
#include "callback_url.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "ascii.h"

/* Tell whether a % begins no escape, or one that does not belong in a path. */
static bool is_bad_escape(const char *at)
{
    return !isxdigit((unsigned char)at[1]) || !isxdigit((unsigned char)at[2]) ||
           strncmp(at, "%00", 3) == 0 || ascii_compare_n(at, "%2e", 3) == 0 ||
           ascii_compare_n(at, "%2f", 3) == 0 || ascii_compare_n(at, "%5c", 3) == 0;
}

/* Tell whether a path climbs, or might to somebody who unescapes it. */
static bool is_ambiguous(const char *path)
{
    for (const char *at = path; *at && *at != '?'; at++) {
        if (*at == '\\' || (*at == '%' && is_bad_escape(at)))
            return true;
        if (at[0] != '/' || at[1] != '.')
            continue;
        size_t dots = strspn(at + 1, ".");
        if (dots <= 2 && (!at[1 + dots] || strchr("/?", at[1 + dots])))
            return true;
    }
    return false;
}

static bool is_printable(const char *url)
{
    for (; *url; url++) {
        if (*url <= ' ' || *url > '~' || *url == '#')
            return false;
    }
    return true;
}

/* Tell whether a URL begins with a prefix, and the prefix ends with a segment of the path. */
static bool is_below(const char *url, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(url, prefix, length) == 0 &&
           (prefix[length - 1] == '/' || !url[length] || strchr("/?", url[length]));
}

int callback_url_check(const char *url, char *const *allow, ferry_error *error)
{
    if (!allow)
        return ferry_error_set(error, FERRY_INVALID,
                               "Ferry-Callback: callbacks are not enabled on this server");
    if (strnlen(url, CALLBACK_URL_MAX + 1) > CALLBACK_URL_MAX || !is_printable(url))
        return ferry_error_set(error, FERRY_INVALID,
                               "Ferry-Callback: a URL of at most %d printable characters, without "
                               "a fragment",
                               CALLBACK_URL_MAX);
    for (; *allow; allow++) {
        if (is_below(url, *allow) && !is_ambiguous(url + strlen(*allow) - 1))
            return 0;
    }
    return ferry_error_set(error, FERRY_INVALID,
                           "Ferry-Callback: this server does not call that URL");
}
