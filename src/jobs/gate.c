/*
 * A route's gate. Loop thread; pure but for the struct it is given.
 *
 * The rate is kept even: `next_us` moves on by one interval with each attempt, and never falls
 * behind the clock. A fast rate may start what is due within BURST_MS at once, so that a claim can
 * take several jobs; a slow one starts a single attempt each interval.
 */
#include "gate.h"

enum { BURST_MS = 100 };

/* ---- the rate ---- */

static int64_t interval_us(const struct queue_route *route)
{
    int64_t us = route->rate_per_ms * 1000 / route->rate_count;
    return us > 0 ? us : 1;
}

/* How far ahead of the even rate an attempt may start. */
static int64_t lead_us(const struct queue_route *route)
{
    int64_t burst = BURST_MS * INT64_C(1000) / interval_us(route);
    return burst > 1 ? (burst - 1) * interval_us(route) : 0;
}

/* How long the rate lets nothing start; 0: something may. */
static int64_t rate_rest_us(const struct gate *gate, int64_t now_ms)
{
    int64_t rest_us = gate->next_us - lead_us(gate->route) - now_ms * 1000;
    return rest_us > 0 ? rest_us : 0;
}

static unsigned rate_room(const struct gate *gate, int64_t now_ms)
{
    int64_t now_us = now_ms * 1000;
    if (rate_rest_us(gate, now_ms) > 0)
        return 0;
    int64_t from_us = gate->next_us > now_us ? gate->next_us : now_us;
    int64_t room = (now_us + lead_us(gate->route) - from_us) / interval_us(gate->route) + 1;
    return room < UINT32_MAX ? (unsigned)room : UINT32_MAX;
}

/* ---- all of it ---- */

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned gate_room(const struct gate *gate, int64_t now_ms)
{
    const struct queue_route *route = gate->route;
    if (gate->is_paused || gate->is_probing || gate->shut_until_ms > now_ms)
        return 0;
    unsigned room = gate->shut_until_ms ? 1 : UINT32_MAX;
    if (route->concurrency)
        room = gate->running < route->concurrency ? least(room, route->concurrency - gate->running)
                                                  : 0;
    if (route->rate_count)
        room = least(room, rate_room(gate, now_ms));
    return room;
}

int64_t gate_rest_ms(const struct gate *gate, int64_t now_ms)
{
    const struct queue_route *route = gate->route;
    if (gate->is_paused || gate->is_probing ||
        (route->concurrency && gate->running >= route->concurrency))
        return INT64_MAX;
    int64_t shut_ms = gate->shut_until_ms > now_ms ? gate->shut_until_ms - now_ms : 0;
    int64_t rate_ms = route->rate_count ? (rate_rest_us(gate, now_ms) + 999) / 1000 : 0;
    return shut_ms > rate_ms ? shut_ms : rate_ms;
}

void gate_take(struct gate *gate, unsigned count, int64_t now_ms)
{
    gate->running += count;
    gate->is_probing = gate->shut_until_ms != 0;
    if (!gate->route->rate_count)
        return;
    if (gate->next_us < now_ms * 1000)
        gate->next_us = now_ms * 1000;
    gate->next_us += count * interval_us(gate->route);
}

void gate_give_back(struct gate *gate, unsigned count)
{
    gate->running -= count;
    if (count > 0)
        gate->is_probing = false;
    if (gate->route->rate_count)
        gate->next_us -= count * interval_us(gate->route);
}

/* While the gate is shut, what started before says nothing new; after that the attempt that tries
 * decides. */
bool gate_end(struct gate *gate, enum gate_end end, int64_t now_ms)
{
    const struct queue_route *route = gate->route;
    gate->running--;
    if (gate->shut_until_ms > now_ms)
        return false;
    bool was_probing = gate->is_probing;
    gate->is_probing = false;
    if (end == GATE_ANSWERED) {
        gate->failures = 0;
        gate->shut_until_ms = 0;
    }
    if (end != GATE_FAILED)
        return false;
    gate->failures++;
    if (!was_probing && (!route->breaker_failures || gate->failures < route->breaker_failures))
        return false;
    gate_shut(gate, was_probing ? gate->shut_ms : route->breaker_pause_ms, now_ms);
    return true;
}

void gate_shut(struct gate *gate, int64_t ms, int64_t now_ms)
{
    if (now_ms + ms > gate->shut_until_ms)
        gate->shut_until_ms = now_ms + ms;
    gate->shut_ms = ms;
    gate->is_probing = false;
}

void gate_pause(struct gate *gate, bool is_paused)
{
    gate->is_paused = is_paused;
    if (is_paused)
        return;
    gate->failures = 0;
    gate->shut_until_ms = 0;
    gate->is_probing = false;
}

enum queue_gate gate_state(const struct gate *gate, int64_t now_ms)
{
    if (gate->is_paused)
        return QUEUE_PAUSED;
    if (gate->shut_until_ms > now_ms)
        return QUEUE_BROKEN;
    return gate->shut_until_ms ? QUEUE_PROBING : QUEUE_OPEN;
}

const char *queue_gate_name(enum queue_gate gate)
{
    static const char *const names[] = {
        [QUEUE_OPEN] = "open",
        [QUEUE_PAUSED] = "paused",
        [QUEUE_BROKEN] = "broken",
        [QUEUE_PROBING] = "probing",
    };
    return names[gate];
}
