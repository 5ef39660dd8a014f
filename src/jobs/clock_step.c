/* Steps of the wall clock. Loop thread. */
#include "clock_step.h"

/* Reading two clocks takes a moment between them, which a busy machine stretches; slewing moves
 * half a millisecond a second. */
enum { STEP_MIN_MS = 500 };

int64_t clock_step_check(struct clock_step *step, int64_t wall_ms, int64_t monotonic_ms)
{
    int64_t offset_ms = wall_ms - monotonic_ms;
    int64_t by_ms = step->is_known ? offset_ms - step->offset_ms : 0;
    bool is_step = by_ms >= STEP_MIN_MS || by_ms <= -STEP_MIN_MS;
    step->is_known = true;
    step->offset_ms = offset_ms;
    return is_step ? by_ms : 0;
}
