/*
 * The ends of connections: what a refusal counts as, and that the last reply reaches whoever has
 * sent more than was read of him.
 */
#include <errno.h>

#include "http/kept.h"

#define CLOSING "Host: h\r\nConnection: close\r\n\r\n"

/* ---- counts ---- */

static void assert_gets(struct fixture *f, const char *text, const char *status)
{
    char *reply = talk(f, text);
    assert_has(reply, status);
    assert_has(reply, "\r\nDate: ");
    if (strstr(status, "503"))
        assert_has(reply, "\r\nRetry-After: 1\r\n");
    else
        assert_lacks(reply, "Retry-After");
    free(reply);
}

static void refusals_are_counted_by_what_was_wrong(void **state)
{
    (void)state;
    const ferry_http_options options = {
        .header_bytes = 1024, .body_bytes = 1, .buffered_bytes = 1 << 20};
    struct fixture f;
    open_hello(&f, &options);
    struct bytes line = {0}, header = {0};
    bytes_printf(&line, "GET /%02000d HTTP/1.1\r\nHost: h\r\n\r\n", 0);
    bytes_printf(&header, "GET /hello HTTP/1.1\r\nHost: h\r\nA: %02000d\r\n\r\n", 0);
    assert_gets(&f, "nonsense\r\n\r\n", "HTTP/1.1 400 ");
    assert_gets(&f, "GET /hello HTTP/2.0\r\nHost: h\r\n\r\n", "HTTP/1.1 505 ");
    assert_int_equal(fixture_stats(&f).malformed, 2);
    assert_int_equal(fixture_stats(&f).too_large, 0);
    assert_gets(&f, "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n",
                "HTTP/1.1 413 ");
    assert_gets(&f, bytes_text(&line), "HTTP/1.1 414 ");
    assert_gets(&f, bytes_text(&header), "HTTP/1.1 431 ");
    assert_int_equal(fixture_stats(&f).too_large, 3);
    assert_int_equal(fixture_stats(&f).malformed, 2);
    bytes_fini(&line);
    bytes_fini(&header);
    fixture_close(&f);
}

static void a_refusal_of_a_head_has_no_body(void **state)
{
    (void)state;
    struct fixture f;
    open_hello(&f, NULL);
    char *reply = talk(&f, "HEAD /hello HTTP/1.1\r\n\r\n");
    assert_has(reply, "HTTP/1.1 400 ");
    assert_string_equal(strstr(reply, "\r\n\r\n"), "\r\n\r\n");
    free(reply);
    fixture_close(&f);
}

static void what_is_refused_for_want_of_room_was_not_wrong(void **state)
{
    (void)state;
    const ferry_http_options options = {.buffered_bytes = 1};
    struct fixture f;
    open_hello(&f, &options);
    assert_gets(&f, "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab",
                "HTTP/1.1 503 ");
    assert_int_equal(fixture_stats(&f).malformed, 0);
    assert_int_equal(fixture_stats(&f).too_large, 0);
    assert_int_equal(fixture_stats(&f).over_buffered_bytes, 1);
    fixture_close(&f);
}

static void who_has_closed_his_half_hears_why_he_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    open_hello(&f, NULL);
    char *reply = talk_half_closed(&f, "nonsense\r\n\r\n");
    assert_has(reply, "HTTP/1.1 400 Bad Request\r\n");
    assert_lacks(reply, "[no end]");
    free(reply);
    fixture_close(&f);
}

/* ---- the last reply ---- */

static void reply_to_another_twice(struct fixture *f, int other)
{
    for (int i = 0; i < 2; i++) {
        client_send(other, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
        wait_for_kept(f, kept_count + 1);
        ferry_request_reply_text(kept, 200, "done");
    }
}

/* It takes no place any more, whatever its client does. */
static void after_the_last_reply_a_connection_goes_at_once(void **state)
{
    (void)state;
    struct fixture f;
    open_keep(&f);
    int fd = client_connect(f.address), other = client_connect(f.address);
    client_send(fd, "GET /keep HTTP/1.1\r\n" CLOSING);
    wait_for_kept(&f, 1);
    ferry_request_reply_text(kept, 200, "done");
    reply_to_another_twice(&f, other);
    assert_int_equal(fixture_stats(&f).connections, 1);
    close(fd);
    close(other);
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

static bool holds_more(struct fixture *f, void *arg)
{
    return fixture_stats(f).buffered_bytes > *(size_t *)arg;
}

/* Who has sent too much may be about to send more. */
static void while_something_waits_it_stays_for_its_client_to_read(void **state)
{
    (void)state;
    struct fixture f;
    open_keep(&f);
    int fd = client_connect(f.address), other = client_connect(f.address);
    client_send(fd, "GET /keep HTTP/1.1\r\n" CLOSING);
    wait_for_kept(&f, 1);
    size_t held = fixture_stats(&f).buffered_bytes;
    client_send(fd, "GET /keep HTTP/1.1\r\n");
    assert_true(fixture_wait(&f, holds_more, &held));
    ferry_request_reply_text(kept, 200, "done");
    reply_to_another_twice(&f, other);
    assert_int_equal(fixture_stats(&f).connections, 2);
    char *reply = client_read_all(fd);
    assert_has(reply, "\r\n\r\ndone");
    assert_lacks(reply, "[no end]");
    free(reply);
    close(fd);
    close(other);
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

/* What lies in the socket, unread, would make the kernel reset the connection. */
static void what_is_not_read_does_not_reset_the_last_reply(void **state)
{
    (void)state;
    struct fixture f;
    open_keep(&f);
    int fd = client_connect(f.address);
    client_send(fd, "GET /keep HTTP/1.1\r\n" CLOSING);
    wait_for_kept(&f, 1);
    client_send(fd, "GET /keep HTTP/1.1\r\n"); /* the loop does not run */
    ferry_request_reply_text(kept, 200, "done");
    struct client client = {.f = &f, .run = read_all_run, .fd = fd};
    client_run(&client);
    char *reply = client.reply;
    assert_has(reply, "\r\n\r\ndone");
    assert_lacks(reply, "[no end]");
    free(reply);
    close(fd);
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

struct talker {
    int fd;
    size_t bytes;
    bool has_end;
};

/* Read on, and say something each time. */
static bool has_read_all(struct fixture *f, void *arg)
{
    (void)f;
    char part[64 << 10];
    struct talker *talker = arg;
    ssize_t n = recv(talker->fd, part, sizeof part, MSG_DONTWAIT);
    talker->bytes += n > 0 ? (size_t)n : 0;
    talker->has_end = n == 0;
    if (n > 0)
        send(talker->fd, "more", 4, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

static void expect_all_of_a_big_reply(bool has_closed_half)
{
    struct fixture f;
    fixture_open(&f, NULL);
    fixture_route(&f, "GET", "/big", big, NULL);
    struct talker talker = {.fd = client_connect(f.address)};
    client_send(talker.fd, "GET /big HTTP/1.1\r\n" CLOSING);
    if (has_closed_half)
        shutdown(talker.fd, SHUT_WR);
    assert_true(fixture_wait(&f, has_read_all, &talker));
    assert_true(talker.has_end);
    assert_true(talker.bytes > BIG_BYTES);
    close(talker.fd);
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

static void who_sends_on_gets_all_of_the_last_reply(void **state)
{
    (void)state;
    expect_all_of_a_big_reply(false);
}

static void so_does_who_has_closed_his_half(void **state)
{
    (void)state;
    expect_all_of_a_big_reply(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_are_counted_by_what_was_wrong),
        cmocka_unit_test(a_refusal_of_a_head_has_no_body),
        cmocka_unit_test(what_is_refused_for_want_of_room_was_not_wrong),
        cmocka_unit_test(who_has_closed_his_half_hears_why_he_is_refused),
        cmocka_unit_test(after_the_last_reply_a_connection_goes_at_once),
        cmocka_unit_test(while_something_waits_it_stays_for_its_client_to_read),
        cmocka_unit_test(what_is_not_read_does_not_reset_the_last_reply),
        cmocka_unit_test(who_sends_on_gets_all_of_the_last_reply),
        cmocka_unit_test(so_does_who_has_closed_his_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
