/*
 * What the tests of connections share: a route that answers at once, one that answers with much,
 * one that keeps its request, and waiting for how many there are.
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

enum { BIG_BYTES = 32 << 20 }; /* more than the sockets' buffers take */

static inline void big(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_request_reply_owned(request, 200, NULL, calloc(1, BIG_BYTES), BIG_BYTES);
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

static inline void read_all_run(struct client *client)
{
    client->reply = client_read_all(client->fd);
}

/* Send bytes, and that there are no more, before the server reads any of that; return all that came
 * until it closed the connection. */
static inline char *talk_half_closed(struct fixture *f, const char *text)
{
    struct client client = {.f = f, .run = read_all_run, .fd = client_connect(f->address)};
    client_send(client.fd, text);
    shutdown(client.fd, SHUT_WR);
    client_run(&client);
    close(client.fd);
    return client.reply;
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
