/*
 * Listeners.
 *
 * The socket is made here, and handed on as an evconnlistener. Its user then owns that one's
 * callback and its argument, so an error callback cannot tell which listener of ours it is about.
 * Therefore each has a second event on the same socket: when it fires again and again while nothing
 * is accepted, accept fails (there is no descriptor left), and the listener rests for a moment
 * instead of spinning.
 *
 * libevent accepts until nothing waits any more, which under a flood of connections is never. So
 * the listener yields after some: whoever is connected has his turn before more come in.
 *
 * Loop thread.
 */
#include "listener.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ferry/log.h>

#include "log_pace.h"

enum {
    BACKLOG = 4096,
    REST_MS = 100,
    ACCEPTED_AT_ONCE = 64,
    NOT_SENT_BYTES = 128 << 10,
    TOLERATED = 3, /* a client that left before the accept looks like a failed accept, once */
};

struct listener {
    ferry_loop *loop;
    struct evconnlistener *acceptor; /* the user's */
    struct event *watch;
    struct address address;
    const uint64_t *accepted;
    uint64_t accepted_seen;
    unsigned failures;        /* times that `watch` fired since something was accepted */
    unsigned paused;          /* enum listener_pause, or-ed */
    struct log_pace no_files; /* of what is logged of them */
    ferry_timer rest_timer;
    ferry_timer turn_timer; /* while it yields */
    unsigned taken;         /* since it yielded */
    struct stat file;       /* of a unix socket */
};

/* ---- sockets ---- */

static int open_error(const struct address *address, int number, ferry_error *error)
{
    char text[ADDRESS_TEXT_SIZE];
    address_format(address, text, sizeof text);
    switch (number) {
    case EADDRINUSE:
        return ferry_error_set(error, FERRY_CONFLICT, "%s: the address is in use", text);
    case EACCES:
    case EPERM:
        return ferry_error_set(error, FERRY_FORBIDDEN, "%s: no permission to listen there", text);
    case EADDRNOTAVAIL:
        return ferry_error_set(error, FERRY_INVALID, "%s: this machine has no such address", text);
    case ENOENT:
    case ENOTDIR:
        return ferry_error_set(error, FERRY_INVALID, "%s: there is no such folder", text);
    default:
        return ferry_error_set(error, FERRY_INTERNAL, "%s: %s", text, strerror(number));
    }
}

/* Tell whether a socket file is left over from a process that is gone. */
static bool is_stale(const struct address *address)
{
    struct stat file;
    if (lstat(address->local.sun_path, &file) < 0 || !S_ISSOCK(file.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool stale = connect(fd, &address->any, address->length) < 0 && errno == ECONNREFUSED;
    close(fd);
    return stale;
}

static int bind_socket(int fd, const struct address *address)
{
    if (bind(fd, &address->any, address->length) == 0)
        return 0;
    if (errno != EADDRINUSE || address->any.sa_family != AF_UNIX)
        return -1;
    if (!is_stale(address)) {
        errno = EADDRINUSE;
        return -1;
    }
    if (unlink(address->local.sun_path) < 0)
        return -1;
    return bind(fd, &address->any, address->length);
}

static void set_option(int fd, int level, int option, int value)
{
    if (setsockopt(fd, level, option, &value, sizeof value) < 0)
        ferry_log(FERRY_LOG_WARN, "a socket option was refused", "option=%d error=%s", option,
                  strerror(errno));
}

/* What is set on the listening socket is inherited by what it accepts.
 *
 * The kernel's buffers grow to megabytes, with what a slow client may never take: memory that no
 * limit of ours sees, and a copy that the loop makes. So it takes no more of a reply when it has
 * this much besides what is under way to the client. That costs a fast client nothing. */
static void set_options(int fd, const struct address *address)
{
    if (address->any.sa_family == AF_UNIX)
        return;
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOT_SENT_BYTES);
    if (address->any.sa_family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !address->is_every);
}

static int open_socket(struct address *address)
{
    const int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    int fd = socket(address->any.sa_family, type, 0);
    if (fd < 0 && errno == EAFNOSUPPORT && address->is_every) {
        address_to_v4(address);
        fd = socket(AF_INET, type, 0);
    }
    if (fd < 0)
        return -1;
    set_options(fd, address);
    if (bind_socket(fd, address) < 0 || listen(fd, BACKLOG) < 0) {
        int number = errno;
        close(fd);
        errno = number;
        return -1;
    }
    return fd;
}

/* Port 0 has become a real one. */
static void learn_address(struct listener *listener, int fd)
{
    if (listener->address.any.sa_family == AF_UNIX) {
        if (lstat(listener->address.local.sun_path, &listener->file) < 0)
            memset(&listener->file, 0, sizeof listener->file);
        return;
    }
    socklen_t length = sizeof listener->address.v6;
    getsockname(fd, &listener->address.any, &length);
}

static void remove_file(const struct listener *listener)
{
    const char *path = listener->address.local.sun_path;
    struct stat now;
    if (listener->address.any.sa_family != AF_UNIX || lstat(path, &now) < 0)
        return;
    if (now.st_ino == listener->file.st_ino && now.st_dev == listener->file.st_dev)
        unlink(path);
}

/* ---- accepting ---- */

void listener_pause(struct listener *listener, enum listener_pause why)
{
    if (!listener->paused) {
        evconnlistener_disable(listener->acceptor);
        event_del(listener->watch);
    }
    listener->paused |= why;
}

void listener_resume(struct listener *listener, enum listener_pause why)
{
    unsigned before = listener->paused;
    listener->paused &= ~(unsigned)why;
    if (before && !listener->paused) {
        evconnlistener_enable(listener->acceptor);
        event_add(listener->watch, NULL);
    }
}

static void on_turn(void *arg)
{
    struct listener *listener = arg;
    listener->turn_timer = 0;
    listener_resume(listener, LISTENER_YIELDS);
}

/* Without memory for the timer it goes on. */
void listener_took(struct listener *listener)
{
    if (++listener->taken < ACCEPTED_AT_ONCE || listener->turn_timer)
        return;
    listener->taken = 0;
    listener->turn_timer = ferry_loop_call_later(listener->loop, 0, on_turn, listener);
    if (listener->turn_timer)
        listener_pause(listener, LISTENER_YIELDS);
}

static void on_rested(void *arg)
{
    struct listener *listener = arg;
    listener->rest_timer = 0;
    listener->failures = 0;
    listener_resume(listener, LISTENER_NO_FILES);
}

static void rest(struct listener *listener)
{
    char text[ADDRESS_TEXT_SIZE];
    unsigned left_out;
    if (log_pace_allows(&listener->no_files, &left_out))
        ferry_log(FERRY_LOG_ERROR, "connections cannot be accepted; out of descriptors?",
                  "addr=%s retry_ms=%d left_out=%u",
                  address_format(&listener->address, text, sizeof text), REST_MS, left_out);
    listener->rest_timer = ferry_loop_call_later(listener->loop, REST_MS, on_rested, listener);
    if (listener->rest_timer)
        listener_pause(listener, LISTENER_NO_FILES);
}

/* Something waits to be accepted; see whether that works. */
static void on_waiting(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct listener *listener = arg;
    if (*listener->accepted != listener->accepted_seen) {
        listener->accepted_seen = *listener->accepted;
        listener->failures = 0;
    } else if (++listener->failures > TOLERATED) {
        rest(listener);
    }
}

/* Set so that libevent does not print a line for each failure; on_waiting deals with them. */
static void on_accept_error(struct evconnlistener *acceptor, void *arg)
{
    (void)acceptor, (void)arg;
}

/* Without memory both the socket and the listener are gone. */
static bool attach(struct listener *listener, int fd)
{
    struct event_base *base = loop_event_base(listener->loop);
    const unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC;
    listener->acceptor = evconnlistener_new(base, NULL, NULL, flags, 0, fd);
    if (!listener->acceptor) {
        close(fd);
        listener_free(listener);
        return false;
    }
    evconnlistener_set_error_cb(listener->acceptor, on_accept_error);
    listener->watch = event_new(base, fd, EV_READ | EV_PERSIST, on_waiting, listener);
    if (listener->watch && event_add(listener->watch, NULL) == 0)
        return true;
    struct evconnlistener *acceptor = listener->acceptor;
    listener_free(listener);
    evconnlistener_free(acceptor);
    return false;
}

/* ---- life ---- */

struct listener *listener_new(ferry_loop *loop, const struct address *address,
                              const uint64_t *accepted, ferry_error *error)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (!listener) {
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    listener->loop = loop;
    listener->address = *address;
    listener->accepted = accepted;
    listener->accepted_seen = *accepted;
    int fd = open_socket(&listener->address);
    if (fd < 0) {
        open_error(address, errno, error);
        free(listener);
        return NULL;
    }
    learn_address(listener, fd);
    if (!attach(listener, fd)) {
        ferry_error_set(error, FERRY_INTERNAL, "no memory");
        return NULL;
    }
    return listener;
}

void listener_free(struct listener *listener)
{
    if (listener->rest_timer)
        ferry_loop_cancel(listener->loop, listener->rest_timer);
    if (listener->turn_timer)
        ferry_loop_cancel(listener->loop, listener->turn_timer);
    if (listener->watch)
        event_free(listener->watch);
    remove_file(listener);
    free(listener);
}

struct evconnlistener *listener_acceptor(const struct listener *listener)
{
    return listener->acceptor;
}

const struct address *listener_address(const struct listener *listener)
{
    return &listener->address;
}
