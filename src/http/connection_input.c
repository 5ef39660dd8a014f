/*
 * Arriving bytes: the guard sees them before evhttp does.
 *
 * The callback on the input buffer runs within the read, evhttp's after it. Of a request that is
 * whole the rest of the buffer belongs to the next one: nobody looks at it until the reply is sent,
 * so that a refusal is always about the request whose turn it is, and those ahead of it are
 * answered.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "connection_parts.h"

void connection_expect(struct connection *connection)
{
    const struct connection_limits *limits = &connection->all->limits;
    guard_init(&connection->guard, limits->header_bytes, limits->body_bytes);
    connection->unseen_bytes = 0;
}

/* Take bytes out of the middle of a buffer. Returns whether there was memory. */
static bool buffer_cut(struct evbuffer *buffer, size_t at, size_t count)
{
    if (at == 0)
        return evbuffer_drain(buffer, count) == 0;
    struct evbuffer *front = evbuffer_new();
    bool done = front && evbuffer_remove_buffer(buffer, front, at) == (int)at &&
                evbuffer_drain(buffer, count) == 0 && evbuffer_prepend_buffer(buffer, front) == 0;
    if (front)
        evbuffer_free(front);
    return done;
}

/* Our own change of the buffer is not news. */
static bool connection_cut(struct connection *connection, size_t at, size_t count)
{
    connection->is_cutting = true;
    bool done = buffer_cut(bufferevent_get_input(connection->bev), at, count);
    connection->is_cutting = false;
    return done;
}

/* Feed the guard with one piece of the buffer; `*offset` moves behind it. Returns false when there
 * was none. */
static bool connection_feed(struct connection *connection, size_t *offset)
{
    struct evbuffer *input = bufferevent_get_input(connection->bev);
    struct evbuffer_ptr at;
    struct evbuffer_iovec part;
    struct guard_took took;
    size_t passed = guard_pass(&connection->guard, evbuffer_get_length(input) - *offset);
    *offset += passed;
    if (passed > 0)
        return true;
    if (evbuffer_ptr_set(input, &at, *offset, EVBUFFER_PTR_SET) < 0 ||
        evbuffer_peek(input, -1, &at, &part, 1) <= 0 || part.iov_len == 0)
        return false;
    guard_feed(&connection->guard, part.iov_base, part.iov_len, &took);
    size_t hidden = took.hide_to - took.hide_from;
    if (hidden > 0 && !connection_cut(connection, *offset + took.hide_from, hidden))
        connection_refuse(connection, 503, "no memory");
    *offset += took.used - hidden;
    return true;
}

static void connection_account(struct connection *connection)
{
    size_t received = guard_received(&connection->guard);
    if (connection->phase != PHASE_BODY)
        return;
    connection_hold(connection, received + connection->unseen_bytes);
    if (received > 0 && connection->all->held_bytes > connection->all->limits.held_bytes)
        connection_refuse(connection, 503, "the server holds too many request bodies");
}

void connection_see(struct connection *connection, size_t offset)
{
    const struct guard *guard = &connection->guard;
    while (connection->phase != PHASE_CLOSING && guard_stage(guard) < GUARD_DONE &&
           connection_feed(connection, &offset)) {
        if (connection->phase == PHASE_HEADER && guard_stage(guard) != GUARD_HEAD &&
            guard_stage(guard) != GUARD_REFUSED)
            connection_enter(connection, PHASE_BODY);
    }
    if (connection->phase == PHASE_CLOSING)
        return;
    if (guard_stage(guard) == GUARD_REFUSED) {
        connection_refuse(connection, guard->status, guard->reason);
        return;
    }
    if (guard_stage(guard) == GUARD_DONE)
        connection->unseen_bytes =
            evbuffer_get_length(bufferevent_get_input(connection->bev)) - offset;
    connection_account(connection);
}

/* Bytes that come while a reply is sent wait their turn. A client that sends on and on, and does
 * not read, must not fill the memory with them. */
static void connection_look_at_waiting(struct connection *connection, size_t length)
{
    const struct connections *all = connection->all;
    connection_hold(connection, length);
    if (all->held_bytes > all->limits.held_bytes && length > all->limits.header_bytes)
        connection->deadline_ms = 0;
}

/* Bytes that may belong to the request in progress. evhttp may be about to take one that is whole
 * already. */
static void connection_take(struct connection *connection, const struct evbuffer_cb_info *info)
{
    if (guard_stage(&connection->guard) != GUARD_DONE) {
        connection_see(connection, info->orig_size - info->n_deleted);
        return;
    }
    connection->unseen_bytes += info->n_added;
    connection_account(connection);
}

void connection_on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
    struct connection *connection = arg;
    size_t length = info->orig_size + info->n_added - info->n_deleted;
    if (connection->is_cutting || info->n_added == 0)
        return;
    switch (connection->phase) {
    case PHASE_IDLE:
        connection_enter(connection, PHASE_HEADER);
        connection_take(connection, info);
        break;
    case PHASE_HEADER:
    case PHASE_BODY:
        connection_take(connection, info);
        break;
    case PHASE_CLOSING:
        evbuffer_drain(input, length);
        break;
    case PHASE_IN_FLIGHT:
    case PHASE_STREAMING:
    case PHASE_SENDING:
    case PHASE_COUNT:
        connection_look_at_waiting(connection, length);
        break;
    }
}
