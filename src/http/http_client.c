/*
 * The HTTP client: from ferry_fetch to its future.
 *
 * A fetch is WAITING when it was asked for from within libcurl (an on_chunk), which does not let it
 * in; RUNNING once libcurl has its transfer; ENDED when that is over, cancelled, too late, or the
 * client is freed. Whoever ends it posts it to the loop, and there its future is resolved: never
 * from within libcurl, nor from within a function that the user called. Its one timer is the start,
 * then the deadline, then the cancellation. Loop thread.
 */
#include <ferry/http_client.h>

#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>
#include <ferry/version.h>

#include "bytes.h"
#include "curl_loop.h"
#include "future_base.h"
#include "header_text.h"
#include "transfer.h"

enum {
    DEFAULT_HOST_CONNECTIONS = 10,
    DEFAULT_CONNECTIONS = 100,
    DEFAULT_FETCHES = 10000,
    DEFAULT_TIMEOUT_MS = 20000,
};

enum fetch_state { FETCH_WAITING, FETCH_RUNNING, FETCH_ENDED };

struct fetch {
    struct mailbox_entry entry; /* ENDED: on its way to tell */
    struct transfer transfer;
    struct fetch *next, *previous; /* of the client, until ENDED */
    ferry_http_client *client;
    ferry_future *future;
    ferry_response *response; /* ENDED: the result */
    enum fetch_state state;
    int64_t timeout_ms;
    ferry_timer timer;
};

struct ferry_http_client {
    struct loop_closer closer;
    ferry_loop *loop; /* a reference */
    struct curl_loop driver;
    struct fetch *first;
    unsigned count, limit;
    char *user_agent;
};

/* ---- the end of a fetch ---- */

static void fetch_free(struct fetch *fetch)
{
    transfer_fini(&fetch->transfer);
    free(fetch);
}

static void on_tell(struct mailbox_entry *entry)
{
    struct fetch *fetch = (struct fetch *)entry;
    ferry_future *future = fetch->future;
    ferry_response *response = fetch->response;
    ferry_error error = fetch->transfer.error;
    fetch_free(fetch);
    future_resolve(future, response, &error);
}

static void on_loop_closed(struct mailbox_entry *entry)
{
    struct fetch *fetch = (struct fetch *)entry;
    ferry_response_free(fetch->response);
    future_drop(fetch->future);
    fetch_free(fetch);
}

static void fetch_unlink(struct fetch *fetch)
{
    ferry_http_client *client = fetch->client;
    if (fetch->next)
        fetch->next->previous = fetch->previous;
    if (fetch->previous)
        fetch->previous->next = fetch->next;
    else
        client->first = fetch->next;
    client->count--;
}

/* The one way out; not from within libcurl. */
static void fetch_end(struct fetch *fetch, CURLcode result)
{
    ferry_http_client *client = fetch->client;
    ferry_loop_cancel(client->loop, fetch->timer);
    fetch_unlink(fetch);
    fetch->response = transfer_finish(&fetch->transfer, result);
    if (fetch->state == FETCH_RUNNING)
        curl_multi_remove_handle(client->driver.multi, fetch->transfer.curl);
    fetch->state = FETCH_ENDED;
    fetch->client = NULL;
    transfer_fini(&fetch->transfer);
    fetch->entry.run = on_tell;
    fetch->entry.drop = on_loop_closed;
    loop_post(client->loop, &fetch->entry);
}

static void on_transfer_done(CURL *curl, CURLcode result)
{
    char *transfer = NULL;
    curl_easy_getinfo(curl, CURLINFO_PRIVATE, &transfer);
    fetch_end((struct fetch *)(void *)(transfer - offsetof(struct fetch, transfer)), result);
}

static void on_abort(void *arg)
{
    fetch_end(arg, CURLE_ABORTED_BY_CALLBACK);
}

static void on_deadline(void *arg)
{
    struct fetch *fetch = arg;
    ferry_error_set(&fetch->transfer.error, FERRY_DEADLINE, "no whole response within %lld ms",
                    (long long)fetch->timeout_ms);
    on_abort(fetch);
}

/* It may come from within libcurl, or go on in the function that asked: it ends in the next turn.
 */
static void on_cancel(void *source)
{
    struct fetch *fetch = source;
    if (fetch->state == FETCH_ENDED || fetch->transfer.error.code)
        return;
    ferry_error_set(&fetch->transfer.error, FERRY_CANCELLED, "cancelled");
    if (loop_is_closing(fetch->client->loop)) { /* there is no next turn, nor is this in libcurl */
        on_abort(fetch);
        return;
    }
    ferry_loop_cancel(fetch->client->loop, fetch->timer);
    fetch->timer = ferry_loop_call_later(fetch->client->loop, 0, on_abort, fetch);
}

/* ---- its beginning ---- */

static void fetch_fail(struct fetch *fetch, ferry_code code, const char *what)
{
    ferry_error_set(&fetch->transfer.error, code, "%s", what);
    on_abort(fetch);
}

/* Returns whether there was memory; without, the fetch has ended. */
static bool fetch_set_timer(struct fetch *fetch, int64_t delay_ms, ferry_callback *fn)
{
    fetch->timer = ferry_loop_call_later(fetch->client->loop, delay_ms, fn, fetch);
    if (!fetch->timer)
        fetch_fail(fetch, FERRY_INTERNAL, "no memory for a timer");
    return fetch->timer != 0;
}

static void fetch_start(struct fetch *fetch)
{
    fetch->timer = 0;
    if (fetch->timeout_ms > 0 && !fetch_set_timer(fetch, fetch->timeout_ms, on_deadline))
        return;
    if (curl_multi_add_handle(fetch->client->driver.multi, fetch->transfer.curl) == CURLM_OK)
        fetch->state = FETCH_RUNNING;
    else
        fetch_fail(fetch, FERRY_INTERNAL, "no memory for the transfer");
}

static void on_start(void *arg)
{
    fetch_start(arg);
}

static void fetch_link(struct fetch *fetch)
{
    ferry_http_client *client = fetch->client;
    fetch->next = client->first;
    if (client->first)
        client->first->previous = fetch;
    client->first = fetch;
    client->count++;
}

static void fetch_begin(struct fetch *fetch, const ferry_fetch_options *options)
{
    ferry_http_client *client = fetch->client;
    bool has_room = client->count < client->limit;
    int rc = transfer_init(&fetch->transfer, options, client->user_agent);
    fetch_link(fetch);
    if (!rc && !has_room)
        rc = ferry_error_set(&fetch->transfer.error, FERRY_REJECTED,
                             "%u fetches are in progress or wait", client->limit);
    if (rc)
        fetch_end(fetch, CURLE_OK);
    else if (client->driver.is_busy)
        fetch_set_timer(fetch, 0, on_start);
    else
        fetch_start(fetch);
}

/* A fetch that does not begin. */
static ferry_future *fetch_refuse(const ferry_http_client *client,
                                  const ferry_fetch_options *options, const ferry_error *error)
{
    if (options->free_body)
        options->free_body((void *)options->body);
    return error ? (ferry_future_failed)(client->loop, error) : NULL;
}

ferry_future *ferry_fetch(ferry_http_client *client, const ferry_fetch_options *options)
{
    LOOP_CHECK(client->loop);
    if (!client->driver.multi) {
        const ferry_error closed = {FERRY_REJECTED, "the loop has closed"};
        return fetch_refuse(client, options, &closed);
    }
    struct fetch *fetch = calloc(1, sizeof *fetch);
    ferry_future *future =
        fetch ? future_new(client->loop, (void (*)(void *))ferry_response_free, on_cancel, fetch)
              : NULL;
    if (!future) {
        free(fetch);
        return fetch_refuse(client, options, NULL);
    }
    fetch->client = client;
    fetch->future = future;
    fetch->timeout_ms = options->timeout_ms ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
    fetch_begin(fetch, options);
    return future;
}

/* ---- clients ---- */

/* End all that uses the loop. */
static void client_end(ferry_http_client *client, const char *why)
{
    loop_closer_remove(&client->closer);
    while (client->first) {
        struct fetch *fetch = client->first;
        if (!fetch->transfer.error.code)
            ferry_error_set(&fetch->transfer.error, FERRY_CANCELLED, "%s", why);
        on_abort(fetch);
    }
    curl_loop_fini(&client->driver);
}

static void client_close(struct loop_closer *closer)
{
    client_end((ferry_http_client *)closer, "the loop has closed");
}

/* Returns whether libcurl is there, and one that does not block the loop. */
static bool load_libcurl(void)
{
    const char *wrong = libcurl_load();
    if (!wrong && !(curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS))
        wrong = "it blocks while it looks up names";
    if (wrong)
        ferry_log(FERRY_LOG_ERROR, "libcurl cannot be used", "error=%s", wrong);
    return !wrong;
}

static unsigned count_or(unsigned value, unsigned fallback)
{
    return value ? value : fallback;
}

static bool client_set_limits(const ferry_http_client *client,
                              const ferry_http_client_options *options)
{
    CURLM *multi = client->driver.multi;
    long per_host = (long)count_or(options->host_connections, DEFAULT_HOST_CONNECTIONS);
    long in_all = (long)count_or(options->connections, DEFAULT_CONNECTIONS);
    return curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, per_host) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, in_all) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, in_all) == CURLM_OK &&
           curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK;
}

ferry_http_client *ferry_http_client_new(ferry_loop *loop, const ferry_http_client_options *options)
{
    LOOP_CHECK(loop);
    static const ferry_http_client_options defaults;
    options = options ? options : &defaults;
    if (options->user_agent && !header_is_value(options->user_agent))
        return NULL;
    ferry_http_client *client = load_libcurl() ? calloc(1, sizeof *client) : NULL;
    if (!client)
        return NULL;
    client->loop = ferry_loop_ref(loop);
    client->closer.close = client_close;
    loop_closer_add(loop, &client->closer);
    client->limit = count_or(options->fetches, DEFAULT_FETCHES);
    client->user_agent = options->user_agent ? strdup(options->user_agent)
                                             : text_printf("ferry/%s", ferry_version());
    if (!curl_loop_init(&client->driver, loop, on_transfer_done) || !client->user_agent ||
        !client_set_limits(client, options)) {
        ferry_http_client_free(client);
        return NULL;
    }
    return client;
}

void ferry_http_client_free(ferry_http_client *client)
{
    if (!client)
        return;
    LOOP_CHECK(client->loop);
    if (client->driver.is_busy) {
        ferry_log(FERRY_LOG_ERROR, "an HTTP client was freed from inside", "hint=%s",
                  "not from an on_chunk: return false there, and free it when the future is done");
        return;
    }
    client_end(client, "the client was freed");
    ferry_loop_unref(client->loop);
    free(client->user_agent);
    free(client);
}
