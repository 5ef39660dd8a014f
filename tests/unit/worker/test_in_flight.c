/* The table of calls that run now: what is in it, and whose. */
#include "in_flight.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"

static unsigned count(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < IN_FLIGHT_SLOTS; i++)
        n += in_flight_at(i) != NULL;
    return n;
}

static int look(ferry_call *call, void *state)
{
    (void)state;
    unsigned at = 0;
    while (at < IN_FLIGHT_SLOTS && !in_flight_at(at))
        at++;
    const struct in_flight *entry = at < IN_FLIGHT_SLOTS ? in_flight_at(at) : NULL;
    if (!entry || atomic_load(&entry->thread) != gettid())
        return ferry_call_fail(call, FERRY_INTERNAL, "this call is not there");
    return ferry_call_reply_json(call, 200, "\"%s %s %s\"", entry->worker, entry->route,
                                 entry->delivery_id);
}

static void a_call_is_in_it_while_it_runs(void **unused)
{
    (void)unused;
    static const ferry_worker kind = {.abi = FERRY_WORKER_ABI, .name = "look", .run = look};
    char name[] = "mine";
    struct worker worker = {.kind = &kind, .name = name};
    struct fixture f;
    fixture_start(&f, 1);
    ferry_call *call =
        make_call(&worker, "",
                  &(struct call_options){.attempt = 1, .delivery_id = "d1", .route = "/look/{id}"});
    submit_call(&f, call);
    await_calls(&f, 1);
    struct call_output *output = call_output(call);
    assert_int_equal(output->error.code, FERRY_OK);
    assert_string_equal(bytes_text(&output->body), "\"mine /look/{id} d1\"");
    assert_int_equal(count(), 0);
    call_free(call);
    fixture_end(&f);
}

static void long_names_are_cut(void **unused)
{
    (void)unused;
    char name[200];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct in_flight *slot = in_flight_begin(name, name, name);
    assert_int_equal(strlen(slot->worker), IN_FLIGHT_NAME_SIZE - 1);
    assert_int_equal(strlen(slot->route), IN_FLIGHT_NAME_SIZE - 1);
    assert_int_equal(strlen(slot->delivery_id), RANDOM_ID_TEXT_SIZE - 1);
    in_flight_end(slot);
    slot = in_flight_begin("w", NULL, "");
    assert_string_equal(slot->worker, "w");
    assert_string_equal(slot->route, "");
    assert_string_equal(slot->delivery_id, "");
    in_flight_end(slot);
}

static void past_its_end_calls_run_without_a_slot(void **unused)
{
    (void)unused;
    struct in_flight *taken[IN_FLIGHT_SLOTS];
    for (unsigned i = 0; i < IN_FLIGHT_SLOTS; i++)
        assert_non_null(taken[i] = in_flight_begin("w", "/r", ""));
    assert_int_equal(count(), IN_FLIGHT_SLOTS);
    assert_null(in_flight_begin("w", "/r", ""));
    in_flight_end(NULL);
    for (unsigned i = 0; i < IN_FLIGHT_SLOTS; i++)
        in_flight_end(taken[i]);
    assert_int_equal(count(), 0);
}

static void *enter_and_leave(void *arg)
{
    const char *name = arg;
    for (int i = 0; i < 10000; i++) {
        struct in_flight *slot = in_flight_begin(name, name, "");
        if (!slot || strcmp(slot->worker, name) != 0 || strcmp(slot->route, name) != 0)
            return (void *)1;
        in_flight_end(slot);
    }
    return NULL;
}

static void a_slot_is_one_calls_at_a_time(void **unused)
{
    (void)unused;
    char names[4][8] = {"a", "bb", "ccc", "dddd"};
    pthread_t threads[4];
    in_flight_use_signal_stacks();
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, enter_and_leave, names[i]), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(count(), 0);
}

static void *take_a_slot(void *unused)
{
    (void)unused;
    struct in_flight *slot = in_flight_begin("w", "/r", "");
    in_flight_end(slot);
    return slot;
}

static void *take_a_slot_in_a_thread(void)
{
    pthread_t thread;
    void *slot;
    assert_int_equal(pthread_create(&thread, NULL, take_a_slot, NULL), 0);
    pthread_join(thread, &slot);
    return slot;
}

static void threads_that_come_and_go_touch_little_of_it(void **unused)
{
    (void)unused;
    void *seen[IN_FLIGHT_SLOTS];
    unsigned distinct = 0;
    for (unsigned i = 0; i < IN_FLIGHT_SLOTS; i++) {
        void *slot = take_a_slot_in_a_thread();
        assert_non_null(slot);
        unsigned at = 0;
        while (at < distinct && seen[at] != slot)
            at++;
        if (at == distinct)
            seen[distinct++] = slot;
    }
    assert_true(distinct <= IN_FLIGHT_SLOTS / 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_in_it_while_it_runs),
        cmocka_unit_test(long_names_are_cut),
        cmocka_unit_test(past_its_end_calls_run_without_a_slot),
        cmocka_unit_test(a_slot_is_one_calls_at_a_time),
        cmocka_unit_test(threads_that_come_and_go_touch_little_of_it),
    };
    return cmocka_run_group_tests_name("worker/in_flight", tests, NULL, NULL);
}
