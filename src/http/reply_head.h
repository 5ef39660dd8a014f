/*
 * The heads of whole replies. Loop thread.
 *
 * evhttp could write them, as it does for streams. But it looks several times for what it might
 * add, prints line by line and makes the date anew: that was a third of what a request cost.
 */
#ifndef HTTP_REPLY_HEAD_H
#define HTTP_REPLY_HEAD_H

#include <time.h>

#include "bytes.h"

struct evhttp_request;

/* Memory that every reply uses again. A zeroed struct is ready. */
struct reply_heads {
    struct bytes text;
    time_t date_second;
    char date[40]; /* for that second */
};

/* What the framing needs beside the request's own output headers. */
struct reply_facts {
    int status;
    const char *content_type; /* NULL: none */
    size_t length;            /* of the body, also where none is sent */
    bool is_last;
    const char *server_name; /* NULL: none */
};

/* Write the head of a reply. Valid until the next one is; `failed` without memory. */
const struct bytes *reply_head_make(struct reply_heads *heads, const struct evhttp_request *ev,
                                    const struct reply_facts *facts);

void reply_heads_fini(struct reply_heads *heads);

#endif
