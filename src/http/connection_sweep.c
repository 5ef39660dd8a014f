/*
 * The sweep: deadlines.
 *
 * A reply makes progress when its client has taken some of it: what has left the buffer, without
 * what the kernel still has. The kernel's own buffer empties in large steps, and would hide a
 * client that reads slowly but steadily. Of a unix socket the kernel counts more than there is.
 *
 * It goes on as long as there are connections, and nothing keeps it from that: a connection for
 * which it cannot begin is not taken.
 *
 * One that comes late looks at nothing: the loop was held up, or the process stopped, and what came
 * in time meanwhile may not be read yet, as libevent tells of some sockets only before the timers
 * have their turn. The next one does, however late it is.
 *
 * At the limit of connections others wait outside. Whoever asks for nothing, or is slow to say for
 * what, then has a second only, and some of those make room in each sweep.
 */
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "clock.h"
#include "connection_parts.h"

enum {
    PROGRESS_BYTES = 4096, /* less within a deadline is none */
    STALLED_MS = 1000,     /* the deadline when replies together are too much */
    ROOM_MS = 1000,        /* the deadline of who asks for nothing, at the limit of connections */
    ROOM_PART = 8,         /* of all, each sweep */
    LATE_MS = 1000,
};

/* ---- sending ---- */

/* What a reply takes of the memory: one that is whole is freed as a whole, when all of it is sent.
 */
static void connection_count_unsent(struct connection *connection, size_t unsent)
{
    struct connections *all = connection->all;
    if (connection->phase == PHASE_SENDING && unsent < connection->unsent_bytes)
        return;
    all->unsent_bytes += unsent - connection->unsent_bytes;
    connection->unsent_bytes = unsent;
}

/* How long a client may take nothing. Where replies together are more than twice what they may be,
 * it does not help to take some: the sweep meets the newest connections first, and ends them until
 * it is enough. */
static int64_t patience_ms(const struct connections *all, bool holds_some)
{
    const struct connection_limits *limits = &all->limits;
    if (holds_some && all->unsent_bytes / 2 > limits->unsent_bytes)
        return 0;
    bool is_short = all->unsent_bytes > limits->unsent_bytes && limits->write_ms > STALLED_MS;
    return is_short ? STALLED_MS : limits->write_ms;
}

static void connection_look_at_sending(struct connection *connection, int64_t now_ms)
{
    struct connections *all = connection->all;
    int in_kernel = 0;
    if (ioctl(connection->channel.fd, SIOCOUTQ, &in_kernel) < 0)
        in_kernel = 0;
    size_t unsent = connection_unsent_bytes(connection);
    uint64_t sent = channel_written_bytes(&connection->channel);
    uint64_t taken = sent > (uint64_t)in_kernel ? sent - (uint64_t)in_kernel : 0;
    connection_count_unsent(connection, unsent);
    bool has_nothing = unsent == 0 && in_kernel == 0;
    if (connection->deadline_ms == 0)
        return;
    if (has_nothing || taken >= connection->taken_bytes + PROGRESS_BYTES) {
        connection->taken_bytes = taken;
        connection->moved_ms = now_ms;
    }
    connection->deadline_ms = connection->moved_ms + patience_ms(all, unsent > 0);
    connection->is_over_unsent = all->unsent_bytes > all->limits.unsent_bytes;
}

/* ---- deadlines ---- */

/* Tell whether the deadline of a whole request comes before that of its part. */
static bool is_request_first(const struct connection *connection)
{
    return (connection->phase == PHASE_HEADER || connection->phase == PHASE_BODY) &&
           connection->request_deadline_ms < connection->deadline_ms;
}

static int64_t deadline_of(const struct connection *connection)
{
    return is_request_first(connection) ? connection->request_deadline_ms : connection->deadline_ms;
}

static void connection_time_out(struct connection *connection)
{
    static const char *const what[PHASE_COUNT] = {
        [PHASE_HEADER] = "a request's header took too long",
        [PHASE_BODY] = "a request's body took too long",
        [PHASE_STREAMING] = "a reply was not taken in time",
        [PHASE_SENDING] = "a reply was not taken in time",
    };
    struct connections *all = connection->all;
    char peer[PEER_TEXT_SIZE];
    bool is_told = connection->phase == PHASE_CLOSING || connection->deadline_ms == 0;
    if (is_told)
        return;
    connection_peer(connection, peer);
    if (is_request_first(connection)) {
        all->counts.timed_out_request++;
        complain(&all->complaints[COMPLAINT_REQUEST], "a whole request took too long", peer);
        return;
    }
    all->counts.timed_out[connection->phase]++;
    if (connection->is_over_unsent) {
        all->counts.over_unsent++;
        complain(&all->complaints[COMPLAINT_UNSENT], "too many replies are not taken", peer);
    } else if (what[connection->phase]) {
        complain(&all->complaints[COMPLAINT_DEADLINE], what[connection->phase], peer);
    } else {
        ferry_log(FERRY_LOG_DEBUG, "an idle connection was closed", "peer=%s", peer);
    }
}

/* Count down how many are to make room, if this is one. */
static bool makes_room(const struct connection *connection, unsigned *wanted, int64_t now_ms)
{
    bool asks = connection->phase != PHASE_IDLE && connection->phase != PHASE_HEADER;
    if (*wanted == 0 || asks || now_ms - connection->moved_ms < ROOM_MS)
        return false;
    --*wanted;
    return true;
}

static void connection_make_room(struct connection *connection)
{
    struct connections *all = connection->all;
    char peer[PEER_TEXT_SIZE];
    all->counts.made_room++;
    complain(&all->complaints[COMPLAINT_ROOM],
             "at the limit of connections one that asked for nothing made room",
             connection_peer(connection, peer));
}

static void connection_sweep(struct connection *connection, unsigned *wanted, int64_t now_ms)
{
    if (connection->phase == PHASE_SENDING || connection->phase == PHASE_STREAMING)
        connection_look_at_sending(connection, now_ms);
    if (now_ms >= deadline_of(connection))
        connection_time_out(connection);
    else if (makes_room(connection, wanted, now_ms))
        connection_make_room(connection);
    else
        return;
    connection_free(connection);
}

static bool is_late(struct connections *all, int64_t now_ms)
{
    all->sweep_was_late = !all->sweep_was_late && now_ms - all->sweep_due_ms > LATE_MS;
    return all->sweep_was_late;
}

static void on_sweep(void *arg)
{
    struct connections *all = arg;
    int64_t now_ms = clock_coarse_ms();
    bool skipped = is_late(all, now_ms);
    bool is_full = all->count >= all->limits.connections && !all->draining;
    unsigned wanted = is_full ? all->limits.connections / ROOM_PART + 1 : 0;
    all->sweep_timer = 0;
    if (all->count == 0)
        return;
    connections_sweep_later(all); /* first, while the place of this timer is free for it */
    if (skipped)
        return;
    for (struct connection *at = all->first, *next; at; at = next) {
        next = at->next;
        connection_sweep(at, &wanted, now_ms);
    }
}

bool connections_sweep_later(struct connections *all)
{
    if (all->sweep_timer)
        return true;
    all->sweep_due_ms = clock_coarse_ms() + SWEEP_MS;
    all->sweep_timer = ferry_loop_call_later(all->loop, SWEEP_MS, on_sweep, all);
    return all->sweep_timer != 0;
}

/* ---- drain ---- */

/* Between requests, and nothing waits, in the socket neither. */
static bool is_idle(const struct connection *connection)
{
    int waiting = 0;
    if (connection->waiting.length > 0)
        return false;
    if (connection->phase == PHASE_HEADER ? connection->guard.length > 0
                                          : connection->phase != PHASE_IDLE)
        return false;
    return ioctl(connection->channel.fd, FIONREAD, &waiting) < 0 || waiting == 0;
}

void connections_drain(struct connections *all)
{
    all->draining = true;
    for (struct connection *at = all->first; at; at = at->next) {
        if (is_idle(at))
            connection_end(at);
    }
}
