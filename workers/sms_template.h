/*
 * Templates of a gateway's description: "Hello {{text}}".
 *
 *     {{to}}             a value of the call's, or of the request
 *     {{secret:TOKEN}}   a secret
 *     {{json:text}}      the same inside of a JSON string: escaped, without its quotes
 *
 * Where the text goes decides how the values are escaped: in a URL as %XX; elsewhere not at all, by
 * the template, since whoever takes it does that (a form, a query, a JSON document, a header).
 */
#ifndef WORKERS_SMS_TEMPLATE_H
#define WORKERS_SMS_TEMPLATE_H

#include <jansson.h>

#include "sms_secrets.h"

struct sms_value {
    const char *name;
    const char *text;
};

/* What a template may use. */
struct sms_values {
    const struct sms_value *own; /* the first ones that count; the last has a NULL name */
    const json_t *request;       /* then its strings, numbers and booleans; may be NULL */
    const struct sms_secrets *secrets;
    bool masks_secrets; /* each is "SECRET", whether there is one or not */
    struct bytes *told; /* gets each secret that is used, with a NUL; may be NULL */
};

enum sms_escape { SMS_ESCAPE_NONE, SMS_ESCAPE_URL };

/* Check how a template is written, and that its secrets are there (unless these are masked).
 * Returns 0 or FERRY_INVALID, FERRY_INTERNAL. */
int sms_template_check(const char *text, const struct sms_values *values, ferry_error *error);

/* Append what a template comes to. Returns 0, or FERRY_INVALID when a value is missing,
 * FERRY_INTERNAL. */
int sms_template_render(const char *text, const struct sms_values *values, enum sms_escape escape,
                        struct bytes *out, ferry_error *error);

#endif
