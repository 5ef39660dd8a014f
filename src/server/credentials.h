/* What an Authorization header says. Pure. */
#ifndef SERVER_CREDENTIALS_H
#define SERVER_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

enum { CREDENTIALS_TOKEN_MAX = 4096, CREDENTIALS_PASSWORD_MAX = 256 };

enum credentials_kind {
    CREDENTIALS_NONE,   /* no header, or a scheme that is not known here */
    CREDENTIALS_BEARER, /* `token` */
    CREDENTIALS_BASIC,  /* `user`, `password` */
    CREDENTIALS_BROKEN, /* of a known scheme, and malformed or too long */
};

struct credentials {
    enum credentials_kind kind;
    const char *token; /* within the header */
    size_t token_length;
    char user[CREDENTIALS_PASSWORD_MAX];
    char password[CREDENTIALS_PASSWORD_MAX];
};

/* Read a header (RFC 6750, RFC 7617); NULL is none. */
void credentials_read(struct credentials *credentials, const char *header);

/* Forget a password that was read. */
void credentials_fini(struct credentials *credentials);

#endif
