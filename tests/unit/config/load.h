/*
 * Loading configs in tests: from a file "ferry.yaml" in a folder of the test's own, which is the
 * working directory, with fake kinds of workers.
 */
#ifndef TESTS_CONFIG_LOAD_H
#define TESTS_CONFIG_LOAD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"

/* ---- kinds ---- */

static inline int fake_run(ferry_call *call, void *state)
{
    (void)call, (void)state;
    return 0;
}

/* Asks for one setting of each kind; the state shows that close is called: the sanitizer knows. */
static inline int fake_email_open(ferry_settings *settings, void **state, ferry_error *error)
{
    (void)error;
    const char *relay = ferry_settings_string(settings, "relay", NULL);
    ferry_settings_string(settings, "from", NULL);
    ferry_settings_int(settings, "connections", 1, 1, 10);
    ferry_settings_list(settings, "headers");
    if (relay && strncmp(relay, "smtp://", 7) != 0)
        ferry_settings_fail(settings, "relay", "relay: smtp://HOST:PORT");
    *state = strdup(relay ? relay : ferry_settings_state_dir(settings));
    return 0;
}

static inline int fake_strict_open(ferry_settings *settings, void **state, ferry_error *error)
{
    (void)error;
    *state = NULL;
    ferry_settings_string(settings, "password_file", NULL);
    if (!ferry_settings_list(settings, "command"))
        return ferry_settings_fail(settings, "command", "command is missing");
    return 0;
}

static inline void fake_visit(void *arg, const ferry_setting *setting)
{
    if (setting->values[0] && strcmp(setting->values[0], "bad") == 0)
        ferry_settings_fail((ferry_settings *)arg, setting->key, "%s: bad", setting->key);
}

static inline int fake_maps_open(ferry_settings *settings, void **state, ferry_error *error)
{
    (void)error;
    *state = NULL;
    const char *pointer = ferry_settings_string(settings, "success.pointer", "/");
    const char *status = ferry_settings_string(settings, "success.status", "");
    if (*pointer != '/')
        ferry_settings_fail(settings, "success.pointer", "success.pointer: begins with /");
    if (strcmp(status, "missing") == 0)
        ferry_settings_fail(settings, "success.range", "success.range is missing");
    ferry_settings_each(settings, "query", fake_visit, settings);
    return 0;
}

static inline int fake_broken_open(ferry_settings *settings, void **state, ferry_error *error)
{
    (void)settings, (void)state;
    return ferry_error_set(error, FERRY_INTERNAL, "the library does not start");
}

static const ferry_worker fake_kinds[] = {
    {.abi = FERRY_WORKER_ABI, .name = "noop", .run = fake_run},
    {.abi = FERRY_WORKER_ABI, .name = "echo", .run = fake_run},
    {.abi = FERRY_WORKER_ABI, .name = "sleep", .run = fake_run},
    {.abi = FERRY_WORKER_ABI,
     .name = "email",
     .open = fake_email_open,
     .close = free,
     .run = fake_run},
    {.abi = FERRY_WORKER_ABI, .name = "strict", .open = fake_strict_open, .run = fake_run},
    {.abi = FERRY_WORKER_ABI, .name = "broken", .open = fake_broken_open, .run = fake_run},
    {.abi = FERRY_WORKER_ABI, .name = "maps", .open = fake_maps_open, .run = fake_run},
};

/* ---- loading ---- */

struct loaded {
    struct registry *registry;
    struct config *config;
    struct bytes report;
};

static inline void load_source(struct loaded *loaded, const struct config_source *source)
{
    *loaded = (struct loaded){.registry = registry_new()};
    assert_non_null(loaded->registry);
    for (size_t i = 0; i < sizeof fake_kinds / sizeof fake_kinds[0]; i++)
        assert_int_equal(registry_add_kind(loaded->registry, &fake_kinds[i], NULL), 0);
    loaded->config = config_load(source, loaded->registry, &loaded->report);
}

static inline void write_file(const char *name, const void *text, size_t length)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static inline void load_text(struct loaded *loaded, const char *text)
{
    write_file("ferry.yaml", text, strlen(text));
    load_source(loaded, &(struct config_source){.file = "ferry.yaml"});
}

static inline void unload(struct loaded *loaded)
{
    config_free(loaded->config);
    registry_free(loaded->registry);
    bytes_fini(&loaded->report);
}

/* ---- tables ---- */

/* For texts that are about something else: a config without routes is a warning. */
#define A_ROUTE "routes: {/: {worker: echo}}\n"

/* A text, and the whole report that it must give. */
struct report_case {
    const char *text;
    const char *report;
};

static inline void check_report(const struct report_case *test)
{
    struct loaded loaded;
    load_text(&loaded, test->text);
    if (strcmp(bytes_text(&loaded.report), test->report) != 0)
        print_error("---- of ----\n%s---- got ----\n%s----\n", test->text,
                    bytes_text(&loaded.report));
    assert_string_equal(bytes_text(&loaded.report), test->report);
    bool has_error = strstr(test->report, ": error: ") != NULL;
    assert_int_equal(loaded.config == NULL, has_error);
    unload(&loaded);
}

static inline void check_reports(const struct report_case *tests, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_report(&tests[i]);
}

#define CHECK_REPORTS(...)                                                                         \
    do {                                                                                           \
        static const struct report_case tests[] = {__VA_ARGS__};                                   \
        check_reports(tests, sizeof tests / sizeof tests[0]);                                      \
    } while (0)

/* ---- the folder ---- */

static char test_folder[] = "/tmp/ferry-config-XXXXXX";

static inline int enter_folder(void **state)
{
    (void)state;
    return mkdtemp(test_folder) && chdir(test_folder) == 0 ? 0 : -1;
}

/* Files that a test made are its own to remove. What a teardown returns fails no test: this does.
 */
static inline int leave_folder(void **state)
{
    (void)state;
    unlink("ferry.yaml");
    if (chdir("/") < 0 || rmdir(test_folder) < 0) {
        perror(test_folder);
        abort();
    }
    return 0;
}

#endif
