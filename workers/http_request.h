/*
 * A request to be sent: what a worker says, before libcurl has any part in it.
 */
#ifndef WORKERS_HTTP_REQUEST_H
#define WORKERS_HTTP_REQUEST_H

#include <ferry/worker.h>

#include "http_url.h"

/* A zeroed one is empty. What it points to is the caller's, but its headers. */
struct http_request {
    const char *method;
    const struct http_url *url;
    const void *body; /* NULL: none, which is not the same as an empty one */
    size_t body_length;
    bool is_repeatable;   /* to ask for it twice is the same as once */
    struct bytes headers; /* "Name: value" strings, each with its NUL */
    const char *sigv4;    /* CURLOPT_AWS_SIGV4's notation; NULL: do not sign */
    const char *username; /* for sigv4 */
    const char *password;
};

/* Add a header, in any case instead of what libcurl would say by itself. Returns 0 or FERRY_INVALID
 * when it would break the request, FERRY_INTERNAL without memory. */
int http_request_add_header(struct http_request *request, const char *name, const char *value,
                            ferry_error *error);

/* Tell whether there is a header of this name. */
bool http_request_has_header(const struct http_request *request, const char *name);

/* Return the header behind `previous`, the first one for NULL; NULL after the last one. */
const char *http_request_next_header(const struct http_request *request, const char *previous);

/* Take out each header of this name. */
void http_request_drop_header(struct http_request *request, const char *name);

void http_request_fini(struct http_request *request);

/* Tell whether a method has a meaning of its body, and whether it is idempotent (RFC 9110, 9.2.2).
 */
bool http_method_has_body(const char *method);
bool http_method_is_idempotent(const char *method);

/* Read the setting `headers`, a list of "Name: value"; what is wrong is reported. The list is the
 * settings' own, NULL if there is none. */
const char *const *http_headers_read(ferry_settings *settings);

/* Add a list of "Name: value" that http_headers_read has returned. */
int http_request_add_headers(struct http_request *request, const char *const *headers,
                             ferry_error *error);

/* Tell whether a text is a token of RFC 9110: a header's name, a method. */
bool http_is_token(const char *text);

#endif
