/* What the queue shows in the metrics. Loop thread. */
#include "queue_metrics.h"

static double read_count(void *arg)
{
    const struct state_count *count = arg;
    return (double)count->count;
}

static double read_zero(void *arg)
{
    (void)arg;
    return 0;
}

static double read_queued(void *arg)
{
    const struct dispatch_route *route = arg;
    return route->counts ? (double)route->counts->by_state[JOB_QUEUED] : 0;
}

/* The earliest due time is not known before the first claim, and after a step of the clock: then it
 * lies before all times. */
static double read_late(void *arg)
{
    const struct dispatch_route *route = arg;
    if (read_queued(arg) == 0 || route->next_run_at_ms <= 0)
        return 0;
    int64_t late_ms = route->queue->read_wall_ms() - route->next_run_at_ms;
    return late_ms > 0 ? (double)late_ms / 1000 : 0;
}

/* A route that is not in the config any more keeps up nothing but the jobs that it has left. */
static double read_open(void *arg)
{
    const struct dispatch_route *route = arg;
    if (!route->pool)
        return read_queued(arg) == 0;
    return gate_state(&route->gate, ferry_loop_now_ms(route->queue->loop)) == QUEUE_OPEN;
}

void queue_metrics_bind_route(struct dispatch_route *route, bool is_open)
{
    struct metrics *metrics = route->queue->metrics;
    if (!metrics)
        return;
    struct bytes labels = {0};
    metrics_label(&labels, "route", route->route.name);
    const char *text = bytes_text(&labels);
    metrics_gauge(metrics, "ferry_route_queued_jobs", "Jobs that are due and wait to start.", text,
                  is_open ? read_queued : read_zero, route);
    metrics_gauge(metrics, "ferry_route_late_seconds",
                  "How long the job that is due the longest has waited, as far as is known.", text,
                  is_open ? read_late : read_zero, route);
    metrics_gauge(
        metrics, "ferry_route_open",
        "Whether jobs may start: 0 while a route is paused, or its breaker keeps it shut, or it is "
        "gone and jobs of it wait.",
        text, is_open ? read_open : read_zero, route);
    bytes_fini(&labels);
}

void queue_metrics_bind(struct queue *queue, bool is_open)
{
    for (int state = 0; queue->metrics && state < JOB_STATE_COUNT; state++) {
        struct bytes labels = {0};
        metrics_label(&labels, "state", job_state_name((enum job_state)state));
        metrics_gauge(queue->metrics, "ferry_jobs", "Jobs on disk, by state.", bytes_text(&labels),
                      is_open ? read_count : read_zero, is_open ? &queue->counts[state] : NULL);
        bytes_fini(&labels);
    }
    for (struct dispatch_route *at = queue->routes; at; at = at->next)
        queue_metrics_bind_route(at, is_open);
}

struct metric_counter *queue_metrics_outcome(struct metrics *metrics, const char *route,
                                             enum attempt_outcome outcome)
{
    static const char *const names[ATTEMPT_OUTCOME_COUNT] = {
        [ATTEMPT_SUCCEEDED] = "succeeded",
        [ATTEMPT_FAILED] = "failed",
        [ATTEMPT_DEAD] = "dead",
        [ATTEMPT_CANCELLED] = "cancelled",
        [ATTEMPT_INTERRUPTED] = "interrupted",
    };
    if (!metrics)
        return NULL;
    struct bytes labels = {0};
    metrics_label(&labels, "route", route);
    metrics_label(&labels, "outcome", names[outcome]);
    struct metric_counter *counter =
        metrics_counter(metrics, "ferry_job_attempts_total",
                        "Attempts to run a job, by how they ended.", bytes_text(&labels));
    bytes_fini(&labels);
    return counter;
}
