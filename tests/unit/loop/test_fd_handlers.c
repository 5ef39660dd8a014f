/* fd handlers: what they are told, and that removing and changing them is harmless anywhere. */
#include <ferry/loop.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "failing_memory.h"
#include "support.h"

enum { PAIRS = 3 };

struct watched {
    int fd, peer;
    ferry_handler handler;
    unsigned told; /* how often */
    unsigned events;
    void (*then)(struct watched *watched);
};

static ferry_loop *loop;
static struct watched all[PAIRS];

static int setup(void **state)
{
    (void)state;
    loop = ferry_loop_new();
    for (size_t i = 0; i < PAIRS; i++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
            return -1;
        all[i] = (struct watched){.fd = pair[0], .peer = pair[1]};
    }
    return loop ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    ferry_loop_free(loop);
    for (size_t i = 0; i < PAIRS; i++) {
        close(all[i].fd);
        if (all[i].peer >= 0)
            close(all[i].peer);
    }
    return 0;
}

static void on_events(int fd, unsigned events, void *arg)
{
    struct watched *watched = arg;
    assert_int_equal(fd, watched->fd);
    watched->told++;
    watched->events = events;
    if (watched->then)
        watched->then(watched);
}

static void watch(struct watched *watched, unsigned events)
{
    watched->handler = ferry_loop_add_handler(loop, watched->fd, events, on_events, watched);
    assert_int_not_equal(watched->handler, 0);
}

static void stop(void *arg)
{
    (void)arg;
    ferry_loop_stop(loop);
}

/* A turn that sees all descriptors that are ready; and one more, as the order is not promised. */
static void turn(void)
{
    for (int i = 0; i < 2; i++) {
        ferry_loop_call_later(loop, 0, stop, NULL);
        ferry_loop_run(loop);
    }
}

static void send_byte(struct watched *watched)
{
    assert_int_equal(write(watched->peer, "x", 1), 1);
}

static void test_it_is_told_as_long_as_it_is_so(void **state)
{
    (void)state;
    watch(&all[0], FERRY_FD_READ);
    turn();
    assert_int_equal(all[0].told, 0);
    send_byte(&all[0]);
    turn();
    unsigned before = all[0].told;
    assert_true(before >= 1);
    assert_int_equal(all[0].events, FERRY_FD_READ);
    turn(); /* nobody has read it */
    assert_true(all[0].told > before);
    char c;
    assert_int_equal(read(all[0].fd, &c, 1), 1);
    before = all[0].told;
    turn();
    assert_int_equal(all[0].told, before);
}

static void test_what_it_waits_for_may_change(void **state)
{
    (void)state;
    watch(&all[0], FERRY_FD_READ);
    assert_true(ferry_loop_update_handler(loop, all[0].handler, FERRY_FD_READ | FERRY_FD_WRITE));
    turn();
    assert_int_equal(all[0].events, FERRY_FD_WRITE);
    send_byte(&all[0]);
    turn();
    assert_int_equal(all[0].events, FERRY_FD_READ | FERRY_FD_WRITE);
    assert_true(ferry_loop_update_handler(loop, all[0].handler, 0)); /* a pause */
    unsigned before = all[0].told;
    turn();
    assert_int_equal(all[0].told, before);
    assert_true(ferry_loop_update_handler(loop, all[0].handler, FERRY_FD_READ));
    turn();
    assert_true(all[0].told > before);
    assert_int_equal(all[0].events, FERRY_FD_READ);
}

static void test_a_hangup_is_told(void **state)
{
    (void)state;
    watch(&all[0], FERRY_FD_READ);
    close(all[0].peer);
    all[0].peer = -1;
    turn();
    assert_int_equal(all[0].events, FERRY_FD_READ | FERRY_FD_HANGUP);
}

static void test_an_error_is_told(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    struct watched pipe_end = {.fd = ends[1]};
    close(ends[0]); /* nobody will read */
    watch(&pipe_end, FERRY_FD_WRITE);
    turn();
    assert_int_equal(pipe_end.events, FERRY_FD_WRITE | FERRY_FD_ERROR);
    ferry_loop_remove_handler(loop, pipe_end.handler);
    close(ends[1]);
}

static void remove_all(struct watched *watched)
{
    (void)watched;
    for (size_t i = 0; i < PAIRS; i++)
        assert_true(ferry_loop_remove_handler(loop, all[i].handler));
}

static void test_removed_in_a_callback_none_is_told_any_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAIRS; i++) {
        all[i].then = remove_all;
        send_byte(&all[i]);
        watch(&all[i], FERRY_FD_READ);
    }
    turn();
    assert_int_equal(all[0].told + all[1].told + all[2].told, 1);
}

static void update_to_nothing(struct watched *watched)
{
    assert_true(ferry_loop_update_handler(loop, watched->handler, 0));
}

static void test_changed_in_its_callback(void **state)
{
    (void)state;
    all[0].then = update_to_nothing;
    send_byte(&all[0]);
    watch(&all[0], FERRY_FD_READ);
    turn();
    assert_int_equal(all[0].told, 1);
}

static void test_handles_that_are_used_up_do_no_harm(void **state)
{
    (void)state;
    watch(&all[0], FERRY_FD_READ);
    ferry_handler old = all[0].handler;
    assert_true(ferry_loop_remove_handler(loop, old));
    assert_false(ferry_loop_remove_handler(loop, old));
    watch(&all[0], FERRY_FD_READ); /* in the same place */
    assert_int_not_equal(all[0].handler, old);
    assert_false(ferry_loop_update_handler(loop, old, 0));
    assert_false(ferry_loop_remove_handler(loop, old));
    assert_false(ferry_loop_remove_handler(loop, 0));
    assert_false(ferry_loop_remove_handler(loop, UINT64_MAX));
    send_byte(&all[0]);
    turn();
    assert_true(all[0].told > 0);
}

static void test_several_handlers_of_one_descriptor(void **state)
{
    (void)state;
    struct watched reader = all[0], writer = all[0];
    watch(&reader, FERRY_FD_READ);
    watch(&writer, FERRY_FD_WRITE);
    send_byte(&all[0]);
    turn();
    assert_int_equal(reader.events, FERRY_FD_READ);
    assert_int_equal(writer.events, FERRY_FD_WRITE);
    ferry_loop_remove_handler(loop, writer.handler);
    ferry_loop_remove_handler(loop, reader.handler);
}

static void test_what_cannot_be_watched(void **state)
{
    (void)state;
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    errno = 0;
    assert_int_equal(ferry_loop_add_handler(loop, file, FERRY_FD_READ, on_events, NULL), 0);
    assert_int_equal(errno, EPERM);
    close(file);
    file = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    errno = 0;
    assert_int_equal(ferry_loop_add_handler(loop, file, FERRY_FD_READ, on_events, NULL), 0);
    assert_int_equal(errno, EPERM);
    close(file);
    assert_int_equal(ferry_loop_add_handler(loop, file, FERRY_FD_READ, on_events, NULL), 0);
    assert_int_equal(errno, EBADF);
}

/* ---- no memory ---- */

static bool has_no_memory;

static void *give(size_t size)
{
    return has_no_memory ? NULL : malloc(size);
}

static void *give_more(void *memory, size_t size)
{
    return has_no_memory ? NULL : realloc(memory, size);
}

/* libevent asks the kernel for a few at first, and then for more. */
static void turn_for_many(void)
{
    for (int i = 0; i < 5; i++)
        turn();
}

/* Many of them in one turn are more than libevent has room for. */
static void test_without_memory_it_waits_for_what_it_did(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    struct watched many[COUNT];
    bool has_changed[COUNT];
    unsigned refused = 0;
    for (size_t i = 0; i < COUNT; i++) {
        many[i] = all[0];
        many[i].fd = fcntl(all[0].fd, F_DUPFD_CLOEXEC, 0);
        watch(&many[i], FERRY_FD_READ);
        turn();
    }
    has_no_memory = true;
    for (size_t i = 0; i < COUNT; i++) {
        has_changed[i] = ferry_loop_update_handler(loop, many[i].handler, FERRY_FD_WRITE);
        refused += !has_changed[i];
    }
    assert_int_equal(ferry_loop_add_handler(loop, all[1].fd, FERRY_FD_READ, on_events, NULL), 0);
    assert_int_equal(errno, ENOMEM);
    has_no_memory = false;
    assert_true(refused > 0);
    send_byte(&all[0]);
    turn_for_many();
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(many[i].events, has_changed[i] ? FERRY_FD_WRITE : FERRY_FD_READ);
        assert_true(ferry_loop_update_handler(loop, many[i].handler, FERRY_FD_WRITE));
    }
    turn_for_many();
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(many[i].events, FERRY_FD_WRITE);
        assert_true(ferry_loop_remove_handler(loop, many[i].handler));
        close(many[i].fd);
    }
}

/* Whatever it was that there was no memory for, nothing is left of it, and the next one is made. */
static void test_one_that_cannot_be_made_leaves_nothing(void **state)
{
    (void)state;
    for (struct lack lack = {0}; lack_next(&lack);) {
        ferry_loop *fresh = ferry_loop_new();
        lack_begin(&lack);
        ferry_handler first =
            ferry_loop_add_handler(fresh, all[0].fd, FERRY_FD_READ, on_events, NULL);
        lack_end(&lack);
        assert_true(lack.was_lacking == !first);
        assert_true(first || errno == ENOMEM);
        assert_false(ferry_loop_remove_handler(fresh, 0));
        ferry_handler next =
            ferry_loop_add_handler(fresh, all[1].fd, FERRY_FD_READ, on_events, NULL);
        assert_true(next);
        assert_true(ferry_loop_remove_handler(fresh, next));
        ferry_loop_free(fresh);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    event_set_mem_functions(give, give_more, free);
    const struct CMUnitTest tests[] = {
        TEST(test_it_is_told_as_long_as_it_is_so),
        TEST(test_what_it_waits_for_may_change),
        TEST(test_a_hangup_is_told),
        TEST(test_an_error_is_told),
        TEST(test_removed_in_a_callback_none_is_told_any_more),
        TEST(test_changed_in_its_callback),
        TEST(test_handles_that_are_used_up_do_no_harm),
        TEST(test_several_handlers_of_one_descriptor),
        TEST(test_what_cannot_be_watched),
        TEST(test_without_memory_it_waits_for_what_it_did),
        TEST(test_one_that_cannot_be_made_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
