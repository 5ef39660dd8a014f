/*
 * Passwords against their hashes, which are slow on purpose: on a thread of its own, once for each
 * that is right. Loop thread.
 */
#ifndef SERVER_PASSWORDS_H
#define SERVER_PASSWORDS_H

#include <ferry/loop.h>

struct passwords;

/* The thread starts when there is a password to look at. NULL without memory. */
struct passwords *passwords_new(ferry_loop *loop);

/* End the thread. What is under way is told FERRY_CANCELLED first. Blocks for a moment, at most
 * `deadline_ms`. NULL is allowed. */
void passwords_free(struct passwords *passwords, int64_t deadline_ms);

/* Who says that he is whom. Copied. */
struct password_claim {
    const char *user;
    const char *password;
    const char *hash; /* of crypt(5) */
    bool is_nobody;   /* there is no such user: `hash` is another's, it takes as long, and the
                         claim is wrong */
    const char *peer; /* who asks, ferry_request_peer */
};

/* Tell whether the claim is known to be right, without a look at the hash. */
bool passwords_is_proven(struct passwords *passwords, const struct password_claim *claim);

/* An error's code is 0 when the password was looked at. */
typedef void passwords_done(void *arg, bool is_right, const ferry_error *error);

/*
 * Find out; `done` follows in a later turn. Errors: FERRY_RATE_LIMITED this peer has tried too many
 * unproven ones, FERRY_REJECTED too many wait, FERRY_INTERNAL no memory; then it is not called, and
 * `retry_after_ms` says when to come back.
 */
int passwords_check(struct passwords *passwords, const struct password_claim *claim,
                    passwords_done *done, void *arg, int64_t *retry_after_ms, ferry_error *error);

#endif
