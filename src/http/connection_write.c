/*
 * Sending a whole reply.
 *
 * evhttp would put it into libevent's output buffer, for libevent to write when epoll says that the
 * socket takes something: a turn later, and after changes of what epoll watches. But it takes
 * something nearly always. So head and body are sent here, at once and without a copy; what the
 * socket does not take goes into the buffer, with evhttp's callbacks set as evhttp sets them.
 *
 * evhttp_send_reply_end tells evhttp that no more comes. With an empty buffer it ends the request,
 * and perhaps the connection, on the spot, while evhttp may be in the middle of handing the request
 * over: so that waits until the turn ends.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "connection_parts.h"

/* Returns how much was sent, or -1 when the connection is broken. */
static ssize_t send_now(struct connection *connection, const struct reply_text *reply)
{
    struct iovec parts[] = {
        {.iov_base = (void *)reply->head, .iov_len = reply->head_length},
        {.iov_base = (void *)reply->body, .iov_len = reply->body_length},
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = reply->body_length > 0 ? 2 : 1};
    bool has_more = connection_unsent_bytes(connection) > 0; /* 100 Continue */
    if (reply->head_length == 0)
        return -1;
    if (connection->is_tls || has_more)
        return 0;
    ssize_t sent = sendmsg(connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM ? 0 : -1;
    connection->sent_bytes += (uint64_t)sent;
    return sent;
}

static void free_body(const void *data, size_t length, void *owned)
{
    (void)data, (void)length;
    free(owned);
}

/* Leave to libevent what was not sent. Returns whether there was memory; takes `owned` over. */
static bool leave_rest(struct evbuffer *output, const struct reply_text *reply, size_t sent)
{
    size_t of_head = sent < reply->head_length ? sent : reply->head_length;
    size_t of_body = sent - of_head, rest = reply->body_length - of_body;
    const char *body = (const char *)reply->body + of_body;
    bool done = evbuffer_add(output, reply->head + of_head, reply->head_length - of_head) == 0;
    if (done && reply->owned && rest > 0 &&
        evbuffer_add_reference(output, body, rest, free_body, reply->owned) == 0)
        return true;
    done = done && (rest == 0 || (!reply->owned && evbuffer_add(output, body, rest) == 0));
    free(reply->owned);
    return done;
}

/* As evhttp does it: reading goes on so that the end of the connection is seen. */
static void write_later(struct bufferevent *bev)
{
    bufferevent_data_cb on_write;
    bufferevent_event_cb on_event;
    void *evhttp;
    bufferevent_getcb(bev, NULL, &on_write, &on_event, &evhttp);
    bufferevent_setcb(bev, NULL, on_write, on_event, evhttp);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
}

void connection_write(struct connection *connection, struct evhttp_request *ev,
                      const struct reply_text *reply)
{
    struct bufferevent *bev = connection->bev;
    ssize_t sent = send_now(connection, reply);
    size_t length = reply->head_length + reply->body_length;
    ev->userdone = 1; /* so that evhttp frees it, should the connection end now */
    ev->chunked = 0;  /* that was its body; evhttp would end the reply's in chunks */
    if (sent >= 0 && (size_t)sent < length &&
        leave_rest(bufferevent_get_output(bev), reply, (size_t)sent)) {
        evhttp_send_reply_end(ev);
        write_later(bev);
        return;
    }
    if (sent < 0 || (size_t)sent == length)
        free(reply->owned);
    connection->is_broken = sent < 0 || (size_t)sent < length;
    connection->written = ev;
    connection_make_due(connection);
}

void connection_written(struct connection *connection)
{
    struct evhttp_request *ev = connection->written;
    connection->written = NULL;
    if (connection->is_broken)
        bufferevent_trigger_event(connection->bev, BEV_EVENT_WRITING | BEV_EVENT_ERROR, 0);
    else
        evhttp_send_reply_end(ev);
}
