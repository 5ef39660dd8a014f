#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "router.h"

static void handler(ferry_request *request, void *ctx)
{
    (void)request, (void)ctx;
}

static const struct route any = {.handler = handler};

static struct router *router_of(const char *const (*routes)[2], size_t count)
{
    struct router *router = router_new();
    for (size_t i = 0; i < count; i++) {
        ferry_error error = {0};
        assert_int_equal(router_add(router, routes[i][0], routes[i][1], &any, &error), 0);
    }
    return router;
}

static const char *const routes[][2] = {
    {"GET", "/"},
    {"GET,POST", "/users"},
    {"GET", "/users/{id}"},
    {"GET", "/users/me"},
    {"DELETE", "/users/{id}"},
    {"GET", "/users/{id}/posts/{post}"},
    {"GET", "/users/{id}/posts/new"},
    {"GET", "/users/me/{what}/new"},
    {"GET", "/files/"},
    {"OPTIONS", "/options"},
    {"GET", "/a%20b"},
};

static void a_path_finds_its_route(void **state)
{
    (void)state;
    static const struct {
        unsigned method;
        const char *path;
        enum router_outcome outcome;
        const char *pattern;
        const char *param; /* the first one, raw */
    } cases[] = {
        {METHOD_GET, "/", ROUTER_FOUND, "/", NULL},
        {METHOD_GET, "/users", ROUTER_FOUND, "/users", NULL},
        {METHOD_HEAD, "/users", ROUTER_FOUND, "/users", NULL},
        {METHOD_POST, "/users", ROUTER_FOUND, "/users", NULL},
        {METHOD_PUT, "/users", ROUTER_BAD_METHOD, NULL, NULL},
        {METHOD_OPTIONS, "/users", ROUTER_BAD_METHOD, NULL, NULL},
        {METHOD_OPTIONS, "/options", ROUTER_FOUND, "/options", NULL},
        {METHOD_GET, "/users/me", ROUTER_FOUND, "/users/me", NULL},
        {METHOD_GET, "/users/you", ROUTER_FOUND, "/users/{id}", "you"},
        {METHOD_DELETE, "/users/me", ROUTER_FOUND, "/users/{id}", "me"},
        {METHOD_GET, "/users/7/posts/8", ROUTER_FOUND, "/users/{id}/posts/{post}", "7"},
        {METHOD_GET, "/users/7/posts/new", ROUTER_FOUND, "/users/{id}/posts/new", "7"},
        {METHOD_GET, "/users/me/posts/new", ROUTER_FOUND, "/users/me/{what}/new", "posts"},
        {METHOD_GET, "/users/me/posts/8", ROUTER_FOUND, "/users/{id}/posts/{post}", "me"},
        {METHOD_GET, "/files/", ROUTER_FOUND, "/files/", NULL},
        {METHOD_GET, "/files", ROUTER_NOT_FOUND, NULL, NULL},
        {METHOD_GET, "/users/", ROUTER_NOT_FOUND, NULL, NULL},
        {METHOD_GET, "/users//posts/8", ROUTER_NOT_FOUND, NULL, NULL},
        {METHOD_GET, "//users", ROUTER_NOT_FOUND, NULL, NULL},
        {METHOD_GET, "/./users", ROUTER_NOT_FOUND, NULL, NULL},
        {METHOD_GET, "/x/../users", ROUTER_NOT_FOUND, NULL, NULL},
        {METHOD_GET, "/users/..", ROUTER_FOUND, "/users/{id}", ".."},
        {METHOD_GET, "/Users", ROUTER_NOT_FOUND, NULL, NULL},
        {METHOD_GET, "/%75sers", ROUTER_NOT_FOUND, NULL, NULL},
        {METHOD_GET, "/a%20b", ROUTER_FOUND, "/a%20b", NULL},
        {METHOD_GET, "/users/a%2Fb", ROUTER_FOUND, "/users/{id}", "a%2Fb"},
        {METHOD_GET, "*", ROUTER_NOT_FOUND, NULL, NULL},
        {METHOD_GET, "", ROUTER_NOT_FOUND, NULL, NULL},
    };
    struct router *router = router_of(routes, sizeof routes / sizeof *routes);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct router_match match;
        enum router_outcome outcome =
            router_find(router, cases[i].method, cases[i].path, strlen(cases[i].path), &match);
        if (outcome != cases[i].outcome)
            fail_msg("%s: outcome %d", cases[i].path, (int)outcome);
        if (cases[i].pattern)
            assert_string_equal(match.route->path->pattern, cases[i].pattern);
        if (cases[i].param) {
            assert_int_equal(match.params[0].length, strlen(cases[i].param));
            assert_memory_equal(match.params[0].data, cases[i].param, match.params[0].length);
        }
    }
    router_unref(router);
}

static void allow_names_all_methods_of_a_path(void **state)
{
    (void)state;
    struct router *router = router_of(routes, sizeof routes / sizeof *routes);
    struct router_match match;
    char allow[ALLOW_SIZE];
    router_find(router, METHOD_PUT, "/users", 6, &match);
    assert_string_equal(allow_format(match.allowed, allow), "GET, POST, HEAD, OPTIONS");
    router_find(router, METHOD_PUT, "/users/me", 9, &match);
    assert_string_equal(allow_format(match.allowed, allow), "GET, HEAD, DELETE, OPTIONS");
    assert_true(strlen(allow_format(0x1ff, allow)) < ALLOW_SIZE);
    router_unref(router);
}

static void a_malformed_route_is_refused(void **state)
{
    (void)state;
    static const char *const malformed[][2] = {
        {"GET", "users"},  {"GET", ""},
        {"GET", "/{}"},    {"GET", "/x{id}"},
        {"GET", "/{id}x"}, {"GET", "/{id"},
        {"GET", "/id}"},   {"GET", "/{a}/{a}"},
        {"GET", "/{1a}"},  {"GET", "/{a-b}"},
        {"GET", "/a b"},   {"GET", "/a?b"},
        {"GET", "/a#b"},   {"GET", "/a\n"},
        {"GET", "/%00"},   {"GET", "/%x"},
        {"get", "/"},      {"", "/"},
        {"GET,", "/"},     {"GET POST", "/"},
        {"BREW", "/"},     {"CONNECT", "/"},
        {"TRACE", "/"},    {"GET", NULL},
        {NULL, "/"},       {"GET", "/caf\xc3\xa9"},

    };
    struct router *router = router_new();
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        ferry_error error = {0};
        if (router_add(router, malformed[i][0], malformed[i][1], &any, &error) != FERRY_INVALID)
            fail_msg("number %zu was taken", i);
        assert_true(strlen(error.message) > 0);
    }
    router_unref(router);
}

static void a_second_binding_is_a_conflict(void **state)
{
    (void)state;
    struct router *router = router_of(routes, sizeof routes / sizeof *routes);
    ferry_error error;
    assert_int_equal(router_add(router, "POST", "/users", &any, &error), FERRY_CONFLICT);
    assert_int_equal(router_add(router, "PUT, GET", "/users/{name}", &any, &error), FERRY_CONFLICT);
    assert_int_equal(router_add(router, "PUT", "/users/{name}", &any, &error), 0);
    struct router_match match;
    assert_int_equal(router_find(router, METHOD_PUT, "/users/7", 8, &match), ROUTER_FOUND);
    assert_string_equal(match.route->path->param_names[0], "name");
    assert_int_equal(router_find(router, METHOD_GET, "/users/7", 8, &match), ROUTER_FOUND);
    assert_string_equal(match.route->path->param_names[0], "id");
    router_unref(router);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_finds_its_route),
        cmocka_unit_test(allow_names_all_methods_of_a_path),
        cmocka_unit_test(a_malformed_route_is_refused),
        cmocka_unit_test(a_second_binding_is_a_conflict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
