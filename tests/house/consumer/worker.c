/* A plug-in of the installed program: answers with the parameter that it was given. What it calls
 * of error.h is in libferry, too, and must not come from there. */
#include <ferry/worker.h>

static int run(ferry_call *call, void *state)
{
    (void)state;
    return ferry_call_reply_text(call, ferry_code_status(FERRY_OK), ferry_call_param(call, "word"));
}

FERRY_WORKER(say, .run = run)
