/*
 * What has become of each number: what a job remembers from one attempt to the next, and what its
 * caller gets.
 */
#ifndef WORKERS_SMS_RESULT_H
#define WORKERS_SMS_RESULT_H

#include "sms_outcome.h"
#include "sms_request.h"

struct sms_result {
    json_t *numbers; /* {NUMBER: {"message_id": ID or null} or {"error": TEXT}} */
    const struct sms_request *request;
    int64_t wait_ms; /* the longest that the gateway has asked for in this attempt */
};

/* Begin with what an earlier attempt left. Returns 0 or FERRY_INTERNAL. */
int sms_result_load(struct sms_result *result, const ferry_call *call,
                    const struct sms_request *request, ferry_error *error);
void sms_result_fini(struct sms_result *result);

/* Tell whether a number has its end: sent or refused. */
bool sms_result_has(const struct sms_result *result, const char *number);

/* Take the end of a number down; leave all of them to the next attempt. Return 0 or FERRY_INTERNAL.
 */
int sms_result_add(struct sms_result *result, const char *number,
                   const struct sms_outcome *outcome);
int sms_result_remember(const struct sms_result *result, ferry_call *call, ferry_error *error);

/* Answer, when every number has its end. A single number that was refused, and a list of which all
 * were, is a failure. */
int sms_result_reply(const struct sms_result *result, ferry_call *call);

/* Append what a dry run would have sent, as JSON. */
void sms_result_append_rehearsal(struct bytes *out, const char *number,
                                 const struct http_request *request, bool has_predecessor);

#endif
