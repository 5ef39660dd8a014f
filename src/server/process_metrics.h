/* The standard process_* metrics, ferry_build_info and the loop's lag. Loop thread. */
#ifndef SERVER_PROCESS_METRICS_H
#define SERVER_PROCESS_METRICS_H

#include <ferry/loop.h>

#include "metrics.h"

void process_metrics_register(struct metrics *metrics);

/* Measures how late the loop comes to a timer, ten times a second. */
struct loop_lag {
    ferry_loop *loop;
    ferry_timer timer;
    int64_t due_us;
    struct metric_histogram *seconds;
};

void loop_lag_start(struct loop_lag *lag, ferry_loop *loop, struct metrics *metrics);
void loop_lag_stop(struct loop_lag *lag);

#endif
