/*
 * Passwords that were found right, so that the slow hash is done once for each. Pure; one thread.
 *
 * What is kept are digests under a key that is drawn anew in each process: of no use to who reads
 * them. They cover the stored hash as well, so that none outlives a change of it.
 */
#ifndef SERVER_PROVEN_H
#define SERVER_PROVEN_H

#include <stdbool.h>

#include "digest.h"

enum { PROVEN_PLACES = 1024 };

struct proven_digest {
    unsigned char bytes[DIGEST_BYTES];
};

struct proven {
    unsigned char key[DIGEST_BYTES];
    struct proven_digest places[PROVEN_PLACES]; /* all zeros: free */
};

void proven_init(struct proven *proven);

/* Make the digest of a user's password against a stored hash. Returns whether there was memory. */
bool proven_digest(const struct proven *proven, const char *user, const char *hash,
                   const char *password, struct proven_digest *digest);

bool proven_has(const struct proven *proven, const struct proven_digest *digest);

/* Keep one; who stood in its place has to prove himself again. */
void proven_add(struct proven *proven, const struct proven_digest *digest);

#endif
