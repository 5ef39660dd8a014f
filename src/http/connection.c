/*
 * The registry of connections.
 *
 * A record follows its connection through the phases; connection_enter is the one place where they
 * change. evhttp has no hook between accept and a complete request, so the record sees the bytes
 * first, in a callback on the input buffer: there it finds the end of the header, enforces the
 * limits on size and, where a request is refused before evhttp has it, writes the answer itself.
 *
 * The end: evhttp's close callback, which can be set only once a connection has brought a request.
 * Of one that never did, evhttp's freeing shows in a bufferevent without callbacks, which the sweep
 * looks for. The sweep enforces the deadlines, too. It runs while there are connections.
 *
 * The record's reference keeps the bufferevent, and so the descriptor: its number cannot come back
 * with another connection before the record is gone.
 */
#include "connection.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "clock.h"
#include "status.h"

enum {
    SWEEP_MS = 100,
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

static void connection_enter(struct connection *connection, enum phase phase)
{
    struct connections *all = connection->all;
    all->in_phase[connection->phase]--;
    all->in_phase[phase]++;
    connection->phase = phase;
    connection->deadline_ms = clock_monotonic_ms() + phase_ms(&all->limits, phase);
}

static void connection_hold(struct connection *connection, size_t bytes)
{
    connection->all->held_bytes += bytes - connection->held_bytes;
    connection->held_bytes = bytes;
}

/* ---- the end ---- */

static void on_sweep(void *arg);

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
    if (connection->fd >= 0 && all->by_fd[connection->fd] == connection)
        all->by_fd[connection->fd] = NULL;
    all->in_phase[connection->phase]--;
    if (all->count-- == all->limits.connections && all->hooks.room)
        all->hooks.room(all->hooks.arg, true);
}

static void connection_unwatch(struct connection *connection)
{
    if (connection->is_watched)
        event_del(&connection->closed_event);
    connection->is_watched = false;
}

static void connection_free(struct connection *connection)
{
    void *request = connection->request;
    void (*lost)(void *) = connection->all->hooks.lost;
    connection_unwatch(connection);
    connection_hold(connection, 0);
    connection_unlink(connection);
    evbuffer_remove_cb_entry(bufferevent_get_input(connection->bev), connection->input_cb);
    if (connection->output_cb)
        evbuffer_remove_cb_entry(bufferevent_get_output(connection->bev), connection->output_cb);
    bufferevent_decref(connection->bev);
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
static bool is_abandoned(const struct connection *connection)
{
    bufferevent_event_cb on_event = NULL;
    bufferevent_getcb(connection->bev, NULL, NULL, &on_event, NULL);
    return on_event == NULL;
}

/* Make evhttp free the connection, now. Not from within a callback of its buffers. */
static void connection_kill(struct connection *connection)
{
    bool told = connection->has_close_callback;
    bufferevent_trigger_event(connection->bev, BEV_EVENT_READING | BEV_EVENT_EOF, 0);
    if (!told && is_abandoned(connection))
        connection_free(connection);
}

/* ---- refusals ---- */

static void refusal_format(struct bytes *out, int status, const char *detail)
{
    char date[50];
    struct bytes body = {0};
    problem_append(&body, status, ferry_code_from_status(status), detail);
    bytes_printf(out, "HTTP/1.1 %d %s\r\n", status, status_reason(status));
    if (evutil_date_rfc1123(date, sizeof date, NULL) > 0)
        bytes_printf(out, "Date: %s\r\n", date);
    bytes_printf(out,
                 "%sContent-Type: " PROBLEM_CONTENT_TYPE
                 "\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                 status == 503 ? "Retry-After: 1\r\n" : "", body.length, bytes_text(&body));
    bytes_fini(&body);
}

/* Answer a request that evhttp must not see: it has no reply in progress on this connection, so the
 * answer goes to the socket. What the client still sends is thrown away for a while, so that the
 * answer is not lost in a reset. */
static void connection_refuse(struct connection *connection, int status, const char *detail)
{
    struct evbuffer *input = bufferevent_get_input(connection->bev);
    struct bytes reply = {0};
    refusal_format(&reply, status, detail);
    send(bufferevent_getfd(connection->bev), bytes_text(&reply), reply.length,
         MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(bufferevent_getfd(connection->bev), SHUT_WR);
    bytes_fini(&reply);
    connection_enter(connection, PHASE_CLOSING);
    evbuffer_drain(input, evbuffer_get_length(input));
}

/* ---- arriving bytes ---- */

static void connection_remember_fd(struct connection *connection)
{
    struct connections *all = connection->all;
    int fd = bufferevent_getfd(connection->bev);
    if (fd < 0)
        return;
    if ((size_t)fd >= all->by_fd_size) {
        size_t size = ((size_t)fd + 64) * 2;
        struct connection **by_fd = realloc(all->by_fd, size * sizeof(struct connection *));
        if (!by_fd)
            return;
        memset(by_fd + all->by_fd_size, 0, (size - all->by_fd_size) * sizeof(struct connection *));
        all->by_fd = by_fd;
        all->by_fd_size = size;
    }
    all->by_fd[fd] = connection;
    connection->fd = fd;
}

/* Feed the scanner with what stands in the buffer from `offset` on. Returns whether the header has
 * ended. */
static bool connection_scan(struct connection *connection, struct evbuffer *input, size_t offset)
{
    struct evbuffer_ptr at;
    struct evbuffer_iovec part;
    size_t used;
    if (evbuffer_ptr_set(input, &at, offset, EVBUFFER_PTR_SET) < 0)
        return false;
    while (connection->scan.length <= connection->all->limits.header_bytes &&
           evbuffer_peek(input, -1, &at, &part, 1) > 0 && part.iov_len > 0) {
        if (header_scan_feed(&connection->scan, part.iov_base, part.iov_len, &used))
            return true;
        if (evbuffer_ptr_set(input, &at, part.iov_len, EVBUFFER_PTR_ADD) < 0)
            break;
    }
    return false;
}

/* Bytes of a header, from `offset` in the buffer on. */
static void on_header_bytes(struct connection *connection, struct evbuffer *input, size_t offset)
{
    const struct connection_limits *limits = &connection->all->limits;
    bool has_ended = connection_scan(connection, input, offset);
    if (connection->scan.length > limits->header_bytes)
        connection_refuse(connection, 431, "the request line and headers are too long");
    else if (has_ended && connection->scan.body_bytes > 0 &&
             (uint64_t)connection->scan.body_bytes > limits->body_bytes)
        connection_refuse(connection, 413, "the body is too long");
    else if (has_ended)
        connection_enter(connection, PHASE_BODY);
}

static void on_bytes(struct connection *connection, struct evbuffer *input, size_t offset)
{
    const struct connections *all = connection->all;
    if (connection->phase == PHASE_IDLE)
        connection_enter(connection, PHASE_HEADER);
    if (connection->phase == PHASE_HEADER)
        on_header_bytes(connection, input, offset);
    bool is_over = all->held_bytes > all->limits.held_bytes;
    if (is_over && connection->phase == PHASE_BODY)
        connection_refuse(connection, 503, "the server holds too many request bodies");
    else if (is_over &&
             (connection->phase == PHASE_SENDING || connection->phase == PHASE_STREAMING) &&
             evbuffer_get_length(input) > all->limits.header_bytes)
        connection->deadline_ms = 0; /* sends on and on, and does not read the reply */
}

/* evhttp takes a body's chunks out of the buffer before the request is whole, so in the body only
 * additions count. */
static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
    struct connection *connection = arg;
    size_t length = info->orig_size + info->n_added - info->n_deleted;
    connection_hold(connection, connection->phase == PHASE_BODY
                                    ? connection->held_bytes + info->n_added
                                    : length);
    if (info->n_added == 0)
        return;
    if (connection->fd < 0)
        connection_remember_fd(connection);
    if (connection->phase == PHASE_CLOSING)
        evbuffer_drain(input, length);
    else
        on_bytes(connection, input, info->orig_size - info->n_deleted);
}

/* ---- the beginning ---- */

static void on_client_left(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct connection *connection = arg;
    connection->is_watched = false;
    if (connection->request)
        connection->all->hooks.gone(connection->request);
}

static void connection_link(struct connection *connection)
{
    struct connections *all = connection->all;
    connection->next = all->first;
    if (all->first)
        all->first->previous = connection;
    all->first = connection;
    all->accepted++;
    all->in_phase[connection->phase]++;
    if (++all->count == all->limits.connections && all->hooks.room)
        all->hooks.room(all->hooks.arg, false);
    if (!all->sweep_timer)
        all->sweep_timer = ferry_loop_call_later(all->loop, SWEEP_MS, on_sweep, all);
}

struct bufferevent *connection_new(struct connections *all)
{
    const struct connection_limits *limits = &all->limits;
    struct connection *connection = calloc(1, sizeof *connection);
    struct bufferevent *bev =
        connection ? bufferevent_socket_new(loop_event_base(all->loop), -1, BEV_OPT_CLOSE_ON_FREE)
                   : NULL;
    if (bev)
        connection->input_cb = evbuffer_add_cb(bufferevent_get_input(bev), on_input, connection);
    if (!bev || !connection->input_cb) {
        if (bev)
            bufferevent_free(bev);
        free(connection);
        return NULL;
    }
    bufferevent_incref(bev);
    bufferevent_setwatermark(bev, EV_READ, 0,
                             limits->header_bytes + limits->body_bytes + WATERMARK_SLACK);
    connection->all = all;
    connection->bev = bev;
    connection->fd = -1;
    header_scan_init(&connection->scan);
    connection->phase = PHASE_HEADER;
    connection->deadline_ms = clock_monotonic_ms() + limits->header_ms;
    connection_link(connection);
    return bev;
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

/* ---- a request's way ---- */

void connection_begin(struct connection *connection, struct evhttp_connection *evcon, void *request)
{
    if (!connection->has_close_callback) {
        evhttp_connection_set_closecb(evcon, on_close, connection);
        event_assign(&connection->closed_event, loop_event_base(connection->all->loop),
                     connection->fd, EV_CLOSED, on_client_left, connection);
        connection->has_close_callback = true;
    }
    connection->request = request;
    connection_enter(connection, PHASE_IN_FLIGHT);
    connection_hold(connection, evbuffer_get_length(bufferevent_get_input(connection->bev)));
}

void connection_watch(struct connection *connection)
{
    if (!connection->is_watched && event_add(&connection->closed_event, NULL) == 0)
        connection->is_watched = true;
}

/* The reply is with the kernel, and evhttp goes on with the next request, or closes. */
static void on_sent(struct evhttp_request *reply, void *arg)
{
    (void)reply;
    struct connection *connection = arg;
    struct evbuffer *input = bufferevent_get_input(connection->bev);
    bool has_more = evbuffer_get_length(input) > 0;
    header_scan_init(&connection->scan);
    if (connection->is_last || (connection->all->draining && !has_more)) {
        connection_enter(connection, PHASE_CLOSING);
        connection->deadline_ms = 0;
        return;
    }
    connection_enter(connection, PHASE_IDLE);
    if (has_more)
        on_bytes(connection, input, 0);
}

void connection_send(struct connection *connection, struct evhttp_request *reply, bool is_last)
{
    connection_unwatch(connection);
    connection->request = NULL;
    connection->is_last = is_last;
    connection->unsent_bytes = SIZE_MAX;
    evhttp_request_set_on_complete_cb(reply, on_sent, connection);
    connection_enter(connection, PHASE_SENDING);
}

static void on_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *arg)
{
    (void)output;
    struct connection *connection = arg;
    connection->sent_bytes += info->n_deleted;
}

void connection_stream(struct connection *connection, bool is_last)
{
    connection_unwatch(connection); /* evhttp reads again, and sees the end */
    connection->is_last = is_last;
    if (!connection->output_cb)
        connection->output_cb =
            evbuffer_add_cb(bufferevent_get_output(connection->bev), on_output, connection);
    connection->seen_sent_bytes = connection->sent_bytes;
    connection_enter(connection, PHASE_STREAMING);
}

size_t connection_unsent_bytes(const struct connection *connection)
{
    return evbuffer_get_length(bufferevent_get_output(connection->bev));
}

/* ---- all of them ---- */

/* Progress in sending moves the deadline. */
static void connection_look_at_sending(struct connection *connection)
{
    size_t unsent = connection_unsent_bytes(connection);
    if (unsent < connection->unsent_bytes && connection->deadline_ms > 0)
        connection->deadline_ms = clock_monotonic_ms() + connection->all->limits.write_ms;
    connection->unsent_bytes = unsent;
}

/* So does having nothing to send; a stream may pause for as long as it likes. */
static void connection_look_at_stream(struct connection *connection)
{
    bool has_moved = connection->sent_bytes != connection->seen_sent_bytes;
    if ((has_moved || connection_unsent_bytes(connection) == 0) && connection->deadline_ms > 0)
        connection->deadline_ms = clock_monotonic_ms() + connection->all->limits.write_ms;
    connection->seen_sent_bytes = connection->sent_bytes;
}

static void connection_sweep(struct connection *connection, int64_t now_ms)
{
    if (!connection->has_close_callback && is_abandoned(connection)) {
        connection_free(connection);
        return;
    }
    if (connection->phase == PHASE_SENDING)
        connection_look_at_sending(connection);
    else if (connection->phase == PHASE_STREAMING)
        connection_look_at_stream(connection);
    if (now_ms < connection->deadline_ms)
        return;
    if (connection->phase != PHASE_CLOSING)
        connection->all->timed_out++;
    connection_kill(connection);
}

static void on_sweep(void *arg)
{
    struct connections *all = arg;
    int64_t now_ms = clock_monotonic_ms();
    for (struct connection *at = all->first; at; at = all->cursor) {
        all->cursor = at->next;
        connection_sweep(at, now_ms);
    }
    all->cursor = NULL;
    all->sweep_timer = all->count ? ferry_loop_call_later(all->loop, SWEEP_MS, on_sweep, all) : 0;
}

/* Between requests, and nothing waits in the socket either. */
static bool is_idle(const struct connection *connection)
{
    int waiting = 0;
    if (connection->phase == PHASE_HEADER ? connection->scan.length > 0
                                          : connection->phase != PHASE_IDLE)
        return false;
    return ioctl(bufferevent_getfd(connection->bev), FIONREAD, &waiting) < 0 || waiting == 0;
}

void connections_drain(struct connections *all)
{
    all->draining = true;
    struct connection *next;
    for (struct connection *at = all->first; at; at = next) {
        next = at->next;
        if (is_idle(at)) {
            connection_enter(at, PHASE_CLOSING);
            at->deadline_ms = 0;
        }
    }
}

void connections_init(struct connections *all, ferry_loop *loop,
                      const struct connection_limits *limits, const struct connection_hooks *hooks)
{
    *all = (struct connections){.loop = loop, .limits = *limits, .hooks = *hooks};
}

void connections_fini(struct connections *all)
{
    all->hooks.room = NULL;
    while (all->first)
        connection_free(all->first);
    ferry_loop_cancel(all->loop, all->sweep_timer);
    free(all->by_fd);
}
