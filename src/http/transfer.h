/*
 * A transfer: one fetch as libcurl sees it, its options checked, its limits watched. It knows
 * nothing of loops and futures. One thread.
 */
#ifndef HTTP_TRANSFER_H
#define HTTP_TRANSFER_H

#include "libcurl.h"

#include <ferry/http_client.h>

struct transfer {
    CURL *curl;
    struct curl_slist *headers;
    void *body; /* taken over, not copied */
    void (*free_body)(void *body);
    ferry_response *response;
    ferry_error error; /* why we ended it; libcurl only knows that we did */
    char detail[CURL_ERROR_SIZE];
    size_t header_count_bytes, header_limit_bytes;
    uint64_t body_count_bytes, body_limit_bytes;
    bool is_interim;     /* the headers that come are of a 1xx */
    bool has_head_ended; /* a blank line came; not so again when another response begins */
    ferry_fetch_chunk *on_chunk;
    void *arg;
};

/* Make libcurl's handle of a fetch; the caller ends with transfer_fini in any case. A body to be
 * taken over is from here on the transfer's. Errors: as ferry_fetch, before anything was sent. */
int transfer_init(struct transfer *transfer, const ferry_fetch_options *options,
                  const char *user_agent);

/* It is over: complete the response, or the error. Returns the response, now the caller's, or
 * NULL. */
ferry_response *transfer_finish(struct transfer *transfer, CURLcode result);

void transfer_fini(struct transfer *transfer);

#endif
