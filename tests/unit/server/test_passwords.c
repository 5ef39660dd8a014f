/* Passwords on a real loop and thread: right and wrong ones, several at a time, and the end. */
#include "passwords.h"

#include <crypt.h>
#include <stdio.h>
#include <string.h>

#include "support.h"

enum { TRIES = 10, STOP_MS = 5000 };

static ferry_loop *loop;
static struct passwords *passwords;
static char hash[CRYPT_OUTPUT_SIZE], yescrypt_hash[CRYPT_OUTPUT_SIZE];

static struct outcomes {
    int right, wrong, failed, expected;
    ferry_code code;
} outcomes;

static void make_hash(char *out, const char *setting)
{
    struct crypt_data data = {0};
    assert_non_null(crypt_r("secret", setting, &data));
    snprintf(out, CRYPT_OUTPUT_SIZE, "%s", data.output);
}

static int set_up(void **state)
{
    (void)state;
    outcomes = (struct outcomes){0};
    loop = ferry_loop_new();
    passwords = passwords_new(loop);
    make_hash(hash, "$6$rounds=1000$saltsalt$");
    make_hash(yescrypt_hash, "$y$j75$saltsalt$");
    return loop && passwords ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    passwords_free(passwords, STOP_MS);
    ferry_loop_free(loop);
    return 0;
}

static void on_done(void *arg, bool is_right, const ferry_error *error)
{
    (void)arg;
    outcomes.code = error->code;
    outcomes.failed += error->code != 0;
    outcomes.right += is_right;
    outcomes.wrong += !is_right && !error->code;
    if (--outcomes.expected == 0)
        ferry_loop_stop(loop);
}

static int check(const char *user, const char *password, const char *peer)
{
    ferry_error error;
    int64_t retry_after_ms;
    const struct password_claim claim = {.user = user,
                                         .password = password,
                                         .hash = hash,
                                         .is_nobody = strcmp(user, "nobody") == 0,
                                         .peer = peer};
    int rc = passwords_check(passwords, &claim, on_done, NULL, &retry_after_ms, &error);
    outcomes.expected += rc == 0;
    return rc;
}

static bool is_proven(const char *user, const char *password)
{
    const struct password_claim claim = {.user = user,
                                         .password = password,
                                         .hash = hash,
                                         .is_nobody = strcmp(user, "nobody") == 0,
                                         .peer = "::1"};
    return passwords_is_proven(passwords, &claim);
}

static void run(void)
{
    assert_int_equal(ferry_loop_run(loop), 0);
}

static void test_a_right_password_is_proven_from_then_on(void **state)
{
    (void)state;
    assert_false(is_proven("ann", "secret"));
    assert_int_equal(check("ann", "secret", "::1"), 0);
    assert_int_equal(outcomes.right + outcomes.wrong, 0); /* not before the next turn */
    run();
    assert_int_equal(outcomes.right, 1);
    assert_true(is_proven("ann", "secret"));
    assert_false(is_proven("bob", "secret"));
}

static void test_a_wrong_password_is_not(void **state)
{
    (void)state;
    assert_int_equal(check("ann", "Secret", "::1"), 0);
    run();
    assert_int_equal(outcomes.wrong, 1);
    assert_false(is_proven("ann", "Secret"));
}

static void test_nobody_has_no_password(void **state)
{
    (void)state;
    assert_int_equal(check("nobody", "secret", "::1"), 0);
    run();
    assert_int_equal(outcomes.wrong, 1);
    assert_false(is_proven("nobody", "secret"));
}

static void test_other_kinds_of_hashes(void **state)
{
    (void)state;
    memcpy(hash, yescrypt_hash, sizeof hash);
    assert_int_equal(check("ann", "secret", "::1"), 0);
    assert_int_equal(check("ann", "terces", "::1"), 0);
    run();
    assert_int_equal(outcomes.right, 1);
    assert_int_equal(outcomes.wrong, 1);
}

static void test_a_hash_that_is_none_fits_no_password(void **state)
{
    (void)state;
    snprintf(hash, sizeof hash, "*0");
    assert_int_equal(check("ann", "secret", "::1"), 0);
    assert_int_equal(check("ann", "*0", "::1"), 0);
    run();
    assert_int_equal(outcomes.wrong, 2);
}

static void test_many_who_claim_the_same_are_one_try(void **state)
{
    (void)state;
    for (int i = 0; i < 10 * TRIES; i++)
        assert_int_equal(check("ann", "secret", "192.0.2.1"), 0);
    run();
    assert_int_equal(outcomes.right, 10 * TRIES);
}

static void test_who_guesses_is_held_back_and_nobody_else(void **state)
{
    (void)state;
    char guess[16];
    int refused = 0;
    for (int i = 0; i < 2 * TRIES; i++) {
        snprintf(guess, sizeof guess, "guess %d", i);
        refused += check("ann", guess, "192.0.2.1") == FERRY_RATE_LIMITED;
    }
    assert_in_range(refused, TRIES - 2, TRIES); /* as seconds pass, one more may try */
    assert_int_equal(check("ann", "secret", "192.0.2.2"), 0);
    run();
    assert_int_equal(outcomes.right, 1);
    assert_true(is_proven("ann", "secret")); /* from anywhere */
}

static void test_a_full_queue_refuses(void **state)
{
    (void)state;
    char text[32];
    int rejected = 0;
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "198.51.100.%d", i);
        rejected += check("ann", text, text) == FERRY_REJECTED;
    }
    assert_true(rejected > 0);
    run();
    assert_int_equal(outcomes.wrong, 200 - rejected);
}

static void test_the_end_tells_who_waits(void **state)
{
    (void)state;
    assert_int_equal(check("ann", "secret", "::1"), 0);
    assert_int_equal(check("ann", "other", "::1"), 0);
    passwords_free(passwords, STOP_MS);
    passwords = NULL;
    assert_int_equal(outcomes.failed, 2);
    assert_int_equal(outcomes.code, FERRY_CANCELLED);
}

#define ON_A_LOOP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_LOOP(test_a_right_password_is_proven_from_then_on),
        ON_A_LOOP(test_a_wrong_password_is_not),
        ON_A_LOOP(test_nobody_has_no_password),
        ON_A_LOOP(test_other_kinds_of_hashes),
        ON_A_LOOP(test_a_hash_that_is_none_fits_no_password),
        ON_A_LOOP(test_many_who_claim_the_same_are_one_try),
        ON_A_LOOP(test_who_guesses_is_held_back_and_nobody_else),
        ON_A_LOOP(test_a_full_queue_refuses),
        ON_A_LOOP(test_the_end_tells_who_waits),
    };
    return cmocka_run_group_tests_name("server/passwords", tests, NULL, NULL);
}
