/*
 * Requests, as their server and their replies see them. Loop thread.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <ferry/http_stream.h>

#include "connection.h"
#include "forwarded.h"
#include "reply_head.h"
#include "router.h"

struct event;

/* What the requests of one server share; gone for a request whose server was freed. */
struct requests {
    ferry_loop *loop;
    struct connections *connections;
    struct router *router;
    struct event *reaper;   /* frees what was replied to, at the end of the turn */
    ferry_request *replied; /* waiting for it */
    ferry_request *first;   /* in flight */
    unsigned in_flight;
    char *server_name; /* NULL: none */
    size_t unsent_limit_bytes;
    struct reply_heads heads;
    struct trusted trusted;
    bool closing; /* the server is being freed: nobody is told that clients left */
};

struct query_value;
struct request_end_hook;

/* The body of a reply that comes piece by piece; part of its request. */
struct ferry_reply {
    bool takes_body;
    ferry_callback *on_drained;
    void *on_drained_arg;
};

/*
 * A request lives until the end of the turn in which it was replied to. Its evhttp request is owned
 * by evhttp while there is a connection, then by the request.
 */
struct ferry_request {
    struct mailbox_entry entry; /* to be freed by the loop, when the server is no more */
    ferry_request *next, *previous;
    ferry_loop *loop;
    struct requests *all;          /* NULL: the server was freed */
    struct evhttp_request *ev;     /* NULL: replied */
    struct connection *connection; /* NULL: lost */
    struct router *router;         /* a reference, for `route` */
    const struct route *route;     /* NULL until routed */
    unsigned method;
    bool is_gone;
    bool is_torn;      /* evhttp and the guard do not agree on where it ends */
    bool is_streaming; /* a reply has begun, and not ended */
    ferry_reply reply;
    struct request_end_hook *end_hooks;    /* last one first */
    char forwarded_peer[INET6_ADDRSTRLEN]; /* "" until asked for */
    size_t held_bytes;                     /* the body, counted in the connections' */
    ferry_callback *on_gone;
    void *on_gone_arg;
    ferry_timer gone_timer;    /* on_gone was set after the fact */
    struct query_value *query; /* parsed at first use */
    size_t query_count;
    char *query_text; /* NULL: none; cut up by the parse */
    size_t path_length;
    const char *params[ROUTE_PARAMS_MAX];
    char *text_end; /* where the next parameter's value goes */
    char text[];    /* the path, the query, the parameters' values */
};

/* Returns whether there was memory. */
bool requests_init(struct requests *all, ferry_loop *loop, struct connections *connections,
                   const ferry_http_options *options);

/* Let go of the requests in flight, which stay valid; after evhttp_free. */
void requests_fini(struct requests *all);

/* Take a whole request over from evhttp. NULL without memory. */
ferry_request *request_new(struct requests *all, struct connection *connection,
                           struct evhttp_request *ev);

/* Note where the router sent it. */
void request_route(ferry_request *request, const struct router_match *match);

/* Watch for its client, once the handler has returned without a reply. */
void request_wait(ferry_request *request);

/* For the connections' hooks: the client left; the connection is no more. */
void request_gone(void *arg);
void request_lost(void *arg);

/* It was replied to: free it at the end of the turn. */
void request_end(ferry_request *request);

/* Reply with a problem document of a status that may have no code of its own. */
void reply_problem(ferry_request *request, int status, ferry_code code, const char *detail);

#endif
