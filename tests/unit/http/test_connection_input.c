/*
 * What connections read before its turn.
 */
#include "http/kept.h"

static size_t allocated_bytes; /* by realloc, from 0 on */

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_realloc(void *memory, size_t size)
{
    __atomic_add_fetch(&allocated_bytes, size, __ATOMIC_RELAXED);
    return __real_realloc(memory, size);
}

static bool kept_is_gone(struct fixture *f, void *arg)
{
    (void)f, (void)arg;
    return ferry_request_is_gone(kept);
}

/* Who has gone holds nothing any more, though his request is with its handler still. */
static void what_a_client_that_has_left_had_waiting_is_let_go(void **state)
{
    (void)state;
    struct fixture f;
    kept_count = 0;
    fixture_open(&f, NULL);
    fixture_route(&f, "GET", "/keep", keep, NULL);
    int fd = client_connect(f.address);
    client_send(fd, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\nGET /keep HTTP/1.1\r\n");
    wait_for_kept(&f, 1);
    assert_true(fixture_stats(&f).buffered_bytes > 0);
    const struct linger reset = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    assert_true(fixture_wait(&f, kept_is_gone, NULL));
    assert_int_equal(fixture_stats(&f).buffered_bytes, 0);
    ferry_request_reply_text(kept, 200, "x");
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
    kept_count = 0;
    open_hello(&f, NULL);
    fixture_route(&f, "GET", "/keep", keep, NULL);
    int fd = client_connect(f.address);
    client_send(fd, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_kept(&f, 1);
    for (size_t i = 0; i < REQUESTS; i++)
        client_send(fd, head);
    assert_true(fixture_wait(&f, has_buffered, &length));
    __atomic_store_n(&allocated_bytes, 0, __ATOMIC_RELAXED);
    ferry_request_reply_text(kept, 200, "x");
    assert_true(fixture_wait(&f, has_no_buffered, NULL));
    assert_true(__atomic_load_n(&allocated_bytes, __ATOMIC_RELAXED) < 2 * length);
    close(fd);
    wait_for_connections(&f, 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_client_that_has_left_had_waiting_is_let_go),
        cmocka_unit_test(what_waits_is_not_copied_for_each_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
