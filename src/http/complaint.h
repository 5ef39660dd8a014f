/*
 * Complaints: warnings that a stranger can cause, and therefore come seldom. Any thread, one
 * complaint each.
 */
#ifndef HTTP_COMPLAINT_H
#define HTTP_COMPLAINT_H

#include <ferry/log.h>

#include "log_pace.h"

enum complaint_kind {
    COMPLAINT_CONNECTIONS,
    COMPLAINT_ADDRESS,
    COMPLAINT_HELD,
    COMPLAINT_UNSENT,
    COMPLAINT_DEADLINE,
    COMPLAINT_MEMORY,
    COMPLAINT_REQUEST,
    COMPLAINT_ROOM,
    COMPLAINT_COUNT,
};

/* Warn of something about a peer, at most once in ten seconds; `left_out` is then among the fields.
 */
void complain(struct log_pace *pace, const char *message, const char *peer);

#endif
