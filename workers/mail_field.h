/*
 * Header fields of the caller's own: {"headers": {"X-Campaign": "spring", "In-Reply-To": "<...>"}}.
 * What ferry writes itself, and what says how a message is made or where it was, is refused.
 */
#ifndef WORKERS_MAIL_FIELD_H
#define WORKERS_MAIL_FIELD_H

#include <stddef.h>

#include <jansson.h>

#include <ferry/error.h>

enum { MAIL_FIELDS_MAX = 30 };

/* Both are the JSON's, and checked. */
struct mail_field {
    const char *name;
    const char *value;
};

/* Read an object of them into room for MAIL_FIELDS_MAX. Returns 0, or FERRY_INVALID with `error`.
 */
int mail_fields_parse(struct mail_field *fields, size_t *count, const json_t *object,
                      ferry_error *error);

#endif
