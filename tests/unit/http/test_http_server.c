/*
 * The server as its clients see it: which route, and what is said when there is none.
 */
#include "http/fixture.h"

static void say(ferry_request *request, void *ctx)
{
    ferry_request_reply_text(request, 200, ctx);
}

static void open_routes(struct fixture *f)
{
    static char list[] = "list", one[] = "one", any[] = "any";
    fixture_open(f, NULL);
    fixture_route(f, "GET,POST", "/users", say, list);
    fixture_route(f, "GET", "/users/{id}", say, one);
    fixture_route(f, "PATCH,PUT,DELETE,OPTIONS", "/any", say, any);
}

static void a_method_and_a_path_find_their_answer(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *parts[3];
    } cases[] = {
        {"GET /users", {"HTTP/1.1 200 OK\r\n", "\r\n\r\nlist"}},
        {"GET /users?a=b", {"\r\n\r\nlist"}},
        {"GET /users/7", {"\r\n\r\none"}},
        {"POST /users", {"\r\n\r\nlist"}},
        {"PATCH /any", {"\r\n\r\nany"}},
        {"DELETE /any", {"\r\n\r\nany"}},
        {"OPTIONS /any", {"\r\n\r\nany"}},
        {"GET /none", {"HTTP/1.1 404 Not Found\r\n", "application/problem+json", "\"not_found\""}},
        {"GET //users", {"HTTP/1.1 404 Not Found\r\n"}},
        {"GET /x/../users", {"HTTP/1.1 404 Not Found\r\n"}},
        {"GET /users%00x", {"HTTP/1.1 400 Bad Request\r\n", "malformed escape"}},
        {"PUT /users",
         {"HTTP/1.1 405 Method Not Allowed\r\n", "\r\nAllow: GET, POST, HEAD, OPTIONS\r\n",
          "\"status\":405"}},
        {"OPTIONS /users",
         {"HTTP/1.1 204 No Content\r\n", "\r\nAllow: GET, POST, HEAD, OPTIONS\r\n"}},
        {"OPTIONS /none", {"HTTP/1.1 404 Not Found\r\n"}},
        {"OPTIONS *", {"HTTP/1.1 204 No Content\r\n", "\r\nAllow: GET, "}},
    };
    struct fixture f;
    open_routes(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
                 cases[i].line);
        char *reply = ask(&f, text);
        for (size_t j = 0; j < 3 && cases[i].parts[j]; j++)
            assert_has(reply, cases[i].parts[j]);
        free(reply);
    }
    fixture_close(&f);
}

/* Their framing cannot be trusted, so the connection ends with the answer. */
static void what_is_not_offered_is_refused_and_closed(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"BREW /users HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 501 Not Implemented\r\n"},
        {"CONNECT example.org:443 HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 501 Not Implemented\r\n"},
        {"HEAD /users HTTP/1.1\r\nHost: h\r\nContent-Length: 33\r\n\r\n"
         "GET /users HTTP/1.1\r\nHost: h\r\n\r\n",
         "HTTP/1.1 400 Bad Request\r\n"},
    };
    struct fixture f;
    open_routes(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *reply = talk(&f, cases[i][0]);
        assert_has(reply, cases[i][1]);
        assert_has(reply, "\r\nConnection: close\r\n");
        assert_lacks(reply, "200 OK");
        assert_lacks(reply, "[no end]");
        free(reply);
    }
    fixture_close(&f);
}

static void a_malformed_request_is_400(void **state)
{
    (void)state;
    struct fixture f;
    open_routes(&f);
    char *reply = talk(&f, "nonsense without end\r\n\r\n");
    assert_has(reply, "HTTP/1.1 400 Bad Request\r\n");
    assert_lacks(reply, "[no end]");
    free(reply);
    assert_true(fixture_wait(&f, has_no_connections, NULL));
    fixture_close(&f);
}

/* With the length that a body would have. */
static void a_head_request_that_is_refused_gets_no_body(void **state)
{
    (void)state;
    struct fixture f;
    open_routes(&f);
    char *reply = talk(&f, "HEAD /users HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    assert_has(reply, "HTTP/1.1 400 Bad Request\r\n");
    assert_has(reply, "\r\nContent-Length: 1");
    assert_string_equal(strstr(reply, "\r\n\r\n"), "\r\n\r\n");
    free(reply);
    fixture_close(&f);
}

static void nothing_to_free_is_allowed(void **state)
{
    (void)state;
    ferry_http_server_free(NULL);
}

static void a_route_can_be_refused(void **state)
{
    (void)state;
    struct fixture f;
    ferry_error error = {0};
    open_routes(&f);
    assert_int_equal(ferry_http_route(f.server, "GET", "/users", say, NULL, &error),
                     FERRY_CONFLICT);
    assert_int_equal(ferry_http_route(f.server, "GET", "users", say, NULL, &error), FERRY_INVALID);
    fixture_close(&f);
}

static void a_server_can_be_freed_with_open_connections(void **state)
{
    (void)state;
    struct fixture f;
    open_routes(&f);
    int fresh = client_connect(f.address), half = client_connect(f.address);
    client_send(half, "POST /users HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf");
    char *reply = ask(&f, "GET /users HTTP/1.1\r\nHost: h\r\n\r\n");
    free(reply);
    assert_true(fixture_stats(&f).connections >= 2);
    assert_int_equal(fixture_stats(&f).receiving, 1);
    fixture_close(&f);
    char c;
    assert_true(recv(fresh, &c, 1, 0) <= 0);
    assert_true(recv(half, &c, 1, 0) <= 0);
    close(fresh);
    close(half);
}

static bool has_in_flight(struct fixture *f, void *arg)
{
    (void)arg;
    return fixture_stats(f).in_flight == 1;
}

struct freed_inside {
    struct fixture f;
    ferry_request *kept;
    unsigned times;
};

static void free_inside(void *arg)
{
    struct freed_inside *inside = arg;
    inside->times++;
    ferry_http_server_free(inside->f.server);
}

static void free_in_handler(ferry_request *request, void *ctx)
{
    free_inside(ctx);
    ferry_request_reply_text(request, 200, "still here");
}

static void free_when_gone(ferry_request *request, void *ctx)
{
    ((struct freed_inside *)ctx)->kept = request;
    ferry_request_on_gone(request, free_inside, ctx);
}

static bool was_told_twice(struct fixture *f, void *arg)
{
    (void)f;
    return ((struct freed_inside *)arg)->times == 2;
}

/* It drains instead: its connections end with the replies, and it is freed later. */
static void a_free_in_a_callback_of_a_request_is_refused(void **state)
{
    (void)state;
    struct freed_inside inside = {.times = 0};
    fixture_open(&inside.f, NULL);
    fixture_route(&inside.f, "GET", "/handler", free_in_handler, &inside);
    fixture_route(&inside.f, "GET", "/gone", free_when_gone, &inside);
    int leaving = client_connect(inside.f.address);
    client_send(leaving, "GET /gone HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(fixture_wait(&inside.f, has_in_flight, NULL));
    char *reply = talk(&inside.f, "GET /handler HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_has(reply, "\r\nConnection: close\r\n");
    assert_has(reply, "still here");
    free(reply);
    close(leaving);
    assert_true(fixture_wait(&inside.f, was_told_twice, &inside));
    ferry_request_reply_text(inside.kept, 200, "to nobody");
    assert_true(fixture_wait(&inside.f, has_no_connections, NULL));
    fixture_close(&inside.f);
}

static void a_name_that_is_no_header_is_refused(void **state)
{
    (void)state;
    ferry_loop *loop = ferry_loop_new();
    assert_null(ferry_http_server_new(loop, &(ferry_http_options){.server_name = "a\r\nB: c"}));
    ferry_loop_free(loop);
}

static bool is_sent(struct fixture *f, void *arg)
{
    (void)arg;
    ferry_http_stats stats = fixture_stats(f);
    return stats.sending == 1 && stats.receiving == 0;
}

/* Its connection is not closed at once, as that could cost the client what it has not read yet: it
 * had sent more than was wanted. */
static void a_last_reply_is_on_its_way_until_its_client_leaves(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "GET /users HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nand more",
        "nonsense without end\r\n\r\nand more",
    };
    struct fixture f;
    open_routes(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = client_connect(f.address);
        client_send(fd, cases[i]);
        assert_true(fixture_wait(&f, is_sent, NULL));
        assert_int_equal(fixture_stats(&f).in_flight, 0);
        char *reply = client_read_all(fd);
        assert_has(reply, "\r\nConnection: close\r\n");
        free(reply);
        assert_int_equal(fixture_stats(&f).sending, 1);
        close(fd);
        assert_true(fixture_wait(&f, has_no_connections, NULL));
        assert_int_equal(fixture_stats(&f).sending, 0);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_method_and_a_path_find_their_answer),
        cmocka_unit_test(what_is_not_offered_is_refused_and_closed),
        cmocka_unit_test(a_malformed_request_is_400),
        cmocka_unit_test(a_head_request_that_is_refused_gets_no_body),
        cmocka_unit_test(nothing_to_free_is_allowed),
        cmocka_unit_test(a_route_can_be_refused),
        cmocka_unit_test(a_server_can_be_freed_with_open_connections),
        cmocka_unit_test(a_free_in_a_callback_of_a_request_is_refused),
        cmocka_unit_test(a_name_that_is_no_header_is_refused),
        cmocka_unit_test(a_last_reply_is_on_its_way_until_its_client_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
