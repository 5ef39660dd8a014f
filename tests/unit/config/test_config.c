/* Configs that are right: what becomes of them. And what holds for the report as a whole. */
#include <sys/stat.h>

#include "config/load.h"

static void load_right(struct loaded *loaded, const char *text)
{
    load_text(loaded, text);
    assert_string_equal(bytes_text(&loaded->report), "");
    assert_non_null(loaded->config);
}

/* ---- values ---- */

static void test_defaults(void **state)
{
    (void)state;
    struct loaded loaded;
    load_right(&loaded, "routes: {/: {worker: echo}}\n");
    const struct config *config = loaded.config;
    assert_string_equal(config->listen[0], "127.0.0.1:8002");
    assert_null(config->listen[1]);
    assert_string_equal(config->admin_listen, "127.0.0.1:8003");
    assert_null(config->admin_token);
    assert_string_equal(config->state, "var");
    assert_int_equal(config->limits.connections, 10000);
    assert_int_equal(config->limits.header_bytes, 16 << 10);
    assert_int_equal(config->limits.body_bytes, 8 << 20);
    assert_int_equal(config->limits.buffered_bytes, 256 << 20);
    assert_int_equal(config->limits.header_timeout_ms, 10000);
    assert_int_equal(config->limits.body_timeout_ms, 30000);
    assert_int_equal(config->limits.request_timeout_ms, 40000);
    assert_int_equal(config->limits.idle_timeout_ms, 60000);
    assert_int_equal(config->limits.write_timeout_ms, 30000);
    assert_int_equal(config->max_pending, 1000000);
    assert_int_equal(config->max_bytes, 4LL << 30);
    assert_int_equal(config->max_crashes, 3);
    assert_int_equal(config->keep_ms, 7LL * 24 * 3600 * 1000);
    assert_int_equal(config->drain_ms, 30000);
    assert_int_equal(config->log_level, FERRY_LOG_INFO);
    assert_int_equal(config->log_format, FERRY_LOG_LOGFMT);
    unload(&loaded);
}

static void test_default_pool_and_route(void **state)
{
    (void)state;
    struct loaded loaded;
    load_right(&loaded, "routes: {/: {worker: echo}}\n");
    const struct config *config = loaded.config;
    assert_int_equal(config->pool_count, 1);
    const struct config_pool *pool = &config->pools[0];
    assert_string_equal(pool->name, "default");
    assert_int_equal(pool->threads, 8);
    assert_int_equal(pool->queue, 1024);
    assert_int_equal(pool->queue_bytes, 64 << 20);
    assert_int_equal(pool->queue_timeout_ms, 5000);
    assert_int_equal(config->route_count, 1);
    const struct config_route *route = &config->routes[0];
    assert_string_equal(route->path, "/");
    assert_string_equal(route->methods, "GET,POST");
    assert_int_equal(route->mode, ROUTE_CALL);
    assert_ptr_equal(route->worker, registry_find(loaded.registry, "echo"));
    assert_ptr_equal(route->pool, pool);
    assert_int_equal(route->timeout_ms, 30000);
    assert_int_equal(route->attempts, 10);
    assert_int_equal(route->backoff_min_ms, 5000);
    assert_int_equal(route->backoff_max_ms, 3600000);
    unload(&loaded);
}

static void test_sections_without_values_are_empty(void **state)
{
    (void)state;
    struct loaded loaded;
    load_right(&loaded, "listen:\nadmin:\nstate:\nlimits:\njobs:\ndrain: ~\nplugins:\nlog: null\n"
                        "pools:\nworkers:\nroutes: {/: {worker: echo, pool: , retry: }}\n");
    assert_string_equal(loaded.config->listen[0], "127.0.0.1:8002");
    assert_int_equal(loaded.config->drain_ms, 30000);
    unload(&loaded);
}

/* Whoever gives bodies more time has not to think of a third number. */
static void test_a_whole_request_has_the_time_of_header_and_body(void **state)
{
    (void)state;
    struct loaded loaded;
    load_right(&loaded, "limits: {body_timeout: 10m}\nroutes: {/: {worker: echo}}\n");
    assert_int_equal(loaded.config->limits.request_timeout_ms, 610000);
    unload(&loaded);
}

static void test_server_values(void **state)
{
    (void)state;
    struct loaded loaded;
    load_right(
        &loaded,
        "listen: [127.0.0.1:0, \"[::1]:8002\", :9000, unix:/run/ferry.sock]\n"
        "admin: {listen: unix:admin.sock}\n"
        "state: /var/lib/ferry\n"
        "limits: {connections: 5, header_bytes: 8KiB, body_bytes: 1000, buffered_bytes: 1GiB,\n"
        "         header_timeout: 1s, body_timeout: 2s, idle_timeout: 3s, write_timeout: 4s,\n"
        "         request_timeout: 500ms}\n"
        "jobs: {max_pending: 10, max_bytes: 1MiB, max_crashes: 0, keep: 1h}\n"
        "drain: 0\n"
        "log: {level: error, format: json}\n"
        "routes: {/: {worker: echo}}\n");
    const struct config *config = loaded.config;
    assert_string_equal(config->listen[0], "127.0.0.1:0");
    assert_string_equal(config->listen[1], "[::1]:8002");
    assert_string_equal(config->listen[2], ":9000");
    assert_string_equal(config->listen[3], "unix:/run/ferry.sock");
    assert_null(config->listen[4]);
    assert_string_equal(config->admin_listen, "unix:admin.sock");
    assert_string_equal(config->state, "/var/lib/ferry");
    assert_int_equal(config->limits.connections, 5);
    assert_int_equal(config->limits.header_bytes, 8192);
    assert_int_equal(config->limits.body_bytes, 1000);
    assert_int_equal(config->limits.buffered_bytes, 1 << 30);
    assert_int_equal(config->limits.header_timeout_ms, 1000);
    assert_int_equal(config->limits.body_timeout_ms, 2000);
    assert_int_equal(config->limits.request_timeout_ms, 500);
    assert_int_equal(config->limits.idle_timeout_ms, 3000);
    assert_int_equal(config->limits.write_timeout_ms, 4000);
    assert_int_equal(config->max_pending, 10);
    assert_int_equal(config->max_bytes, 1 << 20);
    assert_int_equal(config->max_crashes, 0);
    assert_int_equal(config->keep_ms, 3600000);
    assert_int_equal(config->drain_ms, 0);
    assert_int_equal(config->log_level, FERRY_LOG_ERROR);
    assert_int_equal(config->log_format, FERRY_LOG_JSON);
    unload(&loaded);
}

static void test_pool_values(void **state)
{
    (void)state;
    struct loaded loaded;
    load_right(&loaded, "pools:\n"
                        "  mail: {threads: 2, queue: 7, queue_bytes: 1KiB, queue_timeout: 0,\n"
                        "         deferred: 2}\n"
                        "routes: {/: {worker: echo, pool: mail}}\n");
    assert_int_equal(loaded.config->pool_count, 2);
    const struct config_pool *pool = loaded.config->routes[0].pool;
    assert_string_equal(pool->name, "mail");
    assert_int_equal(pool->threads, 2);
    assert_int_equal(pool->queue, 7);
    assert_int_equal(pool->queue_bytes, 1024);
    assert_int_equal(pool->queue_timeout_ms, 0);
    assert_int_equal(pool->deferred, 2);
    unload(&loaded);
}

static unsigned deferred_of(const struct config *config, const char *pool)
{
    size_t i = 0;
    while (i < config->pool_count && strcmp(config->pools[i].name, pool) != 0)
        i++;
    assert_true(i < config->pool_count);
    return config->pools[i].deferred;
}

/* All threads of a pool that only jobs use; one is kept for those who wait, if there are two. */
static void test_deferred_by_default(void **state)
{
    (void)state;
    struct loaded loaded;
    load_right(&loaded, "pools:\n"
                        "  jobs: {threads: 3}\n"
                        "  mixed: {threads: 3}\n"
                        "  either: {threads: 3}\n"
                        "  one: {threads: 1}\n"
                        "routes:\n"
                        "  /a: {worker: echo, pool: jobs, mode: defer}\n"
                        "  /b: {worker: echo, pool: mixed, mode: defer}\n"
                        "  /c: {worker: echo, pool: mixed}\n"
                        "  /d: {worker: echo, pool: either, mode: either}\n"
                        "  /e: {worker: echo, pool: one, mode: either}\n");
    assert_int_equal(deferred_of(loaded.config, "jobs"), 3);
    assert_int_equal(deferred_of(loaded.config, "mixed"), 2);
    assert_int_equal(deferred_of(loaded.config, "either"), 2);
    assert_int_equal(deferred_of(loaded.config, "one"), 1);
    unload(&loaded);
}

static void test_route_values(void **state)
{
    (void)state;
    struct loaded loaded;
    load_right(&loaded,
               "routes:\n"
               "  /a/{id}/b/{name}/: {worker: echo, methods: [PUT, DELETE], timeout: 0}\n"
               "  /b: {worker: echo, mode: either, methods: PATCH}\n"
               "  /jobsite: {worker: echo, mode: defer, retry: {attempts: 1, backoff: 1s..2m}}\n"
               "  /d: {worker: echo, mode: defer, retry: {backoff: 3s}}\n");
    const struct config_route *routes = loaded.config->routes;
    assert_int_equal(loaded.config->route_count, 4);
    assert_string_equal(routes[0].path, "/a/{id}/b/{name}/");
    assert_string_equal(routes[0].methods, "PUT,DELETE");
    assert_int_equal(routes[0].timeout_ms, 0);
    assert_int_equal(routes[1].mode, ROUTE_EITHER);
    assert_string_equal(routes[1].methods, "PATCH");
    assert_int_equal(routes[2].mode, ROUTE_DEFER);
    assert_string_equal(routes[2].methods, "POST");
    assert_int_equal(routes[2].attempts, 1);
    assert_int_equal(routes[2].backoff_min_ms, 1000);
    assert_int_equal(routes[2].backoff_max_ms, 120000);
    assert_int_equal(routes[3].backoff_min_ms, 3000);
    assert_int_equal(routes[3].backoff_max_ms, 3000);
    unload(&loaded);
}

/* ---- workers ---- */

static void test_workers_get_their_settings(void **state)
{
    (void)state;
    struct loaded loaded;
    load_right(&loaded,
               "state: here\n"
               "workers:\n"
               "  one: {use: email, relay: \"smtp://a\", headers: [x, y], connections: 2}\n"
               "  two: {use: email}\n"
               "routes:\n"
               "  /one: {worker: one}\n"
               "  /two: {worker: two}\n");
    struct worker *one = loaded.config->routes[0].worker, *two = loaded.config->routes[1].worker;
    assert_string_equal(one->state, "smtp://a");
    assert_string_equal(two->state, "here");
    assert_int_equal(ferry_settings_int(one->settings, "connections", 0, 0, 10), 2);
    const char *const *headers = ferry_settings_list(one->settings, "headers");
    assert_string_equal(headers[0], "x");
    assert_string_equal(headers[1], "y");
    assert_null(headers[2]);
    unload(&loaded);
}

static void test_kinds_named_directly_are_opened_once(void **state)
{
    (void)state;
    struct loaded loaded;
    load_right(&loaded, "workers:\n"
                        "  echo: {use: noop}\n"
                        "routes:\n"
                        "  /a: {worker: sleep}\n"
                        "  /b: {worker: sleep}\n"
                        "  /c: {worker: echo}\n");
    const struct config_route *routes = loaded.config->routes;
    assert_ptr_equal(routes[0].worker, routes[1].worker);
    assert_string_equal(routes[0].worker->kind->name, "sleep");
    assert_string_equal(routes[2].worker->kind->name, "noop"); /* a name goes before a kind */
    unload(&loaded);
}

/* ---- the admin token ---- */

static void check_token(const char *content, size_t length, mode_t mode, const char *report,
                        const char *token)
{
    struct loaded loaded;
    write_file("token", content, length);
    assert_int_equal(chmod("token", mode), 0);
    load_text(&loaded, "admin: {listen: :8003, token_file: token}\n" A_ROUTE);
    assert_string_equal(bytes_text(&loaded.report), report);
    assert_int_equal(loaded.config == NULL, token == NULL);
    if (token && loaded.config)
        assert_string_equal(loaded.config->admin_token, token);
    unload(&loaded);
    unlink("token");
}

static void test_token_file(void **state)
{
    (void)state;
    static const char line[] = "    admin: {listen: :8003, token_file: token}\n"
                               "                                       ^~~~~\n";
    char expected[512];
    check_token("s3cret\n", 7, 0600, "", "s3cret");
    check_token(" \t s3cret \r\n\n", 13, 0640, "", "s3cret");
    snprintf(expected, sizeof expected, "%s%s%s",
             "ferry.yaml:1:36: warning: token_file \"token\" is open to every user\n", line,
             "    hint: chmod 600 token\n");
    check_token("s3cret", 6, 0644, expected, "s3cret");
    snprintf(expected, sizeof expected, "%s%s",
             "ferry.yaml:1:36: error: token_file: token: it is empty\n", line);
    check_token("", 0, 0600, expected, NULL);
    check_token("\n", 1, 0600, expected, NULL);
    snprintf(expected, sizeof expected, "%s%s",
             "ferry.yaml:1:36: error: token_file \"token\" holds more than one word of printable "
             "ASCII\n",
             line);
    check_token("a b", 3, 0600, expected, NULL);
    check_token("a\xC3\xA9", 3, 0600, expected, NULL);
    snprintf(expected, sizeof expected, "%s%s",
             "ferry.yaml:1:36: error: token_file: token: it holds NUL bytes\n", line);
    check_token("a\0b", 3, 0600, expected, NULL);
}

/* ---- the file ---- */

static void check_unreadable(const char *file, const char *report)
{
    struct loaded loaded;
    load_source(&loaded, &(struct config_source){.file = file});
    assert_null(loaded.config);
    assert_string_equal(bytes_text(&loaded.report), report);
    unload(&loaded);
}

static void test_unreadable_file(void **state)
{
    (void)state;
    check_unreadable("absent.yaml", "absent.yaml: error: No such file or directory\n");
    check_unreadable(".", ".: error: Is a directory\n");
    FILE *file = fopen("ferry.yaml", "w");
    assert_non_null(file);
    for (int i = 0; i <= 1 << 20; i++)
        fputc('#', file);
    fclose(file);
    check_unreadable("ferry.yaml", "ferry.yaml: error: larger than 1048576 bytes\n");
}

static void check_bytes(const char *text, size_t length, const char *report)
{
    struct loaded loaded;
    write_file("ferry.yaml", text, length);
    load_source(&loaded, &(struct config_source){.file = "ferry.yaml"});
    assert_string_equal(bytes_text(&loaded.report), report);
    unload(&loaded);
}

static void test_bytes_that_are_no_text(void **state)
{
    (void)state;
    check_bytes("drain: \xFF\n", 9,
                "ferry.yaml:1:8: error: not UTF-8\n"
                "    drain: ?\n"
                "           ^\n");
    check_bytes("drain: \0x\n", 10,
                "ferry.yaml:1:8: error: a control byte is not allowed\n"
                "    drain: ?x\n"
                "           ^\n");
    check_bytes("\x1B[31m\n", 6,
                "ferry.yaml:1:1: error: a control byte is not allowed\n"
                "    ?[31m\n"
                "    ^\n");
}

static void test_byte_order_mark_and_crlf(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF"
                               "drain: 1\r\n"
                               "state: x\r\n";
    check_bytes(
        text, sizeof text - 1,
        "ferry.yaml:1:8: error: drain: \"1\" is not a duration; write 250ms, 5s, 10m, 1h30m "
        "or 7d\n"
        "    drain: 1\n"
        "           ^\n");
}

static void test_too_many_values(void **state)
{
    (void)state;
    FILE *file = fopen("ferry.yaml", "w");
    assert_non_null(file);
    fputs("plugins:\n", file);
    for (int i = 0; i < 20000; i++)
        fputs("- x\n", file);
    fclose(file);
    check_unreadable("ferry.yaml", "ferry.yaml:20000:3: error: too many values\n"
                                   "    - x\n"
                                   "      ^\n");
}

/* ---- the report ---- */

/* Of all sections, sorted by their lines and not by the order of the checks; warnings between. */
static void test_all_errors_in_one_go(void **state)
{
    (void)state;
    CHECK_REPORTS({"routes:\n"
                   "  /a: {worker: slep, retry: {attempts: 1}}\n"
                   "  b: {worker: echo}\n"
                   "workers: {x: {use: emial}}\n"
                   "pools: {p: {threads: 0}}\n"
                   "limit: {}\n"
                   "drain: x\n"
                   "listen: 1\n",
                   "ferry.yaml:2:16: error: unknown worker \"slep\"\n"
                   "      /a: {worker: slep, retry: {attempts: 1}}\n"
                   "                   ^~~~\n"
                   "    hint: did you mean \"sleep\"?\n"
                   "ferry.yaml:2:22: warning: retry has no effect on a route of mode call\n"
                   "      /a: {worker: slep, retry: {attempts: 1}}\n"
                   "                         ^~~~~\n"
                   "    hint: only a job is tried again: mode: defer, or either\n"
                   "ferry.yaml:3:3: error: a path begins with \"/\"\n"
                   "      b: {worker: echo}\n"
                   "      ^\n"
                   "ferry.yaml:4:20: error: unknown kind of worker \"emial\"\n"
                   "    workers: {x: {use: emial}}\n"
                   "                       ^~~~~\n"
                   "    hint: did you mean \"email\"?\n"
                   "ferry.yaml:5:22: error: 0 is out of range: threads is 1 to 1024\n"
                   "    pools: {p: {threads: 0}}\n"
                   "                         ^\n"
                   "ferry.yaml:6:1: error: unknown key \"limit\"\n"
                   "    limit: {}\n"
                   "    ^~~~~\n"
                   "    hint: did you mean \"limits\"?\n"
                   "ferry.yaml:7:8: error: drain: \"x\" is not a duration; write 250ms, 5s, 10m, "
                   "1h30m or 7d\n"
                   "    drain: x\n"
                   "           ^\n"
                   "ferry.yaml:8:9: error: \"1\": not of the form HOST:PORT\n"
                   "    listen: 1\n"
                   "            ^\n"
                   "    hint: 127.0.0.1:8002, \"[::1]:8002\", :8002 for every address of this "
                   "machine, or unix:/run/ferry.sock\n"});
}

/* Two letters of four are another word. */
static void test_what_is_not_close_is_no_suggestion(void **state)
{
    (void)state;
    struct loaded loaded;
    load_text(&loaded, "port: 80\nroutes: {/: {worker: echo}}\n");
    assert_null(strstr(bytes_text(&loaded.report), "did you mean"));
    assert_non_null(strstr(bytes_text(&loaded.report), "hint: known: listen, admin"));
    unload(&loaded);
}

static void test_report_is_appended(void **state)
{
    (void)state;
    struct loaded loaded = {.registry = registry_new()};
    bytes_append_text(&loaded.report, "before\n");
    loaded.config =
        config_load(&(struct config_source){.file = "absent"}, loaded.registry, &loaded.report);
    assert_string_equal(bytes_text(&loaded.report),
                        "before\nabsent: error: No such file or directory\n");
    unload(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_default_pool_and_route),
        cmocka_unit_test(test_sections_without_values_are_empty),
        cmocka_unit_test(test_server_values),
        cmocka_unit_test(test_a_whole_request_has_the_time_of_header_and_body),
        cmocka_unit_test(test_pool_values),
        cmocka_unit_test(test_deferred_by_default),
        cmocka_unit_test(test_route_values),
        cmocka_unit_test(test_workers_get_their_settings),
        cmocka_unit_test(test_kinds_named_directly_are_opened_once),
        cmocka_unit_test(test_token_file),
        cmocka_unit_test(test_unreadable_file),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_byte_order_mark_and_crlf),
        cmocka_unit_test(test_too_many_values),
        cmocka_unit_test(test_all_errors_in_one_go),
        cmocka_unit_test(test_what_is_not_close_is_no_suggestion),
        cmocka_unit_test(test_report_is_appended),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
