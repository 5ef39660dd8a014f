/*
 * ferry_stream_connect: from an address or a name to a stream.
 *
 * LOOKUP -> for each address: CONNECTING -> HANDSHAKE, until one works or none is left. Each state
 * has its own resource (lookup, event with fd, handshake); connecting_stop gives up whichever is
 * there, and after it nothing calls back any more. The end is reached from the top of a turn, or
 * before anybody has the future; a cancel stops all at once and posts the telling; the loop's end
 * stops all, and tells nobody.
 *
 * Loop thread. An event is freed before its descriptor is closed: the number may be given out again
 * in the same turn.
 */
#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "future_base.h"
#include "handshake.h"
#include "lookup.h"
#include "stream_struct.h"

struct connecting {
    struct mailbox_entry entry; /* posted: it was cancelled */
    struct loop_closer closer;
    ferry_loop *loop;
    ferry_future *future;
    ferry_stream_options options;
    ferry_tls *tls;
    char tls_name[ADDRESS_HOST_SIZE];
    int64_t deadline_ms; /* INT64_MAX: none */
    struct lookup *lookup;
    struct address addresses[LOOKUP_MAX];
    size_t count;
    size_t next; /* address to try */
    int fd;      /* -1: none */
    struct event *event;
    struct handshake *handshake;
    ferry_timer timer;
    bool is_cancelled;
    ferry_error error; /* of the last address */
};

/* ---- the end ---- */

/* Give up the address that is being tried. */
static void attempt_stop(struct connecting *connecting)
{
    ferry_loop_cancel(connecting->loop, connecting->timer);
    connecting->timer = 0;
    if (connecting->event)
        event_free(connecting->event);
    if (connecting->handshake)
        handshake_cancel(connecting->handshake);
    if (connecting->fd >= 0)
        close(connecting->fd);
    connecting->event = NULL;
    connecting->handshake = NULL;
    connecting->fd = -1;
}

static void connecting_stop(struct connecting *connecting)
{
    attempt_stop(connecting);
    loop_closer_remove(&connecting->closer);
    if (connecting->lookup)
        lookup_cancel(connecting->lookup);
    connecting->lookup = NULL;
}

static void connecting_free(struct connecting *connecting)
{
    connecting_stop(connecting);
    ferry_tls_free(connecting->tls);
    free(connecting);
}

static void connecting_end(struct connecting *connecting, ferry_stream *stream)
{
    ferry_future *future = connecting->future;
    ferry_error error = connecting->error;
    connecting_free(connecting);
    future_resolve(future, stream, stream ? NULL : &error);
}

static void connecting_close(struct loop_closer *closer)
{
    struct connecting *connecting = (void *)((char *)closer - offsetof(struct connecting, closer));
    ferry_future *future = connecting->future;
    connecting_free(connecting);
    future_close(future);
}

static void on_cancelled(struct mailbox_entry *entry)
{
    struct connecting *connecting = (struct connecting *)entry;
    ferry_error_set(&connecting->error, FERRY_CANCELLED, "the connecting was cancelled");
    connecting_end(connecting, NULL);
}

static void on_cancelled_drop(struct mailbox_entry *entry)
{
    struct connecting *connecting = (struct connecting *)entry;
    future_drop(connecting->future);
    ferry_tls_free(connecting->tls);
    free(connecting);
}

static void connecting_cancel(void *source)
{
    struct connecting *connecting = source;
    if (connecting->is_cancelled)
        return;
    connecting->is_cancelled = true;
    connecting_stop(connecting);
    connecting->entry.run = on_cancelled;
    connecting->entry.drop = on_cancelled_drop;
    loop_post(connecting->loop, &connecting->entry);
}

/* ---- one address ---- */

static void try_next(struct connecting *connecting);

static void attempt_fail(struct connecting *connecting, ferry_code code, const char *reason)
{
    char text[ADDRESS_TEXT_SIZE];
    address_format(&connecting->addresses[connecting->next - 1], text, sizeof text);
    ferry_error_set(&connecting->error, code, "%s: %s", text, reason);
    attempt_stop(connecting);
    try_next(connecting);
}

static void has_connected(struct connecting *connecting, struct bufferevent *bev)
{
    const struct address *peer = &connecting->addresses[connecting->next - 1];
    ferry_stream *stream =
        bev ? stream_new(connecting->loop, bev, &connecting->options, peer) : NULL;
    if (!stream)
        ferry_error_set(&connecting->error, FERRY_INTERNAL, "no memory");
    connecting_end(connecting, stream);
}

static void on_handshake(void *arg, struct bufferevent *bev, const ferry_error *error)
{
    struct connecting *connecting = arg;
    connecting->handshake = NULL;
    if (bev)
        has_connected(connecting, bev);
    else
        attempt_fail(connecting, error->code, error->message);
}

static void socket_connected(struct connecting *connecting)
{
    int fd = connecting->fd;
    connecting->fd = -1;
    if (!connecting->tls) {
        has_connected(connecting, handshake_plain(connecting->loop, fd));
        return;
    }
    const struct handshake_plan plan = {
        .loop = connecting->loop,
        .tls = connecting->tls,
        .name = connecting->tls_name,
        .timeout_ms = -1, /* the attempt has its own */
        .done = on_handshake,
        .arg = connecting,
    };
    connecting->handshake = handshake_start(fd, &plan);
    if (!connecting->handshake)
        has_connected(connecting, NULL);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct connecting *connecting = arg;
    int number = 0;
    socklen_t length = sizeof number;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &length) < 0)
        number = errno;
    event_free(connecting->event);
    connecting->event = NULL;
    if (number)
        attempt_fail(connecting, FERRY_TRANSIENT, strerror(number));
    else
        socket_connected(connecting);
}

static void on_deadline(void *arg)
{
    struct connecting *connecting = arg;
    connecting->timer = 0;
    if (connecting->lookup) {
        ferry_error_set(&connecting->error, FERRY_DEADLINE, "the name was not looked up in time");
        connecting_end(connecting, NULL);
    } else {
        attempt_fail(connecting, FERRY_DEADLINE, "not connected in time");
    }
}

/* Watch the clock: for what is going on, in 1/`share` of the time that is left. Returns whether
 * there was memory. */
static bool watch_clock(struct connecting *connecting, size_t share)
{
    if (connecting->deadline_ms == INT64_MAX)
        return true;
    int64_t left_ms = connecting->deadline_ms - ferry_loop_now_ms(connecting->loop);
    int64_t delay_ms = left_ms > 0 ? left_ms / (int64_t)share : 0;
    connecting->timer = ferry_loop_call_later(connecting->loop, delay_ms, on_deadline, connecting);
    return connecting->timer != 0;
}

/* Returns 0 when it is connected, EINPROGRESS, or what is wrong. */
static int socket_connect(struct connecting *connecting, const struct address *address)
{
    const int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, on = 1;
    int fd = connecting->fd = socket(address->any.sa_family, type, 0);
    if (fd < 0)
        return errno;
    if (address->any.sa_family != AF_UNIX) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    }
    return connect(fd, &address->any, address->length) == 0 ? 0 : errno;
}

static bool wait_connected(struct connecting *connecting)
{
    connecting->event = event_new(loop_event_base(connecting->loop), connecting->fd, EV_WRITE,
                                  on_writable, connecting);
    return connecting->event && event_add(connecting->event, NULL) == 0;
}

/* Every address that fails comes here again: at most LOOKUP_MAX deep. */
static void try_next(struct connecting *connecting)
{
    if (connecting->next == connecting->count) {
        connecting_end(connecting, NULL);
        return;
    }
    size_t left = connecting->count - connecting->next;
    const struct address *address = &connecting->addresses[connecting->next++];
    int number = watch_clock(connecting, left) ? socket_connect(connecting, address) : ENOMEM;
    if (number == 0)
        socket_connected(connecting);
    else if (number == ENOMEM || (number == EINPROGRESS && !wait_connected(connecting)))
        attempt_fail(connecting, FERRY_INTERNAL, "no memory");
    else if (number != EINPROGRESS)
        attempt_fail(connecting, FERRY_TRANSIENT, strerror(number));
}

/* ---- the beginning ---- */

static void on_looked_up(void *arg, const struct address *addresses, size_t count,
                         const ferry_error *error)
{
    struct connecting *connecting = arg;
    connecting->lookup = NULL;
    attempt_stop(connecting); /* the look-up's timer */
    connecting->error = *error;
    memcpy(connecting->addresses, addresses, count * sizeof *addresses);
    connecting->count = count;
    try_next(connecting);
}

/* Find out where to connect to: at once, or by a look-up. */
static int resolve(struct connecting *connecting, const char *text, ferry_executor *resolver)
{
    char host[ADDRESS_HOST_SIZE] = "", port[ADDRESS_PORT_SIZE];
    ferry_error *error = &connecting->error;
    if (!text)
        return ferry_error_set(error, FERRY_INVALID, "there is no address");
    if (tls_check_side(connecting->tls, true, error) < 0)
        return error->code;
    bool is_local = strncmp(text, "unix:", 5) == 0;
    int rc = is_local ? 0 : address_split(text, host, port, NULL);
    if (rc == 0 && !connecting->tls_name[0])
        snprintf(connecting->tls_name, sizeof connecting->tls_name, "%s", host);
    if (connecting->tls && !connecting->tls_name[0])
        return ferry_error_set(error, FERRY_INVALID, "%s: TLS needs options.tls_name", text);
    if (address_parse(&connecting->addresses[0], text, error) == 0) {
        connecting->count = 1;
        return 0;
    }
    if (rc < 0 || is_local)
        return error->code;
    if (!resolver)
        return ferry_error_set(error, FERRY_INVALID,
                               "%s: no numeric address; to look up names, set options.resolver",
                               text);
    error->code = FERRY_OK;
    connecting->lookup =
        lookup_start(connecting->loop, resolver, host, port, on_looked_up, connecting, error);
    if (connecting->lookup && !watch_clock(connecting, 1))
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    return connecting->lookup ? 0 : error->code;
}

static void free_stream(void *stream)
{
    ferry_stream_free(stream);
}

static struct connecting *connecting_new(ferry_loop *loop,
                                         const ferry_stream_connect_options *options)
{
    struct connecting *connecting = calloc(1, sizeof *connecting);
    if (!connecting)
        return NULL;
    connecting->loop = loop;
    connecting->future = future_new(loop, free_stream, connecting_cancel, connecting);
    if (!connecting->future) {
        free(connecting);
        return NULL;
    }
    int64_t timeout_ms = options->timeout_ms ? options->timeout_ms : 30000;
    connecting->deadline_ms = timeout_ms < 0 || timeout_ms > INT64_MAX / 2
                                  ? INT64_MAX
                                  : ferry_loop_now_ms(loop) + timeout_ms;
    connecting->options = options->stream;
    connecting->tls = tls_ref(options->tls);
    if (options->tls_name)
        snprintf(connecting->tls_name, sizeof connecting->tls_name, "%s", options->tls_name);
    connecting->fd = -1;
    connecting->closer.close = connecting_close;
    loop_closer_add(loop, &connecting->closer);
    return connecting;
}

ferry_future *ferry_stream_connect(ferry_loop *loop, const char *address,
                                   const ferry_stream_connect_options *options)
{
    LOOP_CHECK(loop);
    static const ferry_stream_connect_options defaults;
    options = options ? options : &defaults;
    struct connecting *connecting = connecting_new(loop, options);
    if (!connecting)
        return NULL;
    ferry_future *future = connecting->future;
    if (resolve(connecting, address, options->resolver) < 0)
        connecting_end(connecting, NULL);
    else if (!connecting->lookup)
        try_next(connecting);
    return future;
}
