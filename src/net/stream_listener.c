/*
 * The stream server: accepts, shakes hands, counts, and hands streams to its user.
 *
 * A connection counts from its accept to its close; at the limit the listener pauses. Memory is
 * shared with the connections that count here: a listener that was freed stays until the last of
 * them has gone. Loop thread.
 */
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>

#include <ferry/log.h>

#include "handshake.h"
#include "listener.h"
#include "log_pace.h"
#include "misuse.h"
#include "stream_struct.h"

/* A connection that is not a stream yet. */
struct accepting {
    struct accepting *next, **link; /* link: what points here */
    ferry_stream_listener *home;
    struct handshake *handshake;
    struct address peer;
};

struct ferry_stream_listener {
    ferry_loop *loop;
    unsigned references;       /* the user's, and one of each connection */
    struct listener *listener; /* NULL: freed by the user */
    ferry_stream_listen_options options;
    ferry_stream_handler *on_stream;
    void *ctx;
    struct accepting *accepting;
    uint64_t accepted;
    unsigned count;
    struct log_pace losses; /* of connections, as the log is told of them */
    char address[ADDRESS_TEXT_SIZE];
};

/* ---- counting ---- */

static void home_unref(ferry_stream_listener *home)
{
    if (--home->references > 0)
        return;
    ferry_tls_free(home->options.tls);
    free(home);
}

static void home_enter(ferry_stream_listener *home)
{
    home->references++;
    home->accepted++;
    listener_took(home->listener);
    if (++home->count >= home->options.max_connections)
        listener_pause(home->listener, LISTENER_AT_LIMIT);
}

static void home_leave(void *arg)
{
    ferry_stream_listener *home = arg;
    home->count--;
    if (home->listener && home->count < home->options.max_connections)
        listener_resume(home->listener, LISTENER_AT_LIMIT);
    home_unref(home);
}

/* ---- accepting ---- */

static void home_fail(ferry_stream_listener *home)
{
    unsigned left_out;
    if (log_pace_allows(&home->losses, &left_out))
        ferry_log(FERRY_LOG_ERROR, "no memory or no TLS for a connection", "addr=%s left_out=%u",
                  home->address, left_out);
    home_leave(home);
}

static void stream_enter(ferry_stream_listener *home, struct bufferevent *bev,
                         const struct address *peer)
{
    ferry_stream *stream = bev ? stream_new(home->loop, bev, &home->options.stream, peer) : NULL;
    if (!stream) {
        home_fail(home);
        return;
    }
    stream_on_end(stream, home_leave, home);
    home->on_stream(home, stream, home->ctx);
}

static void accepting_unlink(struct accepting *accepting)
{
    *accepting->link = accepting->next;
    if (accepting->next)
        accepting->next->link = accepting->link;
}

static void on_handshake(void *arg, struct bufferevent *bev, const ferry_error *error)
{
    struct accepting *accepting = arg;
    ferry_stream_listener *home = accepting->home;
    struct address peer = accepting->peer;
    accepting_unlink(accepting);
    free(accepting);
    if (bev) {
        stream_enter(home, bev, &peer);
        return;
    }
    ferry_log(FERRY_LOG_DEBUG, "a handshake failed", "addr=%s error=%s", home->address,
              error->message);
    home_leave(home);
}

static void accepting_link(struct accepting *accepting)
{
    ferry_stream_listener *home = accepting->home;
    accepting->next = home->accepting;
    accepting->link = &home->accepting;
    if (accepting->next)
        accepting->next->link = &accepting->next;
    home->accepting = accepting;
}

/* Owns: the socket. Returns whether there was memory. */
static bool shake_hands(ferry_stream_listener *home, int fd, const struct address *peer)
{
    struct accepting *accepting = calloc(1, sizeof *accepting);
    if (!accepting) {
        evutil_closesocket(fd);
        return false;
    }
    const struct handshake_plan plan = {
        .loop = home->loop,
        .tls = home->options.tls,
        .timeout_ms = home->options.handshake_timeout_ms,
        .done = on_handshake,
        .arg = accepting,
    };
    accepting->home = home;
    accepting->peer = *peer;
    accepting->handshake = handshake_start(fd, &plan);
    if (!accepting->handshake) {
        free(accepting);
        return false;
    }
    accepting_link(accepting);
    return true;
}

static void on_accept(struct evconnlistener *acceptor, evutil_socket_t fd, struct sockaddr *from,
                      int length, void *arg)
{
    (void)acceptor;
    ferry_stream_listener *home = arg;
    struct address peer = {0};
    if (length > 0 && (size_t)length <= sizeof peer.local)
        memcpy(&peer.local, from, (size_t)length);
    home_enter(home);
    if (home->options.tls) {
        if (!shake_hands(home, fd, &peer))
            home_fail(home);
        return;
    }
    stream_enter(home, handshake_plain(home->loop, fd), &peer);
}

/* ---- life ---- */

static ferry_stream_listener *home_new(ferry_loop *loop, const ferry_stream_listen_options *options)
{
    static const ferry_stream_listen_options defaults;
    ferry_stream_listener *home = calloc(1, sizeof *home);
    if (!home)
        return NULL;
    home->loop = loop;
    home->references = 1;
    home->options = options ? *options : defaults;
    if (!home->options.max_connections)
        home->options.max_connections = 10000;
    if (!home->options.handshake_timeout_ms)
        home->options.handshake_timeout_ms = 10000;
    tls_ref(home->options.tls);
    return home;
}

ferry_stream_listener *ferry_stream_listen(ferry_loop *loop, const char *text,
                                           const ferry_stream_listen_options *options,
                                           ferry_stream_handler *on_stream, void *ctx,
                                           ferry_error *error)
{
    LOOP_CHECK(loop);
    CHECK_FUNCTION(on_stream);
    struct address address;
    if (address_parse(&address, text, error) < 0 ||
        (options && tls_check_side(options->tls, false, error) < 0))
        return NULL;
    ferry_stream_listener *home = home_new(loop, options);
    if (!home) {
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    home->on_stream = on_stream;
    home->ctx = ctx;
    home->listener = listener_new(loop, &address, &home->accepted, error);
    if (!home->listener) {
        home_unref(home);
        return NULL;
    }
    address_format(listener_address(home->listener), home->address, sizeof home->address);
    evconnlistener_set_cb(listener_acceptor(home->listener), on_accept, home);
    return home;
}

void ferry_stream_listener_free(ferry_stream_listener *home)
{
    if (!home)
        return;
    LOOP_CHECK(home->loop);
    struct evconnlistener *acceptor = listener_acceptor(home->listener);
    listener_free(home->listener);
    evconnlistener_free(acceptor);
    home->listener = NULL;
    while (home->accepting) {
        struct accepting *accepting = home->accepting;
        accepting_unlink(accepting);
        handshake_cancel(accepting->handshake);
        free(accepting);
        home_leave(home);
    }
    home_unref(home);
}

const char *ferry_stream_listener_address(const ferry_stream_listener *home)
{
    LOOP_CHECK(home->loop);
    return home->address;
}

unsigned ferry_stream_listener_connections(const ferry_stream_listener *home)
{
    LOOP_CHECK(home->loop);
    return home->count;
}
