/*
 * Refusals: answers to requests that evhttp must not see.
 *
 * They are made when the turn ends, as evhttp may be in the middle of beginning the next request.
 * From then on evhttp is told of nothing but the end of the connection. Nothing is read until the
 * answer is sent; then what the client still sends is thrown away for a while, so that the answer
 * is not lost in a reset.
 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/util.h>
#include <sys/socket.h>

#include "connection_parts.h"
#include "status.h"
#include "tls_socket.h"

static void answer_format(struct bytes *out, int status, const char *detail)
{
    char date[50];
    struct bytes body = {0};
    problem_append(&body, status, ferry_code_from_status(status), detail);
    bytes_printf(out, "HTTP/1.1 %d %s\r\n", status, status_reason(status));
    if (evutil_date_rfc1123(date, sizeof date, NULL) > 0)
        bytes_printf(out, "Date: %s\r\n", date);
    bytes_printf(out,
                 "%sContent-Type: " PROBLEM_CONTENT_TYPE
                 "\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                 status == 503 ? "Retry-After: 1\r\n" : "", body.length, bytes_text(&body));
    bytes_fini(&body);
}

static void refusal_count(struct connection *connection, int status, const char *reason)
{
    struct connection_counts *counts = &connection->all->counts;
    char peer[PEER_TEXT_SIZE];
    connection_peer(connection, peer);
    ferry_log(FERRY_LOG_DEBUG, "request refused", "status=%d reason=%s peer=%s", status, reason,
              peer);
    if (status == 413 || status == 414 || status == 431) {
        counts->too_large++;
    } else if (status != 503) {
        counts->malformed++;
    } else if (connection->phase == PHASE_BODY) {
        counts->over_held++;
        complain(&connection->all->complaints[COMPLAINT_HELD], reason, peer);
    }
}

void connection_refuse(struct connection *connection, int status, const char *reason)
{
    struct evbuffer *input = bufferevent_get_input(connection->bev);
    refusal_count(connection, status, reason);
    connection->status = status;
    connection->reason = reason;
    connection_hold(connection, 0);
    connection_enter(connection, PHASE_CLOSING);
    evbuffer_drain(input, evbuffer_get_length(input));
    connection_make_due(connection);
}

void connection_answer(struct connection *connection)
{
    struct bufferevent *bev = connection->bev;
    bufferevent_event_cb on_event;
    void *evhttps;
    struct bytes answer = {0};
    bufferevent_getcb(bev, NULL, NULL, &on_event, &evhttps);
    bufferevent_setcb(bev, NULL, NULL, on_event, evhttps);
    bufferevent_disable(bev, EV_READ);
    answer_format(&answer, connection->status, connection->reason);
    evbuffer_add(bufferevent_get_output(bev), bytes_text(&answer), answer.length);
    bytes_fini(&answer);
    bufferevent_enable(bev, EV_WRITE);
}

void connection_answered(struct connection *connection)
{
    if (connection->is_tls)
        tls_socket_say_end(connection->bev);
    shutdown(bufferevent_getfd(connection->bev), SHUT_WR);
    bufferevent_enable(connection->bev, EV_READ);
}
