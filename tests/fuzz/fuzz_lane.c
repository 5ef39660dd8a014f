/*
 * Fuzzing what the process of an isolated worker may say, and what it may be told: messages, whole
 * or in part, and in each the answer to a call, its progress, a call, or an opening.
 */
#include "fuzz.h"

#include "call.h"
#include "call_input.h"
#include "lane_messages.h"
#include "settings.h"

static const ferry_worker kind = {.abi = FERRY_WORKER_ABI, .name = "kind"};
static const struct worker worker = {.kind = &kind, .name = (char *)"lone"};

static ferry_call *make_call(void)
{
    struct bytes block = {0};
    call_input_add(&block, CALL_METHOD, "", "GET", 3);
    call_input_end(&block, NULL, 0);
    size_t length = block.length;
    ferry_call *call =
        call_new(&worker, bytes_take(&block), length, &(struct call_options){.attempt = 1}, NULL);
    if (!call)
        abort();
    return call;
}

/* An answer that is taken is one that HTTP can give. */
static void take_answer(struct message *message)
{
    ferry_call *call = make_call();
    if (lane_take_answer(message, call) == 0) {
        const struct call_output *output = call_output(call);
        FUZZ_CHECK(output->error.code < 0 || (output->status >= 200 && output->status <= 599));
        FUZZ_CHECK(output->headers.length == 0 ||
                   output->headers.data[output->headers.length - 1] == '\0');
        FUZZ_CHECK(output->retry_after_ms >= 0 && output->pause_route_ms >= 0);
    }
    call_free(call);
}

static void take_progress(struct message *message)
{
    ferry_call *call = make_call();
    double fraction;
    char text[16];
    if (lane_take_progress(message, call) == 0) {
        FUZZ_CHECK(call_get_progress(call, &fraction, text, sizeof text));
        FUZZ_CHECK(fraction >= 0 && fraction <= 1);
    }
    call_free(call);
}

static void take_call(struct message *message)
{
    ferry_call *call = lane_take_call(message, &worker, NULL);
    FUZZ_CHECK(!call || ferry_call_method(call));
    call_free(call);
}

static void take_opening(struct message *message)
{
    struct lane_opened opened;
    if (lane_take_opening(message, &opened, NULL) == 0)
        FUZZ_CHECK(*opened.worker || *opened.kind || opened.settings);
    free(opened.plugins);
    settings_free(opened.settings);
}

static void take(struct message *message)
{
    switch (message->kind) {
    case MESSAGE_LOG:
        lane_take_log(message);
        break;
    case MESSAGE_OPEN:
        take_opening(message);
        break;
    case MESSAGE_DROPPED:
        lane_take_dropped(message);
        break;
    case MESSAGE_CALL:
        take_call(message);
        break;
    case MESSAGE_CANCEL:
        break;
    case MESSAGE_PROGRESS:
        take_progress(message);
        break;
    case MESSAGE_ANSWER:
        take_answer(message);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message_inbox inbox = {0};
    struct message message;
    bytes_append(&inbox.bytes, data, size);
    while (message_next(&inbox, &message) > 0)
        take(&message);
    message_inbox_fini(&inbox);
    return 0;
}
