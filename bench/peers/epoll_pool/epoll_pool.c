/*
 * epoll_pool: the ceiling. The least that offloading over HTTP can cost when it is written by hand
 * for just these paths:
 *
 *     epoll_pool PORT THREADS        /livez on the loop; /noop, /sleep?ms=N, ?seconds=X, /spin in
 * the pool
 *
 * No limits, no deadlines, no headers that it reads, no memory that it gives back. One thread has
 * epoll and all connections; a connection with a request in the pool is not looked at until its
 * answer is written. The pool is a list under a mutex; completions come back as a second list, and
 * an eventfd is written when that was empty. Its threads are SCHED_BATCH, as ferry's are.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "spin/spin.h"

struct connection {
    int fd;
    bool in_pool, ended;
    size_t length;
    struct connection *next; /* in the queue, or among the completions */
    char request[1024];
};

static struct {
    int epoll_fd, event_fd;
    pthread_mutex_t lock; /* guards the queue */
    pthread_cond_t filled;
    struct connection *first, **last;
    pthread_mutex_t done_lock; /* guards the completions */
    struct connection *done;
} server = {.lock = PTHREAD_MUTEX_INITIALIZER,
            .filled = PTHREAD_COND_INITIALIZER,
            .last = &server.first,
            .done_lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- the pool ---- */

static void sleep_seconds(double seconds)
{
    struct timespec left = {.tv_sec = (time_t)seconds,
                            .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    while (nanosleep(&left, &left) < 0)
        ;
}

static void work(const char *request)
{
    double number;
    if (sscanf(request, "GET /sleep?ms=%lf", &number) == 1)
        sleep_seconds(number / 1000);
    else if (sscanf(request, "GET /sleep?seconds=%lf", &number) == 1)
        sleep_seconds(number);
    else if (strncmp(request, "GET /spin ", 10) == 0)
        spin();
}

static void complete(struct connection *connection)
{
    pthread_mutex_lock(&server.done_lock);
    bool was_empty = !server.done;
    connection->next = server.done;
    server.done = connection;
    pthread_mutex_unlock(&server.done_lock);
    if (was_empty && write(server.event_fd, &(uint64_t){1}, 8) < 0)
        abort();
}

static void *pool_thread(void *unused)
{
    pthread_setschedparam(pthread_self(), SCHED_BATCH, &(struct sched_param){0});
    for (;;) {
        pthread_mutex_lock(&server.lock);
        while (!server.first)
            pthread_cond_wait(&server.filled, &server.lock);
        struct connection *connection = server.first;
        server.first = connection->next;
        if (!server.first)
            server.last = &server.first;
        pthread_mutex_unlock(&server.lock);
        work(connection->request);
        complete(connection);
    }
    return unused;
}

static void submit(struct connection *connection)
{
    connection->in_pool = true;
    connection->next = NULL;
    pthread_mutex_lock(&server.lock);
    *server.last = connection;
    server.last = &connection->next;
    pthread_mutex_unlock(&server.lock);
    pthread_cond_signal(&server.filled);
}

/* ---- the loop ---- */

static void connection_close(struct connection *connection)
{
    if (connection->in_pool) {
        connection->ended = true;
        return;
    }
    close(connection->fd);
    free(connection);
}

static void reply(struct connection *connection)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                             "Content-Length: 2\r\n\r\nok";
    connection->length = 0;
    if (write(connection->fd, ok, sizeof ok - 1) != sizeof ok - 1)
        connection_close(connection);
}

static void on_request(struct connection *connection)
{
    if (strncmp(connection->request, "GET /livez ", 11) == 0)
        reply(connection);
    else
        submit(connection);
}

static void on_readable(struct connection *connection)
{
    if (connection->in_pool)
        return;
    ssize_t n = read(connection->fd, connection->request + connection->length,
                     sizeof connection->request - 1 - connection->length);
    if (n <= 0) {
        connection_close(connection);
        return;
    }
    connection->length += (size_t)n;
    connection->request[connection->length] = '\0';
    if (memcmp(connection->request + connection->length - 4, "\r\n\r\n", 4) == 0)
        on_request(connection);
}

static void on_completions(void)
{
    uint64_t ignored;
    if (read(server.event_fd, &ignored, sizeof ignored) < 0)
        abort();
    pthread_mutex_lock(&server.done_lock);
    struct connection *done = server.done;
    server.done = NULL;
    pthread_mutex_unlock(&server.done_lock);
    while (done) {
        struct connection *connection = done;
        done = connection->next;
        connection->in_pool = false;
        if (connection->ended)
            connection_close(connection);
        else
            reply(connection);
    }
}

static void watch(int fd, void *what)
{
    epoll_ctl(server.epoll_fd, EPOLL_CTL_ADD, fd,
              &(struct epoll_event){.events = EPOLLIN, .data.ptr = what});
}

static void on_connections(int listener)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection *connection = calloc(1, sizeof *connection);
        if (!connection)
            abort();
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        connection->fd = fd;
        watch(fd, connection);
    }
}

static int listen_on(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4096) < 0) {
        perror("listen");
        exit(1);
    }
    return fd;
}

static void raise_file_limit(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    raise_file_limit();
    server.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server.event_fd = eventfd(0, EFD_CLOEXEC);
    int listener = listen_on((uint16_t)atoi(argv[1]));
    watch(listener, &listener);
    watch(server.event_fd, &server.event_fd);
    for (int i = atoi(argv[2]); i > 0; i--)
        pthread_create(&(pthread_t){0}, NULL, pool_thread, NULL);
    for (;;) {
        struct epoll_event events[256];
        int n = epoll_wait(server.epoll_fd, events, 256, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == &listener)
                on_connections(listener);
            else if (events[i].data.ptr == &server.event_fd)
                on_completions();
            else
                on_readable(events[i].data.ptr);
        }
    }
}
