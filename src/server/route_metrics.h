/* What a route counts of its requests, whichever generation's it is. Loop thread. */
#ifndef SERVER_ROUTE_METRICS_H
#define SERVER_ROUTE_METRICS_H

#include "log_pace.h"
#include "metrics.h"

struct route_counter;

struct route_metrics {
    struct route_metrics *next; /* of a list */
    struct metrics *metrics;
    char *route; /* the pattern: bounded, unlike paths */
    unsigned in_flight;
    struct metric_histogram *duration_seconds;
    struct route_counter *counters; /* one for each method and status that occurred */
    size_t counter_count;
    struct log_pace refusals;
};

/* Return what the route of a name counts with, from the list, or made and put there. It stays until
 * the list is freed. NULL without memory. */
struct route_metrics *route_metrics_get(struct route_metrics **list, struct metrics *metrics,
                                        const char *name);
void route_metrics_free(struct route_metrics *list);

void route_metrics_begin(struct route_metrics *route);
void route_metrics_end(struct route_metrics *route, const char *method, int status,
                       int64_t duration_us);

#endif
