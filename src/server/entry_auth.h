/* Who asks, and may he? Loop thread. */
#ifndef SERVER_ENTRY_AUTH_H
#define SERVER_ENTRY_AUTH_H

#include <ferry/http.h>

#include "config.h"
#include "passwords.h"

/* What a route asks for, and who looks at passwords. */
struct entry_auth {
    const struct config_auth *config;
    struct passwords *passwords;
};

enum entry_verdict { ENTRY_GRANTED, ENTRY_REFUSED, ENTRY_UNDECIDED };

/* Why a request may not enter: FERRY_UNAUTHORIZED with challenges, FERRY_FORBIDDEN where only a
 * certificate would do, or that it could not be found out. */
struct entry_refusal {
    ferry_error error;
    int64_t retry_after_ms; /* 0: it does not say when */
    bool is_bad_token;      /* one was sent */
};

/* Look at a request's credentials. ENTRY_UNDECIDED: `done` follows in a later turn, unless it is
 * ENTRY_REFUSED. */
enum entry_verdict entry_auth_check(const struct entry_auth *auth, ferry_request *request,
                                    passwords_done *done, void *arg, struct entry_refusal *refusal);

/* The same of a password that was looked at, for the second half of the answer. */
void entry_auth_refuse(struct entry_refusal *refusal);

/* Set the headers of a 401: what could be sent instead. */
void entry_auth_challenge(const struct entry_auth *auth, const struct entry_refusal *refusal,
                          ferry_request *request);

#endif
