/*
 * What became of a message, by what the gateway answered.
 */
#ifndef WORKERS_SMS_OUTCOME_H
#define WORKERS_SMS_OUTCOME_H

#include "sms_gateway.h"

enum sms_outcome_kind {
    SMS_SENT,
    SMS_REFUSED, /* for good */
    SMS_LATER,
    SMS_PAUSED, /* later, and no other message would fare better */
};

struct sms_outcome {
    enum sms_outcome_kind kind;
    int64_t wait_ms;      /* of SMS_LATER and SMS_PAUSED, as far as is known; -1: no word of it */
    char message_id[128]; /* "" where there is none */
    char error[160];      /* unless SMS_SENT */
};

/* Judge an answer. An error does not repeat `secrets`, those of the message. */
void sms_outcome_read(struct sms_outcome *outcome, const struct sms_gateway *gateway,
                      const struct http_answer *answer, const struct bytes *secrets);

#endif
