/* A turn of the loop: it runs so much of what was posted, and others have theirs. */
#include <ferry/loop.h>

#include <event2/event.h>
#include <unistd.h>

#include "loop_base.h"
#include "one_loop.h"

/* ---- the budget ---- */

struct flood {
    ferry_loop *loop;
    unsigned ran;
    bool ended;
    int pipe[2];
    bool read;
    bool timed;
};

/* Posts two for each that runs, up to a large number, and from there on one. */
static void flood(void *arg)
{
    struct flood *f = arg;
    f->ran++;
    if (f->ended)
        return;
    ferry_loop_add_callback(f->loop, flood, f, NULL);
    if (f->ran < 5000)
        ferry_loop_add_callback(f->loop, flood, f, NULL);
}

static void flood_ends_when_both_came(struct flood *f)
{
    if (f->read && f->timed) {
        f->ended = true;
        ferry_loop_stop(f->loop);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct flood *f = arg;
    f->read = true;
    flood_ends_when_both_came(f);
}

static void on_flood_timer(void *arg)
{
    struct flood *f = arg;
    f->timed = true;
    flood_ends_when_both_came(f);
}

static void test_who_posts_for_ever_starves_no_timer_and_no_descriptor(void **state)
{
    struct flood f = {.loop = *state};
    assert_int_equal(pipe(f.pipe), 0);
    assert_int_equal(write(f.pipe[1], "x", 1), 1);
    struct event *event = event_new(loop_event_base(*state), f.pipe[0], EV_READ, on_readable, &f);
    event_add(event, NULL);
    flood(&f);
    ferry_loop_call_later(*state, 1, on_flood_timer, &f);
    ferry_loop_run(*state);
    assert_true(f.read && f.timed);
    event_free(event);
    close(f.pipe[0]);
    close(f.pipe[1]);
}

/* A turn runs no more than its budget, also of what was posted all at once. */
static void test_a_large_batch_leaves_room_for_a_descriptor(void **state)
{
    struct flood f = {.loop = *state, .ended = true, .timed = true};
    assert_int_equal(pipe(f.pipe), 0);
    struct event *event = event_new(loop_event_base(*state), f.pipe[0], EV_READ, on_readable, &f);
    event_add(event, NULL);
    assert_int_equal(write(f.pipe[1], "x", 1), 1);
    for (int i = 0; i < 100000; i++)
        ferry_loop_add_callback(*state, flood, &f, NULL);
    ferry_loop_run(*state);
    assert_true(f.ran < 100000);
    event_free(event);
    close(f.pipe[0]);
    close(f.pipe[1]);
}

/* ---- a share of it ---- */

enum { POSTS = 100, SHARES = 4 };

struct sharing {
    ferry_loop *loop;
    unsigned shares;
    unsigned times; /* each callback takes so many */
    unsigned ran;
    unsigned ran_before_the_read;
    int pipe[2];
};

static void take_shares(void *arg)
{
    struct sharing *sharing = arg;
    if (sharing->ran++ == 0) /* within the first turn */
        assert_int_equal(write(sharing->pipe[1], "x", 1), 1);
    for (unsigned i = 0; i < sharing->times; i++)
        loop_take_share(sharing->loop, sharing->shares);
}

static void note_and_stop(int fd, unsigned events, void *arg)
{
    (void)fd, (void)events;
    struct sharing *sharing = arg;
    sharing->ran_before_the_read = sharing->ran;
    ferry_loop_stop(sharing->loop);
}

/* Post many that take their shares. Returns how many of them ran before the descriptor was read
 * that the first of them made readable. */
static unsigned ran_before_the_read(ferry_loop *loop, unsigned shares, unsigned times)
{
    struct sharing sharing = {.loop = loop, .shares = shares, .times = times};
    assert_int_equal(pipe(sharing.pipe), 0);
    ferry_handler handler =
        ferry_loop_add_handler(loop, sharing.pipe[0], FERRY_FD_READ, note_and_stop, &sharing);
    for (unsigned i = 0; i < POSTS; i++)
        assert_int_equal(ferry_loop_add_callback(loop, take_shares, &sharing, NULL), 0);
    ferry_loop_run(loop);
    ferry_loop_remove_handler(loop, handler);
    close(sharing.pipe[0]);
    ferry_loop_add_callback(loop, stop, loop, NULL);
    ferry_loop_run(loop);
    close(sharing.pipe[1]);
    assert_int_equal(sharing.ran, POSTS); /* none is lost */
    return sharing.ran_before_the_read;
}

/* The turn in which it became readable, and the next one, where either may come first. */
static void test_who_takes_a_share_lets_a_descriptor_have_its_turn_sooner(void **state)
{
    assert_in_range(ran_before_the_read(*state, SHARES, 1), SHARES, 2 * SHARES);
    assert_int_equal(ran_before_the_read(*state, SHARES, 0), POSTS); /* later turns are whole */
}

static void test_taking_more_than_is_left_ends_the_turn_and_no_more(void **state)
{
    assert_in_range(ran_before_the_read(*state, 1, 3), 1, 2);
    assert_in_range(ran_before_the_read(*state, SHARES, 2 * SHARES), 1, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, one_loop_setup, one_loop_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_who_posts_for_ever_starves_no_timer_and_no_descriptor),
        TEST(test_a_large_batch_leaves_room_for_a_descriptor),
        TEST(test_who_takes_a_share_lets_a_descriptor_have_its_turn_sooner),
        TEST(test_taking_more_than_is_left_ends_the_turn_and_no_more),
    };
    return cmocka_run_group_tests_name("loop/turn", tests, NULL, NULL);
}
