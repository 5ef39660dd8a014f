/* Which jobs an operator means: the query of a listing, or of a change in bulk. Pure. */
#ifndef SERVER_JOB_QUERY_H
#define SERVER_JOB_QUERY_H

#include <stdbool.h>

#include <ferry/error.h>

#include "job.h"

enum { JOB_QUERY_PAGE = 100 };

struct job_query {
    struct job_filter filter;
    bool is_all; /* all=true */
};

/* Take one query value in; `query` begins as {.filter.limit = JOB_QUERY_PAGE}. The route stays the
 * caller's. A name that is not known is an error, as without it a change would reach more than was
 * meant. Returns 0, or FERRY_INVALID with what is valid. */
int job_query_add(struct job_query *query, const char *name, const char *value, bool is_bulk,
                  ferry_error *error);

#endif
