/*
 * Transfers: what comes, against the limits; and how one ends. How one is set up: transfer_setup.c.
 *
 * A callback that ends the transfer leaves the reason in `error` and returns what libcurl takes for
 * a failure; the first reason counts.
 */
#include "transfer.h"

#include <stdlib.h>
#include <string.h>

#include "response.h"
#include "transfer_setup.h"

/* ---- what comes ---- */

static size_t refuse(struct transfer *transfer, ferry_code code, const char *what)
{
    if (!transfer->error.code)
        ferry_error_set(&transfer->error, code, "%s", what);
    return CURL_WRITEFUNC_ERROR;
}

/* The status in "HTTP/1.1 200 OK", or 0: another line. */
static long status_of(const char *line, size_t length)
{
    const char *space = memchr(line, ' ', length);
    if (length < 5 || strncmp(line, "HTTP/", 5) != 0 || !space)
        return 0;
    return strtol(space, NULL, 10); /* libcurl has put a NUL behind */
}

/* A new response begins: the last one was a redirect, or came ahead of the final one. */
static void on_status(struct transfer *transfer, long status)
{
    if (!transfer->is_interim)
        transfer->header_count_bytes = 0;
    transfer->is_interim = status < 200;
    transfer->has_head_ended = false;
    if (status == 303) /* libcurl would keep a method other than POST, and send it without a body */
        curl_easy_setopt(transfer->curl, CURLOPT_CUSTOMREQUEST, NULL);
}

size_t transfer_on_header(char *line, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    size_t length = size * count;
    long status = status_of(line, length);
    if (status && !transfer->response->has_head)
        on_status(transfer, status);
    else if (*line == '\r' || *line == '\n')
        transfer->has_head_ended = !transfer->is_interim;
    transfer->header_count_bytes += length;
    if (transfer->header_count_bytes > transfer->header_limit_bytes)
        return refuse(transfer, FERRY_TOO_LARGE, "the response's headers are too long");
    return length;
}

static size_t pass_on(struct transfer *transfer, const char *data, size_t length)
{
    if (transfer->on_chunk(transfer->arg, transfer->response, data, length))
        return length;
    return refuse(transfer, FERRY_CANCELLED, "whoever took the body wanted no more of it");
}

size_t transfer_on_body(char *data, size_t size, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    size_t length = size * count;
    if (transfer->error.code)
        return CURL_WRITEFUNC_ERROR; /* cancelled, and not yet off */
    if (!response_take_head(transfer->response, transfer->curl))
        return refuse(transfer, FERRY_INTERNAL, "no memory");
    transfer->body_count_bytes += length;
    if (transfer->body_count_bytes > transfer->body_limit_bytes)
        return refuse(transfer, FERRY_TOO_LARGE, "the response's body is too long");
    if (transfer->on_chunk)
        return pass_on(transfer, data, length);
    bytes_append(&transfer->response->body, data, length);
    if (transfer->response->body.failed)
        return refuse(transfer, FERRY_INTERNAL, "no memory");
    return length;
}

/* ---- the end ---- */

static ferry_code code_of(CURLcode result)
{
    switch (result) {
    case CURLE_URL_MALFORMAT:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_BAD_FUNCTION_ARGUMENT:
        return FERRY_INVALID;
    case CURLE_OPERATION_TIMEDOUT:
        return FERRY_DEADLINE;
    case CURLE_FILESIZE_EXCEEDED:
        return FERRY_TOO_LARGE;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
        return FERRY_INTERNAL;
    default:
        return FERRY_TRANSIENT;
    }
}

/* Where libcurl's result is not all that is to say. */
static void correct(struct transfer *transfer, CURLcode result)
{
    long sent = 0;
    if (transfer->has_head_ended)
        return;
    curl_easy_getinfo(transfer->curl, CURLINFO_REQUEST_SIZE, &sent);
    if (result == CURLE_OK)
        refuse(transfer, FERRY_TRANSIENT, "the response ended within its headers");
    else if (result == CURLE_OUT_OF_MEMORY && sent > 0)
        refuse(transfer, FERRY_TOO_LARGE, "a header is longer than libcurl takes");
}

ferry_response *transfer_finish(struct transfer *transfer, CURLcode result)
{
    ferry_response *response = transfer->response;
    if (!transfer->error.code)
        correct(transfer, result);
    if (!transfer->error.code && result != CURLE_OK)
        refuse(transfer, code_of(result),
               transfer->detail[0] ? transfer->detail : curl_easy_strerror(result));
    if (!transfer->error.code && !response_finish(response, transfer->curl))
        refuse(transfer, FERRY_INTERNAL, "no memory");
    if (transfer->error.code)
        return NULL;
    transfer->response = NULL;
    return response;
}

void transfer_fini(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->curl);
    curl_slist_free_all(transfer->headers);
    if (transfer->free_body)
        transfer->free_body(transfer->body);
    ferry_response_free(transfer->response);
    transfer->curl = NULL;
    transfer->headers = NULL;
    transfer->free_body = NULL;
    transfer->response = NULL;
}
