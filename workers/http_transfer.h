/*
 * HTTP by libcurl's easy interface, blocking: one transfer object, and with it the connections that
 * are kept, a thread.
 */
#ifndef WORKERS_HTTP_TRANSFER_H
#define WORKERS_HTTP_TRANSFER_H

#include <ferry/worker.h>

#include "bytes.h"
#include "http_request.h"

/* Of a worker, for all of its transfers. */
struct http_options {
    const char *ca_file; /* whom to trust; NULL: the system's */
    const char *proxy;   /* NULL: none, whatever the environment says */
    int64_t timeout_ms;  /* of one transfer */
    size_t body_limit;
    bool cuts_body;        /* what is past the limit is not read; else it fails the transfer */
    bool reports_progress; /* of the answer's body, where its length is known */
};

/* Read the settings timeout, ca_file and proxy, and prepare libcurl; what is wrong is reported.
 * Returns 0 or FERRY_INTERNAL. */
int http_options_read(struct http_options *options, int64_t default_timeout_ms,
                      ferry_settings *settings, ferry_error *error);

struct http_answer {
    long status;
    struct bytes body;
    int64_t retry_after_ms; /* what Retry-After says, a day at most; -1 without one */
    bool is_cut;            /* there was more of the body than body_limit */
};

void http_answer_fini(struct http_answer *answer);

/* Append the beginning of an answer's body as one line, for a message. */
void http_answer_append_excerpt(const struct http_answer *answer, struct bytes *out);

struct http_transfer;

/* NULL without memory; `options` outlive it. Connects to nothing yet. */
struct http_transfer *http_transfer_new(const struct http_options *options);
void http_transfer_free(struct http_transfer *transfer);

/*
 * Send a request and read the answer, of whatever status, within the call's deadline and until the
 * call is cancelled, for which the worker has curl_wake; an answer that is there in whole by then
 * still counts. A redirect is an answer like any other. Blocks. Returns 0, or with `error`:
 * FERRY_TRANSIENT the peer could not be talked to; FERRY_DEADLINE; FERRY_CANCELLED;
 * FERRY_TOO_LARGE; FERRY_INVALID libcurl cannot send such a request; FERRY_INTERNAL. The answer is
 * to be finished in any case.
 */
int http_transfer_perform(struct http_transfer *transfer, const struct http_request *request,
                          ferry_call *call, struct http_answer *answer, ferry_error *error);

/* Of the answer before: a header's value, NULL if there is none, and where a redirect leads (an
 * absolute URL), NULL if nowhere. Valid until the next transfer. */
const char *http_transfer_header(struct http_transfer *transfer, const char *name);
const char *http_transfer_redirect(struct http_transfer *transfer);

#endif
