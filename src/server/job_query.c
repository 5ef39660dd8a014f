/* Which jobs an operator means. Pure functions. */
#include "job_query.h"

#include <stdlib.h>
#include <string.h>

static bool add_state(unsigned *states, const char *name, size_t length)
{
    for (unsigned state = 0; state < JOB_STATE_COUNT; state++) {
        const char *known = job_state_name((enum job_state)state);
        if (strlen(known) == length && strncmp(known, name, length) == 0) {
            *states |= 1u << state;
            return true;
        }
    }
    return false;
}

static int read_states(unsigned *states, const char *text, ferry_error *error)
{
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");
        if (!add_state(states, at, length))
            return ferry_error_set(error, FERRY_INVALID,
                                   "state: %.*s is none; there are scheduled, queued, running, "
                                   "retrying, succeeded, dead and cancelled",
                                   (int)(length < 32 ? length : 32), at);
        at += length;
        if (!*at)
            return 0;
    }
}

/* Read a whole number from 1 to `max`. */
static bool read_number(const char *text, int64_t max, int64_t *number)
{
    size_t length = strlen(text);
    if (length == 0 || length > 18 || strspn(text, "0123456789") != length)
        return false;
    *number = strtoll(text, NULL, 10);
    return *number >= 1 && *number <= max;
}

static int read_page(struct job_query *query, const char *name, const char *value,
                     ferry_error *error)
{
    int64_t number;
    if (strcmp(name, "limit") == 0) {
        if (!read_number(value, JOB_PAGE_MAX, &number))
            return ferry_error_set(error, FERRY_INVALID, "limit: a number from 1 to %d",
                                   JOB_PAGE_MAX);
        query->filter.limit = (unsigned)number;
        return 0;
    }
    if (strcmp(name, "after") == 0) {
        if (!read_number(value, INT64_MAX, &query->filter.before))
            return ferry_error_set(error, FERRY_INVALID, "after: the \"next\" of a page before");
        return 0;
    }
    return ferry_error_set(error, FERRY_INVALID,
                           "%s: unknown; there are state, route, limit and after", name);
}

int job_query_add(struct job_query *query, const char *name, const char *value, bool is_bulk,
                  ferry_error *error)
{
    if (strcmp(name, "state") == 0)
        return read_states(&query->filter.states, value, error);
    if (strcmp(name, "route") == 0) {
        if (query->filter.route)
            return ferry_error_set(error, FERRY_INVALID, "route: one at a time");
        query->filter.route = value;
        return 0;
    }
    if (!is_bulk)
        return read_page(query, name, value, error);
    if (strcmp(name, "all") != 0 || strcmp(value, "true") != 0)
        return ferry_error_set(error, FERRY_INVALID,
                               "%s: unknown; there are state, route and all=true", name);
    query->is_all = true;
    return 0;
}
