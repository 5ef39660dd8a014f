/*
 * The registry of metrics: families by name, in each its series by labels.
 *
 * One thread (the loop's). A family keeps its series in a list; both are found by name through
 * uthash, but only when a handle is made: who counts often keeps the handle.
 */
#include "metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ascii.h"

#define HASH_NONFATAL_OOM 1 /* a library does not exit */
#include <uthash.h>

static const int64_t bounds_us[] = {100,     250,     500,     1000,     2500,     5000,
                                    10000,   25000,   50000,   100000,   250000,   500000,
                                    1000000, 2500000, 5000000, 10000000, 30000000, 60000000};

enum { BOUND_COUNT = sizeof bounds_us / sizeof bounds_us[0] };

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_histogram {
    uint64_t buckets[BOUND_COUNT + 1]; /* not cumulative; the last one is +Inf */
    uint64_t count;
    int64_t sum_us;
};

struct series {
    char *labels;
    metric_read *read; /* asked instead of the counter, if set */
    void *arg;
    union {
        struct metric_counter counter;
        struct metric_histogram histogram;
    };
    UT_hash_handle hh;
};

struct family {
    char *name;
    const char *help;
    enum metric_kind kind;
    struct series *series;
    UT_hash_handle hh;
};

struct metrics {
    struct family *families;
};

struct metrics *metrics_new(void)
{
    return calloc(1, sizeof(struct metrics));
}

static void family_free(struct family *family)
{
    struct series *series, *next;
    HASH_ITER (hh, family->series, series, next) {
        HASH_DEL(family->series, series);
        free(series->labels);
        free(series);
    }
    free(family->name);
    free(family);
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    struct family *family, *next;
    HASH_ITER (hh, metrics->families, family, next) {
        HASH_DEL(metrics->families, family);
        family_free(family);
    }
    free(metrics);
}

static struct family *family_get(struct metrics *metrics, const char *name, const char *help,
                                 enum metric_kind kind)
{
    struct family *family;
    HASH_FIND_STR(metrics->families, name, family);
    if (family)
        return family->kind == kind ? family : NULL;
    family = calloc(1, sizeof *family);
    if (!family || !(family->name = strdup(name))) {
        free(family);
        return NULL;
    }
    family->help = help;
    family->kind = kind;
    HASH_ADD_KEYPTR(hh, metrics->families, family->name, strlen(family->name), family);
    if (!family->hh.tbl) {
        family_free(family);
        return NULL;
    }
    return family;
}

static struct series *series_get(struct metrics *metrics, const char *name, const char *help,
                                 const char *labels, enum metric_kind kind)
{
    struct family *family = family_get(metrics, name, help, kind);
    if (!family)
        return NULL;
    struct series *series;
    HASH_FIND_STR(family->series, labels, series);
    if (series)
        return series;
    series = calloc(1, sizeof *series);
    if (!series || !(series->labels = strdup(labels))) {
        free(series);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, family->series, series->labels, strlen(series->labels), series);
    if (!series->hh.tbl) {
        free(series->labels);
        free(series);
        return NULL;
    }
    return series;
}

struct metric_counter *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                                       const char *labels)
{
    struct series *series = series_get(metrics, name, help, labels, METRIC_COUNTER);
    return series ? &series->counter : NULL;
}

struct metric_histogram *metrics_histogram(struct metrics *metrics, const char *name,
                                           const char *help, const char *labels)
{
    struct series *series = series_get(metrics, name, help, labels, METRIC_HISTOGRAM);
    return series ? &series->histogram : NULL;
}

static void metrics_read(struct metrics *metrics, const char *name, const char *help,
                         const char *labels, enum metric_kind kind, metric_read *read, void *arg)
{
    struct series *series = series_get(metrics, name, help, labels, kind);
    if (series) {
        series->read = read;
        series->arg = arg;
    }
}

void metrics_gauge(struct metrics *metrics, const char *name, const char *help, const char *labels,
                   metric_read *read, void *arg)
{
    metrics_read(metrics, name, help, labels, METRIC_GAUGE, read, arg);
}

void metrics_counter_read(struct metrics *metrics, const char *name, const char *help,
                          const char *labels, metric_read *read, void *arg)
{
    metrics_read(metrics, name, help, labels, METRIC_COUNTER, read, arg);
}

void metrics_observe_us(struct metric_histogram *histogram, int64_t microseconds)
{
    size_t i = 0;
    while (i < BOUND_COUNT && microseconds > bounds_us[i])
        i++;
    histogram->buckets[i]++;
    histogram->count++;
    histogram->sum_us += microseconds;
}

void metrics_label(struct bytes *labels, const char *name, const char *value)
{
    bytes_printf(labels, "%s%s=\"", labels->length ? "," : "", name);
    for (; *value; value++) {
        if (*value == '\n')
            bytes_append_text(labels, "\\n");
        else if (*value == '"' || *value == '\\')
            bytes_printf(labels, "\\%c", *value);
        else
            bytes_append_char(labels, *value);
    }
    bytes_append_char(labels, '"');
}

static void render_name(struct bytes *out, const char *name, const char *suffix, const char *labels)
{
    bytes_printf(out, "%s%s", name, suffix);
    if (*labels)
        bytes_printf(out, "{%s}", labels);
    bytes_append_char(out, ' ');
}

static void render_number(struct bytes *out, double value, int digits)
{
    char text[32];
    ascii_printf(text, sizeof text, "%.*g", digits, value);
    bytes_append_text(out, text);
}

static void render_value(struct bytes *out, double value)
{
    if (isnan(value))
        bytes_append_text(out, "NaN");
    else if (isinf(value))
        bytes_append_text(out, value > 0 ? "+Inf" : "-Inf");
    else
        render_number(out, value, 15); /* a time of day in seconds needs that many */
    bytes_append_char(out, '\n');
}

static void render_histogram(struct bytes *out, const char *name, const struct series *series)
{
    const char *comma = *series->labels ? "," : "";
    uint64_t sum = 0;
    for (size_t i = 0; i < BOUND_COUNT; i++) {
        sum += series->histogram.buckets[i];
        bytes_printf(out, "%s_bucket{%s%sle=\"", name, series->labels, comma);
        render_number(out, (double)bounds_us[i] / 1e6, 6);
        bytes_printf(out, "\"} %llu\n", (unsigned long long)sum);
    }
    unsigned long long count = series->histogram.count;
    bytes_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, series->labels, comma, count);
    render_name(out, name, "_sum", series->labels);
    int64_t sum_us = series->histogram.sum_us;
    bytes_printf(out, "%lld.%06lld\n", (long long)(sum_us / 1000000),
                 (long long)(sum_us % 1000000));
    render_name(out, name, "_count", series->labels);
    bytes_printf(out, "%llu\n", count);
}

static int by_name(const struct family *a, const struct family *b)
{
    return strcmp(a->name, b->name);
}

void metrics_render(struct metrics *metrics, struct bytes *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    HASH_SORT(metrics->families, by_name);
    for (struct family *family = metrics->families; family; family = family->hh.next) {
        bytes_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
                     kinds[family->kind]);
        for (struct series *series = family->series; series; series = series->hh.next) {
            if (family->kind == METRIC_HISTOGRAM) {
                render_histogram(out, family->name, series);
                continue;
            }
            render_name(out, family->name, "", series->labels);
            if (series->read)
                render_value(out, series->read(series->arg));
            else
                bytes_printf(out, "%llu\n", (unsigned long long)series->counter.value);
        }
    }
}
