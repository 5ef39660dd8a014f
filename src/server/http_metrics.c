/*
 * The metrics of the public listeners: read from the HTTP server's own counts at each scrape.
 */
#include "http_metrics.h"

static ferry_http_stats stats_of(const void *http)
{
    ferry_http_stats stats;
    ferry_http_server_get_stats(http, &stats);
    return stats;
}

/* A function that reads one count; they differ in its name only. */
#define READER(name)                                                                               \
    static double read_##name(void *http)                                                          \
    {                                                                                              \
        return (double)stats_of(http).name;                                                        \
    }

READER(connections)
READER(buffered_bytes)
READER(unsent_bytes)
READER(accepted)
READER(made_room)
READER(malformed)
READER(too_large)
READER(over_buffered_bytes)
READER(over_connections_per_address)
READER(over_connections)
READER(over_requests_per_connection)
READER(over_unsent_bytes)
READER(timed_out_header)
READER(timed_out_body)
READER(timed_out_request)
READER(timed_out_idle)
READER(timed_out_write)

struct series {
    const char *labels;
    metric_read *read;
};

static void register_all(struct metrics *metrics, const char *name, const char *help,
                         const struct series *series, ferry_http_server *http)
{
    for (; series->read; series++)
        metrics_counter_read(metrics, name, help, series->labels, series->read, http);
}

void http_metrics_register(struct metrics *metrics, ferry_http_server *http)
{
    static const struct series refused[] = {
        {"reason=\"malformed\"", read_malformed},
        {"reason=\"too_large\"", read_too_large},
        {"reason=\"buffered_bytes\"", read_over_buffered_bytes},
        {"reason=\"connections_per_address\"", read_over_connections_per_address},
        {0},
    };
    static const struct series met[] = {
        {"limit=\"connections\"", read_over_connections},
        {"limit=\"requests_per_connection\"", read_over_requests_per_connection},
        {"limit=\"unsent_total_bytes\"", read_over_unsent_bytes},
        {0},
    };
    static const struct series timed_out[] = {
        {"phase=\"header\"", read_timed_out_header},
        {"phase=\"body\"", read_timed_out_body},
        {"phase=\"request\"", read_timed_out_request}, /* header and body together */
        {"phase=\"idle\"", read_timed_out_idle},
        {"phase=\"write\"", read_timed_out_write},
        {0},
    };
    metrics_gauge(metrics, "ferry_connections", "Open connections of the public listeners.", "",
                  read_connections, http);
    metrics_gauge(metrics, "ferry_http_buffered_bytes",
                  "Heads and bodies of requests that are held.", "", read_buffered_bytes, http);
    metrics_gauge(metrics, "ferry_http_unsent_bytes", "Replies that clients have not taken.", "",
                  read_unsent_bytes, http);
    metrics_counter_read(metrics, "ferry_http_accepted_total", "Connections accepted.", "",
                         read_accepted, http);
    metrics_counter_read(metrics, "ferry_http_made_room_total",
                         "Connections closed to make room for others at the limit.", "",
                         read_made_room, http);
    register_all(metrics, "ferry_http_refused_total",
                 "Requests and connections refused before any route.", refused, http);
    register_all(metrics, "ferry_http_limit_reached_total", "Times that a limit was met.", met,
                 http);
    register_all(metrics, "ferry_http_timed_out_total", "Connections closed at a deadline.",
                 timed_out, http);
}
