/* A route's metrics: a series for each method and status, and the requests in flight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "route_metrics.h"

static void expect_line(struct metrics *metrics, const char *line)
{
    struct bytes text = {0};
    metrics_render(metrics, &text);
    if (!strstr(bytes_text(&text), line))
        fail_msg("\"%s\" is not in:\n%s", line, bytes_text(&text));
    bytes_fini(&text);
}

static void requests_are_counted_by_method_and_code(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    struct route_metrics *list = NULL;
    struct route_metrics *route = route_metrics_get(&list, metrics, "/users/{id}");
    assert_non_null(route);
    assert_ptr_equal(route_metrics_get(&list, metrics, "/users/{id}"), route);
    for (int i = 0; i < 3; i++)
        route_metrics_begin(route);
    route_metrics_end(route, "GET", 200, 1000);
    route_metrics_end(route, "GET", 503, 1000);
    expect_line(metrics, "ferry_requests_in_flight{route=\"/users/{id}\"} 1\n");
    route_metrics_end(route, "GET", 200, 1000);
    expect_line(metrics, "ferry_requests_in_flight{route=\"/users/{id}\"} 0\n");
    expect_line(metrics,
                "ferry_requests_total{route=\"/users/{id}\",method=\"GET\",code=\"200\"} 2\n");
    expect_line(metrics,
                "ferry_requests_total{route=\"/users/{id}\",method=\"GET\",code=\"503\"} 1\n");
    expect_line(metrics, "ferry_request_duration_seconds_count{route=\"/users/{id}\"} 3\n");
    route_metrics_free(list);
    metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_counted_by_method_and_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
