/*
 * Secrets of a gateway, by name: from a file of NAME=VALUE lines, else from the environment. So
 * they stand neither in the config nor in a job.
 */
#ifndef WORKERS_SMS_SECRETS_H
#define WORKERS_SMS_SECRETS_H

#include "bytes.h"

struct sms_secrets {
    struct bytes text; /* NAME=VALUE strings, each with its NUL */
};

/* Read the text of a file: a line is NAME=VALUE, empty, or begins with #. Returns 0 or
 * FERRY_INVALID, FERRY_INTERNAL; to be finished in any case. */
int sms_secrets_parse(struct sms_secrets *secrets, const char *text, ferry_error *error);
void sms_secrets_fini(struct sms_secrets *secrets);

/* Return a secret, NULL if there is none of this name. */
const char *sms_secrets_find(const struct sms_secrets *secrets, const char *name);

#endif
