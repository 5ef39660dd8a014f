/*
 * Connections, and the registry of them: what each is doing, until when, and how much it may hold.
 *
 * A connection reads its socket, has the guard look at every byte, and hands over each request that
 * is whole: one at a time. It sends the reply, and goes on with the next request or closes. Nobody
 * else knows of it but the request, which is told when it is no more. Loop thread.
 */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include <event2/event_struct.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "bytes.h"
#include "channel.h"
#include "complaint.h"
#include "guard.h"
#include "head.h"
#include "loop_base.h"

struct evbuffer;
struct peer;
struct sockaddr;

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
    struct channel channel;
    struct event event;
    short awaited; /* what the event is set for; 0: it is not */
    enum phase phase;
    int64_t deadline_ms;              /* 0: what waits is too much */
    int64_t request_deadline_ms;      /* of header and body together; no phase moves it */
    int64_t moved_ms;                 /* when there was progress */
    struct guard guard;               /* of the request in progress */
    struct bytes partial;             /* of its head, while that is not whole */
    struct head *head;                /* PHASE_BODY */
    struct bytes body;                /* of it, as far as it has come */
    struct bytes waiting;             /* behind a request that is whole; empty: nothing */
    size_t waiting_from;              /* what stands before has had its turn */
    struct evbuffer *output;          /* what the socket has not taken yet; NULL: nothing */
    size_t held_bytes;                /* of `all->held_bytes` */
    uint64_t taken_bytes;             /* by the client, when the deadline was last moved */
    size_t unsent_bytes;              /* of `all->unsent_bytes` */
    uint64_t request_count;           /* handed over */
    void *request;                    /* IN_FLIGHT, STREAMING: whom the hooks are told about */
    TAILQ_ENTRY(connection) due_link; /* of `all->due` */
    struct peer *peer;                /* NULL: not counted */
    struct in6_addr address;          /* of the peer; IPv4 as IPv6 has it */
    int status;                       /* of a refusal; 0: none */
    const char *reason;               /* for it; static */
    bool has_address;                 /* not so on a unix socket */
    bool is_due;
    bool has_ended;      /* the client sends no more */
    bool is_over;        /* to be closed when the turn ends */
    bool is_answered;    /* the refusal was sent */
    bool is_chunked;     /* STREAMING: the pieces are */
    bool is_drained;     /* STREAMING: to be told when the turn ends */
    bool is_over_unsent; /* its deadline is short, as replies together are too much */
    bool is_last;        /* it closes after this reply */
    bool is_cert_known;
    char *client_cert; /* its subject, once asked for; NULL: none */
};

/* What the owner of the registry is told, and asked. */
struct connection_hooks {
    /* A whole request has arrived: connection_begin, or connection_refuse. Owns: the callee both,
     * leaving an empty body. */
    void (*request)(void *arg, struct connection *connection, struct head *head,
                    struct bytes *body);
    void (*gone)(void *request);            /* the client left, or sends no more */
    void (*lost)(void *request);            /* the connection of a request is no more */
    void (*drained)(void *request);         /* all that was streamed so far was sent */
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
    uint64_t over_held;              /* 503: requests together; closed: what waits, too */
    uint64_t over_address;           /* connections refused, 503 */
    uint64_t over_connections;       /* times that the limit was reached */
    uint64_t over_requests;          /* connections that have had all their requests */
    uint64_t over_unsent;            /* connections closed, as replies together were too much */
    uint64_t made_room;              /* connections closed at that limit, as others waited */
    uint64_t timed_out_request;      /* at the deadline of header and body together */
    uint64_t timed_out[PHASE_COUNT]; /* at the phase's own */
};

/* One read takes so much; a TLS record fits. */
enum { READ_BYTES = 64 << 10 };

struct connections {
    ferry_loop *loop;
    struct connection_limits limits;
    struct connection_hooks hooks;
    struct connection *first;
    TAILQ_HEAD(due_list, connection) due; /* those to look at when the turn ends */
    unsigned due_count;
    struct event *due_event;
    struct peer *peers; /* those with connections */
    unsigned count;
    unsigned in_phase[PHASE_COUNT];
    size_t held_bytes;   /* heads and bodies, in connections and in requests */
    size_t unsent_bytes; /* replies, when last looked at */
    struct connection_counts counts;
    struct log_pace complaints[COMPLAINT_COUNT];
    ferry_timer sweep_timer;
    int64_t sweep_due_ms;
    bool draining, sweep_was_late;
    char *arrived; /* READ_BYTES: what was read last, from whichever connection */
};

/* Returns whether there was memory; connections_fini is due in any case. */
bool connections_init(struct connections *all, ferry_loop *loop,
                      const struct connection_limits *limits, const struct connection_hooks *hooks);

/* Close all that are left. */
void connections_fini(struct connections *all);

/* Begin to leave: close what is idle. */
void connections_drain(struct connections *all);

/* Take a socket that was accepted, with the address of its peer; with `tls` it speaks TLS. Owns:
 * the socket, in any case: without memory it is closed. */
void connection_open(struct connections *all, int fd, const struct sockaddr *peer, ferry_tls *tls);

enum { PEER_TEXT_SIZE = INET6_ADDRSTRLEN };

/* Write an address; IPv4, which is kept as IPv6 has it, as such. */
void peer_format(const struct in6_addr *address, char text[PEER_TEXT_SIZE]);

/* Return the subject of the client's certificate, NULL if there is none. */
const char *connection_client_cert(struct connection *connection);

/* The request is in flight; `request` is what the hooks are told. */
void connection_begin(struct connection *connection, void *request);

/* Answer a request that cannot go on, or never could, and close. The reason is static. */
void connection_refuse(struct connection *connection, int status, const char *reason);

/* The same where there was no memory for it. */
void connection_refuse_memory(struct connection *connection);

/* Tell whether it has had all the requests that one may have. */
bool connection_is_used_up(const struct connection *connection);

/* A whole reply; `owned` is what to free when the body was sent, or NULL. */
struct reply_text {
    const char *head;
    size_t head_length; /* 0: there is none, and the connection ends */
    const void *body;
    size_t body_length;
    void *owned;
    bool is_last; /* the connection closes afterwards */
};

/* Send it: that is the end of the request for the connection. */
void connection_reply(struct connection *connection, const struct reply_text *reply);

/* A reply whose body comes piece by piece: its head, of which only that is sent; its pieces, in
 * chunks or not; its end, which is the end of the request. Without memory for a piece nothing of it
 * is sent: `false`. */
void connection_stream(struct connection *connection, const struct reply_text *head,
                       bool is_chunked);
bool connection_stream_piece(struct connection *connection, const void *data, size_t length);
void connection_stream_end(struct connection *connection);

/* Return what waits to be sent. */
size_t connection_unsent_bytes(const struct connection *connection);

#endif
