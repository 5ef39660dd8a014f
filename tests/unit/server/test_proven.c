/* Proven passwords: which one a digest stands for, and that there is a bound to them. */
#include "proven.h"

#include <stdio.h>
#include <string.h>

#include "support.h"

static struct proven proven;

static int set_up(void **state)
{
    (void)state;
    proven_init(&proven);
    return 0;
}

static struct proven_digest make(const char *user, const char *hash, const char *password)
{
    struct proven_digest digest;
    assert_true(proven_digest(&proven, user, hash, password, &digest));
    return digest;
}

static void test_what_was_added_is_there(void **state)
{
    (void)state;
    struct proven_digest digest = make("ann", "$6$x", "secret");
    assert_false(proven_has(&proven, &digest));
    proven_add(&proven, &digest);
    assert_true(proven_has(&proven, &digest));
}

static void test_a_place_is_taken_from_nobody_while_another_is_free(void **state)
{
    (void)state;
    struct proven_digest first = {.bytes = {[3] = 1}}, second = {.bytes = {[3] = 2}};
    proven_add(&proven, &first);
    proven_add(&proven, &second);
    assert_true(proven_has(&proven, &first));
    assert_true(proven_has(&proven, &second));
}

static void test_another_user_hash_or_password_is_not(void **state)
{
    (void)state;
    struct proven_digest digest = make("ann", "$6$x", "secret");
    proven_add(&proven, &digest);
    const char *const others[][3] = {
        {"bob", "$6$x", "secret"}, {"ann", "$6$y", "secret"}, {"ann", "$6$x", "secreT"},
        {"ann", "$6$x", ""},       {"an", "n$6$x", "secret"}, {"ann", "$6$xs", "ecret"},
    };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        digest = make(others[i][0], others[i][1], others[i][2]);
        assert_false(proven_has(&proven, &digest));
    }
}

static void test_a_digest_is_of_no_use_in_another_process(void **state)
{
    (void)state;
    struct proven_digest mine = make("ann", "$6$x", "secret");
    proven_init(&proven);
    struct proven_digest theirs = make("ann", "$6$x", "secret");
    assert_memory_not_equal(&mine, &theirs, sizeof mine);
}

static void test_the_last_one_is_kept_of_however_many(void **state)
{
    (void)state;
    char user[16];
    for (int i = 0; i < 4 * PROVEN_PLACES; i++) {
        snprintf(user, sizeof user, "user %d", i);
        struct proven_digest digest = make(user, "$6$x", "secret");
        proven_add(&proven, &digest);
        assert_true(proven_has(&proven, &digest));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_what_was_added_is_there, set_up),
        cmocka_unit_test_setup(test_a_place_is_taken_from_nobody_while_another_is_free, set_up),
        cmocka_unit_test_setup(test_another_user_hash_or_password_is_not, set_up),
        cmocka_unit_test_setup(test_a_digest_is_of_no_use_in_another_process, set_up),
        cmocka_unit_test_setup(test_the_last_one_is_kept_of_however_many, set_up),
    };
    return cmocka_run_group_tests_name("server/proven", tests, NULL, NULL);
}
