/*
 * CORS, as the Fetch standard has it. No state.
 *
 * It keeps nobody out: pages that may not ask are stopped by their browser, which hears of it from
 * the lack of these headers. An origin is given back only if it is listed; with any, the answer is
 * the star, with which browsers send and show no credentials.
 */
#include "cors.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool cors_allows(const struct config_cors *cors, const char *origin)
{
    if (!origin)
        return false;
    for (char **at = cors->origins; at && *at; at++) {
        if (strcmp(*at, origin) == 0)
            return true;
    }
    return !cors->origins;
}

void cors_answer(const struct config_cors *cors, const char *origin, cors_set *set, void *arg)
{
    if (cors->origins)
        set(arg, "Vary", "Origin"); /* also where it is not allowed, or not sent */
    if (!cors_allows(cors, origin))
        return;
    set(arg, "Access-Control-Allow-Origin", cors->origins ? origin : "*");
    if (cors->credentials && cors->origins)
        set(arg, "Access-Control-Allow-Credentials", "true");
    set(arg, "Access-Control-Expose-Headers", "Location, Retry-After, Preference-Applied");
}

static void append_spaced(struct bytes *out, const char *methods)
{
    for (const char *at = methods; *at; at++) {
        bytes_append_char(out, *at);
        if (*at == ',')
            bytes_append_char(out, ' ');
    }
}

void cors_answer_preflight(const struct config_cors *cors, const char *methods, cors_set *set,
                           void *arg)
{
    char seconds[24];
    struct bytes list = {0};
    if (cors->methods)
        bytes_append_text(&list, cors->methods);
    else
        append_spaced(&list, methods);
    snprintf(seconds, sizeof seconds, "%" PRId64, cors->max_age_ms / 1000);
    set(arg, "Access-Control-Allow-Methods", bytes_text(&list));
    if (*cors->headers)
        set(arg, "Access-Control-Allow-Headers", cors->headers);
    set(arg, "Access-Control-Max-Age", seconds);
    bytes_fini(&list);
}
