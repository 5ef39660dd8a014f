/* conf/ferry.yaml, built in: what a newcomer starts with, and what it says of the defaults. */
#include "config/load.h"

static void load_built_in(struct loaded *loaded)
{
    load_source(loaded, &(struct config_source){0});
    assert_string_equal(bytes_text(&loaded->report), "");
    assert_non_null(loaded->config);
}

static void test_routes(void **state)
{
    (void)state;
    struct loaded loaded;
    load_built_in(&loaded);
    const struct config_route *routes = loaded.config->routes;
    assert_int_equal(loaded.config->route_count, 4);
    assert_string_equal(routes[0].path, "/noop");
    assert_string_equal(routes[1].path, "/echo");
    assert_string_equal(routes[2].path, "/sleep");
    assert_int_equal(routes[2].timeout_ms, 60000);
    assert_string_equal(routes[3].path, "/email");
    assert_int_equal(routes[3].mode, ROUTE_DEFER);
    assert_string_equal(routes[3].pool->name, "mail");
    assert_int_equal(routes[3].pool->deferred, 2);
    assert_string_equal(routes[3].worker->name, "mailer");
    assert_string_equal(routes[3].worker->state, "var"); /* that is: no relay */
    unload(&loaded);
}

/* ---- the lines that are commented out ---- */

/* Return what is behind "# " if that is a key, else NULL. */
static const char *commented_key(const char *line)
{
    static const char *const examples[] = {"token_file", "plugins", "secret_file"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
    const char *hash = line + strspn(line, " ");
    if (strncmp(hash, "# ", 2) != 0)
        return NULL;
    const char *key = hash + 1 + strspn(hash + 1, " ");
    size_t length = strspn(key, letters);
    if (length == 0 || key[length] != ':')
        return NULL;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        if (strlen(examples[i]) == length && memcmp(key, examples[i], length) == 0)
            return NULL;
    }
    return hash + 2;
}

/* Uncomment all keys up to the description of a route. Returns how many. */
static int uncomment(struct bytes *out)
{
    char *text = strdup(config_default_text), *rest = text;
    int count = 0;
    bool done = false, is_mailer = false; /* its keys are the email worker's, which load.h fakes */
    for (char *line; (line = strsep(&rest, "\n"));) {
        done |= strncmp(line, "# A route is", strlen("# A route is")) == 0;
        is_mailer = *line && (is_mailer || strcmp(line, "  mailer:") == 0);
        const char *key = done || is_mailer ? NULL : commented_key(line);
        count += key != NULL;
        if (key)
            bytes_printf(out, "%*s%s\n", (int)strspn(line, " "), "", key);
        else
            bytes_printf(out, "%s\n", line);
    }
    free(text);
    return count;
}

static void check_same_pool(const struct config_pool *a, const struct config_pool *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->threads, b->threads);
    assert_int_equal(a->queue, b->queue);
    assert_int_equal(a->queue_bytes, b->queue_bytes);
    assert_int_equal(a->queue_timeout_ms, b->queue_timeout_ms);
    assert_int_equal(a->deferred, b->deferred);
    assert_int_equal(a->nice, b->nice);
}

static void check_same_callbacks(const struct config_callbacks *a, const struct config_callbacks *b)
{
    assert_false(a->enabled || b->enabled);
    assert_null(a->allow);
    assert_string_equal(a->pool->name, "default"); /* as the text has it; unused in b */
    assert_int_equal(a->timeout_ms, b->timeout_ms);
    assert_int_equal(a->attempts, b->attempts);
    assert_int_equal(a->backoff_min_ms, b->backoff_min_ms);
    assert_int_equal(a->backoff_max_ms, b->backoff_max_ms);
}

static void check_same(const struct config *a, const struct config *b)
{
    assert_string_equal(a->listen[0], b->listen[0]);
    assert_string_equal(a->admin_listen, b->admin_listen);
    assert_string_equal(a->state, b->state);
    assert_memory_equal(&a->limits, &b->limits, sizeof a->limits);
    assert_int_equal(a->max_pending, b->max_pending);
    assert_int_equal(a->max_bytes, b->max_bytes);
    assert_int_equal(a->max_crashes, b->max_crashes);
    assert_int_equal(a->keep_ms, b->keep_ms);
    assert_int_equal(a->drain_ms, b->drain_ms);
    assert_int_equal(a->log_level, b->log_level);
    assert_int_equal(a->log_format, b->log_format);
    assert_int_equal(a->pool_count, b->pool_count);
    for (size_t i = 0; i < a->pool_count; i++)
        check_same_pool(&a->pools[i], &b->pools[i]);
    check_same_callbacks(&a->callbacks, &b->callbacks);
    assert_true(!a->auths && !b->auths && !a->cors && !b->cors);
}

static void test_commented_lines_are_the_defaults(void **state)
{
    (void)state;
    struct loaded built_in, uncommented;
    struct bytes text = {0};
    load_built_in(&built_in);
    assert_int_equal(uncomment(&text), 39);
    load_text(&uncommented, bytes_text(&text));
    assert_string_equal(bytes_text(&uncommented.report), "");
    check_same(uncommented.config, built_in.config);
    bytes_fini(&text);
    unload(&uncommented);
    unload(&built_in);
}

/* ---- what it says of a route ---- */

/* Take the route that the text describes, "/path", out of its comment. */
static void take_route(struct bytes *out)
{
    static const char begin[] = "#   /path:\n";
    const char *line = strstr(config_default_text, begin);
    assert_non_null(line);
    bytes_append_text(out, "routes:\n");
    for (; *line == '#'; line = strchr(line, '\n') + 1)
        bytes_append(out, line + 1, strcspn(line + 1, "\n") + 1);
}

static void check_same_route(const struct config_route *a, const struct config_route *b)
{
    assert_string_equal(a->methods, b->methods);
    assert_int_equal(a->mode, b->mode);
    assert_ptr_equal(a->pool, b->pool);
    assert_int_equal(a->timeout_ms, b->timeout_ms);
    assert_int_equal(a->attempts, b->attempts);
    assert_int_equal(a->backoff_min_ms, b->backoff_min_ms);
    assert_int_equal(a->backoff_max_ms, b->backoff_max_ms);
    assert_int_equal(a->rate_count, b->rate_count);
    assert_int_equal(a->rate_per_ms, b->rate_per_ms);
    assert_int_equal(a->concurrency, b->concurrency);
    assert_int_equal(a->priority, b->priority);
    assert_int_equal(a->breaker_failures, b->breaker_failures);
    assert_int_equal(a->breaker_pause_ms, b->breaker_pause_ms);
    assert_int_equal(a->keep_ms, b->keep_ms);
    assert_int_equal(a->client_rate.count, b->client_rate.count);
    assert_ptr_equal(a->auth, b->auth);
    assert_ptr_equal(a->cors, b->cors);
}

static void test_what_it_says_of_a_route_are_the_defaults(void **state)
{
    (void)state;
    struct loaded loaded;
    struct bytes text = {0};
    take_route(&text);
    bytes_append_text(&text, "   /short: {worker: echo}\n");
    load_text(&loaded, bytes_text(&text));
    assert_non_null(loaded.config); /* with warnings: mode is call */
    assert_int_equal(loaded.config->route_count, 2);
    check_same_route(&loaded.config->routes[0], &loaded.config->routes[1]);
    bytes_fini(&text);
    unload(&loaded);
}

/* ---- what it says of a schedule ---- */

static void take_schedule(struct bytes *out)
{
    const char *line = strstr(config_default_text, "# schedules:\n");
    assert_non_null(line);
    for (; *line == '#'; line = strchr(line, '\n') + 1)
        bytes_append(out, line + 2, strcspn(line + 2, "\n") + 1);
    assert_string_equal(line, ""); /* the last of the text */
}

static void test_what_it_says_of_a_schedule_are_the_defaults(void **state)
{
    (void)state;
    struct loaded loaded;
    struct bytes text = {0};
    bytes_append_text(&text, config_default_text);
    take_schedule(&text);
    bytes_append_text(&text, "  - {name: short, route: /email, cron: 30 4 * * MON-FRI}\n");
    load_text(&loaded, bytes_text(&text));
    assert_string_equal(bytes_text(&loaded.report), "");
    assert_int_equal(loaded.config->schedule_count, 2);
    const struct config_schedule *a = &loaded.config->schedules[0], *b = a + 1;
    assert_string_equal(a->name, "nightly");
    assert_ptr_equal(a->route, b->route);
    assert_memory_equal(&a->cron, &b->cron, sizeof a->cron);
    assert_int_equal(time_zone_next_change(a->zone, 0), time_zone_next_change(b->zone, 0));
    assert_int_equal(a->missed, b->missed);
    assert_int_equal(a->may_overlap, b->may_overlap);
    assert_int_equal(a->jitter_ms, b->jitter_ms);
    assert_int_equal(a->block.length, b->block.length);
    assert_memory_equal(a->block.data, b->block.data, a->block.length);
    bytes_fini(&text);
    unload(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_commented_lines_are_the_defaults),
        cmocka_unit_test(test_what_it_says_of_a_route_are_the_defaults),
        cmocka_unit_test(test_what_it_says_of_a_schedule_are_the_defaults),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
