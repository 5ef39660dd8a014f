/*
 * fetch: sends an HTTP request, and answers with what came back.
 *
 *     api:
 *       use: fetch
 *       url: https://api.example.org/users/{id}   # {name}: a parameter of the call, escaped
 *       method: GET                    # the call's own
 *       headers: ["Accept: application/json"]
 *       timeout: 30s                   # of one request
 *       ca_file: /etc/ferry/api-ca.pem # the system's
 *       proxy: http://127.0.0.1:3128   # none; the environment is not asked
 *       redirects: 5                   # 0: a redirect is answered as it is
 *       max_bytes: 8MiB                # more than that is a failure
 *       allow: [https://api.example.org/]   # what callers may name by ?url=, and redirects lead to
 *
 * One of url and allow must be there. The call's body goes along with POST, PUT and PATCH, and of
 * its headers Content-Type and Accept; nothing else of the caller does, no credentials above all.
 * The answer has the peer's status, its body, Content-Type and the few headers that are about the
 * body. A peer that cannot be reached is a failure that may pass.
 *
 * The state is made by open and only read afterwards; a thread's state is its connections.
 */
#include <stdlib.h>
#include <string.h>

#include <ferry/worker.h>

#include "curl_wake.h"
#include "http_target.h"
#include "http_transfer.h"

enum { DEFAULT_TIMEOUT_MS = 30000, DEFAULT_MAX_BYTES = 8 << 20, REDIRECTS_MAX = 20 };

struct fetch {
    struct http_target target;
    struct http_options options;
    const char *method; /* NULL: the call's */
    const char *const *headers;
    unsigned redirects;
};

struct fetch_thread {
    const struct fetch *fetch;
    struct http_transfer *transfer;
};

/* ---- open ---- */

static void fetch_close(void *state)
{
    struct fetch *fetch = state;
    http_target_fini(&fetch->target);
    free(fetch);
}

static int fetch_open(ferry_settings *settings, void **state, ferry_error *error)
{
    struct fetch *fetch = calloc(1, sizeof *fetch);
    if (!fetch)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    int rc = http_target_read(&fetch->target, settings, error);
    fetch->method = ferry_settings_string(settings, "method", NULL);
    fetch->headers = http_headers_read(settings);
    fetch->redirects = (unsigned)ferry_settings_int(settings, "redirects", 0, 0, REDIRECTS_MAX);
    fetch->options.body_limit = ferry_settings_bytes(settings, "max_bytes", DEFAULT_MAX_BYTES);
    fetch->options.reports_progress = true;
    if (rc == 0)
        rc = http_options_read(&fetch->options, DEFAULT_TIMEOUT_MS, settings, error);
    if (rc < 0) {
        fetch_close(fetch);
        return rc;
    }
    if (fetch->method && !http_is_token(fetch->method))
        ferry_settings_fail(settings, "method", "method: GET, POST or another word");
    *state = fetch;
    return 0;
}

static int fetch_thread_open(void *state, void **thread_state, ferry_error *error)
{
    struct fetch *fetch = state;
    struct fetch_thread *thread = calloc(1, sizeof *thread);
    if (thread) {
        thread->fetch = fetch;
        thread->transfer = http_transfer_new(&fetch->options);
    }
    if (!thread || !thread->transfer) {
        free(thread);
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    }
    *thread_state = thread;
    return 0;
}

static void fetch_thread_close(void *thread_state)
{
    struct fetch_thread *thread = thread_state;
    http_transfer_free(thread->transfer);
    free(thread);
}

/* ---- the request ---- */

static int add_headers_of_call(struct http_request *request, const ferry_call *call,
                               ferry_error *error)
{
    static const char *const names[] = {"Accept", "Content-Type"};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof names / sizeof names[0]; i++) {
        const char *value = ferry_call_header(call, names[i]);
        bool is_of_body = strcmp(names[i], "Content-Type") == 0;
        if (value && (request->body || !is_of_body) && !http_request_has_header(request, names[i]))
            rc = http_request_add_header(request, names[i], value, error);
    }
    return rc;
}

static int request_init(struct http_request *request, const struct fetch *fetch,
                        const ferry_call *call, const struct http_url *url, ferry_error *error)
{
    *request = (struct http_request){
        .method = fetch->method ? fetch->method : ferry_call_method(call),
        .url = url,
    };
    request->is_repeatable = http_method_is_idempotent(request->method);
    if (http_method_has_body(request->method))
        request->body = ferry_call_body(call, &request->body_length);
    int rc = http_request_add_headers(request, fetch->headers, error);
    return rc < 0 ? rc : add_headers_of_call(request, call, error);
}

/* ---- redirects ---- */

/* As browsers and RFC 9110 have it: 303 asks for a GET, and of a POST so do 301 and 302. */
static void change_method(struct http_request *request, long status)
{
    bool is_post = strcmp(request->method, "POST") == 0;
    bool is_head = strcmp(request->method, "HEAD") == 0;
    if ((status == 303 && !is_head) || ((status == 301 || status == 302) && is_post)) {
        request->method = "GET";
        request->is_repeatable = true;
        request->body = NULL;
        request->body_length = 0;
        http_request_drop_header(request, "Content-Type"); /* there is no body to have one */
    }
}

static int check_redirect(const struct fetch *fetch, const struct http_url *from,
                          const struct http_url *to, ferry_error *error)
{
    if (fetch->target.allow_count > 0 && !http_target_allows(&fetch->target, to))
        return ferry_error_set(error, FERRY_FORBIDDEN,
                               "%s redirects to %s, which \"allow\" does not match", from->host,
                               to->host);
    if (strcmp(from->scheme, "https") == 0 && strcmp(to->scheme, "https") != 0)
        return ferry_error_set(error, FERRY_FORBIDDEN, "%s redirects from https to http",
                               from->host);
    return 0;
}

/* Go to where a redirect leads; `url` becomes that. What the config says to one host is not told to
 * another. */
static int follow(const struct fetch *fetch, struct http_request *request, struct http_url *url,
                  const char *location, long status, ferry_error *error)
{
    struct http_url next;
    int rc = http_url_parse(&next, location, error);
    if (rc == 0)
        rc = check_redirect(fetch, url, &next, error);
    if (rc < 0) {
        http_url_fini(&next);
        return rc;
    }
    if (!http_url_is_same_origin(url, &next))
        bytes_clear(&request->headers);
    change_method(request, status);
    http_url_fini(url);
    *url = next;
    return 0;
}

static int perform(const struct fetch_thread *thread, ferry_call *call,
                   struct http_request *request, struct http_url *url, struct http_answer *answer,
                   ferry_error *error)
{
    unsigned left = thread->fetch->redirects;
    for (;;) {
        int rc = http_transfer_perform(thread->transfer, request, call, answer, error);
        const char *location = rc == 0 ? http_transfer_redirect(thread->transfer) : NULL;
        if (!location || thread->fetch->redirects == 0)
            return rc;
        if (left-- == 0)
            return ferry_error_set(error, FERRY_TRANSIENT, "%s: more than %u redirects", url->host,
                                   thread->fetch->redirects);
        long status = answer->status;
        http_answer_fini(answer);
        rc = follow(thread->fetch, request, url, location, status, error);
        if (rc < 0)
            return rc;
    }
}

/* ---- the answer ---- */

static void pass_headers(ferry_call *call, struct http_transfer *transfer)
{
    static const char *const names[] = {"Cache-Control", "Content-Encoding", "Content-Language",
                                        "ETag",          "Last-Modified",    "Location"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = http_transfer_header(transfer, names[i]);
        if (value)
            ferry_call_reply_header(call, names[i], value);
    }
}

static int pass_on(ferry_call *call, const struct fetch_thread *thread,
                   const struct http_answer *answer, const struct http_url *url)
{
    if (answer->retry_after_ms >= 0)
        ferry_call_retry_after(call, answer->retry_after_ms);
    if (answer->status < 200 || answer->status > 599)
        return ferry_call_fail(call, FERRY_TRANSIENT, "%s answered with the status %ld", url->host,
                               answer->status);
    pass_headers(call, thread->transfer);
    return ferry_call_reply(call, (int)answer->status,
                            http_transfer_header(thread->transfer, "Content-Type"),
                            bytes_text(&answer->body), answer->body.length);
}

static int run(ferry_call *call, void *state)
{
    const struct fetch_thread *thread = state;
    struct http_request request = {0};
    struct http_answer answer = {0};
    struct http_url url;
    ferry_error error = {0};
    int rc = http_target_resolve(&thread->fetch->target, call, &url, &error);
    if (rc == 0)
        rc = request_init(&request, thread->fetch, call, &url, &error);
    if (rc == 0)
        rc = perform(thread, call, &request, &url, &answer, &error);
    if (rc < 0)
        ferry_call_fail(call, (ferry_code)rc, "%s", error.message);
    else
        rc = pass_on(call, thread, &answer, &url);
    http_answer_fini(&answer);
    http_request_fini(&request);
    http_url_fini(&url);
    return rc;
}

FERRY_WORKER(fetch, .open = fetch_open, .close = fetch_close, .thread_open = fetch_thread_open,
             .thread_close = fetch_thread_close, .run = run, .cancel = curl_wake)
