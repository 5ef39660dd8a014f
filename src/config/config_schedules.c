/*
 * The section `schedules`: a list, each item of which adds jobs to a route by the clock. Main
 * thread.
 *
 * All of an item is checked here, its next time included, so that nothing of it can fail later for
 * what was written.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "config_check.h"
#include "section.h"
#include "suggest.h"

/* What of a schedule needs a closer look. */
struct schedule_nodes {
    struct config_schedule schedule;
    const struct tree *name;
    const struct tree *route;
    const struct tree *every;
    const struct tree *cron;
    const struct tree *timezone;
    const struct tree *jitter;
    unsigned overlap;
    struct input_nodes input;
};

static void read_fields(const struct tree *node, const char *where, struct schedule_nodes *nodes,
                        struct diagnostics *diagnostics)
{
    static const char *const missed[] = {"skip", "once", NULL};
    static const char *const no_yes[] = {"false", "true", NULL};
    static const struct field fields[] = {
        {"name", FIELD_NODE, FIELD_AT(struct schedule_nodes, name), 0, 0, NULL},
        {"route", FIELD_NODE, FIELD_AT(struct schedule_nodes, route), 0, 0, NULL},
        {"every", FIELD_NODE, FIELD_AT(struct schedule_nodes, every), 0, 0, NULL},
        {"cron", FIELD_NODE, FIELD_AT(struct schedule_nodes, cron), 0, 0, NULL},
        {"timezone", FIELD_NODE, FIELD_AT(struct schedule_nodes, timezone), 0, 0, NULL},
        {"missed", FIELD_WORD, FIELD_AT(struct schedule_nodes, schedule.missed), 0, 0, missed},
        {"overlap", FIELD_WORD, FIELD_AT(struct schedule_nodes, overlap), 0, 0, no_yes},
        {"jitter", FIELD_NODE, FIELD_AT(struct schedule_nodes, jitter), 0, 0, NULL},
        {"method", FIELD_NODE, FIELD_AT(struct schedule_nodes, input.method), 0, 0, NULL},
        {"query", FIELD_NODE, FIELD_AT(struct schedule_nodes, input.query), 0, 0, NULL},
        {"headers", FIELD_NODE, FIELD_AT(struct schedule_nodes, input.headers), 0, 0, NULL},
        {"body", FIELD_NODE, FIELD_AT(struct schedule_nodes, input.body), 0, 0, NULL},
        {0},
    };
    section_read(node, where, fields, nodes, diagnostics);
    nodes->schedule.may_overlap = nodes->overlap == 1;
}

/* ---- name and route ---- */

static void read_name(struct checking *checking, struct schedule_nodes *nodes)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    const struct config *config = checking->config;
    if (!expect_name_text(nodes->name, "a schedule", diagnostics))
        return;
    for (size_t i = 0; i < config->schedule_count; i++) {
        if (config->schedules[i].name && strcmp(config->schedules[i].name, nodes->name->text) == 0)
            diagnostics_error(diagnostics, nodes->name->mark,
                              "another schedule has the name \"%s\"", nodes->name->text);
    }
    nodes->schedule.name = diagnostics_strdup(diagnostics, nodes->name->text);
}

static void report_unknown_route(const struct checking *checking, const struct tree *node)
{
    struct suggestion suggestion = {.given = node->text};
    for (size_t i = 0; i < checking->config->route_count; i++)
        suggestion_add(&suggestion, checking->config->routes[i].path);
    diagnostics_error(checking->diagnostics, node->mark, "unknown route \"%s\"", node->text);
    suggestion_hint(&suggestion, checking->diagnostics);
}

static void read_route(struct checking *checking, struct schedule_nodes *nodes)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    const struct config *config = checking->config;
    const char *path = expect_text(nodes->route, "route", diagnostics);
    size_t i = 0;
    while (path && i < config->route_count && strcmp(config->routes[i].path, path) != 0)
        i++;
    if (!path)
        return;
    if (i == config->route_count) {
        report_unknown_route(checking, nodes->route);
        return;
    }
    nodes->schedule.route = &config->routes[i];
    if (config->routes[i].mode == ROUTE_CALL) {
        diagnostics_error(diagnostics, nodes->route->mark,
                          "%s is of mode call, and a schedule adds jobs", path);
        diagnostics_hint(diagnostics, "%s: {mode: defer}, or either", path);
    } else if (strchr(path, '{')) {
        diagnostics_error(diagnostics, nodes->route->mark,
                          "%s has parameters, which a schedule cannot give", path);
        diagnostics_hint(diagnostics, "a route of the same worker without any");
    }
}

/* ---- when ---- */

static void read_every(struct checking *checking, struct schedule_nodes *nodes)
{
    static const struct field every = {
        "every", FIELD_DURATION,        FIELD_AT(struct config_schedule, every_ms),
        1000,    INT64_C(365) * DAY_MS, NULL};
    nodes->schedule.every_ms = 1000; /* also after what is wrong: not by cron */
    field_read(nodes->every, &every, &nodes->schedule, checking->diagnostics);
    if (!nodes->timezone)
        return;
    diagnostics_warning(checking->diagnostics, nodes->timezone->key_mark,
                        "timezone has no effect with every");
    diagnostics_hint(checking->diagnostics, "a time of the day goes with cron");
}

static void read_timezone(struct checking *checking, struct schedule_nodes *nodes)
{
    const struct tree *node = nodes->timezone;
    struct diagnostics *diagnostics = checking->diagnostics;
    ferry_error error;
    const char *name = node ? expect_text(node, "timezone", diagnostics) : NULL;
    nodes->schedule.zone = time_zone_open(name ? name : "UTC", &error);
    if (nodes->schedule.zone)
        return;
    diagnostics->no_memory |= !name;
    if (!name)
        return;
    diagnostics_error(diagnostics, node->mark, "%s", error.message);
    diagnostics_hint(diagnostics, "such as Europe/Berlin; the package tzdata has them");
}

static void read_cron(struct checking *checking, struct schedule_nodes *nodes)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    struct config_schedule *schedule = &nodes->schedule;
    const char *text = expect_text(nodes->cron, "cron", diagnostics);
    ferry_error error;
    if (!text)
        return;
    if (cron_parse(&schedule->cron, text, &error) < 0) {
        diagnostics_error(diagnostics, nodes->cron->mark, "cron: %s", error.message);
        diagnostics_hint(
            diagnostics,
            "minute, hour, day of the month, month, day of the week: 30 4 * * MON-FRI");
    } else if (schedule->zone &&
               cron_next(&schedule->cron, schedule->zone, clock_wall_ms()) == INT64_MAX) {
        diagnostics_error(diagnostics, nodes->cron->mark, "cron: there is no such day");
    }
}

static void read_when(struct checking *checking, const struct tree *node,
                      struct schedule_nodes *nodes)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    if (nodes->every && nodes->cron)
        diagnostics_error(diagnostics, nodes->cron->key_mark,
                          "a schedule has \"every\" or \"cron\", not both");
    if (!nodes->every && !nodes->cron) {
        diagnostics_error(diagnostics, node->mark,
                          "a schedule lacks the key \"every\" or \"cron\"");
        diagnostics_hint(diagnostics, "every: 30s, or cron: 30 4 * * *");
    }
    read_timezone(checking, nodes);
    if (nodes->every)
        read_every(checking, nodes);
    else if (nodes->cron)
        read_cron(checking, nodes);
}

static void read_jitter(struct checking *checking, struct schedule_nodes *nodes)
{
    static const struct field jitter = {
        "jitter", FIELD_DURATION, FIELD_AT(struct config_schedule, jitter_ms), 0, DAY_MS, NULL};
    struct config_schedule *schedule = &nodes->schedule;
    field_read(nodes->jitter, &jitter, schedule, checking->diagnostics);
    bool is_every = nodes->every && nodes->every->kind == TREE_SCALAR;
    if (is_every && schedule->jitter_ms >= schedule->every_ms)
        diagnostics_error(checking->diagnostics, nodes->jitter->mark,
                          "jitter must be shorter than every, %s", nodes->every->text);
}

/* ---- schedules ---- */

static const char form[] = "- {name: nightly, route: /email, cron: 30 4 * * *}";

static void report_lacks(const struct tree *node, const char *key, struct diagnostics *diagnostics)
{
    diagnostics_error(diagnostics, node->mark, "a schedule lacks the key \"%s\"", key);
    diagnostics_hint(diagnostics, "%s", form);
}

static void read_schedule(struct checking *checking, const struct tree *node)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    struct schedule_nodes nodes = {0};
    if (node->kind != TREE_MAP) {
        diagnostics_error(diagnostics, node->mark, "a schedule must be a map, not %s",
                          tree_kind_name(node->kind));
        return;
    }
    read_fields(node, "a schedule", &nodes, diagnostics);
    if (nodes.name)
        read_name(checking, &nodes);
    else
        report_lacks(node, "name", diagnostics);
    if (nodes.route)
        read_route(checking, &nodes);
    else
        report_lacks(node, "route", diagnostics);
    read_when(checking, node, &nodes);
    if (nodes.jitter)
        read_jitter(checking, &nodes);
    check_schedule_input(checking, &nodes.input, nodes.schedule.route, &nodes.schedule.block);
    checking->config->schedules[checking->config->schedule_count++] = nodes.schedule;
}

void check_schedules(struct checking *checking, const struct tree *schedules)
{
    bool is_list = expect_list(schedules, "schedules", checking->diagnostics);
    if (schedules && schedules->kind == TREE_MAP)
        diagnostics_hint(checking->diagnostics, "%s", form);
    if (!is_list || !schedules->first)
        return;
    checking->config->schedules =
        calloc(tree_count(schedules), sizeof *checking->config->schedules);
    if (!checking->config->schedules) {
        checking->diagnostics->no_memory = true;
        return;
    }
    for (const struct tree *node = schedules->first; node; node = node->next)
        read_schedule(checking, node);
}
