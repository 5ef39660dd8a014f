/*
 * The check of a callback's URL. Pure functions. What is allowed ends its host with "/"
 * (config_callbacks.c), so that a beginning is enough to know the host.
 */
#include "callback_url.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Tell whether a path climbs, or might to somebody who unescapes it. */
static bool is_ambiguous(const char *path)
{
    for (const char *at = path; *at && *at != '?'; at++) {
        if (*at == '\\' || strncasecmp(at, "%2e", 3) == 0 || strncasecmp(at, "%2f", 3) == 0 ||
            strncasecmp(at, "%5c", 3) == 0)
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
        if (strncmp(url, *allow, strlen(*allow)) == 0 && !is_ambiguous(url + strlen(*allow) - 1))
            return 0;
    }
    return ferry_error_set(error, FERRY_INVALID,
                           "Ferry-Callback: this server does not call that URL");
}
