/*
 * The worker's side of a call: the functions of worker.h.
 *
 * They run on the thread that runs the call (ferry_call_is_cancelled and ferry_call_data also on
 * the loop, inside the cancel hook, where the call's lock is held by the loop itself).
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"
#include "call_struct.h"
#include "clock.h"

/* ---- what was asked ---- */

const char *ferry_call_method(const ferry_call *call)
{
    return call->input.method;
}

const char *ferry_call_param(const ferry_call *call, const char *name)
{
    const char *value = call_input_find(&call->input, CALL_PARAM, name);
    return value ? value : call_input_find(&call->input, CALL_QUERY, name);
}

int ferry_call_param_int(const ferry_call *call, const char *name, int64_t *value)
{
    const char *text = ferry_call_param(call, name);
    if (!text)
        return FERRY_NOT_FOUND;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (ascii_is_space(*text) || end == text || *end || errno)
        return FERRY_INVALID;
    *value = number;
    return 0;
}

int ferry_call_param_double(const ferry_call *call, const char *name, double *value)
{
    const char *text = ferry_call_param(call, name);
    if (!text)
        return FERRY_NOT_FOUND;
    char *end;
    double number = ascii_to_double(text, &end);
    if (text[strspn(text, "+-.0123456789eE")] || end == text || *end || !isfinite(number))
        return FERRY_INVALID;
    *value = number;
    return 0;
}

const char *ferry_call_header(const ferry_call *call, const char *name)
{
    return call_input_find(&call->input, CALL_HEADER, name);
}

const char *ferry_call_body(const ferry_call *call, size_t *length)
{
    if (length)
        *length = call->input.body_length;
    return call->input.body;
}

/* ---- its circumstances ---- */

unsigned ferry_call_attempt(const ferry_call *call)
{
    return call->attempt;
}

const char *ferry_call_delivery_id(const ferry_call *constant)
{
    ferry_call *call = (ferry_call *)constant; /* a live call's is made when somebody asks */
    if (!call->delivery_id[0])
        random_id(call->delivery_id);
    return call->delivery_id;
}

int64_t ferry_call_time_left_ms(const ferry_call *call)
{
    if (call->deadline_us == INT64_MAX)
        return INT64_MAX;
    int64_t left_us = call->deadline_us - clock_monotonic_us();
    return left_us > 0 ? (left_us + 999) / 1000 : 0;
}

bool ferry_call_is_cancelled(const ferry_call *call)
{
    return atomic_load(&call->cancelled);
}

int ferry_call_wait(ferry_call *call, int64_t ms)
{
    int64_t until_us = clock_monotonic_us_after(ms);
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    int rc = 0;
    while (!ferry_call_is_cancelled(call) && (rc == 0 || errno == EINTR))
        rc = sem_clockwait(&call->cancel_set, CLOCK_MONOTONIC, &until);
    if (!ferry_call_is_cancelled(call))
        return 0;
    sem_post(&call->cancel_set); /* for another thread of the worker that waits */
    return FERRY_CANCELLED;
}

void ferry_call_progress(ferry_call *call, double fraction, const char *message)
{
    pthread_mutex_lock(&call->lock);
    call->has_progress = true;
    call->progress = fraction > 1 ? 1 : fraction > 0 ? fraction : 0;
    snprintf(call->progress_message, sizeof call->progress_message, "%s", message ? message : "");
    pthread_mutex_unlock(&call->lock);
}

const char *ferry_call_remembered(const ferry_call *call, size_t *length)
{
    if (length)
        *length = call->memory_length;
    return call->memory;
}

int ferry_call_remember(ferry_call *call, const void *data, size_t length)
{
    if (length > MEMORY_MAX_BYTES)
        return FERRY_TOO_LARGE;
    if (!data && length > 0)
        return FERRY_INVALID;
    struct bytes copy = {0};
    if (length > 0)
        bytes_append(&copy, data, length);
    if (copy.failed) {
        bytes_fini(&copy);
        return FERRY_INTERNAL;
    }
    bytes_fini(&call->output.memory);
    call->output.memory = copy;
    call->output.remembers = true;
    return 0;
}

void ferry_call_set_data(ferry_call *call, void *data)
{
    pthread_mutex_lock(&call->lock);
    call->data = data;
    pthread_mutex_unlock(&call->lock);
}

void *ferry_call_data(const ferry_call *call)
{
    return call->data;
}

/* ---- the answer ---- */

static bool has_control_bytes(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7F)
            return true;
    }
    return false;
}

static int reply_owned(ferry_call *call, int status, const char *content_type, struct bytes *body)
{
    struct call_output *output = &call->output;
    if (content_type && has_control_bytes(content_type))
        content_type = NULL;
    char *type = content_type ? strdup(content_type) : NULL;
    bool has_memory = !body->failed && (type || !content_type);
    if (!has_memory || status < 200 || status > 599) {
        free(type);
        bytes_fini(body);
        if (!has_memory)
            return ferry_call_fail(call, FERRY_REJECTED, "no memory for the answer"); /* may pass */
        return ferry_call_fail(call, FERRY_INTERNAL, "%s answered with the status %d",
                               call->worker->name, status);
    }
    free(output->content_type);
    bytes_fini(&output->body);
    output->error = (ferry_error){0};
    output->status = status;
    output->content_type = type;
    output->body = *body;
    return 0;
}

int ferry_call_reply(ferry_call *call, int status, const char *content_type, const void *body,
                     size_t length)
{
    struct bytes copy = {0};
    if (!body && length > 0)
        return ferry_call_fail(call, FERRY_INTERNAL, "%s answered with a body that is NULL",
                               call->worker->name);
    bytes_append(&copy, body, length);
    return reply_owned(call, status, content_type, &copy);
}

int ferry_call_reply_text(ferry_call *call, int status, const char *text)
{
    size_t length = text ? strlen(text) : SIZE_MAX; /* NULL is no answer: the call fails for it */
    return ferry_call_reply(call, status, "text/plain; charset=utf-8", text, length);
}

int ferry_call_reply_json(ferry_call *call, int status, const char *format, ...)
{
    struct bytes body = {0};
    va_list args;
    va_start(args, format);
    bytes_vprintf(&body, format, args);
    va_end(args);
    return reply_owned(call, status, "application/json", &body);
}

int ferry_call_reply_header(ferry_call *call, const char *name, const char *value)
{
    if (!name || !value || !*name || name[strcspn(name, " :\t\"(),/;<=>?@[\\]{}")] ||
        has_control_bytes(name) || has_control_bytes(value))
        return FERRY_INVALID;
    struct bytes *headers = &call->output.headers;
    bytes_append(headers, name, strlen(name) + 1);
    bytes_append(headers, value, strlen(value) + 1);
    return headers->failed ? FERRY_INTERNAL : 0;
}

int ferry_call_fail(ferry_call *call, ferry_code code, const char *format, ...)
{
    if (code >= FERRY_OK)
        code = FERRY_INTERNAL; /* a failure is one, whatever it is called */
    va_list args;
    va_start(args, format);
    ferry_error_set_v(&call->output.error, code, format, args);
    va_end(args);
    bytes_clear(&call->output.headers); /* they belonged to an answer that is not given */
    return code;
}

void ferry_call_retry_after(ferry_call *call, int64_t ms)
{
    call->output.retry_after_ms = ms > 0 ? ms : 0;
}

void ferry_call_pause_route(ferry_call *call, int64_t ms)
{
    call->output.pause_route_ms = ms > 0 ? ms : 0;
}
