/*
 * Connections: their life.
 *
 * A connection goes through the phases; connection_enter is the one place where they change. What
 * it reads is in connection_input.c, what it sends in connection_output.c, refusals are in
 * connection_refuse.c, and the sweep enforces the deadlines (connection_sweep.c).
 *
 * A reply may be sent from within the handler of a request, and that one within a read: so whatever
 * may free a connection, or begin its next request, waits for the end of the turn (on_due).
 *
 * The event stays set for reading from one request to the next. While a request is in flight the
 * end of what the client sends is its leaving; what comes before that waits its turn.
 */
#include "connection.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "connection_parts.h"

enum {
    LINGER_MS = 2000,         /* for a refused client to read why */
    WAITING_SLACK = 64 << 10, /* beside a request's head and body */
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
    connection->is_over_unsent = false;
    if (phase == PHASE_IN_FLIGHT) { /* whoever handles the request has deadlines of his own */
        connection->deadline_ms = INT64_MAX;
        return;
    }
    connection->moved_ms = clock_coarse_ms();
    connection->deadline_ms = connection->moved_ms + phase_ms(&all->limits, phase);
    if (phase == PHASE_HEADER)
        connection->request_deadline_ms = connection->moved_ms + all->limits.request_ms;
}

void connection_hold(struct connection *connection, size_t bytes)
{
    connection->all->held_bytes += bytes - connection->held_bytes;
    connection->held_bytes = bytes;
}

/* ---- the end of the turn ---- */

static void connection_make_undue(struct connection *connection)
{
    if (!connection->is_due)
        return;
    connection->is_due = false;
    TAILQ_REMOVE(&connection->all->due, connection, due_link);
    connection->all->due_count--;
}

static void connection_due(struct connection *connection)
{
    connection_make_undue(connection);
    if (connection->is_over) {
        connection_free(connection);
    } else if (connection->status) {
        connection_answer(connection);
    } else if (connection->is_drained) {
        connection->is_drained = false;
        connection->all->hooks.drained(connection->request);
    } else {
        connection_resume(connection);
    }
}

static void connections_plan_due(struct connections *all)
{
    static const struct timeval now = {0};
    if (event_add(all->due_event, &now) < 0)
        event_active(all->due_event, EV_TIMEOUT, 0);
}

/* What becomes due meanwhile has its turn in the next one: a client that sends many requests at
 * once does not keep the others waiting. */
static void on_due(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct connections *all = arg;
    for (unsigned left = all->due_count; left > 0 && all->due_count > 0; left--)
        connection_due(TAILQ_FIRST(&all->due));
    if (all->due_count > 0)
        connections_plan_due(all);
}

void connection_make_due(struct connection *connection)
{
    struct connections *all = connection->all;
    if (connection->is_due)
        return;
    connection->is_due = true;
    if (all->due_count++ == 0)
        connections_plan_due(all);
    TAILQ_INSERT_TAIL(&all->due, connection, due_link);
}

void connection_end(struct connection *connection)
{
    connection->is_over = true;
    if (connection->phase != PHASE_CLOSING)
        connection_enter(connection, PHASE_CLOSING);
    connection_make_due(connection);
    connection_await(connection);
}

/* ---- the socket ---- */

/* Whether what the client sends is read. */
static bool is_reading(const struct connection *connection)
{
    const struct connection_limits *limits = &connection->all->limits;
    if (connection->has_ended || connection->is_over)
        return false;
    if (connection->status)
        return connection->is_answered;
    return connection->waiting.length <= limits->header_bytes + limits->body_bytes + WAITING_SLACK;
}

/* TLS may need to write to read on, and the other way round. */
static short needs_of(const struct connection *connection)
{
    short needs = 0;
    if (is_reading(connection))
        needs |= connection->channel.read_needs;
    if (connection->output && !connection->is_over)
        needs |= connection->channel.write_needs;
    return needs;
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    struct connection *connection = arg;
    const struct channel *channel = &connection->channel;
    if (connection->output && what & channel->write_needs)
        connection_flush(connection);
    if (is_reading(connection) && what & channel->read_needs)
        connection_receive(connection);
}

void connection_await(struct connection *connection)
{
    struct event *event = &connection->event;
    short needs = needs_of(connection);
    if (needs == connection->awaited)
        return;
    if (connection->awaited)
        event_del(event);
    connection->awaited = 0;
    if (!needs)
        return;
    event_assign(event, loop_event_base(connection->all->loop), connection->channel.fd,
                 (short)(needs | EV_PERSIST), on_ready, connection);
    if (event_add(event, NULL) == 0)
        connection->awaited = needs;
    else if (!connection->is_over)
        connection_end(connection);
}

/* ---- the end ---- */

static void connection_unlink(struct connection *connection)
{
    struct connections *all = connection->all;
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
    connection->all->unsent_bytes -= connection->unsent_bytes;
    connection_make_undue(connection);
    connection_part(connection);
    connection_unlink(connection);
    if (connection->awaited)
        event_del(&connection->event);
    channel_say_end(&connection->channel);
    channel_close(&connection->channel);
    connection_forget_input(connection);
    if (connection->output)
        evbuffer_free(connection->output);
    free(connection->client_cert);
    free(connection);
    if (request)
        lost(request);
}

/* ---- the beginning ---- */

static void connection_link(struct connection *connection)
{
    struct connections *all = connection->all;
    connection->next = all->first;
    if (all->first)
        all->first->previous = connection;
    all->first = connection;
    all->in_phase[connection->phase]++;
    if (++all->count != all->limits.connections)
        return;
    all->counts.over_connections++;
    complain(&all->complaints[COMPLAINT_CONNECTIONS],
             "the limit of connections is reached, more wait", "-");
    if (all->hooks.room)
        all->hooks.room(all->hooks.arg, false);
}

/* NULL without memory. */
static struct connection *connection_new(struct connections *all, int fd, ferry_tls *tls)
{
    static const char protocol[] = "http/1.1";
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    if (!channel_open(&connection->channel, fd, tls, protocol)) {
        free(connection);
        return NULL;
    }
    connection->all = all;
    connection_expect(connection);
    connection->phase = PHASE_HEADER;
    connection->moved_ms = clock_coarse_ms();
    connection->deadline_ms = connection->moved_ms + all->limits.header_ms;
    connection->request_deadline_ms = connection->moved_ms + all->limits.request_ms;
    return connection;
}

void connection_open(struct connections *all, int fd, const struct sockaddr *peer, ferry_tls *tls)
{
    struct connection *connection =
        connections_sweep_later(all) ? connection_new(all, fd, tls) : NULL;
    all->counts.accepted++;
    if (!connection) {
        complain(&all->complaints[COMPLAINT_MEMORY], "a connection is closed: no memory", "-");
        close(fd);
        return;
    }
    connection_link(connection);
    connection_greet(connection, peer);
    connection_await(connection);
}

const char *connection_client_cert(struct connection *connection)
{
    if (connection->channel.ssl && !connection->is_cert_known) {
        connection->client_cert = channel_peer_subject(&connection->channel);
        connection->is_cert_known = true;
    }
    return connection->client_cert;
}

/* ---- all of them ---- */

bool connections_init(struct connections *all, ferry_loop *loop,
                      const struct connection_limits *limits, const struct connection_hooks *hooks)
{
    *all = (struct connections){.loop = loop, .limits = *limits, .hooks = *hooks};
    TAILQ_INIT(&all->due);
    all->due_event = event_new(loop_event_base(loop), -1, 0, on_due, all);
    all->arrived = malloc(READ_BYTES);
    return all->due_event && all->arrived;
}

void connections_fini(struct connections *all)
{
    all->hooks.room = NULL;
    while (all->first)
        connection_free(all->first);
    ferry_loop_cancel(all->loop, all->sweep_timer);
    if (all->due_event)
        event_free(all->due_event);
    free(all->arrived);
}
