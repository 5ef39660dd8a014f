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
    struct event *teller;   /* tells of those that left, in a callback of its own */
    TAILQ_HEAD(untold_list, ferry_request) untold;
    unsigned in_flight;
    char *server_name; /* NULL: none */
    size_t unsent_limit_bytes;
    struct reply_heads heads;
    struct trusted trusted;
    unsigned inside; /* callbacks of theirs that run now */
    bool closing;    /* the server is being freed: nobody is told that clients left */
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
 * A request lives until the end of the turn in which it was replied to, and longer than its
 * connection, if that ends before.
 */
struct ferry_request {
    struct mailbox_entry entry; /* to be freed by the loop, when the server is no more */
    ferry_request *next, *previous;
    ferry_loop *loop;
    struct requests *all; /* NULL: the server was freed */
    struct head *head;
    struct bytes body;
    struct reply_headers set;      /* for the reply */
    struct connection *connection; /* NULL: lost */
    struct router *router;         /* a reference, for `route` */
    const struct route *route;     /* NULL until routed */
    bool is_gone;
    bool is_replied;
    bool is_streaming; /* a reply has begun, and not ended */
    ferry_reply reply;
    struct request_end_hook *end_hooks; /* last one first */
    struct in6_addr address;            /* of the peer of its connection */
    bool has_address;
    bool is_tls;
    char *client_cert;           /* its subject, once asked for */
    char peer[INET6_ADDRSTRLEN]; /* "" until asked for */
    size_t held_bytes;           /* head, body and query, counted in the connections' */
    ferry_callback *on_gone;
    void *on_gone_arg;
    bool is_untold; /* on_gone is to be called */
    TAILQ_ENTRY(ferry_request) untold_link;
    struct query_value *query; /* parsed at first use */
    size_t query_count;
    const char *params[ROUTE_PARAMS_MAX];
    char *text_end; /* where the next parameter's value goes */
    char text[];    /* the parameters' values */
};

/* Returns whether there was memory. */
bool requests_init(struct requests *all, ferry_loop *loop, struct connections *connections,
                   const ferry_http_options *options);

/* Let go of the requests in flight, which stay valid; once the connections are closed. */
void requests_fini(struct requests *all);

/* Take a whole request over from its connection; head and body are its own. NULL without memory:
 * then they are not. */
ferry_request *request_new(struct requests *all, struct connection *connection, struct head *head,
                           struct bytes *body);

/* Note where the router sent it. */
void request_route(ferry_request *request, const struct router_match *match);

/* For the connections' hooks: the client left; the connection is no more. */
void request_gone(void *arg);
void request_lost(void *arg);

/* The same: all that was streamed so far was sent. */
void request_drained(void *arg);

/* It was replied to: free it at the end of the turn. */
void request_end(ferry_request *request);

/* Reply with a problem document of a status that may have no code of its own. */
void reply_problem(ferry_request *request, int status, ferry_code code, const char *detail);

#endif
