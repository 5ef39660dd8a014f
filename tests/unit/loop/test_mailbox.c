/* The mailbox: order, budget, and what becomes of an entry when it closes. */
#include "mailbox.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "support.h"
#include "watchdog.h"

struct item {
    struct mailbox_entry entry;
    int number;
};

static int ran[1000];
static size_t ran_count, dropped_count;

static void item_run(struct mailbox_entry *entry)
{
    ran[ran_count++] = ((struct item *)entry)->number;
    free(entry);
}

static void item_drop(struct mailbox_entry *entry)
{
    dropped_count++;
    free(entry);
}

static bool post(struct mailbox *mailbox, int number)
{
    struct item *item = malloc(sizeof *item);
    *item = (struct item){.entry = {.run = item_run, .drop = item_drop}, .number = number};
    return mailbox_post(mailbox, &item->entry);
}

static bool is_readable(const struct mailbox *mailbox)
{
    struct pollfd fd = {.fd = mailbox->wake_fd, .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

static size_t budget;

/* Returns what is left of the budget. */
static size_t drain(struct mailbox *mailbox, size_t count)
{
    budget = count;
    mailbox_drain(mailbox, &budget);
    return budget;
}

static int setup(void **state)
{
    static struct mailbox mailbox;
    assert_true(mailbox_init(&mailbox));
    *state = &mailbox;
    ran_count = dropped_count = 0;
    return watchdog_start(state);
}

static int teardown(void **state)
{
    mailbox_close(*state);
    mailbox_fini(*state);
    return watchdog_stop(state);
}

static void test_entries_run_in_the_order_of_their_posting(void **state)
{
    for (int i = 0; i < 100; i++)
        assert_true(post(*state, i));
    drain(*state, 1000);
    assert_int_equal(ran_count, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(ran[i], i);
}

static void test_it_wakes_when_it_was_empty(void **state)
{
    assert_false(is_readable(*state));
    post(*state, 1);
    assert_true(is_readable(*state));
    post(*state, 2);
    drain(*state, 1000);
    assert_false(is_readable(*state));
    post(*state, 3);
    assert_true(is_readable(*state));
    drain(*state, 1000);
    assert_int_equal(ran_count, 3);
}

static void test_behind_others_is_only_where_there_are_some(void **state)
{
    struct item *item = malloc(sizeof *item);
    *item = (struct item){.entry = {.run = item_run, .drop = item_drop}, .number = 1};
    assert_false(mailbox_post_behind(*state, &item->entry)); /* who would wake the loop? */
    assert_false(is_readable(*state));
    post(*state, 0);
    assert_true(mailbox_post_behind(*state, &item->entry));
    drain(*state, 1000);
    assert_int_equal(ran_count, 2);
    assert_int_equal(ran[1], 1);
    mailbox_close(*state);
    struct mailbox_entry late;
    assert_false(mailbox_post_behind(*state, &late)); /* not even dropped */
}

static void test_the_budget_leaves_the_rest_to_the_next_turn(void **state)
{
    for (int i = 0; i < 10; i++)
        post(*state, i);
    drain(*state, 4);
    assert_int_equal(ran_count, 4);
    assert_true(is_readable(*state)); /* or nobody would come back for them */
    post(*state, 10);
    drain(*state, 4);
    assert_int_equal(ran_count, 8);
    assert_true(is_readable(*state));
    drain(*state, 4);
    while (is_readable(*state))
        drain(*state, 4);
    assert_int_equal(ran_count, 11);
    for (int i = 0; i < 11; i++)
        assert_int_equal(ran[i], i);
}

static void take_two(struct mailbox_entry *entry)
{
    (void)entry;
    budget -= 2;
}

static void test_what_runs_may_take_more_of_the_budget(void **state)
{
    struct mailbox_entry taker = {.run = take_two};
    mailbox_post(*state, &taker);
    for (int i = 0; i < 10; i++)
        post(*state, i);
    assert_int_equal(drain(*state, 5), 0);
    assert_int_equal(ran_count, 2);
    assert_true(is_readable(*state));
    assert_int_equal(drain(*state, 10), 2); /* the next one is whole again */
    assert_int_equal(ran_count, 10);
}

static void take_all(struct mailbox_entry *entry)
{
    (void)entry;
    budget = 0;
}

/* As a stop of the loop does. */
static void test_who_takes_all_leaves_the_rest(void **state)
{
    struct mailbox_entry taker = {.run = take_all};
    mailbox_post(*state, &taker);
    post(*state, 1);
    drain(*state, 1000);
    assert_int_equal(ran_count, 0);
    assert_true(is_readable(*state));
    drain(*state, 1000);
    assert_int_equal(ran_count, 1);
}

static void test_closing_drops_what_is_inside(void **state)
{
    for (int i = 0; i < 10; i++)
        post(*state, i);
    drain(*state, 3); /* some are taken, some only posted */
    post(*state, 10);
    mailbox_close(*state);
    assert_int_equal(ran_count, 3);
    assert_int_equal(dropped_count, 8);
}

static void test_a_late_post_is_refused_and_dropped(void **state)
{
    mailbox_close(*state);
    assert_false(post(*state, 1));
    assert_int_equal(dropped_count, 1);
    mailbox_close(*state); /* as the teardown does, too */
    assert_false(post(*state, 2));
    assert_int_equal(dropped_count, 2);
}

static void reposting_drop(struct mailbox_entry *entry)
{
    (void)entry;
    dropped_count++;
}

static struct mailbox *reposting_to;

static void reposting(struct mailbox_entry *entry)
{
    (void)entry;
    static struct mailbox_entry late = {.drop = reposting_drop};
    assert_false(mailbox_post(reposting_to, &late));
}

static void test_a_drop_that_posts_is_refused(void **state)
{
    struct mailbox_entry entry = {.drop = reposting};
    reposting_to = *state;
    mailbox_post(*state, &entry);
    mailbox_close(*state);
    assert_int_equal(dropped_count, 1);
}

/* ---- closing while others post ---- */

struct closing {
    struct mailbox *mailbox;
    bool closes; /* written by the loop before it closes, read by who is refused */
    atomic_ulong posted;
    atomic_ulong dropped;
};

struct closing_entry {
    struct mailbox_entry entry;
    struct closing *closing;
};

static void closing_run(struct mailbox_entry *entry)
{
    free(entry);
}

static void closing_drop(struct mailbox_entry *entry)
{
    struct closing *closing = ((struct closing_entry *)entry)->closing;
    atomic_fetch_add_explicit(&closing->dropped, 1, memory_order_relaxed);
    free(entry);
}

static void *post_until_refused(void *arg)
{
    struct closing *closing = arg;
    struct closing_entry *entry;
    do {
        entry = malloc(sizeof *entry);
        *entry = (struct closing_entry){{.run = closing_run, .drop = closing_drop}, closing};
        atomic_fetch_add_explicit(&closing->posted, 1, memory_order_relaxed);
    } while (mailbox_post(closing->mailbox, &entry->entry));
    assert_true(closing->closes);
    return NULL;
}

/* None is lost between, and whoever is refused sees what the loop did before. */
static void test_closing_while_threads_post(void **state)
{
    static struct closing closing; /* not on the stack, where a compiler knows of no other thread */
    closing.mailbox = *state;
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_until_refused, &closing), 0);
    while (atomic_load_explicit(&closing.posted, memory_order_relaxed) < 1000)
        sched_yield();
    closing.closes = true;
    mailbox_close(*state); /* the leaks of a sanitizer's run would show who was lost */
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&closing.dropped), atomic_load(&closing.posted));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_entries_run_in_the_order_of_their_posting),
        TEST(test_it_wakes_when_it_was_empty),
        TEST(test_behind_others_is_only_where_there_are_some),
        TEST(test_the_budget_leaves_the_rest_to_the_next_turn),
        TEST(test_what_runs_may_take_more_of_the_budget),
        TEST(test_who_takes_all_leaves_the_rest),
        TEST(test_closing_drops_what_is_inside),
        TEST(test_a_late_post_is_refused_and_dropped),
        TEST(test_a_drop_that_posts_is_refused),
        TEST(test_closing_while_threads_post),
    };
    return cmocka_run_group_tests_name("loop/mailbox", tests, NULL, NULL);
}
