/*
 * Streamed replies: framing, backpressure, and every way that one can end.
 */
#include <fcntl.h>

#include <ferry/http_stream.h>

#include "fixture.h"
#include "support.h"

#define GET_10   "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
#define GET_11   "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define GET_LAST "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

enum { PIECE_BYTES = 10000, PIECES = 1000, LIMIT_BYTES = 100000 };

/* What one streamed reply does, and what it saw. */
struct stream {
    struct fixture f;
    ferry_request *request;
    ferry_reply *reply;
    unsigned written, refused, drained, gone, ended;
    size_t most_unsent;
    int last_result;
};

static void on_gone(void *arg)
{
    ((struct stream *)arg)->gone++;
}

static void on_end(void *arg)
{
    ((struct stream *)arg)->ended++;
}

static void begin(ferry_request *request, void *ctx)
{
    struct stream *stream = ctx;
    ferry_request_set_header(request, "X-Early", "1");
    ferry_request_on_gone(request, on_gone, stream);
    assert_int_equal(ferry_request_on_end(request, on_end, stream), 0);
    stream->request = request;
    stream->reply = ferry_request_reply_begin(request, 200, "text/plain");
    assert_non_null(stream->reply);
}

static void hello(ferry_request *request, void *ctx)
{
    begin(request, ctx);
    ferry_reply *reply = ((struct stream *)ctx)->reply;
    ferry_reply_write(reply, "hel", 3);
    ferry_reply_write(reply, "", 0);
    ferry_reply_write(reply, "lo", 2);
    ferry_reply_end(reply);
}

static void stream_open(struct stream *stream, const ferry_http_options *options,
                        ferry_http_handler *handler)
{
    *stream = (struct stream){0};
    fixture_open(&stream->f, options);
    fixture_route(&stream->f, "GET", "/", handler, stream);
}

static void stream_close(struct stream *stream)
{
    fixture_close(&stream->f);
}

/* ---- framing ---- */

static void test_a_stream_is_chunked(void **state)
{
    (void)state;
    struct stream stream;
    stream_open(&stream, NULL, hello);
    char *reply = talk(&stream.f, GET_LAST);
    assert_has(reply, "HTTP/1.1 200 OK\r\n");
    assert_has(reply, "X-Early: 1\r\n");
    assert_has(reply, "Content-Type: text/plain\r\n");
    assert_has(reply, "Transfer-Encoding: chunked\r\n");
    assert_lacks(reply, "Content-Length");
    assert_has(reply, "\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n");
    assert_int_equal(stream.ended, 1);
    assert_int_equal(fixture_stats(&stream.f).in_flight, 0);
    free(reply);
    stream_close(&stream);
}

static void test_a_stream_to_an_old_client_ends_with_the_connection(void **state)
{
    (void)state;
    struct stream stream;
    stream_open(&stream, NULL, hello);
    char *reply = talk(&stream.f, GET_10);
    assert_has(reply, "Connection: close\r\n");
    assert_lacks(reply, "chunked");
    assert_lacks(reply, "Content-Length");
    assert_lacks(reply, "keep-alive");
    assert_string_equal(strstr(reply, "\r\n\r\n"), "\r\n\r\nhello");
    free(reply);
    stream_close(&stream);
}

static void test_a_connection_goes_on_after_a_stream(void **state)
{
    (void)state;
    struct stream stream;
    stream_open(&stream, NULL, hello);
    char *reply = talk(&stream.f, GET_11 GET_11 GET_LAST);
    unsigned count = 0;
    for (const char *at = reply; (at = strstr(at, "2\r\nlo\r\n0\r\n\r\n")); at++)
        count++;
    assert_int_equal(count, 3);
    assert_int_equal(stream.ended, 3);
    free(reply);
    stream_close(&stream);
}

static void head(ferry_request *request, void *ctx)
{
    begin(request, ctx);
    struct stream *stream = ctx;
    stream->last_result = ferry_reply_write(stream->reply, "x", 1);
    ferry_reply_end(stream->reply);
}

static void test_head_takes_no_body(void **state)
{
    (void)state;
    struct stream stream;
    stream_open(&stream, NULL, head);
    char *reply = talk(&stream.f, "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_has(reply, "HTTP/1.1 200 OK\r\n");
    assert_string_equal(strstr(reply, "\r\n\r\n"), "\r\n\r\n");
    assert_int_equal(stream.last_result, FERRY_CANCELLED);
    free(reply);
    stream_close(&stream);
}

/* ---- backpressure ---- */

static void write_more(void *arg)
{
    struct stream *stream = arg;
    static const char piece[PIECE_BYTES];
    for (;;) {
        int rc =
            stream->written < PIECES ? ferry_reply_write(stream->reply, piece, sizeof piece) : 1;
        size_t unsent = ferry_reply_unsent_bytes(stream->reply);
        if (unsent > stream->most_unsent)
            stream->most_unsent = unsent;
        if (rc == FERRY_REJECTED)
            stream->refused++;
        else if (rc == 1)
            ferry_reply_end(stream->reply);
        if (rc != 0)
            return;
        stream->written++;
    }
}

static void drained(void *arg)
{
    ((struct stream *)arg)->drained++;
    write_more(arg);
}

static void pour(ferry_request *request, void *ctx)
{
    struct stream *stream = ctx;
    begin(request, ctx);
    ferry_reply_on_drained(stream->reply, drained, stream);
    write_more(stream);
}

static void test_what_waits_to_be_sent_is_bounded(void **state)
{
    (void)state;
    struct stream stream;
    stream_open(&stream, &(ferry_http_options){.unsent_bytes = LIMIT_BYTES}, pour);
    struct client client = {.f = &stream.f, .run = talk_run, .text = GET_10};
    client_run(&client);
    assert_int_equal(stream.written, PIECES);
    assert_true(stream.refused > 0);
    assert_true(stream.drained >= stream.refused);
    assert_true(stream.most_unsent >= LIMIT_BYTES);
    assert_true(stream.most_unsent < LIMIT_BYTES + PIECE_BYTES + 16);
    assert_has(client.reply, "200 OK");
    assert_int_equal(stream.ended, 1);
    free(client.reply);
    stream_close(&stream);
}

static void count_run(struct client *client)
{
    int fd = client_connect(client->f->address);
    char part[65536];
    ssize_t n;
    client_send(fd, client->text);
    while ((n = recv(fd, part, sizeof part, 0)) > 0)
        client->count += (size_t)n;
    close(fd);
}

static void test_a_stream_arrives_whole(void **state)
{
    (void)state;
    struct stream stream;
    stream_open(&stream, &(ferry_http_options){.unsent_bytes = LIMIT_BYTES}, pour);
    struct client client = {.f = &stream.f, .run = count_run, .text = GET_10};
    client_run(&client);
    assert_true(client.count > (size_t)PIECES * PIECE_BYTES);
    assert_true(client.count < (size_t)PIECES * PIECE_BYTES + 1000);
    stream_close(&stream);
}

/* ---- clients that leave, or do not read ---- */

static bool has_begun(struct fixture *f, void *arg)
{
    (void)f;
    return ((struct stream *)arg)->reply != NULL;
}

static bool is_gone(struct fixture *f, void *arg)
{
    (void)f;
    return ((struct stream *)arg)->gone > 0;
}

static bool has_ended(struct fixture *f, void *arg)
{
    (void)f;
    return ((struct stream *)arg)->ended > 0;
}

/* A connection of the test's own thread: what it sends is small enough not to block. */
static int stream_connect(struct stream *stream)
{
    int fd = client_connect(stream->f.address);
    client_send(fd, GET_11);
    assert_true(fixture_wait(&stream->f, has_begun, stream));
    return fd;
}

static void stream_end_after_gone(struct stream *stream)
{
    assert_int_equal(stream->gone, 1);
    assert_true(ferry_request_is_gone(stream->request));
    assert_string_equal(ferry_request_path(stream->request), "/"); /* still valid */
    assert_int_equal(ferry_reply_write(stream->reply, "x", 1), FERRY_CANCELLED);
    assert_int_equal(ferry_reply_unsent_bytes(stream->reply), 0);
    assert_int_equal(stream->ended, 0);
    ferry_reply_end(stream->reply);
    assert_true(fixture_wait(&stream->f, has_ended, stream));
    assert_int_equal(stream->ended, 1);
    assert_int_equal(fixture_stats(&stream->f).in_flight, 0);
    assert_int_equal(fixture_stats(&stream->f).connections, 0);
}

static void test_a_client_that_leaves_is_told(void **state)
{
    (void)state;
    struct stream stream;
    stream_open(&stream, NULL, begin);
    int fd = stream_connect(&stream);
    assert_int_equal(ferry_reply_write(stream.reply, "x", 1), 0);
    close(fd);
    assert_true(fixture_wait(&stream.f, is_gone, &stream));
    stream_end_after_gone(&stream);
    stream_close(&stream);
}

/* It counts as gone, so what it gets must not look whole. */
static void test_who_closes_his_half_gets_no_end(void **state)
{
    (void)state;
    struct stream stream;
    stream_open(&stream, NULL, begin);
    int fd = stream_connect(&stream);
    assert_int_equal(ferry_reply_write(stream.reply, "part", 4), 0);
    shutdown(fd, SHUT_WR);
    assert_true(fixture_wait(&stream.f, is_gone, &stream));
    stream_end_after_gone(&stream);
    char *reply = client_read_all(fd);
    assert_has(reply, "4\r\npart\r\n");
    assert_lacks(reply, "\r\n0\r\n");
    free(reply);
    close(fd);
    stream_close(&stream);
}

static void keep(ferry_request *request, void *ctx)
{
    ((struct stream *)ctx)->request = request;
}

static bool kept_is_gone(struct fixture *f, void *arg)
{
    (void)f;
    const struct stream *stream = arg;
    return stream->request && ferry_request_is_gone(stream->request);
}

/* Nor does a stream look whole that begins when its client has gone already. */
static void test_who_has_closed_his_half_before_gets_no_end(void **state)
{
    (void)state;
    struct stream stream;
    stream_open(&stream, NULL, keep);
    int fd = client_connect(stream.f.address);
    client_send(fd, GET_11);
    shutdown(fd, SHUT_WR);
    assert_true(fixture_wait(&stream.f, kept_is_gone, &stream));
    begin(stream.request, &stream);
    assert_int_equal(ferry_reply_write(stream.reply, "x", 1), FERRY_CANCELLED);
    ferry_reply_end(stream.reply);
    assert_true(fixture_wait(&stream.f, has_no_connections, NULL));
    assert_int_equal(stream.ended, 1);
    char *reply = client_read_all(fd);
    assert_string_equal(reply, "");
    free(reply);
    close(fd);
    stream_close(&stream);
}

static void test_a_client_that_does_not_read_is_gone(void **state)
{
    (void)state;
    struct stream stream;
    stream_open(&stream, &(ferry_http_options){.write_timeout_ms = 50}, begin);
    int fd = stream_connect(&stream);
    static const char piece[PIECE_BYTES];
    while (ferry_reply_write(stream.reply, piece, sizeof piece) == 0)
        ;
    ferry_reply_on_drained(stream.reply, write_more, &stream); /* for more than the kernel takes */
    assert_true(fixture_wait(&stream.f, is_gone, &stream));
    assert_int_equal(fixture_stats(&stream.f).timed_out, 1);
    stream_end_after_gone(&stream);
    close(fd);
    stream_close(&stream);
}

static void stop(void *arg)
{
    ferry_loop_stop(arg);
}

/* Longer than the deadline and a few sweeps: it is there for those that do not read. */
static void test_a_stream_may_pause(void **state)
{
    (void)state;
    struct stream stream;
    stream_open(&stream, &(ferry_http_options){.write_timeout_ms = 50, .idle_timeout_ms = 50},
                begin);
    int fd = stream_connect(&stream);
    ferry_loop_call_later(stream.f.loop, 500, stop, stream.f.loop);
    ferry_loop_run(stream.f.loop);
    assert_int_equal(stream.gone, 0);
    assert_int_equal(ferry_reply_write(stream.reply, "late", 4), 0);
    ferry_reply_end(stream.reply);
    assert_true(fixture_wait(&stream.f, has_no_connections, NULL)); /* idle, in the end */
    char *reply = client_read_all(fd);
    assert_has(reply, "4\r\nlate\r\n0\r\n\r\n");
    free(reply);
    close(fd);
    stream_close(&stream);
}

static bool has_buffered(struct fixture *f, void *arg)
{
    return fixture_stats(f).buffered_bytes >= *(size_t *)arg;
}

/* They are for later: they must neither be parsed now nor be lost. */
static void test_requests_behind_a_stream_wait(void **state)
{
    (void)state;
    struct stream stream;
    size_t length = strlen(GET_LAST);
    stream_open(&stream, NULL, begin);
    int fd = stream_connect(&stream);
    ferry_reply *first = stream.reply;
    stream.reply = NULL;
    client_send(fd, GET_LAST);
    assert_true(fixture_wait(&stream.f, has_buffered, &length));
    assert_int_equal(fixture_stats(&stream.f).in_flight, 1);
    ferry_reply_write(first, "one", 3);
    ferry_reply_end(first);
    assert_true(fixture_wait(&stream.f, has_begun, &stream));
    ferry_reply_write(stream.reply, "two", 3);
    ferry_reply_end(stream.reply);
    assert_true(fixture_wait(&stream.f, has_no_connections, NULL));
    char *reply = client_read_all(fd);
    assert_has(reply, "one");
    assert_has(reply, "two");
    free(reply);
    close(fd);
    stream_close(&stream);
}

/* ---- the server's end ---- */

static void test_a_drain_waits_for_a_stream(void **state)
{
    (void)state;
    struct stream stream;
    stream_open(&stream, NULL, begin);
    int fd = stream_connect(&stream);
    ferry_http_server_drain(stream.f.server);
    assert_int_equal(fixture_stats(&stream.f).in_flight, 1);
    assert_int_equal(ferry_reply_write(stream.reply, "last", 4), 0);
    ferry_reply_end(stream.reply);
    assert_true(fixture_wait(&stream.f, has_no_connections, NULL));
    char *reply = client_read_all(fd);
    assert_has(reply, "4\r\nlast\r\n0\r\n\r\n");
    free(reply);
    close(fd);
    stream_close(&stream);
}

static void test_a_stream_outlives_its_server(void **state)
{
    (void)state;
    struct stream stream;
    stream_open(&stream, NULL, begin);
    int fd = stream_connect(&stream);
    ferry_http_server_free(stream.f.server);
    stream.f.server = NULL;
    assert_int_equal(ferry_reply_write(stream.reply, "x", 1), FERRY_CANCELLED);
    assert_int_equal(stream.gone, 0);
    ferry_reply_end(stream.reply);
    assert_true(fixture_wait(&stream.f, has_ended, &stream));
    close(fd);
    stream_close(&stream);
}

/* ---- misuse ---- */

static size_t logged;

static void count_lines(void *arg, ferry_log_level level, const char *line, size_t length)
{
    (void)arg, (void)level;
    logged += memmem(line, length, "level=error", 11) != NULL;
}

static void misuse(ferry_request *request, void *ctx)
{
    begin(request, ctx);
    ferry_reply *reply = ((struct stream *)ctx)->reply;
    assert_int_equal(ferry_request_set_header(request, "X-Late", "1"), FERRY_INVALID);
    ferry_request_reply_text(request, 200, "whole");
    assert_ptr_equal(ferry_request_reply_begin(request, 200, NULL), reply);
    assert_int_equal(ferry_reply_write(reply, NULL, 1), FERRY_INVALID);
    ferry_reply_end(reply);
    ferry_reply_end(reply);
    assert_int_equal(ferry_reply_write(reply, "x", 1), FERRY_CANCELLED);
    assert_int_equal(logged, 4);
}

static void test_misuse_is_logged_and_does_no_harm(void **state)
{
    (void)state;
    struct stream stream;
    logged = 0;
    ferry_log_set_sink(count_lines, NULL);
    stream_open(&stream, NULL, misuse);
    char *reply = talk(&stream.f, GET_LAST);
    ferry_log_set_sink(NULL, NULL);
    assert_has(reply, "\r\n\r\n0\r\n\r\n");
    assert_lacks(reply, "X-Late");
    assert_int_equal(stream.ended, 1);
    free(reply);
    stream_close(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stream_is_chunked),
        cmocka_unit_test(test_a_stream_to_an_old_client_ends_with_the_connection),
        cmocka_unit_test(test_a_connection_goes_on_after_a_stream),
        cmocka_unit_test(test_head_takes_no_body),
        cmocka_unit_test(test_what_waits_to_be_sent_is_bounded),
        cmocka_unit_test(test_a_stream_arrives_whole),
        cmocka_unit_test(test_a_client_that_leaves_is_told),
        cmocka_unit_test(test_who_closes_his_half_gets_no_end),
        cmocka_unit_test(test_who_has_closed_his_half_before_gets_no_end),
        cmocka_unit_test(test_a_client_that_does_not_read_is_gone),
        cmocka_unit_test(test_a_stream_may_pause),
        cmocka_unit_test(test_requests_behind_a_stream_wait),
        cmocka_unit_test(test_a_drain_waits_for_a_stream),
        cmocka_unit_test(test_a_stream_outlives_its_server),
        cmocka_unit_test(test_misuse_is_logged_and_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
