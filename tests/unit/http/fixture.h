/*
 * What the tests of the http floor share: a server on a loop in the test's thread, and clients with
 * blocking sockets in threads of their own. A client's thread asserts nothing; it brings back what
 * it saw. A socket that waits for more than PATIENCE_S gives up, so that a test fails instead of
 * hanging.
 */
#ifndef HTTP_FIXTURE_H
#define HTTP_FIXTURE_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <ferry/http.h>
#include <ferry/log.h>

#include "address.h"
#include "bytes.h"

enum { PATIENCE_S = 60 };

struct fixture {
    ferry_loop *loop;
    ferry_http_server *server;
    char address[ADDRESS_TEXT_SIZE];
};

/* ---- the server's side ---- */

static inline void fixture_listen(struct fixture *f, const char *address)
{
    ferry_error error = {0};
    assert_int_equal(ferry_http_listen(f->server, address, f->address, sizeof f->address, &error),
                     0);
}

static inline void fixture_open(struct fixture *f, const ferry_http_options *options)
{
    f->loop = ferry_loop_new();
    assert_non_null(f->loop);
    f->server = ferry_http_server_new(f->loop, options);
    assert_non_null(f->server);
    fixture_listen(f, "127.0.0.1:0");
}

static inline void fixture_close(struct fixture *f)
{
    ferry_http_server_free(f->server);
    ferry_loop_free(f->loop);
}

static inline void fixture_route(struct fixture *f, const char *methods, const char *path,
                                 ferry_http_handler *handler, void *ctx)
{
    ferry_error error = {0};
    assert_int_equal(ferry_http_route(f->server, methods, path, handler, ctx, &error), 0);
}

static inline ferry_http_stats fixture_stats(const struct fixture *f)
{
    ferry_http_stats stats;
    ferry_http_server_get_stats(f->server, &stats);
    return stats;
}

struct wait_for {
    struct fixture *f;
    bool (*is_so)(struct fixture *f, void *arg);
    void *arg;
    int64_t until_ms;
    bool result;
};

static inline void wait_look(void *arg)
{
    struct wait_for *wait = arg;
    wait->result = wait->is_so(wait->f, wait->arg);
    if (wait->result || ferry_loop_now_ms(wait->f->loop) > wait->until_ms)
        ferry_loop_stop(wait->f->loop);
    else
        ferry_loop_call_later(wait->f->loop, 1, wait_look, wait);
}

/* Run the loop until a condition holds; false when it does not in PATIENCE_S. */
static inline bool fixture_wait(struct fixture *f, bool (*is_so)(struct fixture *f, void *arg),
                                void *arg)
{
    struct wait_for wait = {f, is_so, arg, ferry_loop_now_ms(f->loop) + PATIENCE_S * 1000, false};
    ferry_loop_call_later(f->loop, 0, wait_look, &wait);
    ferry_loop_run(f->loop);
    return wait.result;
}

static inline bool has_no_connections(struct fixture *f, void *arg)
{
    (void)arg;
    return fixture_stats(f).connections == 0;
}

/* ---- the client's side ---- */

static inline int client_connect(const char *text)
{
    struct address address;
    if (address_parse(&address, text, NULL) < 0)
        return -1;
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, &address.any, address.length) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Send as much as the peer takes; returns whether that was all. */
static inline bool client_send_bytes(int fd, const void *data, size_t length)
{
    for (size_t sent = 0; sent < length;) {
        ssize_t n = send(fd, (const char *)data + sent, length - sent, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        sent += (size_t)n;
    }
    return true;
}

static inline bool client_send(int fd, const char *text)
{
    return client_send_bytes(fd, text, strlen(text));
}

/* Read to the end of the stream into a string of the caller's. */
static inline char *client_read_all(int fd)
{
    struct bytes all = {0};
    char part[4096];
    ssize_t n;
    while ((n = recv(fd, part, sizeof part, 0)) > 0)
        bytes_append(&all, part, (size_t)n);
    if (n < 0)
        bytes_append_text(&all, "[no end]");
    return bytes_take(&all);
}

/* Read one reply by its Content-Length, or to the blank line without one. */
static inline char *client_read_reply(int fd)
{
    struct bytes all = {0};
    char c;
    while (!strstr(bytes_text(&all), "\r\n\r\n")) {
        if (recv(fd, &c, 1, 0) <= 0)
            return bytes_take(&all);
        bytes_append_char(&all, c);
    }
    const char *length = strstr(bytes_text(&all), "Content-Length: ");
    char part[4096];
    for (size_t left = length ? strtoul(length + 16, NULL, 10) : 0; left > 0;) {
        ssize_t n = recv(fd, part, left < sizeof part ? left : sizeof part, 0);
        if (n <= 0)
            break;
        bytes_append(&all, part, (size_t)n);
        left -= (size_t)n;
    }
    return bytes_take(&all);
}

struct client {
    struct fixture *f;
    void (*run)(struct client *client);
    const char *text; /* what to send */
    size_t count;
    char *reply; /* what came back */
    int fd;
};

static inline void client_stop_loop(void *arg)
{
    ferry_loop_stop(arg);
}

static inline void *client_thread(void *arg)
{
    struct client *client = arg;
    client->run(client);
    ferry_loop_add_callback(client->f->loop, client_stop_loop, client->f->loop, NULL);
    return NULL;
}

/* Run a client's function in a thread, and the loop until it has returned. */
static inline void client_run(struct client *client)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, client_thread, client), 0);
    ferry_loop_run(client->f->loop);
    pthread_join(thread, NULL);
}

static inline void talk_run(struct client *client)
{
    int fd = client_connect(client->f->address);
    client_send(fd, client->text);
    client->reply = client_read_all(fd);
    close(fd);
}

/* Send bytes over a connection and return all that came until the server closed it. */
static inline char *talk(struct fixture *f, const char *text)
{
    struct client client = {.f = f, .run = talk_run, .text = text};
    client_run(&client);
    return client.reply;
}

static inline void ask_run(struct client *client)
{
    int fd = client_connect(client->f->address);
    client_send(fd, client->text);
    client->reply = client_read_reply(fd);
    close(fd);
}

/* Send one request and return its reply. */
static inline char *ask(struct fixture *f, const char *text)
{
    struct client client = {.f = f, .run = ask_run, .text = text};
    client_run(&client);
    return client.reply;
}

static inline void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in:\n%s", part, text);
}

static inline void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" in:\n%s", part, text);
}

#endif
