/*
 * What the tests of connections share: a route that answers at once, one that keeps its request,
 * and waiting for how many there are.
 */
#ifndef TEST_HTTP_KEPT_H
#define TEST_HTTP_KEPT_H

#include "http/fixture.h"

static inline void hello(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_request_reply_text(request, 200, "hello");
}

static inline void open_hello(struct fixture *f, const ferry_http_options *options)
{
    fixture_open(f, options);
    fixture_route(f, "GET,POST", "/hello", hello, NULL);
}

static ferry_request *kept;
static unsigned kept_count;

static inline void keep(ferry_request *request, void *ctx)
{
    (void)ctx;
    kept = request;
    kept_count++;
}

static inline void open_keep(struct fixture *f)
{
    kept_count = 0;
    open_hello(f, NULL);
    fixture_route(f, "GET", "/keep", keep, NULL);
}

static inline bool has_kept(struct fixture *f, void *arg)
{
    (void)f;
    return kept_count == *(unsigned *)arg;
}

static inline void wait_for_kept(struct fixture *f, unsigned count)
{
    assert_true(fixture_wait(f, has_kept, &count));
}

static inline bool has_connections(struct fixture *f, void *arg)
{
    return fixture_stats(f).connections == *(unsigned *)arg;
}

static inline void wait_for_connections(struct fixture *f, unsigned count)
{
    assert_true(fixture_wait(f, has_connections, &count));
}

#endif
