/*
 * Listening: limits, unix sockets, a process without descriptors, many connections.
 */
#include "net/fixture.h"

#include <event2/event.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static void a_bad_address_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    ferry_error error = {0};
    fixture_open(&f, NULL);
    assert_null(ferry_stream_listen(f.loop, "localhost:1", NULL, keep_stream, &f, &error));
    assert_int_equal(error.code, FERRY_INVALID);
    assert_null(ferry_stream_listen(f.loop, fixture_address(&f), NULL, keep_stream, &f, &error));
    assert_int_equal(error.code, FERRY_CONFLICT);
    assert_null(ferry_stream_listen(f.loop, "192.0.2.1:0", NULL, keep_stream, &f, NULL));
    fixture_close(&f);
}

/* The kernel completes connections that nobody has accepted. */
static void past_the_limit_connections_wait(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, &(ferry_stream_listen_options){.max_connections = 2});
    int fds[4];
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        assert_true((fds[i] = peer_open(fixture_address(&f))) >= 0);
    assert_true(run_until(f.loop, has_two_streams, &f));
    run_turns(f.loop);
    assert_int_equal(f.count, 2);
    assert_int_equal(ferry_stream_listener_connections(f.listener), 2);
    ferry_stream_close(f.streams[0]); /* a closed one does not count, freed or not */
    run_turns(f.loop);
    assert_int_equal(f.count, 3);
    ferry_stream_free(f.streams[1]);
    f.streams[1] = NULL;
    run_turns(f.loop);
    assert_int_equal(f.count, 4);
    assert_int_equal(ferry_stream_listener_connections(f.listener), 2);
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        close(fds[i]);
    fixture_close(&f);
}

static void streams_outlive_their_listener(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    char address[ADDRESS_TEXT_SIZE];
    snprintf(address, sizeof address, "%s", fixture_address(&f));
    ferry_stream_listener_free(f.listener);
    f.listener = NULL;
    run_turns(f.loop);
    assert_int_equal(peer_open(address), -1);
    peer_send(fd, "still");
    expect_text(f.loop, ferry_stream_read_bytes(f.streams[0], 5), "still");
    expect_code(f.loop, ferry_stream_write(f.streams[0], "here", 4), FERRY_OK);
    peer_expect(fd, "here");
    close(fd);
    fixture_close(&f);
}

static void free_all(ferry_stream_listener *listener, ferry_stream *stream, void *ctx)
{
    ferry_stream_listener_free(listener);
    ferry_stream_free(stream);
    *(bool *)ctx = true;
}

static bool is_true(void *arg)
{
    return *(bool *)arg;
}

static void a_listener_may_be_freed_by_its_handler(void **state)
{
    (void)state;
    struct fixture f;
    bool freed = false;
    fixture_open(&f, NULL);
    ferry_stream_listener *other =
        ferry_stream_listen(f.loop, "127.0.0.1:0", NULL, free_all, &freed, NULL);
    int fds[2];
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        fds[i] = peer_open(ferry_stream_listener_address(other));
    assert_true(run_until(f.loop, is_true, &freed));
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        close(fds[i]);
    fixture_close(&f);
}

static void a_unix_socket_works_as_well(void **state)
{
    (void)state;
    char folder[] = "/tmp/ferry-net-XXXXXX", address[64];
    assert_non_null(mkdtemp(folder));
    snprintf(address, sizeof address, "unix:%s/socket", folder);
    struct fixture f;
    fixture_open(&f, NULL);
    ferry_stream_listener_free(f.listener);
    fixture_listen(&f, address, NULL);
    assert_string_equal(fixture_address(&f), address);
    struct outcome outcome = await(f.loop, ferry_stream_connect(f.loop, address, NULL));
    ferry_stream *client = outcome.result;
    assert_non_null(client);
    assert_true(run_until(f.loop, has_stream, &f));
    assert_string_equal(ferry_stream_peer(f.streams[0]), "unix");
    assert_string_equal(ferry_stream_peer(client), "unix");
    expect_code(f.loop, ferry_stream_write(client, "hello\n", 6), FERRY_OK);
    expect_text(f.loop, ferry_stream_read_until(f.streams[0], "\n", 0), "hello\n");
    ferry_stream_free(client);
    expect_code(f.loop, ferry_stream_read_some(f.streams[0], 0), FERRY_GONE);
    fixture_close(&f);
    assert_int_equal(rmdir(folder), 0); /* the socket's file has gone */
}

static void connections_have_their_options_set(void **state)
{
    (void)state;
    struct fixture f;
    int fd = fixture_connect(&f, NULL);
    struct address peer = {.length = sizeof peer.local};
    getsockname(fd, &peer.any, &peer.length);
    unsigned seen = 0;
    for (int other = 3; other < 64; other++) { /* ours is the one whose peer is the peer */
        struct address its = {.length = sizeof its.local};
        if (getpeername(other, &its.any, &its.length) < 0 || its.v4.sin_port != peer.v4.sin_port)
            continue;
        int nodelay = 0, keepalive = 0, not_sent = 0;
        socklen_t length = sizeof nodelay;
        getsockopt(other, IPPROTO_TCP, TCP_NODELAY, &nodelay, &length);
        getsockopt(other, SOL_SOCKET, SO_KEEPALIVE, &keepalive, &length);
        getsockopt(other, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &not_sent, &length);
        seen += nodelay && keepalive && not_sent == 128 << 10;
    }
    assert_int_equal(seen, 1);
    close(fd);
    fixture_close(&f);
}

/* ---- no descriptors ---- */

static unsigned refusals_logged;

static void count_refusals(void *arg, ferry_log_level level, const char *line, size_t length)
{
    (void)arg, (void)level;
    refusals_logged += memmem(line, length, "cannot be accepted", 18) != NULL;
}

static bool has_logged(void *arg)
{
    (void)arg;
    return refusals_logged > 0;
}

static void without_descriptors_the_listener_rests(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    refusals_logged = 0;
    ferry_log_set_sink(count_refusals, NULL);
    int fd = peer_open(fixture_address(&f));
    struct rlimit limit, none;
    getrlimit(RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    bool logged = run_until(f.loop, has_logged, NULL);
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_true(logged);
    assert_true(run_until(f.loop, has_stream, &f));
    assert_int_equal(refusals_logged, 1);
    int other = peer_open(fixture_address(&f));
    setrlimit(RLIMIT_NOFILE, &none);
    for (int i = 0; i < 5; i++)
        run_turns(f.loop);
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_true(run_until(f.loop, has_two_streams, &f));
    assert_int_equal(refusals_logged, 1); /* that one was accepted in between makes it no news */
    ferry_log_set_sink(NULL, NULL);
    close(fd);
    close(other);
    fixture_close(&f);
}

/* ---- no memory ---- */

static bool has_no_memory;

static void *give(size_t size)
{
    return has_no_memory ? NULL : malloc(size);
}

static unsigned losses_logged;

static void count_losses(void *arg, ferry_log_level level, const char *line, size_t length)
{
    (void)arg, (void)level;
    losses_logged += memmem(line, length, "for a connection", 16) != NULL;
}

static void a_flood_without_memory_is_not_one_of_lines(void **state)
{
    (void)state;
    struct fixture f;
    int fds[3];
    fixture_open(&f, NULL);
    losses_logged = 0;
    ferry_log_set_sink(count_losses, NULL);
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        fds[i] = peer_open(fixture_address(&f));
    run_turns(f.loop);
    has_no_memory = true;
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        close(fds[i]);
        fds[i] = peer_open(fixture_address(&f));
    }
    run_turns(f.loop);
    has_no_memory = false;
    ferry_log_set_sink(NULL, NULL);
    assert_int_equal(f.count, 3);
    assert_int_equal(losses_logged, 1);
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        close(fds[i]);
    fixture_close(&f);
}

/* Takes libevent's place in calling the kernel. */
static int accept_error;
static unsigned accept_failures;

__attribute__((visibility("default"))) int accept4(int fd, __SOCKADDR_ARG address,
                                                   socklen_t *restrict length, int flags)
{
    if (!accept_error)
        return (int)syscall(SYS_accept4, fd, address.__sockaddr__, length, flags);
    accept_failures++;
    errno = accept_error;
    return -1;
}

struct more {
    const struct fixture *f;
    unsigned before;
};

static bool has_one_more(void *arg)
{
    const struct more *more = arg;
    return more->f->count > more->before;
}

/* Each time it is tried a few times, and then there is a rest. */
static void expect_rest_while(struct fixture *f, int error)
{
    refusals_logged = 0;
    accept_failures = 0;
    accept_error = error;
    struct more more = {f, f->count};
    int fd = peer_open(fixture_address(f));
    bool logged = run_until(f->loop, has_logged, NULL);
    unsigned tried = accept_failures;
    run_turns(f->loop);
    accept_error = 0;
    assert_true(logged);
    assert_in_range(tried, 1, 5);
    assert_in_range(accept_failures - tried, 0, 5); /* if the rest was over already */
    assert_true(run_until(f->loop, has_one_more, &more));
    assert_int_equal(refusals_logged, 1);
    close(fd);
}

static void when_the_kernel_has_nothing_left_the_listener_rests(void **state)
{
    (void)state;
    const int errors[] = {ENFILE, ENOBUFS, ENOMEM};
    ferry_log_set_sink(count_refusals, NULL);
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        struct fixture f;
        fixture_open(&f, NULL);
        expect_rest_while(&f, errors[i]);
        fixture_close(&f);
    }
    ferry_log_set_sink(NULL, NULL);
}

/* ---- a flood ---- */

enum { FLOOD = 320, ACCEPTED_AT_ONCE = 64 };

struct turns {
    struct fixture *f;
    unsigned count; /* as of the turn before */
    unsigned most;  /* in one turn */
};

static void look_each_turn(void *arg)
{
    struct turns *turns = arg;
    unsigned more = turns->f->count - turns->count;
    turns->count = turns->f->count;
    if (more > turns->most)
        turns->most = more;
    if (turns->count < FLOOD)
        ferry_loop_add_callback(turns->f->loop, look_each_turn, turns, NULL);
}

static bool flood_is_in(void *arg)
{
    return ((struct turns *)arg)->count == FLOOD;
}

static void a_flood_of_connections_leaves_others_their_turn(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    int fds[FLOOD];
    for (size_t i = 0; i < FLOOD; i++)
        assert_true((fds[i] = peer_open(fixture_address(&f))) >= 0);
    struct turns turns = {.f = &f};
    ferry_loop_add_callback(f.loop, look_each_turn, &turns, NULL);
    assert_true(run_until(f.loop, flood_is_in, &turns));
    assert_in_range(turns.most, 1, 2 * ACCEPTED_AT_ONCE); /* of one turn's end and the next */
    for (size_t i = 0; i < FLOOD; i++)
        close(fds[i]);
    fixture_close(&f);
}

/* ---- many ---- */

enum { MANY = 2000, AT_ONCE = 50 };

struct many {
    struct fixture f;
    char address[ADDRESS_TEXT_SIZE];
    unsigned started, ended, failed;
};

static void many_start(struct many *many);

static void many_end(struct many *many, ferry_stream *stream)
{
    ferry_stream_free(stream);
    many->ended++;
    many_start(many);
}

struct client {
    struct many *many;
    ferry_stream *stream;
};

static void on_echo(ferry_future *future, void *arg)
{
    struct client client = *(struct client *)arg;
    ferry_bytes *bytes = ferry_future_take(future);
    if (ferry_future_error(future)->code || strcmp(bytes->data, "ping\n") != 0)
        client.many->failed++;
    ferry_bytes_free(bytes);
    free(arg);
    many_end(client.many, client.stream);
}

static void on_connected(ferry_future *future, void *arg)
{
    struct many *many = arg;
    ferry_stream *stream = ferry_future_take(future);
    if (ferry_future_error(future)->code) {
        many->failed++;
        many_end(many, NULL);
        return;
    }
    struct client *client = malloc(sizeof *client);
    *client = (struct client){many, stream};
    ferry_future_free(ferry_stream_write(stream, "ping\n", 5));
    ferry_future_then(ferry_stream_read_until(stream, "\n", 0), on_echo, client);
}

static void many_start(struct many *many)
{
    if (many->started == MANY)
        return;
    many->started++;
    ferry_future_then(ferry_stream_connect(many->f.loop, many->address, NULL), on_connected, many);
}

static void echo(ferry_future *future, void *arg)
{
    ferry_stream *stream = arg;
    ferry_bytes *bytes = ferry_future_take(future);
    if (ferry_future_error(future)->code) { /* the client has left */
        ferry_stream_free(stream);
        return;
    }
    ferry_future_free(ferry_stream_write(stream, bytes->data, bytes->length));
    ferry_bytes_free(bytes);
    ferry_future_then(ferry_stream_read_until(stream, "\n", 0), echo, stream);
}

static void on_echo_stream(ferry_stream_listener *listener, ferry_stream *stream, void *ctx)
{
    (void)listener, (void)ctx;
    ferry_future_then(ferry_stream_read_until(stream, "\n", 0), echo, stream);
}

static bool many_are_done(void *arg)
{
    struct many *many = arg;
    return many->ended == MANY && ferry_stream_listener_connections(many->f.listener) == 0;
}

static void many_connections_come_and_go(void **state)
{
    (void)state;
    struct many many = {0};
    fixture_open(&many.f, NULL);
    ferry_stream_listener_free(many.f.listener);
    ferry_error error;
    many.f.listener = ferry_stream_listen(
        many.f.loop, "127.0.0.1:0", &(ferry_stream_listen_options){.max_connections = AT_ONCE / 2},
        on_echo_stream, NULL, &error);
    assert_non_null(many.f.listener);
    snprintf(many.address, sizeof many.address, "%s", fixture_address(&many.f));
    for (int i = 0; i < AT_ONCE; i++)
        many_start(&many);
    assert_true(run_until(many.f.loop, many_are_done, &many));
    assert_int_equal(many.failed, 0);
    fixture_close(&many.f);
}

int main(void)
{
    event_set_mem_functions(give, realloc, free);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_address_is_refused),
        cmocka_unit_test(past_the_limit_connections_wait),
        cmocka_unit_test(streams_outlive_their_listener),
        cmocka_unit_test(a_listener_may_be_freed_by_its_handler),
        cmocka_unit_test(a_unix_socket_works_as_well),
        cmocka_unit_test(connections_have_their_options_set),
        cmocka_unit_test(without_descriptors_the_listener_rests),
        cmocka_unit_test(a_flood_without_memory_is_not_one_of_lines),
        cmocka_unit_test(when_the_kernel_has_nothing_left_the_listener_rests),
        cmocka_unit_test(a_flood_of_connections_leaves_others_their_turn),
        cmocka_unit_test(many_connections_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
