/*
 * Who may enter a route, as the configuration has it: part of struct config.
 *
 * A section that several routes share is there once; `next` links all of one kind, for their end.
 */
#ifndef CONFIG_CONFIG_ENTRY_H
#define CONFIG_CONFIG_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOKEN_HASH_BYTES = 32 };

/* A line of a bearer_file. The name is for who reads the file. */
struct config_token {
    char *name;                           /* NULL: none */
    unsigned char hash[TOKEN_HASH_BYTES]; /* SHA-256 of the token */
};

/* A line of a basic_file. */
struct config_user {
    char *name;
    char *hash; /* as crypt(5) has it */
};

/* Any one of them is enough. */
struct config_auth {
    struct config_auth *next;
    struct config_token *tokens;
    size_t token_count;
    struct config_user *users;
    size_t user_count;
    char **subjects; /* of client certificates, NULL-terminated; NULL: none */
    bool has_bearer;
    bool has_basic;
    bool forward_credentials; /* the worker sees Authorization */
};

struct config_cors {
    struct config_cors *next;
    char **origins; /* NULL-terminated; NULL: any */
    char *methods;  /* "GET, POST"; NULL: those of the route */
    char *headers;
    int64_t max_age_ms;
    bool credentials;
};

/* Requests of one client; count 0: no bound. */
struct config_client_rate {
    unsigned count;
    int64_t per_ms;
    unsigned burst; /* so many at once */
};

void config_auths_free(struct config_auth *first);
void config_cors_free(struct config_cors *first);

#endif
