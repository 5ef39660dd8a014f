/* A plug-in that needs a function nobody has, as one does that was linked without its library. */
#include <ferry/worker.h>

int function_of_a_library_that_is_missing(void);

static int run(ferry_call *call, void *state)
{
    (void)state;
    return ferry_call_reply(call, function_of_a_library_that_is_missing(), NULL, "", 0);
}

FERRY_WORKER(unresolved, .run = run)
