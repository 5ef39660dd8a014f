/*
 * The HTTP server: puts listeners, connections, router and requests together.
 */
#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "address.h"
#include "bound_listener.h"
#include "coroutine_route.h"
#include "misuse.h"
#include "request.h"
#include "router.h"

struct ferry_http_server {
    ferry_loop *loop;
    struct bound_listener *listeners;
    struct connections connections;
    struct requests requests;
    struct router *coming; /* the routes that are to replace those of `requests`; NULL: none */
};

/* ---- requests ---- */

static void reply_allowed(ferry_request *request, int status, unsigned allowed)
{
    char allow[ALLOW_SIZE];
    ferry_request_set_header(request, "Allow", allow_format(allowed, allow));
    if (status == 204)
        ferry_request_reply(request, status, NULL, NULL, 0);
    else
        reply_problem(request, status, FERRY_BAD_METHOD, "the path does not take this method");
}

/* What needs no route. Returns whether it was replied to. */
static bool reply_outright(ferry_request *request)
{
    const struct head *head = request->head;
    if (head->method != METHOD_OPTIONS || strcmp(head->path, "*") != 0)
        return false;
    reply_allowed(request, 204,
                  METHOD_GET | METHOD_POST | METHOD_PUT | METHOD_PATCH | METHOD_DELETE);
    return true;
}

static void run_handler(struct requests *all, ferry_request *request, const struct route *route)
{
    all->inside++;
    if (route->is_coroutine)
        coroutine_route_handle(request, all->loop, route->handler, route->ctx);
    else
        route->handler(request, route->ctx);
    all->inside--;
}

static void request_dispatch(struct requests *all, ferry_request *request)
{
    const struct head *head = request->head;
    struct router_match match;
    switch (router_find(all->router, head->method, head->path, head->path_length, &match)) {
    case ROUTER_FOUND:
        request_route(request, &match);
        run_handler(all, request, match.route);
        break;
    case ROUTER_NOT_FOUND:
        reply_problem(request, 404, FERRY_NOT_FOUND, "there is nothing at this path");
        break;
    case ROUTER_BAD_METHOD:
        reply_allowed(request, head->method == METHOD_OPTIONS ? 204 : 405, match.allowed);
        break;
    }
}

static void on_request(void *arg, struct connection *connection, struct head *head,
                       struct bytes *body)
{
    ferry_http_server *server = arg;
    ferry_request *request = request_new(&server->requests, connection, head, body);
    if (!request) {
        head_free(head);
        bytes_fini(body);
        connection_refuse_memory(connection);
        return;
    }
    if (!reply_outright(request))
        request_dispatch(&server->requests, request);
}

/* ---- connections ---- */

static bool is_trusted(void *arg, const struct in6_addr *address)
{
    const ferry_http_server *server = arg;
    return trusted_has_address(&server->requests.trusted, address);
}

static void on_room(void *arg, bool has_room)
{
    ferry_http_server *server = arg;
    bound_listeners_pause(server->listeners, !has_room);
}

/* ---- life ---- */

static size_t size_or(size_t value, size_t fallback)
{
    return value ? value : fallback;
}

/* Of the longest, two and the time of now can be added. */
static int64_t ms_or(int64_t value, int64_t fallback)
{
    const int64_t longest = INT64_MAX / 4;
    if (value == 0)
        return fallback;
    return value > 0 && value < longest ? value : longest;
}

static struct connection_limits limits_of(const ferry_http_options *options)
{
    const int64_t header_ms = ms_or(options->header_timeout_ms, 10000);
    const int64_t body_ms = ms_or(options->body_timeout_ms, 30000);
    return (struct connection_limits){
        .connections = (unsigned)size_or(options->connections, 10000),
        .connections_per_address = (unsigned)size_or(options->connections_per_address, 1024),
        .requests = size_or(options->requests_per_connection, 10000),
        .header_bytes = size_or(options->header_bytes, 16 << 10),
        .body_bytes = size_or(options->body_bytes, 8 << 20),
        .held_bytes = size_or(options->buffered_bytes, 256 << 20),
        .unsent_bytes = size_or(options->unsent_total_bytes, 256 << 20),
        .header_ms = header_ms,
        .body_ms = body_ms,
        .request_ms = ms_or(options->request_timeout_ms, header_ms + body_ms),
        .idle_ms = ms_or(options->idle_timeout_ms, 60000),
        .write_ms = ms_or(options->write_timeout_ms, 30000),
    };
}

ferry_http_server *ferry_http_server_new(ferry_loop *loop, const ferry_http_options *options)
{
    LOOP_CHECK(loop);
    static const ferry_http_options defaults;
    options = options ? options : &defaults;
    ferry_http_server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    const struct connection_limits limits = limits_of(options);
    const struct connection_hooks hooks = {.request = on_request,
                                           .gone = request_gone,
                                           .lost = request_lost,
                                           .drained = request_drained,
                                           .room = on_room,
                                           .is_trusted = is_trusted,
                                           .arg = server};
    server->loop = loop;
    bool has_connections = connections_init(&server->connections, loop, &limits, &hooks);
    if (!requests_init(&server->requests, loop, &server->connections, options) ||
        !has_connections) {
        ferry_http_server_free(server);
        return NULL;
    }
    return server;
}

void ferry_http_server_free(ferry_http_server *server)
{
    if (!server)
        return;
    LOOP_CHECK(server->loop);
    if (server->requests.inside > 0) {
        ferry_log(FERRY_LOG_ERROR, "an HTTP server was freed from inside", "hint=%s",
                  "not from a handler, but in a later turn: ferry_loop_add_callback");
        ferry_http_server_drain(server);
        return;
    }
    server->requests.closing = true;
    bound_listeners_free(server->listeners);
    connections_fini(&server->connections);
    requests_fini(&server->requests);
    router_unref(server->coming);
    free(server);
}

static int listen_at(ferry_http_server *server, const char *text, ferry_tls *tls, char *bound_text,
                     size_t bound_size, ferry_error *error)
{
    struct address address;
    int rc = address_parse(&address, text, error);
    if (rc < 0)
        return rc;
    ferry_error reason = {0};
    const struct bound_plan plan = {
        .loop = server->loop, .connections = &server->connections, .tls = tls};
    struct bound_listener *bound = bound_listener_new(&server->listeners, &plan, &address, &reason);
    if (!bound)
        return ferry_error_set(error, reason.code, "%s", reason.message);
    if (server->connections.count >= server->connections.limits.connections)
        bound_listeners_pause(server->listeners, true);
    if (bound_text)
        bound_listener_format(bound, bound_text, bound_size);
    return 0;
}

int ferry_http_listen(ferry_http_server *server, const char *address, char *bound,
                      size_t bound_size, ferry_error *error)
{
    LOOP_CHECK(server->loop);
    return listen_at(server, address, NULL, bound, bound_size, error);
}

int ferry_http_listen_tls(ferry_http_server *server, const char *address, ferry_tls *tls,
                          char *bound, size_t bound_size, ferry_error *error)
{
    LOOP_CHECK(server->loop);
    if (!tls)
        return ferry_error_set(error, FERRY_INVALID, "%s: TLS without a context", address);
    int rc = tls_check_side(tls, false, error);
    return rc < 0 ? rc : listen_at(server, address, tls, bound, bound_size, error);
}

int ferry_http_set_tls(ferry_http_server *server, const char *bound, ferry_tls *tls,
                       ferry_error *error)
{
    LOOP_CHECK(server->loop);
    struct bound_listener *listener = bound_listener_find(server->listeners, bound);
    if (tls_check_side(tls, false, error) < 0)
        return FERRY_INVALID;
    if (tls && listener && bound_listener_set_tls(listener, tls))
        return 0;
    return ferry_error_set(error, FERRY_NOT_FOUND, "%s: no TLS is spoken there", bound);
}

void ferry_http_set_limits(ferry_http_server *server, const ferry_http_options *options)
{
    LOOP_CHECK(server->loop);
    struct connections *connections = &server->connections;
    connections->limits = limits_of(options ? options : &(ferry_http_options){0});
    on_room(server, connections->count < connections->limits.connections);
}

/* ---- routes ---- */

/* The set that routes are bound to. */
static struct router *router_of(const ferry_http_server *server)
{
    return server->coming ? server->coming : server->requests.router;
}

int ferry_http_routes_begin(ferry_http_server *server, ferry_error *error)
{
    LOOP_CHECK(server->loop);
    if (server->coming)
        return ferry_error_set(error, FERRY_CONFLICT, "the routes are being replaced already");
    server->coming = router_new();
    return server->coming ? 0 : ferry_error_set(error, FERRY_INTERNAL, "no memory");
}

void ferry_http_routes_end(ferry_http_server *server, bool is_taken)
{
    LOOP_CHECK(server->loop);
    struct router *dropped = server->coming;
    server->coming = NULL;
    if (dropped && is_taken) {
        struct router *old = server->requests.router;
        server->requests.router = dropped;
        dropped = old;
    }
    router_unref(dropped);
}

int ferry_http_route(ferry_http_server *server, const char *methods, const char *path,
                     ferry_http_handler *handler, void *ctx, ferry_error *error)
{
    LOOP_CHECK(server->loop);
    CHECK_FUNCTION(handler);
    const struct route route = {.handler = handler, .ctx = ctx};
    return router_add(router_of(server), methods, path, &route, error);
}

int ferry_http_route_coroutine(ferry_http_server *server, const char *methods, const char *path,
                               ferry_http_handler *handler, void *ctx, ferry_error *error)
{
    LOOP_CHECK(server->loop);
    CHECK_FUNCTION(handler);
    const struct route route = {.handler = handler, .ctx = ctx, .is_coroutine = true};
    return router_add(router_of(server), methods, path, &route, error);
}

int ferry_http_trust(ferry_http_server *server, const char *network, ferry_error *error)
{
    LOOP_CHECK(server->loop);
    if (network)
        return trusted_add(&server->requests.trusted, network, error);
    trusted_fini(&server->requests.trusted);
    server->requests.trusted = (struct trusted){0};
    return 0;
}

void ferry_http_server_drain(ferry_http_server *server)
{
    LOOP_CHECK(server->loop);
    bound_listeners_close(server->listeners);
    connections_drain(&server->connections);
}

void ferry_http_server_get_stats(const ferry_http_server *server, ferry_http_stats *stats)
{
    LOOP_CHECK(server->loop);
    const struct connections *connections = &server->connections;
    const struct connection_counts *counts = &connections->counts;
    *stats = (ferry_http_stats){
        .connections = connections->count,
        .in_flight = server->requests.in_flight,
        .receiving = connections->in_phase[PHASE_BODY] + connections->due_count,
        .sending = connections->in_phase[PHASE_SENDING] + connections->in_phase[PHASE_CLOSING],
        .buffered_bytes = connections->held_bytes,
        .unsent_bytes = connections->unsent_bytes,
        .accepted = counts->accepted,
        .made_room = counts->made_room,
        .timed_out_header = counts->timed_out[PHASE_HEADER],
        .timed_out_body = counts->timed_out[PHASE_BODY],
        .timed_out_request = counts->timed_out_request,
        .timed_out_idle = counts->timed_out[PHASE_IDLE],
        .timed_out_write = counts->timed_out[PHASE_SENDING] + counts->timed_out[PHASE_STREAMING],
        .malformed = counts->malformed,
        .too_large = counts->too_large,
        .over_buffered_bytes = counts->over_held,
        .over_unsent_bytes = counts->over_unsent,
        .over_connections = counts->over_connections,
        .over_connections_per_address = counts->over_address,
        .over_requests_per_connection = counts->over_requests,
    };
    stats->timed_out = stats->timed_out_header + stats->timed_out_body + stats->timed_out_request +
                       stats->timed_out_idle + stats->timed_out_write;
}
