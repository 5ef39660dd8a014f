/*
 * What connections read: one request behind another, and whom they come from.
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
                            "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
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

static void half_closed_run(struct client *client)
{
    int fd = client_connect(client->f->address);
    client_send(fd, client->text);
    shutdown(fd, SHUT_WR);
    client->reply = client_read_all(fd);
    close(fd);
}

static void who_has_closed_his_half_is_still_answered(void **state)
{
    (void)state;
    struct fixture f;
    open_hello(&f, NULL);
    struct client client = {.f = &f,
                            .run = half_closed_run,
                            .text = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
                                    "GET /hello HTTP/1.1\r\nHost: h\r\n\r\nGET /he"};
    client_run(&client);
    assert_int_equal(count_of(client.reply, "HTTP/1.1 200 OK\r\n"), 2);
    assert_null(strstr(client.reply, "[no end]"));
    free(client.reply);
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
    open_keep(&f);
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
    open_keep(&f);
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
        cmocka_unit_test(requests_can_be_pipelined),
        cmocka_unit_test(requests_pipelined_on_several_connections_are_all_answered),
        cmocka_unit_test(who_has_closed_his_half_is_still_answered),
        cmocka_unit_test(pipelining_waits_for_the_reply),
        cmocka_unit_test(what_a_client_that_has_left_had_waiting_is_let_go),
        cmocka_unit_test(what_waits_is_not_copied_for_each_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
