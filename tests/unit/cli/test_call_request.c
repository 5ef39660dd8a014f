/* From the words of a command line to a route and the input of a call. */
#include "call_request.h"

#include <stdlib.h>
#include <string.h>

#include "call_input.h"
#include "support.h"

static struct config config = {.limits = {.body_bytes = 10}};

static void add_route(const char *path, const char *methods, enum route_mode mode)
{
    struct config_route *route = &config.routes[config.route_count++];
    route->path = strdup(path);
    route->methods = strdup(methods);
    route->mode = mode;
}

static int make_config(void **state)
{
    (void)state;
    enum { ROUTES_MAX = 8 };
    config.routes = calloc(ROUTES_MAX, sizeof *config.routes);
    add_route("/users/{id}", "GET,PUT", ROUTE_CALL);
    add_route("/users/me", "GET", ROUTE_CALL);
    add_route("/email", "POST", ROUTE_DEFER);
    add_route("/{any}/{rest}", "DELETE", ROUTE_CALL);
    add_route("/a/b/c", "HEAD", ROUTE_CALL);
    return 0;
}

static int free_config(void **state)
{
    (void)state;
    for (size_t i = 0; i < config.route_count; i++) {
        free(config.routes[i].path);
        free(config.routes[i].methods);
    }
    free(config.routes);
    return 0;
}

static void check_route(const char *target, const char *method, bool has_body, const char *path,
                        const char *method_then)
{
    ferry_error error = {0};
    struct call_request request = {.target = target, .method = method, .has_body = has_body};
    const struct config_route *route = call_request_route(&request, &config, &error);
    assert_non_null(route);
    assert_string_equal(route->path, path);
    assert_string_equal(request.method, method_then);
}

static void check_no_route(const char *target, const char *method, ferry_code code,
                           const char *message)
{
    ferry_error error = {0};
    struct call_request request = {.target = target, .method = method};
    assert_null(call_request_route(&request, &config, &error));
    assert_int_equal(error.code, code);
    assert_string_equal(error.message, message);
}

static void test_a_route_is_found_by_a_real_path(void **state)
{
    (void)state;
    check_route("/users/42", NULL, false, "/users/{id}", "GET");
    check_route("/users/42?x=/a/b", NULL, false, "/users/{id}", "GET");
    check_route("/users/me", NULL, false, "/users/me", "GET");
    check_route("/users/me", "PUT", false, "/users/{id}", "PUT");
    check_route("/users/me", "DELETE", false, "/{any}/{rest}", "DELETE");
    check_route("/users/me", "HEAD", false, "/users/me", "HEAD");
}

static void test_the_method_suits_the_route(void **state)
{
    (void)state;
    check_route("/email", NULL, false, "/email", "POST");
    check_route("/email", NULL, true, "/email", "POST");
    check_route("/a/b", NULL, false, "/{any}/{rest}", "DELETE");
    check_route("/a/b/c", NULL, false, "/a/b/c", "HEAD");
}

static void test_what_is_not_there_is_told(void **state)
{
    (void)state;
    check_no_route("/nope?x", NULL, FERRY_NOT_FOUND, "there is no route for /nope");
    check_no_route("email", NULL, FERRY_NOT_FOUND,
                   "there is no route for email; a path begins with \"/\"");
    check_no_route("/users/%zz", NULL, FERRY_INVALID,
                   "/users/%zz: a \"%\" in a path begins an escape, such as %20");
    check_no_route("/email", "GET", FERRY_BAD_METHOD, "/email takes POST, not GET; choose with -X");
}

static void make_input(struct call_request *request, struct call_input *input)
{
    ferry_error error = {0};
    struct bytes block = {0};
    const struct config_route *route = call_request_route(request, &config, &error);
    assert_non_null(route);
    assert_int_equal(call_request_block(request, &config, route, &block, &error), 0);
    size_t length = block.length;
    assert_int_equal(call_input_parse(input, bytes_take(&block), length, &error), 0);
}

static void check_field(const struct call_input *input, enum call_field field, const char *name,
                        const char *expected)
{
    const char *value = call_input_find(input, field, name);
    if (!expected) {
        assert_null(value);
    } else {
        assert_non_null(value);
        assert_string_equal(value, expected);
    }
}

static void test_parameters_and_query_are_decoded_and_options_are_not(void **state)
{
    (void)state;
    struct call_input input;
    struct call_request request = {
        .target = "/users/a%2Fb?full=1+2&&empty&%41=%26#x=y",
        .query = {.items = {"raw=1+2%20=3", "bare"}, .count = 2},
    };
    make_input(&request, &input);
    assert_string_equal(input.method, "GET");
    check_field(&input, CALL_PARAM, "id", "a/b");
    check_field(&input, CALL_QUERY, "full", "1 2");
    check_field(&input, CALL_QUERY, "empty", "");
    check_field(&input, CALL_QUERY, "", NULL);
    check_field(&input, CALL_QUERY, "A", "&");
    check_field(&input, CALL_QUERY, "x", NULL);
    check_field(&input, CALL_QUERY, "raw", "1+2%20=3");
    check_field(&input, CALL_QUERY, "bare", "");
    assert_int_equal(input.body_length, 0);
    call_input_fini(&input);
}

static void test_headers_are_those_that_the_server_would_pass_on(void **state)
{
    (void)state;
    struct call_input input;
    struct call_request request = {
        .target = "/email",
        .headers = {.items = {"X-A:  one", "Connection: close", "Authorization: Basic x",
                              "Content-Types: many"},
                    .count = 4},
        .content_type = "application/json",
    };
    make_input(&request, &input);
    check_field(&input, CALL_HEADER, "x-a", "one");
    check_field(&input, CALL_HEADER, "connection", NULL);
    check_field(&input, CALL_HEADER, "authorization", NULL); /* of a job: not for the disk */
    check_field(&input, CALL_HEADER, "content-type", "application/json");
    call_input_fini(&input);

    request.target = "/users/1";
    request.method = NULL;
    request.headers.items[0] = "content-type: text/csv";
    make_input(&request, &input);
    check_field(&input, CALL_HEADER, "authorization", "Basic x");
    check_field(&input, CALL_HEADER, "content-type", "text/csv");
    call_input_fini(&input);
}

static void check_no_block(struct call_request *request, ferry_code code, const char *message)
{
    ferry_error error = {0};
    struct bytes block = {0};
    const struct config_route *route = call_request_route(request, &config, &error);
    assert_non_null(route);
    assert_int_equal(call_request_block(request, &config, route, &block, &error), code);
    assert_string_equal(error.message, message);
    bytes_fini(&block);
}

static void test_what_makes_no_input_is_told(void **state)
{
    (void)state;
    struct call_request header = {.target = "/email",
                                  .headers = {.items = {"no colon"}, .count = 1}};
    check_no_block(&header, FERRY_INVALID, "--header: \"no colon\" is not \"Name: value\"");
    header.headers.items[0] = ": no name";
    check_no_block(&header, FERRY_INVALID, "--header: \": no name\" is not \"Name: value\"");
    header.headers.items[0] = "two: lines\nmore: lines";
    check_no_block(&header, FERRY_INVALID,
                   "--header: \"two: lines\nmore: lines\" is not \"Name: value\"");
    struct call_request large = {.target = "/email", .has_body = true};
    bytes_append_text(&large.body, "eleven byte");
    check_no_block(&large, FERRY_TOO_LARGE, "the body has 11 bytes, and limits.body_bytes is 10");
    bytes_fini(&large.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_route_is_found_by_a_real_path),
        cmocka_unit_test(test_the_method_suits_the_route),
        cmocka_unit_test(test_what_is_not_there_is_told),
        cmocka_unit_test(test_parameters_and_query_are_decoded_and_options_are_not),
        cmocka_unit_test(test_headers_are_those_that_the_server_would_pass_on),
        cmocka_unit_test(test_what_makes_no_input_is_told),
    };
    return cmocka_run_group_tests(tests, make_config, free_config);
}
