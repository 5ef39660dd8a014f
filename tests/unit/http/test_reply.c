/*
 * What goes out for a reply.
 */
#include <ferry/http_stream.h>

#include "http/fixture.h"

typedef void reply_fn(ferry_request *request);

static void reply_by(ferry_request *request, void *ctx)
{
    (*(reply_fn **)ctx)(request);
}

/* Ask a server whose handler is `fn`. */
static char *reply_to(const ferry_http_options *options, const char *text, reply_fn *fn)
{
    struct fixture f;
    fixture_open(&f, options);
    fixture_route(&f, "GET,POST", "/", reply_by, &fn);
    char *reply = ask(&f, text);
    assert_int_equal(fixture_stats(&f).in_flight, 0);
    fixture_close(&f);
    return reply;
}

/* All that comes until the connection ends: what no length speaks of, too. */
static char *all_to(const char *text, reply_fn *fn)
{
    struct fixture f;
    fixture_open(&f, NULL);
    fixture_route(&f, "GET", "/", reply_by, &fn);
    char *all = talk(&f, text);
    assert_lacks(all, "[no end]");
    fixture_close(&f);
    return all;
}

static const char get[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

static void with_hello(ferry_request *request)
{
    ferry_request_reply(request, 200, "text/plain", "hello", 5);
}

static void a_reply_has_status_type_length_and_date(void **state)
{
    (void)state;
    char *reply = reply_to(NULL, get, with_hello);
    assert_has(reply, "HTTP/1.1 200 OK\r\n");
    assert_has(reply, "\r\nContent-Type: text/plain\r\n");
    assert_has(reply, "\r\nContent-Length: 5\r\n");
    assert_has(reply, "\r\nDate: ");
    assert_lacks(reply, "Server:");
    assert_lacks(reply, "Connection:");
    free(reply);
    reply = reply_to(&(ferry_http_options){.server_name = "ferry"}, get, with_hello);
    assert_has(reply, "\r\nServer: ferry\r\n");
    free(reply);
}

static void head_has_the_length_and_no_body(void **state)
{
    (void)state;
    char *reply =
        reply_to(NULL, "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", with_hello);
    assert_has(reply, "\r\nContent-Length: 5\r\n");
    assert_lacks(reply, "hello");
    free(reply);
}

static void with_two_types(ferry_request *request)
{
    ferry_request_set_header(request, "content-type", "text/csv");
    ferry_request_reply(request, 200, "text/plain", "x", 1);
}

static void a_type_set_as_a_header_is_the_only_one(void **state)
{
    (void)state;
    char *reply = reply_to(NULL, get, with_two_types);
    assert_has(reply, "\r\ncontent-type: text/csv\r\n");
    assert_lacks(reply, "Content-Type");
    free(reply);
}

static void with_untyped(ferry_request *request)
{
    ferry_request_reply(request, 200, NULL, "x", 1);
}

static void no_type_is_no_type(void **state)
{
    (void)state;
    char *reply = reply_to(NULL, get, with_untyped);
    assert_lacks(reply, "Content-Type");
    free(reply);
}

static void with_nothing(ferry_request *request)
{
    ferry_request_reply(request, 204, "text/plain", "hello", 5);
}

static void with_owned_nothing(ferry_request *request)
{
    ferry_request_reply_owned(request, 304, "text/plain", strdup("hello"), 5);
}

static void some_statuses_have_no_body(void **state)
{
    (void)state;
    static const char last[] = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    char *reply = all_to(last, with_nothing);
    assert_has(reply, "HTTP/1.1 204 No Content\r\n");
    assert_lacks(reply, "Content-Length");
    assert_lacks(reply, "hello");
    free(reply);
    reply = all_to(last, with_owned_nothing);
    assert_has(reply, "HTTP/1.1 304 Not Modified\r\n");
    assert_lacks(reply, "hello");
    free(reply);
}

static void with_reset(ferry_request *request)
{
    ferry_request_reply(request, 205, "text/plain", "hello", 5);
}

static void with_reset_in_pieces(ferry_request *request)
{
    ferry_reply *reply = ferry_request_reply_begin(request, 205, "text/plain");
    assert_int_equal(ferry_reply_write(reply, "hello", 5), FERRY_CANCELLED);
    ferry_reply_end(reply);
}

/* Unlike a 204's, the end of a 205 has to be said. */
static void a_205_has_an_empty_body(void **state)
{
    (void)state;
    void (*const replies[])(ferry_request *) = {with_reset, with_reset_in_pieces};
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        char *reply = all_to("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", replies[i]);
        assert_has(reply, "HTTP/1.1 205 Reset Content\r\n");
        assert_has(reply, "\r\nContent-Length: 0\r\n");
        assert_lacks(reply, "Content-Type");
        assert_lacks(reply, "Transfer-Encoding");
        assert_string_equal(strstr(reply, "\r\n\r\n"), "\r\n\r\n");
        free(reply);
    }
}

enum { LONG_BODY = 3 << 20 };

static void with_owned(ferry_request *request)
{
    char *body = malloc(LONG_BODY);
    memset(body, 'x', LONG_BODY);
    ferry_request_reply_owned(request, 200, NULL, body, LONG_BODY);
}

static void memory_is_taken_over(void **state)
{
    (void)state;
    char *reply = reply_to(NULL, get, with_owned);
    assert_has(reply, "Content-Length: 3145728\r\n");
    assert_int_equal(strlen(strstr(reply, "\r\n\r\n")), LONG_BODY + 4);
    free(reply);
}

static size_t twice_logged;

static void count_twice(void *arg, ferry_log_level level, const char *line, size_t length)
{
    (void)arg, (void)level;
    twice_logged += memmem(line, length, "replied to twice", 16) != NULL;
}

static void with_three(ferry_request *request)
{
    ferry_request_reply_text(request, 200, "first");
    ferry_request_reply_text(request, 500, "second");
    ferry_request_reply_owned(request, 500, NULL, strdup("third"), 5);
    assert_int_equal(ferry_request_set_header(request, "A", "b"), FERRY_INVALID);
}

static void a_second_reply_is_logged_and_ignored(void **state)
{
    (void)state;
    twice_logged = 0;
    ferry_log_set_sink(count_twice, NULL);
    char *reply = reply_to(NULL, get, with_three);
    ferry_log_set_sink(NULL, NULL);
    assert_has(reply, "\r\n\r\nfirst");
    assert_lacks(reply, "second");
    assert_int_equal(twice_logged, 2);
    free(reply);
}

static void with_headers(ferry_request *request)
{
    static const char *const refused[][2] = {
        {"A b", "c"},
        {"", "c"},
        {"A:", "c"},
        {"A\r", "c"},
        {"A", "b\r\nX: y"},
        {"A", "b\nc"},
        {"A", "\x01"},
        {"A", "\x7f"},
        {"Content-Length", "7"},
        {"transfer-encoding", "chunked"},
        {"A", NULL},
        {NULL, "c"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_int_equal(ferry_request_set_header(request, refused[i][0], refused[i][1]),
                         FERRY_INVALID);
    assert_int_equal(ferry_request_set_header(request, "X-Good", "a\tb \xc3\xa9"), 0);
    ferry_request_reply(request, 200, "text/plain\r\nX: y", "ok", 2);
}

static void a_header_cannot_break_the_framing(void **state)
{
    (void)state;
    char *reply = reply_to(NULL, get, with_headers);
    assert_has(reply, "\r\nX-Good: a\tb \xc3\xa9\r\n");
    assert_lacks(reply, "X: y");
    free(reply);
}

static void with_error(ferry_request *request)
{
    ferry_error error;
    ferry_error_set(&error, FERRY_INVALID, "ms: \"x\" is not a number");
    ferry_request_reply_error(request, &error);
}

static void with_rejection(ferry_request *request)
{
    ferry_error error;
    ferry_error_set(&error, FERRY_REJECTED, "the queue is full");
    ferry_request_reply_error(request, &error);
}

static void with_own_retry_after(ferry_request *request)
{
    ferry_request_set_header(request, "Retry-After", "30");
    with_rejection(request);
}

static void with_cancelled(ferry_request *request)
{
    ferry_request_reply_error(request, &(ferry_error){.code = FERRY_CANCELLED});
}

static void an_error_is_a_problem_document(void **state)
{
    (void)state;
    char *reply = reply_to(NULL, get, with_error);
    assert_has(reply, "HTTP/1.1 400 Bad Request\r\n");
    assert_has(reply, "Content-Type: application/problem+json\r\n");
    assert_has(reply, "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
                      "\"detail\":\"ms: \\\"x\\\" is not a number\",\"code\":\"invalid\"}");
    assert_lacks(reply, "Retry-After");
    free(reply);
    reply = reply_to(NULL, get, with_cancelled);
    assert_has(reply, "HTTP/1.1 499 Client Closed Request\r\n");
    assert_lacks(reply, "detail");
    free(reply);
}

static void an_overload_says_when_to_come_back(void **state)
{
    (void)state;
    char *reply = reply_to(NULL, get, with_rejection);
    assert_has(reply, "HTTP/1.1 503 Service Unavailable\r\n");
    assert_has(reply, "\r\nRetry-After: 1\r\n");
    free(reply);
    reply = reply_to(NULL, get, with_own_retry_after);
    assert_has(reply, "\r\nRetry-After: 30\r\n");
    assert_lacks(reply, "Retry-After: 1\r\n");
    free(reply);
}

static void with_nonsense(ferry_request *request)
{
    ferry_request_reply_text(request, 42, "x");
}

static void a_status_outside_http_is_500(void **state)
{
    (void)state;
    char *reply = reply_to(NULL, get, with_nonsense);
    assert_has(reply, "HTTP/1.1 500 Internal Server Error\r\n");
    free(reply);
}

static void with_no_text(ferry_request *request)
{
    ferry_request_reply_text(request, 200, NULL);
}

static void with_no_json(ferry_request *request)
{
    ferry_request_reply_json(request, 200, NULL);
}

static void with_a_length_only(ferry_request *request)
{
    ferry_request_reply(request, 200, "text/plain", NULL, 5);
}

static void with_an_unset_error(ferry_request *request)
{
    ferry_request_reply_error(request, &(ferry_error){0});
}

static void with_no_error(ferry_request *request)
{
    ferry_request_reply_error(request, NULL);
}

static void an_error_that_was_not_set_is_500(void **state)
{
    (void)state;
    void (*const handlers[])(ferry_request *) = {with_an_unset_error, with_no_error};
    for (int i = 0; i < 2; i++) {
        char *reply = reply_to(NULL, get, handlers[i]);
        assert_has(reply, "HTTP/1.1 500 Internal Server Error\r\n");
        assert_has(reply, "\"code\":\"internal\"");
        free(reply);
    }
}

static void a_body_that_is_not_there_is_500(void **state)
{
    (void)state;
    reply_fn *const replies[] = {with_no_text, with_no_json, with_a_length_only};
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        char *reply = reply_to(NULL, get, replies[i]);
        assert_has(reply, "HTTP/1.1 500 Internal Server Error\r\n");
        assert_has(reply, "\r\nContent-Type: application/problem+json\r\n");
        free(reply);
    }
}

/* Each ends by the server's closing, or talk() would give up with "[no end]". */
static void a_connection_closes_when_it_must(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: foo, Close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: close, foo\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
    };
    reply_fn *fn = with_hello;
    struct fixture f;
    fixture_open(&f, NULL);
    fixture_route(&f, "GET", "/", reply_by, &fn);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *reply = talk(&f, texts[i]);
        assert_has(reply, "\r\nConnection: close\r\n");
        assert_has(reply, "\r\nContent-Length: 5\r\n");
        assert_has(reply, "\r\n\r\nhello");
        assert_lacks(reply, "[no end]");
        free(reply);
    }
    fixture_close(&f);
}

static void http_1_0_can_keep_alive(void **state)
{
    (void)state;
    reply_fn *fn = with_hello;
    struct fixture f;
    fixture_open(&f, NULL);
    fixture_route(&f, "GET", "/", reply_by, &fn);
    char *reply =
        talk(&f, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n");
    assert_has(reply, "\r\nConnection: keep-alive\r\n");
    const char *second = strstr(reply, "hello") + 5;
    assert_has(second, "\r\n\r\nhello");
    free(reply);
    fixture_close(&f);
}

static void with_close(ferry_request *request)
{
    ferry_request_set_header(request, "Connection", "close");
    with_hello(request);
}

static void a_handler_can_close(void **state)
{
    (void)state;
    reply_fn *fn = with_close;
    struct fixture f;
    fixture_open(&f, NULL);
    fixture_route(&f, "GET", "/", reply_by, &fn);
    char *reply = talk(&f, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_has(reply, "\r\nConnection: close\r\n");
    assert_lacks(reply, "keep-alive");
    assert_lacks(reply, "[no end]");
    free(reply);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_has_status_type_length_and_date),
        cmocka_unit_test(head_has_the_length_and_no_body),
        cmocka_unit_test(a_type_set_as_a_header_is_the_only_one),
        cmocka_unit_test(no_type_is_no_type),
        cmocka_unit_test(some_statuses_have_no_body),
        cmocka_unit_test(a_205_has_an_empty_body),
        cmocka_unit_test(memory_is_taken_over),
        cmocka_unit_test(a_second_reply_is_logged_and_ignored),
        cmocka_unit_test(a_header_cannot_break_the_framing),
        cmocka_unit_test(an_error_is_a_problem_document),
        cmocka_unit_test(an_overload_says_when_to_come_back),
        cmocka_unit_test(a_status_outside_http_is_500),
        cmocka_unit_test(an_error_that_was_not_set_is_500),
        cmocka_unit_test(a_body_that_is_not_there_is_500),
        cmocka_unit_test(a_connection_closes_when_it_must),
        cmocka_unit_test(http_1_0_can_keep_alive),
        cmocka_unit_test(a_handler_can_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
