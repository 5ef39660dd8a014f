/*
 * sms: sends a text message through a gateway that the config describes.
 *
 *     gateway:
 *       use: sms
 *       url: https://sms.example.org/accounts/{{secret:ACCOUNT}}/messages
 *       method: POST                          # POST with a body, else GET
 *       query: {key: "{{secret:KEY}}"}        # escaped as a query wants it
 *       form: {To: "{{to}}", Body: "{{text}}"}    # or json: or json_text:, a text of JSON
 *       headers: {X-Request: "{{delivery_id}}"}
 *       auth: {type: basic, username: "{{secret:ACCOUNT}}", password: "{{secret:TOKEN}}"}
 *       secrets_file: /etc/ferry/sms.secrets  # lines of NAME=VALUE; else the environment's
 *       success: {status: 200-299, pointer: /code, equals: OK}   # or in: [...]; all must match
 *       message_id: /sid                      # JSON pointers into the answer
 *       error_message: /message
 *       permanent: {status: 400-499, pointer: /code, in: [21211]}   # one of them must match
 *       transient: {status: [408, 429]}       # what is neither may pass, too
 *       pause: {status: [401, 403], for: 1m}  # no other message would fare better: not before
 *       numbers: "[+][1-9][0-9]{6,14}"        # what `to` must be
 *       max_length: 160                       # characters
 *       dry_run: true                         # send nothing, answer what would be sent
 *       timeout: 30s                          # of one request; ca_file and proxy as in fetch
 *
 * docs/sms.md explains each; conf/sms-*.yaml are whole examples. The request is JSON
 * (sms_request.h). The answer is {"message_id", "to"}, or of a list {"sent", "refused", "results"}.
 *
 * Several numbers are several requests. What became of each is remembered from one attempt to the
 * next, so that a retry goes to those that are left. One that a crash, or a lost answer, left in
 * doubt is sent again, with the same delivery id.
 *
 * The state is made by open and only read afterwards; a thread's state is its connections.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ferry/worker.h>

#include "clock.h"
#include "curl_wake.h"
#include "random.h"
#include "sms_gateway.h"
#include "sms_message.h"
#include "sms_outcome.h"
#include "sms_request.h"
#include "sms_result.h"

struct sms_thread {
    const struct sms_gateway *gateway;
    struct http_transfer *transfer;
};

/* ---- open ---- */

static int sms_open(ferry_settings *settings, void **state, ferry_error *error)
{
    const struct sms_gateway *gateway = *state = sms_gateway_read(settings, error);
    if (gateway && gateway->is_dry_run) /* its jobs succeed all the same */
        ferry_log(FERRY_LOG_WARN, "an sms worker sends nothing: dry_run is true", NULL);
    return gateway ? 0 : FERRY_INTERNAL;
}

static void sms_close(void *state)
{
    sms_gateway_free(state);
}

static int sms_thread_open(void *state, void **thread_state, ferry_error *error)
{
    struct sms_gateway *gateway = state;
    struct sms_thread *thread = calloc(1, sizeof *thread);
    if (thread) {
        thread->gateway = gateway;
        thread->transfer = http_transfer_new(&gateway->http);
    }
    if (!thread || !thread->transfer) {
        free(thread);
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    }
    *thread_state = thread;
    return 0;
}

static void sms_thread_close(void *thread_state)
{
    struct sms_thread *thread = thread_state;
    http_transfer_free(thread->transfer);
    free(thread);
}

/* ---- one message ---- */

enum { OWN_VALUES = 9 };

/* The values that every template may use, for one number. */
struct own_values {
    struct sms_value list[OWN_VALUES];
    char delivery_id[RANDOM_ID_TEXT_SIZE + 8];
    char timestamp[CLOCK_RFC3339_SIZE];
    char unix_time[24];
    char nonce[RANDOM_ID_TEXT_SIZE];
    char attempt[16];
};

static void own_values_init(struct own_values *own, const ferry_call *call,
                            const struct sms_request *request, size_t index)
{
    int64_t now_ms = clock_wall_ms();
    const char *id = ferry_call_delivery_id(call), *to = request->numbers[index];
    if (request->is_list) /* a message each: the same id would make one of them */
        snprintf(own->delivery_id, sizeof own->delivery_id, "%s-%zu", id, index + 1);
    else
        snprintf(own->delivery_id, sizeof own->delivery_id, "%s", id);
    clock_format_rfc3339(now_ms, own->timestamp);
    snprintf(strchr(own->timestamp, '.'), 2, "Z");
    snprintf(own->unix_time, sizeof own->unix_time, "%" PRId64, now_ms / 1000);
    snprintf(own->attempt, sizeof own->attempt, "%u", ferry_call_attempt(call));
    random_id(own->nonce);
    const struct sms_value list[OWN_VALUES] = {
        {"to", to},
        {"to_digits", to + (*to == '+')},
        {"text", request->text},
        {"delivery_id", own->delivery_id},
        {"attempt", own->attempt},
        {"timestamp", own->timestamp},
        {"unix_time", own->unix_time},
        {"nonce", own->nonce},
        {0},
    };
    memcpy(own->list, list, sizeof list);
}

static int build(struct sms_message *message, const struct sms_gateway *gateway,
                 const ferry_call *call, const struct sms_request *request, size_t index,
                 ferry_error *error)
{
    struct own_values own;
    own_values_init(&own, call, request, index);
    const struct sms_values values = {
        .own = own.list,
        .request = request->json,
        .secrets = &gateway->secrets,
        .masks_secrets = gateway->is_dry_run,
        .told = &message->secrets,
    };
    return sms_message_build(message, gateway, &values, error);
}

/* Send to one number. Returns 0 with the outcome, or what kept it from being sent. */
static int send_one(const struct sms_thread *thread, ferry_call *call,
                    const struct sms_request *request, size_t index, struct sms_outcome *outcome,
                    ferry_error *error)
{
    struct sms_message message;
    struct http_answer answer = {0};
    int rc = build(&message, thread->gateway, call, request, index, error);
    if (rc == 0)
        rc = http_transfer_perform(thread->transfer, &message.request, call, &answer, error);
    if (rc == 0)
        sms_outcome_read(outcome, thread->gateway, &answer, &message.secrets);
    http_answer_fini(&answer);
    sms_message_fini(&message);
    return rc;
}

/* ---- all of them ---- */

/* Take an outcome down. Returns 0 to go on with the next number, or the failure that ends the
 * attempt. */
static int settle(struct sms_result *result, ferry_call *call, const char *number,
                  const struct sms_outcome *outcome, ferry_error *error)
{
    bool is_paused = outcome->kind == SMS_PAUSED;
    if (outcome->kind == SMS_SENT || outcome->kind == SMS_REFUSED) {
        if (sms_result_add(result, number, outcome) < 0)
            return ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return sms_result_remember(result, call, error);
    }
    if (outcome->wait_ms > result->wait_ms) {
        result->wait_ms = outcome->wait_ms;
        ferry_call_retry_after(call, result->wait_ms);
    }
    if (is_paused)
        ferry_call_pause_route(call, outcome->wait_ms);
    ferry_error_set(error, FERRY_TRANSIENT, "the gateway did not take it: %s", outcome->error);
    return is_paused ? FERRY_TRANSIENT : 0;
}

/* Send to those numbers that are left, each attempt beginning with another one: a gateway that does
 * not answer ends the attempt, and must not do so before the same others each time. Returns 0 when
 * all that could be asked have been asked; `error` is the last one's, if it has a code. */
static int send_all(const struct sms_thread *thread, ferry_call *call,
                    const struct sms_request *request, struct sms_result *result,
                    ferry_error *error)
{
    int rc = 0;
    for (size_t asked = 0; rc == 0 && asked < request->count; asked++) {
        struct sms_outcome outcome;
        size_t i = (asked + ferry_call_attempt(call) - 1) % request->count;
        if (sms_result_has(result, request->numbers[i]))
            continue;
        rc = send_one(thread, call, request, i, &outcome, error);
        if (rc == 0)
            rc = settle(result, call, request->numbers[i], &outcome, error);
    }
    return rc;
}

static int deliver(ferry_call *call, const struct sms_thread *thread,
                   const struct sms_request *request)
{
    struct sms_result result;
    ferry_error error = {0};
    int rc = sms_result_load(&result, call, request, &error);
    if (rc == 0)
        rc = send_all(thread, call, request, &result, &error);
    if (rc == 0)
        rc = error.code; /* a number was left for later, and the next ones were tried */
    if (rc < 0 && request->is_list)
        ferry_call_fail(call, (ferry_code)rc, "%zu of %zu numbers are done; %s",
                        json_object_size(result.numbers), request->count, error.message);
    else if (rc < 0)
        ferry_call_fail(call, (ferry_code)rc, "%s", error.message);
    else
        rc = sms_result_reply(&result, call);
    sms_result_fini(&result);
    return rc;
}

static int rehearse(ferry_call *call, const struct sms_thread *thread,
                    const struct sms_request *request)
{
    struct bytes answer = {0};
    ferry_error error = {0};
    int rc = 0;
    bytes_append_text(&answer, "{\"dry_run\":true,\"requests\":[");
    for (size_t i = 0; rc == 0 && i < request->count; i++) {
        struct sms_message message;
        rc = build(&message, thread->gateway, call, request, i, &error);
        if (rc == 0)
            sms_result_append_rehearsal(&answer, request->numbers[i], &message.request, i > 0);
        sms_message_fini(&message);
    }
    bytes_append_text(&answer, "]}");
    if (rc < 0)
        ferry_call_fail(call, (ferry_code)rc, "%s", error.message);
    else
        rc = ferry_call_reply(call, 200, "application/json", bytes_text(&answer), answer.length);
    bytes_fini(&answer);
    return rc;
}

static int run(ferry_call *call, void *state)
{
    const struct sms_thread *thread = state;
    struct sms_request request;
    ferry_error error = {0};
    size_t length;
    const char *body = ferry_call_body(call, &length);
    int rc = sms_request_parse(&request, thread->gateway, body, length, &error);
    if (rc < 0)
        ferry_call_fail(call, (ferry_code)rc, "%s", error.message);
    else if (thread->gateway->is_dry_run)
        rc = rehearse(call, thread, &request);
    else
        rc = deliver(call, thread, &request);
    sms_request_fini(&request);
    return rc;
}

FERRY_WORKER(sms, .open = sms_open, .close = sms_close, .thread_open = sms_thread_open,
             .thread_close = sms_thread_close, .run = run, .cancel = curl_wake)
