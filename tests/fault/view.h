/* A job as it may look on disk, and what each operation makes of it. No state; any thread. */
#ifndef TESTS_FAULT_VIEW_H
#define TESTS_FAULT_VIEW_H

#include "operation.h"

struct view {
    bool is_there;
    enum job_state state;
    unsigned attempt, crashes;
    int64_t run_at_ms, finished_ms; /* finished_ms 0: whenever */
    bool is_cancelling;
    unsigned callbacks; /* that it has caused so far; no part of what is compared */
};

bool view_equals(const struct view *a, const struct view *b);
bool view_is_due(const struct view *view, int64_t now_ms);
bool view_is_retired(const struct view *view, int64_t before_ms);

/* Tell whether a change by somebody does anything to the job. */
bool view_allows(const struct view *view, enum job_action action);

/* Return what an operation, if it is done to this job, makes of it. */
struct view view_after(struct view view, const struct operation *operation, bool has_callback);

/* Return what the next start of the server makes of it. */
struct view view_interrupted(struct view view, unsigned max_crashes, bool has_callback);

#endif
