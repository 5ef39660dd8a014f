/*
 * The router: from a method and an escaped path to a handler.
 * One thread.
 */
#ifndef HTTP_ROUTER_H
#define HTTP_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include <ferry/http.h>

/* A bit each, so that a route can be bound to several. */
enum method {
    METHOD_GET = 1 << 0,
    METHOD_POST = 1 << 1,
    METHOD_HEAD = 1 << 2,
    METHOD_PUT = 1 << 3,
    METHOD_DELETE = 1 << 4,
    METHOD_OPTIONS = 1 << 5,
    METHOD_TRACE = 1 << 6,
    METHOD_CONNECT = 1 << 7,
    METHOD_PATCH = 1 << 8,
};

/* Return the name of one method bit; "?" for none of them. Static. */
const char *method_name(unsigned method);

enum { ROUTE_PARAMS_MAX = 16, ALLOW_SIZE = 80 };

/* A path with one set of methods. */
struct route {
    struct route *next; /* of the same path */
    const struct path *path;
    unsigned methods;
    ferry_http_handler *handler;
    void *ctx;
    bool is_coroutine; /* the handler runs as one */
};

/* A path as it was bound. */
struct path {
    const char *pattern;
    size_t param_count;
    const char *param_names[ROUTE_PARAMS_MAX];
};

/* A piece of the path that was asked for; still escaped. */
struct span {
    const char *data;
    size_t length;
};

enum router_outcome { ROUTER_FOUND, ROUTER_NOT_FOUND, ROUTER_BAD_METHOD };

struct router_match {
    const struct route *route; /* ROUTER_FOUND */
    struct span params[ROUTE_PARAMS_MAX];
    unsigned allowed; /* ROUTER_BAD_METHOD: what the path takes */
};

struct router;

/* Reference-counted: requests outlive their server. NULL without memory. */
struct router *router_new(void);
struct router *router_ref(struct router *router);
void router_unref(struct router *router);

/* As ferry_http_route; of `what` the handler is copied, its ctx, and how it runs. */
int router_add(struct router *router, const char *methods, const char *path,
               const struct route *what, ferry_error *error);

/* Find the route of a path that the guard has let pass. HEAD goes to the route of GET if it has
 * none of its own. */
enum router_outcome router_find(const struct router *router, unsigned method, const char *path,
                                size_t length, struct router_match *match);

/* Write methods for an Allow header, with those that every path answers; returns `text`. */
char *allow_format(unsigned methods, char text[ALLOW_SIZE]);

#endif
