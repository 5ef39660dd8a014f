/*
 * The heads of replies: what stands in them, and what a handler may say itself.
 */
#include <string.h>

#include "reply_head.h"
#include "support.h"

struct case_of {
    struct reply_heads heads;
    struct reply_headers set;
    struct reply_facts facts;
};

static void case_open(struct case_of *c, int status, int minor)
{
    *c = (struct case_of){0};
    c->facts = (struct reply_facts){
        .status = status, .minor = minor, .content_type = "text/plain", .length = 120};
}

static const char *make(struct case_of *c)
{
    const struct bytes *head = reply_head_make(&c->heads, &c->set, &c->facts);
    assert_false(head->failed);
    return bytes_text(head);
}

static void case_close(struct case_of *c)
{
    bytes_fini(&c->set.text);
    reply_heads_fini(&c->heads);
}

static void a_head_has_its_date_length_and_type(void **state)
{
    (void)state;
    struct case_of c;
    case_open(&c, 200, 1);
    c.facts.server_name = "ferry";
    const char *head = make(&c);
    assert_memory_equal(head, "HTTP/1.1 200 OK\r\nDate: ", 23);
    assert_non_null(strstr(head, " GMT\r\nContent-Length: 120\r\nContent-Type: text/plain\r\n"
                                 "Server: ferry\r\n\r\n"));
    case_close(&c);
}

static void a_head_without_a_body_has_no_length(void **state)
{
    (void)state;
    struct case_of c;
    case_open(&c, 204, 1);
    assert_null(strstr(make(&c), "Content-"));
    c.facts.status = 304;
    assert_null(strstr(make(&c), "Content-"));
    case_close(&c);
}

static void what_the_handler_says_is_not_said_twice(void **state)
{
    (void)state;
    static const char *const names[] = {"Date", "Content-Type", "Retry-After", "Server"};
    static const size_t count = sizeof names / sizeof *names;
    struct case_of c;
    case_open(&c, 503, 1);
    c.facts.server_name = "ferry";
    assert_non_null(strstr(make(&c), "\r\nRetry-After: 1\r\n"));
    for (size_t i = 0; i < count; i++)
        assert_true(reply_headers_add(&c.set, names[i], "mine"));
    for (size_t i = 0; i < count; i++) {
        const char *first = strstr(make(&c), names[i]);
        assert_non_null(first);
        assert_memory_equal(first + strlen(names[i]), ": mine\r\n", 8);
        assert_null(strstr(first + 1, names[i]));
    }
    case_close(&c);
}

static void an_old_client_that_stays_is_told_so(void **state)
{
    (void)state;
    struct case_of c;
    case_open(&c, 200, 0);
    assert_memory_equal(make(&c), "HTTP/1.1 200 OK\r\n", 17);
    assert_non_null(strstr(make(&c), "\r\nConnection: keep-alive\r\n"));
    c.facts.is_last = true;
    assert_null(strstr(make(&c), "keep-alive"));
    case_close(&c);
}

static void a_streamed_body_has_no_length(void **state)
{
    (void)state;
    struct case_of c;
    case_open(&c, 200, 1);
    c.facts.framing = REPLY_CHUNKED;
    assert_non_null(strstr(make(&c), "\r\nTransfer-Encoding: chunked\r\n"));
    assert_null(strstr(make(&c), "Content-Length"));
    c.facts.framing = REPLY_CLOSED;
    c.facts.is_last = true;
    assert_null(strstr(make(&c), "Transfer-Encoding"));
    assert_non_null(strstr(make(&c), "\r\nConnection: close\r\n"));
    case_close(&c);
}

static void a_handler_can_close_and_say_nothing_else_of_the_connection(void **state)
{
    (void)state;
    struct case_of c;
    case_open(&c, 200, 1);
    assert_true(reply_headers_add(&c.set, "connection", "keep-alive"));
    assert_false(c.set.says_close);
    assert_true(reply_headers_add(&c.set, "Connection", "x, Close"));
    assert_true(c.set.says_close);
    assert_null(strstr(make(&c), "onnection"));
    case_close(&c);
}

static void memory_of_an_earlier_reply_says_nothing_of_it(void **state)
{
    (void)state;
    struct case_of c;
    case_open(&c, 200, 1);
    for (int i = 0; i < 2; i++) {
        reply_headers_begin(&c.set, &c.heads);
        assert_int_equal(c.set.text.length, 0);
        assert_true(reply_headers_add(&c.set, i == 0 ? "X-First" : "X-Second", "1"));
        const char *head = make(&c);
        assert_int_equal(strstr(head, "X-First") != NULL, i == 0);
        assert_int_equal(strstr(head, "X-Second") != NULL, i == 1);
        reply_headers_end(&c.set, &c.heads);
        assert_null(c.set.text.data);
    }
    case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_has_its_date_length_and_type),
        cmocka_unit_test(a_head_without_a_body_has_no_length),
        cmocka_unit_test(what_the_handler_says_is_not_said_twice),
        cmocka_unit_test(an_old_client_that_stays_is_told_so),
        cmocka_unit_test(a_streamed_body_has_no_length),
        cmocka_unit_test(memory_of_an_earlier_reply_says_nothing_of_it),
        cmocka_unit_test(a_handler_can_close_and_say_nothing_else_of_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
