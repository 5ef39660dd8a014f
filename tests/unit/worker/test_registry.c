/* The registry: kinds, opened workers, and plug-ins as the build made them. */
#include "registry.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "settings.h"

static struct registry *registry;
static unsigned opened, closed;

static int setup(void **state)
{
    registry = registry_new();
    opened = closed = 0;
    return watchdog_start(state);
}

static int teardown(void **state)
{
    registry_free(registry);
    return watchdog_stop(state);
}

/* ---- kinds ---- */

static int run_nothing(ferry_call *call, void *state)
{
    (void)call, (void)state;
    return 0;
}

static void test_kinds_are_found_by_name(void **state)
{
    (void)state;
    static const ferry_worker one = {.name = "one", .run = run_nothing};
    static const ferry_worker two = {.name = "two", .run = run_nothing};
    assert_int_equal(registry_add_kind(registry, &one, NULL), 0);
    assert_int_equal(registry_add_kind(registry, &two, NULL), 0);
    ferry_error error;
    assert_int_equal(registry_add_kind(registry, &one, &error), FERRY_CONFLICT);
    assert_string_equal(error.message, "there is a worker named \"one\" already");
    assert_ptr_equal(registry_kind(registry, "two"), &two);
    assert_null(registry_kind(registry, "three"));
    assert_ptr_equal(registry_kind_at(registry, 0), &one);
    assert_ptr_equal(registry_kind_at(registry, 1), &two);
    assert_null(registry_kind_at(registry, 2));
}

/* ---- opened workers ---- */

static int open_with_number(ferry_settings *settings, void **state, ferry_error *error)
{
    if (ferry_settings_int(settings, "number", 1, 0, 10) == 0)
        return ferry_error_set(error, FERRY_UNSUPPORTED, "zero is not offered");
    if (ferry_settings_bool(settings, "mute", false))
        return FERRY_FORBIDDEN;
    if (ferry_settings_bool(settings, "foreign", false))
        return 14; /* such as SQLITE_CANTOPEN */
    if (ferry_settings_bool(settings, "closed", false)) {
        ferry_error_set(error, FERRY_FORBIDDEN, "the folder is closed");
        return 14;
    }
    opened++;
    *state = &opened;
    return 0;
}

static void count_close(void *state)
{
    assert_ptr_equal(state, &opened);
    closed++;
}

static const ferry_worker numbered = {
    .name = "numbered", .open = open_with_number, .close = count_close, .run = run_nothing};

static ferry_settings *settings_of(const char *key, const char *value)
{
    ferry_settings *settings = settings_new("w", "state");
    if (key)
        assert_int_equal(settings_add(settings, key, &value, 1, false), 0);
    return settings;
}

static struct worker *open_with(const char *key, const char *value, ferry_error *error)
{
    return registry_open(registry, "w", &numbered, settings_of(key, value), 0, error);
}

static void test_a_worker_opens_and_closes_once(void **state)
{
    (void)state;
    ferry_error error;
    struct worker *worker = open_with("number", "5", &error);
    assert_non_null(worker);
    assert_ptr_equal(worker->state, &opened);
    assert_string_equal(worker->name, "w");
    assert_ptr_equal(registry_find(registry, "w"), worker);
    assert_null(registry_find(registry, "numbered")); /* that is its kind's name */
    registry_free(registry);
    registry = NULL;
    assert_int_equal(closed, 1);
}

static void test_wrong_settings_close_what_open_made(void **state)
{
    (void)state;
    ferry_error error;
    ferry_settings *settings = settings_of("nmuber", "5");
    assert_null(registry_open(registry, "w", &numbered, settings, 0, &error));
    assert_int_equal(error.code, FERRY_INVALID);
    assert_int_equal(settings_problem_count(settings), 1); /* still readable */
    assert_int_equal(opened, 1);
    assert_int_equal(closed, 1);
    assert_null(registry_find(registry, "w"));
    assert_null(open_with("number", "11", NULL)); /* reported, though open did not mind */
    assert_int_equal(closed, 2);
}

static void test_a_worker_that_does_not_open(void **state)
{
    (void)state;
    ferry_error error;
    assert_null(open_with("number", "0", &error));
    assert_int_equal(error.code, FERRY_UNSUPPORTED);
    assert_string_equal(error.message, "zero is not offered");
    assert_null(open_with("mute", "true", &error)); /* and says nothing */
    assert_int_equal(error.code, FERRY_FORBIDDEN);
    assert_string_equal(error.message, "\"w\" did not open");
    assert_null(open_with("foreign", "true", &error));
    assert_int_equal(error.code, FERRY_INTERNAL);
    assert_string_equal(error.message, "\"w\" did not open: it returned 14");
    assert_null(open_with("closed", "true", &error)); /* and says why */
    assert_int_equal(error.code, FERRY_FORBIDDEN);
    assert_string_equal(error.message, "the folder is closed");
    assert_int_equal(opened + closed, 0);
    assert_null(registry_open(registry, "w", &numbered, NULL, 0, &error)); /* no memory for them */
    assert_int_equal(error.code, FERRY_INTERNAL);
}

static void test_a_worker_without_open_takes_no_settings(void **state)
{
    (void)state;
    static const ferry_worker plain = {.name = "plain", .run = run_nothing};
    ferry_error error;
    assert_non_null(registry_open(registry, "a", &plain, settings_of(NULL, NULL), 0, &error));
    assert_null(registry_open(registry, "b", &plain, settings_of("any", "thing"), 0, &error));
    assert_int_equal(error.code, FERRY_INVALID);
}

static void test_a_registry_shares_what_the_one_before_has_opened_in_the_same_way(void **state)
{
    (void)state;
    ferry_error error;
    assert_int_equal(registry_add_kind(registry, &numbered, NULL), 0);
    struct worker *worker = open_with("number", "5", &error);
    struct registry *before = registry;
    registry = registry_new_after(before);
    assert_non_null(registry);
    assert_ptr_equal(registry_kind(registry, "numbered"), &numbered);
    assert_ptr_equal(open_with("number", "5", &error), worker);
    assert_int_equal(opened, 1);
    registry_detach(registry);
    registry_free(before);
    assert_int_equal(closed, 0);
    registry_free(registry);
    registry = NULL;
    assert_int_equal(closed, 1);
}

static void test_a_registry_opens_what_has_other_settings(void **state)
{
    (void)state;
    ferry_error error;
    struct worker *worker = open_with("number", "5", &error);
    struct registry *before = registry;
    registry = registry_new_after(before);
    assert_ptr_not_equal(open_with("number", "6", &error), worker);
    assert_int_equal(opened, 2);
    registry_detach(registry);
    registry_free(before);
    assert_int_equal(closed, 1);
}

/* ---- plug-ins ---- */

static void test_a_registry_loads_no_plugin_after_another_one(void **state)
{
    (void)state;
    ferry_error error;
    assert_int_equal(registry_load_plugin(registry, PLUGINS "/good.so", &error), 0);
    struct registry *before = registry;
    registry = registry_new_after(before);
    assert_false(registry_has_same_plugins(registry)); /* it was not asked for any */
    assert_int_equal(registry_load_plugin(registry, PLUGINS "/good.so", &error), 0);
    assert_true(registry_has_same_plugins(registry));
    assert_ptr_equal(registry_kind(registry, "good"), registry_kind(before, "good"));
    assert_int_equal(registry_load_plugin(registry, PLUGINS "/there_is_none.so", &error), 0);
    assert_false(registry_has_same_plugins(registry));
    registry_free(before);
}

static void test_a_plugin_is_loaded_and_runs(void **state)
{
    (void)state;
    ferry_error error = {0};
    assert_int_equal(registry_load_plugin(registry, PLUGINS "/good.so", &error), 0);
    const ferry_worker *kind = registry_kind(registry, "good");
    assert_non_null(kind);
    struct worker *worker =
        registry_open(registry, "mine", kind, settings_of("number", "7"), 0, &error);
    assert_non_null(worker);

    struct fixture f;
    fixture_start(&f, 1);
    ferry_call *call = run_call(&f, worker, "");
    assert_int_equal(call_output(call)->status, 200);
    assert_string_equal(bytes_text(&call_output(call)->body), "{\"number\": 7}");
    call_free(call);
    fixture_end(&f);

    assert_int_equal(registry_load_plugin(registry, PLUGINS "/good.so", &error), FERRY_CONFLICT);
    assert_ptr_equal(registry_kind(registry, "good"), kind);
}

static void assert_refused(const char *path, ferry_code code, const char *why)
{
    ferry_error error = {0};
    assert_int_equal(registry_load_plugin(registry, path, &error), code);
    assert_int_equal(error.code, code);
    assert_non_null(strstr(error.message, path));
    if (!strstr(error.message, why))
        fail_msg("\"%s\" lacks \"%s\"", error.message, why);
    assert_null(registry_kind_at(registry, 0));
}

static void test_a_plugin_of_another_abi_is_refused_by_name(void **state)
{
    (void)state;
    char why[128];
    snprintf(why, sizeof why, "\"from_tomorrow\" was built for worker ABI %d, this ferry has %d",
             FERRY_WORKER_ABI + 1, FERRY_WORKER_ABI);
    assert_refused(PLUGINS "/other_abi.so", FERRY_INVALID, why);
}

static void test_what_is_no_plugin_is_refused(void **state)
{
    (void)state;
    assert_refused(PLUGINS "/no_worker.so", FERRY_INVALID, "it has no FERRY_WORKER(...)");
    assert_refused(PLUGINS "/no_run.so", FERRY_INVALID, "lacks a name or .run");
    assert_refused(PLUGINS "/unresolved.so", FERRY_INVALID, "function_of_a_library");
    assert_refused(PLUGINS "/there_is_none.so", FERRY_NOT_FOUND, "no such file");
    assert_refused(PLUGINS, FERRY_INVALID, "");
}

static void test_a_file_of_text_is_refused(void **state)
{
    (void)state;
    char path[] = "/tmp/ferry-test-plugin-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(write(fd, "#!/bin/sh\n", 10) == 10);
    close(fd);
    assert_refused(path, FERRY_INVALID, "");
    unlink(path);
}

/* A path without a folder is a file here, not a library of the system's. */
static void test_a_bare_name_is_a_file_here(void **state)
{
    (void)state;
    assert_int_equal(chdir(PLUGINS), 0);
    assert_int_equal(registry_load_plugin(registry, "good.so", NULL), 0);
    assert_int_equal(registry_load_plugin(registry, "libc.so.6", NULL), FERRY_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_kinds_are_found_by_name),
        TEST(test_a_worker_opens_and_closes_once),
        TEST(test_wrong_settings_close_what_open_made),
        TEST(test_a_worker_that_does_not_open),
        TEST(test_a_worker_without_open_takes_no_settings),
        TEST(test_a_registry_shares_what_the_one_before_has_opened_in_the_same_way),
        TEST(test_a_registry_opens_what_has_other_settings),
        TEST(test_a_registry_loads_no_plugin_after_another_one),
        TEST(test_a_plugin_is_loaded_and_runs),
        TEST(test_a_plugin_of_another_abi_is_refused_by_name),
        TEST(test_what_is_no_plugin_is_refused),
        TEST(test_a_file_of_text_is_refused),
        TEST(test_a_bare_name_is_a_file_here),
    };
    return cmocka_run_group_tests_name("worker/registry", tests, NULL, NULL);
}
