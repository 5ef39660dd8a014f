/*
 * Requests: their life, and what was asked.
 *
 * A reply ends a request; its memory goes at the end of the turn, in the reaper, so that a second
 * reply in the same turn finds the first one's mark instead of freed memory.
 */
#include "request.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "header_text.h"
#include "misuse.h"
#include "percent.h"
#include "query.h"
#include "spare.h"

enum { UNSENT_LIMIT_BYTES = 256 << 10 };

struct request_end_hook {
    struct request_end_hook *next;
    ferry_callback *fn;
    void *arg;
};

/* ---- life ---- */

/* Count some of its memory until it ends. */
static void request_hold(ferry_request *request, size_t bytes)
{
    request->held_bytes += bytes;
    request->all->connections->held_bytes += bytes;
}

/* A parameter's value is not longer than its piece of the path, the slash giving the NUL. */
static size_t request_bytes(const struct head *head)
{
    return sizeof(ferry_request) + head->path_length + 1;
}

ferry_request *request_new(struct requests *all, struct connection *connection, struct head *head,
                           struct bytes *body)
{
    ferry_request *request = spare_new(request_bytes(head));
    if (!request)
        return NULL;
    memset(request, 0, sizeof *request);
    request->loop = all->loop;
    request->all = all;
    request->connection = connection;
    request->router = router_ref(all->router);
    request->head = head;
    request->body = *body;
    *body = (struct bytes){0};
    request->address = connection->address;
    request->has_address = connection->has_address;
    request->is_tls = connection->channel.ssl != NULL;
    request->text_end = request->text;
    request_hold(request, head->memory_bytes + head->path_length + request->body.length);
    all->in_flight++;
    request->next = all->first;
    if (all->first)
        all->first->previous = request;
    all->first = request;
    connection_begin(connection, request);
    return request;
}

/* The last one first, as what was made later may need what was made before. */
static void request_run_end_hooks(ferry_request *request)
{
    while (request->end_hooks) {
        struct request_end_hook *hook = request->end_hooks;
        request->end_hooks = hook->next;
        hook->fn(hook->arg);
        free(hook);
    }
}

int ferry_request_on_end(ferry_request *request, ferry_callback *fn, void *arg)
{
    LOOP_CHECK(request->loop);
    CHECK_FUNCTION(fn);
    struct request_end_hook *hook = malloc(sizeof *hook);
    if (!hook)
        return FERRY_INTERNAL;
    *hook = (struct request_end_hook){.next = request->end_hooks, .fn = fn, .arg = arg};
    request->end_hooks = hook;
    return 0;
}

static void request_free(ferry_request *request)
{
    request_run_end_hooks(request);
    router_unref(request->router);
    bytes_fini(&request->body);
    bytes_fini(&request->set.text);
    free(request->query);
    free(request->client_cert);
    size_t bytes = request_bytes(request->head);
    head_free(request->head);
    spare_free(request, bytes);
}

static void request_free_posted(struct mailbox_entry *entry)
{
    request_free((ferry_request *)entry);
}

static void request_free_later(ferry_request *request)
{
    request->entry.run = request_free_posted;
    request->entry.drop = request_free_posted;
    loop_post(request->loop, &request->entry);
}

static void request_unlink(struct requests *all, ferry_request *request)
{
    if (request->next)
        request->next->previous = request->previous;
    if (request->previous)
        request->previous->next = request->next;
    else
        all->first = request->next;
    all->in_flight--;
    all->connections->held_bytes -= request->held_bytes;
}

static void request_forget_untold(struct requests *all, ferry_request *request)
{
    if (request->is_untold)
        TAILQ_REMOVE(&all->untold, request, untold_link);
    request->is_untold = false;
}

void request_end(ferry_request *request)
{
    struct requests *all = request->all;
    request->is_replied = true;
    request->connection = NULL;
    if (!all) {
        request_free_later(request);
        return;
    }
    request_unlink(all, request);
    request_forget_untold(all, request);
    if (!all->replied)
        event_active(all->reaper, EV_TIMEOUT, 0);
    request->next = all->replied;
    all->replied = request;
}

static void on_reap(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct requests *all = arg;
    ferry_request *replied = all->replied;
    all->replied = NULL; /* a hook may free the server */
    while (replied) {
        ferry_request *request = replied;
        replied = request->next;
        request_free(request);
    }
}

/* ---- the client's leaving ---- */

static void request_tell_gone(ferry_request *request)
{
    struct requests *all = request->all;
    ferry_callback *fn = request->on_gone;
    request->on_gone = NULL;
    all->inside++;
    if (fn)
        fn(request->on_gone_arg);
    all->inside--;
}

static void on_tell(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct requests *all = arg;
    for (ferry_request *request; (request = TAILQ_FIRST(&all->untold));) {
        request_forget_untold(all, request);
        request_tell_gone(request);
    }
}

/* By an event that is there already: memory may be what the client's leaving would give back. */
static void request_tell_gone_later(ferry_request *request)
{
    struct requests *all = request->all;
    if (!request->on_gone || request->is_untold)
        return;
    request->is_untold = true;
    TAILQ_INSERT_TAIL(&all->untold, request, untold_link);
    event_active(all->teller, EV_TIMEOUT, 0);
}

void request_gone(void *arg)
{
    ferry_request *request = arg;
    request->is_gone = true;
    request_tell_gone(request);
}

/* Whoever waits is told soon, and may reply then. */
void request_lost(void *arg)
{
    ferry_request *request = arg;
    request->connection = NULL;
    request->is_gone = true;
    if (request->all && !request->all->closing)
        request_tell_gone_later(request);
}

void ferry_request_on_gone(ferry_request *request, ferry_callback *fn, void *arg)
{
    LOOP_CHECK(request->loop);
    request->on_gone = fn;
    request->on_gone_arg = arg;
    if (request->is_gone && request->all)
        request_tell_gone_later(request);
}

bool ferry_request_is_gone(const ferry_request *request)
{
    LOOP_CHECK(request->loop);
    return request->is_gone;
}

/* ---- all of them ---- */

bool requests_init(struct requests *all, ferry_loop *loop, struct connections *connections,
                   const ferry_http_options *options)
{
    const char *server_name = options->server_name;
    *all = (struct requests){.loop = loop, .connections = connections};
    all->router = router_new();
    all->reaper = event_new(loop_event_base(loop), -1, 0, on_reap, all);
    all->teller = event_new(loop_event_base(loop), -1, 0, on_tell, all);
    TAILQ_INIT(&all->untold);
    all->unsent_limit_bytes = options->unsent_bytes ? options->unsent_bytes : UNSENT_LIMIT_BYTES;
    all->server_name = server_name ? strdup(server_name) : NULL;
    bool is_named = !server_name || (all->server_name && header_is_value(server_name));
    return all->router && all->reaper && all->teller && is_named;
}

void requests_fini(struct requests *all)
{
    while (all->first) {
        ferry_request *request = all->first;
        request_unlink(all, request);
        request_forget_untold(all, request);
        request->all = NULL;
    }
    while (all->replied) {
        ferry_request *request = all->replied;
        all->replied = request->next;
        request_free_later(request);
    }
    if (all->reaper)
        event_free(all->reaper);
    if (all->teller)
        event_free(all->teller);
    router_unref(all->router);
    trusted_fini(&all->trusted);
    reply_heads_fini(&all->heads);
    free(all->server_name);
}

/* ---- what was asked ---- */

void request_route(ferry_request *request, const struct router_match *match)
{
    request->route = match->route;
    for (size_t i = 0; i < match->route->path->param_count; i++) {
        const struct span *raw = &match->params[i];
        request->params[i] = request->text_end;
        request->text_end = percent_decode(raw->data, raw->length, request->text_end) + 1;
    }
}

const char *ferry_request_method(const ferry_request *request)
{
    LOOP_CHECK(request->loop);
    return method_name(request->head->method);
}

const char *ferry_request_path(const ferry_request *request)
{
    LOOP_CHECK(request->loop);
    return request->head->path;
}

const char *ferry_request_route(const ferry_request *request)
{
    LOOP_CHECK(request->loop);
    return request->route ? request->route->path->pattern : NULL;
}

static size_t param_count(const ferry_request *request)
{
    return request->route ? request->route->path->param_count : 0;
}

const char *ferry_request_param(const ferry_request *request, const char *name)
{
    LOOP_CHECK(request->loop);
    for (size_t i = 0; i < param_count(request); i++) {
        if (strcmp(request->route->path->param_names[i], name) == 0)
            return request->params[i];
    }
    return NULL;
}

void ferry_request_each_param(const ferry_request *request, ferry_request_visitor *visit, void *arg)
{
    LOOP_CHECK(request->loop);
    for (size_t i = 0; i < param_count(request); i++) {
        if (!visit(arg, request->route->path->param_names[i], request->params[i]))
            return;
    }
}

/* Parse once, in place: the text is the request's own. */
static void request_parse_query(const ferry_request *constant)
{
    ferry_request *request = (ferry_request *)constant; /* what is cached does not show */
    if (!request->head->query || request->query)
        return;
    request->query = query_parse(request->head->query, &request->query_count);
    if (request->all && !request->is_replied)
        request_hold(request, request->query_count * sizeof *request->query);
}

const char *ferry_request_query(const ferry_request *request, const char *name)
{
    LOOP_CHECK(request->loop);
    request_parse_query(request);
    for (size_t i = 0; i < request->query_count; i++) {
        if (strcmp(request->query[i].name, name) == 0)
            return request->query[i].value;
    }
    return NULL;
}

void ferry_request_each_query(const ferry_request *request, ferry_request_visitor *visit, void *arg)
{
    LOOP_CHECK(request->loop);
    request_parse_query(request);
    for (size_t i = 0; i < request->query_count; i++) {
        if (!visit(arg, request->query[i].name, request->query[i].value))
            return;
    }
}

const char *ferry_request_header(const ferry_request *request, const char *name)
{
    LOOP_CHECK(request->loop);
    return head_find(request->head, name);
}

void ferry_request_each_header(const ferry_request *request, ferry_request_visitor *visit,
                               void *arg)
{
    LOOP_CHECK(request->loop);
    for (size_t i = 0; i < request->head->header_count; i++) {
        if (!visit(arg, request->head->headers[i].name, request->head->headers[i].value))
            return;
    }
}

const void *ferry_request_body(ferry_request *request, size_t *length)
{
    LOOP_CHECK(request->loop);
    if (length)
        *length = request->body.length;
    return bytes_text(&request->body);
}
