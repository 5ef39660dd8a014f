/*
 * The registry of connections: what each is doing, until when, and how much it may hold.
 *
 * evhttp owns a connection and never tells when it closes; each therefore has a record here, with a
 * reference on its bufferevent. Loop thread.
 */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "header_scan.h"
#include "loop_base.h"

struct bufferevent;
struct evbuffer_cb_entry;
struct evhttp_connection;
struct evhttp_request;

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
    struct evbuffer_cb_entry *input_cb;
    enum phase phase;
    int64_t deadline_ms;
    struct header_scan scan;
    size_t held_bytes;                   /* of `all->held_bytes` */
    size_t unsent_bytes;                 /* SENDING: what was left when last looked at */
    uint64_t sent_bytes;                 /* STREAMING: by all replies so far */
    uint64_t seen_sent_bytes;            /* when last looked at */
    struct evbuffer_cb_entry *output_cb; /* counts them; NULL: nothing was streamed yet */
    void *request;                       /* IN_FLIGHT: whom the hooks are told about */
    int fd;                              /* -1 until the first bytes came */
    bool has_close_callback;             /* evhttp tells us of the end */
    bool is_watched;
    bool is_last;              /* evhttp closes it after this reply */
    struct event closed_event; /* the client left; armed while watched */
};

/* What the owner of the registry is told. */
struct connection_hooks {
    void (*gone)(void *request);            /* the client left a watched connection */
    void (*lost)(void *request);            /* the connection of a request is no more */
    void (*room)(void *arg, bool has_room); /* the limit was reached, or is not any more */
    void *arg;
};

struct connection_limits {
    unsigned connections;
    size_t header_bytes, body_bytes, held_bytes;
    int64_t header_ms, body_ms, idle_ms, write_ms;
};

struct connections {
    ferry_loop *loop;
    struct connection_limits limits;
    struct connection_hooks hooks;
    struct connection *first;
    struct connection *cursor; /* the next one of a walk in progress */
    struct connection **by_fd; /* those that have sent something */
    size_t by_fd_size;
    unsigned count;
    unsigned in_phase[PHASE_COUNT];
    size_t held_bytes; /* bodies, in input buffers and in requests */
    uint64_t accepted;
    uint64_t timed_out;
    ferry_timer sweep_timer;
    bool draining;
};

void connections_init(struct connections *all, ferry_loop *loop,
                      const struct connection_limits *limits, const struct connection_hooks *hooks);

/* After evhttp_free: drop the records that evhttp did not tell about. */
void connections_fini(struct connections *all);

/* Make the bufferevent of a new connection, with its record; for evhttp_set_bevcb. NULL without
 * memory. */
struct bufferevent *connection_new(struct connections *all);

/* Return the record of a connection that has brought a request, or NULL if it has none. */
struct connection *connection_of(struct connections *all, struct evhttp_connection *evcon);

/* A whole request has arrived; `request` is what the hooks are told. */
void connection_begin(struct connection *connection, struct evhttp_connection *evcon,
                      void *request);

/* Watch for the client's leaving, until connection_send; evhttp does not read meanwhile. */
void connection_watch(struct connection *connection);

/* A reply is about to begin whose body comes piece by piece; connection_send is for its end. */
void connection_stream(struct connection *connection, bool is_last);

/* Return what waits to be sent. */
size_t connection_unsent_bytes(const struct connection *connection);

/* The reply is about to be handed to evhttp, which closes the connection afterwards if it is the
 * last one. */
void connection_send(struct connection *connection, struct evhttp_request *reply, bool is_last);

/* Begin to leave: close what is idle. */
void connections_drain(struct connections *all);

#endif
