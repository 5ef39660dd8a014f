/*
 * The HTTP client against ferry's own server on the same loop: what comes back, and every way that
 * a fetch can end.
 */
#include "client_fixture.h"

#include <netdb.h>
#include <semaphore.h>

/* ---- handlers ---- */

static void hello(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_request_set_header(request, "X-Many", "one");
    ferry_request_set_header(request, "X-Other", "");
    ferry_request_set_header(request, "x-many", "two");
    ferry_request_reply_text(request, 200, "hello");
}

static void answer_with(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_request_reply_text(request, atoi(ferry_request_param(request, "status")), "so be it");
}

/* Keeps requests, for replies that come later or never. */
struct kept {
    ferry_request *requests[8];
    unsigned count;
    unsigned gone;
};

static void on_kept_gone(void *arg)
{
    ((struct kept *)arg)->gone++;
}

static void keep(ferry_request *request, void *ctx)
{
    struct kept *kept = ctx;
    assert_true(kept->count < COUNT_OF(kept->requests));
    kept->requests[kept->count++] = request;
    ferry_request_on_gone(request, on_kept_gone, kept);
}

static void kept_reply(struct kept *kept)
{
    for (unsigned i = 0; i < kept->count; i++)
        ferry_request_reply_text(kept->requests[i], 200, "late");
    kept->count = 0;
}

static void big(ferry_request *request, void *ctx)
{
    (void)ctx;
    size_t length = strtoul(ferry_request_query(request, "bytes"), NULL, 10);
    char *body = malloc(length + 1);
    memset(body, 'x', length);
    ferry_request_reply_owned(request, 200, "text/plain", body, length);
}

static void open_all(struct client_fixture *c, const ferry_http_client_options *options)
{
    client_open(c, options);
    fixture_route(&c->f, "GET", "/hello", hello, NULL);
    fixture_route(&c->f, "GET", "/status/{status}", answer_with, NULL);
    fixture_route(&c->f, "GET", "/big", big, NULL);
}

/* ---- what comes back ---- */

static void test_response_has_status_headers_body_and_url(void **state)
{
    (void)state;
    struct client_fixture c;
    open_all(&c, NULL);
    ferry_response *response = get_ok(&c, "/hello");
    size_t count, length, many = 0;
    assert_int_equal(ferry_response_status(response), 200);
    assert_body(response, "hello");
    assert_string_equal(ferry_response_url(response), c.url);
    assert_string_equal(ferry_response_header(response, "x-MANY"), "one");
    assert_string_equal(ferry_response_header(response, "x-other"), "");
    assert_null(ferry_response_header(response, "X-None"));
    const ferry_header *headers = ferry_response_headers(response, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(headers[i].name, "x-many") == 0)
            assert_string_equal(headers[i].value, many++ ? "two" : "one");
    }
    assert_int_equal(many, 2);
    assert_true(times_of(response).total_ms >= times_of(response).first_byte_ms);
    assert_int_equal(((const char *)ferry_response_body(response, &length))[5], '\0');
    ferry_response_free(response);
    client_close(&c);
}

static void test_a_status_is_no_error(void **state)
{
    (void)state;
    struct client_fixture c;
    open_all(&c, NULL);
    const int statuses[] = {204, 304, 400, 404, 500, 503};
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        char path[32];
        snprintf(path, sizeof path, "/status/%d", statuses[i]);
        ferry_response *response = get_ok(&c, path);
        assert_int_equal(ferry_response_status(response), statuses[i]);
        ferry_response_free(response);
    }
    client_close(&c);
}

static void test_connections_are_reused(void **state)
{
    (void)state;
    struct client_fixture c;
    open_all(&c, NULL);
    for (unsigned i = 0; i < 20; i++) {
        ferry_response *response = get_ok(&c, "/hello");
        assert_int_equal(times_of(response).connections, i == 0 ? 1 : 0);
        ferry_response_free(response);
    }
    assert_int_equal(fixture_stats(&c.f).accepted, 1);
    client_close(&c);
}

/* A connection for each, on recycled descriptors: none may be forgotten by the poller. */
static void test_descriptors_are_recycled(void **state)
{
    (void)state;
    struct client_fixture c;
    open_all(&c, NULL);
    const ferry_header close[] = {{"Connection", "close"}};
    for (unsigned i = 0; i < 100; i++) {
        ferry_response *response =
            fetch_ok(&c, &(ferry_fetch_options){
                             .url = url_of(&c, "/hello"), .headers = close, .header_count = 1});
        assert_int_equal(times_of(response).connections, 1);
        ferry_response_free(response);
    }
    client_close(&c);
}

/* ---- limits ---- */

static void test_a_body_past_its_limit(void **state)
{
    (void)state;
    struct client_fixture c;
    open_all(&c, NULL);
    fetch_fails(&c,
                &(ferry_fetch_options){.url = url_of(&c, "/big?bytes=1001"), .body_bytes = 1000},
                FERRY_TOO_LARGE);
    ferry_response *response = fetch_ok(
        &c, &(ferry_fetch_options){.url = url_of(&c, "/big?bytes=1000"), .body_bytes = 1000});
    ferry_response_free(response);
    fetch_fails(&c, &(ferry_fetch_options){.url = url_of(&c, "/big?bytes=8388609")},
                FERRY_TOO_LARGE);
    client_close(&c);
}

struct chunks {
    struct client_fixture *c;
    size_t bytes, calls, until_bytes;
    ferry_future *future;    /* to be cancelled */
    ferry_future *more;      /* asked for from within */
    struct outcome *outcome; /* its */
};

static bool count_chunk(void *arg, const ferry_response *response, const void *data, size_t length)
{
    struct chunks *chunks = arg;
    (void)data;
    assert_int_equal(ferry_response_status(response), 200);
    assert_non_null(ferry_response_header(response, "Content-Length"));
    chunks->bytes += length;
    chunks->calls++;
    return !chunks->until_bytes || chunks->bytes < chunks->until_bytes;
}

static void test_a_body_in_chunks(void **state)
{
    (void)state;
    struct client_fixture c;
    open_all(&c, NULL);
    struct chunks chunks = {0};
    ferry_fetch_options options = {
        .url = url_of(&c, "/big?bytes=9000000"), .on_chunk = count_chunk, .arg = &chunks};
    ferry_response *response = fetch_ok(&c, &options);
    assert_int_equal(chunks.bytes, 9000000);
    assert_true(chunks.calls > 1);
    assert_body(response, "");
    ferry_response_free(response);
    chunks = (struct chunks){.until_bytes = 100000};
    fetch_fails(&c, &options, FERRY_CANCELLED);
    assert_true(chunks.bytes < 9000000);
    chunks = (struct chunks){0};
    options.body_bytes = 100000;
    fetch_fails(&c, &options, FERRY_TOO_LARGE);
    assert_true(chunks.bytes <= 100000);
    client_close(&c);
}

/* libcurl takes no calls from within its callbacks; a user's may make them. */
static bool reenter_chunk(void *arg, const ferry_response *response, const void *data,
                          size_t length)
{
    struct chunks *chunks = arg;
    (void)response, (void)data, (void)length;
    if (chunks->calls++ == 0) {
        ferry_future_cancel(chunks->future);
        chunks->more = ferry_fetch(chunks->c->client,
                                   &(ferry_fetch_options){.url = url_of(chunks->c, "/hello")});
        ferry_future_then(chunks->more, outcome_take, chunks->outcome);
    }
    return true;
}

static bool is_outcome_done(struct fixture *f, void *arg)
{
    (void)f;
    return ((struct outcome *)arg)->is_done;
}

static void test_fetch_and_cancel_from_within_a_chunk(void **state)
{
    (void)state;
    struct client_fixture c;
    open_all(&c, NULL);
    struct outcome first = {0}, second = {0};
    struct chunks chunks = {.c = &c, .outcome = &second};
    chunks.future = ferry_fetch(c.client, &(ferry_fetch_options){
                                              .url = url_of(&c, "/big?bytes=9000000"),
                                              .on_chunk = reenter_chunk,
                                              .arg = &chunks,
                                          });
    ferry_future_then(chunks.future, outcome_take, &first);
    assert_true(fixture_wait(&c.f, is_outcome_done, &first));
    assert_true(fixture_wait(&c.f, is_outcome_done, &second));
    assert_int_equal(first.error.code, FERRY_CANCELLED);
    assert_int_equal(chunks.calls, 1);
    assert_body(second.response, "hello");
    ferry_response_free(second.response);
    client_close(&c);
}

/* ---- ends ---- */

static bool has_kept(struct fixture *f, void *arg)
{
    (void)f;
    return ((struct kept *)arg)->count > 0;
}

static bool has_lost(struct fixture *f, void *arg)
{
    (void)f;
    return ((struct kept *)arg)->gone > 0;
}

static void test_cancel_ends_the_transfer(void **state)
{
    (void)state;
    struct client_fixture c;
    struct kept kept = {0};
    client_open(&c, NULL);
    fixture_route(&c.f, "GET", "/keep", keep, &kept);
    ferry_future *future =
        ferry_fetch(c.client, &(ferry_fetch_options){.url = url_of(&c, "/keep")});
    assert_true(fixture_wait(&c.f, has_kept, &kept));
    ferry_future_cancel(future);
    ferry_future_cancel(future);
    assert_false(ferry_future_is_done(future)); /* told in a later turn */
    assert_int_equal(await(c.f.loop, future).error.code, FERRY_CANCELLED);
    assert_true(fixture_wait(&c.f, has_lost, &kept)); /* the server sees it */
    kept_reply(&kept);
    client_close(&c);
}

static void test_cancel_before_anything_was_sent(void **state)
{
    (void)state;
    struct client_fixture c;
    open_all(&c, NULL);
    ferry_future *future =
        ferry_fetch(c.client, &(ferry_fetch_options){.url = url_of(&c, "/hello")});
    ferry_future_cancel(future);
    assert_int_equal(await(c.f.loop, future).error.code, FERRY_CANCELLED);
    assert_int_equal(fixture_stats(&c.f).in_flight, 0);
    client_close(&c);
}

static void test_the_whole_has_a_deadline(void **state)
{
    (void)state;
    struct client_fixture c;
    struct kept kept = {0};
    client_open(&c, &(ferry_http_client_options){.host_connections = 1});
    fixture_route(&c.f, "GET", "/keep", keep, &kept);
    ferry_future *first =
        ferry_fetch(c.client, &(ferry_fetch_options){.url = url_of(&c, "/keep"), .timeout_ms = -1});
    assert_true(fixture_wait(&c.f, has_kept, &kept));
    /* It waits for the one connection; the time counts also there. */
    fetch_fails(&c, &(ferry_fetch_options){.url = url_of(&c, "/keep"), .timeout_ms = 30},
                FERRY_DEADLINE);
    assert_int_equal(kept.count, 1);
    kept_reply(&kept);
    ferry_response_free(await(c.f.loop, first).response);
    fetch_fails(&c, &(ferry_fetch_options){.url = url_of(&c, "/keep"), .timeout_ms = 30},
                FERRY_DEADLINE);
    kept_reply(&kept);
    client_close(&c);
}

static void test_connections_to_a_host_are_bounded(void **state)
{
    (void)state;
    struct client_fixture c;
    struct kept kept = {0};
    struct outcome outcomes[6] = {0};
    client_open(&c, &(ferry_http_client_options){.host_connections = 2});
    fixture_route(&c.f, "GET", "/keep", keep, &kept);
    for (size_t i = 0; i < COUNT_OF(outcomes); i++)
        ferry_future_then(ferry_fetch(c.client, &(ferry_fetch_options){.url = url_of(&c, "/keep")}),
                          outcome_take, &outcomes[i]);
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        while (!outcomes[i].is_done) {
            assert_true(fixture_wait(&c.f, has_kept, &kept));
            assert_true(kept.count <= 2);
            kept_reply(&kept);
            assert_true(fixture_wait(&c.f, is_outcome_done, &outcomes[i]) || kept.count > 0);
        }
        assert_body(outcomes[i].response, "late");
        ferry_response_free(outcomes[i].response);
    }
    assert_true(fixture_stats(&c.f).accepted <= 2);
    client_close(&c);
}

static void test_fetches_are_bounded(void **state)
{
    (void)state;
    struct client_fixture c;
    struct kept kept = {0};
    client_open(&c, &(ferry_http_client_options){.fetches = 1});
    fixture_route(&c.f, "GET", "/keep", keep, &kept);
    ferry_future *first = ferry_fetch(c.client, &(ferry_fetch_options){.url = url_of(&c, "/keep")});
    fetch_fails(&c, &(ferry_fetch_options){.url = url_of(&c, "/keep")}, FERRY_REJECTED);
    assert_true(fixture_wait(&c.f, has_kept, &kept));
    kept_reply(&kept);
    ferry_response_free(await(c.f.loop, first).response);
    first = ferry_fetch(c.client, &(ferry_fetch_options){.url = url_of(&c, "/keep")});
    assert_true(fixture_wait(&c.f, has_kept, &kept));
    kept_reply(&kept);
    ferry_response_free(await(c.f.loop, first).response);
    client_close(&c);
}

static void test_freeing_the_client_ends_its_fetches(void **state)
{
    (void)state;
    struct client_fixture c;
    struct kept kept = {0};
    struct outcome outcomes[3] = {0};
    client_open(&c, &(ferry_http_client_options){.host_connections = 1});
    fixture_route(&c.f, "GET", "/keep", keep, &kept);
    for (size_t i = 0; i < COUNT_OF(outcomes); i++)
        ferry_future_then(ferry_fetch(c.client, &(ferry_fetch_options){.url = url_of(&c, "/keep")}),
                          outcome_take, &outcomes[i]);
    assert_true(fixture_wait(&c.f, has_kept, &kept));
    ferry_http_client_free(c.client);
    c.client = NULL;
    assert_false(outcomes[0].is_done);
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        assert_true(fixture_wait(&c.f, is_outcome_done, &outcomes[i]));
        assert_int_equal(outcomes[i].error.code, FERRY_CANCELLED);
    }
    kept_reply(&kept);
    client_close(&c);
}

/* The leak checker sees to the rest. */
static void test_a_loop_that_closes_first_tells_nobody(void **state)
{
    (void)state;
    struct client_fixture c;
    struct outcome outcome = {0};
    open_all(&c, NULL);
    ferry_future_then(ferry_fetch(c.client, &(ferry_fetch_options){.url = url_of(&c, "/hello")}),
                      outcome_take, &outcome);
    ferry_future_then(ferry_fetch(c.client, &(ferry_fetch_options){.url = "bad"}), outcome_take,
                      &outcome);
    client_close(&c);
    assert_false(outcome.is_done);
}

static void free_client(ferry_future *future, void *arg)
{
    struct client_fixture *c = arg;
    assert_non_null(ferry_future_result(future));
    ferry_http_client_free(c->client);
    c->client = NULL;
    ferry_loop_stop(c->f.loop);
}

static void test_the_client_may_be_freed_in_a_callback(void **state)
{
    (void)state;
    struct client_fixture c;
    struct outcome other = {0};
    open_all(&c, NULL);
    ferry_future_then(ferry_fetch(c.client, &(ferry_fetch_options){.url = url_of(&c, "/hello")}),
                      free_client, &c);
    ferry_future_then(
        ferry_fetch(c.client, &(ferry_fetch_options){.url = url_of(&c, "/status/404")}),
        outcome_take, &other);
    ferry_loop_run(c.f.loop);
    assert_true(fixture_wait(&c.f, is_outcome_done, &other));
    ferry_response_free(other.response);
    client_close(&c);
}

/* ---- names ---- */

static sem_t look_up_may_end, look_up_began, look_up_ended;

/* In place of the system's: libcurl's thread calls this one, and waits. */
FERRY_API int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                          struct addrinfo **result)
{
    (void)node, (void)service, (void)hints, (void)result;
    sem_post(&look_up_began);
    sem_wait(&look_up_may_end);
    sem_post(&look_up_ended);
    return EAI_NONAME;
}

static bool has_looked_up(struct fixture *f, void *arg)
{
    (void)f, (void)arg;
    return sem_trywait(&look_up_began) == 0;
}

static void test_a_name_look_up_does_not_hold_the_loop(void **state)
{
    (void)state;
    struct client_fixture c;
    open_all(&c, NULL);
    sem_init(&look_up_may_end, 0, 0);
    sem_init(&look_up_began, 0, 0);
    sem_init(&look_up_ended, 0, 0);
    ferry_future *cancelled =
        ferry_fetch(c.client, &(ferry_fetch_options){.url = "http://a.example/"});
    assert_true(fixture_wait(&c.f, has_looked_up, NULL));
    ferry_response_free(get_ok(&c, "/hello")); /* the loop goes on meanwhile */
    /* None of these ends waits for the thread, which would be for ever. */
    ferry_future_cancel(cancelled);
    assert_int_equal(await(c.f.loop, cancelled).error.code, FERRY_CANCELLED);
    fetch_fails(&c, &(ferry_fetch_options){.url = "http://b.example/", .timeout_ms = 30},
                FERRY_DEADLINE);
    fetch_fails(&c, &(ferry_fetch_options){.url = "http://c.example/", .connect_timeout_ms = 30},
                FERRY_DEADLINE);
    ferry_future *failing =
        ferry_fetch(c.client, &(ferry_fetch_options){.url = "http://d.example/"});
    for (unsigned i = 0; i < 4; i++)
        sem_post(&look_up_may_end);
    struct outcome outcome = await(c.f.loop, failing);
    assert_int_equal(outcome.error.code, FERRY_TRANSIENT);
    assert_has(outcome.error.message, "d.example");
    sem_wait(&look_up_ended);                /* the first one's, whose beginning was waited for */
    while (sem_trywait(&look_up_began) == 0) /* of the others a late one may never have begun */
        sem_wait(&look_up_ended);
    client_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_response_has_status_headers_body_and_url),
        cmocka_unit_test(test_a_status_is_no_error),
        cmocka_unit_test(test_connections_are_reused),
        cmocka_unit_test(test_descriptors_are_recycled),
        cmocka_unit_test(test_a_body_past_its_limit),
        cmocka_unit_test(test_a_body_in_chunks),
        cmocka_unit_test(test_fetch_and_cancel_from_within_a_chunk),
        cmocka_unit_test(test_cancel_ends_the_transfer),
        cmocka_unit_test(test_cancel_before_anything_was_sent),
        cmocka_unit_test(test_the_whole_has_a_deadline),
        cmocka_unit_test(test_connections_to_a_host_are_bounded),
        cmocka_unit_test(test_fetches_are_bounded),
        cmocka_unit_test(test_freeing_the_client_ends_its_fetches),
        cmocka_unit_test(test_a_loop_that_closes_first_tells_nobody),
        cmocka_unit_test(test_the_client_may_be_freed_in_a_callback),
        cmocka_unit_test(test_a_name_look_up_does_not_hold_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
