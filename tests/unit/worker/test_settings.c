/* A worker's settings: what the getters give, and what they report. */
#include "settings.h"

#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "support.h"

static int setup(void **state)
{
    *state = settings_new("mailer", "/var/state");
    return 0;
}

static int teardown(void **state)
{
    settings_free(*state);
    return 0;
}

static void add(ferry_settings *settings, const char *key, const char *value)
{
    assert_int_equal(settings_add(settings, key, &value, 1, false), 0);
}

static char reported[4096];

static void note_problem(void *arg, const char *key, const char *message)
{
    (void)arg;
    size_t length = strlen(reported);
    snprintf(reported + length, sizeof reported - length, "%s|%s\n", key, message);
}

static void assert_problems(const ferry_settings *settings, const char *text)
{
    reported[0] = '\0';
    settings_each_problem(settings, note_problem, NULL);
    assert_string_equal(reported, text);
}

static void test_values(void **state)
{
    add(*state, "text", "hello");
    add(*state, "number", "-5");
    add(*state, "yes", "true");
    add(*state, "no", "false");
    add(*state, "time", "1m30s");
    add(*state, "size", "16KiB");
    assert_string_equal(ferry_settings_string(*state, "text", "x"), "hello");
    assert_int_equal(ferry_settings_int(*state, "number", 0, -10, 10), -5);
    assert_true(ferry_settings_bool(*state, "yes", false));
    assert_false(ferry_settings_bool(*state, "no", true));
    assert_int_equal(ferry_settings_duration_ms(*state, "time", 0), 90000);
    assert_int_equal(ferry_settings_bytes(*state, "size", 0), 16384);
    assert_string_equal(ferry_settings_state_dir(*state), "/var/state");
    settings_report_unknown(*state);
    assert_int_equal(settings_problem_count(*state), 0);
}

static void test_fallbacks(void **state)
{
    assert_null(ferry_settings_string(*state, "a", NULL));
    assert_string_equal(ferry_settings_string(*state, "a", "b"), "b");
    assert_int_equal(ferry_settings_int(*state, "a", 77, 0, 10), 77); /* may be out of range */
    assert_true(ferry_settings_bool(*state, "a", true));
    assert_int_equal(ferry_settings_duration_ms(*state, "a", -1), -1);
    assert_int_equal(ferry_settings_bytes(*state, "a", SIZE_MAX), SIZE_MAX);
    assert_null(ferry_settings_list(*state, "a"));
    assert_int_equal(settings_problem_count(*state), 0);
}

static void test_lists(void **state)
{
    const char *const values[] = {"one", "two", "three"};
    assert_int_equal(settings_add(*state, "many", values, 3, true), 0);
    assert_int_equal(settings_add(*state, "none", NULL, 0, true), 0);
    add(*state, "single", "alone");
    const char *const *list = ferry_settings_list(*state, "many");
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(list[i], values[i]);
    assert_null(list[3]);
    list = ferry_settings_list(*state, "none");
    assert_non_null(list);
    assert_null(list[0]);
    list = ferry_settings_list(*state, "single");
    assert_string_equal(list[0], "alone");
    assert_null(list[1]);
}

static void test_values_of_the_wrong_kind_are_reported(void **state)
{
    const char *const values[] = {"one"};
    add(*state, "n", "5x");
    add(*state, "low", "0");
    add(*state, "huge", "99999999999999999999");
    add(*state, "b", "yes");
    add(*state, "t", "5");
    add(*state, "s", "5KB");
    settings_add(*state, "list", values, 1, true);
    assert_int_equal(ferry_settings_int(*state, "n", 3, 1, 9), 3);
    assert_int_equal(ferry_settings_int(*state, "low", 3, 1, 9), 3);
    assert_int_equal(ferry_settings_int(*state, "huge", 3, INT64_MIN, INT64_MAX), 3);
    assert_true(ferry_settings_bool(*state, "b", true));
    assert_int_equal(ferry_settings_duration_ms(*state, "t", 7), 7);
    assert_int_equal(ferry_settings_bytes(*state, "s", 7), 7);
    assert_string_equal(ferry_settings_string(*state, "list", "x"), "x");
    assert_problems(*state,
                    "n|n: a whole number from 1 to 9\n"
                    "low|low: a whole number from 1 to 9\n"
                    "huge|huge: a whole number from -9223372036854775808 to 9223372036854775807\n"
                    "b|b: true or false\n"
                    "t|\"5\" is not a duration; write 250ms, 5s, 10m, 1h30m or 7d\n"
                    "s|\"5KB\" is not a size; write 512B, 16KiB, 8MiB or 4GiB\n"
                    "list|list takes one value, not a list\n");
}

static void test_unknown_keys_are_reported_with_those_that_are_known(void **state)
{
    add(*state, "rely", "smtp://x");
    add(*state, "from", "me");
    ferry_settings_string(*state, "relay", NULL);
    ferry_settings_string(*state, "from", NULL);
    ferry_settings_string(*state, "relay", NULL); /* asked twice, known once */
    settings_report_unknown(*state);
    assert_problems(*state, "rely|unknown key \"rely\"; this worker knows relay, from\n");
}

static void test_unknown_keys_of_a_worker_without_settings(void **state)
{
    add(*state, "any", "thing");
    settings_report_unknown(*state);
    assert_problems(*state, "any|unknown key \"any\"; this worker has no settings\n");
}

/* ---- maps ---- */

static void add_in(ferry_settings *settings, const char *map, const char *name, const char *value)
{
    assert_int_equal(settings_add_below(settings, map, name, &value, 1, false), 0);
}

static void add_map(ferry_settings *settings, const char *map, const char *name)
{
    assert_int_equal(settings_add_map(settings, map, name), 0);
}

static void test_what_is_in_a_map_has_a_key_with_dots(void **state)
{
    add_map(*state, NULL, "success");
    add_in(*state, "success", "pointer", "/code");
    add_map(*state, "success", "more");
    add_in(*state, "success.more", "wait", "5s");
    assert_string_equal(ferry_settings_string(*state, "success.pointer", NULL), "/code");
    assert_int_equal(ferry_settings_duration_ms(*state, "success.more.wait", 0), 5000);
    assert_null(ferry_settings_string(*state, "success.equals", NULL));
    settings_report_unknown(*state);
    assert_problems(*state, "");
}

static void note_entry(void *arg, const ferry_setting *setting)
{
    struct bytes *seen = arg;
    bytes_printf(seen, "%s|%s|%d", setting->key, setting->name, (int)setting->kind);
    for (const char *const *value = setting->values; *value; value++)
        bytes_printf(seen, "|%s", *value);
    bytes_append_char(seen, '\n');
}

static void test_a_map_of_the_users_own_names_is_visited_in_order(void **state)
{
    static const char *const list[] = {"a", "b"};
    struct bytes seen = {0};
    add_map(*state, NULL, "query");
    add_in(*state, "query", "to", "{{to}}");
    add_in(*state, "query", "dotted.name", "x");
    settings_add_below(*state, "query", "list", list, 2, true);
    add_map(*state, "query", "deep");
    add_in(*state, "query.deep", "inside", "y");
    add(*state, "query2", "z"); /* of a name that begins alike */
    assert_true(ferry_settings_each(*state, "query", note_entry, &seen));
    assert_string_equal(bytes_text(&seen), "query.to|to|0|{{to}}\n"
                                           "query.dotted.name|dotted.name|0|x\n"
                                           "query.list|list|1|a|b\n"
                                           "query.deep|deep|2\n");
    bytes_clear(&seen);
    assert_true(ferry_settings_each(*state, "query.deep", note_entry, &seen));
    assert_string_equal(bytes_text(&seen), "query.deep.inside|inside|0|y\n");
    bytes_clear(&seen);
    assert_false(ferry_settings_each(*state, "absent", note_entry, &seen));
    assert_int_equal(seen.length, 0);
    settings_report_unknown(*state);
    assert_problems(*state, "query2|unknown key \"query2\"; this worker knows query, absent\n");
    bytes_fini(&seen);
}

static void test_a_map_where_none_belongs_is_reported_once(void **state)
{
    add_map(*state, NULL, "relay");
    add_in(*state, "relay", "host", "x");
    add_map(*state, NULL, "headers");
    add_in(*state, "headers", "From", "x");
    assert_string_equal(ferry_settings_string(*state, "relay", "none"), "none");
    assert_null(ferry_settings_list(*state, "headers"));
    settings_report_unknown(*state);
    assert_problems(*state, "relay|relay takes one value, not a map\n"
                            "headers|headers takes a list or one value, not a map\n");
}

static void test_a_value_where_a_map_belongs_is_reported(void **state)
{
    add(*state, "success", "200");
    add(*state, "query", "a=b");
    ferry_settings_string(*state, "success.status", NULL);
    assert_false(ferry_settings_each(*state, "query", note_entry, NULL));
    settings_report_unknown(*state);
    assert_problems(*state, "query|query takes a map of names and values\n"
                            "success|success takes a map\n");
}

static void test_unknown_keys_in_a_map_are_reported_with_their_neighbours(void **state)
{
    add_map(*state, NULL, "success");
    add_in(*state, "success", "poiner", "/code");
    add_map(*state, NULL, "sucess");
    add_in(*state, "sucess", "pointer", "/code");
    add_map(*state, "sucess", "deep");
    ferry_settings_string(*state, "url", NULL);
    ferry_settings_string(*state, "success.status", NULL);
    ferry_settings_string(*state, "success.pointer", NULL);
    settings_report_unknown(*state);
    assert_problems(*state,
                    "success.poiner|unknown key \"poiner\" in success; this worker knows status, "
                    "pointer\n"
                    "sucess|unknown key \"sucess\"; this worker knows url, success\n");
}

static void test_fail_reports_what_the_worker_says(void **state)
{
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(ferry_settings_fail(*state, "relay", "missing: %s", text), FERRY_INVALID);
    assert_int_equal(settings_problem_count(*state), 1);
    char expected[1100];
    snprintf(expected, sizeof expected, "relay|missing: %s\n", text);
    assert_problems(*state, expected);
}

static void test_everything_is_copied(void **state)
{
    char key[] = "key", value[] = "value";
    const char *values[] = {value};
    settings_add(*state, key, values, 1, false);
    memset(key, 'x', 3);
    memset(value, 'x', 5);
    assert_string_equal(ferry_settings_string(*state, "key", NULL), "value");
}

/* ---- the same settings ---- */

/* A worker that is open already stays as it is where its settings are the same. */
static void assert_same(ferry_settings *a, ferry_settings *b, bool is_same)
{
    assert_int_equal(settings_equal(a, b), is_same);
    assert_int_equal(settings_equal(b, a), is_same);
    settings_free(a);
    settings_free(b);
}

static ferry_settings *list_of(const char *key, const char *first, const char *second)
{
    const char *const values[] = {first, second};
    ferry_settings *settings = settings_new("w", "/state");
    assert_int_equal(settings_add(settings, key, values, second ? 2 : 1, true), 0);
    return settings;
}

static ferry_settings *value_of(const char *key, const char *value)
{
    ferry_settings *settings = settings_new("w", "/state");
    add(settings, key, value);
    return settings;
}

static ferry_settings *with(ferry_settings *settings, const char *key, const char *value)
{
    add(settings, key, value);
    return settings;
}

static void test_settings_are_the_same_to_the_last_value(void **state)
{
    (void)state;
    assert_same(settings_new("w", "/state"), settings_new("w", "/state"), true);
    assert_same(settings_new("w", "/state"), settings_new("v", "/state"), false);
    assert_same(settings_new("w", "/state"), settings_new("w", "/other"), false);
    assert_same(value_of("a", "1"), value_of("a", "1"), true);
    assert_same(value_of("a", "1"), value_of("a", "2"), false);
    assert_same(value_of("a", "1"), value_of("b", "1"), false);
    assert_same(value_of("a", "1"), settings_new("w", "/state"), false);
    assert_same(with(value_of("a", "1"), "b", "2"), with(value_of("a", "1"), "b", "2"), true);
    assert_same(with(value_of("a", "1"), "b", "2"), with(value_of("a", "1"), "b", "3"), false);
    assert_same(with(value_of("a", "1"), "b", "2"), value_of("a", "1"), false);
    assert_same(list_of("a", "1", "2"), list_of("a", "1", "2"), true);
    assert_same(list_of("a", "1", "2"), list_of("a", "1", "3"), false);
    assert_same(list_of("a", "1", "2"), list_of("a", "1", NULL), false);
    assert_same(list_of("a", "1", NULL), value_of("a", "1"), false);
}

static void test_a_map_is_not_the_same_as_an_empty_list(void **state)
{
    (void)state;
    ferry_settings *map = settings_new("w", "/state"), *list = settings_new("w", "/state");
    add_map(map, NULL, "a");
    assert_int_equal(settings_add(list, "a", NULL, 0, true), 0);
    assert_same(map, list, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_values),
        TEST(test_fallbacks),
        TEST(test_lists),
        TEST(test_values_of_the_wrong_kind_are_reported),
        TEST(test_unknown_keys_are_reported_with_those_that_are_known),
        TEST(test_unknown_keys_of_a_worker_without_settings),
        TEST(test_what_is_in_a_map_has_a_key_with_dots),
        TEST(test_a_map_of_the_users_own_names_is_visited_in_order),
        TEST(test_a_map_where_none_belongs_is_reported_once),
        TEST(test_a_value_where_a_map_belongs_is_reported),
        TEST(test_unknown_keys_in_a_map_are_reported_with_their_neighbours),
        TEST(test_fail_reports_what_the_worker_says),
        TEST(test_everything_is_copied),
        cmocka_unit_test(test_settings_are_the_same_to_the_last_value),
        cmocka_unit_test(test_a_map_is_not_the_same_as_an_empty_list),
    };
    return cmocka_run_group_tests_name("worker/settings", tests, NULL, NULL);
}
