/*
 * One request to a gateway: its description, with the values of one message in their places.
 */
#ifndef WORKERS_SMS_MESSAGE_H
#define WORKERS_SMS_MESSAGE_H

#include "sms_gateway.h"
#include "sms_template.h"

/* A zeroed one is empty. */
struct sms_message {
    struct http_request request;
    struct http_url url;
    struct bytes body;
    struct bytes username; /* of sigv4 */
    struct bytes password;
    struct bytes secrets; /* that are in it, each with a NUL: what the gateway could repeat */
};

/* Make the request. Returns 0, or FERRY_INVALID a value is missing or does not fit into its place,
 * FERRY_INTERNAL. To be finished in any case. */
int sms_message_build(struct sms_message *message, const struct sms_gateway *gateway,
                      const struct sms_values *values, ferry_error *error);
void sms_message_fini(struct sms_message *message);

/* Names and values, rendered and not escaped: of a query or a form. */
struct sms_field {
    struct bytes name;
    struct bytes value;
};

struct sms_fields {
    struct sms_field *list;
    size_t count;
};

/* Add a field. Returns the place of its value, NULL without memory. */
struct bytes *sms_fields_add(struct sms_fields *fields, const char *name);

/* Sort by name, then value, as signatures want it. */
void sms_fields_sort(struct sms_fields *fields);

/* Append as name=value&name=value, escaped. */
void sms_fields_append(const struct sms_fields *fields, struct bytes *out);

/* sms_auth.c: add to a query or form, before it is written, what signs it; and to a request what
 * says who sends it. Return as sms_message_build. */
int sms_auth_sign(const struct sms_gateway *gateway, const struct sms_values *values,
                  struct sms_fields *query, struct sms_fields *form, ferry_error *error);
int sms_auth_add(const struct sms_gateway *gateway, const struct sms_values *values,
                 struct sms_message *message, ferry_error *error);

#endif
