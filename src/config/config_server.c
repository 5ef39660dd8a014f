/*
 * The sections of the server itself: state, limits, jobs, drain, log. Main thread.
 */
#include <limits.h>
#include <string.h>

#include "config_check.h"
#include "section.h"

enum { CONNECTIONS_MAX = 1000000 };

static const int64_t BYTES_MAX = INT64_C(1) << 40;

static void check_limits(struct checking *checking, const struct tree *limits)
{
    const struct field fields[] = {
        {"connections", FIELD_NUMBER, FIELD_AT(ferry_http_options, connections), 1, CONNECTIONS_MAX,
         NULL},
        {"connections_per_address", FIELD_NUMBER,
         FIELD_AT(ferry_http_options, connections_per_address), 1, CONNECTIONS_MAX, NULL},
        {"requests_per_connection", FIELD_NUMBER,
         FIELD_AT(ferry_http_options, requests_per_connection), 1, INT_MAX, NULL},
        {"header_bytes", FIELD_SIZE, FIELD_AT(ferry_http_options, header_bytes), 1024, 1 << 20,
         NULL},
        {"body_bytes", FIELD_SIZE, FIELD_AT(ferry_http_options, body_bytes), 1, INT_MAX, NULL},
        {"buffered_bytes", FIELD_SIZE, FIELD_AT(ferry_http_options, buffered_bytes), 1, BYTES_MAX,
         NULL},
        {"unsent_total_bytes", FIELD_SIZE, FIELD_AT(ferry_http_options, unsent_total_bytes), 1,
         BYTES_MAX, NULL},
        {"header_timeout", FIELD_DURATION, FIELD_AT(ferry_http_options, header_timeout_ms), 1,
         DAY_MS, NULL},
        {"body_timeout", FIELD_DURATION, FIELD_AT(ferry_http_options, body_timeout_ms), 1, DAY_MS,
         NULL},
        {"request_timeout", FIELD_DURATION, FIELD_AT(ferry_http_options, request_timeout_ms), 1,
         DAY_MS, NULL},
        {"idle_timeout", FIELD_DURATION, FIELD_AT(ferry_http_options, idle_timeout_ms), 1, DAY_MS,
         NULL},
        {"write_timeout", FIELD_DURATION, FIELD_AT(ferry_http_options, write_timeout_ms), 1, DAY_MS,
         NULL},
        {0},
    };
    ferry_http_options *options = &checking->config->limits;
    section_read(limits, "limits", fields, options, checking->diagnostics);
    if (options->request_timeout_ms == 0)
        options->request_timeout_ms = options->header_timeout_ms + options->body_timeout_ms;
    const struct tree *body_bytes = tree_find(limits, "body_bytes");
    const struct tree *place = body_bytes ? body_bytes : tree_find(limits, "buffered_bytes");
    if (place && options->body_bytes > options->buffered_bytes)
        diagnostics_error(checking->diagnostics, place->mark,
                          "body_bytes is larger than buffered_bytes, which all bodies share");
}

static void check_jobs(struct checking *checking, const struct tree *jobs)
{
    const struct field fields[] = {
        {"max_pending", FIELD_NUMBER, FIELD_AT(struct config, max_pending), 1, 1000000000, NULL},
        {"max_bytes", FIELD_SIZE, FIELD_AT(struct config, max_bytes), 1, BYTES_MAX, NULL},
        {"max_crashes", FIELD_NUMBER, FIELD_AT(struct config, max_crashes), 0, 1000, NULL},
        {"keep", FIELD_DURATION, FIELD_AT(struct config, keep_ms), 0, INT64_C(3650) * DAY_MS, NULL},
        {0},
    };
    section_read(jobs, "jobs", fields, checking->config, checking->diagnostics);
}

static void check_log(struct checking *checking, const struct tree *log)
{
    static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
    static const char *const formats[] = {"logfmt", "json", NULL};
    const struct field fields[] = {
        {"level", FIELD_WORD, FIELD_AT(struct config, log_level), 0, 0, levels},
        {"format", FIELD_WORD, FIELD_AT(struct config, log_format), 0, 0, formats},
        {0},
    };
    section_read(log, "log", fields, checking->config, checking->diagnostics);
}

/* A shell would have made the home folder of it. */
static void warn_of_tilde(struct checking *checking, const struct tree *state)
{
    if (!state || state->kind != TREE_SCALAR || strncmp(state->text, "~/", 2) != 0)
        return;
    diagnostics_warning(checking->diagnostics, state->mark,
                        "\"~\" is a folder of that name here, not the home folder");
    diagnostics_hint(checking->diagnostics, "write the whole path");
}

void check_server(struct checking *checking, const struct sections *sections)
{
    const struct field state = {"state", FIELD_TEXT, FIELD_AT(struct config, state), 0, 0, NULL};
    const struct field drain = {"drain", FIELD_DURATION, FIELD_AT(struct config, drain_ms),
                                0,       DAY_MS,         NULL};
    check_listen(checking, sections->listen);
    check_admin(checking, sections->admin);
    check_listeners_differ(checking, sections->listen ? sections->listen : sections->admin,
                           !sections->listen);
    check_trusted_proxies(checking, sections->trusted_proxies);
    field_read(sections->state, &state, checking->config, checking->diagnostics);
    warn_of_tilde(checking, sections->state);
    check_limits(checking, sections->limits);
    check_jobs(checking, sections->jobs);
    field_read(sections->drain, &drain, checking->config, checking->diagnostics);
    check_log(checking, sections->log);
}
