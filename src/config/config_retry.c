/*
 * The section `retry`: how often, and how long to wait in between. Main thread.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "config_check.h"
#include "section.h"

enum { ATTEMPTS_MAX = 10000 };

/* "5s..1h", or "5s" for a wait that stays the same. */
static int backoff_parse(const char *text, int64_t *min_ms, int64_t *max_ms, ferry_error *error)
{
    const char *dots = strstr(text, "..");
    char *first = dots ? strndup(text, (size_t)(dots - text)) : strdup(text);
    if (!first)
        return ferry_error_set(error, FERRY_INTERNAL, "no memory");
    int rc = duration_parse_ms(first, min_ms, error);
    *max_ms = *min_ms;
    if (rc == 0 && dots)
        rc = duration_parse_ms(dots + 2, max_ms, error);
    free(first);
    if (rc == 0 && (*min_ms < 1 || *max_ms > INT64_C(365) * DAY_MS))
        rc = ferry_error_set(error, FERRY_INVALID, "%s is out of range: a wait is 1ms to 365d",
                             text);
    if (rc == 0 && *max_ms < *min_ms)
        rc = ferry_error_set(error, FERRY_INVALID, "%s: the longest wait is below the first", text);
    return rc;
}

static void read_backoff(const struct tree *node, struct retry_values *values,
                         struct diagnostics *diagnostics)
{
    int64_t min_ms = 0, max_ms = 0;
    ferry_error error;
    const char *text = expect_text(node, "backoff", diagnostics);
    if (!text)
        return;
    if (backoff_parse(text, &min_ms, &max_ms, &error) == 0) {
        values->backoff_min_ms = min_ms;
        values->backoff_max_ms = max_ms;
        return;
    }
    diagnostics_error(diagnostics, node->mark, "backoff: %s", error.message);
    diagnostics_hint(diagnostics, "the first wait and the longest: 5s..1h");
}

void check_retry(struct checking *checking, const struct tree *retry, const char *where,
                 struct retry_values *values)
{
    struct nodes {
        unsigned attempts;
        const struct tree *backoff;
    } nodes = {.attempts = values->attempts};
    static const struct field fields[] = {
        {"attempts", FIELD_NUMBER, FIELD_AT(struct nodes, attempts), 1, ATTEMPTS_MAX, NULL},
        {"backoff", FIELD_NODE, FIELD_AT(struct nodes, backoff), 0, 0, NULL},
        {0},
    };
    struct diagnostics *diagnostics = checking->diagnostics;
    char *section = text_printf("%s.retry", where);
    if (section)
        section_read(retry, section, fields, &nodes, diagnostics);
    diagnostics->no_memory |= !section;
    free(section);
    values->attempts = nodes.attempts;
    if (nodes.backoff)
        read_backoff(nodes.backoff, values, diagnostics);
}
