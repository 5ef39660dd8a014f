/*
 * A response, as the fetch that fills it in sees it. Loop thread.
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include "libcurl.h"

#include <ferry/http_client.h>

#include "bytes.h"

struct ferry_response {
    bool has_head; /* status and headers are those of the response that counts */
    int status;
    ferry_header *headers;
    size_t header_count;
    struct bytes body;
    char *url;
    ferry_response_times times;
};

/* Take status and headers from a transfer whose last header has come; once. Returns whether there
 * was memory. */
bool response_take_head(ferry_response *response, CURL *curl);

/* Take what is known at the end. Returns whether there was memory. */
bool response_finish(ferry_response *response, CURL *curl);

#endif
