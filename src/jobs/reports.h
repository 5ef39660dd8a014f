/* What the store reports while it opens. Main thread. */
#ifndef JOBS_REPORTS_H
#define JOBS_REPORTS_H

#include "statements.h"

struct interrupted_job {
    const char *route;
    char delivery_id[RANDOM_ID_TEXT_SIZE];
    enum job_state state; /* what became of it */
    unsigned crashes;
};

typedef void interrupted_visit(void *arg, const struct interrupted_job *job);
typedef void state_visit(void *arg, enum job_state state, int64_t count, int64_t bytes);
typedef void route_visit(void *arg, const char *route, int64_t waiting);

/* End the attempts of other processes than `boot`, in one statement, and report each;
 * `max_crashes` as in queue.h. */
int report_interrupt(struct statements *statements, const unsigned char boot[RANDOM_ID_BYTES],
                     unsigned max_crashes, int64_t now_ms, interrupted_visit *visit, void *arg,
                     ferry_error *error);

/* Report how many jobs there are in each state, and how many of each route wait. */
int report_count_states(struct statements *statements, state_visit *visit, void *arg,
                        ferry_error *error);
int report_count_routes(struct statements *statements, route_visit *visit, void *arg,
                        ferry_error *error);

#endif
