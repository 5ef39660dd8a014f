/*
 * What the tests of the net floor share: a listener and its streams on a loop in the test's thread,
 * and raw sockets as the peers. The kernel holds what a peer sends until the loop runs. Whatever
 * waits gives up after PATIENCE_S, so that a test fails instead of hanging.
 */
#ifndef NET_FIXTURE_H
#define NET_FIXTURE_H

#include "support.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ferry/log.h>
#include <ferry/stream.h>

#include "address.h"
#include "bytes.h"

enum { PATIENCE_S = 60, STREAMS_MAX = 4 };

struct fixture {
    ferry_loop *loop;
    ferry_stream_listener *listener;
    ferry_stream *streams[STREAMS_MAX]; /* as they were accepted */
    unsigned count;                     /* that came, also those that did not fit */
};

/* ---- waiting ---- */

struct wait_for {
    ferry_loop *loop;
    bool (*is_so)(void *arg);
    void *arg;
    int64_t until_ms;
    bool result;
};

static inline void wait_look(void *arg)
{
    struct wait_for *wait = arg;
    wait->result = wait->is_so(wait->arg);
    if (wait->result || ferry_loop_now_ms(wait->loop) > wait->until_ms)
        ferry_loop_stop(wait->loop);
    else
        ferry_loop_call_later(wait->loop, 1, wait_look, wait);
}

/* Run the loop until a condition holds; false when it does not in PATIENCE_S. */
static inline bool run_until(ferry_loop *loop, bool (*is_so)(void *arg), void *arg)
{
    struct wait_for wait = {loop, is_so, arg, ferry_loop_now_ms(loop) + PATIENCE_S * 1000, false};
    ferry_loop_call_later(loop, 0, wait_look, &wait);
    ferry_loop_run(loop);
    return wait.result;
}

static inline bool has_looked_thrice(void *arg)
{
    return ++*(int *)arg == 3;
}

/* Let the loop take in what a peer has sent. */
static inline void run_turns(ferry_loop *loop)
{
    int looks = 0;
    assert_true(run_until(loop, has_looked_thrice, &looks));
}

/* What a future came to; it is told when it is done. */
struct outcome {
    bool is_done;
    void *result;
    ferry_error error;
};

static inline void on_outcome(ferry_future *future, void *arg)
{
    struct outcome *outcome = arg;
    outcome->is_done = true;
    outcome->error = *ferry_future_error(future);
    outcome->result = ferry_future_take(future);
}

static inline bool outcome_is_done(void *arg)
{
    return ((struct outcome *)arg)->is_done;
}

static inline void expect_done(ferry_loop *loop, struct outcome *outcome)
{
    if (!run_until(loop, outcome_is_done, outcome))
        fail_msg("the future was not done in %d s", PATIENCE_S);
}

static inline struct outcome await(ferry_loop *loop, ferry_future *future)
{
    struct outcome outcome = {0};
    assert_non_null(future);
    ferry_future_then(future, on_outcome, &outcome);
    expect_done(loop, &outcome);
    return outcome;
}

static inline void expect_code(ferry_loop *loop, ferry_future *future, ferry_code code)
{
    struct outcome outcome = await(loop, future);
    if (outcome.error.code != code)
        fail_msg("%s (%s), not %s", ferry_code_name(outcome.error.code), outcome.error.message,
                 ferry_code_name(code));
    assert_null(outcome.result);
}

static inline void expect_outcome_text(struct outcome *outcome, const char *text)
{
    if (outcome->error.code)
        fail_msg("%s: %s", ferry_code_name(outcome->error.code), outcome->error.message);
    ferry_bytes *bytes = outcome->result;
    assert_non_null(bytes);
    assert_string_equal(bytes->data, text);
    assert_int_equal(bytes->length, strlen(text));
    ferry_bytes_free(bytes);
}

static inline void expect_text(ferry_loop *loop, ferry_future *future, const char *text)
{
    struct outcome outcome = await(loop, future);
    expect_outcome_text(&outcome, text);
}

/* ---- our side ---- */

static inline void keep_stream(ferry_stream_listener *listener, ferry_stream *stream, void *ctx)
{
    (void)listener;
    struct fixture *f = ctx;
    if (f->count < STREAMS_MAX)
        f->streams[f->count] = stream;
    else
        ferry_stream_free(stream);
    f->count++;
}

static inline void fixture_listen(struct fixture *f, const char *address,
                                  const ferry_stream_listen_options *options)
{
    ferry_error error = {0};
    f->listener = ferry_stream_listen(f->loop, address, options, keep_stream, f, &error);
    if (!f->listener)
        fail_msg("%s", error.message);
}

static inline void fixture_open(struct fixture *f, const ferry_stream_listen_options *options)
{
    signal(SIGPIPE, SIG_IGN);
    memset(f, 0, sizeof *f);
    f->loop = ferry_loop_new();
    assert_non_null(f->loop);
    fixture_listen(f, "127.0.0.1:0", options);
}

static inline void fixture_close(struct fixture *f)
{
    for (unsigned i = 0; i < STREAMS_MAX; i++)
        ferry_stream_free(f->streams[i]);
    ferry_stream_listener_free(f->listener);
    ferry_loop_free(f->loop);
}

static inline bool has_stream(void *arg)
{
    return ((struct fixture *)arg)->count > 0;
}

static inline bool has_two_streams(void *arg)
{
    return ((struct fixture *)arg)->count > 1;
}

static inline const char *fixture_address(const struct fixture *f)
{
    return ferry_stream_listener_address(f->listener);
}

/* ---- the peer's side ---- */

static inline int peer_open(const char *text)
{
    struct address address;
    if (address_parse(&address, text, NULL) < 0)
        return -1;
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, &address.any, address.length) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Open a fixture with a connection: the peer's descriptor, and f->streams[0]. */
static inline int fixture_connect(struct fixture *f, const ferry_stream_options *options)
{
    ferry_stream_listen_options listen = {0};
    if (options)
        listen.stream = *options;
    fixture_open(f, &listen);
    int fd = peer_open(fixture_address(f));
    assert_true(fd >= 0);
    assert_true(run_until(f->loop, has_stream, f));
    return fd;
}

static inline void peer_send(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Read one message of a known length; the loop does not run meanwhile. */
static inline void peer_expect(int fd, const char *text)
{
    char got[256] = "";
    size_t length = strlen(text);
    assert_int_equal(recv(fd, got, length, MSG_WAITALL), length);
    assert_string_equal(got, text);
}

/* The peer's socket, drained while the loop runs. */
struct drain {
    int fd;
    size_t received;
    size_t wanted; /* SIZE_MAX: to the end */
    int number;    /* errno of the end; 0: an orderly one */
    bool has_ended;
};

static inline bool drain_some(void *arg)
{
    struct drain *drain = arg;
    char part[65536];
    ssize_t n = recv(drain->fd, part, sizeof part, MSG_DONTWAIT);
    if (n > 0) {
        drain->received += (size_t)n;
    } else if (n == 0 || errno != EAGAIN) {
        drain->has_ended = true;
        drain->number = n < 0 ? errno : 0;
    }
    return drain->has_ended || drain->received >= drain->wanted;
}

static inline void expect_end(ferry_loop *loop, int fd)
{
    struct drain drain = {.fd = fd, .wanted = SIZE_MAX};
    assert_true(run_until(loop, drain_some, &drain));
    assert_true(drain.has_ended);
}

#endif
