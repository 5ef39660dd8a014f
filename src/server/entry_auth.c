/*
 * Authorization. Loop thread; no state.
 *
 * What is right and what is wrong takes the same time, as far as anyone could learn from it: a
 * token is hashed and compared with every hash, whole; a user whom there is not costs the hash of
 * one whom there is.
 */
#include "entry_auth.h"

#include <string.h>

#include "ascii.h"
#include "credentials.h"
#include "digest.h"

_Static_assert((int)TOKEN_HASH_BYTES == (int)DIGEST_BYTES, "tokens are hashed by SHA-256");

/* ---- the header ---- */

struct authorization {
    const char *value;
    unsigned count;
};

static bool find_authorization(void *arg, const char *name, const char *value)
{
    struct authorization *found = arg;
    if (ascii_compare(name, "Authorization") == 0) {
        found->value = value;
        found->count++;
    }
    return true;
}

/* ---- bearer ---- */

static bool has_token(const struct config_auth *config, const struct credentials *credentials)
{
    unsigned char hash[DIGEST_BYTES];
    bool is_there = false;
    if (!digest_make(credentials->token, credentials->token_length, hash))
        return false;
    for (size_t i = 0; i < config->token_count; i++)
        is_there |= digest_is_same(config->tokens[i].hash, hash, sizeof hash);
    return is_there;
}

/* ---- basic ---- */

static void claim_make(struct password_claim *claim, const struct config_auth *config,
                       const struct credentials *credentials, const char *peer)
{
    const struct config_user *user = NULL;
    for (size_t i = 0; i < config->user_count; i++) {
        if (strcmp(config->users[i].name, credentials->user) == 0)
            user = &config->users[i];
    }
    *claim = (struct password_claim){
        .user = credentials->user,
        .password = credentials->password,
        .hash = user ? user->hash : config->users[0].hash,
        .is_nobody = !user,
        .peer = peer,
    };
}

static enum entry_verdict check_basic(const struct entry_auth *auth,
                                      const struct credentials *credentials, const char *peer,
                                      passwords_done *done, void *arg,
                                      struct entry_refusal *refusal)
{
    struct password_claim claim;
    claim_make(&claim, auth->config, credentials, peer);
    if (passwords_is_proven(auth->passwords, &claim))
        return ENTRY_GRANTED;
    int rc = passwords_check(auth->passwords, &claim, done, arg, &refusal->retry_after_ms,
                             &refusal->error);
    return rc < 0 ? ENTRY_REFUSED : ENTRY_UNDECIDED;
}

/* ---- certificates ---- */

/* TLS has checked that it is the client's, and who signed it. */
static bool has_certificate(const struct config_auth *config, const ferry_request *request)
{
    const char *subject = config->subjects ? ferry_request_client_cert(request) : NULL;
    for (char **at = config->subjects; subject && *at; at++) {
        if (strcmp(*at, subject) == 0)
            return true;
    }
    return false;
}

/* ---- all of it ---- */

void entry_auth_refuse(struct entry_refusal *refusal)
{
    ferry_error_set(&refusal->error, FERRY_UNAUTHORIZED,
                    "these credentials are not known here: check the Authorization header");
}

static enum entry_verdict check_credentials(const struct entry_auth *auth,
                                            const struct credentials *credentials,
                                            ferry_request *request, passwords_done *done, void *arg,
                                            struct entry_refusal *refusal)
{
    if (credentials->kind == CREDENTIALS_BASIC && auth->config->has_basic)
        return check_basic(auth, credentials, ferry_request_peer(request), done, arg, refusal);
    if (credentials->kind == CREDENTIALS_BEARER && auth->config->has_bearer) {
        if (has_token(auth->config, credentials))
            return ENTRY_GRANTED;
        refusal->is_bad_token = true;
    }
    if (credentials->kind == CREDENTIALS_NONE)
        ferry_error_set(&refusal->error, FERRY_UNAUTHORIZED, "send an Authorization header: %s",
                        !auth->config->has_bearer  ? "Basic, with a name and a password"
                        : !auth->config->has_basic ? "Bearer, with a token"
                                                   : "Bearer or Basic");
    else
        entry_auth_refuse(refusal);
    return ENTRY_REFUSED;
}

enum entry_verdict entry_auth_check(const struct entry_auth *auth, ferry_request *request,
                                    passwords_done *done, void *arg, struct entry_refusal *refusal)
{
    struct authorization found = {0};
    struct credentials credentials;
    *refusal = (struct entry_refusal){0};
    if (has_certificate(auth->config, request))
        return ENTRY_GRANTED;
    if (!auth->config->has_bearer && !auth->config->has_basic) {
        ferry_error_set(&refusal->error, FERRY_FORBIDDEN, "%s",
                        ferry_request_client_cert(request) ? "this client certificate may not enter"
                                                           : "a client certificate is needed");
        return ENTRY_REFUSED;
    }
    ferry_request_each_header(request, find_authorization, &found);
    if (found.count > 1) {
        ferry_error_set(&refusal->error, FERRY_INVALID, "Authorization: it was sent twice");
        return ENTRY_REFUSED;
    }
    credentials_read(&credentials, found.value);
    enum entry_verdict verdict = check_credentials(auth, &credentials, request, done, arg, refusal);
    credentials_fini(&credentials);
    return verdict;
}

void entry_auth_challenge(const struct entry_auth *auth, const struct entry_refusal *refusal,
                          ferry_request *request)
{
    if (auth->config->has_bearer)
        ferry_request_set_header(request, "WWW-Authenticate",
                                 refusal->is_bad_token
                                     ? "Bearer realm=\"ferry\", error=\"invalid_token\""
                                     : "Bearer realm=\"ferry\"");
    if (auth->config->has_basic)
        ferry_request_set_header(request, "WWW-Authenticate",
                                 "Basic realm=\"ferry\", charset=\"UTF-8\"");
}
