/* Rates: so many in a second, a minute or an hour. Main thread. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "config_check.h"
#include "section.h"

enum { RATE_MAX = 1000000 };

/* Returns false if it is no rate. */
static bool rate_parse(const char *text, struct rate_value *value)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"/s", 1000}, {"/m", 60000}, {"/h", 3600000}};
    char *end;
    if (strcmp(text, "0") == 0) {
        *value = (struct rate_value){0};
        return true;
    }
    if (!isdigit((unsigned char)text[0]))
        return false;
    unsigned long number = strtoul(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].name) == 0 && number >= 1 && number <= RATE_MAX) {
            *value = (struct rate_value){(unsigned)number, units[i].ms};
            return true;
        }
    }
    return false;
}

void check_rate(struct checking *checking, const struct tree *node, const char *key,
                struct rate_value *value)
{
    struct diagnostics *diagnostics = checking->diagnostics;
    const char *text = node ? expect_text(node, key, diagnostics) : NULL;
    if (!text || rate_parse(text, value))
        return;
    diagnostics_error(diagnostics, node->mark, "\"%s\" is not a rate", text);
    diagnostics_hint(diagnostics, "10/s, 100/m or 5/h: 1 to %d of them; 0: no bound", RATE_MAX);
}
