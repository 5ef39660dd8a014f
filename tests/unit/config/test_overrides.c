/* The command line over the environment over the file. */
#include "config/load.h"

/* ---- helpers ---- */

static void load_with(struct loaded *loaded, const char *text, const char *const *sets,
                      const char *const *environment)
{
    write_file("ferry.yaml", text, strlen(text));
    load_source(loaded, &(struct config_source){
                            .file = "ferry.yaml", .sets = sets, .environ = environment});
    if (!loaded->config)
        print_error("%s", bytes_text(&loaded->report));
}

#define LIST(...)                                                                                  \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static const char config_text[] = "drain: 1s\n"
                                  "pools: {default: {threads: 2, queue: 20}}\n"
                                  "routes:\n"
                                  "  /a.b: {worker: echo, timeout: 3s}\n";

struct override_case {
    const char *override;
    const char *report;
};

/* Each override alone over config_text, as --set. */
static void check_sets(const struct override_case *tests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct loaded loaded;
        write_file("ferry.yaml", config_text, strlen(config_text));
        load_source(&loaded,
                    &(struct config_source){.file = "ferry.yaml", .sets = LIST(tests[i].override)});
        assert_string_equal(bytes_text(&loaded.report), tests[i].report);
        assert_null(loaded.config);
        unload(&loaded);
    }
}

/* ---- tests ---- */

static void test_set_replaces_and_adds(void **state)
{
    (void)state;
    struct loaded loaded;
    load_with(&loaded, config_text,
              LIST("drain=2s", "pools.default.threads=4", "log.level=debug",
                   "limits={connections: 7}", "routes.\"/a.b\".timeout=5s",
                   "routes./c={worker: noop, methods: [PUT, GET]}", "listen=[::1]:9000"),
              NULL);
    const struct config *config = loaded.config;
    assert_non_null(config);
    assert_int_equal(config->drain_ms, 2000);
    assert_int_equal(config->pools[0].threads, 4);
    assert_int_equal(config->pools[0].queue, 20);
    assert_int_equal(config->log_level, FERRY_LOG_DEBUG);
    assert_int_equal(config->limits.connections, 7);
    assert_int_equal(config->route_count, 2);
    assert_int_equal(config->routes[0].timeout_ms, 5000);
    assert_string_equal(config->routes[1].path, "/c");
    assert_string_equal(config->routes[1].methods, "PUT,GET");
    assert_string_equal(config->listen[0], "[::1]:9000");
    unload(&loaded);
}

static void test_the_last_set_wins(void **state)
{
    (void)state;
    struct loaded loaded;
    load_with(&loaded, config_text,
              LIST("pools={}", "pools.default.threads=4", "pools.default.threads=5"), NULL);
    assert_int_equal(loaded.config->pools[0].threads, 5);
    assert_int_equal(loaded.config->pools[0].queue, 1024);
    unload(&loaded);
}

/* As in the file: a key without a value has its default. */
static void test_null_takes_a_value_away(void **state)
{
    (void)state;
    struct loaded loaded;
    load_with(&loaded, config_text, LIST("drain=null", "pools.default.queue=~"), NULL);
    assert_int_equal(loaded.config->drain_ms, 30000);
    assert_int_equal(loaded.config->pools[0].queue, 1024);
    unload(&loaded);
}

/* Only brackets, braces and quotes make a value YAML. */
static void test_other_values_are_taken_as_they_stand(void **state)
{
    (void)state;
    static const char text[] = "workers: {mailer: {use: email}}\n"
                               "routes: {/: {worker: mailer}}\n";
    struct loaded loaded;
    load_with(&loaded, text,
              LIST("workers.mailer.from=a: b # c", "workers.mailer.relay=smtp://[::1]:25",
                   "state=\"quoted\""),
              NULL);
    assert_string_equal(loaded.config->routes[0].worker->state, "smtp://[::1]:25");
    assert_string_equal(loaded.config->state, "quoted");
    const char *from = ferry_settings_string(loaded.config->routes[0].worker->settings, "from", "");
    assert_string_equal(from, "a: b # c");
    unload(&loaded);
}

static void test_environment(void **state)
{
    (void)state;
    struct loaded loaded;
    load_with(&loaded, config_text, LIST("drain=3s"),
              LIST("FERRY_DRAIN=2s", "FERRY_POOLS__DEFAULT__THREADS=6", "FERRY_LISTEN=:9000",
                   "FERRY_LIMITS__HEADER_BYTES=2KiB", "PATH=/bin"));
    assert_int_equal(loaded.config->drain_ms, 3000);
    assert_int_equal(loaded.config->pools[0].threads, 6);
    assert_int_equal(loaded.config->limits.header_bytes, 2048);
    assert_string_equal(loaded.config->listen[0], ":9000");
    unload(&loaded);
}

static void test_other_variables_are_ignored(void **state)
{
    (void)state;
    struct loaded loaded;
    load_with(&loaded, config_text, NULL,
              LIST("FERRY_TOKEN=secret", "FERRY_=1", "FERRY___=1", "FERRY", "FERRY_VERSION=1",
                   "ferry_drain=1", "XFERRY_DRAIN=1"));
    assert_non_null(loaded.config);
    assert_string_equal(bytes_text(&loaded.report), "");
    unload(&loaded);
}

static void test_a_variable_that_lacks_an_underscore_is_a_warning(void **state)
{
    (void)state;
    struct loaded loaded;
    /* The token is that of `ferry jobs`; the others are set by Kubernetes. */
    load_with(&loaded, config_text, NULL,
              LIST("FERRY_LOG_LEVEL=debug", "FERRY_ADMIN_TOKEN=secret",
                   "FERRY_TRUSTED_PROXIES=unix", "FERRY_JOBS_SERVICE_HOST=10.0.0.1",
                   "FERRY_JOBS_PORT_80_TCP=tcp://10.0.0.1:80"));
    assert_non_null(loaded.config);
    assert_int_equal(loaded.config->log_level, FERRY_LOG_INFO);
    assert_string_equal(bytes_text(&loaded.report),
                        "FERRY_LOG_LEVEL: warning: it sets nothing: two underscores stand between "
                        "keys\n"
                        "    hint: as in FERRY_POOLS__DEFAULT__THREADS\n");
    unload(&loaded);
}

static void test_a_variable_with_a_typo_is_a_warning(void **state)
{
    (void)state;
    struct loaded loaded;
    load_with(&loaded, config_text, NULL,
              LIST("FERRY_LISTN=:9000", "FERRY_TRUSTED_PROXY=unix", "FERRY_PORT=8002"));
    assert_non_null(loaded.config);
    assert_string_equal(loaded.config->listen[0], "127.0.0.1:8002");
    assert_string_equal(bytes_text(&loaded.report),
                        "FERRY_LISTN: warning: it sets nothing: there is no such section\n"
                        "    hint: did you mean FERRY_LISTEN?\n"
                        "FERRY_TRUSTED_PROXY: warning: it sets nothing: there is no such section\n"
                        "    hint: did you mean FERRY_TRUSTED_PROXIES?\n");
    unload(&loaded);
}

static void test_addresses_of_listen_are_named_as_they_were_given(void **state)
{
    (void)state;
    struct loaded loaded;
    write_file("ferry.yaml", config_text, strlen(config_text));
    struct config_source source = {.file = "ferry.yaml",
                                   .sets = LIST("listen=:9000"),
                                   .listen = LIST("127.0.0.1:9001", "unix:a\"b.sock")};
    load_source(&loaded, &source);
    assert_non_null(loaded.config);
    assert_string_equal(loaded.config->listen[0], "127.0.0.1:9001");
    assert_string_equal(loaded.config->listen[1], "unix:a\"b.sock");
    assert_null(loaded.config->listen[2]);
    unload(&loaded);

    source.listen = LIST("127.0.0.1:9001", "nohost:1");
    load_source(&loaded, &source);
    assert_null(loaded.config);
    assert_string_equal(bytes_text(&loaded.report),
                        "--listen nohost:1: error: \"nohost:1\": the host is no IP address, and "
                        "names are not looked up\n"
                        "    hint: 127.0.0.1:8002, \"[::1]:8002\", :8002 for every address of this "
                        "machine, or unix:/run/ferry.sock\n");
    unload(&loaded);
}

static void test_a_variable_of_two_keys_is_for_the_config_also_with_a_typo(void **state)
{
    (void)state;
    struct loaded loaded;
    load_with(&loaded, config_text, NULL, LIST("FERRY_POOL__DEFAULT__THREADS=4"));
    assert_null(loaded.config);
    assert_string_equal(bytes_text(&loaded.report),
                        "FERRY_POOL__DEFAULT__THREADS: error: unknown key \"pool\"\n"
                        "    hint: did you mean \"pools\"?\n");
    unload(&loaded);
}

static void test_errors_name_the_variable(void **state)
{
    (void)state;
    struct loaded loaded;
    write_file("ferry.yaml", config_text, strlen(config_text));
    load_source(&loaded,
                &(struct config_source){
                    .file = "ferry.yaml",
                    .environ = LIST("FERRY_DRAIN=x", "FERRY_LOG__COLOR=red", "FERRY_LISTEN=")});
    assert_null(loaded.config);
    assert_string_equal(
        bytes_text(&loaded.report),
        "FERRY_DRAIN: error: drain: \"x\" is not a duration; write 250ms, 5s, 10m, 1h30m or 7d\n"
        "FERRY_LOG__COLOR: error: unknown key \"color\" in log\n"
        "    hint: known: level, format\n"
        "FERRY_LISTEN: error: listen is empty\n");
    unload(&loaded);
}

static void test_errors_name_the_set(void **state)
{
    (void)state;
    static const struct override_case tests[] = {
        {"pools.default.threads=x",
         "--set pools.default.threads=x: error: threads: \"x\" is not a whole number\n"},
        {"pools.default.thread=1",
         "--set pools.default.thread=1: error: unknown key \"thread\" in pools.default\n"
         "    hint: did you mean \"threads\"?\n"},
        {"routes={/: {worker: ech}}",
         "--set routes={/: {worker: ech}}: error: unknown worker \"ech\"\n"
         "    hint: did you mean \"echo\"?\n"},
        {"log={level: [}", "--set log={level: [}: error: mismatched flow mapping end\n"},
        {"log=debug", "--set log=debug: error: log must be a map, not a single value\n"
                      "    hint: {KEY: VALUE, ...}, with the keys level, format\n"},
        {"listen.x=1", "--set listen.x=1: error: unknown key \"x\" in listen\n"
                       "    hint: known: address, tls\n"
                       "--set listen.x=1: error: listen lacks the key \"address\"\n"},
        {"", "--set : error: not of the form KEY.KEY=VALUE\n"
             "    hint: pools.default.threads=4, or routes.\"/a.b\".timeout=5s\n"},
        {"drain", "--set drain: error: not of the form KEY.KEY=VALUE\n"
                  "    hint: pools.default.threads=4, or routes.\"/a.b\".timeout=5s\n"},
        {"pools..threads=1", "--set pools..threads=1: error: not of the form KEY.KEY=VALUE\n"
                             "    hint: pools.default.threads=4, or routes.\"/a.b\".timeout=5s\n"},
        {"routes.\"/a=1", "--set routes.\"/a=1: error: not of the form KEY.KEY=VALUE\n"
                          "    hint: pools.default.threads=4, or routes.\"/a.b\".timeout=5s\n"},
        {"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q=1",
         "--set a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q=1: error: too many keys\n"},
    };
    check_sets(tests, sizeof tests / sizeof tests[0]);
}

/* A file that is right alone, and wrong with what is set over it: the file's line is shown. */
static void test_an_override_breaks_a_line_of_the_file(void **state)
{
    (void)state;
    static const char text[] = "pools: {default: {deferred: 4}}\n" A_ROUTE;
    struct loaded loaded;
    write_file("ferry.yaml", text, strlen(text));
    load_source(&loaded, &(struct config_source){.file = "ferry.yaml",
                                                 .sets = LIST("pools.default.threads=2")});
    assert_string_equal(bytes_text(&loaded.report),
                        "ferry.yaml:1:29: error: deferred is 4, but the pool has 2 threads\n"
                        "    pools: {default: {deferred: 4}}\n"
                        "                                ^\n");
    unload(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_replaces_and_adds),
        cmocka_unit_test(test_the_last_set_wins),
        cmocka_unit_test(test_null_takes_a_value_away),
        cmocka_unit_test(test_other_values_are_taken_as_they_stand),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_a_variable_that_lacks_an_underscore_is_a_warning),
        cmocka_unit_test(test_a_variable_with_a_typo_is_a_warning),
        cmocka_unit_test(test_addresses_of_listen_are_named_as_they_were_given),
        cmocka_unit_test(test_other_variables_are_ignored),
        cmocka_unit_test(test_a_variable_of_two_keys_is_for_the_config_also_with_a_typo),
        cmocka_unit_test(test_errors_name_the_variable),
        cmocka_unit_test(test_errors_name_the_set),
        cmocka_unit_test(test_an_override_breaks_a_line_of_the_file),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
