/*
 * The HTTP server: routes, requests, replies.
 *
 *     static void hello(ferry_request *request, void *ctx)
 *     {
 *         ferry_request_reply_text(request, 200, "hello");
 *     }
 *     ferry_http_route(server, "GET", "/hello/{name}", hello, NULL, &error);
 *
 * Everything here runs on the loop's thread. A handler may reply at once or later; each request is
 * replied to exactly once, and stays valid until then, also when its client has gone.
 */
#ifndef FERRY_HTTP_H
#define FERRY_HTTP_H

#include <ferry/loop.h>
#include <ferry/tls.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ferry_http_server ferry_http_server;
typedef struct ferry_request ferry_request;
typedef void ferry_http_handler(ferry_request *request, void *ctx);

/* Zero means the default in every field; the defaults are safe against strangers. A negative time
 * is no limit. */
typedef struct ferry_http_options {
    unsigned connections; /* open at once; 10000; past it new ones wait in the backlog, and who asks
                             for nothing for a second makes room */
    unsigned connections_per_address; /* 1024; past it 503; an IPv6 /64 counts as one address;
                                         those that are trusted are not counted */
    unsigned requests_per_connection; /* 10000; the last one's reply says Connection: close */
    size_t header_bytes;              /* request line and headers; 16 KiB; past it 414 or 431 */
    size_t body_bytes;                /* one request's body; 8 MiB; past it 413 */
    size_t buffered_bytes;            /* all requests together; 256 MiB; past it 503 */
    int64_t header_timeout_ms;        /* from the accept, or a later request's first byte, to
                                         its last header; 10 s */
    int64_t body_timeout_ms;          /* from there to the end of the body; 30 s */
    int64_t request_timeout_ms;       /* header and body together, from where the header's
                                         begins; the sum of those two, 40 s */
    int64_t idle_timeout_ms;          /* between requests of a connection; 60 s */
    int64_t write_timeout_ms;         /* without progress in sending a reply; 30 s */
    size_t unsent_bytes;              /* of a streamed reply, <ferry/http_stream.h>; 256 KiB */
    size_t unsent_total_bytes; /* all replies together; 256 MiB; past it who takes none of his for a
                                  second is disconnected, past twice that who came last, too */
    const char *server_name;   /* the Server header; none; copied */
} ferry_http_options;

/* Make a server without listeners. `options` may be NULL. Owns: the caller, until
 * ferry_http_server_free. Errors: NULL, no memory or a server_name that cannot be a header. */
FERRY_API ferry_http_server *ferry_http_server_new(ferry_loop *loop,
                                                   const ferry_http_options *options);

/* Close everything. A request that was not replied to stays valid and its reply goes nowhere, so
 * that work in progress may end later, but before the loop is freed; its on_gone is not called.
 * From a handler or another callback of a request, but for ferry_request_on_end, it is refused:
 * that is logged, and the server drains instead. NULL is allowed. */
FERRY_API void ferry_http_server_free(ferry_http_server *server);

/*
 * Listen on "127.0.0.1:8002", "[::1]:8002", ":8002" (every address) or "unix:/run/ferry.sock"; port
 * 0 picks one. `bound`, if not NULL, gets the address as it is bound, `bound_size` bytes at most.
 * A socket file that nobody listens on any more is replaced. No name look-up is done.
 * Errors: FERRY_INVALID the address does not parse, FERRY_CONFLICT it is in use, FERRY_FORBIDDEN
 * no permission, FERRY_INTERNAL other.
 */
FERRY_API int ferry_http_listen(ferry_http_server *server, const char *address, char *bound,
                                size_t bound_size, ferry_error *error);

/*
 * Listen as above, over TLS: HTTP/1.1, by ALPN where the client asks for it, and nothing in plain
 * text. The handshake has to end within the header timeout. ferry_http_set_tls uses another context
 * for connections from now on, at an address as it is bound; those that are there keep theirs.
 * Owns: `tls` is the caller's, who may free it at once. Errors: also FERRY_INVALID, it is that of a
 * client; FERRY_NOT_FOUND, the second one: no TLS is spoken at this address.
 */
FERRY_API int ferry_http_listen_tls(ferry_http_server *server, const char *address, ferry_tls *tls,
                                    char *bound, size_t bound_size, ferry_error *error);
FERRY_API int ferry_http_set_tls(ferry_http_server *server, const char *bound, ferry_tls *tls,
                                 ferry_error *error);

/* Change the limits, all but unsent_bytes and server_name; connections that are there may keep the
 * old sizes. Zero means the default again, NULL in every field. */
FERRY_API void ferry_http_set_limits(ferry_http_server *server, const ferry_http_options *options);

/*
 * Bind a path to a handler. `methods` is a list such as "GET" or "GET,POST"; a route for GET
 * answers HEAD as well. A path is literal but for segments such as {id}, which match one non-empty
 * segment; a literal segment goes before a parameter. An unknown path is answered with 404, a known
 * one with another method with 405 and Allow (OPTIONS: 204 and Allow). Owns: strings are copied;
 * `ctx` stays the caller's. Errors: FERRY_INVALID a malformed path or method, FERRY_CONFLICT it is
 * bound already.
 */
FERRY_API int ferry_http_route(ferry_http_server *server, const char *methods, const char *path,
                               ferry_http_handler *handler, void *ctx, ferry_error *error);

/*
 * As ferry_http_route, and the handler runs as a coroutine (coroutine.h): it may await, and replies
 * before it returns or hands the request on. It begins in a later turn; past the loop's limit of
 * coroutines the request is answered with 503. A client that goes away does not end it;
 * ferry_request_is_gone tells. Errors: also FERRY_INTERNAL without memory.
 */
FERRY_API int ferry_http_route_coroutine(ferry_http_server *server, const char *methods,
                                         const char *path, ferry_http_handler *handler, void *ctx,
                                         ferry_error *error);

/*
 * Replace all routes at once. Between the two calls ferry_http_route and ferry_http_route_coroutine
 * bind to a new, empty set, and requests go by the old one. The second call puts the new one in its
 * place, or drops it. Requests under way go on by the route that they came by, whose `ctx` must
 * outlive them. Errors: FERRY_INTERNAL no memory, FERRY_CONFLICT it was begun already.
 */
FERRY_API int ferry_http_routes_begin(ferry_http_server *server, ferry_error *error);
FERRY_API void ferry_http_routes_end(ferry_http_server *server, bool is_taken);

/*
 * Believe what the proxies at an address ("127.0.0.1", "::1"), in a network ("10.0.0.0/8") or on
 * unix sockets ("unix") say of their clients: X-Forwarded-For and X-Forwarded-Proto. Nobody is
 * believed at first. May be called again for more; with NULL nobody is believed any more. Errors:
 * FERRY_INVALID it is none of these, FERRY_INTERNAL no memory.
 */
FERRY_API int ferry_http_trust(ferry_http_server *server, const char *network, ferry_error *error);

/* Begin to leave: stop listening, close idle connections, and answer every further reply with
 * Connection: close. Requests that came in whole are still handled, but for those that wait behind
 * one whose reply says so. */
FERRY_API void ferry_http_server_drain(ferry_http_server *server);

/* Counts for metrics and for the end of a drain. */
typedef struct ferry_http_stats {
    unsigned connections;  /* open now */
    unsigned in_flight;    /* requests handed to a handler, not replied to yet */
    unsigned receiving;    /* requests whose headers are complete and whose body is not, or whose
                              turn it is next */
    unsigned sending;      /* replies that the client has not taken whole yet, or, for 2 s at
                              most, could lose if the connection closed now */
    size_t buffered_bytes; /* of requests' heads and bodies, held now */
    size_t unsent_bytes;   /* of replies; as of at most 100 ms ago */
    uint64_t accepted;     /* connections since the start */
    uint64_t made_room;    /* connections closed, as others waited at the limit */
    uint64_t timed_out;    /* connections closed at a deadline; of these: */
    uint64_t timed_out_header, timed_out_body, timed_out_request, timed_out_idle, timed_out_write;
    uint64_t malformed; /* requests refused with 400, 417, 501 or 505, before any handler */
    uint64_t too_large; /* with 413, 414 or 431 */
    /* Times that a limit was met, by its name in the options. */
    uint64_t over_buffered_bytes, over_unsent_bytes, over_connections;
    uint64_t over_connections_per_address, over_requests_per_connection;
} ferry_http_stats;

FERRY_API void ferry_http_server_get_stats(const ferry_http_server *server,
                                           ferry_http_stats *stats);

/*
 * What was asked. Strings are valid until the request is replied to. Methods are upper case. The
 * path is without its query, still escaped; parameters and query values are unescaped. A lookup
 * returns NULL where there is nothing; header names are compared without regard to case. The body
 * is never NULL, and a NUL follows its `length` bytes; `length` may be NULL.
 */
FERRY_API const char *ferry_request_method(const ferry_request *request);
FERRY_API const char *ferry_request_path(const ferry_request *request);
FERRY_API const char *ferry_request_route(const ferry_request *request); /* the pattern */
FERRY_API const char *ferry_request_param(const ferry_request *request, const char *name);
FERRY_API const char *ferry_request_query(const ferry_request *request, const char *name);
FERRY_API const char *ferry_request_header(const ferry_request *request, const char *name);
FERRY_API const void *ferry_request_body(ferry_request *request, size_t *length);

/* Who asks: an address without a port, or "unix"; and "http" or "https". With ferry_http_trust
 * these are the client's at the far end of the proxies, as far as they are trusted. */
FERRY_API const char *ferry_request_peer(const ferry_request *request);
FERRY_API const char *ferry_request_scheme(const ferry_request *request);

/* The subject of the client certificate that the connection was made with, as RFC 2253 writes it
 * ("CN=alice,O=Example"); NULL: there is none. A CA of the listener's has signed it. Behind a proxy
 * it is the proxy's. */
FERRY_API const char *ferry_request_client_cert(const ferry_request *request);

/* Visit every path parameter, query value or header in their order; a visitor that returns false
 * ends the walk. */
typedef bool ferry_request_visitor(void *arg, const char *name, const char *value);
FERRY_API void ferry_request_each_param(const ferry_request *request, ferry_request_visitor *visit,
                                        void *arg);
FERRY_API void ferry_request_each_query(const ferry_request *request, ferry_request_visitor *visit,
                                        void *arg);
FERRY_API void ferry_request_each_header(const ferry_request *request, ferry_request_visitor *visit,
                                         void *arg);

/* Call fn(arg) once if the client goes away before the reply (a client that shuts down its sending
 * side counts as gone). fn(NULL) of a later call replaces it. The request must still be replied
 * to. */
FERRY_API void ferry_request_on_gone(ferry_request *request, ferry_callback *fn, void *arg);
FERRY_API bool ferry_request_is_gone(const ferry_request *request);

/*
 * Call fn(arg) once when the request is over, in the turn in which its reply was sent or its
 * streamed reply ended, after all else: to free what was made for it. Several are called in the
 * reverse order. The request must not be touched from there. Errors: FERRY_INTERNAL no memory, then
 * fn is not called.
 */
FERRY_API int ferry_request_on_end(ferry_request *request, ferry_callback *fn, void *arg);

/*
 * Add a header to the coming reply. Errors: FERRY_INVALID when name or value is NULL or could break
 * the framing (control bytes, CR, LF; Content-Length and Transfer-Encoding), then nothing is added;
 * FERRY_INTERNAL without memory, and then the connection ends in place of a reply that lacks it.
 * Of Connection only `close` counts: the rest is the server's to say.
 */
FERRY_API int ferry_request_set_header(ferry_request *request, const char *name, const char *value);

/*
 * Reply, once: the request must not be touched afterwards (a second reply in the same turn is
 * logged and ignored). The content type may be NULL for none, and one with control bytes is left
 * out; one that was set as a header goes before it. The body is copied; ferry_request_reply_owned
 * takes over memory from malloc instead of copying it. HEAD sends the headers of the same reply;
 * 204, 205 and 304 have no body. A NULL text or JSON, a NULL body with a length, or a status that
 * is not 200 to 599 is logged and replies 500.
 */
FERRY_API void ferry_request_reply(ferry_request *request, int status, const char *content_type,
                                   const void *body, size_t length);
FERRY_API void ferry_request_reply_owned(ferry_request *request, int status,
                                         const char *content_type, void *body, size_t length);
FERRY_API void ferry_request_reply_text(ferry_request *request, int status, const char *text);
FERRY_API void ferry_request_reply_json(ferry_request *request, int status, const char *json);

/* Reply with application/problem+json (RFC 9457) and the status of the error's code; 500 without
 * one, or for NULL. */
FERRY_API void ferry_request_reply_error(ferry_request *request, const ferry_error *error);

#ifdef __cplusplus
}
#endif

#endif
