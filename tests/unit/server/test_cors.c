/* CORS: which headers go with an answer, for whom. */
#include "cors.h"

#include "support.h"

static char page[] = "https://app.example.org", other_page[] = "http://127.0.0.1:3000";
static char *origins[] = {page, other_page, NULL};
static char headers[] = "X-One, X-Two", no_headers[] = "", methods[] = "GET, PATCH";

static void note(void *arg, const char *name, const char *value)
{
    bytes_printf(arg, "%s: %s\n", name, value);
}

static void expect_answer(const struct config_cors *cors, const char *origin, const char *expected)
{
    struct bytes got = {0};
    cors_answer(cors, origin, note, &got);
    assert_string_equal(bytes_text(&got), expected);
    bytes_fini(&got);
}

#define EXPOSED "Access-Control-Expose-Headers: Location, Retry-After, Preference-Applied\n"

static void test_a_listed_origin_is_given_back(void **state)
{
    (void)state;
    const struct config_cors cors = {.origins = origins, .headers = headers};
    expect_answer(&cors, page,
                  "Vary: Origin\n"
                  "Access-Control-Allow-Origin: https://app.example.org\n" EXPOSED);
    expect_answer(&cors, other_page,
                  "Vary: Origin\n"
                  "Access-Control-Allow-Origin: http://127.0.0.1:3000\n" EXPOSED);
}

static void test_any_other_origin_is_not(void **state)
{
    (void)state;
    const struct config_cors cors = {.origins = origins, .headers = headers, .credentials = true};
    const char *const others[] = {
        NULL,
        "",
        "null",
        "*",
        "https://app.example.org.evil.example",
        "https://app.example.or",
        "https://app.example.org:443",
        "http://app.example.org",
        "HTTPS://APP.EXAMPLE.ORG",
        "https://app.example.org/",
        "https://evil.example https://app.example.org",
    };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_false(cors_allows(&cors, others[i]));
        expect_answer(&cors, others[i], "Vary: Origin\n");
    }
}

static void test_credentials_are_for_listed_origins(void **state)
{
    (void)state;
    const struct config_cors cors = {.origins = origins, .headers = headers, .credentials = true};
    expect_answer(&cors, page,
                  "Vary: Origin\n"
                  "Access-Control-Allow-Origin: https://app.example.org\n"
                  "Access-Control-Allow-Credentials: true\n" EXPOSED);
}

static void test_a_star_never_becomes_an_origin_or_takes_credentials(void **state)
{
    (void)state;
    const struct config_cors cors = {.headers = headers, .credentials = true};
    expect_answer(&cors, page, "Access-Control-Allow-Origin: *\n" EXPOSED);
    expect_answer(&cors, NULL, "");
}

static void expect_preflight(const struct config_cors *cors, const char *expected)
{
    struct bytes got = {0};
    cors_answer_preflight(cors, "GET,POST", note, &got);
    assert_string_equal(bytes_text(&got), expected);
    bytes_fini(&got);
}

static void test_preflights(void **state)
{
    (void)state;
    const struct config_cors plain = {.headers = no_headers};
    const struct config_cors full = {.methods = methods, .headers = headers, .max_age_ms = 600000};
    expect_preflight(&plain, "Access-Control-Allow-Methods: GET, POST\n"
                             "Access-Control-Max-Age: 0\n");
    expect_preflight(&full, "Access-Control-Allow-Methods: GET, PATCH\n"
                            "Access-Control-Allow-Headers: X-One, X-Two\n"
                            "Access-Control-Max-Age: 600\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_listed_origin_is_given_back),
        cmocka_unit_test(test_any_other_origin_is_not),
        cmocka_unit_test(test_credentials_are_for_listed_origins),
        cmocka_unit_test(test_a_star_never_becomes_an_origin_or_takes_credentials),
        cmocka_unit_test(test_preflights),
    };
    return cmocka_run_group_tests_name("server/cors", tests, NULL, NULL);
}
