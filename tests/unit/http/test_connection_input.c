/*
 * What connections read: one request behind another, and what is held of them.
 */
#include <ferry/http_stream.h>

#include "head.h"
#include "http/kept.h"
#include "query.h"

static size_t allocated_bytes;       /* by realloc, from 0 on */
static size_t most_bytes = SIZE_MAX; /* that it gives at a time */

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_realloc(void *memory, size_t size)
{
    __atomic_add_fetch(&allocated_bytes, size, __ATOMIC_RELAXED);
    if (size > __atomic_load_n(&most_bytes, __ATOMIC_RELAXED))
        return NULL;
    return __real_realloc(memory, size);
}

static unsigned recv_count; /* in the loop's thread, while no client has one */

ssize_t __real_recv(int fd, void *data, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t size, int flags);

ssize_t __wrap_recv(int fd, void *data, size_t size, int flags)
{
    __atomic_add_fetch(&recv_count, 1, __ATOMIC_RELAXED);
    return __real_recv(fd, data, size, flags);
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        count++;
    return count;
}

static void requests_can_be_pipelined(void **state)
{
    (void)state;
    struct fixture f;
    open_hello(&f, NULL);
    char *reply = talk(&f, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
                           "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
                           "GET /none HTTP/1.1\r\nHost: h\r\n\r\n"
                           "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_int_equal(count_of(reply, "HTTP/1.1 200 OK\r\n"), 3);
    assert_int_equal(count_of(reply, "HTTP/1.1 404 Not Found\r\n"), 1);
    assert_int_equal(fixture_stats(&f).accepted, 1);
    free(reply);
    fixture_close(&f);
}

static void requests_pipelined_on_several_connections_are_all_answered(void **state)
{
    (void)state;
    enum { CONNECTIONS = 20 };
    struct fixture f;
    open_hello(&f, NULL);
    int fds[CONNECTIONS];
    for (size_t i = 0; i < CONNECTIONS; i++) {
        fds[i] = client_connect(f.address);
        client_send(fds[i], "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
                            "GET /hello HTTP/1.1\r\nHost: h\r\nAs-long-as: these\r\n\r\n"
                            "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    }
    unsigned none = 0;
    assert_true(fixture_wait(&f, has_connections, &none));
    for (size_t i = 0; i < CONNECTIONS; i++) {
        char *reply = client_read_all(fds[i]);
        assert_int_equal(count_of(reply, "HTTP/1.1 200 OK\r\n"), 3);
        free(reply);
        close(fds[i]);
    }
    fixture_close(&f);
}

static void who_has_closed_his_half_is_still_answered(void **state)
{
    (void)state;
    struct fixture f;
    open_hello(&f, NULL);
    static const char *const texts[] = {
        "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
        "GET /hello HTTP/1.1\r\nHost: h\r\n\r\nGET /he",
        "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
        "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
        "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char *reply = talk_half_closed(&f, texts[i]);
        assert_int_equal(count_of(reply, "HTTP/1.1 200 OK\r\n"), 2);
        assert_null(strstr(reply, "[no end]"));
        free(reply);
    }
    assert_int_equal(fixture_stats(&f).timed_out, 0);
    fixture_close(&f);
}

static bool has_answer(struct fixture *f, void *arg)
{
    (void)f;
    char c;
    return recv(*(int *)arg, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

/* Nothing more can come of him that the refusal would have to wait for. */
static void who_has_closed_his_half_and_is_refused_does_not_linger(void **state)
{
    (void)state;
    struct fixture f;
    open_hello(&f, NULL);
    int fd = client_connect(f.address);
    char *reply = talk_half_closed(&f, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
                                       "nonsense\r\n\r\n");
    assert_has(reply, "HTTP/1.1 400 Bad Request\r\n");
    client_send(fd, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(fixture_wait(&f, has_answer, &fd));
    assert_int_equal(fixture_stats(&f).connections, 1);
    free(reply);
    close(fd);
    fixture_close(&f);
}

static bool kept_is_gone(struct fixture *f, void *arg)
{
    (void)f, (void)arg;
    return ferry_request_is_gone(kept);
}

static bool has_turned(struct fixture *f, void *left)
{
    (void)f;
    return --*(unsigned *)left == 0;
}

/* The end can be read as often as one likes. */
static void what_has_ended_is_not_read_again(void **state)
{
    (void)state;
    unsigned turns = 10;
    struct fixture f;
    open_keep(&f);
    int fd = client_connect(f.address);
    client_send(fd, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    shutdown(fd, SHUT_WR);
    wait_for_kept(&f, 1);
    assert_true(fixture_wait(&f, kept_is_gone, NULL));
    recv_count = 0;
    assert_true(fixture_wait(&f, has_turned, &turns));
    assert_int_equal(recv_count, 0);
    ferry_request_reply_text(kept, 200, "done");
    wait_for_connections(&f, 0);
    close(fd);
    fixture_close(&f);
}

static void count_gone(void *arg)
{
    ++*(unsigned *)arg;
}

static ferry_reply *stream;

static void begin_stream(ferry_request *request, void *ctx)
{
    keep(request, ctx);
    ferry_request_on_gone(request, count_gone, ctx);
    stream = ferry_request_reply_begin(request, 200, NULL);
}

static bool has_gone(struct fixture *f, void *arg)
{
    (void)f;
    return *(unsigned *)arg > 0;
}

/* A stream could go on for ever to somebody who is no more. */
static void a_stream_to_who_has_closed_his_half_before_is_told(void **state)
{
    (void)state;
    unsigned gone = 0;
    struct fixture f;
    open_keep(&f);
    fixture_route(&f, "GET", "/stream", begin_stream, &gone);
    int fd = client_connect(f.address);
    client_send(fd, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n"
                    "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_kept(&f, 1);
    shutdown(fd, SHUT_WR);
    assert_true(fixture_wait(&f, kept_is_gone, NULL));
    ferry_request_reply_text(kept, 200, "x");
    wait_for_kept(&f, 2);
    assert_true(fixture_wait(&f, has_gone, &gone));
    ferry_reply_end(stream);
    wait_for_connections(&f, 0);
    close(fd);
    fixture_close(&f);
}

/* A second request while the first is in flight waits, and does no harm. */
static void pipelining_waits_for_the_reply(void **state)
{
    (void)state;
    struct fixture f;
    open_keep(&f);
    int fd = client_connect(f.address);
    for (unsigned i = 1; i <= 3; i++) {
        client_send(fd, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\nGET /keep HTTP/1.1\r\n");
        wait_for_kept(&f, 2 * i - 1);
        client_send(fd, "Host: h\r\n\r\n");
        free(ask(&f, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n")); /* time to read it, and not do so */
        ferry_request_reply_text(kept, 200, "x");
        wait_for_kept(&f, 2 * i);
        ferry_request_reply_text(kept, 200, "x");
    }
    close(fd);
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

static bool holds_more(struct fixture *f, void *arg)
{
    return fixture_stats(f).buffered_bytes > *(size_t *)arg;
}

/* Who has gone holds nothing any more but the request that is with its handler still. */
static void what_a_client_that_has_left_had_waiting_is_let_go(void **state)
{
    (void)state;
    struct fixture f;
    open_keep(&f);
    int fd = client_connect(f.address);
    client_send(fd, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_kept(&f, 1);
    size_t held = fixture_stats(&f).buffered_bytes;
    client_send(fd, "GET /keep HTTP/1.1\r\n");
    assert_true(fixture_wait(&f, holds_more, &held));
    const struct linger reset = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    assert_true(fixture_wait(&f, kept_is_gone, NULL));
    assert_int_equal(fixture_stats(&f).buffered_bytes, held);
    ferry_request_reply_text(kept, 200, "x");
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

enum { PIECE_BYTES = 64 << 10, TOO_MUCH_BYTES = 32 << 20 };

struct sender {
    int fd;
    size_t bytes;
    unsigned waits; /* looks in a row at which nothing could be sent */
};

/* Send on and on, until the server seems to take no more. */
static bool has_sent_what_it_can(struct fixture *f, void *arg)
{
    (void)f;
    static const char piece[PIECE_BYTES];
    struct sender *sender = arg;
    ssize_t n = send(sender->fd, piece, sizeof piece, MSG_DONTWAIT);
    sender->bytes += n > 0 ? (size_t)n : 0;
    sender->waits = n > 0 ? 0 : sender->waits + 1;
    return sender->waits > 50 || sender->bytes > TOO_MUCH_BYTES;
}

static void of_what_comes_too_early_so_much_is_read(void **state)
{
    (void)state;
    const ferry_http_options options = {.header_bytes = 1024, .body_bytes = 1024};
    struct fixture f;
    kept_count = 0;
    fixture_open(&f, &options);
    fixture_route(&f, "GET", "/keep", keep, NULL);
    struct sender sender = {.fd = client_connect(f.address)};
    client_send(sender.fd, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_kept(&f, 1);
    assert_true(fixture_wait(&f, has_sent_what_it_can, &sender));
    assert_true(sender.bytes < TOO_MUCH_BYTES);
    assert_true(fixture_stats(&f).buffered_bytes < 1 << 20);
    ferry_request_reply_text(kept, 200, "x");
    close(sender.fd);
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

static bool has_no_buffered(struct fixture *f, void *arg)
{
    (void)arg;
    return fixture_stats(f).buffered_bytes == 0;
}

static bool has_buffered(struct fixture *f, void *arg)
{
    return fixture_stats(f).buffered_bytes == *(size_t *)arg;
}

/* Else a client that sends much makes the loop copy all of it once a request. */
static void what_waits_is_not_copied_for_each_request(void **state)
{
    (void)state;
    enum { REQUESTS = 500 };
    static const char head[] = "HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n";
    size_t length = REQUESTS * (sizeof head - 1);
    struct fixture f;
    open_keep(&f);
    int fd = client_connect(f.address);
    client_send(fd, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_kept(&f, 1);
    size_t held = fixture_stats(&f).buffered_bytes + length;
    for (size_t i = 0; i < REQUESTS; i++)
        client_send(fd, head);
    assert_true(fixture_wait(&f, has_buffered, &held));
    __atomic_store_n(&allocated_bytes, 0, __ATOMIC_RELAXED);
    ferry_request_reply_text(kept, 200, "x");
    assert_true(fixture_wait(&f, has_no_buffered, NULL));
    assert_true(__atomic_load_n(&allocated_bytes, __ATOMIC_RELAXED) < 2 * length);
    close(fd);
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

/* ---- heads together ---- */

/* Of two bytes and their line's end: the table of the lines is four times as long as their text. */
static void append_lines(struct bytes *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        bytes_append_text(text, "a:\r\n");
}

static char *head_of_lines(const char *first, size_t count, const char *end)
{
    struct bytes text = {0};
    bytes_printf(&text, "%s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n", first);
    append_lines(&text, count);
    bytes_append_text(&text, end);
    return bytes_take(&text);
}

static void a_head_counts_with_its_lines_until_its_request_ends(void **state)
{
    (void)state;
    enum { LINES = 3000 };
    struct fixture f;
    open_keep(&f);
    char *text = head_of_lines("GET /keep?a&b", LINES, "\r\n");
    size_t length = strlen(text), held = LINES * sizeof(struct header) + length;
    int fd = client_connect(f.address);
    client_send_bytes(fd, text, length);
    wait_for_kept(&f, 1);
    assert_in_range(fixture_stats(&f).buffered_bytes, held, held + 1000);
    held = fixture_stats(&f).buffered_bytes;
    assert_non_null(ferry_request_query(kept, "a"));
    assert_non_null(ferry_request_query(kept, "b"));
    assert_int_equal(fixture_stats(&f).buffered_bytes, held + 2 * sizeof(struct query_value));
    ferry_request_reply_text(kept, 200, "done");
    assert_int_equal(fixture_stats(&f).buffered_bytes, 0);
    assert_true(fixture_wait(&f, has_no_connections, NULL));
    assert_int_equal(fixture_stats(&f).buffered_bytes, 0);
    free(text);
    close(fd);
    fixture_close(&f);
}

/* As long as the rest of it does not come; then with the body, while that does not. */
static void a_head_counts_while_it_or_its_body_is_not_whole(void **state)
{
    (void)state;
    enum { LINES = 3000 };
    struct fixture f;
    open_hello(&f, NULL);
    char *text = head_of_lines("POST /hello", LINES, "Content-Length: 10\r\n");
    size_t held = strlen(text) - 1;
    int fd = client_connect(f.address);
    client_send(fd, text);
    assert_true(fixture_wait(&f, holds_more, &held));
    held += LINES * sizeof(struct header);
    client_send(fd, "\r\n");
    assert_true(fixture_wait(&f, holds_more, &held));
    held = fixture_stats(&f).buffered_bytes;
    client_send(fd, "body");
    assert_true(fixture_wait(&f, holds_more, &held));
    assert_int_equal(fixture_stats(&f).buffered_bytes, held + 4);
    close(fd);
    assert_true(fixture_wait(&f, has_no_connections, NULL));
    assert_int_equal(fixture_stats(&f).buffered_bytes, 0);
    free(text);
    fixture_close(&f);
}

static void assert_head_gets(struct fixture *f, const char *text, const char *status)
{
    char *reply = talk(f, text);
    assert_has(reply, status);
    assert_lacks(reply, "[no end]");
    free(reply);
}

/* Who asks for little, as a probe does, is answered still. */
static void heads_together_have_a_limit(void **state)
{
    (void)state;
    static const char refused[] = "HTTP/1.1 503 Service Unavailable\r\n";
    const ferry_http_options options = {.buffered_bytes = 64 << 10};
    struct fixture f;
    kept_count = 0;
    open_hello(&f, &options);
    fixture_route(&f, "GET", "/keep", keep, NULL);
    char *whole = head_of_lines("GET /hello", 2000, "\r\n");
    char *part = head_of_lines("GET /hello", 2000, "");
    char *with_body = head_of_lines("POST /hello", 2000, "Content-Length: 1000\r\n\r\n");
    char *holder = head_of_lines("GET /keep", 3000, "\r\n");
    assert_head_gets(&f, whole, "HTTP/1.1 200 OK\r\n");
    int fd = client_connect(f.address);
    client_send(fd, holder);
    wait_for_kept(&f, 1);
    assert_head_gets(&f, whole, refused);
    assert_head_gets(&f, whole, "\r\nRetry-After: 1\r\n");
    assert_head_gets(&f, part, refused);
    assert_head_gets(&f, with_body, refused);
    assert_int_equal(fixture_stats(&f).over_buffered_bytes, 4);
    assert_head_gets(&f, "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "hello");
    ferry_request_reply_text(kept, 200, "done");
    assert_head_gets(&f, whole, "HTTP/1.1 200 OK\r\n");
    assert_true(fixture_wait(&f, has_no_connections, NULL));
    assert_int_equal(fixture_stats(&f).buffered_bytes, 0);
    free(whole);
    free(part);
    free(with_body);
    free(holder);
    close(fd);
    fixture_close(&f);
}

/* ---- without memory ---- */

static size_t warnings;

static void count_warnings(void *arg, ferry_log_level level, const char *line, size_t length)
{
    (void)arg, (void)level;
    warnings += memmem(line, length, "a request is refused: no memory", 31) != NULL;
}

/* It is no limit that was met. */
static void a_body_without_memory_is_refused_and_warned_of(void **state)
{
    (void)state;
    struct fixture f;
    open_hello(&f, NULL);
    struct bytes text = {0};
    bytes_printf(&text,
                 "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n%0100000d", 0);
    ferry_log_set_sink(count_warnings, NULL);
    __atomic_store_n(&most_bytes, 50000, __ATOMIC_RELAXED);
    char *reply = talk(&f, bytes_text(&text));
    __atomic_store_n(&most_bytes, SIZE_MAX, __ATOMIC_RELAXED);
    ferry_log_set_sink(NULL, NULL);
    assert_has(reply, "HTTP/1.1 503 Service Unavailable\r\n");
    assert_int_equal(warnings, 1);
    assert_int_equal(fixture_stats(&f).over_buffered_bytes, 0);
    free(reply);
    bytes_fini(&text);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_can_be_pipelined),
        cmocka_unit_test(requests_pipelined_on_several_connections_are_all_answered),
        cmocka_unit_test(who_has_closed_his_half_is_still_answered),
        cmocka_unit_test(who_has_closed_his_half_and_is_refused_does_not_linger),
        cmocka_unit_test(what_has_ended_is_not_read_again),
        cmocka_unit_test(a_stream_to_who_has_closed_his_half_before_is_told),
        cmocka_unit_test(pipelining_waits_for_the_reply),
        cmocka_unit_test(what_a_client_that_has_left_had_waiting_is_let_go),
        cmocka_unit_test(of_what_comes_too_early_so_much_is_read),
        cmocka_unit_test(what_waits_is_not_copied_for_each_request),
        cmocka_unit_test(a_head_counts_with_its_lines_until_its_request_ends),
        cmocka_unit_test(a_head_counts_while_it_or_its_body_is_not_whole),
        cmocka_unit_test(heads_together_have_a_limit),
        cmocka_unit_test(a_body_without_memory_is_refused_and_warned_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
