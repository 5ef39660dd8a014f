/*
 * Rules of a gateway's description: what an answer must be to mean something.
 *
 *     success: {status: 200-299, pointer: /Code, equals: OK}
 *     permanent: {status: [400, 404], pointer: /Code, in: [NO_SUCH_NUMBER, BLOCKED]}
 */
#ifndef WORKERS_SMS_RULE_H
#define WORKERS_SMS_RULE_H

#include <ferry/worker.h>
#include <jansson.h>

/* Its strings are the settings'. */
struct sms_rule {
    const char *const *status; /* "200" or "200-299"; NULL: not asked */
    const char *pointer;       /* NULL: not asked */
    const char *const *values; /* what it may point to, as text; NULL: anything but null */
};

/* Read the keys status, pointer, equals and in of a map; what is wrong is reported. A status that
 * is not given is `status`, which may be NULL. */
void sms_rule_read(struct sms_rule *rule, ferry_settings *settings, const char *map,
                   const char *const *status);

/* Tell whether an answer's status, and what its body points to, match: each of the two that is
 * asked for, or at least one. */
bool sms_rule_matches_all(const struct sms_rule *rule, long status, json_t *body);
bool sms_rule_matches_any(const struct sms_rule *rule, long status, json_t *body);

#endif
