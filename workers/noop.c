/* noop: answers "ok". The least that a call can cost: for trying a route, and for measuring. */
#include <ferry/worker.h>

static int run(ferry_call *call, void *state)
{
    (void)state;
    return ferry_call_reply(call, 200, "text/plain", "ok", 2);
}

FERRY_WORKER(noop, .run = run)
