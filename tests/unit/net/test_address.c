#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "address.h"

static void an_address_is_parsed_and_formatted(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"127.0.0.1:8002", "127.0.0.1:8002"},
        {"0.0.0.0:0", "0.0.0.0:0"},
        {"[::1]:8002", "[::1]:8002"},
        {":65535", "[::]:65535"},
        {"unix:/run/ferry.sock", "unix:/run/ferry.sock"},
    };
    assert_int_equal(address_parse(&(struct address){0}, NULL, NULL), FERRY_INVALID);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address address;
        ferry_error error = {0};
        char text[ADDRESS_TEXT_SIZE];
        assert_int_equal(address_parse(&address, cases[i][0], &error), 0);
        assert_string_equal(address_format(&address, text, sizeof text), cases[i][1]);
    }
}

static void every_address_can_be_of_v4(void **state)
{
    (void)state;
    struct address address;
    char text[ADDRESS_TEXT_SIZE];
    assert_int_equal(address_parse(&address, ":8002", NULL), 0);
    assert_true(address.is_every);
    address_to_v4(&address);
    assert_string_equal(address_format(&address, text, sizeof text), "0.0.0.0:8002");
}

static void a_bad_address_says_how_one_looks(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"8002", "8002: an address is HOST:PORT, for example 127.0.0.1:8002"},
        {"", "HOST:PORT"},
        {"127.0.0.1", "HOST:PORT"},
        {"127.0.0.1:", "port"},
        {"127.0.0.1:65536", "port"},
        {"127.0.0.1:-1", "port"},
        {"127.0.0.1:+1", "port"},
        {"127.0.0.1:http", "port"},
        {"localhost:8002", "numeric"},
        {"::1:8002", "numeric"},
        {"[::1:8002", "numeric"},
        {"[]:8002", "numeric"},
        {"1.2.3:8002", "numeric"},
        {"unix:", "path"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address address;
        ferry_error error = {0};
        if (address_parse(&address, cases[i][0], &error) != FERRY_INVALID)
            fail_msg("\"%s\" was taken", cases[i][0]);
        if (!strstr(error.message, cases[i][1]))
            fail_msg("\"%s\": %s", cases[i][0], error.message);
    }
}

static void a_socket_path_has_a_limit(void **state)
{
    (void)state;
    struct address address;
    char text[256] = "unix:";
    memset(text + 5, 'a', 107);
    assert_int_equal(address_parse(&address, text, NULL), 0);
    text[5 + 107] = 'a';
    assert_int_equal(address_parse(&address, text, NULL), FERRY_INVALID);
}

static void a_name_is_split_from_its_port(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"localhost:8002", "localhost", "8002"},
        {"[::1]:0", "::1", "0"},
        {"127.0.0.1:65535", "127.0.0.1", "65535"},
        {"[]:1", "[]", "1"},
    };
    char host[ADDRESS_HOST_SIZE], port[ADDRESS_PORT_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(address_split(cases[i][0], host, port, NULL), 0);
        assert_string_equal(host, cases[i][1]);
        assert_string_equal(port, cases[i][2]);
    }
    static const char *const bad[] = {"", "localhost", ":1", "localhost:", "localhost:65536"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(address_split(bad[i], host, port, NULL), FERRY_INVALID);
    char text[300];
    memset(text, 'a', sizeof text);
    memcpy(text + 255, ":1", 3);
    assert_int_equal(address_split(text, host, port, NULL), 0);
    memcpy(text + 255, "a:1", 4);
    assert_int_equal(address_split(text, host, port, NULL), FERRY_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_parsed_and_formatted),
        cmocka_unit_test(every_address_can_be_of_v4),
        cmocka_unit_test(a_bad_address_says_how_one_looks),
        cmocka_unit_test(a_socket_path_has_a_limit),
        cmocka_unit_test(a_name_is_split_from_its_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
