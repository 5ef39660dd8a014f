/*
 * JSON over HTTP, both ways, between the client and the server on one loop.
 */
#include <ferry/http_json.h>

#include "client_fixture.h"

/* Adds one to {"n": ...}. */
static void increment(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_error error;
    json_t *value = ferry_request_json(request, &error);
    if (!value) {
        ferry_request_reply_error(request, &error);
        return;
    }
    assert_int_equal(error.code, FERRY_OK);
    json_int_t n = json_integer_value(json_object_get(value, "n"));
    json_decref(value);
    ferry_request_reply_json_value(request, 201, json_pack("{s:I}", "n", n + 1));
}

static void reply_text(ferry_request *request, void *ctx)
{
    ferry_request_reply_text(request, 200, ctx);
}

static void reply_broken(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_request_reply_json_value(request, 200, json_string("\xff"));
}

static ferry_response *post(struct client_fixture *c, const char *path, const char *body)
{
    return fetch_ok(c, &(ferry_fetch_options){.url = url_of(c, path),
                                              .method = "POST",
                                              .body = body,
                                              .body_length = strlen(body)});
}

static void test_there_and_back(void **state)
{
    (void)state;
    struct client_fixture c;
    ferry_error error;
    client_open(&c, NULL);
    fixture_route(&c.f, "POST", "/", increment, NULL);
    ferry_response *response = post(&c, "/", "{\"n\": 41}");
    assert_int_equal(ferry_response_status(response), 201);
    assert_string_equal(ferry_response_header(response, "Content-Type"), "application/json");
    assert_body(response, "{\"n\":42}");
    json_t *value = ferry_response_json(response, &error);
    assert_int_equal(json_integer_value(json_object_get(value, "n")), 42);
    json_decref(value);
    ferry_response_free(response);
    client_close(&c);
}

static void test_a_body_that_is_no_json_is_answered_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *body, *detail;
    } rows[] = {
        {"{\"n\": 1,\n  \"m\": }", "line 2, column 8"},
        {"", "line 1"},
        {"{\"n\": 1} x", "line 1, column 10"},
        {"{\"n\": 1, \"n\": 2}", "line 1"},
        {"{\"n\": \"\xff\"}", "line 1"},
    };
    struct client_fixture c;
    client_open(&c, NULL);
    fixture_route(&c.f, "POST", "/", increment, NULL);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t length;
        ferry_response *response = post(&c, "/", rows[i].body);
        assert_int_equal(ferry_response_status(response), 400);
        assert_has(ferry_response_body(response, &length), rows[i].detail);
        ferry_response_free(response);
    }
    client_close(&c);
}

static void test_a_response_that_is_no_json_is_the_peers_fault(void **state)
{
    (void)state;
    struct client_fixture c;
    ferry_error error;
    client_open(&c, NULL);
    fixture_route(&c.f, "GET", "/", reply_text, (void *)"<html>");
    ferry_response *response = get_ok(&c, "/");
    assert_null(ferry_response_json(response, &error));
    assert_int_equal(error.code, FERRY_TRANSIENT);
    assert_null(ferry_response_json(response, NULL));
    ferry_response_free(response);
    client_close(&c);
}

static void test_a_value_that_could_not_be_made(void **state)
{
    (void)state;
    struct client_fixture c;
    client_open(&c, NULL);
    fixture_route(&c.f, "GET", "/", reply_broken, NULL);
    ferry_response *response = get_ok(&c, "/");
    assert_int_equal(ferry_response_status(response), 500);
    ferry_response_free(response);
    client_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_a_body_that_is_no_json_is_answered_with_its_place),
        cmocka_unit_test(test_a_response_that_is_no_json_is_the_peers_fault),
        cmocka_unit_test(test_a_value_that_could_not_be_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
