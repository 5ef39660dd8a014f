/*
 * The sweep of connections: what counts as progress, who makes room, and where the loop has no
 * memory for one more timer.
 */
#include <poll.h>

#include <ferry/http_stream.h>

#include "clock.h"
#include "connection_parts.h"
#include "http/kept.h"

enum { SHORT_MS = 50, LONG_MS = 60000 };

/* The loop's table of timers cannot grow any more, and nothing else is that large. */
enum { LARGE_BYTES = 32 << 10 };

static bool has_no_memory;

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_realloc(void *memory, size_t size)
{
    if (size > LARGE_BYTES && __atomic_load_n(&has_no_memory, __ATOMIC_RELAXED))
        return NULL;
    return __real_realloc(memory, size);
}

static void nothing(void *arg)
{
    (void)arg;
}

static void take_all_timers(struct fixture *f)
{
    __atomic_store_n(&has_no_memory, true, __ATOMIC_RELAXED);
    while (ferry_loop_call_later(f->loop, LONG_MS, nothing, NULL))
        ;
}

static void give_memory_back(struct fixture *f)
{
    __atomic_store_n(&has_no_memory, false, __ATOMIC_RELAXED);
    assert_true(ferry_loop_call_later(f->loop, LONG_MS, nothing, NULL));
}

/* Nobody would ever look at it again. */
static void a_connection_that_cannot_be_swept_is_closed(void **state)
{
    (void)state;
    struct fixture f;
    open_hello(&f, NULL);
    take_all_timers(&f);
    char *reply = talk(&f, "");
    assert_string_equal(reply, "");
    free(reply);
    assert_int_equal(fixture_stats(&f).connections, 0);
    give_memory_back(&f);
    reply = ask(&f, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_has(reply, "hello");
    free(reply);
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

static void who_has_no_server_any_more_is_not_swept(void **state)
{
    (void)state;
    struct fixture f;
    open_hello(&f, NULL);
    int fd = client_connect(f.address);
    wait_for_connections(&f, 1);
    ferry_http_server_free(f.server);
    f.server = NULL;
    ferry_loop_call_later(f.loop, SWEEP_MS + 1, client_stop_loop, f.loop); /* behind its timer */
    ferry_loop_run(f.loop);
    close(fd);
    fixture_close(&f);
}

/* ---- who is told ---- */

static struct fixture *told;
static ferry_reply *reply;
static bool is_told;

static void on_gone(void *arg)
{
    (void)arg;
    is_told = true;
    ferry_loop_stop(told->loop);
}

static void begin_stream(ferry_request *request, void *ctx)
{
    keep(request, ctx);
    ferry_request_on_gone(request, on_gone, NULL);
    reply = ferry_request_reply_begin(request, 200, NULL);
}

static void who_has_left_is_told_of_without_memory(void **state)
{
    (void)state;
    struct fixture f;
    told = &f;
    open_keep(&f);
    fixture_route(&f, "GET", "/stream", begin_stream, NULL);
    int fd = client_connect(f.address);
    client_send(fd, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_kept(&f, 1);
    ferry_timer patience =
        ferry_loop_call_later(f.loop, (int64_t)PATIENCE_S * 1000, client_stop_loop, f.loop);
    take_all_timers(&f);
    close(fd);
    ferry_loop_run(f.loop);
    assert_true(is_told);
    ferry_reply_end(reply);
    ferry_loop_cancel(f.loop, patience);
    give_memory_back(&f);
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

/* ---- progress ---- */

enum { SMALL_BYTES = 1024, IN_KERNEL_BYTES = 16000 };

/* A client whose kernel takes little ahead of it. */
static int connect_small(const struct fixture *f, int size)
{
    struct address address;
    assert_int_equal(address_parse(&address, f->address, NULL), 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    assert_int_equal(connect(fd, &address.any, address.length), 0);
    return fd;
}

static const ferry_http_options hurried = {.header_timeout_ms = SHORT_MS,
                                           .body_timeout_ms = LONG_MS,
                                           .idle_timeout_ms = LONG_MS,
                                           .write_timeout_ms = SHORT_MS};

static void open_hurried(struct fixture *f, ferry_http_handler *handler)
{
    kept_count = 0;
    fixture_open(f, &hurried);
    fixture_route(f, "GET", "/", handler, NULL);
}

static void stream_piece(ferry_request *request, void *ctx)
{
    static const char piece[IN_KERNEL_BYTES];
    (void)ctx;
    kept_count++;
    reply = ferry_request_reply_begin(request, 200, NULL);
    assert_int_equal(ferry_reply_write(reply, piece, sizeof piece), 0);
    assert_int_equal(ferry_reply_unsent_bytes(reply), 0);
}

static bool has_timed_out(struct fixture *f, void *arg)
{
    return fixture_stats(f).timed_out == *(unsigned *)arg;
}

/* Others are late meanwhile: so the sweep has looked. */
static void pass_sweeps(struct fixture *f, unsigned count)
{
    for (unsigned i = 1; i <= count; i++) {
        int fd = client_connect(f->address);
        assert_true(fixture_wait(f, has_timed_out, &i));
        close(fd);
    }
}

static void a_stream_that_has_nothing_to_send_has_no_deadline(void **state)
{
    (void)state;
    struct fixture f;
    open_hurried(&f, begin_stream);
    told = &f;
    int fd = client_connect(f.address);
    client_send(fd, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    wait_for_kept(&f, 1);
    pass_sweeps(&f, 3);
    assert_int_equal(fixture_stats(&f).timed_out_write, 0);
    ferry_reply_end(reply);
    wait_for_connections(&f, 0);
    char *text = client_read_all(fd);
    assert_has(text, "\r\n0\r\n\r\n");
    free(text);
    close(fd);
    fixture_close(&f);
}

static bool has_timed_out_write(struct fixture *f, void *arg)
{
    (void)arg;
    return fixture_stats(f).timed_out_write == 1;
}

/* All of it is with the kernel, and none with the client. */
static void a_stream_that_is_not_taken_has_a_deadline(void **state)
{
    (void)state;
    struct fixture f;
    open_hurried(&f, stream_piece);
    int fd = connect_small(&f, SMALL_BYTES);
    client_send(fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(fixture_wait(&f, has_timed_out_write, NULL));
    ferry_reply_end(reply);
    close(fd);
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

/* Takes some, and after a while some more, in the turns of the server's own loop: where that is
 * late, so is this. */
struct sipper {
    int fd;
    size_t sip_bytes, until_bytes, bytes;
    int64_t next_ms;
};

enum { SIP_EACH_MS = 50, MAX_SIP_BYTES = 2048 };

static bool has_sipped(struct fixture *f, void *arg)
{
    char some[MAX_SIP_BYTES];
    struct sipper *sipper = arg;
    int64_t now_ms = ferry_loop_now_ms(f->loop);
    if (now_ms < sipper->next_ms)
        return false;
    sipper->next_ms = now_ms + SIP_EACH_MS;
    ssize_t n = recv(sipper->fd, some, sipper->sip_bytes, MSG_DONTWAIT);
    sipper->bytes += n > 0 ? (size_t)n : 0;
    return fixture_stats(f).timed_out_write > 0 || sipper->bytes >= sipper->until_bytes;
}

static unsigned late_after_sips(int64_t write_ms, int buffer_bytes, size_t sip_bytes,
                                size_t until_bytes)
{
    const ferry_http_options options = {.write_timeout_ms = write_ms};
    struct fixture f;
    fixture_open(&f, &options);
    fixture_route(&f, "GET", "/", big, NULL);
    struct sipper sipper = {
        .fd = connect_small(&f, buffer_bytes), .sip_bytes = sip_bytes, .until_bytes = until_bytes};
    client_send(sipper.fd, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(fixture_wait(&f, has_sipped, &sipper));
    unsigned late = (unsigned)fixture_stats(&f).timed_out_write;
    close(sipper.fd);
    wait_for_connections(&f, 0);
    fixture_close(&f);
    return late;
}

/* Else a few clients could have the server hold much, for as long as they like. */
static void a_few_bytes_are_no_progress(void **state)
{
    (void)state;
    assert_int_equal(late_after_sips(300, SMALL_BYTES, 250, 16 << 10), 1);
}

/* What the server hands to the kernel goes in large steps, with long rests. */
static void who_takes_a_reply_slowly_but_steadily_is_not_late(void **state)
{
    (void)state;
    assert_int_equal(late_after_sips(1500, 4 << 10, 1500, 64 << 10), 0);
}

/* ---- room ---- */

/* A deadline that is shorter comes first. */
static void at_the_limit_a_second_is_everybodys(void **state)
{
    (void)state;
    const ferry_http_options options = {.connections = 1, .idle_timeout_ms = 500};
    struct fixture f;
    open_hello(&f, &options);
    char *text = talk(&f, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_has(text, "hello");
    free(text);
    assert_int_equal(fixture_stats(&f).timed_out_idle, 1);
    assert_int_equal(fixture_stats(&f).made_room, 0);
    fixture_close(&f);
}

static bool has_accepted(struct fixture *f, void *arg)
{
    return fixture_stats(f).accepted == *(unsigned *)arg;
}

static void a_limit_that_was_lowered_holds_until_there_are_fewer(void **state)
{
    (void)state;
    unsigned all = 3;
    struct fixture f;
    open_keep(&f);
    int first = client_connect(f.address), second = client_connect(f.address);
    client_send(first, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_kept(&f, 1);
    ferry_request *of_first = kept;
    client_send(second, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_kept(&f, 2);
    ferry_http_set_limits(f.server, &(ferry_http_options){.connections = 1});
    int third = client_connect(f.address); /* waits in the backlog */
    close(first);
    ferry_request_reply_text(of_first, 200, "to nobody");
    wait_for_connections(&f, 1);
    ferry_request_reply_text(kept, 200, "done");
    client_send(second, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_kept(&f, 3);
    assert_int_equal(fixture_stats(&f).accepted, 2);
    close(second);
    ferry_request_reply_text(kept, 200, "to nobody");
    assert_true(fixture_wait(&f, has_accepted, &all));
    close(third);
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

/* ---- a loop that was held up ---- */

enum { MANY = 100, HELD_UP_MS = 2500 }; /* more than are told of in a turn */

static bool are_many(struct fixture *f, void *arg)
{
    (void)arg;
    return fixture_stats(f).connections == MANY;
}

/* What came in time counts, though nobody had looked when the time was over. */
static void what_came_while_the_loop_was_held_up_is_read_first(void **state)
{
    (void)state;
    const ferry_http_options options = {.header_timeout_ms = HELD_UP_MS - 500};
    struct fixture f;
    int clients[MANY];
    open_hello(&f, &options);
    for (size_t i = 0; i < MANY; i++)
        clients[i] = client_connect(f.address);
    assert_true(fixture_wait(&f, are_many, NULL));
    int64_t until_ms = clock_monotonic_ms() + HELD_UP_MS;
    for (size_t i = 0; i < MANY; i++)
        assert_true(
            client_send(clients[i], "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    while (clock_monotonic_ms() < until_ms)
        poll(NULL, 0, 1);
    wait_for_connections(&f, 0);
    assert_int_equal(fixture_stats(&f).timed_out_header, 0);
    for (size_t i = 0; i < MANY; i++) {
        char *text = client_read_all(clients[i]);
        assert_has(text, "hello");
        free(text);
        close(clients[i]);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_that_cannot_be_swept_is_closed),
        cmocka_unit_test(who_has_no_server_any_more_is_not_swept),
        cmocka_unit_test(a_stream_that_has_nothing_to_send_has_no_deadline),
        cmocka_unit_test(a_stream_that_is_not_taken_has_a_deadline),
        cmocka_unit_test(a_few_bytes_are_no_progress),
        cmocka_unit_test(who_takes_a_reply_slowly_but_steadily_is_not_late),
        cmocka_unit_test(at_the_limit_a_second_is_everybodys),
        cmocka_unit_test(a_limit_that_was_lowered_holds_until_there_are_fewer),
        cmocka_unit_test(what_came_while_the_loop_was_held_up_is_read_first),
        cmocka_unit_test(who_has_left_is_told_of_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
