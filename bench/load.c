/*
 * load: an HTTP load generator for ferry's own benchmarks.
 *
 *     load [-b] HOST:PORT PATH CONNECTIONS REQUESTS [PACE_US [SECONDS]]
 *
 * Opens all connections, then sends REQUESTS requests over each, one after another, keep-alive;
 * with PACE_US each connection waits that long between an answer and the next request. Prints one
 * line: requests seconds rate p50_us p99_us max_us errors The clock starts when every connection
 * stands, so that N clients that wait for a call of t seconds are N/t a second at best, and whole
 * waves are counted, not whatever fits into a window; with SECONDS it gives up then, for a server
 * that would take too long, and counts what was answered. A non-2xx answer is an error. One thread,
 * epoll, blocking nothing; loopback only.
 *
 * With -b it keeps its core busy and never sleeps, which needs a core of its own: to wake a core
 * that idles takes time of who wakes it, on a virtual machine up to half a millisecond, and that
 * would be the server's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct connection {
    int fd;
    int timer_fd; /* -1: not paced */
    unsigned left;
    int64_t sent_us;
    char reply[4096];
    size_t length;
};

static struct {
    int epoll_fd;
    char request[512];
    size_t request_length;
    int64_t pace_us;
    int64_t *latencies_us;
    size_t done;
    size_t errors;
    bool is_busy;
} load;

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void watch(int fd, void *what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    if (epoll_ctl(load.epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

static void connection_open(struct connection *connection, const struct sockaddr_in *address)
{
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 ||
        connect(connection->fd, (const struct sockaddr *)address, sizeof *address) < 0)
        die("connect");
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    watch(connection->fd, connection);
}

static void connection_send(struct connection *connection)
{
    connection->sent_us = now_us();
    connection->length = 0;
    if (write(connection->fd, load.request, load.request_length) != (ssize_t)load.request_length)
        die("write");
}

/* Wait out the pace: the timer stands in for the connection in epoll, told apart by a tag bit. */
static void connection_pace(struct connection *connection)
{
    if (connection->timer_fd < 0) {
        connection->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
        watch(connection->timer_fd, (void *)((uintptr_t)connection | 1));
    }
    struct itimerspec pace = {
        .it_value = {.tv_sec = load.pace_us / 1000000, .tv_nsec = load.pace_us % 1000000 * 1000}};
    timerfd_settime(connection->timer_fd, 0, &pace, NULL);
}

/* Returns the length of the whole reply, 0 while it is not all there. */
static size_t reply_length(const struct connection *connection)
{
    const char *end = memmem(connection->reply, connection->length, "\r\n\r\n", 4);
    if (!end)
        return 0;
    const char *length = strcasestr(connection->reply, "\r\nContent-Length:");
    size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    return (size_t)(end - connection->reply) + 4 + body;
}

static void connection_read(struct connection *connection)
{
    ssize_t n = read(connection->fd, connection->reply + connection->length,
                     sizeof connection->reply - 1 - connection->length);
    if (n <= 0)
        die(n == 0 ? "the server closed a connection" : "read");
    connection->length += (size_t)n;
    connection->reply[connection->length] = '\0';
    size_t whole = reply_length(connection);
    if (whole == 0 || connection->length < whole)
        return;
    load.errors += connection->reply[9] != '2';
    load.latencies_us[load.done++] = now_us() - connection->sent_us;
    if (--connection->left == 0)
        return;
    if (load.pace_us > 0)
        connection_pace(connection);
    else
        connection_send(connection);
}

static void on_ready(uintptr_t what)
{
    struct connection *connection = (struct connection *)(what & ~(uintptr_t)1);
    if (what & 1) {
        uint64_t ignored;
        if (read(connection->timer_fd, &ignored, sizeof ignored) > 0)
            connection_send(connection);
    } else {
        connection_read(connection);
    }
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void parse_address(const char *text, struct sockaddr_in *address)
{
    char host[64];
    unsigned short port;
    if (sscanf(text, "%63[^:]:%hu", host, &port) != 2 || inet_addr(host) == INADDR_NONE) {
        fprintf(stderr, "load: %s is not HOST:PORT\n", text);
        exit(2);
    }
    *address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(host)};
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "-b") == 0) {
        load.is_busy = true;
        argc--, argv++;
    }
    if (argc < 5) {
        fprintf(stderr,
                "usage: load [-b] HOST:PORT PATH CONNECTIONS REQUESTS [PACE_US [SECONDS]]\n");
        return 2;
    }
    struct sockaddr_in address;
    parse_address(argv[1], &address);
    size_t count = strtoul(argv[3], NULL, 10), each = strtoul(argv[4], NULL, 10);
    load.pace_us = argc > 5 ? strtol(argv[5], NULL, 10) : 0;
    int timeout_ms = load.is_busy ? 0 : argc > 6 ? 10 : -1;
    int64_t window_us = argc > 6 ? strtol(argv[6], NULL, 10) * 1000000 : INT64_MAX / 2;
    load.request_length = (size_t)snprintf(load.request, sizeof load.request,
                                           "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", argv[2], argv[1]);
    load.latencies_us = calloc(count * each, sizeof *load.latencies_us);
    struct connection *connections = calloc(count, sizeof *connections);
    load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!load.latencies_us || !connections || load.epoll_fd < 0 || count * each == 0)
        die("start");
    for (size_t i = 0; i < count; i++) {
        connections[i].timer_fd = -1;
        connections[i].left = (unsigned)each;
        connection_open(&connections[i], &address);
    }
    int64_t begin_us = now_us();
    for (size_t i = 0; i < count; i++)
        connection_send(&connections[i]);
    while (load.done < count * each && now_us() - begin_us < window_us) {
        struct epoll_event events[256];
        int n = epoll_wait(load.epoll_fd, events, 256, timeout_ms);
        for (int i = 0; i < n; i++)
            on_ready((uintptr_t)events[i].data.ptr);
    }
    double seconds = (double)(now_us() - begin_us) / 1e6;
    qsort(load.latencies_us, load.done, sizeof *load.latencies_us, by_value);
    printf("%zu %.4f %.2f %lld %lld %lld %zu\n", load.done, seconds, (double)load.done / seconds,
           (long long)load.latencies_us[load.done / 2],
           (long long)load.latencies_us[load.done * 99 / 100],
           (long long)load.latencies_us[load.done - (load.done > 0)], load.errors);
    return load.errors > 0;
}
