/* What a schedule asks of its route: method, query, headers, body. */
#include "config/load.h"

#include "call_input.h"

#define ROUTES                                                                                     \
    "routes: {/a: {worker: echo, mode: defer},\n"                                                  \
    "         /g: {worker: echo, mode: either, methods: [GET, PUT]}}\n"

/* Load a schedule of some route with more keys; returns its input, for call_input_fini. */
static struct call_input load_input(const char *route, const char *keys)
{
    struct loaded loaded;
    struct call_input input;
    char *text =
        text_printf(ROUTES "schedules:\n- {name: s, route: %s, every: 1m%s}\n", route, keys);
    load_text(&loaded, text);
    assert_string_equal(bytes_text(&loaded.report), "");
    struct bytes *block = &loaded.config->schedules[0].block;
    size_t length = block->length;
    assert_int_equal(call_input_parse(&input, bytes_take(block), length, NULL), 0);
    unload(&loaded);
    free(text);
    return input;
}

static void check_input(const char *route, const char *keys, const char *method, const char *type,
                        const char *body)
{
    struct call_input input = load_input(route, keys);
    assert_string_equal(input.method, method);
    const char *found = call_input_find(&input, CALL_HEADER, "content-type");
    if (type && found)
        assert_string_equal(found, type);
    assert_int_equal(type == NULL, found == NULL);
    assert_int_equal(input.body_length, strlen(body));
    assert_string_equal(input.body, body);
    call_input_fini(&input);
}

static void test_methods(void **state)
{
    (void)state;
    check_input("/a", "", "POST", NULL, "");
    check_input("/g", "", "GET", NULL, "");
    check_input("/g", ", method: PUT", "PUT", NULL, "");
}

static void test_bodies(void **state)
{
    (void)state;
    check_input("/a", ", body: hello", "POST", "text/plain; charset=utf-8", "hello");
    check_input("/a", ", body: 5", "POST", "text/plain; charset=utf-8", "5");
    check_input("/a", ", body: \"\"", "POST", NULL, "");
    check_input("/a", ", body: ", "POST", NULL, "");
    check_input("/a", ", body: {to: a@b, n: 5}", "POST", "application/json",
                "{\"to\":\"a@b\",\"n\":5}");
    check_input("/a", ", body: [1, x]", "POST", "application/json", "[1,\"x\"]");
    check_input("/a", ", body: {}, headers: {content-type: application/x}", "POST", "application/x",
                "{}");
}

static void test_query_and_headers(void **state)
{
    (void)state;
    struct call_input input =
        load_input("/a", ", query: {ms: 500, to: \"a b\"}, headers: {X-One: 1, Accept: \"*/*\"}");
    assert_string_equal(call_input_find(&input, CALL_QUERY, "ms"), "500");
    assert_string_equal(call_input_find(&input, CALL_QUERY, "to"), "a b");
    assert_string_equal(call_input_find(&input, CALL_HEADER, "x-one"), "1");
    assert_string_equal(call_input_find(&input, CALL_HEADER, "accept"), "*/*");
    call_input_fini(&input);
}

static void test_what_is_wrong(void **state)
{
    (void)state;
    CHECK_REPORTS({ROUTES "schedules:\n"
                          "- {name: s, route: /g, every: 1m, method: POST}\n",
                   "ferry.yaml:4:43: error: /g does not take POST\n"
                   "    - {name: s, route: /g, every: 1m, method: POST}\n"
                   "                                              ^~~~\n"
                   "    hint: it takes GET,PUT\n"},
                  {ROUTES "schedules:\n"
                          "- {name: s, route: /g, every: 1m, method: GE}\n",
                   "ferry.yaml:4:43: error: /g does not take GE\n"
                   "    - {name: s, route: /g, every: 1m, method: GE}\n"
                   "                                              ^~\n"
                   "    hint: it takes GET,PUT\n"},
                  {ROUTES "schedules:\n"
                          "- {name: s, route: /a, every: 1m, query: [a]}\n",
                   "ferry.yaml:4:42: error: query must be a map, not a list\n"
                   "    - {name: s, route: /a, every: 1m, query: [a]}\n"
                   "                                             ^~~\n"
                   "    hint: {NAME: VALUE}\n"},
                  {ROUTES "schedules:\n"
                          "- {name: s, route: /a, every: 1m, query: {a: [1]}}\n",
                   "ferry.yaml:4:46: error: query: a must be a single value, not a list\n"
                   "    - {name: s, route: /a, every: 1m, query: {a: [1]}}\n"
                   "                                                 ^~~\n"},
                  {ROUTES "schedules:\n"
                          "- {name: s, route: /a, every: 1m, headers: {\"A b\": x}}\n",
                   "ferry.yaml:4:45: error: \"A b\" is no name of a header\n"
                   "    - {name: s, route: /a, every: 1m, headers: {\"A b\": x}}\n"
                   "                                                ^~~~~\n"},
                  {ROUTES "schedules:\n"
                          "- {name: s, route: /a, every: 1m, headers: {A: \"x\\r\\nB: y\"}}\n",
                   "ferry.yaml:4:45: error: \"A\" has a line end in its value\n"
                   "    - {name: s, route: /a, every: 1m, headers: {A: \"x\\r\\nB: y\"}}\n"
                   "                                                ^\n"},
                  {"limits: {body_bytes: 4}\n" ROUTES "schedules:\n"
                   "- {name: s, route: /a, every: 1m, body: hello}\n",
                   "ferry.yaml:5:41: error: body is of 5 bytes; limits.body_bytes is 4\n"
                   "    - {name: s, route: /a, every: 1m, body: hello}\n"
                   "                                            ^~~~~\n"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_query_and_headers),
        cmocka_unit_test(test_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
