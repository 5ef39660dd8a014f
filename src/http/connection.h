/*
 * The registry of connections: what each is doing, until when, and how much it may hold.
 *
 * evhttp owns a connection and never tells when it closes; each therefore has a record here, with a
 * reference on its bufferevent. Loop thread.
 */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "complaint.h"
#include "guard.h"
#include "loop_base.h"
#include "tls.h"

struct bufferevent;
struct event;
struct evbuffer;
struct evbuffer_cb_entry;
struct evhttp_connection;
struct evhttp_request;
struct peer;

enum phase {
    PHASE_HEADER,    /* from accept, or a request's first byte, to the blank line */
    PHASE_BODY,      /* from there to the end of the body */
    PHASE_IN_FLIGHT, /* with a handler; no deadline of ours */
    PHASE_STREAMING, /* a reply comes piece by piece; a deadline while the client has some to take
                      */
    PHASE_SENDING,   /* a reply is on its way; the deadline moves with its progress */
    PHASE_IDLE,      /* between requests */
    PHASE_CLOSING,   /* refused or done: what still arrives is thrown away */
    PHASE_COUNT,
};

struct connection {
    struct connection *next, *previous;
    struct connections *all;
    struct bufferevent *bev; /* a reference */
    struct evbuffer_cb_entry *input_cb, *output_cb;
    enum phase phase;
    int64_t deadline_ms;
    int64_t request_deadline_ms;    /* of header and body together; no phase moves it */
    int64_t moved_ms;               /* when there was progress */
    struct guard guard;             /* of the request in progress */
    size_t unseen_bytes;            /* in the input buffer, behind a request that is whole */
    size_t held_bytes;              /* of `all->held_bytes` */
    uint64_t sent_bytes;            /* by all replies so far */
    uint64_t taken_bytes;           /* of these, when the deadline was last moved */
    size_t unsent_bytes;            /* of `all->unsent_bytes` */
    uint64_t request_count;         /* handed to a handler */
    struct evhttp_request *written; /* was replied to; evhttp is told when the turn ends */
    void *request;                  /* IN_FLIGHT: whom the hooks are told about */
    struct connection *due_next;    /* of `all->due` */
    struct peer *peer;              /* NULL: not counted */
    int status;                     /* of a refusal; 0: none */
    const char *reason;             /* for it; static */
    int fd;                         /* -1 until it is known */
    /* evhttp's callbacks, put aside while it is watched. */
    void (*evhttp_on_write)(struct bufferevent *bev, void *evhttp);
    void (*evhttp_on_event)(struct bufferevent *bev, short what, void *evhttp);
    void *evhttp;
    bool is_due;
    bool is_cutting;         /* the input buffer changes by our own hand */
    bool has_close_callback; /* evhttp tells us of the end */
    bool is_broken;          /* the reply could not be sent */
    bool is_watched;         /* for the client's leaving */
    bool is_over_unsent;     /* its deadline is short, as replies together are too much */
    bool is_last;            /* evhttp closes it after this reply */
    bool is_tls;
    bool is_cert_known;
    char *client_cert; /* its subject, once asked for; NULL: none */
};

/* What the owner of the registry is told, and asked. */
struct connection_hooks {
    void (*gone)(void *request);            /* the client left a watched connection */
    void (*lost)(void *request);            /* the connection of a request is no more */
    void (*room)(void *arg, bool has_room); /* the limit was reached, or is not any more */
    bool (*is_trusted)(void *arg, const struct in6_addr *address); /* no limit for it alone */
    void *arg;
};

struct connection_limits {
    unsigned connections, connections_per_address;
    uint64_t requests; /* of a connection */
    size_t header_bytes, body_bytes, held_bytes, unsent_bytes;
    int64_t header_ms, body_ms, request_ms, idle_ms, write_ms;
};

/* Since the start. */
struct connection_counts {
    uint64_t accepted;
    uint64_t malformed;              /* requests refused with 400, 417, 501 or 505 */
    uint64_t too_large;              /* 413, 414, 431 */
    uint64_t over_held;              /* 503: bodies together */
    uint64_t over_address;           /* connections refused, 503 */
    uint64_t over_connections;       /* times that the limit was reached */
    uint64_t over_requests;          /* connections that have had all their requests */
    uint64_t over_unsent;            /* connections closed, as replies together were too much */
    uint64_t made_room;              /* connections closed at that limit, as others waited */
    uint64_t timed_out_request;      /* at the deadline of header and body together */
    uint64_t timed_out[PHASE_COUNT]; /* at the phase's own */
};

struct connections {
    ferry_loop *loop;
    struct connection_limits limits;
    struct connection_hooks hooks;
    struct connection *first;
    struct connection *cursor; /* the next one of a walk in progress */
    struct connection *due;    /* those to look at when the turn ends */
    struct event *due_event;
    struct connection **by_fd;
    size_t by_fd_size;
    struct peer *peers; /* those with connections */
    unsigned count;
    unsigned in_phase[PHASE_COUNT];
    size_t held_bytes;   /* bodies, in input buffers and in requests */
    size_t unsent_bytes; /* replies, when last looked at */
    struct connection_counts counts;
    struct complaint complaints[COMPLAINT_COUNT];
    ferry_timer sweep_timer;
    bool draining;
};

/* Returns whether there was memory; connections_fini is due in any case. */
bool connections_init(struct connections *all, ferry_loop *loop,
                      const struct connection_limits *limits, const struct connection_hooks *hooks);

/* After evhttp_free: drop the records that evhttp did not tell about. */
void connections_fini(struct connections *all);

/* Make the bufferevent of a new connection, with its record; for evhttp_set_bevcb. With `tls` it
 * speaks TLS. NULL without memory: evhttp would then go on in plain text. */
struct bufferevent *connection_new(struct connections *all, ferry_tls *tls);

/* Return the subject of the client's certificate, NULL if there is none. */
const char *connection_client_cert(struct connection *connection);

/* Return the record of a connection that has brought a request, or NULL if it has none. */
struct connection *connection_of(struct connections *all, struct evhttp_connection *evcon);

/* A whole request has arrived; `request` is what the hooks are told. Returns whether evhttp ended
 * it where the guard did: if not, one of them is at fault, and the connection cannot go on. */
bool connection_begin(struct connection *connection, struct evhttp_connection *evcon,
                      void *request);

/* Watch for the client's leaving, until connection_send. */
void connection_watch(struct connection *connection);

/* A reply is about to begin whose body comes piece by piece; connection_send is for its end. */
void connection_stream(struct connection *connection, bool is_last);

/* Return what waits to be sent. */
size_t connection_unsent_bytes(const struct connection *connection);

/* Tell whether it has had all the requests that one may have. */
bool connection_is_used_up(const struct connection *connection);

/* The reply is about to be sent; evhttp closes the connection afterwards if it is the last one. */
void connection_send(struct connection *connection, struct evhttp_request *reply, bool is_last);

/* A whole reply; `owned` is what to free when the body was sent, or NULL. */
struct reply_text {
    const char *head;
    size_t head_length; /* 0: there was no memory for one */
    const void *body;
    size_t body_length;
    void *owned;
};

/* Send it, after connection_send; the evhttp request is evhttp's again. */
void connection_write(struct connection *connection, struct evhttp_request *ev,
                      const struct reply_text *reply);

/* Begin to leave: close what is idle. */
void connections_drain(struct connections *all);

#endif
