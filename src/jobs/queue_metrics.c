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

void queue_metrics_bind(struct queue *queue, bool is_open)
{
    for (int state = 0; queue->metrics && state < JOB_STATE_COUNT; state++) {
        struct bytes labels = {0};
        metrics_label(&labels, "state", job_state_name((enum job_state)state));
        metrics_gauge(queue->metrics, "ferry_jobs", "Jobs on disk, by state.", bytes_text(&labels),
                      is_open ? read_count : read_zero, is_open ? &queue->counts[state] : NULL);
        bytes_fini(&labels);
    }
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
