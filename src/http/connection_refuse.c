/*
 * Refusals, and other ends.
 *
 * A refusal is answered when the turn ends, as whoever asked for it may be in the middle of a read.
 * Nothing is read until the answer is sent; then what the client still sends is thrown away for a
 * while, so that the answer is not lost in a reset.
 */
#include <event2/util.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "connection_parts.h"
#include "status.h"

static void answer_format(struct bytes *out, int status, const char *detail, bool has_body)
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
                 status == 503 ? "Retry-After: 1\r\n" : "", body.length,
                 has_body ? bytes_text(&body) : "");
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
    }
}

void connection_refuse(struct connection *connection, int status, const char *reason)
{
    refusal_count(connection, status, reason);
    connection->status = status;
    connection->reason = reason;
    connection_hold(connection, 0);
    connection_enter(connection, PHASE_CLOSING);
    connection_make_due(connection);
}

void connection_refuse_held(struct connection *connection)
{
    static const char reason[] = "the server holds too many requests";
    struct connections *all = connection->all;
    char peer[PEER_TEXT_SIZE];
    all->counts.over_held++;
    complain(&all->complaints[COMPLAINT_HELD], reason, connection_peer(connection, peer));
    connection_refuse(connection, 503, reason);
}

void connection_refuse_memory(struct connection *connection)
{
    char peer[PEER_TEXT_SIZE];
    complain(&connection->all->complaints[COMPLAINT_MEMORY], "a request is refused: no memory",
             connection_peer(connection, peer));
    connection_refuse(connection, 503, "no memory");
}

void connection_answer(struct connection *connection)
{
    struct bytes answer = {0};
    connection_forget_input(connection);
    answer_format(&answer, connection->status, connection->reason,
                  !guard_is_for_head(&connection->guard));
    bool has_memory = !answer.failed;
    if (!has_memory || !connection_put(connection, answer.data, answer.length))
        connection_end(connection);
    else if (!connection->output)
        connection_answered(connection);
    bytes_fini(&answer);
}

void connection_answered(struct connection *connection)
{
    connection->is_answered = true;
    channel_say_end(&connection->channel);
    shutdown(connection->channel.fd, SHUT_WR);
    if (connection->has_ended)
        connection_end(connection);
    else
        connection_await(connection);
}

/* Something that was sent and not read makes the kernel reset the connection when it is closed. */
static bool has_unread(const struct connection *connection)
{
    int unread = 0;
    return connection->waiting.length > 0 ||
           (ioctl(connection->channel.fd, FIONREAD, &unread) == 0 && unread > 0);
}

void connection_linger(struct connection *connection)
{
    if (connection->has_ended || !has_unread(connection)) {
        connection_end(connection);
        return;
    }
    connection_forget_waiting(connection);
    connection_enter(connection, PHASE_CLOSING);
    connection_answered(connection);
}
