/* The section `schedules`. */
#include "config/load.h"

#define ROUTES "routes: {/a: {worker: echo, mode: defer}, /c: {worker: echo}}\n"

static void test_absent(void **state)
{
    (void)state;
    static const char *const texts[] = {ROUTES, ROUTES "schedules:\n", ROUTES "schedules: []\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct loaded loaded;
        load_text(&loaded, texts[i]);
        assert_string_equal(bytes_text(&loaded.report), "");
        assert_int_equal(loaded.config->schedule_count, 0);
        unload(&loaded);
    }
}

static void test_values(void **state)
{
    (void)state;
    struct loaded loaded;
    load_text(&loaded, ROUTES "schedules:\n"
                              "- {name: often, route: /a, every: 30s, jitter: 5s}\n"
                              "- name: nightly\n"
                              "  route: /a\n"
                              "  cron: 30 4 * * MON-FRI\n"
                              "  timezone: Europe/Berlin\n"
                              "  missed: once\n"
                              "  overlap: true\n"
                              "  jitter: 10m\n");
    assert_string_equal(bytes_text(&loaded.report), "");
    assert_int_equal(loaded.config->schedule_count, 2);
    const struct config_schedule *often = &loaded.config->schedules[0], *nightly = often + 1;
    assert_string_equal(often->name, "often");
    assert_ptr_equal(often->route, &loaded.config->routes[0]);
    assert_int_equal(often->every_ms, 30000);
    assert_int_equal(often->jitter_ms, 5000);
    assert_int_equal(often->missed, MISSED_SKIP);
    assert_false(often->may_overlap);
    assert_string_equal(nightly->name, "nightly");
    assert_int_equal(nightly->every_ms, 0);
    assert_int_equal(nightly->jitter_ms, 600000);
    assert_int_equal(nightly->missed, MISSED_ONCE);
    assert_true(nightly->may_overlap);
    /* Thursday, 1 January 1970, 04:30 in Berlin */
    assert_int_equal(cron_next(&nightly->cron, nightly->zone, 0), 12600000);
    unload(&loaded);
}

static void test_utc_is_the_default(void **state)
{
    (void)state;
    struct loaded loaded;
    load_text(&loaded, ROUTES "schedules: [{name: s, route: /a, cron: \"@daily\"}]\n");
    assert_string_equal(bytes_text(&loaded.report), "");
    const struct config_schedule *schedule = &loaded.config->schedules[0];
    assert_int_equal(cron_next(&schedule->cron, schedule->zone, 0), 86400000);
    unload(&loaded);
}

static void test_names_and_routes(void **state)
{
    (void)state;
    CHECK_REPORTS({ROUTES "schedules:\n"
                          "- {name: s, route: /a, every: 1m}\n"
                          "- {name: s, route: /a, every: 2m}\n",
                   "ferry.yaml:4:10: error: another schedule has the name \"s\"\n"
                   "    - {name: s, route: /a, every: 2m}\n"
                   "             ^\n"},
                  {ROUTES "schedules: [{name: \"a b\", route: /a, every: 1m}]\n",
                   "ferry.yaml:2:20: error: the name of a schedule is of letters, digits, \"_\" "
                   "and \"-\", 64 at most\n"
                   "    schedules: [{name: \"a b\", route: /a, every: 1m}]\n"
                   "                       ^~~~~\n"},
                  {ROUTES "schedules: [{every: 1m}]\n",
                   "ferry.yaml:2:13: error: a schedule lacks the key \"name\"\n"
                   "    schedules: [{every: 1m}]\n"
                   "                ^~~~~~~~~~~\n"
                   "    hint: - {name: nightly, route: /email, cron: 30 4 * * *}\n"
                   "ferry.yaml:2:13: error: a schedule lacks the key \"route\"\n"
                   "    schedules: [{every: 1m}]\n"
                   "                ^~~~~~~~~~~\n"
                   "    hint: - {name: nightly, route: /email, cron: 30 4 * * *}\n"},
                  {ROUTES "schedules: [{name: s, route: /b, every: 1m}]\n",
                   "ferry.yaml:2:30: error: unknown route \"/b\"\n"
                   "    schedules: [{name: s, route: /b, every: 1m}]\n"
                   "                                 ^~\n"
                   "    hint: did you mean \"/a\"?\n"},
                  {ROUTES "schedules: [{name: s, route: /c, every: 1m}]\n",
                   "ferry.yaml:2:30: error: /c is of mode call, and a schedule adds jobs\n"
                   "    schedules: [{name: s, route: /c, every: 1m}]\n"
                   "                                 ^~\n"
                   "    hint: /c: {mode: defer}, or either\n"},
                  {"routes: {\"/u/{id}\": {worker: echo, mode: defer}}\n"
                   "schedules: [{name: s, route: \"/u/{id}\", every: 1m}]\n",
                   "ferry.yaml:2:30: error: /u/{id} has parameters, which a schedule cannot give\n"
                   "    schedules: [{name: s, route: \"/u/{id}\", every: 1m}]\n"
                   "                                 ^~~~~~~~~\n"
                   "    hint: a route of the same worker without any\n"});
}

static void test_when(void **state)
{
    (void)state;
    CHECK_REPORTS(
        {ROUTES "schedules: [{name: s, route: /a}]\n",
         "ferry.yaml:2:13: error: a schedule lacks the key \"every\" or \"cron\"\n"
         "    schedules: [{name: s, route: /a}]\n"
         "                ^~~~~~~~~~~~~~~~~~~~\n"
         "    hint: every: 30s, or cron: 30 4 * * *\n"},
        {ROUTES "schedules: [{name: s, route: /a, every: 1m, cron: \"@daily\"}]\n",
         "ferry.yaml:2:45: error: a schedule has \"every\" or \"cron\", not both\n"
         "    schedules: [{name: s, route: /a, every: 1m, cron: \"@daily\"}]\n"
         "                                                ^~~~\n"},
        {ROUTES "schedules: [{name: s, route: /a, every: 500ms}]\n",
         "ferry.yaml:2:41: error: 500ms is out of range: every is 1s to 365d\n"
         "    schedules: [{name: s, route: /a, every: 500ms}]\n"
         "                                            ^~~~~\n"},
        {ROUTES "schedules: [{name: s, route: /a, every: [1m], jitter: 5s}]\n",
         "ferry.yaml:2:41: error: every must be a single value, not a list\n"
         "    schedules: [{name: s, route: /a, every: [1m], jitter: 5s}]\n"
         "                                            ^~~~\n"},
        {ROUTES "schedules: [{name: s, route: /a, every: 5s, jitter: 5s}]\n",
         "ferry.yaml:2:53: error: jitter must be shorter than every, 5s\n"
         "    schedules: [{name: s, route: /a, every: 5s, jitter: 5s}]\n"
         "                                                        ^~\n"},
        {ROUTES "schedules: [{name: s, route: /a, cron: 61 * * * *}]\n",
         "ferry.yaml:2:40: error: cron: minute: \"61\" is out of range\n"
         "    schedules: [{name: s, route: /a, cron: 61 * * * *}]\n"
         "                                           ^~~~~~~~~~\n"
         "    hint: minute, hour, day of the month, month, day of the week: 30 4 * * MON-FRI\n"},
        {ROUTES "schedules: [{name: s, route: /a, cron: 0 0 30 2 *}]\n",
         "ferry.yaml:2:40: error: cron: there is no such day\n"
         "    schedules: [{name: s, route: /a, cron: 0 0 30 2 *}]\n"
         "                                           ^~~~~~~~~~\n"},
        {ROUTES "schedules: [{name: s, route: /a, cron: \"@daily\", timezone: Europe/Berlni}]\n",
         "ferry.yaml:2:60: error: there is no time zone \"Europe/Berlni\" in "
         "/usr/share/zoneinfo\n"
         "    schedules: [{name: s, route: /a, cron: \"@daily\", timezone: Europe/Berlni}]\n"
         "                                                               ^~~~~~~~~~~~~\n"
         "    hint: such as Europe/Berlin; the package tzdata has them\n"},
        {ROUTES "schedules: [{name: s, route: /a, every: 1h, timezone: UTC}]\n",
         "ferry.yaml:2:45: warning: timezone has no effect with every\n"
         "    schedules: [{name: s, route: /a, every: 1h, timezone: UTC}]\n"
         "                                                ^~~~~~~~\n"
         "    hint: a time of the day goes with cron\n"});
}

static void test_words_and_kinds(void **state)
{
    (void)state;
    CHECK_REPORTS({ROUTES "schedules: [{name: s, route: /a, every: 1m, missed: all}]\n",
                   "ferry.yaml:2:53: error: unknown missed \"all\"\n"
                   "    schedules: [{name: s, route: /a, every: 1m, missed: all}]\n"
                   "                                                        ^~~\n"
                   "    hint: known: skip, once\n"},
                  {ROUTES "schedules: [{name: s, route: /a, every: 1m, overlap: yes}]\n",
                   "ferry.yaml:2:54: error: overlap: \"yes\" is neither true nor false\n"
                   "    schedules: [{name: s, route: /a, every: 1m, overlap: yes}]\n"
                   "                                                         ^~~\n"},
                  {ROUTES "schedules: [{name: s, route: /a, every: 1m, at: 5}]\n",
                   "ferry.yaml:2:45: error: unknown key \"at\" in a schedule\n"
                   "    schedules: [{name: s, route: /a, every: 1m, at: 5}]\n"
                   "                                                ^~\n"
                   "    hint: known: name, route, every, cron, timezone, missed, overlap, jitter, "
                   "method, query, headers, body\n"},
                  {ROUTES "schedules: {s: {route: /a}}\n",
                   "ferry.yaml:2:12: error: schedules must be a list, not a map\n"
                   "    schedules: {s: {route: /a}}\n"
                   "               ^~~~~~~~~~~~~~~~\n"
                   "    hint: - {name: nightly, route: /email, cron: 30 4 * * *}\n"},
                  {ROUTES "schedules: [daily]\n",
                   "ferry.yaml:2:13: error: a schedule must be a map, not a single value\n"
                   "    schedules: [daily]\n"
                   "                ^~~~~\n"});
}

static void test_set_from_outside(void **state)
{
    (void)state;
    struct loaded loaded;
    static const char *const sets[] = {"schedules=[{name: s, route: /a, every: 1m}]", NULL};
    write_file("ferry.yaml", ROUTES, strlen(ROUTES));
    load_source(&loaded, &(struct config_source){.file = "ferry.yaml", .sets = sets});
    assert_string_equal(bytes_text(&loaded.report), "");
    assert_int_equal(loaded.config->schedule_count, 1);
    unload(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_utc_is_the_default),
        cmocka_unit_test(test_names_and_routes),
        cmocka_unit_test(test_when),
        cmocka_unit_test(test_words_and_kinds),
        cmocka_unit_test(test_set_from_outside),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
