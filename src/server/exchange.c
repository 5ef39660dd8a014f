/* Exchanges. Loop thread; no state of its own. */
#include "exchange.h"

#include <ferry/log.h>

#include "clock.h"

struct exchange exchange_begin(ferry_request *request, const struct config_route *config,
                               struct route_metrics *metrics, unsigned *open)
{
    (*open)++;
    route_metrics_begin(metrics);
    return (struct exchange){
        .request = request,
        .config = config,
        .metrics = metrics,
        .open = open,
        .begin_us = clock_monotonic_us(),
    };
}

ferry_request *exchange_close(struct exchange *exchange, int status)
{
    ferry_request *request = exchange->request;
    exchange->request = NULL;
    (*exchange->open)--;
    ferry_request_on_gone(request, NULL, NULL);
    route_metrics_end(exchange->metrics, ferry_request_method(request), status,
                      clock_monotonic_us() - exchange->begin_us);
    return request;
}

/* An overload is not silent, nor are guesses at a password; but a flood of requests does not become
 * one of lines. */
static void warn_of_refusals(const struct exchange *exchange, const ferry_error *error)
{
    unsigned left_out;
    if (log_pace_allows(&exchange->metrics->refusals, &left_out))
        ferry_log(FERRY_LOG_WARN, "requests are refused", "route=%s error=%s left_out=%u",
                  exchange->config->path, error->message, left_out);
}

/* A full disk, too, refuses whatever comes, and the log may lie on it. */
static bool is_refusal(ferry_code code)
{
    return code == FERRY_REJECTED || code == FERRY_RATE_LIMITED || code == FERRY_STORAGE_FULL;
}

void exchange_answer_error(struct exchange *exchange, const ferry_error *error)
{
    int status = ferry_code_status(error->code);
    ferry_log(status >= 500 && !is_refusal(error->code) ? FERRY_LOG_WARN : FERRY_LOG_DEBUG,
              "request failed", "route=%s worker=%s status=%d code=%s error=%s",
              exchange->config->path, exchange->config->worker->name, status,
              ferry_code_name(error->code), error->message);
    if (is_refusal(error->code))
        warn_of_refusals(exchange, error);
    ferry_request_reply_error(exchange_close(exchange, status), error);
}
