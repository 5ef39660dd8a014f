/*
 * The registry of connections: their life.
 *
 * A record follows its connection through the phases; connection_enter is the one place where they
 * change. evhttp has no hook between accept and a complete request, so the record sees the bytes
 * first (connection_input.c), and answers itself what evhttp must not have (connection_refuse.c).
 *
 * The end: evhttp's close callback, which can be set only once a connection has brought a request.
 * Of one that never did, evhttp's freeing shows in a bufferevent without callbacks, which the sweep
 * looks for (connection_sweep.c). The sweep enforces the deadlines, too.
 *
 * The record's reference keeps the bufferevent, and so the descriptor: its number cannot come back
 * with another connection before the record is gone.
 */
#include "connection.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>

#include "clock.h"
#include "connection_parts.h"
#include "tls_socket.h"

enum {
    LINGER_MS = 2000,           /* for a refused client to read why */
    WATERMARK_SLACK = 64 << 10, /* chunk framing, and a pipelined request's header */
};

/* ---- phases ---- */

static int64_t phase_ms(const struct connection_limits *limits, enum phase phase)
{
    switch (phase) {
    case PHASE_HEADER:
        return limits->header_ms;
    case PHASE_BODY:
        return limits->body_ms;
    case PHASE_STREAMING:
    case PHASE_SENDING:
        return limits->write_ms;
    case PHASE_IDLE:
        return limits->idle_ms;
    case PHASE_CLOSING:
        return LINGER_MS;
    case PHASE_IN_FLIGHT:
    case PHASE_COUNT:
        break;
    }
    return INT64_MAX / 2;
}

void connection_enter(struct connection *connection, enum phase phase)
{
    struct connections *all = connection->all;
    all->in_phase[connection->phase]--;
    all->in_phase[phase]++;
    connection->phase = phase;
    connection->moved_ms = clock_monotonic_ms();
    connection->deadline_ms = connection->moved_ms + phase_ms(&all->limits, phase);
    if (phase == PHASE_HEADER)
        connection->request_deadline_ms = connection->moved_ms + all->limits.request_ms;
    connection->is_over_unsent = false;
}

void connection_hold(struct connection *connection, size_t bytes)
{
    connection->all->held_bytes += bytes - connection->held_bytes;
    connection->held_bytes = bytes;
}

/* ---- the end of the turn ---- */

/* The newest stands first in the list; the oldest has its turn first. */
static void connections_reverse_due(struct connections *all)
{
    struct connection *reversed = NULL, *next;
    for (struct connection *at = all->due; at; at = next) {
        next = at->due_next;
        at->due_next = reversed;
        reversed = at;
    }
    all->due = reversed;
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct connections *all = arg;
    connections_reverse_due(all);
    while (all->due) {
        struct connection *connection = all->due;
        all->due = connection->due_next;
        connection->is_due = false;
        if (connection->status)
            connection_answer(connection);
        else if (connection->written)
            connection_written(connection);
        else
            connection_greet(connection);
    }
}

void connection_make_due(struct connection *connection)
{
    struct connections *all = connection->all;
    if (connection->is_due)
        return;
    connection->is_due = true;
    if (!all->due)
        event_active(all->due_event, EV_TIMEOUT, 0);
    connection->due_next = all->due;
    all->due = connection;
}

static void connection_make_undue(struct connection *connection)
{
    struct connection **at = &connection->all->due;
    if (!connection->is_due)
        return;
    while (*at != connection)
        at = &(*at)->due_next;
    *at = connection->due_next;
}

/* ---- the end ---- */

static void connection_unlink(struct connection *connection)
{
    struct connections *all = connection->all;
    if (all->cursor == connection)
        all->cursor = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        all->first = connection->next;
    all->in_phase[connection->phase]--;
    if (all->count-- == all->limits.connections && all->hooks.room)
        all->hooks.room(all->hooks.arg, true);
}

void connection_free(struct connection *connection)
{
    void *request = connection->request;
    void (*lost)(void *) = connection->all->hooks.lost;
    connection_hold(connection, 0);
    connection->all->unsent_bytes -= connection->unsent_bytes;
    connection_make_undue(connection);
    connection_part(connection);
    connection_unlink(connection);
    evbuffer_remove_cb_entry(bufferevent_get_input(connection->bev), connection->input_cb);
    evbuffer_remove_cb_entry(bufferevent_get_output(connection->bev), connection->output_cb);
    if (connection->is_tls && connection->fd >= 0)
        tls_socket_say_end(connection->bev);
    bufferevent_decref(connection->bev);
    free(connection->client_cert);
    free(connection);
    if (request)
        lost(request);
}

static void on_close(struct evhttp_connection *evcon, void *arg)
{
    (void)evcon;
    connection_free(arg);
}

/* evhttp takes its callbacks away when it frees a connection. */
bool connection_is_abandoned(const struct connection *connection)
{
    bufferevent_event_cb on_event = NULL;
    bufferevent_getcb(connection->bev, NULL, NULL, &on_event, NULL);
    return on_event == NULL;
}

void connection_kill(struct connection *connection)
{
    bool told = connection->has_close_callback;
    connection_unwatch(connection);
    bufferevent_trigger_event(connection->bev, BEV_EVENT_READING | BEV_EVENT_EOF, 0);
    if (!told && connection_is_abandoned(connection))
        connection_free(connection);
}

/* ---- the beginning ---- */

static void on_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *arg)
{
    (void)output;
    struct connection *connection = arg;
    connection->sent_bytes += info->n_deleted;
    if (connection->status && info->orig_size + info->n_added == info->n_deleted)
        connection_answered(connection);
}

static void connection_link(struct connection *connection)
{
    struct connections *all = connection->all;
    connection->next = all->first;
    if (all->first)
        all->first->previous = connection;
    all->first = connection;
    all->counts.accepted++;
    all->in_phase[connection->phase]++;
    connections_sweep_later(all);
    if (++all->count != all->limits.connections)
        return;
    all->counts.over_connections++;
    complain(&all->complaints[COMPLAINT_CONNECTIONS],
             "the limit of connections is reached, more wait", "-");
    if (all->hooks.room)
        all->hooks.room(all->hooks.arg, false);
}

/* Returns whether there was memory. */
static bool connection_open(struct connection *connection, ferry_tls *tls)
{
    static const char protocol[] = "http/1.1";
    const struct connection_limits *limits = &connection->all->limits;
    struct event_base *base = loop_event_base(connection->all->loop);
    struct bufferevent *bev = tls ? tls_socket_new(connection->all->loop, tls, protocol)
                                  : bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (!bev)
        return false;
    connection->bev = bev;
    connection->input_cb =
        evbuffer_add_cb(bufferevent_get_input(bev), connection_on_input, connection);
    connection->output_cb = evbuffer_add_cb(bufferevent_get_output(bev), on_output, connection);
    if (!connection->input_cb || !connection->output_cb) {
        bufferevent_free(bev);
        return false;
    }
    bufferevent_incref(bev);
    bufferevent_setwatermark(bev, EV_READ, 0,
                             limits->header_bytes + limits->body_bytes + WATERMARK_SLACK);
    return true;
}

struct bufferevent *connection_new(struct connections *all, ferry_tls *tls)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    connection->all = all;
    connection->fd = -1;
    connection->is_tls = tls != NULL;
    if (!connection_open(connection, tls)) {
        free(connection);
        return NULL;
    }
    connection_expect(connection);
    connection->phase = PHASE_HEADER;
    connection->moved_ms = clock_monotonic_ms();
    connection->deadline_ms = connection->moved_ms + all->limits.header_ms;
    connection->request_deadline_ms = connection->moved_ms + all->limits.request_ms;
    connection_link(connection);
    connection_make_due(connection);
    return connection->bev;
}

struct connection *connection_of(struct connections *all, struct evhttp_connection *evcon)
{
    struct bufferevent *bev = evhttp_connection_get_bufferevent(evcon);
    int fd = bufferevent_getfd(bev);
    if (fd < 0 || (size_t)fd >= all->by_fd_size)
        return NULL;
    struct connection *connection = all->by_fd[fd];
    return connection && connection->bev == bev ? connection : NULL;
}

const char *connection_client_cert(struct connection *connection)
{
    if (connection->is_tls && !connection->is_cert_known) {
        connection->client_cert = tls_socket_peer_subject(connection->bev);
        connection->is_cert_known = true;
    }
    return connection->client_cert;
}

/* ---- a request's way ---- */

bool connection_begin(struct connection *connection, struct evhttp_connection *evcon, void *request)
{
    size_t left = evbuffer_get_length(bufferevent_get_input(connection->bev));
    bool agrees = guard_stage(&connection->guard) == GUARD_DONE && connection->unseen_bytes == left;
    if (!connection->has_close_callback) {
        evhttp_connection_set_closecb(evcon, on_close, connection);
        connection->has_close_callback = true;
    }
    connection->request = request;
    connection->request_count++;
    connection_enter(connection, PHASE_IN_FLIGHT);
    connection_hold(connection, left);
    return agrees;
}

/* The reply is with the kernel, and evhttp goes on with the next request, or closes. */
static void on_sent(struct evhttp_request *reply, void *arg)
{
    (void)reply;
    struct connection *connection = arg;
    bool has_more = evbuffer_get_length(bufferevent_get_input(connection->bev)) > 0;
    connection->all->unsent_bytes -= connection->unsent_bytes;
    connection->unsent_bytes = 0;
    connection_expect(connection);
    if (connection->is_last || (connection->all->draining && !has_more)) {
        connection_enter(connection, PHASE_CLOSING);
        connection->deadline_ms = 0;
        return;
    }
    connection_enter(connection, has_more ? PHASE_HEADER : PHASE_IDLE);
    if (has_more)
        connection_see(connection, 0);
}

bool connection_is_used_up(const struct connection *connection)
{
    return connection->request_count >= connection->all->limits.requests;
}

void connection_send(struct connection *connection, struct evhttp_request *reply, bool is_last)
{
    connection_unwatch(connection);
    connection->request = NULL;
    connection->is_last = is_last;
    if (connection_is_used_up(connection)) {
        connection->all->counts.over_requests++;
        ferry_log(FERRY_LOG_DEBUG, "a connection has had all its requests", NULL);
    }
    evhttp_request_set_on_complete_cb(reply, on_sent, connection);
    connection_enter(connection, PHASE_SENDING);
}

void connection_stream(struct connection *connection, bool is_last)
{
    connection_unwatch(connection); /* evhttp reads again, and sees the end */
    connection->is_last = is_last;
    connection_enter(connection, PHASE_STREAMING);
}

size_t connection_unsent_bytes(const struct connection *connection)
{
    return evbuffer_get_length(bufferevent_get_output(connection->bev));
}

/* ---- all of them ---- */

bool connections_init(struct connections *all, ferry_loop *loop,
                      const struct connection_limits *limits, const struct connection_hooks *hooks)
{
    *all = (struct connections){.loop = loop, .limits = *limits, .hooks = *hooks};
    all->due_event = event_new(loop_event_base(loop), -1, 0, on_due, all);
    return all->due_event != NULL;
}

void connections_fini(struct connections *all)
{
    all->hooks.room = NULL;
    while (all->first)
        connection_free(all->first);
    ferry_loop_cancel(all->loop, all->sweep_timer);
    if (all->due_event)
        event_free(all->due_event);
    free(all->by_fd);
}
