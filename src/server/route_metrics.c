/*
 * A route's request metrics. Loop thread. The counters are found by a short walk: a route sees a
 * handful of methods and statuses, and the labels are made once for each.
 */
#include "route_metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct route_counter {
    char method[8];
    int status;
    struct metric_counter *counter;
};

static double read_in_flight(void *arg)
{
    const struct route_metrics *route = arg;
    return route->in_flight;
}

static struct route_metrics *route_metrics_new(struct metrics *metrics, const char *name)
{
    struct bytes labels = {0};
    metrics_label(&labels, "route", name);
    struct route_metrics *route = calloc(1, sizeof *route);
    struct metric_histogram *seconds =
        metrics_histogram(metrics, "ferry_request_duration_seconds",
                          "Time from a whole request to its answer.", bytes_text(&labels));
    if (!route || !seconds || !(route->route = strdup(name))) {
        bytes_fini(&labels);
        free(route);
        return NULL;
    }
    route->metrics = metrics;
    route->duration_seconds = seconds;
    metrics_gauge(metrics, "ferry_requests_in_flight", "Requests that are not answered yet.",
                  bytes_text(&labels), read_in_flight, route);
    bytes_fini(&labels);
    return route;
}

struct route_metrics *route_metrics_get(struct route_metrics **list, struct metrics *metrics,
                                        const char *name)
{
    struct route_metrics *route = *list;
    while (route && strcmp(route->route, name) != 0)
        route = route->next;
    if (route || !(route = route_metrics_new(metrics, name)))
        return route;
    route->next = *list;
    return *list = route;
}

void route_metrics_free(struct route_metrics *list)
{
    while (list) {
        struct route_metrics *route = list;
        list = route->next;
        free(route->counters);
        free(route->route);
        free(route);
    }
}

static struct metric_counter *make_counter(struct route_metrics *route, const char *method,
                                           int status)
{
    struct bytes labels = {0};
    char code[16];
    snprintf(code, sizeof code, "%d", status);
    metrics_label(&labels, "route", route->route);
    metrics_label(&labels, "method", method);
    metrics_label(&labels, "code", code);
    struct metric_counter *counter =
        metrics_counter(route->metrics, "ferry_requests_total", "Requests that were answered.",
                        bytes_text(&labels));
    bytes_fini(&labels);
    return counter;
}

static struct metric_counter *find_counter(struct route_metrics *route, const char *method,
                                           int status)
{
    for (size_t i = 0; i < route->counter_count; i++) {
        if (route->counters[i].status == status && strcmp(route->counters[i].method, method) == 0)
            return route->counters[i].counter;
    }
    struct metric_counter *counter = make_counter(route, method, status);
    size_t size = (route->counter_count + 1) * sizeof *route->counters;
    struct route_counter *counters = counter ? realloc(route->counters, size) : NULL;
    if (counters) {
        route->counters = counters;
        struct route_counter *entry = &counters[route->counter_count++];
        snprintf(entry->method, sizeof entry->method, "%s", method);
        entry->status = status;
        entry->counter = counter;
    }
    return counter;
}

void route_metrics_begin(struct route_metrics *route)
{
    route->in_flight++;
}

void route_metrics_end(struct route_metrics *route, const char *method, int status,
                       int64_t duration_us)
{
    route->in_flight--;
    metrics_observe_us(route->duration_seconds, duration_us);
    struct metric_counter *counter = find_counter(route, method, status);
    if (counter)
        counter->value++;
}
