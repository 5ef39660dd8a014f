/*
 * Metrics in Prometheus' text format 0.0.4: counters, gauges and histograms.
 *
 * Thread: one, the loop's, for everything here; a value is a plain number to add to. A gauge is a
 * function that is asked when somebody scrapes. Handles live as long as their registry.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

struct metrics;
struct metric_histogram;

struct metric_counter {
    uint64_t value;
};

/* NULL without memory. */
struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);

/*
 * Each returns the series of this name and labels, made at first use, or NULL without memory.
 * `help` is one sentence and static. `labels` is the text between the braces, made by
 * metrics_label, copied; "" for none.
 */
struct metric_counter *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                                       const char *labels);
struct metric_histogram *metrics_histogram(struct metrics *metrics, const char *name,
                                           const char *help, const char *labels);

/* Ask read(arg) at each scrape; the second is for values that only grow. */
typedef double metric_read(void *arg);
void metrics_gauge(struct metrics *metrics, const char *name, const char *help, const char *labels,
                   metric_read *read, void *arg);
void metrics_counter_read(struct metrics *metrics, const char *name, const char *help,
                          const char *labels, metric_read *read, void *arg);

/* Count one duration into its bucket: 100 us to 60 s, in steps of about 1, 2.5, 5. */
void metrics_observe_us(struct metric_histogram *histogram, int64_t microseconds);

/* Append `name="value"` to a label text, escaped, with a comma before it where needed. */
void metrics_label(struct bytes *labels, const char *name, const char *value);

/* Append the whole exposition, grouped by name. */
void metrics_render(struct metrics *metrics, struct bytes *out);

#endif
