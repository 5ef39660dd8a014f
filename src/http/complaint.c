/*
 * Complaints. What is left out is counted, and told with the next one.
 */
#include "complaint.h"

#include "clock.h"

enum { PAUSE_MS = 10000 };

void complain(struct complaint *complaint, const char *message, const char *peer)
{
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms < complaint->next_ms) {
        complaint->left_out++;
        return;
    }
    ferry_log(FERRY_LOG_WARN, message, "peer=%s left_out=%u", peer, complaint->left_out);
    complaint->next_ms = now_ms + PAUSE_MS;
    complaint->left_out = 0;
}
