/*
 * Heads of requests, once the guard has let them pass.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "head.h"
#include "router.h"
#include "support.h"

/* The text has to be a head that the guard lets pass. */
static struct head *head_of(const char *text)
{
    struct guard guard;
    guard_init(&guard, 1024, 1024);
    size_t used = 0;
    while (text[used] && guard_stage(&guard) == GUARD_HEAD)
        used += guard_feed(&guard, text + used, strlen(text + used));
    assert_true(guard_stage(&guard) == GUARD_DONE || guard_stage(&guard) == GUARD_BODY);
    struct head *head = head_new(&guard, text, used);
    assert_non_null(head);
    return head;
}

static void a_head_says_what_is_asked_for(void **state)
{
    (void)state;
    struct head *head = head_of("\r\n\r\nPOST /a%20b?c=d&e HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(head->method, METHOD_POST);
    assert_int_equal(head->minor, 1);
    assert_string_equal(head->path, "/a%20b");
    assert_int_equal(head->path_length, 6);
    assert_string_equal(head->query, "c=d&e");
    head_free(head);
    head = head_of("DELETE / HTTP/1.0\r\n\r\n");
    assert_int_equal(head->method, METHOD_DELETE);
    assert_int_equal(head->minor, 0);
    assert_null(head->query);
    assert_int_equal(head->header_count, 0);
    head_free(head);
}

static void a_target_for_a_proxy_is_a_path(void **state)
{
    (void)state;
    static const struct {
        const char *target, *path, *query;
    } rows[] = {
        {"http://h", "/", NULL},    {"http://h/a", "/a", NULL},
        {"http://h?b", "/", "b"},   {"https://h:80/?b?/c", "/", "b?/c"},
        {"//x//y", "//x//y", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[128];
        snprintf(text, sizeof text, "GET %s HTTP/1.0\r\n\r\n", rows[i].target);
        struct head *head = head_of(text);
        assert_string_equal(head->path, rows[i].path);
        assert_int_equal(head->path_length, strlen(rows[i].path));
        assert_true(!head->query == !rows[i].query);
        if (head->query)
            assert_string_equal(head->query, rows[i].query);
        head_free(head);
    }
}

static void headers_are_in_their_order_without_blanks_around(void **state)
{
    (void)state;
    struct head *head =
        head_of("GET / HTTP/1.1\r\nHost:h\r\nA: \t b c\t \r\nB:\r\nC: \t\r\na: d:e\r\n\r\n");
    static const struct header expected[] = {
        {"Host", "h"}, {"A", "b c"}, {"B", ""}, {"C", ""}, {"a", "d:e"}};
    assert_int_equal(head->header_count, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_string_equal(head->headers[i].name, expected[i].name);
        assert_string_equal(head->headers[i].value, expected[i].value);
    }
    assert_string_equal(head_find(head, "a"), "b c");
    assert_string_equal(head_find(head, "hOST"), "h");
    assert_null(head_find(head, "D"));
    head_free(head);
}

static void headers_of_one_name_are_one_list(void **state)
{
    (void)state;
    struct head *head = head_of(
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: a, b\r\nX: c\r\nconnection: Close\r\n\r\n");
    assert_true(head_has_token(head, "Connection", "b"));
    assert_true(head_has_token(head, "Connection", "close"));
    assert_false(head_has_token(head, "Connection", "c"));
    head_free(head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_says_what_is_asked_for),
        cmocka_unit_test(a_target_for_a_proxy_is_a_path),
        cmocka_unit_test(headers_are_in_their_order_without_blanks_around),
        cmocka_unit_test(headers_of_one_name_are_one_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
