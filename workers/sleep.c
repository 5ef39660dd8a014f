/*
 * sleep: blocks its thread for `?ms=N` or `?seconds=X`, and says how long it slept. The model of
 * blocking work: what it does to a pool, any slow library does. A cancel ends it early.
 */
#include <inttypes.h>
#include <math.h>

#include <ferry/worker.h>

enum { LONGEST_MS = 24 * 60 * 60 * 1000 };

static int read_ms(ferry_call *call, int64_t *ms)
{
    bool in_ms = ferry_call_param(call, "ms") != NULL;
    bool in_seconds = ferry_call_param(call, "seconds") != NULL;
    double seconds = 0;
    if (in_ms == in_seconds)
        return ferry_call_fail(call, FERRY_INVALID, "say how long: either ?ms=N or ?seconds=X");
    if (in_ms && ferry_call_param_int(call, "ms", ms) < 0)
        return ferry_call_fail(call, FERRY_INVALID, "ms: a whole number of milliseconds");
    if (in_seconds && ferry_call_param_double(call, "seconds", &seconds) < 0)
        return ferry_call_fail(call, FERRY_INVALID, "seconds: a number of seconds");
    double wanted_ms = in_ms ? (double)*ms : seconds * 1000;
    if (wanted_ms < 0 || wanted_ms > LONGEST_MS)
        return ferry_call_fail(call, FERRY_INVALID, "%s: from 0 to 24 hours",
                               in_ms ? "ms" : "seconds");
    *ms = llround(wanted_ms);
    return 0;
}

static int run(ferry_call *call, void *state)
{
    (void)state;
    int64_t ms;
    int rc = read_ms(call, &ms);
    if (rc < 0)
        return rc;
    if (ferry_call_wait(call, ms) < 0) {
        if (ferry_call_time_left_ms(call) == 0)
            return ferry_call_fail(call, FERRY_DEADLINE, "the deadline passed");
        return ferry_call_fail(call, FERRY_CANCELLED, "the caller left");
    }
    return ferry_call_reply_json(call, 200, "{\"slept_ms\":%" PRId64 "}", ms);
}

FERRY_WORKER(sleep, .run = run)
