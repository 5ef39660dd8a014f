/* Client rates: how many at once, how many in a while, and who counts as whom. */
#include "client_rate.h"

#include <stdio.h>

#include "support.h"

static const int64_t SECOND_US = 1000000;

/* Far from zero, as a monotonic clock is. */
static const int64_t BEGIN_US = INT64_C(86400000000);

/* Return how many requests of a peer pass at one moment, of 100. */
static int burst_of(struct client_rate *rate, const char *peer, int64_t now_us)
{
    int count = 0;
    for (int i = 0; i < 100; i++)
        count += client_rate_take(rate, peer, now_us) == 0;
    return count;
}

static void test_a_burst_passes_at_once_and_no_more(void **state)
{
    (void)state;
    struct client_rate *rate = client_rate_new(5, 1000, 7);
    assert_int_equal(burst_of(rate, "192.0.2.1", BEGIN_US), 7);
    client_rate_free(rate);
}

static void test_then_requests_pass_at_the_rate(void **state)
{
    (void)state;
    struct client_rate *rate = client_rate_new(5, 1000, 1);
    int passed = 0;
    for (int64_t ms = 0; ms < 10000; ms++)
        passed += client_rate_take(rate, "192.0.2.1", BEGIN_US + ms * 1000) == 0;
    assert_int_equal(passed, 50);
    client_rate_free(rate);
}

static void test_it_says_when_to_come_back(void **state)
{
    (void)state;
    struct client_rate *rate = client_rate_new(2, 60000, 2);
    assert_int_equal(burst_of(rate, "192.0.2.1", BEGIN_US), 2);
    assert_int_equal(client_rate_take(rate, "192.0.2.1", BEGIN_US), 30000);
    int64_t later_us = BEGIN_US + 10 * SECOND_US;
    assert_int_equal(client_rate_take(rate, "192.0.2.1", later_us), 20000);
    later_us = BEGIN_US + 30 * SECOND_US;
    assert_int_equal(client_rate_take(rate, "192.0.2.1", later_us - 1), 1);
    assert_int_equal(client_rate_take(rate, "192.0.2.1", later_us), 0);
    client_rate_free(rate);
}

static void test_a_burst_comes_back_with_time(void **state)
{
    (void)state;
    struct client_rate *rate = client_rate_new(10, 1000, 10);
    assert_int_equal(burst_of(rate, "::1", BEGIN_US), 10);
    assert_int_equal(burst_of(rate, "::1", BEGIN_US + SECOND_US / 2), 5);
    assert_int_equal(burst_of(rate, "::1", BEGIN_US + 60 * SECOND_US), 10);
    client_rate_free(rate);
}

static void test_clients_do_not_count_against_each_other(void **state)
{
    (void)state;
    struct client_rate *rate = client_rate_new(1, 3600000, 3);
    char peer[32];
    for (int i = 0; i < 100; i++) {
        snprintf(peer, sizeof peer, "198.51.100.%d", i);
        assert_int_equal(burst_of(rate, peer, BEGIN_US), 3);
    }
    client_rate_free(rate);
}

static void test_who_is_one_client(void **state)
{
    (void)state;
    const struct {
        const char *first, *second;
        bool is_one;
    } table[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", true},
        {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
        {"::1", "127.0.0.1", false},
        {"unix", "unix", true},
        {"unix", "127.0.0.1", false},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct client_rate *rate = client_rate_new(1, 3600000, 1);
        assert_int_equal(client_rate_take(rate, table[i].first, BEGIN_US), 0);
        assert_int_equal(client_rate_take(rate, table[i].second, BEGIN_US) > 0, table[i].is_one);
        client_rate_free(rate);
    }
}

/* A hundred times as many as there are places; those who come early are long back to a whole burst
 * when the last ones come. */
static void test_strangers_push_out_only_who_has_waited_longest(void **state)
{
    (void)state;
    struct client_rate *rate = client_rate_new(1, 1000, 1);
    char peer[64];
    int64_t now_us = BEGIN_US;
    for (unsigned i = 0; i < 100 * CLIENT_RATE_PLACES; i++) {
        now_us += 1000; /* a thousand of them are within their second */
        snprintf(peer, sizeof peer, "2001:db8:%x:%x::1", i >> 16, i & 0xffff);
        assert_int_equal(client_rate_take(rate, peer, now_us), 0);
        assert_true(client_rate_take(rate, peer, now_us) > 0);
    }
    client_rate_free(rate);
}

static void test_strangers_do_not_push_out_who_has_asked_most(void **state)
{
    (void)state;
    struct client_rate *rate = client_rate_new(1, 3600000, 10);
    char peer[64];
    assert_int_equal(burst_of(rate, "192.0.2.1", BEGIN_US), 10);
    for (unsigned i = 0; i < 16 * CLIENT_RATE_PLACES; i++) {
        snprintf(peer, sizeof peer, "2001:db8:%x:%x::1", i >> 16, i & 0xffff);
        assert_int_equal(client_rate_take(rate, peer, BEGIN_US), 0);
    }
    assert_int_equal(burst_of(rate, "192.0.2.1", BEGIN_US), 0);
    client_rate_free(rate);
}

static void test_who_takes_a_place_over_begins_anew(void **state)
{
    (void)state;
    struct client_rate *rate = client_rate_new(1, 3600000, 1);
    char peer[64];
    for (unsigned i = 0; i < 2 * CLIENT_RATE_PLACES; i++) {
        snprintf(peer, sizeof peer, "2001:db8:0:%x::1", i);
        assert_int_equal(client_rate_take(rate, peer, BEGIN_US), 0);
    }
    client_rate_free(rate);
}

static void test_the_longest_rates_do_not_overflow(void **state)
{
    (void)state;
    struct client_rate *slow = client_rate_new(1, 3600000, 1000000);
    struct client_rate *fast = client_rate_new(1000000, 1000, 1000000);
    assert_int_equal(burst_of(slow, "::1", BEGIN_US), 100);
    assert_int_equal(burst_of(fast, "::1", BEGIN_US), 100);
    client_rate_free(slow);
    client_rate_free(fast);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_passes_at_once_and_no_more),
        cmocka_unit_test(test_then_requests_pass_at_the_rate),
        cmocka_unit_test(test_it_says_when_to_come_back),
        cmocka_unit_test(test_a_burst_comes_back_with_time),
        cmocka_unit_test(test_clients_do_not_count_against_each_other),
        cmocka_unit_test(test_who_is_one_client),
        cmocka_unit_test(test_strangers_push_out_only_who_has_waited_longest),
        cmocka_unit_test(test_strangers_do_not_push_out_who_has_asked_most),
        cmocka_unit_test(test_who_takes_a_place_over_begins_anew),
        cmocka_unit_test(test_the_longest_rates_do_not_overflow),
    };
    return cmocka_run_group_tests_name("server/client_rate", tests, NULL, NULL);
}
