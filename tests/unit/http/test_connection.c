/*
 * Connections: their deadlines, what follows one request, and the drain.
 */
#include "http/kept.h"

#include <poll.h>

#include "clock.h"

enum { SHORT_MS = 50, WHOLE_MS = 200, SECOND_MS = 1000, LONG_MS = 60000 };

/* ---- one request after another ---- */

static void keep_alive_run(struct client *client)
{
    int fd = client_connect(client->f->address);
    for (int i = 0; i < 100; i++) {
        client_send(fd, client->text);
        char *reply = client_read_reply(fd);
        client->count += strstr(reply, "\r\n\r\nhello") != NULL;
        free(reply);
    }
    close(fd);
}

static void a_connection_is_kept(void **state)
{
    (void)state;
    struct fixture f;
    open_hello(&f, NULL);
    struct client client = {
        .f = &f, .run = keep_alive_run, .text = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"};
    client_run(&client);
    assert_int_equal(client.count, 100);
    assert_int_equal(fixture_stats(&f).accepted, 1);
    fixture_close(&f);
}

/* ---- deadlines ---- */

static ferry_http_options patient(void)
{
    return (ferry_http_options){.header_timeout_ms = LONG_MS,
                                .body_timeout_ms = LONG_MS,
                                .idle_timeout_ms = LONG_MS,
                                .write_timeout_ms = LONG_MS};
}

static void listen_run(struct client *client)
{
    client->reply = client_read_all(client->fd);
}

/* As talk, but that all is there before the server looks: then it is not the client that is late,
 * however slow this machine is. */
static char *talk_at_once(struct fixture *f, const char *text)
{
    struct client client = {.f = f, .run = listen_run, .fd = client_connect(f->address)};
    client_send(client.fd, text);
    client_run(&client);
    close(client.fd);
    return client.reply;
}

/* The server closes what it was sent, with this end of what it says. */
static void assert_timed_out(const ferry_http_options *options, const char *text, const char *said)
{
    struct fixture f;
    open_hello(&f, options);
    char *reply = talk_at_once(&f, text);
    assert_lacks(reply, "[no end]");
    if (*said)
        assert_has(reply, said);
    else
        assert_string_equal(reply, "");
    free(reply);
    assert_int_equal(fixture_stats(&f).timed_out, 1);
    wait_for_connections(&f, 0);
    assert_int_equal(fixture_stats(&f).buffered_bytes, 0);
    fixture_close(&f);
}

static void a_header_has_a_deadline(void **state)
{
    (void)state;
    ferry_http_options options = patient();
    options.header_timeout_ms = SHORT_MS;
    assert_timed_out(&options, "", "");
    assert_timed_out(&options, "GET /hello HT", "");
    assert_timed_out(&options, "GET /hello HTTP/1.1\r\nHost: h\r\nA: b", "");
    assert_timed_out(&options, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\nGET /hel", "\r\n\r\nhello");
}

/* One byte at a time is no progress. */
static void drip_run(struct client *client)
{
    int fd = client_connect(client->f->address);
    struct pollfd until_closed = {.fd = fd, .events = POLLIN};
    while (client_send(fd, "G") && poll(&until_closed, 1, 1) == 0)
        ;
    close(fd);
}

static void a_drip_does_not_move_the_deadline(void **state)
{
    (void)state;
    ferry_http_options options = patient();
    options.header_timeout_ms = SHORT_MS;
    struct fixture f;
    open_hello(&f, &options);
    struct client client = {.f = &f, .run = drip_run};
    client_run(&client);
    assert_int_equal(fixture_stats(&f).timed_out, 1);
    fixture_close(&f);
}

static void a_body_has_a_deadline(void **state)
{
    (void)state;
    ferry_http_options options = patient();
    options.body_timeout_ms = SHORT_MS;
    assert_timed_out(&options, "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf",
                     "");
    assert_timed_out(&options,
                     "POST /hello HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
                     "");
}

static bool has_timed_out(struct fixture *f, void *arg)
{
    (void)arg;
    return fixture_stats(f).timed_out == 1;
}

static void assert_request_timed_out(const char *text, const char *said)
{
    ferry_http_options options = patient();
    options.request_timeout_ms = SHORT_MS;
    struct fixture f;
    open_hello(&f, &options);
    char *reply = talk_at_once(&f, text);
    assert_lacks(reply, "[no end]");
    assert_has(reply, said);
    free(reply);
    assert_int_equal(fixture_stats(&f).timed_out, 1);
    assert_int_equal(fixture_stats(&f).timed_out_request, 1);
    wait_for_connections(&f, 0);
    assert_int_equal(fixture_stats(&f).buffered_bytes, 0);
    fixture_close(&f);
}

static void a_whole_request_has_a_deadline(void **state)
{
    (void)state;
    assert_request_timed_out("", "");
    assert_request_timed_out("GET /hello HTTP/1.1\r\nHost:", "");
    assert_request_timed_out("POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf",
                             "");
    assert_request_timed_out("GET /hello HTTP/1.1\r\nHost: h\r\n\r\nGET /hel", "\r\n\r\nhello");
}

static bool has_passed(struct fixture *f, void *arg)
{
    (void)f;
    return clock_monotonic_ms() >= *(const int64_t *)arg;
}

static void pass(struct fixture *f, int64_t ms)
{
    int64_t until_ms = clock_monotonic_ms() + ms;
    assert_true(fixture_wait(f, has_passed, &until_ms));
}

/* If the end of the header moved it, the body's would come first. */
static void the_deadline_of_a_whole_request_moves_with_no_phase(void **state)
{
    (void)state;
    ferry_http_options options = patient();
    options.request_timeout_ms = WHOLE_MS;
    options.body_timeout_ms = WHOLE_MS - 1;
    struct fixture f;
    open_hello(&f, &options);
    int fd = client_connect(f.address);
    client_send(fd, "POST /hello HTTP/1.1\r\n");
    wait_for_connections(&f, 1);
    pass(&f, SHORT_MS);
    client_send(fd, "Host: h\r\nContent-Length: 9\r\n\r\nhalf");
    assert_true(fixture_wait(&f, has_timed_out, NULL));
    assert_int_equal(fixture_stats(&f).timed_out_request, 1);
    close(fd);
    fixture_close(&f);
}

/* What is asked later on the connection has one of its own, from its first byte. */
static void the_deadline_of_a_whole_request_ends_with_it(void **state)
{
    (void)state;
    ferry_http_options options = patient();
    options.request_timeout_ms = SECOND_MS;
    struct fixture f;
    kept_count = 0;
    fixture_open(&f, &options);
    fixture_route(&f, "GET", "/keep", keep, NULL);
    int fd = client_connect(f.address);
    client_send(fd, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_kept(&f, 1);
    pass(&f, SECOND_MS);
    ferry_request_reply_text(kept, 200, "x");
    client_send(fd, "GET /keep HTTP/1.1\r\n");
    pass(&f, WHOLE_MS); /* a sweep or more */
    client_send(fd, "Host: h\r\n\r\n");
    wait_for_kept(&f, 2);
    ferry_request_reply_text(kept, 200, "x");
    assert_int_equal(fixture_stats(&f).timed_out, 0);
    close(fd);
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

static void an_idle_connection_has_a_deadline(void **state)
{
    (void)state;
    ferry_http_options options = patient();
    options.idle_timeout_ms = SHORT_MS;
    assert_timed_out(&options, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n", "\r\n\r\nhello");
}

static void expect_no_deadline(int64_t timeout_ms)
{
    const ferry_http_options options = {.header_timeout_ms = timeout_ms,
                                        .body_timeout_ms = timeout_ms,
                                        .idle_timeout_ms = timeout_ms,
                                        .write_timeout_ms = timeout_ms};
    struct fixture f;
    open_hello(&f, &options);
    int fd = client_connect(f.address);
    client_send(fd, "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n");
    wait_for_connections(&f, 1);
    pass(&f, WHOLE_MS); /* a sweep or more */
    client_send(fd, "bodyGET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    wait_for_connections(&f, 0);
    char *reply = client_read_all(fd);
    assert_has(reply, "\r\n\r\nhelloHTTP/1.1 200 OK\r\n");
    free(reply);
    assert_int_equal(fixture_stats(&f).timed_out, 0);
    close(fd);
    fixture_close(&f);
}

static void a_deadline_may_be_as_far_off_as_can_be_said(void **state)
{
    (void)state;
    expect_no_deadline(INT64_MAX);
}

static void a_negative_timeout_is_none(void **state)
{
    (void)state;
    expect_no_deadline(-1);
    expect_no_deadline(INT64_MIN);
}

static void a_reply_that_nobody_takes_has_a_deadline(void **state)
{
    (void)state;
    ferry_http_options options = patient();
    options.write_timeout_ms = SHORT_MS;
    struct fixture f;
    fixture_open(&f, &options);
    fixture_route(&f, "GET", "/big", big, NULL);
    int fd = client_connect(f.address);
    client_send(fd, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(fixture_wait(&f, has_timed_out, NULL));
    wait_for_connections(&f, 0);
    close(fd);
    fixture_close(&f);
}

/* The kernel counts more for what it holds of a unix socket than there is of it. */
static void a_reply_that_nobody_takes_has_a_deadline_on_a_unix_socket_too(void **state)
{
    (void)state;
    char folder[] = "/tmp/ferry-connection-XXXXXX", address[64];
    assert_non_null(mkdtemp(folder));
    snprintf(address, sizeof address, "unix:%s/sock", folder);
    ferry_http_options options = patient();
    options.write_timeout_ms = SHORT_MS;
    struct fixture f;
    fixture_open(&f, &options);
    fixture_listen(&f, address);
    fixture_route(&f, "GET", "/big", big, NULL);
    int fd = client_connect(f.address);
    client_send(fd, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(fixture_wait(&f, has_timed_out, NULL));
    wait_for_connections(&f, 0);
    close(fd);
    fixture_close(&f);
    rmdir(folder);
}

/* Takes the reply in small portions, over more time than the deadline allows without progress. */
struct slow_reader {
    ferry_loop *loop;
    int fd;
    size_t taken;
};

static void take_some(void *arg)
{
    static char part[512 << 10];
    struct slow_reader *reader = arg;
    ssize_t n = recv(reader->fd, part, sizeof part, MSG_DONTWAIT);
    if (n > 0)
        reader->taken += (size_t)n;
    if (n == 0 || reader->taken > BIG_BYTES)
        ferry_loop_stop(reader->loop);
    else
        ferry_loop_call_later(reader->loop, 10, take_some, reader);
}

static void progress_moves_the_deadline_of_a_reply(void **state)
{
    (void)state;
    ferry_http_options options = patient();
    options.write_timeout_ms = 700;
    struct fixture f;
    fixture_open(&f, &options);
    fixture_route(&f, "GET", "/big", big, NULL);
    struct slow_reader reader = {.loop = f.loop, .fd = client_connect(f.address)};
    client_send(reader.fd, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    take_some(&reader);
    ferry_loop_run(f.loop);
    assert_true(reader.taken > BIG_BYTES);
    assert_int_equal(fixture_stats(&f).timed_out, 0);
    close(reader.fd);
    fixture_close(&f);
}

/* ---- drain ---- */

static void a_drain_closes_what_is_idle_and_finishes_the_rest(void **state)
{
    (void)state;
    struct fixture f;
    open_keep(&f);
    int fresh = client_connect(f.address);
    int busy = client_connect(f.address);
    int partial = client_connect(f.address);
    client_send(busy, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    client_send(partial, "GET /keep HTTP/1.1\r\nHost: h\r\n");
    wait_for_kept(&f, 1);
    wait_for_connections(&f, 3);
    char *reply = ask(&f, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    free(reply);

    ferry_http_server_drain(f.server);
    assert_int_equal(client_connect(f.address), -1);
    wait_for_connections(&f, 2);
    assert_int_equal(fixture_stats(&f).timed_out, 0);
    char c;
    assert_int_equal(recv(fresh, &c, 1, 0), 0);
    ferry_request_reply_text(kept, 200, "done");
    client_send(partial, "\r\n");
    wait_for_kept(&f, 2);
    ferry_request_reply_text(kept, 200, "done");
    wait_for_connections(&f, 0);
    const int both[] = {busy, partial};
    for (size_t i = 0; i < 2; i++) {
        reply = client_read_all(both[i]);
        assert_has(reply, "\r\nConnection: close\r\n");
        assert_has(reply, "\r\n\r\ndone");
        assert_lacks(reply, "[no end]");
        free(reply);
        close(both[i]);
    }
    close(fresh);
    fixture_close(&f);
}

/* It has come in whole, and waits its turn only. */
static void a_drain_answers_what_waits_behind_a_reply(void **state)
{
    (void)state;
    struct fixture f;
    open_keep(&f);
    int fd = client_connect(f.address);
    client_send(fd, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_kept(&f, 1);
    ferry_request_reply_text(kept, 200, "kept");
    ferry_http_server_drain(f.server);
    assert_int_equal(fixture_stats(&f).receiving, 1); /* who looks now does not stop the loop */
    wait_for_connections(&f, 0);
    char *reply = client_read_all(fd);
    assert_has(reply, "\r\n\r\nkept");
    assert_has(reply, "\r\n\r\nhello");
    assert_has(reply, "Connection: close\r\n");
    free(reply);
    close(fd);
    fixture_close(&f);
}

/* It has come, and nobody has looked yet. */
static void a_drain_answers_what_lies_in_a_socket(void **state)
{
    (void)state;
    struct fixture f;
    open_keep(&f);
    int fresh = client_connect(f.address), idle = client_connect(f.address);
    client_send(idle, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_kept(&f, 1);
    wait_for_connections(&f, 2);
    ferry_request_reply_text(kept, 200, "kept");
    client_send(fresh, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"); /* the loop does not run */
    client_send(idle, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    ferry_http_server_drain(f.server);
    wait_for_connections(&f, 0);
    const int both[] = {fresh, idle};
    for (size_t i = 0; i < 2; i++) {
        char *reply = client_read_all(both[i]);
        assert_has(reply, "\r\n\r\nhello");
        assert_lacks(reply, "[no end]");
        free(reply);
        close(both[i]);
    }
    fixture_close(&f);
}

static void take_all_run(struct client *client)
{
    char part[65536];
    ssize_t n;
    while ((n = recv(client->fd, part, sizeof part, 0)) > 0)
        client->count += (size_t)n;
}

static bool is_sending(struct fixture *f, void *arg)
{
    (void)arg;
    return fixture_stats(f).sending == 1;
}

/* What is on its way when the drain begins says nothing of a close, and is closed all the same. */
static void a_drain_lets_a_reply_end(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    fixture_route(&f, "GET", "/big", big, NULL);
    struct client client = {.f = &f, .run = take_all_run, .fd = client_connect(f.address)};
    client_send(client.fd, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(fixture_wait(&f, is_sending, NULL));
    ferry_http_server_drain(f.server);
    client_run(&client);
    assert_true(client.count > BIG_BYTES);
    wait_for_connections(&f, 0);
    assert_int_equal(fixture_stats(&f).timed_out, 0);
    close(client.fd);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_is_kept),
        cmocka_unit_test(a_header_has_a_deadline),
        cmocka_unit_test(a_drip_does_not_move_the_deadline),
        cmocka_unit_test(a_body_has_a_deadline),
        cmocka_unit_test(a_whole_request_has_a_deadline),
        cmocka_unit_test(the_deadline_of_a_whole_request_moves_with_no_phase),
        cmocka_unit_test(the_deadline_of_a_whole_request_ends_with_it),
        cmocka_unit_test(an_idle_connection_has_a_deadline),
        cmocka_unit_test(a_deadline_may_be_as_far_off_as_can_be_said),
        cmocka_unit_test(a_negative_timeout_is_none),
        cmocka_unit_test(a_reply_that_nobody_takes_has_a_deadline),
        cmocka_unit_test(a_reply_that_nobody_takes_has_a_deadline_on_a_unix_socket_too),
        cmocka_unit_test(progress_moves_the_deadline_of_a_reply),
        cmocka_unit_test(a_drain_closes_what_is_idle_and_finishes_the_rest),
        cmocka_unit_test(a_drain_answers_what_waits_behind_a_reply),
        cmocka_unit_test(a_drain_answers_what_lies_in_a_socket),
        cmocka_unit_test(a_drain_lets_a_reply_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
