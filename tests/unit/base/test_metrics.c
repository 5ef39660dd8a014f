/* The exposition, byte for byte. */
#include "metrics.h"

#include <math.h>
#include <string.h>

#include "support.h"

static double read_double(void *arg)
{
    return *(double *)arg;
}

static void assert_rendered(struct metrics *metrics, const char *text)
{
    struct bytes out = {0};
    metrics_render(metrics, &out);
    assert_string_equal(bytes_text(&out), text);
    bytes_fini(&out);
}

static void test_families_are_sorted_and_described_once(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    metrics_counter(metrics, "b_total", "Bees.", "kind=\"x\"")->value = 3;
    metrics_counter(metrics, "a_total", "Ants.", "")->value = 18446744073709551615u;
    metrics_counter(metrics, "b_total", "Bees.", "kind=\"y\"");
    assert_rendered(metrics, "# HELP a_total Ants.\n"
                             "# TYPE a_total counter\n"
                             "a_total 18446744073709551615\n"
                             "# HELP b_total Bees.\n"
                             "# TYPE b_total counter\n"
                             "b_total{kind=\"x\"} 3\n"
                             "b_total{kind=\"y\"} 0\n");
    metrics_free(metrics);
}

static void test_a_series_is_made_once(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    struct metric_counter *counter = metrics_counter(metrics, "a_total", "Ants.", "");
    struct metric_histogram *histogram = metrics_histogram(metrics, "h_seconds", "Time.", "");
    for (int i = 0; i < 1000; i++) { /* handles stay while the tables grow */
        struct bytes labels = {0};
        bytes_printf(&labels, "n=\"%d\"", i);
        assert_non_null(metrics_counter(metrics, "a_total", "Ants.", bytes_text(&labels)));
        bytes_fini(&labels);
    }
    assert_ptr_equal(metrics_counter(metrics, "a_total", "Ants.", ""), counter);
    assert_ptr_equal(metrics_histogram(metrics, "h_seconds", "Time.", ""), histogram);
    assert_null(metrics_histogram(metrics, "a_total", "Of another kind.", ""));
    metrics_free(metrics);
}

static void test_gauges_are_asked(void **state)
{
    (void)state;
    const struct {
        double value;
        const char *text;
    } table[] = {
        {0, "0"},
        {-2, "-2"},
        {1e14, "100000000000000"},
        {0.1, "0.1"},
        {0.25, "0.25"},
        {1795255754.12, "1795255754.12"}, /* a start time keeps its seconds */
        {1e300, "1e+300"},
        {NAN, "NaN"},
        {INFINITY, "+Inf"},
        {-INFINITY, "-Inf"},
    };
    struct metrics *metrics = metrics_new();
    double value;
    metrics_gauge(metrics, "g", "Gauge.", "", read_double, &value);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        value = table[i].value;
        struct bytes expected = {0};
        bytes_printf(&expected, "# HELP g Gauge.\n# TYPE g gauge\ng %s\n", table[i].text);
        assert_rendered(metrics, bytes_text(&expected));
        bytes_fini(&expected);
    }
    metrics_free(metrics);
}

static void test_a_counter_can_be_asked_too(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    double value = 7;
    metrics_counter_read(metrics, "c_total", "Asked.", "a=\"b\"", read_double, &value);
    assert_rendered(metrics, "# HELP c_total Asked.\n# TYPE c_total counter\nc_total{a=\"b\"} 7\n");
    metrics_free(metrics);
}

static void test_labels_are_escaped(void **state)
{
    (void)state;
    struct bytes labels = {0};
    metrics_label(&labels, "route", "/a\"b\\c\nd");
    metrics_label(&labels, "empty", "");
    assert_string_equal(bytes_text(&labels), "route=\"/a\\\"b\\\\c\\nd\",empty=\"\"");
    bytes_fini(&labels);
}

static void test_buckets_are_cumulative(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    struct metric_histogram *h = metrics_histogram(metrics, "h_seconds", "Time.", "pool=\"p\"");
    metrics_observe_us(h, 0);
    metrics_observe_us(h, 100); /* a bound belongs to its bucket */
    metrics_observe_us(h, 101);
    metrics_observe_us(h, 1000000);
    metrics_observe_us(h, 60000000);
    metrics_observe_us(h, 60000001);
    assert_rendered(metrics, "# HELP h_seconds Time.\n"
                             "# TYPE h_seconds histogram\n"
                             "h_seconds_bucket{pool=\"p\",le=\"0.0001\"} 2\n"
                             "h_seconds_bucket{pool=\"p\",le=\"0.00025\"} 3\n"
                             "h_seconds_bucket{pool=\"p\",le=\"0.0005\"} 3\n"
                             "h_seconds_bucket{pool=\"p\",le=\"0.001\"} 3\n"
                             "h_seconds_bucket{pool=\"p\",le=\"0.0025\"} 3\n"
                             "h_seconds_bucket{pool=\"p\",le=\"0.005\"} 3\n"
                             "h_seconds_bucket{pool=\"p\",le=\"0.01\"} 3\n"
                             "h_seconds_bucket{pool=\"p\",le=\"0.025\"} 3\n"
                             "h_seconds_bucket{pool=\"p\",le=\"0.05\"} 3\n"
                             "h_seconds_bucket{pool=\"p\",le=\"0.1\"} 3\n"
                             "h_seconds_bucket{pool=\"p\",le=\"0.25\"} 3\n"
                             "h_seconds_bucket{pool=\"p\",le=\"0.5\"} 3\n"
                             "h_seconds_bucket{pool=\"p\",le=\"1\"} 4\n"
                             "h_seconds_bucket{pool=\"p\",le=\"2.5\"} 4\n"
                             "h_seconds_bucket{pool=\"p\",le=\"5\"} 4\n"
                             "h_seconds_bucket{pool=\"p\",le=\"10\"} 4\n"
                             "h_seconds_bucket{pool=\"p\",le=\"30\"} 4\n"
                             "h_seconds_bucket{pool=\"p\",le=\"60\"} 5\n"
                             "h_seconds_bucket{pool=\"p\",le=\"+Inf\"} 6\n"
                             "h_seconds_sum{pool=\"p\"} 121.000202\n"
                             "h_seconds_count{pool=\"p\"} 6\n");
    metrics_free(metrics);
}

static void test_a_histogram_without_labels(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    metrics_observe_us(metrics_histogram(metrics, "h_seconds", "Time.", ""), 1);
    struct bytes out = {0};
    metrics_render(metrics, &out);
    assert_non_null(strstr(bytes_text(&out), "\nh_seconds_bucket{le=\"0.0001\"} 1\n"));
    assert_non_null(strstr(bytes_text(&out), "\nh_seconds_sum 0.000001\nh_seconds_count 1\n"));
    bytes_fini(&out);
    metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families_are_sorted_and_described_once),
        cmocka_unit_test(test_a_series_is_made_once),
        cmocka_unit_test(test_gauges_are_asked),
        cmocka_unit_test(test_a_counter_can_be_asked_too),
        cmocka_unit_test(test_labels_are_escaped),
        cmocka_unit_test(test_buckets_are_cumulative),
        cmocka_unit_test(test_a_histogram_without_labels),
    };
    return cmocka_run_group_tests_name("base/metrics", tests, NULL, NULL);
}
