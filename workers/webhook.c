/*
 * webhook: posts the call's body to a URL, signed as Standard Webhooks has it.
 *
 *     hooks:
 *       use: webhook
 *       url: https://example.org/hooks     # {name}: a parameter of the call, escaped
 *       allow: [https://example.com/in/]   # what callers may name by ?url=
 *       secret_file: /etc/ferry/webhook    # whsec_BASE64 or a text, one a line; without: unsigned
 *       headers: ["X-Sender: ferry"]
 *       timeout: 15s                       # of one attempt
 *       ca_file: /etc/ferry/hooks-ca.pem   # the system's
 *       proxy: http://127.0.0.1:3128       # none; the environment is not asked
 *
 * One of url and allow must be there. The headers webhook-id (the delivery id, the same over all
 * attempts of a job), webhook-timestamp (of this attempt) and webhook-signature go along.
 *
 * A 2xx is a success, answered with {"webhook_id", "status"}. A 410 says that nobody wants it any
 * more: permanent. Everything else may pass, as Standard Webhooks has it: a 404 is a receiver that
 * is being deployed, a 400 one that has a bug today. A Retry-After is obeyed; redirects are not
 * followed.
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
#include "http_target.h"
#include "http_transfer.h"
#include "webhook_signature.h"

enum { DEFAULT_TIMEOUT_MS = 15000, ANSWER_MAX = 1024, SECRET_FILE_MAX = 8192 };

struct webhook {
    struct http_target target;
    struct http_options options;
    const char *const *headers;
    struct webhook_secrets secrets; /* none: unsigned */
};

struct webhook_thread {
    const struct webhook *webhook;
    struct http_transfer *transfer;
};

/* ---- open ---- */

static void read_secrets(struct webhook *webhook, ferry_settings *settings)
{
    const char *path = ferry_settings_string(settings, "secret_file", NULL);
    struct bytes text = {0};
    ferry_error error;
    if (!path)
        return;
    int rc = bytes_read_secret(&text, path, SECRET_FILE_MAX, &error);
    if (rc < 0)
        ferry_settings_fail(settings, "secret_file", "%s", error.message);
    else if (webhook_secrets_parse(&webhook->secrets, bytes_text(&text), &error) < 0)
        ferry_settings_fail(settings, "secret_file", "%s: %s", path, error.message);
    bytes_fini(&text);
}

static void webhook_close(void *state)
{
    struct webhook *webhook = state;
    http_target_fini(&webhook->target);
    webhook_secrets_fini(&webhook->secrets);
    free(webhook);
}

static int webhook_open(ferry_settings *settings, void **state, ferry_error *error)
{
    struct webhook *webhook = calloc(1, sizeof *webhook);
    if (!webhook)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    int rc = http_target_read(&webhook->target, settings, error);
    webhook->headers = http_headers_read(settings);
    webhook->options.body_limit = ANSWER_MAX;
    webhook->options.cuts_body = true;
    if (rc == 0)
        rc = http_options_read(&webhook->options, DEFAULT_TIMEOUT_MS, settings, error);
    if (rc < 0) {
        webhook_close(webhook);
        return rc;
    }
    read_secrets(webhook, settings);
    *state = webhook;
    return 0;
}

static int webhook_thread_open(void *state, void **thread_state, ferry_error *error)
{
    struct webhook *webhook = state;
    struct webhook_thread *thread = calloc(1, sizeof *thread);
    if (thread) {
        thread->webhook = webhook;
        thread->transfer = http_transfer_new(&webhook->options);
    }
    if (!thread || !thread->transfer) {
        free(thread);
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    }
    *thread_state = thread;
    return 0;
}

static void webhook_thread_close(void *thread_state)
{
    struct webhook_thread *thread = thread_state;
    http_transfer_free(thread->transfer);
    free(thread);
}

/* ---- run ---- */

static int add_signature(struct http_request *request, const struct webhook *webhook,
                         const char *id, ferry_error *error)
{
    char timestamp[24];
    struct bytes signature = {0};
    snprintf(timestamp, sizeof timestamp, "%" PRId64, clock_wall_ms() / 1000);
    int rc = http_request_add_header(request, "webhook-id", id, error);
    if (rc == 0)
        rc = http_request_add_header(request, "webhook-timestamp", timestamp, error);
    if (rc == 0 && webhook->secrets.count > 0) {
        webhook_sign(&webhook->secrets, id, timestamp, request->body, request->body_length,
                     &signature);
        rc = signature.failed ? ferry_error_set(error, FERRY_INTERNAL, "no memory")
                              : http_request_add_header(request, "webhook-signature",
                                                        bytes_text(&signature), error);
    }
    bytes_fini(&signature);
    return rc;
}

static int request_init(struct http_request *request, const struct webhook *webhook,
                        const ferry_call *call, const struct http_url *url, ferry_error *error)
{
    const char *type = ferry_call_header(call, "Content-Type");
    *request = (struct http_request){.method = "POST", .url = url};
    request->body = ferry_call_body(call, &request->body_length);
    int rc = http_request_add_headers(request, webhook->headers, error);
    if (rc == 0 && !http_request_has_header(request, "Content-Type"))
        rc = http_request_add_header(request, "Content-Type",
                                     type ? type : "application/octet-stream", error);
    if (rc == 0)
        rc = add_signature(request, webhook, ferry_call_delivery_id(call), error);
    return rc;
}

static int report(ferry_call *call, const struct http_answer *answer, const struct http_url *url)
{
    long status = answer->status;
    if (status >= 200 && status < 300)
        return ferry_call_reply_json(call, 200, "{\"webhook_id\":\"%s\",\"status\":%ld}",
                                     ferry_call_delivery_id(call), status);
    struct bytes excerpt = {0};
    http_answer_append_excerpt(answer, &excerpt);
    ferry_code code = status == 410 ? FERRY_GONE : FERRY_TRANSIENT;
    if (code == FERRY_TRANSIENT && answer->retry_after_ms >= 0)
        ferry_call_retry_after(call, answer->retry_after_ms);
    ferry_call_fail(call, code, "%.60s answered %ld%s%s", url->host, status,
                    excerpt.length ? ": " : "", bytes_text(&excerpt));
    bytes_fini(&excerpt);
    return code;
}

static int run(ferry_call *call, void *state)
{
    const struct webhook_thread *thread = state;
    struct http_request request = {0};
    struct http_answer answer = {0};
    struct http_url url;
    ferry_error error = {0};
    int rc = http_target_resolve(&thread->webhook->target, call, &url, &error);
    if (rc == 0)
        rc = request_init(&request, thread->webhook, call, &url, &error);
    if (rc == 0)
        rc = http_transfer_perform(thread->transfer, &request, call, &answer, &error);
    if (rc < 0)
        ferry_call_fail(call, (ferry_code)rc, "%s", error.message);
    else
        rc = report(call, &answer, &url);
    http_answer_fini(&answer);
    http_request_fini(&request);
    http_url_fini(&url);
    return rc;
}

FERRY_WORKER(webhook, .open = webhook_open, .close = webhook_close,
             .thread_open = webhook_thread_open, .thread_close = webhook_thread_close, .run = run,
             .cancel = curl_wake)
