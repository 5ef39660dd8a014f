/* A plug-in as it should be: answers with the number from its settings. */
#include <ferry/worker.h>

static int open_good(ferry_settings *settings, void **state, ferry_error *error)
{
    (void)error;
    *state = (void *)(uintptr_t)ferry_settings_int(settings, "number", 42, 0, 100);
    return 0;
}

static int run(ferry_call *call, void *state)
{
    return ferry_call_reply_json(call, 200, "{\"number\": %d}", (int)(uintptr_t)state);
}

FERRY_WORKER(good, .open = open_good, .run = run)
