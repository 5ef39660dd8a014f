/*
 * Who of a message's recipients has it: a status each, kept from one attempt of a job to the next,
 * so that nobody gets the message twice.
 */
#ifndef WORKERS_MAIL_DELIVERY_H
#define WORKERS_MAIL_DELIVERY_H

#include <stddef.h>

#include <ferry/worker.h>

#include "bytes.h"
#include "mail_request.h"

enum { MAIL_REPLY_MAX_CHARS = 160 };

/* What the relay said: "550" and "5.1.1 no such mailbox here". */
struct mail_reply {
    int code; /* 0: nothing */
    char text[MAIL_REPLY_MAX_CHARS];
};

enum mail_status {
    MAIL_PENDING,  /* nothing is known of this attempt yet */
    MAIL_ACCEPTED, /* the relay has taken responsibility */
    MAIL_REFUSED,  /* for good */
    MAIL_DEFERRED, /* refused for now: the next attempt tries again */
};

/* What a reply means for a recipient: 2xx, 5xx and all else. That authentication is needed or
 * failed (530, 535, 538) is the configuration's fault, so the recipient is only deferred. */
enum mail_status mail_status_of(int code);
bool mail_is_about_authentication(int code);

struct mail_recipient {
    const char *address;
    enum mail_status status;
    struct mail_reply reply;
};

struct mail_delivery {
    struct mail_recipient recipients[MAIL_RECIPIENTS_MAX];
    size_t count;
};

/* Take the recipients of a request, each address once, all of them pending. The request outlives
 * the delivery. */
void mail_delivery_init(struct mail_delivery *delivery, const struct mail_request *request);

/* Take over what earlier attempts of the call's job came to, and leave it to the next attempt:
 * whom the relay accepted or refused for good. Remembering returns 0 or FERRY_INTERNAL. */
void mail_delivery_recall(struct mail_delivery *delivery, const ferry_call *call);
int mail_delivery_remember(const struct mail_delivery *delivery, ferry_call *call);

size_t mail_delivery_count(const struct mail_delivery *delivery, enum mail_status status);

/* Append the list: [{"address": ..., "status": ..., "code": ..., "text": ...}, ...]. */
void mail_delivery_json(const struct mail_delivery *delivery, struct bytes *out);

/* Append "a@b.c: 550 no such mailbox; ..." of those with this status, for a person. */
void mail_delivery_explain(const struct mail_delivery *delivery, enum mail_status status,
                           struct bytes *out);

#endif
