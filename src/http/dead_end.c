/*
 * Dead ends. Loop thread.
 *
 * Half of a pair of bufferevents, without the other half: it has no socket, so that whatever evhttp
 * does with it, no byte comes or goes. evhttp closes the socket itself, when it is told that the
 * connection has ended.
 */
#include "dead_end.h"

#include <event2/bufferevent.h>
#include <event2/event.h>

bool dead_end_prepare(struct dead_end *dead_end)
{
    struct bufferevent *pair[2];
    if (dead_end->ready)
        return true;
    if (dead_end->given || bufferevent_pair_new(loop_event_base(dead_end->loop), 0, pair) < 0)
        return false;
    bufferevent_free(pair[1]);
    dead_end->ready = pair[0];
    return true;
}

static void on_turn_end(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct dead_end *dead_end = arg;
    struct bufferevent *bev = dead_end->given;
    dead_end->given = NULL;
    bufferevent_trigger_event(bev, BEV_EVENT_READING | BEV_EVENT_EOF, 0);
    bufferevent_decref(bev);
}

bool dead_end_init(struct dead_end *dead_end, ferry_loop *loop)
{
    *dead_end = (struct dead_end){.loop = loop};
    dead_end->turn_end = event_new(loop_event_base(loop), -1, 0, on_turn_end, dead_end);
    return dead_end->turn_end && dead_end_prepare(dead_end);
}

void dead_end_fini(struct dead_end *dead_end)
{
    if (dead_end->turn_end)
        event_free(dead_end->turn_end);
    if (dead_end->given)
        bufferevent_decref(dead_end->given);
    if (dead_end->ready)
        bufferevent_free(dead_end->ready);
}

struct bufferevent *dead_end_give(struct dead_end *dead_end)
{
    struct bufferevent *bev = dead_end->ready;
    dead_end->ready = NULL;
    dead_end->given = bev;
    bufferevent_incref(bev);
    event_active(dead_end->turn_end, EV_TIMEOUT, 0);
    return bev;
}
