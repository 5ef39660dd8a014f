/* The HTTP client at its end: freed from inside, its loop before it, or never made. */
#include "client_fixture.h"

#include <ferry/coroutine.h>

#include "loop/watchdog.h"

struct kept {
    ferry_request *requests[2];
    unsigned count;
};

static void keep(ferry_request *request, void *ctx)
{
    struct kept *kept = ctx;
    assert_true(kept->count < COUNT_OF(kept->requests));
    kept->requests[kept->count++] = request;
}

static bool has_both(struct fixture *f, void *arg)
{
    (void)f;
    return ((struct kept *)arg)->count == 2;
}

static void *fetch_twice(void *arg, ferry_error *error)
{
    struct client_fixture *c = arg;
    for (int i = 0; i < 2; i++) {
        const ferry_fetch_options options = {.url = url_of(c, "/keep")};
        assert_null(ferry_await(ferry_fetch(c->client, &options), error));
        assert_int_equal(error->code, FERRY_CANCELLED);
    }
    *error = (ferry_error){0};
    return NULL;
}

static void test_coroutines_that_fetch_end_with_their_loop(void **state)
{
    (void)state;
    struct client_fixture c;
    struct kept kept = {0};
    struct outcome other = {0};
    client_open(&c, NULL);
    fixture_route(&c.f, "GET", "/keep", keep, &kept);
    ferry_future *fetching = ferry_spawn(c.f.loop, fetch_twice, &c, NULL);
    ferry_future_then(ferry_fetch(c.client, &(ferry_fetch_options){.url = url_of(&c, "/keep")}),
                      outcome_take, &other);
    assert_true(fixture_wait(&c.f, has_both, &kept));
    ferry_http_server_free(c.f.server);
    for (unsigned i = 0; i < kept.count; i++)
        ferry_request_reply_text(kept.requests[i], 200, "to nobody");
    ferry_loop_free(c.f.loop);
    assert_true(ferry_future_is_done(fetching));
    ferry_future_free(fetching);
    assert_false(other.is_done);
    ferry_http_client_free(c.client);
}

static bool free_client(void *arg, const ferry_response *response, const void *data, size_t length)
{
    (void)response, (void)data, (void)length;
    ferry_http_client_free(arg);
    return true;
}

static void say(ferry_request *request, void *ctx)
{
    ferry_request_reply_text(request, 200, ctx);
}

static void test_a_free_in_on_chunk_is_refused(void **state)
{
    (void)state;
    struct client_fixture c;
    client_open(&c, NULL);
    fixture_route(&c.f, "GET", "/", say, (char[]){"hello"});
    const ferry_fetch_options options = {
        .url = url_of(&c, "/"), .on_chunk = free_client, .arg = c.client};
    ferry_response_free(fetch_ok(&c, &options));
    client_close(&c);
}

static void count_free(void *body)
{
    ++*(unsigned *)body;
}

static void test_a_fetch_after_the_loop_has_closed_is_refused(void **state)
{
    (void)state;
    unsigned body = 0;
    ferry_loop *loop = ferry_loop_new();
    ferry_http_client *client = ferry_http_client_new(loop, NULL);
    ferry_loop_free(loop);
    const ferry_fetch_options options = {
        .url = "http://127.0.0.1:1/", .body = &body, .body_length = 1, .free_body = count_free};
    ferry_future *future = ferry_fetch(client, &options);
    assert_true(ferry_future_is_done(future));
    assert_int_equal(ferry_future_error(future)->code, FERRY_REJECTED);
    assert_int_equal(body, 1);
    ferry_future_free(future);
    ferry_http_client_free(client);
}

static void test_a_user_agent_that_is_no_header_is_refused(void **state)
{
    (void)state;
    ferry_loop *loop = ferry_loop_new();
    assert_null(
        ferry_http_client_new(loop, &(ferry_http_client_options){.user_agent = "a\r\nX-Evil: 1"}));
    ferry_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCHED(test_coroutines_that_fetch_end_with_their_loop),
        WATCHED(test_a_free_in_on_chunk_is_refused),
        WATCHED(test_a_fetch_after_the_loop_has_closed_is_refused),
        WATCHED(test_a_user_agent_that_is_no_header_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
