/* spin: ferry's worker of the CPU-heavy benchmark, a plug-in. */
#include "spin.h"

#include <ferry/worker.h>

static int run(ferry_call *call, void *state)
{
    (void)state;
    if (spin() == 0)
        return ferry_call_fail(call, FERRY_INTERNAL, "it never is");
    return ferry_call_reply(call, 200, "text/plain", "ok", 2);
}

FERRY_WORKER(spin, .run = run)
