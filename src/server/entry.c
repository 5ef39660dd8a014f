/*
 * The entrance of a route.
 *
 * Loop thread. A request that has to wait for its password is a visit until that was looked at; its
 * client may leave meanwhile, which whoever handles it then hears of. The bound on requests comes
 * before the question who asks, so that it holds for those who guess, too.
 */
#include "entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "cors.h"

struct visit {
    const struct entry *entry;
    struct exchange exchange;
    entry_enter *enter;
    void *arg;
};

/* ---- browsers ---- */

static void set_header(void *arg, const char *name, const char *value)
{
    ferry_request_set_header(arg, name, value);
}

void entry_set_cors(ferry_request *request, const struct config_cors *cors)
{
    if (cors)
        cors_answer(cors, ferry_request_header(request, "Origin"), set_header, request);
}

static bool is_preflight(const ferry_request *request)
{
    return strcmp(ferry_request_method(request), "OPTIONS") == 0 &&
           ferry_request_header(request, "Origin") &&
           ferry_request_header(request, "Access-Control-Request-Method");
}

static void set_allow(ferry_request *request, const char *methods)
{
    struct bytes allow = {0};
    for (const char *at = methods; *at; at++) {
        bytes_append_char(&allow, *at);
        if (*at == ',')
            bytes_append_char(&allow, ' ');
    }
    bool has_get = strncmp(methods, "GET", 3) == 0 || strstr(methods, ",GET");
    bool has_head = strncmp(methods, "HEAD", 4) == 0 || strstr(methods, ",HEAD");
    bytes_printf(&allow, "%s, OPTIONS", has_get && !has_head ? ", HEAD" : "");
    ferry_request_set_header(request, "Allow", bytes_text(&allow));
    bytes_fini(&allow);
}

/* The headers of entry_set_cors are there already. */
static void answer_options(ferry_request *request, const struct config_cors *cors,
                           const char *methods)
{
    const char *origin = ferry_request_header(request, "Origin");
    if (!cors || !is_preflight(request))
        set_allow(request, methods);
    else if (cors_allows(cors, origin))
        cors_answer_preflight(cors, methods, set_header, request);
    ferry_request_reply(request, 204, NULL, NULL, 0);
}

void entry_answer_options(ferry_request *request, const struct config_cors *cors,
                          const char *methods)
{
    entry_set_cors(request, cors);
    answer_options(request, cors, methods);
}

void entry_options(const struct entry *entry, const struct exchange *exchange)
{
    struct exchange copy = *exchange;
    entry_answer_options(exchange_close(&copy, 204), entry->config->cors, entry->config->methods);
}

static bool takes_options(const struct config_route *config)
{
    return strstr(config->methods, "OPTIONS") != NULL;
}

bool entry_wants_options(const struct entry *entry)
{
    return entry->config->cors && !takes_options(entry->config);
}

/* ---- refusing ---- */

static void refuse(const struct entry *entry, struct exchange *exchange,
                   const struct entry_refusal *refusal)
{
    char seconds[24];
    ferry_request *request = exchange->request;
    if (refusal->error.code == FERRY_UNAUTHORIZED)
        entry_auth_challenge(&entry->auth, refusal, request);
    if (refusal->retry_after_ms > 0) {
        snprintf(seconds, sizeof seconds, "%" PRId64, (refusal->retry_after_ms - 1) / 1000 + 1);
        ferry_request_set_header(request, "Retry-After", seconds);
    }
    exchange_answer_error(exchange, &refusal->error);
}

/* Returns false after an answer. */
static bool check_rate(const struct entry *entry, struct exchange *exchange)
{
    if (!entry->client_rate)
        return true;
    struct entry_refusal refusal = {0};
    refusal.retry_after_ms = client_rate_take(
        entry->client_rate, ferry_request_peer(exchange->request), clock_monotonic_us());
    if (refusal.retry_after_ms == 0)
        return true;
    ferry_error_set(&refusal.error, FERRY_RATE_LIMITED, "%u requests each %s, of one client",
                    entry->config->client_rate.count,
                    entry->config->client_rate.per_ms == 1000    ? "second"
                    : entry->config->client_rate.per_ms == 60000 ? "minute"
                                                                 : "hour");
    refuse(entry, exchange, &refusal);
    return false;
}

/* ---- who asks ---- */

static void on_password(void *arg, bool is_right, const ferry_error *error)
{
    struct visit visit = *(struct visit *)arg;
    free(arg);
    struct entry_refusal refusal = {.error = *error};
    if (is_right) {
        visit.enter(visit.arg, &visit.exchange);
        return;
    }
    if (!error->code)
        entry_auth_refuse(&refusal);
    refuse(visit.entry, &visit.exchange, &refusal);
}

static void check_auth(const struct entry *entry, struct exchange *exchange, entry_enter *enter,
                       void *arg)
{
    struct entry_refusal refusal = {0};
    struct visit *visit = malloc(sizeof *visit);
    enum entry_verdict verdict = ENTRY_REFUSED;
    if (visit) {
        *visit = (struct visit){entry, *exchange, enter, arg};
        verdict = entry_auth_check(&entry->auth, exchange->request, on_password, visit, &refusal);
    } else {
        ferry_error_set(&refusal.error, FERRY_INTERNAL, "no memory");
    }
    switch (verdict) {
    case ENTRY_GRANTED:
        enter(arg, exchange);
        break;
    case ENTRY_REFUSED:
        refuse(entry, exchange, &refusal);
        break;
    case ENTRY_UNDECIDED:
        return; /* on_password has the visit */
    }
    free(visit);
}

void entry_check(struct entry *entry, const struct exchange *exchange, entry_enter *enter,
                 void *arg)
{
    struct exchange copy = *exchange;
    const struct config_cors *cors = entry->config->cors;
    entry_set_cors(copy.request, cors);
    if (cors && is_preflight(copy.request)) {
        answer_options(exchange_close(&copy, 204), cors, entry->config->methods);
        return;
    }
    if (!check_rate(entry, &copy))
        return;
    if (entry->auth.config)
        check_auth(entry, &copy, enter, arg);
    else
        enter(arg, &copy);
}

/* ---- life ---- */

bool entry_init(struct entry *entry, const struct config_route *config, struct passwords *passwords)
{
    const struct config_client_rate *rate = &config->client_rate;
    *entry = (struct entry){
        .config = config,
        .auth = {.config = config->auth, .passwords = passwords},
    };
    if (rate->count > 0)
        entry->client_rate = client_rate_new(rate->count, rate->per_ms, rate->burst);
    return rate->count == 0 || entry->client_rate;
}

void entry_fini(struct entry *entry)
{
    client_rate_free(entry->client_rate);
}
