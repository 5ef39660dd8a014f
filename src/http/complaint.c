/* Complaints. */
#include "complaint.h"

void complain(struct log_pace *pace, const char *message, const char *peer)
{
    unsigned left_out;
    if (log_pace_allows(pace, &left_out))
        ferry_log(FERRY_LOG_WARN, message, "peer=%s left_out=%u", peer, left_out);
}
