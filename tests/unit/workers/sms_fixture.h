/*
 * A gateway from settings that stand in the test, and messages for it.
 */
#ifndef TEST_SMS_FIXTURE_H
#define TEST_SMS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "settings.h"
#include "sms_gateway.h"

/* One setting, in a map or not; several values are a list, none is the map itself. */
struct sms_setting {
    const char *map;
    const char *name;
    const char *values[6];
};

struct sms_fixture {
    ferry_settings *settings;
    struct sms_gateway *gateway;
};

static inline void sms_fixture_print(void *arg, const char *key, const char *message)
{
    (void)arg;
    print_error("%s: %s\n", key, message);
}

/* `settings` ends with a NULL name. */
static inline void sms_fixture_open(struct sms_fixture *f, const struct sms_setting *settings)
{
    ferry_error error = {0};
    f->settings = settings_new("gateway", "/nonexistent");
    assert_non_null(f->settings);
    for (; settings->name; settings++) {
        size_t count = 0;
        while (count < 6 && settings->values[count])
            count++;
        int rc = count ? settings_add_below(f->settings, settings->map, settings->name,
                                            settings->values, count, count > 1)
                       : settings_add_map(f->settings, settings->map, settings->name);
        assert_int_equal(rc, 0);
    }
    f->gateway = sms_gateway_read(f->settings, &error);
    assert_non_null(f->gateway);
    settings_report_unknown(f->settings);
    settings_each_problem(f->settings, sms_fixture_print, NULL);
    assert_int_equal(settings_problem_count(f->settings), 0);
}

static inline void sms_fixture_close(struct sms_fixture *f)
{
    sms_gateway_free(f->gateway);
    settings_free(f->settings);
}

#define SMS_FIXTURE(f, ...)                                                                        \
    do {                                                                                           \
        static const struct sms_setting settings_of_test[] = {__VA_ARGS__, {0}};                   \
        sms_fixture_open(f, settings_of_test);                                                     \
    } while (0)

#define SMS_URL                                                                                    \
    {                                                                                              \
        NULL, "url",                                                                               \
        {                                                                                          \
            "http://h/"                                                                            \
        }                                                                                          \
    }

#endif
