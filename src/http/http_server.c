/*
 * The HTTP server: puts listeners, connections, router and requests together with evhttp.
 *
 * The guard lets well-framed requests through to evhttp; every complete one ends in on_request.
 * evhttp's own routing, method check, timeouts and error pages are switched off, or out of reach
 * behind the guard.
 */
#include <assert.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/listener.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "address.h"
#include "coroutine_route.h"
#include "listener.h"
#include "request.h"
#include "router.h"

_Static_assert((int)METHOD_GET == (int)EVHTTP_REQ_GET && (int)METHOD_POST == (int)EVHTTP_REQ_POST &&
                   (int)METHOD_HEAD == (int)EVHTTP_REQ_HEAD &&
                   (int)METHOD_PUT == (int)EVHTTP_REQ_PUT &&
                   (int)METHOD_DELETE == (int)EVHTTP_REQ_DELETE &&
                   (int)METHOD_OPTIONS == (int)EVHTTP_REQ_OPTIONS &&
                   (int)METHOD_TRACE == (int)EVHTTP_REQ_TRACE &&
                   (int)METHOD_CONNECT == (int)EVHTTP_REQ_CONNECT &&
                   (int)METHOD_PATCH == (int)EVHTTP_REQ_PATCH,
               "the router's methods are evhttp's");

enum { HEADER_SLACK = 64 << 10 }; /* so that the registry's limit is met before evhttp's */

struct bound_listener {
    struct bound_listener *next;
    struct listener *listener;
    struct evhttp_bound_socket *socket; /* has the listener's acceptor */
};

struct ferry_http_server {
    ferry_loop *loop;
    struct evhttp *evhttp;
    struct bound_listener *listeners;
    struct connections connections;
    struct requests requests;
    struct coroutine_route *coroutine_routes;
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
    if (request->is_torn) {
        ferry_log(FERRY_LOG_ERROR, "the guard and evhttp do not agree; please report this",
                  "method=%s path=%s", method_name(request->method), request->text);
        assert(!request->is_torn);
        ferry_request_set_header(request, "Connection", "close");
        reply_problem(request, 400, FERRY_INVALID, "the request could be read in two ways");
        return true;
    }
    if (request->method != METHOD_OPTIONS || strcmp(request->text, "*") != 0)
        return false;
    reply_allowed(request, 204,
                  METHOD_GET | METHOD_POST | METHOD_PUT | METHOD_PATCH | METHOD_DELETE);
    return true;
}

static void request_dispatch(struct requests *all, ferry_request *request)
{
    struct router_match match;
    switch (
        router_find(all->router, request->method, request->text, request->path_length, &match)) {
    case ROUTER_FOUND:
        request_route(request, &match);
        match.route->handler(request, match.route->ctx);
        break;
    case ROUTER_NOT_FOUND:
        reply_problem(request, 404, FERRY_NOT_FOUND, "there is nothing at this path");
        break;
    case ROUTER_MALFORMED:
        reply_problem(request, 400, FERRY_INVALID, "the path has a malformed escape");
        break;
    case ROUTER_BAD_METHOD:
        reply_allowed(request, request->method == METHOD_OPTIONS ? 204 : 405, match.allowed);
        break;
    }
}

static void on_request(struct evhttp_request *ev, void *arg)
{
    ferry_http_server *server = arg;
    struct connection *connection =
        connection_of(&server->connections, evhttp_request_get_connection(ev));
    ferry_request *request = connection ? request_new(&server->requests, connection, ev) : NULL;
    if (!request) {
        evhttp_send_error(ev, 503, NULL); /* no memory for a record of it */
        return;
    }
    if (!reply_outright(request))
        request_dispatch(&server->requests, request);
    if (request->ev)
        request_wait(request);
}

/* ---- connections ---- */

static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
    (void)base;
    ferry_http_server *server = arg;
    return connection_new(&server->connections);
}

static bool is_trusted(void *arg, const struct in6_addr *address)
{
    const ferry_http_server *server = arg;
    return trusted_has_address(&server->requests.trusted, address);
}

static void on_room(void *arg, bool has_room)
{
    ferry_http_server *server = arg;
    for (struct bound_listener *at = server->listeners; at; at = at->next) {
        if (has_room)
            listener_resume(at->listener, LISTENER_AT_LIMIT);
        else
            listener_pause(at->listener, LISTENER_AT_LIMIT);
    }
}

/* ---- life ---- */

static size_t size_or(size_t value, size_t fallback)
{
    return value ? value : fallback;
}

static int64_t ms_or(int64_t value, int64_t fallback)
{
    return value ? value : fallback;
}

static struct connection_limits limits_of(const ferry_http_options *options)
{
    return (struct connection_limits){
        .connections = (unsigned)size_or(options->connections, 10000),
        .connections_per_address = (unsigned)size_or(options->connections_per_address, 1024),
        .requests = size_or(options->requests_per_connection, 10000),
        .header_bytes = size_or(options->header_bytes, 16 << 10),
        .body_bytes = size_or(options->body_bytes, 8 << 20),
        .held_bytes = size_or(options->buffered_bytes, 256 << 20),
        .unsent_bytes = size_or(options->unsent_total_bytes, 256 << 20),
        .header_ms = ms_or(options->header_timeout_ms, 10000),
        .body_ms = ms_or(options->body_timeout_ms, 30000),
        .idle_ms = ms_or(options->idle_timeout_ms, 60000),
        .write_ms = ms_or(options->write_timeout_ms, 30000),
    };
}

static void evhttp_configure(ferry_http_server *server)
{
    const struct connection_limits *limits = &server->connections.limits;
    evhttp_set_bevcb(server->evhttp, on_accept, server);
    evhttp_set_gencb(server->evhttp, on_request, server);
    evhttp_set_allowed_methods(server->evhttp, UINT16_MAX); /* on_request refuses, with reasons */
    evhttp_set_default_content_type(server->evhttp, NULL);
    evhttp_set_max_headers_size(server->evhttp, (ev_ssize_t)(limits->header_bytes + HEADER_SLACK));
    evhttp_set_max_body_size(server->evhttp, (ev_ssize_t)limits->body_bytes);
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
    const struct connection_hooks hooks = {.gone = request_gone,
                                           .lost = request_lost,
                                           .room = on_room,
                                           .is_trusted = is_trusted,
                                           .arg = server};
    server->loop = loop;
    bool has_connections = connections_init(&server->connections, loop, &limits, &hooks);
    server->evhttp = evhttp_new(loop_event_base(loop));
    if (!requests_init(&server->requests, loop, &server->connections, options) ||
        !has_connections || !server->evhttp) {
        ferry_http_server_free(server);
        return NULL;
    }
    evhttp_configure(server);
    return server;
}

static void listeners_close(ferry_http_server *server)
{
    while (server->listeners) {
        struct bound_listener *bound = server->listeners;
        server->listeners = bound->next;
        listener_free(bound->listener);
        evhttp_del_accept_socket(server->evhttp, bound->socket);
        free(bound);
    }
}

void ferry_http_server_free(ferry_http_server *server)
{
    if (!server)
        return;
    LOOP_CHECK(server->loop);
    server->requests.closing = true;
    listeners_close(server);
    if (server->evhttp)
        evhttp_free(server->evhttp);
    connections_fini(&server->connections);
    requests_fini(&server->requests);
    coroutine_routes_free(server->coroutine_routes);
    free(server);
}

/* Returns whether evhttp took it; it frees nothing otherwise. */
static bool bound_attach(struct bound_listener *bound, struct evhttp *evhttp)
{
    struct evconnlistener *acceptor = listener_acceptor(bound->listener);
    bound->socket = evhttp_bind_listener(evhttp, acceptor);
    if (bound->socket)
        return true;
    listener_free(bound->listener);
    evconnlistener_free(acceptor);
    return false;
}

static struct bound_listener *bound_new(ferry_http_server *server, const struct address *address,
                                        ferry_error *error)
{
    struct bound_listener *bound = malloc(sizeof *bound);
    if (!bound) {
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    bound->listener =
        listener_new(server->loop, address, &server->connections.counts.accepted, error);
    if (!bound->listener) {
        free(bound);
        return NULL;
    }
    if (!bound_attach(bound, server->evhttp)) {
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        free(bound);
        return NULL;
    }
    return bound;
}

int ferry_http_listen(ferry_http_server *server, const char *text, char *bound_text,
                      size_t bound_size, ferry_error *error)
{
    LOOP_CHECK(server->loop);
    struct address address;
    int rc = address_parse(&address, text, error);
    if (rc < 0)
        return rc;
    ferry_error reason = {0};
    struct bound_listener *bound = bound_new(server, &address, &reason);
    if (!bound)
        return ferry_error_set(error, reason.code, "%s", reason.message);
    bound->next = server->listeners;
    server->listeners = bound;
    if (server->connections.count >= server->connections.limits.connections)
        listener_pause(bound->listener, LISTENER_AT_LIMIT);
    if (bound_text)
        address_format(listener_address(bound->listener), bound_text, bound_size);
    return 0;
}

int ferry_http_route(ferry_http_server *server, const char *methods, const char *path,
                     ferry_http_handler *handler, void *ctx, ferry_error *error)
{
    LOOP_CHECK(server->loop);
    return router_add(server->requests.router, methods, path, handler, ctx, error);
}

int ferry_http_route_coroutine(ferry_http_server *server, const char *methods, const char *path,
                               ferry_http_handler *handler, void *ctx, ferry_error *error)
{
    LOOP_CHECK(server->loop);
    struct coroutine_route *route =
        coroutine_route_add(&server->coroutine_routes, server->loop, handler, ctx);
    if (!route)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory for a route");
    return router_add(server->requests.router, methods, path, coroutine_route_handle, route, error);
}

int ferry_http_trust(ferry_http_server *server, const char *network, ferry_error *error)
{
    LOOP_CHECK(server->loop);
    return trusted_add(&server->requests.trusted, network, error);
}

void ferry_http_server_drain(ferry_http_server *server)
{
    LOOP_CHECK(server->loop);
    listeners_close(server);
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
        .receiving = connections->in_phase[PHASE_BODY],
        .sending = connections->in_phase[PHASE_SENDING],
        .buffered_bytes = connections->held_bytes,
        .unsent_bytes = connections->unsent_bytes,
        .accepted = counts->accepted,
        .timed_out_header = counts->timed_out[PHASE_HEADER],
        .timed_out_body = counts->timed_out[PHASE_BODY],
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
    stats->timed_out = stats->timed_out_header + stats->timed_out_body + stats->timed_out_idle +
                       stats->timed_out_write;
}
