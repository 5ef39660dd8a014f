/*
 * The entrance of a route: what is asked of a request before anything of it is used. In this order:
 * what browsers are told (CORS, a preflight ends here), how often this client may ask, and who it
 * is. Loop thread.
 */
#ifndef SERVER_ENTRY_H
#define SERVER_ENTRY_H

#include "client_rate.h"
#include "entry_auth.h"
#include "exchange.h"

struct entry {
    const struct config_route *config;
    struct entry_auth auth;
    struct client_rate *client_rate; /* NULL: no bound */
};

/* Returns whether there was memory. `config` and `passwords` stay the caller's. */
bool entry_init(struct entry *entry, const struct config_route *config,
                struct passwords *passwords);
void entry_fini(struct entry *entry);

typedef void entry_enter(void *arg, struct exchange *exchange);

/* Take an exchange, which is copied, and call `enter` with it, at once or in a later turn; or
 * answer it, if it may not enter. */
void entry_check(struct entry *entry, const struct exchange *exchange, entry_enter *enter,
                 void *arg);

/* Tell whether the route's path wants OPTIONS bound to entry_options, for preflights. */
bool entry_wants_options(const struct entry *entry);

/* Answer an OPTIONS request to a route that does not take the method. */
void entry_options(const struct entry *entry, const struct exchange *exchange);

/* ---- for paths that are no route's ---- */

/* Set the headers that `cors` (NULL: none) has for any answer. */
void entry_set_cors(ferry_request *request, const struct config_cors *cors);

/* Answer an OPTIONS request to a path that takes `methods`, as "GET,POST". */
void entry_answer_options(ferry_request *request, const struct config_cors *cors,
                          const char *methods);

#endif
