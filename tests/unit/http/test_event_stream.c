/*
 * Server-sent events: what goes over the wire for each field.
 */
#include <ferry/http_stream.h>

#include "fixture.h"
#include "support.h"

#define GET_LAST "GET / HTTP/1.0\r\n\r\n"

struct row {
    ferry_event event;
    const char *text; /* NULL: refused */
};

static const struct row rows[] = {
    {{.data = "one"}, "data: one\n\n"},
    {{.id = "7", .name = "tick", .data = "x", .retry_ms = 1500},
     "id: 7\nevent: tick\nretry: 1500\ndata: x\n\n"},
    {{.data = "a\nb\r\nc\rd"}, "data: a\ndata: b\ndata: c\ndata: d\n\n"},
    {{.data = ""}, "data: \n\n"},
    {{.data = "a\n"}, "data: a\ndata: \n\n"},
    {{.data = "\n\ndata: forged"}, "data: \ndata: \ndata: data: forged\n\n"},
    {{.id = "", .data = " led"}, "id: \ndata:  led\n\n"},
    {{.retry_ms = 5}, "retry: 5\n\n"},
    {{.id = "1\ndata: x", .data = "y"}, NULL},
    {{.name = "a\rb", .data = "y"}, NULL},
};

static void send_row(ferry_request *request, void *ctx)
{
    const struct row *row = ctx;
    ferry_reply *reply = ferry_request_reply_events(request);
    assert_int_equal(ferry_reply_event(reply, &row->event), row->text ? 0 : FERRY_INVALID);
    ferry_reply_end(reply);
}

static void test_fields_of_an_event(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        fixture_open(&f, NULL);
        fixture_route(&f, "GET", "/", send_row, (void *)&rows[i]);
        char *reply = talk(&f, GET_LAST);
        assert_has(reply, "Content-Type: text/event-stream\r\n");
        assert_has(reply, "Cache-Control: no-cache\r\n");
        assert_string_equal(strstr(reply, "\r\n\r\n") + 4, rows[i].text ? rows[i].text : "");
        free(reply);
        fixture_close(&f);
    }
}

static void send_heartbeat(ferry_request *request, void *ctx)
{
    (void)ctx;
    ferry_reply *reply = ferry_request_reply_events(request);
    assert_int_equal(ferry_reply_heartbeat(reply), 0);
    assert_int_equal(ferry_reply_event(reply, &(ferry_event){.data = "x"}), 0);
    ferry_reply_end(reply);
}

static void test_a_heartbeat_is_a_comment(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    fixture_route(&f, "GET", "/", send_heartbeat, NULL);
    char *reply = talk(&f, GET_LAST);
    assert_string_equal(strstr(reply, "\r\n\r\n") + 4, ":\n\ndata: x\n\n");
    free(reply);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_of_an_event),
        cmocka_unit_test(test_a_heartbeat_is_a_comment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
