/* The HTTP client whose loop is freed before it: what coroutines await ends. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCHED(test_coroutines_that_fetch_end_with_their_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
