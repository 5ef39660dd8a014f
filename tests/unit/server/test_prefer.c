/* Prefer headers: what is heeded, and what is said of it. */
#include "prefer.h"

#include "support.h"

struct expectation {
    const char *header;
    bool respond_async;
    bool has_wait;
    unsigned wait_s;
};

static void test_what_a_header_says(void **state)
{
    (void)state;
    const struct expectation table[] = {
        {"respond-async", true, false, 0},
        {"Respond-Async", true, false, 0},
        {"wait=10", false, true, 10},
        {"WAIT=0", false, true, 0},
        {"respond-async, wait=10", true, true, 10},
        {"wait=10,respond-async", true, true, 10},
        {" , wait = 7 ; strict , ", false, true, 7},
        {"wait=\"7\"", false, true, 7},
        {"respond-async; x=1", true, false, 0},
        {"handling=strict, respond-async", true, false, 0},
        {"foo=\"a, respond-async\"", false, false, 0},
        {"foo=\"a \\\" , wait=5\", wait=6", false, true, 6},
        {"foo=a\\, wait=5", false, true, 5}, /* it escapes nothing there */
        {"wait=1, wait=2", false, true, 1},
        {"wait=300", false, true, 300},
        {"wait=301", false, true, 300},
        {"wait=99999999999999999999999999", false, true, 300},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct prefer prefer = {0};
        prefer_read(&prefer, table[i].header);
        assert_int_equal(prefer.respond_async, table[i].respond_async);
        assert_int_equal(prefer.has_wait, table[i].has_wait);
        assert_int_equal(prefer.wait_s, table[i].wait_s);
    }
}

static void test_what_is_malformed_says_nothing(void **state)
{
    (void)state;
    const char *const table[] = {
        "",          ",",       ";",        "=",        "wait",           "wait=",
        "wait=-1",   "wait=1s", "wait=1.5", "wait=1 2", "wait=\"",        "wait=\"\"",
        "waiting=1", "await=1", "x=wait=1", "respond",  "respond-async2", "\"respond-async\"",
        "\"wait=1",  "x=\"\\",
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct prefer prefer = {0};
        prefer_read(&prefer, table[i]);
        assert_false(prefer.respond_async);
        assert_false(prefer.has_wait);
    }
}

static void test_several_headers_count_as_one(void **state)
{
    (void)state;
    struct prefer prefer = {0};
    prefer_read(&prefer, "handling=lenient");
    prefer_read(&prefer, "wait=3");
    prefer_read(&prefer, "respond-async, wait=9");
    assert_true(prefer.respond_async && prefer.has_wait);
    assert_int_equal(prefer.wait_s, 3);
}

static void expect_applied(struct prefer prefer, bool has_waited, const char *expected)
{
    struct bytes out = {0};
    prefer_append_applied(&out, &prefer, has_waited);
    assert_string_equal(bytes_text(&out), expected);
    bytes_fini(&out);
}

static void test_only_what_was_heeded_is_said_to_be_applied(void **state)
{
    (void)state;
    const struct prefer both = {.respond_async = true, .has_wait = true, .wait_s = 5};
    const struct prefer wait = {.has_wait = true, .wait_s = 5};
    expect_applied((struct prefer){0}, true, "");
    expect_applied(both, true, "respond-async, wait=5");
    expect_applied(both, false, "respond-async");
    expect_applied(wait, true, "wait=5");
    expect_applied(wait, false, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_header_says),
        cmocka_unit_test(test_what_is_malformed_says_nothing),
        cmocka_unit_test(test_several_headers_count_as_one),
        cmocka_unit_test(test_only_what_was_heeded_is_said_to_be_applied),
    };
    return cmocka_run_group_tests_name("server/prefer", tests, NULL, NULL);
}
