/* The pace of lines of the log. */
#include "log_pace.h"

#include "clock.h"

enum { PAUSE_MS = 10000 };

bool log_pace_allows(struct log_pace *pace, unsigned *left_out)
{
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms < pace->next_ms) {
        pace->left_out++;
        return false;
    }
    *left_out = pace->left_out;
    *pace = (struct log_pace){.next_ms = now_ms + PAUSE_MS};
    return true;
}
