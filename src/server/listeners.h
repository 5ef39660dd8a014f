/*
 * The listeners of the server: where it listens, and with which certificates. Loop thread.
 */
#ifndef SERVER_LISTENERS_H
#define SERVER_LISTENERS_H

#include <ferry/http.h>

#include "config.h"

struct listener_bound;

struct listeners {
    ferry_http_server *http;
    ferry_http_server *admin_http;
    struct listener_bound *bound; /* one for each address that is listened on */
    size_t count;
};

/* Listen on all addresses of the config. listeners_fini is due in any case. */
int listeners_open(struct listeners *listeners, const struct config *config, ferry_error *error);
void listeners_fini(struct listeners *listeners);

/* Whether a config listens as the server does already; where not, that waits for a restart. */
struct listeners_kept {
    bool public;
    bool admin;
};

/* Use the certificates of a new config for new connections, at addresses that it has as well. */
struct listeners_kept listeners_update(struct listeners *listeners, const struct config *config);

#endif
