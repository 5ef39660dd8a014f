/*
 * The limits of a server: connections, headers, one body, and all bodies together.
 */
#include "http/kept.h"

static bool two_were_served(struct fixture *f, void *arg)
{
    (void)arg;
    return fixture_stats(f).accepted == 3 && fixture_stats(f).connections <= 1;
}

static void connections_have_a_limit(void **state)
{
    (void)state;
    const ferry_http_options options = {.connections = 2};
    struct fixture f;
    open_hello(&f, &options);
    int first = client_connect(f.address), second = client_connect(f.address);
    wait_for_connections(&f, 2);
    int third = client_connect(f.address); /* waits in the backlog */
    client_send(third, "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    client_send(first, "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    char c;
    assert_int_equal(recv(third, &c, 1, MSG_DONTWAIT), -1);
    assert_int_equal(fixture_stats(&f).accepted, 2);
    assert_true(fixture_wait(&f, two_were_served, NULL)); /* first and third came and went */
    char *reply = client_read_all(third);
    assert_has(reply, "hello");
    free(reply);
    close(first);
    close(second);
    close(third);
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

static void assert_makes_room(const char *text)
{
    const ferry_http_options options = {
        .connections = 1, .header_timeout_ms = 10000, .idle_timeout_ms = 10000};
    struct fixture f;
    open_hello(&f, &options);
    int fd = client_connect(f.address);
    client_send(fd, text);
    wait_for_connections(&f, 1);
    char *reply = ask(&f, "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_has(reply, "hello");
    free(reply);
    assert_int_equal(fixture_stats(&f).made_room, 1);
    assert_int_equal(fixture_stats(&f).timed_out, 0);
    close(fd);
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

static void at_the_limit_who_asks_for_nothing_makes_room(void **state)
{
    (void)state;
    assert_makes_room("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"); /* nothing more */
    assert_makes_room("GET /hello HTTP/1.1\r\n");                /* not the whole of it */
}

static void a_server_may_be_freed_at_its_limit(void **state)
{
    (void)state;
    const ferry_http_options options = {.connections = 1};
    struct fixture f;
    open_hello(&f, &options);
    int fd = client_connect(f.address);
    wait_for_connections(&f, 1);
    fixture_close(&f);
    close(fd);
}

/* ---- many connections at once ---- */

enum { FLOOD = 320, AT_ONCE = 64 };

struct turns {
    struct fixture *f;
    uint64_t accepted; /* as of the turn before */
    uint64_t most;     /* in one turn */
};

static void look_each_turn(void *arg)
{
    struct turns *turns = arg;
    uint64_t accepted = fixture_stats(turns->f).accepted, more = accepted - turns->accepted;
    turns->accepted = accepted;
    if (more > turns->most)
        turns->most = more;
    if (accepted < FLOOD)
        ferry_loop_add_callback(turns->f->loop, look_each_turn, turns, NULL);
}

static void a_flood_of_connections_leaves_others_their_turn(void **state)
{
    (void)state;
    struct fixture f;
    open_hello(&f, NULL);
    int fds[FLOOD];
    for (size_t i = 0; i < FLOOD; i++)
        fds[i] = client_connect(f.address);
    struct turns turns = {.f = &f};
    ferry_loop_add_callback(f.loop, look_each_turn, &turns, NULL);
    wait_for_connections(&f, FLOOD);
    assert_in_range(turns.most, 1,
                    2 * AT_ONCE); /* it may look at the end of one turn and the next */
    for (size_t i = 0; i < FLOOD; i++)
        close(fds[i]);
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

/* ---- connections of one address ---- */

static bool has_refused(struct fixture *f, void *arg)
{
    return fixture_stats(f).accepted == 3 &&
           fixture_stats(f).over_connections_per_address == *(unsigned *)arg;
}

static void assert_still_served(struct fixture *f, const char *trusted, unsigned refused)
{
    const ferry_http_options options = {.connections_per_address = 2};
    open_hello(f, &options);
    if (trusted)
        assert_int_equal(ferry_http_trust(f->server, trusted, NULL), 0);
    int fds[3];
    for (size_t i = 0; i < 3; i++)
        fds[i] = client_connect(f->address);
    assert_true(fixture_wait(f, has_refused, &refused));
    for (size_t i = 0; i < 3; i++)
        client_send(fds[i], "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_true(fixture_wait(f, has_no_connections, NULL)); /* the refused one soon, too */
    for (size_t i = 0; i < 3; i++) {
        char *reply = client_read_all(fds[i]);
        assert_has(reply, refused && i == 2 ? "HTTP/1.1 503 Service Unavailable\r\n" : "hello");
        free(reply);
        close(fds[i]);
    }
    char *reply = ask(f, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_has(reply, "hello"); /* there is room again */
    free(reply);
    fixture_close(f);
}

static void one_address_has_a_limit(void **state)
{
    (void)state;
    struct fixture f;
    assert_still_served(&f, NULL, 1);
}

static void trusted_addresses_have_none(void **state)
{
    (void)state;
    struct fixture f;
    assert_still_served(&f, "127.0.0.0/8", 0);
}

/* ---- requests of one connection ---- */

static void a_connection_has_so_many_requests(void **state)
{
    (void)state;
    const ferry_http_options options = {.requests_per_connection = 2};
    struct fixture f;
    open_hello(&f, &options);
    char *reply = talk(&f, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
                           "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
                           "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    const char *first = strstr(reply, "hello");
    assert_non_null(first);
    const char *close = strstr(reply, "\r\nConnection: close\r\n");
    assert_true(close > first);
    assert_true(strstr(first + 1, "hello") > close); /* the second says so */
    assert_lacks(close + 1, "HTTP/1.1 ");            /* there is no third */
    free(reply);
    assert_int_equal(fixture_stats(&f).over_requests_per_connection, 1);
    fixture_close(&f);
}

/* ---- replies together ---- */

/* Whoever takes nothing is cut off long before the deadline, when replies are too much. */
static void replies_together_have_a_limit(void **state)
{
    (void)state;
    const ferry_http_options options = {.unsent_total_bytes = 1 << 20, .write_timeout_ms = 3600000};
    struct fixture f;
    fixture_open(&f, &options);
    fixture_route(&f, "GET", "/big", big, NULL);
    int fd = client_connect(f.address);
    unsigned one = 1;
    client_send(fd, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(fixture_wait(&f, has_connections, &one));
    assert_true(fixture_wait(&f, has_no_connections, NULL));
    assert_int_equal(fixture_stats(&f).over_unsent_bytes, 1);
    assert_int_equal(fixture_stats(&f).timed_out_write, 1);
    assert_int_equal(fixture_stats(&f).unsent_bytes, 0);
    close(fd);
    fixture_close(&f);
}

struct taker {
    int fd;
    size_t bytes;
};

/* A little each time, so that the server looks at it more than once meanwhile. */
static bool has_taken_half(struct fixture *f, void *arg)
{
    (void)f;
    struct taker *taker = arg;
    char some[64 << 10];
    ssize_t n = recv(taker->fd, some, sizeof some, MSG_DONTWAIT);
    taker->bytes += n > 0 ? (size_t)n : 0;
    return taker->bytes >= BIG_BYTES / 2;
}

static struct taker taker_of_big(struct fixture *f)
{
    struct taker taker = {.fd = client_connect(f->address)};
    client_send(taker.fd, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
    return taker;
}

/* As its memory is freed then, and not before. */
static void a_reply_counts_until_all_of_it_is_taken(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    fixture_route(&f, "GET", "/big", big, NULL);
    struct taker taker = taker_of_big(&f);
    assert_true(fixture_wait(&f, has_taken_half, &taker));
    assert_in_range(fixture_stats(&f).unsent_bytes, BIG_BYTES - BIG_BYTES / 4, BIG_BYTES + 1000);
    close(taker.fd);
    assert_true(fixture_wait(&f, has_no_connections, NULL));
    assert_int_equal(fixture_stats(&f).unsent_bytes, 0);
    fixture_close(&f);
}

enum { TAKERS = 4 };

static bool two_were_cut_off(struct fixture *f, void *arg)
{
    struct taker *takers = arg;
    for (size_t i = 0; i < TAKERS; i++) {
        char some[4 << 10];
        takers[i].bytes += recv(takers[i].fd, some, sizeof some, MSG_DONTWAIT) > 0;
    }
    return fixture_stats(f).over_unsent_bytes == 2;
}

/* Else many who take a little each, again and again, would have the server hold all of it. */
static void replies_together_have_a_limit_whoever_takes_some(void **state)
{
    (void)state;
    const ferry_http_options options = {.unsent_total_bytes = BIG_BYTES};
    struct fixture f;
    fixture_open(&f, &options);
    fixture_route(&f, "GET", "/big", big, NULL);
    struct taker takers[TAKERS];
    for (size_t i = 0; i < TAKERS; i++)
        takers[i] = taker_of_big(&f);
    assert_true(fixture_wait(&f, two_were_cut_off, takers));
    assert_in_range(fixture_stats(&f).unsent_bytes, BIG_BYTES, 2 * BIG_BYTES);
    assert_int_equal(fixture_stats(&f).connections, 2);
    for (size_t i = 0; i < TAKERS; i++)
        close(takers[i].fd);
    assert_true(fixture_wait(&f, has_no_connections, NULL));
    fixture_close(&f);
}

static bool has_taken_all(struct fixture *f, void *arg)
{
    struct taker *taker = arg;
    return has_taken_half(f, arg) && taker->bytes > BIG_BYTES && fixture_stats(f).sending == 0;
}

static bool has_idled(struct fixture *f, void *arg)
{
    (void)arg;
    return fixture_stats(f).timed_out_idle == 1;
}

static void a_reply_that_was_taken_counts_no_more(void **state)
{
    (void)state;
    const ferry_http_options options = {.unsent_total_bytes = BIG_BYTES - BIG_BYTES / 3,
                                        .idle_timeout_ms = 50};
    struct fixture f;
    fixture_open(&f, &options);
    fixture_route(&f, "GET", "/big", big, NULL);
    struct taker taker = taker_of_big(&f);
    assert_true(fixture_wait(&f, has_taken_all, &taker));
    assert_int_equal(fixture_stats(&f).unsent_bytes, 0);
    assert_true(fixture_wait(&f, has_idled, NULL));
    assert_int_equal(fixture_stats(&f).over_unsent_bytes, 0);
    close(taker.fd);
    assert_true(fixture_wait(&f, has_no_connections, NULL));
    fixture_close(&f);
}

/* ---- headers and bodies ---- */

/* A header line of `length` bytes in a request. */
static char *long_header(size_t length, const char *before)
{
    struct bytes text = {0};
    bytes_printf(&text, "%sGET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: ", before);
    for (size_t i = 0; i < length; i++)
        bytes_append_char(&text, 'x');
    bytes_append_text(&text, "\r\n\r\n");
    return bytes_take(&text);
}

static void a_header_that_is_too_long_is_431(void **state)
{
    (void)state;
    struct fixture f;
    open_hello(&f, NULL);
    static const size_t lengths[] = {16 << 10, 100 << 10, 4 << 20};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char *text = long_header(lengths[i], "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
        char *reply = talk(&f, text);
        assert_has(reply, "\r\n\r\nhello"); /* the one before it */
        assert_has(reply, "HTTP/1.1 431 Request Header Fields Too Large\r\n");
        assert_has(reply, "\r\nConnection: close\r\n");
        assert_has(reply, "application/problem+json");
        assert_lacks(reply, "[no end]");
        free(text);
        free(reply);
    }
    char *text = long_header(15 << 10, "");
    char *reply = talk(&f, text);
    assert_has(reply, "HTTP/1.1 200 OK\r\n");
    free(text);
    free(reply);
    assert_true(fixture_wait(&f, has_no_connections, NULL));
    assert_int_equal(fixture_stats(&f).buffered_bytes, 0);
    fixture_close(&f);
}

/* A request with a body of `length` bytes. */
static char *long_body(size_t length)
{
    struct bytes text = {0};
    bytes_printf(
        &text,
        "POST /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
        length);
    for (size_t i = 0; i < length; i++)
        bytes_append_char(&text, 'x');
    return bytes_take(&text);
}

static void assert_body_gets(struct fixture *f, size_t length, const char *status)
{
    char *text = long_body(length);
    char *reply = talk(f, text);
    assert_has(reply, status);
    assert_lacks(reply, "[no end]");
    free(text);
    free(reply);
}

static void a_body_that_is_too_long_is_413(void **state)
{
    (void)state;
    const ferry_http_options options = {.body_bytes = 1 << 20};
    struct fixture f;
    open_hello(&f, &options);
    assert_body_gets(&f, 1 << 20, "HTTP/1.1 200 OK\r\n");
    assert_body_gets(&f, (1 << 20) + 1, "HTTP/1.1 413 Content Too Large\r\n");
    assert_body_gets(&f, 8 << 20, "HTTP/1.1 413 Content Too Large\r\n");
    char *reply = talk(&f, "POST /hello HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                           "7fffffff\r\n");
    assert_has(reply, "HTTP/1.1 413 ");
    free(reply);
    assert_true(fixture_wait(&f, has_no_connections, NULL));
    assert_int_equal(fixture_stats(&f).buffered_bytes, 0);
    fixture_close(&f);
}

static void bodies_together_have_a_limit(void **state)
{
    (void)state;
    const ferry_http_options options = {.buffered_bytes = 256 << 10};
    struct fixture f;
    kept_count = 0;
    open_hello(&f, &options);
    fixture_route(&f, "POST", "/keep", keep, NULL);
    assert_body_gets(&f, 200 << 10, "HTTP/1.1 200 OK\r\n");
    char body[100 << 10];
    memset(body, 'x', sizeof body);
    int fd = client_connect(f.address);
    client_send(fd, "POST /keep HTTP/1.1\r\nHost: h\r\nContent-Length: 102400\r\n\r\n");
    client_send_bytes(fd, body, sizeof body);
    wait_for_kept(&f, 1);
    assert_in_range(fixture_stats(&f).buffered_bytes, 100 << 10, 101 << 10); /* and a head */
    assert_body_gets(&f, 200 << 10, "HTTP/1.1 503 Service Unavailable\r\n");
    assert_body_gets(&f, 200 << 10, "\r\nRetry-After: 1\r\n");
    ferry_request_reply_text(kept, 200, "done");
    assert_body_gets(&f, 200 << 10, "HTTP/1.1 200 OK\r\n");
    close(fd);
    assert_true(fixture_wait(&f, has_no_connections, NULL));
    assert_int_equal(fixture_stats(&f).buffered_bytes, 0);
    fixture_close(&f);
}

static void a_probe_is_answered_whatever_is_held(void **state)
{
    (void)state;
    const ferry_http_options options = {.buffered_bytes = 1};
    struct fixture f;
    open_hello(&f, &options);
    char *reply = ask(&f, "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_has(reply, "HTTP/1.1 200 OK\r\n");
    free(reply);
    assert_body_gets(&f, 1, "HTTP/1.1 503 Service Unavailable\r\n");
    fixture_close(&f);
}

static bool has_left(struct fixture *f, void *arg)
{
    (void)arg;
    return fixture_stats(f).connections == 0 && ferry_request_is_gone(kept);
}

/* Whoever looks after the server learns why they were closed. */
static void requests_that_wait_count_as_bodies(void **state)
{
    (void)state;
    const ferry_http_options options = {.buffered_bytes = 1000, .header_bytes = 200};
    static char many[5000];
    struct fixture f;
    kept_count = 0;
    fixture_open(&f, &options);
    fixture_route(&f, "GET", "/keep", keep, NULL);
    int fd = client_connect(f.address);
    client_send(fd, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_kept(&f, 1);
    client_send_bytes(fd, many, sizeof many);
    assert_true(fixture_wait(&f, has_left, NULL));
    ferry_request_reply_text(kept, 200, "x");
    assert_int_equal(fixture_stats(&f).over_buffered_bytes, 1);
    assert_int_equal(fixture_stats(&f).timed_out, 0);
    assert_int_equal(fixture_stats(&f).buffered_bytes, 0);
    close(fd);
    fixture_close(&f);
}

/* The chunks whose framing is gone still count. */
static void chunks_count_while_they_gather(void **state)
{
    (void)state;
    const ferry_http_options options = {.buffered_bytes = 64 << 10};
    struct fixture f;
    open_hello(&f, &options);
    struct bytes text = {0};
    bytes_append_text(&text,
                      "POST /hello HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 200; i++)
        bytes_printf(&text, "400\r\n%01024d\r\n", 0);
    char *reply = talk(&f, bytes_text(&text));
    assert_has(reply, "HTTP/1.1 503 Service Unavailable\r\n");
    free(reply);
    bytes_fini(&text);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_have_a_limit),
        cmocka_unit_test(at_the_limit_who_asks_for_nothing_makes_room),
        cmocka_unit_test(a_server_may_be_freed_at_its_limit),
        cmocka_unit_test(a_flood_of_connections_leaves_others_their_turn),
        cmocka_unit_test(one_address_has_a_limit),
        cmocka_unit_test(trusted_addresses_have_none),
        cmocka_unit_test(a_connection_has_so_many_requests),
        cmocka_unit_test(replies_together_have_a_limit),
        cmocka_unit_test(a_reply_counts_until_all_of_it_is_taken),
        cmocka_unit_test(replies_together_have_a_limit_whoever_takes_some),
        cmocka_unit_test(a_reply_that_was_taken_counts_no_more),
        cmocka_unit_test(a_header_that_is_too_long_is_431),
        cmocka_unit_test(a_body_that_is_too_long_is_413),
        cmocka_unit_test(bodies_together_have_a_limit),
        cmocka_unit_test(a_probe_is_answered_whatever_is_held),
        cmocka_unit_test(requests_that_wait_count_as_bodies),
        cmocka_unit_test(chunks_count_while_they_gather),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
