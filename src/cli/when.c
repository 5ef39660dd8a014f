/* Times for people. */
#include "when.h"

#include <stddef.h>

static const struct {
    char letter;
    int64_t ms;
} units[] = {{'d', 86400000}, {'h', 3600000}, {'m', 60000}, {'s', 1000}};

enum { UNIT_COUNT = sizeof units / sizeof units[0] };

void append_duration(struct bytes *out, int64_t ms)
{
    size_t i = 0;
    while (i + 1 < UNIT_COUNT && ms < units[i].ms)
        i++;
    int64_t count = ms / units[i].ms;
    bytes_printf(out, "%lld%c", (long long)count, units[i].letter);
    if (i + 1 == UNIT_COUNT || count >= 10)
        return; /* nobody needs the minutes of 12 hours */
    int64_t rest = ms % units[i].ms / units[i + 1].ms;
    if (rest > 0)
        bytes_printf(out, " %lld%c", (long long)rest, units[i + 1].letter);
}

void append_when(struct bytes *out, int64_t wall_ms, int64_t now_ms)
{
    int64_t apart = wall_ms > now_ms ? wall_ms - now_ms : now_ms - wall_ms;
    if (apart < 1000) {
        bytes_append_text(out, "now");
        return;
    }
    bytes_append_text(out, wall_ms > now_ms ? "in " : "");
    append_duration(out, apart);
    bytes_append_text(out, wall_ms > now_ms ? "" : " ago");
}
