/*
 * What a handler can ask of a request, and how long it may.
 */
#include "http/fixture.h"

#ifdef __SANITIZE_ADDRESS__
#define IS_SLOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SLOW 1
#endif
#endif
#ifndef IS_SLOW
#define IS_SLOW 0
#endif

/* ---- what was asked ---- */

struct seen {
    struct bytes text;
    bool stop_early;
};

static bool append_pair(void *arg, const char *name, const char *value)
{
    struct seen *seen = arg;
    bytes_printf(&seen->text, "%s=%s;", name, value);
    return !seen->stop_early;
}

static void describe(ferry_request *request, void *ctx)
{
    struct seen *seen = ctx;
    size_t length;
    const char *body = ferry_request_body(request, &length);
    const char *x = ferry_request_query(request, "x");
    bytes_printf(&seen->text, "%s %s %s peer=%s body=%.*s x=%s;", ferry_request_method(request),
                 ferry_request_path(request), ferry_request_route(request),
                 ferry_request_peer(request), (int)length, body, x ? x : "none");
    ferry_request_each_param(request, append_pair, seen);
    ferry_request_each_query(request, append_pair, seen);
    ferry_request_each_header(request, append_pair, seen);
    ferry_request_reply_text(request, 200, bytes_text(&seen->text));
}

static char *described(const char *text)
{
    struct fixture f;
    struct seen seen = {0};
    fixture_open(&f, NULL);
    fixture_route(&f, "GET,POST", "/a/{one}/{two}", describe, &seen);
    char *reply = ask(&f, text);
    fixture_close(&f);
    bytes_fini(&seen.text);
    return reply;
}

static void a_handler_sees_what_was_asked(void **state)
{
    (void)state;
    char *reply = described("POST /a/x%2fy/%C3%A9%25?x=1+2%26&empty&=v&y=%zz&x=3 HTTP/1.1\r\n"
                            "Host: h\r\nX-Thing: a b\r\nContent-Length: 4\r\n\r\nbody");
    assert_has(reply, "\r\n\r\nPOST /a/x%2fy/%C3%A9%25 /a/{one}/{two} peer=127.0.0.1 body=body "
                      "x=1 2&;one=x/y;two=\xc3\xa9%;x=1 2&;empty=;=v;y=%zz;x=3;Host=h;"
                      "X-Thing=a b;Content-Length=4;");
    free(reply);
}

static void a_chunked_body_comes_whole(void **state)
{
    (void)state;
    char *reply = described("POST /a/1/2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n");
    assert_has(reply, "body=abcdefg x=none;one=1;two=2;");
    free(reply);
}

static void an_absolute_target_is_routed_by_its_path(void **state)
{
    (void)state;
    char *reply = described("GET http://h/a/1/2?x=4 HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_has(reply, "GET /a/1/2 /a/{one}/{two} ");
    assert_has(reply, "x=4;");
    free(reply);
}

static void first_only(ferry_request *request, void *ctx)
{
    struct seen *seen = ctx;
    seen->stop_early = true;
    ferry_request_each_query(request, append_pair, seen);
    ferry_request_each_header(request, append_pair, seen);
    ferry_request_each_param(request, append_pair, seen);
    assert_null(ferry_request_param(request, "none"));
    assert_null(ferry_request_header(request, "none"));
    assert_string_equal(ferry_request_header(request, "hOST"), "h");
    assert_string_equal(ferry_request_param(request, "id"), "7");
    ferry_request_reply_text(request, 200, bytes_text(&seen->text));
}

static void a_walk_ends_where_the_visitor_says(void **state)
{
    (void)state;
    struct fixture f;
    struct seen seen = {0};
    fixture_open(&f, NULL);
    fixture_route(&f, "GET", "/{id}/{x}", first_only, &seen);
    char *reply = ask(&f, "GET /7/8?a=1&b=2 HTTP/1.1\r\nHost: h\r\nB: c\r\n\r\n");
    assert_has(reply, "\r\n\r\na=1;Host=h;id=7;");
    free(reply);
    bytes_fini(&seen.text);
    fixture_close(&f);
}

/* ---- how long ---- */

enum { KEPT_MAX = 64 };

struct keeper {
    ferry_request *requests[KEPT_MAX];
    size_t count;
    size_t gone;
};

static void count_gone(void *arg)
{
    ((struct keeper *)arg)->gone++;
}

static void keep(ferry_request *request, void *ctx)
{
    struct keeper *keeper = ctx;
    keeper->requests[keeper->count++] = request;
    ferry_request_on_gone(request, count_gone, keeper);
}

static bool has_kept(struct fixture *f, void *arg)
{
    (void)f;
    return ((struct keeper *)arg)->count > 0;
}

static bool has_gone(struct fixture *f, void *arg)
{
    (void)f;
    return ((struct keeper *)arg)->gone > 0;
}

static void a_client_that_leaves_is_noticed(void **state)
{
    (void)state;
    struct fixture f;
    struct keeper keeper = {0};
    fixture_open(&f, NULL);
    fixture_route(&f, "POST", "/keep/{id}", keep, &keeper);
    int fd = client_connect(f.address);
    client_send(fd, "POST /keep/7?q=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
    assert_true(fixture_wait(&f, has_kept, &keeper));
    assert_int_equal(fixture_stats(&f).in_flight, 1);
    assert_in_range(fixture_stats(&f).buffered_bytes, 4, 1000);
    assert_false(ferry_request_is_gone(keeper.requests[0]));
    close(fd);
    assert_true(fixture_wait(&f, has_gone, &keeper));
    assert_true(ferry_request_is_gone(keeper.requests[0]));
    assert_int_equal(fixture_stats(&f).in_flight, 1);
    assert_string_equal(ferry_request_param(keeper.requests[0], "id"), "7");
    ferry_request_reply_text(keeper.requests[0], 200, "too late");
    assert_true(fixture_wait(&f, has_no_connections, NULL));
    assert_int_equal(fixture_stats(&f).in_flight, 0);
    assert_int_equal(fixture_stats(&f).buffered_bytes, 0);
    assert_int_equal(keeper.gone, 1);
    fixture_close(&f);
}

/* What it has sent behind its request does not hide its end. */
static void a_client_that_leaves_more_requests_behind_is_noticed(void **state)
{
    (void)state;
    struct fixture f;
    struct keeper keeper = {0};
    fixture_open(&f, NULL);
    fixture_route(&f, "POST", "/keep/{id}", keep, &keeper);
    int fd = client_connect(f.address);
    client_send(fd, "POST /keep/7 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody"
                    "GET /none HTTP/1.1\r\nHost: h\r\n\r\nGET /no");
    assert_true(fixture_wait(&f, has_kept, &keeper));
    client_send(fd, "ne HTTP/1.1\r\n");
    close(fd);
    assert_true(fixture_wait(&f, has_gone, &keeper));
    ferry_request_reply_text(keeper.requests[0], 200, "too late");
    assert_true(fixture_wait(&f, has_no_connections, NULL));
    assert_int_equal(fixture_stats(&f).buffered_bytes, 0);
    assert_int_equal(keeper.gone, 1);
    fixture_close(&f);
}

static void on_gone_set_late_is_called(void **state)
{
    (void)state;
    struct fixture f;
    struct keeper keeper = {0};
    fixture_open(&f, NULL);
    fixture_route(&f, "GET", "/keep", keep, &keeper);
    int fd = client_connect(f.address);
    client_send(fd, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    close(fd);
    assert_true(fixture_wait(&f, has_gone, &keeper));
    keeper.gone = 0;
    ferry_request_on_gone(keeper.requests[0], count_gone, &keeper);
    assert_int_equal(keeper.gone, 0);
    assert_true(fixture_wait(&f, has_gone, &keeper));
    ferry_request_reply_text(keeper.requests[0], 200, "too late");
    fixture_close(&f);
}

static void a_request_outlives_its_server(void **state)
{
    (void)state;
    struct fixture f;
    struct keeper keeper = {0};
    fixture_open(&f, NULL);
    fixture_route(&f, "POST", "/keep/{id}", keep, &keeper);
    int fd = client_connect(f.address);
    int left = client_connect(f.address);
    client_send(left, "POST /keep/6 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    assert_true(fixture_wait(&f, has_kept, &keeper));
    close(left);
    assert_true(fixture_wait(&f, has_gone, &keeper));
    keeper.count = 0;
    ferry_request *first = keeper.requests[0];
    client_send(fd, "POST /keep/7?q=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
    assert_true(fixture_wait(&f, has_kept, &keeper));

    ferry_http_server_free(f.server);
    f.server = NULL;
    ferry_request *request = keeper.requests[0];
    size_t length;
    assert_true(ferry_request_is_gone(request));
    assert_int_equal(keeper.gone, 1);
    assert_string_equal(ferry_request_param(request, "id"), "7");
    assert_string_equal(ferry_request_route(request), "/keep/{id}");
    assert_string_equal(ferry_request_query(request, "q"), "1");
    assert_string_equal(ferry_request_header(request, "Host"), "h");
    assert_memory_equal(ferry_request_body(request, &length), "body", 4);
    assert_int_equal(ferry_request_set_header(request, "X", "y"), 0);
    ferry_request_reply_text(request, 200, "nowhere");
    ferry_request_reply_text(request, 200, "and twice");
    ferry_request_reply_owned(first, 200, NULL, strdup("nowhere"), 7);
    fixture_close(&f);
    close(fd);
}

/* ---- many ---- */

static void reply_posted(void *arg)
{
    ferry_request_reply_text(arg, 200, "later");
}

static void reply_later(ferry_request *request, void *ctx)
{
    ferry_loop_call_later(ctx, 0, reply_posted, request);
}

static void abort_many(struct client *client)
{
    for (size_t i = 0; i < client->count; i++) {
        int fd = client_connect(client->f->address);
        if (fd < 0)
            continue;
        const struct linger reset = {.l_onoff = 1};
        client_send(fd, client->text);
        if (i % 2)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
    }
}

static void aborted_requests_leave_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "GET /later HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /later HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf",
        "GET /later HTT",
        "",
    };
    struct fixture f;
    fixture_open(&f, NULL);
    fixture_route(&f, "GET,POST", "/later", reply_later, f.loop);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct client client = {
            .f = &f, .run = abort_many, .text = texts[i], .count = IS_SLOW ? 300 : 2500};
        client_run(&client);
    }
    assert_true(fixture_wait(&f, has_no_connections, NULL));
    assert_int_equal(fixture_stats(&f).in_flight, 0);
    assert_int_equal(fixture_stats(&f).receiving, 0);
    assert_int_equal(fixture_stats(&f).sending, 0);
    assert_int_equal(fixture_stats(&f).buffered_bytes, 0);
    fixture_close(&f);
}

/* Before each, one that leaves without a request: nothing but the sweep sees its end, and its
 * descriptor must not come back to another connection before. */
static void connect_many(struct client *client)
{
    for (size_t i = 0; i < client->count; i++) {
        int half = client_connect(client->f->address);
        client_send(half, "GET /la");
        close(half);
        int fd = client_connect(client->f->address);
        client_send(fd, client->text);
        char *reply = client_read_all(fd);
        client->fd += strstr(reply, "\r\n\r\nlater") != NULL;
        free(reply);
        close(fd);
    }
}

static void a_connection_per_request_is_served(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    fixture_route(&f, "GET", "/later", reply_later, f.loop);
    struct client client = {.f = &f,
                            .run = connect_many,
                            .text = "GET /later HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
                            .count = IS_SLOW ? 300 : 2000};
    client_run(&client);
    assert_int_equal(client.fd, client.count);
    assert_true(fixture_wait(&f, has_no_connections, NULL));
    assert_int_equal(fixture_stats(&f).accepted, 2 * client.count);
    fixture_close(&f);
}

/* ---- cleanup ---- */

static struct bytes ends;

static void end_with(void *arg)
{
    bytes_append_text(&ends, arg);
}

static void with_ends(ferry_request *request, void *ctx)
{
    (void)ctx;
    assert_int_equal(ferry_request_on_end(request, end_with, (void *)"first "), 0);
    assert_int_equal(ferry_request_on_end(request, end_with, (void *)"second "), 0);
    ferry_request_reply_text(request, 200, "done");
    assert_int_equal(ends.length, 0); /* after all else */
}

static void ends_are_called_once_in_reverse(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    fixture_route(&f, "GET", "/", with_ends, NULL);
    free(talk(&f, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    assert_string_equal(bytes_text(&ends), "second first ");
    bytes_fini(&ends);
    ends = (struct bytes){0};
    fixture_close(&f);
}

static ferry_request *held;

static void hold(ferry_request *request, void *ctx)
{
    held = request;
    ferry_request_on_end(request, end_with, (void *)"end ");
    ferry_loop_stop(ctx);
}

/* Not replied to in its server's life. */
static void ends_are_called_after_the_server(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    fixture_route(&f, "GET", "/", hold, f.loop);
    int fd = client_connect(f.address);
    client_send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    ferry_loop_run(f.loop);
    ferry_http_server_free(f.server);
    assert_int_equal(ends.length, 0);
    ferry_request_reply_text(held, 200, "to nobody");
    ferry_loop_free(f.loop);
    assert_string_equal(bytes_text(&ends), "end ");
    bytes_fini(&ends);
    ends = (struct bytes){0};
    close(fd);
}

static void free_server(void *arg)
{
    struct fixture *f = arg;
    ferry_http_server_free(f->server);
    f->server = NULL;
    ferry_loop_stop(f->loop);
}

static void with_last_end(ferry_request *request, void *ctx)
{
    ferry_request_on_end(request, free_server, ctx);
    ferry_request_reply_text(request, 200, "the last one");
}

static void an_end_may_free_the_server(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    fixture_route(&f, "GET", "/", with_last_end, &f);
    int fd = client_connect(f.address);
    client_send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    ferry_loop_run(f.loop);
    assert_null(f.server);
    close(fd);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handler_sees_what_was_asked),
        cmocka_unit_test(a_chunked_body_comes_whole),
        cmocka_unit_test(an_absolute_target_is_routed_by_its_path),
        cmocka_unit_test(a_walk_ends_where_the_visitor_says),
        cmocka_unit_test(a_client_that_leaves_is_noticed),
        cmocka_unit_test(a_client_that_leaves_more_requests_behind_is_noticed),
        cmocka_unit_test(on_gone_set_late_is_called),
        cmocka_unit_test(a_request_outlives_its_server),
        cmocka_unit_test(aborted_requests_leave_nothing),
        cmocka_unit_test(a_connection_per_request_is_served),
        cmocka_unit_test(ends_are_called_once_in_reverse),
        cmocka_unit_test(ends_are_called_after_the_server),
        cmocka_unit_test(an_end_may_free_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
