/*
 * enqueue: put jobs into a queue that keeps them on disk, as fast as it says that they are there.
 *
 *     enqueue PROTOCOL HOST:PORT CONNECTIONS JOBS SECONDS [options]
 *
 *     http                     ferry: POST, 202         --path PATH, --header "NAME: VALUE"
 *     redis                    LPUSH
 *     beanstalk                put
 *     postgres                 INSERT, prepared
 *     amqp                     publish, persistent, and the broker's confirmation
 *
 *     --completed HOST:PORT    ferry's admin listener: wait until all have run as well
 *
 * Each connection has one job on its way, and puts the next when the server has acknowledged it;
 * no new one after JOBS in all, or after SECONDS. Prints two lines at most:
 *
 *     accepted JOBS SECONDS RATE P50_US P99_US MAX_US BUSY
 *     completed JOBS SECONDS RATE
 *
 * BUSY is the share of the time in which this program had something to do: near 1, the figure is
 * that of this program. The seconds of both begin with the first request. One thread, epoll, which
 * asks and never sleeps: to wake a core that idles takes who wakes it its time, on a virtual
 * machine up to half a millisecond, and that would be the server's. Loopback only.
 */
#include "protocol.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, POLL_US = 2000, COMPLETION_SECONDS = 300 };

struct connection {
    int fd;
    int64_t sent_us;
    char reply[REPLY_BYTES];
    size_t length;
};

static const struct protocol *const protocols[] = {&http, &redis, &beanstalk, &postgres, &amqp};

static struct {
    const struct protocol *protocol;
    struct sockaddr_in address;
    struct sockaddr_in admin; /* port 0: nobody waits for completion */
    struct options options;
    size_t connections, jobs;
    int64_t window_us;
} asked;

static struct {
    char request[REQUEST_BYTES];
    size_t request_length;
    size_t sent, done;
    int64_t *latencies_us;
    int64_t began_us, ended_us, busy_us;
} run;

void die(const char *what)
{
    die_saying(what, strerror(errno));
}

void die_saying(const char *what, const char *why)
{
    fprintf(stderr, "enqueue: %s: %s\n", what, why);
    exit(1);
}

void write_all(int fd, const void *bytes, size_t length)
{
    if (write(fd, bytes, length) != (ssize_t)length)
        die("write");
}

void read_all(int fd, void *bytes, size_t length)
{
    ssize_t n = recv(fd, bytes, length, MSG_WAITALL);
    if (n < 0)
        die("read");
    if ((size_t)n != length)
        die_saying("read", "the server closed the connection");
}

int connect_to(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address) < 0)
        die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return fd;
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- the run ---- */

static void put_job(struct connection *connection)
{
    connection->length = 0;
    connection->sent_us = now_us();
    run.sent++;
    write_all(connection->fd, run.request, run.request_length);
}

static void connection_open(struct connection *connection, int epoll_fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    connection->fd = connect_to(&asked.address);
    if (asked.protocol->open)
        asked.protocol->open(connection->fd);
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) < 0)
        die("epoll_ctl");
}

static void on_readable(struct connection *connection, int epoll_fd)
{
    ssize_t n = read(connection->fd, connection->reply + connection->length,
                     sizeof connection->reply - connection->length);
    if (n <= 0)
        die(n == 0 ? "the server closed a connection, or said too much" : "read");
    connection->length += (size_t)n;
    ssize_t whole = asked.protocol->reply(connection->reply, connection->length);
    if (whole < 0 || (size_t)whole > connection->length)
        die_saying("refused", strndupa(connection->reply, connection->length));
    if (whole == 0)
        return;
    int64_t now = now_us();
    run.latencies_us[run.done++] = now - connection->sent_us;
    if (asked.protocol->is_last && asked.protocol->is_last(connection->reply, connection->length)) {
        close(connection->fd);
        connection_open(connection, epoll_fd);
    }
    if (run.sent < asked.jobs && now - run.began_us < asked.window_us)
        put_job(connection);
}

static int open_connections(struct connection *connections)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < asked.connections; i++)
        connection_open(&connections[i], epoll_fd);
    return epoll_fd;
}

static void put_all(struct connection *connections, int epoll_fd)
{
    struct epoll_event events[EVENTS];
    run.began_us = now_us();
    for (size_t i = 0; i < asked.connections && run.sent < asked.jobs; i++)
        put_job(&connections[i]);
    run.ended_us = run.began_us;
    while (run.done < run.sent) {
        int n = epoll_wait(epoll_fd, events, EVENTS, 0);
        for (int i = 0; i < n; i++)
            on_readable(events[i].data.ptr, epoll_fd);
        int64_t now = now_us();
        run.busy_us += n > 0 ? now - run.ended_us : 0;
        run.ended_us = now;
    }
}

/* ---- the report ---- */

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void report_accepted(void)
{
    double seconds = (double)(run.ended_us - run.began_us) / 1e6;
    qsort(run.latencies_us, run.done, sizeof *run.latencies_us, by_value);
    printf("accepted %zu %.4f %.1f %lld %lld %lld %.2f\n", run.done, seconds,
           (double)run.done / seconds, (long long)run.latencies_us[run.done / 2],
           (long long)run.latencies_us[run.done * 99 / 100],
           (long long)run.latencies_us[run.done - 1], (double)run.busy_us / 1e6 / seconds);
}

static void wait_for_completion(long before)
{
    while (http_succeeded_jobs(&asked.admin) - before < (long)run.done) {
        if (now_us() - run.ended_us > COMPLETION_SECONDS * INT64_C(1000000))
            die_saying("completed", "not all jobs have run within five minutes");
        usleep(POLL_US);
    }
    double seconds = (double)(now_us() - run.began_us) / 1e6;
    printf("completed %zu %.4f %.1f\n", run.done, seconds, (double)run.done / seconds);
}

/* ---- the command line ---- */

static _Noreturn void usage(void)
{
    fprintf(stderr,
            "usage: enqueue http|redis|beanstalk|postgres|amqp HOST:PORT CONNECTIONS JOBS SECONDS"
            " [--path PATH] [--header HEADER] [--completed HOST:PORT]\n");
    exit(2);
}

static struct sockaddr_in parse_address(const char *text)
{
    char host[64];
    unsigned short port;
    if (sscanf(text, "%63[^:]:%hu", host, &port) != 2 || inet_addr(host) == INADDR_NONE)
        usage();
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(host)};
}

static void parse(int argc, char **argv)
{
    if (argc < 6)
        usage();
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
        if (strcmp(argv[1], protocols[i]->name) == 0)
            asked.protocol = protocols[i];
    asked.address = parse_address(argv[2]);
    asked.connections = strtoul(argv[3], NULL, 10);
    asked.jobs = strtoul(argv[4], NULL, 10);
    asked.window_us = (int64_t)(strtod(argv[5], NULL) * 1e6);
    for (int i = 6; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--path") == 0)
            asked.options.path = argv[i + 1];
        else if (strcmp(argv[i], "--header") == 0)
            asked.options.header = argv[i + 1];
        else if (strcmp(argv[i], "--completed") == 0)
            asked.admin = parse_address(argv[i + 1]);
        else
            usage();
    }
    if (!asked.protocol || asked.connections == 0 || asked.jobs == 0 || argc % 2 != 0)
        usage();
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    struct connection *connections = calloc(asked.connections, sizeof *connections);
    run.latencies_us = calloc(asked.jobs, sizeof *run.latencies_us);
    if (!connections || !run.latencies_us)
        die("memory");
    run.request_length = asked.protocol->request(run.request, &asked.options);
    int epoll_fd = open_connections(connections);
    long before = asked.admin.sin_port ? http_succeeded_jobs(&asked.admin) : 0;
    put_all(connections, epoll_fd);
    report_accepted();
    if (asked.admin.sin_port)
        wait_for_completion(before);
    return 0;
}
