/*
 * A gateway as the config describes it (sms.c shows the keys, docs/sms.md explains them).
 */
#ifndef WORKERS_SMS_GATEWAY_H
#define WORKERS_SMS_GATEWAY_H

#include <regex.h>

#include <ferry/worker.h>
#include <jansson.h>

#include "hmac.h"
#include "http_transfer.h"
#include "sms_rule.h"
#include "sms_secrets.h"

/* A name and its template. */
struct sms_pair {
    const char *name;
    const char *text;
};

struct sms_pairs {
    struct sms_pair *list;
    size_t count;
    bool is_given; /* the map is there, be it empty */
};

enum sms_auth_kind {
    SMS_AUTH_NONE,
    SMS_AUTH_BASIC,
    SMS_AUTH_BEARER,
    SMS_AUTH_HMAC,
    SMS_AUTH_SIGV4,
};

/* How a request shows who sends it; all are templates but the last three. */
struct sms_auth {
    enum sms_auth_kind kind;
    const char *username; /* basic; the key's id of sigv4 */
    const char *password;
    const char *token;
    const char *key;    /* hmac, sigv4 */
    const char *string; /* hmac: what is signed */
    const char *parameter;
    const char *scope; /* sigv4: "aws:amz:REGION:SERVICE" */
    bool is_hex;
    enum hmac_hash hash;
};

struct sms_gateway {
    const char *method;
    const char *url;
    struct sms_pairs query;
    struct sms_pairs form;
    struct sms_pairs headers;
    json_t *json; /* templates are its strings; NULL: no JSON */
    struct sms_auth auth;
    struct sms_secrets secrets;
    struct sms_rule success;
    struct sms_rule permanent;
    struct sms_rule transient;
    struct sms_rule pause;
    int64_t pause_ms;
    const char *message_id; /* pointers; NULL: not asked */
    const char *error_message;
    int64_t max_length; /* in characters; 0: any */
    regex_t numbers;
    bool has_numbers; /* it is compiled */
    bool is_dry_run;
    struct http_options http;
};

/* Read the settings; what is wrong is reported. NULL without memory, with `error`. */
struct sms_gateway *sms_gateway_read(ferry_settings *settings, ferry_error *error);
void sms_gateway_free(struct sms_gateway *gateway);

/* sms_auth.c: the settings below `auth`. */
void sms_auth_read(struct sms_gateway *gateway, ferry_settings *settings);

/* Check a template of a key, and report what is wrong with it; NULL is fine. */
void sms_gateway_check_template(const struct sms_gateway *gateway, ferry_settings *settings,
                                const char *key, const char *text);

#endif
