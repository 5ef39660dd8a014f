/*
 * The HTTP client: requests to other servers, on the loop, without ever blocking it.
 *
 *     static void on_page(ferry_future *future, void *arg)
 *     {
 *         const ferry_response *page = ferry_future_result(future);
 *         if (!page)
 *             complain(ferry_future_error(future)->message);
 *         else
 *             printf("%d\n", ferry_response_status(page));
 *     }
 *     ferry_future_then(ferry_fetch(client, &(ferry_fetch_options){.url = url}), on_page, NULL);
 *
 * A future fails when there is no whole response. A response of any status, also 404 or 500, is a
 * result; this is otherwise in Tornado, where fetch raises an error unless told raise_error=False.
 * What the environment says of proxies is not heeded, no cookie is kept, no .netrc is read.
 * Everything here runs on the loop's thread.
 */
#ifndef FERRY_HTTP_CLIENT_H
#define FERRY_HTTP_CLIENT_H

#include <ferry/future.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ferry_http_client ferry_http_client;
typedef struct ferry_response ferry_response;

/* Zero means the default in every field. */
typedef struct ferry_http_client_options {
    unsigned host_connections; /* to one host and port at once; 10; further fetches wait */
    unsigned connections;      /* to all of them together, kept ones included; 100 */
    unsigned fetches;          /* in progress and waiting; 10000; past it FERRY_REJECTED */
    const char *user_agent;    /* "ferry/VERSION"; copied */
} ferry_http_client_options;

/*
 * Make a client. Its connections are kept for reuse (HTTP/1.1 keep-alive). `options` may be NULL.
 * Owns: the caller, until ferry_http_client_free. Errors: NULL without memory, for a user_agent
 * that cannot be a header, or where libcurl is missing or looks up names only by blocking, which
 * is logged.
 */
FERRY_API ferry_http_client *ferry_http_client_new(ferry_loop *loop,
                                                   const ferry_http_client_options *options);

/* End every fetch in progress, their futures fail with FERRY_CANCELLED in a later turn, and close
 * all connections. Where coroutines fetch, free it after its loop: that ends them first, and drops
 * the fetches of others with their futures. From an on_chunk it is refused, and that is logged.
 * NULL is allowed. */
FERRY_API void ferry_http_client_free(ferry_http_client *client);

typedef struct ferry_header {
    const char *name;
    const char *value;
} ferry_header;

/* Takes a piece of the body, unpacked, as it comes; valid during the call only. Status and headers
 * of the response are complete, its body stays empty. Returning false ends the fetch. */
typedef bool ferry_fetch_chunk(void *arg, const ferry_response *response, const void *data,
                               size_t length);

/* What to ask for. Only `url` is needed: zero is the default in every other field. Everything is
 * copied. Times: a negative one is no limit. */
typedef struct ferry_fetch_options {
    const char *url;             /* http or https; whole, with its scheme */
    const char *method;          /* GET; with a body POST */
    const ferry_header *headers; /* in this order; framing is not yours to set */
    size_t header_count;
    const void *body;
    size_t body_length;
    void (*free_body)(void *body); /* not NULL: the body is not copied but the fetch's from here
                                      on, also when that fails, and freed with this */

    int64_t connect_timeout_ms; /* name look-up, connect, TLS; 20 s */
    int64_t timeout_ms;         /* the whole, waiting for a connection included; 20 s */
    size_t body_bytes;   /* the response's body at most, unpacked; 8 MiB, with on_chunk none */
    size_t header_bytes; /* a response's headers at most; 64 KiB */

    bool no_redirects;      /* let a 3xx be the response, instead of following its Location */
    unsigned max_redirects; /* 5 */
    bool no_decompression;  /* do not ask for a packed body, nor unpack one */

    const char *user; /* not NULL: basic authorization, at the first host only */
    const char *password;
    const char *proxy;   /* "http://", "socks5h://" (names are looked up by the proxy), "socks5://",
                            with USER:PASSWORD@ if need be; none */
    const char *ca_file; /* PEM: whom to trust instead of the system's authorities */
    bool insecure_accept_any_certificate; /* whoever is in between can read and change all */

    ferry_fetch_chunk *on_chunk; /* takes the body piece by piece; NULL: it is gathered */
    void *arg; /* on_chunk's; stays the caller's, valid until the future is done */
} ferry_fetch_options;

/*
 * Send a request and return the future of its response (ferry_response *, freed with the future
 * unless taken).
 *
 * A redirect is followed to http and https only. After 303, and after 301 and 302 of a POST, the
 * next request is a GET without the body. Authorization and Cookie headers do not go along to
 * another host. ferry_future_cancel ends the transfer and closes its connection.
 *
 * Owns: the caller has the future. Errors: NULL without memory. The future's: FERRY_INVALID a
 * malformed URL, method, header or option, or a CA file that cannot be read; FERRY_TRANSIENT the
 * peer cannot be reached or trusted, breaks off, or redirects too often; FERRY_DEADLINE a timeout;
 * FERRY_TOO_LARGE headers or body past their limit; FERRY_CANCELLED the future was cancelled, the
 * client freed, or on_chunk said so; FERRY_REJECTED too many fetches, or the loop has
 * closed; FERRY_INTERNAL no memory.
 */
FERRY_API ferry_future *ferry_fetch(ferry_http_client *client, const ferry_fetch_options *options);

/* What came back. Strings are valid as long as the response. */
FERRY_API int ferry_response_status(const ferry_response *response);

/* Return the first header of a name, without regard to case, or NULL. */
FERRY_API const char *ferry_response_header(const ferry_response *response, const char *name);

/* Return all headers in their order, repeated ones too; of the last response, without trailers. */
FERRY_API const ferry_header *ferry_response_headers(const ferry_response *response, size_t *count);

/* Return the body, with a NUL behind it that does not count; never NULL. `length` may be NULL. */
FERRY_API const void *ferry_response_body(const ferry_response *response, size_t *length);

/* Return the URL that answered, after redirects. */
FERRY_API const char *ferry_response_url(const ferry_response *response);

/* Each time since the start of the fetch; 0 for what did not happen. */
typedef struct ferry_response_times {
    int64_t name_lookup_ms;
    int64_t connect_ms;
    int64_t tls_ms;
    int64_t first_byte_ms;
    int64_t total_ms;
    unsigned connections; /* made for this fetch; 0: one that was kept did */
    unsigned redirects;   /* followed */
} ferry_response_times;

FERRY_API void ferry_response_get_times(const ferry_response *response,
                                        ferry_response_times *times);

/* Free a response that was taken from its future. NULL is allowed. */
FERRY_API void ferry_response_free(ferry_response *response);

#ifdef __cplusplus
}
#endif

#endif
