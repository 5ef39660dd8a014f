/*
 * Clients that leave while their request is in flight.
 *
 * evhttp does not read meanwhile, and libevent's EV_CLOSED would not do: it is not told of a reset,
 * which epoll reports all the same, again and again, as it is level-triggered. So there is an epoll
 * of our own, one shot a watch, and the loop waits for that. A connection stays in it, disarmed,
 * for its next request.
 */
#include <event2/event.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "connection_parts.h"

enum { BUDGET = 64 }; /* clients that have left, a turn */

void connection_watch(struct connection *connection)
{
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = connection};
    int operation = connection->is_in_watch ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (connection->is_watched ||
        epoll_ctl(connection->all->watch_fd, operation, connection->fd, &event) < 0)
        return;
    connection->is_watched = true;
    connection->is_in_watch = true;
}

void connection_unwatch(struct connection *connection)
{
    connection->is_watched = false;
}

void connection_leave_watch(struct connection *connection)
{
    connection->is_watched = false;
    if (connection->is_in_watch)
        epoll_ctl(connection->all->watch_fd, EPOLL_CTL_DEL, connection->fd, NULL);
    connection->is_in_watch = false;
}

/* One at a time: to be told can end other connections. */
static void on_left(evutil_socket_t fd, short what, void *arg)
{
    (void)what, (void)arg;
    struct epoll_event event;
    for (int i = 0; i < BUDGET && epoll_wait(fd, &event, 1, 0) == 1; i++) {
        struct connection *connection = event.data.ptr;
        if (!connection->is_watched)
            continue;
        connection->is_watched = false;
        connection->all->hooks.gone(connection->request);
    }
}

bool connections_watch_init(struct connections *all)
{
    all->watch_fd = epoll_create1(EPOLL_CLOEXEC);
    if (all->watch_fd < 0)
        return false;
    all->watch_event =
        event_new(loop_event_base(all->loop), all->watch_fd, EV_READ | EV_PERSIST, on_left, NULL);
    return all->watch_event && event_add(all->watch_event, NULL) == 0;
}

void connections_watch_fini(struct connections *all)
{
    if (all->watch_event)
        event_free(all->watch_event);
    if (all->watch_fd >= 0)
        close(all->watch_fd);
}
