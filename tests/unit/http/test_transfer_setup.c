/*
 * The HTTP client against ferry's own server on the same loop: what is asked, and what is asked
 * next after a redirect.
 */
#include "client_fixture.h"

/* ---- handlers ---- */

static void hello(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_request_reply_text(request, 200, "hello");
}

static bool append_header(void *arg, const char *name, const char *value)
{
    bytes_printf(arg, "%s: %s\n", name, value);
    return true;
}

/* Says what it was asked, in the body. */
static void mirror(ferry_request *request, void *ctx)
{
    (void)ctx;
    struct bytes text = {0};
    size_t length;
    const char *body = ferry_request_body(request, &length);
    assert_ptr_equal(ferry_request_body(request, NULL), body); /* who needs no length */
    bytes_printf(&text, "%s %s\n", ferry_request_method(request), ferry_request_path(request));
    ferry_request_each_header(request, append_header, &text);
    bytes_printf(&text, "\n%.*s", (int)length, body);
    ferry_request_reply_text(request, 200, bytes_text(&text));
    bytes_fini(&text);
}

static void redirect(ferry_request *request, void *ctx)
{
    (void)ctx;
    const char *to = ferry_request_query(request, "to");
    ferry_request_set_header(request, "Location", to ? to : "/mirror");
    ferry_request_reply_text(request, atoi(ferry_request_param(request, "status")), "elsewhere");
}

static void open_all(struct client_fixture *c, const ferry_http_client_options *options)
{
    client_open(c, options);
    fixture_route(&c->f, "GET", "/hello", hello, NULL);
    fixture_route(&c->f, "GET,POST,PUT,DELETE,PATCH", "/mirror", mirror, NULL);
    fixture_route(&c->f, "GET,POST,PUT,DELETE,PATCH", "/redirect/{status}", redirect, NULL);
}

/* ---- what is asked ---- */

static ferry_response *mirrored(struct client_fixture *c, ferry_fetch_options options)
{
    if (!options.url)
        options.url = url_of(c, "/mirror");
    return fetch_ok(c, &options);
}

static void assert_mirror(ferry_response *response, const char *has, const char *lacks)
{
    const char *body = ferry_response_body(response, NULL);
    assert_has(body, has);
    if (lacks)
        assert_lacks(body, lacks);
    ferry_response_free(response);
}

static void test_methods_and_bodies(void **state)
{
    (void)state;
    struct client_fixture c;
    open_all(&c, NULL);
    assert_mirror(mirrored(&c, (ferry_fetch_options){0}), "GET /mirror\n", "Content-Length");
    assert_mirror(mirrored(&c, (ferry_fetch_options){.method = "DELETE"}), "DELETE /mirror\n",
                  "Content-Length");
    assert_mirror(mirrored(&c, (ferry_fetch_options){.body = "a\nb", .body_length = 3}),
                  "POST /mirror\n", "Content-Type");
    assert_mirror(mirrored(&c, (ferry_fetch_options){.body = "a\nb", .body_length = 3}), "\n\na\nb",
                  "Expect");
    assert_mirror(mirrored(&c, (ferry_fetch_options){.method = "POST"}), "Content-Length: 0\n",
                  NULL);
    assert_mirror(
        mirrored(&c, (ferry_fetch_options){.method = "PUT", .body = "x", .body_length = 1}),
        "PUT /mirror\n", NULL);
    assert_mirror(mirrored(&c, (ferry_fetch_options){.method = "PATCH"}), "Content-Length: 0\n",
                  NULL);
    struct outcome head =
        fetch(&c, &(ferry_fetch_options){.url = url_of(&c, "/hello"), .method = "HEAD"});
    assert_string_equal(ferry_response_header(head.response, "Content-Length"), "5");
    assert_body(head.response, "");
    ferry_response_free(head.response);
    client_close(&c);
}

static unsigned bodies_freed;

static void free_counted(void *body)
{
    bodies_freed++;
    free(body);
}

static void test_an_owned_body_is_freed_once(void **state)
{
    (void)state;
    struct client_fixture c;
    open_all(&c, NULL);
    bodies_freed = 0;
    ferry_fetch_options options = {.body_length = 4, .free_body = free_counted};
    options.body = strdup("mine");
    assert_mirror(mirrored(&c, options), "\n\nmine", NULL);
    assert_int_equal(bodies_freed, 1);
    options.body = strdup("mine");
    options.url = "no url";
    fetch_fails(&c, &options, FERRY_INVALID);
    assert_int_equal(bodies_freed, 2);
    client_close(&c);
}

static void test_headers_are_sent_as_given(void **state)
{
    (void)state;
    struct client_fixture c;
    open_all(&c, &(ferry_http_client_options){.user_agent = "tester/1"});
    const ferry_header headers[] = {{"X-A", "1"}, {"X-Empty", ""}, {"Content-Type", "text/x"}};
    ferry_fetch_options options = {.headers = headers, .header_count = COUNT_OF(headers)};
    options.user = "me";
    options.password = "secret";
    assert_mirror(mirrored(&c, options), "X-A: 1\nX-Empty: \nContent-Type: text/x\n", NULL);
    assert_mirror(mirrored(&c, options), "Authorization: Basic bWU6c2VjcmV0\n", NULL);
    assert_mirror(mirrored(&c, options), "User-Agent: tester/1\n", NULL);
    assert_mirror(mirrored(&c, options), "Accept-Encoding: ", NULL);
    options.no_decompression = true;
    assert_mirror(mirrored(&c, options), "GET", "Accept-Encoding");
    client_close(&c);
    open_all(&c, NULL);
    assert_mirror(mirrored(&c, (ferry_fetch_options){0}), "User-Agent: ferry/", NULL);
    client_close(&c);
}

static void test_what_would_break_a_request_is_refused(void **state)
{
    (void)state;
    struct client_fixture c;
    open_all(&c, NULL);
    const ferry_header headers[] = {
        {"X", "a\r\nX-Evil: 1"},
        {"X\r\nX-Evil", "1"},
        {"X", "a\nb"},
        {"", "x"},
        {"X Y", "x"},
        {"Content-Length", "3"},
        {"transfer-encoding", "chunked"},
        {NULL, "x"},
        {"X", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(headers); i++)
        fetch_fails(&c,
                    &(ferry_fetch_options){
                        .url = url_of(&c, "/mirror"), .headers = &headers[i], .header_count = 1},
                    FERRY_INVALID);
    fetch_fails(&c, &(ferry_fetch_options){.url = url_of(&c, "/"), .header_count = 1},
                FERRY_INVALID);
    const char *const methods[] = {"", "GET\r\nX: y", "GET /", "G\tT"};
    for (size_t i = 0; i < COUNT_OF(methods); i++)
        fetch_fails(&c, &(ferry_fetch_options){.url = url_of(&c, "/"), .method = methods[i]},
                    FERRY_INVALID);
    const char *const urls[] = {"",           "nonsense",      "http://",      "file:///etc/passwd",
                                "ftp://h/",   "/mirror",       "http://a b/",  "http://h:99999/",
                                "gopher://h", "http://h/\r\n", "javascript:1", NULL};
    for (size_t i = 0; i < COUNT_OF(urls); i++)
        fetch_fails(&c, &(ferry_fetch_options){.url = urls[i]}, FERRY_INVALID);
    fetch_fails(&c, &(ferry_fetch_options){.url = url_of(&c, "/"), .user = "a:b"}, FERRY_INVALID);
    fetch_fails(&c, &(ferry_fetch_options){.url = url_of(&c, "/"), .body_length = 5},
                FERRY_INVALID);
    fetch_fails(&c,
                &(ferry_fetch_options){
                    .url = url_of(&c, "/"), .method = "HEAD", .body = "x", .body_length = 1},
                FERRY_INVALID);
    assert_int_equal(fixture_stats(&c.f).accepted, 0);
    client_close(&c);
}

/* ---- redirects ---- */

static void test_redirects_are_followed_as_the_method_asks(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        int status;
        const char *then; /* and the body goes along unless it is GET */
    } rows[] = {
        {"GET", 301, "GET"},     {"GET", 307, "GET"},       {"POST", 301, "GET"},
        {"POST", 302, "GET"},    {"POST", 303, "GET"},      {"POST", 307, "POST"},
        {"POST", 308, "POST"},   {"PUT", 301, "PUT"},       {"PUT", 303, "GET"},
        {"PUT", 308, "PUT"},     {"DELETE", 302, "DELETE"}, {"DELETE", 303, "GET"},
        {"PATCH", 302, "PATCH"},
    };
    struct client_fixture c;
    open_all(&c, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char path[64], first[64];
        bool has_body = rows[i].method[0] == 'P';
        snprintf(path, sizeof path, "/redirect/%d", rows[i].status);
        snprintf(first, sizeof first, "%s /mirror\n", rows[i].then);
        ferry_response *response =
            fetch_ok(&c, &(ferry_fetch_options){.url = url_of(&c, path),
                                                .method = rows[i].method,
                                                .body = has_body ? "load" : NULL,
                                                .body_length = has_body ? 4 : 0});
        size_t length;
        const char *body = ferry_response_body(response, &length);
        assert_memory_equal(body, first, strlen(first));
        bool goes_along = has_body && rows[i].then[0] == 'P';
        assert_int_equal(strstr(body, "\n\nload") != NULL, goes_along);
        assert_has(ferry_response_url(response), "/mirror");
        assert_int_equal(times_of(response).redirects, 1);
        ferry_response_free(response);
    }
    client_close(&c);
}

static void test_redirects_can_be_left_alone(void **state)
{
    (void)state;
    struct client_fixture c;
    open_all(&c, NULL);
    ferry_response *response = fetch_ok(
        &c, &(ferry_fetch_options){.url = url_of(&c, "/redirect/302"), .no_redirects = true});
    assert_int_equal(ferry_response_status(response), 302);
    assert_string_equal(ferry_response_header(response, "Location"), "/mirror");
    assert_body(response, "elsewhere");
    ferry_response_free(response);
    client_close(&c);
}

static void test_a_redirect_loop_ends(void **state)
{
    (void)state;
    struct client_fixture c;
    open_all(&c, NULL);
    const char *loop = "/redirect/302?to=/redirect/302%3Fto%3D/redirect/302";
    fetch_fails(&c, &(ferry_fetch_options){.url = url_of(&c, loop), .max_redirects = 2},
                FERRY_TRANSIENT);
    ferry_response *response =
        fetch_ok(&c, &(ferry_fetch_options){.url = url_of(&c, loop), .max_redirects = 3});
    assert_int_equal(times_of(response).redirects, 3);
    ferry_response_free(response);
    client_close(&c);
}

static void test_a_redirect_to_another_scheme_is_not_followed(void **state)
{
    (void)state;
    struct client_fixture c;
    open_all(&c, NULL);
    fetch_fails(&c, &(ferry_fetch_options){.url = url_of(&c, "/redirect/302?to=file:///etc/hosts")},
                FERRY_TRANSIENT);
    fetch_fails(&c, &(ferry_fetch_options){.url = url_of(&c, "/redirect/302?to=ftp://127.0.0.1/")},
                FERRY_TRANSIENT);
    client_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_methods_and_bodies),
        cmocka_unit_test(test_an_owned_body_is_freed_once),
        cmocka_unit_test(test_headers_are_sent_as_given),
        cmocka_unit_test(test_what_would_break_a_request_is_refused),
        cmocka_unit_test(test_redirects_are_followed_as_the_method_asks),
        cmocka_unit_test(test_redirects_can_be_left_alone),
        cmocka_unit_test(test_a_redirect_loop_ends),
        cmocka_unit_test(test_a_redirect_to_another_scheme_is_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
