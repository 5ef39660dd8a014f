/*
 * Standard Webhooks' signatures: what a receiver checks to know who sent a body, and when.
 */
#ifndef WORKERS_WEBHOOK_SIGNATURE_H
#define WORKERS_WEBHOOK_SIGNATURE_H

#include "bytes.h"

enum { WEBHOOK_SECRETS_MAX = 8 };

/* Several secrets give several signatures: so that a new one can be known before the old one goes.
 */
struct webhook_secrets {
    struct bytes list[WEBHOOK_SECRETS_MAX];
    size_t count;
};

/* Read secrets, one a line: "whsec_BASE64", or any other text as it stands. Returns 0 or
 * FERRY_INVALID, FERRY_INTERNAL; to be finished in any case. */
int webhook_secrets_parse(struct webhook_secrets *secrets, const char *text, ferry_error *error);
void webhook_secrets_fini(struct webhook_secrets *secrets);

/* Append the value of webhook-signature. A failure shows in out->failed. */
void webhook_sign(const struct webhook_secrets *secrets, const char *id, const char *timestamp,
                  const void *body, size_t length, struct bytes *out);

#endif
