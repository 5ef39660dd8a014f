/*
 * Replies whose body comes piece by piece, and server-sent events.
 *
 *     ferry_reply *reply = ferry_request_reply_begin(request, 200, "text/csv");
 *     ferry_reply_on_drained(reply, write_more_rows, report);
 *     write_more_rows(report);   ... until ferry_reply_write says FERRY_REJECTED, or
 *     ferry_reply_end(reply);
 *
 * Such a request stays in flight until ferry_reply_end, which must come exactly once: also when its
 * client has gone (ferry_request_on_gone tells), and then soon. Request and reply are valid until
 * then. A client that has bytes to read and reads none for the server's write_timeout_ms is gone.
 * A drain of the server waits for the end. Everything here runs on the loop's thread.
 */
#ifndef FERRY_HTTP_STREAM_H
#define FERRY_HTTP_STREAM_H

#include <ferry/http.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ferry_reply ferry_reply;

/*
 * Send status and headers, and begin the body. It is sent in chunks; to a client of HTTP/1.0 it
 * lasts until the connection is closed. No header can be set any more. A status is as that of
 * ferry_request_reply. Owns: the reply is valid
 * until ferry_reply_end. Errors: never NULL; a request that was replied to before must not be used.
 */
FERRY_API ferry_reply *ferry_request_reply_begin(ferry_request *request, int status,
                                                 const char *content_type);

/*
 * Send a piece of the body; it is copied. What was not sent yet is bounded by the server's
 * unsent_bytes: once as much waits, nothing more is taken. So at most that and one piece is held.
 * Errors: FERRY_REJECTED that is the case, and on_drained will tell when to go on; FERRY_CANCELLED
 * nobody takes it, as the client has gone or the reply has no body (HEAD, 204, 205, 304);
 * FERRY_INVALID NULL with a length; FERRY_INTERNAL no memory. Nothing was sent then.
 */
FERRY_API int ferry_reply_write(ferry_reply *reply, const void *data, size_t length);

/* Call fn(arg) each time that all that was written has been sent, never from within a write. It may
 * write, and end the reply. NULL: nobody. */
FERRY_API void ferry_reply_on_drained(ferry_reply *reply, ferry_callback *fn, void *arg);

/* Return the bytes that wait to be sent, framing included. */
FERRY_API size_t ferry_reply_unsent_bytes(const ferry_reply *reply);

/* End the body, and the request: neither may be touched afterwards. */
FERRY_API void ferry_reply_end(ferry_reply *reply);

/* ---- server-sent events ---- */

/* NULL and 0 leave a field out. */
typedef struct ferry_event {
    const char *id;   /* what a client that comes back sends as Last-Event-ID; "" resets it */
    const char *name; /* the event's type; "message" to the browser when left out */
    const char *data; /* any text; its lines (LF, CR LF or CR) arrive joined by LF */
    int64_t retry_ms; /* how long the client waits before it comes back */
} ferry_event;

/* Begin a stream of events: 200, text/event-stream, not to be cached or held back by proxies. */
FERRY_API ferry_reply *ferry_request_reply_events(ferry_request *request);

/* Send an event, whole or not at all. Errors: those of ferry_reply_write; FERRY_INVALID a line end
 * in `id` or `name`. */
FERRY_API int ferry_reply_event(ferry_reply *reply, const ferry_event *event);

/* Send a comment, which a client ignores, so that whoever is in between sees that the stream lives:
 * every 15 s or so. Errors: as ferry_reply_write. */
FERRY_API int ferry_reply_heartbeat(ferry_reply *reply);

#ifdef __cplusplus
}
#endif

#endif
