/*
 * Where a worker's requests go: the settings `url` and `allow`.
 *
 *     url: https://api.example.org/users/{id}?verbose={level}   # parameters of the call, escaped
 *     allow: [https://hooks.example.org/, https://example.com/in]   # what ?url= may name
 */
#ifndef WORKERS_HTTP_TARGET_H
#define WORKERS_HTTP_TARGET_H

#include <ferry/worker.h>

#include "http_url.h"

struct http_target {
    const char *url;        /* NULL: the caller names it */
    struct http_url *allow; /* of allow_count */
    size_t allow_count;
};

/* Read the settings; what is wrong is reported, and so is a worker that has neither of the two.
 * Returns 0 or FERRY_INTERNAL. `target` is to be finished in any case. */
int http_target_read(struct http_target *target, ferry_settings *settings, ferry_error *error);
void http_target_fini(struct http_target *target);

/* Tell whether `allow` matches a URL. */
bool http_target_allows(const struct http_target *target, const struct http_url *url);

/* Find out where a call goes. Returns 0, or FERRY_INVALID a parameter is missing or makes no URL,
 * FERRY_FORBIDDEN `allow` does not match, FERRY_INTERNAL. `url` is to be finished in any case. */
int http_target_resolve(const struct http_target *target, const ferry_call *call,
                        struct http_url *url, ferry_error *error);

#endif
