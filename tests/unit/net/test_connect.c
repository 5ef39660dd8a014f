/*
 * Connecting: by address, by name, refused, too late, given up.
 */
#include "certificate.h"

#include "net/fixture.h"

#include <netdb.h>

static void expect_talk(struct fixture *f, ferry_stream *client)
{
    assert_non_null(client);
    assert_true(run_until(f->loop, has_stream, f));
    expect_code(f->loop, ferry_stream_write(client, "hello", 5), FERRY_OK);
    expect_text(f->loop, ferry_stream_read_bytes(f->streams[0], 5), "hello");
    expect_code(f->loop, ferry_stream_write(f->streams[0], "there", 5), FERRY_OK);
    expect_text(f->loop, ferry_stream_read_bytes(client, 5), "there");
}

static void an_address_is_connected_to(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    ferry_stream *client =
        await(f.loop, ferry_stream_connect(f.loop, fixture_address(&f), NULL)).result;
    expect_talk(&f, client);
    assert_string_equal(ferry_stream_peer(client), fixture_address(&f));
    ferry_stream_free(client);
    fixture_close(&f);
}

/* The address of a listener that has gone: nobody else gets its port so soon. */
static void a_closed_port_refuses(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    char address[ADDRESS_TEXT_SIZE];
    snprintf(address, sizeof address, "%s", fixture_address(&f));
    ferry_stream_listener_free(f.listener);
    f.listener = NULL;
    struct outcome outcome = await(f.loop, ferry_stream_connect(f.loop, address, NULL));
    assert_int_equal(outcome.error.code, FERRY_TRANSIENT);
    assert_non_null(strstr(outcome.error.message, address));
    assert_non_null(strstr(outcome.error.message, "refused"));
    expect_code(f.loop, ferry_stream_connect(f.loop, "unix:/nonexistent/socket", NULL),
                FERRY_TRANSIENT);
    fixture_close(&f);
}

static void a_bad_address_is_invalid(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    static const char *const addresses[] = {
        NULL, "", "1", "127.0.0.1", "127.0.0.1:x", "unix:", "localhost:1" /* without a resolver */};
    for (size_t i = 0; i < COUNT_OF(addresses); i++)
        expect_code(f.loop, ferry_stream_connect(f.loop, addresses[i], NULL), FERRY_INVALID);
    ferry_error error;
    ferry_loop_run_sync(f.loop, ferry_stream_connect(f.loop, "localhost:1", NULL), 0, &error);
    assert_non_null(strstr(error.message, "options.resolver"));
    fixture_close(&f);
}

/* ---- names ---- */

static const ferry_stream_connect_options *by_name(ferry_executor *resolver)
{
    static ferry_stream_connect_options options;
    options = (ferry_stream_connect_options){.resolver = resolver};
    return &options;
}

static void a_name_is_looked_up_and_each_address_tried(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL); /* on v4: where localhost is ::1 as well, that one refuses */
    ferry_executor *resolver = ferry_executor_new(&(ferry_executor_options){.threads = 1});
    char name[ADDRESS_TEXT_SIZE];
    snprintf(name, sizeof name, "localhost%s", strrchr(fixture_address(&f), ':'));
    ferry_stream *client =
        await(f.loop, ferry_stream_connect(f.loop, name, by_name(resolver))).result;
    expect_talk(&f, client);
    ferry_stream_free(client);
    ferry_stream_listener_free(f.listener);
    f.listener = NULL;
    expect_code(f.loop, ferry_stream_connect(f.loop, name, by_name(resolver)), FERRY_TRANSIENT);
    struct outcome outcome =
        await(f.loop, ferry_stream_connect(f.loop, "no such name:1", by_name(resolver)));
    assert_true(outcome.error.code == FERRY_NOT_FOUND || outcome.error.code == FERRY_TRANSIENT);
    assert_non_null(strstr(outcome.error.message, "no such name"));
    ferry_executor_free(resolver);
    fixture_close(&f);
}

struct gate {
    int fds[2];
};

static void wait_for_gate(void *arg)
{
    char c;
    struct gate *gate = arg;
    while (read(gate->fds[0], &c, 1) < 0 && errno == EINTR)
        ;
}

static void nothing(void *arg, const ferry_task_report *report)
{
    (void)arg, (void)report;
}

/* An executor whose one thread is taken until the gate opens. */
static ferry_executor *busy_executor(struct fixture *f, struct gate *gate)
{
    ferry_executor *executor =
        ferry_executor_new(&(ferry_executor_options){.threads = 1, .queue = 1});
    assert_int_equal(pipe(gate->fds), 0);
    const ferry_task_work work = {
        .run = wait_for_gate, .done = nothing, .dropped = nothing, .arg = gate};
    ferry_task *task = ferry_executor_submit(executor, f->loop, &work, NULL);
    assert_non_null(task);
    while (!ferry_task_is_started(task))
        run_turns(f->loop);
    return executor;
}

static void busy_executor_free(ferry_executor *executor, struct gate *gate)
{
    close(gate->fds[1]);
    assert_int_equal(ferry_executor_shutdown(executor, PATIENCE_S * 1000), 0);
    ferry_executor_free(executor);
    close(gate->fds[0]);
}

static void a_look_up_does_not_hold_the_deadline(void **state)
{
    (void)state;
    struct fixture f;
    struct gate gate;
    fixture_open(&f, NULL);
    ferry_executor *executor = busy_executor(&f, &gate);
    const ferry_stream_connect_options options = {.resolver = executor, .timeout_ms = 20};
    expect_code(f.loop, ferry_stream_connect(f.loop, "localhost:1", &options), FERRY_DEADLINE);
    busy_executor_free(executor, &gate);
    fixture_close(&f);
}

static void a_full_resolver_rejects(void **state)
{
    (void)state;
    struct fixture f;
    struct gate gate;
    fixture_open(&f, NULL);
    ferry_executor *executor = busy_executor(&f, &gate);
    ferry_future *waits = ferry_stream_connect(f.loop, "localhost:1", by_name(executor));
    expect_code(f.loop, ferry_stream_connect(f.loop, "localhost:1", by_name(executor)),
                FERRY_REJECTED);
    ferry_future_cancel(waits);
    expect_code(f.loop, waits, FERRY_CANCELLED);
    busy_executor_free(executor, &gate);
    fixture_close(&f);
}

/* ---- giving up ---- */

/* A socket whose backlog is full: on Linux further connections are neither taken nor refused. */
static int full_listener(char *text, int *fillers, size_t count)
{
    struct address address;
    assert_int_equal(address_parse(&address, "127.0.0.1:0", NULL), 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, &address.any, address.length), 0);
    assert_int_equal(listen(fd, 0), 0);
    getsockname(fd, &address.any, &address.length);
    address_format(&address, text, ADDRESS_TEXT_SIZE);
    for (size_t i = 0; i < count; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (connect(fillers[i], &address.any, address.length) < 0)
            assert_int_equal(errno, EINPROGRESS);
    }
    return fd;
}

static void connecting_has_a_deadline_and_a_cancel(void **state)
{
    (void)state;
    struct fixture f;
    char address[ADDRESS_TEXT_SIZE];
    int fillers[4];
    fixture_open(&f, NULL);
    int fd = full_listener(address, fillers, COUNT_OF(fillers));
    const ferry_stream_connect_options options = {.timeout_ms = 20};
    expect_code(f.loop, ferry_stream_connect(f.loop, address, &options), FERRY_DEADLINE);
    ferry_future *future = ferry_stream_connect(f.loop, address, NULL);
    assert_false(ferry_future_is_done(future));
    ferry_future_cancel(future);
    ferry_future_cancel(future);
    assert_false(ferry_future_is_done(future)); /* told in a later turn */
    expect_code(f.loop, future, FERRY_CANCELLED);
    future = ferry_stream_connect(f.loop, address, NULL);
    ferry_future_cancel(future); /* and one that the loop's end finds untold */
    struct outcome untold = {0};
    ferry_future_then(future, on_outcome, &untold);
    fixture_close(&f);
    assert_false(untold.is_done);
    for (size_t i = 0; i < COUNT_OF(fillers); i++)
        close(fillers[i]);
    close(fd);
}

static unsigned errors_logged;

static void count_errors(void *arg, ferry_log_level level, const char *line, size_t length)
{
    (void)arg, (void)line, (void)length;
    errors_logged += level == FERRY_LOG_ERROR;
}

static void what_is_still_connecting_goes_with_its_loop(void **state)
{
    (void)state;
    struct fixture f;
    char address[ADDRESS_TEXT_SIZE];
    int fillers[4];
    struct outcome untold = {0};
    fixture_open(&f, NULL);
    int fd = full_listener(address, fillers, COUNT_OF(fillers));
    ferry_future_free(ferry_stream_connect(f.loop, address, NULL));
    ferry_future_then(ferry_stream_connect(f.loop, address, NULL), on_outcome, &untold);
    errors_logged = 0;
    ferry_log_set_sink(count_errors, NULL);
    fixture_close(&f);
    ferry_log_set_sink(NULL, NULL);
    assert_int_equal(errors_logged, 0);
    assert_false(untold.is_done);
    for (size_t i = 0; i < COUNT_OF(fillers); i++)
        close(fillers[i]);
    close(fd);
}

/* A name that has two addresses: how many others have is not ours to say. */
static bool has_two_addresses;

int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted,
                       struct addrinfo **found);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted,
                       struct addrinfo **found);

int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted,
                       struct addrinfo **found)
{
    if (!has_two_addresses)
        return __real_getaddrinfo(host, port, wanted, found);
    int code = __real_getaddrinfo("127.0.0.1", port, wanted, found);
    return code ? code : __real_getaddrinfo("127.0.0.2", port, wanted, &(*found)->ai_next);
}

/* The first one neither takes nor refuses: what is left of the time is enough for the second. */
static void each_address_has_its_share_of_the_time(void **state)
{
    (void)state;
    struct fixture f;
    char address[ADDRESS_TEXT_SIZE], other[ADDRESS_TEXT_SIZE];
    int fillers[4];
    fixture_open(&f, NULL);
    int fd = full_listener(address, fillers, COUNT_OF(fillers));
    ferry_stream_listener_free(f.listener);
    snprintf(other, sizeof other, "127.0.0.2%s", strrchr(address, ':'));
    ferry_tls *server = certificate_tls(false);
    fixture_listen(&f, other, &(ferry_stream_listen_options){.tls = server});
    ferry_tls *tls = ferry_tls_new_client(&(ferry_tls_options){.skip_verify = true}, NULL);
    ferry_executor *resolver = ferry_executor_new(&(ferry_executor_options){.threads = 1});
    const ferry_stream_connect_options options = {
        .resolver = resolver, .tls = tls, .timeout_ms = 2000};
    has_two_addresses = true;
    snprintf(address, sizeof address, "two.example%s", strrchr(other, ':'));
    struct outcome outcome = await(f.loop, ferry_stream_connect(f.loop, address, &options));
    has_two_addresses = false;
    if (!outcome.result)
        fail_msg("%s", outcome.error.message);
    assert_string_equal(ferry_stream_peer(outcome.result), other);
    ferry_stream_free(outcome.result);
    ferry_executor_free(resolver);
    ferry_tls_free(tls);
    ferry_tls_free(server);
    for (size_t i = 0; i < COUNT_OF(fillers); i++)
        close(fillers[i]);
    close(fd);
    fixture_close(&f);
}

static void a_stream_that_nobody_takes_is_freed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    ferry_future *future = ferry_stream_connect(f.loop, fixture_address(&f), NULL);
    ferry_future_free(future);
    assert_true(run_until(f.loop, has_stream, &f));
    expect_code(f.loop, ferry_stream_read_some(f.streams[0], 0), FERRY_GONE);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_connected_to),
        cmocka_unit_test(a_closed_port_refuses),
        cmocka_unit_test(a_bad_address_is_invalid),
        cmocka_unit_test(a_name_is_looked_up_and_each_address_tried),
        cmocka_unit_test(a_look_up_does_not_hold_the_deadline),
        cmocka_unit_test(a_full_resolver_rejects),
        cmocka_unit_test(connecting_has_a_deadline_and_a_cancel),
        cmocka_unit_test(what_is_still_connecting_goes_with_its_loop),
        cmocka_unit_test(each_address_has_its_share_of_the_time),
        cmocka_unit_test(a_stream_that_nobody_takes_is_freed),
    };
    return cmocka_run_group_tests(tests, certificate_make, certificate_remove);
}
