/*
 * What a connection reads.
 *
 * All connections read into one place, as only one of them reads at a time. The guard goes over
 * what has come; a head that came in one piece is taken apart where it is, and of one that did not
 * the beginning is kept. The body is kept without its framing.
 *
 * Of a request that is whole the rest belongs to the next one: nobody looks at it until the reply
 * is sent, so that a refusal is always about the request whose turn it is, and those ahead of it
 * are answered.
 */
#include <string.h>

#include "connection_parts.h"

/* A head that takes no more is let pass when all requests together are too much: a probe is
 * still answered. */
enum { SMALL_HEAD_BYTES = 2048 };

/* ---- a request's beginning and end ---- */

void connection_expect(struct connection *connection)
{
    const struct connection_limits *limits = &connection->all->limits;
    guard_init(&connection->guard, limits->header_bytes, limits->body_bytes);
}

void connection_forget_input(struct connection *connection)
{
    bytes_fini(&connection->partial);
    bytes_fini(&connection->body);
    head_free(connection->head);
    connection->head = NULL;
    connection_forget_waiting(connection);
}

void connection_forget_waiting(struct connection *connection)
{
    bytes_fini(&connection->waiting);
    connection->waiting_from = 0;
    connection_hold(connection, 0);
}

static size_t waiting_bytes(const struct connection *connection)
{
    return connection->waiting.length - connection->waiting_from;
}

/* Keep what comes too early. Returns whether there was memory. */
static bool connection_keep(struct connection *connection, const char *data, size_t length)
{
    bytes_append(&connection->waiting, data, length);
    if (!connection->waiting.failed)
        return true;
    connection_end(connection);
    return false;
}

/* Some of what waited has had its turn. The rest moves when it is the smaller part: else a client
 * that sends many requests at once would have all of them copied once for each. */
static void connection_shift(struct connection *connection, size_t used)
{
    struct bytes *waiting = &connection->waiting;
    connection->waiting_from += used;
    size_t left = waiting_bytes(connection);
    if (left == 0) {
        bytes_fini(waiting);
        connection->waiting_from = 0;
    } else if (left <= connection->waiting_from) {
        memmove(waiting->data, waiting->data + connection->waiting_from, left);
        waiting->length = left;
        connection->waiting_from = 0;
    }
}

/* Whether a request has come whole, and not been refused. */
static bool connection_is_whole(const struct connection *connection)
{
    return connection->phase != PHASE_CLOSING && guard_stage(&connection->guard) == GUARD_DONE;
}

static void connection_hand_over(struct connection *connection)
{
    const struct connection_hooks *hooks = &connection->all->hooks;
    struct head *head = connection->head;
    connection->head = NULL;
    connection_hold(connection, waiting_bytes(connection));
    hooks->request(hooks->arg, connection, head, &connection->body);
}

void connection_begin(struct connection *connection, void *request)
{
    connection->request = request;
    connection->request_count++;
    connection_enter(connection, PHASE_IN_FLIGHT);
}

bool connection_is_used_up(const struct connection *connection)
{
    return connection->request_count >= connection->all->limits.requests;
}

/* ---- what is held ---- */

/* Count the memory of the request in progress. */
static void connection_account(struct connection *connection, size_t head_bytes, size_t body_bytes)
{
    const struct connections *all = connection->all;
    connection_hold(connection, head_bytes + body_bytes);
    if (all->held_bytes > all->limits.held_bytes &&
        (body_bytes > 0 || head_bytes > SMALL_HEAD_BYTES))
        connection_refuse_held(connection);
}

/* ---- head ---- */

static void connection_finish_head(struct connection *connection, const char *text, size_t length)
{
    connection->head = head_new(&connection->guard, text, length);
    bytes_fini(&connection->partial);
    if (!connection->head)
        connection_refuse_memory(connection);
    else
        connection_account(connection, connection->head->memory_bytes, 0);
    if (connection->phase == PHASE_HEADER && guard_stage(&connection->guard) == GUARD_BODY)
        connection_enter(connection, PHASE_BODY);
}

/* Take what belongs to the head; returns how much that was. */
static size_t connection_take_head(struct connection *connection, const char *data, size_t length)
{
    struct guard *guard = &connection->guard;
    struct bytes *partial = &connection->partial;
    size_t used = guard_feed(guard, data, length);
    if (guard_stage(guard) == GUARD_REFUSED) {
        connection_refuse(connection, guard->status, guard->reason);
        return used;
    }
    bool is_whole = guard_stage(guard) != GUARD_HEAD;
    if (is_whole && partial->length == 0) {
        connection_finish_head(connection, data, used);
        return used;
    }
    bytes_append(partial, data, used);
    if (partial->failed)
        connection_refuse_memory(connection);
    else if (is_whole)
        connection_finish_head(connection, partial->data, partial->length);
    else
        connection_account(connection, partial->capacity, 0);
    return used;
}

/* ---- body ---- */

static size_t connection_take_body(struct connection *connection, const char *data, size_t length)
{
    struct guard *guard = &connection->guard;
    size_t used = 0;
    while (used < length && guard_stage(guard) == GUARD_BODY) {
        size_t passed = guard_pass(guard, length - used);
        bytes_append(&connection->body, data + used, passed);
        used += passed;
        if (passed == 0)
            used += guard_feed(guard, data + used, length - used);
    }
    if (guard_stage(guard) == GUARD_REFUSED)
        connection_refuse(connection, guard->status, guard->reason);
    else if (connection->body.failed)
        connection_refuse_memory(connection);
    else
        connection_account(connection, connection->head->memory_bytes, guard_received(guard));
    return used;
}

static void connection_continue(struct connection *connection)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (guard_expects_continue(&connection->guard) &&
        !connection_put(connection, text, sizeof text - 1))
        connection_end(connection);
}

/* ---- bytes, when they come ---- */

/* Take bytes of the request in progress; returns how many are its. */
static size_t connection_take(struct connection *connection, const char *data, size_t length)
{
    const struct guard *guard = &connection->guard;
    size_t used = 0;
    if (guard_stage(guard) == GUARD_HEAD) {
        used = connection_take_head(connection, data, length);
        if (connection->phase == PHASE_BODY && used == length)
            connection_continue(connection);
    }
    if (connection->phase == PHASE_BODY)
        used += connection_take_body(connection, data + used, length - used);
    return used;
}

/* Bytes whose turn it is. What follows the request waits. */
static void connection_take_now(struct connection *connection, const char *data, size_t length)
{
    size_t used = connection_take(connection, data, length);
    if (connection_is_whole(connection) && connection_keep(connection, data + used, length - used))
        connection_hand_over(connection);
}

/* A client that sends on and on, and does not read, must not fill the memory: the next sweep closes
 * it, unless what waits has its turn before. */
static void connection_hold_waiting(struct connection *connection)
{
    struct connections *all = connection->all;
    char peer[PEER_TEXT_SIZE];
    connection_hold(connection, waiting_bytes(connection));
    if (connection->deadline_ms == 0 || all->held_bytes <= all->limits.held_bytes ||
        waiting_bytes(connection) <= all->limits.header_bytes)
        return;
    connection->deadline_ms = 0;
    all->counts.over_held++;
    complain(&all->complaints[COMPLAINT_HELD], "the server holds too many requests that wait",
             connection_peer(connection, peer));
}

/* Bytes that come before their turn. */
static void connection_wait(struct connection *connection, const char *data, size_t length)
{
    if (connection_keep(connection, data, length))
        connection_hold_waiting(connection);
}

static void connection_arrive(struct connection *connection, const char *data, size_t length)
{
    switch (connection->phase) {
    case PHASE_IDLE:
        connection_enter(connection, PHASE_HEADER);
        connection_take_now(connection, data, length);
        break;
    case PHASE_HEADER:
    case PHASE_BODY:
        if (connection->waiting.length == 0)
            connection_take_now(connection, data, length);
        else
            connection_wait(connection, data, length);
        break;
    case PHASE_IN_FLIGHT:
    case PHASE_STREAMING:
    case PHASE_SENDING:
        connection_wait(connection, data, length);
        break;
    case PHASE_CLOSING:
    case PHASE_COUNT:
        break;
    }
}

/* A stream that has not ended ends here: it could go on for ever, and one that is cut short must
 * not look whole. */
static void connection_tell_gone(struct connection *connection)
{
    if (connection->has_ended && connection->phase == PHASE_IN_FLIGHT)
        connection->all->hooks.gone(connection->request);
    else if (connection->has_ended && connection->phase == PHASE_STREAMING)
        connection_end(connection);
}

/* Nothing more comes, or the connection is broken. Who has only closed his half may still read the
 * whole replies to what he has sent before. */
static void connection_arrive_end(struct connection *connection, bool is_broken)
{
    if (is_broken)
        connection_forget_waiting(connection);
    bool may_read = connection->phase == PHASE_SENDING || connection->waiting.length > 0;
    bool is_asked = connection->phase == PHASE_IN_FLIGHT || (may_read && !is_broken);
    if (!is_asked || connection->phase == PHASE_STREAMING) {
        connection_free(connection);
        return;
    }
    connection->has_ended = true;
    connection_tell_gone(connection);
    connection_await(connection);
}

void connection_receive(struct connection *connection)
{
    char *data = connection->all->arrived;
    ssize_t n = channel_read(&connection->channel, data, READ_BYTES);
    if (n > 0)
        connection_arrive(connection, data, (size_t)n);
    if (n == 0 || n == CHANNEL_BROKEN)
        connection_arrive_end(connection, n == CHANNEL_BROKEN);
    else
        connection_await(connection);
}

void connection_resume(struct connection *connection)
{
    const struct bytes *waiting = &connection->waiting;
    if (connection->phase != PHASE_HEADER || waiting->length == 0)
        return;
    connection_shift(connection,
                     connection_take(connection, waiting->data + connection->waiting_from,
                                     waiting_bytes(connection)));
    if (connection_is_whole(connection))
        connection_hand_over(connection);
    bool is_receiving = connection->phase == PHASE_HEADER || connection->phase == PHASE_BODY;
    if (connection->has_ended && is_receiving && waiting->length == 0)
        connection_end(connection);
    connection_tell_gone(connection);
    connection_await(connection);
}
