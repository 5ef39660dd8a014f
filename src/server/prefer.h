/* The Prefer header (RFC 7240): whether a client wants to wait for a result. Pure. */
#ifndef SERVER_PREFER_H
#define SERVER_PREFER_H

#include <stdbool.h>

#include "bytes.h"

enum { PREFER_WAIT_MAX_S = 300 };

struct prefer {
    bool respond_async;
    bool has_wait;
    unsigned wait_s; /* as it is heeded: PREFER_WAIT_MAX_S at most */
};

/* Add what one Prefer header says. What is unknown or malformed says nothing, and of a preference
 * that is there twice the first one counts. */
void prefer_read(struct prefer *prefer, const char *value);

/* Append what Preference-Applied says: of `wait` only if `has_waited`. */
void prefer_append_applied(struct bytes *out, const struct prefer *prefer, bool has_waited);

#endif
