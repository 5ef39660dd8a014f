/* The ids of events. Pure functions. */
#include "event_id.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MAX = 9, VERSION_DIGITS_MAX = 18 };

struct event_id event_id_parse(const char *text)
{
    const struct event_id none = {.version = -1};
    size_t version = text ? strspn(text, "0123456789") : 0;
    if (version == 0 || version > VERSION_DIGITS_MAX)
        return none;
    struct event_id id = {.version = strtoll(text, NULL, 10)};
    if (!text[version])
        return id;
    const char *progress = text + version + 1;
    size_t length = strspn(progress, "0123456789");
    if (text[version] != '.' || length == 0 || length > DIGITS_MAX || progress[length])
        return none;
    id.progress = (unsigned)strtoul(progress, NULL, 10);
    return id;
}

const char *event_id_format(const struct event_id *id, char text[EVENT_ID_SIZE])
{
    if (id->progress)
        snprintf(text, EVENT_ID_SIZE, "%lld.%u", (long long)id->version, id->progress);
    else
        snprintf(text, EVENT_ID_SIZE, "%lld", (long long)id->version);
    return text;
}
