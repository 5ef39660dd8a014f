/*
 * What the tests of the HTTP client share: a server and a client on one loop, and a peer that says
 * what it is told, in a thread of its own, for answers that no good server gives.
 */
#ifndef CLIENT_FIXTURE_H
#define CLIENT_FIXTURE_H

#include <ferry/http_client.h>

#include "fixture.h"
#include "support.h"

/* ---- fetches ---- */

struct outcome {
    ferry_loop *loop;
    bool is_done;
    bool stops_loop;
    ferry_response *response; /* NULL: an error */
    ferry_error error;
};

static inline void outcome_take(ferry_future *future, void *arg)
{
    struct outcome *outcome = arg;
    outcome->is_done = true;
    outcome->error = *ferry_future_error(future);
    outcome->response = ferry_future_take(future);
    if (outcome->stops_loop)
        ferry_loop_stop(outcome->loop);
}

/* Run the loop until a future is done. */
static inline struct outcome await(ferry_loop *loop, ferry_future *future)
{
    struct outcome outcome = {.loop = loop, .stops_loop = true};
    assert_non_null(future);
    ferry_future_then(future, outcome_take, &outcome);
    ferry_loop_run(loop);
    assert_true(outcome.is_done);
    assert_true(!outcome.response != !outcome.error.code);
    return outcome;
}

struct client_fixture {
    struct fixture f;
    ferry_http_client *client;
    char url[512]; /* of `url_of` */
};

static inline void client_open(struct client_fixture *c, const ferry_http_client_options *options)
{
    fixture_open(&c->f, NULL);
    c->client = ferry_http_client_new(c->f.loop, options);
    assert_non_null(c->client);
}

static inline void client_close(struct client_fixture *c)
{
    ferry_http_client_free(c->client);
    fixture_close(&c->f);
}

/* Valid until the next one. */
static inline const char *url_of(struct client_fixture *c, const char *path)
{
    snprintf(c->url, sizeof c->url, "http://%s%s", c->f.address, path);
    return c->url;
}

static inline struct outcome fetch(struct client_fixture *c, const ferry_fetch_options *options)
{
    return await(c->f.loop, ferry_fetch(c->client, options));
}

/* A fetch that must bring a response. */
static inline ferry_response *fetch_ok(struct client_fixture *c, const ferry_fetch_options *options)
{
    struct outcome outcome = fetch(c, options);
    if (!outcome.response)
        fail_msg("%s: %s: %s", options->url, ferry_code_name(outcome.error.code),
                 outcome.error.message);
    return outcome.response;
}

static inline ferry_response *get_ok(struct client_fixture *c, const char *path)
{
    return fetch_ok(c, &(ferry_fetch_options){.url = url_of(c, path)});
}

static inline void fetch_fails(struct client_fixture *c, const ferry_fetch_options *options,
                               ferry_code code)
{
    struct outcome outcome = fetch(c, options);
    if (outcome.response)
        fail_msg("%s: status %d, not %s", options->url, ferry_response_status(outcome.response),
                 ferry_code_name(code));
    if (outcome.error.code != code)
        fail_msg("%s: %s, not %s: %s", options->url, ferry_code_name(outcome.error.code),
                 ferry_code_name(code), outcome.error.message);
    assert_true(outcome.error.message[0] != '\0');
}

static inline void assert_body(const ferry_response *response, const char *expected)
{
    size_t length;
    assert_string_equal(ferry_response_body(response, &length), expected);
    assert_int_equal(length, strlen(expected));
}

static inline ferry_response_times times_of(const ferry_response *response)
{
    ferry_response_times times;
    ferry_response_get_times(response, &times);
    return times;
}

/* ---- a peer that says what it is told ---- */

struct canned {
    int listener;
    char url[64];
    const char *head; /* NULL: none */
    const char *text; /* what it answers to everyone */
    size_t repeats;   /* of the text */
    bool is_endless;  /* holds the connection open until the other side closes it */
    struct bytes heard;
    pthread_t thread;
};

static inline bool canned_hear(struct canned *canned, int fd)
{
    char c;
    while (!strstr(bytes_text(&canned->heard), "\r\n\r\n")) {
        if (recv(fd, &c, 1, 0) <= 0)
            return false;
        bytes_append_char(&canned->heard, c);
    }
    return true;
}

static inline void *canned_run(void *arg)
{
    struct canned *canned = arg;
    int fd;
    char c;
    while ((fd = accept(canned->listener, NULL, NULL)) >= 0) {
        bytes_clear(&canned->heard);
        bool goes_on = canned_hear(canned, fd) && (!canned->head || client_send(fd, canned->head));
        for (size_t i = 0; goes_on && i < canned->repeats; i++)
            goes_on = client_send(fd, canned->text);
        while (canned->is_endless && recv(fd, &c, 1, 0) > 0)
            ;
        close(fd);
    }
    return NULL;
}

/* A listening socket on a free port of 127.0.0.1. */
static inline int listen_free(unsigned *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 128), 0);
    getsockname(fd, (struct sockaddr *)&address, &size);
    *port = ntohs(address.sin_port);
    return fd;
}

/* Begin to answer; what to say is set. */
static inline void canned_start(struct canned *canned)
{
    unsigned port;
    canned->listener = listen_free(&port);
    snprintf(canned->url, sizeof canned->url, "http://127.0.0.1:%u/", port);
    assert_int_equal(pthread_create(&canned->thread, NULL, canned_run, canned), 0);
}

/* The usual one: it answers `text` and hangs up. */
static inline void canned_open(struct canned *canned, const char *text)
{
    *canned = (struct canned){.text = text, .repeats = 1};
    canned_start(canned);
}

/* Listen no more; what was heard last stays until canned_close. */
static inline void canned_stop(struct canned *canned)
{
    if (canned->listener < 0)
        return;
    shutdown(canned->listener, SHUT_RDWR);
    pthread_join(canned->thread, NULL);
    close(canned->listener);
    canned->listener = -1;
}

static inline void canned_close(struct canned *canned)
{
    canned_stop(canned);
    bytes_fini(&canned->heard);
}

#endif
