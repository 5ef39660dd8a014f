/*
 * Clients that leave while their request is in flight.
 *
 * evhttp stops reading when it hands a request over, and would end the process if more came. So its
 * callbacks are put aside, and reading goes on with one of ours: the end of what the client sends,
 * or a reset, is its leaving; libevent then stops reading. What comes before waits in the input
 * buffer for its turn, and counts as held (connection_input.c).
 *
 * To stop and to go on within a turn costs no system call: the loop's change list folds it.
 */
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "connection_parts.h"

static void on_left(struct bufferevent *bev, short what, void *arg)
{
    (void)bev, (void)what;
    struct connection *connection = arg;
    connection->all->hooks.gone(connection->request);
}

void connection_watch(struct connection *connection)
{
    struct bufferevent *bev = connection->bev;
    if (connection->is_watched)
        return;
    connection->is_watched = true;
    bufferevent_getcb(bev, NULL, &connection->evhttp_on_write, &connection->evhttp_on_event,
                      &connection->evhttp);
    bufferevent_setcb(bev, NULL, NULL, on_left, connection);
    bufferevent_enable(bev, EV_READ);
}

void connection_unwatch(struct connection *connection)
{
    if (connection->is_watched)
        bufferevent_setcb(connection->bev, NULL, connection->evhttp_on_write,
                          connection->evhttp_on_event, connection->evhttp);
    connection->is_watched = false;
}
