/*
 * The server as its clients see it.
 */
#include "http/fixture.h"

static void hello(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_request_reply_text(request, 200, "hello");
}

static void a_request_is_answered(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    fixture_route(&f, "GET", "/hello", hello, NULL);
    char *reply = ask(&f, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_has(reply, "HTTP/1.1 200 OK\r\n");
    assert_has(reply, "\r\n\r\nhello");
    free(reply);
    assert_true(fixture_wait(&f, has_no_connections, NULL));
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
