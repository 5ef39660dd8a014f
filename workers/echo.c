/* echo: answers with the request's body and its content type. */
#include <ferry/worker.h>

static int run(ferry_call *call, void *state)
{
    (void)state;
    size_t length;
    const char *body = ferry_call_body(call, &length);
    const char *type = ferry_call_header(call, "Content-Type");
    return ferry_call_reply(call, 200, type && *type ? type : "application/octet-stream", body,
                            length);
}

FERRY_WORKER(echo, .run = run)
