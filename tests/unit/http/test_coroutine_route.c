/* Routes whose handler runs as a coroutine. */
#include <ferry/coroutine.h>

#include <malloc.h>

#include "fixture.h"
#include "support.h"

static int setup(void **state)
{
    static struct fixture fixture;
    fixture_open(&fixture, NULL);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_close(*state);
    return 0;
}

static void sleep_and_reply(ferry_request *request, void *ctx)
{
    assert_true(ferry_in_coroutine());
    ferry_request_reply_text(request, ferry_sleep(5) == 0 ? 200 : 500, ctx);
}

static void test_a_handler_may_wait(void **state)
{
    struct fixture *f = *state;
    ferry_error error = {0};
    assert_int_equal(ferry_http_route_coroutine(f->server, "GET", "/sleep", sleep_and_reply,
                                                &(char[]){"slept"}, &error),
                     0);
    assert_int_equal(
        ferry_http_route_coroutine(f->server, "GET", "/sleep", sleep_and_reply, NULL, &error),
        FERRY_CONFLICT);
    char *reply = ask(f, "GET /sleep HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_non_null(strstr(reply, " 200 "));
    assert_non_null(strstr(reply, "\r\n\r\nslept"));
    free(reply);
}

static void *sleep_long(void *arg, ferry_error *error)
{
    (void)arg, (void)error;
    ferry_sleep(100000);
    return NULL;
}

static void test_past_the_limit_the_answer_is_503(void **state)
{
    struct fixture *f = *state;
    const ferry_coroutine_options one = {.limit = 1};
    ferry_loop_set_coroutines(f->loop, &one);
    ferry_http_route_coroutine(f->server, "GET", "/sleep", sleep_and_reply, NULL, NULL);
    ferry_future_free(ferry_spawn(f->loop, sleep_long, NULL, NULL));
    char *reply = ask(f, "GET /sleep HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_non_null(strstr(reply, " 503 "));
    free(reply);
}

static struct fixture *fixture;

static void free_server_and_reply(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_loop_stop(fixture->loop);
    assert_int_equal(ferry_sleep(100000), FERRY_CANCELLED); /* until the loop ends */
    ferry_request_reply_text(request, 200, "to nobody");
}

static void test_a_handler_may_outlive_the_server(void **state)
{
    fixture = *state;
    ferry_http_route_coroutine(fixture->server, "GET", "/", free_server_and_reply, NULL, NULL);
    int fd = client_connect(fixture->address);
    client_send(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    ferry_loop_run(fixture->loop);
    close(fd);
}

/* ---- routes that are replaced ---- */

/* The sanitizers' malloc has numbers of its own. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t allocated_bytes(void)
{
    return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes()
                                                   : mallinfo2().uordblks;
}

static void replace_routes(ferry_http_server *server, bool is_taken)
{
    assert_int_equal(ferry_http_routes_begin(server, NULL), 0);
    assert_int_equal(
        ferry_http_route_coroutine(server, "GET", "/sleep", sleep_and_reply, NULL, NULL), 0);
    ferry_http_routes_end(server, is_taken);
}

static void test_routes_that_are_replaced_leave_nothing(void **state)
{
    const struct fixture *f = *state;
    size_t early = 0;
    for (int i = 0; i < 200; i++) {
        replace_routes(f->server, i % 2);
        if (i == 99)
            early = allocated_bytes();
    }
    assert_int_equal(allocated_bytes(), early);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_handler_may_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_past_the_limit_the_answer_is_503, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_handler_may_outlive_the_server, setup, teardown),
        cmocka_unit_test_setup_teardown(test_routes_that_are_replaced_leave_nothing, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
