/*
 * The heads of replies. Loop thread.
 */
#ifndef HTTP_REPLY_HEAD_H
#define HTTP_REPLY_HEAD_H

#include <time.h>

#include "bytes.h"

/* Headers that a handler has set, as they will be sent. A zeroed struct is ready. */
struct reply_headers {
    struct bytes text;
    bool has_date, has_content_type, has_retry_after, has_server;
    bool says_close; /* Connection: close, which is not in the text */
};

/* Add one, of a name and a value that can stand there. Returns whether there was memory: without,
 * no head is made of them any more. */
bool reply_headers_add(struct reply_headers *headers, const char *name, const char *value);

/* Memory that every reply uses again. A zeroed struct is ready. */
struct reply_heads {
    struct bytes text;
    struct bytes kept; /* what the headers of an earlier reply stood in */
    time_t date_second;
    char date[48]; /* the header, for that second */
};

/* Lend memory to headers that have none yet; take it back once their head is made. */
void reply_headers_begin(struct reply_headers *headers, struct reply_heads *heads);
void reply_headers_end(struct reply_headers *headers, struct reply_heads *heads);

enum reply_framing {
    REPLY_LENGTH,  /* the body's is known */
    REPLY_CHUNKED, /* it comes in chunks */
    REPLY_CLOSED,  /* it ends with the connection, or there is none */
};

struct reply_facts {
    int status;
    int minor;                /* of the request's HTTP/1.x */
    const char *content_type; /* NULL: none */
    enum reply_framing framing;
    size_t length; /* of the body, also where none is sent */
    bool is_last;
    const char *server_name; /* NULL: none */
};

/* Write the head of a reply. A body that fits into what is left of its memory may be put behind it.
 * Valid until the next one is written; `failed` without memory. */
struct bytes *reply_head_make(struct reply_heads *heads, const struct reply_headers *set,
                              const struct reply_facts *facts);

void reply_heads_fini(struct reply_heads *heads);

#endif
