/* What the queue shows in the metrics. Loop thread. */
#ifndef JOBS_QUEUE_METRICS_H
#define JOBS_QUEUE_METRICS_H

#include "queue_struct.h"

/* Show the counts as ferry_jobs{state}, and the routes that there are. A registry outlives the
 * queue: with `is_open` false the gauges let go of it, and read 0. */
void queue_metrics_bind(struct queue *queue, bool is_open);

/* Show what waits of a route, and whether it may start. */
void queue_metrics_bind_route(struct dispatch_route *route, bool is_open);

/* Return ferry_job_attempts_total of a route and an outcome; NULL without a registry. */
struct metric_counter *queue_metrics_outcome(struct metrics *metrics, const char *route,
                                             enum attempt_outcome outcome);

#endif
