/* Watches: who is told of what, and who may go when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "watch.h"

static const char A[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                  B[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

struct witness {
    struct watches *watches;
    struct queue_watch *watch;
    struct queue_watch **goes; /* ends this one when it is told; may be its own */
    const char *adds;          /* watches this job when it is told */
    struct witness *added;
    unsigned told;
    int64_t version;
};

static void on_change(void *arg, const struct job_change *change)
{
    struct witness *witness = arg;
    witness->told++;
    witness->version = change->version;
    if (witness->goes) {
        queue_unwatch(*witness->goes);
        *witness->goes = NULL;
        witness->goes = NULL;
    }
    if (witness->adds)
        witness->added->watch =
            watch_new(witness->watches, witness->adds, on_change, witness->added);
    witness->adds = NULL;
}

static void watch(struct watches *watches, const char *id, struct witness *witness)
{
    *witness = (struct witness){.watches = watches};
    witness->watch = watch_new(watches, id, on_change, witness);
    assert_non_null(witness->watch);
}

static void tell(struct watches *watches, const char *id, int64_t version)
{
    struct job_change change = {.state = JOB_RUNNING, .version = version};
    watches_tell(watches, id, &change);
}

static void each_hears_of_its_job_only(void **ctx)
{
    (void)ctx;
    struct watches watches = {0};
    struct witness one, two, other;
    watch(&watches, A, &one);
    watch(&watches, A, &two);
    watch(&watches, B, &other);
    tell(&watches, A, 7);
    assert_int_equal(one.told, 1);
    assert_int_equal(two.told, 1);
    assert_int_equal(other.told, 0);
    assert_int_equal(one.version, 7);
    queue_unwatch(one.watch);
    tell(&watches, A, 8);
    assert_int_equal(one.told, 1);
    assert_int_equal(two.told, 2);
    queue_unwatch(two.watch);
    queue_unwatch(other.watch);
    assert_null(watches.jobs); /* nothing is left of them */
    tell(&watches, A, 9);
}

static void each_may_go_while_they_are_told(void **ctx)
{
    (void)ctx;
    for (int victim = 0; victim < 3; victim++) {
        struct watches watches = {0};
        struct witness all[3];
        for (int i = 0; i < 3; i++)
            watch(&watches, A, &all[i]);
        all[1].goes = &all[victim].watch;
        tell(&watches, A, 1);
        assert_int_equal(all[1].told, 1);
        tell(&watches, A, 2);
        for (int i = 0; i < 3; i++)
            assert_int_equal(all[i].told > 1, i != victim);
        for (int i = 0; i < 3; i++)
            queue_unwatch(all[i].watch);
        assert_null(watches.jobs);
    }
}

static void the_last_may_go_and_another_come_while_they_are_told(void **ctx)
{
    (void)ctx;
    struct watches watches = {0};
    struct witness one, late = {.watches = &watches};
    watch(&watches, A, &one);
    one.goes = &one.watch;
    one.adds = A;
    one.added = &late;
    tell(&watches, A, 1);
    assert_int_equal(late.told, 0);
    tell(&watches, A, 2);
    assert_int_equal(one.told, 1);
    assert_int_equal(late.told, 1);
    queue_unwatch(late.watch);
    assert_null(watches.jobs);
}

static void after_the_end_nobody_is_told_and_all_may_still_go(void **ctx)
{
    (void)ctx;
    struct watches watches = {0};
    struct witness one, two;
    watch(&watches, A, &one);
    watch(&watches, B, &two);
    watches_end(&watches);
    assert_null(watches.jobs);
    tell(&watches, A, 1);
    assert_int_equal(one.told, 0);
    queue_unwatch(one.watch);
    queue_unwatch(two.watch);
    queue_unwatch(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_hears_of_its_job_only),
        cmocka_unit_test(each_may_go_while_they_are_told),
        cmocka_unit_test(the_last_may_go_and_another_come_while_they_are_told),
        cmocka_unit_test(after_the_end_nobody_is_told_and_all_may_still_go),
    };
    return cmocka_run_group_tests_name("jobs/watch", tests, NULL, NULL);
}
