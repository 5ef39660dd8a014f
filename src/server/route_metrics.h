/* What a route counts of its requests. Loop thread. */
#ifndef SERVER_ROUTE_METRICS_H
#define SERVER_ROUTE_METRICS_H

#include "metrics.h"

struct route_counter;

struct route_metrics {
    struct metrics *metrics;
    const char *route; /* the pattern: bounded, unlike paths */
    unsigned in_flight;
    struct metric_histogram *duration_seconds;
    struct route_counter *counters; /* one for each method and status that occurred */
    size_t counter_count;
};

/* Returns whether there was memory. `route` stays the caller's. */
bool route_metrics_init(struct route_metrics *route, struct metrics *metrics, const char *name);
void route_metrics_fini(struct route_metrics *route);

void route_metrics_begin(struct route_metrics *route);
void route_metrics_end(struct route_metrics *route, const char *method, int status,
                       int64_t duration_us);

#endif
