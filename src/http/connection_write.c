/*
 * Writing a reply at once.
 *
 * evhttp leaves it to libevent to write when epoll says that the socket takes something: a turn
 * later, and after two changes of what epoll watches. But it takes something nearly always. So what
 * evhttp has put into the output buffer is sent here, and evhttp is told as libevent would tell it,
 * by its callbacks: when the turn ends, as they may free the connection. What the socket does not
 * take is left to libevent.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <sys/socket.h>

#include "connection_parts.h"

enum { PIECES = 4 }; /* a head and a body are two */

/* Returns false when the connection is broken. */
static bool send_pieces(int fd, struct evbuffer *output)
{
    struct evbuffer_iovec pieces[PIECES];
    int count = evbuffer_peek(output, -1, NULL, pieces, PIECES);
    struct msghdr message = {.msg_iov = pieces,
                             .msg_iovlen = (size_t)(count < PIECES ? count : PIECES)};
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM;
    evbuffer_unfreeze(output, 1); /* libevent freezes the start: it alone takes from there */
    evbuffer_drain(output, (size_t)sent);
    evbuffer_freeze(output, 1);
    return true;
}

void connection_write(struct connection *connection)
{
    struct evbuffer *output = bufferevent_get_output(connection->bev);
    if (connection->is_tls)
        return;
    if (send_pieces(connection->fd, output) && evbuffer_get_length(output) > 0)
        return;
    bufferevent_disable(connection->bev, EV_WRITE);
    connection->is_written = true;
    connection_make_due(connection);
}

void connection_written(struct connection *connection)
{
    struct bufferevent *bev = connection->bev;
    connection->is_written = false;
    if (evbuffer_get_length(bufferevent_get_output(bev)) > 0)
        bufferevent_trigger_event(bev, BEV_EVENT_WRITING | BEV_EVENT_ERROR, 0);
    else
        bufferevent_trigger(bev, EV_WRITE, 0);
}
