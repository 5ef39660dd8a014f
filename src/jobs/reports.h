/* What the store reports while it opens. Main thread. */
#ifndef JOBS_REPORTS_H
#define JOBS_REPORTS_H

#include "started.h"
#include "statements.h"

struct interrupted_job {
    const char *route;
    char delivery_id[RANDOM_ID_TEXT_SIZE];
    enum job_state state; /* what became of it */
    unsigned crashes;
};

typedef void interrupted_visit(void *arg, const struct interrupted_job *job);
typedef void count_visit(void *arg, const char *route, enum job_state state, int64_t count,
                         int64_t bytes);
typedef void paused_visit(void *arg, const char *route, int64_t since_ms);
typedef void slot_visit(void *arg, const char *schedule, int64_t slot_ms);

/* Give back what the process before has claimed and not started, in one transaction: no crash is
 * counted. */
int report_unstarted(struct statements *statements, const struct started *before, int64_t now_ms,
                     ferry_error *error);

/* End the attempts of other processes than `boot`, in one transaction, and report each;
 * `max_crashes` as in queue.h. One that was withdrawn is cancelled by it. */
int report_interrupt(struct statements *statements, const unsigned char boot[RANDOM_ID_BYTES],
                     unsigned max_crashes, int64_t now_ms, interrupted_visit *visit, void *arg,
                     ferry_error *error);

/* Report how many jobs each route has in each state, and what their inputs weigh. */
int report_count(struct statements *statements, count_visit *visit, void *arg, ferry_error *error);

/* Report the routes that are paused, and the last slot that each schedule has run. */
int report_paused(struct statements *statements, paused_visit *visit, void *arg,
                  ferry_error *error);
int report_slots(struct statements *statements, slot_visit *visit, void *arg, ferry_error *error);

#endif
