/*
 * Mailboxes as people write them: "a@example.org" or "Ann Ott <a@example.org>".
 *
 * Stricter than RFC 5322 where its freedom only helps an attacker or hides a typo: one address, no
 * comments, no quoted local parts, no groups, ASCII addresses (a domain in its xn-- form).
 */
#ifndef WORKERS_MAIL_ADDRESS_H
#define WORKERS_MAIL_ADDRESS_H

#include <ferry/error.h>

struct mail_address {
    char *name;    /* UTF-8 without control characters; NULL when there is none */
    char *address; /* local@domain */
};

/* Parse `text`; `what` names it in messages ("to"). Returns 0, or FERRY_INVALID,
 * FERRY_UNSUPPORTED (an address that is not ASCII), FERRY_INTERNAL (no memory), with `error`. */
int mail_address_parse(struct mail_address *parsed, const char *what, const char *text,
                       ferry_error *error);
void mail_address_fini(struct mail_address *parsed);

/* Return what follows the '@'. */
const char *mail_address_domain(const struct mail_address *parsed);

#endif
